"""Texts people read, in German and English: one TOML table a room and language in ``twin/texts``.

A key is ``room.name``; ``text("city.trees_without_crown", "de", count=12)`` reads ``texts/city.de.toml``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["EASY", "LANGUAGES", "default_language", "speaking", "text", "words_of"]

LANGUAGES = ("en", "de")
EASY = "ls"
"""German in plain words (Leichte Sprache), for rooms that citizens read; other rooms answer in German."""


_spoken: ContextVar[str] = ContextVar("spoken", default="")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Let all that is said within the block, in this thread, be in a language.

    Examples
    --------
    >>> with speaking("de"):
    ...     default_language()
    'de'
    """
    token = _spoken.set("de" if language == EASY else language)
    try:
        yield
    finally:
        _spoken.reset(token)


def default_language() -> str:
    """Return the language of a block :func:`speaking`; else ``"de"`` where ``TWIN_LANG`` or the locale is German, else ``"en"``."""
    if _spoken.get():
        return _spoken.get()
    for variable in ("TWIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "de" if value.lower().startswith("de") else "en"
    return "en"


@cache
def _table(room: str, language: str) -> dict[str, str]:
    file = resources.files("twin").joinpath("texts", f"{room}.{language}.toml")
    if language == EASY:
        plain = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return _table(room, "de") | plain
    return tomllib.loads(file.read_text(encoding="utf-8"))


def words_of(room: str, language: str) -> dict[str, str]:
    """Return all texts of a room in a language, for pages that fill in the values themselves."""
    return dict(_table(room, language))


def text(key: str, language: str | None = None, /, **values: Any) -> str:
    """Return the text of a key in a language, with its named values filled in.

    Parameters
    ----------
    key : str
        ``room.name`` of the text.
    language : {"en", "de", "ls"}, optional
        Language; by default :func:`default_language`.
    **values
        What the ``{names}`` in the text stand for.

    Raises
    ------
    KeyError
        If the key is in no table, which is a fault of the program and is caught by the tests.
    """
    language = language or default_language()
    if language not in (*LANGUAGES, EASY):
        raise KeyError(f"Language {language!r} is not one of {', '.join((*LANGUAGES, EASY))}.")
    room, _, name = key.partition(".")
    return _table(room, language)[name].format(**values)
