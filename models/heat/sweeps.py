"""Line sweeps over the grid: what stands between each cell and one direction of the sky, in one pass.

A direction (azimuth, elevation) cuts the grid into parallel lines of cells. Walking such a line away from the
direction, the ray that ends at position ``x`` with height ``z`` is told apart by ``c = z + x tan(elevation)``, which
stays the same all along the ray. So

- terrain and buildings hide the direction from a cell if an earlier cell had a greater ``c``: one running maximum;
- a crown (a box from its underside to its top over one cell) blocks an interval of ``c``: one bit string a line,
  in which crowns set bits, ridges and roofs clear what lies below them, and each cell tests the bit of its own ray.

The work is constant for each cell, whatever the elevation and the height of the obstacles, and the result for a cell
depends on the cells of its own line only. Lines are anchored to absolute row and column numbers, so that a part of
a grid gives the same bits as the whole. Heights are absolute: sloping terrain needs no care. Left out: refraction
between crowns and walls of one cell, and anything narrower than a cell.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["BIN", "WALL", "Sweep", "merge_transposed", "sweep_lines", "sweep_plan"]

BIN = 0.125
"""Least height of one bit of the crown string [m]."""

WALL = 2.0
"""Least rise between two cells that counts as a wall [m]."""


class Sweep(NamedTuple):
    """How one direction crosses one grid: what the kernels need to walk its lines."""

    offsets: np.ndarray
    """Column (row) shift of the lines for each row (column) of the major axis, int64."""
    forward: bool
    """Whether walking away from the direction means increasing major index."""
    rows_major: bool
    """Whether rows (True) or columns are the major axis."""
    rise: float
    """Height a ray gains towards the direction for each step of the major axis [m]."""
    bin: float
    """Height of one bit of the crown string [m]."""
    first: int
    """Number of the first line."""
    last: int
    """Number after the last line."""


def sweep_plan(
    shape: tuple[int, int], cell: float, azimuth: float, elevation: float, origin: tuple[int, int] = (0, 0)
) -> Sweep:
    """Return how the direction crosses a grid.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    cell : float
        Cell size [m].
    azimuth, elevation : float
        Direction [deg], azimuth from grid north, clockwise; elevation above 0, at most 90.
    origin : tuple of int
        Absolute row and column of the first cell (for parts of a larger grid).

    Returns
    -------
    Sweep
    """
    az = math.radians(azimuth)
    down, right = -math.cos(az), math.sin(az)
    rows_major = abs(down) >= abs(right) - 1e-12
    along, across = (down, right) if rows_major else (right, down)
    major, minor = shape if rows_major else (shape[1], shape[0])
    start = origin[0] if rows_major else origin[1]
    # walking away from the direction: the minor coordinate shifts by -across/along for each major cell
    slope = across / along
    if abs(slope) < 1e-9:
        slope = 0.0
    index = np.arange(start, start + major, dtype=np.float64)
    offsets = np.floor(slope * index + 0.5).astype(np.int64)
    step = cell * math.hypot(1.0, slope)
    rise = math.tan(math.radians(min(elevation, 89.9))) * step
    first = -int(offsets.max())
    last = minor - int(offsets.min())
    return Sweep(offsets, along < 0, rows_major, rise, max(BIN, rise / 16.0), first, last)


@njit(cache=True, nogil=True)
def _set_bits(words, base, low, high, size):  # type: ignore[no-untyped-def]
    """Set the bits whose centres lie in [low, high), in bits; return the first and last word touched."""
    a = max(math.ceil(low - 0.5) - base, 0)
    b = min(math.ceil(high - 0.5) - base, size << 6)
    if b <= a:
        return size, -1
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    first, last = a >> 6, (b - 1) >> 6
    head, tail = full << np.uint64(a & 63), full >> np.uint64(63 - ((b - 1) & 63))
    if first == last:
        words[first] |= head & tail
        return first, last
    words[first] |= head
    for w in range(first + 1, last):
        words[w] = full
    words[last] |= tail
    return first, last


@njit(cache=True, nogil=True)
def _inside(offsets, k, minor):  # type: ignore[no-untyped-def]
    """Return the range of the major index on which line ``k`` lies inside the grid (offsets are monotone)."""
    count = offsets.shape[0]
    rising = offsets[count - 1] >= offsets[0]
    edges = np.int64(0), np.int64(0)
    for side in range(2):
        lo, hi = 0, count
        while lo < hi:
            mid = (lo + hi) >> 1
            place = k + offsets[mid]
            if rising:
                past = place >= 0 if side == 0 else place >= minor
            else:
                past = place < minor if side == 0 else place < 0
            if past:
                hi = mid
            else:
                lo = mid + 1
        edges = (np.int64(lo), edges[1]) if side == 0 else (edges[0], np.int64(lo))
    return edges


@njit(cache=True, nogil=True)
def sweep_lines(  # type: ignore[no-untyped-def]
    start, stop, lines, offsets, forward, row_step, column_step, minor, index0, rise, bin_size, low_c,
    z, under, top, bit, open_bits, crown_bits, words, walls,
):  # fmt: skip
    """Walk ``lines[start:stop]`` and write one bit of each cell's masks.

    ``z, under, top``: surface and crown heights, absolute, flat; ``top`` below ``z`` means no crown. ``row_step`` and
    ``column_step`` are the flat-index steps of the major and the minor axis, ``index0`` the absolute major index of the
    first cell, ``low_c`` [m] a lower bound of ``c``. ``open_bits``: the direction is not hidden by ground or buildings;
    ``crown_bits``: a crown comes first. ``walls`` (2, cells) int32 gets the height of the wall that faces the direction at
    each cell, and of its part in the sun [cm]; leave it empty (2, 0) where this is not wanted.
    """
    size = words.shape[0]
    base = math.floor(low_c / bin_size)
    inverse = 1.0 / bin_size
    half = 0.5 * rise
    zero, one, full = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
    nothing = np.uint8(0)
    with_walls = walls.shape[1] > 0
    for number in range(start, stop):
        k = lines[number]
        begin, end = _inside(offsets, k, minor)
        if end <= begin:
            continue
        touched_low, touched_high = size, -1
        highest = -1.0e30
        before = -1.0e30
        z_before = 1.0e30
        for n in range(end - begin):
            p = begin + n if forward else end - 1 - n
            at = p * row_step + (k + offsets[p]) * column_step
            x = rise * (index0 + p) if forward else -rise * (index0 + p)
            height = z[at]
            c = height + x
            if with_walls and height - z_before > WALL:
                ground = z_before + x
                shade = highest if highest > ground else ground
                walls[0, at] = int((height - z_before) * 100.0)
                if shade < c:
                    walls[1, at] = int((c - shade) * 100.0)
            if c < before and touched_high >= 0:
                # a ridge is behind us: rays below it end there, whatever crowns stand further off
                last = math.floor(before * inverse) - base
                word = min(last >> 6, touched_high)
                for w in range(touched_low, word):
                    words[w] = zero
                if word == last >> 6:
                    words[word] &= full << np.uint64(last & 63)
                elif word >= touched_low:
                    words[word] = zero
                touched_low = max(touched_low, word)
            open_bits[at] = (open_bits[at] & ~bit) | (bit if c >= highest else nothing)
            highest = max(highest, c)
            crowned = False
            if touched_high >= 0:
                place = math.floor(c * inverse) - base
                word = place >> 6
                if 0 <= word < size:
                    crowned = (words[word] >> np.uint64(place & 63)) & one != zero
            if top[at] > height:
                bottom = under[at] if under[at] > height else height
                crowned = crowned or bottom - height <= half
                a, b = _set_bits(words, base, (bottom + x - half) * inverse, (top[at] + x + half) * inverse, size)
                touched_low, touched_high = min(touched_low, a), max(touched_high, b)
            crown_bits[at] = (crown_bits[at] & ~bit) | (bit if crowned else nothing)
            before, z_before = c, height
        if touched_high >= 0:
            for w in range(touched_low, touched_high + 1):
                words[w] = zero


@njit(cache=True, nogil=True)
def merge_transposed(source, target):  # type: ignore[no-untyped-def]
    """Set in ``target`` (n, m) the bits of ``source`` (m, n), tile by tile."""
    rows, columns = target.shape
    for i0 in range(0, rows, 64):
        for j0 in range(0, columns, 64):
            for i in range(i0, min(i0 + 64, rows)):
                for j in range(j0, min(j0 + 64, columns)):
                    target[i, j] |= source[j, i]
