"""Commands that make views: ``tiles``, ``publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from twin.cli.program import Language, app, say, shown, speak


@app.command()
def tiles(
    city: Annotated[Path, typer.Argument(help="City profile (TOML), city file, or stored city.")],
    output: Annotated[Path, typer.Argument(help="Folder for the tileset.")],
    geoid_height: Annotated[
        float, typer.Option(help="Height of the datum's zero above the WGS 84 ellipsoid [m]; 0 puts the city on it.")
    ] = 0.0,
    terrain: Annotated[bool, typer.Option(help="Write the terrain too.")] = True,
    trees: Annotated[bool, typer.Option(help="Write the trees too.")] = True,
    lang: Language = None,
) -> None:
    """Write a city as 3D Tiles 1.1 for Cesium, VC Map, Masterportal and other viewers.

    Example: [bold]twin tiles city.toml tiles[/bold]
    """
    language = speak(lang)
    from twin.city.loading import load
    from twin.errors import InputError
    from twin.language import text
    from twin.view.tile_checks import check_tileset
    from twin.view.tiles3d import write_tiles

    body = load(city)
    file = write_tiles(body, output, language=language, geoid_height=geoid_height, terrain=terrain, trees=trees)
    faults = check_tileset(file)
    if faults:
        raise InputError(text("view.tiles_faulty", file=file, fault=faults[0]))
    say("tiles_written", file=shown(file), files=sum(1 for _ in output.rglob("*.glb")))


@app.command()
def publish(
    result: Annotated[Path, typer.Argument(help="Result folder that twin run wrote.")],
    output: Annotated[
        Path | None, typer.Option(help="File or folder to write; by default beside the result, named after it.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Result folder of the baseline, to show before and after; more folders are further variants."
        ),
    ] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="One HTML file, for a USB stick or an e-mail.")
    ] = False,
    folder: Annotated[bool, typer.Option("--folder", help="A folder for any web server.")] = False,
    poster: Annotated[
        Literal["A1", "A3"] | None, typer.Option(help="A poster as tagged PDF; needs the browser Chromium.")
    ] = None,
    stl: Annotated[bool, typer.Option("--stl", help="Buildings and ground as one solid for 3D print (STL).")] = False,
    print3mf: Annotated[bool, typer.Option("--3mf", help="The same solid as 3MF.")] = False,
    images: Annotated[bool, typer.Option("--images", help="One PNG map for each hour.")] = False,
    movie: Annotated[bool, typer.Option("--movie", help="The hours as a moving picture (WebP).")] = False,
    lang: Language = None,
) -> None:
    """Hand a result out: one HTML file (by default), a folder for a web server, a poster, a 3D print, pictures, a movie.

    Example: [bold]twin publish results/square-2035 --against results/hitzetag --single-file[/bold]
    """
    language = speak(lang)
    from twin.scenario.results import Result
    from twin.view import publishing

    found = Result.open(result)
    others = [Result.open(path) for path in against or []]
    asked = {
        "folder": folder, "poster": poster, "stl": stl, "3mf": print3mf, "images": images, "movie": movie,
    }  # fmt: skip
    wanted = {name: value for name, value in asked.items() if value}
    if single_file or not wanted:
        wanted = {"single": True, **wanted}
    place = output or result.absolute().with_name(f"{result.absolute().name}-view")
    for name, value in wanted.items():
        made = publishing.publish(
            found, place, name, against=others, option=value, language=language, alone=len(wanted) == 1
        )
        say("published", file=shown(made))
