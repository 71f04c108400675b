"""How a batch becomes durable rows: repeats are no-ops, changed values are revisions, ``latest`` moves only forward.

One transaction a batch. On the fast way all rows are new and one statement writes them; only where some keys exist
already is the batch compared with what is there, by statements over sets. PostgreSQL always takes the second way,
through COPY into a staging table.
"""

from __future__ import annotations

import io
import time as clock
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from twin.sensors.records import BITS, Batch

__all__ = ["Outcome", "amend", "count", "write"]

_COLUMNS = "stream_id, time, result, received, flag, bits"
_STAGE = "CREATE TEMPORARY TABLE IF NOT EXISTS stage (stream_id BIGINT, time BIGINT, result DOUBLE PRECISION, received BIGINT, flag SMALLINT, bits BIGINT)"
_UPSERT_LATEST = (
    f"INSERT INTO latest ({_COLUMNS}) VALUES ({{marks}}) ON CONFLICT (stream_id) DO UPDATE SET time = excluded.time, "
    "result = excluded.result, received = excluded.received, flag = excluded.flag, bits = excluded.bits "
    "WHERE excluded.time >= latest.time"
)
NEVER_LATEST = np.uint32(BITS["future"])


@dataclass(frozen=True)
class Outcome:
    """What became of the rows of a batch: new ones, exact repeats, and values that replaced another."""

    new: int = 0
    repeats: int = 0
    revised: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.new + other.new, self.repeats + other.repeats, self.revised + other.revised)


def _rows(batch: Batch) -> list[tuple[Any, ...]]:
    result: list[float | None] = batch.result.tolist()
    for index in np.flatnonzero(np.isnan(batch.result)).tolist():
        result[index] = None
    others = (batch.stream.tolist(), batch.time.tolist(), result, batch.received.tolist())
    return list(zip(*others, batch.flag.tolist(), batch.bits.tolist(), strict=True))


def _rounds(batch: Batch) -> list[Batch]:
    """Return the batch as parts in which every key stands once, in the order of arrival."""
    order = np.lexsort((np.arange(len(batch)), batch.time, batch.stream))
    stream, time = batch.stream[order], batch.time[order]
    again = np.r_[False, (stream[1:] == stream[:-1]) & (time[1:] == time[:-1])]
    if not again.any():
        return [batch.take(order)]  # by key: neighbours in the table are written together
    place = np.arange(len(batch))
    rank = place - np.maximum.accumulate(np.where(again, 0, place))
    return [batch.take(order[rank == number]) for number in range(int(rank.max()) + 1)]


def _merge(connection: sa.Connection, rows: list[tuple[Any, ...]], sqlite: bool) -> Outcome:
    """Write rows of which some are there already, by way of a staging table."""
    differs = "o.result IS NOT s.result" if sqlite else "o.result IS DISTINCT FROM s.result"
    updates = (
        "observations.result IS NOT excluded.result"
        if sqlite
        else "observations.result IS DISTINCT FROM excluded.result"
    )
    execute = connection.exec_driver_sql
    execute(_STAGE)
    execute("DELETE FROM stage")
    if sqlite:
        execute("INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?)", rows)
    else:
        _copy(connection, rows)
    now = clock.time_ns() // 1000
    revised = execute(
        f"INSERT INTO revisions ({_COLUMNS}, replaced) SELECT o.stream_id, o.time, o.result, o.received, o.flag, o.bits, {now} "
        f"FROM stage s JOIN observations o ON o.stream_id = s.stream_id AND o.time = s.time WHERE {differs}"
    ).rowcount
    touched = execute(
        f"INSERT INTO observations ({_COLUMNS}) SELECT {_COLUMNS} FROM stage WHERE true ON CONFLICT (stream_id, time) DO UPDATE SET "
        "result = excluded.result, received = excluded.received, flag = excluded.flag, bits = excluded.bits "
        f"WHERE {updates}"
    ).rowcount
    return Outcome(touched - revised, len(rows) - touched, revised)


def _copy(connection: sa.Connection, rows: list[tuple[Any, ...]]) -> None:
    lines = (f"{s}\t{t}\t{chr(92) + 'N' if v is None else repr(v)}\t{r}\t{f}\t{b}\n" for s, t, v, r, f, b in rows)
    driver: Any = connection.connection.dbapi_connection
    driver.cursor().execute(f"COPY stage ({_COLUMNS}) FROM STDIN", stream=io.StringIO("".join(lines)))


def _write_round(connection: sa.Connection, batch: Batch, sqlite: bool) -> Outcome:
    rows = _rows(batch)
    if not sqlite:
        return _merge(connection, rows, sqlite)
    insert = f"INSERT INTO observations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    new = connection.exec_driver_sql(insert, rows).rowcount
    if new == len(rows):
        return Outcome(new=new)
    rest = _merge(connection, rows, sqlite)  # the rows just written are equal to themselves
    return Outcome(new, len(rows) - new - rest.revised, rest.revised)


def _move_latest(connection: sa.Connection, batch: Batch, sqlite: bool) -> None:
    usable = np.flatnonzero((batch.bits & NEVER_LATEST) == 0)
    if not usable.size:
        return
    order = usable[np.lexsort((usable, batch.time[usable], batch.stream[usable]))]
    stream = batch.stream[order]
    last = order[np.r_[stream[1:] != stream[:-1], True]]
    marks = ", ".join(["?" if sqlite else "%s"] * 6)
    connection.exec_driver_sql(_UPSERT_LATEST.format(marks=marks), _rows(batch.take(last)))


def write(connection: sa.Connection, batch: Batch) -> Outcome:
    """Write a batch inside the transaction of a connection.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    batch : Batch
        Values of known streams, in the order of arrival.

    Returns
    -------
    Outcome
        How many rows were new, repeated or revised.
    """
    if not len(batch):
        return Outcome()
    sqlite = connection.dialect.name == "sqlite"
    outcome = sum((_write_round(connection, part, sqlite) for part in _rounds(batch)), Outcome())
    _move_latest(connection, batch, sqlite)
    if outcome.repeats:
        count(connection, "repeats", outcome.repeats)
    return outcome


def count(connection: sa.Connection, name: str, by: int) -> None:
    """Add to a counter of the store."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    connection.exec_driver_sql(
        f"INSERT INTO counters (name, value) VALUES ({mark}, {mark}) "
        "ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value",
        (name, by),
    )


def amend(connection: sa.Connection, batch: Batch) -> int:
    """Add bits to rows that are there already and set their flags; return how many were changed.

    Rows are found by stream and time; their values and times of arrival stay as they are.
    """
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    rows = list(zip(batch.flag.tolist(), batch.bits.tolist(), batch.stream.tolist(), batch.time.tolist(), strict=True))
    if not rows:
        return 0
    statement = f"SET flag = {mark}, bits = {mark} WHERE stream_id = {mark} AND time = {mark}"
    changed = connection.exec_driver_sql(f"UPDATE observations {statement}", rows).rowcount
    connection.exec_driver_sql(f"UPDATE latest {statement}", rows)
    return int(changed)
