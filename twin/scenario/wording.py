"""What a comparison says in words: sentences in English and German made from its numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from twin.language import text
from twin.scenario.rules import rule_of

if TYPE_CHECKING:
    from twin.scenario.cards import Card
    from twin.scenario.comparison import Comparison

__all__ = ["number", "sentences", "unit_words"]

_TOLD = ("area_utci_above_38", "utci_mean", "shade_share", "canopy_share", "sealed_share", "bff", "people_utci_above_38",
         "cool_place_within_300", "flood_area_above_30", "flood_buildings_above_50", "rain_share_outflow")  # fmt: skip
_FELT = 0.1  # [K] change of UTCI from which ground counts as reached by the measures


def number(value: float, decimals: int, language: str, *, signed: bool = False) -> str:
    """Return a number with the signs of a language.

    Examples
    --------
    >>> number(-1234.5, 1, "de"), number(0.25, 1, "en", signed=True)
    ('−1.234,5', '+0.2')
    """
    plain = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
    if language == "de":
        plain = plain.translate(str.maketrans(",.", ".,"))
    return plain.replace("-", "−")


def unit_words(unit: str, language: str = "en", *, difference: bool = False) -> str:
    """Return a unit as people write it; a difference of temperatures is in kelvin."""
    if unit == "degC":
        return "K" if difference else "°C"
    if unit == "%" and difference:
        return text("comparison.percentage_points", language)
    return {"m2": "m²", "m3": "m³", "m3/m2": "m³/m²", "1": ""}.get(unit, unit)


def sentences(comparison: Comparison, card: Card, language: str) -> list[str]:
    """Return what one variant changes, costs and rests on.

    Parameters
    ----------
    comparison : Comparison
        All numbers.
    card : Card
        The variant.
    language : {"en", "de"}
        Language of the sentences.
    """
    from twin.scenario.indicators import labelled

    rows = comparison.table[comparison.table["variant"] == card.name].drop_duplicates("name")
    found = {str(row["name"]): dict(row) for _, row in labelled(rows, language).iterrows()}
    said = [text("comparison.opening", language, variant=card.name, baseline=comparison.baseline.name)]
    said += [_change(found[name], name, card.timezone, language) for name in _TOLD if name in found]
    said.append(_cooled(comparison, card, language))
    said += _costs(card, language)
    said.append("" if card.compared else text("comparison.unchecked", language))
    return [one for one in said if one]


def _change(row: Mapping[str, Any], name: str, timezone: str, language: str) -> str:
    if not (np.isfinite(row["difference"]) and np.isfinite(row["baseline"])):
        return ""
    decimals = int(rule_of(name)["decimals"])
    unit = str(row["unit"])
    when = ""
    if pd.notna(row["time"]) and name != "shade_share":  # its label names the hour
        local = row["time"].tz_localize("UTC").tz_convert(ZoneInfo(timezone))
        when = text("comparison.when", language, clock=f"{local:%H:%M}")
    difference = float(row["difference"])
    values: dict[str, Any] = {
        "label": row["label"],
        "when": when,
        "before": f"{number(row['baseline'], decimals, language)} {unit_words(unit, language)}".strip(),
        "after": f"{number(row['value'], decimals, language)} {unit_words(unit, language)}".strip(),
        "change": f"{number(abs(difference), decimals, language)} {unit_words(unit, language, difference=True)}".strip(),
    }
    key = "same" if abs(difference) < 10.0**-decimals else ("rises" if difference > 0 else "falls")
    return text(f"comparison.{key}", language, **values)


def _cooled(comparison: Comparison, card: Card, language: str) -> str:
    """Say where it is felt: ground that is cooler by 1 K or more at 14 o'clock, and by how much at most."""
    maps = comparison.maps.get(card.name)
    if maps is None or "utci_14" not in maps:
        return ""
    difference = maps["utci_14"].values
    cell = abs(float(maps["x"].values[1] - maps["x"].values[0])) ** 2
    reached = difference[np.abs(np.nan_to_num(difference)) >= _FELT]
    cooler, warmer = int((difference <= -1.0).sum()), int((difference >= 1.0).sum())
    if not cooler and not warmer:
        return text("comparison.cooled_nowhere", language)
    return text(
        "comparison.cooled",
        language,
        cooler=number(cooler * cell, 0, language),
        most=number(max(0.0, -float(np.nanmin(difference))), 1, language),
        warmer=number(warmer * cell, 0, language),
        reached=number(reached.size * cell, 0, language),
        mean=number(float(reached.mean()), 1, language, signed=True),
    )


def _costs(card: Card, language: str) -> list[str]:
    if not card.measure_rows:
        return []
    names = ("cost", "cost_low", "cost_high", "yearly")
    said = {name: number(round(card.total(name), -2), 0, language) for name in names}
    estimated = sum(row["basis"] == "estimate" for row in card.measure_rows)
    return [text("comparison.costs", language, count=len(card.measure_rows), estimated=estimated, **said)]
