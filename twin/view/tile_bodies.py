"""Buildings as tiles hold them: triangles sorted by tile with a normal and a feature a point, and plain boxes for far views.

Everything is done for the whole city at once in flat arrays; a tile is then a slice of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.view.meshes import Mesh

__all__ = ["Bodies", "Boxes", "bodies_of", "boxes_of", "tiles_by_median"]


@dataclass(frozen=True, eq=False)
class Bodies:
    """Triangles of features, points grouped by feature.

    Parameters
    ----------
    points, normals : numpy.ndarray
        float32 (n, 3) [m from the origin, z up], unit normals.
    feature : numpy.ndarray
        int64 (n,) feature of each point, ascending.
    triangles : numpy.ndarray
        int64 (t, 3) point numbers, ascending by feature.
    point_start, triangle_start : numpy.ndarray
        int64 (features + 1,).
    low, high : numpy.ndarray
        float64 (features, 3) corners of each feature's box.
    """

    points: np.ndarray
    normals: np.ndarray
    feature: np.ndarray
    triangles: np.ndarray
    point_start: np.ndarray
    triangle_start: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def slices(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of points and of triangles of some features, feature after feature."""
        return _rows(self.point_start, features), _rows(self.triangle_start, features)


def _rows(start: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    counts = start[chosen + 1] - start[chosen]
    begin = np.concatenate([[0], np.cumsum(counts)])
    return np.repeat(start[chosen] - begin[:-1], counts) + np.arange(begin[-1])


def bodies_of(mesh: Mesh, feature_of: np.ndarray, count: int) -> Bodies:
    """Return the triangles of a mesh by feature.

    Parameters
    ----------
    mesh : Mesh
        With points of its own for each polygon, so that a point has one normal.
    feature_of : numpy.ndarray
        int64 (objects,): feature of each owner of the mesh.
    count : int
        Number of features; each owns at least one triangle.
    """
    owner = feature_of[mesh.owner]
    a, b, c = (mesh.points[mesh.triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    length = np.linalg.norm(face, axis=1, keepdims=True)
    face = np.divide(face, length, out=np.zeros_like(face), where=length > 0)
    at = np.full(len(mesh.points), -1, np.int64)
    normals = np.zeros_like(mesh.points)
    for corner in range(3):
        at[mesh.triangles[:, corner]] = owner
        normals[mesh.triangles[:, corner]] = face
    order = np.argsort(at, kind="stable")
    order = order[np.searchsorted(at[order], 0) :]
    new = np.empty(len(at), np.int64)
    new[order] = np.arange(len(order))
    by_feature = np.argsort(owner, kind="stable")
    points, feature = mesh.points[order], at[order]
    point_start = np.searchsorted(feature, np.arange(count + 1))
    return Bodies(
        points=points,
        normals=normals[order],
        feature=feature,
        triangles=new[mesh.triangles[by_feature]],
        point_start=point_start,
        triangle_start=np.searchsorted(owner[by_feature], np.arange(count + 1)),
        low=np.minimum.reduceat(points, point_start[:-1]).astype(float),
        high=np.maximum.reduceat(points, point_start[:-1]).astype(float),
    )


@dataclass(frozen=True, eq=False)
class Boxes:
    """One upright box a feature, turned with its longest wall: float32 corners (features, 8, 3), and the base area [m2]."""

    corners: np.ndarray
    area: np.ndarray


def boxes_of(bodies: Bodies) -> Boxes:
    """Return a box for each feature: along its longest horizontal edge, as high as its middle roof height."""
    count = len(bodies.low)
    points, feature = bodies.points.astype(float), bodies.feature
    ends = bodies.triangles, bodies.triangles[:, [1, 2, 0]]
    owner = np.repeat(feature[bodies.triangles[:, 0]], 3)
    along = (points[ends[1]] - points[ends[0]]).reshape(-1, 3)
    level = np.abs(along[:, 2]) < 0.05
    wall = np.abs(bodies.normals[bodies.triangles[:, 0], 2]).repeat(3) < 0.2  # a roof's triangles have diagonals
    length = np.hypot(along[:, 0], along[:, 1]) * np.where(level, np.where(wall, 1.0, 1e-3), 0.0)
    order = np.lexsort((length, owner))
    last = np.searchsorted(owner[order], np.arange(count), side="right") - 1
    turn = np.arctan2(along[order[last], 1], along[order[last], 0])
    cos, sin = np.cos(turn), np.sin(turn)
    u = points[:, 0] * cos[feature] + points[:, 1] * sin[feature]
    v = points[:, 1] * cos[feature] - points[:, 0] * sin[feature]
    start = bodies.point_start[:-1]
    u0, u1, v0, v1 = (
        np.minimum.reduceat(u, start),
        np.maximum.reduceat(u, start),
        *(f.reduceat(v, start) for f in (np.minimum, np.maximum)),
    )
    roof = bodies.normals[:, 2] > 0.2
    sums = np.bincount(feature[roof], points[roof, 2], minlength=count)
    found = np.bincount(feature[roof], minlength=count)
    top = np.where(found > 0, sums / np.maximum(found, 1), bodies.high[:, 2])
    corners = np.empty((count, 8, 3), np.float32)
    for k, (cu, cv) in enumerate(((u0, v0), (u1, v0), (u1, v1), (u0, v1))):
        for base, z in ((0, bodies.low[:, 2]), (4, top)):
            corners[:, base + k] = np.column_stack([cu * cos - cv * sin, cu * sin + cv * cos, z])
    return Boxes(corners, (u1 - u0) * (v1 - v0))


def tiles_by_median(x: np.ndarray, y: np.ndarray, most: int) -> list[np.ndarray]:
    """Return rows in groups of at most ``most``, cut at medians into four by four: neighbours stand side by side.

    Four groups in a row belong to one parent, four parents to one grandparent.
    """
    groups = [np.arange(len(x))]
    while groups and max(len(group) for group in groups) > most:
        finer = []
        for group in groups:
            for half in _halves(group, x):
                finer += _halves(half, y)
        groups = finer
    return groups


def _halves(group: np.ndarray, along: np.ndarray) -> list[np.ndarray]:
    if len(group) < 2:
        return [group, group[:0]]
    order = group[np.argsort(along[group], kind="stable")]
    return [order[: len(order) // 2], order[len(order) // 2 :]]
