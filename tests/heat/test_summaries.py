"""Summaries of a day, and wind per cell."""

import logging

import numpy as np
import pytest

from models import heat
from models.heat.wind import utci_wind, wind_share
from models.layers import InputError


@pytest.fixture
def quarter(make_heat_site, with_building, with_crown):
    site = make_heat_site((120, 130), cell=5.0)
    for top in range(0, 120, 12):
        for left in range(0, 60, 12):
            with_building(site, slice(top, top + 8), slice(left, left + 8), 15.0)
    return with_crown(site, slice(50, 54), slice(100, 104), 12.0, 3.0)


def test_summary_equals_the_hours(quarter, make_hot_day):
    weather = make_hot_day()
    hours = heat.simulate(quarter, weather, outputs=("tmrt", "utci", "shadow"))
    steps = []
    found = heat.summarise(quarter, weather, thresholds=(32.0, 26.0), progress=steps.append)
    ground = quarter.building_id.values == 0
    assert steps[-1] == 24
    assert found.utci_max.values[ground] == pytest.approx(hours.utci.max("time").values[ground])
    assert found.tmrt_mean.values[ground] == pytest.approx(hours.tmrt.mean("time").values[ground], abs=1e-3)
    above = (hours.utci >= 32.0).sum("time").values[ground]
    assert np.array_equal(found.utci_hours.sel(threshold=32.0).values[ground], above)
    assert found.threshold.values.tolist() == [26.0, 32.0]
    assert 10 < np.nanmax(found.sunshine) <= 16
    for name, values in found.data_vars.items():
        assert np.isnan(values.values[..., ~ground]).all(), name
        assert values.dtype == np.float32


def test_summary_options(quarter, make_hot_day):
    with pytest.raises(InputError, match="'shadow'"):
        heat.summarise(quarter, make_hot_day(), outputs=("shadow",))


def test_wind_share_limits():
    # open grass: logarithmic profile with 0.03 m
    open_share = np.log(1.1 / 0.03) / np.log(10 / 0.03)
    zero = np.array([0.0])
    assert wind_share(zero, zero, zero) == pytest.approx([open_share])
    density = np.linspace(0.02, 0.5, 30)
    shares = wind_share(density, density * 0.8, np.full(30, 15.0))
    assert (np.diff(shares) <= 1e-12).all()
    assert (shares <= open_share).all()
    # staggered cubes of lambda 0.25 by hand: d/H = 1 + 4.43^-0.25 (0.25 - 1) = 0.4830, so 1 - d/H = 0.5170;
    # z0/H = 0.5170 exp(-(0.5 * 1.2 / 0.16 * 0.5170 * 0.25)^-0.5) = 0.5170 exp(-1.4364) = 0.1229;
    # u*/u10 = 0.4 * 1.5156 / ln((200/10 - 0.4830) / 0.1229) = 0.1197; times sqrt(2 / 0.25) = 0.3384
    assert wind_share(np.array([0.25]), np.array([0.25]), np.array([10.0])) == pytest.approx([0.3384], abs=2e-3)
    assert utci_wind(np.array([0.68])) == pytest.approx([1.0], abs=2e-3)


def test_wind_is_weaker_between_houses(quarter):
    share = heat.pedestrian_wind_share(quarter).values
    assert share[60, 10] < 0.6 * share[60, 120]
    assert 0.05 < share.min() < share.max() < 0.65


def test_local_wind_raises_felt_temperature_between_houses(quarter, make_hot_day):
    weather = make_hot_day(wind_speed=4.0).isel(time=slice(13, 15))
    station = heat.simulate(quarter, weather, outputs=("utci", "pet"))
    local = heat.simulate(quarter, weather, outputs=("utci", "pet"), wind="local")
    yard = (slice(58, 60), slice(8, 12))
    for name in ("utci", "pet"):
        difference = (local[name] - station[name]).values[:, yard[0], yard[1]]
        assert difference.min() > 0.3
    assert "density of buildings" in local.utci.attrs["wind"]
    with pytest.raises(InputError, match="wind='calm'"):
        heat.simulate(quarter, weather, wind="calm")


def test_local_utci_equals_the_points(quarter, make_hot_day):
    weather = make_hot_day(wind_speed=3.0).isel(time=slice(13, 14))
    found = heat.simulate(quarter, weather, wind="local")
    wind = np.maximum(utci_wind(heat.pedestrian_wind_share(quarter).values * 3.0), 0.5)
    ta, rh = float(weather.air_temperature[0]), float(weather.relative_humidity[0])
    expected = heat.utci(ta, found.tmrt.values[0].astype(float), wind, rh)
    ground = quarter.building_id.values == 0
    assert found.utci.values[0][ground] == pytest.approx(expected[ground], abs=5e-3)


def test_storm_gives_one_warning(make_heat_site, make_hot_day, caplog):
    weather = make_hot_day(wind_speed=25.0).isel(time=slice(10, 14))
    with caplog.at_level(logging.WARNING):
        found = heat.simulate(make_heat_site((6, 7)), weather, outputs="utci")
    assert np.isnan(found.utci.values).all()
    warnings = [r for r in caplog.records if "UTCI is not defined" in r.message]
    assert len(warnings) == 1
    assert "168 of 168" in warnings[0].message


def test_fine_grids_do_not_overflow_the_ground_view():
    from models.heat.ground_view import GroundView

    view = GroundView(np.ones((450, 450), bool), 0.1).mean(np.full((450, 450), 900.0, np.float32))
    assert view == pytest.approx(900.0, abs=2.0)
