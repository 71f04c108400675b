"""Hours of shade: how long buildings, terrain and crowns keep the sun off each place during the hot part of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from twin.scenario.indicators import step_hours
from twin.view.labels import local_time

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["FROM", "TO", "shade_hours"]

FROM, TO = 10, 18
"""Local hours between which shade is counted."""

_SHADED = 0.5  # a cell counts as shaded where less than half of the sun's beam arrives


def shade_hours(result: Result) -> xr.DataArray | None:
    """Return the hours of shade between 10 and 18 o'clock of the hottest day, NaN on buildings.

    The sun's beam is taken from the run where it was kept (``shadow``), else worked out for the middle of each step.

    Parameters
    ----------
    result : Result
        A run.

    Returns
    -------
    xarray.DataArray or None
        ``shade_hours`` [h] on ("y", "x"); None where the run has no hour in that part of the day.
    """
    hours = step_hours(result.heat)
    steps = _steps(result, hours)
    if not len(steps) or not np.isfinite(hours):
        return None
    shaded = np.zeros((result.site.sizes["y"], result.site.sizes["x"]), np.float32)
    for step in steps:
        shaded += _beam(result, int(step), hours) < _SHADED
    shaded = np.where(result.site["building_id"].values > 0, np.float32(np.nan), shaded * np.float32(hours))
    return result.site["terrain_height"].copy(data=shaded).rename("shade_hours").assign_attrs(units="h")


def _steps(result: Result, hours: float) -> np.ndarray:
    """Positions of the time steps whose middle lies in the hot part of the hottest day."""
    zone = result.scenario.timezone
    middles = [local_time(t, zone) for t in _middles(result, hours)]
    day = middles[int(np.nanargmax(_heat_of_the_hours(result)))].date()
    return np.flatnonzero([m.date() == day and FROM <= m.hour < TO for m in middles])


def _heat_of_the_hours(result: Result) -> np.ndarray:
    """How hot each step is: by the first of the run's temperatures, else by the air."""
    kept = next((name for name in ("utci", "pet", "tmrt", "surface_temperature") if name in result.heat), None)
    layer = result.heat[kept] if kept else result.datasets["weather"]["air_temperature"]
    return np.asarray(layer.mean([dim for dim in layer.dims if dim != "time"]).values)


def _middles(result: Result, hours: float) -> pd.DatetimeIndex:
    """Middle of each time step (UTC), by what the weather says its stamps mean."""
    meaning = str(result.datasets["weather"].attrs.get("interval", "instant")) if "weather" in result.datasets else ""
    shift = {"end": -0.5, "start": 0.5}.get(meaning, 0.0) * (hours if np.isfinite(hours) else 0.0)
    return pd.DatetimeIndex(result.heat["time"].values) + pd.Timedelta(hours=shift)


def _beam(result: Result, step: int, hours: float) -> np.ndarray:
    if "shadow" in result.heat:
        return np.asarray(result.heat["shadow"].values[step])
    from models import heat

    site = result.site
    sun = heat.sun_position(
        _middles(result, hours)[[step]], float(site.attrs["latitude"]), float(site.attrs["longitude"])
    )
    elevation = float(sun["elevation"].values[0])
    if elevation <= 1.0:
        return np.zeros((site.sizes["y"], site.sizes["x"]), np.float32)
    azimuth = float(sun["azimuth"].values[0]) - float(site.attrs.get("convergence", 0.0))
    return np.asarray(heat.shadow(site, azimuth, elevation).values)
