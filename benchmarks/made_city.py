"""A made city of any size as files: streets, perimeter blocks, towers, trees, parks, a river valley; and a hot day on it."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin

WEST, SOUTH = 400_000.0, 5_700_000.0
CRS = "EPSG:25832"
BLOCK, STREET = 90.0, 18.0

PROFILE = """
name = "Made city"
crs = "EPSG:25832"
area = [{west}, {south}, {east}, {north}]
[[buildings]]
path = "buildings.gpkg"
height = "height"
[terrain]
path = "terrain.tif"
[[trees]]
path = "trees.gpkg"
columns = {{ id = "id", height = "height", crown_diameter = "crown" }}
[[land_cover]]
path = "cover.gpkg"
column = "kind"
classes = {{ road = "asphalt", yard = "paved", park = "grass" }}
"""

SCENARIO = """
name = "{name}"
city = "{city}"
resolution = {resolution}
area = [{west}, {south}, {east}, {north}]
[weather]
path = "{weather}"
interval = "end"
[run.heat]
[outputs]
formats = ["zarr", "cog"]
"""


def _buildings(rng: np.random.Generator, side: float) -> gpd.GeoDataFrame:
    """Four wings round a yard on each block; here and there a tower, here and there a park instead."""
    boxes, heights = [], []
    for x in np.arange(WEST + STREET, WEST + side - BLOCK, BLOCK + STREET):
        for y in np.arange(SOUTH + STREET, SOUTH + side - BLOCK, BLOCK + STREET):
            kind = rng.random()
            if kind < 0.12:
                continue
            if kind < 0.16:
                boxes.append(shapely.box(x + 30, y + 30, x + 52, y + 52))
                heights.append(rng.uniform(35.0, 60.0))
                continue
            deep = 12.0
            wings = [(0, 0, BLOCK, deep), (0, BLOCK - deep, BLOCK, BLOCK), (0, deep, deep, BLOCK - deep)]
            wings.append((BLOCK - deep, deep, BLOCK, BLOCK - deep))
            for a, b, c, d in wings:
                boxes.append(shapely.box(x + a, y + b, x + c, y + d))
                heights.append(rng.uniform(9.0, 22.0))
    return gpd.GeoDataFrame({"height": np.round(heights, 1)}, geometry=boxes, crs=CRS)


def _trees(rng: np.random.Generator, side: float, houses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows along the streets, groups in the yards, none in a house."""
    along = np.arange(WEST + 8.0, WEST + side - 8.0, 14.0)
    across = np.arange(SOUTH + 4.0, SOUTH + side - 4.0, 2.0 * (BLOCK + STREET))
    x, y = (grid.ravel() for grid in np.meshgrid(along, across))
    more = rng.uniform(4.0, side - 4.0, (int(side * side / 900.0), 2))
    points = gpd.GeoDataFrame(
        geometry=shapely.points(np.r_[x, WEST + more[:, 0]], np.r_[y, SOUTH + more[:, 1]]), crs=CRS
    )
    inside = np.unique(points.sindex.query(houses.geometry.buffer(2.0), predicate="intersects")[1])
    points = points.drop(index=inside).reset_index(drop=True)
    height = np.round(rng.uniform(6.0, 18.0, len(points)), 1)
    return points.assign(id=[f"t{i}" for i in range(len(points))], height=height, crown=np.round(0.55 * height, 1))


def write_city(folder: Path, *, square_km: float, resolution: float, name: str = "Hot day") -> Path:
    """Write the files of a square city and its scenario; return the scenario file.

    The area is a whole number of 4 m cells, so that coarser and finer grids share their edges.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20)
    side = float(round((square_km * 1e6) ** 0.5 / 4.0) * 4)
    houses = _buildings(rng, side)
    houses.to_file(folder / "buildings.gpkg")
    _trees(rng, side, houses).to_file(folder / "trees.gpkg")
    ground = [("road", shapely.box(WEST, SOUTH, WEST + side, SOUTH + side))]
    starts = np.arange(STREET, side - BLOCK, BLOCK + STREET)
    ground += [
        (
            "park" if rng.random() < 0.3 else "yard",
            shapely.box(WEST + x, SOUTH + y, WEST + x + BLOCK, SOUTH + y + BLOCK),
        )
        for x in starts
        for y in starts
    ]
    kinds, shapes = zip(*ground, strict=True)
    gpd.GeoDataFrame({"kind": kinds}, geometry=list(shapes), crs=CRS).to_file(folder / "cover.gpkg")
    cells = int(side / 10.0) + 20
    xx, yy = np.meshgrid(np.arange(cells) * 10.0, np.arange(cells) * 10.0)
    height = 60.0 + 12.0 * np.cos((xx - 0.4 * yy) / side * 2.0 * np.pi) + 0.5 * np.sin(xx / 130.0) * np.cos(yy / 90.0)
    size = {"width": cells, "height": cells, "count": 1, "dtype": "float32", "crs": CRS}
    transform = from_origin(WEST - 100.0, SOUTH + side + 100.0, 10.0, 10.0)
    with rasterio.open(folder / "terrain.tif", "w", driver="GTiff", transform=transform, **size) as file:
        file.write(height.astype(np.float32), 1)
    (folder / "weather.csv").write_text(_hot_day(), encoding="utf-8")
    box = {"west": WEST, "south": SOUTH, "east": WEST + side, "north": SOUTH + side}
    (folder / "city.toml").write_text(PROFILE.format(**box), encoding="utf-8")
    return write_scenario(folder, name=name, resolution=resolution, box=box)


def write_scenario(folder: Path, *, name: str, resolution: float, box: dict[str, float], more: str = "") -> Path:
    """Write a scenario on a part of the city; return its file."""
    content = SCENARIO.format(name=name, city="city.toml", weather="weather.csv", resolution=resolution, **box)
    file = folder / f"{name.lower().replace(' ', '_')}.toml"
    file.write_text(content + more, encoding="utf-8")
    return file


def _hot_day() -> str:
    rows = ["time,air_temperature,relative_humidity,wind_speed,global_radiation"]
    for hour in range(1, 25):
        high = max(np.sin((hour - 0.5 - 3.6) / 15.8 * np.pi), 0.0) if 3.6 < hour - 0.5 < 19.4 else 0.0
        warm = 27.0 + 8.0 * np.cos((hour - 15.0) / 12.0 * np.pi)
        day = "20" if hour == 24 else "19"
        rows.append(f"2022-07-{day}T{hour % 24:02d}:00,{warm:.1f},{60 - 1.5 * (warm - 19):.0f},2.0,{880 * high:.0f}")
    return "\n".join(rows) + "\n"
