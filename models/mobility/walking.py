"""Walking in the heat: time by slope, heat on the way, and what heat costs in walkers' choices.

Models of choice, each with its source: shade counts as a shorter way (Melnikov et al. 2022,
doi:10.1038/s41598-022-06383-3), sun as a longer one (CoolWalks, Wolf et al. 2025, doi:10.1038/s41598-025-97200-2), a
degree of mean UTCI as 81 m (Basu et al. 2024, as reported: a scale for whole routes, not a rule for single streets).
A *heat dose* is degrees of UTCI above a limit times minutes [degC min].
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from models.layers import InputError, read_table
from models.mobility.heap import clean, tree, workspace
from models.mobility.network import Network, check_cost
from models.mobility.routing import distances
from models.parallel import in_blocks

__all__ = [
    "basu_length",
    "coolwalkability",
    "felt_length",
    "heat_dose_rate",
    "heat_weighted",
    "shade_demand",
    "tobler_speed",
    "walking_seconds",
]

COMFORT_LIMIT = 26.0
"""UTCI [degC] above which heat stress is moderate."""

STRONG_LIMIT = 32.0
"""UTCI [degC] above which heat stress is strong."""

BASU_METRES = 81.0
"""Detour [m] that walkers take for one degree less of UTCI on the way."""

MELNIKOV_SHADE = 0.86
"""A metre in shade counts as so many metres in the sun."""


def tobler_speed(slope: Any) -> np.ndarray:
    """Return walking speed on a slope [km/h] (Tobler 1993): ``6 exp(-3.5 |S + 0.05|)``.

    Parameters
    ----------
    slope : array_like
        Rise over length in the direction of walking; falling is negative.

    Examples
    --------
    >>> tobler_speed([0.0, -0.05, 0.18]).round(2).tolist()
    [5.04, 6.0, 2.68]
    """
    return np.asarray(6.0 * np.exp(-3.5 * np.abs(np.asarray(slope, dtype=float) + 0.05)))


def walking_seconds(network: Network, *, walker: str = "adult", speed: float | None = None) -> np.ndarray:
    """Return the walking time of each arc [s]: length over the walker's speed, changed by slope as Tobler says.

    Edges without a known slope count as level (the report of the network tells how many).

    Parameters
    ----------
    network : Network
        Streets.
    walker : str
        ``"adult"``, ``"child"``, ``"older"``, ``"walker"`` or ``"wheelchair"`` (table ``walkers.csv``).
    speed : float, optional
        [m/s] on level ground instead.
    """
    speeds = {row["name"]: float(row["speed"]) for row in read_table("models.mobility", "walkers.csv")}
    if speed is None:
        if walker not in speeds:
            raise InputError(f"walker must be one of {', '.join(speeds)}, not {walker!r}.")
        speed = speeds[walker]
    if not speed > 0:
        raise InputError(f"speed must be over 0 m/s, not {speed:g}.")
    share = tobler_speed(np.nan_to_num(network.slope, nan=0.0)) / tobler_speed(0.0)
    return np.asarray(network.length / (speed * share))


def felt_length(length: Any, sunlit: Any, *, alpha: float | None = None) -> np.ndarray:
    """Return how long a street feels [m]: ``l_shade + alpha l_sun``.

    Parameters
    ----------
    length : array_like
        [m].
    sunlit : array_like
        Share of it in the sun, 0 to 1.
    alpha : float, optional
        Sun avoidance, at least 1; without it shade counts 0.86 of sun (Melnikov), which is alpha 1.163 with a metre in
        the sun kept as a metre.
    """
    metres, share = np.asarray(length, dtype=float), np.asarray(sunlit, dtype=float)
    if not ((share >= 0) & (share <= 1)).all():
        raise InputError("sunlit must be a share of 0 to 1 without missing values.")
    if alpha is None:
        return metres * (share + MELNIKOV_SHADE * (1.0 - share))
    if not alpha >= 1:
        raise InputError(f"alpha must be at least 1, not {alpha:g}.")
    return metres * (1.0 - share + alpha * share)


def basu_length(length: Any, mean_utci: Any, reference: float = COMFORT_LIMIT) -> np.ndarray:
    """Return the length of whole routes with their mean UTCI counted as detour [m]: 81 m a degree over the reference."""
    return np.asarray(length, dtype=float) + BASU_METRES * (np.asarray(mean_utci, dtype=float) - reference)


def heat_dose_rate(utci: Any, limit: float = STRONG_LIMIT) -> np.ndarray:
    """Return what is gathered a minute [degC]: UTCI above the limit; missing UTCI stays missing."""
    value = np.asarray(utci, dtype=float)
    return np.where(np.isnan(value), np.nan, np.maximum(value - limit, 0.0))


def heat_weighted(seconds: Any, utci: Any, *, beta: float = 0.1, limit: float = COMFORT_LIMIT) -> np.ndarray:
    """Return walking times that heat makes longer: ``t (1 + beta max(0, UTCI - limit))``.

    With them an isochrone becomes an isocalor.

    Parameters
    ----------
    seconds : array_like
        (arcs,) or (time, arcs) [s].
    utci : array_like
        [degC], same shape.
    beta : float
        Share per degree, at least 0.
    limit : float
        [degC].
    """
    if not beta >= 0:
        raise InputError(f"beta must be at least 0, not {beta:g}.")
    return np.asarray(np.asarray(seconds, dtype=float) * (1.0 + beta * heat_dose_rate(utci, limit)))


def coolwalkability(network: Network, sunlit: Any, alpha: float, *, sources: Any = None) -> float:
    """Return the CoolWalkability of a network: how much of the relief that full shade would bring there is (0 to 1).

    ``C = sum(L(no shade) - L(shade)) / sum(L(no shade) - L(all shade))`` over least felt lengths of all pairs (Wolf et
    al. 2025). On a regular grid with equal shade per direction it does not depend on alpha.

    Parameters
    ----------
    network : Network
        Streets.
    sunlit : array_like
        (arcs,) share in the sun.
    alpha : float
        Sun avoidance, over 1.
    sources : array_like of int, optional
        Nodes to start from; all by default.
    """
    if not alpha > 1:
        raise InputError(f"alpha must be over 1, not {alpha:g}.")
    rows = np.arange(network.nodes) if sources is None else sources
    there, bare, full = (
        distances(network, felt_length(network.length, np.broadcast_to(share, network.length.shape), alpha=alpha), rows)
        for share in (np.asarray(sunlit, dtype=float), 1.0, 0.0)
    )
    joined = np.isfinite(bare)
    return float((bare - there)[joined].sum() / (bare - full)[joined].sum())


@nb.njit(cache=True, nogil=True)
def _walkers(start, stop, sources, people, places, limit, scale, indptr, tail, head, cost, walked):  # type: ignore[no-untyped-def]
    """Send the people of each source to the places it reaches, nearer ones more; add them up on the arcs used."""
    work = workspace(indptr.size - 1)
    flow = np.zeros(indptr.size - 1)
    dist, arrived_by, order = work[0], work[1], work[2]
    for row in range(start, stop):
        source = sources[row]
        count = tree(source, limit, 0, indptr, head, cost, work)
        total = 0.0
        for i in range(count):
            if places[order[i]] > 0.0:
                flow[order[i]] = places[order[i]] * np.exp(-dist[order[i]] / scale)
                total += flow[order[i]]
        for i in range(count - 1, 0, -1):
            node = order[i]
            if flow[node] > 0.0:
                arc = arrived_by[node]
                walked[arc] += people[source] * flow[node] / total
                flow[tail[arc]] += flow[node]
        for i in range(count):
            flow[order[i]] = 0.0
        clean(count, work)


def shade_demand(
    network: Network,
    seconds: Any,
    people: Any,
    places: Any,
    dose_rate: Any,
    *,
    minutes: float = 15.0,
    scale: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many walk along each edge, and how much heat they gather there: where a tree would serve most.

    People of each node walk the quickest way to the places within reach, nearer ones more often (exponential).

    Parameters
    ----------
    network : Network
        Streets.
    seconds : array_like
        Walking time of each arc [s].
    people, places : array_like
        (nodes,) who starts, and what draws them.
    dose_rate : array_like
        (edges,) heat gathered a minute [degC], see :func:`heat_dose_rate`; missing counts as nothing.
    minutes : float
        Longest way.
    scale : float, optional
        Minutes after which a place draws 1/e as much; a third of the longest way by default.

    Returns
    -------
    tuple of numpy.ndarray
        ``walkers`` (edges,) and ``dose`` (edges,) [person degC min].
    """
    price = check_cost(network, seconds)
    start, draw = np.asarray(people, dtype=float), np.asarray(places, dtype=float)
    if (
        start.shape != (network.nodes,)
        or draw.shape != (network.nodes,)
        or not (start >= 0).all()
        or not (draw >= 0).all()
    ):
        raise InputError(f"people and places must be {network.nodes} values of at least 0, one a node.")
    sources = np.flatnonzero(start > 0)
    decay = 60.0 * (minutes / 3 if scale is None else scale)

    def block(first: int, last: int) -> np.ndarray:
        walked = np.zeros(network.arcs)
        _walkers(
            first,
            last,
            sources,
            start,
            draw,
            60.0 * minutes,
            decay,
            network.indptr,
            network.tail,
            network.head,
            price,
            walked,
        )
        return walked

    walked = np.sum(in_blocks(block, len(sources)), axis=0)
    edges = np.bincount(network.edge, walked, len(network.edges))
    stay = np.bincount(network.edge, np.where(walked > 0, walked * price, 0.0), len(network.edges)) / 60.0
    return edges, stay * np.nan_to_num(np.asarray(dose_rate, dtype=float), nan=0.0)
