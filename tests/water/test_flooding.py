"""The flood solvers: volume, positivity, rest, symmetry, closed solutions, restart, and what they refuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from models.barrier import Barrier
from models.layers import InputError
from models.parallel import set_threads
from models.water import Culvert, FixedLevel, Hydrograph, Inflow, Rain, SideInflow, SupercriticalWarning, Wall, flood
from models.water.edges import Cells, Faces
from models.water.flooding import Cancelled
from models.water.inertial import InertialFlow
from models.water.roots import inverse_cube_root, inverse_square_root

SOLVERS = ("inertial", "shallow_water")


def ground(bed: np.ndarray, manning: float = 0.03, size: float = 2.0, **layers: np.ndarray) -> xr.Dataset:
    rows, columns = bed.shape
    data = {"terrain_height": bed, "manning_n": np.full(bed.shape, manning), **layers}
    return xr.Dataset(
        {name: (("y", "x"), values) for name, values in data.items()},
        {"y": (rows - np.arange(rows) - 0.5) * size, "x": (np.arange(columns) + 0.5) * size},
    )


def block(rate: float, minutes: int = 10) -> xr.DataArray:
    times = np.arange(minutes) * 60.0
    return xr.DataArray(np.full(minutes, rate), dims="time", coords={"time": times}, attrs={"units": "mm h-1"})


def hills(n: int = 40, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 100.0 + rng.random((n, n)) + 5.0 * (rng.random((n, n)) > 0.9)


@njit(cache=True)
def roots(values: np.ndarray, cubes: np.ndarray, squares: np.ndarray) -> None:
    for i in range(values.size):
        cubes[i], squares[i] = inverse_cube_root(values[i]), inverse_square_root(values[i])


@pytest.mark.parametrize(("kind", "cube", "square"), [(np.float32, 2.5e-6, 7e-4), (np.float64, 1e-14, 1e-14)])
def test_roots_are_as_exact_as_promised(kind: type, cube: float, square: float) -> None:
    values = np.geomspace(1e-6, 1e4, 300_000).astype(kind)
    cubes, squares = np.empty_like(values), np.empty_like(values)
    roots(values, cubes, squares)
    assert np.abs(cubes * values.astype(np.float64) ** (1 / 3) - 1.0).max() < cube
    assert np.abs(squares * values.astype(np.float64) ** 0.5 - 1.0).max() < square


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("dtype", "most"), [("float32", 1e-6), ("float64", 1e-12)])
def test_volume_closes_and_no_depth_is_negative(solver: str, dtype: str, most: float) -> None:
    result = flood(
        ground(hills()), block(80.0), duration=900, solver=solver, dtype=dtype, losses=None, boundaries="closed"
    )
    assert abs(result.attrs["balance_error"]) <= most
    assert float(result["depth_end"].min()) >= 0.0
    assert float(result["volume"].sel(term="rain")) == pytest.approx(80e-3 / 6 * 6400, rel=1e-3)


@pytest.mark.parametrize(("solver", "order"), [("inertial", 1), ("shallow_water", 1), ("shallow_water", 2)])
def test_lake_stays_at_rest(solver: str, order: int) -> None:
    bed = hills() - 100.0
    result = flood(
        ground(bed), None, duration=60, solver=solver, order=order, dtype="float64", losses=None, boundaries="closed",
        initial_depth=np.maximum(0.8 - bed, 0.0),
    )  # fmt: skip
    assert float(result["velocity_max"].max()) < 1e-12


@pytest.mark.parametrize("solver", SOLVERS)
def test_turned_ground_gives_turned_water(solver: str) -> None:
    bed = hills(24)
    keep = {"duration": 300, "solver": solver, "dtype": "float64", "losses": None, "boundaries": "open"}
    plain = flood(ground(bed), block(100.0), **keep)["depth_end"].values
    turned = flood(ground(np.rot90(bed).copy()), block(100.0), **keep)["depth_end"].values
    assert np.abs(np.rot90(plain) - turned).max() < 1e-12
    mirrored = flood(ground(bed[:, ::-1].copy()), block(100.0), **keep)["depth_end"].values
    assert np.abs(plain[:, ::-1] - mirrored).max() < 1e-12


def basin(**options: object) -> InertialFlow:
    bed = hills(140, 3) - 100.0
    faces = Faces.build(140, np.zeros((0, 6)), np.zeros(0))
    cells, _ = Cells.build((140, 140), np.array([5]), np.array([5]))
    cells.rates[:] = 0.05
    return InertialFlow(bed, np.full(bed.shape, 0.03), 2.0, faces, cells, **options)


def test_blocks_and_tracking_change_no_bit() -> None:
    found = []
    for options in ({"blocks": 1, "track": False}, {"blocks": 1}, {"blocks": 2}, {"blocks": 4}):
        flow, depth = basin(**options), np.zeros((140, 140), np.float32)
        depth[60:90, 60:70] = 1.0
        flow.advance(depth, 0.0, 40.0)
        found.append((depth, flow.deepest.copy(), flow.fastest.copy(), *flow.flows()))
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))
    assert (found[0][0] == 0).any()
    assert (found[0][0] > 0).sum() > 400


def test_blocks_agree_where_threads_cannot_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    depths = []
    for blocks, wait in ((1, True), (3, False)):
        monkeypatch.setattr("models.water.inertial.CAN_WAIT", wait)
        monkeypatch.setattr("models.water.inertial.Barrier", Silent if not wait else Barrier)
        flow, depth = basin(blocks=blocks), np.zeros((140, 140), np.float32)
        depth[60:90, 60:70] = 1.0
        flow.advance(depth, 0.0, 20.0)
        depths.append(depth)
    assert np.array_equal(*depths)


class Silent:
    def __init__(self, _: int) -> None:
        self.handle = np.zeros(2, np.uint64)

    def close(self) -> None:
        pass


def test_shallow_water_blocks_change_no_bit() -> None:
    found = []
    for count in (1, 3):
        set_threads(count)
        result = flood(
            ground(hills(200)), block(60.0), duration=60, solver="shallow_water", losses=None, boundaries="open"
        )
        found.append(result["depth_end"].values)
    set_threads(None)
    assert np.array_equal(*found)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    rate=st.floats(1, 400),
    solver=st.sampled_from(SOLVERS),
    edge=st.sampled_from(("open", "closed")),
)
def test_any_ground_and_rain_close_the_balance(seed: int, rate: float, solver: str, edge: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SupercriticalWarning)  # steep random ground may well be
        result = flood(
            ground(hills(16, seed)), block(rate, 2), duration=180, solver=solver, losses=None, boundaries=edge
        )
    assert abs(result.attrs["balance_error"]) < 1e-6
    assert float(result["depth_end"].min()) >= 0.0


def test_buildings_walls_and_culverts() -> None:
    bed = np.full((12, 30), 10.0)
    names = np.zeros(bed.shape, np.int32)
    names[4:8, 10:14] = 1
    cover = np.where(names > 0, 4, 2).astype(np.uint8)
    site = ground(bed, building_id=names, land_cover=cover)
    closed = flood(site, block(60.0), duration=900, losses=None, boundaries="closed")
    assert np.isnan(closed["depth_max"].values[5, 11])
    holes = flood(site, block(60.0), duration=900, losses=None, boundaries="closed", buildings="holes")
    roofs = float(closed["volume"].sel(term="stored") - holes["volume"].sel(term="stored"))
    assert roofs == pytest.approx(0.010 * 16 * 4, rel=1e-3)  # roof rain comes down under "closed" only
    fill = np.zeros(bed.shape)
    fill[:, :15] = 0.5
    empty = ground(bed)
    wall = Wall(range(12), [14] * 12, "east", 10.6)
    kept = flood(empty, None, duration=120, losses=None, boundaries="closed", initial_depth=fill, structures=[wall])
    assert float(kept["depth_max"].values[:, 15:].max()) == 0.0
    pipe = Culvert((6, 14), (6, 15), 1.0, 0.5, 2.0)
    let = flood(
        empty, None, duration=120, losses=None, boundaries="closed", initial_depth=fill, structures=[wall, pipe]
    )
    assert float(let["depth_end"].values[:, 15:].sum()) * 4 > 20.0
    assert abs(let.attrs["balance_error"]) < 1e-6
    over = flood(
        empty, None, duration=60, losses=None, boundaries="closed", initial_depth=fill, solver="shallow_water",
        structures=[Wall(range(12), [14] * 12, "east", 10.6)],
    )  # fmt: skip
    assert float(over["depth_max"].values[:, 16:].max()) == 0.0


@pytest.mark.parametrize("solver", SOLVERS)
def test_inflow_over_an_edge_and_at_a_place(solver: str) -> None:
    wave = Hydrograph([0, 100, 200], [0.0, 2.0, 0.0])
    result = flood(
        ground(np.full((20, 20), 5.0)), None, duration=300, solver=solver, losses=None, dtype="float64",
        boundaries={"west": SideInflow(wave, (10.0, 20.0))}, inflows=[Inflow(0.1, 20.0, 20.0)],
    )  # fmt: skip
    assert float(result["volume"].sel(term="outflow_west")) == pytest.approx(200.0, rel=1e-9)
    assert float(result["volume"].sel(term="inflow")) == pytest.approx(30.0, rel=1e-9)
    level = flood(
        ground(np.full((20, 20), 5.0)), None, duration=3000, solver=solver, losses=None, boundaries={"east": FixedLevel(5.4)}
    )  # fmt: skip
    assert float(level["depth_end"].mean()) == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_run_taken_up_ends_with_the_same_bytes(solver: str, tmp_path: object) -> None:
    keep = {"duration": 600.0, "solver": solver, "losses": None, "boundaries": "open", "fields_every": 120.0}
    site, rain = ground(hills(30)), block(90.0)
    whole = flood(site, rain, **keep)
    path = f"{tmp_path}/run.npz"
    calls = iter(range(1000))
    with pytest.raises(Cancelled, match="stopped"):
        flood(site, rain, checkpoint=path, checkpoint_every=60, cancel=lambda: next(calls) > 30, **keep)
    again = flood(site, rain, checkpoint=path, checkpoint_every=60, resume=True, **keep)
    for name in whole.data_vars:
        assert whole[name].values.tobytes() == again[name].values.tobytes(), name
    with pytest.raises(InputError, match="other inputs"):
        flood(site, block(91.0), checkpoint=path, resume=True, **keep)


@pytest.mark.parametrize(
    ("named", "change"),
    [
        ("rain", {"rain": block(21.0)}),
        ("losses", {"losses": "none"}),
        ("sources", {"losses": "horton"}),
        ("buildings", {"buildings": "blocks"}),
        ("roof_drainage", {"roof_drainage": "garden"}),
        ("structures", {"structures": [Wall([1, 2], [3, 3], "east", 101.0)]}),
        ("boundaries", {"boundaries": "closed"}),
        ("order", {"order": 2}),
    ],
)
def test_a_checkpoint_is_refused_for_another_run(named: str, change: dict[str, object], tmp_path: object) -> None:
    cover = np.full((10, 10), 2, np.uint8)
    names = np.zeros((10, 10), np.int32)
    names[4:6, 4:6] = 1
    site = ground(hills(10), land_cover=cover, building_id=names)
    keep: dict[str, object] = {"rain": block(20.0), "duration": 20.0, "checkpoint": f"{tmp_path}/run.npz"}
    flood(site, **keep)
    flood(site, **keep, resume=True)
    with pytest.raises(InputError, match=rf"{named}\b.* changed"):
        flood(site, **{**keep, **change}, resume=True)


def test_the_same_rain_object_may_go_on(tmp_path: object) -> None:
    site, keep = ground(hills(10)), {"duration": 60.0, "losses": None, "boundaries": "closed"}
    whole = flood(site, Rain(block(90.0)), **keep)
    rain, calls = Rain(block(90.0)), iter(range(100))
    again = {"checkpoint": f"{tmp_path}/run.npz", "checkpoint_every": 10.0, **keep}
    with pytest.raises(Cancelled):
        flood(site, rain, cancel=lambda: next(calls) > 2, **again)
    found = flood(site, rain, resume=True, **again)
    assert found["depth_end"].values.tobytes() == whole["depth_end"].values.tobytes()


def test_supercritical_flow_is_named() -> None:
    bed = np.tile(50.0 - 0.2 * np.arange(60.0), (10, 1))
    deep = np.zeros(bed.shape)
    deep[:, :20] = 0.5
    with pytest.warns(SupercriticalWarning, match="shallow_water"):
        result = flood(ground(bed, 0.012), None, duration=30, losses=None, initial_depth=deep)
    assert "warning" in result.attrs


def test_wrong_input_is_said_in_one_sentence() -> None:
    bed = hills(10)
    site, rain = ground(bed), block(10.0)
    hole = bed.copy()
    hole[3, 4] = np.nan
    cases: list[tuple[str, dict[str, object]]] = [
        ("1 cells without a height", {"site": ground(hole)}),
        ("above 0 to 1", {"site": ground(bed, manning=0.0)}),
        ("negative", {"rain": block(-1.0)}),
        ("missing", {"rain": block(np.nan)}),
        (
            "mm/h",
            {
                "rain": xr.DataArray(
                    [0.05], dims="time", coords={"time": [0.0]}, attrs={"units": "m", "step_seconds": 60}
                )
            },
        ),
        ("outside the grid", {"inflows": [Inflow(1.0, 999.0, 5.0)]}),
        ("outside the grid", {"points": {"a": (999.0, 5.0)}}),
        ("outside the grid", {"structures": [Culvert((1, 1), (99, 1), 1, 1, 5)]}),
        ("solver", {"solver": "magic"}),
        ("sides are", {"boundaries": {"up": "open"}}),
        ("duration", {"duration": 0}),
        ("outputs holds", {"outputs": ("depth",)}),
    ]
    for words, change in cases:
        options: dict[str, object] = {"site": site, "rain": rain, "duration": 60, "losses": None, **change}
        with pytest.raises(InputError, match=words):
            flood(options.pop("site"), options.pop("rain"), **options)


def test_an_unstable_run_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(self: InertialFlow, depth: np.ndarray, start: float, stop: float) -> None:
        depth[3, 3] = np.nan

    monkeypatch.setattr(InertialFlow, "advance", spoil)
    with pytest.raises(InputError, match="unstable before t = 10 s"):
        flood(ground(hills(10)), block(10.0), duration=60, losses=None)


@pytest.mark.reference
@pytest.mark.parametrize(("solver", "most"), [("inertial", 0.07), ("shallow_water", 0.01)])
def test_dam_break(shared: object, solver: str, most: float) -> None:
    x, true = np.genfromtxt(f"{shared}/reference/water/swashes/stoker_wet.txt", usecols=(0, 1)).T
    site = ground(np.zeros((3, x.size)), 1e-9, 0.025)
    start = np.tile(np.where(x < 5, 0.005, 0.001), (3, 1))
    found = flood(
        site, None, duration=6.0, solver=solver, dtype="float64", losses=None, boundaries="closed", initial_depth=start
    )["depth_end"].values[1]
    assert np.abs(found - true).sum() / true.sum() <= most
