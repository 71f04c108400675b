"""Speed of the validity checks: a real tile set side by side until it holds as many polygons as asked for.

Run: ``python benchmarks/validity.py [TILE.gml] [--polygons 100000]``. Prints CPU and wall seconds of each stage, one
thread and all threads, after the kernels were compiled.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from models.parallel import set_threads, threads
from twin.city.citygml import read_citygml
from twin.city.model import City, Polygons
from twin.city.validity import Validity
from twin.city.validity.checking import check_polygons, check_shells, check_solids
from twin.city.validity.members import shells_of

_TILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "berlin-lod2" / "3910_5817.gml"


def side_by_side(city: City, copies: int) -> City:
    """Return a city several times, each copy 10 km further east."""
    points, rings, count = len(city.polygons.xyz), len(city.polygons.ring_start) - 1, len(city.polygons)
    shift = np.arange(copies)

    def starts(offsets: np.ndarray, step: int) -> np.ndarray:
        return np.append((offsets[:-1] + shift[:, None] * step).ravel(), copies * step).astype(np.int64)

    xyz = np.tile(city.polygons.xyz, (copies, 1))
    xyz[:, 0] += np.repeat(shift * 10_000.0, points)
    solids = int(city.shells["solid"].max()) + 1 if len(city.shells) else 0

    def again(table: pd.DataFrame, **steps: int) -> pd.DataFrame:
        many = pd.concat([table] * copies, ignore_index=True)
        number = np.repeat(shift, len(table))
        for column, step in steps.items():
            old = many[column].to_numpy()
            many[column] = np.where(old >= 0, old + number * step, old)
        return many

    return city.replace(
        objects=again(city.objects, parent=len(city.objects)),
        surfaces=again(city.surfaces, object=len(city.objects)),
        shells=again(city.shells, object=len(city.objects), polygon=count, solid=solids),
        polygons=Polygons(
            xyz, starts(city.polygons.ring_start, points), starts(city.polygons.polygon_start, rings)
        ),
    )  # fmt: skip


def timed(work: Callable[[], object]) -> tuple[float, float, object]:
    """Return CPU seconds, wall seconds and the result; the better of two runs."""
    best = (np.inf, np.inf)
    for _ in range(2):
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
    return *best, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tile", nargs="?", type=Path, default=_TILE)
    parser.add_argument("--polygons", type=int, default=100_000)
    asked = parser.parse_args()
    tile = read_citygml(asked.tile)
    Validity.of(tile, surfaces_as_shells=True)  # compiles the kernels
    city = side_by_side(tile, -(-asked.polygons // len(tile.polygons)))
    table = Table(title=f"{asked.tile.name}: {len(city.polygons):,} polygons, {len(city.polygons.xyz):,} points")
    for heading in ("stage", "threads", "CPU s", "wall s", "findings"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for number in dict.fromkeys((1, threads())):
        set_threads(number)
        cpu, wall, rows = timed(lambda: check_polygons(city, snap=0.001, planarity=0.01, normals=20.0))
        table.add_row("rings and polygons (1xx, 2xx)", str(number), f"{cpu:.2f}", f"{wall:.2f}", str(len(rows)))
        shells = shells_of(city, surfaces_as_shells=True)
        cpu, wall, (found, hanging, triangles) = timed(
            lambda rows=rows, shells=shells: check_shells(city.polygons, shells, rows, snap=0.001, planarity=0.01)
        )
        table.add_row(f"{len(shells):,} shells (3xx, 405)", str(number), f"{cpu:.2f}", f"{wall:.2f}", str(len(found)))
        cpu, wall, found = timed(
            lambda shells=shells, hanging=hanging, triangles=triangles: check_solids(
                city, shells, hanging, triangles, snap=0.001, overlap=0.01
            )
        )
        table.add_row("solids and buildings (4xx, 5xx, 601)", str(number), f"{cpu:.2f}", f"{wall:.2f}", str(len(found)))
        cpu, wall, findings = timed(lambda: Validity.of(city, surfaces_as_shells=True).findings)
        table.add_row("all, as a table", str(number), f"{cpu:.2f}", f"{wall:.2f}", str(len(findings)))
    set_threads(None)
    Console().print(table)


if __name__ == "__main__":
    main()
