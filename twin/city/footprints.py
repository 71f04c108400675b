"""Footprints of city objects: where on the map each of them stands.

The ground surfaces say it best; where a file has none, the level-0 outline, the roofs, the faces that look down, or
the hull of all points take their place, in this order. An object's parts count as its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from twin.city.model import Polygons

__all__ = ["flat_polygons", "footprints", "ranges"]

_GROUND = ("GroundSurface", "WaterGroundSurface")
_ROOF = ("RoofSurface", "OuterFloorSurface", "TrafficArea", "AuxiliaryTrafficArea", "WaterSurface")
_HULL_ONLY = ("TINRelief", "ReliefFeature", "RasterRelief", "MassPointRelief", "BreaklineRelief")
_WALL = 0.1  # |normal_z| below which a face counts as upright
_HULL = 5
_REPAIRABLE = 20_000  # points; repairing a tangle of more can take minutes and all memory, its hull is taken instead


def footprints(
    polygons: Polygons,
    *,
    surface_object: np.ndarray,
    surface_kind: np.ndarray,
    surface_lod: np.ndarray,
    normal_z: np.ndarray,
    object_kind: np.ndarray,
    object_parent: np.ndarray,
) -> np.ndarray:
    """Return one footprint an object.

    Parameters
    ----------
    polygons : Polygons
        All polygons.
    surface_object, surface_kind, surface_lod, normal_z : numpy.ndarray
        Of each polygon: row of its object, thematic class, level of detail, upward part of its normal.
    object_kind, object_parent : numpy.ndarray
        Of each object: class name, row of its parent or -1.

    Returns
    -------
    numpy.ndarray
        shapely geometries (Polygon, MultiPolygon) or None.
    """
    result = np.full(len(object_kind), None, dtype=object)
    if len(polygons) == 0 or len(object_kind) == 0:
        return result
    polygon, owner = _contributions(surface_object, object_kind, object_parent)
    rank = _ranks(surface_kind, surface_lod, normal_z)[polygon]
    rank[np.isin(object_kind, _HULL_ONLY)[owner]] = _HULL
    best = np.full(len(object_kind), 99, dtype=np.int64)
    np.minimum.at(best, owner, rank)
    finest = np.full(len(object_kind), -2, dtype=np.int64)
    chosen = rank == best[owner]
    np.maximum.at(finest, owner[chosen], surface_lod[polygon[chosen]].astype(np.int64))
    chosen &= (surface_lod[polygon] == finest[owner]) | (rank == _HULL)
    flat = chosen & (rank < _HULL)
    _unite(polygons, polygon[flat], owner[flat], result)
    empty = np.array([shape is None or shape.is_empty for shape in result])[owner]
    _hulls(polygons, polygon[empty], owner[empty], result)
    return result


def _contributions(surface_object: np.ndarray, kind: np.ndarray, parent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (polygon, object it helps to outline): its own object, wholes of parts, and parents without polygons."""
    polygon = np.flatnonzero(surface_object >= 0)
    owner = surface_object[polygon]
    part = np.array([str(name).endswith("Part") for name in kind], dtype=bool)
    has_own = np.zeros(len(kind), dtype=bool)
    has_own[owner] = True
    for row in np.flatnonzero(part & has_own):  # a whole whose parts have polygons needs no other children
        if parent[row] >= 0:
            has_own[parent[row]] = True
    polygons, owners = [polygon], [owner]
    while len(polygon):
        above = parent[owner]
        up = (above >= 0) & (part[owner] | ~has_own[above])
        polygon, owner = polygon[up], above[up]
        polygons.append(polygon)
        owners.append(owner)
    return np.concatenate(polygons), np.concatenate(owners)


def _ranks(kind: np.ndarray, lod: np.ndarray, normal_z: np.ndarray) -> np.ndarray:
    """Return how well each polygon tells a footprint: 0 best, 5 only as a point of a hull."""
    code, names = pd.factorize(kind)
    names = np.append(names, "")  # at least one name, so that there is something to look up

    def of_kind(*wanted: str) -> np.ndarray:
        return np.isin(names, wanted)[code]

    rank = np.full(len(kind), _HULL, dtype=np.int64)
    plain = of_kind("")
    rank[plain & (normal_z > _WALL)] = 4
    rank[plain & (normal_z < -_WALL)] = 3
    rank[of_kind(*_ROOF)] = 2
    rank[(lod == 0) & plain] = 1
    rank[of_kind(*_GROUND)] = 0
    return rank


def ranges(start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate ``arange(start[i], stop[i])``; also returns i of each number.

    Examples
    --------
    >>> numbers, which = ranges(np.array([5, 0]), np.array([7, 1]))
    >>> numbers.tolist(), which.tolist()
    ([5, 6, 0], [0, 0, 1])
    """
    sizes = stop - start
    which = np.repeat(np.arange(len(start)), sizes)
    inside = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return start[which] + inside, which


def flat_polygons(polygons: Polygons, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return polygons seen from above as valid shapely geometries, and which of ``rows`` each of them is.

    Rows whose outer ring has fewer than three points are left out; so are holes of that kind.
    """
    rings, of_ring = ranges(polygons.polygon_start[rows], polygons.polygon_start[rows + 1])
    sizes = polygons.ring_start[rings + 1] - polygons.ring_start[rings]
    outer_fits = np.zeros(len(rows), dtype=bool)
    is_outer = rings == polygons.polygon_start[rows][of_ring]
    outer_fits[of_ring[is_outer & (sizes >= 3)]] = True
    fits = (sizes >= 3) & outer_fits[of_ring]
    rings, of_ring = rings[fits], of_ring[fits]
    if len(rings) == 0:
        return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    first = np.flatnonzero(np.diff(of_ring, prepend=-1))
    kept, shapes = of_ring[first], _shapes(polygons, rings, np.append(first, len(rings)))
    broken = ~shapely.is_valid(shapes)
    tangled = broken & (shapely.get_num_coordinates(shapes) > _REPAIRABLE)
    shapes[tangled] = shapely.convex_hull(shapes[tangled])
    broken &= ~tangled
    if broken.any():
        shapes[broken] = [_areal(shape) for shape in shapely.make_valid(shapes[broken])]
    solid = ~shapely.is_empty(shapes)
    return shapes[solid], kept[solid]


def _shapes(polygons: Polygons, rings: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return polygons of rings seen from above: those of polygon i are ``rings[first[i]:first[i + 1]]``."""
    points, _ = ranges(polygons.ring_start[rings], polygons.ring_start[rings + 1])
    ends = np.cumsum(polygons.ring_start[rings + 1] - polygons.ring_start[rings])
    closing = np.concatenate(([0], ends[:-1]))  # the first point of each ring stands again at its end
    xy = polygons.xyz[np.insert(points, ends, points[closing]), :2]
    ring_first = np.concatenate(([0], ends + np.arange(1, len(rings) + 1)))
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy, (ring_first, first))


def _areal(shape: shapely.Geometry) -> shapely.Geometry:
    """Keep what has an area; spikes and doubled edges become lines in a valid geometry."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = [part for part in getattr(shape, "geoms", ()) if part.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _unite(polygons: Polygons, rows: np.ndarray, owner: np.ndarray, result: np.ndarray) -> None:
    if len(rows) == 0:
        return
    shapes, which = flat_polygons(polygons, rows)
    owner = owner[which]
    order = np.argsort(owner, kind="stable")
    shapes, owner = shapes[order], owner[order]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    sizes = np.diff(first, append=len(owner))
    single = sizes == 1
    result[owner[first[single]]] = shapes[first[single]]
    for start, size in zip(first[~single], sizes[~single], strict=True):
        result[owner[start]] = _areal(shapely.union_all(shapes[start : start + size]))


def _hulls(polygons: Polygons, rows: np.ndarray, owner: np.ndarray, result: np.ndarray) -> None:
    if len(rows) == 0:
        return
    order = np.argsort(owner, kind="stable")
    rows, owner = rows[order], owner[order]
    first = polygons.ring_start[polygons.polygon_start[rows]]
    last = polygons.ring_start[polygons.polygon_start[rows + 1]]
    points, of_row = ranges(first, last)
    objects, index = np.unique(owner[of_row], return_inverse=True)
    hulls = shapely.convex_hull(shapely.multipoints(polygons.xyz[points, :2], indices=index))
    areal = shapely.get_type_id(hulls) == shapely.GeometryType.POLYGON
    result[objects] = np.where(areal, hulls, None)
