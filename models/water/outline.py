"""Buildings on the grid: their cells, and the cells of open ground that touch them."""

from __future__ import annotations

import numpy as np

__all__ = ["building_index", "cells_at_outline"]


def cells_at_outline(index: np.ndarray, open_ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the open cells that share an edge with a building, and that building, sorted by building.

    Parameters
    ----------
    index : numpy.ndarray
        Building of each cell (y, x), negative where there is none.
    open_ground : numpy.ndarray
        True on cells outside buildings.

    Returns
    -------
    cells, buildings : numpy.ndarray
        Flat cell numbers and the building they touch; a cell between two buildings stands twice.

    Examples
    --------
    >>> index = np.array([[-1, 4, -1]])
    >>> [array.tolist() for array in cells_at_outline(index, index < 0)]
    [[0, 2], [4, 4]]
    """
    height, width = index.shape
    keys = []  # building and cell as one number, so that one sort finds each pair once
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        here = (slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0)))
        there = (slice(max(-dy, 0), height + min(-dy, 0)), slice(max(-dx, 0), width + min(-dx, 0)))
        rows, columns = np.nonzero(open_ground[here] & (index[there] >= 0))
        cells = (rows + max(dy, 0)) * width + columns + max(dx, 0)
        keys.append(index[there][rows, columns].astype(np.int64) * (height * width) + cells)
    pairs = np.sort(np.concatenate(keys))
    of, touching = np.divmod(pairs[np.diff(pairs, prepend=-1) != 0], height * width)
    return touching, of


def building_index(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the building numbers that occur, rising, and for each cell the position in them, -1 where there is none.

    Examples
    --------
    >>> [array.tolist() for array in building_index(np.array([[0, 9, 4, 9]]))]
    [[4, 9], [[-1, 1, 0, 1]]]
    """
    if not np.issubdtype(number.dtype, np.integer):
        number = np.nan_to_num(number).astype(np.int64)
    inside = number[number > 0]
    every = np.unique(inside)
    index = np.full(number.shape, -1, dtype=np.int32)
    if every.size and every[-1] < 50_000_000:  # numbers are dense as a rule: a look-up beats a search
        places = np.zeros(int(every[-1]) + 1, dtype=np.int32)
        places[every] = np.arange(every.size)
        index[number > 0] = places[inside]
    else:
        index[number > 0] = np.searchsorted(every, inside)
    return every, index
