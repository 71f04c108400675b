"""Tests of single series: range, climate, rate, spike, flat line, and the tests of time.

All streams of a batch are tested at once in sorted columns; limits come from a table with a version, which the store
keeps, so that every flag can be explained later. Tests follow QARTOD (U.S. IOOS, Manual for Real-Time Quality Control
of In-situ Temperature and Salinity Data, 2020); rate and spike look past values that failed by themselves, so that a
good value after a bad one stays good. What needs other stations stands in :mod:`twin.sensors.neighbours`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from twin.errors import InputError
from twin.language import text
from twin.sensors.records import BITS, DAY, HOUR, MINUTE, Batch

__all__ = ["LIMITS", "Configuration", "configuration", "series_bits", "time_bits"]

LIMITS = (
    "span_low", "span_high", "climate_low", "climate_high", "step", "rate", "spike", "flat_hours", "flat_tolerance",
    "flat_low", "flat_high",
)  # fmt: skip
"""Columns of the table of limits, beside ``property`` and ``unit``."""

FUTURE = 5 * MINUTE
"""Values dated further ahead of their arrival are quarantined."""
WATERMARK = 7 * DAY
"""Values older than this at their arrival are late."""
_SPIKE_GAP = 2 * HOUR  # neighbours in time further away say nothing about a spike


@dataclass(frozen=True)
class Configuration:
    """Limits by observed property, with the version that names them.

    Parameters
    ----------
    version : str
        First digits of the SHA-256 of the content.
    content : str
        The table as text.
    limits : mapping
        Property to its eleven limits in the order of :data:`LIMITS`; NaN switches a test off.
    """

    version: str
    content: str
    limits: Mapping[str, tuple[float, ...]]

    def rows(self, properties: list[str]) -> np.ndarray:
        """Return the limits of properties, one row each; rows of NaN where there are none."""
        none = (float("nan"),) * len(LIMITS)
        return np.array([self.limits.get(name, none) for name in properties], float).reshape(-1, len(LIMITS))


def _number(value: object, file: str, name: str, column: str) -> float:
    if value in ("", None):
        return float("nan")
    try:
        return float(str(value))
    except ValueError:
        raise InputError(text("sensors.limit_number", file=file, property=name, column=column, value=value)) from None


def configuration(path: str | Path | None = None) -> Configuration:
    """Return the limits of the tests, by default those of the house.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        CSV table like ``twin/sensors/tables/quality.csv``, or TOML with one table a property whose keys take the place
        of single limits.

    Raises
    ------
    InputError
        If the file is missing, names an unknown limit, holds no numbers, or has a lower limit above the upper one.

    Examples
    --------
    >>> configuration().limits["air_temperature"][:2]
    (-40.0, 60.0)
    """
    own = resources.files("twin.sensors").joinpath("tables", "quality.csv").read_text(encoding="utf-8")
    limits = _from_csv(own, "quality.csv")
    content = own
    if path is not None:
        file = Path(path)
        try:
            content = file.read_text(encoding="utf-8")
        except OSError:
            raise InputError(text("sensors.limits_missing", file=file)) from None
        if file.suffix.lower() == ".toml":
            limits |= _from_toml(content, file.name, limits)
            content = own + "\n" + content
        else:
            limits = _from_csv(content, file.name)
    for name, values in limits.items():
        for low, high in ((0, 1), (2, 3)):
            if values[low] > values[high]:
                raise InputError(text("sensors.limits_crossed", file=path or "quality.csv", property=name))
    return Configuration(hashlib.sha256(content.encode()).hexdigest()[:12], content, limits)


def _from_csv(content: str, file: str) -> dict[str, tuple[float, ...]]:
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(io.StringIO("\n".join(lines)))
    missing = [name for name in ("property", *LIMITS) if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(text("sensors.limits_columns", file=file, missing=", ".join(missing)))
    return {
        row["property"]: tuple(_number(row[column], file, row["property"], column) for column in LIMITS)
        for row in reader
    }


def _from_toml(content: str, file: str, base: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    try:
        tables = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise InputError(text("sensors.toml_broken", file=file, reason=str(error))) from None
    changed = {}
    for name, given in tables.items():
        if not isinstance(given, dict) or set(given) - set(LIMITS):
            unknown = ", ".join(sorted(set(given) - set(LIMITS))) if isinstance(given, dict) else name
            raise InputError(text("sensors.limit_unknown", file=file, names=unknown, allowed=", ".join(LIMITS)))
        values = dict(zip(LIMITS, base.get(name, (float("nan"),) * len(LIMITS)), strict=True))
        values |= {key: _number(value, file, name, key) for key, value in given.items()}
        changed[name] = tuple(values.values())
    return changed


def time_bits(time: np.ndarray, received: np.ndarray) -> np.ndarray:
    """Return the bits of the tests of time: ``future`` (quarantined), ``skew`` and ``late``.

    Parameters
    ----------
    time, received : numpy.ndarray of int64
        Phenomenon time and time of arrival [us].
    """
    bits = np.zeros(len(time), np.uint32)
    ahead = time - received
    bits[ahead > FUTURE] |= BITS["future"]
    bits[(ahead > 0) & (ahead <= FUTURE)] |= BITS["skew"]
    bits[-ahead > WATERMARK] |= BITS["late"]
    return bits


def series_bits(
    batch: Batch, limits: np.ndarray, flat_since: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Test values against the limits of their series.

    Parameters
    ----------
    batch : Batch
        Values sorted by stream and time.
    limits : numpy.ndarray
        One row of :data:`LIMITS` a value.
    flat_since : numpy.ndarray of int64, optional
        For values that carry on a run from before: since when the value has not moved [us], else -1.

    Returns
    -------
    tuple of numpy.ndarray
        The bits, and since when each value has not moved [us].

    Examples
    --------
    >>> batch = Batch.of([1] * 5, np.arange(5) * 600_000_000, [20.0, 20.1, 35.0, 20.2, 99.0])
    >>> bits, _ = series_bits(batch, configuration().rows(["air_temperature"] * 5))
    >>> [int(bit) for bit in bits] == [0, 0, BITS["spike"], 0, BITS["gross_range"]]
    True
    """
    value = batch.result
    bits = np.zeros(len(batch), np.uint32)
    column = dict(zip(LIMITS, limits.T, strict=True))
    bits[np.isnan(value)] |= BITS["missing"]
    bits[(value < column["span_low"]) | (value > column["span_high"])] |= BITS["gross_range"]
    usable = np.flatnonzero(bits == 0)
    outside = (value < column["climate_low"]) | (value > column["climate_high"])
    bits[usable[outside[usable]]] |= BITS["climate"]

    spikes = _spikes(batch, column["spike"], usable)
    bits[spikes] |= BITS["spike"]
    calm = np.setdiff1d(usable, spikes, assume_unique=True)
    bits[_jumps(batch, column["step"], column["rate"], calm)] |= BITS["rate"]

    since = np.full(len(batch), -1, np.int64)
    since[usable] = _unmoved_since(batch, column["flat_tolerance"], usable, flat_since)
    resting = (value <= column["flat_low"]) | (value >= column["flat_high"])
    long = (batch.time - since) >= column["flat_hours"] * HOUR
    flat = usable[(long & ~resting)[usable]]
    bits[flat] |= BITS["flat_line"]
    return bits, since


def _spikes(batch: Batch, limit: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return values that jump away and back by more than the limit, between neighbours in time."""
    if usable.size < 3:
        return usable[:0]
    before, here, after = usable[:-2], usable[1:-1], usable[2:]
    up, down = batch.result[here] - batch.result[before], batch.result[here] - batch.result[after]
    one = (batch.stream[before] == batch.stream[after]) & (up * down > 0)
    near = (batch.time[here] - batch.time[before] <= _SPIKE_GAP) & (batch.time[after] - batch.time[here] <= _SPIKE_GAP)
    return here[one & near & (np.minimum(np.abs(up), np.abs(down)) > limit[here])]


def _jumps(batch: Batch, step: np.ndarray, rate: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return values further from the one before than the step and the rate times the hours between allow."""
    before, here = usable[:-1], usable[1:]
    same = batch.stream[before] == batch.stream[here]
    hours = (batch.time[here] - batch.time[before]) / HOUR
    return here[same & (np.abs(batch.result[here] - batch.result[before]) > step[here] + rate[here] * hours)]


def _unmoved_since(batch: Batch, tolerance: np.ndarray, usable: np.ndarray, carried: np.ndarray | None) -> np.ndarray:
    """Return for each usable value since when the series has not moved by more than the tolerance a step."""
    if not usable.size:
        return np.empty(0, np.int64)
    stream, value = batch.stream[usable], batch.result[usable]
    moved = np.ones(len(usable), bool)
    moved[1:] = (stream[1:] != stream[:-1]) | ~(np.abs(np.diff(value)) <= tolerance[usable][1:])
    since = batch.time[usable].copy()
    if carried is not None:
        known = carried[usable] >= 0
        moved |= known
        since[known] = carried[usable][known]
    start = np.maximum.accumulate(np.where(moved, np.arange(len(usable)), 0))
    return np.asarray(since[start])
