"""What is in a file or a city: kinds and counts, CRS, extent, heights, roofs, columns, and what is missing or doubtful.

:func:`inspect` takes whatever a planner was handed: a city profile, CityGML (file, folder, archive), a vector file, a
height raster, or a tree list. The answer is a plain dict for scripts and a few small tables for people.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.layers import read_table
from twin.city import gaps as gap_table
from twin.city.bodies import body_bounds
from twin.city.crs import crs_label
from twin.city.delimited import SUFFIXES as TABLE_SUFFIXES
from twin.city.delimited import read_delimited
from twin.city.features import VECTOR_SUFFIXES, describe_file, layer_names, read_features
from twin.city.files import is_citygml, source_rows
from twin.city.gaps import GapLog
from twin.city.loading import load
from twin.city.model import City
from twin.city.placing import Bounds
from twin.city.profile import Layer
from twin.city.rasters import RASTER_SUFFIXES, read_raster, terrain_bounds
from twin.city.trees import recognised
from twin.errors import InputError
from twin.language import text

__all__ = ["Inspection", "Section", "inspect"]

_MOST_VALUES = 12


@dataclass(frozen=True)
class Section:
    """One small table for people: a title, column headings and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found in a file or a city.

    Parameters
    ----------
    path : str
        What was looked at.
    kind : str
        ``"profile"``, ``"citygml"``, ``"vector"``, ``"raster"`` or ``"table"``.
    counts : mapping
        How many objects of each kind, polygons, trees, ... there are.
    crs : str or None
        Short name of the CRS, ``"local"`` for an engineering system, None where none is named.
    extent : tuple of float or None
        West, south, east, north in that CRS.
    details : mapping
        Further findings by name: height range, roof types, functions, columns, layers, ...
    gaps : pandas.DataFrame
        Gap rows (``twin.city.gaps``).
    sources : pandas.DataFrame
        Files with hash and licence.
    """

    path: str
    kind: str
    counts: Mapping[str, int]
    crs: str | None
    extent: Bounds | None
    details: Mapping[str, Any] = field(default_factory=dict)
    gaps: pd.DataFrame = field(default_factory=gap_table.empty)
    sources: pd.DataFrame = field(default_factory=pd.DataFrame)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON.

        Returns
        -------
        dict
            ``path``, ``kind``, ``buildings``, ``parts``, ``polygons``, every other count by its name, ``crs``,
            ``extent``, the details, ``sources``, ``licences``, and ``gaps``: rows with the sentences ``en`` and
            ``de`` and the remedies ``remedy_en`` and ``remedy_de``.
        """
        counts = {name: int(count) for name, count in self.counts.items()}
        first = {"buildings": counts.pop("Building", 0), "parts": counts.pop("BuildingPart", 0)}
        files = [{key: str(value) for key, value in row.items()} for row in self.sources.to_dict("records")]
        return {
            "path": self.path,
            "kind": self.kind,
            **first,
            "polygons": counts.pop("polygons", 0),
            **counts,
            "crs": self.crs,
            "extent": None if self.extent is None else [round(float(v), 3) for v in self.extent],
            **self.details,
            "sources": files,
            "licences": sorted({row["licence"] for row in files if row.get("licence")}),
            "gaps": _gap_rows(self.gaps),
        }

    def tables(self, language: str | None = None) -> list[Section]:
        """Return the findings (all but the gaps) as small tables of text in a language."""

        def say(key: str) -> str:
            return text(f"city.inspect_{key}", language)

        found = self.to_dict()
        named = [(say(key), f"{found[key]:,}") for key in ("buildings", "parts", "polygons") if found[key]]
        skipped = ("Building", "BuildingPart", "polygons")
        others = [(_kind_name(n, language), f"{c:,}") for n, c in self.counts.items() if c and n not in skipped]
        sections = [Section(say("contents"), (say("what"), say("count")), tuple(named + others))]
        facts = [(say("crs"), self.crs or say("none"))]
        if self.extent is not None:
            west, south, east, north = self.extent
            facts.append((say("extent"), f"{west:.2f}, {south:.2f} – {east:.2f}, {north:.2f}"))
        for key, value in self.details.items():
            if isinstance(value, str | int | float):
                facts.append((say(key), str(value)))
            elif isinstance(value, list) and len(value) == 2 and all(isinstance(v, float) for v in value):
                facts.append((say(key), f"{value[0]:g} – {value[1]:g}"))
        sections.append(Section(say("facts"), (say("what"), say("value")), tuple(facts)))
        for key in ("roof_types", "functions", "land_cover_classes", "species"):
            values = self.details.get(key)
            if values:
                rows = tuple((_code_name(key, n, language), f"{c:,}") for n, c in list(values.items())[:_MOST_VALUES])
                sections.append(Section(say(key), (say("what"), say("count")), rows))
        sections += self._column_tables(say)
        if len(self.sources):
            files = tuple((Path(r["path"]).name, r["role"], r["licence"] or "–") for r in found["sources"])
            sections.append(Section(say("sources"), (say("file"), say("role"), say("licence")), files))
        return sections

    def _column_tables(self, say: Any) -> list[Section]:
        columns = self.details.get("columns")
        if not columns:
            return []
        rows = tuple((c["name"], c["type"], f"{c['missing']:,}", c["values"]) for c in columns)
        return [Section(say("columns"), (say("column"), say("type"), say("missing"), say("values")), rows)]


def _gap_rows(gaps: pd.DataFrame) -> list[dict[str, Any]]:
    rows = gaps.to_dict("records")
    english, german = (gap_table.sentences(gaps, language).to_dict("records") for language in ("en", "de"))
    return [
        {str(key): value for key, value in row.items() if key != "values"}
        | {"en": en["message"], "de": de["message"], "remedy_en": en["remedy"], "remedy_de": de["remedy"]}
        for row, en, de in zip(rows, english, german, strict=True)
    ]


def _kind_name(kind: str, language: str | None) -> str:
    try:
        return text(f"city.inspect_{kind}", language)
    except KeyError:
        return kind


def _code_name(key: str, code: str, language: str | None) -> str:
    if key != "roof_types":
        return code or "–"
    from twin.language import default_language

    names = {row["code"]: row[language or default_language()] for row in read_table("twin.city", "roof_types.csv")}
    return f"{code} {names[code]}" if code in names else code or "–"


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
    >>> found["buildings"], found["crs"]
    (225, 'EPSG:25832+7837')
    """
    file = Path(path)
    name = os.fspath(path)
    if file.suffix.lower() == ".toml" or (file / "city.toml").is_file():
        return _of_city(name, "profile", load(path))
    if is_citygml(name):
        return _of_city(name, "citygml", load(buildings=name))
    if not file.exists():
        raise InputError(f"{name} does not exist: give a city profile, CityGML, a vector file, a raster or a table.")
    if file.is_file() and file.stat().st_size == 0:
        raise InputError(f"{name} is empty (0 bytes): get the file again.")
    lower = name.lower()
    if lower.endswith(TABLE_SUFFIXES) and not _is_xyz(file):
        return _of_table(file)
    if lower.endswith(RASTER_SUFFIXES):
        return _of_raster(file)
    if lower.endswith(VECTOR_SUFFIXES):
        return _of_vector(file)
    known = "a city profile (.toml), CityGML (.gml, .xml), a vector file (.gpkg, .shp, .geojson), a raster or a table"
    raise InputError(f"{name} is of no known kind: give {known}.")


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


def _without_crs(layer: str, file: Path) -> GapLog:
    log = GapLog()
    log.add("file_without_crs", layer=layer, severity="warning", count=1, of=1, source=file.name)
    return log


def _of_raster(file: Path) -> Inspection:
    raster = read_raster(file)
    log = GapLog() if raster.crs is not None else _without_crs("terrain", file)
    from twin.city.rasters import report_holes

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
    names = {str(info["crs"]) for info in found.values() if info["crs"]}
    rows = [
        {
            "name": name,
            "type": str(info["geometry_type"]),
            "missing": 0,
            "values": f"{info['features']:,}: {', '.join(map(str, info['fields']))}"[:80],
        }
        for name, info in found.items()
    ]
    return Inspection(
        path=os.fspath(file),
        kind="vector",
        counts={"layers": len(layers), "features": sum(int(info["features"]) for info in found.values())},
        crs=", ".join(sorted(names)) or None,
        extent=None,
        details={"columns": rows},
        sources=source_rows([file], Layer(path=(os.fspath(file),)), "vector"),
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
