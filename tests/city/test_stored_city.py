"""A city kept as tables: what is read back is what was written; a part reads only its tiles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import twin
from twin.city.model import City, Polygons
from twin.city.writers.columns import packed, unpacked
from twin.errors import InputError

TABLES = (
    "objects",
    "surfaces",
    "boundaries",
    "shells",
    "trees",
    "land_cover",
    "network",
    "stations",
    "structures",
    "streams",
    "gaps",
    "sources",
)


def assert_identical(one: City, other: City) -> None:
    """Every table, every dtype, every coordinate, bit by bit."""
    for name in TABLES:
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(one, name)), pd.DataFrame(getattr(other, name)), obj=name)
    for name in ("xyz", "ring_start", "polygon_start"):
        np.testing.assert_array_equal(getattr(one.polygons, name), getattr(other.polygons, name))
    for name in ("terrain", "canopy_height"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None)
        if first is not None:
            np.testing.assert_array_equal(first.values, second.values)
            np.testing.assert_array_equal(first["x"], second["x"])
            np.testing.assert_array_equal(first["y"], second["y"])
            assert first.attrs["units"] == second.attrs["units"]
            assert first.rio.crs == second.rio.crs
    assert (one.crs, one.area, one.name) == (other.crs, other.area, other.name)


@pytest.fixture(scope="module")
def district() -> City:
    return twin.load(Path(__file__).parents[2] / "data" / "samples" / "city.toml")


@pytest.mark.parametrize("tile", [100.0, 250.0, 10_000.0])
def test_the_sample_district_comes_back_whole(district: City, tmp_path: Path, tile: float) -> None:
    assert district.write(tmp_path / "stadt", tile=tile) == tmp_path / "stadt"
    assert_identical(district, twin.load(tmp_path / "stadt"))


@pytest.mark.parametrize(
    "name",
    [
        "berlin-lod2/3900_5820.gml", "nrw-adv-lod2/in_old.gml", "ingolstadt-lod3/4018216.xml", "citygml3/Building_LOD3-EPSG25832.gml",
        "citygml3/Road_over_Bridge_CityGML3.0_LOD2_with_CityObjectRelations.gml", "citygml3/LocalCRS_CityGML3.gml",
        "cityjson/lod2_buildings_v2.json", "cityjson/geomtemplate_2.json", "cityjson/3dbag_b2.city.jsonl",
    ],
)  # fmt: skip
def test_every_kind_of_delivered_city_comes_back_whole(shared: Path, tmp_path: Path, name: str) -> None:
    city = twin.load(shared / "data" / name)
    city.write(tmp_path / "stadt", tile=200.0)
    assert_identical(city, twin.load(tmp_path / "stadt"))


@st.composite
def _cities(draw: st.DrawFn) -> City:
    """A small random city: parts and wholes in any order of rows, polygons with holes, surfaces without an object."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 7))
    parent = np.array([random.integers(-1, i) if i and random.random() < 0.4 else -1 for i in range(count)], np.int64)
    values = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=4))
    attributes = np.empty(count, dtype=object)
    attributes[:] = [
        draw(st.dictionaries(st.text(max_size=3), st.one_of(values, st.lists(values, max_size=2)), max_size=2))
        for _ in range(count)
    ]
    shapes = [
        shapely.box(x, y, x + 5, y + 5) if random.random() < 0.7 else None
        for x, y in random.uniform(0, 900, (count, 2))
    ]
    objects = gpd.GeoDataFrame(
        {
            "id": pd.Series([f"o{i}" for i in range(count)], dtype=object), "kind": pd.Series(["Building"] * count, dtype=object),
            "parent": parent, "lod": pd.Series(["2"] * count, dtype=object),
            "function": pd.Series([None if i % 2 else "" for i in range(count)], dtype=object),
            "roof_type": pd.Series(["1000"] * count, dtype=object), "measured_height": random.uniform(0, 20, count),
            "ground_height": np.full(count, np.nan), "storeys": np.full(count, np.nan), "year": np.full(count, 1900.0),
            "attributes": attributes, "source": pd.Series(["a.gml"] * count, dtype=object),
        },
        geometry=gpd.GeoSeries(shapes, crs=25833), crs=25833,
    )  # fmt: skip
    faces = draw(st.integers(0, 9))
    rings = random.integers(1, 3, faces)
    sizes = random.integers(3, 6, int(rings.sum()))
    owner = random.integers(-1, count, faces) if count else np.full(faces, -1)
    surfaces = pd.DataFrame(
        {
            "object": owner.astype(np.int64), "lod": np.full(faces, 2, np.int8), "kind": pd.Series(["RoofSurface"] * faces, dtype=object),
            "boundary": np.full(faces, -1, np.int64), "element": pd.Categorical(["Polygon"] * faces, categories=["Polygon", "Triangle"]),
            "closed": np.ones(faces, bool), "geometry": np.arange(faces),
        }
    )  # fmt: skip
    starts = [np.concatenate([[0], np.cumsum(n)]).astype(np.int64) for n in (sizes, rings)]
    polygons = Polygons(random.uniform(0, 900, (int(sizes.sum()), 3)), *starts)
    used = random.permutation(faces)[: faces // 2]
    city = City(pyproj.CRS(25833), objects, surfaces, polygons)
    shells = pd.DataFrame(
        {
            "object": owner[used].astype(np.int64), "lod": np.full(len(used), 2, np.int8), "solid": np.zeros(len(used), np.int64),
            "shell": np.zeros(len(used), np.int64), "polygon": used.astype(np.int64), "reversed": np.zeros(len(used), bool),
        }
    )  # fmt: skip
    return city.replace(shells=shells)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(city=_cities(), tile=st.sampled_from([50.0, 400.0]))
def test_a_random_city_comes_back_whole(city: City, tile: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("stadt") / "s"
    city.write(folder, tile=tile)
    assert_identical(city, twin.load(folder))


def test_a_part_is_what_loading_the_part_gives_and_reads_only_its_tiles(
    district: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    west, south = map(float, district.objects.total_bounds[:2])
    area = (west, south, west + 60, south + 60)
    district.write(tmp_path / "stadt", tile=50.0)
    groups: list[int] = []
    plain = pq.ParquetFile.read_row_groups

    def noted(self: pq.ParquetFile, row_groups: list[int], *args: Any, **options: Any) -> Any:
        groups.append(len(row_groups))
        return plain(self, row_groups, *args, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", noted)
    part = twin.load(tmp_path / "stadt", area=area)
    read = sum(groups)
    groups.clear()
    twin.load(tmp_path / "stadt")
    assert read < 0.6 * sum(groups)  # the area and 200 m around it are about a third of the district
    direct = twin.load(Path(__file__).parents[2] / "data" / "samples" / "city.toml", area=area)
    assert sorted(part.objects["id"]) == sorted(direct.objects["id"])
    assert sorted(part.trees["id"]) == sorted(direct.trees["id"])
    assert len(part.land_cover) == len(direct.land_cover)
    np.testing.assert_allclose(part.polygons.xyz.sum(), direct.polygons.xyz.sum())
    one, other = (c.rasterise(resolution=2.0) for c in (part, direct))
    for layer in (
        "terrain_height",
        "surface_height",
        "land_cover",
    ):  # crowns are filled from the trees that were loaded
        np.testing.assert_array_equal(one[layer].values, other[layer].values)


def test_opening_reads_no_table(district: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    district.write(tmp_path / "stadt", tile=200.0)

    def never(*_: Any, **__: Any) -> Iterator[None]:
        raise AssertionError("a table was read")

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", never)
    stored = twin.open_city(tmp_path / "stadt")
    assert stored.counts()["trees"] == len(district.trees)
    tiles = stored.tiles
    assert tiles["trees"].sum() == len(district.trees)
    assert len(tiles) > 4
    assert stored.crs == district.crs


def test_other_programs_read_the_tables(district: City, tmp_path: Path) -> None:
    district.write(tmp_path / "stadt", tile=200.0)
    objects = gpd.read_parquet(tmp_path / "stadt" / "objects.parquet")
    assert objects.crs is not None
    assert objects.crs.to_epsg() == 25832
    assert set(objects["id"]) == set(district.objects["id"])
    assert isinstance(json.loads(objects["attributes"].iloc[0]), dict)
    as_layer = twin.load(trees={"path": tmp_path / "stadt" / "trees.parquet"}, crs="EPSG:25832")
    assert len(as_layer.trees) == len(district.trees)


def test_folders_of_others_are_never_replaced_and_damage_is_told(district: City, tmp_path: Path) -> None:
    (tmp_path / "meins").mkdir()
    (tmp_path / "meins" / "brief.txt").write_text("bleibt")
    with pytest.raises(InputError, match="is no city written before"):
        district.write(tmp_path / "meins")
    assert (tmp_path / "meins" / "brief.txt").read_text() == "bleibt"
    folder = district.write(tmp_path / "stadt")
    district.write(folder)  # its own kind is replaced
    with pytest.raises(InputError, match=r"trees cannot be changed while it is read"):
        twin.load(folder, trees="x.csv")
    (folder / "surfaces.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"surfaces\.parquet is (missing or )?damaged"):
        twin.load(folder)
    (folder / "city.json").write_text("{")
    with pytest.raises(InputError, match=r"city\.json is damaged"):
        twin.load(folder)
    with pytest.raises(InputError, match="holds no city"):
        twin.open_city(tmp_path / "meins")
    with pytest.raises(InputError, match="tile must be a length"):
        district.write(tmp_path / "neu", tile=0.0)
    with pytest.raises(InputError, match="ending that no writer knows"):
        district.write(tmp_path / "stadt.dwg")
    assert not list(tmp_path.glob(".*"))  # nothing half written stays behind


def test_a_failed_write_leaves_the_old_city(district: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = district.write(tmp_path / "stadt")
    before = {f.name: f.read_bytes() for f in folder.iterdir()}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("twin.city.writers.parquet._write_raster", full)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        district.write(folder)
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before


def test_columns_of_every_type_survive() -> None:
    frame = pd.DataFrame(
        {
            "words": pd.Series(["a", None, ""], dtype=object), "mixed": pd.Series([1, "x", None], dtype=object),
            "nested": pd.Series([{"a": [1, {"b": None}]}, None, {}], dtype=object), "small": np.array([1, -2, 3], np.int8),
            "flag": [True, False, True], "text": pd.Series(["a", None, "c"], dtype="str"),
            "sort": pd.Categorical(["x", None, "x"], categories=["y", "x"]), "real": [1.5, np.nan, np.inf],
        }
    )  # fmt: skip
    plain, kinds = packed(frame)
    pd.testing.assert_frame_equal(unpacked(plain, kinds), frame)


def test_geopackage_holds_every_layer_and_is_the_same_each_time(district: City, tmp_path: Path) -> None:
    file = district.write(tmp_path / "stadt.gpkg")
    layers = {str(name): str(kind) for name, kind in pyogrio.list_layers(file)}
    assert {"buildings", "trees", "land_cover", "streets", "gap_places"} <= set(layers)
    buildings = gpd.read_file(file, layer="buildings")
    assert len(buildings) == len(district.buildings)
    assert buildings.crs.to_epsg() == 25832
    np.testing.assert_allclose(buildings["measured_height"], district.buildings["measured_height"])
    again = district.write(tmp_path / "nochmal.gpkg")
    assert file.read_bytes() == again.read_bytes()
    layer = {"path": file, "layer": "buildings", "height": "measured_height", "id": "id"}
    city = twin.load(
        buildings=layer, trees={"path": file, "layer": "trees"}, land_cover={"path": file, "layer": "land_cover"}
    )
    assert set(city.buildings["id"]) <= set(district.buildings["id"])
    assert len(city.trees) == len(district.trees)
    assert sorted(city.land_cover["cover"]) == sorted(district.land_cover["cover"])


def test_gap_places_lie_where_the_ids_are(district: City) -> None:
    places = district.gap_places("en")
    assert {"code", "layer", "severity", "place", "message", "remedy"} <= set(places.columns)
    assert len(places) == sum(len(p) for p in district.gaps["places"])
    trees = district.trees.set_index("id").geometry
    told = places[(places["layer"] == "trees") & places["place"].isin(trees.index)]
    assert len(told) >= 3
    for row in told.itertuples():
        assert trees[row.place].distance(row.geometry) < 1e-9 if trees.index.is_unique else True
    assert places[~places.geometry.isna()].crs == district.crs


def test_an_empty_city_is_refused_as_geopackage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to write"):
        City(crs=pyproj.CRS(25832)).write(tmp_path / "leer.gpkg")


def test_streams_of_a_model_are_kept_and_follow_their_objects(shared, tmp_path):
    name = "Building_CityGML3.0_with_Dynamizer_and_inline_Timeseries.gml"
    city = twin.load(shared / "data" / "citygml3" / name)
    assert len(city.streams)
    assert any(len(values) for values in city.streams["values"])
    city.write(tmp_path / "city.parquet")
    assert_identical(twin.load(tmp_path / "city.parquet"), city)
    _, _, east, north = city.objects.total_bounds
    far = twin.load(tmp_path / "city.parquet", area=(east + 5e4, north + 5e4, east + 5.1e4, north + 5.1e4))
    assert set(far.streams["id"]) <= set(far.objects["id"]) | set(far.boundaries["id"])


def test_a_folder_written_before_there_were_streams_and_structures(district, tmp_path):
    folder = district.write(tmp_path / "old")
    manifest = json.loads((folder / "city.json").read_text(encoding="utf-8"))
    del manifest["streams"], manifest["tables"]["structures"]
    (folder / "city.json").write_text(json.dumps(manifest), encoding="utf-8")
    old = twin.load(folder)
    assert (len(old.streams), len(old.structures)) == (0, 0)
    pd.testing.assert_frame_equal(pd.DataFrame(old.objects), pd.DataFrame(district.objects))
