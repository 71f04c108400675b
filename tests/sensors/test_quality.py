"""Tests of single series: planted faults, values around them, arrival in pieces, and the table of limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError
from twin.sensors.arrival import Arrival
from twin.sensors.quality import configuration, series_bits
from twin.sensors.records import BITS, DAY, HOUR, MINUTE, Batch, Flag, Stream
from twin.sensors.store import SensorStore

START = 20_000 * DAY
STEP = 5 * MINUTE


def made_day(days: int = 4, seed: int = 3) -> Batch:
    time = START + np.arange(days * DAY // STEP) * STEP
    values = 15 + 8 * np.sin(time / DAY * 2 * np.pi) + np.random.default_rng(seed).normal(0, 0.1, len(time))
    return Batch.of(np.ones(len(time)), time, values.round(2), time + 2_000_000)


def bits_of(batch: Batch, name: str = "air_temperature") -> np.ndarray:
    return series_bits(batch, configuration().rows([name] * len(batch)))[0]


def test_a_clean_series_is_good_throughout() -> None:
    assert not bits_of(made_day()).any()


def test_planted_faults_are_found_and_their_neighbours_are_not() -> None:
    batch = made_day()
    spikes = np.random.default_rng(5).choice(np.arange(10, 500, 4), 40, replace=False)
    batch.result[spikes] += 12
    batch.result[600:610] = -999.0
    batch.result[700:760] = batch.result[700]  # five hours
    batch.result[900:930] = np.nan
    bits = bits_of(batch)
    assert ((bits & BITS["spike"]) != 0).nonzero()[0].tolist() == sorted(spikes.tolist())
    assert ((bits & BITS["gross_range"]) != 0).nonzero()[0].tolist() == list(range(600, 610))
    assert ((bits & BITS["missing"]) != 0).nonzero()[0].tolist() == list(range(900, 930))
    flat = ((bits & BITS["flat_line"]) != 0).nonzero()[0]
    assert flat.tolist() == list(range(700 + 4 * HOUR // STEP, 760))
    rest = np.setdiff1d(np.arange(len(batch)), np.r_[spikes, 600:610, 700:761, 900:930])
    assert not bits[rest].any()


def test_fog_calm_and_night_may_stay_but_dry_humidity_may_not() -> None:
    time = START + np.arange(DAY // STEP) * STEP
    for value, name, stuck in (
        (100.0, "relative_humidity", False),
        (55.0, "relative_humidity", True),
        (0.0, "wind_speed", False),
        (7.0, "wind_speed", True),
        (0.0, "global_radiation", False),
    ):
        batch = Batch.of(np.ones(len(time)), time, np.full(len(time), value))
        assert bool((bits_of(batch, name) & BITS["flat_line"]).any()) is stuck, (value, name)


def test_values_in_pieces_get_the_flags_of_the_whole(tmp_path: Path) -> None:
    store = SensorStore(f"sqlite:///{tmp_path / 'obs.db'}")
    for name in "abc":
        store.add(Stream(name, name, "air_temperature", "degC"))
    whole = made_day(2)
    whole.result[[50, 51, 120]] = [40.0, -999.0, 30.0]
    whole.result[300:360] = whole.result[300]
    everything = Batch.together(
        [Batch.of(np.full(len(whole), n), whole.time, whole.result, whole.received) for n in (1, 2, 3)]
    )
    arrival = Arrival(store)
    order = np.argsort(everything.time, kind="stable")
    cuts = np.sort(np.random.default_rng(0).integers(0, len(order), 60))
    for number, part in enumerate(np.split(order, cuts)):
        if number == 30:
            arrival = Arrival(store)  # as after a restart
        arrival.ingest(everything.take(part))
    stored = store.read([2])
    np.testing.assert_array_equal(stored.bits, bits_of(whole))
    assert {Flag.GOOD, Flag.FAIL} <= set(stored.flag.tolist())


def test_future_values_are_quarantined_and_late_ones_marked(tmp_path: Path) -> None:
    store = SensorStore(f"sqlite:///{tmp_path / 'obs.db'}")
    store.add(Stream("a", "a", "air_temperature", "degC"))
    times = np.array([START, START + 6 * MINUTE, START + MINUTE, START - 8 * DAY])
    Arrival(store).ingest(Batch.of([1] * 4, times, [20.0, 60.0, 20.1, 19.0], START))
    stored = store.read()
    assert stored.bits.tolist() == [BITS["late"], 0, BITS["skew"], BITS["future"]]
    assert stored.flag.tolist() == [1, 1, 3, 4]
    assert store.latest().loc[1, "time"] == START + MINUTE


def test_paused_streams_are_suspect_until_they_count_again(tmp_path: Path) -> None:
    store = SensorStore(f"sqlite:///{tmp_path / 'obs.db'}")
    store.add(Stream("a", "a", "air_temperature", "degC"))
    store.pause([1])
    arrival = Arrival(store)
    arrival.ingest(Batch.of([1], [START], [20.0]))
    store.pause([1], paused=False)
    arrival.refresh()
    arrival.ingest(Batch.of([1], [START + MINUTE], [20.0]))
    assert store.read().flag.tolist() == [3, 1]


def test_limits_can_be_changed_and_say_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text("[air_temperature]\nclimate_high = 35\n[sap_flow]\nspan_low = 0\nspan_high = 5\n")
    own, house = configuration(file), configuration()
    assert own.version != house.version
    assert own.limits["air_temperature"][:4] == (-40.0, 60.0, -35.0, 35.0)
    assert own.limits["sap_flow"][:2] == (0.0, 5.0)
    for content, words in (
        ("[air_temperature]\nclimate_hihg = 35\n", "climate_hihg"),
        ("[air_temperature]\nclimate_high = 'x'\n", "no number"),
        ("[air_temperature]\nspan_low = 70\n", "above the upper"),
        ("[air_temperature\n", "no valid TOML"),
    ):
        file.write_text(content)
        with pytest.raises(InputError, match=words):
            configuration(file)
