"""Terrain rasters: GeoTIFF, ASCII grid and XYZ tiles into one north-up array in the city's reference system.

Holes stay holes (NaN) and are a gap row; whoever needs every cell (the rasteriser) fills them later and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import rasterio
import rasterio.warp
import xarray as xr
from rasterio import Affine
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from models.layers import LAYERS
from twin.city.crs import crs_label
from twin.city.defaults import default
from twin.city.gaps import GapLog
from twin.city.placing import Bounds, Reference, grown, horizontal, overlap, same_place
from twin.city.profile import TerrainLayer
from twin.errors import InputError

__all__ = ["RASTER_SUFFIXES", "Raster", "read_raster", "read_terrain", "report_holes", "terrain_bounds"]

RASTER_SUFFIXES = (".tif", ".tiff", ".asc", ".xyz", ".txt", ".vrt", ".img", ".xyz.gz")
_TEXT_POINTS = (".xyz", ".txt", ".csv", ".xyz.gz", ".gz")
_SAY = "GeoTIFF, ASCII grid or XYZ raster of heights"


@dataclass(frozen=True)
class Raster:
    """One height raster: north-up values with NaN where unknown, where they lie, and in which CRS."""

    values: np.ndarray
    transform: Affine
    crs: pyproj.CRS | None

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north of the outer cell edges."""
        rows, columns = self.values.shape
        west, north = self.transform.c, self.transform.f
        return west, north + rows * self.transform.e, west + columns * self.transform.a, north


def read_raster(file: Path, *, nodata: float | None = None, window: Bounds | None = None) -> Raster:
    """Read one height raster.

    Parameters
    ----------
    file : pathlib.Path
        GeoTIFF, ASCII grid or XYZ.
    nodata : float, optional
        Value that means "no data", instead of the file's own.
    window : tuple, optional
        Part to read, in the raster's CRS; all of it where it would not be cut.

    Raises
    ------
    InputError
        If it is no raster of one band.
    """
    if file.name.lower().endswith(_TEXT_POINTS):
        return _read_xyz(file, nodata)
    try:
        with rasterio.open(file) as source:
            if source.count != 1:
                raise InputError(f"{file} has {source.count} bands, but a height raster has one: name a {_SAY}.")
            crs = pyproj.CRS(source.crs.to_wkt()) if source.crs else None
            if source.transform.is_identity:
                raise InputError(f"{file} does not say where it lies (no geotransform): name a {_SAY} with its place.")
            part = _window(source, window)
            band = source.read(1, window=part, masked=nodata is None)
            transform = source.window_transform(part) if part is not None else source.transform
    except RasterioIOError as error:
        reason = str(error).split("\n")[0].rstrip(".")[:160]
        raise InputError(f"{file} cannot be read as a raster ({reason}): expected is a {_SAY}.") from None
    values = np.ma.filled(band.astype(np.float32), np.nan) if nodata is None else band.astype(np.float32)
    if nodata is not None:
        values[values == np.float32(nodata)] = np.nan
    return _north_up(values, transform, crs)


def _window(source: rasterio.DatasetReader, bounds: Bounds | None) -> Window | None:
    if bounds is None or source.transform.b or source.transform.d or source.transform.e > 0:
        return None
    whole = Window(0, 0, source.width, source.height)
    asked = source.window(*bounds)
    left, top = math.floor(asked.col_off), math.floor(asked.row_off)
    right, bottom = math.ceil(asked.col_off + asked.width), math.ceil(asked.row_off + asked.height)
    if right <= 0 or bottom <= 0 or left >= source.width or top >= source.height:
        return None
    return Window(left, top, right - left, bottom - top).intersection(whole)


def _north_up(values: np.ndarray, transform: Affine, crs: pyproj.CRS | None) -> Raster:
    if transform.e > 0 and not transform.b and not transform.d:
        north = transform.f + values.shape[0] * transform.e
        values, transform = values[::-1], Affine(transform.a, 0, transform.c, 0, -transform.e, north)
    if transform.b or transform.d:
        west, south, east, north = rasterio.transform.array_bounds(*values.shape, transform)
        size = math.hypot(transform.a, transform.d)
        straight = Affine(size, 0, west, 0, -size, north)
        shape = max(1, round((north - south) / size)), max(1, round((east - west) / size))
        return Raster(_warped(values, transform, crs, straight, shape, crs), straight, crs)
    return Raster(np.ascontiguousarray(values), transform, crs)


def _read_xyz(file: Path, nodata: float | None) -> Raster:
    """Read points x y z of a regular grid, in any order, with holes where points are not listed."""
    try:
        table = _point_table(file)
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")[:160]
        raise InputError(f"{file} is no XYZ file ({reason}): expected are three columns of numbers x y z.") from None
    x, y, z = table.T
    xs, ys = np.unique(x), np.unique(y)
    if len(xs) < 2 or len(ys) < 2:
        raise InputError(f"{file} has {len(xs)} x {len(ys)} grid points: an XYZ raster needs at least 2 x 2.")
    size = float(min(np.diff(xs).min(), np.diff(ys).min()))
    column, row = (x - xs[0]) / size, (ys[-1] - y) / size
    shape = round((ys[-1] - ys[0]) / size) + 1, round((xs[-1] - xs[0]) / size) + 1
    uneven = max(np.abs(column - column.round()).max(), np.abs(row - row.round()).max()) > 0.01
    if uneven or shape[0] * shape[1] > 100 * len(z) + 10_000:
        raise InputError(
            f"{file} holds points that lie on no regular grid (smallest step {size:g} m): grid them first."
        )
    values = np.full(shape, np.nan, dtype=np.float32)
    values[row.round().astype(np.int64), column.round().astype(np.int64)] = z
    if nodata is not None:
        values[values == np.float32(nodata)] = np.nan
    return Raster(values, Affine(size, 0, xs[0] - size / 2, 0, -size, ys[-1] + size / 2), None)


def _point_table(file: Path) -> np.ndarray:
    import gzip

    opener = gzip.open if file.suffix.lower() == ".gz" else open
    with opener(file, "rt", encoding="utf-8-sig") as stream:
        first = next((line for line in stream if line.strip()), "")
    separator = ";" if ";" in first else "," if first.count(",") == 2 else r"\s+"
    decimal = "," if separator != "," and "," in first else "."
    cells = [cell for cell in first.replace(";", " ").replace(",", "." if decimal == "," else " ").split() if cell]
    header = 0 if any(not _is_number(cell) for cell in cells[:3]) else None
    table = pd.read_csv(
        file, sep=separator, header=header, decimal=decimal, usecols=[0, 1, 2], dtype=np.float64, encoding="utf-8-sig"
    )
    return table.to_numpy()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _warped(
    values: np.ndarray,
    transform: Affine,
    crs: pyproj.CRS | None,
    to_transform: Affine,
    to_shape: tuple[int, int],
    to_crs: pyproj.CRS | None,
) -> np.ndarray:
    flat = pyproj.CRS("EPSG:25832")  # the same on both sides where the raster has no CRS of its own
    result = np.full(to_shape, np.nan, dtype=np.float32)
    rasterio.warp.reproject(
        values,
        result,
        src_transform=transform,
        src_crs=horizontal(crs or flat).to_wkt(),
        dst_transform=to_transform,
        dst_crs=horizontal(to_crs or flat).to_wkt(),
        src_nodata=np.nan,
        dst_nodata=np.nan,
        resampling=rasterio.warp.Resampling.bilinear,
    )
    return result


def _to_city(raster: Raster, crs: pyproj.CRS, city: pyproj.CRS, name: str, ref: Reference) -> Raster:
    if same_place(crs, city):
        return Raster(raster.values, raster.transform, city)
    rows, columns = raster.values.shape
    to_transform, width, height = rasterio.warp.calculate_default_transform(
        horizontal(crs).to_wkt(), horizontal(city).to_wkt(), columns, rows, *raster.bounds
    )
    if not crs.is_geographic:  # keep the resolution of a metric raster
        west, north, size = to_transform.c, to_transform.f, abs(raster.transform.a)
        width, height = math.ceil(width * to_transform.a / size), math.ceil(height * -to_transform.e / size)
        to_transform = Affine(size, 0, math.floor(west / size) * size, 0, -size, math.ceil(north / size) * size)
    values = _warped(raster.values, raster.transform, crs, to_transform, (height + 1, width + 1), city)
    ref.log.add(
        "terrain_resampled",
        layer="terrain",
        severity="info",
        count=1,
        of=1,
        source=name,
        default="bilinear",
        frm=crs_label(crs),
    )
    return Raster(values, to_transform, city)


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
    tiles: list[tuple[Raster, Path]] = []
    beside: list[Bounds] = []
    for file in files:
        tile = _read_tile(file, layer, ref)
        bounds = tile.bounds
        if ref.extent is not None and not overlap(bounds, ref.extent):
            beside.append(bounds)
            continue
        if ref.extent is None and ref.area is None and len(files) == 1:
            ref.cover(bounds, str(file))
        tiles.append((tile, file))
    if not tiles:
        ref.cover(_union(beside), str(files[0]) if len(files) == 1 else f"The terrain of {len(files)} files")
    merged = _merged([tile for tile, _ in tiles], [file for _, file in tiles], ref)
    merged = Raster(_possible(merged, files, ref), merged.transform, merged.crs)
    report_holes(merged, files, ref.log)
    return _as_array(merged, ref)


def _read_tile(file: Path, layer: TerrainLayer, ref: Reference) -> Raster:
    wanted = grown(ref.area, default("neighbour_margin")) if ref.area is not None else None
    whole = read_raster(
        file, nodata=layer.nodata, window=None if layer.crs or ref.crs is None else _same_window(file, wanted, ref)
    )
    speechless = file.name.lower().endswith((*_TEXT_POINTS, ".asc"))
    crs = ref.crs_of(whole.bounds, layer.crs, whole.crs, str(file), "terrain", speechless=speechless)
    city = ref.settle(crs, whole.bounds, str(file))
    if crs.is_compound and city.is_compound and crs.sub_crs_list[1] != city.sub_crs_list[1]:
        ref.log.add(
            "height_datum_mixed",
            layer="terrain",
            severity="warning",
            count=1,
            of=1,
            source=file.name,
            own=crs.sub_crs_list[1].name,
            city=city.sub_crs_list[1].name,
        )
    return _to_city(whole, crs, city, file.name, ref)


def _same_window(file: Path, wanted: Bounds | None, ref: Reference) -> Bounds | None:
    """Return the part wanted, where the file is already in the city's CRS, so that only that part is read."""
    if wanted is None or ref.crs is None or file.name.lower().endswith(_TEXT_POINTS):
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


def _merged(tiles: Sequence[Raster], files: Sequence[Path], ref: Reference) -> Raster:
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
            values = _warped(tile.values, tile.transform, tile.crs, transform, shape, tile.crs)
            np.copyto(merged, values, where=np.isnan(merged))
            resampled.append(file.name)
    ref.log.add(
        "terrain_tiles_differ",
        layer="terrain",
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


def _possible(raster: Raster, files: Sequence[Path], ref: Reference) -> np.ndarray:
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
        raise InputError(
            f"The terrain {_source(files)} holds no height at all: check its no-data value (nodata = ...)."
        )
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


def _as_array(raster: Raster, ref: Reference) -> xr.DataArray:
    rows, columns = raster.values.shape
    t = raster.transform
    array = xr.DataArray(
        raster.values.astype(np.float32, copy=False),
        dims=("y", "x"),
        coords={"y": t.f + (np.arange(rows) + 0.5) * t.e, "x": t.c + (np.arange(columns) + 0.5) * t.a},
        name="terrain_height",
        attrs=LAYERS["terrain_height"].attrs(),
    )
    import rioxarray  # noqa: F401  (gives arrays the accessor .rio)

    array = array.rio.write_crs(ref.crs.to_wkt() if ref.crs is not None else None)
    return array.rio.write_transform(t).rio.write_nodata(np.nan, encoded=False)


def terrain_bounds(terrain: xr.DataArray) -> Bounds:
    """Return west, south, east, north of a terrain's outer cell edges [m]."""
    x, y = terrain["x"].values, terrain["y"].values
    dx = abs(float(x[-1] - x[0])) / max(1, len(x) - 1) / 2
    dy = abs(float(y[0] - y[-1])) / max(1, len(y) - 1) / 2
    return float(x.min()) - dx, float(y.min()) - dy, float(x.max()) + dx, float(y.max()) + dy
