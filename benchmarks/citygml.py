"""Reading CityGML: real tiles repeated to a large file, CPU seconds and memory of one process each.

Usage::

    python benchmarks/citygml.py [--data ../shared/data] [--megabytes 100] [--write docs/validation/citydata.md]

The large files are made of the real tiles under ``--data`` (ids and references get a suffix in each pass, so that
nothing repeats). Each reader runs in a process of its own; time is user plus system CPU, memory the highest resident
size of that process, both without and with what importing alone costs. Peers run beside where they are installed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SETS = {
    "LoD2 (Berlin)": [
        "berlin-lod2/3910_5817.gml",
        "berlin-lod2/3900_5820.gml",
        "berlin-lod2/3910_5819.gml",
    ],
    "LoD2 AdV (NRW tile)": ["nrw-adv-lod2/in_old.gml"],
    "LoD3 (Ingolstadt)": ["ingolstadt-lod3/4018128.xml", "ingolstadt-lod3/4018194.xml", "ingolstadt-lod3/4018216.xml"],
}

MEASURE = """
import json, resource, sys, time
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
    "urban-twin": (
        "from twin.city.citygml import read_citygml; import twin.city.citygml.numbers",
        "read_citygml(sys.argv[1])",
        "{k: v for k, v in result.counts().items() if v} | {'points': len(result.polygons.xyz)}",
    ),
    "expat, start tags counted": (
        "from xml.parsers import expat\n"
        "def count(path):\n"
        "    n = [0]\n"
        "    def start(name, attrs):\n"
        "        n[0] += 1\n"
        "    parser = expat.ParserCreate(); parser.StartElementHandler = start\n"
        "    with open(path, 'rb') as stream:\n"
        "        parser.ParseFile(stream)\n"
        "    return n[0]",
        "count(sys.argv[1])",
        "{'elements': result}",
    ),
    "bimfabrikhh-core-rs": (
        "import bimfabrikhh_core_rs as peer",
        "peer.parse_gml(sys.argv[1])",
        "{'buildings': len(result)}",
    ),
    "lxml, whole document": (
        "from lxml import etree",
        "etree.parse(sys.argv[1], etree.XMLParser(huge_tree=True))",
        "{'elements': sum(1 for _ in result.iter())}",
    ),
}


def make_large(files: list[Path], target: Path, megabytes: float) -> None:
    """Repeat the members of real tiles until the file has the wanted size."""
    pattern = re.compile(rb"<((?:core:)?cityObjectMember)>.*?</\1>", re.DOTALL)
    tiles = [(raw, list(pattern.finditer(raw))) for raw in (file.read_bytes() for file in files)]
    head, members = tiles[0]
    written, turn = 0, 0
    with target.open("wb") as out:
        out.write(head[: members[0].start()])
        while written < megabytes * 1e6:
            for _, found in tiles:
                for member in found:
                    written += out.write(_renamed(member.group(0), turn) + b"\n")
            turn += 1
        out.write(head[members[-1].end() :])


def _renamed(block: bytes, turn: int) -> bytes:
    suffix = b"_%d" % turn
    block = re.sub(rb'(gml:id="[^"]*)"', rb"\1" + suffix + b'"', block)
    return re.sub(rb'(href="#[^"]*)"', rb"\1" + suffix + b'"', block)


def measure(reader: str, file: Path) -> dict[str, object] | None:
    """Run one reader in a process of its own; None where it is not installed."""
    imports, call, found = READERS[reader]
    script = MEASURE.format(imports=imports, call=call, found=found)
    run = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False)
    if run.returncode:
        print(f"  {reader}: not run ({run.stderr.strip().splitlines()[-1][:100] if run.stderr else 'no output'})")
        return None
    return json.loads(run.stdout.strip().splitlines()[-1])


def table(data: Path, megabytes: float, folder: Path) -> list[str]:
    lines = [
        "| file | reader | MB | CPU s | MB/s CPU | memory MB (of it imports) | found |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for name, tiles in SETS.items():
        file = folder / (re.sub(r"\W+", "_", name) + ".gml")
        make_large([data / tile for tile in tiles], file, megabytes)
        size = file.stat().st_size / 1e6
        for reader in READERS:
            result = measure(reader, file)
            if result is None:
                continue
            seconds, peak, bare = float(result["seconds"]), float(result["peak"]), float(result["bare"])
            found = ", ".join(f"{count:,} {what}" for what, count in dict(result["found"]).items())
            lines.append(
                f"| {name} | {reader} | {size:.1f} | {seconds:.2f} | {size / seconds:.0f} | {peak:.0f} ({bare:.0f}) | {found} |"
            )
            print(lines[-1])
        file.unlink()
    return lines


def write(page: Path, lines: list[str]) -> None:
    """Replace the table between the markers of the page."""
    start, end = "<!-- citygml table -->", "<!-- /citygml table -->"
    text = page.read_text(encoding="utf-8")
    before, after = text.split(start)[0], text.split(end)[1]
    page.write_text(before + start + "\n\n" + "\n".join(lines) + "\n\n" + end + after, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--write", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = table(given.data, given.megabytes, Path(folder))
    if given.write is not None:
        write(given.write, lines)


if __name__ == "__main__":
    main()
