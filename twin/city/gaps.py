"""The gap table: every missing or doubtful thing in the city's data, with place, count and the default used.

Whoever fills, drops or doubts something writes a row through :class:`GapLog`. The sentences live in
``twin/texts/city.*.toml`` under ``gap_<code>`` and ``remedy_<code>``, so a row reads in German and in English.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from twin.language import default_language, text

__all__ = ["COLUMNS", "SEVERITIES", "GapLog", "empty", "from_json", "join", "sentences", "to_json"]

COLUMNS = ("code", "layer", "severity", "count", "of", "source", "places", "default", "values")
SEVERITIES = ("info", "default", "warning", "error")
_PLACES_KEPT = 20


def empty() -> pd.DataFrame:
    """Return a gap table without rows."""
    return pd.DataFrame({name: pd.Series(dtype="int64" if name in ("count", "of") else "object") for name in COLUMNS})


class GapLog:
    """Collects gap rows while a reader or the rasteriser works.

    Examples
    --------
    >>> log = GapLog()
    >>> log.add("crown_diameter_missing", layer="trees", severity="default", count=3, of=10, source="trees.csv",
    ...         places=["t1", "t2", "t3"], default="species and trunk regression")
    >>> log.table()[["code", "count"]].values.tolist()
    [['crown_diameter_missing', 3]]
    """

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def add(
        self,
        code: str,
        *,
        layer: str,
        severity: str,
        count: int,
        of: int = 0,
        source: str = "",
        places: Iterable[object] = (),
        default: str = "",
        **values: Any,
    ) -> None:
        """Write one row.

        Parameters
        ----------
        code : str
            What is wrong; ``gap_<code>`` and ``remedy_<code>`` name its texts.
        layer : str
            City table or site layer concerned.
        severity : {"info", "default", "warning", "error"}
            ``default`` means that a value was filled in.
        count, of : int
            How many are concerned, of how many.
        source : str
            File the data came from.
        places : iterable
            Ids or "x, y" texts of the first places concerned; up to 20 are kept.
        default : str
            What was used instead.
        **values
            Further values the texts of this code name.
        """
        if severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}, not {severity!r}")
        if count <= 0:
            return
        kept = [str(place) for _, place in zip(range(_PLACES_KEPT), places, strict=False)]
        row = (code, layer, severity, int(count), int(of), source, kept, default, dict(values))
        self._rows.append(dict(zip(COLUMNS, row, strict=True)))

    def extend(self, other: GapLog) -> None:
        """Take over the rows of another log."""
        self._rows.extend(other._rows)

    def table(self) -> pd.DataFrame:
        """Return the rows as a table with the columns :data:`COLUMNS`."""
        return pd.DataFrame(self._rows, columns=list(COLUMNS)) if self._rows else empty()


def join(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of several gap tables in order, each different row once."""
    rows = [row for table in tables for row in table.to_dict("records")]
    unique = {json.dumps(row, sort_keys=True, default=str): row for row in rows}
    return pd.DataFrame(list(unique.values()), columns=list(COLUMNS)) if unique else empty()


def sentences(table: pd.DataFrame, language: str | None = None) -> pd.DataFrame:
    """Return the gap table as people read it: severity, layer, message, places, default and remedy."""
    rows = []
    for row in table.to_dict("records"):
        names = {k: row[k] for k in ("count", "of", "source", "default", "layer")} | row["values"]
        own = f"_{language or default_language()}"  # words that differ by language come as why_en, why_de
        names |= {key.removesuffix(own): value for key, value in row["values"].items() if key.endswith(own)}
        rows.append(
            {
                "severity": row["severity"],
                "layer": row["layer"],
                "message": text(f"city.gap_{row['code']}", language, **names),
                "places": ", ".join(row["places"][:5]) + (" …" if len(row["places"]) > 5 else ""),
                "default": row["default"],
                "remedy": text(f"city.remedy_{row['code']}", language, **names),
            }
        )
    return pd.DataFrame(rows, columns=["severity", "layer", "message", "places", "default", "remedy"])


def to_json(table: pd.DataFrame) -> str:
    """Return the table as JSON text, for the attributes of a site and for result folders."""
    return json.dumps(table.to_dict("records"), ensure_ascii=False, sort_keys=True, default=str)


def from_json(document: str) -> pd.DataFrame:
    """Return the table that :func:`to_json` wrote."""
    rows = json.loads(document)
    return pd.DataFrame(rows, columns=list(COLUMNS)) if rows else empty()
