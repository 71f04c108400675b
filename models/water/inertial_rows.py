"""The loops of the local inertial solver, one row of cells each; :mod:`models.water.inertial` says what they solve.

All numbers come in the type of the arrays (float32 or float64), also the constants, so that nothing is widened.
Depth differences are taken as ``(z1 - z0) + (h1 - h0)``: the height of the terrain above datum costs no digits.
"""

from __future__ import annotations

import math
from typing import Any

from models.water.roots import inverse_cube_root, inverse_square_root
from models.water.row_kernels import cell_function, row_kernel

__all__ = ["add_water", "copy_row", "faces", "limit", "outflow_share"]


@cell_function
def face_flow(
    z0: Any, z1: Any, h0: Any, h1: Any, n0: Any, n1: Any, before: Any, q: Any, after: Any, side: Any, c: Any
) -> Any:  # fmt: skip
    """Return the flow [m2/s] through a face after one step.

    ``side`` is four times the flow along the face. Friction is taken at the new time: with |q'| of de Almeida & Bates 2013
    replaced by its tangent, rest + part |q'|, the new flow is the root of a quadratic. Taken with the old |q| alone, thin
    films on slopes swing between too much and too little flow and run off too fast.
    """
    zero, one, two, theta, spread, film, steep, g, quarter_gdt, gdt_dx, sixteenth, calm = c
    dz = z1 - z0
    level = dz + h1
    rise = level - h0
    deep = max(h0, level) - max(zero, dz)
    depth = max(deep, film)
    root = inverse_cube_root(depth)
    square = root * root
    size = abs(q)
    speed_squared = q * q + sixteenth * side * side + calm * calm
    inverse = inverse_square_root(speed_squared)
    part = (size + calm) * inverse
    rest = max(speed_squared * inverse - part * size, zero)
    rough = n0 + n1
    drag = quarter_gdt * rough * rough * (square * square) * (square * root)
    force = theta * q + spread * (before + after) - gdt_dx * depth * rise
    linear = one + drag * rest
    flow = two * force / (linear + math.sqrt(linear * linear + (two + two) * drag * part * abs(force)))
    most = depth * (g * depth) * inverse_square_root(g * depth)  # critical flow: no more passes a roof edge or a wall
    capped = min(max(flow, -most), most)
    flow = capped if abs(dz) > steep else flow
    return flow if deep > film else zero


@row_kernel
def faces(
    z: Any, z1: Any, h: Any, h1: Any, n: Any, n1: Any, before: Any, q: Any, after: Any, side0: Any, side1: Any,
    side2: Any, side3: Any, out: Any, c: Any,
) -> None:  # fmt: skip
    """Flow through the east or the south faces of a row, from the cells on both sides.

    Neighbours come as rows of their own, shifted by the caller: inside one row the compiler would carry numbers over
    from cell to cell and lose a third of the speed.
    """
    for j in range(out.size):
        side = side0[j] + side1[j] + side2[j] + side3[j]
        out[j] = face_flow(z[j], z1[j], h[j], h1[j], n[j], n1[j], before[j], q[j], after[j], side, c)


@row_kernel
def outflow_share(
    h: Any, west: Any, east: Any, north: Any, south: Any, out: Any, step: Any, zero: Any, one: Any, tiny: Any
) -> None:
    """Share of the flow out of each cell that its water allows; ``step`` = duration / cell size."""
    for j in range(out.size):
        leaving = max(east[j], zero) - min(west[j], zero) + max(south[j], zero) - min(north[j], zero)
        out[j] = min(one, h[j] / max(step * leaving, tiny))


@row_kernel
def limit(q: Any, share: Any, share_next: Any, zero: Any) -> None:
    """Scale flow through faces by the share of the cell it leaves."""
    for j in range(q.size):
        flow = q[j]
        q[j] = max(flow, zero) * share[j] + min(flow, zero) * share_next[j]


@row_kernel
def add_water(
    h: Any, west: Any, east: Any, north: Any, south: Any, deepest: Any, fastest: Any, strongest: Any, column_most: Any,
    step: Any, least: Any, zero: Any,
) -> None:  # fmt: skip
    """Change the depth of a row by its flows and keep the maxima of depth, speed squared and unit flow squared.

    ``+ zero`` keeps the compiler from storing a maximum only where it changed: such stores are slow.
    """
    for j in range(h.size):
        depth = max(h[j] - step * (east[j] - west[j] + south[j] - north[j]), zero)
        h[j] = depth
        deepest[j] = max(deepest[j], depth) + zero
        column_most[j] = max(column_most[j], depth) + zero
        flow = max(east[j] * east[j], west[j] * west[j]) + max(south[j] * south[j], north[j] * north[j])
        strongest[j] = max(strongest[j], flow) + zero
        thick = max(depth, least)
        fastest[j] = max(fastest[j], flow / (thick * thick)) + zero


@row_kernel
def copy_row(source: Any, target: Any) -> None:
    """Copy one row."""
    for j in range(target.size):
        target[j] = source[j]
