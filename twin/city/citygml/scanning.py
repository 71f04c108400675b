"""CityGML by the compiled scanner: the document in pieces of a few megabytes, what each holds gathered in columns.

The scanner takes what delivered models consist of and nothing else (:mod:`twin.city.citygml.scan_tokens`). Where a
document holds anything out of the ordinary, :func:`scan_document` returns None and the expat reader
(:mod:`twin.city.citygml.events`) reads it from its start: that reader decides what is wrong with a file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from xml.parsers import expat

import numpy as np

from twin.city.citygml.gathering import Gathered
from twin.city.citygml.names import Kind, classify, local_name
from twin.city.citygml.parsed import Parsed
from twin.city.citygml.scan import scan
from twin.city.citygml.scan_names import Head, NameTable, UnusualError, head_of
from twin.city.citygml.scan_state import (
    COUNTS,
    DEPTH,
    FULL,
    MORE,
    NAME,
    NAME_OF_ATTRIBUTE,
    NAME_START,
    NAME_STOP,
    POS,
    ROOM,
    new_rows,
    new_stack,
    new_state,
    new_texts,
)

__all__ = ["scan_document"]

_PIECE = 1 << 20
_LONGEST = 256 << 20  # bytes one polygon or attribute may take
_HEAD = 1 << 20
_ROOM = 1 << 13  # elements read before the tables are emptied
_MOST_ROOM = 1 << 22
_DECLARATION = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_CODECS = {"iso-8859-1", "iso-8859-15", "windows-1252", "utf-16"}


def scan_document(pieces: Iterable[bytes], path: str) -> Parsed | None:
    """Return what one document holds, None where it is for the expat reader.

    Parameters
    ----------
    pieces : iterable of bytes
        The document.
    path : str
        File name.
    """
    try:
        return _scan(_checked(pieces), path)
    except (UnusualError, UnicodeError, expat.ExpatError):
        return None


def _encoding(first: bytes) -> str:
    """Return the encoding the first bytes of a document tell, in small letters."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head, without = first.decode("utf-16", "ignore").encode(), "utf-16"
    else:
        head, without = first.removeprefix(codecs.BOM_UTF8), "utf-8"
    declared = _DECLARATION.match(head)
    encoding = declared.group(1).decode().lower() if declared else without
    if (encoding == "utf-16") != (without == "utf-16") or (head != first and encoding != without):
        raise UnusualError
    return encoding


def _checked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the document as UTF-8 without a byte order mark, each byte of it checked."""
    stream = iter(pieces)
    first = b""
    while len(first) < 1024 and (piece := next(stream, b"")):
        first += piece
    encoding = _encoding(first)
    plain = encoding in ("utf-8", "utf8")
    if not plain and encoding not in _CODECS:
        raise UnusualError
    decoder = codecs.getincrementaldecoder("utf-8" if plain else encoding)("strict")
    buffered = first.removeprefix(codecs.BOM_UTF8) if plain else first
    while buffered:
        if plain and buffered.isascii() and not decoder.getstate()[0]:
            yield buffered
        else:
            text = decoder.decode(buffered)
            if "\ufffe" in text or "\uffff" in text:
                raise UnusualError
            yield buffered if plain else text.encode()
        buffered = next(stream, b"")
    decoder.decode(b"", True)


class _Buffer:
    """The part of the document that is being read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._ended = False
        self.data = np.empty(_PIECE, dtype=np.uint8)
        self.filled = 0

    def refill(self, start: int) -> bool:
        """Move what stands from ``start`` on to the front and add what comes next; False at the end of the document."""
        kept = self.filled - start
        if kept > len(self.data) // 2:
            if len(self.data) >= _LONGEST:
                raise UnusualError
            larger = np.empty(2 * len(self.data), dtype=np.uint8)
            larger[:kept] = self.data[start : self.filled]
            self.data = larger
        else:
            self.data[:kept] = self.data[start : self.filled].copy()
        self.filled = kept
        while self.filled < len(self.data) and not self._ended:
            piece = self._rest or next(self._pieces, b"")
            self._ended = not piece
            part = piece[: len(self.data) - self.filled]
            self._rest = piece[len(part) :]
            self.data[self.filled : self.filled + len(part)] = np.frombuffer(part, dtype=np.uint8)
            self.filled += len(part)
        return self.filled > kept


def _head(buffer: _Buffer) -> Head:
    head = head_of(buffer.data[: min(buffer.filled, _HEAD)].tobytes())
    if classify(head.root) != Kind.ROOT and local_name(head.root) != "FeatureCollection":
        raise UnusualError
    return head


class _Scanner:
    """The arrays of one document and how far it is read."""

    def __init__(self, buffer: _Buffer, path: str) -> None:
        head = _head(buffer)
        self._buffer = buffer
        self._table = NameTable(head.prefixes)
        self.state, self._stack = new_state(), new_stack()
        self._stack[0, :2] = self._table.add_element(head.raw), 0
        self.state[DEPTH], self.state[POS], self.state[ROOM] = 1, head.stop, _ROOM
        self._rows, self._room = new_rows(2 * _ROOM), _ROOM
        self._texts, self._values = new_texts(len(buffer.data))
        self._emptied = -1
        self.gathered = Gathered(path, head, self._table)

    def run(self) -> None:
        """Read the buffer to its end."""
        buffer, table, state = self._buffer, self._table, self.state
        while True:
            answer = scan(
                buffer.data, buffer.filled, table.names, table.pool, table.slots, state, self._stack, self._rows,
                self._texts, self._values,
            )  # fmt: skip
            if answer == NAME:
                raw = buffer.data[state[NAME_START] : state[NAME_STOP]].tobytes()
                (table.add_attribute if state[NAME_OF_ATTRIBUTE] else table.add_element)(raw)
            elif answer == FULL:
                self._empty()
            elif answer == MORE:
                return
            else:
                raise UnusualError

    def _empty(self) -> None:
        """Take what the tables hold; make larger ones where one polygon fills them."""
        self.gather()
        if self.state[POS] == self._emptied:
            self._room *= 4
            if self._room > _MOST_ROOM:
                raise UnusualError
            self._rows = new_rows(2 * self._room)
        self._emptied = int(self.state[POS])

    def gather(self) -> None:
        """Take what the tables hold."""
        buffer = self._buffer
        self.gathered.take(buffer.data, buffer.filled, self.state, self._rows, self._texts, self._values)
        self.state[:COUNTS] = 0
        self.state[ROOM] = self._room

    def refill(self) -> bool:
        """Go on in the document; False at its end."""
        size = len(self._buffer.data)
        more = self._buffer.refill(int(self.state[POS]))
        self.state[POS] = 0
        self._emptied = -1
        if len(self._buffer.data) != size:
            self._texts, self._values = new_texts(len(self._buffer.data))
        return more


def _scan(pieces: Iterator[bytes], path: str) -> Parsed:
    buffer = _Buffer(pieces)
    buffer.refill(0)
    scanner = _Scanner(buffer, path)
    while True:
        scanner.run()
        scanner.gather()
        if not scanner.refill():
            break
    if scanner.state[DEPTH] or buffer.filled:
        raise UnusualError  # cut off
    return scanner.gathered.parsed(scanner.state)
