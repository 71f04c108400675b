"""CityGML 2.0 LoD2 in the profile of the German survey offices (AdV), one file a square kilometre."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from shapely.geometry import Polygon

from district import layout, terrain
from district.houses import House, Part
from district.solids import Surface, solids

_CRS = "urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH"
_MUNICIPALITY = "06999001"
_SPACE = uuid.UUID("6c696e64-656e-4175-8000-616d57656872")
_HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" \
xmlns:bldg="http://www.opengis.net/citygml/building/2.0" \
xmlns:gen="http://www.opengis.net/citygml/generics/2.0" xmlns:gml="http://www.opengis.net/gml" \
xmlns:xAL="urn:oasis:names:tc:ciq:xsdschema:xAL:2.0" xmlns:xlink="http://www.w3.org/1999/xlink">
"""
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Record:
    """A house with its cadastre data."""

    house: House
    id: str
    street: str
    number: str
    missing: tuple[str, ...] = ()  # "measuredHeight", "storeys", "roofType"
    year: int | None = None


def cadastre_id(key: str) -> str:
    """Return an id of the cadastre's form, made from a text."""
    number, code = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"), ""
    for _ in range(5):
        number, digit = divmod(number, 62)
        code += _LETTERS[digit]
    return f"DEXXAL000{code}"


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1

    def open(self, tag: str, attributes: str = "") -> None:
        self.lines.append(f"{' ' * self.depth}<{tag}{attributes}>")
        self.depth += 1

    def close(self, *tags: str) -> None:
        for tag in tags:
            self.depth -= 1
            self.lines.append(f"{' ' * self.depth}</{tag}>")

    def value(self, tag: str, text: str, attributes: str = "") -> None:
        self.lines.append(f"{' ' * self.depth}<{tag}{attributes}>{escape(text)}</{tag}>")

    def generic(self, name: str, text: str) -> None:
        self.open("gen:stringAttribute", f' name="{name}"')
        self.value("gen:value", text)
        self.close("gen:stringAttribute")


def _positions(points: list[tuple[float, float, float]]) -> str:
    return " ".join(f"{u + layout.ORIGIN[0]:.3f} {v + layout.ORIGIN[1]:.3f} {z:.3f}" for u, v, z in points)


def _solid(w: _Writer, ids: list[str]) -> None:
    w.open("bldg:lod2Solid")
    w.open("gml:Solid")
    w.open("gml:exterior")
    w.open("gml:CompositeSurface")
    for name in ids:
        w.lines.append(f'{" " * w.depth}<gml:surfaceMember xlink:href="#{name}"/>')
    w.close("gml:CompositeSurface", "gml:exterior", "gml:Solid", "bldg:lod2Solid")


def _terrain_line(a: np.ndarray, b: np.ndarray) -> list[tuple[float, float, float]]:
    """Return a footprint edge on the terrain, with a point at each metre line of the grid it crosses."""
    way = b - a
    shares = [0.0, 1.0]
    for axis in (0, 1):
        low, high = sorted((a[axis], b[axis]))
        if way[axis]:
            shares += [(m - a[axis]) / way[axis] for m in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    line = a + np.unique(np.round(np.clip(shares, 0.0, 1.0), 9))[:, None] * way
    kept = [0, *(i for i in range(1, len(line) - 1) if np.linalg.norm(line[i] - line[i - 1]) > 0.4), len(line) - 1]
    z = terrain.height_at(line[kept])
    return [(float(p[0]), float(p[1]), float(h)) for p, h in zip(line[kept], z, strict=True)]


def _terrain_intersection(w: _Writer, part: Part) -> None:
    ring = np.array(part.footprint.exterior.simplify(0.01).coords)
    w.open("bldg:lod2TerrainIntersection")
    w.open("gml:MultiCurve")
    for a, b in pairwise(ring):
        w.open("gml:curveMember")
        w.open("gml:LineString")
        w.value("gml:posList", _positions(_terrain_line(a, b)), ' srsDimension="3"')
        w.close("gml:LineString", "gml:curveMember")
    w.close("gml:MultiCurve", "bldg:lod2TerrainIntersection")


def _surface(w: _Writer, surface: Surface, name: str) -> None:
    w.open("bldg:boundedBy")
    w.open(f"bldg:{surface.kind}", f' gml:id="UUID_{uuid.uuid5(_SPACE, name)}"')
    w.open("bldg:lod2MultiSurface")
    w.open("gml:MultiSurface")
    w.open("gml:surfaceMember")
    w.open("gml:Polygon", f' gml:id="{name}"')
    w.open("gml:exterior")
    w.open("gml:LinearRing")
    w.value("gml:posList", _positions([*surface.ring, surface.ring[0]]), ' srsDimension="3"')
    w.close("gml:LinearRing", "gml:exterior", "gml:Polygon", "gml:surfaceMember", "gml:MultiSurface")
    w.close("bldg:lod2MultiSurface", f"bldg:{surface.kind}", "bldg:boundedBy")


def _sources(w: _Writer) -> None:
    for name, code in (
        ("DatenquelleDachhoehe", "1000"),
        ("DatenquelleLage", "1000"),
        ("DatenquelleBodenhoehe", "1100"),
    ):
        w.generic(name, code)


def _body(w: _Writer, part: Part, surfaces: list[Surface], stem: str, missing: tuple[str, ...]) -> None:
    """Write roof type, height, storeys, solid, terrain intersection and boundary surfaces, in schema order."""
    if "roofType" not in missing:
        w.value("bldg:roofType", part.roof_type)
    if "measuredHeight" not in missing:
        w.value("bldg:measuredHeight", f"{round(part.height, 3):.3f}".rstrip("0").rstrip("."), ' uom="urn:adv:uom:m"')
    if "storeys" not in missing:
        w.value("bldg:storeysAboveGround", str(part.storeys))
    names = [f"{stem}_2_{i}" for i in range(len(surfaces))]
    _solid(w, names)
    _terrain_intersection(w, part)
    for surface, name in zip(surfaces, names, strict=True):
        _surface(w, surface, name)


def _address(w: _Writer, record: Record) -> None:
    w.open("bldg:address")
    w.open("core:Address")
    w.open("core:xalAddress")
    w.open("xAL:AddressDetails")
    w.open("xAL:Country")
    w.value("xAL:CountryName", "Germany")
    w.open("xAL:Locality", ' Type="Town"')
    w.value("xAL:LocalityName", "Lindenau am Wehr")
    w.open("xAL:Thoroughfare", ' Type="Street"')
    w.value("xAL:ThoroughfareNumber", record.number)
    w.value("xAL:ThoroughfareName", record.street)
    w.close("xAL:Thoroughfare", "xAL:Locality", "xAL:Country", "xAL:AddressDetails")
    w.close("core:xalAddress", "core:Address", "bldg:address")


def building(record: Record) -> tuple[str, float, float]:
    """Return one cityObjectMember as text, and its lowest and highest point [m above datum]."""
    house, w = record.house, _Writer()
    ground = terrain.lowest(house.footprint)
    bodies = solids([part.faces for part in house.parts], ground)
    w.open("core:cityObjectMember")
    w.open("bldg:Building", f' gml:id="{record.id}"')
    if house.name:
        w.value("gml:name", house.name)
    w.value("core:creationDate", "2021-06-15")
    w.open("core:externalReference")
    w.value("core:informationSystem", "http://repository.gdi-de.org/schemas/adv/citygml/fdv/art.htm#_9100")
    w.open("core:externalObject")
    w.value("core:name", record.id)
    w.close("core:externalObject", "core:externalReference")
    single = len(house.parts) == 1
    if single:
        _sources(w)
    w.generic("Gemeindeschluessel", _MUNICIPALITY)
    w.value("bldg:function", house.function)
    if record.year is not None:
        w.value("bldg:yearOfConstruction", str(record.year))
    if single:
        _body(w, house.parts[0], bodies[0], f"GUID_{record.id[6:]}", record.missing)
    else:
        for i, (part, surfaces) in enumerate(zip(house.parts, bodies, strict=True)):
            w.open("bldg:consistsOfBuildingPart")
            name = uuid.uuid5(_SPACE, f"{record.id}/{i}")
            w.open("bldg:BuildingPart", f' gml:id="UUID_{name}"')
            w.value("core:creationDate", "2021-06-15")
            _sources(w)
            _body(w, part, surfaces, f"GUID_{record.id[6:]}_{i + 1}", record.missing if i == 0 else ())
            w.close("bldg:BuildingPart", "bldg:consistsOfBuildingPart")
    if record.number:
        _address(w, record)
    w.close("bldg:Building", "core:cityObjectMember")
    return "\n".join(w.lines), ground, ground + max(p.height for p in house.parts)


def write(folder: Path, records: list[Record]) -> list[Path]:
    """Write the two tiles; a building that crosses their border stands in both."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {r.id: building(r) for r in sorted(records, key=lambda r: r.id)}
    paths = []
    for east, (low, high) in (("571", (-1e9, layout.TILE_BORDER)), ("572", (layout.TILE_BORDER, 1e9))):
        name = f"LoD2_32_{east}_5676_1_XX"
        inside = sorted(r.id for r in records if _reaches(r.house.footprint, low, high))
        left, lower = float(east) * 1000, 5676000.0
        bottom, top = min(texts[i][1] for i in inside), max(texts[i][2] for i in inside)
        head = (
            f"{_HEAD} <gml:name>{name}</gml:name>\n <gml:boundedBy>\n"
            f'  <gml:Envelope srsDimension="3" srsName="{_CRS}">\n'
            f"   <gml:lowerCorner>{left:.1f} {lower:.1f} {bottom:.3f}</gml:lowerCorner>\n"
            f"   <gml:upperCorner>{left + 1000:.1f} {lower + 1000:.1f} {top:.3f}</gml:upperCorner>\n"
            "  </gml:Envelope>\n </gml:boundedBy>\n"
        )
        path = folder / f"{name}.gml"
        path.write_bytes((head + "\n".join(texts[i][0] for i in inside) + "\n</core:CityModel>\n").encode())
        paths.append(path)
    return paths


def _reaches(footprint: Polygon, low: float, high: float) -> bool:
    west, _, east, _ = footprint.bounds
    return bool(west < high and east > low)
