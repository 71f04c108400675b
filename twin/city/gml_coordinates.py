"""Coordinate texts to numbers, many rings at a time.

All texts of a batch are joined with a "not a number" between rings and parsed by numpy in one go; where the count of
rings does not come out right (a text that is no number, a NaN in the data), that batch is read ring by ring, so one
bad ring is found and named without slowing down the rest.
"""

from __future__ import annotations

import warnings

import numpy as np

__all__ = ["RING_END", "CoordinateText"]

RING_END = " nan\n\n\n"
"""Text between the coordinates of two rings; no delivered text holds it."""


class CoordinateText:
    """Collects coordinate texts and turns them into numbers.

    ``parts`` takes the texts in order, with :data:`RING_END` after each ring.

    Examples
    --------
    >>> text = CoordinateText()
    >>> text.parts += ["1 2 3 4 5 6", RING_END, "7 8 9", RING_END]
    >>> values, counts, bad = text.result()
    >>> values.tolist(), counts.tolist(), bad
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], [6, 3], {})
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._values: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []
        self._bad: dict[int, str] = {}
        self._rings = 0

    def flush(self) -> None:
        """Turn the rings collected so far into numbers."""
        if not self.parts:
            return
        text = "".join(self.parts)
        self.parts.clear()
        rings = text.count(RING_END)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                numbers = np.fromstring(text, dtype=np.float64, sep=" ")
            except ValueError:
                numbers = np.empty(0)
        ends = np.flatnonzero(np.isnan(numbers))
        if len(ends) == rings and (rings == 0 or ends[-1] == len(numbers) - 1):
            counts = np.diff(ends, prepend=-1) - 1
            self._values.append(np.delete(numbers, ends))
        else:
            counts = self._one_by_one(text)
        self._counts.append(counts)
        self._rings += rings

    def _one_by_one(self, text: str) -> np.ndarray:
        counts = []
        for i, ring in enumerate(text.split(RING_END)[:-1]):
            try:
                numbers = np.array([float(word) for word in ring.split()])
            except ValueError:
                self._bad[self._rings + i] = " ".join(ring.split())[:60]
                numbers = np.empty(0)
            counts.append(len(numbers))
            self._values.append(numbers)
        return np.array(counts, dtype=np.int64)

    def result(self) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        """Return all numbers, how many each ring has, and the texts of rings that are not numbers."""
        self.flush()
        values = np.concatenate(self._values) if self._values else np.empty(0)
        counts = np.concatenate(self._counts).astype(np.int64) if self._counts else np.empty(0, np.int64)
        self._values.clear()
        return values, counts, self._bad
