"""Where the rain of roofs goes: kept on the roof, into a cistern, the sewer, the street, a garden or a swale.

Each drained building collects the rain of its cells, fills its roof storage and its cistern, gives to the sewer what
the connection takes, and lets the rest down at its downpipes: cells of open ground at the outline, evenly spaced, one
for each ``area_per_downpipe`` of roof. A building without open ground at its outline uses the nearest open cell.
A green roof lets the rain through its layers first. Gutters are left out: the water is on the ground at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numba import njit
from scipy import ndimage

from models.layers import LAND_COVER, InputError, land_cover_property
from models.water.exchange import Surface
from models.water.measures import Measure, Stacks
from models.water.outline import building_index, cells_at_outline

__all__ = ["DRAINAGE", "Roofs"]

DRAINAGE = ("none", "downpipe", "sewer", "garden", "swale")
"""Where the rain of a roof may go."""

_FARTHEST_GARDEN = 30.0  # [m] a pipe to a garden or swale farther away is not assumed: the water stays at the downpipe
_QUANTUM = 2.0**-20


@njit(cache=True, nogil=True)
def _collect(  # pragma: no cover - compiled
    amount: np.ndarray,
    gridded: int,
    rows: np.ndarray,
    columns: np.ndarray,
    offsets: np.ndarray,
    area: float,
    out: np.ndarray,
) -> None:
    """Put the rain [m3] on each building into ``out``."""
    for b in range(out.shape[0]):
        total = 0.0
        if gridded:
            for k in range(offsets[b], offsets[b + 1]):
                total += amount[rows[k], columns[k]]
        else:
            total = amount[0, 0] * (offsets[b + 1] - offsets[b])
        out[b] = total * area


@njit(cache=True, nogil=True)
def _drain(  # pragma: no cover - compiled
    water: np.ndarray,
    stores: np.ndarray,
    limits: np.ndarray,
    intake: np.ndarray,
    to_sewer: np.ndarray,
    held: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    offsets: np.ndarray,
    depth: np.ndarray,
    area: float,
    quantum: float,
) -> float:
    """Fill the stores, then the sewer, and put the rest on the ground; return what the ground got [m3]."""
    delivered = 0.0
    for b in range(water.shape[0]):
        rest = water[b]
        for s in range(stores.shape[0]):
            kept = min(rest, limits[s, b] - stores[s, b])
            stores[s, b] += kept
            rest -= kept
        to_sewer[b] = min(rest, intake[b])
        rest += held[b] - to_sewer[b]
        share = rest / (area * (offsets[b + 1] - offsets[b]))
        if quantum > 0.0:
            share = np.floor(share / quantum) * quantum
        given = 0.0
        if share > 0.0:
            for k in range(offsets[b], offsets[b + 1]):
                old = np.float64(depth[rows[k], columns[k]])
                depth[rows[k], columns[k]] += share
                given += (np.float64(depth[rows[k], columns[k]]) - old) * area
        held[b] = rest - given
        delivered += given
    return delivered


class Roofs:
    """The roofs of a site and where their water goes; options as of :class:`models.water.rain.Rain`.

    Attributes
    ----------
    numbers : numpy.ndarray
        Numbers of the drained buildings.
    drained : numpy.ndarray
        True on cells whose rain is led away; set by :meth:`prepare`.
    sewer_total : numpy.ndarray
        Water [m3] each building gave to the sewer since the start.
    outlets : tuple of numpy.ndarray
        Rows and columns of the downpipes, with the position of each building's first one; set by :meth:`prepare`.
    """

    def __init__(
        self,
        building_id: np.ndarray,
        land_cover: np.ndarray,
        *,
        drainage: str | Mapping[int, str],
        storage: float | Mapping[int, float] = 0.0,
        cistern: float | Mapping[int, float] = 0.0,
        sewer_capacity: float | Mapping[int, float] | None = None,
        green_roofs: Mapping[int, Measure] | None = None,
        swales: np.ndarray | None = None,
        area_per_downpipe: float = 100.0,
    ) -> None:
        self._building_id, self._land_cover = np.asarray(building_id), np.asarray(land_cover)
        every = np.unique(self._building_id[self._building_id > 0])
        modes = _by_building("roof_drainage", drainage, every, "none")
        for number, mode in zip(every, modes, strict=True):
            if mode not in DRAINAGE:
                raise InputError(
                    f"roof_drainage of building {number} is {mode!r}: choose one of {', '.join(DRAINAGE)}."
                )
        if "swale" in modes and swales is None:
            raise InputError("roof_drainage='swale' needs the cells of the swales: pass swales= (True on their cells).")
        if area_per_downpipe <= 0:
            raise InputError(f"roof_area_per_downpipe must be above 0 m2, not {area_per_downpipe:g}.")
        self._green_roofs = dict(green_roofs or {})
        _by_building("green_roofs", self._green_roofs, every, None)
        modes = [
            "downpipe" if mode == "none" and number in self._green_roofs else mode
            for number, mode in zip(every, modes, strict=True)
        ]
        led = np.array([mode != "none" for mode in modes], dtype=bool)
        self.numbers = every[led]
        self._modes = [mode for mode in modes if mode != "none"]
        self._storage = _amounts("roof_storage", storage, self.numbers)
        self._cistern = _amounts("cistern", cistern, self.numbers)
        free = sewer_capacity if sewer_capacity is not None else np.inf
        self._capacity = np.where(np.array(self._modes) == "sewer", _amounts("sewer_capacity", free, self.numbers), 0.0)
        self._green = np.flatnonzero(np.isin(self.numbers, list(self._green_roofs)))
        self._stacks: Stacks | None = None
        self._green_first = np.zeros(0)
        self._pending: Mapping[str, np.ndarray] | None = None
        self._swales, self._per_pipe = swales, float(area_per_downpipe)
        count = len(self.numbers)
        self._stores, self._limits = np.zeros((2, count)), np.zeros((2, count))
        self._water, self._held = np.zeros(count), np.zeros(count)
        self._to_sewer, self.sewer_total = np.zeros(count), np.zeros(count)
        self.drained = np.zeros(self._building_id.shape, dtype=bool)
        self._received = self._area = 0.0
        self.outlets: tuple[np.ndarray, np.ndarray, np.ndarray] = (np.zeros(0, int), np.zeros(0, int), np.zeros(1, int))

    def prepare(self, surface: Surface) -> None:
        """Find the cells of each roof and where its water comes down."""
        if surface.depth.shape != self._building_id.shape:
            raise InputError(f"building_id has shape {self._building_id.shape}, the grid {surface.depth.shape}.")
        every, index = building_index(self._building_id)
        place = np.full(every.size + 1, -1, dtype=np.int32)  # the last one serves cells without a building, index -1
        place[np.searchsorted(every, self.numbers)] = np.arange(self.numbers.size)
        index = place[index]
        self.drained = index >= 0
        rows, columns = np.nonzero(self.drained)
        of = index[rows, columns]
        order = np.argsort(of, kind="stable")
        self._roof = rows[order], columns[order], _offsets(of, len(self.numbers))
        self._area = surface.cell_size**2
        area = np.diff(self._roof[2]) * self._area
        self._limits[0], self._limits[1] = self._storage * 1e-3 * area, self._cistern
        if self._green.size:
            self._stacks = Stacks(
                [self._green_roofs[int(number)] for number in self.numbers[self._green]], area[self._green]
            )
            self._green_first = self._stacks.contents() * self._stacks.areas
            if self._pending is not None:
                self._stacks.state[:] = self._pending["green"]
        open_ground = surface.active & (self._building_id == 0)
        if len(self.numbers) and not open_ground.any():
            raise InputError("The site has no open ground beside its buildings, so roof water has nowhere to go.")
        self.outlets = self._pipes(index, open_ground, area, surface.cell_size)

    def _pipes(
        self, index: np.ndarray, open_ground: np.ndarray, area: np.ndarray, size: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        count, width = len(self.numbers), open_ground.shape[1]
        cells, of = cells_at_outline(index, open_ground)
        cells, of = self._without_ground(cells, of, open_ground)
        rows, columns, offsets = self._roof
        owner = np.repeat(np.arange(count), np.diff(offsets))
        size_of = np.maximum(np.diff(offsets), 1)
        middle = [np.bincount(owner, weights=axis, minlength=count) / size_of for axis in (rows, columns)]
        angle = np.arctan2(cells // width - middle[0][of], cells % width - middle[1][of])
        cells = cells[np.lexsort((angle, of))]  # once around each building
        around = np.bincount(of, minlength=count)
        pipes = np.minimum(np.maximum(np.rint(area / self._per_pipe).astype(np.int64), 1), around)
        ends = np.concatenate([[0], np.cumsum(pipes)]).astype(np.int64)
        owner = np.repeat(np.arange(count), pipes)
        place = ((np.arange(ends[-1]) - ends[owner]) * around[owner]) // pipes[owner]
        flat = cells[np.concatenate([[0], np.cumsum(around)])[owner] + place]
        flat = self._to_green(flat, ends, open_ground, size)
        return flat // width, flat % width, ends

    def _without_ground(
        self, cells: np.ndarray, of: np.ndarray, open_ground: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Add the nearest open cell of buildings that have none at their outline."""
        shut = np.setdiff1d(np.arange(len(self.numbers)), of)
        if not shut.size:
            return cells, of
        far, at = ndimage.distance_transform_edt(~open_ground, return_indices=True)
        rows, columns, offsets = self._roof
        extra = []
        for b in shut:
            own = slice(offsets[b], offsets[b + 1])
            nearest = np.argmin(far[rows[own], columns[own]])
            row, column = rows[own][nearest], columns[own][nearest]
            extra.append(at[0, row, column] * open_ground.shape[1] + at[1, row, column])
        return np.concatenate([cells, np.array(extra, dtype=np.int64)]), np.concatenate([of, shut])

    def _to_green(self, flat: np.ndarray, ends: np.ndarray, open_ground: np.ndarray, size: float) -> np.ndarray:
        """Move the outlets of gardens and swales to the nearest cell of that kind."""
        modes = np.repeat(np.array(self._modes, dtype=object), np.diff(ends))
        sealed = land_cover_property("imperviousness")[self._land_cover]
        green = (sealed == 0.0) & (self._land_cover != LAND_COVER["water"])
        for mode, mask in (("garden", green), ("swale", self._swales)):
            wanted = modes == mode
            if not wanted.any() or mask is None or not (mask & open_ground).any():
                continue
            far, at = ndimage.distance_transform_edt(~(mask & open_ground), sampling=size, return_indices=True)
            row, column = np.divmod(flat[wanted], open_ground.shape[1])
            moved = at[0, row, column] * open_ground.shape[1] + at[1, row, column]
            flat[wanted] = np.where(far[row, column] <= _FARTHEST_GARDEN, moved, flat[wanted])
        return flat

    def step(self, duration: float, amount: np.ndarray, surface: Surface) -> None:
        """Lead away ``amount`` [m] of rain, one number (1, 1) or a raster (y, x), that fell in ``duration`` [s]."""
        if not len(self.numbers):
            return
        rows, columns, offsets = self._roof
        _collect(amount, int(amount.shape != (1, 1)), rows, columns, offsets, self._area, self._water)
        self._received += float(self._water.sum())
        if self._stacks is not None:
            flux = self._stacks.advance(self._water[self._green], duration)
            self._water[self._green] = (flux[:, 1] + flux[:, 2]) * self._stacks.areas
        quantum = _QUANTUM if surface.depth.dtype == np.float32 else 0.0
        intake = self._capacity * (1e-3 * duration)
        _drain(
            self._water,
            self._stores,
            self._limits,
            intake,
            self._to_sewer,
            self._held,
            *self.outlets,
            surface.depth,
            self._area,
            quantum,
        )
        self.sewer_total += self._to_sewer

    def sewer_places(self) -> np.ndarray:
        """Return row and column (n, 2) of each building's first downpipe, after :meth:`prepare`."""
        rows, columns, ends = self.outlets
        return np.column_stack([rows[ends[:-1]], columns[ends[:-1]]])

    def connections(self) -> pd.DataFrame:
        """Return the drained buildings, one a row, after :meth:`prepare`.

        Returns
        -------
        pandas.DataFrame
            ``building_id``, ``drainage``, ``roof_area`` [m2]; so far [m3]: ``to_sewer``, and what is kept by the
            ``green_roof``, the ``roof_storage`` and the ``cistern``; and ``row`` and ``column`` of the first
            downpipe, beside which the connection to the sewer may be looked for.
        """
        at = self.sewer_places()
        green = np.zeros(len(self.numbers))
        if self._stacks is not None:
            green[self._green] = self._stacks.contents() * self._stacks.areas - self._green_first
        return pd.DataFrame(
            {
                "building_id": self.numbers,
                "drainage": self._modes,
                "roof_area": np.diff(self._roof[2]) * self._area,
                "to_sewer": self.sewer_total,
                "green_roof": green,
                "roof_storage": self._stores[0],
                "cistern": self._stores[1],
                "row": at[:, 0],
                "column": at[:, 1],
            }
        )

    def account(self) -> dict[str, float]:
        """Return the volumes so far [m3]; what is kept or led away is negative."""
        held = 0.0
        if self._stacks is not None:
            held = float((self._stacks.contents() * self._stacks.areas - self._green_first).sum())
        return {
            "rain": self._received,
            "green_roofs": -held,
            "roof_storage": -float(self._stores[0].sum()),
            "cistern": -float(self._stores[1].sum()),
            "sewer": -float(self.sewer_total.sum()),
            "underway": -float(self._held.sum()),
        }

    def state(self) -> dict[str, np.ndarray]:
        """Return the stores."""
        return {
            "stores": self._stores.copy(),
            "held": self._held.copy(),
            "sewer_total": self.sewer_total.copy(),
            "received": np.array(self._received),
            "green": np.zeros((0, 5)) if self._stacks is None else self._stacks.state.copy(),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self._stores, self._held = state["stores"].copy(), state["held"].copy()
        self.sewer_total, self._received = state["sewer_total"].copy(), float(state["received"])
        self._pending = state


def _by_building(name: str, given: Any, numbers: np.ndarray, default: Any) -> list[Any]:
    """Return one value a building of a value for all or a mapping by building number (key 0: all others)."""
    if not isinstance(given, Mapping):
        return [given] * len(numbers)
    unknown = sorted(set(given) - {0} - set(numbers.tolist()))
    if unknown:
        raise InputError(f"{name} names building {unknown[0]}, which is not in building_id: use its numbers.")
    return [given.get(int(number), given.get(0, default)) for number in numbers]


def _amounts(name: str, given: Any, numbers: np.ndarray) -> np.ndarray:
    values = np.array(_by_building(name, given, numbers, 0.0), dtype=float)
    if np.isnan(values).any() or (values < 0).any():
        raise InputError(f"{name} must be 0 or more for every building.")
    return values


def _offsets(of: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.bincount(of, minlength=count))]).astype(np.int64)
