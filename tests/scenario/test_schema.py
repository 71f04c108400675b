"""Scenario files: every problem in one plain sentence, all at once, before anything is computed."""

from __future__ import annotations

import datetime as dt

import pytest

from twin.errors import InputError
from twin.scenario.schema import Scenario, json_schema, read_scenario

GOOD = """
name = "Hot day"
city = "city.toml"
resolution = 2.0
area = [500000.0, 5800000.0, 500100.0, 5800100.0]

[weather]
path = "w.csv"
interval = "end"
start = 2022-07-19T00:00:00
[weather.columns]
air_temperature = "T"
air_pressure = { column = "p", unit = "kPa" }

[run.heat]
outputs = ["utci"]

[outputs]
folder = "out"
formats = ["cog"]
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "city.toml").write_text("x = 1\n")
    (tmp_path / "w.csv").write_text("time\n")
    return tmp_path


def scenario_file(folder, content, name="hot.toml"):
    file = folder / name
    file.write_text(content, encoding="utf-8")
    return file


def test_a_good_file(folder):
    scenario = read_scenario(scenario_file(folder, GOOD))
    assert scenario.weather.start == dt.datetime(2022, 7, 19)
    assert scenario.weather.columns["air_temperature"].column == "T"
    assert scenario.weather.columns["air_pressure"].unit == "kPa"
    assert scenario.run.heat.outputs == ("utci",)
    assert scenario.resolve("w.csv") == folder / "w.csv"
    assert scenario.output_folder() == folder / "out"
    assert scenario.outputs.rounding == 0.01


def test_default_output_folder_is_beside_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    scenario = read_scenario(scenario_file(folder, GOOD.replace('folder = "out"', "")))
    assert scenario.output_folder() == folder / "results" / "hot"
    assert Scenario(name="Hot day 1", city="c", weather={"path": "w"}).stem == "hot-day-1"


PROBLEMS = {
    "typo": (
        'name = "Hot day"',
        'nam = "Hot day"',
        ["name is missing", "nam is not a known key: did you mean 'name'?"],
    ),
    "inner typo": ("interval =", "intervall =", [r"[weather] intervall is not a known key: did you mean 'interval'?"]),
    "far typo": (
        "formats =",
        "qqq =",
        ["[outputs] qqq is not a known key; allowed here are folder, formats, rounding."],
    ),
    "choice": (
        'interval = "end"',
        'interval = "middle"',
        ["[weather] interval = 'middle'", "'end', 'start', 'instant'"],
    ),
    "layer": ('["utci"]', '["utcy"]', ["[run.heat] outputs = 'utcy'", "'tmrt', 'utci'"]),
    "number": ("resolution = 2.0", 'resolution = "fine"', ["resolution = 'fine' must be a number"]),
    "too fine": ("resolution = 2.0", "resolution = 0.01", ["resolution = 0.01 must be at least 0.25"]),
    "too coarse": ("resolution = 2.0", "resolution = 500", ["resolution = 500 must be at most 100"]),
    "area order": ("500100.0,", "499000.5,", ["west < east", "not 500000, 5800000, 499000.5, 5800100"]),
    "degrees": ("[500000.0, 5800000.0, 500100.0, 5800100.0]", "[9.0, 52.0, 9.1, 52.1]", ["looks like degrees"]),
    "three corners": (", 5800100.0]", "]", ["area = ", "right number of entries"]),
    "no city": ('"city.toml"', '"town.toml"', ['city = "town.toml" does not exist']),
    "no weather file": ('"w.csv"', '"v.csv"', ['[weather] path = "v.csv" does not exist']),
    "text": ('name = "Hot day"', "name = 3", ["name = 3 must be a text"]),
    "time": ("2022-07-19T00:00:00", '"yesterday"', ["[weather] start = 'yesterday' must be a time"]),
    "unit key": ("unit =", "units =", ["units is not a known key: did you mean 'unit'?"]),
    "time zone": ("resolution", 'timezone = "Berlin"\nresolution', ["'Berlin' is no time zone"]),
    "wall": ('outputs = ["utci"]', 'wall = "straw"', ["'straw' is no wall material; allowed are brick"]),
    "not toml": ("[outputs]", "[outputs", ["not valid TOML", "line"]),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_each_problem_in_a_sentence(folder, case):
    old, new, expected = PROBLEMS[case]
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        read_scenario(scenario_file(folder, GOOD.replace(old, new, 1)))
    sentence = str(caught.value)
    assert "hot.toml" in sentence
    assert "\n" not in sentence
    assert "pydantic" not in sentence
    for part in expected:
        assert part in sentence


def test_all_problems_at_once(folder):
    content = GOOD.replace("name =", "nam =").replace("interval =", "intervall =").replace("2.0", '"a"')
    with pytest.raises(InputError, match=r"hot\.toml has 4 problems: \(1\).*\(2\).*\(3\).*\(4\)"):
        read_scenario(scenario_file(folder, content))
    content = GOOD.replace('"city.toml"', '"a.toml"').replace('"w.csv"', '"b.csv"')
    with pytest.raises(InputError, match=r"2 problems.*a\.toml.*b\.csv"):
        read_scenario(scenario_file(folder, content))


def test_german_sentence(folder, monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "de")
    with pytest.raises(InputError, match="gemeint 'name'"):
        read_scenario(scenario_file(folder, GOOD.replace("name =", "nam =")))


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b'name = "\xff"', "not UTF-8"), (b"[[", "not valid TOML")]
)
def test_files_that_are_no_scenario(tmp_path, content, message):
    file = tmp_path / "s.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_scenario(file)
    with pytest.raises(InputError, match="is a folder"):
        read_scenario(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_scenario(tmp_path / "none.toml")


def test_json_schema_describes_every_key():
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Scenario.model_fields)
    undescribed = [
        f"{name}.{key}"
        for name, part in schema["$defs"].items()
        for key, entry in part.get("properties", {}).items()
        if "description" not in entry and "$ref" not in entry
    ]
    assert undescribed == []
