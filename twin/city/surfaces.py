"""Plane properties of polygons: normal, tilt, azimuth and area, all polygons at once.

Newell's method: the vector area of a ring is the sum of the cross products of its edges, which is also right for
rings that are not quite plane. Coordinates are taken relative to the ring's first point, so that six-digit eastings
cost no precision. Source: Sutherland, Sproull and Schumacker (1974), doi:10.1145/356625.356626, section on polygon
normals (Newell).
"""

from __future__ import annotations

import numpy as np

from twin.city.model import Polygons

__all__ = ["planes", "ring_vectors"]

_BLOCK = 1 << 13  # rings at a time, to spare memory
_COMPILED_PAYS = 1 << 16  # rings from which loading compiled code costs less than it saves
_HORIZONTAL = 1e-6  # sine of the tilt below which a surface has no azimuth


def ring_vectors(xyz: np.ndarray, ring_start: np.ndarray) -> np.ndarray:
    """Return the vector area of every ring: normal times area, right-handed.

    Parameters
    ----------
    xyz : numpy.ndarray
        float64 (n, 3) [m], rings open.
    ring_start : numpy.ndarray
        int64 (rings + 1,) offsets into ``xyz``.

    Returns
    -------
    numpy.ndarray
        float64 (rings, 3) [m2].

    Examples
    --------
    >>> square = np.array([[0.0, 0, 5], [2, 0, 5], [2, 2, 5], [0, 2, 5]])
    >>> ring_vectors(square, np.array([0, 4]))
    array([[0., 0., 4.]])
    """
    count = len(ring_start) - 1
    vectors = np.zeros((count, 3))
    if count >= _COMPILED_PAYS:
        from twin.city.newell import vector_areas

        vector_areas(xyz, ring_start, vectors)
        return vectors
    for first in range(0, count, _BLOCK):
        starts = ring_start[first : first + _BLOCK + 1]
        vectors[first : first + _BLOCK] = _vectors(xyz[starts[0] : starts[-1]], starts - starts[0])
    return vectors


def _vectors(xyz: np.ndarray, ring_start: np.ndarray) -> np.ndarray:
    vectors = np.zeros((len(ring_start) - 1, 3))
    sizes = np.diff(ring_start)
    filled = sizes > 0
    if not filled.any():
        return vectors
    first = ring_start[:-1][filled]
    local = (xyz - xyz[np.repeat(first, sizes[filled])]).T.copy()
    # each ring's first point is the origin: its first and last edge add nothing, nor does the step to the next ring
    here, following = local[:, :-1], local[:, 1:]
    cross = np.zeros(len(xyz))
    for k in range(3):
        a, b = (k + 1) % 3, (k + 2) % 3
        np.subtract(here[a] * following[b], here[b] * following[a], out=cross[:-1])
        vectors[filled, k] = 0.5 * np.add.reduceat(cross, first)
    return vectors


def planes(polygons: Polygons) -> dict[str, np.ndarray]:
    """Return normal, tilt, azimuth and area of every polygon.

    Parameters
    ----------
    polygons : Polygons
        Polygons with holes.

    Returns
    -------
    dict of numpy.ndarray
        ``normal_x``, ``normal_y``, ``normal_z`` (unit vector of the outer ring, NaN where it has no area),
        ``tilt`` [deg] (0 faces up, 90 a wall, 180 faces down), ``azimuth`` [deg] clockwise from north (NaN for
        horizontal surfaces), ``area`` [m2] (holes taken off).

    Examples
    --------
    >>> wall = Polygons(np.array([[0.0, 0, 0], [4, 0, 0], [4, 0, 3], [0, 0, 3]]), np.array([0, 4]), np.array([0, 1]))
    >>> {name: float(values[0]) for name, values in planes(wall).items() if name in ("tilt", "azimuth", "area")}
    {'tilt': 90.0, 'azimuth': 180.0, 'area': 12.0}
    """
    count = len(polygons)
    if count == 0:
        return {name: np.empty(0) for name in ("normal_x", "normal_y", "normal_z", "tilt", "azimuth", "area")}
    vectors = ring_vectors(polygons.xyz, polygons.ring_start)
    sizes = np.sqrt(vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 2] ** 2)
    outer = polygons.polygon_start[:-1]
    signed = -sizes
    signed[outer] = sizes[outer]
    area = np.maximum(np.add.reduceat(signed, outer), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        normal = vectors[outer] / np.where(sizes[outer] > 0.0, sizes[outer], np.nan)[:, None]
    level = np.hypot(normal[:, 0], normal[:, 1])
    tilt = np.degrees(np.arctan2(level, normal[:, 2]))
    azimuth = np.degrees(np.arctan2(normal[:, 0], normal[:, 1])) % 360.0
    azimuth[~(level > _HORIZONTAL)] = np.nan
    names = ("normal_x", "normal_y", "normal_z", "tilt", "azimuth", "area")
    return dict(zip(names, (*normal.T.copy(), tilt, azimuth, area), strict=True))
