"""Rain as rasters in time from files: NetCDF, a folder of GeoTIFFs, or a folder of radar composites of Deutscher Wetterdienst.

What comes out lies on the cells of a site, as rates in mm/h whose stamps are the starts of the intervals. Radar cells stay
as they are (the nearest one counts): sums are those of the raster, and its edges show in maps. Nothing is filled: a site
that a raster covers only in part, and missing cells over the site, are refused.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import describe
from models.water.precipitation import RATE_UNITS, interval_edges, rates
from twin.errors import InputError
from twin.language import text

__all__ = ["is_rain_raster", "read_rain_rasters"]

_NAMES = (
    "precipitation",
    "rain",
    "rainfall",
    "rainfall_rate",
    "rainfall_amount",
    "precipitation_flux",
    "rainrate",
    "tp",
    "pr",
)
_STAMP = re.compile(r"(?<!\d)((?:19|20)\d{6})[T_-]?([0-2]\d[0-5]\d)(?:[0-5]\d)?(?!\d)")
_RADAR = (".gz", ".bz2", ".bin")
_AMOUNTS = ("mm", "kg m-2", "kg/m2", "kg m**-2")


def is_rain_raster(path: str | PathLike[str]) -> bool:
    """Return whether a path is rain as rasters: a NetCDF file, or a folder.

    Examples
    --------
    >>> is_rain_raster("radar.nc"), is_rain_raster("gauge.csv")
    (True, False)
    """
    return Path(path).suffix.lower() in (".nc", ".nc4") or Path(path).is_dir()


def read_rain_rasters(
    path: str | PathLike[str],
    site: xr.Dataset,
    *,
    variable: str | None = None,
    unit: str | None = None,
    interval: str | None = None,
) -> xr.DataArray:
    """Return the rain of rasters on the cells of a site.

    Parameters
    ----------
    path : path
        NetCDF file with a variable on (time, y, x); or a folder of GeoTIFFs with the time (UTC) in their names,
        ``rain_202306291705.tif``; or a folder of RADOLAN composites (RW, RY, YW) as delivered.
    site : xarray.Dataset
        Site layers with ``spatial_ref``.
    variable : str, optional
        Variable of a NetCDF file; by default the one whose name says rain, or the only one on (time, y, x).
    unit : str, optional
        "mm/h", or "mm" for the depth in each interval; by default what the file says.
    interval : {"start", "end"}, optional
        What a stamp means; by default what the file says. Composites are stamped at the end.

    Returns
    -------
    xarray.DataArray
        ``precipitation`` [mm/h] on (time, y, x), stamps at the start of each interval.

    Raises
    ------
    InputError
        If the rasters cannot be read, have no unit, place or time, or do not cover the site.
    """
    file = Path(path)
    field = _folder(file) if file.is_dir() else _netcdf(file, variable)
    meaning = interval or field.attrs.get("interval") or field["time"].attrs.get("interval")
    if meaning not in ("start", "end"):
        raise InputError(text("sensors.rain_raster_interval", file=file.name))
    if (np.diff(field["time"].values) <= np.timedelta64(0)).any():
        raise InputError(text("sensors.rain_raster_order", file=file.name))
    field = field.assign_attrs(interval=meaning)
    try:
        step = float(interval_edges(field)[1])
        amount = _on_site(_as_rate(field, unit, step, file), site, file)
        stamps = field["time"].values - (
            np.timedelta64(round(step * 1e9), "ns") if meaning == "end" else np.timedelta64(0, "ns")
        )
        rain = describe(
            xr.DataArray(amount, {"time": stamps, "y": site["y"], "x": site["x"]}, ("time", "y", "x")), "precipitation"
        )
        rain.attrs |= {"interval": "start", "step_seconds": step, "source_file": file.name}
        rain.attrs |= {name: field.attrs[name] for name in ("licence", "attribution", "source") if name in field.attrs}
        rates(rain)
    except InputError as fault:
        said = str(fault)
        raise InputError(said if said.startswith(file.name) else f"{file.name}: {said}") from None
    return rain.rename("precipitation")


def _netcdf(file: Path, variable: str | None) -> xr.DataArray:
    import rioxarray  # noqa: F401 - registers .rio

    if not file.is_file():
        raise InputError(text("sensors.file_missing", file=file))
    try:
        with xr.open_dataset(file, decode_coords="all") as data:
            data = data.load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(text("sensors.file_broken", file=file.name, reason=str(error).splitlines()[0])) from None
    fields = [str(name) for name, one in data.data_vars.items() if one.ndim == 3 and "time" in one.dims]
    named = [name for name in fields if name.lower() in _NAMES] or fields
    if (len(named) != 1) if variable is None else (variable not in fields):
        raise InputError(text("sensors.rain_raster_variable", file=file.name, given=", ".join(fields) or "-"))
    field = data[variable or named[0]]
    if data.rio.crs is None:
        raise InputError(text("sensors.rain_raster_crs", file=file.name))
    across = [str(dim) for dim in field.dims if dim != "time"]
    names = {field.rio.y_dim: "y", field.rio.x_dim: "x"} if set(across) != {"y", "x"} else {}
    field = field.rename(names).transpose("time", "y", "x").rio.write_crs(data.rio.crs)
    if field["time"].dtype.kind != "M":
        raise InputError(text("sensors.rain_raster_stamp", file=file.name))
    return field.assign_attrs(
        {k: v for k, v in data.attrs.items() if k in ("licence", "attribution", "source")} | field.attrs
    )


def _folder(folder: Path) -> xr.DataArray:
    import rioxarray

    rasters = sorted(one for one in folder.iterdir() if one.suffix.lower() in (".tif", ".tiff"))
    if not rasters:
        return _composites(folder)
    fields = []
    for file in rasters:
        stamp = _STAMP.search(file.stem)
        if stamp is None:
            raise InputError(text("sensors.rain_raster_stamp", file=file.name))
        raster = cast("xr.DataArray", rioxarray.open_rasterio(file, masked=True))
        band = raster.isel(band=0, drop=True).load()
        raster.close()
        if band.rio.crs is None:
            raise InputError(text("sensors.rain_raster_crs", file=file.name))
        fields.append(band.expand_dims(time=[pd.Timestamp(f"{stamp[1]} {stamp[2]}").to_datetime64()]))
    return _joined(fields, folder)


def _composites(folder: Path) -> xr.DataArray:
    from twin.sensors.radar import read_radar

    files = sorted(one for one in folder.iterdir() if one.suffix.lower() in _RADAR or one.name.startswith("raa"))
    if not files:
        raise InputError(text("sensors.rain_raster_none", file=folder.name))
    fields = []
    for file in files:
        one = read_radar(file)
        if "interval_minutes" not in one.attrs:
            raise InputError(text("sensors.rain_raster_none", file=file.name))
        one = one.assign_attrs(units="mm", interval="end", attribution="Deutscher Wetterdienst")
        one.attrs["step_seconds"] = 60.0 * one.attrs["interval_minutes"]
        crs = one.attrs.pop("crs")
        fields.append(one.drop_vars("time").expand_dims(time=[one["time"].values]).rio.write_crs(crs))
    return _joined(fields, folder)


def _joined(fields: list[xr.DataArray], folder: Path) -> xr.DataArray:
    first = fields[0]
    if any(one.shape != first.shape or not np.array_equal(one["x"], first["x"]) for one in fields):
        raise InputError(text("sensors.rain_raster_grids", file=folder.name))
    crs = first.rio.crs
    return xr.concat(fields, dim="time").sortby("time").assign_attrs(first.attrs).rio.write_crs(crs)


def _as_rate(field: xr.DataArray, unit: str | None, step: float, file: Path) -> xr.DataArray:
    given = unit or str(field.attrs.get("units", ""))
    if given in RATE_UNITS:
        return field
    if given in _AMOUNTS:
        return field * np.float32(3600.0 / step)
    allowed = ", ".join((*RATE_UNITS, *_AMOUNTS))
    raise InputError(text("sensors.rain_raster_unit", file=file.name, unit=given or "-", allowed=allowed))


def _on_site(field: xr.DataArray, site: xr.Dataset, file: Path) -> np.ndarray:
    """Return the value of the nearest raster cell in each cell of the site, float32."""
    from pyproj import Transformer

    xx, yy = np.meshgrid(site["x"].values, site["y"].values)
    east, north = Transformer.from_crs(site.rio.crs, field.rio.crs, always_xy=True).transform(xx, yy)
    at: dict[str, Any] = {}
    for axis, wanted in (("y", north), ("x", east)):
        centres = field[axis].values.astype(float)
        if centres.size < 2:
            raise InputError(text("sensors.rain_raster_cover", file=file.name))
        step = (centres[-1] - centres[0]) / (centres.size - 1)
        index = np.floor((wanted - centres[0]) / step + 0.5).astype(np.int64)
        if not np.isfinite(wanted).all() or index.min() < 0 or index.max() >= centres.size:
            raise InputError(text("sensors.rain_raster_cover", file=file.name))
        at[axis] = index
    return np.ascontiguousarray(field.values[:, at["y"], at["x"]], dtype=np.float32)
