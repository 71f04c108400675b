"""Streets during the storm of a run: which are closed to whom and when, and whom help still reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from twin.city.gaps import GapLog

if TYPE_CHECKING:
    from models.mobility import Network
    from twin.city.model import City
    from twin.scenario.mobility_inputs import Ways
    from twin.scenario.mobility_parts import MobilityRun

__all__ = ["WetStreets", "closed_streets", "driving_seconds", "help_reach", "water_on_streets"]

_BESIDE = 3.0
"""How far beside an underpass [m] a street still is that underpass."""
_SHALLOW = 0.1
"""Depth [m] below which the speed of the water moves no car: the limits of Shand et al. 2011 begin there."""


@dataclass(frozen=True)
class WetStreets:
    """Water on the streets of a run.

    Attributes
    ----------
    minutes : numpy.ndarray
        Time of each step [min] since the start of the rain; the first step is dry.
    depth, velocity : numpy.ndarray
        Largest on each edge (time, edges) [m], [m/s]; bridges dry, filled underpasses ``inf``.
    seconds : numpy.ndarray
        Driving time of each arc (time, arcs) [s], ``inf`` where closed to the vehicle.
    in_time : bool
        Whether the steps are moments of the storm; else the second is the worst of every street at once.
    """

    minutes: np.ndarray
    depth: np.ndarray
    velocity: np.ndarray
    seconds: np.ndarray
    in_time: bool


def driving_seconds(network: Network) -> np.ndarray:
    """Return the driving time of each arc at the speed allowed [s], ``inf`` where no car may drive."""
    speed = np.nan_to_num(network.on_arcs(network.edges["speed"].to_numpy(float)), nan=30.0)
    seconds = network.length / (np.maximum(speed, 1.0) / 3.6)
    return np.where(network.on_arcs(network.edges["car"].to_numpy(bool)), seconds, np.inf)


def water_on_streets(
    asked: MobilityRun, ways: Ways, city: City, water: xr.Dataset, log: GapLog, *, structures: bool = True
) -> WetStreets:
    """Return the water on the streets, step by step where the storm kept its depth in time, else at its worst.

    An underpass that took part in the storm (``structures``) has the depth of the storm; others fill from their mouths.
    """
    from models import mobility

    net = _open_cuts(ways.drive, city) if structures else ways.drive
    x, y = water["x"].values.astype(float), water["y"].values.astype(float)
    places = mobility.edge_samples(net, x, y)
    worst = mobility.on_edges(places, np.nan_to_num(water["depth_max"].transpose("y", "x").values)).largest
    fast = np.zeros_like(worst)
    if "velocity_max" in water:
        fast = mobility.on_edges(places, np.nan_to_num(water["velocity_max"].transpose("y", "x").values)).largest
    in_time = "depth" in water and "time" in water["depth"].dims
    if in_time:
        fields = np.nan_to_num(water["depth"].transpose("time", "y", "x").values)
        deep = np.vstack([np.zeros((1, len(net.edges))), np.nan_to_num(mobility.on_edges(places, fields).largest)])
        minutes = np.r_[0.0, _minutes(water["depth"]["time"].values)]
        keep = np.r_[True, minutes[1:] > 0]
        deep, minutes = deep[keep], minutes[keep]
        # the speed of the water is known at its worst only: it counts with the share of the worst depth
        share = np.divide(deep, np.maximum(worst, 1e-6))
        velocity = np.nan_to_num(fast) * np.minimum(share, 1.0)
    else:
        deep = np.vstack([np.zeros((1, len(net.edges))), np.nan_to_num(worst)])
        velocity = np.vstack([np.zeros((1, len(net.edges))), np.nan_to_num(fast)])
        minutes = np.array([0.0, 60.0])
        log.add("mobility_flood_worst", layer="streets", severity="info", count=1, of=1)
    deep = mobility.flooded_depth(net, deep)
    velocity = np.where(np.isfinite(deep) & (deep >= _SHALLOW), velocity, 0.0)
    dry = driving_seconds(net)
    seconds = mobility.flooded_seconds(net, dry, deep, velocity, vehicle=asked.vehicle, variant=asked.flood_speed)
    return WetStreets(minutes, deep, velocity, seconds, in_time)


def _open_cuts(network: Network, city: City) -> Network:
    """Return the network with underpasses that the flow model knew marked as open streets: their water was computed."""
    known = city.structures[city.structures["kind"] == "underpass"].geometry
    if not len(known):
        return network
    deep = shapely.union_all(np.asarray(known.buffer(_BESIDE), dtype=object))
    tunnel = network.edges["tunnel"].to_numpy(bool).copy()
    for edge in np.flatnonzero(tunnel):
        tunnel[edge] = not shapely.LineString(network.line(int(edge))).intersects(deep)
    return network.replace(tunnel=tunnel)


def _minutes(times: np.ndarray) -> np.ndarray:
    values = np.asarray(times)
    if np.issubdtype(values.dtype, np.timedelta64):
        return np.asarray(values / np.timedelta64(1, "s"), dtype=float) / 60.0
    if np.issubdtype(values.dtype, np.datetime64):
        return np.asarray((values - values[0]) / np.timedelta64(1, "s"), dtype=float) / 60.0
    return values.astype(float) / 60.0


def closed_streets(ways: Ways, wet: WetStreets, crs: Any) -> gpd.GeoDataFrame:
    """Return the streets that the water closes to the vehicle.

    Returns
    -------
    geopandas.GeoDataFrame
        ``name``, ``length`` [m], ``depth`` [m], ``underpass``, ``from_minute``, ``closed_minutes`` (NaN where only the
        worst is known).
    """
    net = ways.drive
    open_dry = np.zeros(len(net.edges), bool)
    np.logical_or.at(open_dry, net.edge, np.isfinite(wet.seconds[0]))
    shut = np.ones((len(wet.minutes), len(net.edges)), bool)
    for step, seconds in enumerate(wet.seconds):
        passable = np.zeros(len(net.edges), bool)
        np.logical_or.at(passable, net.edge, np.isfinite(seconds))
        shut[step] = ~passable & open_dry
    rows = np.flatnonzero(shut.any(axis=0))
    lasts = np.diff(np.r_[wet.minutes, wet.minutes[-1] + (wet.minutes[-1] - wet.minutes[-2])])
    nan = np.full(len(rows), np.nan)
    edges = net.edges.iloc[rows]
    depth = wet.depth[:, rows].max(axis=0)
    table = {
        "name": edges["name"].to_numpy(),
        "length": edges["length"].round(1).to_numpy(),
        "depth": np.where(np.isfinite(depth), depth.round(3), np.nan),
        "underpass": ~np.isfinite(depth),
        "from_minute": wet.minutes[shut[:, rows].argmax(axis=0)] if wet.in_time else nan,
        "closed_minutes": (shut[:, rows] * lasts[:, None]).sum(axis=0) if wet.in_time else nan,
    }
    lines = [shapely.LineString(net.line(int(edge))) for edge in rows]
    return gpd.GeoDataFrame(table, geometry=lines, crs=crs)


def help_reach(
    asked: MobilityRun, ways: Ways, wet: WetStreets, crs: Any
) -> tuple[pd.DataFrame, gpd.GeoDataFrame] | None:
    """Return whom help reaches at each step, and each school, care home and hospital; None without a fire station.

    Returns
    -------
    tuple
        Table ``hour``, ``in_time``, ``cut_off`` (people), ``share``; points ``id``, ``name``, ``kind``, ``dry_minutes``,
        ``worst_minutes`` (NaN and ``cut_off`` where there is no way at all), ``late_minutes``, ``cut_off_minutes``.
    """
    from models import mobility

    stations = ways.of_role("help")
    stations = stations[stations["drive"] >= 0]
    if stations.empty:
        return None
    helped = ways.of_role("vulnerable")
    helped = helped[helped["drive"] >= 0].reset_index(drop=True)
    named = dict(zip(helped["id"].astype(str), helped["drive"].astype(int), strict=True))
    series, table = mobility.emergency_reach(
        ways.drive, wet.seconds, stations["drive"].to_numpy(), ways.drivers, minutes=asked.help_within, facilities=named,
        hours=wet.minutes / 60.0,
    )  # fmt: skip
    points = gpd.points_from_xy(helped["x"], helped["y"])
    cut = ~np.isfinite(table["worst_minutes"].to_numpy(float))
    kept = helped[["id", "name", "kind"]].assign(
        dry_minutes=table["dry_minutes"].replace(np.inf, np.nan).round(2).to_numpy(),
        worst_minutes=table["worst_minutes"].replace(np.inf, np.nan).round(2).to_numpy(),
        cut_off=cut,
        late_minutes=table["late_minutes"].to_numpy() if wet.in_time else np.nan,
        cut_off_minutes=table["cut_off_minutes"].to_numpy() if wet.in_time else np.nan,
    )
    return series, gpd.GeoDataFrame(kept, geometry=points, crs=crs)
