"""A measured forest soil (Solling, beech): weather, measured soil water, and the tree balance set up for it.

Read by ``trees_validation.py``. Relative extractable water comes from tensiometers at 10, 20, 40 and 100 cm through the
retention curves of the profile's own texture classes, weighted by depth; negative tension counts as saturation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from models.water.soils import relative_extractable_water, soil, water_content
from models.water.tree_balance import run_trees
from models.water.tree_day import PARAMETERS, STATES
from models.water.tree_forcing import TreeForcing, tree_forcing
from models.water.tree_leaves import saturating_rain
from models.water.tree_parameters import TreeParameters, tree_parameters

# sensor [cm]: texture class, thickness it stands for [m], layer
DEPTHS = {10: ("Ut3", 0.15, 0), 20: ("Ut3", 0.15, 0), 40: ("Ut3", 0.40, 1), 100: ("Uls", 0.50, 1)}
LIMIT, REWETTED = 600.0, 150.0  # [hPa]
YEARS = tuple(range(1999, 2006))
RANGES = {
    "available": (80.0, 320.0),  # [mm] of both layers
    "upper": (0.10, 0.45),  # share of the upper layer
    "kcb": (0.35, 1.35),
    "depletion_fraction": (-0.2, 0.80),
    "root_share": (0.25, 0.85),
    "drainage": (0.03, 1.0),
    "wet_evaporation": (0.03, 0.30),
    "store": (0.05, 0.40),  # [mm per leaf area]
    "cover": (0.75, 0.98),
    "excess": (0.05, 0.60),  # water above field capacity by available water
    "capillary": (0.0, 5.0),
    "top": (1.0, 1.25),  # relative extractable water at depletion 0: the stand drains to a lower tension than pF 1.8
}


def read_weather(folder: Path) -> xr.Dataset:
    """Return the daily weather 1998 to 2005."""
    table = pd.read_csv(folder / "slb1_climate_1998-2005.csv")
    return xr.Dataset(
        {
            "air_temperature_max": ("time", table.tmax.to_numpy()),
            "air_temperature_min": ("time", table.tmin.to_numpy()),
            "relative_humidity": ("time", table.relhum.to_numpy()),
            "global_radiation": ("time", table.globrad.to_numpy()),
            "wind_speed": ("time", table.wind.to_numpy(), {"height": 10.0}),
            "precipitation": ("time", table.prec.to_numpy() / 24.0),
        },
        coords={"time": pd.to_datetime(table.dates, format="%m/%d/%Y").to_numpy()},
        attrs={"latitude": 51.77, "longitude": 9.58, "elevation": 504.0},
    )


def beyond_range(tension: np.ndarray) -> np.ndarray:
    """Return True from the day a depth reaches LIMIT until it is wetter than REWETTED again.

    The file holds means of several tensiometers, which fail at about 800 hPa. Once the driest have failed, the mean of the
    others jumps towards wet without any rain (August 2003: from 637 to 368 hPa at 40 cm in three rainless weeks).
    """
    flags, failed = np.zeros(tension.size, dtype=bool), False
    for i, value in enumerate(tension):
        if np.isfinite(value):
            failed = value >= LIMIT or (failed and value > REWETTED)
        flags[i] = failed
    return flags


def read_observed(folder: Path, *, within_range: bool = True) -> pd.DataFrame:
    """Return measured relative extractable water: columns "root zone", "upper", "lower", by day.

    ``within_range`` leaves out days on which a depth is :func:`beyond_range`.
    """
    table = pd.read_csv(folder / "slb1_swc_mpot_1999-2005.csv")
    index = pd.DatetimeIndex(pd.to_datetime(table.dates, format="%m/%d/%Y"))
    water, room = [], []
    for depth, (name, thickness, _) in DEPTHS.items():
        tension = -table[f"mpot_{depth}cm"].to_numpy(dtype=float)
        if within_range:
            tension[beyond_range(tension)] = np.nan
        share = relative_extractable_water(water_content(tension, name), name)
        water.append(np.where(np.isnan(tension), np.nan, share))
        room.append(1000.0 * thickness * soil(name).available)
    shares, weights = np.array(water), np.array(room)[:, None]
    layer = np.array([value[2] for value in DEPTHS.values()])
    columns = {"root zone": layer >= 0, "upper": layer == 0, "lower": layer == 1}
    found = {name: (shares[m] * weights[m]).sum(axis=0) / weights[m].sum() for name, m in columns.items()}
    return pd.DataFrame(found, index=index)


@dataclass(frozen=True)
class Stand:
    """Many sets of parameters of the stand, run side by side as if they were trees."""

    parameters: TreeParameters
    forcing: TreeForcing
    draws: pd.DataFrame


def candidates(folder: Path, count: int = 6_000, seed: int = 7, around: pd.DataFrame | None = None) -> Stand:
    """Return sets of parameters drawn from RANGES, or within a tenth of the ranges around given ones."""
    rng = np.random.default_rng(seed)
    low, high = (np.array([r[k] for r in RANGES.values()]) for k in (0, 1))
    values = low + (high - low) * rng.random((count, len(RANGES)))
    if around is not None:
        near = around.to_numpy()[rng.integers(0, len(around), count)]
        values = np.clip(near + 0.08 * (high - low) * rng.standard_normal(values.shape), low, high)
    draws = pd.DataFrame(values, columns=list(RANGES))
    beech = pd.DataFrame({"id": range(count), "species": "Fagus sylvatica", "height": 29.0, "crown_diameter": 8.0,
                          "planted": 1850, "soil": "Ut3", "sealing_share": 0.0})  # fmt: skip
    base = tree_parameters(beech, 1998)
    numbers = {name: base.values[k].copy() for k, name in enumerate(PARAMETERS)}
    numbers |= {
        "taw_1": (draws.available * draws.upper).to_numpy(),
        "taw_2": (draws.available * (1.0 - draws.upper)).to_numpy(),
        "kcb_leaf": draws.kcb.to_numpy(),
        "depletion_fraction": draws.depletion_fraction.to_numpy(),
        "root_share": draws.root_share.to_numpy(),
        "drainage": draws.drainage.to_numpy(),
        "wet_evaporation": draws.wet_evaporation.to_numpy(),
        "saturation_leaf": saturating_rain(5.6 + 0.5, 1.0, draws.wet_evaporation.to_numpy()) * draws.store.to_numpy(),
        "saturation_bare": saturating_rain(0.5, 1.0, draws.wet_evaporation.to_numpy()) * draws.store.to_numpy(),
        "cover_leaf": draws.cover.to_numpy(),
        "excess_1": (draws.available * draws.upper * draws.excess).to_numpy(),
        "excess_2": (draws.available * (1.0 - draws.upper) * draws.excess).to_numpy(),
        "capillary": draws.capillary.to_numpy(),
        "crown_ratio": np.ones(count),
        "overlap": np.ones(count),
        "growth": np.zeros(count),
        "heavy_runoff": np.zeros(count),
    }
    stacked = np.stack([numbers[name] for name in PARAMETERS])
    return Stand(replace(base, values=stacked, root_area=np.ones(count)), tree_forcing(read_weather(folder)), draws)


def open_loop(stand: Stand, daily: str) -> pd.DataFrame:
    """Return a daily variable of every set, from field capacity on 1 January 1998."""
    state = np.zeros((len(STATES), stand.parameters.root_area.size))
    found = run_trees(stand.parameters, stand.forcing, state, daily=daily)[2]
    return pd.DataFrame(found, index=pd.DatetimeIndex(stand.forcing.days))


def summer(index: pd.DatetimeIndex) -> np.ndarray:
    """Return True for May to October."""
    return np.asarray((index.month >= 5) & (index.month <= 10))
