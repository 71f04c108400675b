"""A run of a flood kept on disk while it goes on, so that it can be taken up again to the same bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.layers import InputError

__all__ = ["fingerprint", "read", "write"]


def fingerprint(*parts: Any) -> str:
    """Return a short hash of arrays and settings, by which a checkpoint knows its run."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"|")
    return digest.hexdigest()[:16]


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
            if str(kept["mark"]) != mark:
                raise InputError(
                    f"{path} is the checkpoint of a run with other inputs or settings: start without resume, or name another file."
                )
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
