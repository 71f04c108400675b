"""Geometry events of CityGML: polygons, rings, coordinates, solids, references and templates.

Inside a polygon the parser's handlers are exchanged for two that know only rings and coordinates, because that is
where most elements of a city model are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twin.city.citygml.collected import Collected, Container, Run
from twin.city.citygml.coordinates import RING_END
from twin.city.citygml.names import OUTER, XLINK_HREF, Kind, classify, is_composite, local_name, lod_of, patch_code
from twin.city.citygml.parsed import Implicit

__all__ = ["ID_NAMES", "Shapes", "id_of", "value_of"]

ID_NAMES = ("http://www.opengis.net/gml id", "http://www.opengis.net/gml/3.2 id")
_PASS, _POSITIONS, _POSITION, _COORDINATES, _RING, _CURVE_RING, _OUTER, _PATCH = range(8)
_FLUSH = 0x0FFF  # rings between two conversions of coordinate text to numbers


def id_of(attrs: list[str]) -> str | None:
    """Return the gml:id among flat attributes [name, value, ...]."""
    for i in range(0, len(attrs), 2):
        if attrs[i] in ID_NAMES:
            return attrs[i + 1] or None
    return None


def value_of(attrs: list[str], key: str) -> str | None:
    """Return the value of one attribute among flat attributes [name, value, ...]."""
    for i in range(0, len(attrs), 2):
        if attrs[i] == key:
            return attrs[i + 1]
    return None


class _PatchCodes(dict[str, int]):
    """What an element inside a polygon is, by name; looked up once."""

    def __missing__(self, name: str) -> int:
        codes = {
            Kind.POSITIONS: _POSITIONS,
            Kind.POSITION: _POSITION,
            Kind.COORDINATES: _COORDINATES,
            Kind.RING: _RING,
            Kind.CURVE_RING: _CURVE_RING,
            Kind.PATCH: _PATCH,
        }
        code = codes.get(classify(name), _PASS)
        if local_name(name) in OUTER:
            code = _OUTER
        self[name] = code
        return code


class _ElementCodes(dict[str, int]):
    """Which polygon element a name is (``geometry.ELEMENTS``)."""

    def __missing__(self, name: str) -> int:
        self[name] = code = patch_code(local_name(name))
        return code


_patch_codes = _PatchCodes()
_element_codes = _ElementCodes()


class Shapes:
    """Handlers of geometry elements.

    Parameters
    ----------
    parser : expat parser
        Whose handlers are exchanged inside polygons.
    parsed : Collected
        Takes what is found.
    resume : callable
        Gives the parser its ordinary handlers back.
    """

    def __init__(self, parser: Any, parsed: Collected, resume: Callable[[], None]) -> None:
        self.parser = parser
        self.parsed = parsed
        self.resume = resume
        self.dimension = ""  # srsDimension that holds here
        self.implicit: Implicit | None = None
        self._add = parsed.coordinates.parts.append
        self._rings = 0
        self._element = 0
        self._ring_dimension = self._last_dimension = ""
        self._polygon_dimension = ""
        self._loose = self._joined = False
        self._signs = (".", ",", " ")
        self._texts: list[str] = []
        self._containers: list[tuple[str | None, int, int, str, bool]] = []
        self._solids: list[int] = []
        self._composite = self._composite_depth = -1
        self._composites = 0
        self._reversed = False

    @property
    def depth(self) -> int:
        """How many surfaces and solids are open in each other."""
        return len(self._containers)

    # --------------------------------------------------------------------------------- properties and references

    def open_run(self, name: str, owner: int, boundary: int, srs: str) -> None:
        """Start a geometry property of an object or thematic surface."""
        parsed = self.parsed
        inside = self.implicit is not None
        lod = self.implicit.lod if self.implicit is not None else lod_of(local_name(name))
        template = len(parsed.implicits) - 1 if inside else -1
        run = Run(len(parsed.polygon_ids), len(parsed.references), owner, boundary, lod, srs, template)
        parsed.run_list.append(run)

    def refer(self, attrs: list[str]) -> None:
        """Note a reference (xlink:href) to a geometry, if the attributes hold one."""
        href = value_of(attrs, XLINK_HREF)
        if href is not None:
            if self._reversed:
                self.parsed.turned_references.append(len(self.parsed.references))
            self.parsed.references.append(href)

    def _attributes(self, attrs: list[str]) -> str | None:
        """Read id, srsName and srsDimension of a geometry; returns the id."""
        found = None
        parsed = self.parsed
        for i in range(0, len(attrs), 2):
            key = attrs[i]
            if key in ID_NAMES:
                found = attrs[i + 1] or None
            elif key == "srsDimension":
                self.dimension = attrs[i + 1]
            elif key == "srsName":
                parsed.srs_names[attrs[i + 1]] += 1
                if parsed.run_list:
                    parsed.run_list[-1].srs = attrs[i + 1]
        return found

    # -------------------------------------------------------------------------------------- surfaces and solids

    def start_container(self, name: str, attrs: list[str]) -> None:
        """Open a multi surface, composite surface, shell, ..."""
        if self._composite < 0 and is_composite(name):  # one in another belongs to the outer one
            self._composite, self._composite_depth = self._composites, len(self._containers)
            self._composites += 1
        dimension = self.dimension
        found = self._attributes(attrs) if attrs else None
        parsed = self.parsed
        place = (found, len(parsed.polygon_ids), len(parsed.references), dimension, self._reversed)
        self._containers.append(place)

    def end_container(self, _name: str) -> None:
        """Close it and note what it holds, if it has an id."""
        found, polygon, reference, self.dimension, self._reversed = self._containers.pop()
        if found is not None:
            parsed = self.parsed
            last = (len(parsed.polygon_ids), len(parsed.references))
            parsed.container_list.append(Container(found, polygon, last[0], reference, last[1]))
        if len(self._containers) == self._composite_depth:
            self.parsed.composite_list.append((reference, len(self.parsed.references)))
            self._composite = self._composite_depth = -1

    def start_orientable(self, name: str, attrs: list[str]) -> None:
        """Open a surface that may be turned round."""
        self.start_container(name, attrs)
        if value_of(attrs, "orientation") == "-":
            self._reversed = not self._reversed

    def start_solid(self, name: str, attrs: list[str]) -> None:
        """Open a solid."""
        self.start_container(name, attrs)
        runs = self.parsed.run_list
        self.parsed.solid_list.append((runs[-1].object if runs else -1, len(runs) - 1, self._composite))
        self._solids.append(len(self.parsed.solid_list) - 1)

    def end_solid(self, name: str) -> None:
        """Close a solid."""
        self._solids.pop()
        self.end_container(name)

    def start_exterior(self, _name: str, attrs: list[str]) -> None:
        """Open a shell of a solid; the first is the outer one."""
        if not self._solids:
            return
        parsed = self.parsed
        solid = self._solids[-1]
        number = parsed.shell_list[-1][1] + 1 if parsed.shell_list and parsed.shell_list[-1][0] == solid else 0
        first, reference = len(parsed.polygon_ids), len(parsed.references)
        parsed.shell_list.append([solid, number, first, first, reference, reference])
        if attrs:
            self.refer(attrs)

    def end_exterior(self, _name: str) -> None:
        """Close a shell."""
        if self._solids:
            parsed = self.parsed
            parsed.shell_list[-1][3] = len(parsed.polygon_ids)
            parsed.shell_list[-1][5] = len(parsed.references)

    # ------------------------------------------------------------------------------------------------- polygons

    def start_patch(self, name: str, attrs: list[str]) -> None:
        """Open a polygon, patch or triangle."""
        parsed = self.parsed
        ids = parsed.polygon_ids
        element = _element_codes[name]
        if element != self._element:
            self._element = element
            parsed.element_changes.append((len(ids), element))
        if self._reversed:
            parsed.turned_polygons.append(len(ids))
        self._polygon_dimension = self.dimension
        if not attrs:
            ids.append(None)
        elif len(attrs) == 2 and attrs[0] in ID_NAMES:
            ids.append(attrs[1] or None)
        else:
            ids.append(self._attributes(attrs))
        parsed.first_rings.append(self._rings)
        self._ring_dimension = self.dimension
        parser = self.parser
        parser.StartElementHandler = self._start_in_patch
        parser.EndElementHandler = self._end_in_patch

    def _start_in_patch(self, name: str, attrs: list[str]) -> None:
        code = _patch_codes[name]
        if code == _POSITIONS:
            if attrs:
                self._ring_dimension = value_of(attrs, "srsDimension") or self._ring_dimension
            self.parser.CharacterDataHandler = self._add
        elif code == _PASS:
            return
        elif code == _OUTER:
            parsed = self.parsed
            if self._rings != parsed.first_rings[-1]:
                parsed.exteriors.append((len(parsed.polygon_ids) - 1, self._rings))
        elif code == _RING:
            if attrs:
                self._ring_dimension = value_of(attrs, "srsDimension") or self._ring_dimension
        elif code == _POSITION:
            self._loose = True
            if attrs:
                self._ring_dimension = value_of(attrs, "srsDimension") or self._ring_dimension
            self.parser.CharacterDataHandler = self._add
        elif code == _COORDINATES:
            signs = [value_of(attrs, key) or sign for key, sign in (("decimal", "."), ("cs", ","), ("ts", " "))]
            self._signs = (signs[0], signs[1], signs[2])
            self._texts.clear()
            self.parser.CharacterDataHandler = self._texts.append
        elif code == _CURVE_RING:
            self._joined = True

    def _end_in_patch(self, name: str) -> None:
        code = _patch_codes[name]
        if code == _POSITIONS:
            self.parser.CharacterDataHandler = None
            if self._joined:
                self._add(" ")
            else:
                self._ring_done()
        elif code == _PATCH:
            self.dimension = self._polygon_dimension
            self.resume()
        elif code == _POSITION:
            self.parser.CharacterDataHandler = None
            self._add(" ")
        elif code == _COORDINATES:
            self.parser.CharacterDataHandler = None
            decimal, between, after = self._signs
            text = "".join(self._texts).replace(between, " ").replace(after, " ")
            self._add(text if decimal == "." else text.replace(decimal, "."))
            self._ring_done()
        elif code in (_RING, _CURVE_RING) and (self._loose or self._joined):
            self._ring_done()
            self._loose = self._joined = False

    def _ring_done(self) -> None:
        self._add(RING_END)
        dimension = self._ring_dimension
        if dimension != self._last_dimension:
            self.parsed.dimension_changes.append((self._rings, dimension))
            self._last_dimension = dimension
        self._ring_dimension = self.dimension
        self._rings += 1
        if not self._rings & _FLUSH:
            self.parsed.coordinates.flush()

    # ----------------------------------------------------------------------------------------- implicit geometry

    def start_implicit(self, owner: int, boundary: int) -> None:
        """Open a placed template."""
        runs = self.parsed.run_list
        self.implicit = Implicit(owner, boundary, runs[-1].lod if runs else -1)
        self.parsed.implicits.append(self.implicit)

    def end_implicit(self, _name: str) -> None:
        """Close a placed template."""
        self.implicit = None

    def start_place(self, _name: str, _attrs: list[str]) -> None:
        """Collect the text of a matrix or of a reference point."""
        if self.implicit is not None:
            self._texts = []
            self.parser.CharacterDataHandler = self._texts.append

    def end_matrix(self, _name: str) -> None:
        """Take the text as the matrix of the template's place."""
        self.parser.CharacterDataHandler = None
        if self.implicit is not None:
            self.implicit.matrix = "".join(self._texts)

    def end_position(self, _name: str) -> None:
        """Take the text as the reference point of the template's place."""
        self.parser.CharacterDataHandler = None
        if self.implicit is not None:
            self.implicit.point = "".join(self._texts)
