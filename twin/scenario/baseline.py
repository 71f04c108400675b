"""A variant and its baseline: what a scenario file does not say is taken from the file it names.

Each top-level key counts as a whole: a variant with its own ``[weather]`` takes nothing of its baseline's weather.
Measures and the name are never taken over, for they are what makes a variant; the result folder neither.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from twin.errors import InputError
from twin.language import text

__all__ = ["with_baseline"]

_OWN = ("name", "measure", "baseline")
_PATHS = (
    ("city",),
    ("costs",),
    ("measurements",),
    ("weather", "path"),
    ("rain", "table"),
    ("rain", "series"),
    ("population", "path"),
)


def with_baseline(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return settings completed by those of their baseline.

    Parameters
    ----------
    settings : dict
        Keys and tables of a scenario file.
    folder : pathlib.Path
        Folder of that file; paths taken over are rewritten as seen from there.

    Raises
    ------
    InputError
        If the baseline is missing, no scenario file, or leads back to itself.
    """
    return _completed(settings, folder, ())


def _completed(settings: dict[str, Any], folder: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    named = settings.get("baseline")
    if not isinstance(named, str):
        return settings
    file = (folder / Path(named).expanduser()).resolve()
    if file in seen:
        raise InputError(text("scenario.baseline_circle", file=named))
    try:
        below = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(text("scenario.baseline_missing", file=named, folder=folder.resolve())) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(text("scenario.baseline_unreadable", file=named, reason=error)) from None
    below = _completed(below, file.parent, (*seen, file))
    taken = {key: value for key, value in below.items() if key not in _OWN and key not in settings}
    if isinstance(taken.get("outputs"), dict):
        taken["outputs"] = {key: value for key, value in taken["outputs"].items() if key != "folder"}
    return {**_seen_from(taken, file.parent, folder), **settings}


def _seen_from(settings: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """Return settings with their relative paths rewritten as seen from another folder."""
    moved = {key: dict(value) if isinstance(value, dict) else value for key, value in settings.items()}
    for *tables, last in _PATHS:
        holder: Any = moved
        for name in tables:
            holder = holder.get(name, {}) if isinstance(holder, dict) else {}
        value = holder.get(last) if isinstance(holder, dict) else None
        if isinstance(value, str) and not Path(value).expanduser().is_absolute():
            holder[last] = Path(os.path.relpath(old.resolve() / value, new.resolve())).as_posix()
    return moved
