"""Shells that cross or touch themselves (306).

Two faces of a shell may meet in the vertices and edges they share, nowhere else. The faces of a shell are swept from
west to east; of pairs whose boxes meet, all triangles are compared.

Source: Ledoux (2018), doi:10.1186/s40965-018-0043-x, error 306.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.validity.contacts import meet, segment_distance_3d
from twin.city.validity.rings import TOUCH
from twin.city.validity.rows import add

__all__ = ["crossings", "places"]


@njit(cache=True, nogil=True, error_model="numpy")
def places(
    f0: int,
    f1: int,
    face_corner: np.ndarray,
    polygon: np.ndarray,
    vertex: np.ndarray,
    xyz: np.ndarray,
    first_point: np.ndarray,
    origin: np.ndarray,
) -> np.ndarray:
    """Return the place of each corner of a shell [m from ``origin``]: that of its vertex."""
    c0 = face_corner[f0]
    own = np.empty((face_corner[f1] - c0, 3))
    for f in range(f0, f1):
        for c in range(face_corner[f], face_corner[f + 1]):
            i = first_point[polygon[f]] + c - face_corner[f]
            for k in range(3):
                own[c - c0, k] = xyz[i, k] - origin[k]
    pos = np.empty_like(own)
    for c in range(own.shape[0]):
        for k in range(3):
            pos[c, k] = own[vertex[c0 + c], k]
    return pos


@njit(cache=True, nogil=True, error_model="numpy")
def _face_of(corner: int, face_corner: np.ndarray, f0: int, f1: int) -> int:
    low, high = f0, f1
    while high - low > 1:
        middle = (low + high) // 2
        if face_corner[middle] <= corner:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True, error_model="numpy")
def _shared(
    f: int,
    g: int,
    f0: int,
    f1: int,
    face_corner: np.ndarray,
    vertex: np.ndarray,
    mate: np.ndarray,
    following: np.ndarray,
    pos: np.ndarray,
    x: float,
    y: float,
    z: float,
    near: float,
) -> bool:
    """Tell whether a place lies on a vertex or edge that two faces share."""
    c0 = face_corner[f0]
    for c in range(face_corner[f], face_corner[f + 1]):
        m = mate[c]
        neighbour = m >= 0 and _face_of(m + c0, face_corner, f0, f1) == g
        if neighbour and segment_distance_3d(pos, c - c0, following[c], x, y, z) <= near:
            return True
        dx, dy, dz = x - pos[c - c0, 0], y - pos[c - c0, 1], z - pos[c - c0, 2]
        if dx * dx + dy * dy + dz * dz <= near * near:
            for e in range(face_corner[g], face_corner[g + 1]):
                if vertex[e] == vertex[c]:
                    return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _normals(f0: int, f1: int, face_corner: np.ndarray, following: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Return unit normal of each face of a shell, and its distance from the origin."""
    plane = np.zeros((f1 - f0, 4))
    c0 = face_corner[f0]
    for f in range(f1 - f0):
        begin, end = face_corner[f0 + f] - c0, face_corner[f0 + f + 1] - c0
        for c in range(begin, end):
            e = following[c0 + c]
            for k in range(3):
                u, v = (k + 1) % 3, (k + 2) % 3
                plane[f, k] += (pos[c, u] - pos[begin, u]) * (pos[e, v] - pos[begin, v])
                plane[f, k] -= (pos[c, v] - pos[begin, v]) * (pos[e, u] - pos[begin, u])
        size = np.sqrt(plane[f, 0] ** 2 + plane[f, 1] ** 2 + plane[f, 2] ** 2)
        for k in range(3):
            plane[f, k] = plane[f, k] / size if size > 0.0 else 0.0
        for c in range(begin, end):
            for k in range(3):
                plane[f, 3] += plane[f, k] * pos[c, k] / (end - begin)
    return plane


@njit(cache=True, nogil=True, error_model="numpy")
def _beside(
    f: int,
    g: int,
    f0: int,
    f1: int,
    face_corner: np.ndarray,
    vertex: np.ndarray,
    mate: np.ndarray,
    pos: np.ndarray,
    plane: np.ndarray,
    near: float,
) -> bool:
    """Tell whether face g lies on one side of the plane of face f but for one vertex or one edge they share."""
    c0, above, below, shared, edges = face_corner[f0], False, False, 0, 0
    n0, n1, n2, o = plane[f - f0, 0], plane[f - f0, 1], plane[f - f0, 2], plane[f - f0, 3]
    for c in range(face_corner[g], face_corner[g + 1]):
        i = c - c0
        distance = n0 * pos[i, 0] + n1 * pos[i, 1] + n2 * pos[i, 2] - o
        if abs(distance) <= near:
            common = False
            for e in range(face_corner[f], face_corner[f + 1]):
                common = common or vertex[e] == vertex[c]
            if not common:
                return False
            shared += 1
            m = mate[c]
            edges += m >= 0 and _face_of(m + c0, face_corner, f0, f1) == f
        elif distance > 0.0:
            above = True
        else:
            below = True
        if above and below:
            return False
    return (above or below) and (shared < 2 or (shared == 2 and edges == 1))


@njit(cache=True, nogil=True, error_model="numpy")
def _faces_cross(
    f: int,
    g: int,
    f0: int,
    f1: int,
    face_corner: np.ndarray,
    vertex: np.ndarray,
    mate: np.ndarray,
    following: np.ndarray,
    pos: np.ndarray,
    triangle_start: np.ndarray,
    triangles: np.ndarray,
    near: float,
    work: np.ndarray,
    where: np.ndarray,
) -> bool:
    """Tell whether two faces meet elsewhere than where they should; ``where[0]`` is the place."""
    for s in range(triangle_start[f], triangle_start[f + 1]):
        for t in range(triangle_start[g], triangle_start[g + 1]):
            how = meet(pos, triangles[s], triangles[t], work, where)
            if how >= 3:
                return True
            if how == 0:
                continue
            for share in (0.5, 0.0, 1.0):
                x = (1.0 - share) * where[0, 0] + share * where[1, 0]
                y = (1.0 - share) * where[0, 1] + share * where[1, 1]
                z = (1.0 - share) * where[0, 2] + share * where[1, 2]
                if not _shared(f, g, f0, f1, face_corner, vertex, mate, following, pos, x, y, z, near):
                    where[0, 0], where[0, 1], where[0, 2] = x, y, z
                    return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _boxes(f0: int, f1: int, face_corner: np.ndarray, pos: np.ndarray) -> np.ndarray:
    box = np.empty((f1 - f0, 6))
    for f in range(f0, f1):
        for k in range(3):
            box[f - f0, k], box[f - f0, 3 + k] = np.inf, -np.inf
        for c in range(face_corner[f] - face_corner[f0], face_corner[f + 1] - face_corner[f0]):
            for k in range(3):
                box[f - f0, k] = min(box[f - f0, k], pos[c, k] - TOUCH)
                box[f - f0, 3 + k] = max(box[f - f0, 3 + k], pos[c, k] + TOUCH)
    return box


@njit(cache=True, nogil=True, error_model="numpy")
def crossings(
    start: int,
    stop: int,
    wanted: np.ndarray,
    face_start: np.ndarray,
    face_corner: np.ndarray,
    polygon: np.ndarray,
    vertex: np.ndarray,
    mate: np.ndarray,
    following: np.ndarray,
    xyz: np.ndarray,
    first_point: np.ndarray,
    triangle_start: np.ndarray,
    triangles: np.ndarray,
    near: float,
    fine: np.ndarray,
) -> np.ndarray:
    """Tell 306 for shells ``wanted[start:stop]``, one row for each pair of faces; such shells lose their ``fine``.

    Parameters
    ----------
    face_corner, vertex, mate, following : numpy.ndarray
        Of ``Topology``.
    first_point : numpy.ndarray
        int64 (polygons + 1,): first point of each polygon.
    triangle_start, triangles : numpy.ndarray
        Triangles of each face, corners counted within the shell.
    near : float
        Contacts this close to a shared vertex or edge are where they should be [m].
    """
    rows, count = np.empty((64, 9)), 0
    work, where, ends, origin = np.empty((4, 9, 4)), np.empty((2, 3)), np.empty((1, 3)), np.empty(3)
    for w in range(start, stop):
        s = wanted[w]
        f0, f1 = face_start[s], face_start[s + 1]
        for k in range(3):
            origin[k] = xyz[first_point[polygon[f0]], k]
        pos = places(f0, f1, face_corner, polygon, vertex, xyz, first_point, origin)
        box = _boxes(f0, f1, face_corner, pos)
        plane = _normals(f0, f1, face_corner, following, pos)
        order = np.argsort(box[:, 0])
        for i in range(f1 - f0):
            a = order[i]
            for j in range(i + 1, f1 - f0):
                b = order[j]
                if box[b, 0] > box[a, 3]:
                    break
                if box[b, 1] > box[a, 4] or box[a, 1] > box[b, 4] or box[b, 2] > box[a, 5] or box[a, 2] > box[b, 5]:
                    continue
                if _beside(f0 + a, f0 + b, f0, f1, face_corner, vertex, mate, pos, plane, near) or _beside(
                    f0 + b, f0 + a, f0, f1, face_corner, vertex, mate, pos, plane, near
                ):
                    continue
                if _faces_cross(
                    f0 + min(a, b), f0 + max(a, b), f0, f1, face_corner, vertex, mate, following, pos,
                    triangle_start, triangles, near, work, where,
                ):  # fmt: skip
                    for k in range(3):
                        ends[0, k] = where[0, k] + origin[k]
                    p, q = polygon[f0 + min(a, b)], polygon[f0 + max(a, b)]
                    rows, count = add(rows, count, 306, p, -1, s, np.nan, q, ends, 0, 0)
                    fine[s] = False
    return rows[:count]
