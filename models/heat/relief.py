"""The heights of a site that hide the sky, ready for the line sweeps, and what is wrong with them if something is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr

from models.heat.plausibility import refuse_absolute_crowns
from models.heat.sweeps import Sweep, sweep_lines, sweep_plan
from models.layers import InputError, require_layers, require_metric_grid

__all__ = ["Direction", "Relief", "relief_of"]


@dataclass(frozen=True)
class Relief:
    """The heights that hide the sky, flat and ready for the kernels."""

    shape: tuple[int, int]
    cell: float
    surface: np.ndarray
    """Height of terrain and buildings [m above datum], float32 (cells,)."""
    under: np.ndarray
    """Underside of crowns [m above datum]."""
    top: np.ndarray
    """Top of crowns [m above datum]; not above ``under`` where there is no crown."""
    origin: tuple[int, int] = (0, 0)
    """Row and column of the first cell, counted on the map: lines of sight are the same for a part of a grid."""

    @cached_property
    def turned(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three heights with rows and columns changed: lines that step through rows read these."""
        return tuple(  # type: ignore[return-value]
            np.ascontiguousarray(values.reshape(self.shape).T).ravel()
            for values in (self.surface, self.under, self.top)
        )

    @cached_property
    def span(self) -> tuple[float, float]:
        """Lowest and highest point [m above datum]."""
        return float(self.surface.min()), float(max(self.surface.max(), self.top.max()))

    def part(self, rows: slice, columns: slice) -> Relief:
        """Return the heights of a part of the grid."""
        surface, under, top = (
            np.ascontiguousarray(v.reshape(self.shape)[rows, columns]) for v in (self.surface, self.under, self.top)
        )
        first = self.origin[0] + rows.indices(self.shape[0])[0], self.origin[1] + columns.indices(self.shape[1])[0]
        shape = int(surface.shape[0]), int(surface.shape[1])
        return Relief(shape, self.cell, surface.ravel(), under.ravel(), top.ravel(), first)

    def directed(
        self, azimuth: float, elevation: float, *, turn: bool = True, part: tuple[slice, slice] | None = None
    ) -> Direction:
        """Return how a direction crosses this grid.

        Parameters
        ----------
        azimuth, elevation : float
            [deg], azimuth from grid north.
        turn : bool
            Read the turned heights where lines step through rows (faster for a whole grid).
        part : tuple of slice, optional
            Rows and columns to which the lines keep, without steps; the flat index stays that of the grid.
        """
        (top, bottom, _), (left, right, _) = (
            span.indices(n) for span, n in zip(part or (slice(None), slice(None)), self.shape, strict=True)
        )
        first = self.origin[0] + top, self.origin[1] + left
        plan = sweep_plan((bottom - top, right - left), self.cell, azimuth, elevation, first)
        rows, columns = self.shape
        minor = right - left if plan.rows_major else bottom - top
        start = first[0] if plan.rows_major else first[1]
        ends = sorted(plan.rise * (start + n) * (1 if plan.forward else -1) for n in (0, plan.offsets.size))
        low, high = self.span[0] + ends[0] - plan.rise, self.span[1] + ends[1] + plan.rise
        turned = plan.rows_major and turn
        heights = self.turned if turned else (self.surface, self.under, self.top)
        steps = (1, rows) if turned else (columns, 1) if plan.rows_major else (1, columns)
        skip = left * rows + top if turned else top * columns + left
        words = int((high - low) / plan.bin) // 64 + 3
        return Direction(plan, minor, start, heights, low, words, steps, skip)


class Direction(NamedTuple):
    """One direction over one grid: the plan, and the arrays in which its lines are runs of neighbours."""

    plan: Sweep
    minor: int
    start: int
    heights: tuple[np.ndarray, np.ndarray, np.ndarray]
    low: float
    words: int
    steps: tuple[int, int]
    """Steps of the flat index along and across the lines."""
    skip: int
    """Flat index of the first cell of the part that the lines keep to."""

    def sweep(
        self, lines: np.ndarray, start: int, stop: int, bit: int, open_bits: np.ndarray, crown_bits: np.ndarray,
        walls: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """Walk ``lines[start:stop]`` and write ``bit`` in the masks, and the walls that face the direction.

        Masks and walls are laid out as ``heights``: turned where ``steps`` say so.
        """
        plan, walls = self.plan, np.empty((2, 0), np.int32) if walls is None else walls
        if self.skip and walls.size:
            raise ValueError("Walls are known for whole grids only: cut the heights first.")
        maps = (values[self.skip :] for values in (*self.heights, open_bits, crown_bits))
        surface, under, top, open_bits, crown_bits = maps
        sweep_lines(
            start, stop, lines, plan.offsets, plan.forward, *self.steps, self.minor, self.start, plan.rise, plan.bin, self.low,
            surface, under, top, np.uint8(bit), open_bits, crown_bits, np.zeros(self.words, np.uint64), walls,
        )  # fmt: skip

    def lines(self) -> np.ndarray:
        """Return the numbers of all lines."""
        return np.arange(self.plan.first, self.plan.last)

    def lines_across(self, part: tuple[slice, slice]) -> np.ndarray:
        """Return the numbers of the lines that pass a part of the grid, rows and columns counted in the part kept to."""
        major, minor = part if self.plan.rows_major else part[::-1]
        shifts = self.plan.offsets[major.start], self.plan.offsets[major.stop - 1]
        return np.arange(minor.start - max(shifts), minor.stop - min(shifts))

    def lines_through(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the numbers of the lines that pass through some cells."""
        major, minor = (rows, columns) if self.plan.rows_major else (columns, rows)
        return np.unique(minor - self.plan.offsets[major])


def relief_of(site: xr.Dataset) -> Relief:
    """Return the heights of a site that hide the sky.

    Raises
    ------
    InputError
        If a layer is missing, has holes, or heights contradict each other.
    """
    require_layers(site, ("terrain_height", "surface_height", "canopy_height", "trunk_height"))
    cell = require_metric_grid(site)
    terrain, surface, canopy, trunk = (
        np.ascontiguousarray(site[n].values, dtype=np.float32)
        for n in ("terrain_height", "surface_height", "canopy_height", "trunk_height")
    )
    for name, values in (
        ("terrain_height", terrain),
        ("surface_height", surface),
        ("canopy_height", canopy),
        ("trunk_height", trunk),
    ):
        unknown = ~np.isfinite(values)
        holes = int(unknown.sum())
        if holes:
            row, column = (int(v) for v in np.argwhere(unknown)[0])
            raise InputError(
                f"Layer {name!r} has {holes} cells without a value, the first in row {row}, column {column}: fill them."
            )
    refuse_absolute_crowns(terrain, canopy, trunk)
    if float(canopy.max(initial=0.0)) > 120.0:
        raise InputError(
            f"canopy_height reaches {float(canopy.max()):g} m; it is measured above ground, no tree is "
            "taller than 120 m: "
            "subtract terrain_height if your crowns are heights above datum."
        )
    if float(canopy.min(initial=0.0)) < 0.0 or float(trunk.min(initial=0.0)) < 0.0:
        raise InputError(
            "canopy_height and trunk_height are measured above ground and must not be negative: 0 means no tree."
        )
    wrong = int(((canopy > 0) & (trunk >= canopy)).sum())
    if wrong:
        raise InputError(
            f"trunk_height is not below canopy_height in {wrong} cells: the crown must begin below its top."
        )
    low = int((surface < terrain - 1.0).sum())
    if low:
        raise InputError(
            f"surface_height lies more than 1 m below terrain_height in {low} cells: "
            "check that both heights have one datum."
        )
    has_crown = canopy > 0
    under = np.where(has_crown, terrain + trunk, 0.0).astype(np.float32)
    top = np.where(has_crown, terrain + canopy, -1.0).astype(np.float32)
    top[~has_crown] = under[~has_crown] = np.float32(surface.min() - 1.0)
    return Relief(terrain.shape, cell, surface.ravel(), under.ravel(), top.ravel(), _origin(site, cell))


def _origin(site: xr.Dataset, cell: float) -> tuple[int, int]:
    """Return the row and column of the first cell on the map; centres lie on whole or half cells."""
    x, y = float(site["x"].values[0]), float(site["y"].values[0])
    return -math.floor(y / cell + 0.25), math.floor(x / cell + 0.25)
