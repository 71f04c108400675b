"""Ways whose durations change while one is under way: hour by hour, without overtaking (FIFO).

Durations stand still within each time slice. An edge is crossed at the speed of the slice one is in: what is left of it
at the end of a slice goes on at the speed of the next one (Sung et al. 2000, doi:10.1016/S0377-2217(99)00039-8), so
that who starts later never arrives earlier. A closed arc (``inf``) means waiting until it opens; a way that never opens
is ``inf``. What a way gathers (a heat dose) is added up along it by the same slices. Left out: waiting on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np

from models.layers import InputError
from models.mobility.heap import clean, pop, push, workspace
from models.mobility.network import Network, check_cost
from models.parallel import in_blocks

__all__ = ["HourlyCosts", "TimedRoute", "earliest_arrivals", "timed_route", "timed_routes"]


@dataclass(frozen=True)
class HourlyCosts:
    """Durations of all arcs in slices of time, for one or more classes (persons, vehicles).

    Parameters
    ----------
    start : numpy.ndarray
        Begin of each slice [s], rising; the last slice ends at ``end``.
    end : float
        End of the data [s].
    seconds : numpy.ndarray
        float32 or float64 (class, time, arcs) [s]; ``inf`` is closed.
    rate : numpy.ndarray, optional
        Same shape: what is gathered per second on an arc, for example degrees above a comfort limit.
    pace : numpy.ndarray
        (class,) least time per metre of straight line on any arc [s/m]; it leads searches to their target.
    """

    start: np.ndarray
    end: float
    seconds: np.ndarray
    rate: np.ndarray
    pace: np.ndarray

    @classmethod
    def of(cls, network: Network, start: Any, end: float, seconds: Any, rate: Any = None) -> HourlyCosts:
        """Check and return the costs; ``seconds`` may lack the class dimension.

        Raises
        ------
        InputError
            If times do not rise, shapes do not fit, or a duration is missing or negative.
        """
        times = np.asarray(start, dtype=np.float64)
        values = np.asarray(seconds, dtype=np.float64)
        values = values[None] if values.ndim == 2 else values
        if values.ndim != 3 or values.shape[1] != len(times):
            raise InputError(
                f"seconds must have the shape (class, {len(times)} times, {network.arcs} arcs), not {values.shape}."
            )
        if len(times) == 0 or (np.diff(np.r_[times, end]) <= 0).any():
            raise InputError("Times of the slices must rise, and the end must come after the last one.")
        for part in values:
            check_cost(network, part, "seconds", times=True)
        gather = np.zeros((1, 1, 1)) if rate is None else np.asarray(rate, dtype=np.float64)
        gather = gather[None] if gather.ndim == 2 else gather
        if rate is not None and gather.shape != values.shape:
            raise InputError(f"rate must have the shape of seconds, {values.shape}, not {gather.shape}.")
        if np.isnan(gather).any():
            raise InputError("rate has missing values: give 0 where nothing is gathered, or close the arc.")
        straight = np.hypot(*(network.xy[network.head] - network.xy[network.tail]).T)
        long = straight > 0
        with np.errstate(invalid="ignore"):
            least = [float((part.min(axis=0)[long] / straight[long]).min(initial=np.inf)) for part in values]
        pace = np.where(np.isfinite(least), least, 0.0) * (1.0 - 1e-9)
        return cls(times, float(end), np.ascontiguousarray(values), np.ascontiguousarray(gather), pace)


@dataclass(frozen=True)
class TimedRoute:
    """A way with its times: ``arcs``, ``departure``, ``arrival`` [s], and the ``dose`` gathered."""

    arcs: np.ndarray
    departure: float
    arrival: float
    dose: float
    past_end: bool

    @property
    def reachable(self) -> bool:
        """Whether there is a way."""
        return bool(np.isfinite(self.arrival))


@nb.njit(cache=True, nogil=True)
def _cross(arc, now, k, start, seconds, rate):  # type: ignore[no-untyped-def]
    """Return when the far end of an arc entered in slice k is reached, and the dose; the last slice goes on for ever."""
    left, dose = 1.0, 0.0
    while True:
        whole = seconds[k, arc]
        gather = rate[k, arc] if rate.shape[1] > 1 else 0.0
        last = k + 1 == start.size
        if last and whole == np.inf:
            return np.inf, dose
        need = left * whole if whole < np.inf else np.inf
        if last or now + need <= start[k + 1]:
            return now + need, dose + need * gather
        stay = start[k + 1] - now
        if whole < np.inf:
            left -= stay / whole
            dose += stay * gather
        now = start[k + 1]
        k += 1


@nb.njit(cache=True, nogil=True)
def _search(source, target, departure, limit, indptr, head, xy, pace, start, seconds, rate, dose, work):  # type: ignore[no-untyped-def]
    """Settle nodes in order of arrival plus the least time still needed in a straight line (none without target)."""
    dist, arrived_by, order, keys, items, place = work
    dist[source] = departure
    arrived_by[source] = -1
    dose[source] = 0.0
    size = push(source, departure, keys, items, place, 0)
    count = 0
    while size > 0:
        node = items[0]
        now = dist[node]
        size = pop(keys, items, place, size)
        order[count] = node
        count += 1
        if node == target:
            break
        k = np.searchsorted(start, now, side="right") - 1
        for arc in range(indptr[node], indptr[node + 1]):
            there = head[arc]
            if place[there] == -2:
                continue
            reach, gathered = _cross(arc, now, k, start, seconds, rate)
            if reach < dist[there] and reach <= limit:
                dist[there] = reach
                arrived_by[there] = arc
                dose[there] = dose[node] + gathered
                left = 0.0
                if target >= 0:
                    left = pace * np.hypot(xy[there, 0] - xy[target, 0], xy[there, 1] - xy[target, 1])
                size = push(there, reach + left, keys, items, place, size)
    for i in range(size):  # nodes seen but not settled: to be cleaned as well
        order[count] = items[i]
        count += 1
    return count


@nb.njit(cache=True, nogil=True)
def _arrivals(first, last, sources, kinds, departures, limits, indptr, head, xy, start, seconds, rate, out, out_dose):  # type: ignore[no-untyped-def]
    nodes = indptr.size - 1
    work = workspace(nodes)
    dose = np.zeros(nodes)
    for row in range(first, last):
        kind = kinds[row]
        slice_rate = rate[min(kind, rate.shape[0] - 1)]
        count = _search(
            sources[row],
            -1,
            departures[row],
            limits[row],
            indptr,
            head,
            xy,
            0.0,
            start,
            seconds[kind],
            slice_rate,
            dose,
            work,
        )
        for i in range(count):
            node = work[2][i]
            out[row, node] = work[0][node]
            out_dose[row, node] = dose[node]
        clean(count, work)


@nb.njit(cache=True, nogil=True)
def _routes(  # type: ignore[no-untyped-def]
    first, last, pairs, departures, limits, indptr, tail, head, xy, paces, start, seconds, rate, out, used, chain
):
    """Write arrival and dose of each pair; with ``used`` (a buffer) also the arcs of the way, backwards."""
    nodes = indptr.size - 1
    work = workspace(nodes)
    dose = np.zeros(nodes)
    for row in range(first, last):
        source, target, kind = pairs[row, 0], pairs[row, 1], pairs[row, 2]
        slice_rate = rate[min(kind, rate.shape[0] - 1)]
        count = _search(
            source,
            target,
            departures[row],
            limits[row],
            indptr,
            head,
            xy,
            paces[kind],
            start,
            seconds[kind],
            slice_rate,
            dose,
            work,
        )
        out[row, 0] = work[0][target]
        out[row, 1] = dose[target]
        steps = 0
        if work[0][target] < np.inf:
            node = target
            while node != source:
                arc = work[1][node]
                if steps < chain.shape[1]:
                    chain[row, steps] = arc
                steps += 1
                node = tail[arc]
        used[row] = steps
        clean(count, work)


def _departures(costs: HourlyCosts, departure: Any, count: int) -> np.ndarray:
    times = np.broadcast_to(np.asarray(departure, dtype=np.float64), (count,)).copy()
    outside = ~((times >= costs.start[0]) & (times < costs.end))
    if outside.any():
        raise InputError(
            f"A departure at {times[outside][0]:g} s lies outside the hours of the data, {costs.start[0]:g} to "
            f"{costs.end:g} s: choose a departure within them, or run the model for more hours."
        )
    return times


def earliest_arrivals(
    network: Network, costs: HourlyCosts, sources: Any, departure: Any, *, kind: Any = 0, within: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Return when each node is reached first from each source [s], and the dose gathered on that way.

    Parameters
    ----------
    network : Network
        Streets.
    costs : HourlyCosts
        Durations by slice and class.
    sources : array_like of int
        Node rows.
    departure : float or array_like
        [s], within the hours of the data.
    kind : int or array_like of int
        Class of each search.
    within : float
        Longest duration searched [s].

    Returns
    -------
    tuple of numpy.ndarray
        Arrival (sources, nodes), ``inf`` where not reached, and dose.
    """
    rows = np.atleast_1d(np.asarray(sources, np.int64))
    times = _departures(costs, departure, len(rows))
    kinds = np.broadcast_to(np.asarray(kind, np.int64), rows.shape).copy()
    out, dose = np.full((len(rows), network.nodes), np.inf), np.zeros((len(rows), network.nodes))
    in_blocks(
        _arrivals, len(rows), rows, kinds, times, times + within, network.indptr, network.head, network.xy,
        costs.start, costs.seconds, costs.rate, out, dose, least=4,
    )  # fmt: skip
    return out, dose


def timed_routes(
    network: Network, costs: HourlyCosts, pairs: Any, departure: Any, *, kind: Any = 0, within: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Return arrival [s] and dose of many routes at once; ``inf`` where there is no way.

    Parameters
    ----------
    network, costs, within
        As for :func:`earliest_arrivals`.
    pairs : array_like of int
        (routes, 2): source and target nodes.
    departure, kind
        One for all, or one a route.
    """
    return _run_routes(network, costs, pairs, departure, kind, within, 0)[:2]


def timed_route(
    network: Network, costs: HourlyCosts, source: int, target: int, departure: float, *, kind: int = 0
) -> TimedRoute:
    """Return the quickest way from source to target that leaves at ``departure`` [s].

    Examples
    --------
    >>> net = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    >>> costs = HourlyCosts.of(net, [0.0, 60.0], 3600.0, [[100.0, 100.0], [50.0, 50.0]])
    >>> timed_route(net, costs, 0, 1, 0.0).arrival  # 60 s for six tenths, the rest at twice the speed
    80.0
    """
    arrival, dose, chain, used = _run_routes(network, costs, [[source, target]], departure, kind, np.inf, network.nodes)
    arcs = chain[0, : used[0]][::-1].astype(np.int64)
    return TimedRoute(arcs, float(departure), float(arrival[0]), float(dose[0]), bool(arrival[0] > costs.end))


def _run_routes(
    network: Network, costs: HourlyCosts, pairs: Any, departure: Any, kind: Any, within: float, keep: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    ends = np.asarray(pairs, np.int64).reshape(-1, 2)
    if ends.size and (ends.min() < 0 or ends.max() >= network.nodes):
        raise InputError(f"Routes name node {ends.max()}, but there are only nodes 0 to {network.nodes - 1}.")
    times = _departures(costs, departure, len(ends))
    kinds = np.broadcast_to(np.asarray(kind, np.int64), (len(ends),))
    if len(ends) and (kinds.min() < 0 or kinds.max() >= len(costs.seconds)):
        raise InputError(f"kind must be 0 to {len(costs.seconds) - 1}, not {kinds.max()}.")
    rows = np.ascontiguousarray(np.column_stack([ends, kinds]))
    out, used = np.empty((len(ends), 2)), np.zeros(len(ends), np.int64)
    chain = np.zeros((len(ends), keep), np.int32)
    in_blocks(
        _routes, len(ends), rows, times, times + within, network.indptr, network.tail, network.head, network.xy, costs.pace,
        costs.start, costs.seconds, costs.rate, out, used, chain, least=16,
    )  # fmt: skip
    return out[:, 0], out[:, 1], chain, used
