"""Weather and rain for a run from the observation store: steps of equal length, of values that passed every test.

Only values whose flag is good take part. A step counts where at least three quarters of the values that a station
usually sends in it are good (Directive 2008/50/EC, annex XI, for hourly means); a value belongs to the step that ends at or
after its stamp. Where several stations measure the same, those of the best class answer: their median, of rain their
mean. What is left out, filled or set to a bound is a row in the gaps.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import WEATHER
from twin.city.gaps import GapLog, to_json
from twin.errors import InputError
from twin.language import text
from twin.sensors.records import SECOND, Batch, Flag
from twin.sensors.stamps import microseconds

if TYPE_CHECKING:
    from twin.sensors.store import SensorStore

__all__ = ["Stations", "last_day", "read_store_rain", "read_store_weather"]

_COMPLETE = 0.75  # share of a step's values that must be good
_CLASSES = ("reference", "municipal", "citizen")  # the best first
_RAIN_STEPS = (1, 2, 3, 5, 10, 15, 20, 30, 60)  # [min]
_EARTH = 6371.0  # [km]
_HOUR = np.timedelta64(3600, "s")


@dataclass(frozen=True)
class Stations:
    """Which stations of a store answer.

    Parameters
    ----------
    names : sequence of str
        Things; by default all that do not tell of a household.
    near : tuple of float, optional
        Longitude and latitude [degree] of a place, of which they must stand within a distance.
    within : float
        That distance [km].
    """

    names: Sequence[str] = ()
    near: tuple[float, float] | None = None
    within: float = 30.0


@dataclass
class _Steps:
    """The series of one variable: a value a step, NaN where there is none, and who gave them."""

    values: np.ndarray
    stations: list[str] = field(default_factory=list)
    kind: str = ""
    refused: int = 0
    given: int = 0


def last_day(now: dt.datetime | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Return the first and last stamp of the 24 whole hours before a moment (UTC).

    Examples
    --------
    >>> first, last = last_day(dt.datetime(2024, 7, 1, 12, 20, tzinfo=dt.UTC))
    >>> f"{first:%d %H:%M} to {last:%d %H:%M}"
    '30 13:00 to 01 12:00'
    """
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    end = moment.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    return end - dt.timedelta(hours=23), end


def _asked(store: SensorStore, stations: Stations) -> pd.DataFrame:
    """Return the streams of the stations asked for, in the variables of a weather table."""
    streams = store.streams()
    streams = streams[(streams["privacy"] != "personal") & (streams["station_class"] != "test")]
    for name in stations.names:
        if name not in set(streams["thing"]):
            known = ", ".join(sorted(set(streams["thing"]))[:12]) or "-"
            raise InputError(text("sensors.store_station", store=store.url, station=name, allowed=known))
    if stations.names:
        streams = streams[streams["thing"].isin(list(stations.names))]
    if stations.near is not None:
        near = _kilometres(streams, *stations.near) <= stations.within
        if not near.any():
            where = f"{stations.near[0]:g}, {stations.near[1]:g}"
            raise InputError(text("sensors.store_nobody", store=store.url, near=where, within=stations.within))
        streams = streams[near]
    named = streams["property"].replace({"rainfall": "precipitation"})
    return streams.assign(variable=named)[named.isin(list(WEATHER)).to_numpy()]


def _kilometres(streams: pd.DataFrame, longitude: float, latitude: float) -> np.ndarray:
    """Return the distance of streams from a place [km]; NaN where a stream has no place."""
    north = np.radians(streams["latitude"].to_numpy(float) - latitude)
    east = np.radians(streams["longitude"].to_numpy(float) - longitude) * np.cos(np.radians(latitude))
    return np.asarray(_EARTH * np.hypot(north, east))


def _stepped(batch: Batch, start: int, step: int, count: int, amounts: bool) -> np.ndarray:
    """Return the means of one stream over the steps after ``start`` [us]; sums per hour where values are amounts."""
    values = np.full(count, np.nan)
    if not len(batch):
        return values
    usual = int(np.median(np.diff(batch.time))) if len(batch) > 1 else step
    expected = max(1.0, step / max(usual, SECOND))
    place = -((start - batch.time) // step) - 1  # a value stamped at the end of a step belongs to it
    good = (batch.flag == Flag.GOOD) & (place >= 0) & (place < count)
    number = np.bincount(place[good], minlength=count)
    total = np.bincount(place[good], batch.result[good], minlength=count)
    enough = number >= np.floor(_COMPLETE * expected + 1e-9).clip(1)
    values[enough] = total[enough] / number[enough]
    return values * (expected * 3600 * SECOND / step) if amounts else values


def _series(store: SensorStore, streams: pd.DataFrame, name: str, start: int, step: int, count: int) -> _Steps:
    """Return the series of a variable from the best class of stations that has it whole, else that which has most."""
    best = _Steps(np.full(count, np.nan))
    mine = streams[streams["variable"] == name]
    together = np.nanmean if name == "precipitation" else np.nanmedian
    for kind in (*_CLASSES, *sorted(set(mine["station_class"]) - set(_CLASSES))):
        members = mine[mine["station_class"] == kind]
        if not len(members):
            continue
        batch = store.read([int(number) for number in members.index], start + 1, start + count * step + 1)
        parts = [
            _stepped(batch.take(batch.stream == number), start, step, count, observed == "rainfall")
            for number, observed in zip(members.index, members["property"], strict=True)
        ]
        table = np.array(parts)
        some = np.isfinite(table).any(axis=0)
        values = np.full(count, np.nan)
        values[some] = together(table[:, some], axis=0)
        if some.sum() > np.isfinite(best.values).sum():
            told = members["thing"][np.isfinite(table).any(axis=1)]
            refused = int((batch.flag != Flag.GOOD).sum())
            best = _Steps(values, list(told), kind, refused, len(batch))
        if some.all():
            break
    return best


def _filled(values: np.ndarray, longest: int) -> tuple[np.ndarray, int]:
    """Fill gaps of at most so many steps on a straight line between their ends; return the series and their number."""
    missing = np.isnan(values)
    if not longest or missing.all() or not missing.any():
        return values, 0
    edges = np.flatnonzero(np.diff(np.r_[False, missing, False].astype(np.int8)))
    done, filled = values.copy(), 0
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if first > 0 and end < len(values) and end - first <= longest:
            done[first:end] = np.interp(np.arange(first, end), [first - 1, end], [values[first - 1], values[end]])
            filled += end - first
    return done, filled


def _bounded(values: np.ndarray, name: str) -> tuple[np.ndarray, int]:
    """Bring what instruments read a little beyond a variable's range (fog above 100 %, dark current) to its bound."""
    layer = WEATHER[name]
    inside = np.clip(values, layer.lower, layer.upper)
    return inside, int((inside != values)[np.isfinite(values)].sum())


def _log(log: GapLog, name: str, found: _Steps, where: str, filled: int, bounded: int) -> None:
    told = {"layer": "weather", "source": where, "variable": name}
    count = len(found.values)
    log.add("weather_store_used", severity="info", count=count, of=count, places=found.stations,
            stations=len(found.stations), station_class=found.kind, **told)  # fmt: skip
    log.add("weather_store_refused", severity="warning", count=found.refused, of=found.given, **told)
    log.add("weather_store_filled", severity="default", count=filled, of=count, default="linear", **told)
    log.add("weather_store_bounded", severity="default", count=bounded, of=count, default="bound", **told)


def _lacking(values: np.ndarray, name: str, stamps: np.ndarray, where: str, longest: int) -> InputError:
    missing = np.isnan(values)
    first = stamps[int(np.argmax(missing))]
    shown = np.datetime_as_string(first, unit="m").replace("T", " ")
    span = [np.datetime_as_string(stamp, unit="m").replace("T", " ") for stamp in (stamps[0], stamps[-1])]
    key = "sensors.store_empty" if missing.all() else "sensors.store_gap"
    return InputError(
        text(key, store=where, variable=name, count=int(missing.sum()), of=len(values), first=shown,
             start=span[0], end=span[1], longest=longest)
    )  # fmt: skip


def _frame(start: dt.datetime, end: dt.datetime, step: int) -> tuple[int, np.ndarray]:
    """Return the begin of the first step [us] and the stamps at the ends of all."""
    first, last = (microseconds(m.replace(tzinfo=dt.UTC) if m.tzinfo is None else m) for m in (start, end))
    first, last = -(-first // step) * step, last // step * step
    if last < first:
        raise InputError(text("sensors.store_span", start=start, end=end))
    stamps = np.arange(first, last + 1, step).astype("datetime64[us]").astype("datetime64[ns]")
    return first - step, stamps


def _hash(data: xr.Dataset) -> str:
    digest = hashlib.sha256(data["time"].to_numpy().tobytes())
    for name in sorted(str(name) for name in data.data_vars):
        digest.update(name.encode() + np.ascontiguousarray(data[name].to_numpy()).tobytes())
    return digest.hexdigest()


def read_store_weather(
    store: SensorStore,
    start: dt.datetime,
    end: dt.datetime,
    *,
    stations: Stations | None = None,
    names: Sequence[str] | None = None,
    fill: int = 1,
    wind_height: float | None = None,
    otherwise: str = "derived by the model",
    name: str | None = None,
) -> xr.Dataset:
    """Return hourly weather of a store, complete and checked.

    Parameters
    ----------
    store : SensorStore
        Observations.
    start, end : datetime
        First and last stamp (UTC); a stamp is the end of its hour.
    stations : Stations, optional
        Who answers.
    names : sequence of str, optional
        Variables that must be there without a gap; by default those the heat model needs. Others that have gaps are left
        out, with a row in the gaps.
    fill : int
        Gaps of at most so many hours are filled on a straight line; those of rain never are.
    wind_height : float, optional
        Height of the wind measurements [m]; by default 10.
    otherwise : str
        What the gap rows say is used instead of a variable that is left out.
    name : str, optional
        What messages and results call the store; by default its address.

    Returns
    -------
    xarray.Dataset
        Like that of :func:`twin.sensors.read_weather`; ``store`` and ``store_sha256`` in attrs name its origin.

    Raises
    ------
    InputError
        If a station is not known, or a variable lacks too many hours.

    Examples
    --------
    >>> import tempfile
    >>> from twin.sensors.records import HOUR, Stream
    >>> from twin.sensors.store import SensorStore
    >>> store = SensorStore(f"sqlite:///{tempfile.mkdtemp()}/obs.db")
    >>> number = store.add(Stream("roof/air_temperature", "roof", "air_temperature", "degC"))
    >>> good = np.ones(4, np.uint8)
    >>> times = np.arange(1, 5) * HOUR // 2 + 1_656_633_600_000_000
    >>> _ = store.ingest(Batch.of([number] * 4, times, [20.0, 21.0, 22.0, 23.0], flag=good))
    >>> first = dt.datetime(2022, 7, 1, 1)
    >>> weather = read_store_weather(store, first, first + dt.timedelta(hours=1), names=["air_temperature"])
    >>> weather["air_temperature"].values.tolist()
    [20.5, 22.5]
    """
    wanted = tuple(names) if names is not None else tuple(n for n, layer in WEATHER.items() if layer.required)
    begin, stamps = _frame(start, end, 3600 * SECOND)
    where, log = name or store.url, GapLog()
    streams = _asked(store, stations or Stations())
    arrays = {}
    for variable in dict.fromkeys([*wanted, *(n for n in WEATHER if (streams["variable"] == n).any())]):
        found = _series(store, streams, variable, begin, 3600 * SECOND, len(stamps))
        found.values, filled = _filled(found.values, 0 if variable == "precipitation" else fill)
        found.values, bounded = _bounded(found.values, variable)
        missing = int(np.isnan(found.values).sum())
        if missing and variable in wanted:
            raise _lacking(found.values, variable, stamps, where, fill)
        if missing:
            log.add("weather_column_dropped", layer="weather", severity="warning", count=missing, of=len(stamps),
                    source=where, column=variable, default=otherwise)  # fmt: skip
            continue
        _log(log, variable, found, where, filled, bounded)
        attrs = WEATHER[variable].attrs() | {"stations": ", ".join(found.stations)}
        arrays[variable] = ("time", found.values, attrs)
    weather = xr.Dataset(arrays, coords={"time": stamps})
    weather["time"].attrs = {"standard_name": "time", "long_name": "Time (UTC)", "interval": "end"}
    if "wind_speed" in weather:
        weather["wind_speed"].attrs["height"] = 10.0 if wind_height is None else wind_height
    return _named(weather, where, 3600.0, log)


def _named(data: xr.Dataset, where: str, step: float, log: GapLog) -> xr.Dataset:
    data.attrs = {
        "interval": "end",
        "step_seconds": step,
        "source": where,
        "source_file": where,
        "store": where,
        "store_sha256": _hash(data),
        "gaps": to_json(log.table()),
    }
    return data


def read_store_rain(
    store: SensorStore,
    start: dt.datetime,
    end: dt.datetime,
    *,
    stations: Stations | None = None,
    name: str | None = None,
) -> xr.DataArray:
    """Return the rain of a store's gauges [mm/h] in the steps they report in, complete; the mean of several gauges.

    Parameters
    ----------
    store : SensorStore
        Observations of ``rainfall`` [mm since the value before] or ``precipitation`` [mm/h].
    start, end : datetime
        First and last stamp (UTC); a stamp is the end of its step.
    stations : Stations, optional
        Which gauges answer.
    name : str, optional
        What messages and results call the store; by default its address.

    Raises
    ------
    InputError
        If there is no gauge, or a step lacks good values; rain is never filled in.
    """
    where, streams = name or store.url, _asked(store, stations or Stations())
    gauges = streams[streams["variable"] == "precipitation"]
    if not len(gauges):
        raise InputError(text("sensors.store_no_gauge", store=where))
    low, high = (microseconds(m.replace(tzinfo=dt.UTC) if m.tzinfo is None else m) for m in (start, end))
    batch = store.read([int(number) for number in gauges.index], low, high + 1)
    apart = np.diff(batch.time)[np.diff(batch.stream) == 0]
    usual = float(np.median(apart)) / (60 * SECOND) if len(apart) else 60.0
    step = next((minutes for minutes in _RAIN_STEPS if minutes >= usual - 0.01), 60) * 60 * SECOND
    begin, stamps = _frame(start, end, step)
    log = GapLog()
    found = _series(store, streams, "precipitation", begin, step, len(stamps))
    found.values, bounded = _bounded(found.values, "precipitation")
    if np.isnan(found.values).any():
        raise _lacking(found.values, "precipitation", stamps, where, 0)
    _log(log, "precipitation", found, where, 0, bounded)
    attrs = WEATHER["precipitation"].attrs()
    data = xr.Dataset({"precipitation": ("time", found.values, attrs)}, coords={"time": stamps})
    data = _named(data, where, step / SECOND, log)
    rain = data["precipitation"]
    rain.attrs |= data.attrs
    return rain
