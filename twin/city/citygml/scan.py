"""The compiled scanner: city objects, thematic surfaces and geometry from a buffer of UTF-8 bytes to flat arrays.

It does what :mod:`twin.city.citygml.events` does with the events of expat, without a call into Python for any element.
Texts (ids, references, attributes) are left as places in the buffer or copied together; Python makes strings of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.citygml.names import Kind
from twin.city.citygml.scan_polygons import polygon
from twin.city.citygml.scan_state import (
    APPEARANCES,
    BOUNDARIES,
    BOUNDARY,
    CONTAINER_IDS,
    CURVES,
    DEEPEST,
    DEPTH,
    DIMENSION,
    IMPLICIT,
    IMPLICIT_LOD,
    IMPLICITS,
    KINDS,
    N_ATTRIBUTES,
    N_BOUNDARIES,
    N_BOUNDARY_TEXT,
    N_CONTAINER_TEXT,
    N_CONTAINERS,
    N_FOREIGN,
    N_GML,
    N_HOLDER,
    N_IMPLICITS,
    N_KIND,
    N_LOD,
    N_OBJECT_TEXT,
    N_OBJECTS,
    N_OTHER_TEXT,
    N_PLACES,
    N_POLYGON_TEXT,
    N_REFERENCE_TEXT,
    N_REFERENCES,
    N_RUN_SYSTEMS,
    N_RUNS,
    N_SHELLS,
    N_SOLIDS,
    N_SYSTEMS,
    OBJECT,
    OBJECTS,
    POINTS,
    POLYGONS,
    POS,
    REFERENCES,
    REVERSED,
    RUN_LOD,
    RUN_OBJECT,
    RUNS,
    SHELL_NUMBER,
    SHELL_SOLID,
    SKIP,
    SOLID,
    SOLIDS,
    SRS,
    SYSTEMS,
    T_CLOSED,
    T_COUNT,
    T_DIMENSION,
    T_HREF,
    T_HREF_STOP,
    T_ID,
    T_ID_STOP,
    T_MINUS,
    T_NAME,
    T_SYSTEM,
    T_SYSTEM_STOP,
    Names,
    Output,
)
from twin.city.citygml.scan_tokens import MORE, UNUSUAL, comment_end, end_tag, start_tag, text_end

__all__ = ["scan"]

_FEATURE, _BOUNDARY, _GEOMETRY = (KINDS.index(k) for k in (Kind.FEATURE, Kind.BOUNDARY, Kind.GEOMETRY_PROPERTY))
_ATTRIBUTE, _MEMBER, _CONTAINER = (KINDS.index(k) for k in (Kind.ATTRIBUTE, Kind.MEMBER, Kind.CONTAINER))
_SOLID, _ORIENTABLE, _PATCH = (KINDS.index(k) for k in (Kind.SOLID, Kind.ORIENTABLE, Kind.PATCH))
_EXTERIOR, _POSITION, _CURVE = (KINDS.index(k) for k in (Kind.EXTERIOR, Kind.POSITION, Kind.CURVE))
_POINT, _ENVELOPE, _IMPLICIT = (KINDS.index(k) for k in (Kind.POINT, Kind.ENVELOPE, Kind.IMPLICIT))
_MATRIX, _RELATIVE, _APPEARANCE = (KINDS.index(k) for k in (Kind.MATRIX, Kind.RELATIVE, Kind.APPEARANCE))
_SKIP, _FOREIGN_OBJECT = KINDS.index(Kind.SKIP), KINDS.index(Kind.FOREIGN_OBJECT)
_FOREIGN_PROPERTY = KINDS.index(Kind.FOREIGN_PROPERTY)
_PLAIN = KINDS.index(Kind.PASS)
_LT, _SLASH, _BANG, _LINE = 60, 47, 33, 10


# ------------------------------------------------------------------------------------------------------ small parts


@njit(cache=True, nogil=True)
def _copy(data: np.ndarray, start: int, stop: int, text: np.ndarray, filled: int) -> int:
    """Add a text (none where ``start`` is -1) and a line end; return how much is filled then."""
    if start >= 0:
        for i in range(start, stop):
            text[filled] = data[i]
            filled += 1
    text[filled] = _LINE
    return filled + 1


@njit(cache=True, nogil=True)
def _open_run(row: np.ndarray, srs: int, state: np.ndarray, out: Output) -> None:
    run = out.runs[out.counts[N_RUNS]]
    lod = state[IMPLICIT_LOD] if state[IMPLICIT] >= 0 else row[N_LOD]
    run[0] = state[POLYGONS]
    run[1] = state[REFERENCES]
    run[2] = state[OBJECT]
    run[3] = state[BOUNDARY]
    run[4] = lod
    run[5] = srs
    run[6] = state[IMPLICIT]
    out.counts[N_RUNS] += 1
    state[RUNS] += 1
    state[RUN_OBJECT] = state[OBJECT]
    state[RUN_LOD] = lod


@njit(cache=True, nogil=True)
def _refer(data: np.ndarray, tag: np.ndarray, state: np.ndarray, out: Output) -> None:
    if tag[T_HREF] < 0:
        return
    out.references[out.counts[N_REFERENCES], 0] = state[REVERSED]
    out.counts[N_REFERENCES] += 1
    state[REFERENCES] += 1
    counts = out.counts
    counts[N_REFERENCE_TEXT] = _copy(
        data, tag[T_HREF], tag[T_HREF_STOP], out.reference_text, counts[N_REFERENCE_TEXT]
    )


@njit(cache=True, nogil=True)
def _system(data: np.ndarray, start: int, stop: int, model: int, state: np.ndarray, out: Output) -> int:
    """Note a srsName; return its number, that of the last one where the text is the same."""
    count = out.counts[N_SYSTEMS]
    if count > 0:
        last = out.systems[count - 1]
        same = last[2] == model and last[1] - last[0] == stop - start
        for i in range(stop - start if same else 0):
            same = same and data[start + i] == data[last[0] + i]
        if same:
            last[3] += 1
            return state[SYSTEMS] - 1
    row = out.systems[count]
    row[0] = start
    row[1] = stop
    row[2] = model
    row[3] = 1
    out.counts[N_SYSTEMS] += 1
    state[SYSTEMS] += 1
    return state[SYSTEMS] - 1


@njit(cache=True, nogil=True)
def _run_system(data: np.ndarray, start: int, stop: int, state: np.ndarray, out: Output) -> None:
    """Give the run open now the srsName of a geometry in it."""
    number = _system(data, start, stop, 0, state, out)
    if state[RUNS] > 0:
        row = out.run_systems[out.counts[N_RUN_SYSTEMS]]
        row[0] = state[RUNS] - 1
        row[1] = number
        out.counts[N_RUN_SYSTEMS] += 1


@njit(cache=True, nogil=True)
def _geometry_attributes(data: np.ndarray, tag: np.ndarray, state: np.ndarray, out: Output) -> None:
    """Take srsName and srsDimension of a geometry."""
    if tag[T_DIMENSION] >= 0:
        state[DIMENSION] = tag[T_DIMENSION]
    if tag[T_SYSTEM] >= 0:
        _run_system(data, tag[T_SYSTEM], tag[T_SYSTEM_STOP], state, out)


@njit(cache=True, nogil=True)
def _note(start: int, stop: int, name: int, reference: int, state: np.ndarray, out: Output) -> None:
    """Note an attribute of whatever is open, by its place in the buffer."""
    row = out.attributes[out.counts[N_ATTRIBUTES]]
    row[0] = 2 if state[BOUNDARY] >= 0 else 1 if state[OBJECT] >= 0 else 0
    row[1] = state[BOUNDARY] if state[BOUNDARY] >= 0 else state[OBJECT]
    row[2] = name
    row[3] = start
    row[4] = stop
    row[5] = reference
    out.counts[N_ATTRIBUTES] += 1


@njit(cache=True, nogil=True)
def _note_other(data: np.ndarray, tag: np.ndarray, out: Output) -> None:
    if tag[T_ID] >= 0:
        out.counts[N_OTHER_TEXT] = _copy(data, tag[T_ID], tag[T_ID_STOP], out.other_text, out.counts[N_OTHER_TEXT])


# ------------------------------------------------------------------------------------------- elements open and close


@njit(cache=True, nogil=True)
def _push(name: int, kind: int, stack: np.ndarray, state: np.ndarray) -> np.ndarray:
    frame = stack[state[DEPTH]]
    frame[0] = name
    frame[1] = kind
    state[DEPTH] += 1
    return frame


@njit(cache=True, nogil=True)
def _open_object(
    data: np.ndarray, tag: np.ndarray, frame: np.ndarray, boundary: bool, state: np.ndarray, out: Output
) -> None:
    frame[2] = state[OBJECT]
    frame[3] = state[BOUNDARY]
    frame[4] = state[DIMENSION]
    frame[5] = state[SRS]
    start, stop = tag[T_ID], tag[T_ID_STOP]
    counts = out.counts
    if boundary:
        row = out.boundaries[counts[N_BOUNDARIES]]
        row[0] = tag[T_NAME]
        row[1] = state[OBJECT]
        row[2] = state[BOUNDARY]
        counts[N_BOUNDARIES] += 1
        counts[N_BOUNDARY_TEXT] = _copy(data, start, stop, out.boundary_text, counts[N_BOUNDARY_TEXT])
        state[BOUNDARY] = state[BOUNDARIES]
        state[BOUNDARIES] += 1
        return
    row = out.objects[counts[N_OBJECTS]]
    row[0] = tag[T_NAME]
    row[1] = state[OBJECT]
    counts[N_OBJECTS] += 1
    counts[N_OBJECT_TEXT] = _copy(data, start, stop, out.object_text, counts[N_OBJECT_TEXT])
    state[OBJECT] = state[OBJECTS]
    state[BOUNDARY] = -1
    state[OBJECTS] += 1


@njit(cache=True, nogil=True)
def _open_container(
    data: np.ndarray, tag: np.ndarray, frame: np.ndarray, kind: int, state: np.ndarray, out: Output
) -> None:
    frame[2] = -1
    frame[3] = state[POLYGONS]
    frame[4] = state[REFERENCES]
    frame[5] = state[DIMENSION]
    frame[6] = state[REVERSED]
    _geometry_attributes(data, tag, state, out)
    counts = out.counts
    if tag[T_ID] >= 0:
        frame[2] = state[CONTAINER_IDS]
        state[CONTAINER_IDS] += 1
        counts[N_CONTAINER_TEXT] = _copy(
            data, tag[T_ID], tag[T_ID_STOP], out.container_text, counts[N_CONTAINER_TEXT]
        )
    if kind == _ORIENTABLE and tag[T_MINUS]:
        state[REVERSED] = 1 - state[REVERSED]
    elif kind == _SOLID:
        row = out.solids[counts[N_SOLIDS]]
        row[0] = state[RUN_OBJECT]
        row[1] = state[RUNS] - 1
        counts[N_SOLIDS] += 1
        state[SOLID] = state[SOLIDS]
        state[SOLIDS] += 1


@njit(cache=True, nogil=True)
def _open_exterior(data: np.ndarray, tag: np.ndarray, frame: np.ndarray, state: np.ndarray, out: Output) -> None:
    frame[2] = state[SOLID]
    if state[SOLID] < 0:
        return
    state[SHELL_NUMBER] = state[SHELL_NUMBER] + 1 if state[SHELL_SOLID] == state[SOLID] else 0
    state[SHELL_SOLID] = state[SOLID]
    frame[3] = state[SHELL_NUMBER]
    frame[4] = state[POLYGONS]
    frame[5] = state[REFERENCES]
    _refer(data, tag, state, out)


@njit(cache=True, nogil=True)
def _open(
    data: np.ndarray, kind: int, tag: np.ndarray, row: np.ndarray, stack: np.ndarray, state: np.ndarray, out: Output
) -> bool:
    """Open an element of structure; False where it stands in a way no model is written."""
    if kind == _CONTAINER or kind == _SOLID or kind == _ORIENTABLE:
        if kind == _SOLID and state[SOLID] >= 0:
            return False
        _open_container(data, tag, _push(tag[T_NAME], kind, stack, state), kind, state, out)
        return True
    frame = _push(tag[T_NAME], kind, stack, state)
    if kind == _FEATURE or kind == _BOUNDARY:
        _open_object(data, tag, frame, kind == _BOUNDARY, state, out)
    elif kind == _MEMBER:
        if row[N_GML]:
            _refer(data, tag, state, out)
        elif tag[T_HREF] >= 0:
            _note(tag[T_HREF], tag[T_HREF_STOP], tag[T_NAME], 1, state, out)
    elif kind == _GEOMETRY:
        _open_run(row, state[SRS], state, out)
        _refer(data, tag, state, out)
    elif kind == _EXTERIOR:
        _open_exterior(data, tag, frame, state, out)
    elif kind == _ENVELOPE:
        if tag[T_SYSTEM] >= 0:
            state[SRS] = _system(data, tag[T_SYSTEM], tag[T_SYSTEM_STOP], int(state[OBJECT] < 0), state, out)
        if tag[T_DIMENSION] >= 0:
            state[DIMENSION] = tag[T_DIMENSION]
    elif kind == _CURVE:
        state[CURVES] += 1
    elif kind == _POINT:
        state[POINTS] += state[IMPLICIT] < 0
    elif kind == _IMPLICIT or kind == _RELATIVE:
        _open_template(tag, kind, row, state, out)
    elif kind == _APPEARANCE or kind == _SKIP:
        state[APPEARANCES] += kind == _APPEARANCE
        _note_other(data, tag, out)
        state[SKIP] = state[DEPTH]
    return True


@njit(cache=True, nogil=True)
def _open_template(tag: np.ndarray, kind: int, row: np.ndarray, state: np.ndarray, out: Output) -> None:
    counts = out.counts
    if kind == _IMPLICIT:
        place = out.implicits[counts[N_IMPLICITS]]
        place[0] = state[OBJECT]
        place[1] = state[BOUNDARY]
        place[2] = state[RUN_LOD]
        counts[N_IMPLICITS] += 1
        state[IMPLICIT] = state[IMPLICITS]
        state[IMPLICIT_LOD] = state[RUN_LOD]
        state[IMPLICITS] += 1
    elif state[IMPLICIT] >= 0:
        _open_run(row, -1, state, out)
        if tag[T_HREF] >= 0:
            _note_place(2, tag[T_HREF], tag[T_HREF_STOP], state, out)


@njit(cache=True, nogil=True)
def _note_place(what: int, start: int, stop: int, state: np.ndarray, out: Output) -> None:
    row = out.places[out.counts[N_PLACES]]
    row[0] = state[IMPLICIT]
    row[1] = what
    row[2] = start
    row[3] = stop
    out.counts[N_PLACES] += 1


@njit(cache=True, nogil=True)
def _close(stack: np.ndarray, state: np.ndarray, out: Output) -> None:
    """Close the innermost element."""
    state[DEPTH] -= 1
    frame = stack[state[DEPTH]]
    kind = frame[1]
    if state[SKIP] > state[DEPTH]:
        state[SKIP] = 0
    if kind == _FEATURE or kind == _BOUNDARY:
        state[OBJECT] = frame[2]
        state[BOUNDARY] = frame[3]
        state[DIMENSION] = frame[4]
        state[SRS] = frame[5]
    elif kind == _CONTAINER or kind == _SOLID or kind == _ORIENTABLE:
        if frame[2] >= 0:
            row = out.containers[out.counts[N_CONTAINERS]]
            row[0] = frame[2]
            row[1] = frame[3]
            row[2] = state[POLYGONS]
            row[3] = frame[4]
            row[4] = state[REFERENCES]
            out.counts[N_CONTAINERS] += 1
        state[DIMENSION] = frame[5]
        state[REVERSED] = frame[6]
        if kind == _SOLID:
            state[SOLID] = -1
    elif kind == _EXTERIOR and frame[2] >= 0:
        row = out.shells[out.counts[N_SHELLS]]
        row[0] = frame[2]
        row[1] = frame[3]
        row[2] = frame[4]
        row[3] = state[POLYGONS]
        row[4] = frame[5]
        row[5] = state[REFERENCES]
        out.counts[N_SHELLS] += 1
    elif kind == _IMPLICIT:
        state[IMPLICIT] = -1


# ------------------------------------------------------------------------------------------------------- attributes


@njit(cache=True, nogil=True)
def _is_structure(kind: int) -> bool:
    geometry = kind == _CONTAINER or kind == _SOLID or kind == _ORIENTABLE or kind == _PATCH or kind == _CURVE
    return geometry or kind == _FEATURE or kind == _BOUNDARY or kind == _IMPLICIT


@njit(cache=True, nogil=True)
def _attribute(
    data: np.ndarray,
    first: int,
    i: int,
    n: int,
    elements: Names,
    attributes: Names,
    tag: np.ndarray,
    stack: np.ndarray,
    state: np.ndarray,
    out: Output,
) -> int:
    """Read the attribute whose start tag goes from ``first`` to ``i``; return the place after it, or inside it.

    Its bytes are noted for expat. Where structure stands in it, it is opened as an element like any other.
    """
    outer = tag[T_NAME]
    if tag[T_CLOSED]:
        if tag[T_COUNT]:
            _note(first, i, outer, 0, state, out)
        return i
    base = state[DEPTH]
    depth = base
    stack[depth, 0] = outer
    depth += 1
    childless = True
    while True:
        while i < n and data[i] != _LT:
            i += 1
        if i + 1 >= n:
            return -MORE
        here = i
        if data[i + 1] == _SLASH:
            i = end_tag(data, i, n, elements, stack[depth - 1, 0])
            if i < 0:
                return i
            depth -= 1
            if depth == base:
                _note(first, i, outer, 0, state, out)
                return i
            continue
        i = start_tag(data, i, n, elements, attributes, tag, state, True)
        if i < 0:
            return i
        name = tag[T_NAME]
        kind = elements.rows[name, N_KIND]
        alone = depth == base + 1
        if _is_structure(kind) and not elements.rows[stack[depth - 1, 0], N_HOLDER]:
            if not alone or not childless:
                return -UNUSUAL
            if kind != _FEATURE and kind != _BOUNDARY and kind != _IMPLICIT:
                _open_run(elements.rows[outer], state[SRS], state, out)
            _push(outer, _PLAIN, stack, state)
            return here
        if alone and elements.rows[outer, N_FOREIGN]:
            elements.foreign[outer] += 1
            _push(outer, _PLAIN, stack, state)
            state[SKIP] = state[DEPTH]
            return here
        childless = False
        if tag[T_CLOSED]:
            continue
        if depth >= DEEPEST:
            return -UNUSUAL
        stack[depth, 0] = name
        depth += 1


@njit(cache=True, nogil=True)
def _place(data: np.ndarray, i: int, n: int, what: int, closed: int, state: np.ndarray, out: Output) -> int:
    """Note the text of a matrix or reference point that starts at ``i``; return where it ends."""
    stop = i
    if not closed:
        stop = text_end(data, i, n, False)
        if stop < 0:
            return stop
        if stop + 1 >= n:
            return -MORE
        if data[stop + 1] != _SLASH:
            return -UNUSUAL
    _note_place(what, i, stop, state, out)
    return stop


# ---------------------------------------------------------------------------------------------------------- the loop


@njit(cache=True, nogil=True)
def _element(
    data: np.ndarray,
    first: int,
    n: int,
    elements: Names,
    attributes: Names,
    tag: np.ndarray,
    stack: np.ndarray,
    state: np.ndarray,
    out: Output,
) -> int:
    """Read the start tag at ``first``, for polygons and attributes all that is in them; return the place after it."""
    i = start_tag(data, first, n, elements, attributes, tag, state, False)
    if i < 0:
        return i
    if state[DEPTH] >= DEEPEST - 1:
        return -UNUSUAL
    name = tag[T_NAME]
    row = elements.rows[name]
    kind = row[N_KIND]
    closed = tag[T_CLOSED]
    if state[SKIP]:
        _note_other(data, tag, out)
        _push(name, _PLAIN, stack, state)
    elif kind == _PATCH:
        return _patch(data, i, n, elements, attributes, tag, state, out)
    elif kind == _ATTRIBUTE or kind == _FOREIGN_PROPERTY:
        return _attribute(data, first, i, n, elements, attributes, tag, stack, state, out)
    elif (kind == _MATRIX or kind == _POSITION) and state[IMPLICIT] >= 0:
        i = _place(data, i, n, 1 if kind == _POSITION else 0, closed, state, out)
        if i < 0:
            return i
        _push(name, _PLAIN, stack, state)
    elif kind == _FOREIGN_OBJECT:
        if state[OBJECT] < 0 and state[BOUNDARY] < 0:
            _open(data, _FEATURE, tag, row, stack, state, out)
        else:
            elements.foreign[name] += 1
            _open(data, _SKIP, tag, row, stack, state, out)
    elif not _open(data, kind, tag, row, stack, state, out):
        return -UNUSUAL
    if closed:
        _close(stack, state, out)
    return i


@njit(cache=True, nogil=True)
def _patch(
    data: np.ndarray,
    i: int,
    n: int,
    elements: Names,
    attributes: Names,
    tag: np.ndarray,
    state: np.ndarray,
    out: Output,
) -> int:
    """Read a polygon with its id, srsName and srsDimension; nothing of it is noted where it is cut off."""
    counts = out.counts
    dimension = state[DIMENSION]
    start, stop, system, system_stop = tag[T_ID], tag[T_ID_STOP], tag[T_SYSTEM], tag[T_SYSTEM_STOP]
    if tag[T_DIMENSION] >= 0:
        state[DIMENSION] = tag[T_DIMENSION]
    i = polygon(data, i, n, elements, attributes, tag, state, out)
    state[DIMENSION] = dimension
    if i >= 0:
        counts[N_POLYGON_TEXT] = _copy(data, start, stop, out.polygon_text, counts[N_POLYGON_TEXT])
        if system >= 0:
            _run_system(data, system, system_stop, state, out)
    return i


@njit(cache=True, nogil=True)
def scan(
    data: np.ndarray,
    n: int,
    elements: Names,
    attributes: Names,
    tag: np.ndarray,
    stack: np.ndarray,
    state: np.ndarray,
    out: Output,
) -> int:
    """Read a buffer on from ``state[POS]`` as far as it goes.

    Parameters
    ----------
    data : numpy.ndarray
        uint8, of which the first ``n`` are filled.
    n : int
        Bytes to read.
    elements, attributes : Names
        Names met so far; with a new one the answer is NAME and its place stands in the state.
    tag, stack, state, out
        ``SIZE_OF_TAG`` numbers, the open elements, the state, and the arrays that take what is found.

    Returns
    -------
    int
        MORE where the buffer ends (what stands from ``state[POS]`` on is to be given again), NAME, UNUSUAL.
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
        if data[i + 1] == _SLASH:
            if state[DEPTH] == 0:
                return UNUSUAL
            i = end_tag(data, i, n, elements, stack[state[DEPTH] - 1, 0])
            if i >= 0:
                _close(stack, state, out)
        elif data[i + 1] == _BANG:
            i = comment_end(data, i, n)
        elif state[DEPTH] == 0:
            return UNUSUAL
        else:
            i = _element(data, i, n, elements, attributes, tag, stack, state, out)
        if i < 0:
            return -i
