"""What the ground takes from the water on it: infiltration and the water that fills hollows, cell by cell.

Each step the open share of a cell takes up what its soil can (Green-Ampt, Horton or SCS-CN, by land cover), then hollows
fill, and only the rest flows. Water on the sealed share of a cell reaches the open share of the same cell. Left out:
evaporation during the event, recovery between events, groundwater from below.

Green-Ampt: rate f = K (1 + psi dtheta / F), stepped by the implicit midpoint rule, which is a quadratic for the step's
infiltration (Green & Ampt 1911, doi 10.1017/S0021859600001441; ponding as in Mein & Larson 1973, doi
10.1029/WR009i002p00384). Horton: f = fc + (f0 - fc) exp(-k t) with t the time of full supply (SWMM Reference Manual I, section 4.2).
SCS-CN: USDA TR-55, Q = (P - Ia)^2 / (P - Ia + S). Crown interception: 0.2 mm a unit of leaf area (von Hoyningen-Huene 1981;
Dickinson 1984), applied by ``Rain`` before the rain reaches the ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from models.layers import InputError, land_cover_property, require_layers
from models.parallel import in_blocks
from models.water.exchange import Surface
from models.water.infiltration import take_up
from models.water.loss_classes import METHODS, LossClasses
from models.water.rain import Rain

__all__ = ["Losses", "crown_storage", "infiltrate"]

_LEAF_STORAGE = 0.2  # [mm] a unit of leaf area
_SHORTEST_STEP = 1.0  # [s] shorter calls are put together, so that float32 sums keep their digits
_LONGEST_STEP = 10.0  # [s] Green-Ampt keeps within 0.1 % of its exact solution up to here
_MM = 1e-3


def crown_storage(site: xr.Dataset, *, leaf_area_index: float = 4.0, cover: float = 0.9) -> xr.DataArray:
    """Return the rain that tree crowns keep [mm]: 0.2 mm x leaf area index x cover where there is a tree.

    Parameters
    ----------
    site : xarray.Dataset
        Layer ``canopy_height`` [m] (0 = no tree).
    leaf_area_index : float
        Leaf area over ground area inside a crown [m2/m2].
    cover : float
        Share of the ground that leaves cover inside a crown.

    Returns
    -------
    xarray.DataArray
        Crown storage [mm] on (y, x).

    Examples
    --------
    >>> site = xr.Dataset({"canopy_height": (("y", "x"), np.array([[0.0, 12.0]]))})
    >>> [round(float(mm), 2) for mm in crown_storage(site).values[0]]
    [0.0, 0.72]
    """
    require_layers(site, ("canopy_height",))
    if not 0.0 <= leaf_area_index <= 15.0 or not 0.0 <= cover <= 1.0:
        raise InputError(f"leaf_area_index must be 0 to 15 and cover 0 to 1, not {leaf_area_index:g} and {cover:g}.")
    kept = xr.where(site["canopy_height"] > 0, _LEAF_STORAGE * leaf_area_index * cover, 0.0).astype(np.float32)
    kept.attrs = {"units": "mm", "long_name": "Rain that tree crowns keep"}
    return kept.rename("crown_storage")


class Losses:
    """Infiltration and depression storage as a source (a sink, that is) of the surface flow.

    Parameters
    ----------
    site : xarray.Dataset
        Layer ``land_cover``; ``imperviousness`` (sealed share), ``soil_class`` (codes of
        ``tables/infiltration_soils.csv``) and ``soil_moisture`` [m3/m3] are used where they are there.
    rain : Rain, optional
        The rain of the run; SCS-CN needs it.
    method : str or mapping, optional
        "green_ampt", "horton", "scs_cn" or "none" for all soil, or by land-cover name; by default as in
        ``tables/losses.csv``.
    soil : str or mapping
        Soil where the site has no ``soil_class``: a name of the soil table, for all or by land-cover name.
    saturation : float
        Share of the effective pore space filled at the start (Green-Ampt), where the site has no ``soil_moisture``.
    initial_abstraction : float
        Ia as a share of S for SCS-CN: 0.2, or 0.05 for urban areas.
    depression : mapping, optional
        Depression storage [mm] by land-cover name, instead of the table's.
    ponded_head : bool
        Add the water depth to the suction head of Green-Ampt.
    without : numpy.ndarray, optional
        True on cells that lose nothing here, such as those of blue-green measures (``Retention.covers``).

    Raises
    ------
    InputError
        If a layer is missing, or a method, soil or land cover has an unknown name.

    Examples
    --------
    >>> cover = xr.Dataset({"land_cover": (("y", "x"), np.array([[2, 5]], dtype=np.uint8))})  # asphalt, grass
    >>> losses = Losses(cover, soil="sand")
    >>> depth = np.full((1, 2), 0.010)
    >>> losses.step(0.0, 10.0, Surface(depth, np.zeros((1, 2)), np.ones((1, 2), dtype=bool), 1.0))
    >>> (1000.0 * depth).round(2).tolist()
    [[8.5, 2.76]]
    """

    name = "losses"
    longest_step = _LONGEST_STEP

    def __init__(
        self,
        site: xr.Dataset,
        *,
        rain: Rain | None = None,
        method: str | Mapping[str, str] | None = None,
        soil: str | Mapping[str, str] = "loam",
        saturation: float = 0.3,
        initial_abstraction: float = 0.2,
        depression: Mapping[str, float] | None = None,
        ponded_head: bool = False,
        without: np.ndarray | None = None,
    ) -> None:
        require_layers(site, ("land_cover",))
        cover = site["land_cover"].values
        self._classes = LossClasses(
            cover,
            site["soil_class"].values if "soil_class" in site else None,
            method=method,
            soil=soil,
            saturation=saturation,
            initial_abstraction=initial_abstraction,
            depression=depression or {},
        )
        sealed = site["imperviousness"].values if "imperviousness" in site else None
        table = land_cover_property("imperviousness")[cover]
        sealed = table if sealed is None else np.where(np.isnan(sealed), table, sealed)
        if (sealed < 0).any() or (sealed > 1).any():
            raise InputError(
                f"imperviousness runs from {sealed.min():g} to {sealed.max():g}, allowed is a share from 0 to 1."
            )
        self._open = np.ascontiguousarray(1.0 - sealed, dtype=np.float32)
        self._deficit = np.zeros((0, 0), dtype=np.float32)
        if "soil_moisture" in site:
            self._deficit = self._classes.deficit(site["soil_moisture"].values)
        if rain is None and (self._classes.method == METHODS["scs_cn"]).any():
            raise InputError(
                "SCS-CN follows the rain itself: pass rain= (the Rain of the run), or choose another method."
            )
        if without is not None and np.shape(without) != cover.shape:
            raise InputError(
                f"without has shape {np.shape(without)}, land_cover {cover.shape}: use a mask of the grid."
            )
        self._without = None if without is None else np.asarray(without, dtype=bool)
        self._active: np.ndarray | None = None
        self._rain = rain
        self._head = float(ponded_head)
        self._taken: np.ndarray | None = None
        self._filled: np.ndarray | None = None
        self._rain_until: tuple[float, np.ndarray] | None = None
        self._waiting = 0.0
        self._sums = {"infiltration": 0.0, "depression_storage": 0.0}

    @property
    def infiltrated(self) -> np.ndarray | None:
        """Water taken up so far [m] on the open share of each cell, or None before the first step."""
        if self._taken is None:
            return None
        return self._classes.uptake(self._taken)

    def step(self, time: float, duration: float, surface: Surface) -> None:
        """Take water from the surface for ``duration`` [s] from ``time`` [s] on."""
        if self._active is None:
            self._active = self._start(surface)
        self._waiting += duration
        if self._waiting < _SHORTEST_STEP:
            return
        span, self._waiting = self._waiting, 0.0
        p1, p2 = self._rain_sums(time + duration - span, time + duration)
        table = self._classes.table(span)
        sums = in_blocks(
            take_up,
            surface.depth.shape[0],
            surface.depth,
            self._active,
            self._classes.of,
            self._open,
            self._deficit,
            self._taken,
            self._filled,
            self._classes.method,
            table,
            p1,
            p2,
            self._head,
        )
        area = surface.cell_size**2
        self._sums["infiltration"] -= area * sum(one[0] for one in sums)
        self._sums["depression_storage"] -= area * sum(one[1] for one in sums)

    def _start(self, surface: Surface) -> np.ndarray:
        if self._classes.of.shape != surface.depth.shape:
            raise InputError(f"land_cover has shape {self._classes.of.shape}, the grid {surface.depth.shape}.")
        if self._taken is None or self._filled is None:
            self._taken, self._filled = np.zeros_like(surface.depth), np.zeros_like(surface.depth)
        active = np.array(surface.active, dtype=bool)
        return active if self._without is None else active & ~self._without

    def _rain_sums(self, first: float, last: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the rain [m] fallen until both times, (1, 1) where it is uniform or not needed."""
        if self._rain is None or not (self._classes.method == METHODS["scs_cn"]).any():
            return np.zeros((1, 1)), np.zeros((1, 1))
        if self._rain_until is None or self._rain_until[0] != first:
            self._rain_until = (first, np.atleast_2d(np.asarray(self._rain.fallen(first), dtype=float)))
        before = self._rain_until[1]
        self._rain_until = (last, np.atleast_2d(np.asarray(self._rain.fallen(last), dtype=float)))
        return before, self._rain_until[1]

    def account(self) -> Mapping[str, float]:
        """Return the volumes taken so far [m3], negative."""
        return dict(self._sums)

    def state(self) -> Mapping[str, np.ndarray]:
        """Return what soil and hollows hold."""
        none = np.zeros((0, 0))
        return {
            "taken": none if self._taken is None else self._taken.copy(),
            "filled": none if self._filled is None else self._filled.copy(),
            "sums": np.array([*self._sums.values(), self._waiting]),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self._taken = state["taken"].copy() if state["taken"].size else None
        self._filled = state["filled"].copy() if state["filled"].size else None
        *sums, self._waiting = map(float, state["sums"])
        self._sums = dict(zip(self._sums, sums, strict=True))


def infiltrate(
    rain: xr.DataArray, *, method: str = "green_ampt", soil: str = "loam", step: float = 10.0, **options: Any
) -> xr.Dataset:
    """Return what one column of open soil takes up of a rain, and what is left to run off.

    Parameters
    ----------
    rain : xarray.DataArray
        ``precipitation`` [mm/h] along ``time`` (starts of intervals).
    method : {"green_ampt", "horton", "scs_cn"}
        How the soil takes up water.
    soil : str
        Name in the soil table, for example "loam".
    step : float
        Length of a step [s].
    **options
        Further options of :class:`Losses`, such as ``saturation``.

    Returns
    -------
    xarray.Dataset
        ``precipitation_depth``, ``infiltration`` and ``runoff`` [mm] since the start, along ``time`` [s].

    Examples
    --------
    >>> from models.water.storms import design_storm
    >>> column = infiltrate(design_storm(50.0, 60, shape="block"), soil="loam")
    >>> round(float(column["infiltration"][-1]), 1)
    15.7
    """
    site = xr.Dataset({"land_cover": (("y", "x"), np.full((1, 1), 5, dtype=np.uint8))})
    source = Rain(rain)
    options = {"depression": {"grass": 0.0}} | options
    losses = Losses(site, rain=source, method=method, soil=soil, **options)
    surface = Surface(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1), dtype=bool), 1.0)
    count = round(source.duration / step)
    if count < 1 or step < _SHORTEST_STEP:
        raise InputError(f"step must be from {_SHORTEST_STEP:g} s to the length of the rain, not {step:g} s.")
    times, rows = np.arange(count + 1) * (source.duration / count), [(0.0, 0.0, 0.0)]
    for now, end in pairwise(times):
        source.step(now, end - now, surface)
        losses.step(now, end - now, surface)
        rows.append((source.account()["rain"], -losses.account()["infiltration"], float(surface.depth[0, 0])))
    names = ("precipitation_depth", "infiltration", "runoff")
    columns = np.array(rows).T / _MM
    variables = {name: ("time", column, {"units": "mm"}) for name, column in zip(names, columns, strict=True)}
    return xr.Dataset(variables, coords={"time": ("time", times, {"units": "s"})})
