"""The terrain: a valley side falling to the river, graded plots, a rail bank with an underpass, a hollow that ponds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin
from scipy import ndimage

from district import layout, quarters

CELLS = int(layout.SIZE + 2 * layout.MARGIN)
_WATER_ABOVE, _WATER_BELOW = 157.5, 156.2


def _grid() -> tuple[np.ndarray, np.ndarray]:
    u = np.arange(CELLS) + 0.5 - layout.MARGIN
    v = layout.SIZE + layout.MARGIN - 0.5 - np.arange(CELLS)
    return np.meshgrid(u, v)


def _smooth(x: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _mask(geometry: shapely.Geometry) -> np.ndarray:
    transform = from_origin(-layout.MARGIN, layout.SIZE + layout.MARGIN, 1.0, 1.0)
    return rasterize([geometry], out_shape=(CELLS, CELLS), transform=transform).astype(bool)


def _distance(geometry: shapely.Geometry, reach: float) -> np.ndarray:
    """Return the way of each cell centre to a geometry [m], 0 inside, ``reach`` for all that are farther."""
    u, v = _grid()
    west, south, east, north = geometry.bounds
    near = (u > west - reach) & (u < east + reach) & (v > south - reach) & (v < north + reach)
    out = np.full(u.shape, reach)
    out[near] = np.minimum(reach, shapely.distance(shapely.points(u[near], v[near]), geometry))
    return out


def _slope(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the valley side before people came: floodplain, terrace edge, slope, a small side valley."""
    height = (
        159.0
        + 0.004 * (250 - u)
        + 2.2 * _smooth(v, 84, 150)
        + 7.6 * _smooth(v, 120, 470)
        + 0.012 * np.clip(u - 330, 0, None) * _smooth(v, 110, 300)
    )
    valley = 118 + 46 * np.sin((v - 90) / 95.0)
    height -= 1.5 * np.exp(-(((u - valley) / 26.0) ** 2)) * _smooth(v, 100, 190) * (1 - _smooth(v, 330, 440))
    height += 0.16 * np.sin(u / 37.0 + v / 53.0) + 0.09 * np.sin(u / 17.0 - v / 23.0 + 1.3)
    return height - 0.9 * (1 - _smooth(v, 20, 78)) + 0.35 * (1 - _smooth(v, -10, 30))


def _grade(height: np.ndarray, geometry: shapely.Geometry, slope: float, reach: float) -> np.ndarray:
    """Level a plot to its mean height, keeping a share of its slope, with banks of a given reach [m]."""
    inside = _mask(geometry)
    if not inside.any():
        return height
    mean = float(height[inside].mean())
    weight = 1 - _smooth(_distance(geometry, reach), 0.0, reach)
    return height + weight * (1 - slope) * (mean - height)


def _water(height: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Cut the river (its water surface, with the step at the weir) and the pond into the terrain."""
    away = _distance(layout.river(), 15.0)
    level = np.where(u < layout.WEIR_U, _WATER_ABOVE, _WATER_BELOW)
    bank = np.clip(height, level + 0.1, level + 0.25 + 0.42 * away)
    height = np.where(away >= 15.0, height, np.where(away > 0, bank, level))
    pond = _distance(layout.POND, 8.0)
    rim = float(height[(pond > 0) & (pond < 6)].min())
    return np.where(pond > 0, np.where(pond < 4, np.minimum(height, rim - 0.45 + 0.2 * pond), height), rim - 0.5)


def _underpass(height: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Raise the rail bank and lead the road below it."""
    rail = _distance(layout.RAIL_LINE, 20.0)
    base = ndimage.gaussian_filter(height, 12.0)
    crest = np.where(
        rail < layout.RAIL_HALF_WIDTH,
        base + 1.5,
        np.maximum(height, base + 1.5 - (rail - layout.RAIL_HALF_WIDTH) / 1.6),
    )
    height = np.where(rail < layout.RAIL_HALF_WIDTH + 2.6, np.maximum(height, crest), height)
    road = next(s for s in layout.streets() if s.name == "Bahnunterführung")
    away = _distance(road.line, 20.0)
    along = np.abs(v - 474.0)
    floor = base - 3.3 * (1 - _smooth(along, 7.0, 42.0))
    cut = floor + np.clip(away - road.half_width, 0.0, None) / 0.25  # retaining walls
    return np.where((along < 42) & (away < road.half_width + 1.2), np.minimum(height, cut), height)


def _brook(height: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Cut the bed of the brook that drains the pond; where it runs in a pipe the ground stays as it is."""
    bed = np.interp(v, *np.transpose(layout.BROOK_BED))
    cut = bed + np.clip(_distance(layout.BROOK_LINE, 6.0) - 0.6, 0.0, None) / 1.2
    open_bed = (_distance(layout.POND, 1.0) > 0.0) & (_distance(layout.river(), 1.0) > 0.0)
    open_bed &= ~np.any([(v > low) & (v < high) for low, high in layout.BROOK_COVERED], axis=0)
    return np.where(open_bed & (_distance(layout.BROOK_LINE, 6.0) < 3.0), np.minimum(height, cut), height)


@cache
def heights() -> np.ndarray:
    """Return the terrain [m above datum] to the centimetre, row 0 = north, 1 m cells from -MARGIN on."""
    u, v = _grid()
    height = _slope(u, v)
    height = _grade(height, layout.MARKET_SQUARE, 0.55, 10.0)
    for house in quarters.houses():
        plot = house.footprint.buffer(1.5, join_style="mitre")
        height = _grade(height, plot, 0.12 if plot.area < 600 else 0.05, 7.0)
    height = ndimage.gaussian_filter(height, 1.2)
    away = np.hypot(u - 131.0, v - 101.0)
    height -= 0.45 * np.exp(-((away / 13.0) ** 2))  # the hollow where the side valley meets the river road
    height = _underpass(height, v)
    return np.round(_brook(_water(height, u), v), 2).astype(np.float32)


def height_at(points: np.ndarray) -> np.ndarray:
    """Return terrain heights [m above datum] at local points (n, 2), bilinear between cell centres."""
    points = np.asarray(points, dtype=float)
    rows = layout.SIZE + layout.MARGIN - 0.5 - points[:, 1]
    columns = points[:, 0] + layout.MARGIN - 0.5
    return ndimage.map_coordinates(heights().astype(float), [rows, columns], order=1, mode="nearest")


def lowest(footprint: shapely.Geometry) -> float:
    """Return the lowest terrain height under a footprint [m above datum], to the millimetre."""
    inside = _mask(footprint)
    ring = shapely.get_coordinates(footprint.segmentize(1.0))
    return round(float(min(height_at(ring).min(), heights()[inside].min() if inside.any() else np.inf)), 3)


def write(path: Path) -> None:
    """Write the terrain as the survey's 1 m grid (GeoTIFF)."""
    west, north = layout.ORIGIN[0] - layout.MARGIN, layout.ORIGIN[1] + layout.SIZE + layout.MARGIN
    profile = {
        "driver": "GTiff", "width": CELLS, "height": CELLS, "count": 1, "dtype": "float32", "crs": "EPSG:25832",
        "transform": from_origin(west, north, 1.0, 1.0), "nodata": -9999.0,
        "compress": "deflate", "predictor": 3, "zlevel": 9, "tiled": True, "blockxsize": 256, "blockysize": 256,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(heights(), 1)
        raster.set_band_description(1, "Geländehöhe DHHN2016 [m]")
        raster.update_tags(AREA_OR_POINT="Area")
