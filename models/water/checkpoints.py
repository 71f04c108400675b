"""A run of a flood kept on disk while it goes on, so that it can be taken up again to the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError

__all__ = ["fingerprint", "read", "write"]


_MARKS: WeakKeyDictionary[Any, str] = WeakKeyDictionary()  # of objects that change while they run, before they did


def fingerprint(**parts: Any) -> str:
    """Return a short hash of each named input or setting, by which a checkpoint knows its run.

    Arrays, tables, mappings and objects count by what is in them, files by their bytes. An object that a run changes
    counts as it was when first asked for, so that it may be handed over again to take the run up.

    Examples
    --------
    >>> fingerprint(depth=[0.1, 0.2]) == fingerprint(depth=[0.1, 0.2]), fingerprint(a=1) == fingerprint(a=1.5)
    (True, False)
    """
    return json.dumps({name: _hashed(part) for name, part in parts.items()})


def _hashed(part: Any) -> str:
    digest = hashlib.sha256()
    _feed(part, digest, set())
    return digest.hexdigest()[:16]


def _feed(part: Any, digest: Any, above: set[int]) -> None:
    """Put what a part holds into a hash; ``above`` are the objects it lies in."""
    digest.update(f"|{type(part).__qualname__}:".encode())
    if part is None or isinstance(part, str | bytes | bool | int | float | complex | np.generic):
        digest.update(repr(part).encode())
        return
    if isinstance(part, np.ndarray) and not part.dtype.hasobject:
        digest.update(f"{part.dtype.str}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        return
    if isinstance(part, Path):
        digest.update(part.read_bytes() if part.is_file() else str(part).encode())
        return
    if id(part) in above:
        return
    changes = hasattr(part, "restore") and type(part).__hash__ is not None
    own = hashlib.sha256() if changes else digest
    if not changes or part not in _MARKS:
        for inner in _inside(part):
            _feed(inner, own, above | {id(part)})
    if changes:
        digest.update(_MARKS.setdefault(part, own.hexdigest()).encode())


def _inside(part: Any) -> Iterable[Any]:
    """Return what an object holds, in an order that does not depend on the process."""
    if isinstance(part, Mapping):
        return [value for pair in part.items() for value in pair]
    if isinstance(part, set | frozenset):
        return sorted(part, key=repr)
    if isinstance(part, list | tuple):
        return part
    if isinstance(part, np.ndarray):
        return list(part.ravel().tolist())
    if isinstance(part, xr.DataArray):
        return [part.dims, part.values, {str(name): values.values for name, values in part.coords.items()}, part.attrs]
    if isinstance(part, xr.Dataset):
        return [{str(name): values for name, values in part.variables.items()}]
    if isinstance(part, xr.Variable):
        return [part.dims, part.values]
    if isinstance(part, pd.DataFrame):
        return [list(part.columns), *(part[name].tolist() for name in part.columns)]
    module = type(part).__module__.partition(".")[0]
    if callable(part) or module in sys.stdlib_module_names or not hasattr(part, "__dict__"):
        return [getattr(part, "__qualname__", "")]  # a process, a lock, a function: nothing that a run is made of
    return [value for pair in sorted(vars(part).items()) for value in pair]


def write(path: str | os.PathLike[str], mark: str, time: float, groups: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Write a checkpoint; the file of before stays until the new one is whole."""
    target = Path(path)
    arrays: dict[str, Any] = {
        f"{group}/{name}": values for group, state in groups.items() for name, values in state.items()
    }
    partial = target.with_name(target.name + ".part")
    with partial.open("wb") as file:
        np.savez(file, **({"mark": np.array(mark), "time": np.array(time)} | arrays))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)


def read(path: str | os.PathLike[str], mark: str) -> tuple[float, dict[str, dict[str, np.ndarray]]]:
    """Return time and states of a checkpoint.

    Raises
    ------
    InputError
        If the file is no checkpoint, or one of a run with other inputs or settings.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            _same_run(path, str(kept["mark"]), mark)
            groups: dict[str, dict[str, np.ndarray]] = {}
            for key in kept.files:
                group, _, name = key.partition("/")
                if name:
                    groups.setdefault(group, {})[name] = kept[key]
            return float(kept["time"]), groups
    except (OSError, KeyError, EOFError, ValueError) as fault:
        if isinstance(fault, InputError):
            raise
        raise InputError(f"{path} is not a checkpoint of a flood ({fault}): start without resume.") from fault


def _same_run(path: str | os.PathLike[str], kept: str, asked: str) -> None:
    before, now = json.loads(kept), json.loads(asked)
    changed = [name for name in now if before.get(name) != now[name]] + [name for name in before if name not in now]
    if changed:
        raise InputError(
            f"{path} is the checkpoint of a run with other inputs or settings ({', '.join(changed)} changed): start without "
            "resume, or name another file."
        )
