"""Fuzz the CityGML reader: made and damaged documents must be read alike by both readers, or refused in one sentence.

Usage::

    python tests/fuzz/fuzz_citygml.py [--seconds 60] [--seed 0] [--corpus ../shared/data]

Half of the documents are made of everything the schemas allow and some things they do not; the other half are files of
the corpus with bytes changed. A document that breaks the reader is written beside as ``fuzz-citygml-<seed>.gml``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path
from random import Random

import numpy as np

from twin.city.citygml import read_citygml
from twin.city.citygml.events import parse
from twin.city.citygml.parsed import Parsed
from twin.city.citygml.scanning import scan_document
from twin.errors import InputError

SPACES = {
    "": "http://www.opengis.net/citygml/2.0",
    "core": "http://www.opengis.net/citygml/2.0",
    "b": "http://www.opengis.net/citygml/building/2.0",
    "gen": "http://www.opengis.net/citygml/generics/2.0",
    "dem": "http://www.opengis.net/citygml/relief/2.0",
    "veg": "http://www.opengis.net/citygml/vegetation/2.0",
    "app": "http://www.opengis.net/citygml/appearance/2.0",
    "gml": "http://www.opengis.net/gml",
    "xlink": "http://www.w3.org/1999/xlink",
    "x": "https://example.org/extension",
}
FEATURES = ("b:Building", "b:BuildingPart", "b:Room", "veg:PlantCover", "dem:TINRelief", "x:Owl", "CityFurniture")
PROPERTIES = (
    "b:consistsOfBuildingPart", "b:boundedBy", "core:cityObjectMember", "b:opening", "x:zone", "b:unknown", "groupMember",
)  # fmt: skip
BOUNDARIES = ("b:RoofSurface", "b:WallSurface", "b:GroundSurface", "b:Window")
GEOMETRIES = ("b:lod1Solid", "b:lod2MultiSurface", "b:lod3Geometry", "dem:tin", "b:lod0FootPrint")
CONTAINERS = (
    "gml:MultiSurface", "gml:CompositeSurface", "gml:OrientableSurface", "gml:TriangulatedSurface", "gml:CompositeSolid",
)  # fmt: skip
PATCHES = ("gml:Polygon", "gml:PolygonPatch", "gml:Triangle", "gml:Rectangle")
LEAVES = ("b:function", "b:measuredHeight", "core:creationDate", "gml:name", "x:energyClass", "b:yearOfConstruction")
NUMBERS = (
    "0", "-1.5", "400000.123", "5700000.5", "1e3", "34.4900016784668", "391253.894859644123", "nan", "1e308", "+.5", "7,5",
    "inf", "12345678901234567890.25", "-0.0", "5.", "1_0", "--1", "1e", "", "٣",
)  # fmt: skip


class Maker:
    """Makes one document of random content."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ids = 0
        self._wild = random.random() < 0.3  # holds what only the expat reader takes

    def _one(self, *values: str) -> str:
        return self._random.choice(values)

    def _often(self, share: float) -> bool:
        return self._random.random() < share

    def _id(self) -> str:
        self._ids += 1
        number = self._random.randrange(self._ids) if self._often(0.05) else self._ids
        return f' gml:id="i{number}"' if self._often(0.7) else ""

    def _attrs(self) -> str:
        text = self._id()
        if self._often(0.15):
            text += self._one(' srsDimension="3"', " srsDimension='2'")
        if self._wild and self._often(0.1):
            text += self._one(' srsDimension="x"', ' srsDimension=""', ' gml:id=""', ' xmlns:n="urn:n"')
        if self._often(0.1):
            text += self._one(' srsName="EPSG:25832"', ' srsName="urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH"')
        if self._often(0.1):
            text += self._one(' orientation="-"', ' orientation="+"', ' orientation = "-" ')
        return text + (self._href() if self._often(0.1) else "")

    def _href(self) -> str:
        return f' xlink:href="{self._one("#", "", "tile.gml#", "#a&amp;" if self._wild else "#")}i{self._random.randrange(self._ids + 3)}"'

    def _gap(self) -> str:
        if not self._wild or self._often(0.9):
            return self._one("", "\n", "  ", "\r\n\t")
        return self._one(
            "<!-- c -->", "text", "&amp;", "<![CDATA[<a>]]>", "<?p i?>", "<!-- a -- b -->", "]]>", "ü", "&#228;"
        )

    def _element(self, name: str, inside: str, attrs: str = "") -> str:
        if not inside and self._often(0.5):
            return f"<{name}{attrs}/>"
        return f"<{name}{attrs}>{self._gap()}{inside}{self._gap()}</{name}{self._one('', '', ' ')}>"

    def _numbers(self) -> str:
        points = self._random.randint(0, 5)
        if not self._wild or self._often(0.75):
            digits = self._random.randint(0, 12)
            return " ".join(f"{400000 + self._random.random() * 50:.{digits}f} 57000{i}.5 {i}" for i in range(points))
        return self._one(" ", "\n").join(self._random.choice(NUMBERS) for _ in range(3 * points))

    def _ring(self) -> str:
        style = self._random.random()
        if style < 0.7:
            dimension = self._one("", "", ' srsDimension="3"', ' srsDimension="2"')
            inside = f"<gml:posList{dimension}>{self._numbers()}</gml:posList>"
        elif style < 0.85:
            inside = "".join(f"<gml:pos>{self._numbers()}</gml:pos>" for _ in range(self._random.randint(0, 4)))
        else:
            inside = self._element(
                "gml:coordinates" if self._wild else "gml:posList",
                self._numbers().replace(" ", "," if self._wild else " "),
            )
        if self._often(0.1):
            line = self._element("gml:curveMember", self._element("gml:LineString", inside))
            return self._element("gml:Ring", line * self._random.randint(1, 2))
        return self._element("gml:LinearRing", inside, self._attrs() if self._often(0.1) else "")

    def _polygon(self) -> str:
        sides = [self._one("exterior", "interior", "outerBoundaryIs") for _ in range(self._random.randint(0, 3))]
        rings = "".join(self._element(f"gml:{side}", self._ring()) for side in sides)
        return self._element(self._one(*PATCHES), rings, self._attrs())

    def _surface(self, depth: int) -> str:
        if depth <= 0 or self._often(0.5):
            return self._polygon()
        if self._often(0.15):
            shells = [self._element(f"gml:{s}", self._surface(depth - 1)) for s in ("exterior", "interior")]
            return self._element("gml:Solid", "".join(shells[: self._random.randint(0, 2)]), self._attrs())
        if self._often(0.1):
            return self._element("gml:LineString", self._element("gml:posList", self._numbers()))
        member = self._one("gml:surfaceMember", "gml:surfaceMembers", "gml:baseSurface", "gml:trianglePatches")
        inside = "".join(
            self._element(
                member, "" if self._often(0.3) else self._surface(depth - 1), self._href() if self._often(0.3) else ""
            )
            for _ in range(self._random.randint(0, 3))
        )
        return self._element(self._one(*CONTAINERS), inside, self._attrs())

    def _leaf(self) -> str:
        style = self._random.random()
        if style < 0.6:
            text = self._one(
                "31001_2000", "  9 ", "", "Müller &amp; Söhne", "&#65;", "2.5", "&bad;" if self._wild else "x"
            )
            return self._element(self._one(*LEAVES), text, self._one("", "", ' uom="m"'))
        if style < 0.8:
            value = self._element("gen:value", self._one("7", "text", ""))
            name = self._one("a", "b&lt;", "c")
            return self._element(self._one("gen:stringAttribute", "gen:intAttribute"), value, f' name="{name}"')
        if style < 0.9:
            inner = self._element("core:externalObject", self._element("core:name", "DENW"))
            return self._element("core:externalReference", inner)
        return self._one(
            self._element("app:appearance", self._element("app:Appearance", self._polygon(), self._id())),
            self._element("gml:boundedBy", self._element("gml:Envelope", "", self._attrs())),
            self._element("x:zone", self._element("x:Thermal", self._element("x:v", "3"), self._id())),
            self._element("x:Owl", self._leaf() if self._often(0.3) else "", self._id()),
            self._element("b:address", self._element("core:Address", self._polygon() if self._often(0.2) else "")),
            self._implicit(),
        )

    def _implicit(self) -> str:
        matrix = self._element("core:transformationMatrix", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1")
        shape = self._element("core:relativeGMLGeometry", self._surface(1), self._href() if self._often(0.4) else "")
        point = self._element("gml:Point", self._element("gml:pos", "400000 5700000 9"))
        inside = matrix + shape + self._element("core:referencePoint", point)
        return self._element("veg:lod2ImplicitRepresentation", self._element("core:ImplicitGeometry", inside))

    def _object(self, depth: int) -> str:
        inside = "".join(self._leaf() for _ in range(self._random.randint(0, 3)))
        for _ in range(self._random.randint(0, 2)):
            inside += self._element(self._one(*GEOMETRIES), self._surface(2), self._href() if self._often(0.1) else "")
        for _ in range(self._random.randint(0, 3) if depth else 0):
            child = self._object(depth - 1) if self._often(0.9) else ""
            inside += self._element(self._one(*PROPERTIES), child, self._href() if self._often(0.1) else "")
        name = self._one(*BOUNDARIES) if self._often(0.5) and depth < 2 else self._one(*FEATURES)
        return self._element(name, inside, self._id())

    def document(self) -> bytes:
        """Return a document."""
        self._ids = 3
        spaces = " ".join(f'xmlns:{p}="{uri}"' if p else f'xmlns="{uri}"' for p, uri in SPACES.items())
        members = "".join(
            self._element("core:cityObjectMember", self._object(2)) for _ in range(self._random.randint(0, 3))
        )
        envelope = self._element("gml:boundedBy", self._element("gml:Envelope", "", ' srsName="EPSG:25832"'))
        encoding = self._one(*["UTF-8"] * 8, "ISO-8859-1", "windows-1252", "UTF-16")
        text = f'<?xml version="1.0" encoding="{encoding}"?>\n{self._gap()}<CityModel {spaces}>'
        text += f"{envelope}{members}</CityModel>{self._gap() if self._often(0.2) else ''}"
        return text.encode(encoding, "xmlcharrefreplace")


def damaged(document: bytes, random: Random) -> bytes:
    """Return a document with some bytes changed, left out, doubled or moved."""
    data = bytearray(document)
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(data) + 1)
        stop = min(len(data), start + random.choice((1, 1, 2, 8, 60)))
        what = random.randrange(5)
        if what == 0:
            del data[start:stop]
        elif what == 1:
            data[start:start] = data[start:stop]
        elif what == 2:
            data[start:stop] = bytes(random.randrange(256) for _ in range(stop - start))
        elif what == 3:
            data[start:start] = random.choice(
                (b"<", b">", b"&", b'"', b"\0", b"]]>", b"<!--", b"</a>", b"xmlns:y='u' ")
            )
        else:
            place = random.randrange(len(data) + 1)
            data[place:place] = data[start:stop]
    return bytes(data)


def differences(document: bytes, size: int = 1 << 16) -> list[str] | None:
    """Return the names of fields in which the two readers differ, None where the compiled one leaves the document.

    Raises
    ------
    AssertionError
        If the compiled reader takes what the other refuses.
    """
    pieces = [document[i : i + size] for i in range(0, len(document), size)]
    fast = scan_document(pieces, "made.gml")
    if fast is None:
        return None
    try:
        slow = parse(iter(pieces), "made.gml")
    except InputError as error:
        raise AssertionError(f"the compiled reader took what expat refuses: {error}") from None
    return [field.name for field in fields(Parsed) if not _same(getattr(fast, field.name), getattr(slow, field.name))]


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return a == b


def check(document: bytes, folder: Path) -> bool:
    """Read a document in every way; True where the compiled reader took it.

    Raises
    ------
    AssertionError
        If the readers differ, or an error is no plain sentence.
    """
    found = differences(document)
    assert not found, f"the readers differ in {', '.join(found or ())}"
    file = folder / "made.gml"
    file.write_bytes(document)
    try:
        read_citygml(file)
    except InputError as error:
        message = str(error)
        assert "made.gml" in message, message
        assert "\n" not in message, message
    return found is not None


def run(seconds: float, seed: int, corpus: list[bytes]) -> tuple[int, int]:
    """Fuzz for some CPU seconds; return how many documents were read, and how many of them the compiled reader took."""
    end, count, taken = time.process_time() + seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.process_time() < end:
            random = Random(seed + count)
            made = not corpus or random.random() < 0.5
            document = Maker(random).document() if made else random.choice(corpus)
            if random.random() < (0.4 if made else 1.0):
                document = damaged(document, random)
            try:
                taken += check(document, Path(folder))
            except Exception:
                Path(f"fuzz-citygml-{seed + count}.gml").write_bytes(document)
                raise
            count += 1
    return count, taken


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    given = parser.parse_args()
    files = [f for f in sorted(given.corpus.rglob("*.*ml")) if f.stat().st_size < 200_000]
    corpus = [file.read_bytes() for file in files]
    count, taken = run(given.seconds, given.seed, corpus)
    sys.stdout.write(f"{count} documents read without a fault, {taken} of them by the compiled reader\n")


if __name__ == "__main__":
    main()
