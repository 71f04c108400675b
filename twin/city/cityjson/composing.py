"""Geometries and city objects of a city as CityJSON tells them; its points get vertex numbers as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import shapely

from twin.city.cityjson.geometries import KINDS
from twin.city.cityjson.numbering import Points
from twin.city.cityjson.objects import CLASS_NAMES, GROUP
from twin.city.model import City

__all__ = ["Composer"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TYPES = _words(
    """Bridge BridgePart BridgeInstallation BridgeConstructiveElement BridgeRoom BridgeFurniture Building BuildingPart
    BuildingInstallation BuildingConstructiveElement BuildingFurniture BuildingStorey BuildingRoom BuildingUnit
    CityFurniture CityObjectGroup GenericCityObject LandUse OtherConstruction PlantCover SolitaryVegetationObject
    TINRelief TransportSquare Railway Road Tunnel TunnelPart TunnelInstallation TunnelConstructiveElement
    TunnelHollowSpace TunnelFurniture WaterBody Waterway"""
)
_CITYJSON_NAMES = {name: kind for kind, name in CLASS_NAMES.items()} | {
    "Room": "BuildingRoom",
    "IntBuildingInstallation": "BuildingInstallation",
    "IntBridgeInstallation": "BridgeInstallation",
    "IntTunnelInstallation": "TunnelInstallation",
    "HollowSpace": "TunnelHollowSpace",
}
_SURFACE_NAMES = {"WindowSurface": "Window", "DoorSurface": "Door", "Marking": "TransportationMarking"}
_COLUMNS = {"function": "function", "roof_type": "roofType", "measured_height": "measuredHeight"}
_COUNTS = {"storeys": "storeysAboveGround", "year": "yearOfConstruction"}


@dataclass
class _Geometry:
    """One geometry to write: its faces in the order they are told, and the semantic surfaces it lists."""

    lod: str
    body: str
    rows: np.ndarray
    number: int = -1
    surfaces: list[int] = field(default_factory=list)


class Composer:
    """Tells the objects of one city as CityJSON.

    Parameters
    ----------
    city : City
        Faces known to make up a solid (``City.shells``) are written as that solid, all others as a surface.
    grid : Points
        Any on the grid of the file.
    """

    def __init__(self, city: City, grid: Points) -> None:
        self._city = city
        self._steps = grid.steps(city.polygons.xyz)
        self._ring_start = city.polygons.ring_start.tolist()
        self._polygon_start = city.polygons.polygon_start.tolist()
        self._kind = city.surfaces["kind"].to_numpy(dtype=object)
        self._boundary = _whole_column(city.surfaces, "boundary")
        self._meanings = city.boundaries.to_dict("records")
        self._solid, self._shell = self._membership()
        self._geometries = self._grouped()
        self.ids = _unique([str(name) for name in city.objects["id"]])
        self._rows = {str(name): row for row, name in reversed(list(enumerate(city.objects["id"])))}
        self._parent = city.objects["parent"].to_numpy(dtype=np.int64)
        self._children: dict[int, list[int]] = {}
        for row in np.flatnonzero(self._parent >= 0).tolist():
            self._children.setdefault(int(self._parent[row]), []).append(row)
        self._groups: dict[int, list[int]] = {}
        attributes, kinds = city.objects["attributes"].tolist(), city.objects["kind"].tolist()
        for row in [i for i, kind in enumerate(kinds) if kind == GROUP]:
            for name in (attributes[row] or {}).get("members", ()):
                if name in self._rows:
                    self._groups.setdefault(self._rows[name], []).append(row)
        self._records = city.objects.drop(columns=city.objects.geometry.name).to_dict("records")
        self._outlines = city.objects.geometry.to_numpy()

    # ------------------------------------------------------------------------------------------------------ solids

    def _membership(self) -> tuple[np.ndarray, np.ndarray]:
        """Solid and shell of each polygon, for solids all of whose faces are their object's own and of no other."""
        count = len(self._city.polygons)
        solid, shell = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
        shells = self._city.shells
        if not len(shells):
            return solid, shell
        polygon = shells["polygon"].to_numpy(dtype=np.int64)
        number = shells["solid"].to_numpy(dtype=np.int64)
        owner = self._city.surfaces["object"].to_numpy(dtype=np.int64)
        fits = (polygon >= 0) & ~shells["reversed"].to_numpy(dtype=bool)
        fits &= owner[np.maximum(polygon, 0)] == shells["object"].to_numpy(dtype=np.int64)
        fits &= np.bincount(polygon[polygon >= 0], minlength=count)[np.maximum(polygon, 0)] == 1
        fits &= ~np.isin(number, number[~fits])
        solid[polygon[fits]], shell[polygon[fits]] = number[fits], shells["shell"].to_numpy(dtype=np.int64)[fits]
        return solid, shell

    def _composites(self) -> np.ndarray:
        """Composite solid of each polygon that a solid of it keeps, -1 = none."""
        shells, composite = self._city.shells, np.full(len(self._city.polygons), -1, dtype=np.int64)
        if "composite" in shells:
            polygon = shells["polygon"].to_numpy(dtype=np.int64)
            number = shells["composite"].fillna(-1).to_numpy(dtype=np.int64)
            kept = (polygon >= 0) & (number >= 0)
            kept[kept] = self._solid[polygon[kept]] >= 0
            composite[polygon[kept]] = number[kept]
        return composite

    def _grouped(self) -> dict[int, list[_Geometry]]:
        """Geometries of each object, in the order of their first faces."""
        surfaces = self._city.surfaces
        owner = surfaces["object"].to_numpy(dtype=np.int64)
        geometry = _whole_column(surfaces, "geometry")
        levels = _levels(surfaces)
        bodies = surfaces["body"].astype(object).to_numpy() if "body" in surfaces else np.full(len(surfaces), None)
        together = self._composites()
        keys = pd.DataFrame(
            {
                "object": owner,
                "geometry": geometry,
                "lod": levels,
                "solid": np.where(geometry < 0, np.where(together < 0, self._solid, len(surfaces) + together), -1),
            }
        )
        bodies = np.where((geometry < 0) & (together >= 0), "CompositeSolid", bodies)
        found: dict[int, list[_Geometry]] = {}
        for rows in keys.groupby(list(keys.columns), sort=False).indices.values():
            rows = np.sort(rows)
            inside = self._solid[rows] >= 0
            if inside.all():
                rows = rows[np.lexsort((rows, self._shell[rows], self._solid[rows]))]
            body = _body(bodies[rows[0]], bool(inside.all()), len(np.unique(self._solid[rows])))
            found.setdefault(int(owner[rows[0]]), []).append(
                _Geometry(str(levels[rows[0]]), body, rows, int(geometry[rows[0]]))
            )
        self._give_boundaries(found)
        return found

    def _give_boundaries(self, found: dict[int, list[_Geometry]]) -> None:
        """Let each geometry list its semantic surfaces: those told in it, those of its faces, and what they lie in."""
        boundaries = self._city.boundaries
        parent = boundaries["parent"].to_numpy(dtype=np.int64)
        owner = boundaries["object"].to_numpy(dtype=np.int64)
        told = _whole_column(boundaries, "geometry")
        told_in: dict[tuple[int, int], set[int]] = {}
        for surface in np.flatnonzero(told >= 0).tolist():
            told_in.setdefault((int(owner[surface]), int(told[surface])), set()).add(surface)
        placed = np.zeros(len(boundaries), dtype=bool)
        for row, geometries in found.items():
            for geometry in geometries:
                used = set(self._boundary[geometry.rows].tolist()) - {-1}
                used |= told_in.get((row, geometry.number), set())
                rest = list(used)
                while rest:
                    above = int(parent[rest.pop()])
                    if above >= 0 and above not in used:
                        used.add(above)
                        rest.append(above)
                geometry.surfaces = sorted(used)
                placed[geometry.surfaces] = True
        homeless = np.flatnonzero(~placed).tolist()  # no face has them: they go with the object's first geometry
        for surface in homeless:
            if owner[surface] in found:
                first = found[int(owner[surface])][0]
                first.surfaces = sorted({*first.surfaces, surface})

    # ---------------------------------------------------------------------------------------------------- geometry

    def geometries(self, row: int, points: Points) -> list[dict[str, Any]]:
        """Return the geometries of an object; their boundaries hold numbers that ``points`` gives."""
        told = []
        for geometry in self._geometries.get(row, ()):
            faces = [self._face(row, points) for row in geometry.rows.tolist()]
            one: dict[str, Any] = {"type": geometry.body}
            if geometry.lod:
                one["lod"] = geometry.lod
            values, surfaces = self._semantics(geometry)
            one["boundaries"] = self._nested(geometry, faces)
            if surfaces:
                one["semantics"] = {"surfaces": surfaces, "values": self._nested(geometry, values)}
            told.append(one)
        if not told and not self._has_polygons(row):
            told += self._outline(row, points)
        return told

    def _face(self, polygon: int, points: Points) -> list[list[int]]:
        rings = range(self._polygon_start[polygon], self._polygon_start[polygon + 1])
        return [points.take(self._steps[self._ring_start[ring] : self._ring_start[ring + 1]]) for ring in rings]

    def _nested(self, geometry: _Geometry, items: list[Any]) -> list[Any]:
        """Nest one item a face by shells and solids."""
        if geometry.body in ("MultiSurface", "CompositeSurface"):
            return items
        solids: list[list[list[Any]]] = []
        last = (-1, -1)
        for row, item in zip(geometry.rows.tolist(), items, strict=True):
            place = (int(self._solid[row]), int(self._shell[row]))
            if not solids or place[0] != last[0]:
                solids.append([])
            if place != last:
                solids[-1].append([])
            solids[-1][-1].append(item)
            last = place
        return solids[0] if geometry.body == "Solid" else solids

    def _semantics(self, geometry: _Geometry) -> tuple[list[int | None], list[dict[str, Any]]]:
        """Return the number of the semantic surface of each face, and these surfaces."""
        local = {row: number for number, row in enumerate(geometry.surfaces)}
        surfaces = [self._surface(self._meanings[row], local) for row in geometry.surfaces]
        for row in geometry.surfaces:
            above = int(self._meanings[row]["parent"])
            if above in local:
                surfaces[local[above]].setdefault("children", []).append(local[row])
        values: list[int | None] = []
        bare: dict[str, int] = {}
        for row in geometry.rows.tolist():
            boundary, kind = int(self._boundary[row]), str(self._kind[row] or "")
            if boundary in local:
                values.append(local[boundary])
            elif kind:
                if kind not in bare:
                    bare[kind] = len(surfaces)
                    surfaces.append({"type": _SURFACE_NAMES.get(kind, kind)})
                values.append(bare[kind])
            else:
                values.append(None)
        return values, surfaces

    def _surface(self, boundary: dict[Any, Any], local: dict[int, int]) -> dict[str, Any]:
        kind = str(boundary["kind"])
        told: dict[str, Any] = {"type": _SURFACE_NAMES.get(kind, kind)}
        if isinstance(boundary["id"], str):
            told["id"] = boundary["id"]
        if isinstance(boundary["attributes"], dict):
            told |= {key: value for key, value in boundary["attributes"].items() if key not in told}
        if int(boundary["parent"]) in local:
            told["parent"] = local[int(boundary["parent"])]
        return told

    def _has_polygons(self, row: int) -> bool:
        return row in self._geometries or any(self._has_polygons(child) for child in self._children.get(row, ()))

    def _outline(self, row: int, points: Points) -> list[dict[str, Any]]:
        """Footprint of an object that has no polygons, as level of detail 0 at its ground height."""
        shape = self._outlines[row]
        if shape is None or shape.is_empty:
            return []
        ground = float(self._records[row]["ground_height"])
        height = ground if np.isfinite(ground) else 0.0
        faces = []
        for part in shapely.get_parts(shape):
            part = shapely.geometry.polygon.orient(part)
            rings = [np.asarray(ring.coords)[:-1, :2] for ring in (part.exterior, *part.interiors)]
            faces.append([points.add(np.column_stack((ring, np.full(len(ring), height)))) for ring in rings])
        return [{"type": "MultiSurface", "lod": "0", "boundaries": faces}]

    # ----------------------------------------------------------------------------------------------------- objects

    def features(self) -> list[list[int]]:
        """Return the rows of each top-level object with all below it."""
        told = []
        for top in np.flatnonzero(self._parent < 0).tolist():
            rows, rest = [], [top]
            while rest:
                row = rest.pop()
                rows.append(row)
                rest.extend(reversed(self._children.get(row, ())))
            told.append(rows)
        return told

    def told(self, row: int, points: Points) -> dict[str, Any]:
        """Return one city object; ``points`` takes its coordinates."""
        record = self._records[row]
        kind = str(record["kind"])
        attributes = _attributes(record)
        known = _CITYJSON_NAMES.get(kind, kind)
        value: dict[str, Any] = {"type": known if known in _TYPES or known.startswith("+") else f"+{known}"}
        address = attributes.get("address")
        if isinstance(address, dict) or (isinstance(address, list) and all(isinstance(one, dict) for one in address)):
            del attributes["address"]
            value["address"] = [_located(one, points) for one in ([address] if isinstance(address, dict) else address)]
        if kind == GROUP:
            members = attributes.pop("members", [])
            value["children"] = [self.ids[self._rows[name]] if name in self._rows else name for name in members]
            if "roles" in attributes:
                value["children_roles"] = attributes.pop("roles")
        if attributes:
            value["attributes"] = attributes
        above = [self.ids[self._parent[row]]] if self._parent[row] >= 0 else []
        above += [self.ids[group] for group in self._groups.get(row, ())]
        if above:
            value["parents"] = above
        if row in self._children:
            value["children"] = [self.ids[child] for child in self._children[row]]
        geometries = self.geometries(row, points)
        if geometries:
            value["geometry"] = geometries
        return value


def _unique(names: list[str]) -> list[str]:
    """Return the ids, with a number added to those that an earlier object has."""
    seen: set[str] = set()
    result = []
    for name in names:
        new, number = name, 1
        while new in seen:
            number += 1
            new = f"{name}#{number}"
        seen.add(new)
        result.append(new)
    return result


def _whole_column(table: pd.DataFrame, name: str) -> np.ndarray:
    """Column of row numbers; -1 where the table does not have it, or has nothing there."""
    if name not in table:
        return np.full(len(table), -1, dtype=np.int64)
    return table[name].fillna(-1).to_numpy(dtype=np.int64)


def _levels(surfaces: pd.DataFrame) -> np.ndarray:
    """Level of detail of each face as text; empty where none is known."""
    plain = np.array(["" if lod < 0 else str(lod) for lod in surfaces["lod"].tolist()], dtype=object)
    if "lod_text" not in surfaces:
        return plain
    full = surfaces["lod_text"].astype(object).to_numpy()
    return np.where(pd.isna(full), plain, full)


def _body(told: Any, solid: bool, solids: int) -> str:
    """Type of a geometry: as told where its faces allow that, else the plainest that holds them."""
    name = told if told in KINDS else ""
    if not solid:
        return "CompositeSurface" if name == "CompositeSurface" else "MultiSurface"
    if name in ("MultiSolid", "CompositeSolid"):
        return str(name)
    return "Solid" if solids == 1 else "MultiSolid"


def _attributes(record: dict[str, Any]) -> dict[str, Any]:
    """Attributes of an object, those of columns among them; what the file told in full goes before its column."""
    attributes = dict(record["attributes"]) if isinstance(record["attributes"], dict) else {}
    for column, key in _COLUMNS.items():
        value = record[column]
        if key not in attributes and value is not None and value == value:
            attributes[key] = value
    for column, key in _COUNTS.items():
        value = record[column]
        if key in attributes or value is None or value != value:
            continue
        if (
            key == "yearOfConstruction"
            and str(attributes.get("dateOfConstruction", "")).strip()[:4] == f"{value:04.0f}"
        ):
            continue
        attributes[key] = int(value) if float(value).is_integer() else float(value)
    return attributes


def _located(address: dict[str, Any], points: Points) -> dict[str, Any]:
    """Give the location of an address vertex numbers."""
    location = address.get("location")
    try:
        xyz = np.array(location, dtype=np.float64)
    except (TypeError, ValueError):
        return address
    if xyz.ndim != 2 or xyz.shape[1] != 3:
        return address
    return address | {"location": {"type": "MultiPoint", "lod": "0", "boundaries": points.add(xyz)}}
