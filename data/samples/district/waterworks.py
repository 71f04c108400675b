"""What a flood model needs beside the city: culverts and the underpass, design rain of the place, one measured storm."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
from shapely.geometry import LineString

from district import layout

_DURATIONS = (
    5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 540, 720, 1080, 1440, 2880, 4320, 5760, 7200, 8640, 10080,
)  # fmt: skip
_PERIODS = (1, 2, 3, 5, 10, 20, 30, 50, 100)
_STORM = (
    0.0, 1.2, 2.4, 4.8, 9.6, 21.6, 44.4, 78.0, 110.4, 84.0, 51.6, 33.6,
    22.8, 15.6, 10.8, 8.4, 6.0, 4.8, 3.6, 2.4, 1.2, 1.2, 0.0, 0.0,
)  # fmt: skip


def structures() -> gpd.GeoDataFrame:
    """Return the culverts of the brook, from inlet to outlet, and the underpass along its road."""
    rows = []
    beds = dict(layout.BROOK_BED)
    for number, (low, high) in enumerate(layout.BROOK_COVERED, 1):
        line = LineString([layout.BROOK_LINE.intersection(_across(v)).coords[0] for v in (high + 0.5, low - 0.5)])
        name = "Durchlass Uferstraße" if high > 100 else "Durchlass Uferpromenade"
        rows.append((f"BW{number}", "Durchlass", name, 0.6, 0.6, beds[high], beds[low], 0.015, line))
    road = next(s for s in layout.streets() if s.name == "Bahnunterführung")
    low = road.line.intersection(layout.RAIL_LINE.buffer(12.0))
    name = "Bahnunterführung Hauptstraße"
    rows.append(("BW3", "Unterführung", name, 2 * road.half_width, 3.5, math.nan, math.nan, 0.015, low))
    columns = ["kennung", "art", "name", "breite", "hoehe", "sohle_ein", "sohle_aus", "manning", "geometry"]
    table = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry")
    table["geometry"] = table.geometry.translate(*layout.ORIGIN).set_precision(0.001)
    return table.set_crs("EPSG:25832")


def _across(v: float) -> LineString:
    return LineString([(0.0, v), (layout.SIZE, v)])


def write_design_rain(path: Path) -> None:
    """Write depths by duration and return period in the columns of KOSTRA-DWD-2020."""
    lines = [
        "# Niederschlagshöhen in mm (HN) je Dauer (D_min, Minuten) und Wiederkehrzeit (1 bis 100 a) im Aufbau von "
        "KOSTRA-DWD-2020; erfundene Werte, keine des DWD; licence: CC0-1.0",
        ",".join(["D_min", *(f"HN_{period:03d}A" for period in _PERIODS)]),
    ]
    for duration in _DURATIONS:
        yearly, growth = 14.2 * (duration / 60.0) ** 0.28, 5.6 * (duration / 60.0) ** 0.27
        depths = [yearly + growth * math.log(period) for period in _PERIODS]
        lines.append(",".join([f"{duration:.1f}", *(f"{depth:.1f}" for depth in depths)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_gauge(path: Path) -> None:
    """Write the storm of one afternoon as a rain gauge would give it: 5 minutes, UTC, stamps at the end."""
    lines = [
        "# Regenschreiber Lindenau am Wehr: erfunden, keine Messung; licence: CC0-1.0",
        "# Zeit in UTC, Ende des Zeitschritts von 5 Minuten",
        "Zeit (UTC);Niederschlag (mm/h)",
    ]
    for step, rate in enumerate(_STORM, 1):
        stamp = f"2024-06-15 {15 + step * 5 // 60:02d}:{step * 5 % 60:02d}"
        lines.append(f"{stamp};{f'{rate:.1f}'.replace('.', ',')}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
