"""Persons are kept in number, stand on open ground, and edges count by area."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rioxarray  # noqa: F401
import shapely
import xarray as xr

from models.layers import LAND_COVER
from twin.city.population import population_layer
from twin.errors import InputError


@pytest.fixture
def site() -> xr.Dataset:
    y, x = np.arange(5700199.5, 5700100, -1), np.arange(400000.5, 400100)
    cover = np.full((100, 100), LAND_COVER["grass"], np.uint8)
    houses = np.zeros((100, 100), np.int32)
    houses[:50] = 1
    layers = {"land_cover": (("y", "x"), cover), "building_id": (("y", "x"), houses)}
    return xr.Dataset(layers, coords={"y": y, "x": x}).rio.write_crs("EPSG:25832")


def test_persons_are_kept_and_stand_outdoors(site, tmp_path):
    whole = shapely.box(400000, 5700100, 400100, 5700200)
    half_out = shapely.box(400050, 5700050, 400100, 5700150)  # half of it lies south of the grid
    frame = gpd.GeoDataFrame({"EW": [80, 10]}, geometry=[whole, half_out], crs="EPSG:25832")
    frame.to_file(tmp_path / "people.gpkg")
    layer = population_layer(tmp_path / "people.gpkg", site, column="EW")
    assert float(layer.sum()) == pytest.approx(85.0, rel=1e-4)
    assert float(layer.values[:50].sum()) == 0.0


def test_census_grid_as_csv(site, tmp_path):
    middle = gpd.GeoSeries([shapely.Point(400050, 5700150)], crs="EPSG:25832").to_crs("EPSG:3035").iloc[0]
    file = tmp_path / "zensus.csv"
    file.write_text(f"x;y;Einwohner\n{middle.x};{middle.y};40\n{middle.x + 5000};{middle.y};-1\n")
    layer = population_layer(file, site, column="Einwohner", cell=50.0, crs="EPSG:3035")
    assert float(layer.sum()) == pytest.approx(40.0, rel=1e-4)
    with pytest.raises(InputError, match="crs"):
        population_layer(file, site, column="Einwohner")
    with pytest.raises(InputError, match="Personen"):
        population_layer(file, site, column="Personen", crs="EPSG:3035")
