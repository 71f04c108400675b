"""UTCI: reference table, full polynomial, the collapsed form; classes; the mean radiant temperature."""

import json
import logging
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from models import heat
from models.heat.indices import saturation_pressure, utci_coefficients
from models.heat.person import person
from models.heat.sums import utci_of_map
from models.layers import InputError

SIX = ("down", "up", "north", "east", "south", "west")


@pytest.mark.reference
def test_utci_table(shared):
    rows = json.loads((shared / "reference/heat/comfort_tables/ts_utci.json").read_text())["data"]
    checked = 0
    for row in rows:
        given, expected = row["inputs"], row["outputs"]["utci"]
        if given.get("units", "SI").lower() == "ip":
            continue
        values = [np.atleast_1d(np.array(given[k], dtype=float)) for k in ("tdb", "tr", "v", "rh")]
        found = heat.utci(*values)
        for ours, theirs in zip(found, np.atleast_1d(expected), strict=True):
            if theirs is None:
                assert np.isnan(ours)
            else:
                assert ours == pytest.approx(float(theirs), abs=0.1)
                checked += 1
    assert checked >= 6


@pytest.mark.reference
def test_utci_golden_points(shared):
    data = json.loads((shared / "reference/heat/golden_umep/utci_single_point.json").read_text())
    for (ta, rh, tmrt, wind), golden in zip(data["inputs"], data["outputs"], strict=True):
        if wind >= 0.5:
            assert heat.utci(ta, tmrt, wind, rh) == pytest.approx(golden, abs=0.1)


def test_utci_equals_the_full_polynomial():
    peer = pytest.importorskip("pythermalcomfort.models")
    rng = np.random.default_rng(3)
    n = 20_000
    ta = rng.uniform(-50, 50, n)
    tmrt = ta + rng.uniform(-30, 70, n)
    wind = rng.uniform(0.5, 17, n)
    rh = np.minimum(rng.uniform(0, 100, n), 4.99 / saturation_pressure(ta) * 1000)
    theirs = peer.utci(tdb=ta, tr=tmrt, v=wind, rh=rh, round_output=False).utci
    assert np.nanmax(np.abs(heat.utci(ta, tmrt, wind, rh) - theirs)) <= 1e-3
    assert not np.isnan(theirs).any()


def test_map_form_equals_the_points():
    tmrt = np.linspace(5.0, 95.0, 60, dtype=np.float32).reshape(6, 10)
    found = utci_of_map(tmrt, 31.0, utci_coefficients(31.0, 40.0), 2.3)
    assert found == pytest.approx(heat.utci(31.0, tmrt.astype(float), 2.3, 40.0), abs=2e-3)
    assert np.count_nonzero(utci_coefficients(31.0, 40.0)) == 28


def test_outside_the_limits_is_nan_with_one_warning(caplog):
    with caplog.at_level(logging.WARNING, "models.heat.indices"):
        found = heat.utci(
            np.array([20.0, 60.0, 20.0, 20.0]),
            np.array([20.0, 60.0, 95.0, 20.0]),
            np.array([1.0, 1.0, 1.0, 30.0]),
            50.0,
        )
    assert np.isnan(found).tolist() == [False, True, True, True]
    assert len(caplog.records) == 1
    assert "3 of 4" in caplog.text


def test_utci_keeps_xarray():
    tmrt = xr.DataArray([[30.0, 50.0]], dims=("y", "x"), coords={"x": [1.0, 2.0]})
    found = heat.utci(xr.DataArray([20.0, 30.0], dims="time"), tmrt, 1.0, 50.0)
    assert set(found.dims) == {"time", "y", "x"}
    assert found.attrs["units"] == "degC"


def test_classes():
    classes = heat.comfort_classes("utci")
    assert [c.lower for c in classes[1:]] == [-40, -27, -13, 0, 9, 26, 32, 38, 46]
    assert all(a.upper == b.lower for a, b in pairwise(classes))
    assert len({c.colour for c in classes}) == 10
    assert all(c.label["de"] and c.label["en"] for c in classes)
    codes = heat.classify(xr.DataArray([-50.0, 26.0, 31.999, 46.0, np.nan]))
    assert codes.values.tolist() == [1, 7, 7, 10, 0]
    assert codes.dtype == np.uint8
    with pytest.raises(InputError, match="no classes"):
        heat.comfort_classes("heat index")


@pytest.mark.parametrize("posture", ["standing", "sitting"])
@pytest.mark.parametrize("temperature", [-20.0, 15.0, 60.0])
def test_isothermal_surroundings(posture, temperature):
    flux = dict.fromkeys(SIX, 5.670374419e-8 * (temperature + 273.15) ** 4)
    found = heat.mean_radiant_temperature(dict.fromkeys(SIX, 0.0), flux, posture=posture)
    assert float(found) == pytest.approx(temperature, abs=1e-6)
    p = person(posture)
    assert p.sky_weights().sum() + p.ground_weight == pytest.approx(1.0, abs=1e-9)


@pytest.mark.reference
def test_tmrt_formula_against_golden_fluxes(shared):
    data = np.load(shared / "reference/heat/golden_umep/tmrt_fluxes.npz")
    names = {"down": "down", "up": "up", "north": "side_n", "east": "side_e", "south": "side_s", "west": "side_w"}
    k = {side: data[f"input_k{name}"].astype(float) for side, name in names.items()}
    long = {side: data[f"input_l{name}"].astype(float) for side, name in names.items()}
    # the golden side total is what falls on the upright cylinder, cosine included; its sigma is 5.67e-8
    found = heat.mean_radiant_temperature(k, long, beam=data["input_kside_total"].astype(float), elevation=0.0)
    assert np.abs(found - data["output_iso"]).max() <= 0.01


def test_posture_is_named():
    with pytest.raises(InputError, match="'standing' or 'sitting'"):
        person("lying")
