"""Server-sent events: how they are written, and how a reader that has gone is noticed."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["as_json", "event_text"]


def as_json(data: Any) -> bytes:
    """Return data as compact JSON."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def event_text(name: str, data: Any) -> bytes:
    r"""Return one event as it goes over the wire.

    Examples
    --------
    >>> event_text("progress", {"share": 0.5})
    b'event: progress\ndata: {"share":0.5}\n\n'
    """
    return b"event: " + name.encode() + b"\ndata: " + as_json(data) + b"\n\n"
