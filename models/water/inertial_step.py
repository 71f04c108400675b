"""Steps of the local inertial solver over one block of rows; :mod:`models.water.inertial` says what is solved.

A block owns rows of the grid and holds three more on either side. Row by row it takes new flows, limits them by the
water there is, and changes the depth of the row above, all while these rows are still in the cache: each number goes
to memory and back once a step. Flows of the outer rows are worked out twice, by both neighbours, from the same numbers
with the same arithmetic, so that the result does not depend on the number of blocks, and one meeting a step is enough.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from models.barrier import wait
from models.water.edges import FLUX, LEVEL, OPEN, RING
from models.water.inertial_rows import add_water, copy_row, faces, limit, outflow_share
from models.water.row_kernels import row_loop

__all__ = ["GRAVITY", "HALO", "TILE_COLUMNS", "TILE_ROWS", "run_block", "take_over", "wet_tiles"]

HALO = RING  # rows held beyond each side of a block
TILE_ROWS, TILE_COLUMNS = 32, 64
GRAVITY = 9.81
SPARED = 1.0 + 1e-6  # a cell gives up to this much less than all its water: rounding must not take more than it holds


@njit(cache=True, nogil=True, error_model="numpy")
def special_flow(
    kind: int, value: float, sign: int, z0: float, h0: float, n0: float, z1: float, h1: float, n1: float, q: float,
    inner: float, zi: float, hi: float, film: float, theta: float, dt: float, dx: float,
) -> float:  # fmt: skip
    """Return the flow through a face that is not like the others: a crest, or an edge of the grid.

    For edges cell 0 is the one inside, (zi, hi) the one further in, ``inner`` the flow of the face opposite.
    """
    if kind == FLUX:
        return value
    if kind == OPEN:
        if h0 <= film:
            return 0.0
        slope = max((zi + hi - z0 - h0) / dx, 1e-3)
        return sign * min(h0 ** (5.0 / 3.0) * math.sqrt(slope) / n0, h0 * math.sqrt(GRAVITY * h0))
    if kind == LEVEL:
        z1, n1 = z0, n0
        h1 = max(value - z0, 0.0)
        bed = z0
        rise = (h1 - h0) * sign
        old = theta * q + (1.0 - theta) * 0.5 * (q + inner)
    else:
        bed = max(max(z0, z1), value)
        rise = (z1 - z0) + (h1 - h0)
        old = q
    deep = max(z0 + h0, z1 + h1) - bed
    if deep <= film:
        return 0.0
    rough = 0.5 * (n0 + n1)
    drag = GRAVITY * dt * rough * rough / deep ** (7.0 / 3.0)
    force = old - GRAVITY * dt / dx * deep * rise
    flow = 2.0 * force / (1.0 + math.sqrt(1.0 + 4.0 * drag * abs(force)))
    most = deep * math.sqrt(GRAVITY * deep)
    return min(max(flow, -most), most)


@row_loop
def special_faces(
    r: int, row: int, wide: int, z: Any, n: Any, h: Any, qx: Any, qy: Any, work: Any, old: Any, special: Any,
    values: Any, first: Any, film: float, theta: float, dt: float, dx: float,
) -> None:  # fmt: skip
    """Put the flows of the special faces of one row (``row`` of the grid with its ring, ``r`` of the block).

    ``old``: places in ``work`` of the flows before the step along and across the row.
    """
    along, across = old
    for k in range(first[row], first[row + 1]):
        axis, j, kind, sign = special[k, 0], special[k, 2], special[k, 3], special[k, 4]
        beyond = wide if axis == 1 else 1
        # the cell inside: the face's own for sign +1, the one behind it for -1; a crest takes both as they are
        face = r * wide + j
        cell, other = (face, face + beyond) if sign >= 0 else (face + beyond, face)
        step = 1 if sign >= 0 else -1
        further = cell - step * beyond
        if axis == 0:
            q, inner = work[along + j], work[along + max(j - step, 0)]
        else:
            q = work[across + j]
            inner = qy[face + wide] if step < 0 else q
        ring = (row - r) * wide
        flow = special_flow(
            kind, values[k], sign, z[cell + ring], h[cell], n[cell + ring], z[other + ring], h[other], n[other + ring],
            q, inner, z[further + ring], h[further], film, theta, dt, dx,
        )  # fmt: skip
        if axis == 0:
            qx[face] = flow
        else:
            qy[face] = flow


@row_loop
def count_edges(
    start: int, row: int, own: bool, qx: Any, qy: Any, special: Any, first: Any, step: Any, area: float, out: Any
) -> None:
    """Add what left through the edges of the grid in one row [m3] to its group; ``start`` is the place of the row."""
    for k in range(first[row], first[row + 1]):
        group = special[k, 5]
        if group < 0 or not (own or (special[k, 0] == 1 and special[k, 4] < 0)):
            continue
        face = start + special[k, 2]
        left = (qx[face] if special[k, 0] == 0 else qy[face]) * step  # rounded as for the cell
        out[group] += special[k, 4] * np.float64(left) * area


@row_loop
def let_in(h: Any, rest: Any, cell: int, kept: int, rise: float) -> None:
    """Let the water of one cell rise [m]; ``rest`` keeps what its number type cannot hold."""
    held = np.float64(h[cell]) + (np.float64(rest[kept]) + rise)
    h[cell] = held
    rest[kept] = held - np.float64(h[cell])


@row_loop
def one_step(
    shape: Any, z: Any, n: Any, h: Any, qx: Any, qy: Any, rest: Any, deepest: Any, fastest: Any, strongest: Any,
    runs: Any, spans: Any, special: Any, values: Any, first_face: Any, cells: Any, rates: Any, first_cell: Any,
    work: Any, room: Any, c: Any, step: Any, drain: Any, limits: Any, dt: float, dx: float, out: Any,
) -> None:  # fmt: skip
    """Advance the rows of one block by ``dt``.

    ``shape``: first row of the block in the grid, its rows, rows and columns of the grid, columns of the arrays. ``work``
    holds rows of these: the flow across the row above and this one and the flow along this row before the step, the
    share of outflow in two rows, the greatest depth in each column; ``room`` is for :func:`faces`. ``step`` is ``dt / dx``, ``drain`` a little more.
    """
    start, rows, total, columns, wide = shape
    zero = limits[0]
    theta, film = float(c[3]), float(c[5])
    above, here, along, share, below, most = 0, wide, 2 * wide, 3 * wide, 4 * wide, 5 * wide
    copy_row(qy, work, 0, above, wide)
    for r in range(1, rows + HALO + 1):
        row = r + start  # of the grid with its ring
        g = row - HALO
        tile = min(max(g, 0), total - 1) // TILE_ROWS
        inside = 0 <= g < total
        i, i1, zi = r * wide, (r + 1) * wide, row * wide
        low, high = spans[tile, 0], spans[tile, 1]
        if high > low:
            copy_row(qy, work, i + low, here + low, high - low)
            copy_row(qx, work, i + low, along + low, high - low)
        if inside:
            for k in range(runs[tile, 0]):
                a = runs[tile, 2 * k + 1]
                size, e, w = runs[tile, 2 * k + 2] - a, a + 1, a - 1
                if r > 1:
                    at = (
                        zi + a, zi + e, i + a, i + e, along + w, along + a, along + e, above + a, above + e, here + a,
                        here + e, i + a,
                    )  # fmt: skip
                    faces(z, h, n, work, work, work, room, qx, at, size, c)
                at = (
                    zi + a, zi + wide + a, i + a, i1 + a, above + a, here + a, i1 + a, along + w, along + a, i1 + w,
                    i1 + a, i + a,
                )  # fmt: skip
                faces(z, h, n, work, qy, qx, room, qy, at, size, c)
        if first_face[row + 1] > first_face[row]:
            special_faces(
                r, row, wide, z, n, h, qx, qy, work, (along, here), special, values, first_face, film, theta, dt, dx
            )  # fmt: skip
        if r > 1:
            _share_row(inside, i, tile, wide, columns, runs, h, qx, qy, work, below, drain, limits)
        if r > 2:
            s = i - wide
            ahead = min(max(g - 1, 0), total - 1) // TILE_ROWS
            own = HALO < r <= rows + HALO
            for k in range(runs[ahead, 0]):
                a, b = runs[ahead, 2 * k + 1], runs[ahead, 2 * k + 2]
                limit(qy, work, (s + a, share + a, below + a), b - a, zero)
                if own:
                    w = a if a > 1 else 0  # the west edge of the grid is a face of the row too
                    limit(qx, work, (s + w, share + w, share + w + 1), b - w, zero)
            if first_face[row] > first_face[row - 1]:
                count_edges(s, row - 1, own, qx, qy, special, first_face, step, dx * dx, out)
            if own:
                kept = (g - 1) * (wide - 2) - 1
                for k in range(runs[ahead, 0]):
                    a, b = runs[ahead, 2 * k + 1], runs[ahead, 2 * k + 2]
                    at_cells = (s + a, s + a - 1, s - wide + a, kept + a, most + a)
                    add_water(h, rest, qx, qy, deepest, fastest, strongest, work, at_cells, b - a, step, limits)
                for k in range(first_cell[g - 1], first_cell[g]):
                    j = cells[k] + 1
                    let_in(h, rest, s + j, kept + j, rates[k] * dt)
                    work[most + j] = max(work[most + j], h[s + j])
                    deepest[kept + j] = max(deepest[kept + j], h[s + j])
        share, below = below, share
        above, here = here, above


@row_loop
def _share_row(
    inside: bool, start: int, tile: int, wide: int, columns: int, runs: Any, h: Any, qx: Any, qy: Any, work: Any,
    to: int, step: Any, limits: Any,
) -> None:  # fmt: skip
    """Put the share of outflow of one row; water from beyond the edges is not limited."""
    one = limits[1]
    if not inside:
        for j in range(wide):
            work[to + j] = one
        return
    for k in range(runs[tile, 0]):
        a, b = runs[tile, 2 * k + 1], runs[tile, 2 * k + 2]
        outflow_share(
            h, qx, qy, work, (start + a, start + a - 1, start - wide + a, to + a), b - a, step, limits
        )  # fmt: skip
    work[to + columns + 1] = one


@row_loop
def _meet(
    block: int, blocks: int, turn: int, rows: int, wide: int, h: Any, qx: Any, qy: Any, mail: Any, handle: Any
) -> None:
    """Hand the outer rows to the neighbours and take theirs; all blocks meet here."""
    size = HALO * wide
    for side in range(2):
        letter = ((turn * blocks + block) * 2 + side) * 3 * size
        first = HALO * wide if side == 0 else rows * wide
        for j in range(size):
            mail[letter + j], mail[letter + size + j] = h[first + j], qx[first + j]
            mail[letter + 2 * size + j] = qy[first + j]
    wait(handle[0], handle[1])
    for side in range(2):
        other = block - 1 if side == 0 else block + 1
        if other < 0 or other >= blocks:
            continue
        letter = ((turn * blocks + other) * 2 + 1 - side) * 3 * size
        first = 0 if side == 0 else (rows + HALO) * wide
        for j in range(size):
            h[first + j], qx[first + j] = mail[letter + j], mail[letter + size + j]
            qy[first + j] = mail[letter + 2 * size + j]


@njit(cache=True, nogil=True, error_model="numpy")
def run_block(
    block: int, blocks: int, shape: Any, z: Any, n: Any, h: Any, qx: Any, qy: Any, rest: Any, deepest: Any,
    fastest: Any, strongest: Any, runs: Any, spans: Any, special: Any, values: Any, first_face: Any, cells: Any, rates: Any,
    first_cell: Any, work: Any, room: Any, mail: Any, most: Any, handle: Any, clock: Any, settings: Any, cast: Any,
    out: Any, counts: Any,
) -> float:  # fmt: skip
    """Advance one block from ``clock[0]`` to ``clock[1]`` [s] or by ``clock[2]`` steps; return the time reached.

    All arrays of cells are flat. ``shape`` as of :func:`one_step`; ``settings``: cell size, alpha, theta, longest step,
    film, steep slope, fastest rise of a cell by inflow [m/s], greatest depth that a given level brings; ``cast`` is room
    for 16 numbers of the arrays' type. ``clock[3]`` is the greatest depth at the start, ``most`` (2, blocks) that after
    each step; ``counts`` gets the number of steps and the shortest.
    """
    dx, alpha, theta, longest, film, steep, rise, driven = settings
    _, rows, _, columns, wide = shape
    time, taken, shortest = clock[0], 0, math.inf
    deep = clock[3]
    while time < clock[1] and taken < clock[2]:
        dt = min(longest, alpha * dx / math.sqrt(GRAVITY * max(max(deep, driven), 1e-3)))
        if rise > 0.0:
            dt = min(dt, max(0.02, 0.2 * deep) / rise)
        left = clock[1] - time
        if dt >= left:
            dt = left
        elif 2.0 * dt > left:
            dt = 0.5 * left
        cast[0], cast[1], cast[2], cast[3], cast[4], cast[5] = 0.0, 1.0, 2.0, theta, (1.0 - theta) * 0.5, film
        cast[6], cast[7], cast[8], cast[9] = steep * dx, GRAVITY, 0.25 * GRAVITY * dt, GRAVITY * dt / dx
        cast[10], cast[11] = 1.0 / 16.0, 1e-6
        cast[12], cast[13], cast[14], cast[15] = dt / dx, 1e-30, 0.01, dt / dx * SPARED
        c = (
            cast[0], cast[1], cast[2], cast[3], cast[4], cast[5], cast[6], cast[7], cast[8], cast[9], cast[10], cast[11]
        )  # fmt: skip
        for j in range(wide):
            work[5 * wide + j] = cast[0]
        one_step(
            shape, z, n, h, qx, qy, rest, deepest, fastest, strongest, runs, spans, special, values, first_face, cells,
            rates, first_cell, work, room, c, cast[12], cast[15], (cast[0], cast[1], cast[13], cast[14]), dt, dx, out,
        )  # fmt: skip
        for r in range(HALO, rows + HALO):  # what left over the eastern edge does not come back round a building
            for j in range(r * wide + columns + 1, r * wide + wide - 1):
                h[j] = cast[0]
        turn = taken & 1
        deep = 0.0
        for j in range(5 * wide, 6 * wide):
            deep = max(deep, float(work[j]))
        most[turn, block] = deep
        if blocks > 1:
            _meet(block, blocks, turn, rows, wide, h, qx, qy, mail, handle)
            for k in range(blocks):
                deep = max(deep, most[turn, k])
        time = clock[1] if dt == left else time + dt
        taken += 1
        shortest = min(shortest, dt)
    counts[block, 0] = taken
    counts[block, 1] = shortest
    return time


@njit(cache=True, nogil=True, error_model="numpy")
def take_over(depth: Any, first: int, h: Any, rest: Any) -> None:
    """Put the depth of some rows, changed from outside, into ``h``, with the ``rest`` that its digits do not hold."""
    for r in range(h.shape[0]):
        for j in range(h.shape[1]):
            held = max(np.float64(depth[first + r, j]) + np.float64(rest[first + r, j]), 0.0)
            h[r, j] = held
            rest[first + r, j] = held - np.float64(h[r, j])


@njit(cache=True, nogil=True, error_model="numpy")
def wet_tiles(first: int, h: Any, qx: Any, qy: Any, film: float, wet: Any) -> None:
    """Mark the tiles of one block (first row ``first``) in which water moves or could."""
    for r in range(HALO, h.shape[0] - HALO):
        tile = (first + r - HALO) // TILE_ROWS
        for t in range(wet.shape[1]):
            if wet[tile, t]:
                continue
            low, high = t * TILE_COLUMNS, min((t + 1) * TILE_COLUMNS, h.shape[1] - 2)
            moving = False
            for j in range(low + 1, high + 1):
                moving |= (h[r, j] > film) | (qx[r, j] != 0) | (qy[r, j] != 0)
            wet[tile, t] = moving
