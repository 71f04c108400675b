"""A comparison in a terminal or a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from twin.language import text
from twin.scenario.indicators import labelled
from twin.scenario.rules import rule_of
from twin.scenario.wording import number, unit_words

if TYPE_CHECKING:
    from twin.scenario.comparison import Comparison

__all__ = ["show_comparison"]

_MOST_COLUMNS = 5  # variants beside each other before the table turns into one row a variant


def show_comparison(comparison: Comparison, language: str) -> None:
    """Print the words, the table of differences and the ranking.

    Parameters
    ----------
    comparison : Comparison
        What is shown.
    language : {"en", "de"}
        Language.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console()
    cards = comparison.variants[:_MOST_COLUMNS]
    table = labelled(comparison.table, language)
    title = text("comparison.table_title", language, baseline=comparison.baseline.name)
    grid = Table(title=title, title_justify="left")
    grid.add_column(text("scenario.column_indicator", language))
    for name in (comparison.baseline.name, *(card.name for card in cards)):
        grid.add_column(name, justify="right")
    for _, rows in table.groupby("key", sort=False):
        first, by = rows.iloc[0], {str(row["variant"]): dict(row) for _, row in rows.iterrows()}
        decimals, unit = int(rule_of(first["name"])["decimals"]), str(first["unit"])
        cells = [f"{number(first['baseline'], decimals, language)} {unit_words(unit, language)}"]
        for card in cards:
            known = card.name in by and pd.notna(by[card.name]["difference"])
            if not known:
                cells.append("–")
                continue
            better = int(by[card.name]["better"])
            colour = {1: "green", -1: "red"}.get(better, "default")
            shown = number(float(by[card.name]["difference"]), decimals, language, signed=True)
            cells.append(f"[{colour}]{shown} {unit_words(unit, language, difference=True)}[/]")
        grid.add_row(str(first["label"]), *cells)
    console.print(grid)
    _show_ranking(comparison, language, console)
    for paragraph in comparison.text(language).split("\n\n")[:_MOST_COLUMNS]:
        console.print(paragraph)
    left = len(comparison.variants) - len(cards)
    if left:
        console.print(text("comparison.more_variants", language, count=left))


def _show_ranking(comparison: Comparison, language: str, console) -> None:  # type: ignore[no-untyped-def]
    from rich.table import Table

    ranked = comparison.ranking[comparison.ranking["rank"].notna()]
    if not len(ranked):
        return
    grid = Table(title=text("comparison.ranking_title", language), title_justify="left")
    for name in ("effect", "variant", "improvement", "yearly", "per_effect"):
        grid.add_column(text(f"comparison.column_{name}", language))
    names = labelled(pd.DataFrame({"name": ranked["effect"]}), language)["label"]
    for label, row in zip(names, ranked.to_dict("records"), strict=True):
        unit = unit_words(row["unit"], language, difference=True)
        decimals = int(rule_of(row["effect"])["decimals"])
        amount = f"{number(row['improvement'], decimals, language)} {unit}"
        yearly, per = number(row["yearly"], 0, language), number(row["per_effect"], 2, language)
        grid.add_row(str(label), row["variant"], amount, f"{yearly} €/a", f"{per} € / {unit or '1'}")
    console.print(grid)
