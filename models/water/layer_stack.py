"""Layers of blue-green measures: surface, paving, soil, storage and drain, with the equations of SWMM's LID controls.

Water stands on the surface, enters the paving or the soil, percolates into the storage, and leaves to the ground below,
through a drain, or over the edge. Each step first limits what leaves a layer by what it holds, then what enters by the room
below; what finds no room overflows. Left out: evaporation (events of hours), clogging, freezing.

Source: Rossman & Huber 2016, SWMM Reference Manual III, EPA/600/R-16/093, chapter 6 (equations 6-1 to 6-31). The surface
takes in water by Green-Ampt (chapter 4), stepped as in ``infiltration``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["FIELDS", "FLUXES", "LEVELS", "contents", "run_layers"]

FIELDS = (
    "surface_depth", "surface_void", "pavement_depth", "pavement_void", "pavement_open", "pavement_rate", "soil_depth",
    "porosity", "field_capacity", "wilting_point", "soil_rate", "soil_slope", "soil_suction", "storage_depth",
    "storage_void", "ground_rate", "drain_rate", "drain_exponent", "drain_offset", "mat_slope", "mat_roughness",
)  # fmt: skip
"""Parameters of a stack, in the order of its row; lengths [m], rates [m/s] but for ``drain_rate`` (SWMM's, mm and mm/h)."""

LEVELS = ("surface", "pavement", "soil", "storage", "soaked")
"""State of a stack: depths [m] of water in the layer's voids; ``soil`` water content [-]; ``soaked`` Green-Ampt sum [m]."""

FLUXES = ("ground", "drain", "overflow")
"""What left a stack in a step [m over its area]."""

(_SD, _SV, _PD, _PV, _PO, _PK, _D, _POR, _FC, _WP, _KS, _SLOPE, _PSI, _TD, _TV, _G, _C, _N, _OFF, _MS, _MN) = range(21)
_EMPTY = 1e-12  # [m]


@njit(cache=True, nogil=True)
def contents(state: np.ndarray, layers: np.ndarray, out: np.ndarray) -> None:  # pragma: no cover - compiled
    """Put the water of each stack [m over its area] into ``out``."""
    for k in range(state.shape[0]):
        p, s = layers[k], state[k]
        out[k] = s[0] * p[_SV] + s[1] * p[_PV] * p[_PO] + s[2] * p[_D] + s[3] * p[_TV]


@njit(cache=True, nogil=True)
def _drain(s: np.ndarray, p: np.ndarray, width_by_area: float) -> float:  # pragma: no cover - compiled
    """Return what drain or mat would take [m/s] at this state."""
    if p[_MN] > 0.0:
        return np.sqrt(p[_MS]) / p[_MN] * max(s[3], 0.0) ** (5.0 / 3.0) * width_by_area
    if p[_C] <= 0.0:
        return 0.0
    head = s[3]
    if s[3] >= p[_TD] - _EMPTY and p[_D] > 0.0 and s[2] > p[_FC]:
        head += (s[2] - p[_FC]) / (p[_POR] - p[_FC]) * p[_D]
        if s[2] >= p[_POR] - 1e-9:
            head += s[0]
    elif s[3] >= p[_TD] - _EMPTY and p[_D] == 0.0:
        head += s[1] + (s[0] if p[_PD] == 0.0 or s[1] >= p[_PD] - _EMPTY else 0.0)
    head -= p[_OFF]
    if head <= 0.0:
        return 0.0
    return p[_C] * (1000.0 * head) ** p[_N] / 3.6e6


@njit(cache=True, nogil=True)
def _entry(s: np.ndarray, p: np.ndarray, dt: float) -> float:  # pragma: no cover - compiled
    """Return what the layer under the surface could take in [m/s]: paving, soil by Green-Ampt, or anything."""
    if p[_PD] > 0.0:
        return p[_PK]
    if p[_D] > 0.0:
        a = p[_KS] * dt
        b = s[4] - 0.5 * a
        return (np.sqrt(b * b + 2.0 * a * (s[4] + p[_PSI] * max(p[_POR] - p[_WP], 0.0))) - b) / dt
    return 1e9


@njit(cache=True, nogil=True)
def _substep(  # pragma: no cover - compiled
    s: np.ndarray, p: np.ndarray, inflow: float, dt: float, width_by_area: float, flux: np.ndarray
) -> None:
    """Advance one stack by ``dt`` under ``inflow`` [m/s over its area]; add to ``flux`` what left it [m]."""
    pave_void, has_pave, has_soil, has_store = p[_PV] * p[_PO], p[_PD] > 0.0, p[_D] > 0.0, p[_TD] > 0.0
    # what could flow, limited by what is there
    q_in = min(_entry(s, p, dt), inflow + s[0] * p[_SV] / dt)
    q_pave = min(p[_PK], max(s[1] * pave_void / dt + q_in, 0.0)) if has_pave else q_in
    q_soil = q_pave
    if has_soil:
        q_soil = 0.0
        if s[2] > p[_FC]:
            q_soil = p[_KS] * np.exp(-p[_SLOPE] * (p[_POR] - s[2]))
            q_soil = min(q_soil, (s[2] - p[_FC]) * p[_D] / dt)
    q_ground, q_drain = p[_G], 0.0
    if has_store:
        q_ground = min(q_ground, max(q_soil + s[3] * p[_TV] / dt, 0.0))  # a level may round to -1e-18
        q_drain = _drain(s, p, width_by_area)
        most = -q_ground
        if s[3] >= p[_TD] - _EMPTY or p[_MN] > 0.0:
            most += q_soil
        if s[3] >= p[_OFF]:
            most += (s[3] - p[_OFF]) * p[_TV] / dt
        q_drain = min(q_drain, max(most, 0.0))
        # from below: the room in each layer, and what leaves it, limits what enters
        q_soil = min(q_soil, (p[_TD] - s[3]) * p[_TV] / dt + q_ground + q_drain)
    else:
        q_ground = min(q_ground, q_soil)
        q_soil = q_ground
    q_pave = min(q_pave, (p[_POR] - s[2]) * p[_D] / dt + q_soil) if has_soil else q_soil
    q_in = min(q_in, (p[_PD] - s[1]) * pave_void / dt + q_pave) if has_pave else q_pave
    # new levels
    water = s[0] * p[_SV] + (inflow - q_in) * dt
    over = max(water - p[_SD] * p[_SV], 0.0)
    s[0] = max(water - over, 0.0) / p[_SV]
    if has_pave:
        s[1] += (q_in - q_pave) * dt / pave_void
    if has_soil:
        s[2] += (q_pave - q_soil) * dt / p[_D]
        s[4] += q_pave * dt
    if has_store:
        s[3] += (q_soil - q_ground - q_drain) * dt / p[_TV]
    flux[0] += q_ground * dt
    flux[1] += q_drain * dt
    flux[2] += over


@njit(cache=True, nogil=True)
def run_layers(  # pragma: no cover - compiled
    start: int,
    stop: int,
    state: np.ndarray,
    layers: np.ndarray,
    inflow: np.ndarray,
    width_by_area: np.ndarray,
    duration: float,
    longest: float,
    flux: np.ndarray,
) -> None:
    """Advance stacks by ``duration`` [s] in equal parts of at most ``longest`` [s]; ``inflow`` [m/s], ``flux`` [m]."""
    parts = max(1, int(np.ceil(duration / longest - 1e-9)))
    dt = duration / parts
    for k in range(start, stop):
        flux[k, :] = 0.0
        for _ in range(parts):
            _substep(state[k], layers[k], inflow[k], dt, width_by_area[k], flux[k])
