"""How far two solids overlap, by horizontal sections.

Between two neighbouring heights at which either solid has a vertex, or an edge of one meets a face of the other, the
outlines of both sections cross in the same way at every height. One section half-way up each such slab therefore
misses no overlap. An overlap counts where it is deeper than the tolerance, in the section and in height.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numba import njit

from twin.city.validity.meshes import Contact, Mesh

__all__ = ["overlap"]

_LEAST_GAP = 1e-4  # [m] slabs thinner than this, or than a tenth of the depth allowed, are not cut


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(
    pos: np.ndarray, face_corner: np.ndarray, vertex: np.ndarray, following: np.ndarray, heights: np.ndarray
) -> np.ndarray:
    """Return the lines in which horizontal planes meet the faces: number of the height, x, y, x, y."""
    lines, count = np.empty((256, 5)), 0
    most = 1
    for f in range(face_corner.shape[0] - 1):
        most = max(most, face_corner[f + 1] - face_corner[f])
    hits = np.empty((most, 3))
    for f in range(face_corner.shape[0] - 1):
        low, high, nx, ny = np.inf, -np.inf, 0.0, 0.0
        o = face_corner[f]
        for c in range(o, face_corner[f + 1]):
            e = following[c]
            low, high = min(low, pos[c, 2]), max(high, pos[c, 2])
            ay, az, by, bz = pos[c, 1] - pos[o, 1], pos[c, 2] - pos[o, 2], pos[e, 1] - pos[o, 1], pos[e, 2] - pos[o, 2]
            ax, bx = pos[c, 0] - pos[o, 0], pos[e, 0] - pos[o, 0]
            nx += ay * bz - az * by
            ny += az * bx - ax * bz
        for h in range(np.searchsorted(heights, low), heights.shape[0]):
            z = heights[h]
            if z >= high:
                break
            found = 0
            for c in range(o, face_corner[f + 1]):
                a, b = min(vertex[c], vertex[following[c]]), max(vertex[c], vertex[following[c]])
                if (pos[a, 2] > z) == (pos[b, 2] > z):
                    continue
                t = (z - pos[a, 2]) / (pos[b, 2] - pos[a, 2])
                x, y = pos[a, 0] + t * (pos[b, 0] - pos[a, 0]), pos[a, 1] + t * (pos[b, 1] - pos[a, 1])
                along = nx * y - ny * x
                i = found
                while i > 0 and hits[i - 1, 0] > along:
                    for k in range(3):
                        hits[i, k] = hits[i - 1, k]
                    i -= 1
                hits[i, 0], hits[i, 1], hits[i, 2] = along, x, y
                found += 1
            for i in range(0, found - 1, 2):
                if count == lines.shape[0]:
                    longer = np.empty((2 * count, 5))
                    for j in range(count):
                        for k in range(5):
                            longer[j, k] = lines[j, k]
                    lines = longer
                lines[count, 0] = h
                lines[count, 1], lines[count, 2] = hits[i, 1], hits[i, 2]
                lines[count, 3], lines[count, 4] = hits[i + 1, 1], hits[i + 1, 2]
                count += 1
    return lines[:count]


def _sections(solid: Sequence[Mesh], heights: np.ndarray) -> np.ndarray:
    """Return the section of a solid at each height as a shapely area, empty where there is none."""
    parts = [_cut(m.pos, m.face_corner, m.vertex, m.following, heights) for m in solid]
    lines = np.concatenate(parts)
    lines = lines[np.argsort(lines[:, 0], kind="stable")]
    areas = np.full(len(heights), shapely.Polygon(), dtype=object)
    if len(lines):
        number = lines[:, 0].astype(np.int64)
        there, index = np.unique(number, return_inverse=True)
        together = shapely.multilinestrings(shapely.linestrings(lines[:, 1:].reshape(-1, 2, 2)), indices=index)
        areas[there] = shapely.build_area(together)
    return areas


def _slabs(first: Sequence[Mesh], second: Sequence[Mesh], contacts: Sequence[Contact], least: float) -> np.ndarray:
    """Return the bounds (n, 2) [m] of the slabs between heights where something changes, but for the thinnest."""
    low = max(min(m.low[2] for m in first), min(m.low[2] for m in second))
    high = min(max(m.high[2] for m in first), max(m.high[2] for m in second))
    found = [m.pos[:, 2] for m in (*first, *second)] + [c.segments[:, [2, 5]].ravel() for c in contacts]
    heights = np.unique(np.concatenate([*found, [low, high]]))
    heights = heights[(heights >= low) & (heights <= high)]
    slabs = np.column_stack([heights[:-1], heights[1:]])
    return slabs[slabs[:, 1] - slabs[:, 0] > least]


def overlap(
    first: Sequence[Mesh], second: Sequence[Mesh], contacts: Sequence[Contact], depth: float
) -> tuple[float, np.ndarray] | None:
    """Return the volume [m3] in which two solids overlap and a place in it, None where no deeper than allowed.

    Parameters
    ----------
    first, second : sequence of Mesh
        Shells of each solid, about the same origin.
    contacts : sequence of Contact
        How their shells meet.
    depth : float
        Overlap allowed [m].
    """
    slabs = _slabs(first, second, contacts, max(_LEAST_GAP, 0.1 * depth))
    if not len(slabs):
        return None
    heights, thickness = slabs.mean(axis=1), slabs[:, 1] - slabs[:, 0]
    shared = shapely.intersection(_sections(first, heights), _sections(second, heights))
    area = shapely.area(shared)
    deep = area > max(depth * depth, 1e-9)
    deep[deep] = ~shapely.is_empty(shapely.buffer(shared[deep], -0.5 * depth, join_style="mitre"))
    if thickness[deep].sum() <= max(depth, _LEAST_GAP):
        return None
    where = np.flatnonzero(deep)[np.argmax((area * thickness)[deep])]
    point = shapely.point_on_surface(shared[where])
    place = np.array([shapely.get_x(point), shapely.get_y(point), heights[where]])
    return float((area * thickness)[deep].sum()), place
