"""What one CityGML document holds, as flat lists in the order of the file; filled by the events, read by the assembly.

Geometry is told by ranges: which polygons and references a property (a "run"), a surface with an id (a "container") or
a solid's shell holds. Nothing is kept per polygon but its id and its first ring.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twin.city.citygml.coordinates import CoordinateText

__all__ = ["Container", "Implicit", "Parsed", "Run"]


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


class Container(NamedTuple):
    """A surface or solid with an id: ranges of polygons and references."""

    id: str
    polygon: int
    polygon_end: int
    reference: int
    reference_end: int


@dataclass(slots=True)
class Implicit:
    """One place of an implicit geometry: a template, a 4 x 4 matrix and a reference point."""

    object: int
    boundary: int
    lod: int
    href: str = ""
    matrix: str = ""
    point: str = ""


@dataclass
class Parsed:
    """The content of one document."""

    path: str
    root: str = ""
    # objects and thematic surfaces
    object_ids: list[str | None] = field(default_factory=list)
    object_kinds: list[str] = field(default_factory=list)
    object_parents: list[int] = field(default_factory=list)
    object_attributes: list[dict[str, Any]] = field(default_factory=list)
    boundary_ids: list[str | None] = field(default_factory=list)
    boundary_kinds: list[str] = field(default_factory=list)
    boundary_objects: list[int] = field(default_factory=list)
    boundary_parents: list[int] = field(default_factory=list)
    boundary_attributes: list[dict[str, Any] | None] = field(default_factory=list)
    model_attributes: dict[str, Any] = field(default_factory=dict)
    # geometry
    runs: list[Run] = field(default_factory=list)
    polygon_ids: list[str | None] = field(default_factory=list)
    polygon_rings: list[int] = field(default_factory=list)  # first ring of each polygon
    element_changes: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])  # from polygon on, element code
    ring_dimensions: list[tuple[int, str]] = field(default_factory=lambda: [(0, "")])  # from ring on, srsDimension
    late_exteriors: list[tuple[int, int]] = field(default_factory=list)  # polygon, ring that should be its first
    reversed_polygons: list[int] = field(default_factory=list)
    coordinates: CoordinateText = field(default_factory=CoordinateText)
    references: list[str] = field(default_factory=list)
    reversed_references: list[int] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)
    solids: list[tuple[int, int]] = field(default_factory=list)  # object, run
    shells: list[list[int]] = field(default_factory=list)  # solid, shell, polygons from, to, references from, to
    implicits: list[Implicit] = field(default_factory=list)
    feature_references: list[tuple[int, str, str]] = field(default_factory=list)  # object, property, href
    other_ids: set[str] = field(default_factory=set)
    # what is told, not kept
    foreign: Counter[str] = field(default_factory=Counter)
    foreign_objects: Counter[str] = field(default_factory=Counter)
    appearances: int = 0
    curves: int = 0
    points: int = 0
    srs_names: Counter[str] = field(default_factory=Counter)
    model_srs: str = ""
