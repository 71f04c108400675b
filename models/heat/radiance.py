"""How bright the surroundings are in each step: sky, crowns, walls and ground, in short and long waves.

Radiances are (3, 153): each patch as open sky, as crown and as building. Buildings in a patch stand for walls of all
orientations that can be seen in that direction; those round a cell are lit as far as the sun's sweep finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from models.heat.forcing import Forcing, wind_at
from models.heat.geometry import SkyGeometry
from models.heat.ground_view import GroundView
from models.heat.person import Person
from models.heat.radiation import STEFAN_BOLTZMANN, black_body
from models.heat.shading import leaf_transmissivity, sunlit_street
from models.heat.sky import DIRECTIONS, longwave_sky, shortwave_sky, sky_patches
from models.heat.street import Street, Walls
from models.heat.sums import mixed_sums
from models.heat.surfaces import deep_temperature, evaporated_share, ground_properties, heat_transfer, step_ground
from models.heat.windows import WindowSums
from models.layers import read_table
from models.parallel import in_blocks

__all__ = ["FLUXES", "Environment", "Radiances"]

FLUXES: dict[str, dict[str, str]] = {
    f"{wave}_{side}": {
        "units": "W m-2",
        "long_name": f"{long} radiation on a plane that faces {where}",
    }
    for wave, long in (("shortwave", "Shortwave"), ("longwave", "Longwave"))
    for side, where in (
        ("down", "upwards (from above)"),
        ("up", "downwards (from below)"),
        *((d, d) for d in DIRECTIONS),
    )
}
"""Radiation fluxes that a run can return, with their attributes."""

_NO_MAP = np.empty(0, np.float32)


@dataclass(frozen=True)
class Radiances:
    """The surroundings of one step; maps are float32 (y, x)."""

    shortwave: np.ndarray
    """Walls in shade, (3, 153) [W/m2]."""
    longwave: np.ndarray
    """Walls in shade, (3, 153) [W/m2]."""
    walls: Walls
    lit: np.ndarray | None
    """Lit share of the walls round each cell; None without sun."""
    sunlit: np.ndarray
    """Sunlit share."""
    taken: np.ndarray
    """What the person asked for takes up from above the horizon [W/m2], without the beam."""
    ground_shortwave: np.ndarray
    """Reflected by the ground [W/m2]."""
    ground_longwave: np.ndarray
    """Sent out by the ground [W/m2]."""
    surface_temperature: np.ndarray
    """[degC]"""

    def fluxes(self, surroundings: Environment, step: int) -> dict[str, np.ndarray]:
        """Return the short and longwave radiation from the six directions, by name."""
        patches, air = sky_patches(), surroundings.air
        weights = (patches.horizontal, *patches.vertical)
        maps: dict[str, np.ndarray] = {}
        for wave, radiance, extra, from_ground in (
            ("shortwave", self.shortwave, self.walls.shortwave_lit, self.ground_shortwave),
            ("longwave", self.longwave, self.walls.longwave_lit, self.ground_longwave),
        ):
            sums = mixed_sums(surroundings.geometry, (radiance,) * 5, (extra,) * 5, weights, self.lit)
            below = surroundings.view.mean(from_ground)
            maps[f"{wave}_down"], maps[f"{wave}_up"] = sums[0], below
            for number, side in enumerate(DIRECTIONS):
                maps[f"{wave}_{side}"] = sums[number + 1] + np.float32(0.5) * below
        elevation = np.radians(max(float(air.elevation[step]), 0.0))
        beam = self.sunlit * np.float32(air.direct[step])
        maps["shortwave_down"] = maps["shortwave_down"] + beam * np.float32(np.sin(elevation))
        azimuth = np.radians(surroundings.grid_azimuth(step))
        for number, side in enumerate(DIRECTIONS):
            share = np.cos(elevation) * max(np.cos(azimuth - np.pi / 2 * number), 0.0)
            maps[f"shortwave_{side}"] = maps[f"shortwave_{side}"] + beam * np.float32(share)
        return maps


class Environment:
    """The surroundings of a run: surfaces with a memory, brought forward step by step.

    Parameters
    ----------
    site : xarray.Dataset
        Layers of the grid.
    geometry : SkyGeometry
        What each cell sees.
    air : Forcing
        Weather of the run.
    latitude : float
        [deg]
    person : Person
        Who takes up radiation.
    isotropic : bool
        Whether the diffuse sky is equally bright.
    wall : str
        Material of the walls.
    sun : callable, optional
        Gives for a step the sunlit share of the cells and the lit share of walls, for a part of a grid whose
        surroundings are known elsewhere.
    """

    def __init__(
        self, site: xr.Dataset, geometry: SkyGeometry, air: Forcing, latitude: float, person: Person, *,
        isotropic: bool, wall: str, sun: Callable[[int], tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> None:  # fmt: skip
        self.geometry, self.air, self.person = geometry, air, person
        self._sun = sun
        self.ground = np.asarray(site["building_id"].values) == 0
        self.view = GroundView(self.ground, geometry.relief.cell)
        self._sums = WindowSums(geometry.shape)
        self._convergence = float(site.attrs.get("convergence", 0.0))
        self._latitude, self._isotropic = latitude, isotropic
        self._properties = ground_properties(site)
        self._street = Street(air, wall)
        self._foliage = read_table("models.heat", "foliage.csv")[0]
        self._deep = deep_temperature(air)
        horizontal = sky_patches().horizontal
        self._open_sky = geometry.patch_sum(horizontal, crowns=False)
        self._walls_seen = np.float32(1.0) - geometry.patch_sum(horizontal)
        self._excess = np.zeros(geometry.relief.surface.size, np.float32)
        self._mean_excess = np.zeros_like(self._excess)

    def grid_azimuth(self, step: int) -> float:
        """Return the sun's azimuth from grid north [deg]."""
        return float(self.air.azimuth[step]) - self._convergence

    def advance(self, step: int, warmer: np.ndarray | None = None) -> Radiances:
        """Return the surroundings of a step and move the memory of the surfaces on; steps must be taken in order.

        Parameters
        ----------
        step : int
            Number of the step.
        warmer : numpy.ndarray, optional
            How much warmer the air of each cell is than the station's [K], float32 (y, x).
        """
        air, shape = self.air, self.geometry.shape
        tau = leaf_transmissivity(int(pd.Timestamp(air.times[step]).day_of_year), self._latitude)
        elevation, azimuth = float(air.elevation[step]), self.grid_azimuth(step)
        direct = float(air.direct[step])
        light, lit = np.zeros(shape, np.float32), None
        if direct > 0.0 and elevation > 0.0 and self._sun is not None:
            light, lit = self._sun(step)
        elif direct > 0.0 and elevation > 0.0:
            light, lit = sunlit_street(self.geometry.relief, azimuth, elevation, tau, self._sums)
        walls = self._street.advance(step, azimuth)
        shortwave = self._shortwave(step, azimuth, elevation, tau, walls)
        longwave = self._longwave(step, tau, walls)
        received, taken = self._sums_above(shortwave, longwave, walls, lit)
        if direct > 0.0:
            received += light * np.float32(direct * np.sin(np.radians(max(elevation, 0.0))))
        temperature, sent = self._ground_step(step, received, walls, lit, warmer)
        reflected = self._properties.albedo.reshape(shape) * received
        return Radiances(shortwave, longwave, walls, lit, light, taken, reflected, sent, temperature)

    def _sums_above(
        self, shortwave: np.ndarray, longwave: np.ndarray, walls: Walls, lit: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the shortwave radiation on the ground and what the person takes up, both without the beam."""
        body, patches = self.person, sky_patches()
        k, long = body.shortwave_absorption, body.longwave_absorption
        absorbed = k * shortwave + long * longwave
        extra = k * walls.shortwave_lit + long * walls.longwave_lit
        if not shortwave.any():  # night
            taken = mixed_sums(self.geometry, (absorbed,), (extra,), (body.sky_weights(),), None)[0]
            return np.zeros(self.geometry.shape, np.float32), taken
        both = mixed_sums(
            self.geometry, (shortwave, absorbed), (walls.shortwave_lit, extra),
            (patches.horizontal, body.sky_weights()), lit,
        )  # fmt: skip
        return both[0], both[1]

    def _shortwave(self, step: int, azimuth: float, elevation: float, tau: float, walls: Walls) -> np.ndarray:
        air = self.air
        diffuse, direct = float(air.diffuse[step]), float(air.direct[step])
        out = np.zeros((3, sky_patches().azimuth.size))
        if diffuse <= 0.0 and direct <= 0.0:
            return out
        out[0] = shortwave_sky(
            diffuse, direct, azimuth, elevation, float(air.extraterrestrial[step]), isotropic=self._isotropic
        )
        total = diffuse + direct * np.sin(np.radians(max(elevation, 0.0)))
        out[1] = tau * out[0] + (1.0 - tau) * float(self._foliage["albedo"]) * 0.5 * total
        out[2] = walls.shortwave
        return out

    def _longwave(self, step: int, tau: float, walls: Walls) -> np.ndarray:
        black = float(black_body(float(self.air.air_temperature[step])))
        sky = longwave_sky(float(self.air.sky_emissivity[step]), black)
        return np.stack([sky, tau * sky + (1.0 - tau) * black, walls.longwave])

    def _ground_step(
        self, step: int, received: np.ndarray, walls: Walls, lit: np.ndarray | None, warmer: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        air, p = self.air, self._properties
        ta = float(air.air_temperature[step])
        black = float(black_body(ta))
        radiative = 4.0 * STEFAN_BOLTZMANN * (ta + 273.15) ** 3
        weights = sky_patches().horizontal
        of_sky = (float(air.sky_emissivity[step]) - 1.0) * black
        of_walls = np.float32((walls.longwave * weights).sum() - black)
        incoming = self._open_sky * np.float32(of_sky)
        if lit is None:
            incoming += self._walls_seen * of_walls
        else:
            incoming += self._walls_seen * (of_walls + lit * np.float32((walls.longwave_lit * weights).sum()))
        street = float(wind_at(1.1, air.wind_10m[step], 10.0))
        local = _NO_MAP if warmer is None else warmer.ravel()
        in_blocks(
            step_ground, self._excess.size, self._excess, received.ravel(), incoming.ravel(), p.albedo, p.emissivity,
            p.evaporation, p.land_cover, p.inertia, local, radiative, heat_transfer(street),
            float(self._deep[step]) - ta, evaporated_share(ta), float(air.seconds[step]), self._air_change(step),
            self._mean_excess, least=4096,
        )  # fmt: skip
        temperature = (self._mean_excess + np.float32(ta)).reshape(received.shape)
        emissivity = p.emissivity.reshape(received.shape)
        sent = emissivity * (np.float32(STEFAN_BOLTZMANN) * (temperature + np.float32(273.15)) ** 4)
        sent += (np.float32(1.0) - emissivity) * (np.float32(black) + incoming)
        return temperature, sent

    def _air_change(self, step: int) -> float:
        ta = self.air.air_temperature
        return float(ta[step] - ta[max(step - 1, 0)])
