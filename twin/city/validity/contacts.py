"""Contacts of triangles in space: how two triangles meet, and where.

Each triangle is set against the plane of the other; where both reach across, their stretches on the line the planes
share are compared. Triangles of one plane are clipped against each other.

Source: Moeller (1997), A fast triangle-triangle intersection test, doi:10.1080/10867651.1997.10487472; Sutherland and
Hodgman (1974), doi:10.1145/360767.360802.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.validity.rings import TOUCH

__all__ = ["ALIKE", "APART", "CROSSING", "OVERLAPPING", "TOUCHING", "meet", "point_distance", "segment_distance_3d"]

APART, TOUCHING, CROSSING, OVERLAPPING, ALIKE = 0, 1, 2, 3, 4
"""How two triangles meet: not; in points or edges of one of them; through each other; in one plane, facing each other;
in one plane, facing the same way."""

_LEAST_OVERLAP = 1e-5  # [m2] area two triangles of one plane must share to overlap


@njit(cache=True, nogil=True, error_model="numpy")
def segment_distance_3d(pos: np.ndarray, a: int, b: int, x: float, y: float, z: float) -> float:
    """Return the distance of a place from the segment between two points [m]."""
    dx, dy, dz = pos[b, 0] - pos[a, 0], pos[b, 1] - pos[a, 1], pos[b, 2] - pos[a, 2]
    px, py, pz = x - pos[a, 0], y - pos[a, 1], z - pos[a, 2]
    length2 = dx * dx + dy * dy + dz * dz
    t = min(1.0, max(0.0, (px * dx + py * dy + pz * dz) / length2)) if length2 > 0.0 else 0.0
    px, py, pz = px - t * dx, py - t * dy, pz - t * dz
    return np.sqrt(px * px + py * py + pz * pz)


@njit(cache=True, nogil=True, error_model="numpy")
def _plane(pos: np.ndarray, t: np.ndarray, n: np.ndarray) -> bool:
    """Write a triangle's unit normal; False where it has no area."""
    a, b, c = t[0], t[1], t[2]
    for k in range(3):
        u, v = (k + 1) % 3, (k + 2) % 3
        n[k] = (pos[b, u] - pos[a, u]) * (pos[c, v] - pos[a, v]) - (pos[b, v] - pos[a, v]) * (pos[c, u] - pos[a, u])
    size = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
    if size <= 1e-12:
        return False
    for k in range(3):
        n[k] /= size
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _sides(pos: np.ndarray, t: np.ndarray, n: np.ndarray, o: int, d: np.ndarray) -> tuple[int, int]:
    """Write the distances of a triangle's corners from a plane, 0 where they touch it; how many are above and below."""
    above, below = 0, 0
    for i in range(3):
        s = 0.0
        for k in range(3):
            s += n[k] * (pos[t[i], k] - pos[o, k])
        d[i] = 0.0 if abs(s) <= TOUCH else s
        above += d[i] > 0.0
        below += d[i] < 0.0
    return above, below


@njit(cache=True, nogil=True, error_model="numpy")
def _stretch(pos: np.ndarray, t: np.ndarray, d: np.ndarray, line: np.ndarray, ends: np.ndarray) -> int:
    """Write where a triangle meets a plane (two places with their position along the line); how many there are."""
    count = 0
    for i in range(3):
        j = (i + 1) % 3
        share = -1.0
        if d[i] == 0.0:
            share = 0.0
        elif (d[i] > 0.0 and d[j] < 0.0) or (d[i] < 0.0 and d[j] > 0.0):
            share = d[i] / (d[i] - d[j])
        if share < 0.0 or count == 2:
            continue
        along = 0.0
        for k in range(3):
            ends[count, k] = pos[t[i], k] + share * (pos[t[j], k] - pos[t[i], k])
            along += line[k] * ends[count, k]
        ends[count, 3] = along
        count += 1
    if count == 1:
        for k in range(4):
            ends[1, k] = ends[0, k]
    elif count == 2 and ends[0, 3] > ends[1, 3]:
        for k in range(4):
            ends[0, k], ends[1, k] = ends[1, k], ends[0, k]
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _shared_area(pos: np.ndarray, s: np.ndarray, t: np.ndarray, n: np.ndarray, work: np.ndarray) -> float:
    """Return the area two triangles of one plane share [m2], seen along the axis its normal leans to."""
    axis = 0
    for k in range(1, 3):
        if abs(n[k]) > abs(n[axis]):
            axis = k
    u, v = (axis + 1) % 3, (axis + 2) % 3
    turn = (pos[t[1], u] - pos[t[0], u]) * (pos[t[2], v] - pos[t[0], v])
    turn -= (pos[t[1], v] - pos[t[0], v]) * (pos[t[2], u] - pos[t[0], u])
    sign = 1.0 if turn > 0.0 else -1.0
    count, now = 3, 0
    for i in range(3):
        work[0, i, 0], work[0, i, 1] = pos[s[i], u], pos[s[i], v]
    for i in range(3):
        ax, ay = pos[t[i], u], pos[t[i], v]
        bx, by = pos[t[(i + 1) % 3], u], pos[t[(i + 1) % 3], v]
        kept, then = 0, 1 - now
        for j in range(count):
            px, py = work[now, j, 0], work[now, j, 1]
            qx, qy = work[now, (j + 1) % count, 0], work[now, (j + 1) % count, 1]
            p = sign * ((bx - ax) * (py - ay) - (by - ay) * (px - ax))
            q = sign * ((bx - ax) * (qy - ay) - (by - ay) * (qx - ax))
            if p >= 0.0:
                work[then, kept, 0], work[then, kept, 1] = px, py
                kept += 1
            if (p > 0.0 and q < 0.0) or (p < 0.0 and q > 0.0):
                work[then, kept, 0] = px + p / (p - q) * (qx - px)
                work[then, kept, 1] = py + p / (p - q) * (qy - py)
                kept += 1
        count, now = kept, then
        if count < 3:
            return 0.0
    area = 0.0
    for j in range(count):
        i = (j + 1) % count
        area += work[now, j, 0] * work[now, i, 1] - work[now, j, 1] * work[now, i, 0]
    for k in range(2):
        work[0, 0, k] = work[now, 0, k]
    return abs(0.5 * area / n[axis])


@njit(cache=True, nogil=True, error_model="numpy")
def meet(pos: np.ndarray, s: np.ndarray, t: np.ndarray, work: np.ndarray, where: np.ndarray) -> int:
    """Tell how two triangles meet (:data:`APART` ...), and write the ends of what they share to ``where`` (2, 3).

    Parameters
    ----------
    pos : numpy.ndarray
        float64 (n, 3) [m], best near the origin.
    s, t : numpy.ndarray
        int64 (3,): corners of the triangles.
    work : numpy.ndarray
        float64 (4, 9, 4) to work in.
    where : numpy.ndarray
        float64 (2, 3) for the result.
    """
    for k in range(3):
        low_s = min(pos[s[0], k], pos[s[1], k], pos[s[2], k])
        high_s = max(pos[s[0], k], pos[s[1], k], pos[s[2], k])
        low_t = min(pos[t[0], k], pos[t[1], k], pos[t[2], k])
        high_t = max(pos[t[0], k], pos[t[1], k], pos[t[2], k])
        if low_s > high_t + TOUCH or low_t > high_s + TOUCH:
            return 0
    n, m, line, d, e = work[2, 0], work[2, 1], work[2, 2], work[2, 3], work[2, 4]
    if not (_plane(pos, s, n) and _plane(pos, t, m)):
        return 0
    above_t, below_t = _sides(pos, t, n, s[0], d)
    if above_t == 3 or below_t == 3:
        return 0
    above_s, below_s = _sides(pos, s, m, t[0], e)
    if above_s == 3 or below_s == 3:
        return 0
    if above_t + below_t == 0 or above_s + below_s == 0:
        shared = _shared_area(pos, s, t, n, work)
        for k in range(3):
            where[0, k] = (pos[s[0], k] + pos[s[1], k] + pos[s[2], k]) / 3.0
            where[1, k] = (pos[t[0], k] + pos[t[1], k] + pos[t[2], k]) / 3.0
        if shared <= _LEAST_OVERLAP:
            return 0
        return 4 if n[0] * m[0] + n[1] * m[1] + n[2] * m[2] > 0.0 else 3
    for k in range(3):
        line[k] = n[(k + 1) % 3] * m[(k + 2) % 3] - n[(k + 2) % 3] * m[(k + 1) % 3]
    size = np.sqrt(line[0] * line[0] + line[1] * line[1] + line[2] * line[2])
    if size <= 1e-14:
        return 0
    for k in range(3):
        line[k] /= size
    ends_s, ends_t = work[3, 0:2], work[3, 2:4]
    if _stretch(pos, s, e, line, ends_s) == 0 or _stretch(pos, t, d, line, ends_t) == 0:
        return 0
    low = 0 if ends_s[0, 3] >= ends_t[0, 3] else 1
    high = 0 if ends_s[1, 3] <= ends_t[1, 3] else 1
    from_, to = max(ends_s[0, 3], ends_t[0, 3]), min(ends_s[1, 3], ends_t[1, 3])
    if from_ > to + TOUCH:
        return 0
    for k in range(3):
        where[0, k] = ends_s[0, k] if low == 0 else ends_t[0, k]
        where[1, k] = ends_s[1, k] if high == 0 else ends_t[1, k]
    both = above_t > 0 and below_t > 0 and above_s > 0 and below_s > 0
    return 2 if both and to - from_ > TOUCH else 1


@njit(cache=True, nogil=True, error_model="numpy")
def point_distance(pos: np.ndarray, t: np.ndarray, x: float, y: float, z: float) -> float:
    """Return the distance of a place from a triangle [m]."""
    a, b, c = t[0], t[1], t[2]
    nx = (pos[b, 1] - pos[a, 1]) * (pos[c, 2] - pos[a, 2]) - (pos[b, 2] - pos[a, 2]) * (pos[c, 1] - pos[a, 1])
    ny = (pos[b, 2] - pos[a, 2]) * (pos[c, 0] - pos[a, 0]) - (pos[b, 0] - pos[a, 0]) * (pos[c, 2] - pos[a, 2])
    nz = (pos[b, 0] - pos[a, 0]) * (pos[c, 1] - pos[a, 1]) - (pos[b, 1] - pos[a, 1]) * (pos[c, 0] - pos[a, 0])
    size = np.sqrt(nx * nx + ny * ny + nz * nz)
    inside = size > 1e-12
    for i in range(3):
        p, q = t[i], t[(i + 1) % 3]
        ex, ey, ez = pos[q, 0] - pos[p, 0], pos[q, 1] - pos[p, 1], pos[q, 2] - pos[p, 2]
        px, py, pz = x - pos[p, 0], y - pos[p, 1], z - pos[p, 2]
        side = nx * (ey * pz - ez * py) + ny * (ez * px - ex * pz) + nz * (ex * py - ey * px)
        inside = inside and side >= 0.0
    if inside:
        return abs(nx * (x - pos[a, 0]) + ny * (y - pos[a, 1]) + nz * (z - pos[a, 2])) / size
    return min(
        segment_distance_3d(pos, a, b, x, y, z),
        segment_distance_3d(pos, b, c, x, y, z),
        segment_distance_3d(pos, c, a, x, y, z),
    )
