"""Walls, kerbs, culverts and underpasses: what stops water or leads it through, on faces and between cells.

A wall is a crest on faces between cells: water passes over it only above its height. A culvert or underpass joins two
cells that need not be neighbours; its flow is the smaller of Manning flow through the barrel (full or partly full)
and orifice flow at its inlet, never more than evens out the two levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.layers import InputError
from models.water.exchange import Surface

__all__ = ["Culvert", "Links", "Wall", "crest_faces"]

_GRAVITY = 9.81


@dataclass(frozen=True)
class Wall:
    """A wall, kerb or dam along faces between cells.

    Parameters
    ----------
    rows, columns : sequence of int
        Cells (row 0 = north).
    side : sequence of str or str
        "east" or "south": the face of each cell that carries the wall.
    crest : float or sequence of float
        Height of its top [m above datum]; inf: never overflowed.
    name : str
        For messages.

    Examples
    --------
    >>> Wall([3, 4], [7, 7], "east", 52.15).crest
    52.15
    """

    rows: Sequence[int]
    columns: Sequence[int]
    side: str | Sequence[str]
    crest: float | Sequence[float]
    name: str = "wall"


@dataclass(frozen=True)
class Culvert:
    """A pipe, box or underpass that joins two cells.

    Parameters
    ----------
    start, end : (int, int)
        Row and column of the two cells.
    width, height : float
        Of its opening [m].
    length : float
        [m].
    barrels : int
        How many side by side.
    inverts : (float, float), optional
        Height of its floor at start and end [m above datum]; by default the ground there.
    manning : float
        Roughness [s m^-1/3].
    entrance : float
        Discharge coefficient of the inlet.
    name : str
        For messages and the account.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    width: float
    height: float
    length: float
    barrels: int = 1
    inverts: tuple[float, float] | None = None
    manning: float = 0.015
    entrance: float = 0.6
    name: str = "culvert"


def crest_faces(walls: Sequence[Wall], shape: tuple[int, int], zero: float) -> tuple[np.ndarray, np.ndarray]:
    """Return entries and crest heights of the faces of walls, for ``Faces.build``; the higher one counts twice given."""
    crests: dict[tuple[int, int, int], float] = {}
    for wall in walls:
        count = len(wall.rows)
        kinds = [wall.side] * count if isinstance(wall.side, str) else list(wall.side)
        tops = np.atleast_1d(np.asarray(wall.crest, float)).tolist()
        tops = tops * count if np.ndim(wall.crest) == 0 else tops
        if not (len(wall.columns) == len(kinds) == len(tops) == count) or set(kinds) - {"east", "south"}:
            raise InputError(f"{wall.name}: rows, columns, side ('east' or 'south') and crest must be of one length.")
        for row, column, kind, top in zip(wall.rows, wall.columns, kinds, tops, strict=True):
            axis = 0 if kind == "east" else 1
            inside = 0 <= row < shape[0] - axis and 0 <= column < shape[1] - (1 - axis)
            if math.isnan(top):
                raise InputError(
                    f"{wall.name}: the crest at cell ({row}, {column}) is missing: give metres above datum."
                )
            if not inside:
                raise InputError(f"{wall.name}: the {kind} face of cell ({row}, {column}) is no face inside the grid.")
            key = (axis, int(row), int(column))
            crests[key] = max(crests.get(key, -math.inf), top - zero)
    entries = np.array([(a, r, c, 0, 0, -1) for a, r, c in crests], np.int64).reshape(-1, 6)
    return entries, np.minimum(np.array(list(crests.values()), float), 1.0e4)


class Links:
    """Culverts and underpasses as a source of the surface flow; the water only changes place."""

    name = "culverts"
    longest_step = 1.0

    def __init__(self, culverts: Sequence[Culvert], shape: tuple[int, int]) -> None:
        for one in culverts:
            for row, column in (one.start, one.end):
                if not (0 <= row < shape[0] and 0 <= column < shape[1]):
                    raise InputError(
                        f"{one.name}: cell ({row}, {column}) lies outside the grid of {shape[0]} x {shape[1]}."
                    )
            if one.start == one.end or not all(
                0 < v < math.inf for v in (one.width, one.height, one.length, one.manning, one.entrance)
            ):
                raise InputError(f"{one.name}: it needs two different cells and width, height, length and n above 0.")
        self._culverts = tuple(culverts)
        self.passed = np.zeros(len(self._culverts))

    def step(self, time: float, duration: float, surface: Surface) -> None:  # noqa: ARG002
        """Move water through each culvert for ``duration`` [s]."""
        depth, area = surface.depth, surface.cell_size**2
        for k, one in enumerate(self._culverts):
            if not (surface.active[one.start] and surface.active[one.end]):
                raise InputError(f"{one.name}: one of its ends lies in a building or outside the ground: move it.")
            beds = float(surface.bed[one.start]), float(surface.bed[one.end])
            levels = beds[0] + float(depth[one.start]), beds[1] + float(depth[one.end])
            flow = _through(one, one.inverts or beds, levels)
            if flow == 0.0:
                continue
            giver, taker = (one.start, one.end) if flow > 0 else (one.end, one.start)
            even = 0.5 * abs(levels[0] - levels[1]) * area
            volume = min(abs(flow) * duration, even, float(depth[giver]) * area)
            old = float(depth[taker])
            depth[taker] += volume / area
            moved = float(depth[taker]) - old  # what the number type took
            depth[giver] = max(float(depth[giver]) - moved, 0.0)
            self.passed[k] += math.copysign(moved * area, flow)

    def account(self) -> Mapping[str, float]:
        """Return the volumes given to the surface in all: none, the water only changes place."""
        return {"culverts": 0.0}

    def state(self) -> Mapping[str, np.ndarray]:
        """Return what has passed each culvert [m3]."""
        return {"passed": self.passed.copy()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self.passed[:] = state["passed"]


def _through(one: Culvert, inverts: tuple[float, float], levels: tuple[float, float]) -> float:
    """Return the flow from start to end [m3/s]; see the head of the module."""
    sign = 1.0 if levels[0] > levels[1] else -1.0
    high, low = max(levels), min(levels)
    floor = inverts[0] if sign > 0 else inverts[1]
    sill = max(inverts)
    above = high - sill
    if above <= 1e-3:
        return 0.0
    drop = high - max(low, sill)
    deep = min(above, one.height)
    wet = one.width * deep
    around = one.width + 2.0 * deep + (one.width if above >= one.height else 0.0)
    manning = wet * (wet / around) ** (2.0 / 3.0) / one.manning * math.sqrt(max(drop, 0.0) / one.length)
    head = min(high - floor, above)
    inlet = one.entrance * wet * math.sqrt(2.0 * _GRAVITY * min(max(drop, 0.0), head))
    return sign * one.barrels * min(manning, inlet)


def split(structures: Sequence[Any]) -> tuple[list[Wall], list[Culvert]]:
    """Return walls and culverts apart, or say what is neither."""
    walls = [one for one in structures if isinstance(one, Wall)]
    culverts = [one for one in structures if isinstance(one, Culvert)]
    if len(walls) + len(culverts) != len(structures):
        odd = next(one for one in structures if not isinstance(one, Wall | Culvert))
        raise InputError(f"A structure must be a Wall or a Culvert, not {type(odd).__name__}.")
    return walls, culverts
