"""Rules of indicators: what each counts, after whom, which direction is better, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from models.layers import read_table

__all__ = ["rule_of"]


@cache
def _rules() -> Mapping[str, Mapping[str, str]]:
    return {row["name"]: row for row in read_table("twin.scenario", "indicators.csv")}


def rule_of(name: str) -> Mapping[str, str]:
    """Return the row of an indicator in ``tables/indicators.csv``; thresholds and classes count for their stem.

    Examples
    --------
    >>> rule_of("area_utci_above_38")["better"], rule_of("made_up")["better"]
    ('less', '')
    """
    stem, _, last = name.rpartition("_")
    found = _rules().get(name) or (_rules().get(stem) if last.lstrip("-").isdigit() else None)
    return found or {"name": name, "better": "", "decimals": "1", "rule_en": "", "rule_de": "", "source": ""}
