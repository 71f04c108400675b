"""From radiation to a person: the mean radiant temperature.

The radiation that a person takes up from six directions, and from the sun's beam on an upright cylinder, is turned into
the temperature of a black enclosure that would give the same. Shares and absorption by posture: ``tables/person.csv``.

Sources: Hoeppe 1992; VDI 3787 Part 2; Lindberg, Holmer & Thorsson 2008, doi 10.1007/s00484-008-0162-7.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from models.heat.radiation import STEFAN_BOLTZMANN
from models.heat.sky import sky_patches
from models.layers import InputError, read_table

__all__ = ["Person", "mean_radiant_temperature", "person"]


class Person(NamedTuple):
    """How a person in one posture takes up radiation."""

    posture: str
    side: float
    """Share of each of the four sides."""
    vertical: float
    """Share of each, above and below."""
    beam: float
    """Share of the direct beam on the upright cylinder, before the cosine of the elevation."""
    height: float
    """Height of the body's centre [m]."""
    shortwave_absorption: float
    longwave_absorption: float

    def sky_weights(self) -> np.ndarray:
        """Return the weight of each sky patch on the whole person, (153,)."""
        patches = sky_patches()
        return np.asarray(self.vertical * patches.horizontal + self.side * patches.vertical.sum(axis=0))

    @property
    def ground_weight(self) -> float:
        """Weight of the ground on the whole person."""
        return self.vertical + 4 * 0.5 * self.side

    def beam_weight(self, elevation: float) -> float:
        """Return the share of the beam (normal to it) that falls on the person at a sun elevation [deg]."""
        e = np.radians(elevation)
        return float(self.beam * np.cos(e) + self.vertical * np.sin(e))


@cache
def person(posture: str = "standing") -> Person:
    """Return how a standing or sitting person takes up radiation.

    Examples
    --------
    >>> round(person("standing").ground_weight, 3)
    0.5
    """
    rows = {row["posture"]: row for row in read_table("models.heat", "person.csv")}
    if posture not in rows:
        raise InputError(f"posture={posture!r} is unknown: use {' or '.join(map(repr, rows))}.")
    row = rows[posture]
    return Person(
        posture,
        *(float(row[n]) for n in ("side", "vertical", "beam", "height", "shortwave_absorption", "longwave_absorption")),
    )


def mean_radiant_temperature(
    shortwave: dict[str, np.ndarray | float],
    longwave: dict[str, np.ndarray | float],
    *,
    beam: np.ndarray | float = 0.0,
    elevation: float = 0.0,
    posture: str = "standing",
) -> np.ndarray:
    """Return the mean radiant temperature [degC] from six directions.

    Parameters
    ----------
    shortwave, longwave : dict
        Radiation [W/m2] on a horizontal or vertical surface, by "down", "up", "north", "east", "south", "west".
        The direct
        beam belongs into ``shortwave["down"]`` but not into the sides, where ``beam`` stands for it.
    beam : float or numpy.ndarray
        Direct radiation normal to the beam that reaches the person [W/m2].
    elevation : float
        Sun elevation [deg].
    posture : {"standing", "sitting"}
        Shares and absorption from ``tables/person.csv``.

    Returns
    -------
    numpy.ndarray
        [degC]

    References
    ----------
    VDI 3787 Part 2; Hoeppe 1992.

    Examples
    --------
    >>> all_sides = dict.fromkeys(("down", "up", "north", "east", "south", "west"), 5.670374419e-8 * 300.0**4)
    >>> float(mean_radiant_temperature(dict.fromkeys(all_sides, 0.0), all_sides).round(6))
    26.85
    """
    p = person(posture)
    sides = ("north", "east", "south", "west")
    for name, flux in (("shortwave", shortwave), ("longwave", longwave)):
        missing = [side for side in ("down", "up", *sides) if side not in flux]
        if missing:
            raise InputError(f"{name} has no {', '.join(map(repr, missing))}: give all six directions in W/m2.")

    def taken(flux: dict[str, np.ndarray | float]) -> np.ndarray:
        return np.asarray(
            p.vertical * (np.asarray(flux["down"]) + flux["up"]) + p.side * sum(np.asarray(flux[s]) for s in sides)
        )

    body = p.shortwave_absorption * (taken(shortwave) + p.beam * np.cos(np.radians(elevation)) * np.asarray(beam))
    body = body + p.longwave_absorption * taken(longwave)
    return np.asarray((body / (p.longwave_absorption * STEFAN_BOLTZMANN)) ** 0.25 - 273.15)
