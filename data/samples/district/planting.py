"""Where trees stand: rows along streets, square, school, park, river bank, meadow and gardens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon, box

from district import cadastre, landmarks, layout, quarters

_OLD_PARK = (
    "Quercus robur", "Fagus sylvatica", "Tilia platyphyllos", "Acer pseudoplatanus", "Aesculus hippocastanum",
    "Platanus x hispanica",
)  # fmt: skip
_YOUNG_PARK = ("Carpinus betulus", "Betula pendula", "Pinus sylvestris", "Prunus avium", "Ginkgo biloba")
_RIPARIAN = ("Alnus glutinosa", "Alnus glutinosa", "Salix alba", "Fraxinus excelsior")
_ORCHARD = ("Malus domestica", "Pyrus communis", "Juglans regia")
_ALLOTMENT = ("Malus domestica", "Pyrus communis", "Prunus avium")
_PIONEERS = ("Robinia pseudoacacia", "Betula pendula", "Acer pseudoplatanus")
_GARDEN = (
    "Malus domestica", "Malus domestica", "Prunus avium", "Juglans regia", "Pyrus communis", "Betula pendula",
    "Picea abies", "Acer platanoides",
)  # fmt: skip
_COURTYARD = ("Aesculus hippocastanum", "Tilia cordata", "Juglans regia", "Acer pseudoplatanus", "Prunus avium")
_GARDENS = (  # a point in the block, trees
    (195, 400, 26), (195, 345, 24), (50, 390, 30), (220, 290, 16), (450, 300, 30), (450, 225, 26),
    (450, 140, 34), (370, 145, 18), (370, 230, 12),
)  # fmt: skip
_COURTYARDS = (  # a point in the block, depth of its houses, trees
    (195, 140, 14.0, 11), (290, 130, 14.0, 6), (162, 230, 11.0, 4), (205, 245, 12.0, 3), (300, 290, 16.5, 4),
    (370, 295, 17.0, 4), (308, 375, 17.0, 8), (372, 380, 17.0, 6),
)  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """A tree as it stands, in local coordinates."""

    u: float
    v: float
    species: str
    planted: int
    height: float = 0.0
    crown: float = 0.0
    girth: int = 0
    place: str = ""


class Planter:
    """Plants where nothing is in the way."""

    def __init__(self) -> None:
        self.trees: list[Tree] = []
        self.random = Random(91)
        houses = shapely.union_all([h.footprint for h in quarters.houses()])
        roads = [s.line.buffer(s.carriage / 2 + 0.5) for s in layout.streets()]
        rail = layout.RAIL_LINE.buffer(layout.RAIL_HALF_WIDTH + 2.5)
        water = layout.river().union(layout.POND).buffer(0.8)
        self.closed = shapely.union_all([houses.buffer(2.0), *roads, rail, water])
        shapely.prepare(self.closed)

    def plant(self, u: float, v: float, species: str, planted: int, apart: float = 3.5) -> None:
        """Plant one tree, unless a house, road, water or another tree is in the way."""
        if not (1.5 < u < 498.5 and 1.5 < v < 498.5) or self.closed.contains(Point(u, v)):
            return
        if any((t.u - u) ** 2 + (t.v - v) ** 2 < apart**2 for t in self.trees):
            return
        self.trees.append(Tree(round(u, 2), round(v, 2), species, planted))

    def row(
        self,
        line: LineString,
        offset: float,
        spacing: float,
        species: str,
        years: tuple[int, int],
        start: float = 6.0,
        gap: float = 0.06,
    ) -> None:
        """Plant a row beside a line (positive offset: left), leaving out junctions and some lost trees."""
        side = line.parallel_offset(abs(offset), "left" if offset > 0 else "right")
        for s in np.arange(start, side.length - 4.0, spacing):
            young = self.random.random() < 0.14  # replanted
            lost = self.random.random() < gap
            point = side.interpolate(float(s) + self.random.uniform(-0.4, 0.4))
            year = self.random.randint(2012, 2022) if young else self.random.randint(*years)
            if not lost:
                self.plant(point.x, point.y, species, year, apart=4.0)

    def scatter(self, ground: Polygon, count: int, mix: tuple[str, ...], years: tuple[int, int], apart: float) -> None:
        """Plant a loose stand."""
        west, south, east, north = ground.bounds
        before, tries = len(self.trees), 0
        while len(self.trees) - before < count and tries < 60 * count:
            tries += 1
            u, v = self.random.uniform(west, east), self.random.uniform(south, north)
            species, year = self.random.choice(mix), self.random.randint(*years)
            if ground.contains(Point(u, v)):
                self.plant(u, v, species, year, apart)


def _streets(p: Planter) -> None:
    """Plant the rows along the streets."""
    lines = cadastre.named_streets()
    for offset in (4.9, -4.9):
        p.row(lines["Lindenallee"], offset, 10.0, "Tilia cordata", (1908, 1935), start=14.0)
    p.row(lines["Bahnhofstraße"], -4.5, 12.5, "Acer platanoides", (1975, 1990), start=14)
    p.row(lines["Bahnhofstraße"], 4.5, 14.0, "Corylus colurna", (2003, 2010), start=60)
    p.row(lines["Blumenstraße"], 3.9, 13.0, "Prunus serrulata", (1985, 2004), start=12)
    p.row(lines["Gartenstraße"], -3.9, 13.0, "Acer campestre", (1990, 2006), start=12)
    p.row(lines["Gartenstraße"], 3.9, 16.0, "Sorbus aria", (1992, 2006), start=18)
    p.row(lines["Schulstraße"], 4.3, 13.0, "Acer platanoides", (1958, 1970), start=10)
    p.row(lines["Schulstraße"], -4.3, 15.0, "Robinia pseudoacacia", (1970, 1985), start=44)
    p.row(lines["Grabenstraße"], -4.0, 11.0, "Tilia platyphyllos", (1895, 1930), start=8)
    p.row(lines["Uferstraße"], -4.6, 11.0, "Platanus x hispanica", (1930, 1955), start=12)
    p.row(lines["Am Bahndamm"], 3.8, 14.0, "Betula pendula", (1968, 1984), start=14)
    p.row(lines["Finkenweg"], 3.4, 17.0, "Carpinus betulus", (1995, 2008), start=12)
    p.row(lines["Amselweg"], 3.5, 16.0, "Sorbus aria", (1998, 2010), start=10)
    p.row(lines["Am Hang"], -3.5, 15.0, "Acer campestre", (1996, 2012), start=10)
    p.row(lines["Wallstraße"], 3.9, 10.0, "Aesculus hippocastanum", (1905, 1930), start=8)
    p.row(lines["Kirchstraße"], -3.6, 16.0, "Gleditsia triacanthos", (2004, 2014), start=24)
    p.row(lines["Hauptstraße"], 5.2, 15.0, "Ginkgo biloba", (2006, 2014), start=66)
    p.row(lines["Hauptstraße"], -5.2, 15.0, "Ginkgo biloba", (2006, 2014), start=70)


def _squares(p: Planter) -> None:
    """Plant the market, the church square, the school, the car park and the care homes."""
    for u, v in ((210, 166), (211, 175), (193, 194), (194, 203), (195, 212), (196, 221), (272, 166), (273, 174)):
        p.plant(u, v, "Tilia cordata", 1998)
    for i in range(9):  # ring of limes round the church
        angle = math.radians(200 + i * 24)
        p.plant(300 + 24 * math.cos(angle), 232 + 20 * math.sin(angle), "Tilia platyphyllos", 1890 + 3 * i)
    school, market = landmarks.SCHOOL, landmarks.SUPERMARKET
    for x, y in ((54, 10), (58, 32), (24, 24), (66, -2)):
        p.plant(*school.at(x, y), "Acer platanoides", 2016)
    for x in range(-4, 68, 9):
        p.plant(*school.at(x, 59), "Tilia cordata", 1962)
    p.scatter(box(5, 196, 20, 312), 16, ("Quercus robur", "Carpinus betulus", "Pinus sylvestris"), (1955, 1985), 6.5)
    lawn = Polygon([(96, 200), (128, 200), (116, 250), (98, 250)])
    p.scatter(lawn, 7, ("Quercus rubra", "Acer platanoides"), (1958, 1975), 8.0)
    for row in range(3):
        for x in (4, 22, 40, 58):
            p.plant(*market.at(x, -15.3 - 11.0 * row), "Acer campestre", 2014)
    garden, play = (
        landmarks.NURSING_HOME.box_polygon(14, 38, -3, 12),
        landmarks.KINDERGARTEN.box_polygon(-6, 38, 17, 36),
    )
    p.scatter(garden, 5, ("Prunus avium", "Malus domestica", "Tilia cordata"), (1985, 2005), 6.0)
    p.scatter(box(122, 266, 132, 312), 5, ("Aesculus hippocastanum", "Fagus sylvatica"), (1920, 1950), 8.0)
    p.scatter(play, 8, ("Acer campestre", "Malus domestica", "Prunus avium"), (1995, 2012), 6.5)


def _park(p: Planter) -> None:
    """Plant the park: old trees round an open lawn, younger ones between."""
    park = layout.block_at(50, 250).intersection(box(0, 100, 140, 193))
    p.scatter(park.difference(Point(72, 152).buffer(24.0)), 44, _OLD_PARK, (1885, 1935), 8.5)
    p.scatter(park.difference(layout.POND.buffer(6)), 30, _YOUNG_PARK, (1955, 2010), 6.0)
    for u, v in ((56, 166), (84, 166), (92, 148)):
        p.plant(u, v, "Salix alba", 1968)


def _river(p: Planter) -> None:
    """Plant the river banks, the promenade, the meadow and the allotments."""
    bank = layout.river().buffer(7.0).difference(layout.river().buffer(0.9)).difference(box(222, 0, 345, 120))
    for part in shapely.get_parts(bank):
        p.scatter(part, 60, _RIPARIAN, (1945, 2005), 5.0)
    promenade = next(s.line for s in layout.streets() if s.name == "Uferpromenade")
    p.row(promenade, -3.2, 12.0, "Tilia cordata", (1950, 1972), start=20, gap=0.1)
    p.scatter(Polygon([(0, 2), (222, 2), (222, 34), (0, 40)]), 12, _ORCHARD, (1940, 1990), 10.0)
    p.scatter(box(254, 2, 330, 34), 5, ("Populus nigra 'Italica'", "Salix alba"), (1958, 1970), 8.0)
    p.scatter(Polygon([(340, 2), (485, 1), (482, 16), (440, 22), (342, 26)]), 18, _ALLOTMENT, (1975, 2012), 6.0)


def _railway(p: Planter) -> None:
    """Let pioneer trees grow on the railway bank, and a few old ones behind it."""
    line = layout.RAIL_LINE
    bank = line.buffer(14.5).difference(line.buffer(8.2)).difference(box(270, 430, 400, 500))
    for part in shapely.get_parts(bank):
        p.scatter(part, 20, _PIONEERS, (1965, 2005), 5.5)
    p.scatter(box(0, 488, 270, 499), 14, ("Quercus robur", "Pinus sylvestris", "Betula pendula"), (1950, 1990), 7.0)
    p.scatter(box(300, 494, 500, 499), 8, ("Quercus robur", "Pinus sylvestris"), (1950, 1990), 7.0)
    p.scatter(box(104, 428, 184, 456), 9, _PIONEERS, (1970, 2005), 6.5)


def _gardens(p: Planter) -> None:
    """Plant private gardens and the courtyards of closed blocks."""
    space = layout.street_space().buffer(2.5)
    for u, v, count in _GARDENS:
        block = layout.block_at(u, v).intersection(layout.AREA).difference(space)
        if (u, v) == (220, 290):  # the western half belongs to the nursing home
            block = block.intersection(box(190, 260, 280, 330))
        p.scatter(max(shapely.get_parts(block), key=shapely.area), count, _GARDEN, (1958, 2014), 6.5)
    p.scatter(box(2, 432, 100, 458), 10, _GARDEN, (1965, 2010), 6.5)
    for u, v, depth, count in _COURTYARDS:
        p.scatter(layout.block_at(u, v).buffer(-depth), count, _COURTYARD, (1925, 1995), 8.0)


def planted() -> list[Tree]:
    """Return all trees, not yet grown."""
    planter = Planter()
    for step in (_streets, _squares, _park, _river, _railway, _gardens):
        step(planter)
    return planter.trees
