"""The command line: ``twin demo``, ``check``, ``convert``, ``run``, ``view`` and ``schema``.

Exit codes: 0 done; 1 ``check`` found errors, or a fault of ours (one sentence and the path of a log file); 2 bad
input, said in one sentence. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from twin.city.inspection import Inspection
    from twin.scenario.results import Result
    from twin.scenario.schema import Scenario

__all__ = ["app", "main"]

app = typer.Typer(
    name="twin",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Urban digital twin: from CityGML and GIS layers to a heat map of a real district.\n\n"
    "Example: [bold]twin demo[/bold] runs a made district and tells where its report is.",
)

Language = Annotated[
    Literal["de", "en"] | None, typer.Option("--lang", help="Language of report and messages; by default the system's.")
]


def _say(key: str, **values: Any) -> None:
    from twin.language import text

    typer.echo(text(f"cli.{key}", **values))


def _complain(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _speak(language: str | None) -> str:
    """Set the language of this process and return it."""
    from twin.language import default_language

    if language:
        os.environ["TWIN_LANG"] = language
    return default_language()


def _shown(path: Path) -> str:
    """Return a path as short as it can be written from here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _version(wanted: bool) -> None:
    if wanted:
        import twin

        typer.echo(f"urban-twin {twin.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Options of all commands; ``--version`` acts by itself."""


def _add_picture(result: Result, folder: Path, language: str) -> None:
    """Draw the 3D picture; a machine that cannot draw gets a note instead."""
    from twin.errors import InputError
    from twin.language import text
    from twin.progress import track

    if result.city is None:
        return
    try:
        from twin.view.scenes import picture

        options: dict[str, Any] = {"language": language, "timezone": result.scenario.timezone, "title": result.name}
        with track(text("cli.drawing")):
            picture(result.city, result.heat.get("utci"), folder / "scene.png", site=result.site, **options)
    except (InputError, ImportError, OSError) as error:
        _complain(text("cli.no_picture", reason=error))


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


def _add_faces(result: Result, folder: Path, language: str, *, picture: bool) -> list[str]:
    """Add picture and report; what fails there must not cost the numbers of the run and is returned as sentences."""
    writers: list[Callable[[], None]] = [lambda: _add_report(result, folder, language, picture=picture)]
    if picture:
        writers.insert(0, lambda: _add_picture(result, folder, language))
    faults = []
    for write in writers:
        try:
            write()
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            faults.append(_fault(error))
    return faults


def _execute(scenario: Scenario, output: Path, *, language: str, picture: bool) -> None:
    """Run a scenario into a folder and tell what came out."""
    from twin.scenario.execution import run
    from twin.scenario.safe_files import check_replaceable

    started = time.monotonic()
    check_replaceable(output.absolute())
    _say("started", name=scenario.name)
    result = run(scenario)
    faults: list[str] = []
    result.save(output, also=[lambda folder: faults.extend(_add_faces(result, folder, language, picture=picture))])
    result.show(language)
    _warn_of_errors(result.gaps, language)
    _say("saved", folder=_shown(output))
    if (output / "report.html").is_file():
        _say("report_at", file=_shown(output / "report.html"))
        _say("view_hint", folder=_shown(output))
    _say("time_taken", seconds=time.monotonic() - started)
    for fault in faults:
        _complain(fault)
    if faults:
        raise typer.Exit(1)


def _warn_of_errors(gaps: pd.DataFrame, language: str) -> None:
    """Say in the terminal, not in the report alone, what makes the numbers of a run wrong."""
    from twin.city.gaps import sentences

    for row in sentences(gaps[gaps["severity"] == "error"], language).to_dict("records"):
        _complain(f"{row['message']} {row['remedy']}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the result.")] = Path("twin-demo"),
    lang: Language = None,
    picture: Annotated[bool, typer.Option(help="Draw a 3D picture too.")] = True,
) -> None:
    """Run the made sample district on a hot day: heat map, indicators, report.

    Example: [bold]twin demo --output my-first-map --lang de[/bold]
    """
    language = _speak(lang)
    from twin.scenario.samples import sample_folder
    from twin.scenario.schema import read_scenario

    _execute(read_scenario(sample_folder() / "hitzetag.toml"), output, language=language, picture=picture)


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (TOML).")],
    output: Annotated[
        Path | None, typer.Option(help="Folder for the result; by default the one the scenario names.")
    ] = None,
    lang: Language = None,
    picture: Annotated[bool, typer.Option(help="Draw a 3D picture too.")] = True,
) -> None:
    """Run a scenario: city, weather, heat, indicators, report.

    An older result in the folder is replaced when the new one is complete, not before.

    Example: [bold]twin run hitzetag.toml --output results/hitzetag[/bold]
    """
    language = _speak(lang)
    from twin.scenario.schema import read_scenario

    asked = read_scenario(scenario)
    _execute(asked, output or asked.output_folder(), language=language, picture=picture)


def _show_inspection(found: Inspection, language: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for section in found.tables(language):
        grid = Table(*section.columns, title=section.title, title_justify="left")
        for row in section.rows:
            grid.add_row(*row)
        console.print(grid)
    _show_gaps(found.gaps, language)


def _show_gaps(gaps: pd.DataFrame, language: str) -> None:
    """List what is missing or doubtful: its weight, then the sentence, the places, the default and the remedy."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from twin.city.gaps import sentences
    from twin.language import text

    if not len(gaps):
        _say("gaps_none")
        return
    grid = Table(title=text("cli.gaps"), title_justify="left", show_header=False, show_lines=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    for row in sentences(gaps, language).to_dict("records"):
        lines = [row["message"]]
        said = {"places", "remedy"} | ({"default"} if row["default"] not in row["message"] else set())
        parts = [key for key in ("places", "default", "remedy") if key in said and row[key]]
        lines += [text(f"cli.{key}", language, words=row[key]) for key in parts]
        grid.add_row(text(f"cli.severity_{row['severity']}", language), Text("\n".join(lines)))
    Console().print(grid)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="City file, folder of city files, or city profile (TOML).")],
    json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,
    lang: Language = None,
) -> None:
    """Tell what is in a city file or profile: counts, CRS, and what is missing or doubtful.

    Ends with 1 where an error was found.

    Example: [bold]twin check LoD2_32_390_5713.gml[/bold]
    """
    language = _speak(lang)
    from twin.city.inspection import inspect

    found = inspect(path)
    if json:
        import json as codec

        typer.echo(codec.dumps(found.to_dict(), ensure_ascii=False, indent=1, default=str))
    else:
        _show_inspection(found, language)
    if (found.gaps["severity"] == "error").any():
        raise typer.Exit(1)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="City profile, CityGML, CityJSON, a folder of them, or of tables.")],
    target: Annotated[
        Path, typer.Argument(help="Result: .city.json, .city.jsonl, .gml, .gpkg, or a folder (GeoParquet tables).")
    ],
    lod: Annotated[str | None, typer.Option(help="Only this level of detail, such as 2.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of the result, such as EPSG:25832.")] = None,
    lang: Language = None,
) -> None:
    """Convert city data; the ending of the result says to which format.

    Example: [bold]twin convert lod2/ district.city.json --lod 2[/bold]
    """
    _speak(lang)
    from twin.city.conversion import convert as run_conversion

    done = run_conversion(source, target, lod=lod, crs=crs)
    counts = ", ".join(f"{count} {name}" for name, count in done.counts.items() if count)
    _say("converted", file=_shown(done.path), format=done.format, counts=counts)
    if done.left_out:
        _say("left_out", layers=", ".join(done.left_out))
    if len(done.gaps):
        _say("convert_gaps", count=len(done.gaps), source=_shown(source))


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
    language = _speak(lang)
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
    from twin.view.scenes import scene

    body = load(city, area=found.scenario.area)
    scene(body, found.heat.get("utci"), site=found.site, language=language, timezone=found.scenario.timezone).show()


@app.command()
def schema() -> None:
    """Write the JSON schema of a scenario file, for editors that complete and check TOML.

    Example: [bold]twin schema > scenario.schema.json[/bold]
    """
    import json

    from twin.scenario.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=1))


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,  # noqa: ARG001  (as the warnings module calls it)
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Show warnings of our own packages as one line; those of others are for developers."""
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "models")]
    if issubclass(category, UserWarning) and filename.startswith(tuple(folders)):
        from twin.language import text

        _complain(text("cli.note", message=message))


def _fault(error: BaseException) -> str:
    """Write the traceback to a log file and return the sentence that names it."""
    from twin.language import text

    handle, log = tempfile.mkstemp(prefix="twin-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(" ".join(sys.argv) + "\n")
        traceback.print_exception(error, file=file)
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return text("cli.bug", reason=reason, log=log)


def _outcome(error: Exception) -> int:
    """Say what went wrong in one sentence and return the exit code."""
    from twin.errors import InputError
    from twin.language import text

    if isinstance(error, InputError):
        _complain(str(error))
        return 2
    if isinstance(error, OSError) and error.filename and error.errno in (errno.EACCES, errno.EPERM):
        _complain(text("cli.no_permission", file=error.filename))
        return 2
    if isinstance(error, IsADirectoryError):
        _complain(text("cli.is_folder", file=error.filename))
        return 2
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        _complain(text("cli.disk_full"))
        return 1
    if isinstance(error, MemoryError):
        _complain(text("cli.no_memory"))
        return 1
    _complain(_fault(error))
    return 1


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process.
    """
    warnings.showwarning = _note
    try:
        code = app(args=arguments, standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        code = 1
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # a mistake in the command line itself
            error.show()
            code = error.exit_code
        else:
            code = _outcome(error)
    if code == 130:
        from twin.language import text

        _complain(text("cli.interrupted"))
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
