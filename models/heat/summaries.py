"""A day in a few maps: hottest, mean, hours above the limits, hours of sun; no hour is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import xarray as xr

from models.heat.geometry import spatial_coordinates
from models.heat.stepping import OUTPUTS, Run, require_room, wanted
from models.layers import InputError

__all__ = ["summarise"]

SUMMARISED = ("tmrt", "utci", "pet", "pt", "wbgt", "air_temperature", "surface_temperature")
"""Outputs that can be summed up."""


class _Nights:
    """Counts the whole nights in which it stays warm."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._warm = np.zeros(shape, np.float32)
        self._coolest = np.full(shape, np.inf, np.float32)
        self._hours, self._whole = 0.0, 0

    def add(self, time: np.datetime64, hours: float, air: np.ndarray) -> None:
        """Take up one step; stamps that end a step at 18:00 belong to the day, those at 6:00 to the night."""
        hour = float((time - time.astype("datetime64[D]")) / np.timedelta64(1, "h"))
        if 6.0 < hour <= 18.0:
            self._hours = 0.0
            self._coolest.fill(np.inf)
            return
        np.minimum(self._coolest, air, out=self._coolest)
        self._hours += hours
        if self._hours >= 12.0 - 0.5 * hours:
            self._warm += self._coolest >= TROPICAL
            self._whole += 1
            self._hours = -24.0  # counted

    def count(self, ground: np.ndarray) -> np.ndarray:
        """Return the number of such nights, NaN on buildings and where no night was whole."""
        return np.where(ground & (self._whole > 0), self._warm, np.float32(np.nan)).astype(np.float32)


TROPICAL = 20.0
"""Lowest temperature of a tropical night [degC] (German Weather Service)."""


def summarise(
    site: xr.Dataset,
    weather: xr.Dataset,
    *,
    outputs: Iterable[str] = ("tmrt", "utci"),
    thresholds: Iterable[float] = (26.0, 32.0, 38.0, 46.0),
    progress: Callable[[int], Any] | None = None,
    **options: Any,
) -> xr.Dataset:
    """Return the day in a few maps, without holding its hours in memory.

    Parameters
    ----------
    site, weather : xarray.Dataset
        As for :func:`simulate`.
    outputs : iterable of str
        Of "tmrt", "utci", "pet", "pt", "wbgt", "air_temperature", "surface_temperature".
    thresholds : iterable of float
        Limits [degC] for the hours above; by default those of the heat stress classes of UTCI.
    progress : callable, optional
        Called with the number of finished steps after each.
    **options
        All other options of :func:`simulate`.

    Returns
    -------
    xarray.Dataset
        For each output ``<name>_max`` and ``<name>_mean`` [degC] and ``<name>_hours`` (threshold, y, x) [h] at or above the
        limits, and ``sunshine`` [h]; float32, NaN on buildings. With "air_temperature" also its lowest value and
        ``tropical_nights``: nights with 20 degC or more from 18 to 6 UTC, NaN where the run holds no whole night.

    Examples
    --------
    >>> day = summarise(site, weather)                        # doctest: +SKIP
    >>> day.utci_hours.sel(threshold=32.0).plot()             # doctest: +SKIP
    """
    names = wanted(outputs, SUMMARISED)
    limits = np.array(sorted(thresholds), dtype=float)
    if not limits.size or np.isnan(limits).any():
        raise InputError("thresholds must hold at least one limit in degC, and no missing value.")
    kept = len(names) * (3 + limits.size) + 3  # highest, mean (double), hours above each limit; lowest, sun, nights
    require_room(site, kept, f"{kept} maps of the day", options.get("geometry"))
    run = Run(site, weather, **options)
    highest = {n: np.full(run.shape, -np.inf, np.float32) for n in names}
    lowest = np.full(run.shape, np.inf, np.float32)
    total = {n: np.zeros(run.shape) for n in names}
    above = {n: np.zeros((limits.size, *run.shape), np.float32) for n in names}
    sunshine = np.zeros(run.shape, np.float32)
    nights = _Nights(run.shape)
    hours = np.float32(run.air.average / 3600.0)
    for step, maps in enumerate(run.steps((*names, "shadow"))):
        for name in names:
            np.maximum(highest[name], maps[name], out=highest[name])
            total[name] += maps[name] * hours
            for number, limit in enumerate(limits):
                above[name][number] += (maps[name] >= limit) * hours
        if "air_temperature" in names:
            np.minimum(lowest, maps["air_temperature"], out=lowest)
            nights.add(run.air.times[step], float(hours), maps["air_temperature"])
        if run.air.direct[step] > 120.0:  # sunshine by the definition of the WMO
            sunshine += maps["shadow"] * hours
        if progress is not None:
            progress(step + 1)
    length = run.air.average / 3600.0 * run.air.times.size
    data: dict[str, Any] = {}
    for name in names:
        long = OUTPUTS[name]["long_name"]
        told = run.attributes(name)
        above[name][:, ~run.ground] = np.nan
        data[f"{name}_max"] = (("y", "x"), highest[name], {"units": "degC", "long_name": f"{long}, highest", **told})
        mean = (total[name] / length).astype(np.float32)
        data[f"{name}_mean"] = (("y", "x"), mean, {"units": "degC", "long_name": f"{long}, mean", **told})
        attrs = {"units": "h", "long_name": f"{long}, hours at or above the limit", **told}
        data[f"{name}_hours"] = (("threshold", "y", "x"), above[name], attrs)
    if "air_temperature" in names:
        told = run.attributes("air_temperature")
        long = OUTPUTS["air_temperature"]["long_name"]
        data["air_temperature_min"] = (("y", "x"), lowest, {"units": "degC", "long_name": f"{long}, lowest", **told})
        long = "Whole nights (18 to 6 UTC) with at least 20 degC throughout"
        data["tropical_nights"] = (("y", "x"), nights.count(run.ground), {"units": "1", "long_name": long, **told})
    sunshine[~run.ground] = np.nan
    data["sunshine"] = (("y", "x"), sunshine, {"units": "h", "long_name": "Hours of direct sun above 120 W/m2"})
    limit_attrs = {"units": "degC", "long_name": "Limit"}
    return xr.Dataset(data, {"threshold": ("threshold", limits, limit_attrs), **spatial_coordinates(site)})
