"""Where the gaps of a city are: the places named in the gap table as points on the map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from twin.city import gaps as gap_table

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["gap_places"]

_XY = re.compile(r"(-?\d+(?:\.\d+)?), (-?\d+(?:\.\d+)?)(?:$|[ (])")
COLUMNS = ("code", "layer", "severity", "place", "message", "remedy")


def gap_places(city: City, language: str | None = None) -> gpd.GeoDataFrame:
    """Return one row for every place that the gap table names, with a point where it can be found.

    Parameters
    ----------
    city : City
        Its ``gaps`` name ids or coordinates, the first 20 of each row.
    language : {"en", "de"}, optional
        Language of the sentences; by default that of the system.

    Returns
    -------
    geopandas.GeoDataFrame
        ``code``, ``layer``, ``severity``, ``place`` (id or coordinates as told), ``message``, ``remedy``; the geometry is
        a point, None where the place is a file, a class or a row that was dropped.
    """
    rows: list[tuple[Any, ...]] = []
    asked: list[str] = []
    layers: list[str] = []
    said = gap_table.sentences(city.gaps, language)
    for row, sentence in zip(city.gaps.to_dict("records"), said.to_dict("records"), strict=True):
        for place in row["places"]:
            rows.append((row["code"], row["layer"], row["severity"], place, sentence["message"], sentence["remedy"]))
            asked.append(place)
            layers.append(row["layer"])
    points = _points(city, asked, layers)
    data = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    return gpd.GeoDataFrame(data, columns=[*COLUMNS], geometry=gpd.GeoSeries(points, crs=city.crs), crs=city.crs)


def _points(city: City, asked: list[str], layers: list[str]) -> np.ndarray:
    points = np.full(len(asked), None, dtype=object)
    unknown: dict[str, list[int]] = {}
    for i, place in enumerate(asked):
        match = _XY.match(place)
        if match:
            points[i] = shapely.Point(float(match[1]), float(match[2]))
        else:
            unknown.setdefault(place, []).append(i)
    if not unknown:
        return points
    for table in (city.objects, city.trees, city.network, city.stations):
        ids = table["id"].astype("string").fillna("").to_numpy(dtype=object)
        shapes = np.asarray(table.geometry.values)
        for row in np.flatnonzero(np.isin(ids, list(unknown))):
            for i in unknown[ids[row]]:
                if points[i] is None and shapes[row] is not None and _fits(table is city.trees, layers[i]):
                    points[i] = shapely.point_on_surface(shapes[row])
    return points


def _fits(tree: bool, layer: str) -> bool:
    """Tell whether an id of a table can be meant in a row of a layer: trees and houses may share their numbers."""
    return tree == (layer in ("trees", "canopy_height", "trunk_height"))
