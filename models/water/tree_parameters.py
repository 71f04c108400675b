"""From a table of trees to the numbers of the water balance, with a list of every default.

Nothing is dropped: a value that is missing or impossible takes the default of ``tables/tree_defaults.csv``, and the list
of reasons says which, why and for which trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd

from models.layers import InputError, read_table
from models.water.soils import FIELD_CAPACITY_TENSION, WILTING_TENSION, Soil, recognise_soils, soil, water_content
from models.water.tree_day import PARAMETERS
from models.water.tree_leaves import crown_cover, kinds_of, leaf_area, saturating_rain, tree_kinds

__all__ = ["Reasons", "TreeParameters", "defaults", "tree_parameters"]

_BALL, _GROWTH = 0.45, 0.10
_DEFAULT_SOIL = "Sl3"


@cache
def defaults() -> Mapping[str, tuple[float, float, float]]:
    """Return default, least and greatest possible value by column name."""
    rows = read_table("models.water", "tree_defaults.csv")
    return {row["name"]: (float(row["default"]), float(row["lower"]), float(row["upper"])) for row in rows}


@dataclass
class Reasons:
    """Every default that was used: one row a column and reason, with the rows of the trees."""

    rows: list[dict[str, object]] = field(default_factory=list)

    def add(self, column: str, reason: str, mask: np.ndarray, default: object) -> None:
        """List the trees of the mask, if any."""
        count = int(np.count_nonzero(mask))
        if count:
            row = {"column": column, "reason": reason, "count": count, "of": mask.size, "default": str(default)}
            self.rows.append(row | {"trees": np.flatnonzero(mask)})

    def table(self) -> pd.DataFrame:
        """Return column, reason ("missing", "impossible", "unknown"), count, of, default, trees (row numbers)."""
        return pd.DataFrame(self.rows, columns=["column", "reason", "count", "of", "default", "trees"])


@dataclass(frozen=True)
class TreeParameters:
    """Numbers of the balance for each tree.

    Attributes
    ----------
    values : numpy.ndarray
        Shape (len(PARAMETERS), trees), in that order.
    hidden_beam : numpy.ndarray
        1 - sunlit share, shape (1 or 12, trees).
    kind : numpy.ndarray
        Position in ``tree_kinds()``.
    cell : numpy.ndarray
        Weather cell.
    crown_area, root_area, root_depth, available : numpy.ndarray
        [m2], [m2], [m], and available water at the start [mm].
    soil : numpy.ndarray
        Class of each tree.
    reasons : Reasons
        Defaults used.
    age : numpy.ndarray
        Years since planting at the start of the run.
    """

    values: np.ndarray
    hidden_beam: np.ndarray
    kind: np.ndarray
    cell: np.ndarray
    crown_area: np.ndarray
    root_area: np.ndarray
    root_depth: np.ndarray
    available: np.ndarray
    soil: np.ndarray
    reasons: Reasons
    age: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def named(self, name: str) -> np.ndarray:
        """Return one parameter of all trees."""
        return np.asarray(self.values[PARAMETERS.index(name)])


def _numbers(trees: pd.DataFrame, name: str, reasons: Reasons, *, listed: bool = True) -> np.ndarray:
    """Return a column as numbers, defaults where missing or impossible; ``listed``: missing values are told."""
    default, lower, upper = defaults()[name]
    if name not in trees:
        if listed:
            reasons.add(name, "missing", np.ones(len(trees), dtype=bool), f"{default:g}")
        return np.full(len(trees), default)
    raw = trees[name]
    values = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    unset = raw.isna().to_numpy() | (raw.astype("string").fillna("").str.strip() == "").to_numpy()
    odd = ~unset & ~((values >= lower) & (values <= upper))
    if lower > 0 and listed:  # a size of 0 says that nobody measured
        zero = values == 0
        unset, odd = unset | zero, odd & ~zero
    if listed:
        reasons.add(name, "missing", unset, f"{default:g}")
    reasons.add(name, "impossible", odd, f"{default:g}")
    return np.where(unset | odd, default, values)


def _ages(trees: pd.DataFrame, year: int, reasons: Reasons) -> np.ndarray:
    """Return years since planting; text, 0 and years after the run are told."""
    default, lower, upper = defaults()["planted_age"]
    if "planted" not in trees:
        reasons.add("planted", "missing", np.ones(len(trees), dtype=bool), f"{default:g} years old")
        return np.full(len(trees), default)
    raw = trees["planted"].astype("string").fillna("").str.strip()
    found = pd.to_numeric(raw.str.extract(r"(?<!\d)((?:1[5-9]|20)\d\d)(?!\d)", expand=False), errors="coerce")
    age = year - found.to_numpy(dtype=float, na_value=np.nan)
    unset = raw.str.lower().isin(["", "0", "0.0", "nan", "<na>", "nat", "none"]).to_numpy()
    odd = ~unset & ~((age >= lower) & (age <= upper))
    reasons.add("planted", "missing", unset, f"{default:g} years old")
    reasons.add("planted", "impossible", odd, f"{default:g} years old")
    return np.where(unset | odd, default, age)


def _soils(trees: pd.DataFrame, reasons: Reasons) -> tuple[np.ndarray, np.ndarray, list[Soil]]:
    """Return each tree's class, its position in the list of soils met, and that list."""
    if "soil" in trees:
        found = recognise_soils(trees["soil"]).to_numpy(dtype=object)
        text = trees["soil"].astype("string").fillna("").str.strip().to_numpy(dtype=object)
        unset = text == ""
        reasons.add("soil", "missing", unset, _DEFAULT_SOIL)
        reasons.add("soil", "unknown", ~unset & (found == ""), _DEFAULT_SOIL)
        found = np.where(found == "", _DEFAULT_SOIL, found)
    else:
        reasons.add("soil", "missing", np.ones(len(trees), dtype=bool), _DEFAULT_SOIL)
        found = np.full(len(trees), _DEFAULT_SOIL, dtype=object)
    codes, unique = pd.factorize(found)
    return found, codes, [soil(str(name)) for name in unique]


def _root_depth(trees: pd.DataFrame, crown: np.ndarray, age: np.ndarray, reasons: Reasons) -> tuple[np.ndarray, ...]:
    """Return the depth at the start [m] and its growth [m/d]: given, else by crown, not deeper than the age allows."""
    rows = read_table("models.water", "tree_roots.csv")
    areas, depths = (np.array([float(r[key]) for r in rows]) for key in ("crown_area", "root_depth"))
    by_crown, by_age = np.interp(crown, areas, depths), _BALL + _GROWTH * age
    growth = np.where(by_age < by_crown, _GROWTH / 365.0, 0.0)
    given = _numbers(trees, "root_depth", reasons, listed=False)
    known = given > 0
    return np.where(known, given, np.minimum(by_crown, by_age)), np.where(known, 0.0, growth)


def _sealing(trees: pd.DataFrame, reasons: Reasons) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sealed share and the share of water that gets into the ground, summer and winter."""
    share = _numbers(trees, "sealing_share", reasons)
    sealed = share > 0
    none = pd.DataFrame(index=trees.index)
    source = trees if "sealing_class" in trees else none
    level = _numbers(source, "sealing_class", Reasons())
    if "sealing_class" not in trees:
        reasons.add("sealing_class", "missing", sealed, f"{defaults()['sealing_class'][0]:g}")
    else:
        told = Reasons()
        _numbers(trees, "sealing_class", told)
        reasons.rows.extend(told.rows)
    rows = read_table("models.water", "sealing.csv")
    level = np.rint(level).astype(int)
    inlet = []
    for season in ("summer", "winter"):
        by_class = np.zeros(max(int(r["class"]) for r in rows) + 1)
        for r in rows:
            by_class[int(r["class"])] = float(r[season])
        inlet.append(1.0 - share * (1.0 - by_class[level]))
    return share, inlet[0], inlet[1]


def _hidden_beam(trees: pd.DataFrame, reasons: Reasons) -> np.ndarray:
    months = [f"direct_share_{month}" for month in range(1, 13)]
    if not all(name in trees for name in months):
        return 1.0 - _numbers(trees, "direct_share", reasons, listed=False)[None, :]
    rows = []
    for name in months:
        renamed = trees[[name]].rename(columns={name: "direct_share"})
        rows.append(1.0 - _numbers(renamed, "direct_share", reasons))
    return np.stack(rows)


def _cells(trees: pd.DataFrame, cells: int) -> np.ndarray:
    if "weather_cell" not in trees:
        return np.zeros(len(trees), dtype=np.int64)
    found = pd.to_numeric(trees["weather_cell"], errors="coerce").fillna(-1).to_numpy(dtype=np.int64)
    if ((found < 0) | (found >= cells)).any():
        first = int(np.argmax((found < 0) | (found >= cells)))
        raise InputError(
            f"Tree row {first} has weather_cell {trees['weather_cell'].iloc[first]!r}, but the weather has the cells 0 to "
            f"{cells - 1}: give each tree one of them."
        )
    return found


def tree_parameters(trees: pd.DataFrame, year: int, cells: int = 1) -> TreeParameters:
    """Return the numbers of the water balance for each tree of a table.

    Parameters
    ----------
    trees : pandas.DataFrame
        Columns of ``City.trees`` (``species``, ``height``, ``crown_diameter``, ``crown_base`` [m], ``planted`` [year]) and,
        where known, ``soil`` (KA5 class or substrate), ``sealing_share`` [1], ``sealing_class`` (1 to 4), ``root_area``
        [m2], ``root_depth`` [m], ``stones`` [1], ``direct_share`` (or ``direct_share_1`` to ``_12``), ``sky_view_factor``
        [1], ``capillary_rise`` [mm/d], ``connected_area`` [m2], ``trench_volume`` [m3], ``trench_infiltration`` [mm/d],
        ``weather_cell``.
    year : int
        First year of the run, from which age is counted.
    cells : int
        Number of weather cells.

    Returns
    -------
    TreeParameters
        With ``reasons``, the list of defaults.

    Raises
    ------
    InputError
        If a tree names a weather cell that is not there.
    """
    if not isinstance(trees, pd.DataFrame):
        raise InputError(f"The trees must be a table (pandas.DataFrame), not {type(trees).__name__}.")
    reasons, count = Reasons(), len(trees)
    height, diameter = _numbers(trees, "height", reasons), _numbers(trees, "crown_diameter", reasons)
    share = defaults()["crown_base_share"][0]
    base = share * height
    if "crown_base" in trees:
        given = pd.to_numeric(trees["crown_base"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        base = np.where((given >= 0) & (given < height), given, base)
    species = trees["species"] if "species" in trees else pd.Series([""] * count, index=trees.index)
    names, known = kinds_of(species)
    reasons.add("species", "unknown", ~known, "middle")
    table = tree_kinds()
    kind = table.index.get_indexer(pd.Index(names)).astype(np.int64)
    of = {column: table[column].to_numpy()[kind] for column in table}
    crown = np.pi / 4.0 * diameter**2
    index = leaf_area(height - base, diameter) / crown
    wet = _numbers(trees, "wet_evaporation", reasons, listed=False)
    store = defaults()["crown_store"][0]
    bare = of["wood_area"]
    evergreen = of["leaf_full"] <= of["leaf_first"]
    full = index + of["wood_area"]
    bare = np.where(evergreen, full, bare)
    age = _ages(trees, year, reasons)
    area = _numbers(trees, "root_area", reasons, listed=False)
    area = np.where(area > 0, area, np.maximum(crown, 2.0))
    depth, growth = _root_depth(trees, crown, age, reasons)
    sealed, inlet_summer, inlet_winter = _sealing(trees, reasons)
    classes, codes, met = _soils(trees, reasons)
    fine = 1.0 - _numbers(trees, "stones", reasons, listed=False)
    content = {
        "wet": np.array([s.saturated for s in met]),
        "fc": np.array([float(water_content(FIELD_CAPACITY_TENSION, s)) for s in met]),
        "wp": np.array([float(water_content(WILTING_TENSION, s)) for s in met]),
    }
    fc, wp, full_pores = (content[key][codes] * fine for key in ("fc", "wp", "wet"))
    upper = np.minimum(defaults()["upper_depth"][0], depth)
    tew = 1000.0 * (fc - 0.5 * wp) * defaults()["surface_depth"][0]
    numbers = {
        "hidden_sky": 1.0 - _numbers(trees, "sky_view_factor", reasons, listed=False),
        "cover_bare": crown_cover(bare),
        "cover_leaf": crown_cover(full),
        "saturation_bare": saturating_rain(bare, store, wet),
        "saturation_leaf": saturating_rain(full, store, wet),
        "wet_evaporation": wet,
        "overlap": np.minimum(1.0, crown / area),
        "kcb_bare": of["kcb_bare"],
        "kcb_leaf": of["kcb"] * crown_cover(index),
        "crown_ratio": crown / area,
        "inlet_summer": inlet_summer,
        "inlet_winter": inlet_winter,
        "unsealed": 1.0 - sealed,
        "tew": tew,
        "rew": np.minimum(0.45 * tew, 12.0),
        "taw_1": 1000.0 * (fc - wp) * upper,
        "taw_2": 1000.0 * (fc - wp) * (depth - upper),
        "growth": 1000.0 * (fc - wp) * growth,
        "depletion_fraction": of["depletion_fraction"],
        "root_share": np.full(count, defaults()["upper_root_share"][0]),
        "height_factor": (height / 3.0) ** 0.3,
        "drainage": _numbers(trees, "drainage", reasons, listed=False),
        "excess_1": 1000.0 * (full_pores - fc) * upper,
        "excess_2": 1000.0 * (full_pores - fc) * (depth - upper),
        "capillary": _numbers(trees, "capillary_rise", reasons, listed=False),
        "connected": _numbers(trees, "connected_area", reasons, listed=False) / area,
        "trench_capacity": 1000.0 * _numbers(trees, "trench_volume", reasons, listed=False) / area,
        "trench_loss": _numbers(trees, "trench_infiltration", reasons, listed=False),
        "trench_supply": np.full(count, defaults()["trench_supply"][0]),
        "heavy_runoff": np.full(count, defaults()["heavy_runoff"][0]),
        "heavy_limit": np.full(count, defaults()["heavy_limit"][0]),
    }
    values = np.stack([np.broadcast_to(numbers[name], count) for name in PARAMETERS]).astype(np.float64)
    return TreeParameters(
        values=values,
        hidden_beam=_hidden_beam(trees, reasons),
        kind=kind,
        cell=_cells(trees, cells),
        crown_area=crown,
        root_area=area,
        root_depth=depth,
        available=1000.0 * (fc - wp) * depth,
        soil=classes,
        reasons=reasons,
        age=age,
    )
