"""Bring every layer to the city's coordinate reference system, and say where one cannot belong there.

The horizontal part of a layer's reference system is transformed; heights keep their datum. A layer that says nothing
of its reference system is refused where its format could have said it; a table, XYZ or ASCII grid, whose format
cannot, is taken where it lies on the city, with a warning row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import geopandas as gpd
import numpy as np
import pyproj

from twin.city.crs import crs_label, parse_crs, utm_crs
from twin.city.defaults import default
from twin.city.gaps import GapLog
from twin.errors import TextError

__all__ = [
    "Bounds",
    "Reference",
    "assumed_crs",
    "bounds_text",
    "grown",
    "horizontal",
    "overlap",
    "parsed",
    "placed",
    "refuse_degrees",
    "require_overlap",
    "require_projected",
    "same_place",
]

Bounds = tuple[float, float, float, float]

_WIDEST = 3.0  # [deg] no city spans more
_PREFIXED = {32: 4647, 33: 5650}  # ETRS89 / UTM zone with the zone number before the easting


@lru_cache(maxsize=64)
def _horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    if crs.is_compound:
        return pyproj.CRS(crs.sub_crs_list[0])
    return crs.to_2d() if len(crs.axis_info) == 3 else crs


def horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    """Return the horizontal part of a (compound) CRS."""
    return _horizontal(crs)


@lru_cache(maxsize=64)
def same_place(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Tell whether two reference systems give the same place the same (east, north) numbers."""
    a, b = horizontal(one), horizontal(other)
    codes = a.to_epsg(), b.to_epsg()
    return (codes[0] is not None and codes[0] == codes[1]) or a.equals(b, ignore_axis_order=True)


def require_projected(crs: pyproj.CRS, bounds: Bounds | None, where: str) -> None:
    """Raise :class:`InputError` unless a city's CRS counts in metres."""
    if not crs.is_geographic:
        units = {axis.unit_name for axis in crs.axis_info[:2]}
        if units <= {"metre", "meter", "m"}:
            return
        raise TextError("crs_units", where=where, crs=crs_label(crs), units=", ".join(sorted(units)))
    longitude, latitude = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2) if bounds else (9.0, 51.0)
    european = -25 < longitude < 42 and 34 < latitude < 72  # the official systems there are ETRS89
    fitting = crs_label(utm_crs(pyproj.CRS("EPSG:4258") if european else crs, longitude, latitude))
    raise TextError("crs_in_degrees", where=where, crs=crs_label(crs), fitting=fitting)


def bounds_text(bounds: Bounds) -> str:
    """Return an extent as people write it: ``x 388041.5 to 390356.5, y 5818418.5 to 5820683.5``."""
    west, south, east, north = (np.format_float_positional(round(float(v), 3), trim="-") for v in bounds)
    return f"x {west} to {east}, y {south} to {north}"


def refuse_degrees(bounds: Bounds, crs: pyproj.CRS, where: str) -> None:
    """Raise :class:`InputError` where numbers that must be metres are plainly degrees or carry a zone prefix."""
    west, south, east, north = bounds
    if not np.isfinite(bounds).all() or crs.is_geographic:
        return
    if max(abs(v) for v in bounds) <= 180 and max(east - west, north - south) <= _WIDEST:
        raise TextError("crs_like_degrees", where=where, crs=crs_label(crs), extent=bounds_text(bounds))
    prefix = int(west // 1e6)
    if prefix in _PREFIXED and int(east // 1e6) == prefix and horizontal(crs).to_epsg() not in _PREFIXED.values():
        raise TextError(
            "crs_zone_number", where=where, crs=crs_label(crs), extent=bounds_text(bounds), prefix=prefix,
            fitting=f"EPSG:{_PREFIXED[prefix]}",
        )  # fmt: skip


def overlap(one: Bounds, other: Bounds) -> bool:
    """Tell whether two extents touch or overlap."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def grown(bounds: Bounds, margin: float) -> Bounds:
    """Return an extent that is larger by a margin [m] on all sides."""
    return bounds[0] - margin, bounds[1] - margin, bounds[2] + margin, bounds[3] + margin


def require_overlap(
    bounds: Bounds, reference: Bounds | None, where: str, reference_name: str, *, margin: float | None = None
) -> None:
    """Raise :class:`InputError` where a layer does not reach the city's surroundings, and name both extents.

    The surroundings reach ``margin`` [m] beyond the city, by default as far as neighbours are kept.
    """
    reach = default("neighbour_margin") if margin is None else margin
    if reference is None or overlap(bounds, grown(reference, reach)):
        return
    raise TextError(
        "elsewhere", where=where, extent=bounds_text(bounds), reference=reference_name, other=bounds_text(reference)
    )


def assumed_crs(
    bounds: Bounds,
    city: pyproj.CRS | None,
    reference: Bounds | None,
    where: str,
    *,
    layer: str,
    speechless: bool,
    log: GapLog,
) -> pyproj.CRS:
    """Return the CRS for a layer that names none, or refuse it.

    Parameters
    ----------
    bounds : tuple
        Extent of the layer in its own numbers.
    city, reference
        CRS and extent of the city, None where they are not known yet.
    where : str
        The layer as messages name it.
    layer : str
        Name of the profile table.
    speechless : bool
        True where the file's format cannot say a CRS (CSV, XYZ, ASCII grid).
    log : GapLog
        Gets a warning row where the city's CRS is assumed.

    Raises
    ------
    InputError
        Unless the format is speechless and the layer lies on the city.
    """
    degrees = bounds[0] >= -180 and bounds[2] <= 180 and bounds[1] >= -90 and bounds[3] <= 90
    hint = "EPSG:4326" if degrees else (crs_label(horizontal(city)) if city is not None else "EPSG:25832")
    if speechless and not degrees and city is not None and reference is not None and overlap(bounds, reference):
        label = crs_label(horizontal(city))
        log.add("crs_assumed", layer=layer, severity="warning", count=1, of=1, source=where, default=label)
        return horizontal(city)
    raise TextError("crs_missing", where=where, hint=hint, layer=layer)


def placed(frame: gpd.GeoDataFrame, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """Return a table in the city's CRS: the horizontal part is transformed, the label is the city's."""
    if frame.crs is None or not same_place(frame.crs, crs):
        frame = frame.to_crs(horizontal(crs))
    return frame.set_crs(crs, allow_override=True)


def parsed(name: str, where: str) -> pyproj.CRS:
    """Return the CRS that a profile names, German names of the state surveys included."""
    crs = parse_crs(name).crs
    if crs is None:
        raise TextError("crs_unknown", where=where, name=name)
    return crs


def _with_heights(plane: pyproj.CRS, other: pyproj.CRS) -> pyproj.CRS:
    """Return a plane CRS with the height datum of a compound one, where both have codes."""
    codes = plane.to_epsg(), other.sub_crs_list[1].to_epsg()
    return pyproj.CRS(f"EPSG:{codes[0]}+{codes[1]}") if all(codes) else plane


@dataclass
class Reference:
    """Where the city lies as far as it is known while layers are read: CRS and extent, and the log of gaps."""

    log: GapLog = field(default_factory=GapLog)
    crs: pyproj.CRS | None = None
    area: Bounds | None = None
    extent: Bounds | None = None
    extent_name: str = "the area"
    find_area: Callable[[pyproj.CRS], Bounds] | None = None

    def settle(self, crs: pyproj.CRS, bounds: Bounds | None, where: str) -> pyproj.CRS:
        """Take the first layer's CRS as the city's where none is fixed yet, then find the area in it.

        A city's CRS without heights takes on the height datum of the first layer that names one.
        """
        if self.crs is None:
            require_projected(crs, bounds, where)
            self.crs = crs
        elif crs.is_compound and not self.crs.is_compound:
            self.crs = _with_heights(self.crs, crs)
        if self.find_area is not None:
            find, self.find_area = self.find_area, None
            self.area = self.extent = find(self.crs)
        return self.crs

    def compare_heights(self, own: pyproj.CRS, layer: str, source: str) -> None:
        """Write a gap row where a layer's heights are in another datum than the city's."""
        if self.crs is None or not (own.is_compound and self.crs.is_compound):
            return
        here, there = own.sub_crs_list[1], self.crs.sub_crs_list[1]
        if here != there:
            names = {"own": here.name, "city": there.name}
            self.log.add(
                "height_datum_mixed", layer=layer, severity="warning", count=1, of=1, source=source, default="", **names
            )

    def crs_of(
        self, bounds: Bounds, declared: str | None, own: pyproj.CRS | None, where: str, layer: str, *, speechless: bool
    ) -> pyproj.CRS:
        """Return the CRS a layer's numbers are in: the one declared, the file's own, or the city's with a warning."""
        if declared:
            crs = parsed(declared, f"[{layer}] of {where}")
        elif own is not None:
            crs = own
        else:
            crs = assumed_crs(bounds, self.crs, self.extent, where, layer=layer, speechless=speechless, log=self.log)
        refuse_degrees(bounds, crs, where)
        return crs

    def fit(
        self,
        frame: gpd.GeoDataFrame,
        where: str,
        layer: str,
        *,
        declared: str | None = None,
        speechless: bool = False,
        touching: bool = True,
    ) -> gpd.GeoDataFrame:
        """Return a vector layer in the city's CRS, or refuse one that cannot belong to the city.

        Parameters
        ----------
        frame : geopandas.GeoDataFrame
            The layer as read.
        where, layer : str
            The layer as messages name it, and its table in the profile.
        declared : str, optional
            CRS the profile names for it.
        speechless : bool
            True where the file's format cannot say a CRS.
        touching : bool
            Refuse a layer that does not touch the city.
        """
        bounds: Bounds = tuple(float(v) for v in frame.total_bounds)  # type: ignore[assignment]
        if not np.isfinite(bounds).all():
            raise TextError("coordinates_missing", where=where, extent=bounds_text(bounds))
        crs = self.crs_of(bounds, declared, frame.crs, where, layer, speechless=speechless)
        frame = frame.set_crs(crs, allow_override=True)
        frame = placed(frame, self.settle(crs, bounds, where))
        bounds = tuple(float(v) for v in frame.total_bounds)  # type: ignore[assignment]
        if not np.isfinite(bounds).all():
            raise TextError("crs_no_way", where=where, own=crs_label(crs), city=crs_label(self.crs))
        if touching:
            self.cover(bounds, where)
        return frame

    def cover(self, bounds: Bounds, where: str) -> None:
        """Check that a layer touches the city; the first layer of a city without area gives the extent."""
        require_overlap(bounds, self.extent, where, self.extent_name)
        if self.extent is None:
            self.extent, self.extent_name = bounds, where
