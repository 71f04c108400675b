"""The kernel of the losses: uptake by the soil and water kept in hollows, one pass over a block of rows."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["COLUMNS", "take_up"]

COLUMNS = ("conductivity", "suction", "most", "horton_last", "horton_first", "horton_decay", "depression_sealed",
           "depression_open", "curve_storage", "curve_abstraction", "step", "decayed")  # fmt: skip
"""Columns of the table of classes: metres, seconds; ``suction`` is psi dtheta, or psi alone where cells bring dtheta."""

_K, _S, _MOST, _FC, _F0, _DECAY, _SEALED, _HOLLOW, _CN_S, _CN_IA, _DT, _DECAYED = range(12)


@njit(cache=True, nogil=True, inline="always")
def _horton_spent(  # pragma: no cover - compiled
    supply: float, can: float, fc: float, part: float, decay: float, step: float
) -> float:
    """Return exp(-k t) at the time t <= step when the soil has taken ``supply``: fc t + part (1 - exp(-k t)) = supply."""
    t = step * supply / can  # the rate hardly changes within a step: two Newton steps reach rounding
    for _ in range(2):
        spent = np.exp(-decay * t)
        t -= (fc * t + part * (1.0 - spent) - supply) / (fc + part * decay * spent)
        t = min(max(t, 0.0), step)
    return np.exp(-decay * t)


@njit(cache=True, nogil=True, inline="always")
def _curve_loss(p: float, storage: float, abstraction: float) -> float:  # pragma: no cover - compiled
    """Return what SCS-CN keeps of a rain sum: P - Q."""
    if p <= abstraction:
        return p
    return p - (p - abstraction) ** 2 / (p - abstraction + storage)


@njit(cache=True, nogil=True)
def take_up(  # pragma: no cover - compiled
    start: int,
    stop: int,
    depth: np.ndarray,
    active: np.ndarray,
    classes: np.ndarray,
    open_share: np.ndarray,
    deficit: np.ndarray,
    taken: np.ndarray,
    filled: np.ndarray,
    method: np.ndarray,
    table: np.ndarray,
    rain_before: np.ndarray,
    rain_after: np.ndarray,
    head: float,
) -> tuple[float, float]:
    """Take water from ``depth`` in place; return what soil and hollows took [m, summed over cells].

    ``taken`` is the uptake [m] of the open share so far (Horton: the share 1 - exp(-k t) that is spent); ``filled`` the
    water in hollows [m].
    """
    soaked, kept = 0.0, 0.0
    own = deficit.size > 0
    gridded = int(rain_before.size > 1)
    for i in range(start, stop):
        for j in range(depth.shape[1]):
            h, hollow = np.float64(depth[i, j]), np.float64(filled[i, j])
            if not active[i, j] or h + hollow <= 0.0:
                continue
            c = classes[i, j]
            share = np.float64(open_share[i, j])
            f = np.float64(taken[i, j])
            how = method[c]
            can = 0.0
            if share > 0.0 and how == 1:
                a = table[c, _K] * table[c, _DT]
                s = table[c, _S] + head * h * table[c, _S]
                if own:
                    s = (table[c, _S] + head * h) * np.float64(deficit[i, j])
                b = f - 0.5 * a
                can = min(np.sqrt(b * b + 2.0 * a * (f + s)) - b, table[c, _MOST] - f)
            elif share > 0.0 and how == 2:
                part = (table[c, _F0] - table[c, _FC]) / table[c, _DECAY] * (1.0 - f)
                can = table[c, _FC] * table[c, _DT] + part * (1.0 - table[c, _DECAYED])
            elif share > 0.0 and how == 3:
                p1, p2 = rain_before[i * gridded, j * gridded], rain_after[i * gridded, j * gridded]
                can = _curve_loss(p2, table[c, _CN_S], table[c, _CN_IA]) - _curve_loss(
                    p1, table[c, _CN_S], table[c, _CN_IA]
                )
            pool = h + hollow
            pool -= min(max(can, 0.0) * share, pool)
            room = share * table[c, _HOLLOW] + (1.0 - share) * table[c, _SEALED]
            filled[i, j] = min(pool, room)
            depth[i, j] = max(pool - np.float64(filled[i, j]), 0.0)
            into_hollow = np.float64(filled[i, j]) - hollow
            into_soil = h - np.float64(depth[i, j]) - into_hollow
            kept += into_hollow
            soaked += into_soil
            if share > 0.0 and how == 2:
                supply = max(into_soil, 0.0) / share
                part = (table[c, _F0] - table[c, _FC]) / table[c, _DECAY] * (1.0 - f)
                left = table[c, _DECAYED]
                if 0.0 <= supply < can:
                    left = _horton_spent(supply, can, table[c, _FC], part, table[c, _DECAY], table[c, _DT])
                taken[i, j] = 1.0 - (1.0 - f) * left
            elif share > 0.0:
                taken[i, j] = max(f + into_soil / share, 0.0)
    return soaked, kept
