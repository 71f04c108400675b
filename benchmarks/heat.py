"""Time the heat model on a made town, beside the peer where it is installed, and write docs/validation/heat_speed.md.

    python benchmarks/heat.py [--n 500 1000] [--peer solweig [--peer-python PATH]] [--threads 2]

CPU seconds of this process over all threads, best of the repetitions; kernels are compiled before the clock starts.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pvlib
import xarray as xr

from models import heat
from models.heat.comfort_maps import index_of_map
from models.layers import LAND_COVER
from models.parallel import set_threads, threads

ROOT = Path(__file__).resolve().parents[1]
LATITUDE, LONGITUDE, ALTITUDE = 49.87, 8.65, 140.0


def make_town(n: int, seed: int = 11) -> xr.Dataset:
    """Return a town of n x n cells of 1 m: closed blocks with yards, rows, towers, parks, street trees, a gentle slope."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[0:n, 0:n].astype(np.float32)
    terrain = 100.0 + 0.005 * (xx + 0.5 * (n - yy))
    roof, cover = np.zeros((n, n), np.float32), np.full((n, n), LAND_COVER["asphalt"], np.uint8)
    for top in range(0, n, 90):
        for left in range(0, n, 90):
            block = (slice(top, min(top + 72, n)), slice(left, min(left + 72, n)))
            kind = rng.random()
            if kind < 0.15:
                cover[block] = LAND_COVER["grass"]
            elif kind < 0.65:
                depth = int(rng.integers(10, 14))
                roof[block] = rng.uniform(12, 22)
                yard = (slice(top + depth, max(top + 72 - depth, 0)), slice(left + depth, max(left + 72 - depth, 0)))
                roof[yard] = 0.0
                cover[yard] = LAND_COVER["grass"]
            elif kind < 0.92:
                for row in range(top, min(top + 60, n), 24):
                    roof[row : row + 12, block[1]] = rng.uniform(8, 16)
                    cover[row + 12 : row + 24, block[1]] = LAND_COVER["grass"]
            else:
                roof[top + 20 : top + 48, left + 20 : left + 48] = rng.uniform(35, 60)
    cover[roof > 0] = LAND_COVER["building"]
    crown, trunk = np.zeros((n, n), np.float32), np.zeros((n, n), np.float32)
    for _ in range(n * n // 110):
        plant_tree(rng, roof, crown, trunk, yy, xx)
    layers = {
        "terrain_height": terrain.astype(np.float32),
        "surface_height": (terrain + roof).astype(np.float32),
        "canopy_height": crown,
        "trunk_height": trunk,
        "building_id": (roof > 0).astype(np.int32),
        "land_cover": cover,
    }
    coordinates = {"y": np.arange(n)[::-1] + 0.5, "x": np.arange(n) + 0.5}
    place = {"latitude": LATITUDE, "longitude": LONGITUDE}
    return xr.Dataset({k: (("y", "x"), v) for k, v in layers.items()}, coordinates, place)


def plant_tree(rng: np.random.Generator, roof: Any, crown: Any, trunk: Any, yy: Any, xx: Any) -> None:
    """Plant one tree beside the buildings, in place."""
    n = roof.shape[0]
    i, j = (int(v) for v in rng.integers(0, n, 2))
    if roof[i, j] > 0 or rng.random() < 0.25:
        return
    radius, height = rng.uniform(1.5, 4.5), rng.uniform(5, 16)
    box = (slice(max(int(i - radius), 0), int(i + radius) + 2), slice(max(int(j - radius), 0), int(j + radius) + 2))
    distance = ((yy[box] - i) ** 2 + (xx[box] - j) ** 2) / radius**2
    top = height * (0.75 + 0.25 * np.sqrt(np.clip(1 - distance, 0, 1)))
    inside = (distance <= 1) & (roof[box] == 0) & (top > crown[box])
    crown[box][inside] = top[inside]
    trunk[box][inside] = 0.25 * height


def make_day() -> xr.Dataset:
    """Return a clear hot day, 24 hours, UTC, by the Ineichen sky."""
    times = pd.date_range("2022-07-18 23:00", periods=24, freq="h", tz="UTC")
    sky = pvlib.location.Location(LATITUDE, LONGITUDE, "UTC", ALTITUDE).get_clearsky(times, linke_turbidity=3.5)
    air = 28.5 + 8.5 * np.cos(2 * np.pi * (np.arange(24) - 16) / 24)
    humidity = 100 * np.exp(17.625 * 13 / 256.04) / np.exp(17.625 * air / (air + 243.04))
    columns = {
        "air_temperature": air,
        "relative_humidity": np.minimum(humidity, 100.0),
        "wind_speed": np.full(24, 2.0),
        "global_radiation": sky["ghi"].to_numpy(),
        "direct_normal_radiation": sky["dni"].to_numpy(),
        "diffuse_radiation": sky["dhi"].to_numpy(),
    }
    data = {name: ("time", values) for name, values in columns.items()}
    return xr.Dataset(data, {"time": times.tz_localize(None).to_numpy()}, {"interval": "instant"})


def clock(function: Callable[[], Any], repeat: int = 3) -> tuple[float, float, Any]:
    """Return the least CPU seconds, the least wall seconds, and the last result."""
    cpu, wall, result = [], [], None
    for _ in range(repeat):
        c, w = time.process_time(), time.perf_counter()
        result = function()
        cpu.append(time.process_time() - c)
        wall.append(time.perf_counter() - w)
    return min(cpu), min(wall), result


def move_ten_trees(site: xr.Dataset) -> xr.Dataset:
    """Return the town with ten more trees on its streets."""
    after = site.copy(deep=True)
    rng, n = np.random.default_rng(5), site.sizes["x"]
    yy, xx = np.mgrid[0:n, 0:n].astype(np.float32)
    roof = site.surface_height.values - site.terrain_height.values
    for _ in range(14):
        plant_tree(rng, roof, after.canopy_height.values, after.trunk_height.values, yy, xx)
    return after


def ours(n: int) -> dict[str, float]:
    """Return the figures of one size."""
    site, day = make_town(n), make_day()
    cells = n * n
    cpu, wall, geometry = clock(lambda: heat.prepare(site))
    figures = {"prepare us/cell": cpu / cells * 1e6, "prepare wall s": wall}
    cpu_day, wall_day, result = clock(lambda: heat.simulate(site, day, geometry=geometry), 2)
    figures |= {
        "step us/cell": cpu_day / cells / 24 * 1e6,
        "24 h wall s": wall_day,
        "prepare + 24 h CPU s": cpu + cpu_day,
    }
    noon = day.isel(time=slice(14, 15))
    tmrt = result.tmrt.values[14]
    figures["PET map us/cell"] = clock(lambda: index_of_map(heat.pet, tmrt, 35.0, 35.0, 30.0, 1.3), 5)[0] / cells * 1e6
    after = move_ten_trees(site)
    figures["ten trees: geometry wall s"] = clock(lambda: geometry.update(after))[1]
    figures["ten trees: 15:00 map wall s"] = clock(
        lambda: heat.simulate(after, noon, geometry=geometry.update(after), outputs="utci")
    )[1]
    figures["peak MiB"] = fresh_process("memory", n)
    figures["UTCI max"] = float(result.utci.max())
    return figures


def fresh_process(what: str, n: int) -> float:
    """Return what a process of its own measures: "memory" of a day [MiB], or "cold", the first run without compiled kernels [s]."""
    with tempfile.TemporaryDirectory(prefix="numba") as folder:
        environment = os.environ | ({"NUMBA_CACHE_DIR": folder} if what == "cold" else {})
        command = [sys.executable, __file__, "--measure", what, "--n", str(n), "--threads", str(threads())]
        found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(found.stdout)


def measure(what: str, n: int) -> float:
    """Return the peak memory of this process after a day [MiB], or the CPU seconds of a first day."""
    cpu = time.process_time()
    site, day = make_town(n), make_day()
    heat.simulate(site, day, geometry=heat.prepare(site))
    if what == "cold":
        return time.process_time() - cpu
    return peak_memory()


def peak_memory() -> float:
    """Return the peak memory of this process [MiB]; what its parent had before counts for getrusage, not for the kernel's own mark."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_scene(path: Path, site: xr.Dataset, day: xr.Dataset) -> None:
    """Write the town and the day in the peer's form: local stamps, its land-cover codes."""
    codes = np.full(site.land_cover.shape, 1, np.uint8)
    codes[site.land_cover.values == LAND_COVER["building"]] = 2
    codes[site.land_cover.values == LAND_COVER["grass"]] = 5
    columns = (
        "air_temperature",
        "relative_humidity",
        "global_radiation",
        "direct_normal_radiation",
        "diffuse_radiation",
    )
    local = pd.DatetimeIndex(day.time.values) + pd.Timedelta(hours=1)
    np.savez(
        path,
        dsm=site.surface_height.values,
        dem=site.terrain_height.values,
        cdsm=site.canopy_height.values,
        tdsm=site.trunk_height.values,
        land_cover=codes,
        place=np.array([LATITUDE, LONGITUDE, ALTITUDE, 1.0]),
        times=local.strftime("%Y-%m-%dT%H:%M").to_numpy(str),
        weather=np.stack([day[c].values for c in (*columns, "wind_speed")], axis=1),
    )


def run_peer(
    python: str, site: xr.Dataset, day: xr.Dataset, folder: Path, *options: str
) -> tuple[dict[str, float], Path]:
    """Return what the peer's own process measured, and where its hourly maps are (with the option ``--maps``)."""
    scene, figures, maps = folder / "scene.npz", folder / "figures.json", folder / "maps.npz"
    write_scene(scene, site, day)
    given = [str(maps) if option == "MAPS" else option for option in options]
    command = [python, str(Path(__file__).with_name("heat_peer.py")), str(scene), str(figures), *given]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(figures.read_text()), maps


def peer(n: int, python: str, threads: int) -> dict[str, float]:
    """Return the figures of the package solweig (GPU paths off), on the same town and day."""
    with tempfile.TemporaryDirectory(prefix="heat") as folder:
        found, _ = run_peer(python, make_town(n), make_day(), Path(folder), "--threads", str(threads))
    return {
        "prepare us/cell": found["prepare CPU s"] / n / n * 1e6,
        "prepare wall s": found["prepare wall s"],
        "step us/cell": found["day CPU s"] / n / n / 24 * 1e6,
        "24 h wall s": found["day wall s"],
        "prepare + 24 h CPU s": found["prepare CPU s"] + found["day CPU s"],
        "peak MiB": found["peak MiB"],
    }


IDLE = {
    500: {"prepare us/cell": 73.0, "step us/cell": 9.5, "peak MiB": 633.0},
    1000: {"prepare us/cell": 86.0, "step us/cell": 14.2, "prepare + 24 h CPU s": 427.0, "peak MiB": 1980.0},
}
"""What the peer took on a machine without other work, same scene."""


def page(found: dict[int, dict[str, float]], theirs: dict[int, dict[str, float]], used: int) -> list[str]:
    """Return the lines of the page."""
    idle = {n: IDLE[n] for n in found if n in IDLE}
    head = [f"{n} x {n}" for n in found]
    for label, others in (("peer", theirs), ("peer, idle machine,", idle)):
        head += [f"{label} {n}" for n in others] + [f"ratio {n}" for n in others]
    lines = [
        "# Heat: how fast is it?",
        "",
        f"Written by `python benchmarks/heat.py`, {used} threads, {platform.machine()}, 1 m cells, buildings and trees,",
        "anisotropic sky, one clear day by the hour; CPU time over all threads, kernels compiled before; peak memory of the whole",
        "process. The peer is the package solweig 0.1.0b96, its GPU paths off, on the same scene, in a process of its own, in the same run;",
        "beside it what the same package took on a machine without other work: the ratios to take.",
        "",
        "| stage | " + " | ".join(head) + " |",
        "|---|" + "---|" * len(head),
    ]
    for name in next(iter(found.values())):
        row = [f"{figures[name]:.3g}" for figures in found.values()]
        for others in (theirs, idle):
            row += [f"{t[name]:.3g}" if name in t else "" for t in others.values()]
            row += [f"{t[name] / found[n][name]:.1f}" if name in t else "" for n, t in others.items()]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[500, 1000])
    parser.add_argument("--peer", choices=["solweig"])
    parser.add_argument("--peer-python", default=sys.executable, help="Python of the environment that holds the peer.")
    parser.add_argument("--peer-n", type=int, nargs="+", help="Sizes at which the peer runs, by default all.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation" / "heat_speed.md")
    parser.add_argument("--measure", choices=["memory", "cold"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    set_threads(options.threads)
    if options.measure:
        print(measure(options.measure, options.n[0]))
        return
    load = os.getloadavg()[0]
    cold = fresh_process("cold", 60)
    ours(60)  # compiles
    found = {n: ours(n) for n in sorted(options.n)}
    sizes = sorted(found)
    at = [n for n in sizes if n in (options.peer_n or sizes)] if options.peer else []
    theirs = {n: peer(n, options.peer_python, options.threads) for n in at}
    lines = page(found, theirs, options.threads)
    lines += [
        "",
        f"First run of all on 60 x 60 cells, kernels not yet compiled: {cold:.0f} CPU s; later ones find them on disk. Load of the",
        f"machine by others when this began: {load:.1f} on {os.cpu_count()} cores; other work makes CPU seconds longer too, those of the peer, which",
        "runs once, more than ours, the best of three.",
    ]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
