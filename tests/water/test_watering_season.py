"""Two rules of watering over the same weeks: fair litres, less stress than without water, wet weeks need none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.layers import InputError
from models.water.tree_balance import tree_water_balance
from models.water.watering_season import watering_season


def season_weather(rain: float, days: int = 84, first: str = "2024-05-06") -> xr.Dataset:
    fall = np.zeros(days)
    fall[::3] = rain / 24.0
    return xr.Dataset(
        {
            "air_temperature_max": ("time", np.full(days, 27.0)),
            "air_temperature_min": ("time", np.full(days, 14.0)),
            "precipitation": ("time", fall),
        },
        coords={"time": pd.date_range(first, periods=days).to_numpy()},
        attrs={"latitude": 52.5, "elevation": 40.0},
    )


@pytest.fixture(scope="module")
def street() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["new", "young", "old"], "species": "Tilia cordata", "height": [4.0, 7.0, 18.0],
            "crown_diameter": [1.5, 3.5, 10.0], "planted": [2023, 2016, 1950], "soil": ["Sl3", "Ss", "Ut3"],
            "sealing_share": 0.7, "sealing_class": 3.0,
        }
    )  # fmt: skip


def test_a_dry_summer_by_both_rules(street: pd.DataFrame) -> None:
    weather = season_weather(0.0)
    balance = tree_water_balance(street, weather)
    found = watering_season(balance, weather, oldest=15)
    assert found.table.index.tolist() == ["new", "young"]
    assert (found.table["litres_calendar"] == 1200.0).all()  # 12 weeks of 100 L
    assert (found.table["visits_calendar"] == 12).all()
    assert (found.table["litres_need"] > 0).all()
    assert (found.table["stress_need"] < found.table["stress_none"]).all()
    assert (found.table["stress_calendar"] < found.table["stress_none"]).all()


def test_without_watering_it_is_the_balance_itself(street: pd.DataFrame) -> None:
    weather = season_weather(4.0)
    balance = tree_water_balance(street, weather)
    found = watering_season(balance, weather)
    np.testing.assert_allclose(found.table["stress_none"], balance.sums["stress_days"], rtol=1e-9, atol=1e-9)


def test_the_calendar_waters_in_rain_too_and_only_in_its_months(street: pd.DataFrame) -> None:
    wet = season_weather(30.0)
    found = watering_season(tree_water_balance(street, wet), wet, oldest=15).table
    assert found["litres_need"].sum() == 0.0
    assert found["litres_calendar"].sum() == 2400.0
    winter = season_weather(0.0, days=28, first="2024-01-01")
    cold = watering_season(tree_water_balance(street, winter), winter, oldest=15).table
    assert cold["litres_calendar"].sum() == 0.0


def test_the_ring_holds_no_more(street: pd.DataFrame) -> None:
    weather = season_weather(0.0)
    found = watering_season(tree_water_balance(street, weather), weather, ring_capacity=40.0).table
    assert (found["litres_need"] <= 40.0 * found["visits_need"] + 1e-9).all()


def test_nobody_to_water_is_an_empty_table(street: pd.DataFrame) -> None:
    weather = season_weather(0.0, days=14)
    found = watering_season(tree_water_balance(street, weather), weather, oldest=-1.0)
    assert found.table.empty
    assert found.table.sum()["litres_need"] == 0.0


def test_other_weather_and_no_rhythm_are_said(street: pd.DataFrame) -> None:
    weather = season_weather(0.0)
    balance = tree_water_balance(street, weather)
    with pytest.raises(InputError, match="weather of the balance"):
        watering_season(balance, weather.isel(time=slice(0, 30)))
    with pytest.raises(InputError, match="every=0"):
        watering_season(balance, weather, every=0)
