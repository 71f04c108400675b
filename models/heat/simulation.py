"""Heat stress of every cell for every hour; the physics of a step is in :mod:`models.heat.stepping`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from models.heat.geometry import SkyGeometry, spatial_coordinates
from models.heat.stepping import OUTPUTS, Run, require_room, wanted
from models.layers import require_weather

__all__ = ["OUTPUTS", "simulate"]


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
    wind: str = "station",
    air: str = "station",
    pet_variant: str = "walther_goestchel",
    progress: Callable[[int], Any] | None = None,
) -> xr.Dataset:
    """Return how hot it is for a person at every place and hour.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height``, ``trunk_height`` [m], ``building_id`` and
        ``land_cover`` on ("y", "x"); ``albedo``, ``emissivity`` [1] and ``soil_moisture`` [m3 m-3] where known. ``attrs``:
        ``latitude``, ``longitude`` [deg], and ``convergence`` [deg] by which grid north lies east of true north.
    weather : xarray.Dataset
        ``air_temperature`` [degC], ``relative_humidity`` [%], ``wind_speed`` [m/s], ``global_radiation`` [W/m2] and what
        else of ``models.layers.WEATHER`` is known, along ``time`` (UTC); ``attrs["interval"]``: "end", "start" or
        "instant".
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
        correction for towns of Jonsson et al. 2006.
    wall : str
        Material of the walls, a name of ``tables/wall.csv``.
    wind : {"station", "local"}
        Wind of the indices: that of the weather for the whole grid, or per cell by :func:`pedestrian_wind_share`.
    air : {"station", "local"}
        Air temperature: that of the weather for the whole grid, or of each cell
        (:mod:`models.heat.air_temperature`; needs a whole day). The weather is then that of a station on open grass.
    pet_variant : {"walther_goestchel", "umep_memi"}
        Form of PET, see :func:`models.heat.pet`.
    progress : callable, optional
        Called with the number of finished steps after each.

    Returns
    -------
    xarray.Dataset
        The outputs, float32 (time, y, x); cells on buildings are NaN.

    Raises
    ------
    InputError
        If layers or weather are missing, out of bounds, or contradict each other, or if the run does not fit into memory.

    References
    ----------
    Lindberg, Holmer & Thorsson 2008, doi 10.1007/s00484-008-0162-7 (six directions on a grid); Perez et al. 1993,
    doi 10.1016/0038-092X(93)90017-I; Prata 1996, doi 10.1002/qj.49712253306; Broede et al. 2012,
    doi 10.1007/s00484-011-0454-1.

    Examples
    --------
    >>> day = simulate(site, weather, outputs=("utci",))      # doctest: +SKIP
    >>> day.utci.sel(time="2022-07-19T14:00").plot()          # doctest: +SKIP
    """
    names = wanted(outputs)
    require_weather(weather)
    steps = int(weather.sizes["time"])
    require_room(site, len(names) * steps, f"{len(names)} outputs at {steps} steps", geometry)
    run = Run(
        site, weather, geometry=geometry, posture=posture, latitude=latitude, longitude=longitude, sky=sky, split=split,
        longwave=longwave, wall=wall, wind=wind, air=air, pet_variant=pet_variant,
    )  # fmt: skip
    results = {name: np.empty((run.air.times.size, *run.shape), np.float32) for name in names}
    for step, maps in enumerate(run.steps(names)):
        for name, values in results.items():
            np.copyto(values[step], maps[name])
        if progress is not None:
            progress(step + 1)
    return with_names(results, run, site, weather)


def with_names(results: Mapping[str, np.ndarray], run: Run, site: xr.Dataset, weather: xr.Dataset) -> xr.Dataset:
    """Return the maps of a run (time, y, x) with coordinates, units and what a user should know of each."""
    data = {}
    for name, values in results.items():
        attrs: dict[str, Any] = {**OUTPUTS[name], **run.attributes(name)}
        if "spatial_ref" in site.coords:
            attrs["grid_mapping"] = "spatial_ref"
        data[name] = (("time", "y", "x"), values, attrs)
    result = xr.Dataset(data, coords={"time": weather["time"], **spatial_coordinates(site)})
    result.attrs = {"Conventions": "CF-1.10", "title": "Heat stress", "interval": weather.attrs["interval"]}
    return result
