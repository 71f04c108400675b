"""What may happen at the edges of the grid, and water let in at places: levels and flows in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.layers import InputError

__all__ = ["SIDES", "FixedLevel", "Hydrograph", "Inflow", "SideInflow", "check_levels", "sides"]

_FAR = 30.0  # [m] from the ground of an edge to a level that may be meant

SIDES = ("north", "east", "south", "west")


@dataclass(frozen=True)
class Hydrograph:
    """A number along time, linear between its points, constant before the first and after the last.

    Parameters
    ----------
    times : sequence of float
        [s] since the start of the run, rising.
    values : sequence of float
        Flow [m3/s] or level [m above datum] at these times.

    Examples
    --------
    >>> Hydrograph([0, 100], [0.0, 2.0]).mean(0, 50)
    0.5
    """

    times: Sequence[float]
    values: Sequence[float]

    def __post_init__(self) -> None:
        times, values = np.asarray(self.times, float), np.asarray(self.values, float)
        if times.ndim != 1 or times.shape != values.shape or times.size == 0:
            raise InputError(f"A hydrograph needs as many times as values, not {times.size} and {values.size}.")
        if not (np.isfinite(times).all() and np.isfinite(values).all()) or (np.diff(times) <= 0).any():
            raise InputError("The times of a hydrograph must rise and no number may be missing: sort and fill it.")

    @classmethod
    def of(cls, given: Any) -> Hydrograph:
        """Return a hydrograph of a number, a pair (times, values) or a hydrograph."""
        if isinstance(given, Hydrograph):
            return given
        if np.ndim(given) == 0:
            return cls([0.0], [float(given)])
        times, values = given
        return cls(times, values)

    def mean(self, start: float, stop: float) -> float:
        """Return the mean between two times [s]."""
        times, values = np.asarray(self.times, float), np.asarray(self.values, float)
        inside = times[(times > start) & (times < stop)]
        at = np.concatenate([[start], inside, [stop]])
        here = np.interp(at, times, values)
        if stop <= start:
            return float(here[0])
        return float(((here[1:] + here[:-1]) * np.diff(at)).sum() / 2.0 / (stop - start))


@dataclass(frozen=True)
class FixedLevel:
    """A water level kept at one side of the grid, such as a river.

    Parameters
    ----------
    level : float, (times, values) or Hydrograph
        [m above datum].
    """

    level: Any


@dataclass(frozen=True)
class SideInflow:
    """Water that enters over one side of the grid.

    Parameters
    ----------
    flow : float, (times, values) or Hydrograph
        In all [m3/s].
    span : (float, float), optional
        Where: from and to, in x for north and south, in y for east and west; by default the whole side.
    """

    flow: Any
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Inflow:
    """Water let in at a place, such as a burst pipe or a brook.

    Parameters
    ----------
    flow : float, (times, values) or Hydrograph
        In all [m3/s], 0 or more.
    x, y : float or sequence of float
        Place, or places that share it evenly [m].
    name : str
        For messages.
    """

    flow: Any
    x: float | Sequence[float]
    y: float | Sequence[float]
    name: str = "inflow"


def sides(boundaries: Any) -> dict[str, Any]:
    """Return what happens at each side, from one word for all or a mapping by side (missing: "closed").

    Raises
    ------
    InputError
        If a side or what happens there is unknown.
    """
    given = dict(boundaries) if isinstance(boundaries, Mapping) else dict.fromkeys(SIDES, boundaries)
    for side, kind in given.items():
        if side not in SIDES:
            raise InputError(f"A boundary is given for {side!r}, sides are {', '.join(SIDES)}.")
        known = kind in ("open", "closed") if isinstance(kind, str) else isinstance(kind, FixedLevel | SideInflow)
        if not known:
            raise InputError(
                f"The {side} boundary is {kind!r}: allowed are 'open', 'closed', a FixedLevel or a SideInflow."
            )
    return {side: given.get(side, "closed") for side in SIDES}


def check_levels(bounds: Mapping[str, Any], bed: np.ndarray, active: np.ndarray) -> None:
    """Refuse a given level that is far from the ground of its side: most likely a depth, or of another datum."""
    edges: dict[str, Any] = {"north": np.s_[0], "south": np.s_[-1], "west": np.s_[:, 0], "east": np.s_[:, -1]}
    for side, kind in bounds.items():
        heights = bed[edges[side]][active[edges[side]]]
        if not isinstance(kind, FixedLevel) or not heights.size:
            continue
        levels, lowest = np.asarray(Hydrograph.of(kind.level).values, float), float(heights.min())
        if levels.max() < lowest - _FAR or levels.max() > lowest + _FAR:
            raise InputError(
                f"The level {levels.max():g} m of the {side} edge is more than {_FAR:g} m off its lowest ground ({lowest:.1f} m): give "
                "metres above datum, not a depth."
            )
