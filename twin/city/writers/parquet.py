"""A city as a folder of GeoParquet tables, cut into tiles: read back without loss, or only where it is wanted.

``city.json`` tells what the folder holds. Every table is one file whose row groups are the tiles, so that DuckDB, QGIS or
pandas read it as one table and this reader fetches single tiles. ``objects``, ``trees``, ``land_cover``, ``network``,
``stations`` and ``structures`` are GeoParquet; ``surfaces``, ``rings`` (points of each ring) and ``points`` (x, y, z) are the flat arrays of
``City.polygons``; ``boundaries`` and ``shells`` refer to rows by number (column ``_row``). Rasters are GeoTIFF. ``streams``,
``sources`` and ``gaps`` stand in ``city.json`` itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.city import gaps as gap_table
from twin.city.bodies import object_bounds, top_of
from twin.city.footprints import ranges
from twin.city.model import City
from twin.city.placing import horizontal
from twin.city.writers.columns import bounds_of, packed
from twin.city.writers.replacing import replaced_folder
from twin.errors import InputError

__all__ = ["FORMAT", "MANIFEST", "write_parquet"]

MANIFEST = "city.json"
FORMAT = "urban-twin city 1"
FLAT = ("trees", "land_cover", "network", "stations", "structures")
"""Tables whose rows stand for themselves."""


def write_parquet(city: City, path: str | os.PathLike[str], *, tile: float = 1000.0) -> Path:
    """Write a city as a folder of GeoParquet tables in tiles.

    Parameters
    ----------
    city : City
        All its tables and rasters are written.
    path : path
        Folder; one written before is replaced when the new one is whole.
    tile : float
        Edge of a tile [m]. A building lies in the tile of its centre, with all its parts.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds something else, or the tile is no length above 0.

    Examples
    --------
    >>> write_parquet(city, "district")  # doctest: +SKIP
    """
    path = Path(path)
    if not (np.isfinite(tile) and tile > 0):
        raise InputError(f"tile must be a length in metres above 0, such as 1000, not {tile!r}.")
    with replaced_folder(path, MANIFEST) as folder:
        layout = _Layout.of(city, tile)
        tables = {name: _write_flat(getattr(city, name), name, layout, folder) for name in FLAT}
        tables |= _write_bodies(city, layout, folder)
        rasters = {
            name: _write_raster(getattr(city, name), folder / f"{name}.tif") for name in ("terrain", "canopy_height")
        }
        document = {
            "format": FORMAT,
            "name": city.name,
            "crs": None if city.crs is None else city.crs.to_wkt(),
            "area": city.area,
            "tile": tile,
            "tiles": [{"key": key, "bounds": bounds} for key, bounds in layout.tiles()],
            "tables": tables,
            "rasters": {name: about for name, about in rasters.items() if about is not None},
            "gaps": json.loads(gap_table.to_json(city.gaps)),
            "sources": _written_here(city.sources),
            "streams": _written_here(city.streams),
        }
        (folder / MANIFEST).write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def _written_here(table: pd.DataFrame) -> dict[str, Any]:
    """Return a small table without geometry as it stands in the manifest."""
    plain, kinds = packed(table)
    return {"columns": kinds, "rows": plain.to_dict("records")}


@dataclass
class _Layout:
    """Which tile each row of a table lies in; tile 0 holds what lies nowhere and is always read."""

    size: float
    keys: dict[tuple[int, int], int]
    bounds: list[np.ndarray]
    objects: np.ndarray

    @classmethod
    def of(cls, city: City, size: float) -> _Layout:
        layout = cls(size, {}, [np.array([np.inf, np.inf, -np.inf, -np.inf])], np.zeros(0, np.int64))
        bounds = object_bounds(city) if len(city.objects) else np.zeros((0, 4))
        top = top_of(city.objects["parent"].to_numpy(dtype=np.int64))
        family = np.array([np.inf, np.inf, -np.inf, -np.inf]) * np.ones((len(bounds), 1))
        known = ~np.isnan(bounds[:, 0])
        np.minimum.at(family[:, :2], top[known], bounds[known, :2])
        np.maximum.at(family[:, 2:], top[known], bounds[known, 2:])
        family[~np.isfinite(family[:, 0])] = np.nan
        layout.objects = layout.place(family)[top] if len(top) else top
        return layout

    def place(self, bounds: np.ndarray) -> np.ndarray:
        """Return the tile of each extent, and let the tiles grow by them."""
        rows = np.zeros(len(bounds), dtype=np.int64)
        known = np.isfinite(bounds).all(axis=1)
        if not known.any():
            return rows
        centre = np.column_stack([bounds[known][:, [0, 2]].mean(axis=1), bounds[known][:, [1, 3]].mean(axis=1)])
        cells, inverse = np.unique(np.floor(centre / self.size).astype(np.int64), axis=0, return_inverse=True)
        numbers = []
        for east, north in cells.tolist():
            if (east, north) not in self.keys:
                self.keys[east, north] = len(self.bounds)
                self.bounds.append(np.array([np.inf, np.inf, -np.inf, -np.inf]))
            numbers.append(self.keys[east, north])
        rows[known] = np.array(numbers)[inverse.ravel()]
        low, high = np.array([b[:2] for b in self.bounds]), np.array([b[2:] for b in self.bounds])
        np.minimum.at(low, rows[known], bounds[known, :2])
        np.maximum.at(high, rows[known], bounds[known, 2:])
        self.bounds = list(np.hstack([low, high]))
        return rows

    def tiles(self) -> list[tuple[str, list[float] | None]]:
        names = {number: f"{east}_{north}" for (east, north), number in self.keys.items()}
        found = [bounds.tolist() if np.isfinite(bounds).all() else None for bounds in self.bounds]
        return [(names.get(number, ""), bounds) for number, bounds in enumerate(found)]


def _groups(tile: np.ndarray, order: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (tile, first, last) of each run of rows in tile order."""
    sorted_tiles = tile[order]
    if not len(sorted_tiles):
        return []
    first = np.flatnonzero(np.diff(sorted_tiles, prepend=-1))
    last = np.append(first[1:], len(sorted_tiles))
    return [(int(sorted_tiles[a]), int(a), int(b)) for a, b in zip(first, last, strict=True)]


def _write(frame: Any, groups: list[tuple[int, int, int]], file: Path) -> list[int]:
    """Write a table with one row group a tile; returns the tile of each group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(frame, gpd.GeoDataFrame):
        table = pa.table(frame.to_arrow(index=False, geometry_encoding="WKB"))
        meta = table.schema.metadata or {}
        geo = {**_geo_metadata(frame), **({b"pandas": meta[b"pandas"]} if b"pandas" in meta else {})}
        table = table.replace_schema_metadata(geo)
    else:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    options = {"compression": "zstd", "write_statistics": True}
    with pq.ParquetWriter(file, table.schema, **options) as writer:
        for _, first, last in groups:
            writer.write_table(table.slice(first, last - first), row_group_size=max(1, last - first))
    return [tile for tile, _, _ in groups]


def _geo_metadata(frame: gpd.GeoDataFrame) -> dict[bytes, bytes]:
    """Return the file metadata that makes a Parquet file GeoParquet 1.0."""
    crs = None if frame.crs is None else horizontal(frame.crs).to_json_dict()
    types = sorted({str(kind) for kind in frame.geom_type.dropna().unique()})
    column = {"encoding": "WKB", "geometry_types": types, "crs": crs}
    document = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return {b"geo": json.dumps(document).encode()}


def _write_flat(table: gpd.GeoDataFrame, name: str, layout: _Layout, folder: Path) -> dict[str, Any]:
    tile = layout.place(bounds_of(table))
    order = np.argsort(tile, kind="stable")
    plain, kinds = packed(table)
    frame = gpd.GeoDataFrame(
        plain.assign(_row=np.arange(len(table))), geometry=np.asarray(table.geometry.values), crs=table.crs
    )
    groups = _write(frame.iloc[order], _groups(tile, order), folder / f"{name}.parquet")
    return {"columns": kinds, "groups": groups, "rows": len(table)}


def _write_bodies(city: City, layout: _Layout, folder: Path) -> dict[str, Any]:
    """Write objects, their surfaces and polygons, boundaries and shells; rows of one family share a tile."""

    def tile_of(owner: pd.Series) -> np.ndarray:
        rows = owner.to_numpy(dtype=np.int64)
        return np.append(layout.objects, 0)[rows]  # -1 = no object: tile 0

    written = {}
    surface_tile = tile_of(city.surfaces["object"])
    tiles = {
        "objects": layout.objects, "surfaces": surface_tile, "boundaries": tile_of(city.boundaries["object"]),
        "shells": tile_of(city.shells["object"]),
    }  # fmt: skip
    for name, tile in tiles.items():
        table = getattr(city, name)
        order = np.argsort(tile, kind="stable")
        plain, kinds = packed(table)
        plain["_row"] = np.arange(len(table))
        if name == "surfaces":
            plain["_rings"] = np.diff(city.polygons.polygon_start)
        frame: Any = plain
        if name == "objects":
            frame = gpd.GeoDataFrame(plain, geometry=np.asarray(table.geometry.values), crs=city.crs)
        groups = _write(frame.iloc[order], _groups(tile, order), folder / f"{name}.parquet")
        written[name] = {"columns": kinds, "groups": groups, "rows": len(table)}
    order = np.argsort(surface_tile, kind="stable")
    return written | _write_polygons(city, surface_tile, order, folder)


def _write_polygons(city: City, tile: np.ndarray, order: np.ndarray, folder: Path) -> dict[str, Any]:
    polygons = city.polygons
    rings, of_polygon = ranges(polygons.polygon_start[order], polygons.polygon_start[order + 1])
    points, of_ring = ranges(polygons.ring_start[rings], polygons.ring_start[rings + 1])
    ring_tile = tile[order][of_polygon]
    point_tile = ring_tile[of_ring]
    xyz = polygons.xyz[points]
    frames = {
        "rings": (pd.DataFrame({"points": np.diff(polygons.ring_start)[rings]}), ring_tile),
        "points": (pd.DataFrame({"x": xyz[:, 0], "y": xyz[:, 1], "z": xyz[:, 2]}), point_tile),
    }
    return {
        name: {"groups": _write(frame, _groups(of, np.arange(len(of))), folder / f"{name}.parquet"), "rows": len(frame)}
        for name, (frame, of) in frames.items()
    }


def _write_raster(array: Any, file: Path) -> dict[str, Any] | None:
    """Write a raster as a tiled GeoTIFF; returns its attributes."""
    if array is None:
        return None
    import rasterio
    import rioxarray  # noqa: F401  (gives arrays the accessor .rio)

    values = array.values
    crs = array.rio.crs
    profile = {
        "driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": str(values.dtype),
        "crs": None if crs is None else horizontal(_crs(crs)).to_wkt(), "transform": array.rio.transform(), "nodata": np.nan,
        "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "predictor": 3,
    }  # fmt: skip
    with rasterio.open(file, "w", **profile) as target:
        target.write(values, 1)
    return {str(k): v for k, v in array.attrs.items() if isinstance(v, str | int | float)}


def _crs(crs: Any) -> Any:
    import pyproj

    return pyproj.CRS(crs.to_wkt())
