"""The watering plan: which tree needs how many litres, on which day, and why.

From the soil water of today (:mod:`models.water.tree_states`) members of the forecast run on (:mod:`forecast_members`). A
tree is watered on the first day on which more than half of its members are drier than the rule of practice allows
(:mod:`watering_rules`), with what its root space lacks, as far as the watering ring holds it. Rain that comes within two
days is waited for. Every tree gets a row and a reason; the sentences are the face's. Left out: losses on the way into the
ground, and a second visit within the plan (``visits`` says how many fillings the need is).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from models.layers import InputError
from models.water.assimilation import Noise
from models.water.forecast_members import ForecastNoise, Futures, futures, member_forcing
from models.water.missing_weather import middle_of_steps
from models.water.tree_balance import TreeBalance
from models.water.tree_forcing import TreeForcing
from models.water.tree_states import TreeState, uncorrected_state
from models.water.watering_rules import LAYERS, ring_table, water_limits

__all__ = ["REASONS", "WateringPlan", "watering_plan"]

REASONS = ("dry_now", "dry_soon", "rain_coming", "watch", "enough", "established")
"""Why a tree is watered or not: below its limit today; will be on a day of the forecast; dry, but rain is near; less than
even odds; wet enough; older than the oldest trees the plan is for."""

_WATCH = 0.2
_WHOLE = 20.0  # [h] that make a day


@dataclass(frozen=True)
class WateringPlan:
    """Litres, date and reason of every tree.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a tree, its id as index: ``date`` (NaT: none), ``litres`` (0: none) of the visit, ``need`` [L] to reach the
        target, ``visits`` that the need is, ``probability`` of drought stress by then (without a date: the greatest),
        ``priority``, ``reason`` (of :data:`REASONS`), ``layer`` that decides, ``water`` and ``limit`` (relative extractable
        water of that layer on that day, and below which it is dry), ``now`` (of the root space today), ``depletion`` [mm] today,
        ``stress_days`` expected, ``ring`` [L], ``calendar`` [L per week by the calendar rule], ``age``, ``demand`` [L/d]
        and ``rain`` [mm] of the forecast, ``sensors`` and ``weight`` of sensors behind it.
    probability : xarray.DataArray
        Probability of drought stress, dims (time, tree).
    days, asked : int
        Days planned, and asked for.
    spread : str
        "ensemble" (of the forecast) or "noise" (the model's own spread on one forecast).
    members : int
        Number of futures.
    thresholds : str
        Scheme of the limits.
    """

    table: pd.DataFrame
    probability: xr.DataArray
    days: int
    asked: int
    spread: str
    members: int
    thresholds: str

    def waterings(self) -> pd.DataFrame:
        """Return the plan as a log of waterings (tree, date, litres) for the next balance."""
        rows = self.table[self.table["litres"] > 0]
        return pd.DataFrame({"tree": rows.index, "date": rows["date"].to_numpy(), "litres": rows["litres"].to_numpy()})


def watering_plan(
    state: TreeBalance | TreeState,
    forecast: xr.Dataset,
    *,
    days: int = 14,
    thresholds: str = "bht",
    ring_capacity: float | ArrayLike | None = None,
    target: float = 0.9,
    chance: float = 0.5,
    wait_days: int = 2,
    oldest: float = np.inf,
    value: ArrayLike | None = None,
    round_to: float = 5.0,
    noise: Noise | None = None,
    forecast_noise: ForecastNoise | None = None,
    seed: int = 0,
    **place: Any,
) -> WateringPlan:
    """Return litres, date, priority and reason for every tree.

    Parameters
    ----------
    state : TreeBalance or TreeState
        Soil water of today, from :func:`tree_water_balance` or, with sensors, :func:`tree_state_from_readings`.
    forecast : xarray.Dataset
        Weather of the coming days, as for the balance; a dimension ``member`` makes it an ensemble.
    days : int
        Days to plan; fewer where the forecast is shorter (then ``plan.days < plan.asked``).
    thresholds : str
        "bht" (suction by standing year), "good32", "critical80", "nfk30" or "nfk40" (``tables/watering_thresholds.csv``).
    ring_capacity : float or array_like, optional
        Litres one visit can bring, for all or each tree; by default by age (``tables/watering_rings.csv``).
    target : float
        Share of the available water after watering.
    chance : float
        Probability of drought stress above which a tree is watered.
    wait_days : int
        So many days a dry tree waits for forecast rain.
    oldest : float
        Trees with more standing years get no water, with the reason "established".
    value : array_like, optional
        Worth of each tree, a factor on its priority.
    round_to : float
        Litres are rounded up to a multiple of this.
    noise : Noise, optional
        Uncertainty of state and tree.
    forecast_noise : ForecastNoise, optional
        Spread given to a forecast that comes alone.
    seed : int
        Same seed, same plan.
    **place
        ``constants``, ``latitude``, ``longitude``, ``elevation``, ``clock_offset``.

    Returns
    -------
    WateringPlan
        One row a tree, none is dropped.

    Raises
    ------
    InputError
        If the forecast does not follow on the balance, or an option is impossible.

    Examples
    --------
    >>> from models.water.tree_balance import tree_water_balance
    >>> def dry(first, count):
    ...     return xr.Dataset(
    ...         {"air_temperature_max": ("time", np.full(count, 29.0)), "air_temperature_min": ("time", np.full(count, 16.0)),
    ...          "precipitation": ("time", np.zeros(count))},
    ...         coords={"time": pd.date_range(first, periods=count).to_numpy()}, attrs={"latitude": 52.5, "elevation": 40.0})
    >>> trees = pd.DataFrame({"id": ["young"], "species": ["Tilia cordata"], "height": [5.0], "crown_diameter": [2.5],
    ...     "planted": [2022], "soil": ["Sl3"], "sealing_share": [0.5], "sealing_class": [3]})
    >>> june = tree_water_balance(trees, dry("2024-06-01", 30))
    >>> plan = watering_plan(june, dry("2024-07-01", 14))
    >>> plan.table.loc["young", "reason"], float(plan.table.loc["young", "litres"])
    ('dry_now', 100.0)
    """
    now = state if isinstance(state, TreeState) else uncorrected_state(state, noise)
    _check(days, target, chance, wait_days, round_to)
    coming = _following(forecast, now.balance.days[-1], days, float(place.get("clock_offset", 0.0)))
    spread = forecast_noise or ForecastNoise()
    forcing, members, origin = member_forcing(coming, spread, seed, **place)
    parameters = now.balance.parameters
    age = np.floor(parameters.age + (now.balance.days.size - 1) / 365.25)
    limits = water_limits(thresholds, parameters.soil, age)
    found = futures(now, forcing, members, limits, noise=noise or Noise(), seed=seed)
    rings = ring_table(age)
    if ring_capacity is not None:
        rings["ring"] = _positive(ring_capacity, age.size, "ring_capacity")
    if value is not None:
        rings["priority"] *= _positive(value, age.size, "value")
    table = _table(now, found, forcing, limits, rings, age, (target, chance, wait_days, oldest, round_to))
    chances = xr.DataArray(
        found.any_dry[1:].astype(np.float32),
        dims=("time", "tree"),
        coords={"time": forcing.days.astype("datetime64[ns]"), "tree": table.index.to_numpy()},
        name="stress_probability",
        attrs={"units": "1", "long_name": "Probability of drought stress"},
    )
    return WateringPlan(table, chances, int(forcing.days.size), days, origin, members, thresholds)


def _check(days: int, target: float, chance: float, wait_days: int, round_to: float) -> None:
    if days < 1:
        raise InputError(f"days={days} is no plan: give at least 1.")
    if not 0.0 < target <= 1.0:
        raise InputError(f"target={target:g} is no share of the available water: give a value above 0, up to 1.")
    if not 0.0 < chance < 1.0:
        raise InputError(f"chance={chance:g} is no probability to act on: give a value between 0 and 1.")
    if wait_days < 0 or not round_to > 0:
        raise InputError(f"wait_days={wait_days} and round_to={round_to:g}: give at least 0 and above 0.")


def _positive(given: ArrayLike, count: int, name: str) -> np.ndarray:
    values = np.asarray(given, dtype=float)
    if values.shape not in ((), (count,)) or not (values > 0).all():
        raise InputError(f"{name} must be one number above 0, or one for each of the {count} trees.")
    return np.broadcast_to(values, count).copy()


def _following(forecast: xr.Dataset, last: np.datetime64, days: int, clock_offset: float) -> xr.Dataset:
    """Return the whole days of a forecast that follow on the balance; earlier ones are cut, a gap is refused."""
    if "time" not in forecast.dims:
        raise InputError("The forecast has no dimension 'time': give weather along time, as for the balance.")
    times = forecast["time"].values.astype("datetime64[ns]")
    hours = float(np.median(np.diff(times)) / np.timedelta64(1, "h")) if times.size > 1 else 24.0
    if hours < 23.0:
        times = middle_of_steps(forecast, hours) + np.timedelta64(round(clock_offset * 3.6e12), "ns")
    dates = times.astype("datetime64[D]")
    named, count = np.unique(dates, return_counts=True)
    whole = named[count * min(hours, 24.0) >= _WHOLE]
    first = last + np.timedelta64(1, "D")
    wanted = whole[(whole >= first) & (whole < first + np.timedelta64(days, "D"))]
    if wanted.size == 0 or wanted[0] != first:
        begins = "no whole day" if whole.size == 0 else f"{whole.min()} to {whole.max()}"
        raise InputError(
            f"The balance ends on {last}, but the forecast covers {begins}: it must begin on {first} or before and go on "
            "from there."
        )
    return forecast.isel(time=np.flatnonzero(np.isin(dates, wanted)))


def _first_day(found: Futures, chance: float, wait_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each tree the day of the forecast to water on (-1: none), and whether it is dry and waits for rain."""
    over = found.any_dry > chance
    once = over[: wait_days + 2].any(axis=0)
    coming = over[1:].copy()
    for t in range(1, min(wait_days + 1, coming.shape[0])):
        coming[:t, ~over[1 + t]] = False
    first = np.where(coming.any(axis=0), coming.argmax(axis=0), -1)
    return first, once & (first < 0)


def _table(
    now: TreeState, found: Futures, forcing: TreeForcing, limits: np.ndarray, rings: pd.DataFrame, age: np.ndarray,
    settings: tuple[float, float, int, float, float],
) -> pd.DataFrame:  # fmt: skip
    target, chance, wait_days, oldest, round_to = settings
    balance, every = now.balance, np.arange(age.size)
    first, waits = _first_day(found, chance, wait_days)
    coming = found.any_dry[1:]
    greatest = coming.argmax(axis=0)
    day = np.where(first >= 0, first, greatest)
    probability = coming[day, every]
    settled = age > oldest
    dry_now = (found.any_dry[0] > chance) & (first == 0)
    reason = np.select(
        [settled, dry_now, first >= 0, waits, probability >= _WATCH],
        ["established", "dry_now", "dry_soon", "rain_coming", "watch"],
        "enough",
    )
    watered = np.isin(reason, ("dry_now", "dry_soon"))
    layer = np.argmax(found.dry[1 + day, :, every] + 1e-6 * np.isfinite(limits.T), axis=1)
    need = _need(balance, found.water[1 + day, :, every], target)
    ring = rings["ring"].to_numpy()
    litres = np.where(watered, np.minimum(np.ceil(np.maximum(need, 1e-6) / round_to) * round_to, ring), 0.0)
    stress = coming.sum(axis=0)
    date = np.where(watered, forcing.days[np.maximum(first, 0)].astype("datetime64[ns]"), np.datetime64("NaT"))
    depletion = balance.state["depletion_1"].to_numpy() + balance.state["depletion_2"].to_numpy()
    columns = {
        "date": date,
        "litres": litres,
        "need": np.where(watered, need, 0.0),
        "visits": np.where(watered, np.ceil(np.maximum(need, 1e-6) / ring), 0).astype(int),
        "probability": probability,
        "priority": np.where(settled, 0.0, stress * rings["priority"].to_numpy()),
        "reason": reason,
        "layer": np.array(LAYERS, dtype=object)[layer],
        "water": found.water[1 + day, layer, every],
        "limit": limits[layer, every],
        "now": found.water[0, 2],
        "depletion": np.maximum(depletion, 0.0),
        "stress_days": stress,
        "ring": ring,
        "calendar": rings["calendar"].to_numpy(),
        "age": age,
        "demand": found.demand,
        "rain": found.rain,
        "sensors": now.sources["sensors"].to_numpy(),
        "weight": now.sources["weight"].to_numpy(),
    }
    return pd.DataFrame(columns, index=balance.state.index)


def _need(balance: TreeBalance, water: np.ndarray, target: float) -> np.ndarray:
    """Return the litres that bring both layers to the target."""
    parameters = balance.parameters
    grown = parameters.named("growth") * (balance.days.size - 1)
    available = (parameters.named("taw_1"), parameters.named("taw_2") + grown)
    lacking = [np.maximum(target - water[:, k], 0.0) * available[k] for k in range(2)]
    return np.asarray((lacking[0] + lacking[1]) * parameters.root_area)
