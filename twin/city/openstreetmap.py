"""OpenStreetMap extracts (.osm, .osm.pbf): streets, areas, trees and outlines of buildings as tables.

The file is read by GDAL, with the keys of ``tables/osm.ini`` as columns. An extract holds everything at once; which part
is taken follows from the layer of the profile that names the file.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from models.layers import read_table
from twin.errors import InputError, TextError

__all__ = ["OSM_SUFFIXES", "is_osm", "osm_classes", "read_osm"]

OSM_SUFFIXES = (".osm", ".pbf", ".osm.bz2")

_PARTS = {
    "streets": ("lines", "highway IS NOT NULL"),
    "trees": ("points", "natural = 'tree'"),
    "buildings": ("multipolygons", "building IS NOT NULL AND building <> 'no'"),
    "land_cover": ("multipolygons", "building IS NULL"),
}
_SAY = {"streets": "streets (highway=*)", "trees": "trees (natural=tree)", "buildings": "buildings (building=*)"}


def is_osm(file: Path) -> bool:
    """Tell by its ending whether a file is an OpenStreetMap extract.

    Examples
    --------
    >>> is_osm(Path("bremen.osm.pbf")), is_osm(Path("bremen.gpkg"))
    (True, False)
    """
    return file.name.lower().endswith(OSM_SUFFIXES)


@cache
def _config() -> str:
    return str(resources.files("twin.city").joinpath("tables", "osm.ini"))


def options() -> dict[str, Any]:
    """Return the options with which GDAL opens an extract."""
    return {"CONFIG_FILE": _config()}


def read_osm(file: Path, role: str) -> gpd.GeoDataFrame:
    """Read the part of an extract that belongs to a layer of the profile.

    Parameters
    ----------
    file : pathlib.Path
        ``.osm`` or ``.osm.pbf``.
    role : str
        ``"streets"``, ``"land_cover"``, ``"trees"`` or ``"buildings"``.

    Returns
    -------
    geopandas.GeoDataFrame
        In degrees (EPSG:4326); ``osm_id`` is ``way/…``, ``relation/…`` or ``node/…``. Areas of land cover have the
        column ``class`` (our cover names) and stand in order of size, the largest first.

    Raises
    ------
    InputError
        If it cannot be read, or holds nothing for the layer.
    """
    if role not in _PARTS:
        allowed = ", ".join(f"[{name}]" for name in _PARTS)
        raise InputError(f"{file} is an OpenStreetMap extract, which can serve {allowed}, but not [{role}].")
    layer, where = _PARTS[role]
    try:
        frame = pyogrio.read_dataframe(file, layer=layer, where=where, use_arrow=False, **options())
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        reason = str(error).split(";")[0].split("\n")[0].strip().rstrip(".")[:160]
        raise TextError("osm_unreadable", file=file, reason=reason) from None
    frame = frame.assign(osm_id=_ids(frame, layer))
    if role == "land_cover":
        frame = _covers(frame)
    if frame.empty:
        what = _SAY.get(role, "areas of a known land cover")
        raise InputError(f"{file} holds no {what}: choose a larger extract, or leave it out of [{role}].")
    return frame


def _ids(frame: gpd.GeoDataFrame, layer: str) -> np.ndarray:
    own = frame["osm_id"].astype("string").fillna("")
    if layer != "multipolygons":
        return np.asarray(("way/" if layer == "lines" else "node/") + own, dtype=object)
    way = frame["osm_way_id"].astype("string").fillna("")
    return np.asarray(("relation/" + own).where(own != "", "way/" + way), dtype=object)


@cache
def osm_classes() -> tuple[tuple[str, str, str], ...]:
    """Return the rows (key, value, cover) of ``tables/osm_land_cover.csv`` in their order."""
    rows = read_table("twin.city", "osm_land_cover.csv")
    return tuple((row["key"], row["value"], row["cover"]) for row in rows)


def _covers(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the areas whose keys tell a land cover, largest first, so that a pond lies on top of its park."""
    told = pd.Series([None] * len(frame), index=frame.index, dtype=object)
    surfaced = frame[[k for k in ("area:highway", "amenity", "leisure", "landuse", "natural", "aeroway") if k in frame]]
    ground = surfaced.notna().any(axis=1)
    for key, value, cover in osm_classes():
        if key not in frame:
            continue
        column = frame[key].astype("string")
        fits = (column.notna() if value == "*" else column.eq(value).fillna(False)).astype(bool)
        if key == "surface":
            fits &= ground
        told = told.mask(fits & told.isna(), cover)
    known = frame[told.notna()].assign(**{"class": told[told.notna()].to_numpy(dtype=object)})
    if known.empty:
        return known
    metres = known.geometry.to_crs(known.estimate_utm_crs())
    return known.iloc[np.argsort(-metres.area.to_numpy(), kind="stable")]
