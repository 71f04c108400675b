"""Polygons for the compiled scanner: one element with its rings and numbers, read whole or not at all.

A decimal with a mantissa below 2**53 and a power of ten up to 22 is the quotient of two exact doubles, and one rounding
gives the nearest double (Clinger 1990, doi:10.1145/93542.93557); every other number is left to Python by its place.
"""

# Compiled with the other files of the scanner as of e5bac15e0dd7.
from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.citygml.names import Kind
from twin.city.citygml.scan_state import (
    DEEPEST,
    DIMENSION,
    FULL,
    HARD_ROWS,
    KINDS,
    LATE_ROWS,
    MORE,
    N_ELEMENT,
    N_KIND,
    N_OUTER,
    P_DEPTH,
    P_DIMENSION,
    P_FIRST,
    P_JOINED,
    P_LOOSE,
    P_VALUES,
    POLYGON_ROWS,
    POLYGONS,
    REVERSED,
    RING_ROWS,
    RINGS,
    ROOM,
    T_CLOSED,
    T_DIMENSION,
    T_NAME,
    UNUSUAL,
    VALUES,
)
from twin.city.citygml.scan_tokens import end_tag, start_tag, text_end

__all__ = ["polygon"]

_PATCH, _POSITIONS, _POSITION = KINDS.index(Kind.PATCH), KINDS.index(Kind.POSITIONS), KINDS.index(Kind.POSITION)
_RING, _CURVE_RING = KINDS.index(Kind.RING), KINDS.index(Kind.CURVE_RING)
_COORDINATES = KINDS.index(Kind.COORDINATES)
_EXACT = 1 << 53
_LT, _SLASH = 60, 47
_POWERS = 10.0 ** np.arange(23)


@njit(cache=True, nogil=True)
def _numbers(data: np.ndarray, i: int, n: int, state: np.ndarray, rows: np.ndarray, values: np.ndarray) -> int:
    """Read numbers up to the next tag; return its place."""
    place = state[VALUES]
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
            values[place] = -value if negative else value
        else:
            if state[HARD_ROWS] >= rows.shape[1]:
                return -FULL
            hard = state[HARD_ROWS]
            rows[HARD_ROWS, hard, 0] = start
            rows[HARD_ROWS, hard, 1] = i
            rows[HARD_ROWS, hard, 2] = place
            state[HARD_ROWS] += 1
        place += 1
    state[VALUES] = place
    return i


@njit(cache=True, nogil=True)
def _ring_done(state: np.ndarray, rows: np.ndarray) -> None:
    ring = state[RING_ROWS]
    rows[RING_ROWS, ring, 0] = state[VALUES] - state[P_VALUES]
    rows[RING_ROWS, ring, 1] = state[P_DIMENSION]
    state[P_VALUES] = state[VALUES]
    state[P_DIMENSION] = state[DIMENSION]
    state[RING_ROWS] += 1
    state[RINGS] += 1


@njit(cache=True, nogil=True)
def _ends(kind: int, state: np.ndarray, rows: np.ndarray) -> None:
    """Do what the end of an element inside a polygon asks for."""
    if kind == _POSITIONS:
        if not state[P_JOINED]:
            _ring_done(state, rows)
    elif kind in (_RING, _CURVE_RING) and (state[P_LOOSE] or state[P_JOINED]):
        _ring_done(state, rows)
        state[P_LOOSE] = 0
        state[P_JOINED] = 0


@njit(cache=True, nogil=True)
def _starts(name: int, names: np.ndarray, state: np.ndarray, rows: np.ndarray) -> bool:
    """Do what the start of an element inside a polygon asks for; False where it does not belong there."""
    kind = names[name, N_KIND]
    if kind in (_COORDINATES, _PATCH):
        return False
    if names[name, N_OUTER]:
        if state[RINGS] != state[P_FIRST]:
            late = state[LATE_ROWS]
            rows[LATE_ROWS, late, 0] = state[POLYGONS]
            rows[LATE_ROWS, late, 1] = state[RINGS]
            state[LATE_ROWS] += 1
    elif kind == _CURVE_RING:
        state[P_JOINED] = 1
    elif kind in (_RING, _POSITIONS, _POSITION):
        if state[T_DIMENSION] >= 0:
            state[P_DIMENSION] = state[T_DIMENSION]
        if kind == _POSITION:
            state[P_LOOSE] = 1
    return True


@njit(cache=True, nogil=True)
def _inner(
    data: np.ndarray,
    i: int,
    n: int,
    names: np.ndarray,
    pool: np.ndarray,
    slots: np.ndarray,
    state: np.ndarray,
    stack: np.ndarray,
    rows: np.ndarray,
    values: np.ndarray,
) -> int:
    """Read what stands inside a polygon, up to the place after its end tag; its open elements lie behind DEEPEST."""
    while state[P_DEPTH] > 0:
        i = text_end(data, i, n, False)
        if i < 0:
            return i
        if i + 1 >= n:
            return -MORE
        if data[i + 1] == _SLASH:
            name = stack[DEEPEST + state[P_DEPTH] - 1, 0]
            i = end_tag(data, i, n, names, pool, name)
            if i < 0:
                return i
            state[P_DEPTH] -= 1
            if state[P_DEPTH] > 0:
                _ends(names[name, N_KIND], state, rows)
            continue
        i = start_tag(data, i, n, names, pool, slots, state, False)
        if i < 0:
            return i
        name = state[T_NAME]
        kind = names[name, N_KIND]
        if not _starts(name, names, state, rows) or state[P_DEPTH] >= DEEPEST:
            return -UNUSUAL
        if state[ROOM] <= 0:
            return -FULL
        if state[T_CLOSED]:
            _ends(kind, state, rows)
            continue
        stack[DEEPEST + state[P_DEPTH], 0] = name
        state[P_DEPTH] += 1
        if kind in (_POSITIONS, _POSITION):
            i = _numbers(data, i, n, state, rows, values)
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
    names: np.ndarray,
    pool: np.ndarray,
    slots: np.ndarray,
    state: np.ndarray,
    stack: np.ndarray,
    rows: np.ndarray,
    values: np.ndarray,
) -> int:
    """Read the polygon whose start tag, read into the state, ends before ``i``; return the place after its end tag.

    Where it is not read to its end, rings, numbers and tables are as before. The caller has taken its id, srsName
    and srsDimension.
    """
    before = (state[RING_ROWS], state[VALUES], state[HARD_ROWS], state[LATE_ROWS], state[RINGS])
    state[P_DIMENSION] = state[DIMENSION]
    state[P_VALUES] = state[VALUES]
    state[P_FIRST] = state[RINGS]
    state[P_LOOSE] = 0
    state[P_JOINED] = 0
    state[P_DEPTH] = 0
    name = state[T_NAME]
    if not state[T_CLOSED]:
        stack[DEEPEST, 0] = name
        state[P_DEPTH] = 1
        i = _inner(data, i, n, names, pool, slots, state, stack, rows, values)
    if i < 0:
        state[RING_ROWS], state[VALUES], state[HARD_ROWS], state[LATE_ROWS], state[RINGS] = before
        return i
    if state[P_LOOSE] or state[P_JOINED] or state[P_VALUES] != state[VALUES]:
        return -UNUSUAL  # positions outside of a ring
    row = state[POLYGON_ROWS]
    rows[POLYGON_ROWS, row, 0] = state[P_FIRST]
    rows[POLYGON_ROWS, row, 1] = names[name, N_ELEMENT]
    rows[POLYGON_ROWS, row, 2] = state[REVERSED]
    state[POLYGON_ROWS] += 1
    state[POLYGONS] += 1
    return i
