"""Many scenarios in one command, and how far a long run is where no bar can be drawn."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twin.cli.program import complain, shown
from twin.language import text

if TYPE_CHECKING:
    from twin.scenario.sweeps import Outcome

_FEW = 6  # folders that are named in the last line


class _Lines(logging.Handler):
    """Writes what long runs log, as lines of the error output."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        complain(record.getMessage())


def tell_progress() -> None:
    """Say in lines how far tiles are, where the error output is no terminal; there a bar tells."""
    log = logging.getLogger("twin.scenario.tiles_engine")
    log.setLevel(logging.INFO)
    if not any(isinstance(handler, _Lines) for handler in log.handlers):
        log.addHandler(_Lines(logging.INFO))
    log.propagate = False
    if sys.stderr.isatty():
        log.setLevel(logging.WARNING)


def run_many(
    files: list[Path], output: Path | None, *, workers: int | None, scheduler: str | None, language: str, picture: bool
) -> None:
    """Run scenarios side by side, a line each; exit code 2 where one is wrong in itself, 1 where one failed otherwise."""
    from twin.cli.runs import save_with_faces
    from twin.errors import InputError
    from twin.scenario.schema import read_scenario
    from twin.scenario.sweeps import sweep
    from twin.scenario.tiles_workers import connected

    if workers is not None and scheduler is not None:
        raise InputError(text("tiles.one_of_both"))

    def tell(outcome: Outcome) -> None:
        place: dict[str, Any] = {"number": outcome.number + 1, "count": len(files)}
        if outcome.done:
            typer.echo(
                text(
                    "tiles.sweep_done",
                    name=outcome.name,
                    folder=shown(outcome.folder),
                    seconds=outcome.seconds,
                    **place,
                )
            )
        else:
            complain(text("tiles.sweep_failed", file=outcome.file, reason=outcome.reason, **place))

    asked = [read_scenario(file) for file in files]
    save = partial(save_with_faces, language=language, picture=picture)
    with ExitStack() as stack:
        who: Any = stack.enter_context(connected(scheduler)) if scheduler is not None else workers or 1
        if scheduler is None:
            typer.echo(text("tiles.sweep_running", count=len(files), workers=who))
        table = sweep(asked, into=output, workers=who, save=save, progress=tell)
    done = table[table["done"]]
    folders = " ".join(shown(Path(folder)) for folder in done["folder"])
    key = "sweep_end" if 1 < len(done) <= _FEW else "sweep_end_short"
    typer.echo(text(f"tiles.{key}", done=len(done), count=len(table), folders=folders))
    if len(done) < len(table):
        raise typer.Exit(2 if table["bad_input"].any() else 1)
