"""Surface flow by the local inertial equations, the default solver of :func:`models.water.flood`.

Solved on square cells, depth in the cells and flow per width [m2/s] on their faces (Bates, Horritt & Fewtrell 2010;
de Almeida et al. 2012, eq. 10; |q| as a vector as in de Almeida & Bates 2013):

    q' = [theta q + (1 - theta)/2 (q_left + q_right) - g h_f dt dw/dx] / [1 + g dt n^2 |q'| / h_f^(7/3)]
    h' = h - dt/dx (sum of q' out - sum of q' in),    h_f = max(w) - max(z) of the two cells, w = z + h

Left out: advection of momentum. Gradually varied street flow comes out within 10 % of the full equations (Neal et al.
2012); dam breaks and supercritical reaches need :mod:`models.water.shallow_water`. Added: the flow out of a cell never
takes more water than it holds; where the bed rises or falls more than 0.8 m per metre (roof edges, walls) no more than
critical flow passes. The step follows the greatest depth, dt = alpha dx / sqrt(g h_max), at most 5 s.

References
----------
Bates et al. 2010, doi 10.1016/j.jhydrol.2010.03.027; de Almeida et al. 2012, doi 10.1029/2011WR011570; de Almeida &
Bates 2013, doi 10.1002/wrcr.20366; Neal et al. 2012, doi 10.1002/hyp.8339.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from models.barrier import CAN_WAIT, Barrier, together
from models.parallel import threads
from models.water.edges import FLUX, LEVEL, Cells, Faces
from models.water.inertial_step import HALO, TILE_COLUMNS, TILE_ROWS, run_block, take_over, wet_tiles

__all__ = ["InertialFlow"]

WALL = 1.0e4  # [m] bed of cells without water: higher than any water level
_STEPS = 24  # between two looks at which tiles are wet; less than the rows of a tile, so that no water runs past one
LANES = 8  # numbers in a vector register
_SMALLEST_BLOCK = 32_768  # cells worth a thread of their own


class InertialFlow:
    """Water on the ground that flows by the local inertial equations.

    Parameters
    ----------
    bed : numpy.ndarray
        Height of the ground [m], (rows, columns); NaN where no water may lie.
    manning : numpy.ndarray
        Roughness [s m^-1/3], same shape.
    cell_size : float
        [m].
    faces : Faces
        Edges of the grid and crests; levels and crests in the same zero as ``bed``.
    cells : Cells
        Cells with inflow.
    groups : int
        Number of groups of the account of ``faces``.
    dtype : {"float32", "float64"}
        Type of all arrays.
    theta : float
        Weight of a face's own flow against its neighbours, 0.8 to 1 (1: Bates et al. 2010).
    alpha : float
        Share of the stable step.
    longest_step : float
        [s].
    blocks : int, optional
        Blocks of rows, one thread each; by default as many threads as :func:`models.parallel.threads` says, fewer on
        small grids. The result does not depend on it.
    track : bool
        Skip tiles in which no water moves. The result does not depend on it.
    """

    def __init__(
        self,
        bed: np.ndarray,
        manning: np.ndarray,
        cell_size: float,
        faces: Faces,
        cells: Cells,
        *,
        groups: int = 0,
        dtype: str = "float32",
        theta: float = 0.9,
        alpha: float = 0.7,
        longest_step: float = 5.0,
        film: float = 1e-4,
        steep: float = 0.8,
        blocks: int | None = None,
        track: bool = True,
    ) -> None:
        rows, columns = bed.shape
        self.shape, self.cell_size, self.faces, self.cells, self.track = bed.shape, cell_size, faces, cells, track
        self._type = np.dtype(dtype)
        self._settings = (cell_size, alpha, theta, longest_step, film, steep)
        wide = -(-columns // LANES) * LANES  # whole vectors: the cells added in the east are walls
        self._inside = (slice(HALO, rows + HALO), slice(1, columns + 1))
        self._bed = np.full((rows + 2 * HALO, wide + 2), WALL, self._type)
        self._bed[self._inside] = np.where(np.isnan(bed), WALL, bed)
        self._manning = np.full_like(self._bed, 0.03)
        self._manning[self._inside] = np.where(np.isnan(bed), 0.03, manning)
        self._maxima = [np.zeros((rows, wide), self._type) for _ in range(3)]
        self.deepest, self.fastest, self.strongest = (one[:, :columns] for one in self._maxima)
        self._rest = np.zeros((rows, wide), self._type)
        if blocks is None:
            blocks = min(threads(), max(1, rows * columns // _SMALLEST_BLOCK))
        blocks = max(1, min(blocks, rows // HALO))
        edges = [rows * k // blocks for k in range(blocks + 1)]
        self._spans = list(pairwise(edges))
        self._h, self._qx, self._qy = (
            [np.zeros((b - a + 2 * HALO, wide + 2), self._type) for a, b in self._spans] for _ in range(3)
        )
        self._work = [np.ones((6, wide + 2), self._type) for _ in self._spans]
        for work in self._work:
            work[:3] = 0.0
        self._room = [tuple(np.zeros(wide + 2, self._type) for _ in range(5)) for _ in self._spans]
        self._cast = np.zeros((blocks, 16), self._type)
        self._mail = np.zeros((2, blocks, 2, 3, HALO, wide + 2) if blocks > 1 else (1,) * 6, self._type)
        self._most = np.zeros((2, blocks))
        self._out = np.zeros((blocks, max(groups, 1)))
        self._counts = np.zeros((blocks, 2))
        self._wide = wide
        self._tiles = (-(-rows // TILE_ROWS), -(-wide // TILE_COLUMNS))
        self.steps, self.shortest = 0, np.inf

    @property
    def outflow(self) -> np.ndarray:
        """Volume that left through the faces of each group so far [m3]; negative: came in."""
        return self._out.sum(axis=0)

    @property
    def beneath(self) -> float:
        """Water beneath the last digit of the depths, summed over the cells [m]."""
        return float(self._rest[:, : self.shape[1]].sum(dtype=np.float64))

    def flows(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the flow per width [m2/s] through the east and the south faces of all cells."""
        columns = slice(1, self.shape[1] + 1)
        east = np.concatenate([q[HALO:-HALO, columns] for q in self._qx])
        return east, np.concatenate([q[HALO:-HALO, columns] for q in self._qy])

    def parts(self) -> Iterator[tuple[int, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield first row, end, and the unit flow [m2/s] through east, west, south and north faces of these rows."""
        for (a, b), qx, qy in zip(self._spans, self._qx, self._qy, strict=True):
            own = slice(HALO, HALO + b - a)
            here, west = slice(1, self.shape[1] + 1), slice(0, self.shape[1])
            yield a, b, qx[own, here], qx[own, west], qy[own, here], qy[HALO - 1 : HALO - 1 + b - a, here]

    def _load(self, depth: np.ndarray) -> None:
        for (a, _), h in zip(self._spans, self._h, strict=True):
            take_over(depth, a, h[HALO:-HALO, 1 : self.shape[1] + 1], self._rest)
        for upper, lower in pairwise(self._h):
            lower[:HALO] = upper[-2 * HALO : -HALO]
            upper[-HALO:] = lower[HALO : 2 * HALO]

    def _runs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the runs of columns to work on in each row of tiles, and the span around them and their neighbours."""
        rows, columns = self._tiles
        wet = np.ones(self._tiles, np.bool_)
        if self.track:
            wet[:] = False
            for (a, _), h, qx, qy in zip(self._spans, self._h, self._qx, self._qy, strict=True):
                wet_tiles(a, h, qx, qy, 0.5 * self._settings[4], wet)
            wet[self.cells.rows // TILE_ROWS, self.cells.columns // TILE_COLUMNS] = True
            moving = self.faces.table[self.faces.moving]
            at = np.clip(moving[:, 1] - HALO, 0, self.shape[0] - 1), np.clip(moving[:, 2] - 1, 0, self.shape[1] - 1)
            wet[at[0] // TILE_ROWS, at[1] // TILE_COLUMNS] = True
            wide = np.pad(wet, 1)
            wet = np.zeros_like(wet)
            for i in range(3):
                for j in range(3):
                    wet |= wide[i : i + rows, j : j + columns]
        runs = np.zeros((rows, 2 + columns + columns % 2), np.int64)
        spans = np.zeros((rows, 2), np.int64)
        change = np.diff(np.pad(wet, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        for tile in range(rows):
            start, stop = np.flatnonzero(change[tile] == 1), np.flatnonzero(change[tile] == -1)
            runs[tile, 0] = start.size
            runs[tile, 1 : 1 + 2 * start.size : 2] = start * TILE_COLUMNS + 1
            runs[tile, 2 : 2 + 2 * start.size : 2] = np.minimum(stop * TILE_COLUMNS, self._wide) + 1
        for tile in range(rows):
            near = np.flatnonzero(wet[max(tile - 1, 0) : tile + 2].any(axis=0))
            if near.size:
                last = min((near[-1] + 1) * TILE_COLUMNS, self._wide)
                spans[tile] = near[0] * TILE_COLUMNS, last + 2
        return runs, spans

    def advance(self, depth: np.ndarray, start: float, stop: float) -> None:
        """Let the water flow from ``start`` to ``stop`` [s] and change ``depth`` [m] (rows, columns) in place."""
        self._load(depth)
        clock = np.array([start, stop, 0.0, float(depth.max(initial=0.0))])
        blocks = len(self._spans)
        barrier = Barrier(blocks)
        clock[2] = _STEPS if CAN_WAIT or blocks == 1 else 1
        rise = float(self.cells.rates.max(initial=0.0))
        flux = np.abs(self.faces.values[self.faces.table[:, 3] == FLUX])
        rise = max(rise, float(flux.max(initial=0.0)) / self.cell_size)
        settings = (*self._settings, rise, self._driven())
        try:
            while clock[0] < stop:
                runs, spans = self._runs()
                calls = [self._call(k, runs, spans, barrier, clock, settings) for k in range(blocks)]
                clock[0] = together(run_block, calls)[0]
                clock[3] = max(float(h[HALO:-HALO].max()) for h in self._h)
                self.steps += int(self._counts[0, 0])
                self.shortest = min(self.shortest, float(self._counts[0, 1]))
                if not CAN_WAIT and blocks > 1:
                    self._exchange()
        finally:
            barrier.close()
        for (a, b), h in zip(self._spans, self._h, strict=True):
            depth[a:b] = h[HALO:-HALO, 1 : self.shape[1] + 1]

    def _driven(self) -> float:
        """Return the greatest depth [m] that a given level at an edge would bring to a cell there."""
        at = self.faces.table[:, 3] == LEVEL
        axis, row, column, _, sign, _ = self.faces.table[at].T
        inside = self._bed[row + ((axis == 1) & (sign < 0)), column + ((axis == 0) & (sign < 0))]
        return float((self.faces.values[at] - inside).max(initial=0.0))

    def _call(self, k: int, runs: Any, spans: Any, barrier: Barrier, clock: Any, settings: Any) -> tuple[Any, ...]:
        faces, cells = self.faces, self.cells
        start, stop = self._spans[k]
        shape = (start, stop - start, *self.shape, self._bed.shape[1])
        fields = (self._bed, self._manning, self._h[k], self._qx[k], self._qy[k], self._rest, *self._maxima)
        return (
            k, len(self._spans), shape, *(one.reshape(-1) for one in fields), runs, spans, faces.table, faces.values,
            faces.first, cells.columns, cells.rates, cells.first, self._work[k].reshape(-1), self._room[k], self._mail.reshape(-1),
            self._most, barrier.handle, clock, settings, self._cast[k], self._out[k], self._counts,
        )  # fmt: skip

    def _exchange(self) -> None:
        """Hand rows to the neighbours where compiled threads cannot wait for each other."""
        for arrays in (self._h, self._qx, self._qy):
            for upper, lower in pairwise(arrays):
                lower[:HALO] = upper[-2 * HALO : -HALO]
                upper[-HALO:] = lower[HALO : 2 * HALO]

    def state(self) -> Mapping[str, np.ndarray]:
        """Return all that is needed to go on later, beside the depth."""
        edge = [q[HALO:-HALO, 0] for q in self._qx]
        east, south = self.flows()
        return {
            "east": east, "south": south, "west_edge": np.concatenate(edge), "north_edge": self._qy[0][HALO - 1].copy(),
            "deepest": self.deepest, "fastest": self.fastest, "strongest": self.strongest, "rest": self._rest.copy(),
            "outflow": self.outflow, "count": np.array([self.steps, self.shortest]),
        }  # fmt: skip

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of :meth:`state`."""
        rows = self.shape[0]
        for (a, b), qx, qy in zip(self._spans, self._qx, self._qy, strict=True):
            low, high = max(a - HALO, 0), min(b + HALO, rows)
            own = slice(low - a + HALO, high - a + HALO)
            qx[own, 1 : self.shape[1] + 1], qx[own, 0] = state["east"][low:high], state["west_edge"][low:high]
            qy[own, 1 : self.shape[1] + 1] = state["south"][low:high]
        self._qy[0][HALO - 1] = state["north_edge"]
        for name in ("deepest", "fastest", "strongest"):
            getattr(self, name)[:] = state[name]
        self._rest[:] = state["rest"]
        self._out[:] = 0.0
        self._out[0] = state["outflow"]
        self.steps, self.shortest = int(state["count"][0]), float(state["count"][1])
