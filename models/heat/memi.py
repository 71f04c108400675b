"""PET by the body model MEMI in the form of older codes (UMEP, RayMan family), for comparison with their results.

The mean skin and the clothes are in balance with the surroundings, the core passes on the heat it makes; PET is the air
temperature of a calm room (0.1 m/s, 12 hPa, walls as warm as the air) in which core and skin stay as they are. Against the
corrected form (:mod:`models.heat.body`): vapour passes the skin as if there were no clothes, the skin keeps its wetness in the
room, the person's radiating share is that of somebody sitting.

Source: Hoeppe 1984, 1999 (doi 10.1007/s004840050118); Walther & Goestchel 2018 (doi 10.1016/j.buildenv.2018.04.021) on
what differs. Left out: the female person, work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numba import njit

__all__ = ["memi_body", "memi_points"]

_SIGMA = 5.67e-8
_LATENT = 2.42e6  # [J/kg]
_KELVIN = 273.2  # as in these codes
_RADIATING = 0.725  # share of the body that exchanges radiation with the surroundings
_SKIN = 0.79e7  # resistance of the skin to vapour [m2 s hPa/kg]


def memi_body(
    row: Mapping[str, str], clothing: float | None, activity: float | None, height: float | None, age: float | None,
    pressure: float,
) -> np.ndarray:  # fmt: skip
    """Return the numbers of a body that the kernel needs; ``row``: standard person, others as in ``heat.pet``."""
    clo = float(row["clothing"]) if clothing is None else clothing
    tall, weight = float(row["height"]) if height is None else height, float(row["weight"])
    years = float(row["age"]) if age is None else age
    work = float(row["activity"]) if activity is None else activity
    resting = 3.45 * weight**0.75 * (1.0 + 0.004 * (30.0 - years) + 0.01 * (tall * 100.0 / weight ** (1 / 3) - 43.4))
    made = resting + work
    area = 0.203 * weight**0.425 * tall**0.725
    covered = min((173.51 * clo - 2.36 - 100.76 * clo**2 + 19.28 * clo**3) / 100.0, 1.0)
    resistance = clo / 6.45 / covered
    share = 1.0 if clo >= 2.0 else (tall - 0.2) / tall if clo >= 0.6 else 0.5 if clo >= 0.3 else 0.1
    larger = 1.0 + 0.15 * clo
    clothed = area * covered + area * (larger - 1.0)
    outer = area * (larger - 1.0 + covered) / (6.28 * tall * share)
    inner = covered * area / (6.28 * tall * share)
    through = 6.28 * tall * share * (outer - inner) / (resistance * math.log(outer / inner) * clothed)
    return np.array([made, area, covered, resistance, clothed, through, pressure])


@njit(cache=True, nogil=True)
def _vapour(t):  # type: ignore[no-untyped-def]
    return 6.11 * 10.0 ** (7.45 * t / (235.0 + t))


@njit(cache=True, nogil=True)
def _breath(ta, vapour, body):  # type: ignore[no-untyped-def]
    """Heat taken up by breathing [W]."""
    out = 0.47 * ta + 21.0
    return (1010.0 * (ta - out) + 0.623 * _LATENT / body[6] * (vapour - _vapour(out))) * 1.44e-6 * body[0]


@njit(cache=True, nogil=True)
def _core(skin, made, area):  # type: ignore[no-untyped-def]
    """Core temperature at which the core passes on all heat by conduction and blood [degC]."""
    blood = area * 1.06 * 3640.0 / 3600.0  # [W/K] for 1 l m-2 h-1
    slow = 1.0 + 0.5 * max(34.0 - skin, 0.0)
    core = skin + made / (5.28 * area + blood * 6.3 / slow)
    if core > 36.6:
        a, b = blood * 75.0 / slow, 5.28 * area + blood * 6.3 / slow
        p = b + a * (36.6 - skin)
        core = 36.6 + (math.sqrt(p * p + 4.0 * a * (made - b * (36.6 - skin))) - p) / (2.0 * a)
        if (6.3 + 75.0 * (core - 36.6)) / slow > 90.0:
            core = skin + made / (5.28 * area + blood * 90.0)
    return core


@njit(cache=True, nogil=True)
def _sweat(skin, core, vapour, hc, body):  # type: ignore[no-untyped-def]
    """Heat lost by sweat [W], negative, and the wet share of the skin."""
    mean = 0.1 * skin + 0.9 * core
    wanted = -_LATENT * 304.94 * max(mean - 36.6, 0.0) * body[1] / 3600000.0
    transfer = 0.633 * hc / (body[6] * 1010.0) / (1.0 + 0.92 * hc * body[3])
    most = transfer * (vapour - _vapour(skin)) * body[1] * _LATENT
    wet = 1.0 if most >= 0.0 else min(wanted / most, 1.0)
    if wanted == 0.0:
        wet = 0.0
    return min(max(wanted, most), 0.0), wet


@njit(cache=True, nogil=True)
def _exchange(skin, clothes, ta, radiant, hc, body):  # type: ignore[no-untyped-def]
    """Heat taken up by radiation and from the air [W]; ``radiant``: fourth power of the temperature of the walls."""
    bare = body[1] * (1.0 - body[2])
    gain = bare * (_RADIATING * 0.99 * _SIGMA * (radiant - (skin + _KELVIN) ** 4) + hc * (ta - skin))
    return gain + body[4] * (_RADIATING * 0.95 * _SIGMA * (radiant - (clothes + _KELVIN) ** 4) + hc * (ta - clothes))


@njit(cache=True, nogil=True)
def _state(clothes, ta, vapour, radiant, hc, body):  # type: ignore[no-untyped-def]
    """Balance of the body [W] at a temperature of the clothes, with skin temperature, sweat, and wet share."""
    lost = hc * (clothes - ta) + 0.95 * _SIGMA * ((clothes + _KELVIN) ** 4 - radiant) * _RADIATING
    skin = lost / body[5] + clothes
    breath = _breath(ta, vapour, body)
    sweat, wet = _sweat(skin, _core(skin, body[0] + breath, body[1]), vapour, hc, body)
    through = _LATENT / _SKIN * body[1] * (1.0 - wet) * (vapour - _vapour(skin))
    return body[0] + breath + through + sweat + _exchange(skin, clothes, ta, radiant, hc, body), skin, sweat, wet


@njit(cache=True, nogil=True)
def _memi(ta, tmrt, v, rh, body):  # type: ignore[no-untyped-def]
    """PET of one state, by halving the interval of the clothes' temperature, then that of the room's."""
    vapour = rh / 100.0 * 6.107 * 10.0 ** (7.5 * ta / (238.0 + ta))
    radiant, pressure = (tmrt + _KELVIN) ** 4, (body[6] / 1013.25) ** 0.55
    hc = (2.67 + 6.5 * v**0.67) * pressure
    low, high = min(ta, tmrt, 30.0) - 20.0, max(ta, tmrt, 34.0) + 10.0
    if not (_state(low, ta, vapour, radiant, hc, body)[0] > 0.0 > _state(high, ta, vapour, radiant, hc, body)[0]):
        return np.nan
    for _ in range(40):
        clothes = 0.5 * (low + high)
        if _state(clothes, ta, vapour, radiant, hc, body)[0] > 0.0:
            low = clothes
        else:
            high = clothes
    _, skin, sweat, wet = _state(clothes, ta, vapour, radiant, hc, body)
    calm = (2.67 + 6.5 * 0.1**0.67) * pressure
    through = _LATENT / _SKIN * body[1] * (1.0 - wet) * (12.0 - _vapour(skin))
    low, high = -90.0, 150.0
    for _ in range(40):
        room = 0.5 * (low + high)
        gain = body[0] + through + _breath(room, 12.0, body) + sweat
        if gain + _exchange(skin, clothes, room, (room + _KELVIN) ** 4, calm, body) > 0.0:
            high = room
        else:
            low = room
    return 0.5 * (low + high)


@njit(cache=True, nogil=True)
def memi_points(start, stop, ta, tmrt, wind, rh, body, out):  # type: ignore[no-untyped-def]
    """PET of points; NaN outside the limits of temperature, wind and humidity."""
    for n in range(start, stop):
        valid = (
            -60.0 <= ta[n] <= 60.0 and -100.0 <= tmrt[n] <= 120.0 and 0.0 <= rh[n] <= 100.0 and 0.0 <= wind[n] <= 60.0
        )
        out[n] = _memi(ta[n], tmrt[n], max(wind[n], 0.1), rh[n], body) if valid else np.nan
