"""City profiles: what they accept, and the one sentence for what they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.city.profile import make_profile, nearest, read_profile
from twin.errors import InputError

FULL = """
name = "Musterstadt"
crs = "EPSG:25832+7837"
area = [565000, 5930000, 565500, 5930500]
[[buildings]]
path = "lod2/*.gml"
licence = "dl-de/zero-2-0"
[[buildings]]
path = "buildings.shp"
storeys = "geschosse"
default_storey_height = 3.2
[terrain]
path = ["dgm1_a.tif", "dgm1_b.tif"]
[[trees]]
path = "baumkataster.csv"
columns = { species = "Baumart (bot.)", height = "Höhe (m)", x = "Ostwert", y = "Nordwert" }
crs = "EPSG:25832"
separator = ";"
decimal = ","
unknown = ["", 0, "k.A."]
units = { trunk_circumference = "m" }
[[land_cover]]
path = "alkis.gpkg"
column = "BEZEICH"
classes = { AX_Strassenverkehr = "asphalt" }
[[streets]]
path = "strassen.gpkg"
columns = { width = "breite" }
[[stations]]
path = "stationen.gpkg"
"""


def write_profile(folder: Path, body: str) -> Path:
    path = folder / "city.toml"
    path.write_text(body, encoding="utf-8")
    return path


def test_full_profile_is_read_and_paths_start_at_its_folder(tmp_path: Path) -> None:
    profile = read_profile(write_profile(tmp_path, FULL))
    assert profile.name == "Musterstadt"
    assert profile.area == (565000.0, 5930000.0, 565500.0, 5930500.0)
    assert profile.buildings[0].path == (str(tmp_path / "lod2" / "*.gml"),)
    assert profile.buildings[1].default_storey_height == 3.2
    assert profile.terrain is not None
    assert profile.terrain.path == (str(tmp_path / "dgm1_a.tif"), str(tmp_path / "dgm1_b.tif"))
    assert profile.trees[0].unknown == ("", "0", "k.A.")
    assert profile.trees[0].units is not None
    assert profile.trees[0].units.trunk_circumference == "m"
    assert profile.trees[0].units.trunk_diameter == "cm"
    assert len(profile.layers) == 7


def test_single_table_is_taken_as_one_layer() -> None:
    assert make_profile({"trees": {"path": "a.csv"}}).trees[0].path == ("a.csv",)


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ('nmae = "X"\n', ["'nmae'", "did you mean 'name'", "allowed are"]),
        ('[[trees]]\npath = "a.csv"\ncadaster = "berlin"\n', ["[trees] number 1", "did you mean 'cadastre'"]),
        (
            '[[trees]]\npath = "a.csv"\ncolumns = { heigth = "h" }\n',
            ["'heigth'", "did you mean 'height'", "trunk_diameter"],
        ),
        ('[[trees]]\npath = "a.csv"\nunits = { height = "feet" }\n', ["height = 'feet'", "'m'", "'cm'"]),
        ('[[trees]]\ncadastre = "berlin"\n', ["[trees] number 1", "has no 'path'"]),
        (
            '[[land_cover]]\npath = "a.gpkg"\ncover = "asfalt"\n',
            ["'asfalt' is no land cover", "'asphalt'", "bare_soil"],
        ),
        ('[[land_cover]]\npath = "a.gpkg"\nclasses = { A = "gras" }\n', ["'gras' is no land cover", "'grass'"]),
        ("area = [5, 0, 4, 1]\n", ["west < east"]),
        ("area = [5, 0, 4]\n", ["area"]),
        (
            '[[buildings]]\npath = "a.shp"\ndefault_storey_height = -1\n',
            ["default_storey_height = -1", "greater than 0"],
        ),
        ('[[trees]]\npath = "a.csv"\ncolumns = { age = "alter" }\n', ["survey_year"]),
        ("name = \n", ["no valid TOML"]),
        ("", ["is empty"]),
    ],
)
def test_a_wrong_profile_is_one_sentence(tmp_path: Path, body: str, parts: list[str]) -> None:
    path = write_profile(tmp_path, body)
    with pytest.raises(InputError) as caught:
        read_profile(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for part in parts:
        assert part in sentence


def test_missing_profile_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.toml does not exist"):
        read_profile(tmp_path / "missing.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes('name = "Köln"\n'.encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_profile(latin)


def test_nearest_says_nothing_where_nothing_is_near() -> None:
    assert nearest("zzz", ["height", "width"]) == ""
