"""What one CityGML document holds, as flat arrays in the order of the file; made by a reader, read by the assembly.

Geometry is told by ranges: which polygons and references a property (a "run"), a surface with an id (a "container") or
a solid's shell holds. Nothing is kept per polygon but its id, its element and its first ring.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["RUN_COLUMNS", "Implicit", "Parsed"]

RUN_COLUMNS = ("polygon", "reference", "object", "boundary", "lod", "srs", "implicit")
"""Columns of ``Parsed.runs``: first polygon and reference, whose they are, level of detail (-1 = none told), row of
``Parsed.systems`` (-1 = none), implicit geometry whose template this is (-1 = none)."""


def _none(columns: int = 0) -> np.ndarray:
    return np.empty((0, columns) if columns else 0, dtype=np.int64)


@dataclass(slots=True)
class Implicit:
    """One place of an implicit geometry: a template, a 4 x 4 matrix and a reference point."""

    object: int
    boundary: int
    lod: int
    href: str = ""
    matrix: str = ""
    point: str = ""


@dataclass(slots=True)
class Relief:
    """Points of a terrain as written: mass points, or the grid of a raster."""

    object: int
    srs: str = ""
    grid: bool = False
    first_axis: str = ""  # which axis of a grid runs fastest, as written
    texts: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Parsed:
    """The content of one document."""

    path: str
    root: str = ""
    # objects and thematic surfaces
    object_ids: list[str | None] = field(default_factory=list)
    object_kinds: list[str] = field(default_factory=list)
    object_parents: np.ndarray = field(default_factory=_none)
    object_attributes: list[dict[str, Any]] = field(default_factory=list)
    boundary_ids: list[str | None] = field(default_factory=list)
    boundary_kinds: list[str] = field(default_factory=list)
    boundary_objects: np.ndarray = field(default_factory=_none)
    boundary_parents: np.ndarray = field(default_factory=_none)
    boundary_attributes: list[dict[str, Any] | None] = field(default_factory=list)
    model_attributes: dict[str, Any] = field(default_factory=dict)
    # geometry
    runs: np.ndarray = field(default_factory=lambda: _none(len(RUN_COLUMNS)))
    systems: list[str] = field(default_factory=list)  # srsNames runs refer to
    polygon_ids: list[str | None] = field(default_factory=list)
    polygon_rings: np.ndarray = field(default_factory=_none)  # first ring of each polygon
    polygon_elements: np.ndarray = field(default_factory=_none)  # row of geometry.ELEMENTS
    reversed_polygons: np.ndarray = field(default_factory=_none)
    late_exteriors: np.ndarray = field(default_factory=lambda: _none(2))  # polygon, ring that should be its first
    values: np.ndarray = field(default_factory=lambda: np.empty(0))  # coordinates of all rings, one after the other
    ring_values: np.ndarray = field(default_factory=_none)  # how many numbers each ring has
    ring_dimensions: np.ndarray = field(default_factory=_none)  # 2 to 4, 0 = not told
    bad_rings: dict[int, str] = field(default_factory=dict)  # texts of rings that are not numbers
    references: list[str] = field(default_factory=list)
    reversed_references: np.ndarray = field(default_factory=_none)
    container_ids: list[str] = field(default_factory=list)
    containers: np.ndarray = field(default_factory=lambda: _none(4))  # polygons from, to, references from, to
    solids: np.ndarray = field(default_factory=lambda: _none(3))  # object, run, composite (-1 = none)
    composites: np.ndarray = field(default_factory=lambda: _none(2))  # references from, to
    shells: np.ndarray = field(default_factory=lambda: _none(6))  # solid, shell, polygons from, to, references from, to
    implicits: list[Implicit] = field(default_factory=list)
    reliefs: list[Relief] = field(default_factory=list)
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
