"""The plan: streets, squares, river, rail and blocks of the quarter, in local metres (u east, v north, 0 to 500)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

ORIGIN = (571700.0, 5676200.0)
"""Easting and northing (EPSG:25832) of the local point (0, 0)."""
SIZE = 500.0
MARGIN = 30.0
AREA = box(0.0, 0.0, SIZE, SIZE)
TILE_BORDER = 300.0  # u of the kilometre line between the two LoD2 tiles

XY = tuple[float, float]


@dataclass(frozen=True)
class Street:
    """A street by its centre line; widths in metres, the pavement on each side."""

    name: str
    kind: str
    line: LineString
    carriage: float
    pavement: float
    surface: str
    verge: float = 0.0  # strip for trees and parking between carriageway and pavement, each side

    @property
    def half_width(self) -> float:
        """Half of the whole street space."""
        return self.carriage / 2 + self.verge + self.pavement


def chaikin(points: list[XY], rounds: int = 3) -> list[XY]:
    """Round the corners of a line; its ends stay."""
    line = np.array(points)
    for _ in range(rounds):
        first, last = line[:-1], line[1:]
        cut = np.stack([0.75 * first + 0.25 * last, 0.25 * first + 0.75 * last], axis=1).reshape(-1, 2)
        line = np.vstack([line[:1], cut[1:-1], line[-1:]])
    return [(round(float(u), 3), round(float(v), 3)) for u, v in line]


# junctions that several streets share
A, MARKET_S, MARKET, MARKET_N = (241, 106), (246, 160), (247, 184), (257, 211)
C, D, E, F, G = (266, 264), (272, 320), (277, 373), (282, 428), (285, 474)
U_PARK, U_MILL, U_KIRCH, U_GARTEN = (56, 113), (142, 105), (331, 112), (401, 105)
MUEHL, WALL, SCHUL_W = (146, 180), (120, 260), (118, 320)
FAERBER_S, FAERBER_N = (184, 186), (192, 269)
K_MID, K_N = (325, 187), (333, 260)
LINDEN_B, LINDEN_G = (342, 326), (402, 333)
GARTEN_HANG, GARTEN_GRABEN = (402, 191), (403, 259)
BAHN_B, BAHN_G, BAHN_W = (346, 426), (402, 428), (112, 419)
AMSEL = (115, 370)
BRIDGE_S, MEADOW = (235, 46), (231, 24)
STEG_N, STEG_S = (297, 109), (297, 30)

_MAIN, _SIDE, _LANE = "Hauptverkehrsstraße", "Anliegerstraße", "Gasse"


def _street(
    name: str, kind: str, points: list[XY], *widths: float, surface: str = "Asphalt", verge: float = 0.0
) -> Street:
    return Street(name, kind, LineString(points), widths[0], widths[1], surface, verge)


def _path(name: str, points: list[XY], width: float = 2.5, surface: str = "Schotter") -> Street:
    return Street(name, "Fußweg", LineString(points), width, 0.0, surface)


@cache
def streets() -> tuple[Street, ...]:
    """Return all streets and paths; they meet at shared points only."""
    cobble = "Kopfsteinpflaster"
    return (
        _street("Brückenstraße", _MAIN, [(224, -40), MEADOW, BRIDGE_S, (239, 80), A], 6.5, 2.5),
        _street("Brückenstraße", _MAIN, [A, MARKET_S], 6.0, 2.25, surface=cobble),
        _street("Markt", _LANE, [MARKET_S, MARKET, MARKET_N], 5.5, 0.0, surface=cobble),
        _street("Hauptstraße", _MAIN, [MARKET_N, C], 6.0, 2.25, surface=cobble),
        _street("Hauptstraße", _MAIN, [C, D, E, F], 7.0, 3.0),
        _street("Bahnunterführung", _MAIN, [F, G, (287, 540)], 6.5, 2.0),
        _street("Uferstraße", _SIDE, [(-40, 124), U_PARK, U_MILL, A], 5.5, 2.0),
        _street("Uferstraße", _SIDE, [A, STEG_N, U_KIRCH, U_GARTEN, (540, 88)], 5.5, 2.0),
        _street("Mühlgasse", _LANE, [U_MILL, (152, 146), MUEHL], 4.5, 1.5, surface=cobble),
        _street("Mühlgasse", _LANE, [MUEHL, (136, 214), WALL], 4.5, 1.5, surface=cobble),
        _street("Marktgasse", _LANE, [MUEHL, FAERBER_S, (209, 189), MARKET], 4.5, 1.25, surface=cobble),
        _street("Färbergasse", _LANE, [FAERBER_S, (189, 226), FAERBER_N], 4.0, 1.25, surface=cobble),
        _street("Kirchgasse", _LANE, [MARKET, (276, 182), K_MID], 4.5, 1.5, surface=cobble),
        _street("Kirchstraße", _SIDE, [U_KIRCH, (323, 150), K_MID, (328, 222), K_N], 5.0, 1.75),
        _street("Grabenstraße", _SIDE, [WALL, FAERBER_N, C, K_N, GARTEN_GRABEN, (540, 250)], 5.5, 2.0),
        _street("Wallstraße", _SIDE, [WALL, SCHUL_W], 5.5, 2.0),
        _street("Schulstraße", _SIDE, [(-40, 314), (52, 324), SCHUL_W, (196, 324), D], 6.0, 2.25),
        _street("Lindenallee", _MAIN, [D, LINDEN_B, LINDEN_G, (540, 346)], 7.0, 3.0, verge=2.75),
        _street("Blumenstraße", _SIDE, [K_N, LINDEN_B, BAHN_B], 5.5, 2.25),
        _street("Gartenstraße", _SIDE, [U_GARTEN, GARTEN_HANG, GARTEN_GRABEN, LINDEN_G, BAHN_G], 5.5, 2.0),
        _street("Am Hang", _SIDE, [K_MID, GARTEN_HANG, (466, 185), (540, 190)], 5.0, 1.5),
        _street("Bahnhofstraße", _MAIN, [F, BAHN_B, BAHN_G, (540, 438)], 6.5, 2.25),
        _street("Am Bahndamm", _SIDE, [(-40, 426), BAHN_W, (200, 424), F], 5.5, 1.75),
        _street("Amselweg", _SIDE, [SCHUL_W, AMSEL, BAHN_W], 5.0, 1.5),
        _street("Finkenweg", _SIDE, [AMSEL, (196, 375), E], 5.0, 1.5),
        _street("Drosselweg", _SIDE, [AMSEL, (66, 374), (22, 368)], 4.75, 1.25),
        _path(
            "Parkweg", [U_PARK, *chaikin([U_PARK, (36, 128), (36, 166), (66, 184), (100, 188)])[1:], (124, 185), MUEHL]
        ),
        _path("Parkweg", [(100, 188), *chaikin([(100, 188), (104, 160), (88, 126), U_PARK])[1:]]),
        _path("Uferpromenade", [(239, 80), *chaikin([(239, 80), (200, 84), (140, 86), (60, 94), (-40, 106)])[1:]]),
        _path("Wehrsteg", [STEG_N, STEG_S], 2.2, "Pflaster"),
        _path("Wiesenweg", [MEADOW, *chaikin([MEADOW, (150, 30), (60, 38), (-40, 48)])[1:]]),
        _path("Wiesenweg", [MEADOW, (262, 27), STEG_S, *chaikin([STEG_S, (380, 30), (450, 24), (540, 8)])[1:]]),
        _path("Schulpfad", [(100, 188), (104, 226), WALL], 2.5, "Pflaster"),
    )


RIVER_LINE = LineString(chaikin([(-60, 88), (60, 74), (150, 60), (240, 62), (330, 68), (420, 60), (560, 42)]))
WEIR_U = 312.0
RAIL_LINE = LineString([(-60, 466), (100, 472), (285, 474), (420, 478), (560, 487)])
RAIL_HALF_WIDTH = 5.5
MARKET_SQUARE = Polygon([(206, 160), (271, 155), (280, 216), (214, 226), (189, 228), (186, 189), (209, 189)])
BROOK_LINE = LineString([(67, 139), (66, 128), (66.5, 112), (67, 96), (66.5, 80)])
BROOK_BED = (
    (80.0, 157.55),
    (84.0, 157.65),
    (91.5, 159.2),
    (95.0, 159.35),
    (106.5, 159.75),
    (118.5, 160.05),
    (139.0, 160.75),
)
"""v and bed height [m above datum] of the brook from the pond to the river."""
BROOK_COVERED = ((91.5, 95.0), (106.5, 118.5))
"""v from and to where the brook runs in a pipe: below the promenade, and below the Uferstraße."""
POND = Polygon(chaikin([(52, 146), (62, 162), (78, 164), (90, 154), (84, 142), (68, 138), (52, 146)])).buffer(0)
FOUNTAIN = Point(238, 178).buffer(2.4, quad_segs=6)


@cache
def river() -> Polygon:
    """Return the water surface of the river, a little wider above the weir."""
    stations = np.arange(0.0, RIVER_LINE.length, 4.0)
    on_line = shapely.get_coordinates(shapely.line_interpolate_point(RIVER_LINE, stations))
    along = np.gradient(on_line, axis=0)
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(along[:, 0], along[:, 1])[:, None]
    half = np.interp(on_line[:, 0], [0, 190, 255, WEIR_U, WEIR_U + 6, WEIR_U + 34], [8.5, 9.0, 13.0, 13.5, 12.5, 9.0])
    ring = np.vstack([on_line + normal * half[:, None], (on_line - normal * half[:, None])[::-1]])
    return Polygon(ring.round(2)).buffer(0)


@cache
def street_space() -> BaseGeometry:
    """Return the ground of all streets from pavement edge to pavement edge, paths apart."""
    spaces = [s.line.buffer(s.half_width, cap_style="flat", join_style="mitre") for s in streets() if s.pavement > 0]
    turning = Point(22, 368).buffer(8.0)
    return shapely.union_all([*spaces, MARKET_SQUARE, turning])


@cache
def blocks() -> tuple[Polygon, ...]:
    """Return what the streets leave: the building blocks, river, meadow and rail ground among them."""
    ground = AREA.buffer(MARGIN, join_style="mitre").difference(street_space())
    return tuple(p for p in shapely.get_parts(ground) if p.area > 50.0)


def block_at(u: float, v: float) -> Polygon:
    """Return the block around a point, its outline turning to the left."""
    point = Point(u, v)
    found = next(p for p in blocks() if p.contains(point))
    return shapely.geometry.polygon.orient(found.simplify(0.05), 1.0)


def world(points: np.ndarray) -> np.ndarray:
    """Return local points as easting, northing (and height, unchanged)."""
    moved = np.array(points, dtype=float)
    moved[:, 0] += ORIGIN[0]
    moved[:, 1] += ORIGIN[1]
    return moved
