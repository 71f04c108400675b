"""CityGML as a stream of XML events: objects, surfaces, references and coordinate texts, collected in flat lists.

One expat parser, handlers switched on only where something is wanted; geometry is told by ranges (which polygons a
property, a solid's shell or a surface with an id holds), so nothing is built per polygon but its id. Coordinate texts
go to :class:`twin.city.gml_coordinates.CoordinateText` and become numbers many rings at a time.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from twin.city.gml_attributes import Node, attribute_of, put
from twin.city.gml_coordinates import RING_END, CoordinateText
from twin.city.gml_names import XLINK_HREF, Kind, classify, family, local_name, lod_of, patch_code
from twin.errors import InputError

__all__ = ["Events", "Implicit"]

_DEEPEST = 256
_ROOTS_ALLOWED = ("FeatureCollection",)
_ID_NAMES = ("http://www.opengis.net/gml id", "http://www.opengis.net/gml/3.2 id")
_Handler = Callable[[str, list[str]], None] | None


@dataclass
class Implicit:
    """One place of an implicit geometry: a template, a 4 x 4 matrix and a reference point."""

    object: int
    boundary: int
    lod: int
    href: str = ""
    matrix: str = ""
    point: str = ""
    parts: list[str] = field(default_factory=list)


class _Table(dict[str, Any]):
    """Handlers by element name; a name met for the first time is looked up once."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, name: str) -> Any:
        self[name] = handler = self._find(name)
        return handler


class Events:
    """Reads one CityGML document; the lists it fills are what :mod:`twin.city.gml_assembly` makes columns of.

    Parameters
    ----------
    path : str
        File name for messages.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.ordered_attributes = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        self.depth = 0
        self.root = ""
        self.refused = False  # no CityGML at all, rather than a damaged one
        # objects and thematic surfaces
        self.object_ids: list[str | None] = []
        self.object_kinds: list[str] = []
        self.object_parents: list[int] = []
        self.object_attributes: list[dict[str, Any]] = []
        self.boundary_ids: list[str | None] = []
        self.boundary_kinds: list[str] = []
        self.boundary_objects: list[int] = []
        self.boundary_parents: list[int] = []
        self.boundary_attributes: list[dict[str, Any] | None] = []
        self.model_attributes: dict[str, Any] = {}
        # geometry
        self.runs: list[list[Any]] = []  # [first polygon, object, boundary, lod, srs, implicit, first reference]
        self.polygon_ids: list[str | None] = []
        self.polygon_rings: list[int] = []  # first ring of each polygon
        self.element_changes: list[tuple[int, int]] = [(0, 0)]  # from polygon on, element code
        self.ring_dimensions: list[tuple[int, str]] = [(0, "")]  # from ring on, srsDimension
        self.late_exteriors: list[tuple[int, int]] = []  # polygon, ring that should be its first
        self.reversed_polygons: list[int] = []
        self.coordinates = CoordinateText()
        self.references: list[str] = []
        self.reversed_references: list[int] = []
        self.containers: list[tuple[str, int, int, int, int]] = []  # id, polygons from, to, references from, to
        self.solids: list[tuple[int, int, str | None]] = []  # object, run, id
        self.shells: list[list[int]] = []  # solid, shell, polygons from, to, references from, to
        self.implicits: list[Implicit] = []
        self.feature_references: list[tuple[int, str, str]] = []  # object, property, href
        self.other_ids: set[str] = set()
        # what is told, not kept
        self.foreign: Counter[str] = Counter()
        self.foreign_objects: Counter[str] = Counter()
        self.appearances = self.curves = self.points = 0
        self.srs_names: Counter[str] = Counter()
        self.model_srs = ""
        self.versions: set[str] = set()
        self._reset_state()
        self._starts = _Table(self._find_start)
        self._ends = _Table(self._find_end)
        self._resume()

    def _reset_state(self) -> None:
        self._object = self._boundary = -1
        self._attributes: dict[str, Any] | None = self.model_attributes
        self._frames: list[tuple[int, int, dict[str, Any] | None, str, str]] = []
        self._dimension = self._last_dimension = ""
        self._srs = ""
        self._element = 0
        self._in_polygon = self._in_ring = self._loose = self._joined = False
        self._restore: tuple[str, str] | None = None
        self._geometries: list[tuple[str | None, int, int, str, bool]] = []
        self._solids: list[int] = []
        self._reversed = False
        self._implicit: Implicit | None = None
        self._rings = 0
        self._decimal = (".", ",", " ")
        self._property: Node = ("", [], [], [])
        self._nodes: list[Node] = []
        self._skipped = 0
        self._small: dict[tuple[Any, ...], dict[str, Any]] = {}

    # ---------------------------------------------------------------------------------------------- the document

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        """Parse the next bytes of the file."""
        try:
            self.parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise InputError(self._broken(error)) from None
        if last:
            self.coordinates.flush()

    @property
    def is_citygml(self) -> bool:
        """Whether the root element says that this is a city model."""
        return classify(self.root) == Kind.ROOT

    def _broken(self, error: expat.ExpatError) -> str:
        name, line, reason = self.path, error.lineno, expat.errors.messages[error.code]
        if not self.root and error.code == expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]:
            return f"{name} is empty: it holds no XML element; give a CityGML file."
        if error.code in (
            expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
            expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
        ):
            return f"{name} is cut off at line {line}, before its root element closes: get the file again."
        if not self.root:
            self.refused = True
            return f"{name} is not XML (line {line}: {reason}): give a CityGML file (.gml, .xml, also in .gz or .zip)."
        return f"{name} is not well-formed XML at line {line}, column {error.offset} ({reason}): export it again."

    def _doctype(self, *_: Any) -> None:
        raise InputError(
            f"{self.path} has a DOCTYPE, which CityGML does not use and which can carry an attack: "
            "remove the <!DOCTYPE ...> line if you trust the file."
        )

    def _resume(self) -> None:
        parser = self.parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = None

    def _start(self, name: str, attrs: list[str]) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self._too_deep()
        if not self.root:
            self._check_root(name)
        handler = self._starts[name]
        if handler is not None:
            handler(name, attrs)

    def _end(self, name: str) -> None:
        self.depth -= 1
        handler = self._ends[name]
        if handler is not None:
            handler(name)

    def _too_deep(self) -> None:
        raise InputError(
            f"{self.path} nests more than {_DEEPEST} elements in each other at line "
            f"{self.parser.CurrentLineNumber}: CityGML does not do that; check where the file comes from."
        )

    def _check_root(self, name: str) -> None:
        self.root = name
        local = local_name(name)
        kind = classify(name)
        if kind == Kind.ROOT or local in _ROOTS_ALLOWED or (family(name) == "citygml" and kind == Kind.FEATURE):
            return
        self.refused = True
        raise InputError(
            f"{self.path} is not CityGML: its root element is {local} "
            f"({name.rpartition(' ')[0] or 'no namespace'}); give a file whose root is CityModel."
        )

    def _find_start(self, name: str) -> _Handler:
        kind = classify(name)
        if kind in (Kind.FEATURE, Kind.BOUNDARY, Kind.GEOMETRY_PROPERTY, Kind.ATTRIBUTE, Kind.ROOT):
            self.versions.add(name.rpartition(" ")[0])
        return getattr(self, f"_start_{kind}", None)

    def _find_end(self, name: str) -> Callable[[str], None] | None:
        return getattr(self, f"_end_{classify(name)}", None)

    # ------------------------------------------------------------------------------- objects and thematic surfaces

    def _push(self) -> None:
        self._frames.append((self._object, self._boundary, self._attributes, self._dimension, self._srs))

    def _pop(self, _name: str) -> None:
        self._object, self._boundary, self._attributes, self._dimension, self._srs = self._frames.pop()

    def _start_feature(self, name: str, attrs: list[str]) -> None:
        self._push()
        self.object_ids.append(_id_of(attrs))
        self.object_kinds.append(local_name(name))
        self.object_parents.append(self._object)
        self._object = len(self.object_ids) - 1
        self._boundary = -1
        self._attributes = {}
        self.object_attributes.append(self._attributes)

    _end_feature = _pop

    def _start_boundary(self, name: str, attrs: list[str]) -> None:
        self._push()
        self.boundary_ids.append(_id_of(attrs))
        self.boundary_kinds.append(local_name(name))
        self.boundary_objects.append(self._object)
        self.boundary_parents.append(self._boundary)
        self.boundary_attributes.append(None)
        self._boundary = len(self.boundary_ids) - 1
        self._attributes = None

    def _end_boundary(self, name: str) -> None:
        attributes = self._attributes
        if attributes is not None:
            if len(attributes) <= 3:  # most surfaces carry the same date: one dictionary is enough for all of them
                key = tuple(attributes.items())
                with contextlib.suppress(TypeError):  # holds a list or a dictionary
                    attributes = self._small.setdefault(key, attributes)
            self.boundary_attributes[self._boundary] = attributes
        self._pop(name)

    def _start_foreign_object(self, name: str, attrs: list[str]) -> None:
        if self._object < 0 and self.depth <= 3:  # an extension's own city object: kept under its name
            self.foreign_objects[name] += 1
            self._starts[name], self._ends[name] = self._start_feature, self._end_feature
            self._start_feature(name, attrs)
        else:
            self.foreign[name] += 1
            self._start_skip(name, attrs)

    def _start_member(self, name: str, attrs: list[str]) -> None:
        if attrs:
            href = _value_of(attrs, XLINK_HREF)
            if href is not None:
                if name.startswith("http://www.opengis.net/gml"):
                    self._refer(href)
                else:
                    self.feature_references.append((self._object, local_name(name), href))
                    if self._attributes is None:
                        self._attributes = {}
                    put(self._attributes, local_name(name), href)

    # ------------------------------------------------------------------------------------------------- attributes

    def _start_attribute(self, name: str, attrs: list[str]) -> None:
        self._property = node = (name, attrs, [], [])
        self._nodes = [node]
        parser = self.parser
        parser.StartElementHandler = self._start_inside_attribute
        parser.EndElementHandler = self._end_inside_attribute
        parser.CharacterDataHandler = node[3].append

    _start_foreign_property = _start_attribute

    def _start_inside_attribute(self, name: str, attrs: list[str]) -> None:
        kind = classify(name)
        nodes = self._nodes
        if kind in _STRUCTURE and not (nodes and local_name(nodes[-1][0]) in ("Address", "multiPoint")):
            self._leave_attribute(name, attrs)
            return
        outer = self._property[0]
        if len(nodes) == 1 and family(outer) == "foreign":  # an extension's structure: counted, not kept
            self.foreign[outer] += 1
            self._start_skip(name, attrs)
            self._skipped = 2
            return
        if self.depth + len(nodes) > _DEEPEST:
            self._too_deep()
        node: Node = (name, attrs, [], [])
        nodes[-1][2].append(node)
        nodes.append(node)
        self.parser.CharacterDataHandler = node[3].append

    def _end_inside_attribute(self, _name: str) -> None:
        nodes = self._nodes
        node = nodes.pop()
        if nodes:
            self.parser.CharacterDataHandler = nodes[-1][3].append
            return
        self.depth -= 1
        self._resume()
        found = attribute_of(node)
        if found is None:
            return
        href = _value_of(node[1], XLINK_HREF) if node[1] else None
        if href is not None:
            self.feature_references.append((self._object, found[0], href))
        if self._attributes is None:
            self._attributes = {}
        put(self._attributes, *found)

    def _leave_attribute(self, name: str, attrs: list[str]) -> None:
        """Treat a property taken for an attribute as structure, because an object or a geometry stands in it."""
        outer = self._property[0]
        self.depth += len(self._nodes) - 1
        self._resume()
        if classify(name) in _GEOMETRY:
            self._open_run(outer)
        elif len(self._nodes) == 1:
            self._starts[outer] = self._start_member
        self._start(name, attrs)

    # ------------------------------------------------------------------------------------------------ what is left

    def _start_skip(self, _name: str, _attrs: list[str]) -> None:
        self._skipped = 1
        parser = self.parser
        parser.StartElementHandler = self._start_skipped
        parser.EndElementHandler = self._end_skipped
        parser.CharacterDataHandler = None

    def _start_appearance(self, name: str, attrs: list[str]) -> None:
        self.appearances += 1
        self._start_skip(name, attrs)

    def _start_skipped(self, _name: str, attrs: list[str]) -> None:
        self._skipped += 1
        if self._skipped > _DEEPEST:
            self._too_deep()
        if attrs and (found := _id_of(attrs)):
            self.other_ids.add(found)

    def _end_skipped(self, _name: str) -> None:
        self._skipped -= 1
        self.depth -= 1 if self._skipped == 0 else 0
        if self._skipped == 0:
            self._resume()

    def _start_curve(self, _name: str, _attrs: list[str]) -> None:
        if not self._in_ring:
            self.curves += 1

    def _start_point(self, _name: str, _attrs: list[str]) -> None:
        if self._implicit is None:
            self.points += 1

    def _start_envelope(self, _name: str, attrs: list[str]) -> None:
        srs = _value_of(attrs, "srsName")
        dimension = _value_of(attrs, "srsDimension")
        if srs:
            self._srs = srs
            self.srs_names[srs] += 1
            if self._object < 0:
                self.model_srs = srs
        if dimension:
            self._dimension = dimension

    # --------------------------------------------------------------------------------------------------- geometry

    def _open_run(self, name: str) -> None:
        implicit = len(self.implicits) - 1 if self._implicit is not None else -1
        lod = self._implicit.lod if self._implicit is not None else lod_of(local_name(name))
        first, reference = len(self.polygon_ids), len(self.references)
        self.runs.append([first, self._object, self._boundary, lod, self._srs, implicit, reference])

    def _start_geometry_property(self, name: str, attrs: list[str]) -> None:
        self._open_run(name)
        if attrs:
            self._start_member_of_geometry(attrs)

    def _start_member_of_geometry(self, attrs: list[str]) -> None:
        href = _value_of(attrs, XLINK_HREF)
        if href is not None:
            self._refer(href)

    def _refer(self, href: str) -> None:
        if self._reversed:
            self.reversed_references.append(len(self.references))
        self.references.append(href)

    def _geometry_attributes(self, attrs: list[str]) -> str | None:
        """Read id, srsName and srsDimension of a geometry; returns the id."""
        found = None
        for i in range(0, len(attrs), 2):
            key = attrs[i]
            if key in _ID_NAMES:
                found = attrs[i + 1]
            elif key == "srsDimension":
                self._dimension = attrs[i + 1]
            elif key == "srsName":
                self.srs_names[attrs[i + 1]] += 1
                if self.runs:
                    self.runs[-1][4] = attrs[i + 1]
        return found

    def _start_container(self, _name: str, attrs: list[str]) -> None:
        dimension = self._dimension
        found = self._geometry_attributes(attrs) if attrs else None
        self._geometries.append((found, len(self.polygon_ids), len(self.references), dimension, self._reversed))

    def _end_container(self, _name: str) -> None:
        found, polygons, references, self._dimension, self._reversed = self._geometries.pop()
        if found is not None:
            self.containers.append((found, polygons, len(self.polygon_ids), references, len(self.references)))

    def _start_orientable(self, name: str, attrs: list[str]) -> None:
        self._start_container(name, attrs)
        if _value_of(attrs, "orientation") == "-":
            self._reversed = not self._reversed

    _end_orientable = _end_container

    def _start_solid(self, name: str, attrs: list[str]) -> None:
        self._start_container(name, attrs)
        self.solids.append((self._object, len(self.runs) - 1, self._geometries[-1][0]))
        self._solids.append(len(self.solids) - 1)

    def _end_solid(self, name: str) -> None:
        self._solids.pop()
        self._end_container(name)

    def _start_exterior(self, name: str, attrs: list[str]) -> None:
        if self._in_polygon:
            if self._rings != self.polygon_rings[-1] and name.endswith(("exterior", "outerBoundaryIs")):
                self.late_exteriors.append((len(self.polygon_ids) - 1, self._rings))
            return
        if self._solids:
            solid = self._solids[-1]
            number = self.shells[-1][1] + 1 if self.shells and self.shells[-1][0] == solid else 0
            first, reference = len(self.polygon_ids), len(self.references)
            self.shells.append([solid, number, first, first, reference, reference])
            if attrs:
                self._start_member_of_geometry(attrs)

    def _end_exterior(self, _name: str) -> None:
        if self._solids and not self._in_polygon:
            self.shells[-1][3] = len(self.polygon_ids)
            self.shells[-1][5] = len(self.references)

    def _start_patch(self, name: str, attrs: list[str]) -> None:
        self._in_polygon = True
        element = _patch_codes[name]
        if element != self._element:
            self._element = element
            self.element_changes.append((len(self.polygon_ids), element))
        if self._reversed:
            self.reversed_polygons.append(len(self.polygon_ids))
        if not attrs:
            self.polygon_ids.append(None)
        elif len(attrs) == 2 and attrs[0] in _ID_NAMES:
            self.polygon_ids.append(attrs[1])
        else:
            self._restore = (self._dimension, self._srs)
            self.polygon_ids.append(self._geometry_attributes(attrs))
        self.polygon_rings.append(self._rings)

    def _end_patch(self, _name: str) -> None:
        self._in_polygon = False
        if self._restore is not None:
            self._dimension, self._srs = self._restore
            self._restore = None

    def _start_ring(self, _name: str, attrs: list[str]) -> None:
        self._in_ring = self._in_polygon
        if attrs:
            dimension = _value_of(attrs, "srsDimension")
            if dimension:
                self._dimension = dimension

    def _start_curve_ring(self, name: str, attrs: list[str]) -> None:
        self._start_ring(name, attrs)
        self._joined = True

    def _end_ring(self, _name: str) -> None:
        if self._loose or self._joined:
            self._ring_done()
        self._in_ring = self._loose = self._joined = False

    _end_curve_ring = _end_ring

    def _ring_done(self) -> None:
        self.coordinates.parts.append(RING_END)
        dimension = self._dimension
        if dimension != self._last_dimension:
            self.ring_dimensions.append((self._rings, dimension))
            self._last_dimension = dimension
        self._rings += 1
        if not self._rings & 0x3FFF:
            self.coordinates.flush()

    def _start_positions(self, _name: str, attrs: list[str]) -> None:
        if self._in_ring:
            if attrs:
                dimension = _value_of(attrs, "srsDimension")
                if dimension:
                    self._dimension = dimension
            self.parser.CharacterDataHandler = self.coordinates.parts.append

    def _end_positions(self, _name: str) -> None:
        if self._in_ring:
            self.parser.CharacterDataHandler = None
            if self._joined:
                self.coordinates.parts.append(" ")
            else:
                self._ring_done()

    def _start_position(self, _name: str, attrs: list[str]) -> None:
        if self._in_ring:
            self._loose = True
            if attrs:
                self._dimension = _value_of(attrs, "srsDimension") or self._dimension
            self.parser.CharacterDataHandler = self.coordinates.parts.append
        elif self._implicit is not None:
            self._implicit.parts = []
            self.parser.CharacterDataHandler = self._implicit.parts.append

    def _end_position(self, _name: str) -> None:
        self.parser.CharacterDataHandler = None
        if self._in_ring:
            self.coordinates.parts.append(" ")
        elif self._implicit is not None:
            self._implicit.point = "".join(self._implicit.parts)

    def _start_coordinates(self, _name: str, attrs: list[str]) -> None:
        if self._in_ring:
            signs = [_value_of(attrs, key) or default for key, default in (("decimal", "."), ("cs", ","), ("ts", " "))]
            self._decimal = (signs[0], signs[1], signs[2])
            self._property = ("", [], [], [])
            self.parser.CharacterDataHandler = self._property[3].append

    def _end_coordinates(self, _name: str) -> None:
        if self._in_ring:
            self.parser.CharacterDataHandler = None
            decimal, between, after = self._decimal
            text = "".join(self._property[3]).replace(between, " ").replace(after, " ")
            self.coordinates.parts.append(text.replace(decimal, ".") if decimal != "." else text)
            self._ring_done()

    # ------------------------------------------------------------------------------------------ implicit geometry

    def _start_implicit(self, _name: str, _attrs: list[str]) -> None:
        lod = self.runs[-1][3] if self.runs else -1
        self._implicit = Implicit(self._object, self._boundary, lod)
        self.implicits.append(self._implicit)

    def _end_implicit(self, _name: str) -> None:
        self._implicit = None

    def _start_relative(self, name: str, attrs: list[str]) -> None:
        if self._implicit is not None:
            self._open_run(name)
            href = _value_of(attrs, XLINK_HREF) if attrs else None
            self._implicit.href = href or ""

    def _start_matrix(self, _name: str, _attrs: list[str]) -> None:
        if self._implicit is not None:
            self._implicit.parts = []
            self.parser.CharacterDataHandler = self._implicit.parts.append

    def _end_matrix(self, _name: str) -> None:
        self.parser.CharacterDataHandler = None
        if self._implicit is not None:
            self._implicit.matrix = "".join(self._implicit.parts)


_GEOMETRY = (Kind.CONTAINER, Kind.SOLID, Kind.ORIENTABLE, Kind.PATCH, Kind.CURVE)
_STRUCTURE = frozenset((*_GEOMETRY, Kind.FEATURE, Kind.BOUNDARY, Kind.IMPLICIT))


class _PatchCodes(dict[str, int]):
    def __missing__(self, name: str) -> int:
        self[name] = code = patch_code(local_name(name))
        return code


_patch_codes = _PatchCodes()


def _id_of(attrs: list[str]) -> str | None:
    for i in range(0, len(attrs), 2):
        if attrs[i] in _ID_NAMES:
            return attrs[i + 1]
    return None


def _value_of(attrs: list[str], key: str) -> str | None:
    for i in range(0, len(attrs), 2):
        if attrs[i] == key:
            return attrs[i + 1]
    return None
