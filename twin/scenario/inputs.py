"""What a scenario names beside the city: weather and rain from files or the store, read, and listed with hashes."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from twin.city import gaps as gap_table
from twin.city.gaps import GapLog
from twin.city.model import SOURCE_COLUMNS, City
from twin.errors import InputError
from twin.language import text
from twin.scenario.schema import Scenario
from twin.scenario.weather_parts import RainSource, StorePart, WeatherSource

if TYPE_CHECKING:
    from twin.sensors.store import SensorStore
    from twin.sensors.weather_store import Stations

__all__ = ["read_rain_of", "read_weather_of", "sources_of", "weather_from"]


def read_weather_of(scenario: Scenario) -> xr.Dataset | None:
    """Return the weather of a scenario; None where it names none."""
    return weather_from(scenario, scenario.weather) if scenario.weather is not None else None


def weather_from(scenario: Scenario, asked: WeatherSource, names: Sequence[str] | None = None) -> xr.Dataset:
    """Return the weather of a file, of the observation store, or of a file whose values the store replaces.

    Parameters
    ----------
    scenario : Scenario
        Its folder is where paths begin.
    asked : WeatherSource
        Where the weather comes from.
    names : sequence of str, optional
        Variables that must be there without a gap; by default those the heat model needs.
    """
    if asked.path is None:
        return _of_store(scenario, asked, asked.span(), names)
    from twin.sensors.weather_files import read_weather

    span = asked.span() or (asked.start, asked.end)
    words = asked.model_dump(include={"interval", "utc_offset", "year", "separator", "decimal", "wind_height"})
    weather = read_weather(
        scenario.resolve(asked.path),
        columns={name: {"column": c.column, "unit": c.unit} for name, c in asked.columns.items()},
        start=span[0],
        end=span[1],
        names=names,
        **words,
    )
    return weather if asked.store is None else _with_measured(scenario, asked, weather)


def _of_store(
    scenario: Scenario,
    asked: WeatherSource,
    span: tuple[dt.datetime, dt.datetime] | None,
    names: Sequence[str] | None,
    otherwise: str = "derived by the model",
) -> xr.Dataset:
    from twin.sensors.weather_store import read_store_weather

    assert span is not None  # tested with the file
    with _store(asked.address(scenario.folder) or "") as store:
        return read_store_weather(
            store,
            *span,
            stations=_stations(asked),
            names=names,
            fill=asked.fill,
            wind_height=asked.wind_height,
            otherwise=otherwise,
            name=asked.store,
        )


def _store(address: str) -> SensorStore:
    """Return the observation store of an address, or say what has to be installed for it."""
    try:
        from twin.sensors.store import SensorStore
    except ModuleNotFoundError as error:
        raise InputError(text("sensors.driver_missing", name=error.name)) from None
    return SensorStore(address)


def _stations(asked: StorePart) -> Stations:
    from twin.sensors.weather_store import Stations

    return Stations(asked.stations, asked.near, asked.within)


def _with_measured(scenario: Scenario, asked: WeatherSource, weather: xr.Dataset) -> xr.Dataset:
    """Return the weather of a file in which all that the store has measured takes the place of the file's values."""
    file = str(weather.attrs["source_file"])
    if weather.attrs["interval"] != "end" or weather.attrs["step_seconds"] != 3600.0:
        raise InputError(text("scenario.store_beside", file=file))
    first, last = (pd.Timestamp(weather["time"].values[at]).to_pydatetime() for at in (0, -1))
    measured = _of_store(scenario, asked, (first, last), (), f"from {file}")
    names = [str(name) for name in measured.data_vars]
    if not names:
        raise InputError(text("scenario.store_nothing", store=asked.store, start=first, end=last))
    log = GapLog()
    kept = [str(name) for name in weather.data_vars if name not in names]
    for name in kept:
        log.add("weather_store_from_file", layer="weather", severity="default", count=len(weather["time"]),
                of=len(weather["time"]), source=file, default=file, variable=name)  # fmt: skip
    together = weather.assign({name: ("time", measured[name].values, measured[name].attrs) for name in names})
    rows = [gap_table.from_json(str(data.attrs["gaps"])) for data in (weather, measured)]
    together.attrs |= {name: measured.attrs[name] for name in ("store", "store_sha256")}
    together.attrs["gaps"] = gap_table.to_json(gap_table.join(*rows, log.table()))
    return together


def read_rain_of(scenario: Scenario, site: xr.Dataset) -> xr.DataArray | None:
    """Return the rain of a scenario, rates [mm/h] along time at the middle of its site, or on its cells; None without one."""
    from models.water.storms import design_storm, state_scenario
    from twin.sensors.design_rain import read_kostra, read_rain
    from twin.sensors.rain_rasters import is_rain_raster, read_rain_rasters

    asked = scenario.rain
    if asked is None:
        return None
    if asked.store is not None:
        return _gauged(scenario, asked)
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


def _gauged(scenario: Scenario, asked: RainSource) -> xr.DataArray:
    """Return what the gauges of a store have measured."""
    from twin.sensors.weather_store import read_store_rain

    span = asked.span()
    assert span is not None  # tested with the file
    with _store(asked.address(scenario.folder) or "") as store:
        return read_store_rain(store, *span, stations=_stations(asked), name=asked.store)


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
    rows = [row for role, (path, data) in read.items() for row in _rows(scenario, role, path, data)]
    table = pd.concat([city.sources, pd.DataFrame(rows)], ignore_index=True)[list(SOURCE_COLUMNS)].fillna("")
    table["path"] = [_relative(path, scenario.folder) for path in table["path"]]
    return table


def _rows(scenario: Scenario, role: str, path: str, data: xr.Dataset | xr.DataArray) -> list[dict[str, str]]:
    """Return the rows of what was read: a file by its hash, a store by that of the values it gave."""
    rows = []
    store = str(data.attrs.get("store", ""))
    if path != store:
        attribution = data.attrs.get("attribution", data.attrs.get("source", ""))
        rows.append(
            {
                "path": str(scenario.resolve(path)),
                "role": role,
                "sha256": _hash(scenario.resolve(path)),
                "licence": data.attrs.get("licence", ""),
                "attribution": attribution,
                "note": "",
            }
        )
    if store:
        measured = {"path": store, "role": f"{role}.store" if rows else role, "sha256": data.attrs["store_sha256"]}
        rows.append(measured | {"licence": "", "attribution": "", "note": ""})
    return rows


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
