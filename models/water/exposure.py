"""What a flood reaches: depth at the facade of each building and on each section of street, when and for how long.

Depths are read on the open cells that share an edge with a building, and on the cells a street section crosses. Tables
are tidy: one row a building or section, and one row a threshold in the counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError
from models.water.outline import building_index, cells_at_outline

__all__ = ["building_depths", "exceedances", "street_depths"]

_THRESHOLDS = (0.1, 0.3)
"""[m] 10 cm: water may enter a house; 30 cm: the limit of rescue vehicles."""


def building_depths(
    building_id: xr.DataArray | np.ndarray,
    depth: xr.DataArray | np.ndarray,
    *,
    arrival: xr.DataArray | np.ndarray | None = None,
    duration: xr.DataArray | np.ndarray | None = None,
    velocity: xr.DataArray | np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the water at the facade of every building.

    Parameters
    ----------
    building_id : array (y, x)
        Building number of each cell, 0 = none.
    depth : array (y, x)
        Largest water depth [m] of a run (``depth_max``); NaN counts as not known.
    arrival : array (y, x), optional
        Time of first exceedance of a depth [s]; NaN where it never was.
    duration : array (y, x), optional
        Time above a depth [s].
    velocity : array (y, x), optional
        Largest speed [m/s].

    Returns
    -------
    pandas.DataFrame
        A row a building: ``building_id``, ``facade_cells`` (open cells at its outline), ``depth_max``, ``depth_mean`` [m],
        and, where given, ``arrival`` (the earliest, s), ``duration`` (the longest, s) and ``velocity_max`` [m/s]. NaN
        where a building has no open cell at its outline.

    Examples
    --------
    >>> number = np.array([[0, 0, 0, 0], [0, 7, 7, 0], [0, 0, 0, 0]])
    >>> depth = np.array([[0, 0.2, 0.4, 0], [0.1, 0, 0, 0.1], [0, 0, 0, 9.0]])
    >>> building_depths(number, depth).round(3).to_dict("records")
    [{'building_id': 7, 'facade_cells': 6, 'depth_max': 0.4, 'depth_mean': 0.133}]
    """
    number = np.asarray(building_id)
    every, index = building_index(number)
    cells, of = cells_at_outline(index, number <= 0)
    table = pd.DataFrame({"building_id": every, "facade_cells": np.bincount(of, minlength=len(every))})
    fields = {"depth": depth, "arrival": arrival, "duration": duration, "velocity": velocity}
    return pd.concat([table, _summaries(of, cells, len(every), number.shape, fields)], axis=1)


def street_depths(
    sections: Sequence[object] | np.ndarray,
    cells: np.ndarray,
    depth: xr.DataArray | np.ndarray,
    *,
    thresholds: Sequence[float] = _THRESHOLDS,
    lengths: pd.Series | None = None,
    arrival: xr.DataArray | np.ndarray | None = None,
    duration: xr.DataArray | np.ndarray | None = None,
    velocity: xr.DataArray | np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the water on every section of street.

    Parameters
    ----------
    sections : sequence (n,)
        Section that each entry of ``cells`` belongs to (any sortable id).
    cells : array (n, 2) of int
        Rows and columns of the cells the sections cross.
    depth : array (y, x)
        Largest water depth [m].
    thresholds : sequence of float
        Depths [m] whose flooded share is told.
    lengths : pandas.Series, optional
        Length [m] by section; adds the flooded length.
    arrival, duration, velocity : array (y, x), optional
        As for :func:`building_depths`.

    Returns
    -------
    pandas.DataFrame
        A row a section: ``section``, ``cells``, ``depth_max``, ``depth_mean`` [m], ``share_over_<cm>cm``, with ``lengths``
        also ``length`` and ``length_over_<cm>cm`` [m], and, where given, ``arrival``, ``duration``, ``velocity_max``.

    Examples
    --------
    >>> table = street_depths(["a", "a", "b"], np.array([[0, 0], [0, 1], [1, 1]]), np.array([[0.0, 0.4], [0.0, 0.2]]))
    >>> table[["section", "depth_max", "share_over_30cm"]].values.tolist()
    [['a', 0.4, 0.5], ['b', 0.2, 0.0]]
    """
    names, of = np.unique(np.asarray(sections), return_inverse=True)
    places, shape = np.asarray(cells), np.shape(depth)
    if places.shape != (len(of), 2) or not np.issubdtype(places.dtype, np.integer):
        raise InputError(
            f"cells must hold a row and a column for each of the {len(of)} entries, not shape {places.shape}."
        )
    if len(places) and ((places < 0).any() or (places >= np.array(shape)).any()):
        raise InputError(f"cells reach outside the grid of {shape[0]} x {shape[1]} cells: leave out what lies outside.")
    flat = places[:, 0] * shape[1] + places[:, 1]
    count = np.bincount(of, minlength=len(names))
    table = pd.DataFrame({"section": names, "cells": count})
    fields = {"depth": depth, "arrival": arrival, "duration": duration, "velocity": velocity}
    table = pd.concat([table, _summaries(of, flat, len(names), shape, fields)], axis=1)
    known = np.asarray(depth, dtype=float).ravel()[flat]
    if lengths is not None:
        table["length"] = lengths.reindex(names).to_numpy(dtype=float)
    for limit in thresholds:
        over = np.bincount(of, weights=known > limit, minlength=len(names)) / np.maximum(count, 1)
        table[f"share_over_{_cm(limit)}cm"] = over
        if lengths is not None:
            table[f"length_over_{_cm(limit)}cm"] = over * table["length"]
    return table


def exceedances(table: pd.DataFrame, thresholds: Sequence[float] = _THRESHOLDS) -> pd.DataFrame:
    """Return how many buildings or sections stand deeper than some depths, and when the first does.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`building_depths` or :func:`street_depths`.
    thresholds : sequence of float
        Depths [m].

    Returns
    -------
    pandas.DataFrame
        A row a threshold: ``threshold`` [m], ``count``, ``share``, where the table knows it ``first_arrival`` [s] (of the
        depth the arrival map was made for) among those counted, and ``length`` [m] flooded.

    Examples
    --------
    >>> exceedances(pd.DataFrame({"depth_max": [0.05, 0.2, 0.5, 0.4]})).values.tolist()
    [[0.1, 3.0, 0.75], [0.3, 2.0, 0.5]]
    """
    rows = []
    for limit in thresholds:
        over = table["depth_max"] > limit
        row = {"threshold": float(limit), "count": int(over.sum()), "share": float(over.mean()) if len(table) else 0.0}
        if "arrival" in table:
            row["first_arrival"] = float(table.loc[over, "arrival"].min())
        if f"length_over_{_cm(limit)}cm" in table:
            row["length"] = float(table[f"length_over_{_cm(limit)}cm"].sum())
        rows.append(row)
    return pd.DataFrame(rows)


def _cm(limit: float) -> str:
    return f"{100.0 * limit:g}"


def _summaries(
    of: np.ndarray,
    cells: np.ndarray,
    count: int,
    shape: tuple[int, ...],
    fields: dict[str, xr.DataArray | np.ndarray | None],
) -> pd.DataFrame:
    """Return largest and mean depth, earliest arrival, longest duration and largest speed by group of cells."""
    grouped = {}
    for name, field in fields.items():
        if field is None:
            continue
        if np.shape(field) != tuple(shape):
            raise InputError(
                f"The {name} has shape {np.shape(field)}, the grid {tuple(shape)}: use rasters of one grid."
            )
        grouped[name] = pd.Series(np.asarray(field, dtype=float).ravel()[cells]).groupby(of)
    columns = {"depth_max": grouped["depth"].max(), "depth_mean": grouped["depth"].mean()}
    for name, column, how in (
        ("arrival", "arrival", "min"),
        ("duration", "duration", "max"),
        ("velocity", "velocity_max", "max"),
    ):
        if name in grouped:
            columns[column] = grouped[name].agg(how)
    return pd.DataFrame(columns).reindex(range(count)).reset_index(drop=True)
