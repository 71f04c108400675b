"""Results on disk: same bytes, opened again as they were, replaced whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr

from models.layers import LAND_COVER
from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.scenario import handouts
from twin.scenario.handouts import binary_step, rounded
from twin.scenario.indicators import heat_indicators, site_indicators
from twin.scenario.results import Result, with_summary
from twin.scenario.safe_files import MANIFEST, _is_still, replaced_folder, restore
from twin.scenario.schema import Scenario


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")


def made_result(**outputs) -> Result:
    """Return a result on 40 x 30 cells of 2 m and four hours, as a run would make it."""
    ny, nx = 40, 30
    coords = {"y": 5_800_000 - 2.0 * np.arange(ny) - 1, "x": 500_000 + 2.0 * np.arange(nx) + 1}
    building = np.zeros((ny, nx), np.int32)
    building[5:9, 5:9] = 1
    canopy = np.zeros((ny, nx), np.float32)
    canopy[20:30, 10:20] = 8.0
    cover = np.full((ny, nx), LAND_COVER["asphalt"], np.uint8)
    layers = {"land_cover": cover, "building_id": building, "canopy_height": canopy}
    site = xr.Dataset({name: (("y", "x"), v, {"long_name": name}) for name, v in layers.items()}, coords=coords)
    site = site.rio.write_crs(25832)
    site.attrs = {"latitude": 52.0, "longitude": 9.0, "gaps": "[]"}
    times = pd.date_range("2022-07-19T10:00", periods=4, freq="h").to_numpy()
    rng = np.random.default_rng(1)
    values = (34 + np.arange(4)[:, None, None] - 5 * (canopy > 0) + rng.normal(0, 0.3, (4, ny, nx))).astype(np.float32)
    values[:, building > 0] = np.nan
    attrs = {"units": "degC", "long_name": "UTCI"}
    heat = xr.Dataset({"utci": (("time", "y", "x"), values, attrs)}, coords={"time": times, **coords}).rio.write_crs(
        25832
    )
    weather = xr.Dataset({"air_temperature": ("time", np.array([30.1, 31.2, 32.3, 33.4]))}, coords={"time": times})
    log = GapLog()
    log.add("weather_column_dropped", layer="weather", severity="warning", count=2, of=4, source="w.csv", column="p")
    scenario = Scenario(name="Made", city="city.toml", weather={"path": "w.csv"}, outputs=outputs)
    return Result(
        name="Made",
        scenario=scenario,
        datasets={"site": site, "weather": weather, "heat": heat, "summary": with_summary(heat, scenario.timezone)},
        indicators=pd.concat([site_indicators(site), heat_indicators(site, heat)], ignore_index=True),
        gaps=log.table(),
        sources=pd.DataFrame({"path": ["w.csv"], "role": ["weather"], "sha256": ["00"], "licence": [""]}),
        provenance={"versions": {"urban-twin": "0"}},
    )


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_result_same_bytes(tmp_path):
    made_result().save(tmp_path / "a")
    time.sleep(1.1)  # a clock in any file would show
    made_result().save(tmp_path / "b")
    first, second = digest(tmp_path / "a"), digest(tmp_path / "b")
    assert first == second
    assert len(first) > 20
    made_result().save(tmp_path / "a")
    assert digest(tmp_path / "a") == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_no_absolute_path_or_machine_name_inside(tmp_path):
    made_result().save(tmp_path / "a")
    import socket

    for name in ("result.json", "sources.csv", "gaps.csv", "indicators.csv", "store.zarr/zarr.json"):
        text = (tmp_path / "a" / name).read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        assert socket.gethostname() not in text


def test_opened_as_it_was(tmp_path):
    made = made_result()
    folder = made.save(tmp_path / "a")
    found = Result.open(folder)
    assert found.name == "Made"
    assert found.city is None
    assert not found.check.compared
    assert "no measurement" in found.check.sentence("en").lower()
    assert found.scenario == made.scenario
    pd.testing.assert_frame_equal(found.indicators, made.indicators, rtol=1e-5)
    pd.testing.assert_frame_equal(found.gaps, made.gaps)
    np.testing.assert_array_equal(np.isnan(found.heat["utci"]), np.isnan(made.heat["utci"]))
    assert float(abs(found.heat["utci"] - made.heat["utci"]).max()) <= binary_step(0.01) / 2 + 1e-6
    np.testing.assert_array_equal(found.site["building_id"], made.site["building_id"])
    np.testing.assert_array_equal(found.datasets["weather"]["air_temperature"], [30.1, 31.2, 32.3, 33.4])
    assert found.heat["utci"].rio.crs.to_epsg() == 25832
    assert found.heat["utci"].attrs["units"] == "degC"
    table = found.table("de")
    assert (table.loc[table["name"].str.startswith("area_"), "value"] > 0).all()
    assert table["label"].str.contains("Hitzestress").any()


def test_rounding_is_a_setting():
    data = made_result().heat
    assert binary_step(0.01) == 2.0**-7
    exact = rounded(data, 0.0)["utci"]
    np.testing.assert_array_equal(exact, data["utci"])
    coarse = rounded(data, 0.5)["utci"]
    assert float(((coarse * 2) % 1).max()) == 0.0
    assert coarse.attrs["rounding"] == 0.5


def test_geotiffs_open_with_crs_nodata_band_name_and_overviews(tmp_path):
    made = made_result()
    folder = made.save(tmp_path / "a")
    with rasterio.open(folder / "maps" / "utci" / "utci_20220719T1200Z.tif") as file:
        assert file.crs.to_epsg() == 25832
        assert file.transform.c == 500_000.0
        assert file.transform.f == 5_800_000.0
        assert np.isnan(file.nodata)
        assert file.descriptions == ("UTCI 2022-07-19T12:00 UTC",)
        assert file.units == ("degC",)
        assert file.tags(1)["time"] == "2022-07-19T12:00Z"
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_allclose(file.read(1), made.heat["utci"].values[2], atol=0.004)
    names = {path.name for path in (folder / "maps").glob("*.tif")}
    assert names >= {"utci_max.tif", "utci_14.tif", "hours_utci_above_32.tif", "land_cover.tif", "canopy_height.tif"}
    with rasterio.open(folder / "maps" / "land_cover.tif") as file:
        assert file.nodata == 0
        assert file.dtypes == ("uint8",)
    for path in (folder / "maps").glob("*.tif"):
        with rasterio.open(path) as file:
            assert file.crs is not None, path.name
            assert file.crs.to_epsg() == 25832
            assert file.transform.a == 2.0
    with rasterio.open(folder / "maps" / "utci_max.tif") as file:
        assert file.descriptions == ("UTCI, highest of the run",)
        assert file.units == ("degC",)


def test_no_map_is_written_twice(tmp_path, monkeypatch):
    written: list[Path] = []
    write = handouts.write_cog
    monkeypatch.setattr(
        handouts, "write_cog", lambda layer, path, **told: (written.append(path), write(layer, path, **told))
    )
    made_result().save(tmp_path / "a")
    assert len(written) == len(set(written)) > 10


def test_netcdf_opens_in_gdal_and_xarray(tmp_path):
    made = made_result()
    folder = made.save(tmp_path / "a")
    with rasterio.open(f"netcdf:{folder / 'heat.nc'}:utci") as file:
        assert file.crs.to_epsg() == 25832
        assert file.count == 4
        assert file.transform.a == 2.0
        np.testing.assert_allclose(file.read(3), made.heat["utci"].values[2], atol=0.004)
    with xr.open_dataset(folder / "heat.nc", decode_coords="all") as data:
        assert data["time"].values[0] == np.datetime64("2022-07-19T10:00")
        assert data.attrs["Conventions"].startswith("CF-")
        assert data["utci"].rio.crs.to_epsg() == 25832


def test_formats_are_a_choice(tmp_path):
    folder = made_result(formats=("zarr",)).save(tmp_path / "a")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["gaps.csv", "indicators.csv", "result.json", "sources.csv", "store.zarr"]
    assert json.loads((folder / MANIFEST).read_text())["files"] == sorted(set(names) - {MANIFEST})


def test_a_writer_that_fails_leaves_the_old_result(tmp_path):
    folder = made_result().save(tmp_path / "a")
    before = digest(folder)

    def fail(new):
        (new / "half.html").write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        made_result().save(folder, also=[fail])
    assert digest(folder) == before
    assert [path.name for path in tmp_path.iterdir() if path.name == "a"] == ["a"]
    made_result().save(folder, also=[lambda new: (new / "extra.txt").write_text("x")])
    assert (folder / "extra.txt").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_nothing_hidden_is_left_after_a_failure(tmp_path):
    def stop(new):
        (new / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_result().save(tmp_path / "a", also=[stop])
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_was_cleared_away_is_no_lock(tmp_path):
    """A run that ends between opening and locking of another must not leave that one with a lock on nothing."""
    file = tmp_path / "lock"
    with file.open("ab") as handle:
        assert _is_still(file, handle)
        file.unlink()
        assert not _is_still(file, handle)
        file.write_bytes(b"")
        assert not _is_still(file, handle)


KILLED = """
import sys, time
from pathlib import Path
from twin.scenario.safe_files import replaced_folder
with replaced_folder(Path(sys.argv[1])) as new:
    (new / "result.json").write_text("new")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_kill_leaves_the_old_result_and_the_next_run_clears_up(tmp_path):
    folder = made_result(formats=("zarr",)).save(tmp_path / "a")
    before = digest(folder)
    writer = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout.readline() == "writing\n"
        with pytest.raises(InputError, match="Another run is writing"):
            made_result().save(folder)
    finally:
        os.kill(writer.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        writer.wait()
    assert digest(folder) == before
    assert Result.open(folder).name == "Made"
    made_result(formats=("zarr",)).save(folder)
    assert digest(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_cut_off_between_two_renames_is_repaired(tmp_path, monkeypatch):
    """Systems without an atomic exchange of folders rename twice."""
    monkeypatch.setattr("twin.scenario.safe_files._exchange", lambda _first, _second: False)
    folder = made_result(formats=("zarr",)).save(tmp_path / "a")
    before = digest(folder)
    made_result(formats=("zarr",)).save(folder)
    assert digest(folder) == before
    folder.rename(tmp_path / ".a.old")
    assert Result.open(folder).name == "Made"
    assert digest(folder) == before
    restore(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_other_files_are_never_overwritten(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(InputError, match="other files than a result"):
        made_result().save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"), replaced_folder(tmp_path / "file"):
        pass


def test_disk_full_says_so_and_keeps_the_old_result(tmp_path):
    import errno

    folder = made_result(formats=("zarr",)).save(tmp_path / "a")
    before = digest(folder)

    def full(_new):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=r"disk of .* is full"):
        made_result(formats=("zarr",)).save(folder, also=[full])
    assert digest(folder) == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "no result in"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "cannot be read"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": 99}'), "format 99"),
        (lambda folder: (folder / "indicators.csv").unlink(), "cannot be read"),
    ],
)
def test_spoiled_results_are_refused(tmp_path, spoil, message):
    folder = made_result(formats=("zarr",)).save(tmp_path / "a")
    spoil(folder)
    with pytest.raises(InputError, match=message):
        Result.open(folder)


def test_show_prints_labels_local_time_and_the_check(capsys):
    made_result().show("de")
    shown = " ".join(capsys.readouterr().out.split())
    assert "14:00" in shown
    assert "keine Messung" in shown
