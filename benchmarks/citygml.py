"""Reading CityGML: real tiles repeated to a large file, CPU seconds and memory of one process each.

Usage::

    python benchmarks/citygml.py [--data ../shared/data] [--megabytes 100] [--peers PYTHON] [--write docs/validation/citydata.md]

The large files are made of the real tiles under ``--data`` (ids and references get a suffix in each pass, so that
nothing repeats). Each reader runs in a process of its own, one after the other, in the same run; time is user plus system
CPU without what importing and loading compiled code cost (told apart), memory the highest resident size of that process.
"Ceiling" is a reader that only counts start tags through expat; its speed says how busy the machine was, so the ratio to
it is what can be compared between runs. Peers run with the Python named by ``--peers``, where they are installed.
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
def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime, u.ru_maxrss / 1024
{imports}
before, bare = used()
start = time.perf_counter()
result = {call}
wall = time.perf_counter() - start
after, peak = used()
print(json.dumps({{"load": before, "seconds": after - before, "wall": wall, "bare": bare, "peak": peak, "found": {found}}}))
"""

CEILING = "ceiling: start tags counted (expat)"
LOADED = """
from twin.city.citygml import read_citygml
from twin.city.citygml.scanning import scan_document
ring = b"<b:lod1MultiSurface><g:Polygon><g:exterior><g:LinearRing><g:posList>0 0 0 1 0 0 1 1 0</g:posList></g:LinearRing></g:exterior></g:Polygon></b:lod1MultiSurface>"
scan_document([b'<CityModel xmlns="http://www.opengis.net/citygml/2.0" xmlns:b="http://www.opengis.net/citygml/building/2.0" xmlns:g="http://www.opengis.net/gml"><b:Building>' + ring + b"</b:Building></CityModel>"], "warm")
"""
READERS = {
    CEILING: (
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
    "urban-twin: city with footprints, planes, hashes": (
        LOADED,
        "read_citygml(sys.argv[1])",
        "{k: v for k, v in result.counts().items() if v} | {'points': len(result.polygons.xyz)}",
    ),
    "urban-twin: of it the scan to columns": (
        LOADED,
        "scan_document(iter(lambda s=open(sys.argv[1], 'rb'): s.read(1 << 20), b''), 'file')",
        "{'objects': len(result.object_ids), 'polygons': len(result.polygon_ids), 'numbers': len(result.values)}",
    ),
    "urban-twin: through expat (unusual files)": (
        "from twin.city.citygml.events import parse",
        "parse(iter(lambda s=open(sys.argv[1], 'rb'): s.read(1 << 20), b''), 'file')",
        "{'objects': len(result.object_ids), 'polygons': len(result.polygon_ids), 'numbers': len(result.values)}",
    ),
}
PEERS = {
    "bimfabrikhh-core-rs": (
        "import bimfabrikhh_core_rs as peer",
        "peer.parse_gml(sys.argv[1])",
        "{'buildings': len(result)}",
    ),
    "voxcity": (
        "from voxcity.downloader.citygml import process_citygml_file as peer",
        "peer(sys.argv[1])",
        "{'buildings': len(result[0])}",
    ),
    "lxml: whole document": (
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


def measure(reader: tuple[str, str, str], python: str, file: Path) -> dict[str, object] | str:
    """Run one reader in a process of its own; the last line it says where it fails."""
    imports, call, found = reader
    script = MEASURE.format(imports=imports, call=call, found=found)
    run = subprocess.run([python, "-c", script, str(file)], capture_output=True, text=True, check=False)
    if run.returncode:
        return run.stderr.strip().splitlines()[-1][:100] if run.stderr else "no output"
    return json.loads(run.stdout.strip().splitlines()[-1])


def table(data: Path, megabytes: float, folder: Path, peers: str | None) -> list[str]:
    lines = [
        "| file | reader | CPU s | MB/s CPU | of the ceiling | memory MB (loaded) | loading s | found |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    readers = [(name, reader, sys.executable) for name, reader in READERS.items()]
    readers += [(name, reader, peers) for name, reader in PEERS.items()] if peers else []
    for name, tiles in SETS.items():
        file = folder / (re.sub(r"\W+", "_", name) + ".gml")
        make_large([data / tile for tile in tiles], file, megabytes)
        size, ceiling = file.stat().st_size / 1e6, 0.0
        for reader, call, python in readers:
            result = measure(call, python, file)
            if isinstance(result, str):
                print(f"  {reader}: not run ({result})")
                continue
            speed = size / float(result["seconds"])
            ceiling = speed if reader == CEILING else ceiling
            found = ", ".join(f"{count:,} {what}" for what, count in dict(result["found"]).items())
            lines.append(
                f"| {name}, {size:.0f} MB | {reader} | {result['seconds']:.2f} | {speed:.0f} | {speed / ceiling:.2f} | "
                f"{result['peak']:.0f} ({result['bare']:.0f}) | {result['load']:.1f} | {found} |"
            )
            print(lines[-1], flush=True)
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
    parser.add_argument("--peers", default=None, help="Python in which peers are installed")
    parser.add_argument("--write", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = table(given.data, given.megabytes, Path(folder), given.peers)
    if given.write is not None:
        write(given.write, lines)


if __name__ == "__main__":
    main()
