"""Places beside streets as nodes of the network: each street is cut at the point nearest to a place.

A tour that stops at the nearest crossing instead would drive past its tree and walk back. Only streets count that can be
reached and left again; tunnels are left out, for nobody gets from a tunnel to the tree above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from models.mobility.network import Network, check_cost

__all__ = ["StreetStops", "street_stops"]

_AT_NODE = 0.5
"""A foot point so near to the end of a street [m] is that end."""


@dataclass(frozen=True, eq=False)
class StreetStops:
    """A network with a node for each place.

    Parameters
    ----------
    network : Network
        The streets, cut at the foot points of the places.
    seconds : numpy.ndarray
        Travel time of each of its arcs [s].
    node : numpy.ndarray
        Node of each place, -1 where no street is near.
    foot : numpy.ndarray
        From the place to that node in a straight line [m], 0 where there is none.
    """

    network: Network
    seconds: np.ndarray
    node: np.ndarray
    foot: np.ndarray


def street_stops(network: Network, places: Any, seconds: Any, *, within: float = 250.0) -> StreetStops:
    """Return the network with a node at the point of a street that is nearest to each place.

    Parameters
    ----------
    network : Network
        Streets.
    places : array_like
        (places, 2) [m].
    seconds : array_like
        Travel time of each arc [s], ``inf`` where it is closed.
    within : float
        Farthest a place may lie from its street [m].

    Examples
    --------
    >>> street = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    >>> stops = street_stops(street, [[40.0, 6.0]], street.length / 10.0)
    >>> stops.network.xy[stops.node[0]].tolist(), float(stops.foot[0]), stops.network.edges["length"].tolist()
    ([40.0, 0.0], 6.0, [40.0, 60.0])
    """
    xy = np.asarray(places, dtype=np.float64).reshape(-1, 2)
    cost = check_cost(network, seconds, "seconds")
    edge, share = _nearest_points(network, xy, cost, within)
    u, v, length = (network.edges[name].to_numpy() for name in ("u", "v", "length"))
    node = np.where(edge < 0, -1, np.where(share <= 0.0, u[edge], np.where(share >= 1.0, v[edge], -2)))
    inside = np.flatnonzero(node == -2)
    # one node for places that share a foot point
    cuts, number = np.unique(np.column_stack([edge[inside], share[inside]]), axis=0, return_inverse=True)
    node[inside] = network.nodes + number.ravel()
    if len(cuts):
        cut_network, old = _cut(network, cuts[:, 0].astype(np.int64), cuts[:, 1])
        arc = np.full((len(network.edges), 2), -1)
        arc[network.edge, network.forward.astype(int)] = np.arange(network.arcs)
        piece = cut_network.on_arcs(cut_network.edges["length"].to_numpy() / np.maximum(length[old], 1e-12))
        cost = cost[arc[old[cut_network.edge], cut_network.forward.astype(int)]] * piece
        network = cut_network
    foot = np.where(node < 0, 0.0, np.hypot(*(network.xy[node] - xy).T))
    return StreetStops(network, cost, node, foot)


def _nearest_points(network: Network, xy: np.ndarray, cost: np.ndarray, within: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest usable edge of each place (-1: none) and where on it, as a share of its length."""
    home = network.components(strong=True, cost=cost) == 0
    usable = np.bincount(network.edge[np.isfinite(cost)], minlength=len(network.edges)) > 0
    usable &= home[network.edges["u"].to_numpy()] & home[network.edges["v"].to_numpy()]
    usable &= ~network.edges["tunnel"].to_numpy(bool)
    rows = np.flatnonzero(usable)
    edge, share = np.full(len(xy), -1), np.zeros(len(xy))
    if not len(rows) or not len(xy):
        return edge, share
    start = network.line_start
    count = np.diff(start)[rows]
    points = np.concatenate([np.arange(start[e], start[e + 1]) for e in rows])
    lines = shapely.linestrings(network.line_xy[points], indices=np.repeat(np.arange(len(rows)), count))
    spots = shapely.points(xy)
    place, found = shapely.STRtree(lines).query_nearest(
        spots, max_distance=np.nextafter(within, np.inf), all_matches=False
    )
    edge[place] = rows[found]
    metres = shapely.length(lines[found])
    along = shapely.line_locate_point(lines[found], spots[place])
    at = np.where(along < _AT_NODE, 0.0, np.where(metres - along < _AT_NODE, 1.0, along / np.maximum(metres, 1e-12)))
    share[place] = at
    return edge, share


def _cut(network: Network, edge: np.ndarray, share: np.ndarray) -> tuple[Network, np.ndarray]:
    """Return the network cut at points in the order of (edge, share), a new node each, and the old row of each edge."""
    ends = {name: network.edges[name].to_numpy() for name in ("u", "v", "length")}
    whole = np.setdiff1d(np.arange(len(network.edges)), edge)
    u, v, length, old = [ends["u"][whole]], [ends["v"][whole]], [ends["length"][whole]], [whole]
    courses = [network.line(e) for e in whole]
    nodes = np.empty((len(edge), 2))
    first = np.flatnonzero(np.r_[True, np.diff(edge) > 0])
    for a, b in zip(first, np.r_[first[1:], len(edge)], strict=True):
        row = int(edge[a])
        pieces = _pieces(network.line(row), share[a:b])
        nodes[a:b] = [piece[-1] for piece in pieces[:-1]]
        chain = np.r_[ends["u"][row], network.nodes + np.arange(a, b), ends["v"][row]]
        u.append(chain[:-1])
        v.append(chain[1:])
        length.append(ends["length"][row] * np.diff(np.r_[0.0, share[a:b], 1.0]))
        old.append(np.full(b - a + 1, row))
        courses += pieces
    rows = np.concatenate(old)
    start = np.r_[0, np.cumsum([len(course) for course in courses])]
    table = network.edges.iloc[rows].drop(columns=["u", "v", "length"])
    made = Network.from_edges(
        np.concatenate(u), np.concatenate(v), np.concatenate(length), xy=np.vstack([network.xy, nodes]),
        attributes=table, lines=(np.concatenate(courses), start), report=network.report,
    )  # fmt: skip
    return made, rows


def _pieces(course: np.ndarray, share: np.ndarray) -> list[np.ndarray]:
    """Return a course cut at shares of its length, each piece with both its ends."""
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(course, axis=0).T))]
    at = share * along[-1]
    cut = np.column_stack([np.interp(at, along, course[:, k]) for k in (0, 1)])
    edges = np.r_[-np.inf, at, np.inf]
    points = [course[:1], *cut[:, None], course[-1:]]
    return [
        np.concatenate(
            [points[k], course[1:-1][(along[1:-1] > edges[k]) & (along[1:-1] < edges[k + 1])], points[k + 1]]
        )
        for k in range(len(share) + 1)
    ]
