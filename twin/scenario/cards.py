"""Results as cards: name, indicators, measures and how they came about, without their layers, so that hundreds are quick."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from twin.errors import InputError
from twin.language import text
from twin.scenario.measures import COLUMNS as MEASURE_COLUMNS
from twin.scenario.results import FORMAT, Result
from twin.scenario.safe_files import MANIFEST, restore

__all__ = ["Card", "card_of", "key"]


@dataclass(frozen=True, eq=False)
class Card:
    """A result without its layers."""

    name: str
    values: Mapping[str, float]
    """Value of each indicator by :func:`key`: name and time."""
    measure_rows: Sequence[Mapping[str, Any]]
    provenance: Mapping[str, Any]
    compared: bool
    """Whether the run was compared with measurements."""
    timezone: str
    place: str
    """Folder, or the name of a result that was not saved."""
    result: Callable[[], Result]
    """Gives the result with its layers."""

    table: Callable[[], pd.DataFrame]
    """Gives the indicator table."""

    @cached_property
    def indicators(self) -> pd.DataFrame:
        """Table of indicators."""
        return self.table()

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Report of the measures (``twin.scenario.measures.COLUMNS``)."""
        return pd.DataFrame(list(self.measure_rows), columns=list(MEASURE_COLUMNS)).astype(MEASURE_COLUMNS)

    def total(self, column: str) -> float:
        """Return the sum of a column of the measures, such as ``"cost"`` [EUR]."""
        return float(sum(row[column] for row in self.measure_rows))

    @property
    def grid(self) -> Mapping[str, Any]:
        """Cells, resolution [m] and CRS."""
        return dict(self.provenance.get("grid", {}))

    @property
    def version(self) -> str:
        """Version of urban-twin that has made it."""
        return str(self.provenance.get("versions", {}).get("urban-twin", ""))


def key(name: str, stamp: str) -> str:
    """Return what names an indicator and its time in all results; ``stamp`` is "" or begins "2022-07-19T14:00"."""
    return f"{name} {stamp[:16]}"


def card_of(source: Result | str | PathLike[str]) -> Card:
    """Return the card of a result in memory or in a folder.

    Parameters
    ----------
    source : Result or path
        Result, or the folder a run has written.

    Raises
    ------
    InputError
        If there is no result, or none that this version reads.
    """
    if isinstance(source, Result):
        return _of_memory(source)
    folder = Path(source)
    restore(folder.absolute())
    if not (folder / MANIFEST).is_file():
        raise InputError(text("scenario.result_missing", folder=folder))
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            found = manifest["format"]
            raise InputError(text("scenario.result_version", folder=folder, found=found, known=FORMAT))
        with (folder / "indicators.csv").open(encoding="utf-8", newline="") as file:
            values = {key(row["name"], row["time"]): float(row["value"] or "nan") for row in csv.DictReader(file)}
        return Card(
            name=manifest["name"],
            values=values,
            measure_rows=manifest.get("measures", []),
            provenance=manifest["provenance"],
            compared=bool(manifest["check"]["compared"]),
            timezone=manifest["scenario"].get("timezone", "Europe/Berlin"),
            place=folder.name,
            result=partial(Result.open, folder),
            table=partial(read_indicators, folder / "indicators.csv"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(text("scenario.result_broken", folder=folder, reason=error)) from error


def _of_memory(source: Result) -> Card:
    rows = source.indicators
    stamps = rows["time"].dt.strftime("%Y-%m-%dT%H:%M").fillna("")
    return Card(
        name=source.name,
        values={key(n, t): v for n, t, v in zip(rows["name"], stamps, rows["value"], strict=True)},
        measure_rows=[{str(k): v for k, v in row.items()} for row in source.measures.to_dict("records")],
        provenance=source.provenance,
        compared=source.check.compared,
        timezone=source.scenario.timezone,
        place=source.scenario.stem,
        result=lambda: source,
        table=lambda: source.indicators,
    )


def read_indicators(file: Path) -> pd.DataFrame:
    """Return the indicator table that a run has written."""
    table = pd.read_csv(file)
    table["time"] = pd.to_datetime(table["time"]).dt.tz_localize(None).astype("datetime64[ns]")
    return table
