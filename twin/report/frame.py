"""What every part of a report needs: the run, the language, and how things are said in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.language import text
from twin.view import labels

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["Frame"]


@dataclass(frozen=True, eq=False)
class Frame:
    """A run told in one language.

    Parameters
    ----------
    result : Result
        The run.
    language : {"en", "de"}
        Language of all words.
    """

    result: Result
    language: str

    @property
    def zone(self) -> str:
        """Local time zone."""
        return str(self.result.scenario.timezone)

    @property
    def place(self) -> str:
        """Name of the city or district."""
        city = self.result.city
        named = city.name if city is not None else ""
        return str(named or self.result.site.attrs.get("city") or self.result.name)

    @property
    def cell(self) -> float:
        """Cell size [m]."""
        x = self.result.site["x"].values
        return abs(float(x[1] - x[0]))

    def cell_text(self) -> str:
        """Return the cell size as people write it."""
        return labels.number(self.cell, 0 if self.cell.is_integer() else 2, self.language)

    def say(self, key: str, **values: Any) -> str:
        """Return a text of ``texts/report.*.toml``."""
        return text(f"report.{key}", self.language, **values)

    def clock(self, time: np.datetime64) -> str:
        """Return a UTC time as local time of day."""
        return labels.clock(time, self.language, self.zone)

    def share(self, value: float) -> str:
        """Return a share 0..1 as a percentage."""
        return labels.share(value, self.language)

    def number(self, value: float, digits: int = 1) -> str:
        """Return a number as people write it."""
        return labels.number(value, digits, self.language)

    def value(self, name: str, column: str = "value") -> float:
        """Return the first row of an indicator, NaN where the run has none."""
        rows = self.result.indicators
        found = rows.loc[rows["name"] == name, column]
        return float(found.iloc[0]) if len(found) else float("nan")

    def columns(self, *names: str) -> list[str]:
        """Return column headings."""
        return [self.say(f"column_{name}") for name in names]
