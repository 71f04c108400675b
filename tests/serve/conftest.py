"""A server of a small made square on a port of its own: real sockets, real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from twin.scenario.interact import Session
from twin.scenario.interact_words import Place
from twin.scenario.schema import parse_scenario
from twin.serve.app import create_app
from twin.serve.event import read_event
from twin.serve.files import Files
from twin.serve.guard import Pace
from twin.serve.participation.store import Participation
from twin.serve.running import server_of
from twin.serve.service import Service
from twin.serve.what_if import Workshop

AREA = [571880.0, 5676340.0, 571980.0, 5676420.0]
ORIGIN = (571930.0, 5676380.0)
TOKEN = "moderators-token"


@dataclass
class Running:
    """A server that runs."""

    url: str
    service: Service
    port: int

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def device(self) -> httpx.Client:
        """Return a client with a token of its own."""
        token = httpx.post(f"{self.url}/api/device", json={}, timeout=60).json()["token"]
        return self.client(**{"x-device": token})

    def moderate(self, entry: str, state: str = "approved") -> int:
        answer = httpx.post(
            f"{self.url}/api/moderation/{entry}",
            json={"state": state},
            headers={"authorization": f"Bearer {TOKEN}"},
            timeout=60,
        )
        return answer.status_code


def wait_for(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return what becomes true, or fail."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail("it did not come about")


@contextmanager
def running(service: Service, *, patience: float = 10.0, **limits: Any) -> Iterator[Running]:
    app = create_app(service, **limits)
    server = server_of(app, host="127.0.0.1", port=0, patience=patience)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(f"http://127.0.0.1:{port}", service, port)
    finally:
        server.should_exit = True
        thread.join(20)


def page_folder(folder: Path) -> Path:
    """Return a folder like that of a bundle."""
    (folder / "data").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "assets" / "app.js").write_text("console.log('x');\n" * 200)
    (folder / "data" / "manifest.json").write_text('{"version": 1}')
    (folder / "data" / ".hidden").write_text("secret")
    (folder.parent / "outside.txt").write_text("secret")
    return folder


def bare_service(folder: Path, samples: Path, *, database: Path | None = None, **fields: Any) -> Service:
    """Return a service without ideas."""
    event = read_event(samples / "beteiligung.toml")
    entries = Participation(f"sqlite:///{database or folder.parent / 'entries.db'}")
    return Service(
        event, Files(page_folder(folder)), entries, origin=ORIGIN, area=(-50.0, -40.0, 50.0, 40.0), crs="EPSG:25832",
        moderation=TOKEN, **fields,
    )  # fmt: skip


@pytest.fixture
def server(tmp_path: Path, samples: Path) -> Iterator[Running]:
    """A server with comments and votes, fast enough for tests."""
    service = bare_service(tmp_path / "page", samples, entries_pace=Pace(6000, 1000))
    with running(service) as found:
        yield found
    service.entries.close()


@pytest.fixture(scope="session")
def session(samples: Path) -> Session:
    """The market square of the sample district in cells of 2 m."""
    settings = {"name": "x", "baseline": "hitzetag.toml", "resolution": 2.0, "area": AREA}
    scenario = parse_scenario(settings, file=samples / "small.toml")
    stop = Place({"de": "Bushaltestelle", "en": "the bus stop"}, ORIGIN[0], ORIGIN[1])
    return Session.prepare(scenario, places=[stop], storm=samples / "starkregen.toml")


@pytest.fixture
def workshop_server(tmp_path: Path, samples: Path, session: Session) -> Iterator[Running]:
    """A server on which ideas can be tried."""
    service = bare_service(tmp_path / "page", samples, entries_pace=Pace(6000, 1000))
    rules = service.event.what_if.model_copy(update={"area": tuple(AREA)})
    service.workshop = Workshop(session, rules, ORIGIN, workers=2)
    with running(service) as found:
        yield found
    service.workshop.close()
    service.entries.close()


@pytest.fixture(scope="session")
def kit() -> Any:
    """What tests use to run servers of their own."""
    import types

    return types.SimpleNamespace(
        running=running, bare_service=bare_service, wait_for=wait_for, token=TOKEN, origin=ORIGIN, area=AREA, pace=Pace
    )
