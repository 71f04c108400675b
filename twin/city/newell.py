"""Vector areas of many rings by compiled code; :mod:`twin.city.surfaces` says what they are and when this pays."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["vector_areas"]


@njit(cache=True, nogil=True)
def vector_areas(xyz: np.ndarray, ring_start: np.ndarray, vectors: np.ndarray) -> None:
    """Write the vector area of every ring.

    Parameters
    ----------
    xyz : numpy.ndarray
        float64 (n, 3) [m], rings open.
    ring_start : numpy.ndarray
        int64 (rings + 1,).
    vectors : numpy.ndarray
        float64 (rings, 3) [m2], takes them.
    """
    for ring in range(len(ring_start) - 1):
        first, last = ring_start[ring], ring_start[ring + 1]
        sx, sy, sz = 0.0, 0.0, 0.0
        for i in range(first + 1, last - 1):  # the first point is the origin: its two edges add nothing
            ax, ay, az = xyz[i, 0] - xyz[first, 0], xyz[i, 1] - xyz[first, 1], xyz[i, 2] - xyz[first, 2]
            j = i + 1
            bx, by, bz = xyz[j, 0] - xyz[first, 0], xyz[j, 1] - xyz[first, 1], xyz[j, 2] - xyz[first, 2]
            sx += ay * bz - by * az
            sy += az * bx - bz * ax
            sz += ax * by - bx * ay
        vectors[ring, 0], vectors[ring, 1], vectors[ring, 2] = 0.5 * sx, 0.5 * sy, 0.5 * sz
