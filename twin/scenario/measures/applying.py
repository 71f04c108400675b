"""Measures applied in order, all problems told at once before anything is computed, and what each has done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from twin.city import gaps as gap_table
from twin.city.model import City
from twin.errors import InputError
from twin.language import text
from twin.scenario.measures.change import Change
from twin.scenario.measures.costs import cost_table
from twin.scenario.measures.kinds import Measure

__all__ = ["COLUMNS", "apply_measures", "empty_report"]

COLUMNS = {
    "number": "int64",
    "kind": "object",
    "name": "object",
    "variant": "object",
    "count": "int64",
    "amount": "float64",
    "unit": "object",
    "layers": "object",
    "cost": "float64",
    "cost_low": "float64",
    "cost_high": "float64",
    "maintenance": "float64",
    "lifetime": "float64",
    "yearly": "float64",
    "basis": "object",
    "source": "object",
    "year": "object",
}
"""Columns of the report: cost, cost_low, cost_high [EUR], maintenance and yearly [EUR/a], lifetime [a]."""


def empty_report() -> pd.DataFrame:
    """Return the report of a run without measures."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})


def apply_measures(
    city: City,
    measures: Sequence[Measure],
    *,
    area: tuple[float, float, float, float] | None = None,
    folder: Path | None = None,
    costs: Path | None = None,
    where: str = "scenario",
) -> tuple[City, pd.DataFrame]:
    """Return the city after measures, and what each has done and costs.

    Parameters
    ----------
    city : City
        Baseline; it stays as it is.
    measures : sequence of Measure
        In the order they are carried out.
    area : tuple of float, optional
        West, south, east, north [m] in which they may lie; by default the city's area, else its extent.
    folder : pathlib.Path, optional
        Folder that files of measures are relative to.
    costs : pathlib.Path, optional
        The town's own cost table.
    where : str
        Name of the scenario in sentences.

    Returns
    -------
    city : City
        A new one, with gap rows about what measures had to assume.
    report : pandas.DataFrame
        One row a measure, columns :data:`COLUMNS`.

    Raises
    ------
    InputError
        With every problem of every measure, a sentence each.
    """
    if not measures:
        return city, empty_report()
    table = cost_table(costs)
    change = Change(city, folder or Path.cwd(), area or _extent(city))
    rows = []
    for number, measure in enumerate(measures, 1):
        change.number, change.kind = number, measure.kind
        done = measure.apply(change)
        cost = table[measure.kind, done.variant]
        amounts = {name: done.amount * getattr(cost, name) for name in ("cost", "low", "high", "maintenance")}
        rows.append(
            {
                "number": number,
                "kind": measure.kind,
                "name": measure.name,
                "variant": done.variant,
                "count": done.count,
                "amount": float(done.amount),
                "unit": cost.unit,
                "layers": " ".join(measure.touches),
                "cost": amounts["cost"],
                "cost_low": amounts["low"],
                "cost_high": amounts["high"],
                "maintenance": amounts["maintenance"],
                "lifetime": cost.lifetime,
                "yearly": cost.yearly(done.amount),
                "basis": cost.basis,
                "source": cost.source,
                "year": cost.year,
            }
        )
    problems = list(dict.fromkeys(change.problems))
    if len(problems) == 1:
        raise InputError(text("scenario.one_problem", file=where, problem=problems[0]))
    if problems:
        listed = " ".join(f"({i}) {problem}" for i, problem in enumerate(problems, 1))
        raise InputError(text("scenario.problems", file=where, count=len(problems), listed=listed))
    _say_estimates(rows, change)
    gaps = gap_table.join(change.city.gaps, change.log.table())
    return change.city.replace(gaps=gaps), pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _say_estimates(rows: list[dict], change: Change) -> None:
    guessed = sorted({row["kind"] for row in rows if row["basis"] == "estimate"})
    count = sum(row["basis"] == "estimate" for row in rows)
    change.log.add(
        "costs_estimated",
        layer="measures",
        severity="default",
        count=count,
        of=len(rows),
        places=guessed,
        default="costs.csv",
        kinds=", ".join(guessed),
    )


def _extent(city: City) -> tuple[float, float, float, float]:
    """Return where measures may lie: the city's area, else the extent of its tables and terrain."""
    if city.area is not None:
        return city.area
    tables = [t.total_bounds for t in (city.objects, city.trees, city.land_cover) if len(t)]
    if city.terrain is not None:
        x, y = city.terrain["x"].values, city.terrain["y"].values
        tables.append(np.array([x.min(), y.min(), x.max(), y.max()]))
    bounds = np.array([one for one in tables if np.isfinite(one).all()])
    if not len(bounds):
        raise InputError(text("measures.city_empty"))
    west, south = bounds[:, :2].min(axis=0)
    east, north = bounds[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)
