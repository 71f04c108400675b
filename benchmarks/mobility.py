"""Speed and accuracy of the mobility models, with peers in the same run; writes ``docs/validation/mobility.md``.

    python benchmarks/mobility.py [--peers /path/to/other/python] [--write docs/validation/mobility.md] [--tours]

``--peers`` names a Python with pyrosm, pandana, aequilibrae and access (see ``mobility_peers.py``); without it the
rows that need them are left out. ``--tours`` adds the watering tours (90 CPU seconds). CPU seconds, best of three where
a run is short, after the kernels were compiled.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mobility_cases import made_grid, made_town, tntp
from mobility_tours import tour_rows
from rich.console import Console
from rich.table import Table

from models import mobility
from models.parallel import set_threads

SHARED = Path(__file__).resolve().parents[2] / "shared" / "reference" / "mobility"
PEERS = Path(__file__).with_name("mobility_peers.py")
Row = tuple[str, str, str, str, str]


def cpu(run: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the least CPU seconds of a few runs, and the last result."""
    best, result = np.inf, None
    for _ in range(repeats):
        clock = time.process_time()
        result = run()
        best = min(best, time.process_time() - clock)
    return best, result


def peer(python: str | None, task: str, data: dict[str, Any], folder: Path) -> dict[str, Any] | None:
    """Run a peer on the data and return its figures."""
    if python is None:
        return None
    case, out = folder / f"{task}.npz", folder / f"{task}.json"
    np.savez(case, **data)
    done = subprocess.run([python, str(PEERS), task, str(case), str(out)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return dict(json.loads(out.read_text()))


def assignments(python: str | None, folder: Path) -> list[Row]:
    """Time user equilibria on published networks and on a made one."""
    rows = []
    cases = {"made town, 1,000 nodes, 387 zones": (made_town(), 4.0, None)}
    if SHARED.is_dir():
        published = {"SiouxFalls": (0.05, 4231335.2871074397), "Anaheim": (0.1, 1286032.1710960320)}
        cases = {name: (tntp(SHARED / name, name), *goal) for name, goal in published.items()} | cases
    for name, ((net, trips, given), goal, objective) in cases.items():
        mobility.assign(net, trips, gap=1e-2, **given)
        times = {gap: cpu(partial(mobility.assign, net, trips, gap=gap, **given)) for gap in (1e-4, 1e-6)}
        said = f"{times[1e-6][0]:.3f} s to 1e-6; {times[1e-4][0]:.3f} s to 1e-4"
        other = ""
        if python is not None:
            data = {"tail": net.tail, "head": net.head, "trips": trips, "iterations": 600, "gap": 1e-6, **given}
            shape = {key: np.broadcast_to(data[key], net.arcs) for key in ("alpha", "beta", "capacity", "free_time")}
            limit = 600 if net.nodes < 500 else 60
            to6 = peer(python, "assign", {**data, **shape, "iterations": limit}, folder)
            to4 = peer(python, "assign", {**data, **shape, "gap": 1e-4}, folder)
            assert to6 is not None
            assert to4 is not None
            reached = "to 1e-6" if to6["gap"] <= 1e-6 else f"not reached ({to6['gap']:.1e})"
            ratio = to4["cpu"] / times[1e-4][0]
            other = f"AequilibraE bfw {to6['cpu']:.2f} s {reached}; {to4['cpu']:.2f} s to 1e-4 ({ratio:.0f}x)"
        rows.append(
            (f"assignment {name}, CPU s", f"<= {goal:g} s to 1e-6", said, other, _verdict(times[1e-6][0] <= goal))
        )
        if objective is not None:
            exact = mobility.assign(net, trips, gap=1e-10, **given)
            off = abs(exact.objective / objective - 1)
            rows.append(
                (
                    f"objective {name}, relative error at gap 1e-10",
                    "<= 1e-9",
                    f"{off:.1e}",
                    "published",
                    _verdict(off <= 1e-9),
                )
            )
    return rows


def walking_net(python: str | None, folder: Path) -> tuple[mobility.Network, str]:
    """Return Helsinki's walking net out of the peer's wheel, or a made grid of like size."""
    if python is None:
        return made_grid(75, 75, 13.0), "made grid of 5,625 nodes"
    file = folder / "helsinki.npz"
    subprocess.run([python, str(PEERS), "helsinki", str(file)], capture_output=True, check=True)
    data = np.load(file)
    net = mobility.Network.from_edges(
        data["u"],
        data["v"],
        data["length"],
        xy=data["xy"],
        attributes={"kind": data["kind"]},
        lines=(data["line"], data["start"]),
    )
    return net, f"Helsinki walking net, {net.nodes:,} nodes"


def accesses(net: mobility.Network, name: str, python: str | None, folder: Path) -> list[Row]:
    """Time 24 hourly re-weightings with all-node 800 m access, on one thread and two."""
    hourly = np.random.default_rng(0).uniform(1.0, 1.2, (24, len(net.edges))) * net.edges["length"].to_numpy()
    ones = np.ones(net.nodes)
    mobility.accessibility(net, net.length, ones, 100.0)

    def day() -> list[float]:
        return [float(mobility.accessibility(net, net.on_arcs(cost), ones, 800.0).mean()) for cost in hourly]

    set_threads(1)
    one, means = cpu(day, 1)
    set_threads(2)
    wall = time.perf_counter()
    day()
    wall = time.perf_counter() - wall
    set_threads(None)
    data = {"xy": net.xy, "u": net.edges["u"], "v": net.edges["v"], "weights": hourly, "limit": 800.0}
    other = peer(python, "access", data, folder)
    said = "" if other is None else f"pandana {other['cpu']:.1f} CPU s ({other['cpu'] / one:.1f}x)"
    if other is not None:
        said += f", mean reach within {np.abs(np.array(means) / other['means'] - 1).max():.1e}"
    return [
        (
            f"24 x 800 m access from every node, {name}",
            "<= 17 s one thread",
            f"{one:.1f} CPU s",
            said,
            _verdict(one <= 17),
        ),
        ("the same on two threads, wall", "<= 9 s", f"{wall:.1f} s", "", _verdict(wall <= 9)),
    ]


def static(net: mobility.Network) -> list[Row]:
    """Time one-to-all searches against scipy called directly."""
    from scipy.sparse.csgraph import dijkstra

    from models.mobility.routing import graph

    sources = np.random.default_rng(1).integers(0, net.nodes, 100)
    matrix = graph(net, net.length)[0]
    ours, table = cpu(lambda: mobility.distances(net, net.length, sources), 5)
    theirs, oracle = cpu(lambda: dijkstra(matrix, indices=sources), 5)
    same = np.array_equal(table, oracle)
    return [
        (
            "100 x one-to-all",
            "1.0x of scipy",
            f"{ours:.3f} CPU s",
            f"scipy {theirs:.3f} ({ours / theirs:.2f}x), equal: {same}",
            _verdict(ours <= 1.1 * theirs),
        )
    ]


def sampling(net: mobility.Network) -> list[Row]:
    """Time reading 24 rasters of 2 m cells along all edges."""
    low, high = net.line_xy.min(axis=0) - 5, net.line_xy.max(axis=0) + 5
    x, y = np.arange(low[0], high[0], 2.0), np.arange(high[1], low[1], -2.0)
    raster = np.random.default_rng(2).random((24, len(y), len(x)), dtype=np.float32)
    places = mobility.edge_samples(net, x, y)
    mobility.on_edges(places, raster[:1])
    set_threads(1)
    seconds, _ = cpu(lambda: mobility.on_edges(places, raster))
    set_threads(None)
    rate = len(places.cell) * 24 / seconds
    return [
        (
            "raster to edge costs, one thread",
            ">= 1e8 samples/s",
            f"{rate:.2e} samples/s",
            f"{len(places.cell):,} samples x 24 h",
            _verdict(rate >= 1e8),
        )
    ]


def changing() -> list[Row]:
    """Time routes whose durations change by the hour."""
    net = made_grid(127, 126, 60.0)
    rng = np.random.default_rng(3)
    seconds = mobility.walking_seconds(net) * rng.uniform(1.0, 2.0, (24, net.arcs))
    costs = mobility.HourlyCosts.of(net, np.arange(24) * 3600.0, 86400.0, seconds, rng.random(seconds.shape))
    pairs = rng.integers(0, net.nodes, (10_000, 2))
    times = rng.uniform(0, 80000, 10_000)
    mobility.timed_routes(net, costs, pairs[:20], times[:20])
    wall, clock = time.perf_counter(), time.process_time()
    mobility.timed_routes(net, costs, pairs, times)
    wall, clock = time.perf_counter() - wall, time.process_time() - clock
    return [
        (
            f"10,000 routes with hourly durations, {net.nodes:,} nodes",
            "< 20 s",
            f"{clock:.1f} CPU s, {wall:.1f} s wall",
            "",
            _verdict(clock < 20),
        )
    ]


def two_steps(net: mobility.Network, python: str | None, folder: Path) -> list[Row]:
    """Compare the two-step catchments with PySAL's package on a part of the net."""
    rng = np.random.default_rng(4)
    people = np.where(rng.random(net.nodes) < 0.05, rng.integers(1, 90, net.nodes), 0).astype(float)
    supply = np.where(rng.random(net.nodes) < 0.01, rng.integers(1, 9, net.nodes), 0).astype(float)
    at = np.flatnonzero(people > 0)
    table = np.full((net.nodes, net.nodes), np.inf)
    table[at] = mobility.distances(net, net.length, at)
    table[:, supply == 0] = np.inf
    data = {"table": table, "people": people, "supply": supply, "limit": 600.0}
    other = peer(python, "two_steps", data, folder)
    if other is None:
        return []
    ours = mobility.two_step_catchments(net, net.length, supply, people, 600.0)
    off = float(np.abs(ours[at] - np.array(other["values"])[at]).max() / ours[at].max())
    return [
        (
            "2SFCA against PySAL access",
            "equal",
            f"largest difference {off:.1e} of the largest value",
            f"access {other['version']}",
            _verdict(off < 1e-9),
        )
    ]


def _verdict(reached: bool) -> str:
    return "yes" if reached else "no"


HEAD = ("Check", "Goal", "Measured", "Peer", "Reached")


def write(rows: list[Row], file: Path) -> None:
    """Write the rows as a page."""
    lines = [
        "# Mobility: speed and accuracy", "",
        f"Written by `python benchmarks/mobility.py --peers PYTHON --tours --write {file}` on {platform.machine()}, Python"
        f" {platform.python_version()}. CPU seconds on a machine that did other work beside; peers in the same run.", "",
        "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD),
        *("| " + " | ".join(row) + " |" for row in rows), "",
    ]  # fmt: skip
    notes = file.with_name("mobility_notes.md")
    text = "\n".join(lines) + ("\n" + notes.read_text(encoding="utf-8") if notes.exists() else "")
    file.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="Python that has the peers")
    parser.add_argument("--write", type=Path, help="page to write")
    parser.add_argument("--tours", action="store_true", help="watering tours as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        net, said = walking_net(options.peers, folder)
        rows = [
            *assignments(options.peers, folder), *accesses(net, said, options.peers, folder), *static(net),
            *sampling(net), *changing(), *two_steps(net, options.peers, folder),
        ]  # fmt: skip
    rows += tour_rows() if options.tours else []
    table = Table(*HEAD)
    for row in rows:
        table.add_row(*row)
    Console(width=200).print(table)
    if options.write:
        write(rows, options.write)


if __name__ == "__main__":
    main()
