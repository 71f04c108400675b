"""Bodies of requests, checked before anything else looks at them; the same models make the OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from twin.language import text
from twin.serve.event import KINDS

__all__ = [
    "BODIES",
    "CommentBody",
    "DeviceBody",
    "ModerationBody",
    "SurveyBody",
    "TriedMeasure",
    "VariantBody",
    "VoteBody",
    "WhatIfBody",
    "problems",
]

Metre = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Point = tuple[Metre, Metre]
Target = Annotated[str, StringConstraints(pattern=r"^(variant|comment):[0-9]{1,12}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^(baseline|variant:[0-9]{1,12})$")]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class DeviceBody(_Body):
    """Nothing is needed for a device token."""


class TriedMeasure(_Body):
    """One thing placed: trees at points, or an area, or a building."""

    kind: Literal["plant_trees", "shade_sail", "unseal", "swale", "green_roof"]
    points: tuple[Point, ...] | None = Field(default=None, min_length=1, max_length=100)
    polygon: tuple[Point, ...] | None = Field(default=None, min_length=3, max_length=200)
    building: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    species: Annotated[str, StringConstraints(min_length=2, max_length=60)] | None = None
    height: float | None = Field(default=None, ge=1, le=40)

    @model_validator(mode="after")
    def _placed(self) -> TriedMeasure:
        wanted = {"plant_trees": ("points",), "green_roof": ("building", "polygon")}.get(self.kind, ("polygon",))
        given = [name for name in ("points", "polygon", "building") if getattr(self, name) is not None]
        if len(given) != 1 or given[0] not in wanted:
            raise ValueError(text("participation.measure_place", kind=self.kind, wanted=" / ".join(wanted)))
        return self


class WhatIfBody(_Body):
    """An idea to be computed."""

    variant_of: Reference = "baseline"
    measures: tuple[TriedMeasure, ...] = Field(min_length=1, max_length=50)
    lang: Literal["de", "en", "ls"] = "de"
    time: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\dZ$")] | None = None
    storm: bool = False


class VariantBody(_Body):
    """A computed idea to be kept under a title."""

    job: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    title: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    author: Annotated[str, StringConstraints(max_length=60)] = ""


class CommentBody(_Body):
    """A comment at a place."""

    x: Metre
    y: Metre
    variant: Reference | None = None
    topic: Key
    text: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class VoteBody(_Body):
    """A vote; 0 takes it back."""

    target: Target
    value: Literal[1, -1, 0]


class SurveyBody(_Body):
    """Answers by question."""

    answers: dict[Key, Annotated[str, StringConstraints(max_length=1000)] | Annotated[int, Field(ge=1, le=5)]] = Field(
        max_length=30
    )


class ModerationBody(_Body):
    """What a moderator decides."""

    state: Literal["approved", "rejected"]
    reason: Annotated[str, StringConstraints(max_length=300)] = ""


BODIES: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (DeviceBody, WhatIfBody, VariantBody, CommentBody, VoteBody, SurveyBody, ModerationBody)
}
assert set(KINDS) == set(TriedMeasure.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]


def problems(error: Any) -> str:
    """Return what pydantic found as one short sentence."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return (
        f"{where}: {first['msg'].removeprefix('Value error, ')}"
        if where
        else first["msg"].removeprefix("Value error, ")
    )
