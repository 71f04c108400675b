"""A scenario run in tiles: who works, where the tiles lie meanwhile, and what is offered to a run too large for memory."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from models.memory import TooLargeError
from models.parallel import threads
from twin.errors import InputError
from twin.language import text
from twin.scenario.parts import HeatRun
from twin.scenario.tiles_heat import heat
from twin.scenario.tiles_workers import connected

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["Tiled", "tiled", "tiles_offered", "work_folder"]


@dataclass
class Tiled:
    """How the tiles of a run are computed."""

    workers: Any
    """Number of processes, or a client of a Dask cluster."""
    folder: Path
    """Work folder."""
    sky: xr.DataArray | None = None
    """Sky view factor of terrain and buildings (y, x), once heat was run where trees ask for it."""

    def heat(
        self, site: xr.Dataset, weather: xr.Dataset, asked: HeatRun, *, sky_view: bool, done: Callable[[float], None]
    ) -> xr.Dataset:
        """Return the heat of a scenario, read from the work folder when it is used.

        Parameters
        ----------
        site, weather : xarray.Dataset
            As for :func:`models.heat.simulate`.
        asked : HeatRun
            Options.
        sky_view : bool
            Whether the sky view factor of terrain and buildings is wanted too.
        done : callable
            Told the share of the tiles that are done.
        """
        found = heat(
            site, weather, folder=self.folder, workers=self.workers, sky_view=sky_view,
            progress=lambda number, total: done(number / total), **asked.model_dump(),
        )  # fmt: skip
        if sky_view:
            self.sky = found["svf_building"].load()
        return found.drop_vars("svf_building", errors="ignore")

    def handed_over(self, result: Result, output: str | PathLike[str]) -> Result:
        """Return a result that was saved with its heat read from there, and clear the work folder.

        Parameters
        ----------
        result : Result
            As it was saved.
        output : path
            Its folder.
        """
        from twin.scenario.results import Result

        saved = Result.open(output).datasets
        shutil.rmtree(self.folder, ignore_errors=True)
        return replace(
            result, datasets={**result.datasets, **{name: saved[name] for name in ("heat",) if name in saved}}
        )


def work_folder(output: str | PathLike[str]) -> Path:
    """Return where the tiles of a run lie until its result is written: beside it, hidden."""
    place = Path(output).absolute()
    return place.parent / f".{place.name}.tiles"


@contextmanager
def tiled(workers: int | None, scheduler: str | None, work: str | PathLike[str] | None) -> Iterator[Tiled | None]:
    """Give the way in which a run is tiled; None where it is run in one piece.

    Parameters
    ----------
    workers : int, optional
        Processes of this machine.
    scheduler : str, optional
        Address of a Dask scheduler.
    work : path, optional
        Work folder; by default a temporary one, which goes when Python ends.

    Raises
    ------
    InputError
        If both are given, or the scheduler does not answer.
    """
    if workers is None and scheduler is None:
        yield None
        return
    if workers is not None and scheduler is not None:
        raise InputError(text("tiles.one_of_both"))
    if workers is not None and workers < 1:
        raise InputError(text("tiles.workers", given=workers))
    with ExitStack() as stack:
        who: Any = workers if scheduler is None else stack.enter_context(connected(scheduler))
        yield Tiled(who, Path(work) if work is not None else _temporary())


def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="twin-tiles-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def tiles_offered() -> Iterator[None]:
    """Name tiles as the remedy where a run in one piece does not fit into memory."""
    try:
        yield
    except TooLargeError as error:
        raise InputError(text("tiles.remedy", reason=error, workers=threads())) from None
