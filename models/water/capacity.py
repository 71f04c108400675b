"""What a sewer takes where its pipes are not known: a capacity an inlet, or a rate over sealed streets.

Without a network file the sewer is a sink: it swallows water at its inlets up to a capacity, until a total is full if one
is given, and gives nothing back. German sewers are laid out for events of 2 to 5 years (DIN EN 752), so that a cloudburst
meets about the rain of such an event as capacity; what pipes and outfall do is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.layers import InputError
from models.water.exchange import Surface

__all__ = ["CapacitySink"]

_LITRE = 1e-3
_MM_PER_HOUR = 1e-3 / 3600.0


class CapacitySink:
    """Inlets or streets that take water up to a capacity.

    Parameters
    ----------
    rows, columns : array-like of int, optional
        Cells of the inlets.
    capacity : float or array-like
        Of each inlet [l/s].
    rate : numpy.ndarray, optional
        Instead of inlets: what each cell may lose [mm/h], dims (y, x).
    total : float, optional
        Volume [m3] that the sewer takes in all; nothing more after that.
    name : str
        Prefix in accounts and checkpoints.

    Raises
    ------
    InputError
        If neither or both of inlets and rate are given, a capacity is below zero, or the numbers do not fit.

    Examples
    --------
    >>> depth = np.full((2, 2), 0.10)
    >>> surface = Surface(depth, np.zeros((2, 2)), np.ones((2, 2), bool), 1.0)
    >>> sink = CapacitySink([0], [1], capacity=10.0)
    >>> sink.step(0.0, 5.0, surface)
    >>> sink.account(), depth[0].round(3).tolist()
    ({'to_sewer': -0.05}, [0.1, 0.05])
    """

    longest_step = 5.0

    def __init__(
        self,
        rows: np.ndarray | list[int] | None = None,
        columns: np.ndarray | list[int] | None = None,
        *,
        capacity: float | np.ndarray = 15.0,
        rate: np.ndarray | None = None,
        total: float | None = None,
        name: str = "sewer",
    ) -> None:
        if (rows is None) == (rate is None) or (rows is None) != (columns is None):
            raise InputError("A capacity sink needs either rows and columns of its inlets, or a rate [mm/h] by cell.")
        if total is not None and not total >= 0.0:
            raise InputError(f"The total that the sewer takes must be at least 0 m3, not {total}.")
        self.name = name
        self._total = np.inf if total is None else float(total)
        self._taken = 0.0
        self._by_area = rate is not None
        self._rows, self._columns, self._flow = self._places(rows, columns, capacity, rate)

    @staticmethod
    def _places(
        rows: np.ndarray | list[int] | None,
        columns: np.ndarray | list[int] | None,
        capacity: float | np.ndarray,
        rate: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the cells and what each may lose: [m3/s] at inlets, [m/s] by rate."""
        if rate is not None:
            given = np.asarray(rate, dtype=float)
            if given.ndim != 2 or not (np.isfinite(given).all() and (given >= 0).all()):
                raise InputError(
                    "The rate of a capacity sink must be a map (y, x) in mm/h, at least 0 and without NaN."
                )
            at_rows, at_columns = np.nonzero(given)
            return at_rows, at_columns, given[at_rows, at_columns] * _MM_PER_HOUR
        at = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
        flow = np.broadcast_to(np.asarray(capacity, dtype=float), at[0].shape) * _LITRE
        if at[0].shape != at[1].shape or at[0].ndim != 1:
            raise InputError("rows and columns of the inlets must be lists of one length.")
        if not (np.isfinite(flow).all() and (flow >= 0).all()):
            raise InputError("The capacity of an inlet must be at least 0 l/s, and a number.")
        return at[0], at[1], flow

    @classmethod
    def over(cls, where: np.ndarray, rate: float, **options: float | str | None) -> CapacitySink:
        """Return a sink of one rate [mm/h] over some cells, such as sealed streets (``where``: bool, dims (y, x))."""
        return cls(rate=np.where(where, float(rate), 0.0), **options)  # type: ignore[arg-type]

    def step(self, time: float, duration: float, surface: Surface) -> None:  # noqa: ARG002
        """Take water for some seconds, never more than lies there and never more than the total."""
        if not self._rows.size:
            return
        self._check(surface)
        area = surface.cell_size**2
        depth, width = surface.depth, surface.depth.shape[1]
        cells, at = np.unique(self._rows * width + self._columns, return_inverse=True)
        per_second = np.bincount(at, self._flow, minlength=cells.size) / (1.0 if self._by_area else area)
        row, column = np.divmod(cells, width)
        before = depth[row, column].astype(np.float64)
        wanted = np.where(surface.active[row, column], np.minimum(per_second * duration, before), 0.0)
        left = self._total - self._taken
        volume = float(wanted.sum()) * area
        if volume > left:
            wanted *= max(left, 0.0) / volume
        after = np.maximum(before - wanted, 0.0).astype(depth.dtype)
        depth[row, column] = after
        self._taken += float((before - after.astype(np.float64)).sum()) * area

    def _check(self, surface: Surface) -> None:
        height, width = surface.depth.shape
        outside = (self._rows < 0) | (self._rows >= height) | (self._columns < 0) | (self._columns >= width)
        if outside.any():
            raise InputError(
                f"{int(outside.sum())} inlets lie outside the grid of {height} x {width} cells: give rows and columns of it."
            )

    def account(self) -> Mapping[str, float]:
        """Return the volume taken so far [m3], negative."""
        return {"to_sewer": -self._taken}

    def state(self) -> Mapping[str, np.ndarray]:
        """Return the volume taken so far."""
        return {"taken": np.array([self._taken])}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a volume taken."""
        self._taken = float(state["taken"][0])
