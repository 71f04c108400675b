"""Two ways to water the same trees through the same weeks: by need, and by the calendar.

Each tree stands in its own soil under its own weather. Once a week either rule decides anew: by need, a tree that is drier than
the rule of practice allows (:mod:`models.water.watering_rules`) gets what its root space lacks, as far as its ring holds
it; by the calendar, every tree gets the same litres from April to September. A third run without any watering shows what
both are worth. What was really given is left out, for it would count in both. Left out too: forecasts, which would let
the rule by need wait for rain, and trees without water for another reason than drought.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError
from models.water.tree_balance import TreeBalance, initial_state, run_trees
from models.water.tree_day import DAY_FLUXES, PARAMETERS, STATES
from models.water.tree_forcing import TreeForcing, tree_forcing
from models.water.tree_parameters import TreeParameters
from models.water.tree_states import parameters_of
from models.water.watering_rules import ring_table, water_limits

__all__ = ["WateringSeason", "watering_season"]

_RULES = ("need", "calendar", "none")


@dataclass(frozen=True)
class WateringSeason:
    """What two rules of watering cost and bring over the same days.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a tree that is watered at all, its id as index: ``litres_need``, ``litres_calendar``, ``visits_need``,
        ``visits_calendar``, and ``stress_need``, ``stress_calendar``, ``stress_none`` (days of drought stress: sum of 1 - Ks).
    days : numpy.ndarray
        datetime64[D] of the comparison.
    every : int
        Days from one visit to the next.
    """

    table: pd.DataFrame
    days: np.ndarray
    every: int


def watering_season(
    balance: TreeBalance,
    weather: xr.Dataset,
    *,
    initial: pd.DataFrame | float = 1.0,
    thresholds: str = "bht",
    target: float = 0.9,
    ring_capacity: float | None = None,
    oldest: float = np.inf,
    every: int = 7,
    round_to: float = 5.0,
    **place: Any,
) -> WateringSeason:
    """Compare watering by need with the calendar rule over the days of a balance.

    Parameters
    ----------
    balance : TreeBalance
        Its trees and parameters; from :func:`tree_water_balance` with the same weather.
    weather : xarray.Dataset
        The weather of the balance.
    initial : pandas.DataFrame or float
        State at the start, as for the balance.
    thresholds, target, ring_capacity, oldest, round_to
        As in :func:`watering_plan`; the calendar rule gives the litres a week of ``tables/watering_rings.csv`` to the
        same trees, from April to September.
    every : int
        Days from one visit to the next.
    **place
        ``constants``, ``latitude``, ``longitude``, ``elevation``, ``clock_offset``.

    Returns
    -------
    WateringSeason
        Litres, visits and days of stress of every tree under both rules.

    Raises
    ------
    InputError
        If ``every`` is no number of days, or the weather is not that of the balance.

    Examples
    --------
    >>> from models.water.tree_balance import tree_water_balance
    >>> days = pd.date_range("2024-05-01", periods=90)
    >>> dry = xr.Dataset(
    ...     {"air_temperature_max": ("time", np.full(90, 26.0)), "air_temperature_min": ("time", np.full(90, 14.0)),
    ...      "precipitation": ("time", np.zeros(90))},
    ...     coords={"time": days.to_numpy()}, attrs={"latitude": 52.5, "elevation": 40.0})
    >>> trees = pd.DataFrame({"id": ["young"], "species": ["Tilia cordata"], "height": [5.0], "crown_diameter": [2.5],
    ...     "planted": [2022], "soil": ["Sl3"], "sealing_share": [0.5], "sealing_class": [3]})
    >>> found = watering_season(tree_water_balance(trees, dry), dry).table.loc["young"]
    >>> float(found["litres_calendar"]), bool(found["litres_need"] < 1300), bool(found["stress_need"] < found["stress_none"])
    (1300.0, True, True)
    """
    if every < 1:
        raise InputError(f"every={every} is no number of days from visit to visit: give at least 1.")
    forcing = tree_forcing(weather, **place)
    if not np.array_equal(forcing.days, balance.days):
        raise InputError(
            f"The balance covers {balance.days[0]} to {balance.days[-1]}, the weather {forcing.days[0]} to {forcing.days[-1]}: "
            "give the weather of the balance."
        )
    ids = balance.state.index
    start = initial_state(initial, balance.parameters, ids)
    rows = np.flatnonzero(np.floor(balance.parameters.age + (forcing.days.size - 1) / 365.25) <= oldest)
    parameters = parameters_of(balance.parameters, rows)
    columns: dict[str, np.ndarray] = {}
    if rows.size:
        settings = (thresholds, target, ring_capacity, every, round_to)
        for rule in _RULES:
            litres, visits, stress = _season(rule, parameters, forcing, start[:, rows], settings)
            columns |= {f"litres_{rule}": litres, f"visits_{rule}": visits, f"stress_{rule}": stress}
    names = [f"{what}_{rule}" for what in ("litres", "visits", "stress") for rule in _RULES]
    table = pd.DataFrame(columns, index=ids[rows], columns=names).drop(columns=["litres_none", "visits_none"])
    return WateringSeason(table.astype(float), forcing.days, every)


def _season(
    rule: str, parameters: TreeParameters, forcing: TreeForcing, start: np.ndarray,
    settings: tuple[str, float, float | None, int, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Return litres, visits and stress of one rule, from one visit to the next."""
    every, state = settings[3], start
    count = parameters.root_area.size
    litres, visits, stress = np.zeros(count), np.zeros(count), np.zeros(count)
    for first in range(0, forcing.days.size, every):
        part = slice(first, min(first + every, forcing.days.size))
        now = _grown(parameters, first)
        given = _given(rule, now, state, forcing.days[first], parameters.age + first / 365.25, settings)
        log = None
        if given.any():
            some = np.flatnonzero(given)
            log = pd.DataFrame(
                {"tree": some, "date": forcing.days[first].astype("datetime64[ns]"), "litres": given[some]}
            )
        week = TreeForcing(
            forcing.days[part], np.ascontiguousarray(forcing.values[:, part]), forcing.cells, forcing.kinds, ""
        )
        state, sums, _, _ = run_trees(now, week, state, waterings=log)
        litres, visits = litres + given, visits + (given > 0)
        stress = stress + sums[DAY_FLUXES.index("stress")]
    return litres, visits, stress


def _given(
    rule: str, parameters: TreeParameters, state: np.ndarray, day: np.datetime64, age: np.ndarray,
    settings: tuple[str, float, float | None, int, float],
) -> np.ndarray:  # fmt: skip
    """Return the litres that a rule gives on a day."""
    thresholds, target, ring_capacity, every, round_to = settings
    rings = ring_table(age)
    if rule == "none":
        return np.zeros(age.size)
    if rule == "calendar":
        month = int(str(day)[5:7])
        season = (rings["from_month"] <= month) & (month <= rings["to_month"])
        return np.where(season, rings["calendar"] * every / 7.0, 0.0)
    available = np.stack([parameters.named("taw_1"), parameters.named("taw_2")])
    depletion = state[[STATES.index("depletion_1"), STATES.index("depletion_2")]]
    layers = 1.0 - depletion / np.maximum(available, 1e-9)
    layers[1] = np.where(available[1] > 1.0, layers[1], layers[0])  # no lower layer: the upper one counts
    root = (layers * available).sum(axis=0) / available.sum(axis=0)
    dry = (np.vstack([layers, root]) < water_limits(thresholds, parameters.soil, age)).any(axis=0)
    need = (np.maximum(target - layers, 0.0) * available).sum(axis=0) * parameters.root_area
    ring = rings["ring"].to_numpy() if ring_capacity is None else np.full(age.size, float(ring_capacity))
    return np.where(dry, np.minimum(np.ceil(need / round_to) * round_to, ring), 0.0)


def _grown(parameters: TreeParameters, days: int) -> TreeParameters:
    """Return the parameters with the root space as it has grown after some days."""
    values = parameters.values.copy()
    values[PARAMETERS.index("taw_2")] += values[PARAMETERS.index("growth")] * days
    return replace(parameters, values=values)
