"""How a grid is cut into tiles: as large as the memory of the machine allows, and so that no worker waits for another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models.memory import free_memory
from twin.errors import InputError
from twin.language import text

__all__ = ["CEILING", "Layout", "choose_layout"]

CEILING = 1.5 * 1024**3
"""Memory that a worker takes at most unless told otherwise [bytes]."""

_OF_A_PROCESS = 0.4 * 1024**3  # [bytes] Python with its libraries and compiled kernels
_LEAVE = 0.8  # share of the free memory that may be taken
_SMALLEST = 64  # [cells] a side
_TRIED = 12  # layouts that are compared
_EACH = 4  # tiles a worker at least, so that a run that is killed has not much to do again ...
_LARGE = 256  # ... unless they would be smaller than this [cells] a side
_RIM = 40.0  # [cells] round a tile that are worked on as well, for the choice among layouts

Part = tuple[slice, slice]


@dataclass(frozen=True)
class Layout:
    """Tiles of one size over a grid; those of the last row and column may be smaller.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the grid.
    tile : int
        Cells a side.

    Examples
    --------
    >>> layout = Layout((250, 100), 100)
    >>> len(layout), layout[2]
    (3, (slice(200, 250, None), slice(0, 100, None)))
    """

    shape: tuple[int, int]
    tile: int

    @property
    def counts(self) -> tuple[int, int]:
        """Tiles in a column and in a row."""
        rows, columns = (-(-n // self.tile) for n in self.shape)
        return rows, columns

    def __len__(self) -> int:
        return math.prod(self.counts)

    def __getitem__(self, number: int) -> Part:
        if not 0 <= number < len(self):
            raise IndexError(number)
        place = divmod(number, self.counts[1])
        rows, columns = (
            slice(at * self.tile, min((at + 1) * self.tile, n)) for at, n in zip(place, self.shape, strict=True)
        )
        return rows, columns

    def __iter__(self) -> Iterator[Part]:
        return (self[number] for number in range(len(self)))

    def cost(self, workers: int) -> float:
        """Return how long so many workers need, in cells of one after the other."""
        rounds = -(-len(self) // workers)
        return rounds * (self.tile + 2.0 * _RIM) ** 2


def choose_layout(
    shape: tuple[int, int], needed: Callable[[Layout], float], *, workers: int = 1, ceiling: float | None = None
) -> Layout:
    """Return the layout whose tiles fit into memory and keep all workers busy.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the grid.
    needed : callable
        Memory of the largest tile of a layout [bytes].
    workers : int
        How many tiles are worked on side by side on this machine.
    ceiling : float, optional
        Most memory of a worker [bytes]; by default 1.5 GiB, or less where the machine has less to give.

    Raises
    ------
    InputError
        If even small tiles do not fit.

    Examples
    --------
    >>> choose_layout((1000, 1000), lambda layout: 500.0 * layout.tile**2, workers=2, ceiling=0.5 * 1024**3).tile
    334
    """
    free = free_memory()
    most = CEILING if ceiling is None else ceiling
    if free is not None:
        most = min(most, _LEAVE * free / workers)
    budget = most - _OF_A_PROCESS
    fitting: list[Layout] = []
    for count in range(1, max(shape) // _SMALLEST + 2):
        layout = Layout(shape, max(-(-max(shape) // count), 1))
        if layout.tile > _LARGE and len(layout) < _EACH * workers:
            continue
        if fitting or needed(layout) <= budget:
            fitting.append(layout)
        if len(fitting) == _TRIED:
            break
    if not fitting:
        raise InputError(text("tiles.no_room", workers=workers, free=most / 1024**3))
    return min(fitting, key=lambda layout: layout.cost(workers))
