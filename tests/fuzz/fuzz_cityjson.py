"""Fuzz the CityJSON reader: damaged documents are read the same with and without compiled code, or refused in a sentence.

Usage::

    python tests/fuzz/fuzz_cityjson.py [--seconds 60] [--seed 0] [--corpus ../shared/data]

Documents are files of the corpus with bytes changed, or with values of their JSON tree replaced by others. A document
that breaks the reader is written beside as ``fuzz-cityjson-<seed>.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from twin.city.cityjson import faces, lists, read_cityjson
from twin.city.model import City
from twin.errors import InputError

VALUES = (
    None, True, -1, 0, 3, 2.5, 10**30, "", "2.2", "Solid", "Building", [], {}, [[]], [[0, 1, 2]], [[[0, 1, 2]]],
    [[[[0, 1, 99]]]], {"type": "Solid"}, [None, 0], [1e400], "x" * 50,
)  # fmt: skip
SIGNS = (b"[", b"]", b"{", b"}", b",", b'"', b"\\", b"-", b"1e9", b"null", b"NaN", b"\0", b"\xff", b"0")


def replaced(document: bytes, random: Random) -> bytes:
    """Return a document with some values of its tree replaced, left out or told again under another name."""
    try:
        tree = json.loads(document)
    except ValueError:
        return broken(document, random)
    for _ in range(random.randint(1, 3)):
        here: Any = tree
        while isinstance(here, dict | list) and here:
            key = random.choice(list(here)) if isinstance(here, dict) else random.randrange(len(here))
            inner = here[key]
            if not isinstance(inner, dict | list) or not inner or random.random() < 0.2:
                change = random.random()
                if change < 0.7:
                    here[key] = deepcopy(random.choice(VALUES))
                elif change < 0.85:
                    del here[key]
                elif isinstance(here, dict):
                    here[f"{key}#2"] = inner
                else:
                    here.append(inner)
                break
            here = inner
    return json.dumps(tree).encode()


def broken(document: bytes, random: Random) -> bytes:
    """Return a document with some bytes changed, left out or doubled."""
    data = bytearray(document)
    for _ in range(random.randint(1, 3)):
        start = random.randrange(len(data) + 1)
        stop = min(len(data), start + random.choice((1, 1, 2, 8, 60)))
        what = random.randrange(3)
        if what == 0:
            del data[start:stop]
        elif what == 1:
            data[start:start] = data[start:stop]
        else:
            data[start:stop] = random.choice(SIGNS)
    return bytes(data)


def _read(file: Path, compiled: bool) -> City | str:
    least = 0 if compiled else 1 << 40
    try:
        with mock.patch.object(lists, "_COMPILED_PAYS", least), mock.patch.object(faces, "_COMPILED_PAYS", least):
            return read_cityjson(file)
    except InputError as error:
        return str(error)


def check(document: bytes, folder: Path) -> bool:
    """Read a document in both ways; True where it is a city.

    Raises
    ------
    AssertionError
        If the two differ, or an error is no plain sentence.
    """
    file = folder / "made.city.json"
    file.write_bytes(document)
    plain, compiled = _read(file, False), _read(file, True)
    if isinstance(plain, str) or isinstance(compiled, str):
        assert isinstance(plain, str), f"only compiled code refuses: {compiled}"
        assert plain == compiled, f"two reasons: {plain} / {compiled}"
        assert "made.city.json" in plain, plain
        assert "\n" not in plain, plain
        return False
    np.testing.assert_array_equal(plain.polygons.xyz, compiled.polygons.xyz)
    assert plain.surfaces.equals(compiled.surfaces), "surfaces differ"
    assert plain.gaps.equals(compiled.gaps), "gap rows differ"
    return True


def run(seconds: float, seed: int, corpus: list[bytes]) -> tuple[int, int]:
    """Fuzz for some CPU seconds; return how many documents were read, and how many of them as cities."""
    end, count, taken = time.process_time() + seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.process_time() < end:
            random = Random(seed + count)
            document = random.choice((replaced, broken))(random.choice(corpus), random)
            try:
                taken += check(document, Path(folder))
            except Exception:
                Path(f"fuzz-cityjson-{seed + count}.json").write_bytes(document)
                raise
            count += 1
    return count, taken


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    given = parser.parse_args()
    files = [f for f in sorted(given.corpus.rglob("*.json*")) if f.stat().st_size < 100_000]
    documents = [document for file in files if b'"CityJSON"' in (document := file.read_bytes())]
    count, taken = run(given.seconds, given.seed, documents)
    sys.stdout.write(f"{count} documents read without a fault, {taken} of them as cities\n")


if __name__ == "__main__":
    main()
