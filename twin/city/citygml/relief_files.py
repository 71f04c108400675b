"""Terrain whose heights a CityGML relief leaves in a raster file of its own, beside the document.

Read are GeoTIFF, ASCII grid and XYZ files in the document's folder or below it. A name that leads elsewhere (another
folder, the network, a format that names further files) is not followed; the gap table says so, and which file to give
as terrain instead. The raster's own place and reference system count; where it tells none, those of the coverage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyproj

from twin.city.citygml.parsed import Parsed, Relief
from twin.city.crs import CrsDecision, parse_crs
from twin.city.gaps import GapLog
from twin.errors import InputError, TextError, sentence
from twin.language import LANGUAGES

if TYPE_CHECKING:
    import xarray as xr

    from twin.city.citygml.files import GmlFile
    from twin.city.model import City
    from twin.city.rasters import Raster

__all__ = ["ReliefFile", "in_file", "relief_files", "with_terrain"]

_SUFFIXES = (".tif", ".tiff", ".asc", ".xyz", ".txt", ".xyz.gz")
_NAMES = ("fileName", "fileReference")
_HEIGHTS = {"tupleList", "doubleOrNilReasonTupleList", "QuantityList"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_Place = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f of a transform


@dataclass(frozen=True)
class ReliefFile:
    """A raster that a relief names: its name as written, the document, and what the document tells of its place.

    Parameters
    ----------
    object, written, source : str
        Id of the relief, name of the raster, name of the document.
    folder : Path or None
        Of the document; None in an archive.
    lod : int
        Level of detail, -1 where none is told.
    crs : pyproj.CRS or None
        Of the coverage, else of the document.
    place, shape : tuple or None
        Transform from cell corners to the CRS, and rows and columns, as the coverage tells them.
    """

    object: str
    written: str
    source: str
    folder: Path | None
    lod: int
    crs: pyproj.CRS | None
    place: _Place | None
    shape: tuple[int, int] | None


def in_file(relief: Relief) -> bool:
    """Tell whether the heights of a relief lie in a file of their own."""
    return relief.grid and bool(set(_NAMES) & set(relief.texts)) and not _HEIGHTS & set(relief.texts)


def _numbers(texts: Sequence[str]) -> np.ndarray:
    return np.array(" ".join(texts).split(), dtype=np.float64)


def _place_told(relief: Relief, swap: bool) -> tuple[_Place | None, tuple[int, int] | None]:
    """Return transform and shape of a rectified grid; None where a part is missing or is no number.

    A grid counts points; the cells of a raster lie around them, the first one at the low corner.
    """
    try:
        low, high = (_numbers(relief.texts[key])[:2] for key in ("low", "high"))
        origin = _numbers(relief.texts["pos"][:1])[:2]
        first, second = (_numbers([words])[:2] for words in relief.texts["offsetVector"])
        columns, rows = (high - low + 1).astype(int).tolist()
        if swap:
            origin, first, second = origin[::-1], first[::-1], second[::-1]
        corner = origin + (low[0] - 0.5) * first + (low[1] - 0.5) * second
        numbers = (first[0], second[0], corner[0], first[1], second[1], corner[1])
        if not np.isfinite(numbers).all() or first[0] * second[1] == first[1] * second[0]:
            return None, None
        a, b, c, d, e, f = (float(number) for number in numbers)
    except (KeyError, ValueError, IndexError, OverflowError):
        return None, None
    return (a, b, c, d, e, f), (rows, columns)


def relief_files(parsed: Parsed, file: GmlFile, decision: CrsDecision, lod: str | None) -> tuple[ReliefFile, ...]:
    """Return the rasters that the reliefs of a document name.

    Parameters
    ----------
    parsed : Parsed
        One document.
    file : GmlFile
        Where it lies.
    decision : CrsDecision
        On its CRS.
    lod : str, optional
        Keep only those of this level of detail, and those that tell none.
    """
    found = []
    for relief in filter(in_file, parsed.reliefs):
        attributes = parsed.object_attributes[relief.object]
        told = str(attributes.get("lod", "")).strip()
        level = int(told) if told in ("0", "1", "2", "3", "4") else -1
        if lod is not None and level not in (-1, int(lod)):
            continue
        own = parse_crs(relief.srs) if relief.srs else decision
        place, shape = _place_told(relief, own.swap_axes)
        found.append(
            ReliefFile(
                object=str(parsed.object_ids[relief.object] or f"object {relief.object + 1}"),
                written=next(w.strip() for key in _NAMES for w in relief.texts.get(key, ())),
                source=file.name,
                folder=None if file.member else file.path.parent,
                lod=level,
                crs=own.crs or decision.crs,
                place=place,
                shape=shape,
            )
        )
    return tuple(found)


# ----------------------------------------------------------------------------------------------------- finding, reading


def _path_of(relief: ReliefFile) -> Path:
    """Return the raster a relief means.

    Raises
    ------
    TextError
        If it is none that may be read, or is not there.
    """
    if relief.folder is None:
        raise TextError("relief_file_packed")
    name = unquote(relief.written.removeprefix("file://")).replace("\\", "/")
    if _SCHEME.match(name):
        raise TextError("relief_file_remote")
    if not name.lower().endswith(_SUFFIXES) or "\0" in name:
        raise TextError("relief_file_kind", endings=", ".join(_SUFFIXES))
    folder = relief.folder.resolve()
    absolute = name.startswith("/") or bool(PureWindowsPath(name).drive)  # written on the machine of the export
    try:
        path = (folder / (name.rsplit("/", 1)[-1] if absolute else name)).resolve()
        there = path.is_file()
    except (OSError, ValueError, RuntimeError):  # too long a name, a loop of links
        raise TextError("relief_file_missing") from None
    if not path.is_relative_to(folder):
        raise TextError("relief_file_outside")
    if not there:
        raise TextError("relief_file_missing")
    return path


def _raster_of(relief: ReliefFile, path: Path, log: GapLog) -> Raster:
    from affine import Affine

    from twin.city.rasters import read_raster

    place = None if relief.place is None else Affine(*relief.place)
    raster = read_raster(path, fallback=None if place is None or relief.shape is None else (place, relief.shape))
    if np.isnan(raster.values).all():
        raise TextError("relief_file_empty")
    if raster.placed_by_fallback:
        log.add(
            "gml_relief_file_placed", layer="terrain", severity="default", count=1, source=relief.source,
            places=[relief.object], default="the place of the grid in the document", file=relief.written,
        )  # fmt: skip
    return raster


def with_terrain(city: City, reliefs: Sequence[ReliefFile], log: GapLog) -> City:
    """Return the city with the terrain of the rasters its documents name; the finest level of detail counts first.

    Parameters
    ----------
    city : City
        As read of the documents.
    reliefs : sequence of ReliefFile
        What they name.
    log : GapLog
        Takes what was read, what was not and why.
    """
    if not reliefs:
        return city
    tiles: list[tuple[Raster, Path]] = []
    used: list[ReliefFile] = []
    failed: dict[tuple[str, ...], list[ReliefFile]] = {}
    taken: set[Path] = set()
    for relief in sorted(reliefs, key=lambda one: -one.lod):
        try:
            path = _path_of(relief)
            if path in taken:
                continue
            taken.add(path)
            tiles.append((_in_city(_raster_of(relief, path, log), relief, path, city, log), path))
            used.append(relief)
        except InputError as error:
            failed.setdefault(tuple(sentence(error, tongue) for tongue in LANGUAGES), []).append(relief)
    for why, those in failed.items():
        words: dict[str, Any] = {f"why_{tongue}": said.rstrip(".") for tongue, said in zip(LANGUAGES, why, strict=True)}
        log.add(
            "gml_relief_in_file", layer="terrain", severity="warning", count=len(those), of=len(reliefs),
            source=those[0].source, places=[one.object for one in those], file=those[0].written, **words,
        )  # fmt: skip
    if not tiles:
        return city
    terrain = _merged(tiles, city.crs, log)
    log.add(
        "gml_relief_from_file", layer="terrain", severity="info", count=len(tiles), of=len(reliefs),
        source=used[0].source, places=[one.object for one in used], file=tiles[0][1].name,
    )  # fmt: skip
    return city.replace(terrain=terrain, sources=_sources(city.sources, [path for _, path in tiles]))


def _in_city(raster: Raster, relief: ReliefFile, path: Path, city: City, log: GapLog) -> Raster:
    """Return a raster in the city's CRS; raises InputError where it cannot lie on the city."""
    from twin.city.bodies import body_bounds
    from twin.city.defaults import default
    from twin.city.placing import Reference, grown, overlap, refuse_degrees
    from twin.city.rasters import to_city

    crs = raster.crs or relief.crs or city.crs
    if city.crs is None or crs is None:
        moved = raster
    else:
        if not crs.is_geographic:
            refuse_degrees(raster.bounds, crs, path.name)
        moved = to_city(raster, crs, city.crs, path.name, Reference(log=log, crs=city.crs))
    bounds = body_bounds(city)
    if bounds is not None and not overlap(moved.bounds, grown(bounds, default("neighbour_margin"))):
        raise TextError("relief_file_elsewhere")
    return moved


def _merged(tiles: list[tuple[Raster, Path]], crs: pyproj.CRS | None, log: GapLog) -> xr.DataArray:
    from twin.city.placing import Reference
    from twin.city.terrain import as_array, merged_tiles, possible_heights, report_holes

    ref, files = Reference(log=log, crs=crs), [path for _, path in tiles]
    merged = merged_tiles(tiles, files, ref, "terrain")
    merged = replace(merged, values=possible_heights(merged, files, ref))
    report_holes(merged, files, log)
    return as_array(merged, ref, "terrain_height")


def _sources(sources: pd.DataFrame, files: Sequence[Path]) -> pd.DataFrame:
    from twin.city.files import source_rows
    from twin.city.profile import TerrainLayer

    rows = source_rows(files, TerrainLayer(path=tuple(str(file) for file in files)), "terrain")
    return pd.concat([sources, rows], ignore_index=True)
