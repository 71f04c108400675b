"""Semantic surfaces: rows of ``City.boundaries``, and which of them each face is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from twin.city.cityjson.faces import Faces, ranges
from twin.city.cityjson.lists import Nested

__all__ = ["face_boundaries", "surface_rows"]


def surface_rows(surfaces: list[list[Any]], geometry: list[int]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return one row for each semantic surface, and the first row of each geometry that has any.

    Parameters
    ----------
    surfaces : list of list
        ``semantics.surfaces`` of the geometries that have semantics.
    geometry : list of int
        Numbers of these geometries.

    Returns
    -------
    dict of numpy.ndarray
        ``id``, ``kind``, ``geometry``, ``parent`` (row of the surface an opening lies in, -1 = none) and
        ``attributes`` (dict or None).
    numpy.ndarray
        int64 (len(surfaces) + 1,).
    """
    sizes = np.array([len(told) for told in surfaces], dtype=np.int64)
    first = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    flat = [surface if isinstance(surface, dict) else {} for told in surfaces for surface in told]
    kinds = [surface.get("type", "") for surface in flat]
    more = [i for i, surface in enumerate(flat) if len(surface) > 1]
    count = len(flat)
    ids, attributes, parent = np.full(count, None), np.full(count, None), np.full(count, -1, dtype=np.int64)
    of_row = np.repeat(np.arange(len(surfaces)), sizes)
    for i in more:
        surface = flat[i]
        low, high = int(first[of_row[i]]), int(first[of_row[i] + 1])
        rest = {key: value for key, value in surface.items() if key not in ("type", "parent", "children")}
        ids[i] = rest.pop("id") if isinstance(rest.get("id"), str) else None
        attributes[i] = rest or None
        above = surface.get("parent")
        if type(above) is int and 0 <= above < high - low and low + above != i:
            parent[i] = low + above
        for child in surface.get("children") or ():
            if type(child) is int and 0 <= child < high - low and low + child != i and parent[low + child] < 0:
                parent[low + child] = i
    kind = np.empty(count, dtype=object)
    kind[:] = [name if isinstance(name, str) else str(name) for name in kinds]
    columns = {"id": ids, "kind": kind, "parent": parent, "attributes": attributes}
    return columns | {"geometry": np.asarray(geometry, dtype=np.int64)[of_row]}, first


def face_boundaries(
    faces: Faces, found: Nested, texts: Sequence[bytes], geometry: np.ndarray, own: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the semantic surface of each face as told.

    Parameters
    ----------
    faces : Faces
        All faces as told, in order of their geometry.
    found, texts
        ``semantics.values`` of some geometries, as arrays and as text.
    geometry, own, depth : numpy.ndarray
        Of each of these: number of its geometry; first row of its surfaces and row after the last (2, n); depth its
        values stand at (0 in surfaces, 1 in a solid, 2 in several solids).

    Returns
    -------
    boundary : numpy.ndarray
        Row of ``City.boundaries``, -1 = none.
    outside : numpy.ndarray
        Geometries of faces whose value is no number of a surface.
    unfitting : numpy.ndarray
        Geometries whose values do not fit their faces; their faces get no meaning.
    """
    edge = np.searchsorted(faces.geometry, geometry), np.searchsorted(faces.geometry, geometry, side="right")
    counts = edge[1] - edge[0]
    plain = (np.diff(found.first) == counts) & (found.low == depth) & (found.high == depth) & ~found.broken
    values = np.full(len(faces.geometry), -1, dtype=np.int64)
    target, _ = ranges(edge[0][plain], edge[1][plain])
    source, _ = ranges(found.first[:-1][plain], found.first[1:][plain])
    values[target] = found.numbers[source]
    unfitting = []
    for i in np.flatnonzero(~plain & ((counts > 0) | found.broken)):
        rows = slice(int(edge[0][i]), int(edge[1][i]))
        spread = None if found.broken[i] else _spread(texts[int(i)], faces, rows)
        if spread is None:
            unfitting.append(int(geometry[i]))
        else:
            values[rows] = spread
    offset, size = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    rows_of, which = ranges(edge[0], edge[1])
    offset[rows_of], size[rows_of] = own[0][which], (own[1] - own[0])[which]
    outside = (values < -1) | (values >= size)
    boundary = np.where((values >= 0) & ~outside, values + offset, -1)
    return boundary, faces.geometry[outside], np.array(unfitting, dtype=np.int64)


def _spread(text: bytes, faces: Faces, rows: slice) -> list[int] | None:
    """Return one value a face where whole shells or solids are null; None where they do not fit."""
    try:
        values = json.loads(text)
    except ValueError:  # a number such as 01
        return None
    solid, shell = faces.solid[rows], faces.shell[rows]
    if len(solid) and solid[0] < 0:
        return _level(values, len(solid))
    solids = []
    for number in np.unique(solid):
        _, sizes = np.unique(shell[solid == number], return_counts=True)
        solids.append(sizes.tolist())
    for shape in (solids, solids[0] if len(solids) == 1 else None):
        spread = _shaped(values, shape) if shape is not None else None
        if spread is not None:
            return spread
    return None


def _level(values: Any, count: int) -> list[int] | None:
    if values is None:
        return [-1] * count
    if not isinstance(values, list) or len(values) != count or any(isinstance(value, list) for value in values):
        return None
    return [-1 if value is None else value for value in values]


def _shaped(values: Any, shape: Any) -> list[int] | None:
    """Fit values to a nested list of counts; null stands for everything below."""
    if isinstance(shape, int):
        return _level(values, shape)
    inner = [None] * len(shape) if values is None else values
    if not isinstance(inner, list) or len(inner) != len(shape):
        return None
    parts = [_shaped(value, part) for value, part in zip(inner, shape, strict=True)]
    return (
        None if any(part is None for part in parts) else [value for part in parts if part is not None for value in part]
    )
