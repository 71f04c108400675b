"""Two-way coupling with SWMM: what falls in, comes up, and leaves; stand-alone networks; bad files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.layers import InputError
from models.water.capacity import CapacitySink
from models.water.exchange import Surface
from models.water.sewer_exchange import GRAVITY, Opening, exchange_flow, steady_outflow
from models.water.sewers import Sewer, sewer_alone
from models.water.swmm_files import coupled_options, read_lines, spoken_errors

pytest.importorskip("swmm.toolkit")

ACRE_FOOT = 1233.48183754752
CUBIC_FOOT = 0.3048**3

THREE_LIDS = """[TITLE]
Drei Schächte, der mittlere am Fuß: surcharges at B
[OPTIONS]
FLOW_UNITS LPS
FLOW_ROUTING DYNWAVE
LINK_OFFSETS DEPTH
START_DATE 01/01/2020
START_TIME 00:00:00
END_DATE 01/01/2020
END_TIME 00:10:00
ROUTING_STEP 0:00:02
VARIABLE_STEP 0.75
[JUNCTIONS]
A 100.0 2.0 0 0 0
B 98.0 2.0 0 0 0
C 97.8 2.0 0 0 0
[OUTFALLS]
O 97.5 FREE NO
[CONDUITS]
AB A B 50 0.013 0 0 0 0
BC B C 50 0.013 0 0 0 0
CO C O 60 0.013 0 0 0 0
[XSECTIONS]
AB CIRCULAR 0.5 0 0 0 1
BC CIRCULAR 0.3 0 0 0 1
CO CIRCULAR 0.25 0 0 0 1
[COORDINATES]
A 5 5
B 50 5
C 85 5
O 200 5
"""

X, Y = np.arange(0.5, 100.0), np.arange(9.5, 0.0, -1.0)
BASINS = (slice(0, 20), slice(40, 60), slice(75, 95))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    file = tmp_path / "netz.inp"
    file.write_text(THREE_LIDS, encoding="utf-8")
    return file


def town(depth_at_a: float = 0.0, dtype: Any = np.float32) -> Surface:
    depth = np.zeros((10, 100), dtype)
    depth[:, BASINS[0]] = depth_at_a
    return Surface(depth, np.zeros_like(depth), np.ones(depth.shape, bool), 1.0)


def level(surface: Surface) -> None:
    """Let the water find its level within each basin, as a flow solver would."""
    for basin in BASINS:
        surface.depth[:, basin] = surface.depth[:, basin].mean(dtype=float)


def let_run(sewer: Sewer, surface: Surface, steps: int, start: int = 0) -> list[float]:
    volumes = []
    for step in range(start, start + steps):
        sewer.step(step * 2.0, 2.0, surface)
        level(surface)
        volumes.append(float(surface.depth[:, BASINS[1]].sum(dtype=float)))
    return volumes


# ---- the formulas


def test_four_states_of_the_exchange() -> None:
    lid = Opening(area=0.3, rim=2.0)
    root = np.sqrt(2 * GRAVITY)
    depth, head = np.array([0.1, 0.1, 0.3, 0.1, 0.0, 0.2]), np.array([-0.5, 0.05, 0.1, 0.6, -1.0, 0.2])
    expected = [
        2 / 3 * 0.54 * 2.0 * root * 0.1**1.5,
        0.056 * 2.0 * root * 0.1 * np.sqrt(0.05),
        0.167 * 0.3 * root * np.sqrt(0.2),
        -0.167 * 0.3 * root * np.sqrt(0.5),
        0.0,
        0.0,
    ]
    assert exchange_flow(depth, head, lid) == pytest.approx(expected, rel=1e-12)


def test_outflow_in_balance_with_its_own_fall_of_head() -> None:
    lid, give = Opening(), 1.17 / 2.0
    head = np.array([0.001, 0.02, 0.5, 3.0])
    flow = steady_outflow(np.zeros(4), head, give, lid)
    assert -exchange_flow(np.zeros(4), head - flow / give, lid) == pytest.approx(flow, rel=1e-9)
    assert (flow < head * give).all()


# ---- two ways


def test_water_comes_up_and_goes_down_again_and_the_volume_closes(network: Path) -> None:
    surface = town(0.3)
    first = float(surface.depth.sum(dtype=float))
    with Sewer(network, X, Y) as sewer:
        at_b = let_run(sewer, surface, 900)
        account, books = sewer.account(), sewer.balance()
        down = let_run(sewer, surface, 2700, start=900)
        drained = sewer.balance()
    highest = int(np.argmax(at_b))
    assert at_b[highest] > 0.2  # m3 stood on the street at B
    assert 0 < highest < 300
    assert at_b[-1] < 0.9 * at_b[highest]  # and went down again
    assert down[-1] < 0.5 * at_b[highest]
    assert at_b == pytest.approx(np.maximum(at_b, 0.0))
    # what the surface lost is what the sewer got: float32 depths, so to 1e-5 of the turnover
    assert account["to_sewer"] < -50.0
    assert account["from_sewer"] > 0.2
    here = float(surface.depth.sum(dtype=float))
    assert first + drained["to_surface"] - drained["from_surface"] == pytest.approx(here, abs=1e-3)
    # surface + pipes + outfall close to 0.1 % of what there was
    assert abs(first - here - drained["outfalls"] - drained["stored"] - drained["under_way"]) < 1e-3 * first
    assert drained["relative_error"] < 1e-3
    assert books["outfalls"] < drained["outfalls"]


def test_heads_do_not_swing_from_step_to_step(network: Path) -> None:
    surface, flows = town(0.3, np.float64), []
    with Sewer(network, X, Y) as sewer:
        for step in range(120):
            before = sewer.account()["from_sewer"]
            sewer.step(step * 2.0, 2.0, surface)
            flows.append(sewer.account()["from_sewer"] - before)
            level(surface)
    turns = np.diff(np.sign(np.diff([flow for flow in flows if flow > 0])))
    assert len(turns) > 10
    assert (turns != 0).mean() < 0.25


def test_never_takes_more_than_lies_there_nor_touches_other_cells(network: Path) -> None:
    surface = town()
    surface.depth[5, 5] = 0.002
    with Sewer(network, X, Y) as sewer:
        for step in range(20):
            sewer.step(2.0 * step, 2.0, surface)
            assert surface.depth.min() >= 0.0
        assert -sewer.account()["to_sewer"] == pytest.approx(0.002 - float(surface.depth.sum()), rel=1e-5)
    assert surface.depth.sum() < 2e-4


def test_short_steps_are_gathered_to_routing_steps(network: Path) -> None:
    surface = town(0.3)
    with Sewer(network, X, Y) as sewer:
        assert sewer.longest_step == 2.0
        sewer.step(0.0, 0.7, surface)
        assert sewer.account()["to_sewer"] == 0.0
        sewer.step(0.7, 0.7, surface)
        sewer.step(1.4, 0.7, surface)
        assert sewer.account()["to_sewer"] < 0.0


def test_resumes_to_the_same_bytes(network: Path) -> None:
    whole, other = town(0.3), town(0.3)
    with Sewer(network, X, Y) as sewer:
        let_run(sewer, whole, 90)
        end = {key: value.copy() for key, value in sewer.state().items()}
    with Sewer(network, X, Y) as sewer:
        let_run(sewer, other, 70)
        kept = sewer.state()
    with Sewer(network, X, Y) as sewer:
        sewer.restore(kept)
        let_run(sewer, other, 20, start=70)
        again = sewer.state()
        assert sewer.balance()["relative_error"] < 0.01  # while the pipes fill
    assert whole.depth.tobytes() == other.depth.tobytes()
    assert all(end[key].tobytes() == again[key].tobytes() for key in end)


def test_gullies_lead_water_to_their_manhole(network: Path) -> None:
    surface = town(0.3)
    surface.depth[5, 5] = 0.0
    with Sewer(network, X, Y, gullies=[(0, 0, "A"), (9, 12, "A")]) as sewer:
        sewer.step(0.0, 2.0, surface)
        assert surface.depth[0, 0] < 0.3
        assert surface.depth[9, 12] < 0.3
        assert sewer.account()["from_sewer"] == 0.0
        lost = 0.3 * 199 - float(surface.depth.sum(dtype=float))
        assert -sewer.account()["to_sewer"] == pytest.approx(lost, rel=1e-4)
        for step in range(1, 60):
            sewer.step(step * 2.0, 2.0, surface)
            level(surface)
        assert sewer.balance()["own_inflow"] == pytest.approx(0.0, abs=0.05)
    with pytest.raises(InputError, match="Gullies lead to Z"):
        Sewer(network, X, Y, gullies=[(0, 0, "Z")])


class Roofs:
    """Two houses whose pipes lead away 5 litres a second each."""

    numbers = np.array([3, 8])

    def __init__(self) -> None:
        self.sewer_total = np.zeros(2)

    def sewer_places(self) -> np.ndarray:
        return np.array([[2.0, 8.0], [6.0, 80.0]])


def rain_on(roofs: Roofs, sewer: Sewer, surface: Surface, steps: range) -> None:
    for step in steps:
        roofs.sewer_total = roofs.sewer_total + 0.01
        sewer.step(2.0 * step, 2.0, surface)
        level(surface)


def test_roof_water_enters_the_nearest_manhole_and_all_of_it_is_counted(network: Path) -> None:
    roofs, surface = Roofs(), town()
    with Sewer(network, X, Y) as sewer:
        sewer.connect(roofs)
        assert sewer.connected
        rain_on(roofs, sewer, surface, range(300))
        flows, books = sewer.state()["flows"], sewer.balance()
    assert flows[-1] == pytest.approx([0.005, 0.0, 0.005], abs=1e-4)  # and a little that SWMM had lost or made
    assert books["from_houses"] == pytest.approx(6.0)
    assert books["waiting_in_house_pipes"] == pytest.approx(0.0)
    assert books["from_surface"] == 0.0
    left = books["outfalls"] + books["stored"] + books["to_surface"] + books["under_way"]
    assert books["own_inflow"] == pytest.approx(0.0, abs=0.01)  # SWMM received these 6 m3 and no other
    assert left == pytest.approx(6.0, rel=1e-3)
    assert books["relative_error"] < 1e-3
    assert books["swmm_relative_error"] > 1e-3  # by itself it is off in long pipes that run almost empty


def test_a_house_may_have_its_own_manhole(network: Path) -> None:
    roofs = Roofs()
    with Sewer(network, X, Y) as sewer:
        sewer.connect(roofs, {8: "B"})
        rain_on(roofs, sewer, town(), range(3))
        assert sewer.state()["flows"][-1] == pytest.approx([0.005, 0.005, 0.0], abs=2e-4)
        with pytest.raises(InputError, match="lead to Z"):
            sewer.connect(roofs, {8: "Z"})
        with pytest.raises(InputError, match="number 5"):
            sewer.connect(roofs, {5: "A"})


def test_resumes_to_the_same_bytes_with_roofs(network: Path) -> None:
    ends = []
    roofs, whole = Roofs(), town(0.2)
    with Sewer(network, X, Y) as sewer:
        sewer.connect(roofs)
        rain_on(roofs, sewer, whole, range(60))
        kept, total, there = sewer.state(), roofs.sewer_total, whole.depth.copy()
        rain_on(roofs, sewer, whole, range(60, 90))
        ends.append(sewer.state())
    again, other = Roofs(), town(0.2)
    again.sewer_total, other.depth[:] = total, there
    with Sewer(network, X, Y) as sewer:
        sewer.connect(again)
        sewer.restore(kept)
        rain_on(again, sewer, other, range(60, 90))
        ends.append(sewer.state())
    assert whole.depth.tobytes() == other.depth.tobytes()
    assert all(ends[0][key].tobytes() == ends[1][key].tobytes() for key in ends[0])


def test_two_networks_at_once_and_the_input_is_left_alone(network: Path) -> None:
    before = network.read_bytes()
    one, two = town(0.3), town(0.3)
    with Sewer(network, X, Y) as first, Sewer(network, X, Y) as second:
        for step in range(10):
            first.step(step * 2.0, 2.0, one)
            second.step(step * 2.0, 2.0, two)
        assert first.account() == second.account()
    assert network.read_bytes() == before
    assert [file.name for file in network.parent.iterdir()] == [network.name]


def test_inlet_under_a_building_moves_to_the_street(network: Path) -> None:
    surface = town(0.3)
    surface.active[5, 5] = False
    surface.active[:, 80:90] = False
    with Sewer(network, X, Y) as sewer:
        sewer.step(0.0, 2.0, surface)
        table = sewer.inlets.set_index("node")
    assert surface.active[table.loc["A", "row"], table.loc["A", "column"]]
    assert table.loc["A", "state"] == "coupled"
    assert table.loc["C", "state"] == "no cell near"
    assert surface.depth[5, 5] == np.float32(0.3)


# ---- against SWMM alone


@pytest.mark.reference
def test_networks_alone_give_the_expected_books(shared: Path) -> None:
    folder = shared / "reference" / "water" / "swmm"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    for name in ("extran1", "inlet_drains"):
        books, wanted = sewer_alone(folder / f"{name}.inp"), expected[name]
        assert books["continuity_error"][1] * 100 == pytest.approx(wanted["continuity_error_pct"][-1], abs=6e-4)
        assert books["totals"]["outflow"] / ACRE_FOOT == pytest.approx(wanted["external_outflow_acft"], abs=2e-3)
        flooding = wanted.get("flooding_acft", wanted.get("flooding"))
        assert books["totals"]["flooding"] / ACRE_FOOT == pytest.approx(flooding, abs=6e-4)
        ((mean, most),) = books["outfalls"].values()
        assert [mean / CUBIC_FOOT, most / CUBIC_FOOT] == pytest.approx(
            wanted["outfall_system_avg_max_flow_cfs"], abs=6e-3
        )


@pytest.mark.reference
def test_what_comes_up_over_dry_ground_is_what_swmm_alone_spills_less_what_it_makes(
    shared: Path, tmp_path: Path
) -> None:
    """EXTRAN 1 spills at 80608; coupled to ground that drains at once, water comes up there and the books close.

    By itself SWMM makes 5 % of all water out of nothing here, most of it while it spills: that must not come up.
    """
    text = (shared / "reference" / "water" / "swmm" / "extran1.inp").read_text(encoding="utf-8")
    file = tmp_path / "extran1.inp"
    file.write_text(text.replace("08:00:00", "01:20:00"), encoding="utf-8")
    by_itself = sewer_alone(file)
    alone, made = by_itself["spilled"], -by_itself["continuity_error"][1] * by_itself["totals"]["exInflow"]
    x, y = np.arange(-1000.0, 11000.0, 100.0), np.arange(8000.0, 2000.0, -100.0)
    depth = np.zeros((y.size, x.size))
    surface = Surface(depth, np.zeros_like(depth), np.ones(depth.shape, bool), 100.0)
    risen: dict[str, float] = {}
    with Sewer(file, x, y, opening_area=20.0) as sewer:
        table = sewer.inlets[sewer.inlets["state"] == "coupled"]
        for step in range(0, 4800, 2):
            sewer.step(step, 2.0, surface)
            for node, row, column in zip(table["node"], table["row"], table["column"], strict=True):
                risen[node] = risen.get(node, 0.0) + float(depth[row, column]) * 1e4
            depth[:] = 0.0
        books = sewer.balance()
    assert max(risen, key=risen.__getitem__) == max(alone, key=alone.__getitem__) == "80608"
    assert made > 0.5 * alone["80608"]
    assert max(alone["80608"] - made, 0.6 * alone["80608"]) < risen["80608"] < alone["80608"]
    assert books["to_surface"] == pytest.approx(sum(risen.values()), rel=1e-6)
    assert books["relative_error"] < 1e-3 < books["swmm_relative_error"]


# ---- bad input


def test_errors_of_swmm_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "falsch.inp"
    file.write_text(THREE_LIDS.replace("BC B C 50", "BC B X 50").replace("98.0 2.0", "98.0 tief"), encoding="utf-8")
    with pytest.raises(InputError, match=r"falsch\.inp.*ERROR \d+.*line 15 of \[JUNC") as caught:
        Sewer(file, X, Y)
    assert "\n" not in str(caught.value)
    file.write_text("nothing of the kind", encoding="utf-8")
    with pytest.raises(InputError, match="no SWMM input file"):
        Sewer(file, X, Y)
    with pytest.raises(InputError, match="does not exist"):
        Sewer(tmp_path / "fehlt.inp", X, Y)
    file.write_text(THREE_LIDS.replace("B 50 5", "B fünfzig 5"), encoding="cp1252")
    with pytest.raises(InputError, match="line 29: "):
        Sewer(file, X, Y)


def test_inlets_outside_the_grid_are_named(network: Path) -> None:
    with pytest.raises(InputError, match=r"1 nodes of netz.inp lie outside the grid \(C\)"):
        Sewer(network, X[:60], Y)
    with Sewer(network, X[:60], Y, outside="leave") as sewer:
        assert sewer.inlets.set_index("node")["state"].to_dict() == {
            "A": "coupled", "B": "coupled", "C": "outside", "O": "outfall",
        }  # fmt: skip
    with pytest.raises(InputError, match="None of the 4 nodes"):
        Sewer(network, X + 1e6, Y, outside="leave")
    with pytest.raises(InputError, match="Nodes Z are not in"):
        Sewer(network, X, Y, nodes=["Z"])
    with pytest.raises(InputError, match="opening_area must be above 0"):
        Sewer(network, X, Y, opening_area=0.0)
    with pytest.raises(InputError, match="rim_length names Q"):
        Sewer(network, X, Y, rim_length={"Q": 2.0})


def test_options_of_a_coupled_run(network: Path) -> None:
    lines = read_lines(network)
    between, options = coupled_options(lines, rainfall=False)
    assert between == 2
    assert options["VARIABLE_STEP"] == "0"
    assert options["IGNORE_RAINFALL"] == "YES"
    short = [line.replace("BC B C 50", "BC B C 4") for line in lines]
    assert float(coupled_options(short, rainfall=True)[1]["ROUTING_STEP"]) < 1.0
    assert spoken_errors("fine") == ""


# ---- without a network


def test_capacity_sink_takes_its_rate_until_the_total() -> None:
    surface = town()
    surface.depth[:] = 0.5
    sink = CapacitySink([5, 5], [5, 5], capacity=[10.0, 20.0], total=0.2)
    sink.step(0.0, 5.0, surface)
    assert sink.account()["to_sewer"] == pytest.approx(-0.15, rel=1e-6)
    sink.step(5.0, 5.0, surface)
    assert sink.account()["to_sewer"] == pytest.approx(-0.2, rel=1e-6)
    assert surface.depth[5, 5] == pytest.approx(0.3)
    again = CapacitySink([5, 5], [5, 5], total=0.2)
    again.restore(sink.state())
    again.step(10.0, 5.0, surface)
    assert again.account()["to_sewer"] == pytest.approx(-0.2, rel=1e-6)


def test_capacity_over_streets_leaves_dry_and_closed_cells_alone() -> None:
    surface = town(0.001)
    surface.active[:, 0] = False
    street = np.zeros((10, 100), bool)
    street[4, :] = True
    sink = CapacitySink.over(street, 36.0)
    sink.step(0.0, 60.0, surface)
    assert surface.depth[4, 1:20] == pytest.approx(0.0004, rel=1e-5)
    assert surface.depth[4, 0] == np.float32(0.001)
    sink.step(60.0, 3600.0, surface)
    assert surface.depth[4, 1:20].max() == 0.0
    assert sink.account()["to_sewer"] == pytest.approx(-0.019, rel=1e-5)


def test_capacity_sink_refuses_what_makes_no_sense() -> None:
    with pytest.raises(InputError, match="either rows"):
        CapacitySink()
    with pytest.raises(InputError, match="at least 0 l/s"):
        CapacitySink([0], [0], capacity=-1.0)
    with pytest.raises(InputError, match="one length"):
        CapacitySink([0, 1], [0])
    with pytest.raises(InputError, match="without NaN"):
        CapacitySink(rate=np.array([[np.nan]]))
    with pytest.raises(InputError, match="outside the grid"):
        CapacitySink([50], [0]).step(0.0, 1.0, town())
