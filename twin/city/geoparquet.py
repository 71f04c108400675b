"""GeoParquet files as vector layers: what they say of themselves, and their columns (GDAL's wheels cannot read them)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyproj

from twin.errors import InputError

__all__ = ["PARQUET_SUFFIXES", "describe_parquet", "read_geoparquet"]

PARQUET_SUFFIXES = (".parquet", ".geoparquet")


def _damaged(file: Path, error: Exception) -> InputError:
    reason = str(error).split("\n")[0].strip().rstrip(".")[:160]
    return InputError(f"{file} cannot be read as GeoParquet ({reason}): write it again.")


def describe_parquet(file: Path) -> dict[str, Any]:
    """Return fields, geometry type, CRS and number of rows of a GeoParquet file, as ``pyogrio.read_info`` names them.

    Raises
    ------
    InputError
        If it is damaged or has no geometry column.
    """
    import pyarrow.parquet

    try:
        parquet = pyarrow.parquet.ParquetFile(file)
        schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from None
    metadata = (schema.metadata or {}).get(b"geo")
    if metadata is None:
        raise InputError(
            f"{file} is Parquet without geometry (no key 'geo'): write it as GeoParquet, for example with geopandas."
        )
    geo = json.loads(metadata)
    main = geo["primary_column"]
    about = geo["columns"][main]
    crs = about.get("crs", "OGC:CRS84")
    return {
        "fields": [name for name in schema.names if name not in geo["columns"] and name != "__index_level_0__"],
        "geometry_type": ", ".join(about.get("geometry_types") or ["Unknown"]),
        "crs": None if crs is None else pyproj.CRS(crs).to_string(),
        "features": rows,
    }


def read_geoparquet(file: Path, columns: Sequence[str]) -> gpd.GeoDataFrame:
    """Read some columns and the geometry of a GeoParquet file."""
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(file)
        main = json.loads((schema.metadata or {})[b"geo"])["primary_column"]
        return gpd.read_parquet(file, columns=[*dict.fromkeys(columns), main])
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(file, error) from None
