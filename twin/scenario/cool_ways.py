"""Walking in the heat of a run: what each street is like, ways from the quickest to the coolest, what heat keeps out of reach.

UTCI of an hour is sampled along both pavements of a street where its width is known; the cooler side counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.language import text
from twin.scenario.place_indicators import cool_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.mobility import Network
    from twin.scenario.mobility_inputs import Ways
    from twin.scenario.mobility_parts import MobilityRun

__all__ = ["HotStreets", "cool_routes", "heat_of_streets", "hourly_doses", "reach_in_heat", "within_a_walk"]

_WIDE = 5.0
"""Streets at least this wide [m] have a pavement on either side."""
_KERB_WALK = 1.0
"""Distance of the walker from the edge of the street [m]."""
_COOL_REACH = 300.0
"""[m] to a cool place (3-30-300 rule)."""


@dataclass(frozen=True)
class HotStreets:
    """Heat on the streets of a run.

    Attributes
    ----------
    times : numpy.ndarray
        UTC.
    utci : numpy.ndarray
        Mean UTCI of each edge (time, edges) [degC], the cooler pavement; the area's mean where an edge has none.
    hottest : numpy.ndarray
        Largest UTCI on each edge (time, edges) [degC].
    missing : numpy.ndarray
        Share of each edge outside the raster (edges,).
    seconds : numpy.ndarray
        Walking time of each arc [s], ``inf`` where nobody may walk.
    step : int
        The time step at which people set out.
    """

    times: np.ndarray
    utci: np.ndarray
    hottest: np.ndarray
    missing: np.ndarray
    seconds: np.ndarray
    step: int

    def rate(self, step: int) -> np.ndarray:
        """Return the degrees of UTCI above strong heat stress, 32 degC, on each edge at a time step."""
        from models import mobility

        return np.asarray(mobility.heat_dose_rate(self.utci[step]))

    def dose(self, network: Network, step: int) -> np.ndarray:
        """Return the heat gathered on each arc at a time step [degC min]; ``inf`` where nobody may walk."""
        rate = network.on_arcs(self.rate(step))
        return np.where(
            np.isfinite(self.seconds), rate * np.where(np.isfinite(self.seconds), self.seconds, 0.0) / 60.0, np.inf
        )


def heat_of_streets(asked: MobilityRun, ways: Ways, heat: xr.Dataset, timezone: str, log: GapLog) -> HotStreets:
    """Return the heat on all streets.

    Parameters
    ----------
    asked : MobilityRun
        Who walks, and when.
    ways : Ways
        Streets.
    heat : xarray.Dataset
        With ``utci`` (time, y, x).
    timezone : str
        Of ``asked.hour``.
    log : GapLog
        Is told of streets outside the raster.

    Raises
    ------
    InputError
        If the heat run has no UTCI, or does not cover the hour.
    """
    from models import mobility

    if "utci" not in heat:
        raise InputError(text("mobility.needs_utci"))
    net, utci = ways.walk, heat["utci"].transpose("time", "y", "x")
    x, y = utci["x"].values.astype(float), utci["y"].values.astype(float)
    width = np.nan_to_num(net.edges["width"].to_numpy(float))
    beside = np.where(width >= _WIDE, width / 2.0 - _KERB_WALK, 0.0)
    values = utci.values
    sides = [mobility.on_edges(mobility.edge_samples(net, x, y, beside=side), values) for side in (-beside, beside)]
    cooler = mobility.cooler_side(*sides)
    mean, hottest = cooler.mean.astype(float), cooler.largest.astype(float)
    ground = np.nanmean(values.reshape(len(values), -1), axis=1)
    out = np.isnan(mean[0])
    mean, hottest = (
        np.where(np.isnan(mean), ground[:, None], mean),
        np.where(np.isnan(hottest), ground[:, None], hottest),
    )
    log.add("mobility_street_outside", layer="streets", severity="default", count=int(out.sum()), of=len(out),
            default=f"{ground.max():.1f}", places=net.edges["name"].to_numpy()[out].tolist())  # fmt: skip
    seconds = mobility.walking_seconds(net, walker=asked.walker)
    seconds = np.where(net.on_arcs(net.edges["foot"].to_numpy(bool)), seconds, np.inf)
    times = heat["time"].values
    return HotStreets(
        times, mean, hottest, cooler.missing[0].astype(float), seconds, _step_of(times, asked.hour, timezone)
    )


def _step_of(times: np.ndarray, hour: float, timezone: str) -> int:
    """Return the time step nearest to a local hour of the day, or say which hours there are."""
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(timezone)
    clock = np.asarray(local.hour + local.minute / 60.0, dtype=float)
    away = np.abs((clock - hour + 12.0) % 24.0 - 12.0)
    if away.min() > 1.0:
        raise InputError(text("mobility.hour_outside", hour=hour, first=f"{local[0]:%H:%M}", last=f"{local[-1]:%H:%M}"))
    return int(np.argmin(away))


def cool_routes(
    asked: MobilityRun, ways: Ways, hot: HotStreets, ends: Sequence[tuple[str, int, int]], crs: Any
) -> gpd.GeoDataFrame:
    """Return for each asked way the quickest, the coolest, and the one that spares most heat a minute between them.

    Returns
    -------
    geopandas.GeoDataFrame
        ``route``, ``choice`` (quickest, balanced, coolest), ``metres``, ``minutes``, ``dose`` [degC min above 32],
        ``more_minutes``, ``less_dose`` [share], ``utci_mean``, ``utci_max`` [degC], ``choices`` (how many there were).
        A way that does not exist has the choice ``none`` and no geometry.
    """
    from models import mobility

    net, dose = ways.walk, hot.dose(ways.walk, hot.step)
    rows: list[dict[str, Any]] = []
    for name, start, end in ends:
        table = mobility.route_choices(net, hot.seconds, dose, start, end, detour=asked.detour)
        if table.empty:
            rows.append({"route": name, "choice": "none", "choices": 0, "geometry": None})
            continue
        for choice, k in _chosen(table):
            rows.append(_route(net, hot, name, choice, table.iloc[k]) | {"choices": len(table)})
    columns = [
        "route",
        "choice",
        "metres",
        "minutes",
        "dose",
        "more_minutes",
        "less_dose",
        "utci_mean",
        "utci_max",
        "choices",
        "geometry",
    ]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=crs)


def _chosen(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Return the quickest, the best exchange of minutes for heat, and the coolest, each way once."""
    found = [("quickest", 0)]
    if len(table) > 2:
        inner = table.iloc[1:-1]
        spared = (table["dose"].iloc[0] - inner["dose"]) / inner["more_minutes"].clip(lower=1e-9)
        found.append(("balanced", int(spared.to_numpy().argmax()) + 1))
    return [*found, ("coolest", len(table) - 1)] if len(table) > 1 else found


def _route(net: Network, hot: HotStreets, name: str, choice: str, row: pd.Series) -> dict[str, Any]:
    arcs = np.asarray(row["arcs"], dtype=np.int64)
    edges = net.edge[arcs]
    metres = net.length[arcs]
    utci, most = hot.utci[hot.step][edges], hot.hottest[hot.step][edges]
    course = net.course(arcs)
    return {
        "route": name,
        "choice": choice,
        "metres": round(float(metres.sum()), 1),
        "minutes": round(float(row["seconds"]) / 60.0, 2),
        "dose": round(float(row["dose"]), 2),
        "more_minutes": round(float(row["more_minutes"]), 2),
        "less_dose": round(float(row["less_dose"]), 4),
        "utci_mean": round(float(np.average(utci, weights=metres)), 2) if metres.sum() > 0 else np.nan,
        "utci_max": round(float(most.max()), 2) if len(most) else np.nan,
        "geometry": shapely.LineString(course) if len(course) > 1 else None,
    }


def hourly_doses(asked: MobilityRun, ways: Ways, hot: HotStreets, ends: Sequence[tuple[str, int, int]]) -> xr.Dataset:
    """Return the heat of the quickest and the coolest way for each hour of setting out, (route, choice, time).

    ``dose`` [degC min] and ``minutes``; NaN where there is no way.
    """
    from models import mobility

    shape = (len(ends), 2, len(hot.times))
    dose, minutes = np.full(shape, np.nan), np.full(shape, np.nan)
    for step in range(len(hot.times)):
        gathered = hot.dose(ways.walk, step)
        for k, (_, start, end) in enumerate(ends):
            table = mobility.route_choices(ways.walk, hot.seconds, gathered, start, end, detour=asked.detour)
            if len(table):
                dose[k, :, step] = table["dose"].iloc[[0, -1]]
                minutes[k, :, step] = table["seconds"].iloc[[0, -1]] / 60.0
    dims = ("route", "choice", "time")
    data = xr.Dataset(
        {"dose": (dims, dose), "minutes": (dims, minutes)},
        coords={"route": [name for name, _, _ in ends], "choice": ["quickest", "coolest"], "time": hot.times},
    )
    data["dose"].attrs = {"units": "degC min", "long_name": "UTCI above 32 degC gathered on the way"}
    data["minutes"].attrs = {"units": "min", "long_name": "walking time"}
    return data


def reach_in_heat(asked: MobilityRun, ways: Ways, hot: HotStreets, crs: Any) -> gpd.GeoDataFrame:
    """Return what is in reach of each school, care home and hospital, without heat and with it.

    Returns
    -------
    geopandas.GeoDataFrame
        Areas: ``id``, ``name``, ``kind``, ``heat`` (False: all minutes alike; True: minutes count more the hotter the
        street), ``area`` [m2], ``goals`` (shops, stops and other places in reach).
    """
    from models import mobility

    net, vulnerable = ways.walk, ways.of_role("vulnerable")
    goals = np.bincount(ways.of_role("goal")["walk"], minlength=net.nodes).astype(float)
    weighted = mobility.heat_weighted(
        np.where(np.isfinite(hot.seconds), hot.seconds, 0.0), net.on_arcs(hot.utci[hot.step])
    )
    weighted = np.where(np.isfinite(hot.seconds), weighted, np.inf)
    limit, rows = 60.0 * asked.minutes, []
    for place in vulnerable.to_dict("records"):
        start = int(place["walk"])
        for heat, cost in ((False, hot.seconds), (True, weighted)):
            area = mobility.isochrones(net, cost, start, [limit]).iloc[0]
            reached = float(mobility.accessibility(net, cost, goals, limit, sources=[start])[0])
            rows.append({"id": place["id"], "name": place["name"], "kind": place["kind"], "heat": heat,
                         "area": round(float(area["area"]), 0), "goals": int(reached), "geometry": area["geometry"]})  # fmt: skip
    columns = ["id", "name", "kind", "heat", "area", "goals", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=crs)


def within_a_walk(ways: Ways, site: xr.Dataset, heat: xr.Dataset, hot: HotStreets) -> np.ndarray:
    """Return which nodes have a cool place within 300 m along the streets at the hour of setting out, bool (nodes,)."""
    from models import mobility

    net = ways.walk
    cool = cool_places(site, heat["utci"].transpose("time", "y", "x").values[hot.step])
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    step = x[1] - x[0]
    column = np.rint((net.xy[:, 0] - x[0]) / step).astype(int)
    row = np.rint((y[0] - net.xy[:, 1]) / step).astype(int)
    at = np.zeros(net.nodes, bool)
    reach = max(1, round(25.0 / step))  # a place beside the street
    inside = (column >= 0) & (column < x.size) & (row >= 0) & (row < y.size)
    from scipy import ndimage

    near = ndimage.maximum_filter(cool, size=2 * reach + 1)
    at[inside] = near[row[inside], column[inside]]
    at[ways.places.loc[ways.places["kind"].isin(["cool_place", "park"]), "walk"].to_numpy(int)] = True
    metres = np.where(np.isfinite(hot.seconds), net.length, np.inf)
    return np.isfinite(mobility.nearest_cost(net, metres, at.astype(float), limit=_COOL_REACH))
