"""Flooded streets: check values of the sources, bridges and underpasses, reach of help over time."""

from __future__ import annotations

import numpy as np
import pytest

from models.layers import InputError
from models.mobility.assignment import assign
from models.mobility.flooded_roads import (
    added_vehicle_hours,
    emergency_reach,
    flood_hazard_class,
    flood_speed,
    flooded_depth,
    flooded_seconds,
    passable,
)
from models.mobility.network import Network


@pytest.mark.parametrize(
    ("mm", "speed"),
    [(0, 86.94), (100, 40.65), (150, 24.26), (200, 12.36), (250, 4.97), (299.9, 2.08), (300, 0.0), (900, 0.0)],
)
def test_pregnolato_values(mm, speed):
    assert flood_speed(mm / 1000.0) == pytest.approx(speed, abs=0.005)


def test_variants_close_where_they_say():
    assert flood_speed(0.16, variant="cautious") == 0.0
    assert flood_speed(0.5, variant="hardy") > 0.0
    assert (np.diff(flood_speed(np.linspace(0, 0.7, 99), variant="hardy")) <= 1e-9).all()


@pytest.mark.parametrize(
    ("vehicle", "depth", "product"), [("small_car", 0.3, 0.30), ("large_car", 0.4, 0.45), ("off_road", 0.5, 0.60)]
)
def test_stability_limits_of_ar_and_r(vehicle, depth, product):
    assert passable(depth, 0.0, vehicle=vehicle)
    assert not passable(depth + 0.01, 0.0, vehicle=vehicle)
    assert passable(depth / 2, 2 * product / depth - 0.01, vehicle=vehicle)
    assert not passable(depth / 2, 2 * product / depth + 0.01, vehicle=vehicle)
    assert not passable(0.05, 3.1, vehicle=vehicle)


def test_hazard_classes():
    depth, velocity = [0.0, 0.3, 0.31, 0.4, 1.2, 1.2, 3.0, 4.1, 0.2], [0.0, 0.9, 0.9, 1.5, 0.5, 0.8, 1.0, 0.0, 3.0]
    assert flood_hazard_class(depth, velocity).tolist() == [0, 1, 2, 2, 3, 4, 5, 6, 5]


def _street() -> Network:
    # 0 - 1 = bridge = 2 - 3 = underpass (two pieces) = 4 - 5 - 6
    return Network.from_edges(
        [0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], [100.0] * 6, xy=np.column_stack([np.arange(7) * 100.0, np.zeros(7)]),
        attributes={"bridge": [0, 1, 0, 0, 0, 0], "tunnel": [0, 0, 0, 1, 1, 0]},
    )  # fmt: skip


def test_bridges_stay_dry_and_underpasses_fill_from_their_mouth():
    net = _street()
    dry = flooded_depth(net, [0.0, 0.8, 0.0, 0.9, 0.9, 0.05])
    assert dry.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.05]
    wet = flooded_depth(net, [[0.0, 0.8, 0.0, 0.0, 0.0, 0.2], [0.0, np.nan, 0.12, 0.0, 0.0, 0.0]])
    assert wet[0].tolist() == [0.0, 0.0, 0.0, np.inf, np.inf, 0.2]
    assert wet[1, 3:5].tolist() == [np.inf, np.inf]


def test_times_grow_with_depth_and_end_at_the_limit():
    net = _street()
    free = np.full(net.arcs, 7.2)  # 50 km/h
    seconds = flooded_seconds(net, free, [[0.0, 0.05, 0.1, 0.25, 0.35, np.inf]])
    by_edge = {int(e): s for e, s in zip(net.edge, seconds[0], strict=True)}
    assert by_edge[0] == 7.2
    assert by_edge[1] == pytest.approx(7.2)  # 61 km/h would be possible
    assert by_edge[2] == pytest.approx(100.0 / (40.6548 / 3.6), rel=1e-4)
    assert by_edge[3] == pytest.approx(100.0 / (4.97 / 3.6), rel=1e-3)
    assert np.isinf(by_edge[4])
    assert np.isinf(by_edge[5])
    engine = flooded_seconds(net, free, [0.0, 0.0, 0.0, 0.0, 0.35, 0.51], vehicle="fire_engine")
    assert np.isfinite(engine[net.edge == 4]).all()
    assert np.isinf(engine[net.edge == 5]).all()


def test_reach_of_help_over_the_flood():
    net = _street()
    free = np.full(net.arcs, 60.0)
    depth = np.zeros((3, 6))
    depth[1, 2] = 0.5
    seconds = flooded_seconds(net, free, flooded_depth(net, depth))
    people = np.full(7, 10.0)
    series, table = emergency_reach(
        net, seconds, [0], people, minutes=4.0, facilities={"home": 6, "school": 1}, hours=[0.0, 0.5, 1.0]
    )
    assert series["in_time"].tolist() == [50.0, 30.0, 50.0]
    assert series["cut_off"].tolist() == [0.0, 40.0, 0.0]
    assert series["share"].tolist() == pytest.approx([5 / 7, 3 / 7, 5 / 7])
    home, school = table.to_dict("records")
    assert (home["dry_minutes"], home["worst_minutes"], home["cut_off_minutes"]) == (6.0, np.inf, 30.0)
    assert home["late_minutes"] == 90.0
    assert (school["worst_minutes"], school["late_minutes"]) == (1.0, 0.0)


def test_added_vehicle_hours_by_hand():
    # two streets of 6 and 12 minutes without congestion, the short one closed: 100 trips lose 6 minutes each
    net = Network.from_edges(
        [0, 0, 1], [1, 1, 2], [1.0, 2.0, 1.0], xy=[[0, 0], [1, 0], [2, 0]], attributes={"oneway": ["forward"] * 3}
    )
    free = {"capacity": 1000.0, "alpha": 0.0, "gap": 1e-9}
    trips = np.zeros((3, 3))
    trips[0, 1], trips[0, 2] = 100.0, 7.0
    dry = assign(net, trips, free_time=[6.0, 12.0, 1.0], **free)
    from models.mobility.assignment import Demand

    wet = assign(net, Demand(trips, fixed=[np.inf, 0.0, np.inf]), free_time=[6.0, 12.0, 1.0], **free)
    cost = added_vehicle_hours(dry, wet, hours_per_unit=1 / 60)
    assert cost["vehicle_hours"] == pytest.approx(10.0)
    assert cost["lost_trips"] == pytest.approx(7.0)


def test_bad_water_is_said():
    net = _street()
    with pytest.raises(InputError, match="missing or negative"):
        flood_speed(-0.1)
    with pytest.raises(InputError, match="6 values"):
        flooded_depth(net, [0.0])
    with pytest.raises(InputError, match="vehicle must be one of"):
        passable(0.1, vehicle="tank")
    with pytest.raises(InputError, match="rising"):
        emergency_reach(net, np.ones((2, net.arcs)), [0], np.ones(7), hours=[1.0, 1.0])
