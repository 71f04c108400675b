"""Water that has left over an edge is gone, whatever stands at the edge and however wide the grid is."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from models import water


def site_of(columns):
    x, _ = np.meshgrid(np.arange(float(columns)), np.arange(24.0))
    terrain = 50.0 - 0.02 * x + 0.3 * np.random.default_rng(columns).random(x.shape)
    building = np.zeros(x.shape, np.int32)
    building[8:14, -5:] = 3
    building[-4:, 6:9] = 4
    building[:3, 10:12] = 5
    return xr.Dataset(
        {
            "terrain_height": (("y", "x"), terrain),
            "surface_height": (("y", "x"), terrain + 5.0 * (building > 0)),
            "building_id": (("y", "x"), building),
            "land_cover": (("y", "x"), np.full(x.shape, 2, np.uint8)),
        },
        {"y": -2.0 * np.arange(24), "x": 2.0 * np.arange(columns)},
    )


@pytest.mark.parametrize("columns", [16, 21, 31])
@pytest.mark.parametrize("options", [{}, {"solver": "shallow_water"}, {"solver": "shallow_water", "order": 2}])
def test_balance_closes_with_buildings_at_every_edge(columns, options):
    storm = water.design_storm(20.0, 5, shape="block")
    found = water.flood(site_of(columns), storm, duration=420.0, losses=None, buildings="holes", **options)
    assert abs(found.attrs["balance_error"]) < 1e-6
    assert found.attrs["volume_outflow_east"] < 0
