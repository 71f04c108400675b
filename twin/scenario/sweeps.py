"""Many scenarios, side by side: one task each, what they share computed once, failures told one by one.

Scenarios of one city, area and resolution share the sky geometry that is kept on disk (:mod:`twin.scenario.geometry_cache`).
So that no two workers make it at the same time, one scenario of each such group goes first; the others find it there
and work out only what their measures change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from twin.errors import InputError, sentence
from twin.language import default_language, text
from twin.scenario.schema import Scenario, read_scenario
from twin.scenario.tiles_workers import in_order

__all__ = ["Outcome", "find_scenarios", "sweep"]

Save = Callable[[Any, Path], Any]
"""Writes a result into a folder."""


@dataclass(frozen=True)
class Outcome:
    """What became of one scenario."""

    number: int
    """Place in the order in which they were given."""
    name: str
    file: str
    folder: Path
    seconds: float
    reason: str = ""
    """Why it failed, in one sentence; empty where it did not."""
    bad_input: bool = False
    """Whether it failed for what it says."""

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return not self.reason


def find_scenarios(given: Iterable[str | PathLike[str]]) -> list[Path]:
    """Return scenario files: those named, those in folders, and those that patterns fit.

    Parameters
    ----------
    given : iterable of path
        Files, folders (their ``*.toml`` that are scenarios), and patterns such as ``variants/*.toml``.

    Raises
    ------
    InputError
        If nothing is found.
    """
    import glob

    found: list[Path] = []
    for one in given:
        path = Path(one)
        if path.is_dir():
            files = [file for file in sorted(path.glob("*.toml")) if _is_scenario(file)]
        elif any(sign in str(one) for sign in "*?[") and not path.exists():
            files = [Path(file) for file in sorted(glob.glob(str(one)))]
        else:
            files = [path]
        if not files:
            raise InputError(text("tiles.sweep_none", given=one))
        found += files
    return list(dict.fromkeys(found))


def _is_scenario(file: Path) -> bool:
    """Tell whether a file is meant as a scenario: it has a name, and a city or a baseline."""
    import tomllib

    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return True  # whoever reads it says what is wrong
    return "name" in settings and bool({"city", "baseline"} & settings.keys())


@dataclass(frozen=True)
class _Task:
    """One scenario of a sweep, as a worker gets it."""

    number: int
    file: Path | None
    settings: Mapping[str, Any]
    name: str
    folder: Path
    language: str
    save: Save | None


def _carry_out(task: _Task) -> Outcome:
    """Run a scenario into its folder; what goes wrong is told, not raised."""
    import os

    from twin.scenario.execution import run
    from twin.scenario.safe_files import claimed, full_disk
    from twin.scenario.schema import parse_scenario

    os.environ["TWIN_LANG"] = task.language
    started = time.monotonic()
    told: dict[str, Any] = {"number": task.number, "name": task.name, "folder": task.folder}
    told["file"] = str(task.file) if task.file is not None else task.name
    try:
        scenario = parse_scenario(dict(task.settings), file=task.file)
        if task.save is None:
            run(scenario, output=task.folder, progress=False)
        else:
            with claimed(task.folder):
                task.save(run(scenario, progress=False), task.folder)
    except InputError as error:
        return Outcome(**told, seconds=time.monotonic() - started, reason=sentence(error), bad_input=True)
    except Exception as error:
        if full_disk(error):
            reason = text("scenario.disk_full", folder=task.folder.parent)
        else:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return Outcome(**told, seconds=time.monotonic() - started, reason=reason)
    return Outcome(**told, seconds=time.monotonic() - started)


def _group(scenario: Scenario) -> tuple[Any, ...]:
    """Return what scenarios have in common that share their geometry."""
    return scenario.resolve(scenario.city).resolve(), scenario.area, scenario.resolution


def _folders(scenarios: Sequence[Scenario], into: str | PathLike[str] | None) -> list[Path]:
    """Return the folder of each result, and refuse two in one place."""
    folders = [Path(into) / one.stem if into is not None else one.output_folder() for one in scenarios]
    taken: dict[Path, Scenario] = {}
    for folder, scenario in zip(folders, scenarios, strict=True):
        other = taken.setdefault(folder.absolute(), scenario)
        if other is not scenario:
            first, second = (str(one.file or one.name) for one in (other, scenario))
            raise InputError(text("tiles.sweep_same", first=first, second=second, folder=folder))
    return folders


def sweep(
    scenarios: Iterable[str | PathLike[str] | Scenario],
    *,
    into: str | PathLike[str] | None = None,
    workers: int | Executor | Any = 1,
    save: Save | None = None,
    progress: Callable[[Outcome], Any] | None = None,
) -> pd.DataFrame:
    """Run many scenarios and return what became of each; one that fails does not stop the others.

    Parameters
    ----------
    scenarios : iterable of path or Scenario
        Files, folders of files, patterns, or scenarios made in Python.
    into : path, optional
        Folder for all results, each in a folder named after its file; by default each goes where it says itself.
    workers : None, int, concurrent.futures.Executor or dask.distributed.Client
        This process, so many processes of this machine, or whoever is given.
    save : callable, optional
        Writes a result into a folder; by default ``Result.save``. Importable by the workers.
    progress : callable, optional
        Told each :class:`Outcome` as it comes.

    Returns
    -------
    pandas.DataFrame
        One row a scenario in the order given: ``name``, ``file``, ``folder``, ``seconds``, ``done``, ``reason``,
        ``bad_input``.

    Raises
    ------
    InputError
        If any file is wrong (before anything is run), two results would go into one folder, or workers die.

    Examples
    --------
    >>> table = sweep("variants/*.toml", workers=2)                               # doctest: +SKIP
    >>> twin.compare(table["folder"][1:], table["folder"][0]).show()              # doctest: +SKIP
    """
    given = [scenarios] if isinstance(scenarios, str | PathLike) else list(scenarios)
    asked: list[Scenario] = []
    for one in given:
        asked += [one] if isinstance(one, Scenario) else [read_scenario(file) for file in find_scenarios([one])]
    folders = _folders(asked, into)
    tasks = [
        _Task(
            number, one.file, one.model_dump(exclude_unset=True), one.name, folder.absolute(), default_language(), save
        )
        for number, (one, folder) in enumerate(zip(asked, folders, strict=True))
    ]
    outcomes: list[Outcome] = []
    groups = [_group(one) for one in asked]
    for _task, outcome in in_order(_carry_out, tasks, groups, workers=workers):
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)
    rows = [
        {"name": o.name, "file": o.file, "folder": str(o.folder), "seconds": o.seconds, "done": o.done,
         "reason": o.reason, "bad_input": o.bad_input}
        for o in sorted(outcomes, key=lambda outcome: outcome.number)
    ]  # fmt: skip
    return pd.DataFrame(rows)
