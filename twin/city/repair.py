"""Mend what can be mended without guessing: repeated points, open rings, holes and faces turned the wrong way.

Nothing moves: points are taken out where they repeat their neighbour, and rings are turned round. What needs a
judgement (rings that cross, open shells, points off their plane) stays as it is and stays in the findings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.parallel import in_blocks
from twin.city.gaps import GapLog, join
from twin.city.model import City, Polygons
from twin.city.surfaces import planes
from twin.city.validity.checking import check_polygons, check_shells, unusable
from twin.city.validity.members import Shells, shells_of
from twin.city.validity.rings import clean
from twin.city.validity.rows import CODE, POLYGON, RING
from twin.errors import InputError

__all__ = ["repair"]

_PLANARITY = 0.01  # [m] how close to a shared edge faces of a closed shell may meet


@dataclass
class _Mends:
    """Which polygons were changed, by what."""

    points: np.ndarray
    closed: np.ndarray
    holes: np.ndarray
    turned: np.ndarray
    uses: np.ndarray  # faces of the table of shells
    shells: list[int]


def repair(city: City, *, snap: float = 0.001, surfaces_as_shells: bool = False) -> City:
    """Return the city with its safely mendable faults mended; the city itself stays as it is.

    Mended are consecutive points at the same place (102), rings that do not close (103), holes that turn the same way
    as their outer ring (208), and, in closed shells, faces and whole shells that face the wrong way (307, 405).
    Footprints, ids and attributes are not touched.

    Parameters
    ----------
    city : City
        The city.
    snap : float
        Consecutive points closer than this are one point [m].
    surfaces_as_shells : bool
        Also turn boundary surfaces of buildings without a solid, where together they are closed.

    Returns
    -------
    City
        With one row in ``gaps`` for each kind of mend; the same object where there was nothing to mend.

    Raises
    ------
    InputError
        If ``snap`` is negative or no number.

    Examples
    --------
    >>> from twin.city.model import City
    >>> empty = City(crs=None)
    >>> repair(empty) is empty
    True
    """
    if not (np.isfinite(snap) and snap >= 0.0):
        raise InputError(f"snap must be a number of metres from 0 up, not {snap!r}.")
    if not len(city.polygons):
        return city
    polygons, points, closed = _without_repeats(city, snap)
    mended = city.replace(polygons=polygons)
    if "closed" in city.surfaces:
        mended = mended.replace(surfaces=city.surfaces.assign(closed=True))
    rows = check_polygons(mended, snap=snap, planarity=np.inf, normals=180.0)
    mended, holes = _holes_turned(mended, rows)
    rows = rows[rows[:, CODE] != 208]
    shells = shells_of(mended, surfaces_as_shells=surfaces_as_shells)
    mended, turned, uses, whole = _faces_turned(mended, shells, rows, snap)
    mends = _Mends(points, closed, holes, turned, uses, whole)
    changed = (points > 0) | holes | turned
    if not (changed.any() or closed.any() or uses.any()):
        return city
    return mended.replace(
        surfaces=_with_planes(mended.surfaces, mended.polygons, changed),
        gaps=join(city.gaps, _told(city, shells, mends)),
    )


def _without_repeats(city: City, snap: float) -> tuple[Polygons, np.ndarray, np.ndarray]:
    """Return the polygons without repeated points, how many each lost, and which had an open ring."""
    old, count = city.polygons, len(city.polygons)
    closed = np.ones(count, dtype=bool)
    if "closed" in city.surfaces:
        closed = city.surfaces["closed"].to_numpy(dtype=bool)
    sizes = np.diff(old.ring_start)
    index, kept = np.zeros(len(old.xyz), np.int64), np.zeros(len(sizes), np.int64)
    bad, _ = unusable(old)
    skipped = bad.copy()
    in_blocks(clean, count, old.xyz, old.ring_start, old.polygon_start, closed, snap, index, kept, bad, least=2000)
    rings = np.diff(old.polygon_start)
    whole = (kept < 3) | np.repeat(skipped, rings)  # too few points left, or not looked at: as they were
    kept = np.where(whole, sizes, kept)
    start = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
    ring = np.repeat(np.arange(len(kept)), kept)
    place = old.ring_start[ring] + np.arange(start[-1]) - start[ring]
    source = np.where(whole[ring], place, index[place])
    lost = np.zeros(count, dtype=np.int64)
    np.add.at(lost, np.repeat(np.arange(count), rings), sizes - kept)
    xyz = old.xyz[source] if lost.any() else old.xyz
    return Polygons(xyz, start, old.polygon_start), lost, ~closed


def _turned_round(polygons: Polygons, rings: np.ndarray) -> Polygons:
    """Return the polygons with some rings (a mask) turned round; each still begins with the same point."""
    if not rings.any():
        return polygons
    source = np.arange(len(polygons.xyz))
    for r in np.flatnonzero(rings & (np.diff(polygons.ring_start) > 1)):
        begin, end = polygons.ring_start[r] + 1, polygons.ring_start[r + 1]
        source[begin:end] = source[begin:end][::-1].copy()
    return Polygons(polygons.xyz[source], polygons.ring_start, polygons.polygon_start)


def _holes_turned(city: City, rows: np.ndarray) -> tuple[City, np.ndarray]:
    """Return the city with the holes of 208 turned, and which polygons these are in."""
    same = rows[rows[:, CODE] == 208]
    polygon = same[:, POLYGON].astype(np.int64)
    rings = np.zeros(len(city.polygons.ring_start) - 1, dtype=bool)
    rings[city.polygons.polygon_start[polygon] + same[:, RING].astype(np.int64)] = True
    holes = np.zeros(len(city.polygons), dtype=bool)
    holes[polygon] = True
    return city.replace(polygons=_turned_round(city.polygons, rings)), holes


def _faces_turned(
    city: City, shells: Shells, rows: np.ndarray, snap: float
) -> tuple[City, np.ndarray, np.ndarray, list[int]]:
    """Return the city with wrong faces turned, which polygons and uses were, and the shells wrong as a whole.

    A polygon is turned itself where every shell that uses it wants it turned; else the shell that is wrong uses it
    the other way (``City.shells["reversed"]``).
    """
    _, hanging, _ = check_shells(city.polygons, shells, rows, snap=snap, planarity=_PLANARITY)
    shell = np.repeat(np.arange(len(shells)), np.diff(shells.face_start))
    wrong = (hanging.turned == 1) & hanging.fine[shell]
    uses = np.bincount(shells.polygon, minlength=len(city.polygons))
    wanted = np.bincount(shells.polygon[wrong], minlength=len(city.polygons))
    turned = np.zeros(len(city.polygons), dtype=bool)
    turned[shells.polygon[wrong & ~shells.reverse]] = True
    turned &= wanted == uses
    other = wrong & ~turned[shells.polygon] & (shells.row >= 0)
    table = city.shells
    if other.any():
        reverse = table["reversed"].to_numpy(dtype=bool).copy()
        reverse[shells.row[other]] ^= True
        table = table.assign(reversed=reverse)
    rings = np.repeat(turned, np.diff(city.polygons.polygon_start))
    mended = other | (wrong & turned[shells.polygon])
    per_shell = np.bincount(shell, weights=mended, minlength=len(shells))
    whole = np.flatnonzero((per_shell > 0) & (per_shell == np.diff(shells.face_start))).tolist()
    polygons = _turned_round(city.polygons, rings)
    return city.replace(polygons=polygons, shells=table), turned, other, whole


def _with_planes(surfaces: pd.DataFrame, polygons: Polygons, changed: np.ndarray) -> pd.DataFrame:
    """Return the surfaces with normal, tilt, azimuth and area of changed polygons anew."""
    if not changed.any():
        return surfaces
    anew = planes(polygons)
    known = {name: values for name, values in anew.items() if name in surfaces}
    return surfaces.assign(**{n: np.where(changed, v, surfaces[n].to_numpy()) for n, v in known.items()})


def _told(city: City, shells: Shells, mends: _Mends) -> pd.DataFrame:
    """Return one gap row for each kind of mend."""
    ids = city.objects["id"].to_numpy(dtype=object)
    owner = city.surfaces["object"].to_numpy(dtype=np.int64)
    sources = city.objects["source"].unique() if "source" in city.objects else []
    log, total = GapLog(), len(city.polygons)
    source = str(sources[0]) if len(sources) == 1 else ""

    def tell(code: str, count: int, of: int, objects: np.ndarray) -> None:
        places = dict.fromkeys(ids[objects[objects >= 0]].tolist())
        log.add(code, layer="buildings", severity="info", count=count, of=of, source=source, places=places)

    tell("validity_points_removed", int(mends.points.sum()), len(city.polygons.xyz), owner[mends.points > 0])
    tell("validity_rings_closed", int(mends.closed.sum()), total, owner[mends.closed])
    tell("validity_holes_turned", int(mends.holes.sum()), total, owner[mends.holes])
    tell("validity_shells_turned", len(mends.shells), len(shells), shells.object[mends.shells])
    in_whole = np.zeros(total, dtype=bool)
    for row in mends.shells:
        in_whole[shells.faces(row)] = True
    single = mends.turned & ~in_whole
    tell("validity_polygons_turned", int(single.sum()), total, owner[single])
    shell = np.repeat(np.arange(len(shells)), np.diff(shells.face_start))
    lone = mends.uses & ~np.isin(shell, mends.shells)
    tell("validity_uses_turned", int(lone.sum()), len(lone), shells.object[shell[lone]])
    return log.table()
