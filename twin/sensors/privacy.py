"""What a store may keep and hand out of people: classes of privacy, rounding, hashes, groups, erasing and access.

Three classes: ``public``; ``private`` (a sensor on private ground: its place is rounded to three decimals, some 100 m, as
sensor.community does); ``personal`` (dwellings and meters: no place, no name, a limited time, only in groups of five and
more). Energy and water meters are personal unless their source says otherwise.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
import secrets
import time as clock
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from twin.errors import InputError
from twin.language import text
from twin.sensors import schema
from twin.sensors.records import DAY
from twin.sensors.secret_values import secret
from twin.sensors.store import SensorStore

__all__ = ["aggregated", "class_of", "erase", "expire", "export_person", "hashed", "salt_beside", "shown_place"]

LEAST = 5
"""Units that a published group holds at least."""
RETENTION_DAYS = {"public": None, "private": None, "personal": 365}
"""Days that raw values are kept, by class, where the thing itself says nothing."""
_DECIMALS = {"private": 3}
_METERED = frozenset({"energy", "power", "volume", "heat", "water_meter"})


def class_of(observed: str, declared: str | None) -> str:
    """Return the privacy class of a new thing: what its source declares, else personal for meters and public.

    Examples
    --------
    >>> class_of("energy", None), class_of("air_temperature", None), class_of("energy", "public")
    ('personal', 'public', 'public')
    """
    return declared or ("personal" if observed in _METERED else "public")


def hashed(device: str, salt: str | None) -> str:
    """Return the name under which a personal device is stored; the same device has the same name, which tells nothing.

    Parameters
    ----------
    device : str
        Its own id, such as a DevEUI.
    salt : str
        ``env:NAME`` or ``file:PATH`` of the secret that the names depend on, at least 16 characters.

    Raises
    ------
    InputError
        If the secret is missing, open to others or short.
    """
    key = secret(salt) or ""
    if len(key) < 16:
        raise InputError(text("sensors.salt_short"))
    return "h" + hmac.new(key.encode(), device.encode(), hashlib.sha256).hexdigest()[:24]


def salt_beside(store: SensorStore) -> str:
    """Return ``file:PATH`` of the salt beside an SQLite store; it is made, for its owner alone, where there is none.

    Raises
    ------
    InputError
        For a server, whose salt must be declared.
    """
    if store.archive is None or not store.url.startswith("sqlite"):
        raise InputError(text("sensors.salt_missing"))
    file = Path(store.url.split(":///", 1)[-1] + ".salt")
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return f"file:{file}"
    with os.fdopen(handle, "w", encoding="ascii") as written:
        written.write(secrets.token_hex(32))
    return f"file:{file}"


def shown_place(privacy: str, longitude: float, latitude: float) -> tuple[float, float]:
    """Return the place that may be shown: as it is, rounded, or none.

    Examples
    --------
    >>> shown_place("private", 10.028274, 51.234496)
    (10.028, 51.234)
    """
    if privacy == "personal":
        return float("nan"), float("nan")
    digits = _DECIMALS.get(privacy)
    return (longitude, latitude) if digits is None else (round(longitude, digits), round(latitude, digits))


def aggregated(values: pd.DataFrame, by: Iterable[str], *, unit: str = "thing", value: str = "result") -> pd.DataFrame:
    """Return means of groups that hold at least five units; smaller groups are left out, and counted in ``attrs``.

    Parameters
    ----------
    values : pandas.DataFrame
        Rows of units, such as meters.
    by : iterable of str
        Columns that make a group, such as street and month.
    unit, value : str
        Columns with the unit (a household) and its value.

    Examples
    --------
    >>> table = pd.DataFrame({"thing": list("abcdef"), "street": ["A"] * 5 + ["B"], "result": [1.0, 2, 3, 4, 5, 99]})
    >>> aggregated(table, ["street"])[["street", "units", "mean"]].values.tolist()
    [['A', 5, 3.0]]
    """
    own = values.groupby([*by, unit], as_index=False)[value].mean()  # each unit counts once, however often it reports
    groups = own.groupby(list(by), as_index=False).agg(units=(unit, "nunique"), mean=(value, "mean"))
    kept = groups[groups["units"] >= LEAST].reset_index(drop=True)
    kept.attrs["groups_left_out"] = int(len(groups) - len(kept))
    return kept


def _note_access(connection: sa.Connection, what: str, thing: str, who: str | None) -> None:
    try:
        user = who or getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    values = {"at": clock.time_ns() // 1000, "who": user[:100], "what": what, "thing": thing}
    connection.execute(schema.access_log.insert().values(values))


def _streams_of(connection: sa.Connection, thing: str) -> tuple[int, list[int]]:
    number = connection.execute(sa.select(schema.things.c.id).where(schema.things.c.key == thing)).scalar()
    if number is None:
        raise InputError(text("sensors.thing_unknown", thing=thing))
    mine = sa.select(schema.streams.c.id).where(schema.streams.c.thing_id == number)
    return int(number), [int(row[0]) for row in connection.execute(mine)]


def _cut_archive(store: SensorStore, streams: list[int], before: int | None) -> int:
    """Rewrite the closed days without values of streams (older than a moment [us]); return the rows taken out."""
    gone = 0
    for day in store.archive.days(None, before) if store.archive is not None else ():
        assert store.archive is not None
        batch = store.archive.read(day)
        mine = np.isin(batch.stream, streams)
        if before is not None:
            mine &= batch.time < before
        if not mine.any():
            continue
        gone += int(mine.sum())
        if mine.all():
            store.archive.drop(day)
        else:
            store.archive.write(day, batch.take(~mine))
    return gone


def erase(store: SensorStore, thing: str, *, who: str | None = None) -> int:
    """Erase a thing with all its streams, values, revisions, alerts and places, also from closed days.

    The closed days are rewritten first and the tables in one transaction after them, so an erasure that was cut off is
    repeated by the same command. The access log keeps a hash of the name only.

    Returns
    -------
    int
        Values erased.

    Raises
    ------
    InputError
        If there is no such thing.
    """
    with store.writing() as connection:
        number, streams = _streams_of(connection, thing)
        gone = _cut_archive(store, streams, None)
        alerts = sa.select(schema.alerts.c.id).where(schema.alerts.c.stream_id.in_(streams))
        connection.execute(schema.tellings.delete().where(schema.tellings.c.alert_id.in_(alerts)))
        gone += int(
            connection.execute(
                schema.observations.delete().where(schema.observations.c.stream_id.in_(streams))
            ).rowcount
        )
        for table in (schema.latest, schema.revisions, schema.alerts):
            connection.execute(table.delete().where(table.c.stream_id.in_(streams)))
        connection.execute(schema.streams.delete().where(schema.streams.c.thing_id == number))
        connection.execute(schema.locations.delete().where(schema.locations.c.thing_id == number))
        connection.execute(schema.things.delete().where(schema.things.c.id == number))
        log = schema.access_log
        own = hashlib.sha256(thing.encode()).hexdigest()[:16]
        connection.execute(log.update().where(log.c.thing == thing).values(thing=own))
        # A refused message may quote the device; its text goes with it.
        letters = schema.dead_letters
        quoted = letters.c.start.contains(thing, autoescape=True) | letters.c.source.contains(thing, autoescape=True)
        connection.execute(letters.delete().where(quoted))
        _note_access(connection, "erase", own, who)
    store.forget()
    return gone


def expire(store: SensorStore, now: int | None = None) -> int:
    """Erase raw values that are older than their class or their thing allows; return how many.

    Parameters
    ----------
    now : int, optional
        Moment [us]; by default that of the clock.
    """
    moment = clock.time_ns() // 1000 if now is None else now
    streams, gone = store.streams(), 0
    own = streams["retention_days"].astype(float)
    days = own.where(own.notna(), streams["privacy"].map(RETENTION_DAYS).astype(float))
    for length, numbers in streams.index.to_series().groupby(days):
        before, mine = moment - int(float(str(length)) * DAY), [int(number) for number in numbers]
        with store.writing() as connection:
            gone += _cut_archive(store, mine, before)
            for table in (schema.observations, schema.revisions):
                old = table.c.stream_id.in_(mine) & (table.c.time < before)
                rows = connection.execute(table.delete().where(old)).rowcount
                gone += int(rows) if table is schema.observations else 0
            last = schema.latest
            connection.execute(last.delete().where(last.c.stream_id.in_(mine), last.c.time < before))
    return gone


def export_person(store: SensorStore, thing: str, *, who: str | None = None) -> dict[str, Any]:
    """Return all that is stored of a thing, for the person concerned (GDPR, articles 15 and 20), and log the access.

    Returns
    -------
    dict
        Thing, places, streams, values and replaced values, alerts, and who looked at them before; plain for JSON.
    """
    with store.writing() as connection:
        number, streams = _streams_of(connection, thing)
        log = schema.access_log
        looks = connection.execute(sa.select(log.c.at, log.c.who, log.c.what).where(log.c.thing == thing)).fetchall()
        _note_access(connection, "export", thing, who)
        rows = {
            name: [dict(row) for row in connection.execute(table.select().where(condition)).mappings()]
            for name, table, condition in (
                ("thing", schema.things, schema.things.c.id == number),
                ("places", schema.locations, schema.locations.c.thing_id == number),
                ("streams", schema.streams, schema.streams.c.thing_id == number),
                ("replaced", schema.revisions, schema.revisions.c.stream_id.in_(streams)),
                ("alerts", schema.alerts, schema.alerts.c.stream_id.in_(streams)),
            )
        }
    values = store.frame(streams) if streams else pd.DataFrame()
    told = [
        {"stream": row["stream"], "time": f"{row['time']:%Y-%m-%dT%H:%M:%S.%fZ}", "flag": int(row["flag"]),
         "result": float(row["result"]) if np.isfinite(row["result"]) else None}
        for row in values.to_dict("records")
    ]  # fmt: skip
    return rows | {"values": told, "access": [{"at": at, "who": person, "what": what} for at, person, what in looks]}
