"""Repair: what it says it mends is gone from the findings, nothing else changes, and the city it began with stays."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.citygml import read_citygml
from twin.city.gaps import sentences
from twin.city.model import City, Polygons
from twin.city.repair import repair
from twin.city.surfaces import planes
from twin.city.validity import codes, summary, validate
from twin.errors import InputError

MENDED = {number for number, code in codes().items() if code.mended}


def boxes(count: int = 3) -> tuple[list[list[np.ndarray]], list[int]]:
    """Return the faces (lists of rings) of boxes in a row with a courtyard each, and the box of each face."""
    faces, owner = [], []
    for i in range(count):
        corner = np.array([600_000.0 + 40 * i, 5_750_000.0, 60.0])
        outer = corner + np.array([[0.0, 0, 0], [20, 0, 0], [20, 14, 0], [0, 14, 0]])
        inner = corner + np.array([[5.0, 5, 0], [15, 5, 0], [15, 9, 0], [5, 9, 0]])
        up = np.array([0.0, 0, 9.0])
        faces.append([outer[::-1], inner])
        faces.append([outer + up, inner[::-1] + up])
        for ring in (outer, inner[::-1]):
            faces += [[np.array([ring[k], ring[(k + 1) % 4], ring[(k + 1) % 4] + up, ring[k] + up])] for k in range(4)]
        owner += [i] * 10
    return faces, owner


def built(faces: list[list[np.ndarray]], owner: list[int], closed: np.ndarray | bool = True) -> City:
    rings = [ring for face in faces for ring in face]
    polygons = Polygons(
        np.concatenate(rings),
        np.cumsum([0, *map(len, rings)]).astype(np.int64),
        np.cumsum([0, *map(len, faces)]).astype(np.int64),
    )
    count = max(owner) + 1
    shapes = [shapely.box(40 * i, 0, 40 * i + 20, 14) for i in range(count)]
    objects = gpd.GeoDataFrame(
        {"id": [f"b{i}" for i in range(count)], "kind": "Building", "parent": -1, "source": "made.gml"},
        geometry=shapes,
        crs="EPSG:25832",
    )
    surfaces = pd.DataFrame({"object": owner, "lod": 2, "kind": "WallSurface", "closed": closed} | planes(polygons))
    shells = {"object": owner, "lod": 2, "solid": owner, "shell": 0, "polygon": range(len(owner)), "reversed": False}
    return City(crs=objects.crs, objects=objects, surfaces=surfaces, polygons=polygons, shells=pd.DataFrame(shells))


slips = st.lists(
    st.tuples(st.sampled_from(["point", "ring", "hole", "face", "solid"]), st.integers(0, 29), st.integers(0, 3)),
    max_size=8,
    unique_by=lambda slip: slip[:2],
)


@settings(max_examples=60, deadline=None)
@given(slips)
def test_every_mendable_slip_is_mended_and_nothing_else_changes(found):
    sound, owner = boxes()
    faces = [[ring.copy() for ring in face] for face in sound]
    closed = np.ones(len(faces), dtype=bool)
    for kind, face, corner in found:
        rings = faces[face]
        if kind == "point":
            rings[-1] = np.insert(rings[-1], corner, rings[-1][corner] + 0.0003, axis=0)
        elif kind == "ring":
            closed[face] = False
        elif kind == "hole" and len(rings) > 1:
            rings[1] = rings[1][::-1]
        elif kind == "face":
            faces[face] = [ring[::-1] for ring in rings]
        elif kind == "solid":
            for other in np.flatnonzero(np.array(owner) == owner[face]):
                faces[other] = [ring[::-1] for ring in faces[other]]
    city = built(faces, owner, closed)
    before = city.polygons.xyz.copy()
    mended = city.repair()
    assert validate(mended, normals=90.0).empty
    np.testing.assert_array_equal(city.polygons.xyz, before)
    assert city.surfaces["closed"].tolist() == closed.tolist()
    assert mended.objects is city.objects
    right = built(sound, owner)
    assert len(mended.polygons.xyz) == len(right.polygons.xyz)
    for name in ("normal_x", "normal_y", "normal_z"):
        np.testing.assert_allclose(mended.surfaces[name], right.surfaces[name], atol=2e-3)
    for p in range(len(faces)):
        area = mended.surfaces["area"][p] - right.surfaces["area"][p]
        length = sum(np.linalg.norm(r - np.roll(r, 1, axis=0), axis=1).sum() for r in sound[p])
        assert abs(area) <= 0.001 * length
    assert mended.repair() is mended


def test_each_mend_is_a_gap_row_that_reads_in_both_languages():
    faces, owner = boxes()
    closed = np.ones(30, dtype=bool)
    closed[2] = False
    faces[0][0] = np.insert(faces[0][0], 2, faces[0][0][1], axis=0)
    faces[1][1] = faces[1][1][::-1]
    faces[13] = [ring[::-1] for ring in faces[13]]
    for other in range(20, 30):
        faces[other] = [ring[::-1] for ring in faces[other]]
    city = built(faces, owner, closed)
    assert validate(city, normals=90.0)["code"].value_counts().to_dict() == {102: 1, 103: 1, 208: 1, 307: 1, 405: 1}
    told = city.repair().gaps
    assert dict(zip(told["code"], told["count"], strict=True)) == {
        "validity_points_removed": 1,
        "validity_rings_closed": 1,
        "validity_holes_turned": 1,
        "validity_shells_turned": 1,
        "validity_polygons_turned": 1,
    }
    assert told["places"].tolist() == [["b0"], ["b0"], ["b0"], ["b2"], ["b1"]]
    assert set(told["source"]) == {"made.gml"}
    for language in ("en", "de"):
        assert sentences(told, language)[["message", "remedy"]].notna().all(axis=None)


def test_a_sound_city_is_returned_as_it_is():
    city = built(*boxes())
    assert city.repair() is city
    assert repair(City(crs=None)).gaps.empty


def test_what_needs_a_judgement_stays():
    faces, owner = boxes(1)
    del faces[1], owner[1]
    faces[1] = [faces[1][0][[0, 2, 1, 3]]]
    faces[2][0][0] += np.array([0.0, 0.5, 0.0])
    city = built(faces, owner)
    assert city.repair() is city
    assert not set(validate(city)["code"]) & MENDED


def test_a_wall_two_solids_share_is_turned_by_its_use():
    """Two boxes share polygon 3: the first uses it as it is, the second must use it the other way round."""
    low = np.array([[0.0, 0, 0], [10, 0, 0], [10, 8, 0], [0, 8, 0]])
    wall = [low[1], low[2], low[2] + [0, 0, 6.0], low[1] + [0, 0, 6.0]]
    faces, owner = [], []
    for i, shift in enumerate((0.0, 10.0)):
        ground = low + np.array([shift, 0, 0])
        roof = ground + np.array([0, 0, 6.0])
        faces += [[ground[::-1]], [roof]]
        faces += [[np.array([ground[k], ground[(k + 1) % 4], roof[(k + 1) % 4], roof[k]])] for k in range(4)]
        owner += [i] * 6
    city = built(faces, owner)
    shared = city.shells.copy()
    own = int(np.flatnonzero([np.allclose(f[0], np.array(wall)) for f in faces])[0])
    other = 11  # the second box's west wall
    shared.loc[other, "polygon"] = own
    wrong = city.replace(shells=shared)
    assert set(validate(wrong)["code"]) == {307}
    mended = wrong.repair()
    assert mended.shells["reversed"].tolist() == [row == other for row in range(12)]
    assert not shared["reversed"].any()
    np.testing.assert_array_equal(mended.polygons.xyz, city.polygons.xyz)
    assert validate(mended).empty
    assert mended.gaps["code"].tolist() == ["validity_uses_turned"]


def test_boundary_surfaces_are_turned_only_when_asked_for():
    faces, owner = boxes(1)
    faces[1] = [ring[::-1] for ring in faces[1]]
    city = built(faces, owner)
    bare = city.replace(shells=city.shells.iloc[:0])
    assert bare.repair() is bare
    assert validate(bare.repair(surfaces_as_shells=True), surfaces_as_shells=True).empty


def test_snap_must_be_a_length():
    with pytest.raises(InputError, match="snap must be a number of metres"):
        repair(City(crs=None), snap=-0.1)


@pytest.mark.reference
@pytest.mark.parametrize(
    "tile", ["nrw-adv-lod2/in_old.gml", "berlin-lod2/3900_5820.gml", "citygml3/citygml3_roads_3wayintersection.gml"]
)
def test_real_tiles_lose_what_is_mended_and_no_area(shared: Path, tile: str):
    city = read_citygml(shared / "data" / tile)
    before = summary(validate(city)).set_index("code")["count"]
    mended = city.repair()
    after = summary(validate(mended)).set_index("code")["count"]
    assert not set(after.index) & MENDED
    kept = [code for code in before.index if code not in MENDED and code < 300]
    assert after[kept].to_dict() == before[kept].to_dict()
    assert mended.objects.geometry.area.sum() == city.objects.geometry.area.sum()
    np.testing.assert_allclose(mended.surfaces["area"], city.surfaces["area"], atol=0.05)
