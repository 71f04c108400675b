"""Maps of ways: cool routes over the heat, streets by heat and need of shade, streets that water closes and whom help reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from twin.language import default_language, text
from twin.view.furniture import INK
from twin.view.maps import MapFigure
from twin.view.sheets import legend, sheet

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes

__all__ = ["CHOICES", "help_map", "route_map", "street_map"]

CHOICES: dict[str, tuple[str, Any]] = {
    "quickest": ("#d7301f", "-"),
    "balanced": ("#756bb1", (0, (4, 1.5))),
    "coolest": ("#08519c", "-"),
}
"""Colour and dashes of the choices among ways, told apart without colour by their dashes and width."""
_HEAT = ((32.0, "#fee391"), (35.0, "#fec44f"), (38.0, "#fe9929"), (41.0, "#cc4c02"), (np.inf, "#662506"))
_CLOSED, _REACHED, _LATE, _CUT = "#08306b", "#1a9850", "#fdae61", "#a50026"
_DEMAND = 0.85
"""Share of the streets below the need of shade that is marked."""


def route_map(routes: gpd.GeoDataFrame, site: xr.Dataset, *, hour: str = "", language: str | None = None) -> MapFigure:
    """Draw the asked ways: quickest, coolest and the one between, each with minutes and heat.

    Parameters
    ----------
    routes : geopandas.GeoDataFrame
        ``cool_routes`` of a run.
    site : xarray.Dataset
        Site layers of the same run.
    hour : str
        Local hour, for the heading.
    language : {"en", "de"}, optional
        Language of all words.
    """
    language = language or default_language()
    figure, axes = sheet(site, text("mobility.map_routes", language, hour=hour), language)
    found = routes[routes.geometry.notna()]
    for choice, (colour, dashes) in CHOICES.items():
        part = found[found["choice"] == choice]
        wide = 5.0 if choice == "quickest" else 2.4
        for line in part.geometry:
            axes.plot(
                *np.asarray(line.coords).T[:2], color="white", linewidth=wide + 1.6, zorder=4, solid_capstyle="round"
            )
            axes.plot(*np.asarray(line.coords).T[:2], color=colour, linewidth=wide, linestyle=dashes, zorder=5)
    signs = [
        Line2D(
            [],
            [],
            color=colour,
            linestyle=dashes,
            linewidth=5.0 if name == "quickest" else 2.4,
            label=text(f"mobility.legend_{name}", language),
        )
        for name, (colour, dashes) in CHOICES.items()
        if (found["choice"] == name).any()
    ]
    names: list[str] = []
    for number, (name, part) in enumerate(found.groupby("route", sort=False), 1):
        names.append(f"{number}  {name}")
        ends = np.asarray(part.geometry.iloc[0].coords)[[0, -1], :2]
        axes.scatter(ends[:, 0], ends[:, 1], s=120, c="white", edgecolors=INK, zorder=7)
        for x, y in ends:
            axes.annotate(
                str(number), (x, y), ha="center", va="center", fontsize=8, fontweight="bold", color=INK, zorder=8
            )
    signs.append(
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=10,
            color="white",
            markeredgecolor=INK,
            label=text("mobility.legend_start", language),
        )
    )
    signs += [Line2D([], [], linestyle="", label=name) for name in names]
    legend(figure, signs)
    return figure


def street_map(
    streets: gpd.GeoDataFrame, site: xr.Dataset, *, hour: str = "", language: str | None = None
) -> MapFigure:
    """Draw the streets by the heat on them, and mark those where shade would serve most walkers.

    Parameters
    ----------
    streets : geopandas.GeoDataFrame
        ``streets`` of a run with heat.
    site, hour, language
        As for :func:`route_map`.
    """
    language = language or default_language()
    figure, axes = sheet(site, text("mobility.map_streets", language, hour=hour), language)
    demand = streets["shade_demand"].to_numpy(float)
    marked = demand >= max(float(np.quantile(demand, _DEMAND)), 1e-9)
    _lines(axes, streets[marked], "#000000", 7.5, 3)
    bounds = np.array([bound for bound, _ in _HEAT])
    step = np.searchsorted(bounds, streets["utci"].to_numpy(float), side="right")
    signs = []
    for k, (bound, colour) in enumerate(_HEAT):
        _lines(axes, streets[step == k], colour, 1.8 + 0.7 * k, 4)
        low = bounds[k - 1] if k else -np.inf
        words = f"< {bound:.0f}" if k == 0 else (f"≥ {low:.0f}" if np.isinf(bound) else f"{low:.0f} – {bound:.0f}")
        signs.append(Line2D([], [], color=colour, linewidth=1.8 + 0.7 * k, label=words))
    head = Line2D([], [], linestyle="", label=text("mobility.legend_utci", language))
    most = Line2D([], [], color="#000000", linewidth=7.5, label=text("mobility.legend_demand", language))
    legend(figure, [head, *signs[::-1], most])
    return figure


def help_map(
    closed: gpd.GeoDataFrame, helped: gpd.GeoDataFrame | None, stations: Any, site: xr.Dataset, *, within: float, language: str | None = None
) -> MapFigure:  # fmt: skip
    """Draw the streets that water closes and the places that help reaches in time, late or not at all.

    Parameters
    ----------
    closed, helped : geopandas.GeoDataFrame
        ``closed_streets`` and ``help`` of a run.
    stations : array_like
        (n, 2) places that help starts from [m].
    site, language
        As for :func:`route_map`.
    within : float
        Time in which help must arrive [min].
    """
    language = language or default_language()
    figure, axes = sheet(site, text("mobility.map_help", language), language)
    _lines(axes, closed, _CLOSED, 4.0, 4)
    signs = [Line2D([], [], color=_CLOSED, linewidth=4.0, label=text("mobility.legend_closed", language))]
    if helped is not None and len(helped):
        late = (helped["worst_minutes"] > within).to_numpy() & ~helped["cut_off"].to_numpy(bool)
        cut = helped["cut_off"].to_numpy(bool)
        for rows, colour, marker, name in (
            (~late & ~cut, _REACHED, "o", "reached"), (late, _LATE, "D", "late"), (cut, _CUT, "X", "cut"),
        ):  # fmt: skip
            part = helped[rows]
            axes.scatter(
                part.geometry.x,
                part.geometry.y,
                s=95,
                c=colour,
                marker=marker,
                edgecolors="white",
                linewidths=1.0,
                zorder=6,
            )
            for row in part.to_dict("records"):
                label = axes.annotate(str(row["name"]), (row["geometry"].x, row["geometry"].y), xytext=(0, 9), textcoords="offset points",
                                      ha="center", fontsize=7.5, color=INK, zorder=8)  # fmt: skip
                label.set_path_effects([Stroke(linewidth=2.5, foreground="white"), Normal()])
            signs.append(
                Line2D(
                    [],
                    [],
                    linestyle="",
                    marker=marker,
                    color=colour,
                    markersize=9,
                    label=text(f"mobility.legend_{name}", language),
                )
            )
    places = np.asarray(stations, dtype=float).reshape(-1, 2)
    if len(places):
        axes.scatter(places[:, 0], places[:, 1], s=130, c="#3f007d", marker="^", edgecolors="white", zorder=7)
        signs.append(
            Line2D(
                [],
                [],
                linestyle="",
                marker="^",
                color="#3f007d",
                markersize=10,
                label=text("mobility.legend_station", language),
            )
        )
    legend(figure, signs)
    return figure


def _lines(axes: Axes, frame: gpd.GeoDataFrame, colour: str, width: float, order: int) -> None:
    courses = [np.asarray(line.coords)[:, :2] for line in frame.geometry if line is not None]
    axes.add_collection(LineCollection(courses, colors=colour, linewidths=width, zorder=order, capstyle="round"))
