"""Streets under water: who may still pass, how fast, and whom the ambulance reaches.

Speed falls with depth (Pregnolato et al. 2017) and a street closes to a class of vehicles by depth and by depth times
velocity (Shand et al. 2011); both are screening, no promise of safe driving. A raster of depth says nothing about what
leads over it or under it: bridges stay dry, and an underpass is taken to fill as soon as water stands at one of its
mouths. Left out: waves of passing cars, washed-out surfaces, what drivers dare.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.layers import InputError, read_table
from models.mobility.network import Network, check_cost
from models.mobility.routing import graph

__all__ = [
    "added_vehicle_hours",
    "emergency_reach",
    "flood_hazard_class",
    "flood_speed",
    "flooded_depth",
    "flooded_seconds",
    "passable",
]


def _row(table: str, name: str, what: str) -> Mapping[str, str]:
    rows = {row["name"]: row for row in read_table("models.mobility", table)}
    if name not in rows:
        raise InputError(f"{what} must be one of {', '.join(rows)}, not {name!r}.")
    return rows[name]


def flood_speed(depth: Any, *, variant: str = "central") -> np.ndarray:
    """Return the largest speed of cars in standing water [km/h], 0 where the road is closed.

    Parameters
    ----------
    depth : array_like
        [m], at least 0.
    variant : str
        ``"central"`` (closed from 0.3 m), ``"cautious"`` (0.15 m) or ``"hardy"`` (0.6 m).

    Examples
    --------
    >>> flood_speed([0.0, 0.1, 0.25, 0.3]).round(2).tolist()
    [86.94, 40.65, 4.97, 0.0]
    """
    row = _row("flood_speeds.csv", variant, "variant")
    a, b, c, closed = (float(row[name]) for name in ("a", "b", "c", "closed"))
    mm = _water(depth, "depth") * 1000.0
    return np.where(mm >= closed, 0.0, np.maximum(a * mm**2 + b * mm + c, 0.0))


def _water(values: Any, what: str) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if (array < 0).any() or np.isnan(array).any():
        raise InputError(f"{what} has missing or negative values: give 0 where it is dry.")
    return array


def passable(depth: Any, velocity: Any = 0.0, *, vehicle: str = "small_car") -> np.ndarray:
    """Tell where a class of vehicles keeps its hold: depth, depth times velocity and velocity within its limits.

    Parameters
    ----------
    depth : array_like
        [m].
    velocity : array_like
        [m/s] of the water.
    vehicle : str
        A name of ``vehicle_stability.csv``: ``"small_car"``, ``"large_car"``, ``"off_road"``, ``"fire_engine"``.

    Examples
    --------
    >>> passable([0.2, 0.2, 0.35], [0.0, 2.0, 0.0]).tolist()
    [True, False, False]
    """
    row = _row("vehicle_stability.csv", vehicle, "vehicle")
    deep, speed = _water(depth, "depth"), _water(velocity, "velocity")
    most = {name: float(row[name]) for name in ("depth", "depth_velocity", "velocity")}
    return (
        (deep <= most["depth"])
        & (deep * speed <= most["depth_velocity"] + 1e-12)
        & ((speed <= most["velocity"]) | (deep == 0))
    )


def flood_hazard_class(depth: Any, velocity: Any = 0.0) -> np.ndarray:
    """Return the flood hazard class 1 (H1, generally safe) to 6 of the Australian guideline 7-3; 0 where it is dry.

    Parameters
    ----------
    depth : array_like
        [m].
    velocity : array_like
        [m/s].

    Examples
    --------
    >>> flood_hazard_class([0.0, 0.2, 0.4, 1.0, 3.0], [0.0, 0.0, 1.0, 1.0, 0.0]).tolist()
    [0, 1, 2, 4, 5]
    """
    deep, speed = np.broadcast_arrays(_water(depth, "depth"), _water(velocity, "velocity"))
    out = np.full(deep.shape, 6)
    for row in reversed(read_table("models.mobility", "flood_hazard.csv")):
        within = deep <= float(row["depth"])
        within &= (deep * speed <= float(row["depth_velocity"]) + 1e-12) & (speed <= float(row["velocity"]))
        out[within] = int(row["class"])
    return np.where(deep > 0, out, 0)


def flooded_depth(network: Network, depth: Any, *, mouth: float = 0.1) -> np.ndarray:
    """Return the depth that traffic meets on each edge: bridges dry, underpasses full once water stands at a mouth.

    Parameters
    ----------
    network : Network
        Streets with ``bridge`` and ``tunnel``.
    depth : array_like
        (edges,) or (time, edges) [m] from the raster, for example the largest value on each edge; missing is dry.
    mouth : float
        Depth [m] on a street at either end that fills an underpass.

    Returns
    -------
    numpy.ndarray
        Same shape; ``inf`` in filled underpasses.
    """
    water = np.array(np.nan_to_num(np.asarray(depth, dtype=float), nan=0.0), ndmin=2)
    if water.shape[-1] != len(network.edges):
        raise InputError(f"depth must have {len(network.edges)} values, one an edge, not {water.shape[-1]}.")
    water = np.maximum(_water(water, "depth"), 0.0)
    bridge, tunnel = network.edges["bridge"].to_numpy(bool), network.edges["tunnel"].to_numpy(bool)
    water[:, bridge | tunnel] = 0.0
    u, v = network.edges["u"].to_numpy(), network.edges["v"].to_numpy()
    for step in water:
        at_node = np.zeros(network.nodes)
        np.maximum.at(at_node, u, step)
        np.maximum.at(at_node, v, step)
        _fill(at_node, u[tunnel], v[tunnel], mouth)
        step[tunnel] = np.where(np.maximum(at_node[u[tunnel]], at_node[v[tunnel]]) >= mouth, np.inf, 0.0)
    return water[0] if np.ndim(depth) == 1 else water


def _fill(at_node: np.ndarray, u: np.ndarray, v: np.ndarray, mouth: float) -> None:
    """Let water run through chains of underpass pieces until no further one fills."""
    for _ in range(len(u) + 1):
        full = np.maximum(at_node[u], at_node[v]) >= mouth
        before = int((at_node >= mouth).sum())
        np.maximum.at(at_node, u[full], mouth)
        np.maximum.at(at_node, v[full], mouth)
        if int((at_node >= mouth).sum()) == before:
            return


def flooded_seconds(
    network: Network,
    free_seconds: Any,
    depth: Any,
    velocity: Any = 0.0,
    *,
    vehicle: str = "small_car",
    variant: str = "central",
) -> np.ndarray:
    """Return driving times under water [s]: slower with depth, ``inf`` where the street is closed to the vehicle.

    Parameters
    ----------
    network : Network
        Streets.
    free_seconds : array_like
        (arcs,) on dry streets.
    depth, velocity : array_like
        (edges,) or (time, edges) [m], [m/s]; depth as :func:`flooded_depth` returns it.
    vehicle, variant : str
        See :func:`passable` and :func:`flood_speed`. Depth beyond the variant's limit closes cars out; vehicles that
        wade deeper than it (off-road, fire engine) go on at its slowest speed there.

    Returns
    -------
    numpy.ndarray
        (arcs,) or (time, arcs).
    """
    free = check_cost(network, free_seconds, "free_seconds")
    water = _water(depth, "depth")
    stream = np.broadcast_to(_water(velocity, "velocity"), water.shape)
    if water.shape[-1] != len(network.edges):
        raise InputError(f"depth must have {len(network.edges)} values, one an edge, not {water.shape[-1]}.")
    finite = np.where(np.isfinite(water), water, 99.0)
    open_to = passable(finite, stream, vehicle=vehicle)
    speed = flood_speed(finite, variant=variant)
    if vehicle in ("off_road", "fire_engine"):
        closed = float(_row("flood_speeds.csv", variant, "variant")["closed"]) / 1000.0
        speed = np.maximum(speed, flood_speed(closed - 1e-4, variant=variant))
    wet = network.on_arcs(finite) > 0
    with np.errstate(divide="ignore"):
        slow = network.length / (network.on_arcs(speed) / 3.6)
    seconds = np.where(wet, np.maximum(free, slow), free)
    return np.where(network.on_arcs(open_to), seconds, np.inf)


def emergency_reach(
    network: Network,
    seconds: Any,
    stations: Any,
    people: Any,
    *,
    minutes: float = 8.0,
    facilities: Mapping[str, int] | None = None,
    hours: Any = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return whom help reaches in time at each step of a flood, and when each facility is cut off.

    Each step is taken by itself: the streets as they are when the vehicle leaves.

    Parameters
    ----------
    network : Network
        Streets.
    seconds : array_like
        (time, arcs) driving times, see :func:`flooded_seconds`; the first step is the comparison.
    stations : array_like of int
        Nodes of fire or ambulance stations.
    people : array_like
        (nodes,).
    minutes : float
        Time within which help must arrive; German states ask for 8 to 17.
    facilities : mapping, optional
        Name to node: care homes, schools, hospitals.
    hours : array_like, optional
        Time of each step [h]; steps of one hour by default. Each step lasts until the next.

    Returns
    -------
    tuple of pandas.DataFrame
        Per step ``hour``, ``in_time`` and ``cut_off`` (people), ``share``; per facility ``facility``, ``dry_minutes``,
        ``worst_minutes`` (``inf`` = cut off), ``late_minutes`` and ``cut_off_minutes`` (how long).
    """
    from scipy.sparse.csgraph import dijkstra

    steps = check_cost(network, seconds, "seconds", times=True)
    clock = np.arange(len(steps), dtype=float) if hours is None else np.asarray(hours, dtype=float)
    if clock.shape != (len(steps),) or (np.diff(clock) <= 0).any():
        raise InputError(f"hours must be {len(steps)} rising values, one a step.")
    rows = np.atleast_1d(np.asarray(stations, np.int64))
    if not len(rows) or rows.min() < 0 or rows.max() >= network.nodes:
        raise InputError(f"stations must be at least one node row of 0 to {network.nodes - 1}.")
    residents = np.asarray(people, dtype=float)
    if residents.shape != (network.nodes,) or not (residents >= 0).all():
        raise InputError(f"people must be {network.nodes} values of at least 0, one a node.")
    reach = np.stack([dijkstra(graph(network, step)[0], indices=rows, min_only=True) for step in steps]) / 60.0
    home = np.isfinite(reach[0])
    total = residents.sum()
    in_time = (residents * (reach <= minutes)).sum(axis=1)
    lost = (residents * (home & ~np.isfinite(reach))).sum(axis=1)
    share = in_time / total if total > 0 else np.full(len(steps), np.nan)
    series = pd.DataFrame({"hour": clock, "in_time": in_time, "cut_off": lost, "share": share})
    lasts = np.diff(np.r_[clock, clock[-1] + (clock[-1] - clock[-2] if len(clock) > 1 else 1.0)]) * 60.0
    table = []
    for name, node in (facilities or {}).items():
        own = reach[:, node]
        late, cut = float(lasts[own > minutes].sum()), float(lasts[~np.isfinite(own)].sum())
        table.append((name, float(own[0]), float(own.max()), late, cut))
    columns = ["facility", "dry_minutes", "worst_minutes", "late_minutes", "cut_off_minutes"]
    return series, pd.DataFrame(table, columns=columns)


def added_vehicle_hours(dry: Any, flooded: Any, *, hours_per_unit: float = 1.0) -> dict[str, float]:
    """Return what a flood costs traffic: vehicle-hours more for those who still get through, and trips that do not.

    Parameters
    ----------
    dry, flooded : models.mobility.assignment.Assignment
        Same demand on dry and flooded streets.
    hours_per_unit : float
        Hours in the unit of time of the assignment (1/60 for minutes).

    Returns
    -------
    dict
        ``vehicle_hours`` (difference over the pairs that still have a way) and ``lost_trips`` per hour.
    """
    keys = ["class", "origin", "destination"]
    before = dry.pairs.assign(cost=dry.least)
    after = flooded.pairs.assign(cost_now=flooded.least)[[*keys, "cost_now"]]
    both = before.merge(after, on=keys, how="inner")
    added = float((both["trips"] * (both["cost_now"] - both["cost"])).sum()) * hours_per_unit
    lost = float(flooded.unserved["trips"].sum() - dry.unserved["trips"].sum())
    return {"vehicle_hours": added, "lost_trips": lost}
