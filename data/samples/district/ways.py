"""The street network: centre lines cut at every junction, so that pieces meet at shared points."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
from shapely.geometry import LineString
from shapely.ops import split, unary_union

from district import layout

_SPEED = {"Hauptverkehrsstraße": 50, "Anliegerstraße": 30, "Gasse": 20, "Fußweg": 0}


def network() -> gpd.GeoDataFrame:
    """Return the network inside the area: name, kind, width, surface, speed and bridge."""
    meetings = Counter(p for s in layout.streets() for p in set(s.line.coords))
    rows = []
    for street in layout.streets():
        for piece in _pieces(street.line, {p for p, n in meetings.items() if n > 1}):
            inside = piece.intersection(layout.AREA)
            if inside.is_empty or inside.length < 0.5:
                continue
            for part, bridge in _bridges(inside, street.name):
                rows.append(
                    (street.name, street.kind, street.carriage, street.surface, _SPEED[street.kind], bridge, part)
                )
    names = ["name", "art", "breite", "belag", "tempo", "bruecke", "geometry"]
    table = gpd.GeoDataFrame(rows, columns=names, geometry="geometry")
    table["geometry"] = table.geometry.translate(*layout.ORIGIN)
    table = table.set_crs("EPSG:25832")
    table.insert(0, "kennung", [f"ST{i + 1:03d}" for i in range(len(table))])
    return table


def _pieces(line: LineString, junctions: set[tuple[float, ...]]) -> list[LineString]:
    points, pieces = list(line.coords), []
    start = 0
    for i in range(1, len(points)):
        if points[i] in junctions or i == len(points) - 1:
            pieces.append(LineString(points[start : i + 1]))
            start = i
    return pieces


def _bridges(line: LineString, name: str) -> list[tuple[LineString, str]]:
    """Cut a line at the river banks and name what carries it."""
    river = layout.river().buffer(1.5)
    if not line.crosses(river):
        rail = name == "Bahnunterführung" and line.crosses(layout.RAIL_LINE)
        return [(line, "unter Bahn" if rail else "nein")]
    pieces = split(line, unary_union(river.boundary)).geoms
    return [(p, "ja" if river.contains(p.interpolate(0.5, normalized=True)) else "nein") for p in pieces]
