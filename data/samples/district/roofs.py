"""Roof faces: plane polygons that cover a footprint, z in metres above the building's ground.

Each function returns rings of (u, v, z), turning to the left seen from above, the first point not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Ring = list[tuple[float, float, float]]
XY = tuple[float, float]

FLAT, PENT, GABLE, HIP, HALF_HIP, MANSARD, TENT, MIXED = "1000", "2100", "3100", "3200", "3300", "3400", "3500", "5000"
"""Roof type codes of the AdV profile."""


def _lift(point: Sequence[float], z: float) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(z)


def _mix(a: Sequence[float], b: Sequence[float], share: float) -> XY:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def flat(footprint: Sequence[XY], height: float) -> list[Ring]:
    """Return one level face."""
    return [[_lift(p, height) for p in footprint]]


def bands(rails: Sequence[Sequence[XY]], heights: Sequence[float]) -> list[Ring]:
    """Return the faces between parallel lines at given heights: pent, gable and mansard roofs, also round corners.

    Parameters
    ----------
    rails : sequence of lines
        From the left edge of the outline (street side) inwards; all lines have as many points.
    heights : sequence of float
        One height [m above ground] a line.
    """
    faces: list[Ring] = []
    for left, right, low, high in zip(rails[:-1], rails[1:], heights[:-1], heights[1:], strict=True):
        for i in range(len(left) - 1):
            quad = [_lift(left[i], low), _lift(left[i + 1], low), _lift(right[i + 1], high), _lift(right[i], high)]
            faces.append(quad)
    return faces


def hip(corners: Sequence[XY], eave: float, ridge: float, share: float = 1.0) -> list[Ring]:
    """Return a hip roof over a rectangle whose first edge is a long one.

    Parameters
    ----------
    corners : sequence of (u, v)
        Four corners turning to the left.
    eave, ridge : float
        Heights [m above ground].
    share : float
        1 = all four faces equally steep; larger = steeper hips (shorter way to the ridge is ``depth / 2 / share``).
    """
    a, b, c, d = corners
    length, depth = float(np.hypot(b[0] - a[0], b[1] - a[1])), float(np.hypot(c[0] - b[0], c[1] - b[1]))
    inset = min(depth / 2 / share, length / 2 - 0.3) / length
    left, right = _mix(a, d, 0.5), _mix(b, c, 0.5)
    r1, r2 = _lift(_mix(left, right, inset), ridge), _lift(_mix(left, right, 1 - inset), ridge)
    a3, b3, c3, d3 = (_lift(p, eave) for p in corners)
    return [[a3, b3, r2, r1], [b3, c3, r2], [c3, d3, r1, r2], [d3, a3, r1]]


def half_hip(corners: Sequence[XY], eave: float, ridge: float, cut: float = 0.35) -> list[Ring]:
    """Return a gable roof whose gable tips are hipped from ``1 - cut`` of the roof height upwards."""
    a, b, c, d = corners
    length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
    depth = float(np.hypot(c[0] - b[0], c[1] - b[1]))
    height, inset = ridge - cut * (ridge - eave), cut * depth / 2 / length
    left, right = _mix(a, d, 0.5), _mix(b, c, 0.5)
    r1, r2 = _lift(_mix(left, right, inset), ridge), _lift(_mix(left, right, 1 - inset), ridge)
    a3, b3, c3, d3 = (_lift(p, eave) for p in corners)
    la, lb = _lift(_mix(a, left, 1 - cut), height), _lift(_mix(b, right, 1 - cut), height)
    lc, ld = _lift(_mix(c, right, 1 - cut), height), _lift(_mix(d, left, 1 - cut), height)
    return [[a3, b3, lb, r2, r1, la], [lb, lc, r2], [c3, d3, ld, r1, r2, lc], [ld, la, r1]]


def tent(footprint: Sequence[XY], eave: float, top: float) -> list[Ring]:
    """Return a tent roof: one triangle an edge, to a point above the middle of the footprint."""
    apex = _lift(np.mean(np.asarray(footprint, dtype=float), axis=0), top)
    ends = [*footprint[1:], footprint[0]]
    return [[_lift(p, eave), _lift(q, eave), apex] for p, q in zip(footprint, ends, strict=True)]


def apse(footprint: Sequence[XY], eave: float, top: float) -> list[Ring]:
    """Return the half tent of an apse; its first edge is the one against the nave."""
    apex = _lift(_mix(footprint[0], footprint[1], 0.5), top)
    chain = [*footprint[1:], footprint[0]]
    return [[_lift(p, eave), _lift(q, eave), apex] for p, q in pairwise(chain)]
