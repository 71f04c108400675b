"""What layers say of each other and leave unsaid: trees inside buildings or water or twice, buildings in the air, attributes and roofs missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import shapely

from twin.city.bodies import footprint_shapes, object_bounds, top_of
from twin.city.defaults import default
from twin.city.gaps import GapLog
from twin.city.model import City
from twin.city.terrain import terrain_at

__all__ = ["cross_check"]


def cross_check(city: City, log: GapLog) -> None:
    """Write gap rows for what does not fit together between the layers of a city; nothing is changed.

    Parameters
    ----------
    city : City
        All its layers.
    log : GapLog
        Gets the rows.
    """
    _trees_in_buildings(city, log)
    _trees_in_water(city, log)
    _trees_twice(city, log)
    _unsaid(city, log)
    _beside_the_terrain(city, log)
    _above_the_terrain(city, log)
    _roofless(city, log)


def _tree_points(city: City) -> np.ndarray:
    return np.asarray(city.trees.geometry.values)


def _trees_in_buildings(city: City, log: GapLog) -> None:
    shapes, rows = footprint_shapes(city)
    solid = np.isin(city.objects["kind"].to_numpy()[rows], ("Building", "BuildingPart"))
    if not len(city.trees) or not solid.any():
        return
    hits = np.unique(shapely.STRtree(_tree_points(city)).query(shapes[solid], predicate="contains")[1])
    _say_trees(city, hits, "trees_in_buildings", log)


def _trees_in_water(city: City, log: GapLog) -> None:
    water = city.land_cover[city.land_cover["cover"] == "water"]
    if not len(city.trees) or not len(water):
        return
    hits = np.unique(
        shapely.STRtree(_tree_points(city)).query(np.asarray(water.geometry.values), predicate="contains")[1]
    )
    _say_trees(city, hits, "trees_in_water", log)


def _trees_twice(city: City, log: GapLog) -> None:
    """Trees of one species within 10 cm of each other: most likely one tree, entered twice."""
    if len(city.trees) < 2:
        return
    points = _tree_points(city)
    first, second = shapely.STRtree(points).query(points, predicate="dwithin", distance=0.1)
    species = city.trees["species"].to_numpy()
    again = second[(first < second) & (species[first] == species[second])]
    _say_trees(city, np.unique(again), "trees_repeated", log)


_ATTRIBUTES = ("measured_height", "roof_type", "storeys")


def _unsaid(city: City, log: GapLog) -> None:
    """Attributes that a German LoD2 delivery has and some buildings lack (the models take heights from the surfaces)."""
    objects = city.objects
    bodies = objects["kind"].isin(("Building", "BuildingPart")).to_numpy()
    if "lod" in objects:
        bodies = bodies & (objects["lod"] != "0").to_numpy()  # plain footprints tell their heights elsewhere
    whole = np.zeros(len(objects), dtype=bool)  # has parts that carry the attributes
    parents = objects["parent"].to_numpy()
    whole[parents[parents >= 0]] = True
    single = bodies & ~whole
    for name in (name for name in _ATTRIBUTES if name in objects):
        values = objects[name]
        missing = single & (values.isna() | (values.astype("string") == "")).to_numpy(dtype=bool)
        if not missing.any() or missing.sum() == single.sum():
            continue  # an attribute that nobody delivers is no gap of single buildings
        log.add(
            "attribute_missing",
            layer="buildings",
            severity="info",
            count=int(missing.sum()),
            of=int(single.sum()),
            source=", ".join(_first(objects["source"].to_numpy()[missing])),
            places=objects["id"].to_numpy()[missing],
            attribute=name,
        )


def _say_trees(city: City, rows: np.ndarray, code: str, log: GapLog) -> None:
    ids = city.trees["id"].to_numpy()[rows]
    log.add(code, layer="trees", severity="warning", count=len(rows), of=len(city.trees), places=ids)


def _beside_the_terrain(city: City, log: GapLog) -> None:
    """Trees and buildings where the terrain says nothing, inside the city's area."""
    if city.terrain is None:
        return
    if len(city.trees):
        points = shapely.get_coordinates(_tree_points(city))
        beside = _unknown_ground(city, points) & _inside_area(city, points)
        _say_trees(city, np.flatnonzero(beside), "trees_beside_terrain", log)
    bounds = object_bounds(city)
    rows = np.flatnonzero((city.objects["kind"] == "Building").to_numpy() & ~np.isnan(bounds[:, 0]))
    if len(rows):
        centre = np.column_stack([bounds[rows][:, [0, 2]].mean(axis=1), bounds[rows][:, [1, 3]].mean(axis=1)])
        beside = _unknown_ground(city, centre) & _inside_area(city, centre)
        ids = city.objects["id"].to_numpy()[rows[beside]]
        log.add(
            "buildings_beside_terrain", layer="buildings", severity="warning", count=len(ids), of=len(rows), places=ids
        )


def _inside_area(city: City, points: np.ndarray) -> np.ndarray:
    if city.area is None:
        return np.ones(len(points), dtype=bool)
    west, south, east, north = city.area
    x, y = points.T
    return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north))


def _above_the_terrain(city: City, log: GapLog) -> None:
    """Find buildings whose lowest point hangs over the ground below them: the heights of one layer are wrong.

    An error where most buildings do (another height datum, or a terrain of zeros), since every shadow is too long then.
    """
    from twin.city.roofs import lowest_points

    objects = city.objects
    bounds = object_bounds(city)
    if city.terrain is None or not len(objects):
        return
    lowest = lowest_points(city)
    lowest = np.where(np.isfinite(lowest), lowest, objects["ground_height"].to_numpy(dtype=float, na_value=np.nan))
    solid = np.isin(objects["kind"].to_numpy(), ("Building", "BuildingPart"))
    rows = np.flatnonzero(solid & np.isfinite(lowest) & ~np.isnan(bounds[:, 0]))
    top = top_of(objects["parent"].to_numpy())
    height = np.full(len(objects), np.inf)  # of the lowest point of each family above the highest ground around it
    west, south, east, north = bounds[rows].T
    corners = [(west, south), (east, south), (west, north), (east, north), ((west + east) / 2, (south + north) / 2)]
    ground = np.fmax.reduce([terrain_at(city.terrain, np.column_stack(corner)) for corner in corners])
    np.fmin.at(height, top[rows], lowest[rows] - ground)
    families = np.unique(top[rows[~np.isnan(ground)]])
    above = families[height[families] > default("building_above_most")]
    log.add(
        "buildings_above_terrain",
        layer="buildings",
        severity="error" if 2 * len(above) > len(families) else "warning",
        count=len(above),
        of=len(families),
        places=objects["id"].to_numpy()[above],
        most=f"{default('building_above_most'):g}",
        metres=f"{float(np.median(height[above])):.0f}" if len(above) else "",
    )


def _unknown_ground(city: City, points: np.ndarray) -> np.ndarray:
    assert city.terrain is not None
    return np.isnan(terrain_at(city.terrain, points))


def _roofless(city: City, log: GapLog) -> None:
    """CityGML buildings of which no roof surface is known, in themselves or in their parts."""
    objects, surfaces = city.objects, city.surfaces
    if not len(surfaces):
        return
    top = top_of(objects["parent"].to_numpy())
    modelled = np.zeros(len(objects), dtype=bool)
    modelled[top[surfaces["object"].to_numpy()]] = True
    roofed = np.zeros(len(objects), dtype=bool)
    roofed[top[surfaces["object"].to_numpy()[(surfaces["kind"] == "RoofSurface").to_numpy()]]] = True
    buildings = (objects["kind"] == "Building").to_numpy()
    missing = np.flatnonzero(buildings & modelled & ~roofed)
    log.add(
        "buildings_without_roof",
        layer="buildings",
        severity="info",
        count=len(missing),
        of=int(buildings.sum()),
        source=", ".join(_first(objects["source"].to_numpy()[missing])),
        places=objects["id"].to_numpy()[missing],
    )


def _first(values: np.ndarray) -> Sequence[str]:
    return [str(value) for value in pd.unique(pd.Series(values, dtype=object))[:3]]
