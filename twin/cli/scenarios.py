"""Commands on scenario files and results side by side: ``compare``, ``diff``, ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twin.cli.program import Language, app, say, shown, speak


@app.command()
def schema() -> None:
    """Write the JSON schema of a scenario file, for editors that complete and check TOML.

    Example: [bold]twin schema > scenario.schema.json[/bold]
    """
    import json

    from twin.scenario.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=1))


@app.command()
def compare(
    results: Annotated[list[Path], typer.Argument(help="Result folders: the baseline first, then its variants.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder for table, maps of differences and page; without it nothing is written.")
    ] = None,
    lang: Language = None,
) -> None:
    """Compare results with the first of them: differences, costs per effect, maps, words.

    Example: [bold]twin compare results/hitzetag results/square-2035 --output results/comparison[/bold]
    """
    language = speak(lang)
    from twin.scenario.comparison import compare as run_comparison

    found = run_comparison(results[1:], results[0])
    found.show(language)
    if output is not None:
        from twin.report.comparing import write_comparison

        found.save(output)
        write_comparison(found, output / "comparison.html", language=language)
        say("report_at", file=shown(output / "comparison.html"))


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(help="Scenario file.")],
    second: Annotated[Path, typer.Argument(help="Scenario file to compare it with.")],
    lang: Language = None,
) -> None:
    """Say in words what differs between two scenario files.

    Example: [bold]twin diff hitzetag.toml square-2035.toml[/bold]
    """
    language = speak(lang)
    from twin.scenario.differences import differences
    from twin.scenario.schema import read_scenario

    for sentence in differences(read_scenario(first), read_scenario(second), language):
        typer.echo(sentence)
