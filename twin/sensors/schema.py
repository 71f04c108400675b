"""Tables of the observation store, the same on SQLite and PostgreSQL, and how an older store is brought up to date."""

from __future__ import annotations

import sqlalchemy as sa

from twin.errors import InputError
from twin.language import text

__all__ = ["VERSION", "migrate", "observations", "require_current", "tables", "version_of"]

tables = sa.MetaData()
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

schema_version = sa.Table("schema_version", tables, sa.Column("version", sa.Integer, primary_key=True))
things = sa.Table(
    "things",
    tables,
    sa.Column("id", _id, primary_key=True),
    sa.Column("key", sa.Text, unique=True, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("privacy", sa.Text, nullable=False),
    sa.Column("retention_days", sa.Integer),
)
locations = sa.Table(  # HistoricalLocations: where a thing stood from a moment on
    "locations",
    tables,
    sa.Column("thing_id", _id, primary_key=True),
    sa.Column("since", sa.BigInteger, primary_key=True),
    sa.Column("longitude", sa.Double, nullable=False),
    sa.Column("latitude", sa.Double, nullable=False),
    sa.Column("height", sa.Double),
)
streams = sa.Table(
    "streams",
    tables,
    sa.Column("id", _id, primary_key=True),
    sa.Column("key", sa.Text, unique=True, nullable=False),
    sa.Column("thing_id", _id, nullable=False),
    sa.Column("property", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("interval_s", sa.Double),
    sa.Column("station_class", sa.Text, nullable=False),
    sa.Column("paused", sa.Integer, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),
)


def _value_columns() -> list[sa.Column]:
    return [
        sa.Column("stream_id", _id, primary_key=True, autoincrement=False),
        sa.Column("time", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("result", sa.Double),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("flag", sa.SmallInteger, nullable=False),
        sa.Column("bits", sa.BigInteger, nullable=False),
    ]


observations = sa.Table("observations", tables, *_value_columns(), sqlite_with_rowid=False)
latest = sa.Table(
    "latest",
    tables,
    sa.Column("stream_id", _id, primary_key=True, autoincrement=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("result", sa.Double),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("flag", sa.SmallInteger, nullable=False),
    sa.Column("bits", sa.BigInteger, nullable=False),
)
revisions = sa.Table(  # values that a later one with the same time replaced
    "revisions",
    tables,
    sa.Column("id", _id, primary_key=True),
    sa.Column("stream_id", _id, nullable=False, index=True),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("result", sa.Double),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("flag", sa.SmallInteger, nullable=False),
    sa.Column("bits", sa.BigInteger, nullable=False),
    sa.Column("replaced", sa.BigInteger, nullable=False),
)
archived_days = sa.Table(
    "archived_days",
    tables,
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # days since 1970-01-01
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)
configurations = sa.Table(
    "configurations",
    tables,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)
dead_letters = sa.Table(
    "dead_letters",
    tables,
    sa.Column("id", _id, primary_key=True),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("start", sa.Text, nullable=False),
)
counters = sa.Table(
    "counters", tables, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.BigInteger, nullable=False)
)
alerts = sa.Table(
    "alerts",
    tables,
    sa.Column("id", _id, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("stream_id", _id, nullable=False),
    sa.Column("raised", sa.BigInteger, nullable=False),
    sa.Column("cleared", sa.BigInteger),
    sa.Column("value", sa.Double, nullable=False),
    sa.UniqueConstraint("rule", "stream_id", "raised"),
)
access_log = sa.Table(
    "access_log",
    tables,
    sa.Column("id", _id, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("thing", sa.Text, nullable=False),
)

tellings = sa.Table(  # which alert was told by which way
    "tellings",
    tables,
    sa.Column("alert_id", _id, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("way", sa.Text, primary_key=True),
    sa.Column("told", sa.BigInteger, nullable=False),
)

# Tables by the version of the schema that brought them.
_STEPS: tuple[tuple[sa.Table, ...], ...] = (
    (
        schema_version,
        things,
        locations,
        streams,
        observations,
        latest,
        revisions,
        archived_days,
        configurations,
        dead_letters,
        counters,
    ),
    (alerts, access_log),
    (tellings,),
)
VERSION = len(_STEPS)
"""Version of the schema this program writes."""


def version_of(connection: sa.Connection) -> int:
    """Return the version of the schema of a database; 0 where it has none."""
    if not sa.inspect(connection).has_table("schema_version"):
        return 0
    return int(connection.execute(sa.select(sa.func.max(schema_version.c.version))).scalar() or 0)


def migrate(connection: sa.Connection) -> tuple[int, int]:
    """Bring a database up to date and return the versions before and after."""
    before = version_of(connection)
    for number in range(before + 1, VERSION + 1):
        tables.create_all(connection, tables=list(_STEPS[number - 1]))
        connection.execute(schema_version.insert().values(version=number))
    return before, max(before, VERSION)


def require_current(connection: sa.Connection, where: str) -> None:
    """Create the tables of an empty database; refuse one of another version in one sentence."""
    found = version_of(connection)
    if found == 0:
        migrate(connection)
    elif found < VERSION:
        raise InputError(text("sensors.schema_old", where=where, found=found, version=VERSION))
    elif found > VERSION:
        raise InputError(text("sensors.schema_new", where=where, found=found, version=VERSION))
