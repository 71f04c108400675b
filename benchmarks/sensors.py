"""Sensors: how fast values become durable rows, how small closed days are, and how quickly they answer.

Run ``python benchmarks/sensors.py`` (``--small`` for a tenth of the rows). Prints one row a figure with its goal.
"""

from __future__ import annotations

import argparse
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


def timed(action: object) -> float:
    began = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    asked = parser.parse_args()
    print("| figure | measured | goal |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        store_figures(Path(folder), 0.1 if asked.small else 1.0)


if __name__ == "__main__":
    main()
