"""Every way German data name their reference system, through ``twin.load``: the building stands at its place on Earth."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

import twin
from twin.city.crs import crs_label
from twin.errors import InputError

BERLIN, HANNOVER, WIEN, TOKYO = (13.35, 52.51), (9.73, 52.37), (16.37, 48.20), (139.75, 35.68)

# srsName, EPSG of the numbers written, place, what the city's CRS is called, axis order in the file
SYSTEMS = [
    ("urn:ogc:def:crs:EPSG::25832", 25832, HANNOVER, "EPSG:25832", "en"),
    ("EPSG:25832", 25832, HANNOVER, "EPSG:25832", "en"),
    ("http://www.opengis.net/def/crs/EPSG/0/25832", 25832, HANNOVER, "EPSG:25832", "en"),
    ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783", 25832, HANNOVER, "EPSG:5555", "en"),
    ("urn:ogc:def:crs,crs:EPSG:6.12:25833,crs:EPSG::5783", 25833, BERLIN, "EPSG:5556", "en"),
    ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837", 25832, HANNOVER, "EPSG:25832+7837", "en"),
    ("EPSG:25832+7837", 25832, HANNOVER, "EPSG:25832+7837", "en"),
    ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", 25832, HANNOVER, "EPSG:25832+7837", "en"),
    ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH*GCG2016", 25832, HANNOVER, "EPSG:25832+7837", "en"),
    ("urn:adv:crs:ETRS89_UTM33*DE_DHHN2016_NH", 25833, BERLIN, "EPSG:25833+7837", "en"),
    ("urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH", 25832, HANNOVER, "EPSG:5555", "en"),
    ("urn:adv:crs:DE_DHDN_3GK4*DE_DHHN92_NH", 31468, BERLIN, "EPSG:31468+5783", "en"),
    ("urn:ogc:def:crs,crs:EPSG::31256", 31256, WIEN, "EPSG:31256", "en"),
    ("urn:ogc:def,crs::EPSG:31467", 31467, HANNOVER, "EPSG:31467", "en"),
    ("EPSG:31468", 31468, BERLIN, "EPSG:31468", "en"),
    ("EPSG:3068", 3068, BERLIN, "EPSG:3068", "en"),
    ("http://www.opengis.net/def/crs/EPSG/0/6697", 6697, TOKYO, None, "ne"),
    ("EPSG:4979", 4979, BERLIN, None, "ne"),
    ("urn:ogc:def:crs:EPSG::4326", 4326, HANNOVER, None, "ne"),
]


def corners(epsg: int, place: tuple[float, float], size: float) -> np.ndarray:
    """East and north of a square of ``size`` metres, its south-west corner at a place, in an EPSG system."""
    crs = pyproj.CRS(epsg).to_2d()
    if crs.is_geographic:
        to_degree = size / 111_000.0
        around = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * to_degree
        return np.asarray(place) + around
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(*place)
    return np.array([x, y]) + size * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])


def write_gml(path: Path, srs: str, xy: np.ndarray, *, order: str = "en", z: float = 50.0, key: str = "B1") -> Path:
    ring = np.vstack([xy, xy[:1]])[:, :: -1 if order == "ne" else 1]
    numbers = " ".join(f"{a:.9f} {b:.9f} {z:.3f}" for a, b in ring)
    envelope = f'<gml:boundedBy><gml:Envelope srsName="{srs}" srsDimension="3"/></gml:boundedBy>' if srs else ""
    path.write_text(
        '<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:gml="http://www.opengis.net/gml" '
        f'xmlns:bldg="http://www.opengis.net/citygml/building/2.0">{envelope}<core:cityObjectMember>'
        f'<bldg:Building gml:id="{key}"><bldg:measuredHeight uom="m">9</bldg:measuredHeight><bldg:boundedBy><bldg:GroundSurface>'
        "<bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing>"
        f'<gml:posList srsDimension="3">{numbers}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>'
        "</gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:GroundSurface></bldg:boundedBy>"
        "</bldg:Building></core:cityObjectMember></core:CityModel>"
    )
    return path


@pytest.mark.parametrize(("name", "epsg", "place", "label", "order"), SYSTEMS)
def test_a_building_stands_where_its_system_says(
    tmp_path: Path, name: str, epsg: int, place: tuple[float, float], label: str | None, order: str
) -> None:
    city = twin.load(write_gml(tmp_path / "lod2.gml", name, corners(epsg, place, 20.0), order=order))
    assert city.crs is not None
    assert not city.crs.is_geographic
    if label is not None:
        assert crs_label(city.crs) == label
    else:
        zone = int((place[0] + 180) // 6) + 1
        assert f"zone {zone}N" in city.crs.name
        assert "gml_crs_geographic" in set(city.gaps["code"])
    assert (city.polygons.xyz[:, 2] == 50.0).all()
    x, y = city.polygons.xyz[:, 0].min(), city.polygons.xyz[:, 1].min()
    longitude, latitude = pyproj.Transformer.from_crs(city.crs.to_2d(), 4326, always_xy=True).transform(x, y)
    metres = np.hypot((longitude - place[0]) * 111_000 * np.cos(np.radians(place[1])), (latitude - place[1]) * 111_000)
    assert metres < 6.0  # the square's corner, up to the turn of the grid and the shift between datums
    widths = np.ptp(city.polygons.xyz[:, :2], axis=0)
    np.testing.assert_allclose(widths[1], 20.0, rtol=0.05)


def test_an_engineering_system_stays_local_with_a_warning(tmp_path: Path) -> None:
    city = twin.load(write_gml(tmp_path / "halle.gml", "#local-CRS-1", np.array([[0, 0], [9, 0], [9, 9], [0, 9.0]])))
    assert city.crs is None
    rows = city.gaps[city.gaps["code"] == "gml_crs_local"]
    assert list(rows["severity"]) == ["warning"]


def test_an_unknown_name_is_told_and_can_be_given(tmp_path: Path) -> None:
    path = write_gml(tmp_path / "fremd.gml", "urn:x:my-own-grid", corners(25833, BERLIN, 20.0))
    city = twin.load(path)
    assert city.crs is None
    assert "gml_crs_unknown" in set(city.gaps["code"])
    placed = twin.load(buildings={"path": path, "crs": "EPSG:25833"})
    assert placed.crs is not None
    assert placed.crs.to_epsg() == 25833


def test_layers_of_five_systems_meet_in_the_citys_own(tmp_path: Path) -> None:
    buildings = write_gml(
        tmp_path / "lod2.gml", "urn:adv:crs:ETRS89_UTM33*DE_DHHN2016_NH", corners(25833, BERLIN, 20.0)
    )
    square = shapely.Polygon(corners(31468, BERLIN, 20.0))
    gpd.GeoDataFrame({"nutzart": ["Wald"]}, geometry=[square], crs=31468).to_file(tmp_path / "nutzung.gpkg")
    tree = shapely.Point(corners(25832, BERLIN, 20.0)[0])
    gpd.GeoDataFrame({"species": ["Tilia"], "height": [9.0]}, geometry=[tree], crs=25832).to_file(
        tmp_path / "baum.gpkg"
    )
    line = shapely.LineString(corners(4326, BERLIN, 20.0)[:2])
    gpd.GeoDataFrame({"name": ["Weg"]}, geometry=[line], crs=4326).to_file(tmp_path / "weg.geojson")
    station = shapely.Point(corners(3857, BERLIN, 20.0)[0])
    gpd.GeoDataFrame({"name": ["Mast"]}, geometry=[station], crs=3857).to_file(tmp_path / "mast.gpkg")
    city = twin.load(
        buildings=buildings, land_cover=tmp_path / "nutzung.gpkg", trees=tmp_path / "baum.gpkg",
        streets=tmp_path / "weg.geojson", stations=tmp_path / "mast.gpkg",
    )  # fmt: skip
    corner = city.polygons.xyz[:, :2].min(axis=0)
    for table in (city.land_cover, city.trees, city.network, city.stations):
        assert table.crs == city.crs
        np.testing.assert_allclose(table.total_bounds[:2], corner, atol=4.0)
    assert city.land_cover.geometry.area.item() == pytest.approx(400.0, rel=0.01)


def test_buildings_of_two_height_datums_are_told(tmp_path: Path) -> None:
    new = write_gml(tmp_path / "neu.gml", "urn:adv:crs:ETRS89_UTM33*DE_DHHN2016_NH", corners(25833, BERLIN, 20.0))
    old = write_gml(
        tmp_path / "alt.gml", "urn:adv:crs:ETRS89_UTM33*DE_DHHN92_NH", corners(25833, BERLIN, 20.0), key="B2"
    )
    together = twin.load(buildings=[new, old])
    row = together.gaps[together.gaps["code"] == "height_datum_mixed"]
    assert list(row["severity"]) == ["warning"]
    assert "DHHN92" in str(row["values"].iloc[0])
    folder = twin.load(buildings={"path": [str(new), str(old)]})
    assert "gml_crs_heights_differ" in set(folder.gaps["code"])
    assert "height_datum_mixed" not in set(twin.load(buildings=[new]).gaps["code"])


def test_a_citys_system_in_degrees_is_refused_with_the_fitting_zone(tmp_path: Path) -> None:
    path = write_gml(tmp_path / "lod2.gml", "EPSG:25833", corners(25833, BERLIN, 20.0))
    with pytest.raises(InputError, match="counts in degrees, but a city needs metres"):
        twin.load(path, crs="EPSG:4326")
