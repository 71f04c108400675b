"""Water of trees: plain FAO-56 against pyfao56, closed balance, kernel against plain Python, defaults that are listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models import water
from models.layers import InputError
from models.water.daily_weather import daily_weather
from models.water.field_crop import FieldCrop, field_crop_balance
from models.water.tree_balance import DAILY_VARIABLES
from models.water.tree_day import DAY_FLUXES, FORCING, PARAMETERS, tree_day
from models.water.tree_forcing import tree_forcing
from models.water.tree_leaves import crown_cover, leaf_area, leaf_share, saturating_rain
from models.water.tree_parameters import defaults, tree_parameters

COTTON = FieldCrop(
    kcb=(0.15, 1.225, 0.5),
    stages=(35, 50, 46, 39),
    height=(0.05, 1.2),
    root_depth=(0.2, 1.4),
    field_capacity=0.205,
    wilting_point=0.098,
    start=0.1515,
    depletion_fraction=0.65,
    surface_depth=0.06,
    readily_evaporable=4.0,
)


def _pyfao56(file: Path, columns: int) -> pd.DataFrame:
    lines = file.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.strip().startswith("Year-DOY"))
    rows = [line.split()[:columns] for line in lines[head + 1 :] if line[:1].isdigit()]
    return pd.DataFrame(rows, columns=lines[head].split()[:columns]).set_index("Year-DOY")


@pytest.mark.reference
@pytest.mark.parametrize(("plot", "season"), [("060", 901.62), ("100", 1136.40)])
def test_cotton_of_pyfao56(shared, plot: str, season: float) -> None:
    folder = shared / "reference/trees/pyfao56_cotton2018"
    expected = _pyfao56(folder / f"cotton2018_{plot}.out", 43)
    weather = _pyfao56(folder / "cotton2018.wth", 11).astype(float).loc[expected.index]
    given = _pyfao56(folder / f"cotton2018_{plot}.irr", 2)["Depth"].astype(float).reindex(expected.index).fillna(0.0)
    u2 = weather.Wndsp * 4.87 / np.log(67.8 * 3.0 - 5.42)
    found = field_crop_balance(COTTON, weather.ETref, weather.Rain, given, u2, weather.RHmin)
    assert len(found) == 196
    assert np.abs(found.depletion.to_numpy() - expected.Dr.astype(float).to_numpy()).max() <= 0.05
    assert float(found.transpiration.sum() + found.evaporation.sum()) == pytest.approx(season, abs=0.05)


def _weather(days: int = 120, cells: int = 0, seed: int = 4) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    shape = (days, cells) if cells else (days,)
    dims = ("time", "cell") if cells else ("time",)
    low = 12.0 + 4.0 * rng.random(shape)
    rain = np.where(rng.random(shape) < 0.3, rng.gamma(0.7, 9.0, shape), 0.0)
    return xr.Dataset(
        {
            "air_temperature_max": (dims, low + 8.0 + 6.0 * rng.random(shape)),
            "air_temperature_min": (dims, low),
            "relative_humidity": (dims, 50.0 + 30.0 * rng.random(shape)),
            "global_radiation": (dims, 120.0 + 180.0 * rng.random(shape)),
            "wind_speed": (dims, 1.0 + 3.0 * rng.random(shape)),
            "precipitation": (dims, rain / 24.0),
        },
        coords={"time": pd.date_range("2024-04-01", periods=days).to_numpy()},
        attrs={"latitude": 52.5, "elevation": 40.0},
    )


def _trees(count: int = 150, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pick = lambda values: rng.choice(np.array(values, dtype=object), count)  # noqa: E731
    return pd.DataFrame(
        {
            "id": [f"T{i}" for i in range(count)],
            "species": pick(["Tilia cordata", "Quercus robur", "Betula pendula", "Pinus sylvestris", "Acer"]),
            "height": rng.uniform(2.0, 25.0, count),
            "crown_diameter": rng.uniform(0.8, 14.0, count),
            "planted": rng.integers(1920, 2024, count).astype(float),
            "soil": pick(["Ss", "Sl3", "Ut3", "mineral_tree_substrate"]),
            "sealing_share": rng.uniform(0.0, 1.0, count),
            "sealing_class": rng.integers(1, 5, count).astype(float),
            "direct_share": rng.uniform(0.2, 1.0, count),
            "sky_view_factor": rng.uniform(0.3, 1.0, count),
            "capillary_rise": rng.choice([0.0, 1.0], count),
            "connected_area": rng.choice([0.0, 80.0], count),
            "trench_volume": rng.choice([0.0, 6.0], count),
            "trench_infiltration": rng.choice([0.0, 20.0], count),
        }
    )


def _log(trees: pd.DataFrame) -> pd.DataFrame:
    rows = [(trees["id"][i], pd.Timestamp("2024-05-02") + pd.Timedelta(days=i), 80.0 + i) for i in range(0, 60, 7)]
    return pd.DataFrame(rows * 2, columns=["tree", "date", "litres"])


def test_every_litre_is_accounted_for() -> None:
    trees = _trees()
    found = water.tree_water_balance(trees, _weather(), waterings=_log(trees), initial=0.8)
    scale = found.sums[["rain", "watering", "trench_inflow"]].sum(axis=1).to_numpy()
    assert (np.abs(found.error) <= 1e-9 * scale).all()
    assert found.sums["watering"].sum() == pytest.approx(_log(trees)["litres"].sum())
    for name in ("interception", "runoff", "evaporation", "transpiration", "percolation", "trench_overflow"):
        assert (found.sums[name] >= 0).all()
        assert found.sums[name].max() > 0


def _plain(parameters, forcing, state: np.ndarray, tree: int, poured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run one tree in plain Python."""
    now, sums = tuple(state[:, tree]), np.zeros(len(DAY_FLUXES))
    row = forcing.values[parameters.cell[tree] * forcing.kinds + parameters.kind[tree]]
    values = tuple(parameters.values[:, tree])
    for t in range(row.shape[0]):
        dark = parameters.hidden_beam[0, tree]
        result = tree_day.py_func(
            tuple(row[t]), values[:15], values[15:], now, dark, poured[t], float(t), 1.0, 0.0, 1e-9
        )
        now, flux = result[:4], result[4:]
        sums += (row[t][FORCING.index("rain")], *flux[:5], poured[t], *flux[5:])
    return np.array(now), sums


def test_compiled_kernel_is_the_plain_day() -> None:
    trees, weather = _trees(70), _weather(60, cells=3)
    trees["weather_cell"] = np.arange(70) % 3
    found = water.tree_water_balance(trees, weather, initial=0.6, waterings=_log(trees).iloc[:3])
    forcing = tree_forcing(weather)
    state = np.zeros((4, 70))
    parameters = tree_parameters(trees, 2024, 3)
    state[0], state[1], state[2] = (0.4 * parameters.named(n) for n in ("tew", "taw_1", "taw_2"))
    for tree in (0, 7, 33, 69):
        poured = np.zeros(60)
        for row in _log(trees).iloc[:3].itertuples():
            if row.tree == trees["id"][tree]:
                poured[(row.date - pd.Timestamp("2024-04-01")).days] += row.litres / parameters.root_area[tree]
        now, sums = _plain(parameters, forcing, state, tree, poured)
        ours = found.state.iloc[tree][["surface_depletion", "depletion_1", "depletion_2", "trench"]]
        assert ours.to_numpy(dtype=float) == pytest.approx(now, rel=1e-9, abs=1e-9)
        litres = found.sums.iloc[tree][[n for n in DAY_FLUXES if n != "stress"]].to_numpy(dtype=float)
        assert litres == pytest.approx(sums[:-1] * parameters.root_area[tree], rel=1e-9, abs=1e-9)


def test_blocks_and_precision_and_order_change_nothing() -> None:
    trees, weather = _trees(130), _weather(40)
    whole = water.tree_water_balance(trees, weather, daily="relative_extractable_water")
    parts = list(water.tree_water_blocks(trees, weather, size=37, daily="relative_extractable_water"))
    assert [rows.stop - rows.start for rows, _ in parts] == [37, 37, 37, 19]
    joined = np.concatenate([part.daily.values for _, part in parts], axis=1)
    assert (joined == whole.daily.values).all()
    turned = water.tree_water_balance(trees.iloc[::-1], weather)
    pd.testing.assert_frame_equal(turned.sums.iloc[::-1], whole.sums)
    single = water.tree_water_balance(trees, weather, dtype="float32")
    assert single.sums["transpiration"].to_numpy() == pytest.approx(
        whole.sums["transpiration"].to_numpy(), rel=2e-3, abs=1
    )


def test_a_run_in_two_halves_is_the_run() -> None:
    trees, weather = _trees(40).assign(root_depth=0.9), _weather(60)
    whole = water.tree_water_balance(trees, weather)
    first = water.tree_water_balance(trees, weather.isel(time=slice(0, 25)))
    second = water.tree_water_balance(trees, weather.isel(time=slice(25, None)), initial=first.state)
    assert second.state["depletion_2"].to_numpy() == pytest.approx(whole.state["depletion_2"].to_numpy(), abs=1e-9)
    both = first.sums["transpiration"] + second.sums["transpiration"]
    assert both.to_numpy() == pytest.approx(whole.sums["transpiration"].to_numpy(), rel=1e-9)


def _one(**values: object) -> pd.DataFrame:
    base = {
        "id": "A", "species": "Tilia cordata", "height": 12.0, "crown_diameter": 7.0, "planted": 1990, "soil": "Sl3",
        "sealing_share": 0.5, "sealing_class": 3,
    }  # fmt: skip
    return pd.DataFrame([base | values])


def test_what_helps_a_tree() -> None:
    dry = _weather(150)
    dry["precipitation"] = 0.5 * dry["precipitation"]  # with next to no rain, sealing saves what soil would evaporate
    stress = {
        name: float(water.tree_water_balance(_one(**change), dry).sums["stress_days"].iloc[0])
        for name, change in {
            "plain": {},
            "asphalt": {"sealing_share": 0.95, "sealing_class": 4},
            "shade": {"direct_share": 0.3, "sky_view_factor": 0.5},
            "capillary": {"capillary_rise": 3.0},
            "trench": {"connected_area": 150.0, "trench_volume": 8.0},
            "silt": {"soil": "Ut3"},
            "thrifty": {"species": "Robinia pseudoacacia"},
        }.items()
    }
    assert stress["asphalt"] > stress["plain"] > 0
    for better in ("shade", "capillary", "trench", "silt", "thrifty"):
        assert stress[better] < stress["plain"], better
    log = pd.DataFrame({"tree": "A", "date": pd.date_range("2024-05-01", periods=15, freq="7D"), "litres": 300.0})
    watered = water.tree_water_balance(_one(), dry, waterings=log)
    assert float(watered.sums["stress_days"].iloc[0]) < stress["plain"]


def test_every_doubt_is_listed_and_no_tree_dropped() -> None:
    trees = pd.DataFrame(
        {
            "id": list("abcdefg"),
            "species": ["Tilia", "Unknownia", None, "", "Quercus", "Acer", "Acer"],
            "height": [10, -3, np.nan, 0, "tall", 12, 500],
            "crown_diameter": [5, 60, 0, None, 4, 6, 5],
            "planted": [1999, 0, "ca. 1975", "old", 2090, None, "1850"],
            "soil": ["Sl3", "moon", None, "", "Ut3", "fS", "Lehm"],
            "sealing_share": [0.5, 1.4, None, -0.1, 0.2, 0.3, "x"],
        }
    )
    found = water.tree_water_balance(trees, _weather(20))
    assert len(found.sums) == 7
    assert np.isfinite(found.sums.to_numpy(dtype=float)).all()
    told = {(r.column, r.reason): list(r.trees) for r in found.reasons.itertuples()}
    assert told["species", "unknown"] == [1, 2, 3]
    assert told["height", "missing"] == [2, 3]
    assert told["height", "impossible"] == [1, 4, 6]
    assert told["crown_diameter", "missing"] == [2, 3]
    assert told["crown_diameter", "impossible"] == [1]
    assert told["planted", "missing"] == [1, 5]
    assert told["planted", "impossible"] == [3, 4]
    assert told["soil", "missing"] == [2, 3]
    assert told["soil", "unknown"] == [1]
    assert told["sealing_share", "missing"] == [2]
    assert told["sealing_share", "impossible"] == [1, 3, 6]
    assert told["sealing_class", "missing"]
    assert (found.reasons["default"] != "").all()


def test_log_of_waterings_that_fits_nowhere_is_listed() -> None:
    log = pd.DataFrame(
        {
            "tree": ["A", "ghost", "A", "A"],
            "date": pd.to_datetime(["2024-04-05", "2024-04-05", "2031-01-01", "2024-04-06"]),
            "litres": [50.0, 50.0, 50.0, -4.0],
        }
    )
    found = water.tree_water_balance(_one(), _weather(20), waterings=log)
    rows = found.reasons[found.reasons["column"] == "waterings"].set_index("reason")["count"].to_dict()
    assert rows == {"unknown tree": 1, "outside the run": 1, "impossible litres": 1}
    assert found.sums["watering"].iloc[0] == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("trees", "weather", "options", "match"),
    [
        (_one(), _weather(9), {"daily": "thirst"}, "relative_extractable_water"),
        (_one(), _weather(9), {"initial": 7.0}, "field capacity"),
        (_one(), _weather(9), {"dtype": "int8"}, "float64"),
        (_one(), _weather(9).drop_vars("precipitation"), {}, "precipitation"),
        (_one(), _weather(9), {"waterings": pd.DataFrame({"tree": [1]})}, "litres"),
        (pd.concat([_one(), _one()]), _weather(9), {}, "more than once"),
        (_one(weather_cell=4), _weather(9, cells=2), {}, "cells 0 to 1"),
        (_one(), _weather(9), {"initial": pd.DataFrame({"surface_depletion": [], "depletion_1": [], "depletion_2": [],
                                                        "trench": []})}, "lacks 1 of 1"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(trees, weather, options, match) -> None:
    with pytest.raises(InputError, match=match):
        water.tree_water_balance(trees, weather, **options)


def test_weather_with_gaps_and_twins() -> None:
    weather = _weather(40)
    broken = xr.concat([weather.isel(time=slice(0, 20)), weather.isel(time=slice(19, None))], "time")
    broken = broken.isel(time=[i for i in range(41) if i not in (5, 6)])
    found = water.tree_water_balance(_one(), broken)
    assert found.days.size == 40
    assert "twice" in found.filled
    assert "between its neighbours" in found.filled
    assert "no rain" in found.filled
    with pytest.raises(InputError, match="8 days in a row"):
        daily_weather(weather.isel(time=[*range(10), *range(18, 40)]))


def test_leaves() -> None:
    assert crown_cover(0.0) == 0.0
    assert leaf_share(np.arange(1, 366), "evergreen").min() == 1.0
    assert leaf_area(30.0, 30.0) / (np.pi / 4 * 900) >= 2.0
    assert saturating_rain(4.0, 0.2, 0.0) == pytest.approx(0.8 / crown_cover(4.0))
    # Gash: -(C / (R c)) ln(1 - R)
    assert saturating_rain(4.0, 0.2, 0.1) == pytest.approx(-0.8 / (0.1 * crown_cover(4.0)) * np.log(0.9))


def test_names_of_the_kernel_match_the_tables() -> None:
    assert len(PARAMETERS) == 31
    assert len(set(DAILY_VARIABLES)) == 18
    for name, (default, lower, upper) in defaults().items():
        assert lower <= default <= upper or default == 0, name
