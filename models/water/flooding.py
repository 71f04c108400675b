"""Cloudburst on the ground of a city: how deep, how fast, when, and where all the water went."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from models.layers import InputError, read_table
from models.water import checkpoints
from models.water.boundaries import FixedLevel, Hydrograph, Inflow, SideInflow, check_levels, sides
from models.water.exchange import Source, Surface
from models.water.flood_run import Cancelled, FloodRun, Openings
from models.water.ground import Ground
from models.water.inertial import InertialFlow
from models.water.losses import Losses
from models.water.observation import Flow, Observation
from models.water.rain import Rain
from models.water.retention import Retention
from models.water.sewers import Sewer
from models.water.shallow_water import ShallowWaterFlow
from models.water.structures import Culvert, Links, Wall, split

__all__ = [
    "OUTPUTS",
    "Cancelled",
    "Culvert",
    "FixedLevel",
    "Hydrograph",
    "Inflow",
    "SideInflow",
    "SupercriticalWarning",
    "Wall",
    "flood",
]

OUTPUTS = tuple(row["name"] for row in read_table("models.water", "flood_outputs.csv") if row["kind"] == "map")
"""Maps a flood can give."""

_SUPERCRITICAL = 0.05


class SupercriticalWarning(UserWarning):
    """Too much of the flow is supercritical for the local inertial equations."""


def flood(
    site: xr.Dataset,
    rain: xr.DataArray | Rain | None,
    *,
    duration: float,
    solver: str = "inertial",
    dtype: str = "float32",
    order: int = 1,
    losses: Losses | str | Mapping[str, str] | None = "default",
    sources: Sequence[Source] = (),
    boundaries: Any = "open",
    inflows: Sequence[Inflow] = (),
    buildings: str = "closed",
    roof_drainage: str | Mapping[int, str] = "downpipe",
    structures: Sequence[Wall | Culvert] = (),
    points: Mapping[str, tuple[float, float]] | None = None,
    outputs: Iterable[str] = OUTPUTS,
    initial_depth: xr.DataArray | np.ndarray | None = None,
    thresholds: Sequence[float] = (0.1, 0.3),
    wet_depth: float = 0.05,
    fields_every: float | None = None,
    series_every: float = 60.0,
    observe_every: float = 10.0,
    exchange_every: float = 10.0,
    alpha: float | None = None,
    theta: float = 0.9,
    nodata: str = "refuse",
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 300.0,
    resume: bool = False,
    progress: Callable[[float], Any] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> xr.Dataset:
    """Return where the water of a cloudburst stands and runs, and the balance of all of it.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height`` [m] and ``land_cover`` or ``manning_n`` [s m^-1/3] on ("y", "x"); ``building_id`` and
        ``surface_height`` where there are buildings; what :class:`Losses` and :class:`Rain` use besides.
    rain : xarray.DataArray, Rain or None
        Rates [mm/h] on (time) or (time, y, x), for example from :func:`design_storm`; None: no rain.
    duration : float
        Time simulated [s] from the start of the rain.
    solver : {"inertial", "shallow_water"}
        Local inertial equations (fast; :mod:`models.water.inertial`), or the full shallow water equations
        (:mod:`models.water.shallow_water`) where flow is fast, dams break or momentum counts.
    dtype : {"float32", "float64"}
        Numbers of the flow.
    order : {1, 2}
        Of ``shallow_water`` in space and time.
    losses : Losses, str, mapping or None
        What the ground takes: "default" (as in ``tables/losses.csv``), a method of :class:`Losses` for all or by land
        cover, or None or "none". Needs ``land_cover``.
    sources : sequence of Source
        Sewers, retention objects and others, in this order after rain and losses.
    boundaries : str, FixedLevel, SideInflow or mapping
        "open", "closed", a level or an inflow, for all sides or by side ("north", "east", "south", "west").
    inflows : sequence of Inflow
        Water let in at places.
    buildings : {"closed", "blocks", "holes"}
        Closed faces with drained roofs, raised blocks whose roofs drain over the edge, or holes without rain.
    roof_drainage : str or mapping
        Where roof rain goes under ``buildings="closed"``, see :class:`Rain`; not used where ``rain`` is a Rain.
    structures : sequence of Wall or Culvert
        Walls, kerbs, culverts and underpasses.
    points : mapping, optional
        Name to (x, y) of places with a series of depth.
    outputs : iterable of str
        Maps wanted, names of ``OUTPUTS``.
    initial_depth : array, optional
        Water [m] on the ground at the start.
    thresholds : sequence of float
        Depths [m] of ``wet_duration``.
    wet_depth : float
        Depth [m] from which ground counts as wet for arrival and Froude share.
    fields_every, series_every, observe_every, exchange_every : float
        Intervals [s] of depth fields, of series, of arrival and duration, and of rain, losses and sewers at the latest.
    alpha : float, optional
        Share of the stable step: 0.7 under ``inertial``, 0.45 under ``shallow_water`` (0.3 in second order).
    theta : float
        Weight of a face's own flow in ``inertial``, 0.8 to 1.
    nodata : {"refuse", "outside"}
        What a missing terrain height means: an error, or a cell outside the ground.
    checkpoint, checkpoint_every, resume
        File that keeps the run every so many simulated seconds, and whether to take it up from there where it exists;
        a run taken up ends with the same bytes.
    progress : callable, optional
        Called with the finished share after each exchange.
    cancel : callable, optional
        Asked before each exchange; True stops the run with :class:`Cancelled` and leaves the last checkpoint.

    Returns
    -------
    xarray.Dataset
        Maps ``depth_max`` [m], ``velocity_max`` [m/s], ``hazard_max`` [m2/s], ``arrival_time`` [s, NaN = never],
        ``wet_duration`` (threshold) [s], ``depth_end`` [m]; ``depth`` (time) fields; series ``depth_at_points`` and
        ``supercritical_share``; ``volume`` (term) [m3]. Cells on buildings and outside are NaN. ``attrs``: balance error,
        steps, warnings.

    Raises
    ------
    InputError
        If inputs are missing or impossible, or the run became unstable.
    Cancelled
        If ``cancel`` said so.

    Warns
    -----
    SupercriticalWarning
        If over 5 % of the wet cells are supercritical under ``inertial``.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from models.water import design_storm
    >>> x = np.arange(20.0)
    >>> site = xr.Dataset(
    ...     {"terrain_height": (("y", "x"), np.tile(50.0 - 0.01 * x, (20, 1))),
    ...      "land_cover": (("y", "x"), np.full((20, 20), 2, np.uint8))}, {"y": -x, "x": x})
    >>> result = flood(site, design_storm(30.0, 60, shape="block"), duration=600, losses=None, boundaries="closed")
    >>> round(float(result.volume.sel(term="rain")), 3), abs(result.attrs["balance_error"]) < 1e-6
    (2.0, True)
    """
    names = _wanted(outputs)
    _intervals(
        duration=duration, fields_every=fields_every, series_every=series_every, observe_every=observe_every,
        exchange_every=exchange_every, checkpoint_every=checkpoint_every,
    )  # fmt: skip
    _depths(thresholds=thresholds, wet_depth=(wet_depth,))
    ground = Ground.of(site, buildings, nodata)
    zero = float(np.floor(ground.bed[ground.active].min()))
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    walls, culverts = split(structures)
    bounds = sides(boundaries)
    check_levels(bounds, ground.bed, ground.active)
    openings = Openings(ground.bed, ground.active, zero, ground.cell_size, x, y, bounds, inflows, walls)
    fallen = _rain(site, rain, buildings, roof_drainage)
    all_sources = _sources(site, fallen, losses, sources)
    depth = _initial(initial_depth, ground, dtype)
    flow = _flow(solver, ground, zero, openings, dtype, order, alpha, theta)
    at = _cells(points or {}, x, y, ground)
    run = FloodRun(
        Surface(depth, ground.bed, ground.active, ground.cell_size), flow, openings, all_sources,
        Links(culverts, depth.shape) if culverts else None,
        Observation(depth.shape, thresholds, wet_depth, at), duration=float(duration), exchange_every=exchange_every,
        observe_every=observe_every, series_every=series_every, fields_every=fields_every,
    )  # fmt: skip
    mark = ""
    if checkpoint is not None:
        if not Path(checkpoint).absolute().parent.is_dir():
            raise InputError(f"{checkpoint}: there is no such folder for the checkpoint: make it first.")
        mark = checkpoints.fingerprint(
            bed=ground.bed, manning=ground.manning, active=ground.active, rain=fallen, losses=losses, sources=all_sources,
            initial_depth=depth,
            duration=float(duration), solver=solver, dtype=dtype, order=order, alpha=alpha, theta=theta,
            boundaries=bounds, inflows=tuple(inflows), structures=tuple(structures), buildings=buildings,
            roof_drainage=roof_drainage, points=points or {}, thresholds=tuple(thresholds), wet_depth=wet_depth,
            fields_every=fields_every, series_every=series_every, observe_every=observe_every,
            exchange_every=exchange_every,
        )  # fmt: skip
    run.run(
        mark=mark, checkpoint=checkpoint, checkpoint_every=checkpoint_every, resume=resume, progress=progress,
        cancel=cancel,
    )  # fmt: skip
    run.check()
    return _results(site, ground, run, names, list(points or {}), fallen, solver, dtype)


def _intervals(**seconds: float | None) -> None:
    for name, value in seconds.items():
        if value is not None and not (isinstance(value, int | float | np.number) and 0 < value < np.inf):
            raise InputError(f"{name} must be above 0 s, not {value!r}.")


def _depths(**metres: Iterable[float]) -> None:
    for name, values in metres.items():
        for value in values:
            if not (isinstance(value, int | float | np.number) and 0 <= value < 100):
                raise InputError(f"{name} holds {value!r}: depths must be metres from 0 to 100.")


def _wanted(outputs: Iterable[str]) -> tuple[str, ...]:
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for name in names:
        if name not in OUTPUTS:
            raise InputError(f"outputs holds {name!r}; allowed are {', '.join(OUTPUTS)}.")
    return names


def _rain(site: xr.Dataset, rain: Any, buildings: str, drainage: str | Mapping[int, str]) -> Rain | None:
    if rain is None or isinstance(rain, Rain):
        return rain
    if not isinstance(rain, xr.DataArray):
        raise InputError(f"rain must be a DataArray of rates [mm/h], a Rain or None, not {type(rain).__name__}.")
    if rain.dims == ("time", "y", "x"):
        for axis in ("y", "x"):
            same = axis in rain.coords and rain[axis].shape == site[axis].shape
            if not same or not np.allclose(rain[axis].values, site[axis].values):
                raise InputError(
                    f"The rain raster is not on the grid of the site ({axis} differs): bring it to the grid."
                )
    has_roofs = "building_id" in site and bool((site["building_id"].values > 0).any())
    led = drainage if buildings == "closed" and has_roofs else "none"
    return Rain(rain, site, roof_drainage=led) if has_roofs else Rain(rain)


def _sources(site: xr.Dataset, rain: Rain | None, losses: Any, others: Sequence[Source]) -> list[Source]:
    chosen: list[Source] = [] if rain is None else [rain]
    if isinstance(losses, Losses):
        chosen.append(losses)
    elif losses is not None and losses != "none":
        method = None if losses == "default" else losses
        chosen.append(Losses(site, rain=rain, method=method))
    _connect(rain, others)
    return [*chosen, *others]


def _connect(rain: Rain | None, others: Sequence[Source]) -> None:
    """Lead what roofs and drains give to the sewer into the first network, unless that has been done."""
    network = next((one for one in others if isinstance(one, Sewer)), None)
    if network is None or network.connected:
        return
    if rain is not None and rain.roofs is not None:
        network.connect(rain.roofs)
    for one in others:
        if isinstance(one, Retention):
            network.connect(one)


def _initial(given: Any, ground: Ground, dtype: str) -> np.ndarray:
    if dtype not in ("float32", "float64"):
        raise InputError(f"dtype is {dtype!r}: choose 'float32' or 'float64'.")
    if given is None:
        return np.zeros(ground.bed.shape, dtype)
    values = np.asarray(given.values if isinstance(given, xr.DataArray) else given)
    if (
        values.shape != ground.bed.shape
        or not np.isfinite(values[ground.active]).all()
        or (values[ground.active] < 0).any()
    ):
        raise InputError(
            "initial_depth must have the shape of the grid, 0 m or more and no missing value on the ground."
        )
    return np.ascontiguousarray(np.where(ground.active, values, 0.0), dtype=dtype)


def _flow(
    solver: str, ground: Ground, zero: float, openings: Openings, dtype: str, order: int, alpha: Any, theta: float
) -> Flow:
    if order not in (1, 2):
        raise InputError(f"order must be 1 or 2, not {order!r}.")
    if not 0.5 <= theta <= 1.0:
        raise InputError(f"theta must be 0.5 to 1, not {theta:g}.")
    if alpha is not None and not 0.0 < alpha <= 1.0:
        raise InputError(f"alpha must be above 0 to 1, not {alpha:g}.")
    bed = np.where(ground.active, ground.bed.astype(np.float64) - zero, np.nan)
    if solver == "inertial":
        return InertialFlow(
            bed, ground.manning, ground.cell_size, openings.faces, openings.cells, groups=4, dtype=dtype,
            alpha=alpha or 0.7, theta=theta,
        )  # fmt: skip
    if solver == "shallow_water":
        return ShallowWaterFlow(
            bed, ground.manning, ground.cell_size, openings.faces, openings.cells, groups=4, dtype=dtype, order=order,
            courant=alpha,
        )  # fmt: skip
    raise InputError(f"solver is {solver!r}: choose 'inertial' or 'shallow_water'.")


def _cells(points: Mapping[str, tuple[float, float]], x: np.ndarray, y: np.ndarray, ground: Ground) -> list[Any]:
    found = []
    for name, (px, py) in points.items():
        column, row = round((px - x[0]) / ground.cell_size), round((y[0] - py) / ground.cell_size)
        if not (0 <= row < y.size and 0 <= column < x.size):
            raise InputError(f"Point {name!r} at x = {px:.1f}, y = {py:.1f} lies outside the grid: check its CRS.")
        found.append((row, column))
    return found


def _results(
    site: xr.Dataset, ground: Ground, run: FloodRun, names: Sequence[str], points: list[str], fallen: Rain | None,
    solver: str, dtype: str,
) -> xr.Dataset:  # fmt: skip
    table = {row["name"]: row for row in read_table("models.water", "flood_outputs.csv")}
    grid = {"grid_mapping": "spatial_ref"} if "spatial_ref" in site.coords else {}

    def attrs(name: str) -> dict[str, str]:
        return {"units": table[name]["units"], "long_name": table[name]["long_name_en"]}

    start = None if fallen is None else fallen.start

    def clock(times: list[float]) -> Any:
        seconds = np.asarray(times, float)
        return seconds if start is None else start + np.round(seconds * 1e9).astype("timedelta64[ns]")

    seen, flow = run.observation, run.flow
    maps: dict[str, Callable[[], np.ndarray]] = {
        "depth_max": lambda: flow.deepest, "velocity_max": lambda: np.sqrt(flow.fastest),
        "hazard_max": lambda: np.sqrt(flow.strongest), "arrival_time": lambda: seen.arrival,
        "wet_duration": lambda: seen.durations, "depth_end": lambda: run.surface.depth,
    }  # fmt: skip
    data: dict[str, Any] = {}
    for name in names:
        values = np.asarray(maps[name](), np.float32)
        values = np.where(ground.active, values, np.float32(np.nan))
        dims = ("threshold", "y", "x") if name == "wet_duration" else ("y", "x")
        data[name] = (dims, values, attrs(name) | grid)
    if run.fields:
        fields = np.where(ground.active, np.array(run.fields, np.float32), np.float32(np.nan))
        data["depth"] = (("time", "y", "x"), fields, attrs("depth") | grid)
    if points:
        series = np.array(seen.series, np.float64).reshape(len(seen.times), -1)
        data["depth_at_points"] = (("series_time", "point"), series, attrs("depth_at_points"))
    shares = np.array([fast / wet if wet else 0.0 for wet, fast in seen.shares])
    data["supercritical_share"] = (("series_time",), shares, attrs("supercritical_share"))
    volumes = run.volumes()
    data["volume"] = (("term",), np.array(list(volumes.values())), attrs("volume"))
    coords: dict[str, Any] = {"y": site["y"], "x": site["x"], "series_time": clock(seen.times), "term": list(volumes)}
    if "wet_duration" in names:
        coords["threshold"] = ("threshold", seen.thresholds.astype(float).round(6), {"units": "m"})
    if run.fields:
        coords["time"] = clock(run.field_times)
    if points:
        coords["point"] = points
    if "spatial_ref" in site.coords:
        coords["spatial_ref"] = site["spatial_ref"]
    result = xr.Dataset(data, coords=coords)
    result.attrs = {
        "Conventions": "CF-1.10", "title": "Flood", "solver": solver, "dtype": dtype, "duration": run.duration,
        "steps": flow.steps, "shortest_step": flow.shortest, "balance_error": run.relative_error(),
        "supercritical_share": seen.supercritical,
        **{f"volume_{name}": value for name, value in volumes.items()},
    }  # fmt: skip
    if solver == "inertial" and seen.supercritical > _SUPERCRITICAL:
        sentence = (
            f"{100 * seen.supercritical:.0f} % of the wet cells carry supercritical flow, which the local inertial equations do "
            "not hold: run it with solver='shallow_water'."
        )
        result.attrs["warning"] = sentence
        warnings.warn(sentence, SupercriticalWarning, stacklevel=3)
    return result
