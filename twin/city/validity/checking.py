"""All checks of a city in order: rings, polygons, shells, solids, composites, buildings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.parallel import in_blocks
from twin.city.model import City, Polygons
from twin.city.validity.crossings import crossings
from twin.city.validity.findings import table_of
from twin.city.validity.members import Shells, shells_of
from twin.city.validity.planes import folds, project
from twin.city.validity.polygons import holes
from twin.city.validity.rings import clean, simple
from twin.city.validity.rows import CODE, OTHER, POLYGON, RING, SHELL, WIDTH, nothing, together
from twin.city.validity.shells import topology
from twin.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["Topology", "Validity", "check_polygons", "check_shells", "check_solids", "unusable", "validate"]

_LEAST = 2000  # polygons worth a thread of their own
_HARMLESS = (102, 103, 203, 204)  # codes of polygons that leave the edges of a shell as they are


Triangles = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Topology:
    """What the checks of shells found out, for the checks of solids.

    ``corner_start`` and ``face_corner`` are where the corners of a shell and of a face begin; ``vertex``, ``mate`` and
    ``following`` are told for each corner, counted within its shell (see
    :func:`twin.city.validity.shells.topology`); ``turned`` for each face; ``fine``, ``blocked`` and ``volume`` [m3]
    for each shell.
    """

    corner_start: np.ndarray
    face_corner: np.ndarray
    vertex: np.ndarray
    mate: np.ndarray
    following: np.ndarray
    turned: np.ndarray
    fine: np.ndarray
    blocked: np.ndarray
    volume: np.ndarray


@dataclass(frozen=True)
class Validity:
    """Findings of a city and what was looked at.

    Parameters
    ----------
    findings : geopandas.GeoDataFrame
        One row a finding (``twin.city.validity.findings.COLUMNS``).
    checked : dict
        How many ``rings``, ``polygons``, ``shells`` and ``solids`` there are, and how many shells were
        ``shells_left_out`` as one of their polygons is at fault.
    shells : Shells
        The shells looked at.
    topology : Topology
        How their faces hang together.

    Examples
    --------
    >>> from twin.city.model import City
    >>> Validity.of(City(crs=None)).checked
    {'rings': 0, 'polygons': 0, 'shells': 0, 'shells_left_out': 0, 'solids': 0}
    """

    findings: gpd.GeoDataFrame
    checked: dict[str, int]
    shells: Shells
    topology: Topology

    @classmethod
    def of(
        cls,
        city: City,
        *,
        snap: float = 0.001,
        planarity: float = 0.01,
        normals: float = 20.0,
        overlap: float = 0.01,
        surfaces_as_shells: bool = False,
        language: str | None = None,
    ) -> Validity:
        """Check a city; parameters as of :func:`validate`."""
        _require(snap=snap, planarity=planarity, normals=normals, overlap=overlap)
        polygon_rows = check_polygons(city, snap=snap, planarity=planarity, normals=normals)
        shells = shells_of(city, surfaces_as_shells=surfaces_as_shells)
        shell_rows, hanging, triangles = check_shells(
            city.polygons, shells, polygon_rows, snap=snap, planarity=planarity
        )
        solid_rows = check_solids(city, shells, hanging, triangles, snap=snap, overlap=overlap)
        rows = together(polygon_rows, shell_rows, solid_rows)
        checked = {
            "rings": len(city.polygons.ring_start) - 1,
            "polygons": len(city.polygons),
            "shells": len(shells),
            "shells_left_out": int(hanging.blocked.sum()),
            "solids": len(np.unique(shells.solid[~shells.surface])),
        }
        return cls(table_of(city, rows, shells, language), checked, shells, hanging)


def _require(**tolerances: float) -> None:
    for name, value in tolerances.items():
        if not (np.isfinite(value) and value >= 0.0):
            unit = "degrees" if name == "normals" else "metres"
            raise InputError(f"{name} must be a number of {unit} from 0 up, not {value!r}.")


def check_polygons(city: City, *, snap: float, planarity: float, normals: float) -> np.ndarray:
    """Return rows of 101 to 104 and 201 to 208 for all polygons."""
    polygons = city.polygons
    count = len(polygons)
    if count == 0:
        return nothing()
    xyz, ring_start, polygon_start = polygons.xyz, polygons.ring_start, polygons.polygon_start
    closed = np.ones(count, dtype=bool)
    if "closed" in city.surfaces:
        closed = city.surfaces["closed"].to_numpy(dtype=bool)
    index, size = np.zeros(len(xyz), np.int64), np.zeros(len(ring_start) - 1, np.int64)
    uv, normal, off = np.zeros((len(xyz), 2)), np.zeros((count, 3)), np.zeros(count)
    shape = (xyz, ring_start, polygon_start)
    bad, without = unusable(polygons)
    found = [without]
    found += in_blocks(clean, count, *shape, closed, snap, index, size, bad, least=_LEAST)
    found += in_blocks(project, count, *shape, index, size, bad, planarity, uv, normal, off, least=_LEAST)
    off_plane = off > planarity  # told by 203; the projection of such a polygon says nothing about its rings
    found += in_blocks(
        simple, count, xyz, uv, ring_start, polygon_start, index, size, off_plane, snap, bad, least=_LEAST
    )  # fmt: skip
    bad |= off_plane
    holed = np.flatnonzero(~bad & (np.diff(polygon_start) > 1))
    found += in_blocks(
        holes, len(holed), holed, xyz, uv, ring_start, polygon_start, index, size, bad, least=_LEAST
    )  # fmt: skip
    points = ring_start[polygon_start[1:]] - ring_start[polygon_start[:-1]]
    wanted = np.flatnonzero(~bad & (off > 0.0) & (points > 3))
    found.append(folds(polygons, wanted, index, size, uv, normal, normals))
    return together(*found)


def unusable(polygons: Polygons) -> tuple[np.ndarray, np.ndarray]:
    """Return which polygons have no points (902) or coordinates that are not finite (999), and rows of them."""
    first = polygons.ring_start[polygons.polygon_start]
    points = np.diff(first)
    empty = (np.diff(polygons.polygon_start) == 0) | (points == 0)
    outer = polygons.polygon_start[:-1][~empty]
    empty[~empty] = np.diff(polygons.ring_start)[outer] == 0
    wild = np.zeros(len(polygons), dtype=bool)
    owner = np.repeat(np.arange(len(polygons)), points)
    wild[owner[~np.isfinite(polygons.xyz).all(axis=1)]] = True
    rows = np.full((int(empty.sum() + wild.sum()), WIDTH), np.nan)
    rows[:, POLYGON] = np.concatenate([np.flatnonzero(empty), np.flatnonzero(wild)])
    rows[:, CODE] = np.repeat([902, 999], [empty.sum(), wild.sum()])
    rows[:, [RING, SHELL, OTHER]] = -1
    return empty | wild, rows


def check_shells(
    polygons: Polygons, shells: Shells, polygon_rows: np.ndarray, *, snap: float, planarity: float
) -> tuple[np.ndarray, Topology, Triangles]:
    """Return rows of 300 to 307 and 405 for all shells, how their faces hang together, and their triangles."""
    at_fault = np.zeros(len(polygons), dtype=bool)
    harmful = ~np.isin(polygon_rows[:, CODE], _HARMLESS)
    at_fault[polygon_rows[harmful, POLYGON].astype(np.int64)] = True
    rows, hanging = hang(polygons, shells, at_fault, snap=snap)
    triangles = face_triangles(polygons, shells, hanging)
    return together(rows, cross(polygons, shells, hanging, triangles, near=max(snap, planarity))), hanging, triangles


def hang(polygons: Polygons, shells: Shells, at_fault: np.ndarray, *, snap: float) -> tuple[np.ndarray, Topology]:
    """Return the rows and topology of shells; those with a polygon ``at_fault`` are left out."""
    point = polygons.ring_start[polygons.polygon_start]
    corners = np.concatenate(([0], np.cumsum(np.diff(point)[shells.polygon]))).astype(np.int64)
    corner_start = corners[shells.face_start]
    count, faces = len(shells), len(shells.polygon)
    blocked = np.zeros(count, dtype=bool)
    np.logical_or.at(blocked, np.repeat(np.arange(count), np.diff(shells.face_start)), at_fault[shells.polygon])
    vertex, mate, following = (np.full(corner_start[-1], -1, np.int64) for _ in range(3))
    turned, fine, volume = np.zeros(faces, np.int64), np.zeros(count, dtype=bool), np.zeros(count)
    rows = in_blocks(
        topology, count, shells.face_start, corner_start, shells.polygon, shells.reverse, blocked, shells.surface,
        shells.number > 0, polygons.xyz, polygons.ring_start, polygons.polygon_start, snap, vertex, mate, following,
        turned, fine, volume, least=64,
    )  # fmt: skip
    hanging = Topology(corner_start, corners, vertex, mate, following, turned, fine, blocked, volume)
    return together(*rows), hanging


def cross(polygons: Polygons, shells: Shells, hanging: Topology, triangles: Triangles, *, near: float) -> np.ndarray:
    """Return rows of 306 for the closed shells, whose ``fine`` is taken away where they cross themselves."""
    wanted = np.flatnonzero(hanging.fine & ~shells.surface)
    if not len(wanted):
        return nothing()
    first_point = polygons.ring_start[polygons.polygon_start]
    found = in_blocks(
        crossings, len(wanted), wanted, shells.face_start, hanging.face_corner, shells.polygon, hanging.vertex,
        hanging.mate, hanging.following, polygons.xyz, first_point, *triangles, near, hanging.fine, least=64,
    )  # fmt: skip
    return together(*found)


def check_solids(
    city: City, shells: Shells, hanging: Topology, triangles: Triangles, *, snap: float, overlap: float
) -> np.ndarray:
    """Return rows of 401 to 404, 501 to 503 and 601 for solids whose shells are fine."""
    if not hanging.fine.any():
        return nothing()
    from twin.city.validity.composites import buildings, composites
    from twin.city.validity.meshes import Meshes
    from twin.city.validity.solids import cavities

    meshes = Meshes(
        city.polygons, shells, hanging.face_corner, hanging.corner_start, hanging.vertex, hanging.following,
        *triangles,
    )  # fmt: skip
    inner = cavities(shells, meshes, hanging.fine, snap)
    fine = hanging.fine.copy()
    fine[inner[:, SHELL].astype(np.int64)] = False
    return together(
        inner,
        composites(shells, meshes, fine, snap, min(snap, overlap)),
        buildings(city, shells, meshes, fine, overlap),
    )


def face_triangles(polygons: Polygons, shells: Shells, hanging: Topology) -> tuple[np.ndarray, np.ndarray]:
    """Return where the triangles of each face of closed shells begin, and the triangles.

    Corners are counted within the shell; all triangles face out of the solid.
    """
    from twin.city.triangles import triangulate

    shell = np.repeat(np.arange(len(shells)), np.diff(shells.face_start))
    corners, owner = triangulate(polygons, np.unique(shells.polygon[(hanging.fine & ~shells.surface)[shell]]))
    begin = np.searchsorted(owner, np.arange(len(polygons) + 1))
    counts = np.diff(begin)[shells.polygon]
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    face = np.repeat(np.arange(len(shells.polygon)), counts)
    triangle = begin[shells.polygon[face]] + np.arange(len(face)) - start[face]
    first_point = polygons.ring_start[polygons.polygon_start]
    shift = hanging.face_corner[face] - hanging.corner_start[shell[face]] - first_point[shells.polygon[face]]
    found = np.ascontiguousarray(corners[triangle] + shift[:, None])
    against = (shells.reverse ^ (hanging.turned == 1))[face]
    found[against] = found[against][:, [0, 2, 1]]
    return start, found


def validate(
    city: City,
    *,
    snap: float = 0.001,
    planarity: float = 0.01,
    normals: float = 20.0,
    overlap: float = 0.01,
    surfaces_as_shells: bool = False,
    language: str | None = None,
) -> gpd.GeoDataFrame:
    """Check the geometry of a city and return what is wrong, one row a finding.

    Parameters
    ----------
    city : City
        The city; it is not changed.
    snap : float
        Points closer than this are one point [m].
    planarity : float
        Largest distance of a point from the plane of its polygon [m].
    normals : float
        Largest angle between a triangle of a polygon and the polygon's plane [deg].
    overlap : float
        Solids of one building may overlap by this depth [m].
    surfaces_as_shells : bool
        Also take the outer boundary surfaces (roof, wall, ground, closure) of buildings and parts that have no solid
        as a shell. The standard does not ask for it; models that need closed buildings do.
    language : {"en", "de"}, optional
        Language of the column ``message``.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns ``twin.city.validity.findings.COLUMNS``, geometry: places as points with height, in the city's CRS.

    Raises
    ------
    InputError
        If a tolerance is negative or no number.

    References
    ----------
    Ledoux, H. (2018): val3dity: validation of 3D GIS primitives according to the international standards. Open
    Geospatial Data, Software and Standards 3:1, doi:10.1186/s40965-018-0043-x.

    Examples
    --------
    >>> from twin.city.model import City
    >>> len(validate(City(crs=None)))
    0
    """
    return Validity.of(
        city,
        snap=snap,
        planarity=planarity,
        normals=normals,
        overlap=overlap,
        surfaces_as_shells=surfaces_as_shells,
        language=language,
    ).findings
