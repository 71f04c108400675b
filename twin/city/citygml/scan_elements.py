"""Elements of structure for the compiled scanner: what opening and closing them changes, and which rows they leave."""

# Compiled with the other files of the scanner as of e5bac15e0dd7.
from __future__ import annotations

import numpy as np
from numba import njit

from twin.city.citygml.names import Kind
from twin.city.citygml.scan_state import (
    APPEARANCES,
    ATTRIBUTE_ROWS,
    BOUNDARIES,
    BOUNDARY,
    BOUNDARY_ROWS,
    BOUNDARY_TEXT,
    COMPOSITE,
    COMPOSITE_FRAME,
    COMPOSITE_ROWS,
    COMPOSITES,
    CONTAINER_IDS,
    CONTAINER_ROWS,
    CONTAINER_TEXT,
    CURVES,
    DEPTH,
    DIMENSION,
    IMPLICIT,
    IMPLICIT_LOD,
    IMPLICIT_ROWS,
    IMPLICITS,
    KINDS,
    N_ELEMENT,
    N_GML,
    N_LOD,
    OBJECT,
    OBJECT_ROWS,
    OBJECT_TEXT,
    OBJECTS,
    OTHER_TEXT,
    PLACE_ROWS,
    POINTS,
    POLYGONS,
    REFERENCE_ROWS,
    REFERENCE_TEXT,
    REFERENCES,
    REVERSED,
    RUN_LOD,
    RUN_OBJECT,
    RUN_ROWS,
    RUN_SYSTEM_ROWS,
    RUNS,
    SHELL_NUMBER,
    SHELL_ROWS,
    SHELL_SOLID,
    SKIP,
    SOLID,
    SOLID_ROWS,
    SOLIDS,
    SRS,
    SYSTEM_ROWS,
    SYSTEMS,
    T_DIMENSION,
    T_HREF,
    T_HREF_STOP,
    T_ID,
    T_ID_STOP,
    T_MINUS,
    T_NAME,
    T_SYSTEM,
    T_SYSTEM_STOP,
    TABLES,
)

__all__ = [
    "close",
    "copy_text",
    "note_attribute",
    "note_id",
    "note_place",
    "note_system",
    "open_element",
    "open_run",
    "push",
]

_FEATURE, _BOUNDARY, _GEOMETRY = (KINDS.index(k) for k in (Kind.FEATURE, Kind.BOUNDARY, Kind.GEOMETRY_PROPERTY))
_MEMBER, _CONTAINER, _SOLID = (KINDS.index(k) for k in (Kind.MEMBER, Kind.CONTAINER, Kind.SOLID))
_ORIENTABLE, _EXTERIOR, _CURVE = (KINDS.index(k) for k in (Kind.ORIENTABLE, Kind.EXTERIOR, Kind.CURVE))
_POINT, _ENVELOPE, _IMPLICIT = (KINDS.index(k) for k in (Kind.POINT, Kind.ENVELOPE, Kind.IMPLICIT))
_RELATIVE, _APPEARANCE, _SKIP = (KINDS.index(k) for k in (Kind.RELATIVE, Kind.APPEARANCE, Kind.SKIP))
_LINE = 10


# -------------------------------------------------------------------------------------------------------------- rows


@njit(cache=True, nogil=True)
def _add(
    rows: np.ndarray,
    state: np.ndarray,
    table: int,
    a: int,
    b: int,
    c: int,
    d: int = 0,
    e: int = 0,
    f: int = 0,
    g: int = 0,
) -> None:
    row = state[table]
    rows[table, row, 0] = a
    rows[table, row, 1] = b
    rows[table, row, 2] = c
    rows[table, row, 3] = d
    rows[table, row, 4] = e
    rows[table, row, 5] = f
    rows[table, row, 6] = g
    state[table] = row + 1


@njit(cache=True, nogil=True)
def copy_text(data: np.ndarray, start: int, stop: int, state: np.ndarray, texts: np.ndarray, which: int) -> None:
    """Add a text (none where ``start`` is -1) and a line end."""
    filled = state[which]
    if start >= 0:
        for i in range(start, stop):
            texts[which - TABLES, filled] = data[i]
            filled += 1
    texts[which - TABLES, filled] = _LINE
    state[which] = filled + 1


@njit(cache=True, nogil=True)
def note_id(data: np.ndarray, state: np.ndarray, texts: np.ndarray) -> None:
    """Note the id of an element that is left out."""
    if state[T_ID] >= 0:
        copy_text(data, state[T_ID], state[T_ID_STOP], state, texts, OTHER_TEXT)


@njit(cache=True, nogil=True)
def note_attribute(start: int, stop: int, name: int, reference: int, state: np.ndarray, rows: np.ndarray) -> None:
    """Note an attribute of whatever is open, by its place in the buffer."""
    if state[BOUNDARY] >= 0:
        _add(rows, state, ATTRIBUTE_ROWS, 2, state[BOUNDARY], name, start, stop, reference)
    else:
        _add(rows, state, ATTRIBUTE_ROWS, int(state[OBJECT] >= 0), state[OBJECT], name, start, stop, reference)


@njit(cache=True, nogil=True)
def note_place(what: int, start: int, stop: int, state: np.ndarray, rows: np.ndarray) -> None:
    """Note the matrix (0), the point (1) or the reference (2) of a placed template."""
    _add(rows, state, PLACE_ROWS, state[IMPLICIT], what, start, stop)


@njit(cache=True, nogil=True)
def open_run(name: int, srs: int, names: np.ndarray, state: np.ndarray, rows: np.ndarray) -> None:
    """Start a geometry property of an object or thematic surface."""
    lod = state[IMPLICIT_LOD] if state[IMPLICIT] >= 0 else names[name, N_LOD]
    _add(
        rows, state, RUN_ROWS, state[POLYGONS], state[REFERENCES], state[OBJECT], state[BOUNDARY], lod, srs,
        state[IMPLICIT],
    )  # fmt: skip
    state[RUNS] += 1
    state[RUN_OBJECT] = state[OBJECT]
    state[RUN_LOD] = lod


@njit(cache=True, nogil=True)
def _refer(data: np.ndarray, state: np.ndarray, rows: np.ndarray, texts: np.ndarray) -> None:
    if state[T_HREF] >= 0:
        _add(rows, state, REFERENCE_ROWS, state[REVERSED], 0, 0)
        state[REFERENCES] += 1
        copy_text(data, state[T_HREF], state[T_HREF_STOP], state, texts, REFERENCE_TEXT)


@njit(cache=True, nogil=True)
def _system(data: np.ndarray, start: int, stop: int, model: int, state: np.ndarray, rows: np.ndarray) -> int:
    """Note a srsName; return its number, that of the last one where the text is the same."""
    last = state[SYSTEM_ROWS] - 1
    if last >= 0:
        before = rows[SYSTEM_ROWS, last, 0]
        same = rows[SYSTEM_ROWS, last, 2] == model and rows[SYSTEM_ROWS, last, 1] - before == stop - start
        for i in range(stop - start if same else 0):
            same = same and data[start + i] == data[before + i]
        if same:
            rows[SYSTEM_ROWS, last, 3] += 1
            return state[SYSTEMS] - 1
    _add(rows, state, SYSTEM_ROWS, start, stop, model, 1)
    state[SYSTEMS] += 1
    return state[SYSTEMS] - 1


@njit(cache=True, nogil=True)
def note_system(data: np.ndarray, start: int, stop: int, state: np.ndarray, rows: np.ndarray) -> None:
    """Give the run open now the srsName of a geometry in it."""
    number = _system(data, start, stop, 0, state, rows)
    if state[RUNS] > 0:
        _add(rows, state, RUN_SYSTEM_ROWS, state[RUNS] - 1, number, 0)


# ------------------------------------------------------------------------------------------- elements open and close


@njit(cache=True, nogil=True)
def push(name: int, kind: int, state: np.ndarray, stack: np.ndarray) -> int:
    """Put an element on the stack; return its place there."""
    frame = state[DEPTH]
    stack[frame, 0] = name
    stack[frame, 1] = kind
    state[DEPTH] = frame + 1
    return frame


@njit(cache=True, nogil=True)
def _open_object(
    data: np.ndarray,
    frame: int,
    boundary: bool,
    state: np.ndarray,
    stack: np.ndarray,
    rows: np.ndarray,
    texts: np.ndarray,
) -> None:
    stack[frame, 2] = state[OBJECT]
    stack[frame, 3] = state[BOUNDARY]
    stack[frame, 4] = state[DIMENSION]
    stack[frame, 5] = state[SRS]
    if boundary:
        _add(rows, state, BOUNDARY_ROWS, state[T_NAME], state[OBJECT], state[BOUNDARY])
        copy_text(data, state[T_ID], state[T_ID_STOP], state, texts, BOUNDARY_TEXT)
        state[BOUNDARY] = state[BOUNDARIES]
        state[BOUNDARIES] += 1
        return
    _add(rows, state, OBJECT_ROWS, state[T_NAME], state[OBJECT], 0)
    copy_text(data, state[T_ID], state[T_ID_STOP], state, texts, OBJECT_TEXT)
    state[OBJECT] = state[OBJECTS]
    state[BOUNDARY] = -1
    state[OBJECTS] += 1


@njit(cache=True, nogil=True)
def _open_container(
    data: np.ndarray,
    frame: int,
    kind: int,
    composite: bool,
    state: np.ndarray,
    stack: np.ndarray,
    rows: np.ndarray,
    texts: np.ndarray,
) -> None:
    stack[frame, 2] = -1
    stack[frame, 3] = state[POLYGONS]
    stack[frame, 4] = state[REFERENCES]
    stack[frame, 5] = state[DIMENSION]
    stack[frame, 6] = state[REVERSED]
    if state[T_DIMENSION] >= 0:
        state[DIMENSION] = state[T_DIMENSION]
    if state[T_SYSTEM] >= 0:
        note_system(data, state[T_SYSTEM], state[T_SYSTEM_STOP], state, rows)
    if state[T_ID] >= 0:
        stack[frame, 2] = state[CONTAINER_IDS]
        state[CONTAINER_IDS] += 1
        copy_text(data, state[T_ID], state[T_ID_STOP], state, texts, CONTAINER_TEXT)
    if kind == _ORIENTABLE and state[T_MINUS]:
        state[REVERSED] = 1 - state[REVERSED]
    elif kind == _SOLID:
        _add(rows, state, SOLID_ROWS, state[RUN_OBJECT], state[RUNS] - 1, state[COMPOSITE])
        state[SOLID] = state[SOLIDS]
        state[SOLIDS] += 1
    elif composite and state[COMPOSITE] < 0:  # one in another belongs to the outer one
        state[COMPOSITE] = state[COMPOSITES]
        state[COMPOSITES] += 1
        state[COMPOSITE_FRAME] = frame


@njit(cache=True, nogil=True)
def _open_exterior(
    data: np.ndarray, frame: int, state: np.ndarray, stack: np.ndarray, rows: np.ndarray, texts: np.ndarray
) -> None:
    stack[frame, 2] = state[SOLID]
    if state[SOLID] < 0:
        return
    state[SHELL_NUMBER] = state[SHELL_NUMBER] + 1 if state[SHELL_SOLID] == state[SOLID] else 0
    state[SHELL_SOLID] = state[SOLID]
    stack[frame, 3] = state[SHELL_NUMBER]
    stack[frame, 4] = state[POLYGONS]
    stack[frame, 5] = state[REFERENCES]
    _refer(data, state, rows, texts)


@njit(cache=True, nogil=True)
def _open_template(kind: int, names: np.ndarray, state: np.ndarray, rows: np.ndarray) -> None:
    if kind == _IMPLICIT:
        _add(rows, state, IMPLICIT_ROWS, state[OBJECT], state[BOUNDARY], state[RUN_LOD])
        state[IMPLICIT] = state[IMPLICITS]
        state[IMPLICIT_LOD] = state[RUN_LOD]
        state[IMPLICITS] += 1
    elif state[IMPLICIT] >= 0:
        open_run(state[T_NAME], -1, names, state, rows)
        if state[T_HREF] >= 0:
            note_place(2, state[T_HREF], state[T_HREF_STOP], state, rows)


@njit(cache=True, nogil=True)
def open_element(
    data: np.ndarray,
    kind: int,
    names: np.ndarray,
    state: np.ndarray,
    stack: np.ndarray,
    rows: np.ndarray,
    texts: np.ndarray,
) -> bool:
    """Open the element read into the state as one of ``kind``; False where no model is written so."""
    frame = push(state[T_NAME], kind, state, stack)
    if kind in (_CONTAINER, _SOLID, _ORIENTABLE):
        if kind == _SOLID and state[SOLID] >= 0:
            return False
        composite = kind == _CONTAINER and names[state[T_NAME], N_ELEMENT] == 1
        _open_container(data, frame, kind, composite, state, stack, rows, texts)
    elif kind in (_FEATURE, _BOUNDARY):
        _open_object(data, frame, kind == _BOUNDARY, state, stack, rows, texts)
    elif kind == _MEMBER:
        if names[state[T_NAME], N_GML]:
            _refer(data, state, rows, texts)
        elif state[T_HREF] >= 0:
            note_attribute(state[T_HREF], state[T_HREF_STOP], state[T_NAME], 1, state, rows)
    elif kind == _GEOMETRY:
        if names[state[T_NAME], N_ELEMENT]:  # points of a terrain
            return False
        open_run(state[T_NAME], state[SRS], names, state, rows)
        _refer(data, state, rows, texts)
    elif kind == _EXTERIOR:
        _open_exterior(data, frame, state, stack, rows, texts)
    elif kind == _ENVELOPE:
        if state[T_SYSTEM] >= 0:
            model = int(state[OBJECT] < 0)
            state[SRS] = _system(data, state[T_SYSTEM], state[T_SYSTEM_STOP], model, state, rows)
        if state[T_DIMENSION] >= 0:
            state[DIMENSION] = state[T_DIMENSION]
    elif kind == _CURVE:
        state[CURVES] += 1
    elif kind == _POINT:
        state[POINTS] += int(state[IMPLICIT] < 0)
    elif kind in (_IMPLICIT, _RELATIVE):
        _open_template(kind, names, state, rows)
    elif kind in (_APPEARANCE, _SKIP):
        state[APPEARANCES] += int(kind == _APPEARANCE)
        note_id(data, state, texts)
        state[SKIP] = state[DEPTH]
    return True


@njit(cache=True, nogil=True)
def close(state: np.ndarray, stack: np.ndarray, rows: np.ndarray) -> None:
    """Close the innermost element."""
    state[DEPTH] -= 1
    frame = state[DEPTH]
    kind = stack[frame, 1]
    if state[SKIP] > frame:
        state[SKIP] = 0
    if kind in (_FEATURE, _BOUNDARY):
        state[OBJECT] = stack[frame, 2]
        state[BOUNDARY] = stack[frame, 3]
        state[DIMENSION] = stack[frame, 4]
        state[SRS] = stack[frame, 5]
    elif kind in (_CONTAINER, _SOLID, _ORIENTABLE):
        if stack[frame, 2] >= 0:
            _add(
                rows, state, CONTAINER_ROWS, stack[frame, 2], stack[frame, 3], state[POLYGONS], stack[frame, 4],
                state[REFERENCES],
            )  # fmt: skip
        state[DIMENSION] = stack[frame, 5]
        state[REVERSED] = stack[frame, 6]
        if kind == _SOLID:
            state[SOLID] = -1
        elif frame == state[COMPOSITE_FRAME]:
            _add(rows, state, COMPOSITE_ROWS, stack[frame, 4], state[REFERENCES], 0)
            state[COMPOSITE] = -1
            state[COMPOSITE_FRAME] = -1
    elif kind == _EXTERIOR and stack[frame, 2] >= 0:
        _add(
            rows, state, SHELL_ROWS, stack[frame, 2], stack[frame, 3], stack[frame, 4], state[POLYGONS],
            stack[frame, 5], state[REFERENCES],
        )  # fmt: skip
    elif kind == _IMPLICIT:
        state[IMPLICIT] = -1
