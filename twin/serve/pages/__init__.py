"""Pages that the server writes itself: plain HTML in German, English and plain German, whole without a script."""

from __future__ import annotations

from starlette.routing import Route

from twin.serve.pages.entries import leave_comment, list_page
from twin.serve.pages.frame import style
from twin.serve.pages.moderation import moderation_page
from twin.serve.pages.results import results_page
from twin.serve.pages.statements import about_page, accessibility_page, privacy_page

__all__ = ["routes"]

routes = [
    Route("/list", list_page),
    Route("/list", leave_comment, methods=["POST"]),
    Route("/results", results_page),
    Route("/moderation", moderation_page, methods=["GET", "POST"]),
    Route("/privacy", privacy_page),
    Route("/accessibility", accessibility_page),
    Route("/about", about_page),
    Route("/pages.css", style),
]
