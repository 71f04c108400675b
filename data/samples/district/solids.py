"""From roof faces to closed solids with semantics: walls, ground, and closure surfaces where parts touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon

from district.roofs import Ring

Point3 = tuple[float, float, float]
_NEAR = 0.004  # [m] points nearer than this to an edge lie on it


@dataclass(frozen=True)
class Surface:
    """One boundary polygon (no holes), seen from outside turning to the left."""

    kind: str  # RoofSurface, WallSurface, GroundSurface or ClosureSurface
    ring: tuple[Point3, ...]


def _mm(point: Iterable[float]) -> Point3:
    u, v, z = (round(float(c), 3) + 0.0 for c in point)
    return u, v, z


def _without_repeats(ring: list[Point3]) -> list[Point3]:
    return [p for i, p in enumerate(ring) if p != ring[i - 1]]


def _meet(rings: list[list[Point3]]) -> list[list[Point3]]:
    """Insert every corner that lies on an edge of another ring into that edge, so that edges pair up exactly."""
    corners = np.array(sorted({p for ring in rings for p in ring}))
    met = []
    for ring in rings:
        out: list[Point3] = []
        for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
            start, way = np.array(a), np.array(b) - np.array(a)
            length = float(np.linalg.norm(way))
            share = (corners - start) @ way / length**2
            off = np.linalg.norm(corners - start - share[:, None] * way, axis=1)
            inside = (off < _NEAR) & (share * length > _NEAR) & ((1 - share) * length > _NEAR)
            between = sorted(zip(share[inside].tolist(), map(tuple, corners[inside].tolist()), strict=True))
            out += [a, *(point for _, point in between)]
        met.append(out)
    return met


def _outline(faces: list[list[Point3]]) -> list[tuple[Point3, Point3]]:
    """Return the edges that belong to one roof face only, as one chain turning to the left."""
    edges = {(a, b) for face in faces for a, b in zip(face, [*face[1:], face[0]], strict=True)}
    free = {a: b for a, b in sorted(edges) if (b, a) not in edges}
    start = min(free)
    chain, here = [], start
    while True:
        chain.append((here, free[here]))
        here = free[here]
        if here == start:
            break
    if len(chain) != len(free):
        raise ValueError(f"roof faces have {len(free)} free edges but one outline of {len(chain)}")
    return chain


def _walls(chain: list[tuple[Point3, Point3]], ground: float) -> tuple[list[list[Point3]], list[Point3]]:
    """Return the wall rings (one a straight run of the outline) and the ground ring, facing down."""

    def heading(edge: tuple[Point3, Point3]) -> float:
        return float(np.arctan2(edge[1][1] - edge[0][1], edge[1][0] - edge[0][0]))

    def same(a: float, b: float) -> bool:
        return abs((a - b + np.pi) % (2 * np.pi) - np.pi) < 0.004

    turns = [i for i, edge in enumerate(chain) if not same(heading(edge), heading(chain[i - 1]))]
    runs = [chain[i:j] if j > i else chain[i:] + chain[:j] for i, j in zip(turns, [*turns[1:], turns[0]], strict=True)]
    walls = []
    for run in runs:
        first, last = run[0][0], run[-1][1]
        top = [run[0][0], *(edge[1] for edge in run)]
        walls.append([(first[0], first[1], ground), (last[0], last[1], ground), *reversed(top)])
    corners = [(run[0][0][0], run[0][0][1], ground) for run in runs]
    return walls, corners[::-1]


class _Plane:
    """The upright plane of a wall: (s, z) coordinates along it."""

    def __init__(self, wall: list[Point3]) -> None:
        self.start = np.array(wall[0][:2])
        way = np.array(wall[1][:2]) - self.start
        self.length = float(np.hypot(*way))
        self.way = way / self.length
        self.wall = wall

    def polygon(self, wall: list[Point3]) -> Polygon | None:
        """Return a wall in this plane's coordinates, or None where it does not lie in the plane."""
        xy = np.array(wall)[:, :2] - self.start
        if np.abs(xy @ np.array([-self.way[1], self.way[0]])).max() > 0.003:
            return None
        s = xy @ self.way
        s = np.where(np.abs(s) < 0.003, 0.0, np.where(np.abs(s - self.length) < 0.003, self.length, s))
        return Polygon(np.column_stack([s, np.array(wall)[:, 2]])).buffer(0)

    def ring(self, polygon: Polygon) -> list[Point3]:
        """Return a polygon of the plane as a ring seen from outside, corners of the wall kept to the millimetre."""
        oriented = shapely.geometry.polygon.orient(polygon, 1.0)
        points = []
        for s, z in oriented.exterior.coords[:-1]:
            point = _mm((*(self.start + s * self.way), z))
            near = [p for p in self.wall if np.linalg.norm(np.subtract(p, point)) < _NEAR]
            points.append(near[0] if near else point)
        return _without_repeats(points)


def _split(wall: list[Point3], others: list[list[Point3]]) -> list[tuple[str, list[Point3]]]:
    """Part a wall into what is outside and what closes it against walls of neighbouring parts."""
    plane = _Plane(wall)
    own = plane.polygon(wall)
    if own is None:
        return [("WallSurface", wall)]
    shared = [p for p in (plane.polygon(other) for other in others) if p is not None]
    closed = [p.intersection(own) for p in shared if p.intersection(own).area > 0.02]
    if not closed:
        return [("WallSurface", wall)]
    closure = shapely.union_all(closed)
    rest = own.difference(closure)
    pieces = [("ClosureSurface", p) for p in shapely.get_parts(closure)]
    pieces += [("WallSurface", p) for p in shapely.get_parts(rest) if p.area > 0.02]
    return [(kind, plane.ring(p)) for kind, p in pieces if p.geom_type == "Polygon"]


def solids(parts: list[list[Ring]], ground: float) -> list[list[Surface]]:
    """Return the closed boundary of each part of a building.

    Parameters
    ----------
    parts : list of list of ring
        Roof faces of each part, z above ground.
    ground : float
        Height of the ground [m above datum]; all parts stand on it.
    """
    roofs = [_meet([_without_repeats([_mm((u, v, z + ground)) for u, v, z in f]) for f in faces]) for faces in parts]
    sides = [_walls(_outline(faces), round(ground, 3)) for faces in roofs]
    done = []
    for index, (faces, (walls, floor)) in enumerate(zip(roofs, sides, strict=True)):
        others = [wall for j, (foreign, _) in enumerate(sides) if j != index for wall in foreign]
        surfaces = [("RoofSurface", face) for face in faces] + [("GroundSurface", floor)]
        surfaces += [piece for wall in walls for piece in _split(wall, others)]
        rings = _meet([ring for _, ring in surfaces])
        done.append([Surface(kind, tuple(ring)) for (kind, _), ring in zip(surfaces, rings, strict=True)])
    return done
