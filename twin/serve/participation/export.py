"""Entries as files for the administration: GeoPackage for a map, CSV for a table."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from twin.serve.service import Service

__all__ = ["exported"]

_COMMENT = ("id", "topic", "text", "variant", "state", "reason", "hour", "x", "y")
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def _safe(value: Any) -> Any:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value


def _rows(service: Service) -> list[dict[str, Any]]:
    rows = []
    for one in service.entries.everything("comment"):
        row = {name: one[name] for name in _COMMENT} | {
            "votes_for": one["votes"]["for"],
            "votes_against": one["votes"]["against"],
        }
        rows.append(row | {"x": one["x"] + service.origin[0], "y": one["y"] + service.origin[1]})
    return rows


def _variants(service: Service) -> list[dict[str, Any]]:
    return [
        {
            "id": one["id"],
            "title": one["title"],
            "author": one["author"],
            "state": one["state"],
            "hour": one["hour"],
            "answer": one["answer"].get("de", ""),
            "measures": json.dumps(one["measures"], ensure_ascii=False),
            "votes_for": one["votes"]["for"],
            "votes_against": one["votes"]["against"],
        }
        for one in service.entries.everything("variant")
    ]


def exported(service: Service, form: str) -> tuple[bytes, str, str]:
    """Return all entries as a file: its bytes, its media type and its name.

    Parameters
    ----------
    service : Service
        With the entries.
    form : {"gpkg", "csv"}
        GeoPackage with the layers ``comments``, ``variants`` and ``survey``, or a CSV of the comments.
    """
    rows = _rows(service)
    if form == "csv":
        columns = [*_COMMENT, "votes_for", "votes_against"]
        table = pd.DataFrame(rows, columns=columns)
        table = table.map(_safe)
        return (
            table.to_csv(index=False, lineterminator="\n").encode("utf-8-sig"),
            "text/csv; charset=utf-8",
            "comments.csv",
        )
    import geopandas as gpd
    import shapely

    crs = service.crs or None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "participation.gpkg"
        points = [shapely.Point(row["x"], row["y"]) for row in rows]
        table = pd.DataFrame(rows, columns=[*_COMMENT, "votes_for", "votes_against"])
        gpd.GeoDataFrame(table, geometry=points, crs=crs).to_file(file, layer="comments", engine="pyogrio")
        ideas = _variants(service)
        shapes = [_shape(one["measures"]) for one in ideas]
        frame = pd.DataFrame(ideas, columns=list(ideas[0]) if ideas else ["id", "title"])
        gpd.GeoDataFrame(frame, geometry=shapes, crs=crs).to_file(file, layer="variants", engine="pyogrio")
        answers = pd.DataFrame(service.entries.surveys(), dtype=object)
        if len(answers):
            empty = gpd.GeoDataFrame(answers.astype(str), geometry=[None] * len(answers), crs=crs)
            empty.to_file(file, layer="survey", engine="pyogrio")
        return file.read_bytes(), "application/geopackage+sqlite3", "participation.gpkg"


def _shape(measures: str) -> Any:
    """Return the points and areas of an idea as one shape."""
    import shapely

    parts: list[Any] = []
    for one in json.loads(measures):
        parts += [shapely.Point(x, y) for x, y in one.get("points", ())]
        parts += [shapely.Polygon(one["polygon"])] if "polygon" in one else []
    return shapely.GeometryCollection(parts)
