"""Scenarios against the clock: a district, trees moved, a sweep, a hundred results compared, a city in tiles, runs killed.

    python benchmarks/scenarios.py [--only district moved compare sweep overhead killed city] [--keep FILE]
                                   [--hours 24] [--square-km 20] [--write docs/validation/scenarios.md]

Times are wall clock of this machine beside the processor time of all processes and the load when the case began, which
tells whether to trust them. ``--keep`` merges what is measured into a file of earlier measurements, so that cases can be
run one at a time on a busy machine; ``--write`` makes the page of all that is kept. Cases of tiles: ``scenarios_tiles.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import scenarios_tiles

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
Row = dict[str, Any]


def timed(action: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return wall time, processor time of this process and of those it has waited for [s], and what came out."""

    def processor() -> float:
        uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(use.ru_utime + use.ru_stime for use in uses)

    wall, before = time.perf_counter(), processor()
    found = action()
    return time.perf_counter() - wall, processor() - before, found


def row(what: str, figure: str, goal: str, reached: bool, *, wall: float, cpu: float) -> Row:
    """Return a row of the table."""
    return {
        "what": what, "figure": figure, "goal": goal, "reached": bool(reached), "wall": wall, "cpu": cpu,
        "load": os.getloadavg()[0], "cores": os.cpu_count(),
    }  # fmt: skip


def _settings(physics: tuple[str, ...], measures: bool) -> Any:
    """Return a scenario on the sample district with heat, storm or trees as its sample files have them."""
    from twin.scenario.schema import parse_scenario, read_scenario

    files = {"heat": "hitzetag", "water": "starkregen", "trees": "giessplan"}
    settings = read_scenario(SAMPLES / "hitzetag.toml").model_dump(exclude_unset=True) | {"run": {}}
    for one in physics:
        own = read_scenario(SAMPLES / f"{files[one]}.toml").model_dump(exclude_unset=True)
        settings["run"][one] = own["run"][one] if one in own.get("run", {}) else {}
        settings |= {"rain": own["rain"]} if "rain" in own else {}
    settings |= {"name": "+".join(physics), "resolution": 1.0}
    if measures:
        settings["measure"] = read_scenario(SAMPLES / "square-2035.toml").model_dump(exclude_unset=True)["measure"]
        settings["name"] += ", square 2035"
    return parse_scenario(settings, file=SAMPLES / "made.toml")


def case_district(_options: argparse.Namespace) -> list[Row]:
    """Run heat, storm and trees on the sample district: the baseline and one variant, geometry and kernels there."""
    from twin.scenario.execution import run

    physics = ("heat", "water", "trees")
    run(_settings(physics, False), progress=False)
    first, cpu_first, _ = timed(lambda: run(_settings(physics, False), progress=False))
    second, cpu_second, _ = timed(lambda: run(_settings(physics, True), progress=False))
    wall, cpu = first + second, cpu_first + cpu_second
    what = "sample district (500 m x 500 m at 1 m), heat + storm + trees, baseline and one variant, warm cache"
    figure = f"{wall:.0f} s ({first:.0f} + {second:.0f})"
    return [row(what, figure, "< 60 s", wall < 60.0, wall=wall, cpu=cpu)]


def _moved(scenario: Any) -> tuple[Any, int]:
    """Return the scenario with its planted rows a metre further, and how many trees that moves."""
    from twin.city.loading import load
    from twin.scenario.planned import planned_city
    from twin.scenario.schema import parse_scenario

    settings = scenario.model_dump(exclude_unset=True)
    for measure in settings["measure"]:
        if measure["kind"] == "plant_trees" and "line" in measure:
            measure["line"] = tuple((x + 1.0, y - 0.5) for x, y in measure["line"])
    moved = parse_scenario(settings, file=scenario.file)
    city = load(moved.resolve(moved.city))
    places = [set(planned_city(one, city)[0].trees.geometry.to_wkt()) for one in (scenario, moved)]
    return moved, len(places[1] - places[0])


def case_moved(_options: argparse.Namespace) -> list[Row]:
    """Move the trees of a variant: everything that depends on them again."""
    from twin.scenario.execution import run

    rows = []
    for physics in (("heat",), ("heat", "water", "trees")):
        variant = _settings(physics, True)
        run(variant, progress=False)
        after, count = _moved(variant)
        wall, cpu, _ = timed(lambda after=after: run(after, progress=False))
        what = f"{count} trees moved after a run, all indicators again: {' + '.join(physics)}"
        rows.append(row(what, f"{wall:.1f} s", "< 10 s", wall < 10.0, wall=wall, cpu=cpu))
    return rows


def case_compare(options: argparse.Namespace) -> list[Row]:
    """Compare a hundred results on disk in one table."""
    from twin.scenario.comparison import compare
    from twin.scenario.execution import run

    folder = options.folder / "compare"
    place = run(SAMPLES / "hitzetag.toml", progress=False).save(folder / "baseline")
    variants = [shutil.copytree(place, folder / f"v{number:03d}") for number in range(100)]
    wall, cpu, table = timed(lambda: compare(variants, place))
    assert len(table.variants) == 100
    return [
        row(
            "100 results compared with a baseline in one table",
            f"{wall:.2f} s",
            "< 5 s",
            wall < 5.0,
            wall=wall,
            cpu=cpu,
        )
    ]


SHORT = """
name = "Albedo {number}"
city = "{samples}/city.toml"
resolution = 1.0
area = [571700.0, 5676200.0, 572000.0, 5676500.0]
[weather]
path = "{samples}/wetter_hitzetag.csv"
interval = "end"
start = "2022-07-19T09:00"
end = "2022-07-19T16:00"
[weather.columns]
time = "Zeit (UTC)"
air_temperature = "Lufttemperatur (°C)"
relative_humidity = "Relative Feuchte (%)"
wind_speed = "Windgeschwindigkeit (m/s)"
global_radiation = "Globalstrahlung (W/m²)"
[run.heat]
[outputs]
formats = ["zarr"]
[[measure]]
kind = "plant_trees"
species = "Tilia cordata"
points = [[{x}, {y}]]
after = 20
"""


def case_sweep(options: argparse.Namespace) -> list[Row]:
    """Run 64 short scenarios with one process and with two."""
    import twin

    folder = options.folder / "sweep"
    folder.mkdir()
    for number in range(64):
        x, y = 571_760.0 + 25.0 * (number % 8), 5_676_260.0 + 25.0 * (number // 8)
        content = SHORT.format(number=number, samples=SAMPLES.as_posix(), x=x, y=y)
        (folder / f"short_{number:02d}.toml").write_text(content, encoding="utf-8")
    times = {}
    for workers in (1, 2):
        os.environ["TWIN_CACHE"] = str(options.folder / f"cache-{workers}")
        os.environ["TWIN_THREADS"] = "2"  # each of two gets one; one process alone uses both cores
        wall, cpu, table = timed(lambda w=workers: twin.sweep([folder], into=folder / f"with-{w}", workers=w))
        assert len(table) == 64
        times[workers] = (wall, cpu, int(table["done"].sum()), str(table["reason"].max()))
    assert times[2][2] == 64, times[2][3]
    alone = times[1][0]
    os.environ["TWIN_THREADS"] = "1"
    os.environ["TWIN_CACHE"] = str(options.folder / "cache-0")
    single, _, _ = timed(lambda: twin.sweep([folder], into=folder / "with-0", workers=1))
    del os.environ["TWIN_THREADS"]
    ratio, both = single / times[2][0], alone / times[2][0]
    figure = f"{ratio:.2f} ({single:.0f} s : {times[2][0]:.0f} s)"
    note = f"the same against one process with both cores: {both:.2f}"
    return [
        row("sweep of 64 short scenarios, 2 workers of one core against 1", figure, ">= 1.8", ratio >= 1.8,
            wall=single + times[2][0], cpu=times[2][1]),
        row(note, f"{both:.2f}", "-", True, wall=alone, cpu=times[1][1]),
    ]  # fmt: skip


def case_city(options: argparse.Namespace) -> list[Row]:
    """Run a large made city in tiles."""
    return scenarios_tiles.case_city(options, timed, row)


def case_overhead(options: argparse.Namespace) -> list[Row]:
    """Weigh tiles against the plain kernel."""
    return scenarios_tiles.case_overhead(options, timed, row)


def case_killed(options: argparse.Namespace) -> list[Row]:
    """Kill a worker and a whole run."""
    return scenarios_tiles.case_killed(options, timed, row)


CASES: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "district": case_district,
    "moved": case_moved,
    "city": case_city,
    "overhead": case_overhead,
    "killed": case_killed,
    "sweep": case_sweep,
    "compare": case_compare,
}

PAGE = """# Scenarios: how long do they take, and what survives?

Written by `python benchmarks/scenarios.py` on {cores} cores, kernels compiled before. *Processor* is the time of all cores and
processes; *load* is the work of others on the machine when the case ended (its own work included): above 2 the wall
time is longer than it would be alone.

| what | measured | goal | wall [s] | processor [s] | load |
|---|---|---|---|---|---|
{table}

## What stands behind it

- **Identical** means every number of every hour: the tiled run is compared with `heat.simulate` on the same grid by
  `numpy.array_equal`, and the saved result folder of `twin run --workers 2` with that of `twin run` file by file
  (`tests/faults/test_killed_runs.py`, `tests/scenario/test_tiles.py`).
- **Overhead** is the processor time of all tiles over that of the run in one piece, one thread each. Each tile walks a ray only from
  as far off as something can hide it, so that little is done twice; below 1 the smaller working set gives back more.
- **Killed** is `SIGKILL`: to a worker in the middle of its tile, and to the whole run. Tiles that were done are not done again.
- **Not tiled**: a flood on the surface has no finite reach; it is run whole, on all cores. Many storms are a sweep.
- **Trees moved** with all physics takes the flood of the whole district again: water runs differently everywhere. Heat alone works out
  only what the moved crowns change of the sky.
{notes}
"""


def write_page(rows: dict[str, list[Row]], path: Path) -> None:
    """Write the page of all rows that were measured."""
    lines, notes, cores = [], [], os.cpu_count()
    for one in (one for name in CASES for one in rows.get(name, [])):
        figure = one["figure"] if one["reached"] else f"**{one['figure']}, not reached**"
        lines.append(
            f"| {one['what']} | {figure} | {one['goal']} | {one['wall']:.0f} | {one['cpu']:.0f} | {one['load']:.1f} |"
        )
        cores = one["cores"]
        notes += [f"- {note}" for note in one.get("notes", [])]
    missing = [str(case.__doc__ or name).splitlines()[0] for name, case in CASES.items() if name not in rows]
    if missing:
        notes.append(
            "- **Not measured in this go** (run the script with `--only` on an idle machine): " + " ".join(missing)
        )
    path.write_text(
        PAGE.format(cores=cores, table="\n".join(lines), notes="\n".join(notes)).rstrip() + "\n", encoding="utf-8"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--square-km", type=float, default=20.0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    rows: dict[str, list[Row]] = {}
    if options.keep is not None and options.keep.is_file():
        rows = json.loads(options.keep.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        for name in options.only:
            os.environ["TWIN_CACHE"] = str(Path(folder) / "cache")
            rows[name] = CASES[name](options)
            for one in rows[name]:
                print(
                    f"{one['what']}: {one['figure']} (goal {one['goal']}; {one['cpu']:.0f} CPU s, load {one['load']:.1f})",
                    flush=True,
                )
            if options.keep is not None:
                options.keep.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    if options.write is not None:
        write_page(rows, options.write)


if __name__ == "__main__":
    main()
