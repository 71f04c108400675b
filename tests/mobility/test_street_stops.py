"""Stops beside streets: cut where the place is, with directions, lengths and costs kept."""

from __future__ import annotations

import numpy as np
import pytest

from models.mobility.network import Network
from models.mobility.street_stops import street_stops
from models.mobility.travel import travel_matrices


def bent_street(**attributes: object) -> Network:
    """A street of 100 m east, then 100 m north, with a shortcut that is longer."""
    line = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 100.0], [0.0, 0.0], [0.0, 300.0], [100.0, 100.0]])
    return Network.from_edges(
        [0, 0],
        [1, 1],
        [200.0, 900.0],
        xy=[[0, 0], [100, 100]],
        attributes=attributes,
        lines=(line, np.array([0, 3, 6])),
    )


def test_places_on_one_street_are_as_far_apart_as_the_street_says() -> None:
    travel, off = travel_matrices([[30.0, 4.0], [104.0, 60.0], [0.0, 0.0]], network=bent_street(), speed=36.0)
    assert not off.any()
    assert travel.distance[0, 1] == pytest.approx(70.0 + 60.0 + 4.0 + 4.0)
    assert travel.distance[2, 0] == pytest.approx(34.0)  # not to the crossing and back
    assert travel.duration[0, 1] == pytest.approx(138.0 / 10.0)
    assert np.allclose(travel.distance, travel.distance.T)


def test_pieces_make_up_the_street() -> None:
    net = bent_street(name=["Angle", "Loop"])
    stops = street_stops(net, [[30.0, 4.0], [104.0, 60.0], [30.0, -8.0], [99.9, 100.0]], net.length / 10.0)
    cut = stops.network
    angle = cut.edges[cut.edges["name"] == "Angle"]
    assert stops.node[0] == stops.node[2]  # two trees opposite each other share a stop
    assert stops.node[3] == 1  # at the crossing
    assert angle["length"].sum() == pytest.approx(200.0)
    assert len(angle) == 3
    arcs = [int(np.flatnonzero((cut.edge == row) & cut.forward)[0]) for row in angle.index]
    assert cut.course(arcs).tolist() == [[0, 0], [30, 0], [100, 0], [100, 60], [100, 100]]
    assert stops.seconds[cut.edge == angle.index[0]].tolist() == pytest.approx([3.0, 3.0])
    assert stops.foot.tolist() == pytest.approx([4.0, 4.0, 8.0, 0.1])


def test_one_way_streets_are_driven_one_way() -> None:
    net = bent_street(oneway=["forward", ""])
    travel, _ = travel_matrices([[30.0, 0.0], [60.0, 0.0]], network=net, speed=36.0)
    assert travel.distance[0, 1] == pytest.approx(30.0)
    assert travel.distance[1, 0] == pytest.approx(140.0 + 900.0 + 30.0)  # on, and round by the other street


def test_closed_streets_tunnels_islands_and_far_places_get_no_stop() -> None:
    xy = [[0, 0], [100, 0], [0, 50], [100, 50], [100, 100], [0, 500], [100, 500]]
    net = Network.from_edges(
        [0, 0, 1, 3, 2, 5], [1, 2, 3, 4, 3, 6], [100.0, 50.0, 50.0, 50.0, 100.0, 100.0], xy=xy,
        attributes={"tunnel": [False, False, False, False, True, False]},
    )  # fmt: skip
    closed = net.length / 10.0
    stops = street_stops(net, [[50.0, 50.0], [50.0, 499.0], [50.0, 4000.0]], closed)
    cut = stops.network
    assert cut.xy[stops.node[0]].tolist() in ([50.0, 0.0], [0.0, 50.0], [100.0, 50.0])  # not the tunnel below it
    assert stops.node[1] == -1 or cut.xy[stops.node[1]][1] <= 100.0  # not the island
    assert stops.node[2] == -1
    shut = np.where(net.edge == 0, np.inf, closed)
    around = street_stops(net, [[50.0, 1.0]], shut)
    assert around.network.xy[around.node[0]][0] in (0.0, 100.0)


def test_nothing_to_cut_leaves_the_network_as_it_is() -> None:
    net = bent_street()
    stops = street_stops(net, np.empty((0, 2)), net.length)
    assert stops.network is net
    assert stops.node.size == 0
