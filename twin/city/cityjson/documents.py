"""One CityJSON text: its root objects as Python values, its long lists of numbers as bytes still to be read."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from twin.city.cityjson.lists import Texts, cut, list_number
from twin.errors import InputError, TextError

__all__ = ["VERSIONS", "Document", "NotCityJSONError", "parse", "whole"]

VERSIONS = ("1.0", "1.1", "2.0")
"""Versions this package reads."""

_BOM = b"\xef\xbb\xbf"


class NotCityJSONError(TextError):
    """JSON of another kind: in a folder such a file is passed over."""


@dataclass
class Document:
    """Root objects of one file: the CityJSON object, and the features of a sequence.

    Parameters
    ----------
    name : str
        File name for messages.
    roots : list of dict
        First the ``CityJSON`` object, then ``CityJSONFeature`` objects; long lists are markers.
    lists : Texts
        What the markers stand for.
    not_numbers : int
        How many values are NaN or Infinity, which JSON does not know; they read as null.
    twice : list of str
        Ids told twice in one ``CityObjects``; the later ones carry a number.
    """

    name: str
    roots: list[dict[str, Any]]
    lists: Texts
    not_numbers: int = 0
    twice: list[str] = field(default_factory=list)

    @property
    def version(self) -> str:
        """Version as far as it matters, such as ``"2.0"``."""
        return ".".join(str(self.roots[0].get("version", "")).split(".")[:2])


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking the growing tree again and again: it doubles the time of parsing."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def parse(data: bytes, name: str) -> Document:
    """Return the root objects of a CityJSON or CityJSONSeq text.

    Parameters
    ----------
    data : bytes
        Text in UTF-8 (or UTF-16 or UTF-32, told by its first bytes).
    name : str
        File name for messages.

    Raises
    ------
    NotCityJSONError
        If it is JSON, but not CityJSON.
    InputError
        If it is empty, no JSON, cut off, of an unknown version, or without the transform its version requires.

    Examples
    --------
    >>> parse(b'{"type": "CityJSON", "version": "1.0", "CityObjects": {}, "vertices": []}', "x.json").version
    '1.0'
    """
    data = _utf8(data, name)
    if not data.strip():
        raise TextError("json_empty", file=name)
    with collector_paused():
        text, lists = cut(data)
        document = _decoded(text, lists, name)
        if document is None:
            text, lists = cut(data, careful=True)
            document = _decoded(text, lists, name)
        if document is None:
            raise _syntax_error(data, name)
        if _names_told_twice(text, document.roots):
            document = _decoded(text, lists, name, renamed=True) or document
    _check(document)
    return document


def _utf8(data: bytes, name: str) -> bytes:
    encoding = json.detect_encoding(data)
    try:
        if encoding == "utf-8-sig":
            data = data[len(_BOM) :]
        elif encoding != "utf-8":
            data = data.decode(encoding).encode()
    except UnicodeDecodeError as error:
        raise TextError("encoding_broken", file=name, encoding=encoding.upper(), reason=error.reason) from None
    return data


def _decoded(text: bytes, lists: Texts, name: str, *, renamed: bool = False) -> Document | None:
    """Decode one JSON value after the other; None where the syntax is broken."""
    document = Document(name, [], lists)

    def constant(_word: str) -> None:
        document.not_numbers += 1

    def numbered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in pairs:
            new = key
            if key in values and isinstance(value, dict) and "type" in value:
                count = 2
                while (new := f"{key}#{count}") in values:
                    count += 1
                document.twice.append(new)
            values[new] = value
        return values

    decoder = json.JSONDecoder(parse_constant=constant, object_pairs_hook=numbered if renamed else None)
    try:
        characters = text.decode()
        place, end = _next(characters, 0), len(characters)
        while place < end:
            root, place = decoder.raw_decode(characters, place)
            document.roots.append(root)
            place = _next(characters, place)
    except UnicodeDecodeError as error:
        raise TextError("encoding_not_utf8", file=name, reason=error.reason) from None
    except RecursionError:
        raise TextError("json_too_deep", file=name) from None
    except json.JSONDecodeError:
        return None
    return document


def _next(characters: str, place: int) -> int:
    while place < len(characters) and characters[place] in " \t\r\n\x1e":  # RFC 8142: a record separator first
        place += 1
    return place


def _syntax_error(data: bytes, name: str) -> InputError:
    """Say where the text breaks, in the file's own lines."""
    characters = data.decode(errors="replace")
    decoder = json.JSONDecoder()
    place = _next(characters, 0)
    try:
        while place < len(characters):
            _, place = decoder.raw_decode(characters, place)
            place = _next(characters, place)
    except json.JSONDecodeError as error:
        if not characters[error.pos :].strip():
            return TextError("json_cut_off", file=name, line=error.lineno, reason=error.msg)
        return TextError("json_broken", file=name, line=error.lineno, column=error.colno, reason=error.msg)
    except RecursionError:
        return TextError("json_too_deep", file=name)
    return TextError("json_lists", file=name)


def _names_told_twice(text: bytes, roots: list[Any]) -> bool:
    """Tell whether an object may have gone lost because another has its name.

    A map keeps the last of two values under one name, so the text then has more types than the objects; attributes
    with types of their own say true, too, and cost a second look.
    """
    told = len(roots)
    for root in roots:
        objects = root.get("CityObjects") if isinstance(root, dict) else None
        if not isinstance(objects, dict):
            continue
        told += len(objects)
        for value in objects.values():
            geometries = value.get("geometry") if isinstance(value, dict) else None
            if geometries and isinstance(geometries, list):
                told += len(geometries)
                for geometry in geometries:
                    semantics = geometry.get("semantics") if isinstance(geometry, dict) else None
                    if semantics and isinstance(semantics, dict):
                        told += len(semantics.get("surfaces") or ())
    return text.count(b'"type"') != told


def _check(document: Document) -> None:
    name = document.name
    first = document.roots[0]
    kind = first.get("type") if isinstance(first, dict) else type(first).__name__
    if kind == "CityJSONFeature":
        raise TextError("cityjson_feature_first", file=name)
    if not isinstance(first, dict) or kind != "CityJSON":
        raise NotCityJSONError("cityjson_none", file=name, found=str(kind)[:40])
    if document.version not in VERSIONS:
        raise TextError(
            "cityjson_version", file=name, found=str(first.get("version"))[:20], versions=", ".join(VERSIONS)
        )
    for number, root in enumerate(document.roots[1:], 2):
        if not isinstance(root, dict) or root.get("type") not in ("CityJSON", "CityJSONFeature"):
            raise TextError("cityjson_mixed", file=name, number=number)
    if not isinstance(first.get("CityObjects", {}), dict):
        raise TextError("cityjson_objects", file=name)


def whole(value: Any, document: Document) -> Any:
    """Return a value with the lists put back that markers in it stand for.

    Raises
    ------
    InputError
        If such a list is no JSON.

    Examples
    --------
    >>> whole({"values": -1000000000000000}, Document("x.json", [], Texts.of([b"[1, 2.5]"])))
    {'values': [1, 2.5]}
    """
    if isinstance(value, dict):
        return {key: whole(inner, document) for key, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner, document) for inner in value]
    number = list_number(value)
    if not 0 <= number < len(document.lists):
        return value

    def constant(_word: str) -> None:
        document.not_numbers += 1

    try:
        return json.loads(document.lists[number], parse_constant=constant)
    except (ValueError, RecursionError) as error:
        message = str(error).partition(":")[0]
        raise TextError("cityjson_list", file=document.name, reason=message) from None
