"""Time the tree balance beside its peers and print a table.

    python benchmarks/trees.py [--trees 200000] [--million] [--tours] [--peer-python PATH] [--write PAGE]

CPU seconds of this process over all threads, best of the repetitions, after compiling; the first call is timed in a process
of its own with an empty cache. ``--million`` streams a year of 1,000,000 trees to a Zarr store, ``--tours`` solves the
published routing instances and a watering day. ``--peer-python`` is an interpreter with pyfao56 and aquacrop-grid: both
run in the same session, one season each. ``--write`` makes the page ``docs/validation/trees_speed.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import xarray as xr

from models import water
from models.parallel import set_threads
from models.water.tree_balance import run_trees
from models.water.tree_day import STATES
from models.water.tree_forcing import tree_forcing
from models.water.tree_parameters import tree_parameters

Row = tuple[str, str, str]
PEERS = Path(__file__).resolve().parents[1].parent / "shared/peers/trees"
FIRST = """
import sys, time
start = time.process_time(); import trees
imported = time.process_time()
trees.run(*trees.prepared(64), "float64", None)
print(time.process_time() - imported, imported - start)
"""


def make_trees(count: int, seed: int = 1) -> pd.DataFrame:
    """Return made street trees of all kinds, soils and sizes."""
    rng = np.random.default_rng(seed)
    genera = np.array(["Tilia cordata", "Acer platanoides", "Quercus robur", "Betula pendula", "Robinia pseudoacacia"])
    soils = np.array(["Ss", "Sl3", "Ls3", "Ut3", "mineral_tree_substrate"])
    return pd.DataFrame(
        {
            "id": np.arange(count),
            "species": genera[rng.integers(0, 5, count)],
            "height": rng.uniform(3.0, 25.0, count),
            "crown_diameter": rng.uniform(1.0, 14.0, count),
            "planted": rng.integers(1920, 2024, count).astype(float),
            "soil": soils[rng.integers(0, 5, count)],
            "sealing_share": rng.uniform(0.0, 1.0, count),
            "sealing_class": rng.integers(1, 5, count).astype(float),
            "direct_share": rng.uniform(0.3, 1.0, count),
            "sky_view_factor": rng.uniform(0.4, 1.0, count),
            "connected_area": rng.choice([0.0, 60.0], count),
            "trench_volume": rng.choice([0.0, 6.0], count),
        }
    )


def make_year(seed: int = 2) -> xr.Dataset:
    """Return a made year of daily weather."""
    rng, day = np.random.default_rng(seed), np.arange(365)
    mean = 10.0 + 9.0 * np.sin(2.0 * np.pi * (day - 110) / 365.0) + rng.normal(0.0, 2.0, 365)
    rain = np.where(rng.random(365) < 0.35, rng.gamma(0.6, 6.0, 365), 0.0)
    return xr.Dataset(
        {
            "air_temperature_max": ("time", mean + 5.0),
            "air_temperature_min": ("time", mean - 5.0),
            "wind_speed": ("time", rng.uniform(1.0, 4.0, 365)),
            "precipitation": ("time", rain / 24.0),
        },
        coords={"time": pd.date_range("2023-01-01", periods=365).to_numpy()},
        attrs={"latitude": 50.0, "elevation": 110.0},
    )


def prepared(count: int) -> tuple:
    """Return what the kernel needs."""
    return tree_parameters(make_trees(count), 2023), tree_forcing(make_year())


def run(parameters, forcing, dtype: str, daily: str | None) -> float:
    """Return the CPU seconds of one run."""
    state = np.zeros((len(STATES), parameters.root_area.size))
    start = time.process_time()
    run_trees(parameters, forcing, state, dtype=dtype, daily=daily)
    return time.process_time() - start


def first_call() -> tuple[float, float]:
    """Return CPU seconds of the first call in a fresh process: with an empty cache, and cached."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        found = []
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", FIRST],
                env=environment,
                cwd=Path(__file__).parent,
                capture_output=True,
                text=True,
            )
            found.append(float(done.stdout.split()[0]))
    return found[0], found[1]


def million(count: int = 1_000_000, size: int = 50_000) -> dict[str, float]:
    """Stream one daily variable of many trees to Zarr; return seconds and memory."""
    import zarr

    trees, weather = make_trees(count), make_year()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        name = "relative_extractable_water"
        store = zarr.create_array(
            f"{folder}/trees.zarr", shape=(365, count), chunks=(365, size), dtype="f4", compressors=None
        )
        for rows, balance in water.tree_water_blocks(trees, weather, size=size, daily=name):
            store[:, rows] = balance.daily.values
        written = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 2**30
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "before": before,
        "written": written,
    }


def peer(python: str, script: str, *arguments: str) -> dict[str, float] | None:
    """Return what a peer's own benchmark prints, or None."""
    done = subprocess.run(
        [python, str(PEERS / script), *arguments],
        env=os.environ | {"NUMBA_NUM_THREADS": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def own_rows(trees: int) -> tuple[list[Row], float]:
    """Return the rows of the balance, and its tree-days per CPU second without daily output."""
    cold, warm = first_call()
    rows = [("first call, empty cache (then cached), CPU s", "5", f"{cold:.1f} ({warm:.2f})")]
    parameters, forcing = prepared(trees)
    run(parameters, forcing, "float64", None)
    best = {}
    for dtype in ("float64", "float32"):
        for daily in (None, "relative_extractable_water"):
            run(parameters, forcing, dtype, daily)
            best[dtype, daily] = trees * 365 / min(run(parameters, forcing, dtype, daily) for _ in range(3))
            words = f"tree-days per CPU s, {dtype}, {'one daily variable kept' if daily else 'sums only'}"
            rows.append((words, "3e7" if dtype == "float64" and not daily else "", f"{best[dtype, daily]:.2g}"))
    return rows, best["float64", None]


def peer_rows(python: str, ours: float) -> list[Row]:
    """Return what the peers reach in the same session."""
    rows: list[Row] = []
    fao = peer(python, "bench_pyfao56.py", "3")
    if fao:
        rate = 366.0 / fao["cpu_s_per_season"]
        rows.append(("pyfao56, tree-days per CPU s (ours by it)", "", f"{rate:.3g} ({ours / rate:,.0f})"))
    grid = peer(python, "bench_aquacrop_grid.py", "2000")
    if grid:
        rate = grid["npix"] * grid["days"] / grid["cpu_s"]
        words = "aquacrop-grid, nominal pixel-days per CPU s (ours by it; other physics, a shorter season)"
        rows.append((words, "", f"{rate:.2g} ({ours / rate:.0f})"))
        rows.append(("aquacrop-grid, first call, wall s", "", f"{grid['compile_s']:.0f}"))
    return rows


def million_rows() -> list[Row]:
    """Return time and memory of a year of a million trees."""
    set_threads(None)
    found = million()
    return [
        ("1,000,000 trees x 365 days to Zarr, CPU s (wall s)", "60", f"{found['cpu']:.0f} ({found['wall']:.0f})"),
        ("its peak memory, MiB (before the run)", "1024", f"{found['peak']:.0f} ({found['before']:.0f})"),
        ("written, GiB", "", f"{found['written']:.2f}"),
    ]


def tour_rows() -> list[Row]:
    """Return the rows of the tours."""
    import mobility_tours

    return [(f"{row[0]} (peer: {row[3]})" if row[3] else row[0], row[1], row[2]) for row in mobility_tours.tour_rows()]


def page(rows: list[Row], command: str) -> str:
    """Return the page of the documentation."""
    table = "\n".join(f"| {name} | {goal} | {value} |" for name, goal, value in rows)
    return (
        "# Trees: how fast?\n\n"
        f"Written by `{command}` in one run; CPU seconds of all threads, best of three after compiling; {os.cpu_count()} cores of "
        f"{processor()}, numba {numba.__version__}.\n\n"
        f"| what | goal | measured |\n|---|---|---|\n{table}\n\n"
        "Every tree-day has the full physics: shade and sky view, interception, sealing, two soil layers, stress, trench. pyfao56 "
        "balances one field at a time in Python; aquacrop-grid grows a field crop on pixels, which is more physics of the plant and "
        "less of the town. The costs of tours are added up again without the solver.\n"
    )


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=200_000)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--tours", action="store_true")
    parser.add_argument("--peer-python")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    large = million_rows() if options.million else []  # first, so that the peak is its own
    set_threads(1)
    rows, ours = own_rows(options.trees)
    rows += large
    rows += peer_rows(options.peer_python, ours) if options.peer_python else []
    rows += tour_rows() if options.tours else []
    words = [name for name in ("--million", "--tours") if name in sys.argv]
    peers = ["--peer-python PYTHON"] if options.peer_python else []
    text = page(rows, " ".join(["python benchmarks/trees.py", *words, *peers]))
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
