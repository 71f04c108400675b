"""From one format of city data to another: load, and write by the ending of the target."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from twin.city.loading import load
from twin.city.model import City
from twin.city.placing import Bounds
from twin.city.writers import ENDINGS, write

__all__ = ["Conversion", "convert"]

_BODIES_ONLY = (".json", ".jsonl", ".gml", ".xml")
_TABLES = {
    "trees": "trees",
    "land_cover": "land_cover",
    "network": "streets",
    "stations": "stations",
    "structures": "structures",
}


@dataclass(frozen=True)
class Conversion:
    """What a conversion did: where the result is, its format, what is in it, and which layers it has no place for."""

    path: Path
    format: str
    counts: dict[str, int]
    left_out: tuple[str, ...]
    gaps: pd.DataFrame


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    lod: int | str | None = None,
    crs: str | int | None = None,
    area: Bounds | None = None,
) -> Conversion:
    """Convert city data to the format that the ending of the target says.

    Parameters
    ----------
    source : path
        City profile, CityGML, CityJSON, a folder of them, or a folder of tables.
    target : path
        ``….city.json``, ``….city.jsonl``, ``….gml``, ``….gpkg``, or a folder (GeoParquet tables).
    lod : int or str, optional
        Only this level of detail.
    crs : str or int, optional
        CRS of the result; by default that of the source.
    area : tuple of float, optional
        West, south, east, north [m]; only what lies there and 200 m around it.

    Returns
    -------
    Conversion
        What was written and what the format has no place for.

    Raises
    ------
    InputError
        If the source cannot be read or the target cannot be written.

    Examples
    --------
    >>> convert("lod2/", "district.city.json").format  # doctest: +SKIP
    'CityJSON 2.0'
    """
    target = Path(target)
    format_of(target)
    city = load(source, lod=lod, crs=crs, area=area)
    written = write(city, target)
    return Conversion(written, format_of(target), city.counts(), left_out(city, target), city.gaps)


def format_of(target: Path) -> str:
    """Return the format that a path means, or refuse an ending that no writer knows before anything is read.

    Examples
    --------
    >>> format_of(Path("a.city.jsonl")), format_of(Path("tables"))
    ('CityJSONSeq', 'folder of GeoParquet tables')
    """
    from twin.errors import TextError

    bare = target.name.lower()
    bare = bare.removesuffix(".gz") if bare.removesuffix(".gz").endswith(_BODIES_ONLY) else bare
    ending = Path(bare).suffix
    if ending in ENDINGS:
        return ENDINGS[ending]
    if ending == ".parquet" or target.is_dir():
        return ENDINGS[""]
    known = ", ".join(name for name in ENDINGS if name)
    raise TextError("convert_ending", file=target, known=known)


def left_out(city: City, target: Path) -> tuple[str, ...]:
    """Return the layers of a city that the format of a path has no place for."""
    bare = target.name.lower().removesuffix(".gz")
    rasters = [name for name in ("terrain", "canopy_height", "sewer") if getattr(city, name) is not None]
    if bare.endswith(_BODIES_ONLY):
        return (*(shown for name, shown in _TABLES.items() if len(getattr(city, name))), *rasters)
    return tuple(rasters) if bare.endswith(".gpkg") else tuple(name for name in rasters if name == "sewer")
