"""The frame of every page: head, way through the pages, languages, foot; and how words become safe HTML."""

from __future__ import annotations

import gzip
import html
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from twin.language import text
from twin.serve.event import said
from twin.serve.service import Refused, language, service_of

__all__ = ["escape", "fields_of", "frame", "paragraphs", "style", "table"]

_WAY = ("list", "results", "about", "privacy", "accessibility")
_NAMES = {"de": "Deutsch", "en": "English", "ls": "Leichte Sprache"}
_LANG = {"de": "de", "en": "en", "ls": "de"}


def escape(value: Any) -> str:
    """Return a value as text of a page or an attribute: no sign of it can end or begin a tag.

    Examples
    --------
    >>> escape("<b onclick='x'>")
    '&lt;b onclick=&#x27;x&#x27;&gt;'
    """
    return html.escape(str(value), quote=True)


def paragraphs(words: str) -> str:
    """Return a text as paragraphs; a line of its own is one."""
    return "".join(f"<p>{escape(line.strip())}</p>" for line in words.splitlines() if line.strip())


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]], *, titled: bool = False) -> str:
    """Return a table; the first cell of each row names it, and the table scrolls by itself on narrow screens.

    ``titled``: a heading says the same as the caption, which is then read aloud only.
    """
    columns = "".join(f'<th scope="col">{escape(one)}</th>' for one in head)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(one)}</td>" for one in rest)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    aside = ' class="aloud"' if titled else ""
    body = f"<table><caption{aside}>{escape(caption)}</caption><thead><tr>{columns}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0">{body}</div>'


def frame(request: Request, key: str, body: str, *, status: int = 200) -> Response:
    """Return a whole page.

    Parameters
    ----------
    request : Request
        Tells the language.
    key : str
        Name of the page in the texts.
    body : str
        Safe HTML.
    status : int
        Of the answer.
    """
    service, tongue = service_of(request), language(request)
    own = request.url.path

    def link(path: str, words: str, *, current: bool = False) -> str:
        here = ' aria-current="page"' if current else ""
        return f'<li><a href="{path}?lang={tongue}"{here}>{escape(words)}</a></li>'

    way = link("/", text("participation.page_map", tongue))
    way += "".join(link(f"/{one}", text(f"participation.page_{one}", tongue), current=own == f"/{one}") for one in _WAY)
    tongues = "".join(
        f'<li><a href="{escape(own)}?lang={one}" lang="{_LANG[one]}" hreflang="{_LANG[one]}"'
        + (' aria-current="true">' if one == tongue else ">")
        + f"{_NAMES[one]}</a></li>"
        for one in service.event.languages
    )
    title, event = text(f"participation.page_{key}", tongue), said(service.event.title, tongue)
    words = {name: escape(text(f"participation.{name}", tongue)) for name in ("skip", "way", "tongues")}
    page = (
        f'<!doctype html><html lang="{_LANG[tongue]}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)} – {escape(event)}</title>'
        f'<meta name="description" content="{escape(title)}: {escape(event)}"><link rel="stylesheet" href="/pages.css">'
        f'<link rel="icon" href="data:,"></head><body class="{tongue}"><a class="skip" href="#main">{words["skip"]}</a>'
        f'<header><p class="event">{escape(event)}</p><nav aria-label="{words["way"]}"><ul>{way}</ul></nav>'
        f'<nav class="tongues" aria-label="{words["tongues"]}"><ul>{tongues}</ul></nav></header>'
        f'<main id="main" tabindex="-1"><h1>{escape(title)}</h1>{body}</main></body></html>'
    )
    return Response(page, status, media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})


async def fields_of(request: Request) -> Mapping[str, str]:
    """Return the fields of a form that was sent."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused(415, "refused_kind")
    try:
        body = (await request.body()).decode("utf-8")
        return dict(urllib.parse.parse_qsl(body, keep_blank_values=True, max_num_fields=30))
    except (UnicodeDecodeError, ValueError):
        raise Refused(422, "body_wrong", problem="form") from None


@cache
def _css() -> tuple[bytes, bytes]:
    plain = resources.files("twin.serve.pages").joinpath("pages.css").read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0)


async def style(request: Request) -> Response:
    """Return the style sheet."""
    plain, packed = _css()
    headers = {"cache-control": "public, max-age=3600", "vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type="text/css; charset=utf-8", headers={**headers, "content-encoding": "gzip"})
    return Response(plain, media_type="text/css; charset=utf-8", headers=headers)
