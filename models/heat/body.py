"""The body's heat balance: physiological equivalent temperature (PET).

Core, skin and clothing are balanced in the real surroundings; PET is the temperature of a calm room (0.1 m/s, 12 hPa,
walls as warm as the air) in which the same body, in standard clothes, would lose the same heat. This is the corrected
form of Walther & Goestchel 2018 (doi 10.1016/j.buildenv.2018.04.021) of Hoeppe's model: it may differ by more than 2 K
from older codes, so every result names its variant. Left out: getting used to heat, walking, clothing that changes with
the weather.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba import njit

from models.heat.comfort_maps import index_of_points
from models.heat.indices import hectopascal
from models.heat.memi import memi_body, memi_points
from models.layers import InputError, read_table

__all__ = ["VARIANTS", "pet"]

VARIANTS = ("walther_goestchel", "umep_memi")
"""Forms of PET: the corrected one of 2018, and that of older codes (:mod:`models.heat.memi`)."""

_LATENT = 2.42e6  # latent heat of sweat [J/kg]
_SIGMA = 5.67e-8
_BLOOD = 3640.0 / 3600.0  # heat carried by blood [W h kg-1 K-1]
_LEWIS = 1.67  # [K/hPa]


def person_row(posture: str) -> Mapping[str, str]:
    """Return the standard person in one posture, a row of ``tables/body.csv``."""
    rows = {row["posture"]: row for row in read_table("models.heat", "body.csv")}
    if posture not in rows:
        raise InputError(f"posture={posture!r} is unknown: use {' or '.join(map(repr, rows))}.")
    return rows[posture]


def _checked_clothing(clothing: float) -> float:
    if not 0.0 < clothing < 4.0:
        raise InputError(
            f"clothing={clothing:g} is outside 0 to 4 clo: give the insulation of the clothes, 0.9 for a light suit."
        )
    return clothing


def _body(
    posture: str, pressure: float, clothing: float | None = None, activity: float | None = None,
    height: float | None = None, age: float | None = None,
) -> np.ndarray:  # fmt: skip
    """Return the numbers of a body that the kernel needs."""
    row = person_row(posture)
    clo = _checked_clothing(float(row["clothing"]) if clothing is None else clothing)
    tall = float(row["height"]) if height is None else height
    weight, years = float(row["weight"]), float(row["age"]) if age is None else age
    area = 0.203 * weight**0.425 * tall**0.725  # Du Bois
    resting = 3.45 * weight**0.75 * (1.0 + 0.004 * (30.0 - years) + 0.01 * (tall * 100.0 / weight ** (1 / 3) - 43.4))
    heat_made = ((float(row["activity"]) if activity is None else activity) + resting) / area
    burton = 1.0 + 0.31 * clo
    covered = (173.51 * clo - 2.36 - 100.76 * clo**2 + 19.28 * clo**3) / 100.0
    clothed = covered + burton - 1.0  # share of the body's area that the clothes offer to the air
    covered = min(covered, 1.0)
    resistance = clo / 6.45
    share = 1.0 if clo >= 2.0 else (tall - 0.2) / tall if clo > 0.6 else 0.5 if clo > 0.3 else 0.1
    outer = area * (burton - 1.0 + covered) / (6.28 * tall * share)
    inner = covered * area / (6.28 * tall * share)
    through = 6.28 * tall * share * (outer - inner) / (resistance * math.log(outer / inner) * clothed * area)
    return np.array(
        [heat_made, burton, covered, clothed, float(row["area_share"]), resistance, through, float(row["natural"]),
         float(row["forced"]), pressure]
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _saturation(t):  # type: ignore[no-untyped-def]
    """Saturation vapour pressure [hPa] over water and, below 0 degC, over ice (ASHRAE Fundamentals 2017, ch. 1)."""
    k = t + 273.15
    if t < 0.0:
        high = 0.62215701e-6 + k * (0.20747825e-8 - 0.9484024e-12 * k)
        return 0.01 * math.exp(-5674.5359 / k + 6.3925247 + k * (-0.9677843e-2 + k * high) + 4.1635019 * math.log(k))
    high = 0.41764768e-4 - 0.14452093e-7 * k
    return 0.01 * math.exp(-5800.2206 / k + 1.3914993 + k * (-0.048640239 + k * high) + 6.5459673 * math.log(k))


@njit(cache=True, nogil=True)
def _transfer(v, body):  # type: ignore[no-untyped-def]
    ratio = body[9] / 1013.25
    return max(3.0 * ratio**0.53, body[7] + body[8] * v**0.67) * ratio**0.55


@njit(cache=True, nogil=True)
def _breathing(ta, vapour, body):  # type: ignore[no-untyped-def]
    breathed_out = 0.47 * ta + 21.0
    flow = body[0] * 1.44e-6
    return (1010.0 * (ta - breathed_out) + 0.623 * _LATENT / body[9] * (vapour - _saturation(breathed_out))) * flow


@njit(cache=True, nogil=True)
def _core(skin, made):  # type: ignore[no-untyped-def]
    """Core temperature at which the core passes on all heat, and the skin's share of the body's mass."""
    slow = 1.0 + 0.5 * max(34.0 - skin, 0.0)
    core = skin + made / (_BLOOD * 6.3 / slow + 5.28)
    blood = 6.3 / slow
    if core > 36.6:
        a = _BLOOD * 75.0 / slow
        b = _BLOOD * 6.3 / slow + 5.28
        # (b + a y)(y + 36.6 - skin) = made, y = core - 36.6
        p = b + a * (36.6 - skin)
        y = (-p + math.sqrt(p * p + 4.0 * a * (made - b * (36.6 - skin)))) / (2.0 * a)
        core = 36.6 + y
        blood = (6.3 + 75.0 * y) / slow
        if blood > 90.0:
            blood = 90.0
            core = skin + made / (_BLOOD * 90.0 + 5.28)
    return core, 0.0417737 + 0.7451833 / (blood + 0.585417)


@njit(cache=True, nogil=True)
def _evaporation(skin, core, alpha, hc, vapour, body):  # type: ignore[no-untyped-def]
    mean = alpha * skin + (1.0 - alpha) * core
    sweat = _LATENT / 1000.0 * min(304.94 * max(mean - (0.1 * 34.0 + 0.9 * 36.6), 0.0), 500.0) / 3600.0
    deficit = _saturation(skin) - vapour
    most = hc * _LEWIS / (1.0 + 0.92 * hc * body[5]) * deficit
    if most == 0.0:
        most = 0.001
    wet = min(sweat / most, 1.0)
    through_clothes = (1.0 / (body[1] * hc) + body[5]) / (_LEWIS * 0.38)
    return (1.0 - wet) * deficit / through_clothes + sweat


@njit(cache=True, nogil=True)
def _clothes(skin, ta, radiant, hc, body):  # type: ignore[no-untyped-def]
    t = 0.5 * (skin + ta)
    for _ in range(30):
        k = t + 273.15
        f = body[3] * (hc * (ta - t) + body[4] * 0.95 * _SIGMA * (radiant - k**4)) + body[6] * (skin - t)
        slope = -body[3] * (hc + body[4] * 0.95 * _SIGMA * 4.0 * k**3) - body[6]
        change = f / slope
        t -= change
        if abs(change) < 1e-7:
            break
    return t


@njit(cache=True, nogil=True)
def _skin_balance(skin, ta, radiant, hc, vapour, made, body):  # type: ignore[no-untyped-def]
    core, alpha = _core(skin, made)
    clothes = _clothes(skin, ta, radiant, hc, body)
    bare = 1.0 - body[2]
    dry = bare * (body[4] * 0.99 * _SIGMA * (radiant - (skin + 273.15) ** 4) + hc * (ta - skin))
    return dry - _evaporation(skin, core, alpha, hc, vapour, body) + made - body[6] * (skin - clothes)


@njit(cache=True, nogil=True)
def _pet(ta, tmrt, v, rh, body, room):  # type: ignore[no-untyped-def]
    """PET of one state; false position (Illinois) for the skin, Newton for the room."""
    vapour = rh / 100.0 * _saturation(ta)
    radiant, hc = (tmrt + 273.15) ** 4, _transfer(v, body)
    made = body[0] + _breathing(ta, vapour, body)
    low, high = -30.0, 80.0
    f_low = _skin_balance(low, ta, radiant, hc, vapour, made, body)
    f_high = _skin_balance(high, ta, radiant, hc, vapour, made, body)
    if not (f_low > 0.0 > f_high):
        return np.nan
    skin = 34.0
    for n in range(200):
        f = _skin_balance(skin, ta, radiant, hc, vapour, made, body)
        if f > 0.0:
            low, f_low = skin, f
            f_high *= 0.5 if n else 1.0
        else:
            high, f_high = skin, f
            f_low *= 0.5 if n else 1.0
        if high - low < 1e-5 or abs(f) < 1e-6:
            break
        step = (low * f_high - high * f_low) / (f_high - f_low)
        skin = step if n % 4 != 3 else 0.5 * (low + high)
    core, alpha = _core(skin, made)
    clothes = _clothes(skin, ta, radiant, hc, body)
    calm = _transfer(0.1, room)
    evaporated = _evaporation(skin, core, alpha, calm, 12.0, room)
    bare, x = 1.0 - room[2], clothes
    for _ in range(60):
        k4 = (x + 273.15) ** 4
        f = room[0] + _breathing(x, 12.0, room) - evaporated
        f += bare * (room[4] * 0.99 * _SIGMA * (k4 - (skin + 273.15) ** 4) + calm * (x - skin))
        f += room[3] * (room[4] * 0.95 * _SIGMA * (k4 - (clothes + 273.15) ** 4) + calm * (x - clothes))
        radiating = room[4] * _SIGMA * 4.0 * (x + 273.15) ** 3 * (bare * 0.99 + room[3] * 0.95)
        change = f / (radiating + calm * (bare + room[3]) + 0.02 * room[0])
        x -= change
        if abs(change) < 1e-5:
            break
    return x


@njit(cache=True, nogil=True)
def _pet_points(start, stop, ta, tmrt, wind, rh, body, room, out):  # type: ignore[no-untyped-def]
    for n in range(start, stop):
        valid = (
            -60.0 <= ta[n] <= 60.0 and -100.0 <= tmrt[n] <= 120.0 and 0.0 <= rh[n] <= 100.0 and 0.0 <= wind[n] <= 60.0
        )
        out[n] = _pet(ta[n], tmrt[n], max(wind[n], 0.1), rh[n], body, room) if valid else np.nan


def pet(
    air_temperature: Any,
    mean_radiant_temperature: Any,
    wind_speed: Any,
    relative_humidity: Any,
    *,
    posture: str = "standing",
    clothing: float | None = None,
    activity: float | None = None,
    height: float | None = None,
    age: float | None = None,
    air_pressure: float = 1013.25,
    variant: str = "walther_goestchel",
) -> Any:
    """Return the physiological equivalent temperature: the calm room that would feel the same.

    Parameters
    ----------
    air_temperature : float, numpy.ndarray or xarray.DataArray
        [degC]
    mean_radiant_temperature : float, numpy.ndarray or xarray.DataArray
        [degC]
    wind_speed : float, numpy.ndarray or xarray.DataArray
        [m/s] at the body, 1.1 m above ground; below 0.1 m/s counts as 0.1.
    relative_humidity : float, numpy.ndarray or xarray.DataArray
        [%]
    posture : {"standing", "sitting"}
        Of the person; the rest of the person is in ``tables/body.csv``.
    clothing : float, optional
        Insulation [clo], by default 0.9.
    activity : float, optional
        Heat made above the resting rate [W], by default 80.
    height, age : float, optional
        Of the person [m], [years].
    air_pressure : float
        [hPa]
    variant : {"walther_goestchel", "umep_memi"}
        Corrected form of 2018, or the body model MEMI as the UMEP family uses it; they differ by up to 2.5 K.

    Returns
    -------
    float, numpy.ndarray or xarray.DataArray
        PET [degC]; ``attrs["variant"]`` of a DataArray names the form.

    References
    ----------
    Walther & Goestchel 2018, doi 10.1016/j.buildenv.2018.04.021; Hoeppe 1999, doi 10.1007/s004840050118.

    Examples
    --------
    >>> round(pet(21.0, 21.0, 0.1, 50.0), 0)
    21.0
    """
    air_pressure = hectopascal(air_pressure)
    if variant not in VARIANTS:
        raise InputError(f"variant={variant!r} of PET is unknown: use {' or '.join(map(repr, VARIANTS))}.")
    if variant == "umep_memi":
        body = memi_body(
            person_row(posture),
            None if clothing is None else _checked_clothing(clothing),
            activity,
            height,
            age,
            air_pressure,
        )
        kernel: Callable[..., None] = memi_points
        fixed: tuple[np.ndarray, ...] = (body,)
    else:
        body = _body(posture, air_pressure, clothing, activity, height, age)
        room = _body(posture, air_pressure, height=height, age=age)  # dressed and active as the standard person
        kernel, fixed = _pet_points, (body, room)

    inputs = (air_temperature, mean_radiant_temperature, wind_speed, relative_humidity)
    return index_of_points(
        kernel, inputs, fixed, "pet", long_name="Physiological equivalent temperature", variant=variant
    )
