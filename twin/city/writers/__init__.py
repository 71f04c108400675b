"""Write a city: CityJSON, CityGML 3.0, GeoPackage, or a folder of GeoParquet tables; the ending of the path decides."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twin.city.model import City
from twin.errors import TextError

__all__ = ["ENDINGS", "write"]

ENDINGS = {
    ".city.json": "CityJSON 2.0",
    ".json": "CityJSON 2.0",
    ".city.jsonl": "CityJSONSeq",
    ".jsonl": "CityJSONSeq",
    ".gml": "CityGML 3.0",
    ".xml": "CityGML 3.0",
    ".gpkg": "GeoPackage",
    "": "folder of GeoParquet tables",
}
"""Endings of a path (also with ``.gz`` for the text formats) and the format they mean."""


def write(city: City, path: str | os.PathLike[str], **options: Any) -> Path:
    """Write a city in the format that the ending of the path says.

    Parameters
    ----------
    city : City
        What is written of it depends on the format: a folder of tables keeps everything; CityJSON and CityGML keep city
        objects; a GeoPackage keeps outlines, trees, land cover, streets, stations and the places of gaps.
    path : path
        ``….city.json``, ``….city.jsonl``, ``….gml``, ``….gpkg``, or a folder (no ending, or ``.parquet``).
    **options
        Of the writer: ``precision`` [m] for CityJSON, ``language`` for GeoPackage, ``tile`` [m] for a folder.

    Returns
    -------
    pathlib.Path
        What was written.

    Raises
    ------
    InputError
        If the ending is not known, or the place cannot be written to.

    Examples
    --------
    >>> write(city, "district.gpkg")  # doctest: +SKIP
    """
    path = Path(path)
    name = path.name.lower()
    bare = name.removesuffix(".gz")
    if bare.endswith((".json", ".jsonl")):
        from twin.city.cityjson import write_cityjson

        return write_cityjson(city, path, sequence=bare.endswith(".jsonl"), **options)
    if bare.endswith((".gml", ".xml")):
        from twin.city.writers.citygml3 import write_citygml

        return write_citygml(city, path, **options)
    if name.endswith(".gpkg"):
        from twin.city.writers.geopackage import write_geopackage

        return write_geopackage(city, path, **options)
    if path.suffix in ("", ".parquet") or path.is_dir():
        from twin.city.writers.parquet import write_parquet

        return write_parquet(city, path, **options)
    known = ", ".join(ending for ending in ENDINGS if ending)
    raise TextError("convert_ending", file=path, known=known)
