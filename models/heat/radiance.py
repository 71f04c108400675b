"""How bright the surroundings are in each step: sky, crowns, walls and ground, in short and long waves.

Radiances are (3, 153): each patch as open sky, as crown and as building. Buildings in a patch stand for walls of all
orientations that can be seen in that direction; a share of those that face the sun is lit, as the shadow sweep
finds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from models.heat.forcing import Forcing, wind_at
from models.heat.geometry import SkyGeometry
from models.heat.ground_view import GroundView
from models.heat.radiation import STEFAN_BOLTZMANN, black_body
from models.heat.shading import leaf_transmissivity, sunlit
from models.heat.sky import DIRECTIONS, longwave_sky, shortwave_sky, sky_patches
from models.heat.sums import patch_sums
from models.heat.surfaces import (
    WallState,
    deep_temperature,
    evaporated_share,
    facing,
    ground_properties,
    heat_transfer,
    step_ground,
)
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


@dataclass(frozen=True)
class Radiances:
    """The surroundings of one step."""

    shortwave: np.ndarray
    """(3, 153) [W/m2]."""
    longwave: np.ndarray
    """(3, 153) [W/m2]."""
    sunlit: np.ndarray
    """Sunlit share, float32 (y, x)."""
    ground_shortwave: np.ndarray
    """Reflected by the ground [W/m2], float32 (y, x)."""
    ground_longwave: np.ndarray
    """Sent out by the ground [W/m2], float32 (y, x)."""
    surface_temperature: np.ndarray
    """[degC], float32 (y, x)."""
    ground_received: np.ndarray
    """Shortwave radiation on the ground [W/m2], float32 (y, x)."""

    def fluxes(self, surroundings: Environment, step: int) -> dict[str, np.ndarray]:
        """Return the short and longwave radiation from the six directions, by name."""
        patches, air = sky_patches(), surroundings.air
        weights = (patches.horizontal, *patches.vertical)
        maps: dict[str, np.ndarray] = {}
        for wave, radiance, from_ground in (
            ("shortwave", self.shortwave, self.ground_shortwave),
            ("longwave", self.longwave, self.ground_longwave),
        ):
            sums = patch_sums(surroundings.geometry, (radiance,) * 5, weights)
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
    isotropic : bool
        Whether the diffuse sky is equally bright.
    wall : str
        Material of the walls.
    """

    def __init__(
        self, site: xr.Dataset, geometry: SkyGeometry, air: Forcing, latitude: float, *, isotropic: bool, wall: str
    ) -> None:
        self.geometry, self.air = geometry, air
        self.ground = np.asarray(site["building_id"].values) == 0
        self.view = GroundView(self.ground, geometry.relief.cell)
        self._convergence = float(site.attrs.get("convergence", 0.0))
        self._latitude, self._isotropic = latitude, isotropic
        self._properties = ground_properties(site)
        self._walls = WallState(wall)
        self._foliage = read_table("models.heat", "foliage.csv")[0]
        self._deep = deep_temperature(air)
        self._svf = geometry.patch_sum(sky_patches().horizontal, crowns=False)
        walls = 1.0 - geometry.patch_sum(sky_patches().horizontal) if self.ground.any() else self._svf
        self._walls_seen = walls
        self._mean_svf = float(self._svf[self.ground].mean()) if self.ground.any() else 1.0
        self._mean_albedo = (
            float(self._properties.albedo.reshape(geometry.shape)[self.ground].mean()) if self.ground.any() else 0.2
        )
        self._excess = np.zeros(geometry.relief.surface.size, np.float32)
        self._mean_excess = np.zeros_like(self._excess)
        self._ground_excess = 0.0

    def grid_azimuth(self, step: int) -> float:
        """Return the sun's azimuth from grid north [deg]."""
        return float(self.air.azimuth[step]) - self._convergence

    def advance(self, step: int) -> Radiances:
        """Return the surroundings of a step and move the memory of the surfaces on; steps must be taken in order."""
        air = self.air
        day = int(pd.Timestamp(air.times[step]).day_of_year)
        tau = leaf_transmissivity(day, self._latitude)
        elevation, azimuth = float(air.elevation[step]), self.grid_azimuth(step)
        direct = float(air.direct[step])
        if direct > 0.0 and elevation > 0.0:
            light, lit = sunlit(self.geometry.relief, azimuth, elevation, tau)
        else:
            light, lit = np.zeros(self.geometry.relief.surface.size, np.float32), 0.0
        light = light.reshape(self.geometry.shape)
        shortwave = self._shortwave(step, azimuth, elevation, tau, lit)
        longwave = self._longwave(step, tau, lit)
        horizontal = np.float32(direct * np.sin(np.radians(max(elevation, 0.0))))
        received = patch_sums(self.geometry, (shortwave,), (sky_patches().horizontal,))[0]
        received += light * horizontal
        temperature, sent = self._ground_step(step, received, longwave)
        reflected = self._properties.albedo.reshape(received.shape) * received
        return Radiances(shortwave, longwave, light, reflected, sent, temperature, received)

    def _air_change(self, step: int) -> float:
        ta = self.air.air_temperature
        return float(ta[step] - ta[max(step - 1, 0)])

    def _shortwave(self, step: int, azimuth: float, elevation: float, tau: float, lit: float) -> np.ndarray:
        air = self.air
        diffuse, direct = float(air.diffuse[step]), float(air.direct[step])
        out = np.zeros((3, sky_patches().azimuth.size))
        if diffuse <= 0.0 and direct <= 0.0:
            self._wall_received = np.zeros((2, out.shape[1]))
            return out
        out[0] = shortwave_sky(
            diffuse, direct, azimuth, elevation, float(air.extraterrestrial[step]), isotropic=self._isotropic
        )
        sun = np.radians(max(elevation, 0.0))
        total = diffuse + direct * np.sin(sun)
        out[1] = tau * out[0] + (1.0 - tau) * float(self._foliage["albedo"]) * 0.5 * total
        on_wall = 0.5 * self._mean_svf * (diffuse + self._mean_albedo * total)
        beam = direct * np.cos(sun) * facing(azimuth - sky_patches().azimuth - 180.0)
        self._wall_received = np.stack([np.full(beam.size, on_wall), on_wall + beam])
        out[2] = self._walls.albedo * (on_wall + lit * beam)
        return out

    def _longwave(self, step: int, tau: float, lit: float) -> np.ndarray:
        air = self.air
        ta = float(air.air_temperature[step])
        black = float(black_body(ta))
        radiative = 4.0 * STEFAN_BOLTZMANN * (ta + 273.15) ** 3
        sky = longwave_sky(float(air.sky_emissivity[step]), black)
        street = float(wind_at(1.1, air.wind_10m[step : step + 1], 10.0)[0])
        sky_excess = (float(air.sky_emissivity[step]) - 1.0) * black
        incoming = 0.5 * (self._mean_svf * sky_excess + radiative * self._ground_excess)
        warm = self._walls.step(
            self._wall_received, incoming, ta, heat_transfer(street), float(self._deep[step]) - ta,
            float(air.seconds[step]), self._air_change(step),
        )  # fmt: skip
        wall_excess = warm[0] + lit * (warm[1] - warm[0])
        e = self._walls.emissivity
        wall = e * black_body(ta + wall_excess) + (1.0 - e) * (black + incoming)
        return np.stack([sky, tau * sky + (1.0 - tau) * black, wall])

    def _ground_step(self, step: int, received: np.ndarray, longwave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        air, p = self.air, self._properties
        ta = float(air.air_temperature[step])
        black = float(black_body(ta))
        radiative = 4.0 * STEFAN_BOLTZMANN * (ta + 273.15) ** 3
        weights = sky_patches().horizontal
        of_walls = float((longwave[2] * weights).sum() - black)
        of_sky = (float(air.sky_emissivity[step]) - 1.0) * black
        incoming = self._svf * np.float32(of_sky) + self._walls_seen * np.float32(of_walls)
        street = float(wind_at(1.1, air.wind_10m[step : step + 1], 10.0)[0])
        in_blocks(
            step_ground, self._excess.size, self._excess, received.ravel(), incoming.ravel(), p.albedo,
            p.emissivity, p.evaporation,
            p.land_cover, p.inertia, radiative, heat_transfer(street), float(self._deep[step]) - ta,
            evaporated_share(ta),
            float(air.seconds[step]), self._air_change(step), self._mean_excess, least=4096,
        )  # fmt: skip
        temperature = (self._mean_excess + np.float32(ta)).reshape(received.shape)
        emissivity = p.emissivity.reshape(received.shape)
        sent = emissivity * (np.float32(STEFAN_BOLTZMANN) * (temperature + np.float32(273.15)) ** 4)
        sent += (np.float32(1.0) - emissivity) * (np.float32(black) + incoming)
        self._ground_excess = (
            float(self._mean_excess.reshape(received.shape)[self.ground].mean()) if self.ground.any() else 0.0
        )
        return temperature, sent
