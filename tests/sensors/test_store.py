"""The observation store: repeats, revisions, the newest value, closed days, and both databases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from twin.errors import InputError
from twin.sensors.records import BITS, DAY, HOUR, MINUTE, Batch, Flag, Stream, Thing
from twin.sensors.store import SensorStore
from twin.sensors.writing import Outcome

START = 20_000 * DAY


@pytest.fixture
def store(tmp_path: Path) -> SensorStore:
    made = SensorStore(f"sqlite:///{tmp_path / 'obs.db'}")
    for number in (1, 2, 3):
        place = Thing(f"t{number}", longitude=7.0 + number, latitude=51.0)
        made.add(Stream(f"t{number}/air_temperature", f"t{number}", "air_temperature", "degC"), place)
    return made


def test_repeats_are_nothing_and_changed_values_are_revisions(store: SensorStore) -> None:
    batch = Batch.of([1, 1, 2], [START, START + MINUTE, START], [20.0, np.nan, 5.0])
    assert store.ingest(batch) == Outcome(new=3)
    assert store.ingest(batch) == Outcome(repeats=3)
    assert store.counters()["repeats"] == 3
    changed = Batch.of([1, 1, 3], [START, START + MINUTE, START], [21.0, 20.5, 1.0], START + HOUR)
    assert store.ingest(changed) == Outcome(new=1, revised=2)
    old = store.revisions()
    assert old["result"].tolist()[0] == 20.0
    assert np.isnan(old["result"].tolist()[1])
    assert store.read([1]).result.tolist() == [21.0, 20.5]


def test_one_batch_with_the_same_key_several_times_keeps_the_last(store: SensorStore) -> None:
    assert store.ingest(Batch.of([1] * 4, [START] * 4, [1.0, 1.0, 2.0, 3.0])) == Outcome(1, 1, 2)
    assert store.read([1]).result.tolist() == [3.0]
    assert store.revisions()["result"].tolist() == [1.0, 2.0]


def test_latest_never_moves_back_and_ignores_the_future(store: SensorStore) -> None:
    store.ingest(Batch.of([1], [START + HOUR], [20.0]))
    store.ingest(Batch.of([1], [START], [10.0]))
    assert store.latest().loc[1, "result"] == 20.0
    quarantined = Batch.of([1], [START + DAY], [50.0])
    quarantined.bits[:], quarantined.flag[:] = BITS["future"], Flag.FAIL
    store.ingest(quarantined)
    assert store.latest().loc[1, ["time", "result"]].tolist() == [START + HOUR, 20.0]
    store.ingest(Batch.of([1], [START + HOUR], [20.5]))  # a revision of the newest
    assert store.latest().loc[1, "result"] == 20.5


def test_a_closed_day_reads_as_before_and_takes_late_values(store: SensorStore) -> None:
    rng = np.random.default_rng(1)
    stream = np.repeat([1, 2, 3], 2 * 1440)
    time = np.tile(START + np.arange(2 * 1440) * MINUTE, 3)
    batch = Batch.of(stream, time, rng.normal(20, 3, len(time)).round(2), time + 3_000_000)
    batch.flag[:], batch.flag[5], batch.bits[5] = Flag.GOOD, Flag.FAIL, BITS["gross_range"]
    store.ingest(batch)
    before, means = store.read(), store.hourly(START, START + 2 * DAY)
    assert store.compact(START + 2 * DAY) == [20_000, 20_001]
    after, kept = store.read(), store.hourly(START, START + 2 * DAY)
    for first, second in zip(before.columns(), after.columns(), strict=True):
        np.testing.assert_array_equal(first, second)
    for first, second in zip(means.columns(), kept.columns(), strict=True):
        np.testing.assert_array_equal(first, second)
    good = batch.result[:60][np.arange(60) != 5]
    assert means.mean[0] == pytest.approx(good.mean(), abs=1e-12)
    assert means.count[0] == 59
    store.ingest(Batch.of([1], [START], [99.0]))  # late, and other than archived
    assert store.read([1], START, START + MINUTE).result.tolist() == [99.0]
    assert store.hourly(START, START + HOUR).highest[0] == 99.0
    assert store.compact(START + 2 * DAY) == [20_000]
    assert store.revisions()["result"].tolist() == [batch.result[0]]
    assert store.read([1], START, START + MINUTE).result.tolist() == [99.0]
    assert len(store.read()) == len(batch)


def test_a_moved_thing_keeps_its_old_place_for_old_values(store: SensorStore) -> None:
    store.move("t1", START + DAY, 9.5, 52.0)
    assert store.streams(START).loc[1, "longitude"] == 8.0
    assert store.streams(START + DAY).loc[1, "longitude"] == 9.5


def test_schema_versions_are_told_and_brought_up_to_date(tmp_path: Path) -> None:
    from twin.sensors import schema

    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        schema.tables.create_all(connection, tables=list(schema._STEPS[0]))
        connection.execute(schema.schema_version.insert().values(version=1))
    with pytest.raises(InputError, match="twin sensors migrate"):
        SensorStore(url)
    assert SensorStore(url, migrate=True).migrated == (1, schema.VERSION)
    with engine.begin() as connection:
        connection.execute(schema.schema_version.insert().values(version=99))
    with pytest.raises(InputError, match="newer urban-twin"):
        SensorStore(url)


@pytest.mark.parametrize(
    "url", ["mysql://a:secret@host/b", "sqlite://", "sqlite:////no/such/folder/obs.db", "nonsense://"]
)
def test_addresses_that_do_not_work_are_told_without_their_password(url: str) -> None:
    with pytest.raises(InputError) as caught:
        SensorStore(url)
    assert "secret" not in str(caught.value)


def test_postgresql_does_the_same(postgres: str, tmp_path: Path) -> None:
    store = SensorStore(postgres, archive=tmp_path / "days")
    store.add(Stream("a", "a", "air_temperature", "degC"))
    batch = Batch.of([1, 1, 1], [START, START + MINUTE, START + MINUTE], [20.0, np.nan, 5.0])
    assert store.ingest(batch) == Outcome(new=2, revised=1)
    assert store.ingest(batch.take(slice(0, 1))) == Outcome(repeats=1)
    assert store.ingest(Batch.of([1], [START], [21.0])) == Outcome(revised=1)
    assert store.read().result.tolist() == [21.0, 5.0]
    assert store.latest().loc[1, "result"] == 5.0
    assert store.compact(START + DAY) == [20_000]
    assert store.read().result.tolist() == [21.0, 5.0]
    assert store.revisions()["result"].tolist()[1:] == [20.0]
    store.close()
