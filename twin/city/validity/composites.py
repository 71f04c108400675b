"""Composite solids and buildings: solids that overlap (501, 601), repeat (502) or hang apart (503).

Solids of a composite solid may share faces, edges and points, and must hang together by faces. Solids of one building
and its parts at one level of detail must not overlap either. Pairs are tried in order of cost: boxes, outlines seen
from above, contacts of triangles, and at last sections.

Source: Ledoux (2018), doi:10.1186/s40965-018-0043-x, errors 501 to 503 and 601.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import shapely

from twin.city.bodies import top_of
from twin.city.model import City
from twin.city.validity.members import Shells, levels_of
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
from twin.city.validity.sections import overlap

__all__ = ["buildings", "composites"]

_WHOLE = ("Building", "BuildingPart", "Bridge", "BridgePart", "Tunnel", "TunnelPart")

Solid = list[Mesh]


def _fine_solids(shells: Shells, fine: np.ndarray) -> dict[int, list[int]]:
    """Return the shells of each solid all of whose shells are fine."""
    found: dict[int, list[int]] = {}
    for shell in np.flatnonzero(~shells.surface).tolist():
        found.setdefault(int(shells.solid[shell]), []).append(shell)
    return {solid: rows for solid, rows in found.items() if fine[rows].all()}


def _boxes_apart(a: Solid, b: Solid, depth: float) -> bool:
    return bool((np.minimum(a[0].high, b[0].high) - np.maximum(a[0].low, b[0].low) <= depth).any())


def _apart(a: shapely.Geometry, b: shapely.Geometry, depth: float) -> bool:
    shared = shapely.intersection(a, b)
    return bool(
        shapely.area(shared) <= depth * depth
        or shapely.is_empty(shapely.buffer(shared, -0.5 * depth, join_style="mitre"))
    )  # fmt: skip


def _outline(solid: Solid) -> shapely.Geometry:
    """Return what a solid covers, seen from above: the union of the triangles that face up."""
    pos, triangles = solid[0].pos[:, :2], solid[0].triangles
    corners = pos[triangles]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    up = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] > 1e-9
    return shapely.union_all(shapely.polygons(corners[up]))


def _outlines_apart(a: Solid, b: Solid, depth: float) -> bool:
    """Tell whether two solids, seen from above, overlap no deeper than allowed: their convex hulls, then they."""
    hulls = [shapely.convex_hull(shapely.multipoints(mesh[0].pos[:, :2])) for mesh in (a, b)]
    return _apart(hulls[0], hulls[1], depth) or _apart(_outline(a), _outline(b), depth)


def _overlap(a: Solid, b: Solid, depth: float) -> tuple[float, np.ndarray] | None:
    """Return volume and place of the overlap of two solids about one origin, None where it is no deeper than allowed."""
    if _boxes_apart(a, b, depth) or _outlines_apart(a, b, depth):
        return None
    contacts: list[Contact] = [contact(p, q) for p in a for q in b]
    if not any(c.kinds & {CROSSING, ALIKE} for c in contacts):
        # Without faces that cross or lie upon each other facing the same way, solids overlap only where faces of one
        # lie inside the other as a whole.
        pairs = ((a[0], b[0]), (b[0], a[0]))
        if not any((inside(outer, samples(inner)) == 1).any() for outer, inner in pairs):
            return None
    return overlap(a, b, contacts, depth)


def _meshed(meshes: Meshes, solids: dict[int, list[int]], numbers: list[int]) -> tuple[list[Solid], np.ndarray]:
    origin = meshes.origin(solids[numbers[0]][0])
    return [[meshes.mesh(shell, origin) for shell in solids[number]] for number in numbers], origin


def composites(shells: Shells, meshes: Meshes, fine: np.ndarray, snap: float, depth: float) -> np.ndarray:
    """Return rows of 501 to 503, of the first kind found in each composite solid.

    Parameters
    ----------
    snap, depth : float
        Distance of equal vertices and depth of overlap allowed [m].
    """
    solids = _fine_solids(shells, fine)
    rows: list[tuple[float, ...]] = []
    for number in np.unique(shells.composite[shells.composite >= 0]):
        numbers = [s for s in np.unique(shells.solid[shells.composite == number]).tolist() if s in solids]
        if len(numbers) < 2:
            continue
        bodies, origin = _meshed(meshes, solids, numbers)
        pairs = list(combinations(range(len(bodies)), 2))
        found = [
            (502, i, j, np.nan, bodies[j][0].pos[0])
            for i, j in pairs
            if len(bodies[i]) == len(bodies[j]) and same(bodies[i][0], bodies[j][0], snap)
        ]
        if not found:
            for i, j in pairs:
                deep = _overlap(bodies[i], bodies[j], depth)
                if deep is not None:
                    found.append((501, i, j, *deep))
        if not found:
            found = [(503, j, -1, np.nan, bodies[j][0].pos[0]) for j in _hanging_apart(bodies, pairs)]
        for code, i, j, value, place in found:
            other = numbers[j] if j >= 0 else -1
            rows.append((code, -1, -1, bodies[i][0].shell, value, *(place + origin), other))
    return np.array(rows, dtype=np.float64) if rows else nothing()


def _hanging_apart(bodies: list[Solid], pairs: list[tuple[int, int]]) -> list[int]:
    """Return one solid of each group that shares no face with the first solid's group."""
    group = list(range(len(bodies)))
    for i, j in pairs:
        if group[i] != group[j] and contact(bodies[i][0], bodies[j][0]).kinds & {OVERLAPPING, ALIKE}:
            old = group[j]
            group = [group[i] if g == old else g for g in group]
    return [group.index(g) for g in dict.fromkeys(group) if g != group[0]]


def _families(city: City, shells: Shells, solids: dict[int, list[int]]) -> Iterator[list[int]]:
    """Yield the solids of each building and its parts at one level of detail, where there are several."""
    top = top_of(city.objects["parent"].to_numpy(dtype=np.int64))
    whole = city.objects["kind"].isin(_WHOLE).to_numpy()
    level = levels_of(city)
    found: dict[tuple[int, int], list[int]] = {}
    for number, rows in solids.items():
        owner = int(shells.object[rows[0]])
        if owner >= 0 and whole[owner]:
            key = (int(top[owner]), int(level[shells.polygon[shells.face_start[rows[0]]]]))
            found.setdefault(key, []).append(number)
    yield from (numbers for numbers in found.values() if len(numbers) > 1)


def buildings(city: City, shells: Shells, meshes: Meshes, fine: np.ndarray, depth: float) -> np.ndarray:
    """Return rows of 601, one for each pair of overlapping solids of a building.

    Parameters
    ----------
    depth : float
        Overlap allowed [m].
    """
    solids = _fine_solids(shells, fine)
    rows: list[tuple[float, ...]] = []
    for numbers in _families(city, shells, solids):
        bodies, origin = _meshed(meshes, solids, numbers)
        for a, b in combinations(bodies, 2):
            first, second = a[0].shell, b[0].shell
            if shells.composite[first] >= 0 and shells.composite[first] == shells.composite[second]:
                continue
            deep = _overlap(a, b, depth)
            if deep is not None:
                rows.append((601, -1, -1, first, deep[0], *(deep[1] + origin), int(shells.object[second])))
    return np.array(rows, dtype=np.float64) if rows else nothing()
