"""Closed blocks: rows of houses along the outline of a block, round its corners, with wings into the courtyard."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
from shapely.geometry import Point, Polygon
from shapely.geometry.polygon import orient

from district import roofs
from district.houses import House, Part
from district.roofs import XY

Rail = Callable[[float], list[XY]]
"""The line through a house at a depth [m] behind its front, from side boundary to side boundary."""
_SHARP = math.radians(28)


@dataclass(frozen=True)
class Style:
    """How the houses of a block are built; lengths in metres, pitch in degrees."""

    zone: str
    depth: float
    width: float
    storeys: tuple[int, ...]
    storey: float
    pitch: tuple[float, float]
    mansard: float = 0.0  # share of houses
    to_street: float = 0.0  # share of houses with the gable to the street
    wings: float = 0.5  # share of houses with a wing in the courtyard
    setback: float = 0.02
    function: tuple[str, ...] = ("31001_1010",)


@dataclass
class _Vertex:
    point: np.ndarray
    before: np.ndarray  # inward normals of the edges before and behind
    behind: np.ndarray
    turn: float

    def offset(self, depth: float) -> XY:
        """Return the corner moved inwards by a depth on both edges."""
        shift = (self.before + self.behind) / (1 + float(self.before @ self.behind))
        u, v = self.point + depth * shift
        return float(u), float(v)

    @property
    def leg(self) -> float:
        """Way along an edge that one metre of depth takes at this corner."""
        return max(0.0, math.tan(self.turn / 2))


def _vertices(block: Polygon) -> list[_Vertex]:
    points = np.array(block.exterior.coords[:-1])
    ways = np.roll(points, -1, axis=0) - points
    ways /= np.linalg.norm(ways, axis=1)[:, None]
    normals = np.column_stack([-ways[:, 1], ways[:, 0]])
    out = []
    for i, point in enumerate(points):
        a, b = ways[i - 1], ways[i]
        turn = math.atan2(a[0] * b[1] - a[1] * b[0], float(a @ b))
        out.append(_Vertex(point, normals[i - 1], normals[i], turn))
    return out


class Block:
    """One block: lays cuts along its outline and builds a house between each two."""

    def __init__(self, outline: Polygon, style: Style, seed: int, gaps: Sequence[XY] = (), length: float = 5.0) -> None:
        inner = outline.buffer(-style.setback, join_style="mitre")
        self.style, self.random, self.gaps = style, Random(seed), gaps
        self.corners = _vertices(orient(inner, 1.0))
        self.ring = np.array([c.point for c in self.corners])
        self.leg = length

    def _on_edge(self, i: int, t: float, depth: float) -> XY:
        a, corner = self.ring[i], self.corners[i]
        b = self.ring[(i + 1) % len(self.ring)]
        way = (b - a) / np.linalg.norm(b - a)
        u, v = a + t * way + depth * corner.behind
        return float(u), float(v)

    def _length(self, i: int) -> float:
        return float(np.linalg.norm(self.ring[(i + 1) % len(self.ring)] - self.ring[i]))

    def houses(self) -> list[House]:
        """Return the houses of the block in order along its outline."""
        out: list[House] = []
        count = len(self.corners)
        legs = [self._leg_of(c) for c in self.corners]
        for i, corner in enumerate(self.corners):
            if abs(corner.turn) >= _SHARP:
                out += self._corner(i, legs[i])
            j = (i + 1) % count
            start = legs[i] if abs(corner.turn) >= _SHARP else 0.0
            stop = self._length(i) - (legs[j] if abs(self.corners[j].turn) >= _SHARP else 0.0)
            out += self._row(i, start, stop)
        return out

    def _leg_of(self, corner: _Vertex) -> float:
        return corner.leg * self.style.depth + self.leg if corner.turn > 0 else self.leg + 1.5

    def _cuts(self, length: float) -> list[float]:
        count = max(1, round(length / self.style.width))
        shares = [self.random.uniform(0.8, 1.25) for _ in range(count)]
        return [0.0, *np.cumsum([length * s / sum(shares) for s in shares]).tolist()]

    def _rail(self, i: int, t0: float, t1: float) -> tuple[Rail, bool]:
        """Return the house lines between two cuts on edge i, and whether both cuts stand square to the street."""
        first, last = self.corners[i], self.corners[(i + 1) % len(self.corners)]
        left = first if t0 < 1e-6 and abs(first.turn) < _SHARP else None
        right = last if t1 > self._length(i) - 1e-6 and abs(last.turn) < _SHARP else None

        def rail(x: float) -> list[XY]:
            a = left.offset(x) if left else self._on_edge(i, t0, x)
            b = right.offset(x) if right else self._on_edge(i, t1, x)
            return [a, b]

        return rail, left is None and right is None

    def _row(self, i: int, start: float, stop: float) -> list[House]:
        """Return the houses on edge i between two corner houses."""
        if stop - start < 3.5:
            return []
        out = []
        for t0, t1 in pairwise([start + c for c in self._cuts(stop - start)]):
            depth = self.style.depth * self.random.choice((1.0, 1.0, 0.93, 0.88))
            rail, square = self._rail(i, t0, t1)
            house = self._house(rail, depth, corner=False, square=square and 5.5 < t1 - t0 < 11)
            if house:
                out.append(house)
        return out

    def _corner(self, i: int, leg: float) -> list[House]:
        """Return the house round corner i, none where a gap is planned."""
        before = (i - 1) % len(self.corners)

        def rail(x: float) -> list[XY]:
            first = self._on_edge(before, self._length(before) - leg, x)
            return [first, self.corners[i].offset(x), self._on_edge(i, leg, x)]

        house = self._house(rail, self.style.depth, corner=True, square=False)
        return [house] if house else []

    def _house(self, rail: Rail, depth: float, *, corner: bool, square: bool) -> House | None:
        """Return a house over the lines that ``rail`` gives at each depth, none where a gap is planned."""
        style, random = self.style, self.random
        storeys = random.choice(style.storeys) if not corner else max(style.storeys)
        eave = storeys * style.storey + random.uniform(0.4, 1.1)
        pitch = math.tan(math.radians(random.uniform(*style.pitch)))
        kind, wing = random.random(), random.random()
        front = rail(0.0)
        middle = front[1] if corner else _middle(front[0], front[-1])
        function = random.choice(style.function)
        if any(Point(gap).distance(Point(middle)) < 6.0 for gap in self.gaps):
            return None
        if kind < style.mansard:
            rails = [rail(x) for x in (0.0, 1.3, depth / 2, depth - 1.3, depth)]
            faces = roofs.bands(rails, [eave, eave + 2.7, eave + 4.4, eave + 2.7, eave])
        elif square and kind > 1 - style.to_street:
            (a, b), (d, c) = front, rail(depth)
            rails = [[b, c], [_middle(a, b), _middle(c, d)], [a, d]]
            faces = roofs.bands(rails, [eave, eave + pitch * math.dist(a, b) / 2, eave])
        else:
            rails = [rail(0.0), rail(depth / 2), rail(depth)]
            faces = roofs.bands(rails, [eave, eave + pitch * depth / 2, eave])
        parts = [Part(faces, roofs.MANSARD if kind < style.mansard else roofs.GABLE, storeys)]
        if not corner and wing < style.wings:
            parts += self._wing(rail(depth), eave, wing / style.wings)
        return House(parts, function, middle, style.zone)

    def _wing(self, back: list[XY], eave: float, draw: float) -> list[Part]:
        """Return a wing of one or two storeys behind a house, along one of its side boundaries."""
        a, b = np.array(back[0]), np.array(back[1])
        length = float(np.linalg.norm(b - a))
        if length < 6.0 or eave < 5.5:
            return []
        way = (b - a) / length
        inward = np.array([-way[1], way[0]])
        width, reach = min(0.45 * length, 4.2 + 1.6 * draw), 4.5 + 5.0 * draw
        left = draw < 0.5
        low = a if left else b - way * width
        high = low + way * width
        corners = [(float(u), float(v)) for u, v in (low, high, high + inward * reach, low + inward * reach)]
        storeys = 1 if draw < 0.55 or eave < 7.0 else 2
        height = 0.3 + storeys * 2.9
        if draw < 0.3:
            return [Part(roofs.flat(corners, height), roofs.FLAT, storeys)]
        p, q, r, s = corners
        rise = 0.35 * width
        if left:  # high at the side boundary, falling to the yard
            faces = roofs.bands([[q, r], [p, s]], [height - rise / 2, height + rise / 2])
        else:
            faces = roofs.bands([[s, p], [r, q]], [height - rise / 2, height + rise / 2])
        return [Part(faces, roofs.PENT, storeys)]


def _middle(a: XY, b: XY) -> XY:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
