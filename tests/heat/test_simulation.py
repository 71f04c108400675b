"""A run of the heat model: identities, plausibility, metadata, bad input."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models import heat
from models.heat.forcing import forcing
from models.heat.ground_view import WINDOWS, GroundView
from models.heat.radiation import black_body
from models.heat.simulation import OUTPUTS
from models.heat.surfaces import WallState, deep_temperature, facing, step_ground
from models.layers import LAND_COVER, InputError
from models.parallel import set_threads


@pytest.fixture
def square(make_heat_site, with_building, with_crown):
    """A square of asphalt and grass between two blocks, with a tree."""
    site = make_heat_site((70, 80))
    with_building(site, slice(0, 15), slice(0, 80), 15.0)
    with_building(site, slice(55, 70), slice(0, 80), 15.0)
    site["land_cover"].values[15:55, 40:] = LAND_COVER["grass"]
    return with_crown(site, slice(30, 40), slice(15, 25), 12.0, 3.0)


@pytest.fixture
def day(square, make_hot_day):
    return heat.simulate(square, make_hot_day(), outputs=tuple(OUTPUTS))


def test_isothermal_night_gives_the_air_temperature(square, make_hot_day):
    night = make_hot_day(6, "2022-12-20T20:00", air_temperature=12.0, global_radiation=0.0)
    night["longwave_down"] = ("time", np.full(6, float(black_body(12.0))))
    found = heat.simulate(square, night, outputs=("tmrt", "surface_temperature", "longwave_north"))
    ground = square.building_id.values == 0
    assert np.abs(found.tmrt.values[:, ground] - 12.0).max() < 0.01  # float32 and 1/64 W/m2
    assert np.abs(found.surface_temperature.values[:, ground] - 12.0).max() < 1e-3
    assert found.longwave_north.values[:, ground] == pytest.approx(float(black_body(12.0)), abs=0.05)


def test_shape_units_and_holes(day, square):
    assert day.tmrt.dims == ("time", "y", "x")
    assert day.tmrt.dtype == np.float32
    assert set(day.data_vars) == set(OUTPUTS)
    building = square.building_id.values > 0
    for name, values in day.items():
        assert values.attrs["units"], name
        assert values.attrs["long_name"], name
        assert np.isnan(values.values[:, building]).all(), name
        assert not np.isnan(values.values[:, ~building]).any(), name
    assert day.utci.attrs["wind"].startswith("10 m")
    assert "spatial_ref" in day.coords
    assert day.utci.attrs["grid_mapping"] == "spatial_ref"
    assert day.tmrt.attrs["longwave_absorption"] == 0.97


def test_shade_of_a_crown_is_several_kelvin_cooler(day, square):
    at = day.sel(time="2022-07-19T14:00")
    asphalt = at.utci.values[33:38, 3:10].mean()
    assert at.shadow.values[33:38, 3:10].min() == 1.0
    crown = at.utci.values[34:37, 18:22].mean()
    assert asphalt - crown > 3.0
    assert at.tmrt.values[34:37, 3:10].mean() - at.tmrt.values[34:37, 18:22].mean() > 12.0


def test_grass_is_cooler_than_asphalt_by_day_and_surface_warm_at_night(day):
    noon, night = day.sel(time="2022-07-19T13:00"), day.sel(time="2022-07-19T23:00")
    asphalt, grass = (slice(33, 38), slice(3, 10)), (slice(33, 38), slice(60, 70))
    assert noon.surface_temperature.values[asphalt].mean() > noon.surface_temperature.values[grass].mean() + 5
    assert night.surface_temperature.values[asphalt].mean() > night.surface_temperature.values[grass].mean()
    assert 40 < noon.surface_temperature.values[asphalt].mean() < 65


def test_night_under_a_crown_is_warmer_than_the_open(make_heat_site, with_crown, make_hot_day):
    site = with_crown(make_heat_site((50, 50)), slice(20, 30), slice(20, 30), 12.0, 3.0)
    found = heat.simulate(site, make_hot_day(), outputs="tmrt").tmrt.sel(time="2022-07-19T03:00").values
    assert found[25, 25] > found[3, 3] + 0.5


def test_open_field_fluxes_balance(make_heat_site, make_hot_day):
    site = make_heat_site((30, 30), cover="grass")
    weather = make_hot_day()
    found = heat.simulate(site, weather, outputs=tuple(OUTPUTS))
    centre = found.isel(y=15, x=15)
    # nothing hides the sky: what comes down is the global radiation of the weather (low sun: mid-interval beam)
    sunny = weather.global_radiation.values > 150
    assert centre.shortwave_down.values[sunny] == pytest.approx(weather.global_radiation.values[sunny], rel=0.02)
    assert centre.shortwave_up.values[sunny] == pytest.approx(0.16 * centre.shortwave_down.values[sunny], rel=0.01)
    # six directions give the same temperature as the patches taken together
    names = ("down", "up", "north", "east", "south", "west")
    sun = heat.sun_position(weather.time.values - np.timedelta64(30, "m"), 50.0, 8.0)
    at = 12
    elevation, azimuth = float(sun.elevation[at]), np.radians(float(sun.azimuth[at]))
    direct = float(forcing(weather, 50.0, 8.0).direct[at])
    k = {n: float(centre[f"shortwave_{n}"][at]) for n in names}
    long = {n: float(centre[f"longwave_{n}"][at]) for n in names}
    for number, side in enumerate(names[2:]):
        k[side] -= direct * np.cos(np.radians(elevation)) * max(np.cos(azimuth - number * np.pi / 2), 0.0)
    tmrt = heat.mean_radiant_temperature(k, long, beam=direct, elevation=elevation)
    assert float(centre.tmrt[at]) == pytest.approx(float(tmrt), abs=0.1)


def test_sitting_takes_less_beam_at_low_sun(square, make_hot_day):
    weather = make_hot_day().isel(time=slice(17, 19))
    standing = heat.simulate(square, weather, outputs="tmrt").tmrt.values
    sitting = heat.simulate(square, weather, outputs="tmrt", posture="sitting").tmrt.values
    assert np.nanmean(standing) != pytest.approx(np.nanmean(sitting), abs=0.05)


def test_geometry_is_reused_and_checked(square, make_hot_day):
    weather = make_hot_day().isel(time=slice(11, 13))
    geometry = heat.prepare(square)
    assert heat.simulate(square, weather, geometry=geometry).equals(heat.simulate(square, weather))
    other = square.copy(deep=True)
    other["surface_height"].values[20, 20] += 9.0
    with pytest.raises(InputError, match="another site"):
        heat.simulate(other, weather, geometry=geometry)


def test_progress_and_threads(square, make_hot_day):
    weather = make_hot_day().isel(time=slice(9, 13))
    steps = []
    set_threads(1)
    one = heat.simulate(square, weather, progress=steps.append)
    set_threads(3)
    three = heat.simulate(square, weather)
    set_threads(None)
    assert steps == [1, 2, 3, 4]
    assert one.equals(three)


def test_convergence_turns_the_sun(square, make_hot_day):
    weather = make_hot_day().isel(time=slice(12, 13))
    plain = heat.simulate(square, weather, outputs="shadow").shadow
    turned = square.assign_attrs(convergence=25.0)
    assert not plain.equals(heat.simulate(turned, weather, outputs="shadow").shadow)


@pytest.mark.parametrize("interval", ["end", "start", "instant"])
def test_stamps_mean_what_they_say(make_heat_site, make_hot_day, interval):
    site = make_heat_site((20, 20))
    base = make_hot_day(1, "2022-07-19T12:00", global_radiation=800.0)
    shifted = base.assign_coords(
        time=base.time + np.timedelta64({"end": 30, "start": -30, "instant": 0}[interval], "m")
    )
    shifted.attrs["interval"] = interval
    reference = base.assign_attrs(interval="instant")
    a = heat.simulate(site, shifted, outputs="tmrt").tmrt.values
    assert a == pytest.approx(heat.simulate(site, reference, outputs="tmrt").tmrt.values, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.assign_attrs(interval=None), "what its time stamps mean"),
        (lambda w: w.drop_vars("wind_speed"), "no 'wind_speed'"),
        (lambda w: w.assign_coords(time=w.time + np.timedelta64(6, "h")), "check the UTC offset"),
        (lambda w: w.assign(air_temperature=w.air_temperature + 273.15), "check its unit"),
        (lambda w: w.assign(relative_humidity=w.relative_humidity.where(w.relative_humidity > 99)), "missing values"),
        (lambda w: w.isel(time=[3, 2, 5]), "must rise"),
        (lambda w: w.isel(time=slice(0, 0)), "no time step"),
    ],
)
def test_bad_weather_is_named(make_heat_site, make_hot_day, change, sentence):
    with pytest.raises(InputError, match=sentence):
        heat.simulate(make_heat_site((10, 10)), change(make_hot_day()))


def test_radiation_slip_names_the_first_time(make_heat_site, make_hot_day):
    weather = make_hot_day()
    slipped = weather.assign_coords(time=weather.time + np.timedelta64(6, "h"))
    with pytest.raises(InputError, match=r"2022-07-19T2[0-9]:00 UTC"):
        heat.simulate(make_heat_site((10, 10)), slipped)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"outputs": ("tmrt", "pets")}, "'pets'"),
        ({"posture": "lying"}, "lying"),
        ({"sky": "blue"}, "sky='blue'"),
        ({"split": "x"}, "split='x'"),
        ({"wall": "straw"}, "wall='straw'"),
        ({"longwave": "x"}, "longwave='x'"),
    ],
)
def test_bad_options_are_named(make_heat_site, make_hot_day, options, sentence):
    with pytest.raises(InputError, match=sentence):
        heat.simulate(make_heat_site((10, 10)), make_hot_day(), **options)


def test_place_must_be_known(make_heat_site, make_hot_day):
    site = make_heat_site((10, 10))
    site.attrs.clear()
    with pytest.raises(InputError, match="latitude"):
        heat.simulate(site, make_hot_day())
    assert heat.simulate(site, make_hot_day().isel(time=slice(3)), latitude=50.0, longitude=8.0).tmrt.shape == (
        3,
        10,
        10,
    )


def test_drier_ground_is_hotter(make_heat_site, make_hot_day):
    site = make_heat_site((20, 30), cover="grass")
    water = np.full((20, 30), 0.25, np.float32)
    water[:, 15:] = 0.05
    site["soil_moisture"] = (("y", "x"), water)
    found = heat.simulate(site, make_hot_day(), outputs=("surface_temperature", "tmrt")).sel(time="2022-07-19T14:00")
    assert found.surface_temperature.values[:, 25].mean() > found.surface_temperature.values[:, 5].mean() + 8
    assert found.tmrt.values[:, 25].mean() > found.tmrt.values[:, 5].mean() + 2


def test_ground_step_follows_the_exact_solution():
    # constant forcing for many steps ends at the balance of the equation, whatever the step
    ends = []
    for seconds, steps in ((600.0, 2000), (3600.0, 400)):
        excess, mean = np.zeros(1, np.float32), np.zeros(1, np.float32)
        inertia = np.full(256, 1200.0)
        for _ in range(steps):
            step_ground(
                0, 1, excess, np.array([500.0], np.float32), np.array([-60.0], np.float32), np.array([0.2], np.float32),
                np.array([0.95], np.float32), np.array([0.0], np.float32), np.zeros(1, np.uint8), inertia, np.empty(0, np.float32), 6.0,
                12.0, -3.0, 0.9,
                seconds, 0.0, mean,
            )  # fmt: skip
        ends.append(float(excess[0]))
    day = 2 * np.pi / 86400
    a = np.sqrt(2 * day) / 1200.0
    balance = (a * (0.8 * 500 - 0.95 * 60) - 3 * day) / (a * (12.0 + 0.95 * 6.0) + day)
    assert ends == pytest.approx([balance, balance], rel=1e-4)


def test_lit_walls_are_warmer():
    walls = WallState("brick")
    radiation = np.stack([np.full(153, 80.0), np.full(153, 500.0)])
    for _ in range(6):
        excess = walls.step(radiation, -50.0, 30.0, 10.0, -4.0, 3600.0, 0.0)
    assert (excess[1] > excess[0] + 8.0).all()
    assert float(facing(0.0)) == pytest.approx(np.pi / 4)
    assert float(facing(90.0)) == pytest.approx(0.25)
    assert float(facing(180.0)) == pytest.approx(0.0, abs=1e-12)


def test_ground_view_against_plain_python():
    rng = np.random.default_rng(1)
    ground = rng.random((40, 50)) > 0.2
    values = rng.uniform(0, 600, (40, 50)).astype(np.float32)
    view = GroundView(ground, 1.0).mean(values)
    i, j, expected = 17, 21, 0.0
    for half_width, share in WINDOWS:
        r = round(half_width)
        box = (slice(max(i - r, 0), i + r + 1), slice(max(j - r, 0), j + r + 1))
        expected += share * values[box][ground[box]].mean()
    assert view[i, j] == pytest.approx(expected, abs=0.02)
    uniform = GroundView(np.ones((40, 50), bool), 2.0).mean(np.full((40, 50), 450.0, np.float32))
    assert uniform == pytest.approx(450.0, abs=0.02)


def test_deep_temperature_is_the_mean_of_the_day(make_hot_day):
    weather = make_hot_day(48)
    deep = deep_temperature(forcing(weather, 50.0, 8.0))
    assert deep == pytest.approx(np.full(48, 28.5), abs=0.4)


def test_measured_components_are_used(make_heat_site, make_hot_day):
    site = make_heat_site((15, 15))
    weather = make_hot_day().isel(time=slice(10, 13))
    cloudy = weather.assign(diffuse_radiation=weather.global_radiation * 0.95)
    clear, dim = (heat.simulate(site, w, outputs=("shortwave_north", "shortwave_down")) for w in (weather, cloudy))
    assert (
        dim.shortwave_north.mean() > clear.shortwave_north.mean() + 100
    ).item()  # a diffuse sky lights the north side
    assert dim.shortwave_down.values == pytest.approx(clear.shortwave_down.values, rel=0.03)


def test_cell_size_does_not_shift_the_median(make_heat_site, with_building, with_crown, make_hot_day):
    medians = []
    weather = make_hot_day()
    for cell in (0.5, 1.0, 2.0):
        n = int(96 / cell)
        site = make_heat_site((n, n), cell)
        b = slice(int(30 / cell), int(60 / cell))
        with_building(site, b, slice(int(10 / cell), int(40 / cell)), 14.0)
        with_crown(site, slice(int(70 / cell), int(80 / cell)), slice(int(60 / cell), int(80 / cell)), 12.0, 3.0)
        medians.append(heat.simulate(site, weather, outputs="tmrt").tmrt.median(("y", "x")).values)
    assert np.abs(np.array(medians) - medians[1]).max() <= 0.3


def test_quick_to_import():
    import subprocess
    import sys

    code = "import models.heat, sys; print([m for m in ('pvlib', 'matplotlib', 'dask', 'vtk') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_times_survive(square, make_hot_day):
    weather = make_hot_day().isel(time=slice(2))
    assert pd.DatetimeIndex(heat.simulate(square, weather).time.values).equals(pd.DatetimeIndex(weather.time.values))
    assert isinstance(heat.simulate(square, weather), xr.Dataset)


def test_unknown_land_cover_is_named(make_heat_site, make_hot_day):
    site = make_heat_site((10, 10))
    site["land_cover"].values[2, 3] = 77
    with pytest.raises(InputError, match="the code 77"):
        heat.simulate(site, make_hot_day())


def test_a_left_out_night_does_not_move_the_sun(make_heat_site, make_hot_day):
    weather = make_hot_day(48)
    days = weather.isel(time=[*range(6, 18), *range(30, 42)])
    site = make_heat_site((10, 10))
    whole = heat.simulate(site, weather, outputs=("shortwave_down", "tmrt"))
    part = heat.simulate(site, days, outputs=("shortwave_down", "tmrt"))
    same = whole.sel(time=days.time)
    assert part.shortwave_down.values == pytest.approx(same.shortwave_down.values, abs=1e-3)
    assert np.abs(part.tmrt.values[-1] - same.tmrt.values[-1]).max() < 0.5


def test_ten_minute_steps_agree_with_hours(make_heat_site, make_hot_day):
    times = pd.date_range("2022-07-19T00:10", periods=144, freq="10min")
    hourly = make_hot_day()
    fine = hourly.interp(time=times.to_numpy(), kwargs={"fill_value": "extrapolate"}).assign_attrs(interval="instant")
    coarse = hourly.assign_attrs(interval="instant")
    site = make_heat_site((8, 8))
    a = heat.simulate(site, fine, outputs="surface_temperature").surface_temperature.sel(time="2022-07-19T15:00")
    b = heat.simulate(site, coarse, outputs="surface_temperature").surface_temperature.sel(time="2022-07-19T15:00")
    assert a.values == pytest.approx(b.values, abs=1.5)
