"""Ways whose costs do not change on the way: routes, matrices, alternatives (static; one hour, one flood level).

Distances come from scipy's Dijkstra, which is as fast as any of its peers; of parallel arcs the cheapest is used.
Costs that change while one walks are in :mod:`models.mobility.hourly`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from models.layers import InputError
from models.mobility.network import Network, check_cost

__all__ = ["Route", "alternatives", "distances", "graph", "shortest_path", "shortest_paths"]


@dataclass(frozen=True)
class Route:
    """One way through the network.

    Parameters
    ----------
    source, target : int
        Node rows.
    arcs : numpy.ndarray
        Arcs in the order they are used; empty where source is target, or where there is no way.
    cost : float
        Sum of the costs, ``inf`` where there is no way.
    """

    source: int
    target: int
    arcs: np.ndarray
    cost: float

    @property
    def reachable(self) -> bool:
        """Whether there is a way."""
        return bool(np.isfinite(self.cost))


def graph(network: Network, cost: Any) -> tuple[csr_array, np.ndarray]:
    """Return the costs as scipy's sparse matrix without closed arcs, and the arc behind each of its entries.

    Of parallel arcs the cheapest stays (scipy would add them up).
    """
    values = check_cost(network, cost)
    open_arcs = np.flatnonzero(np.isfinite(values))
    order = open_arcs[np.lexsort((values[open_arcs], network.head[open_arcs], network.tail[open_arcs]))]
    tail, head = network.tail[order], network.head[order]
    first = np.r_[True, (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])] if len(order) else np.zeros(0, bool)
    arc = order[first]
    indptr = np.searchsorted(network.tail[arc], np.arange(network.nodes + 1)).astype(np.int32)
    return csr_array((values[arc], network.head[arc], indptr), shape=(network.nodes, network.nodes)), arc


def _nodes(network: Network, rows: Any, what: str) -> np.ndarray:
    nodes = np.atleast_1d(np.asarray(rows))
    if nodes.dtype.kind not in "iu" or (len(nodes) and (nodes.min() < 0 or nodes.max() >= network.nodes)):
        raise InputError(
            f"{what} must be rows of nodes, 0 to {network.nodes - 1}, not {rows!r}: find them with network.nearest(points)."
        )
    return nodes.astype(np.int64)


def distances(network: Network, cost: Any, sources: Any, targets: Any = None, *, limit: float = np.inf) -> np.ndarray:
    """Return the least cost from each source to each target (all nodes by default), ``inf`` where there is no way.

    Parameters
    ----------
    network : Network
        Streets.
    cost : array_like
        Per arc, at least 0; ``inf`` is closed.
    sources, targets : int or array_like of int
        Node rows.
    limit : float
        What costs more counts as not reached.

    Returns
    -------
    numpy.ndarray
        (sources, targets).

    Examples
    --------
    >>> net = Network.from_edges([0, 1], [1, 2], [60.0, 40.0], xy=[[0, 0], [60, 0], [100, 0]])
    >>> distances(net, net.length, [0, 2]).tolist()
    [[0.0, 60.0, 100.0], [100.0, 40.0, 0.0]]
    """
    rows = _nodes(network, sources, "sources")
    table = dijkstra(graph(network, cost)[0], indices=rows, limit=limit)
    return table if targets is None else table[:, _nodes(network, targets, "targets")]


def shortest_paths(network: Network, cost: Any, source: int, targets: Any) -> list[Route]:
    """Return the cheapest way from one source to each target.

    Raises
    ------
    InputError
        If a node is not there, or a cost is missing or negative. No way is no error: its cost is ``inf``.
    """
    start = int(_nodes(network, source, "source")[0])
    matrix, arc = graph(network, cost)
    reach, before = dijkstra(matrix, indices=start, return_predecessors=True)
    routes = []
    for end in _nodes(network, targets, "targets"):
        chain, node = [], int(end)
        while np.isfinite(reach[end]) and node != start:
            last = int(before[node])
            row = slice(matrix.indptr[last], matrix.indptr[last + 1])
            chain.append(arc[row][np.flatnonzero(matrix.indices[row] == node)[0]])
            node = last
        routes.append(Route(start, int(end), np.array(chain[::-1], dtype=np.int64), float(reach[end])))
    return routes


def shortest_path(network: Network, cost: Any, source: int, target: int) -> Route:
    """Return the cheapest way from source to target.

    Examples
    --------
    >>> net = Network.from_edges([0, 1, 0], [1, 2, 2], [60.0, 40.0, 120.0], xy=[[0, 0], [60, 0], [100, 0]])
    >>> route = shortest_path(net, net.length, 0, 2)
    >>> route.cost, net.edge[route.arcs].tolist()
    (100.0, [0, 1])
    """
    return shortest_paths(network, cost, source, [target])[0]


def alternatives(
    network: Network,
    cost: Any,
    source: int,
    target: int,
    *,
    count: int = 3,
    most_shared: float = 0.6,
    detour: float = 1.5,
    penalty: float = 1.3,
) -> list[Route]:
    """Return the cheapest way and up to ``count - 1`` others that are really different.

    Ways already found are made dearer step by step (penalty method; Bader et al. 2011, doi:10.1007/978-3-642-19754-3_5)
    until one appears that shares little with each of them and is no great detour.

    Parameters
    ----------
    network, cost, source, target
        As for :func:`shortest_path`.
    count : int
        Most ways to return.
    most_shared : float
        Share of its cost that a way may have in common with each one before.
    detour : float
        Most it may cost, in times of the cheapest.
    penalty : float
        Factor on each arc of a way found, per round.

    Returns
    -------
    list of Route
        Ordered by cost, empty where there is no way.
    """
    values = check_cost(network, cost)
    best = shortest_path(network, values, source, target)
    if not best.reachable:
        return []
    found, charged = [best], values.copy()
    last = best
    for _ in range(20 * count):
        if len(found) >= count:
            break
        used = np.isin(network.edge, network.edge[last.arcs])
        charged[used] *= penalty
        last = shortest_path(network, charged, source, target)
        own = float(values[last.arcs].sum())
        if own > detour * best.cost:
            continue
        shared = max(float(values[last.arcs][np.isin(last.arcs, other.arcs)].sum()) for other in found)
        if shared <= most_shared * own and own > 0:
            found.append(Route(best.source, best.target, last.arcs, own))
    return sorted(found, key=lambda route: route.cost)
