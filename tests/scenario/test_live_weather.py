"""A run takes its weather and rain from the observation store: the same as from a table of the same values."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twin.city.gaps import from_json, sentences
from twin.errors import InputError
from twin.scenario.execution import run
from twin.scenario.inputs import read_rain_of, read_weather_of
from twin.scenario.schema import Scenario, parse_scenario
from twin.sensors.ingest import ingest
from twin.sensors.profile import read_profile
from twin.sensors.records import MINUTE, Batch, Stream, Thing
from twin.sensors.stamps import microseconds
from twin.sensors.store import SensorStore
from twin.sensors.weather_files import read_weather
from twin.sensors.weather_store import last_day

DAY = dt.datetime(2022, 7, 19)
STARTS = microseconds(DAY.replace(tzinfo=dt.UTC))


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")


def filled_store(path: Path, samples: Path, fault: bool = False) -> None:
    """Write the hours of the sample's hot day as two equal half hours of one reference station."""
    table = read_weather(samples / "wetter_hitzetag.csv", interval="end", columns=COLUMNS)
    names = ("air_temperature", "relative_humidity", "wind_speed", "global_radiation", "diffuse_radiation")
    with SensorStore(str(path)) as store:
        for name in names:
            stream = Stream(f"roof/{name}", "roof", name, table[name].attrs["units"], station_class="reference")
            number = store.add(stream, Thing("roof", "Roof", 10.0283, 51.2345))
            times = STARTS + (np.arange(48) + 1) * 30 * MINUTE
            flag = np.ones(48, np.uint8)
            flag[24 : 26 if fault else 24] = 4  # the hour to 13:00
            store.ingest(Batch.of(np.full(48, number), times, np.repeat(table[name].values, 2), flag=flag))


COLUMNS = {
    "time": "Zeit (UTC)",
    "air_temperature": "Lufttemperatur (°C)",
    "relative_humidity": "Relative Feuchte (%)",
    "wind_speed": "Windgeschwindigkeit (m/s)",
    "global_radiation": "Globalstrahlung (W/m²)",
    "diffuse_radiation": "Diffusstrahlung (W/m²)",
}


def quarter(samples: Path, **weather: object) -> Scenario:
    area = (571_700.0, 5_676_200.0, 571_950.0, 5_676_450.0)
    return Scenario(name="Q", city=str(samples / "city.toml"), resolution=10.0, area=area, weather=weather)


def test_a_run_from_the_store_equals_one_from_a_table(tmp_path: Path, samples: Path) -> None:
    filled_store(tmp_path / "obs.db", samples)
    span = {"start": "2022-07-19T12:00", "end": "2022-07-19T14:00"}
    live = run(quarter(samples, store=str(tmp_path / "obs.db"), **span), progress=False)
    file = {"path": str(samples / "wetter_hitzetag.csv"), "interval": "end", "columns": COLUMNS}
    told = run(quarter(samples, **file, **span), progress=False)
    for name in ("tmrt", "utci"):
        np.testing.assert_array_equal(live.datasets["heat"][name].values, told.datasets["heat"][name].values)
    row = live.sources.set_index("role").loc["weather"]
    assert row["path"].endswith("obs.db")
    assert len(row["sha256"]) == 64
    assert "weather_store_used" in set(live.gaps["code"])


def test_a_short_gap_is_filled_with_a_row_and_a_long_one_is_named(tmp_path: Path, samples: Path) -> None:
    filled_store(tmp_path / "obs.db", samples, fault=True)
    weather = read_weather_of(quarter(samples, store=str(tmp_path / "obs.db"), day="2022-07-19"))
    assert weather is not None
    temperature = weather["air_temperature"].values
    assert temperature[12] == pytest.approx((temperature[11] + temperature[13]) / 2, abs=1e-12)
    rows = from_json(weather.attrs["gaps"]).set_index(["code"])
    assert set(rows.loc["weather_store_filled", "count"]) == {1}
    assert set(rows.loc["weather_store_refused", "count"]) == {2}
    for language in ("en", "de"):
        assert sentences(from_json(weather.attrs["gaps"]), language)["message"].str.len().min() > 20
    with pytest.raises(InputError, match=r"lacks good values of air_temperature for 1 of 24 steps .* 2022-07-19 13:00"):
        read_weather_of(quarter(samples, store=str(tmp_path / "obs.db"), day="2022-07-19", fill=0))
    with pytest.raises(InputError, match="no good value of air_temperature"):
        read_weather_of(quarter(samples, store=str(tmp_path / "obs.db"), day="now"))


def test_a_recorded_day_takes_the_place_of_a_file_where_it_has_measured(tmp_path: Path, samples: Path) -> None:
    """The sample's stations measure temperature and humidity; wind and radiation stay those of the file."""
    (tmp_path / "p.toml").write_text(
        f'store = "obs.db"\nstations = "{samples}/sensoren.csv"\n[[source]]\nkind = "files"\n'
        'path = "sensortag.jsonl"\nformat = "messages"\nstation_class = "municipal"\n'
    )
    (tmp_path / "sensortag.jsonl").write_bytes((samples / "sensortag.jsonl").read_bytes())
    assert ingest(read_profile(tmp_path / "p.toml")).outcome.new == 960
    file = {"path": str(samples / "wetter_hitzetag.csv"), "interval": "end", "columns": COLUMNS}
    span = {"start": "2022-07-19T01:00", "end": "2022-07-19T23:00"}
    weather = read_weather_of(quarter(samples, store=str(tmp_path / "obs.db"), **file, **span))
    alone = read_weather(samples / "wetter_hitzetag.csv", interval="end", columns=COLUMNS, start=DAY, end=span["end"])
    assert weather is not None
    np.testing.assert_array_equal(weather["wind_speed"].values, alone["wind_speed"].values)
    frame = SensorStore(str(tmp_path / "obs.db")).frame()
    noon = frame[(frame["flag"] == 1) & frame["stream"].str.endswith("air_temperature")]
    noon = noon[(noon["time"] > "2022-07-19T11:00Z") & (noon["time"] <= "2022-07-19T12:00Z")]
    by_station = noon.groupby("stream")["result"].agg(["mean", "size"])
    middle = by_station.loc[by_station["size"] == 2, "mean"].median()  # half an hour alone does not make an hour
    assert float(weather["air_temperature"][11]) == pytest.approx(middle, abs=1e-9)
    codes = from_json(weather.attrs["gaps"])
    assert {"wind_speed", "global_radiation"} <= {
        values["variable"] for code, values in zip(codes["code"], codes["values"], strict=True)
        if code == "weather_store_from_file"
    }  # fmt: skip


def test_rain_comes_from_the_gauges_and_is_never_filled(tmp_path: Path, samples: Path) -> None:
    times = STARTS + np.arange(1, 13) * 5 * MINUTE
    with SensorStore(str(tmp_path / "obs.db")) as store:
        number = store.add(Stream("gauge/rainfall", "gauge", "rainfall", "mm"))
        store.ingest(Batch.of(np.full(12, number), times, np.arange(12.0), flag=np.ones(12, np.uint8)))
    asked = {
        "store": str(tmp_path / "obs.db"),
        "start": DAY + dt.timedelta(minutes=5),
        "end": DAY + dt.timedelta(hours=1),
    }
    rain = read_rain_of(Scenario(name="R", city="c", rain=asked, run={"water": {}}), None)  # type: ignore[arg-type]
    assert rain is not None
    assert rain.attrs["step_seconds"] == 300.0
    np.testing.assert_allclose(rain.values, np.arange(12.0) * 12, rtol=1e-12)
    asked["end"] = DAY + dt.timedelta(hours=2)
    with pytest.raises(InputError, match="lacks good values of precipitation for 12 of 24"):
        read_rain_of(Scenario(name="R", city="c", rain=asked, run={"water": {}}), None)  # type: ignore[arg-type]


def test_what_the_table_may_say(tmp_path: Path, samples: Path) -> None:
    base = {"name": "W", "city": str(samples / "city.toml")}
    store = f"sqlite:///{tmp_path}/obs.db"
    for weather, words in (
        ({}, "path (a file), store"),
        ({"store": store}, "either day"),
        ({"store": store, "day": "now", "start": DAY}, "either day"),
        ({"path": "w.csv", "stations": ["a"]}, "stations belongs to an observation store"),
        ({"store": store, "day": "now", "utc_offset": 1}, "utc_offset belongs to a file"),
        ({"store": "postgresql://me:open@host/db", "day": "now"}, "password"),
        ({"store": store, "day": "now"}, "does not exist"),
    ):
        with pytest.raises(InputError, match=words.replace("(", r"\(").replace(")", r"\)")):
            parse_scenario(base | {"weather": weather})
    assert not (tmp_path / "obs.db").exists()
    filled_store(tmp_path / "obs.db", samples)
    for more, words in (
        ({"stations": ["attic"]}, "has no station 'attic'; it has roof"),
        ({"near": (8.0, 50.0)}, "within 30 km"),
    ):
        with pytest.raises(InputError, match=words):
            read_weather_of(parse_scenario(base | {"weather": {"store": store, "day": "2022-07-19"} | more}))


def test_a_saved_scenario_is_the_same(samples: Path) -> None:
    asked = quarter(samples, store="obs.db", day="2022-07-19", near=(10.0, 51.2))
    assert Scenario.model_validate(asked.model_dump(mode="json", exclude_none=True)).weather == asked.weather


def test_now_means_the_last_whole_hours() -> None:
    first, last = last_day(dt.datetime(2024, 3, 31, 1, 0, tzinfo=dt.UTC))
    assert (first, last) == (dt.datetime(2024, 3, 30, 2), dt.datetime(2024, 3, 31, 1))
    assert pd.Timedelta(last - first) == pd.Timedelta(hours=23)
