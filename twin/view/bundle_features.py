"""What people can point at, as tables for the browser: buildings, trees, streets, sensors, and places to search for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from twin.scenario.results import Result
from twin.view.local_frame import LocalFrame
from twin.view.tile_features import building_name
from twin.view.tiles3d import Features
from twin.view.tree_sizes import tree_sizes

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["features_of", "sails_of", "trees_of"]

_BUILDING_VALUES = {"depth_max": "facade_depth", "arrival": "arrival", "duration": "wet_minutes"}
_STREET_VALUES = ("depth_max", "arrival", "length_over_30cm")
_TREE_VALUES = ("litres", "priority", "probability", "days", "stress")


def numbers(values: Any, digits: int) -> list[float | None]:
    """Return numbers as JSON writes them, None where there is none."""
    rounded = np.round(np.asarray(values, float), digits)
    return [float(v) if math.isfinite(v) else None for v in rounded]


def texts(values: Any) -> list[str]:
    """Return texts as JSON writes them, empty where there is none."""
    return ["" if v is None or v != v else str(v) for v in values]


def features_of(
    city: City, features: Features, trees: Mapping[str, Any], result: Result, frame: LocalFrame
) -> dict[str, Any]:
    """Return the tables of all kinds of features of the baseline."""
    streets = _streets(city, result, frame)
    buildings = _buildings(city, features, result)
    sensors = _sensors(city, frame)
    return {
        "buildings": buildings,
        "trees": _trees(trees, result),
        "streets": streets,
        "sensors": sensors,
        "places": _places(buildings, streets, sensors),
    }


def _buildings(city: City, features: Features, result: Result) -> dict[str, Any]:
    objects = city.objects.iloc[features.rows]
    middle = (features.bodies.low + features.bodies.high) / 2
    table: dict[str, Any] = {
        "id": texts(objects["id"]),
        "name": [building_name(a) for a in objects["attributes"]],
        "x": numbers(middle[:, 0], 1),
        "y": numbers(middle[:, 1], 1),
        "z": numbers(features.bodies.high[:, 2], 1),
        "height": numbers(features.columns["height"].values, 1),
        "year": [int(v) or None for v in features.columns["year"].values],
        "storeys": [int(v) or None for v in features.columns["storeys"].values],
    }
    flooded = result.features.get("flooded_buildings")
    values = {}
    if flooded is not None and len(flooded):
        indexed = flooded.drop_duplicates("id").set_index("id").reindex(table["id"])
        values = {key: numbers(indexed[name], 2) for name, key in _BUILDING_VALUES.items() if name in indexed}
    return table | {"values": values}


def trees_of(cities: Mapping[str, City], frame: LocalFrame) -> dict[str, Any]:
    """Return the trees of all variants as one table; ``in`` says by bits in which variants a tree stands."""
    tables = []
    for bit, city in enumerate(cities.values()):
        if not len(city.trees):
            continue
        sizes = tree_sizes(city, frame.origin)
        found = pd.DataFrame(np.round(sizes.foot, 2), columns=["x", "y", "z"])
        found["height"], found["radius"] = np.round(sizes.height, 1), np.round(sizes.radius, 2)
        found["base"], found["shape"] = np.round(sizes.base, 1), sizes.shape
        rows = city.trees.iloc[sizes.rows]
        found["id"], found["species"] = texts(rows["id"]), texts(rows["species"])
        tables.append(found.assign(bit=1 << bit))
    if not tables:
        return {"x": []}
    key = ["id", "x", "y", "height", "radius"]
    every = pd.concat(tables)
    bits = every.groupby(key, sort=False, dropna=False)["bit"].sum()
    kept = every.drop_duplicates(key).set_index(key).assign(bits=bits).reset_index()
    species = sorted(set(kept["species"]))
    shapes = ["ellipsoid", "cone", "cylinder"]
    return {
        **{name: numbers(kept[name], 2) for name in ("x", "y", "z", "height", "radius", "base")},
        "shape": [shapes.index(s) for s in kept["shape"]],
        "shapes": shapes,
        "species": [species.index(s) for s in kept["species"]],
        "names": species,
        "id": list(kept["id"]),
        "in": [int(b) for b in kept["bits"]],
    }


def _trees(trees: Mapping[str, Any], result: Result) -> dict[str, Any]:
    """Return what is known of each tree beside its size (that stands in ``trees.json``, in the same order)."""
    values: dict[str, Any] = {}
    plan = result.features.get("trees_plan")
    if plan is not None and len(plan) and trees["x"]:
        key = next((name for name in ("tree", "id") if name in plan), None)
        if key is not None:
            indexed = plan.assign(**{key: plan[key].astype(str)}).drop_duplicates(key).set_index(key)
            indexed = indexed.reindex(trees["id"])
            values = {name: numbers(indexed[name], 2) for name in _TREE_VALUES if name in indexed}
    return {"id": list(trees.get("id", [])), "values": values}


def _streets(city: City, result: Result, frame: LocalFrame) -> dict[str, Any]:
    network = city.network
    if not len(network):
        return {"name": [], "x": [], "y": [], "lines": [], "values": {}}
    lines = np.asarray(network.geometry.values)
    known = ~shapely.is_missing(lines)
    network, lines = network[known], lines[known]
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    flooded = result.features.get("flooded_streets")
    values = {}
    if flooded is not None and len(flooded) == len(network):
        values = {name: numbers(flooded[name], 2) for name in _STREET_VALUES if name in flooded}
    return {
        "name": texts(network["name"]),
        "kind": texts(network["kind"]),
        "x": numbers(middle[:, 0] - frame.x, 1),
        "y": numbers(middle[:, 1] - frame.y, 1),
        "lines": [np.round(shapely.get_coordinates(line) - [frame.x, frame.y], 1).ravel().tolist() for line in lines],
        "values": values,
    }


def _sensors(city: City, frame: LocalFrame) -> dict[str, Any]:
    stations = city.stations
    x = stations.geometry.x.to_numpy() if len(stations) else np.zeros(0)
    y = stations.geometry.y.to_numpy() if len(stations) else np.zeros(0)
    return {
        "id": texts(stations["id"]) if len(stations) else [],
        "name": texts(stations["name"]) if len(stations) else [],
        "x": numbers(x - frame.x, 1),
        "y": numbers(y - frame.y, 1),
        "values": {},
    }


def _places(buildings: Mapping[str, Any], streets: Mapping[str, Any], sensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return names to search for, each once, with the kind and row they stand for."""
    found: dict[tuple[str, str], tuple[float, float, int]] = {}
    for kind, table in (("building", buildings), ("street", streets), ("sensor", sensors)):
        for row, name in enumerate(table["name"]):
            if name:
                found.setdefault((name, kind), (table["x"][row], table["y"][row], row))
    return {
        "name": [name for name, _ in found],
        "kind": [kind for _, kind in found],
        "x": [x for x, _, _ in found.values()],
        "y": [y for _, y, _ in found.values()],
        "row": [row for _, _, row in found.values()],
    }


def sails_of(cities: Mapping[str, City], frame: LocalFrame) -> list[dict[str, Any]]:
    """Return shade sails as outlines in local metres with their height above ground and the variants they hang in."""
    found = []
    for bit, city in enumerate(cities.values()):
        if not len(city.structures):
            continue
        sails = city.structures[city.structures["kind"] == "sail"]
        for shape, height in zip(sails.geometry, sails["height"], strict=True):
            for part in shapely.get_parts(shape):
                if part.geom_type == "Polygon":
                    outline = np.round(shapely.get_coordinates(part.exterior)[:-1] - [frame.x, frame.y], 2)
                    found.append({"outline": outline.ravel().tolist(), "height": float(height), "in": 1 << bit})
    return found
