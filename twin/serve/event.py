"""The event file: what citizens are asked, what they may place, until when their words are kept, and who answers for it."""

from __future__ import annotations

import datetime as dt
import tomllib
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from twin.errors import InputError
from twin.language import text

__all__ = ["KINDS", "Event", "MeasureOffer", "Question", "Topic", "WhatIf", "Words", "read_event", "said"]

KINDS = ("plant_trees", "shade_sail", "unseal", "swale", "green_roof")
"""Measures that citizens may place."""

_UNITS = {"plant_trees": "tree", "shade_sail": "m2", "unseal": "m2", "swale": "m2", "green_roof": "m2"}
_KEY = r"^[a-z0-9][a-z0-9_-]{0,39}$"


def _spread(value: Any) -> Any:
    return {"de": value, "en": value, "ls": value} if isinstance(value, str) else value


Words = Annotated[dict[Literal["de", "en", "ls"], str], Field(min_length=1), BeforeValidator(_spread)]
"""A text by language, or one for all."""


def said(words: dict[Any, str], language: str) -> str:
    """Return words in a language, else in German or English, whichever there are.

    Examples
    --------
    >>> said({"de": "Schatten"}, "ls"), said({"en": "shade", "de": "Schatten"}, "en")
    ('Schatten', 'shade')
    """
    for tongue in (language, "de", "en", *words):
        if words.get(tongue):
            return words[tongue]
    return ""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Topic(_Part):
    """[[topic]]: what comments are about."""

    key: str = Field(pattern=_KEY, description="Short name in exports.")
    label: Words


class Question(_Part):
    """[[question]]: one question of the survey."""

    key: str = Field(pattern=_KEY)
    kind: Literal["choice", "scale", "text"] = "choice"
    label: Words
    options: tuple[Topic, ...] = Field(default=(), max_length=12, description="Answers to choose from.")

    @model_validator(mode="after")
    def _has_options(self) -> Question:
        if (self.kind == "choice") != bool(self.options):
            raise ValueError(text("participation.question_options", key=self.key))
        return self


class NamedPlace(_Part):
    """[[place]]: a place that answers speak of, such as a bus stop; metres in the city's reference system."""

    name: Words
    x: float
    y: float
    radius: float = Field(default=6.0, gt=0, le=100)


class MeasureOffer(_Part):
    """[[what_if.measure]]: what may be placed, and how much of it."""

    kind: Literal["plant_trees", "shade_sail", "unseal", "swale", "green_roof"]
    label: Words | None = None
    max: float = Field(gt=0, le=10000, description="Most trees, or square metres, in one idea.")
    species: str = Field(default="Tilia cordata", description="Tree, where none is named.")
    after: float = Field(default=20.0, ge=0, le=100, description="Years after planting that are looked at.")

    @property
    def unit(self) -> str:
        """What is counted: tree or m2."""
        return _UNITS[self.kind]


_OFFERS = tuple(
    MeasureOffer(kind=kind, max=most)  # type: ignore[arg-type]
    for kind, most in (
        ("plant_trees", 20),
        ("shade_sail", 400),
        ("unseal", 2000),
        ("swale", 1000),
        ("green_roof", 3000),
    )
)


class WhatIf(_Part):
    """[what_if]: whether and what citizens may try."""

    enabled: bool = True
    budget: float | None = Field(default=None, gt=0, description="Most that one idea may cost [EUR].")
    area: tuple[float, float, float, float] | None = Field(default=None, description="West, south, east, north [m].")
    storm: str | None = Field(default=None, description="Scenario file whose rain is used for the estimate of a storm.")
    measure: tuple[MeasureOffer, ...] = Field(default=_OFFERS, min_length=1)
    most: int = Field(default=12, ge=1, le=50, description="Most measures in one idea.")
    queue: int = Field(default=30, ge=1, le=500, description="Most ideas that wait to be computed.")
    seconds: float = Field(default=60.0, gt=1, le=600, description="Longest time one idea is computed.")


class Participation(_Part):
    """[participation]: which ways to take part are open."""

    comments: bool = True
    votes: bool = True
    variants: bool = Field(default=True, description="Ideas may be saved and published.")
    per_minute: int = Field(default=10, ge=1, le=600, description="Most entries of one device in a minute.")
    most_comments: int = Field(default=50, ge=1, le=1000, description="Most comments of one device.")


class Kiosk(_Part):
    """[kiosk]: a touch table."""

    idle_seconds: int = Field(default=90, ge=10, le=3600)


class Event(_Part):
    """One participation event; the keys of the file."""

    title: Words
    text: Words | None = Field(default=None, description="What it is about, in two sentences.")
    languages: tuple[Literal["de", "en", "ls"], ...] = Field(default=("de", "en", "ls"), min_length=1)
    retention_date: dt.date | None = Field(default=None, description="From this day on all entries are deleted.")
    responsible: str = Field(default="", max_length=400, description="Who answers for the event (name, address).")
    contact: str = Field(default="", max_length=200, description="Where questions and barriers are reported.")
    enforcement: str = Field(default="", max_length=400, description="Body to turn to about barriers (BITV 2.0).")
    topic: tuple[Topic, ...] = Field(
        default=(
            Topic(key="heat", label={"de": "Hitze", "en": "Heat", "ls": "Hitze"}),
            Topic(key="water", label={"de": "Regen", "en": "Rain", "ls": "Regen"}),
            Topic(key="other", label={"de": "Sonstiges", "en": "Other", "ls": "Etwas anderes"}),
        ),
        min_length=1,
        max_length=20,
    )
    question: tuple[Question, ...] = Field(default=(), max_length=30)
    place: tuple[NamedPlace, ...] = Field(default=(), max_length=200)
    participation: Participation = Participation()
    what_if: WhatIf = WhatIf()
    kiosk: Kiosk = Kiosk()


def read_event(path: str | PathLike[str] | None, *, title: str = "") -> Event:
    """Return the event of a file, checked; without a file one that is open for trying and has no survey.

    Parameters
    ----------
    path : path or None
        TOML file.
    title : str
        Of an event without a file.

    Raises
    ------
    InputError
        If the file is missing, no TOML, or a key is wrong; all problems are named at once.
    """
    if path is None:
        return Event(title=title or "Urban twin")  # type: ignore[arg-type]
    file = Path(path)
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(text("participation.event_unreadable", file=file, reason=reason)) from None
    try:
        event = Event.model_validate(settings)
    except ValidationError as error:
        listed = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        )
        raise InputError(text("participation.event_wrong", file=file.name, problems=listed)) from None
    keys = [one.key for one in event.topic]
    if len(set(keys)) < len(keys):
        raise InputError(text("participation.event_wrong", file=file.name, problems="topic: " + ", ".join(keys)))
    return event
