"""Names of CityGML 3.0: which module a class or property belongs to, and what older names became.

Source: OGC 20-010 (CityGML 3.0 Conceptual Model) and OGC 21-006r2 (GML Encoding), with the order of properties in its
XML schemas.
"""

from __future__ import annotations

__all__ = ["CHILD_PROPERTIES", "NAMESPACES", "OWN_PROPERTIES", "WRAPPERS", "modern_name", "module_of"]

_OGC = "http://www.opengis.net/citygml"
NAMESPACES = {
    "core": f"{_OGC}/3.0",
    "con": f"{_OGC}/construction/3.0",
    "bldg": f"{_OGC}/building/3.0",
    "brid": f"{_OGC}/bridge/3.0",
    "tun": f"{_OGC}/tunnel/3.0",
    "tran": f"{_OGC}/transportation/3.0",
    "veg": f"{_OGC}/vegetation/3.0",
    "wtr": f"{_OGC}/waterbody/3.0",
    "luse": f"{_OGC}/landuse/3.0",
    "dem": f"{_OGC}/relief/3.0",
    "frn": f"{_OGC}/cityfurniture/3.0",
    "gen": f"{_OGC}/generics/3.0",
    "grp": f"{_OGC}/cityobjectgroup/3.0",
    "dyn": f"{_OGC}/dynamizer/3.0",
    "vers": f"{_OGC}/versioning/3.0",
    "gml": "http://www.opengis.net/gml/3.2",
    "xAL": "urn:oasis:names:tc:ciq:xal:3",
    "xlink": "http://www.w3.org/1999/xlink",
}

_CLASSES = {
    "bldg": """Building BuildingPart BuildingRoom BuildingUnit Storey BuildingInstallation BuildingFurniture
        BuildingConstructiveElement""",
    "brid": "Bridge BridgePart BridgeRoom BridgeInstallation BridgeFurniture BridgeConstructiveElement",
    "tun": "Tunnel TunnelPart HollowSpace TunnelInstallation TunnelFurniture TunnelConstructiveElement",
    "tran": """Road Railway Square Track Waterway Section Intersection TrafficSpace AuxiliaryTrafficSpace ClearanceSpace
        Hole TrafficArea AuxiliaryTrafficArea Marking HoleSurface""",
    "veg": "SolitaryVegetationObject PlantCover",
    "wtr": "WaterBody WaterSurface WaterGroundSurface",
    "luse": "LandUse",
    "dem": "ReliefFeature TINRelief MassPointRelief BreaklineRelief RasterRelief",
    "frn": "CityFurniture",
    "gen": "GenericOccupiedSpace GenericLogicalSpace GenericUnoccupiedSpace GenericThematicSurface",
    "grp": "CityObjectGroup",
    "dyn": "Dynamizer",
    "vers": "Version VersionTransition",
    "con": """OtherConstruction RoofSurface WallSurface GroundSurface CeilingSurface FloorSurface InteriorWallSurface
        OuterCeilingSurface OuterFloorSurface WindowSurface DoorSurface""",
    "core": "ClosureSurface",
}
_MODULES = {name: prefix for prefix, names in _CLASSES.items() for name in names.split()}

_MODERN = {
    "Room": "BuildingRoom",
    "BuildingStorey": "Storey",
    "IntBuildingInstallation": "BuildingInstallation",
    "IntBridgeInstallation": "BridgeInstallation",
    "IntTunnelInstallation": "TunnelInstallation",
    "BuildingConstructionElement": "BuildingConstructiveElement",
    "BridgeConstructionElement": "BridgeConstructiveElement",
    "TunnelConstructionElement": "TunnelConstructiveElement",
    "TunnelHollowSpace": "HollowSpace",
    "TransportSquare": "Square",
    "GenericCityObject": "GenericOccupiedSpace",
    "Window": "WindowSurface",
    "Door": "DoorSurface",
    "WaterClosureSurface": "ClosureSurface",
}
"""Classes of CityGML 1.0, 2.0 and CityJSON, and what they are called in CityGML 3.0."""

CHILD_PROPERTIES = {
    "BuildingConstructiveElement": "bldg:buildingConstructiveElement",
    "BuildingInstallation": "bldg:buildingInstallation",
    "BuildingRoom": "bldg:buildingRoom",
    "BuildingFurniture": "bldg:buildingFurniture",
    "BuildingUnit": "bldg:buildingSubdivision",
    "Storey": "bldg:buildingSubdivision",
    "BridgeConstructiveElement": "brid:bridgeConstructiveElement",
    "BridgeInstallation": "brid:bridgeInstallation",
    "BridgeRoom": "brid:bridgeRoom",
    "BridgeFurniture": "brid:bridgeFurniture",
    "TunnelConstructiveElement": "tun:tunnelConstructiveElement",
    "TunnelInstallation": "tun:tunnelInstallation",
    "HollowSpace": "tun:hollowSpace",
    "TunnelFurniture": "tun:tunnelFurniture",
    "Section": "tran:section",
    "Intersection": "tran:intersection",
    "TrafficSpace": "tran:trafficSpace",
    "AuxiliaryTrafficSpace": "tran:auxiliaryTrafficSpace",
    "ClearanceSpace": "tran:clearanceSpace",
    "Hole": "tran:hole",
    "TINRelief": "dem:reliefComponent",
    "MassPointRelief": "dem:reliefComponent",
    "BreaklineRelief": "dem:reliefComponent",
    "RasterRelief": "dem:reliefComponent",
    "BuildingPart": "bldg:buildingPart",
    "BridgePart": "brid:bridgePart",
    "TunnelPart": "tun:tunnelPart",
    "CityObjectGroup": "grp:groupMember",
}
"""Property by which a class hangs below another, in the order of the schemas; parts come last."""

GML_PROPERTIES = ("description", "identifier", "name")
CORE_PROPERTIES = (
    *("creationDate", "terminationDate", "validFrom", "validTo", "externalReference", "generalizesTo"),
    *("relativeToTerrain", "relativeToWater", "relatedTo"),
)
CONSTRUCTION_PROPERTIES = (
    *("conditionOfConstruction", "dateOfConstruction", "dateOfDemolition", "constructionEvent", "elevation", "height"),
    "occupancy",
)
CONSTRUCTIONS = ("Building", "BuildingPart", "Bridge", "BridgePart", "Tunnel", "TunnelPart", "OtherConstruction")

OWN_PROPERTIES = {
    "bldg": """class function usage roofType storeysAboveGround storeysBelowGround storeyHeightsAboveGround
        storeyHeightsBelowGround roomHeight buildingConstructiveElement buildingInstallation buildingRoom
        buildingFurniture buildingSubdivision buildingUnit storey""",
    "brid": "class function usage isMovable",
    "tun": "class function usage",
    "tran": "class function usage granularity trafficDirection surfaceMaterial section intersection predecessor successor",
    "veg": """class function usage species height trunkDiameter crownDiameter rootBallDiameter maxRootBallDiameter
        averageHeight minHeight maxHeight""",
    "wtr": "class function usage waterLevel",
    "luse": "class function usage",
    "dem": "lod",
    "frn": "class function usage",
    "gen": "class function usage",
    "grp": "class function usage groupMember parent",
    "dyn": "attributeRef startTime endTime dynamicData sensorConnection",
    "vers": "tag versionMember reason clonePredecessor type from to transaction",
    "con": "class function usage relationToConstruction isStructuralElement",
    "core": "",
}
"""Properties of the classes of each module, in the order of the schemas."""

WRAPPERS = {
    "externalReference": "core:ExternalReference",
    "relatedTo": "core:CityObjectRelation",
    "height": "con:Height",
    "elevation": "con:Elevation",
    "constructionEvent": "con:ConstructionEvent",
    "occupancy": "core:Occupancy",
    "transaction": "vers:Transaction",
    "sensorConnection": "dyn:SensorConnection",
    "dynamicData": "dyn:GenericTimeseries",
    "timeValuePair": "dyn:TimeValuePair",
    "roomHeight": "bldg:RoomHeight",
}
"""Data type that stands between a property and its values."""


def modern_name(kind: str) -> str:
    """Return what a class is called in CityGML 3.0.

    Examples
    --------
    >>> modern_name("Room"), modern_name("Window"), modern_name("Building")
    ('BuildingRoom', 'WindowSurface', 'Building')
    """
    return _MODERN.get(kind, kind)


def module_of(name: str) -> str:
    """Return the prefix of a class of CityGML 3.0; ``core`` for one that it does not know.

    Examples
    --------
    >>> module_of("RoofSurface"), module_of("ClosureSurface")
    ('con', 'core')
    """
    return _MODULES.get(name, "core")
