"""Streets and trips for simulators: the files say what the network says, and a real simulator drives them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from models.layers import InputError
from models.mobility import Network, to_sumo, to_uxsim

TRIPS = pd.DataFrame({"origin": [0, 3], "destination": [2, 0], "trips": [40.0, 10.4]})


@pytest.fixture
def square() -> Network:
    """Return a square of streets: one of them one-way, one for walkers only."""
    return Network.from_edges(
        [0, 1, 2, 3, 0], [1, 2, 3, 0, 2], [400.0, 300.0, 400.0, 300.0, 500.0],
        xy=[[0, 0], [400, 0], [400, 300], [0, 300]],
        attributes={
            "oneway": ["forward", "", "", "", ""], "speed": [50.0, 30.0, np.nan, 30.0, 5.0], "lanes": [2.0, 4.0, np.nan, np.nan, np.nan],
            "car": [True, True, True, True, False], "name": ["A & B", "", "", "", ""],
        },
    )  # fmt: skip


def test_sumo_files_hold_every_open_direction(square: Network, tmp_path: Path) -> None:
    made = to_sumo(square, TRIPS, tmp_path / "sumo", hours=0.5)
    edges = ET.parse(made.with_name("city.edg.xml")).getroot().findall("edge")
    assert len(edges) == 7  # one-way once, three both ways, the walkers' none
    first = next(edge for edge in edges if (edge.get("from"), edge.get("to")) == ("n0", "n1"))
    assert (first.get("name"), first.get("numLanes"), float(first.get("speed", "0"))) == (
        "A & B",
        "2",
        pytest.approx(13.89),
    )
    assert {edge.get("numLanes") for edge in edges if {edge.get("from"), edge.get("to")} == {"n1", "n2"}} == {"2"}
    trips = ET.parse(made.with_name("city.trips.xml")).getroot().findall("trip")
    starts = [float(trip.get("depart", "nan")) for trip in trips]
    assert len(trips) == 50
    assert starts == sorted(starts)
    assert 0 < starts[0] < starts[-1] < 1800
    nodes = ET.parse(made.with_name("city.nod.xml")).getroot().findall("node")
    assert {node.get("id") for node in nodes} == {"n0", "n1", "n2", "n3"}


def test_a_simulator_brings_every_vehicle_home(square: Network) -> None:
    import uxsim

    world = uxsim.World(name="", deltan=1, tmax=3600, print_mode=0, save_mode=0, show_mode=0, random_seed=1)
    to_uxsim(square, TRIPS.assign(trips=[40.0, 10.0]), world, hours=0.25)
    world.exec_simulation()
    assert world.analyzer.trip_all == pytest.approx(50, abs=2)  # UXsim makes whole vehicles from a flow
    assert world.analyzer.trip_completed == world.analyzer.trip_all
    # 700 m at 50 km/h and 300 m at 30 km/h, or the other way round: nobody is faster than the empty street allows
    assert world.analyzer.average_travel_time >= 300 / (30 / 3.6) * 0.9


def test_trips_that_cannot_start_or_end_are_refused(square: Network, tmp_path: Path) -> None:
    only = np.zeros(square.arcs, bool)
    only[np.flatnonzero(square.tail == 0)[:1]] = True
    with pytest.raises(InputError, match=r"No open street reaches node 2"):
        to_sumo(square, TRIPS.head(1), tmp_path, open_arcs=only)
    with pytest.raises(InputError, match="destination"):
        to_sumo(square, TRIPS.drop(columns="destination"), tmp_path)
    with pytest.raises(InputError, match="one an arc"):
        to_uxsim(square, TRIPS, None, open_arcs=[True])
