"""City data: every figure of the readers, writers and the rasteriser, peers beside them in the same run.

Usage::

    python benchmarks/citydata.py [--data ../shared/data] [--megabytes 100] [--peer-python PYTHON] [--runs 2]
                                  [--patience 90] [--only citygml cityjson ...] [--figures FILE] [--write docs/validation/citydata.md]

Large files are made of the real tiles under ``--data`` (``citydata_files.py``). Each reader runs in a process of its own,
one after the other; time is user plus system CPU, the least of ``--runs``, without what importing and loading compiled
code cost (told apart); memory is the highest resident size of that process (Linux). "Ceiling" is a reader that only counts start
tags, or the standard library's json: its speed says how busy the machine was, so the ratio to it is what can be compared
between runs. Peers run with the Python named by ``--peer-python``; one that fails, or takes longer than ``--patience``, is
told with its reason. Sections can be run one by one: ``--only NAME --figures FILE`` keeps what the goals need between runs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import citydata_readers as readers
import numpy as np
from citydata_files import large_citygml, large_cityjson
from rasterise import write

ROOT = Path(__file__).resolve().parents[1]
CITYJSON_SOURCE = "cityjson/3-20-DELFSHAVEN.city.json"
BERLIN = ["berlin-lod2/3910_5817.gml", "berlin-lod2/3900_5820.gml", "berlin-lod2/3910_5819.gml"]
SETS = {
    "LoD2 (Berlin)": (BERLIN, 1.0),
    "LoD2 AdV (NRW tile)": (["nrw-adv-lod2/in_old.gml"], 1.0),
    "LoD3 (Ingolstadt)": ([f"ingolstadt-lod3/40{n}.xml" for n in ("18128", "18194", "18216")], 0.83),
}
MEASURE = """
import json, resource, sys, time
def used():
    total = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return sum(u.ru_utime + u.ru_stime for u in total), peak / 1024
{imports}
before, bare = used()
start = time.perf_counter()
result = {call}
wall = time.perf_counter() - start
after, peak = used()
print(json.dumps({{"load": before, "seconds": after - before, "wall": wall, "bare": bare, "peak": peak, "found": {found}}}))
"""
HEAD = [
    "| file | reader | CPU s | MB/s CPU | of the ceiling | memory MB (loaded) | loading s | found |",
    "|---|---|---:|---:|---:|---:|---:|---|",
]
Entry = tuple[str, str, str]


@dataclass
class Bench:
    """Settings of a run, and the best figures found by name."""

    data: Path
    megabytes: float
    peer: str | None
    runs: int
    folder: Path
    patience: float = 90.0  # s of wall time one reader may take
    best: dict[str, dict[str, Any]] = field(default_factory=dict)

    def measured(self, entry: Entry, python: str, *arguments: str | Path) -> dict[str, Any] | str:
        """Return the best of several runs in processes of their own; the last line it says where it fails."""
        imports, call, found = entry
        script = MEASURE.format(imports=imports, call=call, found=found)
        command = [python, "-W", "ignore", "-c", script, *map(str, arguments)]
        best: dict[str, Any] = {}
        for _ in range(self.runs):
            try:
                run = subprocess.run(
                    command, capture_output=True, text=True, check=False, cwd=self.folder, env=os.environ | _environment(),
                    timeout=self.patience,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return best or f"it took longer than {self.patience:.0f} s"
            if run.returncode:
                return run.stderr.strip().splitlines()[-1][:110] if run.stderr.strip() else "it ended without a word"
            told = json.loads(run.stdout.strip().splitlines()[-1])
            best = told if not best or told["seconds"] < best["seconds"] else best
        return best

    def rows(self, what: str, file: Path, own: dict[str, Entry], peers: dict[str, Entry], ceiling: str, *more: Path):
        """Yield a line of the table for each reader."""
        size = file.stat().st_size / 1e6
        every = [(name, entry, sys.executable) for name, entry in own.items()]
        every += [(name, entry, self.peer) for name, entry in peers.items()] if self.peer else []
        top = 0.0
        for name, entry, python in every:
            told = self.measured(entry, python, file, *more)
            if isinstance(told, str):
                yield f"| {what} | {name} | fails | | | | | {told.replace('|', '/')} |"
                continue
            self.best[f"{what}: {name}"] = told | {"size": size}
            speed = size / told["seconds"]
            top = speed if name == ceiling else top
            ratio = f"{speed / top:.2f}" if top else ""
            found = ", ".join(f"{count:,} {thing}" for thing, count in told["found"].items())
            print(f"  {what}, {name}: {told['seconds']:.2f} s", file=sys.stderr, flush=True)
            yield (
                f"| {what}, {size:.0f} MB | {name} | {told['seconds']:.2f} | {speed:.0f} | {ratio} | "
                f"{told['peak']:.0f} ({told['bare']:.0f}) | {told['load']:.1f} | {found} |"
            )


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"TWIN_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}


# ---------------------------------------------------------------------------------------------------------- sections


def citygml(bench: Bench) -> list[str]:
    """Return the table of CityGML readers."""
    lines = list(HEAD)
    for name, (tiles, share) in SETS.items():
        file = bench.folder / (re.sub(r"\W+", "_", name) + ".gml")
        large_citygml([bench.data / tile for tile in tiles], file, bench.megabytes * share)
        lines += bench.rows(name, file, readers.CITYGML, readers.CITYGML_PEERS, readers.CEILING)
        file.unlink()
    return lines


def parallel(bench: Bench) -> list[str]:
    """Return what two processes take for two tiles that hold 100 MB together."""
    halves = [bench.folder / f"half_{i}.gml" for i in range(2)]
    for i, half in enumerate(halves):
        large_citygml([bench.data / tile for tile in BERLIN], half, bench.megabytes / 2, turn=1000 * i)
    size = sum(half.stat().st_size for half in halves) / 1e6
    told = bench.measured(readers.TWO_PROCESSES, sys.executable, *halves)
    for half in halves:
        half.unlink()
    if isinstance(told, str):
        return [f"Not run: {told}"]
    bench.best["two processes"] = told | {"size": size}
    return [
        f"Two files, {size:.0f} MB together, two processes: {told['wall']:.2f} s of wall time ({size / told['wall']:.0f} MB/s), "
        f"{told['seconds']:.2f} s of CPU in all processes, starting them and loading compiled code in both included. "
        f"Load of the machine at the end of it: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    ]


def cityjson(bench: Bench) -> list[str]:
    """Return the table of CityJSON readers, and of the writers."""
    file = bench.folder / "large.city.json"
    large_cityjson(bench.data / CITYJSON_SOURCE, 18, file)
    lines = list(HEAD)
    lines += bench.rows("CityJSON", file, readers.CITYJSON, readers.CITYJSON_PEERS, readers.JSON)
    once = replace(bench, runs=1)
    lines += once.rows("written from it", file, readers.WRITERS, readers.WRITER_PEERS, "")
    return lines


def layers(bench: Bench) -> list[str]:
    """Return what reading the layers of a district takes."""
    profile = ROOT / "tests" / "profiles" / "berlin-tiergarten.toml"
    shapes = sorted((bench.data / "berlin-tiergarten").glob("*.shp"))
    largest = max(shapes, key=lambda shape: shape.stat().st_size)
    lines = [
        "| layers | reader | CPU s | memory MB (loaded) | loading s | found |",
        "|---|---|---:|---:|---:|---|",
    ]
    jobs = [(name, entry, sys.executable) for name, entry in readers.LAYERS.items()]
    jobs += [(name, entry, bench.peer) for name, entry in readers.LAYER_PEERS.items()] if bench.peer else []
    for name, entry, python in jobs:
        told = bench.measured(entry, python, profile, *shapes)
        if isinstance(told, str):
            lines.append(f"| Berlin-Tiergarten | {name} | fails | | | {told} |")
            continue
        found = ", ".join(f"{count:,} {thing}" for thing, count in told["found"].items())
        lines.append(
            f"| Berlin-Tiergarten | {name} | {told['seconds']:.2f} | {told['peak']:.0f} ({told['bare']:.0f}) | "
            f"{told['load']:.1f} | {found} |"
        )
    return [*lines, "", f"The largest of them is {largest.name}; terrain and attributes' checks are in our time only."]


def roofs(bench: Bench) -> list[str]:
    """Return speed and exactness of roof planes on a grid, and the time of a whole district."""
    import rasterise

    import twin

    cities = {"Berlin 3910_5817": twin.load(bench.data / BERLIN[0])}
    lines = rasterise.speed(cities)
    finest = [cell.strip() for cell in lines[-1].split("|")]
    bench.best["roofs"] = {"grid": float(finest[6]), "covered": float(finest[7]), "off": _farthest(cities)}
    district = rasterise.district(ROOT / "tests" / "profiles" / "berlin-tiergarten.toml")
    last = [cell.strip() for cell in district[-1].split("|")]
    bench.best["district"] = {"wall": float(last[7]), "seconds": float(last[8])}
    off = bench.best["roofs"]["off"]
    return [
        *lines,
        "",
        f"2,000 cells against the highest plane over their centre in plain Python: {off:.4f} mm.",
        "",
        *district,
    ]


def _farthest(cities: dict[str, Any]) -> float:
    """Return how far [mm] the burned heights of cells picked at random are from the planes over their centres."""
    from twin.city.roofs import roof_rows
    from twin.city.triangles import triangulate

    city = next(iter(cities.values()))
    corners, _ = triangulate(city.polygons, roof_rows(city, np.ones(len(city.objects), bool)))
    a, b, c = (city.polygons.xyz[corners[:, k]] for k in range(3))
    site = city.rasterise(resolution=0.5)
    generator = np.random.default_rng(1)
    rows, columns = np.nonzero(site["building_id"].values)
    worst = 0.0
    for i in generator.choice(len(rows), 2000, replace=False).tolist():
        row, column = int(rows[i]), int(columns[i])
        x, y = float(site["x"][column]), float(site["y"][row])
        area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            v = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (y - a[:, 1])) / area
            w = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])) / area
        inside = (v >= -1e-9) & (w >= -1e-9) & (v + w <= 1 + 1e-9)
        if inside.any():
            exact = (a[:, 2] + v * (b[:, 2] - a[:, 2]) + w * (c[:, 2] - a[:, 2]))[inside].max()
            burned = float(site["surface_height"].values[row, column])
            worst = max(worst, abs(burned - max(exact, float(site["terrain_height"].values[row, column]))))
    return worst * 1000.0


def summary(bench: Bench) -> list[str]:
    """Return the table of goals: what was asked for, what this run measured."""
    city = "urban-twin: city with footprints, planes, hashes"
    lines = ["| work | goal (stretch) | this run | best peer in this run |", "|---|---|---|---|"]

    def row(work: str, goal: str, key: str, peers: list[str]) -> None:
        told = bench.best.get(f"{key}: {city}")
        if told is None:
            return
        others = {name: bench.best[f"{key}: {name}"] for name in peers if f"{key}: {name}" in bench.best}
        best = min(others, key=lambda name: others[name]["seconds"]) if others else ""
        peer = f"{best}: {others[best]['size'] / others[best]['seconds']:.0f} MB/s" if best else "none ran"
        lines.append(
            f"| {work} | {goal} | {told['seconds']:.2f} s, {told['size'] / told['seconds']:.0f} MB/s CPU, {told['peak']:.0f} MB "
            f"({told['bare']:.0f} before the first byte) | {peer} |"
        )

    gml = ["bimfabrikhh-core-rs", "voxcity", "pyogrio"]
    row("LoD2, 100 MB (Berlin)", "40 MB/s and 250 MB (80 MB/s wall on 2 cores)", "LoD2 (Berlin)", gml)
    row("LoD2, 100 MB (NRW, AdV)", "40 MB/s and 250 MB (80 MB/s wall on 2 cores)", "LoD2 AdV (NRW tile)", gml)
    row("LoD3, 83 MB", "30 MB/s (60)", "LoD3 (Ingolstadt)", gml)
    row("CityJSON, 24 MB", "1.0 s (0.5 s)", "CityJSON", list(readers.CITYJSON_PEERS))
    if "two processes" in bench.best:
        told = bench.best["two processes"]
        lines.append(
            f"| LoD2 to columns, two processes | (80 MB/s wall) | {told['size'] / told['wall']:.0f} MB/s wall | none has it |"
        )
    if "roofs" in bench.best:
        told, district = bench.best["roofs"], bench.best["district"]
        lines += [
            f"| roof planes to raster | 40 Mcell/s (70), 1 mm | {told['grid']:.0f} Mcell/s of the grid, {told['covered']:.0f} "
            f"under roofs; {told['off']:.4f} mm | none has it |",
            f"| berlin-tiergarten, all layers at 1 m | 5 s (3 s) | {district['wall']:.1f} s wall, {district['seconds']:.1f} s "
            "CPU | none has it |",
        ]
    return lines


SECTIONS: dict[str, Callable[[Bench], list[str]]] = {
    "cityjson": cityjson,
    "layers": layers,
    "roofs": roofs,
    "parallel": parallel,
    "citygml": citygml,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--peer-python", default=None, help="Python in which the peers are installed")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--patience", type=float, default=90.0, help="seconds of wall time one reader may take")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--write", type=Path, default=None)
    parser.add_argument("--figures", type=Path, default=None, help="JSON that keeps figures between partial runs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            given.data.resolve(), given.megabytes, given.peer_python, given.runs, Path(folder), given.patience
        )
        if given.figures is not None and given.figures.is_file():
            bench.best = json.loads(given.figures.read_text(encoding="utf-8"))
        for name in given.only:
            start = time.monotonic()
            lines = SECTIONS[name](bench)
            print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
            print("\n".join(lines), end="\n\n", flush=True)
            if given.figures is not None:
                given.figures.write_text(json.dumps(bench.best, indent=1), encoding="utf-8")
            if given.write is not None:
                write(given.write, {name: lines} | ({"goals": summary(bench)} if name == given.only[-1] else {}))
        print("\n".join(summary(bench)))


if __name__ == "__main__":
    main()
