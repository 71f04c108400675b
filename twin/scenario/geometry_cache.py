"""What cells see of the sky, kept on disk by content: a variant of a site seen before computes only what changed.

Beside each kept geometry lie the heights it was made from. A new site of the same grid takes the kept one that
differs in the fewest cells and walks only the lines of sight through them again; the bits are those of a fresh
computation. The folder is ``$TWIN_CACHE`` (``off`` = none), else the user's cache folder; the oldest files go when it
holds more than 2 GiB.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from models.heat import SkyGeometry

__all__ = ["cache_folder", "geometry_of"]

_HEIGHTS = ("terrain_height", "surface_height", "canopy_height", "trunk_height")
_MOST = 2 * 1024**3  # [bytes]
_LOOKED_AT = 6  # kept sites that are compared
_WORTH = 0.1  # share of changed cells up to which an update is quicker than a fresh start


def cache_folder() -> Path | None:
    """Return where geometries are kept; None where ``$TWIN_CACHE`` says off."""
    said = os.environ.get("TWIN_CACHE", "")
    if said.lower() == "off":
        return None
    if said:
        return Path(said)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "urban-twin"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "urban-twin"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "urban-twin"


def geometry_of(site: xr.Dataset, *, folder: Path | None = None) -> SkyGeometry:
    """Return the sky geometry of a site: kept, updated from the nearest one kept, or new.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers.
    folder : pathlib.Path, optional
        Where geometries are kept; by default :func:`cache_folder`.

    Returns
    -------
    SkyGeometry
        The same bits as ``models.heat.prepare(site)`` gives.
    """
    from models import heat

    place = folder if folder is not None else cache_folder()
    if place is None or not _writable(place):
        return heat.prepare(site)
    sidecar = place / f"site-{_grid_key(site)}-{_key(site)}.npz"
    if sidecar.is_file():
        geometry = heat.prepare(site, cache=place)
        sidecar.touch()
    else:
        before = _nearest(site, place)
        geometry = heat.prepare(site, cache=place) if before is None else before.update(site)
        geometry.keep(place)
        _keep_heights(site, sidecar)
    _trim(place, {sidecar, place / f"sky-{geometry.key}.npy"})
    return geometry


def _writable(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place, os.W_OK)


def _grid_key(site: xr.Dataset) -> str:
    x, y = site["x"].values, site["y"].values
    grid = f"{x.size} {y.size} {x[0]!r} {y[0]!r} {x[-1]!r} {y[-1]!r}"
    return hashlib.sha256(grid.encode()).hexdigest()[:12]


def _key(site: xr.Dataset) -> str:
    digest = hashlib.sha256()
    for name in _HEIGHTS:
        digest.update(np.ascontiguousarray(site[name].values, dtype=np.float32).tobytes())
    return digest.hexdigest()[:24]


def _nearest(site: xr.Dataset, place: Path) -> SkyGeometry | None:
    """Return the kept geometry of the same grid that differs least, None where none is near."""
    from models import heat

    kept = sorted(place.glob(f"site-{_grid_key(site)}-*.npz"), key=_age, reverse=True)[:_LOOKED_AT]
    best, least = None, _WORTH * site["terrain_height"].size
    for file in kept:
        try:
            with np.load(file) as stored:
                heights = {name: stored[name] for name in _HEIGHTS}
        except (OSError, ValueError, KeyError, EOFError):
            continue
        differs = np.zeros(site["terrain_height"].shape, bool)
        for name in _HEIGHTS:
            differs |= heights[name] != site[name].values
        if differs.sum() <= least:
            best, least = heights, int(differs.sum())
    if best is None:
        return None
    old = site[list(_HEIGHTS)].copy(data=best)
    return heat.prepare(old, cache=place)


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _keep_heights(site: xr.Dataset, file: Path) -> None:
    layers = {name: np.ascontiguousarray(site[name].values, dtype=np.float32) for name in _HEIGHTS}
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as new:
        np.savez(new, **layers)  # type: ignore[arg-type]
        new.flush()
        os.fsync(new.fileno())
    os.replace(new.name, file)


def _trim(place: Path, needed: set[Path]) -> None:
    """Delete the oldest files until the folder is small enough."""
    files = sorted((f for f in place.iterdir() if f.suffix in (".npy", ".npz") and f not in needed), key=_age)
    total = sum(f.stat().st_size for f in (*files, *needed) if f.is_file())
    for file in files:
        if total <= _MOST:
            return
        total -= file.stat().st_size
        file.unlink(missing_ok=True)
