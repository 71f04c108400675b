"""Reality check: what stations have measured, minus what the run says at their places and times.

A measurement table is a CSV with the columns ``station``, ``time`` (UTC), ``variable`` and ``value``; stations are those
of the city by id or name. Each value is compared with the cell of its station at the nearest time step, at most half a
step away.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from twin.city.model import City
from twin.errors import InputError
from twin.language import text
from twin.scenario.indicators import step_hours

__all__ = ["COLUMNS", "compared", "read_measurements"]

COLUMNS = ("station", "variable", "unit", "n", "bias", "rmse")
"""Columns of the check: bias and RMSE in the variable's unit, n pairs of values."""

_NEEDED = ("station", "time", "variable", "value")


def read_measurements(path: Path) -> pd.DataFrame:
    """Return a measurement table.

    Parameters
    ----------
    path : pathlib.Path
        CSV with ``station``, ``time`` (UTC), ``variable`` (a layer such as ``utci``, ``tmrt``, ``air_temperature``), ``value``.

    Raises
    ------
    InputError
        If a column is missing, or a time or value cannot be read.
    """
    table = pd.read_csv(path, comment="#", dtype={"station": str, "variable": str})
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        known = ", ".join(_NEEDED)
        raise InputError(text("scenario.check_columns", file=path, missing=", ".join(missing), known=known))
    times = pd.to_datetime(table["time"], utc=True, errors="coerce").dt.tz_localize(None)
    values = pd.to_numeric(table["value"], errors="coerce")
    bad = times.isna() | (values.isna() & table["value"].notna())
    if bad.any():
        row = int(np.argmax(bad.to_numpy())) + 2
        raise InputError(text("scenario.check_unreadable", file=path, row=row))
    return table.assign(time=times.astype("datetime64[ns]"), value=values).dropna(subset=["value"])


def compared(measured: pd.DataFrame, city: City, heat: xr.Dataset, *, where: str = "measurements") -> pd.DataFrame:
    """Return measured minus modelled by station and variable.

    Parameters
    ----------
    measured : pandas.DataFrame
        From :func:`read_measurements`.
    city : City
        With its stations.
    heat : xarray.Dataset
        Layers on ("time", "y", "x").
    where : str
        Name of the table in sentences.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`COLUMNS`; a positive bias means that it was measured higher than modelled.

    Raises
    ------
    InputError
        If a station or a variable is not known.
    """
    places = _places(city)
    rows = []
    for (station, variable), group in measured.groupby(["station", "variable"], sort=True):
        if station not in places:
            known = ", ".join(list(places)[:10]) or "-"
            raise InputError(text("scenario.check_station", file=where, station=station, known=known))
        if variable not in heat:
            known = ", ".join(map(str, heat.data_vars))
            raise InputError(text("scenario.check_variable", file=where, variable=variable, known=known))
        pairs = _pairs(group, heat[str(variable)].transpose("time", "y", "x"), places[str(station)], step_hours(heat))
        if len(pairs):
            error = pairs[:, 0] - pairs[:, 1]
            unit = str(heat[str(variable)].attrs.get("units", ""))
            rows.append((station, variable, unit, len(pairs), error.mean(), float(np.sqrt((error**2).mean()))))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _places(city: City) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for row in city.stations.itertuples():
        place = (float(row.geometry.x), float(row.geometry.y))
        found |= {str(key): place for key in (row.name, row.id) if isinstance(key, str) and key}
    return found


def _pairs(group: pd.DataFrame, layer: xr.DataArray, place: tuple[float, float], step: float) -> np.ndarray:
    """Return measured and modelled values side by side (n, 2) where the cell lies on the grid and has a value."""
    x, y = layer["x"].values, layer["y"].values
    column, row = int(np.argmin(np.abs(x - place[0]))), int(np.argmin(np.abs(y - place[1])))
    half = abs(float(x[1] - x[0])) / 2.0 + 1e-6
    if abs(x[column] - place[0]) > half or abs(y[row] - place[1]) > half:
        return np.empty((0, 2))
    steps, stamps = layer["time"].values.astype("datetime64[s]").astype(np.int64), group["time"].to_numpy()
    stamps = stamps.astype("datetime64[s]").astype(np.int64)
    nearest = np.abs(steps[:, None] - stamps).argmin(axis=0)
    close = np.abs(steps[nearest] - stamps) <= (step if np.isfinite(step) else 1.0) * 1800.0
    modelled = layer.isel(y=row, x=column).values[nearest]
    pairs = np.column_stack([group["value"].to_numpy(dtype=float), modelled])[close]
    return pairs[np.isfinite(pairs).all(axis=1)]
