"""Commands on sensors: ``twin sensors ingest``, ``replay``, ``status``, ``export``, ``erase``, ``expire``, ``close``, ``migrate``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twin.cli.program import Language, app, shown, speak

if TYPE_CHECKING:
    from rich.table import Table

    from twin.sensors.store import SensorStore

sensors = typer.Typer(no_args_is_help=True, help="Live sensors: take in, look at, hand out.")
app.add_typer(sensors, name="sensors")

Store = Annotated[str, typer.Argument(help="Store: sqlite:///obs.db, a path, or postgresql://user@host/database.")]


def _say(key: str, **values: object) -> None:
    from twin.language import text

    typer.echo(text(f"sensors.{key}", **values))


@sensors.command("ingest")
def ingest_command(
    profile: Annotated[Path, typer.Option("--profile", help="Sensor profile (TOML) with store and sources.")],
    seconds: Annotated[
        float | None, typer.Option("--for", help="Listen this long [s]; by default until Ctrl-C.")
    ] = None,
    lang: Language = None,
) -> None:
    """Read the files of a profile and listen to its brokers.

    Example: [bold]twin sensors ingest --profile sensoren.toml[/bold]
    """
    speak(lang)
    from twin.sensors.ingest import Done, ingest
    from twin.sensors.profile import read_profile

    end = None if seconds is None else time.monotonic() + seconds

    def over(_: Done) -> bool:
        return end is not None and time.monotonic() >= end

    done = ingest(read_profile(profile), over)
    outcome = done.outcome
    if done.files:
        _say("ingested_files", files=done.files, new=outcome.new, repeats=outcome.repeats, revised=outcome.revised)
    for listener in done.listeners:
        health = listener.health
        values = {
            "messages": health.received,
            "new": health.written,
            "repeats": health.repeats,
            "refused": health.refused,
        }
        _say("ingested_messages", host=listener.broker.host, port=listener.broker.port, **values)


@sensors.command("replay")
def replay_command(
    day: Annotated[Path, typer.Argument(help="Recorded day, one JSON message a line.")],
    host: Annotated[str, typer.Option(help="Broker.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.")] = 1883,
    speed: Annotated[float, typer.Option(min=0.001, help="Times as fast as recorded.")] = 1000.0,
    lang: Language = None,
) -> None:
    """Play a recorded day to a broker.

    Example: [bold]twin sensors replay sensortag.jsonl --speed 1000[/bold]
    """
    speak(lang)
    from twin.sensors.ingest import replay

    _say("replayed", count=replay(day, host, port, speed=speed), host=host, port=port)


def _status(store: SensorStore, language: str) -> Table:
    from rich.table import Table

    from twin.language import text
    from twin.sensors.records import tests_of

    columns = [text(f"sensors.column_{name}", language) for name in ("stream", "value", "time", "flag", "tests")]
    table = Table(*columns)
    latest = store.latest()
    names = {flag: text(f"sensors.flag_{flag}", language) for flag in (1, 2, 3, 4, 9)}
    streams = store.streams()
    last = latest.reindex(streams.index)
    for row, (key, unit) in enumerate(zip(streams["key"], streams["unit"], strict=True)):
        stamp, value, flag, bits = (last[column].iloc[row] for column in ("time", "result", "flag", "bits"))
        if stamp != stamp:  # no value yet
            table.add_row(key, "–", "–", "–", "")
            continue
        moment = datetime.fromtimestamp(stamp / 1e6, UTC)
        tests = ", ".join(tests_of(int(bits)))
        table.add_row(key, f"{value:.2f} {unit}", f"{moment:%Y-%m-%d %H:%M}", names[int(flag)], tests)
    return table


@sensors.command("status")
def status_command(
    store: Store,
    live: Annotated[bool, typer.Option("--live", help="Keep showing, until Ctrl-C.")] = False,
    lang: Language = None,
) -> None:
    """Show the newest value of every stream with its flag (times in UTC).

    Example: [bold]twin sensors status sqlite:///obs.db --live[/bold]
    """
    language = speak(lang)
    from rich.console import Console
    from rich.live import Live

    from twin.sensors.store import SensorStore

    with SensorStore(store) as opened:
        if not live:
            Console().print(_status(opened, language))
            for name, count in sorted(opened.counters().items()):
                typer.echo(f"{name}: {count}")
            return
        with Live(_status(opened, language), refresh_per_second=2) as shown_table:
            while True:
                time.sleep(1.0)
                shown_table.update(_status(opened, language))


@sensors.command("export")
def export_command(
    store: Store,
    target: Annotated[Path, typer.Argument(help="Table to write: .csv or .parquet.")],
    start: Annotated[str | None, typer.Option(help="From this moment (UTC), such as 2024-07-01.")] = None,
    end: Annotated[str | None, typer.Option(help="To before this moment (UTC).")] = None,
    thing: Annotated[
        str | None, typer.Option(help="All of one thing as .json, for the person concerned; the access is logged.")
    ] = None,
    lang: Language = None,
) -> None:
    """Write values with flags and bits to a table. Things that tell of a household are left out.

    Example: [bold]twin sensors export sqlite:///obs.db july.parquet --start 2024-07-01[/bold]
    """
    speak(lang)
    from twin.errors import InputError
    from twin.language import text
    from twin.sensors.stamps import parse_time
    from twin.sensors.store import SensorStore

    if thing is not None:
        _export_person(store, target, thing)
        return
    if target.suffix not in (".csv", ".parquet"):
        raise InputError(text("sensors.export_ending", file=target.name))
    span = [
        None if moment is None else parse_time(moment if "T" in moment else f"{moment}T00:00", "UTC")
        for moment in (start, end)
    ]
    with SensorStore(store) as opened:
        streams = opened.streams()
        public = [int(number) for number in streams.index[streams["privacy"] != "personal"]]
        table = opened.frame(public, *span)
    beside = target.with_name(f".{target.name}.part")
    if target.suffix == ".csv":
        table.to_csv(beside, index=False)
    else:
        table.to_parquet(beside, index=False)
    beside.replace(target)
    _say("exported", count=len(table), file=shown(target), left_out=len(streams) - len(public))


def _export_person(store: str, target: Path, thing: str) -> None:
    import json
    import os

    from twin.errors import InputError
    from twin.language import text
    from twin.sensors.privacy import export_person
    from twin.sensors.store import SensorStore

    if target.suffix != ".json":
        raise InputError(text("sensors.export_person_ending", file=target.name))
    with SensorStore(store) as opened:
        told = export_person(opened, thing)
    beside = target.with_name(f".{target.name}.part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        json.dump(told, handle, ensure_ascii=False, indent=1)
    beside.replace(target)
    _say("exported_person", count=len(told["values"]), thing=thing, file=shown(target))


@sensors.command("erase")
def erase_command(
    store: Store,
    thing: Annotated[str, typer.Option("--thing", help="Thing to erase, as twin sensors status names it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    lang: Language = None,
) -> None:
    """Erase a thing with all its values for good, also from closed days.

    Example: [bold]twin sensors erase sqlite:///obs.db --thing h3f2 --yes[/bold]
    """
    speak(lang)
    from twin.language import text
    from twin.sensors.privacy import erase
    from twin.sensors.store import SensorStore

    with SensorStore(store) as opened:
        if not yes:
            typer.confirm(text("sensors.erase_sure", thing=thing), abort=True)
        _say("erased", count=erase(opened, thing), thing=thing)


@sensors.command("expire")
def expire_command(store: Store, lang: Language = None) -> None:
    """Erase raw values that are older than their privacy class allows (personal: a year).

    Example: [bold]twin sensors expire sqlite:///obs.db[/bold]
    """
    speak(lang)
    from twin.sensors.privacy import expire
    from twin.sensors.store import SensorStore

    with SensorStore(store) as opened:
        _say("expired", count=expire(opened))


@sensors.command("close")
def close_command(
    store: Store,
    days: Annotated[int, typer.Option(min=1, help="Days that stay in the tables.")] = 7,
    archive: Annotated[Path | None, typer.Option(help="Folder of closed days.")] = None,
    lang: Language = None,
) -> None:
    """Move days that are over to Parquet files.

    Example: [bold]twin sensors close sqlite:///obs.db --days 7[/bold]
    """
    speak(lang)
    from twin.sensors.records import DAY
    from twin.sensors.store import SensorStore

    with SensorStore(store, archive=archive) as opened:
        closed = opened.compact(time.time_ns() // 1000 // DAY * DAY - days * DAY)
    _say("closed", count=len(closed))


@sensors.command("migrate")
def migrate_command(store: Store, lang: Language = None) -> None:
    """Bring the tables of a store to the version of this program.

    Example: [bold]twin sensors migrate sqlite:///obs.db[/bold]
    """
    speak(lang)
    from twin.sensors.store import SensorStore

    with SensorStore(store, migrate=True) as opened:
        before, after = opened.migrated or (0, 0)
        _say("migrated", url=opened.url, before=before, after=after)
