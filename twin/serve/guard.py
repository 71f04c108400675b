"""What stands between the network and the pages: headers, origin, size, pace and patience. Plain ASGI, no dependency.

- Every answer carries a content security policy that allows this server alone, and no cookie is ever set.
- Requests that change something must come from the page itself: same ``Origin``, or ``Sec-Fetch-Site: same-origin``; a client
  that sends neither (no browser) must send JSON, which another site cannot do without asking first.
- Bodies are small and must arrive in time; answers must be taken in time.
- Pace is counted by device token, and by address only through a keyed hash whose key dies with the process.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from twin.language import text

__all__ = ["BODY_LIMIT", "Guard", "Pace", "language_of"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_LIMIT = 65536
"""Largest body of a request [bytes]."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_FORMS = b"application/x-www-form-urlencoded"

_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # no-referrer would make browsers send forms with "Origin: null"
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(self), interest-cohort=()"),
    (b"x-frame-options", b"DENY"),
]


class Pace:
    """Token buckets: how often something may happen.

    Parameters
    ----------
    per_minute : float
        Long-term rate.
    burst : float
        How many at once.
    most : int
        Buckets remembered.

    Examples
    --------
    >>> pace = Pace(60, 2)
    >>> [pace.take("a") == 0.0 for _ in range(3)]
    [True, True, False]
    """

    def __init__(self, per_minute: float, burst: float, most: int = 20000) -> None:
        self._rate, self._burst, self._most = per_minute / 60.0, float(burst), most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float | None = None) -> float:
        """Take one; return 0, or the seconds to wait."""
        moment = time.monotonic() if now is None else now
        level, before = self._buckets.pop(key, (self._burst, moment))
        level = min(self._burst, level + (moment - before) * self._rate)
        while len(self._buckets) >= self._most:
            self._buckets.popitem(last=False)
        if level < 1.0:
            self._buckets[key] = (level, moment)
            return (1.0 - level) / self._rate
        self._buckets[key] = (level - 1.0, moment)
        return 0.0


def language_of(scope: Scope, languages: tuple[str, ...] = ("de", "en", "ls")) -> str:
    """Return the language asked for by ``?lang=``, else by ``Accept-Language``, else the first one offered."""
    query = scope.get("query_string", b"").decode("latin-1")
    for part in query.split("&"):
        if part.startswith("lang=") and part[5:] in languages:
            return part[5:]
    for wish in _header(scope, b"accept-language").decode("latin-1").lower().split(","):
        if wish.strip()[:2] in languages:
            return wish.strip()[:2]
    return languages[0]


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


class Guard:
    """ASGI middleware round the whole server.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    hosts : tuple of str
        Names under which the server may be asked (``Host`` header without port); ``"*"`` for any.
    reads, writes : Pace
        Pace of reading by address, and of writing by address (many visitors of a hall share one).
    seconds : float
        Time a body may take to arrive, and an answer to be taken.
    """

    def __init__(
        self,
        app: Any,
        *,
        hosts: tuple[str, ...],
        reads: Pace | None = None,
        writes: Pace | None = None,
        seconds: float = 15.0,
    ) -> None:
        self.app, self.hosts, self.seconds = app, hosts, seconds
        self._reads, self._writes = reads or Pace(12000, 3000), writes or Pace(1200, 400)
        self._key = secrets.token_bytes(32)
        self.refused: dict[int, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with_headers = self._with_headers(scope, send)
        problem = self._problem(scope)
        if problem is not None:
            await self._refuse(scope, with_headers, *problem)
            return
        if scope["method"] in _SAFE:
            await self._patiently(scope, receive, with_headers)
            return
        body = await self._body(receive)
        if isinstance(body, int):
            await self._refuse(scope, with_headers, body, "slow" if body == 408 else "large", close=True)
            return
        await self._patiently(scope, _replay(body, receive), with_headers)

    async def _patiently(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except TimeoutError:
            self.refused[408] = self.refused.get(408, 0) + 1  # the client has stopped taking the answer
            raise ConnectionResetError from None

    def _problem(self, scope: Scope) -> tuple[int, str] | tuple[int, str, float] | None:
        host = _header(scope, b"host").decode("latin-1").lower()
        if "*" not in self.hosts and _name(host) not in self.hosts:
            return 421, "host"
        writing = scope["method"] not in _SAFE
        wait = (self._writes if writing else self._reads).take(self._address(scope))
        if wait:
            return 429, "pace", wait
        if not writing:
            return None
        origin, fetched = _header(scope, b"origin").decode("latin-1").lower(), _header(scope, b"sec-fetch-site")
        if origin and origin.split("://", 1)[-1] != host:
            return 403, "origin"
        if fetched and fetched not in (b"same-origin", b"none"):
            return 403, "origin"
        kind = _header(scope, b"content-type").split(b";")[0].strip().lower()
        empty = _header(scope, b"content-length") in (b"", b"0") and not _header(scope, b"transfer-encoding")
        if kind == _FORMS and not (origin or fetched == b"same-origin"):
            return 403, "origin"
        if kind not in (b"application/json", _FORMS) and not empty:
            return 415, "kind"
        if empty and not (origin or fetched or scope["method"] == "DELETE" or kind == b"application/json"):
            return 403, "origin"
        length = _header(scope, b"content-length")
        if length and (not length.isdigit() or int(length) > BODY_LIMIT):
            return 413, "large"
        return None

    def _address(self, scope: Scope) -> str:
        client = scope.get("client") or ("", 0)
        return hmac.new(self._key, str(client[0]).encode(), "sha256").hexdigest()

    async def _body(self, receive: Receive) -> bytes | int:
        """Return the body, or the status of what is wrong with it."""
        parts: list[bytes] = []
        size, deadline = 0, time.monotonic() + self.seconds
        while True:
            try:
                message = await asyncio.wait_for(receive(), max(0.01, deadline - time.monotonic()))
            except TimeoutError:
                return 408
            if message["type"] == "http.disconnect":
                return 408
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > BODY_LIMIT:
                return 413
            if not message.get("more_body", False):
                return b"".join(parts)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        private = scope["path"].startswith("/api")

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [(k, v) for k, v in message.get("headers", []) if k.lower() != b"set-cookie"]
                named = {key.lower() for key, _ in own}
                extra = [(k, v) for k, v in _HEADERS if k not in named]
                if private and b"cache-control" not in named:
                    extra.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*own, *extra]}
            await asyncio.wait_for(send(message), self.seconds)

        return answer

    async def _refuse(
        self, scope: Scope, send: Send, status: int, key: str, wait: float = 0.0, *, close: bool = False
    ) -> None:
        self.refused[status] = self.refused.get(status, 0) + 1
        sentence = text(f"participation.refused_{key}", language_of(scope))
        body = json.dumps({"error": sentence}, ensure_ascii=False).encode()
        headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        headers += [(b"retry-after", str(math.ceil(wait)).encode())] if wait else []
        headers += [(b"connection", b"close")] if close else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    return host[: host.rindex("]") + 1] if host.startswith("[") and "]" in host else host.rsplit(":", 1)[0]


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
