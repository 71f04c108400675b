"""CityGML as a stream of XML events: objects, thematic surfaces and their attributes.

One expat parser, handlers switched on only where something is wanted. Geometry is handed to
:class:`twin.city.citygml.shapes.Shapes`; what is found goes to the lists of :class:`twin.city.citygml.parsed.Parsed`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any
from xml.parsers import expat

from twin.city.citygml.attributes import Node, attribute_with_reference, put
from twin.city.citygml.collected import Collected
from twin.city.citygml.names import HOLDERS, XLINK_HREF, Kind, classify, family, is_relief, local_name
from twin.city.citygml.parsed import Parsed, Relief
from twin.city.citygml.relief import ReliefReader
from twin.city.citygml.shapes import Shapes, id_of, value_of
from twin.errors import InputError, TextError

__all__ = ["Events", "NotCityGMLError", "parse"]

_DEEPEST = 256
_GEOMETRY = (Kind.CONTAINER, Kind.SOLID, Kind.ORIENTABLE, Kind.PATCH, Kind.CURVE)
_STRUCTURE = frozenset((*_GEOMETRY, Kind.FEATURE, Kind.BOUNDARY, Kind.IMPLICIT))
_CUT_OFF = ("no element found", "unclosed token", "unclosed CDATA section", "partial character")
_SHARED = 3  # attributes up to which equal dictionaries of surfaces are kept once


class NotCityGMLError(TextError):
    """The file is something else than CityGML, rather than damaged CityGML."""


class _Table(dict[str, Any]):
    """Handlers or kinds by element name; a name met for the first time is looked up once."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, name: str) -> Any:
        self[name] = found = self._find(name)
        return found


def parse(pieces: Iterable[bytes], path: str) -> Parsed:
    """Return what one document holds.

    Parameters
    ----------
    pieces : iterable of bytes
        The document.
    path : str
        File name for messages.

    Raises
    ------
    NotCityGMLError
        If it is another kind of file.
    InputError
        If it is cut off, not well-formed, too deep, or has a DOCTYPE.
    """
    events = Events(path)
    for piece in pieces:
        events.feed(piece)
    events.feed(b"", last=True)
    return events.parsed.parsed()


class Events:
    """Reads one CityGML document into :attr:`parsed`.

    Parameters
    ----------
    path : str
        File name for messages.
    """

    def __init__(self, path: str) -> None:
        self.parsed = Collected(path)
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.ordered_attributes = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        self._object = self._boundary = -1
        self._attributes: dict[str, Any] | None = self.parsed.model_attributes
        self._frames: list[tuple[int, int, dict[str, Any] | None, str, str]] = []
        self._srs = ""
        self._nodes: list[Node] = []
        self._skipped = 0
        self._small: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._shapes = Shapes(parser, self.parsed, self._resume)
        self._kinds = _Table(classify)
        self._locals = _Table(local_name)
        self._starts = _Table(lambda name: self._start_table.get(classify(name)))
        self._ends = _Table(lambda name: self._end_table.get(classify(name)))
        self._fill_tables()
        self._resume()
        parser.StartElementHandler = self._start_root

    def _fill_tables(self) -> None:
        shapes = self._shapes
        self._start_table: dict[str, Callable[[str, list[str]], None]] = {
            Kind.FEATURE: self._start_feature,
            Kind.BOUNDARY: self._start_boundary,
            Kind.MEMBER: self._start_member,
            Kind.ATTRIBUTE: self._start_attribute,
            Kind.FOREIGN_PROPERTY: self._start_attribute,
            Kind.FOREIGN_OBJECT: self._start_foreign_object,
            Kind.GEOMETRY_PROPERTY: self._start_geometry_property,
            Kind.RELATIVE: self._start_relative,
            Kind.IMPLICIT: self._start_implicit,
            Kind.ENVELOPE: self._start_envelope,
            Kind.APPEARANCE: self._start_appearance,
            Kind.SKIP: self._start_skip,
            Kind.CURVE: self._start_curve,
            Kind.POINT: self._start_point,
            Kind.PATCH: shapes.start_patch,
            Kind.CONTAINER: self._start_container,
            Kind.SOLID: shapes.start_solid,
            Kind.ORIENTABLE: shapes.start_orientable,
            Kind.EXTERIOR: shapes.start_exterior,
            Kind.MATRIX: shapes.start_place,
            Kind.POSITION: shapes.start_place,
        }
        self._end_table: dict[str, Callable[[str], None]] = {
            Kind.FEATURE: self._pop,
            Kind.FOREIGN_OBJECT: self._pop,  # one that is skipped takes its end with it
            Kind.BOUNDARY: self._end_boundary,
            Kind.IMPLICIT: shapes.end_implicit,
            Kind.CONTAINER: shapes.end_container,
            Kind.ORIENTABLE: shapes.end_container,
            Kind.SOLID: shapes.end_solid,
            Kind.EXTERIOR: shapes.end_exterior,
            Kind.MATRIX: shapes.end_matrix,
            Kind.POSITION: shapes.end_position,
        }

    # ---------------------------------------------------------------------------------------------- the document

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        """Parse the next bytes of the file."""
        try:
            self.parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise self._broken(error) from None
        except LookupError as error:  # an encoding Python does not know
            raise TextError("encoding_unknown", file=self.parsed.path, reason=str(error)) from None

    def _broken(self, error: expat.ExpatError) -> InputError:
        name, line, reason = self.parsed.path, error.lineno, expat.errors.messages[error.code]
        if not self.parsed.root:
            if reason == "no element found":
                return NotCityGMLError("xml_empty", file=name)
            if "encoding" in reason:
                return TextError("encoding_unknown", file=name, reason=reason)
            return NotCityGMLError("xml_none", file=name, line=line, reason=reason)
        if reason in _CUT_OFF:
            return TextError("xml_cut_off", file=name, line=line)
        return TextError("xml_broken", file=name, line=line, column=error.offset, reason=reason)

    def _doctype(self, *_: Any) -> None:
        raise TextError("xml_doctype", file=self.parsed.path)

    def _too_deep(self) -> InputError:
        return TextError("xml_too_deep", file=self.parsed.path, depth=_DEEPEST, line=self.parser.CurrentLineNumber)

    def _resume(self) -> None:
        parser = self.parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = None

    def _start_root(self, name: str, attrs: list[str]) -> None:
        self.parsed.root = name
        local, kind = local_name(name), classify(name)
        if not (kind == Kind.ROOT or local == "FeatureCollection" or (kind == Kind.FEATURE)):
            namespace = name.rpartition(" ")[0] or "no namespace"
            raise NotCityGMLError("gml_other_root", file=self.parsed.path, root=local, namespace=namespace)
        self.parser.StartElementHandler = self._start
        self._start(name, attrs)

    def _start(self, name: str, attrs: list[str]) -> None:
        handler = self._starts[name]
        if handler is not None:
            handler(name, attrs)

    def _end(self, name: str) -> None:
        handler = self._ends[name]
        if handler is not None:
            handler(name)

    # ------------------------------------------------------------------------------- objects and thematic surfaces

    def _push(self) -> None:
        frames = self._frames
        frames.append((self._object, self._boundary, self._attributes, self._shapes.dimension, self._srs))
        if len(frames) > _DEEPEST:
            raise self._too_deep()

    def _pop(self, _name: str) -> None:
        self._object, self._boundary, self._attributes, self._shapes.dimension, self._srs = self._frames.pop()

    def _start_feature(self, name: str, attrs: list[str]) -> None:
        self._push()
        parsed = self.parsed
        parsed.object_ids.append(id_of(attrs))
        parsed.object_kinds.append(self._locals[name])
        parsed.parents_of_objects.append(self._object)
        self._object = len(parsed.object_ids) - 1
        self._boundary = -1
        self._attributes = {}
        parsed.object_attributes.append(self._attributes)

    def _start_boundary(self, name: str, attrs: list[str]) -> None:
        self._push()
        parsed = self.parsed
        parsed.boundary_ids.append(id_of(attrs))
        parsed.boundary_kinds.append(self._locals[name])
        parsed.objects_of_boundaries.append(self._object)
        parsed.parents_of_boundaries.append(self._boundary)
        parsed.boundary_attributes.append(None)
        self._boundary = len(parsed.boundary_ids) - 1
        self._attributes = None

    def _end_boundary(self, name: str) -> None:
        attributes = self._attributes
        if attributes is not None:
            if len(attributes) <= _SHARED:  # most surfaces carry the same date: one dictionary serves all of them
                with contextlib.suppress(TypeError):  # holds a list or a dictionary
                    attributes = self._small.setdefault(tuple(attributes.items()), attributes)
            self.parsed.boundary_attributes[self._boundary] = attributes
        self._pop(name)

    def _start_foreign_object(self, name: str, attrs: list[str]) -> None:
        if self._object < 0 and self._boundary < 0:  # an extension's own city object: kept under its name
            self.parsed.foreign_objects[name] += 1
            self._start_feature(name, attrs)
        else:
            self.parsed.foreign[name] += 1
            self._start_skip(name, attrs)

    def _start_member(self, name: str, attrs: list[str]) -> None:
        if not attrs:
            return
        if name.startswith("http://www.opengis.net/gml"):
            self._shapes.refer(attrs)
            return
        href = value_of(attrs, XLINK_HREF)
        if href is not None:
            local = self._locals[name]
            self.parsed.feature_references.append((self._object, local, href))
            self._put(local, href)

    def _put(self, key: str, value: Any) -> None:
        if self._attributes is None:
            self._attributes = {}
        put(self._attributes, key, value)

    # ------------------------------------------------------------------------------------------------- attributes

    def _start_attribute(self, name: str, attrs: list[str]) -> None:
        node: Node = (name, attrs, [], [])
        self._nodes = [node]
        parser = self.parser
        parser.StartElementHandler = self._start_inside_attribute
        parser.EndElementHandler = self._end_inside_attribute
        parser.CharacterDataHandler = node[3].append

    def _start_inside_attribute(self, name: str, attrs: list[str]) -> None:
        nodes = self._nodes
        outer = nodes[0][0]
        if self._kinds[name] in _STRUCTURE and self._locals[nodes[-1][0]] not in HOLDERS:
            self._leave_attribute(name, attrs)
            return
        if len(nodes) == 1 and family(outer) == "foreign":  # an extension's structure: counted, not kept
            self.parsed.foreign[outer] += 1
            self._start_skip(name, attrs)
            self._skipped = 2
            return
        if len(nodes) > _DEEPEST:
            raise self._too_deep()
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
        self._resume()
        found = attribute_with_reference(node)
        if found is not None:
            key, value, href = found
            if href is not None:
                self.parsed.feature_references.append((self._object, key, href))
            self._put(key, value)

    def _leave_attribute(self, name: str, attrs: list[str]) -> None:
        """Treat a property taken for an attribute as structure, because an object or a geometry stands in it."""
        outer = self._nodes[0][0]
        self._resume()
        if self._kinds[name] in _GEOMETRY:
            self._shapes.open_run(outer, self._object, self._boundary, self._srs)
        self._start(name, attrs)

    # --------------------------------------------------------------------------------------------- geometry begins

    def _start_geometry_property(self, name: str, attrs: list[str]) -> None:
        if self._object >= 0 and is_relief(name):
            relief = Relief(self._object, grid=self._locals[name] == "grid")
            self.parsed.reliefs.append(relief)
            ReliefReader(self.parser, relief, self.parsed.srs_names, self._resume)
            return
        self._shapes.open_run(name, self._object, self._boundary, self._srs)
        if attrs:
            self._shapes.refer(attrs)

    def _start_container(self, name: str, attrs: list[str]) -> None:
        if self._shapes.depth > _DEEPEST:
            raise self._too_deep()
        self._shapes.start_container(name, attrs)

    def _start_implicit(self, _name: str, _attrs: list[str]) -> None:
        self._shapes.start_implicit(self._object, self._boundary)

    def _start_relative(self, name: str, attrs: list[str]) -> None:
        implicit = self._shapes.implicit
        if implicit is not None:
            self._shapes.open_run(name, self._object, self._boundary, "")
            implicit.href = value_of(attrs, XLINK_HREF) or ""

    def _start_envelope(self, _name: str, attrs: list[str]) -> None:
        srs = value_of(attrs, "srsName")
        if srs:
            self._srs = srs
            self.parsed.srs_names[srs] += 1
            if self._object < 0:
                self.parsed.model_srs = srs
        self._shapes.dimension = value_of(attrs, "srsDimension") or self._shapes.dimension

    # ------------------------------------------------------------------------------------------------ what is left

    def _start_curve(self, _name: str, _attrs: list[str]) -> None:
        self.parsed.curves += 1

    def _start_point(self, _name: str, _attrs: list[str]) -> None:
        if self._shapes.implicit is None:
            self.parsed.points += 1

    def _start_appearance(self, name: str, attrs: list[str]) -> None:
        self.parsed.appearances += 1
        self._start_skip(name, attrs)

    def _start_skip(self, _name: str, attrs: list[str]) -> None:
        self._skipped = 1
        if attrs and (found := id_of(attrs)):
            self.parsed.other_ids.add(found)
        parser = self.parser
        parser.StartElementHandler = self._start_skipped
        parser.EndElementHandler = self._end_skipped
        parser.CharacterDataHandler = None

    def _start_skipped(self, _name: str, attrs: list[str]) -> None:
        self._skipped += 1
        if self._skipped > _DEEPEST:
            raise self._too_deep()
        if attrs and (found := id_of(attrs)):
            self.parsed.other_ids.add(found)

    def _end_skipped(self, _name: str) -> None:
        self._skipped -= 1
        if self._skipped == 0:
            self._resume()
