"""The parts of a scenario file: weather, rain, the physics with their options, and the hand-outs.

Each class is one table of the file; its fields are the keys, their descriptions stand in ``twin schema``.
"""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import Field, field_validator, model_validator

from models.layers import read_table
from twin.language import text
from twin.scenario.mobility_parts import MobilityRun, RoutePart
from twin.scenario.part import Part
from twin.scenario.weather_parts import ColumnSource, RainSource, WeatherSource

__all__ = [
    "ColumnSource",
    "HandOuts",
    "HeatRun",
    "MobilityRun",
    "Part",
    "PopulationSource",
    "RainSource",
    "RoutePart",
    "Runs",
    "ToursPart",
    "TreesRun",
    "TruckPart",
    "WaterRun",
    "WeatherSource",
]


class PopulationSource(Part):
    """[population]: where people live, so that indicators count persons."""

    path: str = Field(description="Polygons (vector file), or CSV of a census grid with columns x, y.")
    column: str = Field(default="persons", description="Column with the number of persons.")
    cell: float = Field(default=100.0, gt=0, le=10000, description="Side of the squares of a CSV [m].")
    crs: str | None = Field(default=None, description="Reference system of a CSV, such as EPSG:3035.")


class HeatRun(Part):
    """[run.heat]: heat stress at street level."""

    outputs: tuple[
        Literal["tmrt", "utci", "pet", "pt", "wbgt", "air_temperature", "shadow", "surface_temperature"], ...
    ] = Field(
        default=("tmrt", "utci"),
        min_length=1,
        description="Layers: mean radiant temperature, UTCI, PET, perceived temperature, WBGT, air temperature, "
        "sunlit fraction, ground temperature.",
    )
    posture: Literal["standing", "sitting"] = Field(default="standing", description="Posture of the person.")
    sky: Literal["perez", "isotropic"] = Field(default="perez", description="How diffuse radiation is spread.")
    split: Literal["reindl", "erbs"] = Field(default="reindl", description="How global radiation is split.")
    longwave: Literal["jonsson", "prata"] = Field(
        default="jonsson", description="Longwave radiation of the clear sky, with or without the correction for towns."
    )
    wind: Literal["station", "local"] = Field(
        default="station",
        description="Wind of the comfort indices: that of the weather, or slowed by what stands around.",
    )
    air: Literal["station", "local"] = Field(
        default="station",
        description="Air temperature: that of the weather, or of each cell (needs the weather of a whole day).",
    )
    pet_variant: Literal["walther_goestchel", "umep_memi"] = Field(
        default="walther_goestchel", description="Form of PET: corrected (2018), or that of older codes."
    )
    wall: str = Field(default="brick", description="Material of the walls (models/heat/tables/wall.csv).")

    @field_validator("wall")
    @classmethod
    def _wall_known(cls, value: str) -> str:
        known = [row["name"] for row in read_table("models.heat", "wall.csv")]
        if value not in known:
            raise ValueError(text("scenario.wall_unknown", value=value, allowed=", ".join(known)))
        return value


class WaterRun(Part):
    """[run.water]: a storm on the ground: where water runs, how deep, how fast."""

    solver: Literal["inertial", "shallow_water"] = Field(
        default="inertial", description="Flow solver: local inertial (fast), or the full shallow water equations."
    )
    order: Literal[1, 2] = Field(default=1, description="Order of the shallow water solver.")
    after: float = Field(default=60.0, ge=0, le=10080, description="Time simulated after the end of the rain [min].")
    losses: Literal["default", "green_ampt", "horton", "scs_cn", "none"] = Field(
        default="default", description="What ground and crowns take; default = by land cover (losses.csv)."
    )
    buildings: Literal["closed", "blocks", "holes"] = Field(
        default="closed", description="Buildings as closed faces with drained roofs, as raised blocks, or as holes."
    )
    roof_drainage: Literal["downpipe", "sewer", "garden", "swale", "none"] = Field(
        default="downpipe", description="Where the rain of closed buildings' roofs goes."
    )
    interception: bool = Field(default=True, description="Tree crowns keep the first rain.")
    soil: str = Field(
        default="loam",
        description="Soil where the city has no soil_class (models/water/tables/infiltration_soils.csv).",
    )
    measures: bool = Field(
        default=True, description="Swales, trenches, paving, green roofs and cisterns take up water with their layers."
    )
    ground_rate: float | None = Field(
        default=None, ge=0, le=5000, description="What the ground below such measures takes [mm/h]; else 18 mm/h."
    )
    boundary: Literal["open", "closed"] = Field(default="open", description="Whether water leaves at the edges.")
    sewer_capacity: float | None = Field(
        default=None, gt=0, le=200, description="What the sewer takes from sealed ground [mm/h], without a network."
    )
    sewer: bool = Field(default=True, description="Couple the city's sewer network, where it has one.")
    structures: bool = Field(default=True, description="Use the city's culverts, underpasses and walls.")
    precision: Literal["float32", "float64"] = Field(default="float32", description="Numbers of the flow.")
    fields_every: float | None = Field(
        default=None, gt=0, description="Keep the depth of every so many minutes, for animations [min]."
    )
    classes: Literal["nrw", "lubw", "ulm", "essen"] = Field(
        default="nrw", description="Whose depth classes the maps show (models/water/tables/hazard_classes.csv)."
    )

    @field_validator("soil")
    @classmethod
    def _soil_known(cls, value: str) -> str:
        known = [row["name"] for row in read_table("models.water", "infiltration_soils.csv")]
        if value not in known:
            raise ValueError(text("scenario.soil_unknown", value=value, allowed=", ".join(known)))
        return value


class TruckPart(Part):
    """[[run.trees.tours.vehicles]]: trucks that bring water."""

    name: str = Field(min_length=1, description="Name, as it stands on the driver's list.")
    capacity: float = Field(gt=0, le=50000, description="Tank [L].")
    count: int = Field(default=1, ge=1, le=200, description="How many of this kind.")
    shift: float = Field(default=8.0, gt=0, le=24, description="Longest shift [h].")
    start: float = Field(default=7.0, ge=0, lt=24, description="Start of the shift [hour of the day, local].")
    refills: int = Field(default=8, ge=0, le=50, description="Most refills in a shift.")


class ToursPart(Part):
    """[run.trees.tours]: the round that brings the litres of the first days."""

    depot: tuple[float, float] = Field(description="Yard: east, north [m].")
    vehicles: tuple[TruckPart, ...] = Field(min_length=1, description="Trucks.")
    hydrants: str | None = Field(default=None, description="Where trucks refill (CSV: id, x, y).")
    within: int = Field(default=3, ge=1, le=60, description="Trees that are due within so many days are served.")
    streets: bool = Field(default=True, description="Drive on the city's streets; else straight ways with a detour.")
    iterations: int = Field(default=3000, ge=1, le=1000000, description="Steps of the search; the same give the same.")


class TreesRun(Part):
    """[run.trees]: soil water of every tree, and who is watered when, with how much, and why."""

    weather: WeatherSource = Field(description="Weather of the weeks before, steps of 3 h or less with rain.")
    forecast: WeatherSource | None = Field(
        default=None, description="Weather of the coming days; without it the last days of the weather stand in for it."
    )
    days: int = Field(default=14, ge=1, le=60, description="Days to plan.")
    thresholds: Literal["bht", "good32", "critical80", "nfk30", "nfk40"] = Field(
        default="bht", description="When a tree is dry (models/water/tables/watering_thresholds.csv)."
    )
    target: float = Field(default=0.9, gt=0, le=1, description="Share of the available water after watering.")
    ring: float | None = Field(default=None, gt=0, description="Litres of one visit; by default by age.")
    oldest: float | None = Field(default=None, ge=0, description="Trees with more standing years are not watered.")
    initial: float = Field(default=1.0, ge=0, le=1.5, description="Available water at the start, 1 = field capacity.")
    soil: str | None = Field(default=None, description="Soil of trees that have none of their own (KA5 or substrate).")
    table: str | None = Field(
        default=None, description="What is known of trees beyond the cadastre (CSV: id, soil, trench_volume, ...)."
    )
    waterings: str | None = Field(default=None, description="Log of given water (CSV: tree, date, litres).")
    sensors: str | None = Field(
        default=None, description="Readings (CSV: tree, time, depth in m, kind, value, unit, quality)."
    )
    shade: bool = Field(default=True, description="Take the shade of buildings into account.")
    tours: ToursPart | None = Field(default=None, description="Watering tours; needs the extra 'tours'.")

    @field_validator("soil")
    @classmethod
    def _soil_known(cls, value: str | None) -> str | None:
        from models.water.soils import recognise_soils

        if value is not None and not recognise_soils(pd.Series([value])).iloc[0]:
            raise ValueError(text("trees.soil_unknown", value=value))
        return value

    def files(self) -> list[tuple[str, str | None]]:
        """Return the files named here: (where in the scenario, path as written)."""
        tours = self.tours.hydrants if self.tours is not None else None
        return [
            *self.weather.files("run.trees.weather"),
            *(self.forecast.files("run.trees.forecast") if self.forecast is not None else ()),
            *[(f"[run.trees] {name}", getattr(self, name)) for name in ("table", "waterings", "sensors")],
            ("[run.trees.tours] hydrants", tours),
        ]


class Runs(Part):
    """[run]: which physics are run; heat alone where none is named."""

    heat: HeatRun | None = Field(default=None, description="Heat stress; needs [weather].")
    water: WaterRun | None = Field(default=None, description="A storm on the ground; needs [rain].")
    trees: TreesRun | None = Field(default=None, description="Soil water of trees and who is watered.")
    mobility: MobilityRun | None = Field(default=None, description="Ways, help and traffic under heat and water.")

    @model_validator(mode="before")
    @classmethod
    def _heat_alone(cls, value: Any) -> Any:
        """Without any table of its own a run is one of heat."""
        named = isinstance(value, dict) and any(value.get(name) is not None for name in cls.model_fields)
        return value if named or not isinstance(value, dict) or value.keys() - cls.model_fields.keys() else {"heat": {}}


class HandOuts(Part):
    """[outputs]: where the result goes and in which formats."""

    folder: str | None = Field(
        default=None, description="Result folder; by default results/<name of the scenario file>."
    )
    formats: tuple[Literal["zarr", "cog", "netcdf"], ...] = Field(
        default=("zarr", "cog", "netcdf"), description="Formats of the hand-outs; zarr is always written."
    )
    rounding: float = Field(
        default=0.01, ge=0, le=1, description="Stored temperatures are rounded to this [K]; 0 = not at all."
    )
