"""Reading and writing CityJSON: a real file repeated to 24 MB, CPU seconds and memory of one process each.

Usage::

    python benchmarks/cityjson.py [--data ../shared/data] [--copies 18] [--runs 3]

The large file holds copies of Rotterdam-Delfshaven side by side: 15,354 buildings, 400,428 vertices. Each reader runs
in a process of its own; time is user plus system CPU of the call (imports left out), the least of several runs, memory
the highest resident size of the process. Peers run beside where they are installed (``pip install orjson cjio``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = "cityjson/3-20-DELFSHAVEN.city.json"

MEASURE = """
import json, resource, sys
{imports}
def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime, u.ru_maxrss / 1024
before, bare = used()
result = {call}
after, peak = used()
print(json.dumps({{"seconds": after - before, "bare": bare, "peak": peak, "found": {found}}}))
"""

READERS = {
    "urban-twin: to a City, with planes and footprints": (
        "from twin.city.cityjson import read_cityjson",
        "read_cityjson(sys.argv[1])",
        "[len(result.objects), len(result.polygons)]",
    ),
    "urban-twin: to columns": (
        "from twin.city.cityjson.reading import columns_of_file\nfrom twin.city.gaps import GapLog",
        "columns_of_file(sys.argv[1])",
        "[len(result.objects['id']), len(result.polygons)]",
    ),
    "json: to Python objects": (
        "",
        "json.load(open(sys.argv[1], 'rb'))",
        "[len(result['CityObjects']), len(result['vertices'])]",
    ),
    "orjson: to Python objects": (
        "import orjson",
        "orjson.loads(open(sys.argv[1], 'rb').read())",
        "[len(result['CityObjects']), len(result['vertices'])]",
    ),
    "cjio: to Python objects": (
        "from cjio import cityjson",
        "cityjson.reader(open(sys.argv[1]))",
        "[len(result.j['CityObjects']), len(result.j['vertices'])]",
    ),
    "cityjson-lib: to its own model": (
        "from cityjson_lib import CityModel",
        "CityModel.parse_document_bytes(open(sys.argv[1], 'rb').read())",
        "str(result.summary())[:60]",
    ),
    "urban-twin: write": (
        "from twin.city.cityjson import read_cityjson, write_cityjson\ncity = read_cityjson(sys.argv[1])",
        "write_cityjson(city, sys.argv[1] + '.out.city.json')",
        "result.stat().st_size",
    ),
}


def make(source: Path, copies: int, target: Path) -> None:
    """Write copies of a document into one: ids get a suffix, vertex numbers and places a shift."""
    document = json.loads(source.read_text(encoding="utf-8"))
    count, width = len(document["vertices"]), max(vertex[0] for vertex in document["vertices"]) + 10_000
    objects, vertices = {}, []

    def shifted(value: list | int, by: int) -> list | int:
        return value + by if isinstance(value, int) else [shifted(inner, by) for inner in value]

    for copy in range(copies):
        for name, value in document["CityObjects"].items():
            geometries = [
                {key: inner for key, inner in geometry.items() if key not in ("texture", "material")}
                | {"boundaries": shifted(geometry["boundaries"], copy * count)}
                for geometry in value.get("geometry", ())
            ]
            relations = {
                key: [f"{one}_{copy}" for one in value[key]] for key in ("parents", "children") if key in value
            }
            objects[f"{name}_{copy}"] = value | relations | {"geometry": geometries}
        vertices += [[x + copy * width, y, z] for x, y, z in document["vertices"]]
    document.pop("appearance", None)
    document |= {"CityObjects": objects, "vertices": vertices}
    target.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def measured(name: str, path: Path, runs: int) -> dict[str, float] | None:
    """Return the best of several runs; None where the reader is not installed."""
    imports, call, found = READERS[name]
    code = MEASURE.format(imports=imports, call=call, found=found)
    best = None
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", code, os.fspath(path)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            missing = "ModuleNotFoundError" in done.stderr
            print(f"{name:52s} {'not installed' if missing else done.stderr.strip().splitlines()[-1]}")
            return None
        run = json.loads(done.stdout.splitlines()[-1])
        best = run if best is None or run["seconds"] < best["seconds"] else best
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--copies", type=int, default=18)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    source = options.data / SOURCE
    if not source.is_file():
        sys.exit(f"{source} is not there: name the folder of real city data with --data.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.city.json"
        make(source, options.copies, path)
        size = path.stat().st_size / 1e6
        print(
            f"{size:.1f} MB, best of {options.runs} runs\n{'':52s} {'CPU s':>7s} {'MB/s':>7s} {'peak MB':>8s} {'- import':>8s}"
        )
        for name in READERS:
            run = measured(name, path, options.runs)
            if run is not None:
                rate, grown = size / run["seconds"], run["peak"] - run["bare"]
                print(f"{name:52s} {run['seconds']:7.2f} {rate:7.1f} {run['peak']:8.0f} {grown:8.0f}  {run['found']}")


if __name__ == "__main__":
    main()
