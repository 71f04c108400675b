"""What is in a file or a city: kinds and counts, CRS, extent, heights, roofs, columns, and what is missing or doubtful.

:func:`inspect` takes whatever a planner was handed: a city profile, CityGML (file, folder, archive), a vector file, a
height raster, or a tree list. The answer is a plain dict for scripts and a few small tables for people.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twin.city.bodies import body_bounds
from twin.city.cadastres import recognised
from twin.city.citygml.foreign import foreign_gml
from twin.city.crs import crs_label
from twin.city.delimited import SUFFIXES as TABLE_SUFFIXES
from twin.city.delimited import read_delimited
from twin.city.features import VECTOR_SUFFIXES, describe_file, layer_names, read_features
from twin.city.files import holds_cityjson, is_citygml, source_rows
from twin.city.findings import Inspection, Section
from twin.city.gaps import GapLog
from twin.city.loading import load
from twin.city.model import City
from twin.city.placing import Bounds
from twin.city.profile import Layer
from twin.city.rasters import RASTER_SUFFIXES, read_raster
from twin.city.terrain import report_holes, terrain_bounds
from twin.errors import InputError, TextError

__all__ = ["Inspection", "Section", "inspect"]

_MOST_FILES = 200


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Look into a file, a folder or a city profile and say what is there.

    Parameters
    ----------
    path : path
        City profile (TOML), CityGML (file, folder, glob, archive), vector file, height raster, or table.

    Returns
    -------
    Inspection
        Counts, CRS, extent, details and gaps.

    Raises
    ------
    InputError
        If the path is missing, empty, or of no known kind.

    Examples
    --------
    >>> found = inspect("data/samples/city.toml").to_dict()
    >>> found["buildings"] > 200, found["crs"]
    (True, 'EPSG:25832+7837')
    """
    file = Path(path)
    name = os.fspath(path)
    if file.suffix.lower() == ".toml" or (file / "city.toml").is_file():
        return _of_city(name, "profile", load(path))
    foreign = foreign_gml(file)
    if foreign is not None:
        return _of_foreign(file, *foreign)
    if is_citygml(name):
        return _of_city(name, "citygml", load(buildings={"path": name, "at": "all"}))
    if holds_cityjson(name):
        return _of_city(name, "cityjson", load(buildings=name))
    if not file.exists():
        raise TextError("check_missing", file=name)
    if file.is_file() and file.stat().st_size == 0:
        raise TextError("check_empty", file=name)
    if file.is_dir() and not name.lower().endswith(".gdb"):
        return _of_folder(file)
    lower = name.lower()
    if lower.endswith(TABLE_SUFFIXES) and not _is_xyz(file):
        return _of_table(file)
    if lower.endswith(RASTER_SUFFIXES):
        return _of_raster(file)
    if lower.endswith(VECTOR_SUFFIXES):
        return _of_vector(file)
    raise TextError("check_unknown_kind", file=name)


def _is_xyz(file: Path) -> bool:
    """Tell whether a text file is three columns of numbers without a heading."""
    if file.suffix.lower() != ".txt":
        return False
    with file.open(encoding="utf-8", errors="replace") as stream:
        cells = stream.readline().replace(";", " ").split()
    return len(cells) == 3 and all(c.replace(".", "").replace(",", "").lstrip("-").isdigit() for c in cells)


def _of_city(name: str, kind: str, city: City) -> Inspection:
    details: dict[str, Any] = {"name": city.name} if city.name else {}
    buildings = city.objects[city.objects["kind"].isin(["Building", "BuildingPart"])]
    heights = buildings["measured_height"].to_numpy(dtype=float)
    if np.isfinite(heights).any():
        details["building_heights"] = [round(float(np.nanmin(heights)), 2), round(float(np.nanmax(heights)), 2)]
    details |= {
        key: _tally(buildings[column]) for key, column in (("roof_types", "roof_type"), ("functions", "function"))
    }
    if len(city.objects):
        details["levels_of_detail"] = ", ".join(_tally(city.objects["lod"]))
    if city.terrain is not None:
        values = city.terrain.values
        details["terrain_heights"] = [round(float(np.nanmin(values)), 2), round(float(np.nanmax(values)), 2)]
        details["terrain_resolution"] = round(abs(float(city.terrain["x"][1] - city.terrain["x"][0])), 4)
        details["terrain_cells"] = f"{values.shape[0]} x {values.shape[1]}"
    if len(city.land_cover):
        details["land_cover_classes"] = _tally(city.land_cover["cover"])
    if len(city.trees):
        details |= {"species": _tally(city.trees["species"]), "tree_heights": _range(city.trees["height"])}
        details["crown_diameters"] = _range(city.trees["crown_diameter"])
    return Inspection(
        path=name,
        kind=kind,
        counts=city.counts(),
        crs=crs_label(city.crs) if city.crs is not None or len(city.objects) else None,
        extent=_extent_of(city),
        details={key: value for key, value in details.items() if value},
        gaps=city.gaps,
        sources=city.sources,
    )


def _tally(values: pd.Series) -> dict[str, int]:
    words = values.astype("string").fillna("")
    found = words[(words != "").to_numpy(dtype=bool)].value_counts()
    return {str(value): int(count) for value, count in found.items()}


def _range(values: pd.Series) -> list[float]:
    return [round(float(values.min()), 2), round(float(values.max()), 2)]


def _extent_of(city: City) -> Bounds | None:
    """Extent of all layers together."""
    frames = (city.trees, city.land_cover, city.network, city.stations)
    found = [tuple(frame.total_bounds) for frame in frames if len(frame)]
    body = body_bounds(city)
    found += [body] if body is not None else []
    found += [terrain_bounds(city.terrain)] if city.terrain is not None else []
    if not found:
        return None
    table = np.array(found, dtype=float)
    (west, south), (east, north) = table[:, :2].min(axis=0), table[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)


def _of_foreign(file: Path, root: str, polygons: int) -> Inspection:
    """Tell what GML holds that is no city model: polygons, and an error row, since no run can use them."""
    log = GapLog()
    log.add("not_citygml", layer="buildings", severity="error", count=1, of=1, source=file.name, root=root)
    return Inspection(
        path=os.fspath(file),
        kind="gml",
        counts={"polygons": polygons},
        crs=None,
        extent=None,
        gaps=log.table(),
        sources=source_rows([file], Layer(path=(os.fspath(file),)), "gml"),
    )


def _without_crs(layer: str, file: Path) -> GapLog:
    log = GapLog()
    log.add("file_without_crs", layer=layer, severity="warning", count=1, of=1, source=file.name)
    return log


def _of_raster(file: Path) -> Inspection:
    raster = read_raster(file)
    log = GapLog() if raster.crs is not None else _without_crs("terrain", file)
    report_holes(raster, [file], log)
    known = ~np.isnan(raster.values)
    rows, columns = raster.values.shape
    details: dict[str, Any] = {
        "terrain_cells": f"{rows} x {columns}",
        "terrain_resolution": round(float(raster.transform.a), 4),
    }
    if known.any():
        details["values"] = [round(float(np.nanmin(raster.values)), 2), round(float(np.nanmax(raster.values)), 2)]
    return Inspection(
        path=os.fspath(file),
        kind="raster",
        counts={"cells": int(raster.values.size), "cells_without_value": int((~known).sum())},
        crs=crs_label(raster.crs) if raster.crs is not None else None,
        extent=raster.bounds,
        details=details,
        gaps=log.table(),
        sources=source_rows([file], Layer(path=(os.fspath(file),)), "terrain"),
    )


def _columns(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Name, type, missing cells and the range or most frequent values of each column."""
    rows = []
    for name in frame.columns:
        column = frame[name]
        blank = column.isna() | (column.astype("string").str.strip() == "").fillna(True)
        present = column[~blank.to_numpy(dtype=bool)]
        if pd.api.types.is_numeric_dtype(column) and len(present):
            values = f"{present.min():g} – {present.max():g}"
        else:
            common = list(_tally(present))[:4]
            values = ", ".join(common) + (" …" if present.nunique() > len(common) else "")
        row = {"name": str(name), "type": str(column.dtype), "missing": int(blank.sum()), "values": values[:80]}
        rows.append(row)
    return rows


def _of_vector(file: Path) -> Inspection:
    layers = layer_names(file) if file.suffix.lower() != ".shp" else [file.stem]
    if len(layers) > 1:
        return _of_layers(file, layers)
    info = describe_file(file)
    frame = read_features(file, columns={str(name): str(name) for name in info["fields"]})
    cadastre = recognised([str(name) for name in info["fields"]])
    points = "Point" in str(info["geometry_type"])
    if cadastre and points and frame.crs is not None:
        return _of_city(os.fspath(file), "vector", load(trees={"path": file, "cadastre": cadastre}, crs=_metric(frame)))
    kinds = frame.geom_type.value_counts()
    polygons = int(sum(count for kind, count in kinds.items() if "Polygon" in str(kind)))
    bounds = frame.total_bounds
    log = GapLog() if frame.crs is not None else _without_crs("vector", file)
    counts = {"features": len(frame), "polygons": polygons, "invalid": int((~frame.geometry.is_valid).sum())}
    details = {"geometry": ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())}
    return Inspection(
        path=os.fspath(file),
        kind="vector",
        counts=counts,
        crs=crs_label(frame.crs) if frame.crs is not None else None,
        extent=(float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])),
        details={**details, "columns": _columns(pd.DataFrame(frame.drop(columns=frame.geometry.name)))},
        gaps=log.table(),
        sources=source_rows([file], Layer(path=(os.fspath(file),)), "vector"),
    )


def _metric(frame: Any) -> str:
    """Return a CRS in metres for a table: its own, or the UTM zone it lies in."""
    from twin.city.crs import utm_crs

    if not frame.crs.is_geographic:
        return str(frame.crs.to_wkt())
    west, south, east, north = frame.total_bounds
    return str(utm_crs(frame.crs, (west + east) / 2, (south + north) / 2).to_wkt())


def _of_layers(file: Path, layers: Sequence[str]) -> Inspection:
    """Return what each layer of a container holds."""
    found = {name: describe_file(file, name) for name in layers}
    rows = [
        {
            "name": name,
            "kind": "vector",
            "crs": str(info["crs"] or ""),
            "contents": f"{info['features']} {info['geometry_type']}: {', '.join(map(str, info['fields']))}"[:100],
        }
        for name, info in found.items()
    ]
    return Inspection(
        path=os.fspath(file),
        kind="vector",
        counts={"layers": len(layers), "features": sum(int(info["features"]) for info in found.values())},
        crs=", ".join(sorted({row["crs"] for row in rows if row["crs"]})) or None,
        extent=None,
        details={"files": rows},
        sources=source_rows([file], Layer(path=(os.fspath(file),)), "vector"),
    )


def _of_folder(folder: Path) -> Inspection:
    """Return what lies in a folder that is no city yet: each readable file with kind, CRS and contents."""
    endings = (*VECTOR_SUFFIXES, *RASTER_SUFFIXES, *TABLE_SUFFIXES)
    files = sorted(f for f in folder.iterdir() if f.name.lower().endswith(endings))[:_MOST_FILES]
    if not files:
        raise TextError("check_folder", folder=folder)
    rows = []
    for file in files:
        try:
            found = inspect(file)
        except InputError as error:
            rows.append({"name": file.name, "kind": "unreadable", "crs": "", "contents": str(error)})
            continue
        contents = ", ".join(f"{count} {name}" for name, count in found.counts.items() if count)
        rows.append({"name": file.name, "kind": found.kind, "crs": found.crs or "", "contents": contents})
    return Inspection(
        path=os.fspath(folder),
        kind="folder",
        counts={"files": len(files)},
        crs=", ".join(sorted({row["crs"] for row in rows if row["crs"]})) or None,
        extent=None,
        details={"files": rows},
    )


def _of_table(file: Path) -> Inspection:
    table = read_delimited(file)
    cadastre = recognised([str(name) for name in table.columns])
    details: dict[str, Any] = {"columns": _columns(table)}
    if cadastre:
        details = {"cadastre": cadastre, **details}
    return Inspection(
        path=os.fspath(file),
        kind="table",
        counts={"rows": len(table)},
        crs=None,
        extent=None,
        details=details,
        gaps=_without_crs("trees", file).table(),
        sources=source_rows([file], Layer(path=(os.fspath(file),)), "table"),
    )
