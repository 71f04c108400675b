"""From the quickest to the coolest way: all routes of which none is better in both minutes and heat.

An exact search with two costs (label setting; Martins 1984, doi:10.1016/0377-2217(84)90077-8). Labels that cannot reach
the target within the detour allowed, or that another label at the same node betters in both, are dropped. Costs stand
still on the way (those of the hour of departure).
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import pandas as pd

from models.layers import InputError
from models.mobility.network import Network, check_cost
from models.mobility.routing import Route, graph, shortest_path

__all__ = ["access_loss", "cool_route", "route_choices"]


@nb.njit(cache=True, nogil=True)
def _labels(source, target, indptr, head, time, dose, time_left, dose_left, longest, room):  # type: ignore[no-untyped-def]
    """Return (count, labels at the target, node, arc, parent, time, dose); count -1 where the room was too small."""
    node = np.empty(room, np.int32)
    arc = np.empty(room, np.int32)
    parent = np.empty(room, np.int32)
    t, d = np.empty(room), np.empty(room)
    heap = np.empty(room, np.int32)
    lowest = np.full(indptr.size - 1, np.inf)  # least dose of the labels settled at a node: they come in order of time
    found = np.empty(room, np.int32)
    node[0], arc[0], parent[0], t[0], d[0] = source, -1, -1, 0.0, 0.0
    heap[0] = 0
    size, count, hits = 1, 1, 0
    while size > 0:
        top = heap[0]
        size -= 1
        last, i = heap[size], 0
        while 2 * i + 1 < size:
            child = 2 * i + 1
            a, b = heap[child], heap[min(child + 1, size - 1)]
            if t[b] + time_left[node[b]] < t[a] + time_left[node[a]] or (
                t[b] + time_left[node[b]] == t[a] + time_left[node[a]]
                and d[b] + dose_left[node[b]] < d[a] + dose_left[node[a]]
            ):
                child += 1
                a = b
            ka, kl = t[a] + time_left[node[a]], t[last] + time_left[node[last]]
            if ka > kl or (ka == kl and d[a] + dose_left[node[a]] >= d[last] + dose_left[node[last]]):
                break
            heap[i] = a
            i = child
        heap[i] = last
        at = node[top]
        if d[top] >= lowest[at] or d[top] + dose_left[at] >= lowest[target]:
            continue
        lowest[at] = d[top]
        if at == target:
            found[hits] = top
            hits += 1
            continue
        for j in range(indptr[at], indptr[at + 1]):
            there = head[j]
            nt, nd = t[top] + time[j], d[top] + dose[j]
            if not (nt + time_left[there] <= longest) or nd >= lowest[there] or nd + dose_left[there] >= lowest[target]:
                continue
            if count == room:
                return -1, found[:0], node, arc, parent, t, d
            node[count], arc[count], parent[count], t[count], d[count] = there, j, top, nt, nd
            i = size
            size += 1
            key, key_d = nt + time_left[there], nd + dose_left[there]
            while i > 0:
                p = (i - 1) >> 1
                other = heap[p]
                ko = t[other] + time_left[node[other]]
                if ko < key or (ko == key and d[other] + dose_left[node[other]] <= key_d):
                    break
                heap[i] = other
                i = p
            heap[i] = count
            count += 1
    return count, found[:hits], node, arc, parent, t, d


def _left(network: Network, cost: np.ndarray, target: int) -> np.ndarray:
    """Return the least cost from each node to the target."""
    from scipy.sparse.csgraph import dijkstra

    return np.asarray(dijkstra(graph(network, cost)[0].T.tocsr(), indices=target))


def route_choices(
    network: Network, seconds: Any, dose: Any, source: int, target: int, *, detour: float = 1.5, most: int = 2_000_000
) -> pd.DataFrame:
    """Return all routes of which none other is both quicker and cooler, from the quickest to the coolest.

    Parameters
    ----------
    network : Network
        Streets.
    seconds : array_like
        Walking time of each arc [s].
    dose : array_like
        Heat gathered on each arc, for example ``heat_dose_rate(utci) * seconds / 60`` [degC min].
    source, target : int
        Node rows.
    detour : float
        Longest time, in times of the quickest.
    most : int
        Labels kept at most.

    Returns
    -------
    pandas.DataFrame
        ``seconds``, ``dose``, ``more_minutes`` and ``less_dose`` (share) against the quickest, ``arcs``. Empty where
        there is no way.

    Raises
    ------
    InputError
        If there are more choices than ``most`` labels hold: allow less detour.

    Examples
    --------
    >>> net = Network.from_edges([0, 0, 1], [1, 2, 2], [50.0, 80.0, 50.0], xy=[[0, 0], [50, 9], [100, 0]])
    >>> heat = np.where(net.edge == 1, 160.0, 10.0)
    >>> route_choices(net, net.length, heat, 0, 2)[["seconds", "dose"]].to_numpy().tolist()
    [[80.0, 160.0], [100.0, 20.0]]
    """
    time, heat = check_cost(network, seconds, "seconds"), check_cost(network, dose, "dose")
    closed = ~np.isfinite(heat)
    time = np.where(closed, np.inf, time)
    quickest = shortest_path(network, time, source, target)
    columns = ["seconds", "dose", "more_minutes", "less_dose", "arcs"]
    if not quickest.reachable:
        return pd.DataFrame(columns=columns)
    if not detour >= 1:
        raise InputError(f"detour must be at least 1, not {detour:g}.")
    left = _left(network, time, target), _left(network, heat, target)
    room = 1 << 16
    while True:
        longest = detour * quickest.cost * (1 + 1e-12)
        count, found, _, arc, parent, t, d = _labels(
            source, target, network.indptr, network.head, time, heat, *left, longest, min(room, most)
        )
        if count >= 0:
            break
        if room >= most:
            raise InputError(f"There are more than {most} choices to compare: allow less detour than {detour:g}.")
        room *= 4
    rows = []
    for label in found:
        chain, at = [], int(label)
        while parent[at] >= 0:
            chain.append(int(arc[at]))
            at = int(parent[at])
        rows.append((float(t[label]), float(d[label]), np.array(chain[::-1], dtype=np.int64)))
    table = pd.DataFrame(rows, columns=["seconds", "dose", "arcs"])
    first = table["dose"].iloc[0]
    more = (table["seconds"] - table["seconds"].iloc[0]) / 60.0
    less = 1.0 - table["dose"] / first if first > 0 else np.zeros(len(table))
    return table.assign(more_minutes=more, less_dose=less)[columns]


def cool_route(
    network: Network, seconds: Any, dose: Any, source: int, target: int, *, minutes_per_dose: float
) -> Route:
    """Return the one way that suits a slider from quick to cool: least ``seconds + 60 minutes_per_dose dose``.

    Parameters
    ----------
    network, seconds, dose, source, target
        As for :func:`route_choices`.
    minutes_per_dose : float
        Minutes of detour accepted to be spared one unit of dose; 0 is the quickest way.

    Returns
    -------
    Route
        Its ``cost`` is the weighted one; add up ``seconds[route.arcs]`` and ``dose[route.arcs]`` for the parts.
    """
    if not minutes_per_dose >= 0:
        raise InputError(f"minutes_per_dose must be at least 0, not {minutes_per_dose:g}.")
    time, heat = check_cost(network, seconds, "seconds"), check_cost(network, dose, "dose")
    return shortest_path(network, time + 60.0 * minutes_per_dose * heat, source, target)


def access_loss(
    network: Network, seconds: Any, weighted: Any, places: Any, limit: float, *, sources: Any
) -> pd.DataFrame:
    """Return what the heat takes from those who start at some nodes (schools, care homes): places within reach.

    Parameters
    ----------
    network : Network
        Streets.
    seconds, weighted : array_like
        Walking time of each arc, and the same weighted by heat (``walking.heat_weighted``).
    places : array_like
        (nodes,) count of places.
    limit : float
        [s].
    sources : array_like of int
        Node rows of the facilities.

    Returns
    -------
    pandas.DataFrame
        ``node``, ``cool`` and ``hot`` (places reached), ``loss`` (share lost, NaN where nothing is reached anyway).
    """
    from models.mobility.access import accessibility

    rows = np.atleast_1d(np.asarray(sources, np.int64))
    cool, hot = (accessibility(network, cost, places, limit, sources=rows) for cost in (seconds, weighted))
    loss = np.divide(cool - hot, cool, out=np.full(len(rows), np.nan), where=cool > 0)
    return pd.DataFrame({"node": rows, "cool": cool, "hot": hot, "loss": loss})
