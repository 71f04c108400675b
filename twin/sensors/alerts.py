"""Alerts: a value at or beyond a limit for long enough, told once, and once more when it is over.

A rule raises where good values have stayed at or beyond ``on`` for ``minutes``, and clears at the first good value at or
on the safe side of ``off`` (hysteresis). Values that are flagged, that arrived late, or that come from sensors on a test bench
neither raise nor clear. What has been raised stands in the store, so a restart repeats nothing.
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from twin.language import text
from twin.sensors import schema
from twin.sensors.records import BITS, HOUR, MINUTE, Batch, Flag
from twin.sensors.store import SensorStore

__all__ = ["Event", "Rule", "evaluate", "open_alerts"]

_LATE = HOUR  # what took longer than this to arrive is no news [us]
_GAP = 3.0  # times the usual interval without a good value: the condition is not known to have held
_BENCH = "test"  # station class of sensors on a test bench


class Rule(BaseModel):
    """One ``[[alert]]`` of a sensor profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="Name, as it stands in what is told.")
    variable: str = Field(description="Observed property, such as air_temperature or water_level.")
    station: str = Field(default="all", description="Thing, or 'all'.")
    on: float = Field(allow_inf_nan=False, description="Raised at or beyond this value.")
    off: float = Field(allow_inf_nan=False, description="Cleared at this value, on the other side of on.")
    minutes: float = Field(default=0.0, ge=0, le=10080, description="For so long [min].")
    to: tuple[str, ...] = Field(default=("log",), min_length=1, description="log, mqtt:TOPIC or mail:ADDRESS.")

    @field_validator("to")
    @classmethod
    def _known_ways(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for way in value:
            kind, _, rest = way.partition(":")
            topic = kind == "mqtt" and rest and not set("+#\x00") & set(rest) and len(rest) <= 500
            mail = kind == "mail" and rest.count("@") == 1 and not set(" \r\n,;<>") & set(rest)
            if way != "log" and not topic and not mail:
                raise ValueError(text("sensors.alert_way", way=way))
        return value

    @model_validator(mode="after")
    def _apart(self) -> Rule:
        if self.on == self.off:
            raise ValueError(text("sensors.alert_apart", name=self.name))
        return self

    def beyond(self, value: np.ndarray) -> np.ndarray:
        """Return where values are at or beyond ``on``; a rule whose ``on`` lies below ``off`` watches for low values."""
        return value >= self.on if self.on > self.off else value <= self.on

    def safe(self, value: np.ndarray) -> np.ndarray:
        """Return where values are at ``off`` or on its safe side."""
        return value <= self.off if self.on > self.off else value >= self.off


@dataclass(frozen=True)
class Event:
    """An alert that was raised, or is over: its number, rule, station, moment [us], value, and what it is."""

    number: int
    rule: Rule
    thing: str
    place: str
    unit: str
    moment: int
    value: float
    kind: Literal["raised", "cleared"]


def _watched(store: SensorStore, rule: Rule) -> pd.DataFrame:
    streams = store.streams()
    mine = (streams["property"] == rule.variable) & (streams["station_class"] != _BENCH) & (streams["paused"] == 0)
    return streams[mine if rule.station == "all" else mine & (streams["thing"] == rule.station)]


def _believed(batch: Batch) -> Batch:
    kept = (batch.flag == Flag.GOOD) & ((batch.bits & np.uint32(BITS["late"])) == 0)
    return batch.take(kept & (batch.received - batch.time <= _LATE))


def _raised(rule: Rule, batch: Batch) -> int:
    """Return the row at which the condition has held long enough; -1 where it has not."""
    usual = float(np.median(np.diff(batch.time))) if len(batch) > 1 else 0.0
    since, before = -1, 0
    for row, (moment, beyond) in enumerate(zip(batch.time.tolist(), rule.beyond(batch.result).tolist(), strict=True)):
        if not beyond:
            since = -1
        elif since < 0 or (usual > 0 and moment - before > _GAP * usual):
            since = moment
        if beyond and moment - since >= rule.minutes * MINUTE:
            return row
        before = moment
    return -1


def _known(connection: sa.Connection, rule: Rule, stream: int) -> tuple[int, int, int] | None:
    """Return number, moment raised and moment cleared (0 = open) of the newest alert of a rule and a stream."""
    table = schema.alerts
    mine = (table.c.rule == rule.name) & (table.c.stream_id == stream)
    newest = sa.select(table.c.id, table.c.raised, table.c.cleared).where(mine).order_by(table.c.raised.desc())
    row = connection.execute(newest).first()
    return None if row is None else (int(row[0]), int(row[1]), int(row[2] or 0))


def evaluate(store: SensorStore, rules: Sequence[Rule], now: int | None = None) -> list[Event]:
    """Raise and clear alerts by the values of a store, note them there, and return those that are new.

    Parameters
    ----------
    store : SensorStore
        Observations.
    rules : sequence of Rule
        What is watched.
    now : int, optional
        Moment [us]; by default that of the clock. What happened long before it is no news and raises nothing.

    Examples
    --------
    >>> import tempfile
    >>> from twin.sensors.records import Stream
    >>> store = SensorStore(f"sqlite:///{tempfile.mkdtemp()}/obs.db")
    >>> number = store.add(Stream("bridge/water_level", "bridge", "water_level", "m"))
    >>> _ = store.ingest(Batch.of([number], [60_000_000], [2.4], flag=np.ones(1, np.uint8)))
    >>> rule = Rule(name="Flood", variable="water_level", on=2.0, off=1.8)
    >>> [event.kind for event in evaluate(store, [rule], now=90_000_000)]
    ['raised']
    >>> evaluate(store, [rule], now=90_000_000)
    []
    """
    moment = clock.time_ns() // 1000 if now is None else now
    events = []
    for rule in rules:
        for number, stream in _watched(store, rule).iterrows():
            events += _followed(store, rule, int(str(number)), stream, moment)
    return events


def _followed(store: SensorStore, rule: Rule, number: int, stream: pd.Series, now: int) -> list[Event]:
    """Follow one stream from its newest alert to now."""
    with store.reading() as connection:
        known = _known(connection, rule, number)
    reach = now - int(2 * rule.minutes * MINUTE) - 2 * HOUR
    end = max(known[1], known[2]) + 1 if known else reach
    batch = _believed(store.read([number], end if known and not known[2] else max(end, reach), now + 1))
    alert = known[0] if known and not known[2] else None
    names = {"rule": rule, "thing": str(stream["thing"]), "place": str(stream["name"]), "unit": str(stream["unit"])}
    events: list[Event] = []
    while len(batch):
        if alert is not None:
            over = np.flatnonzero(rule.safe(batch.result))
            row = int(over[0]) if len(over) else -1
        else:
            row = _raised(rule, batch)
        if row < 0:
            break
        at, value = int(batch.time[row]), float(batch.result[row])
        kind: Literal["raised", "cleared"] = "raised" if alert is None else "cleared"
        alert = _note(store, rule, number, alert, at, value)
        if alert is not None:
            events.append(Event(alert, moment=at, value=value, kind=kind, **names))  # type: ignore[arg-type]
        alert = alert if kind == "raised" else None
        batch = batch.take(slice(row + 1, None))
    return events


def _note(store: SensorStore, rule: Rule, stream: int, alert: int | None, at: int, value: float) -> int | None:
    """Write that an alert is raised, or over, and return its number; None where another process was first."""
    table = schema.alerts
    with store.writing() as connection:
        if alert is None:
            known = _known(connection, rule, stream)
            if known is not None and (not known[2] or known[1] >= at):
                return None
            values = {"rule": rule.name, "stream_id": stream, "raised": at, "value": value}
            return int(connection.execute(table.insert().values(values).returning(table.c.id)).scalar_one())
        still_open = (table.c.id == alert) & table.c.cleared.is_(None)
        done = connection.execute(table.update().where(still_open).values(cleared=at))
        return alert if done.rowcount else None


def open_alerts(store: SensorStore) -> pd.DataFrame:
    """Return the alerts that are not over: rule, station, moment raised [us] and value then."""
    query = (
        "SELECT a.rule, t.key AS thing, t.name, s.property, s.unit, a.raised, a.value FROM alerts a "
        "JOIN streams s ON s.id = a.stream_id JOIN things t ON t.id = s.thing_id WHERE a.cleared IS NULL ORDER BY a.raised"
    )
    with store.reading() as connection:
        return pd.read_sql_query(sa.text(query), connection)
