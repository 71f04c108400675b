"""Watering tours: limits kept by an independent check, refills, reasons for every tree without water."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.layers import InputError
from models.mobility.network import Network
from models.mobility.tour_tables import check_tours
from models.mobility.tours import watering_tours
from models.mobility.travel import Travel, travel_matrices, way_matrices

pytest.importorskip("pyvrp", reason="extra 'tours' is not installed")

YARD = {"id": "Yard", "x": 0.0, "y": 0.0}
LIMITS = ("overload", "overtime", "over_count", "broken", "twice", "lost")


def _plan(count: int, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 4000, (count, 2))
    return pd.DataFrame(
        {"id": [f"T{i}" for i in range(count)], "x": xy[:, 0], "y": xy[:, 1], "litres": rng.integers(80, 151, count)}
    )


def _keeps_all(tours, plan, fleet):
    check = check_tours(tours, plan, fleet)
    assert {name: check[name] for name in LIMITS} == dict.fromkeys(LIMITS, 0.0)
    assert check["km"] == pytest.approx(tours.tours["km"].sum(), rel=1e-9)
    assert check["hours"] == pytest.approx(tours.tours["hours"].sum(), rel=1e-9)


def test_hundred_trees_with_refills_and_shifts():
    plan, fleet = _plan(100), pd.DataFrame([{"name": "Truck", "capacity": 2000, "count": 3, "shift": 8.0}])
    taps = [{"id": "H1", "x": 1000.0, "y": 3000.0}, {"id": "H2", "x": 3000.0, "y": 1000.0, "refill": 600}]
    tours = watering_tours(plan, fleet, taps, YARD, iterations=300)
    _keeps_all(tours, plan, fleet)
    assert len(tours.unserved) == 0
    assert tours.indicators["litres"] == plan["litres"].sum()
    assert tours.tours["refills"].sum() >= 3  # 3 trucks hold 6,000 L, the plan needs over 11,000 L
    assert (tours.stops["load"] >= 0).all()
    loads = tours.stops[tours.stops["kind"] == "hydrant"]
    assert (loads["load"] == 2000).all()
    assert loads.groupby("id")["leave"].count().sum() == tours.tours["refills"].sum()


def test_same_seed_gives_the_same_plan():
    plan, fleet = _plan(30), [{"name": "Truck", "capacity": 1500}]
    one = watering_tours(plan, fleet, [{"id": "H", "x": 2000.0, "y": 2000.0}], YARD, iterations=60)
    two = watering_tours(plan, fleet, [{"id": "H", "x": 2000.0, "y": 2000.0}], YARD, iterations=60)
    pd.testing.assert_frame_equal(one.stops, two.stops)


def test_small_case_is_solved_to_the_optimum_known_by_hand():
    # three trees on a line at 1, 2 and 3 km, the truck holds two of them: 2 x 3 + 2 x 1 km (far pair together)
    plan = pd.DataFrame({"id": list("abc"), "x": [1000.0, 2000.0, 3000.0], "y": 0.0, "litres": 100.0})
    fleet = pd.DataFrame([{"name": "Truck", "capacity": 200, "count": 2}])
    tours = watering_tours(plan, fleet, [], YARD, iterations=200, detour=1.0)
    assert tours.tours["km"].sum() == pytest.approx(8.0)
    assert set(tours.stops.loc[(tours.stops["tour"] == tours.tours["km"].idxmax() + 1), "id"]) == {"Yard", "b", "c"}


def test_every_tree_without_water_has_its_reason():
    plan = pd.DataFrame(
        {
            "id": ["good", "big", "far", "dry", "nowhere", "good"],
            "x": [100.0, 200.0, 900_000.0, 300.0, np.nan, 400.0],
            "y": 0.0,
            "litres": [80.0, 9000.0, 80.0, 0.0, 80.0, 80.0],
        }
    )
    fleet = pd.DataFrame([{"name": "Truck", "capacity": 1000, "shift": 4.0}])
    tours = watering_tours(plan, fleet, [], YARD, iterations=20)
    reasons = dict(
        zip(tours.unserved["id"] + tours.unserved["litres"].astype(str), tours.unserved["reason"], strict=True)
    )
    assert reasons == {
        "big9000.0": "vehicle_too_small",
        "far80.0": "too_far",
        "dry0.0": "no_litres",
        "nowhere80.0": "no_place",
        "good80.0": "twice",
    }
    assert tours.unserved["say"].str.len().min() > 20
    assert tours.stops["id"].tolist() == ["Yard", "good", "Yard"]
    assert check_tours(tours, plan, fleet)["lost"] == 0


def test_full_shifts_serve_priority_first():
    plan = _plan(40).assign(priority=[10.0] * 8 + [1.0] * 32, service=600.0)
    fleet = pd.DataFrame([{"name": "Truck", "capacity": 5000, "shift": 3.0}])
    tours = watering_tours(plan, fleet, [], YARD, iterations=400)
    _keeps_all(tours, plan, fleet)
    assert set(tours.unserved["reason"]) == {"shifts_full"}
    assert set(plan["id"][:8]) <= set(tours.stops["id"])


def test_low_prizes_leave_far_trees_out():
    plan = pd.DataFrame({"id": ["near", "far"], "x": [100.0, 9000.0], "y": 0.0, "litres": 80.0})
    fleet = [{"name": "Truck", "capacity": 500, "count": 2}]
    tours = watering_tours(plan, fleet, [], YARD, iterations=100, prize_km=1.0)
    assert tours.unserved[["id", "reason"]].to_numpy().tolist() == [["far", "not_worth_the_way"]]


def _one_way_ring() -> Network:
    xy = [[0, 0], [1000, 0], [1000, 1000], [0, 1000], [5000, 5000], [5100, 5000]]
    ring = {"oneway": ["forward"] * 4 + [""], "speed": [30.0] * 5}
    return Network.from_edges(
        [0, 1, 2, 3, 4], [1, 2, 3, 0, 5], [1000.0, 1000.0, 1000.0, 1000.0, 100.0], xy=xy, attributes=ring
    )


def test_on_the_network_one_ways_and_islands_count():
    plan = pd.DataFrame(
        {"id": ["a", "b", "island"], "x": [1000.0, 0.0, 5000.0], "y": [0.0, 1000.0, 5000.0], "litres": 80.0}
    )
    fleet = pd.DataFrame([{"name": "Truck", "capacity": 500}])
    tours = watering_tours(plan, fleet, [], YARD, iterations=50, network=_one_way_ring())
    assert tours.stops["id"].tolist() == ["Yard", "a", "b", "Yard"]
    assert tours.tours["km"].iloc[0] == pytest.approx(4.0)
    assert tours.tours["driving"].iloc[0] == pytest.approx(4.0 / 25.0)
    assert tours.unserved["reason"].tolist() == ["off_network"]


def test_way_matrices_equal_scipy():
    rng = np.random.default_rng(2)
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    dense = np.triu(rng.random((40, 40)) < 0.1, 1) * rng.uniform(1, 9, (40, 40))
    u, v = np.nonzero(dense)
    net = Network.from_edges(u, v, dense[u, v], xy=rng.random((40, 2)))
    cost, metres = way_matrices(net, net.length, 3 * net.length, np.arange(40), np.arange(40))
    oracle = dijkstra(csr_array(dense + dense.T))
    np.testing.assert_allclose(cost, oracle, rtol=1e-12)
    np.testing.assert_allclose(metres, 3 * oracle, rtol=1e-12)


def test_ready_matrices_and_slow_vehicles():
    travel, off = travel_matrices([[0, 0], [900, 0], [0, 900]], speed=36.0, detour=1.0)
    assert not off.any()
    assert travel.duration[0, 1] == pytest.approx(90.0)
    plan = pd.DataFrame({"id": ["a", "b"], "x": [900.0, 0.0], "y": [0.0, 900.0], "litres": 80.0, "service": 0.0})
    fleet = pd.DataFrame([{"name": "Slow", "capacity": 500, "speed": 18.0}])
    tours = watering_tours(plan, fleet, [], YARD, travel=travel, speed=36.0, iterations=20)
    _keeps_all(tours, plan, fleet)
    assert tours.tours["hours"].iloc[0] == pytest.approx((1800 + 900 * 2**0.5) / 5.0 / 3600)


def test_bad_input_is_said():
    plan, fleet = _plan(2), [{"name": "Truck", "capacity": 500}]
    with pytest.raises(InputError, match="no column 'litres'"):
        watering_tours(plan.drop(columns="litres"), fleet, [], YARD)
    with pytest.raises(InputError, match="vehicles is empty"):
        watering_tours(plan, [], [], YARD)
    with pytest.raises(InputError, match="depot must name"):
        watering_tours(plan, fleet, [], [])
    with pytest.raises(InputError, match="capacity"):
        watering_tours(plan, [{"name": "Truck", "capacity": 0}], [], YARD)
    with pytest.raises(InputError, match="depot 'Hof'"):
        watering_tours(plan, [{"name": "Truck", "capacity": 5, "depot": "Hof"}], [], YARD)
    with pytest.raises(InputError, match="in this order"):
        watering_tours(plan, fleet, [], YARD, travel=Travel(np.zeros((2, 2)), np.zeros((2, 2))))
    with pytest.raises(InputError, match="missing or negative"):
        Travel(np.full((2, 2), -1.0), np.zeros((2, 2)))


def test_an_empty_plan_is_an_empty_answer():
    tours = watering_tours(_plan(0), [{"name": "Truck", "capacity": 500}], [], YARD, iterations=5)
    assert len(tours.stops) == 0
    assert tours.indicators["trees"] == 0
