"""Time the flood solvers on a made city, beside landlab and anuga where they are installed; write docs/validation/water_speed.md.

    python benchmarks/water.py [--n 500] [--simulated 300] [--peer-python PATH] [--out docs/validation/water_speed.md]

Case: n x n cells of 2 m, closed edges, blocks of buildings 5 m high, lower streets, 50 mm/h of rain. CPU seconds of the
process, kernels compiled before the clock starts; a rate counts cells (anuga: triangles) times steps.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RAIN = 50e-3 / 3600.0
PEERS = ("landlab", "anuga")


def make_case(n: int, size: float = 2.0, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Return bed [m] and roughness of the city."""
    rng = np.random.default_rng(seed)
    x = (np.arange(n) + 0.5) * size
    xx, yy = np.meshgrid(x, x)
    bed = 0.002 * (2 * n * size - xx - yy) + 0.25 * np.sin(2 * np.pi * xx / 170.0) * np.cos(2 * np.pi * yy / 230.0)
    street = (xx % 60.0 < 8.0) | (yy % 60.0 < 8.0)
    house = np.zeros((n, n), bool)
    for top in np.arange(0.0, n * size, 60.0):
        for left in np.arange(0.0, n * size, 60.0):
            if rng.random() < 0.15:
                continue
            for side in (14.0, 37.0):
                a, b = left + side + rng.integers(0, 3), top + 16.0 + rng.integers(0, 10)
                house |= (xx >= a) & (xx < a + 14.0) & (yy >= b) & (yy < b + 20.0)
    bed = np.where(street, bed - 0.12, bed) + 5.0 * house
    return bed - bed.min(), np.where(house, 0.013, np.where(street, 0.02, 0.05))


def report(name: str, cells: int, steps: int, cpu: float, wall: float) -> dict[str, Any]:
    return {
        "engine": name, "steps": steps, "cpu": cpu, "wall": wall, "rate": steps * cells / cpu / 1e6,
        "wall_rate": steps * cells / wall / 1e6, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def run_ours(solver: str, n: int, simulated: float, dtype: str, count: int) -> dict[str, Any]:
    """Run one of our solvers."""
    from models.parallel import set_threads
    from models.water.edges import Cells, Faces
    from models.water.inertial import InertialFlow
    from models.water.shallow_water import ShallowWaterFlow

    set_threads(count)
    bed, manning = make_case(n)
    faces = Faces.build(n, np.zeros((0, 6)), np.zeros(0))
    cells, _ = Cells.build((n, n), np.zeros(0), np.zeros(0))
    kind = InertialFlow if solver == "inertial" else ShallowWaterFlow
    warm = kind(
        bed[:64, :64], manning[:64, :64], 2.0, *[Faces.build(64, np.zeros((0, 6)), np.zeros(0)), cells], dtype=dtype
    )
    warm.cells = Cells.build((64, 64), np.zeros(0), np.zeros(0))[0]
    warm.advance(np.full((64, 64), 0.01, dtype), 0.0, 1.0)
    flow = kind(bed, manning, 2.0, faces, cells, dtype=dtype)
    depth = np.zeros((n, n), dtype)
    flow.advance(depth, 0.0, 1e-3)
    cpu, wall, first = time.process_time(), time.perf_counter(), flow.steps
    for start in np.arange(0.0, simulated, 10.0):
        depth += np.asarray(RAIN * 10.0, dtype)
        flow.advance(depth, start, start + 10.0)
    used, took = time.process_time() - cpu, time.perf_counter() - wall
    if not (np.isfinite(depth).all() and depth.min() >= 0):
        raise SystemExit("depths are wrong")
    return report(f"{solver}, {dtype}, {count} thread{'s' if count > 1 else ''}", n * n, flow.steps - first, used, took)


def run_landlab(n: int, simulated: float) -> dict[str, Any]:
    """Run landlab's OverlandFlow (steep slopes on)."""
    from landlab import RasterModelGrid
    from landlab.components import OverlandFlow

    bed, manning = make_case(n)
    grid = RasterModelGrid((n + 2, n + 2), xy_spacing=2.0)
    grid.add_field("topographic__elevation", np.pad(bed, 1, mode="edge").ravel(), at="node")
    grid.add_zeros("surface_water__depth", at="node")
    grid.set_closed_boundaries_at_grid_edges(True, True, True, True)
    grid.add_field(
        "mannings_n", grid.map_mean_of_link_nodes_to_link(np.pad(manning, 1, mode="edge").ravel()), at="link"
    )
    flow = OverlandFlow(grid, mannings_n="mannings_n", alpha=0.7, theta=0.9, steep_slopes=True, rainfall_intensity=RAIN)
    cpu, wall, now, steps = time.process_time(), time.perf_counter(), 0.0, 0
    while now < simulated:
        step = min(flow.calc_time_step(), 5.0, simulated - now)
        flow.run_one_step(step)
        now, steps = now + step, steps + 1
    return report("landlab OverlandFlow", n * n, steps, time.process_time() - cpu, time.perf_counter() - wall)


def run_anuga(n: int, simulated: float) -> dict[str, Any]:
    """Run anuga's DE0 on about as many triangles as there are cells."""
    import anuga

    bed, manning = make_case(n)
    side = round(n / 2**0.5)
    domain = anuga.rectangular_cross_domain(side // 2, side // 2, len1=2.0 * n, len2=2.0 * n)
    domain.set_flow_algorithm("DE0")
    domain.set_store(False)
    at = domain.centroid_coordinates
    i, j = (np.clip((at[:, k] / 2.0).astype(int), 0, n - 1) for k in (1, 0))
    for name, values in (("elevation", bed), ("friction", manning), ("stage", bed)):
        domain.set_quantity(name, values[i, j], location="centroids")
    domain.set_evolve_max_timestep(5.0)
    wall_edge = anuga.Reflective_boundary(domain)
    domain.set_boundary(dict.fromkeys(domain.get_boundary_tags(), wall_edge))
    anuga.Rate_operator(domain, rate=RAIN)
    cpu, wall, steps = time.process_time(), time.perf_counter(), 0
    for now in domain.evolve(yieldstep=simulated, duration=simulated):
        steps += domain.number_of_steps if now > 0 else 0
    return report("anuga DE0", len(at), steps, time.process_time() - cpu, time.perf_counter() - wall)


def child(python: str, job: list[str]) -> dict[str, Any] | None:
    """Run one job in a process of its own, so that memory and threads are its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT) if python == sys.executable else ""}
    done = subprocess.run(
        [python, __file__, "--job", *job], capture_output=True, text=True, env=environment, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--simulated", type=float, default=300.0)
    parser.add_argument("--peer-python")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation" / "water_speed.md")
    parser.add_argument("--job", nargs="*")
    given = parser.parse_args()
    if given.job:
        name, n, simulated = given.job[0], int(given.job[1]), float(given.job[2])
        peers = {"landlab": run_landlab, "anuga": run_anuga}
        done = (
            peers[name](n, simulated)
            if name in peers
            else run_ours(name, n, simulated, given.job[3], int(given.job[4]))
        )
        print(json.dumps(done))
        return
    size, length = str(given.n), str(given.simulated)
    short = str(given.simulated / 5)
    jobs = [
        ["inertial", size, length, "float32", "1"], ["inertial", size, length, "float32", "2"],
        ["inertial", size, length, "float64", "1"], ["shallow_water", size, short, "float32", "1"],
    ]  # fmt: skip
    found = [child(sys.executable, job) for job in jobs]
    if given.peer_python:
        found += [child(given.peer_python, [name, size, length]) for name in PEERS]
    rows = [one for one in found if one is not None]
    base = next(one for one in rows if one["engine"].startswith("inertial, float32, 1"))
    lines = [
        "# Stormwater: how fast is it?", "",
        f"Written by `python benchmarks/water.py`: {size} x {size} cells of 2 m, 50 mm/h, {length} s simulated (shallow water",
        f"{short} s), depth and velocity maxima and the positivity limiter on. Load of the machine when this began: "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.", "",
        "| engine | steps | CPU s | wall s | M cell-steps per CPU s | per wall s | inertial float32 is faster by | peak MB |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {one['engine']} | {one['steps']} | {one['cpu']:.2f} | {one['wall']:.2f} | {one['rate']:.1f} | "
            f"{one['wall_rate']:.1f} | {base['rate'] / one['rate']:.1f} | {one['memory']:.0f} |"
            for one in rows
        ), "",
    ]  # fmt: skip
    given.out.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
