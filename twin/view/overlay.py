"""Title, legend and source line over a 3D picture, with the legend of the maps, laid over as one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from twin.view.furniture import INK, draw_legend, legend_height

if TYPE_CHECKING:
    import pyvista as pv

    from twin.view.palettes import Palette

__all__ = ["LEGEND_WIDTH", "add_overlay", "overlay_image"]

LEGEND_WIDTH = 470
"""Width of the legend with its margin [px]."""

_DPI = 130


def overlay_image(
    size: tuple[int, int],
    title: str,
    subtitle: str,
    foot: str,
    palette: Palette | None,
    shares: np.ndarray | None,
    language: str,
    *,
    signs: tuple[str, ...] = (),
) -> np.ndarray:
    """Return title, foot line and legend as an image with transparency, uint8 (height, width, 4).

    Parameters
    ----------
    size : tuple of int
        Width and height [px].
    title, subtitle, foot : str
        Heading and line below it at the top left, line at the bottom left.
    palette : Palette or None
        Legend at the right, of the bins that occur; none without it.
    shares : numpy.ndarray or None
        Share of each bin, written in the legend.
    language : str
        Language of the words.
    signs : tuple of str
        Further signs of the legend, as in ``draw_legend``.
    """
    width, height = size[0] / _DPI, size[1] / _DPI
    figure = Figure(figsize=(width, height), dpi=_DPI)
    figure.patch.set_alpha(0.0)
    canvas = FigureCanvasAgg(figure)
    figure.text(0.25 / width, 1 - 0.34 / height, title, fontsize=18, fontweight="bold", color=INK, va="center")
    figure.text(0.25 / width, 1 - 0.66 / height, subtitle, fontsize=12, color=INK, va="center")
    figure.text(0.25 / width, 0.2 / height, foot, fontsize=9.5, color=INK, va="center")
    if palette is not None:
        palette, shares = palette.occurring(shares)
        wide, tall = (LEGEND_WIDTH - 60) / _DPI, legend_height(palette, shares, len(signs)) - 0.12
        left, bottom = width - wide - 0.35, height - tall - 0.35
        panel = FancyBboxPatch(
            ((left - 0.15) / width, (bottom - 0.1) / height),
            (wide + 0.3) / width,
            (tall + 0.2) / height,
            boxstyle="square,pad=0",
            transform=figure.transFigure,
            facecolor="white",
            edgecolor="#c9c9c9",
            linewidth=0.8,
            alpha=0.93,
            zorder=-1,
        )
        figure.add_artist(panel)
        draw_legend(
            figure.add_axes((left / width, bottom / height, wide / width, tall / height)),
            palette,
            language,
            shares=shares,
            extra=signs,
        )
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


def add_overlay(plotter: pv.Plotter, image: np.ndarray) -> None:
    """Lay an image with transparency over the picture, pixel on pixel from the lower left corner."""
    import pyvista
    from vtkmodules.vtkCommonCore import vtkFloatArray, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkRenderingCore import vtkCoordinate, vtkPolyDataMapper2D, vtkTexturedActor2D

    points, place, cells = vtkPoints(), vtkFloatArray(), vtkCellArray()
    place.SetNumberOfComponents(2)
    cells.InsertNextCell(4)
    for number, (u, v) in enumerate(((0, 0), (1, 0), (1, 1), (0, 1))):
        points.InsertNextPoint(float(u), float(v), 0.0)
        place.InsertNextTuple2(float(u), float(v))
        cells.InsertCellPoint(number)
    sheet = vtkPolyData()
    sheet.SetPoints(points)
    sheet.SetPolys(cells)
    sheet.GetPointData().SetTCoords(place)
    coordinate = vtkCoordinate()
    coordinate.SetCoordinateSystemToNormalizedViewport()
    mapper = vtkPolyDataMapper2D()
    mapper.SetInputData(sheet)
    mapper.SetTransformCoordinate(coordinate)
    actor = vtkTexturedActor2D()
    actor.SetMapper(mapper)
    texture = pyvista.Texture(image)
    texture.interpolate = True
    actor.SetTexture(texture)
    plotter.renderer.AddViewProp(actor)
