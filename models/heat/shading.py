"""Sun and shade of buildings, terrain and crowns at one sun position.

The sun is a point; a crown lets the share of its table through. See :mod:`models.heat.sweeps` for the method.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from models.heat.geometry import spatial_coordinates, sun_bits
from models.heat.relief import Relief, relief_of
from models.heat.windows import WindowSums
from models.layers import InputError, read_table

__all__ = ["NEIGHBOURHOOD", "leaf_transmissivity", "shadow", "sunlit", "sunlit_street"]

NEIGHBOURHOOD = 30.0
"""Half width of the window in which walls count as those of one street [m]."""


def leaf_transmissivity(day_of_year: int, latitude: float) -> float:
    """Return the share of sunlight that crowns let through on a day (leaves on or off), ``tables/foliage.csv``.

    Parameters
    ----------
    day_of_year : int
        1 to 366.
    latitude : float
        [deg]; the seasons are turned round south of the equator.

    Examples
    --------
    >>> leaf_transmissivity(200, 52.0), leaf_transmissivity(20, 52.0)
    (0.03, 0.5)
    """
    row = read_table("models.heat", "foliage.csv")[0]
    day = day_of_year if latitude >= 0 else (day_of_year + 182) % 365 + 1
    on = int(row["first_day"]) <= day <= int(row["last_day"])
    return float(row["leaf_on" if on else "leaf_off"])


def sunlit(relief: Relief, azimuth: float, elevation: float, transmissivity: float) -> np.ndarray:
    """Return the sunlit share of each cell, float32 (cells,).

    Parameters
    ----------
    relief : Relief
        Heights of the site.
    azimuth, elevation : float
        Sun [deg], azimuth from grid north.
    transmissivity : float
        Share of sunlight that crowns let through.
    """
    if elevation <= 0.0:
        return np.zeros(relief.surface.size, np.float32)
    return _shares(transmissivity)[sun_bits(relief, azimuth, elevation)[0]]


def sunlit_street(
    relief: Relief, azimuth: float, elevation: float, transmissivity: float, sums: WindowSums
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sunlit share of each cell, and the lit share of the walls round it that face the sun; float32 (y, x).

    Walls count within :data:`NEIGHBOURHOOD`; where none faces the sun the share is 1.
    """
    found, walls = sun_bits(relief, azimuth, elevation, walls=True)
    radius = max(round(NEIGHBOURHOOD / relief.cell), 1)
    total, lit = sums.total(walls[0], radius), sums.total(walls[1], radius)
    np.divide(lit, total, out=lit, where=total > 0)
    lit[total == 0] = 1.0
    return _shares(transmissivity)[found].reshape(relief.shape), lit


def _shares(transmissivity: float) -> np.ndarray:
    return np.array([0.0, 1.0, 0.0, transmissivity], dtype=np.float32)


def shadow(site: xr.Dataset, azimuth: float, elevation: float, *, transmissivity: float | None = None) -> xr.DataArray:
    """Return where the sun shines: 1 in the sun, 0 in the shade of terrain and buildings, in between under crowns.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height`` and ``trunk_height`` [m] on ("y", "x").
    azimuth : float
        Sun [deg], clockwise from grid north.
    elevation : float
        Sun [deg] above the horizon; all is shade when it is below.
    transmissivity : float, optional
        Share of sunlight that crowns let through; by default crowns in leaf.

    Returns
    -------
    xarray.DataArray
        Sunlit fraction, float32 (y, x).

    Examples
    --------
    >>> noon = shadow(site, azimuth=180.0, elevation=60.0)     # doctest: +SKIP
    """
    if not -90.0 <= elevation <= 90.0:
        raise InputError(f"elevation={elevation:g} is no sun elevation: give degrees above the horizon, -90 to 90.")
    if not np.isfinite(azimuth):
        raise InputError(f"azimuth={azimuth} is no sun azimuth: give degrees clockwise from grid north.")
    relief = relief_of(site)
    tau = leaf_transmissivity(200, 50.0) if transmissivity is None else transmissivity
    if not 0.0 <= tau <= 1.0:
        raise InputError(f"transmissivity={tau:g} is no share: give a number from 0 to 1.")
    values = sunlit(relief, azimuth, elevation, tau)
    attrs = {"units": "1", "long_name": "Sunlit fraction"}
    return xr.DataArray(values.reshape(relief.shape), spatial_coordinates(site), ("y", "x"), "shadow", attrs)
