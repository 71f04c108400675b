"""Validity against the invalid and valid models of val3dity: each file gets the code in its name, valid ones none."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from twin.city.citygml import read_citygml
from twin.city.cityjson import read_cityjson
from twin.city.model import City, Polygons
from twin.city.validity import Validity, validate
from twin.city.validity.checking import hang

Face = list[np.ndarray]  # rings, the outer one first


def poly_faces(path: Path) -> list[Face]:
    """Read the faces of a TetGen-like .poly file: points by number, then rings and hole points of each face."""
    lines = [line.split() for line in path.read_text().splitlines() if line.split()]
    count = int(lines[0][0])
    points = {int(words[0]): [float(w) for w in words[1:4]] for words in lines[1 : count + 1]}
    at, faces = count + 2, []
    while len(lines[at]) > 1:  # 307_1.poly counts six faces and lists seven
        rings, holes = int(lines[at][0]), int(lines[at][1]) if len(lines[at]) > 1 else 0
        faces.append([np.array([points[int(w)] for w in line[1:]]) for line in lines[at + 1 : at + 1 + rings]])
        at += 1 + rings + holes
    return faces


def off_faces(path: Path) -> list[Face]:
    lines = [line.split() for line in path.read_text().splitlines()[1:] if line.split()]
    points = np.array(lines[1 : 1 + int(lines[0][0])], dtype=float)
    return [
        [points[[int(w) for w in line[1:]]]] for line in lines[1 + len(points) : 1 + len(points) + int(lines[0][1])]
    ]


def obj_objects(path: Path) -> list[list[Face]]:
    points: list[list[float]] = []
    objects: list[list[Face]] = [[]]
    for words in (line.split() for line in path.read_text().splitlines() if line.split()):
        if words[0] == "v":
            points.append([float(w) for w in words[1:4]])
        elif words[0] == "o":
            objects.append([])
        elif words[0] == "f":
            objects[-1].append([np.array([points[int(w.split("/")[0]) - 1] for w in words[1:]])])
    return [faces for faces in objects if faces]


def city_of(solids: list[list[list[Face]]], body: str = "Solid") -> City:
    """Return a city of one object with solids, each a list of shells, each a list of faces."""
    faces = [(s, n, face) for s, shells in enumerate(solids) for n, shell in enumerate(shells) for face in shell]
    rings = [ring for _, _, face in faces for ring in face]
    polygons = Polygons(
        np.concatenate(rings),
        np.cumsum([0, *map(len, rings)]).astype(np.int64),
        np.cumsum([0, *(len(face) for _, _, face in faces)]).astype(np.int64),
    )
    surfaces = pd.DataFrame({"object": 0, "lod": 2, "body": body, "geometry": 0}, index=range(len(faces)))
    shells = pd.DataFrame(
        {
            "object": 0, "lod": 2, "solid": [s for s, _, _ in faces], "shell": [n for _, n, _ in faces],
            "polygon": range(len(faces)), "reversed": False,
        }
    )  # fmt: skip
    if body.endswith("Surface"):
        shells = shells.iloc[:0]
    objects = gpd.GeoDataFrame({"id": ["one"], "kind": ["Building"], "parent": [-1]}, geometry=[None])
    return City(crs=None, objects=objects, surfaces=surfaces, polygons=polygons, shells=shells)


def city_of_file(path: Path, *cavities: Path, body: str = "Solid") -> City:
    if path.suffix == ".obj":
        return city_of([[faces] for faces in obj_objects(path)], body)
    read = {".poly": poly_faces, ".off": off_faces}[path.suffix]
    return city_of([[read(p) for p in (path, *cavities)]], body)


def codes_of(city: City, **tolerances: float) -> list[int]:
    return sorted(set(validate(city, **tolerances)["code"].tolist()))


@pytest.fixture(scope="session")
def models(shared: Path) -> Path:
    return shared / "data" / "citymodel-invalid"


ALONE = [
    "101",
    "102",
    "104",
    "104_1",
    "104_2",
    "104_3",
    "104_4",
    "201",
    "201_1",
    "202",
    "203",
    "203_1",
    "203_2",
    "204_1",
    "205",
    "206",
    "206_1",
    "207",
    "207_1",
    "208",
    "301",
    "301_1",
    "302",
    "302_1",
    "303",
    "303_1",
    "303_2",
    "303_cs",
    "304_1",
    "305",
    "305_1",
    "306",
    "306_1",
    "307",
    "307_1",
    "405",
]
CAVITIES = ["401", "401_1", "401_2 inner_shell", "401_3 inner_shell", "401_4", "401_5", "401_6",
            "402_in_1 inner_shell", "403", "404"]  # fmt: skip
VALID_CAVITIES = ["inner_shell", "inner_shell_1", "inner_shell_2 inner_shell", "inner_shell_3 inner_shell",
                  "inner_shell_4 inner_shell"]  # fmt: skip


@pytest.mark.reference
@pytest.mark.parametrize("name", ALONE)
def test_a_file_gets_exactly_the_code_in_its_name(models: Path, name: str):
    city = city_of_file(models / "test_geometry_generic" / f"{name}.poly")
    assert codes_of(city) == [int(name[:3])]


@pytest.mark.reference
@pytest.mark.parametrize("names", CAVITIES)
def test_cavities_of_a_cube_get_the_code_in_their_name(models: Path, names: str):
    cavities = [models / "test_geometry_generic" / f"{name}.poly" for name in names.split()]
    assert codes_of(city_of_file(models / "test_valid" / "basecube.poly", *cavities)) == [int(names[:3])]


@pytest.mark.reference
@pytest.mark.parametrize("names", VALID_CAVITIES)
def test_valid_cavities_of_a_cube_have_no_findings(models: Path, names: str):
    cavities = [models / "test_valid" / f"{name}.poly" for name in names.split()]
    assert codes_of(city_of_file(models / "test_valid" / "basecube.poly", *cavities)) == []


@pytest.mark.reference
@pytest.mark.parametrize(
    "name",
    ["test_valid/basecube.obj", "test_valid/basecube.off", "test_valid/basecube.poly",
     "test_valid/basecube_large_coords.poly", "test_valid/closed_top.poly", "test_valid/nearly-collinear.off",
     "test_valid/self_fold.obj", "test_valid/v405.off", "test_geometry_generic/204_valid_1.poly",
     "test_geometry_generic/204_valid_2.poly", "test_duplicates/cube_tol_1.obj", "test_duplicates/cube_tol_1.off"],
)  # fmt: skip
def test_valid_solids_have_no_findings(models: Path, name: str):
    assert codes_of(city_of_file(models / name)) == []


@pytest.mark.reference
@pytest.mark.parametrize("name", ["planar.off", "v104_1.off", "v104_2.off"])
def test_valid_surfaces_have_no_findings(models: Path, name: str):
    """Files of a single polygon: valid as a surface, too few polygons for a solid."""
    assert codes_of(city_of_file(models / "test_valid" / name, body="MultiSurface")) == []
    assert codes_of(city_of_file(models / "test_valid" / name)) == [301]


@pytest.mark.reference
@pytest.mark.parametrize("name", ["cube_tol_1.obj", "cube_tol_1.off"])
def test_the_snap_distance_decides_whether_a_cube_is_closed(models: Path, name: str):
    city = city_of_file(models / "test_duplicates" / name)
    assert codes_of(city, snap=0.1) == codes_of(city, snap=0.01) == []
    assert codes_of(city, snap=1e-5) == codes_of(city, snap=0.0) == [302]


@pytest.mark.reference
def test_files_whose_name_and_content_differ(models: Path):
    """Where a file gets another code than its name says, and why."""
    generic = models / "test_geometry_generic"
    # 304_2.obj: a tetrahedron touches a notched cube in three points, no edge has more than two polygons;
    # val3dity's own tests expect 303 of it as well.
    assert codes_of(city_of_file(generic / "304_2.obj")) == [303]
    # 207_2.poly: the inner rings are a polygon of their own with a hole that turns the same way.
    assert codes_of(city_of_file(generic / "207_2.poly")) == [208]
    # 303_cs.poly is meant as a composite surface: open, and not manifold in a point.
    assert codes_of(city_of_file(generic / "303_cs.poly", body="CompositeSurface")) == [303]
    assert codes_of(city_of_file(generic / "302.poly", body="CompositeSurface")) == []
    # two_objects: the top of the second cube is written "5 6 7 7", a repeated point and a hole.
    for name in ("two_objects_1.obj", "two_objects_2.obj"):
        table = validate(city_of_file(models / "test_valid" / name))
        assert sorted(table["code"]) == [102, 302]
        assert set(table["solid"]) <= {-1, 1}


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("test_geometry_specific/501.json", [501]),
        ("test_geometry_specific/501_1.json", [501]),
        ("test_geometry_specific/502.json", [502]),
        ("test_geometry_specific/503.json", [503]),
        ("test_geometry_specific/601.json", [601]),
        ("test_valid/composite_solid.json", []),
        ("test_valid/multi_solid.json", []),
        ("test_cityjson/cube_v10.city.json", []),
        ("test_cityjson/cube_v11.city.json", []),
        ("test_cityjson/geomtemplate_1.json", []),
        ("test_cityjson/geomtemplate_2.json", [203]),
        ("test_cityjson/several_lods_valid.json", []),
        ("test_cityjson/several_lods_invalid.json", [601]),
        ("test_cityjson/torus.city.json", []),
        ("test_duplicates/cube_tol_1.json", []),
        ("test_cjseq/denhaag_random_5.city.jsonl", [203, 601]),
    ],
)
def test_cityjson_files_get_the_codes_of_val3dity(models: Path, name: str, codes: list[int]):
    assert codes_of(read_cityjson(models / name)) == codes


@pytest.mark.reference
def test_parts_that_overlap_by_millimetres_are_a_matter_of_the_tolerance(models: Path):
    """601_1.json: six parts, the deepest overlap between 1 and 5 mm."""
    city = read_cityjson(models / "test_geometry_specific" / "601_1.json")
    assert codes_of(city, overlap=0.0) == codes_of(city, overlap=0.001) == [601]
    assert codes_of(city, overlap=0.005) == []


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "codes"),
    [("test_geometry_generic/302_2.gml", [302]), ("dh_1.gml", [203, 601]), ("DenHaag_1BwBP.gml", [])],
)
def test_citygml_files(models: Path, name: str, codes: list[int]):
    assert codes_of(read_citygml(models / name)) == codes


@pytest.mark.reference
def test_a_tile_of_the_state_survey(shared: Path):
    """Counts of an independent rough check: 31 rings touch themselves, 7 polygons over 1 cm off their plane, one ring
    with fewer than three points, 5 with repeated points (of which one is the ring with too few), 20 of 45 shells closed.
    """
    city = read_citygml(shared / "data" / "nrw-adv-lod2" / "in_old.gml")
    checked = Validity.of(city)
    counts = checked.findings["code"].value_counts().to_dict()
    # One of the 31 lies off its plane, where a projection tells nothing of its ring: it is told once, by 203.
    assert {code: counts[code] for code in (101, 102, 104, 203)} == {101: 1, 102: 4, 104: 30, 203: 7}
    assert validate(city, planarity=0.05)["code"].tolist().count(104) == 31
    assert checked.checked["shells"] == 45
    assert checked.checked["shells_left_out"] == 13
    _, anyway = hang(city.polygons, checked.shells, np.zeros(len(city.polygons), dtype=bool), snap=0.001)
    assert int(anyway.fine.sum()) == 20


@pytest.mark.reference
@pytest.mark.parametrize(("tile", "closed", "shells"), [("3910_5817", 159, 180), ("3900_5820", 72, 75)])
def test_boundary_surfaces_of_berlin_are_closed_as_often_as_counted(shared: Path, tile: str, closed: int, shells: int):
    """An independent count of watertight buildings and parts: 159 of 180."""
    checked = Validity.of(read_citygml(shared / "data" / "berlin-lod2" / f"{tile}.gml"), surfaces_as_shells=True)
    assert checked.checked["shells"] == shells
    counts = checked.findings["code"].value_counts()
    assert shells - int(counts.get(302, 0)) - int(counts.get(303, 0)) - int(counts.get(304, 0)) == closed
    off = checked.findings.loc[checked.findings["code"] == 203, "value"]
    assert len(off) == 6
