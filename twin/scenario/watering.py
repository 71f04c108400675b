"""Trees in a run: soil water until today, the plan of the coming days, and the round that brings the litres."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from twin.city import gaps as gap_table
from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.language import LANGUAGES, text
from twin.scenario.indicators import indicator_table
from twin.scenario.inputs import weather_from
from twin.scenario.parts import TreesRun, WeatherSource
from twin.scenario.schema import Scenario
from twin.scenario.tree_inputs import read_table_of, tree_table
from twin.scenario.tree_tours import Round, drive
from twin.scenario.watering_words import simple_sentence, why

if TYPE_CHECKING:
    from models.heat import SkyGeometry
    from models.water import TreeBalance, TreeState, WateringPlan, WateringSeason
    from twin.city.model import City

__all__ = ["run_watering", "tree_sources"]

_WILTING = 0.05
"""Share of the available water up to which a tree counts as at wilting."""
_NEVER = np.datetime64("NaT")
Found = tuple[dict[str, xr.Dataset], pd.DataFrame, dict[str, gpd.GeoDataFrame]]


def run_watering(
    scenario: Scenario, asked: TreesRun, city: City, site: xr.Dataset, place: tuple[float, float],
    geometry: SkyGeometry | xr.DataArray | None,
) -> Found:  # fmt: skip
    """Run the trees of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Resolves the paths.
    asked : TreesRun
        What it asks for.
    city : City
        Its trees and streets.
    site : xarray.Dataset
        Site layers.
    place : tuple of float
        Latitude and longitude [deg].
    geometry : SkyGeometry, xarray.DataArray or None
        What trees see of the sky, or the share of it; where heat was run.

    Returns
    -------
    datasets, indicators, features
        ``trees``: by day the mean probability of drought stress, trees and litres due; gap rows in ``attrs["gaps"]``.
        ``trees_plan`` (points) and, with tours, ``tours`` (lines) and ``tour_stops`` (points).
    """
    from models import water

    log = GapLog()
    weather, forecast = _weather(scenario, asked, log)
    log_of = None
    if asked.waterings is not None:
        log_of = read_table_of(scenario.resolve(asked.waterings), ("tree", "date", "litres"), ("litres",))
    known = None
    if asked.table is not None:
        known = read_table_of(scenario.resolve(asked.table), ("id",))
    middle = pd.Timestamp(weather["time"].values[weather.sizes["time"] // 2])
    trees, of_table = tree_table(city, site, asked, known, geometry, int(middle.day_of_year))
    log.extend(of_table)
    where: dict[str, Any] = {
        "latitude": place[0],
        "longitude": place[1],
        "elevation": float(site["terrain_height"].mean()),
    }
    state: TreeBalance | TreeState
    common: dict[str, Any] = {"waterings": log_of, "initial": asked.initial, **where}
    if asked.sensors is not None:
        columns = ("tree", "time", "depth", "kind", "value", "unit")
        readings = read_table_of(scenario.resolve(asked.sensors), columns, ("depth", "value"))
        state = water.tree_state_from_readings(trees, weather, readings, **common)
        balance, kept = state.balance, len(readings) - len(state.refused)
        _refused(state.refused, len(readings), kept, log, asked.sensors)
    else:
        state = balance = water.tree_water_balance(trees, weather, **common)
    oldest = np.inf if asked.oldest is None else asked.oldest
    plan = water.watering_plan(
        state, forecast, days=asked.days, thresholds=asked.thresholds, ring_capacity=asked.ring, target=asked.target,
        oldest=oldest, **where,
    )  # fmt: skip
    _balance_gaps(balance, trees, log)
    log.add("trees_forecast_short", layer="trees", severity="warning", count=plan.asked - plan.days, of=plan.asked)
    if plan.spread == "noise":
        log.add("trees_forecast_alone", layer="weather", severity="info", count=plan.days, of=plan.days)
    features = {"trees_plan": _features(plan, balance, trees, city)}
    driven = drive(scenario, asked, city, features["trees_plan"], log)
    if driven is not None:
        features |= {"tours": driven.tours, "tour_stops": driven.stops}
        served = driven.stops[driven.stops["kind"] == "tree"].set_index("id")["tour"]
        features["trees_plan"]["tour"] = features["trees_plan"]["id"].map(served).fillna(0).astype(int)
    rule: dict[str, Any] = {"thresholds": asked.thresholds, "target": asked.target, "ring_capacity": asked.ring}
    season = water.watering_season(balance, weather, initial=asked.initial, oldest=oldest, **rule, **where)
    data = _dataset(plan, season, log)
    return {"trees": data}, indicator_table(_rows(plan, season, driven)), features


def tree_sources(asked: TreesRun) -> list[tuple[str, str]]:
    """Return role and path of the files that the trees of a scenario rest on."""
    return [
        (where.split("] ")[0].strip("[") + "." + where.split("] ")[1], path) for where, path in asked.files() if path
    ]


def _weather(scenario: Scenario, asked: TreesRun, log: GapLog) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the weather before today and that of the coming days."""
    past = _read(scenario, asked.weather)
    if asked.forecast is not None:
        return past, _read(scenario, asked.forecast)
    times = past["time"].values
    today = times[-1] - np.timedelta64(asked.days, "D")
    if today <= times[0]:
        raise InputError(text("trees.weather_short", file=asked.weather.origin(), days=asked.days))
    log.add("trees_hindcast", layer="weather", severity="info", count=asked.days, of=asked.days)
    before = times <= today
    return past.isel(time=np.flatnonzero(before)), past.isel(time=np.flatnonzero(~before))


def _read(scenario: Scenario, source: WeatherSource) -> xr.Dataset:
    return weather_from(scenario, source, ("air_temperature", "precipitation"))


def _refused(refused: pd.DataFrame, given: int, kept: int, log: GapLog, file: str) -> None:
    if kept <= 0:
        log.add("trees_no_reading", layer="sensors", severity="warning", count=given, of=given, source=file)
    for reason, rows in refused.groupby("reason") if len(refused) else ():
        log.add("trees_reading_refused", layer="sensors", severity="warning", count=len(rows), of=given, source=file,
                places=rows["tree"], **_both(str(reason)))  # fmt: skip


def _both(reason: str, default: str = "") -> dict[str, str]:
    """Return a reason and a default of the model in both languages, for the sentences of gap rows."""
    words = {}
    for language in LANGUAGES:
        known = text("trees.reasons", language).split("|")
        named = dict(pair.split("=", 1) for pair in known)
        start = next((key for key in named if reason.startswith(key)), "")
        words[f"why_{language}"] = named[start] + reason[len(start) :] if start else reason
        age = default.removesuffix(" years old")
        said = text("trees.default_age", language, age=age) if age != default else default
        words[f"taken_{language}"] = text("trees.default_kind", language) if default == "middle" else said
    return words


def _balance_gaps(balance: TreeBalance, trees: pd.DataFrame, log: GapLog) -> None:
    """Tell every default of the balance."""
    for row in balance.reasons.to_dict("records"):
        code = (
            f"trees_{row['reason']}" if row["reason"] in ("missing", "impossible", "unknown") else "trees_watering_left"
        )
        names = trees["id"].to_numpy()[row["trees"]] if code != "trees_watering_left" else row["trees"]
        log.add(code, layer="trees", severity="default" if code != "trees_watering_left" else "warning",
                count=int(row["count"]), of=int(row["of"]), places=names, default=str(row["default"]),
                column=str(row["column"]), **_both(str(row["reason"]), str(row["default"])))  # fmt: skip
    if balance.filled:
        log.add("trees_weather_filled", layer="weather", severity="default", count=1, of=1, default=balance.filled)


def _features(plan: WateringPlan, balance: TreeBalance, trees: pd.DataFrame, city: City) -> gpd.GeoDataFrame:
    table = plan.table
    found = pd.DataFrame({"id": table.index.astype(str), "species": trees["species"].astype(str).to_numpy()})
    found["date"] = table["date"].dt.strftime("%Y-%m-%d").fillna("").to_numpy()
    for name in ("litres", "need"):
        found[name] = table[name].round(1).to_numpy()
    found["visits"] = table["visits"].to_numpy()
    for name in ("probability", "priority", "now", "water", "limit", "depletion", "stress_days", "demand", "weight"):
        found[name] = np.nan_to_num(table[name].to_numpy(dtype=float).round(3), neginf=0.0)
    for name in ("reason", "layer", "age", "sensors"):
        found[name] = table[name].to_numpy()
    found["soil"] = balance.parameters.soil.astype(str)
    days = pd.DatetimeIndex(plan.probability["time"].values)
    for language in LANGUAGES:
        found[f"why_{language}"] = why(plan, days, language)
        found[f"simple_{language}"] = simple_sentence(plan, language)
    return gpd.GeoDataFrame(found, geometry=city.trees.geometry.to_numpy(), crs=city.trees.crs)


def _dataset(plan: WateringPlan, season: WateringSeason, log: GapLog) -> xr.Dataset:
    """Return the plan by day, and the two rules of watering compared over the weeks before."""
    times = plan.probability["time"].values
    due = plan.table[plan.table["litres"] > 0].groupby("date")["litres"].agg(["size", "sum"]).reindex(times).fillna(0.0)
    in_charge = (plan.table["reason"] != "established").to_numpy()
    chance = plan.probability.values[:, in_charge].mean(axis=1) if in_charge.any() else np.zeros(times.size)
    data = xr.Dataset(
        {
            "stress_probability": ("time", chance.astype(float), {"units": "1", "long_name": "Mean probability of drought stress"}),
            "trees_due": ("time", due["size"].to_numpy(), {"units": "1", "long_name": "Trees to be watered"}),
            "litres_due": ("time", due["sum"].to_numpy(), {"units": "L", "long_name": "Water to be given"}),
        },
        coords={"time": times},
    )  # fmt: skip
    data.attrs = {
        "days": plan.days, "asked": plan.asked, "spread": plan.spread, "members": plan.members,
        "thresholds": plan.thresholds, "gaps": gap_table.to_json(log.table()),
        "season": json.dumps({
            "first": str(season.days[0]), "last": str(season.days[-1]), "every": season.every, "trees": len(season.table),
            **{name: round(float(value), 3) for name, value in season.table.sum().items()},
        }),
    }  # fmt: skip
    return data


def _row(name: str, unit: str, value: float, share: float = np.nan) -> tuple[Any, ...]:
    return name, "", unit, _NEVER, float(value), float(share), "model"


def _rows(plan: WateringPlan, season: WateringSeason, driven: Round | None) -> list[tuple[Any, ...]]:
    table = plan.table
    charge = table[table["reason"] != "established"]
    count, weeks = max(1, len(charge)), plan.days / 7.0
    watered = charge[charge["litres"] > 0]
    litres, sums = float(watered["litres"].sum()), season.table.sum()
    saved = float(sums["litres_calendar"] - sums["litres_need"])
    wilting = int((table["now"] <= _WILTING).sum())
    rows = [
        _row("trees_at_wilting", "1", wilting, wilting / max(1, len(table))),
        _row("trees_to_water", "1", len(watered), len(watered) / count),
        _row("litres_planned", "L", litres),
        _row("litres_per_tree_week", "L", litres / count / weeks),
        _row("litres_saved_calendar", "L", saved, saved / max(float(sums["litres_calendar"]), 1.0)),
        *[_row(f"stress_days_{rule}", "d", sums[f"stress_{rule}"] / count) for rule in ("need", "calendar", "none")],
    ]
    if driven is not None:
        rows.append(_row("tour_km", "km", driven.km / max(1, driven.count)))
        rows.append(_row("tour_trees", "1", driven.served, driven.served / max(1, driven.due)))
    return rows
