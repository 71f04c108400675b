"""Where the camera stands, and the ruler and compass that lie beside the city."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from twin.language import text
from twin.view import labels
from twin.view.furniture import round_length

if TYPE_CHECKING:
    import pyvista as pv

__all__ = ["add_ruler", "place_camera"]

AZIMUTH, ELEVATION, LENS = 212.0, 36.0, 22.0
"""Where the camera stands seen from the middle of the area, and its vertical opening angle [deg]."""

_DARK = "#2b2b2b"


def place_camera(
    plotter: pv.Plotter,
    area: tuple[float, float, float, float],
    ground: xr.DataArray,
    origin: tuple[float, float, float],
    size: tuple[int, int],
    *,
    room: int = 0,
) -> None:
    """Place the camera in the south-west so that the whole area is seen beside the legend.

    Parameters
    ----------
    plotter : pyvista.Plotter
        The scene.
    area : tuple of float
        West, south, east, north [m].
    ground : xarray.DataArray
        Terrain [m].
    origin : tuple of float
        East, north, height [m] that is (0, 0, 0) in the scene.
    size : tuple of int
        Picture [px].
    room : int
        Width [px] at the right that is left free for the legend.
    """
    width, depth = area[2] - area[0], area[3] - area[1]
    highest = float(np.nanmax(ground.values)) - origin[2] + 0.04 * max(width, depth)
    corners = np.array([[x, y, z] for x in (0.0, width) for y in (-0.07 * depth, depth) for z in (0.0, highest)])
    middle = np.array([width / 2, depth / 2, highest / 4])
    azimuth, elevation = np.radians(AZIMUTH), np.radians(ELEVATION)
    away = np.array([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
    right = np.cross([0.0, 0.0, 1.0], away)
    right /= np.linalg.norm(right)
    up = np.cross(away, right)
    tall = np.tan(np.radians(LENS / 2))
    wide = tall * (size[0] - room - 40) / size[1]
    distance, middle = _fit(corners, middle, np.stack([right, up, away], axis=1), wide, 0.9 * tall)
    camera = plotter.camera
    camera.focal_point, camera.position, camera.up = middle, middle + distance * away, (0.0, 0.0, 1.0)
    camera.view_angle = LENS
    camera.SetWindowCenter(room / size[0], 0.02)
    camera.clipping_range = (0.05 * distance, 4.0 * distance)
    plotter.camera_set = True


def _fit(
    corners: np.ndarray, middle: np.ndarray, axes: np.ndarray, wide: float, tall: float
) -> tuple[float, np.ndarray]:
    """Return the distance and the point looked at by which the corners just fill the picture, with like margins.

    ``axes`` holds right, up and towards the camera as columns; ``wide`` and ``tall`` are tangents of half the angles.
    """

    def reach(place: np.ndarray) -> float:
        return float(np.max(np.maximum(np.abs(place[:, 0]) / wide, np.abs(place[:, 1]) / tall) + place[:, 2]))

    for _ in range(12):
        place = (corners - middle) @ axes
        distance = reach(place)
        seen = place[:, :2] / (distance - place[:, 2])[:, None]
        middle = middle + axes[:, :2] @ (0.5 * (seen.max(axis=0) + seen.min(axis=0)) * distance)
    return reach((corners - middle) @ axes), middle


def add_ruler(plotter: pv.Plotter, area: tuple[float, float, float, float], foot: float, language: str) -> None:
    """Lay a ruler along the southern edge and a north arrow at its end, on the ground plane of the scene."""
    import pyvista

    width, depth = area[2] - area[0], area[3] - area[1]
    length, thick, gap = round_length(0.45 * width), 0.012 * depth, 0.02 * depth
    start, south = 0.02 * width, -gap - thick
    for i in range(4):
        box = pyvista.Box(
            (start + i * length / 4, start + (i + 1) * length / 4, south, south + thick, foot, foot + 0.3 * thick)
        )
        plotter.add_mesh(box, color=_DARK if i % 2 == 0 else "white", lighting=False)
        plotter.add_mesh(box.extract_feature_edges(), color=_DARK, line_width=1.0, lighting=False)
    for value in (0.0, length / 2, length):
        digits = 0 if float(value).is_integer() else 1
        written = labels.number(value, digits, language) + (" m" if value == length else "")
        _lay_text(plotter, written, (start + value, south - 0.6 * gap), 0.032 * depth, foot)
    tip = np.array([0.0, 1.0]), np.array([-0.42, 0.0]), np.array([0.0, 0.25]), np.array([0.42, 0.0])
    tall, place = 0.055 * depth, np.array([0.93 * width, south - 0.075 * depth + thick])
    points = np.array([[*(place + tall * p), foot] for p in tip])
    plotter.add_mesh(
        pyvista.PolyData.from_regular_faces(points, np.array([[0, 1, 2], [0, 2, 3]])), color=_DARK, lighting=False
    )
    _lay_text(
        plotter, text("view.north", language), (place[0] + 0.05 * depth, place[1] + 0.045 * depth), 0.04 * depth, foot
    )


def _lay_text(plotter: pv.Plotter, words: str, place: tuple[float, float], height: float, foot: float) -> None:
    """Write flat on the ground plane, centred in x, the top at the place."""
    import pyvista

    letters = pyvista.Text3D(
        words, depth=0.0, height=height, center=(place[0], place[1] - height / 2, foot), normal=(0.0, 0.0, 1.0)
    )
    plotter.add_mesh(letters, color=_DARK, lighting=False)
