"""The arrays the compiled scanner works on, and what stands where in them.

All plain numbers of the scanner lie in one array, ``state``; all rows it writes lie in one array, ``rows``, a plane for
each table; names met so far are ``names`` (a row each), ``pool`` (their bytes) and ``slots`` (a hash table of rows).
Few arrays and no views keep the kernels free of bookkeeping, which would cost more than reading the file.
"""

from __future__ import annotations

import numpy as np

from twin.city.citygml.names import Kind

__all__ = ["KINDS", "new_names", "new_rows", "new_stack", "new_state", "new_texts"]

KINDS = (
    Kind.PASS, Kind.FEATURE, Kind.BOUNDARY, Kind.GEOMETRY_PROPERTY, Kind.ATTRIBUTE, Kind.MEMBER, Kind.CONTAINER,
    Kind.SOLID, Kind.ORIENTABLE, Kind.PATCH, Kind.RING, Kind.CURVE_RING, Kind.EXTERIOR, Kind.POSITIONS, Kind.POSITION,
    Kind.COORDINATES, Kind.CURVE, Kind.POINT, Kind.ENVELOPE, Kind.IMPLICIT, Kind.MATRIX, Kind.RELATIVE,
    Kind.APPEARANCE, Kind.SKIP, Kind.DATA, Kind.FOREIGN_OBJECT, Kind.FOREIGN_PROPERTY, Kind.ROOT,
)  # fmt: skip
"""Kinds of elements in the order of their numbers in the kernels."""

# How many rows each table has, by the number of its plane in ``rows``. Its columns:
(
    OBJECT_ROWS,  # name, parent
    BOUNDARY_ROWS,  # name, object, parent
    ATTRIBUTE_ROWS,  # 0 = of the model, 1 = object, 2 = boundary; its number; name; start; stop; 1 = reference
    RUN_ROWS,  # columns of ``Parsed.runs``
    POLYGON_ROWS,  # first ring, element, reversed
    RING_ROWS,  # how many numbers, dimension
    HARD_ROWS,  # start, stop, place of numbers left to Python
    CONTAINER_ROWS,  # number of its id, polygons from, to, references from, to
    SOLID_ROWS,  # object, run, composite
    SHELL_ROWS,  # solid, shell, polygons from, to, references from, to
    REFERENCE_ROWS,  # reversed
    LATE_ROWS,  # polygon, ring that should be its first
    SYSTEM_ROWS,  # start, stop, 1 = of the model, how often
    RUN_SYSTEM_ROWS,  # run, number of its srsName
    IMPLICIT_ROWS,  # object, boundary, lod
    PLACE_ROWS,  # implicit; 0 = matrix, 1 = point, 2 = reference; start; stop
    COMPOSITE_ROWS,  # references from, to
    TABLES,
) = range(18)

# How long each text is (ids with a line end after each); it lies in ``texts[number - TABLES]``. How many numbers.
(
    OBJECT_TEXT, BOUNDARY_TEXT, POLYGON_TEXT, CONTAINER_TEXT, REFERENCE_TEXT, OTHER_TEXT, VALUES, COUNTS,
) = range(TABLES, TABLES + 8)  # fmt: skip
TEXTS = VALUES - TABLES

# The start tag read last: row of its name, whether it closes itself, how many attributes, places of values, ...
(
    T_NAME, T_CLOSED, T_COUNT, T_ID, T_ID_STOP, T_HREF, T_HREF_STOP, T_SYSTEM, T_SYSTEM_STOP, T_DIMENSION, T_MINUS, _T,
) = range(COUNTS, COUNTS + 12)  # fmt: skip

# What holds where the scanner stands, and numbers given so far in the whole document.
(
    POS, DEPTH, SKIP, OBJECT, BOUNDARY, DIMENSION, SRS, IMPLICIT, IMPLICIT_LOD, REVERSED, SOLID,
    OBJECTS, BOUNDARIES, RUNS, POLYGONS, RINGS, REFERENCES, SOLIDS, IMPLICITS, CONTAINER_IDS, SYSTEMS,
    RUN_OBJECT, RUN_LOD, SHELL_SOLID, SHELL_NUMBER, APPEARANCES, CURVES, POINTS,
    NAME_START, NAME_STOP, NAME_OF_ATTRIBUTE, LAST_NAME, ROOM,
    P_DEPTH, P_DIMENSION, P_LOOSE, P_JOINED, P_VALUES, P_FIRST, COMPOSITE, COMPOSITES, COMPOSITE_FRAME, _SIZE,
) = range(_T, _T + 43)  # fmt: skip

# Columns of a name's row. Attributes have their code as kind.
N_OFFSET, N_LENGTH, N_KIND, N_LOD, N_ELEMENT, N_OUTER, N_GML, N_HOLDER, N_FOREIGN, N_LEFT_OUT, N_NEXT, _N = range(12)
MOST_NAMES = 1000  # of elements; attributes come after them
MOST_ATTRIBUTES = 62  # bits of the mask of attributes seen in a tag
SLOTS = 4096  # of the hash table, first for elements, then as many for attributes
POOL = 1 << 16

A_OTHER, A_ID, A_HREF, A_SYSTEM, A_DIMENSION, A_ORIENTATION, A_NAMESPACE = range(7)

DEEPEST = 200
MORE, NAME, FULL, UNUSUAL = 1, 2, 3, 4
"""Answers: the buffer ends first, a name is new, the tables are full, this is for expat. Tokens answer with the minus."""

_COLUMNS = 7
_MINUS_ONE = (
    OBJECT, BOUNDARY, SRS, IMPLICIT, SOLID, RUN_OBJECT, RUN_LOD, SHELL_SOLID, COMPOSITE, COMPOSITE_FRAME,
)  # fmt: skip


def new_state() -> np.ndarray:
    """Return the state before the first element inside the root."""
    state = np.zeros(_SIZE, dtype=np.int64)
    state[list(_MINUS_ONE)] = -1
    return state


def new_stack() -> np.ndarray:
    """Return room for the open elements: name, kind, five numbers to come back to; then for those of a polygon."""
    return np.zeros((2 * DEEPEST, _COLUMNS), dtype=np.int64)


def new_rows(room: int) -> np.ndarray:
    """Return room for ``room`` rows in each table; memory is taken only where it is written."""
    return np.empty((TABLES, room, _COLUMNS), dtype=np.int64)


def new_names() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``names``, ``pool`` and ``slots`` without a name."""
    names = np.zeros((MOST_NAMES + MOST_ATTRIBUTES, _N), dtype=np.int64)
    return names, np.zeros(POOL, dtype=np.uint8), np.full(2 * SLOTS, -1, dtype=np.int64)


def new_texts(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return room for the texts and the numbers of a piece of ``size`` bytes."""
    return np.empty((TEXTS, size + 16), dtype=np.uint8), np.empty(size // 2 + 16)
