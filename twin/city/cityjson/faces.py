"""Faces out of nested lists of vertex numbers: rings, polygons, shells and solids as flat arrays, all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from twin.city.cityjson.lists import Nested

__all__ = [
    "CLOSING",
    "OUTSIDE",
    "REPEATED",
    "SHORT",
    "WILD",
    "Faces",
    "Trouble",
    "Vertices",
    "faces_of",
    "joined_faces",
    "places",
    "ranges",
    "taken",
    "without_empty_rings",
]

_FARTHEST = 1e9  # [m or deg] no coordinate of an earth-bound system is larger
_COMPILED_PAYS = 500_000  # vertex numbers from which loading compiled code costs less than it saves

OUTSIDE, WILD, CLOSING, SHORT, REPEATED = 1, 2, 4, 8, 16
"""Bits of what is doubtful about a ring: a point that does not exist, one beyond any system on Earth, the first point
told again at the end, fewer than three different points, a point told twice in a row."""


@dataclass(frozen=True)
class Vertices:
    """Vertices of all root objects: those of root r are ``xyz[first[r]:first[r + 1]]``."""

    xyz: np.ndarray
    first: np.ndarray


@dataclass(frozen=True)
class Faces:
    """Polygons in order, with what each belongs to.

    Parameters
    ----------
    xyz : numpy.ndarray
        float64 (n, 3) points of all rings, rings open.
    ring_size : numpy.ndarray
        Points of each ring.
    rings : numpy.ndarray
        Rings of each face, the outer one first.
    geometry : numpy.ndarray
        Number of the geometry each face was told in.
    solid, shell : numpy.ndarray
        Number of the face's solid and of the shell in it (0 = exterior), -1 where it is part of none.
    boundary : numpy.ndarray
        Row of its semantic surface, -1 = none.
    """

    xyz: np.ndarray
    ring_size: np.ndarray
    rings: np.ndarray
    geometry: np.ndarray
    solid: np.ndarray
    shell: np.ndarray
    boundary: np.ndarray

    def with_boundary(self, boundary: np.ndarray) -> Faces:
        """Return the same faces with other semantic surfaces."""
        return replace(self, boundary=boundary)


@dataclass(frozen=True)
class Trouble:
    """Faces that were left out or are doubtful, as their geometries' numbers."""

    outside: np.ndarray
    wild: np.ndarray
    empty: np.ndarray
    closed: np.ndarray
    short: np.ndarray
    repeated: np.ndarray


def ranges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate ``arange(first[i], last[i])``; also return i of each number.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([7, 1]))[0].tolist()
    [5, 6, 0]
    """
    sizes = last - first
    which = np.repeat(np.arange(len(first)), sizes)
    begin = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(first - begin, sizes), which


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def taken(faces: Faces, keep: np.ndarray) -> Faces:
    """Return some of the faces: a mask, or rows in any order."""
    if keep.dtype == bool:
        if keep.all():
            return faces
        keep = np.flatnonzero(keep)
    ring_start = _starts(faces.rings)
    rings, _ = ranges(ring_start[keep], ring_start[keep + 1])
    point_start = _starts(faces.ring_size)
    points, _ = ranges(point_start[rings], point_start[rings + 1])
    own = {name: getattr(faces, name)[keep] for name in ("rings", "geometry", "solid", "shell", "boundary")}
    return Faces(faces.xyz[points], faces.ring_size[rings], **own)


def without_empty_rings(faces: Faces) -> Faces:
    """Return the faces without holes that have no point."""
    empty = faces.ring_size == 0
    if not empty.any():
        return faces
    lost = np.bincount(np.repeat(np.arange(len(faces.rings)), faces.rings)[empty], minlength=len(faces.rings))
    return replace(faces, ring_size=faces.ring_size[~empty], rings=faces.rings - lost)


def joined_faces(first: Faces, second: Faces) -> Faces:
    """Return two sets of faces as one; their geometries, solids and boundaries are numbered together already."""
    names = ("xyz", "ring_size", "rings", "geometry", "solid", "shell", "boundary")
    return Faces(**{name: np.concatenate((getattr(first, name), getattr(second, name))) for name in names})


def faces_of(
    found: Nested, geometry: np.ndarray, ring_depth: np.ndarray, root: np.ndarray, vertices: Vertices
) -> tuple[Faces, Trouble, np.ndarray]:
    """Return the faces of lists of vertex numbers.

    Parameters
    ----------
    found : Nested
        ``boundaries`` of one geometry each, whose numbers all stand at the depth of rings.
    geometry : numpy.ndarray
        Number of the geometry each list belongs to.
    ring_depth : numpy.ndarray
        Depth of its rings: 2 in surfaces, 3 in a solid, 4 in several solids.
    root : numpy.ndarray
        Root object each list stands in.
    vertices : Vertices
        In the file's CRS.

    Returns
    -------
    Faces
        All of them as told, with rings open.
    Trouble
        What must be left out, and what looks doubtful.
    numpy.ndarray
        bool, which faces are sound: not those without an outer ring, or with points that do not exist or lie beyond
        any system on Earth.
    """
    of_open = np.repeat(np.arange(len(geometry)), np.diff(found.open_first))
    level = ring_depth[of_open] - found.depth  # 0 ring, 1 polygon, 2 shell, 3 solid
    ring, polygon = level == 0, level == 1
    ring_size = np.diff(np.append(found.start[ring], len(found.numbers)))
    rings_before = np.cumsum(ring)[polygon]
    rings = np.diff(np.append(rings_before, ring.sum()))
    of_face = of_open[polygon]
    solid, shell = _solids(level, polygon, ring_depth[of_open] > 2)

    single = len(vertices.first) == 2
    if single and len(found.numbers) >= _COMPILED_PAYS:
        xyz, ring_size, doubt = _compiled(found.numbers, ring_size, vertices.xyz)
    else:
        of_point = np.repeat(root, np.diff(found.first))
        counts = len(vertices.xyz) if single else np.diff(vertices.first)[of_point]
        fits = (found.numbers >= 0) & (found.numbers < counts)
        index = found.numbers if single else found.numbers + vertices.first[of_point]
        xyz, ring_size, doubt = _gathered(index, fits, ring_size, vertices.xyz)
    face_of_ring = np.repeat(np.arange(len(rings)), rings)

    def faces_with(bit: int) -> np.ndarray:
        return _any(face_of_ring[(doubt & bit) > 0], len(rings))

    outside_face = faces_with(OUTSIDE)
    wild_face = faces_with(WILD) & ~outside_face
    first_ring = _starts(rings)[:-1]
    empty_face = (rings == 0) | (np.append(ring_size, 0)[first_ring] == 0)
    keep = ~(outside_face | wild_face | empty_face)
    doubt[ring_size == 0] &= ~np.uint8(SHORT)

    faces = Faces(xyz, ring_size, rings, geometry[of_face], solid, shell, np.full(len(rings), -1))
    trouble = Trouble(
        outside=faces.geometry[outside_face],
        wild=faces.geometry[wild_face],
        empty=faces.geometry[empty_face & ~outside_face & ~wild_face],
        closed=faces.geometry[faces_with(CLOSING) & keep],
        short=faces.geometry[faces_with(SHORT) & keep],
        repeated=faces.geometry[faces_with(REPEATED) & keep],
    )
    return faces, trouble, keep


def _compiled(
    numbers: np.ndarray, ring_size: np.ndarray, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what :func:`_gathered` does, by compiled code, for one list of vertices."""
    from twin.city.cityjson.rings import gather

    size, doubt = ring_size.astype(np.int64), np.zeros(len(ring_size), dtype=np.uint8)
    xyz = np.empty((len(numbers), 3))
    told = vertices if len(vertices) else np.zeros((1, 3))
    points = gather(numbers, size, told, len(vertices), _FARTHEST, xyz, doubt)
    return xyz[:points], size, doubt


def _gathered(
    index: np.ndarray, fits: np.ndarray, ring_size: np.ndarray, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the points of all rings, open; the size of each ring; what is doubtful about it, as bits.

    Where a number does not fit, its point is the first vertex, and the ring has the bit ``OUTSIDE``.
    """
    told = vertices if len(vertices) else np.zeros((1, 3))
    index = index if fits.all() else np.where(fits, index, 0)
    start = _starts(ring_size)
    of_ring = np.repeat(np.arange(len(ring_size)), ring_size)
    doubt = np.zeros(len(ring_size), dtype=np.uint8)
    doubt[of_ring[~fits]] |= OUTSIDE
    with np.errstate(invalid="ignore"):
        near = np.asarray((np.abs(told) < _FARTHEST).all(axis=1))
    if not near.all():
        doubt[of_ring[~near[index] & fits]] |= WILD
    closing = _closing(told, index, start)
    doubt[closing] |= CLOSING
    if closing.any():
        index = np.delete(index, start[1:][closing] - 1)
        ring_size = ring_size - closing
    xyz = told[index]
    repeated, short = _doubts(xyz, _starts(ring_size))
    doubt[repeated] |= REPEATED
    doubt[short] |= SHORT
    return xyz, ring_size, doubt


def _solids(level: np.ndarray, polygon: np.ndarray, solid_like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the solid, and of the shell in it, of each face; -1 where it is part of none."""
    is_shell, is_solid = (level == 2) & solid_like, (level == 3) & solid_like
    shells, solids = np.cumsum(is_shell), np.cumsum(is_solid)
    inside = solid_like[polygon]
    solid = np.where(inside, solids[polygon] - 1, -1)
    shells_before = shells[is_solid]  # shells of earlier solids
    shell = np.where(inside, shells[polygon] - 1 - np.append(shells_before, 0)[solid], -1)
    return solid, shell


def _any(marked: np.ndarray, count: int) -> np.ndarray:
    flags = np.zeros(count, dtype=bool)
    flags[marked] = True
    return flags


def _closing(xyz: np.ndarray, index: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Tell which rings return to their first point at the end, against the specification.

    A ring that would still return to it without its last point is degenerate and stays as it is.
    """
    closing = np.diff(start) > 3
    first, last = start[:-1][closing], start[1:][closing] - 1
    begin = xyz[index[first]]
    closing[closing] = _equal(begin, xyz[index[last]]) & ~_equal(begin, xyz[index[last - 1]])
    return closing


def _equal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tell which points are the same; column by column, which is far faster than row by row."""
    return np.asarray((first[:, 0] == second[:, 0]) & (first[:, 1] == second[:, 1]) & (first[:, 2] == second[:, 2]))


def _doubts(xyz: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell which rings repeat a point at once, and which have fewer than three different ones."""
    sizes = np.diff(start)
    same = np.zeros(len(xyz) + 1, dtype=bool)
    same[1:-1] = _equal(xyz[1:], xyz[:-1])
    same[start[:-1]] = False
    total = np.concatenate(([0], np.cumsum(same[:-1])))
    repeats = total[start[1:]] - total[start[:-1]]
    short = sizes - repeats < 3
    turning = np.zeros(len(sizes), dtype=bool)  # few points, the first of them again at the end
    several = (sizes > 2) & (sizes <= 6) & ~short
    turning[several] = _equal(xyz[start[:-1][several]], xyz[start[1:][several] - 1])
    for ring in np.flatnonzero(turning | (several & (repeats > 0))):
        short[ring] = len(set(map(tuple, xyz[start[ring] : start[ring + 1]].tolist()))) < 3
    return repeats > 0, short


def places(geometries: np.ndarray, names: Any) -> list[str]:
    """Return the names of the objects of geometries, each once, in order."""
    return list(dict.fromkeys(str(names[number]) for number in geometries[:2000].tolist()))
