"""The loops of the local inertial solver, one row of cells each; :mod:`models.water.inertial` says what they solve.

All numbers come in the type of the arrays (float32 or float64), also the constants, so that nothing is widened.
Depth differences are taken as ``(z1 - z0) + (h1 - h0)``: the height of the terrain above datum costs no digits.
"""

from __future__ import annotations

import math
from typing import Any

from models.water.roots import inverse_cube_root
from models.water.row_kernels import cell_function, row_kernel

__all__ = ["add_water", "copy_row", "faces_across", "faces_along", "limit_across", "limit_along", "outflow_share"]


@cell_function
def face_flow(
    z0: Any, z1: Any, h0: Any, h1: Any, n0: Any, n1: Any, before: Any, q: Any, after: Any, side: Any, c: Any
) -> Any:  # fmt: skip
    """Return the flow [m2/s] through a face after one step: de Almeida et al. 2012, eq. 10; |q| as a vector.

    ``side`` is four times the flow along the face; ``c`` holds the constants of :func:`models.water.inertial.constants`.
    """
    zero, one, theta, rest, film, steep, g, quarter_gdt, gdt_dx, sixteenth = c
    dz = z1 - z0
    level = dz + h1
    rise = level - h0
    deep = max(h0, level) - max(zero, dz)
    depth = max(deep, film)
    root = inverse_cube_root(depth)
    square = root * root
    speed = math.sqrt(q * q + sixteenth * side * side)
    rough = n0 + n1
    drag = one + quarter_gdt * rough * rough * speed * (square * square) * (square * root)
    flow = (theta * q + rest * (before + after) - gdt_dx * depth * rise) / drag
    most = depth * math.sqrt(g * depth)  # critical flow: no more passes a roof edge or a wall
    capped = min(max(flow, -most), most)
    flow = capped if abs(dz) > steep else flow
    return flow if deep > film else zero


@row_kernel
def faces_along(z: Any, h: Any, n: Any, q: Any, north: Any, south: Any, out: Any, c: Any) -> None:
    """Flow through the east faces of a row; ``q`` starts one face west of ``out``."""
    for j in range(out.size):
        side = north[j] + north[j + 1] + south[j] + south[j + 1]
        out[j] = face_flow(z[j], z[j + 1], h[j], h[j + 1], n[j], n[j + 1], q[j], q[j + 1], q[j + 2], side, c)


@row_kernel
def faces_across(
    z: Any, z1: Any, h: Any, h1: Any, n: Any, n1: Any, before: Any, q: Any, after: Any, here: Any, below: Any,
    out: Any, c: Any,
) -> None:  # fmt: skip
    """Flow through the south faces of a row; ``here`` and ``below`` are east faces, from one column west."""
    for j in range(out.size):
        side = here[j] + here[j + 1] + below[j] + below[j + 1]
        out[j] = face_flow(z[j], z1[j], h[j], h1[j], n[j], n1[j], before[j], q[j], after[j], side, c)


@row_kernel
def outflow_share(
    h: Any, along: Any, north: Any, south: Any, out: Any, step: Any, zero: Any, one: Any, tiny: Any
) -> None:
    """Share of the flow out of each cell that its water allows; ``step`` = duration / cell size."""
    for j in range(out.size):
        leaving = max(along[j + 1], zero) - min(along[j], zero) + max(south[j], zero) - min(north[j], zero)
        out[j] = min(one, h[j] / max(step * leaving, tiny))


@row_kernel
def limit_along(q: Any, share: Any, zero: Any) -> None:
    """Scale flow through east faces by the share of the cell it leaves."""
    for j in range(q.size):
        flow = q[j]
        q[j] = max(flow, zero) * share[j] + min(flow, zero) * share[j + 1]


@row_kernel
def limit_across(q: Any, share: Any, share_below: Any, zero: Any) -> None:
    """Scale flow through south faces by the share of the cell it leaves."""
    for j in range(q.size):
        flow = q[j]
        q[j] = max(flow, zero) * share[j] + min(flow, zero) * share_below[j]


@row_kernel
def add_water(
    h: Any, along: Any, north: Any, south: Any, deepest: Any, fastest: Any, strongest: Any, column_most: Any,
    step: Any, least: Any, zero: Any,
) -> None:  # fmt: skip
    """Change the depth of a row by its flows and keep the maxima of depth, speed squared and unit flow squared."""
    for j in range(h.size):
        west, east = along[j], along[j + 1]
        depth = max(h[j] - step * (east - west + south[j] - north[j]), zero)
        h[j] = depth
        deepest[j] = max(deepest[j], depth)
        column_most[j] = max(column_most[j], depth)
        flow = max(east * east, west * west) + max(south[j] * south[j], north[j] * north[j])
        strongest[j] = max(strongest[j], flow)
        thick = max(depth, least)
        fastest[j] = max(fastest[j], flow / (thick * thick))


@row_kernel
def copy_row(source: Any, target: Any) -> None:
    """Copy one row."""
    for j in range(target.size):
        target[j] = source[j]
