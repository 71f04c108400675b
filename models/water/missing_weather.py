"""Humidity, radiation and wind where none was measured, by the rules of FAO-56, each listed.

Rules of FAO Irrigation and Drainage Paper 56, chapter 3, "Estimating missing climatic data": dew point = lowest
temperature (Eq. 48), radiation from sunshine (Eq. 35) or from the range of temperature (Eq. 50), wind 2 m/s. Value by
value: what was measured stays. Temperature has no substitute and must be complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import WEATHER, InputError, read_table
from models.water import penman_monteith as pm
from models.water import solar_radiation as sun

__all__ = ["Air", "Place", "complete_daily", "complete_hourly", "middle_of_steps", "step_hours"]

USUAL_WIND = 2.0
"""Wind speed 2 m above ground where none is known [m/s]: mean of over 2,000 stations, FAO-56 p. 63."""

_MEGAJOULE = {"day": 0.0864, "hour": 0.0036}


@dataclass(frozen=True)
class Place:
    """Where the weather was: latitude, longitude [deg], elevation [m], and whether the sea is near."""

    latitude: float
    longitude: float
    elevation: float
    coastal: bool = False


@dataclass
class Air:
    """Complete weather in the units of the equations, with the list of what was put in.

    Attributes
    ----------
    hot, cold : numpy.ndarray
        Highest and lowest air temperature of the day, or twice the mean of the hour [degC].
    vapour : numpy.ndarray
        Vapour pressure [kPa].
    radiation, direct, above, clear : numpy.ndarray
        Solar radiation, its direct part, above the atmosphere, under a clear sky [MJ m-2 per day or hour].
    wind : numpy.ndarray
        2 m above ground [m/s].
    reasons : list of dict
        variable, count, of, rule.
    """

    hot: np.ndarray
    cold: np.ndarray
    vapour: np.ndarray
    radiation: np.ndarray
    direct: np.ndarray
    above: np.ndarray
    clear: np.ndarray
    wind: np.ndarray
    reasons: list[dict[str, object]] = field(default_factory=list)

    def table(self) -> pd.DataFrame:
        """Return what was put in, one row a rule: variable, count, of, rule."""
        return pd.DataFrame(self.reasons, columns=["variable", "count", "of", "rule"])


def step_hours(weather: xr.Dataset) -> float:
    """Return the length of a step [h]; one single step counts as a day where it has extreme temperatures, else an hour.

    Raises
    ------
    InputError
        If stamps repeat, run backwards, or are uneven.
    """
    times = weather["time"].values.astype("datetime64[ns]")
    if times.size < 2:
        return 24.0 if "air_temperature_max" in weather else 1.0
    steps = np.diff(times).astype("timedelta64[s]").astype(float) / 3600.0
    if (steps <= 0).any():
        first = int(np.argmax(steps <= 0))
        raise InputError(
            f"The weather has the stamp {np.datetime_as_string(times[first + 1], unit='m')} UTC twice or out of order: "
            "sort it and keep one row a stamp, or let water.daily_weather() do both and list it."
        )
    if not np.allclose(steps, steps[0], rtol=1e-6):
        first = int(np.argmax(~np.isclose(steps, steps[0])))
        raise InputError(
            f"The weather steps are uneven: {steps[0]:g} h, but {steps[first]:g} h after "
            f"{np.datetime_as_string(times[first], unit='m')} UTC: fill the gap, or let water.daily_weather() do it."
        )
    return float(steps[0])


def _take(weather: xr.Dataset, name: str) -> np.ndarray | None:
    """Return a variable with time first, checked against its bounds, or None where the weather has none."""
    if name not in weather:
        return None
    bounds = {row["name"]: (float(row["lower"]), float(row["upper"]), row["units"]) for row in _daily_rows()}
    lower, upper, units = (
        bounds[name] if name in bounds else (WEATHER[name].lower, WEATHER[name].upper, WEATHER[name].units)
    )
    array = weather[name]
    values = np.asarray(array.transpose("time", ...).values, dtype=float)
    low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
    if low < lower or high > upper:
        raise InputError(
            f"Weather variable {name!r} runs from {low:g} to {high:g} {units}, allowed is {lower:g} to {upper:g}: "
            "check its unit."
        )
    return values


def _daily_rows() -> tuple:
    return read_table("models.water", "daily_weather.csv")


def _temperature(weather: xr.Dataset, name: str) -> np.ndarray:
    values = _take(weather, name)
    if values is None:
        raise InputError(f"The weather has no {name!r} [degC]: evapotranspiration needs it, no rule can stand in.")
    if np.isnan(values).any():
        first = int(np.argmax(np.isnan(values).reshape(values.shape[0], -1).any(axis=1)))
        raise InputError(
            f"Weather variable {name!r} has {int(np.isnan(values).sum())} missing values, the first at "
            f"{np.datetime_as_string(weather['time'].values[first], unit='m')} UTC: fill them, or leave the days out."
        )
    return values


class _Choice:
    """Values taken from several sources in turn; each after the first is listed with its count."""

    def __init__(self, variable: str, shape: tuple[int, ...], reasons: list[dict[str, object]]) -> None:
        self.variable, self.values, self.reasons = variable, np.full(shape, np.nan), reasons

    def offer(self, values: np.ndarray | None, rule: str | None = None) -> None:
        if values is None:
            return
        given = np.broadcast_to(values, self.values.shape)
        wanted = np.isnan(self.values) & ~np.isnan(given)
        self.values[wanted] = given[wanted]
        if rule is not None and wanted.any():
            row = {"variable": self.variable, "count": int(wanted.sum()), "of": wanted.size, "rule": rule}
            self.reasons.append(row)


def _wind(weather: xr.Dataset, shape: tuple[int, ...], reasons: list[dict[str, object]]) -> np.ndarray:
    wind = _Choice("wind_speed", shape, reasons)
    measured = _take(weather, "wind_speed")
    if measured is not None:
        wind.offer(pm.wind_at_2m(measured, float(weather["wind_speed"].attrs.get("height", 10.0))))
    wind.offer(np.array(USUAL_WIND), "2 m/s at 2 m (FAO-56 p. 63)")
    return wind.values


def _column(values: np.ndarray, ndim: int) -> np.ndarray:
    return values.reshape(values.shape + (1,) * (ndim - 1))


def _direct(weather: xr.Dataset, radiation: np.ndarray, share: np.ndarray, scale: float) -> np.ndarray:
    """Return the direct part: what is measured, else the split of Erbs et al. 1982."""
    diffuse = share * radiation
    measured = _take(weather, "diffuse_radiation")
    if measured is not None:
        diffuse = np.where(np.isnan(measured), diffuse, np.minimum(measured * scale, radiation))
    return radiation - diffuse


def complete_daily(weather: xr.Dataset, place: Place, constants: str) -> Air:
    """Return the complete weather of days.

    Parameters
    ----------
    weather : xarray.Dataset
        Along ``time``: ``air_temperature_max`` and ``_min`` [degC]; humidity as ``vapour_pressure`` [hPa],
        ``dew_point_temperature`` [degC], ``relative_humidity_max`` and ``_min``, or ``relative_humidity`` [%];
        ``global_radiation`` [W/m2, mean of the day] or ``sunshine_duration`` [h]; ``wind_speed`` [m/s].
    place : Place
        Where.
    constants : str
        Constant set.
    """
    hot, cold = _temperature(weather, "air_temperature_max"), _temperature(weather, "air_temperature_min")
    if (hot < cold).any():
        first = int(np.argmax((hot < cold).reshape(hot.shape[0], -1).any(axis=1)))
        raise InputError(
            f"The highest temperature lies below the lowest on {str(weather['time'].values[first])[:10]}: "
            "exchange the columns air_temperature_max and air_temperature_min, or mend the day."
        )
    hot, cold = np.broadcast_arrays(hot, cold)
    reasons: list[dict[str, object]] = []
    days = _column(pd.DatetimeIndex(weather["time"].values).day_of_year.to_numpy(), hot.ndim)
    ea = _Choice("relative_humidity", hot.shape, reasons)
    pressure, dew = _take(weather, "vapour_pressure"), _take(weather, "dew_point_temperature")
    ea.offer(None if pressure is None else pressure / 10.0)
    ea.offer(None if dew is None else pm.saturation_vapour_pressure(dew))
    high, low = _take(weather, "relative_humidity_max"), _take(weather, "relative_humidity_min")
    if high is not None and low is not None:
        ea.offer(pm.vapour_pressure_from_humidity(hot, cold, high, low))
    mean = _take(weather, "relative_humidity")
    ea.offer(None if mean is None else pm.vapour_pressure_from_humidity(hot, cold, mean))
    ea.offer(pm.saturation_vapour_pressure(cold), "dew point = lowest temperature (FAO-56 Eq. 48)")
    above = sun.extraterrestrial_daily(days, place.latitude, constants)
    clear = sun.clear_sky_daily(above, days, place.latitude, place.elevation, ea.values, constants)
    rs = _Choice("global_radiation", hot.shape, reasons)
    measured, sunshine = _take(weather, "global_radiation"), _take(weather, "sunshine_duration")
    rs.offer(None if measured is None else measured * _MEGAJOULE["day"])
    if sunshine is not None:
        bright = sun.radiation_from_sunshine(sunshine, days, place.latitude, constants)
        rs.offer(bright, "from hours of sunshine (FAO-56 Eq. 35)")
    coefficient = 0.19 if place.coastal else 0.16
    estimate = np.minimum(sun.radiation_from_temperature(hot, cold, above, coefficient), clear)
    rs.offer(estimate, f"from the range of temperature, {coefficient:g} degC^-0.5 (FAO-56 Eq. 50)")
    wind = _wind(weather, hot.shape, reasons)
    clearness = np.divide(rs.values, above, out=np.zeros(hot.shape), where=above > 0)
    share = sun.diffuse_share_daily(clearness, sun.sunset_angle(days, place.latitude, constants))
    direct = _direct(weather, rs.values, share, _MEGAJOULE["day"])
    return Air(hot, cold, ea.values, rs.values, direct, above, clear, wind, reasons)


def middle_of_steps(weather: xr.Dataset, hours: float) -> np.ndarray:
    """Return the middle of each step (UTC), by ``weather.attrs["interval"]``; stamps that do not say are instants."""
    half = np.timedelta64(round(hours * 1.8e12), "ns")
    times = weather["time"].values.astype("datetime64[ns]")
    meaning = weather.attrs.get("interval", "instant")
    return np.asarray(times - half if meaning == "end" else times + half if meaning == "start" else times)


def complete_hourly(weather: xr.Dataset, place: Place, constants: str, hours: float) -> tuple[Air, np.ndarray]:
    """Return the complete weather of steps up to some hours [per hour], and the cloudiness ratio of every step.

    ``weather`` has ``air_temperature`` [degC] and, where known, ``relative_humidity`` [%] (or ``vapour_pressure`` or
    ``dew_point_temperature``), ``global_radiation`` [W/m2] and ``wind_speed`` [m/s].
    """
    t = _temperature(weather, "air_temperature")
    reasons: list[dict[str, object]] = []
    middle = pd.DatetimeIndex(middle_of_steps(weather, hours))
    days = _column(middle.day_of_year.to_numpy(), t.ndim)
    clock = _column((middle - middle.normalize()).total_seconds().to_numpy() / 3600.0, t.ndim)
    local = (middle + pd.Timedelta(hours=place.longitude / 15.0)).normalize()
    groups = xr.DataArray(t, dims=("time", *(f"d{i}" for i in range(t.ndim - 1)))).groupby(
        xr.DataArray(local.to_numpy(), dims="time", name="day")
    )
    day_of_step = np.searchsorted(np.unique(local.to_numpy()), local.to_numpy())
    cold, hot = groups.min().values[day_of_step], groups.max().values[day_of_step]
    ea = _Choice("relative_humidity", t.shape, reasons)
    pressure, dew, rh = (_take(weather, n) for n in ("vapour_pressure", "dew_point_temperature", "relative_humidity"))
    ea.offer(None if pressure is None else pressure / 10.0)
    ea.offer(None if dew is None else pm.saturation_vapour_pressure(dew))
    ea.offer(None if rh is None else pm.saturation_vapour_pressure(t) * rh / 100.0)
    ea.offer(pm.saturation_vapour_pressure(cold), "dew point = lowest temperature of the day (FAO-56 Eq. 48)")
    where = (days, clock, place.latitude, place.longitude)
    above = sun.extraterrestrial_hourly(*where, constants, hours=hours) / hours
    sine = sun.sun_height(*where, constants)
    clear = sun.clear_sky_hourly(above, sine, place.elevation, ea.values, constants)
    rs = _Choice("global_radiation", t.shape, reasons)
    measured = _take(weather, "global_radiation")
    rs.offer(None if measured is None else measured * _MEGAJOULE["hour"])
    coefficient = 0.19 if place.coastal else 0.16
    estimate = np.minimum(sun.radiation_from_temperature(hot, cold, above, coefficient), clear)
    rs.offer(estimate, f"from the range of temperature, {coefficient:g} degC^-0.5 (FAO-56 Eq. 50)")
    wind = _wind(weather, t.shape, reasons)
    clearness = np.divide(rs.values, above, out=np.zeros(t.shape), where=above > 0)
    direct = _direct(weather, rs.values, sun.diffuse_share_hourly(clearness), _MEGAJOULE["hour"])
    ratio = _ratio(rs.values, np.broadcast_to(clear, t.shape), np.broadcast_to(sine, t.shape), constants)
    return Air(t, t, ea.values, rs.values, direct, above, clear, wind, reasons), ratio


def _ratio(radiation: np.ndarray, clear: np.ndarray, sine: np.ndarray, constants: str) -> np.ndarray:
    """Return Rs/Rso; under low sun and by night that of the last hour of higher sun, at the start that of the first."""
    high = sine >= np.sin(pm.constant_set(constants).low_sun)
    found = np.divide(radiation, clear, out=np.full(radiation.shape, np.nan), where=high & (clear > 0))
    table = pd.DataFrame(found.reshape(found.shape[0], -1)).ffill().bfill().fillna(0.5)
    return np.asarray(table.to_numpy().reshape(found.shape))
