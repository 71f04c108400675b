"""Terrain and trees as 3D Tiles: a quadtree of grids with skirts, and trees as copies of a few forms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from twin.view.glb import Glb, quantized
from twin.view.local_frame import LocalFrame
from twin.view.tile_bodies import tiles_by_median
from twin.view.tile_boxes import box_of, united
from twin.view.tile_features import tree_columns
from twin.view.tile_tables import add_property_table
from twin.view.tree_sizes import tree_forms, tree_sizes

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["write_terrain_tiles", "write_tree_tiles"]

_CELLS = 128  # quads along one side of a terrain tile
_TREES = 4000  # most trees in one tile
_TREE_ERROR = 24.0  # [m]; trees are shown from about 1.2 km
_EARTH, _BARK = [0.62, 0.64, 0.55, 1.0], [0.41, 0.32, 0.24, 1.0]
_LEAVES = {"ellipsoid": [0.31, 0.48, 0.25, 1.0], "cone": [0.22, 0.40, 0.24, 1.0], "cylinder": [0.36, 0.52, 0.29, 1.0]}


def write_terrain_tiles(terrain: xr.DataArray, frame: LocalFrame, folder: Path) -> dict[str, Any]:
    """Write the terrain as a quadtree of grids and return its topmost tile."""
    folder.mkdir(parents=True, exist_ok=True)
    x = terrain["x"].values.astype(float) - frame.x
    y = terrain["y"].values.astype(float) - frame.y
    z = terrain.values.astype(float) - frame.z
    z = np.where(np.isfinite(z), z, np.nanmin(z) if np.isfinite(z).any() else 0.0)
    depth = 0
    while max(z.shape) - 1 > _CELLS * 2**depth:
        depth += 1
    return _terrain_tile(x, y, z, (0, 0), depth, folder)


def _terrain_tile(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, corner: tuple[int, int], depth: int, folder: Path
) -> dict[str, Any]:
    """Write one tile of ``_CELLS * 2**depth`` quads a side from its north-west corner, and those below it."""
    stride, row, column = 2**depth, *corner
    rows = _posts(row, row + _CELLS * stride, stride, len(y))
    columns = _posts(column, column + _CELLS * stride, stride, len(x))
    name = f"{depth}_{row}_{column}.glb"
    error = 0.0 if depth == 0 else 2.0 * stride * abs(float(x[1] - x[0]))
    points, triangles = _grid(x[columns], y[rows], z[np.ix_(rows, columns)], skirt=2.0 + error / 4)
    (folder / name).write_bytes(_surface_glb(points, triangles))
    tile: dict[str, Any] = {
        "geometricError": error,
        "refine": "REPLACE",
        "content": {"uri": f"{folder.name}/{name}"},
    }
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    if depth == 0:
        return {"boundingVolume": {"box": box_of(low, high)}} | tile
    half = _CELLS * stride // 2
    starts = [(r, c) for r in (row, row + half) for c in (column, column + half) if r < len(y) - 1 and c < len(x) - 1]
    below = [_terrain_tile(x, y, z, start, depth - 1, folder) for start in starts]
    return {"boundingVolume": {"box": united(below, low, high)}} | tile | {"children": below}


def _posts(first: int, last: int, stride: int, count: int) -> np.ndarray:
    return np.unique(np.minimum(np.arange(first, last + stride, stride)[: _CELLS + 1], count - 1))


def _grid(x: np.ndarray, y: np.ndarray, z: np.ndarray, *, skirt: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points and triangles of a height grid with a skirt that hides the seams to coarser neighbours."""
    xx, yy = np.meshgrid(x, y)
    points = np.column_stack([xx.ravel(), yy.ravel(), z.ravel()])
    number = np.arange(z.size).reshape(z.shape)
    a, b, c, d = number[1:, :-1], number[1:, 1:], number[:-1, 1:], number[:-1, :-1]
    faces = [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    edge = np.concatenate([number[0, ::-1], number[1:, 0], number[-1, 1:], number[-2:0:-1, -1]])
    low = len(points) + np.arange(len(edge))
    after, low_after = np.roll(edge, -1), np.roll(low, -1)
    faces += [np.column_stack([edge, low, low_after]), np.column_stack([edge, low_after, after])]
    hanging = points[edge] - [0.0, 0.0, skirt]
    return np.vstack([points, hanging]).astype(np.float32), np.concatenate(faces)


def _smooth_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    sums = np.stack(
        [sum(np.bincount(triangles[:, k], face[:, axis], len(points)) for k in range(3)) for axis in range(3)], axis=1
    )
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)


def _surface_glb(points: np.ndarray, triangles: np.ndarray) -> bytes:
    glb = Glb()
    normals = _smooth_normals(points.astype(float), triangles)
    attributes, node = quantized(glb, points, normals)
    material = {
        "pbrMetallicRoughness": {"baseColorFactor": _EARTH, "metallicFactor": 0.0, "roughnessFactor": 1.0},
        "doubleSided": True,
    }
    primitive = {"attributes": attributes, "indices": glb.indices(triangles), "material": 0}
    glb.document |= {"materials": [material], "meshes": [{"primitives": [primitive]}], "nodes": [node]}
    glb.document["scenes"], glb.document["scene"] = [{"nodes": [0]}], 0
    return glb.to_bytes()


def write_tree_tiles(
    city: City, frame: LocalFrame, folder: Path, *, language: str | None = None
) -> dict[str, Any] | None:
    """Write the trees as copies of a trunk and a crown a shape, and return their tile; None where none can be drawn."""
    sizes = tree_sizes(city, frame.origin)
    if not len(sizes.rows):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    children = []
    groups = [g for g in tiles_by_median(sizes.foot[:, 0], sizes.foot[:, 1], _TREES) if len(g)]
    for k, group in enumerate(groups):
        glb = Glb()
        glb.use("EXT_mesh_gpu_instancing", required=True)
        glb.use("EXT_instance_features")
        table = add_property_table(glb, "tree", tree_columns(city, sizes.rows[group], language))
        for shape, (form, kind) in tree_forms().items():
            chosen = np.arange(len(group)) if shape == "trunk" else np.flatnonzero(sizes.shape[group] == shape)
            if len(chosen):
                lift, scale = sizes.trunk(group[chosen]) if kind == "trunk" else sizes.crown(group[chosen])
                colour = _BARK if kind == "trunk" else _LEAVES[shape]
                _add_instances(glb, form, lift, scale, chosen, table, colour)
        glb.document["scenes"], glb.document["scene"] = [{"nodes": list(range(len(glb.document["nodes"])))}], 0
        (folder / f"{k:04d}.glb").write_bytes(glb.to_bytes())
        reach = np.column_stack([sizes.radius[group], sizes.radius[group], np.full(len(group), 0.5)])
        top = sizes.foot[group] + np.column_stack([np.zeros((len(group), 2)), sizes.height[group]])
        box = box_of((sizes.foot[group] - reach).min(axis=0), (top + reach).max(axis=0))
        children.append(
            {"boundingVolume": {"box": box}, "geometricError": 0.0, "content": {"uri": f"{folder.name}/{k:04d}.glb"}}
        )
    return {
        "boundingVolume": {"box": united(children)},
        "geometricError": _TREE_ERROR,
        "refine": "ADD",
        "children": children,
    }


def _add_instances(
    glb: Glb,
    form: tuple[np.ndarray, np.ndarray],
    lift: np.ndarray,
    scale: np.ndarray,
    feature: np.ndarray,
    table: int,
    colour: list[float],
) -> None:
    """Add a form with its copies; the form is turned to y up, so places and sizes are too."""
    points, triangles = form
    turned = np.column_stack([points[:, 0], points[:, 2], -points[:, 1]]).astype(np.float32)
    attributes = {
        "POSITION": glb.attribute(turned, bounds=True),
        "NORMAL": glb.attribute(_smooth_normals(turned.astype(float), triangles).astype(np.float32)),
    }
    material = glb.add(
        "materials",
        {"pbrMetallicRoughness": {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": 1.0}},
    )
    primitive = {"attributes": attributes, "indices": glb.indices(triangles), "material": material}
    mesh = glb.add("meshes", {"primitives": [primitive]})
    copies = {
        "TRANSLATION": glb.instances(np.column_stack([lift[:, 0], lift[:, 2], -lift[:, 1]]).astype(np.float32)),
        "SCALE": glb.instances(np.column_stack([scale[:, 0], scale[:, 2], scale[:, 1]]).astype(np.float32)),
        "_FEATURE_ID_0": glb.instances(feature.astype(np.float32)),
    }
    features = [{"featureCount": len(np.unique(feature)), "attribute": 0, "propertyTable": table}]
    glb.add(
        "nodes",
        {
            "mesh": mesh,
            "extensions": {
                "EXT_mesh_gpu_instancing": {"attributes": copies},
                "EXT_instance_features": {"featureIds": features},
            },
        },
    )
