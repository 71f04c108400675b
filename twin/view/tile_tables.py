"""Property tables of 3D Tiles 1.1: what is known of each feature, in the columns of EXT_structural_metadata.

A column of texts becomes STRING with 32 bit offsets, whole numbers become unsigned integers and other numbers FLOAT32.
Missing numbers are told in the format's own way: a ``noData`` value that readers turn into "nothing".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.view.glb import Glb

__all__ = ["SCHEMA_ID", "Column", "add_property_table"]

SCHEMA_ID = "urban_twin"
NO_NUMBER = -9999.0
_INTEGER = {np.dtype(np.uint8): "UINT8", np.dtype(np.uint16): "UINT16", np.dtype(np.uint32): "UINT32"}


@dataclass(frozen=True, eq=False)
class Column:
    """One property of all features.

    Parameters
    ----------
    values : numpy.ndarray
        Texts (object), unsigned integers, or float32 with NaN where nothing is known.
    label : str
        What people read.
    unit : str
        Unit as people write it; empty where there is none.
    missing : int or None
        Of integers: the number that means "not known".
    """

    values: np.ndarray
    label: str = ""
    unit: str = ""
    missing: int | None = None

    def take(self, rows: np.ndarray) -> Column:
        """Return the column of some features."""
        return Column(self.values[rows], self.label, self.unit, self.missing)


def _class_property(column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": column.label} if column.label else {}
    if column.unit:
        entry["description"] = f"[{column.unit}]"
    if column.values.dtype == object:
        return entry | {"type": "STRING"}
    kind = _INTEGER.get(column.values.dtype, "FLOAT32")
    entry |= {"type": "SCALAR", "componentType": kind}
    if kind == "FLOAT32":
        return entry | {"noData": NO_NUMBER}
    return entry | ({"noData": column.missing} if column.missing is not None else {})


def _column_views(glb: Glb, column: Column) -> dict[str, Any]:
    if column.values.dtype == object:
        texts = list(map(str, column.values))
        data = "".join(texts).encode()
        lengths = list(map(len, texts))
        if sum(lengths) != len(data):  # letters of more than one byte
            lengths = [len(text.encode()) for text in texts]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32)
        return {
            "values": glb.view(data or b"\0"),
            "stringOffsets": glb.view(offsets.tobytes()),
            "stringOffsetType": "UINT32",
        }
    numbers = column.values
    if numbers.dtype not in _INTEGER:
        numbers = np.where(np.isfinite(numbers), numbers, NO_NUMBER).astype(np.float32)
    return {"values": glb.view(np.ascontiguousarray(numbers).tobytes())}


def add_property_table(glb: Glb, kind: str, columns: Mapping[str, Column]) -> int:
    """Add a table with its schema to a GLB and return its number.

    Parameters
    ----------
    glb : Glb
        File being put together; all its tables share one schema.
    kind : str
        Class of the features, for example ``"building"``.
    columns : mapping of str to Column
        Columns of equal length by name.
    """
    glb.use("EXT_structural_metadata")
    holder = glb.document.setdefault("extensions", {}).setdefault(
        "EXT_structural_metadata", {"schema": {"id": SCHEMA_ID, "classes": {}}, "propertyTables": []}
    )
    holder["schema"]["classes"][kind] = {"properties": {name: _class_property(c) for name, c in columns.items()}}
    count = len(next(iter(columns.values())).values)
    table = {"class": kind, "count": count, "properties": {name: _column_views(glb, c) for name, c in columns.items()}}
    holder["propertyTables"].append(table)
    return len(holder["propertyTables"]) - 1
