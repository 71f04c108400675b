"""Columns of a table to Parquet and back without loss: what a column was is noted beside it.

A column of texts stays texts; a column that holds dictionaries, lists or mixed values is written as JSON, which any
program can read.
"""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

__all__ = ["packed", "unpacked"]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | set | frozenset | tuple):
        return list(value)
    return str(value)


def _json(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def packed(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a table as Parquet can hold it, without its geometry, and what each column was.

    Examples
    --------
    >>> table, kinds = packed(pd.DataFrame({"a": [{"b": 1}, None], "n": np.array([1, 2], np.int8)}))
    >>> kinds, table["a"].iloc[0], table["a"].isna().tolist()
    ({'a': 'json', 'n': 'int8'}, '{"b":1}', [False, True])
    """
    data: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    geometry = table.geometry.name if isinstance(table, gpd.GeoDataFrame) else None
    for name in map(str, table.columns):
        if name == geometry:
            continue
        column = table[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            kinds[name] = "category:" + json.dumps([str(c) for c in column.cat.categories], ensure_ascii=False)
            data[name] = column.astype(object).to_numpy()
        elif column.dtype == object:
            values = column.to_numpy()
            texts = all(value is None or isinstance(value, str) for value in values)
            kinds[name] = "object" if texts else "json"
            data[name] = values if texts else np.array([_json(value) for value in values], dtype=object)
        else:
            kinds[name] = str(column.dtype)
            data[name] = column.array
    return pd.DataFrame(data, index=pd.RangeIndex(len(table))), kinds


def unpacked(table: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Return a table as it was before :func:`packed`."""
    data: dict[str, Any] = {}
    for name, kind in kinds.items():
        column = table[name]
        if kind in ("object", "json"):
            values = column.astype(object).to_numpy()
            values = np.array([None if pd.isna(v) else v for v in values], dtype=object)
            if kind == "json":
                decoded = np.empty(len(values), dtype=object)
                decoded[:] = [None if v is None else json.loads(v) for v in values]
                values = decoded
            data[name] = pd.Series(values, dtype=object)
        elif kind.startswith("category:"):
            data[name] = pd.Categorical(column.astype(object), categories=json.loads(kind.partition(":")[2]))
        else:
            data[name] = column.astype(pd.api.types.pandas_dtype(kind)).array
    return pd.DataFrame(data, index=pd.RangeIndex(len(table)))


def bounds_of(table: gpd.GeoDataFrame) -> np.ndarray:
    """Return west, south, east, north of each row, NaN where it has no geometry."""
    return np.asarray(shapely.bounds(np.asarray(table.geometry.values)), dtype=float).reshape(-1, 4)
