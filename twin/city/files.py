"""Input files: found by path, folder or pattern, not empty, and named with hash and licence as a source of the city."""

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from twin.city.citygml.files import SUFFIXES
from twin.city.model import SOURCE_COLUMNS
from twin.city.profile import Layer
from twin.errors import TextError

__all__ = ["found", "holds_cityjson", "is_citygml", "sha256", "source_rows"]

_BLOCK = 1 << 20
_CITYJSON = (".city.json", ".city.jsonl", ".cityjson", ".cityjsonl")
_SIDECARS = (".dbf", ".shx", ".prj", ".cpg")


def found(paths: Iterable[str], role: str, *, suffixes: Sequence[str] = ()) -> list[Path]:
    """Return the files that paths, folders or patterns name, in a fixed order.

    Parameters
    ----------
    paths : iterable of str
        Files, folders or patterns with ``*``.
    role : str
        Layer name for messages, for example ``"terrain"``.
    suffixes : sequence of str
        Endings that count inside a folder; a folder is refused where this is empty.

    Raises
    ------
    InputError
        If nothing is there or a file has no content.
    """
    files: list[Path] = []
    for path in paths:
        hits = [Path(hit) for hit in sorted(glob.glob(path, recursive=True))] if glob.has_magic(path) else [Path(path)]
        if not hits:
            raise TextError("file_pattern", path=path, role=role)
        for hit in hits:
            files += _inside(hit, role, suffixes) if hit.is_dir() else [hit]
    for file in files:
        if not file.exists():
            raise TextError("file_missing", role=role, file=file)
        if file.stat().st_size == 0:
            raise TextError("file_empty", role=role, file=file)
    return list(dict.fromkeys(files))


def _inside(folder: Path, role: str, suffixes: Sequence[str]) -> list[Path]:
    if folder.suffix.lower() == ".gdb":
        return [folder]
    inside = sorted(f for f in folder.rglob("*") if f.is_file() and f.name.lower().endswith(tuple(suffixes)))
    if not suffixes or not inside:
        wanted = ", ".join(suffixes) or "one file"
        raise TextError("folder_without", folder=folder, role=role, wanted=wanted)
    return inside


def is_citygml(path: str) -> bool:
    """Tell by name (of an archive, by its members; of a folder, by its files) whether a path holds CityGML.

    Examples
    --------
    >>> is_citygml("LoD2_32_354_5643_1_NW.gml"), is_citygml("lod2/*.xml.gz"), is_citygml("buildings.shp")
    (True, True, False)
    """
    if path.lower().endswith(".zip") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(_is_gml_name(member) for member in archive.namelist())
    if Path(path).is_dir():
        return any(is_citygml(os.fspath(f)) for f in Path(path).rglob("*") if f.is_file())
    return _is_gml_name(path) or (glob.has_magic(path) and path.lower().endswith((".zip", "*")))


def holds_cityjson(path: str) -> bool:
    """Tell whether a path is CityJSON: a file of that ending that says so near its begin or end, or a folder of such.

    Examples
    --------
    >>> holds_cityjson("tiles/*.city.jsonl"), holds_cityjson("data/samples/lod2")
    (True, False)
    """
    from twin.city.cityjson.files import is_cityjson

    place = Path(path)
    if place.is_dir():
        return any(holds_cityjson(os.fspath(f)) for f in sorted(place.rglob("*")) if f.is_file())
    if not is_cityjson(place):
        return False
    if path.lower().removesuffix(".gz").endswith(_CITYJSON):
        return True
    if glob.has_magic(path) or path.lower().endswith(".zip") or not place.is_file():
        return True
    opener = gzip.open if path.lower().endswith(".gz") else open
    try:
        with opener(place, "rb") as stream:
            told = stream.read(_BLOCK)
            if opener is open and b'"CityJSON' not in told:
                stream.seek(max(0, place.stat().st_size - _BLOCK))
                told = stream.read()
    except OSError:  # the reader says what is wrong
        return True
    return b'"CityJSON' in told


def _is_gml_name(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(SUFFIXES)


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    A shapefile counts with its parts (table, index, projection, encoding), a file geodatabase with all its files, one
    after the other in order of name.
    """
    parts = [file]
    if file.is_dir():
        parts = sorted(p for p in file.rglob("*") if p.is_file())
    elif file.suffix.lower() == ".shp":
        parts += [side for end in _SIDECARS if (side := file.with_suffix(end)).is_file()]
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def source_rows(files: Iterable[Path], layer: Layer, role: str) -> pd.DataFrame:
    """Return one row a file with hash, licence and attribution (columns of ``City.sources``)."""
    rows = [(os.fspath(f), role, sha256(f), layer.licence, layer.attribution, layer.note) for f in files]
    return pd.DataFrame(rows, columns=list(SOURCE_COLUMNS)).astype(SOURCE_COLUMNS)
