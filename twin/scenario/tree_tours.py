"""The watering round of a run: the trees that are due, trucks, hydrants and streets handed to the tour solver."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from models.layers import read_table
from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.scenario.parts import TreesRun
from twin.scenario.schema import Scenario
from twin.scenario.tree_inputs import read_table_of

if TYPE_CHECKING:
    from models.mobility.network import Network
    from twin.city.model import City

__all__ = ["Round", "drive"]

_SECONDS = 3600.0  # the steps end the search, not the clock: so the same inputs give the same tours
_SPEED = 25.0  # [km/h]


@dataclass(frozen=True)
class Round:
    """Tours of a round.

    Attributes
    ----------
    tours : geopandas.GeoDataFrame
        A line a tour: tour, vehicle, trees, litres, refills, km, hours.
    stops : geopandas.GeoDataFrame
        A point a stop, in driving order: tour, vehicle, order, kind, id, litres, load, km, arrive and leave [hour of the day].
    km : float
        Of all tours.
    count, served, due : int
        Tours, trees served, and trees that were due.
    """

    tours: gpd.GeoDataFrame
    stops: gpd.GeoDataFrame
    km: float
    count: int
    served: int
    due: int


def drive(scenario: Scenario, asked: TreesRun, city: City, plan: gpd.GeoDataFrame, log: GapLog) -> Round | None:
    """Return the round for the trees that are due in the first days; None where no tours are asked for or none is due."""
    if asked.tours is None:
        return None
    from models import mobility

    dates = pd.to_datetime(plan["date"].where(plan["date"] != ""))
    last = dates.min() + pd.Timedelta(days=asked.tours.within - 1)
    rows = plan[(dates <= last).to_numpy()]
    if rows.empty:
        return None
    streets = _streets(city, asked, log)
    top = max(float(rows["priority"].max()), 1e-9)
    trees = pd.DataFrame(
        {
            "id": rows["id"].to_numpy(),
            "x": rows.geometry.x.to_numpy(),
            "y": rows.geometry.y.to_numpy(),
            "litres": rows["litres"].to_numpy(),
            "priority": np.maximum(rows["priority"].to_numpy() / top, 0.01),
        }
    )
    hydrants = pd.DataFrame({"id": [], "x": [], "y": []})
    if asked.tours.hydrants is not None:
        hydrants = read_table_of(scenario.resolve(asked.tours.hydrants), ("id", "x", "y"), ("x", "y", "refill"))
    else:
        log.add("tours_without_hydrants", layer="tours", severity="info", count=1, of=1)
    depot = {"id": "depot", "x": asked.tours.depot[0], "y": asked.tours.depot[1]}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*A penalty parameter")  # what cannot be served is listed below
        found = mobility.watering_tours(
            trees, [truck.model_dump() for truck in asked.tours.vehicles], hydrants, depot, network=streets,
            seconds=_SECONDS, iterations=asked.tours.iterations, speed=_SPEED,
        )  # fmt: skip
    said = {row["code"]: row for row in read_table("models.mobility", "tour_reasons.csv")}
    for reason, left in found.unserved.groupby("reason"):
        log.add("tours_unserved", layer="tours", severity="warning", count=len(left), of=len(trees), places=left["id"],
                why_en=said[str(reason)]["en"], why_de=said[str(reason)]["de"])  # fmt: skip
    lines = _lines(found.stops, streets)
    tours = gpd.GeoDataFrame(found.tours.round(3), geometry=[lines[t] for t in found.tours["tour"]], crs=plan.crs)
    columns = ["tour", "vehicle", "trip", "order", "kind", "id", "litres", "load", "km", "arrive", "leave"]
    points = gpd.points_from_xy(found.stops["x"], found.stops["y"])
    table = found.stops[columns].assign(id=found.stops["id"].astype(str)).round(3)
    stops = gpd.GeoDataFrame(table, geometry=points, crs=plan.crs)
    served = int((table["kind"] == "tree").sum())
    return Round(tours, stops, float(found.tours["km"].sum()), len(tours), served, len(trees))


def _streets(city: City, asked: TreesRun, log: GapLog) -> Network | None:
    from twin.city.street_network import street_network

    assert asked.tours is not None
    if asked.tours.streets and len(city.network):
        try:
            return street_network(city, walking=False)
        except InputError as error:
            log.add("tours_without_streets", layer="tours", severity="warning", count=1, of=1, why=str(error))
            return None
    log.add("tours_without_streets", layer="tours", severity="info", count=1, of=1, why="")
    return None


def _lines(stops: pd.DataFrame, streets: Network | None) -> dict[Any, shapely.LineString]:
    """Return the way of each tour: along the streets where there is a network, else straight."""
    lines: dict[Any, shapely.LineString] = {}
    xy = stops[["x", "y"]].to_numpy(float)
    ways = _ways(xy, streets) if streets is not None else None
    for tour, rows in stops.groupby("tour"):
        places = stops.index.get_indexer(rows.index)
        course = [xy[places[:1]]]
        for a, b in pairwise(places):
            if ways is not None:
                course.append(ways(int(a), int(b)))
            course.append(xy[b : b + 1])
        lines[tour] = shapely.LineString(np.concatenate(course).round(2))
    return lines


def _ways(xy: np.ndarray, streets: Network) -> Callable[[int, int], np.ndarray]:
    """Return what gives the way along the streets between two stops, from foot point to foot point."""
    from models import mobility
    from models.mobility.street_stops import street_stops
    from models.mobility.travel import arc_seconds_at

    found = street_stops(streets, xy, arc_seconds_at(streets, _SPEED))

    def way(a: int, b: int) -> np.ndarray:
        start, end = int(found.node[a]), int(found.node[b])
        if min(start, end) < 0:
            return np.empty((0, 2))
        if start == end:
            return found.network.xy[[start]]
        arcs = mobility.shortest_path(found.network, found.seconds, start, end).arcs
        return found.network.course(arcs)

    return way
