"""Works that lead or stop water: read from a vector layer, and brought to the cells and faces of a grid.

A culvert or an underpass is a line from its inlet to its outlet. Where the terrain lies open along an underpass (the
road is cut into the ground), water finds its way over the terrain; where a dam or a deck closes it, the line joins the
two cells at its ends. A wall with a height raises the terrain when the city is laid on the grid; a wall with a
crest [m above datum] becomes a row of faces between cells that no water slips through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from models.layers import read_table
from twin.city.features import known_columns, read_features
from twin.city.model import STRUCTURE_COLUMNS
from twin.city.placing import Reference
from twin.city.profile import StructuresLayer, nearest
from twin.city.vectors import mended, number_column, of_type, texts
from twin.errors import InputError, TextError

if TYPE_CHECKING:
    from models.water.structures import Culvert, Wall
    from twin.city.gaps import GapLog
    from twin.city.model import City

__all__ = ["line_faces", "read_structures", "structure_kinds", "underpass_cells", "water_works"]

_LED = ("culvert", "underpass")
_NUMBERS = ("opening_height", "inlet", "outlet", "manning", "barrels", "crest")
_CLOSED = 0.3  # m that the ground rises above both ends of a line before it counts as closed
_NEAR = 2.0  # m that an end may be moved to reach the bed of a ditch, or open ground


@cache
def structure_kinds() -> Mapping[str, str]:
    """Return the words that kinds of structures go by in offices' layers, in small letters, with our kinds.

    Examples
    --------
    >>> structure_kinds()["durchlass"]
    'culvert'
    """
    return {
        word: row["kind"] for row in read_table("twin.city", "structure_kinds.csv") for word in row["names"].split("|")
    }


def read_structures(files: Sequence[Path], layer: StructuresLayer, ref: Reference) -> gpd.GeoDataFrame:
    """Read structures (points, lines, polygons) into rows of ``City.structures``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Vector files of one profile table.
    layer : StructuresLayer
        Columns, kinds, and the kind of the whole file.
    ref : Reference
        CRS and extent of the city; gets gap rows.

    Raises
    ------
    InputError
        If a kind is unknown, or neither column nor kind says what the structures are.
    """
    frames = []
    for file in files:
        columns = layer.columns.model_dump(exclude_none=True) if layer.columns else {}
        options: dict[str, Any] = {"layer": layer.layer, "encoding": layer.encoding, "role": "structures"}
        frame = read_features(file, columns=columns, known=known_columns("structures"), **options)
        frame = of_type(frame, (0, 1, 3, 5, 6), "points, lines or polygons", "structures", file, ref)
        frame = ref.fit(frame, str(file), "structures", declared=layer.crs)
        frame = mended(frame, "structures", file, ref)
        frame = frame.explode(ignore_index=True)
        kinds = _kinds(frame, layer, file)
        led = np.isin(kinds, _LED)
        height = number_column(frame, "height")
        extra = {name: number_column(frame, name) for name in _NUMBERS if name in frame}
        extra.setdefault("opening_height", np.full(len(frame), np.nan))
        extra["opening_height"] = np.where(led & np.isnan(extra["opening_height"]), height, extra["opening_height"])
        names, ids = texts(frame, "name"), texts(frame, "id")
        made = np.array([f"{file.stem}-{i + 1}" for i in range(len(frame))], dtype=object)
        data = {
            "id": np.where(ids == "", made, ids),
            "kind": kinds,
            "height": np.where(led, np.nan, height),
            "depth": number_column(frame, "depth"),
            "width": number_column(frame, "width"),
            "volume": number_column(frame, "volume"),
            "layers": [{} for _ in range(len(frame))],
            "attributes": [_given(names[i], {k: v[i] for k, v in extra.items()}) for i in range(len(frame))],
            "source": np.full(len(frame), file.name, dtype=object),
        }
        frames.append(gpd.GeoDataFrame(data, geometry=frame.geometry.values, crs=ref.crs))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=ref.crs).astype(STRUCTURE_COLUMNS)


def _given(name: str, numbers: Mapping[str, float]) -> dict[str, Any]:
    kept = {key: float(value) for key, value in numbers.items() if np.isfinite(value)}
    return ({"name": str(name)} if name else {}) | kept


def _kinds(frame: gpd.GeoDataFrame, layer: StructuresLayer, file: Path) -> np.ndarray:
    words = np.full(len(frame), layer.kind or "", dtype=object) if layer.kind else texts(frame, "kind")
    if layer.kind is None and "kind" not in frame:
        raise TextError("structures_column", file=file)
    given = {word.lower(): kind for word, kind in (layer.kinds or {}).items()}
    known = {**structure_kinds(), **given}
    for word in dict.fromkeys(words.tolist()):
        if str(word).lower() not in known:
            allowed = sorted(set(structure_kinds().values()))
            raise InputError(
                f"{file}: {word!r} is no known kind of structure{nearest(str(word), list(known))}: map it with "
                f'kinds = {{ "{word}" = "culvert" }}; kinds are {", ".join(allowed)}.'
            )
    return np.array([known[str(word).lower()] for word in words], dtype=object)


def water_works(city: City, site: xr.Dataset, log: GapLog | None = None) -> list[Wall | Culvert]:
    """Return what leads water through and what stops it, on the cells of a site, for ``models.water.flood``.

    Parameters
    ----------
    city : City
        With its table ``structures``.
    site : xarray.Dataset
        Layers ``terrain_height`` and ``building_id``.
    log : GapLog, optional
        Takes rows about structures outside the grid, without a size, and about defaults.

    Returns
    -------
    list of Wall or Culvert
        Culverts and closed underpasses; walls with a crest.
    """
    from models.water.structures import Culvert, Wall

    works: list[Wall | Culvert] = []
    beyond: list[str] = []
    unsized: list[str] = []
    table = city.structures
    for row in table[table["kind"].isin([*_LED, "wall", "kerb"])].itertuples():
        extra = row.attributes if isinstance(row.attributes, dict) else {}
        if row.geometry.geom_type not in ("LineString", "LinearRing"):
            continue
        if row.kind in ("wall", "kerb"):
            if "crest" in extra:
                rows, columns, sides = line_faces(shapely.get_coordinates(row.geometry), site)
                works += [Wall(rows, columns, sides, float(extra["crest"]), str(row.id))] if rows else []
            continue
        ends = _ends(row.geometry, site)
        if ends is None:
            beyond.append(str(row.id))
        elif row.kind == "culvert" or _closed(row.geometry, ends, site):
            width, height = _number(row.width), extra.get("opening_height", np.nan)
            if not (width > 0 and (height > 0 or row.kind == "culvert")):
                unsized.append(str(row.id))
                continue
            works.append(
                Culvert(
                    *ends,
                    width=width,
                    height=height if height > 0 else width,
                    length=max(float(row.geometry.length), 1.0),
                    barrels=int(extra.get("barrels", 1)),
                    inverts=(extra["inlet"], extra["outlet"]) if {"inlet", "outlet"} <= extra.keys() else None,
                    manning=float(extra.get("manning", 0.015)),
                    name=str(extra.get("name", row.id)),
                )
            )
    if log is not None:
        options: dict[str, Any] = {"layer": "structures", "severity": "warning", "of": len(table)}
        log.add("structures_outside", count=len(beyond), places=beyond, **options)
        log.add("structures_without_size", count=len(unsized), places=unsized, **options)
    return works


def _number(value: Any) -> float:
    return float(value) if value is not None and np.isfinite(value) else 0.0


def _cell(x: float, y: float, site: xr.Dataset) -> tuple[int, int] | None:
    """Return row and column of a place, or None outside the grid."""
    first_x, first_y = float(site["x"].values[0]), float(site["y"].values[0])
    size = float(site["x"].values[1]) - first_x
    row, column = int(np.floor((first_y - y) / size + 0.5)), int(np.floor((x - first_x) / size + 0.5))
    inside = 0 <= row < site.sizes["y"] and 0 <= column < site.sizes["x"]
    return (row, column) if inside else None


def _ends(line: shapely.LineString, site: xr.Dataset) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the cells of inlet and outlet: the lowest open ground near each end of the line, beyond it if need be."""
    points = shapely.get_coordinates(line)
    cells: list[tuple[int, int]] = []
    for end, other in ((points[0], points[-1]), (points[-1], points[0])):
        at = _cell(float(end[0]), float(end[1]), site)
        if at is None:
            return None
        lowest = _lowest(at, end - other, site)
        if lowest is None:
            return None
        cells.append(lowest)
    return None if cells[0] == cells[1] else (cells[0], cells[1])


def _lowest(at: tuple[int, int], outward: np.ndarray, site: xr.Dataset) -> tuple[int, int] | None:
    """Return the lowest open cell within reach that does not lie back along the line."""
    terrain, building = site["terrain_height"].values, site["building_id"].values
    best: tuple[float, int, int] | None = None
    reach = max(1, round(_NEAR / float(site["x"].values[1] - site["x"].values[0])))
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            row, column = at[0] + down, at[1] + right
            behind = right * outward[0] - down * outward[1] < 0.0
            if behind or not (0 <= row < terrain.shape[0] and 0 <= column < terrain.shape[1]) or building[row, column]:
                continue
            # a step away must be worth it: the bed lies there, not merely a slope
            key = (float(terrain[row, column]) + 0.05 * float(np.hypot(down, right)), row, column)
            best = key if best is None or key < best else best
    return None if best is None else (best[1], best[2])


def _closed(line: shapely.LineString, ends: tuple[tuple[int, int], tuple[int, int]], site: xr.Dataset) -> bool:
    """Return whether the terrain along a line rises above both of its ends, as a dam does."""
    terrain = site["terrain_height"].values
    along = [
        _cell(p.x, p.y, site) for p in shapely.line_interpolate_point(line, np.linspace(0.1, 0.9, 9), normalized=True)
    ]
    tops = [float(terrain[at]) for at in along if at is not None]
    return bool(tops) and max(tops) > max(float(terrain[end]) for end in ends) + _CLOSED


def underpass_cells(city: City, site: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the cells (y, x: bool) of each underpass, by its name: its line, as wide as it is.

    Parameters
    ----------
    city : City
        With its table ``structures``.
    site : xarray.Dataset
        Grid.
    """
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    x, y = site["x"].values, site["y"].values
    size = float(x[1] - x[0])
    transform = from_origin(float(x[0]) - size / 2, float(y[0]) + size / 2, size, size)
    found: dict[str, np.ndarray] = {}
    for row in city.structures[city.structures["kind"] == "underpass"].itertuples():
        extra = row.attributes if isinstance(row.attributes, dict) else {}
        area = (
            row.geometry
            if row.geometry.area > 0
            else row.geometry.buffer(max(_number(row.width), size) / 2, cap_style="flat")
        )
        cells = rasterize([area], out_shape=(y.size, x.size), transform=transform, dtype="uint8").astype(bool)
        if cells.any():
            found[str(extra.get("name", row.id))] = cells
    return found


def line_faces(points: np.ndarray, site: xr.Dataset) -> tuple[list[int], list[int], list[str]]:
    """Return the faces between cells that a line runs along: a staircase over cell corners without a gap.

    Parameters
    ----------
    points : numpy.ndarray
        Vertices (n, 2) [m].
    site : xarray.Dataset
        Grid.

    Returns
    -------
    rows, columns : list of int
        Cells.
    sides : list of str
        "east" or "south": which face of each cell.

    Examples
    --------
    >>> grid = xr.Dataset(coords={"y": [3.5, 2.5, 1.5, 0.5], "x": [0.5, 1.5, 2.5, 3.5]})
    >>> line_faces(np.array([[0.0, 2.1], [4.0, 1.9]]), grid)
    ([1, 1, 1, 1], [0, 1, 2, 3], ['south', 'south', 'south', 'south'])
    """
    x, y = site["x"].values, site["y"].values
    size = float(x[1] - x[0])
    fine = shapely.get_coordinates(shapely.segmentize(shapely.LineString(points), size / 4))
    corners = np.column_stack(
        [(float(y[0]) + size / 2 - fine[:, 1]) / size, (fine[:, 0] - float(x[0]) + size / 2) / size]
    )
    faces: dict[tuple[int, int, str], None] = {}
    at = (round(float(corners[0, 0])), round(float(corners[0, 1])))
    for down, right in corners[1:]:
        target = (round(float(down)), round(float(right)))
        while at != target:
            rest = down - at[0], right - at[1]
            if at[1] != target[1] and (at[0] == target[0] or abs(rest[1]) >= abs(rest[0])):
                step = 1 if target[1] > at[1] else -1
                faces[at[0] - 1, min(at[1], at[1] + step), "south"] = None
                at = (at[0], at[1] + step)
            else:
                step = 1 if target[0] > at[0] else -1
                faces[min(at[0], at[0] + step), at[1] - 1, "east"] = None
                at = (at[0] + step, at[1])
    height, width = y.size, x.size
    kept = [(r, c, s) for r, c, s in faces if 0 <= r < height - (s == "south") and 0 <= c < width - (s == "east")]
    return [r for r, _, _ in kept], [c for _, c, _ in kept], [s for _, _, s in kept]
