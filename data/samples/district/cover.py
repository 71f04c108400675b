"""Land cover without gaps or overlaps: layers of surfaces, the upper hiding the lower, cut into one coverage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from district import gardens, landmarks, layout
from district.houses import Frame

ASPHALT, PAVING, COBBLE, LAWN, SOIL, WATER, SHRUB, GRAVEL = (
    "Asphalt", "Pflaster", "Kopfsteinpflaster", "Rasen", "Boden", "Wasser", "Gehölz", "Schotter",
)  # fmt: skip
_ROAD, _WAY, _SQUARE, _RAIL = "AX_Strassenverkehr", "AX_Weg", "AX_Platz", "AX_Bahnverkehr"
_LIVING, _MIXED, _TRADE = "AX_Wohnbauflaeche", "AX_FlaecheGemischterNutzung", "AX_IndustrieUndGewerbeflaeche"
_PUBLIC, _LEISURE = "AX_FlaecheBesondererFunktionalerPraegung", "AX_SportFreizeitUndErholungsflaeche"
_RIVER, _POND, _MEADOW, _WOOD = "AX_Fliessgewaesser", "AX_StehendesGewaesser", "AX_Landwirtschaft", "AX_Gehoelz"
_USE_OF_ZONE = {"mixed": _MIXED, "living": _LIVING, "public": _PUBLIC, "trade": _TRADE, "green": _LEISURE}


@dataclass(frozen=True)
class Patch:
    """A surface: what the ground is used for and what it is made of."""

    use: str
    surface: str
    shape: BaseGeometry


def _ground() -> list[Patch]:
    """Return the lowest layer: the use of whole blocks."""
    out = [Patch(_LIVING, LAWN, layout.AREA)]
    out += [Patch(_MEADOW, LAWN, box(0, 0, 500, 62)), Patch(_LEISURE, LAWN, box(0, 62, 500, 120))]
    for u, v, use, surface in (
        (195, 140, _MIXED, PAVING), (290, 130, _MIXED, PAVING), (162, 230, _MIXED, PAVING), (205, 245, _MIXED, PAVING),
        (300, 225, _PUBLIC, LAWN), (300, 290, _LIVING, LAWN), (370, 295, _LIVING, LAWN), (308, 375, _LIVING, LAWN),
        (372, 380, _LIVING, LAWN), (450, 380, _TRADE, LAWN), (350, 450, _TRADE, LAWN), (150, 450, _LIVING, LAWN),
        (50, 250, _PUBLIC, LAWN),
    ):  # fmt: skip
        out.append(Patch(use, surface, layout.block_at(u, v)))
    out.append(Patch(_LEISURE, LAWN, layout.block_at(50, 250).intersection(box(-30, 100, 150, 192))))
    out.append(Patch(_TRADE, GRAVEL, box(0, 455, 283, 474).intersection(layout.RAIL_LINE.buffer(16.0))))
    return out


def _courtyards() -> list[Patch]:
    """Return gardens and yards inside the closed blocks."""
    out = []
    for u, v, depth, use, surface, garden in (
        (195, 140, 17.0, _MIXED, PAVING, LAWN), (290, 130, 16.0, _MIXED, PAVING, LAWN),
        (162, 230, 13.0, _MIXED, PAVING, LAWN), (205, 245, 14.0, _MIXED, PAVING, SOIL),
        (300, 290, 17.5, _LIVING, LAWN, SOIL), (370, 295, 18.0, _LIVING, LAWN, PAVING),
        (308, 375, 19.5, _LIVING, PAVING, LAWN), (372, 380, 19.0, _LIVING, LAWN, PAVING),
    ):  # fmt: skip
        block = layout.block_at(u, v)
        out.append(Patch(use, surface, block.buffer(-2.0)))
        inner = block.buffer(-depth, join_style="mitre")
        west, south, east, north = inner.bounds
        out.append(Patch(use, garden, inner.intersection(box(west, south, west + 0.62 * (east - west), north))))
        out.append(
            Patch(
                use,
                SHRUB,
                inner.boundary.buffer(0.6).intersection(box(west, south, east, south + 0.5 * (north - south))),
            )
        )
    return out


def _plots() -> list[Patch]:
    """Return hedges, beds, terraces, paths and drives of the gardens."""
    made_of = {
        gardens.PATH: PAVING,
        gardens.TERRACE: PAVING,
        gardens.HEDGE: SHRUB,
        gardens.BED: SOIL,
        gardens.DRIVE: PAVING,
    }
    return [Patch(_LIVING, made_of[kind], shape) for kind, shape in gardens.surfaces() if not shape.is_empty]


def _allotments() -> list[Patch]:
    """Return the allotments on the meadow: a hedge round them, a path, and a bed beside each hut."""
    ground = Polygon([(340, 3), (485, 0), (482, 15), (440, 21), (400, 24.5), (342, 24.5)])
    out = [Patch(_LEISURE, LAWN, ground)]
    for i in range(1, 6):
        u = 340 + 23.5 * i
        out.append(Patch(_LEISURE, SHRUB, LineString([(u, 0), (u + 1.5, 20)]).buffer(0.5).intersection(ground)))
    out += [
        Patch(_LEISURE, SOIL, Frame((360.0 + 23.5 * i, 8.0 - 0.6 * i), 0.03).box_polygon(-8, 1, -3.5, 2.0))
        for i in range(6)
    ]
    out.append(Patch(_LEISURE, GRAVEL, LineString([(341, 18.5), (400, 18.5), (440, 15.5), (480, 11)]).buffer(0.9)))
    out.append(Patch(_LEISURE, SHRUB, ground.boundary.buffer(0.7).difference(box(338, 16, 346, 22))))
    return out


def _public_grounds() -> list[Patch]:
    """Return the grounds of school, nursing home, church and kindergarten."""
    school, nursing, kita = landmarks.SCHOOL, landmarks.NURSING_HOME, landmarks.KINDERGARTEN
    return [
        Patch(_PUBLIC, ASPHALT, school.box_polygon(13, 66, -2, 40)),
        Patch(_PUBLIC, PAVING, school.box_polygon(-4, 60, 54, 62)),
        Patch(_PUBLIC, PAVING, school.box_polygon(32, 40, -26, -2)),
        Patch(_PUBLIC, SOIL, school.box_polygon(50, 58, 6, 14)),
        Patch(_LEISURE, ASPHALT, school.box_polygon(42, 66, -30, -6)),
        Patch(_PUBLIC, SHRUB, school.box_polygon(-8, -5.5, -30, 56)),
        Patch(_PUBLIC, LAWN, layout.block_at(150, 290).intersection(box(120, 262, 189, 322))),
        Patch(_PUBLIC, PAVING, nursing.box_polygon(13, 39, 10, 25)),
        Patch(_PUBLIC, PAVING, nursing.box_polygon(-3, 55, 38, 41)),
        Patch(_PUBLIC, SHRUB, nursing.box_polygon(14, 38, -2, -0.5)),
        Patch(_PUBLIC, COBBLE, Point(300, 236).buffer(27.0).intersection(box(262, 210, 340, 262))),
        Patch(_PUBLIC, LAWN, kita.box_polygon(-6, 40, 15, 40)),
        Patch(_PUBLIC, SOIL, kita.box_polygon(6, 16, 22, 29)),
        Patch(_PUBLIC, PAVING, kita.box_polygon(-2, 30, 15, 18)),
        Patch(_PUBLIC, PAVING, kita.box_polygon(6, 20, -8, 0)),
        Patch(_LEISURE, SOIL, Point(112, 140).buffer(8.0)),  # playground of the park
        Patch(_LEISURE, SHRUB, Point(20, 178).buffer(9.0).union(Point(128, 150).buffer(6.0))),
    ]


def _trade_grounds() -> list[Patch]:
    """Return car park, yards and the squares of station, goods shed and mill."""
    market, hall = landmarks.SUPERMARKET, landmarks.METALWORKS
    islands = [market.box_polygon(0, 62, -16.0 - 11.0 * i, -14.6 - 11.0 * i) for i in range(3)]
    return [
        Patch(_TRADE, ASPHALT, market.box_polygon(-10, 76, -44, -5)),
        Patch(_TRADE, ASPHALT, market.box_polygon(52, 76, -5, 33)),
        Patch(_TRADE, PAVING, market.box_polygon(-2, 54, -5, 0)),
        Patch(_TRADE, ASPHALT, hall.box_polygon(-8, 78, -8, 26)),
        Patch(_TRADE, PAVING, box(300, 433, 346, 446)),
        Patch(_TRADE, GRAVEL, box(184, 431, 246, 456)),
        Patch(_MIXED, PAVING, box(305, 96, 345, 106)),
        *(Patch(_TRADE, SHRUB, island) for island in islands),
    ]


def _water_and_rail() -> list[Patch]:
    """Return river, banks, pond and railway."""
    river, rail = layout.river(), layout.RAIL_LINE
    return [
        Patch(_WOOD, SHRUB, river.buffer(4.5).difference(box(222, 0, 345, 200))),
        Patch(_RIVER, SOIL, river.buffer(1.2)),
        Patch(_RIVER, WATER, river),
        Patch(_POND, SHRUB, layout.POND.buffer(2.0).intersection(box(70, 0, 200, 300))),
        Patch(_POND, WATER, layout.POND),
        Patch(_RAIL, SHRUB, rail.buffer(10.5).difference(box(290, 440, 380, 474.5))),
        Patch(_RAIL, GRAVEL, rail.buffer(layout.RAIL_HALF_WIDTH)),
        Patch(
            _TRADE,
            PAVING,
            rail.buffer(9.5).intersection(box(298, 440, 372, 474.0)).difference(rail.buffer(layout.RAIL_HALF_WIDTH)),
        ),
    ]


def _streets() -> list[Patch]:
    """Return pavements, verges, carriageways with round kerbs, squares and paths."""
    out = []
    streets = [s for s in layout.streets() if s.pavement > 0]
    out.append(Patch(_ROAD, PAVING, layout.street_space()))
    out += [Patch(_WAY, s.surface, s.line.buffer(s.carriage / 2)) for s in layout.streets() if s.kind == "Fußweg"]
    for s in streets:
        if s.verge:
            outer = s.line.buffer(s.carriage / 2 + s.verge, cap_style="flat", join_style="mitre")
            crossing = shapely.union_all([o.line.buffer(o.half_width + 3) for o in streets if o.name != s.name])
            strips = outer.difference(crossing)
            out.append(Patch(_ROAD, LAWN, strips))
            for x in np.arange(16.0, s.line.length, 34.0):  # parking between the trees
                bay = shapely.ops.substring(s.line, float(x), float(x) + 11.0).buffer(
                    s.carriage / 2 + 2.2, cap_style="flat"
                )
                out.append(Patch(_ROAD, PAVING, bay.intersection(strips)))
    out.append(Patch(_SQUARE, COBBLE, layout.MARKET_SQUARE))
    for surface in (COBBLE, ASPHALT):
        drives = [s.line.buffer(s.carriage / 2) for s in streets if s.surface == surface]
        if surface == ASPHALT:
            drives.append(Point(22, 368).buffer(6.8))
        joined = shapely.union_all(drives).buffer(4.0).buffer(-4.0).intersection(layout.street_space().buffer(0.1))
        out.append(Patch(_ROAD, surface, joined))
    out.append(
        Patch(_SQUARE, COBBLE, layout.MARKET_SQUARE.difference(LineString([(236, 108), (246, 152)]).buffer(6.0)))
    )
    out.append(Patch(_SQUARE, WATER, layout.FOUNTAIN))
    return out


def coverage() -> gpd.GeoDataFrame:
    """Return the land cover: polygons that share their borders exactly and fill the area."""
    patches = [
        *_ground(),
        *_courtyards(),
        *_plots(),
        *_allotments(),
        *_public_grounds(),
        *_trade_grounds(),
        *_water_and_rail(),
        *_streets(),
    ]
    shapes = [shapely.set_precision(p.shape.intersection(layout.AREA), 0.01) for p in patches]
    lines = shapely.union_all([s.boundary for s in shapes if not s.is_empty], grid_size=0.01)
    faces = shapely.get_parts(shapely.polygonize([lines]))
    tree, inside = shapely.STRtree(shapes), shapely.point_on_surface(faces)
    top = np.full(len(faces), -1)
    for face, patch in zip(*tree.query(inside, predicate="within"), strict=True):
        top[face] = max(top[face], patch)
    table = (
        gpd.GeoDataFrame({"patch": top}, geometry=faces).dissolve("patch", method="coverage").explode().reset_index()
    )
    table["nutzung"] = [patches[i].use for i in table["patch"]]
    table["belag"] = [patches[i].surface for i in table["patch"]]
    table = table.dissolve(["nutzung", "belag"], method="coverage").explode().reset_index()
    table["geometry"] = table.geometry.normalize().translate(*layout.ORIGIN)
    order = np.lexsort((table.geometry.bounds["miny"], table.geometry.bounds["minx"], table["belag"], table["nutzung"]))
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "kennung", [f"LN{i + 1:04d}" for i in range(len(table))])
    return table.set_crs("EPSG:25832")[["kennung", "nutzung", "belag", "geometry"]]


def write(path: Path, table: gpd.GeoDataFrame, layer: str) -> None:
    """Write a table as GeoPackage without the date of writing."""
    import pyogrio

    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2024-01-01T00:00:00.000Z"})
    path.unlink(missing_ok=True)
    pyogrio.write_dataframe(table, path, layer=layer, driver="GPKG")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
