"""Geometry templates: drawn once in a system of their own, placed many times by a 4 x 4 matrix and a point."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.city.cityjson.documents import Document
from twin.city.cityjson.faces import Faces, Vertices, joined_faces, taken
from twin.city.cityjson.geometries import Bodies, Told, bodies_of, lod_text, tell
from twin.city.cityjson.lists import nested
from twin.city.gaps import GapLog
from twin.errors import InputError

__all__ = ["with_instances"]

_IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
_Place = tuple[int, np.ndarray]  # number of the geometry, matrix with the point added


def with_instances(
    document: Document, told: Told, bodies: Bodies, vertices: Vertices, lod: str | None, names: Any, log: GapLog
) -> Bodies:
    """Return the bodies with every template drawn where an object places it; all in the order they are told.

    Parameters
    ----------
    document, told, bodies, vertices
        One file; its template instances are ``told.instances``.
    lod : str, optional
        Place only templates of this level of detail.
    names : sequence of str
        Id of each object, for gap rows.
    log : GapLog
        Takes instances that could not be placed.
    """
    if not told.instances:
        return bodies
    templates = document.roots[0].get("geometry-templates")
    templates = templates if isinstance(templates, dict) else {}
    drawings = templates.get("templates")
    drawings = drawings if isinstance(drawings, list) else []
    drawn = _drawn(document, drawings, templates.get("vertices-templates"), log)
    levels = [lod_text(one.get("lod")) if isinstance(one, dict) else "" for one in drawings]
    places: dict[int, list[_Place]] = {}
    lost = []
    for number, instance in told.instances.items():
        template = instance.get("template")
        place = _place(document, told, number, instance, vertices)
        if place is None or type(template) is not int or not 0 <= template < len(drawings):
            lost.append(names[told.object[number]])
        elif lod is None or not levels[template] or lod in (levels[template], levels[template].split(".")[0]):
            places.setdefault(template, []).append((number, place))
    log.add(
        "cityjson_template_not_placed", layer="buildings", severity="error", count=len(lost), of=len(told.instances),
        source=document.name, places=lost,
    )  # fmt: skip
    for template, at in sorted(places.items()):
        rows = np.flatnonzero(drawn.object[drawn.faces.geometry] == template)
        bodies = _joined(bodies, *_copies(drawn, rows, template, at, bodies))
        for number, _ in at:
            bodies.lod[number] = levels[template]
    return _in_order(bodies)


def _drawn(document: Document, drawings: list[Any], points: Any, log: GapLog) -> Bodies:
    """Return the faces of the templates; the object of each is the template's number."""
    try:
        xyz = np.array(points or np.empty((0, 3)), dtype=np.float64)
    except (TypeError, ValueError):
        xyz = np.empty(0)
    if xyz.ndim != 2 or xyz.shape[1] != 3:
        raise InputError(f"{document.name}: vertices-templates must be lists of three numbers; export the file again.")
    told = Told()
    for number, one in enumerate(drawings):
        tell(told, number, 0, [one], None)
    names = [f"template {number}" for number in range(len(drawings))]
    return bodies_of(document, told, Vertices(xyz, np.array([0, len(xyz)])), names, log)


def _place(
    document: Document, told: Told, number: int, instance: dict[str, Any], vertices: Vertices
) -> np.ndarray | None:
    """Return the matrix of an instance, its point added to the shift; None where either cannot be read."""
    if told.indices[number] < 0:
        return None
    point = nested([document.lists[told.indices[number]]]).numbers
    first, last = vertices.first[told.root[number] : told.root[number] + 2]
    if len(point) != 1 or not 0 <= point[0] < last - first:
        return None
    try:
        matrix = np.array(instance.get("transformationMatrix", _IDENTITY), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if matrix.shape != (16,) or not np.isfinite(matrix).all() or matrix[15] == 0.0:
        return None
    matrix = matrix.reshape(4, 4) / matrix[15]
    matrix[:3, 3] += vertices.xyz[first + point[0]]
    return matrix


def _copies(
    drawn: Bodies, rows: np.ndarray, template: int, at: list[_Place], bodies: Bodies
) -> tuple[Faces, dict[str, np.ndarray]]:
    """Return the faces of one template at all its places, and their semantic surfaces."""
    count = len(at)
    one = taken(drawn.faces, rows)
    matrices = np.stack([matrix for _, matrix in at])
    numbers = np.array([number for number, _ in at], dtype=np.int64)
    xyz = np.einsum("kij,nj->kni", matrices[:, :3, :3], one.xyz) + matrices[:, None, :3, 3]

    own = (
        np.flatnonzero(drawn.object[drawn.boundaries["geometry"]] == template)
        if len(drawn.boundaries["kind"])
        else rows[:0]
    )
    new = np.append(np.full(len(drawn.boundaries["kind"]), -1), -1)
    new[own] = np.arange(len(own))
    step = np.repeat(np.arange(count), len(own)) * len(own) + len(bodies.boundaries["kind"])
    parent = np.tile(new[drawn.boundaries["parent"][own]], count)
    boundaries = {name: np.tile(drawn.boundaries[name][own], count) for name in ("kind", "attributes")}
    boundaries["id"] = np.full(count * len(own), None)
    boundaries["parent"] = np.where(parent >= 0, parent + step, -1)
    boundaries["geometry"] = np.repeat(numbers, len(own))
    boundaries["object"] = bodies.object[boundaries["geometry"]]

    solids, solid = np.unique(one.solid[one.solid >= 0], return_inverse=True)
    local = np.full(len(one.solid), -1)
    local[one.solid >= 0] = solid
    shift = np.repeat(np.arange(count), len(rows))
    base = int(bodies.faces.solid.max(initial=-1)) + 1
    solid_of, boundary_of = np.tile(local, count), np.tile(new[one.boundary], count)
    faces = Faces(
        xyz=xyz.reshape(-1, 3),
        ring_size=np.tile(one.ring_size, count),
        rings=np.tile(one.rings, count),
        geometry=np.repeat(numbers, len(rows)),
        solid=np.where(solid_of >= 0, solid_of + base + shift * len(solids), -1),
        shell=np.tile(one.shell, count),
        boundary=np.where(boundary_of >= 0, boundary_of + len(bodies.boundaries["kind"]) + shift * len(own), -1),
    )
    return faces, boundaries


def _joined(bodies: Bodies, faces: Faces, boundaries: dict[str, np.ndarray]) -> Bodies:
    rows = {name: np.concatenate((bodies.boundaries[name], boundaries[name])) for name in bodies.boundaries}
    return Bodies(joined_faces(bodies.faces, faces), rows, bodies.object, bodies.kind, bodies.lod)


def _in_order(bodies: Bodies) -> Bodies:
    """Sort faces and semantic surfaces by the geometry they were told in."""
    order = np.argsort(bodies.boundaries["geometry"], kind="stable")
    new = np.append(np.argsort(order), -1)
    boundaries = {name: values[order] for name, values in bodies.boundaries.items()}
    boundaries["parent"] = new[boundaries["parent"]]
    faces = bodies.faces.with_boundary(new[bodies.faces.boundary])
    faces = taken(faces, np.argsort(faces.geometry, kind="stable"))
    return Bodies(faces, boundaries, bodies.object, bodies.kind, bodies.lod)
