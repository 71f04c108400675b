"""Reference evapotranspiration of short grass, daily or hourly, in the open or in the shade of a town.

Penman-Monteith after FAO-56, ASCE-EWRI 2005 or the program REF-ET, by name. In the shade only the radiation changes:
``Rs_site = f_dir Rs_direct + SVF Rs_diffuse``, the longwave loss to the sky shrinks with the sky view, and walls send
the longwave radiation of air temperature (more where ``wall_excess`` says so). The equation is linear in net radiation,
so the site value is the open value less what the shade takes: with ``direct_share = sky_view_factor = 1`` it is the
open value to the last bit. Left out: light reflected by walls, changed wind and humidity between houses.

Sources: Allen et al. 1998, FAO Irrigation and Drainage Paper 56; ASCE-EWRI 2005, doi 10.1061/9780784408056.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from models.layers import InputError
from models.water.missing_weather import Place, complete_daily, complete_hourly, step_hours
from models.water.penman_monteith import Evaporation, constant_set, daily_evaporation, hourly_evaporation

__all__ = ["evaporation_parts", "reference_evapotranspiration"]

_LONGEST_STEP = 3.0
_DEGREE = 6.0
"""Longwave radiation that one kelvin more of a wall sends [W m-2 K-1]: 4 sigma T^3 at 20 degC, emissivity 0.95, by 0.95."""


def _place(weather: xr.Dataset, latitude: float | None, longitude: float | None, elevation: float | None) -> Place:
    given = {"latitude": latitude, "longitude": longitude, "elevation": elevation}
    values = {name: weather.attrs.get(name) if value is None else value for name, value in given.items()}
    daily = "air_temperature_max" in weather
    for name in ("latitude", "elevation", *(() if daily else ("longitude",))):
        if values[name] is None:
            raise InputError(
                f"Reference evapotranspiration needs the {name} of the weather: pass {name}=... "
                f"or set weather.attrs[{name!r}]."
            )
    numbers = {name: float(value or 0.0) for name, value in values.items()}
    found = Place(numbers["latitude"], numbers["longitude"], numbers["elevation"])
    if not (-90.0 <= found.latitude <= 90.0 and -180.0 <= found.longitude <= 360.0):
        raise InputError(
            f"latitude={found.latitude:g}, longitude={found.longitude:g} is no place on the globe: give degrees north "
            "(-90 to 90) and east (-180 to 180)."
        )
    if not -450.0 <= found.elevation <= 6000.0:
        raise InputError(f"elevation={found.elevation:g} m is no town: give metres above sea level (-450 to 6000).")
    return found


def evaporation_parts(
    weather: xr.Dataset,
    *,
    constants: str = "fao56",
    latitude: float | None = None,
    longitude: float | None = None,
    elevation: float | None = None,
    coastal: bool = False,
) -> xr.Dataset:
    """Return reference evapotranspiration in the open and what its radiation parts carry.

    For many places under one weather: ``open - (1 - f_dir) beam - (1 - SVF) sky`` is the value of each.

    Parameters
    ----------
    weather, constants, latitude, longitude, elevation, coastal
        As in :func:`reference_evapotranspiration`.

    Returns
    -------
    xarray.Dataset
        ``open``, ``beam``, ``sky`` and ``wall`` (for one kelvin of wall excess at no sky), all mm/d or mm/h, on the
        dimensions of the temperature; ``attrs["filled"]`` lists what was put in where nothing was measured.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-07-01", periods=3)
    >>> weather = xr.Dataset(
    ...     {"air_temperature_max": ("time", [25.0, 28.0, 31.0]), "air_temperature_min": ("time", [12.0, 14.0, 17.0])},
    ...     coords={"time": days},
    ... )
    >>> parts = evaporation_parts(weather, latitude=50.0, elevation=100.0)
    >>> parts.open.round(1).values.tolist()
    [4.6, 5.1, 5.5]
    """
    constant_set(constants)
    if not isinstance(weather, xr.Dataset) or "time" not in weather.coords or weather["time"].size == 0:
        raise InputError("The weather must be an xarray.Dataset with a coordinate 'time' of at least one step.")
    spot = _place(weather, latitude, longitude, elevation)
    place = Place(spot.latitude, spot.longitude, spot.elevation, coastal)
    hours = step_hours(weather)
    if "air_temperature_max" in weather and abs(hours - 24.0) < 1e-6:
        air = complete_daily(weather, place, constants)
        rates = daily_evaporation(
            air.hot, air.cold, air.vapour, air.radiation, air.wind,
            elevation=place.elevation, clear_sky=air.clear, direct=air.direct, constants=constants,
        )  # fmt: skip
        source, unit = "air_temperature_max", "mm d-1"
    elif "air_temperature" in weather and hours <= _LONGEST_STEP:
        air, ratio = complete_hourly(weather, place, constants, hours)
        rates = hourly_evaporation(
            air.hot, air.vapour, air.radiation, air.wind,
            elevation=place.elevation, ratio=ratio, direct=air.direct, constants=constants,
        )  # fmt: skip
        source, unit = "air_temperature", "mm h-1"
    else:
        raise InputError(
            f"Weather in steps of {hours:g} h with {', '.join(map(str, weather.data_vars))} is neither daily (24 h with "
            f"air_temperature_max and air_temperature_min) nor hourly (air_temperature in steps up to {_LONGEST_STEP:g} h)."
        )
    return _dataset(weather[source].transpose("time", ...), rates, unit, air.reasons, constants)


def _dataset(
    template: xr.DataArray, rates: Evaporation, unit: str, reasons: list[dict[str, object]], constants: str
) -> xr.Dataset:
    words = "; ".join(f"{r['variable']}: {r['count']} of {r['of']}, {r['rule']}" for r in reasons)
    names = {
        "open": ("total", "Reference evapotranspiration in the open"),
        "beam": ("beam", "Part carried by direct radiation"),
        "sky": ("sky", "Part carried by the sky"),
        "wall": ("longwave", "Part of one kelvin of wall temperature above that of the air, at no sky"),
    }
    variables = {}
    for name, (attribute, title) in names.items():
        values = np.broadcast_to(getattr(rates, attribute), template.shape) * (_DEGREE if name == "wall" else 1.0)
        variables[name] = (template.dims, np.array(values), {"units": unit, "long_name": title})
    return xr.Dataset(variables, coords=template.coords, attrs={"constants": constants, "filled": words})


def reference_evapotranspiration(
    weather: xr.Dataset,
    *,
    constants: str = "fao56",
    latitude: float | None = None,
    longitude: float | None = None,
    elevation: float | None = None,
    coastal: bool = False,
    direct_share: xr.DataArray | np.ndarray | float = 1.0,
    sky_view_factor: xr.DataArray | np.ndarray | float = 1.0,
    wall_excess: xr.DataArray | float = 0.0,
) -> xr.DataArray:
    """Return how much water short grass would give to the air, day by day or hour by hour.

    Parameters
    ----------
    weather : xarray.Dataset
        Along ``time`` (UTC), further dimensions allowed. Days: ``air_temperature_max``, ``air_temperature_min`` [degC]
        and, where known, ``vapour_pressure`` [hPa], ``dew_point_temperature`` [degC], ``relative_humidity_max``,
        ``relative_humidity_min`` or ``relative_humidity`` [%], ``global_radiation`` [W/m2, mean of the day],
        ``sunshine_duration`` [h], ``wind_speed`` [m/s, attr ``height``, default 10 m]. Steps up to 3 h:
        ``air_temperature``, ``relative_humidity``, ``global_radiation``, ``wind_speed`` under the same names;
        ``attrs["interval"]`` says whether a stamp is the start, the end or the middle ("instant") of its step.
    constants : {"fao56", "asce2005", "refet"}
        Named constants: FAO-56, the ASCE standardized equation, or the program REF-ET.
    latitude, longitude, elevation : float, optional
        [deg], [deg], [m above sea level]; by default from ``weather.attrs``. Days need no longitude.
    coastal : bool
        True near the sea: changes the estimate of radiation from temperature only.
    direct_share : xarray.DataArray, array or float
        Share of the direct radiation that arrives (0 to 1), for example the sunlit share of a crown; may have ``time``.
    sky_view_factor : xarray.DataArray, array or float
        Share of the sky seen (0 to 1).
    wall_excess : xarray.DataArray or float
        Temperature of walls above that of the air [K].

    Returns
    -------
    xarray.DataArray
        [mm/d] or [mm/h]; ``attrs["filled"]`` lists what was put in where nothing was measured. Dew by night is negative.

    Raises
    ------
    InputError
        If temperature is missing, a value is impossible, steps are uneven, or the place is unknown.

    References
    ----------
    Allen et al. 1998, FAO Irrigation and Drainage Paper 56; ASCE-EWRI 2005, doi 10.1061/9780784408056.

    Examples
    --------
    Uccle, 6 July (FAO-56, Example 18), from humidity, sunshine and wind:

    >>> day = xr.Dataset(
    ...     {"air_temperature_max": ("time", [21.5]), "air_temperature_min": ("time", [12.3]),
    ...      "relative_humidity_max": ("time", [84.0]), "relative_humidity_min": ("time", [63.0]),
    ...      "sunshine_duration": ("time", [9.25]), "wind_speed": ("time", [2.78])},
    ...     coords={"time": np.array(["2023-07-06"], dtype="datetime64[ns]")},
    ... )
    >>> round(float(reference_evapotranspiration(day, latitude=50.80, elevation=100.0)[0]), 2)
    3.88
    """
    parts = evaporation_parts(
        weather, constants=constants, latitude=latitude, longitude=longitude, elevation=elevation, coastal=coastal
    )
    for name, value in (("direct_share", direct_share), ("sky_view_factor", sky_view_factor)):
        values = np.asarray(value, dtype=float)
        if not ((values >= 0.0) & (values <= 1.0)).all():
            raise InputError(f"{name} must lie between 0 and 1 everywhere, without gaps: it is a share.")
    hidden = 1.0 - sky_view_factor
    result = parts["open"] - (1.0 - direct_share) * parts["beam"] - hidden * parts["sky"]
    result = result + hidden * wall_excess * parts["wall"]
    result = result.transpose("time", ...)
    result.attrs = {
        "units": parts["open"].attrs["units"],
        "long_name": "Reference evapotranspiration of short grass",
        "standard_name": "water_potential_evaporation_flux",
        **parts.attrs,
    }
    return result.rename("reference_evapotranspiration")
