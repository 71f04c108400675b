"""Fill unknown tree sizes: regressions on the list's own complete trees, by genus where there are enough.

For every size that is unknown a log-linear regression on the tree's other known sizes is fitted,
``ln(target) = a + b ln(H) + c ln(D) + d ln(U)`` (H height [m], D crown diameter [m], U trunk circumference [cm]), on
the trees of its genus, else of its group (broadleaf, conifer), else of the whole list; each needs 30 complete trees.
With fewer, ``tables/tree_allometry.csv`` is used. Predictors are held within the range that was seen, so that the
estimate saturates instead of growing without bound; the bias of the logarithm is mended by Duan's smearing factor
(Duan 1983, doi 10.1080/01621459.1983.10478017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd

from models.layers import read_table
from twin.city.gaps import GapLog
from twin.city.trees import genus_of, limits

__all__ = ["fill_trees", "forms"]

_SIZES = ("height", "crown_diameter", "trunk_circumference")
_UNITS = {"height": "m", "crown_diameter": "m", "trunk_circumference": "cm", "crown_base": "m"}
_ORDER = {
    "height": (("crown_diameter", "trunk_circumference"), ("trunk_circumference",), ("crown_diameter",), ()),
    "crown_diameter": (("height", "trunk_circumference"), ("trunk_circumference",), ("height",), ()),
    "trunk_circumference": (("height", "crown_diameter"), ("height",), ("crown_diameter",), ()),
}
_LEAST = 30


@dataclass(frozen=True)
class _Fit:
    """One regression of ln(target) on the logarithms of some sizes, with the range of sizes it was made on."""

    coefficients: np.ndarray
    smear: float
    lower: np.ndarray
    upper: np.ndarray

    def __call__(self, logs: np.ndarray) -> np.ndarray:
        held = np.clip(logs, self.lower, self.upper)
        return np.asarray(np.exp(self.coefficients[0] + held @ self.coefficients[1:]) * self.smear)


@cache
def _genera() -> tuple[dict[str, str], dict[str, str]]:
    rows = read_table("twin.city", "tree_genera.csv")
    return {r["genus"]: r["form"] for r in rows if r["genus"]}, {r["sort"]: r["form"] for r in rows if r["sort"]}


@cache
def _form_table() -> dict[str, tuple[str, str, float]]:
    rows = read_table("twin.city", "tree_forms.csv")
    return {r["form"]: (r["group"], r["crown_shape"], float(r["crown_base_fraction"])) for r in rows}


def forms(species: pd.Series) -> pd.Series:
    """Return the growth form of trees by botanical name: "broadleaf", "conifer" or "columnar".

    Examples
    --------
    >>> forms(pd.Series(["Picea abies", "Quercus robur 'Fastigiata'", ""])).tolist()
    ['conifer', 'columnar', 'broadleaf']
    """
    by_genus, by_sort = _genera()
    names = species.astype("string").fillna("").astype(object)
    unique = pd.Series(pd.unique(names), dtype=object)
    form = genus_of(unique).map(by_genus).fillna("broadleaf")
    for sort, name in by_sort.items():
        form = form.mask(unique.str.lower().str.contains(sort, regex=False) & (form == "broadleaf"), name)
    return names.map(dict(zip(unique, form, strict=True))).astype(object)


def _fitted(target: np.ndarray, logs: np.ndarray) -> _Fit:
    design = np.column_stack([np.ones(len(target)), logs])
    y = np.log(target)
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    smear = float(np.exp(y - design @ coefficients).mean())
    empty = np.zeros(0)
    bounds = (logs.min(axis=0), logs.max(axis=0)) if logs.shape[1] else (empty, empty)
    return _Fit(coefficients, smear, *bounds)


@cache
def _table_fits() -> dict[tuple[str, str, tuple[str, ...]], _Fit]:
    fits = {}
    for row in read_table("twin.city", "tree_allometry.csv"):
        names = tuple(name for name in _SIZES if row[name])
        values = np.array([float(row["intercept"]), *(float(row[name]) for name in names)])
        bounds = np.log([limits()[name] for name in names]).T if names else (np.zeros(0), np.zeros(0))
        fits[row["group"], row["target"], names] = _Fit(values, float(row["smear"]), *bounds)
    return fits


@dataclass
class _Estimates:
    """Estimates of one size, how each was made, and how well the fits met the trees they were made on."""

    values: np.ndarray
    level: np.ndarray
    squares: float = 0.0
    trees: int = 0


def _estimate(target: str, sizes: dict[str, np.ndarray], genus: np.ndarray, group: np.ndarray) -> _Estimates:
    """Estimate the unknown values of one size from the other known sizes of each tree."""
    known = ~np.isnan(sizes[target])
    result = _Estimates(np.full(len(known), np.nan), np.full(len(known), "", dtype=object))
    for names in _ORDER[target]:
        given = np.all([~np.isnan(sizes[n]) for n in names], axis=0) if names else np.ones(len(known), dtype=bool)
        complete, wanted = known & given, ~known & given & np.isnan(result.values)
        if not wanted.any():
            continue
        logs = np.log(np.column_stack([sizes[n] for n in names])) if names else np.zeros((len(known), 0))
        for level, key in (("genus", genus), ("group", group), ("list", np.full(len(known), "*", dtype=object))):
            for value in pd.unique(key[wanted]):
                same = key == value
                if value == "" or np.count_nonzero(complete & same) < _LEAST:
                    continue
                fit = _fitted(sizes[target][complete & same], logs[complete & same])
                miss = fit(logs[complete & same]) - sizes[target][complete & same]
                result.squares, result.trees = result.squares + float(miss @ miss), result.trees + len(miss)
                chosen = wanted & same
                result.values[chosen], result.level[chosen] = fit(logs[chosen]), level
            wanted &= np.isnan(result.values)
        _from_table(target, names, logs, group, wanted, result)
    return result


def _from_table(
    target: str, names: Sequence[str], logs: np.ndarray, group: np.ndarray, wanted: np.ndarray, result: _Estimates
) -> None:
    """Estimate by the general table; a tree waits for the next row where this one is not in the table."""
    for value in pd.unique(group[wanted]):
        fit = _table_fits().get((str(value), target, tuple(names)))
        if fit is not None:
            chosen = wanted & (group == value)
            result.values[chosen], result.level[chosen] = fit(logs[chosen]), "table"


def fill_trees(trees: gpd.GeoDataFrame, log: GapLog) -> gpd.GeoDataFrame:
    """Return the trees with every size known; ``filled`` names what was filled in, and each size is a gap row.

    Parameters
    ----------
    trees : geopandas.GeoDataFrame
        Columns of ``City.trees``, NaN where a size is unknown.
    log : GapLog
        Gets one row a size: how many were filled, and how.

    Returns
    -------
    geopandas.GeoDataFrame
        The same rows, complete.
    """
    if trees.empty:
        return trees
    form = forms(trees["species"])
    group = form.map({name: values[0] for name, values in _form_table().items()}).to_numpy(dtype=object)
    genus = genus_of(trees["species"]).to_numpy(dtype=object)
    seen = {name: trees[name].to_numpy(dtype=float) for name in _SIZES}
    ids, source = trees["id"].to_numpy(), ", ".join(pd.unique(trees["source"])[:3])
    filled: dict[str, np.ndarray] = {}
    sizes: dict[str, np.ndarray] = {}
    for name in _SIZES:
        estimates = _estimate(name, seen, genus, group)
        missing = np.isnan(seen[name])
        sizes[name] = np.where(missing, np.clip(estimates.values, *limits()[name]), seen[name])
        filled[name] = missing
        _say(name, estimates, missing, ids, source, log)
    ratio = limits()["crown_to_height"][1]
    sizes["crown_diameter"] = np.minimum(sizes["crown_diameter"], ratio * sizes["height"])
    fraction = form.map({name: values[2] for name, values in _form_table().items()}).to_numpy(dtype=float)
    base = trees["crown_base"].to_numpy(dtype=float)
    filled["crown_base"] = np.isnan(base) | (base >= sizes["height"])
    sizes["crown_base"] = np.where(filled["crown_base"], fraction * sizes["height"], base)
    log.add(
        "tree_crown_base_filled",
        layer="trees",
        severity="default",
        count=int(filled["crown_base"].sum()),
        of=len(trees),
        source=source,
        places=ids[filled["crown_base"]],
        default=f"{_form_table()['broadleaf'][2]:g} / {_form_table()['conifer'][2]:g} x height",
        broadleaf=f"{_form_table()['broadleaf'][2]:g}",
        conifer=f"{_form_table()['conifer'][2]:g}",
    )
    shapes = form.map({name: values[1] for name, values in _form_table().items()})
    given = trees["crown_shape"].to_numpy() != ""
    return trees.assign(
        **sizes,
        crown_shape=np.where(given, trees["crown_shape"].to_numpy(), shapes.to_numpy()),
        filled=_names(filled),
    )


def _names(filled: dict[str, np.ndarray]) -> np.ndarray:
    """Return the names of the filled values of each tree, comma separated."""
    code = sum((mask.astype(np.int64) << i for i, mask in enumerate(filled.values())), np.int64(0))
    words = [",".join(name for i, name in enumerate(filled) if number >> i & 1) for number in range(1 << len(filled))]
    return np.asarray(words, dtype=object)[code]


def _say(name: str, estimates: _Estimates, missing: np.ndarray, ids: np.ndarray, source: str, log: GapLog) -> None:
    by = {level: int(np.count_nonzero(estimates.level == level)) for level in ("genus", "group", "list", "table")}
    error = f"{np.sqrt(estimates.squares / estimates.trees):.1f} {_UNITS[name]}" if estimates.trees else "-"
    log.add(
        f"tree_{name}_filled",
        layer="trees",
        severity="default",
        count=int(missing.sum()),
        of=len(ids),
        source=source,
        places=ids[missing],
        default=f"regression, RMSE {error}" if estimates.trees else "tree_allometry.csv",
        genus=by["genus"],
        group=by["group"],
        list=by["list"],
        table=by["table"],
    )
