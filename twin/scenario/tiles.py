"""A city too large for one machine, tile by tile: each tile with what reaches into it, so that no seam and no bit tells.

Tiles are computed in this process, in processes of this machine, or on a Dask cluster, and written to a Zarr store as
they come; a run that was cut off goes on where it was. What can be tiled is what has a finite reach (shade, sky, windows):
heat, and maps of your own (:func:`map_tiles`). A flood on the surface has none: it is run whole, with many threads, and
many storms are a sweep (:mod:`twin.scenario.sweeps`). Trees are rows of a table and are computed one by one anyway.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import xarray as xr

from twin.errors import InputError
from twin.language import text
from twin.scenario.safe_files import full_disk_said, locked
from twin.scenario.tiles_engine import Compute, Finished, compute_tiles, placed
from twin.scenario.tiles_heat import heat
from twin.scenario.tiles_layout import Layout, Part, choose_layout
from twin.scenario.tiles_store import TileStore, content_hash, require_whole_chunks
from twin.scenario.tiles_workers import connected

__all__ = [
    "Compute",
    "Finished",
    "Layout",
    "TileStore",
    "choose_layout",
    "connected",
    "heat",
    "map_tiles",
    "require_whole_chunks",
]

_INPUT, _GROUP = "site.zarr", "site"


@dataclass(frozen=True)
class _Mapped:
    """Applies a function to a tile with its halo, and cuts the halo away."""

    function: Callable[[xr.Dataset], xr.Dataset]
    folder: Path
    halo: int
    shape: tuple[int, int]

    def __call__(self, part: Part) -> xr.Dataset:
        window = [
            slice(max(p.start - self.halo, 0), min(p.stop + self.halo, n))
            for p, n in zip(part, self.shape, strict=True)
        ]
        own = [slice(p.start - w.start, p.stop - w.start) for p, w in zip(part, window, strict=True)]
        layers = xr.open_dataset(
            self.folder / _INPUT, engine="zarr", group=_GROUP, chunks=None, consolidated=False, decode_coords="all"
        )
        found = self.function(layers.isel(y=window[0], x=window[1]).load())
        return found.isel(y=own[0], x=own[1])


def map_tiles(
    function: Callable[[xr.Dataset], xr.Dataset],
    layers: xr.Dataset,
    *,
    halo: float,
    folder: str | PathLike[str],
    tile: int = 1024,
    workers: Any = None,
    progress: Callable[[int, int], Any] | None = None,
) -> xr.Dataset:
    """Apply a function of your own to a large grid, tile by tile, and return its layers.

    Parameters
    ----------
    function : callable
        Takes a Dataset on ("y", "x") and returns one on the same cells; what a cell becomes depends on nothing further
        away than ``halo``. Importable by the workers: from a module, not from a notebook.
    layers : xarray.Dataset
        Its input, on ("y", "x") with evenly spaced coordinates.
    halo : float
        How far away a cell is changed [m]. One cell more is taken, for rounding.
    folder : path
        Work folder; a run that was cut off there goes on. All workers must see it under this path.
    tile : int
        Cells a side.
    workers : None, int, concurrent.futures.Executor or dask.distributed.Client
        This process, so many processes of this machine, or whoever is given.
    progress : callable, optional
        Told the number of tiles that are done, and of all.

    Returns
    -------
    xarray.Dataset
        What the function gives for the whole, read from ``folder`` when it is used.

    Raises
    ------
    InputError
        If the folder holds another run, or the disk is full.

    Examples
    --------
    >>> from models.heat import pedestrian_wind_share
    >>> wind = map_tiles(my_module.gust, site, halo=150.0, folder="gusts", workers=2)   # doctest: +SKIP
    """
    import shutil

    from models.layers import require_metric_grid
    from twin.scenario.handouts import write_store

    if tile < 1 or halo < 0:
        raise InputError(text("tiles.sizes", tile=tile, halo=halo))
    cell = require_metric_grid(layers)
    shape = int(layers.sizes["y"]), int(layers.sizes["x"])
    cells = int(-(-halo // cell)) + 1
    some = min(max(2 * cells + 2, 8), *shape)
    template = function(layers.isel(y=slice(0, some), x=slice(0, some)).load())
    place = Path(folder).absolute()
    place.mkdir(parents=True, exist_ok=True)
    with full_disk_said(place), locked(place):
        if not (place / "tiles.json").is_file():
            shutil.rmtree(place / _INPUT, ignore_errors=True)
            write_store({_GROUP: layers}, place / _INPUT, quick=True)
        name = f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"
        fingerprint = {
            "layers": content_hash(layers),
            "halo": str(cells),
            "function": name,
            "source": _source(function),
        }
        mapped = _Mapped(function, place, cells, shape)
        store = compute_tiles(
            mapped, template, Layout(shape, tile), place, fingerprint=fingerprint, workers=workers, progress=progress
        )
    return placed(store, template, layers)


def _source(function: Callable[..., Any]) -> str:
    """Return the text of a function, as far as it can be had: a changed one does not go on with an old run."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""
