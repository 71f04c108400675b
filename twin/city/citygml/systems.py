"""Coordinate reference systems of CityGML files: what the caller gives, and one system for all files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj

from twin.city.citygml.columns import FileColumns, finite
from twin.city.crs import CrsDecision, crs_label, parse_crs, utm_crs
from twin.city.gaps import GapLog
from twin.errors import TextError

__all__ = ["change_between", "common_crs", "given_crs"]


def given_crs(crs: str | pyproj.CRS | None) -> pyproj.CRS | None:
    """Return the CRS a caller names; InputError where no such system is known."""
    if crs is None or isinstance(crs, pyproj.CRS):
        return crs
    decision = parse_crs(crs)
    if decision.crs is None:
        raise TextError("crs_name", name=repr(crs))
    return decision.crs


def _horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    return crs.sub_crs_list[0] if crs.is_compound else crs


def common_crs(parts: list[FileColumns], log: GapLog) -> pyproj.CRS | None:
    """Bring all files to one projected CRS, that of the first file that has one; coordinates change in place."""
    systems = [part.decision.crs for part in parts]
    first = next((system for system in systems if system is not None), None)
    if first is None:
        return None
    target = first
    if _horizontal(first).is_geographic:
        lead = next((part for part in parts if part.decision.crs is not None and len(part.polygons.xyz)), None)
        if lead is None:
            return first
        longitude, latitude = lead.polygons.xyz[:, :2].mean(axis=0)
        target = utm_crs(first, float(longitude), float(latitude))
    for i, (part, system) in enumerate(zip(parts, systems, strict=True)):
        name = str(part.objects["source"][0]) if len(part.objects["source"]) else ""
        row: dict[str, Any] = {"layer": "buildings", "count": 1, "source": name, "used": crs_label(target)}
        if system is None:
            if part.decision.note != "missing" or len(parts) > 1:
                log.add("gml_crs_assumed", severity="warning", **row)
        elif system != target:
            _transform(part, system, target, name)
            parts[i] = finite(part, name, log)
            log.add("gml_crs_transformed", severity="info", told=part.decision.label, **row)
            if crs_label(_vertical(system)) != crs_label(_vertical(target)):
                log.add("gml_crs_heights_differ", severity="warning", told=part.decision.label, **row)
    return target


def _vertical(crs: pyproj.CRS) -> pyproj.CRS | None:
    return crs.sub_crs_list[1] if crs.is_compound and len(crs.sub_crs_list) > 1 else None


def change_between(system: pyproj.CRS | None, target: pyproj.CRS | None) -> pyproj.Transformer | None:
    """Return what changes plan coordinates from one system to another, None where that cannot be done."""
    if system is None or target is None:
        return None
    try:
        return pyproj.Transformer.from_crs(_horizontal(system), _horizontal(target), always_xy=True)
    except pyproj.exceptions.ProjError:
        return None


def _transform(part: FileColumns, system: pyproj.CRS, target: pyproj.CRS, name: str) -> None:
    """Transform plan coordinates; heights stay in the datum they were given in."""
    place = part.objects.get("place")
    if not len(part.polygons.xyz) and (place is None or np.isnan(place).all()):
        return
    change = change_between(system, target)
    if change is None:
        raise TextError("crs_apart", file=name, own=crs_label(system), city=crs_label(target))
    xyz = part.polygons.xyz
    xyz[:, 0], xyz[:, 1] = change.transform(xyz[:, 0], xyz[:, 1])
    if place is not None:
        told = np.isfinite(place[:, 0])
        place[told, 0], place[told, 1] = change.transform(place[told, 0], place[told, 1])
    part.decision = CrsDecision(target, False, part.decision.note, crs_label(target))
