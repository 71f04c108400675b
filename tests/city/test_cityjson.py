"""The CityJSON reader: what each form of the format becomes, on made documents and on real files."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin.city.citygml import read_citygml
from twin.city.cityjson import read_cityjson
from twin.city.cityjson.files import is_cityjson
from twin.city.crs import crs_label
from twin.city.model import City

CUBE = [[[[0, 3, 2, 1]], [[4, 5, 6, 7]], [[0, 1, 5, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 6]], [[3, 0, 4, 7]]]]
CORNERS = [[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0], [0, 0, 10], [10, 0, 10], [10, 10, 10], [0, 10, 10]]
SMALL = [[2, 2, 2], [4, 2, 2], [4, 4, 2], [2, 4, 2], [2, 2, 4], [4, 2, 4], [4, 4, 4], [2, 4, 4]]


def document(objects: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"type": "CityJSON", "version": "2.0", "CityObjects": objects, "vertices": [*CORNERS, *SMALL]}
    return head | {"transform": {"scale": [0.5, 0.5, 0.5], "translate": [100.0, 200.0, 30.0]}} | more


def building(boundaries: Any = None, kind: str = "Solid", **more: Any) -> dict[str, Any]:
    geometry = {"type": kind, "lod": "2", "boundaries": CUBE if boundaries is None else boundaries} | more
    return {"type": "Building", "geometry": [geometry]}


def read(folder: Path, value: Any, name: str = "made.city.json", **options: Any) -> City:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_cityjson(path, **options)


def codes(city: City) -> dict[str, int]:
    return dict(zip(city.gaps["code"], city.gaps["count"], strict=True))


# ------------------------------------------------------------------------------------------------------ geometry


def test_a_solid_becomes_faces_in_metres(tmp_path: Path) -> None:
    city = read(tmp_path, document({"a": building()}))
    assert len(city.polygons) == 6
    assert city.polygons.rings(1)[0].tolist() == [[100, 200, 35], [105, 200, 35], [105, 205, 35], [100, 205, 35]]
    assert city.surfaces["area"].tolist() == [25.0] * 6
    assert city.surfaces["tilt"].tolist() == [180, 0, 90, 90, 90, 90]
    assert city.shells[["object", "lod", "solid", "shell", "polygon"]].values.tolist() == [
        [0, 2, 0, 0, i] for i in range(6)
    ]
    assert city.objects.geometry[0].area == 25.0
    assert city.objects["ground_height"][0] == 30.0


def test_an_inner_shell_keeps_its_number(tmp_path: Path) -> None:
    hollow = [[[i + 8 for i in ring] for ring in face] for face in CUBE[0]]
    city = read(tmp_path, document({"a": building([CUBE[0], hollow])}))
    assert city.shells["shell"].tolist() == [0] * 6 + [1] * 6
    assert city.shells["solid"].tolist() == [0] * 12


@pytest.mark.parametrize("kind", ["MultiSolid", "CompositeSolid"])
def test_each_solid_of_several_has_its_own_number(tmp_path: Path, kind: str) -> None:
    other = [[[i + 8 for i in ring] for ring in face] for face in CUBE[0]]
    objects = {"a": building([CUBE, [other]], kind), "b": building()}
    city = read(tmp_path, document(objects))
    assert city.shells["solid"].tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert set(city.shells["shell"]) == {0}
    assert city.surfaces["body"].tolist() == [kind] * 12 + ["Solid"] * 6


def test_a_surface_with_a_hole(tmp_path: Path) -> None:
    city = read(tmp_path, document({"a": building([[[4, 5, 6, 7], [12, 15, 14, 13]]], "MultiSurface")}))
    assert [len(ring) for ring in city.polygons.rings(0)] == [4, 4]
    assert city.surfaces["area"][0] == 25.0 - 1.0
    assert len(city.shells) == 0


def test_points_and_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    value = building()
    value["geometry"] += [{"type": "MultiPoint", "lod": "0", "boundaries": [0, 1]}]
    value["geometry"] += [{"type": "MultiLineString", "lod": "0", "boundaries": [[0, 1], [2, 3]]}]
    city = read(tmp_path, document({"a": value}))
    assert codes(city)["cityjson_points_left_out"] == 2
    assert len(city.polygons) == 6


def test_vertices_of_version_1_0_may_be_plain_metres(tmp_path: Path) -> None:
    exact = [352817.123456789, 5643219.987654321, 51.00000000000001]
    value = document(
        {"a": building([[[0, 1, 2]]], "MultiSurface")}, version="1.0", vertices=[exact, [1e2, -2.5e-1, 3], [7, 8, 9]]
    )
    del value["transform"]
    city = read(tmp_path, value)
    assert city.polygons.xyz.tolist() == [exact, [100, -0.25, 3], [7, 8, 9]]


def test_a_ring_told_closed_is_opened(tmp_path: Path) -> None:
    city = read(tmp_path, document({"a": building([[[0, 1, 2, 3, 0]]], "MultiSurface")}))
    assert len(city.polygons.xyz) == 4
    assert codes(city)["cityjson_ring_closed"] == 1


def test_doubtful_rings_stay_and_are_named(tmp_path: Path) -> None:
    city = read(tmp_path, document({"a": building([[[0, 1, 1, 2]], [[0, 1]], [[0, 1, 0]]], "MultiSurface")}))
    assert np.diff(city.polygons.ring_start).tolist() == [4, 2, 3]
    assert codes(city)["cityjson_points_repeated"] == 1
    assert codes(city)["cityjson_ring_short"] == 2


# ----------------------------------------------------------------------------------------------- levels of detail


def _levels() -> dict[str, Any]:
    value = building()
    value["geometry"] = [
        {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]},
        {"type": "Solid", "lod": "1.2", "boundaries": CUBE},
        {"type": "Solid", "lod": 1.3, "boundaries": CUBE},
        {"type": "Solid", "lod": "2.2", "boundaries": CUBE},
    ]
    return document({"a": value})


@pytest.mark.parametrize(
    ("lod", "faces", "told"),
    [(None, 19, "0,1.2,1.3,2.2"), ("1", 12, "1.2,1.3"), ("1.3", 6, "1.3"), ("2", 6, "2.2"), ("3", 0, "")],
)
def test_levels_of_detail_side_by_side_and_picked(tmp_path: Path, lod: str | None, faces: int, told: str) -> None:
    city = read(tmp_path, _levels(), lod=lod)
    assert len(city.polygons) == faces
    assert city.objects["lod"][0] == told
    assert all(
        int(text[0]) == whole for text, whole in zip(city.surfaces["lod_text"], city.surfaces["lod"], strict=True)
    )


# ------------------------------------------------------------------------------------------------------ semantics

SURFACES = [
    {"type": "GroundSurface"},
    {"type": "RoofSurface", "id": "r", "slope": 12.5},
    {"type": "WallSurface", "children": [3]},
    {"type": "Window", "parent": 2},
]


def test_each_face_has_its_meaning(tmp_path: Path) -> None:
    city = read(
        tmp_path, document({"a": building(semantics={"surfaces": SURFACES, "values": [[0, 1, 2, 2, 3, None]]})})
    )
    assert city.surfaces["kind"].tolist() == [
        "GroundSurface",
        "RoofSurface",
        "WallSurface",
        "WallSurface",
        "Window",
        "",
    ]
    assert city.surfaces["boundary"].tolist() == [0, 1, 2, 2, 3, -1]
    assert city.boundaries["parent"].tolist() == [-1, -1, -1, 2]
    assert city.boundaries["id"].isna().tolist() == [True, False, True, True]
    assert city.boundaries["attributes"].tolist() == [None, {"slope": 12.5}, None, None]


@pytest.mark.parametrize("values", [None, [None], [[None] * 6]])
def test_null_stands_for_all_faces_below(tmp_path: Path, values: Any) -> None:
    city = read(tmp_path, document({"a": building(semantics={"surfaces": SURFACES, "values": values})}))
    assert set(city.surfaces["boundary"]) == {-1}
    assert "cityjson_semantics_unfitting" not in codes(city)


def test_a_solid_of_several_may_be_null(tmp_path: Path) -> None:
    values = [None, [[1] * 6]]
    city = read(
        tmp_path,
        document({"a": building([CUBE, CUBE], "MultiSolid", semantics={"surfaces": SURFACES, "values": values})}),
    )
    assert city.surfaces["kind"].tolist() == [""] * 6 + ["RoofSurface"] * 6


def test_meanings_of_two_buildings_do_not_mix(tmp_path: Path) -> None:
    semantics = {"surfaces": SURFACES, "values": [[0, 1, 2, 2, 2, 2]]}
    other = {"surfaces": SURFACES[1:2], "values": [[0] * 6]}
    city = read(
        tmp_path, document({"a": building(semantics=semantics), "b": building(), "c": building(semantics=other)})
    )
    assert city.surfaces["kind"].tolist()[6:] == [""] * 6 + ["RoofSurface"] * 6
    assert city.boundaries["object"].tolist() == [0, 0, 0, 0, 2]


# ------------------------------------------------------------------------------------------------------ hierarchy


def test_parts_follow_their_building_whatever_the_order(tmp_path: Path) -> None:
    objects = {
        "a1": building() | {"type": "BuildingPart", "parents": ["a"]},
        "b": building(),
        "a": {"type": "Building", "children": ["a1", "a2"]},
        "a2": building() | {"type": "BuildingPart", "parents": ["a"]},
    }
    city = read(tmp_path, document(objects))
    assert city.objects["id"].tolist() == ["b", "a", "a1", "a2"]
    assert city.objects["parent"].tolist() == [-1, -1, 1, 1]
    assert city.surfaces["object"].tolist() == [0] * 6 + [2] * 6 + [3] * 6
    assert city.objects["lod"].tolist() == ["2"] * 4


def test_children_alone_make_a_parent(tmp_path: Path) -> None:
    objects = {"a": building() | {"children": ["p"]}, "p": building() | {"type": "BuildingPart"}}
    assert read(tmp_path, document(objects)).objects["parent"].tolist() == [-1, 0]


def test_a_group_names_its_members_and_is_nobodys_parent(tmp_path: Path) -> None:
    objects = {
        "g": {"type": "CityObjectGroup", "children": ["a"], "children_roles": ["core"]},
        "a": building() | {"parents": ["g"]},
    }
    city = read(tmp_path, document(objects))
    assert city.objects["parent"].tolist() == [-1, -1]
    assert city.objects["attributes"][0] == {"members": ["a"], "roles": ["core"]}


# ----------------------------------------------------------------------------------------------------- attributes


def test_attributes_go_to_columns_where_these_hold_them_whole(tmp_path: Path) -> None:
    told = {
        "function": "31001_1010", "roofType": 1000, "measuredHeight": 11, "storeysAboveGround": "4",
        "yearOfConstruction": 1954, "note": {"values": [1, [2.5]], "vertices": []}, "boundaries": [1, "x"],
    }  # fmt: skip
    city = read(tmp_path, document({"a": building() | {"attributes": told}}))
    row = city.objects.iloc[0]
    assert row[["function", "roof_type", "measured_height", "storeys", "year"]].tolist() == [
        "31001_1010",
        "1000",
        11,
        4,
        1954,
    ]
    kept = {key: told[key] for key in ("roofType", "storeysAboveGround", "note", "boundaries")}
    assert row["attributes"] == kept


def test_the_year_may_stand_in_a_date(tmp_path: Path) -> None:
    city = read(tmp_path, document({"a": building() | {"attributes": {"dateOfConstruction": "1929-05-01"}}}))
    assert city.objects["year"][0] == 1929
    assert city.objects["attributes"][0] == {"dateOfConstruction": "1929-05-01"}


def test_an_address_keeps_its_place(tmp_path: Path) -> None:
    address = [{"street": "Hauptstraße", "location": {"type": "MultiPoint", "lod": "0", "boundaries": [6]}}]
    city = read(tmp_path, document({"a": building() | {"address": address}}))
    assert city.objects["attributes"][0]["address"] == {"street": "Hauptstraße", "location": [[105.0, 205.0, 35.0]]}


def test_types_of_extensions_stay(tmp_path: Path) -> None:
    objects = {"n": building() | {"type": "+NoiseBuilding", "attributes": {"+noise": 61.5}}}
    city = read(tmp_path, document(objects, **{"+source": {"a": 1}}))
    assert city.objects["kind"].tolist() == ["+NoiseBuilding"]
    assert city.objects["attributes"][0] == {"+noise": 61.5}
    assert codes(city)["cityjson_extension_object"] == 1
    assert codes(city)["cityjson_extension_left_out"] == 1


def test_names_that_differ_from_citygml_are_brought_to_it(tmp_path: Path) -> None:
    objects = {"s": building() | {"type": "TransportSquare"}, "l": building() | {"type": "BuildingStorey"}}
    assert read(tmp_path, document(objects)).objects["kind"].tolist() == ["Square", "Storey"]


# ------------------------------------------------------------------------------------------------------ templates


def _trees(matrix: list[float]) -> dict[str, Any]:
    tree = {"type": "GeometryInstance", "template": 0, "boundaries": [0], "transformationMatrix": matrix}
    template = {
        "type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 2]], [[0, 2, 1]]],
        "semantics": {"surfaces": [{"type": "+Crown"}], "values": [0, None]},
    }  # fmt: skip
    objects = {
        "t1": {"type": "SolitaryVegetationObject", "geometry": [tree]},
        "a": building(semantics={"surfaces": SURFACES, "values": [[0] * 6]}),
        "t2": {"type": "SolitaryVegetationObject", "geometry": [tree | {"boundaries": [6]}]},
    }
    drawn = {"templates": [template], "vertices-templates": [[0, 0, 0], [1, 0, 0], [0, 0, 2.5]]}
    return document(objects, **{"geometry-templates": drawn})


def test_templates_are_placed_by_matrix_and_point(tmp_path: Path) -> None:
    turned = [0, -2, 0, 7, 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]  # a quarter turn, twice the size, 7 m east
    city = read(tmp_path, _trees(turned))
    assert city.surfaces["object"].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 2, 2]
    assert city.polygons.rings(0)[0].tolist() == [[107, 200, 30], [107, 202, 30], [107, 200, 35]]
    assert city.polygons.rings(8)[0].tolist() == [[112, 205, 35], [112, 207, 35], [112, 205, 40]]
    assert city.surfaces["kind"].tolist() == ["+Crown", "", *["GroundSurface"] * 6, "+Crown", ""]
    assert city.boundaries["object"].tolist() == [0, 1, 1, 1, 1, 2]
    assert city.objects["lod"].tolist() == ["2", "2", "2"]
    assert city.counts()["polygons"] == 6
    assert len(read(tmp_path, _trees(turned), lod="1").polygons) == 0


# ----------------------------------------------------------------------------------------------------- files, CRS

REFERENCE = "https://www.opengis.net/def/crs"


@pytest.mark.parametrize(
    ("metadata", "label"),
    [
        ({"referenceSystem": f"{REFERENCE}/EPSG/0/7415"}, "EPSG:7415"),
        ({"referenceSystem": "http://www.opengis.net/def/crs/EPSG/6.12/25833"}, "EPSG:25833"),
        ({"referenceSystem": "urn:ogc:def:crs:EPSG::25832"}, "EPSG:25832"),
        ({"referenceSystem": "urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH"}, "EPSG:25832+7837"),
        (
            {"referenceSystem": f"{REFERENCE}-compound?1={REFERENCE}/EPSG/0/25832&2={REFERENCE}/EPSG/0/7837"},
            "EPSG:25832+7837",
        ),
        ({"crs": {"epsg": 25832}}, "EPSG:25832"),
        ({}, "local"),
    ],
)
def test_crs_names(tmp_path: Path, metadata: dict[str, Any], label: str) -> None:
    place = {"scale": [1, 1, 1], "translate": [90000.0 if "7415" in label else 389000.0, 5818000.0, 0]}
    city = read(tmp_path, document({"a": building()}, metadata=metadata, transform=place))
    assert crs_label(city.crs) == label


def test_a_crs_given_by_the_caller_counts(tmp_path: Path) -> None:
    place = {"scale": [1, 1, 1], "translate": [389000.0, 5818000.0, 0]}
    city = read(tmp_path, document({"a": building()}, transform=place), crs="EPSG:25833+7837")
    assert crs_label(city.crs) == "EPSG:25833+7837"


def test_coordinates_in_degrees_come_to_metres(tmp_path: Path) -> None:
    place = {"scale": [1e-6, 1e-6, 1.0], "translate": [52.5, 13.3, 34.0]}
    metadata = {"referenceSystem": f"{REFERENCE}/EPSG/0/4979"}
    city = read(tmp_path, document({"a": building()}, metadata=metadata, transform=place))
    assert crs_label(city.crs) == "EPSG:32633"
    east, north = city.polygons.xyz[:, :2].mean(axis=0)
    assert east == pytest.approx(384600, abs=200)
    assert north == pytest.approx(5818200, abs=400)


def _sequence() -> list[dict[str, Any]]:
    head = document({}, vertices=[])
    features = []
    for name, shift in (("a", 0), ("b", 100)):
        vertices = [[x + shift, y, z] for x, y, z in CORNERS]
        features.append(
            {"type": "CityJSONFeature", "id": name, "CityObjects": {name: building()}, "vertices": vertices}
        )
    return [head, *features]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\x1e"])
def test_a_sequence_shifts_vertices_by_feature(tmp_path: Path, end: str) -> None:
    text = end.join(json.dumps(value) for value in _sequence())
    city = read(tmp_path, text, "made.city.jsonl")
    assert city.objects["id"].tolist() == ["a", "b"]
    assert city.objects.geometry.centroid.x.tolist() == [102.5, 152.5]


def test_sequences_one_after_the_other_keep_their_own_transform(tmp_path: Path) -> None:
    first, second = _sequence(), _sequence()
    second[0]["transform"] = {"scale": [1, 1, 1], "translate": [0, 0, 0]}
    for value in second[1:]:
        value["CityObjects"] = {f"{name}x": inner for name, inner in value["CityObjects"].items()}
    city = read(tmp_path, "\n".join(json.dumps(value) for value in first + second))
    assert city.objects.geometry.centroid.x.tolist() == [102.5, 152.5, 5.0, 105.0]


def test_packed_files_and_folders(tmp_path: Path) -> None:
    text = json.dumps(document({"a": building()}))
    (tmp_path / "one").mkdir()
    with gzip.open(tmp_path / "one" / "x.city.json.gz", "wt") as stream:
        stream.write(text)
    with zipfile.ZipFile(tmp_path / "one" / "y.zip", "w") as archive:
        archive.writestr("y.city.json", text.replace('"a"', '"b"'))
        archive.writestr("readme.txt", "x")
    (tmp_path / "one" / "other.json").write_text('{"type": "FeatureCollection"}')
    city = read_cityjson(tmp_path / "one")
    assert sorted(city.objects["id"]) == ["a", "b"]
    assert sorted(city.objects["source"]) == ["x.city.json.gz", "y.zip/y.city.json"]
    assert codes(city)["cityjson_file_skipped"] == 1
    assert len(city.sources) == 2
    assert is_cityjson(tmp_path / "one" / "y.zip")


def test_the_first_of_two_files_counts(tmp_path: Path) -> None:
    for name, height in (("a", 1), ("b", 2)):
        value = {"x": building() | {"attributes": {"measuredHeight": height}}, name: building()}
        (tmp_path / f"{name}.city.json").write_text(json.dumps(document(value)))
    city = read_cityjson([tmp_path / "a.city.json", tmp_path / "b.city.json"])
    assert city.objects["id"].tolist() == ["x", "a", "b"]
    assert city.objects["measured_height"][0] == 1
    assert codes(city)["gml_object_in_several_files"] == 1
    assert city.surfaces["object"].tolist() == [0] * 6 + [1] * 6 + [2] * 6


# ------------------------------------------------------------------------------------------------------ real files


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "counts", "label"),
    [
        ("3-20-DELFSHAVEN.city.json", {"Building": 853}, "EPSG:28992"),
        ("3dbag_b2.city.jsonl", {"Building": 2, "BuildingPart": 2}, "EPSG:7415"),
        ("lod2_buildings_v2.json", {"Building": 100, "polygons": 700}, "EPSG:3068"),
        ("lod2_buildings_as_CityJSON_features.jsonl", {"Building": 100, "polygons": 700}, "local"),
        ("twobuildings_m.json", {"Building": 2}, "EPSG:7415"),
        ("geomtemplate_2.json", {"SolitaryVegetationObject": 1, "ImplicitGeometry": 36}, "local"),
    ],
)
def test_real_files(shared: Path, name: str, counts: dict[str, int], label: str) -> None:
    city = read_cityjson(shared / "data" / "cityjson" / name)
    assert city.counts().items() >= counts.items()
    assert crs_label(city.crs) == label


@pytest.mark.reference
def test_a_real_file_has_every_face_that_a_plain_walk_finds(shared: Path) -> None:
    path = shared / "data" / "cityjson" / "3-20-DELFSHAVEN.city.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    city = read_cityjson(path)
    scale, shift = np.array(value["transform"]["scale"]), np.array(value["transform"]["translate"])
    xyz = np.array(value["vertices"]) * scale + shift
    row = 0
    for item in value["CityObjects"].values():
        for geometry in item["geometry"]:
            kinds = [surface["type"] for surface in geometry["semantics"]["surfaces"]]
            for face, number in zip(geometry["boundaries"], geometry["semantics"]["values"], strict=True):
                assert city.surfaces["kind"].iat[row] == kinds[number]
                for ring, found in zip(face, city.polygons.rings(row), strict=True):
                    np.testing.assert_array_equal(found, xyz[ring[: len(found)]])
                    assert len(found) == len(ring) or (
                        len(found) == len(ring) - 1 and (xyz[ring[0]] == xyz[ring[-1]]).all()
                    )
                row += 1
    assert row == len(city.polygons)


@pytest.mark.reference
def test_cityjson_its_sequence_and_citygml_are_the_same_buildings(shared: Path) -> None:
    data = shared / "data"
    first = read_cityjson(data / "cityjson" / "lod2_buildings_v2.json")
    others = [
        read_cityjson(data / "cityjson" / "lod2_buildings_as_CityJSON_features.jsonl"),
        read_citygml(data / "citygml3" / "lod2_buildings_v3.gml"),
    ]
    for other in others:
        names = [
            "id",
            "kind",
            "parent",
            "lod",
            "function",
            "roof_type",
            "measured_height",
            "ground_height",
            "storeys",
            "year",
        ]
        assert first.objects[names].equals(other.objects[names])
        assert first.surfaces[["object", "lod", "kind"]].equals(other.surfaces[["object", "lod", "kind"]])
        assert first.boundaries[["id", "kind", "object", "parent"]].equals(
            other.boundaries[["id", "kind", "object", "parent"]]
        )
        assert first.shells.equals(other.shells)
        np.testing.assert_array_equal(first.polygons.ring_start, other.polygons.ring_start)
        np.testing.assert_allclose(first.polygons.xyz, other.polygons.xyz, atol=0.001)
        assert first.objects.geometry.geom_equals_exact(
            other.objects.geometry.set_crs(first.crs, allow_override=True), 0.001
        ).all()
