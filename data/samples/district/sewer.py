"""The sewer below the streets: manholes, pipes that fall to the river, and a pump in the underpass, as a SWMM file.

A combined sewer of the size towns have: laid out for a storm of about two years, so that a rarer one fills it. Pipes
follow the streets down to one outfall below the weir; the underpass lies deeper than the sewer and is pumped.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from shapely.geometry import LineString, Point, box

from district import layout, terrain

_INSIDE = box(20.0, 88.0, layout.SIZE - 20.0, layout.SIZE - 20.0)
_APART = 85.0  # longest way between two manholes [m]
_COVER = 1.8  # of the pipe's floor below the street, where nothing forces it deeper [m]
_SLOPE = 0.003
_PER_MANHOLE = 0.030  # m3/s of a two-year storm
_SIZES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4)  # DN [m]
_MANNING = 0.013
_OUTLET = (352.0, 100.0)  # last manhole above the river
_OUTFALL = (354.0, 77.0)
_SUMP = (285.0, 474.0)  # in the underpass
_PUMP = 0.025  # m3/s

XY = tuple[float, float]


@dataclass
class Node:
    """A manhole: where, how high its lid and its floor, and which manhole it drains to."""

    name: str
    at: XY
    lid: float
    floor: float = math.inf
    down: Node | None = None
    length: float = 0.0
    upstream: int = 1
    children: list[Node] = field(default_factory=list)


def _edges() -> dict[XY, dict[XY, float]]:
    """Return the street graph: points and the ways between them [m]."""
    ways: dict[XY, dict[XY, float]] = {}
    junctions = {p for s in layout.streets() for p in s.line.coords}
    for street in layout.streets():
        if street.pavement <= 0:
            continue
        inside = street.line.intersection(_INSIDE)
        for line in getattr(inside, "geoms", [inside]):
            stations = sorted(
                {0.0, line.length, *(line.project(Point(p)) for p in junctions if line.distance(Point(p)) < 1e-6)}
            )
            for first, last in pairwise(stations):
                parts = max(1, math.ceil((last - first) / _APART))
                points = [line.interpolate(first + (last - first) * i / parts) for i in range(parts + 1)]
                spots = [(round(p.x, 2), round(p.y, 2)) for p in points]
                for a, b in pairwise(spots):
                    if math.dist(a, b) > 12.0:
                        ways.setdefault(a, {})[b] = ways.setdefault(b, {})[a] = round(math.dist(a, b), 2)
    return ways


def _ground(at: XY) -> float:
    return round(float(terrain.height_at(np.array([at]))[0]), 2)


@cache
def manholes() -> tuple[Node, ...]:
    """Return all manholes, the outlet first, each after the one it drains to."""
    ways = _edges()
    ways.pop(_SUMP, None)
    last = min(ways, key=lambda p: math.dist(p, _OUTLET))
    cost, drains = {last: 0.0}, {last: last}
    heap, order = [(0.0, last)], []
    while heap:
        so_far, at = heapq.heappop(heap)
        if so_far > cost[at]:
            continue
        order.append(at)
        for other, length in ways[at].items():
            if other not in ways:
                continue
            against = max(0.0, _ground(at) - _ground(other))  # water would have to go up to here
            further = so_far + length + 80.0 * against
            if further < cost.get(other, math.inf):
                cost[other], drains[other] = further, at
                heapq.heappush(heap, (further, other))
    nodes = {at: Node(f"S{i + 1:03d}", at, _ground(at)) for i, at in enumerate(order)}
    for at in order[1:]:
        node, below = nodes[at], nodes[drains[at]]
        node.down, node.length = below, ways[at][drains[at]]
        below.children.append(node)
    for at in reversed(order):
        node = nodes[at]
        node.upstream += sum(child.upstream for child in node.children)
        deepest = min((c.floor - _SLOPE * c.length for c in node.children), default=math.inf)
        node.floor = round(min(node.lid - _COVER, deepest), 2)
    return tuple(nodes[at] for at in order)


def _size(flow: float, slope: float) -> float:
    """Return the smallest pipe [m] that carries a flow [m3/s] when full (Manning)."""
    for size in _SIZES:
        if 0.3117 / _MANNING * size ** (8 / 3) * math.sqrt(slope) >= flow:
            return size
    return _SIZES[-1]


def _sections() -> dict[str, list[str]]:
    nodes = manholes()
    outlet = nodes[0]
    way_out = round(math.dist(outlet.at, _OUTFALL), 2)
    water = 156.2  # of the river below the weir
    mouth = round(min(outlet.floor - 0.006 * way_out, water + 0.4), 2)
    sump_lid = _ground(_SUMP)
    into = min((n for n in nodes), key=lambda n: math.dist(n.at, (282.0, 428.0)))
    pipes = []
    for node in nodes[1:]:
        assert node.down is not None
        slope = max(_SLOPE, (node.floor - node.down.floor) / node.length)
        pipes.append(
            (f"H{node.name[1:]}", node.name, node.down.name, node.length, _size(_PER_MANHOLE * node.upstream, slope))
        )
    widest = max(pipe[4] for pipe in pipes)
    pipes.append(("H999", outlet.name, "AUSLASS", way_out, max(widest, _size(_PER_MANHOLE * outlet.upstream, 0.02))))
    where = [(n.name, n.at) for n in nodes] + [("PUMPSUMPF", _SUMP), ("AUSLASS", _OUTFALL)]
    return {
        "TITLE": ["Lindenau am Wehr: erfundenes Mischwassernetz, invented sample district, CC0-1.0"],
        "OPTIONS": [
            "FLOW_UNITS LPS", "FLOW_ROUTING DYNWAVE", "LINK_OFFSETS ELEVATION", "MIN_SLOPE 0", "ALLOW_PONDING NO",
            "START_DATE 06/15/2024", "START_TIME 15:00:00", "REPORT_START_DATE 06/15/2024",
            "REPORT_START_TIME 15:00:00", "END_DATE 06/15/2024", "END_TIME 18:00:00", "REPORT_STEP 00:05:00",
            "WET_STEP 00:05:00", "DRY_STEP 01:00:00", "ROUTING_STEP 0:00:02", "VARIABLE_STEP 0.75",
            "INERTIAL_DAMPING PARTIAL", "NORMAL_FLOW_LIMITED BOTH", "THREADS 1",
        ],
        "JUNCTIONS": [f"{n.name} {n.floor:.2f} {n.lid - n.floor:.2f} 0 0 0" for n in nodes],
        "OUTFALLS": [f"AUSLASS {mouth:.2f} FIXED {water:.2f} YES"],
        "STORAGE": [f"PUMPSUMPF {sump_lid - 3.0:.2f} 3.00 0 FUNCTIONAL 0 0 6 0 0"],
        "CONDUITS": [f"{name} {a} {b} {length:.2f} {_MANNING} * * 0 0" for name, a, b, length, _ in pipes],
        "PUMPS": [f"PUMPE PUMPSUMPF {into.name} KENNLINIE ON 0.5 0.2"],
        "XSECTIONS": [f"{name} CIRCULAR {size:.2f} 0 0 0 1" for name, *_, size in pipes],
        "CURVES": ["KENNLINIE PUMP4 0.0 0", f"KENNLINIE 0.3 {_PUMP * 1000:.0f}", f"KENNLINIE 4.0 {_PUMP * 1000:.0f}"],
        "DWF": [f"{n.name} FLOW 0.15" for n in nodes if not n.children],
        "REPORT": ["INPUT NO", "CONTROLS NO", "NODES NONE", "LINKS NONE"],
        "COORDINATES": [f"{name} {u + layout.ORIGIN[0]:.2f} {v + layout.ORIGIN[1]:.2f}" for name, (u, v) in where],
    }  # fmt: skip


def write(path: Path) -> None:
    """Write the network as a SWMM 5.2 input file."""
    parts = ["\n".join([f"[{name}]", *rows]) for name, rows in _sections().items()]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def lines() -> list[LineString]:
    """Return the pipes as lines in local metres."""
    return [LineString([n.at, n.down.at]) for n in manholes() if n.down is not None]
