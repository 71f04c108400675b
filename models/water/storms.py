"""Design storms: a statistical rain depth spread over time, and the named scenarios of German states.

Shapes: ``block`` (one rate), ``euler1`` and ``euler2`` (the steps of the depth-duration curve sorted around a peak; the
storms of German sewer practice) and ``dvwk`` (20, 50 and 30 % of the depth in the first 30, next 20 and last 50 % of
the time). Rain is the same everywhere; areal reduction is left out, as it is for small urban catchments.

Sources: DWA-A 118 (Euler type II: the peak starts after 30 % of the duration, rounded down to a whole step); DVWK
Regeln zur Wasserwirtschaft 113 (1984). Scenarios: ``tables/state_scenarios.csv`` names theirs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError, describe, read_table
from models.water.frequency import statistical_depth
from models.water.rain_classes import depth_of_index

__all__ = ["SHAPES", "design_storm", "state_scenario", "state_scenarios"]

SHAPES = ("euler2", "euler1", "block", "dvwk")
"""Shapes of a design storm over time."""

_LEAST_STORM = 1.0  # [mm] less is no storm, but a depth in metres
_PEAK_AFTER = 0.3  # share of the duration before the peak interval, rounded down to a whole step (DWA-A 118)
_DVWK = ((0.0, 0.3, 0.5, 1.0), (0.0, 0.2, 0.7, 1.0))  # share of time, share of depth (DVWK 113)


def _steps(duration: float, step: float) -> int:
    count = duration / step
    if duration <= 0 or step <= 0 or abs(count - round(count)) > 1e-9 or round(count) < 1:
        raise InputError(
            f"A storm of {duration:g} min cannot be cut into steps of {step:g} min: choose a divisor of it."
        )
    return round(count)


def _euler(curve: np.ndarray, first: int) -> np.ndarray:
    """Return the steps of a depth-duration curve with the largest at ``first``, the next ones rising before it."""
    steps = np.sort(np.diff(curve, prepend=0.0))[::-1]
    return np.concatenate([steps[: first + 1][::-1], steps[first + 1 :]])


def _peak_step(peak: float | None, shape: str, count: int, step: float) -> int:
    if peak is None:
        return 0 if shape == "euler1" else int(_PEAK_AFTER * count + 1e-9)
    first = peak / step
    if shape not in ("euler1", "euler2"):
        raise InputError(f"Shape {shape!r} has a peak of its own: leave peak away, or choose shape 'euler2'.")
    if abs(first - round(first)) > 1e-9 or not 0 <= round(first) < count:
        raise InputError(
            f"The peak interval must start at a multiple of {step:g} min from 0 to {(count - 1) * step:g}, not {peak:g}."
        )
    return round(first)


def _amounts(
    depths: xr.DataArray, duration: float, period: float, shape: str, count: int, first: int, tolerance: float
) -> np.ndarray:
    """Return the depth of each step [mm]."""
    ends = np.arange(1, count + 1) / count
    if shape in ("euler1", "euler2"):
        return _euler(statistical_depth(depths, ends * duration, period, tolerance=tolerance), first)
    total = float(statistical_depth(depths, duration, period, tolerance=tolerance))
    return _spread(total, shape, ends)


def _spread(total: float, shape: str, ends: np.ndarray) -> np.ndarray:
    shares = np.interp(ends, *_DVWK) if shape == "dvwk" else ends
    return total * np.diff(shares, prepend=0.0)


def _series(
    amounts: np.ndarray, step: float, start: str | pd.Timestamp | None, attrs: Mapping[str, object]
) -> xr.DataArray:
    offsets = np.round(np.arange(amounts.size) * step * 60e9).astype("timedelta64[ns]")
    if start is not None:
        moment = pd.Timestamp(start)
        moment = moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo is not None else moment
        offsets = moment.to_datetime64().astype("datetime64[ns]") + offsets
    rain = describe(xr.DataArray(amounts * 60.0 / step, dims="time", coords={"time": offsets}), "precipitation")
    rain.attrs |= {"interval": "start", "step_seconds": float(step * 60.0), **attrs}
    return rain


def design_storm(
    depths: xr.DataArray | float,
    duration: float = 60,
    return_period: float | None = None,
    *,
    shape: str = "euler2",
    step: float = 5,
    peak: float | None = None,
    depth: float | None = None,
    tolerance: float = 0.0,
    start: str | pd.Timestamp | None = None,
) -> xr.DataArray:
    """Return a design storm: the rain of a duration and return period, spread over time.

    Parameters
    ----------
    depths : xarray.DataArray or float
        Depth-duration-frequency table [mm], or the depth [mm] of a ``block`` or ``dvwk`` storm itself.
    duration : float
        Duration of the storm [min].
    return_period : float, optional
        Return period [a]; by default 100.
    shape : {"euler2", "euler1", "block", "dvwk"}
        How the depth is spread over time.
    step : float
        Length of a step [min], a divisor of the duration.
    peak : float, optional
        Start of the peak interval of an Euler storm [min]; by default 30 % of the duration, rounded down to a whole step.
    depth : float, optional
        Depth [mm] the storm is scaled to, for events rarer than the table (the shape stays that of the return period).
    tolerance : float
        Share of the stated uncertainty of the depths that is added (1 = upper bound).
    start : str or datetime, optional
        Start of the rain (UTC). Left out, time is counted from 0.

    Returns
    -------
    xarray.DataArray
        ``precipitation`` [mm/h] along ``time``, whose stamps are the START of each interval; attrs ``interval``,
        ``step_seconds``, ``depth_mm``, ``shape``, ``return_period``.

    Raises
    ------
    InputError
        If shape, duration, step or return period is not allowed.

    Examples
    --------
    >>> storm = design_storm(90.0, duration=60, shape="block", step=15)
    >>> storm.values.tolist(), storm.attrs["depth_mm"]
    ([90.0, 90.0, 90.0, 90.0], 90.0)
    """
    if shape not in SHAPES:
        raise InputError(f"Unknown storm shape {shape!r}: choose one of {', '.join(SHAPES)}.")
    count = _steps(float(duration), float(step))
    if isinstance(depths, xr.DataArray):
        years = 100.0 if return_period is None else float(return_period)
        first = _peak_step(peak, shape, count, float(step))
        amounts = _amounts(depths, float(duration), years, shape, count, first, tolerance)
        attrs: dict[str, object] = {"return_period": years, "source": str(depths.attrs.get("source", ""))}
    else:
        if shape.startswith("euler") or return_period is not None:
            raise InputError("An Euler storm and a return period need a table of rain depths, not one depth.")
        _peak_step(peak, shape, count, float(step))
        amounts = _spread(_positive(float(depths)), shape, np.arange(1, count + 1) / count)
        attrs = {}
    if depth is not None:
        amounts = amounts * (_positive(float(depth)) / amounts.sum())
    attrs |= {"shape": shape, "duration_min": float(duration), "depth_mm": float(amounts.sum())}
    return _series(amounts, float(step), start, attrs)


def _positive(depth: float) -> float:
    if not _LEAST_STORM <= depth <= 2000.0:
        metres = (
            f" ({depth:g} looks like metres: that would be {1000 * depth:g} mm)" if 0 < depth < _LEAST_STORM else ""
        )
        raise InputError(
            f"A storm depth of {depth:g} mm is not possible{metres}: give mm from {_LEAST_STORM:g} to 2000."
        )
    return depth


def state_scenarios() -> pd.DataFrame:
    """Return the named scenarios of states and authorities, one a row.

    Returns
    -------
    pandas.DataFrame
        ``collection``, ``scenario``, names in English and German, duration [min], return period [a] or depth [mm] or
        rain index, shape, whether the source states that shape, and the source.

    Examples
    --------
    >>> table = state_scenarios()
    >>> sorted(table.loc[table["collection"] == "nrw_2018", "scenario"])
    ['exceptional', 'extreme', 'rare']
    """
    table = pd.DataFrame([dict(row) for row in read_table("models.water", "state_scenarios.csv")])
    for name in ("duration", "return_period", "depth", "rain_index"):
        table[name] = pd.to_numeric(table[name])
    return table


def state_scenario(
    collection: str,
    scenario: str,
    depths: xr.DataArray | None = None,
    *,
    step: float = 5,
    start: str | pd.Timestamp | None = None,
) -> xr.DataArray:
    """Return the storm of a named scenario, such as the extreme event of North Rhine-Westphalia.

    Parameters
    ----------
    collection : str
        Whose scenarios: ``nrw_2018``, ``bkg``, ``bw_lubw``, ``erkrath`` (see :func:`state_scenarios`).
    scenario : str
        Which one, by its English key or German name, for example ``"extreme"`` or ``"extrem"``.
    depths : xarray.DataArray, optional
        Depth-duration-frequency table [mm] of the place; not needed where the scenario is a fixed depth.
    step : float
        Length of a step [min].
    start : str or datetime, optional
        Start of the rain (UTC).

    Returns
    -------
    xarray.DataArray
        ``precipitation`` [mm/h] along ``time``; attrs as of :func:`design_storm`, with ``scenario`` and its ``source``.

    Examples
    --------
    >>> state_scenario("nrw_2018", "extreme").attrs["depth_mm"]
    90.0
    """
    table = state_scenarios()
    of_it = table[table["collection"] == collection]
    if of_it.empty:
        known = ", ".join(table["collection"].unique())
        raise InputError(f"Unknown collection of scenarios {collection!r}: choose one of {known}.")
    hit = of_it[(of_it["scenario"] == scenario) | (of_it["label_de"].str.lower() == scenario.lower())]
    if hit.empty:
        raise InputError(f"{collection} has no scenario {scenario!r}: choose one of {', '.join(of_it['scenario'])}.")
    row = hit.iloc[0]
    if np.isfinite(row["depth"]):
        storm = design_storm(float(row["depth"]), row["duration"], shape=row["shape"], step=step, start=start)
    elif depths is None:
        raise InputError(f"Scenario {collection} {scenario} needs the rain depths of the place: pass depths=.")
    else:
        rarer = None
        if np.isfinite(row["rain_index"]):
            rarer = depth_of_index(depths, int(row["rain_index"]), duration=float(row["duration"]))
        period = float(row["return_period"]) if np.isfinite(row["return_period"]) else None
        storm = design_storm(depths, row["duration"], period, shape=row["shape"], step=step, depth=rarer, start=start)
    storm.attrs |= {"scenario": f"{collection} {row['scenario']}", "source": row["source"]}
    return storm
