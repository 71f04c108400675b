"""Wet bulb globe temperature (WBGT): heat load at work and in sport, 0.7 wet bulb + 0.2 globe + 0.1 air.

Globe (15 cm, black) and natural wet bulb (a wet wick, 7 mm) are worked out from their own heat balances in the radiation of
the place, given by the mean radiant temperature of a person, and in its wind. Left out: that wick, globe and person take up
sunlight in slightly different shares.

Sources: ISO 7243:2017 (weights); ISO 7726 (globe: 0.95, forced convection 1.1e8 v^0.6 / D^0.4); Liljegren et al. 2008, doi
10.1080/15459620802310770 (wick: heat and vapour transfer of a cylinder after Bedingfield & Drew 1950).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from models.heat.comfort_maps import index_of_points
from models.heat.indices import hectopascal

__all__ = ["wbgt", "wet_bulb_globe"]

_SIGMA = 5.670374419e-8
_KELVIN = 273.15
_GLOBE, _WICK = 0.15, 0.007  # diameters [m]
_EMISSIVITY = 0.95


def wet_bulb_globe(natural_wet_bulb: Any, globe: Any, air_temperature: Any = None) -> Any:
    """Return WBGT from measured temperatures: in the sun with ``air_temperature``, indoors and in shade without.

    Parameters
    ----------
    natural_wet_bulb, globe : float, numpy.ndarray or xarray.DataArray
        [degC]
    air_temperature : float, numpy.ndarray or xarray.DataArray, optional
        [degC]

    Examples
    --------
    >>> round(wet_bulb_globe(25.0, 32.0, 20.0), 1)
    25.9
    """
    if air_temperature is None:
        return 0.7 * natural_wet_bulb + 0.3 * globe
    return 0.7 * natural_wet_bulb + 0.2 * globe + 0.1 * air_temperature


@njit(cache=True, nogil=True)
def _saturation(t):  # type: ignore[no-untyped-def]
    return 1.004 * 6.1121 * math.exp(17.502 * t / (t + 240.97))


@njit(cache=True, nogil=True)
def _globe(ta, tmrt, wind):  # type: ignore[no-untyped-def]
    """Globe temperature [degC], by halving."""
    factor = 1.1e8 * max(wind, 0.1) ** 0.6 / (_EMISSIVITY * _GLOBE**0.4)
    radiant = (tmrt + _KELVIN) ** 4
    low, high = min(ta, tmrt), max(ta, tmrt)
    for _ in range(40):
        t = 0.5 * (low + high)
        if (t + _KELVIN) ** 4 + factor * (t - ta) < radiant:
            low = t
        else:
            high = t
    return 0.5 * (low + high)


@njit(cache=True, nogil=True)
def _wick_gain(t, ta, tmrt, wind, vapour, pressure):  # type: ignore[no-untyped-def]
    """Heat gained by the wick at a temperature [W/m2]."""
    film = 0.5 * (t + ta) + _KELVIN
    density = pressure * 100.0 / (287.05 * film)
    viscosity = 2.6693e-6 * math.sqrt(28.97 * film) / (3.617**2 * (1.16145 * (film / 97.0) ** -0.14874
                + 0.52487 * math.exp(-0.7732 * film / 97.0) + 2.16178 * math.exp(-2.43787 * film / 97.0)))  # fmt: skip
    heat = 1003.5
    conductivity = (heat + 1.25 * 8314.34 / 28.97) * viscosity
    prandtl = heat * viscosity / conductivity
    reynolds = max(wind, 0.1) * density * _WICK / viscosity
    transfer = 0.281 * reynolds**0.6 * prandtl**0.44 * conductivity / _WICK
    diffusivity = 2.26e-5 * (film / 273.15) ** 1.81 * 1013.25 / pressure
    schmidt = viscosity / (density * diffusivity)
    latent = (313.15 - t - _KELVIN) / 30.0 * -71100.0 + 2.4073e6
    ratio = 18.015 / 28.97 * latent / heat * (prandtl / schmidt) ** 0.56
    wet = _saturation(t)
    gain = transfer * ((ta - t) - ratio * (wet - vapour) / (pressure - wet))
    return gain + _EMISSIVITY * _SIGMA * ((tmrt + _KELVIN) ** 4 - (t + _KELVIN) ** 4)


@njit(cache=True, nogil=True)
def _points(start, stop, ta, tmrt, wind, rh, pressure, out):  # type: ignore[no-untyped-def]
    for n in range(start, stop):
        a, r, v = ta[n], tmrt[n], wind[n]
        valid = -40.0 <= a <= 60.0 and -60.0 <= r <= 120.0 and 0.0 <= rh[n] <= 100.0 and 0.0 <= v <= 60.0
        if not valid:
            out[n] = np.nan
            continue
        vapour = rh[n] / 100.0 * _saturation(a)
        low, high = min(a, r) - 45.0, max(a, r)
        for _ in range(40):
            t = 0.5 * (low + high)
            if _wick_gain(t, a, r, v, vapour, pressure) > 0.0:
                low = t
            else:
                high = t
        out[n] = 0.7 * 0.5 * (low + high) + 0.2 * _globe(a, r, v) + 0.1 * a


def wbgt(
    air_temperature: Any,
    mean_radiant_temperature: Any,
    wind_speed: Any,
    relative_humidity: Any,
    *,
    air_pressure: float = 1013.25,
) -> Any:
    """Return the wet bulb globe temperature outdoors: the measure of heat at work and in sport.

    Parameters
    ----------
    air_temperature : float, numpy.ndarray or xarray.DataArray
        [degC]
    mean_radiant_temperature : float, numpy.ndarray or xarray.DataArray
        [degC]
    wind_speed : float, numpy.ndarray or xarray.DataArray
        [m/s] where people are, 1.1 m above ground; below 0.1 m/s counts as 0.1.
    relative_humidity : float, numpy.ndarray or xarray.DataArray
        [%]
    air_pressure : float
        [hPa]

    Returns
    -------
    float, numpy.ndarray or xarray.DataArray
        WBGT [degC].

    References
    ----------
    ISO 7243:2017; Liljegren et al. 2008, doi 10.1080/15459620802310770.

    Examples
    --------
    >>> round(wbgt(30.0, 30.0, 1.0, 99.9))
    30
    """
    inputs = (air_temperature, mean_radiant_temperature, wind_speed, relative_humidity)
    return index_of_points(
        _points, inputs, (hectopascal(air_pressure),), "wbgt", long_name="Wet bulb globe temperature"
    )
