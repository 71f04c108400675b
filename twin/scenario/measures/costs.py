"""What measures cost to build and to keep, by unit, from a table with its sources; a town's own figures win."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.layers import read_table
from twin.errors import InputError
from twin.language import text

__all__ = ["Cost", "cost_table"]

_COLUMNS = ("kind", "variant", "unit", "cost", "low", "high", "maintenance", "lifetime", "basis", "source", "year")


@dataclass(frozen=True)
class Cost:
    """Costs of one unit of a measure."""

    unit: str
    cost: float
    """[EUR] to build one unit."""
    low: float
    high: float
    maintenance: float
    """[EUR/a] to keep one unit."""
    lifetime: float
    """[a]; NaN where nothing wears out."""
    basis: str
    source: str
    year: str

    def yearly(self, amount: float) -> float:
        """Return the costs of a year [EUR/a]: building spread over the lifetime, and keeping."""
        spread = self.cost / self.lifetime if self.lifetime > 0 else 0.0
        return amount * (spread + self.maintenance)


def _number(row: Mapping[str, str], name: str, otherwise: float, where: str) -> float:
    value = (row.get(name) or "").strip()
    try:
        return float(value) if value else otherwise
    except ValueError:
        raise InputError(text("measures.cost_number", where=where, column=name, value=value)) from None


def _cost(row: Mapping[str, str], where: str) -> Cost:
    cost = _number(row, "cost", float("nan"), where)
    if not cost >= 0:
        raise InputError(text("measures.cost_number", where=where, column="cost", value=row.get("cost", "")))
    return Cost(
        unit=row["unit"],
        cost=cost,
        low=_number(row, "low", cost, where),
        high=_number(row, "high", cost, where),
        maintenance=_number(row, "maintenance", 0.0, where),
        lifetime=_number(row, "lifetime", float("nan"), where),
        basis=row.get("basis") or "own",
        source=row.get("source") or Path(where).name,
        year=row.get("year") or "",
    )


def cost_table(own: Path | None = None) -> dict[tuple[str, str], Cost]:
    """Return costs by kind and variant of measure.

    Parameters
    ----------
    own : pathlib.Path, optional
        CSV of the town with the columns of ``tables/costs.csv``; its rows take the place of ours.

    Raises
    ------
    InputError
        If the file lacks a column, names a measure that is not known, or holds text where a number must be.

    Examples
    --------
    >>> round(cost_table()["unseal", "grass"].yearly(100.0))
    325
    """
    table = {
        (row["kind"], row["variant"]): _cost(row, "costs.csv")
        for row in read_table("twin.scenario.measures", "costs.csv")
    }
    if own is None:
        return table
    lines = [one for one in own.read_text(encoding="utf-8-sig").splitlines() if one.strip() and not one.startswith("#")]
    reader = csv.DictReader(lines)
    missing = [name for name in ("kind", "variant", "unit", "cost") if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(text("measures.cost_columns", file=own, missing=", ".join(missing), known=", ".join(_COLUMNS)))
    for row in reader:
        key = (row["kind"], row["variant"] or "")
        if key not in table:
            known = ", ".join(" ".join(one).strip() for one in table)
            raise InputError(text("measures.cost_kind", file=own, kind=" ".join(key).strip(), known=known))
        if row["unit"] != table[key].unit:
            raise InputError(text("measures.cost_unit", file=own, kind=key[0], given=row["unit"], unit=table[key].unit))
        table[key] = _cost(row, str(own))
    return table
