"""Rasterising real tiles and a real district: exactness against level roofs, and speed, cold and warm.

Usage::

    python benchmarks/rasterise.py [--data ../shared/data] [--write docs/validation/rasterise.md]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import twin
from models.parallel import threads
from twin.city.burn import NO_HEIGHT, burn_planes, to_cells
from twin.city.grid import grid_of
from twin.city.model import City, Polygons
from twin.city.roofs import building_footprints, roof_rows
from twin.city.triangles import triangulate

ROOT = Path(__file__).resolve().parents[1]
TILES = {
    "Berlin 3900_5820": "berlin-lod2/3900_5820.gml",
    "Berlin 3910_5817": "berlin-lod2/3910_5817.gml",
    "Berlin 3910_5819": "berlin-lod2/3910_5819.gml",
    "NRW (AdV profile)": "nrw-adv-lod2/in_old.gml",
}

DISTRICT = """
import json, sys, time
start = time.perf_counter()
import twin
imported, cpu = time.perf_counter(), time.process_time()
city = twin.load(sys.argv[1])
loaded = time.perf_counter()
site = city.rasterise(resolution=1.0)
first, cpu = time.perf_counter(), time.process_time() - cpu
city.rasterise(resolution=1.0)
second = time.perf_counter()
print(json.dumps({"cells": site.sizes["x"] * site.sizes["y"], "import": imported - start, "load": loaded - imported,
                  "first": first - loaded, "second": second - first, "cpu": cpu}))
"""


def best(function: Callable[[], Any], repeats: int = 5) -> float:
    """Return the shortest wall time [s] of several calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def without_roofs(city: City) -> City:
    """Return the city as footprints with heights only."""
    return city.replace(surfaces=city.surfaces.iloc[:0], polygons=Polygons.empty())


def accuracy(cities: dict[str, City]) -> list[str]:
    lines = [
        "| tile | cells | mean [m] | mean absolute [m] | root mean square [m] | 95 % below [m] | within 0.5 m |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, city in cities.items():
        exact, flat = city.rasterise(resolution=1.0), without_roofs(city).rasterise(resolution=1.0)
        raised = flat["surface_height"].values > flat["terrain_height"].values
        both = (exact["building_id"].values > 0) & raised  # a building without measuredHeight has no level roof
        error = (flat["surface_height"].values - exact["surface_height"].values)[both].astype(float)
        size = np.abs(error)
        lines.append(
            f"| {name} | {both.sum():,} | {error.mean():+.2f} | {size.mean():.2f} | {np.sqrt((error**2).mean()):.2f} | "
            f"{np.percentile(size, 95):.1f} | {(size < 0.5).mean():.0%} |"
        )
    return lines


def speed(cities: dict[str, City]) -> list[str]:
    from rasterio.features import rasterize

    lines = [
        "| tile, cell | grid | triangles | triangulate [ms] | burn planes [ms] | grid cells [million/s] | "
        "covered cells [million/s] | rasterio, level roofs [ms] |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, city in cities.items():
        rows = roof_rows(city, np.ones(len(city.objects), bool))
        cutting = best(lambda city=city, rows=rows: triangulate(city.polygons, rows))
        corners, polygon = triangulate(city.polygons, rows)
        owner = (city.surfaces["object"].to_numpy()[polygon] + 1).astype(np.int32)
        z = np.ascontiguousarray(city.polygons.xyz[:, 2])
        roofs = city.polygons.xyz[corners].reshape(-1, 3)
        area = (*roofs[:, :2].min(axis=0), *roofs[:, :2].max(axis=0))
        for resolution in (1.0, 0.5, 0.25):
            box = grid_of(city, resolution, area)
            uv = to_cells(city.polygons.xyz, box)
            height, owners = np.full(box.shape, NO_HEIGHT, np.float32), np.zeros(box.shape, np.int32)

            def burn(uv=uv, z=z, corners=corners, owner=owner, height=height, owners=owners) -> None:
                burn_planes(uv, z, corners, owner, height, owners)

            burn()
            taken = []
            for _ in range(5):
                height[:], owners[:] = NO_HEIGHT, 0
                taken.append(best(burn, repeats=1))
            seconds, cells, covered = min(taken), height.size, int((owners > 0).sum())
            prints = building_footprints(city, box)
            shapes = [
                (shape, 1.0) for shape, body in zip(city.objects.geometry, prints.body, strict=True) if body and shape
            ]
            peer = best(
                lambda shapes=shapes, box=box: rasterize(shapes, tuple(box.shape), transform=box.affine, fill=np.nan), 3
            )
            lines.append(
                f"| {name}, {resolution:g} m | {box.shape[0]} x {box.shape[1]} | {len(corners):,} | "
                f"{cutting * 1e3:.1f} | {seconds * 1e3:.2f} | {cells / seconds / 1e6:.0f} | "
                f"{covered / seconds / 1e6:.0f} | {peer * 1e3:.1f} |"
            )
    return lines


def district(profile: Path) -> list[str]:
    lines = [
        f"Berlin-Tiergarten, all layers at 1 m, {threads()} threads, seconds of wall time.",
        "",
        "| kernels | cells | import | load | rasterise | rasterise again | load + rasterise | its CPU seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as cache:
        for name in ("compiled now", "from the compiler's cache", "from the compiler's cache"):
            run = subprocess.run(
                [sys.executable, "-c", DISTRICT, str(profile)],
                env=os.environ | {"NUMBA_CACHE_DIR": cache},
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            t = json.loads(run.stdout.splitlines()[-1])
            lines.append(
                f"| {name} | {t['cells']:,} | {t['import']:.2f} | {t['load']:.2f} | {t['first']:.2f} | "
                f"{t['second']:.2f} | {t['load'] + t['first']:.2f} | {t['cpu']:.2f} |"
            )
    return lines


def write(page: Path, tables: dict[str, list[str]]) -> None:
    """Replace the tables between the markers of the page."""
    text = page.read_text(encoding="utf-8")
    for name, lines in tables.items():
        start, end = f"<!-- {name} table -->", f"<!-- /{name} table -->"
        before, after = text.split(start)[0], text.split(end)[1]
        text = before + start + "\n\n" + "\n".join(lines) + "\n\n" + end + after
    page.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--profile", type=Path, default=ROOT / "tests" / "profiles" / "berlin-tiergarten.toml")
    parser.add_argument("--write", type=Path, default=None)
    given = parser.parse_args()
    cities = {name: twin.load(given.data / path) for name, path in TILES.items()}
    tables = {"accuracy": accuracy(cities), "speed": speed(cities), "district": district(given.profile)}
    for lines in tables.values():
        print("\n".join(lines), end="\n\n")
    if given.write is not None:
        write(given.write, tables)


if __name__ == "__main__":
    main()
