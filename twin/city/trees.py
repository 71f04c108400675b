"""Tree lists: cadastres and other tables of single trees, mapped to one set of columns and cleaned.

A known cadastre (``tables/tree_cadastres.toml``) or a mapping in the profile says which column is what. Values that
cannot be true are treated as unknown and shown; what is unknown stays NaN here and is filled by
:mod:`twin.city.tree_filling` from the list's own complete trees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from models.layers import read_table
from twin.city.cadastres import ColumnMapping, cadastres, column_mapping
from twin.city.delimited import is_delimited, read_delimited, read_points
from twin.city.features import describe_file, numbers, read_features
from twin.city.model import TREE_COLUMNS
from twin.city.openstreetmap import is_osm
from twin.city.placing import Reference
from twin.city.profile import TreesLayer
from twin.errors import TextError

__all__ = ["genus_of", "limits", "read_trees"]

_METRES = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001}
_SIZES = {"height": "m", "crown_diameter": "m", "crown_base": "m", "trunk_circumference": "cm"}
_POINTS = (0, 4, 3, 6)  # Point, MultiPoint, and crowns drawn as polygons
_FELLED = r"gef[äa]e?llt|gerodet|entfernt|felled|removed|(?:1[89]|20)\d\d|^(?:ja|j|yes|y|x|true|wahr|t|1)$"
_NO_SPECIES = ("unbekannt", "unknown", "k.a.", "k. a.", "nicht bekannt", "n.n.", "indet.", "keine")


@cache
def limits() -> Mapping[str, tuple[float, float]]:
    """Return the least and greatest possible tree sizes, from ``tables/tree_limits.csv``."""
    rows = read_table("twin.city", "tree_limits.csv")
    return {row["name"]: (float(row["least"]), float(row["most"])) for row in rows}


def genus_of(species: pd.Series) -> pd.Series:
    """Return the genus of botanical names: the first word, without signs of hybrids; empty where unknown.

    Examples
    --------
    >>> genus_of(pd.Series(["Tilia x vulgaris", "× Cupressocyparis leylandii", "unbekannt"])).tolist()
    ['Tilia', 'Cupressocyparis', '']
    """
    names = pd.Series(pd.unique(species.astype("string").fillna("").to_numpy(dtype=object)), dtype="string")
    words = names.str.replace(r"^[\s×xX'\"(]+(?=\s|[A-Z])", "", regex=True).str.strip()
    genus = words.str.extract(r"^([A-Za-zÄÖÜäöüë-]+)", expand=False).fillna("")
    known = ~words.str.lower().isin(_NO_SPECIES) & (genus.str.len() > 2)
    genera = dict(zip(names, genus.where(known, "").str.capitalize().astype(object), strict=True))
    return species.astype("string").fillna("").astype(object).map(genera)


def read_trees(files: Sequence[Path], layer: TreesLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read tree lists into rows of ``City.trees``; what is unknown stays NaN.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Vector files with points, or delimited tables with coordinates.
    layer : TreesLayer
        Cadastre or column mapping, units, unknown values.
    ref : Reference
        CRS and extent of the city; gets gap rows for everything dropped or doubted.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of ``City.trees``; ``crown_base``, ``crown_shape`` and ``filled`` are empty where not given.

    Raises
    ------
    InputError
        If a file or column is missing, or the list cannot belong to the city.
    """
    frames = [_trees_of(file, layer, ref) for file in files]
    trees = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0].reset_index(drop=True)
    return gpd.GeoDataFrame(trees, geometry="geometry", crs=ref.crs)


def _trees_of(file: Path, layer: TreesLayer, ref: Reference) -> gpd.GeoDataFrame:
    table = is_delimited(file)
    if table:
        available = [str(c) for c in read_heading(file, layer)]
        mapping = column_mapping(layer, available, file, ref)
        options = {"separator": layer.separator, "decimal": layer.decimal, "encoding": layer.encoding}
        frame = read_points(file, columns=mapping.columns, known=mapping.known, **options)
    else:
        described = layer.layer or ("points" if is_osm(file) else None)
        available = [str(c) for c in describe_file(file, described, layer.encoding)["fields"]]
        mapping = column_mapping(layer, available, file, ref)
        frame = _features(file, layer, mapping)
    _require_sizes(frame, mapping, file, available)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame = _pointed(_standing(frame, file, ref), file, ref)
    declared = mapping.crs or (cadastres().get(mapping.cadastre, {}).get("crs") if frame.crs is None else None)
    frame = ref.fit(frame, str(file), "trees", declared=declared, speechless=table)
    return _cleaned(frame, mapping, layer, file, ref)


def read_heading(file: Path, layer: TreesLayer) -> list[str]:
    """Return the column names of a delimited tree table."""
    return [
        str(name) for name in read_delimited(file, separator=layer.separator, encoding=layer.encoding, rows=1).columns
    ]


def _features(file: Path, layer: TreesLayer, mapping: ColumnMapping) -> gpd.GeoDataFrame:
    places = ("x", "y", "geometry")
    columns = {key: name for key, name in mapping.columns.items() if key not in places}
    known = {key: names for key, names in mapping.known.items() if key not in places}
    options: dict[str, Any] = {"layer": layer.layer, "encoding": layer.encoding, "role": "trees"}
    return read_features(file, columns=columns, known=known, **options)


def _require_sizes(frame: gpd.GeoDataFrame, mapping: ColumnMapping, file: Path, available: Sequence[str]) -> None:
    useful = {"species", "height", "crown_diameter", "trunk_circumference", "trunk_diameter"}
    if useful & set(frame.columns):
        return
    listed = ", ".join(available) or "none"
    how = f"the cadastre {mapping.cadastre!r}" if mapping.cadastre not in ("", "general") else "its column names"
    raise TextError("trees_columns", file=file, how=how, listed=listed)


def _tell_rows(
    code: str, severity: str, frame: gpd.GeoDataFrame, chosen: np.ndarray, file: Path, ref: Reference
) -> None:
    """Write a gap row about some rows of a file, named by their numbers."""
    rows = [f"row {i}" for i in frame.index[chosen][:20]]
    ref.log.add(
        code,
        layer="trees",
        severity=severity,
        count=int(chosen.sum()),
        of=len(frame),
        source=file.name,
        places=rows,
    )


def _standing(frame: gpd.GeoDataFrame, file: Path, ref: Reference) -> gpd.GeoDataFrame:
    """Return the trees that still stand; felled ones are dropped and shown.

    A date, a yes or a word for felling in the column counts; any other remark does not.
    """
    if "felled" not in frame:
        return frame
    words = frame["felled"].astype("string").fillna("").str.strip().str.lower()
    felled = words.str.contains(_FELLED, regex=True).to_numpy(dtype=bool)
    _tell_rows("trees_felled", "info", frame, felled, file, ref)
    return frame[~felled]


def _pointed(frame: gpd.GeoDataFrame, file: Path, ref: Reference) -> gpd.GeoDataFrame:
    """Return the trees with one point each; those without a place are dropped and shown."""
    shapes = np.asarray(frame.geometry.values)
    kinds = shapely.get_type_id(shapes)
    placed = np.isin(kinds, _POINTS) & ~shapely.is_empty(shapes)
    if not placed.any():
        raise TextError("trees_without_point", file=file)
    _tell_rows("trees_without_place", "warning", frame, ~placed, file, ref)
    several = placed & (kinds == 4) & (shapely.get_num_geometries(shapes) > 1)
    _tell_rows("trees_of_many_points", "info", frame, several, file, ref)
    frame, shapes, kinds = frame[placed], shapes[placed], kinds[placed]
    if (kinds != 0).any():
        points = np.where(kinds == 4, shapely.get_geometry(shapes, 0), shapely.centroid(shapes))
        frame = frame.set_geometry(gpd.GeoSeries(points, index=frame.index, crs=frame.crs))
    return frame


def _cleaned(
    frame: gpd.GeoDataFrame, mapping: ColumnMapping, layer: TreesLayer, file: Path, ref: Reference
) -> gpd.GeoDataFrame:
    count = len(frame)
    species = _species(frame, mapping)
    ids = frame["id"].astype("string").fillna("").str.strip().to_numpy() if "id" in frame else np.full(count, "")
    made = np.array([f"{file.stem}-{row}" for row in frame.index], dtype=object)
    ids = np.where(ids == "", made, ids.astype(object))
    sizes = {name: _size(frame, name, mapping, layer, ids, file, ref) for name in _SIZES}
    _drop_wide_crowns(sizes, ids, file, ref)
    data = {
        "id": ids,
        "species": species,
        **sizes,
        "planted": _planted(frame, layer, ids, file, ref),
        "crown_shape": np.full(count, "", dtype=object),
        "filled": np.full(count, "", dtype=object),
        "source": np.full(count, file.name, dtype=object),
    }
    table = pd.DataFrame(data)[list(TREE_COLUMNS)]
    return gpd.GeoDataFrame(table.astype(TREE_COLUMNS), geometry=frame.geometry.values, crs=frame.crs)


def _species(frame: gpd.GeoDataFrame, mapping: ColumnMapping) -> np.ndarray:
    if "species" not in frame:
        return np.full(len(frame), "", dtype=object)
    names = frame["species"].astype("string").fillna("").str.strip()
    for column in (c for c in frame.columns if str(c).startswith("species_")):
        names = names.where(names != "", frame[column].astype("string").fillna("").str.strip())
    if mapping.species_until:
        names = names.str.split(mapping.species_until, n=1, regex=False).str[0].str.strip()
    return names.where(~names.str.lower().isin(_NO_SPECIES), "").to_numpy(dtype=object)


def _values(
    frame: gpd.GeoDataFrame, name: str, layer: TreesLayer, ids: np.ndarray, file: Path, ref: Reference
) -> np.ndarray:
    """Numbers of a column; the profile's unknown values are NaN, and other text is shown."""
    column = frame[name]
    if layer.unknown:
        words = column.astype("string").str.strip()
        plain, _ = numbers(column, decimal=layer.decimal)
        also, _ = numbers(pd.Series(list(layer.unknown)), decimal=layer.decimal)
        hidden = words.isin(list(layer.unknown)).to_numpy(dtype=bool, na_value=False) | np.isin(
            plain, also[~np.isnan(also)]
        )
        column = column.mask(hidden)
    values, text = numbers(column, decimal=layer.decimal)
    ref.log.add(
        "tree_text_no_number",
        layer="trees",
        severity="warning",
        count=int(text.sum()),
        of=len(frame),
        source=file.name,
        places=ids[text],
        column=name,
    )
    return values


def _size(
    frame: gpd.GeoDataFrame,
    name: str,
    mapping: ColumnMapping,
    layer: TreesLayer,
    ids: np.ndarray,
    file: Path,
    ref: Reference,
) -> np.ndarray:
    """One size in our unit; zero and less mean unknown, impossible values are unknown and shown."""
    target = _METRES[_SIZES[name]]
    values = np.full(len(frame), np.nan)
    if name in frame:
        values = _values(frame, name, layer, ids, file, ref)
        values[np.isin(values, np.asarray(mapping.unknown.get(name, ()), dtype=float))] = np.nan
        values *= _METRES[getattr(mapping.units, name)] / target
    if name == "trunk_circumference" and "group" in frame:
        values[_groups(frame, ids, file, ref)] = np.nan
    if name == "trunk_circumference" and "trunk_diameter" in frame:
        across = _values(frame, "trunk_diameter", layer, ids, file, ref)
        across *= _METRES[mapping.units.trunk_diameter] / target * math.pi
        values = np.where(np.isnan(values) | (values <= 0), across, values)
    values[values <= 0] = np.nan
    least, most = limits()[name]
    odd = (values < least) | (values > most)
    ref.log.add(
        f"tree_{name}_impossible",
        layer="trees",
        severity="warning",
        count=int(odd.sum()),
        of=len(frame),
        source=file.name,
        places=ids[odd],
        least=f"{least:g}",
        most=f"{most:g}",
    )
    values[odd] = np.nan
    return values


def _groups(frame: gpd.GeoDataFrame, ids: np.ndarray, file: Path, ref: Reference) -> np.ndarray:
    """Rows that stand for several trees: their trunk is a sum of stems."""
    words = frame["group"].astype("string").fillna("").str.lower()
    several = words.str.contains("gruppe|group", regex=True).to_numpy(dtype=bool)
    ref.log.add(
        "tree_groups",
        layer="trees",
        severity="warning",
        count=int(several.sum()),
        of=len(frame),
        source=file.name,
        places=ids[several],
    )
    return several


def _drop_wide_crowns(sizes: dict[str, np.ndarray], ids: np.ndarray, file: Path, ref: Reference) -> None:
    most = limits()["crown_to_height"][1]
    wide = sizes["crown_diameter"] > most * sizes["height"]
    ref.log.add(
        "tree_crown_too_wide",
        layer="trees",
        severity="warning",
        count=int(wide.sum()),
        of=len(ids),
        source=file.name,
        places=ids[wide],
        most=f"{most:g}",
    )
    sizes["crown_diameter"][wide] = np.nan
    high = sizes["crown_base"] >= sizes["height"]
    ref.log.add(
        "tree_crown_base_too_high",
        layer="trees",
        severity="warning",
        count=int(high.sum()),
        of=len(ids),
        source=file.name,
        places=ids[high],
    )
    sizes["crown_base"][high] = np.nan


def _planted(frame: gpd.GeoDataFrame, layer: TreesLayer, ids: np.ndarray, file: Path, ref: Reference) -> np.ndarray:
    """Years of planting: a year within a date counts; anything else is unknown and shown."""
    years = np.full(len(frame), np.nan)
    least, most = limits()["planted"]
    if "planted" in frame:
        text = frame["planted"].astype("string").fillna("").str.strip()
        found = text.str.extract(r"(?<!\d)((?:1[5-9]|20)\d\d)(?!\d)", expand=False)
        years = pd.to_numeric(found, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        empty = text.isin(["", "0", "0.0", "<NA>", "NaT", "nan", *layer.unknown]).to_numpy()
        odd = (np.isnan(years) | (years < least) | (years > most)) & ~empty
        ref.log.add(
            "tree_year_unreadable",
            layer="trees",
            severity="info",
            count=int(odd.sum()),
            of=len(frame),
            source=file.name,
            places=ids[odd],
        )
        years[odd] = np.nan
    if "age" in frame and layer.survey_year is None:
        noted = pd.to_numeric(frame["age"], errors="coerce").to_numpy(float, na_value=np.nan)
        unused = np.isnan(years) & (noted > 0)
        ref.log.add("tree_age_unused", layer="trees", severity="warning", count=int(unused.sum()), of=len(frame),
                    source=file.name, places=ids[unused])  # fmt: skip
    if "age" in frame and layer.survey_year is not None:
        age = _values(frame, "age", layer, ids, file, ref)
        years = np.where(np.isnan(years) & (age > 0), layer.survey_year - age, years)
    return years
