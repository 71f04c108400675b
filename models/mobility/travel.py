"""Distances and durations between the stops of a tour: on the street network, or as the crow flies with a detour factor.

On a network the quickest way counts; its length is added up along the same way. A stop beside a street is reached from the
nearest point of that street in a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np

from models.layers import InputError
from models.mobility.heap import clean, tree, workspace
from models.mobility.network import Network, check_cost
from models.mobility.street_stops import street_stops
from models.parallel import in_blocks

__all__ = ["Travel", "arc_seconds_at", "travel_matrices", "way_matrices"]


@dataclass(frozen=True)
class Travel:
    """Travel between the stops of tours, in the order depots, hydrants, trees.

    Parameters
    ----------
    distance : numpy.ndarray
        (stops, stops) [m], from row to column; ``inf`` where there is no way.
    duration : numpy.ndarray
        (stops, stops) [s].
    """

    distance: np.ndarray
    duration: np.ndarray

    def __post_init__(self) -> None:
        for name in ("distance", "duration"):
            array = getattr(self, name)
            if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape != self.distance.shape:
                raise InputError(
                    f"{name} must be a square matrix like the other one, not {array.shape} (distance: {self.distance.shape})."
                )
            if np.isnan(array).any() or (array < 0).any():
                raise InputError(f"{name} has missing or negative values: allowed is 0 or more, and inf for no way.")


@nb.njit(cache=True, nogil=True)
def _ways(start, stop, sources, targets, indptr, tail, head, cost, second, out, out_second):  # type: ignore[no-untyped-def]
    nodes = indptr.size - 1
    work = workspace(nodes)
    along = np.zeros(nodes)
    dist, arrived_by, order = work[0], work[1], work[2]
    for row in range(start, stop):
        count = tree(sources[row], np.inf, 0, indptr, head, cost, work)
        along[sources[row]] = 0.0
        for i in range(1, count):
            arc = arrived_by[order[i]]
            along[order[i]] = along[tail[arc]] + second[arc]
        for column in range(targets.size):
            node = targets[column]
            out[row, column] = dist[node]
            out_second[row, column] = along[node] if dist[node] < np.inf else np.inf
        clean(count, work)


def way_matrices(network: Network, cost: Any, second: Any, sources: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the least costs from sources to targets, and what a second quantity adds up to along the same ways.

    Parameters
    ----------
    network : Network
        Streets.
    cost, second : array_like
        Per arc; ``cost`` decides the way.
    sources, targets : array_like of int
        Node rows.

    Returns
    -------
    tuple of numpy.ndarray
        Two arrays (sources, targets), ``inf`` where there is no way.

    Examples
    --------
    >>> net = Network.from_edges([0, 1], [1, 2], [60.0, 40.0], xy=[[0, 0], [60, 0], [100, 0]])
    >>> minutes, metres = way_matrices(net, net.length / 80.0, net.length, [0], [2])
    >>> float(minutes[0, 0]), float(metres[0, 0])
    (1.25, 100.0)
    """
    first, other = check_cost(network, cost), check_cost(network, second, "second")
    rows, columns = np.asarray(sources, np.int64), np.asarray(targets, np.int64)
    out = np.empty((len(rows), len(columns)))
    out_second = np.empty_like(out)
    in_blocks(
        _ways,
        len(rows),
        rows,
        columns,
        network.indptr,
        network.tail,
        network.head,
        first,
        other,
        out,
        out_second,
        least=8,
    )
    return out, out_second


def arc_seconds_at(network: Network, speed: float) -> np.ndarray:
    """Return the travel time of each arc [s] at the speed allowed there, at most ``speed`` [km/h]."""
    allowed = np.nan_to_num(network.on_arcs(network.edges["speed"].to_numpy()), nan=np.inf)
    return np.asarray(network.length / (np.minimum(allowed, speed) / 3.6))


def travel_matrices(
    places: Any,
    *,
    network: Network | None = None,
    seconds: Any = None,
    speed: float = 25.0,
    detour: float = 1.3,
    within: float = 250.0,
) -> tuple[Travel, np.ndarray]:
    """Return the travel between places, and which of them lie too far off the network.

    Parameters
    ----------
    places : array_like
        (stops, 2) [m].
    network : Network, optional
        Streets; without one the straight distance times ``detour`` counts.
    seconds : array_like, optional
        Travel time of each arc [s]; by default its length at the speed allowed there, at most ``speed``.
    speed : float
        [km/h].
    detour : float
        Way over straight distance, at least 1; 1.3 is usual for town streets.
    within : float
        Farthest a place may lie from its street [m].
    """
    xy = np.asarray(places, dtype=np.float64).reshape(-1, 2)
    if not speed > 0 or not detour >= 1:
        raise InputError(f"speed must be over 0 km/h and detour at least 1, not {speed:g} and {detour:g}.")
    pace = speed / 3.6
    if network is None:
        straight = np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1]) * detour
        return Travel(straight, straight / pace), np.zeros(len(xy), bool)
    if seconds is None:
        seconds = arc_seconds_at(network, speed)
    stops = street_stops(network, xy, seconds, within=within)
    off = stops.node < 0
    duration, distance = _between(stops.network, stops.seconds, np.where(off, 0, stops.node))
    extra = stops.foot[:, None] + stops.foot[None, :]
    distance, duration = distance + extra, duration + extra / pace
    for matrix in (distance, duration):
        matrix[off, :] = np.inf
        matrix[:, off] = np.inf
        np.fill_diagonal(matrix, 0.0)
    return Travel(distance, duration), off


def _between(network: Network, seconds: Any, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    nodes, number = np.unique(at, return_inverse=True)
    duration, distance = way_matrices(network, seconds, network.length, nodes, nodes)
    pairs: Sequence[np.ndarray] = np.ix_(number, number)
    return duration[tuple(pairs)], distance[tuple(pairs)]
