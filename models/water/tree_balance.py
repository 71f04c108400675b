"""The soil water of every tree, day by day, in litres: demand, stress, and what rain, ground and waterings bring.

One pass over trees and days in compiled blocks (:mod:`models.water.tree_kernel`; the physics of one day in
:mod:`models.water.tree_day`). Litres are mm over the root area times that area. What a town's list of trees lacks is
filled with listed defaults (:mod:`models.water.tree_parameters`); no tree is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError
from models.parallel import over, threads
from models.water.tree_day import DAY_FLUXES, STATES
from models.water.tree_forcing import TreeForcing, tree_forcing
from models.water.tree_kernel import BLOCK, DAILY, run_blocks
from models.water.tree_parameters import TreeParameters, tree_parameters

__all__ = ["DAILY_VARIABLES", "TreeBalance", "initial_state", "run_trees", "tree_water_balance", "tree_water_blocks"]

DAILY_VARIABLES = DAILY
"""Names for ``daily=``: shares of the available water (root zone, upper and lower layer), depletion and trench water [mm
over the root area], and each flux of the day [mm over the root area]; stress is 1 - Ks."""

_IN = ("rain", "watering", "capillary_rise", "trench_inflow")
_OUT = (
    "interception",
    "runoff",
    "evaporation",
    "transpiration",
    "percolation",
    "trench_overflow",
    "trench_infiltration",
)


@dataclass(frozen=True)
class TreeBalance:
    """Water of trees over a run.

    Attributes
    ----------
    sums : pandas.DataFrame
        One row a tree, its id as index: litres of each flux over the run, ``stress_days`` (sum of 1 - Ks), least
        relative extractable water, crown and root area [m2].
    state : pandas.DataFrame
        State at the end [mm over the root area], for ``initial=`` of a next run, and relative extractable water.
    daily : xarray.DataArray or None
        The variable asked for, dims (time, tree), float32.
    reasons : pandas.DataFrame
        Every default: column, reason, count, of, default, trees.
    error : numpy.ndarray
        What the balance of each tree fails to close [litres].
    parameters : TreeParameters
        Numbers used.
    days : numpy.ndarray
        datetime64[D].
    filled : str
        What stood in for missing weather.
    """

    sums: pd.DataFrame
    state: pd.DataFrame
    daily: xr.DataArray | None
    reasons: pd.DataFrame
    error: np.ndarray
    parameters: TreeParameters
    days: np.ndarray
    filled: str


def _order(parameters: TreeParameters, kinds: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return the trees sorted by weather cell and kind, and blocks of one group each: start, size, group."""
    group = parameters.cell * kinds + parameters.kind
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order], prepend=-1, append=np.iinfo(np.int64).max))
    starts = np.concatenate([np.arange(a, b, BLOCK) for a, b in pairwise(edges)])
    ends = np.minimum(starts + BLOCK, edges[np.searchsorted(edges, starts, side="right")])
    return order, (starts.astype(np.int64), (ends - starts).astype(np.int64), group[order][starts].astype(np.int64))


def _waterings(
    waterings: pd.DataFrame | None, ids: pd.Index, days: np.ndarray, order: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.DataFrame | None]:
    """Return start, day and depth of the waterings in the kernel's order, and those that could not be used."""
    empty = np.zeros(0)
    if waterings is None or waterings.empty:
        return np.zeros(order.size + 1, np.int64), empty.astype(np.int64), empty, None
    for column in ("tree", "date", "litres"):
        if column not in waterings:
            raise InputError(f"The log of waterings has no column {column!r}: it needs tree (id), date and litres.")
    tree = ids.get_indexer(pd.Index(waterings["tree"]))
    day = (pd.DatetimeIndex(waterings["date"]).to_numpy().astype("datetime64[D]") - days[0]).astype(int)
    litres = pd.to_numeric(waterings["litres"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    good = (tree >= 0) & (day >= 0) & (day < days.size) & (litres >= 0)
    why = np.select([tree < 0, ~(litres >= 0)], ["unknown tree", "impossible litres"], "outside the run")
    refused = waterings.assign(reason=why)[~good] if not good.all() else None
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    rank = place[tree[good]]
    by = np.argsort(rank, kind="stable")
    start = np.searchsorted(rank[by], np.arange(order.size + 1))
    depth = litres[good] / area[tree[good]]
    return start.astype(np.int64), day[good][by].astype(np.int64), depth[by], refused


def initial_state(initial: pd.DataFrame | float, parameters: TreeParameters, ids: pd.Index) -> np.ndarray:
    """Return the state at the start, shape (states, trees)."""
    count = parameters.root_area.size
    state = np.zeros((len(STATES), count))
    if isinstance(initial, pd.DataFrame):
        rows = initial.reindex(ids)
        if rows[list(STATES)].isna().to_numpy().any():
            raise InputError(
                f"The initial state lacks {int(rows[STATES[1]].isna().sum())} of {count} trees: give every tree a row, "
                "or a share of the available water (0 to 1) for all."
            )
        return np.ascontiguousarray(rows[list(STATES)].to_numpy(dtype=float).T)
    if not 0.0 <= float(initial) <= 1.5:
        raise InputError(
            f"initial={initial:g} is no share of the available water: give 0 (wilting) to 1 (field capacity)."
        )
    dry = 1.0 - float(initial)
    state[0] = dry * parameters.named("tew")
    state[1], state[2] = dry * parameters.named("taw_1"), dry * parameters.named("taw_2")
    return state


def run_trees(
    parameters: TreeParameters,
    forcing: TreeForcing,
    state: np.ndarray,
    *,
    waterings: pd.DataFrame | None = None,
    ids: pd.Index | None = None,
    daily: str | None = None,
    dtype: str = "float64",
) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.DataFrame | None]:
    """Run the kernel on prepared numbers.

    Parameters
    ----------
    parameters, forcing : TreeParameters, TreeForcing
        Prepared numbers.
    state : numpy.ndarray
        At the start, shape (len(STATES), trees), in the order of the trees.
    waterings : pandas.DataFrame, optional
        tree, date, litres; needs ``ids``.
    ids : pandas.Index, optional
        Ids of the trees.
    daily : str, optional
        One of :data:`DAILY_VARIABLES`.
    dtype : {"float64", "float32"}
        Precision of the kernel; float64 closes to 1e-9.

    Returns
    -------
    state, sums, daily, refused : tuple
        State at the end; sums [mm], last row the least relative extractable water; daily values (days, trees), float32,
        or (0, 0); waterings that could not be used.
    """
    if daily is not None and daily not in DAILY:
        raise InputError(f"There is no daily variable {daily!r}: use one of {', '.join(DAILY)}.")
    if dtype not in ("float64", "float32"):
        raise InputError(f"dtype={dtype!r} is not offered: use 'float64' (closes to 1e-9) or 'float32'.")
    count, days = parameters.root_area.size, forcing.days.size
    order, blocks = _order(parameters, forcing.kinds)
    names = ids if ids is not None else pd.RangeIndex(count)
    start, day, depth, refused = _waterings(waterings, names, forcing.days, order, parameters.root_area)
    sorted_trees = np.array_equal(order, np.arange(count))
    arrange = (lambda a: a) if sorted_trees else (lambda a: a[:, order])
    values = np.ascontiguousarray(arrange(parameters.values), dtype=dtype)
    dark = np.ascontiguousarray(arrange(parameters.hidden_beam), dtype=dtype)
    now = np.array(arrange(state), dtype=dtype, order="C")
    sums = np.zeros((len(DAY_FLUXES) + 1, count), dtype=dtype)
    sums[-1] = np.inf
    out = np.zeros((days, count) if daily else (0, 0), dtype=np.float32)
    months = (forcing.days.astype("datetime64[M]").astype(int) % 12).astype(np.int64)
    rows = np.ascontiguousarray(forcing.values, dtype=dtype)
    number = DAILY.index(daily) if daily else -1
    pieces = np.linspace(0, blocks[0].size, min(threads(), max(1, blocks[0].size // 8)) + 1).astype(int)
    arguments = (
        *blocks, rows, months, dark.shape[0], values, dark, now, sums,
        start, day, depth.astype(dtype), number, out,
    )  # fmt: skip
    over(lambda k: run_blocks(pieces[k], pieces[k + 1], *arguments), range(pieces.size - 1))
    if sorted_trees:
        return now, sums, out, refused
    back = np.empty(count, np.int64)
    back[order] = np.arange(count)
    return now[:, back], sums[:, back], out[:, back] if daily else out, refused


def _tables(
    parameters: TreeParameters, ids: pd.Index, before: np.ndarray, after: np.ndarray, sums: np.ndarray, days: int
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    area = parameters.root_area
    litres = {name: sums[k] * area for k, name in enumerate(DAY_FLUXES) if name != "stress"}
    change = (before[1] + before[2] - after[1] - after[2] + after[3] - before[3]) * area
    error = sum(litres[n] for n in _IN) - sum(litres[n] for n in _OUT) - change
    table = pd.DataFrame(litres, index=ids)
    table["stress_days"] = sums[DAY_FLUXES.index("stress")]
    table["least_relative_extractable_water"] = sums[-1]
    table["crown_area"], table["root_area"] = parameters.crown_area, area
    available = parameters.named("taw_1") + parameters.named("taw_2") + parameters.named("growth") * (days - 1)
    state = pd.DataFrame(dict(zip(STATES, after, strict=True)), index=ids)
    state["relative_extractable_water"] = 1.0 - (after[1] + after[2]) / np.maximum(available, 1e-9)
    return table, state, np.asarray(error)


def _ids(trees: pd.DataFrame) -> pd.Index:
    if "id" not in trees:
        return pd.RangeIndex(len(trees), name="id")
    ids = pd.Index(trees["id"].to_numpy(), name="id")
    if not ids.is_unique:
        twice = ids[ids.duplicated()][0]
        raise InputError(f"The tree id {twice!r} appears more than once: give each tree an id of its own.")
    return ids


def tree_water_balance(
    trees: pd.DataFrame,
    weather: xr.Dataset,
    *,
    waterings: pd.DataFrame | None = None,
    initial: pd.DataFrame | float = 1.0,
    daily: str | None = None,
    constants: str = "fao56",
    latitude: float | None = None,
    longitude: float | None = None,
    elevation: float | None = None,
    clock_offset: float = 0.0,
    dtype: str = "float64",
) -> TreeBalance:
    """Return the water balance of every tree, in litres.

    Parameters
    ----------
    trees : pandas.DataFrame
        Columns of ``City.trees`` and, where known, soil, sealing and shade; all in
        :func:`models.water.tree_parameters.tree_parameters`. What is missing or impossible takes a listed default.
    weather : xarray.Dataset
        Days or shorter steps, with ``precipitation`` [mm/h] and what :func:`reference_evapotranspiration` takes; along
        ``time`` and at most one more dimension, the weather cells.
    waterings : pandas.DataFrame, optional
        Log of given water: ``tree`` (id), ``date``, ``litres``; rows that fit no tree or day are listed in ``reasons``.
    initial : pandas.DataFrame or float
        State of an earlier run, or the share of the available water at the start (1 = field capacity).
    daily : str, optional
        One variable to keep for every day, of :data:`DAILY_VARIABLES`.
    constants : {"fao56", "asce2005", "refet"}
        Constant set of the reference evapotranspiration.
    latitude, longitude, elevation : float, optional
        Place of the weather; by default from ``weather.attrs``.
    clock_offset : float
        Local time minus UTC [h]: when a day begins.
    dtype : {"float64", "float32"}
        Precision of the kernel.

    Returns
    -------
    TreeBalance
        Sums, state, daily values, reasons, and the error of the balance.

    Raises
    ------
    InputError
        If an id repeats, the weather has no temperature or rain, or an option is unknown.

    References
    ----------
    Allen et al. 1998, FAO Irrigation and Drainage Paper 56; Wessolek & Kluge 2021, doi 10.3390/f12081010.

    Examples
    --------
    A lime in a dry July:

    >>> days = pd.date_range("2024-07-01", periods=31)
    >>> warm = xr.Dataset(
    ...     {"air_temperature_max": ("time", np.full(31, 28.0)), "air_temperature_min": ("time", np.full(31, 15.0)),
    ...      "precipitation": ("time", np.zeros(31))},
    ...     coords={"time": days.to_numpy()}, attrs={"latitude": 52.5, "elevation": 40.0},
    ... )
    >>> lime = pd.DataFrame({"id": ["T1"], "species": ["Tilia cordata"], "height": [9.0], "crown_diameter": [5.0],
    ...                      "planted": [2010], "soil": ["Sl3"], "sealing_share": [0.6], "sealing_class": [3]})
    >>> july = tree_water_balance(lime, warm)
    >>> bool(july.sums.loc["T1", "transpiration"] > 900.0), bool(abs(july.error[0]) < 1e-9)
    (True, True)
    """
    ids = _ids(trees)
    place = {"latitude": latitude, "longitude": longitude, "elevation": elevation}
    forcing = tree_forcing(weather, constants=constants, clock_offset=clock_offset, **place)
    parameters = tree_parameters(trees, int(str(forcing.days[0])[:4]), forcing.cells)
    return _balance(parameters, forcing, ids, initial, waterings, daily, dtype)


def _balance(
    parameters: TreeParameters,
    forcing: TreeForcing,
    ids: pd.Index,
    initial: pd.DataFrame | float,
    waterings: pd.DataFrame | None,
    daily: str | None,
    dtype: str,
) -> TreeBalance:
    before = initial_state(initial, parameters, ids)
    after, sums, values, refused = run_trees(
        parameters, forcing, before, waterings=waterings, ids=ids, daily=daily, dtype=dtype
    )
    after, sums = after.astype(float), sums.astype(float)
    table, state, error = _tables(parameters, ids, before, after, sums, forcing.days.size)
    reasons = parameters.reasons.table()
    if refused is not None:
        of = 0 if waterings is None else len(waterings)
        rows = [
            {"column": "waterings", "reason": why, "count": len(part), "of": of, "default": "left out",
             "trees": part.index.to_numpy()}
            for why, part in refused.groupby("reason")
        ]  # fmt: skip
        reasons = pd.concat([reasons, pd.DataFrame(rows)], ignore_index=True)
    array = None
    if daily is not None:
        array = xr.DataArray(
            values,
            dims=("time", "tree"),
            coords={"time": forcing.days.astype("datetime64[ns]"), "tree": ids.to_numpy()},
            name=daily,
        )
        array.attrs["units"] = "1" if daily.startswith("re") or daily == "stress" else "mm"
    return TreeBalance(table, state, array, reasons, error, parameters, forcing.days, forcing.filled)


def tree_water_blocks(
    trees: pd.DataFrame, weather: xr.Dataset, *, size: int = 50_000, **options: object
) -> Iterator[tuple[slice, TreeBalance]]:
    """Yield the balance of blocks of trees, so that a whole country fits into little memory.

    Parameters
    ----------
    trees, weather
        As in :func:`tree_water_balance`.
    size : int
        Trees in a block.
    **options
        Further options of :func:`tree_water_balance`; ``waterings`` may hold all trees.

    Yields
    ------
    rows, balance : slice, TreeBalance
        Position of the trees in the table, and their balance.
    """
    if size < 1:
        raise InputError(f"size={size} is no number of trees: give at least 1.")
    ids = _ids(trees)
    place = ("constants", "latitude", "longitude", "elevation", "clock_offset")
    forcing = tree_forcing(weather, **{k: options.pop(k) for k in place if k in options})  # type: ignore[arg-type]
    year = int(str(forcing.days[0])[:4])
    waterings = options.pop("waterings", None)
    initial, daily = options.pop("initial", 1.0), options.pop("daily", None)
    dtype = options.pop("dtype", "float64")
    if options:
        raise InputError(f"tree_water_blocks has no option {next(iter(options))!r}: see tree_water_balance.")
    for first in range(0, len(trees), size):
        rows = slice(first, min(first + size, len(trees)))
        part = ids[rows]
        given = waterings[waterings["tree"].isin(part)] if isinstance(waterings, pd.DataFrame) else None
        parameters = tree_parameters(trees.iloc[rows], year, forcing.cells)
        yield rows, _balance(parameters, forcing, part, initial, given, daily, str(dtype))  # type: ignore[arg-type]
