"""Maps of the watering plan: thirsty trees, and the tours that bring their litres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.lines import Line2D

from twin.language import default_language, text
from twin.view.furniture import INK
from twin.view.maps import MapFigure
from twin.view.sheets import legend, sheet
from twin.view.thirst import REASON_COLOURS

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["plan_map", "tour_map"]

_TOURS = ("#08519c", "#a63603", "#54278f", "#006d2c", "#7a0177", "#636363")


def plan_map(plan: gpd.GeoDataFrame, site: xr.Dataset, *, language: str | None = None) -> MapFigure:
    """Draw every tree in the colour of its reason; trees that are watered are larger.

    Parameters
    ----------
    plan : geopandas.GeoDataFrame
        ``trees_plan`` of a run.
    site : xarray.Dataset
        Site layers of the same run.
    language : {"en", "de"}, optional
        Language of all words.
    """
    language = language or default_language()
    figure, axes = sheet(site, text("trees.map_title", language), language)
    x, y = plan.geometry.x.to_numpy(), plan.geometry.y.to_numpy()
    signs = []
    for name in reversed(REASON_COLOURS):
        rows = (plan["reason"] == name).to_numpy()
        if not rows.any():
            continue
        watered = name in ("dry_now", "dry_soon")
        size = (26.0 if watered else 8.0) * min(1.0, float(np.sqrt(1200.0 / len(plan))))
        axes.scatter(
            x[rows],
            y[rows],
            s=size,
            c=REASON_COLOURS[name],
            edgecolors="white",
            linewidths=0.4 if len(plan) < 3000 else 0.0,
            zorder=4 + watered,
        )
        words = text(f"trees.legend_{name}", language, count=int(rows.sum()))
        signs.append(_dot(REASON_COLOURS[name], words, 8 if watered else 5))
    legend(figure, signs[::-1])
    return figure


def tour_map(
    plan: gpd.GeoDataFrame, tours: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, site: xr.Dataset, *, language: str | None = None
) -> MapFigure:  # fmt: skip
    """Draw the ways of the tours with their trees, hydrants and the yard.

    Parameters
    ----------
    plan, tours, stops : geopandas.GeoDataFrame
        ``trees_plan``, ``tours`` and ``tour_stops`` of a run.
    site : xarray.Dataset
        Site layers of the same run.
    language : {"en", "de"}, optional
        Language of all words.
    """
    language = language or default_language()
    figure, axes = sheet(site, text("trees.tours_title", language), language)
    axes.scatter(plan.geometry.x, plan.geometry.y, s=3, c="#8a8a86", zorder=2)
    signs = []
    for k, (number, line, km) in enumerate(zip(tours["tour"], tours.geometry, tours["km"], strict=True)):
        colour = _TOURS[k % len(_TOURS)]
        axes.plot(*np.asarray(line.coords).T[:2], color=colour, linewidth=1.3, alpha=0.85, zorder=4)
        served = stops[(stops["tour"] == number) & (stops["kind"] == "tree")]
        axes.scatter(served.geometry.x, served.geometry.y, s=16, c=colour, edgecolors="white", linewidths=0.5, zorder=5)
        words = text(
            "trees.legend_tour",
            language,
            tour=number,
            trees=len(served),
            km=f"{km:.1f}".replace(".", "," if language == "de" else "."),
        )
        signs.append(Line2D([], [], color=colour, marker="o", markersize=5, label=words))
    for kind, marker, colour in (("hydrant", "s", "#1f78b4"), ("depot", "^", INK)):
        rows = stops[stops["kind"] == kind]
        if len(rows):
            axes.scatter(rows.geometry.x, rows.geometry.y, s=46, c=colour, marker=marker, edgecolors="white", zorder=6)
            words = text(f"trees.legend_{kind}", language)
            signs.append(Line2D([], [], linestyle="", marker=marker, color=colour, markersize=7, label=words))
    legend(figure, signs)
    return figure


def _dot(colour: str, words: str, size: float) -> Line2D:
    return Line2D([], [], linestyle="", marker="o", color=colour, markeredgecolor="white", markersize=size, label=words)
