"""No water is lost in float32: long runs that hardly move, inflow, open edges, drying ground; blocks and restart."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr

from models import water
from models.water.edges import Cells, Faces
from models.water.inertial import InertialFlow

SOLVERS = (("inertial", 1), ("shallow_water", 1), ("shallow_water", 2))


def hollows(cells: int = 30, size: float = 20.0) -> xr.Dataset:
    """Return a small field of hollows, as in test 2 of the Environment Agency."""
    x = (np.arange(cells) + 0.5) * size
    xx, yy = np.meshgrid(x, x)
    wave = np.sin(2 * np.pi * xx / 300.0) * np.sin(2 * np.pi * yy / 300.0)
    bed = 10.0 - xx / 3000.0 - yy / 1500.0 + 0.25 * wave
    layers = {"terrain_height": (("y", "x"), bed), "manning_n": (("y", "x"), np.full(bed.shape, 0.03))}
    return xr.Dataset(layers, {"y": x[::-1], "x": x})


def flooded(solver: str, order: int, **options: Any) -> xr.Dataset:
    peak = water.Hydrograph([0, 600, 1800, 2400], [0.0, 3.0, 3.0, 0.0])
    given: dict[str, Any] = {
        "duration": 4 * 3600.0, "boundaries": {"west": water.SideInflow(peak, (500.0, 600.0))},
        "exchange_every": 60.0,  "observe_every": 1800.0, "dtype": "float32",
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", water.SupercriticalWarning)
        return water.flood(hollows(), None, solver=solver, order=order, losses=None, **(given | options))


@pytest.mark.parametrize(("solver", "order"), SOLVERS)
def test_hours_of_slow_water_lose_nothing(solver: str, order: int) -> None:
    """Flows of a step far below the last digit of a depth in float32 still add up."""
    result = flooded(solver, order)
    came = float(result["volume"].sel(term="outflow_west"))
    assert came == pytest.approx(5400.0, rel=1e-6)
    assert abs(result.attrs["balance_error"]) < 1e-9
    assert float(result["depth_end"].min()) >= 0.0


@pytest.mark.parametrize(("solver", "order"), SOLVERS)
def test_point_inflow_and_open_edges_lose_nothing(solver: str, order: int) -> None:
    spring = water.Inflow(0.4, 310.0, 30.0)
    result = flooded(solver, order, boundaries="open", inflows=[spring], duration=2 * 3600.0)
    assert float(result["volume"].sel(term="inflow")) == pytest.approx(2880.0, rel=1e-9)
    series = result["volume"].to_series()
    assert series[series.index.str.startswith("outflow")].sum() < -1.0
    assert abs(result.attrs["balance_error"]) < 1e-9


def a_drop_a_step(steps: int, dtype: str, blocks: int = 1) -> tuple[InertialFlow, np.ndarray]:
    """Let a slow spring rise in a deep basin: each step brings less than the last digit of a float32 depth."""
    bed = np.zeros((24, 16))
    faces = Faces.build(24, np.zeros((0, 6)), np.zeros(0))
    cells, _ = Cells.build(bed.shape, np.array([12]), np.array([8]))
    cells.rates[:] = 1e-9  # m/s, 5e-9 m a step beside 4e-7 m, the last digit of 4 m
    flow = InertialFlow(bed, np.full_like(bed, 0.03), 50.0, faces, cells, dtype=dtype, blocks=blocks)
    depth = np.full(bed.shape, 4.0, dtype)
    for step in range(steps):
        flow.advance(depth, 100.0 * step, 100.0 * (step + 1))
    return flow, depth


def test_what_a_depth_cannot_hold_is_kept_beneath_it() -> None:
    flow, depth = a_drop_a_step(20, "float32")
    rise = float((depth.astype(float) - 4.0).sum()) + flow.beneath
    assert rise == pytest.approx(2000.0 * 1e-9, rel=1e-6)
    exact, full = a_drop_a_step(20, "float64")
    assert exact.beneath == 0.0
    assert float((full - 4.0).sum()) == pytest.approx(2000.0 * 1e-9, rel=1e-6)


def test_what_is_beneath_does_not_depend_on_the_blocks_and_survives_a_restart() -> None:
    one, depth = a_drop_a_step(6, "float32")
    four, other = a_drop_a_step(6, "float32", blocks=4)
    assert depth.tobytes() == other.tobytes()
    assert one.state()["rest"].tobytes() == four.state()["rest"].tobytes()
    again, later = a_drop_a_step(0, "float32", blocks=2)
    again.restore(one.state())
    later[:] = depth
    for flow, at in ((one, depth), (again, later)):
        flow.advance(at, 600.0, 700.0)
    assert depth.tobytes() == later.tobytes()
    assert one.state()["rest"].tobytes() == again.state()["rest"].tobytes()
