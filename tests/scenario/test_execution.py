"""A whole run on the sample district, coarse: what goes in comes out named."""

from __future__ import annotations

import numpy as np
import pytest

import twin
from twin.errors import InputError
from twin.scenario.execution import run
from twin.scenario.samples import sample_folder
from twin.scenario.schema import Scenario


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")


def quarter(samples, **change) -> Scenario:
    """Return a scenario made in Python: a quarter of the sample at 5 m, around noon."""
    settings = {
        "name": "Quarter",
        "city": str(samples / "city.toml"),
        "resolution": 5.0,
        "area": (571_700.0, 5_676_200.0, 571_950.0, 5_676_450.0),
        "weather": {
            "path": str(samples / "wetter_hitzetag.csv"),
            "interval": "end",
            "start": "2022-07-19T10:00",
            "end": "2022-07-19T13:00",
        },
    }
    return Scenario(**{**settings, **change})


@pytest.fixture(scope="module")
def result(samples):
    return run(quarter(samples), progress=False)


def test_a_scenario_made_in_python(result):
    assert result.heat.sizes == {"time": 4, "y": 50, "x": 50}
    assert set(result.heat.data_vars) == {"tmrt", "utci"}
    assert result.heat["utci"].rio.crs.to_epsg() == 25832
    inside = result.site["building_id"].values > 0
    assert inside.any()
    assert np.isnan(result.heat["utci"].values[:, inside]).all()
    assert not np.isnan(result.heat["utci"].values[:, ~inside]).any()
    assert not result.check.compared
    assert "Quarter" in repr(result)


def test_the_afternoon_effect_of_crowns_is_counted_once(result):
    rows = result.indicators[result.indicators["name"] == "utci_under_crowns_minus_open_sealed"]
    assert len(rows) == 1
    assert rows["value"].iloc[0] < -1.0
    shade = result.indicators.loc[result.indicators["name"] == "shade_share", "value"].iloc[0]
    assert 5.0 < shade < 80.0


def test_every_input_is_named_with_hash_and_without_machine_paths(result, samples):
    inputs = result.provenance["inputs"]
    assert {row["role"] for row in inputs} >= {"buildings", "terrain", "trees", "land_cover", "weather"}
    assert all(len(row["sha256"]) == 64 for row in inputs)
    assert not any(row["path"].startswith("/") for row in inputs)
    assert {"urban-twin", "numpy", "python"} <= set(result.provenance["versions"])
    assert result.provenance["grid"]["cells"] == [50, 50]


def test_gaps_of_city_and_weather_stand_in_one_table(samples, tmp_path):
    content = (
        (samples / "wetter_hitzetag.csv").read_text(encoding="utf-8").replace("Luftdruck (hPa)", "Luftdruck (kPa)")
    )
    lines = content.splitlines()
    changed = [
        line if line.startswith("#") or not line[:4].isdigit() else line.rsplit(";", 1)[0] + ";99,6" for line in lines
    ]
    file = tmp_path / "w.csv"
    file.write_text("\n".join(changed) + "\n", encoding="utf-8")
    window = {"start": "2022-07-19T11:00", "end": "2022-07-19T12:00"}
    found = run(quarter(samples, weather={"path": str(file), "interval": "end", **window}), progress=False)
    codes = set(found.gaps["code"])
    assert "weather_unit_converted" in codes
    assert "tree_crown_diameter_filled" in codes
    assert not found.gaps[["code", "source", "count"]].duplicated().any()


def test_settings_of_the_heat_model_arrive(samples, result):
    sitting = run(quarter(samples, run={"heat": {"outputs": ["tmrt", "shadow"], "posture": "sitting"}}), progress=False)
    assert set(sitting.heat.data_vars) == {"tmrt", "shadow"}
    difference = float(abs(sitting.heat["tmrt"] - result.heat["tmrt"]).max())
    assert difference > 0.1
    assert "utci_mean" not in set(sitting.indicators["name"])


def test_a_wrong_folder_is_refused_before_anything_is_read(samples, tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.setattr("twin.scenario.execution.read_weather_of", lambda _scenario: pytest.fail("began to work"))
    with pytest.raises(InputError, match="other files than a result"):
        run(quarter(samples), output=tmp_path)


def test_files_are_missing(samples):
    with pytest.raises(InputError, match=r"city = .*nowhere\.toml"):
        run(quarter(samples, city="nowhere.toml"))


def test_sample_folder_and_public_names():
    assert (sample_folder() / "hitzetag.toml").is_file()
    assert twin.run is run


def test_every_demo_is_a_scenario_that_can_be_read():
    from twin.scenario.samples import sample_scenarios
    from twin.scenario.schema import read_scenario

    names = sample_scenarios()
    assert {"hitzetag", "starkregen", "square-2035", "giessplan"} <= set(names)
    assert all(read_scenario(sample_folder() / f"{name}.toml").name for name in names)
