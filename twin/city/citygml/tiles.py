"""Files of a model one after the other, or side by side in processes of their own; the result is the same.

Worker processes are started as a module of this package, not by importing the caller's script again, so that a plain
script without a ``__main__`` guard may read a whole city. Where a Dask client is open its workers read instead.
"""

from __future__ import annotations

import gc
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import pyproj

from models.parallel import threads
from twin.city.citygml.assembly import columns_of
from twin.city.citygml.columns import FileColumns
from twin.city.citygml.events import NotCityGMLError, parse
from twin.city.citygml.files import GmlFile
from twin.city.citygml.names import Kind, classify
from twin.city.citygml.parsed import Parsed
from twin.city.citygml.relief_files import ReliefFile, relief_files
from twin.city.gaps import GapLog
from twin.errors import TextError

__all__ = ["Answer", "Task", "answer", "answers", "serve"]

_COMPILED_PAYS = 8 << 20  # bytes from which loading the compiled scanner costs less than it saves
_COMPILING_PAYS = 25  # times as many, where it was never compiled on this machine
_PROCESSES_PAY = 400 << 20  # bytes from which starting processes costs less than they save
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Task:
    """One file to read, and how."""

    file: GmlFile
    alone: bool  # no other file is read
    lod: str | None
    crs: pyproj.CRS | None
    compiled: bool  # by the compiled scanner, where it can


@dataclass(frozen=True)
class Answer:
    """What a file holds (None where it is no CityGML and may be passed over), and its gap rows."""

    columns: FileColumns | None
    log: GapLog
    reliefs: tuple[ReliefFile, ...] = ()  # terrain that lies in files of its own


def answer(task: Task) -> Answer:
    """Read one file.

    Raises
    ------
    InputError
        If it is damaged, or no CityGML and was named by the caller.
    """
    log = GapLog()
    with _no_collection():
        try:
            parsed = _parsed(task)
        except NotCityGMLError:
            if not task.file.searched or task.alone:
                raise
            log.add("gml_file_skipped", layer="buildings", severity="warning", count=1, source=task.file.name)
            return Answer(None, log)
        columns = columns_of(parsed, task.file.name, log, lod=task.lod, crs=task.crs)
        return Answer(columns, log, relief_files(parsed, task.file, columns.decision, task.lod))


def _parsed(task: Task) -> Parsed:
    file = task.file
    parsed = None
    if task.compiled:
        from twin.city.citygml.scanning import scan_document

        parsed = scan_document(file.pieces(), file.name)
    if parsed is None:
        parsed = parse(file.pieces(), file.name)
    if classify(parsed.root) != Kind.ROOT and not parsed.object_ids:
        raise NotCityGMLError("gml_without_objects", file=file.name)
    return parsed


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the search for circular references: nothing made here has any, and looking takes a tenth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def answers(
    files: Sequence[GmlFile], lod: str | None, crs: pyproj.CRS | None, *, workers: int | None = None
) -> Iterator[Answer]:
    """Yield what each file holds, in order.

    Parameters
    ----------
    files : sequence of GmlFile
        Files to read.
    lod, crs
        As of :func:`twin.city.citygml.read_citygml`.
    workers : int, optional
        Processes to use; by default one for each core the models may use where that pays, else none.
    """
    total = sum(file.size for file in files)
    compiled = total >= _COMPILED_PAYS * (1 if _compiled_before() else _COMPILING_PAYS)
    tasks = [Task(file, len(files) == 1, lod, crs, compiled) for file in files]
    client = _dask_client()
    if client is not None and len(tasks) > 1:
        yield from client.gather(client.map(answer, tasks, pure=False))
        return
    if workers is None:
        workers = min(threads(), len(tasks)) if total >= _PROCESSES_PAY else 1
    yield from _in_processes(tasks, workers) if workers > 1 else map(answer, tasks)


def _compiled_before() -> bool:
    """Tell whether the scanner's machine code lies where numba keeps it; asking numba itself would load it."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    places = (
        Path(folder).rglob("scan.scan-*.nbi") if folder else Path(__file__).parent.glob("__pycache__/scan.scan-*.nbi")
    )
    return any(places)


def _dask_client() -> Any:
    """Return the Dask client the caller has opened, if any."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


# --------------------------------------------------------------------------------------------------------- processes


def _in_processes(tasks: Sequence[Task], workers: int) -> Iterator[Answer]:
    """Yield answers in order; each thread of the pool feeds one process after the other of those that are free."""
    running = [_Worker() for _ in range(workers)]
    free: SimpleQueue[_Worker] = SimpleQueue()
    for worker in running:
        free.put(worker)

    def ask(task: Task) -> Answer:
        worker = free.get()
        try:
            return worker.ask(task)
        finally:
            free.put(worker)

    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[Answer]] = [pool.submit(ask, task) for task in tasks]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
            for worker in running:
                worker.stop()


class _Worker:
    """A process that answers one task after the other."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[3])
        start = f"import sys; sys.path.insert(0, {root!r}); from twin.city.citygml.tiles import serve; serve()"
        command = [sys.executable, "-c", start]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, task: Task) -> Answer:
        """Return what the process answers; raises what it raised."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _send(self._process.stdin, task)
            found = _receive(self._process.stdout)
        except (EOFError, OSError):
            raise TextError("reader_ended", file=task.file.name) from None
        if isinstance(found, BaseException):
            raise found
        return found

    def stop(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.terminate()
        self._process.wait()


def _send(stream: IO[bytes], thing: object) -> None:
    data = pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(stream.read(_LENGTH.unpack(head)[0]))


def serve() -> None:
    """Answer tasks from standard input on standard output until it closes; the work of a process."""
    stream, sys.stdout = sys.stdout.buffer, sys.stderr
    while True:
        try:
            task = _receive(sys.stdin.buffer)
        except EOFError:
            return
        found: Answer | Exception
        try:
            found = answer(task)
        except Exception as error:
            found = error
        _send(stream, found)
