"""The vocabulary of the house: every layer's name, unit and meaning, and the land-cover codes.

One table per kind of name (``tables/layers.csv``, ``tables/weather.csv``, ``tables/land_cover.csv``), read once. The
models ask here whether what they are given is what they need, so that a wrong layer is named in one sentence
before anything is computed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np
import xarray as xr

__all__ = [
    "LAND_COVER",
    "LAYERS",
    "WEATHER",
    "InputError",
    "Layer",
    "describe",
    "land_cover_property",
    "read_table",
    "require_layers",
    "require_metric_grid",
    "require_weather",
]


class InputError(ValueError):
    """Bad input, said in one sentence: what, where, what is allowed, what to do."""


@dataclass(frozen=True)
class Layer:
    """One named layer: what it holds, in which unit, on which dimensions."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    units: str
    standard_name: str
    required: bool
    long_name: Mapping[str, str]
    lower: float = -np.inf
    upper: float = np.inf

    def attrs(self, language: str = "en") -> dict[str, str]:
        """Return the CF attributes of the layer."""
        attrs = {"units": self.units, "long_name": self.long_name[language]}
        if self.standard_name:
            attrs["standard_name"] = self.standard_name
        return attrs


@cache
def read_table(package: str, name: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of a CSV table kept beside a package; lines that begin with ``#`` are its sources.

    Parameters
    ----------
    package : str
        Package that holds the folder ``tables``, for example ``"models.heat"``.
    name : str
        File name, for example ``"utci_classes.csv"``.

    Returns
    -------
    tuple of mapping
        One mapping of column name to text a row.
    """
    text = resources.files(package).joinpath("tables", name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return tuple(MappingProxyType(row) for row in csv.DictReader(lines))


def _names(row: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({"en": row["long_name_en"], "de": row["long_name_de"]})


def _site_layers() -> Mapping[str, Layer]:
    return MappingProxyType(
        {
            row["name"]: Layer(
                name=row["name"],
                dims=tuple(row["dims"].split()),
                dtype=row["dtype"],
                units=row["units"],
                standard_name=row["standard_name"],
                required=row["required"] == "yes",
                long_name=_names(row),
            )
            for row in read_table("models", "layers.csv")
        }
    )


def _weather_layers() -> Mapping[str, Layer]:
    return MappingProxyType(
        {
            row["name"]: Layer(
                name=row["name"],
                dims=("time",),
                dtype="float64",
                units=row["units"],
                standard_name=row["standard_name"],
                required=row["required"] == "yes",
                long_name=_names(row),
                lower=float(row["lower"]),
                upper=float(row["upper"]),
            )
            for row in read_table("models", "weather.csv")
        }
    )


LAYERS: Mapping[str, Layer] = _site_layers()
"""Static site layers by name."""

WEATHER: Mapping[str, Layer] = _weather_layers()
"""Weather variables by name."""

LAND_COVER: Mapping[str, int] = MappingProxyType(
    {row["name"]: int(row["code"]) for row in read_table("models", "land_cover.csv")}
)
"""Land-cover name to code; 0 is kept for "unknown" and never leaves the rasteriser."""


@cache
def land_cover_property(column: str) -> np.ndarray:
    """Return a look-up array of one land-cover property: ``values[code]``.

    Parameters
    ----------
    column : str
        ``albedo``, ``emissivity``, ``imperviousness`` or ``manning_n``.

    Returns
    -------
    numpy.ndarray
        float32 array of 256 values, NaN where a code is not in the table.

    Examples
    --------
    >>> round(float(land_cover_property("albedo")[LAND_COVER["water"]]), 2)
    0.05
    """
    values = np.full(256, np.nan, dtype=np.float32)
    for row in read_table("models", "land_cover.csv"):
        values[int(row["code"])] = float(row[column])
    values.setflags(write=False)
    return values


def describe(array: xr.DataArray, name: str) -> xr.DataArray:
    """Return the array under its layer name with the units and names of the vocabulary as attributes."""
    layer = LAYERS.get(name) or WEATHER[name]
    named = array.rename(name)
    named.attrs = {**array.attrs, **layer.attrs()}
    return named


def require_layers(site: xr.Dataset, names: Iterable[str]) -> None:
    """Raise :class:`InputError` unless the site has these layers on ``("y", "x")``."""
    if not isinstance(site, xr.Dataset):
        raise InputError(f"The site must be an xarray.Dataset of named layers, not {type(site).__name__}.")
    for name in names:
        if name not in site:
            raise InputError(
                f"The site has no layer {name!r}; it has {', '.join(map(str, site.data_vars)) or 'none'}: "
                f"add it, or make the site with city.rasterise()."
            )
        if site[name].dims != ("y", "x"):
            raise InputError(f"Layer {name!r} must have dims ('y', 'x'), not {site[name].dims}: transpose it.")


def require_metric_grid(site: xr.Dataset) -> float:
    """Return the cell size [m] of a north-up grid of square metric cells, or say what is wrong with it.

    Raises
    ------
    InputError
        If a coordinate is missing or uneven, the cells are not square, row 0 is not the north edge, or the
        coordinates look like degrees.
    """
    for axis in ("x", "y"):
        if axis not in site.coords or site[axis].size < 2:
            raise InputError(f"The site needs a coordinate {axis!r} of at least 2 cell centres in metres.")
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    dx, dy = np.diff(x), np.diff(y)
    size = float(dx.mean())
    if size <= 0 or not np.allclose(dx, size, rtol=1e-3) or not np.allclose(np.abs(dy), size, rtol=1e-3):
        raise InputError(
            f"The grid must have square cells of one size; x steps are {dx.min():g} to {dx.max():g}, "
            f"y steps {dy.min():g} to {dy.max():g}: resample the site to one resolution."
        )
    if dy.mean() > 0:
        raise InputError(
            "Row 0 of the grid must be its north edge: sort y downwards, site.sortby('y', ascending=False)."
        )
    if size < 0.01 and np.abs(x).max() <= 360.0:
        raise InputError(
            f"The grid step of {size:g} looks like degrees: bring the site to a projected CRS in metres, "
            "for example EPSG:25832."
        )
    return size


def require_weather(weather: xr.Dataset, names: Iterable[str] | None = None) -> None:
    """Raise :class:`InputError` unless the weather has these variables, complete and within physical bounds.

    Parameters
    ----------
    weather : xarray.Dataset
        Variables along ``time`` (UTC, ``datetime64``), units of ``models.layers.WEATHER``.
    names : iterable of str, optional
        Variables that must be there; by default the required ones of the table.
    """
    if not isinstance(weather, xr.Dataset):
        raise InputError(f"The weather must be an xarray.Dataset along 'time', not {type(weather).__name__}.")
    if "time" not in weather.coords:
        raise InputError("The weather needs a coordinate 'time' (UTC, datetime64).")
    if weather["time"].size == 0:
        raise InputError("The weather has no time step.")
    wanted = tuple(names) if names is not None else tuple(n for n, layer in WEATHER.items() if layer.required)
    for name in wanted:
        if name not in weather:
            raise InputError(f"The weather has no {name!r} [{WEATHER[name].units}]: name its column in the mapping.")
    for name in (str(n) for n in weather.data_vars if n in WEATHER):
        layer, values = WEATHER[name], np.asarray(weather[name].values, dtype=float)
        if name in wanted and np.isnan(values).any():
            first = int(np.argmax(np.isnan(values).reshape(values.shape[0], -1).any(axis=1)))
            raise InputError(
                f"Weather variable {name!r} has {int(np.isnan(values).sum())} missing values, the first at "
                f"{np.datetime_as_string(weather['time'].values[first], unit='m')} UTC: fill the gap, or leave the day out."
            )
        low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
        if low < layer.lower or high > layer.upper:
            raise InputError(
                f"Weather variable {name!r} runs from {low:g} to {high:g} {layer.units}, allowed is {layer.lower:g} to "
                f"{layer.upper:g}: check its unit."
            )
