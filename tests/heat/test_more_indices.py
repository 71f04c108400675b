"""Perceived temperature, WBGT, the older form of PET, and the classes of all indices."""

import json
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from models import heat
from models.heat.perceived import _vote, _warmer
from models.heat.wet_bulb_globe import _globe
from models.layers import InputError


@pytest.mark.reference
def test_memi_golden_points(shared):
    data = json.loads((shared / "reference/heat/golden_umep/pet_single_point.json").read_text())
    for (ta, rh, tmrt, wind), golden in zip(data["inputs"], data["outputs"], strict=True):
        assert heat.pet(ta, tmrt, wind, rh, height=1.80, variant="umep_memi") == pytest.approx(golden, abs=0.1)


@pytest.mark.reference
def test_memi_golden_grid(shared):
    data = np.load(shared / "reference/heat/golden_umep/pet_grid.npz")
    found = heat.pet(float(data["ta"]), data["tmrt"], data["va"], float(data["rh"]), height=1.80, variant="umep_memi")
    assert np.abs(found - data["pet"]).max() <= 0.1


def test_forms_of_pet_differ_and_say_so():
    assert abs(heat.pet(25.0, 55.0, 1.5, 45.0, variant="umep_memi") - heat.pet(25.0, 55.0, 1.5, 45.0)) > 2.0
    found = heat.pet(xr.DataArray([30.0], dims="x"), 40.0, 1.0, 50.0, variant="umep_memi")
    assert found.attrs["variant"] == "umep_memi"
    with pytest.raises(InputError, match="variant='hoeppe'"):
        heat.pet(25.0, 25.0, 1.0, 50.0, variant="hoeppe")
    with pytest.raises(InputError, match="clo"):
        heat.pet(25.0, 25.0, 1.0, 50.0, variant="umep_memi", clothing=9.0)


def test_memi_calm_room_is_its_own_temperature():
    # wet skin and dry skin lose differently in the two rooms unless vapour pressure is 12 hPa, as at 21 degC and 48 %
    assert heat.pet(21.0, 21.0, 0.1, 48.3, variant="umep_memi") == pytest.approx(21.0, abs=0.1)


def test_memi_on_a_run(make_heat_site, make_hot_day):
    weather = make_hot_day().isel(time=slice(12, 13))
    found = heat.simulate(make_heat_site((8, 8)), weather, outputs=("tmrt", "pet"), pet_variant="umep_memi")
    at = found.isel(time=0, y=4, x=4)
    expected = heat.pet(
        float(weather.air_temperature[0]), float(at.tmrt), 2.0 * 0.11**0.2, float(weather.relative_humidity[0]),
        variant="umep_memi",
    )  # fmt: skip
    assert float(at.pet) == pytest.approx(expected, abs=0.05)
    assert found.pet.attrs["variant"] == "umep_memi"


@pytest.mark.parametrize("temperature", [-15.0, -5.0, 0.0, 10.0, 15.0, 25.0, 28.0, 30.0])
def test_reference_surroundings_feel_as_warm_as_they_are(temperature):
    found = heat.perceived_temperature(temperature, temperature, 0.1, 50.0)
    assert found == pytest.approx(temperature, abs=1.1)


def test_fanger_by_hand():
    # ta = tmrt = 20 degC, 10 hPa, 0.1 m/s, 0.5 clo, 134.6862 W/m2: clothes from (34 - x) balance, worked out in steps
    made, clo = 134.6862, 0.5
    larger, skin, hc = 1.075, 35.7 - 0.0275 * made, 12.1 * np.sqrt(0.1)
    low, high = 0.0, 40.0
    for _ in range(60):
        t = 0.5 * (low + high)
        lost = larger * (3.96e-8 * ((t + 273.15) ** 4 - 293.15**4) + hc * (t - 20.0))
        low, high = (t, high) if skin - 0.155 * clo * lost > t else (low, t)
    lost = larger * (3.96e-8 * ((t + 273.15) ** 4 - 293.15**4) + hc * (t - 20.0))
    rest = 0.31 * (57.3 - 0.07 * made - 10.0) + 0.42 * (made - 58.0) + 0.0017 * made * 48.7 + 0.0014 * made * 14.0
    expected = (0.303 * np.exp(-0.036 * made) + 0.0275) * (made - rest - lost)
    assert _vote(20.0, 20.0, 10.0, 0.1, 1013.25, clo) == pytest.approx(expected, abs=1e-6)


def test_perceived_temperature_rises_with_radiation_and_humidity_and_falls_with_wind():
    tmrt = np.linspace(20.0, 75.0, 56)
    assert (np.diff(heat.perceived_temperature(28.0, tmrt, 1.0, 40.0)) > 0).all()
    assert (np.diff(heat.perceived_temperature(33.0, 33.0, 0.5, np.linspace(30, 90, 20))) > 0).all()
    assert (np.diff(heat.perceived_temperature(-5.0, -5.0, np.linspace(0.2, 8, 20), 70.0)) < 0).all()
    assert np.isnan(heat.perceived_temperature(np.nan, 20.0, 1.0, 50.0))
    assert np.isnan(heat.perceived_temperature(90.0, 20.0, 1.0, 50.0))


def test_perceived_temperature_has_no_jumps():
    ta = np.linspace(-25.0, 45.0, 1401)
    steps = np.diff(heat.perceived_temperature(ta, ta + 5.0, 1.0, 50.0))
    assert steps.min() > -0.3
    assert steps.max() < 1.6  # where winter clothing ends the scale changes from clothing to vote
    # classes of the regression meet
    from models.heat.perceived import _warm

    for vote in range(1, 7):
        a, b = (_warmer(vote + d, 32.0, 40.0, 15.0, 1.0, _warm()) for d in (-1e-9, 1e-9))
        assert a == pytest.approx(b, abs=1e-6)


@pytest.mark.reference
def test_wbgt_table(shared):
    rows = json.loads((shared / "reference/heat/comfort_tables/ts_wbgt.json").read_text())["data"]
    checked = 0
    for row in rows:
        given = row["inputs"]
        air = given.get("tdb") if given.get("with_solar_load") else None
        expected = row["outputs"]["wbgt"]
        if given.get("with_solar_load") and air is None:
            continue
        found = heat.wet_bulb_globe(np.array(given["twb"], float), np.array(given["tg"], float), air)
        assert np.asarray(found) == pytest.approx(np.array(expected, float), abs=0.1)
        checked += 1
    assert checked >= 8


def test_globe_is_between_air_and_radiation():
    # ISO 7726 the other way round: the globe's temperature gives back the mean radiant temperature
    for ta, tmrt, wind in ((30.0, 60.0, 1.0), (20.0, 5.0, 0.3), (25.0, 25.0, 2.0)):
        globe = _globe(ta, tmrt, wind)
        back = ((globe + 273.15) ** 4 + 1.1e8 * wind**0.6 / (0.95 * 0.15**0.4) * (globe - ta)) ** 0.25 - 273.15
        assert back == pytest.approx(tmrt, abs=1e-4)


def test_wbgt_limits():
    assert heat.wbgt(30.0, 30.0, 1.0, 100.0) == pytest.approx(30.0, abs=0.05)  # saturated, no radiation
    # a shaded, ventilated wet bulb is the psychrometric one: 30 degC, 40 % -> 20.1 degC (psychrometer tables)
    shaded = (heat.wbgt(30.0, 30.0, 5.0, 40.0) - 0.3 * 30.0) / 0.7
    assert shaded == pytest.approx(20.1, abs=0.7)
    assert (np.diff(heat.wbgt(30.0, np.linspace(25, 75, 30), 1.0, 40.0)) > 0).all()
    assert (np.diff(heat.wbgt(30.0, 60.0, np.linspace(0.2, 5, 30), 40.0)) < 0).all()
    found = heat.wbgt(xr.DataArray([30.0, 20.0], dims="time"), 40.0, 1.0, 50.0)
    assert found.attrs["units"] == "degC"
    assert np.isnan(heat.wbgt(30.0, 30.0, 1.0, 130.0))


def test_all_indices_of_a_run(make_heat_site, make_hot_day):
    weather = make_hot_day().isel(time=slice(12, 14))
    found = heat.simulate(make_heat_site((8, 8)), weather, outputs=("tmrt", "pt", "wbgt"), wind="local")
    at = found.isel(time=0, y=4, x=4)
    share = float(heat.pedestrian_wind_share(make_heat_site((8, 8)))[4, 4])
    ta, rh = float(weather.air_temperature[0]), float(weather.relative_humidity[0])
    for name, index in (("pt", heat.perceived_temperature), ("wbgt", heat.wbgt)):
        assert float(at[name]) == pytest.approx(index(ta, float(at.tmrt), 2.0 * share, rh), abs=0.06)
        assert "1.1 m" in found[name].attrs["wind"]


@pytest.mark.parametrize("index", ["utci", "pet", "pt", "wbgt"])
def test_class_tables(index):
    classes = heat.comfort_classes(index)
    assert [c.code for c in classes] == list(range(1, len(classes) + 1))
    assert classes[0].lower == -np.inf
    assert classes[-1].upper == np.inf
    assert all(a.upper == b.lower for a, b in pairwise(classes))
    assert all(c.label["en"] and c.label["de"] and c.label["en"] != c.label["de"] for c in classes)
    # neighbours are neighbours, or further apart, on the ramp whose distances are checked for colour-blind readers
    ramp = [c.colour for c in heat.comfort_classes("utci")]
    places = [ramp.index(c.colour) for c in classes]
    assert places == sorted(set(places))


def test_levels_of_the_weather_service():
    classes = heat.comfort_classes("pt")
    assert [c.lower for c in classes[1:]] == [-39, -26, -13, 0, 20, 26, 32, 38]
    assert classes[7].label == {"en": "Strong heat stress", "de": "Starke Wärmebelastung"}
    assert heat.classify(xr.DataArray([31.9, 32.0, 38.0]), "pt").values.tolist() == [7, 8, 9]
