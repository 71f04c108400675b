"""Vertex numbers of a CityJSON file: its points on a grid of millimetres, each place once."""

from __future__ import annotations

import numpy as np

__all__ = ["Points"]


class Points:
    """Numbers points: those that fall on the same place of the grid are one vertex.

    Parameters
    ----------
    shift : numpy.ndarray
        Origin of the grid [m].
    precision : float
        Its step [m].

    Examples
    --------
    >>> points = Points(np.zeros(3), 0.001)
    >>> points.add(np.array([[0.0, 0.0, 1.0], [0.0004, 0.0, 1.0], [2.0, 0.0, 1.0]])), points.vertices
    ([0, 0, 1], [(0, 0, 1000), (2000, 0, 1000)])
    """

    def __init__(self, shift: np.ndarray, precision: float) -> None:
        self._shift, self._precision = shift, precision
        self._numbers: dict[tuple[int, ...], int] = {}

    def add(self, xyz: np.ndarray) -> list[int]:
        """Return the vertex number of each point."""
        return self.take(self.steps(xyz))

    def steps(self, xyz: np.ndarray) -> list[tuple[int, ...]]:
        """Return the place of each point on the grid."""
        columns = np.rint((xyz - self._shift) / self._precision).astype(np.int64).T.tolist()
        return list(zip(*columns, strict=True))

    def take(self, steps: list[tuple[int, ...]]) -> list[int]:
        """Return the vertex number of each place."""
        numbers = self._numbers
        return [numbers.setdefault(step, len(numbers)) for step in steps]

    @property
    def vertices(self) -> list[tuple[int, ...]]:
        """Steps along x, y, z of each vertex."""
        return list(self._numbers)
