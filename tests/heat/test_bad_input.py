"""What users get wrong most often: each is recognised and said in one sentence."""

import logging

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models import heat
from models.heat.forcing import forcing
from models.layers import InputError


def clear_day(slip=0.0, clouds=None):
    """Return a clear day of radiation at 50 N 8 E whose clock is ``slip`` hours late."""
    times = pd.date_range("2022-07-19T00:00", periods=24, freq="h")
    sun = heat.sun_position(
        times.to_numpy() - np.timedelta64(30, "m") - np.timedelta64(round(slip * 60), "m"), 50.0, 8.0
    )
    g = 1050.0 * np.maximum(np.sin(np.radians(sun.elevation.values)), 0.0) ** 1.2
    g = g * (clouds if clouds is not None else 1.0)
    values = {
        "air_temperature": np.full(24, 25.0),
        "relative_humidity": np.full(24, 40.0),
        "wind_speed": np.full(24, 2.0),
        "global_radiation": g,
    }
    data = {name: ("time", v) for name, v in values.items()}
    return xr.Dataset(data, coords={"time": times.to_numpy()}, attrs={"interval": "end"})


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({"air_temperature": "Td"}, r"'Td', as UMEP calls it.*rename\(Td='air_temperature'\)"),
        ({"global_radiation": "Kdn"}, r"'Kdn', as UMEP"),
        ({"air_temperature": "temp_air"}, r"'temp_air', as EPW"),
        ({"global_radiation": "ghi"}, r"'ghi', as EPW"),
        ({"air_temperature": "TT_TU"}, r"'TT_TU', as DWD"),
        ({"global_radiation": "FG_LBERG"}, r"multiply it by 2\.77778"),
        ({"relative_humidity": "rf_tu"}, r"'rf_tu', as DWD"),
    ],
)
def test_names_of_other_formats(names, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        forcing(clear_day().rename(names), 50.0, 8.0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"air_pressure": 101.3}, "looks like kPa"),
        ({"air_pressure": 101_325.0}, "looks like Pa"),
        ({"relative_humidity": 0.4}, "looks like a share"),
        ({"air_temperature": 298.0}, "check its unit"),
        ({"global_radiation": -3.0}, "check its unit"),
    ],
)
def test_units(change, sentence):
    weather = clear_day().assign({name: ("time", np.full(24, value)) for name, value in change.items()})
    with pytest.raises(InputError, match=sentence):
        forcing(weather, 50.0, 8.0)


@pytest.mark.parametrize(("slip", "word"), [(1.0, "later"), (0.75, "later"), (-1.0, "earlier")])
def test_a_slipped_clock_is_told(slip, word, caplog):
    with caplog.at_level(logging.WARNING, "models.heat.plausibility"):
        forcing(clear_day(slip), 50.0, 8.0)
    assert len(caplog.records) == 1
    assert f"h {word} than the sun" in caplog.text
    assert "check the UTC offset" in caplog.text


def test_clouds_are_no_slipped_clock(caplog):
    afternoon = np.where(np.arange(24) > 13, 0.2, 1.0)
    with caplog.at_level(logging.WARNING, "models.heat.plausibility"):
        forcing(clear_day(), 50.0, 8.0)
        forcing(clear_day(clouds=afternoon), 50.0, 8.0)
        forcing(clear_day(clouds=afternoon[::-1]), 50.0, 8.0)
    assert not caplog.records


def test_crowns_above_datum(make_heat_site, with_crown):
    terrain = 38.0 + 0.1 * np.arange(40)[None, :]
    site = with_crown(make_heat_site((40, 40), terrain=terrain), slice(5, 25), slice(5, 25), 12.0, 3.0)
    heat.prepare(site)
    datum = site.assign(canopy_height=site.canopy_height.where(site.canopy_height == 0, site.canopy_height + terrain))
    with pytest.raises(InputError, match=r"canopy_height.*height above datum"):
        heat.prepare(datum)
    both = datum.assign(trunk_height=site.trunk_height.where(site.canopy_height == 0, site.trunk_height + terrain))
    with pytest.raises(InputError, match=r"canopy_height.*subtract terrain_height"):
        heat.prepare(both)


def test_crowns_from_which_the_terrain_was_taken_twice(make_heat_site, with_crown):
    site = with_crown(make_heat_site((40, 40), terrain=100.0), slice(5, 25), slice(5, 25), 12.0, 3.0)
    with pytest.raises(InputError, match="must not be negative"):
        heat.prepare(site.assign(canopy_height=site.canopy_height.where(site.canopy_height == 0, 12.0 - 100.0)))


def test_tall_trees_on_low_ground_are_believed(make_heat_site, with_crown):
    site = with_crown(make_heat_site((40, 40), terrain=3.0), slice(5, 25), slice(5, 25), 36.0, 9.0)
    assert heat.prepare(site).shape == (40, 40)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.assign(terrain_height=s.terrain_height + 8.0), "one datum"),
        (lambda s: s.assign_coords(x=s.x / 111_000.0, y=s.y / 111_000.0), "degrees"),
        (lambda s: s.assign(surface_height=s.surface_height.where(s.x > s.x[3])), "without a value"),
    ],
)
def test_heights_that_contradict(make_heat_site, change, sentence):
    with pytest.raises(InputError, match=sentence):
        heat.prepare(change(make_heat_site()))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda s: s.assign(building_id=s.building_id.astype("f4").where(s.x > s.x[3])),
            "building_id.*without a value",
        ),
        (lambda s: s.assign(land_cover=s.land_cover.astype("f4").where(s.x > s.x[3])), "land_cover.*without a value"),
        (lambda s: s.assign(surface_height=s.surface_height.where(s.x > s.x[3], np.inf)), "without a value"),
        (lambda s: s.assign(albedo=s.surface_height * 0.0 + 20.0), "allowed is 0 to 1 .*divide per cent by 100"),
        (lambda s: s.assign(soil_moisture=s.surface_height * 0.0 + 25.0), "soil_moisture.*m3 m-3.*divide per cent"),
    ],
)
def test_layers_of_a_run(make_heat_site, change, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        heat.simulate(change(make_heat_site()), clear_day(), latitude=50.0, longitude=8.0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda s: heat.simulate(s, clear_day().to_dataframe()), "weather"),
        (lambda s: heat.simulate(s, clear_day(), outputs=()), "outputs is empty"),
        (lambda s: heat.simulate(s, clear_day(), geometry="x", latitude=50.0, longitude=8.0), "what heat.prepare"),
        (lambda s: heat.simulate(s, clear_day(), split="x", latitude=50.0, longitude=8.0), "'reindl' or 'erbs'"),
        (lambda s: heat.summarise(s, clear_day(), thresholds=()), "at least one limit"),
        (lambda s: heat.shadow(s, np.nan, 30.0), "no sun azimuth"),
        (lambda _: forcing(clear_day().assign(longwave_down=("time", np.full(24, np.nan))), 50.0, 8.0), "24 missing"),
        (lambda _: heat.pet(np.zeros(3), np.zeros(4), 1.0, 50.0), r"of pet have shapes \(3,\), \(4,\)"),
        (lambda _: heat.utci(np.zeros(3), np.zeros(4), 1.0, 50.0), "of utci have shapes"),
        (lambda _: heat.wbgt(30.0, 30.0, 1.0, 50.0, air_pressure=101.3), "no air pressure in hPa"),
        (lambda _: heat.sun_position("yesterday", 50.0, 8.0), "no times"),
        (lambda _: heat.mean_radiant_temperature({"down": 1.0}, {"down": 1.0}), "six directions"),
    ],
)
def test_arguments(make_heat_site, call, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        call(make_heat_site())
    assert "\n" not in str(error.value)
