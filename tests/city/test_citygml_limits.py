"""Hostile files cost little: each is read or refused in under a second of work and 200 MB of memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HEAD = (
    '<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" '
    'xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:gen="http://www.opengis.net/citygml/generics/2.0">'
    '<gml:boundedBy><gml:Envelope srsName="EPSG:25832" srsDimension="3"/></gml:boundedBy>'
    '<core:cityObjectMember><bldg:Building gml:id="b">'
)
TAIL = "</bldg:Building></core:cityObjectMember></core:CityModel>"
RING = "400000 5700000 9 400010 5700000 9 400010 5700008 9 400000 5700000 9"
LARGE = 20 << 20

RUN = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[1])
from twin.city.citygml import read_citygml, tiles
from twin.errors import InputError
tiles._COMPILED_PAYS = 0 if sys.argv[2] == "compiled" else 1 << 60
read_citygml(sys.argv[3])
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[4:]:
    start, outcome = time.process_time(), ""
    try:
        outcome = "polygons " + str(len(read_citygml(name).polygons))
    except InputError as error:
        outcome = str(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([name, time.process_time() - start, (peak - base) / 1024, outcome]))
"""


def surface(ring: str, attributes: str = "") -> str:
    return (
        f"<bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember><gml:Polygon{attributes}><gml:exterior>"
        f"<gml:LinearRing><gml:posList>{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
        "</gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface>"
    )


def nested(element: str, depth: int = 3000) -> str:
    return f"<{element}>" * depth + f"</{element}>" * depth


def references(count: int) -> str:
    """Surfaces that each refer to all of them: followed once each, not once for every way to them."""
    members = "".join(f'<gml:surfaceMember xlink:href="#m{i}"/>' for i in range(count))
    surfaces = (f'<gml:MultiSurface gml:id="m{i}">{members}</gml:MultiSurface>' for i in range(count))
    return "".join(f"<bldg:lod2MultiSurface>{each}</bldg:lod2MultiSurface>" for each in surfaces)


def documents() -> Iterator[tuple[str, bytes, str]]:
    """Name, content and what the outcome must hold."""

    def model(inside: str) -> bytes:
        return (HEAD + inside + TAIL).encode()

    laughs = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    yield "laughs", f'<!DOCTYPE m [<!ENTITY a "ha">{laughs}]>{HEAD}&i;{TAIL}'.encode(), "DOCTYPE"
    yield "external", f'<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>{HEAD}&x;{TAIL}'.encode(), "DOCTYPE"
    yield "text", model(surface(RING) + f"<gml:description>{'a' * LARGE}</gml:description>"), "polygons 1"
    yield "comment", model(surface(RING) + f"<!--{'a' * LARGE}-->"), "polygons 1"
    yield "blanks", model(surface(RING) + " " * LARGE), "polygons 1"
    yield "value", model(f'<bldg:function a="{"a" * (LARGE // 4)}">1</bldg:function>' + surface(RING)), "polygons 1"
    yield "digits", model(surface("1" * (LARGE // 4)) + surface(RING)), "polygons 1"
    yield "zeros", model(surface(f"0.{'0' * (LARGE // 4)}1 0 0 1 0 0 1 1 0 0 0 0") + surface(RING)), "polygons 2"
    yield "identity", model(surface(RING, f' gml:id="{"i" * (1 << 20)}"')), "polygons 1"
    yield (
        "attributes",
        model(f"<bldg:x {' '.join(f'a{i}=' + chr(34) * 2 for i in range(5000))}/>{surface(RING)}"),
        "polygons 1",
    )
    yield "names", model("".join(f"<bldg:n{i}/>" for i in range(20_000)) + surface(RING)), "polygons 1"
    yield "elements", model("<bldg:boundedBy/>" * 200_000 + surface(RING)), "polygons 1"
    yield (
        "generics",
        model('<gen:intAttribute name="a"><gen:value>1</gen:value></gen:intAttribute>' * 5_000),
        "polygons 0",
    )
    yield "references", model(references(100)), "polygons 0"
    yield "deep", model(nested("bldg:boundedBy") + surface(RING)), "polygons 1"
    for name in ("bldg:a", "bldg:BuildingPart", "gml:MultiSurface", "gml:Polygon", "gml:Solid", "gml:Ring"):
        yield "deep-" + name.partition(":")[2], model(nested(name)), ""
    yield "deep-sets", model(nested("gen:genericAttributeSet")), ""
    yield (
        "utf-16",
        ('<?xml version="1.0" encoding="UTF-16"?>' + HEAD + surface(RING) + TAIL).encode("utf-16"),
        "polygons 1",
    )
    yield (
        "utf-16-cut",
        ('<?xml version="1.0" encoding="UTF-16"?>' + HEAD + surface(RING)).encode("utf-16")[:-1],
        "cut off",
    )
    yield "mark", b"\xef\xbb\xbf" + model(surface(RING)), "polygons 1"
    yield (
        "infinite",
        model(surface(RING.replace("9", "1e308")) + surface(RING.replace("9", "nan")) + surface(RING)),
        "polygons 1",
    )
    yield (
        "dimensions",
        model(surface(RING) + surface("1 2 3 4 5 6 7 8").replace("posList>", 'posList srsDimension="2">', 1)),
        "polygons 2",
    )
    yield "cut", model(surface(RING) * 50)[:-200], "cut off"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    folder = tmp_path_factory.mktemp("hostile")
    found = {}
    for name, content, words in documents():
        file = folder / f"{name}.gml"
        file.write_bytes(content)
        found[file] = words
    bomb = HEAD.encode() + b" " * (150 << 20)
    with gzip.open(folder / "bomb.gml.gz", "wb", compresslevel=6) as out:
        out.write(bomb)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tile.gml", bomb)
    return found | {folder / "bomb.gml.gz": "zip bomb", folder / "bomb.zip": "zip bomb"}


@pytest.mark.parametrize("reader", ["expat", "compiled"])
def test_hostile_files_cost_little(hostile: dict[Path, str], reader: str, tmp_path: Path) -> None:
    plain = tmp_path / "plain.gml"
    plain.write_text(HEAD + surface(RING) + TAIL, encoding="utf-8")
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", RUN, root, reader, str(plain), *map(str, hostile)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    outcomes = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(outcomes) == len(hostile)
    for name, seconds, megabytes, outcome in outcomes:
        words = hostile[Path(name)]
        assert words in outcome, (name, outcome)
        assert outcome.startswith("polygons") or Path(name).name in outcome, outcome
        assert seconds < 1.0, (name, seconds)
        assert megabytes < 200.0, (name, megabytes)
