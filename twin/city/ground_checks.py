"""What buildings, streets and terrain say of each other: sunken buildings, houses twice or in each other, jumps, sinks.

Nothing is changed: every finding is a gap row with its places.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from twin.city.blocked_ways import find_blocked_ways
from twin.city.bodies import object_bounds, top_of
from twin.city.defaults import default
from twin.city.gaps import GapLog
from twin.city.model import City
from twin.city.sinks import find_sinks
from twin.city.terrain import terrain_at

__all__ = ["check_ground"]

_CELLS = 1_500_000  # above so many the sinks are looked for on a coarser grid, and that is told


def check_ground(city: City, log: GapLog) -> None:
    """Write gap rows for buildings, streets, bridges and the terrain under them.

    Parameters
    ----------
    city : City
        All its layers.
    log : GapLog
        Gets the rows.
    """
    _below_the_terrain(city, log)
    _twice_or_in_each_other(city, log)
    _bridges(city, log)
    _street_jumps(city, log)
    _blocked(city, _sinks(city, log), log)


def _below_the_terrain(city: City, log: GapLog) -> None:
    """Find buildings whose ground surface lies deeper under the terrain around them than a cellar entrance explains."""
    objects = city.objects
    if city.terrain is None or not len(objects):
        return
    bounds = object_bounds(city)
    top = top_of(objects["parent"].to_numpy(dtype=np.int64))
    ground = objects["ground_height"].to_numpy(dtype=float, na_value=np.nan)
    body = objects["kind"].isin(["Building", "BuildingPart"]).to_numpy()
    rows = np.flatnonzero(body & np.isfinite(ground) & ~np.isnan(bounds[:, 0]))
    if not len(rows):
        return
    west, south, east, north = bounds[rows].T
    corners = [(west, south), (east, south), (west, north), (east, north), ((west + east) / 2, (south + north) / 2)]
    lowest = np.fmin.reduce([terrain_at(city.terrain, np.column_stack(corner)) for corner in corners])
    depth = np.full(len(objects), np.inf)
    np.fmin.at(depth, top[rows], lowest - ground[rows])  # of the part that lies least deep
    families = np.unique(top[rows[~np.isnan(lowest)]])
    sunken = families[depth[families] > default("building_below_most")]
    log.add(
        "buildings_below_terrain",
        layer="buildings",
        severity="warning",
        count=len(sunken),
        of=len(families),
        source=", ".join(str(v) for v in pd.unique(objects["source"].iloc[sunken])[:3]),
        places=objects["id"].to_numpy()[sunken],
        most=f"{default('building_below_most'):g}",
        metres=f"{float(np.median(depth[sunken])):.1f}" if len(sunken) else "",
    )


def _twice_or_in_each_other(city: City, log: GapLog) -> None:
    """Find buildings of CityGML or of several layers with the same outline under different ids, or over each other."""
    objects = city.objects
    shapes = np.asarray(objects.geometry.values)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    rows = np.flatnonzero(there & (objects["kind"] == "Building").to_numpy())
    if len(rows) < 2:
        return
    shapes, ids = shapes[rows], objects["id"].to_numpy()[rows]
    one, other = shapely.STRtree(shapes).query(shapes)
    one, other = one[one < other], other[one < other]
    source, flat = objects["source"].to_numpy()[rows], (objects["lod"] == "0").to_numpy()[rows]
    told = flat[one] & flat[other] & (source[one] == source[other])  # outlines of one file tell this themselves
    one, other = one[~told], other[~told]
    inner = shapely.relate_pattern(shapes[one], shapes[other], "2********") if len(one) else np.zeros(0, dtype=bool)
    one, other = one[inner], other[inner]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    larger = np.maximum(shapely.area(shapes[one]), shapely.area(shapes[other]))
    same = shared > 0.99 * larger
    log.add(
        "buildings_twice",
        layer="buildings",
        severity="warning",
        count=len(np.unique(other[same])),
        of=len(rows),
        source=", ".join(str(v) for v in pd.unique(source[other[same]])[:3]),
        places=[f"{ids[b]} = {ids[a]}" for a, b in zip(one[same][:20], other[same][:20], strict=True)],
    )
    across = ~same & (shared > 1.0)
    concerned = np.unique(np.concatenate([one[across], other[across]]))
    log.add(
        "buildings_overlap",
        layer="buildings",
        severity="info",
        count=len(concerned),
        of=len(rows),
        places=ids[concerned],
        pairs=int(across.sum()),
        area=f"{float(shared[across].sum()):.0f}",
    )


def _bridges(city: City, log: GapLog) -> None:
    kinds = city.objects["kind"]
    rows = np.flatnonzero((kinds.isin(["Bridge", "Tunnel"]) & (city.objects["parent"] < 0)).to_numpy())
    log.add(
        "bridges_not_in_terrain",
        layer="terrain",
        severity="info",
        count=len(rows),
        of=len(rows),
        places=city.objects["id"].to_numpy()[rows],
    )


def _street_jumps(city: City, log: GapLog) -> None:
    """Streets that cross a step of the terrain: a bridge, an underpass or a wall that the terrain does not carry."""
    if city.terrain is None or not len(city.network):
        return
    step = max(2.0, 2.0 * abs(float(city.terrain["x"][1] - city.terrain["x"][0])))
    lines = np.asarray(shapely.segmentize(np.asarray(city.network.geometry.values), step))
    points, line = shapely.get_coordinates(lines, return_index=True)
    height = terrain_at(city.terrain, points)
    rise = np.abs(np.diff(height))
    rise = np.where((np.diff(line) == 0) & np.isfinite(rise), rise, 0.0)
    most = default("street_step_most")
    steep = np.flatnonzero(rise > most)
    if not len(steep):
        return
    worst = pd.Series(rise[steep]).groupby(line[steep]).idxmax().to_numpy()
    worst = steep[worst][np.argsort(-rise[steep[worst]], kind="stable")]
    middle = (points[worst] + points[worst + 1]) / 2
    log.add(
        "streets_cross_steps",
        layer="streets",
        severity="warning",
        count=len(worst),
        of=len(city.network),
        source=", ".join(str(v) for v in pd.unique(city.network["source"])[:3]),
        places=[f"{x:.1f}, {y:.1f} ({d:.1f} m)" for (x, y), d in zip(middle[:20], rise[worst][:20], strict=True)],
        most=f"{most:g}",
        step=f"{step:g}",
    )


def _coarser(terrain: xr.DataArray, factor: int) -> xr.DataArray:
    """Return means of square blocks of cells, of the known ones among them; what is left over at the end is left out."""
    rows, columns = (size // factor for size in terrain.shape)
    total, known = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    for i in range(factor):  # block by block in numpy's order: a tenth of the time of a mean over windows
        for j in range(factor):
            part = terrain.values[i : rows * factor : factor, j : columns * factor : factor]
            there = np.isfinite(part)
            np.add(total, part, out=total, where=there)
            known += there
    with np.errstate(invalid="ignore"):
        mean = total / known
    places = {
        axis: terrain[axis].values[: size * factor].reshape(size, factor).mean(axis=1)
        for axis, size in (("y", rows), ("x", columns))
    }
    return xr.DataArray(mean, coords=places, dims=("y", "x"))


def _sinks(city: City, log: GapLog) -> gpd.GeoDataFrame | None:
    terrain = city.terrain
    if terrain is None or min(terrain.shape) < 3:
        return None
    factor = max(1, math.ceil(math.sqrt(terrain.size / _CELLS)))
    if factor > 1:
        terrain = _coarser(terrain, factor)
    depth, area = default("sink_depth"), default("sink_area")
    found = find_sinks(terrain, depth=depth, area=area)
    if not len(found):
        return found
    x, y = found.geometry.x.to_numpy()[:20], found.geometry.y.to_numpy()[:20]
    told = zip(x, y, found["depth"][:20], found["volume"][:20], strict=True)
    log.add(
        "terrain_sinks",
        layer="terrain",
        severity="info",
        count=len(found),
        of=len(found),
        places=[f"{a:.1f}, {b:.1f} ({deep:.1f} m, {volume:.0f} m3)" for a, b, deep, volume in told],
        depth=f"{depth:g}",
        area=f"{area:g}",
        volume=f"{float(found['volume'].sum()):.0f}",
        cell=f"{abs(float(terrain['x'][1] - terrain['x'][0])):g}",
    )
    return found


def _blocked(city: City, sinks: gpd.GeoDataFrame | None, log: GapLog) -> None:
    """Places where a deck, a dam or a shut underpass in the terrain likely holds back water that in truth runs on."""
    if sinks is None:
        return
    found = find_blocked_ways(city, sinks)
    told = zip(found.geometry.x[:20], found.geometry.y[:20], found["kind"][:20], found["rise"][:20], strict=True)
    log.add(
        "water_ways_blocked",
        layer="terrain",
        severity="warning",
        count=len(found),
        of=len(found),
        places=[f"{x:.1f}, {y:.1f} ({kind}, {rise:.1f} m)" for x, y, kind, rise in told],
        least=f"{default('blocked_rise'):g}",
    )
