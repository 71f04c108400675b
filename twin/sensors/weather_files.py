"""Weather for a run from one file: a table with a header row, a UMEP forcing file, or an EnergyPlus weather file.

The house wants UTC stamps, its own units and a complete series. What a stamp means (end, start or instant of an
interval) and which clock it follows must be said by the file or by the caller; nothing is filled in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import WEATHER, require_weather
from twin.city.gaps import GapLog, to_json
from twin.errors import InputError
from twin.language import text
from twin.sensors.weather_tables import RawTable, read_csv_table, read_epw, read_umep, text_of
from twin.sensors.weather_units import in_our_units

__all__ = ["INTERVALS", "read_weather"]

INTERVALS = ("end", "start", "instant")
"""What the stamp of an averaged value may mean."""

_WIND_HEIGHT = 10.0  # [m] standard height of wind measurements (WMO-No. 8)


def _kind(path: Path) -> str:
    if not path.is_file():
        raise InputError(text("weather.file_missing", file=path))
    if path.stat().st_size == 0:
        raise InputError(text("weather.file_empty", file=path))
    first = next((line for line in text_of(path).splitlines() if line.strip() and not line.startswith("#")), "")
    if path.suffix.lower() == ".epw" or first.startswith("LOCATION,"):
        if not first.startswith("LOCATION,"):
            raise InputError(text("weather.epw_broken", file=path.name))
        return "epw"
    words = first.lstrip("%").lower().split()
    return "umep" if words[:4] == ["iy", "id", "it", "imin"] else "csv"


def _interval(declared: str | None, raw: RawTable, file: str) -> str:
    for said in (declared, raw.interval):
        if said is not None and said not in INTERVALS:
            raise InputError(text("weather.interval_unknown", file=file, value=said))
    if declared and raw.interval and declared != raw.interval:
        raise InputError(text("weather.interval_contradiction", file=file, own=raw.interval, declared=declared))
    found = declared or raw.interval
    if not found:
        raise InputError(text("weather.interval_missing", file=file))
    return found


def _offset(declared: float | None, raw: RawTable, file: str) -> float:
    if declared is not None and raw.utc_offset is not None and declared != raw.utc_offset:
        raise InputError(text("weather.offset_contradiction", file=file, own=raw.utc_offset, declared=declared))
    if declared is None and raw.utc_offset is None and raw.attrs.get("format") == "UMEP":
        raise InputError(text("weather.offset_missing", file=file))
    offset = declared if declared is not None else raw.utc_offset
    offset = 0.0 if offset is None else float(offset)
    if not -12.0 <= offset <= 14.0:
        raise InputError(text("weather.offset_range", file=file, value=offset))
    return offset


def _moment(value: Any, name: str, file: str) -> pd.Timestamp | None:
    if value is None:
        return None
    try:
        moment = pd.Timestamp(value)
    except (TypeError, ValueError):
        raise InputError(text("weather.moment_unclear", file=file, name=name, value=value)) from None
    return moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo is not None else moment


def _in_window(raw: RawTable, utc: pd.DatetimeIndex, start: Any, end: Any, file: str) -> np.ndarray:
    first, last = _moment(start, "start", file), _moment(end, "end", file)
    keep = np.ones(len(utc), dtype=bool)
    if first is not None:
        keep &= np.asarray(utc >= first)
    if last is not None:
        keep &= np.asarray(utc <= last)
    if not keep.any():
        span = {"first": _show(utc.min()), "last": _show(utc.max())}
        raise InputError(text("weather.window_empty", file=file, start=start or "…", end=end or "…", **span))
    years = raw.attrs.get("years", "")
    if years and len(set(utc[keep].year)) > 1 and (first is None or last is None):
        raise InputError(text("weather.typical_year", file=file, years=years))
    return keep


def _show(stamp: pd.Timestamp) -> str:
    return stamp.strftime("%Y-%m-%d %H:%M")


def _step(utc: pd.DatetimeIndex, file: str) -> pd.Timedelta | None:
    """Return the step of the series, or say where it repeats, turns back or has a hole."""
    if len(utc) < 2:
        return None
    steps = np.diff(utc.to_numpy())
    if (steps == np.timedelta64(0)).any():
        row = int(np.argmax(steps == np.timedelta64(0)))
        raise InputError(text("weather.stamp_twice", file=file, stamp=_show(utc[row])))
    if (steps < np.timedelta64(0)).any():
        row = int(np.argmax(steps < np.timedelta64(0)))
        raise InputError(text("weather.stamp_back", file=file, stamp=_show(utc[row + 1]), before=_show(utc[row])))
    sizes, counts = np.unique(steps, return_counts=True)
    step = pd.Timedelta(sizes[np.argmax(counts)])
    odd = steps != step.to_timedelta64()
    if odd.any():
        row = int(np.argmax(odd))
        missing = _show(utc[row] + step)
        count = max(1, round(sum(float(s / step.to_timedelta64()) - 1.0 for s in steps[odd])))
        raise InputError(
            text("weather.hole", file=file, missing=missing, count=count, minutes=round(step.total_seconds() / 60))
        )
    return step


def _step_near(utc: pd.DatetimeIndex, keep: np.ndarray, file: str) -> pd.Timedelta | None:
    """Return the step inside the window; for a single row, the distance to a neighbour of it in the file."""
    step = _step(utc[keep], file)
    if step is None and len(utc) > 1:
        row = int(np.argmax(keep))
        other = row - 1 if row else row + 1
        distance = abs(utc[row] - utc[other])
        return distance if distance > pd.Timedelta(0) else None
    return step


def _dataset(
    raw: RawTable, keep: np.ndarray, step: pd.Timedelta | None, file: str, wanted: tuple[str, ...]
) -> tuple[xr.Dataset, GapLog]:
    hours = step.total_seconds() / 3600.0 if step is not None else float("nan")
    log, arrays = GapLog(), {}
    for name, numbers in raw.values.items():
        column, layer = raw.columns.get(name, name), WEATHER[name]
        values = numbers[keep]
        if name not in wanted and np.isnan(values).any():
            log.add(
                "weather_column_dropped",
                layer="weather",
                severity="warning",
                count=int(np.isnan(values).sum()),
                of=len(values),
                source=file,
                column=column,
                default="derived by the model",
            )
            continue
        stated = raw.units.get(name, "")
        values, was = in_our_units(values, name=name, column=column, spelling=stated, step_hours=hours, file=file)
        if was:
            log.add(
                "weather_unit_converted" if stated else "weather_unit_by_size",
                layer="weather",
                severity="info" if stated else "warning",
                count=len(values),
                of=len(values),
                source=file,
                column=column,
                unit=was,
                ours=layer.units,
            )
        attrs = layer.attrs() | {"source_column": column} | ({"source_units": was} if was else {})
        arrays[name] = ("time", values, attrs)
    return xr.Dataset(arrays), log


def _named(error: InputError, file: str) -> InputError:
    return InputError(f"{file}: {error}")


def read_weather(
    path: str | PathLike[str],
    *,
    interval: str | None = None,
    columns: Mapping[str, Any] | None = None,
    utc_offset: float | None = None,
    start: str | dt.datetime | None = None,
    end: str | dt.datetime | None = None,
    year: int | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    wind_height: float | None = None,
    names: Iterable[str] | None = None,
) -> xr.Dataset:
    r"""Return the weather of a file, in UTC and in the units of the house, complete and checked.

    Parameters
    ----------
    path : path
        CSV-like table with a header row (our names, German names or a mapping; units in brackets behind a name), UMEP
        forcing file (24 columns), or EPW. Comment lines at the top of a table are heeded: ``# interval: end``,
        ``# utc_offset: 1``, ``# wind_height: 10``, ``# source: ...``, ``# licence: ...``.
    interval : {"end", "start", "instant"}, optional
        What a stamp means. Must be given for tables and UMEP files whose comments do not say it; EPW files mean "end".
    columns : mapping, optional
        Our name to the column name, or to ``{"column": name, "unit": unit}``.
    utc_offset : float, optional
        Hours that the file's clock is ahead of UTC (1 = CET). Left out: what the file says, else 0; UMEP files, which
        follow a local clock, need it.
    start, end : str or datetime, optional
        First and last stamp to keep, both included, in UTC.
    year : int, optional
        Calendar year for an EPW file put together from several years.
    separator, decimal : str, optional
        Column separator and decimal sign, where they are not recognised.
    wind_height : float, optional
        Height of the wind measurement [m]; 10 where neither this nor the file says it.
    names : iterable of str, optional
        Variables that must be there without a gap; by default those the heat model needs. Only these are checked for
        missing values, and others that have any are left out with a row in the gaps.

    Returns
    -------
    xarray.Dataset
        Variables of ``models.layers.WEATHER`` along ``time`` (UTC); attrs ``interval``, ``step_seconds``, ``gaps``
        (JSON of what was converted or left out), ``source_file``; ``wind_speed.attrs["height"]`` [m].

    Raises
    ------
    InputError
        If the file, its stamps, columns, units or numbers are unusable; nothing is filled in.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "hot.csv"
    >>> _ = file.write_text(
    ...     "# interval: end\nZeit (UTC);Lufttemperatur (°C);Relative Luftfeuchte (%);Windgeschwindigkeit (m/s);"
    ...     "Globalstrahlung (W/m²)\n19.07.2022 12:00;33,5;31;2,5;850\n19.07.2022 13:00;34,1;29;2,7;820\n",
    ...     encoding="utf-8",
    ... )
    >>> weather = read_weather(file)
    >>> weather["air_temperature"].values.tolist(), weather.attrs["interval"]
    ([33.5, 34.1], 'end')
    """
    source = Path(path)
    file, kind = source.name, _kind(source)
    if year is not None and kind != "epw":
        raise InputError(text("weather.year_only_epw", file=file))
    if kind == "epw":
        raw = read_epw(source, year=year)
    elif kind == "umep":
        raw = read_umep(source)
    else:
        raw = read_csv_table(source, columns=columns or {}, separator=separator, decimal=decimal)
    meaning, offset = _interval(interval, raw, file), _offset(utc_offset, raw, file)
    utc = raw.times - pd.Timedelta(hours=offset)
    keep = _in_window(raw, utc, start, end, file)
    step = _step_near(utc, keep, file)
    wanted = tuple(names) if names is not None else tuple(n for n, layer in WEATHER.items() if layer.required)
    weather, log = _dataset(raw, keep, step, file, wanted)
    weather = weather.assign_coords(time=("time", utc[keep].to_numpy().astype("datetime64[ns]")))
    weather["time"].attrs = {"standard_name": "time", "long_name": "Time (UTC)", "interval": meaning}
    try:
        require_weather(weather, wanted)
    except InputError as error:
        raise _named(error, file) from None
    height = wind_height if wind_height is not None else float(raw.attrs.get("wind_height", _WIND_HEIGHT))
    if not 0.5 <= height <= 300.0:
        raise InputError(text("weather.wind_height", file=file, value=height))
    if "wind_speed" in weather:
        weather["wind_speed"].attrs["height"] = height
    weather.attrs = {k: v for k, v in raw.attrs.items() if k != "wind_height"} | {
        "interval": meaning,
        "step_seconds": step.total_seconds() if step is not None else float("nan"),
        "source_file": file,
        "gaps": to_json(log.table()),
    }
    return weather
