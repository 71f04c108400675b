"""Whether a run fits into memory, asked before it starts: better one sentence now than a killed process in an hour."""

from __future__ import annotations

import os
from pathlib import Path

from models.layers import InputError

__all__ = ["TooLargeError", "free_memory", "require_memory"]

_GIB = 1024.0**3


class TooLargeError(InputError):
    """A run does not fit into memory."""


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


def _of_the_system() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _of_the_container(folder: str = "/sys/fs/cgroup") -> int | None:
    """Return what the limit of the container leaves; files in memory count as free."""
    limit, used = _number(f"{folder}/memory.max"), _number(f"{folder}/memory.current")
    if limit is None or used is None:
        return None
    files = 0
    try:
        lines = Path(f"{folder}/memory.stat").read_text(encoding="ascii").splitlines()
        files = sum(int(line.split()[1]) for line in lines if line.startswith(("active_file ", "inactive_file ")))
    except (OSError, ValueError, IndexError):
        pass
    return max(limit - used + files, 0)


def free_memory() -> int | None:
    """Return the memory that a run may still take [bytes]; None where the system does not tell.

    Examples
    --------
    >>> free = free_memory()
    >>> free is None or free > 0
    True
    """
    known = [free for free in (_of_the_system(), _of_the_container()) if free is not None]
    return min(known) if known else None


def require_memory(needed: float, what: str, remedy: str) -> None:
    """Raise if a run needs more memory than is free.

    Parameters
    ----------
    needed : float
        Memory of the run [bytes].
    what : str
        What needs it, the beginning of the sentence.
    remedy : str
        What helps, the end of the sentence.

    Raises
    ------
    TooLargeError
        If it does not fit.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise TooLargeError(
            f"{what} needs about {needed / _GIB:.1f} GiB, but {free / _GIB:.1f} GiB are free: {remedy}."
        )
