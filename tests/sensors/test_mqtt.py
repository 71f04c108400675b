"""A real broker: messages become rows, nothing acknowledged is lost, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twin.errors import InputError
from twin.sensors.intake import Intake
from twin.sensors.mqtt import Broker, Listener, secret
from twin.sensors.store import SensorStore

Publish = Callable[[list[tuple[str, bytes]]], None]
NOW = time.time() - 3600

NURSERY = """
import os, signal, sys
from twin.sensors.intake import Intake
from twin.sensors.mqtt import Broker, Listener
from twin.sensors.store import SensorStore
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:  # each line is one more life, forked from the loaded program
    child = os.fork()
    if child == 0:
        broker = Broker("127.0.0.1", int(sys.argv[2]), "kill/+", client_id="killed")
        listener = Listener(Intake(SensorStore(sys.argv[1])), broker, batch_size=20)
        listener.run()
    print(child, flush=True)
"""


def message(device: str, number: int, value: float) -> tuple[str, bytes]:
    return f"kill/{device}", json.dumps({"time": NOW + number, "air_temperature": value}).encode()


def listener_of(store: SensorStore, port: int, topic: str, client: str, **more: Any) -> Listener:
    return Listener(Intake(store), Broker("127.0.0.1", port, topic, client_id=client, **more))


def drain(listener: Listener, count: int, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    listener.run(lambda: listener.health.received >= count or time.monotonic() > end)


def test_messages_of_three_kinds_become_rows(tmp_path: Path, mosquitto: Any, publish: Publish) -> None:
    stamp = "2024-07-01T12:00:00Z"
    uplink = {
        "end_device_ids": {"device_id": "a"},
        "uplink_message": {"received_at": stamp, "decoded_payload": {"temp_SOIL": "20.5"}},
    }
    chirp = {"deviceInfo": {"devEui": "b"}, "time": stamp, "object": {"temperature": {"value": 70.7, "unit": "degF"}}}
    store = SensorStore(str(tmp_path / "obs.db"))
    for kind, topic, where, payload in (
        ("the_things_stack", "", "v3/city@ttn/devices/a/up", uplink),
        ("chirpstack", "", "application/1/device/b/event/up", chirp),
        ("json", "plain/+", "plain/c", {"time": stamp, "humidity": 55, "mood": 3}),
    ):
        listener = listener_of(store, mosquitto.port, topic, kind, kind=kind)
        drain(listener, 0, 0.5)  # the session exists from now on
        publish([(where, json.dumps(payload).encode()), (where, b'{"time": NaN}')])
        listener = listener_of(store, mosquitto.port, topic, kind, kind=kind)
        drain(listener, 2)
        assert (listener.health.written, listener.health.refused) == (1, 1)
    assert listener.health.unmapped == {"mood": 1}
    found = store.latest()["result"].round(6).tolist()
    assert found == [20.5, 21.5, 55.0]
    assert store.counters()["refused"] == 3


def test_kill_9_of_ingest_20_times_loses_nothing_acknowledged(tmp_path: Path, mosquitto: Any, publish: Publish) -> None:
    url = f"sqlite:///{tmp_path / 'obs.db'}"
    store, total = SensorStore(url), 0
    drain(listener_of(store, mosquitto.port, "kill/+", "killed"), 0, 0.5)
    command = [sys.executable, "-c", NURSERY, url, str(mosquitto.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for life in range(20):
            publish([message("d", total + k, float(life)) for k in range(100)])
            total += 100
            before = len(store.read())
            nursery.stdin.write("live\n")
            child = int(nursery.stdout.readline())
            end = time.monotonic() + 10
            while len(store.read()) == before and time.monotonic() < end:
                time.sleep(0.005)  # until it is in the middle of its work
            os.kill(child, signal.SIGKILL)
        nursery.stdin.close()
    assert len(store.read()) > 0
    last = listener_of(store, mosquitto.port, "kill/+", "killed")
    end = time.monotonic() + 40
    last.run(lambda: len(store.read()) >= total or time.monotonic() > end)
    rows = store.read()
    assert len(rows) == total  # none lost, none twice
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"


def test_kill_9_of_the_broker_loses_nothing(tmp_path: Path, mosquitto: Any, publish: Publish) -> None:
    store = SensorStore(str(tmp_path / "obs.db"))
    drain(listener_of(store, mosquitto.port, "kill/+", "patient"), 0, 0.5)
    publish([message("e", k, 1.0) for k in range(200)])
    mosquitto.save()
    mosquitto.kill()
    mosquitto.start()
    listener = listener_of(store, mosquitto.port, "kill/+", "patient")
    drain(listener, 200)
    assert listener.health.written == 200


def test_a_stalled_writer_stops_the_receiver_and_loses_nothing(
    tmp_path: Path, mosquitto: Any, publish: Publish
) -> None:
    store = SensorStore(str(tmp_path / "obs.db"))
    drain(listener_of(store, mosquitto.port, "kill/+", "slow"), 0, 0.5)
    publish([message("f", k, 1.0) for k in range(600)])
    listener = Listener(Intake(store), Broker("127.0.0.1", mosquitto.port, "kill/+", client_id="slow"), queue_size=50)
    listener._client.connect("127.0.0.1", mosquitto.port)
    listener._client.loop_start()
    time.sleep(1.5)
    assert listener._waiting.qsize() == 50
    assert listener.health.received <= 51
    end = time.monotonic() + 30
    while listener.health.written < 600 and time.monotonic() < end:
        listener.step()
    listener.stop()
    assert len(store.read()) == 600


def test_two_listeners_with_one_name_are_told(tmp_path: Path, mosquitto: Any) -> None:
    both = [listener_of(SensorStore(str(tmp_path / f"{n}.db")), mosquitto.port, "x/+", "same") for n in range(2)]
    told: list[str] = []
    end = time.monotonic() + 40

    def listen(listener: Listener) -> None:
        try:
            listener.run(lambda: bool(told) or time.monotonic() > end)
        except InputError as error:
            told.append(str(error))

    threads = [threading.Thread(target=listen, args=(one,)) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert told
    assert "client_id" in told[0]


def test_secrets_come_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_TEST_SECRET", "quiet")
    assert secret("env:TWIN_TEST_SECRET") == "quiet"
    file = tmp_path / "key"
    file.write_text("quiet\n")
    file.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        secret(f"file:{file}")
    file.chmod(0o600)
    assert secret(f"file:{file}") == "quiet"
    with pytest.raises(InputError) as caught:
        secret("quiet")
    assert "quiet" not in str(caught.value)
