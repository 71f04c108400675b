"""Data of a page: bytes give the values back, variants are differences, features and numbers are those of the result."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from twin.city.model import City
from twin.errors import InputError
from twin.language import words_of
from twin.scenario.indicators import heat_indicators, site_indicators
from twin.scenario.results import Result
from twin.scenario.schema import Scenario
from twin.view.bundle import bundle_contents, write_bundle, write_data
from twin.view.bundle_layers import _without_date
from twin.view.raster_bytes import NODATA, coarser, scale_for, to_bytes
from twin.view.tile_checks import check_tileset


def _result(name: str, city: City, site: xr.Dataset, heat: xr.Dataset) -> Result:
    import pandas as pd

    rows = [site_indicators(site), heat_indicators(site, heat)]
    return Result(
        name=name,
        scenario=Scenario(name=name, city="city.toml", weather={"path": "weather.csv", "interval": "end"}),
        datasets={"site": site, "heat": heat},
        indicators=pd.concat(rows, ignore_index=True),
        gaps=city.gaps,
        sources=city.sources,
        provenance={},
        city=city,
    )


@pytest.fixture(scope="module")
def pair(square_city: City, square_site: xr.Dataset, square_heat: xr.Dataset) -> tuple[Result, Result]:
    cooler = square_heat.copy()
    cooler["utci"] = square_heat["utci"] - xr.where(square_site["x"] > square_site["x"].mean(), 1.5, 0.0).astype(
        np.float32
    )
    fewer = square_city.replace(trees=square_city.trees.iloc[1:])
    return _result("Heute", square_city, square_site, square_heat), _result("Neu", fewer, square_site, cooler)


@pytest.fixture(scope="module")
def data(pair: tuple[Result, Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(bundle_contents(pair[1], pair[0]), folder)
    return folder


def _json(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _bytes(folder: Path, name: str) -> np.ndarray:
    return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8)


@given(st.floats(-60, 3000), st.floats(0.01, 4000), st.integers(0, 1000))
def test_bytes_give_values_back_within_half_a_step(low: float, width: float, place: int) -> None:
    scale = scale_for(low, low + width)
    value = low + width * place / 1000
    byte = int(to_bytes(np.array([value]), scale)[0])
    assert byte < NODATA
    assert abs(scale.offset + scale.factor * byte - value) <= scale.factor * 0.5 + 2e-4 * scale.factor + 1e-9


def test_limits_of_classes_stay_exact() -> None:
    scale = scale_for(18.3, 44.9)
    for limit in (26.0, 32.0, 38.0):
        below, above = to_bytes(np.array([limit - 0.01, limit]), scale)
        assert scale.offset + scale.factor * below < limit < scale.offset + scale.factor * above


def test_coarser_grids_are_means_of_what_is_there() -> None:
    field = np.array([[1.0, 3.0, np.nan], [5.0, np.nan, np.nan], [2.0, 4.0, 9.0]], np.float32)
    assert np.array_equal(coarser(field, 2), [[3.0, np.nan], [3.0, 9.0]], equal_nan=True)
    assert np.array_equal(coarser(field, 2, greatest=True), [[5.0, np.nan], [4.0, 9.0]], equal_nan=True)
    assert coarser(field, 1) is field


def test_layers_are_those_of_both_results(data: Path, pair: tuple[Result, Result]) -> None:
    manifest = _json(data, "manifest.json")
    layer = next(one for one in manifest["layers"] if one["key"] == "utci")
    first = _bytes(data, layer["files"]["baseline"])
    assert layer["deltas"] == ["neu"]
    second = _bytes(data, layer["files"]["neu"]) + first
    shape = (len(layer["times"]), layer["grid"]["height"], layer["grid"]["width"])
    for found, result in ((first, pair[0]), (second, pair[1])):
        values = layer["scale"]["offset"] + layer["scale"]["factor"] * found.reshape(shape).astype(float)
        truth = result.heat["utci"].transpose("time", "y", "x").values
        known = np.isfinite(truth)
        assert np.array_equal(found.reshape(shape) == NODATA, ~known)
        assert np.abs(values - truth)[known].max() <= layer["scale"]["factor"] * 0.51
    difference = next(one for one in manifest["layers"] if one["key"] == "utci_difference")
    assert list(difference["files"]) == ["neu"]
    assert [manifest["times"][k] for k in layer["times"]] == sorted(manifest["times"])


def test_features_stand_in_the_order_of_the_tiles(data: Path, square_city: City) -> None:
    table = _json(data, "features.json")["buildings"]
    assert set(table["id"]) <= set(square_city.objects["id"])
    assert check_tileset(data / "tiles" / "tileset.json") == []
    manifest = _json(data, "manifest.json")
    facade = next(one for one in manifest["layers"] if one["kind"] == "buildings")
    assert facade["grid"]["width"] == len(table["id"])
    assert len(_bytes(data, facade["files"]["baseline"])) == len(table["id"]) * len(facade["times"])


def test_trees_know_their_variants(data: Path, pair: tuple[Result, Result]) -> None:
    trees = _json(data, "trees.json")
    for bit, result in enumerate(pair):
        assert sum((found >> bit) & 1 for found in trees["in"]) == len(result.stored_city().trees)


def test_numbers_are_those_of_the_results(data: Path, pair: tuple[Result, Result]) -> None:
    rows = {row["key"]: row for row in _json(data, "indicators.json")}
    mean = rows["utci_mean"]
    assert mean["better"] == -1
    assert mean["difference"]["neu"] == pytest.approx(mean["values"]["neu"] - mean["values"]["baseline"])
    stamp = mean["time"].rstrip("Z")
    for key, result in zip(("baseline", "neu"), pair, strict=True):
        table = result.indicators
        row = table[(table["name"] == "utci_mean") & (table["time"] == np.datetime64(stamp))]
        assert mean["values"][key] == pytest.approx(float(row["value"].iloc[0]))
    assert set(mean["label"]) == {"de", "en", "ls"}


def test_the_same_result_gives_the_same_bytes(data: Path, pair: tuple[Result, Result], tmp_path: Path) -> None:
    write_data(bundle_contents(pair[1], pair[0]), tmp_path)
    files = sorted(path.relative_to(data) for path in data.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((data / name).read_bytes() == (tmp_path / name).read_bytes() for name in files)


def test_a_saved_result_keeps_its_city(pair: tuple[Result, Result], tmp_path: Path) -> None:
    again = Result.open(pair[0].save(tmp_path / "result"))
    assert again.city is None
    stored, city = again.stored_city(), pair[0].stored_city()
    assert stored.counts() == city.counts()
    assert bundle_contents(again).frame == bundle_contents(pair[0]).frame


def test_results_of_other_grids_and_without_city_are_refused(pair: tuple[Result, Result], tmp_path: Path) -> None:
    import dataclasses

    datasets = {name: part.isel(x=slice(0, -1)) for name, part in pair[0].datasets.items()}
    with pytest.raises(InputError, match=r"grid|Raster"):
        bundle_contents(pair[1], dataclasses.replace(pair[0], datasets=datasets))
    with pytest.raises(InputError, match="Heute"):
        dataclasses.replace(pair[0], city=None).stored_city()
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(InputError, match="twin publish"):
        write_bundle(pair[0], tmp_path)


def test_every_word_the_browser_asks_for_is_there() -> None:
    import re

    source = Path(__file__).parents[2] / "twin" / "serve" / "web" / "src"
    asked = {
        key
        for file in source.glob("*.ts")
        for key in re.findall(r"(?:speech\.t|said)\('([a-z0-9_]+)'", file.read_text(encoding="utf-8"))
    }
    assert len(asked) > 60
    for language in ("de", "en", "ls"):
        assert not asked - set(words_of("web", language)), language


def test_depths_of_a_storm_without_a_date_do_not_share_the_clock_of_the_heat() -> None:
    y, x = np.arange(3.5, 0, -1), np.arange(0.5, 4)
    shape = ("time", "y", "x")
    seconds = xr.DataArray(np.zeros((2, 4, 4), np.float32), {"time": [0.0, 300.0], "y": y, "x": x}, shape, "depth")
    dated = seconds.assign_coords(time=np.array(["2024-07-01T12", "2024-07-01T13"], "datetime64[ns]"))
    assert _without_date(seconds)
    assert not _without_date(dated)
    assert not _without_date(seconds.isel(time=0))
