"""The ground of a flood: bed, roughness and where water may lie, from the layers of a site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from models.layers import InputError, land_cover_property, require_layers, require_metric_grid

__all__ = ["BUILDINGS", "Ground"]

BUILDINGS = ("closed", "blocks", "holes")
"""What buildings are to the flow: closed faces with drained roofs, raised blocks, or holes that give no water."""

_BLOCK = 5.0  # [m] a building without known height stands this much above its ground
_ROUGHEST = 1.0


@dataclass(frozen=True)
class Ground:
    """Bed and roughness of a site.

    Attributes
    ----------
    bed : numpy.ndarray
        [m above datum], (y, x).
    manning : numpy.ndarray
        [s m^-1/3].
    active : numpy.ndarray
        True where water may lie.
    cell_size : float
        [m].
    """

    bed: np.ndarray
    manning: np.ndarray
    active: np.ndarray
    cell_size: float

    @classmethod
    def of(cls, site: xr.Dataset, buildings: str, nodata: str) -> Ground:
        """Read and check the layers ``terrain_height``, ``building_id``, ``surface_height``, ``land_cover``, ``manning_n``."""
        require_layers(site, ("terrain_height",))
        cell_size = require_metric_grid(site)
        if buildings not in BUILDINGS:
            raise InputError(f"buildings is {buildings!r}: choose one of {', '.join(BUILDINGS)}.")
        bed = np.asarray(site["terrain_height"].values)
        bed = bed if bed.dtype.kind == "f" else bed.astype(np.float64)
        active = np.isfinite(bed)
        if not active.all() and nodata != "outside":
            row, column = np.argwhere(~active)[0]
            raise InputError(
                f"terrain_height has {int((~active).sum())} cells without a height, the first at x = "
                f"{float(site['x'][column]):.1f}, y = {float(site['y'][row]):.1f}: fill the terrain, or pass "
                "nodata='outside' to leave these cells out."
            )
        if active.sum() < 4:
            raise InputError("terrain_height holds no ground: at least 4 cells with a height are needed.")
        manning = cls._roughness(site, active)
        if "building_id" in site and (building := site["building_id"].values > 0).any():
            if buildings == "blocks":
                roof = site["surface_height"].values if "surface_height" in site else bed + _BLOCK
                bed = np.where(building & (roof > bed), roof, bed).astype(bed.dtype)
            else:
                active &= ~building
        if not active.any():
            raise InputError("Buildings cover the whole grid: there is no ground for water to flow on.")
        return cls(bed, manning, active, cell_size)

    @staticmethod
    def _roughness(site: xr.Dataset, active: np.ndarray) -> np.ndarray:
        if "manning_n" in site:
            require_layers(site, ("manning_n",))
            manning, source = np.asarray(site["manning_n"].values), "manning_n"
        elif "land_cover" in site:
            require_layers(site, ("land_cover",))
            manning, source = land_cover_property("manning_n")[site["land_cover"].values], "land_cover"
        else:
            raise InputError("The site has neither 'manning_n' nor 'land_cover': the flow needs a roughness, add one.")
        bad = active & ~((manning > 0) & (manning <= _ROUGHEST))
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise InputError(
                f"Roughness from {source!r} is {manning[row, column]:g} s m^-1/3 in {int(bad.sum())} cells, the first at x = "
                f"{float(site['x'][column]):.1f}, y = {float(site['y'][row]):.1f}: allowed is above 0 to {_ROUGHEST:g}, "
                "smooth concrete is 0.012."
            )
        return manning
