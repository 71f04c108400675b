"""Files of the bundle: only what lies inside its folder, packed where that helps, known again by their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import threading
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Files"]

_PACKED = (
    "text/",
    "application/json",
    "application/javascript",
    "model/gltf-binary",
    "image/svg+xml",
    "application/wasm",
)
_KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".glb": "model/gltf-binary", ".wasm": "application/wasm",
          ".json": "application/json", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml",
          ".webmanifest": "application/manifest+json"}  # fmt: skip
_HELD = 256 * 2**20  # [bytes]


class _File(NamedTuple):
    stamp: tuple[int, int]
    etag: str
    kind: str
    plain: bytes
    packed: bytes | None


class Files:
    """The files of one folder, held in memory.

    Parameters
    ----------
    folder : pathlib.Path
        Nothing outside it is ever served, nor anything whose name begins with a dot.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._held: OrderedDict[Path, _File] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def find(self, name: str) -> Path | None:
        """Return the file of a path in a URL, None where there is none or it would leave the folder."""
        parts = [part for part in name.split("/") if part]
        if any(part.startswith(".") or "\\" in part or "\x00" in part or ":" in part for part in parts):
            return None
        try:
            place = self.folder.joinpath(*(parts or ["index.html"])).resolve()
            inside = place.is_relative_to(self.folder) and place.is_file()
        except (OSError, ValueError):
            return None
        return place if inside else None

    def read(self, place: Path) -> _File:
        """Return a file with its kind, its mark and its packed form."""
        status = place.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        with self._lock:
            known = self._held.get(place)
            if known is not None and known.stamp == stamp:
                self._held.move_to_end(place)
                return known
        plain = place.read_bytes()
        kind = _KINDS.get(place.suffix.lower()) or mimetypes.guess_type(place.name)[0] or "application/octet-stream"
        packed = gzip.compress(plain, 6, mtime=0) if kind.startswith(_PACKED) and len(plain) > 600 else None
        found = _File(stamp, hashlib.sha256(plain).hexdigest()[:32], kind, plain, packed)
        with self._lock:
            self._held[place] = found
            self._size = sum(len(one.plain) + len(one.packed or b"") for one in self._held.values())
            while self._size > _HELD and len(self._held) > 1:
                _, old = self._held.popitem(last=False)
                self._size -= len(old.plain) + len(old.packed or b"")
        return found

    def response(self, request: Request, place: Path) -> Response:
        """Return the answer for one file."""
        file = self.read(place)
        packed = file.packed is not None and "gzip" in request.headers.get("accept-encoding", "")
        etag = f'"{file.etag}{"-gz" if packed else ""}"'
        lasting = "assets" in place.relative_to(self.folder).parts[:1]
        headers = {"etag": etag, "vary": "Accept-Encoding"}
        headers["cache-control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
        if etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        if packed:
            headers["content-encoding"] = "gzip"
        kind = file.kind + (
            "; charset=utf-8" if file.kind.startswith("text/") or file.kind == "application/json" else ""
        )
        body = file.packed if packed and file.packed is not None else file.plain
        return Response(body, headers=headers, media_type=kind)
