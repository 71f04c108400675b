"""Access measures against full tables of distances, hand numbers and their limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.layers import InputError
from models.mobility.access import accessibility, nearby_shares, nearest_cost, two_step_catchments
from models.mobility.network import Network
from models.mobility.routing import distances


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(8)
    u, v = rng.integers(0, 80, (2, 200))
    oneway = np.where(rng.random(200) < 0.3, "forward", "")
    net = Network.from_edges(u, v, rng.uniform(50, 200, 200), xy=rng.random((80, 2)), attributes={"oneway": oneway})
    table = distances(net, net.length, np.arange(80))
    return net, table, rng.random(80), rng.random((2, 80)) * (rng.random((2, 80)) < 0.3)


@pytest.mark.parametrize(
    ("decay", "weight"),
    [
        ("flat", lambda d: 1.0 * (d <= 400)),
        ("exponential", lambda d: np.where(d <= 400, np.exp(-d / 200.0), 0)),
        (
            "gaussian",
            lambda d: np.where(d <= 400, (np.exp(-0.5 * (d / 400) ** 2) - np.exp(-0.5)) / (1 - np.exp(-0.5)), 0),
        ),
        ("zones", lambda d: np.where(d <= 200, 1.0, np.where(d <= 400, 0.4, 0.0))),
    ],
)
def test_accessibility_equals_the_full_table(town, decay, weight):
    net, table, _, places = town
    got = accessibility(net, net.length, places, 400.0, decay=decay, zones=[(200, 1.0), (400, 0.4)])
    np.testing.assert_allclose(got, places @ weight(np.where(np.isfinite(table), table, 1e9)).T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("decay", ["flat", "zones"])
def test_two_steps_equal_the_full_table(town, decay):
    net, table, people, places = town
    zones = [(200, 1.0), (400, 0.4)]
    near = np.where(table <= 200, 1.0, 0.4) * (table <= 400) if decay == "zones" else 1.0 * (table <= 400)
    supply = places[0]
    crowd = people @ near
    share = np.divide(supply, crowd, out=np.zeros(80), where=crowd > 0)
    got = two_step_catchments(net, net.length, supply, people, 400.0, decay=decay, zones=zones)
    np.testing.assert_allclose(got, near @ share, rtol=1e-9)
    assert (got * people).sum() == pytest.approx(supply[crowd > 0].sum())  # what is there is given out once


def test_nearest_place_of_each_kind(town):
    net, table, _, places = town
    got = nearest_cost(net, net.length, places, limit=400.0)
    for kind in range(2):
        best = table[:, places[kind] > 0].min(axis=1)
        np.testing.assert_allclose(got[kind], np.where(best <= 400.0, best, np.inf))


def test_fifteen_minute_shares_by_hand():
    net = Network.from_edges([0, 1], [1, 2], [600.0, 600.0], xy=[[0, 0], [600, 0], [1200, 0]])
    places = {"shop": [1.0, 0, 0], "doctor": [0, 0, 1.0]}
    table, share = nearby_shares(net, net.length, places, [10.0, 20.0, 70.0], minutes=15)
    assert table["share"].tolist() == pytest.approx([0.3, 0.9, 0.2])
    assert share.tolist() == [0.5, 1.0, 0.5]
    only, _ = nearby_shares(net, net.length, places, [10.0, 20.0, 70.0], needed=["doctor"])
    assert only["share"].iloc[-1] == pytest.approx(0.9)


def test_closed_streets_are_not_walked():
    net = Network.from_edges([0, 1], [1, 2], [60.0, 40.0], xy=[[0, 0], [60, 0], [100, 0]])
    cost = np.where(net.edge == 1, np.inf, net.length)
    assert accessibility(net, cost, [1.0, 1.0, 1.0], 500.0).tolist() == [2.0, 2.0, 1.0]


def test_bad_input_is_said(town):
    net = town[0]
    with pytest.raises(InputError, match="bincount"):
        accessibility(net, net.length, [1.0], 400.0)
    with pytest.raises(InputError, match="decay must be one of"):
        accessibility(net, net.length, np.ones(80), 400.0, decay="linear")
    with pytest.raises(InputError, match="rising limits"):
        accessibility(net, net.length, np.ones(80), 400.0, decay="zones", zones=[(300, 1.0)])
    with pytest.raises(InputError, match="no places of kind"):
        nearby_shares(net, net.length, {"shop": np.ones(80)}, np.ones(80), needed=["bank"])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 60.0), st.sampled_from(["flat", "exponential"]))
def test_buckets_find_what_a_heap_finds(seed: int, limit: float, decay: str) -> None:
    rng = np.random.default_rng(seed)
    nodes, edges = 30, 90
    u, v = rng.integers(0, nodes, (2, edges))
    cost = rng.choice([0.0, 1e-9, 0.3, 1.0, 7.0, np.inf], edges) * rng.uniform(0.5, 1.5, edges)
    net = Network.from_edges(u, v, np.ones(edges), xy=rng.uniform(0, 10, (nodes, 2)))
    price = net.on_arcs(np.where(np.isnan(cost), 0.0, cost))
    values = rng.uniform(0, 3, nodes)
    found = accessibility(net, price, values, limit, decay=decay)
    reach = distances(net, price, np.arange(nodes), limit=limit)
    weight = np.where(reach <= limit, 1.0 if decay == "flat" else np.exp(-reach / (limit / 2)), 0.0)
    assert found == pytest.approx((weight * values).sum(axis=1), rel=1e-12)


def test_without_a_limit_all_that_is_joined_counts() -> None:
    net = Network.from_edges([0, 1, 3], [1, 2, 4], [5.0, 6.0, 1.0], xy=[[0, 0], [5, 0], [11, 0], [50, 0], [51, 0]])
    assert accessibility(net, net.length, np.ones(5), np.inf).tolist() == [3, 3, 3, 2, 2]
