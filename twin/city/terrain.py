"""Terrain: height rasters of one or many tiles as one array in the city's reference system.

Holes stay holes (NaN) and are a gap row; whoever needs every cell (the rasteriser) fills them later and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyproj
import rasterio
import xarray as xr
from rasterio import Affine
from rasterio.errors import RasterioIOError

from models.layers import LAYERS
from twin.city.defaults import default
from twin.city.gaps import GapLog
from twin.city.placing import Bounds, Reference, grown, overlap, require_overlap, same_place
from twin.city.pointclouds import POINT_SUFFIXES, cloud_ground, is_cloud
from twin.city.profile import CanopyLayer, TerrainLayer
from twin.city.rasters import TEXT_POINTS, Raster, read_raster, to_city, warped
from twin.errors import TextError

__all__ = [
    "as_array",
    "joined_terrain",
    "merged_tiles",
    "moved_terrain",
    "place_tile",
    "possible_heights",
    "read_terrain",
    "report_holes",
    "terrain_at",
    "terrain_bounds",
]


def read_terrain(files: Sequence[Path], layer: TerrainLayer, ref: Reference) -> xr.DataArray:
    """Read terrain tiles into one array in the city's CRS.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Tiles; where they overlap the first one counts.
    layer : TerrainLayer
        CRS and no-data value, where the files do not say them.
    ref : Reference
        CRS, area and extent of the city; gets gap rows for holes and impossible heights.

    Returns
    -------
    xarray.DataArray
        ``terrain_height`` [m above datum], float32, dims ("y", "x"), row 0 = north, NaN where unknown.

    Raises
    ------
    InputError
        If a tile is no height raster, says no CRS, or does not lie on the city.
    """

    def tiles() -> Iterator[tuple[Raster, Path]]:
        for file in files:
            whole = cloud_ground(file, resolution=layer.resolution) if is_cloud(file) else None
            yield place_tile(file, layer, ref, "terrain", whole), file

    merged = merged_tiles(tiles(), files, ref, "terrain")
    if ref.extent is None and ref.area is None and len(files) == 1:
        ref.cover(merged.bounds, str(files[0]))
    merged = Raster(possible_heights(merged, files, ref), merged.transform, merged.crs)
    report_holes(merged, files, ref.log)
    return as_array(merged, ref, "terrain_height")


def place_tile(
    file: Path, layer: TerrainLayer | CanopyLayer, ref: Reference, role: str, whole: Raster | None
) -> Raster:
    """Return one tile in the city's CRS.

    Parameters
    ----------
    file : pathlib.Path
        Raster, or the file that ``whole`` was made of.
    layer : TerrainLayer or CanopyLayer
        CRS and no-data value, where the file does not say them.
    ref : Reference
        CRS, area and extent of the city.
    role : str
        Table of the profile, ``"terrain"`` or ``"canopy"``.
    whole : Raster or None
        The tile, where it was already read.
    """
    if whole is None:
        wanted = grown(ref.area, default("neighbour_margin")) if ref.area is not None else None
        window = None if layer.crs or ref.crs is None else _same_window(file, wanted, ref)
        whole = read_raster(file, nodata=layer.nodata, window=window)
    speechless = file.name.lower().endswith((*TEXT_POINTS, ".asc", *POINT_SUFFIXES))
    crs = ref.crs_of(whole.bounds, layer.crs, whole.crs, str(file), role, speechless=speechless)
    city = ref.settle(crs, whole.bounds, str(file))
    if role == "terrain":
        ref.compare_heights(crs, role, file.name)
    return to_city(whole, crs, city, file.name, ref, layer=role)


def _same_window(file: Path, wanted: Bounds | None, ref: Reference) -> Bounds | None:
    """Return the part wanted, where the file is already in the city's CRS, so that only that part is read."""
    if wanted is None or ref.crs is None or file.name.lower().endswith(TEXT_POINTS):
        return None
    try:
        with rasterio.open(file) as source:
            own = pyproj.CRS(source.crs.to_wkt()) if source.crs else None
    except RasterioIOError:
        return None  # read_raster says what is wrong
    return wanted if own is not None and same_place(own, ref.crs) else None


def _union(extents: Sequence[Bounds]) -> Bounds:
    west, south, east, north = np.array(extents).T
    return float(west.min()), float(south.min()), float(east.max()), float(north.max())


def merged_tiles(placed: Iterable[tuple[Raster, Path]], given: Sequence[Path], ref: Reference, role: str) -> Raster:
    """Return tiles as one raster on the grid of the first; where they overlap the first one counts.

    Tiles beside the city are left out.

    Raises
    ------
    InputError
        If none of the files given lies on the city.
    """
    tiles: list[Raster] = []
    files: list[Path] = []
    beside: list[Bounds] = []
    for tile, file in placed:
        if ref.extent is not None and not overlap(tile.bounds, ref.extent):
            beside.append(tile.bounds)
            continue
        tiles.append(tile)
        files.append(file)
    if not tiles:
        where = str(given[0]) if len(given) == 1 else f"The {role} of {len(given)} files"
        require_overlap(_union(beside), ref.extent, where, ref.extent_name, margin=0.0)
    if len(tiles) == 1:
        return tiles[0]
    first = tiles[0].transform
    west, south, east, north = _union([tile.bounds for tile in tiles])
    origin = (
        first.c + math.floor((west - first.c) / first.a + 0.01) * first.a,
        first.f - math.floor((first.f - north) / -first.e + 0.01) * -first.e,
    )
    transform = Affine(first.a, 0, origin[0], 0, first.e, origin[1])
    shape = math.ceil((origin[1] - south) / -first.e - 0.01), math.ceil((east - origin[0]) / first.a - 0.01)
    merged = np.full(shape, np.nan, dtype=np.float32)
    resampled = []
    for tile, file in zip(tiles, files, strict=True):
        column = (tile.transform.c - transform.c) / transform.a
        row = (tile.transform.f - transform.f) / transform.e
        same = math.isclose(tile.transform.a, first.a, rel_tol=1e-6) and math.isclose(
            tile.transform.e, first.e, rel_tol=1e-6
        )
        if same and abs(column - round(column)) < 0.01 and abs(row - round(row)) < 0.01:
            rows = slice(round(row), round(row) + tile.values.shape[0])
            part = merged[rows, round(column) : round(column) + tile.values.shape[1]]
            np.copyto(part, tile.values, where=np.isnan(part))
        else:
            values = warped(tile.values, tile.transform, tile.crs, transform, shape, tile.crs)
            np.copyto(merged, values, where=np.isnan(merged))
            resampled.append(file.name)
    ref.log.add(
        "terrain_tiles_differ",
        layer=role,
        severity="info",
        count=len(resampled),
        of=len(tiles),
        source=", ".join(resampled[:3]),
        places=resampled,
        default="bilinear",
    )
    return Raster(merged, transform, tiles[0].crs)


def _source(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{files[0].name} + {len(files) - 1}"


def possible_heights(raster: Raster, files: Sequence[Path], ref: Reference) -> np.ndarray:
    """Return a terrain's heights, NaN (with a gap row) where they lie beyond any on Earth.

    Raises
    ------
    InputError
        If none is left.
    """
    values = raster.values
    odd = (values < default("terrain_lowest")) | (values > default("terrain_highest"))
    count = int(odd.sum())
    if count:
        places = [_cell(raster, row, column) for row, column in np.argwhere(odd)[:20]]
        ref.log.add(
            "terrain_impossible",
            layer="terrain",
            severity="warning",
            count=count,
            of=values.size,
            source=_source(files),
            places=places,
            lowest=f"{default('terrain_lowest'):g}",
            highest=f"{default('terrain_highest'):g}",
        )
        values = np.where(odd, np.float32(np.nan), values)
    if np.isnan(values).all():
        raise TextError("terrain_empty", file=_source(files))
    return values


def _cell(raster: Raster, row: float, column: float) -> str:
    x = raster.transform.c + (float(column) + 0.5) * raster.transform.a
    y = raster.transform.f + (float(row) + 0.5) * raster.transform.e
    return f"{x:.1f}, {y:.1f}"


def report_holes(raster: Raster, files: Sequence[Path], log: GapLog) -> None:
    """Write a gap row for cells without height: how many, in how many holes, and where the largest are."""
    holes = np.isnan(raster.values)
    count = int(holes.sum())
    if not count:
        return
    from scipy import ndimage

    labels, number = ndimage.label(holes)
    sizes = np.bincount(labels.ravel())[1:]
    largest = np.argsort(-sizes, kind="stable")[:20]
    centres = ndimage.center_of_mass(holes, labels, largest + 1)
    places = [f"{_cell(raster, *centre)} ({sizes[i]} cells)" for i, centre in zip(largest, centres, strict=True)]
    log.add(
        "terrain_raster_holes",
        layer="terrain",
        severity="warning",
        count=count,
        of=raster.values.size,
        source=_source(files),
        places=places,
        holes=int(number),
    )


def as_array(raster: Raster, ref: Reference, name: str) -> xr.DataArray:
    """Return a raster in the city's CRS as an array with the name and attributes of a site layer."""
    rows, columns = raster.values.shape
    t = raster.transform
    array = xr.DataArray(
        raster.values.astype(np.float32, copy=False),
        dims=("y", "x"),
        coords={"y": t.f + (np.arange(rows) + 0.5) * t.e, "x": t.c + (np.arange(columns) + 0.5) * t.a},
        name=name,
        attrs=LAYERS[name].attrs(),
    )
    import rioxarray  # noqa: F401  (gives arrays the accessor .rio)

    array = array.rio.write_crs(ref.crs.to_wkt() if ref.crs is not None else None)
    return array.rio.write_transform(t).rio.write_nodata(np.nan, encoded=False)


def _as_raster(terrain: xr.DataArray, crs: pyproj.CRS | None) -> Raster:
    west, _, _, north = terrain_bounds(terrain)
    dx, dy = (abs(float(terrain[axis][1] - terrain[axis][0])) for axis in ("x", "y"))
    return Raster(terrain.values, Affine(dx, 0, west, 0, -dy, north), crs)


def moved_terrain(terrain: xr.DataArray, crs: pyproj.CRS, name: str, ref: Reference) -> xr.DataArray:
    """Return a terrain in the city's CRS; where that changes its cells, a gap row says so.

    Parameters
    ----------
    terrain : xarray.DataArray
        As of :func:`as_array`.
    crs : pyproj.CRS
        Its CRS.
    name : str
        File it came from.
    ref : Reference
        CRS of the city.
    """
    assert ref.crs is not None
    return as_array(to_city(_as_raster(terrain, crs), crs, ref.crs, name, ref), ref, "terrain_height")


def joined_terrain(terrains: Sequence[xr.DataArray], ref: Reference) -> xr.DataArray | None:
    """Return terrains in the city's CRS as one, where they overlap the first; None of none."""
    if len(terrains) < 2:
        return terrains[0] if terrains else None
    names = [Path(f"terrain of model {number + 1}") for number in range(len(terrains))]
    tiles = [(_as_raster(terrain, ref.crs), name) for terrain, name in zip(terrains, names, strict=True)]
    return as_array(merged_tiles(tiles, names, ref, "terrain"), ref, "terrain_height")


def terrain_bounds(terrain: xr.DataArray) -> Bounds:
    """Return west, south, east, north of a terrain's outer cell edges [m]."""
    x, y = terrain["x"].values, terrain["y"].values
    dx = abs(float(x[-1] - x[0])) / max(1, len(x) - 1) / 2
    dy = abs(float(y[0] - y[-1])) / max(1, len(y) - 1) / 2
    return float(x.min()) - dx, float(y.min()) - dy, float(x.max()) + dx, float(y.max()) + dy


def terrain_at(terrain: xr.DataArray, points: np.ndarray) -> np.ndarray:
    """Return the terrain [m] in whose cells points lie; NaN beside the terrain and in its holes.

    Parameters
    ----------
    terrain : xarray.DataArray
        Height on ("y", "x"), evenly spaced.
    points : numpy.ndarray
        (n, 2) east, north [m].
    """
    x, y = terrain["x"].values, terrain["y"].values
    dx = (x[-1] - x[0]) / max(1, len(x) - 1) or 1.0
    dy = (y[-1] - y[0]) / max(1, len(y) - 1) or -1.0
    column, row = np.floor((points[:, 0] - x[0]) / dx + 0.5), np.floor((points[:, 1] - y[0]) / dy + 0.5)
    inside = (column >= 0) & (column < len(x)) & (row >= 0) & (row < len(y))
    values = terrain.values[np.where(inside, row, 0).astype(np.int64), np.where(inside, column, 0).astype(np.int64)]
    return np.asarray(np.where(inside, values, np.nan))
