"""The tables [run.mobility] and [[run.mobility.route]] of a scenario file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.layers import read_table
from twin.language import text
from twin.scenario.part import Part

__all__ = ["MobilityRun", "RoutePart"]


def _known_walker(value: str) -> str:
    known = [row["name"] for row in read_table("models.mobility", "walkers.csv")]
    if value not in known:
        raise ValueError(text("mobility.walker_unknown", value=value, allowed=", ".join(known)))
    return value


def _known_vehicle(value: str) -> str:
    known = [row["name"] for row in read_table("models.mobility", "vehicle_stability.csv")]
    if value not in known:
        raise ValueError(text("mobility.vehicle_unknown", value=value, allowed=", ".join(known)))
    return value


Place = str | tuple[float, float]
"""The id or name of a place, or east and north [m]."""


class RoutePart(Part):
    """[[run.mobility.route]]: a way on foot, from the quickest to the coolest."""

    name: str = Field(default="", description="Name in maps and tables.")
    start: Place = Field(description="Id or name of a place, or [east, north] in m.")
    end: Place = Field(description="Id or name of a place, or [east, north] in m.")


class MobilityRun(Part):
    """[run.mobility]: cool ways, reach of help during a storm, fair access, traffic; on the city's streets."""

    places: str | None = Field(
        default=None, description="Schools, care homes, stops, shops, fire stations (CSV: id, kind, name, x, y)."
    )
    route: tuple[RoutePart, ...] = Field(default=(), description="Ways to compare; needs [run.heat].")
    walker: Annotated[str, AfterValidator(_known_walker)] = Field(
        default="older", description="Who walks (models/mobility/tables/walkers.csv)."
    )
    hour: float = Field(default=15.0, ge=0, lt=24, description="When they set out [hour of the day, local].")
    detour: float = Field(default=1.5, ge=1, le=5, description="Longest way, in times of the quickest.")
    minutes: float = Field(default=10.0, gt=0, le=120, description="How far people walk [min].")
    vehicle: Annotated[str, AfterValidator(_known_vehicle)] = Field(
        default="fire_engine", description="What drives to help (models/mobility/tables/vehicle_stability.csv)."
    )
    help_within: float = Field(default=8.0, gt=0, le=60, description="Time in which help must arrive [min].")
    flood_speed: Literal["cautious", "central", "hardy"] = Field(
        default="central", description="How fast cars dare to drive in water (flood_speeds.csv)."
    )
    trips: str | None = Field(
        default=None, description="Car trips of an hour (CSV: from, to, trips; ids of places), for traffic."
    )
    profile: Literal["din18040_3", "wheelchair_tolerant"] = Field(
        default="din18040_3", description="Rule of barrier-free ways (models/mobility/tables/barrier_free.csv)."
    )

    @model_validator(mode="after")
    def _places_are_named(self) -> MobilityRun:
        if self.trips is not None and self.places is None:
            raise ValueError(text("mobility.trips_need_places"))
        return self

    def files(self) -> list[tuple[str, str | None]]:
        """Return the files named here: (where in the scenario, path as written)."""
        return [("[run.mobility] places", self.places), ("[run.mobility] trips", self.trips)]
