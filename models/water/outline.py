"""Cells of open ground that touch a building."""

from __future__ import annotations

import numpy as np

__all__ = ["cells_at_outline"]


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
    cells, of = [], []
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        here = (slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0)))
        there = (slice(max(-dy, 0), height + min(-dy, 0)), slice(max(-dx, 0), width + min(-dx, 0)))
        rows, columns = np.nonzero(open_ground[here] & (index[there] >= 0))
        cells.append((rows + max(dy, 0)) * width + columns + max(dx, 0))
        of.append(index[there][rows, columns].astype(np.int64))
    pairs = np.unique(np.stack([np.concatenate(of), np.concatenate(cells)]), axis=1)
    return pairs[1], pairs[0]
