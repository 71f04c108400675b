"""Layers of a result for the browser: which ones, on which grid, in which classes, with the words of each language."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from twin.language import EASY, LANGUAGES, text
from twin.scenario.results import Result
from twin.view import labels
from twin.view.palettes import Palette, blend, lies_on_ground, palette_for
from twin.view.raster_bytes import NODATA, Scale, coarser, packed, scale_for, to_bytes

__all__ = ["ALL_LANGUAGES", "Layer", "classes_of", "facade_layer", "layers_of", "raster_grid", "words"]

ALL_LANGUAGES = ("de", "en", EASY)

_RASTERS = (
    ("heat", ("utci", "pet", "pt", "wbgt", "tmrt", "air_temperature", "surface_temperature")),
    ("summary", ("hours_utci_above_32", "hours_utci_above_38", "shade_hours")),
    ("water", ("depth", "depth_max", "velocity_max", "hazard_rating")),
    ("site", ("land_cover",)),
)
_DIFFERENCES = ("utci", "pet", "depth_max")
_ENDS = ["#1b4f9c", "#8fb8e8", "#f5f5f5", "#f0a48a", "#a3182b"]
_LIMITS = (0.05, 0.2, 0.4, 0.6, 1.0)
_NEAR = 3.0  # [m] ground in front of a facade
_HATCHES = 6

Write = Callable[[str, bytes], None]


def words(make: Callable[[str], str]) -> dict[str, str]:
    """Return a text in every language of the browser."""
    return {language: make(language) for language in ALL_LANGUAGES}


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: values of each variant, (time, ...) or (...), and how they are shown."""

    key: str
    kind: str
    values: Mapping[str, np.ndarray]
    palettes: Mapping[str, Palette]
    times: Sequence[np.datetime64] = ()
    grid: Mapping[str, Any] = field(default_factory=dict)
    codes: bool = False
    label: Mapping[str, str] | None = None

    def write(self, write: Write, place: Callable[[np.datetime64], int], baseline: str) -> dict[str, Any]:
        """Write the bytes of all variants and return what the manifest says of the layer."""
        scale = self._scale()
        first = to_bytes(self.values[baseline], scale) if baseline in self.values else None
        files, deltas = {}, []
        for variant, values in self.values.items():
            data = to_bytes(values, scale)
            if first is not None and variant != baseline and data.shape == first.shape:
                data = data - first  # modulo 256: nearly all zeros where little changes
                deltas.append(variant)
            files[variant] = f"layers/{self.key}.{variant}.bin.gz"
            write(files[variant], packed(data))
        palette = self.palettes["de"]
        return {
            "key": self.key,
            "label": self.label or words(lambda language: self._palette(language).name),
            "unit": palette.units,
            "kind": self.kind,
            "times": [place(time) for time in self.times],
            "classes": classes_of({language: self._palette(language) for language in ALL_LANGUAGES}),
            "nodata": NODATA,
            "grid": dict(self.grid),
            "files": files,
            "deltas": deltas,
            "scale": scale.as_dict(),
            "covers": "part" if lies_on_ground(self.key) else "all",
        }

    def _palette(self, language: str) -> Palette:
        return self.palettes["de" if language == EASY else language]

    def _scale(self) -> Scale:
        if self.codes:
            return Scale(0.0, 1.0)
        lows, highs = [], []
        for values in self.values.values():
            known = values[np.isfinite(values)]
            if known.size:
                lows.append(float(known.min()))
                highs.append(float(known.max()))
        return scale_for(min(lows, default=math.nan), max(highs, default=math.nan))


def classes_of(palettes: Mapping[str, Palette]) -> list[dict[str, Any]]:
    """Return the classes of a palette in all languages, each with its colours and a hatching."""
    palette = palettes["de"]
    found = []
    digits = _digits(palette.edges)
    for k in range(len(palette)):
        if palette.style == "codes":
            limits: dict[str, Any] = {"from": int(palette.edges[k]), "to": int(palette.edges[k]) + 1}
        else:
            limits = {
                name: None if math.isinf(edge) else float(edge)
                for name, edge in (("from", palette.edges[k]), ("to", palette.edges[k + 1]))
            }
        shades = ["#" + "".join(f"{int(c):02x}" for c in shade) for shade in palette.shades(k)]
        label = {lang: _class_label(palettes[lang], k, digits, lang) for lang in ALL_LANGUAGES}
        colours = {"color": palette.hexadecimal(k), "shades": shades, "hatch": k % _HATCHES}
        found.append({**limits, **colours, "label": label, "name": {g: palettes[g].labels[k] for g in ALL_LANGUAGES}})
    return found


def _digits(edges: np.ndarray) -> int:
    known = edges[np.isfinite(edges)]
    for digits in range(4):
        if np.allclose(known, np.round(known, digits), atol=1e-9):
            return digits
    return 3


def _class_label(palette: Palette, number: int, digits: int, language: str) -> str:
    if palette.style == "codes":
        return ""
    spoken = "de" if language == EASY else language
    return labels.span(palette.edges[number], palette.edges[number + 1], palette.units, digits, spoken)


def raster_grid(site: xr.Dataset, origin: tuple[float, float, float], most: int) -> tuple[dict[str, Any], int]:
    """Return the grid of rasters in local metres, and how many cells become one along each side."""
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    cell = abs(float(x[1] - x[0])) if len(x) > 1 else 1.0
    times = max(1, math.ceil(max(len(x), len(y)) / most))
    grid = {
        "x0": round(float(x[0]) - cell / 2 - origin[0], 3),
        "y0": round(float(y[0]) + cell / 2 - origin[1], 3),
        "cell": cell * times,
        "width": math.ceil(len(x) / times),
        "height": math.ceil(len(y) / times),
    }
    return grid, times


def layers_of(results: Mapping[str, Result], grid: Mapping[str, Any], times: int) -> list[Layer]:
    """Return the raster layers of results on one grid, the baseline first, and the differences of variants to it."""
    found: list[Layer] = []
    baseline = next(iter(results))
    for group, names in _RASTERS:
        for name in names:
            arrays = {key: r.datasets[group][name] for key, r in results.items() if name in r.datasets.get(group, ())}
            if baseline in arrays and not _without_date(arrays[baseline]):
                found.append(_raster_layer(name, arrays, grid, times))
                if name in _DIFFERENCES and len(arrays) > 1:
                    found.append(_difference_layer(name, found[-1], arrays[baseline], baseline))
    return found


def _without_date(layer: xr.DataArray) -> bool:
    """Tell whether the times of a layer are seconds of a storm that has no date; its greatest values have a layer of their own."""
    return "time" in layer.dims and not np.issubdtype(layer["time"].dtype, np.datetime64)


def _raster_layer(name: str, arrays: Mapping[str, xr.DataArray], grid: Mapping[str, Any], times: int) -> Layer:
    first = next(iter(arrays.values()))
    every = first if len(arrays) == 1 else xr.concat(list(arrays.values()), dim="variant").assign_attrs(first.attrs)
    codes = first.dtype.kind in "ui"
    values = {}
    for key, array in arrays.items():
        ordered = array.transpose(..., "y", "x").values
        if codes:
            values[key] = ordered[::times, ::times].astype(np.float32)
        else:
            values[key] = coarser(_shown(name, ordered), times, greatest=lies_on_ground(name))
    palettes = {}
    for language in LANGUAGES:
        palette = palette_for(every.rename(name), language)
        known = every.values if not codes else first.values
        palettes[language] = palette.occurring(palette.shares(_shown(name, known)))[0]
    steps = list(first["time"].values) if "time" in first.dims else []
    return Layer(name, "raster", values, palettes, steps, grid, codes=codes)


def _shown(name: str, values: np.ndarray) -> np.ndarray:
    """Return the values of a layer, without those of dry ground where it is about water."""
    return np.where(values > 0.0, values, np.nan) if lies_on_ground(name) else values


def _difference_layer(name: str, layer: Layer, first: xr.DataArray, baseline: str) -> Layer:
    own = np.nan_to_num(layer.values[baseline], nan=0.0) if lies_on_ground(name) else layer.values[baseline]
    differences = {
        key: (np.nan_to_num(values, nan=0.0) if lies_on_ground(name) else values) - own
        for key, values in layer.values.items()
        if key != baseline
    }
    sizes = np.concatenate([np.abs(v[np.isfinite(v) & (np.abs(v) > 1e-3)]).ravel() for v in differences.values()])
    most = float(np.percentile(sizes, 98)) if sizes.size else 1.0
    power = 10.0 ** math.floor(math.log10(most))
    bound = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if most <= m * power * (1 + 1e-9))
    upper = np.array(_LIMITS) * bound
    edges = np.round(np.concatenate([-upper[::-1], upper]), 6)
    units = str(first.attrs.get("units", "")).replace("degC", "K")
    palettes = {}
    for language in LANGUAGES:
        title = text("view.difference_of", language, name=layer.palettes[language].name)
        colours = blend(_ENDS, len(edges) - 1)
        palettes[language] = Palette(edges, colours, ("",) * (len(edges) - 1), units, title, "ramp")
    bounded = {key: np.clip(values, -bound, bound) for key, values in differences.items()}
    return Layer(f"{name}_difference", "raster", bounded, palettes, layer.times, layer.grid)


def facade_layer(results: Mapping[str, Result], rows: np.ndarray, name: str = "utci") -> Layer | None:
    """Return the mean of a layer on the ground in front of each building's facades, by time.

    Parameters
    ----------
    results : mapping of str to Result
        The baseline first.
    rows : numpy.ndarray
        Row of each building in ``city.objects``, as ``building_id`` minus 1 names them.
    name : str
        Heat layer.
    """
    from scipy.ndimage import distance_transform_edt

    baseline = next(iter(results.values()))
    if name not in baseline.heat or not len(rows):
        return None
    values: dict[str, np.ndarray] = {}
    for key, result in results.items():
        if name not in result.heat:
            continue
        number = result.site["building_id"].values
        cell = float(abs(result.site["x"][1] - result.site["x"][0]))
        distance, nearest = distance_transform_edt(number == 0, sampling=cell, return_indices=True)
        ground = (number == 0) & (distance <= max(_NEAR, 1.01 * cell))
        owner = number[nearest[0][ground], nearest[1][ground]].astype(np.int64)
        place = np.full(max(int(owner.max(initial=0)), int(rows.max()) + 1) + 1, -1)
        place[rows + 1] = np.arange(len(rows))
        at = place[owner]
        table = []
        for step in result.heat[name].transpose("time", "y", "x").values:
            here = step[ground]
            usable = (at >= 0) & np.isfinite(here)
            count = np.bincount(at[usable], minlength=len(rows))
            sums = np.bincount(at[usable], here[usable], minlength=len(rows))
            table.append(np.divide(sums, count, out=np.full(len(rows), np.nan), where=count > 0))
        values[key] = np.array(table, np.float32)
    palettes = {}
    every = xr.DataArray(np.concatenate([v.ravel() for v in values.values()]), dims="n", name=name)
    for language in LANGUAGES:
        palette = palette_for(every, language)
        palettes[language] = palette.occurring(palette.shares(every.values))[0]
    title = words(lambda g: text("view.facade_of", g, name=palettes["de" if g == EASY else g].name))
    grid = {"x0": 0, "y0": 0, "cell": 1, "width": len(rows), "height": 1}
    times = list(baseline.heat["time"].values)
    return Layer(f"{name}_facade", "buildings", values, palettes, times, grid, label=title)
