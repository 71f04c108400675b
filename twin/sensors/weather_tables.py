"""Weather files as they come: tables with a header row, UMEP forcing files and EnergyPlus weather files.

Each reader returns a :class:`RawTable`: numbers under our names, the units the file states, and stamps by the file's
own clock. What stamps and units mean is settled in ``weather_files``.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.layers import WEATHER, read_table
from twin.errors import InputError
from twin.language import text

__all__ = ["RawTable", "read_csv_table", "read_epw", "read_umep", "text_of"]

_UNIT = re.compile(r"^(?P<name>.*?)\s*[\(\[](?P<unit>[^\)\]]*)[\)\]]\s*$")
_COMMENT = re.compile(r"^#\s*(?P<key>[A-Za-zÀ-ÿ_ ]+?)\s*:\s*(?P<value>.*?)\s*$")
_CLOCKS = {"utc": 0.0, "gmt": 0.0, "z": 0.0, "mez": 1.0, "cet": 1.0, "mesz": 2.0, "cest": 2.0}
_MISSING = {"", "na", "nan", "null", "none", "-", "--", "---", "-999", "-999.0", "-999.00", "-9999", "-9999.0"}
_STAMPS = (
    (re.compile(r"^\d{4}-\d{2}-\d{2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$"), "ISO8601"),
    (re.compile(r"^\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}$"), "%d.%m.%Y %H:%M"),
    (re.compile(r"^\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}$"), "%d.%m.%Y %H:%M:%S"),
    (re.compile(r"^\d{10}$"), "%Y%m%d%H"),
    (re.compile(r"^\d{12}$"), "%Y%m%d%H%M"),
)
# Columns of a UMEP/SUEWS forcing file by position (umep-docs, "Meteorological input file"): our name and the unit.
# Column 12 is headed "Td" in UMEP files and holds the AIR temperature; Kdir is the beam on a plane facing the sun.
_UMEP = {
    9: ("wind_speed", "m/s"),
    10: ("relative_humidity", "%"),
    11: ("air_temperature", "°C"),
    12: ("air_pressure", "kPa"),
    13: ("precipitation", "mm"),
    14: ("global_radiation", "W/m2"),
    16: ("longwave_down", "W/m2"),
    21: ("diffuse_radiation", "W/m2"),
    22: ("direct_normal_radiation", "W/m2"),
}
# Columns of an EPW file (EnergyPlus, Auxiliary Programs, "EPW CSV Format"): our name, the unit, the smallest "missing".
_EPW = {
    "temp_air": ("air_temperature", "°C", 99.9),
    "relative_humidity": ("relative_humidity", "%", 999.0),
    "wind_speed": ("wind_speed", "m/s", 999.0),
    "ghi": ("global_radiation", "W/m2", 9999.0),
    "dni": ("direct_normal_radiation", "W/m2", 9999.0),
    "dhi": ("diffuse_radiation", "W/m2", 9999.0),
    "ghi_infrared": ("longwave_down", "W/m2", 9999.0),
    "atmospheric_pressure": ("air_pressure", "Pa", 999999.0),
    "liquid_precipitation_depth": ("precipitation", "mm", 999.0),
}


@dataclass
class RawTable:
    """A weather file as read: numbers, stated units and stamps by its own clock."""

    times: pd.DatetimeIndex
    values: dict[str, np.ndarray]
    units: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    interval: str | None = None
    utc_offset: float | None = None
    attrs: dict[str, Any] = field(default_factory=dict)


@cache
def _names() -> dict[str, str]:
    return {
        c: row["name"] for row in read_table("twin.sensors", "weather_names.csv") for c in row["columns"].split("|")
    }


def text_of(path: Path) -> str:
    """Return a file's text: UTF-8, UTF-16 where its mark says so, else the Windows code page of older German exports."""
    raw = path.read_bytes()
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return raw.decode("utf-16")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _split_unit(header: str) -> tuple[str, str]:
    found = _UNIT.match(header)
    return (found["name"].strip(), found["unit"].strip()) if found else (header.strip(), "")


def _separator(lines: list[str], given: str | None) -> str:
    if given:
        return given
    counts = {sign: min(line.count(sign) for line in lines[:5]) for sign in (";", "\t", ",")}
    best = max(counts, key=lambda sign: counts[sign])
    if counts[";"]:
        best = ";"
    return best if counts[best] else r"\s+"


def _assign(headers: list[str], mapping: Mapping[str, Any], file: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return ``our name -> column`` and ``our name -> unit`` from a mapping and the known names."""
    allowed = [*WEATHER, "time", "date", "clock"]
    columns: dict[str, str] = {}
    units: dict[str, str] = {}
    for name, target in mapping.items():
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, 1) or ["air_temperature"]
            raise InputError(
                text("weather.name_unknown", file=file, name=name, near=near[0], allowed=", ".join(allowed))
            )
        column, unit = (target["column"], target.get("unit", "")) if isinstance(target, Mapping) else (target, "")
        if column not in headers:
            listed = ", ".join(headers)
            raise InputError(text("weather.column_missing", file=file, name=name, column=column, listed=listed))
        columns[name], units[name] = column, unit or _split_unit(column)[1]
    for header in headers:
        plain, unit = _split_unit(header)
        name = _names().get(plain.lower(), "")
        if not name or name in mapping or header in columns.values():
            continue
        if name in columns:
            raise InputError(text("weather.column_twice", file=file, name=name, first=columns[name], second=header))
        columns[name], units[name] = header, unit
    if "air_temperature" not in columns and any(_split_unit(h)[0].lower() == "td" for h in headers):
        raise InputError(text("weather.td_unclear", file=file))
    return columns, units


def _numbers(column: pd.Series, decimal: str, *, file: str, first_line: int) -> np.ndarray:
    raw = column.fillna("").str.strip()
    if decimal == ",":
        raw = raw.str.replace(",", ".", regex=False)
    cleared = raw.mask(raw.str.lower().isin(_MISSING))
    numbers = pd.to_numeric(cleared, errors="coerce")
    wrong = numbers.isna() & cleared.notna()
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise InputError(
            text("weather.not_a_number", file=file, column=column.name, line=first_line + row, value=raw.iloc[row])
        )
    values = numbers.to_numpy(dtype=float)
    return np.where(np.isin(values, (-999.0, -9999.0)), np.nan, values)


def _stamps(raw: pd.Series, *, file: str, first_line: int) -> tuple[pd.DatetimeIndex, bool]:
    """Return the stamps, and whether they name their own offset (they are UTC then)."""
    raw = raw.fillna("").str.strip()
    layouts = [(pattern, layout) for pattern, layout in _STAMPS if pattern.match(raw.iloc[0])]
    if not layouts:
        raise InputError(text("weather.stamp_unclear", file=file, line=first_line, value=raw.iloc[0]))
    pattern, layout = layouts[0]
    fits = raw.map(lambda stamp: bool(pattern.match(stamp))).to_numpy(dtype=bool)
    own_offset = layout == "ISO8601" and bool(re.search(r"(Z|[+-]\d{2}:?\d{2})$", raw.iloc[0][10:]))
    times = pd.to_datetime(raw, format=layout, errors="coerce", utc=own_offset)
    wrong = ~fits | times.isna().to_numpy()
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(text("weather.stamp_unclear", file=file, line=first_line + row, value=raw.iloc[row]))
    index = pd.DatetimeIndex(times)
    return (index.tz_localize(None) if own_offset else index), own_offset


def _comments(lines: list[str], file: str) -> dict[str, str]:
    found = {}
    for line in lines:
        match = _COMMENT.match(line)
        if match:
            found[match["key"].strip().lower().replace(" ", "_")] = match["value"]
    for key in ("utc_offset", "wind_height"):
        if key in found:
            try:
                float(found[key])
            except ValueError:
                raise InputError(text("weather.comment_number", file=file, key=key, value=found[key])) from None
    return found


def _decimal(frame: pd.DataFrame, columns: list[str], separator: str) -> str:
    if separator == ",":
        return "."
    return "," if any(frame[c].fillna("").str.contains(",", regex=False).any() for c in columns) else "."


def _clock_offset(header: str, comments: Mapping[str, str], own_offset: bool, file: str) -> float | None:
    said = [float(comments["utc_offset"])] if "utc_offset" in comments else []
    unit = _split_unit(header)[1].lower()
    if unit in _CLOCKS:
        said.append(_CLOCKS[unit])
    if own_offset:
        said = [0.0]
    if len(set(said)) > 1:
        raise InputError(text("weather.clock_contradiction", file=file, column=header, offset=said[0]))
    return said[0] if said else None


def _frame(content: str, separator: str | None, file: str) -> tuple[pd.DataFrame, str, list[str], int]:
    """Return the cells as text, the separator, the comment lines and the line of the first data row."""
    numbered = [(i + 1, line) for i, line in enumerate(content.splitlines()) if line.strip()]
    comments = [line for _, line in numbered if line.startswith("#")]
    rows = [(i, line) for i, line in numbered if not line.startswith("#")]
    if len(rows) < 2:
        raise InputError(text("weather.no_rows", file=file))
    sign = _separator([line for _, line in rows], separator)
    try:
        frame = pd.read_csv(
            io.StringIO("\n".join(line for _, line in rows)),
            sep=sign,
            dtype=str,
            keep_default_na=False,
            index_col=False,
            engine="python" if len(sign) > 1 else "c",
            quoting=csv.QUOTE_MINIMAL,
        )
    except (pd.errors.ParserError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(text("weather.table_broken", file=file, reason=reason)) from error
    frame.columns = [str(c).strip() for c in frame.columns]
    return frame, sign, comments, rows[1][0]


def read_csv_table(
    path: Path, *, columns: Mapping[str, Any], separator: str | None = None, decimal: str | None = None
) -> RawTable:
    """Read a table with a header row; comment lines ``# key: value`` may state interval, utc_offset, wind_height.

    Parameters
    ----------
    path : pathlib.Path
        File.
    columns : mapping
        Our name to the file's column name, or to ``{"column": ..., "unit": ...}``; known names need no entry.
    separator, decimal : str, optional
        Column separator and decimal sign; recognised from the file where left out.
    """
    file = path.name
    frame, sign, lines, first_line = _frame(text_of(path), separator, file)
    assigned, units = _assign(list(frame.columns), columns, file)
    comments = _comments(lines, file)
    if "time" in assigned:
        header, stamps = assigned["time"], frame[assigned["time"]]
    elif "date" in assigned and "clock" in assigned:
        header = assigned["clock"]
        stamps = frame[assigned["date"]].str.strip() + " " + frame[header].str.strip()
    else:
        raise InputError(text("weather.no_time", file=file, listed=", ".join(frame.columns)))
    times, own_offset = _stamps(stamps, file=file, first_line=first_line)
    names = [name for name in assigned if name in WEATHER]
    mark = decimal or _decimal(frame, [assigned[n] for n in names], sign)
    values = {n: _numbers(frame[assigned[n]], mark, file=file, first_line=first_line) for n in names}
    attrs: dict[str, Any] = {k: comments[k] for k in ("source", "licence", "attribution") if k in comments}
    if "wind_height" in comments:
        attrs["wind_height"] = float(comments["wind_height"])
    offset = _clock_offset(header, comments, own_offset, file)
    return RawTable(times, values, units, assigned, comments.get("interval"), offset, attrs)


def read_umep(path: Path) -> RawTable:
    """Read a UMEP/SUEWS forcing file of 24 columns; stamps are made of year, day of year, hour and minute."""
    file = path.name
    lines = [line for line in text_of(path).splitlines() if line.strip() and not line.startswith("#")]
    rows = [line.split() for line in lines[1:] if not line.startswith("-9")]
    if not rows:
        raise InputError(text("weather.no_rows", file=file))
    try:
        table = np.array(rows, dtype=float)
    except ValueError:
        raise InputError(text("weather.umep_broken", file=file)) from None
    if table.shape[1] < 15:
        raise InputError(text("weather.umep_broken", file=file))
    table[table <= -999.0] = np.nan
    year, day, hour, minute = (table[:, i] for i in range(4))
    if np.isnan(table[:, :4]).any():
        raise InputError(text("weather.umep_broken", file=file))
    start = pd.to_datetime(pd.Series(year.astype(int).astype(str)), format="%Y")
    minutes = (day - 1) * 1440 + hour * 60 + minute
    times = pd.DatetimeIndex(start + pd.to_timedelta(minutes, unit="min"))
    headers = lines[0].split()
    present = {i: named for i, named in _UMEP.items() if i < table.shape[1] and not np.isnan(table[:, i]).all()}
    return RawTable(
        times,
        {name: table[:, i] for i, (name, _) in present.items()},
        dict(present.values()),
        {name: headers[i] if i < len(headers) else str(i) for i, (name, _) in present.items()},
        attrs={"format": "UMEP"},
    )


def read_epw(path: Path, *, year: int | None = None) -> RawTable:
    """Read an EnergyPlus weather file; hour h of the file covers h-1 to h, so a row is stamped at its end."""
    from pvlib.iotools import read_epw as read

    file = path.name
    try:
        frame, meta = read(str(path), coerce_year=year)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise InputError(text("weather.epw_broken", file=file)) from error
    years = frame["year"].unique()
    values, units, columns = {}, {}, {}
    for column, (name, unit, missing) in _EPW.items():
        numbers = frame[column].to_numpy(dtype=float)
        numbers = np.where(numbers >= missing, np.nan, numbers)
        if name == "longwave_down" and (numbers <= 0).all():
            continue  # many files hold 0 where nobody measured it
        if not np.isnan(numbers).all():
            values[name], units[name], columns[name] = numbers, unit, column
    # pvlib stamps hour h at its beginning
    times = pd.DatetimeIndex(frame.index.tz_localize(None) + pd.Timedelta(hours=1))
    attrs: dict[str, Any] = {"latitude": meta["latitude"], "longitude": meta["longitude"], "format": "EPW"}
    attrs["place"] = str(meta.get("city", ""))
    if len(years) > 1:
        attrs["years"] = f"{years.min()}-{years.max()}"
    return RawTable(times, values, units, columns, "end", float(meta["TZ"]), attrs)
