"""Points of many rings of vertex numbers by compiled code: what :func:`twin.city.cityjson.faces.faces_of` looks at."""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.cityjson.faces import CLOSING, OUTSIDE, REPEATED, SHORT, WILD

__all__ = ["gather"]

_FEW = 6  # points of a ring up to which a point may be told again without the ring being worth something


@njit(cache=True, nogil=True)
def _same(xyz: np.ndarray, a: int, b: int) -> bool:
    return bool(xyz[a, 0] == xyz[b, 0] and xyz[a, 1] == xyz[b, 1] and xyz[a, 2] == xyz[b, 2])


@njit(cache=True, nogil=True)
def _different(xyz: np.ndarray, first: int, last: int) -> int:
    """Return how many different points a short ring has."""
    count = 0
    for i in range(first, last):
        new = True
        for j in range(first, i):
            new = new and not _same(xyz, i, j)
        count += new
    return count


@njit(cache=True, nogil=True)
def gather(
    numbers: np.ndarray,
    size: np.ndarray,
    vertices: np.ndarray,
    count: int,
    farthest: float,
    xyz: np.ndarray,
    doubt: np.ndarray,
) -> int:
    """Write the points of every ring, and what is doubtful about it.

    Parameters
    ----------
    numbers : numpy.ndarray
        int64, vertex numbers of all rings.
    size : numpy.ndarray
        int64, points of each ring; less one where the first point is told again at the end.
    vertices : numpy.ndarray
        float64 (n, 3), at least one, even where there is none.
    count : int
        How many of them there are.
    farthest : float
        [m or deg] no coordinate is larger.
    xyz : numpy.ndarray
        float64 (len(numbers), 3), takes the points.
    doubt : numpy.ndarray
        uint8, takes the bits of each ring.

    Returns
    -------
    int
        Points written.
    """
    read, n = 0, 0
    for ring in range(len(size)):
        first = n
        for i in range(read, read + size[ring]):
            vertex = numbers[i]
            if vertex < 0 or vertex >= count:
                doubt[ring] |= OUTSIDE
                vertex = 0
            elif not (
                abs(vertices[vertex, 0]) < farthest
                and abs(vertices[vertex, 1]) < farthest
                and abs(vertices[vertex, 2]) < farthest
            ):
                doubt[ring] |= WILD
            xyz[n, 0], xyz[n, 1], xyz[n, 2] = vertices[vertex, 0], vertices[vertex, 1], vertices[vertex, 2]
            n += 1
        read += size[ring]
        if size[ring] > 3 and _same(xyz, first, n - 1) and not _same(xyz, first, n - 2):
            doubt[ring] |= CLOSING
            size[ring] -= 1
            n -= 1
        repeats = 0
        for i in range(first + 1, n):
            repeats += _same(xyz, i, i - 1)
        points = n - first
        if repeats:
            doubt[ring] |= REPEATED
        few = 2 < points <= _FEW and (repeats or _same(xyz, first, n - 1))
        if points - repeats < 3 or (few and _different(xyz, first, n) < 3):
            doubt[ring] |= SHORT
    return n
