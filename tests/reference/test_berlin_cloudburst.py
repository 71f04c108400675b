"""A cloudburst on a tile of Berlin's LoD2 as delivered, on a terrain made of its ground surfaces: maps, COG, 3D picture."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

import twin

pytestmark = [pytest.mark.reference, pytest.mark.slow]

WINDOW = (391_080.0, 5_817_760.0, 391_240.0, 5_817_900.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> tuple[twin.Result, list[Path], Path]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
    try:
        import berlin_cloudburst
    finally:
        sys.path.pop(0)
    folder = tmp_path_factory.mktemp("berlin")
    tile = shared / "data" / "berlin-lod2" / "3910_5817.gml"
    scenario = berlin_cloudburst.prepare(tile, WINDOW, folder, resolution=2.0)
    result = twin.run(scenario, output=folder / "result")
    return result, berlin_cloudburst.pictures(result, folder), folder / "result"


def test_the_rain_is_all_accounted_for(run: tuple[twin.Result, list[Path], Path]) -> None:
    water = run[0].datasets["water"]
    volumes = water["volume"].to_series()
    area = (WINDOW[2] - WINDOW[0]) * (WINDOW[3] - WINDOW[1])
    assert volumes["rain"] == pytest.approx(0.090 * area, rel=0.01)  # 90 mm on roofs and ground
    assert abs(water.attrs["balance_error"]) < 1e-6


def test_water_stands_in_yards_and_not_on_houses(run: tuple[twin.Result, list[Path], Path]) -> None:
    water, site = run[0].datasets["water"], run[0].site
    house = site["building_id"].values > 0
    assert 0.05 < house.mean() < 0.6
    assert np.isnan(water["depth_max"].values[house]).all()
    depth = water["depth_max"].values[~house]
    assert 0.3 < np.nanmax(depth) < 2.0
    assert np.nanmin(depth) >= 0.0
    low = site["terrain_height"].values[~house] < np.quantile(site["terrain_height"].values[~house], 0.1)
    assert np.nanmean(depth[low]) > 2.0 * np.nanmean(depth[~low])


def test_hand_outs_are_there_and_hold_something(run: tuple[twin.Result, list[Path], Path]) -> None:
    _, drawn, folder = run
    with rasterio.open(folder / "maps" / "water" / "depth_max.tif") as raster:
        assert raster.crs.to_epsg() == 25833
        assert raster.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG"
        assert (raster.read(1, masked=True) > 0.3).any()
    assert [path.name for path in drawn] == ["depth_max.png", "hazard_rating.png", "water_surface.png"]
    for path in drawn:
        with rasterio.open(path) as picture:
            assert len(np.unique(picture.read(1))) > 20
