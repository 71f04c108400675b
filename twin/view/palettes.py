"""Which colours a layer is shown in: class colours and sequential ramps that read with colour-vision deficiency.

Ramps are blended in CIELAB between the anchors of ``tables/ramps.csv``, so lightness runs one way only; classes come
from the tables of the physics (``models.heat``: UTCI, PET). A :class:`Palette` is a list of bins with a colour each:
maps, 3D ground and legends all use the same bins, so a colour means one thing on a whole page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import xarray as xr

from models.layers import InputError, read_table
from twin.language import default_language

__all__ = [
    "NOTHING",
    "WATER",
    "Palette",
    "blend",
    "class_palette",
    "colour_image",
    "lies_on_ground",
    "palette_for",
    "ramp_colours",
]

NOTHING = (214, 214, 210)
"""Colour of cells without a value (buildings, outside), sRGB 0..255."""

WATER = (125, 155, 176)
"""Water on maps of what people feel: nobody stands there (grey blue, apart from the blues of cold stress)."""

_LEAN = 0.32  # largest share of a neighbouring class's colour at the edge of a class; the outermost step lies within

_OTHER = {"style": "ramp", "table": "other", "lower": "", "upper": "", "bin": "", "units": ""}


@dataclass(frozen=True, eq=False)
class Palette:
    """Bins of one layer with a colour and a label each.

    Parameters
    ----------
    edges : numpy.ndarray
        Bin limits (bins + 1,), the outer ones may be infinite; for codes the codes themselves (bins,).
    colours : numpy.ndarray
        uint8 (bins, 3), sRGB.
    labels : tuple of str
        Class names; empty texts where the bins are steps of a ramp.
    units : str
        Unit as people write it, for example ``"°C"``.
    name : str
        What the layer shows, in the language asked for.
    style : str
        ``"classes"``, ``"ramp"`` or ``"codes"``.
    shade_edges, shade_colours : numpy.ndarray or None
        Finer steps within the bins for pictures (limits and uint8 colours); each bin is a whole number of steps, so
        the legend of the bins holds, and the jump of colour is largest where a new bin begins.
    """

    edges: np.ndarray
    colours: np.ndarray
    labels: tuple[str, ...]
    units: str
    name: str
    style: str
    shade_edges: np.ndarray | None = None
    shade_colours: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.colours)

    def bins(self, values: np.ndarray) -> np.ndarray:
        """Return the bin number of each value, -1 where it is missing or in no bin."""
        values = np.asarray(values)
        if self.style == "codes":
            place = np.minimum(np.searchsorted(self.edges, values), len(self) - 1)
            return np.where(self.edges[place] == values, place, -1).astype(np.int16)
        inner = self.edges[1:-1].astype(values.dtype if values.dtype.kind == "f" else float)
        found = np.searchsorted(inner, values, side="right").astype(np.int16)
        return np.where(np.isnan(values), np.int16(-1), found)

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Return the share of the valid values in each bin (bins,), zeros where nothing is valid."""
        found = self.bins(values)
        counts = np.bincount(found[found >= 0].ravel().astype(np.int64), minlength=len(self))
        return counts / max(1, counts.sum())

    def occurring(self, shares: np.ndarray | None) -> tuple[Palette, np.ndarray | None]:
        """Return the classes or codes that occur, for a short legend; steps of a ramp stay complete."""
        if shares is None or self.style == "ramp" or not (shares > 0).any():
            return self, shares
        first, last = np.flatnonzero(shares > 0)[[0, -1]]
        kept = np.arange(first, last + 1) if self.style == "classes" else np.flatnonzero(shares > 0)
        edges = self.edges[first : last + 2] if self.style == "classes" else self.edges[kept]
        labels = tuple(self.labels[k] for k in kept)
        fine = (self.shade_edges, self.shade_colours)
        return Palette(edges, self.colours[kept], labels, self.units, self.name, self.style, *fine), shares[kept]

    def shades(self, number: int) -> np.ndarray:
        """Return the colours that pictures show within a bin, from low to high, uint8 (steps, 3)."""
        if self.shade_edges is None or self.shade_colours is None:
            return self.colours[[number]]
        lower, upper = self.edges[number], self.edges[number + 1]
        return self.shade_colours[(self.shade_edges[:-1] >= lower) & (self.shade_edges[1:] <= upper)]

    def _steps(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Step of each value (-1 = none) and the colours of the steps, the finest there are."""
        if self.shade_edges is None or self.shade_colours is None:
            return self.bins(values), self.colours
        inner = self.shade_edges[1:-1].astype(values.dtype if values.dtype.kind == "f" else float)
        found = np.searchsorted(inner, values, side="right").astype(np.int16)
        return np.where(np.isnan(values), np.int16(-1), found), self.shade_colours

    def image(self, values: np.ndarray) -> np.ndarray:
        """Return the colours of values, uint8 (..., 3), with :data:`NOTHING` where there is none."""
        steps, colours = self._steps(np.asarray(values))
        return np.vstack([colours, np.array(NOTHING, np.uint8)])[steps]

    def hexadecimal(self, number: int) -> str:
        """Return the colour of a bin as ``#rrggbb``."""
        return "#" + "".join(f"{int(part):02x}" for part in self.colours[number])


def _to_lab(srgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of sRGB 0..1 (IEC 61966-2-1)."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _RGB_TO_XYZ.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def _from_lab(lab: np.ndarray) -> np.ndarray:
    """Return sRGB 0..1 of CIELAB (D65), clipped to what a screen shows."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389) * _WHITE
    linear = np.clip(xyz @ np.linalg.inv(_RGB_TO_XYZ).T, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _RGB_TO_XYZ.sum(axis=1)


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def blend(anchors: list[str], count: int) -> np.ndarray:
    """Return ``count`` colours evenly between anchor colours in CIELAB, uint8 (count, 3).

    Examples
    --------
    >>> blend(["#000000", "#ffffff"], 3).tolist()
    [[0, 0, 0], [119, 119, 119], [255, 255, 255]]
    """
    lab = _to_lab(np.array([_channels(a) for a in anchors]) / 255.0)
    place = np.linspace(0.0, len(anchors) - 1.0, count)
    mixed = np.stack([np.interp(place, np.arange(len(anchors)), lab[:, k]) for k in range(3)], axis=-1)
    return np.round(_from_lab(mixed) * 255).astype(np.uint8)


@cache
def _ramps() -> Mapping[str, list[str]]:
    return {row["name"]: [v for k, v in row.items() if k != "name"] for row in read_table("twin.view", "ramps.csv")}


def ramp_colours(name: str, count: int) -> np.ndarray:
    """Return ``count`` colours of a ramp of ``tables/ramps.csv``, uint8 (count, 3), from low to high."""
    if name not in _ramps():
        raise InputError(f"There is no colour ramp {name!r}: choose one of {', '.join(_ramps())}.")
    return blend(_ramps()[name], count)


def class_palette(
    table: str, language: str | None = None, *, name: str = "", units: str = "°C", package: str = "models.heat"
) -> Palette:
    """Return the classes of a table of the physics (code, lower, upper, label_en, label_de, colour).

    Parameters
    ----------
    table : str
        File name, for example ``"utci_classes.csv"``.
    language : {"en", "de"}, optional
        Language of the class names.
    name, units : str
        Name and unit of the layer.
    package : str
        Package whose folder ``tables`` holds the table.
    """
    language = language or default_language()
    rows = sorted(read_table(package, table), key=lambda row: _limit(row["lower"], -math.inf))
    edges = np.array([_limit(row["lower"], -math.inf) for row in rows] + [_limit(rows[-1]["upper"], math.inf)])
    colours = np.array([_channels(row["colour"]) for row in rows], np.uint8)
    labels = tuple(row[f"label_{language}"] for row in rows)
    return Palette(edges, colours, labels, units, name, "classes", *_shaded(edges, colours))


def _shaded(edges: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut each finite class into two to four steps of about 2 units that lean towards the neighbours' colours.

    A step leans over by at most a quarter (in CIELAB), so half of the difference is left for the jump between classes.
    """
    lab = _to_lab(colours / 255.0)
    limits, shades = [edges[0]], []
    for k in range(len(colours)):
        lower, upper = edges[k], edges[k + 1]
        count = int(np.clip(round((upper - lower) / 2.0), 1, 4)) if np.isfinite(upper - lower) else 1
        limits += [lower + (upper - lower) * (i + 1) / count if i + 1 < count else upper for i in range(count)]
        for lean in (np.arange(count) + 0.5) / count * 2.0 - 1.0:
            towards = lab[min(k + 1, len(lab) - 1)] if lean > 0 else lab[max(k - 1, 0)]
            shades.append(lab[k] + _LEAN * abs(lean) * (towards - lab[k]))
    fine = np.round(_from_lab(np.array(shades)) * 255).astype(np.uint8)
    return np.array(limits), fine


def _limit(value: str, otherwise: float) -> float:
    return float(value) if value.strip() else otherwise


def palette_for(layer: xr.DataArray, language: str | None = None) -> Palette:
    """Return the colours of a layer, chosen by its name; a layer without an entry gets a general ramp.

    Parameters
    ----------
    layer : xarray.DataArray
        Layer with a name; the range of its values (all times) sets the ends of a ramp.
    language : {"en", "de"}, optional
        Language of names and classes.
    """
    language = language or default_language()
    rows = {row["name"]: row for row in read_table("twin.view", "layers.csv")}
    name = str(layer.name or "")
    row = rows.get(name, _OTHER)
    title = row.get(f"long_name_{language}") or str(layer.attrs.get("long_name") or name)
    units = row["units"] if name in rows else str(layer.attrs.get("units", ""))
    if row["style"] == "classes":
        return class_palette(row["table"], language, name=title, units=units)
    if row["style"] == "codes":
        return _codes(title, language)
    if row["style"] == "flood":
        quantity, _, usual = row["table"].partition(":")
        return _flood_classes(str(layer.attrs.get("classes", usual)), quantity, language, title, units)
    edges = _edges(layer, row)
    colours = ramp_colours(row["table"], len(edges) - 1)
    return Palette(edges, colours, ("",) * len(colours), "" if units == "1" else units, title, "ramp")


def _flood_classes(table: str, quantity: str, language: str, name: str, units: str) -> Palette:
    """Return the classes of a table of floods; a table without this quantity gives way to that of the state survey LUBW."""
    rows = [row for row in read_table("models.water", "hazard_classes.csv") if row["quantity"] == quantity]
    known = {row["table"] for row in rows}
    chosen = [row for row in rows if row["table"] == (table if table in known else sorted(known)[0])]
    edges = np.array([float(row["lower"]) for row in chosen] + [float(chosen[-1]["upper"])])
    colours = np.array([_channels(row["colour"]) for row in chosen], np.uint8)
    return Palette(edges, colours, tuple(row[f"label_{language}"] for row in chosen), units, name, "classes")


def lies_on_ground(name: str) -> bool:
    """Whether a layer covers only part of the ground, such as a flood, so that the ground is shown around it."""
    return any(row["name"] == name and row["ground"] == "yes" for row in read_table("twin.view", "layers.csv"))


def _codes(title: str, language: str) -> Palette:
    colours = {row["name"]: row["colour"] for row in read_table("twin.view", "land_cover_colours.csv")}
    rows = sorted(read_table("models", "land_cover.csv"), key=lambda row: int(row["code"]))
    return Palette(
        edges=np.array([int(row["code"]) for row in rows]),
        colours=np.array([_channels(colours[row["name"]]) for row in rows], np.uint8),
        labels=tuple(row[f"label_{language}"] for row in rows),
        units="",
        name=title,
        style="codes",
    )


def _edges(layer: xr.DataArray, row: Mapping[str, str]) -> np.ndarray:
    """Return round limits over the range of the values: five to ten steps of 1, 2, 2.5 or 5 times a power of ten."""
    values = np.asarray(layer.values)
    lowest = float(np.nanmin(values)) if np.isfinite(values).any() else 0.0
    highest = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    low = _limit(row["lower"], lowest)
    high = max(_limit(row["upper"], highest), low + 1e-6)
    step = float(row["bin"]) if row["bin"] else _round_step((high - low) / 7.0)
    while (high - low) / step > 14:
        step *= 2
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return np.round(np.arange(first, max(last, first + 1) + 1) * step, 10)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if step <= m * power * (1 + 1e-9))


def colour_image(layer: xr.DataArray, palette: Palette | None = None, water: np.ndarray | None = None) -> np.ndarray:
    """Return the picture of a 2D layer, uint8 (y, x, 3), with :data:`NOTHING` where it has no value.

    Parameters
    ----------
    layer : xarray.DataArray
        Dims ("y", "x").
    palette : Palette, optional
        Colours; by default those of the layer's name.
    water : numpy.ndarray, optional
        Cells (y, x) that are painted as :data:`WATER` instead.
    """
    picture = (palette or palette_for(layer)).image(layer.values)
    return picture if water is None else np.where(water[..., None], np.array(WATER, np.uint8), picture)
