"""What citizens leave, in SQLite or PostgreSQL: durable when acknowledged, one vote a device, deleted by its owner or in time.

SQLite writes ahead and waits for the disk with every entry, so a killed process or a power cut loses nothing that was
acknowledged. Readers are answered from a copy in memory that is renewed after each published change.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from twin.errors import InputError
from twin.language import text
from twin.sensors.databases import Database, engine_of
from twin.serve.participation import tables

__all__ = ["STATES", "Full", "Participation"]

STATES = ("pending", "approved", "rejected")

_TABLES = {"comment": tables.comments, "variant": tables.variants}


class Full(Exception):  # noqa: N818  (a limit, not an error)
    """A device has left as many entries as it may."""


def _hour() -> str:
    """Return the current full hour (UTC): times of day finer than that are not kept."""
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:00Z}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Participation(Database):
    """Entries of one event.

    Parameters
    ----------
    url : str
        ``sqlite:///event.db``, a path, or ``postgresql://user@host/database``.

    Raises
    ------
    InputError
        If the database cannot be reached, or was made by another version.

    Examples
    --------
    >>> import tempfile
    >>> store = Participation(f"sqlite:///{tempfile.mkdtemp()}/event.db")
    >>> token = store.new_device()
    >>> number = store.add_comment(token, x=1.0, y=2.0, variant="", topic="heat", text="A bench, please.")
    >>> store.published("comment"), store.decide("comment", number, "approved")
    ([], True)
    >>> store.vote(token, f"comment:{number}", 1)
    1
    """

    def __init__(self, url: str) -> None:
        self._engine = engine_of(url, synchronous="FULL")
        self._lock = threading.Lock()
        self.version = 0
        """Grows with every published change, so that readers know when to ask again."""
        self._copies: dict[Any, Any] = {}
        try:
            with self.writing() as connection:
                found = tables.create(connection)
        except (sa.exc.OperationalError, sa.exc.DatabaseError) as error:
            where = self._engine.url.render_as_string(hide_password=True)
            reason = str(getattr(error, "orig", error)).splitlines()[0]
            raise InputError(text("participation.store_unreachable", url=where, reason=reason)) from None
        if found != tables.SCHEMA:
            where = self._engine.url.render_as_string(hide_password=True)
            raise InputError(text("participation.store_version", url=where, found=found, known=tables.SCHEMA))

    def _changed(self) -> None:
        self.version += 1

    def _copy(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what was read before, or read it again where something has been published since."""
        version, known = self._copies.get(key, (-1, None))
        if version != self.version:
            version = self.version
            known = make()
            self._copies[key] = (version, known)
        return known

    # Devices --------------------------------------------------------------------------------------------------------

    def new_device(self) -> str:
        """Return a token for a device; only its hash is kept."""
        token = secrets.token_urlsafe(24)
        with self.writing() as connection:
            connection.execute(tables.devices.insert().values(token=_digest(token), hour=_hour()))
        return token

    def device(self, token: str) -> int | None:
        """Return the number of a device, None for a token that was not given out here."""
        with self.reading() as connection:
            return _number(connection, token)

    def forget(self, token: str) -> dict[str, int]:
        """Delete everything a device has left, and the device; return how much that was by table."""
        gone = {}
        with self.writing() as connection:
            number = _number(connection, token)
            if number is None:
                return {}
            for kind, table in _TABLES.items():
                ids = [row[0] for row in connection.execute(sa.select(table.c.id).where(table.c.device == number))]
                targets = [f"{kind}:{one}" for one in ids]
                for start in range(0, len(targets), 500):
                    some = tables.votes.c.target.in_(targets[start : start + 500])
                    connection.execute(tables.votes.delete().where(some))
            for table in (tables.comments, tables.variants, tables.votes, tables.survey):
                gone[table.name] = connection.execute(table.delete().where(table.c.device == number)).rowcount
            connection.execute(tables.devices.delete().where(tables.devices.c.id == number))
        self._changed()
        return gone

    def forget_all(self) -> None:
        """Delete every entry and every device, when the time of the event is over."""
        with self.writing() as connection:
            for table in (tables.comments, tables.variants, tables.votes, tables.survey, tables.devices):
                connection.execute(table.delete())
        self._changed()

    # Entries --------------------------------------------------------------------------------------------------------

    def add_comment(
        self, token: str, *, x: float, y: float, variant: str, topic: str, text: str, most: int = 1000
    ) -> int:
        """Keep a comment for moderation and return its number.

        Raises
        ------
        Full
            If the device has left ``most`` comments.
        KeyError
            If the device or the variant is not known.
        """
        with self.writing() as connection:
            device = _require(connection, token)
            own = sa.select(sa.func.count()).where(tables.comments.c.device == device)
            if (connection.execute(own).scalar() or 0) >= most:
                raise Full
            if variant.startswith("variant:"):
                self._require_target(connection, variant, device)
            values = {"device": device, "x": x, "y": y, "variant": variant, "topic": topic, "text": text}
            values |= {"state": "pending", "hour": _hour()}
            return int(
                connection.execute(tables.comments.insert().values(values).returning(tables.comments.c.id)).scalar_one()
            )

    def add_variant(
        self, token: str, *, title: str, author: str, measures: Sequence[Any], answer: Any, indicators: Any,
        layers: bytes, most: int = 50,
    ) -> int:  # fmt: skip
        """Keep a computed idea for moderation and return its number; see :meth:`add_comment`."""
        with self.writing() as connection:
            device = _require(connection, token)
            own = sa.select(sa.func.count()).where(tables.variants.c.device == device)
            if (connection.execute(own).scalar() or 0) >= most:
                raise Full
            texts = {"measures": measures, "answer": answer, "indicators": indicators}
            values = {name: json.dumps(value, ensure_ascii=False) for name, value in texts.items()}
            values |= {"device": device, "title": title, "author": author, "layers": layers}  # type: ignore[dict-item]
            values |= {"state": "pending", "hour": _hour()}
            return int(
                connection.execute(tables.variants.insert().values(values).returning(tables.variants.c.id)).scalar_one()
            )

    def vote(self, token: str, target: str, value: int) -> int:
        """Set, change or take back (0) the vote of a device, and return the sum of all votes for the target.

        Raises
        ------
        KeyError
            If the device is not known, or the target is not published.
        """
        table = tables.votes
        with self.writing() as connection:
            device = _require(connection, token)
            self._require_target(connection, target, None)
            own = (table.c.target == target) & (table.c.device == device)
            connection.execute(table.delete().where(own))
            if value:
                connection.execute(table.insert().values(target=target, device=device, value=value, hour=_hour()))
            count = connection.execute(sa.select(sa.func.sum(table.c.value)).where(table.c.target == target)).scalar()
        self._changed()
        return int(count or 0)

    def _require_target(self, connection: sa.Connection, target: str, device: int | None) -> None:
        """Raise where a variant or comment is neither published nor one's own."""
        kind, _, number = target.partition(":")
        table = _TABLES[kind]
        query = sa.select(table.c.id).where(table.c.id == int(number))
        visible = table.c.state == "approved"
        query = query.where(visible | (table.c.device == device) if device is not None else visible)
        if connection.execute(query).scalar() is None:
            raise KeyError(target)

    def answer_survey(self, token: str, answers: dict[str, Any]) -> None:
        """Keep the answers of a device, in place of earlier ones."""
        table = tables.survey
        with self.writing() as connection:
            device = _require(connection, token)
            connection.execute(table.delete().where(table.c.device == device))
            values = {"device": device, "answers": json.dumps(answers, ensure_ascii=False), "hour": _hour()}
            connection.execute(table.insert().values(values))
        self._changed()

    # Reading --------------------------------------------------------------------------------------------------------

    def known(self, key: Any) -> Any:
        """Return what is in memory under ``"votes"`` or ``("published", kind)``, None where it must be read again."""
        version, found = self._copies.get(key, (-1, None))
        return found if version == self.version else None

    def votes(self) -> dict[str, dict[str, int]]:
        """Return votes for and against by target, and their sum."""
        return self._copy("votes", self._votes)

    def _votes(self) -> dict[str, dict[str, int]]:
        table = tables.votes
        found: dict[str, dict[str, int]] = {}
        query = sa.select(table.c.target, table.c.value, sa.func.count()).group_by(table.c.target, table.c.value)
        with self.reading() as connection:
            for target, value, count in connection.execute(query):
                one = found.setdefault(target, {"for": 0, "against": 0, "sum": 0})
                one["for" if value > 0 else "against"] += int(count)
                one["sum"] += int(value) * int(count)
        return found

    def published(self, kind: str) -> list[dict[str, Any]]:
        """Return approved comments or variants (without layers), newest last, with their votes."""
        return self._copy(("published", kind), lambda: self._entries(kind, ("approved",)))

    def waiting(self) -> list[dict[str, Any]]:
        """Return what waits for moderation, oldest first."""
        return [one for kind in _TABLES for one in self._entries(kind, ("pending",))]

    def everything(self, kind: str) -> list[dict[str, Any]]:
        """Return all comments or variants in any state, for exports."""
        return self._entries(kind, STATES)

    def _entries(self, kind: str, states: Sequence[str]) -> list[dict[str, Any]]:
        table = _TABLES[kind]
        columns = [column for column in table.c if column.name not in ("layers", "device")]
        with self.reading() as connection:
            rows = connection.execute(sa.select(*columns).where(table.c.state.in_(states)).order_by(table.c.id))
            entries = [dict(row._mapping) for row in rows]
        sums = self._votes()
        for one in entries:
            one["kind"] = kind
            one["votes"] = sums.get(f"{kind}:{one['id']}", {"for": 0, "against": 0, "sum": 0})
            for name in ("measures", "answer", "indicators"):
                if name in one:
                    one[name] = json.loads(one[name])
        return entries

    def variant(self, number: int, token: str | None = None) -> dict[str, Any] | None:
        """Return a published variant, or one of the device's own, with its layers; None where there is none."""
        table = tables.variants
        with self.reading() as connection:
            device = _number(connection, token) if token else None
            row = connection.execute(sa.select(table).where(table.c.id == number)).mappings().first()
        if row is None or (row["state"] != "approved" and row["device"] != device):
            return None
        found = {name: row[name] for name in ("id", "title", "author", "layers", "hour", "state")}
        return found | {name: json.loads(row[name]) for name in ("measures", "answer", "indicators")}

    def own(self, token: str) -> list[str]:
        """Return the entries of a device, as ``comment:1``, with what became of them."""
        found = []
        with self.reading() as connection:
            device = _number(connection, token)
            for kind, table in _TABLES.items() if device is not None else ():
                query = sa.select(table.c.id, table.c.state).where(table.c.device == device).order_by(table.c.id)
                found += [f"{kind}:{number} {state}" for number, state in connection.execute(query)]
        return found

    def surveys(self) -> list[dict[str, Any]]:
        """Return the answers of all devices, without the devices."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(tables.survey.c.answers).order_by(tables.survey.c.device))
            return [json.loads(row[0]) for row in rows]

    def decide(self, kind: str, number: int, state: str, reason: str = "") -> bool:
        """Publish or refuse a comment or variant; return whether there is one of that number."""
        table = _TABLES[kind]
        with self.writing() as connection:
            change = table.update().where(table.c.id == number).values(state=state, reason=reason)
            found = connection.execute(change).rowcount > 0
        self._changed()
        return bool(found)

    def counts(self) -> dict[str, int]:
        """Return how many entries there are, for the metrics."""
        found: dict[str, int] = {}
        with self.reading() as connection:
            for kind, table in _TABLES.items():
                query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
                found |= {f"{kind}_{state}": int(count) for state, count in connection.execute(query)}
            for name, table in (("votes", tables.votes), ("surveys", tables.survey), ("devices", tables.devices)):
                found[name] = int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0)
        return found


def _number(connection: sa.Connection, token: str) -> int | None:
    query = sa.select(tables.devices.c.id).where(tables.devices.c.token == _digest(token))
    found = connection.execute(query).scalar()
    return None if found is None else int(found)


def _require(connection: sa.Connection, token: str) -> int:
    number = _number(connection, token)
    if number is None:
        raise KeyError("device")
    return number
