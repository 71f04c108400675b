"""Tree crowns as solids of revolution, burned into crown-top and crown-underside heights above ground.

A crown stands on its trunk's ground and is an ellipsoid, an upright cone or a cylinder between crown base and tree
height. Where crowns overlap a cell keeps the highest top and the lowest underside. On sloping ground a crown stays
level: its height above a cell's own ground changes with that ground. Left out: gaps in the foliage (the models give
crowns a transmissivity) and the trunk itself.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numba import njit

from models.layers import read_table
from models.parallel import in_blocks
from twin.city.burn import to_cells
from twin.city.defaults import default
from twin.city.ground import resample

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from twin.city.gaps import GapLog

__all__ = ["SHAPES", "add_measured", "burn_crowns", "crown_base_share", "crown_layers"]

SHAPES = {"ellipsoid": 0, "cone": 1, "cylinder": 2}
"""Crown shape to number."""


@cache
def crown_base_share() -> float:
    """Return the crown base as a share of tree height that a broadleaved tree gets where none is known."""
    forms = {row["form"]: row for row in read_table("twin.city", "tree_forms.csv")}
    return float(forms["broadleaf"]["crown_base_fraction"])


@njit(cache=True, nogil=True)
def _crown_at(shape: int, share: float, base: float, top: float) -> tuple[float, float]:
    """Return underside and top of a crown at a distance from its axis, given as a share of the radius (0..1)."""
    if shape == 0:
        middle, half = (top + base) / 2.0, (top - base) / 2.0
        rise = half * np.sqrt(max(0.0, 1.0 - share * share))
        return middle - rise, middle + rise
    if shape == 1:
        return base, base + (top - base) * (1.0 - share)
    return base, top


@njit(cache=True, nogil=True)
def _crown_rows(
    start: int,
    stop: int,
    uv: np.ndarray,
    radius: np.ndarray,
    base: np.ndarray,
    top: np.ndarray,
    shape: np.ndarray,
    ground: np.ndarray,
    terrain: np.ndarray,
    canopy: np.ndarray,
    trunk: np.ndarray,
) -> None:
    width = canopy.shape[1]
    for t in range(uv.shape[0]):
        u, v, reach = uv[t, 0], uv[t, 1], radius[t]
        if not (v + reach >= start and v - reach < stop and u + reach >= 0.0 and u - reach < width):
            continue
        first, last = max(start, int(np.ceil(v - reach))), min(stop - 1, int(np.floor(v + reach)))
        for row in range(first, last + 1):
            half = np.sqrt(max(0.0, reach * reach - (row - v) ** 2))
            left, right = max(0, int(np.ceil(u - half))), min(width - 1, int(np.floor(u + half)))
            for column in range(left, right + 1):
                share = np.sqrt((row - v) ** 2 + (column - u) ** 2) / reach
                low, high = _crown_at(shape[t], min(share, 1.0), base[t], top[t])
                rise = ground[t] - terrain[row, column]
                upper, lower = np.float32(high + rise), np.float32(max(low + rise, 0.0))
                if upper <= 0.0 or upper <= lower:  # below this cell's ground, or the bare rim of an ellipsoid
                    continue
                canopy[row, column] = max(upper, canopy[row, column])
                trunk[row, column] = min(lower, trunk[row, column])


def burn_crowns(
    uv: np.ndarray,
    radius: np.ndarray,
    base: np.ndarray,
    top: np.ndarray,
    shape: np.ndarray,
    terrain: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return crown tops and undersides above each cell's ground.

    Parameters
    ----------
    uv : numpy.ndarray
        float64 (trees, 2) cell coordinates of the trunks (``twin.city.burn.to_cells``).
    radius : numpy.ndarray
        float64 crown radius in cells, above 0.
    base, top : numpy.ndarray
        float64 underside and top of each crown above the trunk's ground [m].
    shape : numpy.ndarray
        int64, a value of :data:`SHAPES`.
    terrain : numpy.ndarray
        float32 (rows, columns) ground height [m].

    Returns
    -------
    canopy, trunk : numpy.ndarray
        float32 (rows, columns) [m above the cell's ground], both 0 where no crown stands over the cell's centre.
    """
    canopy = np.zeros(terrain.shape, np.float32)
    trunk = np.full(terrain.shape, np.inf, np.float32)
    if len(uv) == 0:
        return canopy, np.zeros_like(trunk)
    rows = np.clip(np.rint(uv[:, 1]), 0, terrain.shape[0] - 1).astype(np.int64)
    columns = np.clip(np.rint(uv[:, 0]), 0, terrain.shape[1] - 1).astype(np.int64)
    ground = terrain[rows, columns].astype(np.float64)
    args = (uv, radius, base, top, shape, ground, terrain, canopy, trunk)
    in_blocks(_crown_rows, terrain.shape[0], *args, least=128)
    trunk[~np.isfinite(trunk)] = 0.0
    return canopy, trunk


def _centred(uv: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Move trunks whose crown fills half a cell but meets no cell centre to their cell's centre, in place.

    Returns which crowns are too small to cover a cell at all.
    """
    nearest = np.rint(uv)
    missed = np.hypot(*(uv - nearest).T) > radius
    large = np.pi * radius**2 >= 0.5
    uv[missed & large] = nearest[missed & large]
    return missed & ~large


def _bases(trees: gpd.GeoDataFrame, height: np.ndarray, log: GapLog) -> np.ndarray:
    base = trees["crown_base"].to_numpy(dtype=float, na_value=np.nan).copy()
    unknown, odd = np.isnan(base), (base >= height) | (base < 0)
    share = crown_base_share()
    for code, which in (("crown_base_missing", unknown), ("crown_base_impossible", odd)):
        log.add(
            code,
            layer="trunk_height",
            severity="default",
            count=int(which.sum()),
            of=len(trees),
            places=trees["id"].to_numpy()[which],
            default=f"{share:g} x height",
        )
    return np.where(unknown | odd, share * height, base)


def _points(trees: gpd.GeoDataFrame) -> np.ndarray:
    points = np.array(trees.geometry.to_numpy(), dtype=object)
    other = shapely.get_type_id(points) > 0
    points[other] = shapely.centroid(points[other])
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def crown_layers(
    trees: gpd.GeoDataFrame, box: GeoBox, terrain: np.ndarray, log: GapLog
) -> tuple[np.ndarray, np.ndarray]:
    """Return the crown layers of a tree table: tops and undersides above ground.

    Parameters
    ----------
    trees : geopandas.GeoDataFrame
        Rows with the columns ``twin.city.model.TREE_COLUMNS``.
    box : odc.geo.geobox.GeoBox
        Grid.
    terrain : numpy.ndarray
        float32 ground height [m] on that grid.
    log : twin.city.gaps.GapLog
        Takes a row for every kind of tree that could not be drawn as it is listed.

    Returns
    -------
    canopy_height, trunk_height : numpy.ndarray
        float32 [m above ground], 0 where there is no crown.
    """
    places = _points(trees)
    height = trees["height"].to_numpy(dtype=float, na_value=np.nan)
    diameter = trees["crown_diameter"].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(places).all(axis=1) & (height > 0) & (diameter > 0) & np.isfinite(height + diameter)
    log.add(
        "tree_without_size",
        layer="canopy_height",
        severity="warning",
        count=int((~known).sum()),
        of=len(trees),
        places=trees["id"].to_numpy()[~known],
    )
    step = float(box.affine.a)
    uv = to_cells(places, box)
    rows, columns = box.shape
    reach = np.where(known, diameter, 0.0) / step / 2.0 + 1.0
    near = (uv > -1.0 - reach[:, None]).all(axis=1) & (uv[:, 0] < columns + reach) & (uv[:, 1] < rows + reach)
    drawn = trees[known & near]
    uv, height, radius = uv[known & near], height[known & near], diameter[known & near] / step / 2.0
    small = _centred(uv, radius)
    log.add(
        "tree_smaller_than_cell",
        layer="canopy_height",
        severity="info",
        count=int(small.sum()),
        of=len(drawn),
        places=drawn["id"].to_numpy()[small],
        resolution=step,
    )
    base = _bases(drawn, height, log)
    shape = drawn["crown_shape"].map(SHAPES).fillna(0).to_numpy(dtype=np.int64)
    return burn_crowns(uv[~small], radius[~small], base[~small], height[~small], shape[~small], terrain)


def add_measured(
    measured: xr.DataArray | None, box: GeoBox, canopy: np.ndarray, trunk: np.ndarray, log: GapLog
) -> None:
    """Add measured vegetation where no crown of the tree list stands, in place.

    Parameters
    ----------
    measured : xarray.DataArray or None
        Height of vegetation [m above ground] on ("y", "x"); NaN and 0 where there is none.
    box : odc.geo.geobox.GeoBox
        Grid.
    canopy, trunk : numpy.ndarray
        float32 (rows, columns) [m above ground], as :func:`crown_layers` returns them.
    log : twin.city.gaps.GapLog
        Takes the row about cells whose crown base is a share of the height.
    """
    if measured is None:
        return
    heights = np.nan_to_num(resample(measured.fillna(0.0), box), nan=0.0)
    least = float(measured.attrs.get("least", default("canopy_least")))
    added = (heights > 0) & (heights >= least) & (canopy <= 0)
    canopy[added] = heights[added]
    trunk[added] = crown_base_share() * heights[added]
    log.add(
        "canopy_measured",
        layer="canopy_height",
        severity="default",
        count=int(added.sum()),
        of=added.size,
        source=str(measured.attrs.get("source", "")),
        default=f"crown base {crown_base_share():g} x height",
    )
