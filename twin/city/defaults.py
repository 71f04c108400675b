"""The loaders' default numbers, read once from ``tables/defaults.csv``."""

from __future__ import annotations

from functools import cache

from models.layers import read_table

__all__ = ["default"]


@cache
def _values() -> dict[str, float]:
    return {row["name"]: float(row["value"]) for row in read_table("twin.city", "defaults.csv")}


def default(name: str) -> float:
    """Return one default number.

    Examples
    --------
    >>> default("neighbour_margin")
    200.0
    """
    return _values()[name]
