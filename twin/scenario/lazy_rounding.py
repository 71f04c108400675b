"""Rounded layers of a result that is read from the disk: rounded when they are read, so that none is held whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

__all__ = ["in_memory", "round_numbers", "rounded_when_read"]


def round_numbers(values: np.ndarray, step: float) -> np.ndarray:
    """Return numbers rounded to a multiple of a step, float32.

    Examples
    --------
    >>> round_numbers(np.array([0.6, 1.2]), 0.5).tolist()
    [0.5, 1.0]
    """
    return np.asarray(np.rint(values.astype(np.float32, copy=False) / np.float32(step)) * np.float32(step))


def in_memory(layer: xr.DataArray) -> bool:
    """Tell whether the numbers of a layer are held, or read from the disk when they are used."""
    return isinstance(layer.variable._data, np.ndarray)


class _Rounded(BackendArray):
    """Reads a part of a layer and rounds it."""

    def __init__(self, layer: xr.Variable, step: float) -> None:
        self._layer, self._step = layer, step
        self.shape, self.dtype = layer.shape, np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        values = self._layer[key].values
        return round_numbers(values, self._step) if self._step else values.astype(np.float32)


def rounded_when_read(layer: xr.DataArray, step: float) -> xr.DataArray:
    """Return a layer whose numbers are rounded as they are read, float32.

    Parameters
    ----------
    layer : xarray.DataArray
        Read from the disk when it is used.
    step : float
        Numbers become multiples of it; 0 leaves them as they are.
    """
    array = indexing.LazilyIndexedArray(_Rounded(layer.variable, step))
    return xr.DataArray(xr.Variable(layer.dims, array, layer.attrs), layer.coords, name=layer.name)
