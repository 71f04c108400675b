"""The loops of the shallow water solver, one row of cells each; :mod:`models.water.shallow_water` says what they solve."""

from __future__ import annotations

import math
from typing import Any

from models.water.roots import inverse_cube_root
from models.water.row_kernels import cell_function, row_kernel

__all__ = ["GRAVITY", "change", "face_flux", "fluxes", "fluxes_second", "speeds"]

GRAVITY = 9.81
_CLIFF = 1000.0  # [m] a step of the bed this high is the wall of a cell without water


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
def speeds(h: Any, hu: Any, hv: Any, u: Any, v: Any, dry: Any, zero: Any) -> None:
    """Velocity of a row; none where it is dry."""
    for j in range(h.size):
        wet = h[j] > dry
        depth = max(h[j], dry)
        u[j] = hu[j] / depth if wet else zero
        v[j] = hv[j] / depth if wet else zero


@row_kernel
def fluxes(
    zl: Any, hl: Any, ul: Any, vl: Any, zr: Any, hr: Any, ur: Any, vr: Any, mass: Any, left: Any, right: Any,
    side: Any, c: Any,
) -> None:  # fmt: skip
    """Flux through the faces between two shifted rows, first order."""
    zero = c[0]
    for j in range(mass.size):
        mass[j], left[j], right[j], side[j] = face_flux(
            zl[j], hl[j], ul[j], vl[j], zr[j], hr[j], ur[j], vr[j], zero, c
        )  # fmt: skip


@cell_function
def _slope(before: Any, here: Any, after: Any, zero: Any) -> Any:
    a, b = here - before, after - here
    return max(zero, min(a, b)) + min(zero, max(a, b))


@row_kernel
def fluxes_second(
    z0: Any, h0: Any, u0: Any, v0: Any, z1: Any, h1: Any, u1: Any, v1: Any, z2: Any, h2: Any, u2: Any, v2: Any,
    z3: Any, h3: Any, u3: Any, v3: Any, mass: Any, left: Any, right: Any, side: Any, c: Any,
) -> None:  # fmt: skip
    """Flux through the faces between rows 1 and 2 from limited slopes of level, depth and velocity, second order.

    The momentum of the bed slope inside the cells (Audusse et al. 2004, eq. 4.5) is taken at the faces in halves.
    """
    zero, _, half, _, _, g, cliff = c
    for j in range(mass.size):
        # no slopes beside walls and dry cells
        smooth = (
            (abs(z1[j] - z0[j]) < cliff) & (abs(z2[j] - z1[j]) < cliff) & (abs(z3[j] - z2[j]) < cliff)
            & (min(min(h0[j], h1[j]), min(h2[j], h3[j])) > zero)
        )  # fmt: skip
        k = half if smooth else zero
        dh1, dh2 = k * _slope(h0[j], h1[j], h2[j], zero), k * _slope(h1[j], h2[j], h3[j], zero)
        dw1 = k * _slope(z0[j] - z1[j] + h0[j], h1[j], z2[j] - z1[j] + h2[j], zero)
        dw2 = k * _slope(z1[j] - z2[j] + h1[j], h2[j], z3[j] - z2[j] + h3[j], zero)
        du1, du2 = k * _slope(u0[j], u1[j], u2[j], zero), k * _slope(u1[j], u2[j], u3[j], zero)
        dv1, dv2 = k * _slope(v0[j], v1[j], v2[j], zero), k * _slope(v1[j], v2[j], v3[j], zero)
        dz1, dz2 = dw1 - dh1, dw2 - dh2
        hl, hr = h1[j] + dh1, h2[j] - dh2
        m, a, b, s = face_flux(
            z1[j] + dz1, hl, u1[j] + du1, v1[j] + dv1, z2[j] - dz2, hr, u2[j] - du2, v2[j] - dv2, zero, c
        )
        mass[j], side[j] = m, s
        # half a cell of bed slope on either side, with the mean of the depths at the face and in the cell
        left[j] = a + g * half * (hl + h1[j]) * dz1
        right[j] = b - g * half * (hr + h2[j]) * dz2


@row_kernel
def change(
    h: Any, hu: Any, hv: Any, n: Any, xm0: Any, xr0: Any, xs0: Any, xm1: Any, xl1: Any, xs1: Any, ym0: Any, yr0: Any,
    ys0: Any, ym1: Any, yl1: Any, ys1: Any, h_new: Any, hu_new: Any, hv_new: Any, fastest: Any, step: Any, drag: Any,
    dry: Any, zero: Any, one: Any, two: Any, g: Any,
) -> None:  # fmt: skip
    """Put the new depth and momentum of a row from the fluxes its west (x0), east (x1), north (y0) and south (y1) faces.

    Manning friction is taken at the new time, q' (1 + k |q'|) = q, which is a quadratic; ``drag`` = 4 x duration x gravity.
    """
    for j in range(h.size):
        depth = max(h[j] - step * (xm1[j] - xm0[j] + ym1[j] - ym0[j]), zero)
        along = hu[j] - step * (xl1[j] - xr0[j] + ys1[j] - ys0[j])
        across = hv[j] - step * (xs1[j] - xs0[j] + yl1[j] - yr0[j])
        thick = max(depth, dry)
        root = inverse_cube_root(thick)
        cube = root * root * root
        size = math.sqrt(along * along + across * across)
        friction = drag * n[j] * n[j] * cube * cube * root * size  # drag = 4 g dt
        keep = two / (one + math.sqrt(one + friction))
        keep = keep if depth > dry else zero
        h_new[j] = depth
        hu_new[j], hv_new[j] = along * keep, across * keep
        fastest[j] = max(fastest[j], (max(abs(along), abs(across)) * keep) * cube + math.sqrt(g * depth)) + zero
