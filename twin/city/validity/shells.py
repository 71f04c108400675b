"""Shells: too few polygons (301), open (302), not a 2-manifold (303, 304), in parts (305), faces turned (307).

Points closer than the snap distance are one vertex. The edges of all faces are matched: an edge of one face is open, an
edge of more than two is not manifold. Around each vertex the faces must form one fan. Where that holds, faces are made
to agree with their neighbours, and the sign of the enclosed volume tells which way is out: a face that disagrees is
told by 307, a shell whose faces all do by 405.

Source: Ledoux (2013), doi:10.1111/mice.12043; Ledoux (2018), doi:10.1186/s40965-018-0043-x, errors 301 to 307.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.validity.rows import add

__all__ = ["topology"]


@njit(cache=True, nogil=True, error_model="numpy")
def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True, error_model="numpy")
def _merge(points: np.ndarray, count: int, xyz: np.ndarray, snap: float, key: np.ndarray, vertex: np.ndarray) -> None:
    """Give corners (rows ``points`` of ``xyz``) closer than ``snap`` one number: the least corner of each cluster."""
    o = points[0]
    for k in range(count):
        i = points[k]
        key[k] = 0.6397 * (xyz[i, 0] - xyz[o, 0]) + 0.7283 * (xyz[i, 1] - xyz[o, 1]) + 0.2457 * (xyz[i, 2] - xyz[o, 2])
        vertex[k] = k
    order = np.argsort(key[:count])
    for m in range(count):
        a = order[m]
        for n in range(m + 1, count):
            b = order[n]
            if key[b] - key[a] > snap:
                break
            dx, dy = xyz[points[a], 0] - xyz[points[b], 0], xyz[points[a], 1] - xyz[points[b], 1]
            dz = xyz[points[a], 2] - xyz[points[b], 2]
            if dx * dx + dy * dy + dz * dz <= snap * snap:
                s, t = _root(vertex, a), _root(vertex, b)
                vertex[max(s, t)] = min(s, t)
    for k in range(count):
        vertex[k] = _root(vertex, k)


@njit(cache=True, nogil=True, error_model="numpy")
def _match(count: int, vertex: np.ndarray, following: np.ndarray, key: np.ndarray, mate: np.ndarray) -> int:
    """Write to ``mate`` the corner of the same edge in the other face (-1 open, -2 more than two, -3 no edge).

    Returns the number of edges used by more than two faces.
    """
    for k in range(count):
        a, b = vertex[k], vertex[following[k]]
        key[k] = -1.0 if a == b else float(min(a, b)) * count + max(a, b)
        mate[k] = -3
    order = np.argsort(key[:count])
    many, m = 0, 0
    while m < count:
        n = m + 1
        while n < count and key[order[n]] == key[order[m]]:
            n += 1
        if key[order[m]] >= 0.0:
            if n == m + 1:
                mate[order[m]] = -1
            elif n == m + 2:
                mate[order[m]], mate[order[m + 1]] = order[m + 1], order[m]
            else:
                many += 1
                for k in range(m, n):
                    mate[order[k]] = -2
        m = n
    return many


@njit(cache=True, nogil=True, error_model="numpy")
def _parts(count: int, faces: int, face: np.ndarray, vertex: np.ndarray, group: np.ndarray, used: np.ndarray) -> int:
    """Return how many parts the faces make that share no vertex; ``group`` ends as the root face of each face."""
    for f in range(faces):
        group[f] = f
    for k in range(count):
        used[k] = -1
    for k in range(count):
        v = vertex[k]
        if used[v] < 0:
            used[v] = face[k]
        else:
            a, b = _root(group, face[k]), _root(group, used[v])
            group[max(a, b)] = min(a, b)
    parts = 0
    for f in range(faces):
        group[f] = _root(group, f)
        parts += group[f] == f
    return parts


@njit(cache=True, nogil=True, error_model="numpy")
def _split_vertex(
    count: int, vertex: np.ndarray, following: np.ndarray, before: np.ndarray, mate: np.ndarray, fan: np.ndarray
) -> int:
    """Return a corner at a vertex whose faces form more than one fan, -1 where there is none.

    Corners of one vertex are joined across the edges their faces share.
    """
    for k in range(count):
        fan[k] = k
    for k in range(count):
        m = mate[k]
        if m < 0:
            continue
        for mine in (k, following[k]):
            for theirs in (m, following[m]):
                if vertex[mine] == vertex[theirs]:
                    a, b = _root(fan, mine), _root(fan, theirs)
                    fan[max(a, b)] = min(a, b)
    for k in range(count):
        if vertex[k] == vertex[following[k]]:
            a, b = _root(fan, k), _root(fan, following[k])
            fan[max(a, b)] = min(a, b)
    for k in range(count):
        before[k] = -1
    for k in range(count):
        v, root = vertex[k], _root(fan, k)
        if before[v] < 0:
            before[v] = root
        elif before[v] != root:
            return k
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _volumes(
    count: int,
    points: np.ndarray,
    face: np.ndarray,
    head: np.ndarray,
    following: np.ndarray,
    xyz: np.ndarray,
    volume: np.ndarray,
) -> None:
    """Write each face's share of the signed volume [m3], as fans about the first corner of each of its rings."""
    for f in range(volume.shape[0]):
        volume[f] = 0.0
    o = points[0]
    for k in range(count):
        a, b, c = points[head[k]], points[k], points[following[k]]
        ax, ay, az = xyz[a, 0] - xyz[o, 0], xyz[a, 1] - xyz[o, 1], xyz[a, 2] - xyz[o, 2]
        bx, by, bz = xyz[b, 0] - xyz[o, 0], xyz[b, 1] - xyz[o, 1], xyz[b, 2] - xyz[o, 2]
        cx, cy, cz = xyz[c, 0] - xyz[o, 0], xyz[c, 1] - xyz[o, 1], xyz[c, 2] - xyz[o, 2]
        share = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        volume[face[k]] += share / 6.0


@njit(cache=True, nogil=True, error_model="numpy")
def _agree(
    faces: int,
    face: np.ndarray,
    face_corner: np.ndarray,
    vertex: np.ndarray,
    mate: np.ndarray,
    turned: np.ndarray,
    stack: np.ndarray,
) -> bool:
    """Write to ``turned`` which faces to turn so that all agree with the first; False where none would do."""
    for f in range(faces):
        turned[f] = -1
    for seed in range(faces):
        if turned[seed] >= 0:
            continue
        turned[seed] = 0
        stack[0], depth = seed, 1
        while depth > 0:
            depth -= 1
            f = stack[depth]
            for k in range(face_corner[f], face_corner[f + 1]):
                m = mate[k]
                if m < 0:
                    continue
                wanted = turned[f] ^ (1 if vertex[m] == vertex[k] else 0)
                g = face[m]
                if turned[g] < 0:
                    turned[g] = wanted
                    stack[depth] = g
                    depth += 1
                elif turned[g] != wanted:
                    return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _corners(
    polygons: np.ndarray,
    reverse: np.ndarray,
    ring_start: np.ndarray,
    polygon_start: np.ndarray,
    points: np.ndarray,
    face: np.ndarray,
    head: np.ndarray,
    following: np.ndarray,
    face_corner: np.ndarray,
) -> None:
    """Write for each corner of a shell's faces: point, face, first corner of its ring, next corner of its ring."""
    k = 0
    for f in range(polygons.shape[0]):
        face_corner[f] = k
        for r in range(polygon_start[polygons[f]], polygon_start[polygons[f] + 1]):
            size, begin = ring_start[r + 1] - ring_start[r], k
            for i in range(size):
                points[k], face[k], head[k] = ring_start[r] + i, f, begin
                step = size - 1 if reverse[f] else 1
                following[k] = begin + (i + step) % size
                k += 1
    face_corner[polygons.shape[0]] = k


@njit(cache=True, nogil=True, error_model="numpy")
def _open_edges(
    count: int, points: np.ndarray, following: np.ndarray, mate: np.ndarray, xyz: np.ndarray, state: int
) -> tuple[int, float, int]:
    """Return how many edges have the state, their length [m], and the corner where the longest begins."""
    number, total, longest, where = 0, 0.0, -1.0, 0
    for k in range(count):
        if mate[k] != state:
            continue
        a, b = points[k], points[following[k]]
        dx, dy, dz = xyz[b, 0] - xyz[a, 0], xyz[b, 1] - xyz[a, 1], xyz[b, 2] - xyz[a, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        number, total = number + 1, total + length
        if length > longest:
            longest, where = length, k
    return number, total, where


@njit(cache=True, nogil=True, error_model="numpy")
def _connected(
    shell: int,
    rows: np.ndarray,
    count: int,
    faces: int,
    open_allowed: bool,
    points: np.ndarray,
    face: np.ndarray,
    following: np.ndarray,
    vertex: np.ndarray,
    mate: np.ndarray,
    many: int,
    scratch: np.ndarray,
    group: np.ndarray,
    xyz: np.ndarray,
) -> tuple[np.ndarray, int, bool]:
    """Tell 305, 304, 303 or 302, the first that applies; returns rows, their number, and if the shell is fine."""
    corners, before = points.shape[0], count
    parts = _parts(corners, faces, face, vertex, group, scratch)
    if parts > 1:
        for k in range(corners):
            if group[face[k]] != group[face[0]]:
                rows, count = add(rows, count, 305, -1, -1, shell, np.nan, parts, xyz, points[k], points[k])
                return rows, count, False
    for code in (304, 302):
        number, total, k = _open_edges(corners, points, following, mate, xyz, -2 if code == 304 else -1)
        if code == 302:
            split = _split_vertex(corners, vertex, following, scratch, mate, group)
            if split >= 0:
                rows, count = add(rows, count, 303, -1, -1, shell, np.nan, -1, xyz, points[split], points[split])
                return rows, count, False
        if number > 0 and not (code == 302 and open_allowed):
            other = many if code == 304 else number
            rows, count = add(rows, count, code, -1, -1, shell, total, other, xyz, points[k], points[following[k]])
            return rows, count, False
    return rows, count, count == before


@njit(cache=True, nogil=True, error_model="numpy")
def _oriented(
    shell: int,
    rows: np.ndarray,
    count: int,
    polygons: np.ndarray,
    face_corner: np.ndarray,
    points: np.ndarray,
    turned: np.ndarray,
    volume: np.ndarray,
    open_allowed: bool,
    inward: bool,
    xyz: np.ndarray,
) -> tuple[np.ndarray, int, float]:
    """Tell 307 for each face that faces the wrong way, or 405 where all do; returns the enclosed volume [m3]."""
    faces, total, wrong = polygons.shape[0], 0.0, 0
    for f in range(faces):
        total += -volume[f] if turned[f] == 1 else volume[f]
        wrong += turned[f]
    if wrong > faces - wrong if open_allowed else (total > 0.0) == inward:
        for f in range(faces):
            turned[f] = 1 - turned[f]
        wrong = faces - wrong
    for f in range(faces):
        if turned[f] != 1 or (wrong == faces and f > 0):
            continue
        begin, end = face_corner[f], face_corner[f + 1]
        code, which = (405, -1) if wrong == faces else (307, polygons[f])
        a, b = points[begin], points[(begin + end) // 2]
        rows, count = add(rows, count, code, which, -1, shell, np.nan, -1, xyz, a, b)
    return rows, count, abs(total)


@njit(cache=True, nogil=True, error_model="numpy")
def topology(
    start: int,
    stop: int,
    face_start: np.ndarray,
    corner_start: np.ndarray,
    polygon: np.ndarray,
    reverse: np.ndarray,
    blocked: np.ndarray,
    open_allowed: np.ndarray,
    inward: np.ndarray,
    xyz: np.ndarray,
    ring_start: np.ndarray,
    polygon_start: np.ndarray,
    snap: float,
    vertex: np.ndarray,
    mate: np.ndarray,
    following: np.ndarray,
    turned: np.ndarray,
    fine: np.ndarray,
    volume: np.ndarray,
) -> np.ndarray:
    """Check the shells ``start`` to ``stop``; tell 300 to 305, 307 and 405.

    Parameters
    ----------
    face_start, corner_start : numpy.ndarray
        int64 (shells + 1,): where a shell's faces, and the corners of its faces, begin.
    polygon, reverse : numpy.ndarray
        Polygon of each face, and whether the shell uses it against its direction.
    blocked, open_allowed, inward : numpy.ndarray
        Shells not to be checked as a polygon is at fault; surfaces that need not close; cavities.
    vertex, mate, following : numpy.ndarray
        Written for each corner, counted within the shell: its vertex; the corner of the same edge in the other face;
        the next corner of the ring.
    turned : numpy.ndarray
        Written for each face: 1 where it faces the wrong way.
    fine, volume : numpy.ndarray
        Written for each shell: closed (or a proper surface) and orientable; enclosed volume [m3].
    """
    rows, count = np.empty((64, 9)), 0
    for s in range(start, stop):
        f0, f1, c0, c1 = face_start[s], face_start[s + 1], corner_start[s], corner_start[s + 1]
        faces, corners = f1 - f0, c1 - c0
        if blocked[s] or corners == 0:
            continue
        points, face, head = np.empty(corners, np.int64), np.empty(corners, np.int64), np.empty(corners, np.int64)
        face_corner, stack, share = np.empty(faces + 1, np.int64), np.empty(faces + 1, np.int64), np.empty(faces)
        key, scratch, group = np.empty(corners), np.empty(corners, np.int64), np.empty(corners, np.int64)
        v, m, after = vertex[c0:c1], mate[c0:c1], following[c0:c1]
        mine, flips = polygon[f0:f1], turned[f0:f1]
        _corners(mine, reverse[f0:f1], ring_start, polygon_start, points, face, head, after, face_corner)
        if faces < 4 and not open_allowed[s]:
            rows, count = add(rows, count, 301, -1, -1, s, np.nan, faces, xyz, points[0], points[0])
            continue
        _merge(points, corners, xyz, snap, key, v)
        many = _match(corners, v, after, key, m)
        rows, count, good = _connected(
            s, rows, count, faces, open_allowed[s], points, face, after, v, m, many, scratch, group, xyz
        )
        if not good:
            continue
        if not _agree(faces, face, face_corner, v, m, flips, stack):
            rows, count = add(rows, count, 300, -1, -1, s, np.nan, -1, xyz, points[0], points[0])
            for f in range(faces):
                flips[f] = 0
            continue
        _volumes(corners, points, face, head, after, xyz, share)
        rows, count, volume[s] = _oriented(
            s, rows, count, mine, face_corner, points, flips, share, open_allowed[s], inward[s], xyz
        )
        fine[s] = True
    return rows[:count]
