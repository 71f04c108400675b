"""Whole files and folders or none: written beside their place, flushed to the disk, then moved there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twin.errors import TextError

__all__ = ["replaced_file", "replaced_folder"]


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")


def _flush(file: Path) -> None:
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a name to write to; when the block ends well it takes the place of ``path`` in one step.

    Raises
    ------
    InputError
        If the folder is missing or cannot be written to.
    """
    if not path.parent.is_dir():
        raise TextError("write_folder", file=path, folder=path.parent)
    partial = _partial(path)
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
    except OSError as error:
        raise TextError("write_failed", file=path, reason=error.strerror or error) from None
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replaced_folder(path: Path, manifest: str) -> Iterator[Path]:
    """Give a folder to write to; when the block ends well it takes the place of ``path``.

    Parameters
    ----------
    path : pathlib.Path
        Target; may exist where it is empty or holds the manifest, so that no other folder is ever replaced.
    manifest : str
        File that marks a folder of this kind.

    Raises
    ------
    InputError
        If the target holds something else, or cannot be written to.
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not (path / manifest).is_file()):
        raise TextError("write_exists", file=path)
    if not path.absolute().parent.is_dir():
        raise TextError("write_folder", file=path, folder=path.parent)
    partial, old = _partial(path), path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        partial.mkdir()
        yield partial
        for file in partial.iterdir():
            _flush(file)
        if path.is_dir():
            os.replace(path, old)
        os.replace(partial, path)
    except OSError as error:
        if old.is_dir() and not path.exists():
            os.replace(old, path)
        raise TextError("write_failed", file=path, reason=error.strerror or error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
