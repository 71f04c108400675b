"""The compiled scanner: city objects, thematic surfaces and geometry from a buffer of UTF-8 bytes to flat arrays.

It does what :mod:`twin.city.citygml.events` does with the events of expat, without a call into Python for any element.
Texts (ids, references, attributes) are left as places in the buffer or copied together; Python makes strings of them.
"""

# Compiled with the other files of the scanner as of e5bac15e0dd7.
from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.citygml.names import Kind
from twin.city.citygml.scan_elements import (
    close,
    copy_text,
    note_attribute,
    note_id,
    note_place,
    note_system,
    open_element,
    open_run,
    push,
)
from twin.city.citygml.scan_polygons import polygon
from twin.city.citygml.scan_state import (
    BOUNDARY,
    DEEPEST,
    DEPTH,
    DIMENSION,
    FULL,
    IMPLICIT,
    KINDS,
    MORE,
    N_FOREIGN,
    N_HOLDER,
    N_KIND,
    N_LEFT_OUT,
    OBJECT,
    POLYGON_TEXT,
    POS,
    ROOM,
    SKIP,
    SRS,
    T_CLOSED,
    T_COUNT,
    T_DIMENSION,
    T_ID,
    T_ID_STOP,
    T_NAME,
    T_SYSTEM,
    T_SYSTEM_STOP,
    UNUSUAL,
)
from twin.city.citygml.scan_tokens import comment_end, end_tag, start_tag, text_end

__all__ = ["scan"]

_FEATURE, _BOUNDARY, _ATTRIBUTE = (KINDS.index(k) for k in (Kind.FEATURE, Kind.BOUNDARY, Kind.ATTRIBUTE))
_CONTAINER, _SOLID, _ORIENTABLE = (KINDS.index(k) for k in (Kind.CONTAINER, Kind.SOLID, Kind.ORIENTABLE))
_PATCH, _POSITION, _CURVE = (KINDS.index(k) for k in (Kind.PATCH, Kind.POSITION, Kind.CURVE))
_IMPLICIT, _MATRIX, _SKIP = (KINDS.index(k) for k in (Kind.IMPLICIT, Kind.MATRIX, Kind.SKIP))
_FOREIGN_OBJECT, _FOREIGN_PROPERTY = (KINDS.index(k) for k in (Kind.FOREIGN_OBJECT, Kind.FOREIGN_PROPERTY))
_PLAIN = KINDS.index(Kind.PASS)
_LT, _SLASH, _BANG = 60, 47, 33


@njit(cache=True, nogil=True)
def _opened_in_attribute(
    outer: int, name: int, alone: bool, first: bool, holder: int, names: np.ndarray, state: np.ndarray,
    stack: np.ndarray, rows: np.ndarray,
) -> int:  # fmt: skip
    """Tell what the start of an element inside an attribute means: 0 = more of it, 1 = the attribute is structure."""
    kind = names[name, N_KIND]
    geometry = kind in (_CONTAINER, _SOLID, _ORIENTABLE, _PATCH, _CURVE)
    if (geometry or kind in (_FEATURE, _BOUNDARY, _IMPLICIT)) and not names[holder, N_HOLDER]:
        if not alone or not first:
            return -UNUSUAL
        if geometry:
            open_run(outer, state[SRS], names, state, rows)
        push(outer, _PLAIN, state, stack)
        return 1
    if alone and names[outer, N_FOREIGN]:  # an extension's structure: counted, not kept
        names[outer, N_LEFT_OUT] += 1
        push(outer, _PLAIN, state, stack)
        state[SKIP] = state[DEPTH]
        return 1
    return 0


@njit(cache=True, nogil=True)
def _attribute(
    data: np.ndarray, first: int, i: int, n: int, names: np.ndarray, pool: np.ndarray, slots: np.ndarray,
    state: np.ndarray, stack: np.ndarray, rows: np.ndarray,
) -> int:  # fmt: skip
    """Read the attribute whose start tag goes from ``first`` to ``i``; return the place after it, or inside it.

    Its bytes are noted for expat. Where structure stands in it, it is opened as an element like any other.
    """
    outer = state[T_NAME]
    if state[T_CLOSED]:
        if state[T_COUNT]:
            note_attribute(first, i, outer, 0, state, rows)
        return i
    base = state[DEPTH]
    stack[base, 0] = outer
    depth = base + 1
    childless = True
    while True:
        while i < n and data[i] != _LT:
            i += 1
        if i + 1 >= n:
            return -MORE
        here = i
        if data[i + 1] == _SLASH:
            i = end_tag(data, i, n, names, pool, stack[depth - 1, 0])
            if i < 0:
                return i
            depth -= 1
            if depth == base:
                note_attribute(first, i, outer, 0, state, rows)
                return i
            continue
        i = start_tag(data, i, n, names, pool, slots, state, True)
        if i < 0:
            return i
        name = state[T_NAME]
        opened = _opened_in_attribute(
            outer, name, depth == base + 1, childless, stack[depth - 1, 0], names, state, stack, rows
        )
        if opened:
            return here if opened > 0 else opened
        childless = False
        if not state[T_CLOSED]:
            if depth >= DEEPEST:
                return -UNUSUAL
            stack[depth, 0] = name
            depth += 1


@njit(cache=True, nogil=True)
def _place(data: np.ndarray, i: int, n: int, what: int, state: np.ndarray, rows: np.ndarray) -> int:
    """Note the text of a matrix or reference point that starts at ``i``; return where it ends."""
    stop = i
    if not state[T_CLOSED]:
        stop = text_end(data, i, n, False)
        if stop < 0:
            return stop
        if stop + 1 >= n:
            return -MORE
        if data[stop + 1] != _SLASH:
            return -UNUSUAL
    note_place(what, i, stop, state, rows)
    return stop


@njit(cache=True, nogil=True)
def _patch(
    data: np.ndarray, i: int, n: int, names: np.ndarray, pool: np.ndarray, slots: np.ndarray, state: np.ndarray,
    stack: np.ndarray, rows: np.ndarray, texts: np.ndarray, values: np.ndarray,
) -> int:  # fmt: skip
    """Read a polygon with its id, srsName and srsDimension; nothing of it is noted where it is cut off."""
    dimension = state[DIMENSION]
    start, stop, system, system_stop = state[T_ID], state[T_ID_STOP], state[T_SYSTEM], state[T_SYSTEM_STOP]
    if state[T_DIMENSION] >= 0:
        state[DIMENSION] = state[T_DIMENSION]
    i = polygon(data, i, n, names, pool, slots, state, stack, rows, values)
    state[DIMENSION] = dimension
    if i >= 0:
        copy_text(data, start, stop, state, texts, POLYGON_TEXT)
        if system >= 0:
            note_system(data, system, system_stop, state, rows)
    return i


@njit(cache=True, nogil=True)
def _element(
    data: np.ndarray, first: int, n: int, names: np.ndarray, pool: np.ndarray, slots: np.ndarray, state: np.ndarray,
    stack: np.ndarray, rows: np.ndarray, texts: np.ndarray, values: np.ndarray,
) -> int:  # fmt: skip
    """Read the start tag at ``first``, for polygons and attributes all that is in them; return the place after it."""
    i = start_tag(data, first, n, names, pool, slots, state, False)
    if i < 0:
        return i
    if state[DEPTH] >= DEEPEST - 1:
        return -UNUSUAL
    name = state[T_NAME]
    kind = names[name, N_KIND]
    closed = state[T_CLOSED]
    if state[SKIP]:
        note_id(data, state, texts)
        push(name, _PLAIN, state, stack)
    elif kind == _PATCH:
        return _patch(data, i, n, names, pool, slots, state, stack, rows, texts, values)
    elif kind in (_ATTRIBUTE, _FOREIGN_PROPERTY):
        return _attribute(data, first, i, n, names, pool, slots, state, stack, rows)
    elif kind in (_MATRIX, _POSITION) and state[IMPLICIT] >= 0:
        i = _place(data, i, n, int(kind == _POSITION), state, rows)
        if i < 0:
            return i
        push(name, _PLAIN, state, stack)
    elif kind == _FOREIGN_OBJECT:
        own = state[OBJECT] < 0 and state[BOUNDARY] < 0
        names[name, N_LEFT_OUT] += int(not own)
        open_element(data, _FEATURE if own else _SKIP, names, state, stack, rows, texts)
    elif not open_element(data, kind, names, state, stack, rows, texts):
        return -UNUSUAL
    if closed:
        close(state, stack, rows)
    return i


@njit(cache=True, nogil=True)
def scan(
    data: np.ndarray, n: int, names: np.ndarray, pool: np.ndarray, slots: np.ndarray, state: np.ndarray,
    stack: np.ndarray, rows: np.ndarray, texts: np.ndarray, values: np.ndarray,
) -> int:  # fmt: skip
    """Read a buffer on from ``state[POS]`` as far as it goes.

    Parameters
    ----------
    data : numpy.ndarray
        uint8, of which the first ``n`` are filled.
    n : int
        Bytes to read.
    names, pool, slots, state, stack, rows, texts, values : numpy.ndarray
        See :mod:`twin.city.citygml.scan_state`. ``state[ROOM]`` says how many elements the tables have room for.

    Returns
    -------
    int
        MORE where the buffer ends (what stands from ``state[POS]`` on is to be given again), NAME where a name is new
        (its place is in the state), FULL where the tables are to be emptied, UNUSUAL where expat is to read the file.
    """
    i = state[POS]
    while True:
        state[POS] = i
        i = text_end(data, i, n, state[DEPTH] == 0)
        if i < 0:
            return -i
        state[POS] = i
        if i + 1 >= n:
            return MORE
        if state[ROOM] <= 0:
            return FULL
        if data[i + 1] == _SLASH:
            if state[DEPTH] == 0:
                return UNUSUAL
            i = end_tag(data, i, n, names, pool, stack[state[DEPTH] - 1, 0])
            if i >= 0:
                close(state, stack, rows)
        elif data[i + 1] == _BANG:
            i = comment_end(data, i, n)
        elif state[DEPTH] == 0:
            return UNUSUAL
        else:
            i = _element(data, i, n, names, pool, slots, state, stack, rows, texts, values)
        if i < 0:
            return -i
