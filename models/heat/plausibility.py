"""What is often wrong with heights and weather, recognised before anything is computed and said in one sentence."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import WEATHER, InputError, read_table

__all__ = ["refuse_absolute_crowns", "refuse_foreign_weather", "warn_of_slipped_clock"]

_log = logging.getLogger(__name__)

_TALL = 40.0  # half of all crowns higher than this are no town trees [m]
_SLIP = 0.6  # shift of the day's radiation that a clock makes and clouds do not [h]
_EXCESS = 60.0  # radiation above that of a clear sky that no hour has [W/m2]


def refuse_foreign_weather(weather: xr.Dataset) -> None:
    """Raise if variables bear the names or units of other formats."""
    if not isinstance(weather, xr.Dataset) or weather.sizes.get("time", 0) == 0:
        return  # said by require_weather
    present = {str(name).casefold(): str(name) for name in weather.data_vars}
    for ours, layer in WEATHER.items():
        if ours in weather or not layer.required:
            continue
        for row in read_table("models.heat", "foreign_names.csv"):
            theirs = present.get(row["name"].casefold())
            if row["ours"] == ours and theirs is not None:
                scale = float(row["scale"])
                times = "" if scale == 1.0 else f" and multiply it by {scale:g}"
                raise InputError(
                    f"The weather has no {ours!r} [{layer.units}], but {theirs!r}, as {row['format']} calls it: "
                    f"rename it, weather.rename({theirs}={ours!r}){times}."
                )
    if "longwave_down" in weather and bool(weather["longwave_down"].isnull().any()):
        holes = int(weather["longwave_down"].isnull().sum())
        raise InputError(
            f"Weather variable 'longwave_down' has {holes} missing values: fill them, or leave the variable out, it is then "
            "worked out from air temperature, humidity and radiation."
        )
    if "air_pressure" in weather:
        pressure = float(weather["air_pressure"].median())
        if 50.0 <= pressure <= 110.0:
            raise InputError(f"air_pressure is {pressure:.4g}, which looks like kPa: multiply it by 10 to give hPa.")
        if 50_000.0 <= pressure <= 110_000.0:
            raise InputError(f"air_pressure is {pressure:.6g}, which looks like Pa: divide it by 100 to give hPa.")
    if float(weather["relative_humidity"].max() if "relative_humidity" in weather else 100.0) <= 1.0:
        raise InputError(
            "relative_humidity is 1 at most, which looks like a share: multiply it by 100 to give per cent."
        )


def warn_of_slipped_clock(
    times: np.ndarray, global_radiation: np.ndarray, clear_sky: np.ndarray, average: float
) -> float:
    """Log one warning if the radiation of a day runs ahead of the sun or behind it; return the shift [h].

    Parameters
    ----------
    times : numpy.ndarray
        Middle of each step, UTC.
    global_radiation, clear_sky : numpy.ndarray
        Measured, and under a clear sky by the sun's position [W/m2].
    average : float
        Length of the averages [s].
    """
    hour = times.astype("datetime64[s]").astype(np.int64) / 3600.0
    shifts = []
    for _, at in pd.Series(np.arange(times.size)).groupby(times.astype("datetime64[D]")):
        g, clear, when = global_radiation[at], clear_sky[at], hour[at]
        whole = clear.max() > 200.0 and clear[0] < 30.0 and clear[-1] < 30.0 and average <= 7200.0
        if whole and g.sum() > 0.0 and (g - clear).max() > _EXCESS:
            shifts.append((g * when).sum() / g.sum() - (clear * when).sum() / clear.sum())
    shift = float(np.median(shifts)) if shifts else 0.0
    if abs(shift) >= _SLIP:
        _log.warning(
            "Global radiation comes %.1f h %s than the sun of the place allows: times must be UTC, check the UTC offset and "
            "what the stamps mean.",
            abs(shift),
            "later" if shift > 0 else "earlier",
        )
    return shift


def refuse_absolute_crowns(terrain: np.ndarray, canopy: np.ndarray, trunk: np.ndarray) -> None:
    """Raise if crowns seem to be given above datum instead of above ground."""
    crown = canopy > 0.0
    if not crown.any():
        return
    for name, values in (("canopy_height", canopy), ("trunk_height", trunk)):
        known = values[crown]
        above = known - terrain[crown]
        if float(np.median(known)) > _TALL and (above > -0.5).mean() > 0.9 and float(np.median(above)) < _TALL:
            raise InputError(
                f"{name} is {float(np.median(known)):.0f} m in the middle and lies above terrain_height nearly "
                "everywhere, so it seems to be height above datum: subtract terrain_height, crowns are measured above ground."
            )
