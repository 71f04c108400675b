"""The city as triangles for pictures: all buildings one mesh, the terrain one mesh (trees: ``twin.view.trees``).

Coordinates are moved to the corner of the area (float32 keeps millimetres there, not at UTM values). One merged mesh
per kind is what makes drawing quick: 50,000 buildings are one call to the graphics library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from twin.city.model import Polygons

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["ROOF", "WALL", "Mesh", "buildings_mesh", "merge", "terrain_mesh"]

WALL, ROOF = 0, 1


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in flat arrays.

    Parameters
    ----------
    points : numpy.ndarray
        float32 (n, 3) [m] from the origin of the scene.
    triangles : numpy.ndarray
        int64 (t, 3) point numbers.
    part : numpy.ndarray
        uint8 (t,): :data:`WALL` or :data:`ROOF` of buildings, 0 elsewhere.
    owner : numpy.ndarray
        int64 (t,): row of the object or tree.
    colours : numpy.ndarray or None
        uint8 (t, 3), where the mesh brings its own.
    lines : numpy.ndarray
        int64 (m, 2) point numbers of outlines.
    """

    points: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    owner: np.ndarray
    colours: np.ndarray | None = None
    lines: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.triangles)


def buildings_mesh(
    city: City,
    origin: tuple[float, float, float],
    *,
    area: tuple[float, float, float, float] | None = None,
    outlines: bool = True,
) -> Mesh:
    """Return all buildings as one mesh: exact roofs and walls where the city has them, extruded footprints elsewhere.

    Parameters
    ----------
    city : City
        Objects with surfaces (the highest level of detail of each is used) or with footprint and height.
    origin : tuple of float
        East, north, height [m] that becomes (0, 0, 0).
    area : tuple of float, optional
        West, south, east, north [m]; objects whose middle lies outside are left out, none is cut.
    outlines : bool
        Whether the mesh brings the edges of its polygons.
    """
    exact, extruded = _surface_polygons(city), _extruded_polygons(city)
    meshes = [
        _polygon_mesh(polygons, part, owner, origin, area, outlines)
        for polygons, part, owner in (exact, extruded)
        if len(polygons)
    ]
    return merge(meshes)


def _surface_polygons(city: City) -> tuple[Polygons, np.ndarray, np.ndarray]:
    """Polygons of the highest level of detail of each object, without ground surfaces, and what they are."""
    empty = (Polygons.empty(), np.zeros(0, np.uint8), np.zeros(0, np.int64))
    if not len(city.polygons) or city.surfaces.empty:
        return empty
    owner, lod = city.surfaces["object"].to_numpy(np.int64), city.surfaces["lod"].to_numpy(np.int64)
    highest = np.zeros(max(len(city.objects), int(owner.max()) + 1), np.int64)
    np.maximum.at(highest, owner, lod)
    kind = city.surfaces["kind"].astype(str).to_numpy()
    keep = np.flatnonzero(
        (lod == highest[owner])
        & ~np.isin(kind, ("GroundSurface", "ClosureSurface", "InteriorWallSurface", "FloorSurface"))
    )
    if not len(keep):
        return empty
    chosen = _take(city.polygons, keep)
    steep = np.abs(_normal_z(chosen)) < 0.2
    named_roof, named_wall = kind[keep] == "RoofSurface", kind[keep] == "WallSurface"
    part = np.where(named_roof | (~named_wall & ~steep), ROOF, WALL).astype(np.uint8)
    return chosen, part, owner[keep]


def _take(polygons: Polygons, rows: np.ndarray) -> Polygons:
    """Return some polygons; the coordinates stay one array."""
    first, last = polygons.polygon_start[rows], polygons.polygon_start[rows + 1]
    counts = last - first
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    ring = np.repeat(first - start[:-1], counts) + np.arange(start[-1])
    lengths = polygons.ring_start[ring + 1] - polygons.ring_start[ring]
    ring_start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    point = np.repeat(polygons.ring_start[ring] - ring_start[:-1], lengths) + np.arange(ring_start[-1])
    return Polygons(polygons.xyz[point], ring_start, start)


def _normal_z(polygons: Polygons) -> np.ndarray:
    """Vertical part of the unit normal of each polygon's first triangle, 0 where it has none."""
    corners, owner = polygons.triangles
    a, b, c = (polygons.xyz[corners[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    sums = np.zeros((len(polygons), 3))
    np.add.at(sums, owner, normal)
    length = np.linalg.norm(sums, axis=1)
    return np.divide(sums[:, 2], length, out=np.zeros(len(polygons)), where=length > 0)


def _extruded_polygons(city: City) -> tuple[Polygons, np.ndarray, np.ndarray]:
    """Flat roofs and walls of objects that have a footprint and a height but no surfaces."""
    import shapely

    known = set(city.surfaces["object"].tolist())
    objects = city.objects
    height = objects["measured_height"].to_numpy(float)
    ground = objects["ground_height"].to_numpy(float)
    shapes = np.asarray(objects.geometry.values)
    there = ~shapely.is_missing(shapes) & (height > 0) & ~np.isin(np.arange(len(objects)), list(known))
    usable = np.flatnonzero(there)
    floating = usable[~np.isfinite(ground[usable])]
    if len(floating):
        ground = ground.copy()
        ground[floating] = _terrain_under(city, shapes[floating])
    if not len(usable):
        return Polygons.empty(), np.zeros(0, np.uint8), np.zeros(0, np.int64)
    parts, part_of = shapely.get_parts(shapes[usable], return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    xy, point_of = shapely.get_coordinates(rings, return_index=True)
    kept = np.append(point_of[1:] == point_of[:-1], False)  # the closing point of each ring goes
    xy, point_of = xy[kept], point_of[kept]
    owner = usable[part_of[ring_of]][point_of]
    low, high = ground[owner], ground[owner] + height[owner]
    roof_start = np.concatenate([[0], np.cumsum(np.bincount(point_of, minlength=len(rings)))])
    roofs, walls = np.column_stack([xy, high]), _walls(xy, roof_start, low, high)
    each = np.arange(1, len(xy) + 1)
    ring_start = np.concatenate([roof_start, len(xy) + 4 * each]).astype(np.int64)
    rings_of_part = np.bincount(ring_of, minlength=len(parts))
    polygon_start = np.concatenate([[0], np.cumsum(rings_of_part), len(rings) + each]).astype(np.int64)
    part = np.concatenate([np.full(len(parts), ROOF, np.uint8), np.full(len(xy), WALL, np.uint8)])
    return (
        Polygons(np.vstack([roofs, walls]), ring_start, polygon_start),
        part,
        np.concatenate([usable[part_of], owner]),
    )


def _walls(xy: np.ndarray, ring_start: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the corners of one wall a ring segment, (4 n, 3)."""
    after = np.arange(1, len(xy) + 1)
    after[ring_start[1:] - 1] = ring_start[:-1]
    corners = [(xy, low), (xy[after], low), (xy[after], high), (xy, high)]
    return np.stack([np.column_stack(corner) for corner in corners], axis=1).reshape(-1, 3)


def _terrain_under(city: City, shapes: np.ndarray) -> np.ndarray:
    """Lowest terrain height [m] under the corners of each footprint, 0 where there is no terrain."""
    import shapely

    if city.terrain is None:
        return np.zeros(len(shapes))
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    x, y = city.terrain["x"].values.astype(float), city.terrain["y"].values.astype(float)
    column = np.clip(np.round((points[:, 0] - x[0]) / (x[1] - x[0])), 0, len(x) - 1).astype(np.int64)
    row = np.clip(np.round((points[:, 1] - y[0]) / (y[1] - y[0])), 0, len(y) - 1).astype(np.int64)
    lowest = np.full(len(shapes), np.inf)
    np.fmin.at(lowest, owner, city.terrain.values[row, column].astype(float))
    return np.where(np.isfinite(lowest), lowest, 0.0)


def _polygon_mesh(
    polygons: Polygons,
    part: np.ndarray,
    owner: np.ndarray,
    origin: tuple[float, float, float],
    area: tuple[float, float, float, float] | None,
    outlines: bool,
) -> Mesh:
    corners, polygon = polygons.triangles
    if area is not None and len(corners):
        inside = _owners_inside(polygons.xyz[corners].mean(axis=1), owner[polygon], area)
        corners, polygon = corners[inside], polygon[inside]
    points = (polygons.xyz - np.asarray(origin)).astype(np.float32)
    lines = np.zeros((0, 2), np.int64)
    if outlines:
        shown = np.zeros(len(polygons), bool)
        shown[polygon] = True
        lines = _outlines(polygons, shown)
    return Mesh(points, corners.astype(np.int64, copy=False), part[polygon], owner[polygon], lines=lines)


def _owners_inside(middles: np.ndarray, owner: np.ndarray, area: tuple[float, float, float, float]) -> np.ndarray:
    """Whether the middle of each triangle's whole object lies in the area, so that no object is cut."""
    count = np.maximum(np.bincount(owner), 1)
    x, y = (np.bincount(owner, middles[:, k]) / count for k in (0, 1))
    west, south, east, north = area
    return ((x >= west) & (x <= east) & (y >= south) & (y <= north))[owner]


def _outlines(polygons: Polygons, shown: np.ndarray) -> np.ndarray:
    """Ring segments of the polygons shown, each once however many polygons share it."""
    count = len(polygons.xyz)
    after = np.arange(1, count + 1)
    after[polygons.ring_start[1:] - 1] = polygons.ring_start[:-1]
    rings_of = np.diff(polygons.polygon_start)
    points_of_ring = np.diff(polygons.ring_start)
    visible = np.repeat(np.repeat(shown, rings_of), points_of_ring)
    return np.column_stack([np.arange(count), after])[visible]


def merge(meshes: list[Mesh]) -> Mesh:
    """Return several meshes as one."""
    if len(meshes) == 1:
        return meshes[0]
    if not meshes:
        none = np.zeros((0, 3), np.int64)
        return Mesh(np.zeros((0, 3), np.float32), none, np.zeros(0, np.uint8), np.zeros(0, np.int64), lines=none[:, :2])
    shift = np.concatenate([[0], np.cumsum([len(m.points) for m in meshes])[:-1]])
    return Mesh(
        points=np.vstack([m.points for m in meshes]),
        triangles=np.vstack([m.triangles + s for m, s in zip(meshes, shift, strict=True)]),
        part=np.concatenate([m.part for m in meshes]),
        owner=np.concatenate([m.owner for m in meshes]),
        lines=np.vstack([m.lines + s for m, s in zip(meshes, shift, strict=True) if m.lines is not None]),
    )


def terrain_mesh(
    terrain: xr.DataArray, origin: tuple[float, float, float], *, most: int = 400
) -> tuple[Mesh, np.ndarray]:
    """Return the terrain as one mesh and its texture coordinates.

    Parameters
    ----------
    terrain : xarray.DataArray
        Height [m] with dims ("y", "x"), row 0 = north; missing heights lie at the lowest one.
    origin : tuple of float
        East, north, height [m] that becomes (0, 0, 0).
    most : int
        Most points along one side; the picture on it keeps its own resolution.

    Returns
    -------
    Mesh, numpy.ndarray
        The mesh, and float32 (n, 2) coordinates 0..1 from the south-west corner of the grid.
    """
    rows, columns = (np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)) for n in terrain.shape)
    x, y = terrain["x"].values.astype(float), terrain["y"].values.astype(float)
    half = abs(x[1] - x[0]) / 2.0
    edge_x, edge_y = x[columns].copy(), y[rows].copy()
    edge_x[[0, -1]] += (-half, half)
    edge_y[[0, -1]] += (half, -half)
    z = terrain.values[np.ix_(rows, columns)].astype(float)
    z = np.where(np.isnan(z), np.nanmin(z) if np.isfinite(z).any() else 0.0, z)
    xx, yy = np.meshgrid(edge_x, edge_y)
    points = np.column_stack([xx.ravel(), yy.ravel(), z.ravel()]) - np.asarray(origin)
    number = np.arange(xx.size).reshape(xx.shape)
    a, b, c, d = number[1:, :-1], number[1:, 1:], number[:-1, 1:], number[:-1, :-1]
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    u = (xx - (x[0] - half)) / (x[-1] - x[0] + 2 * half)
    v = (yy - (y[-1] - half)) / (y[0] - y[-1] + 2 * half)
    none = np.zeros(len(triangles), np.int64)
    mesh = Mesh(points.astype(np.float32), triangles, none.astype(np.uint8), none)
    return mesh, np.column_stack([u.ravel(), v.ravel()]).astype(np.float32)
