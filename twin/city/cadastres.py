"""Tree cadastres of known cities: which of their columns is what, and how a file gives its cadastre away."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from twin.city.placing import Reference
from twin.city.profile import TreesLayer, TreeUnits, nearest
from twin.errors import TextError

__all__ = ["ColumnMapping", "cadastres", "column_mapping", "recognised"]


@cache
def cadastres() -> Mapping[str, Mapping[str, Any]]:
    """Return the known tree cadastres by name, from ``tables/tree_cadastres.toml``.

    Examples
    --------
    >>> cadastres()["berlin"]["columns"]["crown_diameter"]
    ['kronedurch']
    """
    text = resources.files("twin.city").joinpath("tables", "tree_cadastres.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def recognised(available: Sequence[str]) -> str | None:
    """Return the name of the cadastre whose tell-tale columns a file has, else None.

    Examples
    --------
    >>> recognised(["art_bot", "baumhoehe", "kronedurch", "stammumfg", "standalter"])
    'berlin'
    """
    here = {name.lower() for name in available}
    fits = [
        (len(entry["recognise"]), name)
        for name, entry in cadastres().items()
        if entry["recognise"] and all(column.lower() in here for column in entry["recognise"])
    ]
    return max(fits)[1] if fits else None


@dataclass(frozen=True)
class ColumnMapping:
    """How one file's columns are to be read."""

    columns: Mapping[str, str]
    known: Mapping[str, Sequence[str]]
    units: TreeUnits
    unknown: Mapping[str, Sequence[float]]
    crs: str | None
    species_until: str
    cadastre: str


def column_mapping(layer: TreesLayer, available: Sequence[str], file: Path, ref: Reference) -> ColumnMapping:
    """Return how to read a file: by the profile's columns, the cadastre it names, or the one its columns give away."""
    name = layer.cadastre.lower() if layer.cadastre else ""
    if name and name not in cadastres():
        allowed = [key for key in cadastres() if key != "general"]
        raise TextError(
            "cadastre_unknown", cadastre=layer.cadastre, near=nearest(name, allowed), listed=", ".join(allowed)
        )
    if not name and layer.columns is None:
        name = recognised(available) or "general"
        label = "" if name == "general" else name
        ref.log.add(
            "cadastre_recognised",
            layer="trees",
            severity="info",
            count=bool(label),
            of=1,
            source=file.name,
            default=label,
        )
    entry = cadastres().get(name, {})
    known = dict(entry.get("columns", {}))
    if layer.columns is not None and not name:
        general = cadastres()["general"]["columns"]
        known = {key: general[key] for key in ("x", "y") if not layer.columns.geometry}
    columns = layer.columns.model_dump(exclude_none=True) if layer.columns is not None else {}
    if "geometry" not in {*columns, *known}:
        known = {key: cadastres()["general"]["columns"][key] for key in ("x", "y")} | known
    names = known.get("species", ())
    known |= {f"species_{i}": names[i:] for i in range(1, len(names))}  # a sort may be empty where the kind is not
    return ColumnMapping(
        columns=columns,
        known={key: names for key, names in known.items() if key not in columns},
        units=layer.units or TreeUnits(**entry.get("units", {})),
        unknown=entry.get("unknown", {}),
        crs=layer.crs,
        species_until=entry.get("species_until", ""),
        cadastre=name,
    )
