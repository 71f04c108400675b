"""[run.mobility]: heat and water of a run on the streets of the city, by hand and on a made cross of streets."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import xarray as xr

from models.layers import LAND_COVER
from twin.city.gaps import GapLog
from twin.city.model import NETWORK_COLUMNS, City
from twin.errors import InputError
from twin.scenario.measures.change import Change
from twin.scenario.measures.ways import NewPath
from twin.scenario.mobility_inputs import prepared, trip_table
from twin.scenario.parts import MobilityRun, WaterRun
from twin.scenario.schema import parse_scenario
from twin.scenario.ways import run_mobility

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
CRS = pyproj.CRS("EPSG:25832")
HOURS = np.array(["2024-07-01T12:00", "2024-07-01T13:00", "2024-07-01T14:00"], "datetime64[ns]")


def frame(columns: dict[str, str], rows: list[dict[str, Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    table = pd.DataFrame(
        [{name: row.get(name, np.nan if kind == "float64" else "") for name, kind in columns.items()} for row in rows]
    )
    return gpd.GeoDataFrame(table.astype(columns), geometry=shapes, crs=CRS)


@pytest.fixture
def city() -> City:
    """Return a block with a hot and quick south side, a shady and longer way round, and a dead end with a house."""
    lines = {
        "south": [(10, 10), (90, 10)], "west": [(10, 10), (10, 50)], "north": [(10, 50), (90, 50)], "east": [(90, 50), (90, 10)],
        "dead end": [(90, 10), (130, 10)], "path": [(10, 50), (10, 90)],
    }  # fmt: skip
    kinds = {"path": "footway"}
    rows = [
        {"id": name, "name": name, "kind": kinds.get(name, "residential"), "width": 4.0, "surface": "Asphalt"}
        for name in lines
    ]
    network = frame(NETWORK_COLUMNS, rows, [shapely.LineString(points) for points in lines.values()])
    house = {
        "id": "home",
        "kind": "Building",
        "function": "31001_1022",
        "storeys": 3.0,
        "parent": -1,
        "lod": 2,
        "attributes": {"name": "Home"},
    }
    objects = City(crs=CRS).objects
    row = {
        name: house.get(name, np.nan if str(objects[name].dtype).startswith("float") else "")
        for name in objects.columns
        if name != "geometry"
    }
    objects = gpd.GeoDataFrame(pd.DataFrame([row]), geometry=[shapely.box(122, 12, 136, 22)], crs=CRS)
    return City(crs=CRS, network=network, objects=objects, name="Block")


@pytest.fixture
def site() -> xr.Dataset:
    x, y = np.arange(1.0, 140, 2), np.arange(99.0, 0, -2)
    shape = (len(y), len(x))
    cover = np.full(shape, LAND_COVER["paved"], np.uint8)
    return xr.Dataset(
        {"land_cover": (("y", "x"), cover), "building_id": (("y", "x"), np.zeros(shape, np.int32)),
         "terrain_height": (("y", "x"), np.zeros(shape, np.float32))}, coords={"x": x, "y": y},
    )  # fmt: skip


def hot(site: xr.Dataset) -> xr.Dataset:
    """Return UTCI of 42 degC on the south street (y < 30), 34 elsewhere; cooler by a degree an hour."""
    field = np.where(site["y"].values[:, None] < 30, 42.0, 34.0) + np.zeros(site.sizes["x"])
    values = np.stack([field, field - 1, field - 2]).astype(np.float32)
    return xr.Dataset({"utci": (("time", "y", "x"), values)}, coords={"time": HOURS, "x": site["x"], "y": site["y"]})


def wet(site: xr.Dataset) -> xr.Dataset:
    """Return 0.5 m of water on the dead end from minute 10 to 20 of 30."""
    deep = np.where((site["x"].values > 100) & (site["y"].values[:, None] < 30), 0.5, 0.0)
    fields = np.stack([0 * deep, deep, deep, 0 * deep]).astype(np.float32)
    seconds = np.array([0.0, 600.0, 1200.0, 1800.0])
    data = {"depth_max": (("y", "x"), deep), "depth": (("time", "y", "x"), fields)}
    return xr.Dataset(data, coords={"time": seconds, "x": site["x"], "y": site["y"]})


def scenario_of(asked: MobilityRun, folder: Path, **runs: Any) -> Any:
    return SimpleNamespace(
        run=SimpleNamespace(mobility=asked, water=runs.get("water")), timezone="UTC", resolve=lambda p: folder / p
    )


def places(folder: Path, *rows: str) -> str:
    folder.joinpath("places.csv").write_text("\n".join(["id,kind,name,x,y", *rows]), encoding="utf-8")
    return "places.csv"


def codes(data: dict[str, xr.Dataset]) -> set[str]:
    return {row["code"] for row in json.loads(data["mobility"].attrs["gaps"])}


def value(table: pd.DataFrame, name: str) -> float:
    return float(table.set_index("name").loc[name, "value"])


def test_the_coolest_way_goes_round_by_hand(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    route = {"name": "round the block", "start": (10.0, 10.0), "end": (90.0, 10.0)}
    asked = MobilityRun(route=(route,), walker="older", hour=12, detour=3.0)
    data, table, found = run_mobility(scenario_of(asked, tmp_path), asked, city, site, {"heat": hot(site)})
    routes = found["cool_routes"].set_index("choice")
    assert list(routes.index) == ["quickest", "coolest"]
    assert routes["metres"].tolist() == [80.0, 160.0]
    # 80 m at 1 m/s and 10 K above 32: 13.3 K min; round: 80 m at 2 K and 2 x 20 m in the sun, 2 x 20 m out of it
    assert routes.loc["quickest", "dose"] == pytest.approx(80 / 60 * 10, abs=0.01)
    assert routes.loc["coolest", "dose"] == pytest.approx((120 * 2 + 40 * 10) / 60, abs=0.05)
    assert value(table, "way_heat_spared") == pytest.approx(100 * (1 - 10.667 / 13.333), abs=0.3)
    assert value(table, "way_more_minutes") == pytest.approx(80 / 60, abs=0.01)
    hourly = data["mobility"]["dose"].sel(choice="quickest").values[0]
    assert hourly == pytest.approx([80 / 60 * 10, 80 / 60 * 9, 80 / 60 * 8], abs=0.01)
    streets = found["streets"].set_index("name")
    assert streets.loc["south", "utci"] == pytest.approx(42.0)
    assert streets.loc["north", "utci"] == pytest.approx(34.0)


def test_water_closes_the_dead_end_and_cuts_the_home_off(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    asked = MobilityRun(places=places(tmp_path, "fire,fire_station,Fire,10,10"), vehicle="small_car", help_within=1)
    data, table, found = run_mobility(
        scenario_of(asked, tmp_path, water=WaterRun()), asked, city, site, {"water": wet(site)}
    )
    closed = found["closed_streets"]
    assert closed["name"].tolist() == ["dead end"]
    assert closed.loc[0, ["depth", "from_minute", "closed_minutes"]].tolist() == [0.5, 10.0, 20.0]
    home = found["help"].iloc[0]
    assert home["name"] == "Home"
    assert home["dry_minutes"] == pytest.approx((80 + 40) / (30 / 3.6) / 60, abs=0.01)
    assert bool(home["cut_off"])
    assert home["cut_off_minutes"] == 20.0
    assert value(table, "places_cut_off") == 1
    assert value(table, "help_in_time_dry") == 100.0
    assert value(table, "help_in_time_worst") == 0.0
    assert value(table, "people_cut_off") == pytest.approx(14 * 10 * 3 * 0.8 / 47.0)
    assert data["mobility"]["minute"].values.tolist() == [0.0, 10.0, 20.0, 30.0]
    assert "mobility_people_estimated" in codes(data)


def test_without_depth_in_time_the_worst_of_every_street_counts(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    asked = MobilityRun(vehicle="small_car")
    storm = wet(site).drop_vars(["depth", "time"])
    data, table, found = run_mobility(scenario_of(asked, tmp_path), asked, city, site, {"water": storm})
    assert found["closed_streets"]["from_minute"].isna().all()
    assert value(table, "streets_closed") == pytest.approx(40.0)
    assert {"mobility_flood_worst", "mobility_no_stations"} <= codes(data)


def test_trips_take_longer_where_a_street_is_closed(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    listed = places(tmp_path, "a,stop,A,10,10", "b,shop,B,90,10")
    tmp_path.joinpath("trips.csv").write_text("from;to;trips\na;b;100\na;nowhere;5\n", encoding="utf-8")
    asked = MobilityRun(places=listed, trips="trips.csv")
    _, free, _ = run_mobility(scenario_of(asked, tmp_path), asked, city, site, {})
    shut = city.replace(network=city.network.assign(closed=(city.network["name"] == "south").to_numpy()))
    data, closed, found = run_mobility(scenario_of(asked, tmp_path), asked, shut, site, {})
    seconds = 80 / (30 / 3.6) * (1 + 0.15 * (100 / 600) ** 4)
    assert value(free, "vehicle_hours") == pytest.approx(100 * seconds / 3600, rel=1e-3)
    assert value(closed, "vehicle_hours") == pytest.approx(2 * value(free, "vehicle_hours"), rel=1e-3)
    assert found["traffic"].set_index("name").loc["north", "flow"] == pytest.approx(100.0)
    assert "mobility_trip_left" in codes(data)


def test_footways_are_not_driven_and_stairs_not_rolled(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    asked = MobilityRun()
    _, table, found = run_mobility(scenario_of(asked, tmp_path), asked, city, site, {})
    streets = found["streets"].set_index("name")
    assert not streets.loc["path", "car"]
    assert streets["foot"].all()
    assert value(table, "barrier_free_streets") == 100.0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"walker": "runner"}, "older"),
        ({"vehicle": "tank"}, "fire_engine"),
        ({"trips": "trips.csv"}, "places"),
        ({"minuts": 5}, "minutes"),
    ],
)
def test_wrong_keys_are_told_with_the_right_ones(change: dict[str, Any], word: str) -> None:
    settings = {"name": "x", "city": str(SAMPLES / "city.toml"), "run": {"mobility": change}}
    with pytest.raises(InputError, match=word):
        parse_scenario(settings)


def test_bad_places_and_hours_get_a_sentence(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    def run(asked: MobilityRun, **datasets: xr.Dataset) -> None:
        run_mobility(scenario_of(asked, tmp_path), asked, city, site, datasets)

    way = {"start": "Atlantis", "end": (90.0, 10.0)}
    with pytest.raises(InputError, match=r"Atlantis.*Home"):
        run(MobilityRun(route=(way,), hour=12), heat=hot(site))
    with pytest.raises(InputError, match=r"150 m from any street"):
        run(MobilityRun(route=({"start": (9000.0, 10.0), "end": (90.0, 10.0)},), hour=12), heat=hot(site))
    with pytest.raises(InputError, match=r"hour = 3 .*12:00 to 14:00"):
        run(MobilityRun(hour=3), heat=hot(site))
    with pytest.raises(InputError, match="need UTCI"):
        run(MobilityRun(hour=12), heat=hot(site).drop_vars("utci"))
    with pytest.raises(InputError, match=r"\[run.heat\]"):
        run(MobilityRun(route=({"start": (10.0, 10.0), "end": (90.0, 10.0)},)))
    with pytest.raises(InputError, match=r"castle.*care_home"):
        run(MobilityRun(places=places(tmp_path, "a,castle,A,10,10")))
    with pytest.raises(InputError, match="more than once"):
        run(MobilityRun(places=places(tmp_path, "a,stop,A,10,10", "a,stop,B,90,10")))
    with pytest.raises(InputError, match="has none"):
        run_mobility(scenario_of(MobilityRun(), tmp_path), MobilityRun(), City(crs=CRS, name="Empty"), site, {})


def test_far_places_and_islands_are_rows_not_losses(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    lonely = (
        city.network.iloc[[0]]
        .assign(id="island", name="island")
        .set_geometry([shapely.LineString([(10, 300), (60, 300)])], crs=CRS)
    )
    city = city.replace(network=gpd.GeoDataFrame(pd.concat([city.network, lonely], ignore_index=True), crs=CRS))
    log = GapLog()
    ways = prepared(tmp_path / places(tmp_path, "far,stop,Far,5000,5000", "no,stop,No,,"), city, site, log)
    assert ways.places["name"].tolist() == ["Home"]
    assert {"mobility_island", "mobility_place_far", "mobility_place_nowhere"} <= set(log.table()["code"])
    tmp_path.joinpath("t.csv").write_text("from,to,trips\nhome,home,3\n", encoding="utf-8")
    assert trip_table(tmp_path / "t.csv", ways, log).empty


def test_a_new_path_joins_the_streets_and_shortens_the_way(city: City, site: xr.Dataset, tmp_path: Path) -> None:
    measure = NewPath(kind="new_path", line=((12.0, 50.0), (88.0, 10.5)), name="Shortcut")
    change = Change(city, tmp_path, (0.0, 0.0, 400.0, 400.0), number=1, kind="new_path")
    done = measure.apply(change)
    assert not change.problems
    assert done.amount == pytest.approx(np.hypot(76, 40), abs=1.0)
    asked = MobilityRun(route=({"name": "across", "start": (10.0, 50.0), "end": (90.0, 10.0)},), hour=12)
    before = run_mobility(scenario_of(asked, tmp_path), asked, city, site, {"heat": hot(site)})[2]["cool_routes"]
    after = run_mobility(scenario_of(asked, tmp_path), asked, change.city, site, {"heat": hot(site)})[2]["cool_routes"]
    assert before["metres"].min() == 120.0
    assert after["metres"].min() == pytest.approx(2 + np.hypot(76, 40) + 2, abs=0.1)
    loose = Change(city, tmp_path, (0.0, 0.0, 400.0, 400.0), number=1, kind="new_path")
    NewPath(kind="new_path", line=((12.0, 50.0), (300.0, 300.0))).apply(loose)
    assert "1 ends lie more than 15 m" in loose.problems[0]
