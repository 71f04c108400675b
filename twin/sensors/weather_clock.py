"""Whether a weather file's clock can be UTC: no more radiation than the sun can give at that time and place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from models.heat.sun import extraterrestrial_radiation, sun_position
from twin.errors import InputError
from twin.language import text

__all__ = ["mid_interval", "require_daylight"]

_TWILIGHT = 50.0  # [W/m2] more than any twilight gives
_TOLERANCE = 25.0  # [W/m2] for what instruments and low suns add to an hourly mean
_SAMPLES = 6  # suns an interval


def mid_interval(weather: xr.Dataset) -> np.ndarray:
    """Return the middle of the interval of each stamp (UTC), by what the weather says its stamps mean."""
    times = weather["time"].values.astype("datetime64[ns]")
    seconds = float(weather.attrs.get("step_seconds", np.nan))
    if not np.isfinite(seconds):
        return times
    half = np.timedelta64(round(seconds * 0.5e9), "ns")
    meaning = weather.attrs.get("interval", "instant")
    return times - half if meaning == "end" else times + half if meaning == "start" else times


def _outside_atmosphere(weather: xr.Dataset, latitude: float, longitude: float) -> np.ndarray:
    """Return the radiation on the horizontal above the atmosphere [W/m2], averaged over each interval."""
    middle = mid_interval(weather)
    seconds = float(weather.attrs["step_seconds"])
    shares = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
    shifts = (shares * seconds * 1e9).astype("timedelta64[ns]")
    sine = np.zeros(middle.size)
    for shift in shifts:
        elevation = sun_position(middle + shift, latitude, longitude)["elevation"].values
        sine += np.maximum(np.sin(np.radians(elevation)), 0.0) / _SAMPLES
    return np.asarray(extraterrestrial_radiation(pd.DatetimeIndex(middle).day_of_year.to_numpy()) * sine)


def require_daylight(weather: xr.Dataset, latitude: float, longitude: float) -> None:
    """Raise InputError where a file has more radiation than the sun can give at that time.

    Either the sun is below the horizon in the middle of the interval and global radiation is above 50 W/m2, or, for
    averages over 15 minutes to 3 hours, it is 25 W/m2 above the radiation outside the atmosphere (which shows clocks
    that are one hour wrong, too).

    Parameters
    ----------
    weather : xarray.Dataset
        From :func:`twin.sensors.read_weather`.
    latitude, longitude : float
        Place [deg].
    """
    elevation = sun_position(mid_interval(weather), latitude, longitude)["elevation"].values
    radiation = weather["global_radiation"].values
    limit = np.where(elevation < 0.0, _TWILIGHT, np.inf)
    if weather.attrs.get("interval") != "instant" and 900.0 <= weather.attrs.get("step_seconds", 0.0) <= 10_800.0:
        limit = np.minimum(limit, _outside_atmosphere(weather, latitude, longitude) + _TOLERANCE)
    excess = radiation - limit
    if (excess > 0).any():
        step = int(np.argmax(excess))
        raise InputError(
            text(
                "weather.sun_below_horizon" if elevation[step] < 0 else "weather.sun_too_weak",
                file=weather.attrs.get("source_file", ""),
                stamp=np.datetime_as_string(weather["time"].values[step], unit="m").replace("T", " "),
                elevation=abs(elevation[step]),
                value=radiation[step],
            )
        )
