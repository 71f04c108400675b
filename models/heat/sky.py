"""The divided sky: 153 patches, what each weighs on a surface, and how bright each is.

A patch stands for a part of the sky (or of what hides it). Its weight on a surface is the share of that surface's
hemisphere that it fills, the cosine of incidence included: the weights on a horizontal surface add up to 1, those on a
vertical one to one half (the other half is ground). Radiances are given as the irradiance of a hemisphere as bright as
the patch [W/m2], so that irradiance = sum of radiance times weight.

Sources: Tregenza 1987, doi 10.1177/096032718701900103; Robinson & Stone 2004, doi 10.1016/j.solener.2003.12.008
(153 patches);
Perez et al. 1993, doi 10.1016/0038-092X(93)90017-I (clear and cloudy sky shortwave); Martin & Berdahl 1984,
doi 10.1016/0038-092X(84)90162-2 (longwave by zenith angle).
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from models.layers import read_table

__all__ = ["DIRECTIONS", "Patches", "longwave_sky", "shortwave_sky", "sky_patches"]

DIRECTIONS = ("north", "east", "south", "west")
"""The four vertical sides, in the order of ``Patches.vertical``."""

_LONGWAVE_EXPONENT = (
    0.308  # exponent of Angstroem 1915 in the form of Martin & Berdahl 1984, as Nahon et al. 2019 take it
)


class Patches(NamedTuple):
    """The 153 patches of the sky."""

    azimuth: np.ndarray
    """Azimuth of the ray that stands for the patch [deg], clockwise from grid north."""
    elevation: np.ndarray
    """Elevation of that ray [deg]."""
    horizontal: np.ndarray
    """Weight on a horizontal surface; the sum is 1."""
    vertical: np.ndarray
    """Weights on vertical surfaces that face north, east, south and west, (4, 153); each sum is 1/2."""
    half: np.ndarray
    """Share of each patch in the northern, eastern, southern and western half of the sky, (4, 153)."""


@cache
def sky_patches() -> Patches:
    """Return the 153 patches of the sky and their weights, integrated over each patch.

    Examples
    --------
    >>> patches = sky_patches()
    >>> patches.azimuth.size, float(patches.horizontal.sum().round(12))
    (153, 1.0)
    """
    azimuth, elevation, horizontal, vertical, half = [], [], [], [], []
    for ring in read_table("models.heat", "sky_patches.csv"):
        low, high = math.radians(float(ring["lower"])), math.radians(float(ring["upper"]))
        count = int(ring["count"])
        band = 0.5 * (high - low) + 0.25 * (math.sin(2 * high) - math.sin(2 * low))  # integral of cos^2 e
        for k in range(count):
            az = float(ring["first_azimuth"]) + 360.0 * k / count
            azimuth.append(az % 360.0)
            elevation.append(float(ring["elevation"]))
            horizontal.append((math.sin(high) ** 2 - math.sin(low) ** 2) / count)
            spread = np.radians(az + 360.0 / count * ((np.arange(3600) + 0.5) / 3600 - 0.5))
            sides = [np.maximum(np.cos(spread - np.radians(90.0 * side)), 0.0).mean() for side in range(4)]
            half.append([(np.cos(spread - np.radians(90.0 * side)) > 0.0).mean() for side in range(4)])
            vertical.append([band * 2.0 / count * side for side in sides])
    weights = np.array(vertical).T
    weights *= 0.5 / weights.sum(axis=1, keepdims=True)  # the midpoint rule leaves 1e-7
    patches = Patches(np.array(azimuth), np.array(elevation), np.array(horizontal), weights, np.array(half).T)
    for values in patches:
        values.setflags(write=False)
    return patches


@cache
def _perez_table() -> tuple[np.ndarray, np.ndarray]:
    rows = read_table("models.heat", "perez_1993.csv")
    names = [f"{letter}{i}" for letter in "abcde" for i in range(1, 5)]
    return (
        np.array([float(row["clearness"]) for row in rows]),
        np.array([[float(row[n]) for n in names] for row in rows]).reshape(len(rows), 5, 4),
    )


def shortwave_sky(
    diffuse: float, direct: float, azimuth: float, elevation: float, extraterrestrial: float, *, isotropic: bool = False
) -> np.ndarray:
    """Return the diffuse radiance of each patch [W/m2], Perez et al. 1993; uniform at night and if asked.

    Parameters
    ----------
    diffuse : float
        Diffuse radiation on the horizontal [W/m2]; the radiances times the horizontal weights give it back.
    direct : float
        Direct radiation normal to the beam [W/m2].
    azimuth, elevation : float
        Sun position [deg].
    extraterrestrial : float
        Radiation normal to the beam outside the atmosphere [W/m2].
    isotropic : bool
        Take the whole sky as equally bright.
    """
    patches = sky_patches()
    if diffuse <= 0.0:
        return np.zeros(patches.azimuth.size)
    if isotropic or elevation <= 0.5 or diffuse < 5.0:
        return np.full(patches.azimuth.size, diffuse)
    zenith = math.radians(90.0 - elevation)
    air_mass = 1.0 / (math.sin(math.radians(elevation)) + 0.50572 * (elevation + 6.07995) ** -1.6364)
    clearness = ((diffuse + direct) / diffuse + 1.041 * zenith**3) / (1.0 + 1.041 * zenith**3)  # eq. 1
    brightness = min(max(air_mass * diffuse / extraterrestrial, 0.01), 0.6)  # eq. 2
    limits, table = _perez_table()
    bin_number = int(np.searchsorted(limits, clearness, side="right").clip(0, 7))
    if 1.065 < clearness < 2.8:
        brightness = max(
            brightness, 0.2
        )  # below it the fit of these bins turns negative (Ward's gendaylit does the same)
    x = table[bin_number]
    a, b, c, d, e = (row[0] + row[1] * zenith + brightness * (row[2] + row[3] * zenith) for row in x)
    if bin_number == 0:
        c = math.exp((brightness * (x[2, 0] + x[2, 1] * zenith)) ** x[2, 2]) - x[2, 3]
        d = -math.exp(brightness * (x[3, 0] + x[3, 1] * zenith)) + x[3, 2] + brightness * x[3, 3]
    height = np.radians(patches.elevation)
    sun = math.radians(elevation)
    cosine = np.sin(height) * math.sin(sun) + np.cos(height) * math.cos(sun) * np.cos(
        np.radians(patches.azimuth - azimuth)
    )
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    relative = (1.0 + a * np.exp(b / np.maximum(np.sin(height), 0.01))) * (1.0 + c * np.exp(d * angle) + e * cosine**2)
    relative = np.maximum(relative, 0.0)
    return np.asarray(diffuse * relative / (relative * patches.horizontal).sum())


@cache
def _horizon_factor() -> np.ndarray:
    """Return how (1 - emissivity) varies over the patches, scaled to mean 1 on the horizontal."""
    patches = sky_patches()
    factor = np.exp(_LONGWAVE_EXPONENT * (1.7 - 1.0 / np.sin(np.radians(patches.elevation))))
    return np.asarray(factor / (factor * patches.horizontal).sum())


def longwave_sky(emissivity: float, black_body: float) -> np.ndarray:
    """Return the longwave radiance of each patch [W/m2]: warmer towards the horizon.

    Parameters
    ----------
    emissivity : float
        Emissivity of the whole sky; the radiances times the horizontal weights give ``emissivity * black_body``.
    black_body : float
        Radiation of a black body at air temperature [W/m2].
    """
    return np.asarray(black_body * (1.0 - (1.0 - emissivity) * _horizon_factor()))
