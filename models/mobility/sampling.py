"""From rasters to edges: what a street meets along its course (UTCI, sun, depth of water), weighted by length.

The places of the samples are found once; each hour is then one pass over them. Cells without a value (NaN, outside the
raster) do not count, and their share is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np

from models.layers import InputError
from models.mobility.network import Network
from models.parallel import in_blocks

__all__ = ["EdgeSamples", "EdgeValues", "cooler_side", "edge_samples", "on_edges"]


@dataclass(frozen=True)
class EdgeSamples:
    """Places at which rasters of one grid are read along the edges.

    Parameters
    ----------
    cell : numpy.ndarray
        int32 (samples,): flat index of the raster cell, -1 outside.
    start : numpy.ndarray
        int64 (edges + 1,): samples of edge e are ``start[e]:start[e + 1]``, evenly spaced.
    shape : tuple of int
        Rows and columns of the grid.
    """

    cell: np.ndarray
    start: np.ndarray
    shape: tuple[int, int]


@dataclass(frozen=True)
class EdgeValues:
    """Raster values on edges: ``mean``, ``largest`` and the share without a value (``missing``), each (time, edges)."""

    mean: np.ndarray
    largest: np.ndarray
    missing: np.ndarray


def edge_samples(network: Network, x: Any, y: Any, *, step: float | None = None, beside: Any = 0.0) -> EdgeSamples:
    """Return the places of samples along all edges.

    Parameters
    ----------
    network : Network
        Streets.
    x, y : array_like
        Cell centres [m], even steps, x rising, y falling (row 0 is north).
    step : float, optional
        Largest distance between samples [m]; the cell size by default.
    beside : float or array_like
        How far to the right of the edge's course [m], one for all or one an edge; negative is left. For pavements.

    Returns
    -------
    EdgeSamples
        For :func:`on_edges`.
    """
    columns, rows = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(columns) < 2 or len(rows) < 2 or columns[1] <= columns[0] or rows[1] >= rows[0]:
        raise InputError(
            "x must rise and y must fall, with at least 2 cells each: row 0 of the raster is its north edge."
        )
    size = (columns[-1] - columns[0]) / (len(columns) - 1)
    gap = size if step is None else float(step)
    if not gap > 0:
        raise InputError(f"step must be over 0 m, not {gap:g}.")
    along = (
        np.r_[0.0, np.cumsum(np.hypot(*np.diff(network.line_xy, axis=0).T))] if len(network.line_xy) else np.zeros(1)
    )
    begin, end = along[network.line_start[:-1]], along[network.line_start[1:] - 1]
    count = np.maximum(1, np.ceil((end - begin) / gap)).astype(np.int64)
    start = np.r_[0, np.cumsum(count)]
    edge = np.repeat(np.arange(len(count)), count)
    share = (np.arange(start[-1]) - start[edge] + 0.5) / count[edge]
    place = begin[edge] + share * (end - begin)[edge]
    last = network.line_start[edge + 1] - 2
    segment = np.clip(np.searchsorted(along, place[edge >= 0], side="right") - 1, network.line_start[edge], last)
    a, b = network.line_xy[segment], network.line_xy[segment + 1]
    long = np.maximum(along[segment + 1] - along[segment], 1e-12)
    direction = (b - a) / long[:, None]
    off = np.broadcast_to(np.asarray(beside, dtype=float), (len(count),))[edge]
    point = (
        a
        + direction * (place - along[segment])[:, None]
        + np.column_stack([direction[:, 1], -direction[:, 0]]) * off[:, None]
    )
    column = np.rint((point[:, 0] - columns[0]) / size).astype(np.int64)
    row = np.rint((rows[0] - point[:, 1]) / size).astype(np.int64)
    inside = (column >= 0) & (column < len(columns)) & (row >= 0) & (row < len(rows))
    cell = np.where(inside, row * len(columns) + column, -1).astype(np.int32)
    return EdgeSamples(cell, start, (len(rows), len(columns)))


@nb.njit(cache=True, nogil=True)
def _read(begin, end, cell, start, raster, mean, largest, missing):  # type: ignore[no-untyped-def]
    for t in range(raster.shape[0]):  # hour by hour: one raster stays in the cache
        for edge in range(begin, end):
            total, most, count = 0.0, -np.inf, 0
            for i in range(start[edge], start[edge + 1]):
                if cell[i] >= 0:
                    value = raster[t, cell[i]]
                    if value == value:
                        total += value
                        most = max(most, value)
                        count += 1
            samples = start[edge + 1] - start[edge]
            mean[t, edge] = total / count if count else np.nan
            largest[t, edge] = most if count else np.nan
            missing[t, edge] = 1.0 - count / samples


def on_edges(samples: EdgeSamples, raster: Any) -> EdgeValues:
    """Return mean, largest value and share of missing values of each edge.

    Parameters
    ----------
    samples : EdgeSamples
        Places on the grid of the raster.
    raster : array_like
        (y, x) or (time, y, x).

    Examples
    --------
    >>> net = Network.from_edges([0], [1], [2.0], xy=[[0.0, 0.0], [2.0, 0.0]])
    >>> places = edge_samples(net, [0.5, 1.5], [0.5, -0.5])
    >>> on_edges(places, [[20.0, 30.0], [40.0, 50.0]]).mean.tolist()
    [[25.0]]
    """
    values = np.asarray(raster)
    values = values[None] if values.ndim == 2 else values
    if values.shape[1:] != samples.shape:
        raise InputError(
            f"The raster has {values.shape[1:]} cells, but the samples are of a grid with {samples.shape}."
        )
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    edges = len(samples.start) - 1
    out = [np.empty((len(flat), edges), np.float32) for _ in range(3)]
    in_blocks(_read, edges, samples.cell, samples.start, flat, *out)
    return EdgeValues(*out)


def cooler_side(left: EdgeValues, right: EdgeValues) -> EdgeValues:
    """Return the values of the side with the lower mean, for streets with a pavement on both sides."""
    choose_left = np.isnan(right.mean) | (left.mean <= right.mean)
    return EdgeValues(
        *(np.where(choose_left, getattr(left, name), getattr(right, name)) for name in ("mean", "largest", "missing"))
    )
