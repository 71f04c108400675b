"""Losses and rain on the grid: closed forms, balances, and what must not depend on the step."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from models import water
from models.layers import LAND_COVER, InputError
from models.water.exchange import Surface
from models.water.loss_classes import SOILS, curve_storage


def _site(cover: np.ndarray, **layers: np.ndarray) -> xr.Dataset:
    arrays = {"land_cover": np.asarray(cover, dtype=np.uint8), **layers}
    return xr.Dataset({name: (("y", "x"), array) for name, array in arrays.items()})


def _surface(shape: tuple[int, int], dtype: type = np.float64, size: float = 1.0, depth: float = 0.0) -> Surface:
    return Surface(np.full(shape, depth, dtype), np.zeros(shape), np.ones(shape, dtype=bool), size)


@pytest.mark.reference
def test_green_ampt_against_the_closed_form(shared: Path) -> None:
    file = shared / "reference" / "water" / "green_ampt_constant_rain.csv"
    rows = list(csv.DictReader(line for line in file.read_text().splitlines() if not line.startswith("#")))
    rain = water.design_storm(100.0, 120, shape="block")
    for row in rows:
        column = water.infiltrate(rain, soil=row["soil"].replace(" ", "_"), step=10.0)["infiltration"]
        for minutes in (30, 60, 120):
            assert float(column.sel(time=60.0 * minutes)) == pytest.approx(float(row[f"F{minutes}_mm"]), rel=5e-4)


def test_horton_under_full_supply_is_its_integral() -> None:
    storm = water.design_storm(600.0, 60, shape="block")
    column = water.infiltrate(storm, method="horton", soil="clay_loam")["infiltration"]
    hours = column["time"].values / 3600.0
    assert np.allclose(column, 0.6 * hours + (152.0 - 0.6) / 4.14 * (1.0 - np.exp(-4.14 * hours)), rtol=1e-9)


def test_horton_under_weak_rain_takes_all_and_keeps_its_capacity() -> None:
    weak = water.infiltrate(water.design_storm(5.0, 60, shape="block"), method="horton", soil="clay_loam")
    assert float(weak["runoff"][-1]) == pytest.approx(0.0, abs=1e-9)
    # after 5 mm the rate is that of the time t at which 5 mm had been taken under full supply (SWMM)
    site = _site(np.full((1, 1), LAND_COVER["grass"]))
    losses = water.Losses(site, method="horton", soil="clay_loam", depression={"grass": 0.0})
    surface = _surface((1, 1))
    for minute in range(60):
        surface.depth[:] += 5e-3 / 60
        losses.step(60.0 * minute, 60.0, surface)
    surface.depth[:] = 1.0
    losses.step(3600.0, 1.0, surface)
    hours = np.linspace(0, 0.2, 200_001)
    at = np.interp(5.0, 0.6 * hours + (151.4 / 4.14) * (1 - np.exp(-4.14 * hours)), hours)
    rate = 0.6 + 151.4 * np.exp(-4.14 * (at + 0.5 / 3600))
    assert (1.0 - float(surface.depth[0, 0])) * 3.6e6 == pytest.approx(rate, rel=1e-3)
    assert losses.infiltrated is not None
    assert float(losses.infiltrated[0, 0]) == pytest.approx(5e-3 + rate / 3.6e6, rel=1e-3)


def test_curve_number_by_hand() -> None:
    column = water.infiltrate(water.design_storm(100.0, 60, shape="block"), method="scs_cn", soil="clay_loam")
    assert curve_storage(80.0) == pytest.approx(63.5)
    assert float(column["runoff"][-1]) == pytest.approx((100 - 12.7) ** 2 / (100 - 12.7 + 63.5), rel=1e-9)
    urban = water.infiltrate(
        water.design_storm(100.0, 60, shape="block"), method="scs_cn", soil="clay_loam", initial_abstraction=0.05
    )
    assert float(urban["runoff"][-1]) == pytest.approx((100 - 3.175) ** 2 / (100 - 3.175 + 63.5), rel=1e-9)


def test_sealed_share_and_hollows() -> None:
    site = _site([[LAND_COVER["asphalt"], LAND_COVER["grass"]]], imperviousness=np.array([[1.0, 0.5]], np.float32))
    losses = water.Losses(site, soil="sand", saturation=0.0)
    surface = _surface((1, 2), depth=0.002)
    losses.step(0.0, 10.0, surface)
    assert surface.depth[0, 0] == pytest.approx(0.0005)  # 1.5 mm in the hollows of asphalt
    assert surface.depth[0, 1] == 0.0  # the open half takes the water of the whole cell
    account = losses.account()
    assert sum(account.values()) == pytest.approx(-0.0035)
    assert account["infiltration"] < 0 < -account["depression_storage"]


def test_moisture_shortens_uptake_and_a_green_roof_is_full_at_some_time() -> None:
    taken = []
    for moisture in (0.1, 0.4):
        site = _site([[LAND_COVER["grass"]]], soil_moisture=np.array([[moisture]], np.float32))
        losses = water.Losses(site, soil="loam")
        losses.step(0.0, 10.0, _surface((1, 1), depth=0.5))
        taken.append(-losses.account()["infiltration"])
    a, s = 3.4e-3 * 10 / 3600, np.array([0.363, 0.063]) * 0.0889
    assert taken == pytest.approx(a / 2 + np.sqrt(a * a / 4 + 2 * a * s), rel=1e-6)
    roof = water.Losses(_site([[LAND_COVER["green_roof"]]]), soil="sand", saturation=0.0)
    surface = _surface((1, 1), depth=0.2)
    for step in range(400):
        roof.step(10.0 * step, 10.0, surface)
    assert float(roof.infiltrated[0, 0]) == pytest.approx(0.019)  # type: ignore[index]


_COVERS = st.lists(st.sampled_from(sorted(LAND_COVER.values())), min_size=12, max_size=12)


@settings(max_examples=15, deadline=None)
@given(
    _COVERS, st.sampled_from([None, "horton", "scs_cn"]), st.sampled_from([np.float32, np.float64]), st.integers(0, 99)
)
def test_rain_and_losses_close_their_balance(covers: list[int], method: str | None, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    site = _site(np.reshape(covers, (3, 4)), imperviousness=rng.random((3, 4), np.float32))
    rain = water.Rain(water.design_storm(80.0, 30, shape="dvwk"))
    losses = water.Losses(site, rain=rain, method=method)
    surface = _surface((3, 4), dtype, size=2.0)
    time = 0.0
    while time < 2400.0:
        step = float(rng.uniform(0.2, 25.0))
        rain.step(time, step, surface)
        losses.step(time, step, surface)
        time += step
        assert surface.depth.min() >= 0.0
    stored = float(surface.depth.astype(float).sum()) * 4.0
    assert sum(rain.account().values()) + sum(losses.account().values()) == pytest.approx(stored, abs=1e-12)


def test_blocks_of_rows_give_the_same_bytes() -> None:
    from models import parallel

    rng = np.random.default_rng(3)
    site = _site(rng.choice(list(LAND_COVER.values()), (300, 20)))
    results = []
    for count in (1, 2, 4):
        parallel.set_threads(count)
        rain = water.Rain(water.design_storm(50.0, 10, shape="block"))
        losses, surface = water.Losses(site), _surface((300, 20), np.float32)
        for step in range(30):
            rain.step(10.0 * step, 10.0, surface)
            losses.step(10.0 * step, 10.0, surface)
        results.append(surface.depth.copy())
    parallel.set_threads(None)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_state_is_all_that_is_needed() -> None:
    rng = np.random.default_rng(5)
    cover = rng.choice(list(LAND_COVER.values()), (6, 7))
    storm = water.design_storm(40.0, 10, shape="block")
    raster = storm * xr.DataArray(rng.random((6, 7)), dims=("y", "x"))
    raster.attrs = storm.attrs

    def run(cut: int | None) -> tuple[np.ndarray, dict[str, float]]:
        rain = water.Rain(raster)
        losses, surface = water.Losses(_site(cover), rain=rain, method="scs_cn"), _surface((6, 7), np.float32)
        for step in range(100):
            if step == cut:
                kept = rain.state(), losses.state()
                rain = water.Rain(raster)
                losses = water.Losses(_site(cover), rain=rain, method="scs_cn")
                rain.restore(kept[0])
                losses.restore(kept[1])
            rain.step(7.3 * step, 7.3, surface)
            losses.step(7.3 * step, 7.3, surface)
        return surface.depth, dict(rain.account()) | dict(losses.account())

    whole, cut = run(None), run(37)
    assert whole[0].tobytes() == cut[0].tobytes()
    assert whole[1] == pytest.approx(cut[1], rel=1e-12)


def test_crowns_keep_leaf_water() -> None:
    site = _site([[5, 5]], canopy_height=np.array([[0.0, 15.0]]))
    kept = water.crown_storage(site, leaf_area_index=5.0, cover=0.8)
    assert kept.values[0].tolist() == pytest.approx([0.0, 0.8])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: water.Losses(_site([[5]]), method="philip"), "Unknown method"),
        (lambda: water.Losses(_site([[5]]), soil="granite"), "Unknown soil"),
        (lambda: water.Losses(_site([[5]]), method={"meadow": "horton"}), "land cover 'meadow'"),
        (lambda: water.Losses(_site([[77]])), "code 77"),
        (lambda: water.Losses(_site([[5]], soil_class=np.array([[40]]))), "code 40"),
        (lambda: water.Losses(_site([[5]], imperviousness=np.array([[75.0]]))), "share from 0 to 1"),
        (lambda: water.Losses(_site([[5]], soil_moisture=np.array([[30.0]]))), "soil_moisture"),
        (lambda: water.Losses(_site([[5]]), method="scs_cn"), "pass rain="),
        (lambda: water.Losses(_site([[5]]), saturation=30.0), "shares from 0 to 1"),
        (lambda: water.Losses(xr.Dataset()), "no layer 'land_cover'"),
        (lambda: water.crown_storage(_site([[5]])), "canopy_height"),
    ],
)
def test_bad_input_is_named(call: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call()  # type: ignore[operator]


def test_every_land_cover_and_soil_has_parameters() -> None:
    losses = water.Losses(_site([[code] for code in LAND_COVER.values()]))
    surface = _surface((len(LAND_COVER), 1), depth=0.02)
    losses.step(0.0, 10.0, surface)
    assert np.isfinite(surface.depth).all()
    assert len(SOILS) == 11
