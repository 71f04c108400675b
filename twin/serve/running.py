"""The HTTP server round the application: how long it waits for whom, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["ImpatientProtocol", "server_of"]

_HEAD = 10.0
"""Time from the first byte of a request to the end of its head [s]; a connection that says nothing has as long."""


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that hangs up on clients which do not finish the head of a request."""

    patience = _HEAD

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch: asyncio.TimerHandle | None = None
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._watch = self.loop.call_later(self.patience, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _hang_up(self) -> None:
        self._watch = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; once the head is whole the request's own limits hold."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._watch is None and not self.transport.is_closing():
            self._wait_for_head()

    def on_response_complete(self) -> None:
        """Go on to the next request of the connection, if there is one."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)


def server_of(app: Any, *, host: str, port: int, patience: float = _HEAD) -> uvicorn.Server:
    """Return a server of an application, not yet running.

    Parameters
    ----------
    app : ASGI application
        From :func:`twin.serve.app.create_app`.
    host, port : str, int
        Where it listens; port 0 takes a free one.
    patience : float
        Time for the head of a request [s].
    """
    protocol = type("Protocol", (ImpatientProtocol,), {"patience": patience})
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,  # an access log would hold addresses
        server_header=False,
        date_header=True,
        proxy_headers=False,
        limit_concurrency=2000,
        backlog=512,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=16384,
    )
    return uvicorn.Server(config)
