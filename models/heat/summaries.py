"""A day in a few maps: hottest, mean, hours above the limits, hours of sun; no hour is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import xarray as xr

from models.heat.geometry import spatial_coordinates
from models.heat.stepping import OUTPUTS, Run, wanted

__all__ = ["summarise"]


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
        Of "tmrt", "utci", "pet", "surface_temperature".
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
        limits, and ``sunshine`` [h]; float32, NaN on buildings.

    Examples
    --------
    >>> day = summarise(site, weather)                        # doctest: +SKIP
    >>> day.utci_hours.sel(threshold=32.0).plot()             # doctest: +SKIP
    """
    names = wanted(outputs, ("tmrt", "utci", "pet", "surface_temperature"))
    limits = np.array(sorted(thresholds), dtype=float)
    run = Run(site, weather, **options)
    highest = {n: np.full(run.shape, -np.inf, np.float32) for n in names}
    total = {n: np.zeros(run.shape) for n in names}
    above = {n: np.zeros((limits.size, *run.shape), np.float32) for n in names}
    sunshine = np.zeros(run.shape, np.float32)
    for step, maps in enumerate(run.steps((*names, "shadow"))):
        hours = np.float32(run.air.average / 3600.0)
        for name in names:
            np.maximum(highest[name], maps[name], out=highest[name])
            total[name] += maps[name] * hours
            for number, limit in enumerate(limits):
                above[name][number] += (maps[name] >= limit) * hours
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
    sunshine[~run.ground] = np.nan
    data["sunshine"] = (("y", "x"), sunshine, {"units": "h", "long_name": "Hours of direct sun above 120 W/m2"})
    limit_attrs = {"units": "degC", "long_name": "Limit"}
    return xr.Dataset(data, {"threshold": ("threshold", limits, limit_attrs), **spatial_coordinates(site)})
