"""Measurements of citizens as CSV: sensor.community and openSenseMap."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from twin.errors import InputError
from twin.language import text
from twin.sensors.properties import Place, Reading, conversion, known_as, unit_of_property
from twin.sensors.stamps import parse_time

__all__ = ["read_opensensemap", "read_sensor_community"]

_MISSING = {"", "unavailable", "nan", "%.1f", "null", "unknown", "none"}
_ASSUMED = {"air_temperature": "degC", "air_pressure": "Pa"}  # sensor.community states no units


def _rows(path: str | Path, separator: str, needed: set[str]) -> Iterator[tuple[int, dict[str, str]]]:
    file = Path(path)
    try:
        handle = open(file, encoding="utf-8-sig", errors="replace", newline="")  # noqa: SIM115  (closed below)
    except OSError:
        raise InputError(text("sensors.file_missing", file=file)) from None
    with handle:
        reader = csv.DictReader(handle, delimiter=separator)
        missing = sorted(needed - set(reader.fieldnames or ()))
        if missing:
            raise InputError(text("sensors.columns_missing", file=file.name, missing=", ".join(missing)))
        for row in reader:
            yield reader.line_num, {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}


def _number(value: str, file: str, line: int) -> float:
    if value.lower() in _MISSING:
        return float("nan")
    try:
        return float(value)
    except ValueError:
        raise InputError(text("sensors.line_broken", file=file, line=line)) from None


def read_sensor_community(path: str | Path) -> tuple[list[Reading], list[Place]]:
    """Read a daily file of sensor.community; its times are UTC.

    Places are rounded to three decimals, as the network itself publishes them.

    Raises
    ------
    InputError
        If columns are missing, or a time or number cannot be read.
    """
    readings: list[Reading] = []
    places: dict[str, Place] = {}
    file = Path(path).name
    fixed = {"sensor_id", "sensor_type", "location", "lat", "lon", "timestamp"}
    for line, row in _rows(path, ";", fixed):
        thing = f"sensor.community-{row['sensor_id']}"
        moment = parse_time(row["timestamp"], "UTC")
        if thing not in places:
            at = (round(_number(row["lon"], file, line), 3), round(_number(row["lat"], file, line), 3))
            places[thing] = Place(thing, 0, *at, float("nan"), f"{row['sensor_type']} {row['sensor_id']}")
        for column in row.keys() - fixed:
            named = known_as(column)
            if named is None:
                continue
            ours = named[0]
            factor, offset = conversion(ours, named[1] or _ASSUMED.get(ours, unit_of_property(ours)), file)
            value = _number(row[column], file, line) * factor + offset
            readings.append(Reading(thing, ours, moment, value, unit_of_property(ours)))
    return sorted(readings, key=lambda reading: (reading.property, reading.time)), list(places.values())


def read_opensensemap(path: str | Path, *, exposure: str = "outdoor") -> tuple[list[Reading], list[Place]]:
    """Read a CSV download of openSenseMap with the columns ``boxId``, ``exposure``, ``lat``, ``lon``, ``phenomenon``, ``unit``, ``value``, ``createdAt``.

    Boxes of another exposure (``indoor``, ``mobile``) are left out, for they do not tell of the air outside.
    """
    readings: list[Reading] = []
    places: dict[str, Place] = {}
    file = Path(path).name
    needed = {"boxId", "exposure", "lat", "lon", "phenomenon", "unit", "value", "createdAt"}
    for line, row in _rows(path, ",", needed):
        if row["exposure"] != exposure:
            continue
        named = known_as(row["phenomenon"])
        if named is None:
            continue
        thing = f"opensensemap-{row['boxId']}"
        places.setdefault(
            thing,
            Place(
                thing,
                0,
                round(_number(row["lon"], file, line), 3),
                round(_number(row["lat"], file, line), 3),
                float("nan"),
                thing,
            ),
        )
        factor, offset = conversion(named[0], row["unit"] or named[1], file)
        value = _number(row["value"], file, line) * factor + offset
        readings.append(
            Reading(thing, named[0], parse_time(row["createdAt"], "UTC"), value, unit_of_property(named[0]))
        )
    return readings, list(places.values())
