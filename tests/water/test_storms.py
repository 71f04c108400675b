"""Design storms, depth-duration-frequency look-ups and the rain index, against tables nobody here wrote."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from models import water
from models.layers import InputError
from models.water.frequency import statistical_depth
from models.water.rain_classes import depth_of_index, rain_indices


def _lines(file: Path) -> list[dict[str, str]]:
    rows = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(rows))


@pytest.fixture(scope="module")
def cell(shared: Path) -> xr.DataArray:
    rows = _lines(shared / "reference" / "water" / "kostra_dwd_2020_cell_test.csv")
    names = [name for name in rows[0] if name.startswith("HN_")]
    return water.depth_table(
        [[float(row[name]) for name in names] for row in rows],
        [float(row["D_min"]) for row in rows],
        [float(name[3:6]) for name in names],
    )


def _table_of_euler(amounts: list[float]) -> xr.DataArray:
    """Table of 30 a of which the storm's steps were made (cell 117111: tabulated at 5, 10, 15, 20, 30, 45, 60 min)."""
    curve = np.cumsum(sorted(amounts, reverse=True))
    minutes = np.array([5, 10, 15, 20, 30, 45, 60])
    depths = curve[minutes // 5 - 1]
    return water.depth_table(np.stack([0.9 * depths, depths], axis=1), minutes, [20, 30])


@pytest.mark.reference
def test_euler_type_2_is_the_reference_storm(shared: Path) -> None:
    rows = _lines(shared / "reference" / "water" / "euler_type2_60min_T30.csv")
    wanted = [float(row["mm"]) for row in rows]
    storm = water.design_storm(_table_of_euler(wanted), 60, 30)
    assert np.allclose(storm.values / 12.0, wanted, atol=6e-4)
    assert storm.attrs["depth_mm"] == pytest.approx(36.6, abs=1e-2)
    assert int(np.argmax(storm.values)) * 5 == 15
    assert storm["time"].values[3] == np.timedelta64(15, "m")
    assert (storm.attrs["interval"], storm.attrs["step_seconds"], storm.attrs["units"]) == ("start", 300.0, "mm h-1")


@pytest.mark.reference
def test_return_periods_of_the_kostra_cell(cell: xr.DataArray) -> None:
    assert water.return_period(cell, 39.5, duration=1440) == 2.0
    # the straight line between 72.6 mm (30 a) and 80.1 mm (50 a); the published look-ups are 37.3 and 96.5
    assert water.return_period(cell, 75.3, duration=1440) == pytest.approx(37.3, abs=0.25)
    assert water.return_period(cell, 90.0, duration=1440) == pytest.approx(96.5, abs=0.25)
    assert water.return_period(cell, 96.3, duration=1440) == float("inf")
    assert water.return_period(cell, 20.0, duration=1440) == 0.0


@pytest.mark.reference
def test_an_event_is_as_rare_as_the_storm_it_was_made_of(cell: xr.DataArray) -> None:
    found = water.return_period(cell, water.design_storm(cell, 120, 50, start="2026-07-01T15:00"))
    inside = found[found["duration"].isin([5, 10, 15, 20, 30, 45, 60, 90, 120])]
    assert len(inside) == len(found) == 9
    assert np.allclose(found["return_period"], 50.0)
    block = water.return_period(cell, water.design_storm(cell, 60, 100, shape="block"))
    assert block["return_period"].iloc[0] == 0.0  # 3 mm in 5 min come more often than every year
    assert block["return_period"].iloc[-1] == pytest.approx(100.0)


def _small() -> xr.DataArray:
    return water.depth_table([[5.0, 8.0, 14.0], [9.0, 15.0, 46.0]], [5, 60], [1, 10, 100])


@pytest.mark.parametrize(("period", "index"), [(1, 1), (2, 1), (3, 2), (5, 2), (10, 3), (20, 4), (25, 4), (30, 5),
                                               (50, 6), (75, 6), (100, 7)])  # fmt: skip
def test_rain_index_follows_the_return_period(period: float, index: int) -> None:
    table = _small()
    assert water.rain_index(table, float(statistical_depth(table, 60, period)), duration=60).number == index


@pytest.mark.parametrize(("factor", "index"), [(1.05, 7), (1.19, 7), (1.2, 8), (1.4, 9), (1.6, 10), (2.19, 10), (2.2, 11),
                                               (2.78, 11), (2.8, 12), (4.0, 12)])  # fmt: skip
def test_rain_index_of_the_rarest_follows_the_factor(factor: float, index: int) -> None:
    assert water.rain_index(_small(), factor * 46.0, duration=60).number == index


def test_munster_90_mm_is_index_10_and_common_rain_is_none() -> None:
    assert water.rain_index(_small(), 90.0, duration=60).number == 10  # 90 / 46 = 1.96, as the city's page says
    common = water.rain_index(_small(), 3.0, duration=60)
    assert (common.number, common.name_de) == (0, "kein Starkregen")


@pytest.mark.reference
def test_the_classes_are_those_of_the_reference_table(shared: Path) -> None:
    for row in _lines(shared / "reference" / "water" / "sri_schmitt2018.csv"):
        one = rain_indices()[int(row["sri"])]
        assert one.name_de.replace("ß", "ss").replace("ö", "oe") == row["label"]
        if row["T_upper_a"]:
            assert one.longest_return_period == float(row["T_upper_a"])
        if row["factor_min"] and one.number > 7:
            assert one.smallest_factor == float(row["factor_min"])


def test_index_of_an_event_by_duration() -> None:
    table = water.rain_index(_small(), water.design_storm(_small(), 60, 100))
    assert table["rain_index"].tolist() == [7, 7]
    assert table["colour"].str.match("#[0-9a-f]{6}").all()


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["euler2", "euler1", "block", "dvwk"]),
    st.sampled_from([5.0, 10.0, 15.0]),
    st.sampled_from([30.0, 60.0]),
    st.floats(1.0, 100.0),
)
def test_every_shape_gives_the_depth_of_the_table(shape: str, step: float, duration: float, period: float) -> None:
    storm = water.design_storm(_small(), duration, period, shape=shape, step=step)
    assert storm.values.sum() * step / 60.0 == pytest.approx(float(statistical_depth(_small(), duration, period)))
    assert (storm.values >= 0).all()


def test_shapes_by_hand() -> None:
    assert np.allclose(water.design_storm(50.0, 50, shape="dvwk").values / 12, [10 / 3] * 3 + [12.5] * 2 + [3.0] * 5)
    storm = water.design_storm(_small(), 60, 100, step=5, depth=90.0, peak=30)
    assert storm.attrs["depth_mm"] == pytest.approx(90.0)
    assert int(np.argmax(storm.values)) == 6
    assert int(np.argmax(water.design_storm(_small(), 60, 100, shape="euler1").values)) == 0


def test_scenarios_of_states() -> None:
    assert water.state_scenario("bkg", "extreme").attrs["depth_mm"] == pytest.approx(100.0)
    assert water.state_scenario("bw_lubw", "extrem").attrs["depth_mm"] == pytest.approx(128.0)
    assert np.ptp(water.state_scenario("nrw_2018", "extreme").values) < 1e-9
    rare = water.state_scenario("nrw_2018", "selten", _small())
    assert rare.attrs["depth_mm"] == pytest.approx(float(statistical_depth(_small(), 60, 30)))
    ninth = water.state_scenario("erkrath", "sri_9", _small())
    assert ninth.attrs["depth_mm"] == pytest.approx(1.4 * 46.0) == pytest.approx(depth_of_index(_small(), 9))
    assert ninth.attrs["source"]
    for row in water.state_scenarios().itertuples():
        assert np.isfinite(water.state_scenario(row.collection, row.scenario, _small()).values).all()


def test_tolerance_adds_a_share_of_the_uncertainty() -> None:
    table = water.depth_table([[10.0, 20.0]], [60], [1, 100], uncertainty=[[10.0, 20.0]])
    assert float(statistical_depth(table, 60, 100, tolerance=1.0)) == pytest.approx(24.0)
    with pytest.raises(InputError, match="uncertainty"):
        statistical_depth(_small(), 60, 100, tolerance=1.0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: water.design_storm(_small(), 60, 500), "outside the table"),
        (lambda: water.design_storm(_small(), 90, 100), "outside the table"),
        (lambda: water.design_storm(_small(), 60, 100, shape="triangle"), "choose one of"),
        (lambda: water.design_storm(_small(), 60, 100, step=7), "divisor"),
        (lambda: water.design_storm(_small(), 60, 100, peak=62), "peak interval"),
        (lambda: water.design_storm(50.0, 60, 100, shape="block"), "table of rain depths"),
        (lambda: water.design_storm(-5.0, 60, shape="block"), "not possible"),
        (lambda: water.state_scenario("nrw_2018", "rare"), "pass depths="),
        (lambda: water.state_scenario("nrw_2018", "sunny", _small()), "no scenario"),
        (lambda: water.state_scenario("atlantis", "rare", _small()), "Unknown collection"),
        (lambda: water.depth_table([[5.0, 4.0]], [5], [1, 10]), "smaller"),
        (lambda: water.depth_table([[5.0, np.nan]], [5], [1, 10]), "missing"),
        (
            lambda: water.return_period(_small() / 1000, water.design_storm(_small(), 60).isel(time=[0, 2, 3])),
            "missing steps",
        ),
        (lambda: water.rain_index(_small(), 20.0), "pass duration=60"),
        (lambda: depth_of_index(_small(), 13), "1 to 12"),
        (lambda: water.rain_index(_small().sel(return_period=[1, 10]), 20.0, duration=60), "reach 100 a"),
    ],
)
def test_bad_input_is_one_sentence(call: object, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        call()  # type: ignore[operator]
    assert "\n" not in str(caught.value)
