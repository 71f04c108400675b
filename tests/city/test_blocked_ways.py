"""Places where the terrain blocks water that in truth runs on: made ones of every kind, and a real district."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import xarray as xr

import twin
from twin.city.blocked_ways import find_blocked_ways
from twin.city.gaps import GapLog
from twin.city.ground_checks import check_ground
from twin.city.model import City

X, Y = 390_000.0, 5_819_000.0
SIZE = 120
CRS = pyproj.CRS("EPSG:25833")


def valley(deck: bool) -> xr.DataArray:
    """A plane with a stream 1.5 m deep from west to east; a street from south to north crosses it on a deck, or not."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    height = 40.0 - 0.01 * columns - 1.5 * (np.abs(rows - 60) <= 3)
    if deck:
        height = np.where(np.abs(columns - 60) <= 3, 40.0 - 0.01 * 60, height)
    y, x = Y + SIZE - np.arange(SIZE) - 0.5, X + np.arange(SIZE) + 0.5
    return xr.DataArray(height.astype(np.float32), dims=("y", "x"), coords={"y": y, "x": x})


def lines(*shapes: shapely.Geometry, **columns: object) -> gpd.GeoDataFrame:
    names = ("id", "name", "kind", "width", "surface", "oneway", "bridge", "tunnel", "layer", "kerb", "source")
    data = {name: [columns.get(name, "")] * len(shapes) for name in names}
    return gpd.GeoDataFrame(data, geometry=list(shapes), crs="EPSG:25833")


def ground(*shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    data = {"cover": ["water"] * len(shapes), "source": [""] * len(shapes)}
    return gpd.GeoDataFrame(data, geometry=list(shapes), crs="EPSG:25833")


STREET = shapely.LineString([(X + 60.5, Y + 5), (X + 60.5, Y + SIZE - 5)])
STREAM = shapely.box(X, Y + 56.5, X + SIZE, Y + 62.5)
HALVES = shapely.box(X, Y + 56.5, X + 50, Y + 62.5), shapely.box(X + 70, Y + 56.5, X + SIZE, Y + 62.5)


def places(**tables: object) -> gpd.GeoDataFrame:
    return find_blocked_ways(City(crs=CRS, **tables))


def test_a_deck_over_a_stream_is_found_where_it_lies() -> None:
    found = places(terrain=valley(deck=True), network=lines(STREET), land_cover=ground(STREAM))
    assert found["kind"].tolist() == ["deck"]
    assert found["rise"].item() == pytest.approx(1.5, abs=0.05)
    assert found.geometry.item().distance(shapely.Point(X + 60.5, Y + 59.5)) < 1.0
    assert not len(places(terrain=valley(deck=False), network=lines(STREET), land_cover=ground(STREAM)))


def test_a_dam_between_two_ends_of_a_stream_is_found() -> None:
    found = places(terrain=valley(deck=True), network=lines(STREET), land_cover=ground(*HALVES))
    assert found["kind"].tolist() == ["dam"]
    assert found["rise"].item() == pytest.approx(1.5, abs=0.11)
    assert not len(places(terrain=valley(deck=False), network=lines(STREET), land_cover=ground(*HALVES)))


def test_without_a_map_of_the_water_the_sink_before_the_street_tells() -> None:
    found = places(terrain=valley(deck=True), network=lines(STREET))
    assert found["kind"].tolist() == ["sink"]
    assert abs(found.geometry.x.item() - (X + 60.5)) < 5.0
    assert not len(places(terrain=valley(deck=True)))  # a ridge that no street explains may be a hill


def test_a_closed_underpass_is_found() -> None:
    under = shapely.LineString([(X + 45.5, Y + 59.5), (X + 75.5, Y + 59.5)])
    found = places(terrain=valley(deck=True), network=lines(under, tunnel="yes"))
    assert "tunnel" in found["kind"].tolist()
    assert not len(places(terrain=valley(deck=False), network=lines(under, tunnel="yes")))


def test_a_given_culvert_needs_no_row() -> None:
    pipe = gpd.GeoDataFrame(
        {"id": ["D1"], "kind": ["culvert"]},
        geometry=[shapely.LineString([(X + 52, Y + 59.5), (X + 68, Y + 59.5)])],
        crs="EPSG:25833",
    )
    tables = {"terrain": valley(deck=True), "network": lines(STREET), "land_cover": ground(STREAM)}
    assert len(places(**tables)) == 1
    assert not len(places(**tables, structures=pipe))


def test_the_gap_row_names_place_and_remedy_in_both_languages() -> None:
    log = GapLog()
    city = City(crs=CRS, terrain=valley(deck=True), network=lines(STREET), land_cover=ground(STREAM))
    check_ground(city, log)
    row = log.table().set_index("code").loc["water_ways_blocked"]
    assert row["count"] == 1
    assert row["severity"] == "warning"
    assert "390060.5, 5819059.5 (deck, 1.5 m)" in str(row["places"])
    for language, word in (("en", "culvert"), ("de", "Durchlass")):
        assert word in twin.language.text("city.remedy_water_ways_blocked", language)


@pytest.mark.reference
def test_a_real_district_has_none_until_a_deck_is_laid_over_its_canal(shared: Path) -> None:
    """Berlin-Tiergarten at 1 m, 25 water areas of the land-use map; its terrain comes without decks over them."""
    city = twin.load(Path(__file__).resolve().parents[1] / "profiles" / "berlin-tiergarten.toml")
    assert (city.land_cover["cover"] == "water").any()
    assert "water_ways_blocked" not in set(city.gaps["code"])
    waters = city.land_cover.geometry[city.land_cover["cover"] == "water"]
    canal = sorted(waters, key=lambda one: -one.length)[1]  # the longest is the river, 100 m wide
    middle = canal.representative_point()
    street = shapely.LineString([(middle.x - 60, middle.y - 60), (middle.x + 60, middle.y + 60)])
    near = np.hypot(city.terrain["x"] - middle.x, city.terrain["y"] - middle.y) < 60
    along = np.abs((city.terrain["x"] - middle.x) - (city.terrain["y"] - middle.y)) < 5
    network = pd.concat([city.network, lines(street)])
    decked = city.replace(network=network, terrain=city.terrain + 3.0 * (near & along).transpose("y", "x"))
    found = find_blocked_ways(decked)
    assert "deck" in found["kind"].tolist()
    assert found.geometry[found["kind"] == "deck"].distance(middle).min() < 60
    assert not len(find_blocked_ways(city.replace(network=network)))
