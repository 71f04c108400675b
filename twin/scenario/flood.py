"""The storm of a run: site, rain, sewer and structures handed to ``models.water.flood``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from twin.city import gaps as gap_table
from twin.city.gaps import GapLog
from twin.city.sewer_network import coupled_sewer
from twin.city.water_structures import underpass_cells, water_works
from twin.errors import InputError
from twin.language import text
from twin.scenario.blue_green import BlueGreen, blue_green, kept
from twin.scenario.indicators import sealed_share
from twin.scenario.parts import WaterRun

if TYPE_CHECKING:
    from models.water import Rain, Retention
    from models.water.exchange import Source
    from models.water.losses import Losses
    from twin.city.model import City

__all__ = ["rain_dataset", "run_flood"]

_HOUSE_REACH = 100.0
"""Longest way [m] from a house to its manhole; roofs farther away are taken to drain to their plot."""
_LEAVES = 0.9
"""Share of the ground that leaves cover inside a crown."""


def rain_dataset(rain: xr.DataArray) -> xr.Dataset:
    """Return the rain as the dataset a result keeps: ``precipitation`` [mm/h] along ``time``, of rasters the mean of the area."""
    if rain.ndim == 3:
        rain = rain.mean(("y", "x"), keep_attrs=True).assign_attrs(long_name="Rain rate, mean of the area")
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
        works = (
            blue_green(city, site, log, ground_rate=asked.ground_rate)
            if asked.measures
            else BlueGreen(np.zeros(site["building_id"].shape, dtype=bool))
        )
        retention = works.retention()
        sewers = _sewers(city, site, asked, log, open_networks)
        source = _rain(site, rain, asked, works, sewers, log)
        losses = _losses(site, source, asked, retention, log)
        warnings.simplefilter("ignore", water.SupercriticalWarning)  # it stands in the attributes, and in the report
        found = water.flood(
            site,
            source,
            duration=float(interval_edges(rain)[-1]) + 60.0 * asked.after,
            solver=asked.solver,
            order=asked.order,
            dtype=asked.precision,
            losses=losses,
            sources=[*([] if retention is None else [retention]), *sewers],
            structures=water_works(city, site, log) if asked.structures else [],
            boundaries=asked.boundary,
            buildings=asked.buildings,
            fields_every=None if asked.fields_every is None else 60.0 * asked.fields_every,
            progress=progress,
        )
        for network in sewers:
            if hasattr(network, "balance"):
                found.attrs |= {f"sewer_{name}": round(value, 6) for name, value in network.balance().items()}
    found = found.assign(underpass_depth=_underpasses(city, site, found))
    found = found.merge(kept(city, works, retention, source), combine_attrs="override")
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


def _rain(
    site: xr.Dataset, rain: xr.DataArray, asked: WaterRun, works: BlueGreen, sewers: list[Source], log: GapLog
) -> Rain:
    """Return the rain with its way through crowns and off the roofs."""
    from models import water

    crowns = None
    if asked.interception and "canopy_height" in site and bool((site["canopy_height"].values > 0).any()):
        crowns = water.crown_storage(site, cover=_LEAVES)
    options: dict[str, Any] = {"interception": crowns, "crown_cover": _LEAVES if crowns is not None else 1.0}
    numbers = np.unique(site["building_id"].values)
    numbers = numbers[numbers > 0]
    if asked.buildings != "closed" or not numbers.size:
        return water.Rain(rain, site if numbers.size else None, **options)
    led: str | dict[int, str] = asked.roof_drainage
    if led == "swale" and not works.hollows.any():
        raise InputError(text("scenario.no_swale"))
    if led == "sewer":
        led = _to_sewer(site, numbers, sewers, log)
    return water.Rain(
        rain, site, roof_drainage=led, cistern=works.cisterns or 0.0, green_roofs=works.green_roofs,
        swales=works.hollows if works.hollows.any() else None, **options,
    )  # fmt: skip


def _to_sewer(site: xr.Dataset, numbers: np.ndarray, sewers: list[Source], log: GapLog) -> str | dict[int, str]:
    """Return which roofs drain to the sewer: all without a network, those near a manhole with one."""
    from scipy.spatial import cKDTree

    from models.water import Sewer

    network = next((one for one in sewers if isinstance(one, Sewer)), None)
    if network is None:
        log.add("roof_water_leaves", severity="info", layer="sewer", count=len(numbers))
        return "sewer"
    lids = network.inlets.loc[network.inlets["state"] == "coupled", ["row", "column"]].to_numpy(float)
    rows, columns = np.nonzero(site["building_id"].values)
    size = float(site["x"].values[1] - site["x"].values[0])
    way = cKDTree(lids).query(np.column_stack([rows, columns]))[0] * size
    nearest = np.full(int(numbers.max()) + 1, np.inf)
    np.minimum.at(nearest, site["building_id"].values[rows, columns], way)
    far = numbers[nearest[numbers] > _HOUSE_REACH].tolist()
    log.add(
        "roof_water_far", severity="default", layer="sewer", count=len(far), of=len(numbers), places=far,
        source=network.file, default=f"{_HOUSE_REACH:g} m",
    )  # fmt: skip
    return {0: "sewer"} | dict.fromkeys(far, "downpipe")


def _losses(site: xr.Dataset, rain: Rain, asked: WaterRun, retention: Retention | None, log: GapLog) -> Losses | None:
    """Return what the ground takes; measures take for themselves on their cells."""
    from models import water

    if asked.losses == "none":
        return None
    if "soil_class" not in site:
        log.add("soil_assumed", severity="default", layer="soil_class", count=1, default=asked.soil)
    method = None if asked.losses == "default" else asked.losses
    rows, columns = site["building_id"].shape
    covered = None if retention is None else retention.covers((rows, columns))
    return water.Losses(site, rain=rain, method=method, soil=asked.soil, without=covered)


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
