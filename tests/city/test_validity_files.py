"""Validity against the invalid and valid models of val3dity: each file gets the code in its name, valid ones none."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from twin.city.cityjson import read_cityjson  # noqa: F401
from twin.city.citygml import read_citygml  # noqa: F401
from twin.city.model import City, Polygons
from twin.city.validity import validate

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


ALONE = ["101", "102", "104", "104_1", "104_2", "104_3", "104_4", "201", "201_1", "202", "203", "203_1", "203_2", "204_1", "205", "206", "206_1", "207", "207_1", "208", "301", "301_1", "302", "302_1", "303", "303_1", "303_2", "303_cs", "304_1", "305", "305_1", "306", "306_1", "307", "307_1", "405"]


@pytest.mark.reference
@pytest.mark.parametrize("name", ALONE)
def test_a_file_gets_exactly_the_code_in_its_name(models, name):
    city = city_of_file(models / "test_geometry_generic" / f"{name}.poly")
    assert codes_of(city) == [int(name[:3])]
