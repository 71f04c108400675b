"""Sewer, culverts and rain of the sample district: do they fit the streets, the terrain and each other?"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from models.water.swmm_files import coordinates, read_lines, sections

WEST, SOUTH = 571700.0, 5676200.0


def heights_at(samples: Path, points: list[tuple[float, float]]) -> np.ndarray:
    with rasterio.open(samples / "dgm1.tif") as raster:
        return np.array([v[0] for v in raster.sample(points)], dtype=float)


def test_manholes_lie_in_the_streets_with_their_lids_on_the_ground(samples: Path, streets: gpd.GeoDataFrame) -> None:
    lines = read_lines(samples / "kanalnetz.inp")
    places = coordinates(lines, "kanalnetz.inp")
    lids = {w[0]: float(w[1]) + float(w[2]) for _, name, w in sections(lines) if name == "JUNCTIONS"}
    assert 25 <= len(lids) <= 60
    network = shapely.union_all(streets.geometry.to_numpy())
    local = shapely.points([(places[n][0] - WEST, places[n][1] - SOUTH) for n in lids])
    assert shapely.distance(local, network).max() < 0.1
    ground = heights_at(samples, [places[name] for name in lids])
    assert np.abs(ground - np.array(list(lids.values()))).max() < 0.25


def test_pipes_fall_to_one_outfall_at_the_river(samples: Path) -> None:
    lines = read_lines(samples / "kanalnetz.inp")
    rows = [(name, w) for _, name, w in sections(lines)]
    floor = {w[0]: float(w[1]) for name, w in rows if name in ("JUNCTIONS", "OUTFALLS", "STORAGE")}
    pipes = [(w[1], w[2], float(w[3])) for name, w in rows if name == "CONDUITS"]
    assert all(floor[a] - floor[b] >= 0.0025 * length for a, b, length in pipes)
    down = {a: b for a, b, _ in pipes}
    assert len(down) == len(pipes)
    for node in down:
        for _ in range(len(down)):
            node = down.get(node, node)
        assert node == "AUSLASS"


def test_the_network_runs_alone(samples: Path) -> None:
    pytest.importorskip("swmm.toolkit")
    from models.water.sewers import sewer_alone

    books = sewer_alone(samples / "kanalnetz.inp")
    assert books["totals"]["flooding"] == 0.0
    assert books["totals"]["outflow"] > 20.0  # dry-weather flow
    assert sum(books["spilled"].values()) == 0.0


def test_culverts_join_the_bed_of_the_brook(samples: Path) -> None:
    works = gpd.read_file(samples / "bauwerke.gpkg").set_index("kennung")
    assert works.crs.to_epsg() == 25832
    for name in ("BW1", "BW2"):
        row = works.loc[name]
        ends = shapely.get_coordinates(row.geometry)
        ground = heights_at(samples, [tuple(p) for p in ends])
        assert row["sohle_ein"] - row["sohle_aus"] > 0.1
        assert np.abs(ground - [row["sohle_ein"], row["sohle_aus"]]).max() < 0.45
        middle = heights_at(samples, [tuple(ends.mean(axis=0))])[0]
        assert middle > row["sohle_ein"] + 0.4  # the road lies above its floor
    underpass = works[works["art"] == "Unterführung"].geometry.iloc[0]
    assert heights_at(samples, [underpass.centroid.coords[0]])[0] < 166.0


def test_brook_falls_all_the_way_from_pond_to_river(samples: Path) -> None:
    bed = []
    with rasterio.open(samples / "dgm1.tif") as raster:
        terrain = raster.read(1).astype(float)
        for v in (137, 132, 126, 121, 105, 101, 97, 90, 87):
            row, column = raster.index(WEST + 66.5, SOUTH + v)
            bed.append(terrain[row, column - 2 : column + 3].min())
    assert (np.diff(bed) < 0.0).all()


def test_design_rain_grows_with_duration_and_return_period(samples: Path) -> None:
    table = pd.read_csv(samples / "starkregen.csv", comment="#", index_col="D_min")
    assert list(table.columns) == [f"HN_{t:03d}A" for t in (1, 2, 3, 5, 10, 20, 30, 50, 100)]
    assert (table.diff().dropna() > 0).all().all()
    assert (table.diff(axis=1).iloc[:, 1:] > 0).all().all()
    assert 35 < table.loc[60.0, "HN_100A"] < 50


def test_gauge_is_complete(samples: Path) -> None:
    table = pd.read_csv(samples / "regenschreiber.csv", sep=";", decimal=",", comment="#", parse_dates=["Zeit (UTC)"])
    assert (table["Zeit (UTC)"].diff().dropna() == pd.Timedelta(minutes=5)).all()
    assert 30 < float(table["Niederschlag (mm/h)"].sum()) / 12 < 60
