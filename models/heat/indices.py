"""Comfort indices: what the weather and the surroundings feel like, in degrees.

UTCI by its published polynomial. For a map of one time, where air temperature and humidity are uniform, the 210 terms
collapse to 28 in (Tmrt - Ta, wind speed), without approximation. Outside the validity limits the result is NaN and one
warning counts how often.

Source: Broede et al. 2012, doi 10.1007/s00484-011-0454-1; saturation pressure by Hardy 1998 (ITS-90), as in its code.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from numba import njit

from models.layers import InputError, read_table
from models.parallel import in_blocks

__all__ = ["hectopascal", "one_shape", "saturation_pressure", "utci", "utci_coefficients", "utci_cube"]

_log = logging.getLogger(__name__)

UTCI_WIND = (0.5, 17.0)
"""Wind speeds 10 m above ground for which UTCI is defined [m/s]."""


def saturation_pressure(air_temperature: np.ndarray | float) -> np.ndarray:
    """Return the saturation vapour pressure over water [hPa], Hardy 1998 (ITS-90).

    Examples
    --------
    >>> float(saturation_pressure(20.0).round(2))
    23.39
    """
    t = np.asarray(air_temperature, dtype=float) + 273.15
    g = (-2836.5744, -6028.076559, 19.54263612, -0.02737830188, 1.6261698e-5, 7.0229056e-10, -1.8680009e-13)
    exponent = 2.7150305 * np.log(t)
    for power, factor in enumerate(g, start=-2):
        exponent = exponent + factor * t**power
    return np.asarray(0.01 * np.exp(exponent))


@cache
def _terms() -> tuple[np.ndarray, np.ndarray]:
    rows = read_table("models.heat", "utci_polynomial.csv")
    powers = np.array([[int(row[n]) for n in "tvdp"] for row in rows], dtype=np.int64)
    return powers, np.array([float(row["coefficient"]) for row in rows])


def utci_coefficients(air_temperature: float, relative_humidity: float) -> np.ndarray:
    """Return the polynomial of UTCI - Ta in wind speed and Tmrt - Ta for one state of the air.

    Parameters
    ----------
    air_temperature, relative_humidity : float
        [degC], [%].

    Returns
    -------
    numpy.ndarray
        (7, 7): coefficient of (Tmrt - Ta)^i va^j at [i, j]; 28 of them are not zero.
    """
    powers, coefficients = _terms()
    e = float(saturation_pressure(air_temperature)) * relative_humidity / 1000.0  # [kPa]
    table = np.zeros((7, 7))
    np.add.at(table, (powers[:, 2], powers[:, 1]), coefficients * air_temperature ** powers[:, 0] * e ** powers[:, 3])
    return table


def utci_cube(air_temperature: float, relative_humidity: float) -> np.ndarray:
    """Return the polynomial of UTCI - Ta for one vapour pressure, (7, 7, 7): [Tmrt - Ta, wind speed, Ta].

    Parameters
    ----------
    air_temperature, relative_humidity : float
        State of the air that gives the vapour pressure [degC], [%].
    """
    e = float(saturation_pressure(air_temperature)) * relative_humidity / 1000.0  # [kPa]
    return np.einsum("pdvt,p->dvt", _cube(), e ** np.arange(7.0))


@njit(cache=True, nogil=True)
def _utci_points(start, stop, ta, tmrt, wind, rh, es, cube, out):  # type: ignore[no-untyped-def]
    """UTCI of points; ``cube[p, d, v, t]`` holds the coefficients. Counts the points outside the limits."""
    outside = 0
    for n in range(start, stop):
        t, d, v, e = ta[n], tmrt[n] - ta[n], wind[n], es[n] * rh[n] / 1000.0
        valid = -50.0 <= t <= 50.0 and -30.0 <= d <= 70.0 and 0.5 <= v <= 17.0 and 0.0 <= rh[n] <= 100.0 and e <= 5.0
        if not valid:
            out[n] = np.nan
            if not (np.isnan(t) or np.isnan(d) or np.isnan(v) or np.isnan(e)):
                outside += 1
            continue
        total = 0.0
        for p in range(6, -1, -1):
            of_d = 0.0
            for i in range(6 - p, -1, -1):
                of_v = 0.0
                for j in range(6 - p - i, -1, -1):
                    of_t = 0.0
                    for k in range(6 - p - i - j, -1, -1):
                        of_t = of_t * t + cube[p, i, j, k]
                    of_v = of_v * v + of_t
                of_d = of_d * d + of_v
            total = total * e + of_d
        out[n] = t + total
    return outside


@cache
def _cube() -> np.ndarray:
    powers, coefficients = _terms()
    cube = np.zeros((7, 7, 7, 7))
    for (t, v, d, p), c in zip(powers, coefficients, strict=True):
        cube[p, d, v, t] = c
    return cube


def one_shape(values: tuple[Any, ...], name: str) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """Return the values of an index as flat float arrays of one length, and their shape, or say which do not fit."""
    given = [np.asarray(a, dtype=float) for a in values]
    try:
        arrays = np.broadcast_arrays(*given)
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in given)
        raise InputError(f"The values of {name} have shapes {shapes}: give arrays of one shape, or numbers.") from None
    return [np.ascontiguousarray(a).ravel() for a in arrays], arrays[0].shape


def hectopascal(air_pressure: float) -> float:
    """Return an air pressure [hPa], or say that it has another unit."""
    if not 300.0 <= air_pressure <= 1100.0:
        raise InputError(
            f"air_pressure={air_pressure:g} is no air pressure in hPa: about 1013 at sea level, 300 to 1100."
        )
    return float(air_pressure)


def _utci_array(ta: np.ndarray, tmrt: np.ndarray, wind: np.ndarray, rh: np.ndarray) -> np.ndarray:
    flat, shape = one_shape((ta, tmrt, wind, rh), "utci")
    out = np.empty(flat[0].size)
    with np.errstate(invalid="ignore", over="ignore"):
        es = saturation_pressure(flat[0])
    outside = sum(in_blocks(_utci_points, out.size, *flat, es, _cube(), out, least=4096))
    if outside:
        _log.warning(
            "UTCI is not defined for %d of %d values (air -50 to 50 degC, Tmrt - Ta -30 to 70 K, wind 0.5 to 17 m/s "
            "at 10 m, "
            "vapour pressure up to 5 kPa); they are NaN.",
            outside,
            out.size,
        )
    return out.reshape(shape)


def utci(air_temperature: Any, mean_radiant_temperature: Any, wind_speed: Any, relative_humidity: Any) -> Any:
    """Return the Universal Thermal Climate Index: the felt temperature of a walking person.

    Parameters
    ----------
    air_temperature : float, numpy.ndarray or xarray.DataArray
        [degC], -50 to 50.
    mean_radiant_temperature : float, numpy.ndarray or xarray.DataArray
        [degC], 30 K below to 70 K above the air.
    wind_speed : float, numpy.ndarray or xarray.DataArray
        [m/s] 10 m above ground, 0.5 to 17.
    relative_humidity : float, numpy.ndarray or xarray.DataArray
        [%], vapour pressure up to 5 kPa.

    Returns
    -------
    float, numpy.ndarray or xarray.DataArray
        UTCI [degC] of the broadcast inputs; NaN outside the limits, with one warning that counts them.

    References
    ----------
    Broede et al. 2012, doi 10.1007/s00484-011-0454-1.

    Examples
    --------
    >>> round(utci(25.0, 27.0, 1.0, 50.0), 1)
    25.2
    """
    inputs = (air_temperature, mean_radiant_temperature, wind_speed, relative_humidity)
    if any(isinstance(value, xr.DataArray) for value in inputs):
        result = xr.apply_ufunc(_utci_array, *inputs)
        result.name = "utci"
        result.attrs = {"units": "degC", "long_name": "Universal Thermal Climate Index"}
        return result
    values = _utci_array(*inputs)
    return float(values) if values.ndim == 0 else values
