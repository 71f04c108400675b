"""Errors people meet often are said in the reader's language; the sentence in code and logs stays English."""

import ast
import copy
import pickle
import re
import tomllib
from pathlib import Path
from string import Formatter

import pytest

import twin
from twin.city import delimited
from twin.errors import InputError, Phrase, TextError, sentence

ROOT = Path(twin.__file__).parent
TABLES = {
    tongue: tomllib.loads((ROOT / "texts" / f"errors.{tongue}.toml").read_text("utf-8")) for tongue in ("en", "de")
}


def raised() -> list[tuple[str, set[str]]]:
    """Key and names of every error text raised in the package."""
    found = []
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in ("TextError", "Phrase", "NotCityGMLError", "NotCityJSONError") and isinstance(
                node.args[0], ast.Constant
            ):
                found.append((node.args[0].value, {keyword.arg for keyword in node.keywords}))
    return found


def test_every_text_is_raised_with_the_names_it_has_in_both_languages():
    used = raised()
    assert len(used) > 25
    assert {key for key, _ in used} == set(TABLES["en"]) == set(TABLES["de"])
    for key, names in used:
        for table in TABLES.values():
            assert {field for _, field, _, _ in Formatter().parse(table[key]) if field} == names, key


def test_a_missing_file_is_said_in_german(tmp_path):
    with pytest.raises(InputError, match=r"does not exist") as caught:
        twin.load(trees=tmp_path / "keine.gpkg")
    assert re.search(r"keine\.gpkg.*gibt es nicht", sentence(caught.value, "de"))
    assert sentence(caught.value, "en") == str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("fehlt.gml", None, r"fehlt\.gml gibt es nicht: Pfad der CityGML-Datei prüfen"),
        ("leer.gml", "", r"leer\.gml ist leer"),
        ("brief.gml", "Guten Tag", r"brief\.gml ist kein XML \(Zeile 1"),
        ("wurzel.gml", "<a><b></b></a>", r"das Wurzelelement ist a"),
        ("laecheln.city.json", "{]", r"kein gültiges JSON: Zeile 1, Spalte 2"),
        ("liste.city.json", '{"type": "Liste"}', r"kein CityJSON.*nicht 'Liste'"),
    ],
)
def test_check_tells_in_german_what_is_wrong_with_a_city_model(tmp_path, monkeypatch, capfd, name, content, words):
    from twin.cli import program

    if content is not None:
        (tmp_path / name).write_text(content, "utf-8")
    monkeypatch.setenv("TWIN_LANG", "de")
    monkeypatch.setattr("sys.argv", ["twin", "check", str(tmp_path / name)])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    told = capfd.readouterr()
    assert re.search(words, " ".join((told.out + told.err).split()))


@pytest.mark.parametrize(
    ("table", "english", "german"),
    [
        ({"trees": {"path": "a", "paht": "x"}}, "'paht' is no key of", "'paht' gibt es nicht (gemeint: 'path'?)"),
        ({"terrain": {}}, "[terrain] has no 'path'", "[terrain] hat kein 'path'"),
        ({"terrain": {"path": "a", "nodata": "b"}}, "should be a valid number", "erwartet wird eine Zahl"),
        ({"terrain": {"path": "a", "resolution": 0}}, "greater than 0", "größer als 0"),
        ({"canopy": {"path": "a", "resolution": 900}}, "less than or equal to 100", "höchstens 100"),
        ({"area": [4, 3, 2, 1]}, "west < east", "West < Ost"),
        ({"area": [1, 2]}, "west < east", "West < Ost"),
        ({"land_cover": [{"path": "a", "cover": "gras"}]}, "did you mean 'grass'", "gemeint: 'grass'"),
        ({"trees": {"path": "a", "units": {"height": "km"}}}, "one of 'm', 'dm'", "eines von 'm', 'dm'"),
        ({"trees": {"path": "a", "columns": {"age": "x"}}}, "survey_year", "das Alter notiert"),
    ],
)
def test_a_wrong_profile_is_told_in_both_languages(table, english, german):
    from twin.city.profile import make_profile

    with pytest.raises(InputError) as caught:
        make_profile(table, where="stadt.toml")
    assert english in str(caught.value)
    assert german in sentence(caught.value, "de")
    assert sentence(caught.value, "en") == str(caught.value)


def test_grids_are_refused_in_german(samples):
    city = twin.load(samples / "city.toml")
    for area, resolution, words in (
        ((5, 5, 1, 1), 1.0, "ist leer: West, Süd"),
        (None, -1.0, "Zellgröße in Metern über 0"),
        ((0, 0, 10, 10), 1.0, "liegt außerhalb der Stadt"),
        (None, 0.001, "Millionen Zellen: eine Auflösung von"),
    ):
        with pytest.raises(InputError) as caught:
            city.rasterise(resolution=resolution, area=area)
        assert words in sentence(caught.value, "de")


def test_parts_of_a_sentence_follow_its_language():
    error = TextError(
        "column_missing", where="a.shp", wanted="hohe", near=Phrase("did_you_mean", word="hoehe"), listed="x"
    )
    assert "did you mean 'hoehe'" in str(error)
    assert "gemeint: 'hoehe'" in sentence(error, "de")


@pytest.mark.parametrize("again", [copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_of_worker_processes_keep_their_words(again):
    error = TextError("raster_bands", file="a.tif", count=3, formats=Phrase("say_raster"))
    assert sentence(again(error), "de") == sentence(error, "de")
    assert "Höhen" in sentence(error, "de")


def test_any_other_error_says_what_it_says():
    assert sentence(ValueError("plain"), "de") == "plain"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('id;x;y\n1;2;3\n2;"open;4\n5;6;7\n', r"quotation mark that is never closed \(the cell begins in row \d\)"),
        ("id;x;y\n1;2;3\n1;2;3;4;5\n", r"more cells in line 3 \(5\) than the heading has columns \(3\)"),
    ],
)
def test_a_damaged_table_is_told_in_own_words(tmp_path, text, expected):
    file = tmp_path / "trees.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=expected) as caught:
        delimited.read_delimited(file)
    assert "Error" not in str(caught.value)
    assert "tokenizing" not in sentence(caught.value, "de")
