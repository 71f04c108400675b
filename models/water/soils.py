"""Soils and substrates: how much water they hold, at which tension, by class name.

Texture classes of the German soil survey (KA5) and rooting media of planting pits, each with the retention curve of van
Genuchten 1980, doi 10.2136/sssaj1980.03615995004400050002x, ``theta(h) = residual + (saturated - residual)
(1 + (alpha h)^n)^-(1 - 1/n)``. Field capacity is the water content at pF 1.8 (63 hPa), the permanent wilting point that at
pF 4.2 (15,849 hPa); what lies between is available (nFK). Left out: hysteresis, salts, swelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.layers import InputError, read_table

__all__ = [
    "FIELD_CAPACITY_TENSION",
    "WILTING_TENSION",
    "Soil",
    "convert_tension",
    "recognise_soils",
    "relative_extractable_water",
    "soil",
    "soil_table",
    "tension_at",
    "water_content",
]

FIELD_CAPACITY_TENSION = 10.0**1.8
"""Tension at field capacity [hPa], pF 1.8 (KA5)."""

WILTING_TENSION = 10.0**4.2
"""Tension at the permanent wilting point [hPa], pF 4.2."""

_HECTOPASCAL = {"hPa": 1.0, "mbar": 1.0, "cmH2O": 0.980665, "kPa": 10.0, "cbar": 10.0, "bar": 1000.0, "MPa": 10_000.0}


@dataclass(frozen=True)
class Soil:
    """One soil or substrate.

    Attributes
    ----------
    name : str
        Class, for example "Sl3".
    residual, saturated : float
        Water content [m3/m3].
    alpha : float
        [1/hPa].
    n : float
        Shape [1].
    conductivity : float
        Hydraulic conductivity at saturation [mm/d].
    """

    name: str
    residual: float
    saturated: float
    alpha: float
    n: float
    conductivity: float

    @property
    def field_capacity(self) -> float:
        """Water content at pF 1.8 [m3/m3]."""
        return float(water_content(FIELD_CAPACITY_TENSION, self))

    @property
    def wilting_point(self) -> float:
        """Water content at pF 4.2 [m3/m3]."""
        return float(water_content(WILTING_TENSION, self))

    @property
    def available(self) -> float:
        """Water between field capacity and wilting point (nFK) [m3/m3]."""
        return self.field_capacity - self.wilting_point


@cache
def _known() -> dict[str, Soil]:
    found = {}
    for table in ("soil_retention.csv", "substrates.csv"):
        for row in read_table("models.water", table):
            numbers = {key: float(value) for key, value in row.items() if key != "name"}
            found[row["name"]] = Soil(name=row["name"], **numbers)
    return found


@cache
def _aliases() -> dict[str, str]:
    names = {name.lower(): name for name in _known()}
    return names | {row["alias"]: row["name"] for row in read_table("models.water", "soil_names.csv")}


def soil(name: str | Soil) -> Soil:
    """Return a soil or substrate by its class name.

    Raises
    ------
    InputError
        If the name is not in the tables; the sentence names the nearest ones.

    Examples
    --------
    >>> round(100.0 * soil("Sl3").available, 1)
    16.7
    """
    if isinstance(name, Soil):
        return name
    found = _aliases().get(str(name).strip().lower())
    if found is None:
        near = get_close_matches(str(name), list(_known()), n=3, cutoff=0.3) or ["Sl3", "Ls3", "Ut3"]
        raise InputError(
            f"There is no soil {name!r}: use a class of KA5 (near: {', '.join(near)}) or a substrate of "
            "models/water/tables/substrates.csv."
        )
    return _known()[found]


def recognise_soils(names: pd.Series) -> pd.Series:
    """Return the class of each name (KA5 code, substrate or a common word), empty where it is not known.

    Examples
    --------
    >>> recognise_soils(pd.Series(["sl3", "Lehm", "moon dust", None])).tolist()
    ['Sl3', 'Lt2', '', '']
    """
    text = names.astype("string").fillna("").str.strip().str.lower().astype(object)
    unique = {word: _aliases().get(word, "") for word in pd.unique(text)}
    return text.map(unique).astype(object)


def soil_table() -> pd.DataFrame:
    """Return all soils and substrates: curve, field capacity, wilting point, available water [vol-%], and KA5 by depth.

    Columns ``field_capacity_40cm``, ``available_40cm``, ``narrow_coarse_pores_40cm`` and those of 80 cm are the values
    of KA5 itself (NaN for substrates); the others follow from the curve.
    """
    rows = {
        s.name: {
            "residual": s.residual,
            "saturated": s.saturated,
            "alpha": s.alpha,
            "n": s.n,
            "conductivity": s.conductivity,
            "field_capacity": 100.0 * s.field_capacity,
            "wilting_point": 100.0 * s.wilting_point,
            "available": 100.0 * s.available,
        }
        for s in _known().values()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    for row in read_table("models.water", "soil_capacity.csv"):
        for key in ("field_capacity", "available", "narrow_coarse_pores"):
            table.loc[row["name"], f"{key}_{row['depth_cm']}cm"] = float(row[key])
    return table.rename_axis("name")


def _curves(of: str | Soil | Sequence[str | Soil]) -> tuple[np.ndarray, ...]:
    several = [of] if isinstance(of, str | Soil) else list(of)
    found = [soil(item) for item in several]
    arrays = tuple(np.array([getattr(s, key) for s in found]) for key in ("residual", "saturated", "alpha", "n"))
    return tuple(a[0] for a in arrays) if isinstance(of, str | Soil) else arrays


def water_content(tension: ArrayLike, of: str | Soil | Sequence[str | Soil]) -> np.ndarray:
    """Return the water content of a soil at a tension.

    Parameters
    ----------
    tension : array_like
        [hPa], positive; negative ones count as saturation (0).
    of : str, Soil or sequence of them
        One soil, or one a value along the last dimension.

    Returns
    -------
    numpy.ndarray
        [m3/m3].

    Examples
    --------
    >>> float(water_content(10 ** 4.2, "Ut3").round(3))
    0.131
    """
    residual, saturated, alpha, n = _curves(of)
    h = np.maximum(np.asarray(tension, dtype=float), 0.0)
    return np.asarray(residual + (saturated - residual) * (1.0 + (alpha * h) ** n) ** -(1.0 - 1.0 / n))


def tension_at(content: ArrayLike, of: str | Soil | Sequence[str | Soil]) -> np.ndarray:
    """Return the tension of a soil at a water content: the inverse of :func:`water_content`.

    Parameters
    ----------
    content : array_like
        [m3/m3]; above saturation 0 hPa, at or below the residual water content infinite.
    of : str, Soil or sequence of them
        One soil, or one a value along the last dimension.

    Returns
    -------
    numpy.ndarray
        [hPa].

    Examples
    --------
    >>> float(tension_at(water_content(320.0, "Ls3"), "Ls3").round(6))
    320.0
    """
    residual, saturated, alpha, n = _curves(of)
    share = np.clip((np.asarray(content, dtype=float) - residual) / (saturated - residual), 0.0, 1.0)
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray((share ** (-n / (n - 1.0)) - 1.0) ** (1.0 / n) / alpha)


def relative_extractable_water(content: ArrayLike, of: str | Soil | Sequence[str | Soil]) -> np.ndarray:
    """Return the share of the available water that is there: 0 at the wilting point, 1 at field capacity.

    Parameters
    ----------
    content : array_like
        [m3/m3].
    of : str, Soil or sequence of them
        One soil, or one a value along the last dimension.

    Examples
    --------
    80 kPa, the alarm of many sensors, is not the same dryness in sand and in silt:

    >>> [round(float(relative_extractable_water(water_content(800.0, s), s)), 2) for s in ("Ss", "Ut3")]
    [0.31, 0.47]
    """
    low, high = water_content(WILTING_TENSION, of), water_content(FIELD_CAPACITY_TENSION, of)
    return np.asarray((np.asarray(content, dtype=float) - low) / (high - low))


def convert_tension(values: ArrayLike, given: str, wanted: str) -> np.ndarray:
    """Return soil water tension in another unit.

    Parameters
    ----------
    values : array_like
        Tension, positive (pF: its logarithm in hPa).
    given, wanted : str
        "hPa", "mbar", "cmH2O", "kPa", "cbar", "bar", "MPa" or "pF".

    Raises
    ------
    InputError
        If a unit is unknown.

    Examples
    --------
    >>> convert_tension([32.0, 80.0], "kPa", "pF").round(1).tolist()
    [2.5, 2.9]
    """
    for unit in (given, wanted):
        if unit != "pF" and unit not in _HECTOPASCAL:
            raise InputError(f"There is no unit of tension {unit!r}: use {', '.join(_HECTOPASCAL)} or pF.")
    array = np.asarray(values, dtype=float)
    if given == wanted:
        return array
    pressure = 10.0**array if given == "pF" else array * _HECTOPASCAL[given]
    if wanted != "pF":
        return np.asarray(pressure / _HECTOPASCAL[wanted])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log10(pressure))
