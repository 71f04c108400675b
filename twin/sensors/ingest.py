"""A profile at work: files are read once, brokers are listened to, and a recorded day can be played to a broker."""

from __future__ import annotations

import json
import threading
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from twin.errors import InputError
from twin.language import text
from twin.sensors.intake import Intake
from twin.sensors.mqtt import Broker, Listener
from twin.sensors.privacy import hashed, salt_beside
from twin.sensors.profile import Profile, read_file, read_stations
from twin.sensors.quality import configuration
from twin.sensors.store import SensorStore
from twin.sensors.writing import Outcome

__all__ = ["Done", "ingest", "replay"]


@dataclass
class Done:
    """What an ingest did: outcome of the files, and the listeners with their health."""

    files: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    listeners: list[Listener] = field(default_factory=list)


def ingest(profile: Profile, until: Callable[[Done], bool] | None = None) -> Done:
    """Read all files of a profile, then listen to its brokers.

    Parameters
    ----------
    profile : Profile
        From :func:`twin.sensors.profile.read_profile`.
    until : callable, optional
        Listening ends when it returns true; by default it goes on until interrupted.
    """
    done = Done()
    limits = configuration(profile.folder / profile.limits) if profile.limits else None
    with SensorStore(profile.store_url(), archive=profile.archive) as store:
        places = read_stations(profile.folder / profile.stations) if profile.stations else []
        for source in profile.source:
            name_of = partial(_personal_name, store, source.salt)
            intake = Intake(store, limits, station_class=source.station_class, privacy=source.privacy, name_of=name_of)
            intake.know(places)
            if source.kind == "mqtt":
                names = ("host", "port", "topic", "client_id", "user", "password", "tls", "zone")
                broker = Broker(kind=source.messages, **{name: getattr(source, name) for name in names})
                done.listeners.append(Listener(intake, broker))
                continue
            found = sorted(profile.folder.glob(source.path))
            if not found:
                raise InputError(text("sensors.file_missing", file=source.path))
            for file in found:
                readings, where = read_file(file, source.format or "")
                done.outcome += intake.take(readings, places=where)
                done.files += 1
        _listen(done, until)
    return done


def _personal_name(store: SensorStore, salt: str | None, device: str) -> str:
    return hashed(device, salt or salt_beside(store))


def _listen(done: Done, until: Callable[[Done], bool] | None) -> None:
    faults: list[BaseException] = []

    def run(listener: Listener) -> None:
        try:
            listener.run((lambda: until(done)) if until else None)
        except InputError as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(listener,), daemon=True) for listener in done.listeners]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads) and not faults:
            threads[0].join(0.2)
            clock.sleep(0.05)
    finally:
        for listener in done.listeners:
            listener.stop()
        for thread in threads:
            thread.join(10)
    if faults:
        raise faults[0]


def replay(path: str | Path, host: str, port: int, *, speed: float = 1000.0) -> int:
    """Publish a recorded day to a broker, at a multiple of its own speed; return the number of messages.

    Parameters
    ----------
    path : str or pathlib.Path
        Lines of JSON: ``{"at": seconds since the first, "topic": ..., "payload": {...}}``.
    host, port : str, int
        The broker.
    speed : float
        How many times as fast as it was recorded.
    """
    from paho.mqtt import client as paho

    file = Path(path)
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError):
        raise InputError(text("sensors.replay_broken", file=file)) from None
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(500)
    try:
        client.connect(host, port)
    except OSError as error:
        raise InputError(text("sensors.broker_unreachable", host=host, port=port, reason=str(error))) from None
    client.loop_start()
    began, sent = clock.monotonic(), []
    for line in lines:
        wait = line["at"] / speed - (clock.monotonic() - began)
        if wait > 0:
            clock.sleep(wait)
        sent.append(client.publish(line["topic"], json.dumps(line["payload"], separators=(",", ":")), qos=1))
    for one in sent:
        one.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
    return len(sent)
