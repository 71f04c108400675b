"""Further indicators: green volume, biotope area factor, site coverage; cool places, tropical nights, people exposed.

What each of them counts, and after whom, stands in ``tables/indicators.csv``. People are counted where the site has a
layer ``population``; a number below five is not told, so that no household can be recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from models.layers import LAND_COVER, read_table
from twin.city.model import City
from twin.scenario.indicators import cell_area, indicator_table, outdoor_ground, sealed_share, step_hours

__all__ = ["BFF_VERSION", "biotope_area_factor", "cool_places", "place_indicators", "tropical_cells"]

BFF_VERSION = "berlin-2019"
"""Version of the factors of ``tables/bff.csv``."""

_FEWEST = 5  # persons: smaller groups are not told
_COOL = 38.0  # [degC] UTCI below "very strong heat stress" at the hottest hour
_LEAST_PLACE = 500.0  # [m2]
_REACH = 300.0  # [m] straight line
_TROPICAL = 20.0  # [degC], German Weather Service
_NIGHT = (18, 6)  # UTC
_HEIGHTS = {"shrub": 1.0, "grass": 0.1}  # [m] of green that is no crown
_NEVER = np.datetime64("NaT")


def _row(name: str, unit: str, time: Any, value: float, share: float = np.nan, rests: str = "model") -> tuple[Any, ...]:
    return name, "", unit, time, float(value), float(share), rests


def place_indicators(site: xr.Dataset, city: City | None = None, heat: xr.Dataset | None = None) -> pd.DataFrame:
    """Return the further indicators of a site and, where given, of a heat run on it.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers on ("y", "x"); ``population`` [persons per cell] where known.
    city : City, optional
        For green facades.
    heat : xarray.Dataset, optional
        Result of ``models.heat.simulate``; ``utci`` for cool places and people, ``air_temperature`` for nights.

    Returns
    -------
    pandas.DataFrame
        Columns of ``twin.scenario.indicators.COLUMNS``.
    """
    rows = list(_of_the_site(site, city)) if heat is None else list(_of_the_heat(site, heat))
    return indicator_table(rows)


def _of_the_site(site: xr.Dataset, city: City | None) -> Iterator[tuple[Any, ...]]:
    yield _row("green_volume", "m3/m2", _NEVER, green_volume(site), rests="data")
    yield _row("bff", "1", _NEVER, biotope_area_factor(site, city), rests="data")
    yield _row("site_coverage", "1", _NEVER, float((site["building_id"].values > 0).mean()), rests="data")


def green_volume(site: xr.Dataset) -> float:
    """Return the volume of crowns, shrubs and grass over the whole grid [m3 m-2]."""
    crown = np.maximum(site["canopy_height"].values - site["trunk_height"].values, 0.0).sum(dtype=float)
    cover = site["land_cover"].values
    low = sum(height * float((cover == LAND_COVER[name]).sum()) for name, height in _HEIGHTS.items())
    return (crown + low) / cover.size


def biotope_area_factor(site: xr.Dataset, city: City | None = None, *, version: str = BFF_VERSION) -> float:
    """Return the biotope area factor of a grid: the share of it that counts for nature, facades included.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``land_cover`` and, where known, ``imperviousness``.
    city : City, optional
        Buildings with the attribute ``green_facade_area`` [m2] count.
    version : str
        Of the factors in ``tables/bff.csv``.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> cover = np.array([[LAND_COVER["grass"], LAND_COVER["asphalt"]]], np.uint8)
    >>> biotope_area_factor(xr.Dataset({"land_cover": (("y", "x"), cover)}, coords={"x": [0.5, 1.5]}))
    0.5
    """
    rows = {row["surface"]: row for row in read_table("twin.scenario", "bff.csv") if row["version"] == version}
    cover = site["land_cover"].values
    worth = np.zeros(cover.shape)
    for name, code in LAND_COVER.items():
        if name in rows:
            worth[cover == code] = float(rows[name]["factor"])
    half_open = (cover == LAND_COVER["paved"]) & (sealed_share(site) <= float(rows["paved_open"]["most_sealed"]))
    worth[half_open] = float(rows["paved_open"]["factor"])
    cells = int((cover != LAND_COVER["water"]).sum())
    attributes = () if city is None else city.objects["attributes"]
    facades = sum(float(a.get("green_facade_area", 0.0)) for a in attributes if isinstance(a, dict))
    vertical = facades * float(rows["facade"]["factor"]) / cell_area(site)
    return float((worth.sum() + vertical) / max(cells, 1))


def cool_places(site: xr.Dataset, utci: np.ndarray) -> np.ndarray:
    """Return which cells belong to a cool place: ground below 38 degC UTCI, at least 500 m2 in one piece, bool (y, x).

    Parameters
    ----------
    site : xarray.Dataset
        Site layers.
    utci : numpy.ndarray
        UTCI [degC] of one hour (y, x).
    """
    cool = outdoor_ground(site) & (utci < _COOL)
    pieces, _ = ndimage.label(cool, structure=np.ones((3, 3)))
    large = np.bincount(pieces.ravel()) * cell_area(site) >= _LEAST_PLACE
    large[0] = False
    return np.asarray(large[pieces])


def tropical_cells(site: xr.Dataset, heat: xr.Dataset) -> np.ndarray | None:
    """Return outdoor ground whose air stays at 20 degC or more from 18 to 6 UTC; None where no night is in the run."""
    if "air_temperature" not in heat:
        return None
    hours = pd.DatetimeIndex(heat["time"].values).hour
    night = np.flatnonzero((hours >= _NIGHT[0]) | (hours < _NIGHT[1]))
    if not len(night) * step_hours(heat) >= 6.0:
        return None
    lowest = np.nanmin(heat["air_temperature"].transpose("time", "y", "x").values[night], axis=0, initial=np.inf)
    return outdoor_ground(site) & np.isfinite(lowest) & (lowest >= _TROPICAL)


def _of_the_heat(site: xr.Dataset, heat: xr.Dataset) -> Iterator[tuple[Any, ...]]:
    ground, cell = outdoor_ground(site), cell_area(site)
    total = max(int(ground.sum()), 1)
    tropical = tropical_cells(site, heat)
    if tropical is not None:
        yield _row("tropical_night_area", "m2", _NEVER, tropical.sum() * cell, tropical.sum() / total)
    if "utci" not in heat:
        return
    utci = heat["utci"].transpose("time", "y", "x").values
    hottest = int(np.argmax([values[ground & ~np.isnan(values)].mean() if ground.any() else 0.0 for values in utci]))
    time = heat["time"].values[hottest]
    places = cool_places(site, utci[hottest])
    _, count = ndimage.label(places, structure=np.ones((3, 3)))
    near = ndimage.distance_transform_edt(~places) * cell**0.5 <= _REACH if places.any() else np.zeros_like(places)
    yield _row("cool_places", "1", time, count)
    share = float((near & ground).sum() / total)
    yield _row("cool_place_within_300", "%", time, 100.0 * share, share)
    if "population" in site:
        yield from _of_people(site["population"].values, utci, near, step_hours(heat), time)


def _of_people(
    population: np.ndarray, utci: np.ndarray, near: np.ndarray, hours: float, time: np.datetime64
) -> Iterator[tuple[Any, ...]]:
    people = np.nan_to_num(np.asarray(population, dtype=float))
    everyone = people.sum()
    for threshold in (32, 38, 46):
        above = (np.nan_to_num(utci, nan=-99.0) >= threshold).sum(axis=0) * hours >= 1.0
        yield _told(f"people_utci_above_{threshold}", people[above].sum(), everyone, "persons", _NEVER)
    if np.isfinite(hours) and everyone >= _FEWEST:
        counted = (np.nan_to_num(utci, nan=-99.0) >= 32).sum(axis=0) * hours
        yield _row("people_hours_utci_above_32", "h", _NEVER, (people * counted).sum())
    yield _told("people_cool_place_within_300", people[near].sum(), everyone, "%", time)


def _told(name: str, persons: float, everyone: float, unit: str, time: Any) -> tuple[Any, ...]:
    """Return a row about persons; groups smaller than five, and all but such a group, are not told."""
    few = 0 < persons < _FEWEST or 0 < everyone - persons < _FEWEST
    share = np.nan if few or everyone <= 0 else persons / everyone
    value = np.nan if few else (100.0 * share if unit == "%" else persons)
    return _row(name, unit, time, value, share, "suppressed" if few else "model")
