"""What the compiled scanner keeps between two pieces of a file, and the arrays it writes to.

Numbers of the state and columns of the outputs are plain constants, so that the kernels read them as such.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.city.citygml.names import Kind

__all__ = ["KINDS", "Names", "Output", "new_output", "new_stack", "new_state"]

KINDS = (
    Kind.PASS, Kind.FEATURE, Kind.BOUNDARY, Kind.GEOMETRY_PROPERTY, Kind.ATTRIBUTE, Kind.MEMBER, Kind.CONTAINER,
    Kind.SOLID, Kind.ORIENTABLE, Kind.PATCH, Kind.RING, Kind.CURVE_RING, Kind.EXTERIOR, Kind.POSITIONS, Kind.POSITION,
    Kind.COORDINATES, Kind.CURVE, Kind.POINT, Kind.ENVELOPE, Kind.IMPLICIT, Kind.MATRIX, Kind.RELATIVE,
    Kind.APPEARANCE, Kind.SKIP, Kind.DATA, Kind.FOREIGN_OBJECT, Kind.FOREIGN_PROPERTY, Kind.ROOT,
)  # fmt: skip
"""Kinds of elements in the order of their numbers in the kernels."""

# The state: one int64 each.
(
    POS, DEPTH, SKIP, OBJECT, BOUNDARY, DIMENSION, SRS, IMPLICIT, REVERSED, SOLID,
    OBJECTS, BOUNDARIES, RUNS, POLYGONS, RINGS, REFERENCES, SOLIDS, IMPLICITS, CONTAINER_IDS, SYSTEMS,
    RUN_OBJECT, RUN_LOD, SHELL_SOLID, SHELL_NUMBER, APPEARANCES, CURVES, POINTS, NAME_START, NAME_STOP, NAME_OF_ATTRIBUTE,
    IMPLICIT_LOD, SIZE_OF_STATE,
) = range(32)  # fmt: skip

# How much of each output is filled: one int64 each, set to 0 for every piece.
(
    N_OBJECTS, N_BOUNDARIES, N_ATTRIBUTES, N_RUNS, N_POLYGONS, N_RINGS, N_VALUES, N_HARD, N_CONTAINERS, N_SOLIDS,
    N_SHELLS, N_REFERENCES, N_LATE, N_SYSTEMS, N_RUN_SYSTEMS, N_IMPLICITS, N_PLACES,
    N_OBJECT_TEXT, N_BOUNDARY_TEXT, N_POLYGON_TEXT, N_CONTAINER_TEXT, N_REFERENCE_TEXT, N_OTHER_TEXT,
    SIZE_OF_COUNTS,
) = range(24)  # fmt: skip

# Columns of a name's row.
N_OFFSET, N_LENGTH, N_KIND, N_LOD, N_ELEMENT, N_OUTER, N_GML, N_HOLDER, N_FOREIGN, SIZE_OF_NAME = range(10)

# Attributes the scanner knows; every other name is OTHER.
A_OTHER, A_ID, A_HREF, A_SYSTEM, A_DIMENSION, A_ORIENTATION, A_NAMESPACE = range(7)

# What is known of the start tag read last.
(
    T_NAME, T_CLOSED, T_COUNT, T_ID, T_ID_STOP, T_HREF, T_HREF_STOP, T_SYSTEM, T_SYSTEM_STOP, T_DIMENSION, T_MINUS,
    SIZE_OF_TAG,
) = range(12)  # fmt: skip

DEEPEST = 200
_STACK_COLUMNS = 7
_STATE_MINUS_ONE = (OBJECT, BOUNDARY, SRS, IMPLICIT, SOLID, RUN_OBJECT, RUN_LOD, SHELL_SOLID)


class Names(NamedTuple):
    """Names met so far: a hash table of rows, a row for each name, and their bytes one after the other."""

    slots: np.ndarray  # int32, -1 = free
    rows: np.ndarray  # int64 (names, SIZE_OF_NAME)
    pool: np.ndarray  # uint8
    foreign: np.ndarray  # int64, how many elements of each name were left out


class Output(NamedTuple):
    """What one piece of the file holds."""

    counts: np.ndarray  # int64 (SIZE_OF_COUNTS,)
    objects: np.ndarray  # name, parent
    boundaries: np.ndarray  # name, object, parent
    attributes: np.ndarray  # 0 = of the model, 1 = object, 2 = boundary; its number; name; start; stop; 1 = reference
    runs: np.ndarray  # columns of ``Parsed.runs``
    polygons: np.ndarray  # first ring, element, reversed
    rings: np.ndarray  # how many numbers, dimension
    values: np.ndarray  # float64
    hard: np.ndarray  # start, stop, place of numbers left to Python
    containers: np.ndarray  # number of its id, polygons from, to, references from, to
    solids: np.ndarray  # object, run
    shells: np.ndarray  # solid, shell, polygons from, to, references from, to
    references: np.ndarray  # reversed
    late: np.ndarray  # polygon, ring that should be its first
    systems: np.ndarray  # start, stop, 1 = of the model, how often
    run_systems: np.ndarray  # run, number of its srsName
    implicits: np.ndarray  # object, boundary, lod
    places: np.ndarray  # implicit; 0 = matrix, 1 = point, 2 = reference; start; stop
    object_text: np.ndarray  # uint8, ids with a line end after each
    boundary_text: np.ndarray
    polygon_text: np.ndarray
    container_text: np.ndarray
    reference_text: np.ndarray
    other_text: np.ndarray


def new_state() -> np.ndarray:
    """Return the state before the first element inside the root."""
    state = np.zeros(SIZE_OF_STATE, dtype=np.int64)
    state[list(_STATE_MINUS_ONE)] = -1
    return state


def new_stack() -> np.ndarray:
    """Return room for the open elements."""
    return np.zeros((2 * DEEPEST, _STACK_COLUMNS), dtype=np.int64)


def new_output(size: int) -> Output:
    """Return room for all that a piece of ``size`` bytes can hold; memory is taken only where it is written."""
    elements = size // 4 + 16  # "<a/>" is the shortest

    def rows(columns: int) -> np.ndarray:
        return np.empty((elements, columns), dtype=np.int64)

    texts = [np.empty(size + 16, dtype=np.uint8) for _ in range(6)]
    return Output(
        np.zeros(SIZE_OF_COUNTS, dtype=np.int64), rows(2), rows(3), rows(6), rows(7), rows(3), rows(2),
        np.empty(size // 2 + 16), rows(3), rows(5), rows(2), rows(6), rows(1), rows(2), rows(4), rows(2), rows(3),
        rows(4), *texts,
    )  # fmt: skip
