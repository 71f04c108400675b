"""Rings: too few points (101), repeated points (102), not closed (103), crossing or touching itself (104).

Rings are cleaned of repeated points first, so that one slip is told once; everything after works on the cleaned
rings. A ring is judged in the plane of its polygon (:mod:`twin.city.validity.planes`). Two segments touch where they
come within :data:`TOUCH` of each other: wide enough for rounding, far below the millimetre of a survey.

Source: Ledoux (2018), doi:10.1186/s40965-018-0043-x, section on validity of rings and polygons.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.validity.rows import add

__all__ = ["TOUCH", "clean", "segment_distance", "segments_meet", "simple"]

TOUCH = 1e-6
"""Distance [m] within which a point counts as lying on a line or plane."""

_SWEEP = 40  # rings with more points are swept, shorter ones compared pair by pair


@njit(cache=True, nogil=True, error_model="numpy")
def _near(xyz: np.ndarray, i: int, j: int, snap: float) -> bool:
    dx, dy, dz = xyz[i, 0] - xyz[j, 0], xyz[i, 1] - xyz[j, 1], xyz[i, 2] - xyz[j, 2]
    return dx * dx + dy * dy + dz * dz <= snap * snap


@njit(cache=True, nogil=True, error_model="numpy")
def _clean_ring(
    rows: np.ndarray,
    count: int,
    polygon: int,
    ring: int,
    begin: int,
    end: int,
    told_closed: bool,
    xyz: np.ndarray,
    snap: float,
    index: np.ndarray,
) -> tuple[np.ndarray, int, int, bool]:
    """Write a ring's different points to ``index``; returns rows, their number, points left, and if it closes."""
    before, kept, meets = count, 0, False
    for i in range(begin, end):
        if kept > 0 and _near(xyz, i, index[begin + kept - 1], snap):
            rows, count = add(rows, count, 102, polygon, ring, -1, np.nan, -1, xyz, i, i)
        else:
            index[begin + kept] = i
            kept += 1
    while kept > 1 and _near(xyz, index[begin + kept - 1], index[begin], snap):
        kept -= 1
        if told_closed or meets:
            rows, count = add(rows, count, 102, polygon, ring, -1, np.nan, -1, xyz, index[begin], index[begin])
        meets = True
    if kept < 3:
        rows, count = add(rows, before, 101, polygon, ring, -1, float(kept), -1, xyz, begin, begin)
    return rows, count, kept, meets


@njit(cache=True, nogil=True, error_model="numpy")
def clean(
    start: int,
    stop: int,
    xyz: np.ndarray,
    ring_start: np.ndarray,
    polygon_start: np.ndarray,
    closed: np.ndarray,
    snap: float,
    index: np.ndarray,
    size: np.ndarray,
    bad: np.ndarray,
) -> np.ndarray:
    """Clean the rings of polygons ``start`` to ``stop`` and tell 101, 102 and 103.

    Writes the points left to ``index`` (from each ring's start), their number to ``size`` and, for polygons that
    cannot be judged further, True to ``bad``; polygons marked there already are passed over.
    """
    rows, count = np.empty((64, 9)), 0
    for p in range(start, stop):
        first, last = polygon_start[p], polygon_start[p + 1]
        if bad[p]:
            continue
        any_meets = False
        for r in range(first, last):
            begin, end = ring_start[r], ring_start[r + 1]
            if end == begin:
                size[r] = 0
                continue
            rows, count, size[r], meets = _clean_ring(
                rows, count, p, r - first, begin, end, closed[p], xyz, snap, index
            )
            any_meets = any_meets or meets
            bad[p] = bad[p] or size[r] < 3
        if not closed[p] and not any_meets:
            ring, i = 0 if last == first + 1 else -1, ring_start[first]
            rows, count = add(rows, count, 103, p, ring, -1, np.nan, -1, xyz, i, i)
    return rows[:count]


@njit(cache=True, nogil=True, error_model="numpy")
def segment_distance(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Return the distance of a point from a segment of the plane."""
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    t = 0.0
    if length2 > 0.0:
        t = min(1.0, max(0.0, ((px - ax) * dx + (py - ay) * dy) / length2))
    return np.hypot(px - ax - t * dx, py - ay - t * dy)


@njit(cache=True, nogil=True, error_model="numpy")
def segments_meet(uv: np.ndarray, a: int, b: int, c: int, d: int) -> int:
    """Return 0 where segments ab and cd are apart, 1 where they touch, 2 where they cross."""
    ax, ay, bx, by = uv[a, 0], uv[a, 1], uv[b, 0], uv[b, 1]
    cx, cy, dx, dy = uv[c, 0], uv[c, 1], uv[d, 0], uv[d, 1]
    if (
        max(ax, bx) < min(cx, dx) - TOUCH
        or max(cx, dx) < min(ax, bx) - TOUCH
        or max(ay, by) < min(cy, dy) - TOUCH
        or max(cy, dy) < min(ay, by) - TOUCH
    ):
        return 0
    if (
        segment_distance(ax, ay, cx, cy, dx, dy) <= TOUCH
        or segment_distance(bx, by, cx, cy, dx, dy) <= TOUCH
        or segment_distance(cx, cy, ax, ay, bx, by) <= TOUCH
        or segment_distance(dx, dy, ax, ay, bx, by) <= TOUCH
    ):
        return 1
    c_side = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    d_side = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    a_side = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    b_side = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    return 2 if (c_side > 0.0) != (d_side > 0.0) and (a_side > 0.0) != (b_side > 0.0) else 0


@njit(cache=True, nogil=True, error_model="numpy")
def _spike(uv: np.ndarray, a: int, b: int, c: int) -> bool:
    """Tell whether the ring runs back over itself at b, or stands still there."""
    ax, ay, bx, by, cx, cy = uv[a, 0], uv[a, 1], uv[b, 0], uv[b, 1], uv[c, 0], uv[c, 1]
    if np.hypot(bx - ax, by - ay) <= TOUCH:
        return True
    return segment_distance(cx, cy, ax, ay, bx, by) <= TOUCH or segment_distance(ax, ay, bx, by, cx, cy) <= TOUCH


@njit(cache=True, nogil=True, error_model="numpy")
def _fault(uv: np.ndarray, begin: int, size: int) -> int:
    """Return the number (from 0) of a point near which the ring meets itself, -1 where it is simple."""
    for i in range(size):
        if _spike(uv, begin + i, begin + (i + 1) % size, begin + (i + 2) % size):
            return (i + 1) % size
    if size <= _SWEEP:
        for i in range(size - 2):
            for j in range(i + 2, size - 1 if i == 0 else size):
                if segments_meet(uv, begin + i, begin + i + 1, begin + j, begin + (j + 1) % size) > 0:
                    return i
        return -1
    low = np.empty(size)
    for i in range(size):
        low[i] = min(uv[begin + i, 0], uv[begin + (i + 1) % size, 0])
    order = np.argsort(low)
    for k in range(size):
        i = order[k]
        high = max(uv[begin + i, 0], uv[begin + (i + 1) % size, 0]) + TOUCH
        for m in range(k + 1, size):
            j = order[m]
            if low[j] > high:
                break
            apart = abs(i - j)
            if apart == 1 or apart == size - 1:
                continue
            if segments_meet(uv, begin + i, begin + (i + 1) % size, begin + j, begin + (j + 1) % size) > 0:
                return min(i, j)
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _returns(xyz: np.ndarray, index: np.ndarray, begin: int, size: int, snap: float) -> int:
    """Return the number (from 0) of a point the ring comes back to, -1 where there is none."""
    for i in range(size - 2):
        for j in range(i + 2, size - 1 if i == 0 else size):
            if _near(xyz, index[begin + i], index[begin + j], snap):
                return i
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def simple(
    start: int,
    stop: int,
    xyz: np.ndarray,
    uv: np.ndarray,
    ring_start: np.ndarray,
    polygon_start: np.ndarray,
    index: np.ndarray,
    size: np.ndarray,
    off_plane: np.ndarray,
    snap: float,
    bad: np.ndarray,
) -> np.ndarray:
    """Tell 104 for the rings of polygons ``start`` to ``stop``; such polygons are marked in ``bad``.

    Of polygons ``off_plane`` the projection says nothing: in them, only points a ring comes back to are told.
    """
    rows, count = np.empty((64, 9)), 0
    for p in range(start, stop):
        if bad[p]:
            continue
        first, last = polygon_start[p], polygon_start[p + 1]
        for r in range(first, last):
            if size[r] < 3:
                continue
            if off_plane[p]:
                i = _returns(xyz, index, ring_start[r], size[r], snap)
            else:
                i = _fault(uv, ring_start[r], size[r])
            if i >= 0:
                at = index[ring_start[r] + i]
                rows, count = add(rows, count, 104, p, r - first, -1, np.nan, -1, xyz, at, at)
                bad[p] = True
    return rows[:count]
