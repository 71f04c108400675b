"""When a tree counts as dry, and what one visit can bring: the rules of practice, as tables."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from models.layers import InputError, read_table
from models.water.soils import relative_extractable_water, soil, water_content

__all__ = ["LAYERS", "ring_table", "threshold_schemes", "water_limits"]

LAYERS = ("upper", "lower", "root")
"""Layers that a rule may look at: to 0.30 m, below, and the whole root space."""


@cache
def _rules() -> pd.DataFrame:
    table = pd.DataFrame(read_table("models.water", "watering_thresholds.csv"))
    return table.astype({"from_age": float, "to_age": float, "value": float})


def threshold_schemes() -> list[str]:
    """Return the names for ``thresholds`` of :func:`models.water.irrigation.watering_plan`."""
    return list(dict.fromkeys(_rules()["scheme"]))


def water_limits(scheme: str, soils: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return the relative extractable water below which a tree counts as dry, by layer.

    Parameters
    ----------
    scheme : str
        One of :func:`threshold_schemes`.
    soils : numpy.ndarray
        Soil class of each tree.
    age : numpy.ndarray
        Standing years of each tree.

    Returns
    -------
    numpy.ndarray
        Shape (3, trees) in the order of :data:`LAYERS`; -inf where the rule does not look at that layer.

    Raises
    ------
    InputError
        If there is no such scheme.

    Examples
    --------
    >>> water_limits("critical80", np.array(["Ss", "Ut3"]), np.array([5.0, 5.0]))[2].round(2).tolist()
    [0.31, 0.47]
    """
    if scheme not in threshold_schemes():
        raise InputError(f"thresholds={scheme!r} is not offered: use one of {', '.join(threshold_schemes())}.")
    limits = np.full((len(LAYERS), age.size), -np.inf)
    codes, names = pd.factorize(np.asarray(soils, dtype=object))
    years = np.floor(age)
    for rule in _rules()[_rules()["scheme"] == scheme].to_dict("records"):
        rows = (years >= rule["from_age"]) & (years <= rule["to_age"])
        if rule["measure"] == "tension":
            found = [soil(str(name)) for name in names]
            content = [water_content(10.0 * rule["value"], s) for s in found]  # kPa to hPa
            by_soil = np.array([float(relative_extractable_water(c, s)) for c, s in zip(content, found, strict=True)])
            value = by_soil[codes]
        else:
            value = np.full(age.size, rule["value"])
        layer = LAYERS.index(rule["layer"])
        limits[layer] = np.where(rows, value, limits[layer])
    return limits


def ring_table(age: np.ndarray) -> pd.DataFrame:
    """Return ``ring`` [L], ``priority`` [1], ``calendar`` [L per week] and its months, of trees of some standing years."""
    rows = pd.DataFrame(read_table("models.water", "watering_rings.csv")).astype(float)
    place = np.clip(np.searchsorted(rows["from_age"].to_numpy(), np.floor(age), side="right") - 1, 0, len(rows) - 1)
    return rows.drop(columns=["from_age", "to_age"]).iloc[place].reset_index(drop=True)
