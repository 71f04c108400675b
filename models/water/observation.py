"""What is kept of a flood while it runs: arrival, duration, share of supercritical flow, series at points, fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numba import njit

from models.parallel import in_blocks

__all__ = ["Flow", "Observation"]

_GRAVITY = 9.81


class Flow(Protocol):
    """What a flow solver offers to the run."""

    deepest: np.ndarray
    fastest: np.ndarray
    strongest: np.ndarray
    steps: int
    shortest: float

    @property
    def outflow(self) -> np.ndarray:
        """Volume that left through the faces of each group so far [m3]."""

    @property
    def beneath(self) -> float:
        """Water beneath the last digit of the depths, summed over the cells [m]."""

    def advance(self, depth: np.ndarray, start: float, stop: float) -> None:
        """Let the water flow from ``start`` to ``stop`` [s]."""

    def parts(self) -> Iterable[tuple[int, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield first row, end, and the unit flow [m2/s] through east, west, south and north faces of these rows."""

    def state(self) -> Mapping[str, np.ndarray]:
        """Return all that is needed to go on later, beside the depth."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""


@njit(cache=True, nogil=True, error_model="numpy")
def _look(
    start: int, stop: int, depth: Any, east: Any, west: Any, south: Any, north: Any, arrival: Any, durations: Any,
    thresholds: Any, wet: float, time: float, length: float,
) -> tuple[int, int]:  # fmt: skip
    """Update arrival and durations of rows; return how many cells are wet and how many of them supercritical."""
    count, fast = 0, 0
    for i in range(start, stop):
        for j in range(depth.shape[1]):
            h = depth[i, j]
            if h < thresholds[0] and h < wet:
                continue
            for k in range(thresholds.size):
                if h >= thresholds[k]:
                    durations[k, i, j] += length
            if h >= wet:
                count += 1
                if np.isnan(arrival[i, j]):
                    arrival[i, j] = time
                along = max(abs(east[i, j]), abs(west[i, j]))
                across = max(abs(south[i, j]), abs(north[i, j]))
                fast += along * along + across * across > _GRAVITY * h * h * h
    return count, fast


class Observation:
    """Keeps what the results need.

    Parameters
    ----------
    shape : (int, int)
        Of the grid.
    thresholds : sequence of float
        Depths [m] whose duration is kept.
    wet : float
        Depth [m] from which ground counts as wet.
    points : sequence of (int, int)
        Cells with a series.
    """

    def __init__(self, shape: tuple[int, int], thresholds: Any, wet: float, points: Any) -> None:
        self.thresholds = np.sort(np.asarray(thresholds, np.float32))
        self.arrival = np.full(shape, np.nan, np.float32)
        self.durations = np.zeros((self.thresholds.size, *shape), np.float32)
        self.wet = wet
        self._points = np.asarray(points, np.int64).reshape(-1, 2)
        self.times: list[float] = []
        self.shares: list[tuple[float, float]] = []
        self.series: list[np.ndarray] = []

    def look(self, flow: Flow, depth: np.ndarray, time: float, length: float, *, keep: bool) -> None:
        """Take in the state at ``time`` [s], which stands for the ``length`` [s] before; ``keep`` a row of the series."""
        wet, fast = 0, 0
        limits = self.thresholds if self.thresholds.size else np.array([np.inf], np.float32)
        durations = self.durations if self.thresholds.size else np.zeros((1, *depth.shape), np.float32)
        for a, b, east, west, south, north in flow.parts():
            found = in_blocks(
                _look, b - a, depth[a:b], east, west, south, north, self.arrival[a:b], durations[:, a:b], limits,
                self.wet, time, length,
            )  # fmt: skip
            wet += sum(one[0] for one in found)
            fast += sum(one[1] for one in found)
        if keep:
            self.times.append(time)
            self.shares.append((float(wet), float(fast)))
            self.series.append(depth[self._points[:, 0], self._points[:, 1]].copy())

    @property
    def supercritical(self) -> float:
        """Share of wet cells with supercritical flow, over all kept times."""
        wet = sum(one[0] for one in self.shares)
        return sum(one[1] for one in self.shares) / wet if wet else 0.0

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on later."""
        return {
            "arrival": self.arrival, "durations": self.durations, "times": np.array(self.times),
            "shares": np.array(self.shares).reshape(-1, 2), "series": np.array(self.series).reshape(len(self.times), -1),
        }  # fmt: skip

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self.arrival[:], self.durations[:] = state["arrival"], state["durations"]
        self.times = [float(v) for v in state["times"]]
        self.shares = [(float(a), float(b)) for a, b in state["shares"]]
        self.series = list(state["series"])
