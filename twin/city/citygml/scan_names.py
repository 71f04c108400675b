"""The head of a document and its names, for the compiled scanner: from the root's namespaces to rows the kernels read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

import numpy as np

from twin.city.citygml import names
from twin.city.citygml.names import XLINK_HREF, Kind, classify, family, local_name, lod_of, patch_code
from twin.city.citygml.scan_state import (
    A_DIMENSION,
    A_HREF,
    A_ID,
    A_NAMESPACE,
    A_ORIENTATION,
    A_OTHER,
    A_SYSTEM,
    KINDS,
    SIZE_OF_NAME,
    Names,
)
from twin.city.citygml.scan_tokens import name_hash
from twin.city.citygml.shapes import ID_NAMES

__all__ = ["Head", "NameTable", "UnusualError", "head_of"]

_SLOTS = 4096
_ROWS = 1000
_POOL = 1 << 16
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
    """Names of elements (or of attributes) met so far, in the arrays the kernels search.

    Parameters
    ----------
    prefixes : dict
        Namespace of each prefix.
    of_attributes : bool
        True for names of attributes, which have no default namespace.
    """

    def __init__(self, prefixes: dict[str, str], *, of_attributes: bool) -> None:
        self._prefixes = prefixes
        self._of_attributes = of_attributes
        self._filled = 0
        self.full: list[str] = []
        """Names with namespace, by row."""
        self.names = Names(
            np.full(_SLOTS, -1, dtype=np.int32),
            np.zeros((_ROWS, SIZE_OF_NAME), dtype=np.int64),
            np.empty(_POOL, dtype=np.uint8),
            np.zeros(_ROWS, dtype=np.int64),
        )

    def add(self, raw: bytes) -> int:
        """Return the row of a new name as written in the document."""
        row = len(self.full)
        if row >= _ROWS or self._filled + len(raw) > _POOL:
            raise UnusualError
        name = self._resolved(raw)
        self.full.append(name)
        table = self.names
        table.pool[self._filled : self._filled + len(raw)] = np.frombuffer(raw, dtype=np.uint8)
        meaning = self._attribute(raw, name) if self._of_attributes else _element(name)
        table.rows[row] = (self._filled, len(raw), *meaning)
        self._filled += len(raw)
        slot = int(name_hash(table.pool, self._filled - len(raw), self._filled)) & (_SLOTS - 1)
        while table.slots[slot] >= 0:
            slot = (slot + 1) & (_SLOTS - 1)
        table.slots[slot] = row
        return row

    def _resolved(self, raw: bytes) -> str:
        match = _NAME.fullmatch(raw)
        if match is None:
            raise UnusualError
        prefix, local = (match.group(1) or b"").decode(), match.group(2).decode()
        if prefix == "xml" or (prefix and prefix != "xmlns" and prefix not in self._prefixes):
            raise UnusualError
        default = "" if self._of_attributes else self._prefixes.get("", "")
        uri = self._prefixes.get(prefix, "") if prefix else default
        name = f"{uri} {local}" if uri else local
        if self._of_attributes and prefix and name in self.full:  # one name with two prefixes
            raise UnusualError
        return name

    def _attribute(self, raw: bytes, name: str) -> tuple[int, ...]:
        code = A_NAMESPACE if raw == b"xmlns" or raw.startswith(b"xmlns:") else _ATTRIBUTES.get(name, A_OTHER)
        return (code, 0, 0, 0, 0, 0, 0)


def _element(name: str) -> tuple[int, ...]:
    kind, local = classify(name), local_name(name)
    return (
        KINDS.index(kind),
        lod_of(local),
        patch_code(local) if kind == Kind.PATCH else 0,
        local in names.OUTER,
        name.startswith("http://www.opengis.net/gml"),
        local in names.HOLDERS,
        family(name) == "foreign",
    )
