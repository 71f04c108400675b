"""Vector layers of a city: what all share, and streets and stations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.delimited import is_delimited, read_points
from twin.city.features import known_columns, numbers, read_features
from twin.city.model import NETWORK_COLUMNS, STATION_COLUMNS
from twin.city.placing import Reference
from twin.city.profile import StationsLayer, StreetsLayer
from twin.errors import TextError

__all__ = ["POLYGONS", "mended", "number_column", "of_type", "read_stations", "read_streets", "texts"]

POLYGONS = (3, 6)
"""Geometry types of polygons and multipolygons (shapely)."""
_LINES = (1, 2, 5)  # LineString, LinearRing, MultiLineString


def _places(geometry: gpd.GeoSeries, chosen: np.ndarray) -> list[str]:
    points = shapely.centroid(geometry.values[np.flatnonzero(chosen)[:20]])
    return [f"{p.x:.1f}, {p.y:.1f}" for p in points if p is not None and not p.is_empty]


def of_type(
    frame: gpd.GeoDataFrame, wanted: Sequence[int], what: str, layer: str, file: Path, ref: Reference
) -> gpd.GeoDataFrame:
    """Return the rows with a geometry of the types wanted; the others are a gap row."""
    kinds = shapely.get_type_id(frame.geometry.values)
    good = np.isin(kinds, wanted) & ~shapely.is_empty(frame.geometry.values)
    if not good.any():
        found = ", ".join(sorted({str(t) for t in frame.geom_type.dropna().unique()})) or "no geometry"
        raise TextError("geometry_kind", file=file, found=found, layer=layer, what=what)
    dropped = [f"row {i + 1}" for i in np.flatnonzero(~good)[:20]]
    ref.log.add(
        "geometry_dropped",
        layer=layer,
        severity="warning",
        count=int((~good).sum()),
        of=len(frame),
        source=file.name,
        places=dropped,
    )
    return frame[good]


def mended(frame: gpd.GeoDataFrame, layer: str, file: Path, ref: Reference) -> gpd.GeoDataFrame:
    """Return valid polygons: self-crossing rings are mended, and said."""
    shapes = frame.geometry.values
    bad = ~shapely.is_valid(shapes)
    if not bad.any():
        return frame
    ref.log.add(
        "polygon_mended",
        layer=layer,
        severity="info",
        count=int(bad.sum()),
        of=len(frame),
        source=file.name,
        places=_places(frame.geometry, bad),
    )
    whole = np.asarray(shapes).copy()
    for i in np.flatnonzero(bad):
        parts = [
            p for p in shapely.get_parts(shapely.make_valid(whole[i])) if p.geom_type in ("Polygon", "MultiPolygon")
        ]
        whole[i] = shapely.union_all(parts)
    frame = frame.set_geometry(gpd.GeoSeries(whole, index=frame.index, crs=frame.crs))
    return frame[~frame.geometry.is_empty]


def number_column(frame: gpd.GeoDataFrame, name: str, unknown: Sequence[float] = ()) -> np.ndarray:
    """Return a column as numbers, NaN where it is not there or says one of the unknown values."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    values, _ = numbers(frame[name])
    values[np.isin(values, np.asarray(unknown, dtype=float))] = np.nan
    return values


def texts(frame: gpd.GeoDataFrame, name: str) -> np.ndarray:
    """Return a column as texts, empty where it is not there."""
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    return np.asarray(frame[name].astype("string").fillna("").to_numpy(), dtype=object)


def read_streets(files: Sequence[Path], layer: StreetsLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read street centre lines into rows of ``City.network``, one row a line."""
    frames = []
    for file in files:
        columns = layer.columns.model_dump(exclude_none=True) if layer.columns else {}
        known = known_columns("streets")
        options: dict[str, Any] = {"layer": layer.layer, "encoding": layer.encoding, "role": "streets"}
        frame = read_features(file, columns=columns, known=known, **options)
        frame.index = pd.RangeIndex(1, len(frame) + 1)
        frame = ref.fit(of_type(frame, _LINES, "lines", "streets", file, ref), str(file), "streets", declared=layer.crs)
        ids = texts(frame, "id")
        made = np.array([f"{file.stem}-{row}" for row in frame.index], dtype=object)
        ids = np.where(ids == "", made, ids)
        _report_levels(frame, ids, file, ref)
        data = {
            "id": ids,
            "name": texts(frame, "name"),
            "kind": texts(frame, "kind"),
            **{name: number_column(frame, name) for name in ("width", "layer", "maxspeed", "lanes")},
            **{name: texts(frame, name) for name in ("surface", "oneway", "bridge", "tunnel", "kerb")},
            "incline": _inclines(texts(frame, "incline")),
            "source": np.full(len(frame), file.name, dtype=object),
        }
        data = {name: data[name] for name in NETWORK_COLUMNS}
        frames.append(gpd.GeoDataFrame(data, geometry=frame.geometry.values, crs=ref.crs).explode(ignore_index=True))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=ref.crs).astype(NETWORK_COLUMNS)


def _inclines(words: np.ndarray) -> np.ndarray:
    """Return slopes as rise over length: "5 %" and 5 are 0.05, 0.05 stays; words such as "up" say no number."""
    plain = pd.Series(words, dtype="string").str.replace("%", "", regex=False).str.replace(",", ".", regex=False)
    values = pd.to_numeric(plain.str.strip(), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    percent = np.array(["%" in str(word) for word in words], dtype=bool) | (np.abs(values) >= 1.0)
    return np.where(percent, values / 100.0, values)


_NOT_SET = ("", "no", "f", "false", "0", "nein", "n")


def _report_levels(frame: gpd.GeoDataFrame, ids: np.ndarray, file: Path, ref: Reference) -> None:
    """Tell which streets run over or under the terrain; their heights are not those of the ground."""
    raised = np.zeros(len(frame), dtype=bool)
    for name in ("bridge", "tunnel"):
        words = np.array([str(word).strip().lower() for word in texts(frame, name)], dtype=object)
        raised |= ~np.isin(words, _NOT_SET)
    ref.log.add(
        "streets_off_the_ground",
        layer="streets",
        severity="info",
        count=int(raised.sum()),
        of=len(frame),
        source=file.name,
        places=ids[raised],
    )


def read_stations(files: Sequence[Path], layer: StationsLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read measuring stations (points) into rows of ``City.stations``."""
    frames = []
    for file in files:
        columns = layer.columns.model_dump(exclude_none=True) if layer.columns else {}
        known = known_columns("stations")
        if is_delimited(file):
            frame = read_points(
                file,
                columns=columns,
                known=known,
                separator=layer.separator,
                decimal=layer.decimal,
                encoding=layer.encoding,
            )
        else:
            inner = {name: names for name, names in known.items() if name not in ("x", "y")}
            options: dict[str, Any] = {"layer": layer.layer, "encoding": layer.encoding, "role": "stations"}
            frame = read_features(file, columns=columns, known=inner, **options)
        frame = of_type(frame, (0,), "points", "stations", file, ref)
        table = is_delimited(file)
        frame = ref.fit(frame, str(file), "stations", declared=layer.crs, speechless=table, touching=False)
        ids = texts(frame, "id")
        made = np.array([f"{file.stem}-{i + 1}" for i in range(len(frame))], dtype=object)
        _report_far(frame, np.where(ids == "", made, ids), file, ref)
        data = {
            "id": np.where(ids == "", made, ids),
            "name": texts(frame, "name"),
            "height": number_column(frame, "height"),
            "source": np.full(len(frame), file.name, dtype=object),
        }
        frames.append(gpd.GeoDataFrame(data, geometry=frame.geometry.values, crs=ref.crs))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=ref.crs).astype(STATION_COLUMNS)


def _report_far(frame: gpd.GeoDataFrame, ids: np.ndarray, file: Path, ref: Reference) -> None:
    """Tell which stations lie outside the city; they are kept, as a weather station may."""
    if ref.extent is None:
        return
    x, y = frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy()
    west, south, east, north = ref.extent
    far = ~((x >= west) & (x <= east) & (y >= south) & (y <= north))
    ref.log.add(
        "stations_outside",
        layer="stations",
        severity="info",
        count=int(far.sum()),
        of=len(frame),
        source=file.name,
        places=ids[far],
    )
