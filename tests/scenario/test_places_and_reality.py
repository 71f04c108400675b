"""Indicators of places and people by hand numbers; measured minus modelled at stations."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

from models.layers import LAND_COVER
from twin.city.model import City
from twin.errors import InputError
from twin.scenario.place_indicators import biotope_area_factor, cool_places, place_indicators, tropical_cells
from twin.scenario.reality import compared, read_measurements


@pytest.fixture
def site() -> xr.Dataset:
    y, x = np.arange(95.0, 0, -10), np.arange(5.0, 100, 10)  # 10 x 10 cells of 100 m2
    cover = np.full((10, 10), LAND_COVER["asphalt"], np.uint8)
    cover[:, :2] = LAND_COVER["grass"]
    canopy = np.zeros((10, 10), np.float32)
    canopy[0, 0] = 10.0
    layers = {"land_cover": cover, "building_id": np.zeros((10, 10), np.int32), "canopy_height": canopy}
    layers |= {"trunk_height": canopy / 4}
    return xr.Dataset({n: (("y", "x"), v) for n, v in layers.items()}, coords={"y": y, "x": x})


def _heat(site: xr.Dataset, utci: np.ndarray, **layers: np.ndarray) -> xr.Dataset:
    times = pd.date_range("2022-07-19T00:00", periods=len(utci), freq="h")
    data = {"utci": (("time", "y", "x"), utci, {"units": "degC"})}
    data |= {name: (("time", "y", "x"), values, {"units": "degC"}) for name, values in layers.items()}
    return xr.Dataset(data, coords={"time": times, "y": site["y"], "x": site["x"]})


def _value(table: pd.DataFrame, name: str) -> float:
    return float(table.set_index("name").loc[name, "value"])


def test_green_volume_and_biotope_factor_by_hand(site):
    table = place_indicators(site)
    assert _value(table, "green_volume") == pytest.approx((7.5 + 20 * 0.1) / 100)
    assert _value(table, "bff") == pytest.approx(0.2)  # a fifth of lawn, the rest sealed
    facade = {"green_facade_area": 400.0}
    objects = gpd.GeoDataFrame({"attributes": [facade]}, geometry=[shapely.Point(0, 0)], crs="EPSG:25832")
    assert biotope_area_factor(site, City(crs=None, objects=objects)) == pytest.approx(0.2 + 0.5 * 4 / 100)


def test_cool_places_need_their_size(site):
    utci = np.full((10, 10), 40.0)
    utci[0, :4] = 30.0  # 400 m2: too small
    assert not cool_places(site, utci).any()
    utci[1, 4] = 30.0  # touches at a corner: 500 m2
    assert cool_places(site, utci).sum() == 5
    table = place_indicators(site, heat=_heat(site, utci[None]).assign_attrs(step_seconds=3600))
    assert _value(table, "cool_places") == 1
    assert _value(table, "cool_place_within_300") == 100.0


def test_small_groups_are_not_told(site):
    utci = np.full((1, 10, 10), 30.0)
    utci[0, :, 0] = 39.0
    people = np.zeros((10, 10), np.float32)
    people[0, 0], people[0, 5] = 3.0, 40.0
    heat = _heat(site, utci).assign_attrs(step_seconds=3600)
    site = site.assign(population=(("y", "x"), people))
    few = place_indicators(site, heat=heat).set_index("name")
    assert np.isnan(few.loc["people_utci_above_38", "value"])
    assert few.loc["people_utci_above_38", "uncertainty"] == "suppressed"
    people[0, 0] = 12.0
    told = place_indicators(site.assign(population=(("y", "x"), people)), heat=heat)
    assert _value(told, "people_utci_above_38") == 12.0


def test_tropical_night_is_the_lowest_of_the_night(site):
    air = np.full((24, 10, 10), 25.0)
    air[3, :, :5] = 19.9
    air[12, :, 5:] = 10.0  # a cold noon is no cold night
    heat = _heat(site, np.full((24, 10, 10), 30.0), air_temperature=air)
    assert tropical_cells(site, heat)[:, 5:].all()
    assert not tropical_cells(site, heat)[:, :5].any()
    assert tropical_cells(site, heat.isel(time=slice(8, 16))) is None


def test_measured_minus_modelled_by_hand(site, tmp_path):
    stations = gpd.GeoDataFrame(
        {"id": ["s1"], "name": ["Markt"], "height": [2.0], "source": [""]}, geometry=[shapely.Point(14, 86)], crs=25832
    )
    city = City(crs=None, stations=stations)
    utci = np.zeros((3, 10, 10))
    utci[:, 1, 1] = (30.0, 31.0, 32.0)
    file = tmp_path / "messung.csv"
    rows = ("s1,2022-07-19T00:10Z,utci,31", "Markt,2022-07-19T02:00Z,utci,35", "s1,2022-07-19T01:00Z,utci,34")
    file.write_text("station,time,variable,value\n" + "\n".join(rows) + "\ns1,2022-07-20T01:00Z,utci,99\n")
    table = compared(read_measurements(file), city, _heat(site, utci)).set_index("station")
    assert table.loc["s1", ["n", "bias"]].tolist() == [2, 2.0]  # +1 and +3
    assert table.loc["s1", "rmse"] == pytest.approx(np.sqrt(5.0))
    assert table.loc["Markt", "bias"] == 3.0
    file.write_text("station,time,variable,value\nother,2022-07-19T00:00Z,utci,31\n")
    with pytest.raises(InputError, match="Markt"):
        compared(read_measurements(file), city, _heat(site, utci))
    file.write_text("station,time,value\ns1,2022-07-19T00:00Z,31\n")
    with pytest.raises(InputError, match="variable"):
        read_measurements(file)
