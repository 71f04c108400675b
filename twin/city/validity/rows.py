"""Findings as rows of numbers, written by compiled kernels: one row of ``WIDTH`` numbers each.

Columns: code, polygon, ring within the polygon, shell (row of the table of shells), value, x, y, z, other. What does
not apply is -1; ``other`` is a second polygon or a count, whatever the message of the code names.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["CODE", "OTHER", "PLACE", "POLYGON", "RING", "SHELL", "VALUE", "WIDTH", "add", "nothing", "together"]

CODE, POLYGON, RING, SHELL, VALUE, PLACE, OTHER = 0, 1, 2, 3, 4, 5, 8
WIDTH = 9


@njit(cache=True, nogil=True, error_model="numpy")
def _longer(rows: np.ndarray) -> np.ndarray:
    longer = np.empty((2 * rows.shape[0] + 16, 9))
    for i in range(rows.shape[0]):
        for k in range(9):
            longer[i, k] = rows[i, k]
    return longer


@njit(cache=True, nogil=True, error_model="numpy")
def add(
    rows: np.ndarray,
    count: int,
    code: int,
    polygon: int,
    ring: int,
    shell: int,
    value: float,
    other: int,
    xyz: np.ndarray,
    a: int,
    b: int,
) -> tuple[np.ndarray, int]:
    """Append one finding, placed between the points a and b; returns the rows (longer ones if full), their number."""
    if count == rows.shape[0]:
        rows = _longer(rows)
    rows[count, 0], rows[count, 1], rows[count, 2], rows[count, 3] = code, polygon, ring, shell
    rows[count, 4], rows[count, 8] = value, other
    for k in range(3):
        rows[count, 5 + k] = 0.5 * (xyz[a, k] + xyz[b, k])
    return rows, count + 1


def nothing() -> np.ndarray:
    """Return no rows."""
    return np.empty((0, WIDTH))


def together(*parts: np.ndarray) -> np.ndarray:
    """Return the rows of several kernels as one array, sorted by polygon and code, rows of shells last."""
    rows = np.concatenate([nothing(), *parts])
    polygon = np.where(rows[:, POLYGON] < 0, np.inf, rows[:, POLYGON])
    return rows[np.lexsort((rows[:, RING], rows[:, CODE], polygon, rows[:, SHELL]))]
