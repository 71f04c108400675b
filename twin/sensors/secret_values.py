"""Secrets never stand in a file of the project: they come from the environment, or from a file of mode 600."""

from __future__ import annotations

import os
from pathlib import Path

from twin.errors import InputError
from twin.language import text

__all__ = ["secret"]


def secret(name: str | None) -> str | None:
    """Return a secret from the environment (``env:NAME``) or a file that only its owner can read (``file:PATH``).

    Raises
    ------
    InputError
        If it is written out, missing, or its file is open to others.
    """
    if not name:
        return None
    kind, _, where = name.partition(":")
    if kind == "env":
        if where not in os.environ:
            raise InputError(text("sensors.secret_missing", where=where))
        return os.environ[where]
    if kind == "file":
        path = Path(where)
        if not path.is_file():
            raise InputError(text("sensors.secret_missing", where=where))
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise InputError(text("sensors.secret_open", file=where))
        return path.read_text(encoding="utf-8").strip()
    raise InputError(text("sensors.secret_written"))
