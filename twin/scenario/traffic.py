"""Car traffic of a run: the hour's trips on open streets, on those that a measure has closed, and on those under water."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.scenario.help_in_floods import WetStreets, driving_seconds

if TYPE_CHECKING:
    from models.mobility import Assignment, Network
    from twin.scenario.mobility_inputs import Ways

__all__ = ["street_flows", "traffic"]


def traffic(ways: Ways, trips: pd.DataFrame, wet: WetStreets | None) -> tuple[Assignment, Assignment | None]:
    """Return the traffic of the hour, and that of the worst moment of the storm.

    Parameters
    ----------
    ways : Ways
        Streets; closed ones have no ``car``.
    trips : pandas.DataFrame
        ``origin``, ``destination`` (nodes), ``trips``.
    wet : WetStreets or None
        Streets under water.
    """
    zones = np.unique(trips[["origin", "destination"]].to_numpy())
    row = {int(node): k for k, node in enumerate(zones)}
    matrix = np.zeros((len(zones), len(zones)))
    for origin, destination, number in trips[["origin", "destination", "trips"]].itertuples(index=False):
        matrix[row[int(origin)], row[int(destination)]] += number
    net = ways.drive
    dry = _assigned(net, matrix, zones, driving_seconds(net))
    if wet is None:
        return dry, None
    closed = (~np.isfinite(wet.seconds) & np.isfinite(wet.seconds[0])).sum(axis=1)
    slower = np.where(np.isfinite(wet.seconds), wet.seconds, 0.0).sum(axis=1)
    worst = int(np.lexsort((slower, closed))[-1])
    return dry, _assigned(net, matrix, zones, wet.seconds[worst])


def _assigned(net: Network, matrix: np.ndarray, zones: np.ndarray, seconds: np.ndarray) -> Assignment:
    from models import mobility

    shut = ~np.isfinite(seconds)
    fixed = np.where(shut, np.inf, 0.0)
    free = np.where(shut, 1.0, seconds) / 60.0
    capacity = np.nan_to_num(net.on_arcs(net.edges["capacity"].to_numpy(float)), nan=600.0)
    return mobility.assign(net, mobility.Demand(matrix, fixed=fixed), free_time=free, capacity=capacity, zones=zones)


def street_flows(ways: Ways, dry: Assignment, flooded: Assignment | None, crs: Any) -> gpd.GeoDataFrame:
    """Return the flow of each street [veh/h], both directions together, dry and under water, and the load by its capacity."""
    net = ways.drive
    flow = np.bincount(net.edge, dry.flow, len(net.edges))
    capacity = np.bincount(net.edge, np.nan_to_num(net.on_arcs(net.edges["capacity"].to_numpy(float))), len(net.edges))
    table = pd.DataFrame({"name": net.edges["name"].to_numpy(), "flow": flow.round(1)})
    table["load"] = np.divide(flow, capacity, out=np.zeros(len(flow)), where=capacity > 0).round(3)
    if flooded is not None:
        table["flow_flooded"] = np.bincount(net.edge, flooded.flow, len(net.edges)).round(1)
    rows = np.flatnonzero(net.edges["car"].to_numpy(bool))
    lines = [shapely.LineString(net.line(int(edge))) for edge in rows]
    return gpd.GeoDataFrame(table.iloc[rows].reset_index(drop=True), geometry=lines, crs=crs)
