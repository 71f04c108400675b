"""The files that a scenario names beside the city: weather and rain, read, and listed with their hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import xarray as xr

from twin.city.model import SOURCE_COLUMNS, City
from twin.scenario.schema import Scenario

__all__ = ["read_rain_of", "read_weather_of", "sources_of"]


def read_weather_of(scenario: Scenario) -> xr.Dataset | None:
    """Return the weather of a scenario; None where it names none."""
    from twin.sensors.weather_files import read_weather

    asked = scenario.weather
    if asked is None:
        return None
    return read_weather(
        scenario.resolve(asked.path),
        columns={name: {"column": c.column, "unit": c.unit} for name, c in asked.columns.items()},
        **asked.model_dump(exclude={"path", "columns"}),
    )


def read_rain_of(scenario: Scenario, site: xr.Dataset) -> xr.DataArray | None:
    """Return the rain of a scenario, rates [mm/h] along time at the middle of its site, or on its cells; None without one."""
    from models.water.storms import design_storm, state_scenario
    from twin.sensors.design_rain import read_kostra, read_rain
    from twin.sensors.rain_rasters import is_rain_raster, read_rain_rasters

    asked = scenario.rain
    if asked is None:
        return None
    if asked.series is not None:
        columns = {name: {"column": c.column, "unit": c.unit} for name, c in asked.columns.items()}
        if is_rain_raster(scenario.resolve(asked.series)):
            own = columns.get("precipitation", {})
            named = {"variable": own.get("column") or None, "unit": own.get("unit") or None}
            return read_rain_rasters(scenario.resolve(asked.series), site, interval=asked.interval, **named)
        return read_rain(
            scenario.resolve(asked.series), columns=columns, utc_offset=asked.utc_offset, interval=asked.interval
        )
    depths = None
    if asked.table is not None:
        middle = {"x": float(site["x"].mean()), "y": float(site["y"].mean()), "crs": site.rio.crs}
        depths = read_kostra(scenario.resolve(asked.table), **middle)
    if asked.scenario is not None:
        collection, _, name = asked.scenario.partition("/")
        storm = state_scenario(collection, name, depths)
    elif depths is not None:
        storm = design_storm(depths, asked.duration, asked.return_period, shape=asked.shape or "euler2")
    else:
        assert asked.depth is not None
        storm = design_storm(asked.depth, asked.duration, shape=asked.shape or "block")
    if depths is not None:
        storm.attrs |= {
            name: depths.attrs[name] for name in ("licence", "attribution", "source") if name in depths.attrs
        }
    return storm


def sources_of(
    scenario: Scenario, city: City, read: Mapping[str, tuple[str, xr.Dataset | xr.DataArray]]
) -> pd.DataFrame:
    """Return the input files of a run, with paths relative to the scenario.

    Parameters
    ----------
    scenario : Scenario
        The run.
    city : City
        Its files come first.
    read : mapping
        Role to (path as written, what was read from it).
    """
    rows = [
        {
            "path": str(scenario.resolve(path)),
            "role": role,
            "sha256": _hash(scenario.resolve(path)),
            "licence": data.attrs.get("licence", ""),
            "attribution": data.attrs.get("attribution", data.attrs.get("source", "")),
            "note": "",
        }
        for role, (path, data) in read.items()
    ]
    table = pd.concat([city.sources, pd.DataFrame(rows)], ignore_index=True)[list(SOURCE_COLUMNS)].fillna("")
    table["path"] = [_relative(path, scenario.folder) for path in table["path"]]
    return table


def _hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files in the order of their names."""
    if path.is_dir():
        listed = [f"{file.name}:{_hash(file)}" for file in sorted(path.iterdir()) if file.is_file()]
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _relative(path: str, folder: Path) -> str:
    """Return a path as seen from the scenario: the same on every machine that holds the files alike."""
    return Path(os.path.relpath(path, folder)).as_posix() if Path(path).is_absolute() or Path(path).exists() else path
