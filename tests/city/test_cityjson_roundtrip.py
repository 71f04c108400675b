"""A city written as CityJSON and read back is the same: on every valid file, and on random small cities."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.city.citygml import read_citygml
from twin.city.cityjson import read_cityjson, write_cityjson
from twin.city.cityjson.writing import reference_system
from twin.city.crs import crs_label, parse_crs
from twin.city.model import OBJECT_COLUMNS, City
from twin.errors import InputError

_spec = importlib.util.spec_from_file_location("city_equality", Path(__file__).with_name("city_equality.py"))
assert _spec is not None
assert _spec.loader is not None
city_equality = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(city_equality)
assert_same_city = city_equality.assert_same_city

VALID = (
    "cityjson/3-20-DELFSHAVEN.city.json",
    "cityjson/3dbag_b2.city.jsonl",
    "cityjson/geomtemplate_2.json",
    "cityjson/lod2_buildings_as_CityJSON_features.jsonl",
    "cityjson/lod2_buildings_v2.json",
    "cityjson/twobuildings_m.json",
    "citymodel-invalid/test_cityjson/cube_v10.city.json",
    "citymodel-invalid/test_cityjson/cube_v11.city.json",
    "citymodel-invalid/test_cityjson/emptygeom.json",
    "citymodel-invalid/test_cityjson/several_lods_valid.json",
    "citymodel-invalid/test_cityjson/torus.city.json",
    "citymodel-invalid/test_cjseq/denhaag_random_5.city.jsonl",
    "citymodel-invalid/test_geometry_specific/501.json",
    "citymodel-invalid/test_geometry_specific/601_1.json",
    "citymodel-invalid/test_valid/composite_solid.json",
    "citymodel-invalid/test_valid/multi_solid.json",
)


@pytest.mark.reference
@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("name", VALID)
def test_a_real_file_read_back_is_the_same(shared: Path, tmp_path: Path, name: str, sequence: bool) -> None:
    city = read_cityjson(shared / "data" / name)
    written = write_cityjson(city, tmp_path / "out.city.json", sequence=sequence)
    assert_same_city(city, read_cityjson(written))


@pytest.mark.reference
@pytest.mark.parametrize(
    "name", ["nrw-adv-lod2", "berlin-lod2/3900_5820.gml", "citygml3/BuildingUnits_Storeys_xlink.gml", "ingolstadt-lod3"]
)
def test_a_citygml_city_keeps_objects_meanings_and_every_polygon(shared: Path, tmp_path: Path, name: str) -> None:
    city = read_citygml(shared / "data" / name)
    back = read_cityjson(write_cityjson(city, tmp_path / "out.city.json"))
    assert len(back.polygons) == len(city.polygons)
    assert back.surfaces["kind"].value_counts().sort_index().to_dict() == (
        city.surfaces["kind"]
        .replace({"WindowSurface": "Window", "DoorSurface": "Door"})
        .value_counts()
        .sort_index()
        .to_dict()
    )
    assert back.surfaces["area"].sum() == pytest.approx(city.surfaces["area"].sum(), rel=1e-4)
    assert sorted(back.objects["id"]) == sorted(city.objects["id"])
    own = dict(zip(city.objects["id"], city.objects["measured_height"], strict=True))
    for name_, height in zip(back.objects["id"], back.objects["measured_height"], strict=True):
        assert height == own[name_] or (np.isnan(height) and np.isnan(own[name_]))
    assert crs_label(back.crs) == crs_label(city.crs)


# ------------------------------------------------------------------------------------------------- random cities

_KINDS = ("RoofSurface", "WallSurface", "GroundSurface", "Window", "+Balcony")
_SIZES = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}
_scalars = st.one_of(
    st.text(max_size=8), st.integers(-(2**40), 2**40), st.booleans(), st.none(), st.floats(-1e9, 1e9, allow_nan=False)
)
_attributes = st.dictionaries(
    st.sampled_from(
        ["function", "roofType", "measuredHeight", "storeysAboveGround", "yearOfConstruction", "dateOfConstruction",
         "name", "values", "boundaries", "vertices", "type", "ä \"quoted\""]
    ),
    st.one_of(_scalars, st.lists(_scalars, max_size=3), st.dictionaries(st.sampled_from(["values", "x"]), _scalars)),
    max_size=5,
)  # fmt: skip


class _Maker:
    """Draws one CityJSON document; every ring gets vertices of its own, three or more, on a grid of millimetres."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.vertices: list[list[int]] = []

    def ring(self) -> list[int]:
        size = self.draw(st.integers(3, 5))
        first = len(self.vertices)
        x, y, z = (self.draw(st.integers(-(10**6), 10**6)) for _ in range(3))
        for i in range(size):  # no two points of a ring fall together
            self.vertices.append([x + 1000 * i, y + 700 * i * i, z + self.draw(st.integers(0, 5000))])
        return list(range(first, first + size))

    def face(self) -> list[list[int]]:
        return [self.ring() for _ in range(self.draw(st.integers(1, 2)))]

    def nested(self, depth: int, leaf: Any) -> list[Any]:
        count = self.draw(st.integers(1, 3 if depth == 0 else 2))
        return [leaf() if depth == 0 else self.nested(depth - 1, leaf) for _ in range(count)]

    def geometry(self) -> dict[str, Any]:
        kind = self.draw(st.sampled_from(sorted(_SIZES)))
        told: dict[str, Any] = {"type": kind, "boundaries": self.nested(_SIZES[kind], self.face)}
        told["lod"] = self.draw(st.sampled_from(["0", "1", "1.2", "2", "2.2", "3"]))
        if self.draw(st.booleans()):
            told["semantics"] = self.semantics(told["boundaries"], _SIZES[kind])
        return told

    def semantics(self, boundaries: list[Any], depth: int) -> dict[str, Any]:
        surfaces: list[dict[str, Any]] = []
        for _ in range(self.draw(st.integers(1, 3))):
            surface: dict[str, Any] = {"type": self.draw(st.sampled_from(_KINDS))}
            surface |= self.draw(st.dictionaries(st.sampled_from(["id", "slope", "+extra"]), st.text(max_size=4)))
            if surfaces and self.draw(st.booleans()):
                surface["parent"] = 0
            surfaces.append(surface)

        def values(part: list[Any], level: int) -> list[Any]:
            if level == 0:
                return [self.draw(st.one_of(st.none(), st.integers(0, len(surfaces) - 1))) for _ in part]
            return [None if self.draw(st.integers(0, 9)) == 0 else values(inner, level - 1) for inner in part]

        return {"surfaces": surfaces, "values": values(boundaries, depth)}

    def document(self) -> dict[str, Any]:
        names = self.draw(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=5, unique=True))
        objects: dict[str, dict[str, Any]] = {}
        for i, name in enumerate(names):
            value: dict[str, Any] = {"type": "Building", "attributes": self.draw(_attributes)}
            if i and self.draw(st.booleans()):
                value |= {"type": "BuildingPart", "parents": [self.draw(st.sampled_from(names[:i]))]}
                objects[value["parents"][0]].setdefault("children", []).append(name)
            elif self.draw(st.integers(0, 5)) == 0:
                value["type"] = self.draw(st.sampled_from(["Road", "TransportSquare", "+NoiseBuilding"]))
            value["geometry"] = [self.geometry() for _ in range(self.draw(st.integers(0, 2)))]
            objects[name] = value
        order = self.draw(st.permutations(list(objects)))
        return {
            "type": "CityJSON",
            "version": "2.0",
            "CityObjects": {name: objects[name] for name in order},
            "vertices": self.vertices,
            "transform": {"scale": [0.001] * 3, "translate": [350000.0, 5640000.0, 40.0]},
            "metadata": {"referenceSystem": reference_system(parse_crs("EPSG:25832+7837").crs)},
        }


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    return _Maker(draw).document()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(document=documents(), sequence=st.booleans(), indent=st.sampled_from([None, 1]))
def test_a_random_city_read_back_is_the_same(
    tmp_path: Path, document: dict[str, Any], sequence: bool, indent: int | None
) -> None:
    source = tmp_path / "made.city.json"
    source.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    city = read_cityjson(source)
    told = [geometry for value in document["CityObjects"].values() for geometry in value["geometry"]]
    assert len(city.objects) == len(document["CityObjects"])
    assert len(city.polygons.xyz) == len(document["vertices"])
    faces = sum(str(geometry["boundaries"]).count("[[") for geometry in told)
    assert len(city.polygons) <= faces or not told
    again = read_cityjson(write_cityjson(city, tmp_path / "again.city.json", sequence=sequence))
    assert_same_city(city, again)
    assert crs_label(again.crs) == "EPSG:25832+7837"


@settings(max_examples=60, deadline=None)
@given(document=documents())
def test_the_reader_finds_what_a_plain_walk_finds(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    """The flat arrays against the specification read with loops: places, meanings and solids of every face."""
    source = tmp_path_factory.mktemp("walk") / "made.city.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    city = read_cityjson(source)
    row_of = {name: row for row, name in enumerate(city.objects["id"])}
    told = {row: iter(np.flatnonzero(city.surfaces["object"].to_numpy() == row)) for row in row_of.values()}
    scale, shift = np.array(document["transform"]["scale"]), np.array(document["transform"]["translate"])
    shells = city.shells.set_index("polygon")
    for name, value in document["CityObjects"].items():
        for geometry in value["geometry"]:
            semantics = geometry.get("semantics")
            values = semantics["values"] if semantics else None
            for place, face, meaning in _walk(geometry["boundaries"], values, _SIZES[geometry["type"]]):
                row = next(told[row_of[name]])
                for ring, found in zip(face, city.polygons.rings(row), strict=True):
                    wanted = np.array([document["vertices"][i] for i in ring]) * scale + shift
                    np.testing.assert_allclose(found, wanted, atol=1e-9)
                kind = semantics["surfaces"][meaning]["type"] if meaning is not None else ""
                assert city.surfaces["kind"].iat[row] == kind
                assert city.surfaces["lod_text"].iat[row] == geometry["lod"]
                assert (row in shells.index) == (len(place) > 0)
                if place:
                    assert shells.loc[row, "shell"] == place[-1]
    assert all(next(rest, None) is None for rest in told.values())


def _walk(boundaries: list[Any], values: Any, depth: int, place: tuple[int, ...] = ()) -> Any:
    for i, inner in enumerate(boundaries):
        value = values[i] if values is not None else None
        if depth == 0:
            yield place, inner, value
        else:
            yield from _walk(inner, value, depth - 1, (*place, i))


# ------------------------------------------------------------------------------------------------------ the writer


def _footprint_city() -> City:
    row = {
        "id": "b1", "kind": "Building", "parent": -1, "lod": "", "function": "31001_1010", "roof_type": None,
        "measured_height": 9.5, "ground_height": 41.0, "storeys": 3.0, "year": 1902.0,
        "attributes": {"note": float("nan"), "count": np.int64(3)}, "source": "made",
    }  # fmt: skip
    assert set(row) == set(OBJECT_COLUMNS)
    shape = shapely.Polygon([(0, 0), (0, 9), (12, 9), (12, 0)], [[(1, 1), (2, 1), (2, 2)]])
    return City(
        crs=parse_crs("EPSG:25832").crs,
        objects=gpd.GeoDataFrame([row], geometry=[shape], crs="EPSG:25832"),
        name="Made",
    )


def test_a_footprint_becomes_level_of_detail_0(tmp_path: Path) -> None:
    back = read_cityjson(write_cityjson(_footprint_city(), tmp_path / "made.city.json"))
    building = back.objects.iloc[0]
    assert building[["lod", "function", "storeys", "year", "measured_height"]].tolist() == [
        "0",
        "31001_1010",
        3,
        1902,
        9.5,
    ]
    assert building["attributes"] == {"note": None, "count": 3}
    assert set(back.polygons.xyz[:, 2]) == {41.0}
    assert building["geometry"].area == 12 * 9 - 0.5
    assert back.name == "Made"


def test_the_file_holds_what_the_specification_asks_for(tmp_path: Path) -> None:
    city = _footprint_city().replace(crs=parse_crs("EPSG:25832+7837").crs)
    value = json.loads(write_cityjson(city, tmp_path / "made.city.json").read_text(encoding="utf-8"))
    assert (value["type"], value["version"]) == ("CityJSON", "2.0")
    assert value["transform"]["scale"] == [0.001] * 3
    assert all(isinstance(number, int) for vertex in value["vertices"] for number in vertex)
    assert value["CityObjects"]["b1"]["attributes"]["yearOfConstruction"] == 1902
    url = "https://www.opengis.net/def/crs"
    assert value["metadata"]["referenceSystem"] == f"{url}-compound?1={url}/EPSG/0/25832&2={url}/EPSG/0/7837"


def test_a_sequence_has_one_line_a_building_and_its_own_vertices(tmp_path: Path) -> None:
    lines = (
        write_cityjson(_footprint_city(), tmp_path / "made.city.jsonl", sequence=True)
        .read_text(encoding="utf-8")
        .splitlines()
    )
    head, feature = (json.loads(line) for line in lines)
    assert head["CityObjects"] == {}
    assert head["vertices"] == []
    assert (feature["type"], feature["id"], len(feature["vertices"])) == ("CityJSONFeature", "b1", 7)


def test_a_packed_file_is_the_same_each_time(tmp_path: Path) -> None:
    city = _footprint_city()
    first, second = (write_cityjson(city, tmp_path / f"{name}.city.json.gz") for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert_same_city(read_cityjson(first), read_cityjson(second))


def test_an_old_file_stays_where_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "old.city.json"
    path.write_text("old")
    city = _footprint_city()
    broken = city.replace(surfaces=city.surfaces.drop(columns="kind"))
    with pytest.raises(KeyError):
        write_cityjson(broken, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["old.city.json"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_cityjson(_footprint_city(), tmp_path / "nowhere" / "x.city.json")
    with pytest.raises(InputError, match="precision"):
        write_cityjson(_footprint_city(), tmp_path / "x.city.json", precision=0.0)


@pytest.mark.parametrize("name", ["EPSG:25832", "EPSG:25833+7837", "EPSG:7415", "EPSG:5555", "EPSG:31467+5783"])
def test_a_crs_named_as_url_is_read_again(name: str) -> None:
    crs = parse_crs(name).crs
    assert crs is not None
    from twin.city.cityjson.reading import system_name

    assert parse_crs(system_name({"metadata": {"referenceSystem": reference_system(crs)}})).crs == crs


def test_a_crs_without_a_code_cannot_be_named() -> None:
    import pyproj

    crs = pyproj.CRS("+proj=tmerc +lat_0=48.123 +lon_0=9.321 +k=1 +x_0=1 +y_0=2 +ellps=bessel +units=m")
    with pytest.raises(InputError, match="no code"):
        reference_system(crs)
