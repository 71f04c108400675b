"""A sewer network beneath the flood, coupled both ways: what falls in, what comes up again, and where.

The network is run by SWMM 5.2 (dynamic wave) exactly as its ``.inp`` says; the surface gives it water through manholes
and inlets and takes back what it cannot hold. Once a routing step of SWMM, each coupled node exchanges a flow
(:mod:`models.water.sewer_exchange`), limited by the water that lies in the cell and by the room in the node. Left out:
air in pipes, losses of gratings beyond the coefficients, and rain on SWMM's own subcatchments unless asked for (the rain
falls on the surface). What SWMM's routing loses is given back where water flows, what it makes is taken out.

SWMM itself keeps no flood water. On each coupled lid stands a shaft as wide as SWMM's least node, in which the head of
the sewer can rise above the ground; it comes up from there through the opening, against the water that lies on it.

The water on the ground is measured from the ground of the cell, the head in the sewer from the lid of the node: terrain
and survey of the network rarely agree to the decimetre, and neither may lift water by that difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from models.layers import InputError
from models.water.exchange import Surface
from models.water.house_connections import HouseConnections, Led
from models.water.sewer_exchange import Opening, exchange_flow, steady_outflow
from models.water.sewer_inlets import matched, of_each_node
from models.water.sewer_openings import Openings
from models.water.swmm_client import SwmmClient
from models.water.swmm_files import coordinates, coupled_options, pipe_heights, read_lines

__all__ = ["Sewer", "sewer_alone"]

RELAXATION = 0.8
"""Share of the way from the last flow to the new one that is gone in a step."""
GROWTH = 0.05
"""Share of the height between pipe and lid that counts as free in a step."""
ON_REVERSAL = 0.5
"""Share of a flow that is kept where it turns round."""
RETURN_TIME = 10.0
"""Seconds over which water that SWMM has lost or made is given back to it or taken out."""
RETURNED_SHARE = 0.2
"""Share of the flow through a node up to which this is done there."""
_SUMS = ("_into", "_out_of", "_net_in", "_net_out", "_waiting", "_returned")


class Sewer:
    """A SWMM network that exchanges water with the surface.

    Parameters
    ----------
    path : path
        SWMM 5 input file (``.inp``) as delivered; it is read, never changed.
    x, y : array-like
        Cell centres of the grid [m], ``y`` from north to south, in the reference system of the file's coordinates.
    opening_area : float or mapping of str to float
        Open area of each node [m2]; a mapping names nodes, the others have that of one manhole (0.307 m2).
    rim_length : float or mapping of str to float
        Length of rim that works as a weir [m]; by default that of one manhole (1.963 m).
    nodes : iterable of str, optional
        Nodes to couple; by default all junctions, dividers and storages that have coordinates.
    places : mapping of str to (float, float), optional
        Node name to x, y [m], instead of the file's own coordinates.
    gullies : iterable of (int, int, str), optional
        Row, column and node of each street gully: water falls in there too, and comes up through the lids alone.
    outside : {"error", "leave"}
        What to do with nodes outside the grid: stop and name them, or leave them coupled to nothing.
    rainfall : bool
        Whether rain also falls on the subcatchments of the file; by default not, since it falls on the surface.
    name : str
        Prefix in accounts and checkpoints.

    Attributes
    ----------
    inlets : pandas.DataFrame
        One row a node: ``node``, ``x``, ``y``, ``row``, ``column``, ``lid`` [m above datum], ``state`` (``coupled``,
        ``outside``, ``no coordinates``, ``outfall``, ``not asked for``, ``no cell near``).

    Raises
    ------
    InputError
        If the file is missing, SWMM finds errors in it (named with their lines), or nodes lie outside the grid.

    Examples
    --------
    >>> import numpy as np
    >>> sewer = Sewer("data/samples/kanalnetz.inp", np.arange(571700.5, 572200), np.arange(5676699.5, 5676200, -1))
    >>> int((sewer.inlets["state"] == "coupled").sum()) > 20
    True
    >>> sewer.close()
    """

    def __init__(
        self,
        path: str | PathLike[str],
        x: Iterable[float],
        y: Iterable[float],
        *,
        opening_area: float | Mapping[str, float] = 0.307,
        rim_length: float | Mapping[str, float] = 1.963,
        nodes: Iterable[str] | None = None,
        places: Mapping[str, tuple[float, float]] | None = None,
        gullies: Iterable[tuple[int, int, str]] = (),
        outside: str = "error",
        rainfall: bool = False,
        name: str = "sewer",
    ) -> None:
        if outside not in ("error", "leave"):
            raise InputError(f"outside must be 'error' or 'leave', not {outside!r}.")
        self.name = name
        self._file = Path(path)
        lines = read_lines(self._file)
        places = coordinates(lines, self._file.name) if places is None else places
        self._stride, options = coupled_options(lines, rainfall=rainfall)
        self._routing_step = float(options["ROUTING_STEP"])
        self._swmm = SwmmClient(self._file, lines, options=options)
        try:
            asked = None if nodes is None else list(nodes)
            grid = (np.asarray(list(x), dtype=float), np.asarray(list(y), dtype=float))
            self.inlets = matched(self._swmm.description, places, grid, asked, self._file.name)
            self._refuse_outside(outside)
            self._take_up(lines, opening_area, rim_length, gullies)
        except BaseException:
            self._swmm.close()
            raise

    def _refuse_outside(self, outside: str) -> None:
        beyond = self.inlets.loc[self.inlets["state"] == "outside", "node"].tolist()
        if not (self.inlets["state"] == "coupled").any():
            raise InputError(
                f"None of the {len(self.inlets)} nodes of {self._file.name} lies on the grid: check that [COORDINATES] "
                "are in the reference system of the grid (metres), or take another area."
            )
        if beyond and outside == "error":
            named = ", ".join(beyond[:8]) + (f" and {len(beyond) - 8} more" if len(beyond) > 8 else "")
            raise InputError(
                f"{len(beyond)} nodes of {self._file.name} lie outside the grid ({named}): enlarge the area, or leave "
                'them without exchange with the surface by outside="leave".'
            )

    def _take_up(
        self,
        lines: list[str],
        area: float | Mapping[str, float],
        rim: float | Mapping[str, float],
        gullies: Iterable[tuple[int, int, str]],
    ) -> None:
        """Keep what the exchange needs of each coupled node, and start SWMM."""
        coupled = self.inlets[self.inlets["state"] == "coupled"]
        names = coupled["node"].tolist()
        index = coupled.index.to_numpy()
        self._lid = coupled["lid"].to_numpy(float)
        self._nodes = index
        self._shaft = float(self._swmm.description["surface_area"])
        lids = Opening(
            of_each_node(area, names, 0.307, "opening_area", self._file.name),
            of_each_node(rim, names, 1.963, "rim_length", self._file.name),
        )
        at = coupled["row"].to_numpy(np.int64), coupled["column"].to_numpy(np.int64)
        self._openings = Openings(*at, lids, gullies, names)
        self.longest_step = float(self._stride)
        heights = pipe_heights(lines)
        crown = np.array([heights.get(name, 0.0) for name in names]) * self._swmm.length
        self._crown = np.minimum(crown - np.asarray(self._swmm.description["depth"], dtype=float)[index], 0.0)
        self._swmm.start(index.tolist())
        self._flow = np.zeros(self._openings.rows.size)  # of each opening, and of each node
        self._node_flow = np.zeros(len(names))
        self._waiting = 0.0
        self._into, self._out_of = 0.0, 0.0
        self._net_in, self._net_out, self._returned = 0.0, 0.0, 0.0
        self._given: list[np.ndarray] = []
        self._houses: list[HouseConnections] = []

    def connect(self, source: Led, nodes: Mapping[int, str] | None = None) -> None:
        """Let what roofs or drained measures lead to the sewer flow into this network, past the surface.

        :func:`models.water.flooding.flood` does so by itself where a network is among its sources.

        Parameters
        ----------
        source : Roofs or Retention
            ``Rain.roofs`` of the run, or its measures.
        nodes : mapping of int to str, optional
            Node by number of the building or measure, key 0 for all others; by default the nearest coupled node.
        """
        coupled = self.inlets[self.inlets["state"] == "coupled"]
        rows, columns = (coupled[axis].to_numpy(float) for axis in ("row", "column"))
        self._houses.append(HouseConnections(source, nodes or {}, coupled["node"].tolist(), rows, columns))

    @property
    def file(self) -> str:
        """Name of the file."""
        return self._file.name

    @property
    def connected(self) -> bool:
        """Whether roofs or measures have been connected."""
        return bool(self._houses)

    # ---- the protocol of a source

    def step(self, time: float, duration: float, surface: Surface) -> None:  # noqa: ARG002
        """Exchange water with the surface in each routing step of SWMM; several short calls are gathered to a few."""
        self._waiting += duration
        if self._waiting < self._stride - 1e-6:
            return
        steps = math.floor(self._waiting / self._routing_step + 1e-6)
        self._waiting -= steps * self._routing_step
        if not self._openings.settled:
            self._settle(surface)
        arriving = np.zeros(len(self._node_flow))
        for houses in self._houses:
            arriving += houses.next() / steps
        for _ in range(steps):
            self._route(surface, arriving)

    def _route(self, surface: Surface, arriving: np.ndarray) -> None:
        """Do one routing step with what the openings exchange and what comes from houses [m3]."""
        seconds = self._routing_step
        taken = self._openings.exchange(self._wanted(surface, seconds) * seconds, surface)
        self._flow, by_node = taken / seconds, self._openings.by_node(taken)
        self._node_flow = by_node / seconds
        lost = self._lost() * seconds
        self._returned += float(lost.sum())
        by_node = by_node + arriving + lost
        self._into += float(np.maximum(taken, 0.0).sum())
        self._out_of += float(np.maximum(-taken, 0.0).sum())
        self._net_in += float(np.maximum(by_node, 0.0).sum())
        self._net_out += float(np.maximum(-by_node, 0.0).sum())
        given = by_node / seconds
        self._swmm.advance(given)
        self._given.append(given)

    def _lost(self) -> np.ndarray:
        """Return the flow [m3/s] into each node that makes good what SWMM has lost (or made) so far."""
        node = self._swmm.nodes
        through = RETURNED_SHARE * np.maximum(np.minimum(node["inflow"], node["outflow"]), 0.0)
        most = float(through.sum())
        wanted = (float(node["missing"]) - self._returned) / RETURN_TIME
        return through * (min(max(wanted / most, -1.0), 1.0) if most > 0.0 else 0.0)

    def account(self) -> Mapping[str, float]:
        """Return the volumes [m3] that came up from the sewer (positive) and fell into it (negative)."""
        return {"from_sewer": self._out_of, "to_sewer": -self._into}

    def state(self) -> Mapping[str, np.ndarray]:
        """Return all flows given to SWMM so far: replayed, they bring it to the same state, bit by bit.

        SWMM's own hotstart file keeps single precision and no statistics, so a run resumed from it goes on slightly
        otherwise.
        """
        shape = (0, len(self._node_flow))
        return {
            "flows": np.array(self._given) if self._given else np.zeros(shape),
            "openings": self._flow.copy(),
            "nodes": self._node_flow.copy(),
            **{f"houses_{i}": houses.state() for i, houses in enumerate(self._houses)},
            "volumes": np.array([self._into, self._out_of, self._net_in, self._net_out, self._waiting, self._returned]),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Run SWMM anew with the recorded flows and go on from there."""
        flows = np.asarray(state["flows"], dtype=float)
        if flows.shape[1] != len(self._node_flow) or np.size(state["openings"]) != len(self._flow):
            raise InputError(
                f"The checkpoint holds {flows.shape[1]} sewer nodes, {self._file.name} couples {len(self._node_flow)}: "
                "resume with the .inp and the grid that the run began with."
            )
        self._swmm.restart()
        self._given = [row.copy() for row in flows]
        self._swmm.replay(flows)
        self._node_flow = np.array(state["nodes"], dtype=float)
        for i, houses in enumerate(self._houses):
            houses.restore(state.get(f"houses_{i}", np.zeros(0)))
        self._flow = np.array(state["openings"], dtype=float)
        for name, value in zip(_SUMS, state["volumes"], strict=True):
            setattr(self, name, float(value))

    # ---- the exchange

    def _settle(self, surface: Surface) -> None:
        """Bring the openings to cells where water can be, and the table of inlets with them."""
        self._openings.settle(surface)
        table = self.inlets
        for item, node in enumerate(self._nodes):
            if not self._openings.open[item]:
                table.loc[node, "state"] = "no cell near"
            table.loc[node, ["row", "column"]] = self._openings.rows[item], self._openings.columns[item]

    def _wanted(self, surface: Surface, seconds: float) -> np.ndarray:
        """Return the flow wanted into each opening [m3/s], relaxed towards that of the step before."""
        openings, node = self._openings, self._swmm.nodes
        depth = openings.depth(surface)
        node_head, give = node["head"] - self._lid, self._shaft / seconds
        supply = node["inflow"] - node["outflow"] - self._node_flow  # by pipes and by the network's own inflows
        head = node_head[openings.owner]
        flow = exchange_flow(depth, head, openings.size)
        if (head > depth).any():
            rising = steady_outflow(depth, head + supply[openings.owner] / give, give, openings.size)
            flow = np.where(head > depth, np.where(openings.lid, -rising, 0.0), flow)
        down = openings.by_node(np.maximum(flow, 0.0))
        room = self._room(depth[: openings.nodes], node_head, supply, give)
        fits = np.where(down > room, room / np.maximum(down, 1e-300), 1.0)
        flow = np.where(flow > 0.0, flow * fits[openings.owner], flow)
        turned = flow * self._flow < 0.0
        flow = self._flow + RELAXATION * (flow - self._flow)
        flow = np.where(turned, ON_REVERSAL * flow, flow)
        above = np.where(node_head > 0.0, node_head * give + np.maximum(supply, 0.0), 0.0)  # all that can come up
        flow = np.maximum(flow, np.where(openings.lid, -above[openings.owner], 0.0))
        return np.where(openings.open, flow, 0.0)

    def _room(self, depth: np.ndarray, head: np.ndarray, supply: np.ndarray, give: float) -> np.ndarray:
        """Return the flow [m3/s] that fits into each node: what its pipes carry away, and its free volume.

        Between the crown of its pipes and its lid a node of SWMM holds nothing: there the flow may grow little by little.
        """
        below, above = np.maximum(self._crown - head, 0.0), np.maximum(depth - np.maximum(head, 0.0), 0.0)
        between = GROWTH * np.maximum(-np.maximum(head, self._crown), 0.0)
        return np.maximum((below + between + above) * give - supply, 0.0)

    # ---- the network's own books

    def balance(self) -> Mapping[str, float]:
        """Return the books of the network [m3]: what came in, what left, what it stores, and what is missing.

        ``relative_error`` is of all that came in or was there; a simulation that closes has it below 0.001. It is what
        is left after ``returned``: the water that SWMM's own routing had lost and was given back (below zero: had made and
        was taken out). ``swmm_relative_error`` is that of SWMM by itself.
        """
        total = self._swmm.totals()
        # SWMM counts a changing flow by the mean of both ends of a routing step: half of the last one is under way
        half = 0.5 * self._routing_step
        last = self._given[-1] if self._given else np.zeros_like(self._node_flow)
        late_in, late_out = half * float(np.maximum(last, 0.0).sum()), half * float(np.maximum(-last, 0.0).sum())
        houses = sum(one.passed for one in self._houses)
        own = sum(total[key] for key in ("dwInflow", "wwInflow", "gwInflow", "iiInflow", "exInflow"))
        own -= self._net_in - late_in
        outfalls = total["outflow"] - (self._net_out - late_out)
        losses = total["evapLoss"] + total["seepLoss"]
        left = outfalls + self._out_of + total["flooding"] + losses
        error = total["initStorage"] + own + houses + self._into - left - total["finalStorage"] - (late_in - late_out)
        turnover = total["initStorage"] + max(own, 0.0) + houses + self._into
        return {
            "stored_before": total["initStorage"],
            "own_inflow": own,
            "from_houses": houses,
            "waiting_in_house_pipes": sum(one.waiting for one in self._houses),
            "from_surface": self._into,
            "to_surface": self._out_of,
            "outfalls": outfalls,
            "spilled_elsewhere": total["flooding"],
            "losses": losses,
            "stored": total["finalStorage"],
            "under_way": late_in - late_out,
            "returned": self._returned,
            "error": error,
            "relative_error": abs(error) / turnover if turnover > 0 else 0.0,
            "swmm_relative_error": abs(error + self._returned) / turnover if turnover > 0 else 0.0,
        }

    def close(self) -> None:
        """End SWMM; the numbers stay."""
        self._swmm.close()

    def __enter__(self) -> Sewer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sewer_alone(path: str | PathLike[str]) -> Mapping[str, Any]:
    """Run a sewer network by itself, as its file says and for as long as it says, and return its books.

    Parameters
    ----------
    path : path
        SWMM 5 input file; it is read, never changed.

    Returns
    -------
    mapping
        ``totals`` (volumes by SWMM's names [m3]), ``spilled`` (node to volume lost at its lid [m3]), ``outfalls`` (outfall
        to mean and highest flow [m3/s]), ``continuity_error`` (runoff, flow routing, quality; share).

    Raises
    ------
    InputError
        If the file is missing or SWMM finds errors in it.

    Examples
    --------
    >>> books = sewer_alone("data/samples/kanalnetz.inp")
    >>> books["totals"]["flooding"], books["totals"]["outflow"] > 20.0
    (0.0, True)
    """
    file = Path(path)
    swmm = SwmmClient(file, read_lines(file), options={})
    try:
        return swmm.run_alone()
    finally:
        swmm.close()
