"""What is kept and handed out of people: names, places, groups, time limits, erasing to the last file, export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twin.cli import main
from twin.errors import InputError
from twin.sensors.ingest import ingest
from twin.sensors.intake import Intake
from twin.sensors.privacy import aggregated, erase, expire, export_person, hashed
from twin.sensors.profile import read_profile
from twin.sensors.properties import Place, Reading
from twin.sensors.records import DAY, Batch, Stream, Thing
from twin.sensors.store import SensorStore

START = 19_000 * DAY


def household(folder: Path, days: int = 3) -> SensorStore:
    """Two meters with hourly values; the first days are closed, one value is revised."""
    store = SensorStore(str(folder / "obs.db"))
    for thing in ("meter-anna", "meter-bert"):
        number = store.add(Stream(f"{thing}/energy", thing, "energy", "kWh"), Thing(thing, privacy="personal"))
        times = START + np.arange(24 * days) * DAY // 24
        store.ingest(
            Batch.of(np.full(24 * days, number), times, np.arange(24.0 * days), flag=np.ones(24 * days, np.uint8))
        )
    store.ingest(Batch.of([1], [START + DAY], [999.0], flag=np.ones(1, np.uint8)))
    store.compact(START + 2 * DAY)
    return store


def test_erasing_leaves_nothing_in_tables_and_files(tmp_path: Path) -> None:
    store = household(tmp_path)
    store.refuse("city/meter-anna", "broken", b'{"device": "meter-anna"')
    export_person(store, "meter-anna", who="clerk")
    before = store.read([2])
    assert erase(store, "meter-anna", who="clerk") == 72
    assert len(store.read([1])) == 0
    np.testing.assert_array_equal(store.read([2]).result, before.result)
    assert list(store.streams()["thing"]) == ["meter-bert"]
    assert not len(store.revisions())
    assert 1 not in store.latest().index
    store.close()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"meter-anna" not in file.read_bytes(), file
    days = pd.concat([pd.read_parquet(file) for file in tmp_path.rglob("*.parquet")])
    assert set(days["stream"]) == {2}
    with SensorStore(str(tmp_path / "obs.db")) as again, pytest.raises(InputError):
        erase(again, "meter-anna")


def test_the_person_concerned_gets_all_and_the_access_is_logged(tmp_path: Path) -> None:
    store = household(tmp_path)
    first = export_person(store, "meter-anna", who="clerk")
    assert len(first["values"]) == 72
    assert [row["result"] for row in first["replaced"]] == [24.0]
    assert {row["stream"] for row in first["values"]} == {"meter-anna/energy"}
    assert first["access"] == []
    assert [(row["who"], row["what"]) for row in export_person(store, "meter-anna")["access"]] == [("clerk", "export")]
    store.close()


def test_values_go_when_their_time_is_over(tmp_path: Path) -> None:
    store = household(tmp_path)
    roof = store.add(Stream("roof/t", "roof", "air_temperature", "degC"), Thing("roof"))
    short = store.add(Stream("short/t", "short", "air_temperature", "degC"), Thing("short", retention_days=1))
    store.ingest(Batch.of([roof, short], [START, START], [20.0, 20.0]))
    gone = expire(store, START + 366 * DAY)  # a year after the first day, which is closed
    assert gone == 2 * 24 + 1
    assert store.read([1]).time.min() == START + DAY
    assert len(store.read([roof])) == 1
    assert expire(store, START + 366 * DAY) == 0
    store.close()


def test_meters_are_personal_unless_declared_and_have_neither_name_nor_place(tmp_path: Path) -> None:
    salt = tmp_path / "salt"
    salt.write_text("0123456789abcdef")
    salt.chmod(0o600)
    store = SensorStore(str(tmp_path / "obs.db"))
    place = Place("dev-1", 0, 10.028274, 51.234496, 100.0, "Flat of Anna")
    intake = Intake(store, name_of=lambda device: hashed(device, f"file:{salt}"))
    intake.take([Reading("dev-1", "energy", START, 1.0, "kWh")], places=[place])
    private = Intake(store, privacy="private")
    private.take(
        [Reading("dev-2", "air_temperature", START, 20.0, "degC")],
        places=[place._replace(thing="dev-2", name="Garden")],
    )
    Intake(store, privacy="public").take([Reading("school", "energy", START, 5.0, "kWh")])
    table = store.streams().set_index("thing")
    (meter,) = [name for name in table.index if name.startswith("h")]
    assert meter == hashed("dev-1", f"file:{salt}")
    assert table.loc[meter, "privacy"] == "personal"
    assert np.isnan(table.loc[meter, "longitude"])
    assert (table.loc["dev-2", "longitude"], table.loc["dev-2", "latitude"]) == (10.028, 51.234)
    assert table.loc["school", "privacy"] == "public"
    store.close()
    assert b"Anna" not in (tmp_path / "obs.db").read_bytes()
    assert b"dev-1" not in (tmp_path / "obs.db").read_bytes()
    salt.write_text("short")
    with pytest.raises(InputError):
        hashed("dev-1", f"file:{salt}")


def test_a_profile_hashes_meters_with_a_salt_of_its_own(tmp_path: Path) -> None:
    line = {"topic": "m/dev-1", "payload": {"time": "2024-07-01T00:00:00Z", "energy": {"value": 2, "unit": "kWh"}}}
    (tmp_path / "day.jsonl").write_text(json.dumps(line))
    (tmp_path / "p.toml").write_text(
        'store = "obs.db"\n[[source]]\nkind = "files"\npath = "day.jsonl"\nformat = "messages"\n'
    )
    for expected in (1, 0):  # the same name the second time: a repeat
        assert ingest(read_profile(tmp_path / "p.toml")).outcome.new == expected
    assert (tmp_path / "obs.db.salt").stat().st_mode & 0o777 == 0o600
    with SensorStore(str(tmp_path / "obs.db")) as store:
        assert store.streams()["thing"].str.match("h[0-9a-f]{24}$").all()


def test_groups_of_fewer_than_five_are_left_out() -> None:
    table = pd.DataFrame({"thing": list("abcdeabcd"), "street": ["A"] * 5 + ["B"] * 4, "result": np.arange(9.0)})
    shown = aggregated(table, ["street"])
    assert shown[["street", "units", "mean"]].to_numpy().tolist() == [["A", 5, 2.0]]
    assert shown.attrs["groups_left_out"] == 1
    twice = pd.concat([table[table["street"] == "B"]] * 2)  # four households that report twice are still four
    assert not len(aggregated(twice, ["street"]))


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    household(tmp_path).close()
    url = str(tmp_path / "obs.db")

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["sensors", *words, "--lang", "en"])
        return int(ended.value.code or 0)

    assert run("export", url, str(tmp_path / "a.json"), "--thing", "meter-anna") == 0
    assert len(json.loads((tmp_path / "a.json").read_text())["values"]) == 72
    assert (tmp_path / "a.json").stat().st_mode & 0o077 == 0
    assert run("export", url, str(tmp_path / "a.csv"), "--thing", "meter-anna") == 2
    assert run("expire", url) == 0
    assert run("erase", url, "--thing", "meter-anna", "--yes") == 0
    assert run("erase", url, "--thing", "meter-anna", "--yes") == 2
    assert "no thing 'meter-anna'" in capsys.readouterr().err
