"""House connections: pipes that lead water of roofs and of drained measures into the nodes of a sewer, past the surface.

Each building or measure leads to one node: the one that is given for it, else the nearest. Its water enters the node in
full (a building's own pipe may be limited by ``sewer_capacity`` of :class:`models.water.rain.Rain`); where the network
cannot hold it, it comes up through the lid. The way through the pipe takes no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from models.layers import InputError

__all__ = ["HouseConnections", "Led"]


class Led(Protocol):
    """What leads water to a sewer by pipes: roofs (``Rain.roofs``), or measures with drains (``Retention``)."""

    @property
    def numbers(self) -> np.ndarray:
        """Number of each building, or of each measure."""

    @property
    def sewer_total(self) -> np.ndarray:
        """Water [m3] that each has led to the sewer since the start."""

    def sewer_places(self) -> np.ndarray:
        """Return row and column (n, 2) where each begins its way to the sewer; known from the first step on."""


class HouseConnections:
    """The pipes of one source, and how much of their water the network has been given.

    Parameters
    ----------
    source : Led
        Roofs or measures.
    given : mapping of int to str
        Node by number of the building or measure; key 0 stands for all others. Left out: the nearest node.
    names : sequence of str
        Coupled nodes.
    rows, columns : numpy.ndarray
        Cells of their lids.
    """

    def __init__(
        self, source: Led, given: Mapping[int, str], names: Sequence[str], rows: np.ndarray, columns: np.ndarray
    ) -> None:
        of = {name: item for item, name in enumerate(names)}
        unknown = sorted(set(given.values()) - set(of))
        if unknown:
            raise InputError(
                f"House connections lead to {', '.join(unknown[:8])}, which the sewer does not couple: name coupled nodes."
            )
        strange = sorted(set(given) - {0} - set(source.numbers.tolist()))
        if strange:
            raise InputError(
                f"House connections name number {strange[0]}, which leads no water to the sewer: name drained buildings."
            )
        self._source, self._count = source, len(names)
        self._lids = np.column_stack([rows, columns]).astype(float)
        self._fixed = {number: of[node] for number, node in given.items()}
        self._passed = np.zeros(len(source.numbers))
        self._nodes: np.ndarray | None = None

    def nodes(self) -> np.ndarray:
        """Return the position of the node of each building or measure among the coupled ones."""
        if self._nodes is None:
            from scipy.spatial import cKDTree

            found = cKDTree(self._lids).query(self._source.sewer_places())[1].astype(np.int64)
            for place, number in enumerate(self._source.numbers.tolist()):
                found[place] = self._fixed.get(int(number), self._fixed.get(0, int(found[place])))
            self._nodes = found
        return self._nodes

    @property
    def passed(self) -> float:
        """Water [m3] given to the network so far."""
        return float(self._passed.sum())

    @property
    def waiting(self) -> float:
        """Water [m3] on its way: the network gets it in its next step."""
        return float(self._source.sewer_total.sum()) - self.passed

    def next(self) -> np.ndarray:
        """Return the water [m3] for each node that has come since the last call."""
        if not len(self._passed):
            return np.zeros(self._count)
        total = np.array(self._source.sewer_total, dtype=float)
        came = np.bincount(self.nodes(), total - self._passed, minlength=self._count)
        self._passed = total
        return came

    def state(self) -> np.ndarray:
        """Return what each has given."""
        return self._passed.copy()

    def restore(self, passed: np.ndarray) -> None:
        """Go on from a state of :meth:`state`."""
        if np.size(passed) != np.size(self._passed):
            raise InputError(
                f"The checkpoint holds {np.size(passed)} house connections, this run has {np.size(self._passed)}: resume "
                "with the roof_drainage and the measures that the run began with."
            )
        self._passed = np.array(passed, dtype=float)
