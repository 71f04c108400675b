"""A change of a site worked out in its window gives, cell for cell, what a run of the whole changed site gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models import heat
from models.layers import LAND_COVER

SIZE = 90


def changes_site(trees: tuple[tuple[int, int], ...] = (), grass: slice | None = None, dent: float = 0.0) -> xr.Dataset:
    """Return a made block of houses, 90 m x 90 m, with a change."""
    x, y = 500000.5 + np.arange(SIZE), 5600000.5 + np.arange(SIZE)[::-1]
    terrain = np.full((SIZE, SIZE), 50.0, np.float32) + np.linspace(0, 1, SIZE, dtype=np.float32)
    terrain[60:64, 60:64] -= dent
    house = np.zeros((SIZE, SIZE), np.int32)
    house[20:35, 10:30], house[20:35, 45:60] = 1, 2
    crown, trunk = np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), np.float32)
    for i, j in ((50, 20), *trees):
        crown[i - 3 : i + 4, j - 3 : j + 4], trunk[i - 3 : i + 4, j - 3 : j + 4] = 9.0, 3.0
    cover = np.full((SIZE, SIZE), LAND_COVER["asphalt"], np.uint8)
    cover[house > 0] = LAND_COVER["building"]
    if grass is not None:
        cover[grass, grass] = LAND_COVER["grass"]
    layers = {
        "terrain_height": terrain,
        "surface_height": terrain + np.where(house == 1, 12.0, np.where(house == 2, 7.0, 0.0)).astype(np.float32),
        "canopy_height": crown,
        "trunk_height": trunk,
        "building_id": house,
        "land_cover": cover,
    }
    attrs = {"latitude": 51.2, "longitude": 10.0, "convergence": 0.3}
    return xr.Dataset({name: (("y", "x"), a) for name, a in layers.items()}, {"x": x, "y": y}, attrs)


def changes_weather() -> xr.Dataset:
    hours = pd.date_range("2024-07-14T01:00", periods=24, freq="h")
    sun = np.clip(np.sin((np.arange(24) - 4.0) / 15.0 * np.pi), 0.0, None) * (np.arange(24) < 19)
    values = {
        "air_temperature": 22.0 + 8.0 * sun,
        "relative_humidity": 60.0 - 25.0 * sun,
        "wind_speed": np.full(24, 2.0),
        "global_radiation": 800.0 * sun,
    }
    found = xr.Dataset({name: ("time", v) for name, v in values.items()}, {"time": hours.to_numpy()})
    found.attrs["interval"] = "end"
    return found


CHANGED: dict[str, dict[str, Any]] = {
    "trees": {"trees": ((70, 70), (66, 60))},
    "crown above a crown": {"trees": ((48, 22),)},
    "grass": {"grass": slice(62, 72)},
    "hollow": {"dent": 0.4},
    "nothing": {},
}


@pytest.fixture(scope="module", params=[{}, {"wind": "local", "air": "local"}], ids=["station", "local"])
def prepared(request: pytest.FixtureRequest) -> tuple[heat.PreparedDay, dict[str, str]]:
    return heat.PreparedDay(changes_site(), changes_weather(), **request.param), request.param


def test_the_prepared_day_is_the_simulated_one(prepared: tuple[heat.PreparedDay, dict[str, str]]) -> None:
    day, options = prepared
    xr.testing.assert_identical(day.result, heat.simulate(changes_site(), changes_weather(), **options))


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_gives_what_the_whole_site_gives(prepared: tuple[heat.PreparedDay, dict[str, str]], name: str) -> None:
    day, options = prepared
    site = changes_site(**CHANGED[name])
    revision = day.after(site)
    found = revision.whole([maps for _, maps in revision.steps()])
    expected = heat.simulate(site, changes_weather(), **options)
    for layer in ("tmrt", "utci"):
        np.testing.assert_array_equal(found[layer].values, expected[layer].values)
    assert (revision.cells == 0) == (name == "nothing")
    if options == {} and name == "grass":
        assert revision.cells < 70 * 70, "ground reaches no farther than people see it"
    assert name == "nothing" or not np.array_equal(found["utci"].values, day.result["utci"].values, equal_nan=True)


def test_another_grid_is_refused(prepared: tuple[heat.PreparedDay, dict[str, str]]) -> None:
    with pytest.raises(heat.geometry.InputError, match="another grid"):
        prepared[0].after(changes_site().isel(x=slice(0, 60)))
