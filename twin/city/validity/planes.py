"""Planes: points off the plane of their polygon (203) and folds (204); the plane coordinates of all points.

The plane is the one with the least sum of squared distances from all points of the polygon (the eigenvector of the
smallest eigenvalue of their covariance). Folds are looked for in a triangulation: a triangle whose normal leans away
from the plane's by more than the tolerance. Any triangulation that keeps to it will do; where earcut's does not, the
edges are flipped towards Delaunay's, which has the fewest slivers, before a polygon is blamed.

Source: Ledoux (2018), doi:10.1186/s40965-018-0043-x, errors 203 and 204.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.model import Polygons
from twin.city.validity.rows import add, nothing

__all__ = ["folds", "project"]


@njit(cache=True, nogil=True, error_model="numpy")
def _eigen(a: np.ndarray, vectors: np.ndarray) -> None:
    """Turn a symmetric 3 x 3 matrix diagonal (Jacobi's rotations, in place); columns of ``vectors`` belong to it."""
    for i in range(3):
        for k in range(3):
            vectors[i, k] = 1.0 if i == k else 0.0
    for _ in range(30):
        off = a[0, 1] ** 2 + a[0, 2] ** 2 + a[1, 2] ** 2
        if off <= 1e-32 * (a[0, 0] ** 2 + a[1, 1] ** 2 + a[2, 2] ** 2) or off == 0.0:
            return
        for p in range(2):
            for q in range(p + 1, 3):
                if a[p, q] == 0.0:
                    continue
                theta = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
                t = (1.0 if theta >= 0.0 else -1.0) / (abs(theta) + np.sqrt(theta * theta + 1.0))
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                for k in range(3):
                    akp, akq = a[k, p], a[k, q]
                    a[k, p], a[k, q] = c * akp - s * akq, s * akp + c * akq
                for k in range(3):
                    apk, aqk = a[p, k], a[q, k]
                    a[p, k], a[q, k] = c * apk - s * aqk, s * apk + c * aqk
                for k in range(3):
                    vkp, vkq = vectors[k, p], vectors[k, q]
                    vectors[k, p], vectors[k, q] = c * vkp - s * vkq, s * vkp + c * vkq


@njit(cache=True, nogil=True, error_model="numpy")
def _newell(xyz: np.ndarray, index: np.ndarray, begin: int, size: int, out: np.ndarray) -> None:
    """Write twice the vector area of a cleaned ring to ``out``."""
    out[:] = 0.0
    o = index[begin]
    for i in range(size):
        a, b = index[begin + i], index[begin + (i + 1) % size]
        for k in range(3):
            u, v = (k + 1) % 3, (k + 2) % 3
            out[k] += (xyz[a, u] - xyz[o, u]) * (xyz[b, v] - xyz[o, v])
            out[k] -= (xyz[a, v] - xyz[o, v]) * (xyz[b, u] - xyz[o, u])


@njit(cache=True, nogil=True, error_model="numpy")
def _frame(
    xyz: np.ndarray,
    index: np.ndarray,
    size: np.ndarray,
    ring_start: np.ndarray,
    first: int,
    last: int,
    frame: np.ndarray,
    centre: np.ndarray,
    a: np.ndarray,
) -> None:
    """Write the axes (two in the plane, then the normal) of a polygon to the rows of ``frame``."""
    count = 0
    centre[:] = 0.0
    o = index[ring_start[first]]
    for r in range(first, last):
        for i in range(size[r]):
            for k in range(3):
                centre[k] += xyz[index[ring_start[r] + i], k] - xyz[o, k]
            count += 1
    for k in range(3):
        centre[k] = xyz[o, k] + centre[k] / count
    a[:] = 0.0
    for r in range(first, last):
        for i in range(size[r]):
            point = xyz[index[ring_start[r] + i]]
            for k in range(3):
                for m in range(3):
                    a[k, m] += (point[k] - centre[k]) * (point[m] - centre[m])
    _eigen(a, frame)
    least = 0
    for k in range(1, 3):
        if a[k, k] < a[least, least]:
            least = k
    longest = (least + 1) % 3
    if a[longest, longest] < a[(least + 2) % 3, (least + 2) % 3]:
        longest = (least + 2) % 3
    u0, u1, u2 = frame[0, longest], frame[1, longest], frame[2, longest]
    n0, n1, n2 = frame[0, least], frame[1, least], frame[2, least]
    _newell(xyz, index, ring_start[first], size[first], a[0])
    if a[0, 0] * n0 + a[0, 1] * n1 + a[0, 2] * n2 < 0.0:
        n0, n1, n2 = -n0, -n1, -n2
    frame[0, 0], frame[0, 1], frame[0, 2] = u0, u1, u2
    frame[1, 0], frame[1, 1], frame[1, 2] = n1 * u2 - n2 * u1, n2 * u0 - n0 * u2, n0 * u1 - n1 * u0
    frame[2, 0], frame[2, 1], frame[2, 2] = n0, n1, n2


@njit(cache=True, nogil=True, error_model="numpy")
def project(
    start: int,
    stop: int,
    xyz: np.ndarray,
    ring_start: np.ndarray,
    polygon_start: np.ndarray,
    index: np.ndarray,
    size: np.ndarray,
    bad: np.ndarray,
    planarity: float,
    uv: np.ndarray,
    normal: np.ndarray,
    off: np.ndarray,
) -> np.ndarray:
    """Write plane coordinates ``uv`` of cleaned rings, each polygon's ``normal`` and farthest point ``off``; tell 203."""
    rows, count = np.empty((64, 9)), 0
    frame, a, centre = np.empty((3, 3)), np.empty((3, 3)), np.empty(3)
    for p in range(start, stop):
        if bad[p]:
            continue
        first, last = polygon_start[p], polygon_start[p + 1]
        _frame(xyz, index, size, ring_start, first, last, frame, centre, a)
        farthest, where, ring = -1.0, -1, -1
        for r in range(first, last):
            for i in range(ring_start[r], ring_start[r] + size[r]):
                x, y, z = xyz[index[i], 0] - centre[0], xyz[index[i], 1] - centre[1], xyz[index[i], 2] - centre[2]
                uv[i, 0] = x * frame[0, 0] + y * frame[0, 1] + z * frame[0, 2]
                uv[i, 1] = x * frame[1, 0] + y * frame[1, 1] + z * frame[1, 2]
                distance = abs(x * frame[2, 0] + y * frame[2, 1] + z * frame[2, 2])
                if distance > farthest:
                    farthest, where, ring = distance, index[i], r - first
        for k in range(3):
            normal[p, k] = frame[2, k]
        off[p] = farthest
        if farthest > planarity:
            rows, count = add(rows, count, 203, p, ring, -1, farthest, -1, xyz, where, where)
    return rows[:count]


@njit(cache=True, nogil=True, error_model="numpy")
def _cosine(xyz: np.ndarray, a: int, b: int, c: int, normal: np.ndarray) -> float:
    """Return the cosine between a triangle's normal and the polygon's, 1 for triangles without area."""
    ux, uy, uz = xyz[b, 0] - xyz[a, 0], xyz[b, 1] - xyz[a, 1], xyz[b, 2] - xyz[a, 2]
    vx, vy, vz = xyz[c, 0] - xyz[a, 0], xyz[c, 1] - xyz[a, 1], xyz[c, 2] - xyz[a, 2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    if length <= 1e-9:
        return 1.0
    return abs(nx * normal[0] + ny * normal[1] + nz * normal[2]) / length


@njit(cache=True, nogil=True, error_model="numpy")
def _least_cosines(
    corners: np.ndarray, polygon: np.ndarray, xyz: np.ndarray, normal: np.ndarray, least: np.ndarray, which: np.ndarray
) -> None:
    for t in range(corners.shape[0]):
        p = polygon[t]
        cosine = _cosine(xyz, corners[t, 0], corners[t, 1], corners[t, 2], normal[p])
        if cosine < least[p]:
            least[p], which[p] = cosine, t


@njit(cache=True, nogil=True, error_model="numpy")
def _in_circle(uv: np.ndarray, a: int, b: int, c: int, d: int) -> bool:
    """Tell whether d lies inside the circle through a, b, c (counter-clockwise)."""
    ax, ay = uv[a, 0] - uv[d, 0], uv[a, 1] - uv[d, 1]
    bx, by = uv[b, 0] - uv[d, 0], uv[b, 1] - uv[d, 1]
    cx, cy = uv[c, 0] - uv[d, 0], uv[c, 1] - uv[d, 1]
    a2, b2, c2 = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    size = max(a2, b2, c2)
    value = ax * (by * c2 - b2 * cy) - ay * (bx * c2 - b2 * cx) + a2 * (bx * cy - by * cx)
    return value > 1e-12 * size * size


@njit(cache=True, nogil=True, error_model="numpy")
def _turn(uv: np.ndarray, a: int, b: int, c: int) -> float:
    return (uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[a, 1]) - (uv[b, 1] - uv[a, 1]) * (uv[c, 0] - uv[a, 0])


@njit(cache=True, nogil=True, error_model="numpy")
def _flip_edges(triangles: np.ndarray, uv: np.ndarray) -> None:
    """Flip inner edges until the triangulation is Delaunay's (Lawson), in place."""
    count = triangles.shape[0]
    for _ in range(10 * count):
        flipped = False
        for s in range(count):
            for t in range(s + 1, count):
                for i in range(3):
                    a, b, c = triangles[s, i], triangles[s, (i + 1) % 3], triangles[s, (i + 2) % 3]
                    for j in range(3):
                        if triangles[t, j] != b or triangles[t, (j + 1) % 3] != a:
                            continue
                        d = triangles[t, (j + 2) % 3]
                        if _in_circle(uv, a, b, c, d) and _turn(uv, c, a, d) > 0.0 and _turn(uv, c, d, b) > 0.0:
                            triangles[s, 0], triangles[s, 1], triangles[s, 2] = c, a, d
                            triangles[t, 0], triangles[t, 1], triangles[t, 2] = c, d, b
                            flipped = True
                            break
                    if flipped:
                        break
                if flipped:
                    break
            if flipped:
                break
        if not flipped:
            return


def folds(
    polygons: Polygons,
    wanted: np.ndarray,
    index: np.ndarray,
    size: np.ndarray,
    uv: np.ndarray,
    normal: np.ndarray,
    degrees: float,
) -> np.ndarray:
    """Return rows of 204: polygons with a triangle that leans away from their plane.

    Parameters
    ----------
    polygons : Polygons
        Polygons [m].
    wanted : numpy.ndarray
        Rows of polygons to look at: plane within the tolerance, rings simple.
    index, size, uv, normal : numpy.ndarray
        Of the cleaned rings, see :func:`project`.
    degrees : float
        Largest angle allowed between a triangle's normal and the plane's [deg].
    """
    if not len(wanted):
        return nothing()
    from twin.city.triangles import triangulate

    corners, polygon = triangulate(polygons, wanted)
    limit = np.cos(np.radians(degrees))
    least, which = np.ones(len(polygons)), np.zeros(len(polygons), np.int64)
    _least_cosines(corners, polygon, polygons.xyz, normal, least, which)
    found = []
    place = np.full(len(polygons.xyz), -1, dtype=np.int64)
    for p in np.flatnonzero(least < limit):
        rings = range(polygons.polygon_start[p], polygons.polygon_start[p + 1])
        points = np.concatenate([np.arange(polygons.ring_start[r], polygons.ring_start[r] + size[r]) for r in rings])
        place[index[points]] = np.arange(len(points))
        mine = corners[np.searchsorted(polygon, p) : np.searchsorted(polygon, p, side="right")]
        local = place[mine]
        local = np.ascontiguousarray(local[(local >= 0).all(axis=1)])
        _flip_edges(local, uv[points])
        least[p] = 1.0
        globally = index[points][local]
        _least_cosines(globally, np.full(len(local), p), polygons.xyz, normal, least, which)
        if least[p] < limit:
            x, y, z = polygons.xyz[globally[which[p]]].mean(axis=0)
            found.append((204, p, -1, -1, np.degrees(np.arccos(least[p])), x, y, z, -1))
    return np.array(found, dtype=np.float64) if found else nothing()
