"""Cases of ``benchmarks/scenarios.py`` about tiles: a large city, what tiles cost, and what survives a kill."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made_city
import numpy as np

Row = dict[str, Any]


def _site_and_weather(scenario: Path) -> tuple[Any, Any]:
    from twin.city.loading import load
    from twin.scenario.inputs import read_weather_of
    from twin.scenario.planned import planned_site
    from twin.scenario.schema import read_scenario

    asked = read_scenario(scenario)
    return planned_site(asked, load(asked.resolve(asked.city), area=asked.area)), read_weather_of(asked)


class _Memory(threading.Thread):
    """Watches how much memory a process and those it starts take."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.parent, self.workers, self.ended = pid, 0, 0, threading.Event()

    def run(self) -> None:
        import psutil

        try:
            main = psutil.Process(self.pid)
            while not self.ended.wait(0.2):
                self.parent = max(self.parent, main.memory_info().rss)
                for child in main.children(recursive=True):
                    try:
                        self.workers = max(self.workers, child.memory_info().rss)
                    except psutil.NoSuchProcess:
                        continue
        except psutil.NoSuchProcess:
            return


def _twin_run(scenario: Path, output: Path, *more: str) -> tuple[_Memory, str]:
    """Run ``twin run`` in a process of its own; return what memory it took and what it said."""
    command = [
        sys.executable,
        "-m",
        "twin.cli",
        "run",
        str(scenario),
        "--output",
        str(output),
        "--no-picture",
        "--lang",
        "en",
        *more,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    memory = _Memory(process.pid)
    memory.start()
    said, _ = process.communicate()
    memory.ended.set()
    assert process.returncode == 0, said
    return memory, said


def case_city(options: argparse.Namespace, timed: Callable[..., Any], row: Callable[..., Row]) -> list[Row]:
    """Run a large made city through the command line, and compare it with a run in one piece."""
    import xarray as xr

    from models import heat

    folder = options.folder / "city"
    scenario = made_city.write_city(folder, square_km=options.square_km, resolution=2.0)
    if options.hours < 24:
        rows = (folder / "weather.csv").read_text(encoding="utf-8").splitlines()
        (folder / "weather.csv").write_text("\n".join([rows[0], *rows[25 - options.hours :]]) + "\n", encoding="utf-8")
    site, weather = _site_and_weather(scenario)
    wall, cpu, (memory, _) = timed(lambda: _twin_run(scenario, folder / "result", "--workers", "2"))
    cells = site.sizes["y"] * site.sizes["x"]
    kept = xr.open_zarr(folder / "result" / "store.zarr", group="heat", chunks=None, consolidated=False)["utci"]
    step = float(kept.attrs["rounding"])
    whole = heat.simulate(site, weather.isel(time=slice(0, 1 if cells > 8e6 else None)), outputs=("utci",))
    same = True
    for number in range(whole.sizes["time"]):
        expected = np.rint(whole["utci"].values[number] / np.float32(step)) * np.float32(step)
        same &= bool(np.array_equal(kept.isel(time=number).values, expected, equal_nan=True))
    most = memory.workers / 2**30
    what = (
        f"made city of {cells * 4e-6:.1f} km2 at 2 m ({cells / 1e6:.1f} million cells), {options.hours} hours, in tiles, 2 workers: "
        "`twin run` from the files to the saved result"
    )
    part = f"{wall / 60:.1f} min, {most:.2f} GiB per worker, {'identical' if same else 'NOT identical'}"
    good = wall < 600 and most < 2.0 and same
    result = row(what, part, "< 10 min, < 2 GiB per worker, identical", good, wall=wall, cpu=cpu)
    if options.square_km < 20.0 or options.hours < 24:
        result["goal"] += " for 20 km2 and 24 hours: **a smaller case was run**"
    result["notes"] = [
        f"**The city**: `benchmarks/made_city.py`, perimeter blocks, towers of up to 60 m, street trees; UTCI of {whole.sizes['time']} hours of all "
        f"{cells / 1e6:.1f} million cells compared with the run in one piece. The process that reads the city, counts indicators and writes "
        f"the result took {memory.parent / 2**30:.2f} GiB at most, each worker {most:.2f} GiB."
    ]
    shutil.rmtree(folder)
    return [result]


def case_overhead(options: argparse.Namespace, timed: Callable[..., Any], row: Callable[..., Row]) -> list[Row]:
    """Processor time of tiles of 1,024 cells against the kernel on the whole; and of 1,024 tiles with nothing to do."""
    import twin
    from models import heat
    from models.parallel import set_threads

    folder = options.folder / "overhead"
    scenario = made_city.write_city(folder, square_km=4.096**2, resolution=2.0)
    site, weather = _site_and_weather(scenario)
    site = site.isel(y=slice(0, 2048), x=slice(0, 2048))
    set_threads(1)
    small = site.isel(y=slice(0, 64), x=slice(0, 64))
    heat.simulate(small, weather)
    twin.tiles.heat(small, weather, folder=folder / "warm", tile=64)
    _, plain, whole = timed(lambda: heat.simulate(site, weather))
    wall, cpu, found = timed(lambda: twin.tiles.heat(site, weather, folder=folder / "tiles", tile=1024))
    set_threads(None)
    same = all(
        np.array_equal(found[name].isel(time=hour).values, whole[name].values[hour], equal_nan=True)
        for name in whole.data_vars
        for hour in range(whole.sizes["time"])
    )
    ratio = 100.0 * (cpu / plain - 1.0)
    what = "tiles of 1,024 x 1,024 cells (4 of them, 24 hours, written to disk) against the plain kernel in one piece"
    figure = f"{ratio:+.0f} % CPU ({cpu:.1f} : {plain:.1f} s), {'identical' if same else 'NOT identical'}"
    rows = [row(what, figure, "<= +10 % CPU", ratio <= 10.0 and same, wall=wall, cpu=cpu)]
    many, seconds, _ = timed(
        lambda: twin.tiles.map_tiles(_nothing, site[["terrain_height"]], halo=0.0, folder=folder / "many", tile=64)
    )
    what = "1,024 tiles of 64 x 64 cells with nothing to compute: reading, writing through to the disk, marking as done"
    rows.append(row(what, f"{1000 * seconds / 1024:.1f} ms CPU a tile", "-", True, wall=many, cpu=seconds))
    shutil.rmtree(folder)
    return rows


def _nothing(layers: Any) -> Any:
    return layers


def case_killed(options: argparse.Namespace, timed: Callable[..., Any], row: Callable[..., Row]) -> list[Row]:
    """Kill a worker, then the whole run, in the middle of a city of 2 km2; compare with a run that nobody disturbed."""
    folder = options.folder / "killed"
    scenario = made_city.write_city(folder, square_km=2.0, resolution=2.0)
    calm, cpu, _ = timed(lambda: _twin_run(scenario, folder / "calm", "--workers", "2"))

    def done() -> int:
        place = folder / ".hurt.tiles" / "results.zarr" / "done" / "c"
        return sum(name.isdigit() for name in os.listdir(place)) if place.is_dir() else 0

    def begin() -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "twin.cli",
            "run",
            str(scenario),
            "--output",
            str(folder / "hurt"),
            "--no-picture",
        ]
        return subprocess.Popen(
            [*command, "--lang", "en", "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def until_one_is_done(process: subprocess.Popen[str]) -> None:
        while done() < 1:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)

    def same() -> bool:
        listed = subprocess.run(
            ["diff", "-r", str(folder / "calm"), str(folder / "hurt")], capture_output=True, text=True
        )
        return not listed.stdout and not listed.returncode

    first = begin()
    until_one_is_done(first)
    import psutil

    os.kill(psutil.Process(first.pid).children()[0].pid, signal.SIGKILL)
    _, err = first.communicate()
    assert first.returncode == 0, err
    worker = same()
    shutil.rmtree(folder / "hurt")
    second = begin()
    until_one_is_done(second)
    second.kill()
    second.communicate()
    kept = done()
    wall, _, (_, said) = timed(lambda: _twin_run(scenario, folder / "hurt", "--workers", "2"))
    went_on = f"{kept} of" in said
    good = worker and went_on and same()
    figure = f"{'finishes' if worker else 'FAILS'}, same bytes / {'goes on' if went_on else 'BEGINS ANEW'} after {kept} tile(s), same bytes"
    what = "kill -9 a worker / the whole run (2 km2, `twin run --workers 2`)"
    return [row(what, figure, "finishes / resumes, same bytes", good, wall=wall, cpu=cpu + 0.0 * calm)]
