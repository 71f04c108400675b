"""Made sites and weather for the tests of the heat model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.layers import LAND_COVER


def heat_site(shape=(40, 40), cell=1.0, cover="asphalt", terrain=0.0, latitude=50.0, longitude=8.0):
    """Return an empty flat site; ``terrain`` may be an array."""
    rows, columns = shape
    ground = np.broadcast_to(np.asarray(terrain, np.float32), shape).copy()

    def layer(values):
        return ("y", "x"), values

    return xr.Dataset(
        {
            "terrain_height": layer(ground),
            "surface_height": layer(ground.copy()),
            "canopy_height": layer(np.zeros(shape, np.float32)),
            "trunk_height": layer(np.zeros(shape, np.float32)),
            "building_id": layer(np.zeros(shape, np.int32)),
            "land_cover": layer(np.full(shape, LAND_COVER[cover], np.uint8)),
        },
        coords={
            "y": (np.arange(rows)[::-1] + 0.5) * cell + 5_500_000.0,
            "x": (np.arange(columns) + 0.5) * cell + 400_000.0,
            "spatial_ref": xr.DataArray(0, attrs={"crs_wkt": "test"}),
        },
        attrs={"latitude": latitude, "longitude": longitude},
    )


def add_building(site, rows, columns, height):
    """Put a flat-roofed building on the site, in place."""
    site["surface_height"].values[rows, columns] = site["terrain_height"].values[rows, columns] + height
    site["building_id"].values[rows, columns] = site["building_id"].values.max() + 1
    site["land_cover"].values[rows, columns] = LAND_COVER["building"]
    return site


def add_crown(site, rows, columns, top, trunk):
    """Put a crown over a block of cells, in place."""
    site["canopy_height"].values[rows, columns] = top
    site["trunk_height"].values[rows, columns] = trunk
    return site


def hot_day(hours=24, start="2022-07-19T00:00", **over):
    """Return a clear hot day; stamps in UTC, end of the hour."""
    times = pd.date_range(start, periods=hours, freq="h")
    hour = (times.hour + times.minute / 60.0).to_numpy(float)
    high = np.clip(np.sin((hour - 0.5 - 3.6) / 15.8 * np.pi), 0, None)
    high[(hour - 0.5 < 3.6) | (hour - 0.5 > 19.4)] = 0.0
    values = {
        "air_temperature": 28.5 + 8.0 * np.cos((hour - 15.0) / 24 * 2 * np.pi),
        "relative_humidity": np.full(hours, 35.0),
        "wind_speed": np.full(hours, 2.0),
        "global_radiation": 850.0 * high**1.2,
        **{name: np.broadcast_to(value, hours).astype(float) for name, value in over.items()},
    }
    data = {name: ("time", v) for name, v in values.items() if v is not None}
    return xr.Dataset(data, coords={"time": times.to_numpy()}, attrs={"interval": "end"})


@pytest.fixture
def make_heat_site():
    return heat_site


@pytest.fixture
def make_hot_day():
    return hot_day


@pytest.fixture
def with_building():
    return add_building


@pytest.fixture
def with_crown():
    return add_crown


@pytest.fixture(scope="session")
def heat_site_factory():
    return heat_site
