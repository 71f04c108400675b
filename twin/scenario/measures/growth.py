"""How large a planted tree is: at planting, and years later by the growth of street trees of its genus."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from models.layers import read_table

__all__ = ["known_genus", "known_names", "size_after"]

_PACKAGE = "twin.scenario.measures"
_SIZES = ("height", "crown_diameter", "trunk_circumference")


@cache
def _genera() -> Mapping[str, str]:
    """Genus of each known name, botanical genus or German, in small letters."""
    known: dict[str, str] = {}
    for row in read_table(_PACKAGE, "species.csv"):
        known |= {name.lower(): row["genus"] for name in (row["genus"], *row["german"].split(";"))}
    return known


def known_names() -> tuple[str, ...]:
    """Return every name that a species may begin with: genera and German names."""
    rows = read_table(_PACKAGE, "species.csv")
    return tuple(name for row in rows for name in (row["genus"], *row["german"].split(";")))


def known_genus(species: str) -> str | None:
    """Return the botanical genus of a species' botanical or German name, None where it is not known.

    Examples
    --------
    >>> known_genus("Tilia cordata 'Greenspire'"), known_genus("Winterlinde"), known_genus("Tillia")
    ('Tilia', 'Tilia', None)
    """
    words = species.strip().lower().replace("-", "")
    first = words.split(" ")[0] if words else ""
    return _genera().get(words) or _genera().get(first)


@cache
def _curves() -> Mapping[str, Mapping[str, str]]:
    return {row["genus"]: row for row in read_table(_PACKAGE, "growth.csv")}


def size_after(genus: str, years: float) -> dict[str, float]:
    """Return height [m], crown diameter [m] and trunk circumference [cm] of a tree some years after planting.

    Parameters
    ----------
    genus : str
        Botanical genus; one without a curve of its own grows as the mean of all.
    years : float
        Since planting; 0 = nursery size. Beyond 100 years the curve is held.

    Examples
    --------
    >>> size_after("Tilia", 0)["height"], round(size_after("Tilia", 20)["crown_diameter"], 1)
    (6.0, 4.2)
    """
    planting = _curves()["planting"]
    curve = _curves().get(genus, _curves()["*"])
    age = min(max(years, 1.0), 100.0)
    grown = {name: float(curve[f"{name}_a"]) * age ** float(curve[f"{name}_b"]) for name in _SIZES}
    young = {name: float(planting[f"{name}_a"]) for name in _SIZES}
    return {name: max(young[name], grown[name]) if years > 0 else young[name] for name in _SIZES}
