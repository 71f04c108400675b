"""Files of the German Weather Service: station observations (CDC) and station reports (POI).

CDC texts (zip): ``;`` with padding blanks, ``-999`` missing, ``eor`` at the end, ``MESS_DATUM`` in UTC, positions with dates,
for stations move. POI reports: three header lines, decimal comma, ``---`` missing, newest row first. Source:
DWD Climate Data Center, data set descriptions; «Datenbasis: Deutscher Wetterdienst».
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from twin.errors import InputError
from twin.language import text
from twin.sensors.properties import Place, Reading, conversion, known_as, unit_of_property
from twin.sensors.stamps import microseconds

__all__ = ["read_cdc", "read_poi"]

_LIMIT = 200_000_000  # bytes of a table after unpacking


def _moments(stamps: pd.Series) -> np.ndarray:
    digits = stamps.str.len()
    form = "%Y%m%d%H%M" if (digits == 12).all() else "%Y%m%d%H"
    return pd.to_datetime(stamps, format=form).to_numpy().astype("datetime64[us]").astype(np.int64)


def read_cdc(path: str | Path) -> tuple[list[Reading], list[Place]]:
    """Read a zip of station observations of the DWD Climate Data Center.

    Parameters
    ----------
    path : str or pathlib.Path
        For example ``stundenwerte_TU_00320_akt.zip``.

    Returns
    -------
    tuple of lists
        Readings in our units (missing ones as NaN), and the dated places of the station.

    Raises
    ------
    InputError
        If the file is no such zip.
    """
    file = Path(path)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            tables = [name for name in names if Path(name).name.startswith("produkt_")]
            if not tables:
                raise InputError(text("sensors.cdc_no_table", file=file.name))
            if archive.getinfo(tables[0]).file_size > _LIMIT:
                raise InputError(text("sensors.file_too_large", file=file.name))
            content = archive.read(tables[0]).decode("latin-1")
            geography = [name for name in names if "Metadaten_Geographie" in name]
            places = _places(archive.read(geography[0]).decode("latin-1")) if geography else []
    except FileNotFoundError:
        raise InputError(text("sensors.file_missing", file=file)) from None
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(text("sensors.file_broken", file=file.name, reason=str(error))) from None
    return _cdc_rows(content, file.name), places


def _cdc_rows(content: str, file: str) -> list[Reading]:
    table = pd.read_csv(io.StringIO(content), sep=";", dtype=str, skipinitialspace=True)
    table.columns = [str(column).strip() for column in table.columns]
    if not {"STATIONS_ID", "MESS_DATUM"} <= set(table.columns):
        raise InputError(text("sensors.cdc_no_table", file=file))
    things = "dwd-" + table["STATIONS_ID"].str.strip().str.zfill(5)
    moments = _moments(table["MESS_DATUM"].str.strip())
    readings = []
    for column in table.columns:
        named = known_as(column) if column not in ("STATIONS_ID", "MESS_DATUM", "eor") else None
        if named is None:
            continue
        ours, unit = named
        factor, offset = conversion(ours, unit, file)
        values = pd.to_numeric(table[column].str.strip(), errors="coerce").to_numpy(float)
        values = np.where(values == -999, np.nan, values * factor + offset)
        own = unit_of_property(ours)
        readings += [
            Reading(t, ours, m, v, own) for t, m, v in zip(things, moments.tolist(), values.tolist(), strict=True)
        ]
    return readings


def _places(content: str) -> list[Place]:
    places = []
    for line in content.splitlines()[1:]:
        cells = [cell.strip() for cell in line.split(";")]
        if len(cells) < 7 or not cells[0].isdigit():
            continue
        since = microseconds(datetime.strptime(cells[4], "%Y%m%d").replace(tzinfo=UTC))
        places.append(
            Place(f"dwd-{cells[0].zfill(5)}", since, float(cells[3]), float(cells[2]), float(cells[1]), cells[6])
        )
    return places


def read_poi(path: str | Path) -> list[Reading]:
    """Read a station report of the DWD (``10315-BEOB.csv``), oldest row first.

    Raises
    ------
    InputError
        If the file lacks its three header lines, or a time or number in it cannot be read.
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="latin-1").splitlines()
    except OSError:
        raise InputError(text("sensors.file_missing", file=file)) from None
    if len(lines) < 3 or not lines[0].startswith("surface observations"):
        raise InputError(text("sensors.poi_header", file=file.name))
    names, units = lines[0].split(";")[2:], lines[1].split(";")
    thing = f"wmo-{units[0]}"
    columns = []
    for place, (name, unit) in enumerate(zip(names, units[2:], strict=True), start=2):
        named = known_as(name)
        if named is not None:
            columns.append((place, named[0], *conversion(named[0], unit, file.name), unit_of_property(named[0])))
    readings = []
    for number, line in enumerate(lines[3:], start=4):
        cells = line.split(";")
        try:
            moment = microseconds(datetime.strptime(f"{cells[0]} {cells[1]}", "%d.%m.%y %H:%M").replace(tzinfo=UTC))
            for place, ours, factor, offset, unit in columns:
                cell = cells[place]
                value = float("nan") if cell == "---" else float(cell.replace(",", ".")) * factor + offset
                readings.append(Reading(thing, ours, moment, value, unit))
        except (ValueError, IndexError):
            raise InputError(text("sensors.line_broken", file=file.name, line=number)) from None
    return readings[::-1]
