"""Whether a weather file's clock can be UTC: the sun must be up where there is radiation."""

from __future__ import annotations

import numpy as np
import xarray as xr

from models.heat.sun import sun_position
from twin.errors import InputError
from twin.language import text

__all__ = ["mid_interval", "require_daylight"]

_TWILIGHT = 50.0  # [W/m2] more than any twilight gives


def mid_interval(weather: xr.Dataset) -> np.ndarray:
    """Return the middle of the interval of each stamp (UTC), by what the weather says its stamps mean."""
    times = weather["time"].values.astype("datetime64[ns]")
    seconds = float(weather.attrs.get("step_seconds", np.nan))
    if not np.isfinite(seconds):
        return times
    half = np.timedelta64(round(seconds * 0.5e9), "ns")
    meaning = weather.attrs.get("interval", "instant")
    return times - half if meaning == "end" else times + half if meaning == "start" else times


def require_daylight(weather: xr.Dataset, latitude: float, longitude: float) -> None:
    """Raise InputError where global radiation above 50 W/m2 stands at a time when the sun is below the horizon.

    Parameters
    ----------
    weather : xarray.Dataset
        From :func:`twin.sensors.read_weather`.
    latitude, longitude : float
        Place [deg].
    """
    elevation = sun_position(mid_interval(weather), latitude, longitude)["elevation"].values
    radiation = weather["global_radiation"].values
    wrong = (elevation < 0.0) & (radiation > _TWILIGHT)
    if wrong.any():
        step = int(np.argmax(np.where(wrong, radiation, 0.0)))
        raise InputError(
            text(
                "weather.sun_below_horizon",
                file=weather.attrs.get("source_file", ""),
                stamp=np.datetime_as_string(weather["time"].values[step], unit="m").replace("T", " "),
                elevation=-elevation[step],
                value=radiation[step],
            )
        )
