"""What the event reader finds, in lists while it reads; :meth:`Collected.parsed` gives the arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from twin.city.citygml.coordinates import CoordinateText
from twin.city.citygml.parsed import RUN_COLUMNS, Parsed

__all__ = ["Collected", "Container", "Run", "dimension_of"]


@dataclass(slots=True)
class Run:
    """A geometry property: the polygons and references from here to the next run belong to it."""

    polygon: int  # first polygon
    reference: int  # first reference
    object: int
    boundary: int
    lod: int
    srs: str
    implicit: int  # number of the implicit geometry whose template this is, -1 = none


@dataclass(slots=True)
class Container:
    """A surface or solid with an id: ranges of polygons and references."""

    id: str
    polygon: int
    polygon_end: int
    reference: int
    reference_end: int


@dataclass
class Collected(Parsed):
    """One document while it is read; the arrays of :class:`Parsed` are lists here, with more said in fewer entries."""

    parents_of_objects: list[int] = field(default_factory=list)
    objects_of_boundaries: list[int] = field(default_factory=list)
    parents_of_boundaries: list[int] = field(default_factory=list)
    run_list: list[Run] = field(default_factory=list)
    first_rings: list[int] = field(default_factory=list)
    element_changes: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])  # from polygon on, element code
    dimension_changes: list[tuple[int, str]] = field(default_factory=lambda: [(0, "")])  # from ring on, srsDimension
    exteriors: list[tuple[int, int]] = field(default_factory=list)
    turned_polygons: list[int] = field(default_factory=list)
    turned_references: list[int] = field(default_factory=list)
    container_list: list[Container] = field(default_factory=list)
    solid_list: list[tuple[int, int, int]] = field(default_factory=list)
    composite_list: list[tuple[int, int]] = field(default_factory=list)
    shell_list: list[list[int]] = field(default_factory=list)
    coordinates: CoordinateText = field(default_factory=CoordinateText)

    def parsed(self) -> Parsed:
        """Return what was read as arrays."""
        values, counts, bad = self.coordinates.result()
        same = {f.name: getattr(self, f.name) for f in fields(Parsed)}
        systems = list(dict.fromkeys(run.srs for run in self.run_list if run.srs))
        number = {name: i for i, name in enumerate(systems)} | {"": -1}
        runs = [(r.polygon, r.reference, r.object, r.boundary, r.lod, number[r.srs], r.implicit) for r in self.run_list]
        containers = [(c.polygon, c.polygon_end, c.reference, c.reference_end) for c in self.container_list]
        dimensions = [(ring, dimension_of(text)) for ring, text in self.dimension_changes]
        arrays = {
            "object_parents": _rows(self.parents_of_objects),
            "boundary_objects": _rows(self.objects_of_boundaries),
            "boundary_parents": _rows(self.parents_of_boundaries),
            "runs": _rows(runs, len(RUN_COLUMNS)),
            "polygon_rings": _rows(self.first_rings),
            "polygon_elements": _spread(self.element_changes, len(self.first_rings)),
            "reversed_polygons": _rows(self.turned_polygons),
            "late_exteriors": _rows(self.exteriors, 2),
            "values": values,
            "ring_values": counts,
            "ring_dimensions": _spread(dimensions, len(counts)),
            "reversed_references": _rows(self.turned_references),
            "containers": _rows(containers, 4),
            "solids": _rows(self.solid_list, 3),
            "composites": _rows(self.composite_list, 2),
            "shells": _rows(self.shell_list, 6),
        }
        container_ids = [container.id for container in self.container_list]
        other = {"systems": systems, "bad_rings": bad, "container_ids": container_ids}
        return Parsed(**(same | arrays | other))


def dimension_of(text: str) -> int:
    """Return a srsDimension as a number, 0 where it is none that points have.

    Examples
    --------
    >>> dimension_of("3"), dimension_of(""), dimension_of("three")
    (3, 0, 0)
    """
    return int(text) if text.isdigit() and 2 <= int(text) <= 4 else 0


def _rows(values: Sequence[Any], columns: int = 0) -> np.ndarray:
    rows = np.array(values, dtype=np.int64)
    return rows.reshape(-1, columns) if columns else rows


def _spread(changes: list[tuple[int, int]], count: int) -> np.ndarray:
    """Return one value for each of ``count`` items from "from item i on, value v" pairs."""
    starts = np.minimum(np.array([start for start, _ in changes] + [count], dtype=np.int64), count)
    return np.repeat(np.array([value for _, value in changes], dtype=np.int64), np.diff(starts))
