"""A tile cut out with its halo gives bit for bit what the whole site gives."""

import numpy as np
import pytest

from models import heat
from models.heat.simulation import OUTPUTS
from models.layers import LAND_COVER, InputError
from models.parallel import set_threads


@pytest.fixture(scope="module")
def town(heat_site_factory):
    """Houses, trees, lawns and a slope, 2 m cells."""
    rng = np.random.default_rng(3)
    rows, columns = 260, 300
    yy, xx = np.mgrid[:rows, :columns]
    site = heat_site_factory((rows, columns), 2.0, terrain=0.01 * xx + 0.3 * np.sin(yy / 9.0))
    for _ in range(90):
        i, j = rng.integers(0, rows - 12), rng.integers(0, columns - 12)
        high = rng.uniform(2, 8)
        part = (slice(i, i + rng.integers(3, 10)), slice(j, j + rng.integers(3, 10)))
        site["surface_height"].values[part] = site["terrain_height"].values[part] + high
        site["building_id"].values[part] = 1
        site["land_cover"].values[part] = LAND_COVER["building"]
    for _ in range(200):
        i, j = rng.integers(0, rows - 4), rng.integers(0, columns - 4)
        part = (slice(i, i + 3), slice(j, j + 3))
        site["canopy_height"].values[part] = rng.uniform(4, 8)
        site["trunk_height"].values[part] = 2.0
    open_air = site["building_id"].values == 0
    site["land_cover"].values[open_air & (np.sin(yy / 14.0) * np.cos(xx / 11.0) > 0.2)] = LAND_COVER["grass"]
    return site


@pytest.fixture(scope="module")
def high_sun(hot_day_factory):
    return hot_day_factory(24)


@pytest.fixture(scope="module")
def hot_day_factory():
    import pandas as pd
    import xarray as xr

    def make(hours):
        times = pd.date_range("2022-07-19T00:00", periods=hours, freq="h")
        hour = times.hour.to_numpy(float)
        # the beam only while the sun is high: a low one would reach over the whole of this small site
        beam = np.where((hour >= 9) & (hour <= 15), 700.0, 0.0)
        diffuse = np.where((hour >= 5) & (hour <= 19), 100.0, 0.0)
        values = {
            "air_temperature": 28.5 + 8.0 * np.cos((hour - 15.0) / 24 * 2 * np.pi),
            "relative_humidity": np.full(hours, 35.0),
            "wind_speed": np.full(hours, 2.0),
            "global_radiation": diffuse + 0.8 * beam,
            "direct_normal_radiation": beam,
            "diffuse_radiation": diffuse,
        }
        data = {name: ("time", v) for name, v in values.items()}
        return xr.Dataset(data, coords={"time": times.to_numpy()}, attrs={"interval": "instant"})

    return make


@pytest.mark.parametrize(("rows", "columns"), [((0, 60), (0, 75)), ((101, 160), (122, 177)), ((215, 260), (240, 300))])
def test_tiles_equal_the_whole(town, high_sun, rows, columns):
    names = tuple(OUTPUTS)
    whole = heat.simulate(town, high_sun, outputs=names)
    rim = heat.halo(town, high_sun)
    assert 30 < rim < 90
    low, left = max(rows[0] - rim, 0), max(columns[0] - rim, 0)
    tile = town.isel(y=slice(low, rows[1] + rim), x=slice(left, columns[1] + rim))
    assert tile.sizes["x"] < town.sizes["x"]
    set_threads(1)
    part = heat.simulate(tile, high_sun, outputs=names)
    set_threads(None)
    cut = part.isel(y=slice(rows[0] - low, rows[1] - low), x=slice(columns[0] - left, columns[1] - left))
    expected = whole.isel(y=slice(*rows), x=slice(*columns))
    for name in names:
        assert np.array_equal(cut[name].values, expected[name].values, equal_nan=True), name


def test_tiles_with_their_own_air(town, high_sun):
    options = {"outputs": ("air_temperature", "utci", "pet"), "air": "local"}
    rim = heat.halo(town, high_sun, air="local")
    assert rim >= heat.halo(town, high_sun) + 120
    whole = heat.simulate(town, high_sun, **options)
    tile = town.isel(x=slice(0, 60 + rim))
    assert tile.sizes["x"] < town.sizes["x"]
    part = heat.simulate(tile, high_sun, **options)
    for name in options["outputs"]:
        assert np.array_equal(part[name].values[..., :60], whole[name].values[..., :60], equal_nan=True), name


def test_halo_grows_with_height_and_low_sun(town, high_sun):
    higher = town.assign(surface_height=town.surface_height.where(town.building_id == 0, town.surface_height + 20.0))
    assert heat.halo(higher, high_sun) > heat.halo(town, high_sun) + 80
    low = high_sun.copy(deep=True)
    low["direct_normal_radiation"].values[4] = 50.0
    assert heat.halo(town, low) > heat.halo(town, high_sun)
    with pytest.raises(InputError, match="air='town'"):
        heat.halo(town, high_sun, air="town")
