"""Polygons for the compiled scanner: one element with its rings and numbers, read whole or not at all.

Numbers are read as in :mod:`twin.city.citygml.numbers`: exactly, or left to Python by their place.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.citygml.names import Kind
from twin.city.citygml.scan_state import (
    DIMENSION,
    KINDS,
    N_ELEMENT,
    N_HARD,
    N_KIND,
    N_LATE,
    N_OUTER,
    N_POLYGONS,
    N_RINGS,
    N_VALUES,
    POLYGONS,
    REVERSED,
    RINGS,
    T_CLOSED,
    T_DIMENSION,
    T_NAME,
    Names,
    Output,
)
from twin.city.citygml.scan_tokens import MORE, UNUSUAL, end_tag, start_tag, text_end

__all__ = ["polygon"]

_PATCH, _POSITIONS, _POSITION = KINDS.index(Kind.PATCH), KINDS.index(Kind.POSITIONS), KINDS.index(Kind.POSITION)
_RING, _CURVE_RING = KINDS.index(Kind.RING), KINDS.index(Kind.CURVE_RING)
_COORDINATES = KINDS.index(Kind.COORDINATES)
_EXACT = 1 << 53
_LT, _SLASH = 60, 47
_DEEPEST = 24  # elements open inside a polygon
_POWERS = 10.0 ** np.arange(23)

# What is open inside a polygon; the numbers are those of ``inside`` below.
_DEPTH, _RING_DIMENSION, _LOOSE, _JOINED, _NUMBERS, _FIRST, _LATE_RING = range(7)


@njit(cache=True, nogil=True)
def _numbers(data: np.ndarray, i: int, n: int, out: Output) -> int:
    """Read numbers up to the next tag; return its place."""
    counts = out.counts
    place = counts[N_VALUES]
    while True:
        while i < n and data[i] <= 32:
            c = data[i]
            if c != 32 and c != 10 and c != 13 and c != 9:
                return -UNUSUAL
            i += 1
        if i >= n:
            return -MORE
        if data[i] == _LT:
            break
        start = i
        negative = data[i] == 45
        if negative or data[i] == 43:
            i += 1
        mantissa = np.int64(0)
        digits = 0
        point = -1
        easy = True
        while i < n:
            c = data[i]
            digit = np.int64(c) - 48
            if 0 <= digit <= 9:
                if mantissa >= _EXACT // 10:
                    easy = False
                else:
                    mantissa = mantissa * 10 + digit
                digits += 1
            elif c == 46 and point < 0:
                point = digits
            elif c <= 32 or c == _LT:
                break
            elif c >= 128:
                return -UNUSUAL
            else:
                easy = False
            i += 1
        if i >= n:
            return -MORE
        after = digits - point if point >= 0 else 0
        if easy and digits > 0 and after <= 22:
            value = mantissa / _POWERS[after]
            out.values[place] = -value if negative else value
        else:
            hard = out.hard[counts[N_HARD]]
            hard[0] = start
            hard[1] = i
            hard[2] = place
            counts[N_HARD] += 1
        place += 1
    counts[N_VALUES] = place
    return i


@njit(cache=True, nogil=True)
def _ring_done(inside: np.ndarray, state: np.ndarray, out: Output) -> None:
    row = out.rings[out.counts[N_RINGS]]
    row[0] = out.counts[N_VALUES] - inside[_NUMBERS]
    row[1] = inside[_RING_DIMENSION]
    inside[_NUMBERS] = out.counts[N_VALUES]
    inside[_RING_DIMENSION] = state[DIMENSION]
    out.counts[N_RINGS] += 1
    state[RINGS] += 1


@njit(cache=True, nogil=True)
def _ends(kind: int, inside: np.ndarray, state: np.ndarray, out: Output) -> None:
    """Do what the end of an element inside a polygon asks for."""
    if kind == _POSITIONS:
        if not inside[_JOINED]:
            _ring_done(inside, state, out)
    elif (kind == _RING or kind == _CURVE_RING) and (inside[_LOOSE] or inside[_JOINED]):
        _ring_done(inside, state, out)
        inside[_LOOSE] = 0
        inside[_JOINED] = 0


@njit(cache=True, nogil=True)
def _starts(row: np.ndarray, dimension: int, inside: np.ndarray, state: np.ndarray, out: Output) -> bool:
    """Do what the start of an element inside a polygon asks for; False where it does not belong there."""
    kind = row[N_KIND]
    if kind == _COORDINATES or kind == _PATCH:
        return False
    if row[N_OUTER]:
        if state[RINGS] != inside[_FIRST]:
            late = out.late[out.counts[N_LATE]]
            late[0] = state[POLYGONS]
            late[1] = state[RINGS]
            out.counts[N_LATE] += 1
    elif kind == _CURVE_RING:
        inside[_JOINED] = 1
    elif kind == _RING or kind == _POSITIONS or kind == _POSITION:
        if dimension >= 0:
            inside[_RING_DIMENSION] = dimension
        if kind == _POSITION:
            inside[_LOOSE] = 1
    return True


@njit(cache=True, nogil=True)
def _inner(
    data: np.ndarray,
    i: int,
    n: int,
    elements: Names,
    attributes: Names,
    tag: np.ndarray,
    opened: np.ndarray,
    inside: np.ndarray,
    state: np.ndarray,
    out: Output,
) -> int:
    """Read what stands inside a polygon, up to the place after its end tag."""
    while inside[_DEPTH] > 0:
        i = text_end(data, i, n, False)
        if i < 0:
            return i
        if i + 1 >= n:
            return -MORE
        if data[i + 1] == _SLASH:
            name = opened[inside[_DEPTH] - 1]
            i = end_tag(data, i, n, elements, name)
            if i < 0:
                return i
            inside[_DEPTH] -= 1
            if inside[_DEPTH] > 0:
                _ends(elements.rows[name, N_KIND], inside, state, out)
            continue
        i = start_tag(data, i, n, elements, attributes, tag, state, False)
        if i < 0:
            return i
        name = tag[T_NAME]
        if not _starts(elements.rows[name], tag[T_DIMENSION], inside, state, out) or inside[_DEPTH] >= _DEEPEST:
            return -UNUSUAL
        kind = elements.rows[name, N_KIND]
        if tag[T_CLOSED]:
            _ends(kind, inside, state, out)
            continue
        opened[inside[_DEPTH]] = name
        inside[_DEPTH] += 1
        if kind == _POSITIONS or kind == _POSITION:
            i = _numbers(data, i, n, out)
            if i < 0:
                return i
            if i + 1 >= n:
                return -MORE
            if data[i + 1] != _SLASH:
                return -UNUSUAL
    return i


@njit(cache=True, nogil=True)
def polygon(
    data: np.ndarray,
    i: int,
    n: int,
    elements: Names,
    attributes: Names,
    tag: np.ndarray,
    state: np.ndarray,
    out: Output,
) -> int:
    """Read the polygon whose start tag, read into ``tag``, ends before ``i``; return the place after its end tag.

    Where it is not read to its end, rings, numbers and outputs are as before. The caller has taken its id, srsName
    and srsDimension.
    """
    inside = np.zeros(_LATE_RING, dtype=np.int64)
    opened = np.empty(_DEEPEST + 1, dtype=np.int64)
    before = (out.counts[N_RINGS], out.counts[N_VALUES], out.counts[N_HARD], out.counts[N_LATE], state[RINGS])
    inside[_RING_DIMENSION] = state[DIMENSION]
    inside[_NUMBERS] = out.counts[N_VALUES]
    inside[_FIRST] = state[RINGS]
    name = tag[T_NAME]
    if not tag[T_CLOSED]:
        opened[0] = name
        inside[_DEPTH] = 1
        i = _inner(data, i, n, elements, attributes, tag, opened, inside, state, out)
    if i < 0:
        out.counts[N_RINGS], out.counts[N_VALUES], out.counts[N_HARD], out.counts[N_LATE], state[RINGS] = before
        return i
    if inside[_LOOSE] or inside[_JOINED] or inside[_NUMBERS] != out.counts[N_VALUES]:
        return -UNUSUAL  # positions outside of a ring
    row = out.polygons[out.counts[N_POLYGONS]]
    row[0] = inside[_FIRST]
    row[1] = elements.rows[name, N_ELEMENT]
    row[2] = state[REVERSED]
    out.counts[N_POLYGONS] += 1
    state[POLYGONS] += 1
    return i
