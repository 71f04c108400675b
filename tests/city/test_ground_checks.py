"""Sinks against a plain flood, and what buildings, streets and terrain say of each other, with places that are known."""

from __future__ import annotations

import heapq
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rasterio import Affine

import twin
from twin.city import ground_checks
from twin.city.sinks import fill_sinks, find_sinks
from twin.errors import InputError

X, Y = 390000.0, 5819000.0


def plain_flood(terrain: np.ndarray) -> np.ndarray:
    """The lowest height a drop must climb to on its way out: Dijkstra over the highest cell of a path."""
    filled = np.full(terrain.shape, np.inf)
    queue = []
    for row, column in np.ndindex(terrain.shape):
        around = terrain[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if not np.isnan(terrain[row, column]) and (around.shape != (3, 3) or np.isnan(around).any()):
            queue.append((terrain[row, column], row, column))
            filled[row, column] = terrain[row, column]
    heapq.heapify(queue)
    while queue:
        level, row, column = heapq.heappop(queue)
        if level > filled[row, column]:
            continue
        for i, j in np.ndindex(3, 3):
            r, c = row + i - 1, column + j - 1
            if 0 <= r < terrain.shape[0] and 0 <= c < terrain.shape[1] and not np.isnan(terrain[r, c]):
                higher = max(level, terrain[r, c])
                if higher < filled[r, c]:
                    filled[r, c] = higher
                    heapq.heappush(queue, (higher, r, c))
    return np.where(np.isnan(terrain), np.nan, filled)


heights = st.one_of(st.integers(0, 6).map(float), st.just(float("nan")))


@settings(max_examples=150, deadline=None)
@given(terrain=arrays.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=heights))
def test_filling_is_what_a_plain_flood_gives(terrain: np.ndarray) -> None:
    filled = fill_sinks(terrain)
    np.testing.assert_array_equal(filled, plain_flood(terrain))
    known = ~np.isnan(terrain)
    assert (filled[known] >= terrain[known]).all()
    np.testing.assert_array_equal(fill_sinks(filled), filled)  # nothing is left to fill


def raster(values: np.ndarray, step: float = 1.0) -> xr.DataArray:
    rows, columns = values.shape
    y, x = Y + (rows - np.arange(rows) - 0.5) * step, X + (np.arange(columns) + 0.5) * step
    return xr.DataArray(values.astype(np.float32), dims=("y", "x"), coords={"y": y, "x": x})


def test_a_made_sink_has_its_depth_area_and_volume() -> None:
    """A cone of 10 m radius and 2 m depth in a plane with a rim of 0 m: volume above 0.3 m depth by hand."""
    rows, columns = np.mgrid[0:60, 0:80]
    distance = np.hypot((columns + 0.5) - 30.0, (rows + 0.5) - 25.0) * 0.5
    terrain = raster(np.where(distance < 10, 40.0 - 2.0 * (1 - distance / 10), 40.0), step=0.5)
    found = find_sinks(terrain, depth=0.3, area=25.0)
    assert len(found) == 1
    radius = 10 * (1 - 0.3 / 2)  # where the sink is 0.3 m deep
    assert found["depth"].item() == pytest.approx(2.0, abs=0.08)
    assert found["area"].item() == pytest.approx(np.pi * radius**2, rel=0.02)
    inner = np.pi * radius**2 * 1.7 / 3 + np.pi * radius**2 * 0.3  # a cone of 1.7 m on a cylinder of 0.3 m
    assert found["volume"].item() == pytest.approx(inner, rel=0.02)
    assert found["spill_height"].item() == pytest.approx(40.0)
    centre = found.geometry.item()
    assert (centre.x, centre.y) == pytest.approx((X + 15.0, Y + 30.0 - 12.5), abs=0.6)
    assert find_sinks(terrain, depth=0.3, area=500.0).empty
    assert find_sinks(terrain, depth=2.5, area=1.0).empty
    with pytest.raises(InputError, match="depth must be above 0 m"):
        find_sinks(terrain, depth=0.0)


def test_water_leaves_over_a_cut_and_through_holes() -> None:
    bowl = np.full((40, 40), 10.0)
    bowl[10:30, 10:30] = 8.0
    assert len(find_sinks(raster(bowl))) == 1
    cut = bowl.copy()
    cut[20, :15] = 7.9
    assert find_sinks(raster(cut)).empty
    hole = bowl.copy()
    hole[20, 20] = np.nan
    assert find_sinks(raster(hole)).empty


def write_raster(path: Path, values: np.ndarray) -> Path:
    transform = Affine(1, 0, X, 0, -1, Y + values.shape[0])
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", driver="GTiff", crs=25833, transform=transform, nodata=-9999.0, **shape) as target:
        target.write(values.astype("float32"), 1)
    return path


def houses(path: Path, ground: list[float], places: list[tuple[float, float]], **more: list[object]) -> Path:
    shapes = [shapely.box(X + x, Y + y, X + x + 10, Y + y + 10) for x, y in places]
    data = {"id": [f"h{i}" for i in range(len(ground))], "h": [8.0] * len(ground), "z": ground} | more
    gpd.GeoDataFrame(data, geometry=shapes, crs=25833).to_file(path)
    return path


def row_of(city: twin.City, code: str) -> dict[str, object]:
    rows = city.gaps[city.gaps["code"] == code].to_dict("records")
    assert len(rows) == 1, (code, set(city.gaps["code"]))
    return rows[0]


def test_sunken_buildings_are_told_with_their_depth(tmp_path: Path) -> None:
    ground = write_raster(tmp_path / "dgm.tif", np.full((120, 120), 40.0))
    path = houses(tmp_path / "h.gpkg", [40.0, 36.5, 38.5], [(10, 10), (40, 40), (80, 80)])
    layer = {"path": path, "height": "h", "ground_height": "z", "id": "id"}
    row = row_of(twin.load(buildings=layer, terrain=ground), "buildings_below_terrain")
    assert (row["count"], row["of"], row["places"], row["severity"]) == (1, 3, ["h1"], "warning")
    assert row["values"] == {"most": "2", "metres": "3.5"}


def test_buildings_twice_and_in_each_other_across_layers(tmp_path: Path) -> None:
    first = houses(tmp_path / "a.gpkg", [40.0, 40.0], [(10, 10), (40, 40)])
    second = houses(tmp_path / "b.gpkg", [40.0, 40.0, 40.0], [(10, 10), (47, 40), (90, 90)], id=["x0", "x1", "x2"])
    layers = [{"path": path, "height": "h", "id": "id"} for path in (first, second)]
    city = twin.load(buildings=layers)
    row = row_of(city, "buildings_twice")
    assert (row["count"], row["of"], row["places"]) == (1, 5, ["x0 = h0"])
    row = row_of(city, "buildings_overlap")
    assert (row["count"], row["places"]) == (2, ["h1", "x1"])
    assert row["values"] == {"pairs": 1, "area": "30"}
    alone = twin.load(buildings=layers[0])
    assert not {"buildings_twice", "buildings_overlap"} & set(alone.gaps["code"])


def test_streets_over_a_step_and_marked_bridges(tmp_path: Path) -> None:
    values = np.full((100, 100), 40.0)
    values[:, 50:] = 44.0  # a wall of 4 m from north to south at x = 50
    values[80:, :] = np.linspace(40, 44, 100)  # and a ramp in the south
    ground = write_raster(tmp_path / "dgm.tif", values)
    lines = [shapely.LineString([(X + 20, Y + y), (X + 80, Y + y)]) for y in (60, 10)]
    data = {"id": ["wall", "ramp"], "bridge": ["yes", "no"]}
    gpd.GeoDataFrame(data, geometry=lines, crs=25833).to_file(tmp_path / "wege.gpkg")
    city = twin.load(terrain=ground, streets=tmp_path / "wege.gpkg")
    row = row_of(city, "streets_cross_steps")
    assert (row["count"], row["of"]) == (1, 2)
    x, y = map(float, str(row["places"][0]).split(" (")[0].split(", "))  # type: ignore[index]
    assert (x, y) == pytest.approx((X + 50, Y + 60), abs=2.0)
    assert "(4.0 m)" in str(row["places"])
    assert row_of(city, "streets_off_the_ground")["places"] == ["wall"]
    places = city.gap_places("en")
    told = places[places["code"] == "streets_cross_steps"].geometry.item()
    assert told.distance(shapely.Point(X + 50, Y + 60)) < 2.0
    assert places[places["code"] == "streets_off_the_ground"].geometry.item().distance(lines[0]) < 1e-6


def test_sinks_of_the_terrain_are_told_largest_first(tmp_path: Path) -> None:
    values = np.tile(np.linspace(45, 40, 200), (200, 1))
    values[20:40, 20:40] -= 3.0
    values[100:160, 100:160] -= 1.5
    city = twin.load(terrain=write_raster(tmp_path / "dgm.tif", values))
    row = row_of(city, "terrain_sinks")
    assert row["count"] == 2
    places = city.gap_places("de")
    points = places[places["code"] == "terrain_sinks"].geometry.tolist()
    assert shapely.box(X + 100, Y + 40, X + 160, Y + 100).contains(points[0])
    assert shapely.box(X + 20, Y + 160, X + 40, Y + 180).contains(points[1])


def test_a_bridge_of_citygml_is_told(shared: Path) -> None:
    city = twin.load(shared / "data" / "citygml3" / "Road_over_Bridge_CityGML3.0_LOD2_with_CityObjectRelations.gml")
    assert row_of(city, "bridges_not_in_terrain")["count"] == 1


@pytest.mark.reference
def test_sinks_of_tiergarten_agree_with_the_finer_grid(shared: Path) -> None:
    """The check on load works in cells of 2 m; its largest sink is that of the full raster."""
    city = twin.load(terrain=shared / "data" / "berlin-tiergarten" / "Berlin_DEM2021.tif")
    assert city.terrain is not None
    row = row_of(city, "terrain_sinks")
    fine = find_sinks(city.terrain, depth=0.3, area=100.0)
    assert row["count"] == pytest.approx(len(fine), rel=0.15)
    assert float(row["values"]["volume"]) == pytest.approx(fine["volume"].sum(), rel=0.03)  # type: ignore[index]


@pytest.mark.parametrize("factor", [2, 3])
def test_a_coarser_terrain_is_the_mean_of_its_known_cells(factor):
    values = np.random.default_rng(3).uniform(20, 60, (17, 22)).astype(np.float32)
    values[4:9, 5:12] = np.nan
    terrain = xr.DataArray(
        values, dims=("y", "x"), coords={"y": 100.0 - np.arange(17), "x": 5.0 + np.arange(22)}, name="terrain_height"
    )
    found = ground_checks._coarser(terrain, factor)
    expected = terrain.coarsen(y=factor, x=factor, boundary="trim").mean()
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-6)
    for axis in ("x", "y"):
        np.testing.assert_allclose(found[axis].values, expected[axis].values)
    assert np.isnan(found.values).any()
