"""Moderation: what waits is read, then published or refused; the token of the moderators opens it."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from twin.language import text
from twin.serve.event import said
from twin.serve.pages.frame import escape, fields_of, frame
from twin.serve.service import Refused, allowed, language, service_of

__all__ = ["moderation_page"]


def _t(request: Request, key: str, **values: Any) -> str:
    return escape(text(f"participation.{key}", language(request), **values))


async def moderation_page(request: Request) -> Response:
    """Ask for the token, then show what waits; a decision comes back as the same form."""
    service = service_of(request)
    if request.method != "POST":
        return frame(request, "moderation", _door(request))
    fields = await fields_of(request)
    token = fields.get("token", "")
    try:
        allowed(service, token, request)
    except Refused as error:
        note = f'<p class="note" role="alert">{escape(error.sentence(language(request)))}</p>'
        return frame(request, "moderation", note + _door(request), status=error.status)
    note = ""
    kind, _, number = fields.get("entry", "").partition(":")
    state = fields.get("state", "")
    if kind in ("comment", "variant") and number.isdigit() and len(number) < 13 and state in ("approved", "rejected"):
        reason = fields.get("reason", "")[:300]
        await run_in_threadpool(service.entries.decide, kind, int(number), state, reason)
        note = f'<p class="note" role="status">{_t(request, f"decided_{state}")}</p>'
    waiting = await run_in_threadpool(service.entries.waiting)
    body = note + f"<p>{_t(request, 'moderation_lead', count=len(waiting))}</p>"
    body += "".join(_entry(request, one, token) for one in waiting[:200])
    return frame(request, "moderation", body)


def _door(request: Request) -> str:
    return (
        f"<p>{_t(request, 'moderation_door')}</p>"
        f'<form method="post" action="/moderation?lang={language(request)}"><label for="token">{_t(request, "field_token")}</label>'
        f'<input id="token" name="token" type="password" autocomplete="current-password" required>'
        f'<div><button type="submit">{_t(request, "open")}</button></div></form>'
    )


def _entry(request: Request, one: dict[str, Any], token: str) -> str:
    key = f"{one['kind']}-{one['id']}"
    if one["kind"] == "comment":
        words, title = escape(one["text"]), _t(request, "a_comment")
        place = _t(request, "place_told", x=round(one["x"]), y=round(one["y"]))
        meta = f"{escape(one['topic'])} · {place}"
    else:
        words = escape(said(one["answer"], language(request)))
        title, meta = f"{_t(request, 'an_idea')}: {escape(one['title'])}", escape(one["author"] or "–")
    return (
        f'<section class="entry" aria-labelledby="{key}"><h2 id="{key}">{title}</h2><p>{words}</p><p class="meta">{meta}</p>'
        f'<form method="post" action="/moderation?lang={language(request)}">'
        f'<input type="hidden" name="token" value="{escape(token)}"><input type="hidden" name="entry" value="{one["kind"]}:{one["id"]}">'
        f'<label for="reason-{key}">{_t(request, "field_reason")}</label><input id="reason-{key}" name="reason" maxlength="300">'
        f'<div><button name="state" value="approved">{_t(request, "approve")}</button>'
        f'<button class="second" name="state" value="rejected">{_t(request, "reject")}</button></div></form></section>'
    )
