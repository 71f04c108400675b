"""Tours as tables for drivers and planners, and a check that adds every tour up again without the solver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from models.layers import read_table
from models.mobility.travel import Travel

__all__ = ["Tours", "check_tours", "tour_tables"]


@dataclass(frozen=True)
class Tours:
    """Watering tours of one day.

    Parameters
    ----------
    stops : pandas.DataFrame
        In driving order: ``tour``, ``vehicle``, ``trip`` (from one filling to the next), ``order``, ``kind`` ("depot",
        "hydrant", "tree"), ``id``, ``x``, ``y``, ``litres`` given, ``load`` in the tank on leaving [L], ``leg`` [km]
        from the stop before, ``km`` since the yard, ``arrive`` and ``leave`` [h of day], ``row`` in its own table, ``at`` in the travel
        matrices, ``type`` (row of the vehicle) and ``pace`` (its speed over that of the matrices).
    tours : pandas.DataFrame
        One row a tour: ``tour``, ``vehicle``, ``trees``, ``litres``, ``refills``, ``km``, ``hours``, ``driving`` [h].
    unserved : pandas.DataFrame
        Trees without water: ``id``, ``litres``, ``priority``, ``required``, ``reason`` (code), ``say`` (sentence).
    idle_hydrants : list
        Ids of hydrants that cannot be reached.
    refill : numpy.ndarray
        Time a filling takes at each hydrant [s].
    travel : Travel
        The matrices that were used.
    build_seconds, search_seconds : float
        What building the problem and searching took.
    iterations : int
        Steps of the search.
    feasible : bool
        Whether the solver says that all limits are kept; :func:`check_tours` says so independently.
    """

    stops: pd.DataFrame
    tours: pd.DataFrame
    unserved: pd.DataFrame
    idle_hydrants: list[Any]
    refill: np.ndarray
    travel: Travel
    build_seconds: float
    search_seconds: float
    iterations: int
    feasible: bool

    @property
    def indicators(self) -> dict[str, float]:
        """Sums of the day: trees, litres, km, hours, tours, refills, and trees left without water."""
        sums = {name: float(self.tours[name].sum()) for name in ("trees", "litres", "km", "hours", "refills")}
        return sums | {"tours": float(len(self.tours)), "unserved": float(len(self.unserved))}


def tour_tables(
    best: Any, trees: pd.DataFrame, serve: np.ndarray, fleet: pd.DataFrame, factor: np.ndarray, taps: pd.DataFrame,
    use_taps: np.ndarray, yards: pd.DataFrame, travel: Travel, unserved: pd.DataFrame, search: Mapping[str, Any],
) -> Tours:  # fmt: skip
    """Return the tables of a solution of PyVRP."""
    frames = []
    names: dict[Any, int] = {}
    for number, route in enumerate(best.routes(), 1):
        kind_row = [_stop(activity, serve, use_taps, len(yards)) for activity in route]
        row = route.vehicle_type()
        vehicle = fleet.iloc[row]
        names[vehicle["name"]] = names.get(vehicle["name"], 0) + 1
        label = str(vehicle["name"]) if vehicle["count"] == 1 else f"{vehicle['name']} {names[vehicle['name']]}"
        frames.append(_sheet(number, label, kind_row, (row, vehicle, float(factor[row])), (trees, taps, yards), travel))
    stops = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(_COLUMNS))
    left = _left_out(unserved, stops, fleet, len(frames))
    idle = [taps["id"].iloc[i] for i in range(len(taps)) if i not in set(use_taps.tolist())]
    return Tours(stops, _sums(stops), left, idle, taps["refill"].to_numpy(float), travel, **search)


_COLUMNS = (
    "tour", "vehicle", "trip", "order", "kind", "id", "x", "y", "litres", "load", "leg", "km", "arrive", "leave", "row", "at",
    "type", "pace",
)  # fmt: skip


def _stop(activity: Any, serve: np.ndarray, use_taps: np.ndarray, yards: int) -> tuple[str, int]:
    if activity.is_client():
        return "tree", int(serve[activity.idx])
    return ("depot", activity.idx) if activity.idx < yards else ("hydrant", int(use_taps[activity.idx - yards]))


def _sheet(
    number: int, label: str, stops: list[tuple[str, int]], truck: tuple[int, pd.Series, float],
    places: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], travel: Travel,
) -> pd.DataFrame:  # fmt: skip
    (trees, taps, yards), (row_of_vehicle, vehicle, factor) = places, truck
    tables = {"depot": yards, "hydrant": taps, "tree": trees}
    offset = {"depot": 0, "hydrant": len(yards), "tree": len(yards) + len(taps)}
    clock, km, load, trip, before, rows = float(vehicle["start"]), 0.0, float(vehicle["capacity"]), 1, -1, []
    for order, (kind, row) in enumerate(stops):
        place, at = tables[kind].iloc[row], offset[kind] + row
        leg = travel.distance[before, at] / 1000 if before >= 0 else 0.0
        arrive = clock + (travel.duration[before, at] / factor / 3600 if before >= 0 else 0.0)
        given = float(place["litres"]) if kind == "tree" else 0.0
        stay = {"tree": place.get("service", 0.0), "hydrant": place.get("refill", 0.0)}.get(kind, 0.0) / 3600
        if kind == "hydrant":
            load, trip = float(vehicle["capacity"]), trip + 1
        load, km, clock, before = load - given, km + leg, arrive + stay, at
        rows.append(
            (
                number,
                label,
                trip,
                order,
                kind,
                place["id"],
                place["x"],
                place["y"],
                given,
                load,
                leg,
                km,
                arrive,
                clock,
                row,
                at,
                row_of_vehicle,
                factor,
            )
        )
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _sums(stops: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for number, sheet in stops.groupby("tour", sort=True):
        standing = float((sheet["leave"] - sheet["arrive"]).sum())
        hours = float(sheet["leave"].iloc[-1] - sheet["arrive"].iloc[0])
        count = {kind: int((sheet["kind"] == kind).sum()) for kind in ("tree", "hydrant")}
        rows.append(
            (number, sheet["vehicle"].iloc[0], count["tree"], float(sheet["litres"].sum()), count["hydrant"],
             float(sheet["km"].iloc[-1]), hours, hours - standing)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["tour", "vehicle", "trees", "litres", "refills", "km", "hours", "driving"])


def _left_out(unserved: pd.DataFrame, stops: pd.DataFrame, fleet: pd.DataFrame, used: int) -> pd.DataFrame:
    """Give the trees that could have been served, but were not, their reason, and all reasons their sentence."""
    served = set(stops.loc[stops["kind"] == "tree", "row"])
    out = (unserved["reason"] == "") & ~unserved.index.isin(served)
    idle = used < int(fleet["count"].sum())
    table = unserved.assign(reason=unserved["reason"].mask(out, "not_worth_the_way" if idle else "shifts_full"))
    table = table[table["reason"] != ""].reset_index(drop=True)
    say = {row["code"]: row["en"] for row in read_table("models.mobility", "tour_reasons.csv")}
    return table.assign(say=[say[code] for code in table["reason"]])


def check_tours(tours: Tours, plan: pd.DataFrame, vehicles: pd.DataFrame) -> dict[str, float]:
    """Add the tours up again from the order of their stops alone, without the solver and without its sums.

    Parameters
    ----------
    tours : Tours
        To be checked; only the order of its stops, their kinds and places in the travel matrices are used.
    plan, vehicles : pandas.DataFrame
        What :func:`~models.mobility.tours.watering_tours` was given.

    Returns
    -------
    dict
        ``km`` and ``hours`` in all; ``overload`` [L], ``overtime`` [h], ``over_count`` (tours beyond the number of
        trucks) and ``broken`` (tours that do not run from yard to yard) beyond the limits, 0 if kept; ``twice`` (trees
        visited again), ``lost`` (trees neither visited nor listed).
    """
    litres = pd.to_numeric(plan["litres"], errors="coerce").to_numpy(float)
    service = plan["service"].fillna(180.0).to_numpy(float) if "service" in plan else np.full(len(plan), 180.0)
    sums = dict.fromkeys(("km", "hours", "overload", "overtime", "over_count", "broken"), 0.0)
    used: dict[int, int] = {}
    for _, sheet in tours.stops.groupby("tour"):
        kind, row, at = (sheet[name].tolist() for name in ("kind", "row", "at"))
        truck = int(sheet["type"].iloc[0])
        used[truck] = used.get(truck, 0) + 1
        ends_at_yard = kind[0] == kind[-1] == "depot" and at[0] == at[-1] and "depot" not in kind[1:-1]
        sums["broken"] += float(not ends_at_yard)
        capacity, shift = float(vehicles["capacity"].iloc[truck]), float(_given(vehicles, "shift", truck, 8.0))
        metres = sum(tours.travel.distance[a, b] for a, b in pairwise(at))
        drive = sum(tours.travel.duration[a, b] for a, b in pairwise(at)) / float(sheet["pace"].iloc[0])
        wait = sum(
            service[r] if k == "tree" else tours.refill[r] if k == "hydrant" else 0.0
            for k, r in zip(kind, row, strict=True)
        )
        hours = (drive + wait) / 3600
        sums["km"] += metres / 1000
        sums["hours"] += hours
        sums["overtime"] += max(0.0, hours - shift)
        load = 0.0
        for k, r in zip(kind, row, strict=True):
            load = 0.0 if k != "tree" else load + litres[r]
            sums["overload"] += max(0.0, min(load - capacity, litres[r] if k == "tree" else 0.0))
    for truck, tours_of in used.items():
        sums["over_count"] += max(0, tours_of - int(_given(vehicles, "count", truck, 1)))
    visits = tours.stops.loc[tours.stops["kind"] == "tree", "row"]
    return sums | {
        "twice": float(visits.duplicated().sum()),
        "lost": float(len(plan) - visits.nunique() - len(tours.unserved)),
    }


def _given(table: pd.DataFrame, name: str, row: int, default: float) -> Any:
    value = table[name].iloc[row] if name in table else default
    return default if pd.isna(value) else value
