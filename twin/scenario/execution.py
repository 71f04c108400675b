"""One run, step by step: weather, city, grid, geometry, heat, indicators.

The steps stand here in their order and nowhere else; each hands named layers to the next.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from twin.city import gaps as gap_table
from twin.city.model import SOURCE_COLUMNS, City
from twin.errors import InputError
from twin.language import text
from twin.progress import track
from twin.scenario.indicators import afternoon_steps, afternoon_sun, indicators
from twin.scenario.results import Result, plain, with_summary
from twin.scenario.safe_files import check_replaceable
from twin.scenario.schema import Scenario, parse_scenario, read_scenario

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


def _weather(scenario: Scenario) -> xr.Dataset:
    from twin.sensors.weather_files import read_weather

    asked = scenario.weather
    return read_weather(
        scenario.resolve(asked.path),
        columns={name: {"column": c.column, "unit": c.unit} for name, c in asked.columns.items()},
        **asked.model_dump(exclude={"path", "columns"}),
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sources(scenario: Scenario, city: City, weather: xr.Dataset) -> pd.DataFrame:
    """Return the input files of the run, with paths relative to the scenario."""
    file = scenario.resolve(scenario.weather.path)
    row = {
        "path": str(file),
        "role": "weather",
        "sha256": _hash(file),
        "licence": weather.attrs.get("licence", ""),
        "attribution": weather.attrs.get("attribution", weather.attrs.get("source", "")),
        "note": "",
    }
    table = pd.concat([city.sources, pd.DataFrame([row])], ignore_index=True)[list(SOURCE_COLUMNS)].fillna("")
    table["path"] = [_relative(path, scenario.folder) for path in table["path"]]
    return table


def _relative(path: str, folder: Path) -> str:
    """Return a path as seen from the scenario: the same on every machine that holds the files alike."""
    return Path(os.path.relpath(path, folder)).as_posix() if Path(path).is_absolute() or Path(path).exists() else path


def _provenance(scenario: Scenario, sources: pd.DataFrame, site: xr.Dataset) -> dict[str, Any]:
    grid = {
        "cells": [int(site.sizes["y"]), int(site.sizes["x"])],
        "resolution": scenario.resolution,
        "crs": site.rio.crs.to_string() if site.rio.crs is not None else "",
    }
    versions = {name: metadata.version(name) for name in _PACKAGES} | {"python": platform.python_version()}
    inputs = sources[["path", "role", "sha256", "licence"]].to_dict("records")
    return {"versions": versions, "inputs": plain(inputs), "grid": grid}


def _heat(scenario: Scenario, site: xr.Dataset, weather: xr.Dataset, shown: bool) -> xr.Dataset:
    from models import heat

    with _step("geometry", shown):
        geometry = heat.prepare(site)
    steps = weather.sizes["time"]
    with _step("heat", shown, total=steps) as done:
        return heat.simulate(site, weather, geometry=geometry, progress=done, **scenario.run.heat.model_dump())


def run(
    scenario: Scenario | str | PathLike[str],
    *,
    output: str | PathLike[str] | None = None,
    progress: bool = True,
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
    from twin.city.loading import load
    from twin.sensors.weather_clock import require_daylight

    asked = _checked(scenario)
    if output is not None:
        check_replaceable(Path(output).absolute())
    with _step("weather", progress):
        weather = _weather(asked)
    with _step("city", progress):
        city = load(asked.resolve(asked.city), area=asked.area)
    with _step("site", progress):
        site = city.rasterise(resolution=asked.resolution, area=asked.area)
    if min(site.sizes["y"], site.sizes["x"]) < 2:
        raise InputError(text("scenario.too_few_cells", resolution=asked.resolution))
    latitude, longitude = float(site.attrs["latitude"]), float(site.attrs["longitude"])
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise InputError(text("scenario.place_unknown", city=asked.city))
    require_daylight(weather, latitude, longitude)
    heat = _heat(asked, site, weather, progress)
    with _step("indicators", progress):
        sunlit = afternoon_sun(site, weather, afternoon_steps(heat, asked.timezone))
        table = indicators(site, heat, timezone=asked.timezone, sunlit=sunlit)
        summary = with_summary(heat, asked.timezone)
    sources = _sources(asked, city, weather)
    gaps = [gap_table.from_json(str(data.attrs.get("gaps", "[]"))) for data in (site, weather)]
    result = Result(
        name=asked.name,
        scenario=asked,
        datasets={"site": site, "weather": weather, "heat": heat, "summary": summary},
        indicators=table,
        gaps=gap_table.join(city.gaps, *gaps),
        sources=sources,
        provenance=_provenance(asked, sources, site),
        city=city,
    )
    if output is not None:
        result.save(output)
    return result
