"""Vector formats that offices hand out, each written here and loaded as a layer: they give the same city."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import twin
from twin.errors import InputError


def _samples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("osm_samples", Path(__file__).with_name("osm_samples.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["osm_samples"] = module
    spec.loader.exec_module(module)
    return module


OSM = _samples()
WEST, SOUTH = 389000.0, 5818000.0


def land_use(classes: list[object]) -> gpd.GeoDataFrame:
    shapes = [shapely.box(WEST + 20 * i, SOUTH, WEST + 20 * i + 20, SOUTH + 30) for i in range(len(classes))]
    return gpd.GeoDataFrame({"nutzart": pd.Series(classes), "nr": range(len(classes))}, geometry=shapes, crs=25833)


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("nutzung.gpkg", "GPKG"), ("nutzung.shp", "ESRI Shapefile"), ("nutzung.geojson", "GeoJSON"),
        ("nutzung.fgb", "FlatGeobuf"), ("nutzung.parquet", None), ("nutzung.geoparquet", None),
    ],
)  # fmt: skip
def test_a_layer_is_the_same_in_every_format(tmp_path: Path, name: str, driver: str | None) -> None:
    frame = land_use(["Wald", "Straßenverkehr", "Stehendes Gewässer"])
    path = tmp_path / name
    if driver is None:
        frame.to_parquet(path)
    elif driver == "GeoJSON":
        frame.to_crs(4326).to_file(path, driver=driver, COORDINATE_PRECISION=9)
    elif driver == "FlatGeobuf":
        frame.to_file(path, driver=driver, SPATIAL_INDEX="NO")  # keeps the order of rows
    else:
        frame.to_file(path, driver=driver)
    city = twin.load(land_cover=path, crs="EPSG:25833")
    assert list(city.land_cover["cover"]) == ["shrub", "asphalt", "water"]
    np.testing.assert_allclose(city.land_cover.geometry.area, 600.0, rtol=1e-4)
    assert city.crs is not None
    assert city.crs.to_epsg() == 25833


def test_geopackage_of_several_layers_asks_which(tmp_path: Path) -> None:
    path = tmp_path / "stadt.gpkg"
    land_use(["Wald"]).to_file(path, layer="nutzung", driver="GPKG")
    street = gpd.GeoDataFrame(
        {"name": ["Weg"]}, geometry=[shapely.LineString([(WEST, SOUTH), (WEST + 40, SOUTH)])], crs=25833
    )
    street.to_file(path, layer="strassen", driver="GPKG")
    with pytest.raises(InputError, match=r"2 layers \(nutzung, strassen\): name one with layer = "):
        twin.load(land_cover=path)
    city = twin.load(land_cover={"path": path, "layer": "nutzung"}, streets={"path": path, "layer": "strassen"})
    assert (len(city.land_cover), len(city.network)) == (1, 1)


@pytest.mark.parametrize("column", ["objart", "OBJART_TXT"])
def test_alkis_codes_and_names_tell_the_same_cover(tmp_path: Path, column: str) -> None:
    codes = {
        "objart": [43002.0, 42001.0, None, 44006.0],
        "OBJART_TXT": ["AX_Wald", "AX_Strassenverkehr", None, "AX_StehendesGewaesser"],
    }
    frame = land_use([""] * 4).drop(columns="nutzart").assign(**{column: codes[column]})
    path = tmp_path / "alkis.shp"
    frame.to_file(path)
    city = twin.load(land_cover=path)
    assert list(city.land_cover["cover"]) == ["shrub", "asphalt", "paved", "water"]
    unmapped = city.gaps[city.gaps["code"] == "land_cover_unmapped"]
    assert list(unmapped["count"]) == [1]  # the area without a class, told and taken as paved


def test_parquet_without_geometry_or_damaged_is_one_sentence(tmp_path: Path) -> None:
    plain = tmp_path / "tabelle.parquet"
    pd.DataFrame({"nutzart": ["Wald"]}).to_parquet(plain)
    with pytest.raises(InputError, match="Parquet without geometry"):
        twin.load(land_cover=plain)
    damaged = tmp_path / "kaputt.parquet"
    damaged.write_bytes(b"PAR1" + b"\0" * 50)
    with pytest.raises(InputError, match="cannot be read as GeoParquet"):
        twin.load(land_cover=damaged)


@pytest.fixture(params=["xml", "pbf"])
def extract(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "xml":
        return OSM.write_xml(tmp_path / "stueck.osm")  # type: ignore[no-any-return]
    return OSM.write_pbf(tmp_path / "stueck.osm.pbf")  # type: ignore[no-any-return]


def test_one_extract_serves_streets_areas_trees_and_buildings(extract: Path) -> None:
    city = twin.load(buildings=extract, streets=extract, land_cover=extract, trees=extract, crs="EPSG:25833")
    assert list(city.network["name"]) == ["Hofjägerallee", ""]
    assert list(city.network["kind"]) == ["residential", "footway"]
    assert city.network["width"].tolist()[0] == 7.5
    assert list(city.network["id"]) == ["way/100", "way/101"]
    assert list(city.land_cover["cover"]) == ["grass", "water"]  # the pond lies on top of its park
    assert list(city.trees["id"]) == ["node/1", "node/2"]
    assert city.trees["height"].tolist()[0] == 12.0
    assert city.trees["trunk_circumference"].tolist()[0] == pytest.approx(120.0)  # metres in OpenStreetMap
    assert list(city.buildings["id"]) == ["way/104"]
    assert city.buildings["measured_height"].tolist() == [12.0]  # four storeys
    site = city.rasterise(resolution=2.0)
    covers = set(np.unique(site["land_cover"].values))
    assert {4, 5, 7} <= covers  # building, grass, water


def test_a_pbf_and_an_xml_extract_are_the_same_city(tmp_path: Path) -> None:
    one = twin.load(streets=OSM.write_xml(tmp_path / "a.osm"), crs="EPSG:25833").network
    other = twin.load(streets=OSM.write_pbf(tmp_path / "a.osm.pbf"), crs="EPSG:25833").network
    pd.testing.assert_frame_equal(one[["id", "name", "kind", "width"]], other[["id", "name", "kind", "width"]])
    assert shapely.equals_exact(one.geometry.values, other.geometry.values, tolerance=0.01).all()


def test_extract_without_what_is_asked_and_damaged_extract(tmp_path: Path, extract: Path) -> None:
    with pytest.raises(InputError, match=r"not \[stations\]"):
        twin.load(stations=extract, crs="EPSG:25833")
    empty = tmp_path / "leer.osm"
    empty.write_text('<osm version="0.6"><node id="1" lon="13" lat="52" version="1"/></osm>')
    with pytest.raises(InputError, match="holds no streets"):
        twin.load(streets=empty, crs="EPSG:25833")
    broken = tmp_path / "kaputt.osm.pbf"
    broken.write_bytes(b"\0\0\0\x0d nonsense" * 4)
    with pytest.raises(InputError, match=r"kaputt\.osm\.pbf"):
        twin.load(streets=broken, crs="EPSG:25833")


@pytest.mark.parametrize(
    "name", ["3-20-DELFSHAVEN.city.json", "lod2_buildings_as_CityJSON_features.jsonl", "lod2_buildings_v2.json"]
)
def test_cityjson_is_a_building_layer(shared: Path, name: str) -> None:
    path = shared / "data" / "cityjson" / name
    city = twin.load(path)
    assert city.counts()["Building"] >= 100
    assert list(city.sources["role"]) == ["buildings"]


def test_geojson_is_not_taken_for_cityjson(tmp_path: Path) -> None:
    path = tmp_path / "nutzung.json"
    land_use(["Wald"]).to_crs(4326).to_file(path, driver="GeoJSON")
    assert list(twin.load(land_cover=path, crs="EPSG:25833").land_cover["cover"]) == ["shrub"]
