"""The numbers of a result and its variants as rows for the browser, labelled in every language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from twin.language import EASY
from twin.scenario.indicators import labelled
from twin.scenario.results import Result
from twin.scenario.rules import rule_of
from twin.scenario.wording import unit_words
from twin.view.bundle_layers import ALL_LANGUAGES, words

__all__ = ["indicator_rows"]


def indicator_rows(results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """Return the rows of the baseline's own table with the values of all variants.

    ``better`` is 1 where more is better for people, -1 where less is, 0 where neither.
    """
    baseline = next(iter(results.values()))
    rows = baseline.table("en").reset_index(drop=True)
    names = {g: _labels(rows, g) for g in ALL_LANGUAGES}
    indexed = {key: _indexed(result.indicators) for key, result in results.items()}
    found = []
    for number, row in rows.iterrows():
        key = (str(row["name"]), "" if pd.isna(row["time"]) else pd.Timestamp(row["time"]).isoformat())
        rule = rule_of(row["name"])
        values = {variant: _number(table.get(key)) for variant, table in indexed.items()}
        first = next(iter(values.values()))
        difference = {
            variant: None if value is None or first is None else round(value - first, 10)
            for variant, value in list(values.items())[1:]
        }
        found.append(
            {
                "key": row["name"],
                "time": None if not key[1] else key[1] + "Z",
                "label": words(lambda g, n=int(str(number)): names[g][n]),  # type: ignore[misc]
                "unit": words(lambda g, u=str(row["unit"]): unit_words(u, "de" if g == EASY else g)),  # type: ignore[misc]
                "decimals": int(rule["decimals"]),
                "better": {"more": 1, "less": -1}.get(str(rule["better"]), 0),
                "values": values,
                "difference": difference,
            }
        )
    return found


def _labels(rows: pd.DataFrame, language: str) -> list[str]:
    return list(labelled(rows, "de" if language == EASY else language)["label"])


def _indexed(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    stamps = ["" if pd.isna(t) else pd.Timestamp(t).isoformat() for t in table["time"]]
    return dict(zip(zip(table["name"].astype(str), stamps, strict=True), table["value"].astype(float), strict=True))


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
