"""A tree trench: street runoff into a store under the pavement, for the roots, the ground below, and the sewer.

In each step water flows in, the store fills, roots draw what they lack, the ground takes ``Kf A``, and what finds no room
flows over to the sewer node, with its time. Each trench is one store; left out: pipes and filters before it, clogging,
groundwater that backs up. Sizes of practice: 30 m3 of substrate hold about 5 m3 of water.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numba import njit

from models.layers import InputError

__all__ = ["TreeTrench", "run_trenches"]


@dataclass(frozen=True)
class TreeTrench:
    """One trench.

    Attributes
    ----------
    area : float
        Base that lets water into the ground [m2].
    volume : float
        Water it holds when full [m3]: pore share times volume of the substrate, or the volume of boxes.
    conductivity : float
        Kf of the ground below [m/s]; half of it counts, the ground being unsaturated (DWA-A 138).
    node : str
        Sewer node that takes the overflow.
    """

    area: float
    volume: float
    conductivity: float
    node: str = ""


@njit(cache=True, nogil=True, error_model="numpy")
def _steps(inflow, demand, infiltration, volume, store, uptake, lost, over):  # type: ignore[no-untyped-def]
    for k in range(inflow.shape[1]):
        water = store[0, k]
        for t in range(inflow.shape[0]):
            water += inflow[t, k]
            drawn = min(demand[t, k], water)
            water -= drawn
            sunk = min(infiltration[k], water)
            water -= sunk
            spilt = max(water - volume[k], 0.0)
            water -= spilt
            uptake[t, k], lost[t, k], over[t, k] = drawn, sunk, spilt
            store[t + 1, k] = water


def run_trenches(
    trenches: Mapping[str, TreeTrench],
    inflow: xr.DataArray,
    *,
    demand: xr.DataArray | None = None,
    start: float = 0.0,
) -> xr.Dataset:
    """Return what trenches store, give to roots and ground, and pass on to the sewer, step by step.

    Parameters
    ----------
    trenches : mapping of str to TreeTrench
        By name.
    inflow : xarray.DataArray
        Runoff of the connected areas [m3 per step], dims (time, trench), ``trench`` the names; even steps.
    demand : xarray.DataArray, optional
        What roots lack [m3 per step], same dims: the depletion of the lower layer of the tree balance.
    start : float
        Share of the store that is full at the start [1].

    Returns
    -------
    xarray.Dataset
        ``stored`` (at the end of each step), ``uptake``, ``infiltration``, ``overflow``, all [m3], dims (time, trench);
        coordinate ``node`` names the sewer node; ``attrs["error"]`` is what the balance fails to close [m3].

    Raises
    ------
    InputError
        If a size is impossible, names differ, or inflow is negative or missing.

    Examples
    --------
    >>> hours = np.arange("2024-07-01T00", "2024-07-01T06", dtype="datetime64[h]").astype("datetime64[ns]")
    >>> water = xr.DataArray(np.array([[0.0], [4.0], [3.0], [0.0], [0.0], [0.0]]), dims=("time", "trench"),
    ...                      coords={"time": hours, "trench": ["T1"]})
    >>> found = run_trenches({"T1": TreeTrench(12.0, 5.0, 1e-5, "S7")}, water)
    >>> found["overflow"].values[:, 0].round(3).tolist(), str(found["node"].values[0])
    ([0.0, 0.0, 1.568, 0.0, 0.0, 0.0], 'S7')
    """
    names = [str(name) for name in inflow["trench"].values]
    for name in names:
        if name not in trenches:
            raise InputError(
                f"The inflow names the trench {name!r}, but the trenches are {', '.join(trenches)}: give it."
            )
        t = trenches[name]
        if not (t.area > 0 and t.volume >= 0 and t.conductivity >= 0):
            raise InputError(
                f"Trench {name!r} has area {t.area:g} m2, volume {t.volume:g} m3 and conductivity {t.conductivity:g} m/s: "
                "the area must be above 0, the others at least 0."
            )
    if not 0.0 <= start <= 1.0:
        raise InputError(f"start={start:g} is no share of the store: give 0 (empty) to 1 (full).")
    flow = np.ascontiguousarray(inflow.transpose("time", "trench").values, dtype=float)
    if not (flow >= 0).all():
        raise InputError("The inflow of trenches must be at least 0 in every step, without gaps [m3 per step].")
    need = np.zeros(flow.shape)
    if demand is not None:
        need = np.ascontiguousarray(demand.reindex_like(inflow).transpose("time", "trench").values, dtype=float)
        if not (need >= 0).all():
            raise InputError(
                "The demand of roots must be given for every step and trench of the inflow, at least 0 [m3]."
            )
    seconds = _seconds(inflow)
    used = [trenches[name] for name in names]
    volume = np.array([t.volume for t in used])
    infiltration = np.array([0.5 * t.conductivity * t.area * seconds for t in used])
    store = np.empty((flow.shape[0] + 1, flow.shape[1]))
    store[0] = start * volume
    uptake, lost, over = (np.empty(flow.shape) for _ in range(3))
    _steps(flow, need, infiltration, volume, store, uptake, lost, over)
    error = flow.sum(0) - (uptake + lost + over).sum(0) - (store[-1] - store[0])
    fields = {"stored": store[1:], "uptake": uptake, "infiltration": lost, "overflow": over}
    return xr.Dataset(
        {name: (("time", "trench"), values, {"units": "m3"}) for name, values in fields.items()},
        coords={"time": inflow["time"], "trench": names, "node": ("trench", [t.node for t in used])},
        attrs={"error": float(np.abs(error).max(initial=0.0))},
    )


def _seconds(inflow: xr.DataArray) -> float:
    steps = np.diff(inflow["time"].values).astype("timedelta64[ms]").astype(float) / 1000.0
    if steps.size == 0 or steps.min() <= 0 or not np.allclose(steps, steps[0]):
        raise InputError("The inflow of trenches needs at least 2 even steps of time: bring it to one step.")
    return float(steps[0])
