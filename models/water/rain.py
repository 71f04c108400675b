"""Rain on the grid: uniform or as rasters in time, exact over its intervals whatever the step, with the way off the roofs.

The rain of a step is the difference of two values of the sum curve, so that no volume depends on how the flow steps.
Tree crowns keep the first rain (their storage fills before anything drips through; evaporation during the event is
left out). In float32, depths grow only by whole multiples of 2**-20 m, which such numbers add without loss up to 16 m;
what is less waits for a later step, the last of it for the end of the rain. Rain on roofs goes where ``roof_drainage`` says (see ``roofs``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numba import njit

from models.layers import InputError, require_layers
from models.parallel import in_blocks
from models.water.exchange import Surface
from models.water.measures import Measure
from models.water.precipitation import interval_edges, rates
from models.water.roofs import Roofs

__all__ = ["QUANTUM", "Rain"]

QUANTUM = 2.0**-20
"""Smallest step [m] by which a float32 depth grows."""

_MM = 1e-3
_LONGEST_STEP = 10.0  # [s] rain added in larger lumps would come as small waves


@njit(cache=True, nogil=True)
def _fall(  # pragma: no cover - compiled
    start: int,
    stop: int,
    depth: np.ndarray,
    falls: np.ndarray,
    before: np.ndarray,
    rate: np.ndarray,
    gridded: int,
    crown: np.ndarray,
    crowned: int,
    cover: float,
    first: float,
    last: float,
    quantum: float,
    ends: int,
) -> tuple[float, float]:
    """Add the rain between ``first`` and ``last`` [s in the interval]; return what was given and kept by crowns [m]."""
    given, kept = 0.0, 0.0
    for i in range(start, stop):
        for j in range(depth.shape[1]):
            if not falls[i, j]:
                continue
            base = before[i * gridded, j * gridded]
            speed = rate[i * gridded, j * gridded]
            p1 = base + speed * first
            p2 = base + speed * last
            if crowned:
                store = np.float64(crown[i, j])
                k1 = min(cover * p1, store)
                k2 = min(cover * p2, store)
                kept += k2 - k1
                p1 -= k1
                p2 -= k2
            if quantum > 0.0:
                p1 = np.floor(p1 / quantum) * quantum
                if not ends:
                    p2 = np.floor(p2 / quantum) * quantum
            if p2 > p1:
                old = np.float64(depth[i, j])
                depth[i, j] += p2 - p1
                given += np.float64(depth[i, j]) - old
    return given, kept


class Rain:
    """Rain as a source of the surface flow.

    Parameters
    ----------
    precipitation : xarray.DataArray
        Rates [mm/h] on ``(time,)`` or ``(time, y, x)`` (of the grid of the run); stamps are the starts of the
        intervals unless ``attrs["interval"]`` is "end".
    site : xarray.Dataset, optional
        Layers ``building_id`` and ``land_cover``; needed for every ``roof_drainage`` but "none". A rain raster must have its
        cells.
    roof_drainage : str or mapping
        Where rain on roofs goes: "none" (it falls on the roof cells like elsewhere; it stays there where roofs are
        outside the flow), "downpipe" (open cells at the outline), "sewer", "garden" (nearest green cells) or "swale"
        (nearest cells of ``swales``); or a mapping of building number to one of these, with key 0 for all others.
    roof_storage : float or mapping
        Water [mm] a roof keeps; by building number where it is a mapping (key 0: all others).
    cistern : float or mapping
        Cistern of a building [m3], filled before anything leaves the plot.
    sewer_capacity : float or mapping, optional
        Most that a building's connection takes [l/s]; the rest goes down to the street. Left out: no limit.
    green_roofs : mapping, optional
        Building number to a green roof of ``water.measure("green_roof", ...)``, whose layers its rain passes first.
    swales : numpy.ndarray, optional
        True on cells of swales, for ``roof_drainage="swale"``.
    interception : xarray.DataArray or numpy.ndarray, optional
        What tree crowns keep [mm] on each cell, from :func:`models.water.losses.crown_storage`.
    crown_cover : float
        Share of the rain that meets leaves where there is a crown.
    roof_area_per_downpipe : float
        Roof area [m2] that shares one downpipe.

    Attributes
    ----------
    start : numpy.datetime64 or None
        First stamp of the rain (UTC), None where its time is counted in seconds.

    Examples
    --------
    >>> from models.water.storms import design_storm
    >>> rain = Rain(design_storm(36.0, 60, shape="block"))
    >>> depth, ones = np.zeros((2, 3)), np.ones((2, 3), dtype=bool)
    >>> rain.step(0.0, 600.0, Surface(depth, np.zeros((2, 3)), ones, 2.0))
    >>> round(1000.0 * float(depth[0, 0]), 9), round(rain.account()["rain"], 9)
    (6.0, 0.144)
    """

    name = "rain"

    def __init__(
        self,
        precipitation: xr.DataArray,
        site: xr.Dataset | None = None,
        *,
        roof_drainage: str | Mapping[int, str] = "none",
        roof_storage: float | Mapping[int, float] = 0.0,
        cistern: float | Mapping[int, float] = 0.0,
        sewer_capacity: float | Mapping[int, float] | None = None,
        green_roofs: Mapping[int, Measure] | None = None,
        swales: np.ndarray | None = None,
        interception: xr.DataArray | np.ndarray | None = None,
        crown_cover: float = 1.0,
        roof_area_per_downpipe: float = 100.0,
    ) -> None:
        self._rates = rates(precipitation)
        stamps = precipitation["time"].values
        self.start = stamps[0] if stamps.dtype.kind == "M" else None  # UTC
        self._edges = interval_edges(precipitation)
        self._gridded = self._rates.ndim == 3
        if self._gridded and site is not None:
            _same_grid(precipitation, site)
        if not 0.0 <= crown_cover <= 1.0:
            raise InputError(f"crown_cover must be a share from 0 to 1, not {crown_cover:g}.")
        self._cover = float(crown_cover)
        self._crown = np.zeros((0, 0), np.float32) if interception is None else _storage(interception)
        self.longest_step = min(_LONGEST_STEP, float(self._edges[1] - self._edges[0]))
        self._roofs: Roofs | None = None
        self._not_drained: np.ndarray | None = None
        if isinstance(roof_drainage, Mapping) or roof_drainage != "none" or green_roofs:
            if site is None:
                raise InputError("roof_drainage needs the site with building_id and land_cover: pass site=.")
            require_layers(site, ("building_id", "land_cover"))
            self._roofs = Roofs(
                site["building_id"].values,
                site["land_cover"].values,
                drainage=roof_drainage,
                storage=roof_storage,
                cistern=cistern,
                sewer_capacity=sewer_capacity,
                green_roofs=green_roofs,
                swales=swales,
                area_per_downpipe=roof_area_per_downpipe,
            )
        elif site is not None and "building_id" in site:
            self._not_drained = site["building_id"].values > 0
        self._falls: np.ndarray | None = None
        self._left_out = np.zeros((0, 2), dtype=np.int64)
        self._before = np.zeros(self._rates.shape[1:] if self._gridded else (1, 1))
        self._interval = 0
        self._sums = {"rain": 0.0, "interception": 0.0, "not_drained": 0.0}

    @property
    def duration(self) -> float:
        """Length of the rain [s]."""
        return float(self._edges[-1])

    @property
    def roofs(self) -> Roofs | None:
        """The way of the water off the roofs, or None where it is not led away."""
        return self._roofs

    def fallen(self, time: float) -> float | np.ndarray:
        """Return the rain [m] since the start: one number, or an array (y, x) where it is gridded."""
        self._seek(time)
        inside = min(max(time - self._edges[self._interval], 0.0), self._edges[1])
        total = self._before + self._rate(self._interval) * inside
        return total if self._gridded else float(total[0, 0])

    def _rate(self, interval: int) -> np.ndarray:
        """Return the rate [m/s] of an interval as an array of two dimensions."""
        rate = np.asarray(self._rates[interval], dtype=np.float64) * (_MM / 3600.0)
        return rate if self._gridded else rate.reshape(1, 1)

    def _seek(self, time: float) -> None:
        """Bring the sum curve to the interval of a time."""
        wanted = min(max(int(np.searchsorted(self._edges, time + 1e-9, side="right")) - 1, 0), len(self._rates) - 1)
        if wanted < self._interval:
            self._interval, self._before = 0, np.zeros_like(self._before)
        length = self._edges[1]
        while self._interval < wanted:
            self._before = self._before + self._rate(self._interval) * length
            self._interval += 1

    def _prepare(self, surface: Surface) -> np.ndarray:
        shape = surface.depth.shape
        for name, array in (("rain", self._before), ("interception", self._crown)):
            if array.shape not in ((0, 0), shape) and (name == "interception" or array.shape != (1, 1)):
                raise InputError(f"The {name} raster has shape {array.shape}, the grid {shape}: bring it to the grid.")
        falls = np.array(surface.active, dtype=bool)
        if self._roofs is not None:
            self._roofs.prepare(surface)
            falls &= ~self._roofs.drained
        elif self._not_drained is not None:
            self._left_out = np.argwhere(self._not_drained & ~surface.active)
        return falls

    def step(self, time: float, duration: float, surface: Surface) -> None:
        """Add the rain from ``time`` [s] on for ``duration`` [s]."""
        if self._falls is None:
            self._falls = self._prepare(surface)
        end, now = time + duration, time
        quantum = QUANTUM if surface.depth.dtype == np.float32 else 0.0
        while now < end:
            self._seek(now)
            start_of = self._edges[self._interval]
            upto = min(end, self._edges[self._interval + 1]) if now < self._edges[-1] else end
            first, last = now - start_of, min(upto, self._edges[-1]) - start_of
            rate = self._rate(self._interval)
            if last > first and rate.any():
                self._fall(rate, first, last, quantum, surface)
            if self._roofs is not None:
                amount = rate * max(last - first, 0.0)
                self._roofs.step(upto - now, amount, surface)
            now = upto

    def _fall(self, rate: np.ndarray, first: float, last: float, quantum: float, surface: Surface) -> None:
        assert self._falls is not None
        crowned = int(self._crown.size > 0)
        sums = in_blocks(
            _fall,
            surface.depth.shape[0],
            surface.depth,
            self._falls,
            self._before,
            rate,
            int(self._gridded),
            self._crown,
            crowned,
            self._cover,
            float(first),
            float(last),
            quantum,
            int(self._interval == len(self._rates) - 1 and last >= self._edges[1]),
        )
        area = surface.cell_size**2
        given, kept = (area * sum(one[k] for one in sums) for k in (0, 1))
        self._sums["rain"] += given + kept
        self._sums["interception"] -= kept
        if self._left_out.size:
            rows, columns = self._left_out.T
            on_roofs = rate[rows, columns].sum() if self._gridded else rate[0, 0] * rows.size
            self._sums["rain"] += area * float(on_roofs) * (last - first)
            self._sums["not_drained"] -= area * float(on_roofs) * (last - first)

    def account(self) -> Mapping[str, float]:
        """Return the volumes so far [m3]: rain, and what crowns, roofs, cisterns and the sewer kept of it (negative)."""
        volumes = dict(self._sums)
        if self._roofs is not None:
            of_roofs = self._roofs.account()
            volumes["rain"] += of_roofs.pop("rain")
            volumes |= of_roofs
        return {name: value for name, value in volumes.items() if value or name == "rain"}

    def state(self) -> Mapping[str, np.ndarray]:
        """Return the sums and the stores of the roofs."""
        arrays = {"sums": np.array(list(self._sums.values()))}
        if self._roofs is not None:
            arrays |= {f"roofs_{name}": array for name, array in self._roofs.state().items()}
        return arrays

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self._sums = dict(zip(self._sums, map(float, state["sums"]), strict=True))
        self._interval, self._before = 0, np.zeros_like(self._before)
        if self._roofs is not None:
            self._roofs.restore({name[6:]: array for name, array in state.items() if name.startswith("roofs_")})


def _same_grid(rain: xr.DataArray, site: xr.Dataset) -> None:
    """Raise :class:`InputError` where both name their cell centres and these differ."""
    for axis in ("y", "x"):
        if axis not in rain.coords or axis not in site.coords:
            continue
        own, wanted = rain[axis].values.astype(float), site[axis].values.astype(float)
        if own.shape != wanted.shape or not np.allclose(
            own, wanted, atol=0.01 * abs(wanted[-1] - wanted[0]) / max(wanted.size - 1, 1)
        ):
            raise InputError(
                f"The rain raster has {own.size} cells along {axis} from {own[0]:g} to {own[-1]:g}, the site {wanted.size} from "
                f"{wanted[0]:g} to {wanted[-1]:g}: bring it to the grid, rain.interp_like(site, method='nearest')."
            )


def _storage(interception: xr.DataArray | np.ndarray) -> np.ndarray:
    """Return crown storage in metres, or say what is wrong with it."""
    values = np.asarray(interception.values if isinstance(interception, xr.DataArray) else interception)
    if values.ndim != 2 or not np.isfinite(values).all() or (values < 0).any():
        raise InputError(
            "The interception must be a raster (y, x) in mm, 0 or more everywhere: see water.crown_storage()."
        )
    return np.ascontiguousarray(values * _MM, dtype=np.float32)
