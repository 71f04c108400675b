"""Run the package solweig on a scene and time it; needs nothing of this project, so it may run in an environment of its own.

    python benchmarks/heat_peer.py SCENE.npz FIGURES.json [--maps MAPS.npz] [--isotropic] [--threads 2]

The scene holds ``dsm``, ``dem``, ``cdsm``, ``tdsm`` [m], ``land_cover`` (UMEP codes), ``place`` (latitude, longitude [deg],
altitude [m], UTC offset [h]), ``times`` (local) and ``weather`` (hours, 6): air temperature [degC], humidity [%], global, direct normal
and diffuse radiation [W/m2], wind [m/s]. Its GPU paths are switched off: on a machine without a GPU it would
otherwise draw on a software one.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


def without_gpu() -> Any:
    """Return the package with all its GPU paths switched off."""
    import solweig

    solweig.disable_gpu()
    for name in ("disable_aniso_gpu", "disable_gvf_gpu", "disable_gvf_precompute_gpu"):
        getattr(solweig.rustalgos.pipeline, name)()
    return solweig


def hours(solweig: Any, scene: Any) -> list[Any]:
    """Return the weather of the scene in the package's form."""
    return [
        solweig.Weather(
            datetime=datetime.fromisoformat(str(stamp)), ta=float(row[0]), rh=float(row[1]), global_rad=float(row[2]),
            measured_direct_rad=float(row[3]), measured_diffuse_rad=float(row[4]), ws=float(row[5]), pressure=1013.25,
        )
        for stamp, row in zip(scene["times"], scene["weather"], strict=True)
    ]  # fmt: skip


def keep_maps(folder: str, path: Path) -> None:
    """Keep the hourly maps that the package wrote."""
    import rasterio

    stacks = {}
    for name in ("tmrt", "shadow", "kdown", "kup", "ldown", "lup"):
        layers = []
        for file in sorted(Path(folder, name).glob("*.tif")):
            with rasterio.open(file) as source:
                layers.append(source.read(1).astype(np.float32))
        stacks[name] = np.stack(layers)
    np.savez_compressed(path, **stacks)


def run(scene: Any, maps: Path | None, *, isotropic: bool, absorption: float) -> dict[str, float]:
    """Return CPU and wall seconds of both stages, and the peak memory [MiB]."""
    solweig = without_gpu()
    latitude, longitude, altitude, offset = (float(v) for v in scene["place"])
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="peer") as folder:
        cpu, wall = time.process_time(), time.perf_counter()
        surface = solweig.SurfaceData.prepare(
            dsm=scene["dsm"], dem=scene["dem"], cdsm=scene["cdsm"], tdsm=scene["tdsm"], land_cover=scene["land_cover"],
            pixel_size=1.0, smooth_quantized_dem=False, working_dir=f"{folder}/prepared",
        )  # fmt: skip
        figures["prepare CPU s"], figures["prepare wall s"] = time.process_time() - cpu, time.perf_counter() - wall
        place = solweig.Location(latitude=latitude, longitude=longitude, altitude=altitude, utc_offset=int(offset))
        day = hours(solweig, scene)
        outputs = ["tmrt", "shadow", "kdown", "kup", "ldown", "lup"] if maps else None
        cpu, wall = time.process_time(), time.perf_counter()
        solweig.calculate(
            surface, day, place, output_dir=f"{folder}/out", use_anisotropic_sky=not isotropic, outputs=outputs,
            human=solweig.HumanParams(abs_l=absorption),
        )  # fmt: skip
        figures["day CPU s"], figures["day wall s"] = time.process_time() - cpu, time.perf_counter() - wall
        if maps:
            keep_maps(f"{folder}/out", maps)
    marks = [line for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if "VmHWM" in line]
    figures["peak MiB"] = int(marks[0].split()[1]) / 1024  # getrusage would count the parent's memory
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--maps", type=Path)
    parser.add_argument("--isotropic", action="store_true")
    parser.add_argument("--absorption", type=float, default=0.97)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
    figures = run(np.load(options.scene), options.maps, isotropic=options.isotropic, absorption=options.absorption)
    options.figures.write_text(json.dumps({"version": version("solweig"), **figures}))


if __name__ == "__main__":
    main()
