"""The walls of an ordinary street under the weather of the run, in sun and in shade.

Walls have one temperature in sun and one in shade for each direction in which they are seen. What they receive from the sky
and from the ground is that of a long street of ordinary proportions (``tables/street.csv``), the mean over its
orientations, not that of the walls of this very site: so a part of a site gives what the whole gives. Which of the
walls round a cell are lit is known cell by cell (:mod:`models.heat.shading`).

Left out: walls of different materials in one run, and the difference between upper and lower parts of a wall.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from models.heat.forcing import Forcing, wind_at
from models.heat.radiation import STEFAN_BOLTZMANN, black_body
from models.heat.sky import sky_patches
from models.heat.surfaces import WallState, deep_temperature, evaporated_share, facing, heat_transfer, step_ground
from models.layers import read_table

__all__ = ["Street", "Walls"]


class Walls(NamedTuple):
    """Brightness of walls by the patch in which they are seen, (153,) [W/m2]."""

    shortwave: np.ndarray
    """In shade."""
    shortwave_lit: np.ndarray
    """What the sun adds."""
    longwave: np.ndarray
    longwave_lit: np.ndarray


@cache
def _numbers() -> dict[str, float]:
    return {row["name"]: float(row["value"]) for row in read_table("models.heat", "street.csv")}


def sunlit_floor(aspect: float, elevation: float) -> float:
    """Return the sunlit share of the floor of long streets, mean over all orientations.

    Parameters
    ----------
    aspect : float
        Height over width.
    elevation : float
        Sun [deg].

    Examples
    --------
    >>> sunlit_floor(0.6, 90.0), round(sunlit_floor(1.0, 45.0), 2)
    (1.0, 0.36)
    """
    if elevation <= 0.0:
        return 0.0
    if elevation >= 90.0:
        return 1.0
    turn = (np.arange(180) + 0.5) * (math.pi / 360.0)
    reach = aspect / math.tan(math.radians(elevation))
    return float(1.0 - np.minimum(reach * np.sin(turn), 1.0).mean())


class Street:
    """Walls and ground of the ordinary street, brought forward step by step.

    Parameters
    ----------
    air : Forcing
        Weather of the run.
    wall : str
        Material of the walls, a name of ``tables/wall.csv``.
    """

    def __init__(self, air: Forcing, wall: str) -> None:
        n = _numbers()
        self._air, self._walls = air, WallState(wall)
        self._deep = deep_temperature(air)
        self._sky = math.sqrt(1.0 + n["aspect"] ** 2) - n["aspect"]  # mean sky view of the floor
        self._albedo, self._aspect = n["albedo"], n["aspect"]
        self._floor = [np.array([n[name]], np.float32) for name in ("albedo", "emissivity", "evaporation")]
        self._inertia = np.full(256, n["inertia"])
        self._excess, self._mean = np.zeros(1, np.float32), np.zeros(1, np.float32)

    def advance(self, step: int, azimuth: float) -> Walls:
        """Return the walls of a step and move their memory on; ``azimuth``: sun from grid north [deg]."""
        air = self._air
        elevation = max(float(air.elevation[step]), 0.0)
        diffuse, direct = float(air.diffuse[step]), float(air.direct[step])
        ta, seconds = float(air.air_temperature[step]), float(air.seconds[step])
        change = ta - float(air.air_temperature[max(step - 1, 0)])
        total = diffuse + direct * math.sin(math.radians(elevation))
        in_shade = 0.5 * self._sky * (diffuse + self._albedo * total)
        beam = direct * math.cos(math.radians(elevation)) * facing(azimuth - sky_patches().azimuth - 180.0)
        black = float(black_body(ta))
        radiative = 4.0 * STEFAN_BOLTZMANN * (ta + 273.15) ** 3
        from_sky = (float(air.sky_emissivity[step]) - 1.0) * black
        incoming = 0.5 * (self._sky * from_sky + radiative * float(self._mean[0]))
        convective = heat_transfer(float(wind_at(1.1, air.wind_10m[step], 10.0)))
        deep = float(self._deep[step]) - ta
        received = np.stack([np.full(beam.size, in_shade), in_shade + beam])
        warm = self._walls.step(received, incoming, ta, convective, deep, seconds, change)
        e = self._walls.emissivity
        sent = e * black_body(ta + warm) + (1.0 - e) * (black + incoming)
        floor = self._sky * diffuse + sunlit_floor(self._aspect, elevation) * (total - diffuse)
        floor += (1.0 - self._sky) * self._walls.albedo * in_shade
        of_walls = float(((sent.mean(axis=0) - black) * sky_patches().horizontal).sum())
        step_ground(
            0, 1, self._excess, np.array([floor], np.float32),
            np.array([self._sky * from_sky + (1.0 - self._sky) * of_walls], np.float32), self._floor[0], self._floor[1], self._floor[2],
            np.zeros(1, np.uint8), self._inertia, np.empty(0, np.float32), radiative, convective, deep,
            evaporated_share(ta), seconds, change, self._mean,
        )  # fmt: skip
        return Walls(
            np.full(beam.size, self._walls.albedo * in_shade), self._walls.albedo * beam, sent[0], sent[1] - sent[0]
        )
