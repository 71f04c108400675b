"""Statistical rain depths of a place, from KOSTRA-DWD-2020 as Deutscher Wetterdienst delivers it.

One zip a duration (``GIS_KOSTRA-DWD-2020_D00060.zip``) with a polygon shapefile of grid cells: ``INDEX_RC`` (row * 1000 +
column), depths ``HN_001A_`` ... ``HN_100A_`` [mm] for 1 to 100 years, uncertainties ``UC_001A_`` ... [%], ``BELEG`` = 1 where
the cell has values. Folders of such zips or of unpacked shapefiles are read likewise, and tables as CSV: one row a
duration (``D_min``, ``HN_001A`` ...), or one row a cell and one file a duration.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from models.water.frequency import depth_table
from twin.city.files import sha256
from twin.errors import InputError
from twin.language import text
from twin.sensors.weather_files import read_weather
from twin.sensors.weather_tables import text_of

__all__ = ["read_kostra", "read_rain"]

_DEPTH, _SPREAD = re.compile(r"^HN_(\d{3})A_?$", re.IGNORECASE), re.compile(r"^UC_(\d{3})A_?$", re.IGNORECASE)
_DURATION = re.compile(r"_D(\d{4,5})(?!\d)", re.IGNORECASE)
_CELL = re.compile(r"INDEX_RC\s*[=:]?\s*(\d+)", re.IGNORECASE)
_SAID = re.compile(r"\b(source|licence|attribution)\s*:\s*([^;\n]+)", re.IGNORECASE)
_KOSTRA = {"source": "KOSTRA-DWD-2020", "licence": "CC BY 4.0", "attribution": "Deutscher Wetterdienst"}


@dataclass(frozen=True)
class _Part:
    """One table of one duration: where GDAL finds it, the file it lies in, and its duration [min]."""

    place: str
    file: Path
    minutes: float


def _parts(source: Path) -> list[_Part]:
    """Return the shapefiles in a file or folder, zipped or not."""
    files = (
        sorted(p for p in source.rglob("*") if p.suffix.lower() in (".zip", ".shp")) if source.is_dir() else [source]
    )
    places: list[tuple[str, Path]] = []
    for file in files:
        if file.suffix.lower() != ".zip":
            places.append((str(file), file))
            continue
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            raise InputError(text("rain.nothing_found", file=file)) from None
        places += [(f"/vsizip/{file}/{name}", file) for name in names if name.lower().endswith(".shp")]
        for inner in (name for name in names if name.lower().endswith(".zip")):  # one zip of all durations
            places.append((f"/vsizip/{{/vsizip/{file}/{inner}}}", file))
    parts: dict[float, _Part] = {}
    for place, file in places:
        minutes = _minutes(place)
        if minutes in parts:
            both = {"first": Path(parts[minutes].place).name, "second": Path(place).name}
            raise InputError(text("rain.duration_twice", file=source, minutes=f"{minutes:g}", **both))
        parts[minutes] = _Part(place, file, minutes)
    if not parts:
        raise InputError(text("rain.nothing_found", file=source))
    return [parts[minutes] for minutes in sorted(parts)]


def _minutes(name: str) -> float:
    found = _DURATION.findall(name)
    if not found:
        raise InputError(text("rain.duration_unclear", file=name))
    return float(found[-1])


def _row(part: _Part, x: float | None, y: float | None, crs: Any, cell: int | None) -> pd.Series:
    """Return the attributes of the cell with this number, or of the one the place lies in."""
    import pyogrio
    import shapely
    from pyproj import CRS, Transformer

    where: dict[str, Any] = {}
    point = None
    if cell is None:
        own = pyogrio.read_info(part.place)["crs"]
        if not own:
            raise InputError(text("rain.crs_missing", file=part.place))
        px, py = Transformer.from_crs(CRS.from_user_input(crs), CRS.from_user_input(own), always_xy=True).transform(
            x, y
        )
        point = shapely.Point(px, py)
        where["bbox"] = (px, py, px, py) if np.isfinite([px, py]).all() else (0.0, 0.0, 0.0, 0.0)
    frame = pyogrio.read_dataframe(part.place, read_geometry=cell is None, **where)
    names = {str(name).upper(): name for name in frame.columns}
    if "INDEX_RC" not in names or not any(_DEPTH.match(name) for name in names):
        raise InputError(text("rain.columns_missing", file=part.place, listed=", ".join(map(str, frame.columns))))
    numbers = pd.to_numeric(frame[names["INDEX_RC"]]).astype(int)
    keep = frame.geometry.intersects(point) if cell is None else numbers == cell
    if "BELEG" in names:
        keep &= pd.to_numeric(frame[names["BELEG"]]) == 1
    if not keep.any():
        if cell is None:
            raise InputError(text("rain.outside", file=part.file.name, x=x, y=y, crs=crs))
        raise InputError(text("rain.cell_missing", file=part.file.name, cell=cell))
    hit = frame[keep].iloc[int(np.argmin(numbers[keep].to_numpy()))].rename(str.upper)
    hit["INDEX_RC"] = int(hit["INDEX_RC"])
    return hit


def _numbers(row: pd.Series, pattern: re.Pattern[str], file: str) -> dict[float, float]:
    found = {}
    for name, value in row.items():
        match = pattern.match(str(name))
        if match:
            try:
                found[float(match[1])] = float(str(value).replace(",", "."))
            except ValueError:
                raise InputError(text("rain.not_a_number", file=file, column=name, value=value)) from None
    return found


def _from_csv(source: Path, cell: int | None) -> tuple[dict[float, pd.Series], int | None]:
    """Return the rows by duration of a table with a column D_min, and the cell its comment lines name."""
    content = text_of(source)
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise InputError(text("rain.nothing_found", file=source))
    sign = next((sign for sign in (";", "\t") if sign in lines[0]), ",")
    frame = pd.DataFrame([line.split(sign) for line in lines[1:]]).map(lambda value: str(value).strip())
    headers = [name.strip().strip('"').upper() for name in lines[0].split(sign)]
    if frame.shape[1] != len(headers) or not any(_DEPTH.match(name) for name in headers):
        raise InputError(text("rain.columns_missing", file=source, listed=", ".join(headers)))
    frame.columns = headers
    said = _CELL.search("\n".join(line for line in content.splitlines() if line.startswith("#")))
    number = int(said[1]) if said else None
    if "INDEX_RC" in headers:
        numbers = pd.to_numeric(frame["INDEX_RC"], errors="coerce")
        if cell is None and numbers.nunique() > 1:
            raise InputError(text("rain.place_needed", file=source))
        frame = frame[numbers == (numbers.iloc[0] if cell is None else cell)]
        number = int(numbers.iloc[0]) if cell is None else cell
    if frame.empty or (cell is not None and number is not None and number != cell):
        raise InputError(text("rain.cell_missing", file=source, cell=cell))
    rows: dict[float, pd.Series] = {}
    for _, row in frame.iterrows():
        stated = str(row["D_MIN"]).replace(",", ".") if "D_MIN" in headers else str(_minutes(source.name))
        try:
            minutes = float(stated)
        except ValueError:
            raise InputError(text("rain.not_a_number", file=source, column="D_min", value=stated)) from None
        if minutes in rows:
            raise InputError(text("rain.duration_twice", file=source, minutes=stated, first="D_min", second="D_min"))
        rows[minutes] = row
    return rows, number


def _origin(files: list[Path]) -> dict[str, str]:
    """Return source, licence and attribution: what a table says of itself, else KOSTRA where its name or comments say so."""
    origin = {"source": files[0].stem, "licence": "", "attribution": ""}
    comments = ""
    if files[0].suffix.lower() in (".csv", ".txt"):
        comments = "\n".join(line for line in text_of(files[0]).splitlines() if line.startswith("#"))
    said = {key.lower(): value.strip() for key, value in _SAID.findall(comments)}
    if not said and "KOSTRA-DWD-2020" in f"{files[0].name} {comments}":
        return dict(_KOSTRA)
    return origin | said


def read_kostra(
    source: str | PathLike[str],
    *,
    x: float | None = None,
    y: float | None = None,
    crs: Any = None,
    cell: int | None = None,
) -> xr.DataArray:
    r"""Return the statistical rain depths of a place from KOSTRA-DWD-2020.

    Parameters
    ----------
    source : path
        Folder of the delivered zips or of unpacked shapefiles, one zip, or a CSV table (columns ``D_min`` and
        ``HN_001A`` ...; or ``INDEX_RC`` and ``HN_001A`` ... in a file that names its duration, or a folder of such).
    x, y : float, optional
        The place, in ``crs``; the cell it lies in is taken (the one with the smaller number on an edge).
    crs : str or pyproj.CRS, optional
        Reference system of ``x`` and ``y``, for example "EPSG:25832".
    cell : int, optional
        Number of the cell (``INDEX_RC``) instead of a place.

    Returns
    -------
    xarray.DataArray
        ``precipitation_depth`` [mm] on (``duration`` [min], ``return_period`` [a]) with the coordinate ``uncertainty`` [%]
        where the files hold it; attrs ``cell``, ``source``, ``licence``, ``attribution``, ``files`` and ``sha256``.

    Raises
    ------
    InputError
        If the files hold no such table, the place lies outside, or a number is unusable.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "kostra.csv"
    >>> _ = file.write_text("# INDEX_RC 49125\nD_min,HN_001A,HN_100A\n5,6.0,16.9\n60,13.5,37.7\n", encoding="utf-8")
    >>> depths = read_kostra(file)
    >>> float(depths.sel(duration=60, return_period=100)), depths.attrs["cell"]
    (37.7, 49125)
    """
    path = Path(source)
    if not path.exists():
        raise InputError(text("rain.file_missing", file=path))
    tables = sorted(path.glob("*.csv")) if path.is_dir() else [path] if path.suffix.lower() in (".csv", ".txt") else []
    if tables and not (path.is_dir() and any(p.suffix.lower() in (".zip", ".shp") for p in path.rglob("*"))):
        rows: dict[float, pd.Series] = {}
        files = tables
        for table in tables:
            found, cell = _from_csv(table, cell)
            rows |= found
    else:
        if cell is None and (x is None or y is None or crs is None):
            raise InputError(text("rain.place_needed", file=path))
        rows, files = {}, []
        for part in _parts(path):
            rows[part.minutes] = _row(part, x, y, crs, cell)
            cell = int(rows[part.minutes]["INDEX_RC"])
            files.append(part.file)
    return _table(rows, cell, list(dict.fromkeys(files)), path)


def _table(rows: dict[float, pd.Series], cell: int | None, files: list[Path], path: Path) -> xr.DataArray:
    durations = sorted(rows)
    depths = [_numbers(rows[minutes], _DEPTH, path.name) for minutes in durations]
    spreads = [_numbers(rows[minutes], _SPREAD, path.name) for minutes in durations]
    periods = sorted(depths[0])
    for minutes, one in zip(durations, depths, strict=True):
        if sorted(one) != periods:
            raise InputError(
                text(
                    "rain.columns_missing", file=f"{path.name} ({minutes:g} min)", listed=", ".join(rows[minutes].index)
                )
            )
    complete = all(sorted(one) == periods for one in spreads)
    try:
        table = depth_table(
            [[one[period] for period in periods] for one in depths],
            durations,
            periods,
            uncertainty=[[one[period] for period in periods] for one in spreads] if complete else None,
        )
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None
    table.attrs |= {
        **_origin(files),
        "files": [file.name for file in files],
        "sha256": [sha256(file) for file in files],
    }
    if cell is not None:
        table.attrs["cell"] = int(cell)
    return table


def read_rain(path: str | PathLike[str], **options: Any) -> xr.DataArray:
    r"""Return the rain of a gauge from a table, complete and in mm/h.

    Parameters
    ----------
    path : path
        Table with a header row, as for :func:`read_weather`; its rain column is recognised by name or given in
        ``columns``, its unit by the brackets behind the name (mm in the step, or mm/h).
    **options
        ``interval``, ``columns``, ``utc_offset``, ``start``, ``end``, ``separator``, ``decimal`` of :func:`read_weather`.

    Returns
    -------
    xarray.DataArray
        ``precipitation`` [mm/h] along ``time`` (UTC); attrs ``interval``, ``step_seconds``, ``gaps``, ``source_file``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "gauge.csv"
    >>> _ = file.write_text("# interval: end\nZeit (UTC);Niederschlag (mm)\n29.06.2026 17:05;2,5\n29.06.2026 17:10;7,5\n")
    >>> read_rain(file).values.tolist()
    [30.0, 90.0]
    """
    weather = read_weather(path, names=("precipitation",), **options)
    rain = weather["precipitation"]
    rain.attrs |= weather.attrs
    return rain
