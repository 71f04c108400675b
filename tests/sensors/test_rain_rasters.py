"""Rain as rasters in time: NetCDF, GeoTIFFs and radar composites brought to the cells of a site, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from rasterio.transform import from_origin

import twin
from twin.errors import InputError
from twin.sensors.radar import read_radar
from twin.sensors.rain_rasters import read_rain_rasters

WEST, SOUTH = 571_700.0, 5_676_200.0
STAMPS = np.array(["2026-06-29T17:05", "2026-06-29T17:10", "2026-06-29T17:15"], "datetime64[ns]")


def site() -> xr.Dataset:
    x, y = WEST + np.arange(20) * 5.0 + 2.5, SOUTH + 100.0 - np.arange(20) * 5.0 - 2.5
    return xr.Dataset({"terrain_height": (("y", "x"), np.zeros((20, 20)))}, {"y": y, "x": x}).rio.write_crs(
        "EPSG:25832"
    )


def cells(values: np.ndarray, size: float = 50.0) -> xr.DataArray:
    """A raster of 4 x 4 cells around the site: its four middle cells each cover a quarter of it."""
    x, y = WEST - 50.0 + (np.arange(4) + 0.5) * size, SOUTH + 150.0 - (np.arange(4) + 0.5) * size
    field = xr.DataArray(values.astype("f4"), {"time": STAMPS, "y": y, "x": x}, ("time", "y", "x"), name="rain")
    return field.rio.write_crs("EPSG:25832")


def amounts() -> np.ndarray:
    return np.arange(48.0).reshape(3, 4, 4) / 10.0


def netcdf(path: Path, field: xr.DataArray, **attrs: Any) -> Path:
    field.assign_attrs(attrs).to_dataset().to_netcdf(path)
    return path


def test_a_netcdf_of_depths_becomes_rates_on_the_cells(tmp_path: Path) -> None:
    file = netcdf(tmp_path / "radar.nc", cells(amounts()), units="mm", interval="end")
    rain = read_rain_rasters(file, site())
    assert rain.dims == ("time", "y", "x")
    assert rain["time"].values[0] == np.datetime64("2026-06-29T17:00")  # the start of the first interval
    quarter = amounts()[:, 1:3, 1:3]
    assert rain.values[:, :10, :10] == pytest.approx(np.broadcast_to(quarter[:, :1, :1] * 12.0, (3, 10, 10)), rel=1e-6)
    sums = rain.mean(("y", "x")).values * 300.0 / 3600.0
    assert sums == pytest.approx(quarter.mean((1, 2)), rel=1e-6)


def test_geotiffs_by_the_time_in_their_names(tmp_path: Path) -> None:
    grid = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": "float32", "crs": "EPSG:25832"}
    for k, stamp in enumerate(("202606291705", "202606291710", "202606291715")):
        name = tmp_path / f"regen_{stamp}.tif"
        with rasterio.open(name, "w", transform=from_origin(WEST - 50, SOUTH + 150, 50, 50), **grid) as raster:
            raster.write(amounts()[k].astype("f4"), 1)
    rain = read_rain_rasters(tmp_path, site(), unit="mm/h", interval="start")
    assert rain["time"].values.tolist() == STAMPS.tolist()
    assert float(rain.values[1, 0, 0]) == pytest.approx(amounts()[1, 1, 1])


def spoil(change: Callable[[xr.DataArray], xr.DataArray], **attrs: Any) -> Callable[[Path], Path]:
    return lambda folder: netcdf(folder / "radar.nc", change(cells(amounts())), **attrs)


def holed(field: xr.DataArray) -> xr.DataArray:
    return field.where(~((field["time"] == STAMPS[1]) & (field["x"] > WEST) & (field["x"] < WEST + 50)))


GOOD = {"units": "mm", "interval": "end"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (spoil(lambda f: f, interval="end"), "has rain in '-', allowed are mm h-1"),
        (spoil(lambda f: f, units="m", interval="end"), "has rain in 'm'"),
        (spoil(lambda f: f, units="mm"), "what its time stamps mean"),
        (spoil(lambda f: f.assign_coords(x=f["x"] + 120.0), **GOOD), "does not cover the whole area"),
        (spoil(lambda f: -f, **GOOD), "radar.nc: Rain is negative"),
        (spoil(holed, **GOOD), "radar.nc: Rain has 200 missing values, the first in step 1"),
        (spoil(lambda f: f.isel(time=[0, 2, 1]), **GOOD), "repeat or turn back"),
        (spoil(lambda f: f.drop_vars("spatial_ref"), **GOOD), "names no reference system"),
        (lambda folder: folder, "holds no rain rasters"),
        (lambda folder: folder / "none.nc", "does not exist"),
    ],
)
def test_what_is_refused(make: Callable[[Path], Path], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read_rain_rasters(make(tmp_path), site())


def test_a_scenario_takes_rasters_as_its_series(tmp_path: Path, samples: Path) -> None:
    """A cell over the west of the sample district gets all the rain; the books and the chart hold the mean."""
    x, y = 571_700.0 + np.array([-250.0, 250.0, 750.0]), 5_676_700.0 - np.array([-250.0, 250.0, 750.0])
    values = np.zeros((3, 3, 3), "f4")
    values[:, 1, 1] = 5.0
    field = xr.DataArray(values, {"time": STAMPS, "y": y, "x": x}, ("time", "y", "x"), name="rain").rio.write_crs(
        "EPSG:25832"
    )
    netcdf(tmp_path / "radar.nc", field, **GOOD)
    (tmp_path / "storm.toml").write_text(
        f'name = "Radar"\ncity = "{samples / "city.toml"}"\nresolution = 10.0\narea = [571850.0, 5676350.0, 572050.0, 5676550.0]\n'
        '[rain]\nseries = "radar.nc"\n[run.water]\nafter = 1\nsewer = false\n',
        encoding="utf-8",
    )
    result = twin.run(tmp_path / "storm.toml", output=tmp_path / "result")
    assert result.datasets["rain"]["precipitation"].values.tolist() == [60.0, 60.0, 60.0]
    volumes = result.datasets["water"]["volume"].to_series()
    assert volumes["rain"] == pytest.approx(0.015 * 200 * 200, rel=0.02)


@pytest.mark.reference
def test_a_radar_composite_as_delivered(shared: Path, tmp_path: Path) -> None:
    """The hour of RW over the place with the most rain: the depth of its cell [mm] is the rate [mm/h]."""
    name = "raa01-rw_10000-1408030950-dwd---bin.gz"
    (tmp_path / name).write_bytes((shared / "reference" / "sensors" / "radolan" / name).read_bytes())
    field = read_radar(tmp_path / name)
    row, column = np.unravel_index(np.nanargmax(field.values), field.shape)
    to_utm = pyproj.Transformer.from_crs(field.attrs["crs"], "EPSG:25832", always_xy=True)
    east, north = to_utm.transform(float(field["x"][column]), float(field["y"][row]))
    here = site().assign_coords(x=site()["x"] - WEST - 50.0 + east, y=site()["y"] - SOUTH - 50.0 + north)
    rain = read_rain_rasters(tmp_path, here)
    assert rain.shape == (1, 20, 20)
    assert rain.values == pytest.approx(float(field[row, column]), rel=1e-6)
    assert rain["time"].values[0] == field["time"].values - np.timedelta64(1, "h")
    levels = "raa00-pc_10015-1408030905-dwd---bin.gz"
    (tmp_path / levels).write_bytes((shared / "reference" / "sensors" / "radolan" / levels).read_bytes())
    with pytest.raises(InputError, match="no rain rasters"):
        read_rain_rasters(tmp_path, here)
