"""Blue-green measures and roof drainage in a storm: they act, their volumes are counted, and the balance closes."""

from __future__ import annotations

import numpy as np
import pytest

from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.scenario.blue_green import blue_green
from twin.scenario.execution import run
from twin.scenario.flood_indicators import balance
from twin.scenario.schema import parse_scenario

AREA = [571900.0, 5676350.0, 572010.0, 5676450.0]

MEASURES = [
    {"kind": "swale", "depth": 0.3, "polygon": [[571976, 5676392], [571985, 5676392], [571985, 5676404], [571976, 5676404]]},
    {"kind": "trench", "depth": 1.0, "polygon": [[571974, 5676394], [571982, 5676394], [571982, 5676402], [571974, 5676402]]},
    {"kind": "permeable_paving", "polygon": [[571912, 5676371], [571932, 5676370], [571933, 5676392], [571914, 5676394]]},
    {"kind": "tree_trench", "species": "Tilia cordata", "line": [[571971, 5676412], [571963, 5676366]], "spacing": 9.0},
    {"kind": "cistern", "ids": ["Rathaus"], "volume": 30.0},
    {"kind": "green_roof", "max_tilt": 45.0, "polygon": [[571900, 5676350], [572010, 5676350], [572010, 5676450], [571900, 5676450]]},
]  # fmt: skip


def storm(samples, dressing=(), **water):
    settings = {
        "name": "Storm",
        "city": str(samples / "city.toml"),
        "resolution": 2.0,
        "area": AREA,
        "rain": {"depth": 40.0, "duration": 20.0},
        "measure": list(dressing),
        "run": {"water": {"after": 10.0, "sewer": False} | water},
    }
    return run(parse_scenario(settings), progress=False)


@pytest.fixture(scope="module")
def dressed(samples):
    return storm(samples, MEASURES)


@pytest.fixture(scope="module")
def bare(samples):
    return storm(samples)


@pytest.fixture(scope="module")
def samples():
    from twin.scenario.samples import sample_folder

    return sample_folder()


def test_each_measure_takes_water_and_its_books_close(dressed):
    water = dressed.water
    by_kind = water[["measure_taken", "measure_stored"]].to_dataframe().groupby("measure_kind").sum(numeric_only=True)
    assert {"swale", "swale_trench", "trench", "permeable_paving", "tree_trench", "cistern", "green_roof"} <= set(
        by_kind.index
    )
    assert (by_kind["measure_taken"] > 0).all()
    parts = sum(water[f"measure_{name}"] for name in ("stored", "to_ground", "to_sewer"))
    assert parts.values == pytest.approx(water["measure_taken"].values, abs=1e-3)
    assert abs(balance(water)["error"]) < 1e-6 * balance(water)["rain"]
    assert float(water["measure_stored"].sel(measure=water["measure_kind"] == "cistern").max()) <= 30.0


def test_measures_spare_ground_and_buildings(dressed, bare):
    after, before = (one.indicators.set_index("name")["value"] for one in (dressed, bare))
    assert after["measures_taken"] > after["measures_stored"] > 10.0
    assert after["rain_share_outflow"] < before["rain_share_outflow"] - 2.0
    as_before = dressed.site["terrain_height"].values == bare.site["terrain_height"].values
    deep = [float(np.nansum(one.water["depth_max"].values[as_before])) for one in (dressed, bare)]
    assert deep[0] < 0.95 * deep[1]  # beside the hollows themselves
    assert "measures_taken" not in before
    held, was = balance(dressed.water), balance(bare.water)
    assert held["held"] > was["held"] + 10.0


def test_measures_can_be_left_out(samples, dressed):
    off = storm(samples, MEASURES, measures=False, after=0.0)
    assert off.water.sizes["measure"] == 0
    assert "blue_green_ground" not in set(off.gaps["code"])
    assert "blue_green_ground" in set(dressed.gaps["code"])


def test_a_trench_holds_exactly_its_volume(dressed):
    log = GapLog()
    works = blue_green(dressed.city, dressed.site, log, ground_rate=0.0)
    trench = dressed.city.structures.query("kind == 'trench'").iloc[0]
    cell = 4.0
    own = [one for one in works.measures if one.kind == "trench"]
    below = [one for one in works.measures if one.kind == "swale_trench"]
    room = sum(one.area * one.layers["storage_depth"] * one.layers["storage_void"] for one in own) / 1000.0
    room += sum(cell * one.layers["storage_depth"] * one.layers["storage_void"] for one in below) / 1000.0
    assert room == pytest.approx(trench["volume"], rel=0.15)  # cells cut the edge of the drawing
    assert all(one.layers["surface_depth"] == 0.0 for one in below)
    assert "blue_green_ground" not in set(log.table()["code"])


def test_crowns_keep_the_first_rain_and_soil_is_named(samples, bare):
    kept = bare.indicators.set_index("name")["value"]["interception"]
    crowned = (bare.site["canopy_height"].values > 0) & (bare.site["building_id"].values == 0)
    assert kept == pytest.approx(crowned.sum() * 4.0 * 0.72e-3, rel=0.02)
    gaps = bare.gaps.set_index("code")
    assert gaps.loc["soil_assumed", "default"] == "loam"
    off = storm(samples, interception=False, soil="sand", after=0.0)
    assert "interception" not in set(off.indicators["name"])
    assert off.gaps.set_index("code").loc["soil_assumed", "default"] == "sand"
    with pytest.raises(InputError, match="loamy_sand"):
        storm(samples, soil="sandy")


def test_gap_rows_read_in_both_languages(bare):
    from twin.city.gaps import sentences

    for language, word in (("en", "soil of the whole area"), ("de", "Boden des ganzen Gebiets")):
        assert any(word in str(row) for row in sentences(bare.gaps, language).to_numpy().ravel())


def test_roof_water_reaches_the_network(samples):
    found = storm(samples, sewer=True, roof_drainage="sewer", after=20.0)
    terms = found.water["volume"].to_series()
    led = -terms["sewer"]
    books = {name[6:]: value for name, value in found.water.attrs.items() if name.startswith("sewer_")}
    roofs = (found.site["building_id"].values > 0).sum() * 4.0 * 0.04
    assert led == pytest.approx(roofs, rel=1e-3)
    assert books["from_houses"] + books["waiting_in_house_pipes"] == pytest.approx(led, rel=1e-6)
    assert books["outfalls"] + books["stored"] > books["from_houses"] - books["to_surface"]
    came = terms[["rain"]].sum() + books["stored_before"] + books["own_inflow"]
    assert abs(terms["error"]) < 1e-6 * came
    assert abs(books["error"]) < 1e-3 * came
    alone = storm(samples, sewer=False, roof_drainage="sewer", after=0.0)
    assert "roof_water_leaves" in set(alone.gaps["code"])
    assert "roof_water_leaves" not in set(found.gaps["code"])


def test_roofs_drain_to_swales_only_where_there_are_some(samples):
    with pytest.raises(InputError, match="needs a swale"):
        storm(samples, roof_drainage="swale")
    led = storm(samples, MEASURES[:1], roof_drainage="swale", after=0.0)
    taken = float(led.water["measure_taken"].sum())
    assert taken > 0
    assert np.isfinite(led.water["depth_max"].values).any()
