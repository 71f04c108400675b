"""Storms from a scenario file: what is asked for reaches the model, and comes back as maps, tables and numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from twin.errors import InputError
from twin.scenario.execution import run
from twin.scenario.flood_indicators import balance, flood_indicators
from twin.scenario.results import Result
from twin.scenario.schema import parse_scenario

AREA = [571860.0, 5676380.0, 572000.0, 5676500.0]


def storm_of(samples, rain, **water):
    settings = {
        "name": "Storm",
        "city": str(samples / "city.toml"),
        "resolution": 2.0,
        "area": AREA,
        "rain": rain,
        "run": {"water": {"after": 5.0, "sewer": False} | water},
    }
    return parse_scenario(settings)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    from twin.scenario.samples import sample_folder

    samples = sample_folder()
    rain = {"table": str(samples / "starkregen.csv"), "return_period": 100, "duration": 30}
    folder = tmp_path_factory.mktemp("storm") / "result"
    return run(storm_of(samples, rain, fields_every=15.0), output=folder, progress=False), folder


def test_rain_falls_and_the_balance_closes(found):
    result, _ = found
    volumes = balance(result.water)
    cells = result.site["land_cover"].size * 4.0
    assert volumes["rain"] == pytest.approx(33.1e-3 * cells, rel=1e-4)
    gone = sum(volumes[name] for name in ("outflow", "sewer", "infiltrated", "held", "on_ground"))
    assert gone == pytest.approx(volumes["rain"] + volumes["inflow"], rel=1e-5)
    assert abs(volumes["error"]) < 1e-6 * volumes["rain"]
    assert result.heat.data_vars == {}


def test_indicators_count_what_the_maps_show(found):
    result, _ = found
    value = result.indicators.set_index("name")["value"]
    deep = result.water["depth_max"].values >= 0.10
    outdoors = (result.site["building_id"].values == 0) & (result.site["land_cover"].values != 7)
    from models.layers import LAND_COVER

    outdoors = (result.site["building_id"].values == 0) & (result.site["land_cover"].values != LAND_COVER["water"])
    assert value["flood_area_above_10"] == (deep & outdoors).sum() * 4.0
    assert value["rain_depth"] == pytest.approx(33.1, abs=0.01)
    buildings = result.features["flooded_buildings"]
    assert value["buildings_above_10"] == (buildings["depth_max"] >= 0.10).sum() > 0
    assert set(result.city.objects["id"]) >= set(buildings["id"])
    shares = [value[f"rain_share_{name}"] for name in ("outflow", "sewer", "infiltrated", "held", "on_ground")]
    assert sum(shares) == pytest.approx(100.0, abs=0.01)


def test_a_facade_is_as_deep_as_the_cells_beside_it(found):
    result, _ = found
    buildings = result.features["flooded_buildings"].sort_values("depth_max").iloc[-1]
    number = int(np.flatnonzero(result.city.objects["id"] == buildings["id"])[0]) + 1
    own = result.site["building_id"].values == number
    beside = np.zeros_like(own)
    beside[1:] |= own[:-1]
    beside[:-1] |= own[1:]
    beside[:, 1:] |= own[:, :-1]
    beside[:, :-1] |= own[:, 1:]
    beside &= result.site["building_id"].values == 0
    assert buildings["depth_max"] == pytest.approx(float(np.nanmax(result.water["depth_max"].values[beside])))


def test_the_result_opens_again_with_maps_for_other_programs(found):
    import rasterio

    result, folder = found
    again = Result.open(folder)
    assert float(again.water["volume"].sel(term="rain")) == pytest.approx(
        float(result.water["volume"].sel(term="rain"))
    )
    assert set(again.features) == {"flooded_buildings", "flooded_streets"}
    assert len(again.features["flooded_streets"]) == len(result.features["flooded_streets"])
    with rasterio.open(folder / "maps" / "water" / "depth_max.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.crs.to_epsg() == 25832
        assert np.array_equal(file.read(1), result.water["depth_max"].values, equal_nan=True)
    names = sorted(path.name for path in (folder / "maps" / "water" / "depth").iterdir())
    assert names == ["depth_0015.0min.tif", "depth_0030.0min.tif"] or len(names) == 3
    with xr.open_dataset(folder / "water.nc") as opened:
        assert opened["depth_max"].attrs["units"] == "m"


def test_a_storm_without_a_sewer_says_so(samples):
    bare = storm_of(samples, {"depth": 20.0, "duration": 10.0}, sewer_capacity=30.0)
    taken = run(bare, progress=False)
    assert balance(taken.water)["sewer"] > 0
    none = run(storm_of(samples, {"scenario": "bkg/extreme"}, after=0.0, losses="none"), progress=False)
    assert balance(none.water)["infiltrated"] == 0
    assert none.indicators.set_index("name")["value"]["rain_depth"] == pytest.approx(100.0, abs=0.01)
    assert "no_sewer" in set(none.gaps["code"])
    assert "no_sewer" not in set(taken.gaps["code"])


WRONG = {
    "nothing": ({}, "exactly one of"),
    "two": ({"depth": 10.0, "series": "x.csv"}, "exactly one of"),
    "no period": ({"table": "starkregen.csv"}, "return_period"),
    "unknown": ({"scenario": "nrw/extrem"}, "nrw_2018/extreme"),
    "shape": ({"depth": 30.0, "shape": "euler2"}, "block"),
    "negative": ({"depth": -3.0}, "greater than 0"),
    "typo": ({"dept": 30.0}, "depth"),
    "metres": ({"depth": 90000.0}, "at most 2000"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_rain_is_named(samples, case):
    rain, said = WRONG[case]
    with pytest.raises(InputError, match=said):
        storm_of(samples, rain)


def test_a_storm_needs_rain_and_heat_needs_weather(samples):
    with pytest.raises(InputError, match=r"\[run.water\] .*\[rain\]"):
        parse_scenario({"name": "x", "city": str(samples / "city.toml"), "run": {"water": {}}})
    with pytest.raises(InputError, match=r"\[run.heat\] .*\[weather\]"):
        parse_scenario({"name": "x", "city": str(samples / "city.toml")})


def test_volumes_are_put_under_the_names_people_use(found):
    result, _ = found
    terms = {"at_start": 0.0, "rain": 100.0, "infiltration": -20.0, "depression_storage": -5.0, "interception": -1.0,
             "sewer_to_sewer": -30.0, "sewer_from_sewer": 4.0, "inflow": 2.0, "outflow_east": -40.0, "stored": 9.0,
             "error": -1.0}  # fmt: skip
    water = xr.Dataset({"volume": ("term", list(terms.values()))}, {"term": list(terms)})
    assert balance(water) == {
        "rain": 100.0, "inflow": 2.0, "outflow": 40.0, "sewer": 26.0, "infiltrated": 20.0, "held": 6.0, "on_ground": 9.0,
        "error": -1.0,
    }  # fmt: skip
    made = dataclasses.replace(result)
    assert len(flood_indicators(made.site, made.water)) >= 10
