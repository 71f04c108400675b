"""CityGML 1.0, 2.0 and 3.0 to columns: small documents with known content, and the real files' counts."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from twin.city.citygml import read_citygml
from twin.city.citygml.scanning import scan_document
from twin.city.crs import crs_label
from twin.city.gaps import sentences
from twin.city.model import City

SPACES = {
    "1.0": ("http://www.opengis.net/citygml/1.0", "http://www.opengis.net/citygml/building/1.0", "http://www.opengis.net/gml"),
    "2.0": ("http://www.opengis.net/citygml/2.0", "http://www.opengis.net/citygml/building/2.0", "http://www.opengis.net/gml"),
    "3.0": ("http://www.opengis.net/citygml/3.0", "http://www.opengis.net/citygml/building/3.0", "http://www.opengis.net/gml/3.2"),
}  # fmt: skip
CORNERS = {
    "ground": "0 0 0 0 8 0 10 8 0 10 0 0 0 0 0",
    "south": "0 0 0 10 0 0 10 0 5 0 0 5 0 0 0",
    "east": "10 0 0 10 8 0 10 8 5 10 0 5 10 0 0",
    "north": "10 8 0 0 8 0 0 8 5 10 8 5 10 8 0",
    "west": "0 8 0 0 0 0 0 0 5 0 8 5 0 8 0",
    "roof": "0 0 5 10 0 5 10 8 5 0 8 5 0 0 5",
}
THEMES = {"ground": "GroundSurface", "roof": "RoofSurface"}


@pytest.fixture(params=["expat", "compiled"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run every test with the reader for small files and with the one for large files."""
    if request.param == "compiled":
        monkeypatch.setattr("twin.city.citygml.tiles._COMPILED_PAYS", 0)
        scan_document([b""], "nothing")  # loads the compiler
    return request.param


def moved(text: str, x: float = 400000.0, y: float = 5700000.0, z: float = 100.0) -> str:
    numbers = np.array(text.split(), dtype=float).reshape(-1, 3) + np.array([x, y, z])
    return " ".join(f"{value:.3f}" for value in numbers.ravel())


def polygon(identity: str, outer: str, *holes: str, tag: str = "Polygon") -> str:
    inner = "".join(
        f"<gml:interior><gml:LinearRing><gml:posList>{h}</gml:posList></gml:LinearRing></gml:interior>" for h in holes
    )
    return (
        f'<gml:{tag} gml:id="{identity}"><gml:exterior><gml:LinearRing><gml:posList>{outer}</gml:posList>'
        f"</gml:LinearRing></gml:exterior>{inner}</gml:{tag}>"
    )


def solid(*ids: str, lod: int = 2, prefix: str = "bldg") -> str:
    members = "".join(f'<gml:surfaceMember xlink:href="#{i}"/>' for i in ids)
    return (
        f"<{prefix}:lod{lod}Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{members}</gml:CompositeSurface>"
        f"</gml:exterior></gml:Solid></{prefix}:lod{lod}Solid>"
    )


def box(name: str, version: str = "2.0", x: float = 400000.0) -> str:
    """Thematic surfaces of a box 10 x 8 x 5 m, and a solid that refers to them."""
    new = version == "3.0"
    prefix, geometry, bounds = ("con", "core", "core:boundary") if new else ("bldg", "bldg", "bldg:boundedBy")
    parts = [solid(*(f"{name}_{side}" for side in CORNERS), prefix=geometry)]
    for side, corners in CORNERS.items():
        theme = THEMES.get(side, "WallSurface")
        shape = polygon(f"{name}_{side}", moved(corners, x=x))
        parts.append(
            f'<{bounds}><{prefix}:{theme} gml:id="{name}_t_{side}"><{geometry}:lod2MultiSurface><gml:MultiSurface>'
            f"<gml:surfaceMember>{shape}</gml:surfaceMember></gml:MultiSurface></{geometry}:lod2MultiSurface>"
            f"</{prefix}:{theme}></{bounds}>"
        )
    return "".join(parts)


def document(
    members: str, version: str = "2.0", srs: str | None = "urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", extra: str = ""
) -> str:
    core, bldg, gml = SPACES[version]
    envelope = (
        f'<gml:boundedBy><gml:Envelope srsName="{srs}" srsDimension="3"><gml:lowerCorner>0 0 0</gml:lowerCorner>'
        "<gml:upperCorner>1 1 1</gml:upperCorner></gml:Envelope></gml:boundedBy>"
        if srs
        else ""
    )
    spaces = (
        f'xmlns:core="{core}" xmlns:bldg="{bldg}" xmlns:gml="{gml}" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'xmlns:con="http://www.opengis.net/citygml/construction/{version}" '
        f'xmlns:gen="http://www.opengis.net/citygml/generics/{version}" '
        f'xmlns:dem="http://www.opengis.net/citygml/relief/{version}" '
        f'xmlns:veg="http://www.opengis.net/citygml/vegetation/{version}" {extra}'
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><core:CityModel {spaces}>{envelope}{members}</core:CityModel>'


def member(content: str, identity: str = "b1", kind: str = "bldg:Building") -> str:
    return f'<core:cityObjectMember><{kind} gml:id="{identity}">{content}</{kind}></core:cityObjectMember>'


def read(folder: Path, text: str, **options: object) -> City:
    file = folder / "city.gml"
    file.write_text(text, encoding="utf-8")
    return read_citygml(file, **options)


def codes(city: City) -> dict[str, int]:
    return dict(zip(city.gaps["code"], city.gaps["count"], strict=True))


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
def test_all_versions_give_the_same_model(tmp_path: Path, version: str) -> None:
    city = read(tmp_path, document(member(box("b1", version)), version))
    assert city.counts()["Building"] == 1
    assert city.counts()["polygons"] == 6
    assert crs_label(city.crs) == "EPSG:25832+7837"
    surfaces = city.surfaces.set_index("id")
    assert surfaces.loc["b1_roof", "kind"] == "RoofSurface"
    assert surfaces.loc["b1_roof", "tilt"] == 0.0
    assert surfaces.loc["b1_east", "azimuth"] == pytest.approx(90.0)
    assert surfaces.loc["b1_ground", "tilt"] == 180.0
    assert surfaces["area"].sum() == pytest.approx(2 * (80 + 50 + 40))
    assert (surfaces["lod"] == 2).all()
    building = city.objects.iloc[0]
    assert building.geometry.area == pytest.approx(80.0)
    assert (building["lod"], building["ground_height"]) == ("2", 100.0)
    assert city.boundaries["kind"].tolist().count("WallSurface") == 4
    assert city.boundaries.loc[city.surfaces["boundary"][0], "id"] == "b1_t_" + city.surfaces["id"][0][3:]


def test_solid_of_references_adds_no_polygon_and_lists_its_faces(tmp_path: Path) -> None:
    city = read(tmp_path, document(member(box("b1"))))
    assert len(city.polygons) == 6
    assert sorted(city.shells["polygon"]) == list(range(6))
    assert set(city.shells["shell"]) == {0}
    vertices = city.polygons.xyz - city.polygons.xyz.mean(axis=0)
    volume = sum(
        np.dot(ring[0], np.cross(ring[i], ring[i + 1])) / 6
        for row in range(6)
        for ring in [vertices[city.polygons.ring_start[row] : city.polygons.ring_start[row + 1]]]
        for i in range(1, len(ring) - 1)
    )
    assert volume == pytest.approx(10 * 8 * 5)


def test_surface_that_refers_into_a_solid_gives_the_polygon_its_meaning(tmp_path: Path) -> None:
    inside = f"<gml:surfaceMember>{polygon('roof', moved(CORNERS['roof']))}</gml:surfaceMember>"
    content = (
        "<bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>"
        f"{inside}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid>"
        '<bldg:boundedBy><bldg:RoofSurface gml:id="t"><bldg:lod2MultiSurface><gml:MultiSurface>'
        '<gml:surfaceMember xlink:href="#roof"/></gml:MultiSurface></bldg:lod2MultiSurface></bldg:RoofSurface>'
        "</bldg:boundedBy>"
    )
    city = read(tmp_path, document(member(content)))
    assert city.surfaces["kind"].tolist() == ["RoofSurface"]
    assert city.surfaces["boundary"].tolist() == [0]
    assert city.shells["polygon"].tolist() == [0]


def test_reference_to_a_composite_in_another_member(tmp_path: Path) -> None:
    owner = (
        '<bldg:lod2MultiSurface><gml:CompositeSurface gml:id="all"><gml:surfaceMember>'
        f"{polygon('p', moved(CORNERS['roof']))}</gml:surfaceMember></gml:CompositeSurface></bldg:lod2MultiSurface>"
    )
    city = read(tmp_path, document(member(solid("all")) + member(owner, "b2")))
    assert city.shells[["object", "polygon"]].to_numpy().tolist() == [[0, 0]]
    assert city.surfaces["object"].tolist() == [1]
    assert "gml_xlink_missing" not in codes(city)


def test_cavity_and_reversed_surface_of_a_solid(tmp_path: Path) -> None:
    face = polygon("in", moved(CORNERS["roof"]))
    turned = '<gml:OrientableSurface orientation="-"><gml:baseSurface xlink:href="#in"/></gml:OrientableSurface>'
    content = (
        "<bldg:lod1Solid><gml:Solid><gml:exterior><gml:CompositeSurface><gml:surfaceMember>"
        f"{face}</gml:surfaceMember></gml:CompositeSurface></gml:exterior><gml:interior><gml:CompositeSurface>"
        f"<gml:surfaceMember>{turned}</gml:surfaceMember></gml:CompositeSurface></gml:interior></gml:Solid>"
        "</bldg:lod1Solid>"
    )
    city = read(tmp_path, document(member(content)))
    assert city.shells[["shell", "polygon", "reversed"]].to_numpy().tolist() == [[0, 0, False], [1, 0, True]]


def test_inline_reversed_surface_faces_the_other_way(tmp_path: Path) -> None:
    turned = f'<gml:OrientableSurface orientation="-"><gml:baseSurface>{polygon("p", moved(CORNERS["roof"]))}</gml:baseSurface></gml:OrientableSurface>'
    content = f"<bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember>{turned}</gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface>"
    city = read(tmp_path, document(member(content)))
    assert city.surfaces["normal_z"].tolist() == [-1.0]


def test_holes_wherever_they_stand(tmp_path: Path) -> None:
    hole = moved("2 2 5 2 4 5 4 4 5 4 2 5 2 2 5")
    plain = polygon("a", moved(CORNERS["roof"]), hole)
    first, second = plain.split("<gml:exterior>")[0], plain[plain.index("<gml:exterior>") :]
    outer = second[: second.index("</gml:exterior>") + len("</gml:exterior>")]
    inner = second[len(outer) : second.index("</gml:Polygon>")]
    swapped = first.replace('"a"', '"b"') + inner + outer + "</gml:Polygon>"
    content = f"<bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMembers>{plain}{swapped}</gml:surfaceMembers></gml:MultiSurface></bldg:lod2MultiSurface>"
    city = read(tmp_path, document(member(content)))
    assert city.surfaces["area"].tolist() == [76.0, 76.0]
    for row in (0, 1):
        outer_ring, inner_ring = city.polygons.rings(row)
        assert np.ptp(outer_ring[:, 0]) == 10.0
        assert np.ptp(inner_ring[:, 0]) == 2.0


def test_parts_rooms_installations_and_openings_know_their_parents(tmp_path: Path) -> None:
    window = (
        '<bldg:opening><bldg:Window gml:id="w"><bldg:lod3MultiSurface><gml:MultiSurface><gml:surfaceMember>'
        f"{polygon('glass', moved('1 0 1 2 0 1 2 0 2 1 0 2 1 0 1'))}</gml:surfaceMember></gml:MultiSurface>"
        "</bldg:lod3MultiSurface></bldg:Window></bldg:opening>"
    )
    wall = (
        '<bldg:boundedBy><bldg:WallSurface gml:id="wall"><bldg:lod3MultiSurface><gml:MultiSurface><gml:surfaceMember>'
        f"{polygon('plaster', moved(CORNERS['south']))}</gml:surfaceMember></gml:MultiSurface></bldg:lod3MultiSurface>"
        f"{window}</bldg:WallSurface></bldg:boundedBy>"
    )
    content = (
        f'<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="p">{box("p")}</bldg:BuildingPart></bldg:consistsOfBuildingPart>'
        f'{wall}<bldg:interiorRoom><bldg:Room gml:id="r"><gml:name>Saal</gml:name></bldg:Room></bldg:interiorRoom>'
        '<bldg:outerBuildingInstallation><bldg:BuildingInstallation gml:id="i"/></bldg:outerBuildingInstallation>'
    )
    city = read(tmp_path, document(member(content)))
    assert city.objects[["id", "kind", "parent"]].to_numpy().tolist() == [
        ["b1", "Building", -1],
        ["p", "BuildingPart", 0],
        ["r", "Room", 0],
        ["i", "BuildingInstallation", 0],
    ]
    assert city.objects["lod"].tolist() == ["2,3", "2", "", ""]
    assert city.objects["attributes"][2]["name"] == "Saal"
    opening = city.boundaries.set_index("id").loc["w"]
    assert city.boundaries["id"][opening["parent"]] == "wall"
    assert city.surfaces.set_index("id").loc["glass", "kind"] == "Window"
    assert city.objects.geometry[0].area == pytest.approx(80.0)


def test_adv_codes_stay_texts_and_generics_get_their_types(tmp_path: Path) -> None:
    content = (
        '<gen:stringAttribute name="Gemeindeschluessel"><gen:value>05122000</gen:value></gen:stringAttribute>'
        '<gen:intAttribute name="n"><gen:value>3</gen:value></gen:intAttribute>'
        '<gen:doubleAttribute name="d"><gen:value>2.5</gen:value></gen:doubleAttribute>'
        '<gen:dateAttribute name="day"><gen:value>2018-02-05</gen:value></gen:dateAttribute>'
        '<gen:uriAttribute name="u"><gen:value>https://example.org</gen:value></gen:uriAttribute>'
        '<gen:measureAttribute name="m"><gen:value uom="m">7.25</gen:value></gen:measureAttribute>'
        '<gen:genericAttributeSet name="set"><gen:intAttribute name="k"><gen:value>1</gen:value></gen:intAttribute></gen:genericAttributeSet>'
        "<bldg:function>31001_2000</bldg:function><bldg:usage>0100</bldg:usage><bldg:usage>0200</bldg:usage>"
        "<bldg:yearOfConstruction>1907</bldg:yearOfConstruction><bldg:roofType>1000</bldg:roofType>"
        '<bldg:measuredHeight uom="urn:adv:uom:m">2.61</bldg:measuredHeight><bldg:storeysAboveGround>2</bldg:storeysAboveGround>'
    )
    city = read(tmp_path, document(member(content)))
    row = city.objects.iloc[0]
    assert (row["function"], row["roof_type"]) == ("31001_2000", "1000")
    assert (row["measured_height"], row["storeys"], row["year"]) == (2.61, 2.0, 1907.0)
    assert row["attributes"] == {
        "Gemeindeschluessel": "05122000",
        "n": 3,
        "d": 2.5,
        "day": "2018-02-05",
        "u": "https://example.org",
        "m": {"value": 7.25, "uom": "m"},
        "set": {"k": 1},
        "usage": ["0100", "0200"],
    }
    assert codes(city)["gml_building_without_geometry"] == 1


def test_attributes_of_version_three(tmp_path: Path) -> None:
    content = (
        "<core:genericAttribute><gen:StringAttribute><gen:name>key</gen:name><gen:value>0815</gen:value></gen:StringAttribute></core:genericAttribute>"
        "<core:genericAttribute><gen:GenericAttributeSet><gen:name>set</gen:name><core:genericAttribute><gen:IntAttribute>"
        "<gen:name>k</gen:name><gen:value>1</gen:value></gen:IntAttribute></core:genericAttribute></gen:GenericAttributeSet></core:genericAttribute>"
        "<con:dateOfConstruction>1985-03-01</con:dateOfConstruction>"
        "<con:height><con:Height><con:highReference>lowestEave</con:highReference><con:value>5.5</con:value></con:Height></con:height>"
        "<con:height><con:Height><con:highReference>highestRoofEdge</con:highReference><con:value>8.5</con:value></con:Height></con:height>"
    )
    row = read(tmp_path, document(member(content), "3.0")).objects.iloc[0]
    assert (row["measured_height"], row["year"]) == (8.5, 1985.0)
    assert row["attributes"]["key"] == "0815"
    assert row["attributes"]["set"] == {"k": 1}


def test_other_classes_do_not_disappear(tmp_path: Path) -> None:
    triangles = "".join(
        f"<gml:Triangle><gml:exterior><gml:LinearRing><gml:posList>{moved(t)}</gml:posList></gml:LinearRing></gml:exterior></gml:Triangle>"
        for t in ("0 0 0 9 0 0 0 9 1 0 0 0", "9 0 0 9 9 2 0 9 1 9 0 0")
    )
    relief = (
        '<dem:lod>3</dem:lod><dem:reliefComponent><dem:TINRelief gml:id="tin"><dem:lod>3</dem:lod><dem:tin>'
        f"<gml:TriangulatedSurface><gml:trianglePatches>{triangles}</gml:trianglePatches></gml:TriangulatedSurface>"
        "</dem:tin></dem:TINRelief></dem:reliefComponent>"
    )
    city = read(
        tmp_path, document(member(relief, "relief", "dem:ReliefFeature") + member("", "forest", "veg:PlantCover"))
    )
    counts = city.counts()
    assert (counts["ReliefFeature"], counts["TINRelief"], counts["PlantCover"]) == (1, 1, 1)
    assert (counts["polygons"], counts["Triangle"]) == (0, 2)
    assert set(city.surfaces["lod"]) == {3}
    assert city.objects.geometry[1].area == pytest.approx(81.0)


def test_implicit_geometry_is_placed_by_matrix_and_point(tmp_path: Path) -> None:
    template = polygon("leaf", "0 0 0 1 0 0 1 1 0 0 1 0 0 0 0")

    def tree(identity: str, shape: str, x: int) -> str:
        return member(
            "<veg:lod2ImplicitRepresentation><core:ImplicitGeometry>"
            "<core:transformationMatrix>2 0 0 0 0 2 0 0 0 0 2 5 0 0 0 1</core:transformationMatrix>"
            f"<core:relativeGMLGeometry {shape}</core:relativeGMLGeometry><core:referencePoint><gml:Point><gml:pos>{x} 5700000 100"
            "</gml:pos></gml:Point></core:referencePoint></core:ImplicitGeometry></veg:lod2ImplicitRepresentation>",
            identity,
            "veg:SolitaryVegetationObject",
        )

    inline = f'><gml:MultiSurface gml:id="crown"><gml:surfaceMember>{template}</gml:surfaceMember></gml:MultiSurface>'
    text = document(
        tree("t1", inline, 400000) + tree("t2", 'xlink:href="#crown">', 400100) + tree("t3", 'xlink:href="#none">', 0)
    )
    city = read(tmp_path, text)
    assert city.counts()["ImplicitGeometry"] == 2
    assert city.counts()["polygons"] == 0
    assert city.surfaces["object"].tolist() == [0, 1]
    assert city.surfaces["area"].tolist() == [4.0, 4.0]
    assert city.polygons.rings(0)[0].min(axis=0).tolist() == [400000.0, 5700000.0, 105.0]
    assert city.polygons.rings(1)[0].max(axis=0).tolist() == [400102.0, 5700002.0, 105.0]
    assert codes(city)["gml_template_not_placed"] == 1


def test_positions_in_every_notation(tmp_path: Path) -> None:
    corners = moved(CORNERS["roof"])
    triples = [" ".join(corners.split()[i : i + 3]) for i in range(0, 15, 3)]
    rings = [
        f"<gml:posList>{corners}</gml:posList>",
        f'<gml:posList srsDimension="3">\n{corners}\n</gml:posList>',
        "".join(f"<gml:pos>{triple}</gml:pos>" for triple in triples),
        f"<gml:coordinates>{' '.join(t.replace(' ', ',') for t in triples)}</gml:coordinates>",
        '<gml:coordinates decimal="," cs=";" ts="|">'
        + "|".join(t.replace(" ", ";").replace(".", ",") for t in triples)
        + "</gml:coordinates>",
    ]
    shapes = "".join(
        f"<gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing>{ring}</gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>"
        for ring in rings
    )
    content = f"<bldg:lod2MultiSurface><gml:MultiSurface>{shapes}</gml:MultiSurface></bldg:lod2MultiSurface>"
    city = read(tmp_path, document(member(content)))
    assert len(city.polygons) == 5
    for row in range(5):
        np.testing.assert_array_equal(city.polygons.rings(row)[0], city.polygons.rings(0)[0])


def test_dimension_is_that_of_the_nearest_element(tmp_path: Path) -> None:
    flat = "400000 5700000 400010 5700000 400010 5700008 400000 5700000"
    two = f'<gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList srsDimension="2">{flat}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>'
    inherited = f'<bldg:lod0FootPrint><gml:MultiSurface srsDimension="2">{two.replace(" srsDimension=" + chr(34) + "2" + chr(34), "")}</gml:MultiSurface></bldg:lod0FootPrint>'
    three = f"<gml:surfaceMember>{polygon('p', moved(CORNERS['roof']))}</gml:surfaceMember>"
    content = (
        f"{inherited}<bldg:lod2MultiSurface><gml:MultiSurface>{two}{three}</gml:MultiSurface></bldg:lod2MultiSurface>"
    )
    city = read(tmp_path, document(member(content)))
    assert np.diff(city.polygons.ring_start).tolist() == [3, 3, 4]
    assert np.isfinite(city.polygons.xyz).all()
    assert city.polygons.rings(0)[0][:, 2].tolist() == [105.0] * 3  # the lowest height the object has
    assert codes(city)["gml_heights_missing"] == 2


def test_lod_picks_one_level(tmp_path: Path) -> None:
    low = solid("x", lod=1).replace(
        '<gml:surfaceMember xlink:href="#x"/>',
        f"<gml:surfaceMember>{polygon('low', moved(CORNERS['ground']))}</gml:surfaceMember>",
    )
    text = document(member(low + box("b1")))
    both, one, two = read(tmp_path, text), read(tmp_path, text, lod="1"), read(tmp_path, text, lod="2")
    assert (len(both.polygons), both.objects["lod"][0]) == (7, "1,2")
    assert (len(one.polygons), one.objects["lod"][0]) == (1, "1")
    assert (len(two.polygons), len(two.shells)) == (6, 6)
    assert two.surfaces["id"][two.shells["polygon"]].tolist() == [f"b1_{side}" for side in CORNERS]


def test_degrees_become_metres_in_the_fitting_zone(tmp_path: Path) -> None:
    roof = "52.5 13.4 40 52.5 13.401 40 52.501 13.401 40 52.501 13.4 40 52.5 13.4 40"
    content = f"<bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember>{polygon('p', roof)}</gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface>"
    city = read(tmp_path, document(member(content), srs="http://www.opengis.net/def/crs/EPSG/0/4258"))
    assert crs_label(city.crs) == "EPSG:25833"
    # 0.001 deg of latitude is 111.3 m, of longitude at 52.5 deg 67.9 m
    assert city.surfaces["area"][0] == pytest.approx(111.3 * 67.9, rel=2e-3)
    assert {"gml_crs_geographic", "gml_crs_transformed"} <= set(codes(city))


def test_same_object_in_two_tiles_is_kept_once_with_all_that_hangs_on_it(tmp_path: Path) -> None:
    part = f'<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="part">{box("part")}</bldg:BuildingPart></bldg:consistsOfBuildingPart>'
    (tmp_path / "a.gml").write_text(document(member(part, "border")), encoding="utf-8")
    (tmp_path / "b.gml").write_text(document(member(part, "border") + member(box("z", x=500.0), "z")), encoding="utf-8")
    city = read_citygml(tmp_path)
    assert city.objects["id"].tolist() == ["border", "part", "z"]
    assert city.objects["parent"].tolist() == [-1, 0, -1]
    assert len(city.polygons) == 12
    assert city.surfaces["object"].tolist() == [1] * 6 + [2] * 6
    assert city.boundaries["object"].tolist() == [1] * 6 + [2] * 6
    assert city.shells["polygon"].max() == 11
    row = city.gaps.set_index("code").loc["gml_object_in_several_files"]
    assert (row["count"], row["places"], row["source"]) == (1, ["border"], "b.gml")
    assert city.sources["sha256"].str.len().tolist() == [64, 64]


def test_files_of_different_systems_meet_in_the_first(tmp_path: Path) -> None:
    here = document(member(box("a")), srs="EPSG:25832")
    corners = "".join(
        f"<gml:surfaceMember>{polygon('q', '-17000 5710000 10 -16990 5710000 10 -16990 5710008 10 -17000 5710000 10')}</gml:surfaceMember>"
    )
    content = f"<bldg:lod2MultiSurface><gml:MultiSurface>{corners}</gml:MultiSurface></bldg:lod2MultiSurface>"
    (tmp_path / "a.gml").write_text(here, encoding="utf-8")
    (tmp_path / "b.gml").write_text(document(member(content, "b"), srs="EPSG:25833"), encoding="utf-8")
    city = read_citygml([tmp_path / "a.gml", tmp_path / "b.gml"])
    assert crs_label(city.crs) == "EPSG:25832"
    assert 380_000 < city.polygons.xyz[-1, 0] < 420_000
    assert codes(city)["gml_crs_transformed"] == 1


def test_packed_files_globs_and_lists(tmp_path: Path) -> None:
    text = document(member(box("b1"))).encode()
    (tmp_path / "plain.gml").write_bytes(text)
    with gzip.open(tmp_path / "packed.gml.gz", "wb") as out:
        out.write(text)
    with zipfile.ZipFile(tmp_path / "tile.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/tile.xml", text)
        archive.writestr("readme.txt", "no")
    plain = read_citygml(tmp_path / "plain.gml")
    for way in (tmp_path / "packed.gml.gz", tmp_path / "tile.zip", str(tmp_path / "pl*.gml"), [tmp_path / "plain.gml"]):
        np.testing.assert_array_equal(read_citygml(way).polygons.xyz, plain.polygons.xyz)
    assert read_citygml(tmp_path / "tile.zip").objects["source"][0] == "tile.zip/folder/tile.xml"


@pytest.mark.parametrize("encoding", ["iso-8859-15", "utf-16", "utf-8-sig", "windows-1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = document(member(f"<gml:name>Müngstener Straße</gml:name>{box('b1')}"))
    declared = {"utf-8-sig": "UTF-8"}.get(encoding, encoding)
    file = tmp_path / "city.gml"
    file.write_bytes(text.replace('encoding="UTF-8"', f'encoding="{declared}"').encode(encoding))
    city = read_citygml(file)
    assert city.objects["attributes"][0]["name"] == "Müngstener Straße"
    assert len(city.polygons) == 6


def test_extension_elements_are_kept_where_simple_and_counted_where_not(tmp_path: Path) -> None:
    content = (
        "<x:energyClass>B</x:energyClass>"
        f"<x:zone><x:ThermalZone><x:volume>3</x:volume></x:ThermalZone></x:zone>{box('b1')}"
    )
    city = read(
        tmp_path, document(member(content) + member("", "o1", "x:Owl"), extra='xmlns:x="https://example.org/ade"')
    )
    assert city.objects["attributes"][0]["energyClass"] == "B"
    assert len(city.polygons) == 6
    assert city.counts()["Owl"] == 1
    row = city.gaps.set_index("code").loc["gml_extension_left_out"]
    assert (row["count"], row["places"]) == (1, ["zone (https://example.org/ade): 1"])


def test_gap_rows_have_sentences_in_both_languages(tmp_path: Path) -> None:
    city = read(tmp_path, document(member(box("b1") + solid("nowhere")), srs=None))
    for language in ("en", "de"):
        table = sentences(city.gaps, language)
        assert len(table) == len(city.gaps) >= 2
        assert not table["message"].str.contains("{", regex=False).any()


# ------------------------------------------------------------------------------------------------------- real files


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, dict]:
    return json.loads((shared / "data" / "expected_counts.json").read_text(encoding="utf-8"))


@pytest.mark.reference
def test_counts_of_every_real_file(shared: Path, expected: dict[str, dict]) -> None:
    wrong = {}
    for name, told in expected.items():
        if not told["top"]:  # IndoorGML: refused, see the fault tests
            continue
        city = read_citygml(shared / "data" / name)
        counts = city.counts() | {k: int(n) for k, n in city.boundaries["kind"].value_counts().items()}
        classes = dict(told["classes"])
        classes["polygons"] = classes.pop("Polygon", 0)
        for other in ("MultiSurface", "LinearRing", "Solid", "CompositeSurface", "X3DMaterial", "ParameterizedTexture"):
            classes.pop(other, None)
        found = {key: counts.get(key, 0) for key in classes}
        if found != classes:
            wrong[name] = (found, classes)
        low, high = city.polygons.xyz.min(axis=0), city.polygons.xyz.max(axis=0)
        if told["bbox"][0][0] > 1e90:  # the counter read no gml:pos
            continue
        assert (low[:2] >= np.array(told["bbox"][0][:2]) - 0.01).all(), name
        assert (high[:2] <= np.array(told["bbox"][1][:2]) + 0.01).all(), name
    assert wrong == {}


@pytest.mark.reference
def test_nrw_tile_in_the_adv_profile(shared: Path) -> None:
    city = read_citygml(shared / "data" / "nrw-adv-lod2")
    counts = city.counts()
    assert (counts["Building"], counts["BuildingPart"], counts["polygons"]) == (27, 29, 500)
    assert crs_label(city.crs) == "EPSG:25832+7837"
    assert city.objects["function"].str.startswith(("31001_", "51009_")).sum() == 27
    assert city.objects["attributes"][0]["Gemeindeschluessel"] == "05122000"
    whole = city.buildings
    assert whole.geometry.notna().all()
    assert (city.surfaces["kind"] == "ClosureSurface").sum() > 0
    roofs = city.polygons.xyz[:, 2].max()
    assert (whole["ground_height"] < roofs).all()
    assert "gml_xlink_missing" not in codes(city)


@pytest.mark.reference
def test_berlin_footprints_agree_with_ground_and_roof_surfaces(shared: Path) -> None:
    city = read_citygml(shared / "data" / "berlin-lod2" / "3910_5817.gml")
    ground = city.surfaces[city.surfaces["kind"] == "GroundSurface"]
    flat = (ground["area"] * ground["normal_z"].abs()).sum()
    assert city.buildings.geometry.area.sum() == pytest.approx(flat, rel=1e-3)
    roof = city.surfaces[city.surfaces["kind"] == "RoofSurface"]
    assert (roof["area"] * roof["normal_z"].abs()).sum() == pytest.approx(flat, rel=5e-3)
    assert city.buildings["ground_height"].iloc[0] == pytest.approx(34.85, abs=0.01)


@pytest.mark.reference
def test_versions_two_and_three_of_one_building_are_the_same_model(shared: Path) -> None:
    folder = shared / "data" / "berlin-tiergarten"
    two, three = (read_citygml(folder / f"Berlin_Moabit_1Bldg_v{v}.gml") for v in (2, 3))
    np.testing.assert_array_equal(two.polygons.xyz, three.polygons.xyz)
    assert two.crs == three.crs
    same = [name for name in two.surfaces if name != "element"]
    assert two.surfaces[same].equals(three.surfaces[same])
    columns = ["id", "kind", "parent", "lod", "function", "roof_type", "measured_height", "ground_height", "storeys"]
    assert two.objects[columns].equals(three.objects[columns])
    assert two.objects.geometry[0].equals(three.objects.geometry[0])
    a, b = two.objects["attributes"][0], three.objects["attributes"][0]
    assert a["address"] == b["address"] == {"city": "Berlin", "street": "Hildebrandstr.", "number": "18"}
    generic = {key for key in a if key not in ("creationDate", "externalReference")}
    assert {key: a[key] for key in generic} == {key: b[key] for key in generic}


@pytest.mark.reference
def test_all_berlin_tiles_are_one_city(shared: Path) -> None:
    city = read_citygml(shared / "data" / "berlin-lod2" / "*.gml")
    assert city.counts()["Building"] == 276
    assert city.counts()["polygons"] == 2325 + 3080 + 1207
    assert city.objects["source"].nunique() == 3
    assert city.surfaces["object"].between(0, len(city.objects) - 1).all()
