"""Heat stress of a city in tiles: the numbers of one run over all of it, to the last bit."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from twin.scenario.handouts import write_store
from twin.scenario.safe_files import full_disk_said, locked
from twin.scenario.tiles_engine import Finished, compute_tiles, placed
from twin.scenario.tiles_layout import Layout, Part, choose_layout
from twin.scenario.tiles_store import content_hash
from twin.scenario.tiles_workers import beside

if TYPE_CHECKING:
    from models.heat.skyline import Skyline

__all__ = ["heat"]

_SITE, _SKYLINE, _SHARE = "site.zarr", "skyline.npz", "wind_share"
_LAYERS = (
    "terrain_height", "surface_height", "canopy_height", "trunk_height", "building_id", "land_cover",
    "albedo", "emissivity", "soil_moisture", "imperviousness", _SHARE,
)  # fmt: skip
_PACKAGES = ("urban-twin", "numpy", "numba", "pvlib")


@dataclass(frozen=True, eq=False)
class _HeatTile:
    """Computes the heat of a tile from the site in the work folder."""

    folder: Path
    weather: xr.Dataset
    lowest: float
    options: dict[str, Any]

    @cached_property
    def _skyline(self) -> Skyline:
        return _read_skyline(self.folder / _SKYLINE)

    def __call__(self, part: Part) -> xr.Dataset:
        from models.heat.parts import part_rim, simulate_part

        rim = part_rim(self._skyline.cell, self.options.get("air", "station"))
        window = self._skyline.window(part, self.lowest, rim)
        site = _open_site(self.folder).isel(y=window[0], x=window[1]).load()
        rows, columns = (slice(p.start - w.start, p.stop - w.start) for p, w in zip(part, window, strict=True))
        share = site[_SHARE].values if _SHARE in site else None
        return simulate_part(site, self.weather, (rows, columns), wind_share=share, **self.options)


def _open_site(folder: Path) -> xr.Dataset:
    options: dict[str, Any] = {"group": "site", "chunks": None, "consolidated": False, "zarr_format": 3}
    return xr.open_zarr(folder / _SITE, **options)


def _write_skyline(tall: Skyline, file: Path) -> None:
    part = file.with_name(f".{file.name}")
    with part.open("wb") as stream:
        np.savez(stream, shape=tall.shape, cell=tall.cell, highest=tall.highest, lowest=tall.lowest)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)


def _read_skyline(file: Path) -> Skyline:
    from models.heat.skyline import Skyline

    with np.load(file) as kept:
        rows, columns = (int(n) for n in kept["shape"])
        return Skyline((rows, columns), float(kept["cell"]), kept["highest"], kept["lowest"])


def _fingerprint(site: xr.Dataset, weather: xr.Dataset, options: dict[str, Any]) -> dict[str, str]:
    return {
        "site": content_hash(site),
        "weather": content_hash(weather),
        "options": json.dumps(options, sort_keys=True, default=list),
        "versions": ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES),
    }


def _layout(tall: Skyline, lowest: float, air: str, maps: int, workers: Any, ceiling: float | None) -> Layout:
    """Return tiles that fit into memory; workers elsewhere are taken to have what this machine has."""
    from models.heat.parts import part_bytes, part_rim

    rim, shape = part_rim(tall.cell, air), tall.shape

    def needed(layout: Layout) -> float:
        largest = 0.0
        for part in layout:
            sizes = [span.stop - span.start for span in part]
            window = [span.stop - span.start for span in tall.window(part, lowest, rim)]
            largest = max(largest, part_bytes((sizes[0], sizes[1]), (window[0], window[1]), rim, maps))
        return largest

    return choose_layout(shape, needed, workers=beside(workers), ceiling=ceiling)


def heat(
    site: xr.Dataset,
    weather: xr.Dataset,
    *,
    folder: str | PathLike[str],
    workers: Any = None,
    tile: int | None = None,
    ceiling: float | None = None,
    outputs: Iterable[str] = ("tmrt", "utci"),
    sky_view: bool = False,
    progress: Callable[[int, int], Any] | None = None,
    finished: list[Finished] | None = None,
    **options: Any,
) -> xr.Dataset:
    """Return how hot it is for a person at every place and hour, computed in tiles: bit for bit as in one piece.

    Parameters
    ----------
    site, weather : xarray.Dataset
        As for :func:`models.heat.simulate`.
    folder : path
        Work folder; a run that was cut off there goes on. All workers must see it under this path.
    workers : None, int, concurrent.futures.Executor or dask.distributed.Client
        This process with its threads, so many processes of this machine, or whoever is given.
    tile : int, optional
        Cells a side; by default the largest that fits into memory and keeps all workers busy.
    ceiling : float, optional
        Most memory of a worker [bytes]; by default 1.5 GiB, or less where the machine has less.
    outputs : iterable of str
        As for :func:`models.heat.simulate`.
    sky_view : bool
        Whether to return the sky view factor of terrain and buildings too, ``svf_building`` (y, x).
    progress : callable, optional
        Told the number of tiles that are done, and of all.
    finished : list, optional
        Gets what each tile has cost.
    **options
        All other options of :func:`models.heat.simulate` but ``geometry``.

    Returns
    -------
    xarray.Dataset
        As from :func:`models.heat.simulate`; layers are read from ``folder`` when they are used.

    Raises
    ------
    InputError
        As :func:`models.heat.simulate`; if the folder holds another run, or the disk is full.

    Examples
    --------
    >>> day = heat(site, weather, folder="work", workers=2)                 # doctest: +SKIP
    >>> day.utci.isel(time=14).plot()                                       # doctest: +SKIP
    """
    from models.heat import pedestrian_wind_share
    from models.heat.parts import lowest_ray, simulate_part
    from models.heat.skyline import skyline

    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    asked: dict[str, Any] = {"outputs": names, "sky_view": sky_view, **options}
    tall, lowest = skyline(site), lowest_ray(site, weather, **options)
    used = site[[name for name in _LAYERS if name in site]]
    if options.get("wind") == "local":
        used = used.assign({_SHARE: pedestrian_wind_share(site)})
    corner = (slice(0, min(4, tall.shape[0])), slice(0, min(4, tall.shape[1])))
    share = np.ones((4, 4), np.float32) if options.get("wind") == "local" else None
    template = simulate_part(site.isel(y=corner[0], x=corner[1]), weather, corner, wind_share=share, **asked)
    maps = len(names) * int(weather.sizes["time"])
    place = Path(folder).absolute()
    place.mkdir(parents=True, exist_ok=True)
    with full_disk_said(place), locked(place):
        fingerprint = _fingerprint(used, weather, asked)
        layout = (
            Layout(tall.shape, tile)
            if tile
            else _layout(tall, lowest, options.get("air", "station"), maps, workers, ceiling)
        )
        if not (place / "tiles.json").is_file():
            shutil.rmtree(place / _SITE, ignore_errors=True)
            write_store({"site": used}, place / _SITE, quick=True)
            _write_skyline(tall, place / _SKYLINE)
        store = compute_tiles(
            _HeatTile(place, weather, lowest, asked), template, layout, place, fingerprint=fingerprint, workers=workers,
            progress=progress, finished=finished,
        )  # fmt: skip
    return placed(store, template, site)
