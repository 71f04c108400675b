"""Meshes hold the exact planes of the city, in one piece each."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from twin.city.model import City
from twin.view.meshes import ROOF, WALL, Mesh, buildings_mesh, terrain_mesh
from twin.view.trees import trees_mesh

ORIGIN = (390_000.0, 5_819_860.0, 30.0)


def triangle_areas(mesh: Mesh) -> np.ndarray:
    a, b, c = (mesh.points[mesh.triangles[:, k]].astype(float) for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def test_roofs_and_walls_have_their_true_area(square_city: City) -> None:
    mesh = buildings_mesh(square_city, ORIGIN)
    size = triangle_areas(mesh)
    # house 1: 30 x 18 m, eaves 8 m, ridge 12 m along x: roof planes 2 x 30 x sqrt(9^2 + 4^2)
    roof = size[(mesh.owner == 0) & (mesh.part == ROOF)].sum()
    assert roof == pytest.approx(2 * 30 * np.hypot(9, 4), rel=1e-5)
    walls = size[(mesh.owner == 0) & (mesh.part == WALL)].sum()
    assert walls == pytest.approx(2 * 30 * 8 + 2 * (18 * 8 + 0.5 * 18 * 4), rel=1e-5)
    # house 3 has a footprint and a height only: 45 x 15 m, 9 m high
    assert size[(mesh.owner == 2) & (mesh.part == ROOF)].sum() == pytest.approx(45 * 15, rel=1e-5)
    assert size[(mesh.owner == 2) & (mesh.part == WALL)].sum() == pytest.approx(2 * (45 + 15) * 9, rel=1e-5)


def test_ground_surfaces_are_not_drawn_and_heights_are_kept(square_city: City) -> None:
    mesh = buildings_mesh(square_city, ORIGIN)
    first = mesh.points[np.unique(mesh.triangles[mesh.owner == 0])]
    assert first[:, 2].max() == pytest.approx(34.5 + 12 - 30, abs=1e-3)
    assert first[:, 2].min() == pytest.approx(34.5 - 30, abs=1e-3)


def test_only_the_highest_level_of_detail_is_drawn(square_city: City) -> None:
    lower = square_city.surfaces.assign(lod=np.where(square_city.surfaces.index < 3, 1, 2).astype(np.int8))
    mesh = buildings_mesh(square_city.replace(surfaces=lower), ORIGIN)
    roof = triangle_areas(mesh)[(mesh.owner == 0) & (mesh.part == ROOF)].sum()
    assert roof == 0.0  # its roof planes are of level 1, its walls of level 2


def test_surfaces_without_a_name_are_told_by_their_slope(square_city: City) -> None:
    nameless = square_city.surfaces.assign(
        kind=np.where(square_city.surfaces["kind"] == "GroundSurface", "GroundSurface", "")
    )
    named, plain = buildings_mesh(square_city, ORIGIN), buildings_mesh(square_city.replace(surfaces=nameless), ORIGIN)
    np.testing.assert_array_equal(named.part, plain.part)


def test_outlines_are_the_rings(square_city: City) -> None:
    mesh = buildings_mesh(square_city, ORIGIN, area=(390_000.0, 5_819_860.0, 390_055.0, 5_820_000.0))
    assert mesh.lines is not None
    long = np.linalg.norm(mesh.points[mesh.lines[:, 0]] - mesh.points[mesh.lines[:, 1]], axis=1)
    assert long.max() <= 45.001
    assert set(mesh.owner.tolist()) <= {0, 2}


def test_footprint_without_ground_height_stands_on_the_terrain(square_city: City) -> None:
    objects = square_city.objects.assign(ground_height=np.nan)
    mesh = buildings_mesh(square_city.replace(objects=objects), ORIGIN)
    third = mesh.points[np.unique(mesh.triangles[mesh.owner == 2])]
    # terrain 34 + 0.02 (x - west) + 0.01 (y - north) at the south-west corner, x = 30 m, y = -85 m
    assert third[:, 2].min() + 30 == pytest.approx(34 + 0.6 - 0.85, abs=0.03)


def test_terrain_mesh_covers_the_grid(square_city: City) -> None:
    terrain = square_city.terrain
    assert terrain is not None
    mesh, place = terrain_mesh(terrain, ORIGIN, most=60)
    assert triangle_areas(mesh).sum() == pytest.approx(120 * 140 * np.sqrt(1 + 0.02**2 + 0.01**2), rel=1e-3)
    assert place.min() == pytest.approx(0.0, abs=1e-6)
    assert place.max() == pytest.approx(1.0, abs=1e-6)
    south_west = int(np.argmin(place.sum(axis=1)))
    assert mesh.points[south_west, :2] == pytest.approx([0.0, 0.0], abs=1e-3)
    normals = np.cross(
        mesh.points[mesh.triangles[:, 1]] - mesh.points[mesh.triangles[:, 0]],
        mesh.points[mesh.triangles[:, 2]] - mesh.points[mesh.triangles[:, 0]],
    )
    assert (normals[:, 2] > 0).all()


def test_terrain_holes_do_not_make_spikes(square_city: City) -> None:
    terrain = square_city.terrain
    assert terrain is not None
    holed = terrain.where(terrain["x"] > 390_010)
    mesh, _ = terrain_mesh(holed, ORIGIN)
    assert np.isfinite(mesh.points).all()
    assert mesh.points[:, 2].min() >= float(terrain.min()) - 30 - 1e-3


def test_trees_stand_on_the_ground_with_their_size(square_city: City) -> None:
    terrain = square_city.terrain
    assert terrain is not None
    mesh = trees_mesh(square_city, terrain, ORIGIN)
    for row in range(9):
        tree = square_city.trees.iloc[row]
        points = mesh.points[np.unique(mesh.triangles[mesh.owner == row])]
        ground = float(terrain.sel(x=tree.geometry.x, y=tree.geometry.y, method="nearest")) - 30
        assert points[:, 2].max() == pytest.approx(ground + tree.height, abs=1e-3)
        assert points[:, 2].min() == pytest.approx(ground, abs=1e-3)
        assert np.ptp(points[:, 0]) == pytest.approx(tree.crown_diameter, rel=0.02)


def test_trees_without_size_or_outside_are_not_drawn(square_city: City) -> None:
    terrain = square_city.terrain
    assert terrain is not None
    trees = square_city.trees.assign(height=[np.nan, *square_city.trees["height"].iloc[1:]])
    mesh = trees_mesh(
        square_city.replace(trees=trees), terrain, ORIGIN, area=(390_000.0, 5_819_800.0, 390_050.0, 5_820_000.0)
    )
    assert set(mesh.owner.tolist()) == {1, 2, 3}


def test_no_trees_no_buildings(square_city: City, square_site: xr.Dataset) -> None:
    bare = square_city.replace(
        trees=square_city.trees.iloc[:0], objects=square_city.objects.iloc[:0], surfaces=square_city.surfaces.iloc[:0]
    )
    assert len(trees_mesh(bare, square_site["terrain_height"], ORIGIN)) == 0
    assert len(buildings_mesh(bare, ORIGIN)) == 0
