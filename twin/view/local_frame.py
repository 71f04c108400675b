"""The local frame of a scene: metres east, north and up from an origin, and where that stands on the globe.

Vertices stay small numbers (float32 keeps millimetres); one matrix carries grid north, the scale of the projection
and the place on the ellipsoid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyproj

    from twin.city.model import City

__all__ = ["LocalFrame", "frame_of"]

_IDENTITY = tuple(float(v) for v in np.eye(4).T.ravel())


@dataclass(frozen=True)
class LocalFrame:
    """Origin of local coordinates.

    Parameters
    ----------
    x, y, z : float
        East, north [m] in the CRS of the city, height [m above its datum].
    longitude, latitude : float or None
        WGS 84 [deg]; None for a local engineering CRS.
    convergence : float
        Grid north minus true north [deg], clockwise.
    transform : tuple of float
        Column-major 4 x 4 matrix from local metres to WGS 84 geocentric ones; the identity without a CRS.
    """

    x: float
    y: float
    z: float
    longitude: float | None = None
    latitude: float | None = None
    convergence: float = 0.0
    transform: tuple[float, ...] = _IDENTITY

    @property
    def origin(self) -> tuple[float, float, float]:
        """East, north, height [m] that become (0, 0, 0)."""
        return (self.x, self.y, self.z)


def frame_of(city: City, *, geoid_height: float = 0.0) -> LocalFrame:
    """Return the frame in the middle of a city's area, on its lowest ground.

    Parameters
    ----------
    city : City
        With an area, a terrain, objects or trees.
    geoid_height : float
        Height of the datum's zero above the WGS 84 ellipsoid there [m] (about 36 to 50 m in Germany); 0 puts the city
        on the ellipsoid, as viewers without a terrain expect it.
    """
    west, south, east, north = _extent(city)
    x, y = round((west + east) / 2, 1), round((south + north) / 2, 1)
    z = 0.0
    if city.terrain is not None and np.isfinite(city.terrain.values).any():
        z = float(np.floor(np.nanmin(city.terrain.values)))
    elif len(city.polygons):
        z = float(np.floor(np.nanmin(city.polygons.xyz[:, 2])))
    return local_frame(city.crs, x, y, z, geoid_height=geoid_height)


def _extent(city: City) -> tuple[float, float, float, float]:
    if city.area is not None:
        return city.area
    boxes = [np.asarray(t.total_bounds, float) for t in (city.objects, city.trees) if len(t)]
    boxes = [b for b in boxes if np.isfinite(b).all()]
    if len(city.polygons):
        low, high = city.polygons.xyz.min(axis=0), city.polygons.xyz.max(axis=0)
        boxes.append(np.array([low[0], low[1], high[0], high[1]]))
    if not boxes and city.terrain is not None:
        xs, ys = city.terrain["x"].values, city.terrain["y"].values
        boxes.append(np.array([xs.min(), ys.min(), xs.max(), ys.max()]))
    if not boxes:
        return (0.0, 0.0, 0.0, 0.0)
    stacked = np.array(boxes)
    west, south = stacked[:, :2].min(axis=0)
    east, north = stacked[:, 2:].max(axis=0)
    return (float(west), float(south), float(east), float(north))


def local_frame(crs: pyproj.CRS | None, x: float, y: float, z: float, *, geoid_height: float = 0.0) -> LocalFrame:
    """Return the frame at a place of a CRS; see :class:`LocalFrame`.

    The axes are taken from small steps east and north, so that the convergence of the meridians and the scale of the
    projection are in the matrix.
    """
    import pyproj

    if crs is None or not (crs.is_projected or (crs.is_compound and crs.sub_crs_list[0].is_projected)):
        return LocalFrame(x, y, z)
    flat = crs.sub_crs_list[0] if crs.is_compound else crs
    degrees = pyproj.Transformer.from_crs(flat, "EPSG:4326", always_xy=True)
    globe = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    step = 100.0
    xs, ys = x + step * np.array([0, 1, -1, 0, 0]), y + step * np.array([0, 0, 0, 1, -1])
    longitude, latitude = degrees.transform(xs, ys)
    height = np.full(5, z + geoid_height)
    place = np.column_stack(globe.transform(longitude, latitude, height))
    east, north = (place[1] - place[2]) / (2 * step), (place[3] - place[4]) / (2 * step)
    up = np.cross(east, north)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = east, north, up / np.linalg.norm(up)
    matrix[:3, 3] = place[0]
    lon, lat = np.radians(longitude[0]), np.radians(latitude[0])
    true_east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    true_north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    convergence = np.degrees(np.arctan2(north @ true_east, north @ true_north))
    return LocalFrame(
        x, y, z, float(longitude[0]), float(latitude[0]), float(convergence), tuple(float(v) for v in matrix.T.ravel())
    )
