"""Rain index 1 to 12 (Starkregenindex): how heavy a rain is, told by its return period or its multiple of the 100-year depth.

Up to 100 years the class follows the return period; rarer rain is measured by its depth as a multiple of the 100-year
depth of the same duration. Source: Schmitt et al. 2018, Einheitliches Konzept zur Bewertung von Starkregenereignissen
mittels Starkregenindex, KA 65(2); the numbers stand in ``tables/rain_index.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import overload

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError, read_table
from models.water.frequency import return_period, statistical_depth

__all__ = ["RainIndex", "depth_of_index", "rain_index", "rain_indices"]

_RAREST = 100.0  # [a] above it the factor on the 100-year depth decides
_ROUNDING = 1e-9  # depths of a class bound come back from the table a rounding error off


@dataclass(frozen=True)
class RainIndex:
    """One class of the rain index.

    Attributes
    ----------
    number : int
        1 to 12; 0 = rain that comes more often than once a year.
    name_en, name_de : str
        Name of the class.
    colour : str
        Colour as ``#rrggbb``.
    longest_return_period : float
        Return period [a] up to which the class reaches; NaN above 100 a.
    smallest_factor : float
        Multiple of the 100-year depth from which on the class holds; NaN up to 100 a.
    """

    number: int
    name_en: str
    name_de: str
    colour: str
    longest_return_period: float
    smallest_factor: float


@cache
def rain_indices() -> tuple[RainIndex, ...]:
    """Return the classes 0 (no heavy rain) to 12 in order.

    Examples
    --------
    >>> rain_indices()[7].name_de
    'außergewöhnlicher Starkregen'
    """
    return tuple(
        RainIndex(
            int(row["index"]),
            row["name_en"],
            row["name_de"],
            row["colour"],
            float(row["return_period_up_to"] or "nan"),
            float(row["factor_from"] or "nan"),
        )
        for row in read_table("models.water", "rain_index.csv")
    )


def _classify(period: float, factor: float) -> RainIndex:
    none, *classes = rain_indices()
    if period < 1.0 - _ROUNDING:
        return none
    for one in classes:
        if period <= one.longest_return_period * (1.0 + _ROUNDING):
            return one
    reached = [one for one in classes if factor >= one.smallest_factor - _ROUNDING]
    return reached[-1] if reached else classes[6]


@overload
def rain_index(depths: xr.DataArray, event: float, *, duration: float) -> RainIndex: ...
@overload
def rain_index(depths: xr.DataArray, event: xr.DataArray, *, duration: None = None) -> pd.DataFrame: ...
def rain_index(
    depths: xr.DataArray, event: float | xr.DataArray, *, duration: float | None = None
) -> RainIndex | pd.DataFrame:
    """Return the rain index of a depth, or of a measured event by duration.

    Parameters
    ----------
    depths : xarray.DataArray
        Depth-duration-frequency table [mm] that reaches 100 a.
    event : float or xarray.DataArray
        Depth [mm] in ``duration``, or ``precipitation`` [mm/h] along ``time``.
    duration : float, optional
        Duration [min] of a single depth.

    Returns
    -------
    RainIndex or pandas.DataFrame
        The class; for an event a table of ``duration`` [min], ``depth`` [mm], ``return_period`` [a], ``factor`` (depth
        as a multiple of the 100-year depth), ``rain_index``, its names and colour. The largest index is the event's.

    Examples
    --------
    >>> from models.water.frequency import depth_table
    >>> table = depth_table([[8.0, 14.0], [15.0, 46.0]], [5, 60], [1, 100])
    >>> rain_index(table, 90.0, duration=60).number
    10
    """
    if float(depths["return_period"].max()) < _RAREST:
        raise InputError("The rain index needs the depths of 100 years: give a table whose return periods reach 100 a.")
    if not isinstance(event, xr.DataArray):
        if duration is None:
            raise InputError("A single depth needs its duration in minutes: pass duration=60.")
        factor = float(event) / float(statistical_depth(depths, duration, _RAREST))
        return _classify(return_period(depths, float(event), duration=duration), factor)
    table = return_period(depths, event)
    most = statistical_depth(depths, table["duration"].to_numpy(), _RAREST)
    table["factor"] = table["depth"] / most
    found = [_classify(t, f) for t, f in zip(table["return_period"], table["factor"], strict=True)]
    table["rain_index"] = np.array([one.number for one in found], dtype=int)
    for name in ("name_en", "name_de", "colour"):
        table[name] = [getattr(one, name) for one in found]
    return table


def depth_of_index(depths: xr.DataArray, index: int, *, duration: float = 60) -> float:
    """Return the rain depth [mm] with which a rain index begins (from 8 on) or up to which it reaches (1 to 7).

    Parameters
    ----------
    depths : xarray.DataArray
        Depth-duration-frequency table [mm].
    index : int
        1 to 12.
    duration : float
        Duration [min].

    Examples
    --------
    >>> from models.water.frequency import depth_table
    >>> table = depth_table([[8.0, 14.0], [15.0, 50.0]], [5, 60], [1, 100])
    >>> round(depth_of_index(table, 9), 1)
    70.0
    """
    if not 1 <= index <= 12:
        raise InputError(f"The rain index runs from 1 to 12, not {index}.")
    one = rain_indices()[index]
    if np.isnan(one.longest_return_period):
        return one.smallest_factor * float(statistical_depth(depths, duration, _RAREST))
    return float(statistical_depth(depths, duration, one.longest_return_period))
