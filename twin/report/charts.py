"""Charts as SVG inside the page: shares of the UTCI classes hour by hour, the day as curves, the rain of a storm."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from twin.language import text
from twin.view import labels
from twin.view.palettes import Palette

__all__ = ["class_bars", "day_bars", "day_curves", "rain_bars"]

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 960, 340, 58, 16, 58


def _open(title: str, description: str, name: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
    )


def _words(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> str:
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{mark}>{escape(words)}</text>'


def _level(y: float) -> str:
    return f'<line x1="{_LEFT}" x2="{_WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" class="level"/>'


def class_bars(
    shares: pd.DataFrame,
    codes: Sequence[int],
    palette: Palette,
    *,
    title: str,
    description: str,
    language: str,
    timezone: str,
) -> str:
    """Return stacked bars of the classes' shares, one bar a time step.

    Parameters
    ----------
    shares : pandas.DataFrame
        Columns time, code, share (``twin.report.facts.class_shares``).
    codes : sequence of int
        Codes in the order of the palette's bins.
    palette : Palette
        Colours and names of the classes.
    title, description : str
        Text alternative.
    language, timezone : str
        Language and local time zone of the labels.
    """
    wide = shares.pivot(index="time", columns="code", values="share").fillna(0.0)
    high, across = _HEIGHT - _TOP - _BOTTOM, (_WIDTH - _LEFT - 8) / max(1, len(wide))
    parts = [_open(title, description, "bars")]
    for tenth in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _TOP + high * (1 - tenth)
        parts += [_level(y), _words(_LEFT - 8, y + 5, labels.share(tenth, language), "end")]
    for place, (time, row) in enumerate(wide.iterrows()):
        x, base = _LEFT + place * across, _TOP + float(high)
        clock = labels.local_time(str(time), timezone)
        for number, code in enumerate(codes):
            tall = float(row.get(code, 0.0)) * high
            if tall <= 0:
                continue
            base -= tall
            said = f"{clock:%H:%M}: {palette.labels[number]} {labels.share(float(row[code]), language)}"
            parts.append(
                f'<rect x="{x + 0.08 * across:.1f}" y="{base:.2f}" width="{0.84 * across:.1f}" height="{tall:.2f}" '
                f'fill="{palette.hexadecimal(number)}" class="bar"><title>{escape(said)}</title></rect>'
            )
        if len(wide) <= 26 or place % 3 == 0:
            parts.append(_words(x + across / 2, _HEIGHT - _BOTTOM + 20, f"{clock.hour}"))
    parts.append(_words(_LEFT + (_WIDTH - _LEFT) / 2, _HEIGHT - 10, text("report.axis_hour", language), kind="axis"))
    return "".join(parts) + "</svg>"


def day_curves(
    times: Sequence[np.datetime64],
    curves: Sequence[tuple[str, Sequence[float], str]],
    *,
    limits: Sequence[tuple[float, str]],
    title: str,
    description: str,
    language: str,
    timezone: str,
    unit: str = "°C",
    name: str = "day",
) -> str:
    """Return curves over the day with their names above, and horizontal lines at named limits.

    Parameters
    ----------
    times : sequence of numpy.datetime64
        UTC times.
    curves : sequence of (name, values, style)
        Values [degC]; the style is a class of the page's style sheet, so that curves differ in dash as well as colour.
    limits : sequence of (value, name)
        Horizontal lines.
    title, description : str
        Text alternative.
    language, timezone : str
        Language and local time zone of the labels.
    unit : str
        Unit on the axis.
    name : str
        Name of the chart, its own on the page.
    """
    everything = np.concatenate([np.asarray(values, float) for _, values, _ in curves])
    low, high = 5 * np.floor(np.nanmin(everything) / 5), 5 * np.ceil(np.nanmax(everything) / 5)
    top, right = _TOP + 28, _WIDTH - 258
    tall = _HEIGHT - top - _BOTTOM

    def y_of(value: float) -> float:
        return float(top + tall * (high - value) / max(high - low, 1.0))

    def x_of(place: int) -> float:
        return _LEFT + (right - _LEFT) * place / max(1, len(times) - 1)

    parts = [_open(title, description, name)]
    for value in np.arange(low, high + 1, 5):
        y = y_of(float(value))
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="level"/>')
        parts.append(_words(_LEFT - 8, y + 5, f"{labels.number(float(value), 0, language)} {unit}", "end"))
    for value, said in limits:
        if low < value < high:
            y = y_of(value)
            parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="limit"/>')
            parts.append(_words(right + 8, y + 5, said, "start", "limit-name"))
    place = float(_LEFT)
    for label, values, style in curves:
        path = " ".join(f"{x_of(i):.1f},{y_of(float(v)):.1f}" for i, v in enumerate(values) if np.isfinite(v))
        parts.append(f'<polyline points="{path}" class="curve {style}"/>')
        parts.append(f'<line x1="{place:.0f}" x2="{place + 34:.0f}" y1="{_TOP}" y2="{_TOP}" class="curve {style}"/>')
        parts.append(_words(place + 42, _TOP + 5, label, "start"))
        place += 42 + 8.2 * len(label) + 36
    for i, time in enumerate(times):
        if len(times) <= 26 or i % 3 == 0:
            parts.append(_words(x_of(i), _HEIGHT - _BOTTOM + 20, f"{labels.local_time(time, timezone).hour}"))
    parts.append(_words(_LEFT + (right - _LEFT) / 2, _HEIGHT - 10, text("report.axis_hour", language), kind="axis"))
    return "".join(parts) + "</svg>"


def rain_bars(edges: np.ndarray, rates: np.ndarray, *, title: str, description: str, language: str) -> str:
    """Return the course of a rain as bars.

    Parameters
    ----------
    edges : numpy.ndarray
        Edges of the intervals [min], one more than there are rates.
    rates : numpy.ndarray
        Rain [mm/h].
    title, description : str
        Text alternative.
    language : str
        Language of the labels.
    """
    height = 240
    bottom, right = height - 50, _WIDTH - 8
    highest = float(rates.max()) or 1.0
    step = next(s * 10.0**p for p in range(-1, 4) for s in (1, 2, 5) if highest / (s * 10.0**p) <= 5)
    top = step * np.ceil(highest / step)
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="rain-t rain-d">'
        f'<title id="rain-t">{escape(title)}</title><desc id="rain-d">{escape(description)}</desc>'
    ]
    for value in np.arange(0.0, top + step / 2, step):
        y = bottom - (bottom - _TOP) * value / top
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="level"/>')
        parts.append(_words(_LEFT - 8, y + 5, labels.number(float(value), 0 if step >= 1 else 1, language), "end"))
    scale = (right - _LEFT) / float(edges[-1] - edges[0])
    for first, last, rate in zip(edges[:-1], edges[1:], rates, strict=True):
        x, wide = _LEFT + (first - edges[0]) * scale, (last - first) * scale
        tall = (bottom - _TOP) * rate / top
        said = f"{labels.number(float(first), 0, language)}–{labels.number(float(last), 0, language)} min: {labels.number(float(rate), 1, language)} mm/h"
        parts.append(
            f'<rect x="{x + 0.05 * wide:.1f}" y="{bottom - tall:.1f}" width="{0.9 * wide:.1f}" height="{tall:.1f}" '
            f'fill="#2f6fa8"><title>{escape(said)}</title></rect>'
        )
    every = max(1, round((len(edges) - 1) / 12))
    for edge in edges[::every]:
        x = _LEFT + (edge - edges[0]) * scale
        parts.append(_words(x, bottom + 20, labels.number(float(edge), 0, language)))
    parts.append(_words(_LEFT + (right - _LEFT) / 2, height - 8, text("report.axis_minutes", language), kind="axis"))
    parts.append(_words(_LEFT, _TOP - 3, text("report.axis_rain", language), "start", "axis"))
    return "".join(parts) + "</svg>"


def day_bars(
    names: Sequence[str], values: np.ndarray, *, unit: str, title: str, description: str, language: str
) -> str:
    """Return one bar a day.

    Parameters
    ----------
    names : sequence of str
        Name of each day.
    values : numpy.ndarray
        Height of each bar.
    unit : str
        Unit of the values, above the axis.
    title, description : str
        Text alternative.
    language : str
        Language of the labels.
    """
    height = 240
    bottom, right = height - 46, _WIDTH - 8
    highest = float(np.max(values, initial=0.0)) or 1.0
    step = next(s * 10.0**p for p in range(-1, 9) for s in (1, 2, 5) if highest / (s * 10.0**p) <= 5)
    top = step * np.ceil(highest / step)
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="days-t days-d">'
        f'<title id="days-t">{escape(title)}</title><desc id="days-d">{escape(description)}</desc>'
    ]
    for value in np.arange(0.0, top + step / 2, step):
        y = bottom - (bottom - _TOP) * value / top
        parts += [_level(y), _words(_LEFT - 8, y + 5, labels.number(float(value), 0, language), "end")]
    across = (right - _LEFT) / max(1, len(names))
    every = max(1, round(len(names) / 7))
    for k, (name, value) in enumerate(zip(names, values, strict=True)):
        x, tall = _LEFT + k * across, (bottom - _TOP) * float(value) / top
        said = f"{name}: {labels.number(float(value), 0, language)} {unit}"
        parts.append(
            f'<rect x="{x + 0.1 * across:.1f}" y="{bottom - tall:.1f}" width="{0.8 * across:.1f}" height="{tall:.1f}" '
            f'fill="#2f6fa8"><title>{escape(said)}</title></rect>'
        )
        if k % every == 0:
            parts.append(_words(x + across / 2, bottom + 22, name))
    parts.append(_words(_LEFT, _TOP - 3, unit, "start", "axis"))
    return "".join(parts) + "</svg>"
