"""Tiles handed to workers, written as they come, and taken up again where a run was cut off."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from twin.errors import InputError
from twin.language import text
from twin.scenario.tiles_layout import Layout, Part
from twin.scenario.tiles_store import TileStore
from twin.scenario.tiles_workers import each

__all__ = ["Finished", "compute_tiles", "placed"]

_log = logging.getLogger(__name__)

_EVERY = 30.0  # [s] between two lines about what is left

Compute = Callable[[Part], Mapping[Any, Any]]
"""What gives the layers of a tile; importable by the workers, small, and naming its inputs by path."""


@dataclass(frozen=True)
class Finished:
    """What a tile has cost."""

    number: int
    seconds: float
    processor: float
    """Time of all cores [s]."""
    memory: int
    """Most memory of the process so far [bytes]; 0 where the system does not tell."""


@dataclass(frozen=True)
class _Job:
    """Computes a tile and writes it; sent to a worker as it is."""

    folder: Path
    compute: Compute

    def __call__(self, number: int) -> Finished:
        wall, processor = time.perf_counter(), time.process_time()
        try:
            store = TileStore(self.folder)
        except OSError as error:
            raise InputError(text("tiles.unreachable", folder=self.folder, reason=error)) from None
        store.write(number, self.compute(store.layout[number]))
        return Finished(number, time.perf_counter() - wall, time.process_time() - processor, _most_memory())


def _most_memory() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def compute_tiles(
    compute: Compute,
    template: xr.Dataset,
    layout: Layout,
    folder: Path,
    *,
    fingerprint: Mapping[str, str],
    workers: Any = None,
    progress: Callable[[int, int], Any] | None = None,
    chunk: int | None = None,
    finished: list[Finished] | None = None,
) -> TileStore:
    """Compute every tile that is not done and return the store that holds all.

    Parameters
    ----------
    compute : callable
        Gives the layers of a tile (rows, columns).
    template : xarray.Dataset
        Layers as a tile returns them, of any size.
    layout : Layout
        The tiles; a run that was begun before keeps its own.
    folder : pathlib.Path
        Work folder; the caller holds its lock.
    fingerprint : mapping of str to str
        What the numbers rest on; a run with another one is not gone on with.
    workers : None, int, executor or dask.distributed.Client
        Who works.
    progress : callable, optional
        Told the number of tiles that are done, and of all.
    chunk : int, optional
        Cells a side of a chunk of the store; by default the tile.
    finished : list, optional
        Gets what each tile has cost.

    Raises
    ------
    InputError
        If the folder belongs to another run, or workers die again and again.
    """
    store = TileStore.begin(folder, template, layout, fingerprint, chunk=chunk)
    todo, total = store.unfinished(), len(store.layout)
    if len(todo) < total:
        _log.info(text("tiles.resumed", done=total - len(todo), total=total))
    tell = _Left(total, total - len(todo))
    if progress is not None:
        progress(total - len(todo), total)
    for _number, cost in each(_Job(folder, compute), todo, workers=workers):
        done = tell.one_more()
        if finished is not None:
            finished.append(cost)
        if progress is not None:
            progress(done, total)
    return store


def placed(store: TileStore, template: xr.Dataset, like: xr.Dataset) -> xr.Dataset:
    """Return the layers of a store with the place of a grid and the attributes of what a tile returns.

    Parameters
    ----------
    store : TileStore
        With all tiles done.
    template : xarray.Dataset
        What a tile returns.
    like : xarray.Dataset
        Gives ``y``, ``x`` and the CRS.
    """
    layers = store.layers()
    for name, layer in layers.items():
        layer.attrs, layer.encoding = dict(template[name].attrs), {}
    place = ("y", "x", "spatial_ref")
    coordinates = {name: value for name, value in template.coords.items() if name not in place}
    own = {name: like.coords[name] for name in place if name in like.coords}
    return xr.Dataset(layers, {**coordinates, **own}, dict(template.attrs))


class _Left:
    """Says now and then how many tiles are left and how long they take."""

    def __init__(self, total: int, done: int) -> None:
        self._total, self._before, self._done = total, done, done
        self._start = self._said = time.monotonic()

    def one_more(self) -> int:
        """Count a tile and return how many are done."""
        self._done += 1
        now = time.monotonic()
        if now - self._said >= _EVERY:
            self._said = now
            left = (now - self._start) / (self._done - self._before) * (self._total - self._done)
            _log.info(text("tiles.left", done=self._done, total=self._total, minutes=left / 60.0))
        return self._done
