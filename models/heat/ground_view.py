"""What a person sees of the ground: nested square windows around each cell.

A body at height h takes half of the ground's radiation from within about two heights and a tenth from beyond ten. Three
square windows with fixed shares stand for this view; only ground cells count, so that walls bound the view. Sums run in
whole numbers (1/64 W/m2, coarser below cells of 0.3 m), see :mod:`models.heat.windows`. Left out: the shadow of the body itself.

Shares: from the view factors of a horizontal and a vertical element over a plane, r^2 / (r^2 + h^2) and
2/pi (atan x - x / (1 + x^2)), x = r / h (Howell 2021, configuration factors B-12 and B-28).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.heat.windows import WindowSums
from models.parallel import in_blocks

__all__ = ["WINDOWS", "GroundView"]

WINDOWS = ((2.0, 0.35), (6.0, 0.35), (20.0, 0.30))
"""Half width [m] and share of each window, for a standing person."""

_FINEST = 64.0  # parts of 1 W/m2
_LARGEST = 1600.0  # radiation that must fit [W/m2]


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
        self._whole, self._sums = np.empty(shape, np.int32), WindowSums(shape)
        self._windows: list[tuple[int, np.ndarray]] = []
        largest_window = (2 * max(round(half_width / cell) for half_width, _ in WINDOWS) + 1) ** 2
        self._scale = min(_FINEST, 2.0**31 / (largest_window * _LARGEST))  # sums must fit 32 bits on fine grids
        for half_width, share in WINDOWS:
            radius = round(half_width / cell)
            count = self._sums.total(self._ground.astype(np.int32), radius)
            weight = np.where(count > 0, share / (self._scale * np.maximum(count, 1.0)), 0.0).astype(np.float32)
            self._windows.append((radius, weight))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return what a person sees on average of ``values`` [W/m2] on the ground, float32 (y, x)."""
        in_blocks(_quantise, values.shape[0], values, self._ground, self._scale, self._whole)
        result = np.zeros(values.shape, np.float32)
        for radius, weight in self._windows:
            self._sums.add(self._whole, radius, weight, result)
        return result
