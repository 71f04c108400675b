"""A city as CityGML 3.0: ids, hierarchy, attributes, thematic surfaces, levels of detail, and solids by reference.

Written are the city objects; trees, land cover, streets, stations and terrain are tables and rasters of their own. Classes
of older versions take their names of 3.0. Levels that 3.0 does not know (LoD 4, surfaces of LoD 1 without a solid) keep
their number, so that nothing is lost; a strict validator names them. Polygons that belong to no object are not written.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely

from twin.city.crs import crs_label
from twin.city.model import City
from twin.city.writers.citygml3_geometry import Geometry
from twin.city.writers.citygml3_names import (
    CHILD_PROPERTIES,
    CONSTRUCTION_PROPERTIES,
    CONSTRUCTIONS,
    CORE_PROPERTIES,
    GML_PROPERTIES,
    NAMESPACES,
    OWN_PROPERTIES,
    modern_name,
    module_of,
)
from twin.city.writers.citygml3_values import address, attribute, escaped, generic, is_address, property_of
from twin.city.writers.replacing import replaced_file
from twin.errors import InputError

__all__ = ["write_citygml"]

_AUTHORITY = re.compile(r"EPSG:(\d+)(?:\+(?:EPSG:)?(\d+))?")


def write_citygml(city: City, path: str | os.PathLike[str]) -> Path:
    """Write the objects of a city as CityGML 3.0.

    Parameters
    ----------
    city : City
        Its objects, surfaces, boundaries and shells are written, coordinates to 1 mm. An object without polygons is
        written with its footprint as level of detail 0.
    path : path
        File to write; packed where it ends in ``.gz``. An old file is replaced only by a whole new one.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the CRS has no EPSG code, or the folder cannot be written to.

    Examples
    --------
    >>> write_citygml(city, "district.gml")  # doctest: +SKIP
    """
    path = Path(path)
    pieces = _document(city)
    with replaced_file(path) as partial, partial.open("wb") as raw:
        if path.suffix.lower() == ".gz":
            with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as stream:
                stream.writelines(piece.encode() for piece in pieces)
        else:
            raw.writelines(piece.encode() for piece in pieces)
    return path


def srs_name(crs: pyproj.CRS) -> str:
    """Return the URN of a CRS; a compound system without a code of its own names both parts.

    Examples
    --------
    >>> srs_name(pyproj.CRS("EPSG:25832+7837"))
    'urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837'
    """
    match = _AUTHORITY.fullmatch(crs_label(crs))
    if match is None:
        raise InputError(
            f"The CRS {crs.name!r} has no EPSG code that CityGML could name: bring the city to a system such as "
            "EPSG:25832 first."
        )
    plane, height = match[1], match[2]
    return f"urn:ogc:def:crs,crs:EPSG::{plane},crs:EPSG::{height}" if height else f"urn:ogc:def:crs:EPSG::{plane}"


def _document(city: City) -> Iterator[str]:
    srs = "" if city.crs is None else srs_name(city.crs)
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<core:CityModel {spaces}>\n'
    if city.name:
        yield f"<gml:name>{escaped(city.name)}</gml:name>\n"
    yield _envelope(city, srs)
    writer = _Objects(city)
    for row in np.flatnonzero(city.objects["parent"].to_numpy() < 0):
        yield f"<core:cityObjectMember>{''.join(writer.told(int(row)))}</core:cityObjectMember>\n"
    yield "</core:CityModel>\n"


def _envelope(city: City, srs: str) -> str:
    xyz = city.polygons.xyz
    if not len(xyz):
        flat = city.objects.total_bounds if len(city.objects) else np.full(4, np.nan)
        xyz = np.append(flat.reshape(2, 2), [[0.0], [0.0]], axis=1)
    if not np.isfinite(xyz).any():
        return ""
    low, high = (" ".join(f"{v:.3f}" for v in corner) for corner in (np.nanmin(xyz, axis=0), np.nanmax(xyz, axis=0)))
    name = f' srsName="{srs}"' if srs else ""
    corners = f"<gml:lowerCorner>{low}</gml:lowerCorner><gml:upperCorner>{high}</gml:upperCorner>"
    return f'<gml:boundedBy><gml:Envelope{name} srsDimension="3">{corners}</gml:Envelope></gml:boundedBy>\n'


def _rows_of(keys: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the rows of a table that belong to each of ``count`` keys, in order."""
    order = np.argsort(keys, kind="stable")
    start = np.searchsorted(keys[order], np.arange(count + 1))
    return [order[start[i] : start[i + 1]] for i in range(count)]


_MEMBERS = {name: i for i, name in enumerate(dict.fromkeys(CHILD_PROPERTIES.values()))}
"""Properties that hold objects, and their places in the order of the schemas."""


class _Objects:
    """Writes objects with everything below them."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.geometry = Geometry.of(city)
        objects, boundaries = city.objects, city.boundaries
        count = len(objects)
        self.ids = objects["id"].astype(str).to_numpy(dtype=object)
        self.kinds = np.array([modern_name(str(kind)) for kind in objects["kind"]], dtype=object)
        self.columns = {name: objects[name].to_numpy() for name in objects.columns if name != "geometry"}
        self.lod = city.surfaces["lod"].to_numpy(dtype=np.int64)
        boundary = city.surfaces["boundary"].to_numpy() if "boundary" in city.surfaces else np.full(len(self.lod), -1)
        owner = city.surfaces["object"].to_numpy(dtype=np.int64)
        self.children = _rows_of(objects["parent"].to_numpy(dtype=np.int64), count)
        self.direct = _rows_of(np.where(boundary < 0, owner, -1), count)
        for row in np.flatnonzero(np.isin(self.kinds.astype(str), ("MassPointRelief", "RasterRelief"))).tolist():
            if len(self.direct[row]):  # the city has its triangles
                self.kinds[row] = "TINRelief"
        self.shells = _rows_of(city.shells["object"].to_numpy(dtype=np.int64), count)
        above = boundaries["parent"].to_numpy(dtype=np.int64)
        self.surfaces = _rows_of(np.where(above < 0, boundaries["object"].to_numpy(dtype=np.int64), -1), count)
        self.openings = _rows_of(above, len(boundaries))
        self.faces = _rows_of(boundary, len(boundaries))
        self.boundary = {name: boundaries[name].to_numpy(dtype=object) for name in ("id", "kind", "attributes")}

    def told(self, row: int) -> Iterator[str]:
        """Yield the element of an object."""
        kind = self.kinds[row]
        prefix = module_of(kind)
        values = dict(self.columns["attributes"][row] or {})
        values |= {k: v for k, v in self._column_values(row, kind).items() if k not in values}
        yield f"<{prefix}:{kind} gml:id={attribute(self.ids[row])}>"
        own = tuple(OWN_PROPERTIES[prefix].split())
        built = CONSTRUCTION_PROPERTIES if kind in CONSTRUCTIONS else ()
        yield from _general(values, (*own, *built), prefix)
        children = self.children[row]
        for child in children:
            if self.kinds[child] == "Dynamizer":
                yield f"<core:dynamizer>{''.join(self.told(int(child)))}</core:dynamizer>"
        for surface in self.surfaces[row]:
            yield f"<core:boundary>{''.join(self._surface(int(surface)))}</core:boundary>"
        plain = tuple(name for name in own if f"{prefix}:{name}" not in _MEMBERS)
        if prefix == "dem":  # a relief tells its level before its geometry
            yield from _known(values, plain, prefix)
        yield from self._shapes(row, kind)
        yield from _known(values, built, "con")
        if prefix != "dem":
            yield from _known(values, plain, prefix)
        parts = sorted(children, key=lambda child: _MEMBERS.get(self._member(child), 0))
        whole = [child for child in parts if not self.kinds[child].endswith("Part")]
        members = [(_MEMBERS.get(self._member(child), 0), self._child(int(child))) for child in whole]
        referred = [name for name in own if f"{prefix}:{name}" in _MEMBERS and name in values]
        members += [(_MEMBERS[f"{prefix}:{name}"], _known(values, (name,), prefix)) for name in referred]
        for _, told in sorted(members, key=lambda member: member[0]):
            yield from told
        if is_address(values.get("address", "")):
            yield from address(prefix, values["address"])
        for child in parts:
            if self.kinds[child].endswith("Part"):
                yield from self._child(int(child))
        yield f"</{prefix}:{kind}>"

    def _member(self, row: int) -> str:
        """Property by which an object hangs below another."""
        return CHILD_PROPERTIES.get(str(self.kinds[row]), "core:cityObjectMember")

    def _child(self, row: int) -> Iterator[str]:
        if self.kinds[row] == "Dynamizer":
            return
        name = self._member(row)
        yield f"<{name}>{''.join(self.told(row))}</{name}>"

    def _column_values(self, row: int, kind: str) -> dict[str, Any]:
        """Values of the columns under their names in CityGML, where the attributes do not hold them already."""
        columns = self.columns
        values: dict[str, Any] = {}
        for name, key in (("function", "function"), ("roof_type", "roofType")):
            if _said(columns[name][row]):
                values[key] = str(columns[name][row])
        if np.isfinite(columns["storeys"][row]):
            values["storeysAboveGround"] = f"{columns['storeys'][row]:g}"
        if kind in CONSTRUCTIONS:
            if np.isfinite(columns["measured_height"][row]):
                said = ("highestRoofEdge", "lowestGroundPoint", "measured", f"{columns['measured_height'][row]:.10g}")
                values["height"] = dict(zip(("highReference", "lowReference", "status", "value"), said, strict=True))
            if np.isfinite(columns["year"][row]):
                values["dateOfConstruction"] = f"{int(columns['year'][row]):04d}-01-01"
        return values

    def _surface(self, row: int) -> Iterator[str]:
        """Yield the element of a thematic surface with its openings."""
        kind = modern_name(str(self.boundary["kind"][row]))
        prefix = module_of(kind)
        values = dict(self.boundary["attributes"][row] or {})
        name = self.boundary["id"][row]
        yield f"<{prefix}:{kind}{f' gml:id={attribute(str(name))}' if _said(name) else ''}>"
        own = tuple(OWN_PROPERTIES["tran"].split()) if prefix == "tran" else ()
        yield from _general(values, own, prefix)
        faces = self.faces[row]
        for level in np.unique(self.lod[faces]):
            chosen = faces[self.lod[faces] == level].tolist()
            yield f"<core:{_level(level)}MultiSurface>{self.geometry.multi_surface(chosen)}</core:{_level(level)}MultiSurface>"
        yield from _known(values, own, prefix)
        if is_address(values.get("address", "")):
            yield from address(prefix, values["address"])
        for opening in self.openings[row]:
            yield f"<con:fillingSurface>{''.join(self._surface(int(opening)))}</con:fillingSurface>"
        yield f"</{prefix}:{kind}>"

    def _shapes(self, row: int, kind: str) -> Iterator[str]:
        """Yield the geometry of an object that no thematic surface holds."""
        direct, shells = self.direct[row], self.shells[row]
        if kind == "TINRelief":
            if len(direct):
                yield f"<dem:tin>{self.geometry.tin(direct.tolist())}</dem:tin>"
            return
        if not len(direct) and not len(shells) and not len(self.surfaces[row]) and not len(self.children[row]):
            yield from self._footprint(row)
            return
        levels = self.lod[direct]
        solid_levels = self.city.shells["lod"].to_numpy(dtype=np.int64)[shells]
        for level in np.union1d(levels, solid_levels):
            mine = direct[levels == level]
            if (solid_levels == level).any():
                body = self.geometry.solids(shells[solid_levels == level], set(mine.tolist()))
                yield f"<core:{_level(level)}Solid>{body}</core:{_level(level)}Solid>"
            rest = [int(i) for i in mine if int(i) not in self.geometry.written]
            if rest:
                yield f"<core:{_level(level)}MultiSurface>{self.geometry.multi_surface(rest)}</core:{_level(level)}MultiSurface>"

    def _footprint(self, row: int) -> Iterator[str]:
        shape = self.city.objects.geometry.iloc[row]
        if shape is None or shape.is_empty:
            return
        ground = self.columns["ground_height"][row]
        height = float(ground) if np.isfinite(ground) else 0.0
        members = []
        for part in shapely.get_parts(shape):
            rings = [part.exterior, *part.interiors]
            sides = ["exterior", *["interior"] * (len(rings) - 1)]
            body = "".join(
                f"<gml:{side}><gml:LinearRing><gml:posList>"
                + " ".join(f"{x:.3f} {y:.3f} {height:.3f}" for x, y in np.asarray(ring.coords)[:, :2])
                + f"</gml:posList></gml:LinearRing></gml:{side}>"
                for side, ring in zip(sides, rings, strict=True)
            )
            members.append(f"<gml:surfaceMember><gml:Polygon>{body}</gml:Polygon></gml:surfaceMember>")
        surface = f"<gml:MultiSurface>{''.join(members)}</gml:MultiSurface>"
        yield f"<core:lod0MultiSurface>{surface}</core:lod0MultiSurface>"


def _said(value: Any) -> bool:
    """Tell whether a cell of a column of texts holds one."""
    return isinstance(value, str) and value != ""


def _level(level: int) -> str:
    return f"lod{max(int(level), 0)}"


def _general(values: dict[str, Any], own: tuple[str, ...], prefix: str) -> Iterator[str]:
    """Yield what every object may have, and generic attributes for all that no module knows."""
    yield from _known(values, GML_PROPERTIES, "gml")
    yield from _known(values, CORE_PROPERTIES, "core")
    for key, value in values.items():
        if key in (*GML_PROPERTIES, *CORE_PROPERTIES, *own) and _sayable(key, value):
            continue
        if key == "address" and is_address(value) and prefix != "core":
            continue
        yield from generic(str(key), value)


def _sayable(key: str, value: Any) -> bool:
    """Tell whether a property of the standard can hold a value as it is: dictionaries only where it has a data type."""
    from twin.city.writers.citygml3_names import WRAPPERS

    several = value if isinstance(value, list | tuple) else [value]
    return all((isinstance(one, dict) and key in WRAPPERS) or isinstance(one, str | int | float) for one in several)


def _known(values: dict[str, Any], names: tuple[str, ...], prefix: str) -> Iterator[str]:
    for name in names:
        if name in values and _sayable(name, values[name]):
            yield from property_of(prefix, name, values[name])
