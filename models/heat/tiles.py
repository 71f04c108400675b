"""How far away something can change a cell: what a tile must know round its own area to give the cells of the whole."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from models.heat.air_temperature import REACH
from models.heat.forcing import forcing
from models.heat.ground_view import WINDOWS
from models.heat.relief import relief_of
from models.heat.shading import NEIGHBOURHOOD
from models.heat.sky import sky_patches
from models.heat.stepping import place_of
from models.layers import InputError

__all__ = ["halo"]


def halo(
    site: xr.Dataset, weather: xr.Dataset, *, latitude: float | None = None, longitude: float | None = None,
    air: str = "station",
) -> int:  # fmt: skip
    """Return how many cells a tile needs round its own area, so that its results equal those of the whole site.

    A tile cut out with this halo gives bit for bit what the whole site gives, once the halo is cut away: shadows of the
    highest object at the lowest sun of the weather, the lowest ring of the sky, and the windows of what a person sees fit in.

    Parameters
    ----------
    site : xarray.Dataset
        The whole site, or one that holds its highest and lowest point.
    weather : xarray.Dataset
        As for :func:`models.heat.simulate`.
    latitude, longitude : float, optional
        Place [deg], instead of the site's.
    air : {"station", "local"}
        As for :func:`models.heat.simulate`; "local" looks further.

    Returns
    -------
    int
        Cells.

    Examples
    --------
    >>> rim = halo(site, weather)                                               # doctest: +SKIP
    >>> tile = site.isel(y=slice(1000 - rim, 2000 + rim), x=slice(1000 - rim, 2000 + rim))   # doctest: +SKIP
    >>> part = simulate(tile, weather).isel(y=slice(rim, -rim), x=slice(rim, -rim))          # doctest: +SKIP
    """
    if air not in ("station", "local"):
        raise InputError(f"air={air!r} is unknown: use 'station' or 'local'.")
    relief = relief_of(site)
    course = forcing(weather, *place_of(site, latitude, longitude))
    sunny = (course.direct > 0.0) & (course.elevation > 0.0)
    lowest = min([float(sky_patches().elevation.min()), *np.asarray(course.elevation)[sunny].tolist()])
    reach = (relief.span[1] - relief.span[0]) / math.tan(math.radians(lowest))
    windows = max(half_width for half_width, _ in WINDOWS) + NEIGHBOURHOOD + (REACH if air == "local" else 0.0)
    # one cell for the width of a line, half a cell a window for rounding, one for walls between two cells
    return math.ceil((reach + windows) / relief.cell) + 4
