"""Berlin-Tiergarten, a real district of 2.3 km x 2.3 km: one hot day, hourly, at 2 m, on the data as delivered.

The weather is made here: a clear July day at 52.5 N with the daily course of a heat wave.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.heat.sun import extraterrestrial_radiation, sun_position
from models.layers import LAND_COVER

pytestmark = [pytest.mark.slow, pytest.mark.reference]

PROFILE = Path(__file__).resolve().parents[1] / "profiles" / "berlin-tiergarten.toml"

SCENARIO = """
name = "Tiergarten"
city = "{profile}"
resolution = 2.0
[weather]
path = "hot_day.csv"
interval = "end"
"""

RUN = """
import json, resource, sys, time
started = time.monotonic()
import twin
result = twin.run(sys.argv[1], output=sys.argv[2])
print(json.dumps({
    "seconds": time.monotonic() - started,
    "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    "objects": len(result.city.objects),
    "trees": len(result.city.trees),
}))
"""


def hot_day() -> str:
    """Return a clear day of July, hourly means stamped at the end (UTC)."""
    ends = np.arange("2022-07-19T01", "2022-07-20T01", dtype="datetime64[h]").astype("datetime64[ns]")
    sine = np.sin(np.radians(sun_position(ends - np.timedelta64(30, "m"), 52.51, 13.36)["elevation"].values))
    outside = float(extraterrestrial_radiation(np.array([200]))[0])
    clear = 0.76 * outside * np.maximum(sine, 0.0) ** 1.15
    hour = np.arange(1, 25)
    air = 27.5 + 8.0 * np.cos(2 * np.pi * (hour - 14.5) / 24)
    humidity = np.clip(100 * 14.0 / (6.107 * 10 ** (7.5 * air / (237.3 + air))), 20, 95)
    lines = ["time,air_temperature,relative_humidity,wind_speed,global_radiation"]
    rows = zip(np.datetime_as_string(ends, unit="m"), air, humidity, clear, strict=True)
    lines += [f"{stamp},{t:.1f},{rh:.0f},2.0,{g:.0f}" for stamp, t, rh, g in rows]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def district(shared, tmp_path_factory):
    """The district's result and what its run took, in a process of its own."""
    folder = tmp_path_factory.mktemp("tiergarten")
    (folder / "hot_day.csv").write_text(hot_day(), encoding="utf-8")
    (folder / "hot.toml").write_text(SCENARIO.format(profile=PROFILE.as_posix()), encoding="utf-8")
    command = [sys.executable, "-c", RUN, str(folder / "hot.toml"), str(folder / "result")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    from twin.scenario.results import Result

    return Result.open(folder / "result"), json.loads(done.stdout.splitlines()[-1])


def test_time_and_memory(district):
    _, took = district
    assert took["seconds"] < 300
    assert took["gib"] < 4.0


def test_everything_of_the_district_is_there(district):
    result, took = district
    repeated = result.gaps.set_index("code").loc["footprint_repeated"]
    assert (repeated["of"], took["objects"] + repeated["count"]) == (5373, 5373)
    assert took["trees"] == 15_434
    assert result.heat.sizes["time"] == 24
    assert result.heat["utci"].shape[1:] == (1133, 1158)


def test_buildings_are_nan_and_ground_is_not(district):
    result, _ = district
    inside = result.site["building_id"].values > 0
    utci = result.heat["utci"].isel(time=11).values
    assert 0.15 < inside.mean() < 0.25
    assert np.isnan(utci[inside]).all()
    assert not np.isnan(utci[~inside]).any()


def test_crowns_are_several_kelvin_cooler_than_open_asphalt_at_14(district):
    """14:00 in Berlin is 12:00 UTC."""
    result, _ = district
    site, utci = result.site, result.heat["utci"].sel(time="2022-07-19T12:00").values
    ground = site["building_id"].values == 0
    crown = site["canopy_height"].values > 0
    asphalt = ground & ~crown & (site["land_cover"].values == LAND_COVER["asphalt"])
    difference = np.nanmean(utci[asphalt]) - np.nanmean(utci[ground & crown])
    assert difference >= 3.0
    row = result.indicators[result.indicators["name"] == "utci_under_crowns_minus_open_sealed"]
    assert row["time"].iloc[0] == np.datetime64("2022-07-19T12:00")
    assert row["value"].iloc[0] <= -3.0


def test_the_day_is_a_day(district):
    result, _ = district
    mean = result.heat["utci"].mean(("y", "x")).values
    assert 11 <= int(np.argmax(mean)) <= 15
    assert mean.max() - mean.min() > 10
    assert 30 < mean.max() < 48


def test_gaps_and_sources_are_named(district):
    result, _ = district
    assert result.gaps["code"].str.contains("crown_diameter").any()
    assert len(result.sources) == 6
    assert (result.sources["sha256"].str.len() == 64).all()
    assert (result.sources["licence"] == "DL-DE->BY-2.0").sum() == 5
