"""The command line: what people type, what they read, and with which exit code it ends."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import twin
from twin.cli import main

COMMANDS = ("compare", "diff", "demo", "check", "convert", "run", "view", "schema")


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")
    monkeypatch.setenv("COLUMNS", "100")


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def coarse(tmp_path_factory, samples):
    """The sample scenario at 5 m, beside the sample's files."""
    content = (samples / "hitzetag.toml").read_text(encoding="utf-8")
    for name in ("city.toml", "wetter_hitzetag.csv"):
        content = content.replace(f'"{name}"', json.dumps((samples / name).as_posix()))
    assert "resolution = 1.0" in content
    file = tmp_path_factory.mktemp("scenario") / "coarse.toml"
    file.write_text(content.replace("resolution = 1.0", "resolution = 5.0"), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def result(coarse, tmp_path_factory):
    """Its result, made by the command line in a process of its own, with report but without picture."""
    folder = tmp_path_factory.mktemp("results") / "coarse"
    command = [
        sys.executable,
        "-m",
        "twin.cli",
        "run",
        str(coarse),
        "--output",
        str(folder),
        "--no-picture",
        "--lang",
        "de",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_help_has_an_example_for_each_command(capsys):
    assert called("--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)
    for command in COMMANDS:
        assert called(command, "--help") == 0
        assert re.search(rf"Examples?:\s+twin\s+{command}", capsys.readouterr().out)


def test_help_is_light():
    """``twin --help`` loads neither arrays nor graphics, which is what keeps it under 1.5 s."""
    code = (
        "import sys, time; t = time.process_time(); import twin.cli\n"
        "try: twin.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'xarray', 'pandas', 'pyvista', 'dask', 'matplotlib', 'rasterio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert time.process_time() - t < 1.5"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version(capsys):
    assert called("--version") == 0
    assert twin.__version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [("frobnicate",), ("run",), ("run", "a.toml", "--colour"), ("demo", "--lang", "fr")]
)
def test_wrong_commands_end_with_2(arguments, capsys):
    assert called(*arguments) == 2
    assert "Error" in capsys.readouterr().err


def test_schema_is_json(capsys):
    assert called("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"name", "city"} <= set(schema["required"])


def test_run_writes_everything_and_says_where(result):
    folder, said = result
    assert (folder / "report.html").is_file()
    assert str(folder) in said
    assert "report.html" in said
    assert re.search(r"Dauer: \d+ s", said)
    assert "keine Messung" in " ".join(said.split())
    manifest = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert "report.html" in manifest["files"]
    assert len(manifest["provenance"]["inputs"]) >= 6
    assert {row["role"] for row in manifest["provenance"]["inputs"]} >= {"buildings", "terrain", "trees", "weather"}
    maps = list((folder / "maps" / "utci").glob("*.tif"))
    assert len(maps) == 24


def test_report_stands_alone(result):
    page = (result[0] / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", page)
    assert 'lang="de"' in page


def test_python_and_command_line_give_the_same_bytes(result, coarse, tmp_path):
    """Report and legends are the command line's own; all data files are equal."""
    made = twin.run(coarse, output=tmp_path / "again")

    def digest(folder: Path) -> dict[str, str]:
        files = [
            path
            for path in folder.rglob("*")
            if path.is_file() and path.suffix not in (".html", ".qml") and path.name != "result.json"
        ]
        return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    assert digest(tmp_path / "again") == digest(result[0])
    one, two = (json.loads((f / "result.json").read_text()) for f in (tmp_path / "again", result[0]))
    assert {k: v for k, v in one.items() if k != "files"} == {k: v for k, v in two.items() if k != "files"}
    assert made.city is not None
    assert made.indicators["name"].str.startswith("area_utci_class_").any()


def test_view_tells_or_opens_the_report(result, capsys, monkeypatch):
    folder, _ = result
    opened = []
    monkeypatch.setattr("typer.launch", lambda url, **_options: opened.append(url))
    assert called("view", str(folder), "--no-open") == 0
    assert capsys.readouterr().out.strip() == str((folder / "report.html").absolute())
    assert opened == []
    assert called("view", str(folder)) == 0
    assert opened == [(folder / "report.html").absolute().as_uri()]


def test_view_makes_a_report_where_there_is_none(coarse, tmp_path, capsys):
    twin.run(coarse, output=tmp_path / "r")
    assert not (tmp_path / "r" / "report.html").exists()
    assert called("view", str(tmp_path / "r"), "--no-open") == 0
    assert (tmp_path / "r" / "report.html").is_file()


def test_view_of_no_result(tmp_path, capsys):
    assert called("view", str(tmp_path)) == 2
    assert "result.json" in capsys.readouterr().err


def test_check_json_of_the_sample_profile(samples, capsys):
    assert called("check", "--json", str(samples / "city.toml")) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"buildings", "parts", "polygons", "crs", "gaps", "trees"} <= set(found)
    assert found["buildings"] > 20
    assert found["crs"] == "EPSG:25832+7837"
    assert all({"code", "severity", "de", "en"} <= set(row) for row in found["gaps"])


@pytest.mark.parametrize(
    ("language", "words"), [("de", ("Was fehlt", "Was zu tun ist")), ("en", ("What is missing", "What to do"))]
)
def test_check_in_two_languages(samples, capsys, language, words):
    assert called("check", str(samples / "city.toml"), "--lang", language) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in words)


def test_check_ends_with_1_where_an_error_was_found(samples, capsys, monkeypatch):
    from twin.city import inspection
    from twin.city.gaps import GapLog

    log = GapLog()
    log.add("terrain_missing", layer="terrain", severity="error", count=1)
    found = inspection.Inspection("a.gml", "citygml", {"Building": 1}, None, None, gaps=log.table())
    monkeypatch.setattr(inspection, "inspect", lambda _path: found)
    assert called("check", "a.gml") == 1
    assert called("check", "a.gml", "--json") == 1


def test_reference_counts(shared, capsys):
    """The AdV file of North Rhine-Westphalia, counted beforehand by another program."""
    assert called("check", "--json", str(shared / "data" / "nrw-adv-lod2")) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["buildings"], found["parts"], found["polygons"]) == (27, 29, 500)
    assert found["crs"] == "EPSG:25832+7837"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Stopped"),
        (PermissionError(13, "Permission denied", "dgm.tif"), 2, "dgm.tif cannot be read or written"),
        (IsADirectoryError(21, "Is a directory", "tiles"), 2, "tiles is a folder"),
        (OSError(28, "No space left on device"), 1, "disk is full"),
        (MemoryError(), 1, "coarser resolution"),
        (RuntimeError("gears jammed"), 1, "not your input's fault"),
    ],
)
def test_faults_in_one_sentence(samples, capsys, monkeypatch, error, code, words):
    def fail(_path):
        raise error

    monkeypatch.setattr("twin.scenario.schema.read_scenario", fail)
    assert called("run", "x.toml") == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    if code == 1 and isinstance(error, RuntimeError):
        log = Path(re.search(r"are in (\S+\.log)", said)[1])
        assert "gears jammed" in log.read_text(encoding="utf-8")
        assert "Traceback" in log.read_text(encoding="utf-8")
        log.unlink()


def test_a_fault_in_the_report_does_not_cost_the_result(coarse, tmp_path, capsys, monkeypatch):
    def fail(*_arguments, **_options):
        raise ZeroDivisionError("in the report")

    monkeypatch.setattr("twin.report.page.write_report", fail)
    assert called("run", str(coarse), "--output", str(tmp_path / "r"), "--no-picture") == 1
    said = capsys.readouterr()
    assert "ZeroDivisionError" in said.err
    assert "Traceback" not in said.err
    assert str(tmp_path / "r") in said.out
    assert (tmp_path / "r" / "indicators.csv").is_file()
    Path(re.search(r"are in (\S+\.log)", said.err)[1]).unlink()


@pytest.mark.slow
def test_demo_from_an_empty_folder(tmp_path):
    """What the README promises: one command, a result with report and picture."""
    command = [sys.executable, "-m", "twin.cli", "demo", "--lang", "en"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "twin-demo"
    assert (folder / "report.html").is_file()
    assert str(Path("twin-demo") / "report.html") in done.stdout
    assert (folder / "scene.png").is_file() or "No 3D picture" in done.stderr
    table = pd.read_csv(folder / "indicators.csv")
    effect = table.loc[table["name"] == "utci_under_crowns_minus_open_sealed", "value"]
    assert effect.iloc[0] < -2.0


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("stadt.city.json", "CityJSON 2.0"),
        ("stadt.city.jsonl", "CityJSONSeq"),
        ("stadt.gml", "CityGML 3.0"),
        ("stadt.gml.gz", "CityGML 3.0"),
        ("stadt.gpkg", "GeoPackage"),
        ("stadt", "folder of GeoParquet tables"),
    ],
)
def test_convert_by_the_ending(samples, tmp_path, capsys, name, format_name):
    assert called("convert", str(samples / "lod2"), str(tmp_path / name), "--lod", "2") == 0
    said = capsys.readouterr().out
    assert format_name in said
    source = twin.load(samples / "lod2", lod=2)
    assert f"{len(source.buildings)} Building" in said
    if name != "stadt.gpkg":
        again = twin.load(tmp_path / name)
        assert list(again.objects["id"]) == list(source.objects["id"])
        assert len(again.polygons) == len(source.polygons)


def test_convert_says_what_a_format_has_no_place_for(samples, tmp_path, capsys):
    assert called("convert", str(samples / "city.toml"), str(tmp_path / "stadt.gml"), "--lang", "de") == 0
    said = capsys.readouterr().out
    assert "weggelassen: trees, land_cover, streets" in said
    assert "terrain" in said
    assert "twin check" in said


def test_convert_brings_to_another_crs(samples, tmp_path):
    assert called("convert", str(samples / "lod2"), str(tmp_path / "stadt.city.json"), "--crs", "EPSG:25833") == 0
    again = twin.load(tmp_path / "stadt.city.json")
    assert "zone 33N" in again.crs.name
    back = again.objects.to_crs(25832).total_bounds
    assert back == pytest.approx(twin.load(samples / "lod2").objects.total_bounds, abs=0.05)


def test_convert_to_an_unknown_ending_reads_nothing(samples, tmp_path, capsys):
    assert called("convert", str(samples / "fehlt.gml"), str(tmp_path / "stadt.dwg")) == 2
    assert "ending that no writer knows" in capsys.readouterr().err
