"""The tables [weather] and [rain] of a scenario file: files, or the observation store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from models.layers import read_table
from twin.language import text
from twin.scenario.part import Part

__all__ = ["Column", "ColumnSource", "RainSource", "StorePart", "WeatherSource"]


class ColumnSource(Part):
    """A weather column with its unit."""

    column: str = Field(description="Column name as it stands in the header row.")
    unit: str = Field(default="", description="Unit, for example 'kPa'.")


def _as_column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Column = Annotated[ColumnSource, BeforeValidator(_as_column, json_schema_input_type=str | ColumnSource)]
"""A weather column: its name alone, or with its unit."""


class StorePart(Part):
    """What [weather] and [rain] may say of an observation store."""

    store: str | None = Field(
        default=None, description="Observation store: sqlite:///obs.db, a path, or postgresql://user@host/database."
    )
    stations: tuple[str, ...] = Field(
        default=(), description="Stations of the store that answer; by default all, the best class first."
    )
    near: tuple[float, float] | None = Field(
        default=None, description="Longitude, latitude: only stations around this place answer."
    )
    within: float = Field(default=30.0, gt=0, le=1000, description="How far they may stand from it [km].")
    day: dt.date | Literal["now"] | None = Field(
        default=None, description="Day (UTC) of the store to use; 'now' = the 24 whole hours before now."
    )
    start: dt.datetime | None = Field(default=None, description="First stamp to use (UTC).")
    end: dt.datetime | None = Field(default=None, description="Last stamp to use (UTC).")

    @field_validator("store")
    @classmethod
    def _no_secret(cls, value: str | None) -> str | None:
        if value is not None and "@" in value and ":" in value.split("://")[-1].rsplit("@", 1)[0]:
            raise ValueError(text("scenario.store_secret"))
        return value

    @model_validator(mode="after")
    def _store_words(self) -> Any:
        given = self.said("stations", "near", "within", "day")
        if self.store is None and given:
            raise ValueError(text("scenario.store_only", given=", ".join(given)))
        spans = self.day is not None, self.start is not None and self.end is not None
        if self.store is not None and not getattr(self, "path", None) and (
            sum(spans) != 1 or (self.day is not None and (self.start or self.end))
        ):  # fmt: skip
            raise ValueError(text("scenario.store_span"))
        return self

    def said(self, *names: str) -> list[str]:
        """Return those of some keys that differ from their defaults: a saved scenario names all."""
        fields = type(self).model_fields
        return [name for name in names if getattr(self, name) != fields[name].get_default(call_default_factory=True)]

    def store_file(self) -> str | None:
        """Return the path of an SQLite store as written; None for a server, or without a store."""
        if self.store is None or not ("://" not in self.store or self.store.startswith("sqlite")):
            return None
        return self.store.split(":///", 1)[-1]

    def span(self) -> tuple[dt.datetime, dt.datetime] | None:
        """Return the first and last stamp asked for (UTC); None where the file beside the store says it."""
        from twin.sensors.weather_store import last_day

        if self.day == "now":
            return last_day()
        if isinstance(self.day, dt.date):
            begin = dt.datetime.combine(self.day, dt.time())
            return begin + dt.timedelta(hours=1), begin + dt.timedelta(days=1)
        if self.start is not None and self.end is not None:
            return self.start, self.end
        return None

    def address(self, folder: Path) -> str | None:
        """Return the address of the store; that of a file is relative to the folder of the scenario."""
        file = self.store_file()
        return self.store if file is None else f"sqlite:///{(folder / Path(file).expanduser()).resolve()}"


class WeatherSource(StorePart):
    """[weather]: the weather file and what its stamps mean, or the store it comes from."""

    path: str | None = Field(
        default=None, description="CSV, UMEP or EPW file; beside a store it gives what the store does not measure."
    )
    interval: Literal["end", "start", "instant"] | None = Field(
        default=None, description="What a time stamp means; needed unless the file says it."
    )
    utc_offset: float | None = Field(
        default=None, ge=-12, le=14, description="Hours that the file's clock is ahead of UTC."
    )
    year: int | None = Field(default=None, ge=1900, le=2200, description="Calendar year for a typical-year EPW file.")
    separator: str | None = Field(default=None, description="Column separator, where it is not recognised.")
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign, where it is not recognised.")
    wind_height: float | None = Field(default=None, gt=0, le=300, description="Height of the wind measurement [m].")
    fill: int = Field(
        default=1, ge=0, le=6, description="Gaps of the store of at most so many hours are filled on a straight line."
    )
    columns: dict[str, Column] = Field(
        default_factory=dict, description="Our name to column name, or to {column, unit}."
    )

    @model_validator(mode="after")
    def _some_origin(self) -> WeatherSource:
        if self.path is None and self.store is None:
            raise ValueError(text("scenario.weather_origin"))
        return self

    @model_validator(mode="after")
    def _file_words(self) -> WeatherSource:
        given = self.said("interval", "utc_offset", "year", "separator", "decimal", "columns")
        if self.path is None and given:
            raise ValueError(text("scenario.path_only", given=", ".join(given)))
        return self

    def origin(self) -> str:
        """Return where the weather comes from, as written."""
        return self.path or self.store or ""

    def files(self, table: str) -> list[tuple[str, str | None]]:
        """Return the files named here: (where in the scenario, path as written)."""
        return [(f"[{table}] path", self.path), (f"[{table}] store", self.store_file())]


class RainSource(StorePart):
    """[rain]: the rain of a storm: a table of design rain, a depth, a named scenario, or a measured series."""

    table: str | None = Field(
        default=None,
        description="KOSTRA-DWD-2020 as delivered (zip, folder), or a CSV of depths by duration and return period.",
    )
    return_period: float | None = Field(default=None, gt=0, le=1000, description="Return period of the storm [a].")
    depth: float | None = Field(default=None, gt=0, le=2000, description="Depth of the storm [mm], without a table.")
    duration: float = Field(default=60.0, gt=0, le=10080, description="Duration of the storm [min].")
    shape: Literal["euler2", "euler1", "block", "dvwk"] | None = Field(
        default=None, description="Course of the storm; by default Euler type II with a table, a block with a depth."
    )
    scenario: str | None = Field(
        default=None, description="Named scenario of a state, such as 'nrw_2018/extreme' or 'bkg/exceptional'."
    )
    series: str | None = Field(
        default=None,
        description="File of a measured rain: CSV with a precipitation column, NetCDF, or a folder of GeoTIFFs or radar composites.",
    )
    columns: dict[str, Column] = Field(default_factory=dict, description="Columns of the series, as in [weather].")
    utc_offset: float | None = Field(default=None, ge=-12, le=14, description="Hours that its clock is ahead of UTC.")
    interval: Literal["end", "start"] | None = Field(default=None, description="What a stamp of the series means.")

    @model_validator(mode="after")
    def _one_origin(self) -> RainSource:
        table = self.table if self.scenario is None else None
        given = {
            "table": table, "depth": self.depth, "scenario": self.scenario, "series": self.series, "store": self.store,
        }  # fmt: skip
        named = [name for name, value in given.items() if value is not None]
        if len(named) != 1:
            raise ValueError(text("scenario.rain_origin", given=", ".join(named) or "-"))
        if named == ["table"] and self.return_period is None:
            raise ValueError(text("scenario.rain_return_period"))
        if self.scenario is not None and self.scenario not in _named_storms():
            raise ValueError(text("scenario.rain_scenario", value=self.scenario, allowed=", ".join(_named_storms())))
        if self.depth is not None and self.shape not in (None, "block", "dvwk"):
            raise ValueError(text("scenario.rain_shape", shape=self.shape))
        if self.store is None and (self.start or self.end):
            raise ValueError(text("scenario.store_only", given="start, end"))
        return self


def _named_storms() -> list[str]:
    rows = read_table("models.water", "state_scenarios.csv")
    return [f"{row['collection']}/{row['scenario']}" for row in rows]
