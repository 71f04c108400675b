"""The loops of the shallow water solver, one row of cells each; :mod:`models.water.shallow_water` says what they solve.

Arrays come flat, with the places at which a row of each begins, as in :mod:`models.water.inertial_rows`; no written row
overlaps a row that is read through another argument. Fluxes lie in four rows: mass, momentum for the cell before and the
cell beyond the face, and momentum along it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from models.water.roots import inverse_cube_root
from models.water.row_kernels import cell_function, place, row_kernel

__all__ = ["GRAVITY", "change", "face_flux", "fluxes", "fluxes_second", "keep", "mean", "speeds"]

GRAVITY = 9.81
_FILM = np.float32(1e-6)  # of a cliff: 1 mm


@cell_function
def face_flux(zl: Any, hl: Any, ul: Any, vl: Any, zr: Any, hr: Any, ur: Any, vr: Any, sill: Any, c: Any) -> Any:
    """Return mass flux, momentum flux for the left and the right cell, and transverse momentum flux of a face.

    HLLC with hydrostatic reconstruction: lakes stay at rest over any bed. The bed at the face is that of Chen & Noelle
    2017 (eq. 2.12), not the higher one of Audusse et al. 2004, under which a film on a slope feels only its own depth.
    ``sill`` is the height of a crest over the higher bed, 0 for none.
    """
    zero, tiny, half, quarter, half_g, g, cliff = c
    rise = zr - zl
    # a wall mirrors the cell before it
    wall_right, wall_left = rise > cliff, rise < -cliff
    hr, ur, vr = (hl if wall_right else hr), (-ul if wall_right else ur), (vl if wall_right else vr)
    hl, ul, vl = (hr if wall_left else hl), (-ur if wall_left else ul), (vr if wall_left else vl)
    rise = zero if wall_right or wall_left else rise
    crest = max(rise, zero) + sill  # heights over the left bed
    face = min(crest, min(hl, rise + hr)) if sill == zero else crest
    h0 = max(min(hl - face, hl), zero)
    h1 = max(min(rise + hr - face, hr), zero)
    lift0 = g * half * (hl + h0) * (face if sill == zero else hl - h0)
    lift1 = g * half * (hr + h1) * (face - rise if sill == zero else hr - h1)
    c0, c1 = math.sqrt(g * h0), math.sqrt(g * h1)
    middle, fast = half * (ul + ur) + c0 - c1, half * (c0 + c1) + quarter * (ul - ur)
    low = min(min(ul - c0, middle - fast), zero)
    high = max(max(ur + c1, middle + fast), zero)
    q0, q1 = h0 * ul, h1 * ur
    scale = high - low
    scale = scale if scale > tiny else tiny
    mass = (high * q0 - low * q1 + low * high * (h1 - h0)) / scale
    p0, p1 = q0 * ul + half_g * h0 * h0, q1 * ur + half_g * h1 * h1
    push = (high * p0 - low * p1 + low * high * (q1 - q0)) / scale
    side = mass * (vl if mass > zero else vr)
    return mass, push + lift0, push + lift1, side


@row_kernel
def speeds(h: Any, hu: Any, hv: Any, out: Any, across: Any, cell: int, to: int, count: int, limits: Any) -> None:
    """Velocity of a row, none where it is dry; ``out`` and ``across`` are the same array."""
    zero, _, _, dry, _, _, _ = limits
    for j in range(count):
        depth = h[place(cell, j)]
        wet = depth > dry
        depth = max(depth, dry)
        out[place(to, j)] = hu[place(cell, j)] / depth if wet else zero
        across[place(to + count, j)] = hv[place(cell, j)] / depth if wet else zero


@row_kernel
def fluxes(
    z: Any, h: Any, speed: Any, mass: Any, left: Any, right: Any, side: Any, at: Any, count: int, wide: int, c: Any
) -> None:  # fmt: skip
    """Flux through the faces between two rows (or a row and itself one cell on), first order.

    ``at``: places of the cells before and beyond, of their velocities through and along the face, of the fluxes.
    """
    zero = c[0]
    before, beyond, ul, vl, ur, vr, to = at
    to_left, to_right, to_side = to + wide, to + 2 * wide, to + 3 * wide
    for j in range(count):
        m, p, q, t = face_flux(
            z[place(before, j)], h[place(before, j)], speed[place(ul, j)], speed[place(vl, j)], z[place(beyond, j)], h[place(beyond, j)],
            speed[place(ur, j)], speed[place(vr, j)], zero, c,
        )  # fmt: skip
        mass[place(to, j)], left[place(to_left, j)] = m, p
        right[place(to_right, j)], side[place(to_side, j)] = q, t


@cell_function
def _slope(before: Any, here: Any, after: Any, zero: Any) -> Any:
    a, b = here - before, after - here
    return max(zero, min(a, b)) + min(zero, max(a, b))


@row_kernel
def fluxes_second(
    z: Any, h: Any, speed: Any, mass: Any, left: Any, right: Any, side: Any, at: Any, count: int, wide: int, c: Any
) -> None:  # fmt: skip
    """Flux through the faces between rows 1 and 2 from limited slopes of level, depth and velocity, second order.

    The momentum of the bed slope inside the cells (Audusse et al. 2004, eq. 4.5) is taken at the faces in halves.
    ``at``: places of four cells across the face, of their velocities through and along it, of the fluxes.
    """
    zero, _, half, _, _, g, cliff = c
    p0, p1, p2, p3, u0, u1, u2, u3, v0, v1, v2, v3, to = at
    to_left, to_right, to_side = to + wide, to + 2 * wide, to + 3 * wide
    for j in range(count):
        z0, z1, z2, z3 = z[place(p0, j)], z[place(p1, j)], z[place(p2, j)], z[place(p3, j)]
        h0, h1, h2, h3 = h[place(p0, j)], h[place(p1, j)], h[place(p2, j)], h[place(p3, j)]
        s1, s2, t1, t2 = speed[place(u1, j)], speed[place(u2, j)], speed[place(v1, j)], speed[place(v2, j)]
        # no slopes beside walls and films: beside fast water a film would let out more than it holds
        smooth = (
            (abs(z1 - z0) < cliff) & (abs(z2 - z1) < cliff) & (abs(z3 - z2) < cliff)
            & (min(min(h0, h1), min(h2, h3)) > cliff * _FILM)
        )  # fmt: skip
        k = half if smooth else zero
        dh1, dh2 = k * _slope(h0, h1, h2, zero), k * _slope(h1, h2, h3, zero)
        dw1, dw2 = k * _slope(z0 - z1 + h0, h1, z2 - z1 + h2, zero), k * _slope(z1 - z2 + h1, h2, z3 - z2 + h3, zero)
        du1, du2 = k * _slope(speed[place(u0, j)], s1, s2, zero), k * _slope(s1, s2, speed[place(u3, j)], zero)
        dv1, dv2 = k * _slope(speed[place(v0, j)], t1, t2, zero), k * _slope(t1, t2, speed[place(v3, j)], zero)
        dz1, dz2 = dw1 - dh1, dw2 - dh2
        hl, hr = h1 + dh1, h2 - dh2
        m, a, b, s = face_flux(z1 + dz1, hl, s1 + du1, t1 + dv1, z2 - dz2, hr, s2 - du2, t2 - dv2, zero, c)
        mass[place(to, j)], side[place(to_side, j)] = m, s
        # half a cell of bed slope on either side, with the mean of the depths at the face and in the cell
        left[place(to_left, j)] = a + g * half * (hl + h1) * dz1
        right[place(to_right, j)] = b - g * half * (hr + h2) * dz2


@row_kernel
def change(
    h: Any, hu: Any, hv: Any, n: Any, rest: Any, flux: Any, h_new: Any, hu_new: Any, hv_new: Any, rest_new: Any,
    at: Any, count: int, wide: int, limits: Any, step: Any, drag: Any,
) -> None:  # fmt: skip
    """Put the new depth and momentum of a row from the fluxes through its faces.

    What passes a face is rounded once, the same for both cells; ``rest`` is what the digits of a depth do not hold (it may
    be ``rest_new``). ``at``: places of the cell and of the fluxes through its east, north and south face. Manning friction is taken at the
    new time, q' (1 + k |q'|) = q, which is a quadratic; ``drag`` = 4 x duration x gravity.
    """
    zero, one, two, dry, _, _, _ = limits
    cell, east, north, south = at
    east_left, east_side, south_left, south_side = east + wide, east + 3 * wide, south + wide, south + 3 * wide
    west, west_right, west_side = east - 1, east + 2 * wide - 1, east + 3 * wide - 1
    north_right, north_side = north + 2 * wide, north + 3 * wide
    for j in range(count):
        out = np.float64(flux[place(east, j)] * step) - np.float64(flux[place(west, j)] * step)
        out += np.float64(flux[place(south, j)] * step) - np.float64(flux[place(north, j)] * step)
        push = flux[place(east_left, j)] - flux[place(west_right, j)]
        push += flux[place(south_side, j)] - flux[place(north_side, j)]
        pull = flux[place(east_side, j)] - flux[place(west_side, j)]
        pull += flux[place(south_left, j)] - flux[place(north_right, j)]
        held = max(np.float64(h[place(cell, j)]) + (np.float64(rest[place(cell, j)]) - out), np.float64(0.0))
        depth = h.dtype.type(held)
        along, across = hu[place(cell, j)] - step * push, hv[place(cell, j)] - step * pull
        root = inverse_cube_root(max(depth, dry))
        square, rough = root * root, n[place(cell, j)]
        size = math.sqrt(along * along + across * across)
        friction = drag * rough * rough * (square * square) * (square * root) * size
        slowed = two / (one + math.sqrt(one + friction))
        slowed = slowed if depth > dry else zero
        h_new[place(cell, j)] = depth
        rest_new[place(cell, j)] = held - np.float64(depth)
        hu_new[place(cell, j)], hv_new[place(cell, j)] = along * slowed, across * slowed


@row_kernel
def mean(
    h: Any, hu: Any, hv: Any, rest: Any, h0: Any, hu0: Any, hv0: Any, rest0: Any, cell: int, count: int, half: Any
) -> None:  # fmt: skip
    """Take the mean of a row with the state before the step (Heun); ``rest0`` becomes that of the mean."""
    for j in range(count):
        held = np.float64(h[place(cell, j)]) + np.float64(h0[place(cell, j)])
        held = 0.5 * (held + (np.float64(rest[place(cell, j)]) + np.float64(rest0[place(cell, j)])))
        depth = h.dtype.type(held)
        h[place(cell, j)] = depth
        rest0[place(cell, j)] = held - np.float64(depth)
        hu[place(cell, j)] = (hu[place(cell, j)] + hu0[place(cell, j)]) * half
        hv[place(cell, j)] = (hv[place(cell, j)] + hv0[place(cell, j)]) * half


@row_kernel
def keep(
    h: Any, hu: Any, hv: Any, deepest: Any, fastest: Any, strongest: Any, wave: Any, at: Any, count: int, limits: Any
) -> None:  # fmt: skip
    """Keep the maxima of depth, speed squared, unit flow squared, and the fastest wave in each column.

    ``at``: places of the cell, in the maxima, in ``wave``. ``+ zero`` keeps the compiler from storing only what changed.
    """
    zero, _, _, dry, least, g, _ = limits
    cell, kept, top = at
    for j in range(count):
        depth, along, across = h[place(cell, j)], hu[place(cell, j)], hv[place(cell, j)]
        flow = along * along + across * across
        thick, film = max(depth, least), max(depth, dry)
        deepest[place(kept, j)] = max(deepest[place(kept, j)], depth) + zero
        strongest[place(kept, j)] = max(strongest[place(kept, j)], flow) + zero
        fastest[place(kept, j)] = max(fastest[place(kept, j)], flow / (thick * thick)) + zero
        speed = max(abs(along), abs(across)) / film + math.sqrt(g * film)
        wave[place(top, j)] = max(wave[place(top, j)], speed if depth > dry else zero) + zero
