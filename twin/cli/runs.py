"""Commands that run scenarios and show what they found: ``demo``, ``run``, ``view``."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twin.cli.program import Language, app, complain, fault, say, shown, speak

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from twin.scenario.results import Result
    from twin.scenario.schema import Scenario


def _add_picture(result: Result, folder: Path, language: str) -> None:
    """Draw the 3D picture; a machine that cannot draw gets a note instead."""
    from twin.errors import InputError
    from twin.language import text
    from twin.progress import track

    if result.city is None:
        return
    try:
        from twin.report.trees import leading_picture
        from twin.view.scenes import picture

        options: dict[str, Any] = {"language": language, "timezone": result.scenario.timezone, "title": result.name}
        with track(text("cli.drawing")):
            picture(result.city, path=folder / "scene.png", site=result.site, **leading_picture(result), **options)
    except (InputError, ImportError, OSError) as error:
        complain(text("cli.no_picture", reason=error))


def _add_report(result: Result, folder: Path, language: str, *, picture: bool) -> None:
    """Write ``report.html`` in the language asked for, and beside it the page in the other one; they link to each other."""
    from twin.language import LANGUAGES, text
    from twin.progress import track
    from twin.report.page import write_report

    pages = {language: "report.html"} | {other: f"report.{other}.html" for other in LANGUAGES if other != language}
    with track(text("cli.making_report"), total=len(pages)) as done:
        for number, (tongue, name) in enumerate(pages.items(), 1):
            other = next(page for page in pages.values() if page != name)
            write_report(result, folder / name, language=tongue, picture=picture, other=other)
            done(number)


def _add_styles(result: Result, folder: Path, language: str) -> None:
    """Write QGIS styles beside the GeoTIFFs."""
    from twin.view.qgis import write_styles

    write_styles(result, folder, language=language)


def _add_faces(result: Result, folder: Path, language: str, *, picture: bool) -> list[str]:
    """Add picture and report; what fails there must not cost the numbers of the run and is returned as sentences."""
    writers: list[Callable[[], None]] = [
        lambda: _add_report(result, folder, language, picture=picture),
        lambda: _add_styles(result, folder, language),
    ]
    if picture:
        writers.insert(0, lambda: _add_picture(result, folder, language))
    faults = []
    for write in writers:
        try:
            write()
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            faults.append(fault(error))
    return faults


def _execute(
    scenario: Scenario, output: Path, *, language: str, picture: bool, workers: int | None = None,
    scheduler: str | None = None, fresh: bool = False,
) -> None:  # fmt: skip
    """Run a scenario into a folder and tell what came out."""
    import shutil

    from twin.scenario.execution import run
    from twin.scenario.safe_files import claimed
    from twin.scenario.tiles_run import work_folder

    started, work = time.monotonic(), work_folder(output)
    with claimed(output):
        if fresh:
            shutil.rmtree(work, ignore_errors=True)
        say("started", name=scenario.name)
        result = run(scenario, workers=workers, scheduler=scheduler, work=work)
        faults: list[str] = []
        result.save(output, also=[lambda folder: faults.extend(_add_faces(result, folder, language, picture=picture))])
        shutil.rmtree(work, ignore_errors=True)
    result.show(language)
    _warn_of_errors(result.gaps, language)
    say("saved", folder=shown(output))
    if (output / "report.html").is_file():
        say("report_at", file=shown(output / "report.html"))
        say("view_hint", folder=shown(output))
    say("time_taken", seconds=time.monotonic() - started)
    for one in faults:
        complain(one)
    if faults:
        raise typer.Exit(1)


def save_with_faces(result: Result, folder: Path, *, language: str, picture: bool) -> None:
    """Save a result with its picture, report and styles; what of these fails is noted in the log of the process."""
    faults: list[str] = []
    result.save(folder, also=[lambda new: faults.extend(_add_faces(result, new, language, picture=picture))])
    for one in faults:
        complain(one)


def _warn_of_errors(gaps: pd.DataFrame, language: str) -> None:
    """Say in the terminal, not in the report alone, what makes the numbers of a run wrong."""
    from twin.city.gaps import sentences

    for row in sentences(gaps[gaps["severity"] == "error"], language).to_dict("records"):
        complain(f"{row['message']} {row['remedy']}")


@app.command()
def demo(
    which: Annotated[
        str, typer.Argument(help="Scenario of the sample district: hitzetag, starkregen, square-2035, giessplan.")
    ] = "hitzetag",
    output: Annotated[Path | None, typer.Option(help="Folder for the result, by default twin-demo.")] = None,
    lang: Language = None,
    picture: Annotated[bool, typer.Option(help="Draw a 3D picture too.")] = True,
) -> None:
    """Run the made sample district: maps, indicators, report of a hot day, a storm, a square in 2035, or a watering plan.

    Examples: [bold]twin demo --lang de[/bold], [bold]twin demo starkregen --output my-first-storm[/bold]
    """
    language = speak(lang)
    from twin.errors import InputError
    from twin.language import text
    from twin.scenario.samples import sample_folder, sample_scenarios
    from twin.scenario.schema import read_scenario

    if which not in sample_scenarios():
        raise InputError(text("cli.no_such_demo", which=which, allowed=", ".join(sample_scenarios())))
    folder = output or Path("twin-demo" if which == "hitzetag" else f"twin-demo-{which}")
    asked = read_scenario(sample_folder() / f"{which}.toml")
    _execute(asked, folder, language=language, picture=picture)
    if asked.run.heat is not None:
        say("serve_hint", folder=shown(folder))
    say("more_demos", others=", ".join(name for name in sample_scenarios() if name != which))


@app.command()
def run(
    scenarios: Annotated[list[str], typer.Argument(help="Scenario files (TOML), folders of them, or patterns.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for the result; by default the one the scenario names. Of many: the folder for all."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes: for the tiles of one scenario, or for many scenarios.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler that gives out the work, such as tcp://10.0.0.5:8786."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew, do not go on with a run that was cut off.")
    ] = False,
    lang: Language = None,
    picture: Annotated[bool, typer.Option(help="Draw a 3D picture too.")] = True,
) -> None:
    """Run scenarios: city, weather, heat, storm, trees, indicators, report.

    An older result in the folder is replaced when the new one is complete, not before. With --workers one scenario is
    run in tiles, for a city too large for memory, and goes on where it was cut off; many are run side by side.

    Examples: [bold]twin run hitzetag.toml --output results/hitzetag[/bold], [bold]twin run city.toml --workers 4[/bold],
    [bold]twin run variants/ --workers 4[/bold]
    """
    language = speak(lang)
    from twin.cli.sweeping import run_many, tell_progress
    from twin.scenario.schema import read_scenario
    from twin.scenario.sweeps import find_scenarios

    files = find_scenarios(scenarios)
    tell_progress()
    if len(files) > 1:
        run_many(files, output, workers=workers, scheduler=scheduler, language=language, picture=picture)
        return
    asked = read_scenario(files[0])
    where = output or asked.output_folder()
    _execute(asked, where, language=language, picture=picture, workers=workers, scheduler=scheduler, fresh=fresh)


@app.command()
def view(
    result: Annotated[Path, typer.Argument(help="Result folder.")],
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the report, or only tell where it is.")] = True,
    scene: Annotated[
        Path | None, typer.Option(help="City profile or file: show its 3D scene with this result in a window.")
    ] = None,
    lang: Language = None,
) -> None:
    """Open the report of a result in the browser, or its 3D scene in a window.

    Example: [bold]twin view results/hitzetag --scene city.toml[/bold]
    """
    language = speak(lang)
    from twin.scenario.results import Result

    found = Result.open(result)
    if scene is not None:
        _show_scene(found, scene, language)
        return
    report = result / "report.html"
    if not report.is_file():
        _add_report(found, result, language, picture=True)
    typer.echo(str(report.absolute()))
    if open_:
        typer.launch(report.absolute().as_uri())


def _show_scene(found: Result, city: Path, language: str) -> None:
    from twin.city.loading import load
    from twin.report.trees import leading_picture
    from twin.view.scenes import scene

    body = load(city, area=found.scenario.area)
    options: dict[str, Any] = {"site": found.site, "language": language, "timezone": found.scenario.timezone}
    scene(body, **leading_picture(found), **options).show()
