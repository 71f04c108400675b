"""What is known of the soil water of every tree today: the balance, corrected by the sensors of like trees.

Readings at some trees move an ensemble of each of those (:mod:`models.water.assimilation`); what they change is given to
trees of the same genus, soil, age class and exposure with a stated weight (:mod:`models.water.sensor_readings`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from models.water.assimilation import Noise, TreeEnsemble
from models.water.sensor_readings import layer_readings, spread_corrections, tree_groups
from models.water.tree_balance import TreeBalance, initial_state, tree_water_balance
from models.water.tree_forcing import TreeForcing, tree_forcing
from models.water.tree_parameters import TreeParameters, defaults

__all__ = ["TreeState", "parameters_of", "tree_state_from_readings", "uncorrected_state"]

_GOOD = ("", "good", "ok", "nan", "none", "<na>")
_PLACE = ("constants", "latitude", "longitude", "elevation", "clock_offset")


@dataclass(frozen=True)
class TreeState:
    """Soil water of every tree at the end of a balance, and how sure it is.

    Attributes
    ----------
    balance : TreeBalance
        Its ``state`` holds the corrected depletions.
    error : numpy.ndarray
        Standard deviation of the relative extractable water, shape (2, trees), upper and lower layer.
    factor : numpy.ndarray
        What sensors say about each tree's own transpiration, as a factor.
    sources : pandas.DataFrame
        By tree: ``weight`` (1 own sensors, 0 none), ``level``, ``sensors``, ``upper``, ``lower`` (corrections of the
        relative extractable water).
    used, refused : pandas.DataFrame
        Readings that were used, by tree, day and layer; and rows that were not, with their reason.
    """

    balance: TreeBalance
    error: np.ndarray
    factor: np.ndarray
    sources: pd.DataFrame
    used: pd.DataFrame
    refused: pd.DataFrame


def uncorrected_state(balance: TreeBalance, noise: Noise | None = None) -> TreeState:
    """Return the state of a balance without any sensors."""
    ids, count = balance.state.index, len(balance.state)
    sources = pd.DataFrame({"upper": 0.0, "lower": 0.0, "weight": 0.0, "level": -1, "sensors": 0}, index=ids)
    error = np.full((2, count), (noise or Noise()).start)
    return TreeState(balance, error, np.ones(count), sources, pd.DataFrame(), pd.DataFrame())


def tree_state_from_readings(
    trees: pd.DataFrame,
    weather: xr.Dataset,
    readings: pd.DataFrame,
    *,
    waterings: pd.DataFrame | None = None,
    initial: pd.DataFrame | float = 1.0,
    members: int = 100,
    noise: Noise | None = None,
    good_flags: Iterable[str] = _GOOD,
    seed: int = 0,
    **options: Any,
) -> TreeState:
    """Return the soil water of a whole cadastre today, corrected by the sensors of a few of its trees.

    Parameters
    ----------
    trees, weather, waterings, initial
        As in :func:`models.water.tree_balance.tree_water_balance`.
    readings : pandas.DataFrame
        As in :func:`models.water.sensor_readings.layer_readings`; flagged, impossible and out-of-range rows are kept out.
    members : int
        Of the ensemble of each tree with sensors.
    noise : Noise, optional
        Uncertainties.
    good_flags : iterable of str
        Quality flags of readings that may be used.
    seed : int
        Same seed, same result.
    **options
        ``constants``, ``latitude``, ``longitude``, ``elevation``, ``clock_offset``, ``dtype``.

    Returns
    -------
    TreeState
        For :func:`models.water.irrigation.watering_plan`.

    Raises
    ------
    InputError
        If a table lacks a column, or the weather is unusable.
    """
    balance = tree_water_balance(trees, weather, waterings=waterings, initial=initial, **options)
    ids, noise = balance.state.index, noise or Noise()
    soils = pd.Series(balance.parameters.soil, index=ids)
    used, refused = layer_readings(readings, soils, upper_depth=defaults()["upper_depth"][0], good_flags=good_flags)
    days = balance.days
    inside = used["date"].between(pd.Timestamp(days[0]), pd.Timestamp(days[-1])) if len(used) else pd.Series(dtype=bool)
    if len(used) and not inside.all():
        late = used[~inside].assign(reason="outside the weather")
        refused, used = pd.concat([refused, late], ignore_index=True), used[inside].reset_index(drop=True)
    plain = uncorrected_state(balance, noise)
    if used.empty:
        return replace(plain, used=used, refused=refused)
    forcing = tree_forcing(weather, **{name: options[name] for name in _PLACE if name in options})
    rows = ids.get_indexer(pd.Index(used["tree"].unique()))
    ensemble = _ensemble(balance, forcing, rows, initial, waterings, (members, noise, seed))
    _assimilate(ensemble, used, ids[rows], days)
    return _spread(plain, trees, ensemble, rows, used, refused)


def _ensemble(
    balance: TreeBalance, forcing: TreeForcing, rows: np.ndarray, initial: pd.DataFrame | float,
    waterings: pd.DataFrame | None, settings: tuple[int, Noise, int],
) -> TreeEnsemble:  # fmt: skip
    ids, (members, noise, seed) = balance.state.index, settings
    parameters = parameters_of(balance.parameters, rows)
    state = initial_state(initial, balance.parameters, ids)[:, rows]
    given = None
    if waterings is not None and len(waterings):
        place = pd.Index(ids[rows]).get_indexer(pd.Index(waterings["tree"]))
        litres = pd.to_numeric(waterings["litres"], errors="coerce")
        given = waterings.assign(tree=place, litres=litres)[(place >= 0) & (litres >= 0)]
    return TreeEnsemble(parameters, forcing, state, members=members, noise=noise, seed=seed, waterings=given)


def parameters_of(parameters: TreeParameters, rows: np.ndarray | slice) -> TreeParameters:
    """Return the parameters of some trees."""
    each = {
        name: getattr(parameters, name)[rows]
        for name in ("kind", "cell", "crown_area", "root_area", "root_depth", "available", "soil", "age")
    }
    return replace(parameters, values=parameters.values[:, rows], hidden_beam=parameters.hidden_beam[:, rows], **each)


def _assimilate(ensemble: TreeEnsemble, used: pd.DataFrame, names: pd.Index, days: np.ndarray) -> None:
    """Move the members through the days and correct them at each reading."""
    place = names.get_indexer(pd.Index(used["tree"]))
    day = (used["date"].to_numpy().astype("datetime64[D]") - days[0]).astype(int)
    for today in np.unique(day):
        ensemble.advance(int(today) + 1 - ensemble.day)  # a reading stands for the end of its day
        values, errors = np.full((2, names.size), np.nan), np.full((2, names.size), np.nan)
        now = day == today
        layer = used["layer"].to_numpy()[now]
        values[layer, place[now]] = used["value"].to_numpy()[now]
        errors[layer, place[now]] = used["error"].to_numpy()[now]
        ensemble.update(values, errors)
    ensemble.advance(days.size - ensemble.day)


def _spread(
    plain: TreeState, trees: pd.DataFrame, ensemble: TreeEnsemble, rows: np.ndarray, used: pd.DataFrame, refused: pd.DataFrame
) -> TreeState:  # fmt: skip
    balance, ids = plain.balance, plain.balance.state.index
    available = np.stack([balance.parameters.named("taw_1"), balance.parameters.named("taw_2")])
    depletion = balance.state[["depletion_1", "depletion_2"]].to_numpy(dtype=float).T
    open_loop = 1.0 - depletion[:, rows] / np.maximum(available[:, rows], 1e-9)
    found = ensemble.layers(biased=False)
    year = int(str(balance.days[0])[:4])
    like = trees.assign(soil=balance.parameters.soil).set_index(ids)
    groups = tree_groups(like, year)
    change = pd.DataFrame((found.mean(axis=2) - open_loop).T, index=ids[rows], columns=["upper", "lower"])
    change[available[:, rows].T < 1.0] = 0.0  # a layer without any water to hold cannot be corrected
    spread = spread_corrections(groups, change)
    own = pd.DataFrame({"upper": np.log(ensemble.factor).mean(axis=1)}, index=ids[rows]).assign(lower=0.0)
    factor = np.exp(spread_corrections(groups, own)["upper"].to_numpy())
    state = balance.state.copy()
    excess = np.stack([balance.parameters.named("excess_1"), balance.parameters.named("excess_2")])
    corrected = np.clip(
        depletion - spread[["upper", "lower"]].to_numpy().T * available, -excess, np.maximum(available, depletion)
    )
    state[["depletion_1", "depletion_2"]] = corrected.T
    water = available.sum(axis=0)
    state["relative_extractable_water"] = 1.0 - corrected.sum(axis=0) / np.maximum(water, 1e-9)
    weight = spread["weight"].to_numpy()
    level = float(found.std(axis=2).mean())
    error = weight * level + (1.0 - weight) * plain.error
    error[:, rows] = found.std(axis=2)
    return TreeState(replace(balance, state=state), error, factor, spread, used, refused)
