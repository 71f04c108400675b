"""Indicators: the few numbers of a run that a council can vote on, each with unit, time, share and what it rests on.

Areas are counted over outdoor ground: cells without building and without water. Classes and thresholds of UTCI are
those of ``models/heat/tables/utci_classes.csv``; stamps are UTC, only "14 o'clock" is local time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import LAND_COVER, land_cover_property, read_table
from twin.language import default_language, text

__all__ = [
    "COLUMNS",
    "THRESHOLDS",
    "afternoon_steps",
    "afternoon_sun",
    "cell_area",
    "heat_indicators",
    "indicator_label",
    "indicator_table",
    "labelled",
    "outdoor_ground",
    "sealed_share",
    "site_indicators",
    "step_hours",
    "summaries",
    "utci_classes",
]

COLUMNS = ("name", "label", "unit", "time", "value", "share", "uncertainty")
"""Columns of the indicator table; ``share`` is of the outdoor ground, ``time`` is NaT for the whole run."""

THRESHOLDS = (26, 32, 38, 46)
"""UTCI [degC] from which heat stress is moderate, strong, very strong, extreme."""

_AFTERNOON = 14  # local hour of German planning practice (VDI 3787 Part 2; state climate analyses)
_IN_THE_SUN = 0.5  # sunlit fraction
_CLASS = "area_utci_class_"


def utci_classes() -> tuple[dict[str, Any], ...]:
    """Return the UTCI classes: code, lower and upper bound [degC], label_en, label_de, colour."""
    rows = read_table("models.heat", "utci_classes.csv")
    return tuple(
        dict(row)
        | {
            "code": int(row["code"]),
            "lower": float(row["lower"] or "-inf"),
            "upper": float(row["upper"] or "inf"),
        }
        for row in rows
    )


def outdoor_ground(site: xr.Dataset) -> np.ndarray:
    """Return where people can stand outdoors (y, x): neither building nor water."""
    return (site["building_id"].values == 0) & (site["land_cover"].values != LAND_COVER["water"])


def sealed_share(site: xr.Dataset) -> np.ndarray:
    """Return the sealed share of each cell (y, x), 0..1: the site's own layer, else that of its land cover."""
    if "imperviousness" in site:
        return np.asarray(site["imperviousness"].values, dtype=np.float32)
    return np.asarray(land_cover_property("imperviousness")[site["land_cover"].values])


def step_hours(heat: xr.Dataset) -> float:
    """Return the length of a time step [h]; NaN where there is one step of unknown length."""
    times = heat["time"].values
    if times.size > 1:
        return float((times[1] - times[0]) / np.timedelta64(1, "s")) / 3600.0
    return float(heat.attrs.get("step_seconds", np.nan)) / 3600.0


def afternoon_steps(heat: xr.Dataset, timezone: str) -> list[int]:
    """Return, for each local day, the step nearest to 14 o'clock, where one lies within half an hour of it."""
    local = pd.DatetimeIndex(heat["time"].values).tz_localize("UTC").tz_convert(ZoneInfo(timezone))
    distance = np.abs((local.hour + local.minute / 60.0 + local.second / 3600.0).to_numpy() - _AFTERNOON)
    days = np.asarray(local.strftime("%Y-%m-%d"))
    nearest = [int(np.flatnonzero(days == day)[np.argmin(distance[days == day])]) for day in dict.fromkeys(days)]
    return [step for step in nearest if distance[step] <= 0.5]


def _row(name: str, unit: str, time: Any, value: float, share: float, uncertainty: str) -> tuple[Any, ...]:
    return name, "", unit, time, float(value), float(share), uncertainty


def _of_the_site(site: xr.Dataset, cell: float) -> Iterator[tuple[Any, ...]]:
    never, total = np.datetime64("NaT"), site["land_cover"].size
    canopy = float((site["canopy_height"].values > 0).mean())
    sealed = float(np.nansum(sealed_share(site)) / total)
    ground = float(outdoor_ground(site).mean())
    yield _row("outdoor_ground", "m2", never, ground * total * cell, np.nan, "data")
    yield _row("canopy_share", "%", never, 100.0 * canopy, np.nan, "data")
    yield _row("sealed_share", "%", never, 100.0 * sealed, np.nan, "data")
    yield _row("unsealed_m2", "m2", never, (1.0 - sealed) * total * cell, np.nan, "data")


def _of_one_step(utci: np.ndarray, time: np.datetime64, cell: float) -> Iterator[tuple[Any, ...]]:
    """Yield areas by class and threshold of one step; ``utci`` holds the valid outdoor ground cells."""
    count = max(utci.size, 1)
    for row in utci_classes():
        cells = int(((utci >= row["lower"]) & (utci < row["upper"])).sum())
        yield _row(f"{_CLASS}{row['code']}", "m2", time, cells * cell, cells / count, "model")
    for threshold in THRESHOLDS:
        cells = int((utci >= threshold).sum())
        yield _row(f"area_utci_above_{threshold}", "m2", time, cells * cell, cells / count, "model")
    if utci.size:
        yield _row("utci_mean", "degC", time, utci.mean(dtype=float), np.nan, "model")
        yield _row("utci_p95", "degC", time, np.percentile(utci, 95), np.nan, "model")


def afternoon_sun(site: xr.Dataset, weather: xr.Dataset, steps: list[int]) -> dict[int, np.ndarray]:
    """Return, for some steps of the weather, where the sun shines (y, x): 0 = shade, 1 = sun.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers, with place and meridian convergence in the attributes.
    weather : xarray.Dataset
        From :func:`twin.sensors.read_weather`; tells when the interval of a stamp is.
    steps : list of int
        Steps asked for.
    """
    from models.heat.shading import shadow
    from models.heat.sun import sun_position
    from twin.sensors.weather_clock import mid_interval

    sun = sun_position(mid_interval(weather), float(site.attrs["latitude"]), float(site.attrs["longitude"]))
    azimuth = sun["azimuth"].values - float(site.attrs.get("convergence", 0.0))
    return {step: shadow(site, float(azimuth[step]), float(sun["elevation"].values[step])).values for step in steps}


def _crowns_and_open(site: xr.Dataset, sunlit: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return ground under crowns, and sealed ground that no crown covers and (where known) the sun reaches."""
    ground, crown = outdoor_ground(site), site["canopy_height"].values > 0
    sealed = np.isin(site["land_cover"].values, [LAND_COVER[n] for n in ("asphalt", "paved", "cobble")])
    bare = ground & ~crown & sealed
    return ground & crown, bare if sunlit is None else bare & (sunlit > _IN_THE_SUN)


def _of_the_run(
    utci: xr.DataArray, site: xr.Dataset, timezone: str, sunlit: Mapping[int, np.ndarray]
) -> Iterator[tuple[Any, ...]]:
    heat, never, ground = utci.to_dataset(), np.datetime64("NaT"), outdoor_ground(site)
    hours = step_hours(heat)
    for threshold in (32, 38):
        above = np.zeros(ground.shape)
        for step in range(utci.sizes["time"]):
            above += utci.isel(time=step).values >= threshold
        valid = ground & ~np.isnan(utci.isel(time=0).values)
        if valid.any() and np.isfinite(hours):
            yield _row(f"hours_utci_above_{threshold}", "h", never, above[valid].mean() * hours, np.nan, "model")
    for step in afternoon_steps(heat, timezone):
        crowns, open_ground = _crowns_and_open(site, sunlit.get(step))
        values, time = utci.isel(time=step).values, utci["time"].values[step]
        under, outside = values[crowns & ~np.isnan(values)], values[open_ground & ~np.isnan(values)]
        if under.size and outside.size:
            difference = under.mean(dtype=float) - outside.mean(dtype=float)
            yield _row("utci_under_crowns_minus_open_sealed", "K", time, difference, np.nan, "model")
        if step in sunlit and ground.any():
            shade = float((sunlit[step][ground] <= _IN_THE_SUN).mean())
            yield _row("shade_share", "%", time, 100.0 * shade, shade, "model")


def indicator_table(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Return rows as an indicator table with English labels."""
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    table["time"] = pd.to_datetime(table["time"]).astype("datetime64[ns]")
    return labelled(table, "en")


def cell_area(site: xr.Dataset) -> float:
    """Return the area of a cell [m2]."""
    return abs(float(site["x"].values[1] - site["x"].values[0])) ** 2


def site_indicators(site: xr.Dataset) -> pd.DataFrame:
    """Return what the ground is made of: outdoor ground and unsealed area [m2], canopy and sealed share [%].

    Parameters
    ----------
    site : xarray.Dataset
        Site layers on ("y", "x").
    """
    return indicator_table(_of_the_site(site, cell_area(site)))


def heat_indicators(
    site: xr.Dataset,
    heat: xr.Dataset,
    *,
    timezone: str = "Europe/Berlin",
    sunlit: Mapping[int, np.ndarray] | None = None,
    steps: Collection[int] | None = None,
) -> pd.DataFrame:
    """Return the heat indicators of a run; without ``utci`` there are none.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers on ("y", "x").
    heat : xarray.Dataset
        Result of ``models.heat.simulate`` on ("time", "y", "x"), with ``utci`` [degC].
    timezone : str
        Time zone of "14 o'clock".
    sunlit : mapping of int to numpy.ndarray, optional
        Step to where the sun shines then (:func:`afternoon_sun`); open sealed ground is ground in the sun where given.
    steps : collection of int, optional
        Steps whose own rows are wanted; by default all.

    Returns
    -------
    pandas.DataFrame
        One row an indicator and time, columns :data:`COLUMNS`: areas [m2] and their share of the outdoor ground by
        UTCI class and above :data:`THRESHOLDS` for each step, mean and 95th percentile of UTCI [degC], mean hours
        above 32 and 38 [h], UTCI under crowns minus that of open sealed ground and shade share at 14 o'clock [K, %].
        ``uncertainty`` is "data" (as good as the input data) or "model" (not compared with measurements).
    """
    rows: list[tuple[Any, ...]] = []
    if "utci" in heat:
        utci, ground = heat["utci"].transpose("time", "y", "x"), outdoor_ground(site)
        for step, time in enumerate(utci["time"].values):
            if steps is not None and step not in steps:
                continue
            values = utci.isel(time=step).values[ground]
            rows.extend(_of_one_step(values[~np.isnan(values)], time, cell_area(site)))
        rows.extend(_of_the_run(utci, site, timezone, sunlit or {}))
    return indicator_table(rows)


def labelled(table: pd.DataFrame, language: str | None = None) -> pd.DataFrame:
    """Return an indicator table with its labels in a language.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`site_indicators`, :func:`heat_indicators` or :func:`twin.scenario.flood_indicators`.
    language : {"en", "de"}, optional
        By default the user's.
    """
    chosen = language or default_language()
    names = {name: indicator_label(name, chosen) for name in table["name"].unique()}
    return table.assign(label=table["name"].map(names))


@cache
def indicator_label(name: str, language: str) -> str:
    """Return the label of an indicator by its name in a table, such as ``area_utci_above_38``."""
    if name.startswith(_CLASS):
        code = int(name.removeprefix(_CLASS))
        row = next(row for row in utci_classes() if row["code"] == code)
        return text("scenario.indicator_area_utci_class", language, label=row[f"label_{language}"])
    stem, _, last = name.rpartition("_")
    if last.isdigit() and stem.endswith("_above"):
        return text(f"scenario.indicator_{stem}", language, threshold=last)
    return text(f"scenario.indicator_{name}", language)


def summaries(heat: xr.Dataset, *, timezone: str = "Europe/Berlin") -> xr.Dataset:
    """Return maps that sum up a run: highest value of each layer, hours above thresholds, the afternoon.

    Parameters
    ----------
    heat : xarray.Dataset
        Layers on ("time", "y", "x").
    timezone : str
        Time zone of "14 o'clock".

    Returns
    -------
    xarray.Dataset
        ``<layer>_max``, ``hours_utci_above_32`` and ``_38`` [h], and ``<layer>_14`` of the day that is hottest then.
    """
    maps: dict[str, xr.DataArray] = {}
    afternoon = afternoon_steps(heat, timezone)
    for name, layer in heat.data_vars.items():
        if "time" not in layer.dims:
            continue
        long_name = layer.attrs.get("long_name", str(name))
        peak = layer.max("time", keep_attrs=True).assign_attrs(long_name=f"{long_name}, highest of the run")
        maps[f"{name}_max"] = peak
        if afternoon:
            step = max(afternoon, key=lambda i: float(np.nanmean(layer.isel(time=i).values)))
            stamp = np.datetime_as_string(layer["time"].values[step], unit="m")
            at = layer.isel(time=step, drop=True).assign_attrs(long_name=f"{long_name}, {stamp} UTC")
            maps[f"{name}_{_AFTERNOON}"] = at
    hours = step_hours(heat)
    if "utci" in heat and np.isfinite(hours):
        utci = heat["utci"]
        for threshold in (32, 38):
            count = (utci >= threshold).sum("time").where(utci.notnull().any("time")).astype(np.float32) * hours
            attrs = {"units": "h", "long_name": f"Hours with UTCI of at least {threshold} degC"}
            maps[f"hours_utci_above_{threshold}"] = count.assign_attrs(attrs)
    return xr.Dataset(maps)
