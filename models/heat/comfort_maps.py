"""A comfort index for every cell of a map, by a table made anew for each step.

Within one step the humidity of the air is the same everywhere, so a costly index is a smooth function of Tmrt, wind and, where
it differs over the grid, air temperature: it is worked out on a small table and interpolated (Tmrt and air temperature
linear, wind by its logarithm).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numba import njit

from models.heat.indices import one_shape, saturation_pressure
from models.parallel import in_blocks

__all__ = ["humidity_at", "index_of_map", "index_of_points"]

_TABLE_STEP = 1.0  # spacing in temperature [K]
_LADDER = 1.2  # ratio of neighbouring wind speeds
_CALM = 0.1  # slowest wind of the tables [m/s]


def humidity_at(air_temperature: np.ndarray | float, station: float, relative_humidity: float) -> np.ndarray:
    """Return the relative humidity [%] at another temperature [degC] of the same vapour pressure, at most 100.

    Parameters
    ----------
    air_temperature : float or numpy.ndarray
        [degC]
    station, relative_humidity : float
        The measured state [degC], [%].
    """
    share = saturation_pressure(station) / saturation_pressure(air_temperature)
    return np.asarray(np.minimum(relative_humidity * share, 100.0))


def index_of_points(
    kernel: Callable[..., None], inputs: tuple[Any, ...], fixed: tuple[Any, ...], name: str, **attrs: str
) -> Any:
    """Return an index of numbers, arrays or DataArrays, broadcast against each other.

    Parameters
    ----------
    kernel : callable
        ``kernel(start, stop, *flat inputs, *fixed, out)``.
    inputs : tuple
        Floats, arrays or DataArrays.
    fixed : tuple
        What else the kernel takes.
    name : str
        Of the result, if it is a DataArray.
    **attrs
        Of the result, beside its unit degC.
    """

    def of_arrays(*values: np.ndarray) -> np.ndarray:
        flat, shape = one_shape(values, name)
        out = np.empty(flat[0].size)
        in_blocks(kernel, out.size, *flat, *fixed, out)
        return out.reshape(shape)

    if any(isinstance(value, xr.DataArray) for value in inputs):
        result = xr.apply_ufunc(of_arrays, *inputs).rename(name)
        result.attrs = {"units": "degC", **attrs}
        return result
    found = of_arrays(*inputs)
    return float(found) if found.ndim == 0 else found


@njit(cache=True, nogil=True)
def _place(value, first, step, count):  # type: ignore[no-untyped-def]
    """Return the node below a value and the share of the next one; (-1, 0) outside the table."""
    if count == 1:
        return 0, np.float64(0.0)
    x = (value - first) / step
    if not 0.0 <= x <= count - 1:
        return -1, np.float64(0.0)
    n = min(int(x), count - 2)
    return n, x - n


@njit(cache=True, nogil=True)
def _look_up(start, stop, tmrt, wind, air, first, step, speeds, table, out):  # type: ignore[no-untyped-def]
    temperatures, rows, winds = table.shape
    ratio = 1.0 / math.log(speeds[1] / speeds[0]) if winds > 1 else 1.0
    for i in range(start, stop):
        for j in range(tmrt.shape[1]):
            n, x = _place(tmrt[i, j], first[1], step, rows)
            a, u = _place(air[i, j], first[0], step, temperatures) if temperatures > 1 else (0, 0.0)
            if n < 0 or a < 0:
                out[i, j] = np.nan
                continue
            m, y = 0, 0.0
            if winds > 1:
                y = math.log(max(wind[i, j], speeds[0]) / speeds[0]) * ratio
                m = min(int(y), winds - 2)
                y -= m
            total = 0.0
            for da in range(2 if temperatures > 1 else 1):
                for dn in range(2):
                    value = table[a + da, n + dn, m]
                    if winds > 1:
                        value += y * (table[a + da, n + dn, m + 1] - value)
                    share = (x if dn else 1.0 - x) * ((u if da else 1.0 - u) if temperatures > 1 else 1.0)
                    total += share * value
            out[i, j] = total


def _nodes(low: float, high: float) -> np.ndarray:
    """Return nodes that enclose a range, on whole steps: a part of a map meets the same nodes as the whole."""
    first, last = math.floor(low / _TABLE_STEP) - 1, math.ceil(high / _TABLE_STEP) + 1
    return np.arange(first, last + 1) * _TABLE_STEP


def index_of_map(
    index: Callable[..., Any], tmrt: np.ndarray, air_temperature: float | np.ndarray, station: float,
    relative_humidity: float, wind_speed: float | np.ndarray, **options: Any,
) -> np.ndarray:  # fmt: skip
    """Return an index of a map, float32 (y, x).

    Parameters
    ----------
    index : callable
        ``index(air_temperature, tmrt, wind_speed, relative_humidity, **options)`` on arrays.
    tmrt : numpy.ndarray
        [degC], float32 (y, x).
    air_temperature : float or numpy.ndarray
        [degC], one value or (y, x).
    station, relative_humidity : float
        State of the air at the station [degC], [%]; vapour pressure is that of the station everywhere.
    wind_speed : float or numpy.ndarray
        [m/s], one value or (y, x); slower than 0.1 counts as 0.1.
    **options
        Handed on to ``index``.
    """
    nodes = _nodes(float(np.nanmin(tmrt)), float(np.nanmax(tmrt)))
    local_air, local_wind = np.ndim(air_temperature) > 0, np.ndim(wind_speed) > 0
    airs = np.array([float(np.ravel(air_temperature)[0])])
    if local_air:
        airs = _nodes(float(np.nanmin(air_temperature)), float(np.nanmax(air_temperature)))
    speeds = np.array([max(float(np.ravel(wind_speed)[0]), _CALM)])
    if local_wind:
        fastest = max(float(np.nanmax(wind_speed)), 2 * _CALM)
        speeds = _CALM * _LADDER ** np.arange(math.ceil(math.log(fastest / _CALM) / math.log(_LADDER)) + 1)
    humidity = humidity_at(airs, station, relative_humidity)
    table = np.asarray(
        index(airs[:, None, None], nodes[None, :, None], speeds[None, None, :], humidity[:, None, None], **options)
    )
    out = np.empty(tmrt.shape, np.float32)
    none = np.empty((1, 1), np.float32)
    wind = np.ascontiguousarray(wind_speed, np.float32) if local_wind else none
    air = np.ascontiguousarray(air_temperature, np.float32) if local_air else none
    first = (airs[0], nodes[0])
    in_blocks(_look_up, tmrt.shape[0], tmrt, wind, air, first, _TABLE_STEP, speeds, table, out)
    return out
