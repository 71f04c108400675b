"""Network and cleaning: arcs, slopes, splits, what is dropped and what is reported."""

from __future__ import annotations

import numpy as np
import pytest

from models.layers import InputError
from models.mobility.cleaning import main_part, network_from_lines
from models.mobility.network import Network, check_cost


def _codes(network: Network) -> dict[str, int]:
    return dict(zip(network.report["code"], network.report["count"], strict=True))


def test_arcs_follow_oneway_and_parallel_edges_stay():
    net = Network.from_edges(
        [0, 0, 1],
        [1, 1, 2],
        [100.0, 140.0, 50.0],
        xy=[[0, 0], [100, 0], [100, 50]],
        attributes={"oneway": ["", "forward", "backward"], "id": ["a", "b", "c"]},
    )
    arcs = {(int(t), int(h), net.edges["id"][e]) for t, h, e in zip(net.tail, net.head, net.edge, strict=True)}
    assert arcs == {(0, 1, "a"), (1, 0, "a"), (0, 1, "b"), (2, 1, "c")}
    assert (np.diff(net.tail) >= 0).all()
    assert net.indptr.tolist() == [0, 2, 3, 4]


def test_arrays_are_frozen():
    net = Network.from_edges([0], [1], [1.0], xy=[[0, 0], [1, 0]])
    with pytest.raises(ValueError, match="read-only"):
        net.head[0] = 0


def test_slope_is_directed_and_missing_heights_are_reported():
    net = Network.from_edges([0, 1], [1, 2], [100.0, 50.0], xy=[[0, 0], [100, 0], [150, 0]])
    high = net.with_heights([10.0, 15.0, np.nan])
    up = high.slope[(high.tail == 0) & (high.head == 1)]
    down = high.slope[(high.tail == 1) & (high.head == 0)]
    assert up == pytest.approx([0.05])
    assert down == pytest.approx([-0.05])
    assert _codes(high) == {"slope_missing": 1}
    assert _codes(high.with_heights([1.0, 2.0, 3.0])) == {}


def test_lines_split_at_shared_points_only():
    net = network_from_lines([[(0, 0), (50, 0), (100, 0)], [(50, -40), (50, 0), (50, 40)]])
    assert (net.nodes, len(net.edges)) == (5, 4)
    crossing = network_from_lines([[(0, 0), (100, 0)], [(50, -40), (50, 40)]])
    assert len(crossing.edges) == 2
    assert _codes(crossing)["island"] == 1


def test_bridge_over_a_shared_point_on_another_layer_does_not_meet():
    lines = [[(0, 0), (50, 0), (100, 0)], [(50, -40), (50, 0), (50, 40)]]
    assert len(network_from_lines(lines, {"layer": [0, 1]}).edges) == 2


def test_cleaning_reports_what_it_did():
    net = network_from_lines(
        [
            [(0, 0), (50, 0)],
            [(100, 0), (50, 0)],
            [(100, 0), (150, 0), (150, 0)],
            [(150, 0), (150, 80)],
            [(150, 80), (150, 0)],
            [(900, 900), (901, 900)],
            [(3, 3), (3, 3)],
            [(1, 1)],
            [(np.nan, 1), (2, 2)],
        ]
    )
    assert _codes(net) == {"broken_line": 2, "zero_length": 1, "duplicate": 1, "joined": 3, "island": 1}
    assert sorted(net.edges["length"]) == pytest.approx([1.0, 230.0])


def test_two_ways_round_a_square_are_no_duplicates():
    halves = [[(0, 0), (0, 10), (10, 10)], [(0, 0), (10, 0), (10, 10)]]
    net = network_from_lines([*halves, [(-5, 0), (0, 0)], [(10, 10), (20, 10)]])
    assert len(net.edges) == 4
    assert "duplicate" not in _codes(net)


def test_joined_one_way_keeps_its_direction():
    lines = [[(100, 0), (200, 0)], [(0, 0), (100, 0)], [(200, 0), (300, 0)]]
    net = network_from_lines(lines, {"oneway": ["forward"] * 3})
    assert len(net.edges) == 1
    assert net.arcs == 1
    assert net.xy[net.tail[0]].tolist() == [0.0, 0.0]
    assert net.course([0])[:, 0].tolist() == [0.0, 100.0, 200.0, 300.0]
    opposed = network_from_lines([[(0, 0), (100, 0)], [(200, 0), (100, 0)]], {"oneway": ["forward"] * 2})
    assert len(opposed.edges) == 2


def test_different_streets_are_not_joined():
    net = network_from_lines([[(0, 0), (50, 0)], [(50, 0), (99, 0)]], {"surface": ["asphalt", "cobble"]})
    assert len(net.edges) == 2


def test_a_lone_ring_stays_whole():
    ring = network_from_lines([[(0, 0), (10, 0), (10, 10)], [(10, 10), (0, 10), (0, 0)]])
    assert ring.edges["length"].tolist() == pytest.approx([40.0])
    assert (ring.edges["u"] == ring.edges["v"]).all()


def test_trap_is_named_and_main_part_drops_it():
    net = network_from_lines(
        [[(0, 0), (50, 0)], [(50, 0), (100, 0)], [(0, 0), (0, 50)]],
        {"oneway": ["", "forward", ""], "kind": ["a", "b", "c"]},
    )
    assert _codes(net)["trap"] == 1
    main = main_part(net)
    assert len(main.edges) == 2
    assert _codes(main)["dropped"] == 1
    assert main.components(strong=True).max() == 0


def test_total_length_is_kept():
    rng = np.random.default_rng(3)
    lines = [np.cumsum(rng.integers(-3, 4, (6, 2)) + 0.25, axis=0) for _ in range(40)]
    whole = sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in lines)
    net = network_from_lines(lines)
    lost = net.report.set_index("code")["length"].get("duplicate", 0.0)
    assert net.edges["length"].sum() + lost == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize(
    ("edges", "say"),
    [
        (([0], [5], [1.0]), "names node 5"),
        (([0], [1], [-1.0]), "length -1 m"),
        (([0], [1], [np.nan]), "length nan m"),
        (([0, 1], [1], [1.0]), "equally long"),
    ],
)
def test_bad_edges_are_named(edges, say):
    with pytest.raises(InputError, match=say):
        Network.from_edges(*edges, xy=[[0, 0], [1, 0]])


def test_bad_costs_are_named():
    net = Network.from_edges([0], [1], [1.0], xy=[[0, 0], [1, 0]], attributes={"id": ["Markt"]})
    with pytest.raises(InputError, match="'Markt'"):
        check_cost(net, [1.0, -2.0])
    with pytest.raises(InputError, match="on_arcs"):
        check_cost(net, [1.0])
    assert np.isinf(check_cost(net, [1.0, np.inf])).any()


def test_nearest_keeps_off_islands_and_says_too_far():
    net = Network.from_edges([0, 2], [1, 3], [1.0, 1.0], xy=[[0, 0], [1, 0], [5, 0], [6, 0]])
    assert net.nearest([[5.1, 0], [500, 0]], within=20).tolist() == [2, -1]
    assert net.nearest([[5.1, 0]], allowed=net.components() == 0).tolist() == [1]
