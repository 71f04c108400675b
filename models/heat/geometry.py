"""What each cell sees of the sky: computed once for a site, used by every hour of every day.

For each of the 153 patches of the sky and each cell two bits are kept: whether terrain and buildings leave the patch
open, and whether a crown comes first on the ray (20 + 20 bytes a cell). The eye is on the surface, in the middle of the
cell. Sky view factors are sums of patch weights over these bits.

Left out: overhangs, balconies and arcades (one surface height a cell), crowns as anything but boxes over cells.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from models.heat.relief import Relief, relief_of
from models.heat.sky import DIRECTIONS, sky_patches
from models.heat.sweeps import merge_transposed
from models.layers import InputError, read_table
from models.memory import require_memory
from models.parallel import in_blocks, over

__all__ = ["SkyGeometry", "prepare", "sky_view_factor", "sun_bits"]

_log = logging.getLogger(__name__)

BYTES_A_CELL = 90
"""Memory of :func:`prepare` [bytes]: 40 of bits, 24 of heights, the rest while it works."""

PLANES = 20
"""Bytes that hold 153 bits."""

_VERSION = "2"  # part of the content hash: raise it when the bits change


@dataclass(frozen=True, eq=False)
class SkyGeometry:
    """What each cell of a site sees of the sky; made by :func:`prepare`, read-only."""

    relief: Relief
    open_bits: np.ndarray
    """Patches left open by terrain and buildings, uint8 (20, cells)."""
    crown_bits: np.ndarray
    """Patches in which a crown comes first, uint8 (20, cells)."""
    key: str
    """Content hash of the heights it was made from."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self.relief.shape

    def patch_sum(self, weights: np.ndarray, *, crowns: bool | None = None) -> np.ndarray:
        """Return, for each cell, the sum of patch weights over the open patches.

        Parameters
        ----------
        weights : numpy.ndarray
            One value a patch, (153,).
        crowns : bool or None
            None: crowns do not matter; False: only patches without a crown; True: only open patches behind a crown.

        Returns
        -------
        numpy.ndarray
            float32 (y, x).
        """
        total = np.zeros(self.relief.surface.size, dtype=np.float32)
        for plane, table in enumerate(byte_tables(weights)):
            bits = self.open_bits[plane]
            if crowns is not None:
                bits = bits & self.crown_bits[plane] if crowns else bits & ~self.crown_bits[plane]
            total += table[bits]
        return total.reshape(self.shape)

    def fits(self, relief: Relief) -> bool:
        """Return whether these are the heights that the geometry was made from."""
        old = self.relief
        same = (relief.shape, relief.cell, relief.origin) == (old.shape, old.cell, old.origin)
        return same and not _differences(old, relief).any()

    def update(self, site: xr.Dataset, changed_area: tuple[float, float, float, float] | None = None) -> SkyGeometry:
        """Return the geometry of a changed site: only the lines of sight through changed cells are walked again.

        Parameters
        ----------
        site : xarray.Dataset
            The same grid after the change (trees planted, a building gone).
        changed_area : tuple of float, optional
            West, south, east, north of the change [m]; a change outside is refused.

        Returns
        -------
        SkyGeometry
            The same bits as ``prepare(site)`` would give.

        Raises
        ------
        InputError
            If the grid is another one, or heights differ outside ``changed_area``.

        Examples
        --------
        >>> after = before.update(site_with_trees)              # doctest: +SKIP
        """
        relief = relief_of(site)
        if (relief.shape, relief.cell, relief.origin) != (self.shape, self.relief.cell, self.relief.origin):
            raise InputError(
                f"The changed site has {relief.shape} cells of {relief.cell:g} m from {relief.origin}, the geometry "
                f"{self.shape} of {self.relief.cell:g} m from {self.relief.origin}: call heat.prepare(site) for another grid."
            )
        differs = _differences(self.relief, relief)
        rows, columns = (at.astype(np.int64) for at in np.nonzero(differs.reshape(self.shape)))
        if rows.size == 0:
            return self
        if changed_area is not None:
            x, y = site["x"].values[columns], site["y"].values[rows]
            west, south, east, north = changed_area
            outside = (x < west) | (x > east) | (y < south) | (y > north)
            if outside.any():
                at = int(np.argmax(outside))
                raise InputError(
                    f"Heights differ in {int(outside.sum())} cells outside changed_area={changed_area}, the first at "
                    f"x={x[at]:.1f}, y={y[at]:.1f}: enlarge the area, or leave it out."
                )
        bits = np.stack([self.open_bits, self.crown_bits])
        over(lambda plane: _sweep_again(relief, plane, bits[:, plane], rows, columns), range(PLANES))
        bits.setflags(write=False)
        return SkyGeometry(relief, bits[0], bits[1], _content_hash(relief))

    def keep(self, folder: str | os.PathLike[str]) -> Path:
        """Keep the bits in a folder, where :func:`prepare` with ``cache`` finds them; return the file.

        Parameters
        ----------
        folder : path
            Made where it is missing.
        """
        kept = Path(folder) / f"sky-{self.key}.npy"
        if not kept.is_file():
            _keep(kept, np.stack([self.open_bits, self.crown_bits]))
        return kept

    def part(self, rows: slice, columns: slice) -> SkyGeometry:
        """Return what the cells of a part of the grid see, with the surroundings they have in the whole.

        Parameters
        ----------
        rows, columns : slice
            Of the part, without steps.
        """
        relief = self.relief.part(rows, columns)

        def cut(bits: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(bits.reshape(PLANES, *self.shape)[:, rows, columns]).reshape(PLANES, -1)

        return SkyGeometry(
            relief, cut(self.open_bits), cut(self.crown_bits), f"{self.key} {relief.origin} {relief.shape}"
        )

    def open_patches(self, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return for one cell which patches are open and in which a crown comes first, two boolean arrays (153,)."""
        at = row * self.shape[1] + column
        bits = [
            np.unpackbits(b[:, at], bitorder="little")[: sky_patches().azimuth.size]
            for b in (self.open_bits, self.crown_bits)
        ]
        return bits[0].astype(bool), bits[1].astype(bool)

    def sky_view_factor(
        self, transmissivity: float | None = None, *, weights: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the sky view factors: in all, of buildings and terrain alone, of crowns alone; float32 (y, x).

        Parameters
        ----------
        transmissivity : float, optional
            Share of light that crowns let through; by default crowns in leaf.
        weights : numpy.ndarray, optional
            Of the patches, (153,), with sum 1; by default those on a horizontal surface.
        """
        weights = sky_patches().horizontal if weights is None else weights
        tau = (
            float(read_table("models.heat", "foliage.csv")[0]["leaf_on"]) if transmissivity is None else transmissivity
        )
        building = np.minimum(self.patch_sum(weights), np.float32(1.0))
        behind = self.patch_sum(weights, crowns=True)
        return building - np.float32(1.0 - tau) * behind, building, np.float32(1.0) - behind


def byte_tables(weights: np.ndarray) -> np.ndarray:
    """Return look-up tables that sum patch weights over the bits of a byte, float32 (20, 256)."""
    padded = np.zeros(PLANES * 8)
    padded[: weights.size] = weights
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(float)
    return np.ascontiguousarray((padded.reshape(PLANES, 8) @ bits.T).astype(np.float32))


def _differences(old: Relief, new: Relief) -> np.ndarray:
    """Return the cells in which two sites of one grid have other heights or crowns."""
    crowned = (old.top > old.surface) | (new.top > new.surface)
    differs = old.surface != new.surface
    return np.asarray(differs | (crowned & ((old.top != new.top) | (old.under != new.under))))


def _content_hash(relief: Relief) -> str:
    digest = hashlib.sha256(f"{_VERSION} {relief.shape} {relief.origin} {relief.cell!r}".encode())
    for values in (relief.surface, relief.under, relief.top):
        digest.update(values.tobytes())
    return digest.hexdigest()[:32]


def _sweep_plane(relief: Relief, plane: int, bits: np.ndarray) -> None:
    """Fill one byte plane (2, cells): eight directions, one after the other."""
    patches = sky_patches()
    turned = np.zeros_like(bits)
    for number, patch in enumerate(range(plane * 8, min(plane * 8 + 8, patches.azimuth.size))):
        direction = relief.directed(patches.azimuth[patch], patches.elevation[patch])
        target = turned if direction.plan.rows_major else bits
        lines = direction.lines()
        direction.sweep(lines, 0, lines.size, 1 << number, target[0], target[1])
    for kind in range(2):
        merge_transposed(turned[kind].reshape(relief.shape[::-1]), bits[kind].reshape(relief.shape))


def _sweep_again(relief: Relief, plane: int, bits: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Walk the lines through changed cells again, for the eight directions of one byte plane."""
    patches = sky_patches()
    for number, patch in enumerate(range(plane * 8, min(plane * 8 + 8, patches.azimuth.size))):
        direction = relief.directed(patches.azimuth[patch], patches.elevation[patch], turn=False)
        lines = direction.lines_through(rows, columns)
        direction.sweep(lines, 0, lines.size, 1 << number, bits[0], bits[1])


def sun_bits(relief: Relief, azimuth: float, elevation: float, *, walls: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return what hides the sun from each cell, and the walls that face the sun.

    Parameters
    ----------
    relief : Relief
        Heights of the site.
    azimuth, elevation : float
        Sun [deg], azimuth from grid north.
    walls : bool
        Whether to look at walls.

    Returns
    -------
    tuple
        uint8 (cells,): 1 where terrain and buildings leave the sun open, plus 2 where a crown comes first; and int32
        (2, y, x): height of the wall that faces the sun at each cell, and of its lit part [cm]; (2, 0, 0) if not asked for.
    """
    direction = relief.directed(azimuth, elevation)
    bits = np.zeros((2, relief.surface.size), np.uint8)
    faces = np.zeros((2, relief.surface.size if walls else 0), np.int32)
    lines = direction.lines()
    in_blocks(lambda start, stop: direction.sweep(lines, start, stop, 1, bits[0], bits[1], faces), lines.size)
    found = bits[0] | (bits[1] << 1)
    shape = relief.shape
    if direction.plan.rows_major:
        turned, found = found, np.zeros_like(found)
        merge_transposed(turned.reshape(shape[::-1]), found.reshape(shape))
    if not walls:
        return found, np.zeros((2, 0, 0), np.int32)
    if direction.plan.rows_major:
        return found, np.ascontiguousarray(faces.reshape(2, *shape[::-1]).transpose(0, 2, 1))
    return found, faces.reshape(2, *shape)


def prepare(site: xr.Dataset, *, cache: str | os.PathLike[str] | None = None) -> SkyGeometry:
    """Work out once what each cell sees of the sky, for any number of hours and days.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height`` and ``trunk_height`` [m] on ("y", "x").
    cache : path, optional
        Folder in which the result is kept under the hash of the heights, and looked up first.

    Returns
    -------
    SkyGeometry

    Raises
    ------
    InputError
        If a layer is missing, has holes, or heights contradict each other.

    Examples
    --------
    >>> geometry = prepare(site)                                        # doctest: +SKIP
    >>> result = simulate(site, weather, geometry=geometry)             # doctest: +SKIP
    """
    _require_memory(site)
    relief = relief_of(site)
    key = _content_hash(relief)
    kept = Path(cache) / f"sky-{key}.npy" if cache is not None else None
    found = _kept_bits(kept, (2, PLANES, relief.surface.size)) if kept is not None else None
    if found is not None:
        return SkyGeometry(relief, found[0], found[1], key)
    bits = np.zeros((2, PLANES, relief.surface.size), dtype=np.uint8)
    over(lambda plane: _sweep_plane(relief, plane, bits[:, plane]), range(PLANES))
    if kept is not None:
        _keep(kept, bits)
    bits.setflags(write=False)
    return SkyGeometry(relief, bits[0], bits[1], key)


def _require_memory(site: xr.Dataset) -> None:
    rows, columns = (int(site.sizes.get(dim, 0)) for dim in ("y", "x"))
    what = f"The sky geometry of {rows} x {columns} cells"
    require_memory(BYTES_A_CELL * rows * columns, what, "take coarser cells, or work in tiles (heat.halo)")


def _kept_bits(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the bits kept on disk, read-only; None where there are none or the file is damaged (it is made again)."""
    try:
        bits = np.load(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError):
        _log.warning("%s is damaged; the sky geometry is worked out again.", path)
        return None
    if bits.shape != shape or bits.dtype != np.uint8:
        return None
    bits.setflags(write=False)
    return np.asarray(bits)


def _keep(path: Path, bits: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.save(file, bits)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def sky_view_factor(site: xr.Dataset, *, geometry: SkyGeometry | None = None, halves: bool = False) -> xr.Dataset:
    """Return how much of the sky each cell sees: 1 on an open field, near 0 in a narrow yard.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height`` and ``trunk_height`` [m] on ("y", "x").
    geometry : SkyGeometry, optional
        What :func:`prepare` gave for the same site.
    halves : bool
        Whether to add the factors of the northern, eastern, southern and western half of the sky.

    Returns
    -------
    xarray.Dataset
        ``svf`` (with crowns in leaf letting a little through), ``svf_building`` (terrain and buildings alone) and
        ``svf_vegetation`` (crowns alone), float32 (y, x); with ``halves`` each of them also as ``..._north`` and so on,
        1 where that half of the sky is free.

    References
    ----------
    Lindberg & Grimmond 2011, doi 10.1007/s00704-010-0382-8 (the three factors).
    """
    seen = geometry or prepare(site)
    found = seen.sky_view_factor()
    names = {
        "svf": "Sky view factor, crowns included",
        "svf_building": "Sky view factor of terrain and buildings",
        "svf_vegetation": "Sky view factor of crowns",
    }
    data = {
        name: (("y", "x"), values, {"units": "1", "long_name": long})
        for (name, long), values in zip(names.items(), found, strict=True)
    }
    for number, side in enumerate(DIRECTIONS if halves else ()):
        weights = sky_patches().half[number] * sky_patches().horizontal
        parts = seen.sky_view_factor(weights=weights / weights.sum())
        for (name, long), values in zip(names.items(), parts, strict=True):
            attrs = {"units": "1", "long_name": f"{long}, {side} half"}
            data[f"{name}_{side}"] = (("y", "x"), values, attrs)
    return xr.Dataset(data, coords=spatial_coordinates(site))


def spatial_coordinates(site: xr.Dataset) -> dict:
    """Return the coordinates that place results on the map: x, y and the CRS."""
    return {name: site.coords[name] for name in ("y", "x", "spatial_ref") if name in site.coords}
