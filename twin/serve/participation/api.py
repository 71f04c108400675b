"""Entries over HTTP: devices, comments, votes, surveys, saved ideas, moderation, deletion, export."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twin.serve.participation.export import exported
from twin.serve.participation.store import Full
from twin.serve.requests import CommentBody, DeviceBody, ModerationBody, SurveyBody, VariantBody, VoteBody
from twin.serve.service import Refused, Service, answer, body_of, device_of, moderator, service_of
from twin.serve.streams import as_json

__all__ = ["published", "routes"]


async def new_device(request: Request) -> Response:
    """Give out a device token."""
    service = service_of(request)
    await body_of(request, DeviceBody)
    if service.over:
        raise Refused(410, "event_over")
    address = request.client.host if request.client is not None else ""
    if service.devices.take(address):
        raise Refused(429, "refused_pace", {"retry-after": "10"})
    return answer({"token": await run_in_threadpool(service.entries.new_device)}, 201)


async def comments(request: Request) -> Response:
    """Return the published comments."""
    service = service_of(request)
    version, found = service.entries.version, await published(service, "comment")
    return _tagged(request, "comments", version, lambda: [_public(one) for one in found])


def _public(entry: dict) -> dict:
    return {name: value for name, value in entry.items() if name not in ("state", "reason", "kind", "layers")}


async def published(service: Service, kind: str) -> list[dict[str, Any]]:
    """Return published entries: from memory, or read in a thread of its own."""
    known = service.entries.known(("published", kind))
    return known if known is not None else await run_in_threadpool(service.entries.published, kind)


def _tagged(request: Request, name: str, version: int, make: Callable[[], object]) -> Response:
    """Return published data with a mark, so that a page that asks again gets a short answer."""
    mark = f'"v{version}-{request.app.state.started}"'
    headers = {"etag": mark, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    body = service_of(request).held((name,), version, lambda: as_json(make()))
    return Response(body, headers=headers, media_type="application/json; charset=utf-8")


async def add_comment(request: Request) -> Response:
    """Keep a comment for moderation."""
    service = service_of(request)
    token = device_of(request)
    body: CommentBody = await body_of(request, CommentBody)
    if not service.event.participation.comments:
        raise Refused(403, "closed")
    if body.topic not in {one.key for one in service.event.topic}:
        raise Refused(422, "topic_unknown", allowed=", ".join(one.key for one in service.event.topic))
    west, south, east, north = service.area
    if not (west <= body.x <= east and south <= body.y <= north):
        raise Refused(422, "outside")
    values = body.model_dump() | {"variant": body.variant or ""}
    most = service.event.participation.most_comments
    number = await _kept(service.entries.add_comment, token, **values, most=most)
    return answer({"id": number, "state": "pending"}, 202)


async def _kept(write, token: str, **values):  # type: ignore[no-untyped-def]
    try:
        return await run_in_threadpool(write, token, **values)
    except Full:
        raise Refused(429, "enough", {"retry-after": "86400"}) from None
    except KeyError as error:
        if error.args == ("device",):
            raise Refused(401, "no_device") from None
        raise Refused(404, "not_there") from None


async def vote(request: Request) -> Response:
    """Set or take back a vote."""
    service = service_of(request)
    token = device_of(request)
    body: VoteBody = await body_of(request, VoteBody)
    if not service.event.participation.votes:
        raise Refused(403, "closed")
    count = await _kept(service.entries.vote, token, target=body.target, value=body.value)
    return answer({"count": count})


async def votes(request: Request) -> Response:
    """Return the sums of all votes."""
    service = service_of(request)
    version, known = service.entries.version, service.entries.known("votes")
    found = known if known is not None else await run_in_threadpool(service.entries.votes)
    return _tagged(request, "votes", version, lambda: found)


async def questions(request: Request) -> Response:
    """Return the questions of the survey."""
    return answer({"questions": [one.model_dump() for one in service_of(request).event.question]})


async def add_survey(request: Request) -> Response:
    """Keep the answers of a device."""
    service = service_of(request)
    token = device_of(request)
    body: SurveyBody = await body_of(request, SurveyBody)
    asked = {one.key: one for one in service.event.question}
    for key, given in body.answers.items():
        question = asked.get(key)
        options = {one.key for one in question.options} if question is not None else set()
        right = question is not None and (
            (question.kind == "choice" and given in options)
            or (question.kind == "scale" and isinstance(given, int))
            or (question.kind == "text" and isinstance(given, str))
        )
        if not right:
            raise Refused(422, "survey_wrong", question=key)
    await _kept(service.entries.answer_survey, token, answers=dict(body.answers))
    return answer({"state": "kept"}, 202)


async def variants(request: Request) -> Response:
    """Return the published ideas, without their layers."""
    service = service_of(request)
    version, found = service.entries.version, await published(service, "variant")
    return _tagged(
        request, "variants", version, lambda: [{**_public(one), "key": f"variant:{one['id']}"} for one in found]
    )


async def add_variant(request: Request) -> Response:
    """Keep a computed idea under a title."""
    service = service_of(request)
    token = device_of(request)
    body: VariantBody = await body_of(request, VariantBody)
    if not service.event.participation.variants:
        raise Refused(403, "closed")
    job = service.workshop.jobs.get(body.job) if service.workshop is not None else None
    if job is None or job.device != token or job.state != "done":
        raise Refused(404, "no_draft")
    told = {name: data for name, data in job.events if name != "layer"}
    layers = gzip.compress(as_json([data for name, data in job.events if name == "layer"]), 1, mtime=0)
    values = {"title": body.title, "author": body.author, "measures": job.measures, "layers": layers}
    values |= {
        "answer": told.get("answer", {}).get("text", {}),
        "indicators": told.get("indicators", {}).get("rows", []),
    }
    number = await _kept(service.entries.add_variant, token, **values)
    return answer({"id": number, "key": f"variant:{number}", "state": "pending"}, 201)


async def one_variant(request: Request) -> Response:
    """Return a published idea, or one of one's own, with its layers."""
    service = service_of(request)
    token = request.headers.get("x-device")
    found = await run_in_threadpool(service.entries.variant, request.path_params["number"], token)
    if found is None:
        raise Refused(404, "not_there")
    layers = json.loads(gzip.decompress(found.pop("layers")))
    return answer({**found, "key": f"variant:{found['id']}", "layers": layers})


async def forget(request: Request) -> Response:
    """Delete everything a device has left."""
    token = device_of(request, write=False)
    return answer({"deleted": await run_in_threadpool(service_of(request).entries.forget, token)})


async def mine(request: Request) -> Response:
    """Return what a device has left and what became of it."""
    token = device_of(request, write=False)
    return answer({"entries": await run_in_threadpool(service_of(request).entries.own, token)})


async def waiting(request: Request) -> Response:
    """Return what waits for moderation."""
    moderator(request)
    return answer(await run_in_threadpool(service_of(request).entries.waiting))


async def decide(request: Request) -> Response:
    """Publish or refuse an entry: ``comment:3``, or ``3`` for a comment."""
    moderator(request)
    body: ModerationBody = await body_of(request, ModerationBody)
    kind, _, number = str(request.path_params["entry"]).rpartition(":")
    kind = kind or "comment"
    if kind not in ("comment", "variant") or not number.isdigit() or len(number) > 12:
        raise Refused(404, "not_there")
    entries = service_of(request).entries
    if not await run_in_threadpool(entries.decide, kind, int(number), body.state, body.reason):
        raise Refused(404, "not_there")
    return answer({"id": int(number), "kind": kind, "state": body.state})


async def export(request: Request) -> Response:
    """Return all entries as GeoPackage or CSV."""
    moderator(request)
    form = request.query_params.get("format", "gpkg")
    if form not in ("gpkg", "csv"):
        raise Refused(422, "export_format")
    data, kind, name = await run_in_threadpool(exported, service_of(request), form)
    return Response(data, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


routes = [
    Route("/api/device", new_device, methods=["POST"]),
    Route("/api/comments", comments),
    Route("/api/comments", add_comment, methods=["POST"]),
    Route("/api/votes", votes),
    Route("/api/votes", vote, methods=["POST"]),
    Route("/api/survey", questions),
    Route("/api/survey", add_survey, methods=["POST"]),
    Route("/api/variants", variants),
    Route("/api/variants", add_variant, methods=["POST"]),
    Route("/api/variants/{number:int}", one_variant),
    Route("/api/mine", mine),
    Route("/api/mine", forget, methods=["DELETE"]),
    Route("/api/moderation", waiting),
    Route("/api/moderation/{entry}", decide, methods=["POST"]),
    Route("/api/export", export),
]
