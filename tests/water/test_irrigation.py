"""The watering plan: the day a plain balance gets dry, litres by hand, rain that is waited for, sensors for a cadastre."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models import water
from models.layers import InputError
from models.water.assimilation import Noise
from models.water.forecast_members import ForecastNoise
from models.water.irrigation import REASONS
from models.water.watering_rules import ring_table, threshold_schemes, water_limits

SURE = {
    "noise": Noise(start=0.0, transpiration=0.0),
    "forecast_noise": ForecastNoise(rain=0.0, evapotranspiration=0.0, members=5),
}


def summer(first: str, count: int, rain: list[float] | None = None) -> xr.Dataset:
    """Return warm days with some rain [mm/d]."""
    depth = np.zeros(count)
    depth[: len(rain or [])] = rain or []
    return xr.Dataset(
        {
            "air_temperature_max": ("time", np.full(count, 28.0)),
            "air_temperature_min": ("time", np.full(count, 15.0)),
            "precipitation": ("time", depth / 24.0),
        },
        coords={"time": pd.date_range(first, periods=count).to_numpy()},
        attrs={"latitude": 51.0, "elevation": 100.0},
    )


def street(count: int = 12) -> pd.DataFrame:
    """Return limes of all ages in two soils."""
    return pd.DataFrame(
        {
            "id": [f"T{k}" for k in range(count)],
            "species": "Tilia cordata",
            "height": np.linspace(4.0, 15.0, count),
            "crown_diameter": np.linspace(1.5, 8.0, count),
            "planted": np.linspace(2023, 1970, count).round(),
            "soil": np.where(np.arange(count) % 2, "Sl3", "Ut3"),
            "sealing_share": 0.5,
            "sealing_class": 3,
        }
    )


@pytest.fixture(scope="module")
def june() -> water.TreeBalance:
    return water.tree_water_balance(street(), summer("2024-06-01", 20))


def test_the_day_is_that_of_the_plain_balance(june: water.TreeBalance) -> None:
    plan = water.watering_plan(june, summer("2024-06-21", 14), thresholds="nfk30", wait_days=0, **SURE)
    ahead = water.tree_water_balance(
        street(), summer("2024-06-01", 34), daily="relative_extractable_water", dtype="float64"
    )
    dry = ahead.daily.values[20:] < 0.30
    expected = np.where(dry.any(axis=0), ahead.daily["time"].values[20:][dry.argmax(axis=0)], np.datetime64("NaT"))
    assert dry.any(axis=0).sum() >= 3
    assert not dry[0].all()
    got = plan.table["date"].to_numpy()
    same = (got == expected) | (np.isnat(got) & np.isnat(expected.astype("datetime64[ns]")))
    assert same.all()


def test_litres_by_hand(june: water.TreeBalance) -> None:
    plan = water.watering_plan(
        june, summer("2024-06-21", 14), thresholds="nfk30", ring_capacity=1e9, target=0.9, **SURE
    )
    ahead = {
        name: water.tree_water_balance(street(), summer("2024-06-01", 34), daily=name).daily
        for name in ("rew_upper", "rew_lower")
    }
    watered = plan.table[plan.table["litres"] > 0]
    assert len(watered) >= 3
    for tree, row in watered.iterrows():
        k = plan.table.index.get_loc(tree)
        layers = [float(ahead[n].sel(time=row["date"], tree=tree)) for n in ahead]
        p = june.parameters
        depths = (p.named("taw_1")[k], p.named("taw_2")[k] + 19 * p.named("growth")[k])
        by_hand = sum(max(0.9 - w, 0.0) * d for w, d in zip(layers, depths, strict=True)) * p.root_area[k]
        assert row["need"] == pytest.approx(by_hand, rel=0.01)
        assert row["litres"] >= row["need"]
        assert row["litres"] - row["need"] <= 5.0


def test_every_tree_has_a_row_and_a_reason(june: water.TreeBalance) -> None:
    for scheme in threshold_schemes():
        plan = water.watering_plan(june, summer("2024-06-21", 14), thresholds=scheme, oldest=30)
        assert plan.table.index.tolist() == street()["id"].tolist()
        assert plan.table["reason"].isin(REASONS).all()
        assert (plan.table["age"] > 30).equals(plan.table["reason"] == "established")
        watered = plan.table["litres"] > 0
        assert watered.equals(plan.table["date"].notna())
        assert watered.equals(plan.table["reason"].isin(["dry_now", "dry_soon"]))
        assert (plan.table["litres"] <= plan.table["ring"]).all()
        assert plan.probability.shape == (14, 12)


def test_watering_by_the_plan_lessens_stress(june: water.TreeBalance) -> None:
    coming = summer("2024-06-21", 14)
    plan = water.watering_plan(june, coming, ring_capacity=400.0)
    start = june.state
    without = water.tree_water_balance(street(), coming, initial=start)
    given = water.tree_water_balance(street(), coming, initial=start, waterings=plan.waterings())
    watered = (plan.table["litres"] > 0).to_numpy()
    assert watered.any()
    less = without.sums["stress_days"] - given.sums["stress_days"]
    assert (less[watered] >= 0).all()
    assert less[watered].max() > 0.5
    assert given.sums["watering"].sum() == pytest.approx(plan.table["litres"].sum())


def test_rain_is_waited_for(june: water.TreeBalance) -> None:
    wet = summer("2024-06-21", 14, [0.0, 200.0, 60.0, 0.0, 60.0, 0.0, 60.0, 0.0, 60.0, 60.0, 0.0, 60.0])
    hasty = water.watering_plan(june, wet, thresholds="good32", wait_days=0, **SURE).table
    patient = water.watering_plan(june, wet, thresholds="good32", wait_days=3, **SURE).table
    assert (patient["reason"] == "rain_coming").any()
    assert patient["litres"].sum() < hasty["litres"].sum()
    assert (patient.loc[patient["reason"] == "rain_coming", "litres"] == 0).all()


def test_short_gap_and_ensemble(june: water.TreeBalance) -> None:
    short = water.watering_plan(june, summer("2024-06-15", 11))
    assert (short.days, short.asked, short.spread) == (5, 14, "noise")
    with pytest.raises(InputError, match="must begin on 2024-06-21"):
        water.watering_plan(june, summer("2024-06-23", 14))
    with pytest.raises(InputError, match="thresholds='x'"):
        water.watering_plan(june, summer("2024-06-21", 14), thresholds="x")
    with pytest.raises(InputError, match="ring_capacity"):
        water.watering_plan(june, summer("2024-06-21", 14), ring_capacity=-1.0)
    members = [summer("2024-06-21", 14, [50.0] * 14 if m < 3 else None) for m in range(10)]
    many = water.watering_plan(june, xr.concat(members, "member"), thresholds="nfk30", noise=SURE["noise"])
    assert (many.spread, many.members) == ("ensemble", 10)
    driest = many.probability.isel(time=-1).values
    assert set(np.round(driest * 10).astype(int)) <= {0, 7}  # seven of ten members stay dry
    assert driest.max() == pytest.approx(0.7)


def test_hours_make_whole_days(june: water.TreeBalance) -> None:
    hours = pd.date_range("2024-06-20T01:00", "2024-06-24T13:00", freq="h").to_numpy()
    hourly = xr.Dataset(
        {
            "air_temperature": ("time", 21.0 + 6.0 * np.sin(2 * np.pi * (np.arange(hours.size) - 8) / 24)),
            "precipitation": ("time", np.zeros(hours.size)),
        },
        coords={"time": ("time", hours)},
        attrs={"latitude": 51.0, "elevation": 100.0, "interval": "end"},
    )
    plan = water.watering_plan(june, hourly)
    assert plan.probability["time"].values.astype("datetime64[D]").astype(str).tolist() == [
        "2024-06-21", "2024-06-22", "2024-06-23",
    ]  # fmt: skip


def test_limits_by_standing_year_and_soil() -> None:
    limits = water_limits("bht", np.array(["Ss", "Ut3", "Sl3", "Sl3"]), np.array([1.0, 1.9, 2.0, 3.0]))
    expected = [
        float(water.relative_extractable_water(water.water_content(h, s), s))
        for h, s in ((330.0, "Ss"), (330.0, "Ut3"), (810.0, "Sl3"), (15850.0, "Sl3"))
    ]
    np.testing.assert_allclose(limits[0], expected, atol=1e-9)
    assert np.isneginf(limits[2]).all()
    assert limits[1, 3] == pytest.approx(0.32, abs=0.01)  # 80 kPa in Sl3: 32 % nFK
    assert ring_table(np.array([0.0, 3.9, 4.0, 60.0]))["ring"].tolist() == [100.0, 100.0, 125.0, 150.0]


def test_sensors_of_two_trees_speak_for_the_street() -> None:
    trees = pd.concat([street().assign(planted=2000.0, crown_diameter=5.0, height=9.0)], ignore_index=True)
    weather = summer("2024-06-01", 30, [0.0, 5.0, 0.0, 8.0])
    truth = water.tree_water_balance(trees, weather, initial=0.5, daily="rew_lower")
    upper = water.tree_water_balance(trees, weather, initial=0.5, daily="rew_upper")
    rows = []
    for tree in ("T1", "T3"):
        for day in (10, 17, 24, 28):
            for depth, series in ((0.2, upper), (0.6, truth)):
                content = float(series.daily.isel(time=day).sel(tree=tree))
                low, high = (float(water.water_content(h, "Sl3")) for h in (15848.93, 63.0957))
                tension = float(water.tension_at(low + content * (high - low), "Sl3"))
                rows.append((tree, weather["time"].values[day], depth, "tension", tension, "hPa", "good"))
    readings = pd.DataFrame(rows, columns=["tree", "time", "depth", "kind", "value", "unit", "quality"])
    broken = readings.iloc[:1].assign(value=1.0, quality="bad")
    late = readings.iloc[:1].assign(time=pd.Timestamp("2024-08-01"))
    state = water.tree_state_from_readings(
        trees, weather, pd.concat([readings, broken, late], ignore_index=True), members=60, seed=3
    )
    assert state.refused["reason"].tolist() == ["quality flag", "outside the weather"]
    open_loop = water.tree_water_balance(trees, weather).state["relative_extractable_water"]
    real = truth.state["relative_extractable_water"]
    found = state.balance.state["relative_extractable_water"]
    error, free = (found - real).abs(), (open_loop - real).abs()
    own, like = ["T1", "T3"], ["T5", "T7", "T9"]
    assert error[own].max() < 0.4 * free[own].min()
    assert error[like].max() < free[like].min()
    assert (state.sources.loc[own, "weight"] == 1.0).all()
    assert state.sources.loc[like, "weight"].between(0.3, 0.8).all()
    assert (state.sources.loc[["T0", "T2"], "level"] == 5).all()  # another soil: the weakest likeness
    assert (state.error[:, [1, 3]] < 0.1).all()
    plan = water.watering_plan(state, summer("2024-07-01", 14), thresholds="nfk40")
    plain = water.watering_plan(water.tree_water_balance(trees, weather), summer("2024-07-01", 14), thresholds="nfk40")
    assert plan.table.loc[own, "stress_days"].sum() > plain.table.loc[own, "stress_days"].sum()
    assert plan.table.loc["T1", "sensors"] == 1


def test_no_usable_reading_changes_nothing() -> None:
    weather = summer("2024-06-01", 10)
    readings = pd.DataFrame(
        {"tree": ["T1"], "time": ["2024-06-05"], "depth": [0.3], "kind": ["tension"], "value": [-1e9], "unit": ["hPa"]}
    )
    state = water.tree_state_from_readings(street(), weather, readings)
    assert len(state.refused) == 1
    assert state.balance.state.equals(water.tree_water_balance(street(), weather).state)


def test_given_water_reaches_the_sensored_members() -> None:
    weather = summer("2024-06-01", 20)
    readings = pd.DataFrame(
        {"tree": ["T1"], "time": ["2024-06-02"], "depth": [0.2], "kind": ["tension"], "value": [70.0], "unit": ["hPa"]}
    )
    log = pd.DataFrame({"tree": ["T1"], "date": [pd.Timestamp("2024-06-15")], "litres": [200.0]})
    dry = water.tree_state_from_readings(street(), weather, readings, members=40, seed=1)
    wet = water.tree_state_from_readings(street(), weather, readings, members=40, seed=1, waterings=log)
    lower = dry.balance.state.loc["T1", "relative_extractable_water"]
    assert wet.balance.state.loc["T1", "relative_extractable_water"] > lower + 0.05
