"""The pale ground that layers lie on which cover only part of it, such as flood depths: relief, green, paving, water.

Nothing of it has a meaning in the legend; it shows where one is.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from models.layers import LAND_COVER
from twin.view.palettes import WATER

__all__ = ["backdrop"]

_PAVED, _GREEN, _OTHER = (236, 234, 230), (226, 233, 218), (233, 229, 220)
_GREENS = ("grass", "shrub", "green_roof")
_SEALED = ("asphalt", "paved", "cobble")
_RELIEF = 2.5  # slopes are shown this much steeper than they are: town streets are nearly level


def backdrop(site: xr.Dataset) -> np.ndarray:
    """Return the pale ground of a site, uint8 (y, x, 3), row 0 = north.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers; ``terrain_height`` gives the relief, ``land_cover`` the tints, as far as they are there.
    """
    shape = (site.sizes["y"], site.sizes["x"])
    image = np.empty((*shape, 3), np.float32)
    image[:] = _OTHER
    if "land_cover" in site:
        cover = site["land_cover"].values
        for names, colour in ((_SEALED, _PAVED), (_GREENS, _GREEN)):
            image[np.isin(cover, [LAND_COVER[name] for name in names])] = colour
    if "terrain_height" in site:
        image *= _relief(site)[..., None]
    if "land_cover" in site:
        image[site["land_cover"].values == LAND_COVER["water"]] = WATER
    return np.clip(image, 0, 255).astype(np.uint8)


def _relief(site: xr.Dataset) -> np.ndarray:
    """Brightness 0.86..1.04 of terrain lit from the north-west (azimuth 315, elevation 45 deg); level ground has 1."""
    cell = abs(float(site["x"].values[1] - site["x"].values[0]))
    height = site["terrain_height"].values.astype(np.float32)
    height = np.where(np.isnan(height), np.nanmean(height) if np.isfinite(height).any() else 0.0, height)
    south, east = np.gradient(_RELIEF * height, cell)
    lit = (0.7071 + 0.5 * east + 0.5 * south) / np.sqrt(1.0 + east**2 + south**2)
    return np.asarray(np.clip(1.0 + 0.45 * (lit - 0.7071), 0.86, 1.04), dtype=np.float32)
