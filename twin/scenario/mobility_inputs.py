"""What ways and traffic need beside the streets: places with their doors, people at the nodes, trips.

Places come from a table of the scenario and from the functions of buildings (``tables/place_kinds.csv``). Where no
population is known, people are spread over the floor area of dwellings, and the gap table says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import read_table
from twin.city.gaps import GapLog
from twin.errors import InputError
from twin.language import text
from twin.scenario.tree_inputs import read_table_of

if TYPE_CHECKING:
    from pathlib import Path

    from models.mobility import Network
    from twin.city.model import City
    from twin.scenario.mobility_parts import Place, RoutePart

__all__ = ["Ways", "people_at_nodes", "place_kinds", "places_of", "prepared", "route_ends", "trip_table"]

_DOOR = 150.0
"""A place farther from any street than this [m] is not on the network."""
_FLOOR_AREA_A_HEAD = 47.0
"""Dwelling space a head in Germany [m2], Destatis 2023."""
_NET_OF_GROSS = 0.8
"""Dwelling space by gross floor area."""
_DWELLING = ("1000", "1010", "1020", "1100", "1110", "1120", "1130", "1021", "1022")


@dataclass(frozen=True)
class Ways:
    """The streets of a run with what lies on them.

    Attributes
    ----------
    walk, drive : Network
        On foot (one-way streets open both ways) and by car.
    places : pandas.DataFrame
        id, kind, name, role, x, y, ``walk`` and ``drive`` (node rows).
    people : numpy.ndarray
        At the nodes of ``walk``.
    drivers : numpy.ndarray
        The same people at the nodes of ``drive``.
    counted : bool
        Whether people come from a population layer.
    """

    walk: Network
    drive: Network
    places: pd.DataFrame
    people: np.ndarray
    drivers: np.ndarray
    counted: bool

    def of_role(self, role: str) -> pd.DataFrame:
        """Return the places of one role."""
        return self.places[self.places["role"] == role]


def place_kinds() -> dict[str, dict[str, str]]:
    """Return the rows of ``tables/place_kinds.csv`` by kind."""
    return {row["kind"]: dict(row) for row in read_table("twin.scenario", "place_kinds.csv")}


def prepared(file: Path | None, city: City, site: xr.Dataset, log: GapLog) -> Ways:
    """Return streets, places and people of a run.

    Parameters
    ----------
    file : pathlib.Path or None
        Table of places.
    city : City
        With streets and buildings.
    site : xarray.Dataset
        ``population`` where known.
    log : GapLog
        Is told what was cleaned, guessed and left out.
    """
    from twin.city.street_network import street_network

    walk, drive = street_network(city), street_network(city, walking=False)
    for row in walk.report.to_dict("records"):
        log.add(f"mobility_{row['code']}", layer="streets", severity="info", count=int(row["count"]), of=len(walk.edges),
                length=round(float(row["length"]), 1))  # fmt: skip
    table = places_of(file, city, log)
    xy = table[["x", "y"]].to_numpy(float).reshape(-1, 2)
    usable = (_touched(walk, "foot"), _touched(drive, "car"))
    if not usable[0].any():
        raise InputError(text("mobility.no_footways", city=city.name))
    doors = [net.nearest(xy, within=_DOOR, allowed=nodes) for net, nodes in zip((walk, drive), usable, strict=True)]
    table = table.assign(walk=doors[0], drive=doors[1])
    far = table["walk"] < 0
    log.add("mobility_place_far", layer="streets", severity="warning", count=int(far.sum()), of=len(table), within=_DOOR,
            places=table.loc[far, "name"].tolist())  # fmt: skip
    table = table[~far].reset_index(drop=True)
    people, counted = people_at_nodes(walk, usable[0], city, site, log)
    drivers, _ = (
        people_at_nodes(drive, usable[1], city, site, GapLog()) if usable[1].any() else (np.zeros(drive.nodes), 0)
    )
    return Ways(walk, drive, table, people, drivers, counted)


def _touched(network: Network, use: str) -> np.ndarray:
    """Return which nodes lie on the largest part of the streets of one use."""
    cost = np.where(network.on_arcs(network.edges[use].to_numpy(bool)), 1.0, np.inf)
    label = network.components(cost=cost)
    on = np.zeros(network.nodes, bool)
    on[network.tail[np.isfinite(cost)]] = True
    counts = np.bincount(label[on]) if on.any() else np.zeros(1)
    return on & (label == int(np.argmax(counts)))


def places_of(file: Path | None, city: City, log: GapLog) -> pd.DataFrame:
    """Return the places of a table and of the buildings: id, kind, name, role, x, y; the table comes first."""
    kinds = place_kinds()
    listed = pd.DataFrame(columns=["id", "kind", "name", "role", "x", "y"])
    if file is not None:
        table = read_table_of(file, ("id", "kind", "x", "y"), ("x", "y"))
        unknown = sorted(set(table["kind"].dropna()) - set(kinds))
        if unknown:
            raise InputError(
                text("mobility.kind_unknown", file=file.name, given=", ".join(unknown), allowed=", ".join(kinds))
            )
        if table["id"].duplicated().any():
            twice = table.loc[table["id"].duplicated(), "id"].iloc[0]
            raise InputError(text("mobility.place_twice", file=file.name, id=twice))
        without = table["x"].isna() | table["y"].isna() | table["kind"].isna()
        log.add("mobility_place_nowhere", layer="streets", severity="warning", count=int(without.sum()), of=len(table),
                source=file.name, places=table.loc[without, "id"].tolist())  # fmt: skip
        table = table[~without]
        names = table["name"].fillna("") if "name" in table else pd.Series("", index=table.index)
        listed = table.assign(
            name=np.where(names == "", table["id"], names), role=[kinds[kind]["role"] for kind in table["kind"]]
        )[list(listed.columns)]
    found = _of_buildings(city, kinds)
    known = set(listed["name"])
    found = found[~found["name"].isin(known)]
    parts = [part for part in (listed, found) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else listed


def _of_buildings(city: City, kinds: dict[str, dict[str, str]]) -> pd.DataFrame:
    by_code = {code: kind for kind, row in kinds.items() for code in row["functions"].split("|") if code}
    objects = city.objects
    codes = objects["function"].astype("string").fillna("").str.extract(r"31001_(\d{4})", expand=False)
    rows = np.flatnonzero(codes.isin(list(by_code)).to_numpy() & objects.geometry.notna().to_numpy())
    columns = ["id", "kind", "name", "role", "x", "y"]
    if not len(rows):
        return pd.DataFrame(columns=columns)
    point = objects.geometry.iloc[rows].representative_point()
    kind = [by_code[code] for code in codes.iloc[rows]]
    attributes = objects["attributes"].iloc[rows]
    ids = objects["id"].iloc[rows].astype(str).to_numpy()
    names = [str(a.get("name", "") or i) if isinstance(a, dict) else i for a, i in zip(attributes, ids, strict=True)]
    role = [kinds[name]["role"] for name in kind]
    return pd.DataFrame(
        {"id": ids, "kind": kind, "name": names, "role": role, "x": point.x.to_numpy(), "y": point.y.to_numpy()}
    )[columns]


def people_at_nodes(
    network: Network, allowed: np.ndarray, city: City, site: xr.Dataset, log: GapLog
) -> tuple[np.ndarray, bool]:
    """Return the people at each node, and whether they come from a population layer.

    Parameters
    ----------
    network : Network
        Streets.
    allowed : numpy.ndarray
        bool (nodes,): where people may start.
    city : City
        Dwellings for the estimate.
    site : xarray.Dataset
        ``population`` [persons per cell] where known.
    log : GapLog
        Is told of the estimate.
    """
    if "population" in site:
        weight = np.nan_to_num(site["population"].transpose("y", "x").values.astype(float))
        row, column = np.nonzero(weight > 0)
        xy = np.column_stack([site["x"].values[column], site["y"].values[row]])
        weight = weight[row, column]
    else:
        xy, weight = _dwellers(city)
        log.add("mobility_people_estimated", layer="population", severity="default", count=round(float(weight.sum())),
                of=round(float(weight.sum())), area=_FLOOR_AREA_A_HEAD, places=[])  # fmt: skip
    node = network.nearest(xy, allowed=allowed)
    on = node >= 0
    return np.bincount(node[on], weight[on], network.nodes).astype(float), "population" in site


def _dwellers(city: City) -> tuple[np.ndarray, np.ndarray]:
    """Return dwellings (n, 2) [m] and the people that their floor area would hold."""
    objects = city.objects
    codes = objects["function"].astype("string").fillna("").str.extract(r"31001_(\d{4})", expand=False)
    area = objects.geometry.area.fillna(0.0).to_numpy()
    use = codes.isin(_DWELLING).to_numpy() & (area > 0)
    storeys = objects["storeys"].to_numpy(dtype=float)
    height = objects["measured_height"].to_numpy(dtype=float)
    storeys = np.where(
        np.isfinite(storeys) & (storeys > 0), storeys, np.maximum(np.nan_to_num(height, nan=6.0) / 3.0, 1.0)
    )
    people = (area * storeys * _NET_OF_GROSS / _FLOOR_AREA_A_HEAD)[use]
    point = objects.geometry[use].representative_point()
    return np.column_stack([point.x, point.y]).reshape(-1, 2), people


def route_ends(routes: tuple[RoutePart, ...], ways: Ways) -> list[tuple[str, int, int]]:
    """Return name, start and end node of each asked way.

    Raises
    ------
    InputError
        If a place is not known, or a point is far from any street.
    """
    found = []
    for number, route in enumerate(routes, 1):
        label = route.name or f"{_said(route.start)} → {_said(route.end)}"
        found.append((label, _node(route.start, ways, number), _node(route.end, ways, number)))
    return found


def _said(place: Place) -> str:
    return place if isinstance(place, str) else f"{place[0]:.0f}, {place[1]:.0f}"


def _node(place: Place, ways: Ways, number: int) -> int:
    if isinstance(place, str):
        rows = ways.places[(ways.places["id"] == place) | (ways.places["name"] == place)]
        if rows.empty:
            known = ", ".join(ways.places["name"].head(12))
            raise InputError(text("mobility.place_unknown", number=number, given=place, known=known or "-"))
        return int(rows["walk"].iloc[0])
    node = ways.walk.nearest([place], within=_DOOR, allowed=_touched(ways.walk, "foot"))[0]
    if node < 0:
        raise InputError(text("mobility.point_far", number=number, x=place[0], y=place[1], within=_DOOR))
    return int(node)


def trip_table(file: Path, ways: Ways, log: GapLog) -> pd.DataFrame:
    """Return the trips of an hour as the assignment takes them: origin, destination (node rows), trips."""
    table = read_table_of(file, ("from", "to", "trips"), ("trips",))
    node = dict(zip(ways.places["id"], ways.places["drive"], strict=True))
    node |= {name: at for name, at in zip(ways.places["name"], ways.places["drive"], strict=True) if name not in node}
    start, end = table["from"].map(node), table["to"].map(node)
    bad = start.isna() | end.isna() | (start < 0) | (end < 0) | ~(table["trips"] >= 0)
    log.add("mobility_trip_left", layer="streets", severity="warning", count=int(bad.sum()), of=len(table),
            source=file.name, places=(table.loc[bad, "from"].astype(str) + " → " + table.loc[bad, "to"].astype(str)).tolist())  # fmt: skip
    kept = pd.DataFrame(
        {"origin": start[~bad].astype(int), "destination": end[~bad].astype(int), "trips": table.loc[~bad, "trips"]}
    )
    return kept[kept["origin"] != kept["destination"]].groupby(["origin", "destination"])[["trips"]].sum().reset_index()
