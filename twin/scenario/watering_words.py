"""Why a tree is watered or not, in one sentence, and in plain language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from twin.language import text
from twin.scenario.wording import number

if TYPE_CHECKING:
    from models.water import WateringPlan

__all__ = ["date_words", "simple_sentence", "why"]


def date_words(date: pd.Timestamp, language: str) -> str:
    """Return a day as people write it.

    Examples
    --------
    >>> date_words(pd.Timestamp("2024-07-03"), "de"), date_words(pd.Timestamp("2024-07-03"), "en")
    ('3. Juli', '3 July')
    """
    month = text(f"trees.month_{date.month}", language)
    return text("trees.date", language, day=date.day, month=month)


def why(plan: WateringPlan, days: pd.DatetimeIndex, language: str) -> list[str]:
    """Return the reason of every tree with its numbers, in one sentence."""
    last = date_words(days[-1], language)
    found = []
    for row in plan.table.to_dict("records"):
        date = row["date"]
        values = {
            "date": "" if pd.isna(date) else date_words(date, language),
            "litres": number(row["litres"], 0, language),
            "need": number(row["need"], 0, language),
            "share": number(100 * max(row["now"], 0.0), 0, language),
            "water": number(100 * max(row["water"], 0.0), 0, language),
            "limit": number(100 * max(row["limit"], 0.0), 0, language),
            "chance": number(100 * row["probability"], 0, language),
            "layer": text(f"trees.layer_{row['layer']}", language),
            "rain": number(row["rain"], 0, language),
            "demand": number(row["demand"], 0, language),
            "age": number(row["age"], 0, language),
            "last": last,
        }
        sentence = text(f"trees.why_{row['reason']}", language, **values)
        if row["visits"] > 1:
            sentence += " " + text("trees.why_more", language, visits=row["visits"], **values)
        found.append(sentence)
    return found


def simple_sentence(plan: WateringPlan, language: str) -> list[str]:
    """Return what every tree needs in short, easy sentences (German: Leichte Sprache)."""
    found = []
    for row in plan.table.to_dict("records"):
        date = "" if pd.isna(row["date"]) else date_words(row["date"], language)
        # a bucket holds 10 litres
        buckets = max(1, round(row["litres"] / 10)) if row["litres"] else 0
        litres = number(row["litres"], 0, language)
        found.append(text(f"trees.simple_{row['reason']}", language, date=date, litres=litres, buckets=buckets))
    return found
