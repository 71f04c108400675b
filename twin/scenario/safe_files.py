"""Whole results or none: written beside their place, flushed to the disk, then moved there in one step.

A run that is killed leaves the old result as it was; what it had begun lies in a hidden folder that the next run
clears. Two runs into one folder refuse each other: before they compute anything where they hold :func:`claimed`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from twin.errors import InputError
from twin.language import text

__all__ = [
    "MANIFEST",
    "check_replaceable",
    "claimed",
    "full_disk",
    "full_disk_said",
    "locked",
    "replaced_folder",
    "restore",
]

MANIFEST = "result.json"
"""File that makes a folder a result; written last."""

_LOCK = "lock"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def _lock(handle: IO[bytes]) -> bool:
    """Take the lock of an open file without waiting; it goes with the process, however that ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_still(path: Path, handle: IO[bytes]) -> bool:
    """Tell whether an open file is the one a path names; another run may have cleared it away in between."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _flush(folder: Path) -> None:
    """Write a folder and everything in it through to the disk."""
    for place, _folders, files in os.walk(folder):
        for name in files:
            with open(os.path.join(place, name), "rb+") as file:
                os.fsync(file.fileno())
        _flush_folder(Path(place))


def _flush_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # Windows cannot open a folder to flush it; its file system journals the rename
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step where the system can (Linux renameat2); False where it cannot."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0)


def _old(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.old"


def restore(folder: Path) -> None:
    """Bring back an old result whose replacement was cut off between two renames (systems without exchange)."""
    if _old(folder).is_dir():
        if folder.exists():
            shutil.rmtree(_old(folder))
        else:
            _old(folder).rename(folder)


def _move_into_place(new: Path, folder: Path) -> None:
    if not folder.exists():
        new.rename(folder)
    elif _exchange(new, folder):
        shutil.rmtree(new)
    else:
        folder.rename(_old(folder))
        new.rename(folder)
        shutil.rmtree(_old(folder))
    _flush_folder(folder.parent)


def check_replaceable(folder: Path) -> None:
    """Raise InputError unless a result may go there: nothing yet, an empty folder, or an older result.

    Called before a run starts, so that hours of work are not lost to a wrong path.
    """
    restore(folder)
    if folder.is_file():
        raise InputError(text("scenario.output_is_file", folder=folder))
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise InputError(text("scenario.output_not_a_result", folder=folder))
    parent = folder.parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise InputError(text("scenario.output_not_writable", folder=folder, parent=parent))


def full_disk(error: BaseException | None) -> bool:
    """Tell whether an error, or one behind it, says that no more can be written: disk full, quota or file size used up."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def full_disk_said(folder: Path) -> Iterator[None]:
    """Say in a sentence that the disk is full where work in a folder fails for that; what is finished there stays."""
    try:
        yield
    except OSError as error:
        if full_disk(error):
            raise InputError(text("tiles.disk_full", folder=folder.parent)) from error
        raise


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other runs out of a result folder from the first to the last moment of this one.

    The claim is a locked file beside the folder; it goes with the process, however that ends.

    Parameters
    ----------
    folder : pathlib.Path
        Result folder, new or old.

    Raises
    ------
    InputError
        If another run has claimed it, or no result may go there.
    """
    folder = folder.absolute()
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _held(folder.parent / f".{folder.name}.lock", text("scenario.output_busy", folder=folder)):
        yield


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Work alone in a folder: a second one is refused at once.

    Parameters
    ----------
    folder : pathlib.Path
        Work folder, which is there.

    Raises
    ------
    InputError
        If someone else works in it.
    """
    with _held(folder / _LOCK, text("tiles.busy", folder=folder)):
        yield


@contextmanager
def _held(file: Path, busy: str) -> Iterator[None]:
    """Hold a lock file, which is gone afterwards; say that it is busy where another process or thread holds it."""
    with open(file, "ab") as handle:
        if not _lock(handle) or not _is_still(file, handle):
            raise InputError(busy)
        try:
            yield
        finally:
            if sys.platform != "win32":
                file.unlink(missing_ok=True)  # while the lock is held: the next one then makes a file of its own
    if sys.platform == "win32":
        file.unlink(missing_ok=True)


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write into; at the end of the block it takes the place of ``folder``.

    If the block fails or the process dies, ``folder`` stays as it was.

    Parameters
    ----------
    folder : pathlib.Path
        Result folder, new or old.

    Yields
    ------
    pathlib.Path
        Folder beside it to write into.

    Raises
    ------
    InputError
        If ``folder`` holds something else than a result, another run is writing it, or the disk is full.
    """
    folder = folder.absolute()
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.parent / f".{folder.name}.partial"
    new.mkdir(exist_ok=True)
    with open(new / _LOCK, "ab") as handle:
        if not _lock(handle) or not _is_still(new / _LOCK, handle):
            raise InputError(text("scenario.output_busy", folder=folder))
        for entry in new.iterdir():
            if entry.name != _LOCK:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        inner = new / "result"
        inner.mkdir()
        try:
            yield inner
            _flush(inner)
            _move_into_place(inner, folder)
        except (OSError, InputError) as error:
            if full_disk(error):
                raise InputError(text("scenario.disk_full", folder=folder.parent)) from error
            raise
        finally:
            shutil.rmtree(new, ignore_errors=True)  # while the lock is held: no other run can have begun in it
    if sys.platform == "win32":
        shutil.rmtree(new, ignore_errors=True)  # an open file cannot be removed there
