"""What is reached within a time: the streets cut exactly where the time is up, and the area beside them.

Each street is followed from both ends as far as the time lasts; the reached pieces are buffered and united. A hull
around reached nodes would promise more than can be walked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely

from models.layers import InputError
from models.mobility.network import Network, check_cost
from models.mobility.routing import distances

__all__ = ["isochrones", "reached_lines"]


def reached_lines(network: Network, cost: Any, at_node: Any, limit: float) -> np.ndarray:
    """Return the pieces of street reached within the limit, as shapely lines.

    Parameters
    ----------
    network : Network
        Streets.
    cost : array_like
        Per arc; spread evenly over its length.
    at_node : array_like
        Cost at which each node is reached, ``inf`` where it is not.
    limit : float
        Largest cost.
    """
    values, reach = check_cost(network, cost), np.asarray(at_node, dtype=float)
    left = limit - reach[network.tail]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(left >= values, 1.0, np.where(left > 0, left / values, 0.0))
    share[~np.isfinite(values) | ~(left >= 0)] = 0.0
    ahead, back = np.zeros(len(network.edges)), np.zeros(len(network.edges))
    np.maximum.at(ahead, network.edge[network.forward], share[network.forward])
    np.maximum.at(back, network.edge[~network.forward], share[~network.forward])
    pieces: list[Any] = []
    whole = np.flatnonzero(ahead + back >= 1.0)
    pieces += [shapely.LineString(network.line(int(edge))) for edge in whole]
    for edge in np.flatnonzero((ahead + back < 1.0) & (ahead + back > 0.0)):
        course = shapely.LineString(network.line(int(edge)))
        pieces += [_part(course, 0.0, ahead[edge])] if ahead[edge] > 0 else []
        pieces += [_part(course, 1.0 - back[edge], 1.0)] if back[edge] > 0 else []
    return np.array(pieces, dtype=object)


def _part(course: Any, begin: float, end: float) -> Any:
    from shapely.ops import substring

    return substring(course, begin, end, normalized=True)


def isochrones(
    network: Network, cost: Any, sources: Any, limits: Sequence[float], *, beside: float = 25.0
) -> pd.DataFrame:
    """Return the areas reached from the nearest of the sources within each limit.

    With costs weighted by heat these are isocalors: what is reached without more than so much heat.

    Parameters
    ----------
    network : Network
        Streets.
    cost : array_like
        Per arc, for example seconds.
    sources : int or array_like of int
        Node rows.
    limits : sequence of float
        Rising or not, at least 0, in the unit of ``cost``.
    beside : float
        How far to either side of a street [m] counts as reached.

    Returns
    -------
    pandas.DataFrame
        ``limit``, ``length`` [m of street], ``area`` [m2], ``nodes`` and ``geometry`` (shapely), largest limit last.

    Examples
    --------
    >>> net = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    >>> table = isochrones(net, net.length, 0, [40.0], beside=10.0)
    >>> float(table["length"][0]), table["geometry"][0].bounds
    (40.0, (-10.0, -10.0, 50.0, 10.0))
    """
    wanted = sorted(float(limit) for limit in np.atleast_1d(limits))
    if not wanted or not wanted[0] >= 0 or not np.isfinite(wanted[-1]) or not beside > 0:
        raise InputError("limits must be at least one finite number of 0 or more, and beside over 0 m.")
    reach = distances(network, cost, sources, limit=wanted[-1]).min(axis=0)
    rows = []
    for limit in wanted:
        lines = reached_lines(network, cost, reach, limit)
        start = shapely.points(network.xy[np.flatnonzero(reach == 0.0)])
        area = shapely.union_all(shapely.buffer(np.concatenate([lines, start]), beside, quad_segs=8))
        rows.append((limit, float(shapely.length(lines).sum()), float(area.area), int((reach <= limit).sum()), area))
    return pd.DataFrame(rows, columns=["limit", "length", "area", "nodes", "geometry"])
