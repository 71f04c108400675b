"""One CityGML file as columns: objects, thematic surfaces, polygons and shells, in the file's CRS with east first."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj

from twin.city.citygml.columns import FileColumns, finite, of_level
from twin.city.citygml.geometry import FARTHEST, Geometry, geometry_of
from twin.city.citygml.implicit import place_templates
from twin.city.citygml.links import Links
from twin.city.citygml.names import local_name
from twin.city.citygml.parsed import RUN_COLUMNS, Parsed
from twin.city.citygml.relief import with_reliefs
from twin.city.citygml.systems import change_between
from twin.city.crs import CrsDecision, decide_axes, parse_crs
from twin.city.gaps import GapLog
from twin.city.lengths import metres

__all__ = ["columns_of"]

_COLUMN_KEYS = ("function", "roofType", "measuredHeight", "storeysAboveGround", "yearOfConstruction")
_SHOWN = 12


def columns_of(parsed: Parsed, name: str, log: GapLog, *, lod: str | None, crs: pyproj.CRS | None) -> FileColumns:
    """Return one file's columns, in the file's own CRS with east first.

    Parameters
    ----------
    parsed : Parsed
        After the last byte was read.
    name : str
        File name, for the ``source`` column and gap rows.
    log : GapLog
        Takes what is missing or doubtful.
    lod : str, optional
        Keep only polygons of this level of detail ("0" to "4"); all of them by default.
    crs : pyproj.CRS, optional
        What the caller says the CRS is.
    """
    geometry = geometry_of(parsed, name, log)
    links = Links(parsed, geometry.row)
    geometry.run = links.adopt(geometry.run, parsed.runs[:, RUN_COLUMNS.index("boundary")])
    shells = links.shells()
    links.finish(name, log)
    decision = _crs_of(parsed, geometry, name, log, crs)
    objects, boundaries = _objects(parsed, name, log), _boundaries(parsed)
    if decision.swap_axes:
        objects["place"][:, :2] = objects["place"][:, 1::-1]
    surfaces = _surfaces(parsed, geometry, boundaries)
    polygons, surfaces, shells = place_templates(parsed, geometry, links, surfaces, shells, name, log)
    polygons, surfaces, decision = with_reliefs(parsed, polygons, surfaces, decision, name, log)
    columns = FileColumns(objects, boundaries, surfaces, shells, polygons, decision)
    _fill_heights(columns)
    columns = finite(columns, name, log)
    _told(parsed, name, log)
    return columns if lod is None else of_level(columns, lod)


# ---------------------------------------------------------------------------------------------------------- tables


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _number(value: Any) -> float:
    text = _first(value)
    if isinstance(text, dict):
        text = text.get("value")
    try:
        return float(str(text).strip())
    except ValueError:
        return float("nan")


def _measured_height(attributes: dict[str, Any]) -> float:
    """Ridge height above ground: measuredHeight (1.0, 2.0), or the fitting one of ``height`` (3.0)."""
    if "measuredHeight" in attributes:
        return metres(attributes["measuredHeight"])
    heights = attributes.get("height")
    heights = heights if isinstance(heights, list) else [heights]
    told = [h for h in heights if isinstance(h, dict) and "value" in h]
    measured = [h for h in told if h.get("highReference") == "highestRoofEdge"] or told
    return _number(measured[0]["value"]) if measured else float("nan")


def _year(attributes: dict[str, Any]) -> float:
    for key in ("yearOfConstruction", "dateOfConstruction"):
        match = re.match(r"\s*(\d{4})", str(_first(attributes.get(key, ""))))
        if match:
            return float(match.group(1))
    return float("nan")


def _text(attributes: dict[str, Any], key: str) -> str | None:
    value = _first(attributes.get(key))
    return value if isinstance(value, str) else None


def _rest(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what no column holds: everything else, and all values where one was given several times."""
    return {k: v for k, v in attributes.items() if k not in _COLUMN_KEYS or isinstance(v, list)}


def _objects(parsed: Parsed, name: str, log: GapLog) -> dict[str, np.ndarray]:
    attributes = parsed.object_attributes
    ids = _unique_ids(parsed.object_ids, parsed.object_kinds, name, log)
    return {
        "id": ids,
        "kind": np.array(parsed.object_kinds, dtype=object),
        "parent": parsed.object_parents,
        "function": np.array([_text(a, "function") for a in attributes], dtype=object),
        "roof_type": np.array([_text(a, "roofType") for a in attributes], dtype=object),
        "measured_height": np.array([_measured_height(a) for a in attributes], dtype=np.float64),
        "storeys": np.array([_number(a.get("storeysAboveGround")) for a in attributes], dtype=np.float64),
        "year": np.array([_year(a) for a in attributes], dtype=np.float64),
        "attributes": _column([_rest(a) for a in attributes]),
        "source": np.full(len(ids), name, dtype=object),
        "place": _places(parsed),
    }


def _places(parsed: Parsed) -> np.ndarray:
    """Return where objects drawn by a template stand, NaN for all others."""
    places = np.full((len(parsed.object_ids), 3), np.nan)
    for place in reversed(parsed.implicits):
        words = place.point.split()
        if place.object >= 0 and len(words) in (2, 3):
            with contextlib.suppress(ValueError):
                places[place.object, : len(words)] = [float(word) for word in words]
    places[~(np.abs(places) < FARTHEST).any(axis=1)] = np.nan
    return places


def _column(values: Sequence[Any]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _unique_ids(ids: list[str | None], kinds: list[str], name: str, log: GapLog) -> np.ndarray:
    """Give objects without an id one of file and number, and number those that share one."""
    result: list[str] = []
    seen: Counter[str] = Counter()
    made: list[str] = []
    twice: list[str] = []
    for i, found in enumerate(ids):
        text = found or f"{name}#{i + 1}"
        if not found:
            made.append(f"{kinds[i]} {text}")
        seen[text] += 1
        if seen[text] > 1:
            twice.append(text)
            text = f"{text}#{seen[text]}"
        result.append(text)
    total = len(ids)
    log.add(
        "gml_id_missing", layer="buildings", severity="default", count=len(made), of=total, source=name, places=made,
        default="file name and number",
    )  # fmt: skip
    log.add(
        "gml_id_twice_in_file", layer="buildings", severity="warning", count=len(twice), of=total, source=name,
        places=twice, default="a number added to the id",
    )  # fmt: skip
    return np.array(result, dtype=object)


def _boundaries(parsed: Parsed) -> dict[str, np.ndarray]:
    return {
        "id": np.array(parsed.boundary_ids, dtype=object),
        "kind": np.array(parsed.boundary_kinds, dtype=object),
        "object": parsed.boundary_objects,
        "parent": parsed.boundary_parents,
        "attributes": _column(parsed.boundary_attributes),
    }


def _surfaces(parsed: Parsed, geometry: Geometry, boundaries: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    columns = [RUN_COLUMNS.index(column) for column in ("object", "boundary", "lod", "implicit")]
    runs = np.vstack((parsed.runs[:, columns], [[-1, -1, -1, -1]]))
    owner, boundary, lod, template = runs[geometry.run].T.copy()
    relief = np.array([_number(a.get("lod", "nan")) for a in parsed.object_attributes] + [np.nan])
    relief[~((relief >= 0) & (relief <= 4))] = np.nan
    lod = np.where((lod < 0) & np.isfinite(relief[owner]), np.nan_to_num(relief[owner], nan=-1.0), lod)
    kinds = np.append(boundaries["kind"], "")
    return {
        "object": owner,
        "lod": lod.astype(np.int8),
        "kind": kinds[boundary],
        "boundary": boundary,
        "id": geometry.ids,
        "element": geometry.element,
        "closed": geometry.closed,
        "template": template,
    }


def _fill_heights(columns: FileColumns) -> None:
    """Give points written without height the lowest height of their object, else 0."""
    xyz = columns.polygons.xyz
    unknown = np.isnan(xyz[:, 2])
    if not unknown.any():
        return
    polygon = np.repeat(
        np.arange(len(columns.polygons)), np.diff(columns.polygons.ring_start[columns.polygons.polygon_start])
    )
    owner = columns.surfaces["object"][polygon]
    lowest = np.full(len(columns.objects["id"]) + 1, np.inf)
    np.minimum.at(lowest, owner[~unknown], xyz[~unknown, 2])
    lowest[~np.isfinite(lowest)] = 0.0
    xyz[unknown, 2] = lowest[owner[unknown]]


# ------------------------------------------------------------------------------------------------------------- CRS


def _crs_of(parsed: Parsed, geometry: Geometry, name: str, log: GapLog, given: pyproj.CRS | None) -> CrsDecision:
    """Decide the file's CRS, bring its coordinates to east first, and surfaces of another CRS to it."""
    names = list(parsed.srs_names)
    told = parsed.model_srs or (parsed.srs_names.most_common(1)[0][0] if names else "")
    decision = parse_crs(told) if told else CrsDecision(None, False, "missing", "")
    if given is not None:
        wanted = parse_crs(given.to_wkt()) if given.to_epsg() is None else parse_crs(f"EPSG:{given.to_epsg()}")
        if told and decision.crs != given:
            log.add("gml_crs_overridden", layer="buildings", severity="info", count=1, source=name, told=told)
        decision = wanted
    xyz = geometry.polygons.xyz
    point_srs = _other_systems(parsed, geometry, told) if given is None else None
    main = np.ones(len(xyz), dtype=bool) if point_srs is None else point_srs[1] < 0
    if main.any():
        low, high = xyz[main, :2].min(axis=0), xyz[main, :2].max(axis=0)
        decision = decide_axes(decision, (low[0], low[1], high[0], high[1]))
    if decision.swap_axes:
        xyz[main, :2] = xyz[main, 1::-1]
    code = f"gml_crs_{decision.note}"
    severity = "warning" if decision.note in ("missing", "unknown", "local", "outside") else "info"
    if decision.note:
        log.add(code, layer="buildings", severity=severity, count=1, source=name, told=told, used=decision.label)
    if point_srs is not None:
        _transform_others(xyz, point_srs, decision, name, log)
    return decision


def _other_systems(parsed: Parsed, geometry: Geometry, told: str) -> tuple[list[str], np.ndarray] | None:
    """Names of further systems, and for each point the number of its system, -1 for the file's own."""
    label = parse_crs(told).label
    others = [n for n in parsed.srs_names if n != told and parse_crs(n).label != label]
    if not others:
        return None
    number = np.array([others.index(n) if n in others else -1 for n in parsed.systems] + [-1], dtype=np.int64)
    of_run = np.append(number[parsed.runs[:, RUN_COLUMNS.index("srs")]], -1)
    polygons = geometry.polygons
    sizes = np.diff(polygons.ring_start[polygons.polygon_start])
    numbers = np.repeat(of_run[geometry.run], sizes)
    return (others, numbers) if (numbers >= 0).any() else None


def _transform_others(
    xyz: np.ndarray, systems: tuple[list[str], np.ndarray], main: CrsDecision, name: str, log: GapLog
) -> None:
    for i, told in enumerate(systems[0]):
        points = systems[1] == i
        other = parse_crs(told)
        if not points.any():
            continue
        change = change_between(other.crs, main.crs)
        if change is None:
            log.add(
                "gml_crs_of_surface_unknown", layer="buildings", severity="warning", count=1, source=name, told=told
            )
            continue
        box = (*xyz[points, :2].min(axis=0), *xyz[points, :2].max(axis=0))
        other = decide_axes(other, box)
        first, second = (xyz[points, 1], xyz[points, 0]) if other.swap_axes else (xyz[points, 0], xyz[points, 1])
        xyz[points, 0], xyz[points, 1] = change.transform(first, second)
        log.add(
            "gml_crs_mixed_in_file", layer="buildings", severity="info", count=int(points.sum()), source=name,
            told=told, used=main.label,
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------- what is told only


def _told(parsed: Parsed, name: str, log: GapLog) -> None:
    """Write rows for what a file holds and the city does not keep."""

    def names(counter: Counter[str]) -> list[str]:
        return [f"{local_name(n)} ({n.rpartition(' ')[0]}): {c}" for n, c in counter.most_common(_SHOWN)]

    row: dict[str, Any] = {"layer": "buildings", "source": name}
    log.add(
        "gml_extension_left_out", severity="warning", count=parsed.foreign.total(), places=names(parsed.foreign), **row
    )
    log.add(
        "gml_extension_object", severity="info", count=parsed.foreign_objects.total(),
        places=names(parsed.foreign_objects), **row,
    )  # fmt: skip
    log.add("gml_appearance_left_out", severity="info", count=parsed.appearances, **row)
    log.add("gml_curves_left_out", severity="info", count=parsed.curves, **row)
    log.add("gml_points_left_out", severity="info", count=parsed.points, **row)
