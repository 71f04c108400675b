"""Hostile and broken messages, times and names: refused in one sentence, quickly, without a trace in the store."""

from __future__ import annotations

import gzip
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError
from twin.sensors.arrival import Arrival
from twin.sensors.payloads import chirpstack, decode, plain, the_things_stack
from twin.sensors.records import BITS, DAY, MINUTE, Batch, Stream
from twin.sensors.stamps import parse_time
from twin.sensors.store import SensorStore

STAMP = b'{"time": "2024-07-01T12:00:00Z", '
HOSTILE = {
    "5 MB": b'{"a": "' + b"x" * 5_000_000 + b'"}',
    "depth 100,000": b"[" * 100_000 + b"]" * 100_000,
    "depth of objects": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "a million keys": b"{" + b",".join(b'"%d":1' % k for k in range(1_000_000)) + b"}",
    "NaN": STAMP + b'"temperature": NaN}',
    "Infinity": STAMP + b'"temperature": -Infinity}',
    "NUL": STAMP + b'"temperature": "\\u0000"}',
    "raw NUL": b'{"time": "\x00"}',
    "lone surrogate": STAMP + b'"mood": "\\ud800"}',
    "bad UTF-8": STAMP + b'"mood": "\xff\xfe"}',
    "gzip bomb": gzip.compress(b"0" * 10_000_000),
    "no JSON": b"<html>",
    "empty": b"",
    "cut": STAMP,
    "no object": b"[1, 2]",
    "huge digits": STAMP + b'"temperature": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_payloads_are_refused_within_50_ms(name: str) -> None:
    fastest = np.inf
    for _ in range(3):  # the best of three: the machine may be busy with others
        began = time.thread_time()
        with pytest.raises(InputError) as caught:
            plain("city/a", HOSTILE[name])
        fastest = min(fastest, time.thread_time() - began)
    assert fastest < 0.05
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "value", ["1e999", "1" + "0" * 400, '"1e999"', '"nan"', "null", "true", '"21,5"', "{}", "[]", '{"value": null}']
)
def test_numbers_that_are_none_give_no_reading(value: str) -> None:
    assert (
        plain("city/a", STAMP + f'"temperature": {value}, "humidity": 50}}'.encode()).readings[0].property
        == "relative_humidity"
    )


def test_numbers_written_as_text_a_byte_order_mark_and_repeated_keys_are_read() -> None:
    assert plain("city/a", b"\xef\xbb\xbf" + STAMP + b'"humidity": "55.5"}').readings[0].result == 55.5
    assert plain("city/a", STAMP + b'"humidity": 1, "humidity": 2}').readings[0].result == 2.0
    assert decode(b'{"a": "\\ud83c\\udf33"}') == {"a": "🌳"}


@pytest.mark.parametrize("device", ["a/b", "+", "#", "..", "a'b", "$SYS", "x" * 65_536, "", "a\nb", "ä", "-a", "a..b"])
def test_device_names_that_could_break_out_are_refused(device: str) -> None:
    uplink = {"end_device_ids": {"device_id": device}, "uplink_message": {"received_at": "2024-07-01T12:00:00Z"}}
    with pytest.raises(InputError):
        the_things_stack(f"v3/app/devices/{device}/up", json.dumps(uplink).encode())


def test_the_device_of_the_topic_is_that_of_the_message() -> None:
    uplink = {"end_device_ids": {"device_id": "mine"}, "uplink_message": {"received_at": "2024-07-01T12:00:00Z"}}
    with pytest.raises(InputError, match="its topic yours"):
        the_things_stack("v3/app/devices/yours/up", json.dumps(uplink).encode())
    chirp = {"deviceInfo": {"devEui": "mine"}, "time": "2024-07-01T12:00:00Z"}
    with pytest.raises(InputError, match="its topic yours"):
        chirpstack("application/1/device/yours/event/up", json.dumps(chirp).encode())


@pytest.mark.parametrize(
    "broken", [[], 3, None, {"end_device_ids": []}, {"end_device_ids": {"device_id": "a"}, "uplink_message": 3}]
)
def test_messages_of_another_shape_are_refused(broken: object) -> None:
    with pytest.raises(InputError):
        the_things_stack("v3/app/devices/a/up", json.dumps(broken).encode())


def test_times_by_their_zone() -> None:
    second = 1_000_000
    base = parse_time("2024-10-27T00:00:00Z")
    assert parse_time("2024-10-26T24:00:00Z") == base
    assert parse_time("2016-12-31T23:59:60Z") == parse_time("2017-01-01T00:00:00Z")
    assert (
        parse_time("27.10.24 01:30", "Europe/Berlin") == base - 1800 * second
    )  # summer time, before the day of 25 hours
    assert parse_time("2024-10-27 03:30", "Europe/Berlin") == base + 9000 * second
    assert parse_time(1_719_835_200) == parse_time(1_719_835_200_000) == parse_time("2024-07-01T12:00:00Z")
    assert parse_time("2024-07-01T12:00:00.123456789Z") % second == 123_456
    for value, zone in (
        (0, None), ("1970-01-01T00:00:00Z", None), ("2101-01-01T00:00:00Z", None), ("2024-07-01T12:00:00", None),
        ("2024-03-31 02:30", "Europe/Berlin"), ("2024-02-30T00:00:00Z", None), ("yesterday", "UTC"), (True, None),
        (None, None), (float("nan"), None), (1e300, None), ("2024-07-01T25:00:00Z", None),
    ):  # fmt: skip
        with pytest.raises(InputError):
            parse_time(value, zone)


@pytest.fixture
def store(tmp_path: Path) -> SensorStore:
    made = SensorStore(str(tmp_path / "obs.db"))
    made.add(Stream("a", "a", "air_temperature", "degC"))
    return made


def test_values_out_of_order_give_the_hours_of_values_in_order(store: SensorStore, tmp_path: Path) -> None:
    start = 20_000 * DAY
    batch = Batch.of([1] * 200, start + np.arange(200) * MINUTE, 20 + np.arange(200) % 7 / 10, start + DAY)
    other = SensorStore(str(tmp_path / "other.db"))
    other.add(Stream("a", "a", "air_temperature", "degC"))
    Arrival(store).ingest(batch)
    arrival = Arrival(other)
    order = np.random.default_rng(0).permutation(200)
    for part in np.array_split(order, 9):
        arrival.ingest(batch.take(part))
    for first, second in zip(
        store.hourly(start, start + DAY).columns(), other.hourly(start, start + DAY).columns(), strict=True
    ):
        np.testing.assert_array_equal(first, second)
    assert other.latest().loc[1, "time"] == batch.time[-1]


def test_a_year_that_is_far_off_never_becomes_the_newest(store: SensorStore) -> None:
    now = 20_000 * DAY
    Arrival(store).ingest(Batch.of([1, 1], [now, now + 3650 * DAY], [20.0, 21.0], now))
    assert store.latest()["time"].tolist() == [now]
    assert store.read().bits.tolist() == [0, BITS["future"]]


def test_readers_during_writing_wait_less_than_half_a_second(store: SensorStore) -> None:
    start, stop, slowest, counts = 20_000 * DAY, threading.Event(), 0.0, [0]
    url = store.url

    def write() -> None:
        step = 0
        while not stop.is_set():
            store.ingest(Batch.of([1] * 500, start + (step * 500 + np.arange(500)) * 1000, np.full(500, 20.0)))
            step += 1

    thread = threading.Thread(target=write)
    thread.start()
    with SensorStore(url) as reader:
        for _ in range(20):
            began = time.perf_counter()
            latest = reader.latest()
            slowest = max(slowest, time.perf_counter() - began)
            counts.append(int(latest["time"].iloc[0]) if len(latest) else 0)
    stop.set()
    thread.join()
    assert slowest < 0.5
    assert counts == sorted(counts)
    assert counts[-1] > 0


def test_a_full_disk_loses_nothing_and_goes_on_by_itself(store: SensorStore) -> None:
    import sqlalchemy as sa

    start = 20_000 * DAY
    with store.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    batch = Batch.of([1] * 5000, start + np.arange(5000) * MINUTE, np.arange(5000.0) / 1000)
    with pytest.raises(sa.exc.OperationalError, match="full"):
        store.ingest(batch)
    assert not len(store.read())  # all or nothing
    with store.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert store.ingest(batch).new == 5000


def test_what_was_refused_is_kept_short(store: SensorStore) -> None:
    store.refuse("mqtt", "too large", b"\x00\xff" * 3_000_000)
    with store.reading() as connection:
        kept = connection.exec_driver_sql("SELECT start, reason FROM dead_letters").fetchall()
    assert len(kept) == 1
    assert 0 < len(kept[0][0].encode()) <= 3000
    assert "\x00" not in kept[0][0]
