"""The street network as frozen arrays: nodes, edges, and directed arcs in compressed rows with many costs beside them.

An *edge* is one piece of street between two nodes, with its attributes in one table. An *arc* is one direction in which
it may be used; arcs are sorted by their tail (compressed sparse rows), parallel arcs are kept. Costs are arrays
``cost[arc]`` or ``cost[time, arc]`` in that order, so that one graph serves every hour, flood level and kind of person.
``inf`` closes an arc; unreachable is ``inf`` in every result, never a large number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from models.layers import InputError

__all__ = ["EDGE_COLUMNS", "Network", "check_cost", "report_rows"]

EDGE_COLUMNS: Mapping[str, tuple[str, Any]] = {
    "id": ("object", ""),
    "name": ("object", ""),
    "kind": ("object", ""),  # OpenStreetMap value of highway, or the word of the source
    "oneway": ("object", ""),  # "" both ways, "forward" u to v only, "backward" v to u only
    "width": ("float64", np.nan),  # [m]
    "slope": ("float64", np.nan),  # rise from u to v over length
    "surface": ("object", ""),
    "kerb": ("float64", np.nan),  # [cm] highest kerb to be crossed
    "steps": ("bool", False),
    "bridge": ("bool", False),
    "tunnel": ("bool", False),
    "layer": ("int64", 0),
    "speed": ("float64", np.nan),  # [km/h] allowed
    "lanes": ("float64", np.nan),
    "capacity": ("float64", np.nan),  # [veh/h] in one direction
}
"""Columns of ``Network.edges`` beside ``u``, ``v`` and ``length`` [m]: dtype and what stands for "not known"."""


def report_rows(rows: Sequence[tuple[str, int, float]]) -> pd.DataFrame:
    """Return a cleaning report: one row ``(code, count, length [m])`` a finding, those that occurred."""
    frame = pd.DataFrame(list(rows), columns=["code", "count", "length"])
    return frame[frame["count"] > 0].reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Network:
    """One street network: geometry, attributes and the directed graph, all read-only.

    Parameters
    ----------
    xy : numpy.ndarray
        float64 (nodes, 2) [m].
    edges : pandas.DataFrame
        One row an edge: ``u``, ``v`` (node rows), ``length`` [m] and the columns of ``EDGE_COLUMNS``; more may follow.
    indptr : numpy.ndarray
        int64 (nodes + 1,): arcs ``indptr[n]:indptr[n + 1]`` leave node n.
    tail, head : numpy.ndarray
        int32 (arcs,): node rows.
    edge : numpy.ndarray
        int32 (arcs,): row of the arc's edge.
    forward : numpy.ndarray
        bool (arcs,): the arc runs from ``u`` to ``v`` of its edge.
    line_xy, line_start : numpy.ndarray
        Course of edge e is ``line_xy[line_start[e]:line_start[e + 1]]`` [m], from u to v.
    report : pandas.DataFrame
        What cleaning found and did: ``code``, ``count``, ``length`` [m].

    Examples
    --------
    >>> square = Network.from_edges([0, 1, 2, 3], [1, 2, 3, 0], [100.0, 50.0, 100.0, 50.0],
    ...                             xy=[[0, 0], [100, 0], [100, 50], [0, 50]])
    >>> square.nodes, square.arcs
    (4, 8)
    """

    xy: np.ndarray
    edges: pd.DataFrame
    indptr: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    edge: np.ndarray
    forward: np.ndarray
    line_xy: np.ndarray
    line_start: np.ndarray
    report: pd.DataFrame

    def __post_init__(self) -> None:
        for name in ("xy", "indptr", "tail", "head", "edge", "forward", "line_xy", "line_start"):
            getattr(self, name).setflags(write=False)

    @classmethod
    def from_edges(
        cls,
        u: Any,
        v: Any,
        length: Any,
        *,
        xy: Any,
        attributes: pd.DataFrame | Mapping[str, Any] | None = None,
        lines: tuple[np.ndarray, np.ndarray] | None = None,
        report: pd.DataFrame | None = None,
    ) -> Network:
        """Return the network of edges between numbered nodes.

        Parameters
        ----------
        u, v : array_like of int
            Rows of ``xy`` at which each edge begins and ends.
        length : array_like of float
            [m], at least 0.
        xy : array_like of float
            (nodes, 2) [m], in a projected coordinate reference system.
        attributes : pandas.DataFrame or mapping, optional
            Columns of ``EDGE_COLUMNS`` (and others) with one value an edge; ``oneway`` decides which arcs there are.
        lines : tuple of numpy.ndarray, optional
            ``(line_xy, line_start)``; straight lines between the nodes by default.
        report : pandas.DataFrame, optional
            Rows of a cleaning done before.

        Raises
        ------
        InputError
            If an edge names a node that is not there, a length is negative or missing, or columns differ in length.
        """
        nodes = np.ascontiguousarray(xy, dtype=np.float64).reshape(-1, 2)
        begin, end = np.asarray(u, dtype=np.int64), np.asarray(v, dtype=np.int64)
        metres = np.asarray(length, dtype=np.float64)
        _check_edges(begin, end, metres, nodes)
        table = _edge_table(begin, end, metres, attributes)
        if lines is None:
            lines = np.stack([nodes[begin], nodes[end]], axis=1).reshape(-1, 2), np.arange(len(begin) + 1) * 2
        tail, head, edge, forward = _arcs(table)
        indptr = np.searchsorted(tail, np.arange(len(nodes) + 1)).astype(np.int64)
        return cls(
            nodes, table, indptr, tail, head, edge, forward,
            np.ascontiguousarray(lines[0], dtype=np.float64), np.asarray(lines[1], dtype=np.int64),
            report_rows([]) if report is None else report,
        )  # fmt: skip

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.xy)

    @property
    def arcs(self) -> int:
        """Number of arcs."""
        return len(self.head)

    @cached_property
    def length(self) -> np.ndarray:
        """Length of each arc [m]."""
        return self.on_arcs(self.edges["length"].to_numpy())

    @cached_property
    def slope(self) -> np.ndarray:
        """Rise over length of each arc in its own direction, NaN where not known."""
        slope = self.on_arcs(self.edges["slope"].to_numpy())
        return np.where(self.forward, slope, -slope)

    @cached_property
    def reverse(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The graph walked backwards: ``(indptr, head, arc)``, ``arc`` being the row of the arc in this network."""
        order = np.argsort(self.head, kind="stable")
        indptr = np.searchsorted(self.head[order], np.arange(self.nodes + 1)).astype(np.int64)
        parts = indptr, self.tail[order], order
        for part in parts:
            part.setflags(write=False)  # frozen like the forward graph: compiled code takes both by one form
        return parts

    def on_arcs(self, values: Any) -> np.ndarray:
        """Return values per edge ``(..., edges)`` as values per arc ``(..., arcs)``."""
        return np.asarray(values)[..., self.edge]

    def replace(self, **columns: Any) -> Network:
        """Return a network with these columns of ``edges`` exchanged or added; the graph stays as it is."""
        if {"u", "v", "length", "oneway"} & set(columns):
            raise InputError(
                "u, v, length and oneway make the graph and cannot be exchanged: build the network anew with Network.from_edges."
            )
        return dataclasses.replace(self, edges=self.edges.assign(**columns))

    def with_heights(self, height: Any) -> Network:
        """Return the network with slopes from heights of its nodes [m]; NaN stays "not known" and is reported.

        Only the ends count, so a bridge is not bent down into its valley.
        """
        z = np.asarray(height, dtype=np.float64)
        if z.shape != (self.nodes,):
            raise InputError(f"Heights must be one value a node, {self.nodes} in all, not an array of shape {z.shape}.")
        u, v, length = (self.edges[name].to_numpy() for name in ("u", "v", "length"))
        slope = np.divide(z[v] - z[u], length, out=np.full(len(length), np.nan), where=length > 0)
        missing = np.isnan(slope)
        row = report_rows([("slope_missing", int(missing.sum()), float(length[missing].sum()))])
        kept = self.report[self.report["code"] != "slope_missing"]
        network = dataclasses.replace(self, edges=self.edges.assign(slope=slope))
        return dataclasses.replace(network, report=pd.concat([kept, row], ignore_index=True) if len(row) else kept)

    def nearest(self, points: Any, *, within: float = np.inf, allowed: np.ndarray | None = None) -> np.ndarray:
        """Return the nearest node of each point (n, 2) [m], -1 where none lies within that distance [m].

        ``allowed`` (bool per node) leaves nodes out, for example those of islands.
        """
        from scipy.spatial import cKDTree

        rows = np.arange(self.nodes) if allowed is None else np.flatnonzero(allowed)
        places = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        if not len(rows):
            return np.full(len(places), -1)
        away, found = cKDTree(self.xy[rows]).query(places, distance_upper_bound=np.nextafter(within, np.inf))
        return np.where(np.isfinite(away), rows[np.minimum(found, len(rows) - 1)], -1)

    def components(self, *, strong: bool = False, cost: np.ndarray | None = None) -> np.ndarray:
        """Return a number per node: equal numbers are connected, 0 is the largest part.

        ``strong=True`` asks for ways there and back, so that one-way traps stand apart; arcs with infinite ``cost``
        do not connect.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        use = np.ones(self.arcs, bool) if cost is None else np.isfinite(cost)
        ends = (np.ones(int(use.sum()), np.int8), (self.tail[use], self.head[use]))
        graph = coo_array(ends, shape=(self.nodes, self.nodes)).tocsr()
        _, labels = connected_components(graph, directed=True, connection="strong" if strong else "weak")
        order = np.argsort(-np.bincount(labels), kind="stable")
        return np.asarray(np.argsort(order, kind="stable")[labels])

    def line(self, edge: int, *, forward: bool = True) -> np.ndarray:
        """Return the course of an edge (points, 2) [m] in the direction it is used."""
        course = self.line_xy[self.line_start[edge] : self.line_start[edge + 1]]
        return course if forward else course[::-1]

    def course(self, arcs: Any) -> np.ndarray:
        """Return the course (points, 2) [m] of a chain of arcs."""
        parts = [self.line(int(self.edge[a]), forward=bool(self.forward[a])) for a in np.atleast_1d(arcs)]
        if not parts:
            return np.empty((0, 2))
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def check_cost(network: Network, cost: Any, what: str = "cost", *, times: bool = False) -> np.ndarray:
    """Return costs as float64, or say which one is missing or negative; ``inf`` (closed) is allowed.

    Parameters
    ----------
    network : Network
        Whose arcs they belong to.
    cost : array_like
        ``(arcs,)``, or ``(time, arcs)`` with ``times``.
    what : str
        Name for the message.
    times : bool
        Whether the first dimension is time.
    """
    values = np.ascontiguousarray(cost, dtype=np.float64)
    shape = ("time, " if times else "") + f"{network.arcs} arcs"
    if values.ndim != 1 + times or values.shape[-1] != network.arcs or values.size == 0:
        raise InputError(
            f"{what} must have the shape ({shape}), not {values.shape}: bring values per edge to arcs with network.on_arcs()."
        )
    bad = np.isnan(values) | (values < 0)
    if bad.any():
        at = int(np.argwhere(bad)[0][-1])
        raise InputError(
            f"{what} has {int(bad.sum())} missing or negative values, the first on edge "
            f"{network.edges['id'].iloc[network.edge[at]]!r} ({values[bad][0]:g}): allowed is 0 or more, and inf for closed."
        )
    return values


def _check_edges(u: np.ndarray, v: np.ndarray, length: np.ndarray, xy: np.ndarray) -> None:
    if not len(u) == len(v) == len(length):
        raise InputError(f"u, v and length must be equally long, not {len(u)}, {len(v)} and {len(length)}.")
    if not np.isfinite(xy).all():
        at = int(np.flatnonzero(~np.isfinite(xy).all(axis=1))[0])
        raise InputError(f"Node {at} has no finite coordinates ({xy[at, 0]:g}, {xy[at, 1]:g}): leave it out.")
    if len(u) and (min(u.min(), v.min()) < 0 or max(u.max(), v.max()) >= len(xy)):
        raise InputError(f"An edge names node {max(u.max(), v.max())}, but there are only nodes 0 to {len(xy) - 1}.")
    bad = ~(length >= 0) | ~np.isfinite(length)
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(f"Edge {at} has the length {length[at]:g} m: lengths must be finite and at least 0.")


def _edge_table(
    u: np.ndarray, v: np.ndarray, length: np.ndarray, attributes: pd.DataFrame | Mapping[str, Any] | None
) -> pd.DataFrame:
    given = {} if attributes is None else {str(name): values for name, values in attributes.items()}
    table = {"u": u.astype(np.int32), "v": v.astype(np.int32), "length": length}
    for name, (dtype, unknown) in EDGE_COLUMNS.items():
        values = given.pop(name, None)
        if values is None:
            values = [str(i) for i in range(len(u))] if name == "id" else np.full(len(u), unknown, dtype=dtype)
        table[name] = pd.Series(np.asarray(values), dtype=dtype).to_numpy()
    table |= {name: np.asarray(values) for name, values in given.items() if name not in table}
    for name, values in table.items():
        if len(values) != len(u):
            raise InputError(f"Column {name!r} has {len(values)} values for {len(u)} edges: give one value an edge.")
    odd = set(pd.unique(table["oneway"])) - {"", "forward", "backward"}
    if odd:
        raise InputError(f"oneway must be '', 'forward' or 'backward', not {sorted(map(str, odd))[0]!r}.")
    return pd.DataFrame(table)


def _arcs(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    u, v, oneway = table["u"].to_numpy(), table["v"].to_numpy(), table["oneway"].to_numpy()
    there, back = np.flatnonzero(oneway != "backward"), np.flatnonzero(oneway != "forward")
    edge = np.concatenate([there, back])
    forward = np.arange(len(edge)) < len(there)
    tail, head = np.where(forward, u[edge], v[edge]), np.where(forward, v[edge], u[edge])
    order = np.lexsort((~forward, edge, tail))
    return tail[order].astype(np.int32), head[order].astype(np.int32), edge[order].astype(np.int32), forward[order]
