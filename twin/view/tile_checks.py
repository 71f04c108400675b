"""Checks of a tileset that common validators leave out: containment, feature counts and property tables.

The glTF validator knows nothing of EXT_mesh_features and EXT_structural_metadata, and no validator seen reports a
parent's box that is smaller than its children.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from twin.view.glb import read_glb
from twin.view.tile_boxes import corners_of

__all__ = ["check_glb", "check_tileset"]

_SIZES = {"UINT8": 1, "UINT16": 2, "UINT32": 4, "FLOAT32": 4}
_TYPES = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def check_tileset(file: str | PathLike[str]) -> list[str]:
    """Return what is wrong with a tileset, one sentence a fault; nothing for a sound one.

    Parameters
    ----------
    file : path
        ``tileset.json``; its content lies beside it.
    """
    path = Path(file)
    tileset = json.loads(path.read_text(encoding="utf-8"))
    if tileset.get("asset", {}).get("version") != "1.1":
        return [f"{path.name}: version {tileset.get('asset', {}).get('version')} instead of 1.1"]
    return list(_check_tile(tileset["root"], path.parent, [], float("inf")))


def _check_tile(tile: dict[str, Any], folder: Path, above: list[list[float]], error: float) -> Iterator[str]:
    name = tile.get("content", {}).get("uri", "tile without content")
    box = tile["boundingVolume"]["box"]
    if tile["geometricError"] > error:
        yield f"{name}: geometric error {tile['geometricError']} above its parent's {error}"
    for outer in above[-1:]:
        if not _inside(*corners_of(box), outer):
            yield f"{name}: its box leaves that of its parent"
    if "content" in tile:
        content = folder / name
        if not content.is_file():
            yield f"{name}: is missing"
        else:
            document, binary = read_glb(content.read_bytes())
            yield from (f"{name}: {fault}" for fault in check_glb(document, binary))
            low, high = _extent(document, binary)
            if not all(_inside(low, high, outer) for outer in [*above, box]):
                yield f"{name}: its points leave the box of the tile"
    for child in tile.get("children", []):
        yield from _check_tile(child, folder, [*above, box], tile["geometricError"])


def _inside(low: np.ndarray, high: np.ndarray, box: list[float], spare: float = 2e-3) -> bool:
    lowest, highest = corners_of(box)
    return bool((low >= lowest - spare).all() and (high <= highest + spare).all())


def _values(document: dict[str, Any], binary: bytes, number: int) -> np.ndarray:
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    kind = np.dtype("<" + _TYPES[accessor["componentType"]])
    width = _WIDTH[accessor["type"]]
    stride = view.get("byteStride", kind.itemsize * width)
    start, count = view.get("byteOffset", 0) + accessor.get("byteOffset", 0), accessor["count"]
    raw = np.frombuffer(binary, np.uint8, count=stride * count, offset=start).reshape(count, stride)
    return np.ascontiguousarray(raw[:, : kind.itemsize * width]).view(kind).reshape(count, width)


def _turned(quaternion: list[float]) -> np.ndarray:
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _extent(document: dict[str, Any], binary: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the box of all points of a GLB in the tile's own axes (z up)."""
    lows, highs = [], []
    for node in document["nodes"]:
        copies = node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {}).get("attributes")
        for primitive in document["meshes"][node["mesh"]]["primitives"]:
            points = _values(document, binary, primitive["attributes"]["POSITION"]).astype(float)
            if copies is not None:
                shift, scale = (
                    _values(document, binary, copies[key]).astype(float) for key in ("TRANSLATION", "SCALE")
                )
                points = (points[None] * scale[:, None] + shift[:, None]).reshape(-1, 3)
            points = points * np.array(node.get("scale", [1, 1, 1])) @ _turned(node.get("rotation", [0, 0, 0, 1])).T
            points = points + np.array(node.get("translation", [0, 0, 0]))
            points = np.column_stack([points[:, 0], -points[:, 2], points[:, 1]])
            lows.append(points.min(axis=0))
            highs.append(points.max(axis=0))
    return np.min(lows, axis=0), np.max(highs, axis=0)


def check_glb(document: dict[str, Any], binary: bytes) -> list[str]:
    """Return what is wrong with the features and property tables of a GLB, one sentence a fault."""
    faults = [
        f"buffer view {k} starts at {view['byteOffset']}, no multiple of 8"
        for k, view in enumerate(document.get("bufferViews", []))
        if view.get("byteOffset", 0) % 8
    ]
    if any(view["byteOffset"] + view["byteLength"] > len(binary) for view in document.get("bufferViews", [])):
        return [*faults, "a buffer view ends behind the buffer"]
    metadata = document.get("extensions", {}).get("EXT_structural_metadata", {})
    for table in metadata.get("propertyTables", []):
        faults += _check_table(document, binary, metadata["schema"], table)
    for node in document["nodes"]:
        extensions = node.get("extensions", {})
        copies = extensions.get("EXT_mesh_gpu_instancing", {}).get("attributes", {})
        faults += _check_ids(document, binary, copies, extensions.get("EXT_instance_features"))
        for primitive in document["meshes"][node["mesh"]]["primitives"]:
            told = primitive.get("extensions", {}).get("EXT_mesh_features")
            faults += _check_ids(document, binary, primitive["attributes"], told)
    return faults


def _check_ids(
    document: dict[str, Any], binary: bytes, attributes: dict[str, int], told: dict[str, Any] | None
) -> list[str]:
    faults = []
    tables = document.get("extensions", {}).get("EXT_structural_metadata", {}).get("propertyTables", [])
    for ids in (told or {}).get("featureIds", []):
        key = f"_FEATURE_ID_{ids['attribute']}"
        if key not in attributes:
            faults.append(f"{key} is missing")
            continue
        found = np.unique(_values(document, binary, attributes[key]))
        if len(found) != ids["featureCount"]:
            faults.append(f"{len(found)} features there, {ids['featureCount']} told")
        table = ids.get("propertyTable")
        if table is not None and (table >= len(tables) or found.max() >= tables[table]["count"]):
            faults.append(f"feature {found.max():g} has no row in its property table")
    return faults


def _check_table(
    document: dict[str, Any], binary: bytes, schema: dict[str, Any], table: dict[str, Any]
) -> Iterator[str]:
    known = schema["classes"].get(table["class"])
    if known is None:
        yield f"class {table['class']} is not in the schema"
        return
    if set(known["properties"]) != set(table["properties"]):
        yield f"properties of the table and of class {table['class']} differ"
    for name, column in table["properties"].items():
        kind = known["properties"].get(name, {})
        view = document["bufferViews"][column["values"]]
        if kind.get("type") != "STRING":
            size = _SIZES.get(kind.get("componentType", ""), 0) * table["count"]
            if view["byteLength"] != size:
                yield f"property {name} holds {view['byteLength']} bytes instead of {size}"
            continue
        offsets = document["bufferViews"][column["stringOffsets"]]
        numbers = np.frombuffer(binary, "<u4", offsets["byteLength"] // 4, offsets["byteOffset"])
        if len(numbers) != table["count"] + 1:
            yield f"property {name} has {len(numbers)} offsets for {table['count']} texts"
        elif (np.diff(numbers.astype(np.int64)) < 0).any() or numbers[-1] > view["byteLength"]:
            yield f"offsets of property {name} do not lead through its texts"
