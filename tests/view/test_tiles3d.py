"""3D Tiles: what stands in the files is the city, the checks pass on it, and each check can fail."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from twin.city.model import OBJECT_COLUMNS, City
from twin.errors import InputError
from twin.view.glb import Glb, read_glb
from twin.view.local_frame import frame_of, local_frame
from twin.view.tile_checks import _values, check_glb, check_tileset
from twin.view.tiles3d import LEAF, building_features, write_tiles

WEST, NORTH = 390_000.0, 5_820_000.0


def many_houses(side: int) -> City:
    """Return a grid of flat-roofed houses of 9 x 12 m every 20 m, as footprints with heights."""
    import geopandas as gpd

    number = np.arange(side * side)
    x, y = 390_000 + 20.0 * (number % side), 5_820_000 - 20.0 * (number // side)
    data: dict[str, Any] = {name: [None] * len(number) for name in OBJECT_COLUMNS}
    data |= {"id": [f"house-{k}" for k in number], "kind": ["Building"] * len(number), "parent": -1}
    data |= {
        "measured_height": 6.0 + number % 7,
        "ground_height": 34.0,
        "storeys": np.nan,
        "year": 1900.0 + number % 120,
    }
    data["attributes"] = [{"name": f"Haus {k}"} for k in number]
    frame = gpd.GeoDataFrame(data, geometry=shapely.box(x, y, x + 9, y + 12), crs=25833)
    return City(crs=pyproj.CRS(25833), objects=frame, name="Raster")


@pytest.fixture(scope="module")
def houses() -> City:
    return many_houses(80)


@pytest.fixture(scope="module")
def tileset(houses: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiles(houses, tmp_path_factory.mktemp("tiles"))


def _walk(tile: dict[str, Any]) -> list[dict[str, Any]]:
    return [tile] + [below for child in tile.get("children", []) for below in _walk(child)]


def test_leaves_hold_every_building_once_with_its_values(houses: City, tileset: Path) -> None:
    root = json.loads(tileset.read_text())["root"]
    leaves = [t for t in _walk(root) if "content" in t and not t.get("children")]
    seen: dict[str, float] = {}
    for leaf in leaves:
        document, binary = read_glb((tileset.parent / leaf["content"]["uri"]).read_bytes())
        table = document["extensions"]["EXT_structural_metadata"]["propertyTables"][0]
        views = document["bufferViews"]
        column = table["properties"]["id"]
        offsets = np.frombuffer(binary, "<u4", table["count"] + 1, views[column["stringOffsets"]]["byteOffset"])
        start = views[column["values"]]["byteOffset"]
        ids = [binary[start + a : start + b].decode() for a, b in itertools.pairwise(offsets)]
        heights = np.frombuffer(
            binary, "<f4", table["count"], views[table["properties"]["height"]["values"]]["byteOffset"]
        )
        assert table["count"] <= LEAF
        assert not set(ids) & set(seen)
        seen |= dict(zip(ids, heights.tolist(), strict=True))
    objects = houses.objects
    assert seen == dict(zip(objects["id"], objects["measured_height"], strict=True))


def test_far_tiles_show_boxes_of_the_same_buildings(tileset: Path) -> None:
    inner = [t for t in _walk(json.loads(tileset.read_text())["root"]) if "content" in t and t.get("children")]
    assert inner
    for tile in inner:
        document, binary = read_glb((tileset.parent / tile["content"]["uri"]).read_bytes())
        primitive = document["meshes"][0]["primitives"][0]
        count = document["accessors"][primitive["indices"]]["count"] // 3
        features = primitive["extensions"]["EXT_mesh_features"]["featureIds"][0]["featureCount"]
        assert count == 10 * features
        assert tile["geometricError"] > 0
    first = inner[-1]
    document, binary = read_glb((tileset.parent / first["content"]["uri"]).read_bytes())
    points = _values(document, binary, 0).reshape(-1, 20, 3) * document["nodes"][0]["scale"][0]
    assert np.allclose(np.sort(np.ptp(points, axis=1)[:, :2], axis=1), [9, 12], atol=0.05)


def test_an_exact_gable_keeps_its_roof(square_city: City, tmp_path: Path) -> None:
    frame = frame_of(square_city)
    features = building_features(square_city, frame)
    bodies = features.bodies
    assert np.allclose(np.linalg.norm(bodies.normals, axis=1), 1, atol=1e-5)
    assert len(features) == len(np.unique(features.rows))
    assert check_tileset(write_tiles(square_city, tmp_path / "t")) == []


def test_the_frame_turns_grid_north_and_scale() -> None:
    crs = pyproj.CRS(25832)
    frame = local_frame(crs, 571_950.0, 5_676_450.0, 100.0)
    matrix = np.array(frame.transform).reshape(4, 4).T
    to_degrees = pyproj.Transformer.from_crs(4978, 4979, always_xy=True)
    to_grid = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    for east, north in ((250.0, 0.0), (-100.0, 240.0)):
        longitude, latitude, height = to_degrees.transform(*(matrix @ [east, north, 5.0, 1.0])[:3])
        x, y = to_grid.transform(longitude, latitude)
        assert (x, y) == pytest.approx((571_950.0 + east, 5_676_450.0 + north), abs=0.002)
        assert height == pytest.approx(105.0, abs=0.01)
    assert frame.convergence == pytest.approx(0.8036, abs=1e-3)  # pyproj's factors at this place


def test_the_checks_pass(tileset: Path) -> None:
    assert check_tileset(tileset) == []


def _spoil_count(d: dict[str, Any]) -> None:
    d["meshes"][0]["primitives"][0]["extensions"]["EXT_mesh_features"]["featureIds"][0]["featureCount"] += 1


def _spoil_table(d: dict[str, Any]) -> None:
    d["extensions"]["EXT_structural_metadata"]["propertyTables"][0]["count"] -= 1


def _spoil_class(d: dict[str, Any]) -> None:
    d["extensions"]["EXT_structural_metadata"]["propertyTables"][0]["class"] = "bridge"


def _spoil_property(d: dict[str, Any]) -> None:
    del d["extensions"]["EXT_structural_metadata"]["propertyTables"][0]["properties"]["year"]


def _spoil_kind(d: dict[str, Any]) -> None:
    d["extensions"]["EXT_structural_metadata"]["schema"]["classes"]["building"]["properties"]["year"][
        "componentType"
    ] = "UINT8"


def _spoil_alignment(d: dict[str, Any]) -> None:
    d["bufferViews"][2]["byteOffset"] += 2


def _spoil_offsets(d: dict[str, Any]) -> None:
    table = d["extensions"]["EXT_structural_metadata"]["propertyTables"][0]["properties"]
    table["id"]["stringOffsets"] = table["height"]["values"]


def _spoil_end(d: dict[str, Any]) -> None:
    d["bufferViews"][-1]["byteLength"] += 10_000


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_spoil_count, "features there"),
        (_spoil_table, "property"),
        (_spoil_class, "not in the schema"),
        (_spoil_property, "differ"),
        (_spoil_kind, "bytes instead of"),
        (_spoil_alignment, "multiple of 8"),
        (_spoil_offsets, "offsets"),
        (_spoil_end, "behind the buffer"),
    ],
)
def test_each_check_of_a_file_can_fail(tileset: Path, spoil: Callable[[dict[str, Any]], None], word: str) -> None:
    document, binary = read_glb(next((tileset.parent / "buildings").glob("0*.glb")).read_bytes())
    assert check_glb(document, binary) == []
    spoil(document)
    assert any(word in fault for fault in check_glb(document, binary))


def _spoil_box(root: dict[str, Any]) -> None:
    root["children"][0]["boundingVolume"]["box"][3] *= 0.5


def _spoil_leaf_box(root: dict[str, Any]) -> None:
    leaf = root["children"][0]["children"][0]
    leaf["boundingVolume"]["box"][0] -= 3 * leaf["boundingVolume"]["box"][3]


def _spoil_error(root: dict[str, Any]) -> None:
    root["children"][0]["children"][0]["geometricError"] = 1e9


def _spoil_address(root: dict[str, Any]) -> None:
    root["children"][0]["content"]["uri"] = "buildings/none.glb"


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(_spoil_box, "leave"), (_spoil_leaf_box, "leave"), (_spoil_error, "geometric error"), (_spoil_address, "missing")],
)
def test_each_check_of_a_tileset_can_fail(tileset: Path, spoil: Callable[[dict[str, Any]], None], word: str) -> None:
    document = json.loads(tileset.read_text())
    spoil(document["root"])
    beside = tileset.parent / "spoiled.json"
    beside.write_text(json.dumps(document))
    assert any(word in fault for fault in check_tileset(beside))
    beside.unlink()


def test_terrain_and_trees_are_tiles_too(square_city: City, tmp_path: Path) -> None:
    file = write_tiles(square_city, tmp_path / "all")
    names = {
        Path(t["content"]["uri"]).parent.name for t in _walk(json.loads(file.read_text())["root"]) if "content" in t
    }
    assert names == {"buildings", "terrain", "trees"}
    assert check_tileset(file) == []
    tree = next((tmp_path / "all" / "trees").glob("*.glb"))
    document, _binary = read_glb(tree.read_bytes())
    crowns = [n for n in document["nodes"] if n["mesh"] > 0]
    count = sum(
        document["accessors"][n["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]["SCALE"]]["count"]
        for n in crowns
    )
    assert count == len(square_city.trees)


def test_a_foreign_folder_is_left_alone(square_city: City, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(InputError, match="tileset"):
        write_tiles(square_city, tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "keep me"


def test_no_bytes_are_no_glb() -> None:
    with pytest.raises(ValueError, match="glTF"):
        read_glb(b"nothing")
    data = Glb()
    data.attribute(np.zeros((3, 3), np.float32), bounds=True)
    with pytest.raises(ValueError, match="told"):
        read_glb(data.to_bytes() + b"more")
