"""The hours of a result as a series of PNG maps, and as one moving picture (animated WebP, that every browser plays)."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from twin.errors import InputError
from twin.language import text
from twin.scenario.results import Result
from twin.view.maps import draw
from twin.view.palettes import palette_for

__all__ = ["leading", "write_images", "write_movie"]

_LAYERS = (("heat", "utci"), ("heat", "pet"), ("heat", "tmrt"), ("water", "depth_max"))
_FRAME = 600  # [ms] an hour is shown


def leading(result: Result) -> xr.DataArray:
    """Return the layer that a result is about: felt temperature, else the flood.

    Raises
    ------
    InputError
        If the result has neither heat nor water.
    """
    for group, name in _LAYERS:
        if name in result.datasets.get(group, ()):
            layer = result.datasets[group][name]
            return layer.where(layer > 0.0) if group == "water" else layer
    raise InputError(text("view.no_layer", name=result.name))


def _maps(result: Result, language: str | None, width: float) -> Iterator[tuple[str, Any]]:
    """Yield a name and a map of each hour, all in the same colours."""
    layer = leading(result)
    palette = palette_for(layer, language)
    options: dict[str, Any] = {
        **{"site": result.site, "language": language, "timezone": result.scenario.timezone},
        **{"palette": palette, "width": width},
    }
    if "time" not in layer.dims:
        yield str(layer.name), draw(layer, **options)
        return
    for stamp in layer["time"].values:
        name = f"{layer.name}_{np.datetime_as_string(stamp, unit='m').replace(':', '')}Z"
        yield name, draw(layer, time=np.datetime_as_string(stamp, unit="s"), **options)


def write_images(
    result: Result, folder: str | PathLike[str], *, language: str | None = None, width: float = 10.0
) -> Path:
    """Write one PNG map an hour into a folder and return it."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for name, figure in _maps(result, language, width):
        figure.save(place / f"{name}.png")
    return place


def write_movie(result: Result, file: str | PathLike[str], *, language: str | None = None, width: float = 7.0) -> Path:
    """Write the hours as one animated WebP and return it.

    Raises
    ------
    InputError
        If the result has one map only.
    """
    import tempfile

    from PIL import Image

    if "time" not in leading(result).dims:
        raise InputError(text("view.movie_of_one", name=result.name))
    target = Path(file)
    with tempfile.TemporaryDirectory(prefix="twin-movie-") as temporary:
        pictures = sorted(write_images(result, temporary, language=language, width=width).glob("*.png"))
        frames = [Image.open(path).convert("RGB") for path in pictures]
        size = frames[0].size
        frames = [frame if frame.size == size else frame.resize(size) for frame in frames]
        beside = target.with_name(f".{target.name}.new")
        frames[0].save(beside, "WEBP", save_all=True, append_images=frames[1:], duration=_FRAME, loop=0, quality=82)
        beside.replace(target)
    return target
