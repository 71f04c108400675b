"""A city as CityJSON 2.0, or as CityJSONSeq: one building a line.

Written are the city objects with their hierarchy, attributes, levels of detail and semantics; not trees, land cover,
streets, stations and terrain, which are tables and rasters of their own.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyproj

from twin.city.cityjson.composing import Composer
from twin.city.cityjson.numbering import Points
from twin.city.crs import crs_label
from twin.city.model import City
from twin.errors import InputError

__all__ = ["reference_system", "write_cityjson"]

_AUTHORITY = re.compile(r"([A-Za-z]+):(\w+)(?:\+(?:([A-Za-z]+):)?(\w+))?")
_URL = "https://www.opengis.net/def/crs"


def reference_system(crs: pyproj.CRS) -> str:
    """Return the URL of a CRS as CityJSON wants it; a compound system without a code of its own names both parts.

    Parameters
    ----------
    crs : pyproj.CRS
        With a code of an authority, or two parts that have one.

    Raises
    ------
    InputError
        If the system has no code.

    Examples
    --------
    >>> reference_system(pyproj.CRS("EPSG:25832"))
    'https://www.opengis.net/def/crs/EPSG/0/25832'
    >>> reference_system(pyproj.CRS("EPSG:25832+7837"))[31:]
    '-compound?1=https://www.opengis.net/def/crs/EPSG/0/25832&2=https://www.opengis.net/def/crs/EPSG/0/7837'
    """
    match = _AUTHORITY.fullmatch(crs_label(crs))
    if match is None:
        raise InputError(
            f"The CRS {crs.name!r} has no code that CityJSON could name: bring the city to a system such as EPSG:25832 first."
        )
    first = f"{_URL}/{match[1]}/0/{match[2]}"
    return f"{_URL}-compound?1={first}&2={_URL}/{match[3] or match[1]}/0/{match[4]}" if match[4] else first


def write_cityjson(
    city: City, path: str | os.PathLike[str], *, sequence: bool = False, precision: float = 0.001
) -> Path:
    """Write the objects of a city as CityJSON 2.0.

    Parameters
    ----------
    city : City
        Its objects, surfaces, boundaries and shells are written. An object without polygons is written with its
        footprint as level of detail 0.
    path : path
        File to write; packed where it ends in ``.gz``. An old file is replaced only by a whole new one.
    sequence : bool
        Write CityJSONSeq: a first line with the metadata, then one line for each top-level object with its parts.
    precision : float
        Step of coordinates [m].

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    InputError
        If the CRS has no code, the precision is no positive number, or the folder cannot be written to.

    Examples
    --------
    >>> write_cityjson(city, "district.city.json")  # doctest: +SKIP
    """
    path = Path(path)
    if not (np.isfinite(precision) and precision > 0):
        raise InputError(f"precision must be a positive number of metres, such as 0.001, not {precision!r}.")
    head: dict[str, Any] = {"type": "CityJSON", "version": "2.0"}
    shift, extent = _frame(city, precision)
    tail: dict[str, Any] = {"transform": {"scale": [precision] * 3, "translate": shift.tolist()}}
    metadata: dict[str, Any] = {"geographicalExtent": extent} if extent else {}
    if city.crs is not None:
        metadata["referenceSystem"] = reference_system(city.crs)
    if city.name:
        metadata["title"] = city.name
    if metadata:
        tail["metadata"] = metadata
    composer = Composer(city, Points(shift, precision))
    lines = _sequence if sequence else _whole
    _replace(path, lines(composer, head, tail, shift, precision))
    return path


def _frame(city: City, precision: float) -> tuple[np.ndarray, list[float]]:
    """Origin of the grid of coordinates, in whole thousands of its step, and the extent of all polygons."""
    xyz = city.polygons.xyz
    if not len(xyz):
        bounds = city.objects.total_bounds if len(city.objects) else np.full(4, np.nan)
        low = np.append(bounds[:2], 0.0) if np.isfinite(bounds).all() else np.zeros(3)
        return np.floor(low / (1000 * precision)) * (1000 * precision), []
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    shift = np.round(np.floor(low / (1000 * precision)) * (1000 * precision), 9)
    edges = np.rint((np.concatenate((low, high)) - np.tile(shift, 2)) / precision) * precision + np.tile(shift, 2)
    return shift, np.round(edges, 9).tolist()


def _text(value: Any) -> str:
    """JSON of a value; what JSON cannot tell (NaN, infinite) becomes null."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """JSON form of numbers and arrays of numpy, of dates and of other values of attributes."""
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, np.ndarray | set | frozenset):
        return list(value)
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _whole(
    composer: Composer, head: dict[str, Any], tail: dict[str, Any], shift: np.ndarray, precision: float
) -> Iterator[str]:
    """Yield the pieces of one CityJSON object."""
    points = Points(shift, precision)
    yield _text(head)[:-1] + ',"CityObjects":{'
    for row, name in enumerate(composer.ids):
        yield f"{',' if row else ''}{_text(name)}:{_text(composer.told(row, points))}"
    yield '},"vertices":' + _text(points.vertices) + "," + _text(tail)[1:] + "\n"


def _sequence(
    composer: Composer, head: dict[str, Any], tail: dict[str, Any], shift: np.ndarray, precision: float
) -> Iterator[str]:
    """Yield the lines of a CityJSONSeq."""
    yield _text(head | {"CityObjects": {}, "vertices": []} | tail) + "\n"
    for rows in composer.features():
        points = Points(shift, precision)
        objects = {composer.ids[row]: composer.told(row, points) for row in rows}
        feature = {"type": "CityJSONFeature", "id": composer.ids[rows[0]], "CityObjects": objects}
        yield _text(feature | {"vertices": points.vertices}) + "\n"


def _replace(path: Path, pieces: Iterator[str]) -> None:
    """Write beside the file, through to the disk, then put it in its place in one step."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as raw:
            with contextlib.ExitStack() as stack:
                packed = path.suffix.lower() == ".gz"
                stream = stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0)) if packed else raw
                for piece in pieces:
                    stream.write(piece.encode())
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
