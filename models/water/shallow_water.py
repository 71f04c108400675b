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
from models.water.shallow_rows import GRAVITY, change, face_flux, fluxes, fluxes_second, speeds

__all__ = ["ShallowWaterFlow"]

WALL = 1.0e4  # [m] bed of cells without water
_DRY = 1e-6  # [m] thinner water has no velocity
_LANES = 8


@njit(cache=True, nogil=True, error_model="numpy")
def _edge_flux(
    kind: int, value: float, sign: int, z: float, h: float, u: float, v: float, zi: float, hi: float, ui: float,
    vi: float, c: Any,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Flux through a special face; (z, h, u, v) lie in the left or upper cell, (zi, hi, ui, vi) in the other."""
    if sign == 0:  # a crest between two cells
        return face_flux(z, h, u, v, zi, hi, ui, vi, c[0] + max(value - max(z, zi), 0.0), c)
    bed, depth, speed, side = (z, h, u, v) if sign > 0 else (zi, hi, ui, vi)
    if kind == FLUX:
        if depth <= _DRY and value == 0.0:
            return c[0], c[0], c[0], c[0]
        thick = max(depth, (value * value / GRAVITY) ** (1.0 / 3.0))
        push = value * value / thick + 0.5 * GRAVITY * depth * depth
        return c[0] + value, c[0] + push, c[0] + push, c[0]
    beyond = depth
    if kind == LEVEL:
        beyond = max(value - bed, 0.0)
    if sign > 0:
        if kind == OPEN:
            speed = max(speed, c[0])
        return face_flux(bed, depth, speed, side, bed, beyond, speed, side, c[0], c)
    if kind == OPEN:
        speed = min(speed, c[0])
    return face_flux(bed, beyond, speed, side, bed, depth, speed, side, c[0], c)


@njit(cache=True, nogil=True, error_model="numpy")
def _specials(
    row: int, axis: int, z: Any, h: Any, u: Any, v: Any, u1: Any, v1: Any, out: Any, special: Any, values: Any,
    first: Any, c: Any, scale: float, counted: bool, account: Any,
) -> None:  # fmt: skip
    """Put the fluxes of the special faces of one row and one axis, and count what leaves [m3]."""
    for k in range(first[row], first[row + 1]):
        if special[k, 0] != axis:
            continue
        j = special[k, 2] + RING - 1
        if axis == 0:
            m, a, b, s = _edge_flux(
                special[k, 3], values[k], special[k, 4], z[row, j], h[row, j], u[j], v[j], z[row, j + 1], h[row, j + 1],
                u[j + 1], v[j + 1], c,
            )  # fmt: skip
        else:
            m, a, b, s = _edge_flux(
                special[k, 3], values[k], special[k, 4], z[row, j], h[row, j], v[j], u[j], z[row + 1, j], h[row + 1, j],
                v1[j], u1[j], c,
            )  # fmt: skip
        out[0, j], out[1, j], out[2, j], out[3, j] = m, a, b, s
        if counted and special[k, 5] >= 0:
            account[special[k, 5]] += special[k, 4] * m * scale


@njit(cache=True, nogil=True, error_model="numpy")
def _update_rows(
    start: int, stop: int, z: Any, n: Any, h: Any, hu: Any, hv: Any, h2: Any, hu2: Any, hv2: Any, dt: float, dx: float,
    order: int, special: Any, values: Any, first: Any, account: Any, weight: float,
) -> float:  # fmt: skip
    """One stage of a step over rows ``start`` to ``stop`` of the grid; return the fastest wave afterwards [m/s]."""
    width = h.shape[1]
    t = np.zeros(12, h.dtype)
    t[1], t[2], t[3], t[4], t[5], t[6] = 1e-30, 0.5, 0.25, 0.5 * GRAVITY, GRAVITY, 1000.0
    t[7], t[8], t[9], t[10], t[11] = dt / dx, 4.0 * dt * GRAVITY, _DRY, 1.0, 2.0
    c = (t[0], t[1], t[2], t[3], t[4], t[5], t[6])
    speed = np.zeros((5, 2, width), h.dtype)  # u and v of rows r-1 .. r+3, in turn
    fx, fy, fn = np.zeros((4, width), h.dtype), np.zeros((4, width), h.dtype), np.zeros((4, width), h.dtype)
    fastest = np.zeros(width, h.dtype)
    a, b = RING, width - RING
    low = start + RING - 1
    total = z.shape[0]
    for row in range(max(low - 1, 0), min(low + 3, total)):
        speeds(h[row], hu[row], hv[row], speed[row % 5, 0], speed[row % 5, 1], t[9], t[0])
    for row in range(low, stop + RING):
        ahead = row + 2
        if ahead > low + 2 and ahead < total:
            speeds(h[ahead], hu[ahead], hv[ahead], speed[ahead % 5, 0], speed[ahead % 5, 1], t[9], t[0])
        u, v = speed[row % 5]
        u1, v1 = speed[(row + 1) % 5]
        if order == 1:
            fluxes(
                z[row, a:b], h[row, a:b], v[a:b], u[a:b], z[row + 1, a:b], h[row + 1, a:b], v1[a:b], u1[a:b],
                fy[0, a:b], fy[1, a:b], fy[2, a:b], fy[3, a:b], c,
            )  # fmt: skip
        else:
            p, q = row - 1, row + 2
            u0, v0 = speed[p % 5]
            u2, v2 = speed[q % 5]
            fluxes_second(
                z[p, a:b], h[p, a:b], v0[a:b], u0[a:b], z[row, a:b], h[row, a:b], v[a:b], u[a:b], z[row + 1, a:b],
                h[row + 1, a:b], v1[a:b], u1[a:b], z[q, a:b], h[q, a:b], v2[a:b], u2[a:b], fy[0, a:b], fy[1, a:b],
                fy[2, a:b], fy[3, a:b], c,
            )  # fmt: skip
        own = row >= start + RING
        if first[row + 1] > first[row]:
            counted = own or (start == 0 and row == RING - 1)
            _specials(
                row, 1, z, h, u, v, u1, v1, fy, special, values, first, c, dt * dx * weight, counted, account
            )  # fmt: skip
        if own:
            e = a - 1
            if order == 1:
                fluxes(
                    z[row, e:b], h[row, e:b], u[e:b], v[e:b], z[row, a : b + 1], h[row, a : b + 1], u[a : b + 1],
                    v[a : b + 1], fx[0, e:b], fx[1, e:b], fx[2, e:b], fx[3, e:b], c,
                )  # fmt: skip
            else:
                i, f, g = e - 1, b + 1, b + 2
                fluxes_second(
                    z[row, i : b - 1], h[row, i : b - 1], u[i : b - 1], v[i : b - 1], z[row, e:b], h[row, e:b], u[e:b],
                    v[e:b], z[row, a:f], h[row, a:f], u[a:f], v[a:f], z[row, a + 1 : g], h[row, a + 1 : g], u[a + 1 : g],
                    v[a + 1 : g], fx[0, e:b], fx[1, e:b], fx[2, e:b], fx[3, e:b], c,
                )  # fmt: skip
            if first[row + 1] > first[row]:
                _specials(
                    row, 0, z, h, u, v, u1, v1, fx, special, values, first, c, dt * dx * weight, True, account
                )  # fmt: skip
            w = b - 1
            change(
                h[row, a:b], hu[row, a:b], hv[row, a:b], n[row, a:b], fx[0, e:w], fx[2, e:w], fx[3, e:w], fx[0, a:b],
                fx[1, a:b], fx[3, a:b], fn[0, a:b], fn[2, a:b], fn[3, a:b], fy[0, a:b], fy[1, a:b], fy[3, a:b],
                h2[row, a:b], hu2[row, a:b], hv2[row, a:b], fastest[a:b], t[7], t[8], t[9], t[0], t[10], t[11], t[5],
            )  # fmt: skip
        fn, fy = fy, fn
    return float(fastest.max())


_update: Any = _update_rows  # the type checker cannot see through the list of arrays below


@njit(cache=True, nogil=True, error_model="numpy")
def _finish(
    start: int, stop: int, h: Any, hu: Any, hv: Any, h0: Any, hu0: Any, hv0: Any, half: bool, first: Any, columns: Any,
    rates: Any, dt: float, deepest: Any, fastest: Any, strongest: Any,
) -> float:  # fmt: skip
    """Take the mean with the state before (second order), let water in, keep the maxima; return the fastest wave."""
    wave = 0.0
    for i in range(start, stop):
        row = i + RING
        for k in range(first[i], first[i + 1]):
            h[row, columns[k] + RING] += rates[k] * dt * (2.0 if half else 1.0)
        for j in range(deepest.shape[1]):
            q = j + RING
            if half:
                h[row, q] = (h[row, q] + h0[row, q]) * 0.5
                hu[row, q] = (hu[row, q] + hu0[row, q]) * 0.5
                hv[row, q] = (hv[row, q] + hv0[row, q]) * 0.5
            depth = h[row, q]
            flow = hu[row, q] * hu[row, q] + hv[row, q] * hv[row, q]
            thick = max(depth, 0.01)
            if depth > deepest[i, j]:
                deepest[i, j] = depth
            if flow > strongest[i, j]:
                strongest[i, j] = flow
            if flow > fastest[i, j] * thick * thick:
                fastest[i, j] = flow / (thick * thick)
            if depth > _DRY:
                wave = max(wave, max(abs(hu[row, q]), abs(hv[row, q])) / depth + math.sqrt(GRAVITY * depth))
    return wave


class ShallowWaterFlow:
    """Water on the ground that flows by the full shallow water equations; parameters as of ``InertialFlow``.

    Parameters
    ----------
    bed, manning, cell_size, faces, cells, groups, dtype, longest_step
        As of :class:`models.water.inertial.InertialFlow`.
    order : {1, 2}
        In space and time.
    courant : float
        Share of a cell that the fastest wave may cross in a step.
    """

    def __init__(
        self, bed: np.ndarray, manning: np.ndarray, cell_size: float, faces: Faces, cells: Cells, *, groups: int = 0,
        dtype: str = "float32", order: int = 1, courant: float = 0.45, longest_step: float = 5.0,
    ) -> None:  # fmt: skip
        rows, columns = bed.shape
        wide = -(-columns // _LANES) * _LANES
        self.shape, self.cell_size, self.faces, self.cells = bed.shape, cell_size, faces, cells
        self._order, self._courant, self._longest = order, courant, longest_step
        size, self._inside = (rows + 2 * RING, wide + 2 * RING), (slice(RING, rows + RING), slice(RING, columns + RING))
        self._bed = np.full(size, WALL, dtype)
        self._bed[self._inside] = np.where(np.isnan(bed), WALL, bed)
        self._manning = np.full(size, 0.03, dtype)
        self._manning[self._inside] = np.where(np.isnan(bed), 0.03, manning)
        self._third: list[np.ndarray] = []
        self._now = [np.zeros(size, dtype) for _ in range(3)]
        self._next = [np.zeros(size, dtype) for _ in range(3)]
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

    def parts(self) -> Iterator[tuple[int, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield first row, end, and the unit flow [m2/s] to the east and south of these rows."""
        east, south = self.momentum
        yield 0, self.shape[0], east, east, south, south

    def _stage(self, source: list[np.ndarray], target: list[np.ndarray], dt: float, weight: float) -> float:
        groups: dict[int, np.ndarray] = {}

        def work(start: int, stop: int) -> float:
            account = np.zeros_like(self._out)
            groups[start] = account
            return float(
                _update(
                    start, stop, self._bed, self._manning, *source, *target, dt, self.cell_size, self._order,
                    self.faces.table, self.faces.values, self.faces.first, account, weight,
                )
            )  # fmt: skip

        wave = max(in_blocks(work, self.shape[0]))
        for block in sorted(groups):
            self._out += groups[block]
        for one in target:  # what left over the eastern edge does not come back round a building
            one[:, self.shape[1] + RING :] = 0.0
        return wave

    def _settle(self, before: list[np.ndarray], dt: float) -> float:
        cells, half = self.cells, self._order == 2
        return max(
            in_blocks(
                _finish, self.shape[0], *self._now, *before, half, cells.first, cells.columns, cells.rates, dt,
                self.deepest, self.fastest, self.strongest,
            )
        )  # fmt: skip

    def advance(self, depth: np.ndarray, start: float, stop: float) -> None:
        """Let the water flow from ``start`` to ``stop`` [s] and change ``depth`` [m] (rows, columns) in place."""
        self._now[0][self._inside] = depth
        wave, time = self._settle(self._now, 0.0), start
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
            wave = self._step(dt)
            time = stop if dt == left else time + dt
            self.steps += 1
            self.shortest = min(self.shortest, dt)
        depth[:] = self._now[0][self._inside]

    def _step(self, dt: float) -> float:
        """Advance by ``dt`` [s]; return the fastest wave."""
        before = self._now
        if self._order == 1:
            self._stage(before, self._next, dt, 1.0)
            self._now, self._next = self._next, before
            return self._settle(before, dt)
        third = self._third or [np.empty_like(one) for one in before]
        self._third = third
        for one in third:
            one[:] = 0.0
        self._stage(before, self._next, dt, 0.5)
        self._stage(self._next, third, dt, 0.5)
        self._now, self._third = third, self._now
        return self._settle(self._third, dt)

    def state(self) -> Mapping[str, np.ndarray]:
        """Return all that is needed to go on later, beside the depth."""
        east, south = self.momentum
        return {
            "east": east, "south": south, "deepest": self.deepest, "fastest": self.fastest,
            "strongest": self.strongest, "outflow": self._out, "count": np.array([self.steps, self.shortest]),
        }  # fmt: skip

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        self._now[1][self._inside], self._now[2][self._inside] = state["east"], state["south"]
        for name in ("deepest", "fastest", "strongest"):
            getattr(self, name)[:] = state[name]
        self._out[:] = state["outflow"]
        self.steps, self.shortest = int(state["count"][0]), float(state["count"][1])
