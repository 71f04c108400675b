"""What a small change of a site changes in the heat of a day: only the cells it reaches are worked out again.

A crown, a sail or new ground changes the lines of sight and of sunlight that pass through it, its own surface, and what
people see of these cells. Everything else stays as it was computed before, so a window round the changed cells, with a rim as
wide as the view of the ground, gives cell for cell what a run of the whole changed site gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from models.heat.air_temperature import AirContrast, air_contrast
from models.heat.geometry import SkyGeometry, prepare, spatial_coordinates, sun_bits
from models.heat.ground_view import WINDOWS
from models.heat.relief import Relief
from models.heat.shading import leaf_transmissivity, sunlit_street
from models.heat.stepping import OUTPUTS, Run, place_of, require_room, wanted
from models.heat.surfaces import ground_properties
from models.heat.wind import pedestrian_wind_share
from models.heat.windows import WindowSums

__all__ = ["PreparedDay", "Revision", "Sunlight", "view_margin"]

Part = tuple[slice, slice]


def view_margin(cell: float) -> int:
    """Return how many cells away the ground can change what a person sees."""
    return max(round(half_width / cell) for half_width, _ in WINDOWS) + 1


class Sunlight:
    """The sun of each step on a whole grid: which cells it reaches, and which walls round them.

    Parameters
    ----------
    run : Run
        Tells weather and meridian convergence.
    relief : Relief
        Heights of the site.
    latitude : float
        [deg]
    """

    def __init__(self, run: Run, relief: Relief, latitude: float) -> None:
        air = run.air
        self._angles: dict[int, tuple[float, float, float]] = {}
        for step in range(air.times.size):
            if air.direct[step] > 0.0 and air.elevation[step] > 0.0:
                day = int((air.times[step] - air.times[step].astype("datetime64[Y]")) / np.timedelta64(1, "D")) + 1
                angles = run.surroundings.grid_azimuth(step), float(air.elevation[step])
                self._angles[step] = (*angles, leaf_transmissivity(day, latitude))
        self.bits: dict[int, np.ndarray] = {
            step: sun_bits(relief, azimuth, elevation)[0] for step, (azimuth, elevation, _) in self._angles.items()
        }
        self.lit = self.lit_walls(relief)

    def lit_walls(self, relief: Relief) -> dict[int, np.ndarray]:
        """Return the lit share of the walls round each cell in each sunny step, float32 (y, x)."""
        sums = WindowSums(relief.shape)
        return {
            step: sunlit_street(relief, *angles, sums)[1].astype(np.float32) for step, angles in self._angles.items()
        }

    def again(self, relief: Relief, rows: np.ndarray, columns: np.ndarray) -> dict[int, np.ndarray]:
        """Return the bits of each step on a relief that differs in some cells; only lines through these are walked."""
        changed = {}
        for step, (azimuth, elevation, _) in self._angles.items():
            direction = relief.directed(azimuth, elevation, turn=False)
            lines = direction.lines_through(rows, columns)
            old = self.bits[step]
            pair = np.stack([old & 1, (old >> 1) & 1])
            direction.sweep(lines, 0, lines.size, 1, pair[0], pair[1])
            changed[step] = pair[0] | (pair[1] << 1)
        return changed

    def of_part(
        self,
        bits: dict[int, np.ndarray],
        shape: tuple[int, int],
        part: Part,
        lit: dict[int, np.ndarray] | None = None,
    ) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
        """Return the sun of a part of the grid, as the environment asks for it."""
        walls = self.lit if lit is None else lit

        def sun(step: int) -> tuple[np.ndarray, np.ndarray]:
            table = np.array([0.0, 1.0, 0.0, self._angles[step][2]], np.float32)
            light = table[np.ascontiguousarray(bits[step].reshape(shape)[part])]
            return light, np.ascontiguousarray(walls[step][part])

        return sun


@dataclass(frozen=True, eq=False)
class Revision:
    """A changed site on its way through the day; made by :meth:`PreparedDay.after`."""

    day: PreparedDay
    site: xr.Dataset
    window: Part
    """Rows and columns outside which nothing changes; empty slices where nothing changes at all."""
    run: Run | None
    inner: Part

    @property
    def cells(self) -> int:
        """Number of cells in the window."""
        rows, columns = self.window
        return (rows.stop - rows.start) * (columns.stop - columns.start)

    def steps(self) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yield each step with the new maps of the window, float32 (y, x)."""
        if self.run is None:
            return
        for step, maps in enumerate(self.run.steps(self.day.outputs)):
            yield step, {name: np.ascontiguousarray(maps[name][self.inner]) for name in self.day.outputs}

    def whole(self, maps: list[dict[str, np.ndarray]]) -> xr.Dataset:
        """Return the result on the whole grid, as :func:`models.heat.simulate` would give it.

        Parameters
        ----------
        maps : list of dict
            What :meth:`steps` gave, in order.
        """
        found = self.day.result.copy(deep=False)
        for name in self.day.outputs if maps else ():
            values = self.day.result[name].values.copy()
            for step, one in enumerate(maps):
                values[step][self.window] = one[name]
            found[name] = (("time", "y", "x"), values, dict(self.day.result[name].attrs))
        return found


class PreparedDay:
    """The heat of a day on a site, kept with all that is needed to work out a change of the site quickly.

    Parameters
    ----------
    site, weather : xarray.Dataset
        As for :func:`models.heat.simulate`.
    geometry : SkyGeometry, optional
        What :func:`models.heat.prepare` gave for the site.
    outputs : tuple of str
        Names of ``models.heat.OUTPUTS`` kept for every step.
    progress : callable, optional
        Called with the number of finished steps.
    **options
        Those of :func:`models.heat.simulate`.

    Examples
    --------
    >>> day = PreparedDay(site, weather)                               # doctest: +SKIP
    >>> for step, maps in day.after(site_with_trees).steps():          # doctest: +SKIP
    ...     show(maps["utci"])
    """

    def __init__(
        self,
        site: xr.Dataset,
        weather: xr.Dataset,
        *,
        geometry: SkyGeometry | None = None,
        outputs: tuple[str, ...] = ("tmrt", "utci"),
        progress: Callable[[int], Any] | None = None,
        **options: Any,
    ) -> None:
        self.site, self.weather, self.outputs = site, weather, wanted(outputs)
        self.geometry = prepare(site) if geometry is None else geometry
        self._options = options
        self._latitude = place_of(site, options.get("latitude"), options.get("longitude"))[0]
        require_room(site, (len(self.outputs) + 1.3) * weather.sizes["time"], "a prepared day", self.geometry)
        self._share = self._share_of(site)
        probe = Run(site, weather, geometry=self.geometry, **self._known(self._share, None))
        self.ground = probe.ground
        self._contrast = self._contrast_of(site, self.geometry, probe)
        self.sunlight = Sunlight(probe, self.geometry.relief, self._latitude)
        self._surface = ground_properties(site)
        self.result = self._first(progress)

    @property
    def _whole(self) -> Part:
        return slice(0, self.geometry.shape[0]), slice(0, self.geometry.shape[1])

    def _known(
        self, share: np.ndarray | None, contrast: AirContrast | None, part: Part | None = None
    ) -> dict[str, Any]:
        """Return the options of a run with wind and air of the whole grid cut to a part of it."""
        cut = part if part is not None else self._whole
        options = {name: value for name, value in self._options.items() if name not in ("wind", "air")}
        if share is not None:
            options["share"] = np.ascontiguousarray(share[cut])
        if contrast is not None:
            options["contrast"] = contrast.part(cut)
        return options

    def _share_of(self, site: xr.Dataset) -> np.ndarray | None:
        return pedestrian_wind_share(site).values if self._options.get("wind") == "local" else None

    def _contrast_of(self, site: xr.Dataset, geometry: SkyGeometry, run: Run) -> AirContrast | None:
        local = self._options.get("air") == "local"
        return air_contrast(site, geometry, run.air, self._latitude) if local else None

    def _first(self, progress: Callable[[int], Any] | None) -> xr.Dataset:
        """Run the day on the site as it is."""
        sun = self.sunlight.of_part(self.sunlight.bits, self.geometry.shape, self._whole)
        options = self._known(self._share, self._contrast)
        run = Run(self.site, self.weather, geometry=self.geometry, sun=sun, **options)
        kept = {name: np.empty((run.air.times.size, *run.shape), np.float32) for name in self.outputs}
        for step, maps in enumerate(run.steps(self.outputs)):
            for name, values in kept.items():
                np.copyto(values[step], maps[name])
            if progress is not None:
                progress(step + 1)
        self._air = run.air
        mapped = {"grid_mapping": "spatial_ref"} if "spatial_ref" in self.site.coords else {}
        data = {
            name: (("time", "y", "x"), values, {**OUTPUTS[name], **run.attributes(name), **mapped})
            for name, values in kept.items()
        }
        found = xr.Dataset(data, coords={"time": self.weather["time"], **spatial_coordinates(self.site)})
        found.attrs = {"Conventions": "CF-1.10", "title": "Heat stress", "interval": self.weather.attrs["interval"]}
        return found

    def after(self, site: xr.Dataset) -> Revision:
        """Return what a changed site changes, ready to be stepped through.

        Parameters
        ----------
        site : xarray.Dataset
            The same grid with trees planted, ground unsealed, a building gone.

        Raises
        ------
        InputError
            If the grid is another one.
        """
        geometry = self.geometry.update(site)
        old, new = self.geometry.relief, geometry.relief
        lower = old.surface != new.surface
        differs = lower | (old.top != new.top) | (old.under != new.under)
        rows, columns = (at.astype(np.int64) for at in np.nonzero(differs.reshape(new.shape)))
        bits, lit = self.sunlight.bits, self.sunlight.lit
        if rows.size:
            bits = self.sunlight.again(new, rows, columns)
        if lower.any():
            lit = self.sunlight.lit_walls(new)  # walls stand on the ground: their shares need the whole grid
        share = self._share_of(site)
        contrast = self._contrast
        if contrast is not None:
            contrast = air_contrast(site, geometry, self._air, self._latitude)
        changed = self._changed(site, geometry, bits, lit, share, contrast)
        part, window, inner = self._windows(changed)
        if part is None:
            return Revision(self, site, window, None, inner)
        cut = site.isel(y=part[0], x=part[1])
        sun = self.sunlight.of_part(bits, geometry.shape, part, lit)
        options = self._known(share, contrast, part)
        run = Run(cut, self.weather, geometry=geometry.part(*part), sun=sun, **options)
        return Revision(self, site, window, run, inner)

    def _changed(
        self, site: xr.Dataset, geometry: SkyGeometry, bits: dict[int, np.ndarray], lit: dict[int, np.ndarray],
        share: np.ndarray | None, contrast: AirContrast | None,
    ) -> np.ndarray:  # fmt: skip
        """Return the cells whose own surroundings or surface change, bool (y, x)."""
        shape = geometry.shape
        flat = np.zeros(geometry.relief.surface.size, bool)
        if geometry is not self.geometry:
            for now, before in (
                (geometry.crown_bits, self.geometry.crown_bits),
                (geometry.open_bits, self.geometry.open_bits),
            ):
                for plane in range(now.shape[0]):
                    flat |= now[plane] != before[plane]
        for step, now in bits.items():
            if now is not self.sunlight.bits[step]:
                flat |= now != self.sunlight.bits[step]
        surface = ground_properties(site)
        for name in ("albedo", "emissivity", "evaporation", "land_cover"):
            now, before = getattr(surface, name), getattr(self._surface, name)
            flat |= (now != before) & ~(np.isnan(now) & np.isnan(before))
        changed = flat.reshape(shape)
        changed |= (np.asarray(site["building_id"].values) == 0) != self.ground
        for step, now in lit.items():
            if now is not self.sunlight.lit[step]:
                changed |= now != self.sunlight.lit[step]
        if share is not None and self._share is not None:
            changed |= share != self._share
        if contrast is not None and self._contrast is not None:
            changed |= (contrast.night != self._contrast.night) | (contrast.day != self._contrast.day)
        return changed

    def _windows(self, changed: np.ndarray) -> tuple[Part | None, Part, Part]:
        """Return the part to compute, the window in which results change, and where the window lies in the part."""
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        if rows.size == 0:
            nothing = slice(0, 0), slice(0, 0)
            return None, nothing, nothing
        m = view_margin(self.geometry.relief.cell)
        window, part, inner = [], [], []
        for at, size in ((rows, changed.shape[0]), (columns, changed.shape[1])):
            first, last = max(int(at[0]) - m, 0), min(int(at[-1]) + 1 + m, size)
            start, stop = max(first - m, 0), min(last + m, size)
            window.append(slice(first, last))
            part.append(slice(start, stop))
            inner.append(slice(first - start, last - start))
        return (part[0], part[1]), (window[0], window[1]), (inner[0], inner[1])
