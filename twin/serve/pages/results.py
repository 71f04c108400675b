"""Evaluation for the council: where comments lie, what they are about, how ideas were voted, what the survey says."""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from twin.language import text
from twin.serve.event import Question, said
from twin.serve.pages.frame import escape, frame, table
from twin.serve.participation.api import published
from twin.serve.service import Service, language, service_of

__all__ = ["results_page"]

_SQUARES = 12  # along the longer side of the map of comments
_SHADES = ("#fde7c8", "#f6c07a", "#e58d3c", "#b85b17", "#6f2f07")


def _t(request: Request, key: str, **values: Any) -> str:
    return escape(text(f"participation.{key}", language(request), **values))


async def results_page(request: Request) -> Response:
    """Return the evaluation of what has been published."""
    service, tongue = service_of(request), language(request)
    known = service.page_of("results", tongue)
    if known is not None:
        return known
    version = service.entries.version
    comments = await published(service, "comment")
    ideas = await published(service, "variant")
    answers = await run_in_threadpool(service.entries.surveys)
    body = f"<p>{_t(request, 'results_lead', comments=len(comments), ideas=len(ideas), answers=len(answers))}</p>"
    body += f"<h2>{_t(request, 'where')}</h2>{_map(request, service, comments)}"
    topics = Counter(one["topic"] for one in comments)
    rows = [
        (said(one.label, tongue), topics[one.key], sum(c["votes"]["sum"] for c in comments if c["topic"] == one.key))
        for one in service.event.topic
    ]
    head = [text(f"participation.column_{key}", tongue) for key in ("topic", "comments", "votes")]
    body += f"<h2>{_t(request, 'by_topic')}</h2>" + table(
        text("participation.by_topic", tongue), head, rows, titled=True
    )
    ranked = sorted(ideas, key=lambda one: (-one["votes"]["sum"], one["id"]))
    lines = [
        (one["title"], one["votes"]["for"], one["votes"]["against"], said(one["answer"], tongue)) for one in ranked
    ]
    head = [text(f"participation.column_{key}", tongue) for key in ("idea", "for", "against", "effect")]
    body += f"<h2>{_t(request, 'by_votes')}</h2>" + table(
        text("participation.by_votes", tongue), head, lines, titled=True
    )
    if service.event.question:
        body += f"<h2>{_t(request, 'survey')}</h2>"
        body += "".join(_question(one, answers, tongue) for one in service.event.question)
    return service.keep_page("results", tongue, version, frame(request, "results", body))


def _map(request: Request, service: Service, comments: list[dict[str, Any]]) -> str:
    """Return a map of squares with the number of comments in each, and the same as a sentence."""
    west, south, east, north = service.area
    side = max(east - west, north - south, 1.0) / _SQUARES
    counts: Counter[tuple[int, int]] = Counter(
        (int((one["x"] - west) // side), int((north - one["y"]) // side)) for one in comments
    )
    most = max(counts.values(), default=1)
    squares = []
    for (column, row), count in sorted(counts.items()):
        shade = _SHADES[min(len(_SHADES) - 1, (count - 1) * len(_SHADES) // most)]
        ink = "#16202a" if shade in _SHADES[:3] else "#ffffff"
        squares.append(
            f'<rect x="{column * 50}" y="{row * 50}" width="50" height="50" fill="{shade}" fill-opacity="0.9" stroke="#16202a"/>'
            f'<text x="{column * 50 + 25}" y="{row * 50 + 31}" text-anchor="middle" font-size="18" fill="{ink}">{count}</text>'
        )
    width, height = 50 * (east - west) / side, 50 * (north - south) / side
    houses = escape(service.features.get("outline", ""))
    turned = f"scale({50 / side:.5f} {-50 / side:.5f}) translate({-west:.2f} {-north:.2f})"
    backdrop = f'<path d="{houses}" transform="{turned}" fill="#c3ced8"/>' if houses else ""
    words = _t(
        request, "map_told", count=len(comments), squares=len(counts), size=f"{side:.0f}", most=most if counts else 0
    )
    return f'<svg class="map" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{words}">{backdrop}{"".join(squares)}</svg><p>{words}</p>'


def _question(question: Question, answers: list[dict[str, Any]], tongue: str) -> str:
    given = [one[question.key] for one in answers if question.key in one]
    title = said(question.label, tongue)
    head = [text(f"participation.column_{key}", tongue) for key in ("answer", "count", "share")]
    if question.kind == "text":
        return (
            f"<h3>{escape(title)}</h3><p>{escape(text('participation.texts_exported', tongue, count=len(given)))}</p>"
        )
    names: dict[Any, str] = {one.key: said(one.label, tongue) for one in question.options}
    if question.kind == "scale":
        names = {step: str(step) for step in range(1, 6)}
    counts = Counter(given)
    rows = [(name, counts[key], f"{100 * counts[key] / max(1, len(given)):.0f} %") for key, name in names.items()]
    return table(title, head, rows)
