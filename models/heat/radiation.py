"""Radiation above the roofs: direct and diffuse shares, clearness of the sky, longwave from the sky.

All functions work on numbers or numpy arrays of one place; nothing here knows the grid. Left out: spectral effects,
snow, and the difference between cloud types (clearness stands for cloud cover).
"""

from __future__ import annotations

import numpy as np

from models.layers import InputError, read_table

__all__ = [
    "STEFAN_BOLTZMANN",
    "black_body",
    "clear_sky_radiation",
    "clearness",
    "diffuse_erbs",
    "diffuse_reindl",
    "sky_emissivity",
    "vapour_pressure",
]

STEFAN_BOLTZMANN = 5.670374419e-8
"""Stefan-Boltzmann constant [W m-2 K-4] (CODATA 2018)."""

_ZERO = 273.15


def black_body(temperature: np.ndarray | float) -> np.ndarray:
    """Return the radiation of a black body [W/m2] at a temperature [degC]."""
    return np.asarray(STEFAN_BOLTZMANN * (np.asarray(temperature, dtype=float) + _ZERO) ** 4)


def vapour_pressure(air_temperature: np.ndarray | float, relative_humidity: np.ndarray | float) -> np.ndarray:
    """Return the vapour pressure [hPa] from air temperature [degC] and humidity [%] (Magnus, as in Jonsson 2006)."""
    ta = np.asarray(air_temperature, dtype=float)
    return np.asarray(6.107 * 10.0 ** (7.5 * ta / (237.3 + ta)) * np.asarray(relative_humidity, dtype=float) / 100.0)


def precipitable_water(air_temperature: np.ndarray | float, relative_humidity: np.ndarray | float) -> np.ndarray:
    """Return the precipitable water [kg/m2], Prata 1996, doi 10.1002/qj.49712253306."""
    return np.asarray(
        46.5 * vapour_pressure(air_temperature, relative_humidity) / (np.asarray(air_temperature, float) + _ZERO)
    )


def sky_emissivity(
    air_temperature: np.ndarray | float,
    relative_humidity: np.ndarray | float,
    clearness_index: np.ndarray | float,
    *,
    longwave: str = "jonsson",
) -> np.ndarray:
    """Return the emissivity of the sky, clouds included.

    Clear sky by Prata 1996 (doi 10.1002/qj.49712253306), corrected for towns; clouds as the share of a black sky
    that the
    clearness index leaves, below 0.95 (Crawford & Duchon 1999, doi 10.1175/1520-0450(1999)038<0474:AIPFED>2.0.CO;2).

    Parameters
    ----------
    air_temperature : float or numpy.ndarray
        [degC]
    relative_humidity : float or numpy.ndarray
        [%]
    clearness_index : float or numpy.ndarray
        Global radiation over that of a clear sky, 0 to 1.
    longwave : {"jonsson", "prata"}
        Correction of the clear sky, a name of ``tables/longwave.csv``.
    """
    offsets = {row["name"]: float(row["offset"]) for row in read_table("models.heat", "longwave.csv")}
    if longwave not in offsets:
        raise InputError(f"longwave={longwave!r} is unknown: use {' or '.join(map(repr, offsets))}.")
    w = precipitable_water(air_temperature, relative_humidity)
    clear = 1.0 - (1.0 + w) * np.exp(-np.sqrt(1.2 + 3.0 * w)) + offsets[longwave] / black_body(air_temperature)
    ci = np.asarray(clearness_index, dtype=float)
    return np.asarray(np.where(ci < 0.95, clear * ci + (1.0 - ci), clear))


def clear_sky_radiation(
    elevation: np.ndarray | float,
    extraterrestrial: np.ndarray | float,
    air_temperature: np.ndarray | float,
    relative_humidity: np.ndarray | float,
    pressure: np.ndarray | float = 1013.25,
) -> np.ndarray:
    """Return the global radiation under a clear sky [W/m2], Crawford & Duchon 1999.

    Parameters
    ----------
    elevation : float or numpy.ndarray
        Sun elevation [deg].
    extraterrestrial : float or numpy.ndarray
        Radiation normal to the beam outside the atmosphere [W/m2].
    air_temperature, relative_humidity : float or numpy.ndarray
        [degC], [%]; they give the water vapour (Prata 1996).
    pressure : float or numpy.ndarray
        Air pressure [hPa].
    """
    mu = np.sin(np.radians(np.maximum(np.asarray(elevation, dtype=float), 0.0)))
    m = 35.0 / np.sqrt(1224.0 * mu**2 + 1.0)  # optical path, Smith 1966
    u = precipitable_water(air_temperature, relative_humidity) / 10.0  # [cm]
    gases = 1.021 - 0.084 * np.sqrt(m * (0.000949 * np.asarray(pressure, dtype=float) + 0.051))
    water = 1.0 - 0.077 * (u * m) ** 0.3
    aerosol = 0.935**m
    return np.asarray(np.maximum(np.asarray(extraterrestrial) * mu * gases * water * aerosol, 0.0))


def clearness(
    global_radiation: np.ndarray | float, clear: np.ndarray | float, elevation: np.ndarray | float
) -> np.ndarray:
    """Return the clearness index, 0 to 1, corrected for low sun (Lindberg et al. 2008, doi 10.1007/s00484-008-0162-7).

    Parameters
    ----------
    global_radiation, clear : float or numpy.ndarray
        Measured and clear-sky global radiation [W/m2].
    elevation : float or numpy.ndarray
        Sun elevation [deg]; the index is NaN where the sun is below 3 degrees.
    """
    elevation = np.asarray(elevation, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(global_radiation, dtype=float) / np.asarray(clear, dtype=float)
        correction = 0.1473 * np.log(elevation) + 0.3454
        found = np.minimum(ratio + 1.0 - correction, 1.0)
    return np.asarray(np.where(elevation > 3.0, np.maximum(found, 0.0), np.nan))


def diffuse_reindl(
    global_radiation: np.ndarray,
    extraterrestrial: np.ndarray,
    elevation: np.ndarray,
    air_temperature: np.ndarray,
    relative_humidity: np.ndarray,
) -> np.ndarray:
    """Return the diffuse radiation on the horizontal [W/m2], Reindl et al. 1990, doi 10.1016/0038-092X(90)90060-P.

    Parameters
    ----------
    global_radiation, extraterrestrial : numpy.ndarray
        Global radiation, and radiation normal to the beam outside the atmosphere [W/m2].
    elevation : numpy.ndarray
        Sun elevation [deg]; all radiation is diffuse where the sun is not up.
    air_temperature, relative_humidity : numpy.ndarray
        [degC], [%].
    """
    sine = np.sin(np.radians(np.maximum(elevation, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        kt = np.where(sine > 0, global_radiation / (extraterrestrial * sine), 0.0)
    rh = np.asarray(relative_humidity) / 100.0
    low = np.minimum(1.0 - 0.232 * kt + 0.0239 * sine - 0.000682 * air_temperature + 0.0195 * rh, 1.0)
    middle = np.clip(1.329 - 1.716 * kt + 0.267 * sine - 0.00357 * air_temperature + 0.106 * rh, 0.1, 0.97)
    high = np.maximum(0.426 * kt - 0.256 * sine + 0.00349 * air_temperature + 0.0734 * rh, 0.1)
    share = np.where(kt <= 0.3, low, np.where(kt < 0.78, middle, high))
    return np.asarray(global_radiation * np.where(sine > 0, np.clip(share, 0.0, 1.0), 1.0))


def diffuse_erbs(global_radiation: np.ndarray, extraterrestrial: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Return the diffuse radiation on the horizontal [W/m2], Erbs et al. 1982, doi 10.1016/0038-092X(82)90302-4.

    Parameters
    ----------
    global_radiation, extraterrestrial : numpy.ndarray
        Global radiation, and radiation normal to the beam outside the atmosphere [W/m2].
    elevation : numpy.ndarray
        Sun elevation [deg].
    """
    sine = np.sin(np.radians(np.maximum(elevation, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        kt = np.where(sine > 0, global_radiation / (extraterrestrial * sine), 0.0)
    middle = 0.9511 - 0.1604 * kt + 4.388 * kt**2 - 16.638 * kt**3 + 12.336 * kt**4
    share = np.where(kt <= 0.22, 1.0 - 0.09 * kt, np.where(kt <= 0.80, middle, 0.165))
    return np.asarray(global_radiation * np.where(sine > 0, share, 1.0))
