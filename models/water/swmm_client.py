"""Starts SWMM in a process of its own, talks to it, and turns its complaints into sentences."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from models.layers import InputError
from models.water import swmm_process
from models.water.swmm_files import spoken_errors, working_copy

__all__ = ["SwmmClient"]


class SwmmClient:
    """A running SWMM simulation of one file.

    Parameters
    ----------
    file : pathlib.Path
        The .inp as delivered; a copy in a temporary folder is run.
    lines : list of str
        Its lines.
    options : mapping
        Options to set in place of those of the file.

    Attributes
    ----------
    description : dict
        Names, kinds, inverts, depths, routing step.
    nodes : dict of str to numpy.ndarray
        State of the coupled nodes after the last step, in SI units.
    """

    def __init__(self, file: Path, lines: list[str], *, options: Mapping[str, str]) -> None:
        if importlib.util.find_spec("swmm") is None:
            raise InputError(
                f"The sewer {file.name} needs SWMM, which is not installed: run pip install 'urban-twin[water]'."
            )
        self._file = file
        self._folder = tempfile.TemporaryDirectory(prefix="twin-sewer-")
        working_copy(lines, file, Path(self._folder.name) / "network.inp", options)
        self._coupled: list[int] = []
        self.nodes: dict[str, np.ndarray] = {}
        self._open()

    def _open(self) -> None:
        command = [sys.executable, "-P", swmm_process.__file__, self._folder.name]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._finalizer = weakref.finalize(self, _end, self._child, self._folder, os.getpid())
        self.description: dict[str, Any] = self._answer()
        self.length = float(self.description["length"])

    def _ask(self, name: str, *arguments: Any) -> Any:
        try:
            pickle.dump((name, arguments), _pipe(self._child.stdin), protocol=pickle.HIGHEST_PROTOCOL)
            _pipe(self._child.stdin).flush()
        except (BrokenPipeError, ValueError, OSError):
            raise InputError(f"SWMM has ended while running {self._file.name}: start the run again.") from None
        return self._answer()

    def _answer(self) -> Any:
        try:
            message = pickle.load(_pipe(self._child.stdout))
        except (EOFError, pickle.UnpicklingError):
            said = b"" if self._child.stderr is None else self._child.stderr.read()[-300:]
            words = " ".join(said.decode("utf-8", errors="replace").split())
            raise InputError(f"SWMM broke off while running {self._file.name} ({words or 'without a word'}).") from None
        if "value" in message:
            return message["value"]
        report = ""
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            report = pickle.load(_pipe(self._child.stdout)).get("report", "")
        words = spoken_errors(report) or str(message["error"])
        raise InputError(f"SWMM refuses {self._file.name}: {words}: correct the file at these lines.")

    def start(self, coupled: Sequence[int]) -> None:
        """Begin the simulation with some nodes coupled."""
        self._coupled = [int(node) for node in coupled]
        self.nodes = self._ask("start", self._coupled)

    def run_alone(self) -> dict[str, Any]:
        """Run the file from its start to its end without exchange, and return its books."""
        return dict(self._ask("alone"))

    def advance(self, flows: np.ndarray) -> None:
        """Advance by one routing step with a flow into each coupled node [m3/s]."""
        self.nodes = self._ask("advance", flows)

    def replay(self, flows: np.ndarray) -> None:
        """Advance by many steps at once, a row of flows each."""
        self.nodes = self._ask("replay", flows)

    def totals(self) -> dict[str, float]:
        """Return the volumes of the network so far [m3]."""
        return dict(self._ask("totals"))

    def every_node(self) -> dict[str, np.ndarray]:
        """Return head [m] and spilled volume [m3] of all nodes, coupled or not."""
        return dict(self._ask("nodes"))

    def restart(self) -> None:
        """Begin the same simulation from its start."""
        self._stop()
        self._open()
        self.start(self._coupled)

    def _stop(self) -> None:
        self._finalizer.detach()
        _finish(self._child)

    def close(self) -> None:
        """End the simulation and remove its files; closing twice is allowed."""
        self._finalizer()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _finish(child: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a child, which ends it, and wait for it."""
    with contextlib.suppress(OSError, ValueError):
        _pipe(child.stdin).close()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()


def _end(child: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str], owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked copy of the caller does not own the simulation
    _finish(child)
    folder.cleanup()
