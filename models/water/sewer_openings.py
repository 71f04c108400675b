"""The openings through which a sewer meets the surface: the lid of each coupled node, and the gullies that lead to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from models.layers import InputError
from models.water.exchange import Surface
from models.water.sewer_exchange import Opening
from models.water.sewer_inlets import nearest_active

__all__ = ["GULLY_AREA", "GULLY_RIM", "Openings"]

GULLY_AREA = 0.10
"""Open area of a street gully [m2]: a grating of 500 x 500 mm."""
GULLY_RIM = 1.5
"""Rim of a street gully that works as a weir [m]: three of its sides, the fourth is the kerb."""


class Openings:
    """Cells, owners and sizes of all openings; the lids of the nodes come first, in the order of the nodes.

    Parameters
    ----------
    rows, columns : numpy.ndarray
        Cells of the lids.
    lids : Opening
        Area and rim of each lid.
    gullies : iterable of (int, int, str)
        Row, column and node name of each gully.
    names : sequence of str
        Names of the nodes.
    """

    def __init__(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        lids: Opening,
        gullies: Iterable[tuple[int, int, str]],
        names: Sequence[str],
    ) -> None:
        given, of = list(gullies), {name: item for item, name in enumerate(names)}
        unknown = [name for _, _, name in given if name not in of]
        if unknown:
            raise InputError(
                f"Gullies lead to {', '.join(sorted(set(unknown))[:8])}, which the sewer does not couple: name coupled nodes."
            )
        count = len(given)
        self.nodes = len(names)
        self.rows = np.concatenate([rows, np.array([row for row, _, _ in given], np.int64)]).astype(np.int64)
        self.columns = np.concatenate([columns, np.array([column for _, column, _ in given], np.int64)]).astype(
            np.int64
        )
        self.owner = np.concatenate([np.arange(self.nodes), np.array([of[name] for _, _, name in given], np.int64)])
        self.owner = self.owner.astype(np.int64)
        self.lid = np.arange(self.rows.size) < self.nodes
        self.open = np.ones(self.rows.size, dtype=bool)
        self.size = replace(
            lids,
            area=np.concatenate([np.asarray(lids.area, float), np.full(count, GULLY_AREA)]),
            rim=np.concatenate([np.asarray(lids.rim, float), np.full(count, GULLY_RIM)]),
        )
        self.settled = False

    def settle(self, surface: Surface) -> None:
        """Move openings that lie where no water can be to the nearest cell where it can, or leave them shut."""
        height, width = surface.depth.shape
        beyond = (self.rows < 0) | (self.rows >= height) | (self.columns < 0) | (self.columns >= width)
        if beyond.any():
            raise InputError(
                f"{int(beyond.sum())} openings of the sewer lie outside the grid of {height} x {width} cells: make the "
                "sewer with the x and y of this grid."
            )
        for item in np.flatnonzero(~surface.active[self.rows, self.columns]):
            near = nearest_active(surface.active, int(self.rows[item]), int(self.columns[item]))
            if near is None:
                self.open[item] = False
            else:
                self.rows[item], self.columns[item] = near
        self.settled = True

    def depth(self, surface: Surface) -> np.ndarray:
        """Return the water depth at each opening [m]."""
        return surface.depth[self.rows, self.columns].astype(np.float64)

    def by_node(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of some values of the openings for each node."""
        return np.bincount(self.owner, values, minlength=self.nodes)

    def exchange(self, volume: np.ndarray, surface: Surface) -> np.ndarray:
        """Move water [m3] from the surface into the openings (below zero: out of them), never more than lies there.

        Returns
        -------
        numpy.ndarray
            What each opening was given [m3].
        """
        area, width = surface.cell_size**2, surface.depth.shape[1]
        cells, at = np.unique(self.rows * width + self.columns, return_inverse=True)
        where = np.divmod(cells, width)
        before = surface.depth[where].astype(np.float64)
        up = np.bincount(at, np.maximum(-volume, 0.0), minlength=cells.size)
        down = np.bincount(at, np.maximum(volume, 0.0), minlength=cells.size)
        share = np.where(down > before * area, before * area / np.maximum(down, 1e-300), 1.0)
        surface.depth[where] = np.maximum(before + (up - down * share) / area, 0.0).astype(surface.depth.dtype)
        return np.where(volume > 0.0, volume * share[at], volume)
