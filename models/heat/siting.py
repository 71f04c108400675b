"""Where trees help people most: greedy choice among places, each scored by the model itself.

One tree after the other is set where it lowers the mean UTCI of people most. A tree's gain is what a full run with it
would give, but only what it changes is worked out: the lines of sight and of sunlight through its crown, and the cells that
these cross. Gains of places whose changes do not meet those of the tree just set stay as they are, exactly.

Left out: what trees do to wind and to the air's temperature (both as in ``simulate`` with ``wind="station"``,
``air="station"``), trees growing, roots and pipes. Greedy is not the best of all sets, but each step is the best one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from models.heat.changes import Sunlight, view_margin
from models.heat.geometry import SkyGeometry, prepare
from models.heat.relief import relief_of
from models.heat.stepping import Run, place_of
from models.layers import InputError

__all__ = ["tree_sites"]

_HEIGHTS = ("canopy_height", "trunk_height")


class _Tree(NamedTuple):
    """Cells of one crown and what it makes of the two layers there."""

    rows: np.ndarray
    columns: np.ndarray
    heights: dict[str, np.ndarray]


class _Search:
    """The site with the trees set so far, and how warm people feel on it."""

    def __init__(self, site: xr.Dataset, weather: xr.Dataset, geometry: SkyGeometry, scored: np.ndarray) -> None:
        self.site, self.weather, self.geometry, self.scored = site.copy(deep=False), weather, geometry, scored
        for name in _HEIGHTS:
            self.site[name] = site[name].copy(deep=True)
        run = Run(site, weather, geometry=geometry)
        self.sun = Sunlight(run, geometry.relief, place_of(site, None, None)[0])
        self.ground = run.ground
        self._margin = view_margin(geometry.relief.cell)
        whole = (slice(0, geometry.shape[0]), slice(0, geometry.shape[1]))
        self.felt = self._felt(self.site, geometry, self.sun.bits, whole)

    def _felt(
        self, site: xr.Dataset, geometry: SkyGeometry, bits: dict[int, np.ndarray], part: tuple[slice, slice]
    ) -> np.ndarray:
        """Return the sum of UTCI over the scored steps on a part of the grid [K], float64 (y, x)."""
        cut = site.isel(y=part[0], x=part[1])
        whole = part == (slice(0, geometry.shape[0]), slice(0, geometry.shape[1]))
        seen = geometry if whole else geometry.part(*part)
        run = Run(cut, self.weather, geometry=seen, sun=self.sun.of_part(bits, geometry.shape, part))
        total, last = np.zeros(seen.shape), int(np.flatnonzero(self.scored)[-1])
        for step, maps in enumerate(run.steps(("utci",))):
            if self.scored[step]:
                total += np.nan_to_num(maps["utci"])
            if step == last:
                break
        return total

    def try_tree(self, tree: _Tree, people: np.ndarray) -> tuple[float, tuple[slice, slice], Any]:
        """Return the gain of a tree [person K], the part of the grid that it changes, and what is needed to set it."""
        after = self.site.copy(deep=False)
        for name in _HEIGHTS:
            values = self.site[name].values.copy()
            values[tree.rows, tree.columns] = tree.heights[name]
            after[name] = (("y", "x"), values)
        geometry = self.geometry.update(after)
        bits = self.sun.again(geometry.relief, tree.rows, tree.columns)  # crowns do not shade walls here
        part = self._reach(geometry, bits)
        felt = self._felt(after, geometry, bits, part)
        # the rim only serves the view of the ground: what it sees outside is cut off
        rim = self._margin
        inner = tuple(
            slice(s.start + (rim if s.start > 0 else 0), s.stop - (rim if s.stop < n else 0))
            for s, n in zip(part, geometry.shape, strict=True)
        )
        own = tuple(slice(i.start - p.start, i.stop - p.start) for i, p in zip(inner, part, strict=True))
        gain = float((people[inner] * (self.felt[inner] - felt[own])).sum())
        return gain, (inner[0], inner[1]), (after, geometry, bits, felt[own])

    def _reach(self, geometry: SkyGeometry, bits: dict[int, np.ndarray]) -> tuple[slice, slice]:
        """Return the part of the grid in which anything changes, and twice the view of the ground round it."""
        changed = (geometry.crown_bits != self.geometry.crown_bits).any(axis=0)
        for step, now in bits.items():
            changed |= now != self.sun.bits[step]
        at = changed.reshape(geometry.shape)
        rows, columns = np.flatnonzero(at.any(axis=1)), np.flatnonzero(at.any(axis=0))
        if rows.size == 0:
            return slice(0, 2), slice(0, 2)
        m = 2 * self._margin
        return (
            slice(max(int(rows[0]) - m, 0), min(int(rows[-1]) + 1 + m, geometry.shape[0])),
            slice(max(int(columns[0]) - m, 0), min(int(columns[-1]) + 1 + m, geometry.shape[1])),
        )

    def set_tree(self, part: tuple[slice, slice], found: Any) -> None:
        """Keep a tree that was tried."""
        self.site, self.geometry, self.sun.bits, felt = found
        self.felt[part] = felt


def _cells_of(site: xr.Dataset, place: np.ndarray, height: float, crown: float, trunk: float, cell: float) -> _Tree:
    """Return the crown of a tree at a place [m]."""
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    i0, j0 = int(np.abs(y - place[1]).argmin()), int(np.abs(x - place[0]).argmin())
    reach = int(np.ceil(0.5 * crown / cell)) + 1
    rows = np.arange(max(i0 - reach, 0), min(i0 + reach + 1, y.size))
    columns = np.arange(max(j0 - reach, 0), min(j0 + reach + 1, x.size))
    far = np.hypot(x[columns][None, :] - place[0], y[rows][:, None] - place[1])
    near = (far <= 0.5 * crown) | ((rows[:, None] == i0) & (columns[None, :] == j0))
    near &= site["building_id"].values[np.ix_(rows, columns)] == 0
    i, j = (index[at] for index, at in zip((rows, columns), np.nonzero(near), strict=True))
    old, under = (site[name].values[i, j] for name in _HEIGHTS)
    lower = np.where(old > 0, np.minimum(under, trunk), trunk)
    return _Tree(i, j, {"canopy_height": np.maximum(old, height), "trunk_height": lower.astype(np.float32)})


def _places(site: xr.Dataset, candidates: Any, cell: float) -> np.ndarray:
    places = np.atleast_2d(np.asarray(candidates, dtype=float))
    if places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all():
        raise InputError("candidates must be pairs of x and y [m] in the CRS of the site, one row a place.")
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    for number, (px, py) in enumerate(places):
        if not (x[0] - cell / 2 <= px <= x[-1] + cell / 2 and y[-1] - cell / 2 <= py <= y[0] + cell / 2):
            raise InputError(f"Candidate {number} at x={px:.1f}, y={py:.1f} lies outside the site: leave it out.")
        i, j = int(np.abs(y - py).argmin()), int(np.abs(x - px).argmin())
        if site["building_id"].values[i, j] > 0:
            raise InputError(f"Candidate {number} at x={px:.1f}, y={py:.1f} stands on a building: leave it out.")
    return places


def _meets(a: tuple[slice, slice], b: tuple[slice, slice]) -> bool:
    return all(p.start < q.stop and q.start < p.stop for p, q in zip(a, b, strict=True))


def tree_sites(
    site: xr.Dataset,
    candidates: Any,
    n: int,
    *,
    weather: xr.Dataset,
    height: float = 10.0,
    crown: float = 8.0,
    trunk: float = 3.0,
    geometry: SkyGeometry | None = None,
    times: Iterable[Any] | None = None,
    progress: Callable[[int], Any] | None = None,
) -> xr.Dataset:
    """Return where ``n`` trees relieve people most: the places in order, with what each one gains.

    Parameters
    ----------
    site : xarray.Dataset
        As for :func:`models.heat.simulate`, with ``latitude`` and ``longitude`` in ``attrs``; ``population`` [persons a
        cell] weighs the cells, without it all open cells count alike.
    candidates : array_like
        Places where a tree may stand, (places, 2): x and y [m].
    n : int
        Number of trees to set.
    weather : xarray.Dataset
        As for :func:`models.heat.simulate`: a hot day.
    height, crown, trunk : float
        Top, width of the crown and its underside [m].
    geometry : SkyGeometry, optional
        What :func:`models.heat.prepare` gave for this site.
    times : iterable of datetime64, optional
        Steps of the weather that count; by default those with more than 120 W/m2 of direct sun.
    progress : callable, optional
        Called with the number of trees set after each.

    Returns
    -------
    xarray.Dataset
        Along ``rank``: ``x``, ``y`` [m], ``candidate`` (row of ``candidates``), and ``gain`` [K], by which the tree lowers the
        mean UTCI of people over the times. Fewer than ``n`` if no other place gains anything.

    Raises
    ------
    InputError
        If a candidate lies outside or on a building, or nothing is to be scored.

    Examples
    --------
    >>> found = tree_sites(site, places, 12, weather=weather)      # doctest: +SKIP
    >>> found.gain.cumsum("rank").plot()                           # doctest: +SKIP
    """
    relief = relief_of(site)
    if not 0.0 < trunk < height or crown <= 0.0:
        raise InputError(
            f"A tree of height={height:g}, trunk={trunk:g}, crown={crown:g} cannot be: 0 < trunk < height and crown > 0 [m]."
        )
    places = _places(site, candidates, relief.cell)
    if not 1 <= n <= len(places):
        raise InputError(f"n={n} trees cannot be set on {len(places)} places: give 1 to {len(places)}.")
    geometry = prepare(site) if geometry is None else geometry
    search = _Search(site, weather, geometry, _scored(site, weather, geometry, times))
    people = _people(site, search.ground)
    weight = float(people.sum()) * float(search.scored.sum())
    chosen: list[int] = []
    gains: list[float] = []
    tried: dict[int, tuple[float, tuple[slice, slice], Any]] = {}
    trees = {k: _cells_of(site, place, height, crown, trunk, relief.cell) for k, place in enumerate(places)}
    while len(chosen) < n:
        for k in trees:
            if k not in tried:
                gain, part, _ = search.try_tree(trees[k], people)
                tried[k] = gain, part, None  # what is needed to set it is worked out again for the best one alone
        best = max(tried, key=lambda k: (tried[k][0], -k))
        if tried[best][0] <= 0.0:
            break
        gain, part, found = search.try_tree(trees[best], people)
        search.set_tree(part, found)
        chosen.append(best)
        gains.append(gain / weight)
        del trees[best]
        tried = {k: old for k, old in tried.items() if k in trees and not _meets(old[1], part)}
        trees = {k: _cells_of(search.site, places[k], height, crown, trunk, relief.cell) for k in trees}
        if progress is not None:
            progress(len(chosen))
    picked = places[chosen] if chosen else np.empty((0, 2))
    data = {
        "x": ("rank", picked[:, 0], {"units": "m", "long_name": "x of the tree"}),
        "y": ("rank", picked[:, 1], {"units": "m", "long_name": "y of the tree"}),
        "candidate": ("rank", np.array(chosen, np.int64), {"units": "1", "long_name": "Row of the candidates"}),
        "gain": ("rank", np.array(gains), {"units": "K", "long_name": "Fall of the mean UTCI of people by the tree"}),
    }
    return xr.Dataset(data, {"rank": np.arange(1, len(chosen) + 1)})


def _people(site: xr.Dataset, ground: np.ndarray) -> np.ndarray:
    if "population" not in site:
        return ground.astype(float)
    people = np.where(ground, np.nan_to_num(np.asarray(site["population"].values, dtype=float)), 0.0)
    if people.sum() <= 0.0:
        raise InputError("The layer population has nobody on open ground: give persons a cell, or leave it out.")
    return people


def _scored(site: xr.Dataset, weather: xr.Dataset, geometry: SkyGeometry, times: Iterable[Any] | None) -> np.ndarray:
    """Return which steps count, bool (time,)."""
    if times is None:
        scored = np.asarray(Run(site, weather, geometry=geometry).air.direct > 120.0)
        if not scored.any():
            raise InputError(
                "No step of the weather has direct sun above 120 W/m2: pass times= to say which ones count."
            )
        return scored
    asked = np.array([np.datetime64(t, "ns") for t in times])
    scored = np.isin(weather["time"].values.astype("datetime64[ns]"), asked)
    if scored.sum() != np.unique(asked).size or not scored.any():
        raise InputError(
            f"times holds {asked.size} steps of which {int(scored.sum())} are in the weather: use its own times."
        )
    return scored
