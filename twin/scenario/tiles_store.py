"""The work folder of a tiled run: what is done, what it rests on, and who works in it.

Folder::

    tiles.json     what the run rests on (fingerprint) and how the grid is cut; written last, so that a folder with it is whole
    results.zarr   the layers, one chunk a step and tile, and ``done``: one byte a tile, set when its chunks are on the disk
    lock           held while someone works here

A tile is the only writer of its chunks: a chunk (or shard) that two tiles share would be lost in part without a word
(zarr-developers/zarr-python issue 3682), so arrays are refused whose chunks do not fall on the edges of tiles.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from twin.errors import InputError
from twin.language import text
from twin.scenario.tiles_layout import Layout, Part

if TYPE_CHECKING:
    import zarr

__all__ = ["TileStore", "content_hash", "require_whole_chunks"]

_MANIFEST, _RESULTS, _DONE = "tiles.json", "results.zarr", "done"
_FORMAT = 1


def content_hash(data: xr.Dataset) -> str:
    """Return the SHA-256 of the numbers, names and attributes of a dataset."""
    digest = hashlib.sha256(json.dumps(dict(data.attrs), sort_keys=True, default=str).encode())
    for name in sorted(map(str, data.variables)):
        variable = data[name]
        values = np.ascontiguousarray(variable.values)
        digest.update(f"{name} {variable.dims} {values.dtype} {values.shape} ".encode())
        digest.update(json.dumps(dict(variable.attrs), sort_keys=True, default=str).encode())
        digest.update(repr(values.tolist()).encode() if values.dtype == object else values.tobytes())
    return digest.hexdigest()


def require_whole_chunks(array: zarr.Array[Any], layout: Layout) -> None:
    """Raise unless every chunk, and every shard, of an array belongs to one tile.

    Parameters
    ----------
    array : zarr.Array
        Last two axes are rows and columns.
    layout : Layout
        The tiles.

    Raises
    ------
    InputError
        If two tiles would write into one file.
    """
    written = array.shards or array.chunks
    for axis, size, n in zip(("y", "x"), written[-2:], layout.shape, strict=True):
        if array.shape[-2:] != layout.shape or (layout.tile % size and layout.tile < n):
            raise InputError(text("tiles.chunks", name=array.name, axis=axis, chunk=size, tile=layout.tile))


class TileStore:
    """The work folder of one tiled run; see :mod:`twin.scenario.tiles_store`.

    Parameters
    ----------
    folder : path
        Of a run that has begun (:meth:`begin`).
    """

    def __init__(self, folder: Path) -> None:
        import zarr

        self.folder = folder
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        rows, columns = manifest["shape"]
        self.layout = Layout((rows, columns), manifest["tile"])
        self.group = zarr.open_group(folder / _RESULTS, mode="r+", zarr_format=3)
        self.names = tuple(manifest["names"])

    @classmethod
    def begin(
        cls,
        folder: Path,
        template: xr.Dataset,
        layout: Layout,
        fingerprint: Mapping[str, str],
        *,
        chunk: int | None = None,
    ) -> TileStore:
        """Return the store of a run: the one it has begun before, or a new one.

        Parameters
        ----------
        folder : path
            Work folder, new, empty, or that of the same run; its lock is held by the caller.
        template : xarray.Dataset
            What a tile returns: dims, dtypes and attributes count, not the size.
        layout : Layout
            The tiles; a run begun before keeps its own.
        fingerprint : mapping of str to str
            What the run rests on: name to hash or words.
        chunk : int, optional
            Cells a side of a chunk; by default the tile.

        Raises
        ------
        InputError
            If the folder holds something else, or a run that rests on something else.
        """
        if (folder / _MANIFEST).is_file():
            _require_same(folder, layout, fingerprint)
            return cls(folder)
        strange = [
            entry.name for entry in folder.iterdir() if entry.name not in (_RESULTS, "lock", "site.zarr", "skyline.npz")
        ]
        if strange:
            raise InputError(text("tiles.not_ours", folder=folder, entry=strange[0]))
        shutil.rmtree(folder / _RESULTS, ignore_errors=True)
        _create(folder / _RESULTS, template, layout, layout.tile if chunk is None else chunk)
        manifest = {
            "format": _FORMAT,
            "shape": list(layout.shape),
            "tile": layout.tile,
            "names": [str(name) for name in template.data_vars],
            "fingerprint": dict(fingerprint),
        }
        part = folder / f".{_MANIFEST}.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / _MANIFEST)
        return cls(folder)

    def _array(self, name: str) -> zarr.Array[Any]:
        array: Any = self.group[name]
        return array

    def unfinished(self) -> list[int]:
        """Return the numbers of the tiles that are not done."""
        return np.flatnonzero(np.asarray(self._array(_DONE)[:]) == 0).tolist()

    def write(self, number: int, found: Mapping[Any, Any]) -> None:
        """Write what a tile has found, through to the disk, and then mark the tile as done.

        Parameters
        ----------
        number : int
            Of the tile.
        found : mapping of str to array
            Layers of the tile, all that the template names.
        """
        part = self.layout[number]
        for name in self.names:
            array, values = self._array(name), np.asarray(found[name])
            require_whole_chunks(array, self.layout)
            size = tuple(span.stop - span.start for span in part)
            if values.shape[-2:] != size or values.shape[:-2] != array.shape[:-2]:
                raise ValueError(f"Tile {number} gives {name!r} as {values.shape}, but it has {size} cells.")
            array[(..., *part)] = values
            self._flush(name, part)
        done = self._array(_DONE)
        done[number] = 1
        _sync(self.folder / _RESULTS / _DONE / "c" / str(number))

    def _flush(self, name: str, part: Part) -> None:
        """Write the chunks of a tile through to the disk."""
        array = self._array(name)
        sizes = (array.shards or array.chunks)[-2:]
        rows, columns = (
            range(span.start // size, -(-span.stop // size)) for span, size in zip(part, sizes, strict=True)
        )
        root = self.folder / _RESULTS / name / "c"
        steps = [root] if len(array.shape) == 2 else [root / str(step) for step in range(array.shape[0])]
        for step in steps:
            for row in rows:
                for column in columns:
                    _sync(step / str(row) / str(column))

    def layers(self) -> dict[str, xr.Variable]:
        """Return the layers, read from the disk when they are used."""
        options: dict[str, Any] = {"chunks": None, "cache": False, "consolidated": False, "zarr_format": 3}
        data = xr.open_dataset(self.folder / _RESULTS, engine="zarr", **options)
        return {name: data[name].variable for name in self.names}


def _sync(file: Path) -> None:
    """Write a file through to the disk; chunks without a value are no files."""
    try:
        handle = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_same(folder: Path, layout: Layout, fingerprint: Mapping[str, str]) -> None:
    """Refuse to go on with a run that rests on something else."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        before = dict(manifest["fingerprint"])
        known = manifest["format"] == _FORMAT and tuple(manifest["shape"]) == layout.shape
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(text("tiles.broken", folder=folder)) from None
    names = sorted(name for name in {*before, *fingerprint} if before.get(name) != fingerprint.get(name))
    if names or not known:
        raise InputError(text("tiles.changed", folder=folder, what=", ".join(names) or "grid"))


def _create(path: Path, template: xr.Dataset, layout: Layout, chunk: int) -> None:
    """Make the arrays of a run, without a value."""
    import zarr
    from zarr.codecs import BloscCodec

    group = zarr.open_group(path, mode="w", zarr_format=3)
    for name, layer in template.data_vars.items():
        if layer.dims[-2:] != ("y", "x"):
            raise InputError(text("tiles.no_map", name=name, dims=", ".join(map(str, layer.dims))))
        shape = (*layer.shape[:-2], *layout.shape)
        chunks = (*(1 for _ in layer.shape[:-2]), *(min(chunk, n) for n in layout.shape))
        nothing = np.nan if layer.dtype.kind == "f" else 0
        array = group.create_array(
            str(name), shape=shape, chunks=chunks, dtype=layer.dtype, fill_value=nothing,
            compressors=[BloscCodec(cname="lz4", clevel=1, shuffle="noshuffle")], dimension_names=[str(d) for d in layer.dims],
        )  # fmt: skip
        require_whole_chunks(array, layout)
    group.create_array(_DONE, shape=(len(layout),), chunks=(1,), dtype="uint8", fill_value=0, compressors=None,
                       dimension_names=["tile"])  # fmt: skip
