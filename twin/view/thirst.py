"""The watering plan in 3D: every tree in the colour of its reason, and a blue column for the litres it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from models.layers import InputError
from twin.language import text
from twin.view.meshes import Mesh
from twin.view.palettes import Palette
from twin.view.trees import feet, stamped_columns

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.city.model import City

__all__ = ["REASON_COLOURS", "ThirstyTrees", "columns_mesh", "thirsty_trees"]

REASON_COLOURS = {
    "dry_now": "#a50f15",
    "dry_soon": "#ef8a3c",
    "watch": "#f6d55c",
    "rain_coming": "#6baed6",
    "enough": "#2b8cbe",
    "established": "#9a9a96",
}
"""Colour of each reason, told apart also by those who do not see red and green alike."""
_BLUE = np.array([20, 92, 168], np.uint8)
_METRES_PER_LITRE = 0.2  # the legend says so


@dataclass(frozen=True, eq=False)
class ThirstyTrees:
    """What a scene shows of a plan.

    Parameters
    ----------
    colours : numpy.ndarray
        uint8 (trees, 3).
    litres : numpy.ndarray
        Of each tree [L].
    aside : numpy.ndarray
        bool: trees that the plan leaves to the rain; they are drawn faintly.
    palette : Palette
        The reasons that occur, with the number of trees.
    """

    colours: np.ndarray
    litres: np.ndarray
    aside: np.ndarray
    palette: Palette


def thirsty_trees(city: City, plan: gpd.GeoDataFrame, language: str) -> ThirstyTrees:
    """Return colours, litres and legend of a plan.

    Parameters
    ----------
    city : City
        Its trees, in the order of the plan.
    plan : geopandas.GeoDataFrame
        ``trees_plan`` of a run.
    language : {"en", "de"}
        Language of the legend.

    Raises
    ------
    InputError
        If the plan is of another city.
    """
    if len(plan) != len(city.trees):
        raise InputError(text("trees.other_plan", language, plan=len(plan), trees=len(city.trees)))
    names = list(REASON_COLOURS)
    code = plan["reason"].map({name: k for k, name in enumerate(names)}).to_numpy(int)
    table = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in REASON_COLOURS.values()], np.uint8)
    count = np.bincount(code, minlength=len(names))
    kept = np.flatnonzero(count)
    words = tuple(text(f"trees.legend_{names[k]}", language, count=int(count[k])) for k in kept)
    palette = Palette(kept.astype(float), table[kept], words, "", text("trees.map_title", language), "codes")
    return ThirstyTrees(table[code], plan["litres"].to_numpy(float), code == names.index("established"), palette)


def columns_mesh(
    city: City, litres: np.ndarray, terrain: xr.DataArray, origin: tuple[float, float, float],
    *, area: tuple[float, float, float, float], width: float,
) -> Mesh:  # fmt: skip
    """Return a blue column at every tree that gets water, 20 m high for 100 litres above the tree.

    Parameters
    ----------
    city : City
        With trees.
    litres : numpy.ndarray
        Of each tree.
    terrain : xarray.DataArray
        Ground.
    origin : tuple of float
        East, north, height [m] that becomes (0, 0, 0).
    area : tuple of float
        West, south, east, north [m] of what is shown.
    width : float
        Of a column [m].
    """
    rows, foot = feet(city, terrain, origin, area=area, where=litres > 0)
    tall = np.nan_to_num(city.trees["height"].to_numpy(float)[rows], nan=0.0) + _METRES_PER_LITRE * litres[rows]
    return stamped_columns(foot, np.column_stack([np.full(len(rows), width / 2)] * 2 + [tall]), rows, _BLUE)
