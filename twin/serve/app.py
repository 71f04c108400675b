"""The server's address book: which request goes where. One ASGI application round one event."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from twin.errors import InputError, sentence
from twin.language import text
from twin.serve.guard import Guard
from twin.serve.metrics import metrics_text
from twin.serve.openapi import description
from twin.serve.pages import routes as page_routes
from twin.serve.participation.api import routes as entry_routes
from twin.serve.requests import WhatIfBody
from twin.serve.service import Refused, Service, answer, body_of, device_of, language, service_of
from twin.serve.streams import event_text
from twin.serve.what_if import Busy, Job

__all__ = ["create_app"]

_POLL = 0.04  # [s] between looks for news of a job
_SIGN = 10.0  # [s] between signs of life


async def event(request: Request) -> Response:
    """Return what the browser must know of the event."""
    service = service_of(request)
    told, rules = service.event, service.event.what_if
    what_if: dict[str, Any] = {"enabled": service.workshop is not None and rules.enabled, "budget": rules.budget}
    if service.workshop is not None:
        west, south, east, north = service.workshop.area
        x, y = service.origin
        what_if["area"] = [west - x, south - y, east - x, north - y]
        what_if["storm"] = service.workshop.session.rain is not None
        what_if["most"] = rules.most
        what_if["measures"] = [
            {"kind": one.kind, "label": one.label or _measure_words(one.kind), "unit": one.unit, "max": one.max}
            | {"cost": _cost(service, one.kind)}
            for one in rules.measure
        ]
    return answer(
        {
            "title": told.title,
            "text": told.text,
            "languages": told.languages,
            "what_if": what_if,
            "participation": {
                "comments": told.participation.comments and not service.over,
                "votes": told.participation.votes and not service.over,
                "variants": told.participation.variants and not service.over,
                "survey": bool(told.question) and not service.over,
                "topics": [{"key": one.key, "label": one.label} for one in told.topic],
            },
            "retention_date": told.retention_date.isoformat() if told.retention_date is not None else None,
            "live": service.live is not None,
            "kiosk": {"idle_seconds": told.kiosk.idle_seconds},
        }
    )


def _measure_words(kind: str) -> dict[str, str]:
    return {tongue: text(f"participation.measure_{kind}", tongue) for tongue in ("de", "en", "ls")}


def _cost(service: Service, kind: str) -> float:
    """Return the costs of one unit of a measure as it is placed here [EUR]."""
    from twin.scenario.measures.costs import cost_table

    scenario = service.workshop.session.scenario if service.workshop is not None else None
    own = scenario.resolve(scenario.costs) if scenario is not None and scenario.costs else None
    variants = {"plant_trees": "street", "unseal": "grass", "green_roof": "extensive"}
    return cost_table(own)[kind, variants.get(kind, "")].cost


async def try_measures(request: Request) -> Response:
    """Put an idea in line."""
    service = service_of(request)
    if service.workshop is None or not service.event.what_if.enabled:
        raise Refused(404, "what_if_off")
    token = device_of(request)
    body: WhatIfBody = await body_of(request, WhatIfBody)
    if await run_in_threadpool(service.entries.device, token) is None:
        raise Refused(401, "no_device")
    before: list[dict[str, Any]] = []
    if body.variant_of != "baseline":
        number = int(body.variant_of.partition(":")[2])
        found = await run_in_threadpool(service.entries.variant, number, token)
        if found is None:
            raise Refused(404, "not_there")
        before = found["measures"]
    try:
        job = service.workshop.submit(body, token, before)
    except Busy:
        raise Refused(429, "line_full", {"retry-after": "5"}) from None
    return answer({"job": job.id}, 202)


async def follow_job(request: Request) -> Response:
    """Stream what becomes of an idea; when its reader goes, the work ends."""
    service = service_of(request)
    job = service.workshop.jobs.get(request.path_params["job"]) if service.workshop is not None else None
    if job is None:
        raise Refused(404, "no_job")
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_told(job, request), headers=headers, media_type="text/event-stream")


async def _told(job: Job, request: Request) -> AsyncIterator[bytes]:
    job.readers += 1
    job.seen = True
    sent, quiet = 0, 0.0
    try:
        while True:
            over = job.over
            news = job.events[sent:]
            for name, data in news:
                yield event_text(name, data)
            sent += len(news)
            if over and sent >= len(job.events):
                return
            if not news:
                if await request.is_disconnected():
                    return
                await asyncio.sleep(_POLL)
                quiet += _POLL
                if quiet >= _SIGN:
                    yield b": alive\n\n"
                    quiet = 0.0
    finally:
        job.readers -= 1
        if not job.over and not job.readers:
            job.gone = True


async def live(request: Request) -> Response:
    """Stream the newest values of all sensors."""
    service = service_of(request)
    if service.live is None:
        return Response(status_code=204)  # tells a browser not to ask again
    stream = service.live.stream(request.is_disconnected)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def latest(request: Request) -> Response:
    """Return the newest values of all sensors at once."""
    service = service_of(request)
    if service.live is None:
        raise Refused(404, "no_sensors")
    return answer(await service.live.now())


async def sensor_things(request: Request) -> Response:
    """Return sensors in the shape of SensorThings 1.1."""
    service = service_of(request)
    if service.live is None:
        raise Refused(404, "no_sensors")
    path = request.path_params.get("path", "").strip("/")
    base = str(request.url.replace(path="/api/sta/v1.1", query=""))
    found = await run_in_threadpool(service.live.things, base, path, dict(request.query_params))
    if found is None:
        raise Refused(404, "not_there")
    return answer(found)


async def openapi(request: Request) -> Response:  # noqa: ARG001
    """Return the description of this interface."""
    return answer(description())


async def health(request: Request) -> Response:
    """Say whether the server works."""
    entries = service_of(request).entries
    await run_in_threadpool(entries.counts)
    return answer({"status": "ok"})


async def metrics(request: Request) -> Response:
    """Return counters in Prometheus' text format."""
    found = await run_in_threadpool(metrics_text, service_of(request), request.app.state.guard)
    return Response(found, media_type="text/plain; version=0.0.4; charset=utf-8")


async def file(request: Request) -> Response:
    """Return a file of the bundle."""
    files = service_of(request).files
    place = files.find(request.path_params.get("path", ""))
    if place is None:
        raise Refused(404, "not_there")
    return await run_in_threadpool(files.response, request, place)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return answer({"error": error.sentence(language(request))}, error.status, error.headers)


async def _bad(request: Request, error: Exception) -> Response:
    return answer({"error": sentence(error, "en" if language(request) == "en" else "de")}, 422)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    key = "not_there" if error.status_code == 404 else "refused_method"
    return answer({"error": text(f"participation.{key}", language(request))}, error.status_code, error.headers or {})


async def _fault(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return answer({"error": text("participation.fault", language(request))}, 500)


class _Counted:
    """Counts answers by status, innermost of the layers round the routes."""

    def __init__(self, app: Any, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                self.service.requests[status] = self.service.requests.get(status, 0) + 1
            await send(message)

        await self.app(scope, receive, counted if scope["type"] == "http" else send)


def create_app(service: Service, *, hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]"), **limits: Any) -> Any:
    """Return the ASGI application of a service.

    Parameters
    ----------
    service : Service
        What is served.
    hosts : tuple of str
        Names under which the server may be asked; ``"*"`` for any.
    **limits
        Of :class:`twin.serve.guard.Guard`: reads, writes, seconds.
    """
    routes = [
        Route("/api/event", event),
        Route("/api/what-if", try_measures, methods=["POST"]),
        Route("/api/what-if/{job:str}", follow_job),
        Route("/api/live", live),
        Route("/api/latest", latest),
        Route("/api/sta/v1.1", sensor_things),
        Route("/api/sta/v1.1/{path:path}", sensor_things),
        Route("/api/openapi.json", openapi),
        Route("/health", health),
        Route("/metrics", metrics),
        *entry_routes,
        *page_routes,
        Route("/{path:path}", file),
    ]
    handlers: dict[Any, Any] = {Refused: _refused, InputError: _bad, HTTPException: _http, Exception: _fault}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.state.service = service
    app.state.started = secrets.token_hex(4)
    guard = Guard(_Counted(app, service), hosts=hosts, **limits)
    app.state.guard = guard
    return guard
