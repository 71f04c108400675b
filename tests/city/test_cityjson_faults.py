"""Bad CityJSON: refused in one sentence that names the file, or read with a row for what is wrong; never slow."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.city.cityjson import read_cityjson
from twin.city.gaps import sentences
from twin.city.model import City
from twin.errors import InputError

FACE = [[[0, 1, 2, 3]]]
SQUARE = [[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]]


def whole(**more: Any) -> dict[str, Any]:
    geometry = {"type": "MultiSurface", "lod": "2", "boundaries": FACE}
    value = {
        "type": "CityJSON", "version": "2.0", "CityObjects": {"a": {"type": "Building", "geometry": [geometry]}},
        "vertices": SQUARE, "transform": {"scale": [1, 1, 1], "translate": [0, 0, 0]},
    }  # fmt: skip
    return value | more


def objects(*geometries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return whole(CityObjects={"a": {"type": "Building", "geometry": list(geometries)} | more})


def written(folder: Path, value: Any) -> Path:
    path = folder / "bad.city.json"
    if isinstance(value, bytes):
        path.write_bytes(value)
    else:
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def row_of(city: City, code: str) -> Any:
    rows = city.gaps[city.gaps["code"] == code]
    assert len(rows) == 1, city.gaps["code"].tolist()
    message = sentences(rows, "de")["message"].iloc[0] + sentences(rows, "en")["message"].iloc[0]
    assert "bad.city.json" in message
    return rows.iloc[0]


GOOD = json.dumps(whole())
DEEP = "[" * 100_000 + "]" * 100_000

REFUSED = {
    "empty": ("", "empty"),
    "blank": (" \n\n ", "empty"),
    "no JSON": ("<CityModel/>", "no valid JSON: line 1, column 1"),
    "cut off in the text": (GOOD[:60], "cut off|no valid JSON"),
    "cut off in boundaries": (GOOD[: GOOD.index("3]")], "cut off|no valid JSON"),
    "cut off in vertices": (GOOD[: GOOD.index("[10, 10")], "cut off|no valid JSON"),
    "vertices without an end": (GOOD.replace("[0, 10, 0]]", "[0, 10, 0]"), "vertices is broken"),
    "a number alone": ("5", "no CityJSON.*'int'"),
    "a list": ("[1, 2]", "no CityJSON.*'list'"),
    "GeoJSON": ('{"type": "FeatureCollection", "features": []}', "no CityJSON.*FeatureCollection"),
    "no type": ('{"version": "2.0"}', "no CityJSON"),
    "version 3": (whole(version="3.0"), "version '3.0'.*1.0, 1.1, 2.0"),
    "version 0.9": (whole(version="0.9"), "version '0.9'"),
    "no version": ({k: v for k, v in whole().items() if k != "version"}, "version 'None'"),
    "no transform": ({k: v for k, v in whole().items() if k != "transform"}, "no transform"),
    "half a transform": (whole(transform={"scale": [1, 1, 1]}), '"transform" must hold'),
    "transform of words": (whole(transform={"scale": "x", "translate": None}), '"transform" must hold'),
    "NaN scale": (GOOD.replace('"scale": [1', '"scale": [NaN'), '"transform" must hold'),
    "a feature first": ('{"type": "CityJSONFeature", "CityObjects": {}}', "first line must be the CityJSON object"),
    "something after it": (GOOD + '\n{"type": "Feature"}', "object 2"),
    "objects in a list": (whole(CityObjects=[]), '"CityObjects" must be a map'),
    "NaN in vertices": (GOOD.replace("[10, 10, 0]", "[10, NaN, 0]"), "NaN or Infinity"),
    "Infinity in vertices": (GOOD.replace("[10, 10, 0]", "[10, -Infinity, 0]"), "NaN or Infinity"),
    "two numbers a vertex": (whole(vertices=[[0, 0], [1, 1]]), "three numbers"),
    "six numbers in two": (whole(vertices=[[0, 0], [1, 1, 1, 1]]), "three numbers"),
    "words as vertices": (whole(vertices=["a", "b"]), "three numbers"),
    "a missing comma": (GOOD.replace("[10, 0, 0]", "[10 0, 0]"), "no valid JSON"),
    "deep nesting": ('{"type": "CityJSON", "a": ' + DEEP + "}", "deeper"),
    "deep nesting alone": (DEEP, "deeper"),
    "Latin-1": (GOOD.replace('"a"', '"ä"').encode("latin-1").replace(b"\\u00e4", b"\xe4"), "UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_files_are_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    value, pattern = REFUSED[case]
    path = written(tmp_path, value)
    begin = time.perf_counter()
    with pytest.raises(InputError, match=pattern) as caught:
        read_cityjson(path)
    assert time.perf_counter() - begin < 1.0
    message = str(caught.value)
    assert "bad.city.json" in message
    assert "\n" not in message
    assert len(message) < 250


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    for name, pattern in (("none.json", "does not exist"), ("*.jsonl", "No file fits")):
        with pytest.raises(InputError, match=pattern):
            read_cityjson(tmp_path / name)
    with pytest.raises(InputError, match="holds no CityJSON"):
        read_cityjson(tmp_path)
    with pytest.raises(InputError, match="lod must be"):
        read_cityjson(written(tmp_path, GOOD), lod="9")
    with pytest.raises(InputError, match="not known"):
        read_cityjson(written(tmp_path, GOOD), crs="EPSG:1")


# ------------------------------------------------------------------------------------- read, with a row in the gaps

ONE: dict[str, Any] = {"type": "MultiSurface", "lod": "2", "boundaries": FACE}
GOOD_FACES: dict[str, Any] = {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]], [[0, 2, 3]]]}


@pytest.mark.parametrize(
    ("bad", "code", "count"),
    [
        (ONE | {"boundaries": [[[0, 1, 4]]]}, "cityjson_index_outside", 1),
        (ONE | {"boundaries": [[[0, -1, 2]]]}, "cityjson_index_outside", 1),
        (ONE | {"boundaries": [[[0, 1, 99999999999999999999]]]}, "cityjson_index_outside", 1),
        (ONE | {"boundaries": [[[0, 1, None]]]}, "cityjson_index_outside", 1),
        (ONE | {"boundaries": [[[]], [], [[0, 1, 2], []]]}, "cityjson_polygon_empty", 2),
        (ONE | {"boundaries": [[0, 1, 2]]}, "cityjson_geometry_malformed", 1),
        (ONE | {"boundaries": [[[[0, 1, 2]]]]}, "cityjson_geometry_malformed", 1),
        (ONE | {"boundaries": [[[0, 1], 2]]}, "cityjson_geometry_malformed", 1),
        (ONE | {"boundaries": [[[0, 1.5, 2]]]}, "cityjson_geometry_malformed", 1),
        (ONE | {"boundaries": [[["0", "1", "2"]]]}, "cityjson_geometry_malformed", 1),
        (ONE | {"boundaries": 5}, "cityjson_geometry_malformed", 1),
        (ONE | {"boundaries": None}, "cityjson_geometry_malformed", 1),
        ({"type": "MultiSurface", "lod": "2"}, "cityjson_geometry_malformed", 1),
        (ONE | {"type": "Sphere"}, "cityjson_geometry_unknown", 1),
        ({"lod": "2"}, "cityjson_geometry_unknown", 1),
        (ONE | {"semantics": {"surfaces": [{"type": "RoofSurface"}], "values": [1]}}, "cityjson_semantics_outside", 1),
        (ONE | {"semantics": {"surfaces": [{"type": "RoofSurface"}], "values": [-5]}}, "cityjson_semantics_outside", 1),
        (ONE | {"semantics": {"surfaces": [{"type": "RoofSurface"}], "values": [0, 0]}}, "cityjson_semantics_unfitting", 1),
        (ONE | {"semantics": {"surfaces": [{"type": "RoofSurface"}], "values": [[0]]}}, "cityjson_semantics_unfitting", 1),
        (ONE | {"semantics": {"surfaces": [{"type": "RoofSurface"}], "values": ["x"]}}, "cityjson_semantics_unfitting", 1),
        ({"type": "GeometryInstance", "template": 3, "boundaries": [0]}, "cityjson_template_not_placed", 1),
        ({"type": "GeometryInstance", "template": 0, "boundaries": [9]}, "cityjson_template_not_placed", 1),
        ({"type": "GeometryInstance", "template": "x", "boundaries": []}, "cityjson_template_not_placed", 1),
    ],
)  # fmt: skip
def test_a_bad_geometry_costs_itself_alone(tmp_path: Path, bad: dict[str, Any], code: str, count: int) -> None:
    value = objects(bad, GOOD_FACES)
    value["CityObjects"]["b"] = {"type": "Building", "geometry": [ONE]}
    city = read_cityjson(written(tmp_path, value))
    row = row_of(city, code)
    assert row["count"] == count
    assert city.objects["id"].tolist() == ["a", "b"]
    assert (city.surfaces["lod_text"] == "1").sum() == 2
    assert (city.surfaces["object"] == 1).sum() == 1
    assert set(city.surfaces["kind"]) == {""}


@pytest.mark.parametrize("matrix", [[1] * 15, [1] * 17, ["x"] * 16, [0] * 16, [float("nan")] * 16, None, 5])
def test_a_bad_matrix_is_no_crash(tmp_path: Path, matrix: Any) -> None:
    instance = {"type": "GeometryInstance", "template": 0, "boundaries": [0], "transformationMatrix": matrix}
    drawn = {"templates": [ONE], "vertices-templates": SQUARE}
    city = read_cityjson(written(tmp_path, objects(instance) | {"geometry-templates": drawn}))
    assert row_of(city, "cityjson_template_not_placed")["places"] == ["a"]


@pytest.mark.parametrize("far", ["1e308", "1e999", "2e9"])
def test_wild_coordinates_cost_their_faces(tmp_path: Path, far: str) -> None:
    text = json.dumps(objects(GOOD_FACES)).replace("[10, 0, 0]", f"[{far}, 0, 0]")
    city = read_cityjson(written(tmp_path, text))
    assert row_of(city, "cityjson_coordinates_wild")["count"] == 1
    assert len(city.polygons) == 1
    assert np.isfinite(city.polygons.xyz).all()


def test_no_objects_is_an_empty_city(tmp_path: Path) -> None:
    for value in (whole(CityObjects={}), {k: v for k, v in whole().items() if k != "CityObjects"}):
        city = read_cityjson(written(tmp_path, value))
        assert len(city.objects) == len(city.polygons) == len(city.surfaces) == 0
        assert row_of(city, "cityjson_no_objects")["count"] == 1


def test_numbers_json_does_not_know_are_missing(tmp_path: Path) -> None:
    city = read_cityjson(
        written(tmp_path, objects(ONE, attributes={"measuredHeight": float("nan"), "x": float("inf")}))
    )
    assert row_of(city, "cityjson_not_a_number")["count"] == 2
    assert city.objects["attributes"][0] == {"measuredHeight": None, "x": None}
    assert np.isnan(city.objects["measured_height"][0])


@pytest.mark.parametrize("bad", [None, 5, "x", [], {}, {"type": None}, {"type": 5, "geometry": [ONE]}])
def test_an_object_without_a_type_is_kept(tmp_path: Path, bad: Any) -> None:
    value = objects(ONE)
    value["CityObjects"]["odd"] = bad
    city = read_cityjson(written(tmp_path, value))
    assert row_of(city, "cityjson_object_damaged")["places"] == ["odd"]
    assert city.objects["kind"].tolist() == ["Building", "GenericCityObject"]


@pytest.mark.parametrize("geometry", [None, 5, "x", {}, [None], [5], ["x"], [[]]])
def test_odd_geometry_lists_are_no_crash(tmp_path: Path, geometry: Any) -> None:
    value = whole(CityObjects={"a": {"type": "Building", "geometry": geometry}})
    assert len(read_cityjson(written(tmp_path, value)).objects) == 1


def test_two_objects_of_one_name_are_both_kept(tmp_path: Path) -> None:
    first = json.dumps({"type": "Building", "geometry": [ONE]})
    text = GOOD.replace('"a": {', f'"a": {first}, "a": {first}, "a": {{')
    city = read_cityjson(written(tmp_path, text))
    assert city.objects["id"].tolist() == ["a", "a#2", "a#3"]
    assert row_of(city, "cityjson_id_twice")["count"] == 2
    assert len(city.polygons) == 3


def test_two_features_of_one_name_are_both_kept(tmp_path: Path) -> None:
    feature = {"type": "CityJSONFeature", "id": "a", "CityObjects": whole()["CityObjects"], "vertices": SQUARE}
    lines = [whole(CityObjects={}, vertices=[]), feature, feature]
    city = read_cityjson(written(tmp_path, "\n".join(map(json.dumps, lines))))
    assert city.objects["id"].tolist() == ["a", "a#2"]
    assert row_of(city, "cityjson_id_twice")["count"] == 1


@pytest.mark.parametrize(
    ("relations", "code", "parent"),
    [
        ({"a": {"parents": ["nobody"]}}, "cityjson_parent_missing", [-1, -1, -1]),
        ({"a": {"children": ["nobody"]}}, "cityjson_parent_missing", [-1, -1, -1]),
        ({"a": {"parents": ["b"]}, "b": {"parents": ["a"]}}, "cityjson_parent_circle", [-1, 0, -1]),
        ({"a": {"parents": ["b"]}, "b": {"parents": ["c"]}, "c": {"parents": ["a"]}}, "cityjson_parent_circle", [-1, 0, 1]),
        ({"c": {"parents": ["a", "b"]}}, "cityjson_parent_several", [-1, 0, -1]),
    ],
)  # fmt: skip
def test_odd_relations(tmp_path: Path, relations: dict[str, Any], code: str, parent: list[int]) -> None:
    value = whole(
        CityObjects={name: {"type": "Building", "geometry": [ONE]} | relations.get(name, {}) for name in "abc"}
    )
    city = read_cityjson(written(tmp_path, value))
    assert row_of(city, code)["count"] >= 1
    assert sorted(city.objects["id"]) == ["a", "b", "c"]
    assert city.objects["parent"].tolist() == parent


def test_an_object_that_is_its_own_parent(tmp_path: Path) -> None:
    city = read_cityjson(written(tmp_path, objects(ONE, parents=["a"])))
    assert city.objects["parent"].tolist() == [-1]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-le"])
def test_other_unicode_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    city = read_cityjson(written(tmp_path, GOOD.replace('"a"', '"ä"').encode(encoding)))
    assert city.objects["id"].tolist() == ["ä"]


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("test_cjseq/notransform.city.jsonl", "no transform"),
        ("test_cjseq/unclosedbracket.city.jsonl", "no valid JSON: line 2"),
        ("test_empty/completely_empty.json", "empty"),
        ("test_empty/empty_primitive_1.json", "version '0.1'"),
        ("test_file_format/invalid_json_cityjson.json", "no valid JSON: line 3"),
        ("test_file_format/invalid_schema_cityjson_1.json", "no valid JSON"),
        ("with-errors.json", "no valid JSON"),
    ],
)
def test_real_broken_files(shared: Path, name: str, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        read_cityjson(shared / "data" / "citymodel-invalid" / name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_never_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    """Cut, double or overwrite a piece of a sound file: a city or one sentence comes out."""
    semantics = {"surfaces": [{"type": "RoofSurface"}, {"type": "Window", "parent": 0}], "values": [0, 1]}
    sound = json.dumps(
        objects(ONE, GOOD_FACES | {"semantics": semantics}, attributes={"values": [1, 2], "n": 1.5})
    ).encode()
    first = data.draw(st.integers(0, len(sound)))
    last = data.draw(st.integers(first, min(first + 12, len(sound))))
    change = data.draw(
        st.sampled_from([b"", sound[first:last] * 2, b"[", b"]", b"}", b",", b"-1", b"null", b'"', b"\xff", b"1e9"])
    )
    try:
        city = read_cityjson(written(tmp_path, sound[:first] + change + sound[last:]))
    except InputError:
        pass
    else:
        assert len(city.surfaces) == len(city.polygons)
        assert city.surfaces["object"].between(0, max(len(city.objects) - 1, 0)).all()
        assert np.isfinite(city.polygons.xyz).all()


@pytest.mark.parametrize("values", ["[0], [1]", "[01, 00]", "[[0], [1]", "[0, 1]]", "[0 1]", "[0,, 1]"])
def test_broken_lists_of_meanings_are_no_crash(tmp_path: Path, values: str) -> None:
    semantics = {"surfaces": [{"type": "RoofSurface"}, {"type": "WallSurface"}], "values": "here"}
    text = json.dumps(objects(GOOD_FACES | {"semantics": semantics})).replace('"here"', values)
    try:
        city = read_cityjson(written(tmp_path, text))
    except InputError as error:
        message = str(error)
        assert "no valid JSON" in message
    else:
        assert len(city.polygons) == 2
        assert set(city.surfaces["kind"]) == {""} or city.surfaces["kind"].tolist() == ["WallSurface", "RoofSurface"]
