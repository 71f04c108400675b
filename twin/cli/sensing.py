"""Commands on what sensors mean now: ``twin sensors nowcast``."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twin.cli.program import Language, shown, speak
from twin.cli.sensors import sensors

if TYPE_CHECKING:
    from twin.scenario.nowcast import Nowcast, Nowcaster
    from twin.sensors.profile import Profile


@sensors.command("nowcast")
def nowcast_command(
    profile: Annotated[Path, typer.Option("--profile", help="Sensor profile (TOML) with [nowcast].")],
    every: Annotated[
        float | None, typer.Option(min=1.0, help="Look again every so many seconds, until Ctrl-C.")
    ] = None,
    at: Annotated[dt.datetime | None, typer.Option(help="Another moment (UTC); alerts are not told then.")] = None,
    lang: Language = None,
) -> None:
    """Map the air temperature of now, corrected by sensors; levels and alerts beside it.

    Example: [bold]twin sensors nowcast --profile sensoren.toml --every 600[/bold]
    """
    language = speak(lang)
    from twin.scenario.nowcast import Nowcaster
    from twin.sensors.profile import read_profile

    read = read_profile(profile)
    caster = Nowcaster(read)
    while True:
        began = time.monotonic()
        _round(read, caster, at, language)
        if every is None or at is not None:
            return
        time.sleep(max(0.0, every - (time.monotonic() - began)))


def _round(profile: Profile, caster: Nowcaster, at: dt.datetime | None, language: str) -> None:
    from twin.language import text
    from twin.sensors.alerts import evaluate
    from twin.sensors.store import SensorStore
    from twin.sensors.telling import tell

    if at is None and profile.alert:
        with SensorStore(profile.store_url(), archive=profile.archive) as store:
            evaluate(store, profile.alert)
            ways = {"mail": profile.mail, "broker": profile.alert_broker, "language": language}
            told, failed = tell(store, profile.alert, **ways)  # type: ignore[arg-type]
        for line in [*told, *failed]:
            typer.echo(line)
    found = caster.look(at)
    folder = profile.folder / caster.part.folder
    folder.mkdir(parents=True, exist_ok=True)
    if found.fused is not None:
        _put(folder / "air_temperature.png", _picture(found, caster, language))
    _put(folder / "now.json", json.dumps(found.facts, ensure_ascii=False, indent=1).encode())
    for reason in found.facts["not_known"]:
        typer.echo(text("sensors.nowcast_without", language, reason=reason))
    values = {"time": found.facts["time"], "folder": shown(folder), "stations": len(found.facts["stations"])}
    typer.echo(text("sensors.nowcast_done", language, alerts=len(found.facts["alerts"]), **values))


def _picture(found: Nowcast, caster: Nowcaster, language: str) -> bytes:
    from twin.language import text
    from twin.view.maps import draw

    assert found.fused is not None
    title = text("sensors.nowcast_title", language, time=found.facts["time"].replace("T", " ").replace("Z", " UTC"))
    layer = found.fused["air_temperature"].where(found.site["building_id"] == 0)
    layer.attrs = dict(found.fused["air_temperature"].attrs)
    return draw(layer, site=found.site, city=caster.city, title=title, language=language).png(110)


def _put(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
