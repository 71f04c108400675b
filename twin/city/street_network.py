"""Streets of a city as the network of the mobility models: lines and their columns in, a clean graph with slopes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from models.mobility.cleaning import network_from_lines
from models.mobility.network import Network
from twin.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from twin.city.model import City

__all__ = ["heights_at", "street_network"]

_YES = ("yes", "true", "1", "t", "ja", "viaduct", "building_passage", "culvert")
_KERB_CM = {"raised": 12.0, "lowered": 3.0, "flush": 0.0, "no": 0.0, "rolled": 6.0}


def street_network(city: City, *, walking: bool = True, snap: float = 0.01) -> Network:
    """Return the street network of a city, with slopes from its terrain.

    Parameters
    ----------
    city : City
        With ``network``; beside its own columns those named as OpenStreetMap's keys are used where they are there:
        ``oneway``, ``bridge``, ``tunnel``, ``layer``, ``surface``, ``kerb``, ``maxspeed``, ``lanes``, ``incline``.
    walking : bool
        On foot one-way streets are open both ways.
    snap : float
        Points nearer than this [m] are one.

    Returns
    -------
    Network
        Its ``report`` tells what was cleaned and where slopes are missing.

    Raises
    ------
    InputError
        If the city has no streets.
    """
    frame = city.network
    if not len(frame):
        raise InputError(
            f"City {city.name or 'without a name'!r} has no streets: name a file in [[streets]] of its profile."
        )
    network = network_from_lines(list(frame.geometry), _attributes(frame, walking), snap=snap)
    if city.terrain is None:
        return network.with_heights(np.full(network.nodes, np.nan))
    return network.with_heights(heights_at(city.terrain, network.xy))


def heights_at(terrain: xr.DataArray, xy: np.ndarray) -> np.ndarray:
    """Return terrain heights at points (n, 2) [m], bilinear; NaN outside or where a corner is missing."""
    points = np.asarray(xy, dtype=float).reshape(-1, 2)
    x, y = terrain["x"].values.astype(float), terrain["y"].values.astype(float)
    column = (points[:, 0] - x[0]) / (x[1] - x[0])
    row = (points[:, 1] - y[0]) / (y[1] - y[0])
    inside = (column >= -0.5) & (column <= len(x) - 0.5) & (row >= -0.5) & (row <= len(y) - 0.5)
    column, row = np.clip(column, 0, len(x) - 1), np.clip(row, 0, len(y) - 1)
    left, top = np.minimum(column.astype(int), len(x) - 2), np.minimum(row.astype(int), len(y) - 2)
    fx, fy = column - left, row - top
    z = terrain.values
    upper = z[top, left] * (1 - fx) + z[top, left + 1] * fx
    lower = z[top + 1, left] * (1 - fx) + z[top + 1, left + 1] * fx
    return np.where(inside, upper * (1 - fy) + lower * fy, np.nan)


def _attributes(frame: gpd.GeoDataFrame, walking: bool) -> pd.DataFrame:
    kind = _texts(frame, "kind")
    way = _texts(frame, "oneway")
    forward = np.isin(way, ("yes", "true", "1", "t", "forward"))
    back = np.isin(way, ("-1", "reverse", "backward"))
    oneway = np.where(forward, "forward", np.where(back, "backward", "")) if not walking else np.full(len(frame), "")
    kerb = _texts(frame, "kerb")
    table = {
        "id": _texts(frame, "id"),
        "name": _texts(frame, "name"),
        "kind": kind,
        "oneway": oneway.astype(object),
        "width": _numbers(frame, "width"),
        "surface": _texts(frame, "surface"),
        "kerb": np.array([_KERB_CM.get(word, np.nan) for word in kerb]),
        "steps": kind == "steps",
        "bridge": np.isin(_texts(frame, "bridge"), _YES),
        "tunnel": np.isin(_texts(frame, "tunnel"), _YES),
        "layer": np.nan_to_num(_numbers(frame, "layer")).astype(np.int64),
        "speed": _numbers(frame, "maxspeed"),
        "lanes": _numbers(frame, "lanes"),
    }
    usable = shapely.get_type_id(np.asarray(frame.geometry.values)) == shapely.GeometryType.LINESTRING
    if not usable.all():
        kinds = sorted({shape.geom_type for shape in frame.geometry[~usable] if shape is not None})
        raise InputError(f"Streets must be lines, not {', '.join(kinds) or 'empty'}: split them with explode() first.")
    return pd.DataFrame(table)


def _texts(frame: gpd.GeoDataFrame, name: str) -> np.ndarray[Any, Any]:
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    words = frame[name].astype("string").fillna("")
    return np.asarray(words if name in ("id", "name") else words.str.strip().str.lower(), dtype=object)


def _numbers(frame: gpd.GeoDataFrame, name: str) -> np.ndarray[Any, Any]:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[name], errors="coerce"), dtype=float)
