"""What a CityGML element name means, by its local name and the family of its namespace: one table for 1.0, 2.0 and 3.0.

GML writes objects with a capital and properties with a small first letter, and the two alternate; so an unknown
capital name in a CityGML namespace is a city object, an unknown small one an attribute, and nothing needs a schema.
"""

from __future__ import annotations

import re

__all__ = ["BOUNDARIES", "GENERIC_TYPES", "HOLDERS", "OUTER", "XLINK_HREF", "Kind", "classify", "family", "local_name"]

XLINK_HREF = "http://www.w3.org/1999/xlink href"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BOUNDARIES = _words(
    """RoofSurface WallSurface GroundSurface ClosureSurface OuterCeilingSurface OuterFloorSurface InteriorWallSurface
    CeilingSurface FloorSurface Window Door WindowSurface DoorSurface GenericThematicSurface WaterSurface
    WaterGroundSurface WaterClosureSurface TrafficArea AuxiliaryTrafficArea Marking HoleSurface"""
)
"""Thematic surfaces: they give polygons their meaning and are rows of ``City.boundaries``."""

OUTER = _words("exterior outerBoundaryIs")
"""Properties that hold the outer ring of a polygon."""

HOLDERS = _words("Address multiPoint")
"""Elements of attributes in which geometry is told that is none of the city's."""

_DATA_TYPES = _words(
    """Address CityObjectRelation ConstructionEvent Elevation ExternalObject ExternalReference Height Occupancy
    QualifiedArea QualifiedVolume Role RoomHeight SensorConnection TimeValuePair TimeseriesComponent Transaction
    StringAttribute IntAttribute DoubleAttribute DateAttribute UriAttribute MeasureAttribute CodeAttribute
    GenericAttributeSet AtomicTimeseries GenericTimeseries TabulatedFileTimeseries StandardFileTimeseries
    CompositeTimeseries XALAddress"""
)

GENERIC_TYPES = {
    "stringAttribute": "string",
    "intAttribute": "int",
    "doubleAttribute": "double",
    "dateAttribute": "string",
    "uriAttribute": "string",
    "codeAttribute": "string",
    "measureAttribute": "measure",
    "genericAttributeSet": "set",
}
"""Generic attributes by name with a small first letter (1.0 and 2.0; 3.0 writes a capital)."""

_CONTAINERS = _words(
    """MultiSurface CompositeSurface Surface PolyhedralSurface TriangulatedSurface Tin Shell MultiSolid CompositeSolid
    MultiGeometry GeometricComplex"""
)
_COMPOSITES = _words("CompositeSolid")
"""Containers whose solids belong together."""
_RELIEFS = _words("reliefPoints grid")
"""Properties whose terrain is told by points."""
_PATCHES = {"Polygon": 0, "PolygonPatch": 1, "Triangle": 2, "Rectangle": 3}
_CURVES = _words("LineString LineStringSegment Arc Circle ArcString CubicSpline Clothoid")
_PASS_PROPERTIES = _words(
    """cityObjectMember featureMember member boundedBy boundary consistsOfBuildingPart buildingPart
    outerBuildingInstallation interiorBuildingInstallation buildingInstallation interiorRoom buildingRoom
    roomInstallation buildingUnit buildingSubdivision opening fillingSurface filling reliefComponent trafficArea
    auxiliaryTrafficArea groupMember parent consistsOfBridgePart bridgePart consistsOfTunnelPart tunnelPart
    versionMember versionTransitionMember implicitRepresentation dynamizer interiorFurniture roomFurniture
    buildingFurniture trafficSpace auxiliaryTrafficSpace section intersection"""
)
_LOD_PROPERTY = re.compile(r"^lod([0-4])[A-Z]\w*$")
_GEOMETRY_PROPERTIES = _words("tin extent ridgeOrValleyLines breaklines reliefPoints grid pointCloud boundaryGeometry")


class Kind:
    """Names of what the reader does with an element."""

    FEATURE = "feature"
    BOUNDARY = "boundary"
    GEOMETRY_PROPERTY = "geometry_property"
    ATTRIBUTE = "attribute"
    MEMBER = "member"  # a property that may carry a reference (xlink:href)
    CONTAINER = "container"
    SOLID = "solid"
    ORIENTABLE = "orientable"
    PATCH = "patch"
    RING = "ring"
    CURVE_RING = "curve_ring"
    EXTERIOR = "exterior"
    POSITIONS = "positions"
    POSITION = "position"
    COORDINATES = "coordinates"
    CURVE = "curve"
    POINT = "point"
    ENVELOPE = "envelope"
    IMPLICIT = "implicit"
    MATRIX = "matrix"
    RELATIVE = "relative"
    APPEARANCE = "appearance"
    SKIP = "skip"
    DATA = "data"
    FOREIGN_OBJECT = "foreign_object"
    FOREIGN_PROPERTY = "foreign_property"
    ROOT = "root"
    PASS = "pass"


def local_name(name: str) -> str:
    """Return the local part of ``namespace local``."""
    return name.rpartition(" ")[2]


def family(name: str) -> str:
    """Return the family of a name's namespace: ``citygml``, ``appearance``, ``gml``, ``neutral`` or ``foreign``."""
    uri = name.rpartition(" ")[0].lower()
    if "/citygml/" in uri or uri.endswith("/citygml"):
        if "/ade/" in uri or "energy" in uri:
            return "foreign"
        return "appearance" if "/appearance/" in uri else "citygml"
    if uri.startswith("http://www.opengis.net/gml") or uri == "":
        return "gml"
    if uri.startswith(("http://www.opengis.net/wfs", "http://www.w3.org/", "http://www.opengis.net/ows")):
        return "neutral"
    return "foreign"


def _citygml(local: str) -> str:
    if local[0].isupper() or local[0] == "_":
        if local == "CityModel":
            return Kind.ROOT
        if local == "ImplicitGeometry":
            return Kind.IMPLICIT
        if local in BOUNDARIES:
            return Kind.BOUNDARY
        return Kind.DATA if local in _DATA_TYPES else Kind.FEATURE
    special = {
        "transformationMatrix": Kind.MATRIX,
        "relativeGMLGeometry": Kind.RELATIVE,
        "relativeGeometry": Kind.RELATIVE,
        "engineeringCRS": Kind.SKIP,
        "appearance": Kind.APPEARANCE,
        "appearanceMember": Kind.APPEARANCE,
        "referencePoint": Kind.PASS,
        "libraryObject": Kind.PASS,
        "mimeType": Kind.PASS,
    }
    if local in special:
        return special[local]
    if _LOD_PROPERTY.match(local) or local in _GEOMETRY_PROPERTIES:
        return Kind.GEOMETRY_PROPERTY
    return Kind.MEMBER if local in _PASS_PROPERTIES else Kind.ATTRIBUTE


def _gml(local: str) -> str:
    plain = {
        "Solid": Kind.SOLID,
        "OrientableSurface": Kind.ORIENTABLE,
        "LinearRing": Kind.RING,
        "Ring": Kind.CURVE_RING,
        "exterior": Kind.EXTERIOR,
        "interior": Kind.EXTERIOR,
        "outerBoundaryIs": Kind.EXTERIOR,
        "innerBoundaryIs": Kind.EXTERIOR,
        "posList": Kind.POSITIONS,
        "pos": Kind.POSITION,
        "coordinates": Kind.COORDINATES,
        "Point": Kind.POINT,
        "Envelope": Kind.ENVELOPE,
        "metaDataProperty": Kind.SKIP,
        "name": Kind.ATTRIBUTE,
        "description": Kind.ATTRIBUTE,
        "identifier": Kind.ATTRIBUTE,
    }
    if local in plain:
        return plain[local]
    if local in _CONTAINERS:
        return Kind.CONTAINER
    if local in _PATCHES:
        return Kind.PATCH
    if local in _CURVES:
        return Kind.CURVE
    return Kind.MEMBER if local.endswith(("Member", "Members", "Surface", "patches")) else Kind.PASS


def classify(name: str) -> str:
    """Return what the reader does with the element ``namespace local`` (one of :class:`Kind`).

    Examples
    --------
    >>> classify("http://www.opengis.net/citygml/building/2.0 RoofSurface")
    'boundary'
    >>> classify("http://www.opengis.net/citygml/3.0 lod2Solid")
    'geometry_property'
    """
    local = local_name(name)
    group = family(name)
    if group == "citygml":
        return _citygml(local)
    if group == "gml":
        return _gml(local)
    if group == "appearance":
        return Kind.APPEARANCE
    if group == "neutral":
        return Kind.PASS
    return Kind.FOREIGN_OBJECT if local[0].isupper() else Kind.FOREIGN_PROPERTY


def patch_code(local: str) -> int:
    """Return 0 for ``Polygon``, 1 ``PolygonPatch``, 2 ``Triangle``, 3 ``Rectangle``."""
    return _PATCHES[local]


def is_composite(name: str) -> bool:
    """Tell whether ``namespace local`` is a solid made of solids.

    Examples
    --------
    >>> is_composite("http://www.opengis.net/gml CompositeSolid"), is_composite("http://www.opengis.net/gml MultiSolid")
    (True, False)
    """
    return local_name(name) in _COMPOSITES


def is_relief(name: str) -> bool:
    """Tell whether ``namespace local`` is a property with mass points or the grid of a terrain.

    Examples
    --------
    >>> is_relief("http://www.opengis.net/citygml/relief/2.0 reliefPoints")
    True
    """
    return local_name(name) in _RELIEFS


def lod_of(local: str) -> int:
    """Return the level of detail a property's name starts with, -1 where it has none."""
    match = _LOD_PROPERTY.match(local)
    return int(match.group(1)) if match else -1
