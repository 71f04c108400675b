"""Litres, date and reason for each of the 15,434 trees of Berlin-Tiergarten: how long it takes, and what comes out.

    python benchmarks/watering_plan.py [--figure docs/images/watering-tiergarten.png]

Real trees (street and park, ages of 2025; data beside the checkout, see tests/conftest.py); the summer and its forecast are
made. Prints seconds of reading, balance, plan and sentences, once with the first call of compiled code and once without.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import twin
from models import water
from twin.city.model import City
from twin.scenario.parts import TreesRun
from twin.scenario.tree_inputs import tree_table
from twin.scenario.watering_words import why

PROFILE = Path(__file__).resolve().parents[1] / "tests" / "profiles" / "berlin-tiergarten.toml"


def tiergarten() -> City:
    """Return the city with its trees."""
    return twin.load(PROFILE)


def made_days(first: str, count: int, wet: float, seed: int) -> xr.Dataset:
    """Return made summer days."""
    rng = np.random.default_rng(seed)
    low = 12.0 + 5.0 * rng.random(count)
    rain = np.where(rng.random(count) < wet, rng.gamma(0.8, 7.0, count), 0.0)
    return xr.Dataset(
        {
            "air_temperature_max": ("time", low + 11.0),
            "air_temperature_min": ("time", low),
            "precipitation": ("time", rain / 24.0),
        },
        coords={"time": pd.date_range(first, periods=count).to_numpy()},
        attrs={"latitude": 52.51, "elevation": 35.0},
    )


def planned(trees: pd.DataFrame) -> tuple[water.WateringPlan, list[str], dict[str, float]]:
    """Return the plan, the sentences and the wall seconds of each step."""
    marks = [time.perf_counter()]
    balance = water.tree_water_balance(trees, made_days("2025-04-01", 105, 0.3, 3))
    marks.append(time.perf_counter())
    plan = water.watering_plan(balance, made_days("2025-07-15", 14, 0.2, 5))
    marks.append(time.perf_counter())
    said = why(plan, pd.DatetimeIndex(plan.probability["time"].values), "en")
    marks.append(time.perf_counter())
    return plan, said, dict(zip(("balance", "plan", "sentences"), np.diff(marks).tolist(), strict=True))


def main() -> None:
    """Print seconds and the plan in numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    start = time.perf_counter()
    city = tiergarten()
    site = city.rasterise(resolution=4.0)
    trees, _ = tree_table(city, site, TreesRun(weather={"path": ""}, soil="Sl3"), None, None, 196)
    print(f"load, grid of 4 m, sealing and shade {time.perf_counter() - start:.1f} s; {len(trees)} trees")
    for run in ("first call", "again"):
        cpu = time.process_time()
        plan, said, seconds = planned(trees)
        listed = ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())
        print(f"{run}: {listed}; sum {sum(seconds.values()):.1f} s wall, {time.process_time() - cpu:.1f} s CPU")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    assert len(said) == len(city.trees)
    print(f"{plan.table['reason'].value_counts().to_dict()}, {plan.table['litres'].sum():,.0f} L, peak {peak:.0f} MiB")
    if options.figure:
        from twin.view.watering import plan_map

        table = city.trees[["geometry"]].assign(reason=plan.table["reason"].to_numpy())
        plan_map(table, site, language="en").savefig(options.figure, dpi=90)


if __name__ == "__main__":
    main()
