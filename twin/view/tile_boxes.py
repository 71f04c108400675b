"""Bounding boxes of 3D Tiles: upright ones, and those around others."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["box_of", "corners_of", "united"]

_SPARE = 0.02  # [m] for the rounding of points and of the box's own numbers


def box_of(low: np.ndarray, high: np.ndarray) -> list[float]:
    """Return an upright box from its corners as 3D Tiles write it: middle and three half axes.

    Examples
    --------
    >>> box_of(np.zeros(3), np.array([2.0, 4.0, 6.0]))[:4]
    [1.0, 2.0, 3.0, 1.02]
    """
    middle, half = (low + high) / 2, (high - low) / 2 + _SPARE
    return [round(float(v), 3) for v in (*middle, half[0], 0, 0, 0, half[1], 0, 0, 0, half[2])]


def corners_of(box: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest corner of an upright box."""
    middle, half = np.array(box[:3]), np.array([box[3], box[7], box[11]])
    return middle - half, middle + half


def united(tiles: list[dict[str, Any]], low: np.ndarray | None = None, high: np.ndarray | None = None) -> list[float]:
    """Return the box around tiles (and around a box of its own)."""
    corners = [corners_of(tile["boundingVolume"]["box"]) for tile in tiles]
    lows = [one for one, _ in corners] + ([low] if low is not None else [])
    highs = [one for _, one in corners] + ([high] if high is not None else [])
    return box_of(np.min(lows, axis=0), np.max(highs, axis=0))
