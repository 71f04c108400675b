"""A city becomes layers: exact planes, one number a building, honest ground, cover in order, bad input named."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from models.layers import LAND_COVER, LAYERS, land_cover_property, require_metric_grid
from twin.city import gaps
from twin.city.grid import city_extent, grid_box
from twin.city.model import LAND_COVER_COLUMNS, OBJECT_COLUMNS, SURFACE_COLUMNS, TREE_COLUMNS, City, Polygons
from twin.city.rasterise import DEFAULT_LAND_COVER, rasterise
from twin.errors import InputError

CRS = "EPSG:25833+7837"
EAST, NORTH = 389_000.0, 5_819_000.0
ORIGIN = np.array([EAST, NORTH, 0.0])


def make_city(
    objects: list[dict[str, Any]] = (),
    surfaces: list[tuple[int, int, str, list[list[tuple[float, float, float]]]]] = (),
    *,
    trees: list[dict[str, Any]] = (),
    cover: list[tuple[str, shapely.Geometry]] = (),
    crs: Any = CRS,
    **more: Any,
) -> City:
    """Make a city by hand; coordinates count from (EAST, NORTH), surfaces are (object, lod, kind, rings)."""
    crs = pyproj.CRS(crs) if crs else None

    def moved(shape: shapely.Geometry | None) -> shapely.Geometry | None:
        return None if shape is None else shapely.transform(shape, lambda xy: xy + ORIGIN[:2])

    blank = {name: np.nan if kind == "float64" else "" for name, kind in OBJECT_COLUMNS.items()}
    blank |= {"kind": "Building", "parent": -1, "attributes": {}}
    rows = [
        blank | {"id": f"o{i}"} | {k: v for k, v in row.items() if k != "footprint"} for i, row in enumerate(objects)
    ]
    shapes = [moved(row.get("footprint")) for row in objects]
    table = gpd.GeoDataFrame(pd.DataFrame(rows, columns=list(OBJECT_COLUMNS)), geometry=shapes, crs=crs)

    rings = [np.array(ring, dtype=float) + ORIGIN for *_, outline in surfaces for ring in outline]
    polygons = Polygons(
        np.concatenate(rings) if rings else np.empty((0, 3)),
        np.concatenate([[0], np.cumsum([len(r) for r in rings])]).astype(np.int64),
        np.concatenate([[0], np.cumsum([len(s[3]) for s in surfaces])]).astype(np.int64),
    )
    records = []
    for of, lod, kind, outline in surfaces:
        ring = np.array(outline[0], dtype=float)
        normal = np.cross(ring - ring[0], np.roll(ring - ring[0], -1, axis=0)).sum(axis=0)
        normal /= np.linalg.norm(normal) or 1.0
        records.append(
            {"object": of, "lod": lod, "kind": kind}
            | dict(zip(("normal_x", "normal_y", "normal_z"), normal, strict=True))
        )
    known_tree = {"species": "", "height": 10.0, "crown_diameter": 6.0, "crown_base": 2.5, "crown_shape": "cylinder"}
    tree_rows = [
        known_tree | {"id": f"t{i}"} | {k: v for k, v in t.items() if k != "place"} for i, t in enumerate(trees)
    ]
    return City(
        crs=crs,
        objects=table,
        surfaces=pd.DataFrame(records, columns=list(SURFACE_COLUMNS)),
        polygons=polygons,
        trees=gpd.GeoDataFrame(
            pd.DataFrame(tree_rows, columns=list(TREE_COLUMNS)), geometry=[moved(t["place"]) for t in trees], crs=crs
        ),
        land_cover=gpd.GeoDataFrame(
            pd.DataFrame([{"cover": name, "source": ""} for name, _ in cover], columns=list(LAND_COVER_COLUMNS)),
            geometry=[moved(shape) for _, shape in cover],
            crs=crs,
        ),
        **more,
    )


def at(west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    return west + EAST, south + NORTH, east + EAST, north + NORTH


def value(site: xr.Dataset, layer: str, x: float, y: float) -> float:
    return float(site[layer].sel(x=EAST + x, y=NORTH + y, method="nearest"))


def codes(site: xr.Dataset) -> dict[str, int]:
    return gaps.from_json(site.attrs["gaps"]).set_index("code")["count"].to_dict()


def level(height: float, *, step: float = 1.0, size: int = 60, west: float = 0.0, south: float = 0.0) -> xr.DataArray:
    x = EAST + west + (np.arange(size) + 0.5) * step
    y = (NORTH + south + (np.arange(size) + 0.5) * step)[::-1]
    return xr.DataArray(np.full((size, size), height, np.float32), dims=("y", "x"), coords={"y": y, "x": x})


def gable(of: int, west: float, south: float, east: float, north: float, eaves: float, ridge: float, lod: int = 2):
    """Roof, walls and ground of a house with its ridge from west to east."""
    middle = (south + north) / 2
    a, b, c, d = (west, south), (east, south), (east, north), (west, north)
    e, f = (west, middle), (east, middle)
    roof = [
        [[(*a, eaves), (*b, eaves), (*f, ridge), (*e, ridge)]],
        [[(*e, ridge), (*f, ridge), (*c, eaves), (*d, eaves)]],
    ]
    walls = [[[(*p, 30.0), (*q, 30.0), (*q, eaves), (*p, eaves)]] for p, q in ((a, b), (c, d))]
    ground = [[(*d, 30.0), (*c, 30.0), (*b, 30.0), (*a, 30.0)]]
    return (
        [(of, lod, "RoofSurface", outline) for outline in roof]
        + [(of, lod, "WallSurface", outline) for outline in walls]
        + [(of, lod, "GroundSurface", ground)]
    )


def test_gable_roof_is_the_analytic_one() -> None:
    """Eaves 36 m, ridge 41 m: height falls with the distance from the ridge, to a millimetre, at every resolution."""
    city = make_city(
        [{"footprint": shapely.box(10, 20, 40, 32)}], gable(0, 10, 20, 40, 32, 36.0, 41.0), terrain=level(30.0)
    )
    for resolution in (0.25, 0.5, 1.0, 2.0):
        site = rasterise(city, resolution=resolution, area=at(0, 0, 60, 60))
        inside = site["building_id"].values > 0
        assert inside.sum() * resolution**2 == 360.0
        expected = 41.0 - np.abs(site["y"].values - NORTH - 26.0)[:, None] * 5.0 / 6.0
        error = np.abs(site["surface_height"].values - expected)[inside]
        assert error.max() < 1e-3
        assert (site["surface_height"].values[~inside] == 30.0).all()
        assert require_metric_grid(site) == resolution


def test_roof_with_a_court() -> None:
    outline = [(10, 10, 40), (50, 10, 40), (50, 50, 40), (10, 50, 40)]
    court = [(20, 20, 40), (20, 40, 40), (40, 40, 40), (40, 20, 40)]
    plain = shapely.box(10, 10, 50, 50)
    for footprint in (plain.difference(shapely.box(20, 20, 40, 40)), plain):
        city = make_city([{"footprint": footprint}], [(0, 2, "RoofSurface", [outline, court])], terrain=level(30.0))
        site = rasterise(city, resolution=1.0, area=at(0, 0, 60, 60))
        assert (site["building_id"].values > 0).sum() == 1200
        assert value(site, "surface_height", 30, 30) == 30.0
        assert codes(site).get("footprint_without_roof", 0) == (400 if footprint is plain else 0)


def test_highest_level_of_detail_only_and_openings() -> None:
    """A block of LoD1 above the true roof must not be seen; a roof window closes the hole that LoD3 leaves for it."""
    hole = [(20, 22, 36 + 2 * 5 / 6), (20, 24, 36 + 4 * 5 / 6), (24, 24, 36 + 4 * 5 / 6), (24, 22, 36 + 2 * 5 / 6)]
    fine = gable(0, 10, 20, 40, 32, 36.0, 41.0, lod=3)
    fine[0][3].append(hole)
    block = [[(10, 20, 41), (40, 20, 41), (40, 32, 41), (10, 32, 41)]]
    surfaces = [*fine, (0, 1, "", block), (0, 2, "RoofSurface", block), (0, 3, "Window", [hole[::-1]])]
    city = make_city([{"footprint": shapely.box(10, 20, 40, 32)}], surfaces, terrain=level(30.0))
    site = rasterise(city, resolution=0.5, area=at(0, 0, 60, 60))
    assert value(site, "surface_height", 22.25, 23.25) == pytest.approx(36 + 3.25 * 5 / 6, abs=1e-3)
    assert (site["building_id"].values > 0).sum() == 360 * 4
    assert float(site["surface_height"].max()) < 41.0


def test_solid_without_semantics_and_the_outline_below_it() -> None:
    top = [[(10, 10, 44), (20, 10, 44), (20, 20, 44), (10, 20, 44)]]
    bottom = [[(10, 10, 30), (10, 20, 30), (20, 20, 30), (20, 10, 30)]]
    wall = [[(10, 10, 30), (20, 10, 30), (20, 10, 44), (10, 10, 44)]]
    city = make_city(
        [{"footprint": shapely.box(10, 10, 20, 20), "measured_height": 99.0}],
        [(0, 1, "", bottom), (0, 1, "", wall), (0, 1, "", top), (0, 0, "", [[(p[0], p[1], 80.0) for p in top[0]]])],
        terrain=level(30.0),
    )
    site = rasterise(city, resolution=1.0, area=at(0, 0, 60, 60))
    assert value(site, "surface_height", 15, 15) == 44.0
    assert float(site["surface_height"].max()) == 44.0


def test_parts_count_as_their_building_and_interiors_as_nothing() -> None:
    objects = [
        {"kind": "Bridge"},
        {"kind": "Building", "footprint": shapely.box(10, 20, 50, 32), "measured_height": 50.0},
        {"kind": "BuildingPart", "parent": 1, "footprint": shapely.box(10, 20, 40, 32)},
        {"kind": "BuildingPart", "parent": 1, "footprint": shapely.box(40, 20, 50, 32), "measured_height": 8.0},
        {"kind": "BuildingInstallation", "parent": 2},
        {"kind": "BuildingRoom", "parent": 1},
    ]
    deck = [[(0, 50, 45), (60, 50, 45), (60, 58, 45), (0, 58, 45)]]
    dormer = [[(20, 21, 42), (23, 21, 42), (23, 24, 42), (20, 24, 42)]]
    room = [[(10, 20, 70), (40, 20, 70), (40, 32, 70), (10, 32, 70)]]
    surfaces = [
        (0, 2, "RoofSurface", deck),
        *gable(2, 10, 20, 40, 32, 36.0, 41.0),
        (4, 2, "", dormer),
        (5, 4, "CeilingSurface", room),
        (5, 4, "", room),
    ]
    site = rasterise(make_city(objects, surfaces, terrain=level(30.0)), resolution=1.0, area=at(0, 0, 60, 60))
    number = site["building_id"].values
    assert set(np.unique(number)) == {0, 2}
    assert (number > 0).sum() == 480
    assert value(site, "surface_height", 21.5, 22.5) == 42.0
    assert value(site, "surface_height", 45.5, 25.5) == 38.0  # the part's own height, not the building's ridge
    assert float(site["surface_height"].max()) == 42.0
    assert codes(site)["kind_not_rasterised"] == 1


def test_an_installation_does_not_replace_the_building() -> None:
    objects = [
        {"footprint": shapely.box(10, 10, 30, 30), "measured_height": 9.0},
        {"kind": "BuildingInstallation", "parent": 0},
    ]
    chimney = [[(12, 12, 45), (14, 12, 45), (14, 14, 45), (12, 14, 45)]]
    site = rasterise(make_city(objects, [(1, 2, "", chimney)], terrain=level(30.0)), area=at(0, 0, 60, 60))
    assert (value(site, "surface_height", 13, 13), value(site, "surface_height", 25, 25)) == (45.0, 39.0)
    assert (site["building_id"].values == 1).sum() == 400


def test_footprints_with_heights() -> None:
    """Level roofs stand on the delivered ground, else on the lowest terrain under them; a missing height is said."""
    terrain = level(30.0)
    terrain[:, :] = 30.0 + (terrain["x"].values - EAST) * 0.1
    objects = [
        {"footprint": shapely.box(10, 10, 20, 20), "measured_height": 9.0},
        {"footprint": shapely.box(30, 10, 40, 20), "measured_height": 9.0, "ground_height": 40.0},
        {"footprint": shapely.box(10, 30, 20, 40), "storeys": 4.0},
        {"footprint": shapely.box(30, 30, 40, 40)},
        {"footprint": shapely.box(50, 50, 50.2, 50.2), "measured_height": 9.0},
    ]
    site = rasterise(make_city(objects, terrain=terrain), resolution=1.0, area=at(0, 0, 60, 60))
    assert value(site, "surface_height", 18, 15) == pytest.approx(31.05 + 9.0, abs=1e-4)
    assert value(site, "surface_height", 35, 15) == 49.0
    assert value(site, "surface_height", 15, 35) == pytest.approx(31.05 + 12.0, abs=1e-4)
    assert value(site, "surface_height", 35, 35) == value(site, "terrain_height", 35, 35)
    assert value(site, "building_id", 35, 35) == 4
    assert value(site, "land_cover", 35, 35) == LAND_COVER["building"]
    found = codes(site)
    assert (found["height_from_storeys"], found["building_without_height"], found["building_without_cell"]) == (1, 1, 1)


def test_overlapping_buildings_keep_the_higher_roof() -> None:
    objects = [
        {"footprint": shapely.box(10, 10, 30, 30), "measured_height": 12.0},
        {"footprint": shapely.box(20, 20, 40, 40), "measured_height": 8.0},
    ]
    first = rasterise(make_city(objects, terrain=level(30.0)), area=at(0, 0, 60, 60))
    second = rasterise(make_city(objects[::-1], terrain=level(30.0)), area=at(0, 0, 60, 60))
    xr.testing.assert_equal(first["surface_height"], second["surface_height"])
    assert value(first, "building_id", 25, 25) == 1
    assert value(second, "building_id", 25, 25) == 2


def test_roofs_below_the_terrain_are_counted_and_kept_at_ground() -> None:
    terrain = level(30.0)
    terrain[:, :30] = 39.0
    city = make_city(
        [{"footprint": shapely.box(10, 20, 40, 32)}], gable(0, 10, 20, 40, 32, 36.0, 36.0), terrain=terrain
    )
    site = rasterise(city, resolution=1.0, area=at(0, 0, 60, 60))
    assert codes(site)["roof_below_terrain"] == 20 * 12
    assert value(site, "surface_height", 15, 25) == 39.0
    assert value(site, "building_id", 15, 25) == 0
    assert value(site, "building_id", 35, 25) == 1
    assert (site["surface_height"] >= site["terrain_height"]).all()


def test_a_slit_between_planes_is_closed_a_court_is_not() -> None:
    left = [[(10, 10, 40), (24.6, 10, 40), (24.6, 30, 40), (10, 30, 40)]]
    right = [[(25.4, 10, 44), (40, 10, 44), (40, 30, 44), (25.4, 30, 44)]]
    city = make_city(
        [{"footprint": shapely.box(10, 10, 40, 30)}],
        [(0, 2, "RoofSurface", left), (0, 2, "RoofSurface", right)],
        terrain=level(30.0, west=-0.5),
    )
    site = rasterise(city, resolution=1.0, area=at(-0.5, 0, 59.5, 60))
    assert codes(site)["roof_crack"] == 18
    assert value(site, "surface_height", 25, 20.5) == 42.0
    assert codes(site)["footprint_without_roof"] == 2  # the slit's open ends stay


def test_terrain_on_the_same_grid_is_copied_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    terrain = level(0.0, west=0.5, south=0.5)
    terrain[:, :] = rng.normal(30, 3, (60, 60)).astype(np.float32)
    for upside_down in (False, True):
        given_terrain = terrain.isel(y=slice(None, None, -1)) if upside_down else terrain
        site = rasterise(make_city(terrain=given_terrain), resolution=1.0)
        assert np.array_equal(site["terrain_height"].values, terrain.values)
        np.testing.assert_array_equal(site["x"].values, terrain["x"].values)
    part = rasterise(make_city(terrain=terrain), resolution=1.0, area=at(10.5, 10.5, 20.5, 30.5))
    assert np.array_equal(part["terrain_height"].values, terrain.values[30:50, 10:20])


def test_terrain_between_its_cells_and_over_several() -> None:
    """A plane stays a plane on any grid; two metres hold the mean of four cells of one."""
    terrain = level(0.0)
    x, y = np.meshgrid(terrain["x"].values - EAST, terrain["y"].values - NORTH)
    terrain[:, :] = 30.0 + 0.05 * x - 0.03 * y
    for resolution in (0.5, 0.7, 1.0, 2.0, 5.0):
        site = rasterise(make_city(terrain=terrain), resolution=resolution, area=at(5.3, 5.1, 54, 55))
        plane = 30.0 + 0.05 * (site["x"] - EAST) - 0.03 * (site["y"] - NORTH)
        assert float(abs(site["terrain_height"] - plane).max()) < 1e-4
        assert "terrain_holes" not in codes(site)
    rough = terrain.copy(data=np.random.default_rng(2).normal(30, 5, (60, 60)).astype(np.float32))
    for factor in (2, 4):
        site = rasterise(make_city(terrain=rough), resolution=float(factor))
        mean = rough.values.reshape(60 // factor, factor, 60 // factor, factor).mean(axis=(1, 3))
        np.testing.assert_allclose(site["terrain_height"].values, mean, atol=1e-4)


def test_holes_in_the_terrain_are_filled_and_named() -> None:
    terrain = level(0.0)
    terrain[:, :] = 30.0 + 0.05 * (terrain["x"].values - EAST)
    terrain[20:30, 20:30] = np.nan
    terrain[0, 0] = np.inf
    site = rasterise(make_city(terrain=terrain), resolution=1.0, area=at(0, 0, 70, 60))
    row = gaps.from_json(site.attrs["gaps"]).set_index("code").loc["terrain_holes"]
    assert (row["count"], row["of"], row["severity"]) == (101 + 600, 4200, "default")
    plane = 30.0 + 0.05 * (site["x"] - EAST)
    error = abs(site["terrain_height"] - plane)
    assert float(error.isel(x=slice(20, 30), y=slice(20, 30)).max()) < 0.01  # a membrane spans a plane as a plane
    assert float(error.isel(x=slice(60, 70)).max()) < 0.6  # beyond the raster: level, not sloping on
    assert np.isfinite(site["terrain_height"]).all()
    assert any(at_x.startswith("3890") for at_x in row["places"])


def test_large_hole_is_filled_smoothly() -> None:
    terrain = level(0.0, size=700)
    terrain[:, :] = 30.0 + 0.01 * (terrain["x"].values - EAST)
    terrain[100:600, 100:600] = np.nan
    site = rasterise(make_city(terrain=terrain), resolution=1.0)
    filled = site["terrain_height"].values
    plane = 30.0 + 0.01 * (site["x"].values - EAST)
    assert np.abs(filled - plane).max() < 0.1  # over a hole of 500 m that falls by 5 m
    assert np.abs(np.diff(filled, axis=1)).max() < 0.03


def test_without_terrain_the_ground_comes_from_buildings() -> None:
    objects = [
        {"footprint": shapely.box(10, 10, 20, 20), "measured_height": 9.0, "ground_height": 30.0},
        {"footprint": shapely.box(40, 10, 50, 20)},
    ]
    roof = [[(40, 10, 60), (50, 10, 60), (50, 20, 60), (40, 20, 60)]]
    ground = [[(40, 20, 50), (50, 20, 50), (50, 10, 50), (40, 10, 50)]]
    city = make_city(objects, [(1, 2, "RoofSurface", roof), (1, 2, "GroundSurface", ground)])
    site = rasterise(city, resolution=1.0, area=at(0, 0, 60, 60))
    assert value(site, "terrain_height", 15, 15) == 30.0
    assert value(site, "terrain_height", 45, 15) == 50.0
    assert 31.0 < value(site, "terrain_height", 30, 15) < 49.0
    assert value(site, "surface_height", 15, 15) == 39.0
    assert value(site, "surface_height", 45, 15) == 60.0
    assert "terrain_from_buildings" in codes(site)
    bare = rasterise(make_city(trees=[{"place": shapely.Point(30, 30)}]), area=at(0, 0, 60, 60))
    assert (bare["terrain_height"] == 0).all()
    assert "terrain_missing" in codes(bare)


def test_crowns_and_roofs() -> None:
    """Crowns stand above ground; where a roof is higher they end, and none of them is inside a building."""
    objects = [
        {"footprint": shapely.box(10, 10, 30, 30), "measured_height": 20.0},
        {"footprint": shapely.box(40, 10, 50, 30), "measured_height": 4.0},
    ]
    trees = [{"place": shapely.Point(30, 20)}, {"place": shapely.Point(40, 20)}, {"place": shapely.Point(20, 50)}]
    site = rasterise(make_city(objects, trees=trees, terrain=level(30.0)), area=at(0, 0, 60, 60))
    assert value(site, "canopy_height", 31.5, 20.5) == 10.0
    assert value(site, "canopy_height", 28.5, 20.5) == 0.0
    assert value(site, "trunk_height", 28.5, 20.5) == 0.0
    assert (value(site, "canopy_height", 41.5, 20.5), value(site, "trunk_height", 41.5, 20.5)) == (10.0, 4.0)
    assert (value(site, "canopy_height", 38.5, 20.5), value(site, "trunk_height", 38.5, 20.5)) == (10.0, 2.5)
    assert codes(site)["crown_cut_by_roof"] == 16
    crown = site["canopy_height"] > 0
    assert ((site["trunk_height"] > 0) == crown).all()


def test_land_cover_in_order_with_buildings_and_green_roofs() -> None:
    objects = [
        {"footprint": shapely.box(10, 10, 20, 20), "measured_height": 9.0},
        {"footprint": shapely.box(30, 10, 40, 20), "measured_height": 9.0, "attributes": {"green_roof": True}},
        {"footprint": shapely.box(10, 30, 20, 40), "measured_height": 9.0, "attributes": {"green_roof": False}},
    ]
    cover = [
        ("grass", shapely.box(0, 0, 60, 45)),
        ("asphalt", shapely.MultiPolygon([shapely.box(0, 22, 60, 26), shapely.box(22, 0, 26, 45)])),
        ("water", shapely.box(20, 20, 28, 28)),
        ("water", shapely.LineString([(0, 0), (60, 60)])),
    ]
    site = rasterise(make_city(objects, cover=cover, terrain=level(30.0)), area=at(0, 0, 60, 60))
    for x, y, name in [
        (5, 5, "grass"),
        (5, 24, "asphalt"),
        (24, 24, "water"),
        (15, 15, "building"),
        (35, 15, "green_roof"),
        (15, 35, "building"),
        (5, 55, DEFAULT_LAND_COVER),
    ]:
        assert value(site, "land_cover", x + 0.5, y + 0.5) == LAND_COVER[name], (x, y)
    found = codes(site)
    assert found["land_cover_unknown"] == 60 * 15
    assert found["land_cover_without_area"] == 1
    for name in ("albedo", "emissivity", "imperviousness", "manning_n"):
        np.testing.assert_array_equal(site[name].values, land_cover_property(name)[site["land_cover"].values])
    assert value(site, "building_id", 35.5, 15.5) == 2


def test_layers_follow_the_vocabulary_and_the_place_is_known() -> None:
    city = make_city(
        [{"footprint": shapely.box(10, 10, 20, 20), "measured_height": 9.0}], terrain=level(30.0), name="Hof"
    )
    site = rasterise(city, resolution=1.0)
    for name, layer in LAYERS.items():
        if layer.required or name in site:
            assert site[name].dims == ("y", "x")
            assert str(site[name].dtype) == layer.dtype
            assert site[name].attrs["units"] == layer.units
    assert site.rio.crs.to_epsg() == 25833
    assert site.rio.resolution() == (1.0, -1.0)
    assert site.attrs["vertical_datum"] == "DHHN2016 height"
    assert site.attrs["city"] == "Hof"
    assert site.attrs["latitude"] == pytest.approx(52.51, abs=0.02)
    assert site.attrs["longitude"] == pytest.approx(13.365, abs=0.02)
    # grid convergence of a transverse Mercator: (longitude - 15) sin(latitude), to first order
    expected = (site.attrs["longitude"] - 15.0) * math.sin(math.radians(site.attrs["latitude"]))
    assert site.attrs["convergence"] == pytest.approx(expected, abs=0.002)


def test_local_crs_is_allowed_and_said() -> None:
    site = rasterise(
        make_city([{"footprint": shapely.box(0, 0, 9, 9), "measured_height": 3.0}], crs=None), resolution=1.0
    )
    assert math.isnan(site.attrs["latitude"])
    assert codes(site)["crs_missing"] == 1
    assert (site["building_id"] == 1).sum() == 81


def test_gap_rows_read_in_both_languages_and_keep_the_citys_own() -> None:
    log = gaps.GapLog()
    log.add("terrain_missing", layer="terrain_height", severity="warning", count=1, of=1)
    city = make_city(
        [{"footprint": shapely.box(0, 0, 9, 9)}],
        trees=[{"place": shapely.Point(20, 20), "height": np.nan}],
        crs=None,
        gaps=log.table(),
    )
    table = gaps.from_json(rasterise(city, area=at(0, 0, 30, 30)).attrs["gaps"])
    assert table["code"].iloc[0] == "terrain_missing"
    for language in ("en", "de"):
        lines = gaps.sentences(table, language)
        assert lines["message"].str.len().min() > 20
        assert lines["remedy"].str.len().min() > 10


def test_grid_edges_lie_on_whole_multiples_or_on_the_terrains_own() -> None:
    assert tuple(grid_box((0.1, 0.1, 9.9, 9.9), 2.0).extent.boundingbox) == (0.0, 0.0, 10.0, 10.0)
    assert tuple(grid_box((0.3, 0.6, 0.9, 1.2), 0.1).shape) == (6, 6)
    shifted = make_city(terrain=level(30.0, west=0.5, south=0.5))
    assert rasterise(shifted, resolution=1.0)["x"].values[0] == EAST + 1.0
    assert rasterise(shifted, resolution=2.0)["x"].values[0] == EAST + 1.5
    assert rasterise(shifted, resolution=1.0, area=at(3, 3, 20, 20))["x"].values[0] == EAST + 3.5
    assert city_extent(shifted) == at(0.5, 0.5, 60.5, 60.5)
    objects = [{"footprint": shapely.box(-40, 10, 20, 20), "measured_height": 9.0}]
    assert city_extent(make_city(objects, terrain=level(30.0))) == at(0, 10, 20, 20)
    own = make_city(objects, terrain=level(30.0), area=at(5, 5, 25, 25))
    assert dict(rasterise(own).sizes) == {"x": 20, "y": 20}


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_tiles_together_are_the_whole(seed: int) -> None:
    """Cut anywhere on the cell edges, the parts of a city hold the same layers as the city in one piece."""
    rng = np.random.default_rng(seed)
    objects, surfaces = [], []
    for k in range(8):
        west, south = rng.uniform(0, 45, 2)
        wide, deep = rng.uniform(3, 14, 2)
        objects.append({"footprint": shapely.box(west, south, west + wide, south + deep), "ground_height": 30.0})
        surfaces += gable(k, west, south, west + wide, south + deep, 33.0, rng.uniform(34, 45))
    trees = [{"place": shapely.Point(*rng.uniform(0, 60, 2)), "crown_shape": "ellipsoid"} for _ in range(12)]
    city = make_city(objects, surfaces, trees=trees, terrain=level(30.0))
    cut = int(rng.integers(5, 55))
    whole = rasterise(city, resolution=1.0, area=at(0, 0, 60, 60))
    parts = [rasterise(city, resolution=1.0, area=area) for area in (at(0, 0, cut, 60), at(cut, 0, 60, 60))]
    for name in whole.data_vars:
        joined = np.concatenate([part[name].values for part in parts], axis=1)
        assert np.array_equal(joined, whole[name].values), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": 0.0}, "above 0"),
        ({"resolution": -1.0}, "above 0"),
        ({"resolution": math.nan}, "above 0"),
        ({"resolution": "fine"}, "cell size in metres, not 'fine'"),
        ({"resolution": 0.0001}, "million cells: take a resolution of"),
        ({"area": at(5000, 5000, 5100, 5100)}, "outside the city"),
        ({"area": (0.0, 0.0, 10.0, 10.0)}, "outside the city"),
        ({"area": at(20, 20, 10, 30)}, "is empty"),
        ({"area": (1.0, 2.0, 3.0)}, "four numbers"),
        ({"area": (1.0, 2.0, math.inf, 4.0)}, "four finite numbers"),
    ],
)
def test_bad_grids_are_refused_in_a_sentence(changes: dict[str, Any], message: str) -> None:
    city = make_city([{"footprint": shapely.box(0, 0, 59, 59), "measured_height": 3.0}], terrain=level(30.0))
    with pytest.raises(InputError, match=message):
        rasterise(city, **changes)


def test_the_resolution_it_names_fits() -> None:
    city = make_city([{"footprint": shapely.box(0, 0, 100_000, 30_000), "measured_height": 3.0}])
    with pytest.raises(InputError, match="take a resolution of") as refused:
        rasterise(city, resolution=0.5)
    named = float(str(refused.value).split("a resolution of ")[-1].split(" m")[0])
    box = grid_box(at(0, 0, 100_000, 30_000), named)
    assert box.shape[0] * box.shape[1] <= 400_000_000


@pytest.mark.parametrize(
    ("city", "message"),
    [
        (lambda: make_city(), "holds no geometry"),
        (lambda: make_city([{"footprint": shapely.box(0, 0, 1, 1)}], crs="EPSG:4326"), "degrees"),
        (
            lambda: make_city(
                [{"footprint": shapely.box(900, 0, 910, 10), "measured_height": 3.0}], terrain=level(30.0)
            ),
            "do not overlap",
        ),
        (lambda: make_city(cover=[("lawn", shapely.box(0, 0, 9, 9))]), "'lawn' is not in the vocabulary"),
        (lambda: make_city(terrain=level(math.nan)), "no height anywhere"),
    ],
)
def test_bad_cities_are_refused_in_a_sentence(city: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rasterise(city())
