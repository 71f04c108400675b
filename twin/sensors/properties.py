"""Names and units of sources, brought to the observed properties and units of the house."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from models.layers import WEATHER, read_table
from twin.errors import InputError
from twin.language import text

__all__ = ["Place", "Reading", "conversion", "known_as", "unit_of_property"]


class Reading(NamedTuple):
    """One value as a source gave it, under our name and in our unit: thing, property, time [us, UTC], value, unit."""

    thing: str
    property: str
    time: int
    result: float
    unit: str


class Place(NamedTuple):
    """Where a thing stands from a moment on [us], longitude and latitude [degree], height [m], and its name."""

    thing: str
    since: int
    longitude: float
    latitude: float
    height: float
    name: str


_OWN_UNITS = {
    "pressure_sea_level": "hPa", "sunshine_duration": "h", "no": "ug m-3", "nox": "ug m-3", "so2": "ug m-3", "co": "ug m-3",
    "o3": "ug m-3", "air_quality_index": "1", "soil_conductivity": "uS cm-1", "battery_voltage": "V", "illuminance": "lx",
    "energy": "kWh", "power": "kW", "volume": "m3",
}  # fmt: skip


@cache
def unit_of_property(name: str) -> str:
    """Return our unit of an observed property, or "" where the house knows none.

    Examples
    --------
    >>> unit_of_property("air_pressure")
    'hPa'
    """
    for row in read_table("twin.sensors", "quality.csv"):
        if row["property"] == name:
            return row["unit"]
    return WEATHER[name].units if name in WEATHER else _OWN_UNITS.get(name, "")


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


@cache
def _names() -> dict[str, tuple[str, str]]:
    rows = read_table("twin.sensors", "observed_properties.csv")
    return {_plain(row["name"]): (row["property"], row["unit"]) for row in rows}


def known_as(name: str) -> tuple[str, str] | None:
    """Return our property for a name of a source and the unit it implies ("" where it implies none), or None.

    Examples
    --------
    >>> known_as("TT_TU")
    ('air_temperature', 'degC')
    """
    return _names().get(_plain(name))


@cache
def _factors() -> dict[tuple[str, str], tuple[float, float]]:
    return {
        (row["ours"], spelling): (float(row["factor"]), float(row["offset"]))
        for row in read_table("twin.sensors", "sensor_units.csv")
        for spelling in row["spellings"].split("|")
    }


@cache
def conversion(name: str, unit: str, where: str = "") -> tuple[float, float]:
    """Return factor and offset from a source's unit to ours.

    Parameters
    ----------
    name : str
        Observed property of ours.
    unit : str
        The source's spelling of its unit.
    where : str
        File or source, for the message.

    Raises
    ------
    InputError
        If the unit is none of this property's.

    Examples
    --------
    >>> conversion("air_pressure", "kPa")
    (10.0, 0.0)
    """
    ours = unit_of_property(name)
    if not ours or _plain(unit) == _plain(ours):
        return 1.0, 0.0
    found = _factors().get((ours, _plain(unit)))
    if found is None:
        allowed = ", ".join(sorted({spelling for of, spelling in _factors() if of == ours}))
        raise InputError(text("sensors.unit_unknown", where=where, property=name, unit=unit, allowed=allowed))
    return found


def places_in_order(places: Iterable[Place]) -> list[Place]:
    """Return places by thing and moment."""
    return sorted(places, key=lambda place: (place.thing, place.since))
