"""Which CityJSON documents a path, folder, glob or archive means; their bytes come through :class:`GmlFile`."""

from __future__ import annotations

import glob
import zipfile
from collections.abc import Sequence
from pathlib import Path

from twin.city.citygml.files import GmlFile
from twin.errors import InputError, TextError

__all__ = ["SUFFIXES", "find_documents", "is_cityjson"]

SUFFIXES = (".json", ".jsonl", ".cityjson", ".cityjsonl")
_PACKED = tuple(suffix + ".gz" for suffix in SUFFIXES)


def _fits(name: str) -> bool:
    return name.lower().endswith((*SUFFIXES, *_PACKED)) and not Path(name).name.startswith((".", "_"))


def is_cityjson(path: str | Path) -> bool:
    """Tell by name (and, for an archive, by its members) whether a path holds CityJSON.

    Examples
    --------
    >>> is_cityjson("rotterdam.city.json"), is_cityjson("tile.city.jsonl.gz"), is_cityjson("lod2.gml")
    (True, True, False)
    """
    path = Path(path)
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(_fits(name) for name in archive.namelist())
    return _fits(path.name)


def find_documents(paths: str | Path | Sequence[str | Path]) -> list[GmlFile]:
    """Return the CityJSON documents that paths, folders, globs and archives mean, each once, in order.

    Parameters
    ----------
    paths : str, Path or sequence of them
        Files, folders (searched to any depth), globs, .gz of them, and .zip archives of them.

    Raises
    ------
    InputError
        If a path does not exist, or nothing fitting lies there.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise InputError("No CityJSON file is given: name a file, a folder, a glob or a .zip.")
    found: dict[tuple[Path, str], GmlFile] = {}
    for entry in given:
        searched = not Path(entry).is_file()
        for path in _files_at(Path(entry)):
            for document in _members(path, searched):
                found.setdefault((path.resolve(), document.member), document)
    return list(found.values())


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.is_file() and (_fits(f.name) or is_cityjson(f)))
        if not files:
            raise TextError("city_none_in_folder", folder=str(path), format="CityJSON", endings=", ".join(SUFFIXES))
        return files
    if path.exists():
        return [path]
    if any(sign in str(path) for sign in "*?["):
        files = sorted(Path(hit) for hit in glob.glob(str(path), recursive=True) if Path(hit).is_file())
        if not files:
            raise TextError("city_pattern", path=str(path))
        return files
    raise TextError("city_missing", path=str(path), format="CityJSON")


def _members(path: Path, searched: bool) -> list[GmlFile]:
    if path.suffix.lower() != ".zip":
        return [GmlFile(path, searched=searched)]
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir() and _fits(info.filename)]
    except (zipfile.BadZipFile, OSError) as error:
        raise TextError("archive_damaged", file=path.name, reason=str(error)) from None
    if not names:
        raise TextError("city_none_in_archive", file=path.name, format="CityJSON", endings=", ".join(SUFFIXES))
    return [GmlFile(path, name, searched=True) for name in sorted(names)]
