"""Delimited text tables (CSV) as offices hand them out: German headings, semicolons, decimal commas, old encodings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.features import column_named, first_known, numbers
from twin.errors import TextError

__all__ = ["is_delimited", "points_of", "read_delimited", "read_points"]

SUFFIXES = (".csv", ".tsv", ".txt")
_SAMPLE = 1 << 16
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")
_CELLS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def is_delimited(file: Path) -> bool:
    """Tell by its ending whether a file is a delimited text table."""
    return file.suffix.lower() in SUFFIXES


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _separator(line: str) -> str:
    """Return the sign that parts a heading line most often, outside quotes."""
    outside = "".join(line.split('"')[::2])
    return max(";\t,|", key=outside.count)


def read_delimited(
    file: Path, *, separator: str | None = None, encoding: str | None = None, rows: int | None = None
) -> pd.DataFrame:
    """Return a delimited table with every cell as text, headings stripped.

    Parameters
    ----------
    file : pathlib.Path
        Text table with one heading line.
    separator, encoding : str, optional
        By default found out: the sign most frequent in the heading; UTF-8 where the bytes are, else Windows-1252.
    rows : int, optional
        Read only so many rows.

    Raises
    ------
    InputError
        If it is no text table, or holds no row.
    """
    with file.open("rb") as stream:
        head = stream.read(_SAMPLE)
    encoding = encoding or _encoding(head)
    try:
        first = next(line for line in head.decode(encoding, errors="ignore").splitlines() if line.strip())
    except (StopIteration, LookupError):
        raise TextError("table_text", file=file, encoding=encoding) from None
    separator = separator or _separator(first)
    try:
        table = pd.read_csv(
            file,
            sep=separator,
            encoding=encoding,
            dtype="string",
            keep_default_na=False,
            skipinitialspace=True,
            low_memory=False,
            nrows=rows,
        )
    except UnicodeDecodeError as error:
        raise TextError("table_encoding", file=file, encoding=encoding, byte=error.start) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise _no_table(str(error), file, separator) from None
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    if table.empty:
        raise TextError("table_without_row", file=file)
    return table


def _no_table(reason: str, file: Path, separator: str) -> TextError:
    """Return the error for what the reader of tables met, in words of its own."""
    open_quote = _OPEN_QUOTE.search(reason)
    if open_quote:
        return TextError("table_quote_open", file=file, row=int(open_quote.group(1)) + 1)
    cells = _CELLS.search(reason)
    if cells:
        columns, line, found = cells.groups()
        return TextError("table_cells", file=file, line=line, cells=found, columns=columns, separator=separator)
    return TextError("table_unreadable", file=file, separator=separator)


def points_of(table: pd.DataFrame, columns: Mapping[str, str], file: Path, decimal: str | None) -> np.ndarray:
    """Return the points of a table from its columns x and y, or from WKT in ``geometry``; None where unreadable."""
    if "geometry" in columns:
        return np.asarray(shapely.from_wkt(table[columns["geometry"]].to_numpy(dtype=object), on_invalid="ignore"))
    if "x" not in columns or "y" not in columns:
        listed = ", ".join(map(str, table.columns))
        raise TextError("coordinates_unknown", file=file, listed=listed)
    x, _ = numbers(table[columns["x"]], decimal=decimal)
    y, _ = numbers(table[columns["y"]], decimal=decimal)
    bad = np.isnan(x) | np.isnan(y)
    points = np.asarray(shapely.points(np.where(bad, 0.0, x), np.where(bad, 0.0, y)), dtype=object)
    points[bad] = None
    return points


def read_points(
    file: Path,
    *,
    columns: Mapping[str, str],
    known: Mapping[str, Sequence[str]],
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> gpd.GeoDataFrame:
    """Read a delimited table of points with its columns renamed to ours; it has no CRS of its own."""
    table = read_delimited(file, separator=separator, encoding=encoding)
    available = [str(name) for name in table.columns]
    taken = {ours: column_named(theirs, available, str(file)) for ours, theirs in columns.items()}
    for ours, names in known.items():
        match = None if ours in taken else first_known(names, available)
        if match is not None:
            taken[ours] = match
    points = points_of(table, taken, file, decimal)
    kept = {ours: table[theirs] for ours, theirs in taken.items() if ours not in ("x", "y", "geometry")}
    frame = gpd.GeoDataFrame(kept, geometry=gpd.GeoSeries(points, index=table.index))
    frame.attrs["columns"] = taken
    return frame
