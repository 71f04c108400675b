"""Flood water as a surface in the 3D scene: level where it stands, coloured by its depth."""

from __future__ import annotations

import numpy as np
import xarray as xr

from twin.view.meshes import Mesh
from twin.view.palettes import Palette

__all__ = ["LEAST", "water_mesh"]

LEAST = 0.03
"""Depth [m] from which water is drawn; thinner films are wet ground."""


def water_mesh(
    depth: xr.DataArray,
    terrain: xr.DataArray,
    origin: tuple[float, float, float],
    palette: Palette,
    *,
    least: float = LEAST,
) -> Mesh:
    """Return the water surface: two triangles a wet cell, corners at the mean level of the wet cells around them.

    Parameters
    ----------
    depth : xarray.DataArray
        Water depth [m] on ("y", "x"), row 0 = north; NaN where there is none.
    terrain : xarray.DataArray
        Terrain height [m] on the same grid.
    origin : tuple of float
        East, north, height [m] that becomes (0, 0, 0).
    palette : Palette
        Colours of the depths.
    least : float
        Smallest depth that is drawn [m].
    """
    h, z = depth.values.astype(np.float64), terrain.values.astype(np.float64)
    wet = np.nan_to_num(h) >= least
    rows, columns = np.nonzero(wet & np.isfinite(z))
    level = np.where(wet, h + z, 0.0)
    total, count = np.zeros((h.shape[0] + 1, h.shape[1] + 1)), np.zeros((h.shape[0] + 1, h.shape[1] + 1))
    for south in (0, 1):
        for east in (0, 1):
            corner = (slice(south, south + h.shape[0]), slice(east, east + h.shape[1]))
            total[corner] += np.where(np.isfinite(level), level, 0.0)
            count[corner] += wet & np.isfinite(z)
    x, y = depth["x"].values.astype(float), depth["y"].values.astype(float)
    cell = abs(x[1] - x[0])
    wide = h.shape[1] + 1
    northwest = rows * wide + columns
    quads = np.column_stack([northwest, northwest + wide, northwest + wide + 1, northwest + 1])
    used, place = np.unique(quads, return_inverse=True)
    place = place.reshape(quads.shape)
    line, column = used // wide, used % wide
    points = np.column_stack(
        [
            x[0] - cell / 2 + column * cell - origin[0],
            y[0] + cell / 2 - line * cell - origin[1],
            total[line, column] / np.maximum(count[line, column], 1.0) - origin[2],
        ]
    )
    triangles = np.concatenate([place[:, [0, 1, 2]], place[:, [0, 2, 3]]])
    colours = palette.image(h[rows, columns])
    owner = np.concatenate([rows * h.shape[1] + columns] * 2)
    return Mesh(
        points.astype(np.float32),
        triangles.astype(np.int64),
        np.zeros(len(triangles), np.uint8),
        owner.astype(np.int64),
        colours=np.concatenate([colours, colours]),
    )
