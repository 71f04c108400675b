"""A cloudburst on a tile of Berlin's LoD2 as delivered: hazard map (PNG, COG), tables of buildings, 3D picture with the water.

    python benchmarks/berlin_cloudburst.py [--data FOLDER] [--window WEST SOUTH EAST NORTH] [--resolution 1.0] [--out FOLDER]

The tile holds buildings only. The terrain is made of the heights of their ground surfaces, which the city took from its
laser terrain: a smooth surface through them, 12 cm lower where no house is near, so that streets lead water. All ground
between houses counts as paved, the worst case. Numbers of such a run show the way from files to a map, not Berlin's hazard.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
WINDOW = (391_000.0, 5_817_680.0, 391_500.0, 5_818_020.0)

SOURCE = "Buildings: Geoportal Berlin, dl-de/by-2-0; terrain made from them"

PROFILE = """
name = "Berlin 3910_5817"
crs = "EPSG:25833"
area = [{west}, {south}, {east}, {north}]
[[buildings]]
path = "buildings.gml"
[terrain]
path = "terrain.tif"
"""

SCENARIO = """
name = "Cloudburst"
city = "city.toml"
resolution = {resolution}
[rain]
scenario = "nrw_2018/extreme"
[run.water]
after = 30
"""


def made_terrain(tile: Path, window: tuple[float, float, float, float], file: Path, *, cell: float = 1.0) -> None:
    """Write a terrain through the ground heights of the buildings of a tile, on a window of it."""
    import rasterio.features
    from rasterio.transform import from_origin
    from scipy import ndimage
    from scipy.interpolate import griddata

    import twin

    west, south, east, north = window
    objects = twin.load(buildings=str(tile)).objects
    known = objects[objects["ground_height"].notna() & objects.geometry.notna()]
    at, ground = known.geometry.centroid, known["ground_height"].to_numpy(dtype=float)
    x, y = np.arange(west + cell / 2, east, cell), np.arange(north - cell / 2, south, -cell)
    xx, yy = np.meshgrid(x, y)
    points = np.column_stack([at.x, at.y])
    height = griddata(points, ground, (xx, yy), method="linear")
    nearest = griddata(points, ground, (xx, yy), method="nearest")
    height = ndimage.gaussian_filter(np.where(np.isnan(height), nearest, height), 15.0 / cell)
    built = known.geometry.buffer(4.0)
    near = rasterio.features.rasterize(built, xx.shape, transform=from_origin(west, north, cell, cell))
    height -= 0.12 * ndimage.gaussian_filter((near == 0).astype(float), 1.5 / cell)
    shape = {"height": len(y), "width": len(x), "count": 1, "dtype": "float32", "crs": "EPSG:25833"}
    with rasterio.open(file, "w", driver="GTiff", transform=from_origin(west, north, cell, cell), **shape) as raster:
        raster.write(height.astype(np.float32), 1)


def prepare(tile: Path, window: tuple[float, float, float, float], folder: Path, *, resolution: float) -> Path:
    """Write profile, terrain and scenario of a window of the tile; return the scenario."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(tile, folder / "buildings.gml")
    made_terrain(tile, window, folder / "terrain.tif")
    west, south, east, north = window
    (folder / "city.toml").write_text(PROFILE.format(west=west, south=south, east=east, north=north), encoding="utf-8")
    scenario = folder / "cloudburst.toml"
    scenario.write_text(SCENARIO.format(resolution=resolution), encoding="utf-8")
    return scenario


def main() -> None:
    import twin

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "berlin-lod2")
    parser.add_argument("--window", nargs=4, type=float, default=list(WINDOW))
    parser.add_argument("--resolution", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("berlin-cloudburst"))
    given = parser.parse_args()
    window = (given.window[0], given.window[1], given.window[2], given.window[3])
    scenario = prepare(given.data / "3910_5817.gml", window, given.out, resolution=given.resolution)
    began = time.monotonic()
    result = twin.run(scenario, output=given.out / "result")
    print(f"{time.monotonic() - began:.0f} s; COGs in {given.out / 'result' / 'maps' / 'water'}")
    for path in pictures(result, given.out):
        print(path)
    print(result.indicators[["label", "value", "unit"]].to_string())


def pictures(result: Any, folder: Path) -> list[Path]:
    """Draw the maps of depth and danger and the 3D picture with the water surface."""
    from twin.report.storm import flooded
    from twin.view.maps import draw
    from twin.view.scenes import picture

    paths: list[Path] = []
    for name in ("depth_max", "hazard_rating"):
        paths.append(folder / f"{name}.png")
        draw(flooded(result, name), site=result.site, city=result.city, source=SOURCE).save(paths[-1])
    paths.append(folder / "water_surface.png")
    picture(result.city, flooded(result), paths[-1], site=result.site, source=SOURCE)
    return paths


if __name__ == "__main__":
    main()
