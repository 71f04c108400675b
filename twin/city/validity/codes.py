"""The codes of findings: number, name and meaning, read once from ``tables/codes.csv``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from models.layers import read_table

__all__ = ["Code", "codes"]


@dataclass(frozen=True)
class Code:
    """One kind of finding.

    Parameters
    ----------
    number : int
        Code of val3dity.
    name : str
        Its name, such as ``SHELL_NOT_CLOSED``.
    level : str
        Primitive concerned: ring, polygon, shell, solid, composite, building or primitive.
    mended : bool
        Whether ``City.repair`` turns it right.
    meaning : dict
        One sentence for each language.
    """

    number: int
    name: str
    level: str
    mended: bool
    meaning: dict[str, str]


@cache
def codes() -> dict[int, Code]:
    """Return all codes by number.

    Examples
    --------
    >>> codes()[302].name
    'SHELL_NOT_CLOSED'
    """
    return {
        int(row["code"]): Code(
            int(row["code"]),
            row["name"],
            row["level"],
            row["mended"] == "yes",
            {"en": row["meaning_en"], "de": row["meaning_de"]},
        )
        for row in read_table("twin.city.validity", "codes.csv")
    }
