"""Bad input to a storm: one sentence that a planner can act on, never a map of wrong numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from rasterio.transform import from_origin

from models import water
from models.layers import InputError
from models.water.flooding import Cancelled
from models.water.inertial import InertialFlow
from twin.cli import main

N = 12


def place(bed: np.ndarray | None = None, **layers: Any) -> xr.Dataset:
    heights = np.full((N, N), 100.0) + 0.01 * np.arange(N) if bed is None else bed
    data = {"terrain_height": heights, "land_cover": np.full((N, N), 2, np.uint8), **layers}
    centres = {"y": (N - np.arange(N)) * 2.0, "x": np.arange(N) * 2.0}
    return xr.Dataset({name: (("y", "x"), values) for name, values in data.items()}, centres)


def rain(values: Any, units: str | None = "mm h-1", times: Any = None) -> xr.DataArray:
    rates = np.asarray(values, float)
    stamps = np.arange(rates.size) * 300.0 if times is None else times
    return xr.DataArray(rates, dims="time", coords={"time": stamps}, attrs={"units": units} if units else {})


def spoiled(value: float) -> xr.Dataset:
    site = place()
    site["terrain_height"].values[3, 4] = value
    return site


def covered(code: float) -> xr.Dataset:
    codes = np.full((N, N), 2.0)
    codes[3, 4] = code
    return place(land_cover=codes if np.isnan(code) else codes.astype(np.uint8))


def rough(value: float) -> dict[str, Any]:
    return {"site": place(manning_n=np.full((N, N), value))}


PIPE = ((1, 1), (3, 1))
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "terrain with a hole": ({"site": spoiled(np.nan)}, r"1 cells without a height, the first at x = 8\.0, y = 18\.0.*nodata='outside'"),
    "terrain with -9999": ({"site": spoiled(-9999.0)}, r"-9999 m in 1 cells, the first at x = 8\.0.*put NaN"),
    "terrain in centimetres": ({"site": place(np.full((N, N), 10_400.0))}, "metres above datum, from -500 to 9000"),
    "negative rain": ({"rain": rain([5, -1])}, r"negative \(-1 mm/h, first in step 1\)"),
    "missing rain": ({"rain": rain([5, np.nan])}, "1 missing values, the first in step 1: fill the gap"),
    "missing step": ({"rain": rain([5, 5, 5], times=[0.0, 300.0, 900.0])}, "bring the missing steps"),
    "rain backwards": ({"rain": rain([5, 5], times=[300.0, 0.0])}, "sort the series"),
    "rain in metres": ({"rain": rain([0.02, 0.02], None)}, "looks like metres"),
    "rain of another unit": ({"rain": rain([0.02, 0.02], "m s-1")}, "rates in mm/h are needed"),
    "too much rain": ({"rain": rain([50_000.0])}, "check its unit"),
    "zero roughness": (rough(0.0), "allowed is above 0 to 1"),
    "Strickler for Manning": (rough(30.0), "allowed is above 0 to 1"),
    "unknown land cover": ({"site": covered(99)}, r"land_cover has code 99 in 1 cells, the first at x = 8\.0.*5 \(grass\)"),
    "missing land cover": ({"site": covered(np.nan)}, "land_cover has code nan in 1 cells"),
    "inflow off the grid": ({"inflows": [water.Inflow(1.0, 999.0, 5.0)]}, "outside the grid .* check its coordinates and CRS"),
    "negative inflow": ({"inflows": [water.Inflow(-1.0, 8.0, 8.0)]}, "must be 0 or more"),
    "a depth for a level": ({"boundaries": {"east": water.FixedLevel(0.5)}}, "metres above datum, not a depth"),
    "culvert off the grid": ({"structures": [water.Culvert((1, 1), (99, 1), 1, 1, 5)]}, "outside the grid of 12 x 12"),
    "culvert without width": ({"structures": [water.Culvert(*PIPE, float("nan"), 1.0, 5.0)]}, "above 0"),
    "wall without crest": ({"structures": [water.Wall([1], [1], "east", float("nan"))]}, "crest .* missing"),
    "series every 0 s": ({"series_every": 0.0}, "series_every must be above 0 s"),
    "fields backwards": ({"fields_every": -5.0}, "fields_every must be above 0 s"),
    "negative threshold": ({"thresholds": (-0.1,)}, "depths must be metres from 0 to 100"),
    "duration in words": ({"duration": "1h"}, "duration must be above 0 s, not '1h'"),
    "no folder": ({"checkpoint": "/no/such/folder/run.npz"}, "make it first"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_sentence(case: str) -> None:
    change, words = CASES[case]
    options: dict[str, Any] = {"site": place(), "rain": rain([50, 50]), "duration": 60.0, **change}
    with pytest.raises(InputError, match=words) as told:
        water.flood(options.pop("site"), options.pop("rain"), **options)
    assert "\n" not in str(told.value)


def test_a_storm_in_metres_is_named() -> None:
    with pytest.raises(InputError, match="looks like metres: that would be 90 mm"):
        water.design_storm(0.09, 60, shape="block")


def test_an_inlet_off_the_grid_is_named() -> None:
    inlet = water.CapacitySink([1], [99], capacity=15.0)
    with pytest.raises(InputError, match="grid"):
        water.flood(place(), rain([50, 50]), duration=60.0, sources=[inlet])


@pytest.mark.parametrize("solver", ["inertial", "shallow_water"])
def test_an_unstable_case_ends_with_a_sentence_and_no_map(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps far beyond the stable one on rough ground under deep water: the limiter holds, or the run says why it ended."""
    flow = {"inertial": InertialFlow, "shallow_water": water.shallow_water.ShallowWaterFlow}[solver]
    kept = flow.advance

    def burst(self: Any, depth: np.ndarray, start: float, stop: float) -> None:
        kept(self, depth, start, stop)
        depth[5, 6] *= 1.0 + 0.5 * (start >= 20.0)  # water from nowhere, as an unstable scheme makes it

    monkeypatch.setattr(flow, "advance", burst)
    with pytest.raises(InputError, match=r"unstable before t = \d+ s near row 5, column 6 .*lower alpha"):
        water.flood(
            place(), None, duration=120.0, solver=solver, losses=None, initial_depth=np.full((N, N), 0.5),
            boundaries="closed",
        )  # fmt: skip


def test_a_stopped_run_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    file, asked = tmp_path / "run.npz", iter(range(100))
    with pytest.raises(Cancelled):
        water.flood(
            place(), rain([50, 50]), duration=300.0, checkpoint=file, checkpoint_every=60.0,
            cancel=lambda: next(asked) > 12,
        )  # fmt: skip
    assert file.exists()
    assert not list(tmp_path.glob("*.part"))


PROFILE = """
name = "Tiny"
crs = "EPSG:25832"
area = [571700.0, 5676200.0, 571800.0, 5676300.0]
[terrain]
path = "dgm.tif"
[[land_cover]]
path = "cover.gpkg"
column = "kind"
classes = { road = "asphalt" }
"""
STORM = 'name = "Storm"\ncity = "city.toml"\nresolution = 5.0\n[run.water]\nafter = 1\n[rain]\n'


@pytest.fixture
def town(tmp_path: Path) -> Path:
    grid = {"height": 40, "width": 40, "count": 1, "dtype": "float32", "crs": "EPSG:25832"}
    with rasterio.open(tmp_path / "dgm.tif", "w", transform=from_origin(571_650, 5_676_350, 5, 5), **grid) as raster:
        raster.write(np.full((40, 40), 80.0, np.float32), 1)
    box = shapely.box(571_650, 5_676_150, 571_850, 5_676_350)
    gpd.GeoDataFrame({"kind": ["road"]}, geometry=[box], crs="EPSG:25832").to_file(tmp_path / "cover.gpkg")
    (tmp_path / "city.toml").write_text(PROFILE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("depth = 0.09\n", "90 mm"),
        ("depth = -5\n", "depth"),
        ('scenario = "nrw_2018/biblical"\n', "nrw_2018/extreme"),
        ('series = "gauge.csv"\n', "runs from -3 to 2.5 mm h-1"),
        ('series = "nowhere.csv"\n', "nowhere.csv"),
    ],
)
def test_a_scenario_with_bad_rain_is_exit_2(
    town: Path, lines: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    stamps = [f"2026-06-29T17:{minute:02d}:00Z,{value}" for minute, value in ((5, 2.5), (10, -3.0), (15, 1.0))]
    (town / "gauge.csv").write_text(
        "\n".join(["# interval: end", "time,precipitation (mm/h)", *stamps]) + "\n", encoding="utf-8"
    )
    (town / "storm.toml").write_text(STORM + lines, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["run", str(town / "storm.toml"), "--lang", "en", "--no-picture"])
    assert ended.value.code == 2
    told = capfd.readouterr()
    assert words in " ".join((told.out + told.err).split())
    assert "Traceback" not in told.err
    assert not (town / "result").exists()
