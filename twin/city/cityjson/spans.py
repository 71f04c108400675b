"""Where the lists of geometry stand in a large CityJSON text: the searches of ``lists.cut`` in compiled code."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["list_spans", "shortened"]

_QUOTE, _CLOSE, _BRACE, _COLON, _OPEN, _ESCAPE, _MINUS, _ZERO = 34, 93, 125, 58, 91, 92, 45, 48
_KEYS = np.frombuffer(b'boundaries"values"vertices"', np.uint8)
_KEY_EDGES = np.array([0, 11, 18, 27], np.int64)
_BLOCK = 1 << 16  # lists found in one call
_DIGITS = 16  # of a marker


@njit(cache=True, nogil=True)
def _list_after(text: np.ndarray, quote: int) -> int:
    """Return where the list begins whose key's quotation mark stands here, -1 where none does."""
    for key in range(3):
        first, last = _KEY_EDGES[key], _KEY_EDGES[key + 1]
        place = quote + 1
        if place + last - first > len(text):
            continue
        same = True
        for k in range(first, last):
            if text[place + k - first] != _KEYS[k]:
                same = False
                break
        if not same:
            continue
        place += last - first
        for wanted in (_COLON, _OPEN):
            while place < len(text) and (text[place] == 32 or 9 <= text[place] <= 13):
                place += 1
            if place >= len(text) or text[place] != wanted:
                return -1
            place += 1
        return place - 1
    return -1


@njit(cache=True, nogil=True)
def _spans(text: np.ndarray, place: int, spans: np.ndarray) -> tuple[int, int]:
    """Fill in lists from a place on; returns how many, and where to go on (the text's length at its end)."""
    count, size = 0, len(text)
    while place < size:
        if text[place] != _QUOTE:
            place += 1
            continue
        if count == len(spans):
            return count, place
        first = _list_after(text, place)
        if first < 0 or (place > 0 and text[place - 1] == _ESCAPE):
            place += 1
            continue
        stop, end = first, 0
        while stop < size and text[stop] != _QUOTE and text[stop] != _BRACE:
            if text[stop] == _CLOSE:
                end = stop + 1
            stop += 1
        if end:
            spans[count, 0], spans[count, 1] = first, end
            count += 1
        place = stop
    return count, size


@njit(cache=True, nogil=True)
def _shorten(text: np.ndarray, spans: np.ndarray, mark: int, short: np.ndarray) -> None:
    """Write a text without its lists; in place of list k stands the negative number ``mark - k``."""
    to, last = 0, 0
    for k in range(len(spans) + 1):
        stop = spans[k, 0] if k < len(spans) else len(text)
        for i in range(last, stop):
            short[to] = text[i]
            to += 1
        if k < len(spans):
            last = spans[k, 1]
            number = k - mark
            short[to] = _MINUS
            for digit in range(_DIGITS, 0, -1):
                short[to + digit] = _ZERO + number % 10
                number //= 10
            to += 1 + _DIGITS


def list_spans(text: bytes) -> np.ndarray:
    """Return begin and end of each list of geometry in a text, int64 (lists, 2).

    Examples
    --------
    >>> list_spans(b'{"type": "Solid", "boundaries": [[1, 2]], "lod": "2"}').tolist()
    [[32, 40]]
    """
    codes, place = np.frombuffer(text, np.uint8), 0
    found = [np.empty((0, 2), np.int64)]
    while place < len(text):
        spans = np.empty((_BLOCK, 2), np.int64)
        count, place = _spans(codes, place, spans)
        found.append(spans[:count])
    return np.concatenate(found)


def shortened(text: bytes, spans: np.ndarray, mark: int) -> bytes:
    """Return a text with the number ``mark - k``, of sixteen digits, in place of the list k.

    Examples
    --------
    >>> shortened(b"a[1]b", np.array([[1, 4]]), -(10**15))
    b'a-1000000000000000b'
    """
    size = len(text) - int((spans[:, 1] - spans[:, 0]).sum()) + (1 + _DIGITS) * len(spans)
    short = np.empty(size, np.uint8)
    _shorten(np.frombuffer(text, np.uint8), spans, mark, short)
    return short.tobytes()
