"""Composite solids of CityGML: membership by place and by reference, and the findings 501 to 503 that need it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.city.citygml import read_citygml
from twin.city.citygml.events import parse
from twin.city.citygml.scanning import scan_document
from twin.city.cityjson import read_cityjson
from twin.city.cityjson.writing import write_cityjson
from twin.city.validity import validate
from twin.city.writers.citygml3 import write_citygml

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><CityModel xmlns="http://www.opengis.net/citygml/2.0" '
    'xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:gml="http://www.opengis.net/gml" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><gml:boundedBy><gml:Envelope srsName="EPSG:25832" srsDimension="3">'
    "<gml:lowerCorner>400000 5700000 0</gml:lowerCorner><gml:upperCorner>400100 5700100 100</gml:upperCorner>"
    "</gml:Envelope></gml:boundedBy>"
)
SIDES = ([3, 2, 1, 0], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7])


def cube(name: str, x: float, size: float = 10.0) -> str:
    corners = np.array(
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]]
    ) * size + (400000 + x, 5700000, 0)
    faces = ""
    for side in SIDES:
        ring = " ".join(f"{v:.3f}" for i in (*side, side[0]) for v in corners[i])
        faces += (
            "<gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>"
            f"{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>"
        )
    shell = f"<gml:exterior><gml:CompositeSurface>{faces}</gml:CompositeSurface></gml:exterior>"
    return f'<gml:Solid gml:id="{name}">{shell}</gml:Solid>'


def building(name: str, *solids: str, together: str = "CompositeSolid") -> str:
    members = "".join(
        f"<gml:solidMember>{s}</gml:solidMember>" if not s.startswith("<gml:solidMember") else s for s in solids
    )
    body = f"<gml:{together}>{members}</gml:{together}>"
    return (
        f'<cityObjectMember><bldg:Building gml:id="{name}"><bldg:lod2Solid>{body}</bldg:lod2Solid></bldg:Building>'
        "</cityObjectMember>"
    )


def written(tmp_path: Path, *buildings: str) -> Path:
    path = tmp_path / "stadt.gml"
    path.write_text(f"{HEAD}{''.join(buildings)}</CityModel>")
    return path


@pytest.mark.parametrize(
    ("offset", "together", "codes"),
    [
        (10.0, "CompositeSolid", set()),
        (5.0, "CompositeSolid", {501}),
        (0.0, "CompositeSolid", {502}),
        (30.0, "CompositeSolid", {503}),
        (30.0, "MultiSolid", set()),
    ],
)
def test_solids_of_a_composite_solid_must_fit(tmp_path: Path, offset: float, together: str, codes: set[int]) -> None:
    city = read_citygml(written(tmp_path, building("b", cube("s1", 0.0), cube("s2", offset), together=together)))
    assert set(city.shells["composite"]) == ({0} if together == "CompositeSolid" else {-1})
    assert set(validate(city)["code"]) == codes


def test_members_by_reference_composites_in_composites_and_their_end(tmp_path: Path) -> None:
    inner = f"<gml:CompositeSolid><gml:solidMember>{cube('b2', 50.0)}</gml:solidMember></gml:CompositeSolid>"
    path = written(
        tmp_path,
        building("one", cube("a1", 0.0), '<gml:solidMember xlink:href="#c1"/>'),
        building("two", cube("b1", 40.0), inner, cube("b3", 60.0)),
        building("three", cube("c1", 10.0), cube("c2", 90.0), together="MultiSolid"),
    )
    city = read_citygml(path)
    composite = city.shells.groupby("solid")["composite"].first().tolist()
    assert composite == [0, 1, 1, 1, 0, -1]
    assert validate(city)["code"].tolist() == []
    data = path.read_bytes()
    compiled = scan_document([data], "stadt.gml")
    assert compiled is not None
    events = parse([data], "stadt.gml")
    np.testing.assert_array_equal(compiled.solids, events.solids)
    np.testing.assert_array_equal(compiled.composites, events.composites)


def test_files_read_together_keep_their_composites_apart(tmp_path: Path) -> None:
    for name in ("links", "rechts"):
        written(tmp_path, building(name, cube(f"{name}1", 0.0), cube(f"{name}2", 10.0))).rename(
            tmp_path / f"{name}.gml"
        )
    city = read_citygml([tmp_path / "links.gml", tmp_path / "rechts.gml"])
    assert city.shells.groupby("solid")["composite"].first().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("form", ["json", "gml"])
def test_a_composite_solid_is_written_as_one(tmp_path: Path, form: str) -> None:
    city = read_citygml(written(tmp_path, building("b", cube("s1", 0.0), cube("s2", 30.0))))
    if form == "json":
        again = read_cityjson(write_cityjson(city, tmp_path / "b.city.json"))
        assert set(again.surfaces["body"]) == {"CompositeSolid"}
    else:
        again = read_citygml(write_citygml(city, tmp_path / "b.gml"))
    assert set(again.shells["composite"]) == {0}
    assert set(validate(again)["code"]) == {503}


@pytest.mark.reference
@pytest.mark.parametrize("name", ["501", "501_1", "502", "503"])
def test_files_of_the_validator_keep_their_code_through_citygml(shared: Path, tmp_path: Path, name: str) -> None:
    folder = shared / "data" / "citymodel-invalid" / "test_geometry_specific"
    city = read_cityjson(folder / f"{name}.json")
    assert int(name[:3]) in set(validate(city)["code"])
    again = read_citygml(write_citygml(city, tmp_path / "stadt.gml"))
    assert int(name[:3]) in set(validate(again)["code"])
