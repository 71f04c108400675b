"""The storm of a run: site, rain, sewer and structures handed to ``models.water.flood``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from twin.city import gaps as gap_table
from twin.city.gaps import GapLog
from twin.city.sewer_network import coupled_sewer
from twin.city.water_structures import underpass_cells, water_works
from twin.scenario.indicators import sealed_share
from twin.scenario.parts import WaterRun

if TYPE_CHECKING:
    from models.water.exchange import Source
    from twin.city.model import City

__all__ = ["rain_dataset", "run_flood"]


def rain_dataset(rain: xr.DataArray) -> xr.Dataset:
    """Return the rain as the dataset a result keeps: ``precipitation`` [mm/h] along ``time``."""
    data = rain.rename("precipitation").to_dataset()
    data.attrs = {k: v for k, v in rain.attrs.items() if k not in ("units", "long_name", "standard_name")}
    return data


def run_flood(
    city: City, site: xr.Dataset, rain: xr.DataArray, asked: WaterRun, *, progress: Callable[[float], None]
) -> xr.Dataset:
    """Run the storm of a scenario.

    Parameters
    ----------
    city : City
        Its sewer, culverts, underpasses and walls take part.
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
        As from ``models.water.flood``; a warning of the model stands in ``attrs["warning"]``, gap rows in ``attrs["gaps"]``.
    """
    from models import water
    from models.water.precipitation import interval_edges

    log = GapLog()
    with ExitStack() as open_networks, warnings.catch_warnings():
        sewers = _sewers(city, site, asked, log, open_networks)
        warnings.simplefilter("ignore", water.SupercriticalWarning)  # it stands in the attributes, and in the report
        found = water.flood(
            site,
            rain,
            duration=float(interval_edges(rain)[-1]) + 60.0 * asked.after,
            solver=asked.solver,
            order=asked.order,
            dtype=asked.precision,
            losses=asked.losses,
            sources=sewers,
            structures=water_works(city, site, log) if asked.structures else [],
            boundaries=asked.boundary,
            buildings=asked.buildings,
            roof_drainage=asked.roof_drainage,
            fields_every=None if asked.fields_every is None else 60.0 * asked.fields_every,
            progress=progress,
        )
        for network in sewers:
            if hasattr(network, "balance"):
                found.attrs |= {f"sewer_{name}": round(value, 6) for name, value in network.balance().items()}
    found = found.assign(underpass_depth=_underpasses(city, site, found))
    found.attrs["gaps"] = gap_table.to_json(log.table())
    return _rated(found, asked.classes)


def _underpasses(city: City, site: xr.Dataset, found: xr.Dataset) -> xr.DataArray:
    """Return the greatest depth [m] in each underpass, by its name."""
    places = underpass_cells(city, site)
    deepest = [float(np.nan_to_num(found["depth_max"].values)[cells].max()) for cells in places.values()]
    attrs = {"units": "m", "long_name": "Greatest depth of water in underpasses"}
    return xr.DataArray(np.array(deepest, dtype=float), {"underpass": list(places)}, ("underpass",), attrs=attrs)


def _rated(found: xr.Dataset, classes: str) -> xr.Dataset:
    """Add the rating of danger to people, and say which class table the depths are shown in."""
    from models import water

    rating = water.hazard(found["depth_max"], found["velocity_max"], product=found["hazard_max"])["hazard_value"]
    rated = found.assign(hazard_rating=rating.astype(np.float32, keep_attrs=True))
    for name in ("depth_max", "depth_end", "depth"):
        if name in rated:
            rated[name].attrs["classes"] = classes
    return rated


def _sewers(city: City, site: xr.Dataset, asked: WaterRun, log: GapLog, opened: ExitStack) -> list[Source]:
    """Return what takes water off the streets: a capacity where one is given, else the city's network where it has one."""
    from models.water.capacity import CapacitySink

    if asked.sewer_capacity is not None:
        rate = sealed_share(site) * asked.sewer_capacity
        return [CapacitySink(rate=np.where(site["building_id"].values > 0, 0.0, rate))]
    network = coupled_sewer(city, site, log) if asked.sewer else None
    if network is None:
        log.add("no_sewer", severity="info", layer="sewer", count=1)
        return []
    opened.callback(network.close)
    return [network]
