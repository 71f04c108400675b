"""Findings as a table people and programs read: one row a finding, with its place."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.model import City
from twin.city.validity.codes import codes
from twin.city.validity.members import Shells
from twin.city.validity.rows import CODE, OTHER, PLACE, POLYGON, RING, SHELL, VALUE
from twin.language import text

__all__ = ["COLUMNS", "messages", "summary", "table_of"]

COLUMNS = {
    "object": "id of the city object",
    "code": "number of the code",
    "name": "name of the code",
    "message": "what is wrong, in one sentence",
    "value": "distance off the plane or length of open edges [m], angle [deg], overlap [m3]; NaN where none applies",
    "lod": "level of detail",
    "polygon": "row in City.polygons, -1 where a whole shell is concerned",
    "polygon_id": "gml:id of the polygon, None where it has none",
    "ring": "ring of the polygon, 0 = outer, -1 where all are concerned",
    "solid": "number of the solid in City.shells, -1 where none is concerned",
    "shell": "shell of the solid, 0 = exterior, -1 where none is concerned",
    "other": "what else is concerned or how many: a polygon, ring, shell, object or count; -1 where nothing",
    "geometry": "place [m] in the city's CRS",
}
"""Columns of the table of findings."""


def table_of(city: City, rows: np.ndarray, shells: Shells, language: str | None = None) -> gpd.GeoDataFrame:
    """Return the rows of the kernels as a table with the columns :data:`COLUMNS`."""
    number = {name: rows[:, column].astype(np.int64) for name, column in _INTEGERS.items()}
    polygon, shell = number["polygon"], number["shell"]
    of_polygon = polygon >= 0
    surface = np.append(city.surfaces["object"].to_numpy(dtype=np.int64), -1)
    lods = np.append(city.surfaces["lod"].to_numpy(dtype=np.int64), -1)
    by_shell = {name: np.append(getattr(shells, name), -1)[shell] for name in ("object", "lod", "solid", "number")}
    owner = np.where(of_polygon, surface[polygon], by_shell["object"])
    ids = np.array([*city.objects["id"], None], dtype=object)
    told = city.surfaces["id"] if "id" in city.surfaces else [None] * len(city.surfaces)
    polygon_ids = np.array([*told, None], dtype=object)
    known = codes()
    place = rows[:, PLACE : PLACE + 3]
    there = np.isfinite(place).all(axis=1)
    points = np.full(len(rows), None, dtype=object)
    points[there] = shapely.points(place[there])
    table = gpd.GeoDataFrame(
        {
            "object": pd.Series(ids[owner], dtype=object),
            "code": number["code"],
            "name": pd.Series([known[code].name for code in number["code"].tolist()], dtype=object),
            "value": rows[:, VALUE],
            "lod": np.where(of_polygon, lods[polygon], by_shell["lod"]),
            "polygon": polygon,
            "polygon_id": pd.Series(polygon_ids[np.where(of_polygon, polygon, -1)], dtype=object),
            "ring": number["ring"],
            "solid": by_shell["solid"],
            "shell": by_shell["number"],
            "other": number["other"],
        },
        geometry=gpd.GeoSeries(list(points), crs=city.crs),
        crs=city.crs,
    )
    table.insert(3, "message", pd.Series(messages(city, table, language), dtype=object))
    return table


_INTEGERS = {"code": CODE, "polygon": POLYGON, "ring": RING, "shell": SHELL, "other": OTHER}


def messages(city: City, table: gpd.GeoDataFrame, language: str | None = None) -> list[str]:
    """Return one sentence for each finding, in German or English.

    Parameters
    ----------
    city : City
        The city the table is of.
    table : geopandas.GeoDataFrame
        What ``validate`` returned, or some of its rows.
    language : {"en", "de"}, optional
        By default the language of the environment.
    """
    ids = np.array([*city.objects["id"], None], dtype=object)
    sentences = []
    for row in table.drop(columns="geometry").to_dict("records"):
        polygon = row["polygon_id"] or row["polygon"] + 1
        other = ids[row["other"]] if row["code"] == 601 else row["other"]
        named = {key: row[key] for key in ("object", "value", "ring", "solid", "shell")}
        sentences.append(text(f"city.validity_{row['code']}", language, polygon=polygon, other=other, **named))
    return sentences


def summary(table: gpd.GeoDataFrame, language: str | None = None) -> pd.DataFrame:
    """Return how many findings there are of each code, in how many objects, and the largest value.

    Parameters
    ----------
    table : geopandas.GeoDataFrame
        What ``validate`` returned.
    language : {"en", "de"}, optional
        Language of the column ``meaning``.

    Returns
    -------
    pandas.DataFrame
        One row a code: ``code``, ``name``, ``meaning``, ``count``, ``objects``, ``largest``, ``mended`` (whether
        ``City.repair`` turns it right).
    """
    from twin.language import default_language

    known = codes()
    rows = [
        {
            "code": code,
            "name": known[code].name,
            "meaning": known[code].meaning[language or default_language()],
            "count": len(part),
            "objects": part["object"].nunique(),
            "largest": part["value"].max(),
            "mended": known[code].mended,
        }
        for code, part in table.groupby("code")
    ]
    return pd.DataFrame(rows, columns=["code", "name", "meaning", "count", "objects", "largest", "mended"])
