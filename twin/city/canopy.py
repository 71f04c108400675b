"""Measured heights of vegetation: a raster or laser points as an alternative to a list of trees.

The heights lie above ground. A cell without a value has no vegetation, as such rasters leave open ground empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from twin.city.defaults import default
from twin.city.placing import Reference
from twin.city.pointclouds import cloud_canopy, is_cloud
from twin.city.profile import CanopyLayer
from twin.city.rasters import Raster
from twin.city.terrain import as_array, merged_tiles, place_tile
from twin.city.trees import limits
from twin.errors import TextError

__all__ = ["read_canopy"]


def read_canopy(files: Sequence[Path], layer: CanopyLayer, ref: Reference) -> xr.DataArray:
    """Read heights of vegetation into one array in the city's CRS.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Rasters of heights above ground, or LAS/LAZ files with ground points; where tiles overlap the first counts.
    layer : CanopyLayer
        CRS, no-data value, cell size for laser points, and the least height that counts.
    ref : Reference
        CRS, area and extent of the city; gets gap rows for what was left out.

    Returns
    -------
    xarray.DataArray
        ``canopy_height`` [m above ground], float32, dims ("y", "x"), row 0 = north, 0 where there is no vegetation.

    Raises
    ------
    InputError
        If a file is no raster of heights, says no CRS, lies elsewhere, or holds heights above datum.
    """
    guessed: list[str] = []

    def tiles() -> Iterator[tuple[Raster, Path]]:
        for file in files:
            whole, classified = cloud_canopy(file, resolution=layer.resolution) if is_cloud(file) else (None, True)
            guessed.extend([] if classified else [file.name])
            yield place_tile(file, layer, ref, "canopy", whole), file

    merged = merged_tiles(tiles(), files, ref, "canopy")
    ref.log.add(
        "canopy_by_first_returns",
        layer="canopy",
        severity="warning",
        count=len(guessed),
        of=len(files),
        source=", ".join(guessed[:3]),
        places=guessed,
        default="first of several returns",
    )
    least = default("canopy_least") if layer.least is None else layer.least
    values = _possible(merged, files, least, ref)
    array = as_array(Raster(values, merged.transform, merged.crs), ref, "canopy_height")
    source = files[0].name if len(files) == 1 else f"{files[0].name} + {len(files) - 1}"
    return array.assign_attrs(least=least, source=source)


def _possible(raster: Raster, files: Sequence[Path], least: float, ref: Reference) -> np.ndarray:
    """Heights of vegetation with everything too low or impossible as 0."""
    values = np.where(np.isnan(raster.values), np.float32(0), raster.values)
    most, source = limits()["height"][1], files[0].name
    odd = values > most
    if odd.mean() > 0.5:
        raise TextError("canopy_datum", file=source, height=f"{float(np.median(values[odd])):.0f}")
    places = [_place(raster, row, column) for row, column in np.argwhere(odd)[:20]]
    ref.log.add(
        "canopy_impossible",
        layer="canopy",
        severity="warning",
        count=int(odd.sum()),
        of=values.size,
        source=source,
        places=places,
        most=f"{most:g}",
    )
    low = (values > 0) & (values < least)
    ref.log.add(
        "canopy_low",
        layer="canopy",
        severity="info",
        count=int(low.sum()),
        of=values.size,
        source=source,
        least=f"{least:g}",
    )
    return np.where(odd | (values < least), np.float32(0), values)


def _place(raster: Raster, row: int, column: int) -> str:
    t = raster.transform
    return f"{t.c + (column + 0.5) * t.a:.1f}, {t.f + (row + 0.5) * t.e:.1f}"
