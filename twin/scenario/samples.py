"""Where the made sample district lies: inside the installed package, or in the checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path

import twin
from twin.errors import InputError
from twin.language import text

__all__ = ["sample_folder", "sample_scenarios"]


def sample_folder() -> Path:
    """Return the folder of the sample district (``hitzetag.toml`` and what belongs to it).

    Raises
    ------
    InputError
        If this installation has none.
    """
    package = Path(twin.__file__).resolve().parent
    for folder in (package / "samples", package.parent / "data" / "samples"):
        if (folder / "hitzetag.toml").is_file():
            return folder
    raise InputError(text("scenario.samples_missing", folder=package / "samples"))


def sample_scenarios() -> list[str]:
    """Return the names of the scenarios of the sample district.

    Examples
    --------
    >>> "hitzetag" in sample_scenarios()
    True
    """
    files = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in sample_folder().glob("*.toml")}
    return sorted(
        name for name, settings in files.items() if {"city", "baseline"} & settings.keys() and "name" in settings
    )
