"""Processes of this machine as an executor: started as a module of this package, not by importing the caller's script again.

A plain script needs no ``__main__`` guard. A process that dies (killed, out of memory) costs the task it had in hand, which
is given to a new one; the others never notice. All end with the process that started them, however that ends: their
input closes.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from models.parallel import threads

__all__ = ["Processes", "WorkerDiedError", "serve"]

_LENGTH = struct.Struct("<Q")
_TRIES = 3  # processes that may die over one task
_START = "import sys; sys.path[:] = {path!r}; from twin.processes import serve; serve()"


class WorkerDiedError(BrokenExecutor):
    """A task has cost three processes their life."""


_Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Processes(Executor):
    """Processes that share the cores; each works on one task after the other.

    Parameters
    ----------
    count : int
        How many, at least 1; each is started with its first task.

    Examples
    --------
    >>> with Processes(2) as pool:
    ...     list(pool.map(abs, [-1, 2]))
    [1, 2]
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"{count} processes are not possible: give 1 or more.")
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._lock, self._closed, self._running = threading.Lock(), False, set[_Process]()
        share = max(1, threads() // count)
        self._feeders = [threading.Thread(target=self._feed, args=(share,), daemon=True) for _ in range(count)]
        for feeder in self._feeders:
            feeder.start()

    @property
    def pids(self) -> list[int]:
        """Processes that run now."""
        return sorted(process.pid for process in self._running)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return what a function will have returned; it and its arguments must be picklable, itself importable."""
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("These processes have been shut down.")
            self._tasks.put((future, fn, args, kwargs))
        return future

    def _feed(self, share: int) -> None:
        """Hand tasks to one process after the other until there is nothing more to come."""
        process: _Process | None = None
        while (task := self._tasks.get()) is not None:
            future, *call = task
            if not future.set_running_or_notify_cancel():
                continue
            for attempt in range(1, _TRIES + 1):
                try:
                    if process is None:
                        process = self._begin(share)
                    found = process.ask(call)
                except (EOFError, OSError) as error:
                    self._end(process)
                    process = None
                    if attempt == _TRIES or self._closed:
                        future.set_exception(WorkerDiedError(f"{_TRIES} processes died over one task ({error})."))
                        break
                except Exception as error:  # what cannot be pickled
                    future.set_exception(error)
                    break
                else:
                    future.set_exception(found) if isinstance(found, BaseException) else future.set_result(found)
                    break
        self._end(process)

    def _begin(self, share: int) -> _Process:
        process = _Process(share)
        with self._lock:
            self._running.add(process)
        return process

    def _end(self, process: _Process | None) -> None:
        if process is not None:
            with self._lock:
                self._running.discard(process)
            process.stop()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: when all tasks are done, or at once with ``cancel_futures``.

        Parameters
        ----------
        wait : bool
            Whether to return only when none is left.
        cancel_futures : bool
            Whether to cancel what waits and to stop what runs.
        """
        with self._lock:
            first, self._closed = not self._closed, True
            running = list(self._running)
        if cancel_futures:
            while not self._tasks.empty():
                task = self._tasks.get()
                if task is not None:
                    task[0].cancel()
            for process in running:
                process.kill()
        if first or cancel_futures:
            for _ in self._feeders:
                self._tasks.put(None)
        if wait:
            for feeder in self._feeders:
                feeder.join()


class _Process:
    """A process that answers one task after the other."""

    def __init__(self, share: int) -> None:
        path = [str(Path(__file__).resolve().parents[1]), *sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TWIN_THREADS": str(share), "TWIN_PROGRESS": "off"},
        )
        self.pid = self._process.pid

    def ask(self, call: list[Any]) -> Any:
        """Return what the process answers; EOFError where it has died."""
        data = pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, data)
        return pickle.loads(_receive(self._process.stdout))

    def kill(self) -> None:
        """End the process in the middle of its work."""
        self._process.kill()

    def stop(self) -> None:
        """End the process, which is idle or dead."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:  # what was still to be written to a dead process
                continue
        self._process.wait()


def _send(stream: IO[bytes], data: bytes) -> None:
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError("the process ended early")
    length = _LENGTH.unpack(head)[0]
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the process ended early")
    return data


def _listen(stream: IO[bytes], tasks: SimpleQueue[bytes]) -> None:
    """Take up tasks; when nothing more can come, nobody waits for an answer either."""
    try:
        while True:
            tasks.put(_receive(stream))
    except (EOFError, OSError):
        os._exit(0)


def serve() -> None:
    """Answer tasks from standard input on standard output until it closes; the work of a process."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    tasks: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    while True:
        found: Any
        try:
            function, args, kwargs = pickle.loads(tasks.get())
            found = function(*args, **kwargs)
            data = pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            data = _as_answer(error)
        _send(answers, data)


def _as_answer(error: Exception) -> bytes:
    """Return an error as it travels; one that cannot travel keeps its words."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return data
