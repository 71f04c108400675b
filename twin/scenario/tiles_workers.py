"""Who works: this process, processes of this machine, a Dask cluster, or any executor of ``concurrent.futures``."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from typing import Any

from twin.errors import InputError
from twin.language import text
from twin.processes import Processes

__all__ = ["beside", "connected", "each", "in_order"]

_TRIES = 3  # times that a cluster gives out a task whose worker died


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Give a client of a Dask scheduler.

    Parameters
    ----------
    address : str
        Such as "tcp://10.0.0.5:8786".

    Raises
    ------
    InputError
        If Dask is not installed, or no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError(text("tiles.no_dask")) from None
    try:
        client = Client(address, timeout=20)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(text("tiles.no_scheduler", address=address, reason=error)) from None
    try:
        yield client
    finally:
        client.close()


def beside(workers: Any) -> int:
    """Return how many tasks run side by side, as far as the workers tell (1 where they do not)."""
    if workers is None or isinstance(workers, int):
        return max(1, workers or 1)
    if hasattr(workers, "nthreads"):
        return max(1, sum(workers.nthreads().values()))
    return max(1, int(getattr(workers, "_max_workers", 1)))


@contextmanager
def _executor(workers: Any) -> Iterator[Executor]:
    """Give the executor behind what was named as workers; processes of ours end with the block."""
    if isinstance(workers, int) and not isinstance(workers, bool):
        if workers < 1:
            raise InputError(text("tiles.workers", given=workers))
        pool = Processes(workers)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
    elif isinstance(workers, Executor):
        yield workers
    elif hasattr(workers, "get_executor"):  # dask.distributed.Client
        yield workers.get_executor(retries=_TRIES, pure=False)
    else:
        raise InputError(text("tiles.no_executor", given=type(workers).__name__))


def each(function: Callable[[Any], Any], items: Iterable[Any], *, workers: Any = None) -> Iterator[tuple[Any, Any]]:
    """Yield each item with ``function(item)``, in the order in which they are finished.

    Parameters
    ----------
    function : callable
        Importable by the workers, with what it is bound to.
    items : iterable
        What it is called with.
    workers : None, int, executor or dask.distributed.Client
        This process, so many processes of this machine, or whoever is given.

    Raises
    ------
    InputError
        If workers die again and again. What ``function`` raises is raised here, and ends the work.
    """
    todo = list(items)
    yield from in_order(function, todo, range(len(todo)), workers=workers)


def in_order(
    function: Callable[[Any], Any], items: Sequence[Any], groups: Iterable[Hashable], *, workers: Any = None
) -> Iterator[tuple[Any, Any]]:
    """As :func:`each`, but the first item of each group is finished before its others begin.

    Parameters
    ----------
    function, items, workers
        As for :func:`each`.
    groups : iterable
        Group of each item.
    """
    if workers is None:
        for item in items:
            yield item, function(item)
        return
    behind: dict[Hashable, list[Any]] = {}
    first: list[tuple[Hashable, Any]] = []
    for item, group in zip(items, groups, strict=True):
        if group in behind:
            behind[group].append(item)
        else:
            behind[group] = []
            first.append((group, item))
    with _executor(workers) as executor:
        waiting: dict[Future[Any], tuple[Hashable, Any]] = {executor.submit(function, one[1]): one for one in first}
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    group, item = waiting.pop(future)
                    found = future.result()
                    waiting |= {executor.submit(function, other): (group, other) for other in behind.pop(group, [])}
                    yield item, found
        except BrokenExecutor:
            raise InputError(text("tiles.workers_die", tries=_TRIES)) from None
        finally:
            for future in waiting:
                future.cancel()
