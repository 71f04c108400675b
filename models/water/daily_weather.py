"""Weather of any step brought to whole days without gaps, each repair listed.

Stamps twice keep the last row; a day needs three quarters of its steps; days missing are drawn between their neighbours
(rain: none), up to ``LONGEST_GAP`` days. Left out: filling from other stations.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError
from models.water.missing_weather import middle_of_steps
from models.water.penman_monteith import saturation_vapour_pressure

__all__ = ["LONGEST_GAP", "daily_weather"]

LONGEST_GAP = 7
"""Days that may be drawn between their neighbours."""

_ENOUGH = 0.75
_MEANS = (
    "relative_humidity", "vapour_pressure", "dew_point_temperature", "global_radiation", "diffuse_radiation",
    "wind_speed", "precipitation",
)  # fmt: skip
_DAILY = ("air_temperature_max", "air_temperature_min", "relative_humidity_max", "relative_humidity_min")


def _sorted(weather: xr.Dataset, reasons: list[dict[str, object]]) -> xr.Dataset:
    times = weather["time"].values.astype("datetime64[ns]")
    order = np.argsort(times, kind="stable")
    if (np.diff(times) < np.timedelta64(0, "ns")).any():
        reasons.append({"variable": "time", "count": int((np.diff(times) < np.timedelta64(0)).sum()), "rule": "sorted"})
    last = np.append(np.diff(times[order]) > np.timedelta64(0, "ns"), True)
    if not last.all():
        reasons.append({"variable": "time", "count": int((~last).sum()), "rule": "stamp twice, last row kept"})
    return weather.isel(time=order[last])


def _to_days(weather: xr.Dataset, hours: float, offset: float) -> xr.Dataset:
    """Return means and extremes of local days; NaN where a day has too few steps."""
    stamps = middle_of_steps(weather, hours) + np.timedelta64(round(offset * 3.6e12), "ns")
    shifted = weather.assign_coords(time=stamps)
    wanted = [name for name in _MEANS if name in weather]
    temperature = shifted["air_temperature"].resample(time="1D")
    enough = temperature.count() >= _ENOUGH * 24.0 / hours
    days = {"air_temperature_max": temperature.max(), "air_temperature_min": temperature.min()}
    if "relative_humidity" in weather:
        days["relative_humidity_min"] = shifted["relative_humidity"].resample(time="1D").min()
        full = xr.apply_ufunc(saturation_vapour_pressure, shifted["air_temperature"])
        days["vapour_pressure"] = (
            (full * shifted["relative_humidity"] / 10.0).resample(time="1D").mean()
        )  # kPa, % -> hPa
    for name in wanted:
        grouped = shifted[name].resample(time="1D")
        share = grouped.count() >= _ENOUGH * 24.0 / hours
        days.setdefault(name, grouped.mean().where(share))
    return xr.Dataset(days).where(enough)


def _step(weather: xr.Dataset) -> float:
    steps = np.diff(weather["time"].values).astype("timedelta64[s]").astype(float) / 3600.0
    return float(np.median(steps)) if steps.size else 24.0


def daily_weather(weather: xr.Dataset, *, clock_offset: float = 0.0) -> xr.Dataset:
    """Return weather as whole days without gaps.

    Parameters
    ----------
    weather : xarray.Dataset
        Days with ``air_temperature_max`` and ``_min``, or steps up to 3 h with ``air_temperature``, names of
        ``models.layers.WEATHER``; ``precipitation`` [mm/h].
    clock_offset : float
        Local time minus UTC [h], which says when a day begins (days given as such stay as they are).

    Returns
    -------
    xarray.Dataset
        Along ``time`` (days); ``precipitation`` stays a mean rate [mm/h]. ``attrs["repairs"]`` is a JSON list of variable,
        count and rule.

    Raises
    ------
    InputError
        If there is no temperature, or more than ``LONGEST_GAP`` days in a row are missing.

    Examples
    --------
    >>> days = np.array(["2024-07-01", "2024-07-01", "2024-07-03"], dtype="datetime64[ns]")
    >>> warm = xr.Dataset({"air_temperature_max": ("time", [20.0, 21.0, 25.0]),
    ...                    "air_temperature_min": ("time", [10.0, 11.0, 15.0])}, coords={"time": days})
    >>> daily_weather(warm)["air_temperature_max"].values.tolist()
    [21.0, 23.0, 25.0]
    """
    if "time" not in weather.coords or weather["time"].size == 0:
        raise InputError("The weather needs a coordinate 'time' of at least one step.")
    reasons: list[dict[str, object]] = []
    tidy = _sorted(weather, reasons)
    hours = _step(tidy)
    if "air_temperature_max" in tidy and "air_temperature_min" in tidy and hours >= 23.0:
        names = [n for n in (*_DAILY, *_MEANS, "sunshine_duration") if n in tidy]
        days = tidy[names].assign_coords(time=tidy["time"].values.astype("datetime64[D]").astype("datetime64[ns]"))
    elif "air_temperature" in tidy and hours <= 3.0:
        days = _to_days(tidy, hours, clock_offset)
    else:
        raise InputError(
            f"Weather in steps of {hours:g} h with {', '.join(map(str, tidy.data_vars))} cannot be brought to days: give "
            "air_temperature in steps up to 3 h, or days with air_temperature_max and air_temperature_min."
        )
    days = _without_gaps(days, reasons)
    for name in days.data_vars:
        days[name].attrs.update(weather[name].attrs if name in weather else {})
    days.attrs = {**weather.attrs, "repairs": json.dumps(reasons)}
    return days


def _without_gaps(days: xr.Dataset, reasons: list[dict[str, object]]) -> xr.Dataset:
    times = days["time"].values
    every = pd.date_range(times[0], times[-1], freq="D").to_numpy()
    full = days.reindex(time=every)
    for name in (str(n) for n in full.data_vars):
        values = full[name]
        gap = np.isnan(values.transpose("time", ...).values.reshape(every.size, -1))
        if not gap.any() or gap.all():
            continue
        runs = _longest_run(gap.any(axis=1))
        optional = name not in ("air_temperature_max", "air_temperature_min", "precipitation")
        if runs > LONGEST_GAP and not optional:
            raise InputError(
                f"Weather variable {name!r} is missing on {runs} days in a row, at most {LONGEST_GAP} are drawn between "
                "their neighbours: give another station's values, or run a shorter time."
            )
        if name == "precipitation":
            full[name], rule = values.fillna(0.0), "no rain"
        elif runs <= LONGEST_GAP:
            full[name], rule = _between(values), "between its neighbours"
        else:
            continue
        reasons.append({"variable": name, "count": int(gap.sum()), "rule": rule})
    return full


def _between(values: xr.DataArray) -> xr.DataArray:
    ordered = values.transpose("time", ...)
    table = pd.DataFrame(ordered.values.reshape(ordered.sizes["time"], -1)).interpolate(limit_direction="both")
    return ordered.copy(data=table.to_numpy().reshape(ordered.shape))


def _longest_run(mask: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))
