"""Vector layers of a city: building footprints, land cover, streets and stations.

Footprints become rows of ``City.objects`` with their height in ``measured_height``; they carry no surfaces, so the
rasteriser raises each footprint to its height with a flat top. Where roofs matter, CityGML has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from models.layers import LAND_COVER, read_table
from twin.city.defaults import default
from twin.city.delimited import is_delimited, read_points
from twin.city.features import known_columns, numbers, read_features
from twin.city.model import LAND_COVER_COLUMNS, NETWORK_COLUMNS, OBJECT_COLUMNS, STATION_COLUMNS
from twin.city.placing import Reference
from twin.city.profile import BuildingsLayer, LandCoverLayer, StationsLayer, StreetsLayer
from twin.errors import InputError

__all__ = ["alkis_cover", "read_footprints", "read_land_cover", "read_stations", "read_streets"]

_POLYGON, _MULTIPOLYGON = 3, 6
_LINES = (1, 2, 5)  # LineString, LinearRing, MultiLineString
_OPTIONAL = ("id", "function", "roof_type", "ground_height", "year")


def _places(geometry: gpd.GeoSeries, chosen: np.ndarray) -> list[str]:
    points = shapely.centroid(geometry.values[np.flatnonzero(chosen)[:20]])
    return [f"{p.x:.1f}, {p.y:.1f}" for p in points if p is not None and not p.is_empty]


def _of_type(
    frame: gpd.GeoDataFrame, wanted: Sequence[int], what: str, layer: str, file: Path, ref: Reference
) -> gpd.GeoDataFrame:
    """Return the rows with a geometry of the types wanted; the others are a gap row."""
    kinds = shapely.get_type_id(frame.geometry.values)
    good = np.isin(kinds, wanted) & ~shapely.is_empty(frame.geometry.values)
    if not good.any():
        found = ", ".join(sorted({str(t) for t in frame.geom_type.dropna().unique()})) or "no geometry"
        raise InputError(f"{file} holds {found} where layer [{layer}] needs {what}: name another file or layer.")
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


def _mended(frame: gpd.GeoDataFrame, layer: str, file: Path, ref: Reference) -> gpd.GeoDataFrame:
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
    mended = np.asarray(shapes).copy()
    for i in np.flatnonzero(bad):
        parts = [
            p for p in shapely.get_parts(shapely.make_valid(mended[i])) if p.geom_type in ("Polygon", "MultiPolygon")
        ]
        mended[i] = shapely.union_all(parts)
    frame = frame.set_geometry(gpd.GeoSeries(mended, index=frame.index, crs=frame.crs))
    return frame[~frame.geometry.is_empty]


def read_footprints(files: Sequence[Path], layer: BuildingsLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read building footprints with a height or storeys column.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Vector files of one profile table.
    layer : BuildingsLayer
        Columns and defaults.
    ref : Reference
        CRS and extent of the city; gets gap rows for duplicates, overlaps and missing heights.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows of ``City.objects`` (kind "Building", lod "0") in the city's CRS.

    Raises
    ------
    InputError
        If a file or column is missing, or the layer cannot belong to the city.
    """
    frames = [_footprints_of(file, layer, ref) for file in files]
    objects = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0].reset_index(drop=True)
    return gpd.GeoDataFrame(objects, geometry="geometry", crs=ref.crs)


def _footprints_of(file: Path, layer: BuildingsLayer, ref: Reference) -> gpd.GeoDataFrame:
    columns = {name: getattr(layer, name) for name in ("height", "storeys", *_OPTIONAL) if getattr(layer, name)}
    frame = read_features(file, layer=layer.layer, encoding=layer.encoding, columns=columns)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame = _of_type(frame, (_POLYGON, _MULTIPOLYGON), "polygons", "buildings", file, ref)
    frame = ref.fit(frame, str(file), "buildings", declared=layer.crs)
    frame = _mended(frame, "buildings", file, ref)
    ids = frame["id"].astype("string").fillna("").to_numpy() if "id" in frame else np.full(len(frame), "")
    made = np.array([f"{file.stem}-{row}" for row in frame.index], dtype=object)
    frame["id"] = np.where(ids == "", made, ids.astype(object))
    frame["measured_height"], frame["storeys"] = _heights(frame, layer, file, ref)
    frame = _once(frame, file, ref)
    _report_overlaps(frame, file, ref)
    return _as_objects(frame, file)


def _number_column(frame: gpd.GeoDataFrame, name: str, unknown: Sequence[float] = ()) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), np.nan)
    values, _ = numbers(frame[name])
    values[np.isin(values, np.asarray(unknown, dtype=float))] = np.nan
    return values


def _heights(
    frame: gpd.GeoDataFrame, layer: BuildingsLayer, file: Path, ref: Reference
) -> tuple[np.ndarray, np.ndarray]:
    """Heights [m] and storeys of footprints; every height that is not in the file is a gap row."""
    height = _number_column(frame, "height", layer.unknown)
    storeys = _number_column(frame, "storeys", layer.unknown)
    storeys[~((storeys > 0) & (storeys < 200))] = np.nan
    ids, total = frame["id"].to_numpy(), len(frame)
    odd = ~np.isnan(height) & ~((height > 0) & (height <= default("building_height_most")))
    ref.log.add(
        "building_height_impossible",
        layer="buildings",
        severity="warning",
        count=int(odd.sum()),
        of=total,
        source=file.name,
        places=ids[odd],
        most=f"{default('building_height_most'):g}",
    )
    height[odd] = np.nan
    low = height < default("building_height_low")
    ref.log.add(
        "building_low",
        layer="buildings",
        severity="info",
        count=int(low.sum()),
        of=total,
        source=file.name,
        places=ids[low],
        least=f"{default('building_height_low'):g}",
    )
    known = height[~np.isnan(height)]
    by_storeys = np.isnan(height) & ~np.isnan(storeys)
    each = layer.default_storey_height or default("default_storey_height")
    height[by_storeys] = storeys[by_storeys] * each
    ref.log.add(
        "building_height_from_storeys",
        layer="buildings",
        severity="default",
        count=int(by_storeys.sum()),
        of=total,
        source=file.name,
        places=ids[by_storeys],
        default=f"{each:g} m",
    )
    missing = np.isnan(height)
    if missing.any():
        enough = len(known) >= default("known_heights_least")
        value = float(np.median(known)) if enough else default("default_storeys") * each
        height[missing] = value
        ref.log.add(
            "building_height_missing",
            layer="buildings",
            severity="warning",
            count=int(missing.sum()),
            of=total,
            source=file.name,
            places=ids[missing],
            default=f"{value:.1f} m",
        )
    return height, storeys


def _once(frame: gpd.GeoDataFrame, file: Path, ref: Reference) -> gpd.GeoDataFrame:
    """Return each footprint once, the tallest of equal ones."""
    key = shapely.to_wkb(shapely.normalize(shapely.set_precision(frame.geometry.values, 0.001)))
    order = np.argsort(-frame["measured_height"].to_numpy(), kind="stable")
    repeated = np.zeros(len(frame), dtype=bool)
    repeated[order] = pd.Series(key[order]).duplicated().to_numpy()
    ref.log.add(
        "footprint_repeated",
        layer="buildings",
        severity="warning",
        count=int(repeated.sum()),
        of=len(frame),
        source=file.name,
        places=frame["id"].to_numpy()[repeated],
    )
    return frame[~repeated]


def _report_overlaps(frame: gpd.GeoDataFrame, file: Path, ref: Reference) -> None:
    shapes = np.asarray(frame.geometry.values)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other])) > 1.0
    concerned = np.unique(np.concatenate([one[shared], other[shared]]))
    ref.log.add(
        "footprints_overlap",
        layer="buildings",
        severity="info",
        count=len(concerned),
        of=len(frame),
        source=file.name,
        places=frame["id"].to_numpy()[concerned],
        pairs=int(shared.sum()),
    )


def _as_objects(frame: gpd.GeoDataFrame, file: Path) -> gpd.GeoDataFrame:
    count = len(frame)

    def words(name: str) -> pd.Series:
        if name not in frame:
            return pd.Series([""] * count, dtype=object)
        return frame[name].astype("string").fillna("").astype(object).reset_index(drop=True)

    data = {
        "id": frame["id"].to_numpy(),
        "kind": np.full(count, "Building", dtype=object),
        "parent": np.full(count, -1, dtype=np.int64),
        "lod": np.full(count, "0", dtype=object),
        "function": words("function"),
        "roof_type": words("roof_type"),
        "measured_height": frame["measured_height"].to_numpy(),
        "ground_height": _number_column(frame, "ground_height"),
        "storeys": frame["storeys"].to_numpy(),
        "year": _number_column(frame, "year"),
        "attributes": np.array([{} for _ in range(count)], dtype=object),
        "source": np.full(count, file.name, dtype=object),
    }
    geometry = frame.geometry.reset_index(drop=True)
    table = gpd.GeoDataFrame(pd.DataFrame(data)[list(OBJECT_COLUMNS)], geometry=geometry, crs=frame.crs)
    return table.astype(OBJECT_COLUMNS)


def _spelling(value: object) -> str:
    """The letters and digits of a class name, so that ``AX_Straßenverkehr`` and ``AX_Strassenverkehr`` are one."""
    text = str(value).lower().removeprefix("ax_")
    for sign, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(sign, plain)
    return "".join(c for c in text if c.isalnum())


@cache
def alkis_cover() -> Mapping[str, str]:
    """Return the default land cover of the ALKIS land-use classes, by name and by code, in plain spelling.

    Examples
    --------
    >>> alkis_cover()["strassenverkehr"], alkis_cover()["42001"]
    ('asphalt', 'asphalt')
    """
    table: dict[str, str] = {}
    for row in read_table("twin.city", "alkis_land_use.csv"):
        for name in (row["class"], row["code"], f"AX{row['code']}"):
            table[_spelling(name)] = row["cover"]
    return table


def read_land_cover(files: Sequence[Path], layer: LandCoverLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read land-cover polygons and bring their classes to the names of ``models.layers.LAND_COVER``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Vector files of one profile table.
    layer : LandCoverLayer
        Column and class mapping; without a mapping the ALKIS land-use names are known, and so are our own names.
    ref : Reference
        CRS and extent of the city; gets gap rows for classes that are not mapped.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of ``City.land_cover`` in the city's CRS, in the order of the file (later rows lie on top).
    """
    frames = []
    for file in files:
        columns = {"class": layer.column} if layer.column else {}
        known = {} if layer.cover else known_columns("land_cover")
        frame = read_features(file, layer=layer.layer, encoding=layer.encoding, columns=columns, known=known)
        if layer.cover is None and "class" not in frame:
            raise InputError(
                f"{file}: no column of land-cover classes is known: name it with column = ..., or give cover = ...."
            )
        frame = _of_type(frame, (_POLYGON, _MULTIPOLYGON), "polygons", "land_cover", file, ref)
        frame = ref.fit(frame, str(file), "land_cover", declared=layer.crs)
        frame = _mended(frame, "land_cover", file, ref)
        cover = (
            np.full(len(frame), layer.cover, dtype=object) if layer.cover else _covers(frame["class"], layer, file, ref)
        )
        data = {"cover": cover, "source": np.full(len(frame), file.name, dtype=object)}
        frames.append(gpd.GeoDataFrame(data, geometry=frame.geometry.values, crs=ref.crs))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=ref.crs).astype(LAND_COVER_COLUMNS)


def _covers(classes: pd.Series, layer: LandCoverLayer, file: Path, ref: Reference) -> np.ndarray:
    text = classes.astype("string").fillna("")
    values = list(text.unique())
    if layer.classes is not None:
        given = {_spelling(name): cover for name, cover in layer.classes.items()}
        mapping = {value: given.get(_spelling(value)) for value in values}
    else:
        own = {_spelling(name): name for name in LAND_COVER}
        mapping = {value: own.get(_spelling(value)) or alkis_cover().get(_spelling(value)) for value in values}
        by_alkis = [v for v in values if _spelling(v) in alkis_cover() and _spelling(v) not in own]
        ref.log.add(
            "land_cover_by_alkis",
            layer="land_cover",
            severity="default",
            count=int(text.isin(by_alkis).sum()),
            of=len(text),
            source=file.name,
            places=by_alkis,
            default="; ".join(f"{v} = {mapping[v]}" for v in by_alkis),
        )
    fallback = layer.unmapped or "paved"
    missing = [value for value in values if mapping[value] is None]
    ref.log.add(
        "land_cover_unmapped",
        layer="land_cover",
        severity="warning",
        count=int(text.isin(missing).sum()),
        of=len(text),
        source=file.name,
        places=missing,
        default=fallback,
        classes=", ".join(value or '""' for value in missing[:10]),
    )
    return np.asarray(text.map(lambda value: mapping[value] or fallback).to_numpy(), dtype=object)


def _texts(frame: gpd.GeoDataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    return np.asarray(frame[name].astype("string").fillna("").to_numpy(), dtype=object)


def read_streets(files: Sequence[Path], layer: StreetsLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read street centre lines into rows of ``City.network``, one row a line."""
    frames = []
    for file in files:
        columns = layer.columns.model_dump(exclude_none=True) if layer.columns else {}
        known = known_columns("streets")
        frame = read_features(file, layer=layer.layer, encoding=layer.encoding, columns=columns, known=known)
        frame.index = pd.RangeIndex(1, len(frame) + 1)
        frame = ref.fit(
            _of_type(frame, _LINES, "lines", "streets", file, ref), str(file), "streets", declared=layer.crs
        )
        ids = _texts(frame, "id")
        made = np.array([f"{file.stem}-{row}" for row in frame.index], dtype=object)
        data = {
            "id": np.where(ids == "", made, ids),
            "name": _texts(frame, "name"),
            "kind": _texts(frame, "kind"),
            "width": _number_column(frame, "width"),
            "source": np.full(len(frame), file.name, dtype=object),
        }
        frames.append(gpd.GeoDataFrame(data, geometry=frame.geometry.values, crs=ref.crs).explode(ignore_index=True))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=ref.crs).astype(NETWORK_COLUMNS)


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
            frame = read_features(file, layer=layer.layer, encoding=layer.encoding, columns=columns, known=inner)
        frame = _of_type(frame, (0,), "points", "stations", file, ref)
        frame = ref.fit(frame, str(file), "stations", declared=layer.crs, speechless=is_delimited(file))
        ids = _texts(frame, "id")
        made = np.array([f"{file.stem}-{i + 1}" for i in range(len(frame))], dtype=object)
        data = {
            "id": np.where(ids == "", made, ids),
            "name": _texts(frame, "name"),
            "height": _number_column(frame, "height"),
            "source": np.full(len(frame), file.name, dtype=object),
        }
        frames.append(gpd.GeoDataFrame(data, geometry=frame.geometry.values, crs=ref.crs))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=ref.crs).astype(STATION_COLUMNS)
