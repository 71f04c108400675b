"""Laser points and vegetation rasters: a made park with known ground and trees comes out as it was made."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import laspy
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from rasterio import Affine

import twin
from twin.errors import InputError

X, Y = 389000.0, 5818000.0


def slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(30.0 + 0.02 * (x - X) + 0.01 * (y - Y))


def park_points() -> dict[str, np.ndarray]:
    """60 m x 40 m of ground (4 points a cell), a 12 m tree of 4 m radius, a roof, a bird and a hedge of 1 m."""
    random = np.random.default_rng(7)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(0.25, 60, 0.5), np.arange(0.25, 40, 0.5)))
    x, y = x + X, y + Y
    z = slope(x, y)
    roof = (x > X + 40) & (x < X + 50) & (y > Y + 10) & (y < Y + 20)
    z[roof] = 45.0
    kind = np.where(roof, 6, 2)
    angle, radius = random.uniform(0, 2 * np.pi, 800), 4.0 * np.sqrt(random.uniform(0, 1, 800))
    tx, ty = X + 20 + radius * np.cos(angle), Y + 20 + radius * np.sin(angle)
    tz = slope(tx, ty) + 12.0 - 0.5 * radius
    hx = np.full(50, X + 5.0)
    hy = np.linspace(Y + 5, Y + 15, 50)
    return {
        "x": np.concatenate([x, tx, hx, [X + 30.0]]),
        "y": np.concatenate([y, ty, hy, [Y + 30.0]]),
        "z": np.concatenate([z, tz, slope(hx, hy) + 1.0, [130.0]]),
        "classification": np.concatenate([kind, np.full(800, 5), np.full(50, 3), [5]]),
        "number_of_returns": np.concatenate([np.ones(len(x)), np.full(851, 2)]),
    }


def write_cloud(path: Path, *, crs: int | None = 25833, **changes: np.ndarray) -> Path:
    points = park_points() | changes
    header = laspy.LasHeader(point_format=6, version="1.4")
    header.offsets, header.scales = [X, Y, 0.0], [0.001] * 3
    if crs is not None:
        header.add_crs(pyproj.CRS(crs))
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = points["x"], points["y"], points["z"]
    cloud.classification = points["classification"].astype(np.uint8)
    cloud.return_number = np.ones(len(points["x"]), np.uint8)
    cloud.number_of_returns = points["number_of_returns"].astype(np.uint8)
    cloud.write(str(path))
    return path


def write_raster(path: Path, values: np.ndarray, *, crs: int = 25833, nodata: float = -9999.0) -> Path:
    transform = Affine(1, 0, X, 0, -1, Y + values.shape[0])
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **shape) as target:
        target.write(values.astype("float32"), 1)
    return path


def codes(city: twin.City) -> dict[str, int]:
    return dict(zip(city.gaps["code"], city.gaps["count"], strict=True))


@pytest.mark.parametrize("name", ["als.laz", "als.las"])
def test_ground_points_become_terrain(tmp_path: Path, name: str) -> None:
    city = twin.load(write_cloud(tmp_path / name))
    assert city.terrain is not None
    assert city.crs is not None
    assert city.crs.to_epsg() == 25833
    grid = city.terrain.sel(x=slice(X + 1, X + 38), y=slice(Y + 39, Y + 1))
    x, y = np.meshgrid(grid["x"], grid["y"])
    np.testing.assert_allclose(grid.values, slope(x, y), atol=0.002)
    hole = city.terrain.sel(x=X + 45.5, y=Y + 15.5, method="nearest")
    assert np.isnan(hole.item())  # under the roof nothing was measured
    assert codes(city)["terrain_raster_holes"] >= 81


def test_coarser_cells_hold_the_mean_of_their_points(tmp_path: Path) -> None:
    path = write_cloud(tmp_path / "als.laz")
    city = twin.load(terrain={"path": path, "resolution": 5.0})
    assert city.terrain is not None
    assert float(city.terrain["x"][1] - city.terrain["x"][0]) == 5.0
    cell = city.terrain.sel(x=X + 12.5, y=Y + 12.5)
    assert cell.item() == pytest.approx(30.0 + 0.02 * 12.5 + 0.01 * 12.5, abs=0.002)


def test_vegetation_points_become_canopy_above_ground(tmp_path: Path) -> None:
    path = write_cloud(tmp_path / "als.laz")
    city = twin.load(terrain=path, canopy=path)
    assert city.canopy_height is not None
    assert city.canopy_height.sel(x=X + 20.5, y=Y + 20.5, method="nearest").item() == pytest.approx(12.0, abs=0.4)
    assert float(city.canopy_height.max()) < 13.0  # the bird at 100 m above ground is told and left out
    assert codes(city)["canopy_impossible"] == 1
    assert codes(city)["canopy_low"] >= 10  # the hedge of 1 m
    site = city.rasterise(resolution=1.0)
    crowned = site["canopy_height"].values > 0
    assert crowned.sum() == pytest.approx(np.pi * 16, rel=0.3)
    np.testing.assert_allclose(site["trunk_height"].values[crowned], 0.25 * site["canopy_height"].values[crowned])
    assert "canopy_measured" in str(site.attrs["gaps"])


def test_without_classes_first_returns_stand_in(tmp_path: Path) -> None:
    kind = park_points()["classification"]
    kind[kind > 2] = 1  # nothing classified but ground
    path = write_cloud(tmp_path / "als.laz", classification=kind)
    city = twin.load(terrain=path, canopy=path)
    assert codes(city)["canopy_by_first_returns"] == 1
    assert city.canopy_height is not None
    assert float(city.canopy_height.sel(x=X + 20.5, y=Y + 20.5, method="nearest")) == pytest.approx(12.0, abs=0.4)
    assert float(city.canopy_height.sel(x=X + 45.5, y=Y + 15.5, method="nearest")) == 0.0  # roofs send one return


def test_clouds_that_cannot_serve_are_one_sentence(tmp_path: Path) -> None:
    kind = np.ones_like(park_points()["classification"])
    with pytest.raises(InputError, match=r"no point classified as ground \(class 2\)"):
        twin.load(write_cloud(tmp_path / "roh.laz", classification=kind))
    broken = tmp_path / "kaputt.laz"
    broken.write_bytes(write_cloud(tmp_path / "ganz.laz").read_bytes()[:3000])
    with pytest.raises(InputError, match=r"kaputt\.laz cannot be read as LAS or LAZ"):
        twin.load(broken)
    with pytest.raises(InputError, match="names no coordinate reference system"):
        twin.load(write_cloud(tmp_path / "ohne.laz", crs=None))


def test_tiles_of_a_cloud_fit_to_each_other(tmp_path: Path) -> None:
    points = park_points()
    paths = []
    for i, half in enumerate([points["x"] < X + 30, points["x"] >= X + 30]):
        part = {key: value[half] for key, value in points.items()}
        paths.append(write_cloud(tmp_path / f"kachel{i}.laz", **part))
    whole = twin.load(write_cloud(tmp_path / "ganz.laz")).terrain
    tiled = twin.load(terrain=paths).terrain
    assert whole is not None
    assert tiled is not None
    np.testing.assert_allclose(tiled.values[:, : whole.shape[1]], whole.values, atol=1e-4)


def test_measured_canopy_stands_only_where_no_crown_does(tmp_path: Path) -> None:
    measured = np.full((40, 60), -9999.0)
    measured[10:20, 10:20] = 8.0
    measured[25:35, 30:50] = 5.0
    trees = gpd.GeoDataFrame(
        {"species": ["Tilia cordata"], "height": [20.0], "crown_diameter": [6.0]},
        geometry=[shapely.Point(X + 15, Y + 25)], crs=25833,
    )  # fmt: skip
    trees.to_file(tmp_path / "baeume.gpkg")
    ground = write_raster(tmp_path / "dgm.tif", np.full((40, 60), 30.0))
    canopy = write_raster(tmp_path / "vegetation.tif", measured)
    area = (X, Y, X + 60, Y + 40)
    site = twin.load(terrain=ground, canopy=canopy, trees=tmp_path / "baeume.gpkg", area=area).rasterise(resolution=1.0)
    heights = site["canopy_height"].values
    assert heights.max() == pytest.approx(20.0, abs=0.5)
    assert (heights[25:35, 30:50] == 5.0).all()
    block = heights[10:20, 10:20]
    crown = block > 8.0
    assert 20 < crown.sum() < 40
    assert set(np.unique(block[~crown])) == {8.0}
    alone = twin.load(terrain=ground, trees=tmp_path / "baeume.gpkg", area=area).rasterise(resolution=1.0)
    assert (alone["canopy_height"].values[25:35, 30:50] == 0).all()


def test_heights_above_datum_are_refused_and_low_ones_can_be_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="heights above datum: give heights above ground"):
        twin.load(canopy=write_raster(tmp_path / "dom.tif", np.full((40, 60), 80.0)))
    low = write_raster(tmp_path / "hecken.tif", np.full((40, 60), 1.2))
    assert float(twin.load(canopy=low).canopy_height.max()) == 0.0  # type: ignore[union-attr]
    city = twin.load(canopy={"path": low, "least": 1.0})
    assert float(city.canopy_height.min()) == pytest.approx(1.2)  # type: ignore[union-attr]
    ground = write_raster(tmp_path / "dgm.tif", np.full((40, 60), 30.0))
    site = twin.load(terrain=ground, canopy={"path": low, "least": 1.0}).rasterise(resolution=1.0)
    assert (site["canopy_height"].values == np.float32(1.2)).all()


@pytest.mark.reference
def test_measured_vegetation_of_tiergarten(shared: Path) -> None:
    """The raster has vegetation above 2 m on a share of its area that the site keeps."""
    path = shared / "data" / "berlin-tiergarten" / "Berlin_vegetation_height2020.tif"
    with rasterio.open(path) as source:
        window = source.window(388300, 5818800, 389700, 5820200)  # the area and 200 m around it
        share = (source.read(1, masked=True, window=window).filled(0) >= 2.0).mean()
    profile = Path(__file__).parents[1] / "profiles" / "berlin-tiergarten.toml"
    city = twin.load(profile, canopy=path, area=(388500, 5819000, 389500, 5820000))
    site = city.rasterise(resolution=1.0)
    bare = twin.load(profile, area=(388500, 5819000, 389500, 5820000)).rasterise(resolution=1.0)
    assert city.canopy_height is not None
    assert float((city.canopy_height > 0).mean()) == pytest.approx(share, abs=0.005)
    assert (site["canopy_height"].values >= bare["canopy_height"].values - 1e-4).all()
    assert (site["canopy_height"] > 0).mean() > (bare["canopy_height"] > 0).mean() + 0.02
