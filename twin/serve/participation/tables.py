"""Tables of participation. No table holds an address, a cookie or a name of a device; times are full hours."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["SCHEMA", "comments", "create", "devices", "metadata", "survey", "variants", "votes"]

SCHEMA = 1
"""Version of the tables."""

metadata = sa.MetaData()
_big = sa.BigInteger().with_variant(sa.Integer, "sqlite")

state = sa.Table(
    "participation_state",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
devices = sa.Table(
    "participation_devices",
    metadata,
    sa.Column("id", _big, primary_key=True, autoincrement=True),
    sa.Column(
        "token", sa.String(64), nullable=False, unique=True
    ),  # SHA-256: the token itself is with the device alone
    sa.Column("hour", sa.String(17), nullable=False),
)
variants = sa.Table(
    "participation_variants",
    metadata,
    sa.Column("id", _big, primary_key=True, autoincrement=True),
    sa.Column("device", _big, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("measures", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("indicators", sa.Text, nullable=False),
    sa.Column("layers", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(10), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("hour", sa.String(17), nullable=False),
)
comments = sa.Table(
    "participation_comments",
    metadata,
    sa.Column("id", _big, primary_key=True, autoincrement=True),
    sa.Column("device", _big, nullable=False, index=True),
    sa.Column("x", sa.Float, nullable=False),
    sa.Column("y", sa.Float, nullable=False),
    sa.Column("variant", sa.String(40), nullable=False),
    sa.Column("topic", sa.String(40), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("state", sa.String(10), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("hour", sa.String(17), nullable=False),
)
votes = sa.Table(
    "participation_votes",
    metadata,
    sa.Column("target", sa.String(40), primary_key=True),
    sa.Column("device", _big, primary_key=True),  # one vote a device and target, whatever arrives at once
    sa.Column("value", sa.SmallInteger, nullable=False),
    sa.Column("hour", sa.String(17), nullable=False),
)
survey = sa.Table(
    "participation_survey",
    metadata,
    sa.Column("device", _big, primary_key=True),
    sa.Column("answers", sa.Text, nullable=False),
    sa.Column("hour", sa.String(17), nullable=False),
)


def create(connection: sa.Connection) -> int:
    """Make the tables where they are missing, and return the version they have."""
    metadata.create_all(connection)
    found = connection.execute(sa.select(state.c.value).where(state.c.name == "schema")).scalar()
    if found is None:
        connection.execute(state.insert().values(name="schema", value=str(SCHEMA)))
        return SCHEMA
    return int(found)
