"""Real tiles and a real district on the grid: against plain Python, footprints and the delivered terrain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr

import twin
from models.layers import LAND_COVER
from twin.city import gaps
from twin.city.model import City, Polygons
from twin.city.roofs import roof_rows, top_level

pytestmark = pytest.mark.reference

TILES = [
    "berlin-lod2/3900_5820.gml",
    "berlin-lod2/3910_5817.gml",
    "berlin-lod2/3910_5819.gml",
    "nrw-adv-lod2/in_old.gml",
]
LEVEL_MINUS_EXACT = {  # mean [m] of cells: facts of these tiles, where a level roof stands at measuredHeight
    "berlin-lod2/3900_5820.gml": (3.5, 4.6),
    "berlin-lod2/3910_5817.gml": (2.3, 4.2),
    "berlin-lod2/3910_5819.gml": (2.3, 4.2),
    "nrw-adv-lod2/in_old.gml": (1.0, 1.2),
}


@pytest.fixture(scope="module", params=TILES)
def tile(request: pytest.FixtureRequest, shared: Path) -> tuple[str, City, xr.Dataset]:
    city = twin.load(shared / "data" / request.param)
    return request.param, city, city.rasterise(resolution=1.0)


def highest_roof(city: City, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return roof height and building number over points, by asking every roof polygon for its own plane."""
    height, number = np.full(len(points), -np.inf), np.zeros(len(points), np.int64)
    slack = np.zeros(len(points), bool)  # on an edge, or on a polygon that is not plane
    rows = roof_rows(city, np.ones(len(city.objects), bool))
    top = top_level(city.objects["parent"].to_numpy())
    for row in rows:
        rings = city.polygons.rings(row)
        parts = shapely.get_parts(shapely.make_valid(shapely.Polygon(rings[0][:, :2], [r[:, :2] for r in rings[1:]])))
        shape = shapely.union_all(parts[shapely.area(parts) > 0])  # without the spikes that touch the outline
        near = shapely.dwithin(shapely.points(points), shape, 1e-6)
        if not near.any() or shape.area < 1e-4:
            continue
        xyz = np.concatenate(rings)
        plane, *_ = np.linalg.lstsq(np.column_stack([xyz[:, :2] - xyz[0, :2], np.ones(len(xyz))]), xyz[:, 2])
        bent = np.abs((xyz[:, :2] - xyz[0, :2]) @ plane[:2] + plane[2] - xyz[:, 2]).max() > 4e-4
        z = (points - xyz[0, :2]) @ plane[:2] + plane[2]
        edge = shapely.dwithin(shapely.points(points), shapely.boundary(shape), 1e-6)
        slack |= near & (edge | bent)
        wins = near & (z > height)
        height[wins] = z[wins]
        number[wins] = top[city.surfaces["object"].iloc[row]] + 1
    height[slack] = np.nan
    return height, number


def test_cells_picked_at_random_against_every_roof_polygon(tile: tuple[str, City, xr.Dataset]) -> None:
    _, city, site = tile
    rng = np.random.default_rng(7)
    rows, columns = np.nonzero(site["building_id"].values)
    picked = rng.choice(len(rows), 400, replace=False)
    free = np.argwhere(site["building_id"].values == 0)
    chosen = np.concatenate([np.column_stack([rows, columns])[picked], free[rng.choice(len(free), 100, replace=False)]])
    points = np.column_stack([site["x"].values[chosen[:, 1]], site["y"].values[chosen[:, 0]]])
    height, number = highest_roof(city, points)
    surface = site["surface_height"].values[chosen[:, 0], chosen[:, 1]]
    ground = site["terrain_height"].values[chosen[:, 0], chosen[:, 1]]
    cracks = gaps.from_json(site.attrs["gaps"]).set_index("code")["count"].get("roof_crack", 0)
    known = np.isfinite(height)
    assert known.sum() > 0.4 * picked.size  # half of the AdV tile is bent by over 0.4 mm
    assert np.abs(surface - np.maximum(height, ground))[known].max() < 1e-3
    bare = np.isneginf(height)
    assert (surface[bare] > ground[bare]).sum() <= cracks
    ids = site["building_id"].values[chosen[:, 0], chosen[:, 1]]
    assert (ids[known] == np.where(height > ground, number, 0)[known]).mean() > 0.99  # party walls of one height


def test_roofs_cover_the_footprints(tile: tuple[str, City, xr.Dataset]) -> None:
    _, city, site = tile
    ground = shapely.union_all(
        [shapely.make_valid(shape) for shape in city.objects.geometry if shape is not None], grid_size=0.001
    )
    assert float((site["building_id"] > 0).sum()) == pytest.approx(ground.area, rel=0.01)


def test_a_level_roof_at_measured_height_is_too_high(tile: tuple[str, City, xr.Dataset]) -> None:
    name, city, site = tile
    level = city.replace(surfaces=city.surfaces.iloc[:0], polygons=Polygons.empty()).rasterise(resolution=1.0)
    both = (site["building_id"].values > 0) & (level["surface_height"].values > level["terrain_height"].values)
    error = (level["surface_height"].values - site["surface_height"].values)[both]
    low, high = LEVEL_MINUS_EXACT[name]
    assert low < error.mean() < high
    assert (np.abs(error) < 0.5).mean() < 0.55


@pytest.fixture(scope="module")
def district(shared: Path) -> tuple[City, xr.Dataset]:
    city = twin.load(Path(__file__).parents[1] / "profiles" / "berlin-tiergarten.toml")
    return city, city.rasterise(resolution=1.0)


def test_district_is_one_grid_with_the_terrain_as_delivered(district: tuple[City, xr.Dataset], shared: Path) -> None:
    _, site = district
    assert (site.sizes["y"], site.sizes["x"]) == (2265, 2315)
    with rasterio.open(shared / "data" / "berlin-tiergarten" / "Berlin_DEM2021.tif") as raster:
        assert np.array_equal(site["terrain_height"].values, raster.read(1))
        assert site.rio.transform().almost_equals(raster.transform)
    assert site.rio.crs.to_epsg() == 25833
    assert not any(np.isnan(site[name].values).any() for name in site.data_vars)


def test_district_buildings_trees_and_cover(district: tuple[City, xr.Dataset]) -> None:
    city, site = district
    built = site["building_id"].values > 0
    # 1,098,125 m2 of footprints, overlaps and doubles counted twice, a part of them beyond the raster
    assert 0.85e6 < built.sum() < 1.1e6
    assert len(np.unique(site["building_id"])) > 5000
    assert float((site["surface_height"] - site["terrain_height"]).max()) == pytest.approx(106.4, abs=2.0)
    assert (site["surface_height"] >= site["terrain_height"]).all()
    assert set(np.unique(site["land_cover"].values[built])) == {LAND_COVER["building"]}
    crowned = site["canopy_height"].values > 0
    inside = city.trees.cx[site.x.min() : site.x.max(), site.y.min() : site.y.max()]
    discs = float((np.pi * inside["crown_diameter"] ** 2 / 4).sum())
    assert 0.5 * discs < crowned.sum() < 1.02 * discs  # crowns overlap in the park
    assert float(site["canopy_height"].max()) <= city.trees["height"].max() + 5.0
    assert (site["trunk_height"].values <= site["canopy_height"].values).all()
    roof = site["surface_height"].values - site["terrain_height"].values
    assert (site["canopy_height"].values > roof)[crowned].all()


def test_district_at_two_metres_is_the_same_district(district: tuple[City, xr.Dataset]) -> None:
    city, fine = district
    coarse = city.rasterise(resolution=2.0)
    for name, tolerance in (("building_id", 0.01), ("canopy_height", 0.02)):
        areas = [float((site[name] > 0).sum()) * site.attrs["resolution"] ** 2 for site in (fine, coarse)]
        assert areas[1] == pytest.approx(areas[0], rel=tolerance)
    mean = fine["terrain_height"].isel(y=slice(0, 2264), x=slice(0, 2314)).coarsen(y=2, x=2).mean().values
    np.testing.assert_allclose(coarse["terrain_height"].values[:1132, :1157], mean, atol=1e-4)
