"""Whether two cities are the same: ids, hierarchy, attributes, meanings, solids, and places to a tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from twin.city.crs import crs_label
from twin.city.model import City

FROM_GEOMETRY = ("ground_height",)


def plain(value: Any) -> Any:
    """Return a value of a table with everything missing as None."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) else value


def assert_same_column(first: pd.DataFrame, second: pd.DataFrame, name: str) -> None:
    pairs = zip(first[name].astype(object), second[name].astype(object), strict=True)
    different = [(i, a, b) for i, (a, b) in enumerate(pairs) if plain(a) != plain(b)]
    assert not different, f"{name}: {len(different)} rows differ, the first: {different[0]}"


def assert_same_city(first: City, second: City, *, tolerance: float = 0.0005 + 1e-7) -> None:
    """Fail where the cities differ in more than the source file; ``tolerance`` [m] is for each coordinate."""
    assert crs_label(first.crs) == crs_label(second.crs)
    assert len(first.objects) == len(second.objects)
    for name in (
        "id",
        "kind",
        "parent",
        "lod",
        "function",
        "roof_type",
        "measured_height",
        "storeys",
        "year",
        "attributes",
    ):
        assert_same_column(first.objects, second.objects, name)
    ground = [city.objects["ground_height"].to_numpy() for city in (first, second)]
    np.testing.assert_allclose(*ground, atol=tolerance, rtol=0)

    np.testing.assert_array_equal(first.polygons.polygon_start, second.polygons.polygon_start)
    np.testing.assert_array_equal(first.polygons.ring_start, second.polygons.ring_start)
    np.testing.assert_allclose(first.polygons.xyz, second.polygons.xyz, atol=tolerance, rtol=0)

    for name in ("object", "lod", "kind", "boundary"):
        assert_same_column(first.surfaces, second.surfaces, name)
    if "lod_text" in first.surfaces and "lod_text" in second.surfaces:
        assert_same_column(first.surfaces, second.surfaces, "lod_text")
        own = first.surfaces["body"].astype(object) != "GeometryInstance"  # templates come back as plain faces
        assert_same_column(first.surfaces[own], second.surfaces[own], "body")
    assert len(first.boundaries) == len(second.boundaries)
    for name in ("id", "kind", "object", "parent", "attributes"):
        assert_same_column(first.boundaries, second.boundaries, name)
    assert len(first.shells) == len(second.shells)
    for name in ("object", "lod", "solid", "shell", "polygon", "reversed"):
        assert_same_column(first.shells, second.shells, name)
