"""Polygons with holes: codes 201, 202 and 205 to 208.

Rings may not cross (201), repeat (202), lie outside (206) or in each other (207), turn the same way (208).
Rings of a polygon may touch each other in single points. Such points join rings in a graph; a closed circle in it
means that the interior of the polygon is in several pieces.

Source: Ledoux (2018), doi:10.1186/s40965-018-0043-x; OGC 06-103r4 (Simple Features), 6.1.11.1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.validity.rings import TOUCH, segment_distance, segments_meet
from twin.city.validity.rows import add

__all__ = ["holes"]

_APART, _TOUCHING, _CROSSING = 0, 1, 2


@njit(cache=True, nogil=True, error_model="numpy")
def _area(uv: np.ndarray, begin: int, size: int) -> float:
    total = 0.0
    for i in range(size):
        a, b = begin + i, begin + (i + 1) % size
        total += uv[a, 0] * uv[b, 1] - uv[a, 1] * uv[b, 0]
    return 0.5 * total


@njit(cache=True, nogil=True, error_model="numpy")
def _on_ring(u: float, v: float, uv: np.ndarray, begin: int, size: int) -> bool:
    for i in range(size):
        a, b = begin + i, begin + (i + 1) % size
        if segment_distance(u, v, uv[a, 0], uv[a, 1], uv[b, 0], uv[b, 1]) <= TOUCH:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _inside(u: float, v: float, uv: np.ndarray, begin: int, size: int) -> bool:
    """Tell whether a point that lies not on the ring lies inside it (crossings of a ray)."""
    odd = False
    for i in range(size):
        a, b = begin + i, begin + (i + 1) % size
        if (uv[a, 1] > v) != (uv[b, 1] > v):
            across = uv[a, 0] + (v - uv[a, 1]) / (uv[b, 1] - uv[a, 1]) * (uv[b, 0] - uv[a, 0])
            if u < across:
                odd = not odd
    return odd


@njit(cache=True, nogil=True, error_model="numpy")
def _same(uv: np.ndarray, a: int, a_size: int, b: int, b_size: int) -> bool:
    """Tell whether two rings have the same points."""
    if a_size != b_size:
        return False
    for i in range(a_size):
        found = False
        for j in range(b_size):
            if np.hypot(uv[a + i, 0] - uv[b + j, 0], uv[a + i, 1] - uv[b + j, 1]) <= TOUCH:
                found = True
                break
        if not found:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _keep_touch(touches: np.ndarray, count: int, u: float, v: float) -> int:
    for k in range(count):
        if np.hypot(touches[k, 0] - u, touches[k, 1] - v) <= 10.0 * TOUCH:
            return count
    if count < touches.shape[0]:
        touches[count, 0], touches[count, 1] = u, v
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _meeting(uv: np.ndarray, a: int, a_size: int, b: int, b_size: int, touches: np.ndarray) -> tuple[int, int]:
    """Return how two rings meet, and in how many single points they touch (written to ``touches``)."""
    count = 0
    for i in range(a_size):
        i1 = a + (i + 1) % a_size
        for j in range(b_size):
            j1 = b + (j + 1) % b_size
            how = segments_meet(uv, a + i, i1, b + j, j1)
            if how == 2:
                return _CROSSING, 0
            if how == 0:
                continue
            before, shared = count, 0
            for end in (a + i, i1):
                if segment_distance(uv[end, 0], uv[end, 1], uv[b + j, 0], uv[b + j, 1], uv[j1, 0], uv[j1, 1]) <= TOUCH:
                    count = _keep_touch(touches, count, uv[end, 0], uv[end, 1])
                    shared += 1
            for end in (b + j, j1):
                if segment_distance(uv[end, 0], uv[end, 1], uv[a + i, 0], uv[a + i, 1], uv[i1, 0], uv[i1, 1]) <= TOUCH:
                    count = _keep_touch(touches, count, uv[end, 0], uv[end, 1])
                    shared += 1
            if shared > 1 and _along(uv, a + i, i1, b + j, j1):
                return _CROSSING, before
    return (_TOUCHING if count else _APART), count


@njit(cache=True, nogil=True, error_model="numpy")
def _along(uv: np.ndarray, a: int, b: int, c: int, d: int) -> bool:
    """Tell whether two touching segments share more than a point."""
    dx, dy = uv[b, 0] - uv[a, 0], uv[b, 1] - uv[a, 1]
    length = np.hypot(dx, dy)
    low, high = np.inf, -np.inf
    for end in (c, d):
        px, py = uv[end, 0] - uv[a, 0], uv[end, 1] - uv[a, 1]
        if abs(dx * py - dy * px) > 2.0 * TOUCH * length:
            return False
        t = (dx * px + dy * py) / length
        low, high = min(low, t), max(high, t)
    return min(high, length) - max(low, 0.0) > 10.0 * TOUCH


@njit(cache=True, nogil=True, error_model="numpy")
def _side(uv: np.ndarray, a: int, a_size: int, b: int, b_size: int) -> tuple[bool, bool]:
    """Return whether ring b has points inside, and points outside, ring a; points on it do not count."""
    inside, outside = False, False
    for j in range(b_size):
        j1 = b + (j + 1) % b_size
        for half in (0.0, 0.5):
            u = (1.0 - half) * uv[b + j, 0] + half * uv[j1, 0]
            v = (1.0 - half) * uv[b + j, 1] + half * uv[j1, 1]
            if _on_ring(u, v, uv, a, a_size):
                continue
            if _inside(u, v, uv, a, a_size):
                inside = True
            else:
                outside = True
    return inside, outside


@njit(cache=True, nogil=True, error_model="numpy")
def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True, error_model="numpy")
def _pair_code(
    uv: np.ndarray, a: int, a_size: int, b: int, b_size: int, outer: bool, touches: np.ndarray
) -> tuple[int, int]:
    """Return the code of a pair of rings (0 = fine) and the number of points they touch in."""
    if _same(uv, a, a_size, b, b_size):
        return 202, 0
    how, count = _meeting(uv, a, a_size, b, b_size, touches)
    if how == _CROSSING:
        return 201, 0
    inside, outside = _side(uv, a, a_size, b, b_size)
    if outer:
        if inside and outside:
            return 201, 0
        return (206, count) if not inside else (0, count)
    inside_b, outside_b = _side(uv, b, b_size, a, a_size)
    if (inside and outside) or (inside_b and outside_b):
        return 201, 0
    return (207, count) if inside or inside_b else (0, count)


@njit(cache=True, nogil=True, error_model="numpy")
def _attach(links: np.ndarray, count: int, ring: int, node: int) -> int:
    """Note that a ring touches a node, once."""
    for k in range(count):
        if links[k, 0] == ring and links[k, 1] == node:
            return count
    if count < links.shape[0]:
        links[count, 0], links[count, 1] = ring, node
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _node(nodes: np.ndarray, count: int, u: float, v: float) -> tuple[int, int]:
    """Return the number of the node at a place, a new one where there is none, and how many there are."""
    for n in range(count):
        if np.hypot(nodes[n, 0] - u, nodes[n, 1] - v) <= 10.0 * TOUCH:
            return n, count
    if count < nodes.shape[0]:
        nodes[count, 0], nodes[count, 1] = u, v
        return count, count + 1
    return count - 1, count


@njit(cache=True, nogil=True, error_model="numpy")
def _cutting(links: np.ndarray, count: int, rings: int, nodes: int) -> int:
    """Return a ring that closes a circle of touching rings, -1 where there is none."""
    parent = np.arange(rings + nodes)
    for k in range(count):
        a, b = _root(parent, links[k, 0]), _root(parent, rings + links[k, 1])
        if a == b:
            return links[k, 0]
        parent[b] = a
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def holes(
    start: int,
    stop: int,
    wanted: np.ndarray,
    xyz: np.ndarray,
    uv: np.ndarray,
    ring_start: np.ndarray,
    polygon_start: np.ndarray,
    index: np.ndarray,
    size: np.ndarray,
    bad: np.ndarray,
) -> np.ndarray:
    """Tell 201, 202, 205, 206, 207 and 208 for polygons ``wanted[start:stop]``; such polygons are marked in ``bad``."""
    rows, count = np.empty((64, 9)), 0
    touches, nodes, links = np.empty((256, 2)), np.empty((1024, 2)), np.empty((4096, 2), np.int64)
    for w in range(start, stop):
        p = wanted[w]
        first, last = polygon_start[p], polygon_start[p + 1]
        node_count, link_count, before = 0, 0, count
        outer_turn = _area(uv, ring_start[first], size[first]) > 0.0
        for j in range(first + 1, last):
            if size[j] < 3:
                continue
            b, b_size = ring_start[j], size[j]
            at = index[b]
            for i in range(first, j):
                if size[i] < 3:
                    continue
                code, touching = _pair_code(uv, ring_start[i], size[i], b, b_size, i == first, touches)
                if code > 0:
                    rows, count = add(rows, count, code, p, j - first, -1, np.nan, i - first, xyz, at, at)
                    break
                for k in range(touching):
                    node, node_count = _node(nodes, node_count, touches[k, 0], touches[k, 1])
                    link_count = _attach(links, link_count, i - first, node)
                    link_count = _attach(links, link_count, j - first, node)
            if (_area(uv, b, b_size) > 0.0) == outer_turn:
                rows, count = add(rows, count, 208, p, j - first, -1, np.nan, -1, xyz, at, at)
        cut = _cutting(links, link_count, last - first, node_count) if count == before and link_count > 3 else -1
        if cut >= 0:
            at = index[ring_start[first + cut]]
            rows, count = add(rows, count, 205, p, cut, -1, np.nan, -1, xyz, at, at)
        bad[p] = bad[p] or count > before
    return rows[:count]
