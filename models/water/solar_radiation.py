"""Radiation above the atmosphere, under a clear sky, and from sunshine or temperature where none was measured.

The equations of FAO Irrigation and Drainage Paper 56 (numbers in the comments) in the named constant sets of
``tables/penman_monteith.csv``; the split into direct and diffuse radiation by Erbs, Klein & Duffie 1982,
doi 10.1016/0038-092X(82)90302-4. MJ per m2 and step, angles in radians inside, degrees at the face.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from models.water.penman_monteith import atmospheric_pressure, constant_set

__all__ = [
    "clear_sky_daily",
    "clear_sky_hourly",
    "daylight_hours",
    "declination",
    "diffuse_share_daily",
    "diffuse_share_hourly",
    "earth_sun_distance",
    "extraterrestrial_daily",
    "extraterrestrial_hourly",
    "radiation_from_sunshine",
    "radiation_from_temperature",
    "sun_height",
    "sunset_angle",
]


def earth_sun_distance(day_of_year: ArrayLike) -> np.ndarray:
    """Return the inverse relative distance from the Earth to the Sun [1], Eq. 23."""
    return np.asarray(1.0 + 0.033 * np.cos(2.0 * math.pi / 365.0 * np.asarray(day_of_year, dtype=float)))


def declination(day_of_year: ArrayLike, constants: str = "fao56") -> np.ndarray:
    """Return the solar declination [rad], Eq. 24, or unrounded (Cooper 1969) in the set "refet"."""
    day = np.asarray(day_of_year, dtype=float)
    if constant_set(constants).declination == "full":
        return np.asarray(math.radians(23.45) * np.sin(2.0 * math.pi * (day + 284.0) / 365.0))
    return np.asarray(0.409 * np.sin(2.0 * math.pi / 365.0 * day - 1.39))


def sunset_angle(day_of_year: ArrayLike, latitude: ArrayLike, constants: str = "fao56") -> np.ndarray:
    """Return the hour angle of sunset [rad] at a latitude [deg], Eq. 25; 0 in polar night, pi under midnight sun."""
    phi = np.radians(np.asarray(latitude, dtype=float))
    return np.asarray(np.arccos(np.clip(-np.tan(phi) * np.tan(declination(day_of_year, constants)), -1.0, 1.0)))


def daylight_hours(day_of_year: ArrayLike, latitude: ArrayLike, constants: str = "fao56") -> np.ndarray:
    """Return the hours of daylight [h], Eq. 34."""
    return np.asarray(24.0 / math.pi * sunset_angle(day_of_year, latitude, constants))


def extraterrestrial_daily(day_of_year: ArrayLike, latitude: ArrayLike, constants: str = "fao56") -> np.ndarray:
    """Return the radiation above the atmosphere on the horizontal [MJ m-2 d-1], Eq. 21.

    Examples
    --------
    20 degrees south, 3 September (FAO-56, Example 8):

    >>> round(float(extraterrestrial_daily(246, -20.0)), 1)
    32.2
    """
    phi, delta = np.radians(np.asarray(latitude, dtype=float)), declination(day_of_year, constants)
    sunset = sunset_angle(day_of_year, latitude, constants)
    shape = sunset * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.sin(sunset)
    scale = 24.0 / math.pi * constant_set(constants).solar_constant * earth_sun_distance(day_of_year)
    return np.asarray(np.maximum(scale * shape, 0.0))


def _hour_angle(day_of_year: ArrayLike, hour: ArrayLike, longitude: ArrayLike) -> np.ndarray:
    """Return the solar hour angle [rad, -pi to pi] at an hour of the day in UTC, Eqs. 31 to 33."""
    b = 2.0 * math.pi * (np.asarray(day_of_year, dtype=float) - 81.0) / 364.0
    season = 0.1645 * np.sin(2.0 * b) - 0.1255 * np.cos(b) - 0.025 * np.sin(b)
    clock = np.asarray(hour, dtype=float) + np.asarray(longitude, dtype=float) / 15.0 + season - 12.0
    return np.asarray(np.mod(math.pi / 12.0 * clock + math.pi, 2.0 * math.pi) - math.pi)


def sun_height(
    day_of_year: ArrayLike, hour: ArrayLike, latitude: ArrayLike, longitude: ArrayLike, constants: str = "fao56"
) -> np.ndarray:
    """Return the sine of the sun's elevation [1] at an hour of the day in UTC, ASCE-EWRI 2005 Eq. 62."""
    phi, delta = np.radians(np.asarray(latitude, dtype=float)), declination(day_of_year, constants)
    angle = _hour_angle(day_of_year, hour, longitude)
    return np.asarray(np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(angle))


def extraterrestrial_hourly(
    day_of_year: ArrayLike,
    middle: ArrayLike,
    latitude: ArrayLike,
    longitude: ArrayLike,
    constants: str = "fao56",
    hours: float = 1.0,
) -> np.ndarray:
    """Return the radiation above the atmosphere on the horizontal in a step [MJ m-2 per step], Eq. 28.

    Parameters
    ----------
    day_of_year : array_like
        1 to 366.
    middle : array_like
        Middle of the step, hour of the day in UTC.
    latitude, longitude : array_like
        [deg], north and east positive.
    constants : str
        Constant set.
    hours : float
        Length of the step [h].
    """
    phi, delta = np.radians(np.asarray(latitude, dtype=float)), declination(day_of_year, constants)
    sunset = sunset_angle(day_of_year, latitude, constants)
    angle, half = _hour_angle(day_of_year, middle, longitude), math.pi / 24.0 * hours
    first, last = np.clip(angle - half, -sunset, sunset), np.clip(angle + half, -sunset, sunset)
    shape = (last - first) * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * (np.sin(last) - np.sin(first))
    scale = 12.0 / math.pi * constant_set(constants).solar_constant * earth_sun_distance(day_of_year)
    return np.asarray(np.maximum(scale * shape, 0.0))


def _clear_shares(sine: np.ndarray | float, pressure: np.ndarray, vapour_pressure: ArrayLike) -> np.ndarray:
    """Return the share of extraterrestrial radiation under a clear sky, ASCE-EWRI 2005 Appendix D."""
    water = 0.14 * np.asarray(vapour_pressure, dtype=float) * np.asarray(pressure, dtype=float) + 2.1  # Eq. D.3
    beam = 0.98 * np.exp(-0.00146 * np.asarray(pressure) / sine - 0.075 * (water / sine) ** 0.4)  # Eq. D.2
    return np.asarray(beam + np.minimum(0.35 - 0.36 * beam, 0.18 + 0.82 * beam))  # Eq. D.4


def clear_sky_daily(
    extraterrestrial: ArrayLike,
    day_of_year: ArrayLike,
    latitude: ArrayLike,
    elevation: ArrayLike,
    vapour_pressure: ArrayLike,
    constants: str = "fao56",
) -> np.ndarray:
    """Return the radiation of a clear day [MJ m-2 d-1], Eq. 37, or ASCE-EWRI 2005 Appendix D in the set "refet"."""
    ra = np.asarray(extraterrestrial, dtype=float)
    if constant_set(constants).clear_sky == "simple":
        return np.asarray((0.75 + 2e-5 * np.asarray(elevation, dtype=float)) * ra)
    phi = np.radians(np.asarray(latitude, dtype=float))
    season = np.sin(2.0 * math.pi / 365.0 * np.asarray(day_of_year, dtype=float) - 1.39)
    sine = np.maximum(np.sin(0.85 + 0.3 * phi * season - 0.42 * phi**2), 0.1)  # Eq. D.5
    return np.asarray(ra * _clear_shares(sine, atmospheric_pressure(elevation, constants), vapour_pressure))


def clear_sky_hourly(
    extraterrestrial: ArrayLike,
    sine: ArrayLike,
    elevation: ArrayLike,
    vapour_pressure: ArrayLike,
    constants: str = "fao56",
) -> np.ndarray:
    """Return the radiation of a clear hour [MJ m-2 h-1] at a sine of the sun's elevation [1]."""
    ra = np.asarray(extraterrestrial, dtype=float)
    if constant_set(constants).clear_sky == "simple":
        return np.asarray((0.75 + 2e-5 * np.asarray(elevation, dtype=float)) * ra)
    height = np.maximum(np.asarray(sine, dtype=float), 0.01)
    return np.asarray(ra * _clear_shares(height, atmospheric_pressure(elevation, constants), vapour_pressure))


def radiation_from_sunshine(
    sunshine: ArrayLike, day_of_year: ArrayLike, latitude: ArrayLike, constants: str = "fao56"
) -> np.ndarray:
    """Return the solar radiation [MJ m-2 d-1] from hours of sunshine [h], Eq. 35 with a = 0.25 and b = 0.50."""
    longest = daylight_hours(day_of_year, latitude, constants)
    hours = np.asarray(sunshine, dtype=float)
    share = np.divide(hours, longest, out=np.zeros(np.broadcast_shapes(hours.shape, longest.shape)), where=longest > 0)
    ra = extraterrestrial_daily(day_of_year, latitude, constants)
    return np.asarray((0.25 + 0.50 * np.clip(share, 0.0, 1.0)) * ra)


def radiation_from_temperature(
    maximum: ArrayLike, minimum: ArrayLike, extraterrestrial: ArrayLike, coefficient: float = 0.16
) -> np.ndarray:
    """Return the solar radiation [MJ m-2 d-1] from the daily range of temperature [degC], Eq. 50.

    ``coefficient`` [degC^-0.5] is 0.16 inland and 0.19 at coasts.
    """
    span = np.maximum(np.asarray(maximum, dtype=float) - np.asarray(minimum, dtype=float), 0.0)
    return np.asarray(coefficient * np.sqrt(span) * np.asarray(extraterrestrial, dtype=float))


def diffuse_share_hourly(clearness: ArrayLike) -> np.ndarray:
    """Return the diffuse share of hourly radiation [1] from its share of the extraterrestrial one (Erbs et al. 1982)."""
    k = np.clip(np.asarray(clearness, dtype=float), 0.0, 1.0)
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.asarray(np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.80, middle, 0.165)))


def diffuse_share_daily(clearness: ArrayLike, sunset: ArrayLike) -> np.ndarray:
    """Return the diffuse share of daily radiation [1] (Erbs et al. 1982, Eqs. 14 and 15).

    Parameters
    ----------
    clearness : array_like
        Radiation by that above the atmosphere [1].
    sunset : array_like
        Hour angle of sunset [rad]; winter form below 1.4208.
    """
    k = np.clip(np.asarray(clearness, dtype=float), 0.0, 1.0)
    winter = np.where(k < 0.715, 1.0 - 0.2727 * k + 2.4495 * k**2 - 11.9514 * k**3 + 9.3879 * k**4, 0.143)
    summer = np.where(k < 0.722, 1.0 + 0.2832 * k - 2.5557 * k**2 + 0.8448 * k**3, 0.175)
    return np.asarray(np.clip(np.where(np.asarray(sunset) < 1.4208, winter, summer), 0.0, 1.0))
