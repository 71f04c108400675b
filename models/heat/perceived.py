"""Perceived temperature (PT, "Gefuehlte Temperatur"): the index of the German heat warnings, from the Klima-Michel model.

Somebody who walks (135 W/m2) and dresses for the weather (0.5 to 1.75 clo) balances heat after Fanger; PT is the temperature of
a shaded, calm reference (walls as warm as the air, 0.1 m/s, half of saturation) with the same balance. On the warm and humid side
and in the cold Fanger's vote is corrected towards the two-node model of Gagge by regressions (``tables/perceived_*.csv``).

Source: Staiger, Laschewski & Graetz 2012, doi 10.1007/s00484-011-0409-6; Fanger 1972; the regressions as in PALM-4U
(doi 10.5194/gmd-13-3055-2020), above a vote of 6 (PT above 54 degC) carried on with the last pair of the table. Left out: the
senior, the test for sultriness.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from models.heat.comfort_maps import index_of_points
from models.heat.indices import hectopascal
from models.layers import read_table

__all__ = ["perceived_temperature"]

_ACTIVITY = 134.6862  # heat made by the walker [W/m2]
_SUMMER, _WINTER = 0.44453, 1.76267  # ends of the search for clothing [clo]
_KELVIN = 273.15


@cache
def _warm() -> np.ndarray:
    names = ("pmv", "ratio", "pa", "ln_pa", "ln_ratio", "root_wind", "ta", "dtmrt", "constant")
    return np.array([[float(row[n]) for n in names] for row in read_table("models.heat", "perceived_warm.csv")])


@cache
def _cold() -> np.ndarray:
    names = ("constant", "pmv", "ta", "root_wind", "dtmrt", "upper", "a0", "a1", "a2", "a3")
    return np.array([[float(row[n]) for n in names] for row in read_table("models.heat", "perceived_cold.csv")])


@njit(cache=True, nogil=True)
def _saturation(t):  # type: ignore[no-untyped-def]
    """Saturation vapour pressure [hPa], over ice below 0 degC."""
    if t < 0.0:
        return 6.1078 * math.exp(17.84362 * t / (245.425 + t))
    return 6.1078 * math.exp(17.08085 * t / (234.175 + t))


@njit(cache=True, nogil=True)
def _vote(ta, tmrt, pa, wind, pressure, clo):  # type: ignore[no-untyped-def]
    """Fanger's predicted mean vote of the walker."""
    larger = 1.0 + 0.15 * clo
    made = _ACTIVITY
    skin = 35.7 - 0.0275 * made
    insulation = 0.155 * clo
    moved = larger * 12.1 * math.sqrt(max(wind, 0.1) * pressure / 1013.25)
    radiating = insulation * 3.96e-8 * larger
    slope = (1.0 + insulation * moved) / radiating
    aim = (skin + radiating * (tmrt + _KELVIN) ** 4 + insulation * moved * ta) / radiating
    clothes = ta
    for _ in range(6):
        f = (clothes + _KELVIN) ** 4 + clothes * slope - aim
        clothes -= f / (4.0 * (clothes + _KELVIN) ** 3 + slope)
    lost = 0.31 * (57.3 - 0.07 * made - pa) + 0.42 * (made - 58.0)
    lost += 0.0017 * made * (58.7 - pa) + 0.0014 * made * (34.0 - ta)
    lost += 3.96e-8 * larger * ((clothes + _KELVIN) ** 4 - (tmrt + _KELVIN) ** 4) + moved * (clothes - ta)
    return (0.303 * math.exp(-0.036 * made) + 0.0275) * (made - lost)


@njit(cache=True, nogil=True)
def _scale(vote, clo):  # type: ignore[no-untyped-def]
    """Perceived temperature [degC] of a vote in the reference surroundings."""
    if vote <= -0.11:
        return 5.805 + 12.6784 * vote
    if vote >= 0.01:
        return 16.826 + 6.163 * vote
    return 21.258 - 9.558 * clo


@njit(cache=True, nogil=True)
def _colder(vote, ta, tmrt, wind, cold):  # type: ignore[no-untyped-def]
    """Correction of the vote in the cold."""
    root = math.sqrt(wind) if wind >= 0.1 else 0.1
    line = np.empty(3)
    for i in range(3):
        line[i] = cold[i, 0] + cold[i, 2] * ta + cold[i, 3] * root + cold[i, 4] * (tmrt - ta)
    chosen = 2
    for i in range(2):
        if vote > (line[i + 1] - line[i]) / (cold[i, 1] - cold[i + 1, 1]):
            chosen = i
            break
    span = 0
    for i in range(1, 3):
        if vote <= cold[i, 5]:
            span = i
    adjusted = cold[span, 6] + vote * (cold[span, 7] + vote * (cold[span, 8] + vote * cold[span, 9]))
    return line[chosen] + cold[chosen, 1] * vote - adjusted


@njit(cache=True, nogil=True)
def _warmer(vote, ta, tmrt, pa, wind, warm):  # type: ignore[no-untyped-def]
    """Correction of the vote on the warm and humid side."""
    full = _saturation(ta)
    pa = min(max(pa, 0.05 * full), full)
    ratio = pa / (0.5 * full)
    n = min(int(vote), warm.shape[0] - 2)
    weight = min(vote - n, 1.0)
    total = 0.0
    for i in range(2):
        r = warm[n + i]
        line = r[0] * vote + r[1] * ratio + r[2] * pa + r[3] * math.log(pa) + r[4] * math.log(ratio)
        line += r[5] * math.sqrt(wind) + r[6] * ta + r[7] * (tmrt - ta) + r[8]
        total += (weight if i else 1.0 - weight) * line
    if vote + total < 0.0:
        return total + 0.11 if vote + total > -0.11 else -vote
    return total


@njit(cache=True, nogil=True)
def _perceived(ta, tmrt, wind, rh, pressure, warm, cold):  # type: ignore[no-untyped-def]
    pa = rh / 100.0 * _saturation(ta)
    light = _vote(ta, tmrt, pa, wind, pressure, _SUMMER)
    if light > 0.06:
        vote = _vote(ta, tmrt, pa, wind, pressure, 0.5)
        if vote > 0.06:
            vote += _warmer(vote, ta, tmrt, pa, wind, warm)
        return _scale(vote, 0.5)
    if light >= 0.0:
        return _scale(light, _SUMMER)
    heavy = _vote(ta, tmrt, pa, wind, pressure, _WINTER)
    if heavy >= 0.0:  # comfort can be reached by clothing
        low, high = _SUMMER, _WINTER
        for _ in range(30):
            clo = 0.5 * (low + high)
            if _vote(ta, tmrt, pa, wind, pressure, clo) < 0.0:
                low = clo
            else:
                high = clo
        return _scale(0.0, 0.5 * (low + high))
    if heavy >= -0.11:
        return _scale(heavy, _WINTER)
    vote = _vote(ta, tmrt, pa, wind, pressure, 1.75)
    if vote <= -0.11:
        vote = min(vote - _colder(vote, ta, tmrt, wind, cold), -0.11)
    return _scale(vote, 1.75)


@njit(cache=True, nogil=True)
def _points(start, stop, ta, tmrt, wind, rh, pressure, warm, cold, out):  # type: ignore[no-untyped-def]
    for n in range(start, stop):
        valid = (
            -60.0 <= ta[n] <= 60.0 and -100.0 <= tmrt[n] <= 120.0 and 0.0 <= rh[n] <= 100.0 and 0.0 <= wind[n] <= 60.0
        )
        out[n] = _perceived(ta[n], tmrt[n], wind[n], rh[n], pressure, warm, cold) if valid else np.nan


def perceived_temperature(
    air_temperature: Any,
    mean_radiant_temperature: Any,
    wind_speed: Any,
    relative_humidity: Any,
    *,
    air_pressure: float = 1013.25,
) -> Any:
    """Return the perceived temperature, on which the German heat warnings rest.

    Parameters
    ----------
    air_temperature : float, numpy.ndarray or xarray.DataArray
        [degC]
    mean_radiant_temperature : float, numpy.ndarray or xarray.DataArray
        [degC]
    wind_speed : float, numpy.ndarray or xarray.DataArray
        [m/s] at the body, 1 m above ground; below 0.1 m/s counts as 0.1.
    relative_humidity : float, numpy.ndarray or xarray.DataArray
        [%]
    air_pressure : float
        [hPa]

    Returns
    -------
    float, numpy.ndarray or xarray.DataArray
        PT [degC].

    References
    ----------
    Staiger, Laschewski & Graetz 2012, doi 10.1007/s00484-011-0409-6; VDI 3787 Part 2.

    Examples
    --------
    >>> round(perceived_temperature(30.0, 30.0, 0.1, 50.0))
    30
    """
    inputs = (air_temperature, mean_radiant_temperature, wind_speed, relative_humidity)
    return index_of_points(
        _points, inputs, (hectopascal(air_pressure), _warm(), _cold()), "pt", long_name="Perceived temperature",
        variant="klima_michel",
    )  # fmt: skip
