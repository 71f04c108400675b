"""Watering tours: published routing instances with known best values, and a made watering day of 1,000 trees.

    python benchmarks/mobility_tours.py

Costs are added up again by ``mobility.check_tours``; the instances lie beside the checkout (../shared).
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from models import mobility

INSTANCES = Path(__file__).resolve().parents[2] / "shared" / "reference" / "trees" / "cvrplib"
LIMITS = ("overload", "overtime", "over_count", "broken", "twice", "lost")
Row = tuple[str, str, str, str, str]


def instance(name: str, seconds: float, goal: float) -> Row:
    """Solve one published instance through our call and return its row."""
    import vrplib

    data = vrplib.read_instance(INSTANCES / f"{name}.vrp")
    best = vrplib.read_solution(INSTANCES / f"{name}.sol")["cost"]
    xy = data["node_coord"].astype(float)
    metres = np.rint(np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1]))
    plan = pd.DataFrame(
        {"id": np.arange(1, len(xy)), "x": xy[1:, 0], "y": xy[1:, 1], "litres": data["demand"][1:]}
    ).assign(service=0.0)
    count = int(name.split("-k")[1]) + 8
    fleet = pd.DataFrame([{"name": "Truck", "capacity": data["capacity"], "count": count, "shift": np.inf}])
    yard = {"id": "yard", "x": xy[0, 0], "y": xy[0, 1]}
    clock = time.process_time()
    tours = mobility.watering_tours(
        plan, fleet, [], yard, travel=mobility.Travel(metres, metres), seconds=seconds, clock="cpu"
    )
    clock = time.process_time() - clock
    check = mobility.check_tours(tours, plan, fleet)
    kept = not any(check[name] for name in LIMITS) and not len(tours.unserved)
    gap = 100.0 * (check["km"] * 1000.0 / best - 1.0)
    said = f"{gap:.2f} % in {clock:.1f} CPU s, limits kept: {kept}"
    return (
        f"tours {name}, gap to the best known",
        f"<= {goal:g} %",
        said,
        "pyvrp direct 0.18 % / 1.1 %",
        _yes(gap <= goal and kept),
    )


def watering_day(seconds: float = 60.0) -> list[Row]:
    """Plan a made day: 1,000 trees, 12 hydrants, trucks of 5,000 L, shifts of 8 h."""
    rng = np.random.default_rng(7)
    centres = rng.uniform(0, 8000, (25, 2))
    xy = np.clip(centres[rng.integers(0, 25, 1000)] + rng.normal(0, 600, (1000, 2)), 0, 8000)
    plan = pd.DataFrame({"id": np.arange(1000), "x": xy[:, 0], "y": xy[:, 1], "litres": rng.integers(80, 151, 1000)})
    plan["priority"] = rng.integers(1, 4, 1000)
    taps = pd.DataFrame(rng.uniform(500, 7500, (12, 2)), columns=["x", "y"]).assign(id=[f"H{i}" for i in range(12)])
    fleet = pd.DataFrame([{"name": "Truck", "capacity": 5000, "count": 20, "shift": 8.0, "refills": 6}])
    yard = {"id": "yard", "x": 4000.0, "y": 300.0}
    wall = time.perf_counter()
    tours = mobility.watering_tours(plan, fleet, taps, yard, seconds=seconds - 5)
    wall = time.perf_counter() - wall
    check = mobility.check_tours(tours, plan, fleet)
    kept = tours.feasible and not any(check[name] for name in LIMITS)
    sums = tours.indicators
    said = (
        f"limits kept: {kept}, {sums['trees']:.0f} trees, {sums['tours']:.0f} tours, {sums['refills']:.0f} refills, "
        f"{sums['km']:.0f} km, longest {tours.tours['hours'].max():.2f} h, {wall:.0f} s"
    )
    return [
        ("1,000 trees with refills and shifts", "feasible in 60 s", said, "", _yes(kept and wall <= 60)),
        ("building that problem", "<= 1 s", f"{tours.build_seconds:.2f} s", "", _yes(tours.build_seconds <= 1)),
    ]


def tour_rows() -> list[Row]:
    """Return all rows."""
    rows = watering_day()
    if INSTANCES.is_dir():
        rows = [instance("X-n101-k25", 2.0, 1.5), instance("X-n502-k39", 19.7, 0.3), *rows]
    return rows


def _yes(reached: bool) -> str:
    return "yes" if reached else "no"


if __name__ == "__main__":
    table = Table("Check", "Goal", "Measured", "Peer", "Reached")
    for row in tour_rows():
        table.add_row(*row)
    Console(width=180).print(table)
