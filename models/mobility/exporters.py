"""Network and trips for simulators of single vehicles: SUMO (Eclipse) and UXsim.

A steady hour of traffic is what :func:`models.mobility.assign` answers; queues, signals and single vehicles are what those
simulators are made for. Nothing of them is needed to write the files.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd

from models.layers import InputError
from models.mobility.network import Network

__all__ = ["to_sumo", "to_uxsim"]

_SPEED = 50.0  # [km/h] where the network knows none
_JAM = 0.2
"""Vehicles on a metre of standing lane."""


def to_sumo(
    network: Network,
    trips: pd.DataFrame,
    folder: str | PathLike[str],
    *,
    name: str = "city",
    hours: float = 1.0,
    open_arcs: Any = None,
) -> Path:
    """Write streets and trips as SUMO's plain XML, and return the file for ``netconvert``.

    Parameters
    ----------
    network : Network
        Streets; arcs become edges with their course.
    trips : pandas.DataFrame
        ``origin``, ``destination`` (node rows), ``trips`` in the whole time.
    folder : path
        Receives ``<name>.nod.xml``, ``.edg.xml``, ``.trips.xml``, ``.netccfg`` and ``.sumocfg``.
    name : str
        Stem of the files.
    hours : float
        Time over which the trips start, evenly [h].
    open_arcs : array_like of bool, optional
        Arcs that cars may use; by default those of edges whose ``car`` is True, or all.

    Returns
    -------
    pathlib.Path
        The ``.netccfg``: run ``netconvert -c city.netccfg``, then ``sumo -c city.sumocfg``.

    Raises
    ------
    InputError
        If a trip starts or ends at a node that no open arc leaves or reaches.

    Examples
    --------
    >>> import tempfile
    >>> net = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    >>> made = to_sumo(net, pd.DataFrame({"origin": [0], "destination": [1], "trips": [3]}), tempfile.mkdtemp())
    >>> sorted(file.name for file in made.parent.iterdir())
    ['city.edg.xml', 'city.netccfg', 'city.nod.xml', 'city.sumocfg', 'city.trips.xml']
    """
    use = _open(network, open_arcs)
    _check(network, trips, use)
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    at = np.unique(np.concatenate([network.tail[use], network.head[use]]))
    nodes = ET.Element("nodes")
    for node in at:
        x, y = network.xy[node]
        ET.SubElement(nodes, "node", id=f"n{node}", x=f"{x:.2f}", y=f"{y:.2f}")
    edges, speed, lanes = ET.Element("edges"), _speed(network), _lanes(network)
    for arc in np.flatnonzero(use):
        course = network.line(int(network.edge[arc]), forward=bool(network.forward[arc]))
        values = {
            "id": f"a{arc}", "from": f"n{network.tail[arc]}", "to": f"n{network.head[arc]}", "speed": f"{speed[arc] / 3.6:.2f}",
            "numLanes": str(lanes[arc]), "name": str(network.edges["name"].iloc[network.edge[arc]]),
        }  # fmt: skip
        if len(course) > 2:
            values["shape"] = " ".join(f"{x:.2f},{y:.2f}" for x, y in course)
        ET.SubElement(edges, "edge", values)
    _write(out / f"{name}.nod.xml", nodes)
    _write(out / f"{name}.edg.xml", edges)
    _write(out / f"{name}.trips.xml", _trips(trips, hours))
    files = {"node-files": f"{name}.nod.xml", "edge-files": f"{name}.edg.xml"}
    convert = _configuration({"input": files, "output": {"output-file": f"{name}.net.xml"}})
    simulate = _configuration({"input": {"net-file": f"{name}.net.xml", "route-files": f"{name}.trips.xml", "junction-taz": "true"},
                               "time": {"begin": "0", "end": f"{3600 * hours + 7200:.0f}"}})  # fmt: skip
    _write(out / f"{name}.sumocfg", simulate)
    return _write(out / f"{name}.netccfg", convert)


def to_uxsim(network: Network, trips: pd.DataFrame, world: Any, *, hours: float = 1.0, open_arcs: Any = None) -> Any:
    """Add streets and trips to a UXsim world and return it.

    Parameters
    ----------
    network, trips, hours, open_arcs
        As for :func:`to_sumo`.
    world : uxsim.World
        Made by the caller, so that its step and its name are theirs.
    """
    use = _open(network, open_arcs)
    _check(network, trips, use)
    at = np.unique(np.concatenate([network.tail[use], network.head[use]]))
    for node in at:
        world.addNode(f"n{node}", *(float(value) for value in network.xy[node]))
    speed, lanes = _speed(network), _lanes(network)
    for arc in np.flatnonzero(use):
        world.addLink(f"a{arc}", f"n{network.tail[arc]}", f"n{network.head[arc]}", length=max(float(network.length[arc]), 1.0),
                      free_flow_speed=float(speed[arc] / 3.6), jam_density=_JAM, number_of_lanes=int(lanes[arc]))  # fmt: skip
    for origin, destination, number in trips[["origin", "destination", "trips"]].itertuples(index=False):
        if number > 0:
            world.adddemand(f"n{int(origin)}", f"n{int(destination)}", 0, 3600.0 * hours, volume=float(number))
    return world


def _open(network: Network, open_arcs: Any) -> np.ndarray:
    if open_arcs is None:
        cars = network.edges["car"].to_numpy(bool) if "car" in network.edges else np.ones(len(network.edges), bool)
        return np.asarray(network.on_arcs(cars))
    use = np.asarray(open_arcs, dtype=bool)
    if use.shape != (network.arcs,):
        raise InputError(f"open_arcs must be {network.arcs} values, one an arc, not an array of shape {use.shape}.")
    return use


def _check(network: Network, trips: pd.DataFrame, use: np.ndarray) -> None:
    missing = [name for name in ("origin", "destination", "trips") if name not in trips]
    if missing:
        raise InputError(f"trips lacks the column {missing[0]!r}: it needs origin, destination (node rows) and trips.")
    for column, ends, verb in (("origin", network.tail, "leaves"), ("destination", network.head, "reaches")):
        known = np.isin(trips[column].to_numpy(), ends[use])
        if not known.all():
            node = trips[column].to_numpy()[~known][0]
            raise InputError(
                f"No open street {verb} node {node}, the {column} of a trip: leave the trip out or open a street."
            )


def _speed(network: Network) -> np.ndarray:
    return np.asarray(network.on_arcs(np.nan_to_num(network.edges["speed"].to_numpy(float), nan=_SPEED)))


def _lanes(network: Network) -> np.ndarray:
    """Return lanes in each direction, at least 1."""
    lanes = network.edges["lanes"].to_numpy(float)
    both = (network.edges["oneway"] == "").to_numpy()
    return network.on_arcs(np.maximum(np.nan_to_num(np.where(both, lanes / 2, lanes), nan=1.0), 1.0)).astype(int)


def _trips(trips: pd.DataFrame, hours: float) -> ET.Element:
    """Return single trips, spread evenly over the time and in its order; parts of a trip are rounded for each pair."""
    rows = []
    for origin, destination, number in trips[["origin", "destination", "trips"]].itertuples(index=False):
        count = int(np.floor(number + 0.5))
        starts = (np.arange(count) + 0.5) / max(count, 1) * 3600.0 * hours
        rows += [(start, int(origin), int(destination)) for start in starts]
    routes = ET.Element("routes")
    for k, (start, origin, destination) in enumerate(sorted(rows)):
        ET.SubElement(
            routes,
            "trip",
            {"id": f"t{k}", "depart": f"{start:.2f}", "fromJunction": f"n{origin}", "toJunction": f"n{destination}"},
        )
    return routes


def _configuration(parts: dict[str, dict[str, str]]) -> ET.Element:
    root = ET.Element("configuration")
    for part, values in parts.items():
        inner = ET.SubElement(root, part)
        for key, value in values.items():
            ET.SubElement(inner, key, value=value)
    return root


def _write(file: Path, root: ET.Element) -> Path:
    ET.indent(root, space="  ")
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    temporary.replace(file)
    return file
