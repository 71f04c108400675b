"""What every day brings to the trees of one weather cell and one kind: the rows that the kernel reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError
from models.water.daily_weather import daily_weather
from models.water.evapotranspiration import evaporation_parts
from models.water.penman_monteith import saturation_vapour_pressure, wind_at_2m
from models.water.tree_day import FORCING
from models.water.tree_leaves import leaf_share, tree_kinds
from models.water.tree_parameters import defaults

__all__ = ["TreeForcing", "tree_forcing"]

_SUMMER = (100, 274)
"""Days of the year between which joints are dry and open (Wessolek & Kluge 2021)."""


@dataclass(frozen=True)
class TreeForcing:
    """Rows for the kernel.

    Attributes
    ----------
    days : numpy.ndarray
        datetime64[D].
    values : numpy.ndarray
        Shape (cells * kinds, days, len(FORCING)).
    cells, kinds : int
        Numbers; row = cell * kinds + kind.
    filled : str
        What stood in for missing weather.
    """

    days: np.ndarray
    values: np.ndarray
    cells: int
    kinds: int
    filled: str


def _by_cell(array: xr.DataArray) -> np.ndarray:
    """Return (days, cells) of an array along time and at most one more dimension."""
    values = np.asarray(array.transpose("time", ...).values, dtype=float)
    if values.ndim > 2:
        raise InputError(
            f"The weather of trees may have 'time' and one more dimension (weather cells), not {array.dims}: stack them."
        )
    return values[:, None] if values.ndim == 1 else values


def tree_forcing(
    weather: xr.Dataset,
    *,
    constants: str = "fao56",
    latitude: float | None = None,
    longitude: float | None = None,
    elevation: float | None = None,
    clock_offset: float = 0.0,
) -> TreeForcing:
    """Return daily rows from weather of any step; ``precipitation`` [mm/h] must be there.

    A variable ``runoff`` [mm/h] is the runoff of connected ground; without it nine tenths of the rain.
    """
    if "precipitation" not in weather:
        raise InputError("The weather has no 'precipitation' [mm/h]: a water balance needs rain; name its column.")
    daily = daily_weather(weather, clock_offset=clock_offset)
    parts = evaporation_parts(daily, constants=constants, latitude=latitude, longitude=longitude, elevation=elevation)
    eto, beam, sky = (_by_cell(parts[name]) for name in ("open", "beam", "sky"))
    rain = 24.0 * _by_cell(daily["precipitation"])
    if (rain < 0).any():
        raise InputError("Weather variable 'precipitation' is negative somewhere: mend the record, rain is at least 0.")
    cells = max(eto.shape[1], rain.shape[1])
    days = daily["time"].values.astype("datetime64[D]")
    numbers = pd.DatetimeIndex(days).day_of_year.to_numpy()
    table = tree_kinds()
    values = np.zeros((cells, len(table), days.size, len(FORCING)))
    shared = {
        "evapotranspiration": eto,
        "beam": beam,
        "sky": sky,
        "rain": rain,
        "dryness": _dryness(daily),
        "runoff": defaults()["connected_runoff"][0] * rain,
    }
    for name, series in shared.items():
        values[..., FORCING.index(name)] = np.broadcast_to(series, (days.size, cells)).T[:, None, :]
    for k, kind in enumerate(table.index):
        share = leaf_share(numbers, str(kind))
        values[:, k, :, FORCING.index("leaf")] = values[:, k, :, FORCING.index("shade")] = share
    for name in ("height", "depth"):
        values[..., FORCING.index(name)] = 1.0
    values[..., FORCING.index("summer")] = (numbers >= _SUMMER[0]) & (numbers < _SUMMER[1])
    flat = values.reshape(cells * len(table), days.size, len(FORCING))
    words = "; ".join(text for text in (parts.attrs["filled"], _repairs(daily)) if text)
    return TreeForcing(days, flat, cells, len(table), words)


def _repairs(daily: xr.Dataset) -> str:
    import json

    return "; ".join(f"{r['variable']}: {r['count']}, {r['rule']}" for r in json.loads(daily.attrs["repairs"]))


def _dryness(daily: xr.Dataset) -> np.ndarray:
    """Return the weather term of FAO-56 Eq. 72 with its limits: wind 1 to 6 m/s, lowest humidity 20 to 80 %."""
    hot, cold = _by_cell(daily["air_temperature_max"]), _by_cell(daily["air_temperature_min"])
    if "wind_speed" in daily:
        height = float(daily["wind_speed"].attrs.get("height", 10.0))
        u2 = np.nan_to_num(wind_at_2m(_by_cell(daily["wind_speed"]), height), nan=2.0)
    else:
        u2 = np.full(hot.shape, 2.0)
    driest = 100.0 * saturation_vapour_pressure(cold) / saturation_vapour_pressure(hot)  # FAO-56 Eq. 64
    if "relative_humidity_min" in daily:
        measured = _by_cell(daily["relative_humidity_min"])
        driest = np.where(np.isnan(measured), driest, measured)
    return np.asarray(0.04 * (np.clip(u2, 1.0, 6.0) - 2.0) - 0.004 * (np.clip(driest, 20.0, 80.0) - 45.0))
