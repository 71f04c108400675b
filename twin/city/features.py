"""Vector files as tables: one layer of a GeoPackage, Shapefile, GeoJSON, FlatGeobuf, ... with the columns asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from models.layers import read_table
from twin.city.geoparquet import PARQUET_SUFFIXES, describe_parquet, read_geoparquet
from twin.city.openstreetmap import OSM_SUFFIXES, is_osm, options, read_osm
from twin.city.profile import nearest
from twin.errors import Phrase, TextError

__all__ = [
    "VECTOR_SUFFIXES",
    "column_named",
    "describe_file",
    "known_columns",
    "layer_names",
    "numbers",
    "read_features",
]

VECTOR_SUFFIXES = (
    *(".gpkg", ".shp", ".geojson", ".json", ".fgb", ".gdb", ".kml", ".tab", ".sqlite", ".shz"),
    *PARQUET_SUFFIXES,
    *OSM_SUFFIXES,
)
_SAY = Phrase("say_vector")


@cache
def _arrow() -> bool:
    return importlib.util.find_spec("pyarrow") is not None


@cache
def known_columns(role: str) -> Mapping[str, tuple[str, ...]]:
    """Return the column names that are recognised without a mapping: target to names, from ``known_columns.csv``."""
    rows = [row for row in read_table("twin.city", "known_columns.csv") if row["layer"] == role]
    return {row["target"]: tuple(row["names"].split("|")) for row in rows}


def column_named(wanted: str, available: Sequence[str], where: str) -> str:
    """Return the column of this name (capitals do not matter), or say which is nearest.

    Examples
    --------
    >>> column_named("HOEHE", ["hoehe", "typ"], "buildings.shp")
    'hoehe'
    """
    if wanted in available:
        return wanted
    same = [name for name in available if name.lower() == wanted.lower()]
    if len(same) == 1:
        return same[0]
    listed = ", ".join(available) or "none"
    raise TextError("column_missing", where=where, wanted=wanted, near=nearest(wanted, available), listed=listed)


def first_known(names: Iterable[str], available: Sequence[str]) -> str | None:
    """Return the first of several names that a file has (capitals do not matter), else None."""
    lower = {name.lower(): name for name in reversed(available)}
    return next((lower[name.lower()] for name in names if name.lower() in lower), None)


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() in PARQUET_SUFFIXES


def _info(file: Path, layer: str | None, encoding: str | None) -> dict[str, Any]:
    if _is_parquet(file):
        return describe_parquet(file)
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(file)]
        if not layers:
            raise TextError("vector_without_layer", file=file, formats=_SAY)
        if layer is None and len(layers) > 1:
            raise TextError("vector_layers_several", file=file, count=len(layers), listed=", ".join(layers))
        if layer is not None and layer not in layers:
            raise TextError(
                "vector_layer_missing", file=file, layer=layer, near=nearest(layer, layers), listed=", ".join(layers)
            )
        if is_osm(file):
            return dict(pyogrio.read_info(file, layer=layer, force_feature_count=True, **options()))
        return dict(pyogrio.read_info(file, layer=layer, encoding=encoding))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise TextError("vector_unreadable", file=file, reason=_short(error), formats=_SAY) from None


def _short(error: Exception) -> str:
    return str(error).split(";")[0].split("\n")[0].strip().rstrip(".")[:160]


def layer_names(file: Path) -> list[str]:
    """Return the names of the layers of a vector file."""
    if _is_parquet(file):
        return [file.stem]
    try:
        return [str(name) for name, _ in pyogrio.list_layers(file)]
    except pyogrio.errors.DataSourceError as error:
        raise TextError("vector_unreadable", file=file, reason=_short(error), formats=_SAY) from None


def describe_file(file: Path, layer: str | None = None, encoding: str | None = None) -> dict[str, Any]:
    """Return what a vector file says of itself: fields, types, CRS, extent and number of features."""
    return _info(file, layer, encoding)


def read_features(
    file: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    known: Mapping[str, Sequence[str]] | None = None,
    role: str = "",
) -> gpd.GeoDataFrame:
    """Read one layer of a vector file with its columns renamed to ours.

    Parameters
    ----------
    file : pathlib.Path
        Vector file.
    layer : str, optional
        Layer name, needed where a file holds several.
    encoding : str, optional
        Text encoding, where the file does not say it.
    columns : mapping, optional
        Our name to the file's name; None means not there.
    known : mapping, optional
        Our name to names that are recognised where ``columns`` says nothing of it.
    role : str
        Table of the profile that names the file; of an OpenStreetMap extract it decides what is read.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns by our names; 2D geometry, possibly None; ``attrs["columns"]`` tells which file columns were taken.

    Raises
    ------
    InputError
        If the file cannot be read, has several layers, or a column is not there.
    """
    whole = read_osm(file, role) if is_osm(file) and layer is None else None
    fields = whole.columns.drop("geometry") if whole is not None else _info(file, layer, encoding)["fields"]
    available = [str(name) for name in fields]
    taken = {ours: column_named(theirs, available, str(file)) for ours, theirs in (columns or {}).items() if theirs}
    for ours, names in (known or {}).items():
        match = None if ours in taken or (columns and ours in columns) else first_known(names, available)
        if match is not None:
            taken[ours] = match
    wanted = sorted(set(taken.values()), key=available.index)
    frame = whole if whole is not None else _frame(file, layer, encoding, wanted)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise TextError("vector_without_geometry", file=file, formats=_SAY)
    if frame.empty:
        raise TextError("vector_without_features", file=file)
    data = {ours: frame[theirs] for ours, theirs in taken.items()}
    geometry = gpd.GeoSeries(shapely.force_2d(frame.geometry.values), index=frame.index, crs=frame.crs)
    result = gpd.GeoDataFrame(data, geometry=geometry, crs=frame.crs)
    result.attrs["columns"] = taken
    return result


def _frame(file: Path, layer: str | None, encoding: str | None, columns: Sequence[str]) -> gpd.GeoDataFrame:
    """Return some columns of a file, as they are called there."""
    if _is_parquet(file):
        return read_geoparquet(file, columns)
    extra = options() if is_osm(file) else {"use_arrow": _arrow()}
    try:
        return pyogrio.read_dataframe(file, layer=layer, encoding=encoding, columns=columns, **extra)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.GeometryError, UnicodeDecodeError, RuntimeError) as error:
        raise TextError("vector_broken", file=file, reason=_short(error), formats=_SAY) from None


_NUMBER = r"[-+]?\d+(?:[.,]\d+)?"


def numbers(values: pd.Series, *, decimal: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return a column as float64, and which cells hold text that is no number.

    A decimal comma, a unit behind the number and a range (``"5-10 m"`` gives 7.5) are understood.

    Examples
    --------
    >>> numbers(pd.Series(["12,5", "5-10 m", "k.A.", None]))[0].tolist()
    [12.5, 7.5, nan, nan]
    """
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        plain = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(plain), plain, np.nan), np.zeros(len(plain), dtype=bool)
    text = values.astype("string").str.strip()
    result = pd.to_numeric(text.str.replace(",", ".", regex=False) if decimal != "." else text, errors="coerce")
    found = result.to_numpy(dtype=np.float64, na_value=np.nan)
    odd = np.isnan(found) & text.notna().to_numpy() & (text.fillna("") != "").to_numpy()
    if odd.any():
        found[odd] = [_loose(str(cell)) for cell in text.to_numpy()[odd]]
    found[~np.isfinite(found)] = np.nan
    return found, odd & np.isnan(found)


def _loose(cell: str) -> float:
    import re

    ranged = re.fullmatch(rf"\s*({_NUMBER})\s*(?:-|–|bis|to)\s*({_NUMBER})\s*[a-zA-Z]{{0,3}}\.?\s*", cell)
    if ranged:
        return (float(ranged[1].replace(",", ".")) + float(ranged[2].replace(",", "."))) / 2
    single = re.fullmatch(rf"\s*(?:ca\.?|~|>|<)?\s*({_NUMBER})\s*[a-zA-Z]{{0,3}}\.?\s*", cell)
    return float(single[1].replace(",", ".")) if single else float("nan")
