"""House numbers, years of construction and the gaps of a real cadastre."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from shapely.geometry import LineString, Point
from shapely.ops import linemerge

from district import layout
from district.citygml import Record, cadastre_id
from district.houses import House

_YEARS = {
    "mixed": (1620, 1890),
    "living": (1952, 1998),
    "public": (1955, 2005),
    "trade": (1968, 2008),
    "green": (1975, 2010),
}


def named_streets() -> dict[str, LineString]:
    """Return the centre lines of streets with addresses, pieces of one street joined."""
    lines = defaultdict(list)
    for street in layout.streets():
        if street.pavement > 0 or street.name == "Markt":
            lines[street.name].append(street.line)
    lines.pop("Bahnunterführung")
    return {name: linemerge(parts) if len(parts) > 1 else parts[0] for name, parts in sorted(lines.items())}


def _side(line: LineString, point: tuple[float, float]) -> tuple[float, bool]:
    s = float(line.project(Point(point)))
    a, b = line.interpolate(max(0.0, s - 0.5)), line.interpolate(min(line.length, s + 0.5))
    return s, (b.x - a.x) * (point[1] - a.y) - (b.y - a.y) * (point[0] - a.x) > 0


def _addresses(houses: tuple[House, ...]) -> dict[int, tuple[str, str]]:
    """Return street and number by house: odd numbers on the left, even ones on the right."""
    streets = named_streets()
    along = defaultdict(list)
    for index, house in enumerate(houses):
        if not house.heated:
            continue
        name = min(streets, key=lambda n: (streets[n].distance(Point(house.front)), n))
        s, left = _side(streets[name], house.front)
        along[name, left].append((s, index))
    out = {}
    for (name, left), found in along.items():
        for k, (_, index) in enumerate(sorted(found)):
            out[index] = (name, str(2 * k + (1 if left else 2)))
    return out


def records(houses: tuple[House, ...]) -> list[Record]:
    """Return all houses with id, address, year and the values that their records lack."""
    random = Random(71)
    addresses = _addresses(houses)
    out = []
    for index, house in enumerate(houses):
        street, number = addresses.get(index, ("", ""))
        low, high = (
            (1885, 1912)
            if house.parts[0].storeys >= 3 and house.zone == "living" and house.front[0] > 270
            else _YEARS[house.zone]
        )
        year = low + int((high - low) * random.random())
        draw = random.random()
        missing: tuple[str, ...] = ()
        if draw < 0.035:
            missing = ("measuredHeight",)
        elif draw < 0.12:
            missing = ("storeys",)
        elif draw < 0.14:
            missing = ("roofType", "storeys")
        if house.name:
            missing = ()
        if not house.heated:
            missing = ("storeys",)
        known = year if random.random() < 0.45 else None
        out.append(
            Record(
                house, cadastre_id(f"{index}:{house.front[0]:.1f}:{house.front[1]:.1f}"), street, number, missing, known
            )
        )
    return out
