"""Cut, move and join the bodies of a city: objects with their surfaces and polygons, kept in step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from twin.city.model import City, Polygons
from twin.city.placing import Bounds, horizontal, placed, same_place

__all__ = ["body_bounds", "footprint_shapes", "joined", "kept", "moved", "object_bounds", "top_of", "touching"]


def object_bounds(city: City) -> np.ndarray:
    """Return west, south, east, north of each object: of its polygons and its footprint, NaN where it has neither."""
    count = len(city.objects)
    bounds = np.array([np.inf, np.inf, -np.inf, -np.inf]) * np.ones((count, 1))
    if len(city.polygons):
        first_point = city.polygons.ring_start[city.polygons.polygon_start]
        lengths = np.diff(first_point)
        owner = np.repeat(city.surfaces["object"].to_numpy(), lengths)
        points = city.polygons.xyz[first_point[0] : first_point[-1], :2]
        np.minimum.at(bounds[:, :2], owner, points)
        np.maximum.at(bounds[:, 2:], owner, points)
    if city.objects.geometry.notna().any():
        shape = city.objects.geometry.bounds.to_numpy()
        bounds[:, :2] = np.fmin(bounds[:, :2], shape[:, :2])
        bounds[:, 2:] = np.fmax(bounds[:, 2:], shape[:, 2:])
    bounds[~np.isfinite(bounds).all(axis=1)] = np.nan
    return bounds


def body_bounds(city: City) -> Bounds | None:
    """Return the extent of all bodies, None where there are none."""
    bounds = object_bounds(city)
    bounds = bounds[~np.isnan(bounds[:, 0])]
    if not len(bounds):
        return None
    (west, south), (east, north) = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)


def top_of(parent: np.ndarray) -> np.ndarray:
    """Return the row of the topmost ancestor of each object."""
    top = np.where(parent >= 0, parent, np.arange(len(parent)))
    for _ in range(len(parent)):
        above = top[top]
        if np.array_equal(above, top):
            break
        top = above
    return top


def touching(city: City, area: Bounds) -> np.ndarray:
    """Return which objects to keep for an area: every object whose whole family touches it, or that lies nowhere."""
    bounds = object_bounds(city)
    top = top_of(city.objects["parent"].to_numpy())
    inside = (
        (bounds[:, 0] <= area[2]) & (bounds[:, 2] >= area[0]) & (bounds[:, 1] <= area[3]) & (bounds[:, 3] >= area[1])
    )
    known = ~np.isnan(bounds[:, 0])
    family_inside, family_known = np.zeros(len(top), dtype=bool), np.zeros(len(top), dtype=bool)
    np.logical_or.at(family_inside, top, inside)
    np.logical_or.at(family_known, top, known)
    return np.asarray(family_inside[top] | ~family_known[top])


def kept(city: City, keep: np.ndarray) -> City:
    """Return the city with only some of its objects (a mask), their surfaces and polygons."""
    if keep.all():
        return city
    rows = _stay(city.surfaces["object"], keep)
    boundary_rows = _stay(city.boundaries["object"], keep)
    shells = city.shells[_stay(city.shells["object"], keep)].reset_index(drop=True)
    surfaces = _renumbered(city.surfaces[rows], "object", keep)
    if "boundary" in surfaces:
        surfaces = _renumbered(surfaces, "boundary", boundary_rows)
    boundaries = _renumbered(_renumbered(city.boundaries[boundary_rows], "object", keep), "parent", boundary_rows)
    shells = _renumbered(_renumbered(shells, "object", keep), "polygon", rows)
    return city.replace(
        objects=_renumbered(city.objects[keep], "parent", keep),
        surfaces=surfaces,
        polygons=_some(city.polygons, rows),
        boundaries=boundaries,
        shells=shells,
    )


def _stay(owner: pd.Series, keep: np.ndarray) -> np.ndarray:
    """Which rows stay: those whose owner stays, and those that belong to none."""
    rows = owner.to_numpy(dtype=np.int64)
    return np.asarray((rows < 0) | keep[np.maximum(rows, 0)])


def _renumbered(table: Any, column: str, keep: np.ndarray) -> Any:
    """Return the table with one column of row numbers counted anew after rows were left out; -1 = the row is gone."""
    number = np.where(keep, np.cumsum(keep) - 1, -1)
    rows = table[column].to_numpy(dtype=np.int64)
    anew = np.where(rows >= 0, number[np.maximum(rows, 0)], -1) if len(number) else rows
    return table.assign(**{column: anew.astype(np.int64)}).reset_index(drop=True)


def _some(polygons: Polygons, rows: np.ndarray) -> Polygons:
    """Return some polygons (a mask) with their rings and points."""
    ring_count = np.diff(polygons.polygon_start)
    rings = np.repeat(rows, ring_count)
    point_count = np.diff(polygons.ring_start)
    points = np.repeat(rings, point_count)
    return Polygons(
        polygons.xyz[points],
        np.concatenate([[0], np.cumsum(point_count[rings])]).astype(np.int64),
        np.concatenate([[0], np.cumsum(ring_count[rows])]).astype(np.int64),
    )


def moved(city: City, crs: pyproj.CRS) -> City:
    """Return the city in another CRS: east and north are transformed, heights keep their datum."""
    if city.crs is None or same_place(city.crs, crs):
        tables = {name: getattr(city, name) for name in ("objects", "trees", "land_cover")}
        return city.replace(crs=crs, **{n: table.set_crs(crs, allow_override=True) for n, table in tables.items()})
    change = pyproj.Transformer.from_crs(horizontal(city.crs), horizontal(crs), always_xy=True)
    xyz = city.polygons.xyz.copy()
    xyz[:, 0], xyz[:, 1] = change.transform(xyz[:, 0], xyz[:, 1])
    polygons = Polygons(xyz, city.polygons.ring_start, city.polygons.polygon_start)
    objects = placed(city.objects.set_crs(horizontal(city.crs), allow_override=True), crs)
    surfaces = _turned(city.surfaces, polygons)
    own = {n: placed(t, crs) for n, t in (("trees", city.trees), ("land_cover", city.land_cover)) if len(t)}
    return city.replace(crs=crs, objects=objects, polygons=polygons, surfaces=surfaces, **own)


def _turned(surfaces: pd.DataFrame, polygons: Polygons) -> pd.DataFrame:
    """Return the surfaces with normal, tilt, azimuth and area of the moved polygons."""
    from twin.city.surfaces import planes

    if not len(polygons):
        return surfaces
    return surfaces.assign(**planes(polygons))


def joined(cities: Sequence[City], crs: pyproj.CRS | None) -> City:
    """Return one city with the bodies of several, in order; their other tables are left behind."""
    if len(cities) == 1:
        return cities[0]
    objects, surfaces, boundaries, shells = [], [], [], []
    row = polygon = boundary = solid = composite = 0
    for city in cities:
        objects.append(_shifted(city.objects, parent=row))
        surfaces.append(_shifted(city.surfaces, object=row, boundary=boundary))
        boundaries.append(_shifted(city.boundaries, object=row, parent=boundary))
        shells.append(_shifted(city.shells, object=row, polygon=polygon, solid=solid, composite=composite))
        solid, composite = solid + _numbers(city.shells, "solid"), composite + _numbers(city.shells, "composite")
        row, polygon, boundary = row + len(city.objects), polygon + len(city.polygons), boundary + len(city.boundaries)
    table = gpd.GeoDataFrame(pd.concat(objects, ignore_index=True), geometry="geometry", crs=crs)
    return City(
        crs=crs,
        objects=table,
        surfaces=_stacked(surfaces),
        polygons=_chained([city.polygons for city in cities]),
        boundaries=_stacked(boundaries),
        shells=_stacked(shells),
    )


def _numbers(table: pd.DataFrame, column: str) -> int:
    """Return how many numbers a column of numbers from 0 takes."""
    return 1 + int(table[column].max()) if column in table and len(table) else 0


def _shifted(table: Any, **offsets: int) -> Any:
    """Return the table with row numbers shifted where they point at a row."""
    columns = {}
    for column, offset in offsets.items():
        if column in table:
            rows = table[column].to_numpy(dtype=np.int64)
            columns[column] = np.where(rows >= 0, rows + offset, -1)
    return table.assign(**columns)


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _chained(parts: Sequence[Polygons]) -> Polygons:
    points = np.cumsum([0, *(len(p.xyz) for p in parts)])
    rings = np.cumsum([0, *(len(p.ring_start) - 1 for p in parts)])
    ring_start = [p.ring_start[:-1] + n for p, n in zip(parts, points[:-1], strict=True)]
    polygon_start = [p.polygon_start[:-1] + n for p, n in zip(parts, rings[:-1], strict=True)]
    return Polygons(
        np.concatenate([p.xyz for p in parts]),
        np.concatenate([*ring_start, points[-1:]]).astype(np.int64),
        np.concatenate([*polygon_start, rings[-1:]]).astype(np.int64),
    )


def footprint_shapes(city: City) -> tuple[np.ndarray, np.ndarray]:
    """Return the footprints that are there, and the row of the object each belongs to."""
    shapes = np.asarray(city.objects.geometry.values)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return shapes[there], np.flatnonzero(there)
