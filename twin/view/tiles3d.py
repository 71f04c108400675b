"""3D Tiles 1.1 of a city: buildings with what is known of them, terrain and trees, for any viewer that reads the standard.

Leaves hold exact roofs and walls; the tiles above them hold boxes of the same buildings (and higher up only of the
large ones), so that a far view shows a city too and costs little. Content is GLB with EXT_mesh_features and
EXT_structural_metadata; points are 16 bit numbers within their tile (KHR_mesh_quantization), 15 mm in 1 km.
Coordinates are local metres with one transform at the root (``twin.view.local_frame``).

3D Tiles 1.1: OGC 22-025r4, https://docs.ogc.org/cs/22-025r4/22-025r4.html
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import InputError
from twin.language import text
from twin.view.glb import Glb, extent, quantized
from twin.view.local_frame import LocalFrame, frame_of
from twin.view.meshes import buildings_mesh
from twin.view.tile_bodies import Bodies, Boxes, bodies_of, boxes_of, tiles_by_median
from twin.view.tile_boxes import box_of, united
from twin.view.tile_features import building_columns, top_objects
from twin.view.tile_tables import Column, add_property_table

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["LEAF", "Features", "building_features", "write_building_tiles", "write_tiles"]

LEAF = 1500
"""Most buildings in one tile."""

_ERRORS = (0.0, 12.0, 40.0, 120.0, 360.0, 1080.0)  # [m] geometric error of leaves, boxes, large boxes, ...
_KEPT = (1.0, 1.0, 0.4, 0.12, 0.04, 0.01)  # share of the buildings, largest first, that a level shows
_COLOUR = [0.83, 0.82, 0.79, 1.0]
_FACES = np.array(
    [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [4, 5, 6, 7]]
)  # corners of a box's walls and roof, seen from outside counter-clockwise


@dataclass(frozen=True, eq=False)
class Features:
    """Buildings ready to be tiled.

    Parameters
    ----------
    rows : numpy.ndarray
        Row of each feature in ``city.objects``.
    bodies : Bodies
        Their triangles in local metres.
    columns : mapping of str to Column
        Their property table.
    """

    rows: np.ndarray
    bodies: Bodies
    columns: Mapping[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


def building_features(
    city: City,
    frame: LocalFrame,
    *,
    area: tuple[float, float, float, float] | None = None,
    language: str | None = None,
) -> Features:
    """Return the buildings of a city as features: a building with its parts is one."""
    mesh = buildings_mesh(city, frame.origin, area=area, outlines=False)
    top = top_objects(city)
    rows, number = np.unique(top[mesh.owner], return_inverse=True)
    feature_of = np.zeros(len(top), np.int64)
    feature_of[mesh.owner] = number
    bodies = bodies_of(mesh, feature_of, len(rows)) if len(rows) else _no_bodies()
    height = bodies.high[:, 2] - bodies.low[:, 2]
    return Features(rows, bodies, building_columns(city, rows, height, language))


def _no_bodies() -> Bodies:
    none, numbers = np.zeros((0, 3), np.float32), np.zeros(0, np.int64)
    start, corners = np.zeros(1, np.int64), np.zeros((0, 3))
    return Bodies(none, none, numbers, np.zeros((0, 3), np.int64), start, start, corners, corners)


def write_tiles(
    city: City,
    folder: str | PathLike[str],
    *,
    language: str | None = None,
    geoid_height: float = 0.0,
    terrain: bool = True,
    trees: bool = True,
) -> Path:
    """Write a city as 3D Tiles 1.1: ``tileset.json`` with buildings, terrain and trees below it.

    Parameters
    ----------
    city : City
        As loaded.
    folder : path
        New or empty folder, or one that holds an older tileset.
    language : {"en", "de"}, optional
        Of the labels of properties.
    geoid_height : float
        Height of the datum's zero above the ellipsoid [m]; see :func:`twin.view.local_frame.frame_of`.
    terrain, trees : bool
        Whether they are written too.

    Returns
    -------
    pathlib.Path
        The ``tileset.json``.

    Raises
    ------
    InputError
        If there is nothing to write, or the folder holds something else.

    Examples
    --------
    >>> write_tiles(twin.load("city.toml"), "tiles")  # doctest: +SKIP
    """
    from twin.view.tile_surroundings import write_terrain_tiles, write_tree_tiles

    place = Path(folder)
    if place.is_dir() and any(place.iterdir()) and not (place / "tileset.json").is_file():
        raise InputError(text("view.tiles_folder_taken", folder=place))
    frame = frame_of(city, geoid_height=geoid_height)
    features = building_features(city, frame, language=language)
    for name in ("buildings", "terrain", "trees"):
        shutil.rmtree(place / name, ignore_errors=True)
    children = []
    if len(features):
        children.append(write_building_tiles(features, place / "buildings"))
    if terrain and city.terrain is not None:
        children.append(write_terrain_tiles(city.terrain, frame, place / "terrain"))
    if trees and len(city.trees):
        made = write_tree_tiles(city, frame, place / "trees", language=language)
        children += [made] if made is not None else []
    if not children:
        raise InputError(text("view.nothing_to_draw", name=city.name or place.name))
    return write_tileset(children, frame, place, city.name)


def write_tileset(children: list[dict[str, Any]], frame: LocalFrame, folder: Path, title: str = "") -> Path:
    """Write the ``tileset.json`` over the tiles of several kinds, each written to a folder beside it."""
    box = united(children)
    # without content of its own, the root stands for nothing: its error is the size of what would be missing
    error = max(2 * max(child["geometricError"] for child in children), 2 * float(np.hypot(box[3], box[7])), 1.0)
    root: dict[str, Any] = {
        "boundingVolume": {"box": box},
        "geometricError": round(error, 1),
        "refine": "ADD",
        "children": children,
    }
    if frame.longitude is not None:
        root["transform"] = list(frame.transform)
    asset = {"version": "1.1", "generator": "urban-twin"} | ({"extras": {"title": title}} if title else {})
    tileset = {"asset": asset, "geometricError": round(2 * error, 1), "root": root}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tileset.json"
    beside = folder / "tileset.json.new"
    beside.write_text(json.dumps(tileset, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    beside.replace(file)
    return file


def write_building_tiles(features: Features, folder: Path, *, prefix: str | None = None) -> dict[str, Any]:
    """Write the GLB files of buildings and return their tile, whose addresses start with the folder's name."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = features.bodies
    middle = (bodies.low + bodies.high) / 2
    groups = tiles_by_median(middle[:, 0], middle[:, 1], LEAF)
    boxes = boxes_of(bodies) if len(groups) > 1 else None
    inside = prefix if prefix is not None else f"{folder.name}/"
    tiles = [_leaf(features, group, folder, f"{k:04d}", inside) for k, group in enumerate(groups)]
    level = 1
    while boxes is not None and len(tiles) > 1:
        groups = [np.concatenate(groups[k : k + 4]) for k in range(0, len(groups), 4)]
        parents = []
        for k, group in enumerate(groups):
            below = [tile for tile in tiles[4 * k : 4 * k + 4] if tile]
            parents.append(_inner(features, boxes, group, below, level, folder, f"l{level}_{k:04d}", inside))
        tiles, level = parents, level + 1
    return tiles[0]


def _leaf(features: Features, group: np.ndarray, folder: Path, name: str, prefix: str) -> dict[str, Any]:
    if not len(group):
        return {}
    bodies = features.bodies
    points, triangles = bodies.slices(group)
    new = np.empty(len(bodies.points), np.int64)
    new[points] = np.arange(len(points))
    number = np.empty(len(features), np.int64)
    number[group] = np.arange(len(group))
    data = building_glb(
        bodies.points[points],
        bodies.normals[points],
        number[bodies.feature[points]],
        new[bodies.triangles[triangles]],
        {key: column.take(group) for key, column in features.columns.items()},
    )
    (folder / f"{name}.glb").write_bytes(data)
    return {
        "boundingVolume": {"box": box_of(bodies.low[group].min(axis=0), bodies.high[group].max(axis=0))},
        "geometricError": 0.0,
        "content": {"uri": f"{prefix}{name}.glb"},
    }


def _inner(
    features: Features,
    boxes: Boxes,
    group: np.ndarray,
    below: list[dict[str, Any]],
    level: int,
    folder: Path,
    name: str,
    prefix: str,
) -> dict[str, Any]:
    """Write boxes of the largest buildings of a group, over the tiles that show it in full."""
    level = min(level, len(_ERRORS) - 1)
    count = max(1, round(len(group) * _KEPT[level]))
    kept = group[np.sort(np.argsort(-boxes.area[group], kind="stable")[:count])]
    corners = boxes.corners[kept][:, _FACES]  # (features, faces, 4, 3)
    a, b, d = corners[..., 0, :], corners[..., 1, :], corners[..., 3, :]
    normal = np.cross(b - a, d - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    points = corners.reshape(-1, 3)
    quads = np.arange(len(points)).reshape(-1, 4)
    data = building_glb(
        points,
        np.repeat(normal.reshape(-1, 3), 4, axis=0),
        np.repeat(np.arange(len(kept)), 20),
        np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]),
        {key: column.take(kept) for key, column in features.columns.items()},
    )
    (folder / f"{name}.glb").write_bytes(data)
    lowest, highest = extent(points)
    low = np.minimum(lowest, features.bodies.low[group].min(axis=0))
    high = np.maximum(highest, features.bodies.high[group].max(axis=0))
    return {
        "boundingVolume": {"box": united(below, low, high)},
        "geometricError": _ERRORS[level],
        "refine": "REPLACE",
        "content": {"uri": f"{prefix}{name}.glb"},
        "children": below,
    }


def building_glb(
    points: np.ndarray, normals: np.ndarray, feature: np.ndarray, triangles: np.ndarray, columns: Mapping[str, Column]
) -> bytes:
    """Return triangles with features as GLB; coordinates z up, stored as 16 bit steps within their box."""
    glb = Glb()
    glb.use("EXT_mesh_features")
    attributes, node = quantized(glb, points, normals)
    number = feature.astype(np.uint16 if len(feature) and feature.max() < 65_536 else np.float32)
    attributes["_FEATURE_ID_0"] = glb.attribute(number)
    table = add_property_table(glb, "building", columns)
    count = len(next(iter(columns.values())).values)
    primitive = {
        "attributes": attributes,
        "indices": glb.indices(triangles),
        "material": 0,
        "extensions": {
            "EXT_mesh_features": {"featureIds": [{"featureCount": count, "attribute": 0, "propertyTable": table}]}
        },
    }
    material = {"pbrMetallicRoughness": {"baseColorFactor": _COLOUR, "metallicFactor": 0.0, "roughnessFactor": 0.9}}
    glb.document |= {"materials": [material], "meshes": [{"primitives": [primitive]}], "nodes": [node]}
    glb.document["scenes"], glb.document["scene"] = [{"nodes": [0]}], 0
    return glb.to_bytes()
