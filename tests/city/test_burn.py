"""The burning kernels: against plain point-in-polygon tests, exact partitions, and any order of what is burned."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from models.parallel import set_threads
from twin.city.burn import (
    NO_HEIGHT,
    Spans,
    burn_flat,
    burn_planes,
    lowest_under,
    paint,
    polygon_spans,
    to_cells,
)
from twin.city.grid import centres, grid_box
from twin.city.roofs import flat_polygons


def empty_grids(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.full(shape, NO_HEIGHT, np.float32), np.zeros(shape, np.int32)


def mask_of(shapes: list[shapely.Geometry], box) -> np.ndarray:
    """Return how many of the shapes' polygons cover each cell."""
    xy, ring_start, polygon_start, _ = flat_polygons(np.array(shapes, dtype=object))
    spans = polygon_spans(to_cells(xy, box), ring_start, polygon_start, box.shape)
    out = np.zeros(tuple(box.shape), np.int64)
    for _, row, first, stop in zip(*spans, strict=True):
        out[row, first:stop] += 1
    return out


def fan(points: int, rng: np.random.Generator, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points around a middle point, and the triangles of the fan."""
    angle = np.sort(rng.random(points)) * 2 * np.pi
    ring = size / 2 + np.column_stack([np.cos(angle), np.sin(angle)]) * size * rng.uniform(0.2, 0.6, (points, 1))
    corners = np.array([(0, 1 + i, 1 + (i + 1) % points) for i in range(points)], dtype=np.int64)
    return np.vstack([[size / 2, size / 2], ring]), corners


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 25), st.integers(0, 2**32 - 1))
def test_triangles_against_plain_python(points: int, seed: int) -> None:
    """Every cell: the highest of the planes of the triangles around its centre, reckoned by barycentric weights."""
    rng = np.random.default_rng(seed)
    size = 12.0
    uv = rng.uniform(-4, size + 4, (points, 2))
    z = rng.uniform(0, 30, points)
    corners = rng.integers(0, points, (points, 3))
    height, owners = empty_grids((int(size), int(size)))
    burn_planes(uv, z, corners, np.arange(1, points + 1, dtype=np.int32), height, owners)
    expected, close = np.full(height.shape, -np.inf), np.zeros(height.shape, bool)
    for i, j, k in corners:
        a, b, c = uv[i], uv[j], uv[k]
        det = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(det) < 1e-9:
            continue
        for row in range(int(size)):
            for column in range(int(size)):
                s = ((column - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (row - a[1])) / det
                t = ((b[0] - a[0]) * (row - a[1]) - (column - a[0]) * (b[1] - a[1])) / det
                inside = min(s, t, 1 - s - t)
                close[row, column] |= abs(inside) < 1e-9  # on an edge both answers are right
                if inside >= 0:
                    expected[row, column] = max(expected[row, column], z[i] + s * (z[j] - z[i]) + t * (z[k] - z[i]))
    both = ~close
    assert (np.isfinite(height) == np.isfinite(expected))[both].all()
    known = both & np.isfinite(expected)
    np.testing.assert_allclose(height[known], expected[known], atol=1e-4)


@settings(deadline=None, max_examples=80)
@given(st.integers(3, 30), st.integers(0, 2**32 - 1))
def test_neighbours_share_no_cell_and_leave_no_hole(points: int, seed: int) -> None:
    """A fan of triangles covers exactly the cells of its outline, each once, also with corners on cell centres."""
    rng = np.random.default_rng(seed)
    uv, corners = fan(points, rng, 24.0)
    if seed % 2:
        uv = np.rint(uv)  # corners on centres: every tie there is
    count = np.zeros((24, 24), np.int64)
    for triangle in corners:
        height, owners = empty_grids((24, 24))
        burn_planes(uv, np.zeros(len(uv)), triangle[None], np.ones(1, np.int32), height, owners)
        count += owners
    ring = uv[1:]
    spans = polygon_spans(np.ascontiguousarray(ring), np.array([0, points]), np.array([0, 1]), (24, 24))
    outline = np.zeros((24, 24), np.uint8)
    paint(spans, np.ones(1, np.uint8), outline)
    along, inward = np.diff(np.vstack([ring, ring[:1]]), axis=0), 12.0 - ring
    turn = along[:, 0] * inward[:, 1] - along[:, 1] * inward[:, 0]
    if (turn > 0).all() or (turn < 0).all():  # the middle sees the whole outline: the fan is a partition of it
        assert np.array_equal(count, outline)
    else:
        assert np.array_equal(count % 2, outline)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_order_and_threads_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    uv, z = rng.uniform(-20, 320, (60, 2)), np.round(rng.uniform(0, 5, 60))
    corners = rng.integers(0, 60, (40, 3))
    owner = rng.integers(1, 9, 40).astype(np.int32)
    results = []
    try:
        for threads, order in ((1, np.arange(40)), (1, rng.permutation(40)), (3, rng.permutation(40))):
            set_threads(threads)
            height, owners = empty_grids((300, 300))
            burn_planes(uv, np.where(seed % 2, z, 3.0) * np.ones(60), corners[order], owner[order], height, owners)
            results.append((height, owners))
    finally:
        set_threads(None)
    for height, owners in results[1:]:
        assert np.array_equal(height, results[0][0])
        assert np.array_equal(owners, results[0][1])


def test_plane_is_exact_to_a_millimetre_far_from_the_origin() -> None:
    """A steep roof in UTM coordinates at Berlin: cell heights against the plane itself."""
    box = grid_box((389_000.0, 5_818_000.0, 389_100.0, 5_818_100.0), 0.25)
    xy = np.array([[389_010.37, 5_818_011.91], [389_093.08, 5_818_020.44], [389_041.5, 5_818_090.13]])
    slope = np.array([1.9, -1.3])
    z = 47.11 + (xy - xy[0]) @ slope
    height, owners = empty_grids(tuple(box.shape))
    burn_planes(to_cells(xy, box), z, np.array([[0, 1, 2]]), np.ones(1, np.int32), height, owners)
    x, y = np.meshgrid(*centres(box))
    plane = 47.11 + (x - xy[0, 0]) * slope[0] + (y - xy[0, 1]) * slope[1]
    hit = owners > 0
    assert hit.sum() * 0.25**2 == pytest.approx(shapely.Polygon(xy).area, rel=2e-3)
    assert np.abs(height - plane)[hit].max() < 1e-3


def test_slivers_stay_between_their_corners() -> None:
    uv = np.array([[0.0, 0.4], [9.0, 5.3], [4.5, 2.85 + 1e-13]])
    z = np.array([1.0, 2.0, 50.0])
    height, owners = empty_grids((8, 10))
    burn_planes(uv, z, np.array([[0, 1, 2]]), np.ones(1, np.int32), height, owners)
    assert height[owners > 0].max(initial=1.0) <= 50.0
    assert height[owners > 0].min(initial=1.0) >= 1.0


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 60), st.integers(0, 2**32 - 1))
def test_polygon_cells_are_those_whose_centre_lies_inside(points: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ring, _ = fan(points, rng, 30.0)
    shape = shapely.Polygon(ring[1:])
    if not shape.is_valid:
        return
    shape = shape.difference(shape.representative_point().buffer(rng.uniform(0.5, 4.0), quad_segs=3))
    box = grid_box((0, 0, 30, 30), 0.5)
    x, y = np.meshgrid(*centres(box))
    assert np.array_equal(mask_of([shape], box) > 0, shapely.contains_xy(shape, x, y))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 2.0]))
def test_cell_area_is_polygon_area_within_its_rim(seed: int, resolution: float) -> None:
    rng = np.random.default_rng(seed)
    shape = shapely.convex_hull(shapely.multipoints(rng.uniform(5, 95, (12, 2))))
    box = grid_box((0, 0, 100, 100), resolution)
    area = mask_of([shape], box).sum() * resolution**2
    assert abs(area - shape.area) <= shape.length * resolution


def test_partition_of_a_town_is_exact() -> None:
    """Voronoi cells of random points: each grid cell belongs to exactly one of them."""
    rng = np.random.default_rng(3)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(rng.uniform(0, 60, (80, 2)).round(1))))
    box = grid_box((10, 10, 50, 50), 0.5)
    count = mask_of(list(shapely.intersection(cells, shapely.box(-5, -5, 65, 65))), box)
    assert (count == 1).all()


def test_polygons_beyond_the_grid_and_broken_ones() -> None:
    box = grid_box((0, 0, 10, 10), 1.0)
    around = shapely.box(-1e7, -1e7, 1e7, 1e7)
    beside = shapely.box(1e6, 0, 1e6 + 5, 5)
    collection = shapely.GeometryCollection([shapely.Point(1, 1), shapely.MultiPolygon([shapely.box(2, 2, 4, 4)])])
    assert mask_of([around, beside], box).sum() == 100
    assert mask_of([None, shapely.Polygon(), shapely.Point(3, 3), collection], box).sum() == 4
    broken = np.array([[1.0, 1.0], [np.nan, 5.0], [5.0, 5.0]])
    spans = polygon_spans(broken, np.array([0, 3]), np.array([0, 1]), (10, 10))
    assert spans.cells() <= 100
    assert mask_of([], box).sum() == 0


def test_a_later_polygon_lies_on_top() -> None:
    box = grid_box((0, 0, 6, 6), 1.0)
    shapes = [shapely.box(0, 0, 6, 6), shapely.box(1, 1, 5, 5), shapely.box(2, 2, 3, 3)]
    xy, ring_start, polygon_start, row = flat_polygons(np.array(shapes, dtype=object))
    spans = polygon_spans(to_cells(xy, box), ring_start, polygon_start, box.shape)
    out = np.zeros((6, 6), np.uint8)
    paint(spans, np.array([1, 2, 3], np.uint8)[row], out)
    assert [(out == k).sum() for k in (1, 2, 3)] == [20, 15, 1]
    assert out[3, 2] == 3  # row 3 from the north is y 2..3


def test_flat_roofs_and_lowest_ground() -> None:
    spans = Spans(*(np.array(a, np.int32) for a in ([0, 1, 2], [1, 1, 2], [0, 2, 0], [3, 4, 4])))
    field = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert lowest_under(spans, field, 4).tolist() == [4.0, 6.0, 8.0, np.inf]
    height, owners = empty_grids((4, 4))
    burn_flat(spans, np.array([5.0, 7.0, np.nan]), np.array([2, 1, 3], np.int32), height, owners)
    assert owners[1].tolist() == [2, 2, 1, 1]
    assert height[1].tolist() == [5.0, 5.0, 7.0, 7.0]
    assert (owners[2] == 0).all()
    burn_flat(spans, np.array([7.0, 7.0, 0.0]), np.array([2, 1, 3], np.int32), height, owners)
    assert owners[1].tolist() == [2, 2, 1, 1]  # at one height the smaller number stays
