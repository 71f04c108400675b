"""Indicators: hand-counted on a site of a few cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.layers import LAND_COVER
from twin.language import LANGUAGES
from twin.scenario.indicators import (
    COLUMNS,
    afternoon_steps,
    heat_indicators,
    labelled,
    site_indicators,
    summaries,
    utci_classes,
)


def _indicators(site: xr.Dataset, heat: xr.Dataset, **options: Any) -> pd.DataFrame:
    return pd.concat([site_indicators(site), heat_indicators(site, heat, **options)], ignore_index=True)


@pytest.fixture
def site():
    """4 x 4 cells of 2 m: a building, two water cells, one crown over grass, the rest asphalt."""
    cover = np.full((4, 4), LAND_COVER["asphalt"], np.uint8)
    cover[3, :2] = LAND_COVER["water"]
    cover[0, 0] = LAND_COVER["building"]
    cover[2, 2:] = LAND_COVER["grass"]
    building = np.zeros((4, 4), np.int32)
    building[0, 0] = 7
    canopy = np.zeros((4, 4), np.float32)
    canopy[2, 2] = 9.0
    layers = {"land_cover": cover, "building_id": building, "canopy_height": canopy}
    coords = {"y": [7.0, 5.0, 3.0, 1.0], "x": [1.0, 3.0, 5.0, 7.0]}
    return xr.Dataset({name: (("y", "x"), values) for name, values in layers.items()}, coords=coords)


def heat_of(site, times, values):
    utci = np.stack([np.full((4, 4), v, np.float32) for v in values])
    utci[:, site["building_id"].values > 0] = np.nan
    utci[:, 2, 2] -= 4.0
    coords = {"time": np.array(times, "datetime64[ns]"), "y": site["y"], "x": site["x"]}
    return xr.Dataset({"utci": (("time", "y", "x"), utci, {"units": "degC", "long_name": "UTCI"})}, coords=coords)


def value_of(table, name, time=None, column="value"):
    rows = table[table["name"] == name]
    if time is not None:
        rows = rows[rows["time"] == pd.Timestamp(time)]
    assert len(rows) == 1, name
    return rows[column].iloc[0]


def test_hand_counted(site):
    # 13 outdoor ground cells of 4 m2; at 38.0 the crown cell has 34
    heat = heat_of(site, ["2022-07-19T11:00", "2022-07-19T12:00"], [31.0, 38.0])
    table = _indicators(site, heat)
    assert tuple(table.columns) == COLUMNS
    assert value_of(table, "outdoor_ground") == 13 * 4
    assert value_of(table, "canopy_share") == pytest.approx(100 / 16)
    assert value_of(table, "sealed_share") == pytest.approx(100 * 12 / 16)  # 11 asphalt and a roof
    assert value_of(table, "unsealed_m2") == pytest.approx(16)
    noon = "2022-07-19T12:00"
    assert value_of(table, "area_utci_above_38", noon) == 48.0  # exactly 38 counts
    assert value_of(table, "area_utci_above_38", noon, "share") == pytest.approx(12 / 13)
    assert value_of(table, "area_utci_above_32", noon) == 52.0
    assert value_of(table, "area_utci_above_46", noon) == 0.0
    assert value_of(table, "hours_utci_above_38") == pytest.approx(12 / 13)
    assert value_of(table, "hours_utci_above_32") == pytest.approx(1.0)
    assert value_of(table, "utci_under_crowns_minus_open_sealed", noon) == pytest.approx(-4.0)


def test_classes_share_the_whole_ground_at_each_step(site):
    heat = heat_of(site, ["2022-07-19T11:00", "2022-07-19T12:00"], [25.99, 46.0])
    table = _indicators(site, heat)
    classes = table[table["name"].str.startswith("area_utci_class_")]
    totals = classes.groupby("time")[["value", "share"]].sum()
    np.testing.assert_allclose(totals["value"], 52.0)
    np.testing.assert_allclose(totals["share"], 1.0)
    assert len(classes) == 2 * len(utci_classes()) == 20
    assert value_of(table, "area_utci_class_6", "2022-07-19T11:00") == 52.0
    assert value_of(table, "area_utci_class_10", "2022-07-19T12:00") == 48.0


def test_open_ground_is_ground_in_the_sun(site):
    heat = heat_of(site, ["2022-07-19T12:00", "2022-07-19T13:00"], [38.0, 38.0])
    heat["utci"][0, 1, 1] = 30.0  # a cell in building shade
    sun = np.ones((4, 4), np.float32)
    sun[1, 1] = 0.0
    sun[2, 2] = 0.03
    mixed = _indicators(site, heat)
    lit = _indicators(site, heat, sunlit={0: sun})
    assert value_of(mixed, "utci_under_crowns_minus_open_sealed") > -4.0
    assert value_of(lit, "utci_under_crowns_minus_open_sealed") == pytest.approx(-4.0)
    assert value_of(lit, "shade_share") == pytest.approx(100 * 2 / 13)


@pytest.mark.parametrize(
    ("zone", "expected"), [("Europe/Berlin", [12, 36]), ("UTC", [14, 38]), ("Asia/Tokyo", [5, 29])]
)
def test_afternoon_is_local(site, zone, expected):
    times = np.arange("2022-07-19T00", "2022-07-21T00", dtype="datetime64[h]")
    heat = heat_of(site, times, np.full(48, 30.0))
    assert afternoon_steps(heat, zone) == expected


def test_no_afternoon_in_a_morning(site):
    heat = heat_of(site, ["2022-07-19T05:00", "2022-07-19T06:00"], [20, 21])
    assert afternoon_steps(heat, "Europe/Berlin") == []
    assert "utci_under_crowns_minus_open_sealed" not in set(_indicators(site, heat)["name"])
    assert set(summaries(heat)) == {"utci_max", "hours_utci_above_32", "hours_utci_above_38"}


def test_summaries(site):
    heat = heat_of(site, ["2022-07-19T11:00", "2022-07-19T12:00", "2022-07-19T13:00"], [31.0, 38.0, 39.0])
    maps = summaries(heat)
    assert float(maps["utci_max"][1, 1]) == 39.0
    assert float(maps["utci_14"][1, 1]) == 38.0
    assert float(maps["hours_utci_above_38"][1, 1]) == 2.0
    assert float(maps["hours_utci_above_38"][2, 2]) == 0.0
    assert all(np.isnan(float(maps[name][0, 0])) for name in maps)


def test_every_indicator_has_a_label_in_both_languages(site):
    heat = heat_of(site, ["2022-07-19T11:00", "2022-07-19T12:00"], [31.0, 38.0])
    table = _indicators(site, heat, sunlit={1: np.ones((4, 4))})
    labels = [labelled(table, language)["label"] for language in LANGUAGES]
    assert all(label.str.len().min() > 5 for label in labels)
    assert (labels[0] != labels[1]).all()


def test_without_utci_only_the_site_is_counted(site):
    table = _indicators(site, xr.Dataset(coords={"time": np.array(["2022-07-19"], "datetime64[ns]")}))
    assert set(table["name"]) == {"outdoor_ground", "canopy_share", "sealed_share", "unsealed_m2"}
