"""Threads of a compiled kernel that wait for each other inside the kernel, asleep and without the interpreter.

A flow solver needs all blocks of rows to finish a step before any starts the next one; a step takes well under a
millisecond. Going back to Python for that costs more than it saves. The C library's own barrier does it: waiting
threads sleep. Where there is none (Windows, macOS), :func:`barrier` gives one that does not wait, and
:data:`CAN_WAIT` is False: callers then return to Python after each step.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["CAN_WAIT", "Barrier", "together", "wait"]


def _library() -> Any:
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "pthread_barrier_wait") else None
    except OSError:
        return None


_LIBRARY = _library()

CAN_WAIT = _LIBRARY is not None
"""Whether compiled threads can wait for each other on this system."""


class Barrier:
    """A meeting point of ``parties`` threads; hand :attr:`handle` to the kernel, which calls :func:`wait` on it."""

    def __init__(self, parties: int) -> None:
        self._memory = np.zeros(16, np.uint64)
        self.handle = np.zeros(2, np.uint64)
        self._open = False
        if _LIBRARY is not None and parties > 1:
            if _LIBRARY.pthread_barrier_init(ctypes.c_void_p(self._memory.ctypes.data), None, ctypes.c_uint(parties)):
                raise OSError(f"The system gave no barrier for {parties} threads.")
            self._open = True
            address = ctypes.cast(_LIBRARY.pthread_barrier_wait, ctypes.c_void_p).value or 0
            self.handle[:] = address, self._memory.ctypes.data

    def close(self) -> None:
        """Give the barrier back to the system; no thread may wait at it."""
        if self._open and _LIBRARY is not None:
            _LIBRARY.pthread_barrier_destroy(ctypes.c_void_p(self._memory.ctypes.data))
            self._open = False


def _wait(typing_context: Any, function: Any, memory: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        word = ir.IntType(64)
        callee = ir.FunctionType(ir.IntType(32), [word])
        with builder.if_then(builder.icmp_unsigned("!=", args[0], ir.Constant(word, 0))):
            builder.call(builder.inttoptr(args[0], callee.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.none(types.uint64, types.uint64), generate


wait: Any = intrinsic(_wait)
"""Wait inside a kernel until all parties are here: ``wait(handle[0], handle[1])``; no wait if the handle is 0."""


def together(kernel: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run ``kernel(*call)`` of each call at the same time, each in a thread of its own, and return what they return.

    Unlike :func:`models.parallel.over` every call has its thread at once, so that they may wait for each other.
    """
    results: list[Any] = [None] * len(calls)
    faults: list[BaseException] = []

    def work(index: int) -> None:
        try:
            results[index] = kernel(*calls[index])
        except BaseException as fault:  # handed on below
            faults.append(fault)

    helpers = [threading.Thread(target=work, args=(k,), name=f"block-{k}") for k in range(1, len(calls))]
    for helper in helpers:
        helper.start()
    work(0)
    for helper in helpers:
        helper.join()
    if faults:
        raise faults[0]
    return results
