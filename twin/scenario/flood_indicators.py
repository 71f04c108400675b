"""Flood indicators: how much ground, how many buildings, and where the rain went.

Areas are counted over outdoor ground (neither building nor water body), like those of heat. Volumes are those of the
model's own balance, so their sum closes to the error that stands beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from twin.scenario.indicators import cell_area, indicator_table, outdoor_ground

__all__ = ["DEPTHS", "balance", "exposure_indicators", "flood_indicators"]

DEPTHS = (0.10, 0.30, 0.50)
"""Depths [m]: above a kerb, too deep for an ambulance, danger for people and cars."""

_DANGER = (
    0.5  # m2/s: product of depth and speed that sweeps adults off their feet (AIDR 2017, class H4 and above is 0.6)
)
_NEVER = np.datetime64("NaT")


def flood_indicators(site: xr.Dataset, water: xr.Dataset) -> pd.DataFrame:
    """Return the indicators of a storm.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers on ("y", "x").
    water : xarray.Dataset
        Result of ``models.water.flood``.

    Returns
    -------
    pandas.DataFrame
        Columns as :data:`twin.scenario.indicators.COLUMNS`: rain [mm], outdoor ground deeper than :data:`DEPTHS` [m2]
        with its share, ground where flow sweeps people away [m2], share of the
        rain that runs off, seeps away, is held or goes to the sewer [%], error of the balance [%].
    """
    return indicator_table(_rows(site, water))


def exposure_indicators(features: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return how many buildings stand in water, and how much of the streets is under it.

    Parameters
    ----------
    features : mapping
        ``flooded_buildings`` and ``flooded_streets`` of :func:`twin.scenario.exposure.exposed`.
    """
    buildings, streets = features["flooded_buildings"], features["flooded_streets"]
    rows = []
    for depth in DEPTHS:
        count = int((buildings["depth_max"] >= depth).sum())
        rows.append(_row(f"buildings_above_{round(100 * depth)}", "1", count, count / max(1, len(buildings))))
    length = float(streets["length"].sum()) if len(streets) else 0.0
    for limit in (10, 30) if length > 0 else ():
        under = float(streets[f"length_over_{limit}cm"].sum())
        rows.append(_row(f"streets_above_{limit}", "m", under, under / length))
    return indicator_table(rows)


def _row(name: str, unit: str, value: float, share: float = np.nan) -> tuple[Any, ...]:
    return name, "", unit, _NEVER, float(value), float(share), "model"


def _rows(site: xr.Dataset, water: xr.Dataset) -> Iterator[tuple[Any, ...]]:
    ground, cell = outdoor_ground(site), cell_area(site)
    volumes, whole = balance(water), cell * site["land_cover"].size
    yield _row("rain_depth", "mm", 1000.0 * volumes["rain"] / whole)
    deepest = np.nan_to_num(water["depth_max"].values)
    for depth in DEPTHS:
        cells = int((ground & (deepest >= depth)).sum())
        yield _row(f"flood_area_above_{round(100 * depth)}", "m2", cells * cell, cells / max(1, int(ground.sum())))
    if "hazard_max" in water:
        swept = int((ground & (np.nan_to_num(water["hazard_max"].values) >= _DANGER)).sum())
        yield _row("flood_area_sweeping", "m2", swept * cell, swept / max(1, int(ground.sum())))
    if water.sizes.get("underpass", 0):
        yield _row("underpass_depth", "cm", 100.0 * float(water["underpass_depth"].max()))
    if volumes["rain"] > 0:
        for name in ("outflow", "sewer", "infiltrated", "held", "on_ground"):
            yield _row(
                f"rain_share_{name}", "%", 100.0 * volumes[name] / volumes["rain"], volumes[name] / volumes["rain"]
            )
        if "interception" in water["term"]:
            kept = -float(water["volume"].sel(term="interception"))
            yield _row("interception", "m3", kept, kept / volumes["rain"])
        if water.sizes.get("measure", 0):
            for name in ("taken", "stored"):
                held = float(water[f"measure_{name}"].sum())
                yield _row(f"measures_{name}", "m3", held, held / volumes["rain"])
        yield _row("balance_error", "%", 100.0 * abs(volumes["error"]) / volumes["rain"])


def balance(water: xr.Dataset) -> dict[str, float]:
    """Return the volumes of a storm [m3] under the few names that people use.

    Returns
    -------
    dict
        ``rain``; where it went: ``outflow`` (over the edges), ``sewer``, ``infiltrated``, ``held`` (crowns, hollows, roofs,
        cisterns, measures), ``on_ground`` (at the end), and ``error``; what came from elsewhere is ``inflow``.
    """
    terms = {str(name): float(value) for name, value in zip(water["term"].values, water["volume"].values, strict=True)}
    found = dict.fromkeys(("rain", "inflow", "outflow", "sewer", "infiltrated", "held", "on_ground", "error"), 0.0)
    for name, value in terms.items():
        if name == "rain":
            found["rain"] += value
        elif name in ("at_start", "inflow"):
            found["inflow"] += value
        elif name == "stored":
            found["on_ground"] += value
        elif name == "error":
            found["error"] += value
        elif name.startswith("outflow"):
            found["outflow"] -= value
        elif "infiltrat" in name or "seep" in name or name.endswith("to_ground"):
            found["infiltrated"] -= value
        elif "sewer" in name:
            found["sewer"] -= value
        else:
            found["held"] -= value
    return found
