"""Assignment: published optima, Braess, conservation of flow, classes, tolls, closures, bad input."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from models.layers import InputError
from models.mobility.assignment import Demand, assign
from models.mobility.network import Network


def _tntp(path: Path) -> tuple[dict[str, str], list[str]]:
    meta, body = path.read_text(encoding="utf-8").split("<END OF METADATA>")
    rows = [line.strip() for line in body.splitlines()]
    return dict(re.findall(r"<([^>]+)>\s*(\S+)", meta)), [row for row in rows if row and not row.startswith("~")]


def _case(folder: Path, name: str):
    meta, rows = _tntp(folder / name / f"{name}_net.tntp")
    links = np.array([[float(v) for v in row.rstrip(";").split()[:10]] for row in rows])
    zones, nodes = int(meta["NUMBER OF ZONES"]), int(meta["NUMBER OF NODES"])
    trips, origin = np.zeros((zones, zones)), 0
    for row in _tntp(folder / name / f"{name}_trips.tntp")[1]:
        if row.startswith("Origin"):
            origin = int(row.split()[1]) - 1
        for to, value in re.findall(r"(\d+)\s*:\s*([-+0-9.eE]+)", row):
            trips[origin, int(to) - 1] += float(value)
    begin, end = links[:, 0].astype(int) - 1, links[:, 1].astype(int) - 1
    net = Network.from_edges(
        begin, end, links[:, 3], xy=np.zeros((nodes, 2)), attributes={"oneway": ["forward"] * len(links)}
    )
    columns = {"free_time": 4, "capacity": 2, "alpha": 5, "beta": 6}
    given = {key: links[net.edge, column] for key, column in columns.items()}
    return net, trips, {**given, "first_through": int(meta["FIRST THRU NODE"]) - 1}


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "reference" / "mobility"


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "objective", "total", "most"),
    [("SiouxFalls", 4231335.2871074397, 7480225.345, 0.05), ("Anaheim", 1286032.1710960320, 1419913.851, 0.05)],
)
def test_published_equilibria(folder, name, objective, total, most):
    net, trips, links = _case(folder, name)
    result = assign(net, trips, gap=1e-10, **links)
    assert result.converged
    assert result.gap <= 1e-10
    assert result.objective == pytest.approx(objective, rel=1e-9)
    assert result.total_time == pytest.approx(total, rel=1e-6)
    rows = [re.findall(r"[-+0-9.eE]+", row) for row in (folder / name / f"{name}_flow.tntp").read_text().splitlines()]
    table = {(int(r[0]), int(r[1])): float(r[2]) for r in rows if len(r) == 4 and r[0].isdigit()}
    best = np.array([table[int(a) + 1, int(b) + 1] for a, b in zip(net.tail, net.head, strict=True)])
    assert np.abs(result.flow - best).max() < most


@pytest.mark.reference
def test_flow_is_conserved_at_every_node(folder):
    net, trips, links = _case(folder, "SiouxFalls")
    flow = assign(net, trips, gap=1e-8, **links).flow
    out = np.bincount(net.tail, flow, net.nodes) - np.bincount(net.head, flow, net.nodes)
    wanted = trips.sum(axis=1) - trips.sum(axis=0)
    np.testing.assert_allclose(out, wanted, atol=1e-6)


def _braess(bridge: bool):
    # times 10 v, 50 + v, 10 + v as BPR with power 1: t0 (1 + a v / c)
    ends = [(0, 2), (0, 3), (3, 1), (2, 1), (2, 3)]
    free = [1e-8, 50.0, 1e-8, 50.0, 10.0]
    slope = [10.0, 1.0, 10.0, 1.0, 1.0]
    use = slice(None) if bridge else slice(0, 4)
    u, v = zip(*ends[use], strict=True)
    net = Network.from_edges(u, v, np.ones(len(u)), xy=np.zeros((4, 2)), attributes={"oneway": ["forward"] * len(u)})
    t0, per = np.array(free)[use][net.edge], np.array(slope)[use][net.edge]
    return net, {"free_time": t0, "alpha": per / t0, "capacity": np.ones(len(t0)), "beta": 1.0}


def test_braess_paradox_closing_a_street_lowers_total_time():
    trips = [[0, 6], [0, 0]]
    totals = {}
    for bridge in (True, False):
        net, links = _braess(bridge)
        result = assign(net, trips, gap=1e-10, **links)
        totals[bridge] = result.total_time
        assert result.least[0] == pytest.approx(92.0 if bridge else 83.0, abs=1e-6)
    assert totals[True] == pytest.approx(552.0, abs=1e-4)
    assert totals[False] == pytest.approx(498.0, abs=1e-4)
    net, links = _braess(True)
    fixed = np.where((net.tail == 2) & (net.head == 3), np.inf, 0.0)
    closed = assign(net, Demand(trips, fixed=fixed), gap=1e-10, **links)
    assert closed.total_time == pytest.approx(498.0, abs=1e-4)
    best = assign(net, trips, objective="system", gap=1e-10, **links)
    assert best.total_time == pytest.approx(498.0, abs=1e-3)


def _pigou():
    net = Network.from_edges([0, 0], [1, 1], [1.0, 1.0], xy=[[0, 0], [1, 0]], attributes={"oneway": ["forward"] * 2})
    return net, {"free_time": [1.0, 1e-9], "alpha": [0.0, 1e9], "beta": 1.0, "capacity": [1.0, 1.0]}


def test_pigou_by_hand():
    # cost 1 against cost v, one trip: all on the second street; together best is one half on each, total 3/4
    net, links = _pigou()
    trips = [[0, 1.0], [0, 0]]
    assert assign(net, trips, gap=1e-9, **links).total_time == pytest.approx(1.0, abs=1e-6)
    best = assign(net, trips, objective="system", gap=1e-9, **links)
    assert best.flow.tolist() == pytest.approx([0.5, 0.5], abs=1e-6)
    assert best.total_time == pytest.approx(0.75, abs=1e-6)
    toll = assign(net, Demand(trips, fixed=[0.0, 0.5]), gap=1e-9, **links)
    assert toll.flow.tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


def test_classes_share_the_street_in_car_units():
    net, links = _pigou()
    cars = Demand([[0, 0.2], [0, 0]])
    lorries = Demand([[0, 0.2], [0, 0]], car_units=2.0, fixed=[0.0, np.inf], name="lorry")
    result = assign(net, [cars, lorries], gap=1e-9, **links)
    assert result.class_flow[1].tolist() == pytest.approx([0.2, 0.0])
    assert result.flow.tolist() == pytest.approx([0.4, 0.2])


def test_demand_without_a_way_is_listed():
    net = Network.from_edges([0], [1], [1.0], xy=[[0, 0], [1, 0], [9, 9]], attributes={"oneway": ["forward"]})
    result = assign(net, [[0, 5, 2], [1, 0, 0], [0, 0, 7]], free_time=[1.0], capacity=[10.0])
    assert result.flow.tolist() == [5.0]
    assert result.unserved[["origin", "destination", "trips"]].to_numpy().tolist() == [[0, 2, 2.0], [1, 0, 1.0]]


def test_no_demand_is_no_flow():
    net, links = _pigou()
    result = assign(net, np.zeros((2, 2)), **links)
    assert result.flow.tolist() == [0.0, 0.0]
    assert result.converged


def test_many_paths_grow_their_room():
    side = 6
    at = np.arange(side * side).reshape(side, side)
    u = np.r_[at[:, :-1].ravel(), at[:-1].ravel()]
    v = np.r_[at[:, 1:].ravel(), at[1:].ravel()]
    rng = np.random.default_rng(1)
    net = Network.from_edges(u, v, np.ones(len(u)), xy=np.zeros((side * side, 2)))
    free, room = rng.uniform(1, 2, net.arcs), rng.uniform(2, 4, net.arcs)
    trips = rng.uniform(0, 1, (side * side, side * side))
    result = assign(net, trips, free_time=free, capacity=room, gap=1e-8)
    assert result.converged
    out = np.bincount(net.tail, result.flow, net.nodes) - np.bincount(net.head, result.flow, net.nodes)
    np.testing.assert_allclose(out, trips.sum(axis=1) - trips.sum(axis=0), atol=1e-8)
    system = assign(net, trips, free_time=free, capacity=room, gap=1e-6, objective="system")
    assert system.total_time < result.total_time


@pytest.mark.parametrize(
    ("change", "say"),
    [
        ({"capacity": [0.0, 1.0]}, "must be over 0"),
        ({"free_time": [-1.0, 1.0]}, "at least 0"),
        ({"alpha": [np.nan, 1.0]}, "alpha of edge '0' is nan"),
        ({"beta": [1.0]}, "one an arc"),
        ({"objective": "both"}, "'user' or 'system'"),
    ],
)
def test_bad_links_are_named(change, say):
    net, links = _pigou()
    with pytest.raises(InputError, match=say):
        assign(net, [[0, 1.0], [0, 0]], **{**links, **change})


def test_bad_demand_is_named():
    net, links = _pigou()
    with pytest.raises(InputError, match="missing or negative"):
        assign(net, [[0, -1.0], [0, 0]], **links)
    with pytest.raises(InputError, match=r"1 zones"):
        assign(net, [[0, 1.0], [0, 0]], zones=[0], **links)
