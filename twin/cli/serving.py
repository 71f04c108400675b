"""The command that lets citizens in: ``serve``."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twin.cli.program import Language, app, complain, say, shown, speak

if TYPE_CHECKING:
    from twin.scenario.results import Result
    from twin.scenario.schema import Scenario


@app.command()
def serve(
    result: Annotated[Path, typer.Argument(help="Result folder, or a scenario file that is run first.")],
    what_if: Annotated[bool, typer.Option("--what-if", help="Let visitors place measures and compute them.")] = False,
    event: Annotated[Path | None, typer.Option(help="Event file (TOML): title, topics, survey, limits, dates.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    public_url: Annotated[
        str | None, typer.Option(help="Address under which visitors come, behind a proxy or by name.")
    ] = None,
    entries: Annotated[
        str | None,
        typer.Option(help="Database of comments and votes; by default named as the event file, in the current folder."),
    ] = None,
    sensors: Annotated[str | None, typer.Option(help="Sensor store whose newest values are shown.")] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario file of the result, where it is not found by itself.")
    ] = None,
    against: Annotated[Path | None, typer.Option(help="Result folder of the baseline, to compare with.")] = None,
    moderation_token: Annotated[
        Path | None, typer.Option(help="File with the moderators' token; else TWIN_MODERATION_TOKEN, else a new one.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Ideas computed at once.")] = 2,
    lang: Language = None,
) -> None:
    """Serve a result in the browser: map, list, ideas, comments, votes, live sensors. No other server is asked.

    Example: [bold]twin serve results/hitzetag --what-if --event event.toml[/bold]
    """
    language = speak(lang)
    _require_extra()
    from twin.errors import InputError
    from twin.language import text
    from twin.progress import track
    from twin.scenario.results import Result
    from twin.serve.app import create_app
    from twin.serve.event import read_event
    from twin.serve.opening import moderation_token as token_of
    from twin.serve.opening import opened, scenario_of
    from twin.serve.running import server_of

    told = read_event(event, title=result.stem)
    token, new = token_of(moderation_token)
    listening = _listen(host, port)
    found, folder, own = _result(result, language)
    asked = scenario_of(found, folder, scenario or own) if what_if else None
    if what_if and asked is None:
        raise InputError(text("participation.scenario_missing", folder=shown(result)))
    base = Result.open(against) if against is not None else None
    database = entries or (f"sqlite:///{Path.cwd() / event.stem}.db" if event is not None else None)
    storm = _storm(told.what_if.storm, event, asked)
    with track(text("participation.preparing", language), total=24 if what_if else None) as done:
        opening = opened(
            found, told, scenario=asked, storm=storm, entries=database, sensors=sensors, against=base,
            moderation=token, workers=workers, progress=done,
        )  # fmt: skip
        service = opening.__enter__()
    try:
        names = _names(host, public_url)
        app_ = create_app(service, hosts=names)
        server = server_of(app_, host=host, port=port)
        listening.listen(512)  # from here on nobody is turned away
        address = f"http://{_readable(host)}:{listening.getsockname()[1]}"
        say("serving", address=public_url or address)
        say("serving_pages", address=public_url or address)
        if new:
            say("serving_token", token=token)
        if database is not None:
            say("serving_entries", database=database.split("@")[-1])
        if host not in ("127.0.0.1", "localhost", "::1") and not (public_url or "").startswith("https"):
            complain(text("cli.serving_open", host=host))
        sys.setswitchinterval(0.001)  # visitors do not wait for the threads that compute ideas
        server.run(sockets=[listening])
    finally:
        opening.__exit__(None, None, None)
        listening.close()


def _require_extra() -> None:
    import importlib.util

    from twin.errors import InputError
    from twin.language import text

    missing = [one for one in ("starlette", "uvicorn", "sqlalchemy") if importlib.util.find_spec(one) is None]
    if missing:
        raise InputError(text("participation.extra_missing", missing=", ".join(missing)))


def _result(place: Path, language: str) -> tuple[Result, Path | None, Path | None]:
    """Return the result of a folder, or of a scenario file that is run now; its folder, and the scenario file."""
    from twin.scenario.execution import run
    from twin.scenario.results import Result
    from twin.scenario.schema import read_scenario

    if place.suffix.lower() != ".toml":
        return Result.open(place), place, None
    say("started", name=read_scenario(place).name)
    del language
    return run(place), None, place


def _storm(named: str | None, event: Path | None, asked: Scenario | None) -> Scenario | None:
    from twin.scenario.schema import read_scenario

    if named is None or asked is None:
        return None
    return read_scenario((event.parent if event is not None else Path.cwd()) / named)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, before anything slow is done."""
    from twin.errors import InputError
    from twin.language import text

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise InputError(text("participation.port_taken", host=host, port=port, reason=error.strerror)) from None
    return listening


def _readable(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _names(host: str, public_url: str | None) -> tuple[str, ...]:
    """Return the names under which the server may be asked."""
    from urllib.parse import urlsplit

    local = ("127.0.0.1", "localhost", "[::1]")
    if public_url:
        return (*local, (urlsplit(public_url).hostname or "").lower())
    return local if host in ("127.0.0.1", "localhost", "::1") else ("*",)
