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

__all__ = ["GRAVITY", "HALO", "TILE_COLUMNS", "TILE_ROWS", "run_block", "wet_tiles"]

HALO = RING  # rows held beyond each side of a block
TILE_ROWS, TILE_COLUMNS = 32, 64
GRAVITY = 9.81


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
    r: int, row: int, z: Any, n: Any, h: Any, qx: Any, qy: Any, old_along: Any, old_across: Any, special: Any,
    values: Any, first: Any, film: float, theta: float, dt: float, dx: float,
) -> None:  # fmt: skip
    """Put the flows of the special faces of one row (``row`` of the grid with its ring, ``r`` of the block)."""
    for k in range(first[row], first[row + 1]):
        axis, j, kind, sign = special[k, 0], special[k, 2], special[k, 3], special[k, 4]
        down, right = axis, 1 - axis
        # the cell inside: the face's own for sign +1, the one behind it for -1; a crest takes both as they are
        i0, j0, i1, j1 = r, j, r + down, j + right
        if sign < 0:
            i0, j0, i1, j1 = i1, j1, i0, j0
        step = 1 if sign >= 0 else -1
        ii, ji = i0 - step * down, j0 - step * right
        if axis == 0:
            q, inner = old_along[j], old_along[max(j - step, 0)]
        else:
            q = old_across[j]
            inner = qy[r + 1, j] if step < 0 else q
        offset = row - r
        flow = special_flow(
            kind, values[k], sign, z[i0 + offset, j0], h[i0, j0], n[i0 + offset, j0], z[i1 + offset, j1], h[i1, j1],
            n[i1 + offset, j1], q, inner, z[ii + offset, ji], h[ii, ji], film, theta, dt, dx,
        )  # fmt: skip
        if axis == 0:
            qx[r, j] = flow
        else:
            qy[r, j] = flow


@row_loop
def count_edges(
    r: int, row: int, own: bool, qx: Any, qy: Any, special: Any, first: Any, scale: float, out: Any
) -> None:
    """Add what left through the edges of the grid in one row [m3] to its group."""
    for k in range(first[row], first[row + 1]):
        group = special[k, 5]
        if group < 0 or not (own or (special[k, 0] == 1 and special[k, 4] < 0)):
            continue
        flow = qx[r, special[k, 2]] if special[k, 0] == 0 else qy[r, special[k, 2]]
        out[group] += special[k, 4] * flow * scale


@row_loop
def one_step(
    start: int, z: Any, n: Any, h: Any, qx: Any, qy: Any, deepest: Any, fastest: Any, strongest: Any, runs: Any,
    spans: Any, special: Any, values: Any, first_face: Any, cells: Any, rates: Any, first_cell: Any, work: Any, c: Any,
    step: Any, limits: Any, dt: float, dx: float, columns: int, out: Any,
) -> None:  # fmt: skip
    """Advance the rows of one block by ``dt``; ``start`` is its first row in the grid, which has ``columns`` columns."""
    zero, one, tiny, least = limits
    theta, film = float(c[3]), float(c[5])
    rows, total = h.shape[0] - 2 * HALO, z.shape[0] - 2 * HALO
    above, here, along, share, share_below, most = work[0], work[1], work[2], work[3], work[4], work[5]
    copy_row(qy[0], above)
    for r in range(1, rows + HALO + 1):
        row = r + start  # of the grid with its ring
        g = row - HALO
        tile = min(max(g, 0), total - 1) // TILE_ROWS
        inside = 0 <= g < total
        lo, hi = spans[tile, 0], spans[tile, 1]
        if hi > lo:
            copy_row(qy[r, lo:hi], here[lo:hi])
            copy_row(qx[r, lo:hi], along[lo:hi])
        for k in range(runs[tile, 0] if inside or g == -1 else 0):
            a, b = runs[tile, 2 * k + 1], runs[tile, 2 * k + 2]
            e, f, w, v = a + 1, b + 1, a - 1, b - 1
            if r > 1 and inside:
                faces(
                    z[row, a:b], z[row, e:f], h[r, a:b], h[r, e:f], n[row, a:b], n[row, e:f], along[w:v], along[a:b],
                    along[e:f], above[a:b], above[e:f], here[a:b], here[e:f], qx[r, a:b], c,
                )  # fmt: skip
            if inside:
                faces(
                    z[row, a:b], z[row + 1, a:b], h[r, a:b], h[r + 1, a:b], n[row, a:b], n[row + 1, a:b], above[a:b],
                    here[a:b], qy[r + 1, a:b], along[w:v], along[a:b], qx[r + 1, w:v], qx[r + 1, a:b], qy[r, a:b], c,
                )  # fmt: skip
        if first_face[row + 1] > first_face[row]:
            special_faces(
                r, row, z, n, h, qx, qy, along, here, special, values, first_face, film, theta, dt, dx
            )  # fmt: skip
        if r > 1:
            if inside:
                for k in range(runs[tile, 0]):
                    a, b = runs[tile, 2 * k + 1], runs[tile, 2 * k + 2]
                    outflow_share(
                        h[r, a:b], qx[r, a - 1 : b - 1], qx[r, a:b], qy[r - 1, a:b], qy[r, a:b], share_below[a:b], step,
                        zero, one, tiny,
                    )  # fmt: skip
                share_below[columns + 1] = one  # water from beyond the edge is not limited
            else:
                share_below[:] = one
        if r > 2:
            s = r - 1
            ahead = min(max(g - 1, 0), total - 1) // TILE_ROWS
            own = HALO <= s < rows + HALO
            for k in range(runs[ahead, 0]):
                a, b = runs[ahead, 2 * k + 1], runs[ahead, 2 * k + 2]
                limit(qy[s, a:b], share[a:b], share_below[a:b], zero)
                if own:
                    w = a if a > 1 else 0  # the west edge of the grid is a face of the row too
                    limit(qx[s, w:b], share[w:b], share[w + 1 : b + 1], zero)
            if first_face[row] > first_face[row - 1]:
                count_edges(s, row - 1, own, qx, qy, special, first_face, dt * dx, out)
            if own:
                i = g - 1
                for k in range(runs[ahead, 0]):
                    a, b = runs[ahead, 2 * k + 1], runs[ahead, 2 * k + 2]
                    add_water(
                        h[s, a:b], qx[s, a - 1 : b - 1], qx[s, a:b], qy[s - 1, a:b], qy[s, a:b], deepest[i, a - 1 : b - 1],
                        fastest[i, a - 1 : b - 1], strongest[i, a - 1 : b - 1], most[a:b], step, least, zero,
                    )  # fmt: skip
                for k in range(first_cell[i], first_cell[i + 1]):
                    j = cells[k] + 1
                    h[s, j] += rates[k] * dt
                    most[j] = max(most[j], h[s, j])
                    deepest[i, j - 1] = max(deepest[i, j - 1], h[s, j])
        share, share_below = share_below, share
        above, here = here, above


@njit(cache=True, nogil=True, error_model="numpy")
def run_block(
    block: int, blocks: int, start: int, z: Any, n: Any, h: Any, qx: Any, qy: Any, deepest: Any, fastest: Any,
    strongest: Any, runs: Any, spans: Any, special: Any, values: Any, first_face: Any, cells: Any, rates: Any,
    first_cell: Any, work: Any, mail: Any, most: Any, handle: Any, clock: Any, settings: Any, out: Any, counts: Any,
) -> float:  # fmt: skip
    """Advance one block from ``clock[0]`` to ``clock[1]`` [s] or by ``clock[2]`` steps; return the time reached.

    ``settings``: cell size, alpha, theta, longest step, film, steep slope, fastest rise of a cell by inflow [m/s], columns
    of the grid, greatest depth that a given level brings.
    ``clock[3]`` is the greatest depth at the start, ``most`` (2, blocks) that after each step; ``counts`` gets the
    number of steps and the shortest.
    """
    dx, alpha, theta, longest, film, steep, rise, columns, driven = settings
    rows = h.shape[0] - 2 * HALO
    cast = np.empty(16, h.dtype)
    time, taken, shortest = clock[0], 0, np.inf
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
        cast[12], cast[13], cast[14] = dt / dx, 1e-30, 0.01
        c = (
            cast[0], cast[1], cast[2], cast[3], cast[4], cast[5], cast[6], cast[7], cast[8], cast[9], cast[10], cast[11]
        )  # fmt: skip
        work[5][:] = cast[0]
        one_step(
            start, z, n, h, qx, qy, deepest, fastest, strongest, runs, spans, special, values, first_face, cells, rates,
            first_cell, work, c, cast[12], (cast[0], cast[1], cast[13], cast[14]), dt, dx, int(columns), out,
        )  # fmt: skip
        for r in range(HALO, rows + HALO):  # what left over the eastern edge does not come back round a building
            for j in range(columns + 1, h.shape[1] - 1):
                h[r, j] = cast[0]
        turn = taken & 1
        most[turn, block] = work[5].max()
        if blocks > 1:
            for k in range(HALO):
                for field, source in ((0, h), (1, qx), (2, qy)):
                    mail[turn, block, 0, field, k, :] = source[HALO + k, :]
                    mail[turn, block, 1, field, k, :] = source[rows + k, :]
            wait(handle[0], handle[1])
            for k in range(HALO):
                for field, target in ((0, h), (1, qx), (2, qy)):
                    if block > 0:
                        target[k, :] = mail[turn, block - 1, 1, field, k, :]
                    if block < blocks - 1:
                        target[rows + HALO + k, :] = mail[turn, block + 1, 0, field, k, :]
        deep = most[turn].max()
        time = clock[1] if dt == left else time + dt
        taken += 1
        shortest = min(shortest, dt)
    counts[block, 0] = taken
    counts[block, 1] = shortest
    return time


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
