"""The made city of the speed test and the engines that run on it; :mod:`water` runs each in a process of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RAIN = 50e-3 / 3600.0


def make_case(n: float, size: float = 2.0, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Return bed [m] and roughness of the city."""
    n = int(n)
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


def run_ours(
    solver: str, n: int, simulated: float, dtype: str, count: int, order: int = 1, repeat: int = 3
) -> dict[str, Any]:
    """Run one of our solvers and return the best of some runs."""
    from models.parallel import set_threads
    from models.water.edges import Cells, Faces
    from models.water.inertial import InertialFlow
    from models.water.shallow_water import ShallowWaterFlow

    set_threads(count)

    def start(cells: int) -> tuple[Any, np.ndarray]:
        bed, manning = make_case(cells)
        given = (bed, manning, 2.0, Faces.build(cells, np.zeros((0, 6)), np.zeros(0)))
        inflow = Cells.build((cells, cells), np.zeros(0), np.zeros(0))[0]
        depth = np.zeros((cells, cells), dtype)
        if solver == "inertial":
            return InertialFlow(*given, inflow, dtype=dtype), depth
        return ShallowWaterFlow(*given, inflow, dtype=dtype, order=order), depth

    warm, depth = start(64)
    warm.advance(depth + np.asarray(0.01, dtype), 0.0, 1.0)
    best: dict[str, Any] = {}
    for _ in range(repeat):
        flow, depth = start(n)
        flow.advance(depth, 0.0, 1e-3)
        cpu, wall, first = time.process_time(), time.perf_counter(), flow.steps
        for begin in np.arange(0.0, simulated, 10.0):
            depth += np.asarray(RAIN * 10.0, dtype)
            flow.advance(depth, begin, begin + 10.0)
        used, took = time.process_time() - cpu, time.perf_counter() - wall
        if not (np.isfinite(depth).all() and depth.min() >= 0):
            raise SystemExit("depths are wrong")
        name = solver + (" second order" if order == 2 else "")
        found = report(
            f"{name}, {dtype}, {count} thread{'s' if count > 1 else ''}", n * n, flow.steps - first, used, took
        )
        best = {
            **found,
            "cpu": min(found["cpu"], best.get("cpu", np.inf)),
            "wall": min(found["wall"], best.get("wall", np.inf)),
        }
        best |= {
            "rate": best["steps"] * n * n / best["cpu"] / 1e6,
            "wall_rate": best["steps"] * n * n / best["wall"] / 1e6,
        }
    return best


def run_whole(n: int, size: float, duration: float, count: int) -> dict[str, Any]:
    """Run a whole flood, rain for its first half, as a user does: from layers to maps."""
    import xarray as xr

    from models.parallel import set_threads
    from models.water import flood

    set_threads(count)
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # making the case takes more memory than the flood: not in this process
        code = "import sys, numpy, water_engines as w; numpy.savez(sys.argv[1], *(a.astype('f4') for a in w.make_case(*map(float, sys.argv[2:]))))"
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        file = f"{folder}/case.npz"
        subprocess.run([sys.executable, "-c", code, file, str(n), str(size)], check=True, env=environment)
        with np.load(file) as case:
            bed, manning = case["arr_0"], case["arr_1"]
    place = (np.arange(n) + 0.5) * size
    site = xr.Dataset(
        {"terrain_height": (("y", "x"), bed), "manning_n": (("y", "x"), manning)}, {"y": place[::-1], "x": place}
    )
    rates = np.array([50.0, 0.0])
    rain = xr.DataArray(rates, dims="time", coords={"time": [0.0, duration / 2.0]}, attrs={"units": "mm h-1"})
    small = site.isel(y=slice(0, 40), x=slice(0, 40))
    flood(small, rain, duration=5.0, losses=None, boundaries="closed")
    cpu, wall = time.process_time(), time.perf_counter()
    found = flood(site, rain, duration=duration, losses=None, boundaries="closed")
    used, took = time.process_time() - cpu, time.perf_counter() - wall
    row = report(f"whole flood, {n} x {n} cells of {size:g} m", n * n, int(found.attrs["steps"]), used, took)
    return row | {"balance": abs(float(found.attrs["balance_error"]))}


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
