"""Terrain on the grid: a raster sampled at cell centres, its holes filled from around them, or ground from buildings.

A cell takes the terrain at its centre, bilinear between the raster's cell centres (the raster's own values where the
grids coincide); a cell of several raster cells takes the mean of such samples. Holes are spanned by a membrane: every
unknown cell becomes the mean of its four neighbours (Laplace's equation, no flow over the grid's edge), reckoned from
coarse to fine grids (push-pull of Gortler et al. 1996, doi 10.1145/237170.237200, with relaxation). So a filled cell
lies between the lowest and the highest height around its hole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from models.parallel import in_blocks
from twin.city.burn import NO_HEIGHT, burn_planes, to_cells
from twin.city.grid import centres
from twin.city.triangles import triangulate
from twin.errors import InputError

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from twin.city.gaps import GapLog
    from twin.city.model import City

__all__ = ["RELIEFS", "fill_holes", "resample", "terrain_of_relief", "terrain_on"]

RELIEFS = ("TINRelief", "MassPointRelief", "RasterRelief")
"""City objects whose polygons are terrain."""

_SWEEPS = 16  # per grid; started from a coarser one, the rest error is far below a terrain raster's own


@njit(cache=True, nogil=True)
def _sample(source: np.ndarray, v: float, u: float) -> float:
    """Return the raster between its cell centres; known neighbours stand in where less than half is missing."""
    rows, columns = source.shape
    if not (-0.500001 <= v <= rows - 0.499999 and -0.500001 <= u <= columns - 0.499999):
        return np.nan
    v, u = min(max(v, 0.0), rows - 1.0), min(max(u, 0.0), columns - 1.0)
    row, column = min(int(v), max(rows - 2, 0)), min(int(u), max(columns - 2, 0))
    down, along = v - row, u - column
    total, share = 0.0, 0.0
    for i in range(2):
        for j in range(2):
            weight = (down if i else 1.0 - down) * (along if j else 1.0 - along)
            if weight > 0.0:
                value = source[row + i, column + j]
                if np.isfinite(value):
                    total += weight * value
                    share += weight
    return total / share if share >= 0.5 else np.nan


@njit(cache=True, nogil=True)
def _resample_rows(
    start: int, stop: int, source: np.ndarray, v: np.ndarray, u: np.ndarray, samples: int, out: np.ndarray
) -> None:
    dv = (v[1] - v[0]) if v.shape[0] > 1 else 0.0
    du = (u[1] - u[0]) if u.shape[0] > 1 else 0.0
    for row in range(start, stop):
        for column in range(out.shape[1]):
            total, known = 0.0, 0
            for i in range(samples):
                for j in range(samples):
                    y = v[row] + dv * ((i + 0.5) / samples - 0.5)
                    x = u[column] + du * ((j + 0.5) / samples - 0.5)
                    value = _sample(source, y, x)
                    if np.isfinite(value):
                        total += value
                        known += 1
            out[row, column] = total / known if 2 * known >= samples * samples else np.nan


def _positions(axis: np.ndarray, wanted: np.ndarray, name: str) -> np.ndarray:
    """Return where values lie along an even axis, counted in its steps; a hair off a step is that step."""
    steps = np.diff(axis)
    step = (axis[-1] - axis[0]) / (axis.size - 1)
    if not np.allclose(steps, step, rtol=1e-3, atol=0.0):
        raise InputError(
            f"The terrain raster must have even steps along {name!r}: resample it to one resolution first."
        )
    places = (wanted - axis[0]) / step
    whole = np.rint(places)
    return np.where(np.abs(places - whole) < 1e-4, whole, places)


def resample(raster: xr.DataArray, box: GeoBox) -> np.ndarray:
    """Return a raster sampled on a grid, NaN where it has no value.

    Parameters
    ----------
    raster : xarray.DataArray
        Values on ("y", "x") in the grid's CRS, cell centres evenly spaced.
    box : odc.geo.geobox.GeoBox
        Grid.

    Returns
    -------
    numpy.ndarray
        float32 (rows, columns).
    """
    raster = raster.squeeze(drop=True)
    if raster.dims != ("y", "x"):
        raise InputError(f"The terrain raster must have dims ('y', 'x'), not {raster.dims}: transpose it.")
    x, y = centres(box)
    u = _positions(raster["x"].values.astype(float), x, "x")
    v = _positions(raster["y"].values.astype(float), y, "y")
    rows = slice(max(0, int(np.floor(v.min())) - 2), max(0, int(np.ceil(v.max())) + 3))
    columns = slice(max(0, int(np.floor(u.min())) - 2), max(0, int(np.ceil(u.max())) + 3))
    part = np.ascontiguousarray(raster[rows, columns].values, dtype=np.float32)
    out = np.full(box.shape, np.nan, np.float32)
    if part.size == 0:
        return out
    ratio = float(box.affine.a) * (raster["x"].size - 1) / abs(float(raster["x"][-1]) - float(raster["x"][0]))
    samples = max(1, int(np.ceil(ratio / 2.0 - 1e-6)))
    in_blocks(_resample_rows, out.shape[0], part, v - rows.start, u - columns.start, samples, out, least=128)
    return out


@njit(cache=True, nogil=True)
def _halve(fine: np.ndarray) -> np.ndarray:
    """Return means of 2 x 2 cells, of the known ones among them; NaN where none is."""
    rows, columns = (fine.shape[0] + 1) // 2, (fine.shape[1] + 1) // 2
    coarse = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            total, known = 0.0, 0
            for i in range(2 * row, min(2 * row + 2, fine.shape[0])):
                for j in range(2 * column, min(2 * column + 2, fine.shape[1])):
                    if np.isfinite(fine[i, j]):
                        total += fine[i, j]
                        known += 1
            coarse[row, column] = total / known if known else np.nan
    return coarse


@njit(cache=True, nogil=True)
def _relax(heights: np.ndarray, unknown: np.ndarray, coarse: np.ndarray, sweeps: int) -> None:
    """Start unknown cells from a coarser grid and move each towards the mean of its neighbours, in place."""
    rows, columns = heights.shape
    for row in range(rows):
        for column in range(columns):
            if unknown[row, column]:
                heights[row, column] = _sample(coarse, row / 2.0 - 0.25, column / 2.0 - 0.25)
    for sweep in range(sweeps):
        for step in range(rows):
            row = step if sweep % 2 == 0 else rows - 1 - step
            for column in range(columns):
                if unknown[row, column]:
                    up, down = max(row - 1, 0), min(row + 1, rows - 1)
                    left, right = max(column - 1, 0), min(column + 1, columns - 1)
                    heights[row, column] = 0.25 * (
                        heights[up, column] + heights[down, column] + heights[row, left] + heights[row, right]
                    )


def _fill(heights: np.ndarray) -> None:
    unknown = ~np.isfinite(heights)
    if unknown.any():
        coarse = _halve(heights)
        _fill(coarse)
        _relax(heights, unknown, coarse, _SWEEPS)


def fill_holes(heights: np.ndarray) -> np.ndarray:
    """Fill cells that are not a number from the known cells around them, in place; return where they were.

    Parameters
    ----------
    heights : numpy.ndarray
        float32 (rows, columns), at least one value a number.

    Returns
    -------
    numpy.ndarray
        bool, the filled cells.
    """
    unknown = ~np.isfinite(heights)
    rows, columns = np.flatnonzero(unknown.any(axis=1)), np.flatnonzero(unknown.any(axis=0))
    if len(rows):
        # the rim of known cells around the holes decides; when there is none nearby, all of the grid does
        around = np.s_[max(0, rows[0] - 1) : rows[-1] + 2, max(0, columns[0] - 1) : columns[-1] + 2]
        _fill(heights[around])
    return unknown


def _hole_places(holes: np.ndarray, box: GeoBox) -> list[str]:
    """Return "x, y" of a cell in each of the largest holes."""
    from scipy.ndimage import label

    numbers, count = label(holes)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    sizes[0] = 0
    x, y = centres(box)
    places = []
    for number in np.argsort(-sizes, kind="stable")[: min(count, 20)]:
        cells = np.flatnonzero(numbers.ravel() == number)
        row, column = divmod(int(cells[len(cells) // 2]), holes.shape[1])
        places.append(f"{x[column]:.1f}, {y[row]:.1f}")
    return places


def terrain_of_relief(city: City, box: GeoBox, log: GapLog) -> np.ndarray | None:
    """Return the terrain a city model brings along as triangles (``RELIEFS``), None where it has none on the grid.

    Parameters
    ----------
    city : twin.city.model.City
        City; of several levels of detail the finest counts.
    box : odc.geo.geobox.GeoBox
        Grid.
    log : twin.city.gaps.GapLog
        Takes the row that says where the terrain comes from, and how much of it was filled.

    Returns
    -------
    numpy.ndarray or None
        float32 (rows, columns) [m above datum], the highest triangle in each cell, holes filled.
    """
    relief = np.append(city.objects["kind"].isin(RELIEFS).to_numpy(dtype=bool), False)
    of, lod = city.surfaces["object"].to_numpy(dtype=np.int64), city.surfaces["lod"].to_numpy()
    rows = np.flatnonzero(relief[of])
    rows = rows[lod[rows] == lod[rows].max()] if len(rows) else rows
    corners, _ = triangulate(city.polygons, rows)
    heights = np.full(box.shape, NO_HEIGHT, np.float32)
    if len(corners):
        xyz = city.polygons.xyz
        ones = np.ones(len(corners), np.int32)
        burn_planes(
            to_cells(xyz, box), np.ascontiguousarray(xyz[:, 2]), corners, ones, heights, np.zeros(box.shape, np.int32)
        )
    heights[heights == NO_HEIGHT] = np.nan
    if not np.isfinite(heights).any():
        return None
    holes = fill_holes(heights)
    log.add(
        "terrain_from_model",
        layer="terrain_height",
        severity="default" if holes.any() else "info",
        count=len(corners),
        source=", ".join(sorted(set(city.objects["source"][relief[:-1]]))[:3]),
        default="spanned from the relief around" if holes.any() else "",
        percent=round(100.0 * float(holes.mean()), 1),
    )
    return heights


def terrain_on(raster: xr.DataArray, box: GeoBox, log: GapLog) -> np.ndarray:
    """Return the terrain of a raster on a grid, without holes.

    Parameters
    ----------
    raster : xarray.DataArray
        Terrain height [m above datum] on ("y", "x"), NaN where missing.
    box : odc.geo.geobox.GeoBox
        Grid.
    log : twin.city.gaps.GapLog
        Takes the row about filled holes.

    Returns
    -------
    numpy.ndarray
        float32 (rows, columns) [m above datum].

    Raises
    ------
    InputError
        If the raster has no value anywhere on the grid.
    """
    heights = resample(raster, box)
    if not np.isfinite(heights).any():
        raise InputError(
            "The terrain raster has no height anywhere in the area: check its CRS and its nodata value, or leave it "
            "out."
        )
    holes = fill_holes(heights)
    if holes.any():
        log.add(
            "terrain_holes",
            layer="terrain_height",
            severity="default",
            count=int(holes.sum()),
            of=holes.size,
            source=str(raster.attrs.get("source", "")),
            places=_hole_places(holes, box),
            default="spanned from the terrain around",
        )
    return heights
