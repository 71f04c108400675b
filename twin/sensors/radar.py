"""Radar composites of the German Weather Service: RADOLAN and RADVOR products as depth of rain on their own grid.

A header of ASCII up to ETX names product, time, precision, interval and grid; then two bytes a cell, south row first:
12 bits of value and flags for missing, negative and clutter. PG and PC hold levels of reflectivity, run-length coded.
Source: DWD, RADOLAN/RADVOR-OP Kompositformat 2.5 (2019). The whole file is a few numpy operations, nothing else is
imported.
"""

from __future__ import annotations

import bz2
import gzip
import io
import re
import tarfile
from pathlib import Path

import numpy as np
import xarray as xr

from twin.errors import InputError
from twin.language import text

__all__ = ["CRS", "read_radar", "read_radar_archive"]

CRS = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +a=6370040 +b=6370040 +units=m +no_defs"
"""Polar stereographic projection of the composites on a sphere [m]."""

# South-west corner [km] of each grid (rows, columns).
_CORNERS = {
    (900, 900): (-523.4622, -4658.6447),
    (1100, 900): (-443.4622, -4758.6447),
    (1200, 1100): (-543.4622, -4808.6447),
    (460, 460): (-393.462, -4668.645),
}
_LIMIT = 50_000_000  # bytes of a composite after unpacking
_VALUE, _MISSING, _NEGATIVE, _CLUTTER = 0x0FFF, 0x2000, 0x4000, 0x8000


def _unpacked(raw: bytes, file: str) -> bytes:
    try:
        if raw[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
                content = stream.read(_LIMIT + 1)
        elif raw[:3] == b"BZh":
            content = bz2.BZ2Decompressor().decompress(raw, _LIMIT + 1)
        else:
            content = raw
    except (OSError, EOFError) as error:
        raise InputError(text("sensors.file_broken", file=file, reason=str(error))) from None
    if len(content) > _LIMIT:
        raise InputError(text("sensors.file_too_large", file=file))
    return content


def _header(content: bytes, file: str) -> tuple[dict[str, str], int]:
    """Return the fields of the header, and where the cells begin."""
    end = content.find(b"\x03", 0, 2000)
    head = content[: max(end, 0)].decode("ascii", "replace")
    first = re.match(r"([A-Z]{2})(\d{2})(\d{2})(\d{2})(\d{5})(\d{2})(\d{2})BY\s*(\d+?)(?=VS|LV|[A-Z])", head)
    if end < 0 or not first:
        raise InputError(text("sensors.radar_header", file=file))
    product, day, hour, minute, _, month, year, _ = first.groups()
    fields = {"product": product, "time": f"20{year}-{month}-{day}T{hour}:{minute}"}
    for name, pattern in (
        ("precision", r"PR\s*(E[+-]\d{2})"), ("interval", r"INT\s*(\d+)"), ("grid", r"GP\s*(\d+)x\s*(\d+)"),
        ("lead", r"VV\s*(\d+)"), ("short", r"BG\s*(\d{3})(\d{3})"), ("levels", r"LV\s*(\d+)\s+([\d. -]+?)CS"),
    ):  # fmt: skip
        found = re.search(pattern, head)
        if found:
            fields[name] = "x".join(found.groups())
    return fields, end + 1


def read_radar(source: str | Path | bytes, *, name: str = "") -> xr.DataArray:
    """Read one composite.

    Parameters
    ----------
    source : str, pathlib.Path or bytes
        File (plain, ``.gz`` or ``.bz2``), or its content.
    name : str
        What to call it in messages, where content was given.

    Returns
    -------
    xarray.DataArray
        ``(y, x)`` with row 0 in the north, centres of cells in :data:`CRS` [m]. Rain products: depth [mm] in the
        interval of ``attrs["interval_minutes"]``, missing and clutter as NaN. Level products (PG, PC): the number of
        the level, with the lower bounds [dBZ] in ``attrs["levels"]``.

    Raises
    ------
    InputError
        If the file is no composite, is cut off, or has a grid of unknown place.
    """
    if isinstance(source, bytes):
        raw, file = source, name or "bytes"
    else:
        file = Path(source).name
        try:
            raw = Path(source).read_bytes()
        except OSError:
            raise InputError(text("sensors.file_missing", file=source)) from None
    content = _unpacked(raw, file)
    fields, start = _header(content, file)
    if "levels" in fields:
        return _levels(content[start:], fields, file)
    if "grid" not in fields or "precision" not in fields:
        raise InputError(text("sensors.radar_header", file=file))
    rows, columns = (int(part) for part in fields["grid"].split("x"))
    if len(content) - start < 2 * rows * columns:
        raise InputError(text("sensors.radar_short", file=file, cells=rows * columns))
    cells = np.frombuffer(content, "<u2", rows * columns, start)
    value = (cells & _VALUE).astype(np.float32)
    np.negative(value, out=value, where=(cells & _NEGATIVE) != 0)
    value *= np.float32(10.0 ** int(fields["precision"][1:]))
    value[(cells & (_MISSING | _CLUTTER)) != 0] = np.nan
    field = _on_grid(value.reshape(rows, columns), fields, file)
    field.attrs |= {
        "units": "mm",
        "interval_minutes": int(fields["interval"]),
        "lead_minutes": int(fields.get("lead", 0)),
    }
    return field


def _on_grid(value: np.ndarray, fields: dict[str, str], file: str) -> xr.DataArray:
    if value.shape not in _CORNERS:
        raise InputError(text("sensors.radar_grid", file=file, rows=value.shape[0], columns=value.shape[1]))
    west, south = _CORNERS[value.shape]
    size = 2.0 if value.shape == (460, 460) else 1.0
    rows, columns = value.shape
    x = (west + (np.arange(columns) + 0.5) * size) * 1000.0
    y = (south + (np.arange(rows) + 0.5) * size) * 1000.0
    coords = {"y": y[::-1], "x": x, "time": np.datetime64(fields["time"], "ns")}
    field = xr.DataArray(value[::-1], coords=coords, dims=("y", "x"), name=fields["product"])
    field.attrs |= {"product": fields["product"], "crs": CRS}
    return field


def _levels(content: bytes, fields: dict[str, str], file: str) -> xr.DataArray:
    """Decode lines of (repeat, level) nibbles behind a line number and an offset; what no radar sees is NaN."""
    if "short" not in fields:
        raise InputError(text("sensors.radar_header", file=file))
    rows, columns = (int(part) for part in fields["short"].split("x"))
    value = np.full((rows, columns), np.nan, np.float32)
    place = 0
    for line in range(rows):
        place += 1  # the number of the line
        column = 0
        first = True
        while place < len(content) and content[place] != 10:
            byte = content[place]
            place += 1
            if first:
                column += byte - 16
                first = byte == 255
                continue
            width = byte >> 4
            if column + width > columns:
                raise InputError(text("sensors.file_broken", file=file, reason=f"line {line + 1}"))
            value[line, column : column + width] = byte & 0x0F
            column += width
        if place >= len(content):
            raise InputError(text("sensors.radar_short", file=file, cells=rows * columns))
        place += 1
    value[value > int(fields["levels"].split("x")[0])] = np.nan  # marks of the picture's frame
    field = _on_grid(value[::-1], fields, file)
    _, bounds = fields["levels"].split("x", 1)
    field.attrs |= {"units": "1", "levels": [float(part) for part in bounds.split()]}
    return field


def read_radar_archive(path: str | Path) -> xr.DataArray:
    """Read all composites of a tar archive (such as ``DE1200_RV2305081330.tar.bz2``), by lead time.

    Returns
    -------
    xarray.DataArray
        ``(lead, y, x)`` [mm], lead times in minutes, rising.
    """
    file = Path(path)
    try:
        with tarfile.open(file) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            if any(member.size > _LIMIT for member in members):
                raise InputError(text("sensors.file_too_large", file=file.name))
            fields = [read_radar(archive.extractfile(member).read(), name=member.name) for member in members]  # type: ignore[union-attr]
    except FileNotFoundError:
        raise InputError(text("sensors.file_missing", file=file)) from None
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(text("sensors.file_broken", file=file.name, reason=str(error))) from None
    fields.sort(key=lambda field: field.attrs["lead_minutes"])
    leads = [field.attrs["lead_minutes"] for field in fields]
    return xr.concat(fields, dim=xr.DataArray(leads, dims="lead", name="lead"), combine_attrs="drop_conflicts")
