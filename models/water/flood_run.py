"""One flood from start to end: sources act, water flows, results and balance are kept; restart and cancel.

Sources and flow take turns (operator splitting): every few seconds rain, losses, structures and sewers change the depth,
then the flow solver steps as finely as it needs. All exchanged volumes are counted, and a run whose balance does not
close or whose depths are no numbers ends with an error, never with a map.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.layers import InputError
from models.water import checkpoints
from models.water.boundaries import SIDES, FixedLevel, Hydrograph, Inflow, SideInflow
from models.water.edges import FLUX, LEVEL, OPEN, Cells, Faces
from models.water.exchange import Source, Surface
from models.water.observation import Flow, Observation
from models.water.structures import Links, Wall, crest_faces

__all__ = ["Cancelled", "FloodRun", "Openings"]

_LARGEST_ERROR = 1e-3
_DEEPEST = 2_000.0  # [m] no flood is that deep: the run has become unstable


class Cancelled(RuntimeError):  # noqa: N818 - a stop on request is no error
    """The run was stopped by its caller; the last checkpoint stays."""


class Openings:
    """Edges, walls and inflows of a run, in the form of the flow solvers, with their numbers of the moment."""

    def __init__(
        self, bed: np.ndarray, active: np.ndarray, zero: float, cell_size: float, x: np.ndarray, y: np.ndarray,
        boundaries: Mapping[str, Any], inflows: Sequence[Inflow], walls: Sequence[Wall],
    ) -> None:  # fmt: skip
        self._zero, self._size = zero, cell_size
        self._moving: list[tuple[int, Hydrograph, int, float]] = []  # group, series, kind, factor
        entries, values = crest_faces(walls, bed.shape, zero)
        tables, numbers = [entries], [values]
        for group, side in enumerate(SIDES):
            table, number = self._side(side, group, boundaries[side], active, x, y)
            tables.append(table)
            numbers.append(number)
        self.faces = Faces.build(bed.shape[0], np.concatenate(tables), np.concatenate(numbers))
        self._inflows = [(Hydrograph.of(one.flow), *self._cells_of(one, x, y, active)) for one in inflows]
        rows = np.concatenate([one[1] for one in self._inflows]) if inflows else np.zeros(0, np.int64)
        columns = np.concatenate([one[2] for one in self._inflows]) if inflows else np.zeros(0, np.int64)
        self.cells, self._order = Cells.build(bed.shape, rows, columns)
        self.let_in = 0.0

    def _side(
        self, side: str, group: int, kind: Any, active: np.ndarray, x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = active.shape
        axis = 0 if side in ("west", "east") else 1
        along = np.arange(rows if axis == 0 else columns)
        row = along if axis == 0 else np.full(columns, -1 if side == "north" else rows - 1)
        column = along if axis == 1 else np.full(rows, -1 if side == "west" else columns - 1)
        open_ground = {"north": active[0], "south": active[-1], "west": active[:, 0], "east": active[:, -1]}[side]
        chosen, value, sign = open_ground.copy(), 0.0, 1 if side in ("east", "south") else -1
        if kind == "closed":
            chosen[:] = False
        number = OPEN
        if isinstance(kind, FixedLevel):
            number = LEVEL
            self._moving.append((group, Hydrograph.of(kind.level), LEVEL, 1.0))
        if isinstance(kind, SideInflow):
            number = FLUX
            place = y if axis == 0 else x
            if kind.span is not None:
                low, high = sorted(kind.span)
                chosen &= (place >= low) & (place <= high)
            if not chosen.any():
                raise InputError(
                    f"The {side} inflow meets no open ground cell: check its span and the buildings there."
                )
            self._moving.append((group, Hydrograph.of(kind.flow), FLUX, -sign / (self._size * chosen.sum())))
        entries = np.array(
            [(axis, r, c, number, sign, group) for r, c in zip(row[chosen], column[chosen], strict=True)]
        )
        return entries.reshape(-1, 6), np.full(int(chosen.sum()), value)

    def _cells_of(self, one: Inflow, x: np.ndarray, y: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        px, py = np.atleast_1d(np.asarray(one.x, float)), np.atleast_1d(np.asarray(one.y, float))
        columns = np.floor((px - x[0]) / self._size + 0.5).astype(np.int64)
        rows = np.floor((y[0] - py) / self._size + 0.5).astype(np.int64)
        outside = (rows < 0) | (rows >= y.size) | (columns < 0) | (columns >= x.size)
        if outside.any():
            at = int(np.argmax(outside))
            raise InputError(
                f"{one.name}: x = {px[at]:.1f}, y = {py[at]:.1f} lies outside the grid (x {x.min():.1f} to {x.max():.1f}, "
                f"y {y.min():.1f} to {y.max():.1f}): check its coordinates and CRS."
            )
        if not active[rows, columns].all():
            at = int(np.argmin(active[rows, columns]))
            raise InputError(
                f"{one.name}: x = {px[at]:.1f}, y = {py[at]:.1f} is no open ground: move it off the building."
            )
        series = np.asarray(Hydrograph.of(one.flow).values, float)
        if (series < 0).any():
            raise InputError(f"{one.name}: its flow is negative ({series.min():g} m3/s): an inflow must be 0 or more.")
        return rows, columns

    def set(self, start: float, stop: float) -> None:
        """Put the mean levels and flows between two times."""
        for group, series, kind, factor in self._moving:
            value = series.mean(start, stop)
            self.faces.values[self.faces.table[:, 5] == group] = value - self._zero if kind == LEVEL else value * factor
        if self._inflows:
            area = self._size**2
            rates = [np.full(r.size, h.mean(start, stop) / (r.size * area)) for h, r, _ in self._inflows]
            self.cells.rates[:] = np.concatenate(rates)[self._order]
            self.let_in += float(self.cells.rates.sum()) * area * (stop - start)


class FloodRun:
    """The state of a run; :meth:`run` brings it to its end."""

    def __init__(
        self, surface: Surface, flow: Flow, openings: Openings, sources: Sequence[Source], links: Links | None,
        observation: Observation, *, duration: float, exchange_every: float, observe_every: float, series_every: float,
        fields_every: float | None,
    ) -> None:  # fmt: skip
        self.surface, self.flow, self.openings, self.observation = surface, flow, openings, observation
        self.sources: list[Source] = [*sources, *([links] if links is not None else [])]
        names = [one.name for one in self.sources]
        if len(set(names)) != len(names):
            raise InputError(f"Sources must have different names, not {', '.join(names)}: rename one.")
        self.duration, self.time = duration, 0.0
        self._periods = [min(exchange_every, one.longest_step) for one in self.sources] or [exchange_every]
        if not min(self._periods) > 0:
            raise InputError(
                f"exchange_every and the longest steps of the sources must be above 0 s, not {min(self._periods):g}."
            )
        self._marks = {"look": observe_every, "series": series_every, "field": fields_every or np.inf}
        self._seen = 0.0
        self.field_times: list[float] = []
        self.fields: list[np.ndarray] = []
        self._area = surface.cell_size**2
        self.at_start = self.stored()

    def stored(self) -> float:
        """Return the water on the ground now [m3]."""
        return (float(self.surface.depth.sum(dtype=np.float64)) + self.flow.beneath) * self._area

    def volumes(self) -> dict[str, float]:
        """Return the balance [m3]: given to the ground positive, taken from it negative; "error" is what is missing."""
        terms: dict[str, float] = {"at_start": self.at_start}
        for source in self.sources:
            for term, value in source.account().items():
                label = term if term == source.name or source.name in ("rain", "losses") else f"{source.name}_{term}"
                terms[label] = terms.get(label, 0.0) + float(value)
        terms["inflow"] = self.openings.let_in
        for side, left in zip(SIDES, self.flow.outflow, strict=True):
            if left:
                terms[f"outflow_{side}"] = -float(left)
        terms["stored"] = self.stored()
        terms["error"] = terms["stored"] - sum(value for name, value in terms.items() if name != "stored")
        return terms

    def relative_error(self) -> float:
        """Return the error of the balance as a share of all water that came in."""
        terms = self.volumes()
        came = sum(value for name, value in terms.items() if value > 0 and name not in ("stored", "error"))
        return terms["error"] / came if came > 0 else 0.0

    def _next(self) -> float:
        """Return the time of the next exchange: a whole step of a source, or the next moment something is kept."""
        steps = {*self._periods, *(v for v in self._marks.values() if np.isfinite(v))}
        ends = [(np.floor(self.time / step + 1e-9) + 1.0) * step for step in steps]
        return float(min(*ends, self.duration))

    def _whole(self, step: float) -> bool:
        return abs(self.time / step - round(self.time / step)) < 1e-9

    def _due(self, what: str) -> bool:
        return self.time >= self.duration or self._whole(self._marks[what])

    def advance(self) -> None:
        """Go on to the next exchange; each source acts at whole steps of its own, for the time up to the next one."""
        upto = self._next()
        for source, period in zip(self.sources, self._periods, strict=False):
            if self._whole(period):
                source.step(self.time, min(period, self.duration - self.time), self.surface)
        self.openings.set(self.time, upto)
        self.flow.advance(self.surface.depth, self.time, upto)
        self.time = upto
        if self._due("look") or self._due("series"):
            self.observation.look(
                self.flow, self.surface.depth, self.time, self.time - self._seen, keep=self._due("series")
            )
            self._seen = self.time
            self.check()
        if np.isfinite(self._marks["field"]) and self._due("field"):
            self.field_times.append(self.time)
            self.fields.append(np.asarray(self.surface.depth, np.float32).copy())

    def check(self) -> None:
        """Stop a run that went wrong."""
        depth = self.surface.depth
        low, high = float(depth.min()), float(depth.max())
        error = self.relative_error()
        if np.isfinite([low, high, error]).all() and low >= 0 and high < _DEEPEST and abs(error) <= _LARGEST_ERROR:
            return
        row, column = np.unravel_index(int(np.argmax(np.where(np.isfinite(depth), depth, np.inf))), depth.shape)
        raise InputError(
            f"The flood became unstable before t = {self.time:.0f} s near row {row}, column {column} (depth {low:g} to {high:g} m, "
            f"balance off by {error:.1e}): lower alpha, smooth the terrain there, or use solver='shallow_water'."
        )

    def run(
        self, *, mark: str, checkpoint: str | os.PathLike[str] | None, checkpoint_every: float, resume: bool,
        progress: Callable[[float], Any] | None, cancel: Callable[[], bool] | None,
    ) -> None:  # fmt: skip
        """Run to the end, or from a checkpoint on."""
        if resume:
            if checkpoint is None:
                raise InputError("resume=True needs the file of the checkpoint: pass checkpoint=.")
            if Path(checkpoint).exists():
                self._restore(checkpoint, mark)
        if self.time == 0.0 and not self.observation.times:
            self.observation.look(self.flow, self.surface.depth, 0.0, 0.0, keep=True)
        kept = self.time
        while self.time < self.duration:
            if cancel is not None and cancel():
                raise Cancelled(f"The flood was stopped at t = {self.time:.0f} s of {self.duration:.0f} s.")
            self.advance()
            if checkpoint is not None and (self.time - kept >= checkpoint_every or self.time >= self.duration):
                self._keep(checkpoint, mark)
                kept = self.time
            if progress is not None:
                progress(self.time / self.duration)

    def _keep(self, path: str | os.PathLike[str], mark: str) -> None:
        fields = (
            np.array(self.fields, np.float32) if self.fields else np.zeros((0, *self.surface.depth.shape), np.float32)
        )
        run = {
            "depth": self.surface.depth, "fields": fields, "field_times": np.array(self.field_times),
            "sums": np.array([self._seen, self.openings.let_in, self.at_start]),
        }  # fmt: skip
        groups = {"run": run, "flow": dict(self.flow.state()), "seen": self.observation.state()}
        groups |= {f"source_{source.name}": dict(source.state()) for source in self.sources}
        checkpoints.write(path, mark, self.time, groups)

    def _restore(self, path: str | os.PathLike[str], mark: str) -> None:
        self.time, groups = checkpoints.read(path, mark)
        run = groups["run"]
        self.surface.depth[:] = run["depth"]
        self.fields = list(run["fields"])
        self.field_times = [float(v) for v in run["field_times"]]
        self._seen, self.openings.let_in, self.at_start = (float(v) for v in run["sums"])
        self.flow.restore(groups["flow"])
        self.observation.restore(groups["seen"])
        for source in self.sources:
            source.restore(groups.get(f"source_{source.name}", {}))
