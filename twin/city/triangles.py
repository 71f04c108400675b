"""Triangles of planar polygons with holes, as corner indices into the coordinates they came from.

Each polygon is seen along the axis its normal leans to most, triangulated in that plane, and given triangles that
turn the way the polygon turns. Triangles and convex quadrilaterals, most of a city, are cut in compiled code; the
rest goes to earcut. Where earcut's triangles do not make up the polygon's area, its ring touches or crosses itself
(spikes on party walls are common): such a polygon is first split into parts that do not, by the even-odd rule. A
polygon with fewer than three points, without area or with a non-finite coordinate gets no triangle;
:func:`degenerate` names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from twin.city.model import Polygons

__all__ = ["area_error", "degenerate", "triangulate"]

LEAST_AREA = 1e-6
"""Smallest area [m2] of a polygon that gets triangles: one square millimetre."""

_NOTHING, _TRIANGLE, _QUAD, _GENERAL = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def _newell(xyz: np.ndarray, start: int, stop: int) -> tuple[float, float, float]:
    """Return twice the vector area of a ring (Newell's sum), taken about its first point."""
    x0, y0, z0 = xyz[start, 0], xyz[start, 1], xyz[start, 2]
    nx, ny, nz = 0.0, 0.0, 0.0
    for i in range(start, stop):
        j = i + 1 if i + 1 < stop else start
        ax, ay, az = xyz[i, 0] - x0, xyz[i, 1] - y0, xyz[i, 2] - z0
        bx, by, bz = xyz[j, 0] - x0, xyz[j, 1] - y0, xyz[j, 2] - z0
        nx += ay * bz - az * by
        ny += az * bx - ax * bz
        nz += ax * by - ay * bx
    return nx, ny, nz


@njit(cache=True, nogil=True)
def _convex_quad(uv: np.ndarray, start: int, sign: float) -> bool:
    for i in range(4):
        a, b, c = start + i, start + (i + 1) % 4, start + (i + 2) % 4
        turn = (uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[b, 1]) - (uv[b, 1] - uv[a, 1]) * (uv[c, 0] - uv[b, 0])
        if turn * sign <= 1e-9:
            return False
    return True


@njit(cache=True, nogil=True)
def _project(
    rows: np.ndarray, xyz: np.ndarray, ring_start: np.ndarray, polygon_start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return plane coordinates of all points, the sign of each polygon's turn, and how each is to be cut."""
    uv = np.zeros((xyz.shape[0], 2))
    sign = np.zeros(rows.shape[0])
    kind = np.zeros(rows.shape[0], np.int8)
    for p in range(rows.shape[0]):
        first, last = polygon_start[rows[p]], polygon_start[rows[p] + 1]
        if last <= first or ring_start[first + 1] - ring_start[first] < 3:
            continue
        start, stop = ring_start[first], ring_start[last]
        nx, ny, nz = _newell(xyz, start, ring_start[first + 1])
        size = np.sqrt(nx * nx + ny * ny + nz * nz)
        if not (size >= 2.0 * LEAST_AREA and size < np.inf):
            continue
        u, v, lean = 0, 1, nz
        if abs(nx) > abs(nz) and abs(nx) >= abs(ny):
            u, v, lean = 1, 2, nx
        elif abs(ny) > abs(nz):
            u, v, lean = 2, 0, ny
        u0, v0 = xyz[start, u], xyz[start, v]
        finite = True
        for i in range(start, stop):
            uv[i, 0], uv[i, 1] = xyz[i, u] - u0, xyz[i, v] - v0
            finite = finite and np.isfinite(xyz[i, 0] + xyz[i, 1] + xyz[i, 2])
        if not finite:
            continue
        sign[p] = 1.0 if lean > 0 else -1.0
        kind[p] = _GENERAL
        if last - first == 1:
            if stop - start == 3:
                kind[p] = _TRIANGLE
            elif stop - start == 4 and _convex_quad(uv, start, sign[p]):
                kind[p] = _QUAD
    return uv, sign, kind


@njit(cache=True, nogil=True)
def _cut_quads(starts: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """Cut each convex quadrilateral along its shorter diagonal."""
    corners = np.empty((2 * starts.shape[0], 3), np.int64)
    for q in range(starts.shape[0]):
        s = starts[q]
        across, along = 0.0, 0.0
        for k in range(3):
            across += (xyz[s, k] - xyz[s + 2, k]) ** 2
            along += (xyz[s + 1, k] - xyz[s + 3, k]) ** 2
        shift = 0 if across <= along else 1
        for k in range(3):
            corners[2 * q, k] = s + (k + shift) % 4
            corners[2 * q + 1, k] = s + ((k + 1 if k else 0) + shift) % 4
    return corners


@njit(cache=True, nogil=True)
def _turn_all(corners: np.ndarray, uv: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Turn triangles the way their polygon turns (in place); return which of them have an area."""
    keep = np.empty(corners.shape[0], np.bool_)
    for t in range(corners.shape[0]):
        a, b, c = corners[t]
        area = (uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[a, 1]) - (uv[b, 1] - uv[a, 1]) * (uv[c, 0] - uv[a, 0])
        keep[t] = abs(area) > 1e-12
        if area * sign[t] < 0.0:
            corners[t, 1], corners[t, 2] = c, b
    return keep


@njit(cache=True, nogil=True)
def _plane_areas(rows: np.ndarray, uv: np.ndarray, ring_start: np.ndarray, polygon_start: np.ndarray) -> np.ndarray:
    """Return the area of each polygon's outer ring less its holes, in the plane it is seen in."""
    areas = np.zeros(rows.shape[0])
    for p in range(rows.shape[0]):
        for r in range(polygon_start[rows[p]], polygon_start[rows[p] + 1]):
            twice = 0.0
            for i in range(ring_start[r], ring_start[r + 1]):
                j = i + 1 if i + 1 < ring_start[r + 1] else ring_start[r]
                twice += uv[i, 0] * uv[j, 1] - uv[i, 1] * uv[j, 0]
            areas[p] += -abs(twice) / 2.0 if r > polygon_start[rows[p]] else abs(twice) / 2.0
    return areas


def _split(start: int, stop: int, ends: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Return the corners of a polygon whose rings touch or cross, after splitting it where they do.

    A point where edges cross is taken for the nearest corner there is; such crossings are slips of digits beside one.
    """
    import shapely
    from mapbox_earcut import triangulate_float64

    points = uv[start:stop]
    rings = [ring for ring in np.split(points, ends[:-1].astype(np.int64)) if len(ring) >= 3]
    whole = shapely.Polygon(rings[0])
    for hole in rings[1:]:
        whole = shapely.symmetric_difference(shapely.make_valid(whole), shapely.make_valid(shapely.Polygon(hole)))
    corners = []
    for part in shapely.get_parts(shapely.make_valid(whole)):
        if shapely.get_type_id(part) != 3 or part.area < LEAST_AREA:
            continue
        loops = [shapely.get_coordinates(ring)[:-1] for ring in shapely.get_rings(part)]
        xy = np.concatenate(loops)
        nearest = ((xy[:, None, :] - points[None]) ** 2).sum(axis=2).argmin(axis=1)
        cut = triangulate_float64(xy, np.cumsum([len(loop) for loop in loops]).astype(np.uint32))
        corners.append(nearest[cut] + start)
    return np.concatenate(corners) if corners else np.empty(0, np.int64)


def _earcut(
    rows: np.ndarray, uv: np.ndarray, ring_start: np.ndarray, polygon_start: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the corners of each general polygon and how many triangles each has."""
    from mapbox_earcut import triangulate_float64

    first, last = polygon_start[rows], polygon_start[rows + 1]
    starts, stops = ring_start[first].tolist(), ring_start[last].tolist()
    lengths = np.diff(ring_start)
    short = lengths < 3
    parts: list[np.ndarray] = []
    for f, e, a, b in zip(first.tolist(), last.tolist(), starts, stops, strict=True):
        if short[f:e].any():  # a hole of one or two points is no hole
            rings = [np.arange(ring_start[r], ring_start[r + 1]) for r in range(f, e) if not short[r]]
            index = np.concatenate(rings)
            ends = np.cumsum([len(ring) for ring in rings]).astype(np.uint32)
            parts.append(index[triangulate_float64(uv[index], ends)])
        else:
            ends = (ring_start[f + 1 : e + 1] - a).astype(np.uint32)
            parts.append(triangulate_float64(uv[a:b], ends).astype(np.int64) + a)
    counts = np.array([len(part) // 3 for part in parts], dtype=np.int64)
    if parts:
        a, b, c = (uv[np.concatenate(parts)[k::3]] for k in range(3))
        areas = np.abs((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2.0
        expected = _plane_areas(rows, uv, ring_start, polygon_start)
        made = np.bincount(np.repeat(np.arange(len(parts)), counts), weights=areas, minlength=len(parts))
        for k in np.flatnonzero(np.abs(made - expected) > 1e-3 + 1e-6 * expected).tolist():
            ends = ring_start[first[k] + 1 : last[k] + 1] - starts[k]
            parts[k] = _split(starts[k], stops[k], ends, uv)
            counts[k] = len(parts[k]) // 3
    return parts, counts


def triangulate(polygons: Polygons, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Cut polygons with holes into triangles.

    Parameters
    ----------
    polygons : twin.city.model.Polygons
        Planar polygons [m], rings open.
    rows : numpy.ndarray, optional
        Which polygons to cut; by default all.

    Returns
    -------
    corners : numpy.ndarray
        int64 (t, 3), rows of ``polygons.xyz``; each triangle turns as its polygon does, so that its normal points
        to the same side.
    polygon : numpy.ndarray
        int64 (t,), the polygon of each triangle, ascending where ``rows`` is.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.city.model import Polygons
    >>> square = np.array([[0, 0, 3], [2, 0, 3], [2, 2, 3], [0, 2, 3]], dtype=float)
    >>> corners, polygon = triangulate(Polygons(square, np.array([0, 4]), np.array([0, 1])))
    >>> corners.tolist(), polygon.tolist()
    ([[0, 1, 2], [0, 2, 3]], [0, 0])
    """
    rows = np.arange(len(polygons), dtype=np.int64) if rows is None else np.asarray(rows, dtype=np.int64)
    xyz = np.ascontiguousarray(polygons.xyz, dtype=np.float64)
    ring_start = np.ascontiguousarray(polygons.ring_start, dtype=np.int64)
    polygon_start = np.ascontiguousarray(polygons.polygon_start, dtype=np.int64)
    uv, sign, kind = _project(rows, xyz, ring_start, polygon_start)

    triangles, quads, general = (np.flatnonzero(kind == k) for k in (_TRIANGLE, _QUAD, _GENERAL))
    begin = ring_start[polygon_start[rows]] if len(rows) else np.empty(0, np.int64)
    parts, counts = _earcut(rows[general], uv, ring_start, polygon_start)
    corners = np.concatenate(
        [
            begin[triangles][:, None] + np.arange(3),
            _cut_quads(begin[quads], xyz),
            *(part.reshape(-1, 3) for part in parts),
        ]
    )
    place = np.concatenate([triangles, np.repeat(quads, 2), np.repeat(general, counts)])
    order = np.argsort(place, kind="stable")
    corners, place = np.ascontiguousarray(corners[order], dtype=np.int64), place[order]
    keep = _turn_all(corners, uv, sign[place])
    return corners[keep], rows[place[keep]]


def degenerate(polygons: Polygons, rows: np.ndarray | None = None) -> np.ndarray:
    """Return which polygons get no triangle: under three points, no area, or a coordinate that is not finite.

    Parameters
    ----------
    polygons : twin.city.model.Polygons
        Polygons [m].
    rows : numpy.ndarray, optional
        Which polygons to look at; by default all.

    Returns
    -------
    numpy.ndarray
        int64 polygon rows.
    """
    asked = np.arange(len(polygons), dtype=np.int64) if rows is None else np.asarray(rows, dtype=np.int64)
    return np.setdiff1d(asked, triangulate(polygons, asked)[1])


@njit(cache=True, nogil=True)
def _errors(
    xyz: np.ndarray, ring_start: np.ndarray, polygon_start: np.ndarray, corners: np.ndarray, polygon: np.ndarray
) -> np.ndarray:
    count = polygon_start.shape[0] - 1
    axis = np.zeros(count, np.int64)
    error = np.zeros(count)
    for p in range(count):
        first, last = polygon_start[p], polygon_start[p + 1]
        if last <= first:
            continue
        n = _newell(xyz, ring_start[first], ring_start[first + 1])
        axis[p] = 2
        if abs(n[0]) > abs(n[2]) and abs(n[0]) >= abs(n[1]):
            axis[p] = 0
        elif abs(n[1]) > abs(n[2]):
            axis[p] = 1
        for r in range(first, last):
            area = abs(_newell(xyz, ring_start[r], ring_start[r + 1])[axis[p]])
            error[p] += area / 2.0 if r > first else -area / 2.0
    for t in range(corners.shape[0]):
        a, b, c = corners[t]
        k = axis[polygon[t]]
        u, v = (k + 1) % 3, (k + 2) % 3
        error[polygon[t]] += 0.5 * abs(
            (xyz[b, u] - xyz[a, u]) * (xyz[c, v] - xyz[a, v]) - (xyz[b, v] - xyz[a, v]) * (xyz[c, u] - xyz[a, u])
        )
    return error


def area_error(polygons: Polygons, corners: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Return triangles' area minus polygon area [m2], seen along each polygon's main axis.

    Anything but rounding shows a ring that crosses itself or a hole that leaves its outer ring.

    Parameters
    ----------
    polygons : twin.city.model.Polygons
        Polygons [m].
    corners, polygon : numpy.ndarray
        What :func:`triangulate` returned for all polygons.

    Returns
    -------
    numpy.ndarray
        float64 (polygons,).
    """
    return _errors(polygons.xyz, polygons.ring_start, polygons.polygon_start, corners, polygon)
