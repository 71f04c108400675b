"""Polygons, surfaces and solids of a city as GML 3.2, coordinates to the millimetre."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from twin.city.model import City
from twin.city.writers.citygml3_values import attribute

__all__ = ["Geometry"]

_PATCH = {"PolygonPatch": "Surface", "Rectangle": "Surface", "Triangle": "TriangulatedSurface"}


@dataclass
class Geometry:
    """Polygons of a city as they are written: their ids, coordinates as text, and what was written already."""

    city: City
    ids: list[str]
    elements: np.ndarray
    named: set[int]
    referred: set[int]
    text: list[str]
    written: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, city: City) -> Geometry:
        """Prepare the polygons of a city."""
        surfaces, count = city.surfaces, len(city.polygons)
        owned = surfaces["boundary"].to_numpy() if "boundary" in surfaces else np.full(count, -1)
        shells = city.shells
        inside = _inside(city, owned)
        referred = set(shells["polygon"].to_numpy()[~inside].tolist())
        own = surfaces["id"].to_numpy(dtype=object) if "id" in surfaces else np.full(count, None)
        taken = {name for name in own if isinstance(name, str)} | {str(name) for name in city.objects["id"]}
        ids = [name if isinstance(name, str) and name else _free(taken, row) for row, name in enumerate(own)]
        elements = surfaces["element"].astype(object).to_numpy() if "element" in surfaces else np.full(count, "Polygon")
        elements = np.where(np.isin(elements, list(_PATCH)), elements, "Polygon")
        elements[list(referred)] = "Polygon"  # a patch has no id that a solid could refer to
        named = {row for row, name in enumerate(own) if isinstance(name, str) and name}
        return cls(city, ids, elements, named, referred, _corners(city.polygons.xyz))

    def _rings(self, row: int, tag: str) -> str:
        polygons = self.city.polygons
        first, last = polygons.polygon_start[row], polygons.polygon_start[row + 1]
        rings = []
        for ring in range(first, last):
            a, b = polygons.ring_start[ring], polygons.ring_start[ring + 1]
            corners = " ".join([*self.text[a:b], *self.text[a : a + 1]])
            side = "exterior" if ring == first else "interior"
            rings.append(
                f"<gml:{side}><gml:LinearRing><gml:posList>{corners}</gml:posList></gml:LinearRing></gml:{side}>"
            )
        return f"<gml:{tag}>{''.join(rings)}</gml:{tag.partition(' ')[0]}>"

    def _polygon(self, row: int) -> str:
        identity = f" gml:id={attribute(self.ids[row])}" if row in self.named or row in self.referred else ""
        return self._rings(row, f"Polygon{identity}")

    def multi_surface(self, rows: Sequence[int]) -> str:
        """Return polygons as a gml:MultiSurface; patches and triangles stay what they are."""
        self.written.update(rows)
        return f"<gml:MultiSurface>{''.join(self._members(rows))}</gml:MultiSurface>"

    def tin(self, rows: Sequence[int]) -> str:
        """Return triangles as one gml:TriangulatedSurface."""
        self.written.update(rows)
        patches = "".join(self._rings(row, "Triangle") for row in rows)
        return f"<gml:TriangulatedSurface><gml:patches>{patches}</gml:patches></gml:TriangulatedSurface>"

    def _members(self, rows: Sequence[int]) -> Iterator[str]:
        kinds = self.elements[list(rows)] if len(rows) else np.empty(0, dtype=object)
        start = 0
        for i in range(1, len(rows) + 1):
            if i < len(rows) and kinds[i] == kinds[start]:
                continue
            group, kind = rows[start:i], str(kinds[start])
            start = i
            if kind == "Polygon":
                yield from (f"<gml:surfaceMember>{self._polygon(row)}</gml:surfaceMember>" for row in group)
                continue
            patches = "".join(self._rings(row, kind) for row in group)
            surface = _PATCH[kind]
            yield f"<gml:surfaceMember><gml:{surface}><gml:patches>{patches}</gml:patches></gml:{surface}></gml:surfaceMember>"

    def solids(self, rows: np.ndarray, own: set[int]) -> str:
        """Return the solids told by rows of ``City.shells``; an object's own polygons stand in them, others by reference."""
        shells = self.city.shells
        solid, shell = shells["solid"].to_numpy()[rows], shells["shell"].to_numpy()[rows]
        polygon, turned = shells["polygon"].to_numpy()[rows], shells["reversed"].to_numpy()[rows]
        bodies = []
        for number in dict.fromkeys(solid.tolist()):
            sides = []
            for side in dict.fromkeys(shell[solid == number].tolist()):
                chosen = np.flatnonzero((solid == number) & (shell == side))
                faces = "".join(self._face(int(polygon[i]), bool(turned[i]), own) for i in chosen)
                name = "exterior" if side == 0 else "interior"
                sides.append(f"<gml:{name}><gml:Shell>{faces}</gml:Shell></gml:{name}>")
            bodies.append(f"<gml:Solid>{''.join(sides)}</gml:Solid>")
        if len(bodies) == 1:
            return bodies[0]
        members = "".join(f"<gml:solidMember>{body}</gml:solidMember>" for body in bodies)
        return f"<gml:CompositeSolid>{members}</gml:CompositeSolid>"

    def _face(self, row: int, turned: bool, own: set[int]) -> str:
        inline = row in own and row not in self.written and row not in self.referred
        if inline:
            self.written.add(row)
        href = f" xlink:href={attribute('#' + self.ids[row])}"
        if turned:
            base = f"<gml:baseSurface{href}/>"
            return f'<gml:surfaceMember><gml:OrientableSurface orientation="-">{base}</gml:OrientableSurface></gml:surfaceMember>'
        return (
            f"<gml:surfaceMember>{self._polygon(row)}</gml:surfaceMember>" if inline else f"<gml:surfaceMember{href}/>"
        )


def _inside(city: City, boundary: np.ndarray) -> np.ndarray:
    """Which faces of solids can stand in the solid itself: the object's own polygons of that level, used once as they are."""
    shells = city.shells
    polygon = shells["polygon"].to_numpy(dtype=np.int64)
    owner, lod = city.surfaces["object"].to_numpy(), city.surfaces["lod"].to_numpy()
    own = (
        (boundary[polygon] < 0)
        & (owner[polygon] == shells["object"].to_numpy())
        & (lod[polygon] == shells["lod"].to_numpy())
    )
    once = np.bincount(polygon, minlength=len(owner))[polygon] == 1 if len(polygon) else np.zeros(0, dtype=bool)
    return np.asarray(own & once & ~shells["reversed"].to_numpy(dtype=bool))


def _free(taken: set[str], row: int) -> str:
    name = f"polygon_{row + 1}"
    while name in taken:
        name += "_"
    return name


def _corners(xyz: np.ndarray) -> list[str]:
    """Return each point as text, to the millimetre."""
    return [f"{x:.3f} {y:.3f} {z:.3f}" for x, y, z in xyz.tolist()]
