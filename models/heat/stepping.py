"""One run of the heat model, step by step: what :func:`simulate` keeps in full and :func:`summarise` in short.

For each step the radiance of the 153 patches is set by the weather (Perez sky, longwave sky, crowns at air temperature,
walls at their own temperature in sun and shade); each cell adds up what its visibility bits let it see, by look-up
tables over bytes. The ground has its own balance in each cell; the person sees it through :mod:`models.heat.ground_view`.

Air temperature and wind are those of the weather for the whole grid unless asked per cell, vapour pressure always. Left out:
reflections of the second order, body shadow, anthropogenic heat, and cells on roofs (NaN).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from models.heat.air_temperature import AirContrast, air_contrast
from models.heat.body import VARIANTS, pet
from models.heat.comfort_maps import index_of_map
from models.heat.forcing import forcing, wind_at
from models.heat.geometry import BYTES_A_CELL as GEOMETRY_BYTES
from models.heat.geometry import SkyGeometry, prepare
from models.heat.indices import UTCI_WIND, utci_coefficients, utci_cube
from models.heat.perceived import perceived_temperature
from models.heat.person import person
from models.heat.radiance import FLUXES, Environment, Radiances
from models.heat.radiation import STEFAN_BOLTZMANN
from models.heat.relief import relief_of
from models.heat.sums import body_temperature, utci_of_air, utci_of_map
from models.heat.wet_bulb_globe import wbgt
from models.heat.wind import pedestrian_wind_share, utci_wind
from models.layers import InputError, require_layers
from models.memory import require_memory

__all__ = ["OUTPUTS", "Run", "place_of", "require_room", "wanted"]

_log = logging.getLogger(__name__)

OUTPUTS: dict[str, dict[str, str]] = {
    "tmrt": {"units": "degC", "long_name": "Mean radiant temperature"},
    "utci": {"units": "degC", "long_name": "Universal Thermal Climate Index"},
    "pet": {"units": "degC", "long_name": "Physiological equivalent temperature"},
    "pt": {"units": "degC", "long_name": "Perceived temperature"},
    "wbgt": {"units": "degC", "long_name": "Wet bulb globe temperature"},
    "air_temperature": {"units": "degC", "long_name": "Air temperature", "standard_name": "air_temperature"},
    "shadow": {"units": "1", "long_name": "Sunlit fraction"},
    "surface_temperature": {
        "units": "degC",
        "long_name": "Temperature of the ground surface",
        "standard_name": "surface_temperature",
    },
    **FLUXES,
}
"""What a run can return, with units and names."""

BYTES_A_CELL = 140
"""Memory of a run beside its geometry and what it returns [bytes]: surfaces, view of the ground, the maps of one step."""

_BY_TABLE = {"pet": pet, "pt": perceived_temperature, "wbgt": wbgt}
_OF_THE_PERSON = ("tmrt", "utci", *_BY_TABLE)


def wanted(outputs: Iterable[str], allowed: Iterable[str] = tuple(OUTPUTS)) -> tuple[str, ...]:
    """Return the output names, or say which one is unknown."""
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    if not names:
        raise InputError(f"outputs is empty: name at least one of {', '.join(allowed)}.")
    for name in names:
        if name not in allowed:
            raise InputError(f"outputs holds {name!r}; allowed are {', '.join(allowed)}.")
    return names


def require_room(site: xr.Dataset, maps: float, what: str, geometry: SkyGeometry | None) -> None:
    """Raise if a run does not fit into memory.

    Parameters
    ----------
    site : xarray.Dataset
        The site.
    maps : float
        Number of float32 maps that are kept.
    what : str
        What is kept, for the sentence.
    geometry : SkyGeometry or None
        The geometry, if it is in memory already.
    """
    rows, columns = (int(site.sizes.get(dim, 0)) for dim in ("y", "x"))
    bytes_a_cell = BYTES_A_CELL + 4.0 * maps + (GEOMETRY_BYTES if geometry is None else 0.0)
    require_memory(
        bytes_a_cell * rows * columns,
        f"The heat run of {rows} x {columns} cells with {what}",
        "take coarser cells, fewer outputs or a shorter time, keep only heat.summarise, or work in tiles (heat.halo)",
    )


def place_of(site: xr.Dataset, latitude: float | None, longitude: float | None) -> tuple[float, float]:
    """Return latitude and longitude [deg] of a run, or say what is missing."""
    found = []
    for name, given in (("latitude", latitude), ("longitude", longitude)):
        value = given if given is not None else site.attrs.get(name)
        if value is None:
            raise InputError(f"The site does not say its {name}: pass {name}= in degrees, or set site.attrs[{name!r}].")
        found.append(float(value))
    return found[0], found[1]


def _geometry_of(site: xr.Dataset, geometry: SkyGeometry | None) -> SkyGeometry:
    if geometry is None:
        return prepare(site)
    if not isinstance(geometry, SkyGeometry):
        raise InputError(f"geometry must be what heat.prepare(site) gives, not {type(geometry).__name__}.")
    if not geometry.fits(relief_of(site)):
        raise InputError("The geometry was prepared for another site: call heat.prepare(site) again.")
    return geometry


def _known(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InputError(f"{name}={value!r} is unknown: use {' or '.join(map(repr, allowed))}.")
    return value


class Run:
    """A site under a course of weather; the options are those of :func:`models.heat.simulate`.

    A part of a grid is given what only the whole knows: ``sun`` as for :class:`models.heat.radiance.Environment`, ``share``
    of the wind (y, x) and ``contrast`` of its air.
    """

    def __init__(
        self,
        site: xr.Dataset,
        weather: xr.Dataset,
        *,
        geometry: SkyGeometry | None = None,
        posture: str = "standing",
        latitude: float | None = None,
        longitude: float | None = None,
        sky: str = "perez",
        split: str = "reindl",
        longwave: str = "jonsson",
        wall: str = "brick",
        wind: str = "station",
        air: str = "station",
        pet_variant: str = VARIANTS[0],
        sun: Callable[[int], tuple[np.ndarray, np.ndarray]] | None = None,
        share: np.ndarray | None = None,
        contrast: AirContrast | None = None,
    ) -> None:
        self.body = person(posture)
        require_layers(site, ("building_id", "land_cover"))
        place = place_of(site, latitude, longitude)
        _known("split", split, ("reindl", "erbs"))
        isotropic = _known("sky", sky, ("perez", "isotropic")) == "isotropic"
        local = _known("wind", wind, ("station", "local")) == "local"
        local_air = _known("air", air, ("station", "local")) == "local"
        self._variant = _known("pet_variant", pet_variant, VARIANTS)
        self.air = forcing(weather, *place, split=split, longwave=longwave)
        seen = _geometry_of(site, geometry)
        self.surroundings = Environment(
            site, seen, self.air, place[0], self.body, isotropic=isotropic, wall=wall, sun=sun
        )
        self.ground = self.surroundings.ground
        self.shape = seen.shape
        self._share = share
        if local and share is None:
            self._share = pedestrian_wind_share(site).values
        self._contrast = contrast
        if local_air and contrast is None:
            self._contrast = air_contrast(site, seen, self.air, place[0])
        # crowns and walls in sight are as much warmer as the air round them; the open sky is not
        self._sheltered = None
        if self._contrast is not None:
            weights = self.body.sky_weights()
            self._sheltered = np.float32(weights.sum()) - seen.patch_sum(weights, crowns=False)
        self._outside = 0

    def steps(self, names: tuple[str, ...]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the maps of each step in order, float32 (y, x); buildings are NaN."""
        buildings = ~self.ground
        total = 0
        for step in range(self.air.times.size):
            maps = self._maps(step, names)
            kept = {}
            for name in names:
                values = maps[name].copy() if name == "shadow" else maps[name]
                values[buildings] = np.nan
                kept[name] = values
            if "utci" in names:
                self._outside += int(np.isnan(kept["utci"][self.ground]).sum())
                total += int(self.ground.sum())
            yield kept
        if self._outside:
            _log.warning(
                "UTCI is not defined for %d of %d values of the run (Tmrt - Ta -30 to 70 K, wind up to %g m/s, vapour "
                "pressure up to 5 kPa); they are NaN.",
                self._outside, total, UTCI_WIND[1],
            )  # fmt: skip

    def _maps(self, step: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        warmer = self._contrast.warmer(step) if self._contrast is not None else None
        radiances = self.surroundings.advance(step, warmer)
        maps = {"shadow": radiances.sunlit, "surface_temperature": radiances.surface_temperature}
        ta, rh = float(self.air.air_temperature[step]), float(self.air.relative_humidity[step])
        air = ta if warmer is None else np.float32(ta) + warmer
        if "air_temperature" in names:
            maps["air_temperature"] = np.array(np.broadcast_to(np.float32(air), self.shape))
        if any(name in _OF_THE_PERSON for name in names):
            maps["tmrt"] = self._tmrt(step, radiances, warmer)
        if "utci" in names and isinstance(air, float):
            maps["utci"] = utci_of_map(maps["tmrt"], air, utci_coefficients(ta, rh), self._utci_wind(step))
        elif "utci" in names and isinstance(air, np.ndarray):
            maps["utci"] = utci_of_air(maps["tmrt"], air, utci_cube(ta, rh), self._utci_wind(step))
        for name in (n for n in names if n in _BY_TABLE):
            options = {"posture": self.body.posture, "variant": self._variant} if name == "pet" else {}
            maps[name] = index_of_map(
                _BY_TABLE[name], maps["tmrt"], air, ta, rh, self._street_wind(step),
                air_pressure=float(self.air.pressure[step]), **options,
            )  # fmt: skip
        if any(name in FLUXES for name in names):
            maps.update(radiances.fluxes(self.surroundings, step))
        return maps

    def _street_wind(self, step: int) -> float | np.ndarray:
        speed = self.air.wind_10m[step]
        return float(wind_at(1.1, speed, 10.0)) if self._share is None else self._share * np.float32(speed)

    def _utci_wind(self, step: int) -> float | np.ndarray:
        if self._share is None:
            return float(self.air.wind_10m[step])
        return utci_wind(self._share * np.float32(self.air.wind_10m[step]))

    def _tmrt(self, step: int, radiances: Radiances, warmer: np.ndarray | None) -> np.ndarray:
        body = self.body
        k, long = body.shortwave_absorption, body.longwave_absorption
        from_ground = np.float32(long) * radiances.ground_longwave
        if self.air.direct[step] > 0.0 or self.air.diffuse[step] > 0.0:
            from_ground += np.float32(k) * radiances.ground_shortwave
        seen_ground = self.surroundings.view.mean(from_ground)
        elevation = max(float(self.air.elevation[step]), 0.0)
        beam = np.float32(k * body.beam_weight(elevation) * float(self.air.direct[step]))
        taken = radiances.taken
        if warmer is not None and self._sheltered is not None:
            slope = 4.0 * STEFAN_BOLTZMANN * (float(self.air.air_temperature[step]) + 273.15) ** 3
            taken = taken + np.float32(long * slope) * self._sheltered * warmer
        weight = np.float32(body.ground_weight)
        return body_temperature(taken, seen_ground, radiances.sunlit, weight, beam, np.float32(long))

    def attributes(self, name: str) -> dict[str, Any]:
        """Return what a user should know of an output: person, variant, wind, air."""
        told: dict[str, Any] = {}
        if name in _OF_THE_PERSON:
            told["posture"] = self.body.posture
        if name == "tmrt":
            told["shortwave_absorption"] = self.body.shortwave_absorption
            told["longwave_absorption"] = self.body.longwave_absorption
        if name == "pet":
            told["variant"] = self._variant
        local = "wind of each cell from the density of buildings and trees (models.heat.wind)"
        if name == "utci":
            station = f"10 m above ground, as given by the weather for the whole grid, not below {UTCI_WIND[0]} m/s"
            told["wind"] = (
                station if self._share is None else f"10 m above ground: {local}, not below {UTCI_WIND[0]} m/s"
            )
        if name == "pt":
            told["variant"] = "klima_michel"
        if name in _BY_TABLE:
            station = "1.1 m above ground by the profile (z/10 m)^0.2 from the weather's wind"
            told["wind"] = station if self._share is None else f"1.1 m above ground: {local}"
        if name in ("utci", "air_temperature", *_BY_TABLE):
            station = "as given by the weather for the whole grid"
            cells = "of each cell from sky view, green, shade and water round it (models.heat.air_temperature)"
            told["air"] = station if self._contrast is None else cells
        return told
