"""City objects of one document: their order, their parents, and their attributes as columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.city.cityjson.documents import Document, whole
from twin.city.cityjson.faces import Vertices
from twin.city.cityjson.lists import list_number, nested
from twin.city.gaps import GapLog

__all__ = ["CLASS_NAMES", "GROUP", "CityObjects", "columns_of_objects", "objects_of"]

CLASS_NAMES = {"TransportSquare": "Square", "BuildingStorey": "Storey"}
"""CityGML class of the CityJSON types that bear another name."""

GROUP = "CityObjectGroup"
"""Type of objects that have members instead of children."""

_KNOWN = frozenset(("type", "attributes", "geometry", "parents", "children", "geographicalExtent", "children_roles"))
_CUT_KEYS = frozenset(("boundaries", "values", "vertices"))
_NESTING = frozenset((dict, list))
_YEAR = re.compile(r"\s*(\d{4})")


@dataclass
class CityObjects:
    """City objects with parents before children: id, value, number of the root, row of the parent (-1 = none)."""

    ids: list[str]
    values: list[dict[str, Any]]
    roots: list[int]
    parent: np.ndarray


# ------------------------------------------------------------------------------------------------------------- order


def objects_of(document: Document, log: GapLog) -> CityObjects:
    """Return the objects of all roots; rows for unknown parents, circles, shared ids and values that are no objects."""
    ids: list[str] = []
    values: list[dict[str, Any]] = []
    roots: list[int] = []
    local: list[dict[str, int]] = []
    seen: set[str] = set()
    twice, damaged = list(document.twice), []
    for number, root in enumerate(document.roots):
        rows: dict[str, int] = {}
        objects = root.get("CityObjects")
        for name, value in (objects if isinstance(objects, dict) else {}).items():
            if not isinstance(value, dict) or not isinstance(value.get("type"), str):
                damaged.append(name)
                value = {"type": "GenericCityObject"} | (value if isinstance(value, dict) else {})
                value["type"] = "GenericCityObject"
            rows[name] = len(ids)
            if name in seen:
                name = _numbered(name, seen)
                twice.append(name)
            seen.add(name)
            ids.append(name)
            values.append(value)
            roots.append(number)
        local.append(rows)
    parent = _parents(document, ids, values, roots, local, log)
    row: dict[str, Any] = {"layer": "buildings", "source": document.name, "of": len(ids)}
    log.add(
        "cityjson_id_twice",
        severity="warning",
        count=len(twice),
        places=twice,
        default="a number added to the id",
        **row,
    )
    log.add(
        "cityjson_object_damaged",
        severity="error",
        count=len(damaged),
        places=damaged,
        default="GenericCityObject",
        **row,
    )
    log.add("cityjson_no_objects", severity="warning", count=int(not ids), **row)
    extensions = Counter(value["type"] for value in values if value["type"].startswith("+"))
    log.add(
        "cityjson_extension_object", severity="info", count=extensions.total(),
        places=[f"{kind}: {count}" for kind, count in extensions.most_common()], **row,
    )  # fmt: skip
    return _in_order(CityObjects(ids, values, roots, parent))


def _numbered(name: str, seen: set[str]) -> str:
    number = 2
    while f"{name}#{number}" in seen:
        number += 1
    return f"{name}#{number}"


def _names(value: dict[str, Any], key: str) -> list[str]:
    told = value.get(key)
    return [name for name in told if isinstance(name, str)] if isinstance(told, list) else []


def _parents(
    document: Document,
    ids: list[str],
    values: list[dict[str, Any]],
    roots: list[int],
    local: list[dict[str, int]],
    log: GapLog,
) -> np.ndarray:
    """Row of each object's parent; a group is nobody's parent, its members are an attribute of it."""
    parent = np.full(len(ids), -1, dtype=np.int64)
    known = {name: row for row, name in enumerate(ids)}
    missing, several = [], []
    related = [row for row, value in enumerate(values) if "parents" in value]
    for row in related:
        rows = [local[roots[row]].get(name, known.get(name, -1)) for name in _names(values[row], "parents")]
        if -1 in rows:
            missing.append(ids[row])
        rows = [above for above in rows if above >= 0 and above != row and values[above]["type"] != GROUP]
        if rows:
            parent[row] = rows[0]
        if len(set(rows)) > 1:
            several.append(ids[row])
    for row, value in enumerate(values):
        if "children" not in value or value["type"] == GROUP:
            continue
        for name in _names(value, "children"):
            child = local[roots[row]].get(name, known.get(name, -1))
            if child < 0:
                missing.append(f"{ids[row]} ({name})")
            elif parent[child] < 0 and child != row:
                parent[child] = row
    circles = _cut_circles(parent)
    told: dict[str, Any] = {"layer": "buildings", "severity": "warning", "source": document.name, "of": len(ids)}
    log.add("cityjson_parent_missing", count=len(missing), places=missing, **told)
    log.add("cityjson_parent_several", count=len(several), places=several, default="the first", **told)
    log.add("cityjson_parent_circle", count=len(circles), places=[ids[row] for row in circles], **told)
    return parent


def _cut_circles(parent: np.ndarray) -> list[int]:
    """Take the parent from one object of each circle; returns these."""
    above = parent.copy()
    for _ in range(max(1, len(parent)).bit_length()):
        above = np.where(above >= 0, above[above], -1)  # after k rounds: the ancestor 2**k steps up
    cut = []
    for row in np.flatnonzero(above >= 0).tolist():
        seen: set[int] = set()
        while row >= 0 and row not in seen:
            seen.add(row)
            row = int(parent[row])
        if row >= 0:
            parent[row] = -1
            cut.append(row)
    return cut


def _in_order(objects: CityObjects) -> CityObjects:
    """Return the objects with all below an object right after it: the same order however a file mixes them."""
    parent = objects.parent
    if (parent < 0).all():
        return objects
    children: dict[int, list[int]] = {}
    for row in np.flatnonzero(parent >= 0).tolist():
        children.setdefault(int(parent[row]), []).append(row)
    order: list[int] = []
    stack = np.flatnonzero(parent < 0)[::-1].tolist()
    while stack:
        row = stack.pop()
        order.append(row)
        stack.extend(reversed(children.get(row, ())))
    new = np.append(np.argsort(order), -1)
    return CityObjects(
        [objects.ids[row] for row in order],
        [objects.values[row] for row in order],
        [objects.roots[row] for row in order],
        new[parent[order]],
    )


# ----------------------------------------------------------------------------------------------------------- columns


def columns_of_objects(objects: CityObjects, document: Document, vertices: Vertices) -> dict[str, np.ndarray]:
    """Return the columns of ``City.objects`` that do not depend on geometry.

    A value leaves ``attributes`` for its column only where the column holds it whole: a text in ``function`` and
    ``roof_type``, a number in the others.
    """
    count = len(objects.ids)
    attributes = [_attributes(objects, row, document, vertices) for row in range(count)]
    with_date = "dateOfConstruction"
    columns = {
        "id": objects.ids,
        "kind": [CLASS_NAMES.get(value["type"], value["type"]) for value in objects.values],
        "function": [_text(a, "function") if "function" in a else None for a in attributes],
        "roof_type": [_text(a, "roofType") if "roofType" in a else None for a in attributes],
    }
    numbers = {
        "measured_height": [_number(a, "measuredHeight") if "measuredHeight" in a else np.nan for a in attributes],
        "storeys": [_number(a, "storeysAboveGround") if "storeysAboveGround" in a else np.nan for a in attributes],
        "year": [_year(a) if "yearOfConstruction" in a or with_date in a else np.nan for a in attributes],
    }
    made = {name: _column(values) for name, values in columns.items()}
    made |= {name: np.array(values, dtype=np.float64) for name, values in numbers.items()}
    source = np.full(count, document.name, dtype=object)
    return made | {"parent": objects.parent, "attributes": _column(attributes), "source": source}


def _column(values: list[Any]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _text(attributes: dict[str, Any], key: str) -> str | None:
    value = attributes[key]
    if isinstance(value, str):
        return str(attributes.pop(key))
    first = value[0] if isinstance(value, list) and value else value
    return str(first) if isinstance(first, str | int | float) and not isinstance(first, bool) else None


def _number(attributes: dict[str, Any], key: str) -> float:
    value = attributes[key]
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
    if type(value) in (int, float):
        del attributes[key]
    return number


def _year(attributes: dict[str, Any]) -> float:
    value = attributes.get("yearOfConstruction")
    if type(value) in (int, float):
        return _number(attributes, "yearOfConstruction")
    for told in (value, attributes.get("dateOfConstruction")):
        match = _YEAR.match(told) if isinstance(told, str) else None
        if match:
            return float(match.group(1))
    return float("nan")


def _attributes(objects: CityObjects, row: int, document: Document, vertices: Vertices) -> dict[str, Any]:
    """Return what an object tells besides type, relations and geometry: attributes, address, members of a group."""
    value = objects.values[row]
    told = value.get("attributes")
    attributes: dict[str, Any] = told if isinstance(told, dict) else {}
    if not _NESTING.isdisjoint(map(type, attributes.values())) or not _CUT_KEYS.isdisjoint(attributes):
        attributes = whole(attributes, document)
    if told is not None and not isinstance(told, dict):
        attributes = {"attributes": told}
    if value.keys() <= _KNOWN and value["type"] != GROUP:
        return attributes
    for key in value.keys() - _KNOWN:
        inner = whole(_located(value[key], objects.roots[row], document, vertices), document)
        attributes.setdefault(
            key, inner[0] if key == "address" and isinstance(inner, list) and len(inner) == 1 else inner
        )
    if value["type"] == GROUP:
        attributes["members"] = _names(value, "children") or _names(value, "members")
        if isinstance(value.get("children_roles"), list):
            attributes["roles"] = value["children_roles"]
    return attributes


def _located(told: Any, root: int, document: Document, vertices: Vertices) -> Any:
    """Put coordinates in place of vertex numbers in the location of addresses."""
    if not isinstance(told, list):
        return _located([told], root, document, vertices)[0] if isinstance(told, dict) else told
    result = []
    for one in told:
        location = one.get("location") if isinstance(one, dict) else None
        number = list_number(location.get("boundaries")) if isinstance(location, dict) else -1
        if number >= 0:
            first, last = vertices.first[root : root + 2]
            found = nested([document.lists[number]]).numbers
            points = vertices.xyz[first:last][found[(found >= 0) & (found < last - first)]]
            one = one | {"location": [[round(float(v), 6) for v in point] for point in points]}
        result.append(one)
    return result
