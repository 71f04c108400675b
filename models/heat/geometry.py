"""What each cell sees of the sky: computed once for a site, used by every hour of every day.

For each of the 153 patches of the sky and each cell two bits are kept: whether terrain and buildings leave the patch
open, and whether a crown comes first on the ray (20 + 20 bytes a cell). The eye is on the surface, in the middle of the
cell. Sky view factors are sums of patch weights over these bits.

Left out: overhangs, balconies and arcades (one surface height a cell), crowns as anything but boxes over cells.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from models.heat.sky import sky_patches
from models.heat.sweeps import Sweep, line_count, merge_transposed, sweep_lines, sweep_plan
from models.layers import InputError, read_table, require_layers, require_metric_grid
from models.parallel import in_blocks, over

__all__ = ["Relief", "SkyGeometry", "prepare", "relief_of", "sky_view_factor", "sun_bits"]

_PLANES = 20  # bytes that hold 153 bits
_VERSION = "1"  # part of the content hash: raise it when the bits change


@dataclass(frozen=True)
class Relief:
    """The heights that hide the sky, flat and ready for the kernels."""

    shape: tuple[int, int]
    cell: float
    surface: np.ndarray
    """Height of terrain and buildings [m above datum], float32 (cells,)."""
    under: np.ndarray
    """Underside of crowns [m above datum]."""
    top: np.ndarray
    """Top of crowns [m above datum]; not above ``under`` where there is no crown."""

    @cached_property
    def turned(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three heights with rows and columns changed: lines that step through rows read these."""
        return tuple(  # type: ignore[return-value]
            np.ascontiguousarray(values.reshape(self.shape).T).ravel()
            for values in (self.surface, self.under, self.top)
        )

    @cached_property
    def span(self) -> tuple[float, float]:
        """Lowest and highest point [m above datum]."""
        return float(self.surface.min()), float(max(self.surface.max(), self.top.max()))

    def directed(self, azimuth: float, elevation: float) -> Direction:
        """Return how a direction crosses this grid.

        Parameters
        ----------
        azimuth, elevation : float
            [deg], azimuth from grid north.
        """
        plan = sweep_plan(self.shape, self.cell, azimuth, elevation)
        rows, columns = self.shape
        minor = columns if plan.rows_major else rows
        reach = plan.rise * plan.offsets.size
        low = self.span[0] - (0.0 if plan.forward else reach) - plan.rise
        high = self.span[1] + (reach if plan.forward else 0.0) + plan.rise
        heights = self.turned if plan.rows_major else (self.surface, self.under, self.top)
        return Direction(plan, minor, heights, low, int((high - low) / plan.bin) // 64 + 3)


class Direction(NamedTuple):
    """One direction over one grid: the plan, and the arrays in which its lines are runs of neighbours."""

    plan: Sweep
    minor: int
    heights: tuple[np.ndarray, np.ndarray, np.ndarray]
    low: float
    words: int

    def sweep(self, start: int, stop: int, bit: int, open_bits: np.ndarray, crown_bits: np.ndarray) -> np.ndarray:
        """Walk lines ``start`` to ``stop`` and set ``bit`` in the masks; return walls that face the direction, and lit.

        The masks are laid out as ``heights``: transposed where the plan steps through rows.
        """
        plan, major = self.plan, self.plan.offsets.size
        walls = np.zeros(2, dtype=np.int64)
        sweep_lines(
            start, stop, plan.first, plan.offsets, plan.forward, 1, major, self.minor, 0, plan.rise, plan.bin, self.low,
            *self.heights, np.uint8(bit), open_bits, crown_bits, np.zeros(self.words, np.uint64), walls,
        )  # fmt: skip
        return walls


def relief_of(site: xr.Dataset) -> Relief:
    """Return the heights of a site that hide the sky.

    Raises
    ------
    InputError
        If a layer is missing, has holes, or heights contradict each other.
    """
    require_layers(site, ("terrain_height", "surface_height", "canopy_height", "trunk_height"))
    cell = require_metric_grid(site)
    terrain, surface, canopy, trunk = (
        np.ascontiguousarray(site[n].values, dtype=np.float32)
        for n in ("terrain_height", "surface_height", "canopy_height", "trunk_height")
    )
    for name, values in (
        ("terrain_height", terrain),
        ("surface_height", surface),
        ("canopy_height", canopy),
        ("trunk_height", trunk),
    ):
        holes = int(np.isnan(values).sum())
        if holes:
            row, column = (int(v) for v in np.argwhere(np.isnan(values))[0])
            raise InputError(
                f"Layer {name!r} has {holes} cells without a value, the first in row {row}, column {column}: fill them."
            )
    if float(canopy.max(initial=0.0)) > 120.0:
        raise InputError(
            f"canopy_height reaches {float(canopy.max()):g} m; it is measured above ground, no tree is "
            "taller than 120 m: "
            "subtract terrain_height if your crowns are heights above datum."
        )
    if float(canopy.min(initial=0.0)) < 0.0 or float(trunk.min(initial=0.0)) < 0.0:
        raise InputError(
            "canopy_height and trunk_height are measured above ground and must not be negative: 0 means no tree."
        )
    wrong = int(((canopy > 0) & (trunk >= canopy)).sum())
    if wrong:
        raise InputError(
            f"trunk_height is not below canopy_height in {wrong} cells: the crown must begin below its top."
        )
    low = int((surface < terrain - 1.0).sum())
    if low:
        raise InputError(
            f"surface_height lies more than 1 m below terrain_height in {low} cells: "
            "check that both heights have one datum."
        )
    has_crown = canopy > 0
    under = np.where(has_crown, terrain + trunk, 0.0).astype(np.float32)
    top = np.where(has_crown, terrain + canopy, -1.0).astype(np.float32)
    top[~has_crown] = under[~has_crown] = np.float32(surface.min() - 1.0)
    return Relief(terrain.shape, cell, surface.ravel(), under.ravel(), top.ravel())


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

    def open_patches(self, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return for one cell which patches are open and in which a crown comes first, two boolean arrays (153,)."""
        at = row * self.shape[1] + column
        bits = [
            np.unpackbits(b[:, at], bitorder="little")[: sky_patches().azimuth.size]
            for b in (self.open_bits, self.crown_bits)
        ]
        return bits[0].astype(bool), bits[1].astype(bool)

    def sky_view_factor(self, transmissivity: float | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the sky view factors: in all, of buildings and terrain alone, of crowns alone; float32 (y, x)."""
        weights = sky_patches().horizontal
        tau = (
            float(read_table("models.heat", "foliage.csv")[0]["leaf_on"]) if transmissivity is None else transmissivity
        )
        building = np.minimum(self.patch_sum(weights), np.float32(1.0))
        behind = self.patch_sum(weights, crowns=True)
        return building - np.float32(1.0 - tau) * behind, building, np.float32(1.0) - behind


def byte_tables(weights: np.ndarray) -> np.ndarray:
    """Return look-up tables that sum patch weights over the bits of a byte, float32 (20, 256)."""
    padded = np.zeros(_PLANES * 8)
    padded[: weights.size] = weights
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(float)
    return np.ascontiguousarray((padded.reshape(_PLANES, 8) @ bits.T).astype(np.float32))


def _content_hash(relief: Relief) -> str:
    digest = hashlib.sha256(f"{_VERSION} {relief.shape} {relief.cell!r}".encode())
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
        direction.sweep(0, line_count(direction.plan), 1 << number, target[0], target[1])
    for kind in range(2):
        merge_transposed(turned[kind].reshape(relief.shape[::-1]), bits[kind].reshape(relief.shape))


def sun_bits(relief: Relief, azimuth: float, elevation: float) -> tuple[np.ndarray, float]:
    """Return what hides the sun from each cell, and the share of sun-facing walls that is lit.

    Parameters
    ----------
    relief : Relief
        Heights of the site.
    azimuth, elevation : float
        Sun [deg], azimuth from grid north.

    Returns
    -------
    tuple
        uint8 (cells,): 1 where terrain and buildings leave the sun open, plus 2 where a crown comes first; and the lit
        share of walls, 0 to 1 (1 where no wall faces the sun).
    """
    direction = relief.directed(azimuth, elevation)
    bits = np.zeros((2, relief.surface.size), np.uint8)
    walls = in_blocks(lambda start, stop: direction.sweep(start, stop, 1, bits[0], bits[1]), line_count(direction.plan))
    total, lit = np.sum(walls, axis=0)
    found = bits[0] | (bits[1] << 1)
    if direction.plan.rows_major:
        turned, found = found, np.zeros_like(found)
        merge_transposed(turned.reshape(relief.shape[::-1]), found.reshape(relief.shape))
    return found, float(lit / total) if total > 0 else 1.0


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
    relief = relief_of(site)
    key = _content_hash(relief)
    kept = Path(cache) / f"sky-{key}.npy" if cache is not None else None
    if kept is not None and kept.is_file():
        bits = np.load(kept)
        if bits.shape == (2, _PLANES, relief.surface.size):
            return SkyGeometry(relief, bits[0], bits[1], key)
    bits = np.zeros((2, _PLANES, relief.surface.size), dtype=np.uint8)
    over(lambda plane: _sweep_plane(relief, plane, bits[:, plane]), range(_PLANES))
    if kept is not None:
        _keep(kept, bits)
    bits.setflags(write=False)
    return SkyGeometry(relief, bits[0], bits[1], key)


def _keep(path: Path, bits: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.save(file, bits)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def sky_view_factor(site: xr.Dataset, *, geometry: SkyGeometry | None = None) -> xr.Dataset:
    """Return how much of the sky each cell sees: 1 on an open field, near 0 in a narrow yard.

    Parameters
    ----------
    site : xarray.Dataset
        Layers ``terrain_height``, ``surface_height``, ``canopy_height`` and ``trunk_height`` [m] on ("y", "x").
    geometry : SkyGeometry, optional
        What :func:`prepare` gave for the same site.

    Returns
    -------
    xarray.Dataset
        ``svf`` (with crowns in leaf letting a little through), ``svf_building`` (terrain and buildings alone) and
        ``svf_vegetation`` (crowns alone), float32 (y, x).

    References
    ----------
    Lindberg & Grimmond 2011, doi 10.1007/s00704-010-0382-8 (the three factors).
    """
    found = (geometry or prepare(site)).sky_view_factor()
    names = {
        "svf": "Sky view factor, crowns included",
        "svf_building": "Sky view factor of terrain and buildings",
        "svf_vegetation": "Sky view factor of crowns",
    }
    data = {
        name: (("y", "x"), values, {"units": "1", "long_name": long})
        for (name, long), values in zip(names.items(), found, strict=True)
    }
    return xr.Dataset(data, coords=spatial_coordinates(site))


def spatial_coordinates(site: xr.Dataset) -> dict:
    """Return the coordinates that place results on the map: x, y and the CRS."""
    return {name: site.coords[name] for name in ("y", "x", "spatial_ref") if name in site.coords}
