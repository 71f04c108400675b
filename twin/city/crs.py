"""Coordinate reference systems as German city data name them.

pyproj reads the EPSG forms; this module adds the names of the German surveying authorities (``urn:adv:crs:...``),
mends the malformed URNs met in delivered files, and decides the order of the axes: a geographic system is written in
the order of its own axes, a projected one is written east first in practice, whatever its definition says, so there
the coordinates themselves decide.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources

import pyproj
from pyproj.exceptions import CRSError

__all__ = ["CrsDecision", "crs_label", "decide_axes", "parse_crs", "utm_crs"]

_EPSG = re.compile(r"epsg(?:\.xml#|/|:)+(?:(?:\d+(?:\.\d+)*)?(?::|/)+)?(\d{4,6})(?!\d)", re.IGNORECASE)
_HEIGHT_SUFFIX = re.compile(r"_N(?:H|HN|OH)$", re.IGNORECASE)
_QUASIGEOID = re.compile(r"^(?:DE_)?(?:GCG|AG|EGG)\d*$", re.IGNORECASE)
_MARGIN = 0.25  # a bounding box this share outside a system's area of use is still taken as inside
_LONGEST_NAME = 400


@dataclass(frozen=True)
class CrsDecision:
    """What a CRS name means and how its coordinates are to be read.

    Parameters
    ----------
    crs : pyproj.CRS or None
        The system; None for a local engineering system, and where the name means nothing.
    swap_axes : bool
        The file writes north (or latitude) first.
    note : str
        Why: ``""`` plain, ``"adv"`` an AdV name was translated, ``"mended"`` a malformed name was mended, ``"local"``
        an engineering system, ``"unknown"`` nothing known by that name, ``"geographic"`` degrees in axis order,
        ``"north_first"`` a projected system written north first, ``"zone_prefix"`` eastings carry their zone number,
        ``"outside"`` the coordinates lie outside the system's area of use either way.
    label : str
        Short name, such as ``EPSG:25832+7837``.
    """

    crs: pyproj.CRS | None
    swap_axes: bool
    note: str
    label: str


@lru_cache(maxsize=1)
def _adv_names() -> dict[str, tuple[str, int]]:
    text = resources.files("twin.city").joinpath("tables", "adv_crs.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["name"].upper(): (row["axis"], int(row["epsg"])) for row in rows}


def _adv_codes(name: str) -> list[int]:
    """EPSG codes of an AdV name, horizontal first; empty where a part of it is unknown."""
    parts = name.rsplit(":", 1)[-1].split("*")
    found: dict[str, int] = {}
    for part in parts:
        if _QUASIGEOID.match(part):  # the quasigeoid model says how a height was made, not in which datum it is
            continue
        key = _HEIGHT_SUFFIX.sub("", part).upper()
        entry = _adv_names().get(key) or _adv_names().get(_without_state(key))
        if entry is None:
            return []
        found[entry[0]] = entry[1]
    return [found[axis] for axis in ("horizontal", "vertical") if axis in found]


def _without_state(key: str) -> str:
    """``DE_DHDN_3GK2_NW101`` (a state's own realisation) is ``DE_DHDN_3GK2``."""
    return re.sub(r"_[A-Z]{2}\d{3}$", "", key)


def _from_codes(codes: list[int]) -> pyproj.CRS | None:
    try:
        return pyproj.CRS("EPSG:" + "+".join(str(code) for code in codes))
    except CRSError:
        return None


def _horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    return crs.sub_crs_list[0] if crs.is_compound else crs


def crs_label(crs: pyproj.CRS | None) -> str:
    """Return a short name of a system that pyproj reads again.

    Parameters
    ----------
    crs : pyproj.CRS or None
        None is a local engineering system.

    Returns
    -------
    str
        ``EPSG:25832``, ``EPSG:25832+7837`` for a compound system without a code of its own, ``local`` for None,
        else the system's name.

    Examples
    --------
    >>> crs_label(parse_crs("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH").crs)
    'EPSG:25832+7837'
    """
    if crs is None:
        return "local"
    authority = crs.to_authority(min_confidence=100)
    if authority:
        return ":".join(authority)
    if crs.is_compound:
        parts = [part.to_authority(min_confidence=100) for part in crs.sub_crs_list]
        if len(parts) == 2 and parts[0] and parts[1]:
            first, second = parts
            prefix = "" if first[0] == second[0] else f"{second[0]}:"
            return f"{first[0]}:{first[1]}+{prefix}{second[1]}"
    authority = crs.to_authority()
    return ":".join(authority) if authority else crs.name


def _decision(crs: pyproj.CRS, note: str) -> CrsDecision:
    horizontal = _horizontal(crs)
    if horizontal.is_geographic:
        north_first = horizontal.axis_info[0].direction.lower() == "north"
        return CrsDecision(crs, north_first, note or "geographic", crs_label(crs))
    return CrsDecision(crs, False, note, crs_label(crs))


@lru_cache(maxsize=256)
def parse_crs(name: str) -> CrsDecision:
    """Return the coordinate reference system that a name in a file means.

    Parameters
    ----------
    name : str
        ``srsName`` of a GML file, an EPSG code, WKT, or the AdV's ``urn:adv:crs:...``.

    Returns
    -------
    CrsDecision
        With ``crs=None`` and the note ``local`` or ``unknown`` where no earth-bound system is named.

    Examples
    --------
    >>> parse_crs("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH*GCG2016").label
    'EPSG:25832+7837'
    >>> parse_crs("urn:ogc:def,crs::EPSG:31467").note
    'mended'
    >>> parse_crs("#local-CRS-1").crs is None
    True
    """
    text = " ".join(str(name).split())
    if not text or text.startswith("#"):
        return CrsDecision(None, False, "local" if text else "unknown", "local" if text else "")
    if text.lower().startswith("urn:adv:crs:") or text.upper().split("*")[0] in _adv_names():
        codes = _adv_codes(text)
        crs = _from_codes(codes) if codes else None
        return _decision(crs, "adv") if crs is not None else CrsDecision(None, False, "unknown", text)
    try:
        crs = pyproj.CRS("OGC:CRS84" if text.upper() == "CRS84" else text)
    except CRSError:
        return _mended(text)
    if crs.is_engineering:
        return CrsDecision(None, False, "local", "local")
    return _decision(crs, "")


def _mended(text: str) -> CrsDecision:
    """Read the EPSG codes out of a name that pyproj refuses."""
    if len(text) > _LONGEST_NAME:
        return CrsDecision(None, False, "unknown", text[:40] + "…")
    codes = [int(code) for code in _EPSG.findall(text)]
    if not codes and re.fullmatch(r"\d{4,6}(?:\+\d{4,6})?", text):
        codes = [int(code) for code in text.split("+")]
    crs = _from_codes(codes[:2]) if codes else None
    if crs is None and len(codes) > 1:
        crs = _from_codes(codes[:1])
    return _decision(crs, "mended") if crs is not None else CrsDecision(None, False, "unknown", text)


@lru_cache(maxsize=64)
def _area_bounds(crs: pyproj.CRS) -> tuple[float, float, float, float] | None:
    """Area of use in the system's own metres, east first; None where it is not known."""
    horizontal = _horizontal(crs)
    area = horizontal.area_of_use
    if area is None or horizontal.geodetic_crs is None:
        return None
    change = pyproj.Transformer.from_crs(horizontal.geodetic_crs, horizontal, always_xy=True)
    bounds = change.transform_bounds(area.west, area.south, area.east, area.north)
    return bounds if all(abs(value) < 1e12 for value in bounds) else None


def _inside(x: float, y: float, bounds: tuple[float, float, float, float]) -> bool:
    west, south, east, north = bounds
    dx, dy = _MARGIN * (east - west), _MARGIN * (north - south)
    return west - dx <= x <= east + dx and south - dy <= y <= north + dy


def decide_axes(decision: CrsDecision, bbox: tuple[float, float, float, float]) -> CrsDecision:
    """Decide the order of the axes from where the coordinates lie.

    Parameters
    ----------
    decision : CrsDecision
        From :func:`parse_crs`.
    bbox : tuple of float
        Smallest first, smallest second, largest first, largest second coordinate as written in the file.

    Returns
    -------
    CrsDecision
        The same, with ``swap_axes`` decided; its ``crs`` changes only where eastings carry a zone number (ETRS89/UTM
        in the ``zE-N`` form).

    Examples
    --------
    >>> decide_axes(parse_crs("EPSG:31467"), (3451262.0, 5429191.0, 3451300.0, 5429210.0)).swap_axes
    False
    >>> decide_axes(parse_crs("EPSG:25832"), (5643000.0, 354000.0, 5644000.0, 355000.0)).swap_axes
    True
    """
    crs = decision.crs
    first, second = (bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2
    if crs is None:
        return decision
    horizontal = _horizontal(crs)
    if horizontal.is_geographic:
        return _geographic_axes(decision, horizontal, first, second)
    bounds = _area_bounds(crs)
    if bounds is None or _inside(first, second, bounds):
        return decision
    if _inside(second, first, bounds):
        return replace(decision, swap_axes=True, note="north_first")
    prefixed = _zone_prefixed(crs, first)
    if prefixed is not None:
        return CrsDecision(prefixed, False, "zone_prefix", crs_label(prefixed))
    return replace(decision, note="outside")


def _geographic_axes(decision: CrsDecision, crs: pyproj.CRS, first: float, second: float) -> CrsDecision:
    if max(abs(first), abs(second)) > 360.0:
        return replace(decision, note="outside")
    area = crs.area_of_use
    if area is None:
        return decision
    bounds = (area.west, area.south, area.east, area.north)
    east, north = (second, first) if decision.swap_axes else (first, second)
    if not _inside(east, north, bounds) and _inside(north, east, bounds):
        return replace(decision, swap_axes=not decision.swap_axes)
    return decision


def _zone_prefixed(crs: pyproj.CRS, easting: float) -> pyproj.CRS | None:
    """ETRS89/UTM 31 to 33 whose eastings start with the zone number is a system of its own."""
    code = _horizontal(crs).to_epsg()
    zones = {25831: 5649, 25832: 4647, 25833: 5650}
    if code not in zones or int(easting // 1e6) != code - 25800:
        return None
    vertical = [crs.sub_crs_list[1].to_epsg()] if crs.is_compound else []
    return _from_codes([zones[code], *(v for v in vertical if v)])


def utm_crs(crs: pyproj.CRS, longitude: float, latitude: float) -> pyproj.CRS:
    """Return the UTM system that fits a place, in the datum of a geographic system where it has one.

    Parameters
    ----------
    crs : pyproj.CRS
        Geographic system, with or without heights; its height datum is kept.
    longitude, latitude : float
        Place [deg].

    Returns
    -------
    pyproj.CRS
        Projected system in metres.

    Examples
    --------
    >>> crs_label(utm_crs(parse_crs("EPSG:4258").crs, 9.1, 48.8))
    'EPSG:25832'
    """
    from pyproj.aoi import AreaOfInterest
    from pyproj.database import query_utm_crs_info

    place = AreaOfInterest(longitude, latitude, longitude, latitude)
    horizontal = _horizontal(crs)
    datum = horizontal.datum.name if horizontal.datum is not None else ""
    geodetic = horizontal.geodetic_crs.name if horizontal.geodetic_crs is not None else ""
    wanted = "ETRS89" if "European Terrestrial Reference System 1989" in datum else geodetic
    found = query_utm_crs_info(datum_name=wanted, area_of_interest=place)
    found = found or query_utm_crs_info(datum_name="WGS 84", area_of_interest=place)
    plain = [info for info in found if "(" not in info.name] or found
    plain.sort(key=lambda info: info.name.count("/"))  # "ETRS89 / UTM zone 32N" before "ETRS89/DREF91/2016 / ..."
    if not plain:
        zone = int((longitude + 180.0) // 6.0) % 60 + 1
        return pyproj.CRS(f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}")
    utm = int(plain[0].code)
    vertical = crs.sub_crs_list[1].to_epsg() if crs.is_compound else None
    return (_from_codes([utm, vertical]) if vertical else None) or pyproj.CRS(f"EPSG:{utm}")
