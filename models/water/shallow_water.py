"""Surface flow by the full shallow water equations, for dam breaks, steep streets and flow around obstacles.

Solved on square cells for depth and momentum (h, hu, hv):

    dh/dt + div(hu, hv) = 0,    d(hu)/dt + div(momentum flux) + g h dw/dx = -g n^2 |u| hu / h^(4/3)   (and for hv)

Finite volumes with HLLC fluxes and hydrostatic reconstruction (Audusse et al. 2004, with the face bed of Chen & Noelle
2017, so that rain on slopes runs off at its speed), which keeps lakes at rest over any bed; Manning friction implicit. First order by default; second order with limited slopes (minmod) and Heun's steps.
The step is 0.45 times the cell size over the fastest wave. Left out: turbulence, wind, infiltration (see ``losses``).

References
----------
Audusse et al. 2004, doi 10.1137/S1064827503431090; Chen & Noelle 2017, doi 10.1137/15M1053074; Toro 2001, ISBN 9780471987666 (HLLC).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numba import njit

from models.parallel import in_blocks
from models.water.edges import FLUX, LEVEL, OPEN, RING, Cells, Faces
from models.water.inertial_step import let_in, take_over
from models.water.roots import inverse_cube_root
from models.water.row_kernels import row_loop
from models.water.shallow_rows import GRAVITY, change, face_flux, fluxes, fluxes_second, keep, mean, speeds

__all__ = ["ShallowWaterFlow"]

WALL = 1.0e4  # [m] bed of cells without water
_DRY = 1e-6  # [m] thinner water has no velocity
_LANES = 8
_COURANT = {1: 0.45, 2: 0.3}
_FARTHEST, _SHORTEST = 0.4, 1e-5  # share of a cell that a wave may cross in the second stage; shortest step [s]
_WAVE = 22  # row of the scratch array with the fastest waves


@row_loop
def _edge_flux(
    kind: int, value: Any, sign: int, z: Any, h: Any, u: Any, v: Any, zi: Any, hi: Any, ui: Any, vi: Any, c: Any
) -> Any:  # fmt: skip
    """Flux through a special face; (z, h, u, v) lie in the left or upper cell, (zi, hi, ui, vi) in the other."""
    zero, tiny, _, _, half_g, g, _ = c
    if sign == 0:  # a crest between two cells
        return face_flux(z, h, u, v, zi, hi, ui, vi, max(value - max(z, zi), zero), c)
    bed, depth, speed, side = (z, h, u, v) if sign > 0 else (zi, hi, ui, vi)
    if kind == FLUX:
        if depth <= _DRY and value == zero:
            return zero, zero, zero, zero
        squared = value * value
        root = inverse_cube_root(max(squared / g, tiny))
        push = squared / max(depth, squared / g * root * root) + half_g * depth * depth  # critical where it is dry
        return value, push, push, zero
    beyond = max(value - bed, zero) if kind == LEVEL else depth
    if kind == OPEN:
        speed = max(speed, zero) if sign > 0 else min(speed, zero)
    first, second = (depth, beyond) if sign > 0 else (beyond, depth)
    return face_flux(bed, first, speed, side, bed, second, speed, side, zero, c)


@row_loop
def _specials(
    row: int, axis: int, wide: int, z: Any, h: Any, speed: Any, at: Any, out: Any, special: Any, values: Any, first: Any,
    c: Any, typed: Any, scale: float, counted: bool, account: Any,
) -> None:  # fmt: skip
    """Put the fluxes of the special faces of one row and one axis, and count what leaves [m3].

    ``at``: places of the velocities of this row and the next, and of the fluxes; ``scale`` [m2] makes of a change of depth
    the volume.
    """
    here, after, to = at
    for k in range(first[row], first[row + 1]):
        if special[k, 0] != axis:
            continue
        j = special[k, 2] + RING - 1
        cell = row * wide + j
        typed[13] = values[k]
        if axis == 0:
            beyond, ahead, through, along = cell + 1, here + j + 1, here, here + wide
        else:
            beyond, ahead, through, along = cell + wide, after + j + wide, here + wide, here
        aside = ahead + wide if axis == 0 else ahead - wide
        m, a, b, s = _edge_flux(
            special[k, 3], typed[13], special[k, 4], z[cell], h[cell], speed[through + j], speed[along + j], z[beyond],
            h[beyond], speed[ahead], speed[aside], c,
        )  # fmt: skip
        to_j = to + j
        out[to_j], out[to_j + wide], out[to_j + 2 * wide], out[to_j + 3 * wide] = m, a, b, s
        if counted and special[k, 5] >= 0:
            account[special[k, 5]] += special[k, 4] * np.float64(m * typed[7]) * scale  # rounded as for the cell


@row_loop
def _row_fluxes(
    order: int, axis: int, cell: int, wide: int, at: Any, count: int, z: Any, h: Any, work: Any, c: Any
) -> None:  # fmt: skip
    """Fluxes through the east (axis 0) or south faces of a row of cells.

    ``at``: places of the velocities of the cells before, at, beyond and after the face, and of the fluxes.
    """
    v0, v1, v2, v3, to = at
    on = 1 if axis == 0 else wide
    u, v = (0, wide) if axis == 0 else (wide, 0)
    if order == 1:
        places = (cell, cell + on, v1 + u, v1 + v, v2 + u, v2 + v, to)
        fluxes(z, h, work, work, work, work, work, places, count, wide, c)
    else:
        all_places = (
            cell - on, cell, cell + on, cell + 2 * on, v0 + u, v1 + u, v2 + u, v3 + u, v0 + v, v1 + v, v2 + v, v3 + v, to
        )  # fmt: skip
        fluxes_second(z, h, work, work, work, work, work, all_places, count, wide, c)


@row_loop
def _finish_row(
    row: int, shape: Any, half: bool, h: Any, hu: Any, hv: Any, rest: Any, h0: Any, hu0: Any, hv0: Any, rest0: Any,
    deepest: Any, fastest: Any, strongest: Any, first: Any, inflow: Any, rates: Any, dt: float, work: Any, limits: Any,
) -> None:  # fmt: skip
    """Take the mean with the state before (second order), let water in and keep the maxima of one row."""
    _, columns, wide = shape
    cell, g = row * wide + RING, row - RING
    if half:
        mean(h, hu, hv, rest, h0, hu0, hv0, rest0, cell, columns, limits[6])
    for k in range(first[g], first[g + 1]):
        let_in(h, rest0, cell + inflow[k], cell + inflow[k], rates[k] * dt)
    keep(h, hu, hv, deepest, fastest, strongest, work, (cell, g * columns, _WAVE * wide), columns, limits)


@njit(cache=True, nogil=True, error_model="numpy")
def _update(
    start: int, stop: int, shape: Any, stage: int, z: Any, n: Any, h: Any, hu: Any, hv: Any, rest: Any, h2: Any,
    hu2: Any, hv2: Any, rest2: Any, h0: Any, hu0: Any, hv0: Any, rest0: Any, deepest: Any, fastest: Any, strongest: Any, special: Any, values: Any, first: Any,
    first_cell: Any, inflow: Any, rates: Any, dt: float, dx: float, work: Any, t: Any, account: Any,
) -> float:  # fmt: skip
    """One stage of a step over rows ``start`` to ``stop`` of the grid; return the fastest wave afterwards [m/s].

    All arrays of cells are flat. ``shape``: rows of the arrays, columns of the grid and of the arrays; ``stage``: 0 only
    keeps the maxima, 1 is a step of first order, 2 and 3 are the two of second order, from the state (h0, hu0, hv0).
    ``work``: rows of velocities of five rows of cells, fluxes through east, south and north faces, fastest waves; ``t`` is
    room for 16 numbers of the arrays' type.
    """
    total, columns, wide = shape
    t[0], t[1], t[2], t[3], t[4], t[5], t[6] = 0.0, 1e-30, 0.5, 0.25, 0.5 * GRAVITY, GRAVITY, 1000.0
    t[7], t[8], t[9], t[10], t[11], t[12] = dt / dx, 4.0 * dt * GRAVITY, _DRY, 1.0, 2.0, 0.01
    c = (t[0], t[1], t[2], t[3], t[4], t[5], t[6])
    limits = (t[0], t[10], t[11], t[9], t[12], t[5], t[2])
    for j in range(_WAVE * wide, (_WAVE + 1) * wide):
        work[j] = t[0]
    low = start + RING - 1 if stage > 0 else start + RING
    if stage > 0:
        for row in range(max(low - 1, 0), min(low + 3, total)):
            speeds(h, hu, hv, work, work, row * wide, row % 5 * 2 * wide, wide, limits)
    order = 1 if stage == 1 else 2
    east, south, north = 10 * wide, 14 * wide, 18 * wide
    scale = dx * dx * (1.0 if stage == 1 else 0.5)
    count = wide - 2 * RING
    for row in range(low, stop + RING):
        own = row >= start + RING
        if stage > 0:
            ahead = row + 2
            if ahead > low + 2 and ahead < total:
                speeds(h, hu, hv, work, work, ahead * wide, ahead % 5 * 2 * wide, wide, limits)
            twice = 2 * wide
            v0, v1, v2, v3 = (row + 4) % 5 * twice, row % 5 * twice, (row + 1) % 5 * twice, (row + 2) % 5 * twice
            cell = row * wide + RING
            at = (v0 + RING, v1 + RING, v2 + RING, v3 + RING, south + RING)
            _row_fluxes(order, 1, cell, wide, at, count, z, h, work, c)
            if first[row + 1] > first[row]:
                counted = own or (start == 0 and row == RING - 1)
                _specials(
                    row, 1, wide, z, h, work, (v1, v2, south), work, special, values, first, c, t, scale, counted, account
                )  # fmt: skip
            if own:
                west = v1 + RING - 1
                at = (west - 1, west, west + 1, west + 2, east + RING - 1)
                _row_fluxes(order, 0, cell - 1, wide, at, count + 1, z, h, work, c)
                if first[row + 1] > first[row]:
                    _specials(
                        row, 0, wide, z, h, work, (v1, v2, east), work, special, values, first, c, t, scale, True, account
                    )  # fmt: skip
                places = (cell, east + RING, north + RING, south + RING)
                change(h, hu, hv, n, rest, work, h2, hu2, hv2, rest2, places, count, wide, limits, t[7], t[8])
                for j in range(cell + columns, cell + count):  # what left over the eastern edge does not come back
                    h2[j], hu2[j], hv2[j], rest2[j] = t[0], t[0], t[0], t[0]
            north, south = south, north
        if own and stage != 2:
            _finish_row(
                row, shape, stage == 3, h2, hu2, hv2, rest2, h0, hu0, hv0, rest0, deepest, fastest, strongest, first_cell, inflow,
                rates, dt, work, limits,
            )  # fmt: skip
    wave = 0.0
    for j in range(_WAVE * wide, (_WAVE + 1) * wide):
        wave = max(wave, float(work[j]))
    return wave


def _fastest(h: np.ndarray, hu: np.ndarray, hv: np.ndarray) -> float:
    film = np.maximum(h, h.dtype.type(_DRY))
    speed = np.maximum(np.abs(hu), np.abs(hv)) / film + np.sqrt(film * h.dtype.type(GRAVITY))
    return float(speed.max(where=h > _DRY, initial=0.0))


_run: Any = _update  # the type checker cannot see through the list of arrays below


class ShallowWaterFlow:
    """Water on the ground that flows by the full shallow water equations; parameters as of ``InertialFlow``.

    Parameters
    ----------
    bed, manning, cell_size, faces, cells, groups, dtype, longest_step
        As of :class:`models.water.inertial.InertialFlow`.
    order : {1, 2}
        In space and time.
    courant : float
        Share of a cell that the fastest wave may cross in a step; by default 0.45 in first and 0.3 in second order,
        where sloped depths could otherwise let out more than a cell holds.
    """

    def __init__(
        self, bed: np.ndarray, manning: np.ndarray, cell_size: float, faces: Faces, cells: Cells, *, groups: int = 0,
        dtype: str = "float32", order: int = 1, courant: float | None = None, longest_step: float = 5.0,
    ) -> None:  # fmt: skip
        rows, columns = bed.shape
        wide = -(-columns // _LANES) * _LANES
        self.shape, self.cell_size, self.faces, self.cells = bed.shape, cell_size, faces, cells
        self._order, self._longest = order, longest_step
        self._courant = courant or _COURANT[order]
        size, self._inside = (rows + 2 * RING, wide + 2 * RING), (slice(RING, rows + RING), slice(RING, columns + RING))
        self._bed = np.full(size, WALL, dtype)
        self._bed[self._inside] = np.where(np.isnan(bed), WALL, bed)
        self._manning = np.full(size, 0.03, dtype)
        self._manning[self._inside] = np.where(np.isnan(bed), 0.03, manning)
        self._third: list[np.ndarray] = []
        self._now = [np.zeros(size, dtype) for _ in range(3)]
        self._next = [np.zeros(size, dtype) for _ in range(3)]
        self._rest = [np.zeros(size, dtype) for _ in range(order)]  # of the state, and of that after the first stage
        self.deepest, self.fastest, self.strongest = (np.zeros(bed.shape, dtype) for _ in range(3))
        self._out = np.zeros(max(groups, 1))
        self.steps, self.shortest = 0, np.inf

    @property
    def outflow(self) -> np.ndarray:
        """Volume that left through the faces of each group so far [m3]; negative: came in."""
        return self._out.copy()

    @property
    def momentum(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit flow to the east and to the south [m2/s] in the cells."""
        return self._now[1][self._inside], self._now[2][self._inside]

    @property
    def beneath(self) -> float:
        """Water beneath the last digit of the depths, summed over the cells [m]."""
        return float(self._rest[0][self._inside].sum(dtype=np.float64))

    def parts(self) -> Iterator[tuple[int, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield first row, end, and the unit flow [m2/s] to the east and south of these rows."""
        east, south = self.momentum
        yield 0, self.shape[0], east, east, south, south

    def _stage(
        self, stage: int, source: list[np.ndarray], target: list[np.ndarray], before: list[np.ndarray], dt: float
    ) -> float:
        """Do one stage of a step (see :func:`_update`) in all blocks of rows; return the fastest wave."""
        groups: dict[int, np.ndarray] = {}
        total, wide = self._bed.shape
        here, after = (self._rest[0 if stage < 3 else 1], self._rest[0 if stage < 2 else 1])
        states = [*source, here, *target, after, *before, self._rest[0]]
        arrays = [self._bed, self._manning, *states, self.deepest, self.fastest, self.strongest]
        flat = [one.reshape(-1) for one in arrays]
        faces, cells = self.faces, self.cells

        def work(start: int, stop: int) -> float:
            account = np.zeros_like(self._out)
            groups[start] = account
            scratch, typed = np.zeros((_WAVE + 1) * wide, self._bed.dtype), np.zeros(16, self._bed.dtype)
            return float(
                _run(
                    start, stop, (total, self.shape[1], wide), stage, *flat, faces.table, faces.values, faces.first,
                    cells.first, cells.columns, cells.rates, dt, self.cell_size, scratch, typed, account,
                )
            )  # fmt: skip

        wave = max(in_blocks(work, self.shape[0]))
        for block in sorted(groups):
            self._out += groups[block]
        return wave

    def advance(self, depth: np.ndarray, start: float, stop: float) -> None:
        """Let the water flow from ``start`` to ``stop`` [s] and change ``depth`` [m] (rows, columns) in place."""
        take_over(depth, 0, self._now[0][self._inside], self._rest[0][self._inside])
        wave, time = self._stage(0, self._now, self._now, self._now, 0.0), start
        rise = float(self.cells.rates.max(initial=0.0))
        flux = np.abs(self.faces.values[self.faces.table[:, 3] == FLUX])
        rise = max(rise, float(flux.max(initial=0.0)) / self.cell_size)
        driven = (GRAVITY * float(flux.max(initial=0.0))) ** (1.0 / 3.0)
        level = self.faces.values[self.faces.table[:, 3] == LEVEL]
        if level.size:
            driven = max(driven, math.sqrt(GRAVITY * max(float(level.max() - self._bed[self._inside].min()), 0.0)))
        while time < stop:
            deep = 0.2 * float(wave * wave) / GRAVITY
            dt = min(self._longest, self._courant * self.cell_size / max(wave, 2.0 * driven, 1e-3))
            if rise > 0.0:
                dt = min(dt, max(0.02, deep) / rise)
            left = stop - time
            dt = left if dt >= left else min(dt, 0.5 * left) if 2.0 * dt > left else dt
            wave, dt = self._step(dt)
            time = stop if dt == left else time + dt
            self.steps += 1
            self.shortest = min(self.shortest, dt)
        depth[:] = self._now[0][self._inside]

    def _step(self, dt: float) -> tuple[float, float]:
        """Advance by ``dt`` [s] or less; return the fastest wave and the time advanced."""
        before = self._now
        if self._order == 1:
            wave = self._stage(1, before, self._next, before, dt)
            self._now, self._next = self._next, before
            return wave, dt
        self._third = self._third or [np.zeros_like(one) for one in before]
        account = self._out.copy()
        self._stage(2, before, self._next, before, dt)
        while dt * (wave := _fastest(*self._next)) > _FARTHEST * self.cell_size and dt > _SHORTEST:
            self._out[:] = account  # water that starts on a steep slope outruns the step that its depth allowed
            dt = max(0.25 * dt, 0.9 * _FARTHEST * self.cell_size / wave)
            self._stage(2, before, self._next, before, dt)
        wave = self._stage(3, self._next, self._third, before, dt)
        self._now, self._third = self._third, before
        return wave, dt

    def state(self) -> Mapping[str, np.ndarray]:
        """Return all that is needed to go on later, beside the depth."""
        east, south = self.momentum
        return {
            "east": east, "south": south, "deepest": self.deepest, "fastest": self.fastest,
            "strongest": self.strongest, "rest": self._rest[0].copy(), "outflow": self._out, "count": np.array([self.steps, self.shortest]),
        }  # fmt: skip

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self._now[1][self._inside], self._now[2][self._inside] = state["east"], state["south"]
        for name in ("deepest", "fastest", "strongest"):
            getattr(self, name)[:] = state[name]
        self._rest[0][:] = state["rest"]
        self._out[:] = state["outflow"]
        self.steps, self.shortest = int(state["count"][0]), float(state["count"][1])
