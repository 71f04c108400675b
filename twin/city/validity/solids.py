"""Solids with cavities: shells that cross (401), repeat (402), lie outside (403) or cut the interior apart (404).

A cavity may touch the outer shell, or another cavity, in points and edges. Where the edges of such a contact close a
circle, the interior is in two pieces. This is looked for between two shells at a time, and told only for shells
without tunnels: around the tunnel of a ring-shaped shell, a circle of contact need not cut anything.

Source: Ledoux (2018), doi:10.1186/s40965-018-0043-x, errors 401 to 405 (405 is found with the shells).
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np

from twin.city.validity.members import Shells
from twin.city.validity.meshes import (
    ALIKE,
    CROSSING,
    OVERLAPPING,
    Contact,
    Mesh,
    Meshes,
    contact,
    inside,
    same,
    samples,
)
from twin.city.validity.rows import nothing

__all__ = ["cavities"]

_NEAR = 1e-4  # [m] ends of contact edges this close are one node


def cavities(shells: Shells, meshes: Meshes, fine: np.ndarray, snap: float) -> np.ndarray:
    """Return rows of 401 to 404 for the solids with cavities all of whose shells are fine."""
    _solids, first, counts = np.unique(shells.solid, return_index=True, return_counts=True)
    rows = []
    for start, count in zip(first[counts > 1], counts[counts > 1], strict=True):
        members = range(start, start + count)
        if not fine[list(members)].all():
            continue
        origin = meshes.origin(start)
        for a, b in combinations([meshes.mesh(shell, origin) for shell in members], 2):
            code, place = _pair(a, b, snap, outer=a.shell == start)
            if code:
                place = place + origin
                rows.append((code, -1, -1, b.shell, np.nan, *place, shells.number[a.shell]))
                break
    return np.array(rows, dtype=np.float64) if rows else nothing()


def _pair(a: Mesh, b: Mesh, snap: float, *, outer: bool) -> tuple[int, np.ndarray]:
    """Return the code of two shells of a solid (0 = fine) and its place; ``outer``: the first is the outer shell."""
    if same(a, b, snap):
        return 402, b.pos[0]
    meeting = contact(a, b)
    if meeting.kinds & {CROSSING, OVERLAPPING, ALIKE}:
        return 401, meeting.place
    places = samples(b)
    state = inside(a, places)
    if outer:
        if (state == 0).any():
            return (401 if (state == 1).any() else 403), places[state == 0][0]
    else:
        back = inside(b, samples(a))
        if ((state == 1).any() and (state == 0).any()) or ((back == 1).any() and (back == 0).any()):
            return 401, places[0]
        if (state == 1).any() or (back == 1).any():
            return 403, places[0]
    if _cuts(meeting) and _tunnels(a) == 0 and _tunnels(b) == 0:
        return 404, meeting.place
    return 0, meeting.place


def _tunnels(mesh: Mesh) -> int:
    """Return how many tunnels a closed mesh has: its genus, by Euler's formula for faces without holes.

    Triangles are counted, so that holes of faces do not matter.
    """
    triangles = np.sort(mesh.vertex[mesh.triangles], axis=1)
    edges = np.unique(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=0)
    return int(1 - (len(np.unique(triangles)) - len(edges) + len(triangles)) // 2)


def _cuts(meeting: Contact) -> bool:
    """Tell whether the edges in which two shells touch close a circle."""
    ends = meeting.segments.reshape(-1, 3)
    if not len(ends):
        return False
    node = _nodes(ends).reshape(-1, 2)
    place = {n: ends[np.flatnonzero(node.ravel() == n)[0]] for n in np.unique(node)}
    arcs: set[tuple[int, int]] = set()
    for p, q in node:
        arcs |= _split(int(p), int(q), place)
    parent = {n: n for n in place}

    def root(n: int) -> int:
        while parent[n] != n:
            n = parent[n]
        return n

    for p, q in arcs:
        a, b = root(p), root(q)
        if a == b:
            return True
        parent[b] = a
    return False


def _nodes(ends: np.ndarray) -> np.ndarray:
    """Return one number for ends that are close to each other."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = cKDTree(ends).query_pairs(_NEAR, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(ends), len(ends)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _split(p: int, q: int, place: dict[int, np.ndarray]) -> set[tuple[int, int]]:
    """Return a contact edge as pieces between the nodes that lie on it."""
    if p == q:
        return set()
    a, b = place[p], place[q]
    length = float(np.linalg.norm(b - a))
    on = []
    for n, c in place.items():
        t = float((c - a) @ (b - a)) / length
        if -_NEAR <= t <= length + _NEAR and np.linalg.norm(c - a - t / length * (b - a)) <= _NEAR:
            on.append((t, n))
    chain = [n for _, n in sorted(on)]
    return {(min(s, t), max(s, t)) for s, t in pairwise(chain) if s != t}
