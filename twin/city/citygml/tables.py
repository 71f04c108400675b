"""Columns of all files to the tables of one city."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from twin.city.citygml.columns import FileColumns
from twin.city.citygml.files import GmlFile
from twin.city.citygml.geometry import ELEMENTS
from twin.city.footprints import footprints
from twin.city.gaps import GapLog
from twin.city.model import SOURCE_COLUMNS, City
from twin.city.own_layers import land_cover_of, streams_of, trees_of
from twin.city.surfaces import planes

__all__ = ["city_of"]


def city_of(columns: FileColumns, crs: pyproj.CRS | None, log: GapLog, files: list[GmlFile]) -> City:
    """Return the city of joined columns, in the CRS its coordinates are in, with footprints and planes."""
    objects, surfaces = columns.objects, columns.surfaces
    plane = planes(columns.polygons)
    shapes = footprints(
        columns.polygons,
        surface_object=surfaces["object"],
        surface_kind=surfaces["kind"],
        surface_lod=surfaces["lod"],
        normal_z=plane["normal_z"],
        object_kind=objects["kind"],
        object_parent=objects["parent"],
    )
    table = gpd.GeoDataFrame(
        {
            "id": objects["id"],
            "kind": objects["kind"],
            "parent": objects["parent"],
            "lod": _levels(surfaces["object"], surfaces["lod"], objects["parent"], objects["kind"]),
            "function": objects["function"],
            "roof_type": objects["roof_type"],
            "measured_height": objects["measured_height"],
            "ground_height": _ground_heights(columns),
            "storeys": objects["storeys"],
            "year": objects["year"],
            "attributes": objects["attributes"],
            "source": objects["source"],
        },
        geometry=gpd.GeoSeries(shapes, crs=crs),
    )
    surface_table = pd.DataFrame(
        {"object": surfaces["object"], "lod": surfaces["lod"], "kind": _texts(surfaces["kind"])}
        | plane
        | {
            "boundary": surfaces["boundary"],
            "id": surfaces["id"],
            "element": pd.Categorical.from_codes(surfaces["element"], categories=pd.Index(ELEMENTS)),
            "closed": surfaces["closed"],
        }
    )
    _without_geometry(table, log)
    city = City(
        crs=crs,
        objects=table,
        surfaces=surface_table,
        polygons=columns.polygons,
        boundaries=pd.DataFrame(columns.boundaries),
        shells=pd.DataFrame(columns.shells),
        streams=streams_of(table),
        sources=_sources(files),
    )
    layers = {"trees": trees_of(city, log, objects.get("place")), "land_cover": land_cover_of(city, log)}
    return city.replace(**layers, gaps=log.table())


def _texts(values: np.ndarray) -> pd.Series:
    """Return a column of few different texts; the same as pandas makes of them one by one."""
    code, names = pd.factorize(values)
    return pd.Series(names).take(code).reset_index(drop=True)


def _levels(owner: np.ndarray, lod: np.ndarray, parent: np.ndarray, kind: np.ndarray) -> list[str]:
    """Levels of detail each object has polygons in, its parts' included, such as ``"1,2"``."""
    bits = np.zeros(len(parent), dtype=np.int64)
    known = (owner >= 0) & (lod >= 0)
    np.bitwise_or.at(bits, owner[known], 1 << lod[known].astype(np.int64))
    part = np.array([str(name).endswith("Part") for name in kind], dtype=bool)
    for row in range(len(parent) - 1, -1, -1):  # a child stands after its parent
        above = parent[row]
        if above >= 0 and (part[row] or bits[above] == 0):
            bits[above] |= bits[row]
    names = {int(b): ",".join(str(i) for i in range(8) if b >> i & 1) for b in np.unique(bits)}
    return [names[int(b)] for b in bits]


def _ground_heights(columns: FileColumns) -> np.ndarray:
    """Lowest height of each object's ground surfaces, else of all its polygons; of its parts where it has none."""
    polygons, owner = columns.polygons, columns.surfaces["object"]
    parent = columns.objects["parent"]
    heights = np.full((2, len(parent) + 1), np.inf)
    if len(polygons):
        starts = polygons.ring_start[polygons.polygon_start[:-1]]
        lowest = np.minimum.reduceat(polygons.xyz[:, 2], starts)
        ground = columns.surfaces["kind"] == "GroundSurface"
        np.minimum.at(heights[0], owner[ground], lowest[ground])
        np.minimum.at(heights[1], owner, lowest)
    for row in range(len(parent) - 1, -1, -1):
        if parent[row] >= 0:
            heights[:, parent[row]] = np.minimum(heights[:, parent[row]], heights[:, row])
    result = np.where(np.isfinite(heights[0]), heights[0], heights[1])[:-1]
    return np.where(np.isfinite(result), result, np.nan)


def _without_geometry(objects: gpd.GeoDataFrame, log: GapLog) -> None:
    whole = objects["kind"].isin(["Building", "BuildingPart"])
    bare = whole & objects.geometry.isna()
    log.add(
        "gml_building_without_geometry", layer="buildings", severity="warning", count=int(bare.sum()),
        of=int(whole.sum()), places=objects.loc[bare, "id"],
    )  # fmt: skip


def _sources(files: list[GmlFile]) -> pd.DataFrame:
    hashes = {file.path: "" for file in files}
    for path in hashes:
        hashes[path] = next(file for file in files if file.path == path).sha256()
    rows = [
        {
            "path": str(file.path), "role": "buildings", "sha256": hashes[file.path], "licence": "", "attribution": "",
            "note": file.member,
        }
        for file in files
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SOURCE_COLUMNS))
