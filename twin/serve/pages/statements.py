"""What a town has to say beside the map: about, privacy, accessibility; filled from the event file."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

import twin
from twin.language import text
from twin.serve.event import said
from twin.serve.pages.frame import escape, frame, paragraphs
from twin.serve.service import language, service_of

__all__ = ["about_page", "accessibility_page", "privacy_page"]


def _sections(request: Request, page: str, *names: str, **values: str) -> str:
    tongue = language(request)
    return "".join(
        f"<h2>{escape(text(f'participation.{page}_{name}_title', tongue))}</h2>"
        + paragraphs(text(f"participation.{page}_{name}", tongue, **values))
        for name in names
    )


async def about_page(request: Request) -> Response:
    """Return what this is and what its numbers rest on."""
    service, tongue = service_of(request), language(request)
    body = paragraphs(said(service.event.text, tongue)) if service.event.text else ""
    body += _sections(request, "about", "what", "how", "limits", "program", version=twin.__version__)
    if service.event.responsible:
        body += f"<h2>{escape(text('participation.responsible', tongue))}</h2>" + paragraphs(service.event.responsible)
    return frame(request, "about", body)


async def privacy_page(request: Request) -> Response:
    """Return what is kept, how long, and how it is deleted."""
    service, tongue = service_of(request), language(request)
    date = service.event.retention_date
    until = f"{date:%d.%m.%Y}" if date is not None else text("participation.no_date", tongue)
    body = _sections(request, "privacy", "kept", "not_kept", "until", "rights", date=until)
    body += f"<h2>{escape(text('participation.responsible', tongue))}</h2>"
    body += paragraphs(service.event.responsible or text("participation.not_named", tongue))
    body += paragraphs(service.event.contact)
    return frame(request, "privacy", body)


async def accessibility_page(request: Request) -> Response:
    """Return the accessibility statement."""
    service, tongue = service_of(request), language(request)
    body = _sections(request, "accessibility", "state", "limits", "ways")
    body += f"<h2>{escape(text('participation.feedback', tongue))}</h2>"
    body += paragraphs(service.event.contact or text("participation.not_named", tongue))
    if service.event.enforcement:
        body += f"<h2>{escape(text('participation.enforcement', tongue))}</h2>" + paragraphs(service.event.enforcement)
    return frame(request, "accessibility", body)
