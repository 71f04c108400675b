"""What adds water to the surface or takes it away, in one form that the flow solvers can step.

Rain, losses, retention objects, sewers and inflows all act on the same water depth between two flow steps. Each is a
:class:`Source`: it changes ``surface.depth`` in place, never below zero, and keeps its own account in cubic metres, so
that the run can close its balance term by term. The flow solvers know nothing else of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

__all__ = ["Source", "Surface"]


@dataclass(frozen=True)
class Surface:
    """The water on the ground as sources see it.

    Attributes
    ----------
    depth : numpy.ndarray
        Water depth [m], dims ``(y, x)``, row 0 = north, float32 or float64; sources change it in place.
    bed : numpy.ndarray
        Bed height the water lies on [m above datum], same shape, float64 or float32; read only.
    active : numpy.ndarray
        True where water may lie (no building hole, no cell outside), same shape; sources leave other cells alone.
    cell_size : float
        Edge of a square cell [m].
    """

    depth: np.ndarray
    bed: np.ndarray
    active: np.ndarray
    cell_size: float


class Source(Protocol):
    """One process that exchanges water with the surface."""

    name: str
    """Short name, used as prefix in the account and in checkpoints."""

    longest_step: float
    """Longest time [s] between two calls that keeps the process exact enough (``inf``: any)."""

    def step(self, time: float, duration: float, surface: Surface) -> None:
        """Advance from ``time`` [s since the start] by ``duration`` [s] and change ``surface.depth`` in place."""

    def account(self) -> Mapping[str, float]:
        """Return the volumes so far [m3] by term; positive = given to the surface, negative = taken from it."""

    def state(self) -> Mapping[str, np.ndarray]:
        """Return all that is needed to go on later, as arrays."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
