"""Where people live: a census grid or districts with a number of persons, spread over the ground of the grid.

The persons of a polygon are spread evenly over its outdoor ground, where they meet heat and water when they step out of
their houses; over all of its cells where it has none. Of a polygon that the grid cuts, the share of its area counts.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from models.layers import LAND_COVER, describe
from twin.city.features import read_features
from twin.city.placing import parsed
from twin.city.structures import cells_of
from twin.errors import InputError
from twin.language import text

__all__ = ["population_layer"]


def population_layer(
    path: Path, site: xr.Dataset, *, column: str, cell: float = 100.0, crs: str | None = None
) -> xr.DataArray:
    """Return persons per cell.

    Parameters
    ----------
    path : pathlib.Path
        Polygons in a vector file, or a CSV of a census grid with the columns ``x`` and ``y`` (middles of its squares).
    site : xarray.Dataset
        Layers ``building_id`` and ``land_cover`` with their CRS.
    column : str
        Column with the number of persons.
    cell : float
        Side of the squares of a CSV [m].
    crs : str, optional
        Reference system of a CSV, such as ``"EPSG:3035"``; of a vector file that names none.

    Returns
    -------
    xarray.DataArray
        ``population``, float32 (y, x).

    Raises
    ------
    InputError
        If the column is missing or holds no numbers of persons, or the table lies beside the grid.
    """
    from odc.geo.geobox import GeoBox

    frame = (
        _squares(path, column, cell, crs) if path.suffix.lower() in (".csv", ".txt") else _polygons(path, column, crs)
    )
    persons = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
    if np.isnan(persons).all() or (persons < -1).any():
        raise InputError(text("city.population_column", file=path, column=column))
    persons = np.maximum(np.nan_to_num(persons), 0.0)  # census grids write -1 for "nobody"
    shapes = np.asarray(frame.to_crs(site.rio.crs).geometry.values) if frame.crs is not None else frame.geometry.values
    box = GeoBox((site.sizes["y"], site.sizes["x"]), site.rio.transform(), site.rio.crs)
    inside = shapely.box(*box.extent.boundingbox)
    ground = (site["building_id"].values == 0) & (site["land_cover"].values != LAND_COVER["water"])
    layer = np.zeros(ground.shape)
    for shape, count in zip(shapes, persons, strict=True):
        if count <= 0 or shape is None or not shape.intersects(inside):
            continue
        at = cells_of(shape, 0.0, box)
        free = ground[at]
        at = (at[0][free], at[1][free]) if free.any() else at
        if at[0].size:
            layer[at] += count * shape.intersection(inside).area / shape.area / at[0].size
    if not layer.any():
        raise InputError(text("city.population_beside", file=path))
    return describe(xr.DataArray(layer.astype(np.float32), site["land_cover"].coords, ("y", "x")), "population")


def _polygons(path: Path, column: str, crs: str | None) -> gpd.GeoDataFrame:
    frame = read_features(path, columns={column: column})
    return frame.set_crs(parsed(crs, str(path))) if frame.crs is None and crs is not None else frame


def _squares(path: Path, column: str, cell: float, crs: str | None) -> gpd.GeoDataFrame:
    table = pd.read_csv(path, sep=None, engine="python", comment="#", encoding="utf-8-sig")
    missing = [name for name in ("x", "y", column) if name not in table]
    if missing or crs is None:
        raise InputError(text("city.population_table", file=path, missing=", ".join(missing) or "crs"))
    x, y, half = table["x"].to_numpy(dtype=float), table["y"].to_numpy(dtype=float), cell / 2.0
    squares = shapely.box(x - half, y - half, x + half, y + half)
    return gpd.GeoDataFrame({column: table[column]}, geometry=squares, crs=parsed(crs, str(path)))
