"""Implicit geometry: a template drawn once, placed many times by a 4 x 4 matrix and a reference point."""

from __future__ import annotations

import numpy as np

from twin.city.citygml.geometry import ELEMENTS, Geometry
from twin.city.citygml.links import Links
from twin.city.citygml.parsed import Implicit, Parsed
from twin.city.gaps import GapLog
from twin.city.model import Polygons

__all__ = ["place_templates"]

_Columns = dict[str, np.ndarray]


def _matrix(place: Implicit) -> np.ndarray | None:
    """4 x 4 matrix with the reference point added to its translation; None where a number is missing."""
    try:
        numbers = [float(word) for word in place.matrix.split()] or list(np.eye(4).ravel())
        point = [float(word) for word in place.point.split()] or [0.0, 0.0, 0.0]
    except ValueError:
        return None
    if len(numbers) != 16 or len(point) not in (2, 3) or not np.isfinite([*numbers, *point]).all():
        return None
    matrix = np.array(numbers).reshape(4, 4)
    matrix[: len(point), 3] += point
    return matrix


def _members(place: Implicit, number: int, template: np.ndarray, links: Links, row: np.ndarray) -> list[int]:
    """Rows of the polygons a place draws."""
    if not place.href:
        return [int(i) for i in np.flatnonzero(template == number)]
    return [int(row[polygon]) for polygon in links.polygons_of(place.href) if row[polygon] >= 0]


def place_templates(
    parsed: Parsed,
    geometry: Geometry,
    links: Links,
    surfaces: _Columns,
    shells: _Columns,
    name: str,
    log: GapLog,
) -> tuple[Polygons, _Columns, _Columns]:
    """Return polygons and their columns with every template replaced by its placed copies.

    Templates are drawn in a system of their own; a template polygon itself is no polygon of the city. Places without a
    readable matrix or without a template in the file are told in the gap table.
    """
    template = surfaces.pop("template")
    if not parsed.implicits:
        return geometry.polygons, surfaces, shells
    polygons = geometry.polygons
    lost: list[str] = []
    rings: list[list[np.ndarray]] = []
    source: list[int] = []
    place_of: list[int] = []
    for number, place in enumerate(parsed.implicits):
        matrix = _matrix(place)
        members = _members(place, number, template, links, geometry.row)
        if matrix is None or not members:
            lost.append(str(parsed.object_ids[place.object] or f"object {place.object + 1}"))
            continue
        for member in members:
            local = [np.column_stack((ring, np.ones(len(ring)))) @ matrix.T for ring in polygons.rings(member)]
            rings.append([ring[:, :3] / ring[:, 3:] for ring in local])
            source.append(member)
            place_of.append(number)
    log.add(
        "gml_template_not_placed", layer="buildings", severity="warning", count=len(lost), of=len(parsed.implicits),
        source=name, places=lost,
    )  # fmt: skip
    own = template < 0
    kept = np.flatnonzero(own)
    copies = np.array(source, dtype=np.int64)
    rows = np.concatenate((kept, copies))
    changed = {key: values[rows] for key, values in surfaces.items()}
    places = [parsed.implicits[i] for i in place_of]
    tail = slice(len(kept), None)
    changed["object"][tail] = [place.object for place in places]
    changed["boundary"][tail] = [place.boundary for place in places]
    changed["lod"][tail] = [place.lod for place in places]
    changed["kind"] = changed["kind"].copy()
    changed["element"][tail] = ELEMENTS.index("ImplicitGeometry")
    all_rings = [polygons.rings(int(i)) for i in kept] + rings
    flat = [ring for group in all_rings for ring in group]
    ring_start = np.concatenate(([0], np.cumsum([len(ring) for ring in flat]))).astype(np.int64)
    polygon_start = np.concatenate(([0], np.cumsum([len(group) for group in all_rings]))).astype(np.int64)
    xyz = np.concatenate(flat) if flat else np.empty((0, 3))
    new_row = np.where(own, np.cumsum(own) - 1, -1)
    shell_keep = new_row[shells["polygon"]] >= 0 if len(new_row) else np.zeros(0, dtype=bool)
    shells = {key: values[shell_keep] for key, values in shells.items()}
    shells["polygon"] = new_row[shells["polygon"]]
    return Polygons(xyz, ring_start, polygon_start), changed, shells
