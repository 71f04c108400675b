"""Blue-green measures on the grid: they take the water on their cells, store it, and give it to ground, sewer or street.

Each step a measure is offered all water on its cells and on the cells connected to it; what its layers take is removed
from them in equal shares, what they do not take stays there. Drains lead to the sewer, to the ground or to a cell. The
layers are those of ``layer_stack``; their own standing water (``surface_depth``) is beside the depth of the grid, so the
terrain needs no hollow for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numba import njit

from models.layers import InputError
from models.water.exchange import Surface
from models.water.measures import Measure, Stacks

__all__ = ["Retention"]

_LONGEST_STEP = 10.0  # [s]
_QUANTUM = 2.0**-20  # [m] smallest growth of a float32 depth, as in ``rain``


@njit(cache=True, nogil=True)
def _offer(  # pragma: no cover - compiled
    depth: np.ndarray, rows: np.ndarray, columns: np.ndarray, offsets: np.ndarray, area: float, out: np.ndarray
) -> None:
    """Put the water [m3] on the cells of each measure into ``out``."""
    for k in range(out.shape[0]):
        total = 0.0
        for c in range(offsets[k], offsets[k + 1]):
            total += np.float64(depth[rows[c], columns[c]])
        out[k] = total * area


@njit(cache=True, nogil=True)
def _take(  # pragma: no cover - compiled
    depth: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    offsets: np.ndarray,
    area: float,
    offered: np.ndarray,
    wanted: np.ndarray,
    removed: np.ndarray,
) -> None:
    """Remove ``wanted`` [m3] from the cells of each measure in equal shares; ``removed`` is what numbers allowed."""
    for k in range(offered.shape[0]):
        removed[k] = 0.0
        if wanted[k] <= 0.0 or offered[k] <= 0.0:
            continue
        left = max(1.0 - wanted[k] / offered[k], 0.0)
        for c in range(offsets[k], offsets[k + 1]):
            old = np.float64(depth[rows[c], columns[c]])
            depth[rows[c], columns[c]] = old * left
            removed[k] += (old - np.float64(depth[rows[c], columns[c]])) * area


@njit(cache=True, nogil=True)
def _give(  # pragma: no cover - compiled
    depth: np.ndarray, rows: np.ndarray, columns: np.ndarray, area: float, quantum: float, held: np.ndarray
) -> None:
    """Put the water ``held`` [m3] by each drain on its cell; what numbers do not allow yet stays held."""
    for k in range(held.shape[0]):
        rise = held[k] / area
        if quantum > 0.0:
            rise = np.floor(rise / quantum) * quantum
        if rise > 0.0:
            old = np.float64(depth[rows[k], columns[k]])
            depth[rows[k], columns[k]] = old + rise
            held[k] -= (np.float64(depth[rows[k], columns[k]]) - old) * area


class Retention:
    """Blue-green measures as a source of the surface flow.

    Parameters
    ----------
    measures : sequence of Measure
        Measures with cells (or connected cells), from :func:`models.water.measures.measure`. No cell may belong to two.

    Raises
    ------
    InputError
        If there is none, one has no cell, or two share a cell.

    Examples
    --------
    >>> from models.water.measures import measure
    >>> mask = np.array([[True, False]])
    >>> swale = Retention([measure("swale", mask)])
    >>> depth = np.array([[0.05, 0.05]])
    >>> swale.step(0.0, 10.0, Surface(depth, np.zeros((1, 2)), np.ones((1, 2), dtype=bool), 2.0))
    >>> depth.tolist(), round(sum(swale.account().values()), 9)
    ([[0.0, 0.05]], -0.2)
    """

    name = "retention"
    longest_step = _LONGEST_STEP

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = list(measures)
        if not self.measures:
            raise InputError("Retention needs at least one measure: make them with water.measure().")
        places = [np.concatenate([one.cells, one.connected]) for one in self.measures]
        for one, cells in zip(self.measures, places, strict=True):
            if not len(cells):
                raise InputError(f"Measure {one.name} has no cell: give cells= or connected= (roofs: pass it to Rain).")
            if not one.area and not len(one.cells):
                raise InputError(f"Measure {one.name} has neither cells nor an area: give area= in m2.")
        joined = np.concatenate(places)
        _, first, counts = np.unique(joined, axis=0, return_index=True, return_counts=True)
        if (counts > 1).any():
            row, column = joined[first[np.argmax(counts > 1)]]
            raise InputError(f"Cell (row {row}, column {column}) belongs to two measures: give each cell to one.")
        self._rows, self._columns = np.ascontiguousarray(joined.T)
        self._offsets = np.concatenate([[0], np.cumsum([len(cells) for cells in places])]).astype(np.int64)
        count = len(self.measures)
        self._to_cell = np.array(
            [k for k, one in enumerate(self.measures) if not isinstance(one.drain_to, str)], dtype=np.int64
        )
        outlets = np.array([self.measures[k].drain_to for k in self._to_cell], dtype=np.int64).reshape(-1, 2)
        self._outlets = np.ascontiguousarray(outlets.T)
        self._sewered = np.array([one.drain_to == "sewer" for one in self.measures])
        self._offered, self._removed = np.zeros(count), np.zeros(count)
        self._carry, self._held = np.zeros(count), np.zeros(len(self._to_cell))
        self._totals = np.zeros((count, 4))  # taken from the surface, to the ground, to the sewer, back to a cell [m3]
        self._stacks: Stacks | None = None
        self._first = np.zeros(count)
        self._pending: Mapping[str, np.ndarray] | None = None

    @property
    def numbers(self) -> np.ndarray:
        """Numbers of the measures, from 1, in their order."""
        return np.arange(1, len(self.measures) + 1)

    @property
    def sewer_total(self) -> np.ndarray:
        """Water [m3] that the drain of each measure gave to the sewer so far."""
        return self._totals[:, 2].copy()

    def sewer_places(self) -> np.ndarray:
        """Return the middle (row, column) of each measure, from which its drain leads to the sewer."""
        return np.array(
            [(one.cells if len(one.cells) else one.connected).mean(axis=0) for one in self.measures], dtype=float
        )

    def covers(self, shape: tuple[int, int]) -> np.ndarray:
        """Return True on the cells the measures lie on, where the soil's own losses do not apply."""
        mask = np.zeros(shape, dtype=bool)
        for one in self.measures:
            mask[one.cells[:, 0], one.cells[:, 1]] = True
        return mask

    def _start(self, surface: Surface) -> Stacks:
        height, width = surface.depth.shape
        rows = np.concatenate([self._rows, self._outlets[0]])
        columns = np.concatenate([self._columns, self._outlets[1]])
        outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
        if outside.any():
            row, column = rows[outside][0], columns[outside][0]
            raise InputError(
                f"Cell (row {row}, column {column}) of a measure lies outside the grid of {height} x {width} cells."
            )
        areas = np.array([one.area or len(one.cells) * surface.cell_size**2 for one in self.measures])
        stacks = Stacks(self.measures, areas)
        self._first = stacks.contents() * areas
        if self._pending is not None:
            stacks.state[:] = self._pending["state"]
        return stacks

    def step(self, time: float, duration: float, surface: Surface) -> None:  # noqa: ARG002  the form of all sources
        """Let the measures take water for ``duration`` [s]."""
        if self._stacks is None:
            self._stacks = self._start(surface)
        stacks, area = self._stacks, surface.cell_size**2
        cells = (self._rows, self._columns, self._offsets)
        _offer(surface.depth, *cells, area, self._offered)
        offered = np.maximum(self._offered + self._carry, 0.0)
        flux = stacks.advance(offered, duration) * stacks.areas[:, None]
        entered = offered - flux[:, 2]
        _take(surface.depth, *cells, area, self._offered, entered - self._carry, self._removed)
        self._carry += self._removed - entered
        self._totals[:, 0] += self._removed
        lost = flux[:, 0] + np.where(self._sewered, 0.0, flux[:, 1])
        lost[self._to_cell] = flux[self._to_cell, 0]
        self._totals[:, 1] += lost
        self._totals[:, 2] += np.where(self._sewered, flux[:, 1], 0.0)
        if self._to_cell.size:
            self._held += flux[self._to_cell, 1]
            before = self._held.copy()
            quantum = _QUANTUM if surface.depth.dtype == np.float32 else 0.0
            rows, columns = self._outlets
            _give(surface.depth, rows, columns, area, quantum, self._held)
            self._totals[self._to_cell, 3] += before - self._held

    def _stored(self) -> np.ndarray:
        """Return the water [m3] in each measure more than at the start."""
        if self._stacks is None:
            return np.zeros(len(self.measures))
        return self._stacks.contents() * self._stacks.areas - self._first

    def account(self) -> Mapping[str, float]:
        """Return the volumes so far [m3]: stored, to the ground and to the sewer (negative), and what is on its way."""
        underway = float(self._carry.sum() + self._held.sum())
        return {
            "stored": -float(self._stored().sum()),
            "to_ground": -float(self._totals[:, 1].sum()),
            "to_sewer": -float(self._totals[:, 2].sum()),
            "underway": -underway,
        }

    def table(self) -> pd.DataFrame:
        """Return the balance of each measure [m3] and how full it is.

        Returns
        -------
        pandas.DataFrame
            ``name``, ``kind``, ``area`` [m2], ``taken``, ``to_ground``, ``to_sewer``, ``to_cell``, ``stored`` [m3], and
            ``surface``, ``storage`` [m], the water standing on it and in its storage layer.
        """
        count = len(self.measures)
        state = self._stacks.state if self._stacks is not None else np.zeros((count, 5))
        return pd.DataFrame(
            {
                "name": [one.name for one in self.measures],
                "kind": [one.kind for one in self.measures],
                "area": self._stacks.areas if self._stacks is not None else np.full(count, np.nan),
                "taken": self._totals[:, 0],
                "to_ground": self._totals[:, 1],
                "to_sewer": self._totals[:, 2],
                "to_cell": self._totals[:, 3],
                "stored": self._stored(),
                "surface": state[:, 0],
                "storage": state[:, 3],
            }
        )

    def state(self) -> Mapping[str, np.ndarray]:
        """Return levels and sums."""
        return {
            "state": np.zeros((0, 5)) if self._stacks is None else self._stacks.state.copy(),
            "carry": self._carry.copy(),
            "held": self._held.copy(),
            "totals": self._totals.copy(),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self._carry, self._held, self._totals = (state[k].copy() for k in ("carry", "held", "totals"))
        self._pending = state if state["state"].size else None
        self._stacks = None
