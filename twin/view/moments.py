"""Which moment of a layer in time is shown: the hottest hour, a time of day, or a given time stamp."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError
from twin.view.labels import TIMEZONE, local_time

__all__ = ["hottest", "moment", "nearest_hour"]


def hottest(layer: xr.DataArray) -> int:
    """Return the position along ``time`` with the highest mean of the valid cells."""
    means = layer.mean(("y", "x"), skipna=True).values
    if np.isnan(means).all():
        raise InputError(f"The layer {str(layer.name)!r} has no valid cell at any time, so there is no hottest hour.")
    return int(np.nanargmax(means))


def nearest_hour(times: np.ndarray, hour: int, minute: int = 0, timezone: str = TIMEZONE) -> int | None:
    """Return the position of the first stamp at a local time of day, None where there is none within half an hour."""
    wanted = hour * 60 + minute
    minutes = np.array([t.hour * 60 + t.minute for t in (local_time(stamp, timezone) for stamp in times)])
    away = np.abs((minutes - wanted + 720) % 1440 - 720)
    return int(np.argmin(away)) if len(away) and away.min() < 30 else None


def moment(
    layer: xr.DataArray, time: str | np.datetime64 | pd.Timestamp | None = None, timezone: str = TIMEZONE
) -> tuple[xr.DataArray, np.datetime64 | None]:
    """Return the layer at one time, and that time (UTC); a layer without ``time`` comes back as it is.

    Parameters
    ----------
    layer : xarray.DataArray
        Dims ("time", "y", "x") or ("y", "x").
    time : str, numpy.datetime64 or pandas.Timestamp, optional
        ``"HH:MM"`` = local time of day; a full stamp = UTC, the nearest time step within an hour; by default the
        time with the highest mean.
    timezone : str
        IANA name of the local time zone.

    Raises
    ------
    InputError
        If dims do not fit or the time is not in the layer.
    """
    if layer.dims == ("y", "x"):
        own = layer.coords.get("time")
        return layer, None if own is None or own.ndim else np.datetime64(own.values)
    if layer.dims != ("time", "y", "x"):
        raise InputError(
            f"The layer {str(layer.name)!r} must have dims ('y', 'x') or ('time', 'y', 'x'), not {layer.dims}: "
            "choose one value of the other dimensions with .isel() or .sel()."
        )
    if layer.sizes["time"] == 0:
        raise InputError(f"The layer {str(layer.name)!r} has no time step.")
    place = _place(layer, time, timezone)
    return layer.isel(time=place), np.datetime64(layer["time"].values[place])


def _place(layer: xr.DataArray, time: str | np.datetime64 | pd.Timestamp | None, timezone: str) -> int:
    times = layer["time"].values
    if time is None:
        return hottest(layer)
    spoken = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", time) if isinstance(time, str) else None
    hour = (int(spoken[1]), int(spoken[2])) if spoken else None
    place = nearest_hour(times, *hour, timezone) if hour else _nearest_stamp(times, time)
    if place is None:
        first, last = (np.datetime_as_string(t, unit="m") for t in (times[0], times[-1]))
        raise InputError(
            f"The layer {str(layer.name)!r} has no time {time}: it runs from {first} to {last} UTC; "
            "give a time of day as 'HH:MM' (local) or a stamp in UTC."
        )
    return place


def _nearest_stamp(times: np.ndarray, time: str | np.datetime64 | pd.Timestamp) -> int | None:
    try:
        stamp = pd.Timestamp(time)
    except ValueError as error:
        raise InputError(
            f"{time!r} is no time: give 'HH:MM' (local) or a stamp such as '2025-07-02T12:00' (UTC)."
        ) from error
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    away = np.abs(times - stamp.to_datetime64())
    place = int(np.argmin(away))
    return place if away[place] < np.timedelta64(1, "h") else None
