"""What all measures have in common: their keys, what they touch, and how a table beside them is read."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from models.layers import read_table
from twin.language import text
from twin.scenario.measures.change import Change, Done
from twin.scenario.measures.places import Placed

__all__ = ["LINE", "POINT", "POLYGON", "Measure", "default_layers"]

POINT, LINE, POLYGON = "Point", "LineString", "Polygon"

_PACKAGE = "twin.scenario.measures"


def default_layers(kind: str, variant: str = "", **given: float | None) -> dict[str, float]:
    """Return the layer values of a treated ground: those given, else those of ``tables/properties.csv``."""
    rows = read_table(_PACKAGE, "properties.csv")
    table = {row["layer"]: float(row["value"]) for row in rows if (row["kind"], row["variant"]) == (kind, variant)}
    return table | {name: value for name, value in given.items() if value is not None}


class Measure(Placed):
    """One ``[[measure]]``: where it lies and what it does to the city."""

    TAKES: ClassVar[tuple[str, ...]] = ("polygon", "geometry", "file")
    """Keys of a place that make sense for this measure."""
    TOUCHES: ClassVar[tuple[str, ...]] = ()
    """Site layers that may change."""

    kind: str = Field(description="Which measure.")
    name: str = Field(default="", description="Name in reports.")

    @model_validator(mode="after")
    def _place_makes_sense(self) -> Measure:
        if self.where not in self.TAKES:
            raise ValueError(text("measures.place_not_taken", given=self.where, allowed=", ".join(self.TAKES)))
        return self

    def apply(self, change: Change) -> Done:
        """Change the city's tables; what cannot be is noted in ``change.problems``.

        Parameters
        ----------
        change : Change
            The city as the measures before have left it.

        Returns
        -------
        Done
            What was done.
        """
        raise NotImplementedError(type(self).__name__)

    @property
    def touches(self) -> tuple[str, ...]:
        """Site layers that this measure may change."""
        return self.TOUCHES

    def settings(self) -> dict[str, Any]:
        """Return the keys as they stand in the file."""
        return self.model_dump(mode="json", exclude_defaults=True)
