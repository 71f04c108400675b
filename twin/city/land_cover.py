"""Land-cover polygons: classes of a map brought to the names of ``models.layers.LAND_COVER``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from models.layers import LAND_COVER, read_table
from twin.city.features import known_columns, read_features
from twin.city.model import LAND_COVER_COLUMNS
from twin.city.placing import Reference
from twin.city.profile import LandCoverLayer
from twin.city.vectors import POLYGONS, mended, of_type
from twin.errors import TextError

__all__ = ["alkis_cover", "read_land_cover"]


def _spelling(value: object) -> str:
    """Return the letters and digits of a class name, so that ``Straße`` and ``AX_Strasse`` are one."""
    text = str(value).lower().removeprefix("ax_").removesuffix(".0")  # a code in a column of numbers with blanks
    for sign, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(sign, plain)
    return "".join(c for c in text if c.isalnum())


@cache
def alkis_cover() -> Mapping[str, str]:
    """Return the default land cover of the ALKIS land-use classes, by name and by code, in plain spelling.

    Examples
    --------
    >>> alkis_cover()["strassenverkehr"], alkis_cover()["42001"]
    ('asphalt', 'asphalt')
    """
    table: dict[str, str] = {}
    for row in read_table("twin.city", "alkis_land_use.csv"):
        for name in (row["class"], row["code"], f"AX{row['code']}"):
            table[_spelling(name)] = row["cover"]
    return table


def read_land_cover(files: Sequence[Path], layer: LandCoverLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read land-cover polygons and bring their classes to the names of ``models.layers.LAND_COVER``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Vector files of one profile table.
    layer : LandCoverLayer
        Column and class mapping; without a mapping the ALKIS land-use names are known, and so are our own names.
    ref : Reference
        CRS and extent of the city; gets gap rows for classes that are not mapped.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of ``City.land_cover`` in the city's CRS, in the order of the file (later rows lie on top).
    """
    frames = []
    for file in files:
        columns = {"class": layer.column} if layer.column else {}
        known = {} if layer.cover else known_columns("land_cover")
        options: dict[str, Any] = {"layer": layer.layer, "encoding": layer.encoding, "role": "land_cover"}
        frame = read_features(file, columns=columns, known=known, **options)
        if layer.cover is None and "class" not in frame:
            raise TextError("land_cover_column", file=file)
        frame = of_type(frame, POLYGONS, "polygons", "land_cover", file, ref)
        frame = ref.fit(frame, str(file), "land_cover", declared=layer.crs)
        frame = mended(frame, "land_cover", file, ref)
        cover = (
            np.full(len(frame), layer.cover, dtype=object) if layer.cover else _covers(frame["class"], layer, file, ref)
        )
        data = {"cover": cover, "source": np.full(len(frame), file.name, dtype=object)}
        frames.append(gpd.GeoDataFrame(data, geometry=frame.geometry.values, crs=ref.crs))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=ref.crs).astype(LAND_COVER_COLUMNS)


def _covers(classes: pd.Series, layer: LandCoverLayer, file: Path, ref: Reference) -> np.ndarray:
    text = classes.astype("string").fillna("")
    values = list(text.unique())
    if layer.classes is not None:
        given = {_spelling(name): cover for name, cover in layer.classes.items()}
        mapping = {value: given.get(_spelling(value)) for value in values}
    else:
        own = {_spelling(name): name for name in LAND_COVER}
        mapping = {value: own.get(_spelling(value)) or alkis_cover().get(_spelling(value)) for value in values}
        by_alkis = [v for v in values if _spelling(v) in alkis_cover() and _spelling(v) not in own]
        ref.log.add(
            "land_cover_by_alkis",
            layer="land_cover",
            severity="default",
            count=int(text.isin(by_alkis).sum()),
            of=len(text),
            source=file.name,
            places=by_alkis,
            default="; ".join(f"{v} = {mapping[v]}" for v in by_alkis),
        )
    fallback = layer.unmapped or "paved"
    missing = [value for value in values if mapping[value] is None]
    ref.log.add(
        "land_cover_unmapped",
        layer="land_cover",
        severity="warning",
        count=int(text.isin(missing).sum()),
        of=len(text),
        source=file.name,
        places=missing,
        default=fallback,
        classes=", ".join(value or '""' for value in missing[:10]),
    )
    return np.asarray(text.map(lambda value: mapping[value] or fallback).to_numpy(), dtype=object)
