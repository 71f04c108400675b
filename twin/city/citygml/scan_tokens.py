"""Tokens of XML for the compiled scanner: names, tags, texts and comments in a buffer of UTF-8 bytes.

Only what a delivered city model consists of is read here: no entities in structure, no CDATA, no processing
instruction, no declaration of a namespace below the root, ASCII names. All else is answered with ``-UNUSUAL``, and the
file is read by the expat parser instead; so nothing is accepted here that is not well-formed.
"""

# Compiled with the other files of the scanner as of e5bac15e0dd7.
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
    LAST_NAME,
    MORE,
    MOST_NAMES,
    N_KIND,
    N_LENGTH,
    N_NEXT,
    N_OFFSET,
    NAME,
    NAME_OF_ATTRIBUTE,
    NAME_START,
    NAME_STOP,
    ROOM,
    SLOTS,
    T_CLOSED,
    T_COUNT,
    T_DIMENSION,
    T_HREF,
    T_ID,
    T_MINUS,
    T_NAME,
    T_SYSTEM,
    UNUSUAL,
)

__all__ = ["comment_end", "end_tag", "name_hash", "start_tag", "text_end"]

_PRIME = np.uint64(0x100000001B3)
_SEED = np.uint64(0xCBF29CE484222325)
_LT, _GT, _SLASH, _EQUAL, _AMP, _MINUS, _BANG = 60, 62, 47, 61, 38, 45, 33


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
def _same(data: np.ndarray, start: int, pool: np.ndarray, offset: int, length: int) -> bool:
    k = 0
    while k < length and data[start + k] == pool[offset + k]:
        k += 1
    return k == length


@njit(cache=True, nogil=True)
def _found(
    data: np.ndarray, start: int, stop: int, names: np.ndarray, pool: np.ndarray, slots: np.ndarray, shift: int
) -> int:
    """Return the row of a name, -1 where it is new; ``shift`` is 0 for elements, SLOTS for attributes."""
    slot = np.int64(name_hash(data, start, stop)) & (SLOTS - 1)
    while True:
        row = slots[shift + slot]
        if row < 0:
            return -1
        length = names[row, N_LENGTH]
        if length == stop - start and _same(data, start, pool, names[row, N_OFFSET], length):
            return row
        slot = (slot + 1) & (SLOTS - 1)


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
def end_tag(data: np.ndarray, i: int, n: int, names: np.ndarray, pool: np.ndarray, row: int) -> int:
    """Return the place after the end tag at ``i``, which must close the element of name ``row``."""
    length = names[row, N_LENGTH]
    i += 2
    if i + length >= n:
        return -MORE
    if not _same(data, i, pool, names[row, N_OFFSET], length):
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
def _known_attribute(data: np.ndarray, code: int, start: int, stop: int, state: np.ndarray) -> bool:
    """Note an attribute the scanner knows; False where its value is out of the ordinary."""
    if code == A_NAMESPACE:
        return False
    if code == A_ORIENTATION:
        state[T_MINUS] = stop - start == 1 and data[start] == _MINUS
        return True
    if stop == start:
        return False
    if code == A_DIMENSION:
        state[T_DIMENSION] = np.int64(data[start]) - 48
        return stop - start == 1 and 2 <= state[T_DIMENSION] <= 4
    place = T_ID if code == A_ID else T_HREF if code == A_HREF else T_SYSTEM if code == A_SYSTEM else -1
    if place >= 0:
        if state[place] >= 0:
            return False
        state[place] = start
        state[place + 1] = stop
    return True


@njit(cache=True, nogil=True)
def _attributes(
    data: np.ndarray,
    i: int,
    n: int,
    names: np.ndarray,
    pool: np.ndarray,
    slots: np.ndarray,
    state: np.ndarray,
    loose: bool,
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
            state[T_CLOSED] = 1
            return i + 2 if data[i + 1] == _GT else -UNUSUAL
        if i == start:
            return -UNUSUAL
        start = i
        while i < n and _CLASSES[data[i]] & 1:
            i += 1
        if i >= n:
            return -MORE
        if i == start:
            return -UNUSUAL
        row = _found(data, start, i, names, pool, slots, SLOTS)
        if row < 0:
            return _new_name(state, start, i, 1)
        bit = np.int64(1) << (row - MOST_NAMES)
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
        code = names[row, N_KIND]
        if code and not _known_attribute(data, code, i + 1, stop, state):
            return -UNUSUAL
        state[T_COUNT] += 1
        i = stop + 1


@njit(cache=True, nogil=True)
def _name(
    data: np.ndarray, start: int, n: int, names: np.ndarray, pool: np.ndarray, slots: np.ndarray, state: np.ndarray
) -> int:
    """Return the row of the element name at ``start``: first the one that came after the last name before is tried."""
    last = state[LAST_NAME]
    row = names[last, N_NEXT]
    length = names[row, N_LENGTH]
    likely = start + length < n and _same(data, start, pool, names[row, N_OFFSET], length)
    if likely and not _CLASSES[data[start + length]] & 1:
        state[LAST_NAME] = row
        return row
    i = start
    while i < n and _CLASSES[data[i]] & 1:
        i += 1
    if i >= n:
        return -MORE
    if i == start:
        return -UNUSUAL
    row = _found(data, start, i, names, pool, slots, 0)
    if row < 0:
        return _new_name(state, start, i, 0)
    names[last, N_NEXT] = row
    state[LAST_NAME] = row
    return row


@njit(cache=True, nogil=True)
def start_tag(
    data: np.ndarray,
    i: int,
    n: int,
    names: np.ndarray,
    pool: np.ndarray,
    slots: np.ndarray,
    state: np.ndarray,
    loose: bool,
) -> int:
    """Read the start tag at ``i`` into the state; return the place after it.

    ``loose`` allows references to characters in values: the text is read again by expat.
    """
    row = _name(data, i + 1, n, names, pool, slots, state)
    if row < 0:
        return row
    state[ROOM] -= 1
    state[T_NAME] = row
    state[T_CLOSED] = 0
    state[T_COUNT] = 0
    state[T_ID] = -1
    state[T_HREF] = -1
    state[T_SYSTEM] = -1
    state[T_DIMENSION] = -1
    state[T_MINUS] = 0
    i += 1 + names[row, N_LENGTH]
    if data[i] == _GT:
        return i + 1
    return _attributes(data, i, n, names, pool, slots, state, loose)
