"""A small made square for pictures: three houses, a row of trees, a slope, and a hot day worked out by hand rules."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rioxarray  # noqa: F401
import shapely
import xarray as xr

from models.layers import LAND_COVER, describe
from twin.city.model import OBJECT_COLUMNS, SURFACE_COLUMNS, TREE_COLUMNS, City, Polygons

WEST, NORTH = 390_000.0, 5_820_000.0
HOUSES = (
    (20, 20, 30, 18, 12.0),
    (70, 25, 25, 40, 18.0),
    (30, 70, 45, 15, 9.0),
)  # west, north offset, width, depth, height
CRS = pyproj.CRS("EPSG:25833")


def _boxes(houses: tuple[tuple[float, ...], ...]) -> list[shapely.Polygon]:
    return [shapely.box(WEST + w, NORTH - n - d, WEST + w + b, NORTH - n) for w, n, b, d, _ in houses]


def _gable_house(box: shapely.Polygon, ground: float, eaves: float, ridge: float) -> tuple[list[np.ndarray], list[str]]:
    west, south, east, north = box.bounds
    middle = (south + north) / 2
    a, b, c, d = (west, south), (east, south), (east, north), (west, north)

    def at(point: tuple[float, float], z: float) -> tuple[float, float, float]:
        return (*point, z)

    top = [at((west, middle), ridge), at((east, middle), ridge)]
    faces = [
        [at(a, ground), at(d, ground), at(c, ground), at(b, ground)],
        [at(a, eaves), at(b, eaves), top[1], top[0]],
        [at(c, eaves), at(d, eaves), top[0], top[1]],
        [at(a, ground), at(b, ground), at(b, eaves), at(a, eaves)],
        [at(c, ground), at(d, ground), at(d, eaves), at(c, eaves)],
        [at(b, ground), at(c, ground), at(c, eaves), top[1], at(b, eaves)],
        [at(d, ground), at(a, ground), at(a, eaves), top[0], at(d, eaves)],
    ]
    kinds = ["GroundSurface", "RoofSurface", "RoofSurface", *["WallSurface"] * 4]
    return [np.array(face) for face in faces], kinds


def _terrain(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (34.0 + 0.02 * (x[None, :] - WEST) + 0.01 * (y[:, None] - NORTH)).astype(np.float32)


@pytest.fixture(scope="session")
def square_city() -> City:
    """House 1 and 2 with roof planes (LoD2), house 3 as footprint with a height only; nine trees."""
    boxes = _boxes(HOUSES)
    grounds = [34.5, 35.5, 34.7]
    rings, kinds, owner = [], [], []
    for i in (0, 1):
        faces, names = _gable_house(boxes[i], grounds[i], grounds[i] + HOUSES[i][4] - 4, grounds[i] + HOUSES[i][4])
        rings += faces
        kinds += names
        owner += [i] * len(faces)
    starts = np.concatenate([[0], np.cumsum([len(r) for r in rings])]).astype(np.int64)
    polygons = Polygons(np.vstack(rings), starts, np.arange(len(rings) + 1, dtype=np.int64))
    surfaces = pd.DataFrame(
        {
            name: pd.Series(0, index=range(len(rings)), dtype=dtype)
            for name, dtype in SURFACE_COLUMNS.items()
            if dtype != "object"
        }
    )
    surfaces = surfaces.assign(object=np.array(owner, np.int64), lod=np.int8(2), kind=kinds)
    objects = {name: [None] * 3 for name in OBJECT_COLUMNS} | {
        "id": ["h1", "h2", "h3"],
        "kind": ["Building"] * 3,
        "parent": [-1] * 3,
        "measured_height": [h[4] for h in HOUSES],
        "ground_height": grounds,
    }
    spots = [(15 + 11 * i, 115 - 8 * (i % 3)) for i in range(9)]
    trees = {name: [None] * 9 for name in TREE_COLUMNS} | {
        "id": [f"t{i}" for i in range(9)],
        "height": [7.0 + i for i in range(9)],
        "crown_diameter": [4.0 + 0.5 * i for i in range(9)],
        "crown_base": [2.0] * 9,
        "crown_shape": (["ellipsoid", "cone", "cylinder"] * 3),
    }
    points = [shapely.Point(WEST + x, NORTH - y) for x, y in spots]
    x, y = WEST + np.arange(0.5, 120), NORTH - np.arange(0.5, 140)
    terrain = xr.DataArray(_terrain(x, y), {"y": y, "x": x}, ("y", "x"), name="terrain_height").rio.write_crs(CRS)
    return City(
        crs=CRS,
        objects=gpd.GeoDataFrame(objects, geometry=boxes, crs=CRS),
        surfaces=surfaces,
        polygons=polygons,
        trees=gpd.GeoDataFrame(trees, geometry=points, crs=CRS),
        terrain=terrain,
        area=(WEST, NORTH - 140, WEST + 120, NORTH),
        name="Probeplatz",
    )


@pytest.fixture(scope="session")
def square_site(square_city: City) -> xr.Dataset:
    """The square on a 1 m grid."""
    terrain = square_city.terrain
    assert terrain is not None
    xx, yy = np.meshgrid(terrain["x"].values, terrain["y"].values)
    built, surface = np.zeros(xx.shape, np.int32), terrain.values.copy()
    for i, (w, n, b, d, h) in enumerate(HOUSES):
        inside = (xx > WEST + w) & (xx < WEST + w + b) & (yy < NORTH - n) & (yy > NORTH - n - d)
        built[inside] = i + 1
        surface[inside] = square_city.objects["ground_height"].iloc[i] + h
    canopy = np.zeros(xx.shape, np.float32)
    for tree in square_city.trees.itertuples():
        near = np.hypot(xx - tree.geometry.x, yy - tree.geometry.y) < tree.crown_diameter / 2
        canopy[near] = tree.height
    cover = np.where(
        built > 0, LAND_COVER["building"], np.where(yy < NORTH - 95, LAND_COVER["grass"], LAND_COVER["asphalt"])
    )
    layers = {
        "terrain_height": terrain.values,
        "surface_height": surface,
        "canopy_height": canopy,
        "trunk_height": np.where(canopy > 0, 2.0, 0.0).astype(np.float32),
        "building_id": built,
        "land_cover": cover.astype(np.uint8),
    }
    arrays = {
        k: describe(xr.DataArray(v, {"y": terrain["y"].values, "x": terrain["x"].values}, ("y", "x")), k)
        for k, v in layers.items()
    }
    return xr.Dataset(arrays).rio.write_crs(CRS)


@pytest.fixture(scope="session")
def square_heat(square_site: xr.Dataset) -> xr.Dataset:
    """UTCI and mean radiant temperature of a made hot day, 04 to 21 UTC: less sun over grass and under crowns."""
    times = np.arange(
        np.datetime64("2025-07-02T04:00"), np.datetime64("2025-07-02T22:00"), np.timedelta64(1, "h")
    ).astype("datetime64[ns]")
    hour = (times - times[0]) / np.timedelta64(1, "h") + 4.0
    sun = np.clip(np.sin((hour - 3.5) / 16.0 * np.pi), 0.0, None)
    cover, shade = square_site["land_cover"].values, square_site["canopy_height"].values > 0
    warm = np.where(cover == LAND_COVER["asphalt"], 1.0, 0.8) * np.where(shade, 0.45, 1.0)
    open_air = square_site["building_id"].values == 0
    air = 19.0 + 12.0 * sun
    tmrt = np.where(open_air, air[:, None, None] + 32.0 * sun[:, None, None] * warm, np.nan).astype(np.float32)
    utci = np.where(open_air, air[:, None, None] + 11.0 * sun[:, None, None] * warm, np.nan).astype(np.float32)
    coords = {"time": times, "y": square_site["y"], "x": square_site["x"]}
    heat = xr.Dataset({"utci": (("time", "y", "x"), utci), "tmrt": (("time", "y", "x"), tmrt)}, coords)
    heat["utci"].attrs = {"units": "degC", "long_name": "UTCI"}
    heat["tmrt"].attrs = {"units": "degC", "long_name": "Mean radiant temperature"}
    return heat.rio.write_crs(CRS)
