"""Mobility of a run: heat and water of the same run on the streets of the same city.

Which part runs depends on what the run has: ways need UTCI, help needs the storm, traffic needs trips; fair access
needs the streets alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from twin.city import gaps as gap_table
from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.language import text
from twin.scenario import cool_ways, help_in_floods
from twin.scenario.indicators import indicator_table
from twin.scenario.mobility_inputs import Ways, prepared, route_ends, trip_table
from twin.scenario.traffic import street_flows, traffic

if TYPE_CHECKING:
    from models.mobility import BarrierFree
    from twin.city.model import City
    from twin.scenario.mobility_parts import MobilityRun
    from twin.scenario.schema import Scenario

__all__ = ["mobility_sources", "run_mobility"]

Found = tuple[dict[str, xr.Dataset], pd.DataFrame, dict[str, gpd.GeoDataFrame]]
Row = tuple[Any, ...]
_NEVER = np.datetime64("NaT")
_FEWEST = 5  # persons: smaller groups are not told
_UNKNOWN = {
    "width": ("the width", "die Breite"),
    "kerb": ("the kerb", "die Bordhöhe"),
    "slope": ("the slope", "die Neigung"),
    "surface": ("the surface", "die Oberfläche"),
}


def mobility_sources(asked: MobilityRun) -> list[tuple[str, str]]:
    """Return role and path of the files that ways and traffic rest on."""
    return [(f"mobility.{where.split('] ')[1]}", path) for where, path in asked.files() if path is not None]


def run_mobility(
    scenario: Scenario, asked: MobilityRun, city: City, site: xr.Dataset, datasets: dict[str, xr.Dataset]
) -> Found:
    """Run the mobility of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Resolves the paths.
    asked : MobilityRun
        What it asks for.
    city : City
        Its streets.
    site : xarray.Dataset
        Site layers.
    datasets : dict of str to xarray.Dataset
        What the run has found so far: ``heat`` and ``water`` where they were run.

    Returns
    -------
    datasets, indicators, features
        ``mobility``: doses by hour, people within reach of help by step; gap rows in ``attrs["gaps"]``. Features
        ``cool_routes``, ``reach``, ``streets``, ``closed_streets``, ``help``, ``traffic``: those that apply.
    """
    from models import mobility

    if not len(city.network):
        raise InputError(text("mobility.no_streets", city=city.name))
    log = GapLog()
    ways = prepared(scenario.resolve(asked.places) if asked.places else None, city, site, log)
    heat, water = datasets.get("heat"), datasets.get("water")
    if asked.route and heat is None:
        raise InputError(text("mobility.routes_need_heat"))
    judged = mobility.barrier_free(ways.walk, profile=asked.profile)
    rows, data = _access(asked, ways, judged, log), xr.Dataset()
    features: dict[str, gpd.GeoDataFrame] = {}
    streets = _streets(ways, judged, log)
    crs = city.network.crs
    if heat is not None:
        rows_of, features_of, hourly, hot = _heat(scenario, asked, ways, site, heat, log, crs)
        rows += rows_of
        features |= features_of
        data = data.merge(hourly)
        streets = _with_heat(streets, ways, hot)
    wet = None
    if water is not None:
        storm = scenario.run.water
        wet = help_in_floods.water_on_streets(
            asked, ways, city, water, log, structures=storm is not None and storm.structures
        )
        rows_of, features_of, series = _flood(asked, ways, wet, log, crs)
        rows += rows_of
        features |= features_of
        data = data.merge(series)
    if asked.trips is not None:
        trips = trip_table(scenario.resolve(asked.trips), ways, log)
        if len(trips):
            dry, flooded = traffic(ways, trips, wet)
            features["traffic"] = street_flows(ways, dry, flooded, crs)
            rows += _traffic_rows(dry, flooded)
    features["streets"] = gpd.GeoDataFrame(streets, geometry="geometry", crs=crs)
    data.attrs = {"walker": asked.walker, "hour": asked.hour, "vehicle": asked.vehicle, "help_within": asked.help_within,
                  "walking_minutes": asked.minutes, "people_counted": int(ways.counted),
                  "flood_in_time": int(wet is not None and wet.in_time), "gaps": gap_table.to_json(log.table())}  # fmt: skip
    return {"mobility": data}, indicator_table(rows), features


def _row(name: str, unit: str, value: float, share: float = np.nan, *, time: Any = _NEVER, rests: str = "model") -> Row:
    return name, "", unit, time, float(value), float(share), rests


def _streets(ways: Ways, judged: BarrierFree, log: GapLog) -> pd.DataFrame:
    """Return the streets with who may use them and why a wheelchair may not."""
    net = ways.walk
    why = judged.reasons.groupby("edge")["reason"].agg("|".join) if len(judged.reasons) else pd.Series(dtype=object)
    for row in judged.unknown.to_dict("records"):
        log.add("mobility_barrier_unknown", layer="streets", severity="info", count=int(row["edges"]), of=len(net.edges),
                why_en=_UNKNOWN[str(row["what"])][0], why_de=_UNKNOWN[str(row["what"])][1])  # fmt: skip
    table = net.edges[["name", "kind", "length", "width", "surface", "slope", "foot", "car"]].copy()
    table["barrier_free"] = judged.allowed
    table["barrier"] = pd.Series(why).reindex(range(len(table))).fillna("").to_numpy()
    table["geometry"] = [shapely.LineString(net.line(edge)) for edge in range(len(table))]
    return table.round({"length": 1, "slope": 4})


def _access(asked: MobilityRun, ways: Ways, judged: BarrierFree, log: GapLog) -> list[Row]:
    """Return fair access: the walkable streets without barriers, and who walks to how many kinds of places."""
    from models import mobility

    net = ways.walk
    length = net.edges["length"].to_numpy(float)
    foot = net.edges["foot"].to_numpy(bool)
    total = float(length[foot].sum())
    free = float(length[foot & judged.allowed].sum())
    rows = [_row("barrier_free_streets", "%", 100.0 * free / total if total else np.nan, rests="data")]
    goals = ways.of_role("goal")
    kinds = {
        str(kind): np.bincount(part["walk"], minlength=net.nodes).astype(float) for kind, part in goals.groupby("kind")
    }
    if kinds and ways.people.sum() > 0:
        seconds = mobility.walking_seconds(net, walker=asked.walker)
        seconds = np.where(net.on_arcs(foot), seconds, np.inf)
        table, _ = mobility.nearby_shares(net, seconds, kinds, ways.people, minutes=asked.minutes)
        mean = float(table.loc[table["kind"] != "all", "share"].mean())
        rows.append(_row("places_within_walk", "%", 100.0 * mean))
    if goals.empty:
        log.add("mobility_no_goals", layer="streets", severity="info", count=1, of=1)
    return rows


def _heat(
    scenario: Scenario, asked: MobilityRun, ways: Ways, site: xr.Dataset, heat: xr.Dataset, log: GapLog, crs: Any
) -> tuple[list[Row], dict[str, gpd.GeoDataFrame], xr.Dataset, cool_ways.HotStreets]:
    hot = cool_ways.heat_of_streets(asked, ways, heat, scenario.timezone, log)
    time = hot.times[hot.step]
    rows: list[Row] = []
    features: dict[str, gpd.GeoDataFrame] = {}
    ends = route_ends(asked.route, ways)
    hourly = xr.Dataset()
    if ends:
        routes = features["cool_routes"] = cool_ways.cool_routes(asked, ways, hot, ends, crs)
        hourly = cool_ways.hourly_doses(asked, ways, hot, ends)
        without = routes[routes["choice"] == "none"]["route"].tolist()
        log.add(
            "mobility_no_way", layer="streets", severity="warning", count=len(without), of=len(ends), places=without
        )
        cool, quick = routes[routes["choice"] == "coolest"], routes[routes["choice"] == "quickest"]
        if len(quick):
            rows.append(_row("way_dose_quickest", "degC min", float(quick["dose"].mean()), time=time))
            saved = cool.set_index("route").reindex(quick["route"])
            rows.append(_row("way_heat_spared", "%", 100.0 * float(saved["less_dose"].fillna(0.0).mean()), time=time))
            rows.append(_row("way_more_minutes", "min", float(saved["more_minutes"].fillna(0.0).mean()), time=time))
    reach = cool_ways.reach_in_heat(asked, ways, hot, crs)
    if len(reach):
        features["reach"] = reach
        cold, warm = (reach[reach["heat"] == flag].set_index("id")["goals"] for flag in (False, True))
        some = cold > 0
        if some.any():
            rows.append(_row("goals_lost_to_heat", "%", 100.0 * float((1 - warm[some] / cold[some]).mean()), time=time))
    if ways.people.sum() > 0:
        near = cool_ways.within_a_walk(ways, site, heat, hot)
        share = float(ways.people[near].sum() / ways.people.sum())
        rows.append(_row("people_cool_walk_300", "%", 100.0 * share, time=time))
    return rows, features, hourly, hot


def _with_heat(streets: pd.DataFrame, ways: Ways, hot: cool_ways.HotStreets) -> pd.DataFrame:
    """Add UTCI at the hour of setting out, and where shade would serve most walkers."""
    from models import mobility

    net = ways.walk
    table = streets.assign(utci=hot.utci[hot.step].round(2), utci_max=hot.hottest[hot.step].round(2))
    goals = np.bincount(ways.of_role("goal")["walk"], minlength=net.nodes).astype(float)
    draw = goals if goals.any() else ways.people
    walkers, dose = mobility.shade_demand(net, hot.seconds, ways.people, draw, hot.rate(hot.step))
    return table.assign(walkers=walkers.round(2), shade_demand=dose.round(2))


def _flood(
    asked: MobilityRun, ways: Ways, wet: help_in_floods.WetStreets, log: GapLog, crs: Any
) -> tuple[list[Row], dict[str, gpd.GeoDataFrame], xr.Dataset]:
    closed = help_in_floods.closed_streets(ways, wet, crs)
    length = float(ways.drive.edges.loc[ways.drive.edges["car"], "length"].sum())
    shut = float(closed["length"].sum())
    rows = [_row("streets_closed", "m", shut, shut / length if length else np.nan)]
    features = {"closed_streets": closed}
    found = help_in_floods.help_reach(asked, ways, wet, crs)
    if found is None:
        log.add("mobility_no_stations", layer="streets", severity="info", count=1, of=1)
        return rows, features, xr.Dataset()
    series, helped = found
    stations = ways.of_role("help")
    points = gpd.points_from_xy(stations["x"], stations["y"])
    features |= {
        "help": helped,
        "stations": gpd.GeoDataFrame(stations[["id", "name", "kind"]], geometry=points, crs=crs),
    }
    if ways.drivers.sum() > 0:
        rows.append(_row("help_in_time_dry", "%", 100.0 * float(series["share"].iloc[0])))
        rows.append(_row("help_in_time_worst", "%", 100.0 * float(series["share"].min())))
        cut_off = float(series["cut_off"].max())
        few = 0 < cut_off < _FEWEST
        rows.append(
            _row("people_cut_off", "persons", np.nan if few else cut_off, rests="suppressed" if few else "model")
        )
    if len(helped):
        rows.append(_row("places_cut_off", "1", int(helped["cut_off"].sum()), float(helped["cut_off"].mean())))
        if wet.in_time:
            rows.append(_row("longest_cut_off", "min", float(helped["cut_off_minutes"].max())))
    data = xr.Dataset(
        {name: (("step",), series[name].to_numpy(float)) for name in ("in_time", "cut_off", "share")},
        coords={"minute": (("step",), wet.minutes)},
    )
    data["in_time"].attrs = {"units": "persons", "long_name": "people whom help reaches in time"}
    data["cut_off"].attrs = {"units": "persons", "long_name": "people without any way to help"}
    return rows, features, data


def _traffic_rows(dry: Any, flooded: Any) -> list[Row]:
    from models import mobility

    rows = [_row("vehicle_hours", "h", dry.total_time / 60.0)]
    if dry.unserved["trips"].sum() > 0:
        rows.append(_row("trips_without_way", "1", float(dry.unserved["trips"].sum())))
    if flooded is not None:
        more = mobility.added_vehicle_hours(dry, flooded, hours_per_unit=1 / 60)
        rows.append(_row("vehicle_hours_flood", "h", more["vehicle_hours"]))
        rows.append(_row("trips_lost_flood", "1", more["lost_trips"]))
    return rows
