"""A city as a GeoPackage that QGIS opens: footprints with their attributes, trees, land cover, streets, stations, gaps.

It is a flat view for maps and offices: outlines, not bodies. Attributes without a column of their own stand in
``attributes`` as JSON.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from twin.city.model import City
from twin.city.placing import horizontal
from twin.city.writers.columns import packed
from twin.city.writers.replacing import replaced_file
from twin.errors import InputError

__all__ = ["write_geopackage"]

_BUILDINGS = {"Building": "buildings", "BuildingPart": "building_parts"}


def write_geopackage(city: City, path: str | os.PathLike[str], *, language: str | None = None) -> Path:
    """Write the tables of a city as layers of one GeoPackage.

    Parameters
    ----------
    city : City
        Layers without rows are left out.
    path : path
        File to write; an old one is replaced only by a whole new one. The same city gives the same bytes.
    language : {"en", "de"}, optional
        Language of the sentences in the layer ``gap_places``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If there is nothing to write or the folder cannot be written to.

    Notes
    -----
    Layers: ``buildings``, ``building_parts``, ``other_objects``, ``trees``, ``land_cover``, ``streets``, ``stations``,
    ``structures``, ``gap_places``. Geometry is 2D in the horizontal part of the city's CRS.

    Examples
    --------
    >>> write_geopackage(city, "district.gpkg")  # doctest: +SKIP
    """
    path = Path(path)
    layers = [(name, frame) for name, frame in _layers(city, language) if len(frame)]
    if not layers:
        raise InputError("The city has no footprint, tree, land cover, street or station: there is nothing to write.")
    crs = None if city.crs is None else horizontal(city.crs)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
    try:
        with replaced_file(path) as partial:
            for name, frame in layers:
                shown = frame.set_crs(crs, allow_override=True) if crs is not None else frame
                kind = None if frame.geom_type.nunique() == 1 else "Unknown"
                shown = _promoted(shown)
                pyogrio.write_dataframe(
                    shown, partial, layer=name, driver="GPKG", append=partial.exists(), geometry_type=kind
                )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{path} cannot be written ({str(error).split(';')[0]}): check the folder.") from None
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
    return path


def _promoted(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table whose polygons or lines are all multi where some are, as a GeoPackage layer has one type."""
    import shapely

    shapes = np.asarray(frame.geometry.values)
    kinds = shapely.get_type_id(shapes)
    for single, many in ((3, shapely.multipolygons), (1, shapely.multilinestrings)):
        if (kinds == single).any() and (kinds == single + (3 if single == 3 else 4)).any():
            shapes = shapes.copy()
            rows = np.flatnonzero(kinds == single)
            shapes[rows] = many(shapes[rows], indices=np.arange(len(rows)))
            return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    return frame


def _layers(city: City, language: str | None) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
    objects = city.objects[city.objects.geometry.notna()]
    ids = city.objects["id"].to_numpy(dtype=object)
    parent = objects["parent"].to_numpy(dtype=np.int64)
    above = np.where(parent >= 0, ids[np.maximum(parent, 0)], None) if len(ids) else np.zeros(0, dtype=object)
    table = _flat(objects.assign(parent=pd.Series(above, index=objects.index, dtype=object)))
    layer = objects["kind"].map(_BUILDINGS).fillna("other_objects").to_numpy()
    for name in ("buildings", "building_parts", "other_objects"):
        yield name, table[layer == name].reset_index(drop=True)
    for name, frame in (
        ("trees", city.trees), ("land_cover", city.land_cover), ("streets", city.network), ("stations", city.stations),
        ("structures", city.structures),
    ):  # fmt: skip
        yield name, _flat(frame)
    places = city.gap_places(language)
    yield "gap_places", places[places.geometry.notna()].reset_index(drop=True)


def _flat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table with plain columns: dictionaries as JSON."""
    plain: Any = packed(frame)[0]
    return gpd.GeoDataFrame(plain, geometry=np.asarray(frame.geometry.values), crs=frame.crs)
