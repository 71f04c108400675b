"""Neighbour test and fusion in a made city whose truth is known, and their limits."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from twin.errors import InputError
from twin.sensors.covariance import ErrorModel, error_model
from twin.sensors.fusion import fuse, interpolate
from twin.sensors.neighbours import neighbour_outliers, radiation_error, saturated_flat, unit_change

SEEDS = range(8)


@pytest.fixture(scope="module")
def city() -> ModuleType:
    file = Path(__file__).resolve().parents[2] / "benchmarks" / "sensors_city.py"
    spec = importlib.util.spec_from_file_location("sensors_city", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["sensors_city"] = module
    spec.loader.exec_module(module)
    return module


def test_of_25_planted_faults_24_are_caught_with_at_most_two_false(city: ModuleType) -> None:
    caught, false = [], []
    for seed in SEEDS:
        made = city.made_city(seed)
        guess = made.model[made.row, made.column]
        found = neighbour_outliers(
            made.x, made.y, made.observed, guess, np.full(150, 0.3), error_model("air_temperature")
        )
        bad = made.kind != "ok"
        caught.append((found.outlier & bad).sum())
        false.append((found.outlier & ~bad).sum())
    assert np.mean(caught) >= 24.0, caught
    assert np.mean(false) <= 2.0, false


def fused_city(made: object, check: bool) -> tuple[xr.Dataset, pd.DataFrame, float]:
    guess = xr.DataArray(made.model, coords={"y": made.axis, "x": made.axis}, dims=("y", "x"))  # type: ignore[attr-defined]
    table = pd.DataFrame({"x": made.x, "y": made.y, "result": made.observed, "flag": 1, "station_class": "municipal"})  # type: ignore[attr-defined]
    fused, used = fuse(guess, table, "air_temperature", check=check)
    error = float(np.sqrt(np.mean((fused["air_temperature"].values - made.truth) ** 2)))  # type: ignore[attr-defined]
    return fused, used, error


def test_checked_sensors_make_the_map_better_and_unchecked_ones_worse(city: ModuleType) -> None:
    errors, covers, alone = [], [], []
    for seed in SEEDS:
        made = city.made_city(seed)
        fused, _, error = fused_city(made, check=True)
        off = np.abs(fused["air_temperature"].values - made.truth)
        errors.append(error)
        covers.append(float((off <= 1.6449 * fused["air_temperature_error"].values).mean()))
        alone.append(float(np.sqrt(np.mean((made.model - made.truth) ** 2))))
        assert 0.7 <= fused.attrs["reduced_chi2"] <= 1.3
    assert fused_city(city.made_city(0), check=False)[2] > np.mean(alone)
    assert np.mean(errors) <= 0.45, errors
    assert 0.85 <= np.mean(covers) <= 0.95, covers


def test_one_station_is_believed_by_its_weight() -> None:
    # One station, no bias, no stretch: weight sigma^2 / (sigma^2 + error^2), falling by exp(-d / length) around it.
    model = ErrorModel(sigma=1.0, length=1000.0, bias=0.0, scale=0.0)
    one = np.array([0.0])
    to = np.array([0.0, 1000.0])
    got, spread, _ = interpolate(one, one, np.array([2.0]), one, np.array([0.5]), model, to, to * 0, to * 0)
    weight = 1.0 / 1.25
    np.testing.assert_allclose(got, [2 * weight, 2 * weight * np.exp(-1)], rtol=1e-12)
    np.testing.assert_allclose(spread**2, [1 - weight, 1 - weight * np.exp(-2)], rtol=1e-12)


def test_the_coarse_grid_gives_what_every_cell_by_itself_gives() -> None:
    rng = np.random.default_rng(2)
    axis = np.arange(0.0, 1500.0, 5.0)
    guess = 20 + np.sin(axis[:, None] / 200) + np.cos(axis[None, :] / 150)
    x, y = rng.uniform(0, 1495, 12), rng.uniform(0, 1495, 12)
    field = xr.DataArray(guess[::-1], coords={"y": axis[::-1], "x": axis}, dims=("y", "x"))
    at = field.sel(x=xr.DataArray(x), y=xr.DataArray(y), method="nearest").values
    table = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "result": at + 0.5 + x / 3000 + rng.normal(0, 0.2, 12),
            "flag": 1,
            "station_class": "municipal",
        }
    )
    fused, _ = fuse(field, table, "air_temperature", check=False)
    X, Y = np.meshgrid(axis, axis[::-1])
    exact, spread, _ = interpolate(
        x, y, table["result"].to_numpy() - at, at, np.full(12, 0.3), error_model("air_temperature"),
        X.ravel(), Y.ravel(), field.values.ravel(),
    )  # fmt: skip
    np.testing.assert_allclose(fused["air_temperature"].values.ravel(), field.values.ravel() + exact, atol=0.06)
    np.testing.assert_allclose(fused["air_temperature_error"].values.ravel(), spread, atol=0.06)


def test_only_good_flags_move_the_map() -> None:
    axis = np.arange(0.0, 1000.0, 100.0)
    guess = xr.DataArray(np.full((10, 10), 20.0), coords={"y": axis, "x": axis}, dims=("y", "x"))
    table = pd.DataFrame(
        {
            "x": [100.0, 500.0, 9e9],
            "y": 500.0,
            "result": [21.0, 35.0, 22.0],
            "flag": [1, 3, 1],
            "station_class": "municipal",
        }
    )
    fused, used = fuse(guess, table, "air_temperature")
    assert used["why_not"].tolist() == ["", "flag", "outside"]
    assert float(fused["air_temperature"].max()) <= 21.0
    with pytest.raises(InputError, match="None of the 3 stations"):
        fuse(guess, table.assign(flag=4), "air_temperature")


def test_radiation_units_and_stuck_humidity() -> None:
    rng = np.random.default_rng(0)
    hours = np.arange(0, 72, 0.5)
    sun = np.clip(np.sin((hours - 6) * np.pi / 12), 0, None) * 850
    noise = rng.normal(0, 0.3, len(hours))
    assert radiation_error(0.0035 * sun + noise, sun)[0]
    assert radiation_error(0.0035 * sun + noise, sun)[1] == pytest.approx(2.8, abs=0.2)
    assert not radiation_error(noise + 2.0, sun)[0]
    expected = 20 + 5 * np.sin(hours / 4)
    assert unit_change("air_temperature", expected * 1.8 + 32 + noise, expected) == "degF"
    assert unit_change("air_temperature", expected + 273.15 + noise, expected) == "K"
    assert unit_change("air_temperature", expected + noise + 3, expected) == ""
    assert unit_change("air_pressure", np.full(10, 101.3), np.full(10, 1013.0)) == "kPa"
    assert unit_change("relative_humidity", np.linspace(0.4, 0.9, 10), np.linspace(40, 90, 10)) == "1"
    foggy = np.full(20, 99.9)
    assert not saturated_flat(foggy, np.linspace(5, 8, 20)).any()
    assert saturated_flat(foggy, np.linspace(5, 14, 20)).all()


@pytest.mark.reference
def test_the_recorded_sensor_that_was_stuck_all_day_is_found(shared: Path) -> None:
    table = pd.read_csv(shared / "reference/sensors/sensor-community/2018-05-11_dht22_sensor_5332.csv", sep=";")
    humidity, temperature = table["humidity"].to_numpy(float), table["temperature"].to_numpy(float)
    assert saturated_flat(humidity, temperature).all()
