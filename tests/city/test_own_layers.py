"""Trees, land cover, terrain and streams that a city model brings along, and its versions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

import twin
from twin.city.citygml import read_citygml
from twin.city.gaps import from_json, sentences
from twin.city.inspection import inspect
from twin.city.model import City
from twin.errors import InputError

CITYGML = "http://www.opengis.net/citygml"
HEAD = (
    f'<core:CityModel xmlns:core="{CITYGML}/2.0" xmlns:bldg="{CITYGML}/building/2.0" xmlns:veg="{CITYGML}/vegetation/2.0" '
    f'xmlns:tran="{CITYGML}/transportation/2.0" xmlns:luse="{CITYGML}/landuse/2.0" xmlns:wtr="{CITYGML}/waterbody/2.0" '
    f'xmlns:dem="{CITYGML}/relief/2.0" xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink">'
    '<gml:boundedBy><gml:Envelope srsName="EPSG:25832" srsDimension="3"/></gml:boundedBy>'
)
X, Y = 400000, 5700000


def box(x: float, y: float, width: float, height: float, z: float = 0.0) -> str:
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    return polygon([(X + a, Y + b, z) for a, b in corners])


def polygon(points: list[tuple[float, float, float]], tag: str = "Polygon") -> str:
    text = " ".join(f"{value:.3f}" for point in points for value in point)
    return f"<gml:{tag}><gml:exterior><gml:LinearRing><gml:posList>{text}</gml:posList></gml:LinearRing></gml:exterior></gml:{tag}>"


def surface(prop: str, *polygons: str) -> str:
    members = "".join(f"<gml:surfaceMember>{p}</gml:surfaceMember>" for p in polygons)
    return f"<{prop}><gml:MultiSurface>{members}</gml:MultiSurface></{prop}>"


def model(*members: str) -> str:
    return HEAD + "".join(f"<core:cityObjectMember>{m}</core:cityObjectMember>" for m in members) + "</core:CityModel>"


def written(folder: Path, *members: str) -> Path:
    file = folder / "model.gml"
    file.write_text(model(*members), encoding="utf-8")
    return file


def gap(city: City, code: str) -> dict:
    found = city.gaps[city.gaps["code"] == code]
    assert len(found) == 1, (code, city.gaps["code"].tolist())
    return found.iloc[0].to_dict()


def tree(identity: str, inside: str) -> str:
    return f'<veg:SolitaryVegetationObject gml:id="{identity}">{inside}</veg:SolitaryVegetationObject>'


PLACED = (
    "<veg:lod2ImplicitRepresentation><core:ImplicitGeometry><core:libraryObject>tree.obj</core:libraryObject>"
    f"<core:referencePoint><gml:Point><gml:pos>{X + 5} {Y + 6} 30</gml:pos></gml:Point></core:referencePoint>"
    "</core:ImplicitGeometry></veg:lod2ImplicitRepresentation>"
)


def test_trees_of_attributes_of_shapes_and_of_a_point_alone(tmp_path: Path) -> None:
    told = (
        '<veg:species>1060</veg:species><veg:height uom="m">12.5</veg:height><veg:trunkDiameter uom="cm">40</veg:trunkDiameter>'
        '<veg:crownDiameter uom="m">6</veg:crownDiameter>'
    )
    low, high = box(20, 20, 4, 6, 30.0), box(20, 20, 4, 6, 39.0)
    file = written(
        tmp_path,
        tree("told", told + PLACED),
        tree("drawn", surface("veg:lod2Geometry", low, high)),
        tree("lost", "<veg:height>3</veg:height>"),
    )
    city = read_citygml(file)
    trees = city.trees.set_index("id")
    assert trees.index.tolist() == ["told", "drawn"]
    assert trees.loc["told", ["height", "crown_diameter", "species"]].tolist() == [12.5, 6.0, "1060"]
    assert trees.loc["told", "trunk_circumference"] == pytest.approx(np.pi * 40.0)
    assert (trees.geometry["told"].x, trees.geometry["told"].y) == (X + 5, Y + 6)
    assert trees.loc["drawn", ["height", "crown_diameter"]].tolist() == [9.0, 5.0]
    assert (trees.geometry["drawn"].x, trees.geometry["drawn"].y) == (X + 22, Y + 23)
    assert gap(city, "model_tree_without_place")["places"] == ["lost"]
    assert gap(city, "model_tree_size_of_shape")["places"] == ["drawn"]


def test_trees_of_the_model_stand_on_the_grid_unless_a_tree_layer_is_given(tmp_path: Path) -> None:
    shape = "<veg:height>10</veg:height><veg:crownDiameter>6</veg:crownDiameter>" + PLACED
    file = written(
        tmp_path,
        tree("t", shape),
        f'<luse:LandUse gml:id="l">{surface("luse:lod1MultiSurface", box(0, 0, 40, 40))}</luse:LandUse>',
    )
    city = twin.load(file)
    site = city.rasterise(resolution=1.0)
    assert float(site.canopy_height.max()) > 8
    codes = set(from_json(site.attrs["gaps"])["code"])
    assert "kind_not_rasterised" not in codes
    (tmp_path / "trees.csv").write_text(f"x,y,height,crown_diameter\n{X + 30},{Y + 30},4,2\n", encoding="utf-8")
    own = twin.load(
        buildings=file,
        trees={
            "path": tmp_path / "trees.csv",
            "columns": {"x": "x", "y": "y", "height": "height"},
            "crs": "EPSG:25832",
        },
    )
    assert own.trees["height"].tolist() == [4.0]


def area(kind: str, identity: str, inside: str, *polygons: str) -> str:
    prop = "trafficArea" if kind == "TrafficArea" else "auxiliaryTrafficArea"
    return f'<tran:{prop}><tran:{kind} gml:id="{identity}">{inside}{surface("tran:lod2MultiSurface", *polygons)}</tran:{kind}></tran:{prop}>'


def test_land_cover_by_class_material_and_function_with_traffic_on_top(tmp_path: Path) -> None:
    road = (
        '<tran:Road gml:id="r">'
        + area("TrafficArea", "lane", "<tran:function>1</tran:function>", box(0, 0, 10, 4))
        + area(
            "TrafficArea",
            "walk",
            "<tran:function>1</tran:function><tran:surfaceMaterial>4</tran:surfaceMaterial>",
            box(0, 4, 10, 2),
        )
        + area("AuxiliaryTrafficArea", "green", "<tran:function>1020</tran:function>", box(0, 6, 10, 2))
        + area("AuxiliaryTrafficArea", "odd", "<tran:function>4711</tran:function>", box(0, 8, 10, 2))
        + "</tran:Road>"
    )
    water = f'<wtr:WaterBody gml:id="w">{surface("wtr:lod1MultiSurface", box(20, 0, 10, 10))}</wtr:WaterBody>'
    use = f'<luse:LandUse gml:id="u"><luse:class>3000</luse:class>{surface("luse:lod1MultiSurface", box(0, 0, 40, 10))}</luse:LandUse>'
    plants = f'<veg:PlantCover gml:id="p">{surface("veg:lod1MultiSurface", box(32, 0, 8, 10))}</veg:PlantCover>'
    city = twin.load(written(tmp_path, road, water, plants, use))
    assert city.land_cover["cover"].tolist() == ["grass", "shrub", "water", "grass", "grass", "asphalt", "cobble"]
    site = city.rasterise(resolution=1.0, area=(X, Y, X + 40, Y + 10))
    from models.layers import LAND_COVER

    names = {code: name for name, code in LAND_COVER.items()}

    def cover(x: float, y: float) -> str:
        return names[int(site.land_cover.sel(x=X + x, y=Y + y, method="nearest"))]

    places = {(5.5, 2.5): "asphalt", (5.5, 5.5): "cobble", (5.5, 7.5): "grass", (25.5, 5.5): "water", (35.5, 5.5): "shrub", (15.5, 5.5): "grass"}  # fmt: skip
    assert {place: cover(*place) for place in places} == places
    assert "TrafficArea = cobble" in gap(city, "model_land_cover")["default"]
    assert gap(city, "model_land_cover_unknown")["places"] == ["AuxiliaryTrafficArea function 4711"]


def test_relief_of_the_model_is_the_terrain_where_no_other_is_given(tmp_path: Path) -> None:
    corners = [(X, Y, 10.0), (X + 40, Y, 10.0), (X + 40, Y + 40, 30.0), (X, Y + 40, 30.0)]
    triangles = "".join(polygon([corners[i] for i in (*t, t[0])], "Triangle") for t in ((0, 1, 2), (0, 2, 3)))
    relief = (
        '<dem:ReliefFeature gml:id="r"><dem:lod>2</dem:lod><dem:reliefComponent><dem:TINRelief gml:id="t"><dem:lod>2</dem:lod><dem:tin>'
        f"<gml:TriangulatedSurface><gml:trianglePatches>{triangles}</gml:trianglePatches></gml:TriangulatedSurface></dem:tin>"
        "</dem:TINRelief></dem:reliefComponent></dem:ReliefFeature>"
    )
    city = twin.load(written(tmp_path, relief))
    site = city.rasterise(resolution=1.0, area=(X, Y, X + 50, Y + 40))
    expected = 10.0 + (site.y.values - Y) / 2.0
    np.testing.assert_allclose(site.terrain_height.values[:, 20], expected, atol=1e-3)
    row = from_json(site.attrs["gaps"]).set_index("code").loc["terrain_from_model"]
    assert (row["count"], row["severity"], row["values"]["percent"]) == (2, "default", 20.0)
    for language in ("en", "de"):
        assert "{" not in sentences(from_json(site.attrs["gaps"]), language)["message"].str.cat()


@pytest.mark.reference
def test_sensor_streams_of_the_standard_examples(shared: Path) -> None:
    folder = shared / "data" / "citygml3"
    sensor = read_citygml(folder / "Building_CityGML3.0_with_Dynamizer_and_SensorConnection_V1.gml").streams.iloc[0]
    assert (sensor["kind"], sensor["protocol"], sensor["stream"]) == ("sensor", "ogc_sta_1.0", "1")
    assert sensor["url"] == "http://127.0.0.1:8080/FROST-Server/v1.0"
    assert (sensor["object"], sensor["property"], sensor["unit"]) == (
        "DEBY_LOD2_5744682_room1",
        "Temperature",
        "Celsius",
    )
    values = read_citygml(folder / "Building_CityGML3.0_with_Dynamizer_and_inline_Timeseries.gml").streams.iloc[0]
    assert (values["kind"], len(values["values"]), values["values"][0]) == ("values", 12, ("2019-01", "1454.63"))
    assert twin.load(folder / "Building_CityGML3.0_with_Dynamizer_and_SensorConnection_V1.gml").streams[
        "id"
    ].tolist() == ["room1_Dynamizer"]


@pytest.mark.reference
def test_versions_of_a_day(shared: Path) -> None:
    file = shared / "data" / "citygml3" / "historicalSuccession_CityGML_3.0_LOD2_Versioning.gml"
    assert read_citygml(file).counts()["Building"] == 4
    current = twin.load(file)
    assert [i for i in current.buildings["id"] if not i.endswith("2015-01-01")] == []
    assert (current.counts()["Building"], current.counts()["BuildingPart"]) == (2, 3)
    assert gap(current, "gml_versions_left_out")["count"] == 2
    old = read_citygml(file, at="2014-12-31")
    assert old.buildings["id"].tolist() == ["BU_69381AL47_2000-01-01", "BU_69381AL49_2000-01-01"]
    assert old.surfaces["object"].between(0, len(old.objects) - 1).all()
    assert (old.boundaries["object"] >= 0).all()
    assert read_citygml(file, at=date(1999, 1, 1)).counts().get("Building", 0) == 0
    assert inspect(file).counts["Building"] == 4
    with pytest.raises(InputError, match="at must be a date"):
        read_citygml(file, at="soon")


def building(identity: str, dates: str = "") -> str:
    return (
        f'<bldg:Building gml:id="{identity}">{dates}{surface("bldg:lod1MultiSurface", box(0, 0, 5, 5))}</bldg:Building>'
    )


def test_dates_of_validity_count_before_those_of_the_database(tmp_path: Path) -> None:
    def dates(**told: str) -> str:
        return "".join(f"<core:{name}>{day}</core:{name}>" for name, day in told.items())

    file = written(
        tmp_path,
        building("plain"),
        building("planned", dates(creationDate="2020-01-01", validFrom="2999-01-01")),
        building("ended", dates(validTo="2001-05-05T00:00:00")),
        building("ends", dates(terminationDate="2999-01-01")),
        building("odd", dates(terminationDate="soon")),
    )
    assert read_citygml(file, at="current").buildings["id"].tolist() == ["plain", "ends", "odd"]
    assert read_citygml(file, at="2001-05-04").buildings["id"].tolist() == ["plain", "ended", "ends", "odd"]
    assert read_citygml(file, at="2999-06-01").buildings["id"].tolist() == ["plain", "planned", "odd"]
    assert len(read_citygml(file).buildings) == 5


def test_versions_without_dates_name_their_members(tmp_path: Path) -> None:
    new = f"{CITYGML}/versioning/3.0"

    def version(identity: str, *members: str) -> str:
        hrefs = "".join(f'<v:versionMember xlink:href="#{m}"/>' for m in members)
        return f'<v:Version xmlns:v="{new}" gml:id="{identity}">{hrefs}</v:Version>'

    change = f'<v:VersionTransition xmlns:v="{new}"><v:from xlink:href="#one"/><v:to xlink:href="#two"/></v:VersionTransition>'
    file = written(tmp_path, version("two", "b", "c"), version("one", "a", "b"), change, *(building(i) for i in "abcd"))
    assert read_citygml(file, at="current").buildings["id"].tolist() == ["b", "c", "d"]
    assert gap(read_citygml(file), "gml_versions_together")["count"] == 2


@pytest.mark.parametrize(
    ("attribute", "code", "cover"),
    [
        ("surfaceMaterial", "13", "paved"),
        ("function", "30", "grass"),
        ("function", "20", "asphalt"),
        ("function", "3", "asphalt"),
    ],
)
def test_codes_of_traffic_areas(attribute, code, cover):
    from twin.city.own_layers import _cover

    assert _cover("TrafficArea", {attribute: code}) == (cover, "")
