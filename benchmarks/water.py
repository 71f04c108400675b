"""Time the flood solvers on a made city, beside landlab and anuga where they are installed; write docs/validation/water_speed.md.

    python benchmarks/water.py [--only NAME ...] [--n 500] [--simulated 1800] [--peer-python PATH] [--patience 300]
                               [--write docs/validation/water_speed.md]

Case: n x n cells of 2 m, closed edges, blocks of buildings 5 m high, lower streets, 50 mm/h of rain. CPU seconds of the
process, kernels compiled before the clock starts; a rate counts cells (anuga: triangles) times steps. Each engine runs in
a process of its own, ours the best of three runs, the peers once; a peer that does not end within ``--patience`` seconds
or is not installed is told as such. The peers need a Python of their own: ``pip install landlab requireit==0.5.0 anuga``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import water_engines

ROOT = Path(__file__).resolve().parents[1]

# name: solver, type of numbers, threads, order
OURS: dict[str, tuple[str, ...]] = {
    "inertial": ("inertial", "float32", "1", "1"),
    "two": ("inertial", "float32", "2", "1"),
    "inertial64": ("inertial", "float64", "1", "1"),
    "shallow": ("shallow_water", "float32", "1", "1"),
    "shallow64": ("shallow_water", "float64", "1", "1"),
    "second": ("shallow_water", "float32", "1", "2"),
}
PEERS = ("landlab", "anuga")
WHOLE = ("square", "memory")
GOALS = {"inertial": 150.0, "shallow": 20.0}


def run_job(job: list[str]) -> dict[str, Any]:
    """Run one engine here."""
    name, n, simulated = job[0], int(job[1]), float(job[2])
    if name in PEERS:
        return dict(getattr(water_engines, f"run_{name}")(n, simulated))
    if name == "whole":
        return water_engines.run_whole(n, float(job[3]), simulated, int(job[4]))
    return water_engines.run_ours(name, n, simulated, job[3], int(job[4]), int(job[5]))


def child(python: str, job: list[str], patience: float) -> dict[str, Any] | str:
    """Run one engine in a process of its own, so that memory and threads are its own; return why where it gave none."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT) if python == sys.executable else ""}
    try:
        done = subprocess.run(
            [python, __file__, "--job", *job], capture_output=True, text=True, env=environment, check=False,
            timeout=patience,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"not done after {patience:.0f} s"
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if lines:
        return dict(json.loads(lines[-1]))
    if done.returncode < 0:
        return f"stopped from outside (signal {-done.returncode})"
    return (done.stderr.strip().splitlines() or ["gave nothing"])[-1][:120]


def engines(given: argparse.Namespace) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Run what is wanted; return rows, and the reasons of those that gave none."""
    rows: dict[str, dict[str, Any]] = {}
    without: dict[str, str] = {}
    size = str(given.n)
    for name in given.only:
        length = given.simulated / (5.0 if name in ("shallow", "shallow64", "second") else 1.0)
        if name in PEERS:
            length = min(given.simulated, 300.0)
            found = child(given.peer_python or sys.executable, [name, size, str(length)], given.patience)
        elif name == "square":
            found = child(sys.executable, ["whole", "1000", "7200", "1.0", "2"], 1800.0)
        elif name == "memory":
            found = child(sys.executable, ["whole", "2000", "2", "2.0", "1"], 600.0)
        else:
            solver, *rest = OURS[name]
            found = child(sys.executable, [solver, size, str(length), *rest], 600.0)
        if isinstance(found, str):
            without[name] = found
        else:
            rows[name] = found
        print(f"{name}: {found if isinstance(found, str) else round(found['rate'], 1)}", file=sys.stderr, flush=True)
    return rows, without


def goals(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines of the goals that these rows can answer."""
    lines: list[str] = []

    def line(what: str, found: str, goal: str, held: bool) -> None:
        lines.append(f"| {what} | {found} | {goal} | {'yes' if held else '**no**'} |")

    for name, least in GOALS.items():
        if name in rows:
            rate = rows[name]["rate"]
            line(rows[name]["engine"], f"{rate:.0f} M cell-steps per CPU s", f">= {least:.0f}", rate >= least)
    if {"inertial", "two"} <= rows.keys():
        gain = rows["inertial"]["wall"] / rows["two"]["wall"]
        line("two threads against one", f"{gain:.2f} times", ">= 1.7", gain >= 1.7)
    if "square" in rows:
        wall = rows["square"]["wall"]
        line("1 km2 at 1 m, 1 h of rain and 1 h after, two threads", f"{wall / 60:.1f} min wall", "< 4 min", wall < 240)
    if "memory" in rows:
        most = (60.0 * 4.0e6 + 250e6) / 2**20
        peak = rows["memory"]["memory"]
        line(
            "peak memory of a whole flood, 4 million cells",
            f"{peak:.0f} MiB",
            f"<= {most:.0f} (60 B a cell + 250 MB)",
            peak <= most,
        )
    return lines


def page(given: argparse.Namespace, rows: dict[str, dict[str, Any]], without: dict[str, str], load: float) -> str:
    """Return the page of the tables."""
    base = rows.get("inertial")
    table = [
        f"| {one['engine']} | {one['steps']} | {one['cpu']:.2f} | {one['wall']:.2f} | {one['rate']:.1f} | {one['wall_rate']:.1f} | "
        + (f"{base['rate'] / one['rate']:.1f}" if base else "")
        + f" | {one['memory']:.0f} |"
        for one in rows.values()
    ]
    lines = [
        "# Stormwater: how fast is it?", "",
        f"Written by `python benchmarks/water.py --write docs/validation/water_speed.md`: {given.n} x {given.n} cells of 2 m, 50 mm/h,",
        f"{given.simulated:g} s simulated (shallow water a fifth of it, the peers at most 300 s), depth and velocity maxima and the",
        f"positivity limiter on. Load of the machine by others when this began: {load:.1f} on {os.cpu_count()} cores; other work makes CPU",
        "seconds longer too, those of the peers, which run once, more than ours, the best of three.", "",
        "| what | found | goal | held |", "|---|---|---|---|", *goals(rows), "",
        "| engine | steps | CPU s | wall s | M cell-steps per CPU s | per wall s | inertial float32 is faster by | peak MiB |",
        "|---|---|---|---|---|---|---|---|", *table, "",
        *(f"- {name}: {reason}" for name, reason in without.items()), *([""] if without else []),
        NOTES,
    ]  # fmt: skip
    return "\n".join(lines)


NOTES = """## Where the time goes

A step of the local inertial solver reads and writes about 60 bytes a cell in float32 (bed, roughness, depth, two flows, three maxima),
each once, because all passes over a row follow each other while the row is in the cache. It is not bound by that: a face costs some
90 vector instructions, most of them one long chain in which each waits for the one before. The chain is cut into three short loops
over a row (depth and friction, direction, new flow), so that the processor works on more cells at once. In the shallow water solver
the flux of a face must be part of its loop; as a call of its own it runs cell by cell, at a quarter of the speed.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [*OURS, *PEERS, *WHOLE]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--simulated", type=float, default=1800.0)
    parser.add_argument("--peer-python", help="Python that has landlab and anuga")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds a peer may take")
    parser.add_argument("--write", type=Path, help="page to write")
    parser.add_argument("--job", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(run_job(given.job)))
        return
    load = os.getloadavg()[0]
    text = page(given, *engines(given), load)
    if given.write:
        given.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
