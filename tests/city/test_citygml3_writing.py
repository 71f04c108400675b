"""CityGML 3.0 written and read back: the same city, to the millimetre; older versions take the names of 3.0."""

from __future__ import annotations

import gzip
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.dom import minidom

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import twin
from twin.city.citygml import read_citygml
from twin.city.cityjson import read_cityjson
from twin.city.model import City, Polygons
from twin.city.writers.citygml3 import srs_name, write_citygml
from twin.city.writers.citygml3_names import CONSTRUCTIONS, modern_name
from twin.errors import InputError


def _equality() -> ModuleType:
    spec = importlib.util.spec_from_file_location("city_equality_gml3", Path(__file__).with_name("city_equality.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


assert_same_city = _equality().assert_same_city

THREE = [
    "BuildingUnits_Storeys_xlink.gml", "Building_CityGML3.0_LOD2_with_several_attributes.gml",
    "Building_CityGML3.0_with_Dynamizer_and_SensorConnection_V1.gml", "Building_CityGML3.0_with_Dynamizer_and_inline_Timeseries.gml",
    "Building_LOD0-EPSG25832.gml", "Building_LOD1-EPSG25832.gml", "Building_LOD2-EPSG25832.gml", "Building_LOD3-EPSG25832.gml",
    "Building_and_garage_LOD2-EPSG25832.gml", "LocalCRS_CityGML3.gml",
    "ParkingGarage_CityGML3.0_LOD2_with_CityObjectRelations_and_XLinks.gml",
    "Road_over_Bridge_CityGML3.0_LOD2_with_CityObjectRelations.gml", "citygml3_roads_3wayintersection.gml",
    "historicalSuccession_CityGML_3.0_LOD2_Versioning.gml", "lod2_buildings_v3.gml",
    "../berlin-tiergarten/Berlin_Moabit_1Bldg_v3.gml",
]  # fmt: skip
OLDER = [
    "berlin-lod2/3900_5820.gml", "berlin-lod2/3910_5817.gml", "berlin-lod2/3910_5819.gml",
    "berlin-tiergarten/Berlin_Moabit_1Bldg_v2.gml", "nrw-adv-lod2/in_old.gml", "ingolstadt-lod3/4018142.xml",
    "ingolstadt-lod3/4018194.xml", "ingolstadt-lod3/4018216.xml", "ingolstadt-lod3/4018128.xml",
]  # fmt: skip


@pytest.mark.parametrize("name", THREE)
def test_citygml_3_comes_back_the_same(shared: Path, tmp_path: Path, name: str) -> None:
    city = read_citygml(shared / "data" / "citygml3" / name)
    assert_same_city(city, read_citygml(write_citygml(city, tmp_path / "stadt.gml")))


def in_three(city: City) -> City:
    """What CityGML 3.0 makes of an older city: new class names, height and external references in their new form."""

    def attributes(row: int) -> dict[str, Any]:
        values = dict(city.objects["attributes"].iloc[row])
        if "externalReference" in values:
            several = (
                values["externalReference"]
                if isinstance(values["externalReference"], list)
                else [values["externalReference"]]
            )
            new = [
                {
                    "informationSystem": v["informationSystem"],
                    "targetResource": next(iter(v["externalObject"].values())),
                }
                for v in several
            ]
            new = [{key: value for key, value in v.items() if value} for v in new]
            values["externalReference"] = new if len(new) > 1 else new[0]
        height, year = (city.objects[name].iloc[row] for name in ("measured_height", "year"))
        if city.objects["kind"].iloc[row] in CONSTRUCTIONS:
            if np.isfinite(height):
                values["height"] = {
                    "highReference": "highestRoofEdge",
                    "lowReference": "lowestGroundPoint",
                    "status": "measured",
                    "value": f"{height:.10g}",
                }
            if np.isfinite(year):
                values["dateOfConstruction"] = f"{int(year)}-01-01"
        return values

    told = np.empty(len(city.objects), dtype=object)
    told[:] = [attributes(row) for row in range(len(city.objects))]
    kinds = {
        name: [modern_name(k) for k in table["kind"]]
        for name, table in (("objects", city.objects), ("boundaries", city.boundaries))
    }
    surfaces = city.surfaces.assign(kind=[modern_name(k) for k in city.surfaces["kind"]])
    return city.replace(
        objects=city.objects.assign(attributes=told, kind=kinds["objects"]),
        boundaries=city.boundaries.assign(kind=kinds["boundaries"]), surfaces=surfaces,
    )  # fmt: skip


def sorted_polygons(city: City) -> City:
    """The same city with polygons in the order of object, level and first points: 3.0 has another order of elements."""
    surfaces, polygons = city.surfaces, city.polygons
    corners = [np.round(polygons.rings(i)[0], 3).tolist() for i in range(len(polygons))]
    order = sorted(
        range(len(polygons)),
        key=lambda i: (surfaces["object"].iloc[i], surfaces["lod"].iloc[i], surfaces["boundary"].iloc[i], corners[i]),
    )
    place = np.argsort(order)
    rings = [polygons.rings(i) for i in order]
    sizes = [len(r) for p in rings for r in p]
    starts = [np.concatenate([[0], np.cumsum(n)]).astype(np.int64) for n in (sizes, [len(p) for p in rings])]
    shells = city.shells.assign(polygon=place[city.shells["polygon"].to_numpy(dtype=np.int64)])
    shells = shells.sort_values(["object", "lod", "shell", "polygon"], ignore_index=True)
    shells["solid"] = shells.groupby(["object", "lod", "solid"], sort=False).ngroup()
    xyz = np.concatenate([r for p in rings for r in p])
    return city.replace(
        surfaces=surfaces.iloc[order].reset_index(drop=True), polygons=Polygons(xyz, *starts), shells=shells
    )


@pytest.mark.parametrize("name", OLDER)
def test_older_versions_come_back_under_the_names_of_3(shared: Path, tmp_path: Path, name: str) -> None:
    city = read_citygml(shared / "data" / name)
    again = read_citygml(write_citygml(city, tmp_path / "stadt.gml"))
    assert_same_city(sorted_polygons(in_three(city)), sorted_polygons(again))
    assert_same_city(again, read_citygml(write_citygml(again, tmp_path / "nochmal.gml")))


@pytest.mark.parametrize("name", ["lod2_buildings_v2.json", "3dbag_b2.city.jsonl"])
def test_a_cityjson_city_keeps_objects_and_every_polygon(shared: Path, tmp_path: Path, name: str) -> None:
    city = read_cityjson(shared / "data" / "cityjson" / name)
    again = read_citygml(write_citygml(city, tmp_path / "stadt.gml"))
    assert list(again.objects["id"]) == list(city.objects["id"])
    assert len(again.polygons) == len(city.polygons)
    assert len(again.shells) == len(city.shells)
    np.testing.assert_allclose(sorted(again.surfaces["area"]), sorted(city.surfaces["area"]), atol=0.05)


def test_the_document_is_what_the_schemas_ask_for(shared: Path, tmp_path: Path) -> None:
    """Order of elements below a building: general ones, boundaries, geometry, construction, building, address, parts."""
    city = read_citygml(shared / "data" / "nrw-adv-lod2" / "in_old.gml")
    document = minidom.parse(str(write_citygml(city, tmp_path / "stadt.gml"))).documentElement
    assert document.tagName == "core:CityModel"
    envelope = document.getElementsByTagName("gml:Envelope")[0]
    assert envelope.getAttribute("srsName") == "urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837"
    order = [
        "gml:description", "gml:name", "core:creationDate", "core:externalReference", "core:genericAttribute", "core:boundary",
        "core:lod1Solid", "core:lod2Solid", "con:dateOfConstruction", "con:height", "bldg:function", "bldg:roofType",
        "bldg:storeysAboveGround", "bldg:address", "bldg:buildingPart",
    ]  # fmt: skip
    seen = set()
    for building in document.getElementsByTagName("bldg:Building"):
        names = [child.tagName for child in building.childNodes if child.nodeType == child.ELEMENT_NODE]
        assert set(names) <= set(order), set(names) - set(order)
        places = [order.index(name) for name in names]
        assert places == sorted(places)
        seen |= set(names)
    assert {
        "core:boundary",
        "core:lod2Solid",
        "con:height",
        "bldg:roofType",
        "bldg:address",
        "core:genericAttribute",
    } <= seen
    for height in document.getElementsByTagName("con:value"):
        assert height.getAttribute("uom") == "m"
    ids = {
        e.getAttribute("gml:id")
        for name in ("gml:Polygon", "con:RoofSurface")
        for e in document.getElementsByTagName(name)
    }
    links = [
        e.getAttribute("xlink:href")
        for e in document.getElementsByTagName("gml:surfaceMember")
        if e.hasAttribute("xlink:href")
    ]
    assert links
    assert {link.removeprefix("#") for link in links} <= ids


@st.composite
def _cities(draw: st.DrawFn) -> City:
    """Random buildings with parts: closed boxes as solids, whose faces are partly thematic surfaces, some used turned round."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 5))
    words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=6)
    values = st.one_of(
        words, st.integers(-9, 9), st.floats(-1e6, 1e6), st.dictionaries(words, words, min_size=1, max_size=2)
    )
    names = st.text("abcäß<&'", min_size=3, max_size=6)
    attributes = np.empty(count, dtype=object)
    attributes[:] = [draw(st.dictionaries(names, values, max_size=3)) for _ in range(count)]
    parent = np.array(
        [-1] + [random.integers(-1, i) if i and random.random() < 0.4 else -1 for i in range(1, count)], np.int64
    )
    kinds = np.where(parent >= 0, "BuildingPart", "Building").astype(object)
    order = sorted(range(count), key=lambda i: _line(i, parent))
    place = np.argsort(order)
    parent = np.array([place[parent[i]] if parent[i] >= 0 else -1 for i in order], np.int64)
    kinds = kinds[order]
    faces, rows, boundary, names_of, shells = [], [], [], [], []
    for row in range(count):
        x, y, z = np.round(random.uniform(0, 500, 3), 3)
        for face in _box(x, y, z, 8.0):
            themed = random.random() < 0.6
            boundary.append(len(names_of) if themed else -1)
            names_of += [(row, ["WallSurface", "RoofSurface", "GroundSurface"][random.integers(3)])] if themed else []
            shells.append((row, 2, row, 0, len(faces), bool(random.random() < 0.2)))
            faces.append(face)
            rows.append(row)
    surfaces = pd.DataFrame(
        {
            "object": rows,
            "lod": np.full(len(rows), 2, np.int8),
            "kind": [names_of[b][1] if b >= 0 else "" for b in boundary],
            "boundary": boundary,
        }
    )
    sizes = np.full(len(faces), 4)
    starts = [np.concatenate([[0], np.cumsum(n)]).astype(np.int64) for n in (sizes, np.ones(len(faces), int))]
    none = np.full(count, np.nan)
    objects = gpd.GeoDataFrame(
        {
            "id": [f"id{i}" for i in range(count)], "kind": kinds, "parent": parent, "lod": "2", "function": "31001_1000", "roof_type": None,
            "measured_height": none, "ground_height": none, "storeys": none, "year": none, "attributes": attributes, "source": "",
        },
        geometry=gpd.GeoSeries([None] * count, crs=25832), crs=25832,
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "id": [f"b{i}" for i in range(len(names_of))], "kind": [k for _, k in names_of], "object": np.array([r for r, _ in names_of], np.int64),
            "parent": np.full(len(names_of), -1, np.int64), "attributes": pd.Series([None] * len(names_of), dtype=object),
        }
    )  # fmt: skip
    columns = ["object", "lod", "solid", "shell", "polygon", "reversed"]
    return City(
        pyproj.CRS(25832),
        objects,
        surfaces,
        Polygons(np.concatenate(faces), *starts),
        table,
        pd.DataFrame(shells, columns=columns),
    )


def _line(row: int, parent: np.ndarray) -> list[int]:
    """Ancestors of an object down to itself: objects in this order stand as in a document."""
    return ([] if parent[row] < 0 else _line(int(parent[row]), parent)) + [row]


def _box(x: float, y: float, z: float, size: float) -> list[np.ndarray]:
    corners = np.array(
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]]
    ) * size + (x, y, z)
    sides = ([3, 2, 1, 0], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7])
    return [corners[side] for side in sides]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(city=_cities())
def test_a_random_city_comes_back_the_same(city: City, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = read_citygml(write_citygml(city, tmp_path_factory.mktemp("gml") / "stadt.gml"))
    ground = again.objects["ground_height"].to_numpy()  # told by geometry alone
    levels = again.objects["lod"].to_numpy()
    expected = city.replace(objects=city.objects.assign(ground_height=ground, lod=levels))
    assert_same_city(sorted_polygons(expected), sorted_polygons(again))


def test_footprints_become_level_0_and_packing_is_the_same_each_time(tmp_path: Path) -> None:
    shape = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(3, 3), (3, 6), (6, 6), (6, 3)]])
    houses = gpd.GeoDataFrame({"h": [7.5]}, geometry=[shapely.affinity.translate(shape, 390000, 5819000)], crs=25833)
    houses.to_file(tmp_path / "haeuser.gpkg")
    city = twin.load(buildings={"path": tmp_path / "haeuser.gpkg", "height": "h"})
    again = twin.load(city.write(tmp_path / "haeuser.gml.gz"))
    assert list(again.objects["lod"]) == ["0"]
    assert again.objects["measured_height"].tolist() == [7.5]
    assert again.objects.geometry.iloc[0].equals(city.objects.geometry.iloc[0])
    first = (tmp_path / "haeuser.gml.gz").read_bytes()
    city.write(tmp_path / "haeuser.gml.gz")
    assert (tmp_path / "haeuser.gml.gz").read_bytes() == first
    assert gzip.decompress(first).startswith(b"<?xml")


def test_a_system_without_a_code_and_a_missing_folder_are_one_sentence(tmp_path: Path) -> None:
    odd = pyproj.CRS("+proj=tmerc +lat_0=0 +lon_0=11.3 +k=1 +x_0=123 +ellps=GRS80 +units=m")
    with pytest.raises(InputError, match="no EPSG code that CityGML could name"):
        write_citygml(City(crs=odd), tmp_path / "a.gml")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="does not exist; make it first"):
        write_citygml(City(crs=pyproj.CRS(25832)), tmp_path / "fehlt" / "a.gml")
    assert srs_name(pyproj.CRS("EPSG:5555")) == "urn:ogc:def:crs:EPSG::5555"
