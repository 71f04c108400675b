"""MOSMIX point forecasts and weather warnings (CAP) of the German Weather Service."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from twin.errors import InputError
from twin.language import text
from twin.sensors.properties import Place, Reading, conversion, known_as, unit_of_property
from twin.sensors.stamps import parse_time

__all__ = ["WeatherWarning", "read_mosmix", "read_warnings"]

_LIMIT = 400_000_000  # bytes of a member after unpacking
_DWD = "{https://opendata.dwd.de/weather/lib/pointforecast_dwd_extension_V1_0.xsd}"
_KML = "{http://www.opengis.net/kml/2.2}"
_CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


def _members(path: str | Path, ending: str) -> Iterator[tuple[str, bytes]]:
    file = Path(path)
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(ending)]
            if not names:
                raise InputError(text("sensors.zip_without", file=file.name, ending=ending))
            for name in names:
                if archive.getinfo(name).file_size > _LIMIT:
                    raise InputError(text("sensors.file_too_large", file=file.name))
                yield name, archive.read(name)
    except FileNotFoundError:
        raise InputError(text("sensors.file_missing", file=file)) from None
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(text("sensors.file_broken", file=file.name, reason=str(error))) from None


def _parsed(content: bytes, file: str) -> ElementTree.Element:
    if b"<!DOCTYPE" in content[:2000] or b"<!ENTITY" in content[:2000]:
        raise InputError(text("sensors.file_broken", file=file, reason="DOCTYPE"))
    try:
        return ElementTree.parse(io.BytesIO(content)).getroot()
    except ElementTree.ParseError as error:
        raise InputError(text("sensors.file_broken", file=file, reason=str(error))) from None


def read_mosmix(path: str | Path, stations: set[str] | None = None) -> tuple[list[Reading], list[Place], int]:
    """Read a MOSMIX forecast (``.kmz``).

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    stations : set of str, optional
        Only these stations.

    Returns
    -------
    tuple
        Readings in our units (missing ones as NaN), places, and the time of issue [us].
    """
    readings: list[Reading] = []
    places: list[Place] = []
    issued = 0
    for name, content in _members(path, ".kml"):
        root = _parsed(content, name)
        issued = parse_time(root.findtext(f".//{_DWD}IssueTime"))
        moments = [parse_time(step.text) for step in root.iter(f"{_DWD}TimeStep")]
        for mark in root.iter(f"{_KML}Placemark"):
            key = mark.findtext(f"{_KML}name") or ""
            if stations is not None and key not in stations:
                continue
            thing = f"mosmix-{key}"
            point = (mark.findtext(f"{_KML}Point/{_KML}coordinates") or "nan,nan,nan").split(",")
            title = mark.findtext(f"{_KML}description") or key
            places.append(Place(thing, 0, float(point[0]), float(point[1]), float(point[2]), title))
            for element in mark.iter(f"{_DWD}Forecast"):
                readings += _element(element, thing, moments, name)
    return readings, places, issued


def _element(element: ElementTree.Element, thing: str, moments: list[int], file: str) -> list[Reading]:
    named = known_as(element.get(f"{_DWD}elementName") or "")
    if named is None or not named[1]:
        return []
    ours, unit = named
    factor, offset = conversion(ours, unit, file)
    words = (element.findtext(f"{_DWD}value") or "").split()
    values = np.array([np.nan if word == "-" else float(word) for word in words]) * factor + offset
    if len(values) != len(moments):
        raise InputError(
            text("sensors.mosmix_length", file=file, station=thing, values=len(values), times=len(moments))
        )
    own = unit_of_property(ours)
    return [Reading(thing, ours, moment, value, own) for moment, value in zip(moments, values.tolist(), strict=True)]


@dataclass(frozen=True)
class WeatherWarning:
    """One warning: identifier, whether it is real (not a test or exercise), event, severity, span of time [us], texts, areas."""

    identifier: str
    actual: bool
    event: str
    severity: str
    onset: int
    expires: int
    headline: str
    description: str
    areas: tuple[tuple[tuple[float, float], ...], ...]


def read_warnings(path: str | Path, language: str = "de") -> list[WeatherWarning]:
    """Read weather warnings (CAP 1.2 in a zip, or one XML file), one a message in the language asked for.

    A message whose status is ``Test``, ``Exercise`` or ``Draft`` has ``actual=False`` and must raise no alert.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    language : str
        First letters of the language; where a message has none of it, its first one is taken.
    """
    file = Path(path)
    if file.suffix.lower() == ".xml":
        try:
            content = [(file.name, file.read_bytes())]
        except OSError:
            raise InputError(text("sensors.file_missing", file=file)) from None
    else:
        content = list(_members(file, ".xml"))
    found = []
    for name, raw in content:
        alert = _parsed(raw, name)
        blocks = alert.findall(f"{_CAP}info")
        if not blocks:
            continue
        own = [block for block in blocks if (block.findtext(f"{_CAP}language") or "").lower().startswith(language)]
        found.append(_warning(alert, (own or blocks)[0]))
    return found


def _warning(alert: ElementTree.Element, info: ElementTree.Element) -> WeatherWarning:
    def of(name: str) -> str:
        return info.findtext(f"{_CAP}{name}") or ""

    areas = []
    for polygon in info.iter(f"{_CAP}polygon"):
        pairs = [pair.split(",") for pair in (polygon.text or "").split()]
        areas.append(tuple((float(longitude), float(latitude)) for latitude, longitude in pairs))
    onset = parse_time(of("onset") or of("effective") or alert.findtext(f"{_CAP}sent"))
    return WeatherWarning(
        alert.findtext(f"{_CAP}identifier") or "",
        alert.findtext(f"{_CAP}status") == "Actual",
        of("event"),
        of("severity"),
        onset,
        parse_time(of("expires")) if of("expires") else onset,
        of("headline"),
        of("description"),
        tuple(areas),
    )
