"""Validity on made solids: valid ones have no findings, each slip is found, nothing depends on place or turn."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.model import City, Polygons
from twin.city.validity import Validity, codes, messages, summary, validate
from twin.errors import InputError
from twin.language import LANGUAGES, text


def solids_city(*solids: list[np.ndarray], closed: bool = True) -> City:
    """Return a city of one building part for each solid, each a list of faces without holes."""
    faces = [(s, face) for s, solid in enumerate(solids) for face in solid]
    count = len(faces)
    owner = np.array([s for s, _ in faces]) + 1
    polygons = Polygons(
        np.concatenate([face for _, face in faces]).astype(float),
        np.cumsum([0, *(len(face) for _, face in faces)]).astype(np.int64),
        np.arange(count + 1),
    )
    objects = gpd.GeoDataFrame(
        {
            "id": ["house", *(f"part{s}" for s in range(len(solids)))],
            "kind": ["Building", *["BuildingPart"] * len(solids)],
            "parent": [-1, *[0] * len(solids)],
        },
        geometry=[None] * (len(solids) + 1),
        crs="EPSG:25832",
    )
    shells = {"object": owner, "lod": 2, "solid": owner, "shell": 0, "polygon": np.arange(count), "reversed": False}
    surfaces = pd.DataFrame({"object": owner, "lod": 2, "kind": "WallSurface", "closed": closed})
    return City(
        crs=objects.crs, objects=objects, surfaces=surfaces, polygons=polygons, shells=pd.DataFrame(shells)
    )  # fmt: skip


def prism(corners: int, radius: float, height: float, rise: float = 0.0) -> list[np.ndarray]:
    """Return the faces of a prism, all facing out; its roof may rise towards +x (still a plane)."""
    angle = np.arange(corners) * 2.0 * np.pi / corners
    ground = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(corners)])
    roof = ground + np.array([0.0, 0.0, height])
    roof[:, 2] += rise * ground[:, 0] / radius
    walls = [
        np.array([ground[i], ground[j], roof[j], roof[i]])
        for i, j in zip(range(corners), [*range(1, corners), 0], strict=True)
    ]
    return [ground[::-1], roof, *walls]


def moved(solid: list[np.ndarray], angle: float, tilt: float, shift: np.ndarray) -> list[np.ndarray]:
    c, s, d, t = np.cos(angle), np.sin(angle), np.cos(tilt), np.sin(tilt)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, d, -t], [0, t, d]])
    return [face @ turn.T + shift for face in solid]


def found(city: City, **options: float) -> list[int]:
    return validate(city, **options)["code"].tolist()


solids = st.builds(
    lambda corners, radius, height, angle, tilt, east, north: moved(
        prism(corners, radius, height, 0.3 * height), angle, tilt, np.array([east, north, 80.0])
    ),
    st.integers(3, 9),
    st.floats(2.0, 60.0),
    st.floats(2.0, 80.0),
    st.floats(0.0, 6.28),
    st.floats(-0.5, 0.5),
    st.floats(280_000.0, 920_000.0),
    st.floats(5_200_000.0, 6_100_000.0),
)


@settings(max_examples=60, deadline=None)
@given(solids)
def test_a_moved_and_turned_prism_has_no_findings(solid):
    assert found(solids_city(solid)) == []


@settings(max_examples=40, deadline=None)
@given(solids, st.integers(0, 100))
def test_a_missing_face_is_an_open_shell(solid, which):
    left = [face for i, face in enumerate(solid) if i != which % len(solid)]
    table = validate(solids_city(left))
    missing = solid[which % len(solid)]
    around = np.linalg.norm(missing - np.roll(missing, 1, axis=0), axis=1).sum()
    expected = [301] if len(left) < 4 else [302]
    assert table["code"].tolist() == expected
    if expected == [302]:
        assert table["value"].iloc[0] == pytest.approx(around, abs=1e-5)
        assert table["other"].iloc[0] == len(missing)


@settings(max_examples=40, deadline=None)
@given(solids, st.integers(0, 100))
def test_a_turned_face_is_named(solid, which):
    face = which % len(solid)
    solid[face] = solid[face][::-1]
    table = validate(solids_city(solid))
    assert table[["code", "polygon"]].values.tolist() == [[307, face]]


@settings(max_examples=20, deadline=None)
@given(solids)
def test_a_solid_inside_out_is_one_finding(solid):
    assert found(solids_city([face[::-1] for face in solid])) == [405]


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 9), st.floats(8.0, 60.0), st.floats(0.0, 6.28), st.floats(0.05, 0.5), st.integers(0, 100))
def test_a_point_off_its_plane_is_found_with_its_distance(corners, radius, angle, distance, which):
    solid = moved(prism(corners, radius, 12.0, 1.0), angle, 0.1, np.array([455_000.0, 5_411_000.0, 210.0]))
    roof = solid[1]
    normal = np.cross(roof[1] - roof[0], roof[2] - roof[0])
    old = roof[which % corners].copy()
    lifted = old + distance * normal / np.linalg.norm(normal)
    for face in solid:
        face[np.linalg.norm(face - old, axis=1) < 1e-9] = lifted
    table = validate(solids_city(solid))
    assert set(table["code"]) == {203}
    off = table[table["polygon"] == 1].iloc[0]
    assert distance / corners < off["value"] < distance
    assert found(solids_city(solid), planarity=0.6, normals=90.0) == []


@settings(max_examples=40, deadline=None)
@given(solids, st.floats(0.0, 0.0009), st.integers(0, 100), st.integers(0, 100))
def test_a_repeated_point_is_found_in_its_place(solid, away, which, where):
    i = which % len(solid)
    j = where % len(solid[i])
    again = solid[i][j] + away * np.array([0.6, 0.0, 0.8])
    solid[i] = np.insert(solid[i], j + 1, again, axis=0)
    table = validate(solids_city(solid), normals=90.0)
    assert table[["code", "polygon", "ring"]].values.tolist() == [[102, i, 0]]
    place = table.geometry.iloc[0]
    assert np.linalg.norm(np.array(place.coords[0]) - solid[i][j]) <= 0.001


def test_a_ring_that_repeats_its_beginning_is_102_and_an_open_one_103():
    solid = prism(6, 10.0, 8.0)
    solid[1] = np.vstack([solid[1], solid[1][0] + 0.0005])
    assert found(solids_city(solid)) == [102]
    assert set(found(solids_city(prism(6, 10.0, 8.0), closed=False))) == {103}
    assert len(found(solids_city(prism(6, 10.0, 8.0), closed=False))) == 8
    # a ring whose last point is within the snap distance of its first does close
    ends = [np.vstack([face, face[0] + 0.0005]) for face in prism(6, 10.0, 8.0)]
    assert found(solids_city(ends, closed=False)) == []


def test_a_bow_tie_a_spike_and_a_touch_are_104():
    square = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]])
    bow_tie = square[[0, 2, 1, 3]]
    spike = np.array([[0.0, 0, 0], [10, 0, 0], [14, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]])
    touch = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [5, 0, 0], [0, 10, 0]])
    again = np.array([[0.0, 0, 0], [5, 5, 0], [10, 0, 0], [10, 10, 0], [5, 5, 0], [0, 10, 0]])
    line = np.array([[0.0, 0, 0], [5, 0, 0], [10, 0, 0]])
    city = solids_city([square, bow_tie, spike, touch, again, line]).replace(shells=City(crs=None).shells)
    table = validate(city)
    assert table[["code", "polygon"]].values.tolist() == [[104, i] for i in range(1, 6)]


@pytest.mark.parametrize("corners", [10, 41, 200, 3000])
def test_long_rings_are_swept_as_short_ones_are_compared(corners):
    angle = np.arange(corners) * 2 * np.pi / corners
    star = np.column_stack([np.cos(angle), np.sin(angle)]) * np.where(np.arange(corners) % 2, 50.0, 30.0)[:, None]
    ring = np.column_stack([star + np.array([400_000, 5_700_000]), 2.0 + 0.1 * star[:, 0]])
    none = City(crs=None).shells
    assert found(solids_city([ring]).replace(shells=none)) == []
    centre = np.array([400_000.0, 5_700_000.0, 2.0])
    ring[corners // 2] = centre - 1.5 * (ring[corners // 2] - centre)  # crosses the other side
    assert found(solids_city([ring]).replace(shells=none)) == [104]


def test_parts_that_share_a_wall_do_not_overlap_and_parts_that_do_are_measured():
    wall = solids_city(box(0, 10), box(10, 25))
    deep = solids_city(box(0, 10), box(9, 25), box(40, 50))
    shallow = solids_city(box(0, 10), box(9.995, 25))
    inner = solids_city(box(0, 10), [0.5 * face + 2.0 for face in box(0, 10)])
    twice = solids_city(box(0, 10), box(0, 10))
    assert found(wall) == found(shallow) == []
    assert found(shallow, overlap=0.0) == [601]
    table = validate(deep)
    assert table["code"].tolist() == [601]
    assert table["value"].iloc[0] == pytest.approx(1.0 * 8 * 6)
    assert "part0 overlaps part1" in messages(deep, table, "en")[0]
    assert table.geometry.iloc[0].x == pytest.approx(9.5, abs=0.5)
    assert validate(inner)["value"].tolist() == pytest.approx([5.0 * 4 * 3])
    assert validate(twice)["value"].tolist() == pytest.approx([10.0 * 8 * 6])


def box(west: float, east: float, north: float = 8.0, height: float = 6.0) -> list[np.ndarray]:
    low = np.array([[west, 0, 0], [east, 0, 0], [east, north, 0], [west, north, 0]], dtype=float)
    high = low + np.array([0, 0, height])
    sides = [np.array([low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]]) for i in range(4)]
    return [low[::-1], high, *sides]


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 6.28), st.floats(0.05, 6.0), st.floats(-0.4, 0.4))
def test_the_volume_of_an_overlap_does_not_depend_on_the_turn(angle, deep, tilt):
    shift = np.array([455_000.0, 5_411_000.0, 210.0])
    a, b = moved(box(0, 10), angle, tilt, shift), moved(box(10 - deep, 25), angle, tilt, shift)
    table = validate(solids_city(a, b))
    assert table["code"].tolist() == [601]
    assert table["value"].iloc[0] == pytest.approx(deep * 8 * 6, rel=0.02)


def test_unshared_corners_and_edges_are_told_apart():
    corner = [*box(0, 10), *(face + np.array([10, 8, 6]) for face in box(0, 10))]
    edge = [*box(0, 10), *(face + np.array([10, 8, 0]) for face in box(0, 10))]
    apart = [*box(0, 10), *(face + np.array([30, 8, 0]) for face in box(0, 10))]
    assert [found(solids_city(solid)) for solid in (corner, edge, apart)] == [[303], [304], [305]]


def test_tolerances_are_checked_and_every_code_has_its_texts():
    with pytest.raises(InputError, match="planarity must be a number of metres"):
        validate(City(crs=None), planarity=-1.0)
    with pytest.raises(InputError, match="normals must be a number of degrees"):
        validate(City(crs=None), normals=float("nan"))
    named = {"object": "a", "polygon": "p", "ring": 0, "solid": 1, "shell": 0, "other": 2, "value": 0.5}
    for number, code in codes().items():
        sentences = {text(f"city.validity_{number}", language, **named) for language in LANGUAGES}
        assert len(sentences) == len(code.meaning) == 2
        assert all("{" not in sentence for sentence in sentences)


def test_summary_counts_by_code_and_the_table_is_a_map():
    solid = prism(6, 10.0, 8.0)
    solid[2] = solid[2][::-1]
    solid[1] = np.insert(solid[1], 1, solid[1][0], axis=0)
    city = solids_city(solid)
    checked = Validity.of(city)
    counts = summary(checked.findings, "de")
    assert counts[["code", "count", "objects"]].values.tolist() == [[102, 1, 1], [307, 1, 1]]
    assert counts["mended"].all()
    assert checked.checked == {"rings": 8, "polygons": 8, "shells": 1, "shells_left_out": 0, "solids": 1}
    assert checked.topology.volume[0] == pytest.approx(0.5 * 6 * np.sin(np.pi / 3) * 100 * 8)
    assert checked.findings.crs == city.crs
    assert checked.findings.geometry.has_z.all()
    assert city.validate().equals(checked.findings)


def test_points_without_place_are_told_and_do_not_stop_the_rest():
    solid = prism(5, 4.0, 3.0)
    solid[3][1, 2] = np.nan
    city = solids_city(solid, [np.empty((0, 3)), *prism(5, 4.0, 3.0)[1:]])
    assert set(found(city)) == {999, 902}
    assert validate(city).geometry.isna().all()


def test_solids_of_cities_put_together_are_kept_apart():
    """Two cities each count their solids from 0; put together, solid 0 of one is not solid 0 of the other."""
    city = solids_city(box(0, 10), box(30, 40))
    assert found(city.replace(shells=city.shells.assign(solid=0))) == []
