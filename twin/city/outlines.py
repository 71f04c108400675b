"""Building outlines from vector files: footprints with a column of heights or storeys.

They become rows of ``City.objects`` with their height in ``measured_height``; they carry no surfaces, so the
rasteriser raises each footprint to its height with a flat top. Where roofs matter, CityGML has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.defaults import default
from twin.city.features import read_features
from twin.city.model import OBJECT_COLUMNS
from twin.city.placing import Reference
from twin.city.profile import BuildingsLayer
from twin.city.vectors import POLYGONS, mended, number_column, of_type

__all__ = ["read_footprints"]

_OPTIONAL = ("id", "function", "roof_type", "ground_height", "year")


def read_footprints(files: Sequence[Path], layer: BuildingsLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read building footprints with a height or storeys column.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Vector files of one profile table.
    layer : BuildingsLayer
        Columns and defaults.
    ref : Reference
        CRS and extent of the city; gets gap rows for duplicates, overlaps and missing heights.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows of ``City.objects`` (kind "Building", lod "0") in the city's CRS.

    Raises
    ------
    InputError
        If a file or column is missing, or the layer cannot belong to the city.
    """
    frames = [_footprints_of(file, layer, ref) for file in files]
    objects = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0].reset_index(drop=True)
    return gpd.GeoDataFrame(objects, geometry="geometry", crs=ref.crs)


def _footprints_of(file: Path, layer: BuildingsLayer, ref: Reference) -> gpd.GeoDataFrame:
    columns = {name: getattr(layer, name) for name in ("height", "storeys", *_OPTIONAL) if getattr(layer, name)}
    frame = read_features(file, layer=layer.layer, encoding=layer.encoding, columns=columns, role="buildings")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame = of_type(frame, POLYGONS, "polygons", "buildings", file, ref)
    frame = ref.fit(frame, str(file), "buildings", declared=layer.crs)
    frame = mended(frame, "buildings", file, ref)
    ids = frame["id"].astype("string").fillna("").to_numpy() if "id" in frame else np.full(len(frame), "")
    made = np.array([f"{file.stem}-{row}" for row in frame.index], dtype=object)
    frame["id"] = np.where(ids == "", made, ids.astype(object))
    frame["measured_height"], frame["storeys"] = _heights(frame, layer, file, ref)
    frame = _once(frame, file, ref)
    _report_overlaps(frame, file, ref)
    return _as_objects(frame, file)


def _heights(
    frame: gpd.GeoDataFrame, layer: BuildingsLayer, file: Path, ref: Reference
) -> tuple[np.ndarray, np.ndarray]:
    """Heights [m] and storeys of footprints; every height that is not in the file is a gap row."""
    height = number_column(frame, "height", layer.unknown)
    storeys = number_column(frame, "storeys", layer.unknown)
    storeys[~((storeys > 0) & (storeys < 200))] = np.nan
    ids = frame["id"].to_numpy()

    def tell(code: str, severity: str, chosen: np.ndarray, **values: str) -> None:
        row: dict[str, Any] = {"layer": "buildings", "of": len(ids), "source": file.name, **values}
        ref.log.add(code, severity=severity, count=int(chosen.sum()), places=ids[chosen], **row)

    odd = ~np.isnan(height) & ~((height > 0) & (height <= default("building_height_most")))
    tell("building_height_impossible", "warning", odd, most=f"{default('building_height_most'):g}")
    height[odd] = np.nan
    tell("building_low", "info", height < default("building_height_low"), least=f"{default('building_height_low'):g}")
    known = height[~np.isnan(height)]
    by_storeys = np.isnan(height) & ~np.isnan(storeys)
    each = layer.default_storey_height or default("default_storey_height")
    height[by_storeys] = storeys[by_storeys] * each
    tell("building_height_from_storeys", "default", by_storeys, default=f"{each:g} m")
    missing = np.isnan(height)
    if missing.any():
        enough = len(known) >= default("known_heights_least")
        value = float(np.median(known)) if enough else default("default_storeys") * each
        height[missing] = value
        tell("building_height_missing", "warning", missing, default=f"{value:.1f} m")
    return height, storeys


def _once(frame: gpd.GeoDataFrame, file: Path, ref: Reference) -> gpd.GeoDataFrame:
    """Return each footprint once, the tallest of equal ones."""
    shapes = shapely.normalize(np.asarray(frame.geometry.values))
    key = shapely.to_wkb(shapely.transform(shapes, lambda xy: np.round(xy, 3)))
    order = np.argsort(-frame["measured_height"].to_numpy(), kind="stable")
    repeated = np.zeros(len(frame), dtype=bool)
    repeated[order] = pd.Series(key[order]).duplicated().to_numpy()
    ref.log.add(
        "footprint_repeated",
        layer="buildings",
        severity="warning",
        count=int(repeated.sum()),
        of=len(frame),
        source=file.name,
        places=frame["id"].to_numpy()[repeated],
    )
    return frame[~repeated]


def _report_overlaps(frame: gpd.GeoDataFrame, file: Path, ref: Reference) -> None:
    shapes = np.asarray(frame.geometry.values)
    one, other = shapely.STRtree(shapes).query(shapes)
    one, other = one[one < other], other[one < other]
    inner = shapely.relate_pattern(shapes[one], shapes[other], "2********")  # interiors share an area
    one, other = one[inner], other[inner]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other])) > 1.0
    concerned = np.unique(np.concatenate([one[shared], other[shared]]))
    ref.log.add(
        "footprints_overlap",
        layer="buildings",
        severity="info",
        count=len(concerned),
        of=len(frame),
        source=file.name,
        places=frame["id"].to_numpy()[concerned],
        pairs=int(shared.sum()),
    )


def _as_objects(frame: gpd.GeoDataFrame, file: Path) -> gpd.GeoDataFrame:
    count = len(frame)

    def words(name: str) -> pd.Series:
        if name not in frame:
            return pd.Series([""] * count, dtype=object)
        return frame[name].astype("string").fillna("").astype(object).reset_index(drop=True)

    data = {
        "id": frame["id"].to_numpy(),
        "kind": np.full(count, "Building", dtype=object),
        "parent": np.full(count, -1, dtype=np.int64),
        "lod": np.full(count, "0", dtype=object),
        "function": words("function"),
        "roof_type": words("roof_type"),
        "measured_height": frame["measured_height"].to_numpy(),
        "ground_height": number_column(frame, "ground_height"),
        "storeys": frame["storeys"].to_numpy(),
        "year": number_column(frame, "year"),
        "attributes": np.array([{} for _ in range(count)], dtype=object),
        "source": np.full(count, file.name, dtype=object),
    }
    geometry = frame.geometry.reset_index(drop=True)
    table = gpd.GeoDataFrame(pd.DataFrame(data)[list(OBJECT_COLUMNS)], geometry=geometry, crs=frame.crs)
    return table.astype(OBJECT_COLUMNS)
