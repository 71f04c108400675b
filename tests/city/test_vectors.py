"""Vector layers: building outlines, land cover, streets, stations."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon, box

from models.layers import LAND_COVER, read_table
from twin.city.land_cover import alkis_cover, read_land_cover
from twin.city.model import LAND_COVER_COLUMNS, NETWORK_COLUMNS, OBJECT_COLUMNS, STATION_COLUMNS
from twin.city.outlines import read_footprints
from twin.city.placing import Reference
from twin.city.profile import BuildingsLayer, LandCoverLayer, StationsLayer, StreetsLayer
from twin.city.vectors import read_stations, read_streets
from twin.errors import InputError

X, Y = 565000.0, 5930000.0


def place() -> Reference:
    return Reference(crs=pyproj.CRS("EPSG:25832"), extent=(X, Y, X + 500, Y + 500))


def stored(
    path: Path, data: dict[str, list[object]], shapes: list[object], crs: str | None = "EPSG:25832", **options: object
) -> Path:
    frame = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=crs))
    frame.to_file(path, engine="pyogrio", **options)
    return path


def block(x: float, y: float, size: float = 10.0) -> Polygon:
    return box(X + x, Y + y, X + x + size, Y + y + size)


def outlines(file: Path, ref: Reference, **keys: object) -> gpd.GeoDataFrame:
    return read_footprints([file], BuildingsLayer.model_validate({"path": str(file), **keys}), ref)


def test_footprints_become_objects_with_height(tmp_path: Path) -> None:
    court = Polygon(block(50, 0, 20).exterior, [box(X + 55, Y + 5, X + 65, Y + 15).exterior])
    data: dict[str, list[object]] = {
        "oid": ["a", "", "c"],
        "hoehe": ["9,5", "12.25 m", "6"],
        "fkt": ["31001_1010", None, "2000"],
    }
    file = stored(tmp_path / "b.gpkg", data, [block(0, 0), MultiPolygon([block(20, 0), block(40, 20)]), court])
    ref = place()
    table = outlines(file, ref, height="hoehe", id="oid", function="fkt")
    assert list(table["id"]) == ["a", "b-2", "c"]
    np.testing.assert_array_equal(table["measured_height"], [9.5, 12.25, 6.0])
    assert list(table["function"]) == ["31001_1010", "", "2000"]
    assert {name: str(table[name].dtype) for name in OBJECT_COLUMNS} == OBJECT_COLUMNS
    assert (table["kind"] == "Building").all()
    assert (table["parent"] == -1).all()
    assert table.geometry.area.tolist() == [100.0, 200.0, 300.0]
    assert ref.log.table().empty


def test_missing_heights_are_never_silent(tmp_path: Path) -> None:
    heights: list[object] = [10.0, np.nan, -9999.0, 0.0, 500.0, 1.2]
    file = stored(
        tmp_path / "b.gpkg", {"h": heights, "og": [3, 4, None, None, None, 1]}, [block(i * 20, 0) for i in range(6)]
    )
    ref = place()
    table = outlines(file, ref, height="h", storeys="og", unknown=[-9999], default_storey_height=3.5)
    np.testing.assert_allclose(table["measured_height"], [10, 14, 10.5, 10.5, 10.5, 1.2])
    log = ref.log.table().set_index("code")
    assert log.loc["building_height_from_storeys", ["count", "default"]].tolist() == [1, "3.5 m"]
    assert log.loc["building_height_missing", ["count", "default", "severity"]].tolist() == [3, "10.5 m", "warning"]
    assert log.loc["building_height_impossible", "places"] == ["b-4", "b-5"]
    assert log.loc["building_low", "places"] == ["b-6"]


def test_many_known_heights_give_their_median(tmp_path: Path) -> None:
    heights: list[object] = [*np.linspace(5, 25, 31), np.nan]
    file = stored(tmp_path / "b.gpkg", {"h": heights}, [block(i * 15, 0) for i in range(32)])
    ref = place()
    assert outlines(file, ref, height="h")["measured_height"].iloc[-1] == pytest.approx(15.0)
    assert ref.log.table().iloc[0]["default"] == "15.0 m"


def test_storeys_alone_use_the_table(tmp_path: Path) -> None:
    file = stored(tmp_path / "b.gpkg", {"og": [2]}, [block(0, 0)])
    assert outlines(file, place(), storeys="og")["measured_height"].tolist() == [6.0]


def test_repeated_overlapping_and_crossing_footprints(tmp_path: Path) -> None:
    first = block(0, 0)
    turned = Polygon([*first.exterior.coords[2:-1], *first.exterior.coords[:3]])
    bow = Polygon([(X + 100, Y), (X + 110, Y + 10), (X + 110, Y), (X + 100, Y + 10)])
    shapes = [first, turned, block(8, 0), block(18, 0), bow, None]
    file = stored(tmp_path / "b.gpkg", {"h": [5.0, 8.0, 6.0, 7.0, 9.0, 4.0]}, shapes)
    ref = place()
    table = outlines(file, ref, height="h")
    assert table["measured_height"].tolist() == [8.0, 6.0, 7.0, 9.0]
    assert table.geometry.is_valid.all()
    assert table.geometry.iloc[3].area == pytest.approx(50.0)
    log = ref.log.table().set_index("code")
    assert log.loc["footprint_repeated", "places"] == ["b-1"]
    assert log.loc["footprints_overlap", "count"] == 2
    assert log.loc["footprints_overlap", "values"] == {"pairs": 1}
    assert log.loc["polygon_mended", "count"] == 1
    assert log.loc["geometry_dropped", "places"] == ["row 6"]


def test_wrong_buildings_are_refused_in_one_sentence(tmp_path: Path) -> None:
    file = stored(tmp_path / "b.gpkg", {"hoehe_mod": [5.0]}, [block(0, 0)])
    with pytest.raises(InputError, match=r"b\.gpkg has no column 'hohe_mod' \(did you mean 'hoehe_mod'\?\)"):
        outlines(file, place(), height="hohe_mod")
    with pytest.raises(InputError, match=r"no layer 'haus'.*it holds b"):
        outlines(file, place(), height="hoehe_mod", layer="haus")
    points = stored(tmp_path / "p.gpkg", {"h": [5.0]}, [Point(X, Y)])
    with pytest.raises(InputError, match=r"holds Point where layer \[buildings\] needs polygons"):
        outlines(points, place(), height="h")
    nocrs = stored(tmp_path / "n.shp", {"h": [5.0]}, [block(0, 0)], crs=None)
    with pytest.raises(InputError, match=r"n\.shp names no coordinate reference system: add crs = \"EPSG:25832\""):
        outlines(nocrs, place(), height="h")
    text = tmp_path / "t.gpkg"
    text.write_text("no geopackage")
    with pytest.raises(InputError, match=r"t\.gpkg cannot be read as a vector file"):
        outlines(text, place(), height="h")
    far = stored(tmp_path / "f.gpkg", {"h": [5.0]}, [block(50_000, 0)])
    with pytest.raises(InputError, match=r"does not overlap the area \(x 565000 to 565500, y 5930000 to 5930500\)"):
        outlines(far, place(), height="h")
    file2 = tmp_path / "two.gpkg"
    stored(file2, {"h": [5.0]}, [block(0, 0)], layer="one")
    stored(file2, {"h": [5.0]}, [block(0, 0)], layer="other", mode="a")
    with pytest.raises(InputError, match=r"holds 2 layers \(one, other\): name one"):
        outlines(file2, place(), height="h")


def test_first_layer_in_degrees_names_the_fitting_zone(tmp_path: Path) -> None:
    file = stored(tmp_path / "b.geojson", {"h": [5.0]}, [box(13.3, 52.5, 13.31, 52.51)], crs="EPSG:4326")
    with pytest.raises(InputError, match=r'counts in degrees.*crs = "EPSG:25833"'):
        outlines(file, Reference(), height="h")


def cover(file: Path, ref: Reference, **keys: object) -> gpd.GeoDataFrame:
    return read_land_cover([file], LandCoverLayer.model_validate({"path": str(file), **keys}), ref)


def test_land_cover_by_classes_alkis_and_own_names(tmp_path: Path) -> None:
    names: list[object] = ["AX_Strassenverkehr", "Straßenverkehr", "42001", "AX_Wald", "gravel", "Mondfläche", None]
    file = stored(tmp_path / "n.gpkg", {"nutzart": names}, [block(i * 20, 0) for i in range(7)])
    ref = place()
    table = cover(file, ref)
    assert list(table["cover"]) == ["asphalt", "asphalt", "asphalt", "shrub", "gravel", "paved", "paved"]
    assert {name: str(table[name].dtype) for name in LAND_COVER_COLUMNS} == LAND_COVER_COLUMNS
    log = ref.log.table().set_index("code")
    assert log.loc["land_cover_by_alkis", "count"] == 4
    assert log.loc["land_cover_unmapped", ["count", "default"]].tolist() == [2, "paved"]
    assert log.loc["land_cover_unmapped", "values"]["classes"] == 'Mondfläche, ""'
    own = cover(file, place(), column="nutzart", classes={"ax_wald": "grass"}, unmapped="bare_soil")
    assert list(own["cover"]) == ["bare_soil"] * 3 + ["grass"] + ["bare_soil"] * 3
    assert set(cover(file, place(), cover="water")["cover"]) == {"water"}
    other = stored(tmp_path / "o.gpkg", {"a": ["x"]}, [block(0, 0)])
    with pytest.raises(InputError, match="no column of land-cover classes is known"):
        cover(other, place())


def test_alkis_table_names_only_known_covers() -> None:
    assert {row["cover"] for row in read_table("twin.city", "alkis_land_use.csv")} <= set(LAND_COVER)
    assert alkis_cover()["wohnbauflaeche"] == alkis_cover()["ax41001"] == "grass"


def test_streets_and_stations(tmp_path: Path) -> None:
    lines = [LineString([(X, Y), (X + 9, Y)]), MultiLineString([[(X, Y), (X, Y + 9)], [(X, Y + 20), (X, Y + 29)]])]
    file = stored(
        tmp_path / "s.gpkg", {"strname": ["Ringstraße", None], "breite": [6.5, None], "art": ["G", "K"]}, lines
    )
    streets = read_streets([file], StreetsLayer(path=(str(file),)), place())
    assert list(streets["name"]) == ["Ringstraße", "", ""]
    assert list(streets["id"]) == ["s-1", "s-2", "s-2"]
    assert streets["width"].tolist()[0] == 6.5
    assert {name: str(streets[name].dtype) for name in NETWORK_COLUMNS} == NETWORK_COLUMNS
    csv = tmp_path / "st.csv"
    csv.write_text(f"id;name;messhoehe;x;y\nA1;Markt;2,5;{X + 10};{Y + 10}\nA2;Flughafen;10;{X + 9000};{Y}\n")
    ref = place()
    stations = read_stations([csv], StationsLayer(path=(str(csv),), crs="EPSG:25832"), ref)
    assert stations["height"].tolist() == [2.5, 10.0]
    assert {name: str(stations[name].dtype) for name in STATION_COLUMNS} == STATION_COLUMNS
    assert ref.log.table().set_index("code").loc["stations_outside", "places"] == ["A2"]


@pytest.mark.reference
def test_tiergarten_footprints_and_alkis(shared: Path) -> None:
    folder = shared / "data" / "berlin-tiergarten"
    file = folder / "Berlin_buildings2023.shp"
    ref = Reference()
    table = outlines(file, ref, height="hoehe_mod")
    log = ref.log.table().set_index("code")
    assert len(table) + log.loc["footprint_repeated", "count"] == 5_373
    raw = gpd.read_file(file)
    exact = len(raw) - len(set(shapely.to_wkb(raw.geometry.values)))
    assert exact == 37, "byte by byte; rings that begin at another corner come on top"
    assert log.loc["footprint_repeated", "count"] >= exact
    merged = pd.Series(shapely.to_wkb(shapely.normalize(raw.geometry.values))).nunique()
    assert len(table) <= merged
    assert table["measured_height"].max() == pytest.approx(106.356)
    alkis = cover(folder / "Berlin_ALKIS2025.shp", ref)
    assert len(alkis) == 846
    assert alkis["cover"].value_counts().to_dict()["water"] == 18 + 7
    assert alkis.geometry.area.sum() == pytest.approx(6_695_486, abs=1)
