"""PET: reference table, an independent code, the table of a map."""

import json

import numpy as np
import pytest
import xarray as xr

from models import heat
from models.heat.comfort_maps import index_of_map
from models.layers import InputError


@pytest.mark.reference
def test_pet_table(shared):
    rows = json.loads((shared / "reference/heat/comfort_tables/ts_pet_steady.json").read_text())["data"]
    for row in rows:
        given = row["inputs"]
        # the table's person: sitting, 23 years, 1.80 m
        found = heat.pet(
            given["tdb"], given["tr"], given["v"], given["rh"], posture="sitting", clothing=given["clo"],
            activity=given["met"] * 58.2, height=1.80, age=23,
        )  # fmt: skip
        assert found == pytest.approx(row["outputs"]["pet"], abs=0.1)
    assert len(rows) == 9


def test_pet_against_an_independent_code():
    peer = pytest.importorskip("pythermalcomfort.models")
    rng = np.random.default_rng(5)
    n = 150
    ta = rng.uniform(-10, 42, n)
    tmrt, wind, rh = ta + rng.uniform(-8, 40, n), rng.uniform(0.1, 6, n), rng.uniform(10, 90, n)
    theirs = peer.pet_steady(
        tdb=ta, tr=tmrt, v=wind, rh=rh, met=80 / 58.2, clo=0.9, position="standing", age=35, height=1.75, weight=75
    ).pet
    assert np.nanmax(np.abs(heat.pet(ta, tmrt, wind, rh) - theirs)) <= 0.1


def test_a_calm_room_is_its_own_temperature():
    # 12 hPa at 20 degC is 51.3 % humidity
    assert heat.pet(20.0, 20.0, 0.1, 51.3) == pytest.approx(20.0, abs=0.1)


def test_pet_rises_with_radiation_and_falls_with_wind():
    tmrt = np.linspace(10, 75, 40)
    assert (np.diff(heat.pet(28.0, tmrt, 1.0, 40.0)) > 0).all()
    assert (np.diff(heat.pet(22.0, 22.0, np.linspace(0.1, 6, 40), 40.0)) < 0).all()


@pytest.mark.parametrize("local", [False, True])
def test_map_table_is_close(local):
    rng = np.random.default_rng(2)
    tmrt = rng.uniform(20, 70, (60, 50)).astype(np.float32)
    wind = rng.uniform(0.2, 4.0, (60, 50)) if local else 1.3
    found = index_of_map(heat.pet, tmrt, 31.0, 31.0, 38.0, wind)
    assert np.abs(found - heat.pet(31.0, tmrt.astype(float), wind, 38.0)).max() <= 0.05


def test_pet_keeps_xarray_and_names_its_variant():
    found = heat.pet(xr.DataArray([20.0, 30.0], dims="time"), xr.DataArray([30.0, 50.0, 60.0], dims="x"), 1.0, 50.0)
    assert dict(found.sizes) == {"time": 2, "x": 3}
    assert found.attrs["variant"] == "walther_goestchel"
    assert np.isnan(heat.pet(np.nan, 20.0, 1.0, 50.0))
    assert np.isnan(heat.pet(90.0, 20.0, 1.0, 50.0))


def test_bad_person():
    with pytest.raises(InputError, match="posture='lying'"):
        heat.pet(20.0, 20.0, 1.0, 50.0, posture="lying")
    with pytest.raises(InputError, match="clo"):
        heat.pet(20.0, 20.0, 1.0, 50.0, clothing=7.0)


def test_pet_classes():
    assert [c.lower for c in heat.comfort_classes("pet")[1:]] == [4, 8, 13, 18, 23, 29, 35, 41]
    assert heat.comfort_classes("pet")[-1].label["de"] == "Extreme Wärmebelastung"


def test_pet_of_a_run(make_heat_site, make_hot_day):
    site = make_heat_site((12, 12))
    weather = make_hot_day().isel(time=slice(12, 14))
    found = heat.simulate(site, weather, outputs=("tmrt", "pet"))
    at = found.isel(time=0, y=5, x=5)
    wind = 2.0 * (1.1 / 10.0) ** 0.2
    ta, rh = float(weather.air_temperature[0]), float(weather.relative_humidity[0])
    assert float(at.pet) == pytest.approx(heat.pet(ta, float(at.tmrt), wind, rh), abs=0.05)
    assert found.pet.attrs["variant"] == "walther_goestchel"
