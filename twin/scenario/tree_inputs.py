"""What the tree balance needs beside the cadastre: soil, sealing, shade, and the tables that a scenario names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import LAND_COVER
from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.language import text
from twin.scenario.indicators import sealed_share
from twin.scenario.parts import TreesRun

if TYPE_CHECKING:
    from models.heat import SkyGeometry
    from twin.city.model import City

__all__ = ["read_table_of", "tree_table"]

_NEAR = 3.0
"""Half side of the square of ground [m] whose sealing counts for a tree."""
_SEALING = {"cobble": 2, "paved": 3, "asphalt": 4}
_SUN_HOURS = range(3, 20)


def read_table_of(path: Path, columns: tuple[str, ...], numbers: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return a CSV (comma or semicolon, comment lines with #) with the columns it must have.

    Parameters
    ----------
    path : pathlib.Path
        File.
    columns : tuple of str
        Columns that must be there.
    numbers : tuple of str
        Columns of numbers; a decimal comma is understood, what is no number becomes missing.
    """
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip() and line[0] != "#"]
    head = lines[0] if lines else ""
    separator = ";" if head.count(";") > head.count(",") else ","
    table = pd.read_csv(path, sep=separator, comment="#", dtype=str, encoding="utf-8-sig", skipinitialspace=True)
    missing = [name for name in columns if name not in table]
    if missing:
        raise InputError(text("trees.columns", file=path.name, missing=", ".join(missing), known=", ".join(columns)))
    for name in numbers:
        if name in table:
            table[name] = pd.to_numeric(table[name].str.replace(",", ".", regex=False), errors="coerce")
    return table


def tree_table(
    city: City,
    site: xr.Dataset,
    asked: TreesRun,
    known: pd.DataFrame | None,
    geometry: SkyGeometry | xr.DataArray | None,
    day: int,
) -> tuple[pd.DataFrame, GapLog]:
    """Return the trees of a city with soil, sealing and shade, and what was taken for granted.

    Parameters
    ----------
    city : City
        With ``trees``.
    site : xarray.Dataset
        Site layers.
    asked : TreesRun
        Options.
    known : pandas.DataFrame or None
        What is known beyond the cadastre, with a column ``id``.
    geometry : SkyGeometry, xarray.DataArray or None
        Of the site, where heat was run: gives the sky view; or that itself (y, x).
    day : int
        Day of the year whose sun stands for the season.
    """
    if not len(city.trees):
        raise InputError(text("trees.none", city=city.name or "-"))
    log = GapLog()
    trees = pd.DataFrame(city.trees.drop(columns="geometry"))
    trees["id"] = _unique(trees["id"].astype(str), log)
    x, y = city.trees.geometry.x.to_numpy(), city.trees.geometry.y.to_numpy()
    row, column, inside = _cells(site, x, y)
    log.add("trees_outside_grid", layer="trees", severity="default", count=int((~inside).sum()), of=len(trees),
            places=trees["id"][~inside], default="0.5")  # fmt: skip
    share, level = _sealing(site)
    trees["sealing_share"] = np.where(inside, share[row, column], np.nan)
    trees["sealing_class"] = np.where(inside, level[row, column], np.nan)
    if asked.shade:
        sun = _sunlit(site, day)[row, column]
        trees["direct_share"] = np.where(inside & np.isfinite(sun), sun, 1.0)
    if geometry is not None:
        from models import heat

        seen = geometry
        if not isinstance(seen, xr.DataArray):
            seen = heat.sky_view_factor(site, geometry=seen)["svf_building"]
        sky = seen.values[row, column]
        trees["sky_view_factor"] = np.where(inside & np.isfinite(sky), sky, 1.0)
    else:
        log.add("trees_sky_open", layer="trees", severity="info", count=len(trees), of=len(trees), default="1")
    return _with_known(trees, asked, known, log), log


def _unique(ids: pd.Series, log: GapLog) -> pd.Series:
    """Return ids of which none is twice: the balance counts each tree once."""
    number = ids.groupby(ids).cumcount()
    log.add("trees_id_twice", layer="trees", severity="warning", count=int((number > 0).sum()), of=len(ids),
            places=ids[number > 0])  # fmt: skip
    return ids.where(number == 0, ids + "#" + (number + 1).astype(str))


def _cells(site: xr.Dataset, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    west, north = float(site["x"].values[0]), float(site["y"].values[0])
    step = abs(float(site["x"].values[1]) - west)
    column, row = np.rint((x - west) / step).astype(int), np.rint((north - y) / step).astype(int)
    inside = (row >= 0) & (row < site.sizes["y"]) & (column >= 0) & (column < site.sizes["x"])
    return np.where(inside, row, 0), np.where(inside, column, 0), inside


def _sealing(site: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the sealed share of the ground round each cell (roofs left out; NaN where all is roof) and its class."""
    from scipy.ndimage import uniform_filter

    step = abs(float(site["x"].values[1] - site["x"].values[0]))
    size = 2 * max(1, round(_NEAR / step)) + 1
    cover = site["land_cover"].values
    ground = (site["building_id"].values == 0).astype(float)

    def near(values: np.ndarray) -> np.ndarray:
        return np.asarray(uniform_filter(values * ground, size, mode="nearest"))

    weight = near(np.ones(cover.shape))
    share = np.where(weight > 1e-6, near(sealed_share(site).astype(float)) / np.maximum(weight, 1e-6), np.nan)
    kinds = [near((cover == LAND_COVER[name]).astype(float)) for name in _SEALING]
    most = np.argmax(kinds, axis=0)
    level = np.where(np.max(kinds, axis=0) > 1e-6, np.array(list(_SEALING.values()))[most], 3)
    return np.clip(share, 0.0, 1.0), level.astype(float)


def _sunlit(site: xr.Dataset, day: int) -> np.ndarray:
    """Return the share of a day's direct radiation that buildings leave, by cell."""
    from models import heat

    bare = site.assign(
        canopy_height=xr.zeros_like(site["canopy_height"]), trunk_height=xr.zeros_like(site["trunk_height"])
    )
    times = np.datetime64("2022-01-01") + np.timedelta64(day - 1, "D") + np.array([*_SUN_HOURS], dtype="timedelta64[h]")
    sun = heat.sun_position(
        times.astype("datetime64[ns]"), float(site.attrs["latitude"]), float(site.attrs["longitude"])
    )
    total, lit = 0.0, np.zeros(site["land_cover"].shape)
    for azimuth, elevation in zip(sun["azimuth"].values, sun["elevation"].values, strict=True):
        if elevation < 5.0:
            continue
        weight = float(np.sin(np.radians(elevation))) ** 1.15
        lit += weight * heat.shadow(bare, float(azimuth), float(elevation)).values
        total += weight
    return np.clip(lit / total, 0.0, 1.0) if total > 0 else np.ones_like(lit)


def _with_known(trees: pd.DataFrame, asked: TreesRun, known: pd.DataFrame | None, log: GapLog) -> pd.DataFrame:
    if known is not None:
        own = known.drop_duplicates("id", keep="last").set_index("id")
        strange = own.index.difference(pd.Index(trees["id"]))
        log.add("trees_table_unknown", layer="trees", severity="warning", count=len(strange), of=len(own),
                source=str(asked.table), places=strange)  # fmt: skip
        for name in own:
            values = trees["id"].map(own[name])
            trees[name] = values.where(values.notna(), trees[name]) if name in trees else values
    if asked.soil is not None:
        given = trees["soil"].fillna("") if "soil" in trees else pd.Series("", index=trees.index)
        without = (given == "").to_numpy()
        trees["soil"] = given.where(~without, asked.soil)
        log.add("trees_soil_of_scenario", layer="trees", severity="default", count=int(without.sum()), of=len(trees),
                default=asked.soil)  # fmt: skip
    return trees
