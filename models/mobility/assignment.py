"""Traffic that answers to closures, tolls and new streets: user equilibrium and system optimum.

Static assignment (Wardrop): times rise with flow by the BPR function ``t = t0 (1 + a (v / c)^b)``. Solved by
path-based gradient projection (Jayakrishnan et al. 1994), flows moved pair by pair with costs updated at once. Several
classes share the street in passenger car units, each with its own fixed costs (tolls, closures). The system optimum uses
marginal costs. Left out: queues over time, departure choice, changes of demand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.layers import InputError
from models.mobility.network import Network
from models.mobility.path_flows import arc_flows, shortest_total, sweep, update_all
from models.parallel import in_blocks

__all__ = ["Assignment", "Demand", "assign"]

_INNER = 8  # sweeps between two searches for new paths
_PAUSE = 2  # sweeps done before the gap is first looked at


@dataclass(frozen=True)
class Demand:
    """Trips of one class of vehicles.

    Parameters
    ----------
    trips : numpy.ndarray
        (zones, zones) vehicles per hour, from row to column; the diagonal stays off the street.
    fixed : array_like, optional
        Cost of each arc beside its time, in units of time (toll over value of time); ``inf`` is closed to the class.
    car_units : float
        Passenger car units of one vehicle.
    name : str
        For tables.
    """

    trips: Any
    fixed: Any = None
    car_units: float = 1.0
    name: str = "car"


@dataclass(frozen=True)
class Assignment:
    """Result of an assignment.

    Parameters
    ----------
    flow : numpy.ndarray
        (arcs,) passenger car units per hour.
    class_flow : numpy.ndarray
        (classes, arcs) vehicles per hour.
    time : numpy.ndarray
        (arcs,) travel time at that flow, in the unit of ``free_time``.
    gap : float
        Relative gap: (total cost - least total cost) / total cost.
    converged : bool
        Whether the gap asked for was reached.
    history : pandas.DataFrame
        ``iteration`` and ``gap``.
    objective : float
        Beckmann's integral (fixed costs included).
    total_time : float
        Car units times travel time; with times in hours these are the vehicle-hours.
    least : numpy.ndarray
        Cost of each pair of ``pairs`` at the end.
    pairs : pandas.DataFrame
        ``class``, ``origin``, ``destination`` (zones), ``trips``, of those assigned.
    unserved : pandas.DataFrame
        Demand without any way, same columns.
    """

    flow: np.ndarray
    class_flow: np.ndarray
    time: np.ndarray
    gap: float
    converged: bool
    history: pd.DataFrame
    objective: float
    total_time: float
    least: np.ndarray
    pairs: pd.DataFrame
    unserved: pd.DataFrame


def assign(
    network: Network,
    demand: Any,
    *,
    free_time: Any,
    capacity: Any,
    alpha: Any = 0.15,
    beta: Any = 4.0,
    zones: Any = None,
    objective: str = "user",
    first_through: int = 0,
    gap: float = 1e-6,
    iterations: int = 200,
) -> Assignment:
    """Return flows at which nobody gains by another way (``"user"``), or all together lose least time (``"system"``).

    Parameters
    ----------
    network : Network
        Streets.
    demand : numpy.ndarray, Demand or sequence of Demand
        Trips per hour between zones.
    free_time : array_like
        Time on each empty arc, at least 0.
    capacity : array_like
        Of each arc, car units per hour, over 0.
    alpha, beta : float or array_like
        BPR coefficient and power, one for all arcs or one an arc, at least 0.
    zones : array_like of int, optional
        Node of each zone; nodes 0, 1, 2, ... by default.
    objective : str
        ``"user"`` or ``"system"``.
    first_through : int
        Nodes below this number only begin and end trips.
    gap : float
        Relative gap to reach.
    iterations : int
        Most rounds of new shortest paths.

    Returns
    -------
    Assignment
        Demand without a way is listed in ``unserved``, never sent on.

    Raises
    ------
    InputError
        If shapes do not fit or a value is missing, negative or (capacity) zero.

    Examples
    --------
    Two equal streets share the traffic:

    >>> net = Network.from_edges([0, 0], [1, 1], [1.0, 1.0], xy=[[0, 0], [1, 0]], attributes={"oneway": ["forward"] * 2})
    >>> result = assign(net, [[0, 1000], [0, 0]], free_time=[10.0, 10.0], capacity=[500.0, 500.0])
    >>> result.flow.round(9).tolist()
    [500.0, 500.0]
    """
    if objective not in ("user", "system"):
        raise InputError(f"objective must be 'user' or 'system', not {objective!r}.")
    classes = _classes(demand)
    nodes = _zone_nodes(network, zones, classes)
    link = _links(network, free_time, capacity, alpha, beta)
    fixed = _fixed(network, classes)
    solved = link.copy()
    if objective == "system":
        solved[1] = link[1] * (link[3] + 1.0)
    table, groups = _pairs(classes, nodes)
    problem = _Problem(network, solved, fixed, groups, table, first_through)
    unserved = problem.drop_unreachable()
    history = problem.solve(gap, iterations)
    return _result(problem, link, classes, history, gap, unserved)


def _classes(demand: Any) -> list[Demand]:
    if isinstance(demand, Demand):
        return [demand]
    if isinstance(demand, Sequence) and len(demand) and all(isinstance(part, Demand) for part in demand):
        return list(demand)
    return [Demand(demand)]


def _zone_nodes(network: Network, zones: Any, classes: list[Demand]) -> np.ndarray:
    count = len(np.asarray(classes[0].trips))
    nodes = np.arange(count) if zones is None else np.asarray(zones, np.int64)
    for part in classes:
        trips = np.asarray(part.trips, dtype=float)
        if trips.shape != (len(nodes), len(nodes)):
            raise InputError(
                f"Trips of class {part.name!r} have the shape {trips.shape}, but there are {len(nodes)} zones."
            )
        if not (trips >= 0).all() or not np.isfinite(trips).all():
            raise InputError(f"Trips of class {part.name!r} have missing or negative values: allowed is 0 or more.")
        if not part.car_units > 0:
            raise InputError(f"car_units of class {part.name!r} must be over 0, not {part.car_units:g}.")
    if len(nodes) and (nodes.min() < 0 or nodes.max() >= network.nodes):
        raise InputError(f"A zone lies at node {nodes.max()}, but there are only nodes 0 to {network.nodes - 1}.")
    return nodes


def _links(network: Network, free_time: Any, capacity: Any, alpha: Any, beta: Any) -> np.ndarray:
    link = np.empty((4, network.arcs))
    for row, (name, values) in enumerate(
        {"free_time": free_time, "alpha": alpha, "capacity": capacity, "beta": beta}.items()
    ):
        array = np.asarray(values, dtype=float)
        if array.ndim and array.shape != (network.arcs,):
            raise InputError(f"{name} must be one value, or one an arc ({network.arcs}), not {array.shape}.")
        link[row] = array
        bad = ~(link[row] > 0) if name == "capacity" else ~((link[row] >= 0) & np.isfinite(link[row]))
        if bad.any():
            at = int(np.argmax(bad))
            raise InputError(
                f"{name} of edge {network.edges['id'].iloc[network.edge[at]]!r} is {link[row, at]:g}: it must be "
                + ("over 0." if name == "capacity" else "a number of at least 0; close arcs by Demand(fixed=inf).")
            )
    return link


def _fixed(network: Network, classes: list[Demand]) -> np.ndarray:
    fixed = np.zeros((len(classes), network.arcs))
    for row, part in enumerate(classes):
        if part.fixed is not None:
            values = np.asarray(part.fixed, dtype=float)
            if values.shape != (network.arcs,) or np.isnan(values).any() or (values < 0).any():
                raise InputError(
                    f"fixed of class {part.name!r} must be {network.arcs} values of at least 0 (inf is closed)."
                )
            fixed[row] = values
    return fixed


def _pairs(classes: list[Demand], nodes: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the pairs with demand, sorted by class and origin, and one group a class and origin."""
    tables = []
    for row, part in enumerate(classes):
        trips = np.array(part.trips, dtype=float)
        trips[nodes[:, None] == nodes[None, :]] = 0.0
        origin, destination = np.nonzero(trips)
        volume = trips[origin, destination]
        tables.append(
            pd.DataFrame(
                {
                    "class": row,
                    "origin": origin,
                    "destination": destination,
                    "trips": volume,
                    "units": volume * part.car_units,
                }
            )
        )
    table = pd.concat(tables, ignore_index=True)
    table["from"], table["to"] = nodes[table["origin"]], nodes[table["destination"]]
    return table, _groups(table)


def _groups(table: pd.DataFrame) -> np.ndarray:
    kind, begin = table["class"].to_numpy(), table["from"].to_numpy()
    if not len(table):
        return np.empty((0, 4), np.int64)
    cut = np.flatnonzero(np.r_[True, (kind[1:] != kind[:-1]) | (begin[1:] != begin[:-1])])
    return np.column_stack([begin[cut], kind[cut], cut, np.r_[cut[1:], len(table)]]).astype(np.int64)


class _Problem:
    """State of the search: flows, times, and the paths of each pair."""

    def __init__(
        self, network: Network, link: np.ndarray, fixed: np.ndarray, groups: np.ndarray, table: pd.DataFrame, first: int
    ) -> None:
        self.network, self.link, self.fixed = network, link, fixed
        self._take(table, groups)
        self.first_through = int(first)
        self.flow, self.time, self.steep = (np.zeros(network.arcs) for _ in range(3))
        self.least = np.empty(0)
        self._set_costs()

    def _take(self, table: pd.DataFrame, groups: np.ndarray) -> None:
        self.table, self.groups = table, groups
        self.to, self.units = table["to"].to_numpy(np.int64), table["units"].to_numpy(np.float64)

    def _set_costs(self) -> None:
        update_all(self.link, self.flow, self.time, self.steep)

    def shortest(self) -> float:
        """Return the least total cost at the present times; ``least`` gets that of each pair."""
        self.least = np.empty(len(self.to))
        parts = in_blocks(
            shortest_total, len(self.groups), self.groups, self.to, self.units, self.first_through, self.network.indptr,
            self.network.head, self.time, self.fixed, self.least, least=16,
        )  # fmt: skip
        return float(sum(parts))

    def drop_unreachable(self) -> pd.DataFrame:
        """Take the pairs without a way out of the problem and return them."""
        self.shortest()
        lost = ~np.isfinite(self.least)
        out = self.table[lost]
        kept = self.table[~lost].reset_index(drop=True)
        self._take(kept, _groups(kept))
        count = len(self.table)
        self.first = np.full(count, -1, np.int64)
        self.used = np.zeros(2, np.int64)
        self.paths = np.zeros((4 * count + 16, 2), np.int64)
        self.next_path = np.full(len(self.paths), -1, np.int64)
        self.path_flow = np.zeros(len(self.paths))
        self.pool = np.empty(24 * len(self.paths) + 2 * self.network.nodes, np.int32)
        return out[["class", "origin", "destination", "trips"]].reset_index(drop=True)

    def _sweep(self, inner: bool) -> None:
        begin = 0
        while begin >= 0:
            begin = sweep(
                begin, inner, self.groups, self.to, self.units, self.first_through, self.network.indptr, self.network.tail,
                self.network.head, self.link, self.flow, self.time, self.steep, self.fixed, self.paths, self.next_path,
                self.first, self.pool, self.path_flow, self.used,
            )  # fmt: skip
            if begin >= 0:
                self._grow()

    def _grow(self) -> None:
        more = len(self.paths)
        self.paths = np.concatenate([self.paths, np.zeros_like(self.paths)])
        self.next_path = np.concatenate([self.next_path, np.full(more, -1, np.int64)])
        self.path_flow = np.concatenate([self.path_flow, np.zeros(more)])
        self.pool = np.concatenate([self.pool, np.empty_like(self.pool)])

    def solve(self, target: float, iterations: int) -> list[tuple[int, float]]:
        """Sweep until the gap is small enough; return its history."""
        history: list[tuple[int, float]] = []
        for iteration in range(1, iterations + 1):
            if not len(self.table):
                return [(0, 0.0)]
            self._sweep(False)
            for _ in range(_INNER):
                self._sweep(True)
            if iteration < _PAUSE:
                continue
            history.append((iteration, self.gap()))
            if history[-1][1] <= target:
                break
        return history or [(iterations, self.gap())]

    def total(self, flows: np.ndarray) -> float:
        """Return total cost of flows per class in car units, fixed costs included."""
        used = flows > 0
        return float((flows * self.time).sum() + (np.where(used, flows, 0.0) * np.where(used, self.fixed, 0.0)).sum())

    def class_units(self) -> np.ndarray:
        """Return flows per class in car units, added up from the paths."""
        out = np.zeros((len(self.fixed), self.network.arcs))
        arc_flows(self.groups, self.paths, self.next_path, self.first, self.pool, self.path_flow, out)
        return out

    def gap(self) -> float:
        """Return the relative gap, after flows and times are set anew from the paths."""
        flows = self.class_units()
        self.flow[:] = flows.sum(axis=0)
        self._set_costs()
        total = self.total(flows)
        return (total - self.shortest()) / total if total > 0 else 0.0


def _result(
    problem: _Problem, link: np.ndarray, classes: list[Demand], history: list[tuple[int, float]], gap: float,
    unserved: pd.DataFrame,
) -> Assignment:  # fmt: skip
    flows = problem.class_units()
    flow = flows.sum(axis=0)
    free, alpha, capacity, beta = link
    ratio = flow / capacity
    time = free * (1.0 + alpha * ratio**beta)
    integral = free * flow * (1.0 + alpha / (beta + 1.0) * ratio**beta)
    fixed = np.where(flows > 0, flows, 0.0) * np.where(flows > 0, problem.fixed, 0.0)
    units = np.array([part.car_units for part in classes])[:, None]
    names: Mapping[int, str] = {row: part.name for row, part in enumerate(classes)}
    tables = [
        part[["class", "origin", "destination", "trips"]].assign(**{"class": part["class"].map(names)})
        for part in (problem.table, unserved)
    ]
    return Assignment(
        flow=flow, class_flow=flows / units, time=time, gap=history[-1][1], converged=history[-1][1] <= gap,
        history=pd.DataFrame(history, columns=["iteration", "gap"]), objective=float(integral.sum() + fixed.sum()),
        total_time=float((flow * time).sum()), least=problem.least, pairs=tables[0], unserved=tables[1],
    )  # fmt: skip
