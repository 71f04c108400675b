"""The weather of a run, checked and completed: sun at mid-interval, direct and diffuse radiation, sky longwave, wind.

Averaged radiation belongs to an interval, and the sun of that interval stands where it stands in its middle; so the
weather must say what its stamps mean (``weather.attrs["interval"]``: end, start or instant). Left out: sub-interval
sun paths (use shorter steps), and air that differs over the grid (one air temperature, humidity and wind a step).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from models.heat.plausibility import refuse_foreign_weather, warn_of_slipped_clock
from models.heat.radiation import (
    black_body,
    clear_sky_radiation,
    clearness,
    diffuse_erbs,
    diffuse_reindl,
    sky_emissivity,
)
from models.heat.sun import extraterrestrial_radiation, sun_position
from models.layers import InputError, require_weather

__all__ = ["Forcing", "forcing", "wind_at"]

_INTERVALS = ("end", "start", "instant")
_NIGHT_LIMIT = 50.0  # global radiation [W/m2] that no sun below the horizon can give
_STEEPEST = 0.2  # exponent of the wind profile over towns


@dataclass(frozen=True)
class Forcing:
    """The weather of each step, as float arrays (time,)."""

    times: np.ndarray
    seconds: np.ndarray
    """Time each step carries the surfaces on [s]."""
    average: float
    """Length of the averages [s]."""
    azimuth: np.ndarray
    """Sun azimuth from true north [deg]."""
    elevation: np.ndarray
    """Sun elevation [deg]."""
    extraterrestrial: np.ndarray
    """Radiation normal to the beam outside the atmosphere [W/m2]."""
    air_temperature: np.ndarray
    relative_humidity: np.ndarray
    wind_10m: np.ndarray
    """Wind speed 10 m above ground [m/s]."""
    direct: np.ndarray
    """Direct radiation normal to the beam [W/m2]."""
    diffuse: np.ndarray
    """Diffuse radiation on the horizontal [W/m2]."""
    sky_emissivity: np.ndarray
    pressure: np.ndarray
    """Air pressure [hPa]."""


def wind_at(height: float, speed: np.ndarray, measured_at: float, exponent: float = _STEEPEST) -> np.ndarray:
    """Return the wind speed [m/s] at another height [m] by the power profile of the peers (exponent 0.2).

    Examples
    --------
    >>> float(wind_at(1.1, np.array([2.0]), 10.0)[0].round(2))
    1.29
    """
    return np.asarray(np.asarray(speed, dtype=float) * (height / measured_at) ** exponent)


def _interval(weather: xr.Dataset) -> str:
    interval = weather.attrs.get("interval")
    if interval not in _INTERVALS:
        raise InputError(
            f"The weather does not say what its time stamps mean (attrs['interval'] is {interval!r}): set it to 'end' "
            "(stamp at the end of the averaged hour), 'start' or 'instant'."
        )
    return str(interval)


def _steps(weather: xr.Dataset) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the times, the time each step carries the surfaces on [s], and the length of the averages [s]."""
    times = np.asarray(weather["time"].values, dtype="datetime64[ns]")
    if times.size == 1:
        return times, np.array([3600.0]), 3600.0
    gaps = np.diff(times) / np.timedelta64(1, "s")
    if gaps.min() <= 0:
        at = int(np.argmax(gaps <= 0)) + 1
        raise InputError(
            f"Weather times must rise; {np.datetime_as_string(times[at], unit='m')} does not follow its forerunner."
        )
    # a night left out is a long way for the surfaces, but the averages keep their usual length
    return times, np.concatenate([gaps[:1], gaps]), float(np.median(gaps))


def _refuse_night_radiation(times: np.ndarray, radiation: np.ndarray, sun_up: np.ndarray) -> None:
    wrong = (~sun_up) & (radiation > _NIGHT_LIMIT)
    if wrong.any():
        at = int(np.argmax(wrong))
        when = np.datetime_as_string(times[at], unit="m")
        raise InputError(
            f"Global radiation is {radiation[at]:.0f} W/m2 at {when} UTC while the sun is below the horizon "
            f"({int(wrong.sum())} such times): times must be UTC, check the UTC offset and the meaning of the stamps."
        )


def _split(
    weather: xr.Dataset, g: np.ndarray, elevation: np.ndarray, outside: np.ndarray, split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return direct normal and diffuse horizontal radiation from what is given."""
    sine = np.sin(np.radians(np.maximum(elevation, 0.0)))
    has_direct, has_diffuse = "direct_normal_radiation" in weather, "diffuse_radiation" in weather
    if has_diffuse:
        diffuse = np.asarray(weather["diffuse_radiation"].values, dtype=float)
    elif has_direct:
        diffuse = np.maximum(g - np.asarray(weather["direct_normal_radiation"].values, dtype=float) * sine, 0.0)
    elif split == "erbs":
        diffuse = diffuse_erbs(g, outside, elevation)
    elif split == "reindl":
        ta, rh = (np.asarray(weather[n].values, dtype=float) for n in ("air_temperature", "relative_humidity"))
        diffuse = diffuse_reindl(g, outside, elevation, ta, rh)
    else:
        raise InputError(f"split={split!r} is unknown: use 'reindl' or 'erbs'.")
    diffuse = np.minimum(diffuse, np.maximum(g, 0.0)) if not has_direct else diffuse
    if has_direct:
        direct = np.where(elevation > 0, np.asarray(weather["direct_normal_radiation"].values, dtype=float), 0.0)
        return np.maximum(direct, 0.0), np.maximum(diffuse, 0.0)
    # close to the horizon the beam of the interval is not that of its middle: no more than a clear sky lets through
    low_sun = elevation < 1.0
    direct = np.where(low_sun, 0.0, (g - diffuse) / np.maximum(sine, 0.017))
    direct = np.clip(direct, 0.0, 0.8 * outside)
    return direct, np.where(low_sun, g, diffuse)


def _hold(values: np.ndarray) -> np.ndarray:
    """Carry the last known value through the night (and the first one back); all NaN becomes a clear sky."""
    series = pd.Series(values).ffill().bfill().fillna(1.0)
    return series.to_numpy()


def forcing(
    weather: xr.Dataset, latitude: float, longitude: float, *, split: str = "reindl", longwave: str = "jonsson"
) -> Forcing:
    """Return the checked and completed weather of each step.

    Parameters
    ----------
    weather : xarray.Dataset
        Variables of ``models.layers.WEATHER`` along ``time`` (UTC), with ``attrs["interval"]``.
    latitude, longitude : float
        Place [deg].
    split : {"reindl", "erbs"}
        How global radiation is split where neither direct nor diffuse radiation is given.
    longwave : {"jonsson", "prata"}
        Clear-sky longwave radiation where ``longwave_down`` is not given (``tables/longwave.csv``).

    Raises
    ------
    InputError
        If a variable is missing, out of bounds or contradicts the sun.
    """
    refuse_foreign_weather(weather)
    require_weather(weather)
    for name in ("air_temperature", "relative_humidity", "wind_speed", "global_radiation"):
        if weather[name].dims != ("time",):
            raise InputError(f"Weather variable {name!r} must have the one dimension 'time', not {weather[name].dims}.")
    interval = _interval(weather)
    times, seconds, average = _steps(weather)
    shift = {"end": -0.5, "start": 0.5, "instant": 0.0}[interval]
    middle = times + np.timedelta64(round(shift * average * 1e9), "ns")
    edge = np.timedelta64(1800 if interval == "instant" else round(0.5 * average), "s")
    sun = sun_position(np.concatenate([middle - edge, middle, middle + edge]), latitude, longitude)
    before, elevation, after = np.split(sun["elevation"].values, 3)
    azimuth = np.split(sun["azimuth"].values, 3)[1]
    g = np.asarray(weather["global_radiation"].values, dtype=float)
    _refuse_night_radiation(times, g, (before > 0) | (elevation > 0) | (after > 0))
    outside = extraterrestrial_radiation(pd.DatetimeIndex(middle).day_of_year.to_numpy())
    ta = np.asarray(weather["air_temperature"].values, dtype=float)
    rh = np.asarray(weather["relative_humidity"].values, dtype=float)
    pressure = (
        np.asarray(weather["air_pressure"].values, dtype=float)
        if "air_pressure" in weather
        else np.full(ta.size, 1013.25)
    )
    direct, diffuse = _split(weather, g, elevation, outside, split)
    clear = clear_sky_radiation(elevation, outside, ta, rh, pressure)
    warn_of_slipped_clock(middle, g, clear, average)
    if "longwave_down" in weather:
        emissivity = np.asarray(weather["longwave_down"].values, dtype=float) / black_body(ta)
    else:
        index = clearness(g, clear, elevation)
        emissivity = sky_emissivity(ta, rh, _hold(index), longwave=longwave)
    measured_at = float(weather["wind_speed"].attrs.get("height", 10.0))
    wind = wind_at(10.0, np.asarray(weather["wind_speed"].values, dtype=float), measured_at)
    return Forcing(
        times,
        seconds,
        average,
        azimuth,
        elevation,
        outside,
        ta,
        rh,
        wind,
        direct,
        diffuse,
        np.asarray(emissivity),
        pressure,
    )
