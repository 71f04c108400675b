"""Reference evapotranspiration: printed examples of FAO-56, the program REF-ET, shade, and missing weather."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models import water
from models.layers import InputError
from models.water import penman_monteith as pm
from models.water import solar_radiation as sun

FALLON = {"latitude": 39.4575, "longitude": -118.77388, "elevation": 1208.5}


def _uccle() -> float:
    rs = float(sun.radiation_from_sunshine(9.25, 187, 50.80))
    clear = float(sun.clear_sky_daily(sun.extraterrestrial_daily(187, 50.80), 187, 50.80, 100.0, 1.4))
    ea = pm.vapour_pressure_from_humidity(21.5, 12.3, 84.0, 63.0)
    u2 = pm.wind_at_2m(2.78, 10.0)
    return float(pm.daily_evaporation(21.5, 12.3, ea, rs, u2, elevation=100.0, clear_sky=clear).total)


def _bangkok() -> float:
    ra = sun.extraterrestrial_daily(105, 13.7333)
    rs, clear = sun.radiation_from_sunshine(8.5, 105, 13.7333), (0.75 + 2e-5 * 2.0) * ra
    options = {"elevation": 2.0, "clear_sky": clear, "soil_heat_flux": 0.14}
    return float(pm.daily_evaporation(34.8, 25.6, 2.85, rs, 2.0, **options).total)


def _ndiaye(t: float, rh: float, u2: float, rs: float, ratio: float) -> float:
    ea = rh / 100.0 * pm.saturation_vapour_pressure(t)
    return float(pm.hourly_evaporation(t, ea, rs, u2, elevation=8.0, ratio=ratio, daylight=rs > 0).total)


def _lyon() -> tuple[float, float]:
    ra = sun.extraterrestrial_daily(196, 45.7167)
    rs = sun.radiation_from_temperature(26.6, 14.8, ra)
    ea, clear = pm.saturation_vapour_pressure(14.8), (0.75 + 2e-5 * 200.0) * ra
    total = pm.daily_evaporation(26.6, 14.8, ea, rs, 2.0, elevation=200.0, clear_sky=clear).total
    return float(rs), float(total)


def _ndiaye_above() -> float:
    return float(sun.extraterrestrial_hourly(274, 14.5 + 1.0, 16.2167, -16.25))


def _ours() -> dict[tuple[str, str], float]:
    """Return our value of every printed quantity."""
    mean = 0.5 * (34.8 + 25.6)
    return {
        ("ex02", "pressure"): float(pm.atmospheric_pressure(1800.0)),
        ("ex02", "gamma"): float(pm.psychrometric_constant(81.8)),
        ("ex03", "es"): float(0.5 * (pm.saturation_vapour_pressure(24.5) + pm.saturation_vapour_pressure(15.0))),
        ("ex04", "ea"): float(pm.vapour_pressure_from_psychrometer(25.6, 19.5, pm.atmospheric_pressure(1200.0))),
        ("ex05", "ea"): float(pm.vapour_pressure_from_humidity(25.0, 18.0, 82.0, 54.0)),
        ("ex05b", "ea"): float(pm.vapour_pressure_from_humidity(25.0, 18.0, 68.0)),
        ("ex08", "dr"): float(sun.earth_sun_distance(246)),
        ("ex08", "declination"): float(sun.declination(246)),
        ("ex08", "sunset_angle"): float(sun.sunset_angle(246, -20.0)),
        ("ex08", "Ra"): float(sun.extraterrestrial_daily(246, -20.0)),
        ("ex09", "N"): float(sun.daylight_hours(246, -20.0)),
        ("ex10", "Rs"): float(sun.radiation_from_sunshine(7.1, 135, -22.9)),
        ("ex11", "Rnl"): float(pm.net_longwave_daily(25.1, 19.1, 2.1, 14.5 / 18.8)),
        ("ex13", "G"): float(pm.monthly_soil_heat_flux(14.1, 18.8)),
        ("ex14", "u2"): float(pm.wind_at_2m(3.2, 10.0)),
        ("ex17", "ETo"): _bangkok(),
        ("ex17", "delta"): float(pm.slope_of_saturation(mean)),
        ("ex18", "ETo"): _uccle(),
        ("ex18", "Rso"): float(sun.clear_sky_daily(sun.extraterrestrial_daily(187, 50.8), 187, 50.8, 100.0, 1.4)),
        ("ex19a", "ETo"): _ndiaye(28.0, 90.0, 1.9, 0.0, 0.8),
        ("ex19b", "ETo"): _ndiaye(38.0, 52.0, 3.3, 2.450, 2.450 / (0.75 * _ndiaye_above())),
        ("ex19b", "Ra"): _ndiaye_above(),
        ("ex20", "Rs"): _lyon()[0],
        ("ex20", "ETo"): _lyon()[1],
    }


@pytest.mark.reference
def test_every_printed_quantity_of_fao56(shared) -> None:
    ours, seen = _ours(), set()
    with (shared / "reference/trees/fao56_examples.csv").open() as file:
        for row in csv.DictReader(file):
            key = (row["id"], row["quantity"])
            half = 0.5 * float(row["round_to"])
            assert ours[key] == pytest.approx(float(row["expected"]), abs=half + 1e-9), key
            seen.add(key)
    assert seen == set(ours)


def test_uccle_by_hand() -> None:
    assert _uccle() == pytest.approx(3.88, abs=0.005)  # FAO-56, Example 18


def _celsius(values: np.ndarray) -> np.ndarray:
    return (np.asarray(values, dtype=float) - 32.0) * 5.0 / 9.0


@pytest.mark.reference
def test_days_of_ref_et(shared) -> None:
    folder = shared / "reference/trees/refet_faln2015"
    table = pd.read_csv(folder / "FALN_Agrimet_daily_raw_2015.csv", na_values=["NO RECORD"])
    lines = (folder / "FALN_Agrimet_daily_raw_2015.out").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(" Mo Day Yr")) + 2
    expected = np.array([float(line.split()[9]) for line in lines[start:] if len(line.split()) > 9])
    weather = xr.Dataset(
        {
            "air_temperature_max": ("time", _celsius(table.MX)),
            "air_temperature_min": ("time", _celsius(table.MN)),
            "dew_point_temperature": ("time", _celsius(table.YM)),
            "global_radiation": ("time", table.SR.to_numpy() * 0.041868 / 0.0864),
            "wind_speed": ("time", table.UA.fillna(0.0).to_numpy() * 0.44704, {"height": 3.0}),  # that run: 0
        },
        coords={"time": pd.to_datetime(table[["YEAR", "MONTH", "DAY"]]).to_numpy()},
    )
    error = {}
    for name in ("refet", "fao56", "asce2005"):
        found = water.reference_evapotranspiration(weather, constants=name, **FALLON)
        error[name] = float(np.sqrt(np.mean((found.values - expected) ** 2)))
    assert len(expected) == 365
    assert error["refet"] <= 0.005
    assert error["fao56"] <= 0.06
    assert error["asce2005"] <= 0.06


@pytest.mark.reference
def test_hours_of_ref_et(shared) -> None:
    folder = shared / "reference/trees/refet_faln2015"
    table = pd.read_csv(folder / "FALN_hourly_2015-06.csv")
    lines = (folder / "FALN_hourly_2015-06.out").read_text().splitlines()[2:]
    expected = np.array([float(line.split()[-2]) for line in lines if line.strip()])
    stamps = pd.to_datetime(table[["YEAR", "MONTH", "DAY"]]) + pd.to_timedelta(table.HOUR + 8, "h")  # zone 120 W
    weather = xr.Dataset(
        {
            "air_temperature": ("time", _celsius(table.OB)),
            "dew_point_temperature": ("time", _celsius(table.TP)),
            "global_radiation": ("time", table.SI.to_numpy() * 0.041868 / 0.0036),
            "wind_speed": ("time", table.WS.to_numpy() * 0.44704, {"height": 3.0}),
        },
        coords={"time": stamps.to_numpy()},
        attrs={"interval": "end"},
    )
    found = water.reference_evapotranspiration(weather, constants="refet", **FALLON).values
    assert len(expected) == 720
    assert np.sqrt(np.mean((found - expected) ** 2)) <= 0.008
    assert found.sum() == pytest.approx(expected.sum(), rel=0.003)


def _summer_hours(days: int = 4) -> xr.Dataset:
    times = pd.date_range("2024-07-01", periods=24 * days, freq="h")
    hour = times.hour.to_numpy()
    return xr.Dataset(
        {
            "air_temperature": ("time", 20.0 + 7.0 * np.sin((hour - 9.0) / 24.0 * 2.0 * np.pi)),
            "relative_humidity": ("time", 60.0 - 20.0 * np.sin((hour - 9.0) / 24.0 * 2.0 * np.pi)),
            "global_radiation": ("time", np.maximum(0.0, 800.0 * np.sin((hour - 4.0) / 16.0 * np.pi))),
            "wind_speed": ("time", np.full(hour.size, 3.0)),
        },
        coords={"time": times.to_numpy()},
        attrs={"interval": "start", "latitude": 50.0, "longitude": 8.5, "elevation": 120.0},
    )


def test_no_shade_is_the_open_to_the_last_bit() -> None:
    weather = _summer_hours()
    sites = xr.DataArray(np.ones(3), dims="tree")
    lit = xr.DataArray(np.ones((weather.time.size, 3)), dims=("time", "tree"))
    bare = water.reference_evapotranspiration(weather)
    site = water.reference_evapotranspiration(weather, direct_share=lit, sky_view_factor=sites)
    assert site.dims == ("time", "tree")
    assert (site.values == bare.values[:, None]).all()


def test_shade_takes_evaporation_away_and_warm_walls_give_some_back() -> None:
    weather = _summer_hours()
    total = {
        name: float(water.reference_evapotranspiration(weather, **options).sum())
        for name, options in {
            "open": {},
            "no_sun": {"direct_share": 0.0},
            "yard": {"direct_share": 0.3, "sky_view_factor": 0.4},
            "warm_yard": {"direct_share": 0.3, "sky_view_factor": 0.4, "wall_excess": 6.0},
        }.items()
    }
    assert total["no_sun"] < total["yard"] < total["warm_yard"] < total["open"]
    assert total["no_sun"] > 0.2 * total["open"]  # the air dries shaded places too


def test_days_and_hours_agree() -> None:
    hours = _summer_hours()
    daily = xr.Dataset(
        {
            "air_temperature_max": hours.air_temperature.resample(time="1D").max(),
            "air_temperature_min": hours.air_temperature.resample(time="1D").min(),
            "relative_humidity": hours.relative_humidity.resample(time="1D").mean(),
            "global_radiation": hours.global_radiation.resample(time="1D").mean(),
            "wind_speed": hours.wind_speed.resample(time="1D").mean(),
        },
        attrs=hours.attrs,
    )
    by_hour = float(water.reference_evapotranspiration(hours, constants="asce2005").sum()) / 4.0
    by_day = float(water.reference_evapotranspiration(daily, constants="asce2005").mean())
    assert by_hour == pytest.approx(by_day, rel=0.12)


def test_what_is_missing_follows_the_rules_and_is_listed() -> None:
    july = pd.date_range("2023-07-15", periods=2)
    weather = xr.Dataset(
        {
            "air_temperature_max": ("time", [26.6, 26.6]),
            "air_temperature_min": ("time", [14.8, 14.8]),
            "relative_humidity": ("time", [np.nan, 65.0]),
        },
        coords={"time": july.to_numpy()},
        attrs={"latitude": 45.7167, "elevation": 200.0},
    )
    found = water.reference_evapotranspiration(weather)
    assert float(found[0]) == pytest.approx(4.56, abs=0.005)  # FAO-56, Example 20 (Lyon, July)
    filled = found.attrs["filled"]
    assert "relative_humidity: 1 of 2" in filled
    assert "global_radiation: 2 of 2" in filled
    assert "wind_speed: 2 of 2" in filled
    nothing = water.reference_evapotranspiration(_summer_hours())
    assert nothing.attrs["filled"] == ""


def test_hours_without_radiation_and_humidity() -> None:
    weather = _summer_hours().drop_vars(["global_radiation", "relative_humidity"])
    found = water.reference_evapotranspiration(weather)
    assert found.attrs["filled"].count("96 of 96") == 2
    assert 2.0 < float(found.sum()) / 4.0 < 8.0


def _without(name: str) -> xr.Dataset:
    return _summer_hours().drop_vars(name)


@pytest.mark.parametrize(
    ("weather", "options", "match"),
    [
        (_without("air_temperature"), {}, "neither daily"),
        (_summer_hours(), {"constants": "fao65"}, "fao56, asce2005, refet"),
        (_summer_hours(), {"latitude": 95.0}, "no place on the globe"),
        (_summer_hours(), {"elevation": 9000.0}, "no town"),
        (_summer_hours(), {"sky_view_factor": 1.2}, "between 0 and 1"),
        (_summer_hours(), {"direct_share": np.array(np.nan)}, "between 0 and 1"),
        (_summer_hours().isel(time=[0, 1, 1, 2]), {}, "twice or out of order"),
        (_summer_hours().isel(time=[0, 1, 2, 5]), {}, "uneven"),
        (_summer_hours().assign(wind_speed=("time", np.full(96, -1.0))), {}, "wind_speed"),
        (_summer_hours().assign(air_temperature=("time", np.full(96, np.nan))), {}, "96 missing"),
        (_summer_hours().assign_attrs(longitude=None), {}, "needs the longitude"),
    ],
)
def test_bad_input_is_one_sentence(weather: xr.Dataset, options: dict, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        water.reference_evapotranspiration(weather, **options)
    assert "\n" not in str(caught.value)


def test_exchanged_extremes_are_refused() -> None:
    weather = xr.Dataset(
        {"air_temperature_max": ("time", [10.0]), "air_temperature_min": ("time", [20.0])},
        coords={"time": np.array(["2024-07-01"], dtype="datetime64[ns]")},
        attrs={"latitude": 50.0, "elevation": 100.0},
    )
    with pytest.raises(InputError, match="2024-07-01"):
        water.reference_evapotranspiration(weather)


def test_polar_night_and_midnight_sun() -> None:
    assert float(sun.extraterrestrial_daily(355, 80.0)) == 0.0
    assert float(sun.daylight_hours(172, 80.0)) == pytest.approx(24.0)
