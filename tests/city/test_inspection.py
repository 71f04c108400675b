"""What ``twin check`` says: counts, CRS, extent, columns and gaps of whatever a planner was handed."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import LineString, Point, Polygon

from twin.city.inspection import inspect
from twin.errors import InputError
from twin.language import LANGUAGES

HERE = Path(__file__).parents[1]


def vector_file(
    path: Path, data: dict[str, list[object]], shapes: list[object], crs: str | None = "EPSG:25832", **options: object
) -> Path:
    gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=crs)).to_file(path, engine="pyogrio", **options)
    return path


def test_vector_file_is_told_with_its_columns(tmp_path: Path) -> None:
    bow = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    good = Polygon([(9, 9), (12, 9), (12, 12)])
    file = vector_file(tmp_path / "b.gpkg", {"h": [3.5, 9.0], "name": ["Rathaus", None]}, [bow, good])
    found = inspect(file).to_dict()
    assert (found["kind"], found["polygons"], found["buildings"], found["features"], found["invalid"]) == (
        "vector",
        2,
        0,
        2,
        1,
    )
    assert found["crs"] == "EPSG:25832"
    assert found["extent"] == [0.0, 0.0, 12.0, 12.0]
    assert found["columns"] == [
        {"name": "h", "type": "float64", "missing": 0, "values": "3.5 – 9"},
        {"name": "name", "type": "str", "missing": 1, "values": "Rathaus"},
    ]
    assert found["gaps"] == []
    json.dumps(found)


def test_missing_crs_is_a_gap_in_both_languages(tmp_path: Path) -> None:
    file = vector_file(tmp_path / "s.shp", {"name": ["A"]}, [LineString([(0, 0), (1, 1)])], crs=None)
    found = inspect(file).to_dict()
    assert found["crs"] is None
    row = found["gaps"][0]
    assert row["code"] == "file_without_crs"
    assert row["en"] == "s.shp names no coordinate reference system."
    assert row["de"] == "s.shp nennt kein Koordinatensystem."
    assert row["remedy_en"] != row["remedy_de"]


def test_raster_is_told_with_its_holes(tmp_path: Path) -> None:
    values = np.arange(20.0, 32.0, dtype=np.float32).reshape(3, 4)
    values[1, 2] = -9999
    file = tmp_path / "dgm.tif"
    with rasterio.open(
        file, "w", driver="GTiff", width=4, height=3, count=1, dtype="float32", nodata=-9999, crs="EPSG:25833",
        transform=from_origin(400000, 5800030, 10, 10),
    ) as out:  # fmt: skip
        out.write(values, 1)
    found = inspect(file).to_dict()
    assert (found["kind"], found["cells"], found["cells_without_value"]) == ("raster", 12, 1)
    assert found["extent"] == [400000.0, 5800000.0, 400040.0, 5800030.0]
    assert (found["values"], found["terrain_resolution"]) == ([20.0, 31.0], 10.0)
    assert [row["code"] for row in found["gaps"]] == ["terrain_raster_holes"]


def test_tree_table_and_cadastre_are_recognised(tmp_path: Path) -> None:
    table = tmp_path / "baeume.csv"
    table.write_text("art_bot;baumhoehe;kronedurch;stammumfg\nTilia;9;;100\nAcer;7;4;\n")
    found = inspect(table).to_dict()
    assert (found["kind"], found["rows"], found["cadastre"]) == ("table", 2, "berlin")
    assert [column["missing"] for column in found["columns"]] == [0, 0, 1, 1]
    data: dict[str, list[object]] = {
        "art_bot": ["Tilia cordata"],
        "baumhoehe": [9.0],
        "kronedurch": [0.0],
        "stammumfg": [100],
    }
    points = inspect(vector_file(tmp_path / "t.gpkg", data, [Point(565000, 5930000)])).to_dict()
    assert (points["trees"], points["species"]) == (1, {"Tilia cordata": 1})
    assert "tree_crown_diameter_filled" in [row["code"] for row in points["gaps"]]


def test_containers_and_folders_list_what_they_hold(tmp_path: Path) -> None:
    file = vector_file(tmp_path / "alles.gpkg", {"a": ["x"]}, [Point(0, 0)], layer="punkte")
    vector_file(file, {"b": ["y"]}, [LineString([(0, 0), (1, 1)])], layer="linien", mode="a")
    found = inspect(file).to_dict()
    assert (found["layers"], found["features"]) == (2, 2)
    assert [row["name"] for row in found["files"]] == ["punkte", "linien"]
    (tmp_path / "kaputt.gpkg").write_text("nichts")
    folder = inspect(tmp_path)
    rows = {row["name"]: row["kind"] for row in folder.to_dict()["files"]}
    assert rows == {"alles.gpkg": "vector", "kaputt.gpkg": "unreadable"}
    assert any("kaputt.gpkg" in row for section in folder.tables("de") for row in section.rows)


def test_unusable_paths_are_one_sentence(tmp_path: Path) -> None:
    empty, odd = tmp_path / "leer.tif", tmp_path / "brief.docx"
    empty.write_bytes(b"")
    odd.write_text("x")
    for path, words in ((tmp_path / "none.shp", "does not exist"), (empty, "empty"), (odd, "no known kind")):
        with pytest.raises(InputError, match=words) as caught:
            inspect(path)
        assert path.name in str(caught.value)
    (tmp_path / "sub").mkdir()
    with pytest.raises(InputError, match="no file of a known kind"):
        inspect(tmp_path / "sub")


def test_sample_profile_is_told_in_both_languages(samples: Path) -> None:
    found = inspect(samples / "city.toml")
    plain = found.to_dict()
    assert plain["kind"] == "profile"
    assert plain["crs"] == "EPSG:25832+7837"
    assert plain["buildings"] == (found.counts["Building"])
    assert plain["trees"] > 0
    assert plain["licences"]
    json.dumps(plain)
    titles = {language: [section.title for section in found.tables(language)] for language in LANGUAGES}
    assert titles["en"] != titles["de"]
    for language in LANGUAGES:
        for section in found.tables(language):
            assert section.rows
            assert all(len(row) == len(section.columns) for row in section.rows)
            assert all(isinstance(cell, str) for row in section.rows for cell in row)
    words = {cell for section in found.tables("de") for row in section.rows for cell in row}
    assert "1000 Flachdach" in words
    assert "Asphalt" in words


@pytest.mark.reference
def test_counts_of_every_reference_file_are_exact(shared: Path) -> None:
    expected = json.loads((shared / "data" / "expected_counts.json").read_text())
    wrong = {}
    for name, entry in expected.items():
        found = inspect(shared / "data" / name).to_dict()
        classes = entry["classes"]
        wanted = tuple(classes.get(key, 0) for key in ("Building", "BuildingPart", "Polygon"))
        if (found["buildings"], found["parts"], found["polygons"]) != wanted:
            wrong[name] = (found["buildings"], found["parts"], found["polygons"], wanted)
    assert not wrong
    assert len(expected) > 20


@pytest.mark.reference
def test_indoor_model_is_counted_with_an_error_and_adv_folder_is_told(shared: Path) -> None:
    indoor = inspect(shared / "data" / "citymodel-invalid" / "FZK-Haus_full.gml").to_dict()
    assert (indoor["buildings"], indoor["parts"], indoor["polygons"], indoor["crs"]) == (0, 0, 201, None)
    assert [(row["code"], row["severity"]) for row in indoor["gaps"]] == [("not_citygml", "error")]
    assert "IndoorFeatures" in indoor["gaps"][0]["de"]
    found = inspect(shared / "data" / "nrw-adv-lod2").to_dict()
    assert (found["buildings"], found["parts"], found["polygons"], found["crs"]) == (27, 29, 500, "EPSG:25832+7837")


@pytest.mark.reference
def test_tiergarten_profile_is_told(shared: Path) -> None:
    found = inspect(HERE / "profiles" / "berlin-tiergarten.toml").to_dict()
    assert (found["trees"], found["land_cover"]) == (15_434, 846)
    repeated = next(row for row in found["gaps"] if row["code"] == "footprint_repeated")
    assert found["buildings"] + repeated["count"] == 5_373
    assert found["licences"] == ["DL-DE->BY-2.0"]
