"""Static ways against scipy, and durations that change on the way against a plain search and the FIFO rule."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from models.layers import InputError
from models.mobility.hourly import HourlyCosts, earliest_arrivals, timed_route, timed_routes
from models.mobility.isochrones import isochrones
from models.mobility.network import Network
from models.mobility.routing import alternatives, distances, shortest_path


def _grid(side: int, step: float = 100.0) -> Network:
    at = np.arange(side * side).reshape(side, side)
    u = np.r_[at[:, :-1].ravel(), at[:-1].ravel()]
    v = np.r_[at[:, 1:].ravel(), at[1:].ravel()]
    xy = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) * step
    return Network.from_edges(u, v, np.full(len(u), step), xy=xy)


def _random(nodes: int, edges: int, seed: int) -> tuple[Network, np.ndarray]:
    rng = np.random.default_rng(seed)
    u, v = rng.integers(0, nodes, (2, edges))
    net = Network.from_edges(u, v, rng.uniform(1, 9, edges), xy=rng.random((nodes, 2)))
    return net, rng.uniform(0, 9, net.arcs)


def test_distances_equal_scipy_with_parallel_and_closed_arcs():
    net, cost = _random(60, 200, 4)
    cost[::17] = np.inf
    dense = np.full((60, 60), np.inf)
    np.minimum.at(dense, (net.tail, net.head), cost)
    open_arcs = np.isfinite(dense)
    oracle = dijkstra(csr_array((dense[open_arcs], np.nonzero(open_arcs)), shape=(60, 60)))
    np.testing.assert_allclose(distances(net, cost, np.arange(60)), oracle, rtol=1e-9)


def test_path_costs_what_it_says_and_hangs_together():
    net, cost = _random(60, 200, 5)
    for target in range(1, 60, 7):
        route = shortest_path(net, cost, 0, target)
        assert route.cost == pytest.approx(distances(net, cost, 0, target)[0, 0])
        if route.reachable:
            assert cost[route.arcs].sum() == pytest.approx(route.cost)
            assert (net.head[route.arcs][:-1] == net.tail[route.arcs][1:]).all()
            assert net.head[route.arcs[-1]] == target


def test_free_arcs_are_used():
    net = Network.from_edges([0, 1], [1, 2], [0.0, 5.0], xy=[[0, 0], [0, 0], [5, 0]])
    assert shortest_path(net, net.length, 0, 2).cost == 5.0


def test_unreachable_is_said_not_a_number():
    net = Network.from_edges([0], [1], [1.0], xy=[[0, 0], [1, 0], [9, 9]])
    route = shortest_path(net, net.length, 0, 2)
    assert not route.reachable
    assert len(route.arcs) == 0
    assert np.isinf(route.cost)
    assert alternatives(net, net.length, 0, 2) == []


def test_wrong_nodes_are_said():
    net = _grid(3)
    with pytest.raises(InputError, match="0 to 8"):
        distances(net, net.length, 9)


def test_alternatives_differ_and_are_no_great_detour():
    net = _grid(6)
    cost = net.length * np.random.default_rng(0).uniform(1, 1.3, net.arcs)
    routes = alternatives(net, cost, 0, 35, count=3, most_shared=0.6, detour=1.5)
    assert len(routes) == 3
    assert routes[0].cost == pytest.approx(distances(net, cost, 0, 35)[0, 0])
    for i, one in enumerate(routes):
        assert one.cost <= 1.5 * routes[0].cost
        for other in routes[:i]:
            assert cost[np.intersect1d(one.arcs, other.arcs)].sum() <= 0.6 * max(one.cost, other.cost) + 1e-9


def _plain_arrival(net: Network, costs: HourlyCosts, source: int, departure: float) -> np.ndarray:
    """Search as the rule reads, in plain Python."""

    def cross(arc: int, now: float) -> float:
        left = 1.0
        for k, begin in enumerate(costs.start):
            end = costs.start[k + 1] if k + 1 < len(costs.start) else np.inf
            if now >= end:
                continue
            whole = costs.seconds[0, k, arc]
            now = max(now, begin)
            if np.isfinite(whole) and now + left * whole <= end:
                return now + left * whole
            if np.isfinite(whole):
                left -= (end - now) / whole
            now = end
        return np.inf

    best = np.full(net.nodes, np.inf)
    best[source] = departure
    heap = [(departure, source)]
    while heap:
        now, node = heapq.heappop(heap)
        if now > best[node]:
            continue
        for arc in range(net.indptr[node], net.indptr[node + 1]):
            reach = cross(arc, now)
            if reach < best[net.head[arc]]:
                best[net.head[arc]] = reach
                heapq.heappush(heap, (reach, int(net.head[arc])))
    return best


def _changing(seed: int) -> tuple[Network, HourlyCosts]:
    net, _ = _random(40, 90, seed)
    rng = np.random.default_rng(seed)
    seconds = rng.uniform(20, 900, (4, net.arcs))
    seconds[1:3][rng.random((2, net.arcs)) < 0.2] = np.inf
    return net, HourlyCosts.of(net, np.arange(4) * 600.0, 2400.0, seconds, rng.uniform(0, 1, seconds.shape))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_changing_durations_equal_a_plain_search(seed):
    net, costs = _changing(seed)
    arrival, _ = earliest_arrivals(net, costs, [0, 5], 130.0)
    np.testing.assert_allclose(arrival[0], _plain_arrival(net, costs, 0, 130.0), rtol=1e-12)
    np.testing.assert_allclose(arrival[1], _plain_arrival(net, costs, 5, 130.0), rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_who_starts_later_never_arrives_earlier(seed):
    net, costs = _changing(seed)
    times = np.sort(np.random.default_rng(seed).uniform(0, 2390, 25))
    arrival, _ = earliest_arrivals(net, costs, np.zeros(25, int), times)
    assert (np.diff(np.where(np.isfinite(arrival), arrival, 1e18), axis=0) >= -1e-6).all()


def test_an_edge_is_crossed_at_the_speed_of_each_hour():
    net = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    costs = HourlyCosts.of(net, [0.0, 60.0], 3600.0, [[100.0] * 2, [50.0] * 2], [[1.0] * 2, [3.0] * 2])
    route = timed_route(net, costs, 0, 1, 0.0)
    assert route.arrival == pytest.approx(80.0)
    assert route.dose == pytest.approx(60 * 1.0 + 20 * 3.0)
    shut = HourlyCosts.of(net, [0.0, 60.0], 3600.0, [[np.inf] * 2, [50.0] * 2])
    assert timed_route(net, shut, 0, 1, 10.0).arrival == pytest.approx(110.0)
    never = HourlyCosts.of(net, [0.0, 60.0], 3600.0, [[100.0] * 2, [np.inf] * 2])
    assert not timed_route(net, never, 0, 1, 10.0).reachable


def test_without_changes_it_is_the_static_way():
    net, cost = _random(60, 200, 9)
    costs = HourlyCosts.of(net, [0.0, 5.0], 10.0, [cost, cost])
    static = distances(net, cost, 3)[0]
    np.testing.assert_allclose(earliest_arrivals(net, costs, [3], 2.0)[0][0] - 2.0, static, rtol=1e-9, atol=1e-9)
    pairs = np.column_stack([np.full(60, 3), np.arange(60)])
    np.testing.assert_allclose(timed_routes(net, costs, pairs, 2.0)[0] - 2.0, static, rtol=1e-9, atol=1e-9)
    near = earliest_arrivals(net, costs, [3], 2.0, within=4.0)[0][0]
    assert (np.isfinite(near) == (static <= 4.0)).all()


def test_classes_have_their_own_durations():
    net = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    costs = HourlyCosts.of(net, [0.0], 3600.0, np.array([[[50.0, 50.0]], [[70.0, 70.0]]]))
    arrival, _ = timed_routes(net, costs, [[0, 1], [0, 1]], 0.0, kind=[0, 1])
    assert arrival.tolist() == [50.0, 70.0]


def test_departure_outside_the_hours_and_bad_costs_are_said():
    net = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    costs = HourlyCosts.of(net, [0.0], 3600.0, [[50.0, 50.0]])
    for bad in (-1.0, 3600.0):
        with pytest.raises(InputError, match="outside the hours"):
            timed_route(net, costs, 0, 1, bad)
    with pytest.raises(InputError, match="must rise"):
        HourlyCosts.of(net, [0.0, 0.0], 3600.0, [[1.0, 1.0]] * 2)
    with pytest.raises(InputError, match="missing or negative"):
        HourlyCosts.of(net, [0.0], 3600.0, [[1.0, -1.0]])
    with pytest.raises(InputError, match="shape of seconds"):
        HourlyCosts.of(net, [0.0], 3600.0, [[1.0, 1.0]], [[1.0]])


def test_isochrone_area_equals_brute_force():
    net = _grid(7)
    limit, beside = 260.0, 20.0
    table = isochrones(net, net.length, 24, [limit], beside=beside)
    x, y = np.meshgrid(np.arange(1, 700, 4.0) - 50, np.arange(1, 700, 4.0) - 50)
    reach = distances(net, net.length, 24)[0]
    inside = np.zeros(x.shape, bool)
    for arc in range(net.arcs):  # every point beside a piece that is within the limit, arc by arc
        a, b = net.xy[net.tail[arc]], net.xy[net.head[arc]]
        far = min(1.0, (limit - reach[net.tail[arc]]) / 100.0)
        if far > 0:
            piece = shapely.LineString([a, a + far * (b - a)])
            inside |= shapely.distance(piece, shapely.points(x, y)) <= beside
    assert table["area"][0] == pytest.approx(inside.sum() * 16.0, rel=0.01)


def test_isochrone_streets_are_cut_where_the_time_is_up():
    net = _grid(5)
    table = isochrones(net, net.length, 12, [50.0, 150.0, 1000.0])
    assert table["length"].tolist() == pytest.approx([200.0, 400.0 + 12 * 50.0, net.edges["length"].sum()])
    assert (np.diff(table["area"]) > 0).all()
    loop = Network.from_edges([0], [1], [100.0], xy=[[0, 0], [100, 0]])
    both = isochrones(loop, loop.length, [0, 1], [50.0])  # met from both ends
    assert both["length"][0] == pytest.approx(100.0)
    with pytest.raises(InputError, match="limits"):
        isochrones(net, net.length, 0, [])
