"""Geometries as the objects of one document tell them, and the faces and semantic surfaces they make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twin.city.cityjson.documents import Document
from twin.city.cityjson.faces import Faces, Trouble, Vertices, faces_of, places, taken, without_empty_rings
from twin.city.cityjson.lists import list_number, nested, points
from twin.city.cityjson.semantics import face_boundaries, surface_rows
from twin.city.gaps import GapLog
from twin.errors import InputError, TextError

__all__ = ["KINDS", "Bodies", "Told", "bodies_of", "lod_text", "tell", "vertices_of"]

KINDS = ("MultiSurface", "CompositeSurface", "Solid", "MultiSolid", "CompositeSolid", "GeometryInstance")
"""Geometry types that have faces."""

INSTANCE = KINDS.index("GeometryInstance")
_RING_DEPTH = np.array([2, 2, 3, 4, 4, 0])
_KIND_NUMBER = {kind: i for i, kind in enumerate(KINDS)}
_WITHOUT_FACES = ("MultiPoint", "MultiLineString")


def lod_text(value: Any) -> str:
    """Return a level of detail as text; version 1.0 writes it as a number.

    Examples
    --------
    >>> lod_text(2), lod_text("2.2"), lod_text(1.3), lod_text(None)
    ('2', '2.2', '1.3', '')
    """
    if isinstance(value, str):
        return value.strip()
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


@dataclass
class Told:
    """Geometries of one document in order, one entry each.

    ``object`` is the row of the object, ``root`` the root object it stands in, ``kind`` a number of :data:`KINDS`,
    ``indices`` and ``values`` numbers of cut-out lists (-1 = none), ``surfaces`` the semantic surfaces told.
    """

    object: list[int] = field(default_factory=list)
    root: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    lod: list[str] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    surfaces: list[list[Any] | None] = field(default_factory=list)
    instances: dict[int, dict[str, Any]] = field(default_factory=dict)
    without_faces: int = 0
    unknown: list[str] = field(default_factory=list)
    unfitting: list[int] = field(default_factory=list)


@dataclass
class Bodies:
    """Faces and semantic surfaces of one document, and what is known of each geometry."""

    faces: Faces
    boundaries: dict[str, np.ndarray]
    object: np.ndarray
    kind: np.ndarray
    lod: np.ndarray


def tell(told: Told, row: int, root: int, geometries: Any, lod: str | None) -> None:
    """Note the geometries of one object.

    Parameters
    ----------
    told : Told
        Takes them.
    row, root : int
        Row of the object, number of its root object.
    geometries : list of dict
        The object's ``geometry``.
    lod : str, optional
        Note only this level of detail (``"2"`` stands for 2.0 to 2.3, too) and what has none.
    """
    for geometry in geometries if isinstance(geometries, list) else ():
        name = geometry.get("type") if isinstance(geometry, dict) else None
        kind = _KIND_NUMBER.get(name) if isinstance(name, str) else None
        if kind is None:
            if name in _WITHOUT_FACES:
                told.without_faces += 1
            else:
                told.unknown.append(str(name))
            continue
        level = lod_text(geometry.get("lod"))
        if lod is not None and level and kind != INSTANCE and level != lod and level.split(".")[0] != lod:
            continue
        number = len(told.object)
        semantics = geometry.get("semantics")
        surfaces, values = None, None
        if isinstance(semantics, dict):
            surfaces, values = semantics.get("surfaces"), semantics.get("values")
            if not isinstance(surfaces, list) or (values is not None and list_number(values) < 0):
                told.unfitting.append(number)
        told.object.append(row)
        told.root.append(root)
        told.kind.append(kind)
        told.lod.append(level)
        told.indices.append(list_number(geometry.get("boundaries")))
        told.values.append(list_number(values) if isinstance(surfaces, list) else -1)
        told.surfaces.append(surfaces if isinstance(surfaces, list) else None)
        if kind == INSTANCE:
            told.instances[number] = geometry


def vertices_of(document: Document, roots: Sequence[dict[str, Any]]) -> Vertices:
    """Return the vertices of all root objects as written."""
    numbers = [list_number(root.get("vertices")) for root in roots]
    texts = document.lists.some(numbers)
    told = [root for root, number in zip(roots, numbers, strict=True) if number < 0 and root.get("vertices")]
    found = None if told else points(texts)
    if found is None:
        bad = next((i for i, text in enumerate(texts) if points([text]) is None), 0)
        _refuse_broken(texts[bad], document.name)
        where = f" of feature {bad}" if bad else ""
        why = "NaN or Infinity" if b"N" in texts[bad] or b"I" in texts[bad] else "something else"
        raise InputError(
            f"{document.name}: the vertices{where} must be lists of three numbers, but hold {why}; export the file again."
        )
    first = np.concatenate(([0], np.cumsum(found[1]))).astype(np.int64)
    return Vertices(found[0], first)


def _refuse_broken(text: bytes, name: str) -> None:
    """Raise where a list of vertices is no JSON, as in a file that lost its end."""
    try:
        json.loads(text)
    except ValueError as error:
        message = str(error).partition(":")[0]
        raise TextError("cityjson_vertices_broken", file=name, reason=message) from None


def bodies_of(document: Document, told: Told, vertices: Vertices, names: Any, log: GapLog) -> Bodies:
    """Return the faces of all geometries but template instances.

    Parameters
    ----------
    document : Document
        Holds the lists.
    told : Told
        Geometries.
    vertices : Vertices
        Vertices in the file's CRS.
    names : sequence of str
        Id of each object, for gap rows.
    log : GapLog
        Takes what is left out or doubtful.
    """
    kind, owner = np.array(told.kind, dtype=np.int64), np.array(told.object, dtype=np.int64)
    of_geometry = [names[row] for row in told.object]
    indices = np.array(told.indices, dtype=np.int64)
    rows = np.flatnonzero((kind != INSTANCE) & (indices >= 0))
    found = nested(document.lists.some(indices[rows]))
    depth = _RING_DEPTH[kind[rows]]
    bad = found.broken | (found.deepest > depth) | ((found.high >= 0) & ((found.low != depth) | (found.high != depth)))
    if bad.any():
        rows, depth = rows[~bad], depth[~bad]
        found = nested(document.lists.some(indices[rows]))
    malformed = np.setdiff1d(np.flatnonzero(kind != INSTANCE), rows)
    faces, trouble, keep = faces_of(found, rows, depth, np.array(told.root, dtype=np.int64)[rows], vertices)

    meaning = [i for i in rows.tolist() if told.surfaces[i] is not None]
    boundaries, first = surface_rows([told.surfaces[i] or [] for i in meaning], meaning)
    boundaries["object"] = owner[boundaries["geometry"]]
    valued = np.array([k for k, i in enumerate(meaning) if told.values[i] >= 0], dtype=np.int64)
    numbers = np.array(meaning, dtype=np.int64)[valued]
    texts = document.lists.some([told.values[i] for i in numbers.tolist()])
    own = np.stack((first[:-1][valued], first[1:][valued]))
    boundary, outside, unfitting = face_boundaries(
        faces, nested(texts), texts, numbers, own, _RING_DEPTH[kind[numbers]] - 2
    )
    faces = without_empty_rings(taken(faces.with_boundary(boundary), keep))

    _doubts(log, document.name, len(kind), len(keep), told, trouble, malformed, outside, unfitting, of_geometry)
    return Bodies(faces, boundaries, owner, kind, np.array(told.lod, dtype=object))


def _doubts(
    log: GapLog,
    source: str,
    geometries: int,
    faces: int,
    told: Told,
    trouble: Trouble,
    malformed: np.ndarray,
    outside: np.ndarray,
    unfitting: np.ndarray,
    names: list[str],
) -> None:
    """Write the gap rows of one document's geometries; ``names`` holds the object's id for each geometry."""
    row: dict[str, Any] = {"layer": "buildings", "source": source}

    def of_faces(found: np.ndarray) -> dict[str, Any]:
        return row | {"count": len(found), "of": faces, "places": places(found, names)}

    def of_geometries(found: np.ndarray) -> dict[str, Any]:
        return of_faces(found) | {"of": geometries}

    log.add("cityjson_geometry_malformed", severity="error", **of_geometries(malformed))
    log.add("cityjson_index_outside", severity="error", **of_faces(trouble.outside))
    log.add("cityjson_coordinates_wild", severity="error", **of_faces(trouble.wild))
    log.add("cityjson_polygon_empty", severity="error", **of_faces(trouble.empty))
    log.add("cityjson_ring_short", severity="warning", **of_faces(trouble.short))
    log.add("cityjson_points_repeated", severity="info", **of_faces(trouble.repeated))
    log.add("cityjson_ring_closed", severity="info", **of_faces(trouble.closed))
    log.add("cityjson_semantics_outside", severity="warning", **of_faces(outside))
    unfitting = np.union1d(unfitting, np.array(told.unfitting, dtype=np.int64))
    log.add("cityjson_semantics_unfitting", severity="warning", **of_geometries(unfitting))
    log.add("cityjson_points_left_out", severity="info", count=told.without_faces, **row)
    unknown = sorted(set(told.unknown))
    log.add("cityjson_geometry_unknown", severity="warning", count=len(told.unknown), places=unknown, **row)
