"""Numbers, areas, times and moments are written and found as readers expect."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from models.layers import InputError
from twin.view import labels
from twin.view.moments import hottest, moment, nearest_hour


@pytest.mark.parametrize(
    ("value", "digits", "language", "written"),
    [
        (1234567.891, 1, "de", "1.234.567,9"),
        (1234567.891, 1, "en", "1,234,567.9"),
        (-3.25, 1, "de", "−3,2"),
        (-0.04, 1, "en", "0.0"),
        (float("nan"), 1, "en", "–"),
    ],
)
def test_number(value: float, digits: int, language: str, written: str) -> None:
    assert labels.number(value, digits, language) == written


def test_small_shares_are_not_nothing() -> None:
    assert labels.share(0.0049, "en") == "<\u00a01\u00a0%".replace("<\u00a0", "< ")
    assert labels.share(0.0, "en") == "0\u00a0%"
    assert labels.share(1.0, "de") == "100\u00a0%"


def test_spans() -> None:
    assert labels.span(26, 32, "°C", 0, "de") == "26 bis 32\u00a0°C"
    assert labels.span(46, np.inf, "°C", 0, "en") == "above 46\u00a0°C"
    assert labels.span(-np.inf, -40, "°C", 0, "de") == "unter −40\u00a0°C"


def test_local_time_follows_summer_time() -> None:
    assert labels.clock("2025-07-02T12:00", "de") == "14:00\u00a0Uhr\u00a0MESZ"
    assert labels.clock("2025-01-02T12:00", "de") == "13:00\u00a0Uhr\u00a0MEZ"
    assert labels.clock(np.datetime64("2025-07-02T12:00"), "en", "Europe/London") == "13:00\u00a0BST"
    assert labels.day("2025-07-02T23:00", "de") == "3.\u00a0Juli 2025".replace("\u00a0", " ")
    with pytest.raises(InputError, match="no time zone 'Berlin'"):
        labels.clock("2025-07-02T12:00", "de", "Berlin")


def made_layer() -> xr.DataArray:
    times = np.arange(np.datetime64("2025-07-02T00:00"), np.datetime64("2025-07-03T00:00"), np.timedelta64(1, "h"))
    values = np.broadcast_to(-np.abs(np.arange(24.0) - 13)[:, None, None], (24, 2, 3))
    coords = {"time": times.astype("datetime64[ns]"), "y": [1.5, 0.5], "x": [0.5, 1.5, 2.5]}
    return xr.DataArray(values, coords, ("time", "y", "x"), name="utci")


def test_moment_by_default_the_hottest() -> None:
    layer = made_layer()
    assert hottest(layer) == 13
    assert moment(layer)[1] == np.datetime64("2025-07-02T13:00")


@pytest.mark.parametrize(
    "asked", ["14:00", "14:20", "2025-07-02T12:00", np.datetime64("2025-07-02T12:10"), "2025-07-02T14:00+02:00"]
)
def test_moment_by_clock_or_stamp(asked: object) -> None:
    flat, stamp = moment(made_layer(), asked)  # type: ignore[arg-type]
    assert stamp == np.datetime64("2025-07-02T12:00")
    assert flat.dims == ("y", "x")


def test_moment_that_is_not_there() -> None:
    layer = made_layer()
    with pytest.raises(InputError, match="has no time 2025-07-04T12:00: it runs from 2025-07-02T00:00"):
        moment(layer, "2025-07-04T12:00")
    with pytest.raises(InputError, match="has no time 18:00"):
        moment(layer.isel(time=slice(0, 6)), "18:00")
    with pytest.raises(InputError, match="'noon' is no time"):
        moment(layer, "noon")
    with pytest.raises(InputError, match=r"must have dims .* not \('x', 'y', 'time'\)"):
        moment(layer.transpose("x", "y", "time"))
    with pytest.raises(InputError, match="no valid cell"):
        moment(layer * np.nan)


def test_hours_wrap_around_midnight() -> None:
    times = np.array(["2025-07-02T22:10", "2025-07-02T23:10"], "datetime64[ns]")
    assert nearest_hour(times, 0) == 0
    assert nearest_hour(times, 2) is None
