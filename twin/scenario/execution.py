"""One run, step by step: weather, city, grid, geometry, heat, indicators.

The steps stand here in their order and nowhere else; each hands named layers to the next.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import xarray as xr

from twin.city import gaps as gap_table
from twin.city.model import City
from twin.errors import InputError
from twin.language import text
from twin.progress import track
from twin.scenario.exposure import exposed
from twin.scenario.flood import rain_dataset, run_flood
from twin.scenario.flood_indicators import exposure_indicators, flood_indicators
from twin.scenario.geometry_cache import geometry_of
from twin.scenario.indicators import afternoon_steps, afternoon_sun, heat_indicators, site_indicators
from twin.scenario.inputs import read_rain_of, read_weather_of, sources_of
from twin.scenario.parts import HeatRun, WaterRun
from twin.scenario.place_indicators import place_indicators
from twin.scenario.planned import planned_city, planned_site
from twin.scenario.reality import compared, read_measurements
from twin.scenario.results import Check, Result, plain, with_summary
from twin.scenario.safe_files import claimed
from twin.scenario.schema import Scenario, parse_scenario, read_scenario
from twin.scenario.tiles_run import Tiled, tiled, tiles_offered, work_folder
from twin.scenario.watering import run_watering, tree_sources
from twin.scenario.ways import mobility_sources, run_mobility

__all__ = ["run"]

_PACKAGES = ("urban-twin", "numpy", "numba", "xarray", "pvlib", "pyproj", "rasterio", "shapely")


@contextmanager
def _step(name: str, shown: bool, total: float | None = None) -> Iterator[Callable[[float], None]]:
    if not shown:
        yield lambda _done: None
        return
    with track(text(f"scenario.step_{name}"), total=total) as done:
        yield done


def _checked(scenario: Scenario | str | PathLike[str]) -> Scenario:
    if not isinstance(scenario, Scenario):
        return read_scenario(scenario)
    return parse_scenario(scenario.model_dump(exclude_unset=True), file=scenario.file)


def _provenance(scenario: Scenario, sources: pd.DataFrame, site: xr.Dataset) -> dict[str, Any]:
    grid = {
        "cells": [int(site.sizes["y"]), int(site.sizes["x"])],
        "resolution": scenario.resolution,
        "crs": site.rio.crs.to_string() if site.rio.crs is not None else "",
    }
    versions = {name: metadata.version(name) for name in _PACKAGES} | {"python": platform.python_version()}
    inputs = sources[["path", "role", "sha256", "licence"]].to_dict("records")
    return {"versions": versions, "inputs": plain(inputs), "grid": grid}


def _place(site: xr.Dataset, city: str) -> tuple[float, float]:
    """Return latitude and longitude [deg] of a site, or say that it has none."""
    latitude, longitude = float(site.attrs["latitude"]), float(site.attrs["longitude"])
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise InputError(text("scenario.place_unknown", city=city))
    return latitude, longitude


Found = tuple[dict[str, xr.Dataset], pd.DataFrame]
"""What one physics has found: its datasets, and its rows of the indicator table."""


def _heat(
    scenario: Scenario, asked: HeatRun, site: xr.Dataset, weather: xr.Dataset, tiles: Tiled | None, shown: bool
) -> Found:
    """Run the heat model, in tiles or in one piece: datasets ``heat`` and ``summary``."""
    from models import heat
    from twin.sensors.weather_clock import require_daylight

    require_daylight(weather, *_place(site, scenario.city))
    if tiles is not None:
        with _step("tiles", shown, total=1.0) as done:
            found = tiles.heat(site, weather, asked, sky_view=scenario.run.trees is not None, done=done)
    else:
        with tiles_offered(), _step("geometry", shown):
            geometry = geometry_of(site)
        with tiles_offered(), _step("heat", shown, total=weather.sizes["time"]) as done:
            found = heat.simulate(site, weather, geometry=geometry, progress=done, **asked.model_dump())
    with _step("indicators", shown):
        sunlit = afternoon_sun(site, weather, afternoon_steps(found, scenario.timezone))
        table = heat_indicators(site, found, timezone=scenario.timezone, sunlit=sunlit)
        table = pd.concat([table, place_indicators(site, heat=found)], ignore_index=True)
        summary = with_summary(found, scenario.timezone)
    return {"heat": found, "summary": summary}, table


def _check(scenario: Scenario, city: City, measured: pd.DataFrame | None, datasets: dict[str, xr.Dataset]) -> Check:
    """Compare the run with what stations have measured, where the scenario names a table of it."""
    if measured is None or "heat" not in datasets:
        return Check()
    return Check(compared(measured, city, datasets["heat"], where=str(scenario.measurements)))


def _flood(asked: WaterRun, city: City, site: xr.Dataset, rain: xr.DataArray, shown: bool) -> Found:
    """Run the storm: datasets ``rain`` and ``water``."""
    with _step("flood", shown, total=1.0) as done:
        found = run_flood(city, site, rain, asked, progress=done)
    with _step("indicators", shown):
        table = flood_indicators(site, found)
    return {"rain": rain_dataset(rain), "water": found}, table


def run(
    scenario: Scenario | str | PathLike[str],
    *,
    output: str | PathLike[str] | None = None,
    progress: bool = True,
    workers: int | None = None,
    scheduler: str | None = None,
    work: str | PathLike[str] | None = None,
) -> Result:
    """Run a scenario and return its result.

    Parameters
    ----------
    scenario : path or Scenario
        Scenario file, or a scenario made in Python.
    output : path, optional
        Folder to save the result in; without it nothing is written.
    progress : bool
        Whether bars are shown in terminals and notebooks.
    workers : int, optional
        Run heat in tiles, with so many processes of this machine: for a city that does not fit into memory in one piece.
        The numbers are those of a run in one piece, to the last bit; storms and trees are run whole.
    scheduler : str, optional
        Run heat in tiles on a Dask cluster: the address of its scheduler.
    work : path, optional
        Where tiles lie until the result is saved; by default beside ``output``. A run that was cut off goes on there.

    Returns
    -------
    Result
        Layers, indicators, gaps and sources of the run.

    Raises
    ------
    InputError
        If the scenario, the weather or the city is unusable; nothing has been written then.

    Examples
    --------
    >>> result = run("data/samples/hitzetag.toml")  # doctest: +SKIP
    >>> result.show()  # doctest: +SKIP
    """
    asked = _checked(scenario)
    with ExitStack() as held:
        if output is not None:
            held.enter_context(claimed(Path(output)))
            work = work or work_folder(output)
        tiles = held.enter_context(tiled(workers, scheduler, work))
        result = _run(asked, tiles, progress)
        if output is not None:
            result.save(output)
        return result if output is None or tiles is None else tiles.handed_over(result, output)


def _run(asked: Scenario, tiles: Tiled | None, progress: bool) -> Result:
    """Take the steps of a run in their order."""
    from twin.city.loading import load

    with _step("weather", progress):
        weather = read_weather_of(asked)
    measured = read_measurements(asked.resolve(asked.measurements)) if asked.measurements is not None else None
    with _step("city", progress):
        city = load(asked.resolve(asked.city), area=asked.area)
    with _step("measures", progress and bool(asked.measure)):
        city, measures = planned_city(asked, city)
    with _step("site", progress):
        site = planned_site(asked, city)
    datasets: dict[str, xr.Dataset] = {"site": site}
    tables: list[pd.DataFrame] = [site_indicators(site), place_indicators(site, city)]
    features: dict[str, gpd.GeoDataFrame] = {}
    read: dict[str, tuple[str, xr.Dataset | xr.DataArray]] = {}
    if asked.weather is not None and weather is not None:
        datasets["weather"], read["weather"] = weather, (asked.weather.origin(), weather)
    if asked.run.heat is not None and weather is not None:
        found, table = _heat(asked, asked.run.heat, site, weather, tiles, progress)
        datasets |= found
        tables.append(table)
    if asked.run.water is not None:
        with _step("rain", progress):
            rain = read_rain_of(asked, site)
        if rain is not None and asked.rain is not None:
            named = asked.rain.table or asked.rain.series or asked.rain.store
            read |= {"rain": (named, rain)} if named is not None else {}
            found, table = _flood(asked.run.water, city, site, rain, progress)
            datasets |= found
            tables.append(table)
            features = exposed(city, site, found["water"])
            tables.append(exposure_indicators(features))
    if asked.run.trees is not None:
        with _step("trees", progress):
            geometry = None if "heat" not in datasets else tiles.sky if tiles is not None else geometry_of(site)
            place = _place(site, asked.city)
            watered, table, of_trees = run_watering(asked, asked.run.trees, city, site, place, geometry)
        datasets |= watered
        tables.append(table)
        features = features | of_trees
        read |= {role: (path, xr.Dataset()) for role, path in tree_sources(asked.run.trees)}
    if asked.run.mobility is not None:
        with _step("mobility", progress):
            walked, table, of_ways = run_mobility(asked, asked.run.mobility, city, site, datasets)
        datasets |= walked
        tables.append(table)
        features = features | of_ways
        read |= {role: (path, xr.Dataset()) for role, path in mobility_sources(asked.run.mobility)}
    sources = sources_of(asked, city, read)
    gaps = [gap_table.from_json(str(data.attrs.get("gaps", "[]"))) for data in datasets.values()]
    return Result(
        name=asked.name,
        scenario=asked,
        datasets=datasets,
        indicators=pd.concat(tables, ignore_index=True),
        gaps=gap_table.join(city.gaps, *gaps),
        sources=sources,
        provenance=_provenance(asked, sources, site),
        check=_check(asked, city, measured, datasets),
        measures=measures,
        features=features,
        city=city,
    )
