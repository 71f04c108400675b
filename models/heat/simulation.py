"""Heat stress of every cell for every hour: radiation to a person, mean radiant temperature, UTCI.

For each step the radiance of the 153 patches is set by the weather (Perez sky, longwave sky, crowns at air temperature,
walls at their own temperature in sun and shade); each cell adds up what its visibility bits let it see, by look-up
tables
over bytes. The ground has its own balance in each cell, and the person sees it through :mod:`models.heat.ground_view`.

One air temperature, humidity and wind for the whole grid; left out: reflections of the second order, body shadow,
anthropogenic heat, and cells on roofs (NaN).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import xarray as xr

from models.heat.body import VARIANT, pet_of_map
from models.heat.forcing import Forcing, forcing, wind_at
from models.heat.geometry import SkyGeometry, prepare, spatial_coordinates
from models.heat.indices import UTCI_WIND, utci_coefficients
from models.heat.person import Person, person
from models.heat.radiance import FLUXES, Environment
from models.heat.relief import relief_of
from models.heat.sums import body_temperature, patch_sums, utci_of_map
from models.layers import InputError, require_layers

__all__ = ["OUTPUTS", "simulate"]

OUTPUTS: dict[str, dict[str, str]] = {
    "tmrt": {"units": "degC", "long_name": "Mean radiant temperature"},
    "utci": {"units": "degC", "long_name": "Universal Thermal Climate Index"},
    "pet": {"units": "degC", "long_name": "Physiological equivalent temperature"},
    "shadow": {"units": "1", "long_name": "Sunlit fraction"},
    "surface_temperature": {
        "units": "degC",
        "long_name": "Temperature of the ground surface",
        "standard_name": "surface_temperature",
    },
    **FLUXES,
}
"""What :func:`simulate` can return, with units and names."""


def _place(site: xr.Dataset, latitude: float | None, longitude: float | None) -> tuple[float, float]:
    found = []
    for name, given in (("latitude", latitude), ("longitude", longitude)):
        value = given if given is not None else site.attrs.get(name)
        if value is None:
            raise InputError(f"The site does not say its {name}: pass {name}= in degrees, or set site.attrs[{name!r}].")
        found.append(float(value))
    return found[0], found[1]


def _wanted(outputs: Iterable[str]) -> tuple[str, ...]:
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for name in names:
        if name not in OUTPUTS:
            raise InputError(f"outputs holds {name!r}; allowed are {', '.join(OUTPUTS)}.")
    return names


def _geometry_of(site: xr.Dataset, geometry: SkyGeometry | None) -> SkyGeometry:
    if geometry is None:
        return prepare(site)
    relief = relief_of(site)
    if relief.shape != geometry.shape or not np.array_equal(relief.surface, geometry.relief.surface):
        raise InputError("The geometry was prepared for another site: call heat.prepare(site) again.")
    return geometry


def simulate(
    site: xr.Dataset,
    weather: xr.Dataset,
    *,
    geometry: SkyGeometry | None = None,
    outputs: Iterable[str] = ("tmrt", "utci"),
    posture: str = "standing",
    latitude: float | None = None,
    longitude: float | None = None,
    sky: str = "perez",
    split: str = "reindl",
    longwave: str = "jonsson",
    wall: str = "brick",
    progress: Callable[[int], Any] | None = None,
) -> xr.Dataset:
    """Return how hot it is for a person at every place and hour.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height``, ``trunk_height`` [m], ``building_id`` and
        ``land_cover``
        on ("y", "x"); ``albedo``, ``emissivity`` and ``soil_moisture`` where known. ``attrs``: ``latitude``,
        ``longitude`` [deg] and
        ``convergence`` [deg], by which grid north lies east of true north.
    weather : xarray.Dataset
        ``air_temperature`` [degC], ``relative_humidity`` [%], ``wind_speed`` [m/s], ``global_radiation`` [W/m2]
        and what else of
        ``models.layers.WEATHER`` is known, along ``time`` (UTC); ``attrs["interval"]``: "end", "start" or "instant".
    geometry : SkyGeometry, optional
        What :func:`prepare` gave for this site; made here if missing.
    outputs : iterable of str
        Names from ``models.heat.simulation.OUTPUTS``.
    posture : {"standing", "sitting"}
        Of the person.
    latitude, longitude : float, optional
        Place [deg], instead of the site's.
    sky : {"perez", "isotropic"}
        How diffuse radiation is spread over the sky.
    split : {"reindl", "erbs"}
        How global radiation is split where no measured share is given.
    longwave : {"jonsson", "prata"}
        Clear-sky longwave radiation where the weather has no ``longwave_down``: Prata 1996 with or without the
        correction
        for towns of Jonsson et al. 2006.
    wall : str
        Material of the walls, a name of ``tables/wall.csv``.
    progress : callable, optional
        Called with the number of finished steps after each.

    Returns
    -------
    xarray.Dataset
        The outputs, float32 (time, y, x); cells on buildings are NaN. Wind for UTCI is that of the weather at 10 m.

    Raises
    ------
    InputError
        If layers or weather are missing, out of bounds, or contradict each other.

    References
    ----------
    Lindberg, Holmer & Thorsson 2008, doi 10.1007/s00484-008-0162-7 (six directions on a grid); Perez et al. 1993;
    Prata 1996;
    Broede et al. 2012.

    Examples
    --------
    >>> day = simulate(site, weather, outputs=("utci",))      # doctest: +SKIP
    >>> day.utci.sel(time="2022-07-19T14:00").plot()          # doctest: +SKIP
    """
    names = _wanted(outputs)
    body = person(posture)
    require_layers(site, ("building_id", "land_cover"))
    place = _place(site, latitude, longitude)
    if sky not in ("perez", "isotropic"):
        raise InputError(f"sky={sky!r} is unknown: use 'perez' or 'isotropic'.")
    air = forcing(weather, *place, split=split, longwave=longwave)
    seen = _geometry_of(site, geometry)
    surroundings = Environment(site, seen, air, place[0], isotropic=sky == "isotropic", wall=wall)
    shape = (air.times.size, *seen.shape)
    results = {name: np.empty(shape, np.float32) for name in names}
    ground = surroundings.ground
    for step in range(air.times.size):
        maps = _one_step(surroundings, step, air, body, names)
        for name, values in results.items():
            np.copyto(values[step], maps[name])
            values[step][~ground] = np.nan
        if progress is not None:
            progress(step + 1)
    return _dataset(site, weather, results, body)


def _one_step(
    surroundings: Environment, step: int, air: Forcing, body: Person, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Return the maps of one step, each float32 (y, x)."""
    radiances = surroundings.advance(step)
    absorbed = body.shortwave_absorption * radiances.shortwave + body.longwave_absorption * radiances.longwave
    taken = patch_sums(surroundings.geometry, (absorbed,), (body.sky_weights(),))[0]
    seen_ground = surroundings.view.mean(
        body.shortwave_absorption * radiances.ground_shortwave + body.longwave_absorption * radiances.ground_longwave
    )
    beam = body.shortwave_absorption * body.beam_weight(max(float(air.elevation[step]), 0.0)) * float(air.direct[step])
    tmrt = body_temperature(
        taken,
        seen_ground,
        radiances.sunlit,
        np.float32(body.ground_weight),
        np.float32(beam),
        np.float32(body.longwave_absorption),
    )
    maps = {"tmrt": tmrt, "shadow": radiances.sunlit, "surface_temperature": radiances.surface_temperature}
    if "utci" in names:
        wind = float(np.clip(air.wind_10m[step], UTCI_WIND[0], None))
        table = utci_coefficients(float(air.air_temperature[step]), float(air.relative_humidity[step]))
        valid = wind <= UTCI_WIND[1]
        maps["utci"] = utci_of_map(tmrt, float(air.air_temperature[step]), table, wind if valid else np.nan)
    if "pet" in names:
        street = float(wind_at(1.1, air.wind_10m[step : step + 1], 10.0)[0])
        conditions = float(air.air_temperature[step]), float(air.relative_humidity[step])
        pressure = float(air.pressure[step])
        maps["pet"] = pet_of_map(tmrt, *conditions, street, posture=body.posture, air_pressure=pressure)
    if any(name in FLUXES for name in names):
        maps.update(radiances.fluxes(surroundings, step))
    return maps


def _dataset(site: xr.Dataset, weather: xr.Dataset, results: dict[str, np.ndarray], body: Person) -> xr.Dataset:
    coordinates = {"time": weather["time"], **spatial_coordinates(site)}
    data = {}
    for name, values in results.items():
        attrs: dict[str, Any] = dict(OUTPUTS[name])
        if name in ("tmrt", "utci", "pet"):
            attrs["posture"] = body.posture
        if name == "tmrt":
            attrs |= {
                "shortwave_absorption": body.shortwave_absorption,
                "longwave_absorption": body.longwave_absorption,
            }
        if name == "utci":
            attrs["wind"] = (
                f"10 m above ground, as given by the weather for the whole grid, not below {UTCI_WIND[0]} m/s"
            )
        if name == "pet":
            attrs |= {
                "variant": VARIANT,
                "wind": "1.1 m above ground by the profile (z/10 m)^0.2 from the weather's wind",
            }
        if "spatial_ref" in site.coords:
            attrs["grid_mapping"] = "spatial_ref"
        data[name] = (("time", "y", "x"), values, attrs)
    result = xr.Dataset(data, coords=coordinates)
    result.attrs = {"Conventions": "CF-1.10", "title": "Heat stress", "interval": weather.attrs["interval"]}
    return result
