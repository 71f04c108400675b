"""The loops of the local inertial solver, one row of cells each; :mod:`models.water.inertial` says what they solve.

Arrays come flat, with the places at which a row of each begins: a slice of an array for each would cost as much time as
a short row. Neighbours have places of their own: if a loop knew them to be the next cell it would carry numbers over
from cell to cell and lose a third of the speed. No written row overlaps a row that is read through another argument.
All numbers come in the type of the arrays (float32 or float64), also the constants, so that nothing is widened.
Depth differences are taken as ``(z1 - z0) + (h1 - h0)``: the height of the terrain above datum costs no digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from models.water.roots import inverse_cube_root, inverse_square_root
from models.water.row_kernels import place, row_kernel

__all__ = ["add_water", "copy_row", "faces", "limit", "outflow_share"]


@row_kernel
def faces(
    z: Any, h: Any, n: Any, work: Any, next_row: Any, beside: Any, room: Any, out: Any, at: Any, count: int, c: Any
) -> None:  # fmt: skip
    """Flow [m2/s] through the east or the south faces of a row after one step, from the cells on both sides.

    ``at``: places of the cell and the one beyond in ``z`` (and ``n``) and in ``h``; of the flow before and here in
    ``work``, of the flow after in ``next_row``; of two flows along the face in ``work`` and two in ``beside``; of ``out``.
    ``room``: five rows to write to. Three short loops instead of one: a face is one long chain of numbers that wait for
    each other, and in a short loop the processor sees more faces ahead (a fifth faster).

    Friction is taken at the new time: with |q'| of de Almeida & Bates 2013 replaced by its tangent, rest + part |q'|, the
    new flow is the root of a quadratic. Taken with the old |q| alone, thin films on slopes swing between too much and too
    little flow and run off too fast.
    """
    zero, one, two, theta, spread, film, steep, g, quarter_gdt, gdt_dx, sixteenth, calm = c
    z0, z1, h0, h1, before, here, after, side0, side1, side2, side3, to = at
    drags, pushes, mosts, parts, rests = room
    endless = one / calm
    for j in range(count):
        dz = z[place(z1, j)] - z[place(z0, j)]
        level = dz + h[place(h1, j)]
        deep = max(h[place(h0, j)], level) - max(zero, dz)
        depth = max(deep, film)
        root = inverse_cube_root(depth)
        square = root * root
        rough = n[place(z0, j)] + n[place(z1, j)]
        drags[place(0, j)] = quarter_gdt * rough * rough * ((square * square) * (square * root))
        pushes[place(0, j)] = gdt_dx * depth * (level - h[place(h0, j)])
        most = math.sqrt(depth * depth * (g * depth))  # critical flow: no more passes a roof edge or a wall
        most = most if abs(dz) > steep else endless
        mosts[place(0, j)] = most if deep > film else zero
    for j in range(count):
        side = work[place(side0, j)] + work[place(side1, j)] + beside[place(side2, j)] + beside[place(side3, j)]
        size = abs(work[place(here, j)])
        across = sixteenth * side * side + calm * calm  # ``side`` is four times the flow along the face
        inverse = inverse_square_root(size * size + across)
        parts[place(0, j)] = (size + calm) * inverse
        rests[place(0, j)] = max((across - size * calm) * inverse, zero)
    for j in range(count):
        force = theta * work[place(here, j)] + spread * (work[place(before, j)] + next_row[place(after, j)])
        force -= pushes[place(0, j)]
        drag, most = drags[place(0, j)], mosts[place(0, j)]
        linear = one + drag * rests[place(0, j)]
        root = math.sqrt(linear * linear + (two + two) * drag * parts[place(0, j)] * abs(force))
        out[place(to, j)] = min(max(two * force / (linear + root), -most), most)


@row_kernel
def outflow_share(h: Any, qx: Any, qy: Any, out: Any, at: Any, count: int, step: Any, limits: Any) -> None:
    """Share of the flow out of each cell that its water allows; ``step`` = duration / cell size.

    ``at``: places of the cell, its west and its north face, and of ``out``.
    """
    zero, one, tiny, _ = limits
    cell, west, north, to = at
    for j in range(count):
        east, south = qx[place(cell, j)], qy[place(cell, j)]
        leaving = max(east, zero) - min(qx[place(west, j)], zero) + max(south, zero) - min(qy[place(north, j)], zero)
        out[place(to, j)] = min(one, h[place(cell, j)] / max(step * leaving, tiny))


@row_kernel
def limit(q: Any, share: Any, at: Any, count: int, zero: Any) -> None:
    """Scale flow through faces by the share of the cell it leaves; ``at``: places of the face and of both cells."""
    face, cell, beyond = at
    for j in range(count):
        flow = q[place(face, j)]
        q[place(face, j)] = max(flow, zero) * share[place(cell, j)] + min(flow, zero) * share[place(beyond, j)]


@row_kernel
def add_water(
    h: Any, rest: Any, qx: Any, qy: Any, deepest: Any, fastest: Any, strongest: Any, column_most: Any, at: Any,
    count: int, step: Any, limits: Any,
) -> None:  # fmt: skip
    """Change the depth of a row by its flows and keep the maxima of depth, speed squared and unit flow squared.

    What passes a face is rounded once, the same for both cells, and what a depth in float32 cannot hold of the sum stays in
    ``rest``: so no water is lost, and flows too small for a step's last digit are not either. ``at``: places of the cell,
    its west and its north face, in the maxima and ``rest``, and in ``column_most``. ``+ zero`` keeps the compiler from
    storing a maximum only where it changed: such stores are slow.
    """
    zero, _, _, least = limits
    cell, west, north, kept, top = at
    for j in range(count):
        e, w, s, n = qx[place(cell, j)], qx[place(west, j)], qy[place(cell, j)], qy[place(north, j)]
        leaving = (np.float64(e * step) - np.float64(w * step)) + (np.float64(s * step) - np.float64(n * step))
        held = np.float64(h[place(cell, j)]) + (np.float64(rest[place(kept, j)]) - leaving)
        held = max(held, np.float64(0.0))
        depth = h.dtype.type(held)
        h[place(cell, j)] = depth
        rest[place(kept, j)] = held - np.float64(depth)
        deepest[place(kept, j)] = max(deepest[place(kept, j)], depth) + zero
        column_most[place(top, j)] = max(column_most[place(top, j)], depth) + zero
        flow = max(e * e, w * w) + max(s * s, n * n)
        strongest[place(kept, j)] = max(strongest[place(kept, j)], flow) + zero
        thick = max(depth, least)
        fastest[place(kept, j)] = max(fastest[place(kept, j)], flow / (thick * thick)) + zero


@row_kernel
def copy_row(source: Any, target: Any, start: int, to: int, count: int) -> None:
    """Copy a row."""
    for j in range(count):
        target[place(to, j)] = source[place(start, j)]
