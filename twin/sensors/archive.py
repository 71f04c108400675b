"""Closed days as Parquet files: small, sorted by stream and time, written whole or not at all.

A day is two files: its values, and their means by hour. Values keep flag and bits; the time of arrival is kept as
whole seconds after the value's own time, in which form it takes almost no room. DuckDB, pandas and QGIS read them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.parallel import over
from twin.sensors.records import DAY, HOUR, SECOND, Batch, Flag

__all__ = ["Archive", "Hourly", "hourly_of"]

_EMPTY = Batch.of([], [], [])


@dataclass(frozen=True)
class Hourly:
    """Means of whole hours: stream, start of the hour [us], usable values in it, mean, lowest and highest value."""

    stream: np.ndarray
    hour: np.ndarray
    count: np.ndarray
    mean: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray

    def columns(self) -> tuple[np.ndarray, ...]:
        """Return the columns in the order of the file."""
        return self.stream, self.hour, self.count, self.mean, self.lowest, self.highest

    @classmethod
    def together(cls, parts: list[Hourly]) -> Hourly:
        """Return several tables as one, sorted by stream and hour."""
        columns = [np.concatenate(column) for column in zip(*(part.columns() for part in parts), strict=True)]
        order = np.lexsort((columns[1], columns[0]))
        return cls(*(column[order] for column in columns))


def hourly_of(batch: Batch) -> Hourly:
    """Return the means of whole hours of values sorted by stream and time; suspect and failed ones are left out.

    Examples
    --------
    >>> table = hourly_of(Batch.of([1, 1, 1], [0, 1_800_000_000, 3_600_000_000], [1.0, 3.0, 5.0]))
    >>> table.mean.tolist()
    [2.0, 5.0]
    """
    usable = batch.flag <= Flag.NOT_EVALUATED
    stream, hour, value = batch.stream[usable], batch.time[usable] // HOUR * HOUR, batch.result[usable]
    if not len(stream):
        none = np.empty(0, np.int64)
        return Hourly(none, none, none, np.empty(0), np.empty(0), np.empty(0))
    first = np.flatnonzero(np.r_[True, (stream[1:] != stream[:-1]) | (hour[1:] != hour[:-1])])
    count = np.diff(np.r_[first, len(stream)])
    mean = np.add.reduceat(value, first) / count
    return Hourly(
        stream[first], hour[first], count, mean, np.minimum.reduceat(value, first), np.maximum.reduceat(value, first)
    )


class Archive:
    """The folder of closed days.

    Parameters
    ----------
    folder : pathlib.Path
        Made when the first day is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, day: int, kind: str = "values") -> Path:
        """Return the file of a day (days since 1970-01-01)."""
        date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
        return self.folder / f"{date:%Y}" / f"{date:%Y-%m-%d}.{kind}.parquet"

    def days(self, start: int | None = None, end: int | None = None) -> list[int]:
        """Return the archived days that touch a span of time [us], in order."""
        found = []
        for file in self.folder.glob("*/*.values.parquet"):
            date = datetime.strptime(file.name[:10], "%Y-%m-%d").replace(tzinfo=UTC)
            day = int(date.timestamp()) * SECOND // DAY
            if (start is None or (day + 1) * DAY > start) and (end is None or day * DAY < end):
                found.append(day)
        return sorted(found)

    def read(self, day: int, streams: list[int] | None = None) -> Batch:
        """Return the values of a day, sorted by stream and time; none where the day has no file."""
        file = self.file(day)
        if not file.exists():
            return _EMPTY
        table = pq.read_table(file, filters=None if streams is None else [("stream", "in", streams)])
        column = {name: table[name].to_numpy() for name in table.column_names}
        time = column["time"].astype(np.int64)
        return Batch(
            column["stream"].astype(np.int64),
            time,
            column["result"],
            time + column["delay"].astype(np.int64) * SECOND,
            column["flag"].astype(np.uint8),
            column["bits"].astype(np.uint32),
        )

    def write(self, day: int, batch: Batch) -> int:
        """Replace the files of a day by values sorted by stream and time; return the bytes they take."""
        values = pa.table(
            {
                "stream": batch.stream.astype(np.int32),
                "time": pa.array(batch.time, pa.int64()),
                "result": batch.result,
                "delay": ((batch.received - batch.time) // SECOND).astype(np.int32),
                "flag": batch.flag,
                "bits": batch.bits,
            }
        )
        repeated = len(np.unique(batch.result)) < 0.25 * max(len(batch), 1)
        coded = ["stream", "flag", "bits", "delay"] + (["result"] if repeated else [])
        plain = {"time": "DELTA_BINARY_PACKED"} | ({} if repeated else {"result": "BYTE_STREAM_SPLIT"})
        size = _put(values, self.file(day), coded, plain)
        names = ("stream", "hour", "count", "mean", "lowest", "highest")
        means = pa.table(dict(zip(names, hourly_of(batch).columns(), strict=True)))
        _put(means, self.file(day, "hourly"), ["stream", "hour", "count"], {})
        return size

    def hourly(self, days: list[int]) -> list[Hourly]:
        """Return the kept means of days, one table a day."""

        def one(day: int) -> Hourly:
            table = pq.read_table(self.file(day, "hourly"), use_threads=False)
            return Hourly(*(table[name].to_numpy() for name in table.column_names))

        return over(one, days)

    def drop(self, day: int) -> None:
        """Remove the files of a day."""
        for kind in ("values", "hourly"):
            self.file(day, kind).unlink(missing_ok=True)


def _put(table: pa.Table, file: Path, coded: list[str], plain: dict[str, str]) -> int:
    """Write a Parquet file beside its place, flush it to the disk and move it there; return its size."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as handle:
            pq.write_table(
                table,
                handle,
                compression="zstd",
                compression_level=9,
                use_dictionary=coded,
                column_encoding=plain or None,
                row_group_size=1 << 18,
            )
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
    return file.stat().st_size
