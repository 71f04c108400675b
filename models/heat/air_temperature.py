"""Air temperature of each cell, from the weather station's and from what lies round the cell, by day and by night.

    T(cell) = T(station) + A [ n(t) night(cell) + 0.5 d(t) day(cell) ],   A = (S DTR^3 / U)^(1/4)

``A`` [K] is the strength of the urban heat island that the weather of the day allows (mean global radiation S [K m/s], daily
range DTR [K], mean wind U [m/s]). ``night`` is (1 - sky view) + (1 - green share), ``day`` the cooling capacity that is missing
(shade of crowns, albedo, evapotranspiration); both are contrasts to a station on open short grass and are averaged over
two neighbourhoods, one that a street's thermometer feels and one as large as a quarter. ``n`` grows after sunset and
fades after sunrise, ``d`` follows the sun. Green is what evaporates: watered grass, trees, green roofs and water count, dried-out
grass does not (``soil_moisture``). On an open lawn the station's temperature comes out exactly.

Sources: Theeuwes et al. 2017, doi 10.1002/joc.4717 (A and the night contrast, fitted to towns of north-western Europe
with sky views of 0.2 to 0.9 and green shares up to 0.4); InVEST Urban Cooling Model (cooling capacity); Oke 1982, doi
10.1002/qj.49710845502 (course of the day); numbers in ``tables/air.csv``. The strength by day and the two windows are
choices of this model, checked by their size only. Left out: cold air that flows down slopes, wind that
carries air away from where it was cooled, heat from traffic and buildings, the warmth of water bodies at night; humidity stays that of the station
(vapour pressure).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from models.heat.forcing import Forcing
from models.heat.geometry import SkyGeometry
from models.heat.shading import leaf_transmissivity
from models.heat.sky import sky_patches
from models.heat.surfaces import day_windows, ground_of, ground_properties
from models.heat.windows import WindowSums
from models.layers import InputError, land_cover_property, read_table

__all__ = ["REACH", "AirContrast", "air_contrast", "heat_island"]

_GRASS = "grass"


@cache
def _numbers() -> dict[str, float]:
    return {row["name"]: float(row["value"]) for row in read_table("models.heat", "air.csv")}


REACH = _numbers()["wide"]
"""How far away ground can change the air of a cell [m]."""


class AirContrast:
    """How much warmer the air of each cell is than the station's; made by :func:`air_contrast`.

    Parameters
    ----------
    night, day : numpy.ndarray
        Contrasts to open grass, float32 (y, x).
    air : Forcing
        Weather of the run.
    """

    def __init__(self, night: np.ndarray, day: np.ndarray, air: Forcing) -> None:
        self.night, self.day, self._air = night, day, air
        self._weights = heat_island(air)

    def part(self, part: tuple[slice, slice]) -> AirContrast:
        """Return the contrasts of a part of the grid: rows and columns."""
        return AirContrast(np.ascontiguousarray(self.night[part]), np.ascontiguousarray(self.day[part]), self._air)

    def warmer(self, step: int) -> np.ndarray:
        """Return how much warmer each cell is in one step [K], float32 (y, x)."""
        night, day = (np.float32(weight[step]) for weight in self._weights)
        return np.asarray(night * self.night + day * self.day)


def heat_island(air: Forcing) -> tuple[np.ndarray, np.ndarray]:
    """Return the strength of the contrasts of night and day in each step [K], two arrays (time,).

    Raises
    ------
    InputError
        If the run is shorter than a day: the daily range of temperature must be known.
    """
    n = _numbers()
    length = (air.times[-1] - air.times[0]) / np.timedelta64(1, "h") + air.average / 3600.0
    if length < 23.0:
        raise InputError(
            f"air='local' needs the weather of a whole day, this run has {length:.3g} h: give 24 hours, or use air='station'."
        )
    low, high = day_windows(air)
    sine = np.sin(np.radians(np.maximum(air.elevation, 0.0)))
    radiation, weight = air.diffuse + air.direct * sine, air.seconds
    strength, sun = np.empty(low.size), np.zeros(low.size)
    for step, (first, last) in enumerate(zip(low, high, strict=True)):
        w = weight[first:last]
        mean = (radiation[first:last] * w).sum() / w.sum() / n["heat_capacity"]
        wind = max((air.wind_10m[first:last] * w).sum() / w.sum(), n["least_wind"])
        ta = air.air_temperature[first:last]
        strength[step] = (mean * (ta.max() - ta.min()) ** 3 / wind) ** 0.25
        sun[step] = sine[step] / max(sine[first:last].max(), 1e-6)
    dark, share = np.empty(low.size), 0.0
    for turn in range(2):  # the first day stands for the day before
        for step in range(low.size if turn else int(high[0])):
            hours = air.seconds[step] / 3600.0
            if air.elevation[step] > 0.0:
                share *= np.exp(-hours / n["decay"])
            else:
                share = 1.0 - (1.0 - share) * np.exp(-hours / n["growth"])
            dark[step] = share
    return strength * dark, n["day"] * strength * sun


def _mixed(values: np.ndarray, counted: np.ndarray, cell: float, sums: WindowSums) -> np.ndarray:
    """Return the mean over the two neighbourhoods of the cells that count, by two passes of a square window each."""
    n = _numbers()
    out = np.zeros(values.shape, np.float32)
    for half_width, share in ((n["near"], n["near_share"]), (n["wide"], 1.0 - n["near_share"])):
        radius = max(round(0.5 * half_width / cell), 1)
        scale = min(4096.0, 2.0**29 / (2 * radius + 1) ** 2)  # contrasts reach 2: sums fit 32 bits
        field, known = values, counted
        for _ in range(2):
            total = sums.total(np.where(known, np.rint(field * np.float32(scale)), 0.0).astype(np.int32), radius)
            number = sums.total(known.astype(np.int32), radius)
            field = np.divide(total, number * np.float32(scale), out=np.zeros_like(total), where=number > 0)
            known = number > 0
        out += np.float32(share) * field
    return out


def air_contrast(site: xr.Dataset, geometry: SkyGeometry, air: Forcing, latitude: float) -> AirContrast:
    """Return the contrasts of each cell to open grass under the weather of a run.

    Parameters
    ----------
    site : xarray.Dataset
        ``land_cover``, ``building_id``, ``canopy_height``; ``albedo`` and ``soil_moisture`` where known.
    geometry : SkyGeometry
        What each cell sees.
    air : Forcing
        Weather.
    latitude : float
        [deg]
    """
    n, shape = _numbers(), geometry.shape
    ground = ground_properties(site)
    crown = np.asarray(site["canopy_height"].values) > 0.0
    grass = ground_of(_GRASS)
    wet = np.nan_to_num(ground.evaporation).reshape(shape)
    wet = np.where(crown, np.maximum(wet, np.float32(n["tree"])), wet)
    first = int((air.times[0] - air.times[0].astype("datetime64[Y]")) / np.timedelta64(1, "D")) + 1
    shade = crown * np.float32(1.0 - leaf_transmissivity(first, latitude))
    albedo = np.nan_to_num(ground.albedo, nan=0.2).reshape(shape)
    lawn = land_cover_property("albedo")[grass.code]
    day = -(
        np.float32(n["shade"]) * shade
        + np.float32(n["albedo"]) * (albedo - lawn)
        + np.float32(n["evapotranspiration"]) * (wet - np.float32(grass.evaporation))
    )
    bare = np.float32(1.0) - np.clip(wet / np.float32(grass.evaporation), 0.0, 1.0)
    hidden = np.float32(1.0) - np.minimum(geometry.patch_sum(sky_patches().horizontal), np.float32(1.0))
    cell, sums = geometry.relief.cell, WindowSums(shape)
    everywhere, open_air = np.ones(shape, bool), np.asarray(site["building_id"].values) == 0
    night = _mixed(hidden, open_air, cell, sums) + _mixed(bare, everywhere, cell, sums)
    return AirContrast(night, _mixed(day, everywhere, cell, sums), air)
