"""Houses as parts with roofs, and the builders for free-standing rectangles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import shapely
from shapely.geometry import LineString, Polygon

from district import roofs
from district.roofs import XY, Ring

STOREY = 2.8  # [m]


@dataclass(frozen=True)
class Part:
    """A body under one roof."""

    faces: list[Ring]
    roof_type: str
    storeys: int

    @cached_property
    def footprint(self) -> Polygon:
        """Outline on the ground."""
        polygons = [shapely.set_precision(Polygon([p[:2] for p in face]), 0.001) for face in self.faces]
        return shapely.union_all(polygons, grid_size=0.001)

    @cached_property
    def height(self) -> float:
        """Highest point above ground [m]."""
        return max(z for face in self.faces for *_, z in face)


@dataclass
class House:
    """A building; ``front`` is the point from which its address is taken."""

    parts: list[Part]
    function: str
    front: XY
    zone: str
    name: str = ""
    heated: bool = field(default=True)  # has an address and storeys

    @cached_property
    def footprint(self) -> Polygon:
        """Outline of all parts; slits of a few millimetres between them are closed."""
        grown = shapely.union_all([p.footprint.buffer(0.004, join_style="mitre") for p in self.parts])
        return grown.buffer(-0.004, join_style="mitre")


@dataclass(frozen=True)
class Frame:
    """A plot's own axes: x along the street, y away from it (to the left of x)."""

    origin: XY
    angle: float  # [rad] of x against east

    def at(self, x: float, y: float) -> XY:
        """Return a point of the plot in the plan."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        return self.origin[0] + c * x - s * y, self.origin[1] + s * x + c * y

    def box(self, x0: float, x1: float, y0: float, y1: float) -> list[XY]:
        """Return a rectangle, turning to the left, its first edge along the street."""
        return [self.at(x0, y0), self.at(x1, y0), self.at(x1, y1), self.at(x0, y1)]

    def box_polygon(self, x0: float, x1: float, y0: float, y1: float) -> Polygon:
        """Return :meth:`box` as a polygon."""
        return Polygon(self.box(x0, x1, y0, y1))


def beside(line: LineString, distance: float, left: bool, setback: float) -> Frame:
    """Return the frame of a plot on one side of a line, its x axis so that the plot lies to the left of it."""
    here, ahead = line.interpolate(distance - 0.5), line.interpolate(distance + 0.5)
    angle = math.atan2(ahead.y - here.y, ahead.x - here.x)
    if not left:
        angle += math.pi
    point = line.interpolate(distance)
    return Frame((point.x - math.sin(angle) * setback, point.y + math.cos(angle) * setback), angle)


def rectangle(corners: list[XY], roof: str, eave: float, pitch: float, storeys: int, across: bool = False) -> Part:
    """Return a part over a rectangle.

    Parameters
    ----------
    corners : list of (u, v)
        Turning to the left; the ridge runs along the first edge, with ``across`` along the second.
    roof : str
        Roof type code.
    eave : float
        Height of the eaves [m above ground].
    pitch : float
        Roof pitch [deg].
    storeys : int
        Full storeys.
    across : bool
        Turn the ridge by a right angle.
    """
    a, b, c, d = [*corners[1:], corners[0]] if across else corners
    depth = math.hypot(c[0] - b[0], c[1] - b[1])
    rise = math.tan(math.radians(pitch)) * depth / 2
    if roof == roofs.FLAT:
        faces = roofs.flat([a, b, c, d], eave)
    elif roof == roofs.PENT:
        faces = roofs.bands([[a, b], [d, c]], [eave, eave + 2 * rise])
    elif roof == roofs.GABLE:
        middle = [_middle(a, d), _middle(b, c)]
        faces = roofs.bands([[a, b], middle, [d, c]], [eave, eave + rise, eave])
    elif roof == roofs.HIP:
        faces = roofs.hip([a, b, c, d], eave, eave + rise, share=1.25)
    elif roof == roofs.HALF_HIP:
        faces = roofs.half_hip([a, b, c, d], eave, eave + rise)
    elif roof == roofs.TENT:
        faces = roofs.tent([a, b, c, d], eave, eave + rise)
    else:
        raise ValueError(f"no rectangle with roof type {roof}")
    return Part(faces, roof, storeys)


def _middle(a: XY, b: XY) -> XY:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def eave_of(storeys: int, storey: float = STOREY, plinth: float = 0.5) -> float:
    """Return the eaves' height [m above ground] of a house of so many storeys."""
    return plinth + storeys * storey
