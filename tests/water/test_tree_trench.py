"""Tree trenches: hand numbers, a closed balance, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from models.layers import InputError
from models.water.tree_trench import TreeTrench, run_trenches


def _series(values: np.ndarray, names: list[str]) -> xr.DataArray:
    times = np.datetime64("2024-07-01", "ns") + np.arange(len(values)) * np.timedelta64(600, "s")
    return xr.DataArray(values, dims=("time", "trench"), coords={"time": times, "trench": names})


def test_by_hand() -> None:
    # 10 m2, Kf 1e-5 m/s, 600 s: 0.5 * 1e-5 * 10 * 600 = 0.03 m3 a step
    found = run_trenches({"a": TreeTrench(10.0, 1.0, 1e-5, "S1")}, _series(np.array([[0.5], [0.8], [0.0]]), ["a"]))
    assert found["stored"].values[:, 0] == pytest.approx([0.47, 1.0, 0.97])
    assert found["overflow"].values[:, 0] == pytest.approx([0.0, 0.24, 0.0])
    assert found["node"].values.tolist() == ["S1"]


def test_balance_closes_and_roots_come_first() -> None:
    rng = np.random.default_rng(1)
    names = [f"t{i}" for i in range(40)]
    trenches = {n: TreeTrench(*rng.uniform((4, 0.5, 1e-7), (20, 8, 1e-5))) for n in names}
    flow = np.where(rng.random((2_000, 40)) < 0.1, rng.gamma(1.0, 0.4, (2_000, 40)), 0.0)
    demand = np.full(flow.shape, 0.002)
    found = run_trenches(trenches, _series(flow, names), demand=_series(demand, names), start=0.5)
    assert found.attrs["error"] <= 1e-9 * flow.sum(axis=0).min()
    dry = run_trenches(trenches, _series(flow, names), start=0.5)
    assert (found["overflow"].sum("time") <= dry["overflow"].sum("time") + 1e-12).all()
    assert (found["stored"] <= xr.DataArray([trenches[n].volume for n in names], dims="trench") + 1e-12).all()
    assert float(found["uptake"].sum()) > 0.5 * demand.sum()


@pytest.mark.parametrize(
    ("trench", "flow", "options", "match"),
    [
        (TreeTrench(0.0, 1.0, 1e-5), [[1.0], [1.0]], {}, "area must be above 0"),
        (TreeTrench(1.0, 1.0, 1e-5), [[1.0], [-1.0]], {}, "at least 0"),
        (TreeTrench(1.0, 1.0, 1e-5), [[1.0], [np.nan]], {}, "without gaps"),
        (TreeTrench(1.0, 1.0, 1e-5), [[1.0]], {}, "2 even steps"),
        (TreeTrench(1.0, 1.0, 1e-5), [[1.0], [1.0]], {"start": 2.0}, "full"),
    ],
)
def test_bad_input(trench, flow, options, match) -> None:
    with pytest.raises(InputError, match=match):
        run_trenches({"a": trench}, _series(np.array(flow), ["a"]), **options)
    with pytest.raises(InputError, match="'b'"):
        run_trenches({"a": trench}, _series(np.array([[1.0], [1.0]]), ["b"]))
