"""The one grid all rasters of a city share: square metric cells, row 0 = north, edges on whole multiples.

Cells begin at whole multiples of the resolution, so that the grids of neighbouring tiles and of repeated runs fit
together. A city with a terrain raster takes over that raster's cell edges where the asked area lies on them, so that
its heights are used as delivered.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import TextError

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from twin.city.model import City

__all__ = ["MOST_CELLS", "centres", "city_extent", "grid_box", "grid_of"]

MOST_CELLS = 400_000_000
"""Cells one grid may have; a larger city is cut into tiles."""

_BYTES_PER_CELL = 48  # the layers themselves and what is held besides while they are made

Area = tuple[float, float, float, float]


def _most_cells() -> int:
    """Return how many cells fit into half of this machine's memory, at most :data:`MOST_CELLS`."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return MOST_CELLS
    return min(MOST_CELLS, int(memory / 2 / _BYTES_PER_CELL)) if memory > 0 else MOST_CELLS


def _require_area(area: Any) -> Area:
    try:
        west, south, east, north = (float(value) for value in area)
    except (TypeError, ValueError):
        raise TextError("grid_area_numbers", area=repr(area)) from None
    if not all(map(math.isfinite, (west, south, east, north))):
        raise TextError("grid_area_finite", area=repr(area))
    if west >= east or south >= north:
        raise TextError("grid_area_empty", area=f"{west:.12g}, {south:.12g}, {east:.12g}, {north:.12g}")
    return west, south, east, north


def _require_resolution(resolution: Any) -> float:
    try:
        size = float(resolution)
    except (TypeError, ValueError):
        raise TextError("grid_resolution", resolution=repr(resolution)) from None
    if not (math.isfinite(size) and size > 0):
        raise TextError("grid_resolution_positive", resolution=repr(resolution))
    return size


def _edges(low: float, high: float, size: float, anchor: float) -> tuple[int, int]:
    """Return the cell edges around an interval, in cells from the anchor; a hair over an edge is that edge."""
    return math.floor((low - anchor) / size + 1e-6), math.ceil((high - anchor) / size - 1e-6)


def _fitting(width: float, height: float, limit: int) -> str:
    """Return the finest resolution of two digits whose grid stays under the limit."""
    size = math.sqrt(width * height / limit)
    step = 10.0 ** (math.floor(math.log10(size)) - 1)
    return f"{math.ceil(size / step * 1.001) * step:.3g}"


def grid_box(
    area: tuple[float, float, float, float],
    resolution: float,
    crs: Any = None,
    *,
    anchor: tuple[float, float] = (0.0, 0.0),
) -> GeoBox:
    """Return the grid that covers an area with cells of one size.

    Parameters
    ----------
    area : tuple of float
        West, south, east, north [m]; the grid reaches outward to whole cells.
    resolution : float
        Cell size [m].
    crs : pyproj.CRS or anything it accepts, optional
        Horizontal CRS of the coordinates; None for a local one.
    anchor : tuple of float
        A point [m] that is a corner of cells; by default the origin, so that edges are whole multiples.

    Returns
    -------
    odc.geo.geobox.GeoBox
        Row 0 = north.

    Raises
    ------
    InputError
        If the area or the resolution is no such thing, or the grid would not fit into memory.

    Examples
    --------
    >>> box = grid_box((10.2, 20.0, 14.0, 23.9), 2.0)
    >>> tuple(box.shape), tuple(box.extent.boundingbox)
    ((2, 2), (10.0, 20.0, 14.0, 24.0))
    """
    from affine import Affine
    from odc.geo.geobox import GeoBox

    west, south, east, north = _require_area(area)
    size = _require_resolution(resolution)
    limit = _most_cells()
    if (east - west) / size * ((north - south) / size) > limit:
        raise TextError(
            "grid_too_large",
            width=f"{east - west:,.0f}",
            height=f"{north - south:,.0f}",
            size=f"{size:g}",
            most=f"{limit / 1e6:,.0f}",
            fitting=_fitting(east - west, north - south, limit),
        )
    left, right = _edges(west, east, size, anchor[0])
    bottom, top = _edges(south, north, size, anchor[1])
    transform = Affine(size, 0.0, anchor[0] + left * size, 0.0, -size, anchor[1] + top * size)
    return GeoBox((max(1, top - bottom), max(1, right - left)), transform, crs)


def centres(box: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Return the cell centres ``(x, y)`` [m] of a grid, y from north to south."""
    step, x0, y0 = float(box.affine.a), float(box.affine.c), float(box.affine.f)
    return x0 + (np.arange(box.shape[1]) + 0.5) * step, y0 - (np.arange(box.shape[0]) + 0.5) * step


def _raster_edges(raster: xr.DataArray) -> tuple[Area, float]:
    """Return the outer edges and the cell size of a raster."""
    x, y = raster["x"].values.astype(float), raster["y"].values.astype(float)
    if x.size < 2 or y.size < 2:
        raise TextError("grid_terrain_small")
    dx, dy = abs(x[-1] - x[0]) / (x.size - 1), abs(y[-1] - y[0]) / (y.size - 1)
    return (x.min() - dx / 2, y.min() - dy / 2, x.max() + dx / 2, y.max() + dy / 2), (dx + dy) / 2


def _overlap(one: Area, other: Area) -> Area | None:
    west, south = max(one[0], other[0]), max(one[1], other[1])
    east, north = min(one[2], other[2]), min(one[3], other[3])
    return (west, south, east, north) if west < east and south < north else None


def _tables_extent(city: City) -> Area | None:
    """Return the box around all geometry of the city, None where there is none."""
    boxes = [table.total_bounds for table in (city.objects, city.trees, city.land_cover) if len(table)]
    xyz = city.polygons.xyz
    if len(xyz):
        good = xyz[np.isfinite(xyz).all(axis=1)]
        if len(good):
            boxes.append(np.concatenate([good[:, :2].min(axis=0), good[:, :2].max(axis=0)]))
    boxes = [box for box in boxes if np.isfinite(box).all()]
    if not boxes:
        return None
    all_boxes = np.array(boxes)
    low, high = all_boxes[:, :2].min(axis=0), all_boxes[:, 2:].max(axis=0)
    flat = high <= low  # one tree has a place but no extent
    low, high = np.where(flat, low - 1.0, low), np.where(flat, high + 1.0, high)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def city_extent(city: City) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north [m] of what the city holds.

    With a terrain raster this is the part of its objects, trees and land cover on that raster; without one, the box
    around them; None for a city that holds nothing.
    """
    things = _tables_extent(city)
    if city.terrain is None:
        return things
    terrain, _ = _raster_edges(city.terrain)
    return terrain if things is None else _overlap(things, terrain)


def _terrain_anchor(city: City, area: Area, resolution: float) -> tuple[float, float]:
    """Return the terrain's corner where the area lies on its cell edges and the cells fit, else the origin."""
    if city.terrain is None:
        return 0.0, 0.0
    (west, south, _, north), size = _raster_edges(city.terrain)
    ratio = max(resolution / size, size / resolution)
    fits = abs(ratio - round(ratio)) < 1e-6

    def on_edge(value: float, origin: float) -> bool:
        cells = (value - origin) / size
        return abs(cells - round(cells)) < 1e-4

    if fits and all(on_edge(v, west) for v in area[::2]) and all(on_edge(v, south) for v in area[1::2]):
        return west, north
    return 0.0, 0.0


def grid_of(city: City, resolution: float, area: tuple[float, float, float, float] | None = None) -> GeoBox:
    """Return the grid for a city: the asked area, else the city's own, else what the city holds.

    Parameters
    ----------
    city : twin.city.model.City
        City in a projected CRS in metres.
    resolution : float
        Cell size [m].
    area : tuple of float, optional
        West, south, east, north [m].

    Returns
    -------
    odc.geo.geobox.GeoBox

    Raises
    ------
    InputError
        If the city holds nothing, its CRS counts in degrees, or the area lies beside the city.
    """
    if city.crs is not None and city.crs.is_geographic:
        raise TextError("grid_degrees", crs=city.crs.name)
    asked = area if area is not None else city.area
    extent = city_extent(city)
    if extent is None and (city.terrain is not None or asked is None):
        if city.terrain is not None:
            raise TextError("grid_apart")
        raise TextError("grid_nothing")
    wanted = _require_area(asked) if asked is not None else extent
    assert wanted is not None
    everything = _tables_extent(city)
    parts = [everything] if everything is not None else []
    if city.terrain is not None:
        parts.append(_raster_edges(city.terrain)[0])
    if parts and not any(_overlap(wanted, part) for part in parts):
        around = ", ".join(f"{value:.0f}" for value in (extent or parts[0]))
        raise TextError("grid_outside", area=", ".join(f"{value:.0f}" for value in wanted), around=around)
    size = _require_resolution(resolution)
    crs = city.crs.to_2d() if city.crs is not None else None
    return grid_box(wanted, size, crs, anchor=_terrain_anchor(city, wanted, size))
