"""Layers a city model brings along: trees, land cover and sensor streams from its own objects (CityGML, CityJSON).

They stand beside the objects they come from, so that the rasteriser and the models find them where those of other
files are; a layer that is given as a file of its own takes their place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from models.layers import read_table
from twin.city.footprints import flat_polygons
from twin.city.gaps import GapLog
from twin.city.lengths import metres
from twin.city.model import LAND_COVER_COLUMNS, STREAM_COLUMNS, TREE_COLUMNS, City

__all__ = ["covered_kinds", "land_cover_of", "streams_of", "trees_of"]

_TREE = "SolitaryVegetationObject"
_UPWARD = 0.1  # normal_z from which a face may be ground that is looked at from above
_ID_IN_PATH = re.compile(r"@(?:\w+:)?id\s*=\s*['\"]([^'\"]+)['\"]")


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


# ------------------------------------------------------------------------------------------------------------- trees


def trees_of(city: City, log: GapLog, places: np.ndarray | None = None) -> gpd.GeoDataFrame:
    """Return the single trees of a model as rows of ``City.trees``.

    Parameters
    ----------
    city : City
        With objects, surfaces and polygons.
    log : GapLog
        Takes rows about sizes taken from the drawn shape, and trees without a place.
    places : numpy.ndarray, optional
        float64 (objects, 3) [m], where each object stands, NaN where it is not told; a tree that is not drawn in the
        file itself still has one.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of ``City.trees``. Sizes are those the attributes tell; else height and crown are those of the shape.
    """
    objects = city.objects
    rows = np.flatnonzero((objects["kind"] == _TREE).to_numpy())
    low, high = _extents(city, rows) if len(rows) else np.empty((2, 0, 3))
    spots = (low[:, :2] + high[:, :2]) / 2.0
    if places is not None:
        spots = np.where(np.isfinite(places[rows, :2]), places[rows, :2], spots)
    placed = np.isfinite(spots).all(axis=1)
    ids, sources = objects["id"].to_numpy(dtype=object)[rows], objects["source"].to_numpy(dtype=object)[rows]
    told = [attributes if isinstance(attributes, dict) else {} for attributes in objects["attributes"].iloc[rows]]
    height, crown, trunk = (
        np.array([_size(attributes.get(key)) for attributes in told], dtype=float)
        for key in ("height", "crownDiameter", "trunkDiameter")
    )
    size = np.where(high - low > 0.0, high - low, np.nan)
    drawn = placed & ((np.isnan(height) & (size[:, 2] > 0)) | (np.isnan(crown) & (size[:, 0] > 0)))
    row: dict[str, Any] = {"layer": "trees", "of": len(rows), "source": ", ".join(sorted(set(sources))[:3])}
    log.add("model_tree_without_place", severity="warning", count=int((~placed).sum()), places=ids[~placed], **row)
    log.add("model_tree_size_of_shape", severity="info", count=int(drawn.sum()), places=ids[drawn], **row)
    species = [_first(attributes.get("species")) for attributes in told]
    data = {
        "id": ids,
        "species": np.array([value if isinstance(value, str) else None for value in species], dtype=object),
        "height": np.where(np.isnan(height), size[:, 2], height),
        "crown_diameter": np.where(np.isnan(crown), (size[:, 0] + size[:, 1]) / 2.0, crown),
        "crown_base": np.full(len(rows), np.nan),
        "trunk_circumference": trunk * math.pi * 100.0,
        "planted": np.full(len(rows), np.nan),
        "crown_shape": np.full(len(rows), None),
        "filled": np.full(len(rows), ""),
        "source": sources,
    }
    table = gpd.GeoDataFrame(data, geometry=shapely.points(spots), crs=city.crs).astype(TREE_COLUMNS)
    return table[placed].reset_index(drop=True)


def _size(value: Any) -> float:
    """Return a length above 0 [m], NaN where it is none."""
    length = metres(value)
    return length if length > 0 else math.nan


def _extents(city: City, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest coordinates of some objects' polygons, NaN where they have none."""
    number = np.full(len(city.objects) + 1, -1)
    number[rows] = np.arange(len(rows))
    owner = number[city.surfaces["object"].to_numpy(dtype=np.int64)]
    starts = city.polygons.ring_start[city.polygons.polygon_start]
    owner = np.repeat(owner, np.diff(starts))
    ours = owner >= 0
    low, high = np.full((len(rows), 3), np.inf), np.full((len(rows), 3), -np.inf)
    points = city.polygons.xyz[starts[0] : starts[-1]][ours]
    np.minimum.at(low, owner[ours], points)
    np.maximum.at(high, owner[ours], points)
    none = ~np.isfinite(low[:, 0])
    low[none], high[none] = np.nan, np.nan
    return low, high


# -------------------------------------------------------------------------------------------------------- land cover


class _Class(NamedTuple):
    """How a thematic class is covered: by default, and by attribute and code."""

    cover: str
    order: int
    codes: dict[tuple[str, str], str]


@cache
def _classes() -> Mapping[str, _Class]:
    table: dict[str, _Class] = {}
    for row in read_table("twin.city", "citygml_land_cover.csv"):
        if not row["attribute"]:
            table[row["kind"]] = _Class(row["cover"], int(row["order"]), {})
        else:
            table[row["kind"]].codes[row["attribute"], row["code"]] = row["cover"]
    return table


def covered_kinds() -> frozenset[str]:
    """Return the classes whose surfaces are land cover.

    Examples
    --------
    >>> "TrafficArea" in covered_kinds(), "Building" in covered_kinds()
    (True, False)
    """
    return frozenset(_classes())


def _cover(kind: str, attributes: Mapping[str, Any]) -> tuple[str, str]:
    """Return the land cover of a surface, and the codes that were told and not known."""
    known = _classes()[kind]
    unknown = []
    for name in ("surfaceMaterial", "function", "class"):
        code = _first(attributes.get(name))
        if isinstance(code, dict):
            code = code.get("value")
        if code is None or code == "" or not any(attribute == name for attribute, _ in known.codes):
            continue
        cover = known.codes.get((name, str(code)))
        if cover is not None:
            return cover, ""
        unknown.append(f"{kind} {name} {code}")
    return known.cover, ", ".join(unknown)


def land_cover_of(city: City, log: GapLog) -> gpd.GeoDataFrame:
    """Return traffic areas, water, plant cover and land use of a model as rows of ``City.land_cover``.

    Parameters
    ----------
    city : City
        With objects, boundaries, surfaces and polygons.
    log : GapLog
        Takes a row that says which class became which cover, and one about codes that are not known.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of ``City.land_cover``, what lies on top last: land use, plant cover, water, traffic areas.
    """
    covered = list(covered_kinds())
    if not (city.surfaces["kind"].isin(covered).any() or city.objects["kind"].isin(covered).any()):
        return _land_cover([], [], np.empty(0, dtype=object), city)
    of, surface_kind = city.surfaces["object"].to_numpy(dtype=np.int64), city.surfaces["kind"].to_numpy(dtype=object)
    own = np.isin(surface_kind, covered)
    kinds = np.append(city.objects["kind"].to_numpy(dtype=object), "")
    by_object = (surface_kind == "") & np.isin(kinds, covered)[of]
    rows = np.flatnonzero((own | by_object) & (np.abs(city.surfaces["normal_z"].to_numpy()) > _UPWARD))
    if not len(rows):
        return _land_cover([], [], np.empty(0, dtype=object), city)
    rows = _finest(rows, of, city.surfaces["lod"].to_numpy())
    kind = np.where(own[rows], surface_kind[rows], kinds[of[rows]])
    told = [_told(city, row, own[row]) for row in rows.tolist()]
    covers, unknown = zip(*[_cover(k, attributes) for k, attributes in zip(kind, told, strict=True)], strict=True)
    shapes, which = flat_polygons(city.polygons, rows)
    order = np.array([_classes()[k].order for k in kind])[which]
    which, shapes = which[np.argsort(order, kind="stable")], shapes[np.argsort(order, kind="stable")]
    sources = np.append(city.objects["source"].to_numpy(dtype=object), "")[of[rows]]
    pairs = sorted({f"{k} = {cover}" for k, cover in zip(kind, covers, strict=True)})
    row: dict[str, Any] = {"layer": "land_cover", "of": len(rows), "source": ", ".join(sorted(set(sources))[:3])}
    log.add("model_land_cover", severity="default", count=len(rows), default="; ".join(pairs), **row)
    codes = sorted({code for code in unknown if code})
    count = sum(1 for code in unknown if code)
    log.add(
        "model_land_cover_unknown", severity="warning", count=count, places=codes, default="that of the class", **row
    )
    return _land_cover(np.array(covers, dtype=object)[which], sources[which], shapes, city)


def _land_cover(covers: Any, sources: Any, shapes: np.ndarray, city: City) -> gpd.GeoDataFrame:
    data = {"cover": covers, "source": sources}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=city.crs), crs=city.crs).astype(LAND_COVER_COLUMNS)


def _told(city: City, row: int, own: bool) -> Mapping[str, Any]:
    """Return the attributes of a surface: of its thematic surface, else of its object."""
    boundary = int(city.surfaces["boundary"].iloc[row]) if "boundary" in city.surfaces else -1
    owner = int(city.surfaces["object"].iloc[row])
    told = city.boundaries["attributes"].iloc[boundary] if own and boundary >= 0 else None
    if told:
        return dict(told)
    attributes = dict(city.objects["attributes"].iloc[owner] or {}) if owner >= 0 else {}
    if owner >= 0 and isinstance(city.objects["function"].iloc[owner], str):
        attributes.setdefault("function", city.objects["function"].iloc[owner])
    return attributes


def _finest(rows: np.ndarray, of: np.ndarray, lod: np.ndarray) -> np.ndarray:
    """Keep of each object the surfaces of its finest level of detail."""
    best = np.full(int(of.max()) + 2, -2)
    np.maximum.at(best, of[rows], lod[rows].astype(np.int64))
    return rows[lod[rows] == best[of[rows]]]


# ----------------------------------------------------------------------------------------------------------- streams


def streams_of(objects: pd.DataFrame) -> pd.DataFrame:
    """Return the time series that objects refer to (Dynamizer) as rows of ``City.streams``.

    Parameters
    ----------
    objects : pandas.DataFrame
        ``City.objects``.

    Returns
    -------
    pandas.DataFrame
        Columns ``model.STREAM_COLUMNS``. Values told in the file stand in ``values`` as (time, value) pairs.
    """
    rows = []
    for i in np.flatnonzero((objects["kind"] == "Dynamizer").to_numpy()):
        told = objects["attributes"].iloc[i] or {}
        connection, series = (_first(told.get(key)) for key in ("sensorConnection", "dynamicData"))
        connection = connection if isinstance(connection, dict) else {}
        series = series if isinstance(series, dict) else {}
        path = str(told.get("attributeRef", ""))
        named = _ID_IN_PATH.search(path)
        parent = int(objects["parent"].iloc[i])
        owner = named.group(1) if named else str(objects["id"].iloc[parent]) if parent >= 0 else ""
        both = series | connection
        url = str(connection.get("baseURL") or series.get("fileLocation") or "")
        rows.append(
            {
                "id": objects["id"].iloc[i],
                "object": owner,
                "attribute": path,
                "start": str(told.get("startTime", "")),
                "end": str(told.get("endTime", "")),
                "kind": _series_kind(connection, series),
                "protocol": str(connection.get("connectionType", "")),
                "url": url,
                "stream": str(connection.get("datastreamID") or connection.get("sensorID") or ""),
                "property": str(both.get("observationProperty", "")),
                "unit": str(both.get("uom", "")),
                "values": _pairs(series),
                "source": objects["source"].iloc[i],
            }
        )
    return pd.DataFrame(rows, columns=list(STREAM_COLUMNS)).astype(STREAM_COLUMNS)


def _series_kind(connection: Mapping[str, Any], series: Mapping[str, Any]) -> str:
    if connection:
        return "sensor"
    if "component" in series:
        return "composite"
    if "fileLocation" in series:
        return "file"
    return "values" if series else ""


def _pairs(series: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = series.get("timeValuePair", [])
    pairs = []
    for pair in told if isinstance(told, list) else [told]:
        if isinstance(pair, dict):
            value = next((v for k, v in pair.items() if k.lower().endswith("value")), "")
            pairs.append((str(pair.get("timestamp", "")), str(value)))
    return pairs
