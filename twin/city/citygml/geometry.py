"""Polygons of one CityGML file as flat arrays, from the coordinate texts and ranges its events left.

A polygon is kept as the file writes it: repeated points, spikes and surfaces off their plane are for the validity
check to judge. Left out, with a row in the gap table, is only what has no place: coordinates that are not numbers,
not finite or beyond any earth-bound system, and polygons without an outer ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.city.citygml.parsed import RUN_COLUMNS, Parsed
from twin.city.gaps import GapLog
from twin.city.model import Polygons
from twin.errors import InputError, TextError

__all__ = ["ELEMENTS", "FARTHEST", "Geometry", "geometry_of"]

ELEMENTS = (
    "Polygon", "PolygonPatch", "Triangle", "Rectangle", "ImplicitGeometry", "MultiPoint", "RectifiedGridCoverage",
)  # fmt: skip
"""GML elements a polygon came from; of the last two, points of a terrain, it is a triangle."""

_FIRST = RUN_COLUMNS.index("polygon")
FARTHEST = 1e9
"""[m or deg] No coordinate of an earth-bound system is larger."""


@dataclass
class Geometry:
    """Polygons of one file with what is known of each.

    ``row`` maps the file's polygon numbers to rows, -1 where one was left out.
    """

    polygons: Polygons
    ids: np.ndarray
    run: np.ndarray
    element: np.ndarray
    closed: np.ndarray
    flat: np.ndarray  # written with two dimensions
    row: np.ndarray


def _dimensions(parsed: Parsed) -> np.ndarray:
    """Coordinates a point in each ring; where the file declares nothing, three unless only two can be."""
    dimensions, counts = parsed.ring_dimensions.astype(np.int64), parsed.ring_values
    unknown = dimensions == 0
    dimensions[unknown] = np.where((counts[unknown] % 3 != 0) & (counts[unknown] % 2 == 0), 2, 3)
    return dimensions


def _points(values: np.ndarray, counts: np.ndarray, dimensions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of all rings (n, 3), z NaN where two are written, and the number of points in each ring."""
    points = counts // dimensions
    if (dimensions == 3).all() and (points * 3 == counts).all():
        return values.reshape(-1, 3), points
    xyz = np.full((int(points.sum()), 3), np.nan)
    used = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts) < np.repeat(
        points * dimensions, counts
    )
    for dimension in np.unique(dimensions):
        rings = dimensions == dimension
        numbers = values[np.repeat(rings, counts) & used].reshape(-1, dimension)
        xyz[np.repeat(rings, points), : min(dimension, 3)] = numbers[:, :3]
    return xyz, points


def _per_polygon(flags: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return True for polygons that have a ring with the flag; ``first`` has a closing entry."""
    total = np.concatenate(([0], np.cumsum(flags)))
    return total[first[1:]] > total[first[:-1]]


def geometry_of(parsed: Parsed, name: str, log: GapLog) -> Geometry:
    """Return the polygons of one file.

    Parameters
    ----------
    parsed : Parsed
        After the last byte was read.
    name : str
        File name for gap rows.
    log : GapLog
        Takes a row for whatever is left out or doubtful.

    Raises
    ------
    InputError
        If the file has polygons and none of them has readable coordinates.
    """
    counts, bad_texts = parsed.ring_values, parsed.bad_rings
    dimensions = _dimensions(parsed)
    xyz, sizes = _points(parsed.values, counts, dimensions)
    parsed.values = np.empty(0)
    total = len(parsed.polygon_ids)
    first = np.append(parsed.polygon_rings, len(counts))
    ids = np.array(parsed.polygon_ids, dtype=object)
    run = np.repeat(np.arange(-1, len(parsed.runs)), np.diff(parsed.runs[:, _FIRST], prepend=0, append=total))

    ring_of_point = np.repeat(np.arange(len(counts)), sizes)
    unreadable = np.zeros(len(counts), dtype=bool)
    unreadable[list(bad_texts)] = True
    unreadable |= sizes * dimensions != counts
    broken = _per_polygon(unreadable, first)
    if total and broken.all():
        raise _nothing_readable(name, bad_texts)
    empty = _without_outer(parsed.late_exteriors, sizes, first)
    left_out = broken | _without_place(xyz, dimensions, sizes, empty, first, broken, ids, name, log)
    closed_rings = _closed(xyz, sizes)
    open_rings = ~closed_rings & (sizes > 0)
    closing = np.zeros(len(xyz), dtype=bool)
    closing[np.cumsum(sizes)[closed_rings] - 1] = True

    kept_polygons = ~left_out
    kept_rings = np.repeat(kept_polygons, np.diff(first)) & (sizes > 0)
    kept_points = kept_rings[ring_of_point] & ~closing
    new_sizes = (sizes - closed_rings)[kept_rings]
    rings_kept = np.concatenate(([0], np.cumsum(kept_rings)))
    polygon_start = np.concatenate((rings_kept[first[:-1][kept_polygons]], [rings_kept[-1]])).astype(np.int64)
    polygons = Polygons(
        xyz if kept_points.all() else np.ascontiguousarray(xyz[kept_points]),
        np.concatenate(([0], np.cumsum(new_sizes))).astype(np.int64),
        polygon_start,
    )
    _exteriors_first(polygons, parsed, rings_kept, first, kept_polygons)
    closed = ~_per_polygon(open_rings, first)[kept_polygons]
    element = parsed.polygon_elements[kept_polygons].astype(np.int8)
    row = np.where(kept_polygons, np.cumsum(kept_polygons) - 1, -1)
    reverse = row[parsed.reversed_polygons]
    _reverse(polygons, reverse[reverse >= 0].tolist())
    flat = _per_polygon((dimensions == 2) & (sizes > 0), first)[kept_polygons]
    geometry = Geometry(polygons, ids[kept_polygons], run[kept_polygons], element, closed, flat, row)
    _doubts(geometry, name, log)
    return geometry


def _nothing_readable(name: str, bad_texts: dict[int, str]) -> InputError:
    example = next(iter(bad_texts.values()), "a count of numbers that is no multiple of the dimension")
    return TextError("gml_no_coordinates", file=name, found=example)


def _without_place(
    xyz: np.ndarray,
    dimensions: np.ndarray,
    sizes: np.ndarray,
    empty: np.ndarray,
    first: np.ndarray,
    broken: np.ndarray,
    ids: np.ndarray,
    name: str,
    log: GapLog,
) -> np.ndarray:
    """Tell which polygons are nowhere (not finite, too far, no outer ring), and write rows for all left out."""
    ring_of_point = np.repeat(np.arange(len(sizes)), sizes)
    with np.errstate(invalid="ignore"):
        finite = np.abs(xyz) < FARTHEST
    finite[:, 2] |= np.isnan(xyz[:, 2]) & (dimensions[ring_of_point] == 2)
    wild_rings = np.zeros(len(sizes), dtype=bool)
    wild_rings[ring_of_point[~finite.all(axis=1)]] = True
    wild = _per_polygon(wild_rings, first) & ~broken
    empty = empty & ~broken & ~wild
    for code, flags in (
        ("gml_coordinates_unreadable", broken),
        ("gml_coordinates_wild", wild),
        ("gml_polygon_empty", empty),
    ):
        _tell(log, code, flags, ids, name, "error")
    return wild | empty


def _without_outer(late: np.ndarray, sizes: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Tell which polygons have no outer ring with points; ``late`` names outer rings written after others."""
    outer = first[:-1].copy()
    outer[late[:, 0]] = late[:, 1]
    return (outer >= first[1:]) | (np.append(sizes, 0)[outer] == 0)


def _closed(xyz: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Tell which rings return to their first point."""
    ends = np.cumsum(sizes)
    several = sizes > 1
    start, last = (ends - sizes)[several], ends[several] - 1
    same = (xyz[start] == xyz[last]) | (np.isnan(xyz[start]) & np.isnan(xyz[last]))
    closed = np.zeros(len(sizes), dtype=bool)
    closed[several] = same.all(axis=1)
    return closed


def _tell(log: GapLog, code: str, flags: np.ndarray, ids: np.ndarray, name: str, severity: str, **values: Any) -> None:
    places = [str(ids[i]) if ids[i] else f"polygon {i + 1}" for i in np.flatnonzero(flags)[:20]]
    log.add(
        code,
        layer="buildings",
        severity=severity,
        count=int(flags.sum()),
        of=len(flags),
        source=name,
        places=places,
        **values,
    )


def _exteriors_first(
    polygons: Polygons, parsed: Parsed, rings_kept: np.ndarray, first: np.ndarray, kept: np.ndarray
) -> None:
    """Put the outer ring first where a file writes a hole before it."""
    for polygon, ring in parsed.late_exteriors.tolist():
        if not kept[polygon]:
            continue
        low, high = int(rings_kept[first[polygon]]), int(rings_kept[ring])
        a, b = polygons.ring_start[low], polygons.ring_start[high]
        end = polygons.ring_start[high + 1]
        polygons.xyz[a:end] = np.concatenate((polygons.xyz[b:end], polygons.xyz[a:b]))
        sizes = np.diff(polygons.ring_start[low : high + 2])
        polygons.ring_start[low + 1 : high + 2] = a + np.cumsum(np.concatenate((sizes[-1:], sizes[:-1])))


def _reverse(polygons: Polygons, rows: list[int]) -> None:
    """Turn polygons round that the file orients against their own direction (OrientableSurface)."""
    for row in rows:
        for ring in polygons.rings(row):
            ring[:] = ring[::-1].copy()


def _doubts(geometry: Geometry, name: str, log: GapLog) -> None:
    """Write rows for rings that are open, too short, or repeat a point; they stay as they are."""
    polygons, ids = geometry.polygons, geometry.ids
    sizes = np.diff(polygons.ring_start)
    xyz = polygons.xyz
    repeats = np.zeros(len(xyz), dtype=bool)
    if len(xyz) > 1:
        repeats[1:] = (xyz[1:] == xyz[:-1]).all(axis=1)
        repeats[polygons.ring_start[:-1][sizes > 0]] = False
    repeated = np.add.reduceat(repeats, polygons.ring_start[:-1]) if len(sizes) else np.empty(0, np.int64)
    short = _fewer_than_three(polygons)
    _tell(log, "gml_ring_open", ~geometry.closed, ids, name, "warning")
    _tell(log, "gml_ring_short", _per_polygon(short, polygons.polygon_start), ids, name, "warning")
    _tell(log, "gml_points_repeated", _per_polygon(repeated > 0, polygons.polygon_start), ids, name, "info")
    _tell(
        log, "gml_heights_missing", geometry.flat, ids, name, "default", default="lowest height of the object, else 0 m"
    )


def _differ(xyz: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Tell which points differ from the points at rows ``other``; one coordinate at a time, to spare memory."""
    result = np.zeros(len(xyz), dtype=bool)
    for k in range(3):
        result |= xyz[:, k] != xyz[other, k]
    return result


def _fewer_than_three(polygons: Polygons) -> np.ndarray:
    """Tell which rings have fewer than three different points."""
    start = polygons.ring_start[:-1]
    if not len(start):
        return np.empty(0, dtype=bool)
    xyz = polygons.xyz
    first = np.repeat(start, np.diff(polygons.ring_start))
    not_first = _differ(xyz, first)
    number = np.where(not_first, np.arange(len(xyz)), len(xyz) - 1)
    second = np.repeat(np.minimum.reduceat(number, start), np.diff(polygons.ring_start))
    third = not_first & _differ(xyz, second)
    return ~np.logical_or.reduceat(third, start)
