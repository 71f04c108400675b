"""The head of a document and its names, for the compiled scanner: from the root's namespaces to rows the kernels read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

import numpy as np

from twin.city.citygml import names
from twin.city.citygml.names import (
    XLINK_HREF,
    Kind,
    classify,
    family,
    is_composite,
    is_relief,
    local_name,
    lod_of,
    patch_code,
)
from twin.city.citygml.scan_state import (
    A_DIMENSION,
    A_HREF,
    A_ID,
    A_NAMESPACE,
    A_ORIENTATION,
    A_OTHER,
    A_SYSTEM,
    KINDS,
    MOST_ATTRIBUTES,
    MOST_NAMES,
    POOL,
    SLOTS,
    new_names,
)
from twin.city.citygml.scan_tokens import name_hash
from twin.city.citygml.shapes import ID_NAMES

__all__ = ["Head", "NameTable", "UnusualError", "head_of"]

_NAME = re.compile(rb"(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)", re.ASCII)
_ROOT_REST = re.compile(rb"(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")
_ATTRIBUTES = {
    "srsName": A_SYSTEM,
    "srsDimension": A_DIMENSION,
    "orientation": A_ORIENTATION,
    XLINK_HREF: A_HREF,
    **dict.fromkeys(ID_NAMES, A_ID),
}


class UnusualError(Exception):
    """The document holds something only the expat reader takes."""


@dataclass(frozen=True)
class Head:
    """The root of a document."""

    root: str  # namespace, blank, local name
    raw: bytes  # name as written
    prefixes: dict[str, str]
    stop: int  # first byte after the root's start tag


class _RootReached(Exception):  # noqa: N818 - stops the parser, no error
    pass


def head_of(data: bytes) -> Head:
    """Return the head of a UTF-8 document whose root's start tag lies in ``data``.

    Raises
    ------
    UnusualError
        If it does not, or the head has a DOCTYPE, another XML version, or is not well-formed.
    """
    found: dict[str, Any] = {}

    def reached(name: str, attrs: list[str]) -> None:
        found["name"], found["attrs"], found["start"] = name, attrs, plain.CurrentByteIndex
        raise _RootReached

    def refuse(*told: Any) -> None:
        if told[0] != "1.0":
            raise UnusualError

    plain, strict = expat.ParserCreate("utf-8"), expat.ParserCreate("utf-8", namespace_separator=" ")
    plain.ordered_attributes = True
    for parser in (plain, strict):
        parser.StartElementHandler = reached
        parser.XmlDeclHandler = refuse
        parser.StartDoctypeDeclHandler = refuse
        parser.ProcessingInstructionHandler = refuse
        try:
            parser.Parse(data, False)
        except _RootReached:
            found.setdefault("plain", dict(found))
        except expat.ExpatError:
            raise UnusualError from None
    if "plain" not in found:
        raise UnusualError
    told = found["plain"]
    rest = _ROOT_REST.match(data, told["start"])
    if rest is None or data[rest.end() - 2] == ord("/"):
        raise UnusualError
    pairs = zip(told["attrs"][::2], told["attrs"][1::2], strict=True)
    prefixes = {key[6:]: uri for key, uri in pairs if key == "xmlns" or key.startswith("xmlns:")}
    return Head(found["name"], told["name"].encode(), prefixes, rest.end())


class NameTable:
    """Names of elements and attributes met so far, in the arrays the kernels search.

    Parameters
    ----------
    prefixes : dict
        Namespace of each prefix.
    """

    def __init__(self, prefixes: dict[str, str]) -> None:
        self._prefixes = prefixes
        self._filled = 0
        self.elements: list[str] = []
        """Names of elements with namespace, by row."""
        self._attributes: list[str] = []
        self.names, self.pool, self.slots = new_names()

    def add_element(self, raw: bytes) -> int:
        """Return the row of a new element's name as written in the document."""
        name, row = self._resolved(raw, self._prefixes.get("", "")), len(self.elements)
        if row >= MOST_NAMES:
            raise UnusualError
        self.elements.append(name)
        self._put(raw, row, 0, _element(name))
        return row

    def add_attribute(self, raw: bytes) -> int:
        """Return the row of a new attribute's name as written in the document."""
        name, row = self._resolved(raw, ""), MOST_NAMES + len(self._attributes)
        if name in self._attributes or len(self._attributes) >= MOST_ATTRIBUTES:  # one name with two prefixes
            raise UnusualError
        self._attributes.append(name)
        code = A_NAMESPACE if raw == b"xmlns" or raw.startswith(b"xmlns:") else _ATTRIBUTES.get(name, A_OTHER)
        self._put(raw, row, SLOTS, (code, 0, 0, 0, 0, 0, 0))
        return row

    def _put(self, raw: bytes, row: int, shift: int, meaning: tuple[int, ...]) -> None:
        start = self._filled
        if start + len(raw) > POOL:
            raise UnusualError
        self._filled += len(raw)
        self.pool[start : self._filled] = np.frombuffer(raw, dtype=np.uint8)
        self.names[row] = (start, len(raw), *meaning, 0, 0)
        slot = int(name_hash(self.pool, start, self._filled)) & (SLOTS - 1)
        while self.slots[shift + slot] >= 0:
            slot = (slot + 1) & (SLOTS - 1)
        self.slots[shift + slot] = row

    def _resolved(self, raw: bytes, default: str) -> str:
        match = _NAME.fullmatch(raw)
        if match is None:
            raise UnusualError
        prefix, local = (match.group(1) or b"").decode(), match.group(2).decode()
        if prefix and prefix != "xmlns" and prefix not in self._prefixes:
            raise UnusualError
        uri = self._prefixes.get(prefix, prefix) if prefix else default
        return f"{uri} {local}" if uri else local


def _special(kind: str, name: str) -> int:
    return int((kind == Kind.CONTAINER and is_composite(name)) or (kind == Kind.GEOMETRY_PROPERTY and is_relief(name)))


def _element(name: str) -> tuple[int, ...]:
    kind, local = classify(name), local_name(name)
    return (
        KINDS.index(kind),
        lod_of(local),
        patch_code(local) if kind == Kind.PATCH else _special(kind, name),
        local in names.OUTER,
        name.startswith("http://www.opengis.net/gml"),
        local in names.HOLDERS,
        family(name) == "foreign",
    )
