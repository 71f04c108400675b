"""Sensors: how fast values become durable rows, how small closed days are, and how quickly they answer.

Run ``python benchmarks/sensors.py`` (``--small`` for a tenth of the rows, ``--broker 1883`` with a broker). Prints one row a figure with its goal.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from twin.sensors.records import DAY, MINUTE, SECOND, Batch, Flag, Stream
from twin.sensors.store import SensorStore

START = 20_000 * DAY


def row(name: str, value: float, unit: str, goal: str) -> None:
    print(f"| {name} | {value:,.4g} {unit} | {goal} |", flush=True)


def filled(folder: Path, streams: int) -> SensorStore:
    store = SensorStore(f"sqlite:///{folder / 'bench.db'}")
    for number in range(streams):
        store.add(Stream(f"s{number}", f"t{number}", "air_temperature", "degC"))
    return store


def diurnal(rng: np.random.Generator, stream: np.ndarray, moment: np.ndarray) -> Batch:
    values = 15 + 8 * np.sin(moment / DAY * 2 * np.pi) + stream % 7 * 0.3 + rng.normal(0, 0.2, len(stream))
    batch = Batch.of(stream, moment, values.round(1), moment + rng.integers(1, 4, len(stream)) * SECOND)
    batch.flag[:] = Flag.GOOD
    batch.flag[rng.random(len(stream)) < 0.02] = Flag.SUSPECT
    return batch


def store_figures(folder: Path, share: float) -> None:
    rng = np.random.default_rng(1)
    streams, steps = 1000, int(10_000 * share)
    interval = 30 * DAY // 10_000 // SECOND * SECOND
    store = filled(folder, streams)
    numbers = np.arange(1, streams + 1)

    part = diurnal(rng, np.tile(numbers, 250), START - DAY + np.repeat(np.arange(250) * MINUTE, streams))
    began = time.perf_counter()
    store.ingest(part)
    row("import of 250,000 observations", time.perf_counter() - began, "s", "<= 5 s")

    began, many = time.perf_counter(), 10
    for first in range(0, steps, many):
        moment = START + np.repeat(np.arange(first, first + many) * interval, streams)
        store.ingest(diurnal(rng, np.tile(numbers, many), moment))
    taken = time.perf_counter() - began
    row(f"rows in, batches of {many * streams:,}, {steps * streams:,} rows", steps * streams / taken, "rows/s", "-")

    best = min(timed(store.latest) for _ in range(20))
    row(f"latest of {streams:,} streams in {steps * streams:,} rows", best * 1e3, "ms", "<= 5 ms")

    began = time.perf_counter()
    store.compact(START + 40 * DAY)
    row("closing of days", steps * streams / (time.perf_counter() - began), "rows/s", "-")
    size = sum(file.stat().st_size for file in store.archive.folder.rglob("*.parquet"))
    rows = steps * streams + 250_000
    row("archive with flags, bits, delay and hourly means", size / rows, "B/row", "<= 6 B/row")
    best = min(timed(lambda: store.hourly(START, START + 31 * DAY)) for _ in range(5))
    groups = len(store.hourly(START, START + 31 * DAY).hour)
    row(f"hourly means, {groups:,} groups", best, "s", "<= 0.5 s")


def arrival_figures(folder: Path) -> None:
    """Values through the tests of arrival to durable rows, in batches of 12,000 (4,000 messages of three values)."""
    from twin.sensors.intake import Intake
    from twin.sensors.payloads import the_things_stack

    store = SensorStore(str(folder / "arrival.db"))
    intake = Intake(store)
    now, count = time.time(), 20_000
    messages = [uplink(f"node-{k % 500}", now - 3600 + k // 500 * 60, k) for k in range(count)]
    intake.take([r for topic, payload in messages[:500] for r in the_things_stack(topic, payload).readings])
    began = time.perf_counter()
    for first in range(0, count, 4_000):
        readings = [
            r for topic, payload in messages[first : first + 4_000] for r in the_things_stack(topic, payload).readings
        ]
        intake.take(readings)
    row(
        "uplinks read, tested and durable, without the network",
        3 * count / (time.perf_counter() - began),
        "values/s",
        "-",
    )


def uplink(device: str, moment: float, number: int) -> tuple[str, bytes]:
    """Return an uplink of The Things Stack with three values."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(moment))
    values = {"temp_SOIL": f"{20 + number % 40 / 10:.2f}", "water_SOIL": f"{15 + number % 30 / 10:.2f}", "Bat": 3.6}
    message = {
        "end_device_ids": {
            "device_id": device,
            "application_ids": {"application_id": "city"},
            "dev_eui": "A84041000181854C",
        },
        "received_at": stamp,
        "uplink_message": {
            "f_port": 2,
            "f_cnt": number,
            "frm_payload": "ziIpAPEHpQmbbiiQ",
            "decoded_payload": values,
            "received_at": stamp,
        },
    }
    return f"v3/city@ttn/devices/{device}/up", json.dumps(message).encode()


def broker_figures(folder: Path, port: int) -> None:
    """Uplinks that wait at a broker on this machine to durable rows, each acknowledged after its commit."""
    from paho.mqtt import client as paho

    from twin.sensors.intake import Intake
    from twin.sensors.mqtt import Broker, Listener
    from twin.sensors.payloads import the_things_stack

    broker = Broker("127.0.0.1", port, kind="the_things_stack", client_id=f"bench-{time.time_ns()}")
    store = SensorStore(str(folder / "broker.db"))
    known = [uplink(f"node-{k}", time.time() - 7200, k) for k in range(500)]
    Intake(store).take([r for topic, payload in known for r in the_things_stack(topic, payload).readings])
    listener = Listener(Intake(store), broker)
    end = time.monotonic() + 1.0
    listener.run(lambda: time.monotonic() > end)  # the session exists from now on
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(2_000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    now, count = time.time(), 20_000
    sent = [client.publish(*uplink(f"node-{k % 500}", now - 3600 + k // 500 * 60, k), qos=1) for k in range(count)]
    for one in sent:
        one.wait_for_publish(120)
    client.disconnect()
    client.loop_stop()
    listener = Listener(Intake(store), broker)
    began, last = time.perf_counter(), time.monotonic() + 120
    listener.run(lambda: listener.health.written >= 3 * count or time.monotonic() > last)
    taken = time.perf_counter() - began
    row(
        f"MQTT to durable rows, {listener.health.written:,} of {3 * count:,} values",
        listener.health.written / taken,
        "values/s",
        ">= 30,000",
    )


def fusion_figures() -> None:
    """Planted faults and the fused map in made cities (sensors_city.py)."""
    import pandas as pd
    import xarray as xr
    from sensors_city import made_city

    from twin.sensors.fusion import fuse

    caught, false, errors, covers, alone, unchecked = [], [], [], [], [], []
    for seed in range(12):
        made = made_city(seed)
        guess = xr.DataArray(made.model, coords={"y": made.axis, "x": made.axis}, dims=("y", "x"))
        table = pd.DataFrame(
            {"x": made.x, "y": made.y, "result": made.observed, "flag": 1, "station_class": "municipal"}
        )
        fused, used = fuse(guess, table, "air_temperature")
        bad, out = made.kind != "ok", (used["why_not"] == "neighbour").to_numpy()
        caught.append((bad & out).sum())
        false.append((~bad & out).sum())
        off = fused["air_temperature"].values - made.truth
        errors.append(np.sqrt(np.mean(off**2)))
        covers.append(np.mean(np.abs(off) <= 1.6449 * fused["air_temperature_error"].values))
        alone.append(np.sqrt(np.mean((made.model - made.truth) ** 2)))
        raw, _ = fuse(guess, table, "air_temperature", check=False)
        unchecked.append(np.sqrt(np.mean((raw["air_temperature"].values - made.truth) ** 2)))
    row("planted faults caught of 25 (12 cities)", float(np.mean(caught)), "", ">= 24")
    row("good stations taken for faulty, of 125", float(np.mean(false)), "", "<= 2")
    row("RMSE of the model alone", float(np.mean(alone)), "K", "-")
    row("RMSE fused with unchecked stations", float(np.mean(unchecked)), "K", "-")
    row("RMSE fused", float(np.mean(errors)), "K", "<= 0.45 K")
    row("90 % interval covers", float(np.mean(covers)) * 100, "%", "85-95 %")


def timed(action: object) -> float:
    began = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--broker", type=int, default=0, help="port of an MQTT broker on this machine")
    parser.add_argument("--only", choices=("store", "arrival", "broker", "fusion"), help="one part")
    asked = parser.parse_args()
    print("| figure | measured | goal |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        if asked.only in (None, "fusion"):
            fusion_figures()
        if asked.only in (None, "arrival"):
            arrival_figures(Path(folder))
        if asked.broker and asked.only in (None, "broker"):
            broker_figures(Path(folder), asked.broker)
        if asked.only in (None, "store"):
            store_figures(Path(folder), 0.1 if asked.small else 1.0)


if __name__ == "__main__":
    main()
