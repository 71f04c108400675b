"""Air temperature per cell: zero contrast, signs, limits, tropical nights, and what it does to people."""

import numpy as np
import pytest

from models import heat
from models.heat.air_temperature import heat_island
from models.heat.forcing import forcing
from models.layers import LAND_COVER, InputError

DAY, NIGHT = 14, 1  # steps of the second day: 14:00 and 01:00 UTC


def air_of(site, weather, **options):
    found = heat.simulate(site, weather, outputs=("air_temperature",), air="local", **options).air_temperature
    return found.values - weather.air_temperature.values.astype(np.float32)[:, None, None]


def site_of(make, cover, crown=None, size=60):
    site = make((size, size), 10.0, cover=cover)
    if crown:
        crown(site, slice(None), slice(None), 12.0, 3.0)
    return site


def test_an_open_lawn_has_the_air_of_the_station_exactly(make_heat_site, make_hot_day):
    weather = make_hot_day(48)
    assert (air_of(site_of(make_heat_site, "grass"), weather) == 0.0).all()
    lawn = site_of(make_heat_site, "grass")
    options = {"outputs": ("tmrt", "utci", "pet", "surface_temperature")}
    station, local = (heat.simulate(lawn, weather, air=air, **options) for air in ("station", "local"))
    for name in options["outputs"]:
        assert np.abs(station[name] - local[name]).max() < 2e-3, name


def test_signs_by_day_and_night(make_heat_site, with_crown, make_hot_day):
    weather = make_hot_day(48)
    at = {}
    for name, site in {
        "asphalt": site_of(make_heat_site, "asphalt"),
        "trees": site_of(make_heat_site, "grass", with_crown),
        "trees over asphalt": site_of(make_heat_site, "asphalt", with_crown),
        "soil": site_of(make_heat_site, "bare_soil"),
        "water": site_of(make_heat_site, "water"),
    }.items():
        excess = air_of(site, weather)[:, 30, 30]
        at[name] = excess[24 + DAY], excess[24 + NIGHT]
    assert 0.2 < at["asphalt"][0] < 1.0  # by day some tenths of a kelvin
    assert 2.0 < at["asphalt"][1] < 8.0  # by night the heat island
    assert at["trees"][0] < -0.5
    assert at["trees"][1] == pytest.approx(0.0, abs=0.05)
    assert at["trees over asphalt"][0] < -0.5
    assert 0.0 < at["soil"][1] < at["asphalt"][1]
    assert at["water"][0] < 0.0


def test_strength_by_hand(make_heat_site, make_hot_day):
    # an endless car park: night contrast 1, so that the strength itself comes out after a long night
    weather = make_hot_day(48)
    course = forcing(weather, 50.0, 8.0)
    night, day = heat_island(course)
    mean = weather.global_radiation.values[:24].mean() / 1200.0
    span = np.ptp(weather.air_temperature.values[:24])
    strength = (mean * span**3 / 2.0) ** 0.25
    assert night[27] == pytest.approx(strength, rel=0.03)  # 03:00 UTC: the sun has been down for seven hours
    assert day[36] == pytest.approx(0.5 * strength, rel=0.05)
    assert night[38] < 0.05 * strength  # 14:00
    assert day[24] == 0.0
    excess = air_of(site_of(make_heat_site, "asphalt"), weather)
    assert excess[27, 30, 30] == pytest.approx(night[27], rel=1e-3)


def test_calm_clear_days_make_the_strongest_island(make_heat_site, make_hot_day):
    site = site_of(make_heat_site, "asphalt", size=20)
    calm, windy = (air_of(site, make_hot_day(24, wind_speed=v))[2].mean() for v in (1.0, 8.0))
    dull = air_of(site, make_hot_day(24, global_radiation=0.0))[2].mean()
    assert calm > 1.4 * windy > 0
    assert dull == 0.0


def test_unsealing_trees_and_green_roofs_cool_their_neighbourhood(
    make_heat_site, with_building, with_crown, make_hot_day
):
    weather = make_hot_day(48)
    before = make_heat_site((80, 80), 10.0)
    for top in range(0, 80, 8):
        with_building(before, slice(top, top + 4), slice(None), 15.0)
    unsealed, green, trees = (before.copy(deep=True) for _ in range(3))
    open_air = before.building_id.values == 0
    part = np.zeros(open_air.shape, bool)
    part[30:50, 30:50] = True
    unsealed["land_cover"].values[part & open_air] = LAND_COVER["grass"]
    green["land_cover"].values[part & ~open_air] = LAND_COVER["green_roof"]
    trees["canopy_height"].values[part & open_air] = 10.0
    trees["trunk_height"].values[part & open_air] = 3.0
    base = air_of(before, weather)
    for after in (unsealed, green, trees):
        change = air_of(after, weather) - base
        for step in (24 + DAY, 24 + NIGHT):
            assert change[step, 36, 40] < -0.02
            assert change[step, 36, 40] < change[step, 36, 20] <= 0.0  # less far away
            assert change[step, 4, 4] == 0.0  # beyond 250 m nothing


def test_dried_out_grass_cools_less(make_heat_site, make_hot_day):
    weather, site = make_hot_day(48), site_of(make_heat_site, "grass")
    excess = []
    for water in (0.25, 0.12, 0.05):
        site["soil_moisture"] = (("y", "x"), np.full((60, 60), water, np.float32))
        excess.append(air_of(site, weather)[:, 30, 30])
    for step in (24 + DAY, 24 + NIGHT):
        assert excess[0][step] < excess[1][step] < excess[2][step]


def test_a_run_of_a_few_hours_is_refused(make_heat_site, make_hot_day):
    with pytest.raises(InputError, match="whole day"):
        air_of(site_of(make_heat_site, "grass", size=10), make_hot_day().isel(time=slice(8, 16)))
    with pytest.raises(InputError, match="air='park'"):
        heat.simulate(site_of(make_heat_site, "grass", size=10), make_hot_day(), air="park")


def test_warmer_air_is_felt_and_vapour_stays(make_heat_site, make_hot_day):
    weather, site = make_hot_day(48), site_of(make_heat_site, "asphalt", size=20)
    names = ("tmrt", "utci", "pet", "pt", "wbgt", "air_temperature")
    station, local = (
        heat.simulate(site, weather, outputs=names, air=air).isel(x=9, y=9) for air in ("station", "local")
    )
    step = 24 + NIGHT
    excess = float((local.air_temperature - station.air_temperature)[step])
    for name in ("utci", "pet", "pt", "wbgt"):
        assert 0.2 * excess < float((local[name] - station[name])[step]) < 1.5 * excess, name
    ta, rh = float(weather.air_temperature[step]), float(weather.relative_humidity[step])
    from models.heat.comfort_maps import humidity_at

    warm = float(local.air_temperature[step])
    moist = float(humidity_at(warm, ta, rh))
    assert moist < rh
    tmrt, wind = float(local.tmrt[step]), 2.0 * 0.11**0.2
    assert float(local.utci[step]) == pytest.approx(heat.utci(warm, tmrt, 2.0, moist), abs=5e-3)
    for name, index in (("pet", heat.pet), ("pt", heat.perceived_temperature), ("wbgt", heat.wbgt)):
        assert float(local[name][step]) == pytest.approx(index(warm, tmrt, wind, moist), abs=0.06), name
    assert "sky view" in local.utci.attrs["air"]


def test_tropical_nights(make_heat_site, make_hot_day):
    weather = make_hot_day(72)
    weather["air_temperature"] = weather.air_temperature - 2.0  # 18.5 to 34.5 degC: no tropical night on a lawn
    lawn, park = (site_of(make_heat_site, cover, size=12) for cover in ("grass", "asphalt"))
    options = {"outputs": ("air_temperature",), "air": "local"}
    assert (heat.summarise(lawn, weather, **options).tropical_nights == 0).all()
    found = heat.summarise(park, weather, **options)
    assert found.tropical_nights.values[5, 5] == 2  # the two whole nights
    assert found.air_temperature_min.values[5, 5] > 18.5
    assert found.tropical_nights.attrs["units"] == "1"
