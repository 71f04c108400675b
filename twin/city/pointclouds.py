"""Airborne laser points (LAS, LAZ) on a grid: ground heights, and heights of vegetation above it.

Ground is the mean of the points of class 2 (ASPRS LAS 1.4, table 9) in a cell. Vegetation is the highest point of the
classes 3 to 5 in a cell, less the ground there; where a survey did not classify vegetation, first returns of pulses that
came back several times stand in for it (leaves let light through, roofs do not). Points are read in portions, so that
memory does not grow with the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from rasterio import Affine

from twin.city.ground import fill_holes
from twin.city.placing import Bounds
from twin.city.rasters import Raster
from twin.errors import InputError, TextError

__all__ = ["POINT_SUFFIXES", "cloud_canopy", "cloud_ground", "is_cloud"]

POINT_SUFFIXES = (".las", ".laz")
_PORTION = 2_000_000
_GROUND = 2
_VEGETATION = (3, 4, 5)
_NO_PLANT = (2, 6, 7, 9, 14, 15, 16, 17, 18)  # ground, building, noise, water, wires, bridge
_LARGEST = 400_000_000  # cells


def is_cloud(file: Path) -> bool:
    """Tell by its ending whether a file holds laser points.

    Examples
    --------
    >>> is_cloud(Path("als_32_354_5643.laz"))
    True
    """
    return file.suffix.lower() in POINT_SUFFIXES


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        import laspy
    except ImportError:
        raise TextError("points_extra", file=file) from None
    try:
        with laspy.open(file) as reader:
            yield reader
    except (laspy.errors.LaspyException, ValueError, OSError, RuntimeError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).split("\n")[0].rstrip(".")[:160]
        raise TextError("points_unreadable", file=file, reason=reason) from None


def _crs_of(reader: Any) -> pyproj.CRS | None:
    try:
        found = reader.header.parse_crs()
    except (pyproj.exceptions.CRSError, ValueError, KeyError):
        return None
    return None if found is None else pyproj.CRS(found)


class _Cells:
    """The grid of one file: cells on whole multiples of their size, so that tiles fit to each other."""

    def __init__(self, bounds: Bounds, size: float, file: Path) -> None:
        west, south, east, north = bounds
        self.west, self.north = math.floor(west / size) * size, (math.floor(north / size) + 1) * size
        self.shape = round(self.north / size - math.floor(south / size)), int((east - self.west) // size) + 1
        self.size = size
        if self.shape[0] * self.shape[1] > _LARGEST:
            raise InputError(
                f"{file} spans {self.shape[1]} x {self.shape[0]} cells of {size:g} m, which is too many: give a "
                "larger resolution, or check the file's coordinates."
            )

    def of(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        row = np.clip(((self.north - y) / self.size).astype(np.int64), 0, self.shape[0] - 1)
        column = np.clip(((x - self.west) / self.size).astype(np.int64), 0, self.shape[1] - 1)
        return row * self.shape[1] + column

    def raster(self, values: np.ndarray, crs: pyproj.CRS | None) -> Raster:
        transform = Affine(self.size, 0, self.west, 0, -self.size, self.north)
        return Raster(values.reshape(self.shape).astype(np.float32), transform, crs)


def _cells(reader: Any, size: float, file: Path) -> _Cells:
    low, high = reader.header.mins, reader.header.maxs
    if not reader.header.point_count or not np.isfinite([*low, *high]).all():
        raise TextError("points_none", file=file)
    return _Cells((low[0], low[1], high[0], high[1]), size, file)


def _ground(reader: Any, cells: _Cells, file: Path) -> np.ndarray:
    total, count = np.zeros(cells.shape[0] * cells.shape[1]), np.zeros(cells.shape[0] * cells.shape[1])
    for points in reader.chunk_iterator(_PORTION):
        ground = np.asarray(points.classification) == _GROUND
        if not ground.any():
            continue
        where = cells.of(np.asarray(points.x)[ground], np.asarray(points.y)[ground])
        total += np.bincount(where, np.asarray(points.z)[ground], minlength=total.size)
        count += np.bincount(where, minlength=total.size)
    if not count.any():
        raise TextError("points_ground", file=file)
    return np.divide(total, count, out=np.full(total.size, np.nan), where=count > 0)


def cloud_ground(file: Path, *, resolution: float) -> Raster:
    """Return the ground of a point cloud as a height raster, NaN in cells without a ground point.

    Parameters
    ----------
    file : pathlib.Path
        LAS or LAZ.
    resolution : float
        Cell size [m].

    Returns
    -------
    Raster
        Mean height [m above datum] of the ground points in each cell.

    Raises
    ------
    InputError
        If it cannot be read or no point is classified as ground.
    """
    with _opened(file) as reader:
        cells = _cells(reader, resolution, file)
        return cells.raster(_ground(reader, cells, file), _crs_of(reader))


def cloud_canopy(file: Path, *, resolution: float) -> tuple[Raster, bool]:
    """Return heights of vegetation above ground, 0 where there is none, and whether the survey classified vegetation.

    Parameters
    ----------
    file : pathlib.Path
        LAS or LAZ.
    resolution : float
        Cell size [m].

    Returns
    -------
    raster : Raster
        Greatest height [m above ground] in each cell.
    classified : bool
        False where first returns of several stood in for the classes 3 to 5.

    Raises
    ------
    InputError
        If it cannot be read or no point is classified as ground.
    """
    with _opened(file) as reader:
        cells, crs = _cells(reader, resolution, file), _crs_of(reader)
        ground = _ground(reader, cells, file)
    tops = {name: np.full(ground.size, -np.inf) for name in ("classified", "returns")}
    with _opened(file) as reader:
        for points in reader.chunk_iterator(_PORTION):
            kind = np.asarray(points.classification)
            several = (np.asarray(points.return_number) == 1) & (np.asarray(points.number_of_returns) > 1)
            chosen = {"classified": np.isin(kind, _VEGETATION), "returns": several & ~np.isin(kind, _NO_PLANT)}
            where = cells.of(np.asarray(points.x), np.asarray(points.y))
            for name, which in chosen.items():
                np.maximum.at(tops[name], where[which], np.asarray(points.z)[which])
    classified = bool(np.isfinite(tops["classified"]).any())
    top = tops["classified" if classified else "returns"]
    level = ground.reshape(cells.shape).astype(np.float32)
    fill_holes(level)
    height = np.where(np.isfinite(top), top - level.ravel(), 0.0)
    return cells.raster(np.maximum(height, 0.0), crs), classified
