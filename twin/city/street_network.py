"""Streets of a city as the network of the mobility models: lines and their columns in, a clean graph with slopes out."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from models.layers import read_table
from models.mobility.cleaning import network_from_lines
from models.mobility.network import Network, report_rows
from twin.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from twin.city.model import City

__all__ = ["heights_at", "street_network"]

_ONEWAY = {
    **dict.fromkeys(("yes", "true", "1", "1.0", "t", "forward", "ja", "f"), "forward"),
    **dict.fromkeys(("-1", "-1.0", "reverse", "backward"), "backward"),
}


@cache
def _words(column: str) -> dict[str, str]:
    rows = read_table("twin.city", "street_words.csv")
    return {row["word"]: row["means"] for row in rows if row["column"] == column}


@cache
def _kinds() -> dict[str, dict[str, str]]:
    return {row["kind"]: dict(row) for row in read_table("twin.city", "street_kinds.csv")}


def street_network(city: City, *, walking: bool = True, snap: float = 0.01) -> Network:
    """Return the street network of a city, with slopes from its terrain.

    Parameters
    ----------
    city : City
        With ``network``; its words are read by ``tables/street_words.csv`` and ``tables/street_kinds.csv``.
    walking : bool
        On foot one-way streets are open both ways.
    snap : float
        Points nearer than this [m] are one.

    Returns
    -------
    Network
        Its ``report`` tells what was cleaned, where slopes are missing and how many kinds of street are not known.
        Beside its own columns ``foot`` and ``car`` say who may use an edge; ``speed`` and ``capacity`` are those of its
        kind where none are known. A street that a scenario has closed has no ``car``.

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
    network = _with_uses(network)
    given = network.edges["slope"].to_numpy(float)
    height = np.full(network.nodes, np.nan) if city.terrain is None else heights_at(city.terrain, network.xy)
    network = network.with_heights(height)
    slope = np.where(np.isfinite(given), given, network.edges["slope"].to_numpy(float))
    return network.replace(slope=slope)


def _with_uses(network: Network) -> Network:
    """Return the network with who may use each edge, how fast, and how many."""
    edges = network.edges
    rows = [_kinds().get(str(kind)) for kind in edges["kind"]]
    unknown = np.array([row is None for row in rows]) & (edges["kind"] != "").to_numpy()
    foot = np.array([row is None or row["foot"] == "yes" for row in rows], dtype=bool)
    car = np.array([row is None or row["car"] == "yes" for row in rows], dtype=bool)

    def of_kind(name: str, fallback: float) -> np.ndarray:
        return np.array([float(row[name] or "nan") if row is not None else fallback for row in rows])

    speed, lanes = edges["speed"].to_numpy(float), edges["lanes"].to_numpy(float)
    speed = np.where(speed > 0, speed, of_kind("speed", 50.0))
    two_way = (edges["oneway"] == "").to_numpy()
    one_way_lanes = np.where(two_way, np.maximum(lanes / 2.0, 1.0), lanes)
    lanes_each = np.where(lanes > 0, one_way_lanes, of_kind("lanes", 1.0))
    capacity = lanes_each * of_kind("capacity", 600.0)
    car &= ~edges["closed"].to_numpy(bool) & ~edges["steps"].to_numpy(bool)
    network = network.replace(foot=foot, car=car, speed=speed, capacity=capacity)
    row = report_rows([("kind_unknown", int(unknown.sum()), float(edges["length"][unknown].sum()))])
    return dataclasses.replace(network, report=pd.concat([network.report, row], ignore_index=True))


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
    way = np.array([_ONEWAY.get(word, "") for word in _texts(frame, "oneway")], dtype=object)
    surfaces = _words("surface")
    over = np.array([_words("bridge").get(word, "") for word in _texts(frame, "bridge")], dtype=object)
    closed = frame["closed"].to_numpy(bool) if "closed" in frame else np.zeros(len(frame), bool)
    table = {
        "id": _texts(frame, "id"),
        "name": _texts(frame, "name"),
        "kind": kind,
        "oneway": np.full(len(frame), "", dtype=object) if walking else way,
        "width": _numbers(frame, "width"),
        "surface": np.array([surfaces.get(word, word) for word in _texts(frame, "surface")], dtype=object),
        "kerb": np.array([_kerb(word) for word in _texts(frame, "kerb")]),
        "steps": np.isin(kind, ("steps", "treppe")),
        "bridge": over == "yes",
        "tunnel": np.isin(_texts(frame, "tunnel"), list(_words("tunnel"))) | (over == "under"),
        "layer": np.nan_to_num(_numbers(frame, "layer")).astype(np.int64),
        "speed": _numbers(frame, "maxspeed"),
        "lanes": _numbers(frame, "lanes"),
        "slope": _numbers(frame, "incline"),
        "closed": closed,
    }
    usable = shapely.get_type_id(np.asarray(frame.geometry.values)) == shapely.GeometryType.LINESTRING
    if not usable.all():
        kinds = sorted({shape.geom_type for shape in frame.geometry[~usable] if shape is not None})
        raise InputError(f"Streets must be lines, not {', '.join(kinds) or 'empty'}: split them with explode() first.")
    return pd.DataFrame(table)


def _kerb(word: str) -> float:
    """Return the height of a kerb [cm] from a word or a number."""
    try:
        return float(_words("kerb").get(word, word) or "nan")
    except ValueError:
        return float("nan")


def _texts(frame: gpd.GeoDataFrame, name: str) -> np.ndarray[Any, Any]:
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    words = frame[name].astype("string").fillna("")
    return np.asarray(words if name in ("id", "name") else words.str.strip().str.lower(), dtype=object)


def _numbers(frame: gpd.GeoDataFrame, name: str) -> np.ndarray[Any, Any]:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[name], errors="coerce"), dtype=float)
