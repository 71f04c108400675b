"""Crowns: their volume is the solid's, the level crown stands right on a slope, and undrawn trees are counted."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPoint, Point

from models.parallel import set_threads
from twin.city.crowns import SHAPES, burn_crowns, crown_base_share, crown_layers
from twin.city.gaps import GapLog
from twin.city.grid import grid_box

FLAT = np.full((80, 80), 30.0, np.float32)


def one_crown(shape: str, *, radius: float = 20.0, base: float = 4.0, top: float = 16.0, terrain=FLAT, at=(40.3, 39.8)):
    return burn_crowns(
        np.array([at]), np.array([radius]), np.array([base]), np.array([top]), np.array([SHAPES[shape]]), terrain
    )


def tree_table(rows: list[dict]) -> gpd.GeoDataFrame:
    known = {
        "height": 12.0,
        "crown_diameter": 8.0,
        "crown_base": 3.0,
        "crown_shape": "ellipsoid",
        "place": Point(20, 20),
    }
    full = [known | {"id": f"t{i}"} | row for i, row in enumerate(rows)]
    return gpd.GeoDataFrame(full, geometry=[row.pop("place") for row in full])


@pytest.mark.parametrize(("shape", "share"), [("ellipsoid", 2.0 / 3.0), ("cone", 1.0 / 3.0), ("cylinder", 1.0)])
def test_volume_is_that_of_the_solid(shape: str, share: float) -> None:
    """Ellipsoid 4/3 pi r^2 h/2, cone 1/3 pi r^2 h, cylinder pi r^2 h."""
    canopy, trunk = one_crown(shape)
    covered = canopy > 0
    assert covered.sum() == pytest.approx(math.pi * 400.0, rel=0.01)
    assert (canopy - trunk)[covered].sum() == pytest.approx(share * math.pi * 400.0 * 12.0, rel=0.01)
    assert canopy.max() <= 16.0
    assert trunk[covered].min() >= 4.0 - 1e-5
    assert (trunk[~covered] == 0).all()


def test_ellipsoid_by_hand() -> None:
    """At 60 % of the radius an ellipsoid keeps 80 % of its half height: 10 -+ 0.8 x 6."""
    canopy, trunk = one_crown("ellipsoid", at=(40.0, 40.0), radius=10.0)
    assert (canopy[40, 40], trunk[40, 40]) == (16.0, 4.0)
    assert canopy[40, 46] == pytest.approx(14.8)
    assert trunk[46, 40] == pytest.approx(5.2)
    assert canopy[40, 49] > trunk[40, 49] > 0
    assert (canopy[40, 50], trunk[40, 50]) == (0.0, 0.0), "the rim has no depth"


def test_cone_by_hand() -> None:
    canopy, trunk = one_crown("cone", at=(40.0, 40.0), radius=10.0)
    assert canopy[40, 45] == pytest.approx(10.0)
    assert trunk[40, 45] == pytest.approx(4.0)


def test_level_on_a_slope() -> None:
    """The crown's absolute height does not follow the ground; a part of it under the ground is not there."""
    slope = np.broadcast_to(np.arange(80, dtype=np.float32) * 0.5, (80, 80)).copy()
    canopy, trunk = one_crown("cylinder", at=(40.0, 40.0), terrain=slope, radius=30.0, base=4.0, top=10.0)
    assert canopy[40, 40] == 10.0
    assert canopy[40, 30] == 15.0
    assert canopy[40, 50] == 5.0
    assert trunk[40, 50] == 0.0
    assert canopy[40, 62] == 0.0
    over = canopy > 0
    np.testing.assert_allclose((canopy + slope)[over], 30.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_overlaps_keep_the_outer_hull_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 12
    uv, radius = rng.uniform(-10, 90, (n, 2)), rng.uniform(0.5, 15, n)
    base, top = rng.uniform(0, 4, n), rng.uniform(5, 30, n)
    shape = rng.integers(0, 3, n)
    terrain = rng.uniform(20, 25, (80, 80)).astype(np.float32)
    order = rng.permutation(n)
    canopy, trunk = burn_crowns(uv, radius, base, top, shape, terrain)
    try:
        set_threads(3)
        again = burn_crowns(uv[order], radius[order], base[order], top[order], shape[order], terrain)
    finally:
        set_threads(None)
    assert np.array_equal(canopy, again[0])
    assert np.array_equal(trunk, again[1])
    single = [burn_crowns(*(a[k : k + 1] for a in (uv, radius, base, top, shape)), terrain) for k in range(n)]
    tops = np.array([c for c, _ in single])
    lows = np.where(tops > 0, np.array([t for _, t in single]), np.inf).min(axis=0)
    assert np.array_equal(canopy, tops.max(axis=0))
    assert np.array_equal(trunk, np.where(np.isfinite(lows), lows, 0.0))


def test_no_trees() -> None:
    canopy, trunk = crown_layers(tree_table([{}]).iloc[:0], grid_box((0, 0, 80, 80), 1.0), FLAT, GapLog())
    assert not canopy.any()
    assert not trunk.any()


def test_trees_in_metres_whatever_the_cell() -> None:
    """The same tree at 0.5 and 2 m: its crown volume in m3 stays."""
    volumes = []
    for resolution in (0.25, 0.5, 1.0):
        box = grid_box((0, 0, 40, 40), resolution)
        canopy, trunk = crown_layers(tree_table([{}]), box, np.zeros(tuple(box.shape), np.float32), GapLog())
        volumes.append(float((canopy - trunk).sum()) * resolution**2)
    assert volumes == pytest.approx([math.pi * 16.0 * 9.0 * 2.0 / 3.0] * 3, rel=0.06)


def test_incomplete_trees_are_counted_not_guessed() -> None:
    log = GapLog()
    trees = tree_table(
        [
            {},
            {"height": np.nan},
            {"crown_diameter": 0.0},
            {"place": None},
            {"place": Point(60, 60), "crown_base": np.nan, "crown_shape": None},
            {"place": MultiPoint([(50, 20), (52, 20)]), "crown_base": 30.0},
            {"place": Point(10.9, 10.1), "crown_diameter": 0.3},
            {"place": Point(30.95, 10.05), "crown_diameter": 1.2},
            {"place": Point(500, 500), "crown_base": np.nan},
        ]
    )
    canopy, trunk = crown_layers(trees, grid_box((0, 0, 80, 80), 1.0), FLAT, log)
    rows = log.table().set_index("code")
    assert rows["count"].to_dict() == {
        "tree_without_size": 3,
        "tree_smaller_than_cell": 1,
        "crown_base_missing": 1,
        "crown_base_impossible": 1,
    }
    assert rows.loc["tree_without_size", "places"] == ["t1", "t2", "t3"]
    row, column = 79 - 60, 60
    assert trunk[row, column] == pytest.approx(crown_base_share() * 12.0, abs=0.3)
    assert canopy[79 - 20, 51] > 0  # the middle of the two points
    assert canopy[79 - 10, 10] == 0.0
    assert canopy[79 - 10, 30] == 12.0  # over half a cell: drawn in its own cell


def test_crowns_reach_in_from_outside() -> None:
    log = GapLog()
    canopy, _ = crown_layers(tree_table([{"place": Point(-2.0, 40.0)}]), grid_box((0, 0, 80, 80), 1.0), FLAT, log)
    assert (canopy[:, :2] > 0).any()
    assert not (canopy[:, 2:] > 0).any()


@pytest.mark.parametrize("step", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_crown_cell_has_depth(shape: str, step: float) -> None:
    """Rims and slopes at every resolution: the heat model refuses a crown that ends where it begins."""
    trees = tree_table(
        [
            {"crown_diameter": 4.0 * d, "crown_shape": shape, "place": Point(8.0 * i + 2.0, 24.0 * d + 2.0)}
            for i in range(10)
            for d in (1, 2, 3)
        ]
    )
    box = grid_box((0.0, 0.0, 96.0, 96.0), step)
    slope = np.add.outer(np.zeros(box.shape[0]), 0.4 * step * np.arange(box.shape[1])).astype(np.float32)
    canopy, trunk = crown_layers(trees, box, slope, GapLog())
    assert (canopy > 0).sum() > 10
    assert (trunk[canopy > 0] < canopy[canopy > 0]).all()
