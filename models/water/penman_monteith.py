"""The Penman-Monteith equation for short grass: its terms, daily and hourly, on plain arrays.

Each public function is one printed equation of FAO Irrigation and Drainage Paper 56 (Allen et al. 1998, numbers in the
comments), in named constant sets (``tables/penman_monteith.csv``). Left out: heat storage of the ground within a day,
advection, stability. All functions broadcast; pressures in kPa and radiation in MJ per m2 and step, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from models.layers import InputError, read_table

__all__ = [
    "Evaporation",
    "PenmanMonteith",
    "atmospheric_pressure",
    "constant_set",
    "daily_evaporation",
    "hourly_evaporation",
    "monthly_soil_heat_flux",
    "net_longwave_daily",
    "psychrometric_constant",
    "saturation_vapour_pressure",
    "slope_of_saturation",
    "vapour_pressure_from_humidity",
    "vapour_pressure_from_psychrometer",
    "wind_at_2m",
]

ALBEDO = 0.23
"""Share of shortwave radiation that the reference grass reflects, FAO-56 Eq. 38."""

_KELVIN = 273.16


@dataclass(frozen=True)
class PenmanMonteith:
    """One set of constants; units in ``tables/penman_monteith.csv``."""

    name: str
    solar_constant: float
    stefan_boltzmann: float
    stefan_boltzmann_hour: float
    pressure_exponent: float
    declination: str
    clear_sky: str
    least_ratio: float
    day_coefficient: float
    night_coefficient: float
    low_sun: float


@dataclass(frozen=True)
class Evaporation:
    """Reference evapotranspiration and how it depends on shade.

    Attributes
    ----------
    total : numpy.ndarray
        In the open [mm per step].
    beam : numpy.ndarray
        Part carried by the direct radiation [mm per step]: lost where no sun arrives.
    sky : numpy.ndarray
        Part carried by the sky: diffuse radiation less the longwave loss to it [mm per step].
    longwave : numpy.ndarray
        mm per step that one W/m2 of longwave radiation from walls above that of air temperature adds.
    """

    total: np.ndarray
    beam: np.ndarray
    sky: np.ndarray
    longwave: np.ndarray


@cache
def constant_set(name: str) -> PenmanMonteith:
    """Return a named set of constants: "fao56", "asce2005" or "refet".

    Raises
    ------
    InputError
        If the name is not in the table.
    """
    rows = {row["name"]: row for row in read_table("models.water", "penman_monteith.csv")}
    if name not in rows:
        raise InputError(f"There is no constant set {name!r} for reference evapotranspiration: use {', '.join(rows)}.")
    texts = ("declination", "clear_sky")
    row = rows[name]
    numbers = {key: float(value) for key, value in row.items() if key not in ("name", *texts)}
    return PenmanMonteith(name=name, declination=row["declination"], clear_sky=row["clear_sky"], **numbers)


def atmospheric_pressure(elevation: ArrayLike, constants: str = "fao56") -> np.ndarray:
    """Return the air pressure [kPa] of the standard atmosphere at an elevation [m], Eq. 7."""
    z = np.asarray(elevation, dtype=float)
    return np.asarray(101.3 * ((293.0 - 0.0065 * z) / 293.0) ** constant_set(constants).pressure_exponent)


def psychrometric_constant(pressure: ArrayLike) -> np.ndarray:
    """Return the psychrometric constant [kPa/degC] at an air pressure [kPa], Eq. 8."""
    return np.asarray(0.000665 * np.asarray(pressure, dtype=float))


def saturation_vapour_pressure(air_temperature: ArrayLike) -> np.ndarray:
    """Return the saturation vapour pressure [kPa] at a temperature [degC], Eq. 11.

    Examples
    --------
    >>> float(saturation_vapour_pressure(20.0).round(3))
    2.338
    """
    t = np.asarray(air_temperature, dtype=float)
    return np.asarray(0.6108 * np.exp(17.27 * t / (t + 237.3)))


def slope_of_saturation(air_temperature: ArrayLike) -> np.ndarray:
    """Return the slope of the saturation pressure curve [kPa/degC] at a temperature [degC], Eq. 13."""
    t = np.asarray(air_temperature, dtype=float)
    return np.asarray(4098.0 * saturation_vapour_pressure(t) / (t + 237.3) ** 2)


def vapour_pressure_from_psychrometer(
    dry_bulb: ArrayLike, wet_bulb: ArrayLike, pressure: ArrayLike, coefficient: float = 0.000662
) -> np.ndarray:
    """Return the vapour pressure [kPa] from dry and wet bulb [degC] and air pressure [kPa], Eqs. 15 and 16.

    ``coefficient`` [1/degC] is 0.000662 for aspirated, 0.000800 for naturally ventilated psychrometers.
    """
    dry, wet = np.asarray(dry_bulb, dtype=float), np.asarray(wet_bulb, dtype=float)
    return np.asarray(saturation_vapour_pressure(wet) - coefficient * np.asarray(pressure, dtype=float) * (dry - wet))


def vapour_pressure_from_humidity(
    maximum: ArrayLike,
    minimum: ArrayLike,
    humidity_max: ArrayLike,
    humidity_min: ArrayLike | None = None,
) -> np.ndarray:
    """Return the daily vapour pressure [kPa] from extreme temperatures [degC] and relative humidity [%].

    With both extremes of humidity Eq. 17; with the mean alone (``humidity_max`` = mean, no ``humidity_min``) Eq. 19.
    """
    hot, cold = saturation_vapour_pressure(maximum), saturation_vapour_pressure(minimum)
    high = np.asarray(humidity_max, dtype=float) / 100.0
    if humidity_min is None:
        return np.asarray(high * 0.5 * (hot + cold))
    return np.asarray(0.5 * (cold * high + hot * np.asarray(humidity_min, dtype=float) / 100.0))


def wind_at_2m(wind_speed: ArrayLike, height: float) -> np.ndarray:
    """Return the wind speed 2 m above grass [m/s] from a speed [m/s] at a height [m], Eq. 47.

    Raises
    ------
    InputError
        If the height is below 0.5 m, where the profile has no meaning.
    """
    if not height >= 0.5:
        raise InputError(f"Wind measured at {height:g} m cannot be brought to 2 m: give a height of at least 0.5 m.")
    u = np.asarray(wind_speed, dtype=float)
    return u if height == 2.0 else np.asarray(u * 4.87 / np.log(67.8 * height - 5.42))


def monthly_soil_heat_flux(previous: ArrayLike, following: ArrayLike) -> np.ndarray:
    """Return the soil heat flux of a month [MJ m-2 d-1] from mean air temperatures [degC] before and after, Eq. 43."""
    return np.asarray(0.07 * (np.asarray(following, dtype=float) - np.asarray(previous, dtype=float)))


def _cloudiness(ratio: ArrayLike, least: float) -> np.ndarray:
    return np.asarray(1.35 * np.clip(ratio, least, 1.0) - 0.35)


def net_longwave_daily(
    maximum: ArrayLike, minimum: ArrayLike, vapour_pressure: ArrayLike, ratio: ArrayLike, constants: str = "fao56"
) -> np.ndarray:
    """Return the net outgoing longwave radiation of a day [MJ m-2 d-1], Eq. 39.

    Parameters
    ----------
    maximum, minimum : array_like
        Air temperature [degC].
    vapour_pressure : array_like
        [kPa].
    ratio : array_like
        Solar radiation by that of a clear sky, Rs/Rso [1]; held between the set's lower bound and 1.
    constants : str
        Constant set.
    """
    c = constant_set(constants)
    fourth = 0.5 * ((np.asarray(maximum) + _KELVIN) ** 4 + (np.asarray(minimum) + _KELVIN) ** 4)
    damping = 0.34 - 0.14 * np.sqrt(np.asarray(vapour_pressure, dtype=float))
    return np.asarray(c.stefan_boltzmann * fourth * damping * _cloudiness(ratio, c.least_ratio))


def _combine(
    numerator: float,
    coefficient: ArrayLike,
    t: np.ndarray,
    vapour: tuple[np.ndarray, np.ndarray],
    u2: np.ndarray,
    gamma: np.ndarray,
    radiation: tuple[np.ndarray, np.ndarray, np.ndarray],
    ground: ArrayLike,
    share: ArrayLike,
    seconds: float,
) -> Evaporation:
    """Eqs. 6 and 53; radiation = (Rs, its direct part, net longwave loss), ground = G given, share = 1 - G/Rn."""
    es, ea = vapour
    rs, direct, longwave = radiation
    delta = slope_of_saturation(t)
    below = delta + gamma * (1.0 + np.asarray(coefficient) * u2)
    weight = 0.408 * delta / below * np.asarray(share)  # mm per MJ/m2 of net radiation
    net = (1.0 - ALBEDO) * rs - longwave
    air = gamma * numerator / (t + 273.0) * u2 * (es - ea) / below
    total = weight * net - 0.408 * delta / below * np.asarray(ground) + air
    beam = weight * (1.0 - ALBEDO) * direct
    sky = weight * ((1.0 - ALBEDO) * (rs - direct) - longwave)
    return Evaporation(np.asarray(total), np.asarray(beam), np.asarray(sky), np.asarray(weight * seconds * 1e-6))


def daily_evaporation(
    maximum: ArrayLike,
    minimum: ArrayLike,
    vapour_pressure: ArrayLike,
    solar_radiation: ArrayLike,
    wind: ArrayLike,
    *,
    elevation: ArrayLike,
    clear_sky: ArrayLike,
    direct: ArrayLike = 0.0,
    soil_heat_flux: ArrayLike = 0.0,
    constants: str = "fao56",
) -> Evaporation:
    """Return the reference evapotranspiration of days, Eq. 6.

    Parameters
    ----------
    maximum, minimum : array_like
        Air temperature [degC].
    vapour_pressure : array_like
        [kPa].
    solar_radiation, clear_sky, direct, soil_heat_flux : array_like
        Solar radiation, that of a clear sky, its direct part on the horizontal, and soil heat flux [MJ m-2 d-1].
    wind : array_like
        At 2 m [m/s].
    elevation : array_like
        Above sea level [m].
    constants : str
        Constant set.

    Returns
    -------
    Evaporation
        [mm/d].

    Examples
    --------
    Uccle, 6 July (FAO-56, Example 18):

    >>> day = daily_evaporation(21.5, 12.3, 1.409, 22.07, 2.078, elevation=100.0, clear_sky=30.90)
    >>> round(float(day.total), 2)
    3.88
    """
    tx, tn = np.asarray(maximum, dtype=float), np.asarray(minimum, dtype=float)
    ea, rs = np.asarray(vapour_pressure, dtype=float), np.asarray(solar_radiation, dtype=float)
    es = 0.5 * (saturation_vapour_pressure(tx) + saturation_vapour_pressure(tn))
    gamma = psychrometric_constant(atmospheric_pressure(elevation, constants))
    rso = np.asarray(clear_sky, dtype=float)
    ratio = np.divide(rs, rso, out=np.ones(np.broadcast_shapes(rs.shape, rso.shape)), where=rso > 0)
    longwave = net_longwave_daily(tx, tn, ea, ratio, constants)
    radiation = (rs, np.asarray(direct, dtype=float), longwave)
    u2 = np.asarray(wind, dtype=float)
    return _combine(900.0, 0.34, 0.5 * (tx + tn), (es, ea), u2, gamma, radiation, soil_heat_flux, 1.0, 86_400.0)


def hourly_evaporation(
    air_temperature: ArrayLike,
    vapour_pressure: ArrayLike,
    solar_radiation: ArrayLike,
    wind: ArrayLike,
    *,
    elevation: ArrayLike,
    ratio: ArrayLike,
    daylight: ArrayLike | None = None,
    direct: ArrayLike = 0.0,
    constants: str = "fao56",
) -> Evaporation:
    """Return the reference evapotranspiration of hours, Eq. 53.

    Parameters
    ----------
    air_temperature : array_like
        Mean of the hour [degC].
    vapour_pressure : array_like
        [kPa].
    solar_radiation, direct : array_like
        Solar radiation and its direct part on the horizontal [MJ m-2 h-1].
    wind : array_like
        At 2 m [m/s].
    elevation : array_like
        Above sea level [m].
    ratio : array_like
        Solar radiation by that of a clear sky [1]; for hours of night that of the last hours of day.
    daylight : array_like of bool, optional
        True where the hour counts as day; by default where net radiation is not negative (ASCE-EWRI 2005, p. 44).
    constants : str
        Constant set.

    Returns
    -------
    Evaporation
        [mm/h]; by night dew is negative.

    Examples
    --------
    N'Diaye, 1 October, 14-15 h (FAO-56, Example 19; Rs/Rso = 2.45/2.66):

    >>> ea = 0.52 * saturation_vapour_pressure(38.0)
    >>> hour = hourly_evaporation(38.0, ea, 2.450, 3.3, elevation=8.0, ratio=0.922)
    >>> round(float(hour.total), 2)
    0.63
    """
    c = constant_set(constants)
    t, ea = np.asarray(air_temperature, dtype=float), np.asarray(vapour_pressure, dtype=float)
    rs = np.asarray(solar_radiation, dtype=float)
    gamma = psychrometric_constant(atmospheric_pressure(elevation, constants))
    damping = 0.34 - 0.14 * np.sqrt(ea)
    longwave = c.stefan_boltzmann_hour * (t + _KELVIN) ** 4 * damping * _cloudiness(ratio, c.least_ratio)
    day = (1.0 - ALBEDO) * rs - longwave >= 0.0 if daylight is None else np.asarray(daylight, dtype=bool)
    coefficient = np.where(day, c.day_coefficient, c.night_coefficient)
    share = np.where(day, 0.9, 0.5)  # 1 - G/Rn, Eqs. 45 and 46
    vapour = (saturation_vapour_pressure(t), ea)
    radiation = (rs, np.asarray(direct, dtype=float), longwave)
    u2 = np.asarray(wind, dtype=float)
    return _combine(37.0, coefficient, t, vapour, u2, gamma, radiation, 0.0, share, 3_600.0)
