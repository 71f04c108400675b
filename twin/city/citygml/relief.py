"""Terrain told by points: mass points and grids of CityGML become triangles, each a polygon of its relief object.

Mass points are joined by the Delaunay triangulation of their plan; the points of a grid by two triangles a cell, none
where a corner has no height. Both ways the terrain passes through every point and is linear between, and the gap table
says so. A grid whose heights lie in a file beside the model is read by :mod:`twin.city.citygml.relief_files`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from twin.city.citygml.geometry import ELEMENTS, FARTHEST
from twin.city.citygml.names import local_name
from twin.city.citygml.parsed import Parsed, Relief
from twin.city.citygml.relief_files import in_file
from twin.city.citygml.shapes import value_of
from twin.city.citygml.systems import change_between
from twin.city.crs import CrsDecision, decide_axes, parse_crs
from twin.city.gaps import GapLog
from twin.city.model import Polygons

__all__ = ["ReliefReader", "with_reliefs"]

_TEXTS = frozenset(
    [
        "pos",
        "posList",
        "coordinates",
        "low",
        "high",
        "offsetVector",
        "tupleList",
        "doubleOrNilReasonTupleList",
        "QuantityList",
        "fileName",
        "fileReference",
    ]
)
_HEIGHTS = ("tupleList", "doubleOrNilReasonTupleList", "QuantityList")
_POINTS = ("pos", "posList", "coordinates")
_SIGNS = (("decimal", "."), ("cs", ","), ("ts", " "))

_Columns = dict[str, np.ndarray]


class ReliefReader:
    """Handlers of an expat parser inside the points or the grid of a relief: keeps texts of numbers, by element.

    Parameters
    ----------
    parser : expat parser
        Whose handlers are exchanged until the property closes.
    relief : Relief
        Takes the texts.
    systems : collections.Counter
        Counts the names of reference systems.
    resume : callable
        Gives the parser its ordinary handlers back.
    """

    def __init__(self, parser: Any, relief: Relief, systems: Counter[str], resume: Callable[[], None]) -> None:
        self._parser, self._relief, self._systems, self._resume = parser, relief, systems, resume
        self._depth = 1
        self._signs: dict[str, str] = {}
        self._parts: list[str] = []
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = None

    def _start(self, name: str, attrs: list[str]) -> None:
        self._depth += 1
        relief, local = self._relief, local_name(name)
        if srs := value_of(attrs, "srsName"):
            relief.srs = srs
            self._systems[srs] += 1
        order = value_of(attrs, "axisOrder") or value_of(attrs, "order")
        if local == "sequenceRule" and order:
            relief.first_axis = order.split()[0]
        if local in _TEXTS:
            self._signs = {key: value_of(attrs, key) or sign for key, sign in _SIGNS}
            self._parts = []
            self._parser.CharacterDataHandler = self._parts.append

    def _end(self, name: str) -> None:
        self._depth -= 1
        local = local_name(name)
        if local in _TEXTS:
            self._parser.CharacterDataHandler = None
            text = "".join(self._parts)
            if local in ("coordinates", "tupleList"):
                text = text.replace(self._signs["cs"], " ").replace(self._signs["ts"], " ")
                text = text.replace(self._signs["decimal"], ".")
            self._relief.texts.setdefault(local, []).append(text)
        if self._depth == 0:
            self._resume()


def _numbers(texts: list[str]) -> np.ndarray:
    return np.array(" ".join(texts).split(), dtype=np.float64)


def _mass_points(relief: Relief) -> np.ndarray:
    numbers = _numbers([text for key in _POINTS for text in relief.texts.get(key, ())])
    return numbers.reshape(-1, 3)


def _height(word: str) -> float:
    try:
        return float(word)
    except ValueError:  # "missing", "inapplicable", ...: no height there
        return float("nan")


def _grid_points(relief: Relief) -> np.ndarray:
    """Points (rows, columns, 3) of a grid; z NaN where it has no height."""
    low, high = (_numbers(relief.texts[key]).astype(np.int64) for key in ("low", "high"))
    origin = _numbers(relief.texts["pos"][:1])
    first, second = (np.append(_numbers([text]), 0.0)[:3] for text in relief.texts["offsetVector"])
    columns, rows = (high - low + 1).tolist()
    if min(columns, rows) < 2:
        raise ValueError(f"{columns} x {rows} points are no grid")
    texts = next(relief.texts[key] for key in _HEIGHTS if key in relief.texts)
    z = np.array([_height(word) for word in " ".join(texts).split()])
    turned = relief.first_axis in ("+2", "2")
    z = z.reshape(columns, rows).T if turned else z.reshape(rows, columns)
    i, j = np.meshgrid(np.arange(columns) + low[0], np.arange(rows) + low[1])
    points = np.append(origin, 0.0)[:3] + i[..., None] * first + j[..., None] * second
    points[..., 2] = np.where(np.abs(z) < FARTHEST, z, np.nan)
    return np.asarray(points)


def _grid_triangles(points: np.ndarray) -> np.ndarray:
    rows, columns = points.shape[:2]
    number = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    corners = np.concatenate([np.stack(one, axis=-1).reshape(-1, 3) for one in ((a, b, c), (a, c, d))])
    known = np.isfinite(points[..., 2]).ravel()
    return np.asarray(corners[known[corners].all(axis=1)])


def _delaunay(points: np.ndarray) -> np.ndarray:
    from scipy.spatial import Delaunay, QhullError

    try:
        return np.asarray(Delaunay(points[:, :2] - points[0, :2]).simplices, dtype=np.int64)
    except QhullError:
        raise ValueError("the points lie on one line") from None


def _facing_up(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Turn triangles so that they face up, and leave out those without an area in plan."""
    corner = points[triangles]
    first, second = corner[:, 1, :2] - corner[:, 0, :2], corner[:, 2, :2] - corner[:, 0, :2]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.where((area < 0)[:, None], triangles[:, ::-1], triangles)[area != 0]


def _triangulated(relief: Relief) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) and triangles (m, 3) of one relief, as written; ValueError says why there are none."""
    try:
        if relief.grid:
            grid = _grid_points(relief)
            return grid.reshape(-1, 3), _grid_triangles(grid)
        points = _mass_points(relief)
    except (KeyError, StopIteration):
        raise ValueError("a part of its numbers is missing") from None
    if len(points) < 3 or not (np.abs(points) < FARTHEST).all():
        raise ValueError(f"{len(points)} points, or points beyond any map")
    return points, _delaunay(points)


def _placed(points: np.ndarray, relief: Relief, decision: CrsDecision) -> np.ndarray:
    """Points with east first, in the file's CRS."""
    own = parse_crs(relief.srs) if relief.srs else decision
    flat = points[:, :2]
    if own.label != decision.label and (change := change_between(own.crs, decision.crs)) is not None:
        own = decide_axes(own, (*flat.min(axis=0), *flat.max(axis=0)))
        flat = flat[:, ::-1] if own.swap_axes else flat
        flat = np.column_stack(change.transform(flat[:, 0], flat[:, 1]))
    elif decision.swap_axes:
        flat = flat[:, ::-1]
    return np.column_stack((flat, points[:, 2]))


def with_reliefs(
    parsed: Parsed, polygons: Polygons, surfaces: _Columns, decision: CrsDecision, name: str, log: GapLog
) -> tuple[Polygons, _Columns, CrsDecision]:
    """Return polygons and their columns with the triangles of all mass points and grids, and the decision on the CRS.

    Parameters
    ----------
    parsed : Parsed
        One document.
    polygons, surfaces
        What was read of it, east first.
    decision : CrsDecision
        On the file's CRS; it is made anew where the file holds nothing but points.
    name : str
        File name for gap rows.
    log : GapLog
        Takes how the terrain came about, and what is no terrain.
    """
    pieces: list[np.ndarray] = []
    owner: list[np.ndarray] = []
    element: list[np.ndarray] = []
    lost: list[str] = []
    counts = [0, 0]
    for relief in parsed.reliefs:
        what = str(parsed.object_ids[relief.object] or f"object {relief.object + 1}")
        if in_file(relief):
            continue
        try:
            points, triangles = _triangulated(relief)
        except ValueError as error:
            lost.append(f"{what}: {error}")
            continue
        if not len(polygons) and not pieces:
            seen = points[np.isfinite(points).all(axis=1), :2]
            decision = decide_axes(decision, (*seen.min(axis=0), *seen.max(axis=0))) if len(seen) else decision
        points = _placed(points, relief, decision)
        triangles = _facing_up(points, triangles)
        counts[relief.grid] += int(np.isfinite(points[:, 2]).sum())
        pieces.append(points[triangles].reshape(-1, 3))
        owner.append(np.full(len(triangles), relief.object))
        element.append(
            np.full(len(triangles), ELEMENTS.index("RectifiedGridCoverage" if relief.grid else "MultiPoint"))
        )
    row: dict[str, Any] = {"layer": "terrain_height", "source": name}
    log.add("gml_relief_lost", severity="warning", count=len(lost), of=len(parsed.reliefs), places=lost, **row)
    for code, count, default in (
        ("gml_relief_of_points", counts[0], "Delaunay triangles, linear between the points"),
        ("gml_relief_of_grid", counts[1], "two triangles a cell, linear between the points"),
    ):
        log.add(code, severity="default", count=count, default=default, **row)
    if not pieces:
        return polygons, surfaces, decision
    return *_added(
        polygons, surfaces, np.concatenate(pieces), np.concatenate(owner), np.concatenate(element), parsed
    ), decision


def _added(
    polygons: Polygons, surfaces: _Columns, xyz: np.ndarray, owner: np.ndarray, element: np.ndarray, parsed: Parsed
) -> tuple[Polygons, _Columns]:
    count = len(owner)
    lod = np.full(len(parsed.object_ids), -1, dtype=np.int8)
    for row in np.unique(owner).tolist():
        told = str(parsed.object_attributes[row].get("lod", "")).strip()
        lod[row] = int(told) if told in ("0", "1", "2", "3", "4") else -1
    new = {
        "object": owner, "lod": lod[owner], "kind": np.full(count, "", dtype=object), "boundary": np.full(count, -1),
        "id": np.full(count, None), "element": element.astype(np.int8), "closed": np.ones(count, dtype=bool),
    }  # fmt: skip
    steps = 3 * np.arange(1, count + 1)
    return (
        Polygons(
            np.concatenate((polygons.xyz, xyz)),
            np.concatenate((polygons.ring_start, polygons.ring_start[-1] + steps)).astype(np.int64),
            np.concatenate((polygons.polygon_start, polygons.polygon_start[-1] + np.arange(1, count + 1))).astype(
                np.int64
            ),
        ),
        {key: np.concatenate((values, new[key])) for key, values in surfaces.items()},
    )
