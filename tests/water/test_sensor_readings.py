"""Sensors: readings to relative extractable water, reasons for refusal, the ensemble, and what others learn from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.layers import InputError
from models.water.assimilation import TreeEnsemble
from models.water.sensor_readings import layer_readings, spread_corrections, tree_groups
from models.water.soils import soil
from models.water.tree_balance import run_trees
from models.water.tree_forcing import tree_forcing
from models.water.tree_parameters import tree_parameters


def _readings(**columns: object) -> pd.DataFrame:
    base = {"tree": "A", "time": "2024-07-01 08:00", "depth": 0.2, "kind": "tensiometer", "value": 320.0, "unit": "hPa"}
    return pd.DataFrame([base | columns])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"value": 900.0}, "above the sensor range"),
        ({"value": -80.0}, "below zero"),
        ({"value": "dry"}, "no number"),
        ({"unit": "psi"}, "unit not one of"),
        ({"kind": "divining rod"}, "unknown kind"),
        ({"depth": -1.0}, "impossible depth"),
        ({"tree": "ghost"}, "no tree"),
        ({"quality": "suspect"}, "quality flag"),
        ({"kind": "volumetric", "value": 22.0, "unit": "m3/m3"}, "above the sensor range"),
        ({"kind": "volumetric", "value": 0.9, "unit": "m3/m3"}, "impossible for the soil"),
        ({"kind": "volumetric", "value": 0.22, "unit": "%"}, "impossible for the soil"),
    ],
)
def test_a_reading_that_cannot_be_is_kept_out_with_its_reason(columns: dict, reason: str) -> None:
    used, refused = layer_readings(_readings(**columns), pd.Series({"A": "Sl3"}))
    assert used.empty
    assert reason in refused["reason"].iloc[0]


def test_units_and_depths_meet_in_layers() -> None:
    rows = pd.concat(
        [
            _readings(),
            _readings(value=32.0, unit="kPa"),
            _readings(value=32.0, unit="cbar", depth=0.25),
            _readings(kind="volumetric", value=100.0 * soil("Sl3").field_capacity, unit="%", depth=0.6),
            _readings(kind="volumetric", value=soil("Sl3").field_capacity, unit="m3/m3", depth=0.8, quality="good"),
        ]
    )
    used, refused = layer_readings(rows, pd.Series({"A": "sl3"}))
    assert refused.empty
    assert used["readings"].tolist() == [3, 2]
    assert used["value"].tolist() == [pytest.approx(0.5, abs=0.02), pytest.approx(1.0)]


def test_missing_column() -> None:
    with pytest.raises(InputError, match="depth"):
        layer_readings(_readings().drop(columns="depth"), pd.Series({"A": "Sl3"}))


def _weather(days: int = 70) -> xr.Dataset:
    rng = np.random.default_rng(3)
    low = 13.0 + 3.0 * rng.random(days)
    rain = np.where(rng.random(days) < 0.2, rng.gamma(0.7, 8.0, days), 0.0)
    return xr.Dataset(
        {
            "air_temperature_max": ("time", low + 11.0),
            "air_temperature_min": ("time", low),
            "precipitation": ("time", rain / 24.0),
        },
        coords={"time": pd.date_range("2024-06-01", periods=days).to_numpy()},
        attrs={"latitude": 50.0, "elevation": 100.0},
    )


def test_readings_pull_the_ensemble_to_the_truth() -> None:
    trees = pd.DataFrame(
        {"id": ["A", "B"], "species": "Tilia cordata", "height": 10.0, "crown_diameter": 6.0, "planted": 2000,
         "soil": "Sl3", "sealing_share": 0.3, "sealing_class": 3}
    )  # fmt: skip
    forcing, parameters = tree_forcing(_weather()), tree_parameters(trees, 2024)
    wet, dry = np.zeros((4, 2)), np.zeros((4, 2))
    dry[1], dry[2] = 0.5 * parameters.named("taw_1"), 0.5 * parameters.named("taw_2")
    truth = {name: run_trees(parameters, forcing, dry, daily=name)[2] for name in ("rew_upper", "rew_lower")}
    ensemble = TreeEnsemble(parameters, forcing, wet, members=60, seed=1)
    free = TreeEnsemble(parameters, forcing, wet, members=60, seed=1)
    rng = np.random.default_rng(0)
    for _ in range(5):
        ensemble.advance(7)
        free.advance(7)
        now = np.stack([truth["rew_upper"][ensemble.day - 1], truth["rew_lower"][ensemble.day - 1]])
        reading = np.where([[True, False]], now + 0.02 * rng.standard_normal((2, 2)), np.nan)  # tree B has no sensors
        before = ensemble.layers().mean(axis=2)[:, 1].copy()
        ensemble.update(reading, np.full((2, 2), 0.04))
        assert (ensemble.layers().mean(axis=2)[:, 1] == before).all()
    now = np.stack([truth["rew_upper"][34], truth["rew_lower"][34]])
    error, free_error = (np.abs(e.layers().mean(axis=2)[:, 0] - now[:, 0]) for e in (ensemble, free))
    assert (error < 0.04).all()
    assert error.mean() < 0.5 * free_error.mean()
    ahead = ensemble.forecast(14)
    assert ahead.shape == (14, 2, 2, 60)
    assert ensemble.day == 35
    assert (ahead[0, :, 0].std(axis=-1) < ahead[0, :, 1].std(axis=-1)).all()  # what is measured is known better
    with pytest.raises(InputError, match="The weather ends in 35 days"):
        ensemble.forecast(60)


def test_same_seed_same_members() -> None:
    trees = pd.DataFrame({"id": ["A"], "species": "Tilia", "height": 10.0, "crown_diameter": 6.0})
    forcing, parameters = tree_forcing(_weather(20)), tree_parameters(trees, 2024)
    one, two = (TreeEnsemble(parameters, forcing, np.zeros((4, 1)), members=20, seed=9) for _ in range(2))
    one.advance(10)
    two.advance(10)
    assert (one.layers() == two.layers()).all()
    with pytest.raises(InputError, match="too few"):
        TreeEnsemble(parameters, forcing, np.zeros((4, 1)), members=3)


def test_others_learn_by_likeness() -> None:
    trees = pd.DataFrame(
        {
            "species": ["Tilia cordata", "Tilia platyphyllos", "Quercus robur", "Tilia cordata", "Acer"],
            "soil": ["Sl3", "Sl3", "Sl3", "Ut3", ""],
            "planted": [2018, 2017, 2018, 1950, None],
            "direct_share": [0.9, 0.95, 0.85, 0.9, 0.9],
        },
        index=list("ABCDE"),
    )
    groups = tree_groups(trees, 2024)
    found = spread_corrections(groups, pd.DataFrame({"upper": [-0.2], "lower": [-0.1]}, index=["A"]))
    assert found.loc["A", ["upper", "weight", "level"]].tolist() == [-0.2, 1.0, 0]
    assert found.loc["B", ["upper", "weight", "level"]].tolist() == [pytest.approx(-0.08), 0.4, 1]  # 0.8 x 1 / 2
    assert found.loc["C", "level"] == 2
    assert found.loc["C", "upper"] == pytest.approx(-0.2 * 0.6 / 2)
    assert found.loc[["D", "E"], "level"].tolist() == [-1, -1]
    assert (found.loc[["D", "E"], "upper"] == 0.0).all()
    with pytest.raises(InputError, match="'Z'"):
        spread_corrections(groups, pd.DataFrame({"upper": [0.0], "lower": [0.0]}, index=["Z"]))
