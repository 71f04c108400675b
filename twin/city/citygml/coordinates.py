"""Coordinate texts to numbers, many rings at a time.

All texts of a batch are joined with a mark between rings and read by numpy, which gives exactly the numbers Python's
``float`` gives. Where a batch holds a word that is no number it is read ring by ring, so that one bad ring is found and
named.
"""

from __future__ import annotations

import warnings

import numpy as np

__all__ = ["RING_END", "CoordinateText"]

RING_END = "\x1e"
"""Mark between the coordinates of two rings: XML allows this character nowhere, so no delivered text holds it."""


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
        found = _plain(text, rings)
        values, counts = found if found is not None else self._one_by_one(text)
        self._values.append(values)
        self._counts.append(counts)
        self._rings += rings

    def _one_by_one(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        values = []
        for i, ring in enumerate(text.split(RING_END)[:-1]):
            try:
                numbers = np.array([float(word) for word in ring.split()])
            except ValueError:
                self._bad[self._rings + i] = " ".join(ring.split())[:60]
                numbers = np.empty(0)
            values.append(numbers)
        return np.concatenate(values), np.array([len(numbers) for numbers in values], dtype=np.int64)

    def result(self) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        """Return all numbers, how many each ring has, and the texts of rings that are not numbers."""
        self.flush()
        values = np.concatenate(self._values) if self._values else np.empty(0)
        counts = np.concatenate(self._counts) if self._counts else np.empty(0, np.int64)
        self._values.clear()
        return values, counts, self._bad


def _plain(text: str, rings: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Parse with numpy, a "not a number" standing between rings; None where a word is no number or a NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            numbers = np.fromstring(text.replace(RING_END, " nan "), dtype=np.float64, sep=" ")
        except ValueError:
            return None
    ends = np.flatnonzero(np.isnan(numbers))
    if len(ends) != rings or (rings and ends[-1] != len(numbers) - 1):
        return None
    return np.delete(numbers, ends), np.diff(ends, prepend=-1) - 1
