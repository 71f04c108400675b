"""One SWMM 5.2 simulation in a process of its own.

SWMM keeps its network in global memory: a second simulation in the same process would overwrite the first, and a fault
in it would end the caller. So each sewer runs in a child process that this file is the program of; it reads pickled
commands from its standard input and answers on its standard output. Not for use from outside
:mod:`models.water.sewers`; it imports nothing of the house, so that it starts fast.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

__all__ = ["Network", "serve"]

_FLOW_TO_SI = (0.028316846592, 6.30901964e-5, 0.0438126363889, 1.0, 1.0e-3, 1.0e3 / 86400.0)
"""m3/s in one unit of flow, in the order of SWMM's flow units: CFS, GPM, MGD, CMS, LPS, MLD."""
_FIRST_METRIC_UNIT = 3
_FOOT = 0.3048
_TOTALS = ("dwInflow", "wwInflow", "gwInflow", "iiInflow", "exInflow", "flooding", "outflow", "evapLoss", "seepLoss")


class Network:
    """A SWMM network, opened and stepped; everything handed out and taken is in SI units."""

    def __init__(self, folder: str) -> None:
        from swmm.toolkit import shared_enum, solver

        self._solver, self._enum = solver, shared_enum
        solver.swmm_open(*[str(Path(folder) / name) for name in ("network.inp", "network.rpt", "network.out")])
        unit = int(solver.simulation_get_unit(shared_enum.UnitProperty.FLOW_UNIT))
        self._flow = _FLOW_TO_SI[unit]
        self._length = 1.0 if unit >= _FIRST_METRIC_UNIT else _FOOT
        self._volume = self._length**3
        count = int(solver.project_get_count(shared_enum.ObjectType.NODE))
        self.names = [str(solver.project_get_id(shared_enum.ObjectType.NODE, i)) for i in range(count)]
        self.kinds = [int(getattr(kind, "value", kind)) for kind in map(solver.node_get_type, range(count))]
        self._coupled: list[int] = []

    def describe(self) -> dict[str, Any]:
        """Return the nodes: names, kinds (0 junction, 1 outfall, 2 storage, 3 divider), inverts and full depths [m].

        With them the least water surface of a node [m2], the file's unit of length [m] and its routing step [s].
        """
        solver, enum = self._solver, self._enum
        nodes = range(len(self.names))
        return {
            "names": self.names,
            "kinds": self.kinds,
            "invert": [solver.node_get_parameter(i, enum.NodeProperty.INVERT_ELEVATION) * self._length for i in nodes],
            "depth": [solver.node_get_parameter(i, enum.NodeProperty.FULL_DEPTH) * self._length for i in nodes],
            "surface_area": float(solver.simulation_get_parameter(enum.SimSetting.MIN_SURFACE_AREA)) * self._length**2,
            "length": self._length,
            "step": float(solver.simulation_get_parameter(enum.SimSetting.ROUTE_STEP)),
        }

    def start(self, coupled: list[int]) -> dict[str, np.ndarray]:
        """Put a shaft on each coupled lid, in which the head can rise above the ground, and start."""
        solver, enum = self._solver, self._enum
        self._coupled = coupled
        shaft = float(solver.simulation_get_parameter(enum.SimSetting.MIN_SURFACE_AREA))
        for node in range(len(self.names)):
            solver.node_set_parameter(node, enum.NodeProperty.POND_AREA, shaft if node in coupled else 0.0)
        end = solver.simulation_get_datetime(enum.TimeProperty.START_DATE)
        solver.simulation_set_datetime(enum.TimeProperty.END_DATE, int(end[0]) + 5, *[int(part) for part in end[1:]])
        solver.swmm_start(0)
        return self.state()

    def alone(self) -> dict[str, Any]:
        """Run the network as its file says, from its start to its end, and return its books."""
        solver = self._solver
        solver.swmm_start(0)
        while solver.swmm_step() > 0.0:
            pass
        outfalls = {name: solver.outfall_get_stats(i) for i, name in enumerate(self.names) if self.kinds[i] == 1}
        found: dict[str, Any] = {
            "totals": self.totals(),
            "spilled": dict(zip(self.names, self.nodes()["spilled"].tolist(), strict=True)),
            "outfalls": {
                name: (stats.avgFlow * self._flow, stats.maxFlow * self._flow) for name, stats in outfalls.items()
            },
        }
        solver.swmm_end()
        found["continuity_error"] = [float(value) / 100.0 for value in solver.swmm_get_mass_balance()]
        return found

    def advance(self, flows: np.ndarray) -> dict[str, np.ndarray]:
        """Give each coupled node a flow [m3/s] (below zero: take it out) for one routing step; return the state then."""
        self._step(flows / self._flow)
        return self.state()

    def replay(self, flows: np.ndarray) -> dict[str, np.ndarray]:
        """Do many steps of :meth:`advance` at once."""
        for row in flows / self._flow:
            self._step(row)
        return self.state()

    def _step(self, flows: np.ndarray) -> None:
        for node, flow in zip(self._coupled, flows.tolist(), strict=True):
            self._solver.node_set_total_inflow(node, flow)
        self._solver.swmm_step()

    def state(self) -> dict[str, np.ndarray]:
        """Return heads [m], volumes [m3], and flows into and out of the coupled nodes [m3/s]."""
        result, kind, read = self._enum.NodeResult, self._coupled, self._solver.node_get_result
        return {
            "head": np.array([read(i, result.HEAD) for i in kind]) * self._length,
            "volume": np.array([read(i, result.VOLUME) for i in kind]) * self._volume,
            "inflow": np.array([read(i, result.TOTAL_INFLOW) for i in kind]) * self._flow,
            "outflow": np.array([read(i, result.TOTAL_OUTFLOW) for i in kind]) * self._flow,
            "lateral": np.array([read(i, result.LATERAL_INFLOW) for i in kind]) * self._flow,
            "missing": np.array(self._missing()),
        }

    def _missing(self) -> float:
        """Return the water [m3] that came in, did not leave and is not there: SWMM's continuity error so far."""
        total = self.totals()
        came = sum(total[name] for name in ("dwInflow", "wwInflow", "gwInflow", "iiInflow", "exInflow"))
        left = sum(total[name] for name in ("outflow", "flooding", "evapLoss", "seepLoss"))
        return total["initStorage"] + came - left - total["finalStorage"]

    def totals(self) -> dict[str, float]:
        """Return the volumes of the network so far [m3], by SWMM's names, and what it stores."""
        found = self._solver.system_get_routing_totals()
        volumes = {name: float(getattr(found, name)) * self._volume for name in _TOTALS}
        return volumes | {
            "initStorage": float(found.initStorage) * _FOOT**3,  # storage stays in cubic feet whatever the units
            "finalStorage": float(found.finalStorage) * _FOOT**3,
        }

    def nodes(self) -> dict[str, np.ndarray]:
        """Return head [m] and spilled volume [m3] of all nodes."""
        every = range(len(self.names))
        head = [self._solver.node_get_result(i, self._enum.NodeResult.HEAD) for i in every]
        spilled = [self._solver.node_get_stats(i).volFlooded for i in every]
        return {"head": np.array(head) * self._length, "spilled": np.array(spilled) * self._volume}

    def close(self) -> None:
        """End and close the simulation."""
        with contextlib.suppress(Exception):
            self._solver.swmm_end()
        with contextlib.suppress(Exception):
            self._solver.swmm_close()


def _report(folder: str) -> str:
    file = Path(folder) / "network.rpt"
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _answer(commands: BinaryIO, answers: BinaryIO, folder: str) -> None:
    network: Network | None = None

    def send(message: Mapping[str, Any]) -> None:
        pickle.dump(dict(message), answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()

    try:
        network = Network(folder)
        send({"value": network.describe()})
        while True:
            name, arguments = pickle.load(commands)
            if name == "close":
                break
            send({"value": getattr(network, name)(*arguments)})
    except EOFError:
        pass  # the caller has gone
    except Exception as error:
        send({"error": " ".join(str(error).split())})
    finally:
        if network is not None:
            network.close()
        else:
            with contextlib.suppress(Exception):
                from swmm.toolkit import solver

                solver.swmm_close()
    send({"report": _report(folder)})


def serve() -> None:
    """Answer commands until told to close; what SWMM itself prints goes to nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    with contextlib.suppress(BrokenPipeError):
        _answer(sys.stdin.buffer, answers, sys.argv[1])


if __name__ == "__main__":
    serve()
