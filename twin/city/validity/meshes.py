"""Shells as triangle meshes near their origin, how two of them meet, and whether a place lies inside one.

Whether a place is inside is told by the winding number: the sum of the solid angles of all triangles seen from it.

Source: van Oosterom and Strackee (1983), doi:10.1109/TBME.1983.325207, equation 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from twin.city.model import Polygons
from twin.city.validity.contacts import ALIKE, CROSSING, OVERLAPPING, TOUCHING, meet, point_distance
from twin.city.validity.crossings import places
from twin.city.validity.members import Shells

__all__ = [
    "ALIKE",
    "CROSSING",
    "OVERLAPPING",
    "TOUCHING",
    "Contact",
    "Mesh",
    "Meshes",
    "contact",
    "inside",
    "same",
    "samples",
]

_ON = 1e-5  # [m] places this close to a mesh lie on it


@dataclass(frozen=True)
class Mesh:
    """One shell.

    Parameters
    ----------
    shell : int
        Row of the table of shells.
    pos : numpy.ndarray
        float64 (corners, 3): place of each corner [m from the origin of its :class:`Meshes`].
    triangles : numpy.ndarray
        int64 (t, 3): corners.
    face_corner, vertex, following : numpy.ndarray
        Where the corners of each face begin; the vertex and the next corner of the ring of each corner.
    """

    shell: int
    pos: np.ndarray
    triangles: np.ndarray
    face_corner: np.ndarray
    vertex: np.ndarray
    following: np.ndarray

    @property
    def low(self) -> np.ndarray:
        """Least coordinates [m]."""
        return np.asarray(self.pos.min(axis=0))

    @property
    def high(self) -> np.ndarray:
        """Greatest coordinates [m]."""
        return np.asarray(self.pos.max(axis=0))

    @property
    def vertices(self) -> np.ndarray:
        """Different places of corners (n, 3) [m]."""
        return self.pos[np.unique(self.vertex)]


@dataclass(frozen=True)
class Meshes:
    """Makes meshes of shells about one origin at a time.

    Parameters
    ----------
    polygons, shells
        The city's polygons and the table of shells.
    face_corner, corner_start, vertex, following : numpy.ndarray
        Of ``Topology``.
    triangle_start, triangles : numpy.ndarray
        Triangles of each face, corners counted within the shell.
    """

    polygons: Polygons
    shells: Shells
    face_corner: np.ndarray
    corner_start: np.ndarray
    vertex: np.ndarray
    following: np.ndarray
    triangle_start: np.ndarray
    triangles: np.ndarray

    def origin(self, shell: int) -> np.ndarray:
        """Return the first point of a shell, as an origin for it and its neighbours."""
        polygon = self.shells.polygon[self.shells.face_start[shell]]
        return np.asarray(self.polygons.xyz[self.polygons.ring_start[self.polygons.polygon_start[polygon]]])

    def mesh(self, shell: int, origin: np.ndarray) -> Mesh:
        """Return one shell as a mesh about an origin."""
        f0, f1 = self.shells.face_start[shell], self.shells.face_start[shell + 1]
        c0, c1 = self.corner_start[shell], self.corner_start[shell + 1]
        first_point = self.polygons.ring_start[self.polygons.polygon_start]
        pos = places(
            f0, f1, self.face_corner, self.shells.polygon, self.vertex, self.polygons.xyz, first_point, origin
        )  # fmt: skip
        triangles = self.triangles[self.triangle_start[f0] : self.triangle_start[f1]]
        v = self.vertex[c0:c1][triangles]
        whole = (v[:, 0] != v[:, 1]) & (v[:, 1] != v[:, 2]) & (v[:, 2] != v[:, 0])
        return Mesh(
            shell, pos, triangles[whole], self.face_corner[f0 : f1 + 1] - c0, self.vertex[c0:c1], self.following[c0:c1]
        )  # fmt: skip


@dataclass(frozen=True)
class Contact:
    """How two meshes meet.

    Parameters
    ----------
    kinds : frozenset of int
        Which of touching, crossing and overlapping occur.
    place : numpy.ndarray
        Where the gravest of them occurs first [m from the origin].
    segments : numpy.ndarray
        float64 (n, 6): ends of what triangles share [m].
    """

    kinds: frozenset[int]
    place: np.ndarray
    segments: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def _all_meetings(pos: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    work, where = np.empty((4, 9, 4)), np.empty((2, 3))
    found, count = np.empty((64, 7)), 0
    box = np.empty((second.shape[0], 6))
    for t in range(second.shape[0]):
        for k in range(3):
            p, q, r = pos[second[t, 0], k], pos[second[t, 1], k], pos[second[t, 2], k]
            box[t, k], box[t, 3 + k] = min(p, q, r) - 1e-6, max(p, q, r) + 1e-6
    for s in range(first.shape[0]):
        for t in range(second.shape[0]):
            apart = False
            for k in range(3):
                p, q, r = pos[first[s, 0], k], pos[first[s, 1], k], pos[first[s, 2], k]
                apart = apart or min(p, q, r) > box[t, 3 + k] or max(p, q, r) < box[t, k]
            if apart:
                continue
            how = meet(pos, first[s], second[t], work, where)
            if how == 0:
                continue
            if count == found.shape[0]:
                longer = np.empty((2 * count, 7))
                for i in range(count):
                    for k in range(7):
                        longer[i, k] = found[i, k]
                found = longer
            found[count, 0] = how
            for k in range(3):
                found[count, 1 + k], found[count, 4 + k] = where[0, k], where[1, k]
            count += 1
    return found[:count]


def contact(a: Mesh, b: Mesh) -> Contact:
    """Return how two meshes about the same origin meet."""
    pos = np.concatenate([a.pos, b.pos])
    found = _all_meetings(pos, a.triangles, b.triangles + len(a.pos))
    if not len(found):
        return Contact(frozenset(), np.full(3, np.nan), found[:, 1:])
    gravest = found[np.argmax(found[:, 0])]
    kinds = frozenset(int(kind) for kind in np.unique(found[:, 0]))
    return Contact(kinds, 0.5 * (gravest[1:4] + gravest[4:7]), found[found[:, 0] < OVERLAPPING, 1:])


@njit(cache=True, nogil=True, error_model="numpy")
def _inside(pos: np.ndarray, triangles: np.ndarray, points: np.ndarray, on: float) -> np.ndarray:
    """Return for each point 1 inside, 0 outside, -1 on the mesh."""
    state = np.zeros(points.shape[0], np.int8)
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        total = 0.0
        for t in range(triangles.shape[0]):
            if point_distance(pos, triangles[t], x, y, z) <= on:
                state[i] = -1
                break
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            ax, ay, az = pos[a, 0] - x, pos[a, 1] - y, pos[a, 2] - z
            bx, by, bz = pos[b, 0] - x, pos[b, 1] - y, pos[b, 2] - z
            cx, cy, cz = pos[c, 0] - x, pos[c, 1] - y, pos[c, 2] - z
            la, lb, lc = (
                np.sqrt(ax * ax + ay * ay + az * az),
                np.sqrt(bx * bx + by * by + bz * bz),
                np.sqrt(cx * cx + cy * cy + cz * cz),
            )
            volume = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
            ab, bc, ca = ax * bx + ay * by + az * bz, bx * cx + by * cy + bz * cz, cx * ax + cy * ay + cz * az
            total += 2.0 * np.arctan2(volume, la * lb * lc + ab * lc + bc * la + ca * lb)
        if state[i] == 0 and abs(total) > 2.0 * np.pi:
            state[i] = 1
    return state


def inside(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Return for each point 1 where it lies inside a closed mesh whose faces agree, 0 outside, -1 on it."""
    return np.asarray(_inside(mesh.pos, mesh.triangles, np.ascontiguousarray(points), _ON))


def samples(mesh: Mesh) -> np.ndarray:
    """Return places of a mesh that tell on which side of another it lies: vertices and centres of triangles."""
    return np.concatenate([mesh.vertices, mesh.pos[mesh.triangles].mean(axis=1)])


def same(a: Mesh, b: Mesh, snap: float) -> bool:
    """Tell whether two meshes have the same vertices and as many faces."""
    p, q = a.vertices, b.vertices
    if len(p) != len(q) or len(a.face_corner) != len(b.face_corner) or np.abs(a.low - b.low).max() > snap:
        return False
    from scipy.spatial import cKDTree

    return bool((cKDTree(q).query(p)[0] <= max(snap, _ON)).all())
