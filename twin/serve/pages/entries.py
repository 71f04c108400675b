"""The list: everything the map shows as tables, and a form to leave a comment without map and script."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from twin.language import text
from twin.scenario.wording import number, unit_words
from twin.serve.event import said
from twin.serve.pages.frame import escape, fields_of, frame, table
from twin.serve.participation.api import published
from twin.serve.requests import CommentBody, problems
from twin.serve.service import Refused, Service, language, service_of

__all__ = ["leave_comment", "list_page"]

_MOST = 500


def _t(request: Request, key: str, **values: Any) -> str:
    return escape(text(f"participation.{key}", language(request), **values))


def spoken_number(value: Any, decimals: int, unit: str | dict[str, str], tongue: str) -> str:
    """Return a number with its unit in a language; a dash where there is none."""
    if value is None:
        return "–"
    written = "en" if tongue == "en" else "de"
    words = unit_words(unit, written) if isinstance(unit, str) else said(unit, tongue)
    return f"{number(float(value), decimals, written)} {words}".strip()


async def list_page(request: Request) -> Response:
    """Return the list of ideas, comments, numbers and sensors."""
    service, tongue = service_of(request), language(request)
    known = service.page_of("list", tongue)
    if known is not None:
        return known
    version = service.entries.version
    return service.keep_page("list", tongue, version, await _list(request))


async def _list(request: Request, note: str = "", given: dict[str, str] | None = None, status: int = 200) -> Response:
    service, tongue = service_of(request), language(request)
    ideas = await published(service, "variant")
    comments = await published(service, "comment")
    body = note + f"<p>{_t(request, 'list_lead')}</p>"
    body += _numbers(request, service)
    body += f"<h2>{_t(request, 'ideas')}</h2>"
    body += (
        "".join(_idea(request, one, tongue) for one in reversed(ideas[-_MOST:])) or f"<p>{_t(request, 'no_ideas')}</p>"
    )
    body += f"<h2>{_t(request, 'comments')}</h2>"
    body += (
        "".join(_comment(request, one, service) for one in reversed(comments[-_MOST:]))
        or f"<p>{_t(request, 'no_comments')}</p>"
    )
    if service.live is not None:
        body += await _sensors(request, service, tongue)
    if service.event.participation.comments and not service.over:
        body += _form(request, service, given or {})
    return frame(request, "list", body, status=status)


def _numbers(request: Request, service: Service) -> str:
    """Return the numbers of the city as it is."""
    rows = service.features.get("indicators", [])
    tongue = language(request)
    if not rows:
        return ""
    lines = [
        (
            said(one["label"], tongue),
            *(spoken_number(v, one.get("decimals", 1), one["unit"], tongue) for v in one["values"].values()),
        )
        for one in rows
    ]
    names = [service.features.get("variants", {}).get(key, {}) for key in rows[0]["values"]]
    head = [text("participation.column_number", tongue), *(said(one, tongue) or "–" for one in names)]
    return f"<h2>{_t(request, 'numbers')}</h2>" + table(text("participation.numbers", tongue), head, lines, titled=True)


def _idea(request: Request, one: dict[str, Any], tongue: str) -> str:
    rows = [
        (
            said(row["label"], tongue),
            *(spoken_number(row["values"].get(k), row["decimals"], row["unit"], tongue) for k in ("baseline", "draft")),
        )
        for row in one["indicators"]
    ]
    head = [text(f"participation.column_{key}", tongue) for key in ("number", "before", "after")]
    numbers = table(text("participation.idea_numbers", tongue, title=one["title"]), head, rows) if rows else ""
    author = f" · {escape(one['author'])}" if one["author"] else ""
    votes = _t(request, "votes_told", yes=one["votes"]["for"], no=one["votes"]["against"])
    return (
        f'<article class="entry" id="variant-{one["id"]}"><h3>{escape(one["title"])}</h3><p>{escape(said(one["answer"], tongue))}</p>'
        f'<p class="meta">{votes}{author}</p>{numbers}</article>'
    )


def _comment(request: Request, one: dict[str, Any], service: Service) -> str:
    topics = {topic.key: topic.label for topic in service.event.topic}
    topic = said(topics.get(one["topic"], {"de": one["topic"]}), language(request))
    votes = _t(request, "votes_told", yes=one["votes"]["for"], no=one["votes"]["against"])
    place = _t(request, "place_told", x=f"{one['x']:.0f}", y=f"{one['y']:.0f}")
    return (
        f'<article class="entry" id="comment-{one["id"]}"><p>{escape(one["text"])}</p>'
        f'<p class="meta">{escape(topic)} · {place} · {votes}</p></article>'
    )


async def _sensors(request: Request, service: Service, tongue: str) -> str:
    assert service.live is not None
    known = await service.live.now()
    rows = [
        (
            one["name"],
            one["property"],
            spoken_number(one["value"], 1, one["unit"], tongue),
            one["time"].replace("T", " ").replace("Z", " UTC"),
        )
        for one in known.values()
    ]
    head = [text(f"participation.column_{key}", tongue) for key in ("sensor", "measured", "value", "time")]
    return f"<h2>{_t(request, 'sensors')}</h2>" + table(text("participation.sensors", tongue), head, rows, titled=True)


def _form(request: Request, service: Service, given: dict[str, str]) -> str:
    tongue = language(request)
    topics = "".join(
        f'<option value="{escape(one.key)}"{" selected" if given.get("topic") == one.key else ""}>'
        f"{escape(said(one.label, tongue))}</option>"
        for one in service.event.topic
    )
    places = "".join(
        f'<option value="{one.x - service.origin[0]:.1f},{one.y - service.origin[1]:.1f}">{escape(said(one.name, tongue))}</option>'
        for one in service.event.place
    )
    west, south, east, north = service.area
    middle = f"{(west + east) / 2:.1f},{(south + north) / 2:.1f}"
    places += f'<option value="{middle}">{_t(request, "whole_area")}</option>'
    return (
        f"<h2>{_t(request, 'leave')}</h2><p>{_t(request, 'leave_lead')}</p>"
        f'<form method="post" action="/list?lang={tongue}">'
        f'<label for="place">{_t(request, "field_place")}</label><select id="place" name="place">{places}</select>'
        f'<label for="topic">{_t(request, "field_topic")}</label><select id="topic" name="topic">{topics}</select>'
        f'<label for="text">{_t(request, "field_text")}</label>'
        f'<textarea id="text" name="text" rows="5" maxlength="1000" required>{escape(given.get("text", ""))}</textarea>'
        f'<div><button type="submit">{_t(request, "send")}</button></div></form>'
    )


async def leave_comment(request: Request) -> Response:
    """Keep a comment sent by the form; the answer tells the code by which its writer can have it deleted."""
    service = service_of(request)
    given = dict(await fields_of(request))
    try:
        x, _, y = given.get("place", "").partition(",")
        body = CommentBody.model_validate(
            {"x": x, "y": y, "topic": given.get("topic", ""), "text": given.get("text", "").replace("\r\n", "\n")}
        )
        if service.over or not service.event.participation.comments:
            raise Refused(403, "closed")
        if body.topic not in {one.key for one in service.event.topic}:
            raise Refused(422, "not_there")
        address = request.client.host if request.client is not None else ""
        if service.devices.take(address):
            raise Refused(429, "refused_pace")
        token = await run_in_threadpool(service.entries.new_device)
        await run_in_threadpool(
            lambda: service.entries.add_comment(token, x=body.x, y=body.y, variant="", topic=body.topic, text=body.text)
        )
    except ValidationError as error:
        note = f'<p class="note" role="alert">{_t(request, "body_wrong", problem=problems(error))}</p>'
        return await _list(request, note, given, 422)
    except Refused as error:
        note = f'<p class="note" role="alert">{escape(error.sentence(language(request)))}</p>'
        return await _list(request, note, given, error.status)
    note = (
        f'<p class="note" role="status">{_t(request, "thanks")} {_t(request, "code")} <code>{escape(token)}</code></p>'
    )
    return await _list(request, note, status=202)
