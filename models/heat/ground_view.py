"""What a person sees of the ground: nested square windows around each cell.

A body at height h takes half of the ground's radiation from within about two heights and a tenth from beyond ten. Three
square windows with fixed shares stand for this view; only ground cells count, so that walls bound the view. Sums run in
whole numbers (1/64 W/m2, coarser below cells of 0.3 m): the result does not depend on where a sum begins. Left out: the shadow of the body itself.

Shares: from the view factors of a horizontal and a vertical element over a plane, r^2 / (r^2 + h^2) and
2/pi (atan x - x / (1 + x^2)), x = r / h (Howell 2021, configuration factors B-12 and B-28).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.parallel import in_blocks

__all__ = ["WINDOWS", "GroundView"]

WINDOWS = ((2.0, 0.35), (6.0, 0.35), (20.0, 0.30))
"""Half width [m] and share of each window, for a standing person."""

_FINEST = 64.0  # parts of 1 W/m2
_LARGEST = 1600.0  # radiation that must fit [W/m2]


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


@njit(cache=True, nogil=True)
def _quantise(start, stop, values, ground, scale, out):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(values.shape[1]):
            out[i, j] = np.int32(round(values[i, j] * scale)) if ground[i, j] else 0


class GroundView:
    """The view of the ground from every cell of one site.

    Parameters
    ----------
    ground : numpy.ndarray
        True where there is ground (no building), (y, x).
    cell : float
        Cell size [m].
    """

    def __init__(self, ground: np.ndarray, cell: float) -> None:
        self._ground = np.ascontiguousarray(ground, dtype=np.bool_)
        shape = self._ground.shape
        self._whole, self._sums = np.empty(shape, np.int32), np.empty(shape, np.int32)
        self._windows: list[tuple[int, np.ndarray]] = []
        largest_window = (2 * max(round(half_width / cell) for half_width, _ in WINDOWS) + 1) ** 2
        self._scale = min(_FINEST, 2.0**31 / (largest_window * _LARGEST))  # sums must fit 32 bits on fine grids
        one = np.ones(shape, np.float32)
        for half_width, share in WINDOWS:
            radius = round(half_width / cell)
            count = np.zeros(shape, np.float32)
            self._sum(self._ground.astype(np.int32), radius, one, count)
            weight = np.where(count > 0, share / (self._scale * np.maximum(count, 1.0)), 0.0).astype(np.float32)
            self._windows.append((radius, weight))

    def _sum(self, values: np.ndarray, radius: int, weight: np.ndarray, result: np.ndarray) -> None:
        in_blocks(_row_sums, values.shape[0], values, radius, self._sums)
        in_blocks(_column_sums, values.shape[0], self._sums, radius, weight, result, least=4 * radius + 64)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return what a person sees on average of ``values`` [W/m2] on the ground, float32 (y, x)."""
        in_blocks(_quantise, values.shape[0], values, self._ground, self._scale, self._whole)
        result = np.zeros(values.shape, np.float32)
        for radius, weight in self._windows:
            self._sum(self._whole, radius, weight, result)
        return result
