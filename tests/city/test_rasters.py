"""Terrain rasters: formats, tiles, holes, other reference systems, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.transform import from_origin

from twin.city.placing import Reference
from twin.city.profile import TerrainLayer
from twin.city.rasters import read_raster
from twin.city.terrain import read_terrain, terrain_bounds
from twin.errors import InputError

WEST, NORTH = 565000.0, 5930100.0


def tif(
    path: Path, values: np.ndarray, *, west: float = WEST, north: float = NORTH, size: float = 1.0, **options: object
) -> Path:
    profile = {"crs": "EPSG:25832", "nodata": -9999.0, "dtype": "float32", "count": 1} | options
    bands = int(profile["count"])  # type: ignore[call-overload]
    transform = profile.pop("transform", from_origin(west, north, size, size))
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], transform=transform, **profile
    ) as out:
        for band in range(bands):
            out.write(values.astype("float32"), band + 1)
    return path


def slope(rows: int = 20, columns: int = 30) -> np.ndarray:
    return 10.0 + np.arange(rows)[:, None] * 0.5 + np.arange(columns)[None, :] * 0.1


def reference() -> Reference:
    return Reference(crs=pyproj.CRS("EPSG:25832"), extent=(WEST, NORTH - 20, WEST + 30, NORTH))


def terrain_layer(*paths: Path, **keys: object) -> TerrainLayer:
    return TerrainLayer(path=tuple(map(str, paths)), **keys)  # type: ignore[arg-type]


def test_geotiff_keeps_values_place_and_crs(tmp_path: Path) -> None:
    file = tif(tmp_path / "dgm.tif", slope())
    ref = reference()
    terrain = read_terrain([file], terrain_layer(file), ref)
    assert terrain.name == "terrain_height"
    assert terrain.dims == ("y", "x")
    assert terrain.dtype == np.float32
    assert terrain.attrs["units"] == "m"
    np.testing.assert_allclose(terrain.values, slope(), rtol=1e-6)
    assert (float(terrain["x"][0]), float(terrain["y"][0])) == (WEST + 0.5, NORTH - 0.5)
    assert float(terrain["y"][1] - terrain["y"][0]) == -1.0
    assert terrain.rio.crs.to_epsg() == 25832
    assert terrain_bounds(terrain) == (WEST, NORTH - 20, WEST + 30, NORTH)
    assert ref.log.table().empty


def test_a_nodata_tag_that_is_no_value_of_the_raster_does_no_harm(tmp_path: Path) -> None:
    file = tif(tmp_path / "dgm.tif", slope(), nodata=0.0)
    ref = reference()
    assert not np.isnan(read_terrain([file], terrain_layer(file), ref).values).any()
    assert ref.log.table().empty


def test_holes_stay_holes_and_are_told_with_count_and_place(tmp_path: Path) -> None:
    values = slope()
    values[3:5, 10:13] = -9999
    values[18, 0] = np.nan
    file = tif(tmp_path / "dgm.tif", values)
    ref = reference()
    terrain = read_terrain([file], terrain_layer(file), ref)
    assert int(np.isnan(terrain.values).sum()) == 7
    row = ref.log.table().iloc[0]
    assert (row["code"], row["count"], row["of"], row["values"]["holes"]) == ("terrain_raster_holes", 7, 600, 2)
    assert row["places"][0] == f"{WEST + 11.5:.1f}, {NORTH - 4.0:.1f} (6 cells)"


def test_own_nodata_and_impossible_heights(tmp_path: Path) -> None:
    values = slope()
    values[0, 0], values[0, 1] = 99, 32767
    file = tif(tmp_path / "dgm.tif", values)
    ref = reference()
    terrain = read_terrain([file], terrain_layer(file, nodata=99), ref)
    assert np.isnan(terrain.values[0, :2]).all()
    assert set(ref.log.table()["code"]) == {"terrain_impossible", "terrain_raster_holes"}


def test_tiles_become_one_raster_and_the_first_counts(tmp_path: Path) -> None:
    whole = slope()
    tiles = [
        tif(tmp_path / "b.tif", whole[:, 15:], west=WEST + 15),
        tif(tmp_path / "a.tif", whole[:12, :16]),
        tif(tmp_path / "c.tif", whole[12:, :15] + 0.0, north=NORTH - 12),
    ]
    terrain = read_terrain(tiles, terrain_layer(*tiles), reference())
    np.testing.assert_allclose(terrain.values, whole, rtol=1e-6)
    assert terrain_bounds(terrain) == (WEST, NORTH - 20, WEST + 30, NORTH)


def test_tiles_of_another_grid_are_resampled_and_said(tmp_path: Path) -> None:
    fine, coarse = slope(20, 16), np.full((10, 10), 7.0)
    tiles = [tif(tmp_path / "fine.tif", fine), tif(tmp_path / "coarse.tif", coarse, west=WEST + 16, size=2.0)]
    ref = reference()
    terrain = read_terrain(tiles, terrain_layer(*tiles), ref)
    np.testing.assert_allclose(terrain.values[:, :16], fine, rtol=1e-6)
    np.testing.assert_allclose(terrain.values[5:15, 20:30], 7.0)
    assert ref.log.table()["code"].iloc[0] == "terrain_tiles_differ"


@pytest.mark.parametrize(("separator", "decimal", "header"), [(" ", ".", ""), (";", ",", ""), (",", ".", "x,y,z\n")])
def test_xyz_in_any_order_with_a_missing_point(tmp_path: Path, separator: str, decimal: str, header: str) -> None:
    values = slope(6, 5)
    lines = []
    for r in range(6):
        for c in range(5):
            if (r, c) != (2, 3):
                numbers = (f"{WEST + c + 0.5:.2f}", f"{NORTH - r - 0.5:.2f}", f"{values[r, c]:.3f}")
                lines.append(separator.join(n.replace(".", decimal) for n in numbers))
    file = tmp_path / "dgm1.xyz"
    file.write_text(header + "\n".join(lines[::-1]) + "\n")
    ref = reference()
    terrain = read_terrain([file], terrain_layer(file), ref)
    expected = values.copy()
    expected[2, 3] = np.nan
    np.testing.assert_allclose(terrain.values, expected, rtol=1e-6)
    assert terrain_bounds(terrain) == (WEST, NORTH - 6, WEST + 5, NORTH)
    assert list(ref.log.table()["code"]) == ["crs_assumed", "terrain_raster_holes"]


def test_ascii_grid_without_crs_is_taken_where_it_lies_on_the_city(tmp_path: Path) -> None:
    file = tmp_path / "dgm.asc"
    head = f"ncols 3\nnrows 2\nxllcorner {WEST}\nyllcorner {NORTH - 20}\ncellsize 10\nNODATA_value -9999\n"
    file.write_text(head + "1 2 3\n4 -9999 6\n")
    ref = reference()
    terrain = read_terrain([file], terrain_layer(file), ref)
    np.testing.assert_array_equal(terrain.values, [[1, 2, 3], [4, np.nan, 6]])
    assert ref.log.table().iloc[0]["code"] == "crs_assumed"


def test_another_crs_is_transformed_and_said(tmp_path: Path) -> None:
    change = pyproj.Transformer.from_crs("EPSG:25832", "EPSG:25833", always_xy=True)
    x, y = change.transform(WEST + 15, NORTH - 10)
    plane = np.full((60, 60), 33.0)
    file = tif(tmp_path / "zone33.tif", plane, west=x - 30, north=y + 30, crs="EPSG:25833")
    ref = reference()
    terrain = read_terrain([file], terrain_layer(file), ref)
    assert float(terrain["x"][1] - terrain["x"][0]) == pytest.approx(1.0)
    here = terrain.sel(x=WEST + 15, y=NORTH - 10, method="nearest")
    assert float(here) == pytest.approx(33.0)
    assert "terrain_resampled" in set(ref.log.table()["code"])


def test_a_raster_upside_down_is_turned(tmp_path: Path) -> None:
    transform = rasterio.Affine(1, 0, WEST, 0, 1, NORTH - 20)
    file = tif(tmp_path / "up.tif", slope()[::-1], transform=transform)
    np.testing.assert_allclose(read_raster(file).values, slope(), rtol=1e-6)
    assert read_raster(file).bounds == (WEST, NORTH - 20, WEST + 30, NORTH)


def test_only_the_area_and_its_surroundings_are_read(tmp_path: Path) -> None:
    file = tif(tmp_path / "dgm.tif", slope(1000, 900), north=NORTH + 500)
    ref = reference()
    ref.area = ref.extent = (WEST + 400, NORTH - 10, WEST + 410, NORTH)
    terrain = read_terrain([file], terrain_layer(file), ref)
    assert terrain_bounds(terrain) == (WEST + 200, NORTH - 210, WEST + 610, NORTH + 200)
    assert float(terrain.sel(x=WEST + 400.5, y=NORTH - 9.5)) == pytest.approx(slope(1000, 900)[509, 400])


def refused(ref: Reference, file: Path, **keys: object) -> str:
    with pytest.raises(InputError) as caught:
        read_terrain([file], terrain_layer(file, **keys), ref)
    sentence = str(caught.value)
    assert file.name in sentence
    assert "\n" not in sentence
    return sentence


def test_bad_terrain_is_refused_in_one_sentence(tmp_path: Path) -> None:
    ref = reference
    assert 'crs = "EPSG:25832"' in refused(ref(), tif(tmp_path / "nocrs.tif", slope(), crs=None))
    assert "does not overlap" in refused(ref(), tif(tmp_path / "far.tif", slope(), west=WEST + 9000))
    degrees = tif(tmp_path / "degrees.tif", slope(), west=9.5, north=53.0, size=0.001)
    assert "look like degrees" in refused(ref(), degrees)
    prefixed = tif(tmp_path / "prefix.tif", slope(), west=WEST + 32e6)
    assert 'crs = "EPSG:4647"' in refused(ref(), prefixed)
    assert "3 bands" in refused(ref(), tif(tmp_path / "rgb.tif", slope(), count=3))
    text = tmp_path / "text.tif"
    text.write_text("no raster")
    assert "cannot be read as a raster" in refused(ref(), text)
    words = tmp_path / "words.xyz"
    words.write_text("a b c\nd e f\n")
    assert "no XYZ file" in refused(ref(), words)
    scattered = tmp_path / "scattered.xyz"
    scattered.write_text(
        f"{WEST} {NORTH} 1\n{WEST + 1} {NORTH - 1.37} 2\n{WEST + 5.21} {NORTH - 3} 3\n{WEST + 2.5} {NORTH - 8} 4\n"
    )
    assert "no regular grid" in refused(ref(), scattered)
    empty = tif(tmp_path / "void.tif", np.full((5, 5), -9999.0))
    assert "no height at all" in refused(ref(), empty)
    assert "'EPSG:0'" in refused(ref(), tif(tmp_path / "dgm.tif", slope()), crs="EPSG:0")


def test_mixed_height_datums_are_a_warning(tmp_path: Path) -> None:
    file = tif(tmp_path / "dgm.tif", slope(), crs=pyproj.CRS("EPSG:25832+5783").to_wkt())
    ref = reference()
    ref.crs = pyproj.CRS("EPSG:25832+7837")
    read_terrain([file], terrain_layer(file), ref)
    row = ref.log.table().iloc[0]
    assert row["code"] == "height_datum_mixed"
    assert (row["values"]["own"], row["values"]["city"]) == ("DHHN92 height", "DHHN2016 height")


@pytest.mark.reference
def test_tiergarten_terrain(shared: Path) -> None:
    file = shared / "data" / "berlin-tiergarten" / "Berlin_DEM2021.tif"
    ref = Reference()
    terrain = read_terrain([file], terrain_layer(file), ref)
    assert terrain.shape == (2265, 2315)
    assert (float(terrain.min()), float(terrain.max())) == (
        pytest.approx(22.19, abs=0.01),
        pytest.approx(43.65, abs=0.01),
    )
    assert ref.log.table().empty


@pytest.mark.reference
def test_resolution_that_is_not_square_is_kept(shared: Path) -> None:
    file = shared / "data" / "berlin-tiergarten" / "Berlin_vegetation_height2020.tif"
    raster = read_raster(file)
    assert (raster.transform.a, raster.transform.e) == (pytest.approx(0.9998920086), -1.0)
    assert int(np.isnan(raster.values).sum()) == 2_871_761
