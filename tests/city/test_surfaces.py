"""Normals, areas, tilts and azimuths, and footprints."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from twin.city.footprints import footprints
from twin.city.model import Polygons
from twin.city.surfaces import planes


def made_polygons(*polygons: list[list[list[float]]]) -> Polygons:
    rings = [np.array(ring, dtype=float) for polygon in polygons for ring in polygon]
    return Polygons(
        np.concatenate(rings),
        np.concatenate(([0], np.cumsum([len(ring) for ring in rings]))),
        np.concatenate(([0], np.cumsum([len(polygon) for polygon in polygons]))),
    )


SQUARE = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 4.0, 0.0], [0.0, 4.0, 0.0]]
HOLE = [[1.0, 1.0, 0.0], [1.0, 2.0, 0.0], [2.0, 2.0, 0.0], [2.0, 1.0, 0.0]]


def lifted(ring: list[list[float]], z: float) -> list[list[float]]:
    return [[x, y, z] for x, y, _ in ring]


def test_hole_is_taken_off_whichever_way_it_turns() -> None:
    plane = planes(made_polygons([SQUARE, HOLE], [SQUARE, HOLE[::-1]]))
    assert plane["area"].tolist() == [15.0, 15.0]
    assert plane["normal_z"].tolist() == [1.0, 1.0]


def test_roof_of_forty_five_degrees_to_the_south() -> None:
    roof = [[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [5.0, 3.0, 3.0], [0.0, 3.0, 3.0]]
    plane = planes(made_polygons([roof]))
    assert plane["tilt"][0] == pytest.approx(45.0)
    assert plane["azimuth"][0] == pytest.approx(180.0)
    assert plane["area"][0] == pytest.approx(5.0 * 3.0 * np.sqrt(2.0))


def test_level_surfaces_have_no_azimuth_and_degenerate_ones_no_normal() -> None:
    plane = planes(made_polygons([SQUARE], [SQUARE[::-1]], [[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]))
    assert plane["tilt"][:2].tolist() == [0.0, 180.0]
    assert np.isnan(plane["azimuth"]).all()
    assert np.isnan(plane["normal_z"][2])
    assert plane["area"][2] == 0.0


@given(
    turn=st.floats(0.0, 2.0 * np.pi),
    lean=st.floats(0.05, np.pi - 0.05),
    size=st.floats(0.5, 50.0),
    east=st.floats(200_000.0, 33_500_000.0),
    north=st.floats(0.0, 6_000_000.0),
)
def test_any_plane_far_from_the_origin(turn: float, lean: float, size: float, east: float, north: float) -> None:
    normal = np.array([np.sin(lean) * np.sin(turn), np.sin(lean) * np.cos(turn), np.cos(lean)])
    first = np.cross(normal, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    corners = size * np.array([-first - second, first - second, first + second, -first + second])
    plane = planes(made_polygons([(corners + np.array([east, north, 100.0])).tolist()]))
    assert plane["area"][0] == pytest.approx(4.0 * size**2, rel=1e-6)
    assert plane["tilt"][0] == pytest.approx(np.degrees(lean), abs=1e-4)
    assert abs((plane["azimuth"][0] - np.degrees(turn) + 180.0) % 360.0 - 180.0) < 1e-3


def outlines(polygons: Polygons, kinds: list[str], lods: list[int], owner: list[int], objects: list[tuple[str, int]]):
    return footprints(
        polygons,
        surface_object=np.array(owner),
        surface_kind=np.array(kinds, dtype=object),
        surface_lod=np.array(lods, dtype=np.int8),
        normal_z=planes(polygons)["normal_z"],
        object_kind=np.array([kind for kind, _ in objects], dtype=object),
        object_parent=np.array([parent for _, parent in objects]),
    )


def test_ground_surface_wins_over_roof_with_overhang() -> None:
    wide = [[-1.0, -1.0, 9.0], [5.0, -1.0, 9.0], [5.0, 5.0, 9.0], [-1.0, 5.0, 9.0]]
    polygons = made_polygons([wide], [SQUARE[::-1]])
    shape = outlines(polygons, ["RoofSurface", "GroundSurface"], [2, 2], [0, 0], [("Building", -1)])[0]
    assert shape.area == 16.0


def test_building_is_the_union_of_its_parts() -> None:
    east = [[x + 4.0, y, z] for x, y, z in SQUARE]
    polygons = made_polygons([SQUARE], [east])
    objects = [("Building", -1), ("BuildingPart", 0), ("BuildingPart", 0)]
    shapes = outlines(polygons, ["GroundSurface"] * 2, [2, 2], [1, 2], objects)
    assert [shape.area for shape in shapes] == [32.0, 16.0, 16.0]
    assert shapes[0].geom_type == "Polygon"


def test_court_stays_open() -> None:
    shape = outlines(made_polygons([SQUARE, HOLE]), ["GroundSurface"], [2], [0], [("Building", -1)])[0]
    assert shape.area == 15.0


def test_box_without_semantics_uses_the_face_that_looks_down() -> None:
    wall = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 0.0, 3.0], [0.0, 0.0, 3.0]]
    polygons = made_polygons([SQUARE[::-1]], [lifted(SQUARE, 3.0)], [wall])
    shape = outlines(polygons, ["", "", ""], [1, 1, 1], [0, 0, 0], [("Building", -1)])[0]
    assert shape.area == 16.0


def test_walls_alone_give_their_hull() -> None:
    south = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 0.0, 3.0], [0.0, 0.0, 3.0]]
    east = [[4.0, 0.0, 0.0], [4.0, 4.0, 0.0], [4.0, 4.0, 3.0], [4.0, 0.0, 3.0]]
    shape = outlines(made_polygons([south], [east]), ["WallSurface"] * 2, [2, 2], [0, 0], [("Building", -1)])[0]
    assert shape.area == 8.0


def test_spikes_and_short_rings_do_no_harm() -> None:
    spike = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [9.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 4.0, 0.0], [0.0, 4.0, 0.0]]
    two = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    shapes = outlines(
        made_polygons([spike], [two]), ["GroundSurface"] * 2, [2, 2], [0, 1], [("Building", -1), ("Building", -1)]
    )
    assert shapes[0].area == 16.0
    assert shapely.is_valid(shapes[0])
    assert shapes[1] is None


def test_nothing_in_nothing_out() -> None:
    shapes = outlines(Polygons.empty(), [], [], [], [("Building", -1)])
    assert shapes.tolist() == [None]
    assert planes(Polygons.empty())["area"].shape == (0,)
