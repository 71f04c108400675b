"""Statistical rain depths as delivered (zips of shapefiles, folders, CSV) and rain gauges."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from models import water
from twin import sensors
from twin.errors import InputError

X0, Y0, SIZE = 4_400_000.0, 3_100_000.0, 5000.0
PERIODS = (1, 2, 10, 100)


def _layer(minutes: int, folder: Path) -> Path:
    """Four cells as KOSTRA names them; the one in the north-east is not used, depths tell duration, period and cell."""
    cells = [(row, column) for row in (0, 1) for column in (0, 1)]
    data: dict[str, object] = {"INDEX_RC": [(100 + r) * 1000 + 200 + c for r, c in cells]}
    for period in PERIODS:
        data[f"HN_{period:03d}A_"] = [
            minutes / 10 + period / 10 + 2 * r + c if (r, c) != (0, 1) else -99.9 for r, c in cells
        ]
        data[f"UC_{period:03d}A_"] = [10.0 + r for r, _ in cells]
    data["BELEG"] = [0 if cell == (0, 1) else 1 for cell in cells]
    shapes = [box(X0 + c * SIZE, Y0 - (r + 1) * SIZE, X0 + (c + 1) * SIZE, Y0 - r * SIZE) for r, c in cells]
    file = folder / f"GIS_KOSTRA-DWD-2020_D{minutes:05d}.shp"
    gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:3035").to_file(file)
    return file


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    loose, folder = tmp_path_factory.mktemp("loose"), tmp_path_factory.mktemp("kostra")
    for minutes in (5, 60, 1440):
        file = _layer(minutes, loose)
        with zipfile.ZipFile(folder / f"{file.stem}.zip", "w") as archive:
            for part in sorted(loose.glob(f"{file.stem}.*")):
                archive.write(part, part.name)
    return folder


def test_the_cell_of_a_place_in_another_system(delivered: Path) -> None:
    from pyproj import Transformer

    x, y = Transformer.from_crs(3035, 25832, always_xy=True).transform(X0 + 1.5 * SIZE, Y0 - 1.5 * SIZE)
    depths = sensors.read_kostra(delivered, x=x, y=y, crs="EPSG:25832")
    assert depths.attrs["cell"] == 101_201
    assert depths["duration"].values.tolist() == [5.0, 60.0, 1440.0]
    assert depths["return_period"].values.tolist() == list(PERIODS)
    assert float(depths.sel(duration=60, return_period=100)) == pytest.approx(6 + 10 + 3)
    assert float(depths["uncertainty"].sel(duration=60, return_period=100)) == 11.0
    assert (depths.attrs["licence"], depths.attrs["attribution"]) == ("CC BY 4.0", "Deutscher Wetterdienst")
    assert depths.attrs["files"] == sorted(p.name for p in delivered.iterdir())
    assert all(len(one) == 64 for one in depths.attrs["sha256"])
    assert water.design_storm(depths, 60, 100).attrs["depth_mm"] == pytest.approx(19.0)


def test_zips_shapefiles_one_zip_and_cell_numbers_agree(delivered: Path, tmp_path: Path) -> None:
    whole = tmp_path / "all.zip"
    with zipfile.ZipFile(whole, "w") as outer:
        for file in delivered.iterdir():
            outer.write(file, file.name)
    unpacked = tmp_path / "shapes"
    for file in delivered.iterdir():
        zipfile.ZipFile(file).extractall(unpacked)
    by_place = sensors.read_kostra(delivered, x=X0 + 10, y=Y0 - 10, crs=3035)
    for source in (delivered, whole, unpacked):
        by_number = sensors.read_kostra(source, cell=100_200)
        assert by_number.equals(by_place)
        assert by_number.attrs["cell"] == 100_200


def test_on_an_edge_the_smaller_number_wins(delivered: Path) -> None:
    assert sensors.read_kostra(delivered, x=X0 + SIZE, y=Y0 - 1.5 * SIZE, crs=3035).attrs["cell"] == 101_200


@pytest.mark.reference
def test_the_reference_cell_as_csv(shared: Path) -> None:
    depths = sensors.read_kostra(shared / "reference" / "water" / "kostra_dwd_2020_cell_test.csv")
    assert depths.shape == (22, 9)
    assert depths.attrs["cell"] == 49_125
    assert float(depths.sel(duration=60, return_period=100)) == 37.7
    assert water.return_period(depths, 39.5, duration=1440) == 2.0
    assert water.rain_index(depths, 90.0, duration=60).number == 11  # 90 / 37.7 = 2.39


def test_a_table_says_where_it_comes_from(tmp_path: Path) -> None:
    rows = "D_min,HN_001A,HN_100A\n5,6.0,16.9\n"
    own = sensors.read_kostra(_file(tmp_path, "made.csv", f"# source: made up\n# licence: CC0-1.0\n{rows}"))
    assert (own.attrs["source"], own.attrs["licence"], own.attrs["attribution"]) == ("made up", "CC0-1.0", "")
    plain = sensors.read_kostra(_file(tmp_path, "rain.csv", rows))
    assert (plain.attrs["source"], plain.attrs["licence"]) == ("rain", "")
    named = sensors.read_kostra(_file(tmp_path, "cell.csv", f"# KOSTRA-DWD-2020, INDEX_RC 7\n{rows}"))
    assert named.attrs["attribution"] == "Deutscher Wetterdienst"


def test_csv_by_cell_one_file_a_duration(tmp_path: Path) -> None:
    for minutes, rows in {5: "1001;5,0;9,0\n1002;6,0;10,0\n", 60: "1001;10,0;30,0\n1002;12,0;40,0\n"}.items():
        (tmp_path / f"StatRR_KOSTRA-DWD-2020_D{minutes:05d}.csv").write_text("INDEX_RC;HN_001A;HN_100A\n" + rows)
    depths = sensors.read_kostra(tmp_path, cell=1002)
    assert np.array_equal(depths.values, [[6.0, 10.0], [12.0, 40.0]])
    with pytest.raises(InputError, match="give the place"):
        sensors.read_kostra(tmp_path)
    with pytest.raises(InputError, match="no cell 77"):
        sensors.read_kostra(tmp_path, cell=77)


def _file(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def test_faults_are_named(delivered: Path, tmp_path: Path) -> None:
    cases = [
        (lambda: sensors.read_kostra(delivered), "give the place"),
        (lambda: sensors.read_kostra(delivered, x=X0 + 1.5 * SIZE, y=Y0 - 10, crs=3035), "no cell"),  # BELEG = 0
        (lambda: sensors.read_kostra(delivered, x=7.0, y=51.0, crs=25832), "no cell"),
        (lambda: sensors.read_kostra(delivered, cell=5), "no cell 5"),
        (lambda: sensors.read_kostra(tmp_path / "none.zip"), "does not exist"),
        (lambda: sensors.read_kostra(_file(tmp_path, "x_D00005.zip", "no zip"), cell=1), "holds no KOSTRA table"),
        (lambda: sensors.read_kostra(_file(tmp_path, "a.csv", "D_min,depth\n5,3\n")), "no columns HN_001A"),
        (lambda: sensors.read_kostra(_file(tmp_path, "b.csv", "D_min,HN_001A\n5,x\n")), "'x'"),
        (lambda: sensors.read_kostra(_file(tmp_path, "c.csv", "HN_001A\n5\n")), "does not name its duration"),
        (lambda: sensors.read_kostra(_file(tmp_path, "d.csv", "D_min,HN_001A\n5,3\n5,4\n")), "twice"),
        (lambda: sensors.read_kostra(_file(tmp_path, "e.csv", "D_min,HN_001A\n5,3\n10,2\n")), "e.csv: .*smaller"),
        (lambda: sensors.read_kostra(_file(tmp_path, "f.csv", "# nothing\n")), "holds no KOSTRA table"),
    ]
    for call, says in cases:
        with pytest.raises(InputError, match=says):
            call()


def test_a_rain_gauge(tmp_path: Path) -> None:
    lines = ["# interval: end", "# utc_offset: 1", "Zeit;Niederschlag (mm);Lufttemperatur (°C)"]
    amounts = [0.0, 2.5, 7.5, 1.0]
    lines += [f"29.06.2026 18:{5 * (i + 1):02d};{str(mm).replace('.', ',')};" for i, mm in enumerate(amounts)]
    rain = sensors.read_rain(_file(tmp_path, "gauge.csv", "\n".join(lines) + "\n"))
    assert rain.values.tolist() == [0.0, 30.0, 90.0, 12.0]
    assert rain["time"].values[0] == np.datetime64("2026-06-29T17:05")
    assert (rain.attrs["interval"], rain.attrs["step_seconds"], rain.attrs["units"]) == ("end", 300.0, "mm h-1")
    found = water.return_period(water.depth_table([[2.0, 8.0], [4.0, 12.0]], [5, 15], [1, 100]), rain)
    assert found["depth"].tolist() == [7.5, 11.0]
    source = water.Rain(rain)
    assert source.fallen(600.0) == pytest.approx(0.0025)


def test_a_gauge_with_a_hole_or_without_rain_is_refused(tmp_path: Path) -> None:
    head = "# interval: end\ntime,precipitation\n"
    with pytest.raises(InputError, match="missing values"):
        sensors.read_rain(_file(tmp_path, "g.csv", head + "2026-06-29 17:05,1\n2026-06-29 17:10,\n"))
    with pytest.raises(InputError, match="hole"):
        sensors.read_rain(_file(tmp_path, "h.csv", head + "".join(f"2026-06-29 17:{m},1\n" for m in (10, 15, 20, 30))))
    with pytest.raises(InputError, match="precipitation"):
        sensors.read_rain(_file(tmp_path, "i.csv", "# interval: end\ntime,wind_speed\n2026-06-29 17:05,1\n"))
