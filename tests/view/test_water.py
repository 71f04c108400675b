"""Floods in pictures: the water surface of the scene, the pale ground around it, shares of the whole area."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from models.layers import LAND_COVER
from twin.view.backdrop import backdrop
from twin.view.palettes import Palette
from twin.view.water import LEAST, water_mesh


def layer_of(values, name):
    values = np.asarray(values)
    y = 100.0 + 2.0 * np.arange(values.shape[0])[::-1]
    x = 500.0 + 2.0 * np.arange(values.shape[1])
    return xr.DataArray(values, {"y": y, "x": x}, ("y", "x"), name=name)


def depth_palette():
    colours = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
    return Palette(np.array([0.0, 0.5, np.inf]), colours, ("", ""), "m", "depth", "ramp")


def test_still_water_is_level_and_coloured_by_its_depth():
    terrain = layer_of([[1.0, 1.2, 3.0], [0.4, 1.3, 3.0]], "terrain_height")
    depth = layer_of(np.maximum(1.5 - terrain.values, 0.0), "depth_max")
    mesh = water_mesh(depth, terrain, (499.0, 99.0, 0.0), depth_palette())
    assert len(mesh) == 2 * 4
    assert mesh.points[:, 2] == pytest.approx(1.5, abs=1e-6)
    assert mesh.points[:, :2].min(axis=0) == pytest.approx([0.0, 0.0])
    assert mesh.points[:, :2].max(axis=0) == pytest.approx([4.0, 4.0])
    deep = mesh.colours[np.isin(mesh.owner, [0, 3])]
    assert (deep == [40, 50, 60]).all()
    assert (mesh.colours[np.isin(mesh.owner, [1, 4])] == [10, 20, 30]).all()


def test_triangles_look_up_and_cover_the_wet_cells_once():
    rng = np.random.default_rng(3)
    depth = layer_of(np.where(rng.random((9, 7)) < 0.5, np.nan, rng.random((9, 7)) * 0.1), "depth_max")
    mesh = water_mesh(depth, layer_of(np.zeros((9, 7)), "terrain_height"), (0.0, 0.0, 0.0), depth_palette())
    a, b, c = (mesh.points[mesh.triangles[:, k]].astype(float) for k in range(3))
    area = np.cross(b - a, c - a)[:, 2] / 2
    wet = int((np.nan_to_num(depth.values) >= LEAST).sum())
    assert (area > 0).all()
    assert area.sum() == pytest.approx(wet * 4.0, rel=1e-3)


def test_without_water_there_is_no_surface():
    dry = layer_of(np.full((3, 3), np.nan), "depth_max")
    assert len(water_mesh(dry, layer_of(np.zeros((3, 3)), "terrain_height"), (0.0, 0.0, 0.0), depth_palette())) == 0


def test_backdrop_shows_relief_green_and_water():
    cover = np.full((20, 20), LAND_COVER["asphalt"], np.uint8)
    cover[:, 10:] = LAND_COVER["grass"]
    cover[0] = LAND_COVER["water"]
    level = layer_of(np.zeros((20, 20)), "terrain_height")
    ridge = layer_of(np.tile(np.abs(np.arange(20.0) - 5.0)[None, :] * -0.3, (20, 1)), "terrain_height")
    flat, steep = (
        backdrop(xr.Dataset({"terrain_height": z, "land_cover": (("y", "x"), cover)})) for z in (level, ridge)
    )
    assert flat[5, 12, 1] > flat[5, 12, 0]
    assert flat[0, 3, 2] > flat[0, 3, 0]
    assert int(steep[5, 2].sum()) != int(steep[5, 8].sum())
    assert np.ptp(flat[5, 1:9].astype(int), axis=0).max() == 0
