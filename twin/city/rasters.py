"""Height rasters: GeoTIFF, ASCII grid and XYZ read into north-up arrays, NaN where no height is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import rasterio
import rasterio.warp
from rasterio import Affine
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from twin.city.crs import crs_label
from twin.city.placing import Bounds, Reference, horizontal, same_place
from twin.errors import Phrase, TextError

__all__ = ["RASTER_SUFFIXES", "Raster", "read_raster"]

RASTER_SUFFIXES = (".tif", ".tiff", ".asc", ".xyz", ".txt", ".vrt", ".img", ".xyz.gz")
TEXT_POINTS = (".xyz", ".txt", ".csv", ".xyz.gz", ".gz")
_SAY = Phrase("say_raster")
_MOST_CELLS = 1_000_000_000


@dataclass(frozen=True)
class Raster:
    """One height raster: north-up values with NaN where unknown, where they lie, and in which CRS."""

    values: np.ndarray
    transform: Affine
    crs: pyproj.CRS | None
    placed_by_fallback: bool = False

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north of the outer cell edges."""
        rows, columns = self.values.shape
        west, north = self.transform.c, self.transform.f
        return west, north + rows * self.transform.e, west + columns * self.transform.a, north


def read_raster(
    file: Path,
    *,
    nodata: float | None = None,
    window: Bounds | None = None,
    fallback: tuple[Affine, tuple[int, int]] | None = None,
) -> Raster:
    """Read one height raster.

    Parameters
    ----------
    file : pathlib.Path
        GeoTIFF, ASCII grid or XYZ.
    nodata : float, optional
        Value that means "no data", instead of the file's own.
    window : tuple, optional
        Part to read, in the raster's CRS; all of it where it would not be cut.
    fallback : tuple, optional
        Transform and shape (rows, columns) for a raster of that shape that does not say where it lies.

    Raises
    ------
    InputError
        If it is no raster of one band.
    """
    if file.name.lower().endswith(TEXT_POINTS):
        return _read_xyz(file, nodata)
    try:
        with rasterio.open(file) as source:
            if source.count != 1:
                raise TextError("raster_bands", file=file, count=source.count, formats=_SAY)
            crs = pyproj.CRS(source.crs.to_wkt()) if source.crs else None
            lost = source.transform.is_identity
            if lost and (fallback is None or fallback[1] != source.shape):
                raise TextError("raster_nowhere", file=file, formats=_SAY)
            part = None if lost else _window(source, window)
            _require_cells(file, source.width * source.height if part is None else int(part.width * part.height))
            band = source.read(1, window=part, masked=nodata is None)
            transform = source.window_transform(part) if part is not None else source.transform
            transform = fallback[0] if lost and fallback is not None else transform
    except RasterioIOError as error:
        reason = str(error).split("\n")[0].rstrip(".")[:160]
        raise TextError("raster_unreadable", file=file, reason=reason, formats=_SAY) from None
    values = np.ma.filled(band.astype(np.float32), np.nan) if nodata is None else band.astype(np.float32)
    if nodata is not None:
        values[values == np.float32(nodata)] = np.nan
    return replace(_north_up(values, transform, crs), placed_by_fallback=lost)


def _require_cells(file: Path, count: int) -> None:
    """Raise :class:`InputError` where a raster has more cells than any city's terrain, before memory is taken."""
    if count > _MOST_CELLS:
        raise TextError("raster_large", file=file, cells=f"{count:,}", most=f"{_MOST_CELLS:,}")


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
        return Raster(warped(values, transform, crs, straight, shape, crs), straight, crs)
    return Raster(np.ascontiguousarray(values), transform, crs)


def _read_xyz(file: Path, nodata: float | None) -> Raster:
    """Read points x y z of a regular grid, in any order, with holes where points are not listed."""
    try:
        table = _point_table(file)
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")[:160]
        raise TextError("xyz_none", file=file, reason=reason) from None
    x, y, z = table.T
    xs, ys = np.unique(x), np.unique(y)
    if len(xs) < 2 or len(ys) < 2:
        raise TextError("xyz_small", file=file, columns=len(xs), rows=len(ys))
    size = float(min(np.diff(xs).min(), np.diff(ys).min()))
    column, row = (x - xs[0]) / size, (ys[-1] - y) / size
    shape = round((ys[-1] - ys[0]) / size) + 1, round((xs[-1] - xs[0]) / size) + 1
    uneven = max(np.abs(column - column.round()).max(), np.abs(row - row.round()).max()) > 0.01
    if uneven or shape[0] * shape[1] > 100 * len(z) + 10_000:
        raise TextError("xyz_uneven", file=file, size=f"{size:g}")
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


def warped(
    values: np.ndarray,
    transform: Affine,
    crs: pyproj.CRS | None,
    to_transform: Affine,
    to_shape: tuple[int, int],
    to_crs: pyproj.CRS | None,
) -> np.ndarray:
    """Return values on another grid, bilinear; NaN where they do not reach."""
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


def to_city(
    raster: Raster, crs: pyproj.CRS, city: pyproj.CRS, name: str, ref: Reference, *, layer: str = "terrain"
) -> Raster:
    """Return a raster in the city's CRS, its cell size kept; a change is a gap row."""
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
    values = warped(raster.values, raster.transform, crs, to_transform, (height + 1, width + 1), city)
    ref.log.add(
        "terrain_resampled",
        layer=layer,
        severity="info",
        count=1,
        of=1,
        source=name,
        default="bilinear",
        frm=crs_label(crs),
    )
    return Raster(values, to_transform, city)
