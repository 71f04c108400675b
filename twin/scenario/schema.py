"""The scenario file: what is run, on which city, with which weather, and what is handed out.

A scenario is a TOML file. It is checked whole before anything is computed: every problem of the file is named in
one plain sentence, and a mistyped key is answered with the right one. Paths in it are relative to the file.
"""

from __future__ import annotations

import difflib
import tomllib
import typing
from os import PathLike
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, field_validator, model_validator

from twin.errors import InputError
from twin.language import text
from twin.scenario.baseline import with_baseline
from twin.scenario.measures import KINDS, AnyMeasure
from twin.scenario.parts import HandOuts, Part, PopulationSource, RainSource, Runs, WeatherSource

__all__ = ["Scenario", "json_schema", "parse_scenario", "read_scenario"]


class Scenario(Part):
    """A scenario: one run of the models on one city.

    Parameters are the keys of the file; see ``twin schema`` for all of them.

    Examples
    --------
    >>> scenario = Scenario(name="Hot day", city="city.toml", weather={"path": "weather.csv", "interval": "end"})
    >>> scenario.resolution, scenario.run.heat.outputs
    (1.0, ('tmrt', 'utci'))
    """

    name: str = Field(min_length=1, description="Title of the run.")
    city: str = Field(description="City profile (TOML), or a CityGML/CityJSON/vector file.")
    weather: WeatherSource | None = Field(default=None, description="Weather of a hot day; [run.heat] needs it.")
    rain: RainSource | None = Field(default=None, description="Rain of a storm; [run.water] needs it.")
    resolution: float = Field(default=1.0, ge=0.25, le=100, description="Cell size [m].")
    area: tuple[float, float, float, float] | None = Field(default=None, description="West, south, east, north [m].")
    timezone: str = Field(default="Europe/Berlin", description="Time zone of views and of 'local' hours.")
    run: Runs = Runs()
    measure: tuple[AnyMeasure, ...] = Field(default=(), description="Measures, carried out in this order.")
    costs: str | None = Field(default=None, description="The town's own costs of measures (CSV).")
    population: PopulationSource | None = Field(default=None, description="Where people live.")
    measurements: str | None = Field(
        default=None,
        description="What stations of the city have measured (CSV: station, time in UTC, variable, value).",
    )
    baseline: str | None = Field(
        default=None, description="Scenario file that says all that this one does not, and is compared with."
    )
    outputs: HandOuts = HandOuts()

    _file: Path | None = PrivateAttr(default=None)

    @field_validator("area")
    @classmethod
    def _area_in_order(cls, value: tuple[float, float, float, float] | None) -> Any:
        if value is None:
            return value
        west, south, east, north = value
        if west >= east or south >= north:
            raise ValueError(text("scenario.area_order", west=west, south=south, east=east, north=north))
        if max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90:
            raise ValueError(text("scenario.area_degrees"))
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(text("scenario.timezone_unknown", value=value)) from None
        return value

    @model_validator(mode="after")
    def _runs_have_what_they_need(self) -> Scenario:
        missing = [
            (table, run)
            for run, table in (("heat", "weather"), ("water", "rain"))
            if getattr(self.run, run) is not None and getattr(self, table) is None
        ]
        if missing:
            sentences = [text("scenario.run_needs", run=f"[run.{run}]", table=f"[{table}]") for table, run in missing]
            raise ValueError(" ".join(sentences))
        return self

    @property
    def file(self) -> Path | None:
        """The file the scenario was read from; None for one made in Python."""
        return self._file

    @property
    def folder(self) -> Path:
        """Folder that the scenario's paths are relative to."""
        return self._file.parent if self._file is not None else Path.cwd()

    @property
    def stem(self) -> str:
        """Short name for folders: the file's name without its ending, or the scenario's name."""
        if self._file is not None:
            return self._file.stem
        return "".join(c if c.isalnum() else "-" for c in self.name.lower()).strip("-") or "scenario"

    def resolve(self, path: str | PathLike[str]) -> Path:
        """Return a path of the scenario as seen from here."""
        return self.folder / Path(path).expanduser()

    def files(self) -> list[tuple[str, str]]:
        """Return the files that the scenario names: (where in the file, path as written)."""
        named: list[tuple[str, str | None]] = [("city", self.city)]
        if self.weather is not None:
            named += self.weather.files("weather")
        if self.rain is not None:
            named += [("[rain] table", self.rain.table), ("[rain] series", self.rain.series)]
            named.append(("[rain] store", self.rain.store_file()))
        named += [("[population] path", self.population.path if self.population is not None else None)]
        named += self.run.trees.files() if self.run.trees is not None else []
        named += self.run.mobility.files() if self.run.mobility is not None else []
        named += [("costs", self.costs), ("measurements", self.measurements), ("baseline", self.baseline)]
        named += [(f"[[measure]] {i} file", measure.file) for i, measure in enumerate(self.measure, 1)]
        return [(where, path) for where, path in named if path is not None]

    def output_folder(self) -> Path:
        """Return where the result goes: ``[outputs] folder``, else ``results/<stem>`` beside the current folder."""
        return self.resolve(self.outputs.folder) if self.outputs.folder else Path.cwd() / "results" / self.stem


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file, for editors that complete and check TOML."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Scenario.model_json_schema()


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables named in an annotation such as ``dict[str, Column]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]


def _keys_at(location: tuple[Any, ...]) -> list[str]:
    """Return the keys allowed at a place of the file."""
    model: type[BaseModel] = Scenario
    if location[:1] == ("measure",) and len(location) > 2:
        model, location = KINDS[str(location[2])], location[3:]
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:
            continue  # a name the user chose, such as that of a weather column
        models = _models_in(field.annotation)
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def _place(location: tuple[Any, ...]) -> str:
    if location[:1] == ("measure",) and len(location) > 1:
        key = ".".join(str(part) for part in location[3:] if isinstance(part, str))
        return (
            " ".join(filter(None, (text("measures.label", number=location[1] + 1, kind=location[2]), key)))
            if len(location) > 2
            else f"[[measure]] {location[1] + 1}"
        )
    named = [str(part) for part in location if isinstance(part, str)]
    return f"[{'.'.join(named[:-1])}] {named[-1]}" if len(named) > 1 else (named[0] if named else "")


def _sentence(problem: Any) -> str:
    """Return one problem pydantic found as a plain sentence."""
    kind, location, given = problem["type"], tuple(problem["loc"]), problem.get("input")
    context, where = problem.get("ctx", {}), _place(tuple(problem["loc"]))
    if kind.startswith("union_tag"):
        return _unknown_measure(location[1] + 1, context.get("tag"))
    if kind == "missing" and isinstance(location[-1], str):
        return text("scenario.problem_missing", where=where)
    if kind == "extra_forbidden":
        allowed = _keys_at(location[:-1])
        near = difflib.get_close_matches(str(location[-1]), allowed, 1)
        key = "scenario.problem_key_near" if near else "scenario.problem_key"
        return text(key, where=where, near=near[0] if near else "", allowed=", ".join(allowed))
    if kind == "literal_error":
        return text(
            "scenario.problem_choice", where=where, given=given, allowed=context["expected"].replace(" or ", ", ")
        )
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        bound = next(iter(context.values()))
        return text(f"scenario.problem_{kind}", where=where, given=given, bound=bound)
    if kind == "value_error":
        return f"{where}: {context['error']}" if where else str(context["error"])
    wanted = next(
        (w for w in ("float", "int", "string", "datetime", "tuple", "dict", "model") if kind.startswith(w)), ""
    )
    if kind in ("too_short", "missing"):
        wanted = "tuple"
    key = f"scenario.problem_{wanted}" if wanted else "scenario.problem_other"
    return text(key, where=where, given=given, reason=problem.get("msg", ""))


def _unknown_measure(number: int, given: str | None) -> str:
    allowed = ", ".join(KINDS)
    if given is None:
        return text("measures.kind_missing", number=number, allowed=allowed)
    near = difflib.get_close_matches(given, list(KINDS), 1)
    hint = text("measures.near", word=near[0]) if near else ""
    return text("measures.kind_unknown", number=number, given=given, near=hint, allowed=allowed)


def _sentences(error: ValidationError) -> list[str]:
    """Return the problems in the order of the file, without lists that are short only for their wrong entries."""
    problems = error.errors()
    inner = {tuple(problem["loc"])[:-1] for problem in problems}
    kept = [problem for problem in problems if problem["type"] != "too_short" or tuple(problem["loc"]) not in inner]
    return list(dict.fromkeys(_sentence(problem) for problem in kept))


def _refuse(problems: list[str], file: str) -> None:
    if len(problems) == 1:
        raise InputError(text("scenario.one_problem", file=file, problem=problems[0]))
    if problems:
        listed = " ".join(f"({i}) {problem}" for i, problem in enumerate(problems, 1))
        raise InputError(text("scenario.problems", file=file, count=len(problems), listed=listed))


def _missing_files(scenario: Scenario) -> list[str]:
    problems = []
    for where, path in scenario.files():
        if not scenario.resolve(path).exists():
            problems.append(text("scenario.file_missing", where=where, path=path, folder=scenario.folder.resolve()))
    return problems


def parse_scenario(settings: dict[str, Any], *, file: Path | None = None) -> Scenario:
    """Return the scenario that settings describe, or name every problem they have.

    Parameters
    ----------
    settings : dict
        Keys and tables as in the file.
    file : pathlib.Path, optional
        Where they came from; paths are relative to it.

    Raises
    ------
    InputError
        One sentence a problem, all at once.
    """
    named = file.name if file is not None else "scenario"
    settings = with_baseline(settings, file.parent if file is not None else Path.cwd())
    try:
        scenario = Scenario.model_validate(settings)
    except ValidationError as error:
        _refuse(_sentences(error), named)
        raise
    scenario._file = file
    _refuse(_missing_files(scenario), named)
    return scenario


def read_scenario(path: str | PathLike[str]) -> Scenario:
    """Return the scenario of a TOML file, checked.

    Parameters
    ----------
    path : path
        Scenario file.

    Raises
    ------
    InputError
        If the file is missing, not TOML, or anything in it is wrong; all problems are named at once.
    """
    file = Path(path)
    if file.is_dir() or not file.exists():
        raise InputError(text("scenario.not_found" if not file.exists() else "scenario.is_folder", file=path))
    raw = file.read_bytes()
    if not raw.strip():
        raise InputError(text("scenario.empty", file=file))
    try:
        settings = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(text("scenario.not_utf8", file=file)) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(text("scenario.not_toml", file=file, reason=str(error))) from None
    return parse_scenario(settings, file=file)
