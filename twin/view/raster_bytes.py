"""Layers as bytes for the browser: one number 0 to 254 a cell and time, 255 where there is no value.

Steps are round (1, 2 or 5 times a power of ten) and begin at a multiple of their size, and a value goes to the step it
lies in: limits of classes that are multiples of the step stay exact, a shown value is off by half a step at most.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["NODATA", "Scale", "coarser", "packed", "scale_for", "to_bytes"]

NODATA = 255
_LEAST = 1e-4


@dataclass(frozen=True)
class Scale:
    """Bytes and values: value = offset + factor * byte."""

    offset: float
    factor: float

    def as_dict(self) -> dict[str, float]:
        """Return what the manifest says."""
        return {"offset": self.offset, "factor": self.factor}


def scale_for(low: float, high: float) -> Scale:
    """Return the finest round scale that holds values from ``low`` to ``high``.

    Examples
    --------
    >>> scale_for(18.3, 44.9)
    Scale(offset=18.3, factor=0.2)
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return Scale(0.5, 1.0)
    wanted = max((high - low) / 250, _LEAST)
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0, 20.0) if m * power >= wanted * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    return Scale(round(first * step + step / 2, 10), round(step, 10))


def to_bytes(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return values as bytes of a scale, NaN as 255."""
    steps = np.floor((values - (scale.offset - scale.factor / 2)) / scale.factor + 1e-4)
    return np.where(np.isfinite(values), np.clip(steps, 0, NODATA - 1), NODATA).astype(np.uint8)


def coarser(values: np.ndarray, times: int, *, greatest: bool = False) -> np.ndarray:
    """Return the mean (or the greatest value) of blocks of cells along the last two axes, NaN where all are missing."""
    if times <= 1:
        return values
    rows, columns = values.shape[-2:]
    pad = [(0, 0)] * (values.ndim - 2) + [(0, -rows % times), (0, -columns % times)]
    padded = np.pad(values.astype(np.float32), pad, constant_values=np.nan)
    blocks = padded.reshape(*values.shape[:-2], padded.shape[-2] // times, times, padded.shape[-1] // times, times)
    known = np.isfinite(blocks)
    count = known.sum(axis=(-3, -1))
    if greatest:
        found = np.where(known, blocks, -np.inf).max(axis=(-3, -1))
    else:
        found = np.where(known, blocks, 0.0).sum(axis=(-3, -1)) / np.maximum(count, 1)
    return np.where(count > 0, found, np.nan).astype(np.float32)


def packed(data: np.ndarray | bytes) -> bytes:
    """Return data as gzip without a time stamp: the same bytes for the same data."""
    raw: Any = data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes()
    return gzip.compress(raw, 9, mtime=0)
