"""Hazard ratings, class tables, and what a flood reaches: hand numbers, bounds and colours."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models import water
from models.layers import InputError
from models.water.hazards import flood_classes, flood_tables


def _array(values: list[float]) -> xr.DataArray:
    return xr.DataArray(np.array(values), dims="x")


@pytest.mark.parametrize(
    ("table", "bounds"),
    [
        ("lubw", {0.0: 0, 0.049: 0, 0.05: 1, 0.099: 1, 0.1: 2, 0.5: 3, 0.999: 3, 1.0: 4}),
        ("ulm", {0.029: 0, 0.03: 1, 0.1: 2, 0.5: 3}),
        ("nrw", {0.0: 0, 0.01: 1, 0.1: 2, 0.31: 3, 0.51: 4}),
        ("essen", {0.0: 0, 0.049: 1, 0.05: 2, 0.25: 3}),
    ],
)
def test_depth_classes_of_states_and_cities(table: str, bounds: dict[float, int]) -> None:
    found = water.depth_classes(_array([*bounds, np.nan]), table)
    assert found.values.tolist() == [*bounds.values(), 0]
    assert found.dtype == np.uint8
    assert len(found.attrs["flag_values"]) == len(found.attrs["flag_meanings"].split()) == len(flood_classes(table)) + 1


def test_velocity_classes() -> None:
    assert water.velocity_classes(_array([0.0, 0.19, 0.2, 0.5, 1.99, 2.0]), "ulm").values.tolist() == [0, 0, 1, 2, 2, 3]


def test_uk_rating_by_hand() -> None:
    """Defra 2008: 0.25 m at 1 m/s is 0.375, 0.3 m at 1 m/s is 0.45 + 1, 0.1 m at 2.5 m/s is 0.3 + 1."""
    depth, speed = _array([0.0, 0.25, 0.30, 0.10, 1.0, np.nan]), _array([3.0, 1.0, 1.0, 2.5, 2.0, 1.0])
    found = water.hazard(depth, speed)
    assert found["hazard_value"].values[:5] == pytest.approx([0.0, 0.375, 1.45, 1.3, 3.5])
    assert found["hazard_class"].values.tolist() == [0, 1, 3, 3, 4, 0]
    assert found["hazard_product"].values[:5] == pytest.approx([0.0, 0.25, 0.3, 0.25, 2.0])


def test_swiss_intensity_by_hand() -> None:
    found = water.hazard(_array([0.4, 0.6, 0.4, 0.9, 2.1]), _array([1.0, 0.1, 2.0, 3.0, 0.0]), table="swiss")
    assert found["hazard_class"].values.tolist() == [1, 2, 2, 3, 3]


def test_the_product_of_the_same_moment_counts() -> None:
    depth, speed = _array([0.2]), _array([1.0])
    assert float(water.hazard(depth, speed, product=_array([0.05]))["hazard_value"][0]) == pytest.approx(0.15)


def _lightness(colour: str) -> float:
    channels = np.array([int(colour[k : k + 2], 16) / 255.0 for k in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116.0 * np.cbrt(luminance) - 16.0


def test_classes_follow_each_other_and_darken() -> None:
    for (table, quantity), rows in flood_tables().groupby(["table", "quantity"]):
        classes = flood_classes(str(table), str(quantity))
        assert [one.code for one in classes] == list(range(1, len(rows) + 1))
        assert all(low.upper == high.lower for low, high in pairwise(classes))
        assert classes[-1].upper == np.inf
        assert all(re.fullmatch("#[0-9a-f]{6}", one.colour) and all(one.label.values()) for one in classes)
        steps = -np.diff([_lightness(one.colour) for one in classes])
        assert (steps > 8.0).all(), (table, quantity)  # enough to tell neighbours apart in grey


def _district() -> tuple[np.ndarray, np.ndarray]:
    number = np.zeros((8, 10), np.int32)
    number[2:4, 2:4], number[2:4, 5:7], number[6:8, 0:2] = 5, 9, 30
    depth = np.zeros((8, 10))
    depth[2, 4], depth[1, 2], depth[5, 0], depth[7, 9] = 0.35, 0.15, 0.05, 3.0
    return number, depth


def test_depth_at_the_facade_by_hand() -> None:
    number, depth = _district()
    arrival, speed = np.full(depth.shape, np.nan), np.ones(depth.shape)
    arrival[2, 4], arrival[1, 2] = 600.0, 300.0
    table = water.building_depths(number, depth, arrival=arrival, duration=depth * 1000, velocity=speed).set_index(
        "building_id"
    )
    assert table["facade_cells"].to_dict() == {5: 8, 9: 8, 30: 4}  # a cell between two houses counts for both
    assert table["depth_max"].to_dict() == {5: 0.35, 9: 0.35, 30: 0.05}
    assert table["depth_mean"].to_dict() == pytest.approx({5: 0.5 / 8, 9: 0.35 / 8, 30: 0.05 / 4})
    assert table["arrival"].loc[[5, 9]].tolist() == [300.0, 600.0]
    assert np.isnan(table["arrival"].loc[30])
    assert table["duration"].loc[5] == pytest.approx(350.0)
    assert (table["velocity_max"] == 1.0).all()
    counts = water.exceedances(table.reset_index())
    assert counts[["threshold", "count", "first_arrival"]].values.tolist() == [[0.1, 2, 300.0], [0.3, 2, 300.0]]


def test_a_house_inside_others_has_no_facade() -> None:
    number = np.ones((5, 5), np.int32)
    number[2, 2] = 2
    number[0] = 0
    table = water.building_depths(number, np.full((5, 5), 0.2)).set_index("building_id")
    assert table["facade_cells"].to_dict() == {1: 5, 2: 0}
    assert np.isnan(table["depth_max"].loc[2])


def test_facades_against_a_plain_search() -> None:
    rng = np.random.default_rng(8)
    number = rng.choice([0, 0, 0, 1, 2, 3], (15, 17))
    depth = rng.random((15, 17))
    table = water.building_depths(number, depth).set_index("building_id")
    for building in (1, 2, 3):
        around = set()
        for y, x in np.argwhere(number == building):
            for at in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= at[0] < 15 and 0 <= at[1] < 17 and number[at] == 0:
                    around.add(at)
        values = [depth[at] for at in around]
        row = table.loc[building]
        assert (row["facade_cells"], row["depth_max"]) == (len(values), max(values))
        assert row["depth_mean"] == pytest.approx(np.mean(values))


def test_streets_by_section() -> None:
    _, depth = _district()
    cells = np.array([[2, 4], [3, 4], [4, 4], [1, 2], [0, 0], [7, 9]])
    lengths = pd.Series({"north": 12.0, "east": 30.0})
    table = water.street_depths(["north"] * 3 + ["east"] * 3, cells, depth, lengths=lengths, duration=depth * 100)
    east, north = table.to_dict("records")
    assert (east["section"], east["depth_max"], east["cells"]) == ("east", 3.0, 3)
    assert north["depth_mean"] == pytest.approx(0.35 / 3)
    assert (east["share_over_10cm"], east["length_over_10cm"]) == pytest.approx((2 / 3, 20.0))
    assert north["length_over_30cm"] == pytest.approx(4.0)
    assert east["duration"] == pytest.approx(300.0)
    assert water.exceedances(table)["length"].tolist() == pytest.approx([24.0, 14.0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: water.depth_classes(_array([0.1]), "hessen"), "no depth classes of 'hessen'"),
        (lambda: water.depth_classes(_array([-0.1])), "negative"),
        (lambda: water.hazard(_array([0.1]), _array([0.1]), table="lubw"), "Unknown hazard table"),
        (lambda: water.hazard(_array([0.1]), _array([-0.1])), "negative"),
        (lambda: water.hazard(_array([0.1]), _array([0.1, 0.2])), "same dims"),
        (lambda: water.building_depths(np.ones((2, 2)), np.ones((3, 3))), "one grid"),
        (lambda: water.street_depths(["a"], np.array([[9, 9]]), np.ones((3, 3))), "outside the grid"),
        (lambda: water.street_depths(["a"], np.array([9]), np.ones((3, 3))), "row and a column"),
    ],
)
def test_bad_input_is_named(call: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call()  # type: ignore[operator]
