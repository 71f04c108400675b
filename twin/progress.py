"""Progress bars for work that takes more than two seconds, on a terminal and in notebooks; silent elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["track"]


def _watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@contextmanager
def track(label: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """Show a progress bar while the block runs.

    Parameters
    ----------
    label : str
        What is being done.
    total : float, optional
        Steps in all; without it the bar only shows that work goes on.

    Yields
    ------
    callable
        ``done(n)`` sets how many steps are finished.

    Examples
    --------
    >>> with track("Counting", total=3) as done:
    ...     for i in range(3):
    ...         done(i + 1)
    """
    if not _watched():
        yield lambda _steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    clock = (TimeElapsedColumn(), TextColumn("/"), TimeRemainingColumn())
    with Progress(*columns, *clock, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(label, total=total)
        yield lambda steps: bars.update(task, completed=steps)
