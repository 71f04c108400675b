"""Where trees stand and how large they are, for views that draw copies of a few forms instead of one mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from twin.view.trees import _CROWNS, _revolved, feet

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["TreeSizes", "tree_forms", "tree_sizes"]


@dataclass(frozen=True, eq=False)
class TreeSizes:
    """Places and sizes of the trees that can be drawn.

    Parameters
    ----------
    rows : numpy.ndarray
        Rows of ``city.trees``.
    foot : numpy.ndarray
        float64 (n, 3) [m] from the origin of the scene, on the ground.
    height, radius, base : numpy.ndarray
        Height, radius and base of the crown [m above ground].
    shape : numpy.ndarray
        ``"ellipsoid"``, ``"cone"`` or ``"cylinder"``.
    """

    rows: np.ndarray
    foot: np.ndarray
    height: np.ndarray
    radius: np.ndarray
    base: np.ndarray
    shape: np.ndarray

    def trunk(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return place and size (n, 3) of trunks; they reach a little into the crown."""
        height, base = self.height[chosen], self.base[chosen]
        thick = 0.12 + 0.012 * height
        return self.foot[chosen], np.column_stack([thick, thick, base + 0.2 * (height - base)])

    def crown(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return place and size (n, 3) of crowns."""
        none, base, radius = np.zeros((len(chosen), 2)), self.base[chosen], self.radius[chosen]
        size = np.column_stack([radius, radius, self.height[chosen] - base])
        return self.foot[chosen] + np.column_stack([none, base]), size


def tree_sizes(
    city: City,
    origin: tuple[float, float, float],
    *,
    area: tuple[float, float, float, float] | None = None,
) -> TreeSizes:
    """Return place and size of the trees that have a height and a crown, on the terrain."""
    trees = city.trees
    height, crown = trees["height"].to_numpy(float), trees["crown_diameter"].to_numpy(float)
    base = trees["crown_base"].to_numpy(float)
    usable = (height > 0) & (crown > 0)
    ground = city.terrain
    if ground is None:
        west, south, east, north = trees.total_bounds if len(trees) else (0.0, 0.0, 1.0, 1.0)
        ground = xr.DataArray(
            np.full((2, 2), float(origin[2])),
            coords={"y": [north + 1, south - 1], "x": [west - 1, east + 1]},
            dims=("y", "x"),
        )
    rows, foot = feet(city, ground, origin, area=area, where=usable)
    height, crown, base = height[rows], crown[rows], base[rows]
    base = np.where(np.isfinite(base) & (base < height), base, 0.3 * height)
    shape = trees["crown_shape"].astype(str).to_numpy()[rows]
    shape = np.where(np.isin(shape, list(_CROWNS)), shape, "ellipsoid")
    return TreeSizes(rows, foot, height, crown / 2, base, shape)


def tree_forms(sides: int = 8) -> dict[str, tuple[tuple[np.ndarray, np.ndarray], str]]:
    """Return the forms that trees are copies of: points and triangles, and whether it is a trunk or a crown."""
    crowns = {name: (_revolved(profile, sides), "crown") for name, profile in _CROWNS.items()}
    return {"trunk": (_revolved(np.array([[1.0, 0.0], [0.8, 1.0]]), 5), "trunk"), **crowns}
