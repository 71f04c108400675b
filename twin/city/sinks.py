"""Sinks of the terrain: depressions that water fills before it can run on.

The terrain is flooded from its edges inward by the priority-flood of Barnes, Lehman & Mulla 2014 (doi
10.1016/j.cageo.2013.04.024, algorithm 2: a heap for cells that rise, a queue inside depressions), eight neighbours a cell.
Water leaves over the edge of the raster and into its holes. The filled surface minus the terrain is the depth of a sink.
Left out: pipes, gutters and seepage, so that an underpass or a cellar excavation counts as a sink as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
from numba import njit

from twin.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["fill_sinks", "find_sinks"]


@njit(cache=True, nogil=True)
def _push(height: np.ndarray, cell: np.ndarray, size: int, h: float, c: int) -> int:
    """Put a cell on the heap; returns its new size."""
    place = size
    while place > 0:
        above = (place - 1) >> 1
        if height[above] <= h:
            break
        height[place], cell[place] = height[above], cell[above]
        place = above
    height[place], cell[place] = h, c
    return size + 1


@njit(cache=True, nogil=True)
def _pop(height: np.ndarray, cell: np.ndarray, size: int) -> int:
    """Take the lowest cell off the heap (it was at 0); returns the new size."""
    size -= 1
    h, c = height[size], cell[size]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and height[below + 1] < height[below]:
            below += 1
        if height[below] >= h:
            break
        height[place], cell[place] = height[below], cell[below]
        place = below
    height[place], cell[place] = h, c
    return size


@njit(cache=True, nogil=True)
def _flood(terrain: np.ndarray, filled: np.ndarray) -> None:
    """Fill the sinks of a terrain; ``filled`` starts as its copy and becomes the surface that drains."""
    rows, columns = terrain.shape
    count = rows * columns
    closed = np.zeros(count, np.bool_)
    height, cell, size = np.empty(count, np.float32), np.empty(count, np.int64), 0
    queue, first, last = np.empty(count, np.int64), 0, 0
    for row in range(rows):
        for column in range(columns):
            here = row * columns + column
            if np.isnan(terrain[row, column]):
                closed[here] = True
                continue
            edge = row == 0 or column == 0 or row == rows - 1 or column == columns - 1
            if not edge:
                for i in range(-1, 2):
                    for j in range(-1, 2):
                        edge = edge or np.isnan(terrain[row + i, column + j])
            if edge:
                closed[here] = True
                size = _push(height, cell, size, terrain[row, column], here)
    while size > 0 or first < last:
        if first < last:
            here = queue[first]
            first += 1
        else:
            here = cell[0]
            size = _pop(height, cell, size)
        row, column = here // columns, here % columns
        level = filled[row, column]
        for i in range(max(row - 1, 0), min(row + 2, rows)):
            for j in range(max(column - 1, 0), min(column + 2, columns)):
                there = i * columns + j
                if closed[there]:
                    continue
                closed[there] = True
                if terrain[i, j] <= level:
                    filled[i, j] = level
                    queue[last] = there
                    last += 1
                else:
                    size = _push(height, cell, size, terrain[i, j], there)


def fill_sinks(heights: np.ndarray) -> np.ndarray:
    """Return a terrain whose every cell drains to the edge: sinks are filled up to the height they spill over at.

    Parameters
    ----------
    heights : numpy.ndarray
        (rows, columns) [m], NaN where unknown; water leaves there.

    Returns
    -------
    numpy.ndarray
        float32 (rows, columns) [m], nowhere below the terrain, NaN where that is.

    Examples
    --------
    >>> bowl = np.full((5, 5), 10.0)
    >>> bowl[2, 2], bowl[1:4, 0] = 8.0, 9.5
    >>> float(fill_sinks(bowl)[2, 2])
    10.0
    """
    terrain = np.ascontiguousarray(heights, dtype=np.float32)
    filled = terrain.copy()
    _flood(terrain, filled)
    return filled


def find_sinks(terrain: xr.DataArray, *, depth: float = 0.3, area: float = 25.0) -> gpd.GeoDataFrame:
    """Return the sinks of a terrain that are deep and large enough to matter, the largest volume first.

    Parameters
    ----------
    terrain : xarray.DataArray
        Height [m above datum] on ("y", "x"), row 0 = north, evenly spaced.
    depth : float
        Least depth [m] of a sink at its deepest place; cells shallower than this do not count for its area.
    area : float
        Least area [m2].

    Returns
    -------
    geopandas.GeoDataFrame
        ``depth`` [m], ``area`` [m2], ``volume`` [m3], ``spill_height`` [m above datum]; the geometry is the deepest cell.

    Raises
    ------
    InputError
        If the depth is not above 0 or the area is negative.
    """
    if not (depth > 0 and area >= 0):
        raise InputError(f"depth must be above 0 m and area at least 0 m2, not {depth!r} and {area!r}.")
    from scipy import ndimage

    heights = terrain.values.astype(np.float32)
    x, y = terrain["x"].values, terrain["y"].values
    cell = abs(float(x[1] - x[0]) * float(y[1] - y[0])) if len(x) > 1 and len(y) > 1 else 1.0
    filled = fill_sinks(heights)
    below = np.nan_to_num(filled - heights, nan=0.0)
    labels, count = ndimage.label(below >= depth, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * cell
    large = np.flatnonzero(sizes >= area) + 1
    boxes = ndimage.find_objects(labels)
    rows = []
    for number in large:
        box = boxes[number - 1]
        inside = np.where(labels[box] == number, below[box], 0.0)
        row, column = np.unravel_index(int(inside.argmax()), inside.shape)
        row, column = int(row) + box[0].start, int(column) + box[1].start
        values = (float(below[row, column]), float(sizes[number - 1]), float(inside.sum()) * cell)
        rows.append((*values, float(filled[row, column]), float(x[column]), float(y[row])))
    rows.sort(key=lambda found: -found[2])
    names = ("depth", "area", "volume", "spill_height")
    data = {name: np.array([row[i] for row in rows], dtype=float) for i, name in enumerate(names)}
    points = gpd.points_from_xy([row[4] for row in rows], [row[5] for row in rows])
    return gpd.GeoDataFrame(data, geometry=points, crs=terrain.rio.crs if hasattr(terrain, "rio") else None)
