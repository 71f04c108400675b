"""CityGML 1.0, 2.0 and 3.0 to one columnar city.

One streaming pass over each file (:mod:`twin.city.gml_events`), then columns (:mod:`twin.city.gml_assembly`). The
version does not matter: elements are known by local name and namespace family. Every polygon is kept once; solids
made of references list the rows of their faces in ``City.shells``.

How things are counted
----------------------
``City.surfaces["element"]`` names the GML element of each polygon, so ``City.counts()["polygons"]`` is the number of
``gml:Polygon`` elements, and patches, triangles and placed templates are counted apart.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from twin.city.crs import CrsDecision, crs_label, parse_crs, utm_crs
from twin.city.footprints import footprints
from twin.city.gaps import GapLog
from twin.city.gml_assembly import columns_of
from twin.city.gml_columns import FileColumns, joined
from twin.city.gml_events import NotCityGMLError, parse
from twin.city.gml_files import GmlFile, find_files
from twin.city.gml_geometry import ELEMENTS
from twin.city.gml_names import Kind, classify
from twin.city.gml_parsed import Parsed
from twin.city.model import SOURCE_COLUMNS, City
from twin.city.surfaces import planes
from twin.errors import InputError
from twin.progress import track

__all__ = ["read_citygml"]

_LODS = ("0", "1", "2", "3", "4")


def read_citygml(
    paths: str | Path | Sequence[str | Path], *, lod: str | None = None, crs: str | pyproj.CRS | None = None
) -> City:
    """Read CityGML 1.0, 2.0 or 3.0 files into one city.

    Parameters
    ----------
    paths : str, Path or sequence of them
        Files (.gml, .xml, .citygml; also in .gz or .zip), folders or globs. The same top-level ``gml:id`` in several
        files is kept once, from the first.
    lod : str, optional
        Keep only polygons of this level of detail, ``"0"`` to ``"4"``; by default all levels side by side.
    crs : str or pyproj.CRS, optional
        Coordinate reference system, where the files name none or a wrong one.

    Returns
    -------
    City
        With ``objects`` (footprints as geometry), ``boundaries``, ``surfaces``, ``shells``, ``polygons``, ``gaps`` and
        ``sources`` filled.

    Raises
    ------
    InputError
        If a file is missing, damaged, no CityGML, or carries a DOCTYPE.

    Examples
    --------
    >>> city = read_citygml("data/samples/buildings.gml")  # doctest: +SKIP
    >>> city.counts()["Building"]  # doctest: +SKIP
    142
    """
    if lod is not None and str(lod) not in _LODS:
        raise InputError(f"lod must be one of {', '.join(_LODS)}, not {lod!r}.")
    given = _given_crs(crs)
    files = find_files(paths)
    log = GapLog()
    parts: list[FileColumns] = []
    read: list[GmlFile] = []
    with track("Reading CityGML", total=len(files)) as done:
        for i, file in enumerate(files):
            with _no_collection():
                parsed = _parsed(file, log, alone=len(files) == 1)
                if parsed is not None:
                    parts.append(columns_of(parsed, file.name, log, lod=None if lod is None else str(lod), crs=given))
                    read.append(file)
            done(i + 1)
    if not parts:
        raise InputError(f"None of the {len(files)} files at {paths} is CityGML: the root element must be CityModel.")
    target = _common_crs(parts, log)
    return _city(joined(parts, log), target, log, read)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the search for circular references: nothing made here has any, and looking takes a tenth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _given_crs(crs: str | pyproj.CRS | None) -> pyproj.CRS | None:
    if crs is None or isinstance(crs, pyproj.CRS):
        return crs
    decision = parse_crs(crs)
    if decision.crs is None:
        raise InputError(f"The CRS {crs!r} is not known: give an EPSG code such as EPSG:25832 or EPSG:25832+7837.")
    return decision.crs


def _parsed(file: GmlFile, log: GapLog, *, alone: bool) -> Parsed | None:
    """Parse one document; None where it was found by a search and is no CityGML."""
    try:
        parsed = parse(file.pieces(), file.name)
        if classify(parsed.root) != Kind.ROOT and not parsed.object_ids:
            raise NotCityGMLError(
                f"{file.name} is GML without CityGML objects: give a file whose root is CityModel, "
                "or load it as a vector layer."
            )
    except NotCityGMLError:
        if not file.searched or alone:
            raise
        log.add("gml_file_skipped", layer="buildings", severity="warning", count=1, source=file.name)
        return None
    return parsed


# ------------------------------------------------------------------------------------------------------------- CRS


def _horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    return crs.sub_crs_list[0] if crs.is_compound else crs


def _common_crs(parts: list[FileColumns], log: GapLog) -> pyproj.CRS | None:
    """Bring all files to one projected CRS, that of the first file that has one; coordinates change in place."""
    systems = [part.decision.crs for part in parts]
    first = next((system for system in systems if system is not None), None)
    if first is None:
        return None
    target = first
    if _horizontal(first).is_geographic:
        lead = next(part for part in parts if part.decision.crs is not None and len(part.polygons.xyz))
        longitude, latitude = lead.polygons.xyz[:, :2].mean(axis=0)
        target = utm_crs(first, float(longitude), float(latitude))
    for part, system in zip(parts, systems, strict=True):
        name = str(part.objects["source"][0]) if len(part.objects["source"]) else ""
        row: dict[str, Any] = {"layer": "buildings", "count": 1, "source": name, "used": crs_label(target)}
        if system is None:
            if part.decision.note != "missing" or len(parts) > 1:
                log.add("gml_crs_assumed", severity="warning", **row)
        elif system != target:
            _transform(part, system, target)
            log.add("gml_crs_transformed", severity="info", told=part.decision.label, **row)
            if crs_label(_vertical(system)) != crs_label(_vertical(target)):
                log.add("gml_crs_heights_differ", severity="warning", told=part.decision.label, **row)
    return target


def _vertical(crs: pyproj.CRS) -> pyproj.CRS | None:
    return crs.sub_crs_list[1] if crs.is_compound and len(crs.sub_crs_list) > 1 else None


def _transform(part: FileColumns, system: pyproj.CRS, target: pyproj.CRS) -> None:
    """Transform plan coordinates; heights stay in the datum they were given in."""
    if not len(part.polygons.xyz):
        return
    change = pyproj.Transformer.from_crs(_horizontal(system), _horizontal(target), always_xy=True)
    xyz = part.polygons.xyz
    xyz[:, 0], xyz[:, 1] = change.transform(xyz[:, 0], xyz[:, 1])
    part.decision = CrsDecision(target, False, part.decision.note, crs_label(target))


# ------------------------------------------------------------------------------------------------------------ tables


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


def _city(columns: FileColumns, crs: pyproj.CRS | None, log: GapLog, files: list[GmlFile]) -> City:
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
    first_names = ("object", "lod", "kind")
    surface_table = pd.DataFrame(
        {name: surfaces[name] for name in first_names}
        | plane
        | {
            "boundary": surfaces["boundary"],
            "id": surfaces["id"],
            "element": pd.Categorical(np.array(ELEMENTS, dtype=object)[surfaces["element"]], categories=ELEMENTS),
            "closed": surfaces["closed"],
        }
    )
    _without_geometry(table, log)
    return City(
        crs=crs,
        objects=table,
        surfaces=surface_table,
        polygons=columns.polygons,
        boundaries=pd.DataFrame(columns.boundaries),
        shells=pd.DataFrame(columns.shells),
        gaps=log.table(),
        sources=_sources(files),
    )


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
