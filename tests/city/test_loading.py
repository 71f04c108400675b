"""Loading a city: reference systems, areas, gaps across layers, a real district, and bad input."""

from __future__ import annotations

import re
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin
from shapely.geometry import Point, box

import twin
from twin.city import bodies, gaps
from twin.city.model import City, Polygons
from twin.errors import InputError
from twin.language import LANGUAGES, text

X, Y = 565000.0, 5930000.0
CRS = "EPSG:25832"


def saved(path: Path, data: dict[str, list[object]], shapes: list[object], crs: str | None = CRS) -> Path:
    gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=crs)).to_file(path, engine="pyogrio")
    return path


def square(x: float, y: float, size: float = 10.0) -> shapely.Polygon:
    return box(X + x, Y + y, X + x + size, Y + y + size)


@pytest.fixture
def district(tmp_path: Path) -> Path:
    """A folder with one file a layer and a profile over them."""
    saved(tmp_path / "b.gpkg", {"h": [12.0, 8.0, 6.0]}, [square(100, 100), square(300, 100), square(-150, 100)])
    heights = np.full((60, 60), 40.0, dtype=np.float32)
    with rasterio.open(
        tmp_path / "dgm.tif", "w", driver="GTiff", width=60, height=60, count=1, dtype="float32", crs=CRS,
        transform=from_origin(X - 100, Y + 500, 10, 10),
    ) as out:  # fmt: skip
        out.write(heights, 1)
    lines = [
        f"Tilia cordata;10;6;100;{X + x};{Y + y}" for x, y in ((50, 50), (105, 105), (225, 225), (-90, 50), (900, 50))
    ]
    (tmp_path / "t.csv").write_text("species;height;crown_diameter;trunk_circumference;x;y\n" + "\n".join(lines) + "\n")
    saved(tmp_path / "lc.gpkg", {"class": ["grass", "water"]}, [square(0, 0, 400), square(200, 200, 50)])
    saved(tmp_path / "s.gpkg", {"name": ["A"]}, [shapely.LineString([(X, Y), (X + 400, Y)])])
    (tmp_path / "city.toml").write_text(
        f"""name = "Probe"
area = [{X}, {Y}, {X + 400}, {Y + 400}]
[[buildings]]
path = "b.gpkg"
height = "h"
licence = "CC0-1.0"
[terrain]
path = "dgm.tif"
[[trees]]
path = "t.csv"
crs = "{CRS}"
[[land_cover]]
path = "lc.gpkg"
[[streets]]
path = "s.gpkg"
"""
    )
    return tmp_path


def test_profile_brings_all_layers_into_one_city(district: Path) -> None:
    city = twin.load(district / "city.toml")
    assert city.name == "Probe"
    assert city.crs == pyproj.CRS(CRS)
    assert city.counts() == {"Building": 3, "polygons": 0, "trees": 4, "land_cover": 2, "network": 1, "stations": 0}
    assert city.terrain is not None
    for table in (city.objects, city.trees, city.land_cover, city.network, city.stations):
        assert table.crs == city.crs
    assert list(city.sources["role"]) == ["buildings", "terrain", "land_cover", "trees", "streets"]
    assert city.sources["licence"].tolist()[0] == "CC0-1.0"
    assert city.sources["sha256"].str.fullmatch(r"[0-9a-f]{64}").all()


def test_gaps_across_layers_are_told_with_their_places(district: Path) -> None:
    log = twin.load(district / "city.toml").gaps.set_index("code")
    assert log.loc["trees_in_buildings", "places"] == ["t-2"]
    assert log.loc["trees_in_water", "places"] == ["t-3"]
    assert log.loc["beyond_area", ["layer", "count", "places"]].tolist() == ["trees", 1, ["t-5"]]
    assert "buildings_beside_terrain" not in log.index, "outside the area nobody needs terrain"
    assert "tree_height_filled" not in log.index


def test_buildings_beside_the_terrain(district: Path) -> None:
    city = twin.load(district / "city.toml", area=(X - 160, Y, X + 400, Y + 400))
    log = city.gaps.set_index("code")
    assert log.loc["buildings_beside_terrain", "places"] == ["b-3"]
    assert city.area == (X - 160, Y, X + 400, Y + 400)


def test_buildings_that_hang_in_the_air_are_an_error(district: Path) -> None:
    saved(district / "b.gpkg", {"h": [12.0, 8.0], "z": [45.0, 90.0]}, [square(100, 100), square(300, 100)])
    profile = (district / "city.toml").read_text().replace('height = "h"', 'height = "h"\nground_height = "z"')
    (district / "city.toml").write_text(profile)
    row = twin.load(district / "city.toml").gaps.set_index("code").loc["buildings_above_terrain"]
    assert (row["severity"], row["count"], row["of"], row["places"]) == ("warning", 1, 2, ["b-2"])
    assert row["values"] == {"most": "5", "metres": "50"}
    saved(district / "b.gpkg", {"h": [12.0, 8.0], "z": [90.0, 90.0]}, [square(100, 100), square(300, 100)])
    row = twin.load(district / "city.toml").gaps.set_index("code").loc["buildings_above_terrain"]
    assert (row["severity"], row["count"]) == ("error", 2)


def test_terrain_just_beside_the_area_is_refused(district: Path) -> None:
    with pytest.raises(InputError, match=r"dgm\.tif .* does not overlap the area"):
        twin.load(district / "city.toml", area=(X + 505, Y, X + 550, Y + 200))


def test_area_keeps_two_hundred_metres_around_it(district: Path) -> None:
    city = twin.load(district / "city.toml", area=(X + 61, Y + 100, X + 99, Y + 200))
    assert sorted(city.objects["id"]) == ["b-1"], "b-2 begins 201 m east of the area, b-3 ends 201 m west of it"
    near = twin.load(district / "city.toml", area=(X + 59, Y + 100, X + 101, Y + 200))
    assert sorted(near.objects["id"]) == ["b-1", "b-2", "b-3"]


def test_area_from_a_polygon_file_in_degrees(district: Path) -> None:
    ring = gpd.GeoSeries([square(0, 0, 400)], crs=CRS).to_crs("EPSG:4326")
    ring.to_file(district / "area.geojson", engine="pyogrio")
    city = twin.load(district / "city.toml", area=district / "area.geojson")
    assert city.area is not None
    np.testing.assert_allclose(city.area, (X, Y, X + 400, Y + 400), atol=5.0)


def test_keywords_take_the_place_of_a_layer(district: Path) -> None:
    city = twin.load(
        district / "city.toml",
        trees=[{"path": district / "t.csv", "crs": CRS}],
        name="Andere",
        land_cover=district / "lc.gpkg",
    )
    assert (city.name, len(city.trees)) == ("Andere", 4)
    alone = twin.load(buildings={"path": district / "b.gpkg", "height": "h"}, terrain=district / "dgm.tif")
    assert alone.area is None
    assert len(alone.buildings) == 3
    assert len(twin.load(terrain=district / "dgm.tif").objects) == 0
    assert twin.load(district).name == "Probe"


def test_city_crs_given_brings_every_layer_to_it(district: Path) -> None:
    change = pyproj.Transformer.from_crs(CRS, "EPSG:25833", always_xy=True)
    west, south, east, north = change.transform_bounds(X, Y, X + 400, Y + 400)
    city = twin.load(district / "city.toml", crs="EPSG:25833", area=(west, south, east, north))
    assert city.crs == pyproj.CRS("EPSG:25833")
    x, y = change.transform(X + 50, Y + 50)
    assert city.trees.geometry.iloc[0].distance(Point(x, y)) < 1e-3
    footprint = city.objects.set_index("id").geometry["b-1"]
    assert footprint.distance(Point(*change.transform(X + 105, Y + 105))) == 0
    assert city.terrain is not None
    assert float(city.terrain.sel(x=x, y=y, method="nearest")) == pytest.approx(40.0)
    assert "terrain_resampled" in set(city.gaps["code"])


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("b.gpkg", "missing.gpkg"), ["missing.gpkg does not exist"]),
        (('path = "t.csv"', 'path = "nothing*.csv"'), ["No file fits the pattern", "trees"]),
        (('height = "h"', 'height = "hh"'), ["b.gpkg has no column 'hh'", "did you mean 'h'"]),
        (('height = "h"\n', ""), ["without saying where their heights are", "its columns are h"]),
        (("[[streets]]", "[[street]]"), ["'street' is no key", "did you mean 'streets'"]),
        (('name = "Probe"', 'crs = "EPSG:4326"'), ["counts in degrees", "EPSG:25832"]),
        (('name = "Probe"', 'crs = "Gauss"'), ["'Gauss' is no known coordinate reference system"]),
        (('name = "Probe"', 'crs = "EPSG:25831"'), ["does not overlap the area"]),
        (
            (f"area = [{X}, {Y}, {X + 400}, {Y + 400}]", "area = [1000, 1000, 2000, 2000]"),
            ["does not overlap", "x 1000 to 2000"],
        ),
    ],
)  # fmt: skip
def test_a_bad_profile_is_one_sentence(district: Path, change: tuple[str, str], parts: list[str]) -> None:
    profile = district / "city.toml"
    before = profile.read_text()
    assert change[0] in before
    profile.write_text(before.replace(change[0], change[1], 1))
    with pytest.raises(InputError) as caught:
        twin.load(profile)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for part in parts:
        assert part in sentence


def test_empty_files_and_nothing_at_all(district: Path) -> None:
    (district / "t.csv").write_text("")
    with pytest.raises(InputError, match=r"t\.csv is empty \(0 bytes\)"):
        twin.load(district / "city.toml")
    with pytest.raises(InputError, match="Nothing to load"):
        twin.load()
    with pytest.raises(InputError, match="does not exist"):
        twin.load(district / "none.gml")
    with pytest.raises(InputError, match="holds polygons"):
        twin.load(district / "b.gpkg")
    (district / "a.docx").write_text("x")
    with pytest.raises(InputError, match="of no known kind"):
        twin.load(district / "a.docx")


def family() -> City:
    """Two buildings: one with two parts, one alone; one square polygon each, and boundaries and shells for them."""
    objects = gpd.GeoDataFrame(
        {
            "id": ["a", "a1", "a2", "b"],
            "kind": ["Building", "BuildingPart", "BuildingPart", "Building"],
            "parent": [-1, 0, 0, -1],
        },
        geometry=[None, square(0, 0), square(10, 0), square(500, 0)],
        crs=CRS,
    )
    corners = np.array([[0, 0, 5.0], [10, 0, 5.0], [10, 10, 5.0], [0, 10, 5.0]])
    xyz = np.concatenate([corners + np.array([X + dx, Y, 0]) for dx in (0, 10, 500)])
    surfaces = pd.DataFrame(
        {"object": [1, 2, 3], "lod": 2, "kind": ["RoofSurface", "RoofSurface", "WallSurface"], "boundary": [0, 1, 2]}
    )
    boundaries = pd.DataFrame({"id": ["r1", "r2", "r3"], "object": [1, 2, 3], "parent": [-1, -1, -1]})
    shells = pd.DataFrame({"object": [1, 3], "polygon": [0, 2]})
    return City(
        crs=pyproj.CRS(CRS), objects=objects, surfaces=surfaces, boundaries=boundaries, shells=shells,
        polygons=Polygons(xyz, np.arange(0, 13, 4), np.arange(4)),
    )  # fmt: skip


def test_families_stay_together_and_row_numbers_stay_right() -> None:
    city = family()
    keep = bodies.touching(city, (X + 15, Y, X + 20, Y + 5))
    assert keep.tolist() == [True, True, True, False]
    last = bodies.kept(city, ~keep)
    assert last.objects["id"].tolist() == ["b"]
    assert last.surfaces[["object", "boundary"]].to_numpy().tolist() == [[0, 0]]
    assert last.boundaries["id"].tolist() == ["r3"]
    assert last.shells[["object", "polygon"]].to_numpy().tolist() == [[0, 0]]
    assert last.polygons.rings(0)[0][0].tolist() == [X + 500, Y, 5]
    assert bodies.body_bounds(last) == (X + 500, Y, X + 510, Y + 10)


def test_joining_cut_halves_gives_the_whole_again() -> None:
    city = family()
    mask = np.array([True, True, True, False])
    whole = bodies.joined([bodies.kept(city, mask), bodies.kept(city, ~mask)], city.crs)
    assert whole.objects["parent"].tolist() == city.objects["parent"].tolist()
    for name in ("surfaces", "boundaries", "shells"):
        assert getattr(whole, name).to_numpy().tolist() == getattr(city, name).to_numpy().tolist()
    np.testing.assert_array_equal(whole.polygons.xyz, city.polygons.xyz)
    np.testing.assert_array_equal(whole.polygons.ring_start, city.polygons.ring_start)
    np.testing.assert_array_equal(whole.polygons.polygon_start, city.polygons.polygon_start)


def test_bodies_move_to_another_zone_with_their_normals() -> None:
    city = family()
    moved = bodies.moved(city, pyproj.CRS("EPSG:25833"))
    x, y = pyproj.Transformer.from_crs(CRS, "EPSG:25833", always_xy=True).transform(X, Y)
    np.testing.assert_allclose(moved.polygons.xyz[0], [x, y, 5.0], atol=1e-6)
    assert moved.objects.crs == pyproj.CRS("EPSG:25833")
    np.testing.assert_allclose(moved.surfaces["normal_z"], 1.0)
    assert city.polygons.xyz[0].tolist() == [X, Y, 5.0]


def test_buildings_without_roof_are_told(district: Path) -> None:
    from twin.city.crosschecks import cross_check
    from twin.city.gaps import GapLog

    log = GapLog()
    city = family()
    cross_check(city.replace(objects=city.objects.assign(source="x.gml")), log)
    row = log.table().set_index("code").loc["buildings_without_roof"]
    assert (row["count"], row["of"], row["places"], row["source"]) == (1, 2, ["b"], "x.gml")


def test_every_gap_has_its_sentences_in_both_languages() -> None:
    folder = Path(twin.__file__).parent / "city"
    modules = (
        "bodies",
        "building_layers",
        "cadastres",
        "terrain",
        "crosschecks",
        "inspection",
        "land_cover",
        "loading",
        "outlines",
        "placing",
        "rasters",
        "trees",
        "vectors",
    )
    codes = {"tree_crown_base_filled"}
    for name in (*modules, "tree_filling"):
        body = (folder / f"{name}.py").read_text(encoding="utf-8")
        codes |= set(re.findall(r'(?:log\.add\(\s*|_say_trees\(city, [^\"]*)"([a-z_]+)"', body))
    for size in ("height", "crown_diameter", "trunk_circumference"):
        codes |= {f"tree_{size}_filled", f"tree_{size}_impossible"}
    assert len(codes) > 30
    names = [
        "count",
        "of",
        "source",
        "default",
        "layer",
        "values",
        "least",
        "most",
        "lowest",
        "highest",
        "holes",
        "pairs",
        "metres",
        "root",
        "attribute",
    ]
    names += ["classes", "own", "city", "frm", "margin", "column", "genus", "group", "list", "table"]
    values = dict.fromkeys([*names, "broadleaf", "conifer"], "?")
    for code in codes:
        for language in LANGUAGES:
            assert text(f"city.gap_{code}", language, **values)
            assert text(f"city.remedy_{code}", language, **values)


@pytest.mark.reference
def test_tiergarten_from_its_profile(shared: Path) -> None:
    profile = Path(__file__).parents[1] / "profiles" / "berlin-tiergarten.toml"
    twin.load(profile)
    start = time.process_time()
    city = twin.load(profile)
    assert time.process_time() - start < 3.0, "all layers of a district in under 3 s of one core"
    log = city.gaps.set_index("code")
    assert len(city.buildings) + log.loc["footprint_repeated", "count"] == 5_373
    assert len(city.trees) == 15_434
    assert len(city.land_cover) == 846
    assert city.terrain is not None
    assert city.terrain.shape == (2265, 2315)
    assert not np.isnan(city.terrain.values).any()
    assert city.crs is not None
    assert city.crs.to_epsg() == 25833
    assert log.loc["tree_crown_diameter_filled", "count"] == 9_129
    sentences = gaps.sentences(city.gaps, "de")
    assert sentences["message"].str.contains("Kronendurchmesser").any()


@pytest.mark.reference
def test_crowns_of_tiergarten_stand_where_vegetation_was_measured(shared: Path) -> None:
    """Filled crowns against the vegetation raster: nine of ten crown cells must lie under measured vegetation."""
    from rasterio.features import rasterize

    city = twin.load(Path(__file__).parents[1] / "profiles" / "berlin-tiergarten.toml")
    with rasterio.open(shared / "data" / "berlin-tiergarten" / "Berlin_vegetation_height2020.tif") as source:
        vegetation = source.read(1, masked=True).filled(0.0) > 2.0
        transform = source.transform
    filled = city.trees[city.trees["filled"].str.contains("crown_diameter")]
    crowns = shapely.buffer(filled.geometry.values, filled["crown_diameter"].to_numpy() / 2)
    covered = rasterize(((crown, 1) for crown in crowns), out_shape=vegetation.shape, transform=transform) > 0
    assert (covered & vegetation).sum() / covered.sum() > 0.9
    rows, columns = vegetation.shape[0] // 50, vegetation.shape[1] // 50
    every = shapely.buffer(city.trees.geometry.values, city.trees["crown_diameter"].to_numpy() / 2)
    modelled = rasterize(((crown, 1) for crown in every), out_shape=vegetation.shape, transform=transform)
    shares = [
        grid[: rows * 50, : columns * 50].reshape(rows, 50, columns, 50).mean(axis=(1, 3)).ravel()
        for grid in (modelled, vegetation)
    ]
    assert np.corrcoef(*shares)[0, 1] > 0.7


def citygml(
    folder: Path, name: str, ids: list[str], *, srs: str = "urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", at: float = X
) -> Path:
    """A CityGML file with one flat-roofed block a building, three storeys each and no height."""
    members = []
    for i, key in enumerate(ids):
        x, y = at + 20 * i, Y
        ring = f"{x} {y} 50 {x + 10} {y} 50 {x + 10} {y + 10} 50 {x} {y + 10} 50 {x} {y} 50"
        members.append(
            f'<core:cityObjectMember><bldg:Building gml:id="{key}"><bldg:storeysAboveGround>3</bldg:storeysAboveGround>'
            "<bldg:boundedBy><bldg:RoofSurface><bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember><gml:Polygon>"
            f'<gml:exterior><gml:LinearRing><gml:posList srsDimension="3">{ring}</gml:posList></gml:LinearRing></gml:exterior>'
            "</gml:Polygon></gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:RoofSurface></bldg:boundedBy>"
            "</bldg:Building></core:cityObjectMember>"
        )
    spaces = 'xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0"'
    envelope = f'<gml:boundedBy><gml:Envelope srsName="{srs}" srsDimension="3"/></gml:boundedBy>' if srs else ""
    path = folder / name
    path.write_text(
        f'<core:CityModel {spaces} xmlns:gml="http://www.opengis.net/gml">{envelope}{"".join(members)}</core:CityModel>'
    )
    return path


def test_citygml_and_outlines_become_one_city(district: Path) -> None:
    first = citygml(district, "a.gml", ["g1", "g2"])
    second = citygml(district, "b.gml", ["g2", "g3"])
    footprints = {"path": district / "b.gpkg", "height": "h"}
    city = twin.load(buildings=[first, {"path": second}, footprints], default_storey_height=3.2)
    assert city.objects["id"].tolist() == ["g1", "g2", "g3", "b-1", "b-2", "b-3"]
    assert len(city.polygons) == len(city.surfaces) == 3
    assert city.surfaces["object"].tolist() == [0, 1, 2]
    assert city.polygons.rings(2)[0][0].tolist() == [X + 20, Y, 50]
    np.testing.assert_allclose(city.objects["measured_height"][:3], 9.6)
    log = city.gaps.set_index("code")
    assert log.loc["building_repeated", "places"] == ["g2"]
    assert city.sources["path"].tolist() == [str(first), str(second), str(district / "b.gpkg")]


def test_height_datum_of_the_buildings_is_kept(district: Path) -> None:
    file = citygml(district, "a.gml", ["g1"])
    assert twin.load(file).crs == pyproj.CRS("EPSG:25832+7837")
    assert twin.load(file, crs="EPSG:25832").crs == pyproj.CRS("EPSG:25832+7837")
    assert twin.load(file, crs=25832).crs == pyproj.CRS("EPSG:25832+7837")
    older = twin.load(file, crs="EPSG:25832+5783")
    assert older.crs == pyproj.CRS("EPSG:25832+5783")
    assert older.gaps.set_index("code").loc["height_datum_mixed", "layer"] == "buildings"


def test_citygml_of_another_zone_is_moved(district: Path) -> None:
    x, y = pyproj.Transformer.from_crs("EPSG:25832", "EPSG:25833", always_xy=True).transform(X, Y)
    city = twin.load(citygml(district, "a.gml", ["g1"]), crs="EPSG:25833")
    np.testing.assert_allclose(city.polygons.rings(0)[0][0], [x, y, 50], atol=1e-6)


def test_citygml_without_crs_stays_local_alone_and_is_refused_beside_others(district: Path) -> None:
    file = citygml(district, "local.gml", ["g1"], srs="")
    assert twin.load(file).crs is None
    with pytest.raises(InputError, match=r"local\.gml names no earth-bound .*crs = \"EPSG:25832\""):
        twin.load(buildings=file, terrain=district / "dgm.tif")
    assert twin.load(buildings={"path": file, "crs": CRS}, terrain=district / "dgm.tif").crs == pyproj.CRS(CRS)


def test_citygml_in_degrees_that_says_metres_is_refused(district: Path) -> None:
    file = citygml(district, "grad.gml", ["g1"], srs="EPSG:25832", at=9.0)
    file.write_text(
        file.read_text().replace(f"{Y} ", "53.5 ").replace(f"{Y + 10} ", "53.501 ").replace("19.0 ", "9.001 ")
    )
    with pytest.raises(InputError, match="look like degrees"):
        twin.load(file)


def test_layers_of_a_wrong_kind_are_one_sentence(district: Path) -> None:
    for layers in ({"terrain": [{"path": "a.tif"}]}, {"trees": 7}, {"buildings": {"pth": "a.gml"}}):
        with pytest.raises(InputError) as caught:
            twin.load(**layers)  # type: ignore[arg-type]
        assert str(caught.value).endswith(".")


def test_attributes_some_buildings_lack_and_trees_entered_twice_are_said(samples: Path) -> None:
    rows = twin.load(samples / "city.toml").gaps
    missing = rows[rows["code"] == "attribute_missing"]
    assert {row["attribute"] for row in missing["values"]} == {"measured_height", "roof_type", "storeys"}
    assert (missing["count"] < missing["of"]).all()
    assert rows.loc[rows["code"] == "trees_repeated", "count"].tolist() == [1]
    assert rows.loc[rows["code"] == "trees_felled", "count"].tolist() == [1]
