"""What can be seen from where, by blocks of cells: how far round a part of a site its heights matter.

A cell lies in the shade of an obstacle, or does not see a patch of the sky for it, only where the obstacle rises above the
ray: no further away than its height above the cell divided by the tangent of the ray's elevation. Heights are kept as
highest and lowest value of blocks of cells, so that a tower far off counts for the parts that it reaches and for no other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from models.heat.relief import Relief, relief_of

__all__ = ["Skyline", "Surroundings", "skyline"]

_BLOCK = 32  # cells a side
_STEPS = 4  # cells: the width of a line, half a step of a crown's box, the cell before a wall, rounding
_COARSE = 0.125  # [m] crowns are kept in bits of this height or finer than a sixteenth of a step

Part = tuple[slice, slice]
"""Rows and columns of a part of a grid, without steps."""


@dataclass(frozen=True, eq=False)
class Skyline:
    """Highest and lowest points of a site by blocks of cells; made by :func:`skyline`."""

    shape: tuple[int, int]
    """Rows and columns of the site."""
    cell: float
    """Cell size [m]."""
    highest: np.ndarray
    """Top of ground, buildings and crowns [m above datum], one value a block."""
    lowest: np.ndarray
    """Lowest ground or roof [m above datum]."""

    def around(self, part: Part) -> Surroundings:
        """Return what lies round a part of the site.

        Parameters
        ----------
        part : tuple of slice
            Rows and columns.
        """
        spans = [span.indices(n)[:2] for span, n in zip(part, self.shape, strict=True)]
        own = tuple(slice(low // _BLOCK, -(-high // _BLOCK)) for low, high in spans)
        near, far = [], []
        for (low, high), count in zip(spans, self.highest.shape, strict=True):
            start = np.arange(count) * _BLOCK
            end = start + _BLOCK
            near.append(np.maximum(np.maximum(low - end, start - high), 0))
            far.append(np.maximum(np.maximum(low - start, end - high), 0))
        above = self.highest - float(self.lowest[own].min()) + _COARSE
        nearest = np.hypot(near[0][:, None], near[1][None, :])
        return Surroundings(self.cell, above, nearest, far[0][:, None], far[1][None, :])

    def window(self, part: Part, elevation: float, rim: int) -> Part:
        """Return the part with a rim and all that can hide rays of an elevation from both.

        Parameters
        ----------
        part : tuple of slice
            Rows and columns.
        elevation : float
            Lowest elevation of the rays [deg], above 0.
        rim : int
            Cells round the part that must be known as well as the part.
        """
        wide = widened(part, (rim, rim), self.shape)
        return widened(wide, self.around(wide).reach(elevation), self.shape)


class Surroundings(NamedTuple):
    """Blocks round a part of a site: how high they rise above its lowest point, and how far away they are."""

    cell: float
    above: np.ndarray
    """[m]"""
    nearest: np.ndarray
    """Distance of the nearest cell of each block from the part [cells]."""
    rows: np.ndarray
    """Rows from the part to the far edge of each block."""
    columns: np.ndarray
    """Columns from the part to the far edge of each block."""

    def reach(self, elevation: float, down: float = 1.0, right: float = 1.0) -> tuple[int, int]:
        """Return how many rows and columns further off heights can hide rays from the part.

        Parameters
        ----------
        elevation : float
            Of the rays [deg], above 0.
        down, right : float
            Rows and columns that a ray passes for each cell of its length; 1 and 1 for all directions.
        """
        length = self.above / (math.tan(math.radians(min(elevation, 89.9))) * self.cell)  # [cells]
        matters = length > self.nearest
        spans = (np.minimum(length * abs(down), self.rows), np.minimum(length * abs(right), self.columns))
        rows, columns = (math.ceil(float(np.where(matters, span, 0.0).max())) + _STEPS for span in spans)
        return rows, columns


def widened(part: Part, cells: tuple[int, int], shape: tuple[int, int]) -> Part:
    """Return a part with so many rows and columns more on each side, as far as the grid goes."""
    rows, columns = (
        slice(max(span.start - more, 0), min(span.stop + more, n))
        for span, more, n in zip(part, cells, shape, strict=True)
    )
    return rows, columns


def _by_block(values: np.ndarray, lowest: bool) -> np.ndarray:
    reduce = np.minimum.reduceat if lowest else np.maximum.reduceat
    rows, columns = (np.arange(0, n, _BLOCK) for n in values.shape)
    return np.asarray(reduce(reduce(values, rows, axis=0), columns, axis=1))


def skyline_of(relief: Relief) -> Skyline:
    """Return the skyline of heights."""
    surface, top = relief.surface.reshape(relief.shape), relief.top.reshape(relief.shape)
    highest = np.maximum(_by_block(surface, False), _by_block(top, False))
    return Skyline(relief.shape, relief.cell, highest, _by_block(surface, True))


def skyline(site: xr.Dataset) -> Skyline:
    """Return the skyline of a site.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height`` and ``trunk_height`` [m] on ("y", "x").

    Raises
    ------
    InputError
        If a layer is missing, has holes, or heights contradict each other.

    Examples
    --------
    >>> tall = skyline(site)                                                # doctest: +SKIP
    >>> tall.around((slice(0, 512), slice(0, 512))).reach(6.0)              # doctest: +SKIP
    """
    return skyline_of(relief_of(site))
