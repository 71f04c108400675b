"""Depth-duration-frequency tables: how much rain falls in which time how often, and how rare a measured rain is.

A table is a DataArray ``precipitation_depth`` [mm] on (``duration`` [min], ``return_period`` [a]), as KOSTRA-DWD-2020
delivers it for a grid cell. Between the tabulated values depths are straight lines in duration and in return period;
below the shortest duration the line leads to zero. Nothing is extrapolated beyond the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError
from models.water.precipitation import interval_edges, rates

__all__ = ["depth_table", "require_depths", "return_period", "statistical_depth"]


def depth_table(
    depths: Sequence[Sequence[float]] | np.ndarray,
    durations: Sequence[float] | np.ndarray,
    return_periods: Sequence[float] | np.ndarray,
    *,
    uncertainty: Sequence[Sequence[float]] | np.ndarray | None = None,
    source: str = "",
) -> xr.DataArray:
    """Return a depth-duration-frequency table made of numbers.

    Parameters
    ----------
    depths : array (duration, return_period)
        Rain depths [mm].
    durations, return_periods : sequence
        Durations [min] and return periods [a], both rising.
    uncertainty : array (duration, return_period), optional
        Uncertainty of the depths [%], plus or minus.
    source : str
        Where the numbers come from.

    Returns
    -------
    xarray.DataArray
        ``precipitation_depth`` [mm], with ``uncertainty`` [%] as a coordinate where it is given.

    Raises
    ------
    InputError
        If the axes do not rise, or a depth is missing, negative or smaller than that of a shorter duration.

    Examples
    --------
    >>> table = depth_table([[9.3, 16.9], [20.7, 37.7]], [5, 60], [5, 100])
    >>> float(table.sel(duration=60, return_period=100))
    37.7
    """
    table = xr.DataArray(
        np.asarray(depths, dtype=float),
        dims=("duration", "return_period"),
        coords={
            "duration": ("duration", np.asarray(durations, dtype=float), {"units": "min", "long_name": "Duration"}),
            "return_period": (
                "return_period",
                np.asarray(return_periods, dtype=float),
                {"units": "a", "long_name": "Return period"},
            ),
        },
        name="precipitation_depth",
        attrs={"units": "mm", "long_name": "Rain depth by duration and return period", "source": source},
    )
    if uncertainty is not None:
        share = (("duration", "return_period"), np.asarray(uncertainty, dtype=float), {"units": "%"})
        table = table.assign_coords(uncertainty=share)
    require_depths(table)
    return table


def require_depths(depths: xr.DataArray) -> None:
    """Raise :class:`InputError` unless this is a usable depth-duration-frequency table."""
    if not isinstance(depths, xr.DataArray) or set(depths.dims) != {"duration", "return_period"}:
        raise InputError(
            "Rain depths must be a DataArray on ('duration', 'return_period') in mm: read a KOSTRA table with "
            "twin.sensors.read_kostra, or make one with water.depth_table()."
        )
    units = str(depths.attrs.get("units", "mm"))
    if units != "mm":
        raise InputError(f"Rain depths must be in mm, not {units!r}: convert them and set attrs['units'] = 'mm'.")
    for axis in ("duration", "return_period"):
        values = np.asarray(depths[axis].values, dtype=float)
        if not (np.diff(values) > 0).all() or not (values > 0).all():
            raise InputError(f"The {axis} of a rain depth table must be positive and rise: sort the table by {axis}.")
    values = depths.transpose("duration", "return_period").values
    if not np.isfinite(values).all() or (values < 0).any():
        raise InputError("The rain depth table has missing or negative depths: every duration needs every depth in mm.")
    if (np.diff(values, axis=0) < 0).any() or (np.diff(values, axis=1) < 0).any():
        row, column = np.argwhere((np.diff(values, axis=0, prepend=0) < 0) | (np.diff(values, axis=1, prepend=0) < 0))[
            0
        ]
        raise InputError(
            f"The rain depth of {depths['duration'].values[row]:g} min and {depths['return_period'].values[column]:g} a "
            f"is smaller than that of a shorter duration or return period: check the table."
        )


def _curve(depths: xr.DataArray, period: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return durations [min] from zero and the depths [mm] of one return period."""
    table = depths.transpose("duration", "return_period")
    periods = table["return_period"].values.astype(float)
    if not periods[0] <= period <= periods[-1]:
        raise InputError(
            f"Return period {period:g} a is outside the table, which has {periods[0]:g} to {periods[-1]:g} a: choose one "
            f"inside, or give the depth of the storm itself."
        )
    values = table.values.astype(float)
    if tolerance:
        if "uncertainty" not in table.coords:
            raise InputError("tolerance needs the uncertainty of the depths, which this table lacks: leave it at 0.")
        values = values * (1.0 + tolerance * table["uncertainty"].values / 100.0)
    column = np.array([np.interp(period, periods, row) for row in values])
    return np.concatenate([[0.0], table["duration"].values.astype(float)]), np.concatenate([[0.0], column])


def statistical_depth(
    depths: xr.DataArray,
    duration: float | np.ndarray,
    return_period: float,
    *,
    tolerance: float = 0.0,
) -> np.ndarray:
    """Return the rain depth [mm] of a duration and return period.

    Parameters
    ----------
    depths : xarray.DataArray
        Depth-duration-frequency table [mm].
    duration : float or array
        Duration [min]; straight lines between those of the table.
    return_period : float
        Return period [a]; straight line between those of the table.
    tolerance : float
        Share of the stated uncertainty that is added (1 = upper bound, -1 = lower bound, 0 = the depth itself).

    Returns
    -------
    numpy.ndarray
        Depth [mm], of the shape of ``duration``.

    Raises
    ------
    InputError
        If the duration or return period lies outside the table.

    Examples
    --------
    >>> table = depth_table([[9.3, 16.9], [20.7, 37.7]], [5, 60], [5, 100])
    >>> float(statistical_depth(table, 60, 100))
    37.7
    """
    require_depths(depths)
    minutes, curve = _curve(depths, float(return_period), tolerance)
    asked = np.asarray(duration, dtype=float)
    if (asked < 0).any() or (asked > minutes[-1]).any():
        raise InputError(
            f"Duration {asked.max():g} min is outside the table, which has up to {minutes[-1]:g} min: choose a shorter one."
        )
    return np.interp(asked, minutes, curve)


@overload
def return_period(depths: xr.DataArray, event: float, *, duration: float) -> float: ...
@overload
def return_period(depths: xr.DataArray, event: xr.DataArray, *, duration: None = None) -> pd.DataFrame: ...
def return_period(
    depths: xr.DataArray, event: float | xr.DataArray, *, duration: float | None = None
) -> float | pd.DataFrame:
    """Return how rare a rain is: the return period [a] of a depth, or of a measured event by duration.

    Parameters
    ----------
    depths : xarray.DataArray
        Depth-duration-frequency table [mm].
    event : float or xarray.DataArray
        Depth [mm] in ``duration``, or a measured ``precipitation`` [mm/h] along ``time``.
    duration : float, optional
        Duration [min] of a single depth.

    Returns
    -------
    float or pandas.DataFrame
        Years: a straight line in depth between the tabulated return periods, 0 below the most frequent one, inf above
        the rarest. For an event a table with ``duration`` [min], ``depth`` [mm] (the most in any such stretch of time)
        and ``return_period`` [a], for every tabulated duration from the step of the series to its length.

    Examples
    --------
    >>> table = depth_table([[9.3, 16.9], [20.7, 37.7]], [5, 60], [5, 100])
    >>> round(return_period(table, 29.2, duration=60), 1)
    52.5
    """
    require_depths(depths)
    if not isinstance(event, xr.DataArray):
        if duration is None:
            raise InputError("A single depth needs its duration in minutes: pass duration=60.")
        return _years(depths, float(event), float(duration))
    minutes, most = _most_within(depths["duration"].values.astype(float), event)
    years = [_years(depths, depth, span) for span, depth in zip(minutes, most, strict=True)]
    return pd.DataFrame({"duration": minutes, "depth": most, "return_period": years})


def _years(depths: xr.DataArray, depth: float, duration: float) -> float:
    periods = depths["return_period"].values.astype(float)
    of_period = np.array([float(statistical_depth(depths, duration, period)) for period in periods])
    if depth > of_period[-1]:
        return float("inf")
    return float(np.interp(depth, of_period, periods, left=0.0))


def _most_within(durations: np.ndarray, event: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the durations the series resolves and the most rain [mm] in any stretch of that length."""
    values = rates(event)
    if values.ndim != 1:
        raise InputError("The return period of an event needs rain at one place: choose a cell of the rain raster.")
    edges = interval_edges(event) / 60.0
    fallen = np.concatenate([[0.0], np.cumsum(values * np.diff(edges) / 60.0)])
    spans = durations[(durations >= edges[1] - edges[0] - 1e-9) & (durations <= edges[-1] - edges[0] + 1e-9)]
    if not spans.size:
        raise InputError(
            f"The event lasts {edges[-1] - edges[0]:g} min in steps of {edges[1] - edges[0]:g} min, which holds no "
            f"duration of the table ({durations[0]:g} to {durations[-1]:g} min): give a longer or finer series."
        )
    most = []
    for span in spans:  # the sum curve is made of straight lines: its steepest stretch starts or ends at an edge
        starts = np.concatenate([edges, edges - span])
        most.append(float((np.interp(starts + span, edges, fallen) - np.interp(starts, edges, fallen)).max()))
    return spans, np.array(most)
