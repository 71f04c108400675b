"""The published formulas of SOLWEIG (UMEP) on plain arrays: what `heat_compat.py` puts into this model to compare like with like.

Sources: Lindberg, Holmer & Thorsson 2008, doi 10.1007/s00484-008-0162-7 (six directions, shade of walls by a wedge); Lindberg &
Grimmond 2011, doi 10.1007/s00704-010-0382-8 (crowns, sky views of half spaces); Lindberg et al. 2016, doi
10.1007/s00704-014-1332-8 (daily wave of ground and walls, ground view); Crawford & Duchon 1999 and Smith 1966 (clear sky).
Isotropic sky only.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numba import njit

from models import heat
from models.heat.forcing import Forcing
from models.heat.sky import sky_patches
from models.layers import LAND_COVER, read_table

SIGMA = 5.67e-8
TAU = 0.03
"""What crowns let through."""
# rise per degree of the highest sun [K], start [K], hour of the highest temperature (local), albedo, emissivity
WAVES = {
    "asphalt": (0.58, -9.78, 15.0, 0.18, 0.95),
    "building": (0.58, -9.78, 15.0, 0.18, 0.95),
    "grass": (0.21, -3.38, 14.0, 0.16, 0.94),
}
WALL = (0.37, -3.41, 15.0, 0.20, 0.90)
WALL_ALBEDO, WALL_EMISSIVITY = WALL[3:]
DELAY = math.exp(-33.27 / 24.0)
"""Weight of the hour before in what the ground sends out."""
OFFSET = 1.0  # local clock of the town ahead of UTC [h]
_RAYS, _REACH = 18, 22  # of the ground view: azimuths, steps
_SMITH = 2.77  # Smith 1966: 50 to 40 degrees of latitude, June to August
_EXTRA = 3.0459e-4  # what the last annulus adds to the views of south and west


@njit(cache=True, nogil=True)
def _steps(azimuth, count, first):  # type: ignore[no-untyped-def]
    """Return rows and columns from a cell towards an azimuth, and the length of a step."""
    down, right = np.zeros(count, np.int64), np.zeros(count, np.int64)
    s, c, t, quarter = math.sin(azimuth), math.cos(azimuth), math.tan(azimuth), math.pi / 4
    across = quarter <= azimuth < 3 * quarter or 5 * quarter <= azimuth < 7 * quarter
    for k in range(count):
        n = k + first
        if across:
            right[k] = n if s >= 0 else -n
            down[k] = int((-1 if c >= 0 else 1) * abs(np.round(n / t)))
        else:
            right[k] = int((1 if s >= 0 else -1) * abs(np.round(n * t)))
            down[k] = -n if c >= 0 else n
    return down, right, abs(1.0 / s) if across else abs(1.0 / c)


@njit(cache=True, nogil=True)
def march(surface, top, under, azimuth, rise, tallest):  # type: ignore[no-untyped-def]
    """Return for each cell 1 where terrain and buildings leave a direction open, plus 2 where a crown comes first.

    A step of the ray towards ``azimuth`` [rad] gains ``rise`` [m per cell]; a crown counts where it meets the ray between
    two steps.
    """
    rows, columns = surface.shape
    length = _steps(azimuth, 1, 1)[2]
    down, right, _ = _steps(azimuth, int(tallest / (length * rise)) + 2, 1)
    out = np.empty((rows, columns), np.uint8)
    for i in range(rows):
        for j in range(columns):
            z, opened, crown = surface[i, j], 1, 0
            for k in range(down.shape[0]):
                a, b = i + down[k], j + right[k]
                if a < 0 or b < 0 or a >= rows or b >= columns:
                    break
                low, high = length * k * rise, length * (k + 1) * rise
                if surface[a, b] - high > z:
                    opened = 0
                    break
                met = int(top[a, b] - high > z) + int(under[a, b] - high > z)
                met += int(top[a, b] - low > z) + int(under[a, b] - low > z)
                if 0 < met < 4:
                    crown = 2
            out[i, j] = opened | crown
    return out


class Heights(NamedTuple):
    """A site as the formulas want it: heights above datum, 0 where there is no crown."""

    surface: np.ndarray
    top: np.ndarray
    under: np.ndarray
    tallest: float

    def towards(self, azimuth: float, elevation: float) -> np.ndarray:
        """Return :func:`march` towards a direction [deg]."""
        rise = math.tan(math.radians(min(elevation, 89.9)))
        return march(self.surface, self.top, self.under, math.radians(azimuth % 360.0), rise, self.tallest)


def heights_of(site: xr.Dataset) -> Heights:
    """Return the heights of a site of 1 m cells."""
    z, ground = site.surface_height.values, site.terrain_height.values
    crown = site.canopy_height.values > 0
    top = np.where(crown, ground + site.canopy_height.values, 0.0).astype(np.float32)
    under = np.where(crown, ground + site.trunk_height.values, 0.0).astype(np.float32)
    return Heights(z, top, under, float(max(z.max(), top.max()) - z.min()))


def marched(site: xr.Dataset, plain: heat.SkyGeometry) -> heat.SkyGeometry:
    """Return the geometry of the site with its sky looked at by :func:`march`."""
    heights, patches = heights_of(site), sky_patches()
    bits = np.stack([heights.towards(a, e).ravel() for a, e in zip(patches.azimuth, patches.elevation, strict=True)])
    bits[patches.elevation == 90.0] = 1
    opened, crown = (np.packbits((bits >> k) & 1, axis=0, bitorder="little") for k in range(2))
    return heat.SkyGeometry(plain.relief, opened, crown, plain.key)


class Views(NamedTuple):
    """Sky views of buildings, of crowns, and of crowns before walls, 0 to 1."""

    building: np.ndarray
    crown: np.ndarray
    before_wall: np.ndarray

    @property
    def open(self) -> np.ndarray:
        """Share of the sky that neither hides."""
        return np.clip(self.building + self.crown - 1.0, 0.0, 1.0)


def views(geometry: heat.SkyGeometry) -> tuple[Views, tuple[Views, ...]]:
    """Return the sky views of the whole sky and of its northern, eastern, southern and western half."""
    whole, half = [], []
    for ring in read_table("models.heat", "sky_patches.csv"):
        count, annuli = int(ring["count"]), np.arange(int(ring["lower"]) + 1, int(ring["upper"]) + 1)
        area = np.sin(np.pi * (2 * (91 - annuli) - 1) / 180.0).sum() * math.sin(math.pi / 180.0)
        whole += [area / count] * count
        half += [area / math.ceil(count / 2)] * count
    az = sky_patches().azimuth
    halves = ((az >= 270) | (az < 90), az < 180, (az >= 90) & (az < 270), az >= 180)
    everything = heat.SkyGeometry(geometry.relief, np.full_like(geometry.open_bits, 255), geometry.crown_bits, "")

    def of(weights: np.ndarray, extra: float = 0.0) -> Views:
        behind = geometry.patch_sum(weights, crowns=True).astype(float)
        hidden = everything.patch_sum(weights, crowns=True) - behind
        total = weights.sum()
        building = np.minimum(geometry.patch_sum(weights).astype(float) + extra, 1.0)
        return Views(building, np.minimum(total - behind, 1.0), np.minimum(total - hidden, 1.0))

    sides = tuple(of(np.array(half) * side, _EXTRA if n >= 2 else 0.0) for n, side in enumerate(halves))
    return of(np.array(whole)), sides


def clearness(air: Forcing, step: int) -> tuple[float, float]:
    """Return the clearness index, and global radiation over that of a clear sky with the same correction; 1 at night."""
    e = float(air.elevation[step])
    total = float(air.diffuse[step]) + float(air.direct[step]) * math.sin(math.radians(max(e, 0.0)))
    if e <= 0.0 or total <= 0.0:
        return 1.0, 1.0
    ta, mu = float(air.air_temperature[step]), math.sin(math.radians(e))
    path = 35.0 * mu / math.sqrt(1224.0 * mu**2 + 1.0)
    part = 17.27 * ta / (237.7 + ta) + math.log(float(air.relative_humidity[step]) / 100.0)
    dew = 1.8 * 237.7 * part / (17.27 - part) + 32.0
    water = math.exp(0.1133 - math.log(_SMITH + 1.0) + 0.0393 * dew)
    gases = 1.021 - 0.084 * math.sqrt(path * (0.000949 * 1013.25 + 0.051))
    b = 2.0 * math.pi * stamp_of(air, step).day_of_year / 365.0
    far = math.sqrt(
        1.00011
        + 0.034221 * math.cos(b)
        + 0.00128 * math.sin(b)
        + 0.000719 * math.cos(2 * b)
        + 0.000077 * math.sin(2 * b)
    )
    clear = 1370.0 * far * mu * gases * (1.0 - 0.077 * (water * path) ** 0.3) * 0.935**path
    index = total / clear + 1.0 - (0.1473 * math.log(e) + 0.3454)
    return index, min(index, 1.0)


def stamp_of(air: Forcing, step: int) -> pd.Timestamp:
    """Return the local time of a step."""
    return pd.Timestamp(air.times[step]) + pd.Timedelta(hours=OFFSET)


def wave(step: int, air: Forcing, numbers: tuple[float, ...]) -> float:
    """Return the surface temperature above the air [K]."""
    rise, start, latest = numbers[:3]
    stamp = stamp_of(air, step)
    hour = stamp.hour + stamp.minute / 60.0
    declination = math.radians(-23.45 * math.cos(2 * math.pi * (stamp.day_of_year + 10) / 365.0))
    sunrise = 12.0 - math.degrees(math.acos(-math.tan(math.radians(49.87)) * math.tan(declination))) / 15.0
    if air.elevation[step] <= 0.0 or hour <= sunrise:
        return 0.0
    day = pd.date_range(stamp.normalize(), periods=288, freq="5min").to_numpy()
    highest = float(heat.sun_position(day, 49.87, 8.65).elevation.max())
    shape = math.sin(math.pi / 2 * (hour - sunrise) / (latest - sunrise))
    return max((rise * highest + start) * shape * clearness(air, step)[1], 0.0)


def shaded_walls(elevation: float, open_sky: np.ndarray) -> np.ndarray:
    """Return the shaded share of the walls of a round basin under the sun (cylindric wedge)."""
    if elevation < 3.0:
        return np.ones(open_sky.shape)
    steep = math.tan(math.radians(90.0 - elevation))
    slope = np.maximum(np.tan(np.arcsin(np.sqrt(np.clip(1.0 - open_sky, 1e-12, 1.0 - 1e-12)))), 1e-6)
    high, radius = 2.0 / np.maximum(slope * steep, 1e-6), 1.0 / slope
    half = steep / 2.0
    phi = np.arctan(np.sqrt(np.maximum(radius**2 - half**2 / 4.0, 0.0)) / half)
    part = (np.sin(phi) - phi * np.cos(phi)) / np.maximum(1.0 - np.cos(phi), 1e-10)
    lit = 2.0 * radius * high + np.where(high > 1.0, 2.0 * radius * (1.0 - high) * part, 0.0)
    return np.clip(1.0 - lit / (2.0 * np.pi * radius), 0.0, 1.0)


def vertical(sky_view: np.ndarray) -> np.ndarray:
    """Return the share of the sky on a vertical surface for the sky view of its half space, 0 to 1."""
    return np.polyval([63.227, -161.51, 156.91, -70.424, 16.773, -0.4863, 0.0], sky_view) / 4.4897


@njit(cache=True, nogil=True)
def ground_seen(ground, excess, reflecting, sunny, lit_wall, wall_azimuth, wall_excess, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (3, y, x) with what 18 rays see: extra longwave, albedo of what is in the sun, albedo of all."""
    rows, columns = ground.shape
    for ray in range(_RAYS):
        azimuth = math.radians(5.0 + 20.0 * ray)
        down, right, _ = _steps(azimuth, _REACH, 0)
        for i in range(rows):
            for j in range(columns):
                if not ground[i, j]:
                    continue
                free, at_lit, lit, walls = True, False, 0, 0
                sums, near = np.zeros(3), np.zeros(3)
                for k in range(_REACH):
                    a, b = i + down[k], j + right[k]
                    free = free and 0 <= a < rows and 0 <= b < columns and ground[a, b]
                    if free:
                        sums[0] += excess[a, b]
                        sums[1] += reflecting[a, b] * sunny[a, b]
                        sums[2] += reflecting[a, b]
                        at_lit = at_lit or lit_wall[a, b]
                    else:
                        walls += 1
                    lit += at_lit
                    if k == 0:
                        near[0], near[1] = sums[0] + lit * wall_excess, sums[1] + lit * WALL_ALBEDO
                        near[2] = sums[2]
                        near[:2] /= 2.0 if lit > 0 else 1.0
                own = lit == _REACH and math.cos(azimuth - wall_azimuth[i, j]) > 0.0  # the eye's own wall is behind it
                counted = 0 if own else lit
                count = _REACH + 1 if lit > 0 else _REACH
                far0, far1 = (sums[0] + counted * wall_excess) / count, (sums[1] + counted * WALL_ALBEDO) / count
                far2 = (sums[2] + walls * WALL_ALBEDO) / _REACH
                out[0, i, j] += (0.5 * near[0] + 0.4 * far0) / (0.9 * _RAYS)
                out[1, i, j] += (0.5 * near[1] + 0.4 * far1) / (0.9 * _RAYS)
                out[2, i, j] += (0.5 * near[2] + 0.4 * far2) / (0.9 * _RAYS)


class Ground:
    """What a person sees of the ground and of the feet of lit walls, step by step."""

    def __init__(self, site: xr.Dataset) -> None:
        self.ground = site.building_id.values == 0
        self.code = site.land_cover.values
        self.albedo, self.emissivity = np.zeros(self.code.shape), np.zeros(self.code.shape)
        for name, numbers in WAVES.items():
            at = self.code == LAND_COVER[name]
            self.albedo[at], self.emissivity[at] = numbers[3], numbers[4]
        z = site.surface_height.values
        pad = np.pad(z, 1, mode="edge")
        beside = (pad[:-2, 1:-1], pad[1:-1, 2:], pad[2:, 1:-1], pad[1:-1, :-2])  # north, east, south, west
        rise = [(height - z > 1.0) & self.ground for height in beside]
        self.at_wall = np.logical_or.reduce(rise)
        self.facing = np.arctan2(rise[3].astype(float) - rise[1], rise[2].astype(float) - rise[0])
        self._sent: np.ndarray | None = None

    def step(self, air: Forcing, step: int, sunlit: np.ndarray, diffuse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the shortwave and the longwave radiation from below [W/m2]; steps must be taken in order."""
        up, ta = float(air.elevation[step]) > 0.0, float(air.air_temperature[step])
        warm = np.zeros(self.code.shape)
        for name, numbers in WAVES.items():
            warm[self.code == LAND_COVER[name]] = wave(step, air, numbers)
        base = SIGMA * self.emissivity * (ta + 273.15) ** 4
        excess = SIGMA * self.emissivity * (warm * sunlit + ta + 273.15) ** 4 - base
        black = SIGMA * WALL_EMISSIVITY * (ta + 273.15) ** 4
        of_wall = SIGMA * WALL_EMISSIVITY * (wave(step, air, WALL) + ta + 273.15) ** 4 - black
        azimuth = math.radians(float(air.azimuth[step]))
        lit_wall = self.at_wall & (np.cos(azimuth - self.facing) > 0.0) & (sunlit > 0.5) & up
        out = np.zeros((3, *self.code.shape))
        ground_seen(self.ground, excess, self.albedo, sunlit.astype(float), lit_wall, self.facing, of_wall, out)
        sent = out[0] + base
        if step > 0 and air.elevation[step - 1] > 0.0 and self._sent is not None:
            sent = (1.0 - DELAY) * sent + DELAY * self._sent
        self._sent = sent
        beam = float(air.direct[step]) * math.sin(math.radians(max(float(air.elevation[step]), 0.0)))
        return (out[1] * beam + out[2] * diffuse if up else np.zeros(self.code.shape)), sent
