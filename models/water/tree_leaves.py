"""Leaves of single trees: how many square metres, when they are there, and how much rain they hold.

Leaf area by Nowak 1996 (Forest Science 42:504, open-grown trees) from crown height and diameter; cover of the ground and
transpiration by ``1 - exp(-0.7 LAI)`` (FAO-56 Eq. 97); the crown store of the sparse Gash model (Gash et al. 1995, doi
10.1016/0022-1694(95)02697-N). Left out: drought shedding, late frost, disease.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.layers import read_table

__all__ = ["crown_cover", "kinds_of", "leaf_area", "leaf_share", "saturating_rain", "tree_kinds"]

_EXTINCTION = 0.7
_SHADING = 0.83
_INDEX = (2.0, 6.0)


@cache
def tree_kinds() -> pd.DataFrame:
    """Return the kinds of trees: coefficients and leaf calendar, by name."""
    rows = read_table("models.water", "tree_kinds.csv")
    return pd.DataFrame([dict(row) for row in rows]).set_index("name").astype(float)


@cache
def _genera() -> dict[str, str]:
    return {row["genus"]: row["kind"] for row in read_table("models.water", "tree_genera_water.csv")}


def kinds_of(species: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the kind of each tree by its botanical name, and whether the genus was known.

    Examples
    --------
    >>> names, known = kinds_of(pd.Series(["Quercus robur", "robinia pseudoacacia", "", None]))
    >>> names.tolist(), known.tolist()
    (['late', 'thrifty', 'middle', 'middle'], [True, True, False, False])
    """
    genus = species.astype("string").fillna("").str.strip().str.lstrip("×xX ").str.extract(r"^([^\s,;(]+)")[0]
    words = genus.fillna("").str.capitalize().to_numpy(dtype=object)
    codes, unique = pd.factorize(words)
    kinds = np.array([_genera().get(str(word), "middle") for word in unique], dtype=object)
    known = np.array([word in _genera() for word in unique])
    return kinds[codes], known[codes]


def leaf_area(crown_height: ArrayLike, crown_diameter: ArrayLike) -> np.ndarray:
    """Return the leaf area of an open-grown tree in full leaf [m2].

    ``ln LA = -4.3309 + 0.2942 H + 0.7312 D + 5.7217 S - 0.0148 C + 0.1159`` with shading S = 0.83 and the outer surface
    ``C = pi D (H + D) / 2``. The regression holds for crowns up to 12 m high and 14 m wide; beyond, the leaf area index
    of that limit is kept, and it is held between 2 and 6, the range measured on single town trees.

    Parameters
    ----------
    crown_height, crown_diameter : array_like
        [m].

    Examples
    --------
    >>> float(leaf_area(6.0, 6.0).round())
    150.0
    """
    height, width = np.asarray(crown_height, dtype=float), np.asarray(crown_diameter, dtype=float)
    h, d = np.clip(height, 1.0, 12.0), np.clip(width, 1.0, 14.0)
    surface = math.pi * d * (h + d) / 2.0
    area = np.exp(-4.3309 + 0.2942 * h + 0.7312 * d + 5.7217 * _SHADING - 0.0148 * surface + 0.1159)
    index = np.clip(area / (math.pi / 4.0 * d**2), *_INDEX)
    return np.asarray(index * math.pi / 4.0 * width**2)


def crown_cover(area_index: ArrayLike) -> np.ndarray:
    """Return the share of the ground that a crown covers [1] at a leaf (and wood) area index [1], FAO-56 Eq. 97."""
    return np.asarray(1.0 - np.exp(-_EXTINCTION * np.asarray(area_index, dtype=float)))


def saturating_rain(area_index: ArrayLike, store: float, wet_evaporation: ArrayLike) -> np.ndarray:
    """Return the rain that wets a crown fully [mm]: Gash et al. 1995, per covered area.

    Parameters
    ----------
    area_index : array_like
        Leaf and wood area by ground area [1].
    store : float
        Water that a square metre of leaf holds [mm].
    wet_evaporation : array_like
        Evaporation of the wet crown by rain [1].
    """
    index, share = np.asarray(area_index, dtype=float), np.asarray(wet_evaporation, dtype=float)
    cover = np.maximum(crown_cover(index), 1e-6)
    factor = np.where(share > 1e-6, -np.log1p(-np.minimum(share, 0.9)) / np.maximum(share, 1e-6), 1.0)
    return np.asarray(store * index / cover * factor)


def leaf_share(day_of_year: ArrayLike, kind: str) -> np.ndarray:
    """Return the share of the full leaf area [1] that a kind of tree bears on days of the year.

    Examples
    --------
    >>> leaf_share([100, 120, 200, 280, 350], "middle").round(2).tolist()
    [0.0, 0.46, 1.0, 0.5, 0.0]
    """
    row = tree_kinds().loc[kind]
    day = np.asarray(day_of_year, dtype=float)
    if row["leaf_full"] <= row["leaf_first"]:
        return np.ones(day.shape)
    rise = (day - row["leaf_first"]) / (row["leaf_full"] - row["leaf_first"])
    fall = (row["leaf_gone"] - day) / (row["leaf_gone"] - row["leaf_fade"])
    return np.asarray(np.clip(np.minimum(rise, fall), 0.0, 1.0))
