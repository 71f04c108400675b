"""Watering tours: which truck waters which trees in which order, refilled at hydrants, within the shifts.

A rich vehicle routing problem, solved by PyVRP (Wouda, Lan and Kool 2024, doi:10.1287/ijoc.2023.0055; extra ``tours``):
capacity, refills at hydrants, time at each tree, shifts, and trees that may be left out against a prize for their
priority. First a plan for all trees is sought; where the shifts cannot hold it, trees may be left out, the least
important and farthest first, so that there is always a plan. Whatever is not served is listed with its reason. Left out:
water pressure and queues at hydrants, traffic that changes over the day.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.layers import InputError
from models.mobility.network import Network
from models.mobility.tour_tables import Tours, tour_tables
from models.mobility.travel import Travel, travel_matrices

__all__ = ["watering_tours"]

_TREES: Mapping[str, Any] = {"priority": 1.0, "required": False, "service": 180.0}
_VEHICLES: Mapping[str, Any] = {
    "count": 1, "shift": 8.0, "start": 7.0, "refills": 8, "speed": np.nan, "cost_km": 1.0, "cost_hour": 0.0, "depot": "",
}  # fmt: skip
_REQUIRED = 1000.0  # how much more than its priority says a required tree is worth
_WORTH = 20.0  # [km] of a tree of priority 1 where not all can be served
_FIRST_TRY = 0.35  # share of the search in which a plan for all trees must be found

Rows = pd.DataFrame | Sequence[Mapping[str, Any]] | Mapping[str, Any]


def watering_tours(
    plan: pd.DataFrame,
    vehicles: Rows,
    hydrants: Rows,
    depot: Rows,
    *,
    network: Network | None = None,
    arc_seconds: Any = None,
    travel: Travel | None = None,
    seconds: float = 30.0,
    clock: str = "wall",
    iterations: int | None = None,
    seed: int = 1,
    speed: float = 25.0,
    detour: float = 1.3,
    prize_km: float | None = None,
) -> Tours:
    """Plan the tours that bring each tree its litres.

    Parameters
    ----------
    plan : pandas.DataFrame
        One row a tree: ``id``, ``x``, ``y`` [m], ``litres``; optional ``priority`` (1 by default), ``required`` (served
        before all others), ``service`` [s] at the tree (180).
    vehicles : pandas.DataFrame or sequence of mapping
        ``name``, ``capacity`` [L]; optional ``count`` (1), ``shift`` [h] (8; inf: no limit), ``start`` [h of day] (7), ``refills`` (at
        most so many, 8), ``speed`` [km/h], ``cost_km``, ``cost_hour`` (money; 1 and 0: the shortest way), ``depot`` (id).
    hydrants : pandas.DataFrame or sequence of mapping
        ``id``, ``x``, ``y``; optional ``refill`` [s] (900). May be empty.
    depot : pandas.DataFrame or mapping
        ``id``, ``x``, ``y`` of the yard or yards; trucks leave full and return.
    network : Network, optional
        Streets; without one straight distances times ``detour`` count, at ``speed``.
    arc_seconds : array_like, optional
        Travel time of each arc of the network [s].
    travel : Travel, optional
        Ready matrices, stops in the order depots, hydrants, trees (all rows of ``plan``).
    seconds : float
        How long to search.
    clock : str
        ``"wall"``, or ``"cpu"`` where other work goes on beside.
    iterations : int, optional
        Stop after so many steps at the latest: the same seed then gives the same plan on any machine.
    seed : int
        Of the search.
    speed : float
        [km/h] where the vehicle says none.
    detour : float
        Way over straight distance.
    prize_km : float, optional
        How many kilometres a tree of priority 1 is worth; trees whose way costs more are left out. By default all trees
        are served that the shifts hold (20 km for a tree of priority 1 where they do not hold all).

    Returns
    -------
    Tours
        ``stops`` in order per driver, ``tours``, ``unserved`` with reasons, and what the search took.

    Raises
    ------
    InputError
        If a table lacks a column, or there is no vehicle or no depot.

    Examples
    --------
    >>> trees = pd.DataFrame({"id": ["a", "b"], "x": [100.0, 900.0], "y": [0.0, 0.0], "litres": [80.0, 120.0]})
    >>> tours = watering_tours(trees, [{"name": "Truck", "capacity": 150}], [{"id": "H1", "x": 500.0, "y": 0.0}],
    ...                        {"id": "Yard", "x": 0.0, "y": 0.0}, iterations=50)
    >>> sorted(tours.stops["id"]), float(tours.tours["km"].sum())
    (['H1', 'Yard', 'Yard', 'a', 'b'], 2.34)
    """
    _solver()
    begun = time.perf_counter()
    trees = _table(plan, "plan", {"id": None, "x": None, "y": None, "litres": None, **_TREES})
    fleet = _table(vehicles, "vehicles", {"name": None, "capacity": None, **_VEHICLES})
    taps = _table(hydrants, "hydrants", {"id": None, "x": None, "y": None, "refill": 900.0})
    yards = _table(depot, "depot", {"id": None, "x": None, "y": None})
    _check_fleet(fleet, yards)
    if travel is None:
        places = pd.concat([yards, taps, trees])[["x", "y"]].to_numpy(float)
        travel, off = travel_matrices(
            np.nan_to_num(places), network=network, seconds=arc_seconds, speed=speed, detour=detour
        )
    else:
        off = np.zeros(len(travel.distance), bool)
    stops = len(yards) + len(taps) + len(trees)
    if len(travel.distance) != stops:
        raise InputError(
            f"travel has {len(travel.distance)} stops, but there are {stops} depots, hydrants and trees: give them in this order."
        )
    factor = fleet["speed"].fillna(speed).to_numpy(float) / speed
    unserved = _refusals(trees, fleet, taps, yards, travel, off, factor)
    serve = np.flatnonzero(unserved["reason"].to_numpy() == "")
    data, use_taps = _problem(trees.iloc[serve], serve, fleet, factor, taps, yards, travel, prize_km or _WORTH)
    built = time.perf_counter() - begun
    all_of_them = prize_km is None and _may_hold(data)
    best, steps, taken = _search(data, all_of_them, _Clock(seconds, clock, iterations), seed)
    search = {
        "build_seconds": built,
        "search_seconds": taken,
        "iterations": steps,
        "feasible": bool(best.is_feasible()),
    }
    return tour_tables(best, trees, serve, fleet, factor, taps, use_taps, yards, travel, unserved, search)


def _solver() -> Any:
    try:
        import pyvrp
    except ImportError:
        raise InputError("Watering tours need PyVRP: pip install 'urban-twin[tours]'.") from None
    return pyvrp


def _table(rows: Rows, what: str, columns: Mapping[str, Any]) -> pd.DataFrame:
    frame = (
        rows if isinstance(rows, pd.DataFrame) else pd.DataFrame([rows] if isinstance(rows, Mapping) else list(rows))
    )
    frame = pd.DataFrame(frame).reset_index(drop=True)
    lacking = [name for name, default in columns.items() if default is None and name not in frame and len(frame)]
    if lacking:
        raise InputError(
            f"{what} has no column {lacking[0]!r}; it needs {', '.join(n for n, d in columns.items() if d is None)}."
        )
    for name, default in columns.items():
        if name not in frame:
            frame[name] = np.full(len(frame), default) if default is not None else pd.Series(dtype=float)
        elif default is not None and not (isinstance(default, float) and np.isnan(default)):
            frame[name] = frame[name].where(frame[name].notna(), default)
        if name in (
            "x",
            "y",
            "litres",
            "capacity",
            "shift",
            "refill",
            "service",
            "priority",
            "start",
            "count",
            "refills",
        ):
            frame[name] = pd.to_numeric(frame[name], errors="coerce")
    return frame


def _check_fleet(fleet: pd.DataFrame, yards: pd.DataFrame) -> None:
    if not len(yards) or yards[["x", "y"]].isna().any(axis=None):
        raise InputError("depot must name at least one yard with x and y [m].")
    if not len(fleet):
        raise InputError("vehicles is empty: give at least one with name and capacity [L].")
    for name in ("capacity", "count", "shift"):
        bad = ~(fleet[name] > 0)
        if bad.any():
            row = fleet[bad].iloc[0]
            raise InputError(f"Vehicle {row['name']!r} has the {name} {row[name]}: it must be over 0.")
    wrong = fleet[(fleet["depot"] != "") & ~fleet["depot"].isin(yards["id"])]
    if len(wrong):
        raise InputError(
            f"Vehicle {wrong['name'].iloc[0]!r} belongs to depot {wrong['depot'].iloc[0]!r}, but there are "
            f"{', '.join(map(str, yards['id']))}."
        )


def _refusals(
    trees: pd.DataFrame, fleet: pd.DataFrame, taps: pd.DataFrame, yards: pd.DataFrame, travel: Travel, off: np.ndarray,
    factor: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    """Return one row a tree with the reason why no truck can serve it, "" where one can."""
    first = len(yards) + len(taps)
    litres = trees["litres"].to_numpy(float)
    there, back = travel.duration[: len(yards), first:], travel.duration[first:, : len(yards)].T
    alone = np.full(len(trees), np.inf)
    room = np.zeros(len(trees), bool)
    for row, vehicle in enumerate(fleet.to_dict("records")):
        yard = _yard(vehicle["depot"], yards)
        fits = litres <= vehicle["capacity"]
        over = (there[yard] + back[yard]) / factor[row] + trees["service"].to_numpy(float) - vehicle["shift"] * 3600
        alone = np.where(fits, np.minimum(alone, over), alone)
        room |= fits
    home = np.isfinite(there).any(axis=0) & np.isfinite(back).any(axis=0)
    reason = np.full(len(trees), "", dtype=object)
    for code, where in (
        ("too_far", alone > 0),
        ("vehicle_too_small", ~room),
        ("unreachable", ~home),
        ("off_network", off[first:]),
        ("no_litres", ~(litres > 0)),
        ("no_place", trees[["x", "y"]].isna().any(axis=1).to_numpy()),
        ("twice", trees["id"].duplicated().to_numpy()),
    ):
        reason[where] = code
    return trees[["id", "litres", "priority", "required"]].assign(reason=reason)


def _yard(name: Any, yards: pd.DataFrame) -> int:
    return 0 if name == "" else int(np.flatnonzero(yards["id"].to_numpy() == name)[0])


def _problem(
    trees: pd.DataFrame, serve: np.ndarray, fleet: pd.DataFrame, factor: np.ndarray, taps: pd.DataFrame,
    yards: pd.DataFrame, travel: Travel, prize_km: float,
) -> tuple[Any, np.ndarray]:  # fmt: skip
    """Return PyVRP's problem and the rows of the hydrants that can be reached."""
    pyvrp = _solver()
    own = np.arange(len(yards), len(yards) + len(taps))
    ways = np.isfinite(travel.duration[:1, own]).all(axis=0) & np.isfinite(travel.duration[own, :1]).all(axis=1)
    use_taps = np.flatnonzero(ways)
    rows = np.r_[np.arange(len(yards)), own[use_taps], len(yards) + len(taps) + serve]
    square = np.ix_(rows, rows)
    xy = pd.concat([yards, taps.iloc[use_taps], trees])[["x", "y"]].to_numpy(float)
    top = 10**9
    distance = np.minimum(np.rint(travel.distance[square]), top).astype(np.int64)
    speeds, profile = np.unique(factor, return_inverse=True)
    durations = [np.minimum(np.ceil(travel.duration[square] / f), top).astype(np.int64) for f in speeds]
    wait = [0] * len(yards) + [int(np.ceil(s)) for s in taps["refill"].iloc[use_taps]]
    per_metre, per_second = _units(fleet)
    worth = trees["priority"].to_numpy(float) * np.where(trees["required"].to_numpy(bool), _REQUIRED, 1.0)
    prize = np.rint(np.maximum(worth, 0.0) * prize_km * 1000 * per_metre.max()).astype(np.int64)
    columns = zip(trees["litres"], trees["service"], prize, strict=True)
    first = len(wait)
    data = pyvrp.ProblemData(
        [pyvrp.Location(float(a), float(b)) for a, b in xy],
        [
            pyvrp.Client(
                first + i, delivery=[int(np.ceil(q))], service_duration=int(np.ceil(s)), prize=int(p), required=False
            )
            for i, (q, s, p) in enumerate(columns)
        ],
        [pyvrp.Depot(i, service_duration=s) for i, s in enumerate(wait)],
        [
            pyvrp.VehicleType(
                int(v["count"]), capacity=[int(v["capacity"])], start_depot=_yard(v["depot"], yards), end_depot=_yard(v["depot"], yards),
                shift_duration=_seconds(v["shift"]), unit_distance_cost=int(per_metre[row]),
                unit_duration_cost=int(per_second[row]), profile=int(profile[row]),
                reload_depots=list(range(len(yards), first)), max_reloads=int(v["refills"]) if first > len(yards) else 0,
            )
            for row, v in enumerate(fleet.to_dict("records"))
        ],
        [distance] * len(speeds),
        durations,
    )  # fmt: skip
    return data, use_taps


def _seconds(hours: float) -> int:
    return int(hours * 3600) if np.isfinite(hours) else int(np.iinfo(np.int64).max)


def _units(fleet: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the costs per metre and per second in the small whole numbers that the search works best with."""
    both = np.stack([fleet["cost_km"].to_numpy(float) / 1000, fleet["cost_hour"].to_numpy(float) / 3600])
    if not (both >= 0).all() or not (both[0] > 0).all():
        raise InputError("cost_km of every vehicle must be over 0 and cost_hour at least 0.")
    whole = both / both[both > 0].min()
    if np.abs(whole - np.rint(whole)).max() > 0.01:
        whole *= 20
    return np.rint(whole[0]).astype(np.int64), np.rint(whole[1]).astype(np.int64)


def _may_hold(data: Any) -> bool:
    """Tell whether the shifts could hold all trees: service and the shortest way into each tree, in all shifts."""
    first = data.num_depots
    fastest = np.min([data.duration_matrix(p) for p in range(data.num_profiles)], axis=0).astype(np.int64)
    np.fill_diagonal(fastest, np.iinfo(np.int64).max)
    least = sum(c.service_duration for c in data.clients()) + int(fastest[:, first:].min(axis=0).sum())
    return least <= sum(v.num_available * v.shift_duration for v in data.vehicle_types())


class _Clock:
    """When a search ends: after so many seconds of wall or CPU time, or so many steps."""

    def __init__(self, seconds: float, clock: str, iterations: int | None) -> None:
        clocks = {"wall": time.perf_counter, "cpu": time.thread_time}
        if clock not in clocks or not seconds > 0:
            raise InputError(f"clock must be 'wall' or 'cpu' and seconds over 0, not {clock!r} and {seconds:g}.")
        self.now, self.seconds = clocks[clock], seconds
        self.most = np.inf if iterations is None else float(iterations)
        self.begun, self.steps = self.now(), 0

    def share(self) -> float:
        """Return how much of time or steps is used up, 0 to 1."""
        return max((self.now() - self.begun) / self.seconds, self.steps / self.most)


def _search(data: Any, all_of_them: bool, clock: _Clock, seed: int) -> tuple[Any, int, float]:
    """Return the best plan, steps and seconds: first for all trees, then (where that fails) with trees left out."""
    import pyvrp

    begun = time.perf_counter()
    if data.num_clients == 0:
        return pyvrp.Solution(data, []), 0, 0.0
    none_yet = np.iinfo(np.int64).max

    def stop_all(best_cost: int) -> bool:
        clock.steps += 1
        return clock.share() >= (_FIRST_TRY if best_cost >= none_yet else 1.0)

    def stop_some(best_cost: int) -> bool:
        clock.steps += 1
        return clock.share() >= 1.0 or best_cost < 0

    if all_of_them:
        needed = data.replace(clients=[_needed(client) for client in data.clients()])
        found = pyvrp.solve(
            needed, stop=stop_all, seed=seed, collect_stats=False, display=False, params=_parameters(data)
        ).best
        if found.is_feasible():
            return found, clock.steps, time.perf_counter() - begun
    found = pyvrp.solve(
        data, stop=stop_some, seed=seed, collect_stats=False, display=False, params=_parameters(data)
    ).best
    return found, clock.steps, time.perf_counter() - begun


def _parameters(data: Any) -> Any:
    """Return how to search: large plans gain from fewer neighbours and smaller steps (measured on X-n502-k39)."""
    import pyvrp
    from pyvrp.search import NeighbourhoodParams, PerturbationParams

    if data.num_clients < 300:
        return pyvrp.SolveParams()
    return pyvrp.SolveParams(
        neighbourhood=NeighbourhoodParams(num_neighbours=30), perturbation=PerturbationParams(1, 15)
    )


def _needed(client: Any) -> Any:
    import pyvrp

    return pyvrp.Client(client.location, client.delivery, client.pickup, client.service_duration)
