"""Units of weather columns: recognised by their spelling, converted to the units of the house, and said aloud.

Nothing is converted on a guess. A pressure without a unit is the one exception, because hPa, kPa and Pa lie so
far apart that the numbers themselves are unambiguous; what was done is noted either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from models.layers import WEATHER, read_table
from twin.errors import InputError
from twin.language import text

__all__ = ["Unit", "in_our_units", "unit_of"]


@dataclass(frozen=True)
class Unit:
    """One spelling of a unit: ``ours = value * factor + offset``, divided by the step where it is an amount."""

    spelling: str
    units: str
    factor: float
    offset: float
    per_step: bool


@cache
def _units() -> dict[tuple[str, str], Unit]:
    known = {}
    for row in read_table("twin.sensors", "weather_units.csv"):
        for spelling in row["spellings"].split("|"):
            known[row["units"], spelling] = Unit(
                spelling, row["units"], float(row["factor"]), float(row["offset"]), row["per_step"] == "yes"
            )
    return known


def unit_of(name: str, spelling: str) -> Unit | None:
    """Return the unit of a weather variable by its spelling, or None where it is not one of that variable's units.

    Examples
    --------
    >>> unit_of("air_pressure", "kPa").factor
    10.0
    >>> unit_of("air_temperature", "km/h") is None
    True
    """
    return _units().get((WEATHER[name].units, " ".join(spelling.strip().lower().split())))


def _pressure_by_size(values: np.ndarray) -> str:
    low, high = np.nanmin(values), np.nanmax(values)
    for spelling, smallest, largest in (("hPa", 500.0, 1100.0), ("kPa", 50.0, 110.0), ("Pa", 50_000.0, 110_000.0)):
        if smallest <= low and high <= largest:
            return spelling
    return ""


def _spelling_of(name: str, column: str, file: str, values: np.ndarray, spelling: str) -> str:
    """Return the unit a column is taken to have; "" stands for ours."""
    if spelling:
        return spelling
    if name == "air_pressure" and not np.isnan(values).all():
        found = _pressure_by_size(values)
        if not found:
            span = {"low": float(np.nanmin(values)), "high": float(np.nanmax(values))}
            raise InputError(text("weather.pressure_unclear", file=file, column=column, **span))
        return found
    if name == "relative_humidity" and values.size > 1 and np.nanmax(values, initial=0.0) <= 1.0:
        raise InputError(text("weather.humidity_fraction", file=file, column=column))
    return ""


def in_our_units(
    values: np.ndarray, *, name: str, column: str, spelling: str, step_hours: float, file: str
) -> tuple[np.ndarray, str]:
    """Return a column in the unit of the house, and the unit it was converted from ("" where nothing was to do).

    Parameters
    ----------
    values : numpy.ndarray
        Numbers as they stand in the file.
    name : str
        Our name of the variable.
    column, file : str
        Where it stands, for messages.
    spelling : str
        Unit in the header or the mapping, "" where none is given.
    step_hours : float
        Length of a step [h], for amounts such as mm in the step; NaN where it is not known.

    Raises
    ------
    InputError
        If the unit is none of this variable's, or the numbers contradict the unit assumed.
    """
    taken = _spelling_of(name, column, file, values, spelling)
    if not taken:
        return values, ""
    unit = unit_of(name, taken)
    if unit is None:
        allowed = ", ".join(sorted({u.spelling for (of, _), u in _units().items() if of == WEATHER[name].units}))
        raise InputError(text("weather.unit_unknown", file=file, column=column, unit=taken, allowed=allowed))
    factor = unit.factor
    if unit.per_step:
        if not np.isfinite(step_hours):
            raise InputError(text("weather.step_needed", file=file, column=column, unit=taken))
        factor = unit.factor / step_hours
    if factor == 1.0 and unit.offset == 0.0:
        return values, ""
    return values * factor + unit.offset, taken
