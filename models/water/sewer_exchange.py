"""Flow through a manhole or inlet between the water on the ground and a sewer.

Four states, told apart by the depth on the ground and the pressure head in the node: free weir and submerged weir where
shallow water falls over the rim, orifice where the opening drowns, and the same orifice upwards where the sewer's head
stands above the water on the ground. Coefficients are those measured by Rubinato et al. (2017),
doi:10.1016/j.jhydrol.2017.06.024.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["GRAVITY", "Opening", "exchange_flow", "steady_outflow"]

GRAVITY = 9.80665


@dataclass(frozen=True)
class Opening:
    """What a node offers to the water: one manhole cover, or all the gullies that lead to it.

    Parameters
    ----------
    area : numpy.ndarray or float
        Open area [m2].
    rim : numpy.ndarray or float
        Length of the rim that works as a weir [m].
    free_weir, submerged_weir, orifice : float
        Coefficients [-] of the three states.
    """

    area: np.ndarray | float = 0.307
    rim: np.ndarray | float = 1.963
    free_weir: float = 0.54
    submerged_weir: float = 0.056
    orifice: float = 0.167


def exchange_flow(depth: np.ndarray, head: np.ndarray, opening: Opening) -> np.ndarray:
    """Return the flow from the ground into a sewer node [m3/s]; below zero, water comes up.

    Parameters
    ----------
    depth : numpy.ndarray
        Water depth on the ground at the node [m].
    head : numpy.ndarray
        Pressure head in the node above the ground there [m]; below zero where the node is not full.
    opening : Opening
        Area, rim and coefficients.

    Returns
    -------
    numpy.ndarray
        Flow [m3/s], same shape.

    Notes
    -----
    Free weir (head below the ground) ``2/3 C P sqrt(2 g) h^1.5``; submerged weir (head above it, ``h < A / P``)
    ``C P h sqrt(2 g (h - H))``; orifice (``h >= A / P``) ``C A sqrt(2 g (h - H))``; upwards ``-C A sqrt(2 g (H - h))``.

    References
    ----------
    Rubinato, M., Martins, R., Kesserwani, G., Leandro, J., Djordjevic, S., Shucksmith, J. (2017), Journal of Hydrology
    552, 421-432, doi:10.1016/j.jhydrol.2017.06.024.

    Examples
    --------
    >>> exchange_flow(np.array([0.10, 0.0]), np.array([-1.0, 0.5]), Opening()).round(4).tolist()
    [0.099, -0.1606]
    """
    depth, head = np.asarray(depth, dtype=np.float64), np.asarray(head, dtype=np.float64)
    area, rim = np.asarray(opening.area), np.asarray(opening.rim)
    fall = np.sqrt(2.0 * GRAVITY * np.abs(depth - head))
    free = 2.0 / 3.0 * opening.free_weir * rim * np.sqrt(2.0 * GRAVITY) * depth**1.5
    submerged = opening.submerged_weir * rim * depth * fall
    drowned = opening.orifice * area * fall
    down = np.where(head < 0.0, free, np.where(depth * rim < area, submerged, drowned))
    return np.where(head > depth, -drowned, np.where(depth > 0.0, down, 0.0))


def steady_outflow(depth: np.ndarray, head: np.ndarray, give: float, opening: Opening) -> np.ndarray:
    """Return the flow coming up [m3/s, >= 0] that is in balance with the fall of head it causes in the shaft.

    The head at the end of the step is ``H - q / give``; with it the orifice equation is a quadratic in ``q``, and no step
    is too long for it.

    Parameters
    ----------
    depth, head : numpy.ndarray
        As in :func:`exchange_flow` [m].
    give : float
        Area of the shaft by the length of the step [m2/s].
    opening : Opening
        Area and coefficients.

    Examples
    --------
    >>> flow = steady_outflow(np.zeros(1), np.array([0.5]), 0.05, Opening())
    >>> bool(0 < flow[0] < 0.5 * 0.05)
    True
    """
    square = np.maximum(opening.orifice * np.asarray(opening.area), 1e-12) ** 2 * 2.0 * GRAVITY
    rise = np.maximum(head - depth, 0.0)
    half = 0.5 * square / give
    return np.asarray(square * rise / (half + np.sqrt(half**2 + square * rise)))
