"""Files that other programs open: the Zarr work store, Cloud-optimised GeoTIFF and NetCDF-CF.

All three hold the same numbers. Before they are stored, temperatures are rounded to a multiple of a power of two
of a kelvin (1/128 K for a rounding of 0.01 K): the error stays below half of the rounding and the files shrink to
a third, because the last bits, which carry no knowledge, no longer cost space.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from models import parallel
from twin.scenario.lazy_rounding import in_memory, round_numbers, rounded_when_read

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = [
    "binary_step",
    "read_features",
    "rounded",
    "write_cog",
    "write_features",
    "write_maps",
    "write_netcdf",
    "write_store",
]

_CHUNK = 512  # cells a side: about 1 MiB of float32, read in one go by maps and windows
_ZERO_IS_NOTHING = ("building_id", "land_cover")
_COG_OPTIONS = {
    "driver": "COG",
    "compress": "DEFLATE",
    "level": "1",  # two thirds of the time of the usual 6 for files 4 % larger
    "overview_resampling": "nearest",
    "bigtiff": "IF_SAFER",
    "num_threads": "1",
}


def binary_step(rounding: float) -> float:
    """Return the largest power of two that is not above the rounding.

    Examples
    --------
    >>> binary_step(0.01)
    0.0078125
    """
    return 2.0 ** math.floor(math.log2(rounding)) if rounding > 0 else 0.0


def rounded(data: xr.Dataset, rounding: float) -> xr.Dataset:
    """Return the maps of a dataset as float32 with rounded temperatures, everything else as it is.

    Parameters
    ----------
    data : xarray.Dataset
        Layers; those with units degC or K are rounded.
    rounding : float
        Largest step [K]; 0 leaves the numbers as they are.
    """
    step = binary_step(rounding)
    out = data.copy()
    for name, array in data.data_vars.items():
        if array.dtype.kind != "f" or array.dims[-2:] != ("y", "x"):
            continue
        own = step if array.attrs.get("units") in ("degC", "K") else 0.0
        if not in_memory(array):
            values = rounded_when_read(array, own)
        else:
            values = array.astype(np.float32, keep_attrs=True)
            values = values.copy(data=round_numbers(values.values, own)) if own else values
        out[name] = values.assign_attrs(rounding=own) if own else values
    return out


def _chunks(array: xr.DataArray) -> tuple[int, ...]:
    if "y" not in array.dims:
        return tuple(max(size, 1) for size in array.shape)
    return tuple(min(_CHUNK, size) if dim in ("y", "x") else 1 for dim, size in array.sizes.items())


def _without_encoding(data: xr.Dataset) -> xr.Dataset:
    clean = data.drop_encoding()
    clean.attrs = {k: v for k, v in data.attrs.items() if v is not None}
    return clean


def write_store(datasets: Mapping[str, xr.Dataset], path: Path, *, quick: bool = False) -> None:
    """Write datasets as groups of one Zarr (version 3) store.

    Chunks are one time by 512 x 512 cells; compressed with zstd behind a byte shuffle.

    Parameters
    ----------
    datasets : mapping
        Group name to dataset.
    path : pathlib.Path
        Store (a folder).
    quick : bool
        Compress with lz4 alone: larger, but a fifth of the work; for what is only kept meanwhile.
    """
    from zarr.codecs import BloscCodec

    codec = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    if quick:
        codec = BloscCodec(cname="lz4", clevel=1, shuffle="noshuffle")
    for group, data in datasets.items():
        clean = _without_encoding(data)
        words = [name for name, array in clean.variables.items() if array.dtype.kind == "U"]
        clean = clean.assign({name: clean[name].astype(object) for name in words})  # a length is no part of Zarr 3
        encoding = {
            str(name): {"chunks": _chunks(array), "compressors": [codec]}
            for name, array in clean.data_vars.items()
            if array.ndim
        }
        clean.to_zarr(path, group=group, mode="a", encoding=encoding, zarr_format=3, consolidated=False)


def write_netcdf(data: xr.Dataset, path: Path) -> None:
    """Write one NetCDF-CF file that QGIS, GDAL and xarray open with coordinates, time and CRS.

    Parameters
    ----------
    data : xarray.Dataset
        Layers on ("time", "y", "x") or ("y", "x") with a CRS in ``spatial_ref``.
    path : pathlib.Path
        File.
    """
    clean = _without_encoding(data)
    if clean.rio.crs is not None:
        clean = clean.rio.write_crs(clean.rio.crs).rio.write_coordinate_system()
    encoding: dict[str, dict[str, Any]] = {}
    for name, array in clean.data_vars.items():
        clean[name].attrs.pop("grid_mapping", None)
        entry: dict[str, Any] = {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": _chunks(array)}
        if array.dtype.kind == "f":
            entry["_FillValue"] = np.float32(np.nan)
        if "spatial_ref" in clean.coords:
            entry["grid_mapping"] = "spatial_ref"  # dropped by xarray when encodings are given without it
        encoding[str(name)] = entry
    for name, array in clean.coords.items():
        if array.dtype.kind == "M":
            encoding[str(name)] = {"units": "seconds since 1970-01-01T00:00:00", "dtype": "int64"}
        elif name in ("time", "series_time") and array.dtype.kind == "f":
            clean[name].attrs.setdefault("units", "s")  # counted from the start of a storm without a date
    clean.attrs["Conventions"] = "CF-1.11"
    clean.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def write_cog(array: xr.DataArray, path: Path, *, description: str, tags: Mapping[str, str] | None = None) -> None:
    """Write one layer as Cloud-optimised GeoTIFF with CRS, nodata, band description and overviews.

    Parameters
    ----------
    array : xarray.DataArray
        Dims ("y", "x"), row 0 = north.
    path : pathlib.Path
        File.
    description : str
        Band description, shown by QGIS.
    tags : mapping, optional
        Further band metadata.
    """
    import rasterio

    values = np.ascontiguousarray(array.values)
    floating = values.dtype.kind == "f"
    options: dict[str, Any] = _COG_OPTIONS | {"predictor": "FLOATING_POINT" if floating else "STANDARD"}
    if floating:
        options |= {"nodata": float("nan"), "overview_resampling": "average"}
        values = values.astype(np.float32)
    elif array.name in _ZERO_IS_NOTHING:
        options["nodata"] = 0
    height, width = values.shape
    with rasterio.open(
        path,
        "w",
        width=width,
        height=height,
        count=1,
        dtype=values.dtype,
        crs=array.rio.crs,
        transform=array.rio.transform(),
        **options,
    ) as file:
        file.write(values, 1)
        file.set_band_description(1, description)
        file.set_band_unit(1, str(array.attrs.get("units", "")))
        file.update_tags(1, **dict(tags or {}))


def write_maps(
    groups: Iterable[tuple[str, xr.Dataset]], folder: Path, *, done: Callable[[float], None] = lambda _steps: None
) -> None:
    """Write every layer as GeoTIFF: those on ("y", "x") as one file, others as one a step in ``<layer>/``.

    One file a time is what the temporal controller of QGIS takes; the stamp is in the name and in the band metadata.

    Parameters
    ----------
    groups : iterable of (str, xarray.Dataset)
        Subfolder ("" for none) and its layers; what is not a map is left out.
    folder : pathlib.Path
        Where the files go.
    done : callable
        Told the share of the files that is written.
    """
    jobs = [job for group, data in groups for job in _map_jobs(data, folder / group)]
    for place in {file.parent for _, file, _, _ in jobs}:
        place.mkdir(parents=True, exist_ok=True)
    finished: list[Path] = []

    def write(job: _Job) -> None:
        layer, file, description, tags = job
        write_cog(layer, file, description=description, tags=tags)
        finished.append(file)
        done(len(finished) / len(jobs))

    parallel.over(write, jobs)


_Job = tuple[xr.DataArray, Path, str, dict[str, str]]


def _map_jobs(data: xr.Dataset, folder: Path) -> Iterator[_Job]:
    """Yield the files of a dataset: layer, file, band description and tags."""
    for name, layer in data.data_vars.items():
        long_name = str(layer.attrs.get("long_name", name))
        if layer.dims == ("y", "x"):
            yield layer, folder / f"{name}.tif", long_name, {}
        elif len(layer.dims) == 3 and layer.dims[1:] == ("y", "x"):
            along = str(layer.dims[0])
            for index, (short, shown) in enumerate(_stamps(layer[along])):
                file = folder / str(name) / f"{name}_{short}.tif"
                yield layer.isel({along: index}), file, f"{long_name} {shown}", {along: shown.replace(" UTC", "Z")}


def _stamps(along: xr.DataArray) -> list[tuple[str, str]]:
    """Return the steps of an axis for file names and for people: UTC, minutes of a storm, or a value with its unit."""
    values = along.values
    if values.dtype.kind == "M":
        stamps = np.datetime_as_string(values, unit="m")
        return [(f"{s.replace('-', '').replace(':', '')}Z", f"{s} UTC") for s in stamps]
    if along.name == "time":
        seconds = values / np.timedelta64(1, "s") if values.dtype.kind == "m" else values
        return [(f"{second / 60.0:06.1f}min", f"{second / 60.0:g} min") for second in seconds]
    units = str(along.attrs.get("units", ""))
    return [(f"{value:g}{units}", f"{value:g} {units}") for value in values]


def write_features(tables: Mapping[str, gpd.GeoDataFrame], path: Path) -> None:
    """Write tables with geometry as layers of one GeoPackage; nothing is written where there is none.

    Parameters
    ----------
    tables : mapping of str to geopandas.GeoDataFrame
        Layer name to table.
    path : pathlib.Path
        File.
    """
    import pyogrio

    for name, table in tables.items():
        # the time of writing would make two equal runs differ
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
        try:
            table.to_file(path, layer=name, driver="GPKG", engine="pyogrio")
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def read_features(path: Path) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers of :func:`write_features`; none where the file is missing."""
    import geopandas
    import pyogrio

    if not path.is_file():
        return {}
    return {str(name): geopandas.read_file(path, layer=name) for name in pyogrio.list_layers(path)[:, 0]}
