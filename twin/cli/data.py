"""Commands on city data: ``check``, ``convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twin.cli.program import Language, app, say, shown, speak

if TYPE_CHECKING:
    import pandas as pd

    from twin.city.inspection import Inspection


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
        say("gaps_none")
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
    language = speak(lang)
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
    speak(lang)
    from twin.city.conversion import convert as run_conversion

    done = run_conversion(source, target, lod=lod, crs=crs)
    counts = ", ".join(f"{count} {name}" for name, count in done.counts.items() if count)
    say("converted", file=shown(done.path), format=done.format, counts=counts)
    if done.left_out:
        say("left_out", layers=", ".join(done.left_out))
    if len(done.gaps):
        say("convert_gaps", count=len(done.gaps), source=shown(source))
