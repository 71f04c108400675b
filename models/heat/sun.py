"""Where the sun stands, and how strong it would be without an atmosphere.

Sun positions by the solar position algorithm of Reda & Andreas 2004, doi 10.1016/j.solener.2003.12.003 (NREL SPA,
through
pvlib), elevation corrected for refraction. Left out: the horizon's own height (the sweeps see the terrain of the grid).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError

__all__ = ["extraterrestrial_radiation", "sun_position", "sunrise_hour"]


def sun_position(times: object, latitude: float, longitude: float) -> xr.Dataset:
    """Return where the sun stands: azimuth and refraction-corrected elevation.

    Parameters
    ----------
    times : array of datetime64, pandas.DatetimeIndex or xarray.DataArray
        UTC, shape (time,).
    latitude, longitude : float
        Place [deg], north and east positive.

    Returns
    -------
    xarray.Dataset
        ``azimuth`` [deg] clockwise from true north and ``elevation`` [deg] above the horizon, along ``time``.

    Raises
    ------
    InputError
        If the place is not on the globe, or the times are none.

    References
    ----------
    Reda & Andreas 2004, doi 10.1016/j.solener.2003.12.003.

    Examples
    --------
    >>> sun = sun_position(np.array(["2024-06-21T11:08"], dtype="datetime64[ns]"), 52.52, 13.40)
    >>> float(sun.elevation[0].round(1))
    60.9
    """
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 360.0):
        raise InputError(
            f"latitude={latitude:g}, longitude={longitude:g} is no place on the globe: give degrees north (-90 to 90) "
            "and east (-180 to 180)."
        )
    from pvlib import solarposition  # slow to import: only when the sun is asked for

    try:
        index = pd.DatetimeIndex(np.atleast_1d(np.asarray(times, dtype="datetime64[ns]")))
    except (ValueError, TypeError):
        raise InputError(f"times={times!r} are no times: give datetime64 in UTC, such as 2024-06-21T11:08.") from None
    found = solarposition.get_solarposition(index.tz_localize("UTC"), latitude, longitude, method="nrel_numpy")
    return xr.Dataset(
        {
            "azimuth": (
                "time",
                found["azimuth"].to_numpy(float),
                {
                    "units": "degree",
                    "long_name": "Sun azimuth, clockwise from north",
                    "standard_name": "solar_azimuth_angle",
                },
            ),
            "elevation": (
                "time",
                found["apparent_elevation"].to_numpy(float),
                {
                    "units": "degree",
                    "long_name": "Sun elevation, refraction included",
                    "standard_name": "solar_elevation_angle",
                },
            ),
        },
        coords={"time": index.to_numpy()},
    )


def extraterrestrial_radiation(day_of_year: np.ndarray) -> np.ndarray:
    """Return the solar radiation normal to the beam outside the atmosphere [W/m2].

    Spencer 1971 with a solar constant of 1361 W/m2 (Kopp & Lean 2011, doi 10.1029/2010GL045777).
    """
    angle = 2.0 * math.pi * (np.asarray(day_of_year, dtype=float) - 1.0) / 365.0
    return np.asarray(
        1361.0
        * (
            1.00011
            + 0.034221 * np.cos(angle)
            + 0.00128 * np.sin(angle)
            + 0.000719 * np.cos(2 * angle)
            + 0.000077 * np.sin(2 * angle)
        )
    )


def sunrise_hour(day_of_year: float, latitude: float) -> float:
    """Return the hour of sunrise in true solar time (12 where the sun does not rise, 0 where it does not set)."""
    declination = math.radians(23.45) * math.sin(2.0 * math.pi * (284.0 + day_of_year) / 365.0)
    cosine = -math.tan(math.radians(latitude)) * math.tan(declination)
    return 12.0 - math.degrees(math.acos(min(1.0, max(-1.0, cosine)))) / 15.0
