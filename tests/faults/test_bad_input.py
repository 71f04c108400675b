"""Bad input through the command line: exit 2, one sentence with file and remedy, an older result untouched."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from twin.cli import main

WEST, SOUTH = 571_700.0, 5_676_200.0
SIZE = 100.0

PROFILE = """
name = "Tiny"
crs = "EPSG:25832"
area = [571700.0, 5676200.0, 571800.0, 5676300.0]
[[buildings]]
path = "buildings.gpkg"
height = "height"
[terrain]
path = "dgm.tif"
[[land_cover]]
path = "cover.gpkg"
column = "kind"
classes = { road = "asphalt" }
"""

SCENARIO = """
name = "Hot"
city = "city.toml"
resolution = 5.0
[weather]
path = "weather.csv"
interval = "end"
[outputs]
folder = "result"
formats = ["zarr"]
"""

HEAD = "time,air_temperature,relative_humidity,wind_speed,global_radiation"


def weather_rows(hours=(11, 12, 13), radiation=800.0) -> str:
    return "\n".join([HEAD, *(f"2022-07-19T{h:02d}:00,33,35,2,{radiation}" for h in hours)]) + "\n"


def write_terrain(path: Path, *, crs: str | None = "EPSG:25832", west: float = WEST, holes: int = 0, **other) -> None:
    values = np.full((40, 40), 80.0, np.float32)
    values[:holes, :holes] = -9999.0
    transform = other.get("transform", from_origin(west - 50, SOUTH + SIZE + 50, 5, 5))
    size = {"width": 40, "height": 40, "count": 1, "dtype": "float32", "nodata": -9999.0}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **size) as file:
        file.write(values, 1)


def write_buildings(path: Path, *, crs: str | None = "EPSG:25832", shift: float = 0.0, degrees: bool = False) -> None:
    boxes = [shapely.box(WEST + x + shift, SOUTH + 20, WEST + x + 20 + shift, SOUTH + 40) for x in (10, 60)]
    table = gpd.GeoDataFrame({"height": [9.0, 15.0]}, geometry=boxes, crs="EPSG:25832")
    if degrees:
        table = table.to_crs(4326)
    (table.set_crs(crs, allow_override=True) if crs else table.set_crs(None, allow_override=True)).to_file(path)


@pytest.fixture
def town(tmp_path, monkeypatch):
    """A whole town of 100 m x 100 m, its scenario, and a place to run it."""
    monkeypatch.setenv("TWIN_LANG", "en")
    monkeypatch.chdir(tmp_path)
    write_buildings(tmp_path / "buildings.gpkg")
    write_terrain(tmp_path / "dgm.tif")
    road = gpd.GeoDataFrame(
        {"kind": ["road"]}, geometry=[shapely.box(WEST, SOUTH, WEST + SIZE, SOUTH + SIZE)], crs="EPSG:25832"
    )
    road.to_file(tmp_path / "cover.gpkg")
    (tmp_path / "city.toml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "hot.toml").write_text(SCENARIO, encoding="utf-8")
    (tmp_path / "weather.csv").write_text(weather_rows(), encoding="utf-8")
    return tmp_path


@pytest.fixture
def with_old_result(town):
    """The town, and an older result where the new one would go."""
    (town / "result").mkdir()
    (town / "result" / "result.json").write_text('{"format": 0}')
    (town / "result" / "maps.txt").write_text("old maps")
    return town


def twin_command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def content_of(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def replace_in(file: Path, old: str, new: str) -> None:
    content = file.read_text(encoding="utf-8")
    assert old in content
    file.write_text(content.replace(old, new), encoding="utf-8")


def to_degrees(town: Path) -> None:
    write_terrain(town / "dgm.tif", crs="EPSG:4326", transform=from_origin(10.02, 51.23, 0.0001, 0.0001))
    write_buildings(town / "buildings.gpkg", crs="EPSG:4326", degrees=True)
    replace_in(town / "city.toml", 'crs = "EPSG:25832"\narea = [571700.0, 5676200.0, 571800.0, 5676300.0]', "")


DOCTYPE = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<CityModel xmlns="http://www.opengis.net/citygml/2.0">&b;</CityModel>
"""


def to_citygml(town: Path, content: str) -> None:
    (town / "lod2.gml").write_text(content, encoding="utf-8")
    replace_in(town / "city.toml", 'path = "buildings.gpkg"\nheight = "height"', 'path = "lod2.gml"')


LOCAL = """<?xml version="1.0"?>
<CityModel xmlns="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0"
 xmlns:gml="http://www.opengis.net/gml"><cityObjectMember><bldg:Building gml:id="house"><bldg:boundedBy>
<bldg:RoofSurface><bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember><gml:Polygon><gml:exterior>
<gml:LinearRing><gml:posList srsDimension="3">0 0 6 30 0 6 30 30 6 0 30 6 0 0 6</gml:posList></gml:LinearRing>
</gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:RoofSurface>
</bldg:boundedBy></bldg:Building></cityObjectMember></CityModel>
"""


def to_local(town: Path) -> None:
    (town / "lod2.gml").write_text(LOCAL, encoding="utf-8")
    (town / "city.toml").write_text('[[buildings]]\npath = "lod2.gml"\n', encoding="utf-8")


FAULTS = {
    "scenario missing": (lambda town: (town / "hot.toml").unlink(), ["hot.toml", "does not exist"]),
    "scenario empty": (lambda town: (town / "hot.toml").write_text(""), ["hot.toml", "is empty"]),
    "profile missing": (lambda town: (town / "city.toml").unlink(), ["hot.toml", "city.toml", "correct the path"]),
    "profile empty": (lambda town: (town / "city.toml").write_text(""), ["city.toml"]),
    "profile typo": (lambda town: replace_in(town / "city.toml", "[terrain]", "[terain]"), ["city.toml", "terrain"]),
    "buildings missing": (lambda town: (town / "buildings.gpkg").unlink(), ["buildings.gpkg"]),
    "buildings empty": (lambda town: (town / "buildings.gpkg").write_bytes(b""), ["buildings.gpkg"]),
    "buildings no data file": (lambda town: (town / "buildings.gpkg").write_bytes(b"hello"), ["buildings.gpkg"]),
    "buildings elsewhere": (lambda town: write_buildings(town / "buildings.gpkg", shift=50_000), ["buildings.gpkg"]),
    "buildings in a wrong CRS": (
        lambda town: write_buildings(town / "buildings.gpkg", crs="EPSG:25833"),
        ["buildings.gpkg"],
    ),
    "no height column": (
        lambda town: replace_in(town / "city.toml", '"height"', '"hoehe"'),
        ["buildings.gpkg", "hoehe"],
    ),
    "terrain missing": (lambda town: (town / "dgm.tif").unlink(), ["dgm.tif"]),
    "terrain empty": (lambda town: (town / "dgm.tif").write_bytes(b""), ["dgm.tif"]),
    "terrain elsewhere": (lambda town: write_terrain(town / "dgm.tif", west=WEST + 50_000), ["dgm.tif"]),
    "all in degrees": (to_degrees, ["degrees"]),
    "wrong class": (lambda town: replace_in(town / "city.toml", '"asphalt"', '"tarmac"'), ["city.toml", "tarmac"]),
    "doctype": (lambda town: to_citygml(town, DOCTYPE), ["lod2.gml", "DOCTYPE"]),
    "gml cut off": (lambda town: to_citygml(town, DOCTYPE.split("\n")[0] + "\n<CityModel"), ["lod2.gml"]),
    "weather missing": (lambda town: (town / "weather.csv").unlink(), ["weather.csv", "does not exist"]),
    "weather empty": (lambda town: (town / "weather.csv").write_text(""), ["weather.csv", "is empty"]),
    "weather with a hole": (
        lambda town: (town / "weather.csv").write_text(weather_rows((9, 10, 12, 13))),
        ["weather.csv", "2022-07-19 11:00 UTC is missing", "start and end"],
    ),
    "weather with a missing value": (
        lambda town: replace_in(town / "weather.csv", "T12:00,33", "T12:00,"),
        ["weather.csv", "air_temperature", "2022-07-19T12:00"],
    ),
    "weather clock slipped": (
        lambda town: (town / "weather.csv").write_text(weather_rows((20, 21, 22, 23))),
        ["weather.csv", "below the horizon", "utc_offset"],
    ),
    "no interval": (
        lambda town: replace_in(town / "hot.toml", 'interval = "end"', ""),
        ["weather.csv", 'interval = "end"'],
    ),
    "area in degrees": (
        lambda town: replace_in(town / "hot.toml", "resolution", "area = [10.0, 51.2, 10.1, 51.3]\nresolution"),
        ["hot.toml", "degrees", "metres"],
    ),
    "terrain just beside": (lambda town: write_terrain(town / "dgm.tif", west=WEST + 200), ["dgm.tif", "overlap"]),
    "area of one cell": (
        lambda town: replace_in(
            town / "hot.toml", "resolution", "area = [571701.0, 5676201.0, 571702.0, 5676202.0]\nresolution"
        ),
        ["2 x 2 cells", "resolution of 5 m"],
    ),
    "local coordinates": (to_local, ["city.toml", "no place on Earth", "crs ="]),
    "area elsewhere": (
        lambda town: replace_in(town / "hot.toml", "resolution", "area = [1000.0, 1000.0, 2000.0, 2000.0]\nresolution"),
        ["area"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_exit_2_one_sentence_and_the_old_result_untouched(with_old_result, capfd, fault):
    spoil, expected = FAULTS[fault]
    spoil(with_old_result)
    before = content_of(with_old_result / "result")
    code = twin_command("run", "hot.toml", "--no-picture")
    said = capfd.readouterr()
    assert code == 2, said.err
    lines = [line for line in said.err.splitlines() if line.strip()]
    assert len(lines) == 1, said.err
    assert "Traceback" not in said.err + said.out
    for part in expected:
        assert part.lower() in lines[0].lower(), lines[0]
    assert len(lines[0]) > 40
    assert content_of(with_old_result / "result") == before
    assert [path.name for path in with_old_result.iterdir() if path.name.startswith(".")] == []


def test_a_good_run_replaces_the_old_result(with_old_result, capfd):
    assert twin_command("run", "hot.toml", "--no-picture") == 0
    names = set(content_of(with_old_result / "result"))
    assert "maps.txt" not in names
    assert {"result.json", "report.html", "indicators.csv"} <= names


def test_terrain_with_holes_works_and_is_in_the_gap_table(town, capfd):
    from twin.scenario.results import Result

    write_terrain(town / "dgm.tif", holes=16)
    assert twin_command("run", "hot.toml", "--no-picture") == 0
    result = Result.open(town / "result")
    assert result.gaps["code"].str.contains("terrain").any()
    assert not np.isnan(result.site["terrain_height"].values).any()
    assert "terrain" in (town / "result" / "gaps.csv").read_text(encoding="utf-8")


def test_buildings_without_crs_are_read_in_the_profile_s(town, capfd):
    """A file that names no CRS is either taken in the profile's (with a gap row) or refused; never silently."""
    write_buildings(town / "buildings.gpkg", crs=None)
    code = twin_command("run", "hot.toml", "--no-picture")
    said = capfd.readouterr()
    if code == 0:
        from twin.scenario.results import Result

        assert Result.open(town / "result").gaps["code"].str.contains("crs").any()
    else:
        assert code == 2
        assert "buildings.gpkg" in said.err


RUBBISH = [
    (name, content)
    for name in ("a.gml", "a.tif", "a.gpkg", "a.toml", "a.csv", "a.geojson", "a.xyz")
    for content in (b"", b"x", DOCTYPE.encode(), b"<a>", b"PK\x03\x04", bytes(range(256)))
    if (name, content) != ("a.csv", DOCTYPE.encode())  # a table of one column, as far as anyone can tell
]


@pytest.mark.parametrize(("name", "content"), RUBBISH)
def test_check_of_rubbish_is_2_and_a_sentence(town, capfd, name, content):
    (town / name).write_bytes(content)
    code = twin_command("check", name)
    said = capfd.readouterr()
    assert code == 2, said.out + said.err
    assert name in said.err
    assert "Traceback" not in said.err + said.out


def test_check_of_nothing(town, capfd):
    assert twin_command("check", "none.gml") == 2
    assert "none.gml" in capfd.readouterr().err
    (town / "folder").mkdir()
    assert twin_command("check", "folder") == 2
    assert "folder" in capfd.readouterr().err


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable_file(town, capfd):
    (town / "weather.csv").chmod(0)
    assert twin_command("run", "hot.toml", "--no-picture") == 2
    assert "weather.csv" in capfd.readouterr().err


def test_as_a_process(town):
    """What a shell sees: exit code 2, nothing on standard output, the sentence on standard error."""
    (town / "weather.csv").write_text(weather_rows((9, 10, 12, 13)))
    command = [sys.executable, "-m", "twin.cli", "run", "hot.toml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=town, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "weather.csv" in done.stderr
