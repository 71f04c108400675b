"""The description of the interface (OpenAPI 3.1), made from the models that check the bodies."""

from __future__ import annotations

from functools import cache
from typing import Any

import twin
from twin.serve.requests import BODIES

__all__ = ["description"]

_ERRORS = {
    "401": "no device token, or no moderator's token", "403": "closed, or from another site", "404": "not there",
    "408": "too slow", "410": "the event is over", "413": "too large", "415": "not JSON", "422": "wrong body", "429": "too fast",
}  # fmt: skip

_Security = list[dict[str, list[str]]]
_DEVICE: _Security = [{"device": []}]
_MODERATOR: _Security = [{"moderator": []}]

# path, method, body, status, summary, security
_CALLS: tuple[tuple[str, str, str | None, str, str, _Security], ...] = (
    ("/api/event", "get", None, "200", "What the event offers", []),
    ("/api/device", "post", "DeviceBody", "201", "A token for a device", []),
    ("/api/comments", "get", None, "200", "Published comments", []),
    ("/api/comments", "post", "CommentBody", "202", "Leave a comment for moderation", _DEVICE),
    ("/api/votes", "get", None, "200", "Sums of votes", []),
    ("/api/votes", "post", "VoteBody", "200", "Vote, change a vote, or take it back", _DEVICE),
    ("/api/survey", "get", None, "200", "Questions of the survey", []),
    ("/api/survey", "post", "SurveyBody", "202", "Answer the survey", _DEVICE),
    ("/api/variants", "get", None, "200", "Published ideas", []),
    ("/api/variants", "post", "VariantBody", "201", "Keep a computed idea", _DEVICE),
    ("/api/variants/{number}", "get", None, "200", "An idea with its layers", []),
    ("/api/mine", "get", None, "200", "What a device has left", _DEVICE),
    ("/api/mine", "delete", None, "200", "Delete what a device has left", _DEVICE),
    ("/api/what-if", "post", "WhatIfBody", "202", "Compute an idea", _DEVICE),
    ("/api/what-if/{job}", "get", None, "200", "What becomes of an idea, as server-sent events", []),
    ("/api/live", "get", None, "200", "Newest sensor values, as server-sent events", []),
    ("/api/latest", "get", None, "200", "Newest sensor values", []),
    ("/api/moderation", "get", None, "200", "What waits for moderation", _MODERATOR),
    ("/api/moderation/{entry}", "post", "ModerationBody", "200", "Publish or refuse an entry", _MODERATOR),
    ("/api/export", "get", None, "200", "All entries as GeoPackage or CSV", _MODERATOR),
    ("/health", "get", None, "200", "Whether the server works", []),
    ("/metrics", "get", None, "200", "Counters for monitoring", []),
)


@cache
def description() -> dict[str, Any]:
    """Return the OpenAPI description."""
    schemas: dict[str, Any] = {}
    for name, model in BODIES.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {name: schema}
    schemas["Error"] = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    paths: dict[str, Any] = {}
    for path, method, body, status, summary, security in _CALLS:
        call: dict[str, Any] = {
            "summary": summary,
            "operationId": f"{method}_{path.strip('/').replace('/', '_').replace('{', '').replace('}', '').replace('-', '_')}",
            "responses": {status: {"description": summary}} | _errors(),
            "parameters": _parameters(path),
        }
        if path == "/api/live":
            call["responses"]["204"] = {"description": "No sensors are connected"}
        if security:
            call["security"] = security
        if body is not None:
            content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
            call["requestBody"] = {"required": True, "content": content}
        paths.setdefault(path, {})[method] = call
    keys = {
        "device": {"type": "apiKey", "in": "header", "name": "X-Device"},
        "moderator": {"type": "http", "scheme": "bearer"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Urban twin, participation and what-if", "version": twin.__version__},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": keys},
    }


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": words, "content": content} for status, words in _ERRORS.items()}


def _parameters(path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "lang", "in": "query", "schema": {"type": "string", "enum": ["de", "en", "ls"]}}
    ]
    kinds = {"number": {"type": "integer", "minimum": 1}, "job": {"type": "string"}, "entry": {"type": "string"}}
    for name, schema in kinds.items():
        if f"{{{name}}}" in path:
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if path == "/api/export":
        found.append({"name": "format", "in": "query", "schema": {"type": "string", "enum": ["gpkg", "csv"]}})
    return found
