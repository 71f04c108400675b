"""Wind where people stand, from the density of buildings and trees around them.

The wind of the weather station (open grass, 10 m) is carried up to a height where the town no longer matters and down
again over the roughness of each cell's neighbourhood; below the obstacles' height it fades exponentially. The
result is one share a cell: wind at 1.1 m over wind at the station. It is a mean over wind directions and over the
neighbourhood: it knows sheltered quarters from open ones, but not the jet round a corner or the lee of one house.

Sources: Macdonald et al. 1998, doi 10.1016/S1352-2310(97)00403-2 (roughness); Bentham & Britter 2003,
doi 10.1016/S1352-2310(03)00123-7 (wind between obstacles); Kent et al. 2017, doi 10.1016/j.jweia.2017.07.016 (trees).
Left out: wind direction, thermal winds, flow round single buildings.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from models.heat.geometry import spatial_coordinates
from models.heat.relief import relief_of
from models.layers import read_table, require_layers

__all__ = ["pedestrian_wind_share", "utci_wind", "wind_share"]

_HEIGHT = 1.1  # centre of a standing body [m]


@cache
def _numbers() -> dict[str, float]:
    return {row["name"]: float(row["value"]) for row in read_table("models.heat", "wind.csv")}


def wind_share(plan: np.ndarray, frontal: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Return wind at 1.1 m over wind at 10 m above open grass.

    Parameters
    ----------
    plan : numpy.ndarray
        Share of the ground under obstacles (crowns by their solid part), 0 to 1.
    frontal : numpy.ndarray
        Area that faces the wind over ground area (crowns by their drag).
    height : numpy.ndarray
        Mean height of the obstacles [m].

    Examples
    --------
    >>> float(wind_share(np.array([0.0]), np.array([0.0]), np.array([0.0]))[0].round(2))
    0.62
    """
    n = _numbers()
    grass, top = n["open_roughness"], n["blending"]
    plan = np.clip(plan, 0.0, 0.95)
    open_share = np.log(_HEIGHT / grass) / np.log(10.0 / grass)
    tall = np.maximum(height, 2.0)
    displacement = 1.0 + n["alpha"] ** -plan * (plan - 1.0)  # d/H
    pressure = 0.5 * n["beta"] * n["drag"] / n["von_karman"] ** 2 * (1.0 - displacement) * np.maximum(frontal, 1e-6)
    roughness = np.maximum((1.0 - displacement) * np.exp(-(pressure**-0.5)), grass / tall)  # z0/H
    above = np.log(top / grass) / np.log(10.0 / grass)  # wind at the blending height over wind at the station
    friction = n["von_karman"] * above / np.log((top / tall - displacement) / roughness)  # u* over wind at the station
    # force balance with a drag coefficient of 1: stress = half of frontal area times speed squared; Bentham & Britter
    # hold it constant above a frontal density of 0.2, here it goes on falling
    between = friction * np.sqrt(2.0 / np.maximum(frontal, 1e-6))
    return np.asarray(np.minimum(between, open_share))


def utci_wind(at_body: np.ndarray) -> np.ndarray:
    """Return the wind at 10 m [m/s] that UTCI takes for a wind at 1.1 m [m/s] (its own logarithmic profile)."""
    z0 = _numbers()["utci_roughness"]
    return np.asarray(at_body * (np.log(10.0 / z0) / np.log(_HEIGHT / z0)))


def _frontal(height: np.ndarray, cell: float) -> np.ndarray:
    """Return the area of faces per ground area that one wind direction meets, mean of the two axes."""
    total = np.zeros_like(height)
    for axis in (0, 1):
        rise = np.abs(np.diff(height, axis=axis)) * 0.5  # each body has two faces, one of them upwind
        edge = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        total[edge] += 0.5 * rise / cell
    return total


def pedestrian_wind_share(site: xr.Dataset) -> xr.DataArray:
    """Return how much of the station's wind reaches people: 0.6 on open grass, 0.2 to 0.3 in dense quarters.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height``, ``trunk_height`` [m] and ``building_id``.

    Returns
    -------
    xarray.DataArray
        Wind at 1.1 m over wind at 10 m above open grass, float32 (y, x).

    References
    ----------
    Macdonald et al. 1998; Bentham & Britter 2003; Kent et al. 2017.
    """
    from scipy.ndimage import uniform_filter

    require_layers(site, ("building_id",))
    relief = relief_of(site)
    n, cell = _numbers(), relief.cell
    solid = np.where(site["building_id"].values > 0, site["surface_height"].values - site["terrain_height"].values, 0.0)
    solid = np.maximum(solid, 0.0).astype(np.float32)
    crown = np.where(solid > 0, 0.0, site["canopy_height"].values).astype(np.float32)
    depth = np.where(crown > 0, crown - site["trunk_height"].values, 0.0).astype(np.float32)
    porosity = n["crown_porosity"]
    drag = (-1.251 * porosity**2 + 0.489 * porosity + 0.803) / n["drag"]
    size = 2 * max(round(n["window"] / cell), 1) + 1

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(uniform_filter(values.astype(np.float64), size, mode="nearest"))

    covered, leafy = mean(solid > 0), mean(crown > 0)
    volume = mean(solid) + mean(crown)
    height = volume / np.maximum(covered + leafy, 1e-6)
    frontal = mean(_frontal(solid, cell)) + drag * mean(_frontal(depth, cell))
    share = wind_share(covered + (1.0 - porosity) * leafy, np.maximum(frontal, 0.0), height)
    attrs = {"units": "1", "long_name": "Wind at 1.1 m over wind at 10 m above open grass"}
    return xr.DataArray(share.astype(np.float32), spatial_coordinates(site), ("y", "x"), "wind_share", attrs)
