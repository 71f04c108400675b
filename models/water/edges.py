"""Faces that are not like the others (edges of the grid, crests) and cells with inflow, as the solvers' tables."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["CREST", "FLUX", "LEVEL", "OPEN", "RING", "Cells", "Faces"]

CREST, OPEN, LEVEL, FLUX = 0, 1, 2, 3
"""Kinds of special faces: a crest between two cells; free outflow, given level, given flow at an edge."""

RING = 3  # rows of the solvers' arrays north of the grid


@dataclass
class Faces:
    """Special faces, sorted by row.

    Attributes
    ----------
    table : numpy.ndarray
        int64 (k, 6): axis (0 east face, 1 south face), row and column in the solvers' arrays, kind, sign (+1: the cell
        west or north of the face lies inside, -1: the other one, 0: both), group of the account (-1: none).
    values : numpy.ndarray
        float64 (k,): height of a crest or level [m above the solvers' zero], flow along the axis [m2/s].
    first : numpy.ndarray
        int64: first entry of each row of the solvers' arrays, and the end.
    """

    table: np.ndarray
    values: np.ndarray
    first: np.ndarray

    @classmethod
    def build(cls, rows: int, entries: np.ndarray, values: np.ndarray) -> Faces:
        """Sort entries (axis, row of the grid, column of the grid, kind, sign, group) into the solvers' order."""
        table = np.asarray(entries, np.int64).reshape(-1, 6).copy()
        table[:, 1] += RING
        table[:, 2] += 1
        order = np.argsort(table[:, 1], kind="stable")
        table = np.ascontiguousarray(table[order])
        first = np.searchsorted(table[:, 1], np.arange(rows + 2 * RING + 1)).astype(np.int64)
        return cls(table, np.asarray(values, np.float64)[order].copy(), first)

    @property
    def moving(self) -> np.ndarray:
        """True for faces that may bring water to a dry cell."""
        return (self.table[:, 3] == LEVEL) | (self.table[:, 3] == FLUX)


@dataclass
class Cells:
    """Cells with inflow, sorted by row of the grid; ``rates`` in m/s of depth."""

    rows: np.ndarray
    columns: np.ndarray
    rates: np.ndarray
    first: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))

    @classmethod
    def build(cls, shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray) -> tuple[Cells, np.ndarray]:
        """Return the cells in the solvers' order and the order in which the given ones now stand."""
        rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
        order = np.argsort(rows, kind="stable")
        first = np.searchsorted(rows[order], np.arange(shape[0] + 1)).astype(np.int64)
        return cls(rows[order], columns[order].copy(), np.zeros(rows.size), first), order
