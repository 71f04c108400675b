"""Which objects of a city are features of its tiles, and what their property tables say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from twin.language import text
from twin.view.tile_tables import Column

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["building_columns", "building_name", "top_objects", "tree_columns"]


def top_objects(city: City) -> np.ndarray:
    """Return the row of the topmost parent of each object: what people point at when they point at a part of it."""
    parent = city.objects["parent"].to_numpy(np.int64)
    top = np.arange(len(parent))
    for _ in range(16):
        above = parent[top]
        if not (above >= 0).any():
            break
        top = np.where(above >= 0, above, top)
    return top


def building_name(attributes: object) -> str:
    """Return the name among the attributes of an object, empty where it has none."""
    if not isinstance(attributes, dict):
        return ""
    value = attributes.get("name") or attributes.get("gml:name") or ""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _texts(values: np.ndarray) -> np.ndarray:
    return np.array(["" if v is None or v != v else str(v) for v in values], dtype=object)


def _whole(values: np.ndarray, kind: type[np.unsignedinteger]) -> np.ndarray:
    known = np.isfinite(values) & (values > 0) & (values <= np.iinfo(kind).max)
    return np.where(known, values, 0).astype(kind)


def building_columns(
    city: City, rows: np.ndarray, height: np.ndarray, language: str | None, values: Mapping[str, Column] | None = None
) -> dict[str, Column]:
    """Return the property columns of buildings.

    Parameters
    ----------
    city : City
        Its objects.
    rows : numpy.ndarray
        Rows of the features in ``city.objects``.
    height : numpy.ndarray
        Height of each feature's body [m], used where the object tells none.
    language : str or None
        Of the labels.
    values : mapping, optional
        Further columns, one value a feature.
    """
    objects = city.objects.iloc[rows]
    told = objects["measured_height"].to_numpy(float)
    return {
        "id": Column(_texts(objects["id"].to_numpy()), text("view.tiles_id", language)),
        "name": Column(
            np.array([building_name(a) for a in objects["attributes"]], dtype=object), text("view.tiles_name", language)
        ),
        "function": Column(_texts(objects["function"].to_numpy()), text("view.tiles_function", language)),
        "height": Column(np.where(told > 0, told, height).astype(np.float32), text("view.tiles_height", language), "m"),
        "ground_height": Column(
            objects["ground_height"].to_numpy(np.float32), text("view.tiles_ground_height", language), "m"
        ),
        "year": Column(_whole(objects["year"].to_numpy(float), np.uint16), text("view.tiles_year", language), "", 0),
        "storeys": Column(
            _whole(objects["storeys"].to_numpy(float), np.uint8), text("view.tiles_storeys", language), "", 0
        ),
        "row": Column(np.arange(len(rows), dtype=np.uint32), text("view.tiles_row", language)),
        **(values or {}),
    }


def tree_columns(city: City, rows: np.ndarray, language: str | None) -> dict[str, Column]:
    """Return the property columns of trees (rows of ``city.trees``)."""
    trees = city.trees.iloc[rows]
    return {
        "id": Column(_texts(trees["id"].to_numpy()), text("view.tiles_id", language)),
        "species": Column(_texts(trees["species"].to_numpy()), text("view.tiles_species", language)),
        "height": Column(trees["height"].to_numpy(np.float32), text("view.tiles_height", language), "m"),
        "crown_diameter": Column(trees["crown_diameter"].to_numpy(np.float32), text("view.tiles_crown", language), "m"),
        "row": Column(np.asarray(rows, np.uint32), text("view.tiles_row", language)),
    }
