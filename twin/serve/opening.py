"""From a result to a service: its page, its entries, its sensors, and a session for ideas where its scenario is at hand."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import InputError
from twin.language import text
from twin.scenario.interact import Session
from twin.scenario.interact_words import Place
from twin.scenario.results import Result
from twin.scenario.samples import sample_folder
from twin.scenario.schema import Scenario, read_scenario
from twin.serve.event import Event
from twin.serve.files import Files
from twin.serve.guard import Pace
from twin.serve.live import Live
from twin.serve.participation.store import Participation
from twin.serve.service import Service
from twin.serve.what_if import Workshop

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["moderation_token", "opened", "scenario_of"]

_log = logging.getLogger(__name__)

_HOUSES = 3000  # drawn behind the map of comments
_LOOK_AGAIN = 3600.0  # [s] between looks at the retention date


def moderation_token(file: Path | None) -> tuple[str, bool]:
    """Return the moderators' token: of a file, of ``TWIN_MODERATION_TOKEN``, else a new one; and whether it is new.

    Raises
    ------
    InputError
        If the file cannot be read, or holds fewer than 12 signs.
    """
    given = os.environ.get("TWIN_MODERATION_TOKEN", "").strip()
    if file is not None:
        try:
            given = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InputError(text("participation.token_unreadable", file=file, reason=error.strerror)) from None
    if not given:
        return secrets.token_urlsafe(12), True
    if len(given) < 12:
        raise InputError(text("participation.token_short"))
    return given, False


def scenario_of(result: Result, folder: Path | None, given: Path | None = None) -> Scenario | None:
    """Return the scenario that a result was run from, where its files are at hand and unchanged; else None.

    Parameters
    ----------
    result : Result
        Names its input files and their hashes.
    folder : pathlib.Path or None
        Result folder; the files are looked for beside it, above it, here, and in the sample district.
    given : pathlib.Path, optional
        Scenario file, where it is known.
    """
    if given is not None:
        return read_scenario(given)
    if result.scenario.file is not None or result.city is not None:
        return result.scenario
    places = [Path.cwd()]
    if folder is not None:
        places += list(folder.resolve().parents)[:3]
    with suppress(InputError):
        places.append(sample_folder())
    for place in dict.fromkeys(places):
        if _holds(place, result):
            scenario = result.scenario.model_copy()
            scenario._file = place / f"{result.scenario.stem}.toml"
            return scenario
    return None


def _holds(place: Path, result: Result) -> bool:
    """Return whether all input files of a result lie here, with the content they had."""
    named = [path for _, path in result.scenario.files()]
    if not all((place / path).exists() for path in named):
        return False
    for row in result.sources.to_dict("records"):
        file = place / str(row["path"])
        if not file.exists():
            return False
        if file.is_file() and row["sha256"]:
            with file.open("rb") as opened_file:
                if hashlib.file_digest(opened_file, "sha256").hexdigest() != row["sha256"]:
                    return False
    return True


@contextmanager
def opened(
    result: Result,
    event: Event,
    *,
    folder: Path | None = None,
    scenario: Scenario | None = None,
    storm: Scenario | None = None,
    entries: str | None = None,
    sensors: str | None = None,
    against: Result | None = None,
    moderation: str = "",
    workers: int = 2,
    progress: Callable[[int], Any] | None = None,
) -> Iterator[Service]:
    """Give the service of a result while the block runs.

    Parameters
    ----------
    result : Result
        What is shown.
    event : Event
        What citizens are asked.
    folder : pathlib.Path, optional
        Where the page is written; a folder of its own that is deleted at the end by default.
    scenario : Scenario, optional
        For ideas; without it nothing can be tried.
    storm : Scenario, optional
        Whose rain is estimated for ideas.
    entries : str, optional
        Database of comments and votes; by default one that is deleted at the end.
    sensors : str, optional
        Address of a sensor store.
    against : Result, optional
        Baseline that the result is compared with.
    moderation : str
        Token of the moderators.
    workers : int
        Ideas computed at once.
    progress : callable, optional
        Told the hours of the day that are prepared.
    """
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twin-serve-")))
        contents = _page(result, against, place, event)
        frame = contents.frame
        kept = Participation(entries or f"sqlite:///{place.with_name(place.name + '-entries.db')}")
        stack.callback(kept.close)
        if entries is None:
            stack.callback(_delete, place.with_name(place.name + "-entries.db"))
        from twin.view.bundle import _local_extent
        from twin.view.bundle_numbers import indicator_rows

        baseline = next(iter(contents.results.values()))
        service = Service(
            event,
            Files(place),
            kept,
            origin=(frame.x, frame.y),
            area=tuple(_local_extent(baseline, frame)),  # type: ignore[arg-type]
            crs=str(baseline.site.rio.crs or ""),
            moderation=moderation,
            features={
                "indicators": indicator_rows(contents.results),
                "variants": {key: {"de": one.name} for key, one in contents.results.items()},
                "outline": _outline(baseline.stored_city(), (frame.x, frame.y)),
            },
            entries_pace=Pace(event.participation.per_minute, event.participation.per_minute),
        )
        if sensors is not None:
            service.live = _live(stack, sensors, baseline, service.origin)
        if scenario is not None:
            places = [Place(dict(one.name), one.x, one.y, one.radius) for one in event.place]  # type: ignore[arg-type]
            session = Session.prepare(scenario, places=places, storm=storm, progress=progress)
            service.workshop = Workshop(session, event.what_if, service.origin, workers=workers)
            stack.callback(service.workshop.close)
        stack.callback(_keep_dates(service).set)
        yield service


def _outline(city: City, origin: tuple[float, float]) -> str:
    """Return the footprints of buildings as one path for a small map, in local metres."""
    import shapely

    shapes = np.asarray(city.objects.geometry.values, dtype=object)
    known = ~shapely.is_missing(shapes) & (shapely.area(shapes) > 20.0)
    kept = shapely.simplify(shapes[known][np.argsort(-shapely.area(shapes[known]))[:_HOUSES]], 1.0)
    rings = shapely.get_exterior_ring(shapely.get_parts(kept))
    lines = []
    for ring in rings[~shapely.is_missing(rings)]:
        xy = shapely.get_coordinates(ring) - np.array(origin)
        lines.append("M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in xy[:-1]) + "Z")
    return "".join(lines)


def _page(result: Result, against: Result | None, place: Path, event: Event) -> Any:
    """Write the page of a result; where this installation has no browser view, a plain one that leads to the list."""
    from twin.view.bundle import bundle_contents, write_bundle, write_data
    from twin.view.web import client_files

    told = {"title": event.title}
    contents = bundle_contents(result, against)
    try:
        client_files()
    except InputError as error:
        _log.warning("%s", error)
        place.mkdir(parents=True, exist_ok=True)
        write_data(contents, place / "data", event=told)
        (place / "index.html").write_text(_PLAIN, encoding="utf-8")
        return contents
    write_bundle(result, place, against=against, event=told)
    return contents


_PLAIN = (
    '<!doctype html><html lang="de"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="description" content="Liste / list"><title>urban-twin</title><link rel="icon" href="data:,">'
    '<link rel="stylesheet" href="/pages.css"></head><body><main><h1>urban-twin</h1><p><a href="/list?lang=de">Liste</a></p>'
    '<p lang="en"><a href="/list?lang=en">List</a></p></main></body></html>'
)


def _live(stack: ExitStack, address: str, result: Result, origin: tuple[float, float]) -> Live:
    from pyproj import CRS

    from twin.sensors.store import SensorStore

    store = stack.enter_context(SensorStore(address))
    crs = result.site.rio.crs
    return Live(store, CRS.from_user_input(crs) if crs is not None else None, origin)


def _delete(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _keep_dates(service: Service) -> threading.Event:
    """Delete all entries when the retention date has come, now and while the server runs."""
    ended = threading.Event()

    def watch() -> None:
        while True:
            if service.over:
                try:
                    service.entries.forget_all()
                except Exception:
                    _log.exception("Entries could not be deleted on their date.")
            if ended.wait(_LOOK_AGAIN):
                return

    threading.Thread(target=watch, name="retention", daemon=True).start()
    return ended
