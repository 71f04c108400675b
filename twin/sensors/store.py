"""The observation store: SQLite inside the program, or a PostgreSQL server, behind one set of tables.

SQLite runs with a write-ahead log, so that others read while one process writes. Closed days move to Parquet files
beside it and are read back as if they had stayed; a value in the tables always takes the place of an archived one.
"""

from __future__ import annotations

import json
import threading
import time as clock
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from twin.errors import InputError
from twin.language import text
from twin.sensors import schema, writing
from twin.sensors.archive import Archive, Hourly, hourly_of
from twin.sensors.databases import Database, engine_of
from twin.sensors.records import DAY, HOUR, Batch, Stream, Thing
from twin.sensors.writing import Outcome

__all__ = ["SensorStore"]

_ALL = "stream_id, time, result, received, flag, bits"


def _now() -> int:
    return clock.time_ns() // 1000


class SensorStore(Database):
    """Observations with their things, streams, revisions and flags.

    Parameters
    ----------
    url : str
        ``sqlite:///obs.db``, a path, or ``postgresql://user@host/database``.
    archive : str or pathlib.Path, optional
        Folder of closed days; by default ``obs.db.archive`` beside a SQLite file. PostgreSQL needs it named
        before days can be closed.

    Raises
    ------
    InputError
        If the address is of another kind, the database cannot be reached, or its schema has another version.

    Examples
    --------
    >>> import tempfile
    >>> store = SensorStore(f"sqlite:///{tempfile.mkdtemp()}/obs.db")
    >>> store.add(Stream("roof/air_temperature", "roof", "air_temperature", "degC"), Thing("roof", "Roof of the school"))
    1
    >>> store.ingest(Batch.of([1, 1], [0, 60_000_000], [20.5, 20.7]))
    Outcome(new=2, repeats=0, revised=0)
    >>> store.latest()["result"].tolist()
    [20.7]
    """

    def __init__(self, url: str, *, archive: str | Path | None = None, migrate: bool = False) -> None:
        self._engine = engine_of(str(url))
        self.url = self._engine.url.render_as_string(hide_password=True)
        if archive is None and self._engine.dialect.name == "sqlite":
            archive = f"{self._engine.url.database}.archive"
        self.archive = Archive(Path(archive)) if archive is not None else None
        self._lock = threading.Lock()
        self._ids: dict[str, int] = {}
        try:
            with self.writing() as connection:
                self.migrated = schema.migrate(connection) if migrate else None
                schema.require_current(connection, self.url)
        except (sa.exc.OperationalError, sa.exc.DatabaseError) as error:
            raise InputError(text("sensors.store_unreachable", url=self.url, reason=_reason(error))) from None

    def __enter__(self) -> SensorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget(self) -> None:
        """Forget the numbers of streams that this process has looked up."""
        self._ids.clear()

    # Things and streams -------------------------------------------------------------------------------------------

    def add(self, stream: Stream, thing: Thing | None = None) -> int:
        """Add a stream, and its thing where it is new; return the number of the stream.

        A thing that stands elsewhere than before gets one more place from now on; values stay at the places they
        were measured at.
        """
        return self.add_all([(stream, thing)])[0]

    def add_all(self, streams: Sequence[tuple[Stream, Thing | None]]) -> list[int]:
        """Add many streams in one transaction; see :meth:`add`."""
        with self.writing() as connection:
            numbers = [self._stream(connection, stream, thing or Thing(stream.thing)) for stream, thing in streams]
        self._ids |= {stream.key: number for (stream, _), number in zip(streams, numbers, strict=True)}
        return numbers

    def _stream(self, connection: sa.Connection, stream: Stream, thing: Thing) -> int:
        thing_id, table = self._thing(connection, thing), schema.streams
        known = connection.execute(sa.select(table.c.id).where(table.c.key == stream.key)).scalar()
        if known is None:
            values = {
                "key": stream.key,
                "thing_id": thing_id,
                "property": stream.property,
                "unit": stream.unit,
                "interval_s": None if np.isnan(stream.interval) else stream.interval,
                "station_class": stream.station_class,
                "paused": 0,
                "properties": json.dumps(dict(stream.properties), sort_keys=True),
            }
            known = connection.execute(table.insert().values(values).returning(table.c.id)).scalar()
        return int(known)  # type: ignore[arg-type]

    def _thing(self, connection: sa.Connection, thing: Thing) -> int:
        table = schema.things
        number = connection.execute(sa.select(table.c.id).where(table.c.key == thing.key)).scalar()
        first = number is None
        if number is None:
            values = {"key": thing.key, "name": thing.name or thing.key, "privacy": thing.privacy}
            values |= {"retention_days": thing.retention_days}  # type: ignore[dict-item]
            number = connection.execute(table.insert().values(values).returning(table.c.id)).scalar()
        if np.isfinite(thing.longitude) and np.isfinite(thing.latitude):
            self._place(connection, int(number), thing, None if first else _now())  # type: ignore[arg-type]
        return int(number)  # type: ignore[arg-type]

    @staticmethod
    def _place(connection: sa.Connection, number: int, thing: Thing, since: int | None) -> None:
        table = schema.locations
        before = connection.execute(
            sa.select(table.c.longitude, table.c.latitude)
            .where(table.c.thing_id == number)
            .order_by(table.c.since.desc())
        ).first()
        if before is not None and tuple(before) == (thing.longitude, thing.latitude):
            return
        height = None if np.isnan(thing.height) else thing.height
        start = 0 if before is None else since or 0
        values = {"thing_id": number, "since": start, "longitude": thing.longitude, "latitude": thing.latitude}
        connection.execute(table.insert().values(values | {"height": height}))

    def move(self, thing: str, since: int, longitude: float, latitude: float, height: float = float("nan")) -> None:
        """Note that a thing stands at another place from a moment [us] on; older values keep their place."""
        with self.writing() as connection:
            number = connection.execute(sa.select(schema.things.c.id).where(schema.things.c.key == thing)).scalar()
            if number is None:
                raise InputError(text("sensors.thing_unknown", thing=thing))
            values = {"thing_id": number, "since": since, "longitude": longitude, "latitude": latitude}
            connection.execute(
                schema.locations.insert().values(values | {"height": None if np.isnan(height) else height})
            )

    def stream_id(self, key: str) -> int | None:
        """Return the number of a stream, or None where there is none of that key."""
        if key not in self._ids:
            with self.reading() as connection:
                found = connection.execute(sa.select(schema.streams.c.id).where(schema.streams.c.key == key)).scalar()
            if found is None:
                return None
            self._ids[key] = int(found)
        return self._ids[key]

    def streams(self, at: int | None = None) -> pd.DataFrame:
        """Return all streams with thing, unit, privacy class and place, by number.

        Parameters
        ----------
        at : int, optional
            Moment whose places are wanted [us]; by default the last known ones.
        """
        moment = _now() if at is None else at
        query = (
            "SELECT s.id, s.key, t.key AS thing, t.name, s.property, s.unit, s.interval_s, s.station_class, s.paused, "
            "t.privacy, t.retention_days, l.longitude, l.latitude, l.height FROM streams s JOIN things t ON t.id = s.thing_id "
            "LEFT JOIN locations l ON l.thing_id = t.id AND l.since = (SELECT max(m.since) FROM locations m "
            "WHERE m.thing_id = t.id AND m.since <= :moment) ORDER BY s.id"
        )
        with self.reading() as connection:
            table = pd.read_sql_query(sa.text(query), connection, params={"moment": moment}).set_index("id")
        numbers = ["interval_s", "longitude", "latitude", "height"]
        table[numbers] = table[numbers].astype(float)
        return table

    def pause(self, streams: Iterable[int], paused: bool = True) -> None:
        """Pause streams (their values are stored as suspect), or let them count again."""
        with self.writing() as connection:
            wanted = schema.streams.c.id.in_(list(streams))
            connection.execute(schema.streams.update().where(wanted).values(paused=int(paused)))

    # Values ---------------------------------------------------------------------------------------------------------

    def ingest(self, batch: Batch, amendments: Batch | None = None) -> Outcome:
        """Write values; when this returns they are durable.

        A value whose stream and time are known is a no-op where it is equal, and a revision where it differs: the
        newest received wins and the old one is kept.
        """
        with self.writing() as connection:
            outcome = writing.write(connection, batch)
            if amendments is not None:
                writing.amend(connection, amendments)
        return outcome

    def amend(self, batch: Batch) -> int:
        """Set flags and bits of values that are stored already; return how many were found."""
        with self.writing() as connection:
            return writing.amend(connection, batch)

    def read(self, streams: Sequence[int] | None = None, start: int | None = None, end: int | None = None) -> Batch:
        """Return values of streams from ``start`` to before ``end`` [us], sorted by stream and time."""
        hot = self._hot(streams, start, end)  # first: what is being archived meanwhile is then in both, and merged
        wanted = None if streams is None else [int(number) for number in streams]
        days = [] if self.archive is None else self.archive.days(start, end)
        if not days:
            return hot
        parts = [self.archive.read(day, wanted) for day in days]  # type: ignore[union-attr]
        parts = [_within(part, start, end) for part in parts]
        return _newest(Batch.together([*parts, hot]))

    def _hot(self, streams: Sequence[int] | None, start: int | None, end: int | None) -> Batch:
        with self.reading() as connection:
            if streams is None:
                streams = [row[0] for row in connection.exec_driver_sql("SELECT id FROM streams ORDER BY id")]
            mark = "?" if connection.dialect.name == "sqlite" else "%s"
            query = f"SELECT {_ALL} FROM observations WHERE stream_id = {mark} AND time >= {mark} AND time < {mark} ORDER BY time"
            low, high = (-(2**62) if start is None else start), (2**62 if end is None else end)
            rows: list[Any] = []
            for number in sorted({int(number) for number in streams}):
                rows += _raw(connection.exec_driver_sql(query, (number, low, high)))
        return _batch(rows)

    def frame(
        self, streams: Sequence[int] | None = None, start: int | None = None, end: int | None = None
    ) -> pd.DataFrame:
        """Return values as a table with the keys of their streams and times as UTC timestamps."""
        batch = self.read(streams, start, end)
        keys = self.streams()["key"]
        return pd.DataFrame(
            {
                "stream": keys.reindex(batch.stream).to_numpy(),
                "time": pd.to_datetime(batch.time, unit="us", utc=True),
                "result": batch.result,
                "received": pd.to_datetime(batch.received, unit="us", utc=True),
                "flag": batch.flag,
                "bits": batch.bits,
            }
        )

    def latest(self) -> pd.DataFrame:
        """Return the newest value of every stream, by number of the stream: time [us], result, received, flag, bits."""
        with self.reading() as connection:
            rows = _raw(connection.exec_driver_sql(f"SELECT {_ALL} FROM latest ORDER BY stream_id"))
        batch = _batch(rows)
        names = ("time", "result", "received", "flag", "bits")
        columns = dict(zip(names, batch.columns()[1:], strict=True))
        return pd.DataFrame(columns, index=pd.Index(batch.stream, name="stream_id"), copy=False)

    def revisions(self) -> pd.DataFrame:
        """Return values that others have replaced, with the moment [us] this happened."""
        with self.reading() as connection:
            return pd.read_sql_query(f"SELECT {_ALL}, replaced FROM revisions ORDER BY id", connection)

    def counters(self) -> dict[str, int]:
        """Return the counters of the store, such as ``repeats``."""
        with self.reading() as connection:
            return dict(connection.exec_driver_sql("SELECT name, value FROM counters").fetchall())

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter of the store."""
        with self.writing() as connection:
            writing.count(connection, name, by)

    def refuse(self, source: str, reason: str, payload: bytes | str) -> None:
        """Keep the first kilobyte of what could not be read, and why."""
        raw = payload[:1000] if isinstance(payload, bytes) else payload[:1000].encode("utf-8", "replace")
        start = raw.decode("utf-8", "replace").replace("\x00", "\ufffd")[:1000]
        with self.writing() as connection:
            values = {"received": _now(), "source": source[:200], "reason": reason[:300], "start": start}
            connection.execute(schema.dead_letters.insert().values(values))
            writing.count(connection, "refused", 1)

    # Closed days ------------------------------------------------------------------------------------------------------

    def compact(self, before: int) -> list[int]:
        """Move the days that ended before a moment [us] to Parquet files; return these days (since 1970-01-01)."""
        if self.archive is None:
            raise InputError(text("sensors.archive_missing"))
        with self.reading() as connection:
            oldest = connection.exec_driver_sql(
                "SELECT min(o.time) FROM streams s JOIN observations o ON o.stream_id = s.id AND o.time = "
                "(SELECT min(p.time) FROM observations p WHERE p.stream_id = s.id)"
            ).scalar()
        if oldest is None:
            return []
        return [day for day in range(int(oldest) // DAY, before // DAY) if self._close(day)]

    def _close(self, day: int) -> bool:
        assert self.archive is not None
        low, high = day * DAY, (day + 1) * DAY
        with self.writing() as connection:
            if connection.dialect.name != "sqlite":
                connection.exec_driver_sql("LOCK TABLE observations IN SHARE ROW EXCLUSIVE MODE")
            columns = ", ".join(f"o.{name}" for name in _ALL.split(", "))
            result = connection.exec_driver_sql(
                f"SELECT {columns} FROM streams s JOIN observations o "
                f"ON o.stream_id = s.id AND o.time >= {low} AND o.time < {high}"
            )
            rows = _raw(result)
            if not rows:
                return False
            hot, old = _batch(rows), self.archive.read(day)
            both = _newest(Batch.together([old, hot]))
            self._keep_replaced(connection, old, both)
            size = self.archive.write(day, both)
            connection.execute(schema.archived_days.delete().where(schema.archived_days.c.day == day))
            connection.execute(schema.archived_days.insert().values(day=day, rows=len(both), bytes=size))
            connection.exec_driver_sql(
                "DELETE FROM observations WHERE stream_id IN (SELECT id FROM streams) "
                f"AND time >= {low} AND time < {high}"
            )
        return True

    @staticmethod
    def _keep_replaced(connection: sa.Connection, old: Batch, both: Batch) -> None:
        """Write archived values that a late one replaces to the revisions."""
        if not len(old):
            return
        place = np.searchsorted(_key(both), _key(old))
        now = both.result[place]
        changed = ~((now == old.result) | (np.isnan(now) & np.isnan(old.result)))
        for row in np.flatnonzero(changed).tolist():
            values = [column[row].item() for column in old.columns()]
            names = ("stream_id", "time", "result", "received", "flag", "bits")
            entry = dict(zip(names, values, strict=True)) | {"replaced": _now()}
            connection.execute(schema.revisions.insert().values(entry))

    def hourly(self, start: int, end: int) -> Hourly:
        """Return hourly means of all streams from ``start`` to before ``end`` [us], sorted by stream and hour.

        Suspect, failed and missing values are left out. Closed days answer from their kept means.
        """
        low, high = start // HOUR * HOUR, -(-end // HOUR) * HOUR
        hot = self._hot(None, low, high)
        days = [] if self.archive is None else self.archive.days(low, high)
        late = set(np.unique(hot.time // DAY).tolist()) & set(days)  # archived days with values that came afterwards
        parts = [] if self.archive is None else self.archive.hourly([day for day in days if day not in late])
        again = [self.archive.read(day) for day in sorted(late)] if self.archive is not None else []
        parts.append(hourly_of(_newest(Batch.together([*again, hot]))))
        table = Hourly.together(parts)
        inside = (table.hour >= low) & (table.hour < high)
        return table if inside.all() else Hourly(*(column[inside] for column in table.columns()))


def _reason(error: BaseException) -> str:
    return str(getattr(error, "orig", error)).splitlines()[0]


def _raw(result: sa.CursorResult[Any]) -> list[tuple[Any, ...]]:
    """Return the rows as the driver gives them, which is several times as fast as rows with names."""
    cursor: Any = result.cursor
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _batch(rows: Sequence[tuple[Any, ...]]) -> Batch:
    if not rows:
        return Batch.of([], [], [])
    table = np.array(rows, dtype=np.float64).T  # exact: microseconds stay below 2**53 until the year 2255
    kinds = (np.int64, np.int64, np.float64, np.int64, np.uint8, np.uint32)
    return Batch(*(column.astype(kind) for column, kind in zip(table, kinds, strict=True)))


def _key(batch: Batch) -> np.ndarray:
    """Return sortable keys of stream and time."""
    key = np.empty(len(batch), dtype=[("stream", np.int64), ("time", np.int64)])
    key["stream"], key["time"] = batch.stream, batch.time
    return key


def _within(batch: Batch, start: int | None, end: int | None) -> Batch:
    keep = np.ones(len(batch), bool)
    if start is not None:
        keep &= batch.time >= start
    if end is not None:
        keep &= batch.time < end
    return batch if keep.all() else batch.take(keep)


def _newest(batch: Batch) -> Batch:
    """Sort by stream and time; of values with the same key the last one stays."""
    order = np.lexsort((np.arange(len(batch)), batch.time, batch.stream))
    stream, time = batch.stream[order], batch.time[order]
    last = np.ones(len(order), bool)
    last[:-1] = (stream[1:] != stream[:-1]) | (time[1:] != time[:-1])
    return batch.take(order[last])
