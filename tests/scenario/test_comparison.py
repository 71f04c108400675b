"""Differences, ranking and words come from the numbers; other grids and versions are refused; diffs speak."""

from __future__ import annotations

import dataclasses
import json
import time

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from twin.errors import InputError
from twin.report.comparing import difference_palette, write_comparison
from twin.scenario.comparison import compare
from twin.scenario.differences import differences
from twin.scenario.geometry_cache import geometry_of
from twin.scenario.indicators import site_indicators
from twin.scenario.measures import empty_report
from twin.scenario.results import Result
from twin.scenario.schema import Scenario, read_scenario

WEATHER = {"path": "weather.csv", "interval": "end"}


def _site() -> xr.Dataset:
    y, x = np.arange(19.5, 0, -1), np.arange(0.5, 20)
    zero = np.zeros((20, 20), np.float32)
    layers = {"terrain_height": zero, "surface_height": zero, "canopy_height": zero, "trunk_height": zero}
    layers |= {"building_id": zero.astype(np.int32), "land_cover": np.full((20, 20), 2, np.uint8)}
    data = {name: (("y", "x"), values.copy()) for name, values in layers.items()}
    return xr.Dataset(data, coords={"y": y, "x": x}).rio.write_crs("EPSG:25832")


def _result(name: str, utci: float, cooled: float = 0.0, yearly: float = 0.0) -> Result:
    site = _site()
    felt = np.full((20, 20), utci, np.float32)
    felt[:5, :4] -= cooled  # 20 m2
    rows = site_indicators(site)
    hot = pd.Timestamp("2022-07-19T14:00")
    extra = [
        ("utci_mean", "", "degC", hot, float(felt.mean()), np.nan, "model"),
        ("area_utci_above_38", "", "m2", hot, float((felt >= 38).sum()), 0.5, "model"),
    ]
    rows = pd.concat([rows, pd.DataFrame(extra, columns=list(rows.columns))], ignore_index=True)
    rows["time"] = pd.to_datetime(rows["time"]).astype("datetime64[ns]")
    summary = xr.Dataset({"utci_14": (("y", "x"), felt, {"units": "degC", "long_name": "UTCI"})}, coords=site.coords)
    measures = empty_report()
    if yearly:
        row = {"number": 1, "kind": "unseal", "count": 1, "amount": 20.0, "unit": "m2", "cost": 10 * yearly}
        row |= {"cost_low": 5 * yearly, "cost_high": 20 * yearly, "yearly": yearly, "basis": "estimate"}
        row |= {"name": "", "variant": "grass", "layers": "", "maintenance": 0.0, "lifetime": 40.0, "source": "E"}
        measures = pd.DataFrame([row | {"year": "2024"}], columns=list(empty_report().columns))
    return Result(
        name=name,
        scenario=Scenario(name=name, city="city.toml", weather=WEATHER),
        datasets={"site": site, "summary": summary},
        indicators=rows,
        gaps=pd.DataFrame(
            columns=["code", "layer", "severity", "count", "of", "source", "places", "default", "values"]
        ),
        sources=pd.DataFrame(columns=["path", "role", "sha256", "licence", "attribution", "note"]),
        provenance={"versions": {"urban-twin": "1"}, "grid": {"cells": [20, 20], "resolution": 1.0, "crs": "x"}},
        measures=measures,
    )


@pytest.fixture(scope="module")
def now() -> Result:
    return _result("Now", 40.0)


@pytest.fixture(scope="module")
def plans() -> list[Result]:
    return [_result("Dear", 40.0, cooled=4.0, yearly=200.0), _result("Cheap", 40.0, cooled=4.0, yearly=100.0)]


def test_differences_ranking_and_direction(now, plans):
    found = compare(plans, now)
    rows = found.table.set_index(["variant", "name"])
    assert rows.loc[("Dear", "utci_mean"), "difference"] == pytest.approx(-0.2, abs=1e-4)  # 4 K on 20 of 400 m2
    assert rows.loc[("Dear", "area_utci_above_38"), "difference"] == -20.0
    assert rows.loc[("Dear", "area_utci_above_38"), "better"] == 1
    area = found.ranking[found.ranking["effect"] == "area_utci_above_38"]
    assert area["variant"].tolist() == ["Cheap", "Dear"]
    assert area["per_effect"].tolist() == [5.0, 10.0]  # EUR a year and m2
    assert compare(now, plans[0]).table.set_index("name").loc["area_utci_above_38", "better"] == -1


def test_maps_share_one_scale(now, plans):
    weak = _result("Weak", 40.0, cooled=0.4)
    maps = compare([plans[0], weak], now).maps
    assert {data["utci_14"].attrs["bound"] for data in maps.values()} == {5.0}
    assert float(maps["Dear"]["utci_14"].values[0, 0]) == -4.0
    assert maps["Dear"].rio.crs is not None
    palette = difference_palette(5.0, "K", "UTCI")
    assert palette.bins(np.array([-4.0, 0.0, 4.0])).tolist() == [0, 4, 8]


def test_words_follow_the_numbers(now, plans):
    found = compare(plans[0], now)
    english, german = found.text("en"), found.text("de")
    assert "falls by 20 m², from 400 m² to 380 m²" in english
    assert "20 m² feel at least 1 K cooler (up to 4.0 K)" in english
    assert "minus 20 m², von 400 m² auf 380 m²" in german
    assert "2,000 € (1,000 to 4,000 €)" in english
    assert "stays at" in compare(_result("Same", 40.0), now).text("en")


def test_saved_results_give_the_same_table_and_a_page_without_requests(now, plans, tmp_path):
    for result in (now, *plans):
        result.save(tmp_path / result.name)
    found = compare([tmp_path / "Dear", tmp_path / "Cheap"], tmp_path / "Now")
    memory = compare(plans, now)
    np.testing.assert_allclose(found.table["difference"], memory.table["difference"], rtol=1e-4)
    folder = found.save(tmp_path / "out")
    document = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert document["variants"] == ["Dear", "Cheap"]
    page = write_comparison(found, folder / "comparison.html", language="de").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert page.count("<img ") == 2
    assert sorted(file.suffix for file in (folder / "maps").iterdir()) == [".png", ".png", ".tif", ".tif"]
    assert Result.open(tmp_path / "Dear").measures["yearly"].tolist() == [200.0]


def test_other_grid_version_or_nothing_is_refused(now, plans, tmp_path, monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")
    other = dataclasses.replace(plans[0], provenance={**plans[0].provenance, "versions": {"urban-twin": "0"}})
    with pytest.raises(InputError, match="version 0"):
        compare(other, now)
    coarse = dataclasses.replace(plans[0], provenance={**plans[0].provenance, "grid": {"cells": [2, 2]}})
    with pytest.raises(InputError, match="different grids"):
        compare(coarse, now)
    with pytest.raises(InputError, match="no result"):
        compare(tmp_path / "missing", now)
    with pytest.raises(InputError, match="nothing to compare"):
        compare([], now)


def test_a_hundred_results_are_quick(now, plans, tmp_path):
    plans[0].save(tmp_path / "one")
    started = time.process_time()
    found = compare([tmp_path / "one"] * 100, now)
    assert time.process_time() - started < 5.0
    assert found.table["variant"].nunique() == 100


def test_scenario_files_differ_in_words(tmp_path):
    (tmp_path / "city.toml").write_text("name='x'\n", encoding="utf-8")
    (tmp_path / "weather.csv").write_text("a\n", encoding="utf-8")
    base = 'name = "A"\ncity = "city.toml"\nresolution = 1.0\n[weather]\npath = "weather.csv"\ninterval = "end"\n'
    (tmp_path / "a.toml").write_text(base, encoding="utf-8")
    tree = '[[measure]]\nkind = "plant_trees"\nname = "{}"\nspecies = "{}"\npoints = [[{}, 2.0]]\n'
    (tmp_path / "sub").mkdir()
    head = 'name = "B"\nbaseline = "../a.toml"\nresolution = 2.0\n'
    (tmp_path / "sub" / "b.toml").write_text(head + tree.format("one", "Linde", 1.0), encoding="utf-8")
    (tmp_path / "sub" / "c.toml").write_text(
        head.replace('"B"', '"C"') + tree.format("one", "Eiche", 3.0) + tree.format("two", "Linde", 9.0),
        encoding="utf-8",
    )
    a, b, c = (read_scenario(tmp_path / name) for name in ("a.toml", "sub/b.toml", "sub/c.toml"))
    assert b.resolve(b.city).resolve() == a.resolve(a.city).resolve()  # the baseline's paths as seen from the variant
    assert differences(a, a, "en") == ["The two scenarios say the same."]
    said = " ".join(differences(a, b, "en"))
    assert "resolution: 1 becomes 2." in said
    assert "Measure 1, Plant trees “one”, is new." in said
    said = " ".join(differences(b, c, "de"))
    assert "1 von 1 Koordinaten" in said
    assert "species: aus Linde wird Eiche." in said
    assert "“two”, ist neu" in said


def test_a_circle_of_baselines_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\nbaseline = "{other}.toml"\n', encoding="utf-8")
    with pytest.raises(InputError, match="leads back to itself"):
        read_scenario(tmp_path / "a.toml")


def test_kept_geometry_gives_the_bits_of_a_fresh_one(tmp_path):
    from models import heat

    before = _site()
    before["surface_height"].values[8:12, 8:12] = 9.0
    after = before.copy(deep=True)
    after["canopy_height"].values[3:6, 3:6], after["trunk_height"].values[3:6, 3:6] = 8.0, 2.0
    geometry_of(before, folder=tmp_path)
    for site in (after, before, after):  # updated, then found again
        kept, fresh = geometry_of(site, folder=tmp_path), heat.prepare(site)
        assert kept.key == fresh.key
        np.testing.assert_array_equal(kept.open_bits, fresh.open_bits)
        np.testing.assert_array_equal(kept.crown_bits, fresh.crown_bits)
    assert len(list(tmp_path.glob("sky-*.npy"))) == 2
    for file in tmp_path.iterdir():
        file.write_bytes(b"damaged")
    np.testing.assert_array_equal(geometry_of(after, folder=tmp_path).open_bits, heat.prepare(after).open_bits)
