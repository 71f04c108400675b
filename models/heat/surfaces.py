"""Temperature of ground and walls: a surface energy balance with thermal inertia (force-restore).

Each surface is heated by absorbed radiation, cooled by the air, by its own radiation and by evaporation, and held
back by
the heat stored below it:

    dT/dt = sqrt(2 w) / inertia * (net radiation - evaporation - h (T - Ta)) - w (T - T_deep),   w = 2 pi / day

solved exactly for the forcing of one step (longwave linearised at air temperature). Every ground cell has its own
balance and memory (sun and shade, land cover, soil moisture); walls have one balance in sun and one in shade for each
direction they face. ``T_deep`` is the mean air temperature of the day.

Sources: Bhumralkar 1975, doi 10.1175/1520-0450(1975)014<1246:NEOTCO>2.0.CO;2; Deardorff 1978, doi
10.1029/JC083iC04p01889
(force-restore); Priestley & Taylor 1972 (evaporation); Juerges 1924 in CIBSE form, h = 5.7 + 3.8 v (heat to the air).
Left out: heat conducted sideways, through roofs and out of buildings, dew, melting.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import xarray as xr
from numba import njit

from models.heat.forcing import Forcing
from models.heat.radiation import STEFAN_BOLTZMANN
from models.heat.sky import sky_patches
from models.layers import LAND_COVER, InputError, land_cover_property, read_table

__all__ = [
    "Ground",
    "GroundProperties",
    "WallState",
    "day_windows",
    "deep_temperature",
    "evaporated_share",
    "facing",
    "ground_of",
    "ground_properties",
    "heat_transfer",
    "step_ground",
]

_DAY = 2.0 * math.pi / 86400.0  # angular frequency of the day [1/s]


class GroundProperties(NamedTuple):
    """What the ground of each cell is like, float32 (cells,), and its class."""

    albedo: np.ndarray
    emissivity: np.ndarray
    evaporation: np.ndarray
    """Evaporating share, 0 to 1, soil moisture included."""
    inertia: np.ndarray
    """Thermal inertia by land-cover code [J m-2 K-1 s-1/2], (256,)."""
    land_cover: np.ndarray
    """Land-cover code, uint8 (cells,)."""


@cache
def _ground_table() -> dict[str, np.ndarray]:
    table = {name: np.full(256, np.nan) for name in ("inertia", "evaporation", "dry", "moist")}
    for row in read_table("models.heat", "ground.csv"):
        for name, values in table.items():
            values[LAND_COVER[row["name"]]] = float(row[name])
    return table


class Ground(NamedTuple):
    """One land cover: its code and its evaporating share in the usual summer state."""

    code: int
    evaporation: float


def ground_of(name: str) -> Ground:
    """Return the ground of a land cover by name."""
    code = LAND_COVER[name]
    return Ground(code, float(_ground_table()["evaporation"][code]))


def ground_properties(site: xr.Dataset) -> GroundProperties:
    """Return the ground of each cell from its land cover and the layers that know better.

    Parameters
    ----------
    site : xarray.Dataset
        ``land_cover``, and ``albedo``, ``emissivity`` [1], ``soil_moisture`` [m3 m-3] where known.
    """
    for name in ("building_id", "land_cover"):
        holes = int(site[name].isnull().sum())
        if holes:
            raise InputError(f"Layer {name!r} has {holes} cells without a value: fill them.")
    for name, unit in (("albedo", "1"), ("emissivity", "1"), ("soil_moisture", "m3 m-3")):
        if name in site and bool(((site[name] < 0.0) | (site[name] > 1.0)).any()):
            low, high = float(site[name].min()), float(site[name].max())
            raise InputError(
                f"Layer {name!r} runs from {low:g} to {high:g}, allowed is 0 to 1 [{unit}]: divide per cent by 100."
            )
    code = np.ascontiguousarray(site["land_cover"].values, dtype=np.uint8).ravel()
    table = _ground_table()
    ground = np.asarray(site["building_id"].values).ravel() == 0
    unknown = np.unique(code[ground & np.isnan(table["inertia"][code])])
    if unknown.size:
        raise InputError(
            f"land_cover holds the code {', '.join(map(str, unknown))} on open ground; allowed are "
            f"{', '.join(f'{c} {n}' for n, c in LAND_COVER.items())}: map your classes to these."
        )

    def layer(name: str) -> np.ndarray:
        by_class = land_cover_property(name)[code].astype(np.float32)
        if name not in site:
            return by_class
        given = np.asarray(site[name].values, dtype=np.float32).ravel()
        return np.where(np.isnan(given), by_class, given)

    evaporation = table["evaporation"][code].astype(np.float32)
    if "soil_moisture" in site:
        water = np.asarray(site["soil_moisture"].values, dtype=np.float32).ravel()
        span = (table["moist"] - table["dry"])[code]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip((water - table["dry"][code]) / span, 0.0, 1.0)
        known = (span > 0) & ~np.isnan(water)
        # at full moisture even bare soil evaporates at the equilibrium rate; the table's share is the usual summer
        # state
        evaporation = np.where(known, share * np.maximum(evaporation, 0.9), evaporation).astype(np.float32)
    return GroundProperties(layer("albedo"), layer("emissivity"), evaporation, table["inertia"], code)


def heat_transfer(wind_speed: float) -> float:
    """Return the heat transfer coefficient of a surface in wind [W m-2 K-1]; wind speed [m/s] beside it."""
    return 5.7 + 3.8 * wind_speed


def day_windows(forcing: Forcing) -> tuple[np.ndarray, np.ndarray]:
    """Return for each step the first step of the day round it, and the one after its last, two arrays (time,)."""
    times = forcing.times.astype("int64") / 1e9
    low = np.searchsorted(times, times - 43200.0)
    high = np.searchsorted(times, times + 43200.0, side="right")
    # at the ends of the run the first and the last whole day stand for what is not known
    day = np.searchsorted(times, times[0] + 86400.0)
    return np.minimum(low, max(0, times.size - day)), np.maximum(high, min(day, times.size))


def deep_temperature(forcing: Forcing) -> np.ndarray:
    """Return the temperature below the surface [degC] for each step: the mean of the air over the day around it."""
    ta, weight = forcing.air_temperature, forcing.seconds
    low, high = day_windows(forcing)
    total, amount = np.concatenate([[0], np.cumsum(ta * weight)]), np.concatenate([[0], np.cumsum(weight)])
    return np.asarray((total[high] - total[low]) / (amount[high] - amount[low]))


def evaporated_share(air_temperature: float) -> float:
    """Return the share of net radiation that a wet surface evaporates (Priestley & Taylor 1972, times 1.26)."""
    slope = (
        4098.0 * 0.6108 * math.exp(17.27 * air_temperature / (air_temperature + 237.3)) / (air_temperature + 237.3) ** 2
    )
    return min(1.26 * slope / (slope + 0.066), 1.0)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"})
def step_ground(  # type: ignore[no-untyped-def]
    start, stop, excess, shortwave, longwave_excess, albedo, emissivity, evaporation, land_cover, inertia, warmer,
    radiative, convective, deep, wet, seconds, air_change, mean,
):  # fmt: skip
    """Advance the surface excess over the station's air ``T - Ta`` [K] by one step; ``mean`` gets its mean over the step.

    ``warmer``: how much warmer the air of each cell is [K]; empty where it is the station's.
    """
    local = warmer.shape[0] > 0
    w = _DAY
    root = math.sqrt(2.0 * w)
    for n in range(start, stop):
        a = root / inertia[land_cover[n]]
        e = emissivity[n]
        rate = a * (convective + e * radiative) + w
        net = (1.0 - albedo[n]) * shortwave[n] + e * longwave_excess[n]
        if net > 0.0:
            net -= evaporation[n] * wet * net
        air = warmer[n] if local else 0.0
        balance = (a * (net + convective * air) + w * deep) / rate
        before = excess[n] - air_change
        decay = math.exp(-rate * seconds)
        excess[n] = balance + (before - balance) * decay
        mean[n] = balance + (before - balance) * (1.0 - decay) / (rate * seconds)


class WallState:
    """Temperatures of walls by the patch in which they are seen, in sun and in shade."""

    def __init__(self, material: str = "brick") -> None:
        rows = {row["name"]: row for row in read_table("models.heat", "wall.csv")}
        if material not in rows:
            raise InputError(f"wall={material!r} is unknown: use {', '.join(map(repr, rows))}.")
        row = rows[material]
        self.albedo, self.emissivity = float(row["albedo"]), float(row["emissivity"])
        product = float(row["conductivity"]) * float(row["density"]) * float(row["specific_heat"])
        self._gain = math.sqrt(2.0 * _DAY) / math.sqrt(product)
        self._excess = np.zeros((2, sky_patches().azimuth.size))

    def step(
        self, shortwave: np.ndarray, longwave_excess: float, air_temperature: float, convective: float, deep: float,
        seconds: float, air_change: float,
    ) -> np.ndarray:  # fmt: skip
        """Return the mean excess over air temperature [K] of walls in shade and in sun, (2, 153), over one step.

        Parameters
        ----------
        shortwave : numpy.ndarray
            Radiation on the wall [W/m2], (2, 153).
        longwave_excess : float
            Longwave radiation on the wall minus that of a black body at air temperature [W/m2].
        air_temperature, convective, deep, seconds, air_change : float
            [degC]; heat transfer to the air [W m-2 K-1]; deep minus air temperature [K]; length of the step [s]; change
            of the air since the last step [K].
        """
        radiative = 4.0 * STEFAN_BOLTZMANN * (air_temperature + 273.15) ** 3 * self.emissivity
        rate = self._gain * (convective + radiative) + _DAY
        net = (1.0 - self.albedo) * shortwave + self.emissivity * longwave_excess
        balance = (self._gain * net + _DAY * deep) / rate
        before = self._excess - air_change
        decay = math.exp(-rate * seconds)
        self._excess = balance + (before - balance) * decay
        return np.asarray(balance + (before - balance) * (1.0 - decay) / (rate * seconds))


def facing(difference: np.ndarray) -> np.ndarray:
    """Return the mean cosine between the sun and the walls seen in a direction, (sin d + (pi - d) cos d) / 4.

    Parameters
    ----------
    difference : numpy.ndarray
        Angle between the sun's azimuth and the direction from the wall to the eye [deg]; walls of all orientations are
        seen in proportion to their projected area.
    """
    d = np.abs((np.asarray(difference) + 180.0) % 360.0 - 180.0) * (math.pi / 180.0)
    return np.asarray((np.sin(d) + (math.pi - d) * np.cos(d)) / 4.0)
