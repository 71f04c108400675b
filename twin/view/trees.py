"""All trees as one mesh: a crown by its shape on a trunk, copied to every place with its own size.

A form has few sides where trees are many, so that a city of 15,000 trees stays under a million triangles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from twin.view.meshes import Mesh, merge

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["feet", "stamped_columns", "trees_mesh"]

_TRUNK = np.array([104, 82, 62], np.uint8)
_GREENS = np.array([[74, 122, 62], [88, 136, 70], [66, 112, 60], [98, 142, 78]], np.uint8)


def trees_mesh(
    city: City,
    terrain: xr.DataArray,
    origin: tuple[float, float, float],
    *,
    area: tuple[float, float, float, float] | None = None,
    where: np.ndarray | None = None,
    colours: np.ndarray | None = None,
) -> Mesh:
    """Return all trees as one mesh: a crown by its shape (ellipsoid, cone, cylinder) on a trunk.

    A tree without height or crown diameter is not drawn; loading fills these values and reports it. ``where`` chooses
    trees, ``colours`` (trees, 3) paints their crowns; without it they are green.
    """
    trees = city.trees
    height, crown = trees["height"].to_numpy(float), trees["crown_diameter"].to_numpy(float)
    base = trees["crown_base"].to_numpy(float)
    usable = (height > 0) & (crown > 0) if where is None else (height > 0) & (crown > 0) & where
    rows, foot = feet(city, terrain, origin, area=area, where=usable)
    if not len(rows):
        return merge([])
    base = np.where(np.isfinite(base) & (base < height), base, 0.3 * height)
    shape = trees["crown_shape"].astype(str).to_numpy()[rows]
    sides = 12 if len(rows) < 4_000 else 7
    trunk = np.column_stack(
        [np.full(len(rows), 0.12) + 0.012 * height[rows]] * 2 + [base[rows] + 0.2 * (height - base)[rows]]
    )
    parts = [_stamp(_revolved(np.array([[1.0, 0.0], [0.8, 1.0]]), 5), foot, trunk, rows, None)]
    for name, profile in _CROWNS.items():
        chosen = (
            np.flatnonzero(shape == name)
            if name != "ellipsoid"
            else np.flatnonzero(~np.isin(shape, [n for n in _CROWNS if n != "ellipsoid"]))
        )
        lift = foot[chosen] + np.column_stack([np.zeros((len(chosen), 2)), base[rows][chosen]])
        size = np.column_stack([crown[rows][chosen] / 2] * 2 + [(height - base)[rows][chosen]])
        parts.append(_stamp(_revolved(profile, sides), lift, size, rows[chosen], _GREENS))
    merged = merge(parts)
    painted = np.vstack([p.colours for p in parts if p.colours is not None])
    if colours is not None:
        crowns = len(parts[0])  # the trunks come first and stay brown
        painted[crowns:] = colours[merged.owner[crowns:]]
    return Mesh(merged.points, merged.triangles, merged.part, merged.owner, painted)


def feet(
    city: City, terrain: xr.DataArray, origin: tuple[float, float, float],
    *, area: tuple[float, float, float, float] | None, where: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return the rows of the trees chosen that stand in the area, and where they stand in the scene (rows, 3) [m]."""
    x, y = city.trees.geometry.x.to_numpy(), city.trees.geometry.y.to_numpy()
    if area is not None:
        where = where & (x >= area[0]) & (x <= area[2]) & (y >= area[1]) & (y <= area[3])
    rows = np.flatnonzero(where)
    ground = terrain.sel(x=xr.DataArray(x[rows], dims="p"), y=xr.DataArray(y[rows], dims="p"), method="nearest").values
    foot = np.column_stack([x[rows], y[rows], np.nan_to_num(ground, nan=float(origin[2]))]) - np.asarray(origin)
    return rows, foot


def stamped_columns(foot: np.ndarray, size: np.ndarray, rows: np.ndarray, colour: np.ndarray) -> Mesh:
    """Return round columns of one colour: half width in both directions and height of each in ``size`` (rows, 3)."""
    mesh = _stamp(_revolved(_CROWNS["cylinder"], 8), foot, size, rows, None)
    return Mesh(mesh.points, mesh.triangles, mesh.part, mesh.owner, np.tile(colour, (len(mesh), 1)), lines=mesh.lines)


_ARC = np.linspace(0.0, np.pi, 7)
_CROWNS = {
    "ellipsoid": np.column_stack([np.sin(_ARC), 0.5 - 0.5 * np.cos(_ARC)]),
    "cone": np.array([[0.0, 0.0], [1.0, 0.02], [0.0, 1.0]]),
    "cylinder": np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]),
}
"""Radius (0..1) and height (0..1) along the outline of each crown shape."""


def _revolved(profile: np.ndarray, sides: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and triangles of an outline (radius, height) turned about the vertical axis."""
    turn = 2.0 * np.pi * np.arange(sides) / sides
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    points = np.concatenate([np.column_stack([r * ring, np.full(sides, z)]) for r, z in profile])
    quads = []
    for level in range(len(profile) - 1):
        a = level * sides + np.arange(sides)
        b = level * sides + (np.arange(sides) + 1) % sides
        if profile[level, 0] > 0:
            quads.append(np.column_stack([a, b, b + sides]))
        if profile[level + 1, 0] > 0:
            quads.append(np.column_stack([a, b + sides, a + sides]))
        elif profile[level, 0] > 0:
            quads[-1] = np.column_stack([a, b, a + sides])
    return points, np.concatenate(quads)


def _stamp(
    form: tuple[np.ndarray, np.ndarray], foot: np.ndarray, size: np.ndarray, rows: np.ndarray, greens: np.ndarray | None
) -> Mesh:
    """Copy a form to many places with a size each."""
    points, triangles = form
    count = len(foot)
    placed = (points[None] * size[:, None] + foot[:, None]).reshape(-1, 3).astype(np.float32)
    numbered = (triangles[None] + (np.arange(count) * len(points))[:, None, None]).reshape(-1, 3)
    owner = np.repeat(rows, len(triangles))
    colours = np.tile(_TRUNK, (len(owner), 1)) if greens is None else greens[(owner * 7 + owner // 5) % len(greens)]
    return Mesh(placed, numbered, np.zeros(len(owner), np.uint8), owner, colours, lines=np.zeros((0, 2), np.int64))
