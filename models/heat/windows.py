"""Sums over square windows round each cell, in whole numbers: the result does not depend on where a sum begins.

One running sum along rows and one along columns, whatever the size of the window; windows end at the edge of the grid. Whole
numbers make a part of a grid give the same sums as the whole, wherever it holds the window.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.parallel import in_blocks

__all__ = ["WindowSums"]


@njit(cache=True, nogil=True)
def _row_sums(start, stop, values, radius, out):  # type: ignore[no-untyped-def]
    columns = values.shape[1]
    for i in range(start, stop):
        total = np.int32(0)
        for j in range(min(radius, columns)):
            total += values[i, j]
        for j in range(columns):
            if j + radius < columns:
                total += values[i, j + radius]
            if j - radius - 1 >= 0:
                total -= values[i, j - radius - 1]
            out[i, j] = total


@njit(cache=True, nogil=True)
def _column_sums(start, stop, sums, radius, weight, result):  # type: ignore[no-untyped-def]
    """Add ``weight`` times the sum of the window to ``result``."""
    rows, columns = sums.shape
    total = np.zeros(columns, np.int32)
    for i in range(max(0, start - radius), min(rows, start + radius)):
        for j in range(columns):
            total[j] += sums[i, j]
    for i in range(start, stop):
        if i + radius < rows:
            for j in range(columns):
                total[j] += sums[i + radius, j]
        if i > start and i - radius - 1 >= 0:
            for j in range(columns):
                total[j] -= sums[i - radius - 1, j]
        for j in range(columns):
            result[i, j] += np.float32(total[j]) * weight[i, j]


class WindowSums:
    """Window sums on one grid.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.

    Examples
    --------
    >>> ones = np.ones((3, 4), np.int32)
    >>> WindowSums((3, 4)).total(ones, 1)[1].tolist()
    [6.0, 9.0, 9.0, 6.0]
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._sums = np.empty(shape, np.int32)

    def add(self, values: np.ndarray, radius: int, weight: np.ndarray, result: np.ndarray) -> None:
        """Add ``weight`` times the window sum of ``values`` (int32) to ``result`` (float32), in place.

        Sums must fit 32 bits.
        """
        rows = values.shape[0]
        in_blocks(_row_sums, rows, values, radius, self._sums)
        in_blocks(_column_sums, rows, self._sums, radius, weight, result, least=4 * radius + 64)

    def total(self, values: np.ndarray, radius: int) -> np.ndarray:
        """Return the window sum of ``values`` (int32), float32 (y, x); ``radius`` in cells."""
        result = np.zeros(values.shape, np.float32)
        self.add(values, radius, np.ones(values.shape, np.float32), result)
        return result
