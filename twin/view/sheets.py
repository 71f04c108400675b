"""The sheet of maps of places and lines: pale ground with roofs, heading, scale bar, north arrow, legend beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg

from models.layers import require_metric_grid
from twin.view.backdrop import backdrop
from twin.view.furniture import INK, draw_north_arrow, draw_scale_bar
from twin.view.maps import MapFigure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["legend", "sheet"]

_ROOF = (206, 203, 198)
_MAP, _LEGEND = 6.6, 3.7  # [inch]


def sheet(site: xr.Dataset, title: str, language: str) -> tuple[MapFigure, Axes]:
    """Return an empty map of a site with heading, scale bar and north arrow.

    Parameters
    ----------
    site : xarray.Dataset
        Site layers: relief, cover and roofs make the pale ground.
    title : str
        Heading.
    language : {"en", "de"}
        Of the scale bar and the arrow.
    """
    cell = require_metric_grid(site)
    x, y = site["x"].values, site["y"].values
    tall = _MAP * y.size / x.size
    wide, high = _MAP + _LEGEND + 0.2, tall + 0.75
    figure = MapFigure(figsize=(wide, high), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.08 / wide, 0.1 / high, _MAP / wide, tall / high), label="map")
    picture = backdrop(site).astype(np.uint8)
    picture[site["building_id"].values > 0] = _ROOF
    extent = (x[0] - cell / 2, x[-1] + cell / 2, y[-1] - cell / 2, y[0] + cell / 2)
    axes.imshow(picture, extent=extent, interpolation="antialiased", zorder=1)
    axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
    figure.text(0.08 / wide, 1 - 0.42 / high, title, fontsize=13, fontweight="bold", color=INK)
    left = _MAP + 0.3
    bar = figure.add_axes((left / wide, 0.15 / high, 2.0 / wide, 0.35 / high), label="scale_bar")
    draw_scale_bar(bar, x.size * cell / _MAP, language)
    arrow = figure.add_axes(((left + 2.3) / wide, 0.1 / high, 0.4 / wide, 0.6 / high), label="north_arrow")
    draw_north_arrow(arrow, language)
    return figure, axes


def legend(figure: MapFigure, signs: Sequence[Artist]) -> None:
    """Write the signs of a sheet beside its map."""
    wide, high = figure.get_size_inches()
    place = ((_MAP + 0.2) / wide, 1 - 0.6 / high)
    figure.legend(
        handles=list(signs), loc="upper left", bbox_to_anchor=place, frameon=False, fontsize=9, labelspacing=0.9
    )
