"""Scenarios in time: a baseline, its variant, trees moved, and a hundred results in one table.

Run ``python benchmarks/scenarios.py``; it prints a table of measured times against their goals. Times are wall clock of
this machine, beside the processor time of the process and the load of the machine, which tells whether to trust them.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"


def _timed(action) -> tuple[float, float, object]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = action()
    return time.perf_counter() - wall, time.process_time() - cpu, found


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TWIN_CACHE"] = str(Path(folder) / "cache")
        from twin.scenario.comparison import compare
        from twin.scenario.execution import run
        from twin.scenario.schema import parse_scenario, read_scenario

        file = SAMPLES / "square-2035.toml"
        run(SAMPLES / "hitzetag.toml", progress=False)  # compiles and fills the cache
        wall, cpu, baseline = _timed(lambda: run(SAMPLES / "hitzetag.toml", progress=False))
        rows.append(("baseline, heat, warm cache", wall, cpu, 60.0))
        wall, cpu, variant = _timed(lambda: run(file, progress=False))
        rows.append(("variant of it", wall, cpu, 60.0))
        settings = read_scenario(file).model_dump(exclude_unset=True)
        for measure in settings["measure"]:
            if measure["kind"] == "plant_trees" and "line" in measure:
                measure["line"] = tuple((x + 1.0, y - 0.5) for x, y in measure["line"])
        moved = parse_scenario(settings, file=file)
        wall, cpu, _ = _timed(lambda: run(moved, progress=False))
        rows.append(("8 trees of the variant moved, all indicators again", wall, cpu, 10.0))
        place = variant.save(Path(folder) / "variant")  # type: ignore[attr-defined]
        wall, cpu, _ = _timed(lambda: compare([place] * 100, baseline))  # type: ignore[arg-type]
        rows.append(("100 results in one table", wall, cpu, 5.0))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| what | wall [s] | process [s] | goal [s] |\n|---|---|---|---|")
    for name, wall, cpu, goal in rows:
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {goal:.0f} |")


if __name__ == "__main__":
    main()
