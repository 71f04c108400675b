"""Commands that make views: ``tiles``, ``publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
