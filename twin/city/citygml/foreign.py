"""GML that is no city model (IndoorGML, ALKIS, ...): what its root element is, and how many polygons it holds."""

from __future__ import annotations

import os
from pathlib import Path
from xml.parsers import expat

from twin.city.citygml.files import SUFFIXES
from twin.city.citygml.names import Kind, classify, local_name

__all__ = ["foreign_gml"]


class _Enough(Exception):  # noqa: N818  (ends the parser; no error)
    """What is read so far decides."""


def foreign_gml(path: str | os.PathLike[str]) -> tuple[str, int] | None:
    """Return root element and number of polygons of a GML file that is no city model.

    Parameters
    ----------
    path : path
        A plain file; archives and folders are not looked into.

    Returns
    -------
    tuple of str and int, or None
        None for a city model, for XML without a GML polygon, and for what is no sound XML or has a DOCTYPE: the reader
        of CityGML says what is wrong with those.
    """
    file = Path(path)
    if not file.is_file() or file.suffix.lower() not in SUFFIXES:
        return None
    parser = expat.ParserCreate(namespace_separator=" ")
    root, polygons = "", 0

    def start(name: str, _attrs: dict[str, str]) -> None:
        nonlocal root, polygons
        if not root:
            root = local_name(name)
            if root == "FeatureCollection" or classify(name) in (Kind.ROOT, Kind.FEATURE):
                raise _Enough
        polygons += name.startswith("http://www.opengis.net/gml") and local_name(name) == "Polygon"

    def doctype(*_about: object) -> None:
        raise _Enough

    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, doctype
    try:
        with file.open("rb") as stream:
            parser.ParseFile(stream)
    except (_Enough, expat.ExpatError):
        return None
    return (root, polygons) if polygons else None
