"""A city kept in a folder of tiles: what it holds without reading it, and the part that is wanted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from rasterio import Affine

from twin.city import gaps as gap_table
from twin.city.bodies import kept, touching
from twin.city.defaults import default
from twin.city.model import City, Polygons
from twin.city.placing import Bounds, Reference, grown, overlap
from twin.city.rasters import Raster, read_raster
from twin.city.terrain import as_array
from twin.city.writers.columns import bounds_of, unpacked
from twin.city.writers.parquet import FLAT, FORMAT, MANIFEST
from twin.errors import TextError

__all__ = ["StoredCity", "is_stored", "open_city", "read_parquet"]


def is_stored(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder is a city that was written as Parquet tables."""
    return (Path(path) / MANIFEST).is_file()


def read_parquet(path: str | os.PathLike[str], *, area: Bounds | None = None) -> City:
    """Read a city that was written with ``city.write(folder)``.

    Parameters
    ----------
    path : path
        Its folder.
    area : tuple of float, optional
        West, south, east, north [m]: only tiles that reach it and its surroundings of 200 m are read, and what lies
        beyond is left out, as :func:`twin.load` does. By default everything.

    Returns
    -------
    City
        The whole city is the one that was written, table by table.

    Raises
    ------
    InputError
        If the folder is no such city or damaged.
    """
    return open_city(path).read(area=area)


def open_city(path: str | os.PathLike[str]) -> StoredCity:
    """Open a city kept in a folder without reading its tables.

    Parameters
    ----------
    path : path
        Folder that ``city.write(folder)`` made.

    Raises
    ------
    InputError
        If the folder is no such city.

    Examples
    --------
    >>> stored = open_city("hannover")  # doctest: +SKIP
    >>> stored.read(area=(550_000, 5_802_000, 551_000, 5_803_000))  # doctest: +SKIP
    """
    folder = Path(path)
    if not is_stored(folder):
        raise TextError("store_none", folder=folder, name=MANIFEST)
    try:
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        told = document["format"]
    except (ValueError, KeyError, TypeError):
        raise TextError("store_damaged", file=folder / MANIFEST) from None
    if told != FORMAT:
        raise TextError("store_format", folder=folder, told=told, known=FORMAT)
    return StoredCity(folder, document)


@dataclass(frozen=True)
class StoredCity:
    """A city in a folder: its tiles and counts are known, its tables are read when asked for."""

    folder: Path
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the city."""
        return str(self.document["name"])

    @cached_property
    def crs(self) -> pyproj.CRS | None:
        """Coordinate reference system of the city."""
        return None if self.document["crs"] is None else pyproj.CRS(self.document["crs"])

    @cached_property
    def tiles(self) -> gpd.GeoDataFrame:
        """Tiles that lie somewhere: key, extent of what is in them, and rows of each table."""
        rows = []
        counts = {name: self._group_rows(name) for name in self.document["tables"]}
        for number, tile in enumerate(self.document["tiles"]):
            if tile["bounds"] is None:
                continue
            of = {name: count.get(number, 0) for name, count in counts.items()}
            rows.append({"key": tile["key"], **of, "geometry": shapely.box(*tile["bounds"])})
        return gpd.GeoDataFrame(rows, columns=["key", *counts, "geometry"], geometry="geometry", crs=self.crs)

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        return {name: int(table["rows"]) for name, table in self.document["tables"].items()}

    def read(self, *, area: Bounds | None = None) -> City:
        """Return the city, or the part of it around an area [m] (see :func:`read_parquet`)."""
        wanted = None if area is None else grown(area, default("neighbour_margin"))
        chosen = self._chosen(wanted)
        city = self._bodies(chosen)
        if wanted is not None and len(city.objects):
            city = kept(city, touching(city, wanted))
        flat = {name: self._flat(name, chosen, wanted) for name in FLAT if name in self.document["tables"]}
        own = self.document["area"]
        streams = self._told("streams")
        return city.replace(
            **flat,
            terrain=self._raster("terrain", "terrain_height", wanted),
            canopy_height=self._raster("canopy_height", "canopy_height", wanted),
            area=area if area is not None else (None if own is None else tuple(own)),
            gaps=gap_table.from_json(json.dumps(self.document["gaps"])),
            sources=self._told("sources"),
            streams=streams if wanted is None else _of_objects(streams, city),
            name=self.name,
        )

    def _told(self, name: str) -> pd.DataFrame:
        """Return a table that stands in the manifest; one written before there were any has no streams."""
        told = self.document.get(name)
        if told is None:
            return City(None).streams
        table = unpacked(pd.DataFrame(told["rows"], columns=list(told["columns"])), told["columns"])
        if "values" in table:
            table["values"] = pd.Series([[tuple(pair) for pair in v or ()] for v in table["values"]], dtype=object)
        return table

    def _chosen(self, wanted: Bounds | None) -> set[int]:
        tiles = self.document["tiles"]
        bounds = [tile["bounds"] for tile in tiles]
        return {i for i, b in enumerate(bounds) if wanted is None or b is None or overlap(tuple(b), wanted)}

    def _file(self, name: str) -> Any:
        import pyarrow.parquet as pq

        file = self.folder / f"{name}.parquet"
        try:
            return pq.ParquetFile(file)
        except (OSError, ValueError):
            raise TextError("store_missing", file=file) from None

    def _group_rows(self, name: str) -> dict[int, int]:
        metadata = self._file(name).metadata
        groups = self.document["tables"][name]["groups"]
        return {tile: metadata.row_group(i).num_rows for i, tile in enumerate(groups)}

    def _table(self, name: str, chosen: set[int]) -> pd.DataFrame:
        """Rows of some tiles, in the order they are kept."""
        groups = [i for i, tile in enumerate(self.document["tables"][name]["groups"]) if tile in chosen]
        try:
            table = self._file(name).read_row_groups(groups)
        except (OSError, ValueError):
            raise TextError("store_damaged", file=self.folder / f"{name}.parquet") from None
        return pd.DataFrame(table.to_pandas(ignore_metadata=True))

    def _sorted(self, name: str, chosen: set[int]) -> tuple[pd.DataFrame, np.ndarray, np.ndarray | None, np.ndarray]:
        """Return a table in its first order, the row numbers it had, its geometry, and how it was put in order."""
        raw = self._table(name, chosen)
        order = np.argsort(raw["_row"].to_numpy(), kind="stable")
        ordered = raw.iloc[order].reset_index(drop=True)
        shapes = np.asarray(shapely.from_wkb(ordered["geometry"].to_numpy())) if name in ("objects", *FLAT) else None
        plain = unpacked(ordered, self.document["tables"][name]["columns"])
        return plain, ordered["_row"].to_numpy(), shapes, order

    def _flat(self, name: str, chosen: set[int], wanted: Bounds | None) -> gpd.GeoDataFrame:
        plain, _, shapes, _ = self._sorted(name, chosen)
        table = gpd.GeoDataFrame(plain, geometry=gpd.GeoSeries(shapes, crs=self.crs), crs=self.crs)
        if wanted is None:
            return table
        west, south, east, north = bounds_of(table).T
        inside = (west <= wanted[2]) & (east >= wanted[0]) & (south <= wanted[3]) & (north >= wanted[1])
        return table if inside.all() else table[inside].reset_index(drop=True)

    def _bodies(self, chosen: set[int]) -> City:
        objects, object_rows, shapes, _ = self._sorted("objects", chosen)
        surfaces, surface_rows, _, order = self._sorted("surfaces", chosen)
        boundaries, boundary_rows, _, _ = self._sorted("boundaries", chosen)
        shells, _, _, _ = self._sorted("shells", chosen)
        rings = self._table("surfaces", chosen)["_rings"].to_numpy(dtype=np.int64)
        polygons = _polygons(rings, self._table("rings", chosen), self._table("points", chosen), order)
        objects = _pointed(objects, parent=object_rows)
        surfaces = _pointed(surfaces, object=object_rows, boundary=boundary_rows)
        boundaries = _pointed(boundaries, object=object_rows, parent=boundary_rows)
        shells = _pointed(shells, object=object_rows, polygon=surface_rows)
        table = gpd.GeoDataFrame(objects, geometry=gpd.GeoSeries(shapes, crs=self.crs), crs=self.crs)
        return City(self.crs, table, surfaces, polygons, boundaries, shells)

    def _raster(self, name: str, layer: str, wanted: Bounds | None) -> Any:
        about = self.document["rasters"].get(name)
        if about is None:
            return None
        raster = read_raster(self.folder / f"{name}.tif", window=wanted)
        array = as_array(Raster(raster.values, _affine(raster.transform), self.crs), Reference(crs=self.crs), layer)
        return array.assign_attrs(about)


def _of_objects(streams: pd.DataFrame, city: City) -> pd.DataFrame:
    """Return the streams that tell of objects or surfaces which are there."""
    ids = pd.concat([city.objects["id"], city.boundaries["id"]])
    return streams[(streams["object"].isin(ids) | streams["id"].isin(ids)).to_numpy()].reset_index(drop=True)


def _affine(transform: Any) -> Affine:
    return Affine(*transform[:6])


def _pointed(table: pd.DataFrame, **rows: np.ndarray) -> pd.DataFrame:
    """Return a table whose row numbers point at the rows that were read."""
    columns = {}
    for column, known in rows.items():
        if column not in table:
            continue
        asked = table[column].to_numpy(dtype=np.int64)
        if not len(known):
            columns[column] = np.full(len(asked), -1, dtype=np.int64)
            continue
        place = np.clip(np.searchsorted(known, asked), 0, len(known) - 1)
        columns[column] = np.where((asked >= 0) & (known[place] == asked), place, -1)
    return table.assign(**columns)


def _polygons(rings: np.ndarray, ring_table: pd.DataFrame, points: pd.DataFrame, order: np.ndarray) -> Polygons:
    """Return polygons in their first order, from tables in the order of tiles."""
    from twin.city.footprints import ranges

    sizes = ring_table["points"].to_numpy(dtype=np.int64)
    xyz = points[["x", "y", "z"]].to_numpy(dtype=np.float64)
    ring_first = np.concatenate([[0], np.cumsum(rings)])
    point_first = np.concatenate([[0], np.cumsum(sizes)])
    ring_order, _ = ranges(ring_first[order], ring_first[order + 1])
    point_order, _ = ranges(point_first[ring_order], point_first[ring_order + 1])
    return Polygons(
        np.ascontiguousarray(xyz[point_order]),
        np.concatenate([[0], np.cumsum(sizes[ring_order])]).astype(np.int64),
        np.concatenate([[0], np.cumsum(rings[order])]).astype(np.int64),
    )
