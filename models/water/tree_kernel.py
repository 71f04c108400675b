"""The loop over trees and days: blocks of trees side by side, day after day, all in the cache.

A block of ``BLOCK`` trees of one kind is copied into one small array with a fixed row length, so that the compiler knows
that rows do not overlap and turns the inner loop into vector code. Weather is read once a day and block. Sums are kept
per tree; one daily variable, or none, is written as it arises.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.water.tree_day import DAY_FLUXES, PARAMETERS, STATES, tree_day

__all__ = ["BLOCK", "DAILY", "run_blocks"]

BLOCK = 64
"""Trees in a block: their state, parameters and sums stay in the first-level cache."""

DAILY = ("relative_extractable_water", "rew_upper", "rew_lower", "depletion", "trench_water", *DAY_FLUXES)
"""What may be written every day, in this order in the kernel."""

_P, _S, _C, _D = len(PARAMETERS), len(STATES), len(DAY_FLUXES), len(DAILY)
_SUMS = _C + 1  # the last row holds the least relative extractable water
_B = BLOCK


@njit(cache=True, nogil=True, error_model="numpy")
def _block_day(par, work, f, day, one, zero, tiny):  # type: ignore[no-untyped-def]
    """Advance a block by one day; offsets are multiples of BLOCK, known when it is compiled."""
    rain, depth = f[3], f[8]
    weather = (f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10])
    for i in range(BLOCK):
        water = par[32 * _B + i]
        crown = (
            par[i], par[1 * _B + i], par[2 * _B + i], par[3 * _B + i], par[4 * _B + i],
            par[5 * _B + i], par[6 * _B + i], par[7 * _B + i], par[8 * _B + i], par[9 * _B + i],
            par[10 * _B + i], par[11 * _B + i], par[12 * _B + i], par[13 * _B + i], par[14 * _B + i],
        )  # fmt: skip
        soil = (
            par[15 * _B + i], par[16 * _B + i], par[17 * _B + i], par[18 * _B + i], par[19 * _B + i],
            par[20 * _B + i], par[21 * _B + i], par[22 * _B + i], par[23 * _B + i], par[24 * _B + i],
            par[25 * _B + i], par[26 * _B + i], par[27 * _B + i], par[28 * _B + i], par[29 * _B + i],
            par[30 * _B + i],
        )  # fmt: skip
        now = (work[i], work[_B + i], work[2 * _B + i], work[3 * _B + i])
        (
            de, d1, d2, trench,
            intercepted, runoff, evaporation, transpiration, percolation, rise, inflow, overflow, lost, demand, stress,
        ) = tree_day(weather, crown, soil, now, par[31 * _B + i], water, day, one, zero, tiny)  # fmt: skip
        work[i], work[_B + i], work[2 * _B + i], work[3 * _B + i] = de, d1, d2, trench
        taw_1 = par[15 * _B + i]
        taw_2 = par[16 * _B + i] * depth + par[17 * _B + i] * day
        rew = one - (d1 + d2) / (taw_1 + taw_2 + tiny)
        work[18 * _B + i] = rew
        work[19 * _B + i] = one - d1 / (taw_1 + tiny)
        work[20 * _B + i] = one - d2 / (taw_2 + tiny)
        work[21 * _B + i] = d1 + d2
        work[22 * _B + i] = trench
        work[23 * _B + i] = rain
        work[24 * _B + i] = intercepted
        work[25 * _B + i] = runoff
        work[26 * _B + i] = evaporation
        work[27 * _B + i] = transpiration
        work[28 * _B + i] = percolation
        work[29 * _B + i] = water
        work[30 * _B + i] = rise
        work[31 * _B + i] = inflow
        work[32 * _B + i] = overflow
        work[33 * _B + i] = lost
        work[34 * _B + i] = demand
        work[35 * _B + i] = stress
        work[4 * _B + i] += rain
        work[5 * _B + i] += intercepted
        work[6 * _B + i] += runoff
        work[7 * _B + i] += evaporation
        work[8 * _B + i] += transpiration
        work[9 * _B + i] += percolation
        work[10 * _B + i] += water
        work[11 * _B + i] += rise
        work[12 * _B + i] += inflow
        work[13 * _B + i] += overflow
        work[14 * _B + i] += lost
        work[15 * _B + i] += demand
        work[16 * _B + i] += stress
        least = work[17 * _B + i]
        work[17 * _B + i] = rew if rew < least else least


@njit(cache=True, nogil=True, error_model="numpy")
def _load(par, work, start, size, parameters, state, sums):  # type: ignore[no-untyped-def]
    """Copy a block of trees into the small arrays; a last block that is not full repeats its first tree."""
    for i in range(BLOCK):
        tree = start + (i if i < size else 0)
        for k in range(_P):
            par[k * BLOCK + i] = parameters[k, tree]
        for k in range(_S):
            work[k * BLOCK + i] = state[k, tree]
        for k in range(_SUMS):
            work[(_S + k) * BLOCK + i] = sums[k, tree]


@njit(cache=True, nogil=True, error_model="numpy")
def run_blocks(  # type: ignore[no-untyped-def]
    first, last, block_start, block_size, block_group, forcing, months, beam_rows,
    parameters, hidden_beam, state, sums, water_start, water_day, water_amount, daily, out,
):  # fmt: skip
    """Run blocks ``first`` to ``last`` over all days.

    Parameters
    ----------
    first, last : int
        Blocks of this call.
    block_start, block_size, block_group : int64 arrays, shape (blocks,)
        First tree, number of trees (at most BLOCK) and row of ``forcing``.
    forcing : array, shape (groups, days, len(FORCING))
        Weather and calendar.
    months : int64 array, shape (days,)
        0 to 11.
    beam_rows : int
        Rows of ``hidden_beam``: 1 (one value) or 12 (one a month).
    parameters : array, shape (len(PARAMETERS), trees)
        In the order of PARAMETERS.
    hidden_beam : array, shape (1 or 12, trees)
        1 - sunlit share.
    state : array, shape (len(STATES), trees)
        Changed in place.
    sums : array, shape (len(DAY_FLUXES) + 1, trees)
        Sums over the days are added; the last row is the least relative extractable water.
    water_start : int64 array, shape (trees + 1,)
        Where each tree's waterings begin.
    water_day, water_amount : arrays
        Day and depth [mm over the root area] of each watering.
    daily : int
        Position in DAILY of the variable to write, or -1.
    out : array, shape (days, trees) or (0, 0)
        Daily variable.
    """
    kind = parameters.dtype.type
    one, zero, tiny = kind(1.0), kind(0.0), kind(1e-9)
    days = forcing.shape[1]
    par = np.zeros((_P + 2) * BLOCK, parameters.dtype)
    work = np.zeros((_S + _SUMS + _D) * BLOCK, parameters.dtype)
    poured = np.zeros(days * BLOCK, parameters.dtype)
    for block in range(first, last):
        start, size, group = block_start[block], block_size[block], block_group[block]
        _load(par, work, start, size, parameters, state, sums)
        watered = water_start[start + size] > water_start[start]
        if watered:
            for i in range(size):
                for w in range(water_start[start + i], water_start[start + i + 1]):
                    poured[water_day[w] * BLOCK + i] += water_amount[w]
        for t in range(days):
            row = months[t] % beam_rows
            for i in range(size):
                par[_P * BLOCK + i] = hidden_beam[row, start + i]
            if watered:
                for i in range(size):
                    par[(_P + 1) * BLOCK + i] = poured[t * BLOCK + i]
                    poured[t * BLOCK + i] = zero
            _block_day(par, work, forcing[group, t], kind(t), one, zero, tiny)
            if daily >= 0:
                for i in range(size):
                    out[t, start + i] = work[(_S + _SUMS + daily) * BLOCK + i]
        if watered:
            par[(_P + 1) * BLOCK :] = zero
        for i in range(size):
            for k in range(_S):
                state[k, start + i] = work[k * BLOCK + i]
            for k in range(_SUMS):
                sums[k, start + i] = work[(_S + k) * BLOCK + i]
