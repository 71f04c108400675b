"""A result as a page for the browser: a folder that any web server hands out, or the data of ``twin serve``.

``write_bundle(result, folder, against=...)`` writes ``index.html`` and ``assets/`` (the browser view) and ``data/``:
a manifest, layers as bytes, 3D Tiles, trees, tables of features and numbers. All coordinates are local metres.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twin.errors import InputError
from twin.language import text, words_of
from twin.scenario.results import Result
from twin.view.bundle_features import features_of, sails_of, trees_of
from twin.view.bundle_layers import ALL_LANGUAGES, Layer, facade_layer, layers_of, raster_grid, words
from twin.view.bundle_numbers import indicator_rows
from twin.view.local_frame import LocalFrame, local_frame
from twin.view.raster_bytes import coarser, packed
from twin.view.tiles3d import Features, building_features, write_building_tiles, write_tileset
from twin.view.web import client_files

__all__ = ["Contents", "bundle_contents", "client_words", "write_bundle", "write_data"]

VERSION = 1
_CELLS, _POSTS = 640, 220  # most cells of rasters and posts of the terrain along one side


@dataclass(frozen=True, eq=False)
class Contents:
    """Everything a page shows, before it is written: results by variant key, the baseline first."""

    results: Mapping[str, Result]
    frame: LocalFrame
    features: Features
    cells: int


def bundle_contents(
    result: Result, against: Result | Sequence[Result] | None = None, *, cells: int = _CELLS
) -> Contents:
    """Return what a page of a result shows.

    Parameters
    ----------
    result : Result
        What is shown; with ``against`` it is a variant of it.
    against : Result or sequence of Result, optional
        A baseline, or the baseline and further variants.
    cells : int
        Most cells of a raster along one side; finer ones are averaged.

    Raises
    ------
    InputError
        If the results lie on different grids, or one was saved without its city.
    """
    others = [] if against is None else [against] if isinstance(against, Result) else list(against)
    ordered = [*others[:1], result, *others[1:]]
    first = ordered[0]
    for other in ordered[1:]:
        same = all(np.array_equal(first.site[axis].values, other.site[axis].values) for axis in ("x", "y"))
        if not same:
            raise InputError(text("view.other_area", name=other.name, baseline=first.name))
    keys = ["baseline"]
    for other in ordered[1:]:
        stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in other.name.lower()).strip("-") or "variant"
        keys.append(stem if stem not in keys else f"{stem}-{len(keys)}")
    city = first.stored_city()
    west, south, east, north = _bounds(first)
    ground = np.nanmin(first.site["terrain_height"].values)
    frame = local_frame(city.crs, round((west + east) / 2, 1), round((south + north) / 2, 1), float(np.floor(ground)))
    features = building_features(city, frame, area=(west, south, east, north))
    return Contents(dict(zip(keys, ordered, strict=True)), frame, features, cells)


def _bounds(result: Result) -> tuple[float, float, float, float]:
    x, y = result.site["x"].values.astype(float), result.site["y"].values.astype(float)
    half = abs(x[1] - x[0]) / 2
    return float(x[0] - half), float(y[-1] - half), float(x[-1] + half), float(y[0] + half)


def write_bundle(
    result: Result,
    folder: str | PathLike[str],
    *,
    against: Result | Sequence[Result] | None = None,
    event: Mapping[str, Any] | None = None,
    cells: int = _CELLS,
) -> Path:
    """Write a result as a folder that shows it in the browser.

    Parameters
    ----------
    result : Result
        In memory, or opened from a folder that ``twin run`` wrote.
    folder : path
        New or empty folder, or an older page.
    against : Result or sequence of Result, optional
        The baseline that the result is a variant of; more results are further variants.
    event : mapping, optional
        Settings of a participation event; None for a page without a server.
    cells : int
        Most cells of a raster along one side; finer ones are averaged.

    Returns
    -------
    pathlib.Path
        ``index.html``.

    Raises
    ------
    InputError
        If the folder holds something else, or the results do not fit together.

    Examples
    --------
    >>> write_bundle(Result.open("results/hitzetag"), "page")  # doctest: +SKIP
    """
    place = Path(folder)
    if place.is_dir() and any(place.iterdir()) and not (place / "data" / "manifest.json").is_file():
        raise InputError(text("view.bundle_folder_taken", folder=place))
    client = client_files()
    contents = bundle_contents(result, against, cells=cells)
    for part in ("assets", "data"):
        shutil.rmtree(place / part, ignore_errors=True)
    write_data(contents, place / "data", event=event)
    shutil.copytree(client / "assets", place / "assets")
    shutil.copy2(client / "THIRD_PARTY.txt", place / "THIRD_PARTY.txt")
    shutil.copy2(client / "index.html", place / "index.html")
    return place / "index.html"


def write_data(contents: Contents, folder: Path, *, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write the folder ``data`` of a page and return its manifest; the manifest is written last."""
    results, frame = contents.results, contents.frame
    baseline = next(iter(results.values()))
    cities = {key: result.stored_city() for key, result in results.items()}
    city = next(iter(cities.values()))

    def write(name: str, data: bytes) -> None:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    grid, times = raster_grid(baseline.site, frame.origin, contents.cells)
    layers = layers_of(results, grid, times)
    facade = facade_layer(results, contents.features.rows)
    layers += [facade] if facade is not None else []
    stamps = sorted({time for layer in layers for time in layer.times})
    place = {time: number for number, time in enumerate(stamps)}
    trees = trees_of(cities, frame)
    described = [layer.write(write, place.__getitem__, "baseline") for layer in layers]
    write("terrain.bin.gz", _terrain(baseline, frame)[0])
    write("trees.json", _json(trees | {"sails": sails_of(cities, frame)}))
    write("features.json", _json(features_of(city, contents.features, trees, baseline, frame)))
    write("indicators.json", _json(indicator_rows(results)))
    write("texts.json", _json(client_words()))
    if len(contents.features):
        kept = Features(contents.features.rows, contents.features.bodies, {"row": contents.features.columns["row"]})
        tile = write_building_tiles(kept, folder / "tiles" / "buildings")
        write_tileset([tile], LocalFrame(frame.x, frame.y, frame.z), folder / "tiles")
    manifest = {
        "version": VERSION,
        "title": baseline.name if len(results) == 1 else list(results.values())[1].name,
        "subtitle": city.name or str(baseline.site.attrs.get("city", "")),
        "languages": list(ALL_LANGUAGES),
        "crs": str(baseline.site.rio.crs) if baseline.site.rio.crs is not None else "",
        "origin": {
            **{"x": frame.x, "y": frame.y, "z": frame.z},
            **{"longitude": frame.longitude, "latitude": frame.latitude, "convergence_deg": frame.convergence},
        },
        "extent": _local_extent(baseline, frame),
        "timezone": baseline.scenario.timezone,
        "times": [pd.Timestamp(time).strftime("%Y-%m-%dT%H:%MZ") for time in stamps],
        "default_time": _hottest(layers, place),
        "event": dict(event) if event is not None else None,
        "variants": [{"key": key, "label": _variant_label(key, result)} for key, result in results.items()],
        "layers": described,
        "tiles": "tiles/tileset.json" if len(contents.features) else None,
        "terrain": _terrain(baseline, frame)[1],
        "trees": "trees.json",
        "features": "features.json",
        "indicators": "indicators.json",
        "sources": _sources(results),
    }
    write("manifest.json", _json(manifest))
    return manifest


def client_words() -> dict[str, dict[str, str]]:
    """Return the words of the browser view by language."""
    return {language: words_of("web", language) for language in ALL_LANGUAGES}


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _variant_label(key: str, result: Result) -> dict[str, str]:
    if key == "baseline":
        return words(lambda g: text("web.today", g))
    return words(lambda _: result.name)


def _local_extent(result: Result, frame: LocalFrame) -> list[float]:
    west, south, east, north = _bounds(result)
    return [round(v, 2) for v in (west - frame.x, south - frame.y, east - frame.x, north - frame.y)]


def _hottest(layers: Sequence[Layer], place: Mapping[np.datetime64, int]) -> int:
    """Return the time that a page opens with: the most stressful one of the first layer with hours."""
    layer = next((layer for layer in layers if len(layer.times)), None)
    if layer is None:
        return 0
    first = next(iter(layer.values.values()))
    means = [float(np.nanmean(step)) if np.isfinite(step).any() else -np.inf for step in first]
    return place[layer.times[int(np.argmax(means))]]


def _terrain(result: Result, frame: LocalFrame) -> tuple[bytes, dict[str, Any]]:
    """Return the heights of the terrain as 16 bit centimetres above the origin, row 0 in the north, and their place."""
    grid, times = raster_grid(result.site, frame.origin, _POSTS)
    height = coarser(result.site["terrain_height"].values.astype(np.float32), times) - frame.z
    height = np.where(np.isfinite(height), height, np.nanmin(height))
    factor = 0.01 if float(height.max()) < 650 else 0.1
    data = np.clip(np.rint(height / factor), 0, 65_535).astype("<u2")
    entry = {"grid": grid, "file": "terrain.bin.gz", "scale": {"offset": 0.0, "factor": factor}}
    return packed(data), entry


def _sources(results: Mapping[str, Result]) -> list[str]:
    """Return the attributions of the data, each once."""
    told = [str(v) for result in results.values() for v in result.sources.get("attribution", [])]
    return [one for one in dict.fromkeys(told) if one and one != "nan"]
