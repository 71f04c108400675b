"""The storm of a run: site, rain, sewer and structures handed to ``models.water.flood``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from twin.scenario.indicators import sealed_share
from twin.scenario.parts import WaterRun

if TYPE_CHECKING:
    from models.water.exchange import Source

__all__ = ["rain_dataset", "run_flood"]


def rain_dataset(rain: xr.DataArray) -> xr.Dataset:
    """Return the rain as the dataset a result keeps: ``precipitation`` [mm/h] along ``time``."""
    data = rain.rename("precipitation").to_dataset()
    data.attrs = {k: v for k, v in rain.attrs.items() if k not in ("units", "long_name", "standard_name")}
    return data


def run_flood(
    site: xr.Dataset, rain: xr.DataArray, asked: WaterRun, *, progress: Callable[[float], None]
) -> xr.Dataset:
    """Run the storm of a scenario.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers.
    rain : xarray.DataArray
        Rates [mm/h] along time, stamps at the start of each interval.
    asked : WaterRun
        What the scenario asks for.
    progress : callable
        Told the share that is done.

    Returns
    -------
    xarray.Dataset
        As from ``models.water.flood``; a warning of the model stands in ``attrs["warning"]``.
    """
    from models import water
    from models.water.precipitation import interval_edges

    sources = _sewers(site, asked)
    seconds = float(interval_edges(rain)[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", water.SupercriticalWarning)  # it stands in the attributes, and in the report
        return water.flood(
            site,
            rain,
            duration=seconds + 60.0 * asked.after,
            solver=asked.solver,
            order=asked.order,
            dtype=asked.precision,
            losses=asked.losses,
            sources=sources,
            boundaries=asked.boundary,
            buildings=asked.buildings,
            roof_drainage=asked.roof_drainage,
            fields_every=None if asked.fields_every is None else 60.0 * asked.fields_every,
            progress=progress,
        )


def _sewers(site: xr.Dataset, asked: WaterRun) -> list[Source]:
    """Return what takes water off the streets: a capacity on sealed ground where one is given."""
    from models.water.capacity import CapacitySink

    if asked.sewer_capacity is None:
        return []
    rate = sealed_share(site) * asked.sewer_capacity
    return [CapacitySink(rate=np.where(site["building_id"].values > 0, 0.0, rate))]
