"""Kernels that burn triangles and polygons into a grid: a cell belongs to what covers its centre.

Points are given in cell coordinates, ``u`` along columns and ``v`` along rows, with the centre of cell (row, column)
at ``v = row, u = column`` (:func:`to_cells`). A shape covers a centre when it lies between a left and a right edge on
its row, ``left <= column < right``, and an edge spans the rows ``low <= row < high``. An edge is always reckoned from
its end of lower ``v``, so two shapes that share it agree to the last bit: neighbours leave no hole and share no cell.
Left out: partial cover of cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from models.parallel import in_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.geobox import GeoBox

__all__ = ["NO_HEIGHT", "Spans", "burn_flat", "burn_planes", "lowest_under", "paint", "polygon_spans", "to_cells"]

NO_HEIGHT = np.float32(-np.inf)
"""Height of a cell that nothing covers."""


class Spans(NamedTuple):
    """Runs of cells that polygons cover: row, first column, column after the last, and the polygon."""

    polygon: np.ndarray
    row: np.ndarray
    first: np.ndarray
    stop: np.ndarray

    def cells(self) -> int:
        """Return how many cells the runs hold together."""
        return int((self.stop - self.first).sum())


def to_cells(xy: np.ndarray, box: GeoBox) -> np.ndarray:
    """Return points [m] as cell coordinates (n, 2) of a grid: column and row counted from the first cell's centre."""
    step, x0, y0 = float(box.affine.a), float(box.affine.c), float(box.affine.f)
    out = np.empty((len(xy), 2))
    out[:, 0] = (xy[:, 0] - x0) / step - 0.5
    out[:, 1] = (y0 - xy[:, 1]) / step - 0.5
    return out


@njit(cache=True, nogil=True, inline="always")
def _crossing(ua: float, va: float, ub: float, vb: float, row: float) -> float:
    """Return where an edge meets a row, reckoned from its end of lower v so that both its neighbours agree."""
    if va > vb:
        ua, va, ub, vb = ub, vb, ua, va
    return ua + (row - va) * ((ub - ua) / (vb - va))


@njit(cache=True, nogil=True)
def _row_ends(uv: np.ndarray, i: int, j: int, k: int, row: int) -> tuple[float, float]:
    """Return where a triangle begins and ends on a row."""
    left, right = np.inf, -np.inf
    for a, b in ((i, j), (j, k), (k, i)):
        if (uv[a, 1] <= row) != (uv[b, 1] <= row):
            u = _crossing(uv[a, 0], uv[a, 1], uv[b, 0], uv[b, 1], row)
            left, right = min(left, u), max(right, u)
    return left, right


@njit(cache=True, nogil=True)
def _burn_rows(
    start: int,
    stop: int,
    uv: np.ndarray,
    z: np.ndarray,
    corners: np.ndarray,
    owner: np.ndarray,
    height: np.ndarray,
    owners: np.ndarray,
) -> None:
    width = height.shape[1]
    for t in range(corners.shape[0]):
        i, j, k = corners[t, 0], corners[t, 1], corners[t, 2]
        v0, v1, v2 = uv[i, 1], uv[j, 1], uv[k, 1]
        first = max(start, np.ceil(max(min(v0, v1, v2), -1.0)))
        last = min(stop, np.ceil(min(max(v0, v1, v2), height.shape[0] + 1.0)))
        if first >= last:
            continue
        u0, z0 = uv[i, 0], z[i]
        du1, du2, dv1, dv2 = uv[j, 0] - u0, uv[k, 0] - u0, v1 - v0, v2 - v0
        det = du1 * dv2 - du2 * dv1
        if det == 0.0:
            continue
        dz1, dz2 = z[j] - z0, z[k] - z0
        along, down = (dz1 * dv2 - dz2 * dv1) / det, (du1 * dz2 - du2 * dz1) / det
        lowest, highest = min(z0, z[j], z[k]), max(z0, z[j], z[k])
        mine = owner[t]
        for row in range(int(first), int(last)):
            left, right = _row_ends(uv, i, j, k, row)
            begin = int(np.ceil(max(left, -1.0)))
            end = int(np.ceil(min(right, width + 1.0)))
            base = z0 + down * (row - v0)
            for column in range(max(begin, 0), min(end, width)):
                # a sliver's plane may shoot past its corners: no point of a triangle lies above or below them
                at = np.float32(min(max(base + along * (column - u0), lowest), highest))
                old = height[row, column]
                if at > old or (at == old and mine < owners[row, column]):
                    height[row, column] = at
                    owners[row, column] = mine


def burn_planes(
    uv: np.ndarray, z: np.ndarray, corners: np.ndarray, owner: np.ndarray, height: np.ndarray, owners: np.ndarray
) -> None:
    """Burn triangle planes into a grid, the highest one in each cell, in place and whatever their order.

    Parameters
    ----------
    uv : numpy.ndarray
        float64 (n, 2) cell coordinates of the points.
    z : numpy.ndarray
        float64 (n,) heights [m] of the points.
    corners : numpy.ndarray
        int64 (t, 3) points of each triangle.
    owner : numpy.ndarray
        int32 (t,) number of what each triangle belongs to, from 1; of two at one height the smaller number wins.
    height : numpy.ndarray
        float32 (rows, columns) [m], :data:`NO_HEIGHT` where there is nothing yet.
    owners : numpy.ndarray
        int32 (rows, columns), 0 where there is nothing yet.
    """
    in_blocks(_burn_rows, height.shape[0], uv, z, corners, owner, height, owners, least=128)


@njit(cache=True, nogil=True)
def _rows_of_edge(va: float, vb: float, height: int) -> tuple[int, int]:
    """Return the rows whose centres an edge passes, clipped to the grid."""
    low, high = min(va, vb), max(va, vb)
    if not (low < height and high > -1.0):  # beyond the grid, or not a number
        return 0, 0
    return int(max(np.ceil(max(low, -1.0)), 0.0)), int(np.ceil(min(high, float(height))))


@njit(cache=True, nogil=True)
def _count_crossings(
    start: int, stop: int, uv: np.ndarray, ring_start: np.ndarray, polygon_start: np.ndarray, height: int
) -> tuple[int, int]:
    """Return how often the polygons' edges cross rows, in all and at most for one polygon."""
    total, most = 0, 0
    for p in range(start, stop):
        here = 0
        for r in range(polygon_start[p], polygon_start[p + 1]):
            for i in range(ring_start[r], ring_start[r + 1]):
                j = i + 1 if i + 1 < ring_start[r + 1] else ring_start[r]
                first, last = _rows_of_edge(uv[i, 1], uv[j, 1], height)
                here += max(0, last - first)
        total += here
        most = max(most, here)
    return total, most


@njit(cache=True, nogil=True)
def _sort(values: np.ndarray, first: int, stop: int) -> None:
    """Sort a part of an array in place (Shell's sort; compiles in a tenth of the time that a library sort takes)."""
    gap = 1
    while gap < (stop - first) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(first + gap, stop):
            value, k = values[i], i
            while k >= first + gap and values[k - gap] > value:
                values[k] = values[k - gap]
                k -= gap
            values[k] = value
        gap //= 3


@njit(cache=True, nogil=True)
def _spans(
    start: int,
    stop: int,
    uv: np.ndarray,
    ring_start: np.ndarray,
    polygon_start: np.ndarray,
    height: int,
    width: int,
) -> np.ndarray:
    total, most = _count_crossings(start, stop, uv, ring_start, polygon_start, height)
    out = np.empty((total // 2 + 1, 4), np.int32)
    crossings = np.empty(most + 1)
    fill = np.zeros(height + 1, np.int64)  # where the next crossing of a row goes
    count = 0
    for p in range(start, stop):
        top, bottom = height, 0
        for r in range(polygon_start[p], polygon_start[p + 1]):
            for i in range(ring_start[r], ring_start[r + 1]):
                j = i + 1 if i + 1 < ring_start[r + 1] else ring_start[r]
                first, last = _rows_of_edge(uv[i, 1], uv[j, 1], height)
                if first < last:
                    top, bottom = min(top, first), max(bottom, last)
                for row in range(first, last):
                    fill[row] += 1
        begin = 0
        for row in range(top, bottom):
            here = fill[row]
            fill[row] = begin
            begin += here
        for r in range(polygon_start[p], polygon_start[p + 1]):
            for i in range(ring_start[r], ring_start[r + 1]):
                j = i + 1 if i + 1 < ring_start[r + 1] else ring_start[r]
                first, last = _rows_of_edge(uv[i, 1], uv[j, 1], height)
                for row in range(first, last):
                    crossings[fill[row]] = _crossing(uv[i, 0], uv[i, 1], uv[j, 0], uv[j, 1], row)
                    fill[row] += 1
        begin = 0
        for row in range(top, bottom):
            end = fill[row]
            fill[row] = 0
            _sort(crossings, begin, end)
            for k in range(begin, end - 1, 2):
                left = int(np.ceil(min(max(crossings[k], 0.0), float(width))))
                right = int(np.ceil(min(max(crossings[k + 1], 0.0), float(width))))
                if left < right:
                    out[count, 0], out[count, 1], out[count, 2], out[count, 3] = p, row, left, right
                    count += 1
            begin = end
    return out[:count]


def polygon_spans(uv: np.ndarray, ring_start: np.ndarray, polygon_start: np.ndarray, shape: Sequence[int]) -> Spans:
    """Return the runs of cells whose centres lie in polygons (even-odd over all rings of each), polygon by polygon.

    Parameters
    ----------
    uv : numpy.ndarray
        float64 (n, 2) cell coordinates; rings may repeat their first point or not, and may turn either way.
    ring_start, polygon_start : numpy.ndarray
        int64 offsets as in :class:`twin.city.model.Polygons`.
    shape : tuple of int
        Rows and columns of the grid.

    Returns
    -------
    Spans
        int32 arrays, ordered by polygon, row and column.
    """
    args = (uv, ring_start, polygon_start, shape[0], shape[1])
    runs = np.concatenate(in_blocks(_spans, len(polygon_start) - 1, *args, least=256))
    return Spans(*(np.ascontiguousarray(column) for column in runs.T))


@njit(cache=True, nogil=True)
def _paint(
    polygon: np.ndarray, row: np.ndarray, first: np.ndarray, stop: np.ndarray, values: np.ndarray, out: np.ndarray
) -> None:
    for s in range(polygon.shape[0]):
        r, value = row[s], values[polygon[s]]
        for c in range(first[s], stop[s]):
            out[r, c] = value


def paint(spans: Spans, values: np.ndarray, out: np.ndarray) -> None:
    """Write each polygon's value into its cells, in place; a later polygon lies on top of earlier ones."""
    _paint(*spans, values, out)


@njit(cache=True, nogil=True)
def _burn_flat(
    polygon: np.ndarray,
    row: np.ndarray,
    first: np.ndarray,
    stop: np.ndarray,
    z: np.ndarray,
    owner: np.ndarray,
    height: np.ndarray,
    owners: np.ndarray,
) -> None:
    for s in range(polygon.shape[0]):
        at, mine, r = np.float32(z[polygon[s]]), owner[polygon[s]], row[s]
        for c in range(first[s], stop[s]):
            old = height[r, c]
            if at > old or (at == old and mine < owners[r, c]):
                height[r, c] = at
                owners[r, c] = mine


def burn_flat(spans: Spans, z: np.ndarray, owner: np.ndarray, height: np.ndarray, owners: np.ndarray) -> None:
    """Burn polygons as level roofs, the highest in each cell, in place; rules as in :func:`burn_planes`.

    Parameters
    ----------
    spans : Spans
        Cells of the polygons.
    z : numpy.ndarray
        float64, height [m] of each polygon; one that is not a number burns nothing.
    owner : numpy.ndarray
        int32 number of what each polygon belongs to, from 1.
    height, owners : numpy.ndarray
        float32 [m] and int32 grids.
    """
    _burn_flat(*spans, z, owner, height, owners)


@njit(cache=True, nogil=True)
def _lowest_under(
    polygon: np.ndarray, row: np.ndarray, first: np.ndarray, stop: np.ndarray, field: np.ndarray, lowest: np.ndarray
) -> None:
    for s in range(polygon.shape[0]):
        for c in range(first[s], stop[s]):
            lowest[polygon[s]] = min(lowest[polygon[s]], field[row[s], c])


def lowest_under(spans: Spans, field: np.ndarray, count: int) -> np.ndarray:
    """Return the lowest value of a grid under each of ``count`` polygons; infinity under one without a cell."""
    lowest = np.full(count, np.inf)
    _lowest_under(*spans, field, lowest)
    return lowest
