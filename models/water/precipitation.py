"""What a rain series must be: rates in mm/h over intervals that follow each other without a hole."""

from __future__ import annotations

import numpy as np
import xarray as xr

from models.layers import WEATHER, InputError

__all__ = ["RATE_UNITS", "interval_edges", "rates"]

RATE_UNITS = ("mm h-1", "mm/h", "mm h^-1")
"""Spellings of the unit of a rain rate."""

_SMALLEST_PEAK = 0.05  # [mm/h] a whole series below this is rather in metres or metres a second


def rates(rain: xr.DataArray) -> np.ndarray:
    """Return the rain rates [mm/h], float64 for (time,) and as given for (time, y, x), or say what is wrong with them.

    Raises
    ------
    InputError
        If dimensions, unit or numbers are not those of a rain rate.
    """
    if not isinstance(rain, xr.DataArray) or rain.dims not in (("time",), ("time", "y", "x")):
        got = rain.dims if isinstance(rain, xr.DataArray) else type(rain).__name__
        raise InputError(
            f"Rain must be a DataArray 'precipitation' [mm/h] on ('time',) or ('time', 'y', 'x'), not {got}."
        )
    units = rain.attrs.get("units")
    if units is not None and units not in RATE_UNITS:
        raise InputError(
            f"Rain is in {units!r}, but rates in mm/h are needed: convert it (amount in mm / step in h) and set "
            f"attrs['units'] = 'mm h-1'."
        )
    values = np.asarray(rain.values)
    if values.shape[0] == 0:
        raise InputError("The rain has no time step.")
    bad = ~np.isfinite(values)
    if bad.any():
        first = int(np.argmax(bad.reshape(bad.shape[0], -1).any(axis=1)))
        raise InputError(
            f"Rain has {int(bad.sum())} missing values, the first in step {first}: fill the gap, or cut the event."
        )
    low, high = float(values.min()), float(values.max())
    most = 10.0 * WEATHER["precipitation"].upper
    if low < 0:
        first = int(np.argmax((values < 0).reshape(values.shape[0], -1).any(axis=1)))
        raise InputError(f"Rain is negative ({low:g} mm/h, first in step {first}): rates must be 0 or more.")
    if high > most:
        raise InputError(f"Rain reaches {high:g} mm/h, allowed is up to {most:g}: check its unit.")
    if units is None and 0.0 < high < _SMALLEST_PEAK:
        raise InputError(
            f"Rain peaks at {high:g} without a unit, which looks like metres: convert it to mm/h, or set "
            f"attrs['units'] = 'mm h-1' if it is meant."
        )
    return values.astype(float) if values.ndim == 1 else values


def interval_edges(rain: xr.DataArray) -> np.ndarray:
    """Return the edges [s] of the intervals, counted from the first one's start; one more than there are stamps.

    The stamps are the starts of the intervals, or their ends where ``attrs['interval']`` (of the rain or of its time)
    says "end". A single step needs ``attrs['step_seconds']``.

    Raises
    ------
    InputError
        If stamps are missing, repeat, turn back or leave a hole.
    """
    if "time" not in rain.coords:
        raise InputError("Rain needs a coordinate 'time': the start of each interval.")
    stamps = rain["time"].values
    if stamps.dtype.kind == "M":
        stamps = stamps - stamps[0]
    seconds = stamps / np.timedelta64(1, "s") if stamps.dtype.kind == "m" else stamps.astype(float)
    meaning = rain.attrs.get("interval", rain["time"].attrs.get("interval", "start"))
    if meaning not in ("start", "end"):
        raise InputError(f"Rain stamps must be the 'start' or 'end' of intervals, not {meaning!r}: say which.")
    stated = rain.attrs.get("step_seconds")
    if seconds.size == 1 and not stated:
        raise InputError("Rain of a single step needs its length: set attrs['step_seconds'].")
    steps = np.diff(seconds)
    step = float(np.median(steps)) if steps.size else float(stated or 0.0)
    if (steps <= 0).any():
        raise InputError(
            f"Rain stamp {int(np.argmax(steps <= 0)) + 1} does not come after the one before: sort the series."
        )
    odd = np.abs(steps - step) > 1e-6 * step
    if odd.any():
        at = int(np.argmax(odd))
        raise InputError(
            f"Rain has a step of {steps[at]:g} s after stamp {at}, the others have {step:g} s: bring the missing steps "
            f"(0 where it was dry)."
        )
    return (np.arange(seconds.size + 1) * step).astype(float)
