"""The made sample district: is it what it says, and is it geometrically sound to the strictest rules?"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from shapely.geometry import box

AREA = (571700.0, 5676200.0, 572200.0, 5676700.0)


@pytest.fixture(scope="module")
def tree_rows(samples: Path) -> list[dict[str, str]]:
    with (samples / "baumkataster.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def german(text: str) -> float:
    return float(text.replace(",", "."))


# ---- the files as a whole


@pytest.mark.slow
def test_the_script_writes_the_committed_files_again(samples: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(samples / "make_samples.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same" in done.stdout


def test_check_finds_changed_files_but_forgives_another_packing(samples: Path, tmp_path: Path) -> None:
    """The comparison itself must be able to fail."""
    for name in [path.name for path in samples.iterdir() if path.suffix != ".py" and path.name != "district"]:
        copy = shutil.copytree if (samples / name).is_dir() else shutil.copy
        copy(samples / name, tmp_path / name)
    code = (
        f"import sys; sys.path.insert(0, {str(samples)!r}); import make_samples as m; from pathlib import Path; "
        f"print(m.differences(Path({str(tmp_path)!r})))"
    )

    def differences() -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    with rasterio.open(samples / "dgm1.tif") as raster:
        heights, profile = raster.read(), raster.profile | {"compress": "lzw"}
    with rasterio.open(tmp_path / "dgm1.tif", "w", **profile) as raster:
        raster.write(heights)
    streets = gpd.read_file(samples / "strassen.gpkg")
    streets.to_file(tmp_path / "strassen.gpkg", layer="strassen")  # same rows, other date of writing
    assert (tmp_path / "strassen.gpkg").read_bytes() != (samples / "strassen.gpkg").read_bytes()
    assert differences() == "[]"

    heights[0, 7, 7] += 0.01
    with rasterio.open(tmp_path / "dgm1.tif", "w", **profile) as raster:
        raster.write(heights)
    streets.loc[3, "name"] = "Andere Straße"
    (tmp_path / "strassen.gpkg").unlink()
    streets.to_file(tmp_path / "strassen.gpkg", layer="strassen")
    (tmp_path / "wetter_hitzetag.csv").write_bytes((samples / "wetter_hitzetag.csv").read_bytes() + b"\n")
    assert differences() == "['dgm1.tif', 'strassen.gpkg', 'wetter_hitzetag.csv']"


def test_the_samples_are_small_enough_to_ship(samples: Path) -> None:
    files = [
        p
        for p in samples.rglob("*")
        if p.is_file() and p.suffix in {".csv", ".gml", ".gpkg", ".inp", ".md", ".py", ".tif", ".toml"}
    ]
    shipped = [
        p for p in files if not any(part.startswith((".", "__pycache__")) for part in p.relative_to(samples).parts)
    ]
    assert len(shipped) > 20
    size = sum(p.stat().st_size for p in shipped)
    assert size < 6_000_000


def test_profile_and_scenario_name_files_and_columns_that_exist(samples: Path, tree_rows: list[dict[str, str]]) -> None:
    profile = tomllib.loads((samples / "city.toml").read_text(encoding="utf-8"))
    assert tuple(profile["area"]) == AREA
    assert profile["crs"] == "EPSG:25832+7837"
    assert set(profile["trees"][0]["columns"].values()) <= set(tree_rows[0])
    cover = gpd.read_file(samples / profile["land_cover"][0]["path"])
    assert set(cover[profile["land_cover"][0]["column"]]) == set(profile["land_cover"][0]["classes"])
    streets = gpd.read_file(samples / profile["streets"][0]["path"])
    assert set(profile["streets"][0]["columns"].values()) <= set(streets.columns)
    scenario = tomllib.loads((samples / "hitzetag.toml").read_text(encoding="utf-8"))
    assert (samples / scenario["city"]).exists()
    lines = (samples / scenario["weather"]["path"]).read_text(encoding="utf-8").splitlines()
    header = next(line for line in lines if not line.startswith("#"))
    assert set(scenario["weather"]["columns"].values()) <= set(header.split(";"))


# ---- terrain


def test_every_file_has_a_licence(samples: Path) -> None:
    profile = tomllib.loads((samples / "city.toml").read_text(encoding="utf-8"))
    layers = [layer for table in profile.values() if isinstance(table, list | dict) for layer in _tables(table)]
    assert [layer["licence"] for layer in layers] == ["CC0-1.0"] * 7
    assert "# licence: CC0-1.0" in (samples / "wetter_hitzetag.csv").read_text(encoding="utf-8")


def _tables(value: list | dict) -> list[dict]:
    return [value] if isinstance(value, dict) else [entry for entry in value if isinstance(entry, dict)]


def test_terrain_covers_the_area_with_a_slope_to_the_river(samples: Path) -> None:
    with rasterio.open(samples / "dgm1.tif") as raster:
        assert raster.crs.to_epsg() == 25832
        assert raster.res == (1.0, 1.0)
        assert raster.dtypes == ("float32",)
        assert box(*raster.bounds).buffer(-5).contains(box(*AREA))
        heights = raster.read(1, masked=True)
    assert not heights.mask.any()
    assert 10.0 < float(heights.max() - heights.min()) < 16.0
    assert float(heights[60:90].mean()) - float(heights[-150:-110].mean()) > 7.0


def test_water_surfaces_are_level_and_step_down_at_the_weir(samples: Path, cover: gpd.GeoDataFrame) -> None:
    river = cover[cover["nutzung"] == "AX_Fliessgewaesser"]
    water = river[river["belag"] == "Wasser"].union_all().buffer(-2.0)
    with rasterio.open(samples / "dgm1.tif") as raster:
        above = [v[0] for v in raster.sample([(AREA[0] + u, AREA[1] + v) for u, v in _inside(water, 0, 305)])]
        below = [v[0] for v in raster.sample([(AREA[0] + u, AREA[1] + v) for u, v in _inside(water, 320, 500)])]
    assert np.ptp(above) == 0.0
    assert np.ptp(below) == 0.0
    assert 1.0 < above[0] - below[0] < 2.0


def _inside(shape: shapely.Geometry, low: float, high: float) -> list[tuple[float, float]]:
    u, v = np.meshgrid(np.arange(low, high, 5.0), np.arange(0.0, 120.0, 2.0))
    kept = shapely.contains_xy(shape, u, v)
    return list(zip(u[kept].tolist(), v[kept].tolist(), strict=True))


def test_the_underpass_is_a_hollow_without_outlet(samples: Path, streets: gpd.GeoDataFrame) -> None:
    (line,) = streets[streets["name"] == "Bahnunterführung"].geometry
    points = [line.interpolate(s) for s in np.arange(0.0, line.length, 1.0)]
    with rasterio.open(samples / "dgm1.tif") as raster:
        heights = np.array([v[0] for v in raster.sample([(AREA[0] + p.x, AREA[1] + p.y) for p in points])])
    lowest = int(heights.argmin())
    assert heights[:lowest].max() - heights[lowest] > 2.0
    assert heights[lowest:].max() - heights[lowest] > 1.5
    assert np.abs(np.diff(heights)).max() < 0.2  # no step that a car could not take


# ---- trees


def test_tree_list_has_the_gaps_of_a_real_one(samples: Path, tree_rows: list[dict[str, str]]) -> None:
    assert (samples / "baumkataster.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    count = len(tree_rows)
    assert 700 <= count <= 1000
    missing = sum(r["Kronendurchmesser (m)"] in {"", "0", "k.A."} for r in tree_rows)
    assert 0.15 < missing / count < 0.25
    assert 10 < sum(r["Höhe (m)"] in {"", "0", "k.A."} for r in tree_rows) < 0.12 * count
    assert sum(r["Höhe (m)"] == "k.A." for r in tree_rows) >= 3
    assert any(r["Pflanzjahr"] == "vor 1945" for r in tree_rows)
    assert sum("gefällt" in r["Bemerkung"] for r in tree_rows) == 1
    numbers = Counter(r["Baumnummer"] for r in tree_rows)
    assert [k for k in numbers.values() if k > 1] == [2]
    assert len({r["Baumart botanisch"] for r in tree_rows}) >= 20


def test_tree_sizes_fit_together(tree_rows: list[dict[str, str]]) -> None:
    known = [
        r
        for r in tree_rows
        if all(r[c] not in {"", "0", "k.A."} for c in ("Höhe (m)", "Kronendurchmesser (m)", "Stammumfang (cm)"))
    ]
    height, crown, girth = (
        np.array([german(r[c]) for r in known]) for c in ("Höhe (m)", "Kronendurchmesser (m)", "Stammumfang (cm)")
    )
    assert height.min() >= 2.0
    assert height.max() <= 32.0
    assert crown.max() <= 22.0
    assert (crown < 1.4 * height + 1.0).all()
    assert np.corrcoef(girth, height)[0, 1] > 0.7
    assert np.corrcoef(girth, crown)[0, 1] > 0.6


def test_trees_stand_clear_of_houses_roads_and_water(
    tree_rows: list[dict[str, str]], footprints: gpd.GeoSeries, streets: gpd.GeoDataFrame, cover: gpd.GeoDataFrame
) -> None:
    points = shapely.points([(german(r["Ostwert"]) - AREA[0], german(r["Nordwert"]) - AREA[1]) for r in tree_rows])
    houses = shapely.union_all(footprints.to_numpy())
    assert sum(shapely.contains(houses, points)) == 1  # the slip that the list is meant to have
    roads = streets[streets["art"] != "Fußweg"]
    lanes = shapely.union_all(
        [g.buffer(w / 2, cap_style="flat") for g, w in zip(roads.geometry, roads["breite"], strict=True)]
    )
    assert not shapely.contains(lanes, points).any()
    assert not shapely.contains(cover[cover["belag"] == "Wasser"].union_all(), points).any()
    assert shapely.contains(box(0, 0, 500, 500), points).all()


# ---- land cover and streets


def test_land_cover_fills_the_area_exactly(cover: gpd.GeoDataFrame) -> None:
    assert cover.geometry.is_valid.all()
    assert shapely.coverage_is_valid(cover.geometry.to_numpy())
    assert cover.area.sum() == pytest.approx(250_000.0, abs=0.01)
    assert cover.union_all().symmetric_difference(box(0, 0, 500, 500)).area < 0.01


def test_land_cover_has_the_mix_of_a_town_quarter(cover: gpd.GeoDataFrame) -> None:
    share = cover.dissolve("belag").area / 250_000.0
    assert 0.35 < share["Rasen"] < 0.65
    assert 0.10 < share["Asphalt"] < 0.25
    assert 0.05 < share["Pflaster"] < 0.25
    assert 0.02 < share["Wasser"] < 0.08
    assert share.min() > 0.005


def test_streets_are_one_network_joined_at_shared_points(streets: gpd.GeoDataFrame) -> None:
    ends = [[tuple(np.round(line.coords[i], 3)) for i in (0, -1)] for line in streets.geometry]
    nodes = {end for pair in ends for end in pair}
    reached, before = {ends[0][0]}, 0
    while len(reached) > before:
        before = len(reached)
        reached |= {end for pair in ends if reached & set(pair) for end in pair}
    assert reached == nodes
    inner = [shapely.get_coordinates(line)[1:-1] for line in streets.geometry]
    assert not any(tuple(np.round(p, 3)) in nodes for points in inner for p in points)
    left, right = streets.sindex.query(streets.geometry, predicate="crosses")
    assert not len(left), [(streets["name"][i], streets["name"][j]) for i, j in zip(left, right, strict=True)]


def test_streets_have_names_bridges_and_widths(streets: gpd.GeoDataFrame, cover: gpd.GeoDataFrame) -> None:
    assert {"Lindenallee", "Hauptstraße", "Mühlgasse", "Wehrsteg"} <= set(streets["name"])
    bridges = streets[streets["bruecke"] == "ja"]
    assert set(bridges["name"]) == {"Brückenstraße", "Wehrsteg"}
    assert streets["breite"].between(2.0, 9.0).all()
    assert (streets.length > 1.0).all()
    main = streets[(streets["art"] == "Hauptverkehrsstraße")]
    sealed = cover[cover["belag"].isin(["Asphalt", "Kopfsteinpflaster"])].union_all()
    assert all(sealed.buffer(0.05).contains(g) for g in main.geometry)


# ---- weather


@pytest.fixture(scope="module")
def hot_day(samples: Path) -> pd.DataFrame:
    return pd.read_csv(samples / "wetter_hitzetag.csv", sep=";", decimal=",", comment="#", parse_dates=["Zeit (UTC)"])


def test_hot_day_is_complete_and_hot(samples: Path, hot_day: pd.DataFrame) -> None:
    assert len(hot_day) == 24
    assert (hot_day["Zeit (UTC)"].diff().dropna() == pd.Timedelta(hours=1)).all()
    assert not hot_day.isna().any().any()
    temperature = hot_day["Lufttemperatur (°C)"]
    assert 35.5 < temperature.max() < 37.0
    assert 17.0 < temperature.min() < 21.0
    assert hot_day["Zeit (UTC)"][temperature.idxmax()].hour in {14, 15, 16}
    first = (samples / "wetter_hitzetag.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert "keine Messung" in first[0]
    assert "Ende der Stunde" in first[1]


def test_hot_day_radiation_agrees_with_the_sun(hot_day: pd.DataFrame) -> None:
    import pvlib

    middle = pd.DatetimeIndex(hot_day["Zeit (UTC)"]).tz_localize("UTC") - pd.Timedelta(minutes=30)
    sun = pvlib.solarposition.get_solarposition(middle, 51.229, 10.0305, altitude=165.0)
    total, diffuse = hot_day["Globalstrahlung (W/m²)"].to_numpy(), hot_day["Diffusstrahlung (W/m²)"].to_numpy()
    assert (diffuse <= total).all()
    assert (total[sun["apparent_elevation"] < -5] == 0).all()
    outside = 1322.0 * np.sin(np.radians(sun["apparent_elevation"].clip(lower=0.0).to_numpy()))
    high = sun["apparent_elevation"].to_numpy() > 15
    assert ((total / np.maximum(outside, 1))[high] < 0.80).all()
    assert ((total / np.maximum(outside, 1))[high] > 0.48).all()
    assert 780 < total.max() < 900


def test_hot_day_dew_point_is_nearly_constant(hot_day: pd.DataFrame) -> None:
    t, rh = hot_day["Lufttemperatur (°C)"].to_numpy(), hot_day["Relative Feuchte (%)"].to_numpy()
    gamma = np.log(rh / 100) + 17.625 * t / (243.04 + t)
    dew = 243.04 * gamma / (17.625 - gamma)
    assert np.ptp(dew) < 2.5
    assert (hot_day["Luftdruck (hPa)"].between(990, 1000)).all()
    assert (hot_day["Windgeschwindigkeit (m/s)"].between(0.8, 3.5)).all()
