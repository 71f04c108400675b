"""What makes a picture a map: legend, scale bar and north arrow, in axes of their own so that nothing overlaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Polygon, Rectangle

from twin.language import text
from twin.view import labels
from twin.view.palettes import NOTHING, WATER, Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FAINT", "INK", "draw_legend", "draw_north_arrow", "draw_scale_bar", "legend_height", "round_length"]

INK = "#1c1c1c"
FAINT = "#5f5f5f"
_LINE, _PATCH, _HEADING = 0.27, 0.42, 0.19  # height of a legend line, width of its colour, column heading [inch]


_SIGNS = {"buildings": (189, 189, 185), "water": WATER, "missing": NOTHING, "dry": (234, 232, 226)}


def round_length(longest: float) -> float:
    """Return the longest of 1, 2 or 5 times a power of ten that fits into a length [m].

    Examples
    --------
    >>> round_length(180.0), round_length(499.0)
    (100.0, 200.0)
    """
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max(m * power for m in (1.0, 2.0, 5.0) if m * power <= longest))


def draw_scale_bar(axes: Axes, metres_per_inch: float, language: str, *, size: float = 8.5) -> None:
    """Draw a two-field scale bar that fills most of the axes' width (axes in inches, origin lower left)."""
    _inches(axes)
    width = axes.get_xlim()[1]
    length = round_length(max(1.0, 0.82 * width * metres_per_inch))
    half, height = length / metres_per_inch / 2.0, 0.07
    for i, colour in enumerate((INK, "white")):
        axes.add_patch(Rectangle((i * half, 0.0), half, height, facecolor=colour, edgecolor=INK, linewidth=0.8))
    unit, factor = ("km", 1000.0) if length >= 2000.0 else ("m", 1.0)
    digits = 0 if (length / 2 / factor).is_integer() else 1
    for place, value in ((0.0, 0.0), (half, length / 2), (2 * half, length)):
        written = labels.number(value / factor, digits if value else 0, language)
        axes.text(
            place, height + 0.05, written, ha="left" if not place else "center", va="bottom", fontsize=size, color=INK
        )
    axes.text(2 * half + 0.2, height / 2, unit, ha="left", va="center", fontsize=size, color=INK)
    axes.set_gid("scale_bar")


def draw_north_arrow(axes: Axes, language: str, *, size: float = 9.0) -> None:
    """Draw a north arrow; the grid's columns run north (grid north)."""
    _inches(axes)
    width, height = axes.get_xlim()[1], axes.get_ylim()[1]
    middle, top, half = width / 2, height - 0.17, 0.09
    left = [(middle, top), (middle - half, 0.0), (middle, 0.09)]
    right = [(middle, top), (middle + half, 0.0), (middle, 0.09)]
    axes.add_patch(Polygon(left, facecolor=INK, edgecolor=INK, linewidth=0.8, joinstyle="miter"))
    axes.add_patch(Polygon(right, facecolor="white", edgecolor=INK, linewidth=0.8, joinstyle="miter"))
    axes.text(
        middle, height, text("view.north", language), ha="center", va="top", fontsize=size, fontweight="bold", color=INK
    )
    axes.set_gid("north_arrow")


def draw_legend(
    axes: Axes, palette: Palette, language: str, *, shares: np.ndarray | None = None, extra: tuple[str, ...] = ()
) -> None:
    """Draw the legend of a palette from the top of the axes down.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Empty axes.
    palette : Palette
        Bins; those with a zero share are written faintly.
    language : str
        Language of the words.
    shares : numpy.ndarray, optional
        Share of each bin, written beside it.
    extra : tuple of str
        Further signs: ``"buildings"``, ``"trees"``, ``"water"``, ``"missing"``, ``"dry"``.
    """
    _inches(axes)
    top = axes.get_ylim()[1] - 0.12
    heading = f"{palette.name}{f' [{palette.units}]' if palette.units else ''}"
    lines = _wrapped(heading, 34)
    axes.text(
        0.0,
        top,
        "\n".join(lines),
        ha="left",
        va="center_baseline",
        fontsize=9.5,
        fontweight="bold",
        color=INK,
        linespacing=1.25,
    )
    top -= _LINE * (0.75 * (len(lines) - 1) + 1.1)
    if shares is not None:
        right = axes.get_xlim()[1]
        axes.text(
            right, top + 0.03, text("view.share_of_area", language), va="center", ha="right", fontsize=7.5, color=FAINT
        )
        top -= _HEADING
    order = range(len(palette) - 1, -1, -1) if palette.style != "codes" else range(len(palette))
    for number in order:
        if palette.style == "codes" and shares is not None and shares[number] == 0:
            continue
        step = _LINE * (1.42 if palette.style == "classes" else 0.86)
        _legend_line(axes, top, palette, number, shares, language)
        top -= step
    top -= 0.08
    for sign in extra:
        _sign(axes, top, sign, language)
        top -= _LINE
    axes.set_gid("legend")


def legend_height(palette: Palette, shares: np.ndarray | None = None, signs: int = 0) -> float:
    """Return how tall a legend is [inch]."""
    lines = sum(1 for n in range(len(palette)) if palette.style != "codes" or shares is None or shares[n] > 0)
    step = _LINE * (1.42 if palette.style == "classes" else 0.86)
    heading = _LINE * (0.75 * (len(_wrapped(palette.name + "  " + palette.units, 34)) - 1) + 1.1)
    heading += _HEADING if shares is not None else 0.0
    return 0.12 + heading + lines * step + 0.08 + signs * _LINE


def _legend_line(
    axes: Axes, top: float, palette: Palette, number: int, shares: np.ndarray | None, language: str
) -> None:
    occurs = shares is None or shares[number] > 0
    colour, weight = (INK, "bold") if occurs and palette.style == "classes" else (INK if occurs else FAINT, "normal")
    tall = _LINE * (1.12 if palette.style == "classes" else 0.86)
    shades = palette.shades(number) / 255.0
    for i, shade in enumerate(shades):
        wide = _PATCH / len(shades)
        axes.add_patch(Rectangle((i * wide, top - tall / 2), wide, tall, facecolor=tuple(shade), linewidth=0.0))
    axes.add_patch(Rectangle((0.0, top - tall / 2), _PATCH, tall, facecolor="none", edgecolor="#7a7a7a", linewidth=0.5))
    right = axes.get_xlim()[1]
    if palette.style == "codes":
        axes.text(0.54, top, palette.labels[number], va="center", fontsize=8.5, color=colour)
    else:
        digits = _digits(palette)
        limits = labels.span(palette.edges[number], palette.edges[number + 1], "", digits, language)
        if palette.style == "classes":
            axes.text(
                0.54, top + 0.075, palette.labels[number], va="center", fontsize=8.5, color=colour, fontweight=weight
            )
            axes.text(0.54, top - 0.085, f"{limits} {palette.units}", va="center", fontsize=8, color=FAINT)
        else:
            axes.text(0.54, top, limits, va="center", fontsize=8.5, color=colour)
    if shares is not None and occurs:
        written = labels.share(float(shares[number]), language)
        axes.text(right, top, written, va="center", ha="right", fontsize=8.5, color=colour)


def _sign(axes: Axes, top: float, sign: str, language: str) -> None:
    tall = 0.6 * _LINE
    if sign == "trees":
        axes.add_patch(
            Rectangle((0.0, top - tall / 2), _PATCH, tall, facecolor="none", edgecolor="#1d5c2e", linewidth=1.4)
        )
    else:
        face = "#" + "".join(f"{c:02x}" for c in _SIGNS[sign])
        edge = "#3a3a3a" if sign == "buildings" else "#7a7a7a"
        axes.add_patch(Rectangle((0.0, top - tall / 2), _PATCH, tall, facecolor=face, edgecolor=edge, linewidth=0.9))
    axes.text(0.54, top, text(f"view.{sign}", language), va="center", fontsize=8.5, color=INK)


def _digits(palette: Palette) -> int:
    finite = palette.edges[np.isfinite(palette.edges)]
    return next((d for d in range(4) if np.allclose(finite, np.round(finite, d), atol=1e-9)), 4)


def _wrapped(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _inches(axes: Axes) -> None:
    """Let one unit of the axes be an inch on the page, and hide its frame."""
    box, sheet = axes.get_position(), axes.get_figure(root=True)
    width, height = sheet.get_size_inches() if sheet is not None else (1.0, 1.0)
    axes.set_xlim(0.0, box.width * width)
    axes.set_ylim(0.0, box.height * height)
    axes.set_axis_off()
