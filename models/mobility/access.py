"""Access: what people reach within a time, and how it is shared out among them.

Every node searches the network as far as the limit and adds up what it meets, so that no table of all distances is
made and costs of any hour or flood level can be used at once. Measures: cumulative opportunities, gravity, two-step
floating catchment area (Luo and Wang 2003, doi:10.1068/b29120; enhanced with weights by zone, Luo and Qi 2009,
doi:10.1016/j.healthplace.2009.06.002), and the shares of the 15-minute city.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numba as nb
import numpy as np
import pandas as pd

from models.layers import InputError
from models.mobility.buckets import clean_buckets, in_reach, shelves, width_of
from models.mobility.heap import clean, tree, workspace
from models.mobility.network import Network, check_cost
from models.parallel import in_blocks

__all__ = ["accessibility", "nearby_shares", "nearest_cost", "two_step_catchments"]

_DECAYS = {"flat": 0, "exponential": 1, "gaussian": 2, "zones": 3}


@nb.njit(cache=True, nogil=True)
def _weight(cost, limit, decay, scale, bounds, weights):  # type: ignore[no-untyped-def]
    if decay == 1:
        return np.exp(-cost / scale)
    if decay == 2:  # 1 at 0, 0 at the limit (Dai 2010, doi:10.1016/j.healthplace.2010.06.012)
        edge = np.exp(-0.5)
        return (np.exp(-0.5 * (cost / limit) ** 2) - edge) / (1.0 - edge)
    if decay == 3:
        for i in range(bounds.size):
            if cost <= bounds[i]:
                return weights[i]
        return 0.0
    return 1.0


@nb.njit(cache=True, nogil=True)
def _sum_up(count, order, dist, limit, decay, scale, bounds, weights, values, out):  # type: ignore[no-untyped-def]
    for column in range(values.shape[0]):
        total = 0.0
        if decay == 0:
            for i in range(count):
                total += values[column, order[i]]
        else:
            for i in range(count):
                value = values[column, order[i]]
                if value != 0.0:
                    total += value * _weight(dist[order[i]], limit, decay, scale, bounds, weights)
        out[column] = total


@nb.njit(cache=True, nogil=True)
def _sums(start, stop, sources, indptr, head, cost, limit, width, decay, scale, bounds, weights, values, out):  # type: ignore[no-untyped-def]
    """Add up what each source reaches; where buckets do not serve (no limit, no room) a heap does."""
    nodes = indptr.size - 1
    heap = workspace(nodes if width <= 0.0 else 0)
    work = shelves(nodes, limit if width > 0.0 else 0.0, max(width, 1e-12))
    for row in range(start, stop):
        count = in_reach(sources[row], limit, width, indptr, head, cost, work) if width > 0.0 else -1
        if count >= 0:
            _sum_up(count, work[1], work[0], limit, decay, scale, bounds, weights, values, out[row])
            clean_buckets(count, work)
            continue
        if heap[0].size == 0:
            heap = workspace(nodes)
        count = tree(sources[row], limit, 0, indptr, head, cost, heap)
        _sum_up(count, heap[2], heap[0], limit, decay, scale, bounds, weights, values, out[row])
        clean(count, heap)


@nb.njit(cache=True, nogil=True)
def _nearest(start, stop, sources, indptr, head, cost, limit, values, out):  # type: ignore[no-untyped-def]
    work = workspace(indptr.size - 1)
    for row in range(start, stop):
        count = tree(sources[row], limit, 0, indptr, head, cost, work)
        for column in range(values.shape[0]):
            for i in range(count):
                if values[column, work[2][i]] > 0.0:
                    out[row, column] = work[0][work[2][i]]
                    break
        clean(count, work)


def _decay(decay: str, limit: float, scale: float | None, zones: Any) -> tuple[int, float, np.ndarray, np.ndarray]:
    if decay not in _DECAYS or not limit > 0:
        raise InputError(f"decay must be one of {', '.join(_DECAYS)} and limit over 0, not {decay!r} and {limit:g}.")
    table = np.asarray([] if zones is None else zones, dtype=float).reshape(-1, 2)
    if decay == "zones" and (not len(table) or (np.diff(table[:, 0]) <= 0).any() or table[-1, 0] < limit):
        raise InputError("zones must be pairs (limit, weight) with rising limits, the last one at least 'limit'.")
    length = limit / 2 if scale is None else float(scale)
    if not length > 0:
        raise InputError(f"scale must be over 0, not {length:g}.")
    return _DECAYS[decay], length, table[:, 0].copy(), table[:, 1].copy()


def _at_nodes(network: Network, values: Any, what: str) -> np.ndarray:
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.shape[-1] != network.nodes or not (array >= 0).all() or not np.isfinite(array).all():
        raise InputError(
            f"{what} must be {network.nodes} values of at least 0, one a node, not an array of shape {np.shape(values)}"
            " with missing or negative ones: add them up with numpy.bincount(network.nearest(points), weights)."
        )
    return np.ascontiguousarray(array)


def accessibility(
    network: Network,
    cost: Any,
    opportunities: Any,
    limit: float,
    *,
    sources: Any = None,
    decay: str = "flat",
    scale: float | None = None,
    zones: Any = None,
) -> np.ndarray:
    """Return how many opportunities each node reaches within the limit, weighted by how far they are.

    Parameters
    ----------
    network : Network
        Streets.
    cost : array_like
        Per arc, for example metres, seconds or seconds weighted by heat.
    opportunities : array_like
        (nodes,) or (kinds, nodes): places, jobs, people at each node.
    limit : float
        Largest cost.
    sources : array_like of int, optional
        Node rows; all nodes by default.
    decay : str
        ``"flat"`` (cumulative), ``"exponential"`` (gravity: ``exp(-cost / scale)``), ``"gaussian"`` (1 at 0, 0 at the
        limit), ``"zones"``.
    scale : float, optional
        Of the exponential, half the limit by default.
    zones : array_like, optional
        Pairs (limit, weight) for ``"zones"``.

    Returns
    -------
    numpy.ndarray
        (sources,) or (kinds, sources).

    Examples
    --------
    >>> net = Network.from_edges([0, 1], [1, 2], [60.0, 40.0], xy=[[0, 0], [60, 0], [100, 0]])
    >>> accessibility(net, net.length, [1.0, 1.0, 1.0], 60.0).tolist()
    [2.0, 3.0, 2.0]
    """
    values = _at_nodes(network, opportunities, "opportunities")
    kind, length, bounds, weights = _decay(decay, float(limit), scale, zones)
    rows = np.arange(network.nodes) if sources is None else np.atleast_1d(np.asarray(sources, np.int64))
    out = np.empty((len(rows), len(values)))
    price = check_cost(network, cost)
    in_blocks(
        _sums, len(rows), rows, network.indptr, network.head, price, float(limit), width_of(price, limit), kind, length,
        bounds, weights, values, out,
    )  # fmt: skip
    return out[:, 0] if np.ndim(opportunities) == 1 else out.T


def nearest_cost(network: Network, cost: Any, places: Any, *, limit: float = np.inf, sources: Any = None) -> np.ndarray:
    """Return the cost from each node to the nearest place of each kind, ``inf`` where there is none within the limit.

    Parameters
    ----------
    network, cost, limit, sources
        As for :func:`accessibility`.
    places : array_like
        (nodes,) or (kinds, nodes): over 0 where there is one.
    """
    values = _at_nodes(network, places, "places")
    rows = np.arange(network.nodes) if sources is None else np.atleast_1d(np.asarray(sources, np.int64))
    out = np.full((len(rows), len(values)), np.inf)
    price = check_cost(network, cost)
    in_blocks(_nearest, len(rows), rows, network.indptr, network.head, price, float(limit), values, out)
    return out[:, 0] if np.ndim(places) == 1 else out.T


def two_step_catchments(
    network: Network,
    cost: Any,
    supply: Any,
    demand: Any,
    limit: float,
    *,
    decay: str = "flat",
    scale: float | None = None,
    zones: Any = None,
) -> np.ndarray:
    """Return supply per head at each node by the two-step floating catchment area method (2SFCA, E2SFCA).

    First each place of supply is shared by all the people who reach it, then everybody adds up the shares of all the
    places reached. Costs run from people to places.

    Parameters
    ----------
    network, cost, limit, decay, scale, zones
        As for :func:`accessibility`; ``"zones"`` gives the enhanced form.
    supply, demand : array_like
        (nodes,) capacity of places, and people.

    Returns
    -------
    numpy.ndarray
        (nodes,); supply that nobody reaches is given to nobody.
    """
    places, people = _at_nodes(network, supply, "supply")[0], _at_nodes(network, demand, "demand")
    kind, length, bounds, weights = _decay(decay, float(limit), scale, zones)
    price = check_cost(network, cost)
    sites = np.flatnonzero(places > 0)
    back, before, arc = network.reverse
    crowd = np.empty((len(sites), 1))
    tail = (float(limit), width_of(price, limit), kind, length, bounds, weights)
    in_blocks(_sums, len(sites), sites, back, before, price[arc], *tail, people, crowd)
    share = np.zeros((1, network.nodes))
    used = crowd[:, 0] > 0
    share[0, sites[used]] = places[sites[used]] / crowd[used, 0]
    out = np.empty((network.nodes, 1))
    everybody = np.arange(network.nodes)
    in_blocks(_sums, network.nodes, everybody, network.indptr, network.head, price, *tail, share, out)
    return out[:, 0]


def nearby_shares(
    network: Network,
    seconds: Any,
    places: Mapping[str, Any],
    people: Any,
    *,
    minutes: float = 15.0,
    needed: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return which share of the people reaches each kind of place within so many minutes (15-minute city).

    Parameters
    ----------
    network : Network
        Streets.
    seconds : array_like
        Walking time of each arc [s].
    places : mapping
        Kind to (nodes,) count of places.
    people : array_like
        (nodes,) residents.
    minutes : float
        Time allowed.
    needed : sequence of str, optional
        Kinds that count for "all of them"; all by default.

    Returns
    -------
    tuple
        Table ``kind``, ``people``, ``share`` with a last row ``all``; and per node the share of needed kinds reached.
    """
    residents = _at_nodes(network, people, "people")[0]
    if not places:
        raise InputError("places is empty: give at least one kind of place.")
    kinds = list(places)
    wanted = kinds if needed is None else list(needed)
    if set(wanted) - set(kinds):
        raise InputError(
            f"There are no places of kind {sorted(set(wanted) - set(kinds))[0]!r}; there are {', '.join(kinds)}."
        )
    table = np.stack([_at_nodes(network, places[kind], f"places of kind {kind!r}")[0] for kind in kinds])
    reached = np.isfinite(nearest_cost(network, seconds, table, limit=60.0 * minutes))
    mine = reached[[kinds.index(kind) for kind in wanted]]
    total = residents.sum()
    rows = [(kind, float(residents[near].sum())) for kind, near in zip(kinds, reached, strict=True)]
    rows.append(("all", float(residents[mine.all(axis=0)].sum())))
    frame = pd.DataFrame(rows, columns=["kind", "people"])
    return frame.assign(share=frame["people"] / total if total > 0 else np.nan), mine.mean(axis=0)
