"""Connections to SQLite with a write-ahead log, or to a PostgreSQL server: one way for all stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa

from twin.errors import InputError
from twin.language import text

__all__ = ["Database", "engine_of"]


class Database:
    """What all stores have in common: an engine, one writer at a time, readers beside it."""

    _engine: sa.Engine
    _lock: threading.Lock

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that writes; one at a time in this process."""
        with self._lock, self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that reads one consistent state."""
        with self._engine.connect() as connection, connection.begin():
            yield connection


def engine_of(url: str, *, synchronous: str = "NORMAL") -> sa.Engine:
    """Return the engine of an address; its transactions with ``execution_options(writes=True)`` write one at a time.

    Parameters
    ----------
    url : str
        ``sqlite:///file.db``, a path, or ``postgresql://user@host/database``.
    synchronous : {"NORMAL", "FULL"}
        Of SQLite: FULL keeps what was acknowledged even when the power fails.

    Raises
    ------
    InputError
        If the address is of another kind, or the driver is missing.
    """
    address = url if "://" in url else f"sqlite:///{url}"
    try:
        parsed = sa.make_url(address)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = _by_socket(parsed.set(drivername="postgresql+pg8000"))
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(text("sensors.url_kind", url=parsed.render_as_string(hide_password=True)))
        if parsed.get_backend_name() == "sqlite" and not parsed.database:
            raise InputError(text("sensors.url_memory"))
        engine = sa.create_engine(parsed, connect_args={"timeout": 60} if parsed.drivername == "sqlite" else {})
    except sa.exc.ArgumentError:
        raise InputError(text("sensors.url_kind", url=url.split("@")[-1])) from None
    except ModuleNotFoundError as error:
        raise InputError(text("sensors.driver_missing", name=error.name or "")) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", partial(_prepare, synchronous))
        sa.event.listen(engine, "begin", _begin)
    return engine


def _by_socket(address: sa.URL) -> sa.URL:
    """Return the address of a server reached by a socket file, as its own tools write it (``?host=/folder``), for the driver."""
    folder = str(address.query.get("host", ""))
    if not folder.startswith("/"):
        return address
    socket = f"{folder}/.s.PGSQL.{address.port or address.query.get('port', 5432)}"
    return address.difference_update_query(["host", "port"]).update_query_dict({"unix_sock": socket})


def _prepare(synchronous: str, connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin
    for pragma in (
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        "secure_delete=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
