"""Tokens of XML for the compiled scanner: names, tags, texts, comments and numbers in a buffer of UTF-8 bytes.

Only what a delivered city model consists of is read here: no entities in structure, no CDATA, no processing
instruction, no declaration of a namespace below the root, ASCII names. All else is answered with ``-UNUSUAL``, and the
file is read by the expat parser instead; so nothing is accepted here that is not well-formed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.citygml.scan_state import (
    A_DIMENSION,
    A_HREF,
    A_ID,
    A_NAMESPACE,
    A_ORIENTATION,
    A_SYSTEM,
    N_KIND,
    N_LENGTH,
    N_OFFSET,
    NAME_OF_ATTRIBUTE,
    NAME_START,
    NAME_STOP,
    T_CLOSED,
    T_COUNT,
    T_DIMENSION,
    T_HREF,
    T_ID,
    T_MINUS,
    T_NAME,
    T_SYSTEM,
    Names,
)

__all__ = ["MORE", "NAME", "UNUSUAL", "comment_end", "end_tag", "name_hash", "start_tag", "text_end"]

MORE, NAME, UNUSUAL = 1, 2, 3
"""Answers: the buffer ends first, a name is new, this is for expat. Tokens answer with the minus."""

_PRIME = np.uint64(0x100000001B3)
_SEED = np.uint64(0xCBF29CE484222325)
_LT, _GT, _SLASH, _EQUAL, _AMP, _MINUS, _BANG = 60, 62, 47, 61, 38, 45, 33
_MOST_ATTRIBUTES = 62  # bits of the mask of attributes seen in a tag


def _character_classes() -> np.ndarray:
    """Bit 0: stands in a name; bit 1: a blank; bit 2: plain text of structure."""
    classes = np.zeros(256, dtype=np.uint8)
    for byte in range(256):
        name = chr(byte) in ":_-." or (byte < 128 and chr(byte).isalnum())
        blank = byte in (9, 10, 13, 32)
        text = blank or (byte > 32 and chr(byte) not in "<&]\x7f")
        classes[byte] = name | blank << 1 | text << 2
    return classes


_CLASSES = _character_classes()


@njit(cache=True, nogil=True)
def name_hash(data: np.ndarray, start: int, stop: int) -> np.uint64:
    """Return the FNV-1a hash of a name's bytes."""
    value = _SEED
    for i in range(start, stop):
        value = (value ^ np.uint64(data[i])) * _PRIME
    return value


@njit(cache=True, nogil=True)
def _found(data: np.ndarray, start: int, stop: int, names: Names) -> int:
    """Return the row of a name, -1 where it is new."""
    mask = np.int64(len(names.slots) - 1)
    slot = np.int64(name_hash(data, start, stop)) & mask
    length = stop - start
    while True:
        row = names.slots[slot]
        if row < 0:
            return -1
        if names.rows[row, N_LENGTH] == length:
            offset = names.rows[row, N_OFFSET]
            same = True
            for i in range(length):
                if names.pool[offset + i] != data[start + i]:
                    same = False
                    break
            if same:
                return row
        slot = (slot + 1) & mask


@njit(cache=True, nogil=True)
def text_end(data: np.ndarray, i: int, n: int, blank: bool) -> int:
    """Return where the text from ``i`` ends: at the next tag, or at ``n``."""
    wanted = 2 if blank else 4
    while i < n and _CLASSES[data[i]] & wanted:
        i += 1
    if i == n or data[i] == _LT:
        return i
    return -UNUSUAL


@njit(cache=True, nogil=True)
def comment_end(data: np.ndarray, i: int, n: int) -> int:
    """Return the place after the comment that starts at ``i``."""
    if n - i < 4:
        return -MORE
    if data[i + 1] != _BANG or data[i + 2] != _MINUS or data[i + 3] != _MINUS:
        return -UNUSUAL
    i += 4
    while i + 2 < n:
        if data[i] == _MINUS and data[i + 1] == _MINUS:
            return i + 3 if data[i + 2] == _GT else -UNUSUAL
        if data[i] < 32 and not _CLASSES[data[i]] & 2:
            return -UNUSUAL
        i += 1
    return -MORE


@njit(cache=True, nogil=True)
def end_tag(data: np.ndarray, i: int, n: int, names: Names, row: int) -> int:
    """Return the place after the end tag at ``i``, which must close the element of name ``row``."""
    length = names.rows[row, N_LENGTH]
    offset = names.rows[row, N_OFFSET]
    i += 2
    if i + length >= n:
        return -MORE
    for k in range(length):
        if data[i + k] != names.pool[offset + k]:
            return -UNUSUAL
    i += length
    while i < n and _CLASSES[data[i]] & 2:
        i += 1
    if i >= n:
        return -MORE
    return i + 1 if data[i] == _GT else -UNUSUAL


@njit(cache=True, nogil=True)
def _new_name(state: np.ndarray, start: int, stop: int, of_attribute: int) -> int:
    state[NAME_START] = start
    state[NAME_STOP] = stop
    state[NAME_OF_ATTRIBUTE] = of_attribute
    return -NAME


@njit(cache=True, nogil=True)
def _value_end(data: np.ndarray, i: int, n: int, loose: bool) -> int:
    """Return where the attribute value whose first quote is at ``i`` ends (at the second)."""
    if i >= n:
        return -MORE
    quote = data[i]
    if quote != 34 and quote != 39:
        return -UNUSUAL
    i += 1
    while i < n and data[i] != quote:
        c = data[i]
        if c < 32 or c == _LT or (c == _AMP and not loose):
            return -UNUSUAL
        i += 1
    return i if i < n else -MORE


@njit(cache=True, nogil=True)
def _known_attribute(data: np.ndarray, code: int, start: int, stop: int, tag: np.ndarray) -> bool:
    """Note an attribute the scanner knows; False where its value is out of the ordinary."""
    if code == A_NAMESPACE:
        return False
    if code == A_ORIENTATION:
        tag[T_MINUS] = stop - start == 1 and data[start] == _MINUS
        return True
    if code == A_DIMENSION:
        tag[T_DIMENSION] = data[start] - 48
        return stop - start == 1 and 2 <= tag[T_DIMENSION] <= 4
    if stop == start:
        return False
    place = T_ID if code == A_ID else T_HREF if code == A_HREF else T_SYSTEM if code == A_SYSTEM else -1
    if place >= 0:
        if tag[place] >= 0:
            return False
        tag[place] = start
        tag[place + 1] = stop
    return True


@njit(cache=True, nogil=True)
def _attributes(
    data: np.ndarray, i: int, n: int, attributes: Names, tag: np.ndarray, state: np.ndarray, loose: bool
) -> int:
    """Read the attributes of a start tag from the end of its name on; return the place after the tag."""
    seen = np.int64(0)
    while True:
        start = i
        while i < n and _CLASSES[data[i]] & 2:
            i += 1
        if i + 1 >= n:
            return -MORE
        if data[i] == _GT:
            return i + 1
        if data[i] == _SLASH:
            tag[T_CLOSED] = 1
            return i + 2 if data[i + 1] == _GT else -UNUSUAL
        if i == start:
            return -UNUSUAL
        start = i
        while i < n and _CLASSES[data[i]] & 1:
            i += 1
        if i >= n:
            return -MORE
        row = _found(data, start, i, attributes) if i > start else 0
        if i == start or row >= _MOST_ATTRIBUTES:
            return -UNUSUAL
        if row < 0:
            return _new_name(state, start, i, 1)
        bit = np.int64(1) << row
        while i < n and _CLASSES[data[i]] & 2:
            i += 1
        if i >= n:
            return -MORE
        if data[i] != _EQUAL or seen & bit:
            return -UNUSUAL
        seen |= bit
        i += 1
        while i < n and _CLASSES[data[i]] & 2:
            i += 1
        stop = _value_end(data, i, n, loose)
        if stop < 0:
            return stop
        if attributes.rows[row, N_KIND] and not _known_attribute(
            data, attributes.rows[row, N_KIND], i + 1, stop, tag
        ):
            return -UNUSUAL
        tag[T_COUNT] += 1
        i = stop + 1


@njit(cache=True, nogil=True)
def start_tag(
    data: np.ndarray,
    i: int,
    n: int,
    elements: Names,
    attributes: Names,
    tag: np.ndarray,
    state: np.ndarray,
    loose: bool,
) -> int:
    """Read the start tag at ``i`` into ``tag``; return the place after it.

    ``loose`` allows references to characters in values: the text is read again by expat.
    """
    start = i + 1
    i = start
    while i < n and _CLASSES[data[i]] & 1:
        i += 1
    if i >= n:
        return -MORE
    if i == start:
        return -UNUSUAL
    row = _found(data, start, i, elements)
    if row < 0:
        return _new_name(state, start, i, 0)
    tag[T_NAME] = row
    tag[T_CLOSED] = 0
    tag[T_COUNT] = 0
    tag[T_ID] = -1
    tag[T_HREF] = -1
    tag[T_SYSTEM] = -1
    tag[T_DIMENSION] = -1
    tag[T_MINUS] = 0
    if data[i] == _GT:
        return i + 1
    return _attributes(data, i, n, attributes, tag, state, loose)
