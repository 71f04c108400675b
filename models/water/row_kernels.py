"""Compiled loops over rows of cells that become vector instructions.

The loops of the flow solvers read from a dozen rows and write to another one. A compiler must fear that the written
row overlaps a read one and then works cell by cell, four to five times slower. :func:`row_kernel` promises that no
written row overlaps another argument; the caller keeps the promise by handing over different rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numba.core.compiler import CompilerBase, DefaultPassBuilder

__all__ = ["cell_function", "place", "row_kernel", "row_loop"]

# Counting references to every slice of an array would cost as much as a short row; nothing is allocated here.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


class _Apart(CompilerBase):
    """The usual compiler, told that array arguments do not overlap."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.noalias = True
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


def row_kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop over rows whose arguments do not overlap."""
    return njit(**_OPTIONS, fastmath=True, pipeline_class=_Apart)(function)


def cell_function(function: Callable[..., Any]) -> Any:
    """Compile what a row kernel does in one cell; it becomes part of the loop, since a call would keep it cell by cell."""
    return njit(**_OPTIONS, fastmath=True, forceinline=True)(function)


def row_loop(function: Callable[..., Any]) -> Any:
    """Compile what goes from row to row and calls row kernels; it must not make arrays."""
    return njit(**_OPTIONS)(function)


@cell_function
def place(start: int, j: int) -> Any:
    """Return ``start + j`` as an index that counts from the front only: a check for negative ones costs the vectors."""
    return np.uintp(start + j)
