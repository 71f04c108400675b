"""Triangles: they fill their polygon exactly, turn as it turns, and odd polygons are named instead of guessed."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.model import Polygons
from twin.city.triangles import area_error, degenerate, triangulate


def polygons_of(*polygons: list[np.ndarray]) -> Polygons:
    """Make Polygons from lists of rings (n, 3), the outer one first."""
    rings = [np.asarray(ring, dtype=float) for polygon in polygons for ring in polygon]
    xyz = np.concatenate(rings) if rings else np.empty((0, 3))
    return Polygons(
        xyz,
        np.concatenate([[0], np.cumsum([len(ring) for ring in rings])]).astype(np.int64),
        np.concatenate([[0], np.cumsum([len(polygon) for polygon in polygons])]).astype(np.int64),
    )


def area_vectors(polygons: Polygons) -> tuple[np.ndarray, np.ndarray]:
    """Return corners' triangles as area vectors, and their polygons."""
    corners, polygon = triangulate(polygons)
    a, b, c = (polygons.xyz[corners[:, k]] for k in range(3))
    return np.cross(b - a, c - a) / 2.0, polygon


SQUARE = np.array([[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]], dtype=float)
HOLE = np.array([[1, 1, 0], [1, 2, 0], [2, 2, 0], [2, 1, 0]], dtype=float)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("rings", [[SQUARE[:3]], [SQUARE], [SQUARE, HOLE]])
def test_every_plane_and_turn(order: tuple[int, int, int], rings: list[np.ndarray]) -> None:
    """Area vectors add up to the polygon's, whichever way it faces; Newell's sum over the rings is the truth."""
    turned = [ring[:, order] for ring in rings]
    vectors, _ = area_vectors(polygons_of(turned))
    expected = sum(np.cross(r - r[0], np.roll(r - r[0], -1, axis=0)).sum(axis=0) / 2.0 for r in turned)
    np.testing.assert_allclose(vectors.sum(axis=0), expected, atol=1e-12)
    assert (vectors @ expected > 0).all()


def test_quads_are_cut_inside() -> None:
    """A quadrilateral with a corner pushed in must not be cut as if it were convex."""
    dart = np.array([[0, 0, 0], [4, 0, 0], [1, 1, 0], [0, 4, 0]], dtype=float)
    for shift in range(4):
        vectors, _ = area_vectors(polygons_of([np.roll(dart, shift, axis=0)]))
        assert len(vectors) == 2
        assert (vectors[:, 2] > 0).all()
        assert vectors[:, 2].sum() == pytest.approx(4.0)


def test_convex_quad_takes_the_shorter_diagonal() -> None:
    ring = np.array([[0, 0, 0], [10, 0, 0], [11, 2, 0], [1, 2, 0]], dtype=float)
    corners, _ = triangulate(polygons_of([ring]))
    shared = set(corners[0]) & set(corners[1])
    assert shared == {1, 3}


def test_odd_polygons_get_no_triangle_and_are_named() -> None:
    nan = SQUARE.copy()
    nan[2, 2] = np.nan
    mixed = polygons_of(
        [SQUARE[:2]],
        [SQUARE],
        [np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2], [3, 3, 3]], dtype=float)],
        [nan],
        [np.array([[5, 5, 5], [5, 5, 5], [5, 5, 5]], dtype=float)],
        [SQUARE[:3]],
    )
    corners, polygon = triangulate(mixed)
    assert polygon.tolist() == [1, 1, 5]
    assert len(corners) == 3
    assert degenerate(mixed).tolist() == [0, 2, 3, 4]
    assert degenerate(mixed, np.array([1, 2])).tolist() == [2]


def test_repeated_points_and_a_hole_of_two_points() -> None:
    doubled = np.repeat(SQUARE, 2, axis=0)
    vectors, polygon = area_vectors(polygons_of([doubled], [SQUARE, HOLE[:2]], [SQUARE, HOLE[:2], HOLE]))
    areas = np.bincount(polygon, weights=vectors[:, 2])
    np.testing.assert_allclose(areas, [16.0, 16.0, 15.0])


def test_no_polygons() -> None:
    corners, polygon = triangulate(Polygons.empty())
    assert corners.shape == (0, 3)
    assert polygon.shape == (0,)
    assert corners.dtype == polygon.dtype == np.int64


def test_chosen_rows_only_and_far_from_the_origin() -> None:
    far = np.array([389_512.13, 5_818_977.41, 34.2])
    mixed = polygons_of([SQUARE + far], [SQUARE + far, HOLE + far], [SQUARE[:3] + far])
    corners, polygon = triangulate(mixed, np.array([1, 2]))
    assert set(polygon) == {1, 2}
    a, b, c = (mixed.xyz[corners[:, k]] - far for k in range(3))
    areas = np.bincount(polygon, weights=np.cross(b - a, c - a)[:, 2] / 2.0)
    np.testing.assert_allclose(areas[1:], [15.0, 8.0], rtol=1e-8)


BOW = np.array([[0, 0, 0], [4, 4, 0], [4, 0, 0], [0, 3, 0]], dtype=float)


def test_area_error_shows_a_ring_that_crosses_itself() -> None:
    mixed = polygons_of([SQUARE, HOLE], [BOW])
    error = area_error(mixed, *triangulate(mixed))
    assert error[0] == pytest.approx(0.0, abs=1e-12)
    assert abs(error[1]) > 1.0


def test_a_spike_that_crosses_its_ring_adds_no_roof() -> None:
    """A polygon as delivered in NRW: its ring runs out along a party wall and comes back a millimetre beside it."""
    plan = [(1.13, 6.796), (-1.887, 6.674), (-1.683, 0.642), (1.354, 0.768), (1.408, -1.087), (1.441, -2.227)]
    ring = np.array([(x, y, 220.0) for x, y in [*plan, (1.448, -2.227)]])
    true = shapely.make_valid(shapely.Polygon(ring[:, :2])).area
    for shift in range(len(ring)):
        for way in (1, -1):
            solid = polygons_of([np.roll(ring, shift, axis=0)[::way]])
            vectors, _ = area_vectors(solid)
            assert np.abs(vectors[:, 2]).sum() == pytest.approx(true, abs=0.03)
            assert (vectors[:, 2] * way < 0).all() or (vectors[:, 2] * way > 0).all()


def test_both_halves_of_a_bow_are_kept() -> None:
    """The even-odd area of a ring that crosses itself; the crossing snaps to the corner nearest to it."""
    wide = np.array([[0, 0, 0], [2, 1.0, 0], [4, 2, 0], [4, 0, 0], [2, 1.001, 0], [0, 2, 0]], dtype=float)
    vectors, _ = area_vectors(polygons_of([wide]))
    true = shapely.make_valid(shapely.Polygon(wide[:, :2])).area
    assert np.abs(vectors[:, 2]).sum() == pytest.approx(true, abs=0.01)


def test_a_hole_that_leaves_its_ring_counts_by_even_odd() -> None:
    hole = np.array([[3, 1, 0], [3, 2, 0], [4, 2, 0], [6, 2, 0], [6, 1, 0], [4, 1, 0]], dtype=float)
    vectors, _ = area_vectors(polygons_of([SQUARE, hole]))
    assert np.abs(vectors[:, 2]).sum() == pytest.approx(16.0 - 1.0 + 2.0)


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_any_star_is_filled(points: int, seed: int, pierced: bool) -> None:
    """Random star polygons in random planes: the triangles' area is the polygon's, and none is turned over."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.random(points)) * 2 * np.pi
    if np.diff(np.concatenate([angle, [angle[0] + 2 * np.pi]])).max() > 3.0:  # then the middle may lie outside
        return
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(2, 9, (points, 1))
    rings = [ring] + ([ring[::-1] * 0.1] if pierced else [])
    normal = rng.normal(size=3)
    u = np.cross(normal, [0.3, 0.5, -0.7])
    u /= np.linalg.norm(u)
    v = np.cross(normal, u) / np.linalg.norm(normal)
    solid = polygons_of([r[:, :1] * u + r[:, 1:] * v for r in rings])
    vectors, _ = area_vectors(solid)
    expected = shapely.Polygon(ring, rings[1:]).area
    if expected < 1e-3:
        return
    assert np.linalg.norm(vectors, axis=1).sum() == pytest.approx(expected, rel=1e-9)
    assert (vectors @ normal > -1e-9).all() or (vectors @ normal < 1e-9).all()
    assert abs(area_error(solid, *triangulate(solid))).max() < 1e-9 * max(1.0, expected) + 1e-9
