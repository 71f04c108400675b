"""Binary glTF 2.0 (GLB) written from numpy arrays: a buffer, its views and accessors, and the JSON around them.

Every buffer view starts at a multiple of 8 bytes, as EXT_structural_metadata asks; vertex attributes are padded to a
stride of 4 bytes, as glTF asks.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

__all__ = ["Y_UP", "Glb", "extent", "quantized", "read_glb"]

Y_UP = [-0.7071067811865475, 0.0, 0.0, 0.7071067811865476]
"""Rotation (quaternion) of a node whose points are written with z up: glTF has y up."""

_COMPONENT = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_SHAPE = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_VERTICES, _INDICES = 34962, 34963


class Glb:
    """One file being put together: add arrays, describe nodes in ``document``, take the bytes.

    Examples
    --------
    >>> glb = Glb()
    >>> glb.attribute(np.zeros((3, 3), np.float32), bounds=True)
    0
    >>> glb.to_bytes()[:4]
    b'glTF'
    """

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"asset": {"version": "2.0", "generator": "urban-twin"}}
        self._chunks: list[bytes] = []
        self._length = 0

    def _list(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document.setdefault(name, [])
        return found

    def add(self, name: str, entry: dict[str, Any]) -> int:
        """Append an entry to a list of the document (``"nodes"``, ``"meshes"``) and return its number."""
        self._list(name).append(entry)
        return len(self._list(name)) - 1

    def use(self, *extensions: str, required: bool = False) -> None:
        """Name extensions that the document uses."""
        for key in ["extensionsUsed"] + (["extensionsRequired"] if required else []):
            names = self.document.setdefault(key, [])
            names += [name for name in extensions if name not in names]

    def view(self, data: bytes, **options: Any) -> int:
        """Append bytes as a buffer view and return its number."""
        entry = {"buffer": 0, "byteOffset": self._length, "byteLength": len(data)} | options
        padding = -len(data) % 8
        self._chunks.append(data + b"\0" * padding)
        self._length += len(data) + padding
        return self.add("bufferViews", entry)

    def attribute(self, values: np.ndarray, *, normalized: bool = False, bounds: bool = False) -> int:
        """Append a vertex or instance attribute (n,) or (n, k) and return the number of its accessor."""
        count, width = len(values), 1 if values.ndim == 1 else values.shape[1]
        table = np.ascontiguousarray(values.reshape(count, width))
        size = table.dtype.itemsize * width
        stride = size + (-size % 4)
        if stride != size:
            table = np.pad(table, ((0, 0), (0, (stride - size) // table.dtype.itemsize)))
        view = self.view(table.tobytes(), byteStride=stride, target=_VERTICES)
        return self._accessor(values, view, width, normalized=normalized, bounds=bounds)

    def instances(self, values: np.ndarray) -> int:
        """Append an attribute of instances (EXT_mesh_gpu_instancing) and return the number of its accessor."""
        width = 1 if values.ndim == 1 else values.shape[1]
        view = self.view(np.ascontiguousarray(values).tobytes())
        return self._accessor(values, view, width)

    def indices(self, triangles: np.ndarray) -> int:
        """Append triangle corners in the smallest number type that holds them and return their accessor."""
        flat = triangles.reshape(-1)
        kind = np.uint16 if not len(flat) or int(flat.max()) < 65_535 else np.uint32
        flat = flat.astype(kind)
        return self._accessor(flat, self.view(flat.tobytes(), target=_INDICES), 1)

    def _accessor(
        self, values: np.ndarray, view: int, width: int, *, normalized: bool = False, bounds: bool = False
    ) -> int:
        entry: dict[str, Any] = {
            "bufferView": view,
            "componentType": _COMPONENT[values.dtype.str[1:]],
            "count": len(values),
            "type": _SHAPE[width],
        }
        if normalized:
            entry["normalized"] = True
        if bounds:
            low, high = extent(values)
            entry["min"], entry["max"] = [plain(v) for v in low], [plain(v) for v in high]
        return self.add("accessors", entry)

    def to_bytes(self) -> bytes:
        """Return the file."""
        binary = b"".join(self._chunks)
        self.document["buffers"] = [{"byteLength": len(binary)}]
        text = json.dumps(self.document, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(binary))
        return (
            head + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
        )


def extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest corner of points (n, k); column by column, which is quicker than along axis 0."""
    columns = [points[:, k] for k in range(points.shape[1])]
    return np.array([c.min() for c in columns]), np.array([c.max() for c in columns])


def quantized(glb: Glb, points: np.ndarray, normals: np.ndarray) -> tuple[dict[str, int], dict[str, Any]]:
    """Add points [m, z up] as 16 bit steps within their box and normals as 8 bit (KHR_mesh_quantization).

    Returns
    -------
    dict, dict
        The attributes, and the node (of mesh 0) that turns steps back into metres, y up as glTF has it.
    """
    glb.use("KHR_mesh_quantization", required=True)
    low, high = (corner.astype(float) for corner in extent(points))
    step = max(float((high - low).max()), 1e-3) / 65_535
    steps = (points - low.astype(np.float32)) * np.float32(1 / step)
    attributes = {
        "POSITION": glb.attribute(np.minimum(np.rint(steps), 65_535).astype(np.uint16), bounds=True),
        "NORMAL": glb.attribute(np.rint(normals * 127).astype(np.int8), normalized=True),
    }
    place = [float(low[0]), float(low[2]), -float(low[1])]
    return attributes, {"mesh": 0, "rotation": Y_UP, "translation": place, "scale": [step] * 3}


def plain(value: Any) -> float | int:
    """Return a number of an array as JSON writes it."""
    return float(value) if np.asarray(value).dtype.kind == "f" else int(value)


def read_glb(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON and the binary part of a GLB.

    Raises
    ------
    ValueError
        If the bytes are no whole GLB of version 2.
    """
    if len(data) < 20 or data[:4] != b"glTF":
        raise ValueError("no binary glTF")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2 or length != len(data):
        raise ValueError(f"version {version}, {length} bytes told and {len(data)} there")
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    start = 20 + size
    binary = data[start + 8 : start + 8 + struct.unpack_from("<I", data, start)[0]] if start < len(data) else b""
    return document, binary
