"""What one server holds: event, files, entries, sessions, sensors, and how requests are told apart and counted."""

from __future__ import annotations

import datetime as dt
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from twin.language import text
from twin.serve.event import Event
from twin.serve.guard import Pace, language_of
from twin.serve.requests import problems
from twin.serve.streams import as_json

if TYPE_CHECKING:
    from twin.serve.files import Files
    from twin.serve.live import Live
    from twin.serve.participation.store import Participation
    from twin.serve.what_if import Workshop

__all__ = ["Refused", "Service", "answer", "body_of", "device_of", "moderator", "service_of"]


_HELD = 2.0  # [s] an answer is given again, so that sensors and dates on it stay true


class Refused(Exception):  # noqa: N818
    """An answer with a status and one sentence."""

    def __init__(self, status: int, key: str, headers: Mapping[str, str] | None = None, **values: Any) -> None:
        self.status, self.key, self.values, self.headers = status, key, values, headers or {}
        super().__init__(key)

    def sentence(self, language: str) -> str:
        """Return the sentence in a language."""
        return text(f"participation.{self.key}", language, **self.values)


@dataclass(eq=False)
class Service:
    """Everything a request may need."""

    event: Event
    files: Files
    entries: Participation
    origin: tuple[float, float] = (0.0, 0.0)
    area: tuple[float, float, float, float] = (-1e6, -1e6, 1e6, 1e6)
    """West, south, east, north in local metres: where comments may lie."""
    crs: str = ""
    workshop: Workshop | None = None
    live: Live | None = None
    moderation: str = ""
    """Token of the moderators; nobody moderates without one."""
    features: Mapping[str, Any] = field(default_factory=dict)
    requests: dict[int, int] = field(default_factory=dict)
    devices: Pace = field(default_factory=lambda: Pace(120, 250))
    tries: Pace = field(default_factory=lambda: Pace(10, 10))
    entries_pace: Pace = field(default_factory=lambda: Pace(10, 10))

    _held: dict[Any, tuple[int, float, bytes]] = field(default_factory=dict)

    def held(self, key: tuple[Any, ...], version: int, make: Callable[[], bytes]) -> bytes:
        """Return the bytes of an answer that many ask for: made once for each version of the published entries."""
        known = self._held.get(key)
        if known is not None and known[0] == version and time.monotonic() - known[1] < _HELD:
            return known[2]
        made = make()
        if len(self._held) > 200:
            self._held.clear()
        self._held[key] = (version, time.monotonic(), made)
        return made

    def page_of(self, name: str, language: str) -> Response | None:
        """Return a page as it was written last, None where something on it may have changed."""
        known = self._held.get((name, language))
        if known is None or known[0] != self.entries.version or time.monotonic() - known[1] >= _HELD:
            return None
        return Response(known[2], media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})

    def keep_page(self, name: str, language: str, version: int, page: Response) -> Response:
        """Remember a page and return it."""
        self._held[(name, language)] = (version, time.monotonic(), bytes(page.body))
        return page

    @property
    def over(self) -> bool:
        """Whether the retention date has come."""
        date = self.event.retention_date
        return date is not None and dt.datetime.now(dt.UTC).date() >= date


def service_of(request: Request) -> Service:
    """Return the service of a request."""
    return request.app.state.service


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return data as JSON."""
    return Response(as_json(data), status, headers=dict(headers or {}), media_type="application/json; charset=utf-8")


async def body_of(request: Request, model: type[BaseModel]) -> Any:
    """Return the body of a request as a model, or refuse it."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refused(415, "refused_kind")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise Refused(422, "body_wrong", problem=problems(error)) from None


def device_of(request: Request, *, write: bool = True) -> str:
    """Return the device token of a request, or refuse: without one, too fast, or after the event."""
    service = service_of(request)
    token = request.headers.get("x-device", "")
    if not 16 <= len(token) <= 64 or not token.isascii():
        raise Refused(401, "no_device")
    if write and service.over:
        raise Refused(410, "event_over")
    wait = service.entries_pace.take(token) if write else 0.0
    if wait:
        raise Refused(429, "refused_pace", {"retry-after": str(int(wait) + 1)})
    return token


def moderator(request: Request) -> None:
    """Refuse a request without the moderators' token."""
    service = service_of(request)
    given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    allowed(service, given, request)


def allowed(service: Service, given: str, request: Request) -> None:
    """Refuse a token that is not the moderators'; guesses are slowed down."""
    if service.moderation and hmac.compare_digest(given.encode(), service.moderation.encode()):
        return
    address = request.client.host if request.client is not None else ""
    if service.tries.take(address):
        raise Refused(429, "refused_pace", {"retry-after": "30"})
    raise Refused(401, "no_moderator", {"www-authenticate": "Bearer"})


def language(request: Request) -> str:
    """Return the language of a request."""
    return language_of(request.scope, service_of(request).event.languages)
