"""The state of the city on the recorded day of the sample district: map, levels, JSON, picture."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from twin.cli import main
from twin.scenario.nowcast import Nowcaster
from twin.sensors.ingest import ingest
from twin.sensors.profile import read_profile
from twin.sensors.records import Batch, Stream, Thing
from twin.sensors.stamps import microseconds
from twin.sensors.store import SensorStore

AT = dt.datetime(2022, 7, 19, 14, 10, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """A profile with the recorded day in its store, and a run of the sample district on 10 m."""
    folder = tmp_path_factory.mktemp("now")
    for name in ("sensortag.jsonl", "sensoren.csv"):
        shutil.copy(samples / name, folder)
    weather = (samples / "hitzetag.toml").read_text(encoding="utf-8")
    weather = weather.replace('"wetter_hitzetag.csv"', f'"{samples}/wetter_hitzetag.csv"').replace(
        '"city.toml"', f'"{samples}/city.toml"'
    )
    weather = weather.replace("resolution = 1.0", "resolution = 10.0")
    (folder / "day.toml").write_text(weather, encoding="utf-8")
    (folder / "p.toml").write_text(
        'store = "obs.db"\nstations = "sensoren.csv"\n[[source]]\nkind = "files"\npath = "sensortag.jsonl"\n'
        'format = "messages"\nstation_class = "municipal"\n[nowcast]\nscenario = "day.toml"\nfolder = "out"\n'
        '[[level]]\nstation = "weir"\nlevels = [1.0, 1.5, 2.5]\nnames = ["low", "middle", "high"]\n'
        '[[level]]\nstation = "lindenau-99"\nlevels = [1.0]\n'
    )
    ingest(read_profile(folder / "p.toml"))
    with SensorStore(str(folder / "obs.db")) as store:
        number = store.add(Stream("weir/water_level", "weir", "water_level", "m"), Thing("weir"))
        home = store.add(
            Stream("home/air_temperature", "home", "air_temperature", "degC"), Thing("home", privacy="personal")
        )
        stamp = microseconds(AT) - 60_000_000
        store.ingest(Batch.of([number, home], [stamp, stamp], [1.7, 22.0], flag=np.ones(2, np.uint8)))
    return folder / "p.toml"


def test_map_levels_and_stations_of_a_moment(profile: Path, samples: Path) -> None:
    caster = Nowcaster(read_profile(profile))
    early = caster.look(AT + dt.timedelta(days=3))
    assert early.fused is None
    assert early.facts["stations"] == []
    early = caster.look(AT - dt.timedelta(days=1))  # no weather of that day
    assert early.fused is None
    assert len(early.facts["not_known"]) == 1
    early = caster.look(AT)
    assert early.fused is not None
    assert early.facts["map"]["model_hour"] == "2022-07-19T14:00Z"
    assert early.facts["map"]["strong_heat_stress_share"] > 0.2
    weir, nobody = early.facts["levels"]
    assert (weir["reached"], weir["name"], weir["value"]) == (2, "middle", 1.7)
    assert nobody["reached"] is None
    assert {row["thing"] for row in early.facts["stations"]} >= {"weir", "lindenau-01"}
    assert "home" not in json.dumps(early.facts)


def test_the_command_writes_picture_and_json_whole(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sensors", "nowcast", "--profile", str(profile), "--at", "2022-07-19T16:10:00", "--lang", "en"])
    assert not ended.value.code
    folder = profile.parent / "out"
    facts = json.loads((folder / "now.json").read_text(encoding="utf-8"))
    assert facts["not_known"] == []
    assert facts["map"]["stations"] >= 5
    assert {row["thing"] for row in facts["map"]["left_out"]} >= {"lindenau-07"}  # stuck since noon
    good = [row["result"] for row in facts["stations"] if row["property"] == "air_temperature" and row["flag"] == 1]
    assert min(good) - 1 < facts["map"]["mean"] < max(good) + 1
    assert (folder / "air_temperature.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(file.name for file in folder.iterdir()) == ["air_temperature.png", "now.json"]
    assert "open alerts" in capsys.readouterr().out
