"""CityGML 1.0, 2.0 and 3.0 to one columnar city.

One streaming pass over each file, then columns (:mod:`twin.city.citygml.assembly`). Small and unusual files are read
through expat (:mod:`twin.city.citygml.events`), large ones by a compiled scanner that finds the same
(:mod:`twin.city.citygml.scanning`). The version does not matter: elements are known by local name and namespace family.
Every polygon is kept once; solids made of references list the rows of their faces in ``City.shells``.

How things are counted
----------------------
``City.surfaces["element"]`` names the GML element of each polygon, so ``City.counts()["polygons"]`` is the number of
``gml:Polygon`` elements, and patches, triangles and placed templates are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyproj

from twin.city.citygml.columns import FileColumns, joined
from twin.city.citygml.files import GmlFile, find_files
from twin.city.citygml.relief_files import ReliefFile, with_terrain
from twin.city.citygml.systems import common_crs, given_crs
from twin.city.citygml.tables import city_of
from twin.city.citygml.tiles import answers
from twin.city.citygml.versions import day_of, of_day, tell_versions
from twin.city.gaps import GapLog
from twin.city.model import City
from twin.errors import TextError
from twin.progress import track

__all__ = ["read_citygml"]

_LODS = ("0", "1", "2", "3", "4")


def read_citygml(
    paths: str | Path | Sequence[str | Path],
    *,
    lod: str | None = None,
    crs: str | pyproj.CRS | None = None,
    at: str | date | None = None,
) -> City:
    """Read CityGML 1.0, 2.0 or 3.0 files into one city.

    Parameters
    ----------
    paths : str, Path or sequence of them
        Files (.gml, .xml, .citygml; also in .gz or .zip), folders or globs. The same top-level ``gml:id`` in several
        files is kept once, from the first.
    lod : str, optional
        Keep only polygons of this level of detail, ``"0"`` to ``"4"``; by default all levels side by side.
    crs : str or pyproj.CRS, optional
        Coordinate reference system, where the files name none or a wrong one.
    at : str or datetime.date, optional
        Keep only the objects that hold on this day (``"2024-12-31"``), or today (``"current"``), by their dates and the
        versions of the model; by default (or with ``"all"``) everything the files hold.

    Returns
    -------
    City
        With ``objects`` (footprints as geometry), ``boundaries``, ``surfaces``, ``shells``, ``polygons``, ``gaps`` and
        ``sources`` filled, and ``trees``, ``land_cover`` and ``streams`` where the model holds such objects, and
        ``terrain`` where a relief of it lies in a raster file beside it.

    Raises
    ------
    InputError
        If a file is missing, damaged, no CityGML, or carries a DOCTYPE.

    Examples
    --------
    >>> city = read_citygml("data/samples/buildings.gml")  # doctest: +SKIP
    >>> city.counts()["Building"]  # doctest: +SKIP
    142
    """
    if lod is not None and str(lod) not in _LODS:
        raise TextError("lod_one_of", listed=", ".join(_LODS), given=lod)
    given, day = given_crs(crs), day_of(at)
    files = find_files(paths)
    log = GapLog()
    parts: list[FileColumns] = []
    read: list[GmlFile] = []
    reliefs: list[ReliefFile] = []
    with track("Reading CityGML", total=len(files)) as done:
        for i, answer in enumerate(answers(files, None if lod is None else str(lod), given)):
            log.extend(answer.log)
            reliefs += answer.reliefs
            if answer.columns is not None:
                parts.append(answer.columns)
                read.append(files[i])
            done(i + 1)
    if not parts:
        raise TextError("citygml_none_of", count=len(files), path=paths)
    target = common_crs(parts, log)
    columns = joined(parts, log)
    if day is None:
        tell_versions(columns, log)
    else:
        columns = of_day(columns, day, log)
    city = city_of(columns, target, log, read)
    return with_terrain(city, reliefs, log).replace(gaps=log.table()) if reliefs else city
