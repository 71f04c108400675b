"""Maps of a layer on the grid: title, colours and their meaning, buildings, crowns, scale bar, north arrow, source.

The figure belongs to nobody (no global state of matplotlib is touched), so maps can be drawn in several threads; in a
notebook it shows itself.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from models.layers import LAND_COVER, require_metric_grid
from twin.language import default_language, text
from twin.view import labels
from twin.view.backdrop import backdrop
from twin.view.furniture import FAINT, INK, draw_legend, draw_north_arrow, draw_scale_bar
from twin.view.moments import moment
from twin.view.palettes import Palette, colour_image, lies_on_ground, palette_for

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from twin.city.model import City

__all__ = ["MapFigure", "counted", "draw", "layer_title", "shares_of_area", "water_cells"]

_PANEL, _EDGE, _GAP = 3.15, 0.08, 0.3  # legend width, outer margin, gap between map and legend [inch]


class MapFigure(Figure):
    """A figure that shows itself in notebooks and saves itself without further settings."""

    def png(self, dpi: int = 150) -> bytes:
        """Return the map as PNG bytes with 256 colours, a third of the size of a full-colour file."""
        from PIL import Image

        self.set_dpi(dpi)
        canvas = FigureCanvasAgg(self)
        canvas.draw()
        buffer, pixels = io.BytesIO(), np.asarray(canvas.buffer_rgba())[..., :3]
        Image.fromarray(np.ascontiguousarray(pixels)).quantize(256, dither=Image.Dither.NONE).save(buffer, "png")
        return buffer.getvalue()

    def save(self, path: str | Path, dpi: int = 200) -> Path:
        """Write the map to a file; the ending (png, pdf, svg, webp) sets the format."""
        self.savefig(Path(path), dpi=dpi)
        return Path(path)

    def _repr_png_(self) -> bytes:
        return self.png(100)


FELT = ("utci", "pet", "tmrt", "pt", "wbgt")
"""Layers of what a person feels: water is left out of their maps, as it is of their shares."""


@dataclass(frozen=True)
class _Sheet:
    """Where the parts of a map lie on the sheet [inch]."""

    width: float
    height: float
    map_box: tuple[float, float, float, float]

    def share(self, left: float, bottom: float, width: float, height: float) -> tuple[float, float, float, float]:
        return left / self.width, bottom / self.height, width / self.width, height / self.height


def draw(
    layer: xr.DataArray,
    *,
    site: xr.Dataset | None = None,
    city: City | None = None,
    time: str | np.datetime64 | pd.Timestamp | None = None,
    title: str | None = None,
    source: str | None = None,
    language: str | None = None,
    timezone: str = labels.TIMEZONE,
    palette: Palette | None = None,
    compact: bool = False,
    width: float | None = None,
) -> MapFigure:
    """Draw a layer as a map that can be printed as it is.

    Parameters
    ----------
    layer : xarray.DataArray
        Dims ("y", "x") or ("time", "y", "x"), row 0 = north, coordinates in metres.
    site : xarray.Dataset, optional
        Site layers of the same grid: shades the roofs and outlines tree crowns.
    city : City, optional
        City whose footprints are outlined; without it the outlines follow the cells of ``building_id``.
    time : str, numpy.datetime64 or pandas.Timestamp, optional
        ``"14:00"`` = local time of day, a full stamp = UTC; by default the hottest time step.
    title, source : str, optional
        Heading and source line; by default made from the layer.
    language : {"en", "de"}, optional
        Language of all words.
    timezone : str
        IANA name of the local time zone.
    palette : Palette, optional
        Colours; by default those of the layer's name. Give the same one to maps that are to be compared.
    compact : bool
        Small map without title and legend, for a row of maps that share one legend.
    width : float, optional
        Width of the sheet [inch], by default 10, compact 3.6.

    Returns
    -------
    MapFigure
        Figure with ``.save(path)``; it shows itself in notebooks.

    Raises
    ------
    InputError
        If the grid is not metric, the dims do not fit or the time is not in the layer.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> y, x = np.arange(49.5, 0, -1), np.arange(0.5, 60)
    >>> layer = xr.DataArray(np.tile(30 + x / 5, (50, 1)), {"y": y, "x": x}, ("y", "x"), name="tmrt")
    >>> draw(layer, language="en").axes[0].get_gid()
    'map'
    """
    language = language or default_language()
    palette = palette or palette_for(layer, language)
    flat, stamp = moment(layer, time, timezone)
    cell = require_metric_grid(flat.to_dataset(name="layer"))
    sheet = _sheet(flat.sizes["x"] / flat.sizes["y"], width or (3.6 if compact else 10.0), compact)
    figure = MapFigure(figsize=(sheet.width, sheet.height), facecolor="white")
    FigureCanvasAgg(figure)
    signs = _draw_ground(
        figure.add_axes(sheet.share(*sheet.map_box), label="map"), flat, palette, cell, site, city, compact
    )
    left, bottom, map_width, map_height = sheet.map_box
    metres_per_inch = flat.sizes["x"] * cell / map_width
    if compact:
        bar = figure.add_axes(sheet.share(left, 0.08, 0.6 * map_width, 0.3), label="scale_bar")
        draw_scale_bar(bar, metres_per_inch, language, size=7.5)
        draw_north_arrow(
            figure.add_axes(sheet.share(left + map_width - 0.25, 0.04, 0.25, 0.36), label="north_arrow"),
            language,
            size=7,
        )
        return figure
    panel = left + map_width + _GAP
    legend = figure.add_axes(sheet.share(panel, bottom + 0.75, _PANEL - 0.05, map_height - 0.75), label="legend")
    draw_legend(legend, palette, language, shares=shares_of_area(palette, flat, site), extra=signs)
    bar = figure.add_axes(sheet.share(panel, bottom + 0.05, _PANEL - 0.75, 0.35), label="scale_bar")
    draw_scale_bar(bar, metres_per_inch, language)
    arrow = figure.add_axes(sheet.share(panel + _PANEL - 0.5, bottom, 0.4, 0.6), label="north_arrow")
    draw_north_arrow(arrow, language)
    _draw_words(
        figure, sheet, title or layer_title(palette, stamp, language, timezone), _footnote(flat, cell, source, language)
    )
    return figure


def water_cells(flat: xr.DataArray, site: xr.Dataset | None) -> np.ndarray | None:
    """Return where a layer of what people feel lies on water, bool (y, x); None where that does not matter."""
    if flat.name not in FELT or site is None or "land_cover" not in site or site["land_cover"].shape != flat.shape:
        return None
    return np.asarray(site["land_cover"].values == LAND_COVER["water"])


def counted(flat: xr.DataArray, site: xr.Dataset | None) -> np.ndarray:
    """Return the values that shares are counted over: where the site is known, without buildings and water."""
    from twin.scenario.indicators import outdoor_ground

    known = (
        site is not None and "building_id" in site and "land_cover" in site and site["land_cover"].shape == flat.shape
    )
    values = np.asarray(flat.values)
    return values[outdoor_ground(site)] if known and site is not None and flat.name != "land_cover" else values


def shares_of_area(palette: Palette, flat: xr.DataArray, site: xr.Dataset | None) -> np.ndarray:
    """Return the share of the area in each bin (bins,); of a flood the dry ground counts as area too."""
    values = counted(flat, site)
    covered = float(np.isfinite(values.astype(float)).mean()) if lies_on_ground(str(flat.name)) and values.size else 1.0
    return palette.shares(values) * covered


def _sheet(aspect: float, width: float, compact: bool) -> _Sheet:
    """Lay out the sheet for a map of this width-to-height ratio; a very tall or wide map is kept on the page."""
    if compact:
        map_width = width - 0.12
        map_height = map_width / aspect
        return _Sheet(width, map_height + 0.52, (0.06, 0.46, map_width, map_height))
    map_width = width - 2 * _EDGE - _GAP - _PANEL
    map_height = map_width / aspect
    tallest = 1.6 * width
    if map_height > tallest:
        map_width, map_height = map_width * tallest / map_height, tallest
    height = max(map_height, 5.2) + 1.2
    return _Sheet(
        map_width + 2 * _EDGE + _GAP + _PANEL, height, (_EDGE, height - 0.75 - map_height, map_width, map_height)
    )


def _draw_ground(
    axes: Axes,
    flat: xr.DataArray,
    palette: Palette,
    cell: float,
    site: xr.Dataset | None,
    city: City | None,
    compact: bool,
) -> tuple[str, ...]:
    """Draw colours, roofs, crowns and outlines; return which signs the legend has to explain."""
    x, y = flat["x"].values, flat["y"].values
    extent = (x[0] - cell / 2, x[-1] + cell / 2, y[-1] - cell / 2, y[0] + cell / 2)
    water = water_cells(flat, site)
    picture = colour_image(flat, palette, water)
    built = _buildings(site, flat)
    signs = ["water"] if water is not None and water.any() else []
    unknown, on_ground = np.isnan(flat.values.astype(float)), site is not None and lies_on_ground(str(flat.name))
    if site is not None and on_ground:
        picture = np.where(unknown[..., None], backdrop(site), picture).astype(np.uint8)
    if site is not None and built is not None and "surface_height" in site:
        hidden = built & unknown
        picture = np.where(hidden[..., None], _roof_shade(site, cell)[..., None], picture).astype(np.uint8)
    axes.imshow(picture, extent=extent, interpolation="antialiased", zorder=1)
    outlines = _footprints(city, extent)
    if outlines:
        axes.add_collection(LineCollection(outlines, colors="#3a3a3a", linewidths=0.25 if compact else 0.5, zorder=3))
    elif built is not None and built.any():
        axes.contour(
            x,
            y,
            built.astype(np.float32),
            levels=[0.5],
            colors="#3a3a3a",
            linewidths=0.25 if compact else 0.5,
            zorder=3,
        )
    if outlines or (built is not None and built.any()):
        signs.append("buildings")
    if (
        site is not None
        and "canopy_height" in site
        and flat.name not in ("canopy_height", "trunk_height", "land_cover")
        and not on_ground
    ):
        crowns = site["canopy_height"].values > 0
        if crowns.any() and not compact:
            axes.contour(
                x, y, crowns.astype(np.float32), levels=[0.5], colors="#1d5c2e", linewidths=0.4, alpha=0.8, zorder=2
            )
            signs.append("trees")
    if on_ground:
        signs.append("dry")
        if site is not None and "land_cover" in site and LAND_COVER["water"] in site["land_cover"].values:
            signs.append("water")
    elif (unknown & ~built).any() if built is not None else (unknown.any() and not outlines):
        signs.append("missing")
    axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
    axes.set_gid("map")
    for spine in axes.spines.values():
        spine.set(linewidth=0.8, color=INK)
    return tuple(signs)


def _buildings(site: xr.Dataset | None, flat: xr.DataArray) -> np.ndarray | None:
    if site is None or "building_id" not in site or site["building_id"].shape != flat.shape:
        return None
    return np.asarray(site["building_id"].values > 0)


def _roof_shade(site: xr.Dataset, cell: float) -> np.ndarray:
    """Grey of roofs lit from the north-west (azimuth 315, elevation 45 deg), 0..255."""
    height = site["surface_height"].values.astype(np.float32)
    south, east = np.gradient(np.nan_to_num(height, nan=float(np.nanmin(height))), cell)
    shade = (0.7071 + 0.5 * east + 0.5 * south) / np.sqrt(1.0 + east**2 + south**2)
    return np.clip(110 + 105 * shade, 120, 232)


def _footprints(city: City | None, extent: tuple[float, ...]) -> list[np.ndarray]:
    """Outlines of all footprints that touch the map, as (n, 2) lines."""
    if city is None or city.objects.empty:
        return []
    from shapely import get_coordinates, get_parts, get_rings

    west, east, south, north = extent
    shapes = city.objects.geometry
    shapes = shapes[shapes.notna()].cx[west:east, south:north]
    return [get_coordinates(ring) for ring in get_rings(get_parts(np.asarray(shapes.values)))]


def layer_title(palette: Palette, stamp: np.datetime64 | None, language: str, timezone: str = labels.TIMEZONE) -> str:
    """Return the heading of a picture: what it shows, on which day, at what local time."""
    if stamp is None:
        return palette.name
    words: dict[str, Any] = {
        "name": palette.name,
        "day": labels.day(stamp, language, timezone),
        "clock": labels.clock(stamp, language, timezone),
    }
    return text("view.map_title", language, **words)


def _footnote(flat: xr.DataArray, cell: float, source: str | None, language: str) -> str:
    crs = flat.rio.crs if hasattr(flat, "rio") else None
    code = crs.to_epsg() if crs is not None else None
    known = f"EPSG:{code}" if code else (crs.to_dict().get("name", "") if crs is not None else "")
    grid = text(
        "view.grid",
        language,
        cell=labels.number(cell, 0 if float(cell).is_integer() else 1, language),
        crs=known or text("view.local_crs", language),
    )
    return " · ".join(part for part in (text("view.source", language, source=source) if source else "", grid) if part)


def _draw_words(figure: Figure, sheet: _Sheet, title: str, footnote: str) -> None:
    left = _EDGE / sheet.width
    figure.text(
        left, 1 - 0.36 / sheet.height, title, fontsize=14, fontweight="bold", color=INK, va="center", gid="title"
    )
    figure.text(left, 0.2 / sheet.height, footnote, fontsize=8, color=FAINT, va="center", gid="source")
