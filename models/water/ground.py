"""The ground of a flood: bed, roughness and where water may lie, from the layers of a site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from models.layers import LAND_COVER, InputError, land_cover_property, require_layers, require_metric_grid

__all__ = ["BUILDINGS", "Ground"]

BUILDINGS = ("closed", "blocks", "holes")
"""What buildings are to the flow: closed faces with drained roofs, raised blocks, or holes that give no water."""

_LOWEST, _HIGHEST = -500.0, 9000.0  # [m] no city lies lower or higher
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
        off = active & ((bed < _LOWEST) | (bed > _HIGHEST))
        if off.any():
            row, column = np.argwhere(off)[0]
            raise InputError(
                f"terrain_height is {bed[row, column]:g} m in {int(off.sum())} cells, the first at x = "
                f"{float(site['x'][column]):.1f}, y = {float(site['y'][row]):.1f}: heights are metres above datum, from {_LOWEST:g} "
                f"to {_HIGHEST:g}; put NaN where -9999 or the like means that there is none."
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
            manning, source = _of_land_cover(site, active), "land_cover"
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


def _of_land_cover(site: xr.Dataset, active: np.ndarray) -> np.ndarray:
    """Return the roughness of the land cover; every open cell must have a code of the table."""
    codes, table = np.asarray(site["land_cover"].values), land_cover_property("manning_n")
    known = np.isfinite(codes) & (codes >= 0) & (codes < table.size)
    index = np.where(known, codes, 0).astype(np.int64)
    known &= (index == codes) & np.isfinite(table[index])
    bad = active & ~known
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"land_cover has code {codes[row, column]:g} in {int(bad.sum())} cells, the first at x = {float(site['x'][column]):.1f}, "
            f"y = {float(site['y'][row]):.1f}: allowed are "
            f"{', '.join(f'{code} ({name})' for name, code in LAND_COVER.items() if np.isfinite(table[code]))}."
        )
    return np.asarray(np.where(known, table[index], np.nan))
