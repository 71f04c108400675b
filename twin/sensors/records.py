"""What an observation is: things, streams and columnar batches of values, after SensorThings 1.1 (OGC 18-088).

A value is known by its stream and its phenomenon time (UTC, whole microseconds since 1970). Flags are those of QARTOD
(U.S. IOOS, Manual for the Use of Real-Time Oceanographic Data Quality Control Flags, 2020); beside the flag every
test that objected leaves a bit of its own, and the raw value stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from types import MappingProxyType

import numpy as np

from models.layers import read_table

__all__ = ["BITS", "DAY", "HOUR", "MINUTE", "SECOND", "Batch", "Flag", "Stream", "Thing", "flags_of", "tests_of"]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
"""Lengths of time [us]."""


class Flag(IntEnum):
    """Quality of a value (QARTOD)."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


@cache
def _bit_table() -> tuple[Mapping[str, str], ...]:
    return read_table("twin.sensors", "quality_bits.csv")


def _bits() -> Mapping[str, int]:
    return MappingProxyType({row["test"]: 1 << int(row["bit"]) for row in _bit_table()})


BITS: Mapping[str, int] = _bits()
"""Bit of each test in ``bits``."""

_SUSPECT = np.uint32(sum(1 << int(row["bit"]) for row in _bit_table() if row["flag"] == "3"))
_FAIL = np.uint32(sum(1 << int(row["bit"]) for row in _bit_table() if row["flag"] == "4"))
_MISSING = np.uint32(BITS["missing"])


def flags_of(bits: np.ndarray) -> np.ndarray:
    """Return the flag that follows from the bits of evaluated values: missing, else fail, else suspect, else good.

    Examples
    --------
    >>> flags_of(np.array([0, BITS["spike"], BITS["gross_range"], BITS["late"]], np.uint32)).tolist()
    [1, 3, 4, 1]
    """
    flags = np.full(bits.shape, Flag.GOOD, np.uint8)
    flags[(bits & _SUSPECT) != 0] = Flag.SUSPECT
    flags[(bits & _FAIL) != 0] = Flag.FAIL
    flags[(bits & _MISSING) != 0] = Flag.MISSING
    return flags


def tests_of(bits: int) -> list[str]:
    """Return the names of the tests whose bits are set.

    Examples
    --------
    >>> tests_of(BITS["spike"] | BITS["late"])
    ['spike', 'late']
    """
    return [name for name, bit in BITS.items() if bits & bit]


@dataclass(frozen=True)
class Thing:
    """A station, meter or node.

    Parameters
    ----------
    key : str
        Name that is unique in the store.
    name : str
        Name people read.
    longitude, latitude, height : float, optional
        Place [degree, degree, m]; NaN where it is not known.
    privacy : {"public", "private", "personal"}
        ``private`` stands on private ground, ``personal`` tells of a household.
    retention_days : int, optional
        Days that raw values are kept; by default those of the privacy class.
    """

    key: str
    name: str = ""
    longitude: float = float("nan")
    latitude: float = float("nan")
    height: float = float("nan")
    privacy: str = "public"
    retention_days: int | None = None


@dataclass(frozen=True)
class Stream:
    """One observed property of one thing, in one unit (a Datastream).

    Parameters
    ----------
    key : str
        Name that is unique in the store.
    thing : str
        Key of its thing.
    property : str
        Observed property, for example ``air_temperature``.
    unit : str
        Unit of the stored values (UCUM or that of :mod:`models.layers`).
    interval : float, optional
        Time between values [s]; NaN where it is not known.
    station_class : str
        Class of the sensor, which says how far it is trusted.
    """

    key: str
    thing: str
    property: str
    unit: str
    interval: float = float("nan")
    station_class: str = "citizen"
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Batch:
    """Values side by side in columns; all of the same length.

    Parameters
    ----------
    stream : numpy.ndarray of int64
        Number of the stream in the store.
    time, received : numpy.ndarray of int64
        Phenomenon time and time of arrival [us since 1970, UTC].
    result : numpy.ndarray of float64
        Values; NaN is a missing value.
    flag : numpy.ndarray of uint8
        Quality.
    bits : numpy.ndarray of uint32
        Tests that objected.
    """

    stream: np.ndarray
    time: np.ndarray
    result: np.ndarray
    received: np.ndarray
    flag: np.ndarray
    bits: np.ndarray

    @classmethod
    def of(
        cls,
        stream: Sequence[int] | np.ndarray,
        time: Sequence[int] | np.ndarray,
        result: Sequence[float] | np.ndarray,
        received: Sequence[int] | np.ndarray | int | None = None,
        flag: np.ndarray | None = None,
        bits: np.ndarray | None = None,
    ) -> Batch:
        """Return a batch of unevaluated values; the time of arrival is by default that of the value.

        Examples
        --------
        >>> batch = Batch.of([1, 1], [0, 60_000_000], [20.5, float("nan")])
        >>> batch.flag.tolist()
        [2, 9]
        """
        times = np.asarray(time, np.int64)
        results = np.array(result, np.float64)
        results[~np.isfinite(results)] = np.nan
        arrived = times if received is None else np.broadcast_to(np.asarray(received, np.int64), times.shape)
        missing = np.isnan(results)
        if flag is None:
            flag = np.where(missing, Flag.MISSING, Flag.NOT_EVALUATED).astype(np.uint8)
        if bits is None:
            bits = np.where(missing, _MISSING, 0).astype(np.uint32)
        return cls(np.asarray(stream, np.int64), times, results, arrived, flag, bits)

    def __len__(self) -> int:
        return len(self.stream)

    def take(self, which: np.ndarray | slice) -> Batch:
        """Return some rows, in the order asked for."""
        return Batch(*(column[which] for column in self.columns()))

    def columns(self) -> tuple[np.ndarray, ...]:
        """Return the columns in the order of the store."""
        return self.stream, self.time, self.result, self.received, self.flag, self.bits

    @staticmethod
    def together(parts: Sequence[Batch]) -> Batch:
        """Return several batches as one."""
        if not parts:
            return Batch.of([], [], [])
        columns = zip(*(part.columns() for part in parts), strict=True)
        return Batch(*(np.concatenate(column) for column in columns))
