"""Blue-green measures: their layers against SWMM's LID report, their balance, and what they do on the grid."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models import water
from models.layers import LAND_COVER, InputError
from models.water.exchange import Surface
from models.water.measures import Stacks, measures_from_classes

BLOCK = water.design_storm(36.0, 60, shape="block")


def _void(ratio: float) -> float:
    return ratio / (1.0 + ratio)


# layer values as in the .inp files, in mm and mm/h
NORTH = {"area": 102.0, "surface_depth": 230.0, "surface_void": 1 - 0.086, "soil_depth": 300.0, "porosity": 0.45,
         "field_capacity": 0.27, "wilting_point": 0.04, "soil_rate": 150.0, "soil_slope": 5.0, "soil_suction": 49.0,
         "storage_depth": 450.0, "storage_void": _void(0.9), "ground_rate": 1.0, "drain_rate": 30.0, "drain_exponent": 0.55,
         "drain_offset": 500.0, "saturation": 0.8}  # fmt: skip
GARDEN = {"area": 100.0, "surface_depth": 150.0, "surface_void": 1.0, "soil_depth": 450.0, "porosity": 0.4,
          "field_capacity": 0.1, "wilting_point": 0.05, "soil_rate": 100.0, "soil_slope": 10.0, "soil_suction": 40.0,
          "storage_depth": 50.0, "storage_void": _void(0.67), "ground_rate": 1000.0, "drain_rate": 0.0, "saturation": 0.0}  # fmt: skip
PAVING = {"area": 404.7, "surface_depth": 0.0, "pavement_depth": 152.4, "pavement_void": _void(0.3), "pavement_open": 0.18,
          "pavement_rate": 2540.0, "storage_depth": 2.54, "storage_void": _void(0.75), "ground_rate": 0.46 * 25.4,
          "drain_rate": 0.0}  # fmt: skip


@pytest.fixture(scope="module")
def reports(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What SWMM reports of its LID units, run on the reference files: one row a step."""
    pytest.importorskip("swmm.toolkit", reason="swmm-toolkit is not installed")
    folder = tmp_path_factory.mktemp("lid")
    names = {"bioretention": "bc_sncb.txt", "rain_garden": "bc_srg.txt", "porous_pavement": "pp_s1.txt"}
    for name in names:
        (folder / f"{name}.inp").write_bytes((shared / "reference" / "water" / "swmm" / f"{name}.inp").read_bytes())
        code = f"from swmm.toolkit import solver; solver.swmm_run('{name}.inp', '{name}.rpt', '{name}.out')"
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    found = {}
    for name, file in names.items():
        lines = re.findall(r"^\s*\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\s+(.*)$", (folder / file).read_text(), re.MULTILINE)
        found[name] = np.array([[float(value) for value in line.split()] for line in lines])
    return found


def _follow(
    table: np.ndarray, kind: str, values: dict[str, float], inch: float
) -> tuple[np.ndarray, np.ndarray, Stacks]:
    """Feed a stack with SWMM's inflow; return [inflow, ground, drain, overflow, start, end] in mm and levels by row."""
    unit = water.measure(kind, **values)
    stack = Stacks([unit], np.array([unit.area]))
    start, sums, levels, before = float(stack.contents()[0]), np.zeros(4), [], 0.0
    for hours, inflow in zip(table[:, 0], table[:, 1] * inch, strict=True):
        step = round((hours - before) * 3600.0)
        before = hours
        volume = inflow / 3.6e6 * step * unit.area
        sums += [volume / unit.area, *stack.advance(np.array([volume]), step)[0]]
        levels.append([stack.state[0, 2], stack.state[0, 3] * 1e3])
    end = float(stack.contents()[0])
    assert sums[0] - sums[1:].sum() == pytest.approx(end - start, abs=1e-12)
    return np.array([*sums, start, end]) * 1e3, np.array(levels), stack


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "kind", "values"), [("bioretention", "bioretention", NORTH), ("rain_garden", "bioretention", GARDEN)]
)
def test_bioretention_and_rain_garden_as_in_swmm(
    reports: dict[str, np.ndarray], shared: Path, name: str, kind: str, values: dict[str, float]
) -> None:
    expected = json.loads((shared / "reference" / "water" / "swmm" / "expected.json").read_text())[name]["lid_mm"]
    table = reports[name]
    sums, levels, _ = _follow(table, kind, values, 1.0)
    columns = ("inflow", "infil", "drain_out", "surface_out", "storage_0", "storage_1")
    wanted = [expected[column] for column in columns]
    # SWMM steps once in 2 and 5 minutes, the stack in 10 s: within 0.2 % of what went through
    assert sums == pytest.approx(wanted, abs=2e-3 * (wanted[0] + wanted[4]))
    assert sums[[0, 1, 5]] == pytest.approx([wanted[k] for k in (0, 1, 5)], rel=1.5e-3)
    assert np.abs(levels[:, 0] - table[:, -2]).max() < 0.005  # water content of the soil
    assert np.abs(levels[:, 1] - table[:, -1]).max() < 0.5  # mm in the storage


@pytest.mark.reference
def test_porous_paving_as_in_swmm(reports: dict[str, np.ndarray], shared: Path) -> None:
    expected = json.loads((shared / "reference" / "water" / "swmm" / "expected.json").read_text())["porous_pavement"]
    sums, _, _ = _follow(reports["porous_pavement"], "permeable_paving", PAVING, 25.4)
    inches = sums[:4] / 25.4
    assert inches == pytest.approx([4.0, expected["infiltration_in"], 0.0, expected["runoff_in"]], abs=1e-3)


@example("tree_trench", [0.0] * 5, 0.008, 57.3)  # a storage that rounds below empty
@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(water.measure_kinds()["kind"].tolist()),
    st.lists(st.floats(0.0, 400.0), min_size=3, max_size=30),
    st.floats(0.0, 1.0),
    st.floats(5.0, 300.0),
)
def test_every_kind_closes_its_balance_and_stays_within_its_layers(
    kind: str, inflow: list[float], saturation: float, step: float
) -> None:
    stack = Stacks([water.measure(kind, area=10.0, saturation=saturation)], np.array([10.0]))
    layers, total, start = stack.layers[0], 0.0, stack.contents()[0]
    for rate in inflow:
        volume = rate / 3.6e6 * step * 10.0
        flux = stack.advance(np.array([volume]), step)[0]
        assert (flux >= 0).all()
        total += volume / 10.0 - flux.sum()
        state = stack.state[0]
        assert (state >= -1e-12).all()
        assert state[0] <= layers[0] + 1e-9
        assert state[1] <= layers[2] + 1e-9
        assert state[3] <= layers[13] + 1e-9
        if layers[6] > 0:
            assert layers[9] - 1e-9 <= state[2] <= layers[7] + 1e-9
    assert stack.contents()[0] - start == pytest.approx(total, abs=1e-12)


def test_by_hand_cistern_trench_and_throttle() -> None:
    tank = Stacks([water.measure("cistern")], np.array([4.0]))
    flux = tank.advance(np.array([10.0]), 60.0)[0]
    assert (tank.state[0, 3], flux[2] * 4.0) == (pytest.approx(2.0), pytest.approx(2.0))
    trench = Stacks([water.measure("trench", ground_rate=36.0)], np.array([10.0]))
    trench.advance(np.array([3.5]), 10.0)  # 0.35 m fill the metre of gravel but for what 10 s lose
    for _ in range(360):
        trench.advance(np.array([0.0]), 10.0)
    assert trench.state[0, 3] == pytest.approx(1.0 - 3610 * 1e-5 / 0.35, rel=1e-9)
    throttled = Stacks([water.measure("swale_trench", saturation=1.0)], np.array([10.0]))
    assert throttled.advance(np.array([0.0]), 600.0)[0, 1] == pytest.approx(0.72e-3 / 6.0)
    wet = Stacks([water.measure("green_roof")], np.array([100.0]))  # at field capacity: all of a rain leaves, but later
    left = [wet.advance(np.array([0.01 if step < 90 else 0.0]), 10.0)[0, 1:].sum() for step in range(20_000)]
    assert 0.0 < sum(left[:90]) < 0.75 * 9e-3  # 9 mm in 15 min
    assert sum(left) == pytest.approx(9e-3, rel=0.05)


def _surface(shape: tuple[int, int], dtype: type = np.float64, depth: float = 0.0) -> Surface:
    return Surface(np.full(shape, depth, dtype), np.zeros(shape), np.ones(shape, dtype=bool), 2.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_measures_on_the_grid_close_the_balance(dtype: type) -> None:
    rng = np.random.default_rng(4)
    masks = np.zeros((3, 12, 12), dtype=bool)
    masks[0, 2:4, 2:5], masks[1, 8, 1:9], masks[2, 10:, 10:] = True, True, True
    connected = np.zeros((12, 12), dtype=bool)
    connected[5:7] = True
    measures = [
        water.measure("swale_trench", masks[0], connected=connected, name="M1"),
        water.measure("tree_trench", masks[1], drain_to=(0, 0), saturation=0.6, area=20.0),
        water.measure("permeable_paving", masks[2], drain_to="ground"),
    ]
    rain, retention, surface = water.Rain(BLOCK), water.Retention(measures), _surface((12, 12), dtype)
    for step in range(500):
        length = float(rng.uniform(2.0, 12.0))
        rain.step(8.0 * step, length, surface)
        retention.step(8.0 * step, length, surface)
        assert surface.depth.min() >= 0.0
    account = retention.account()
    stored = float(surface.depth.astype(float).sum()) * 4.0
    assert sum(rain.account().values()) + sum(account.values()) == pytest.approx(stored, abs=1e-9)
    assert account["stored"] < -1.0
    assert account["to_ground"] < -0.5
    table = retention.table().set_index("name")
    assert table["area"].tolist() == [24.0, 20.0, 16.0]
    assert table["to_cell"].iloc[1] > 0.0
    assert surface.depth[0, 0] > surface.depth[0, 1]  # the drain of the tree trench ends there
    kept = table["taken"] - table["stored"] - table[["to_ground", "to_sewer", "to_cell"]].sum(axis=1)
    assert np.abs(kept).max() < 2e-3  # what numbers hold back
    assert surface.depth[5].max() < surface.depth[0, 1]


def test_restart_gives_the_same_bytes() -> None:
    mask = np.zeros((6, 6), dtype=bool)
    mask[3, 1:5] = True

    def run(cut: int) -> tuple[bytes, dict[str, float]]:
        def make() -> water.Retention:
            return water.Retention([water.measure("bioretention", mask, drain_to=(5, 5), saturation=0.7)])

        rain, retention, surface = water.Rain(BLOCK), make(), _surface((6, 6), np.float32)
        for step in range(200):
            if step == cut:
                kept, retention = retention.state(), make()
                retention.restore(kept)
            rain.step(9.0 * step, 9.0, surface)
            retention.step(9.0 * step, 9.0, surface)
        return surface.depth.tobytes(), dict(retention.account())

    whole, cut = run(-1), run(77)
    assert whole[0] == cut[0]
    assert whole[1] == pytest.approx(cut[1], abs=1e-12)


def test_green_roofs_hold_back_and_delay() -> None:
    number, cover = np.zeros((10, 16), np.int32), np.full((10, 16), LAND_COVER["asphalt"], np.uint8)
    number[3:7, 2:6], number[3:7, 9:13] = 1, 2
    site = xr.Dataset({"building_id": (("y", "x"), number), "land_cover": (("y", "x"), cover)})
    short = water.design_storm(15.0, 15, shape="block")

    def make() -> water.Rain:
        return water.Rain(
            short, site, roof_drainage="downpipe", green_roofs={1: water.measure("green_roof", saturation=0.0)}
        )

    rain, surface = make(), _surface((10, 16))
    for step in range(180):
        if step == 100:
            kept, rain = rain.state(), make()
            rain.restore(kept)
        rain.step(10.0 * step, 10.0, surface)
    account = rain.account()
    assert sum(account.values()) == pytest.approx(surface.depth.sum() * 4.0, abs=1e-9)
    assert account["green_roofs"] == pytest.approx(-64.0 * 0.015, rel=1e-6)  # 15 mm stay below field capacity (24 mm)
    extra = surface.depth[number == 0].sum() * 4.0 - (160 - 32) * 4.0 * 0.015
    assert extra == pytest.approx(64.0 * 0.015, rel=1e-6)  # the other roof runs off


def test_losses_leave_the_measures_alone() -> None:
    mask = np.array([[True, False]])
    site = xr.Dataset({"land_cover": (("y", "x"), np.full((1, 2), LAND_COVER["grass"], np.uint8))})
    retention = water.Retention([water.measure("swale", mask)])
    losses, surface = water.Losses(site, without=retention.covers((1, 2))), _surface((1, 2), depth=0.01)
    losses.step(0.0, 10.0, surface)
    assert surface.depth[0, 0] == 0.01 > surface.depth[0, 1]


def test_cell_classes_become_measures() -> None:
    measures = measures_from_classes(
        np.array([[0, 7], [7, 3]]), {7: "permeable_paving", 3: water.measure("swale", ground_rate=1.0)}
    )
    assert [one.kind for one in measures] == ["permeable_paving", "permeable_paving", "swale"]
    assert measures[2].cells.tolist() == [[1, 1]]
    assert measures[2].layers["ground_rate"] == 1.0


def test_names_in_german_and_all_kinds_are_valid() -> None:
    for row in water.measure_kinds().itertuples():
        assert water.measure(row.label_de, area=1.0).kind == row.kind == water.measure(row.label_en, area=1.0).kind


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: water.measure("pond"), "Unknown measure"),
        (lambda: water.measure("swale", depth=3.0), "no layer value 'depth'"),
        (lambda: water.measure("swale", porosity=0.1), "not possible"),
        (lambda: water.measure("trench", storage_void=35.0), "storage_void = 35"),
        (lambda: water.measure("swale", saturation=80.0), "saturation"),
        (lambda: water.measure("swale", np.zeros(3)), "mask"),
        (lambda: water.measure("swale", drain_to="river"), "drain_to"),
        (lambda: water.Retention([]), "at least one"),
        (lambda: water.Retention([water.measure("green_roof", area=5.0)]), "no cell"),
        (lambda: water.Retention([water.measure("cistern", connected=np.ones((2, 2), bool))]), "give area="),
        (lambda: water.Retention([water.measure("swale", np.ones((1, 1), bool))] * 2), "two measures"),
        (
            lambda: water.Retention([water.measure("swale", np.array([[9, 9]]))]).step(0.0, 1.0, _surface((3, 3))),
            "outside",
        ),
    ],
)
def test_bad_measures_are_named(call: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call()  # type: ignore[operator]


def test_a_flood_with_rain_roofs_losses_and_measures_closes() -> None:
    side = 40
    y, _ = np.mgrid[0:side, 0:side]
    number, cover = np.zeros((side, side), np.int32), np.full((side, side), LAND_COVER["grass"], np.uint8)
    number[6:12, 6:14], number[6:12, 22:30] = 1, 2
    cover[14:18] = LAND_COVER["asphalt"]
    cover[number > 0] = LAND_COVER["building"]
    ground = (50.0 - 0.02 * y).astype(np.float32)
    layers = {"terrain_height": ground, "surface_height": ground + 8.0 * (number > 0), "building_id": number,
              "land_cover": cover, "canopy_height": np.where(y > 30, 12.0, 0.0)}  # fmt: skip
    axis = np.arange(side) * 2.0 + 1.0
    site = xr.Dataset({name: (("y", "x"), a) for name, a in layers.items()}, coords={"y": axis[::-1], "x": axis})
    trench = np.zeros((side, side), dtype=bool)
    trench[19:21, 5:35] = True
    depths = []
    for with_trench in (False, True):
        measures = [water.Retention([water.measure("tree_trench", trench)])] if with_trench else []
        rain = water.Rain(
            water.design_storm(40.0, 20, shape="block"), site, roof_drainage={1: "downpipe", 2: "sewer"},
            roof_storage=1.0, interception=water.crown_storage(site),
        )  # fmt: skip
        losses = water.Losses(site, without=measures[0].covers(trench.shape) if measures else None)
        result = water.flood(site, rain, duration=1800.0, dtype="float64", losses=losses, sources=measures)
        volume = result["volume"].to_series()
        assert abs(volume["error"]) < 1e-9 * volume["rain"]
        assert volume["rain"] == pytest.approx(side * side * 4.0 * 0.04)
        assert volume["sewer"] == pytest.approx(-48 * 4.0 * 0.039)
        depths.append(float(result["depth_max"].values[24, 5:35].mean()))
    assert volume["retention_stored"] < -5.0
    assert depths[1] < 0.8 * depths[0]  # what the trench took is missing downhill
