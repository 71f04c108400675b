"""Geometry becomes arrays: a city as named layers on one grid. Nowhere else does this happen.

Row 0 is north; a cell takes what covers its centre. Terrain comes from the raster, holes filled; buildings rise from it
with their exact roof planes; crowns stand on it as parametric solids, and vegetation that was measured beside them; land cover is painted in the order of its
polygons, buildings on top. Surface properties follow from the land cover. What had to be assumed stands in
``attrs["gaps"]``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from models.layers import LAND_COVER, LAYERS, describe, land_cover_property
from twin.city import gaps as gap_table
from twin.city.burn import paint, polygon_spans, to_cells
from twin.city.crowns import add_measured, crown_layers
from twin.city.grid import centres, grid_of
from twin.city.ground import RELIEFS, fill_holes, terrain_of_relief, terrain_on
from twin.city.own_layers import covered_kinds
from twin.city.roofs import Footprints, building_footprints, burn_buildings, flat_polygons, lowest_points
from twin.city.structures import burn_roof_albedo, burn_structures
from twin.errors import TextError
from twin.language import text
from twin.progress import track

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from twin.city.model import City

__all__ = ["DEFAULT_LAND_COVER", "rasterise"]

DEFAULT_LAND_COVER = "paved"
"""Cover of cells that no polygon names. Sealed ground is the cautious choice in a built-up area: it makes a place
hotter and its runoff larger, so that missing data can raise an alarm but not hide one."""

_MATERIALS = ("albedo", "emissivity", "imperviousness", "manning_n")


def _terrain(city: City, box: GeoBox, prints: Footprints, log: gap_table.GapLog) -> np.ndarray:
    """Return the terrain: of the raster, else of the model's relief, else from the buildings' ground heights, else 0."""
    if city.terrain is not None:
        return terrain_on(city.terrain, box, log)
    relief = terrain_of_relief(city, box, log)
    if relief is not None:
        return relief
    ground = city.objects["ground_height"].to_numpy(dtype=float, na_value=np.nan)
    lowest = lowest_points(city)
    ground = np.where(np.isfinite(ground), ground, np.where(np.isfinite(lowest), lowest, np.nan))
    ground = np.where(np.isfinite(ground), ground, ground[prints.top])
    ground[~np.isin(city.objects["kind"].to_numpy(dtype=object), ("Building", "BuildingPart"))] = np.nan
    heights = np.full(box.shape, np.nan, np.float32)
    order = np.argsort(-ground[prints.object], kind="stable")  # the lowest ground of overlapping footprints stays
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    sequence = np.argsort(rank[prints.spans.polygon], kind="stable")
    paint(type(prints.spans)(*(a[sequence] for a in prints.spans)), ground[prints.object].astype(np.float32), heights)
    known = int(np.isfinite(ground[np.unique(prints.object)]).sum())
    if not np.isfinite(heights).any():
        heights[:] = 0.0
        log.add(
            "terrain_missing",
            layer="terrain_height",
            severity="warning",
            count=heights.size,
            of=heights.size,
            default="0 m",
        )
        return heights
    log.add(
        "terrain_from_buildings",
        layer="terrain_height",
        severity="warning",
        count=heights.size,
        of=heights.size,
        default=f"ground of {known} building footprints, spanned between them",
    )
    fill_holes(heights)
    return heights


def _cut_crowns(
    canopy: np.ndarray, trunk: np.ndarray, terrain: np.ndarray, surface: np.ndarray, log: gap_table.GapLog
) -> None:
    """Take away crowns where the roof is higher, and what of them reaches into a building, in place."""
    roof = surface - terrain
    crowned = canopy > 0
    inside = crowned & (canopy <= roof)
    log.add(
        "crown_cut_by_roof",
        layer="canopy_height",
        severity="info",
        count=int(inside.sum()),
        of=int(crowned.sum()),
        default="roof",
    )
    canopy[inside] = 0.0
    trunk[inside] = 0.0
    over = crowned & ~inside
    trunk[over] = np.maximum(trunk[over], roof[over])


def _green(city: City, top: np.ndarray) -> np.ndarray:
    """Return which objects have a green roof, of their own or of the building they belong to."""
    marked = np.array(
        [isinstance(a, dict) and a.get("green_roof") is True for a in city.objects["attributes"]], dtype=bool
    )
    return marked | marked[top] if len(marked) else marked


def _land_cover(city: City, box: GeoBox, owner: np.ndarray, top: np.ndarray, log: gap_table.GapLog) -> np.ndarray:
    """Return land-cover codes: polygons in order, what no polygon names, then buildings and green roofs."""
    table = city.land_cover
    names = table["cover"].to_numpy(dtype=object)
    strange = sorted({str(name) for name in names} - set(LAND_COVER))
    if strange:
        raise TextError("land_cover_strange", listed=", ".join(map(repr, strange[:5])), known=", ".join(LAND_COVER))
    codes = np.array([LAND_COVER[name] for name in names], dtype=np.uint8)
    cover = np.zeros(box.shape, np.uint8)
    xy, ring_start, polygon_start, row = flat_polygons(table.geometry.to_numpy())
    shapeless = np.setdiff1d(np.arange(len(table)), row)
    log.add(
        "land_cover_without_area",
        layer="land_cover",
        severity="warning",
        count=len(shapeless),
        of=len(table),
        places=shapeless,
    )
    paint(polygon_spans(to_cells(xy, box), ring_start, polygon_start, box.shape), codes[row], cover)
    built = owner > 0
    unnamed = (cover == 0) & ~built
    cover[unnamed] = LAND_COVER[DEFAULT_LAND_COVER]
    log.add(
        "land_cover_unknown",
        layer="land_cover",
        severity="default",
        count=int(unnamed.sum()),
        of=unnamed.size,
        default=DEFAULT_LAND_COVER,
        percent=round(100.0 * float(unnamed.mean()), 1),
    )
    roofs = np.where(_green(city, top), LAND_COVER["green_roof"], LAND_COVER["building"]).astype(np.uint8)
    cover[built] = roofs[owner[built] - 1]
    return cover


def _in_layers(city: City) -> np.ndarray:
    """Return which objects are on the grid as a tree, as land cover or as terrain."""
    kind = city.objects["kind"].to_numpy(dtype=object)
    seen = city.objects["id"].isin(city.trees["id"]).to_numpy(dtype=bool)
    if len(city.land_cover):
        covers = city.objects["source"].isin(city.land_cover["source"]).to_numpy(dtype=bool)
        seen = seen | (covers & np.isin(kind, list(covered_kinds())))
    return seen | (np.isin(kind, (*RELIEFS, "ReliefFeature")) if city.terrain is None else False)


def _report_left_out(city: City, box: GeoBox, prints: Footprints, owner: np.ndarray, log: gap_table.GapLog) -> None:
    """Write rows about objects that leave no trace on the grid."""
    kind = city.objects["kind"].to_numpy(dtype=object)
    if len(city.surfaces):
        shaped = np.zeros(len(kind), bool)
        shaped[city.surfaces["object"].to_numpy(dtype=np.int64)] = True
        other = shaped & ~prints.body & ~np.isin(kind[prints.top], ("Building", "BuildingPart")) & ~_in_layers(city)
        kinds = ", ".join(sorted({str(k) for k in kind[prints.top[other]]}))
        log.add(
            "kind_not_rasterised",
            layer="surface_height",
            severity="info",
            count=int(other.sum()),
            of=len(kind),
            places=city.objects["id"].to_numpy(dtype=object)[other],
            kinds=kinds,
        )
    west, south, east, north = box.extent.boundingbox
    edges = shapely.bounds(city.objects.geometry.to_numpy())
    within = (edges[:, 0] < east) & (edges[:, 2] > west) & (edges[:, 1] < north) & (edges[:, 3] > south)
    buildings = np.unique(prints.top[prints.body & within])
    seen = np.zeros(len(kind), bool)
    seen[prints.top[np.unique(owner[owner > 0]) - 1]] = True
    hidden = buildings[~seen[buildings]]
    log.add(
        "building_without_cell",
        layer="building_id",
        severity="info",
        count=len(hidden),
        of=len(buildings),
        places=city.objects["id"].to_numpy(dtype=object)[hidden],
    )


def _place(city: City, box: GeoBox, log: gap_table.GapLog) -> dict[str, Any]:
    """Return where on earth the grid lies: centre, meridian convergence and height datum."""
    if city.crs is None:
        log.add("crs_missing", layer="site", severity="warning", count=1, of=1)
        return {"latitude": math.nan, "longitude": math.nan, "convergence": math.nan, "vertical_datum": ""}
    from pyproj import Transformer

    flat = city.crs.to_2d()
    west, south, east, north = box.extent.boundingbox
    x, y = (west + east) / 2.0, (south + north) / 2.0
    away = Transformer.from_crs(flat, "EPSG:4326", always_xy=True)
    longitude, latitude = away.transform(x, y)
    northward = away.transform(longitude, min(latitude + 1e-3, 90.0), direction="INVERSE")
    parts = city.crs.sub_crs_list
    return {
        "latitude": float(latitude),
        "longitude": float(longitude),
        # grid azimuth = true azimuth - convergence
        "convergence": float(-math.degrees(math.atan2(northward[0] - x, northward[1] - y))),
        "vertical_datum": parts[1].name if len(parts) > 1 else "",
    }


def _dataset(layers: dict[str, np.ndarray], box: GeoBox, crs: Any) -> xr.Dataset:
    import rioxarray  # noqa: F401  (registers .rio)
    import xarray as xr

    x, y = centres(box)
    coords = {
        "x": (
            "x",
            x,
            {"units": "m", "long_name": "Easting of cell centres", "standard_name": "projection_x_coordinate"},
        ),
        "y": (
            "y",
            y,
            {"units": "m", "long_name": "Northing of cell centres", "standard_name": "projection_y_coordinate"},
        ),
    }
    arrays = {
        name: describe(xr.DataArray(values.astype(LAYERS[name].dtype, copy=False), dims=("y", "x")), name)
        for name, values in layers.items()
    }
    site = xr.Dataset(arrays, coords=coords)
    if crs is not None:
        site.rio.write_crs(crs.to_2d(), inplace=True)
    site.rio.write_transform(box.affine, inplace=True)
    return site


def rasterise(
    city: City, *, resolution: float = 1.0, area: tuple[float, float, float, float] | None = None
) -> xr.Dataset:
    """Return a city as named layers on one grid.

    Parameters
    ----------
    city : twin.city.model.City
        City in a projected CRS in metres, or in a local one.
    resolution : float
        Cell size [m].
    area : tuple of float, optional
        West, south, east, north [m]; by default the city's area, else what its tables cover of its terrain.

    Returns
    -------
    xarray.Dataset
        On ("y", "x") with row 0 = north, cell centres in ``x`` and ``y`` [m] and the CRS in ``spatial_ref``:
        ``terrain_height``, ``surface_height`` [m above datum], ``canopy_height``, ``trunk_height`` [m above the cell's
        ground], ``building_id`` (row of the top-level building in ``city.objects`` + 1), ``land_cover`` (codes), and
        ``albedo``, ``emissivity``, ``imperviousness``, ``manning_n`` by land cover. Attributes: ``resolution`` [m],
        ``city``, ``latitude`` and ``longitude`` of the grid's centre [deg], ``convergence`` [deg] (grid azimuth = true
        azimuth - convergence), ``vertical_datum``, and ``gaps``, the gap table as JSON (``twin.city.gaps.from_json``).

    Raises
    ------
    InputError
        If the resolution is no length above 0 or gives too large a grid, the area lies beside the city, the CRS counts
        in degrees, or a land cover is not in the vocabulary.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely
    >>> from twin.city.model import City
    >>> house = {"id": "a", "kind": "Building", "parent": -1, "lod": "0", "function": "", "roof_type": "",
    ...          "measured_height": 6.0, "ground_height": 30.0, "storeys": 2.0, "year": 1900.0, "attributes": {},
    ...          "source": ""}
    >>> objects = gpd.GeoDataFrame([house], geometry=[shapely.box(4, 4, 8, 8)], crs="EPSG:25832")
    >>> site = rasterise(City(crs=objects.crs, objects=objects), resolution=1.0, area=(0, 0, 12, 12))
    >>> int(site.building_id.sum()), float(site.surface_height.max())
    (16, 36.0)
    """
    box = grid_of(city, resolution, area)
    log = gap_table.GapLog()
    with track(text("city.progress_rasterise"), total=5) as done:
        prints = building_footprints(city, box)
        terrain = _terrain(city, box, prints, log)
        done(1)
        surface, owner = burn_buildings(city, box, prints, terrain, log)
        number = np.concatenate([[0], prints.top + 1]).astype(np.int32)
        _report_left_out(city, box, prints, owner, log)
        done(2)
        canopy, trunk = crown_layers(city.trees, box, terrain, log)
        add_measured(city.canopy_height, box, canopy, trunk, log)
        _cut_crowns(canopy, trunk, terrain, surface, log)
        done(3)
        cover = _land_cover(city, box, owner, prints.top, log)
        done(4)
        layers = {
            "terrain_height": terrain,
            "surface_height": surface,
            "canopy_height": canopy,
            "trunk_height": trunk,
            "building_id": number[owner],
            "land_cover": cover,
        } | {name: land_cover_property(name)[cover] for name in _MATERIALS}
        burn_roof_albedo(city, prints.top, owner, layers["albedo"])
        burn_structures(city, box, layers, log)
        place = _place(city, box, log)
        site = _dataset(layers, box, city.crs)
    site.attrs = {"city": city.name, "resolution": float(box.affine.a)} | place
    site.attrs["gaps"] = gap_table.to_json(gap_table.join(city.gaps, log.table()))
    return site
