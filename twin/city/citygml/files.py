"""Which files a path, folder, glob or archive means, and their bytes in pieces, within safe limits."""

from __future__ import annotations

import glob
import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from twin.errors import InputError, TextError

__all__ = ["SUFFIXES", "GmlFile", "find_files"]

SUFFIXES = (".gml", ".xml", ".citygml")
_PACKED = (".gz", ".zip")
_CHUNK = 1 << 20
_RATIO = 200  # a delivered tile packs at most about 30 : 1
_USUAL_RATIO = 10
_UNWATCHED = 64 << 20  # bytes unpacked before the ratio is looked at


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class GmlFile:
    """One CityGML document: a file, or a member of a zip archive.

    ``searched`` is True where it was found in a folder, glob or archive and may be something else than CityGML.
    """

    path: Path
    member: str = ""
    searched: bool = False

    @property
    def name(self) -> str:
        """File name for messages and the ``source`` column."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    @property
    def size(self) -> int:
        """Bytes of the document, unpacked; estimated where a .gz does not say it."""
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive:
                    return archive.getinfo(self.member).file_size
            packed = self.path.stat().st_size
        except (OSError, zipfile.BadZipFile, KeyError):
            return 0
        return packed * _USUAL_RATIO if self.path.suffix.lower() == ".gz" else packed

    def pieces(self) -> Iterator[bytes]:
        """Yield the document's bytes, unpacked.

        Raises
        ------
        InputError
            If the file cannot be read, is damaged, or unpacks to far more than a city model does.
        """
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
                    packed = archive.getinfo(self.member).compress_size
                    yield from self._watched(stream, packed)
            elif self.path.suffix.lower() == ".gz":
                with gzip.open(self.path) as stream:
                    yield from self._watched(stream, self.path.stat().st_size)
            else:
                with self.path.open("rb") as stream:
                    while piece := stream.read(_CHUNK):
                        yield piece
        except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise TextError("archive_damaged", file=self.name, reason=str(error)) from None
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or a method Python does not unpack
            raise TextError("archive_unreadable", file=self.name, reason=str(error)) from None
        except OSError as error:
            raise TextError("file_unreadable", file=str(self.path), reason=str(error.strerror or error)) from None

    def whole(self) -> bytes:
        """Return the document's bytes, unpacked; raises as :meth:`pieces` does."""
        if self.member or self.path.suffix.lower() == ".gz":
            return b"".join(self.pieces())
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise TextError("file_unreadable", file=str(self.path), reason=str(error.strerror or error)) from None

    def _watched(self, stream: _Stream, packed: int) -> Iterator[bytes]:
        total = 0
        while piece := stream.read(_CHUNK):
            total += len(piece)
            if total > _UNWATCHED and total > _RATIO * max(packed, 1):
                raise TextError("archive_bomb", file=self.name, times=_RATIO)
            yield piece

    def sha256(self) -> str:
        """Return the hash of the file as delivered (of the archive, for a member)."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def find_files(paths: str | Path | Sequence[str | Path]) -> list[GmlFile]:
    """Return the CityGML documents that paths, folders, globs and archives mean, each once, in order.

    Parameters
    ----------
    paths : str, Path or sequence of them
        Files ending in .gml, .xml, .citygml, these in .gz or .zip, folders (searched to any depth) or globs.

    Raises
    ------
    InputError
        If a path does not exist, or nothing fitting lies there.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise InputError("No CityGML file is given: name a file, a folder, a glob or a .zip.")
    found: dict[tuple[Path, str], GmlFile] = {}
    for entry in given:
        searched = not Path(entry).is_file()
        for path in _files_at(Path(entry)):
            for document in _documents(path, searched):
                found.setdefault((document.path.resolve(), document.member), document)
    return list(found.values())


def _fits(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if not suffixes or path.name.startswith("."):
        return False
    if suffixes[-1] == ".gz":
        return len(suffixes) > 1 and suffixes[-2] in SUFFIXES
    return suffixes[-1] in SUFFIXES or suffixes[-1] == ".zip"


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and _fits(file))
        if not files:
            raise TextError("city_none_in_folder", folder=str(path), format="CityGML", endings=", ".join(SUFFIXES))
        return files
    if path.exists():
        return [path]
    if any(sign in str(path) for sign in "*?["):
        files = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
        if not files:
            raise TextError("city_pattern", path=str(path))
        return files
    raise TextError("city_missing", path=str(path), format="CityGML")


def _documents(path: Path, searched: bool) -> list[GmlFile]:
    if path.suffix.lower() != ".zip":
        return [GmlFile(path, searched=searched)]
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise TextError("archive_damaged", file=path.name, reason=str(error)) from None
    members = [n for n in names if Path(n).suffix.lower() in SUFFIXES and not Path(n).name.startswith((".", "_"))]
    if not members:
        raise TextError("city_none_in_archive", file=path.name, format="CityGML", endings=", ".join(SUFFIXES))
    return [GmlFile(path, member, searched=True) for member in sorted(members)]
