"""What a storm reaches, as tables with geometry: each building with the depth at its facade, each section of street."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import shapely.ops
import xarray as xr

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["exposed"]

SECTION = 50.0
"""Longest section of street [m]: about the distance between two crossings or two rows of houses."""


def exposed(city: City, site: xr.Dataset, water: xr.Dataset) -> dict[str, gpd.GeoDataFrame]:
    """Return buildings and streets with the water that stands at them.

    Parameters
    ----------
    city : City
        Its objects and its network.
    site : xarray.Dataset
        Layer ``building_id``.
    water : xarray.Dataset
        From ``models.water.flood``.

    Returns
    -------
    dict of str to geopandas.GeoDataFrame
        ``flooded_buildings``: id, name, function, depth_max and depth_mean at the facade [m], arrival [min], duration of the
        smallest threshold [min], velocity_max [m/s]; ``flooded_streets``: the same by section, with share and length over
        10 and 30 cm.
    """
    return {"flooded_buildings": _buildings(city, site, water), "flooded_streets": _streets(city, site, water)}


def _fields(water: xr.Dataset) -> dict[str, Any]:
    fields: dict[str, Any] = {"depth": water["depth_max"].values}
    if "arrival_time" in water:
        fields["arrival"] = water["arrival_time"].values / 60.0
    if "wet_duration" in water and water.sizes.get("threshold", 0):
        fields["duration"] = water["wet_duration"].isel(threshold=0).values / 60.0
    if "velocity_max" in water:
        fields["velocity"] = water["velocity_max"].values
    return fields


def _buildings(city: City, site: xr.Dataset, water: xr.Dataset) -> gpd.GeoDataFrame:
    from models.water import building_depths

    table = building_depths(site["building_id"], **_fields(water))
    objects = city.objects.iloc[table.pop("building_id").to_numpy(np.int64) - 1].reset_index(drop=True)
    named = [str(given.get("name", "")) if isinstance(given, dict) else "" for given in objects["attributes"]]
    table.insert(0, "id", objects["id"].to_numpy())
    table.insert(1, "name", named)
    table.insert(2, "function", objects["function"].to_numpy())
    return gpd.GeoDataFrame(table, geometry=objects.geometry.values, crs=city.objects.crs)


def _streets(city: City, site: xr.Dataset, water: xr.Dataset) -> gpd.GeoDataFrame:
    from models.water import street_depths

    lines, names = _sections(city)
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    cell = x[1] - x[0]
    points, owner = shapely.get_coordinates(shapely.segmentize(lines, 0.5 * cell), return_index=True)
    column = np.floor((points[:, 0] - x[0]) / cell + 0.5).astype(np.int64)
    row = np.floor((y[0] - points[:, 1]) / cell + 0.5).astype(np.int64)
    inside = (column >= 0) & (column < x.size) & (row >= 0) & (row < y.size)
    hits = np.unique(np.column_stack([owner, row, column])[inside], axis=0)
    lengths = dict(enumerate(shapely.length(lines)))
    table = street_depths(hits[:, 0], hits[:, 1:], lengths=pd.Series(lengths, dtype=float), **_fields(water))
    which = table.pop("section").to_numpy(np.int64)
    table.insert(0, "name", names[which])
    return gpd.GeoDataFrame(table, geometry=lines[which], crs=city.network.crs)


def _sections(city: City) -> tuple[np.ndarray, np.ndarray]:
    """Return the streets cut into sections of equal length, none above :data:`SECTION`, and their names."""
    network = city.network[city.network.geometry.notna()].explode(ignore_index=True)
    pieces: list[shapely.LineString] = []
    names: list[str] = []
    for line, name in zip(network.geometry, network["name"].fillna("").astype(str), strict=True):
        count = max(1, int(np.ceil(line.length / SECTION)))
        ends = np.linspace(0.0, line.length, count + 1)
        pieces += [shapely.ops.substring(line, a, b) for a, b in pairwise(ends)]
        names += [name] * count
    return np.array(pieces, dtype=object), np.array(names, dtype=object)
