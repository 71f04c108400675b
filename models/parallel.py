"""Threads for compiled kernels: blocks of rows, run by plain Python threads while the kernel holds no lock.

Kernels are compiled with ``nogil=True`` and take ``(start, stop, ...)``; :func:`in_blocks` calls them side by side.
Such threads sleep when idle and may be used by two callers at once, which numba's own thread pools do not promise
(its default layer spins, and stops the process when two threads enter it together).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

__all__ = ["in_blocks", "over", "set_threads", "threads"]

_lock = threading.Lock()
_count: int | None = None
_pool: ThreadPoolExecutor | None = None


def threads() -> int:
    """Return how many threads the models use: :func:`set_threads`, else ``TWIN_THREADS``, else all cores allowed."""
    if _count is not None:
        return _count
    asked = os.environ.get("TWIN_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def set_threads(count: int | None) -> None:
    """Set how many threads the models use; None returns to the default.

    Parameters
    ----------
    count : int or None
        At least 1.

    Examples
    --------
    >>> set_threads(2); threads()
    2
    >>> set_threads(None)
    """
    global _count, _pool
    if count is not None and count < 1:
        raise ValueError(f"The thread count must be at least 1, not {count}.")
    with _lock:
        _count = count
        if _pool is not None:
            _pool.shutdown(wait=False)
            _pool = None


def _threads_of_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max_workers=threads(), thread_name_prefix="models")
        return _pool


def over(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Return ``[function(item) for item in items]``, computed by several threads, in order."""
    tasks = list(items)
    if threads() == 1 or len(tasks) < 2:
        return [function(item) for item in tasks]
    return list(_threads_of_pool().map(function, tasks))


def in_blocks(kernel: Callable[..., Any], length: int, *args: Any, least: int = 64) -> list[Any]:
    """Call ``kernel(start, stop, *args)`` over ``range(length)`` cut into one block a thread.

    Parameters
    ----------
    kernel : callable
        Compiled with ``nogil=True``; blocks must not write to the same places.
    length : int
        Number of rows (or items) in all.
    *args
        Handed on to the kernel.
    least : int
        Smallest block worth a thread of its own.

    Returns
    -------
    list
        What the kernel returned for each block, in order.
    """
    count = max(1, min(threads(), length // max(1, least)))
    edges = [length * i // count for i in range(count + 1)]
    blocks = list(pairwise(edges))
    return over(lambda block: kernel(block[0], block[1], *args), blocks)
