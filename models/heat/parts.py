"""Heat stress on a part of a site: bit for bit what the whole site gives, with little work beyond the part.

Three rims lie round a part. People and walls look some metres round themselves, and air mixes over a quarter: those cells
are computed as well. Shade and the hidden sky come from further away, but only from where the ray comes from: each of the
153 patches of the sky and each sun walks the lines through the part from just so far off as anything can hide it
(:mod:`models.heat.skyline`). The wind's share is a mean that only the whole site knows to the last bit: it is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from models.heat.air_temperature import REACH, AirContrast, air_contrast
from models.heat.forcing import Forcing, forcing
from models.heat.geometry import PLANES, SkyGeometry
from models.heat.ground_view import WINDOWS
from models.heat.relief import Relief, relief_of
from models.heat.shading import NEIGHBOURHOOD, leaf_transmissivity, sunlit_street
from models.heat.simulation import with_names
from models.heat.sky import sky_patches
from models.heat.skyline import Part, Skyline, Surroundings, skyline_of, widened
from models.heat.stepping import BYTES_A_CELL, Run, place_of, wanted
from models.heat.sweeps import merge_transposed
from models.heat.windows import WindowSums
from models.layers import InputError, require_weather
from models.parallel import over

__all__ = ["lowest_ray", "part_bytes", "part_rim", "simulate_part", "sky_of_part"]

_BYTES_OF_SITE = 96.0  # [bytes a cell]: layers as read, heights as used, both ways round
_BYTES_WHILE_LOOKING = 8.0  # [bytes a cell and thread]: bits of one plane, both ways round


def part_rim(cell: float, air: str = "station") -> int:
    """Return how many cells round a part are computed with it: what its people see, and where its air comes from.

    Parameters
    ----------
    cell : float
        Cell size [m].
    air : {"station", "local"}
        As for :func:`models.heat.simulate`.
    """
    if air not in ("station", "local"):
        raise InputError(f"air={air!r} is unknown: use 'station' or 'local'.")
    seen = max(round(half_width / cell) for half_width, _ in WINDOWS) + 1
    return seen + (math.ceil(REACH / cell) + 2 if air == "local" else 0) + max(round(NEIGHBOURHOOD / cell), 1)


def lowest_ray(site: xr.Dataset, weather: xr.Dataset, **options: Any) -> float:
    """Return the lowest elevation from which light matters in a run: of the sun while it shines, or of the sky [deg].

    Parameters
    ----------
    site, weather, **options
        As for :func:`models.heat.simulate`.
    """
    course = _course(site, weather, options)
    sunny = (course.direct > 0.0) & (course.elevation > 0.0)
    return min([float(sky_patches().elevation.min()), *np.asarray(course.elevation)[sunny].tolist()])


def part_bytes(part: tuple[int, int], window: tuple[int, int], rim: int, maps: float) -> float:
    """Return about how much memory :func:`simulate_part` needs [bytes].

    Parameters
    ----------
    part, window : tuple of int
        Rows and columns of the part, and of the site it is cut from.
    rim : int
        Cells from :func:`part_rim`.
    maps : float
        Number of maps that are kept: outputs times steps.
    """
    inner = (part[0] + 2 * rim) * (part[1] + 2 * rim)
    around = window[0] * window[1]
    return (
        4.0 * maps * part[0] * part[1]
        + (2.0 * PLANES + BYTES_A_CELL) * inner
        + (_BYTES_OF_SITE + _BYTES_WHILE_LOOKING) * around
    )


def _course(site: xr.Dataset, weather: xr.Dataset, options: dict[str, Any]) -> Forcing:
    place = place_of(site, options.get("latitude"), options.get("longitude"))
    known = {name: options[name] for name in ("split", "longwave") if name in options}
    return forcing(weather, *place, **known)


def _upstream(part: Part, around: Surroundings, azimuth: float, elevation: float, shape: tuple[int, int]) -> Part:
    """Return a part widened towards a direction only, as far as anything there can hide rays from it."""
    down, right = -math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    spans = []
    for span, n, more, towards in zip(part, shape, around.reach(elevation, down, right), (down, right), strict=True):
        low = span.start - (more if towards < 1e-9 else 2)
        high = span.stop + (more if towards > -1e-9 else 2)
        spans.append(slice(max(low, 0), min(high, n)))
    return spans[0], spans[1]


def sky_of_part(relief: Relief, part: Part, known: Skyline | None = None) -> SkyGeometry:
    """Return what the cells of a part of a site see of the sky; the same bits as those of the whole site.

    Parameters
    ----------
    relief : Relief
        Heights of the site.
    part : tuple of slice
        Rows and columns.
    known : Skyline, optional
        Of the site.
    """
    tall = known if known is not None else skyline_of(relief)
    seen = tall.around(part)
    around = widened(part, seen.reach(float(sky_patches().elevation.min())), relief.shape)
    near = relief.part(*around)
    inner = _inside(part, around)
    shape = part[0].stop - part[0].start, part[1].stop - part[1].start
    bits = np.zeros((2, PLANES, shape[0] * shape[1]), np.uint8)
    over(lambda plane: _look(near, plane, inner, seen, bits[:, plane].reshape(2, *shape)), range(PLANES))
    bits.setflags(write=False)
    own = relief.part(*part)
    return SkyGeometry(own, bits[0], bits[1], f"part {own.origin} {own.shape}")


def _inside(part: Part, around: Part) -> Part:
    """Return a part as counted within another one."""
    rows, columns = (slice(p.start - a.start, p.stop - a.start) for p, a in zip(part, around, strict=True))
    return rows, columns


def _look(near: Relief, plane: int, inner: Part, around: Surroundings, bits: np.ndarray) -> None:
    """Fill one byte plane (2, y, x) of a part: eight directions, one after the other."""
    patches = sky_patches()
    plain, turned = np.zeros((2, near.surface.size), np.uint8), np.zeros((2, near.surface.size), np.uint8)
    for number, patch in enumerate(range(plane * 8, min(plane * 8 + 8, patches.azimuth.size))):
        azimuth, elevation = float(patches.azimuth[patch]), float(patches.elevation[patch])
        strip = _upstream(inner, around, azimuth, elevation, near.shape)
        direction = near.directed(azimuth, elevation, part=strip)
        target = turned if direction.plan.rows_major else plain
        lines = direction.lines_across(_inside(inner, strip))
        direction.sweep(lines, 0, lines.size, 1 << number, target[0], target[1])
    for kind in range(2):
        bits[kind] = plain[kind].reshape(near.shape)[inner]
        merge_transposed(np.ascontiguousarray(turned[kind].reshape(near.shape[::-1])[inner[::-1]]), bits[kind])


class _Sun:
    """Sun and shade on a part of a site, and the lit walls round its cells."""

    def __init__(self, relief: Relief, part: Part, tall: Skyline, site: xr.Dataset, course: Forcing, latitude: float):
        self._relief, self._part, self._course = relief, part, course
        self._latitude, self._convergence = latitude, float(site.attrs.get("convergence", 0.0))
        street = max(round(NEIGHBOURHOOD / relief.cell), 1)
        self._street = widened(part, (street, street), relief.shape)
        self._around = tall.around(self._street)

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the sunlit share of the cells and the lit share of walls, float32 (y, x)."""
        course = self._course
        azimuth, elevation = float(course.azimuth[step]) - self._convergence, float(course.elevation[step])
        tau = leaf_transmissivity(int(pd.Timestamp(course.times[step]).day_of_year), self._latitude)
        strip = _upstream(self._street, self._around, azimuth, elevation, self._relief.shape)
        near = self._relief.part(*strip)
        light, lit = sunlit_street(near, azimuth, elevation, tau, WindowSums(near.shape))
        own = _inside(self._part, strip)
        return np.ascontiguousarray(light[own]), np.ascontiguousarray(lit[own])


def _contrast(
    site: xr.Dataset, part: Part, wide: Part, seen: SkyGeometry, course: Forcing, latitude: float
) -> AirContrast:
    """Return the contrasts of a part's air, from all the ground that it mixes over."""
    around = air_contrast(site.isel(y=wide[0], x=wide[1]), seen, course, latitude)
    own = _inside(part, wide)
    return AirContrast(np.ascontiguousarray(around.night[own]), np.ascontiguousarray(around.day[own]), course)


def simulate_part(
    site: xr.Dataset,
    weather: xr.Dataset,
    part: Part,
    *,
    outputs: Iterable[str] = ("tmrt", "utci"),
    wind_share: np.ndarray | None = None,
    sky: str = "perez",
    sky_view: bool = False,
    progress: Callable[[int], Any] | None = None,
    **options: Any,
) -> xr.Dataset:
    """Return how hot it is on a part of a site: the numbers of the whole, to the last bit.

    Parameters
    ----------
    site : xarray.Dataset
        The part and what lies round it: at least ``skyline(whole).window(part, lowest_ray(...), part_rim(...))``.
    weather : xarray.Dataset
        As for :func:`models.heat.simulate`.
    part : tuple of slice
        Rows and columns of the part, counted in ``site``.
    outputs : iterable of str
        As for :func:`models.heat.simulate`.
    wind_share : numpy.ndarray, optional
        :func:`models.heat.pedestrian_wind_share` of the whole on the cells of ``site``; needed for ``wind="local"``.
    sky : {"perez", "isotropic"}
        As for :func:`models.heat.simulate`.
    sky_view : bool
        Whether to return the sky view factor of terrain and buildings too, ``svf_building`` (y, x).
    progress : callable, optional
        Called with the number of finished steps after each.
    **options
        All other options of :func:`models.heat.simulate` but ``geometry``.

    Returns
    -------
    xarray.Dataset
        As from :func:`models.heat.simulate`, of the part.

    Examples
    --------
    >>> low = lowest_ray(town, weather)                                                     # doctest: +SKIP
    >>> rows, columns = skyline(town).window(part, low, part_rim(2.0))                      # doctest: +SKIP
    >>> own = slice(part[0].start - rows.start, part[0].stop - rows.start), part[1]          # doctest: +SKIP
    >>> simulate_part(town.isel(y=rows), weather, own)                                       # doctest: +SKIP
    """
    names = wanted(outputs)
    require_weather(weather)
    relief = relief_of(site)
    tall, shape = skyline_of(relief), relief.shape
    local_wind, local_air = options.get("wind") == "local", options.get("air") == "local"
    if local_wind and wind_share is None:
        raise InputError('wind="local" on a part needs wind_share=: pass heat.pedestrian_wind_share(whole site).')
    latitude = place_of(site, options.get("latitude"), options.get("longitude"))[0]
    course = _course(site, weather, options)
    seen_from = max(round(half_width / relief.cell) for half_width, _ in WINDOWS) + 1
    mixed = math.ceil(REACH / relief.cell) + 2
    inner = widened(part, (seen_from, seen_from), shape)
    wide = widened(inner, (mixed, mixed), shape) if local_air else inner
    seen = sky_of_part(relief, wide, tall)
    contrast = _contrast(site, inner, wide, seen, course, latitude) if local_air else None
    if local_air:
        seen = seen.part(*_inside(inner, wide))
    run = Run(
        site.isel(y=inner[0], x=inner[1]), weather, geometry=seen, sky=sky, contrast=contrast,
        sun=_Sun(relief, inner, tall, site, course, latitude),
        share=np.ascontiguousarray(wind_share[inner]) if local_wind and wind_share is not None else None, **options,
    )  # fmt: skip
    own = _inside(part, inner)
    size = part[0].stop - part[0].start, part[1].stop - part[1].start
    results = {name: np.empty((run.air.times.size, *size), np.float32) for name in names}
    for step, maps in enumerate(run.steps(names)):
        for name, values in results.items():
            np.copyto(values[step], maps[name][own])
        if progress is not None:
            progress(step + 1)
    cut = site.isel(y=part[0], x=part[1])
    result = with_names(results, run, cut, weather)
    if sky_view:
        attrs = {"units": "1", "long_name": "Sky view factor of terrain and buildings"}
        result["svf_building"] = (("y", "x"), np.ascontiguousarray(seen.sky_view_factor()[1][own]), attrs)
    return result
