"""Where the terrain closes a way that water has: a deck left in it over a stream, a dam without its culvert, a shut underpass.

Laser terrain mostly lacks bridges, but not all of them, and it never holds the pipe under a dam or the road in an underpass.
Runoff then ponds where it should run on. Four signs are looked for, each where a street or a bridge of the city crosses: a ridge
over a water area, a ridge between two water areas that end on both sides, a tunnel under which the terrain is higher than at its
ends, and a sink with lower ground close behind the street. They are signs, not proofs; nothing is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from models.layers import read_table
from twin.city.defaults import default
from twin.city.sinks import find_sinks
from twin.city.terrain import terrain_at

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["find_blocked_ways"]

_NEAR, _FAR = 6.0, 30.0  # m from the middle of a crossing: beyond most decks, still the same water
_APART = 40.0  # m between two water areas, or behind a sink, that a dam may be wide
_GIVEN = 15.0  # m to a culvert or underpass of the city that already leads the water
_TUNNEL = 100.0  # m: longer ones are no underpasses
_SEALED = ("paved", "asphalt", "cobble")
_COLUMNS = ("kind", "rise")


def find_blocked_ways(city: City, sinks: gpd.GeoDataFrame | None = None) -> gpd.GeoDataFrame:
    """Return places where the terrain likely blocks water that in truth runs on, the highest ridge first.

    Parameters
    ----------
    city : City
        With ``terrain`` and ``network`` or bridges; ``land_cover`` of water and ``structures`` where there are any.
    sinks : geopandas.GeoDataFrame, optional
        Of the terrain, from :func:`twin.city.sinks.find_sinks`; looked for where they are not given.

    Returns
    -------
    geopandas.GeoDataFrame
        ``kind`` ("deck", "dam", "tunnel" or "sink"), ``rise`` [m] of the ridge over the water's way; the geometry is a point.
    """
    found: list[tuple[str, float, float, float]] = []
    if city.terrain is not None and min(city.terrain.shape) >= 3:
        crossings = _crossings(city)
        water = _water(city)
        found = [*_decks(city, crossings, water), *_dams(city, crossings, water), *_tunnels(city)]
        found += _sinks(city, crossings, sinks)
    least = default("blocked_rise")
    given = city.structures[city.structures["kind"].isin(["culvert", "underpass"])].geometry.values
    led = shapely.STRtree(np.asarray(given))
    kept: list[tuple[str, float, float, float]] = []
    for one in (one for one in found if one[1] > least):  # the surest signs come first
        here = shapely.Point(one[2], one[3])
        if len(given) and len(led.query(here, predicate="dwithin", distance=_GIVEN)):
            continue
        if all(np.hypot(one[2] - x, one[3] - y) > _GIVEN for _, _, x, y in kept):
            kept.append(one)
    kept.sort(key=lambda one: -one[1])
    data = {name: [one[k] for one in kept] for k, name in enumerate(_COLUMNS)}
    return gpd.GeoDataFrame(
        data, geometry=gpd.points_from_xy([one[2] for one in kept], [one[3] for one in kept]), crs=city.crs
    )


def _crossings(city: City) -> np.ndarray:
    """Return the lines of streets and the outlines of bridges: what may be a deck or a dam."""
    bridges = (city.objects["kind"] == "Bridge") & (city.objects["parent"] < 0)
    shapes = np.asarray(city.objects.geometry.values[bridges.to_numpy()])
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    return np.concatenate([np.asarray(city.network.geometry.values), shapes])


def _water(city: City) -> np.ndarray:
    """Return the water areas in one piece each."""
    areas = city.land_cover
    shapes = np.asarray(areas.geometry.values)[(areas["cover"] == "water").to_numpy()]
    if not len(shapes):
        return np.zeros(0, dtype=object)
    return shapely.get_parts(shapely.union_all(shapely.make_valid(shapes)))


def _heights(city: City, shape: shapely.Geometry) -> np.ndarray:
    """Return the terrain on a shape, every two cells."""
    assert city.terrain is not None
    step = 2.0 * abs(float(city.terrain["x"][1] - city.terrain["x"][0]))
    if shapely.get_dimensions(shape) < 2:
        points = shapely.get_coordinates(shapely.segmentize(shape, 0.5 * step))
    else:
        west, south, east, north = shape.bounds
        points = np.stack(np.meshgrid(np.arange(west, east, step), np.arange(south, north, step)), -1).reshape(-1, 2)
        points = points[shapely.contains_xy(shape, points)]
    heights = terrain_at(city.terrain, points)
    return heights[np.isfinite(heights)]


def _decks(city: City, crossings: np.ndarray, water: np.ndarray) -> list[tuple[str, float, float, float]]:
    """Ridges where a street or a bridge crosses a water area: the terrain in the middle against that of the water around."""
    found = []
    line, area = shapely.STRtree(water).query(crossings, predicate="intersects") if len(water) else ((), ())
    for i, k in zip(line, area, strict=True):
        for part in shapely.get_parts(shapely.intersection(crossings[i], water[k])):
            if part.is_empty or (shapely.get_dimensions(part) == 1 and part.length > _FAR * 4):
                continue
            middle = part.interpolate(0.5, normalized=True) if part.geom_type == "LineString" else part.centroid
            beside = shapely.difference(middle.buffer(_FAR), shapely.buffer(part, _NEAR))
            bed = _heights(city, shapely.intersection(water[k], beside))
            deck = _heights(city, middle)
            if bed.size and deck.size:
                found.append(("deck", float(deck[0] - np.median(bed)), middle.x, middle.y))
    return found


def _dams(city: City, crossings: np.ndarray, water: np.ndarray) -> list[tuple[str, float, float, float]]:
    """Ridges between two water areas that end on both sides of a street (a line, or sealed ground of the land-use map)."""
    if len(water) < 2:
        return []
    sealed = np.asarray(city.land_cover.geometry.values[city.land_cover["cover"].isin(_SEALED).to_numpy()])
    tree = shapely.STRtree(np.concatenate([crossings, sealed]))
    one, other = shapely.STRtree(water).query(water, predicate="dwithin", distance=_APART)
    found = []
    for a, b in zip(one[one < other], other[one < other], strict=True):
        gap = shapely.shortest_line(water[a], water[b])
        if gap.length > 0.0 and len(tree.query(gap, predicate="intersects")):
            heights = _heights(city, gap)
            if heights.size > 2:
                middle = gap.interpolate(0.5, normalized=True)
                found.append(("dam", float(heights.max() - max(heights[0], heights[-1])), middle.x, middle.y))
    return found


def _tunnels(city: City) -> list[tuple[str, float, float, float]]:
    """Short tunnels of streets under which the terrain is closed."""
    words = {row["word"] for row in read_table("twin.city", "street_words.csv") if row["column"] == "tunnel"}
    shapes = np.asarray(city.network.geometry.values)[
        city.network["tunnel"].astype(str).str.lower().isin(words).to_numpy()
    ]
    found = []
    for shape in shapes[shapely.length(shapes) < _TUNNEL] if len(shapes) else ():
        heights = _heights(city, shape)
        if heights.size > 2:
            middle = shape.interpolate(0.5, normalized=True)
            found.append(("tunnel", float(heights.max() - max(heights[0], heights[-1])), middle.x, middle.y))
    return found


def _sinks(city: City, crossings: np.ndarray, sinks: gpd.GeoDataFrame | None) -> list[tuple[str, float, float, float]]:
    """Sinks whose water would run on if the street beside them let it through: lower ground lies close behind it."""
    assert city.terrain is not None
    if not len(crossings):
        return []
    if sinks is None:
        sinks = find_sinks(city.terrain, depth=default("sink_depth"), area=default("sink_area"))
    tree, turns = shapely.STRtree(crossings), np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    found: list[tuple[str, float, float, float]] = []
    step = abs(float(city.terrain["x"][1] - city.terrain["x"][0]))
    away = np.arange(0.0, _APART + step, step)
    for (x, y), spill, deep in zip(
        shapely.get_coordinates(sinks.geometry), sinks["spill_height"], sinks["depth"], strict=True
    ):
        rays = np.stack([x + np.outer(np.cos(turns), away), y + np.outer(np.sin(turns), away)], -1)
        heights = terrain_at(city.terrain, rays.reshape(-1, 2)).reshape(len(turns), -1)
        ridge = np.maximum.accumulate(heights, axis=1)
        behind = (heights < spill - deep) & (ridge > spill)
        for k in np.flatnonzero(behind.any(axis=1)):
            last = int(np.argmax(behind[k]))
            if len(tree.query(shapely.LineString(rays[k, [0, last]]), predicate="intersects")):
                top = int(np.argmax(heights[k, :last]))
                found.append(
                    ("sink", float(heights[k, top] - (spill - deep)), float(rays[k, top, 0]), float(rays[k, top, 1]))
                )
                break
    return found
