"""Nested lists of whole numbers, read by compiled code: what :mod:`twin.city.cityjson.lists` does for large files."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["count_signs", "read_nested"]

_OPEN, _CLOSE, _COMMA, _MINUS, _ZERO, _NINE = 91, 93, 44, 45, 48, 57
_NULL = np.frombuffer(b"null", np.uint8)
_LARGEST = 10**17  # no vertex has such a number, nor does a coordinate; ten times as many still fit 64 bits
_FIRST_OR_END, _VALUE, _NEXT = 0, 1, 2  # what may stand there: a value or "]", a value, "," or "]"


@njit(cache=True, nogil=True)
def count_signs(text: np.ndarray, spans: np.ndarray) -> tuple[int, int]:
    """Return how many opening brackets and how many commas stand in parts of a text."""
    opens, commas = 0, 0
    for k in range(len(spans)):
        for i in range(spans[k, 0], spans[k, 1]):
            opens += text[i] == _OPEN
            commas += text[i] == _COMMA
    return opens, commas


@njit(cache=True, nogil=True)
def read_nested(
    text: np.ndarray, spans: np.ndarray, numbers: np.ndarray, depth: np.ndarray, start: np.ndarray, lists: np.ndarray
) -> tuple[int, int, int]:
    """Read lists that stand in a text; the grammar is JSON's for lists, whole numbers and null.

    Parameters
    ----------
    text : numpy.ndarray
        uint8, the text.
    spans : numpy.ndarray
        int64 (lists, 2): list k is ``text[spans[k, 0]:spans[k, 1]]``.
    numbers : numpy.ndarray
        int64, takes all numbers in order; null as -1.
    depth, start : numpy.ndarray
        int32 and int64, take of each opening bracket how deep it stands and the numbers before it.
    lists : numpy.ndarray
        int64 (lists, 5), takes of each list: numbers and opening brackets up to its end, least and greatest depth of
        numbers (99 and -1 where it has none), greatest depth of brackets.

    Returns
    -------
    tuple of int
        Numbers, opening brackets, nulls; -1 for the first where a list is something else.
    """
    n, opens, nulls = 0, 0, 0
    for k in range(len(spans)):
        i, stop = spans[k, 0], spans[k, 1]
        level, state = -1, _VALUE
        low, high, deepest = 99, -1, -1
        while i < stop:
            sign = text[i]
            i += 1
            if sign == 32 or sign == 10 or sign == 13 or sign == 9:
                continue
            if sign == _COMMA:
                if state != _NEXT or level < 0:
                    return -1, 0, 0
                state = _VALUE
            elif sign == _CLOSE:
                if state == _VALUE or level < 0:
                    return -1, 0, 0
                level -= 1
                state = _NEXT
            elif state == _NEXT:
                return -1, 0, 0
            elif sign == _OPEN:
                level += 1
                depth[opens], start[opens] = level, n
                opens += 1
                deepest = max(deepest, level)
                state = _FIRST_OR_END
            elif level < 0:
                return -1, 0, 0
            else:
                negative = sign == _MINUS
                if negative and i < stop:
                    sign = text[i]
                    i += 1
                if _ZERO <= sign <= _NINE:
                    value = np.int64(sign - _ZERO)
                    if value == 0 and i < stop and _ZERO <= text[i] <= _NINE:
                        return -1, 0, 0
                    while i < stop and _ZERO <= text[i] <= _NINE:
                        value = (value if value < _LARGEST else _LARGEST) * 10 + np.int64(text[i] - _ZERO)
                        i += 1
                    numbers[n] = -value if negative else value
                elif not negative and stop - i >= 3 and sign == _NULL[0]:
                    if text[i] != _NULL[1] or text[i + 1] != _NULL[2] or text[i + 2] != _NULL[3]:
                        return -1, 0, 0
                    i += 3
                    numbers[n] = -1
                    nulls += 1
                else:
                    return -1, 0, 0
                n += 1
                low, high = min(low, level), max(high, level)
                state = _NEXT
        if level >= 0 or state != _NEXT:
            return -1, 0, 0
        lists[k, 0], lists[k, 1] = n, opens
        lists[k, 2], lists[k, 3], lists[k, 4] = low, high, deepest
    return n, opens, nulls
