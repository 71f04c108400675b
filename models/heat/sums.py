"""Kernels that every cell runs in every step: patch sums by look-up tables, and the temperatures they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from models.heat.radiation import STEFAN_BOLTZMANN
from models.parallel import in_blocks

if TYPE_CHECKING:
    from models.heat.geometry import SkyGeometry

__all__ = ["body_temperature", "mixed_sums", "patch_sums", "utci_of_air", "utci_of_map"]


@njit(cache=True, nogil=True)
def _sum_planes(start, stop, open_bits, crown_bits, tables, base, out):  # type: ignore[no-untyped-def]
    """Add up tables[kind, plane, byte, row] over the planes; kind 0: open sky, 1: crown first; base: all hidden."""
    rows = tables.shape[3]
    planes = open_bits.shape[0]
    for n in range(start, stop):
        for r in range(rows):
            out[r, n] = base[r]
    for plane in range(planes):
        sky_table, crown_table = tables[0, plane], tables[1, plane]
        for n in range(start, stop):
            crown = crown_bits[plane, n]
            sky = open_bits[plane, n] & ~crown
            for r in range(rows):
                out[r, n] += sky_table[sky, r] + crown_table[crown, r]


def patch_sums(geometry: SkyGeometry, radiances: tuple[np.ndarray, ...], weights: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return, for each cell, the radiation from the upper half space on several receivers.

    Parameters
    ----------
    geometry : SkyGeometry
        Which patches each cell sees.
    radiances : tuple of numpy.ndarray
        For each receiver the radiance of the patches [W/m2], (3, 153): open sky, crown, building.
    weights : tuple of numpy.ndarray
        For each receiver the weight of the patches, (153,).

    Returns
    -------
    numpy.ndarray
        float32 (receivers, y, x).
    """
    from models.heat.geometry import byte_tables

    count = len(weights)
    tables = np.empty((2, geometry.open_bits.shape[0], 256, count), np.float32)
    base = np.empty(count, np.float32)
    for r, (radiance, weight) in enumerate(zip(radiances, weights, strict=True)):
        hidden = radiance[2] * weight
        base[r] = hidden.sum()
        tables[0, :, :, r] = byte_tables(radiance[0] * weight - hidden)
        tables[1, :, :, r] = byte_tables(radiance[1] * weight - hidden)
    cells = geometry.open_bits.shape[1]
    out = np.empty((count, cells), np.float32)

    def block(start: int, stop: int) -> None:
        for first in range(start, stop, 4096):  # stay in cache
            _sum_planes(first, min(first + 4096, stop), geometry.open_bits, geometry.crown_bits, tables, base, out)

    in_blocks(block, cells, least=4096)
    return out.reshape(count, *geometry.shape)


@njit(cache=True, nogil=True)
def _mix(start, stop, shade, extra, lit, out):  # type: ignore[no-untyped-def]
    for n in range(start, stop):
        out[n] = shade[n] + lit[n] * extra[n]


def mixed_sums(
    geometry: SkyGeometry, radiances: tuple[np.ndarray, ...], lit_walls: tuple[np.ndarray, ...],
    weights: tuple[np.ndarray, ...], lit: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    """Return :func:`patch_sums` where the walls round each cell are lit in part.

    Parameters
    ----------
    geometry, radiances, weights
        As for :func:`patch_sums`; buildings as walls in shade.
    lit_walls : tuple of numpy.ndarray
        For each receiver what the sun adds to the radiance of walls [W/m2], (153,).
    lit : numpy.ndarray or None
        Lit share of the walls round each cell, float32 (y, x); None: all in shade.
    """
    if lit is None:
        return patch_sums(geometry, radiances, weights)
    count = len(weights)
    nothing = np.zeros_like(lit_walls[0])
    both = patch_sums(geometry, (*radiances, *(np.stack([nothing, nothing, e]) for e in lit_walls)), weights * 2)
    for r in range(count):
        in_blocks(_mix, lit.size, both[r].ravel(), both[count + r].ravel(), lit.ravel(), both[r].ravel(), least=65536)
    return both[:count]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"})
def _temperature(start, stop, sky, ground, sunlit, ground_weight, beam, scale, out):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(sky.shape[1]):
            taken = sky[i, j] + ground_weight * ground[i, j] + beam * sunlit[i, j]
            out[i, j] = np.float32(np.sqrt(np.sqrt(taken * scale)) - np.float32(273.15))


def body_temperature(
    sky: np.ndarray,
    ground: np.ndarray,
    sunlit: np.ndarray,
    ground_weight: np.float32,
    beam: np.float32,
    absorption: np.float32,
) -> np.ndarray:
    """Return the mean radiant temperature [degC] of each cell from what a person takes up [W/m2], float32 (y, x)."""
    out = np.empty(sky.shape, np.float32)
    scale = np.float32(1.0 / (float(absorption) * STEFAN_BOLTZMANN))
    in_blocks(_temperature, sky.shape[0], sky, ground, sunlit, ground_weight, beam, scale, out)
    return out


@njit(cache=True, nogil=True)
def _utci_map(start, stop, tmrt, air, c, out):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(tmrt.shape[1]):
            d = tmrt[i, j] - air
            if -30.0 <= d <= 70.0:
                out[i, j] = air + (((((c[6] * d + c[5]) * d + c[4]) * d + c[3]) * d + c[2]) * d + c[1]) * d + c[0]
            else:
                out[i, j] = np.nan


@njit(cache=True, nogil=True)
def _utci_local(start, stop, tmrt, wind, air, c, out):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(tmrt.shape[1]):
            d, v = tmrt[i, j] - air, max(wind[i, j], 0.5)
            if not (-30.0 <= d <= 70.0 and v <= 17.0):
                out[i, j] = np.nan
                continue
            total = 0.0
            for p in range(6, -1, -1):
                of_v = 0.0
                for q in range(6 - p, -1, -1):
                    of_v = of_v * v + c[p, q]
                total = total * d + of_v
            out[i, j] = air + total


def utci_of_map(
    tmrt: np.ndarray, air_temperature: float, table: np.ndarray, wind_speed: float | np.ndarray
) -> np.ndarray:
    """Return UTCI [degC] of a map of Tmrt [degC] at one air temperature and humidity, float32 (y, x).

    Parameters
    ----------
    tmrt : numpy.ndarray
        float32 (y, x).
    air_temperature : float
        [degC]
    table : numpy.ndarray
        What :func:`models.heat.indices.utci_coefficients` gave, (7, 7).
    wind_speed : float or numpy.ndarray
        [m/s] at 10 m, one value or (y, x); below 0.5 counts as 0.5, above 17 gives NaN.
    """
    out = np.empty(tmrt.shape, np.float32)
    if isinstance(wind_speed, np.ndarray):
        wind = np.ascontiguousarray(wind_speed, np.float32)
        in_blocks(_utci_local, tmrt.shape[0], tmrt, wind, air_temperature, table, out)
        return out
    coefficients = table @ max(wind_speed, 0.5) ** np.arange(7.0) if wind_speed <= 17.0 else np.full(7, np.nan)
    in_blocks(_utci_map, tmrt.shape[0], tmrt, air_temperature, coefficients, out)
    return out


@njit(cache=True, nogil=True)
def _utci_air(start, stop, tmrt, air, wind, calm, c, out):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(tmrt.shape[1]):
            t = air[i, j]
            d, v = tmrt[i, j] - t, max(wind[i, j] if calm < 0.0 else calm, 0.5)
            if not (-30.0 <= d <= 70.0 and v <= 17.0 and -50.0 <= t <= 50.0):
                out[i, j] = np.nan
                continue
            total = 0.0
            for p in range(6, -1, -1):
                of_v = 0.0
                for q in range(6 - p, -1, -1):
                    of_t = 0.0
                    for r in range(6 - p - q, -1, -1):
                        of_t = of_t * t + c[p, q, r]
                    of_v = of_v * v + of_t
                total = total * d + of_v
            out[i, j] = t + total


def utci_of_air(
    tmrt: np.ndarray, air_temperature: np.ndarray, cube: np.ndarray, wind_speed: float | np.ndarray
) -> np.ndarray:
    """Return UTCI [degC] of a map whose air temperature differs from cell to cell, float32 (y, x).

    Parameters
    ----------
    tmrt, air_temperature : numpy.ndarray
        [degC], float32 (y, x).
    cube : numpy.ndarray
        What :func:`models.heat.indices.utci_cube` gave for the vapour pressure, (7, 7, 7).
    wind_speed : float or numpy.ndarray
        [m/s] at 10 m, one value or (y, x); below 0.5 counts as 0.5, above 17 gives NaN.
    """
    out = np.empty(tmrt.shape, np.float32)
    local = isinstance(wind_speed, np.ndarray)
    wind = np.ascontiguousarray(wind_speed, np.float32) if local else np.empty((1, 1), np.float32)
    calm = -1.0 if local else float(wind_speed)
    in_blocks(_utci_air, tmrt.shape[0], tmrt, air_temperature, wind, calm, cube, out)
    return out
