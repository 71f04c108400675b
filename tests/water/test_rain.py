"""Rain as a source: volumes over intervals whatever the step, and where the rain of roofs goes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from models import water
from models.layers import LAND_COVER, InputError
from models.water.exchange import Surface
from models.water.rain import QUANTUM

BLOCK = water.design_storm(36.0, 60, shape="block")  # 10 um/s


def _surface(shape: tuple[int, int], dtype: type = np.float64, size: float = 2.0) -> Surface:
    return Surface(np.zeros(shape, dtype), np.zeros(shape), np.ones(shape, dtype=bool), size)


def _street() -> xr.Dataset:
    """Two houses of 4 x 4 cells on a lawn with a street along the south edge."""
    number, cover = np.zeros((14, 20), np.int32), np.full((14, 20), LAND_COVER["grass"], np.uint8)
    cover[11:] = LAND_COVER["asphalt"]
    number[7:11, 3:7], number[7:11, 12:16] = 1, 2
    cover[number > 0] = LAND_COVER["building"]
    return xr.Dataset({"building_id": (("y", "x"), number), "land_cover": (("y", "x"), cover)})


def _run(rain: water.Rain, surface: Surface, until: float = 3700.0, step: float = 7.0) -> None:
    time = 0.0
    while time < until:
        rain.step(time, step, surface)
        time += step


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.05, 400.0), min_size=5, max_size=60), st.sampled_from([np.float32, np.float64]))
def test_volume_does_not_depend_on_the_steps(steps: list[float], dtype: type) -> None:
    storm = water.design_storm(45.0, 60, shape="dvwk")
    rain, surface, time = water.Rain(storm), _surface((2, 2), dtype), 0.0
    for step in steps:
        rain.step(time, step, surface)
        time += step
    edges = np.arange(13) * 300.0
    fallen = np.interp(time, edges, np.concatenate([[0], np.cumsum(storm.values / 12)])) * 1e-3
    slack = QUANTUM + 1e-8 if dtype is np.float32 else 1e-12
    assert abs(float(surface.depth[0, 0]) - fallen) <= slack
    assert rain.fallen(time) == pytest.approx(fallen, abs=1e-15)
    assert sum(rain.account().values()) == pytest.approx(float(surface.depth.astype(float).sum()) * 4.0, abs=1e-14)


def test_float32_loses_nothing_in_deep_water_and_short_steps() -> None:
    surface = _surface((1, 1), np.float32)
    surface.depth[:] = 9.0
    rain = water.Rain(BLOCK)
    for step in range(36_000):
        rain.step(0.1 * step, 0.1, surface)
    assert float(surface.depth[0, 0]) - 9.0 == pytest.approx(0.036, abs=2 * QUANTUM)


def test_rasters_end_stamps_and_dates() -> None:
    pattern = xr.DataArray(np.array([[0.0, 2.0]]), dims=("y", "x"))
    raster = BLOCK * pattern
    raster.attrs = {"units": "mm/h", "interval": "end"}
    raster = raster.assign_coords(time=np.datetime64("2026-07-01T12:05", "ns") + np.arange(12) * np.timedelta64(5, "m"))
    rain, surface = water.Rain(raster), _surface((1, 2))
    _run(rain, surface)
    assert surface.depth[0].tolist() == pytest.approx([0.0, 0.072])


@pytest.mark.parametrize("mode", ["none", "downpipe", "sewer", "garden", "swale"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("holes", [True, False])
def test_roof_water_goes_where_it_is_sent(mode: str, dtype: type, holes: bool) -> None:
    site = _street()
    surface = _surface((14, 20), dtype)
    roof = site["building_id"].values > 0
    if holes:
        surface.active[roof] = False
    swales = np.zeros((14, 20), dtype=bool)
    swales[4, 4] = swales[4, 13] = True
    rain = water.Rain(BLOCK, site, roof_drainage=mode, swales=swales, roof_storage=2.0, cistern={1: 0.5})
    _run(rain, surface)
    account, gross = rain.account(), 14 * 20 * 4.0 * 0.036
    depth = surface.depth.astype(float)
    assert account["rain"] == pytest.approx(gross, rel=1e-4)
    assert sum(account.values()) == pytest.approx(depth.sum() * 4.0, abs=1e-12)
    assert depth.min() >= 0.0
    roofs = 2 * 64.0 * 0.036
    if mode == "none":
        assert depth[roof].max() == pytest.approx(0.0 if holes else 0.036, abs=1e-5)
        assert account.get("not_drained", 0.0) == pytest.approx(-roofs if holes else 0.0)
        return
    assert depth[roof].max() == 0.0
    assert account["roof_storage"] == pytest.approx(-2 * 64.0 * 0.002)
    assert account["cistern"] == pytest.approx(-0.5)
    led = roofs - 2 * 64.0 * 0.002 - 0.5
    extra = np.where(roof, 0.0, depth - 0.036)
    where = np.argwhere(extra > 1e-3)
    if mode == "sewer":
        assert account["sewer"] == pytest.approx(-led, rel=1e-4)
        assert rain.roofs is not None
        table = rain.roofs.connections().set_index("building_id")
        assert table["to_sewer"].loc[2] == pytest.approx(64.0 * 0.034, rel=1e-4)
        assert table["roof_area"].tolist() == [64.0, 64.0]
        assert not roof[table["row"], table["column"]].any()
        assert not where.size
    else:
        assert extra.sum() * 4.0 == pytest.approx(led, rel=2e-3)
        assert len(where) == 2
    if mode == "swale":
        assert {tuple(one) for one in where.tolist()} == {(4, 4), (4, 13)}
    if mode == "garden":
        assert (site["land_cover"].values[tuple(where.T)] == LAND_COVER["grass"]).all()


def test_a_full_connection_lets_the_rest_down_to_the_street() -> None:
    rain = water.Rain(BLOCK, _street(), roof_drainage={1: "sewer"}, sewer_capacity={1: 0.3})
    surface = _surface((14, 20))
    _run(rain, surface, until=3600.0)
    account = rain.account()
    assert account["sewer"] == pytest.approx(-0.3e-3 * 3600.0, rel=1e-3)  # 0.64 l/s come from the roof
    assert surface.depth[7:11, 12:16].min() == pytest.approx(0.036)  # building 2 is not led anywhere
    assert sum(account.values()) == pytest.approx(surface.depth.sum() * 4.0)


def test_a_house_without_open_ground_uses_the_nearest() -> None:
    number = np.zeros((9, 9), np.int32)
    number[2:7, 2:7], number[4, 4] = 1, 2
    site = xr.Dataset({"building_id": (("y", "x"), number), "land_cover": (("y", "x"), np.full((9, 9), 2, np.uint8))})
    rain, surface = water.Rain(BLOCK, site, roof_drainage="downpipe"), _surface((9, 9))
    _run(rain, surface)
    assert surface.depth[number > 0].max() == 0.0
    assert surface.depth.sum() * 4.0 == pytest.approx(81 * 4 * 0.036)


def test_roofs_and_rasters_survive_a_restart() -> None:
    site = _street()
    pattern = xr.DataArray(np.random.default_rng(2).random((14, 20)), dims=("y", "x"))
    raster = (BLOCK * pattern).assign_attrs(BLOCK.attrs)

    def run(cut: int) -> tuple[bytes, dict[str, float]]:
        def make() -> water.Rain:
            return water.Rain(raster, site, roof_drainage="sewer", sewer_capacity=0.2, roof_storage=1.0, cistern=0.1)

        rain, surface = make(), _surface((14, 20), np.float32)
        for step in range(200):
            if step == cut:
                kept, rain = rain.state(), make()
                rain.restore(kept)
            rain.step(11.0 * step, 11.0, surface)
        return surface.depth.tobytes(), dict(rain.account())

    assert run(-1) == run(90)


def test_crowns_fill_before_they_drip() -> None:
    kept = np.array([[0.0, 1.5]])
    rain, surface = water.Rain(BLOCK, interception=kept), _surface((1, 2))
    rain.step(0.0, 100.0, surface)  # 1 mm
    assert surface.depth[0].tolist() == pytest.approx([0.001, 0.0])
    _run(rain, surface)
    half = water.Rain(BLOCK, interception=kept, crown_cover=0.5)
    other = _surface((1, 2))
    half.step(0.0, 100.0, other)
    assert other.depth[0].tolist() == pytest.approx([0.001, 0.0005])
    half.step(100.0, 3500.0, other)
    assert other.depth[0, 1] == pytest.approx(0.0345)
    assert half.account()["interception"] == pytest.approx(-0.0015 * 4.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rain: rain * -1, "negative"),
        (lambda rain: rain.where(rain["time"] > rain["time"][2]), "missing values, the first in step 0"),
        (lambda rain: rain.isel(time=[0, 1, 3, 4, 5]), "missing steps"),
        (lambda rain: rain.isel(time=[0, 0, 1]), "sort the series"),
        (lambda rain: rain.isel(time=[0]), "step_seconds"),
        (lambda rain: rain.isel(time=[]), "no time step"),
        (lambda rain: rain.assign_attrs(units="mm"), "'mm'"),
        (lambda rain: (rain / 1e3).assign_attrs(units="m h-1"), "'m h-1'"),
        (lambda rain: rain / 1e3, "looks like metres"),
        (lambda rain: rain * 1e3, "check its unit"),
        (lambda rain: rain.rename(time="step"), "must be a DataArray"),
        (lambda rain: rain.drop_vars("time"), "coordinate 'time'"),
        (lambda rain: rain.assign_attrs(interval="instant"), "'instant'"),
        (lambda rain: rain.values, "must be a DataArray"),
    ],
)
def test_bad_rain_is_named(change: object, says: str) -> None:
    plain = BLOCK.copy()
    plain.attrs = {}
    with pytest.raises(InputError, match=says):
        water.Rain(change(plain))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"roof_drainage": "gutter"}, "choose one of"),
        ({"roof_drainage": {9: "sewer"}}, "building 9"),
        ({"roof_drainage": "swale"}, "pass swales="),
        ({"roof_drainage": "sewer", "sewer_capacity": -1.0}, "sewer_capacity"),
        ({"roof_drainage": "downpipe", "roof_area_per_downpipe": 0.0}, "above 0"),
    ],
)
def test_bad_drainage_is_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        water.Rain(BLOCK, _street(), **options)  # type: ignore[arg-type]


def test_rasters_of_another_grid_are_refused() -> None:
    site = _street().assign_coords(y=np.arange(14)[::-1] * 2.0, x=np.arange(20) * 2.0)
    ones = xr.DataArray(np.ones((14, 20)), dims=("y", "x"), coords=site.coords)
    raster = (BLOCK * ones).assign_attrs(BLOCK.attrs)
    water.Rain(raster, site)
    for other in (raster.isel(y=slice(None, None, -1)), raster.isel(x=slice(3, None))):
        with pytest.raises(InputError, match="bring it to the grid"):
            water.Rain(other, site)
    with pytest.raises(InputError, match="shape"):
        water.Rain(BLOCK, interception=np.zeros((3, 3))).step(0.0, 1.0, _surface((2, 2)))
    with pytest.raises(InputError, match="pass site="):
        water.Rain(BLOCK, roof_drainage="sewer")
