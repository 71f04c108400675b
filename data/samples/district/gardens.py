"""Gardens: parcels between the houses, their hedges, terraces, paths, drives and beds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry import MultiPoint, Point
from shapely.geometry.base import BaseGeometry

from district import layout, quarters
from district.houses import Frame, House

PATH, TERRACE, HEDGE, BED, DRIVE = "path", "terrace", "hedge", "bed", "drive"
_GARAGE = (18.0, 24.0)  # [m2] footprints of garages


def with_garden() -> list[House]:
    """Return the houses that stand on plots of their own: detached houses, terraces and post-war blocks."""
    founders = shapely.union_all([layout.block_at(u, v) for u, v in ((300, 290), (370, 295), (308, 375), (372, 380))])
    return [h for h in quarters.houses() if h.zone == "living" and not founders.contains(Point(h.front))]


def parcels(houses: list[House]) -> list[BaseGeometry]:
    """Return the ground that is nearer to a house than to any other, inside its block."""
    outlines = [h.footprint.buffer(-0.4, join_style="mitre").exterior.segmentize(1.0).coords[:-1] for h in houses]
    points = MultiPoint([(round(u, 2), round(v, 2)) for outline in outlines for u, v in outline])
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=layout.AREA))
    owner = np.repeat(np.arange(len(houses)), [len(o) for o in outlines])
    found = shapely.STRtree(cells).query(shapely.points(shapely.get_coordinates(points)), predicate="intersects")
    groups: dict[int, list[BaseGeometry]] = {}
    for point, cell in zip(*found, strict=True):
        groups.setdefault(int(owner[point]), []).append(cells[cell])
    grounds = [shapely.union_all(groups[i], grid_size=0.01).simplify(0.7) for i in range(len(houses))]
    near = [layout.block_at(*h.front).intersection(layout.AREA).intersection(h.footprint.buffer(36.0)) for h in houses]
    return [g.intersection(n) for g, n in zip(grounds, near, strict=True)]


def surfaces() -> Iterator[tuple[str, BaseGeometry]]:
    """Yield the surfaces of all gardens, lower ones first."""
    houses = with_garden()
    lanes = shapely.union_all([s.line.buffer(s.half_width) for s in layout.streets() if s.pavement > 0])
    grounds = parcels(houses)
    clear = shapely.union_all([h.footprint for h in quarters.houses()]).buffer(1.2)
    for index, (house, ground) in enumerate(zip(houses, grounds, strict=True)):
        if house.footprint.area > 75.0 and index % 6 != 2:  # terraces have fences, not hedges
            strip = ground.boundary.buffer(0.55).difference(lanes.buffer(1.0)).difference(clear)
            yield HEDGE, strip.intersection(layout.AREA.buffer(-1.5))
    for index, (house, ground) in enumerate(zip(houses, grounds, strict=True)):
        for kind, shape in _plot(index, house, lanes):
            yield kind, shape.intersection(ground.buffer(0.6)).difference(lanes)


def _plot(index: int, house: House, lanes: BaseGeometry) -> Iterator[tuple[str, BaseGeometry]]:
    main = house.parts[0].footprint
    middle, front = np.array(main.centroid.coords[0]), np.array(house.front)
    depth = float(np.linalg.norm(front - middle))
    away = (front - middle) / depth
    across = np.array([-away[1], away[0]])
    half = float(np.abs((shapely.get_coordinates(main) - middle) @ across).max())
    frame = Frame((float(middle[0]), float(middle[1])), math.atan2(-away[0], away[1]))  # y points to the street
    if index % 3 == 0:
        yield BED, frame.box_polygon(-half + 0.5, half - 3.0, -depth - 11.0, -depth - 7.5)
    yield TERRACE, frame.box_polygon(-half + 0.4, half - 0.6, -depth - 3.2, -depth + 0.5)
    yield PATH, frame.box_polygon(-0.7, 0.7, depth - 0.5, depth + 15)
    for part in house.parts[1:]:
        if part.roof_type == "1000" and _GARAGE[0] < part.footprint.area < _GARAGE[1]:
            steps = [shapely.affinity.translate(part.footprint, *(away * d)) for d in (0.0, 5.0, 10.0, 13.0)]
            yield DRIVE, shapely.union_all(steps).intersection(front_reach(house)).difference(lanes)


def front_reach(house: House) -> BaseGeometry:
    """Return what is near enough to the house's front to belong to its drive."""
    return Point(house.front).buffer(18.0)
