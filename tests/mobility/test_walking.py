"""Walking: check values of the sources, samples along edges, choices between quick and cool, barriers, shade demand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from models.layers import InputError
from models.mobility.barrier_free import barrier_free
from models.mobility.cool_routes import access_loss, cool_route, route_choices
from models.mobility.network import Network
from models.mobility.sampling import cooler_side, edge_samples, on_edges
from models.mobility.walking import (
    basu_length,
    coolwalkability,
    felt_length,
    heat_dose_rate,
    heat_weighted,
    shade_demand,
    tobler_speed,
    walking_seconds,
)


def _blocks(side: int, wide: float = 100.0, deep: float = 60.0) -> Network:
    at = np.arange(side * side).reshape(side, side)
    u = np.r_[at[:, :-1].ravel(), at[:-1].ravel()]
    v = np.r_[at[:, 1:].ravel(), at[1:].ravel()]
    length = np.r_[np.full(side * (side - 1), wide), np.full(side * (side - 1), deep)]
    xy = np.stack(np.meshgrid(np.arange(side) * wide, np.arange(side) * deep), axis=-1).reshape(-1, 2)
    return Network.from_edges(u, v, length, xy=xy)


@pytest.mark.parametrize(
    ("slope", "speed"), [(0.0, 5.04), (-0.05, 6.0), (0.1763, 2.72), (-0.1763, 3.86), (0.0875, 3.71)]
)
def test_tobler_table(slope, speed):
    # table of angles 0, -2.86, 10, -10 and 5 degrees
    assert tobler_speed(slope) == pytest.approx(speed, abs=0.005)


def test_uphill_is_slower_than_downhill():
    net = Network.from_edges([0], [1], [134.0], xy=[[0, 0], [134, 0]])
    level = walking_seconds(net)
    assert level.tolist() == pytest.approx([100.0, 100.0])
    hilly = walking_seconds(net.with_heights([0.0, 6.7]))
    up, down = hilly[hilly.argsort()[::-1]]
    assert up == pytest.approx(100.0 * np.exp(-0.175) / np.exp(-0.35))
    assert down == pytest.approx(100.0 * np.exp(-0.175))
    assert walking_seconds(net, walker="wheelchair")[0] == pytest.approx(134.0 / 0.8)
    with pytest.raises(InputError, match="walker must be one of"):
        walking_seconds(net, walker="runner")


def test_felt_lengths_of_the_sources():
    assert felt_length([100.0, 100.0], [1.0, 0.0]).tolist() == pytest.approx([100.0, 86.0])
    assert felt_length([100.0, 100.0], [0.25, 0.0], alpha=2.0).tolist() == pytest.approx([125.0, 100.0])
    assert basu_length(1000.0, 28.0) == pytest.approx(1162.0)
    assert heat_dose_rate([30.0, 35.0]).tolist() == [0.0, 3.0]
    assert heat_weighted(100.0, 36.0) == pytest.approx(200.0)
    with pytest.raises(InputError, match="share of 0 to 1"):
        felt_length([1.0], [1.5])


def test_coolwalks_grid_theorem():
    # equal shade on all streets of one direction: independent of alpha, and no gain over the shortest path
    net = _blocks(6)
    along_x = net.on_arcs(np.abs(net.xy[net.edges["u"], 1] - net.xy[net.edges["v"], 1]) < 1)
    sunlit = np.where(along_x, 0.3, 0.8)
    values = [coolwalkability(net, sunlit, alpha) for alpha in (1.01, 1.5, 3.0, 10.0)]
    assert values == pytest.approx([values[0]] * 4, rel=1e-9)
    shade = np.random.default_rng(1).random(net.arcs)
    uneven = [coolwalkability(net, shade, alpha) for alpha in (1.01, 10.0)]
    assert uneven[1] > uneven[0] + 0.01
    assert coolwalkability(net, np.zeros(net.arcs), 2.0) == pytest.approx(1.0)
    assert coolwalkability(net, np.ones(net.arcs), 2.0) == pytest.approx(0.0)


def _raster():
    x, y = np.arange(40) + 0.5, 59.5 - np.arange(60)
    return x, y, np.add.outer(10.0 * y, x)


def test_samples_read_the_raster_along_the_course():
    x, y, plane = _raster()
    net = Network.from_edges([0, 1, 0], [1, 2, 3], [30.0, 40.0, 70.0], xy=[[2, 5], [32, 5], [32, 45], [72, 5]])
    read = on_edges(edge_samples(net, x, y, step=0.5), np.stack([plane, plane + 1.0]))
    middle = [10 * 5.0 + 17.0, 10 * 25.0 + 32.0]
    assert read.mean[0, :2] == pytest.approx(middle, abs=5.1)  # a line between cells reads one of the two rows
    assert read.mean[1] == pytest.approx(read.mean[0] + 1.0)
    assert read.largest[0, 1] == pytest.approx(10 * 44.5 + 32.5, abs=6.0)
    assert read.missing[0].tolist() == pytest.approx([0.0, 0.0, 32 / 70], abs=0.02)


def test_samples_equal_plain_reading():
    x, y, plane = _raster()
    plane = np.where(np.random.default_rng(0).random(plane.shape) < 0.2, np.nan, plane)
    line = (np.array([[1.2, 3.3], [20.9, 40.1], [38.2, 12.7]]), np.array([0, 3]))
    net = Network.from_edges([0], [1], [80.0], xy=[[1.2, 3.3], [38.2, 12.7]], lines=line)
    read = on_edges(edge_samples(net, x, y), plane)
    a, b, c = line[0]
    first = np.hypot(*(b - a))
    whole = first + np.hypot(*(c - b))
    count = int(np.ceil(whole))
    values = []
    for i in range(count):
        s = (i + 0.5) / count * whole
        p = a + (b - a) * s / first if s < first else b + (c - b) * (s - first) / (whole - first)
        values.append(plane[round(59.5 - p[1]), round(p[0] - 0.5)])
    assert read.mean[0, 0] == pytest.approx(np.nanmean(values), rel=1e-6)
    assert read.largest[0, 0] == pytest.approx(np.nanmax(values))
    assert read.missing[0, 0] == pytest.approx(np.isnan(values).mean(), abs=1e-6)


def test_pavements_on_both_sides():
    x, y, _ = _raster()
    shade = np.where(y > 30.0, 25.0, 40.0)[:, None] + np.zeros(40)
    net = Network.from_edges([0], [1], [30.0], xy=[[2, 30], [32, 30]])
    right, left = (on_edges(edge_samples(net, x, y, beside=off), shade) for off in (3.0, -3.0))
    assert (left.mean[0, 0], right.mean[0, 0]) == (25.0, 40.0)
    assert cooler_side(left, right).mean[0, 0] == 25.0


def test_wrong_grids_are_said():
    net = _blocks(2)
    with pytest.raises(InputError, match="north edge"):
        edge_samples(net, [0, 1], [0, 1])
    with pytest.raises(InputError, match="grid with"):
        on_edges(edge_samples(net, [0, 1], [1, 0]), np.zeros((3, 3)))


@pytest.mark.parametrize("seed", range(4))
def test_choices_equal_all_simple_paths(seed):
    rng = np.random.default_rng(seed)
    u, v = rng.integers(0, 7, (2, 16))
    net = Network.from_edges(u, v, np.ones(16), xy=rng.random((7, 2)))
    seconds, dose = rng.integers(1, 20, net.arcs).astype(float), rng.integers(0, 20, net.arcs).astype(float)
    every = []
    for size in range(1, 7):
        for middle in itertools.permutations([n for n in range(7) if n not in (0, 6)], size - 1):
            nodes = [0, *middle, 6]
            steps = [np.flatnonzero((net.tail == a) & (net.head == b)) for a, b in itertools.pairwise(nodes)]
            ways = itertools.product(*steps)
            every.extend((seconds[list(arcs)].sum(), dose[list(arcs)].sum()) for arcs in ways)
    if not every:
        assert len(route_choices(net, seconds, dose, 0, 6)) == 0
        return
    limit = 3.0 * min(t for t, _ in every)
    front = sorted(
        {p for p in every if p[0] <= limit and not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in every)}
    )
    table = route_choices(net, seconds, dose, 0, 6, detour=3.0)
    assert list(zip(table["seconds"], table["dose"], strict=True)) == front
    for row in table.itertuples():
        assert seconds[row.arcs].sum() == row.seconds
        assert dose[row.arcs].sum() == row.dose
    slider = cool_route(net, seconds, dose, 0, 6, minutes_per_dose=0.02)
    assert slider.cost == pytest.approx(min(t + 1.2 * d for t, d in every))


def test_no_way_gives_no_choice():
    net = Network.from_edges([0], [1], [1.0], xy=[[0, 0], [1, 0], [5, 5]])
    assert len(route_choices(net, net.length, net.length, 0, 2)) == 0


def test_heat_takes_places_out_of_reach():
    net = Network.from_edges([0, 1], [1, 2], [300.0, 300.0], xy=[[0, 0], [300, 0], [600, 0]])
    seconds = walking_seconds(net)
    hot = heat_weighted(seconds, np.where(net.edge == 1, 36.0, 20.0))
    table = access_loss(net, seconds, hot, np.array([0.0, 1.0, 1.0]), 480.0, sources=[0])
    assert table[["cool", "hot", "loss"]].to_numpy().tolist() == [[2.0, 1.0, 0.5]]


def test_shade_demand_counts_walkers_and_their_heat():
    # 10 people at one end of a street, shop at the other, a second shop off the middle at twice the distance weight
    net = Network.from_edges([0, 1, 1], [1, 2, 3], [134.0, 134.0, 134.0], xy=[[0, 0], [134, 0], [268, 0], [134, 134]])
    seconds = walking_seconds(net)
    walkers, dose = shade_demand(net, seconds, [10.0, 0, 0, 0], [0, 0, 1.0, 3.0], [6.0, 0.0, np.nan])
    assert walkers.tolist() == pytest.approx([10.0, 2.5, 7.5])
    assert dose.tolist() == pytest.approx([10.0 * 100 / 60 * 6.0, 0.0, 0.0])


def test_shade_demand_does_not_depend_on_threads():
    from models.parallel import set_threads

    net = _blocks(12)
    rng = np.random.default_rng(0)
    given = (net, walking_seconds(net), rng.random(144), rng.random(144), rng.random(len(net.edges)))
    out = []
    for count in (1, 2):
        set_threads(count)
        out.append(shade_demand(*given)[0])
    set_threads(None)
    np.testing.assert_allclose(out[0], out[1], rtol=1e-12)


def test_barriers_have_their_reasons():
    table = {
        "id": ["ok", "stairs", "kerb", "narrow", "steep", "sand", "ramp", "tight", "unknown"],
        "steps": [False, True] + [False] * 7,
        "kerb": [3.0, 3.0, 3.5, 0, 0, 0, 0, 0, np.nan],
        "width": [2.0, 2.0, 2.0, 0.8, 2.0, 2.0, 2.0, 1.2, np.nan],
        "slope": [0.03, 0.0, 0.0, 0.0, -0.07, 0.0, 0.05, 0.0, np.nan],
        "surface": ["asphalt"] * 5 + ["sand", "asphalt", "sett", ""],
    }
    net = Network.from_edges([0] * 9, [1] * 9, [40.0] * 9, xy=[[0, 0], [40, 0]], attributes=table)
    judged = barrier_free(net)
    assert dict(zip(judged.reasons["id"], judged.reasons["reason"], strict=True)) == {
        "stairs": "steps", "kerb": "kerb", "narrow": "narrow", "steep": "steep", "sand": "surface",
    }  # fmt: skip
    assert judged.hard[["id", "reason"]].to_numpy().tolist() == [
        ["ramp", "slope"],
        ["tight", "passing"],
        ["tight", "surface"],
    ]
    assert set(judged.unknown["what"]) == {"width", "kerb", "slope", "surface"}
    assert np.isinf(judged.seconds).sum() == 2 * 5
    tolerant = barrier_free(net, profile="wheelchair_tolerant")
    assert "kerb" not in tolerant.reasons["reason"].tolist()
    with pytest.raises(InputError, match="profile must be one of"):
        barrier_free(net, profile="none")
