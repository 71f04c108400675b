"""Plain FAO-56: the tree balance set up as an annual field crop, to compare with other implementations.

One layer that deepens with the crop, nothing sealed, no crown store, water above field capacity drains at once: what is
left of :mod:`models.water.tree_day` is the dual crop coefficient method of FAO Irrigation and Drainage Paper 56 (Allen et
al. 1998), Eqs. 69 to 88, with the stages of its Table 11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.water.tree_balance import run_trees
from models.water.tree_day import FORCING, PARAMETERS, STATES
from models.water.tree_forcing import TreeForcing
from models.water.tree_parameters import Reasons, TreeParameters

__all__ = ["FieldCrop", "field_crop_balance"]


@dataclass(frozen=True)
class FieldCrop:
    """One crop on one soil.

    Attributes
    ----------
    kcb : tuple of float
        Basal coefficient at the start, in mid-season and at the end [1].
    stages : tuple of int
        Lengths of the initial, development, middle and late stage [d].
    height, root_depth : tuple of float
        At the start and full [m].
    field_capacity, wilting_point, start : float
        Water content, and that at the start [m3/m3].
    depletion_fraction : float
        p at 5 mm/d [1].
    surface_depth : float
        Evaporating layer [m].
    readily_evaporable : float
        REW [mm].
    """

    kcb: tuple[float, float, float]
    stages: tuple[int, int, int, int]
    height: tuple[float, float]
    root_depth: tuple[float, float]
    field_capacity: float
    wilting_point: float
    start: float
    depletion_fraction: float
    surface_depth: float
    readily_evaporable: float


def _season(crop: FieldCrop, days: int) -> np.ndarray:
    """Return (Kcb - Kcb initial) / (Kcb mid - Kcb initial) day by day."""
    first, second, third, last = np.cumsum(crop.stages)
    low, mid, end = crop.kcb
    return np.interp(np.arange(days), [0, first, second, third, last], [0.0, 0.0, 1.0, 1.0, (end - low) / (mid - low)])


def field_crop_balance(
    crop: FieldCrop,
    evapotranspiration: ArrayLike,
    rain: ArrayLike,
    irrigation: ArrayLike,
    wind: ArrayLike,
    dryness: ArrayLike,
) -> pd.DataFrame:
    """Return the daily depletion and fluxes of a field crop [mm].

    Parameters
    ----------
    crop : FieldCrop
        Crop and soil.
    evapotranspiration, rain, irrigation : array_like
        Reference evapotranspiration, rain and irrigation [mm/d].
    wind : array_like
        At 2 m [m/s].
    dryness : array_like
        Lowest relative humidity [%].

    Returns
    -------
    pandas.DataFrame
        One row a day: depletion, transpiration, evaporation, percolation.
    """
    eto = np.asarray(evapotranspiration, dtype=float)
    days = eto.size
    share = _season(crop, days)
    height = np.maximum.accumulate(crop.height[0] + (crop.height[1] - crop.height[0]) * share)
    depth = np.maximum.accumulate(crop.root_depth[0] + (crop.root_depth[1] - crop.root_depth[0]) * share)
    air = 0.04 * (np.clip(wind, 1.0, 6.0) - 2.0) - 0.004 * (np.clip(dryness, 20.0, 80.0) - 45.0)
    kcb = crop.kcb[0] + (crop.kcb[1] - crop.kcb[0]) * share
    most = np.maximum(1.2 + air * (height / 3.0) ** 0.3, kcb + 0.05)
    cover = np.clip((kcb - crop.kcb[0]) / (most - crop.kcb[0]), 0.0, 0.99) ** (1.0 + 0.5 * height)  # Eq. 76
    rows = {
        "evapotranspiration": eto,
        "rain": np.asarray(rain, dtype=float),
        "dryness": air,
        "leaf": share,
        "shade": np.minimum(cover, 0.99),
        "height": (height / 3.0) ** 0.3,
        "depth": depth / crop.root_depth[1],
    }
    values = np.zeros((1, days, len(FORCING)))
    for name, series in rows.items():
        values[0, :, FORCING.index(name)] = series
    parameters = _parameters(crop)
    forcing = TreeForcing(np.arange(days).astype("datetime64[D]"), values, 1, 1, "")
    state = np.zeros((len(STATES), 1))
    state[0] = parameters.named("tew")
    state[2] = 1000.0 * (crop.field_capacity - crop.start) * crop.root_depth[0]
    given = np.asarray(irrigation, dtype=float)
    log = pd.DataFrame({"tree": 0, "date": forcing.days, "litres": given})
    found = {
        name: run_trees(parameters, forcing, state, waterings=log, ids=pd.RangeIndex(1), daily=name)[2][:, 0]
        for name in ("depletion", "transpiration", "evaporation", "percolation")
    }
    return pd.DataFrame(found).astype(float)


def _parameters(crop: FieldCrop) -> TreeParameters:
    tew = 1000.0 * (crop.field_capacity - 0.5 * crop.wilting_point) * crop.surface_depth
    numbers = {
        "cover_leaf": 1.0,
        "overlap": 1.0,
        "kcb_bare": crop.kcb[0],
        "kcb_leaf": crop.kcb[1],
        "crown_ratio": 1.0,
        "inlet_summer": 1.0,
        "inlet_winter": 1.0,
        "unsealed": 1.0,
        "tew": tew,
        "rew": crop.readily_evaporable,
        "taw_2": 1000.0 * (crop.field_capacity - crop.wilting_point) * crop.root_depth[1],
        "depletion_fraction": crop.depletion_fraction,
        "height_factor": 1.0,
        "drainage": 1.0,
    }
    values = np.array([[numbers.get(name, 0.0)] for name in PARAMETERS])
    one = np.ones(1)
    none = np.zeros(1, dtype=np.int64)
    return TreeParameters(
        values, np.zeros((1, 1)), none, none, one, one, one, values[PARAMETERS.index("taw_2")], none, Reasons()
    )
