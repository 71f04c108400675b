"""From building objects to roof heights on the grid: exact roof planes where there are any, level roofs elsewhere.

A building's body is itself, its parts, its outer installations and constructive elements. Of each object the highest
level of detail that has roofs is burned: roof and outer floor surfaces with the windows in them, or all outer polygons
of a solid without semantics, the highest in each cell. An object with only a footprint and a height is level at its
lowest ground + height. Left out: what hangs over (a cell has one height), and interiors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from twin.city.burn import NO_HEIGHT, Spans, burn_flat, burn_planes, lowest_under, paint, polygon_spans, to_cells
from twin.city.defaults import default
from twin.city.triangles import triangulate

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from twin.city.gaps import GapLog
    from twin.city.model import City

__all__ = ["Footprints", "building_footprints", "burn_buildings", "flat_polygons", "top_level"]

BODY_KINDS = ("Building", "BuildingPart", "BuildingInstallation", "BuildingConstructiveElement")
_ROOF_KINDS = ("RoofSurface", "OuterFloorSurface")
_OPENING_KINDS = ("Window", "Door", "WindowSurface", "DoorSurface")
_NEVER_KINDS = (
    "GroundSurface",
    "WallSurface",
    "ClosureSurface",
    "OuterCeilingSurface",
    "InteriorWallSurface",
    "CeilingSurface",
    "FloorSurface",
)
_LEAST_LEAN = 0.17  # a window steeper than 80 degrees is in a wall


def top_level(parent: np.ndarray) -> np.ndarray:
    """Return the row of each object's topmost ancestor.

    Parameters
    ----------
    parent : numpy.ndarray
        int64 row of each object's parent, -1 = none.

    Examples
    --------
    >>> top_level(np.array([-1, 0, 1, -1])).tolist()
    [0, 0, 0, 3]
    """
    top = np.arange(len(parent), dtype=np.int64)
    for _ in range(64):
        above = parent[top]
        moved = above >= 0
        if not moved.any():
            break
        top = np.where(moved, above, top)
    return top


def flat_polygons(shapes: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return polygons and multipolygons as flat arrays.

    Parameters
    ----------
    shapes : array of shapely geometries
        Anything else in it, None too, counts for nothing.

    Returns
    -------
    xy, ring_start, polygon_start, row : numpy.ndarray
        Coordinates (n, 2), offsets as in ``twin.city.model.Polygons``, and the input row of each polygon.
    """
    parts, row = shapely.get_parts(np.asarray(shapes, dtype=object), return_index=True)
    while (shapely.get_type_id(parts) > 3).any():  # collections of multipolygons
        parts, inner = shapely.get_parts(parts, return_index=True)
        row = row[inner]
    areal = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    parts, row = parts[areal], row[areal]
    rings, of_polygon = shapely.get_rings(parts, return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    ring_start = np.concatenate([[0], np.cumsum(np.bincount(of_ring, minlength=len(rings)))]).astype(np.int64)
    polygon_start = np.concatenate([[0], np.cumsum(np.bincount(of_polygon, minlength=len(parts)))]).astype(np.int64)
    return xy, ring_start, polygon_start, row


@dataclass(frozen=True)
class Footprints:
    """Building bodies on the grid: cells of each footprint polygon, its object, and what each object belongs to."""

    spans: Spans
    object: np.ndarray  # object row of each footprint polygon
    body: np.ndarray  # bool, objects that are part of a building's body
    top: np.ndarray  # row of each object's top-level object

    def lowest(self, field: np.ndarray) -> np.ndarray:
        """Return the lowest value of a grid under each object, infinity where it covers no cell."""
        out = np.full(len(self.top), np.inf)
        np.minimum.at(out, self.object, lowest_under(self.spans, field, len(self.object)))
        return out


def building_footprints(city: City, box: GeoBox) -> Footprints:
    """Return the footprints of all building bodies of a city on a grid."""
    kind = city.objects["kind"].to_numpy(dtype=object)
    top = top_level(city.objects["parent"].to_numpy(dtype=np.int64))
    body = np.isin(kind, BODY_KINDS) & np.isin(kind[top], BODY_KINDS)
    rows = np.flatnonzero(body)
    xy, ring_start, polygon_start, row = flat_polygons(city.objects.geometry.to_numpy()[rows])
    spans = polygon_spans(to_cells(xy, box), ring_start, polygon_start, box.shape)
    return Footprints(spans, rows[row], body, top)


def lowest_points(city: City) -> np.ndarray:
    """Return the lowest z [m] of each object's own polygons, infinity where it has none."""
    out = np.full(len(city.objects), np.inf)
    polygons = city.polygons
    if len(polygons):
        start = polygons.ring_start[polygons.polygon_start]
        per_polygon = np.full(len(polygons), np.inf)
        owner = np.repeat(np.arange(len(polygons)), np.diff(start))
        z = polygons.xyz[start[0] : start[-1], 2]
        np.minimum.at(per_polygon, owner, np.where(np.isfinite(z), z, np.inf))
        np.minimum.at(out, city.surfaces["object"].to_numpy(dtype=np.int64), per_polygon)
    return out


def roof_rows(city: City, body: np.ndarray) -> np.ndarray:
    """Return which polygons form the upper side of building bodies, of each object's highest level of detail."""
    if len(city.polygons) == 0:
        return np.empty(0, np.int64)
    surfaces = city.surfaces
    kind = surfaces["kind"].to_numpy(dtype=object)
    lod = surfaces["lod"].to_numpy(dtype=np.int64)
    of = surfaces["object"].to_numpy(dtype=np.int64)
    ours = body[of] & (lod >= 1)
    roof = ours & np.isin(kind, _ROOF_KINDS)
    opening = ours & np.isin(kind, _OPENING_KINDS)
    other = ours & ~roof & ~opening & ~np.isin(kind, _NEVER_KINDS)
    opening &= np.abs(surfaces["normal_z"].to_numpy(dtype=float)) > _LEAST_LEAN
    best_roof, best_other = np.full(len(body), -1, np.int64), np.full(len(body), -1, np.int64)
    np.maximum.at(best_roof, of[roof], lod[roof])
    np.maximum.at(best_other, of[other], lod[other])
    best = np.where(best_roof >= 0, best_roof, best_other)
    return np.flatnonzero((roof | opening | other) & (lod == best[of]))


def _burn_planes(
    city: City, box: GeoBox, prints: Footprints, height: np.ndarray, owner: np.ndarray, log: GapLog
) -> np.ndarray:
    """Burn all roof planes; return which objects have any."""
    rows = roof_rows(city, prints.body)
    corners, polygon = triangulate(city.polygons, rows)
    of = city.surfaces["object"].to_numpy(dtype=np.int64)
    lost = np.setdiff1d(rows, polygon)
    ids = city.objects["id"].to_numpy(dtype=object)
    log.add(
        "roof_without_area",
        layer="surface_height",
        severity="warning",
        count=len(lost),
        of=len(rows),
        places=ids[of[lost]] if len(lost) else (),
    )
    xyz = city.polygons.xyz
    burn_planes(
        to_cells(xyz, box), np.ascontiguousarray(xyz[:, 2]), corners, (of[polygon] + 1).astype(np.int32), height, owner
    )
    has = np.zeros(len(city.objects), bool)
    has[of[polygon]] = True
    return has


def _heights(city: City, prints: Footprints, flat: np.ndarray, log: GapLog) -> np.ndarray:
    """Return the height above ground [m] of objects to be drawn level, NaN where nothing is known."""
    objects = city.objects
    height = objects["measured_height"].to_numpy(dtype=float, na_value=np.nan)
    storeys = objects["storeys"].to_numpy(dtype=float, na_value=np.nan)
    ids = objects["id"].to_numpy(dtype=object)
    storey = default("default_storey_height")
    for code, values, used in (
        ("height_from_building", height[prints.top], "height of the whole building"),
        ("height_from_storeys", storey * storeys, f"{storey:g} m a storey"),
    ):
        filled = flat & ~(height > 0) & (values > 0)
        height = np.where(filled, values, height)
        log.add(
            code,
            layer="surface_height",
            severity="default",
            count=int(filled.sum()),
            of=int(flat.sum()),
            places=ids[filled],
            default=used,
        )
    return np.where(height > 0, height, np.nan)


def _burn_level(
    city: City,
    prints: Footprints,
    has_roof: np.ndarray,
    terrain: np.ndarray,
    height: np.ndarray,
    owner: np.ndarray,
    log: GapLog,
) -> np.ndarray:
    """Burn footprints without roof planes as level roofs; return which objects have a footprint but no height."""
    count = len(city.objects)
    printed = np.zeros(count, bool)
    printed[prints.object] = True
    covered = np.zeros(count, bool)  # buildings whose roofs come from what belongs to them
    kind = city.objects["kind"].to_numpy(dtype=object)
    parts = (kind == "BuildingPart") & (prints.top != np.arange(count))
    covered[prints.top[parts & (has_roof | printed)]] = True
    solid = np.isin(kind, ("Building", "BuildingPart"))
    flat = printed & solid & ~has_roof & ~covered
    above = _heights(city, prints, flat, log)
    delivered = city.objects["ground_height"].to_numpy(dtype=float, na_value=np.nan)
    ground = np.where(np.isfinite(delivered), delivered, prints.lowest(terrain))
    z = np.where(flat & np.isfinite(ground), ground + above, np.nan)
    burn_flat(prints.spans, z[prints.object], (prints.object + 1).astype(np.int32), height, owner)
    nothing = flat & np.isnan(above)
    log.add(
        "building_without_height",
        layer="surface_height",
        severity="warning",
        count=int(nothing.sum()),
        of=int(solid.sum()),
        places=city.objects["id"].to_numpy(dtype=object)[nothing],
    )
    return nothing


def _close_cracks(
    city: City, prints: Footprints, has_roof: np.ndarray, height: np.ndarray, owner: np.ndarray, log: GapLog
) -> None:
    """Give cells of a footprint that slip between its roof planes their neighbours' mean height, in place."""
    top = prints.top
    roofed = np.zeros(len(top), bool)
    roofed[top[has_roof]] = True
    inside = np.zeros(height.shape, np.int32)
    paint(prints.spans, np.where(roofed[top[prints.object]], prints.object + 1, 0).astype(np.int32), inside)
    row, column = np.nonzero((inside > 0) & (owner == 0))
    mine = top[inside[row, column] - 1]
    total, known, first = np.zeros(len(row)), np.zeros(len(row), np.int64), np.zeros(len(row), np.int32)
    for down, along in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
        r, c = row + down, column + along
        ok = (r >= 0) & (r < height.shape[0]) & (c >= 0) & (c < height.shape[1])
        other = np.where(ok, owner[np.where(ok, r, 0), np.where(ok, c, 0)], 0)
        ok &= (other > 0) & (top[other - 1] == mine)
        total[ok] += height[r[ok], c[ok]]
        known[ok] += 1
        first = np.where(ok & (first == 0), other, first)
    crack = known >= 6  # a court's edge has 3 such neighbours, its corner 5, a slit 6
    height[row[crack], column[crack]] = total[crack] / known[crack]
    owner[row[crack], column[crack]] = first[crack]
    ids = city.objects["id"].to_numpy(dtype=object)
    cells = int((owner > 0).sum())
    for code, severity, which, used in (
        ("roof_crack", "default", crack, "mean of the roof around"),
        ("footprint_without_roof", "info", ~crack, "terrain"),
    ):
        log.add(
            code,
            layer="surface_height",
            severity=severity,
            count=int(which.sum()),
            of=cells,
            places=ids[np.unique(mine[which])],
            default=used,
        )


def burn_buildings(
    city: City, box: GeoBox, prints: Footprints, terrain: np.ndarray, log: GapLog
) -> tuple[np.ndarray, np.ndarray]:
    """Return the surface of terrain and buildings, and the object that forms it in each cell.

    Parameters
    ----------
    city : twin.city.model.City
        City with its objects, surfaces and polygons.
    box : odc.geo.geobox.GeoBox
        Grid.
    prints : Footprints
        What :func:`building_footprints` returned for this grid.
    terrain : numpy.ndarray
        float32 (rows, columns) [m above datum].
    log : twin.city.gaps.GapLog
        Takes rows about missing heights and roofs, cracks between planes, and roofs below terrain.

    Returns
    -------
    surface : numpy.ndarray
        float32 (rows, columns) [m above datum], nowhere below terrain.
    owner : numpy.ndarray
        int32 object row + 1, 0 where the terrain is the surface.
    """
    height = np.full(box.shape, NO_HEIGHT, np.float32)
    owner = np.zeros(box.shape, np.int32)
    has_roof = _burn_planes(city, box, prints, height, owner, log)
    nothing = _burn_level(city, prints, has_roof, terrain, height, owner, log)
    _close_cracks(city, prints, has_roof, height, owner, log)
    drawn = owner > 0
    under = drawn & (height <= terrain)
    log.add(
        "roof_below_terrain",
        layer="surface_height",
        severity="warning",
        count=int(under.sum()),
        of=int(drawn.sum()),
        places=city.objects["id"].to_numpy(dtype=object)[prints.top[np.unique(owner[under]) - 1]],
        default="terrain",
    )
    owner[under] = 0
    if nothing.any():
        flat = np.zeros(box.shape, np.int32)
        paint(prints.spans, np.where(nothing[prints.object], prints.object + 1, 0).astype(np.int32), flat)
        owner = np.where(owner > 0, owner, flat)
    return np.maximum(height, terrain), owner
