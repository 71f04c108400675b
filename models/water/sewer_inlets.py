"""Which cell of the grid a manhole or inlet of a sewer network lies in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.layers import InputError

__all__ = ["REACH", "matched", "nearest_active", "of_each_node"]

REACH = 3
"""Cells that a lid may lie beside the nearest cell where water can be."""
_OUTFALL = 1


def matched(
    network: Mapping[str, Any],
    places: Mapping[str, tuple[float, float]],
    grid: tuple[np.ndarray, np.ndarray],
    asked: Sequence[str] | None,
    file: str,
) -> pd.DataFrame:
    """Return the table of nodes with their cells and whether they are coupled.

    Parameters
    ----------
    network : mapping
        ``names``, ``kinds`` (1 = outfall), ``invert`` and ``depth`` [m] of the nodes.
    places : mapping
        Node name to x, y [m].
    grid : tuple of numpy.ndarray
        Cell centres x (west to east) and y (north to south) [m].
    asked : sequence of str, optional
        Nodes to couple; by default all but outfalls.
    file : str
        Name of the .inp, for messages.

    Raises
    ------
    InputError
        If a node asked for is not in the network.

    Examples
    --------
    >>> network = {"names": ["A"], "kinds": [0], "invert": [98.0], "depth": [2.0]}
    >>> grid = (np.array([0.5, 1.5]), np.array([1.5, 0.5]))
    >>> matched(network, {"A": (1.2, 0.1)}, grid, None, "a.inp")[["row", "column", "lid", "state"]].values.tolist()
    [[1, 1, 100.0, 'coupled']]
    """
    unknown = [name for name in asked or () if name not in network["names"]]
    if unknown:
        raise InputError(
            f"Nodes {', '.join(unknown[:8])} are not in {file}: name nodes of it, for example "
            f"{', '.join(network['names'][:5])}."
        )
    x, y = grid
    size = float(x[1] - x[0])
    rows = []
    for name, kind, invert, depth in zip(
        network["names"], network["kinds"], network["invert"], network["depth"], strict=True
    ):
        east, north = places.get(name, (np.nan, np.nan))
        row, column = -1, -1
        if not np.isfinite(east):
            state = "no coordinates"
        else:
            column, row = int(np.floor((east - x[0]) / size + 0.5)), int(np.floor((y[0] - north) / size + 0.5))
            inside = 0 <= column < x.size and 0 <= row < y.size
            state = "coupled" if inside else "outside"
            row, column = (row, column) if inside else (-1, -1)
        if kind == _OUTFALL:
            state = "outfall"
        elif asked is not None and name not in asked:
            state = "not asked for"
        rows.append((name, east, north, row, column, invert + depth, state))
    return pd.DataFrame(rows, columns=["node", "x", "y", "row", "column", "lid", "state"])


def nearest_active(active: np.ndarray, row: int, column: int) -> tuple[int, int] | None:
    """Return the cell nearest to one where water can be, at most :data:`REACH` cells away, or None.

    Examples
    --------
    >>> nearest_active(np.array([[False, False, True]]), 0, 0)
    (0, 2)
    """
    if active[row, column]:
        return row, column
    top, left = max(0, row - REACH), max(0, column - REACH)
    window = active[top : row + REACH + 1, left : column + REACH + 1]
    found = np.argwhere(window) + np.array([top, left])
    if not found.size:
        return None
    distance = ((found - (row, column)) ** 2).sum(axis=1)
    near = found[int(np.argmin(distance))]
    return int(near[0]), int(near[1])


def of_each_node(
    value: float | Mapping[str, float], names: Sequence[str], default: float, what: str, file: str
) -> np.ndarray:
    """Return one number a node from a single number, or from a mapping that names nodes.

    Raises
    ------
    InputError
        If a number is not above zero, or a name is none of the coupled nodes.
    """
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in names]
        if unknown:
            raise InputError(
                f"{what} names {', '.join(unknown[:8])}, which {file} does not couple: name coupled nodes only."
            )
        numbers = np.array([float(value.get(name, default)) for name in names])
    else:
        numbers = np.full(len(names), float(value))
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise InputError(f"{what} must be above 0, not {numbers.min():g}: give square metres, or metres of rim.")
    return numbers
