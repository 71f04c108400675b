"""Progress bars for work that takes more than two seconds, on a terminal and in notebooks; silent elsewhere.

``TWIN_PROGRESS=off`` silences them everywhere: worker processes share the terminal of the one that tells for all.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["track"]

Done = Callable[[float], None]

_bars: Progress | None = None


@contextmanager
def _on_terminal(label: str, total: float | None) -> Iterator[Done]:
    """Draw a bar of its own, or one more line under the bars that already run."""
    global _bars
    if _bars is not None:
        task = _bars.add_task(label, total=total)
        try:
            yield lambda steps: _bars.update(task, completed=steps) if _bars is not None else None
        finally:
            _bars.remove_task(task)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bars:
        _bars = bars
        task = bars.add_task(label, total=total)
        try:
            yield lambda steps: bars.update(task, completed=steps)
        finally:
            _bars = None


@contextmanager
def _in_notebook(label: str, total: float | None) -> Iterator[Done]:
    """Draw a line of HTML that is rewritten in place and cleared at the end; it needs no widget extension."""
    from IPython.display import HTML, display

    start = shown = time.monotonic()

    def line(steps: float) -> Any:
        share = f'<progress value="{steps / total:.3f}" max="1"></progress> {steps / total:.0%}' if total else "…"
        return HTML(f"<small>{escape(label)} {share} {time.monotonic() - start:.0f} s</small>")

    handle = display(line(0.0), display_id=True)

    def done(steps: float) -> None:
        nonlocal shown
        if time.monotonic() - shown > 0.25:
            shown = time.monotonic()
            handle.update(line(steps))

    try:
        yield done
    finally:
        handle.update(HTML(""))


def _kernel_runs() -> bool:
    """Tell whether this is a notebook's kernel; that its library is loaded is not enough (a program may drive notebooks)."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    shell: Any = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    return getattr(shell, "kernel", None) is not None


@contextmanager
def track(label: str, total: float | None = None) -> Iterator[Done]:
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
    if os.environ.get("TWIN_PROGRESS") == "off":
        yield lambda _steps: None
    elif _kernel_runs():
        with _in_notebook(label, total) as done:
            yield done
    elif sys.stderr.isatty():
        with _on_terminal(label, total) as done:
            yield done
    else:
        yield lambda _steps: None
