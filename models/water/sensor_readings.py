"""Soil sensors at depths: readings to relative extractable water by layer, and corrections for trees without sensors.

Tension (hPa, kPa, cbar, ...) goes through the retention curve of the tree's soil, water content by volume (m3/m3 or %) by
field capacity and wilting point. Flags, ranges and impossible values keep a reading out, each with its reason. What the
sensors of a group of like trees have changed is given to the others of the group with a stated weight.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from models.layers import InputError, read_table
from models.water.soils import convert_tension, recognise_soils, relative_extractable_water, soil, water_content

__all__ = ["layer_readings", "spread_corrections", "tree_groups"]

_TENSIONS = ("hPa", "mbar", "cmH2O", "kPa", "cbar", "bar", "MPa", "pF")
_CONTENTS = {"m3/m3": 1.0, "%": 0.01, "vol-%": 0.01}
_GOOD = ("", "good", "ok", "nan", "none", "<na>")

_IMPOSSIBLE = "impossible for the soil: check soil and unit"
_DRIEST = 0.01
"""Even air-dry sand outdoors holds about this much [m3/m3]; less is a share (0.22) that was sent as per cent."""


def _ranges() -> dict[str, tuple[float, float, float]]:
    rows = read_table("models.water", "sensor_ranges.csv")
    return {row["kind"]: (float(row["lower"]), float(row["upper"]), float(row["error"])) for row in rows}


def layer_readings(
    readings: pd.DataFrame,
    soils: pd.Series,
    *,
    upper_depth: float = 0.30,
    good_flags: Iterable[str] = _GOOD,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return readings as relative extractable water by tree, day and layer, and what was kept out.

    Parameters
    ----------
    readings : pandas.DataFrame
        ``tree`` (id), ``time``, ``depth`` [m], ``kind`` ("tensiometer", "watermark", "tension" or "volumetric"),
        ``value``, ``unit`` and, where known, ``quality`` (a flag; all but ``good_flags`` keep the reading out).
    soils : pandas.Series
        Soil class by tree id.
    upper_depth : float
        Lower edge of the upper layer [m].
    good_flags : iterable of str
        Flags of readings that may be used.

    Returns
    -------
    used, refused : pandas.DataFrame
        ``used``: tree, date, layer (0 upper, 1 lower), value (relative extractable water), error (standard deviation),
        readings. ``refused``: the rows as given with a column ``reason``.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> rows = pd.DataFrame({"tree": ["A", "A", "A"], "time": ["2024-07-01"] * 3, "depth": [0.3, 0.6, 0.6],
    ...     "kind": ["tensiometer", "watermark", "tensiometer"], "value": [32.0, 80.0, 95.0], "unit": "kPa"})
    >>> used, refused = layer_readings(rows, pd.Series({"A": "Ls3"}))
    >>> used["value"].round(2).tolist(), refused["reason"].tolist()
    ([0.6, 0.42], ['above the sensor range of 800 hPa'])
    """
    for column in ("tree", "time", "depth", "kind", "value", "unit"):
        if column not in readings:
            raise InputError(
                f"The readings have no column {column!r}: they need tree, time, depth [m], kind, value and unit."
            )
    table = readings.reset_index(drop=True)
    reason = np.full(len(table), "", dtype=object)
    value = np.full(len(table), np.nan)
    error = np.full(len(table), np.nan)
    number = pd.to_numeric(table["value"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    depth = pd.to_numeric(table["depth"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    known = recognise_soils(soils)
    of_tree = table["tree"].map(known)
    unit, kind = table["unit"].astype(str).to_numpy(), table["kind"].astype(str).to_numpy()
    flags = table["quality"].astype("string").fillna("").str.strip().str.lower() if "quality" in table else None
    _mark(reason, of_tree.isna().to_numpy() | (of_tree == "").to_numpy(), "no tree or no soil of that id")
    if flags is not None:
        _mark(reason, ~flags.isin([str(f) for f in good_flags]).to_numpy(), "quality flag")
    _mark(reason, ~np.isfinite(number), "no number")
    _mark(reason, ~((depth >= 0) & (depth <= 5)), "impossible depth")
    _mark(reason, ~np.isin(kind, list(_ranges())), "unknown kind of sensor")
    for name in pd.unique(kind[reason == ""]):
        lower, upper, sd = _ranges()[name]
        allowed = tuple(_CONTENTS) if name == "volumetric" else _TENSIONS
        rows = (kind == name) & (reason == "")
        _mark(reason, rows & ~np.isin(unit, allowed), f"unit not one of {', '.join(allowed)}")
        for u in pd.unique(unit[rows & (reason == "")]):
            same = rows & (unit == u) & (reason == "")
            si = number * _CONTENTS[u] if name == "volumetric" else np.full(number.size, np.nan)
            if name != "volumetric":
                si[same] = convert_tension(number[same], str(u), "hPa")
            scale = "m3/m3" if name == "volumetric" else "hPa"
            _mark(reason, same & (si > upper), f"above the sensor range of {upper:g} {scale}")
            _mark(reason, same & (si < lower - 50.0 * (name != "volumetric")), "below zero")
            if name == "volumetric":
                _mark(reason, same & (si < _DRIEST), _IMPOSSIBLE)
            good = np.flatnonzero(same & (reason == ""))
            value[good], error[good] = _water(si[good], of_tree.to_numpy()[good], name == "volumetric"), sd
    _mark(reason, (reason == "") & ~((value > -0.5) & (value < 3.0)), _IMPOSSIBLE)
    good = reason == ""
    used = pd.DataFrame(
        {
            "tree": table["tree"][good],
            "date": pd.to_datetime(table["time"][good]).dt.floor("D"),
            "layer": (depth[good] > upper_depth).astype(int),
            "value": value[good],
            "error": error[good],
        }
    )
    grouped = used.groupby(["tree", "date", "layer"], sort=True)
    merged = grouped.agg(value=("value", "mean"), error=("error", "mean"), readings=("value", "size")).reset_index()
    return merged, table[~good].assign(reason=reason[~good])


def _mark(reason: np.ndarray, mask: np.ndarray, words: str) -> None:
    reason[mask & (reason == "")] = words


def _water(values: np.ndarray, soils: np.ndarray, by_volume: bool) -> np.ndarray:
    result = np.empty(values.size)
    for name in pd.unique(soils):
        rows, found = soils == name, soil(str(name))
        content = values[rows] if by_volume else water_content(values[rows], found)
        result[rows] = relative_extractable_water(content, found)
    return result


def tree_groups(trees: pd.DataFrame, year: int) -> pd.DataFrame:
    """Return what makes trees alike: genus, soil, age class and exposure, all as text.

    Age classes: to 3, to 10, to 40 years and older; exposure: sunlit share below a half, below 0.8, above.
    """
    missing = pd.Series([""] * len(trees), index=trees.index)
    species = trees.get("species", missing)
    genus = species.astype("string").fillna("").str.strip().str.split().str[0].fillna("").str.capitalize()
    age = year - pd.to_numeric(trees.get("planted", missing), errors="coerce")
    sun = pd.to_numeric(trees.get("direct_share", missing), errors="coerce").fillna(1.0)
    ages = np.select([age <= 3, age <= 10, age <= 40, age > 40], ["1", "2", "3", "4"], "")
    exposure = np.select([sun < 0.5, sun < 0.8], ["1", "2"], "3")
    classes = recognise_soils(trees.get("soil", missing))
    return pd.DataFrame(
        {"genus": genus.astype(object), "soil": classes, "age": ages, "exposure": exposure}, index=trees.index
    )


def spread_corrections(groups: pd.DataFrame, corrections: pd.DataFrame) -> pd.DataFrame:
    """Return the correction of every tree: its own where it has sensors, else that of the most alike trees, weighted.

    Parameters
    ----------
    groups : pandas.DataFrame
        From :func:`tree_groups`, index = tree id.
    corrections : pandas.DataFrame
        ``upper`` and ``lower``: corrected minus uncorrected relative extractable water of the trees with sensors, index =
        tree id.

    Returns
    -------
    pandas.DataFrame
        By tree: ``upper``, ``lower`` (0 where nothing is alike), ``weight`` (1 = own sensors, 0 = none), ``level`` (0 own, 1
        best, ... of ``tables/spread_levels.csv``, -1 none), ``sensors`` (trees with sensors behind it).
    """
    strangers = corrections.index.difference(groups.index)
    if len(strangers):
        raise InputError(f"The corrections name the tree {strangers[0]!r}, which is not in the table of trees.")
    count = len(groups)
    result = pd.DataFrame(
        {"upper": np.zeros(count), "lower": np.zeros(count), "weight": np.zeros(count), "level": -1, "sensors": 0},
        index=groups.index,
    )
    for row in read_table("models.water", "spread_levels.csv"):
        keys = row["keys"].split()
        usable = (groups[keys] != "").all(axis=1)
        known = corrections[usable.loc[corrections.index].to_numpy()]
        if known.empty:
            continue
        label = groups[keys].agg("|".join, axis=1)
        means = known.groupby(label.loc[known.index]).agg(["mean", "size"])
        wanted = (result["level"] == -1) & usable & label.isin(means.index)
        place = label[wanted]
        size = place.map(means[("upper", "size")]).to_numpy(dtype=float)
        weight = float(row["weight"]) * size / (size + 1.0)
        for column in ("upper", "lower"):
            result.loc[wanted, column] = weight * place.map(means[(column, "mean")]).to_numpy(dtype=float)
        result.loc[wanted, "weight"], result.loc[wanted, "sensors"] = weight, size.astype(int)
        result.loc[wanted, "level"] = int(row["level"])
    own = corrections.index
    result.loc[own, ["upper", "lower"]] = corrections[["upper", "lower"]].to_numpy(dtype=float)
    result.loc[own, "weight"], result.loc[own, "level"], result.loc[own, "sensors"] = 1.0, 0, 1
    return result
