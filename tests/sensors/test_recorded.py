"""Recorded files of weather services, citizens, brokers and radars parse to the values stated beside them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError
from twin.sensors.citizen import read_sensor_community
from twin.sensors.dwd import read_cdc, read_poi
from twin.sensors.forecasts import read_mosmix, read_warnings
from twin.sensors.ngsi import read_entities
from twin.sensors.payloads import the_things_stack
from twin.sensors.radar import read_radar, read_radar_archive
from twin.sensors.stamps import parse_time

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def recorded(shared: Path) -> Path:
    return shared / "reference" / "sensors"


def test_hourly_temperature_of_a_station(recorded: Path) -> None:
    readings, places = read_cdc(recorded / "dwd/observations_recent_TU_akt.zip")
    found = {(r.property, r.time): r.result for r in readings}
    assert found["air_temperature", parse_time("2018-09-15T00:00Z")] == 13.7
    assert found["relative_humidity", parse_time("2018-09-15T01:00Z")] == 94.0
    assert found["air_temperature", parse_time("2020-03-17T23:00Z")] == 2.6
    assert {r.thing for r in readings} == {"dwd-00320"}
    assert (places[0].latitude, places[0].longitude, places[0].height) == (49.9439, 11.5821, 339.0)


def test_rain_pressure_wind_and_a_station_that_moved(recorded: Path) -> None:
    rain, _ = read_cdc(recorded / "dwd/observations_recent_RR_akt.zip")
    assert [(r.property, r.result, r.unit) for r in rain][:2] == [("rainfall", 0.0, "mm"), ("rainfall", 0.1, "mm")]
    pressure = {r.property: r.result for r in read_cdc(recorded / "dwd/observations_recent_P0_hist.zip")[0][::-1]}
    assert pressure == {"pressure_sea_level": 1021.2, "air_pressure": 980.9}
    wind, before = read_cdc(recorded / "dwd/observations_recent_FF_akt.zip")
    _, moved = read_cdc(recorded / "dwd/observations_recent_FF_location_change_akt.zip")
    assert {(r.property, r.result) for r in wind if r.time == parse_time("2018-09-15T00:00Z")} == {
        ("wind_speed", 1.6),
        ("wind_direction", 80.0),
    }
    assert len(moved) == len(before) + 1
    assert moved[-1].since == parse_time("2020-01-01T00:00Z")


def test_ten_minute_radiation_is_in_watts(recorded: Path) -> None:
    readings, _ = read_cdc(recorded / "dwd/10minutenwerte_SOLAR_01766_now.zip")
    by_name = {name: [r.result for r in readings if r.property == name] for name in {r.property for r in readings}}
    assert set(by_name) == {"diffuse_radiation", "global_radiation", "sunshine_duration", "longwave_down"}
    assert np.isnan(by_name["longwave_down"]).all()  # -999 throughout
    assert 0 <= min(by_name["global_radiation"]) <= max(by_name["global_radiation"]) < 1000
    assert readings[1].time - readings[0].time == 600_000_000


def test_a_station_report_with_decimal_commas(recorded: Path) -> None:
    readings = read_poi(recorded / "dwd/10315-BEOB.csv")
    newest = {r.property: r.result for r in readings if r.time == parse_time("2023-04-12T11:00Z")}
    assert newest["air_temperature"] == 9.2
    assert newest["wind_speed"] == pytest.approx(8 / 3.6)
    assert newest["wind_direction"] == 180.0
    assert newest["global_radiation"] == 81.0
    assert newest["pressure_sea_level"] == 997.8
    times = [r.time for r in readings]
    assert times == sorted(times)


def test_a_forecast_in_kelvin_and_pascal(recorded: Path) -> None:
    readings, places, issued = read_mosmix(recorded / "dwd/MOSMIX_L_LATEST.kmz")
    assert issued == parse_time("2023-04-12T09:00Z")
    assert (places[0].longitude, places[0].latitude, places[0].height) == (7.63, 51.97, 60.0)
    by_name = {
        name: np.array([r.result for r in readings if r.property == name]) for name in {r.property for r in readings}
    }
    assert -20 < np.nanmin(by_name["air_temperature"]) < np.nanmax(by_name["air_temperature"]) < 40
    assert 950 < np.nanmin(by_name["pressure_sea_level"]) < np.nanmax(by_name["pressure_sea_level"]) < 1060
    assert min(r.time for r in readings) == parse_time("2023-04-12T10:00Z")


def test_a_warning_that_is_a_test_is_not_real(recorded: Path) -> None:
    (warning,) = read_warnings(recorded / "dwd/Z_CAP_with_test.zip")
    assert not warning.actual
    assert warning.event == "TEST-WARNUNG"
    assert warning.onset == parse_time("2024-04-23T08:21:00Z")
    assert warning.areas[0][0] == (10.725223, 50.857678)


@pytest.mark.parametrize(
    ("file", "product", "highest", "missing", "minutes", "stamp"),
    [
        ("raa01-rw_10000-1408030950-dwd---bin.gz", "RW", 42.1, 165_520, 60, "2014-08-03T09:50"),
        ("raa01-ry_10000-1408102050-dwd---bin.gz", "RY", 10.79, 202_093, 5, "2014-08-10T20:50"),
        ("RE2210180700_000.gz", "RE", 0.935, 610_974, 60, "2022-10-18T07:00"),
        ("RE2210180700_060.gz", "RE", 1.0, 625_438, 60, "2022-10-18T07:00"),
    ],
)
def test_radar_rain(
    recorded: Path, file: str, product: str, highest: float, missing: int, minutes: int, stamp: str
) -> None:
    field = read_radar(recorded / "radolan" / file)
    assert field.attrs["product"] == product
    assert float(field.max()) == pytest.approx(highest, abs=1e-5)
    assert int(field.isnull().sum()) == missing
    assert field.attrs["interval_minutes"] == minutes
    assert field["time"].values == np.datetime64(stamp)
    assert field["y"].values[0] > field["y"].values[-1]


def test_radar_is_read_quickly_and_level_products_do_not_break(recorded: Path) -> None:
    levels = read_radar(recorded / "radolan/raa00-pc_10015-1408030905-dwd---bin.gz")
    assert levels.attrs["levels"] == [1.0, 19.0, 28.0, 37.0, 46.0, 55.0]
    assert set(np.unique(levels.values[np.isfinite(levels.values)])) <= set(range(7))
    began = time.process_time()
    read_radar(recorded / "radolan/raa01-rw_10000-1408030950-dwd---bin.gz")
    assert time.process_time() - began < 0.2


def test_the_nowcast_archive_by_lead(recorded: Path) -> None:
    field = read_radar_archive(recorded / "dwd/DE1200_RV2305081330.tar.bz2")
    assert field["lead"].values.tolist() == [0, 50]
    assert field.shape == (2, 1200, 1100)
    # South-west corner of DE1200 on the WGS 84 ellipsoid: 3.567 degE, 45.696 degN (DWD, RV product sheet).
    import pyproj

    corner = pyproj.Proj(field.attrs["crs"])(float(field["x"][0]) - 500, float(field["y"][-1]) - 500, inverse=True)
    assert corner == pytest.approx((3.552, 45.696), abs=0.001)


def test_a_radar_file_cut_off_is_told(recorded: Path) -> None:
    import gzip

    whole = gzip.decompress((recorded / "radolan/raa01-rw_10000-1408030950-dwd---bin.gz").read_bytes())
    for broken, words in ((whole[:100_000], "ends before"), (whole[:50], "header"), (b"", "header")):
        with pytest.raises(InputError, match=words):
            read_radar(broken, name="cut")
    with pytest.raises(InputError, match="damaged"):
        read_radar((recorded / "radolan/raa01-rw_10000-1408030950-dwd---bin.gz").read_bytes()[:5000], name="cut.gz")


def test_citizens_files(recorded: Path) -> None:
    readings, places = read_sensor_community(recorded / "sensor-community/2017-10-29_sds011_sensor_5331.csv")
    first = {r.property: r.result for r in readings if r.time == parse_time("2017-10-29T00:01:09Z")}
    assert first == {"pm10": 24.93, "pm2_5": 4.47}
    assert (places[0].longitude, places[0].latitude) == (-2.077, 57.138)
    stuck, _ = read_sensor_community(recorded / "sensor-community/2018-05-11_dht22_sensor_5332.csv")
    humidity = [r.result for r in stuck if r.property == "relative_humidity"]
    assert len(humidity) == 582
    assert set(humidity) == {99.9}


def test_entities_of_brokers(recorded: Path) -> None:
    air = json.loads((recorded / "ngsi-ld/AirQualityObserved-example-normalized.jsonld").read_text())
    with pytest.raises(InputError, match="no zone"):
        read_entities(air)
    found = {r.property: r.result for r in read_entities(air, zone="Europe/Madrid")[0]}
    assert found["co"] == 500_000.0  # GP: milligrams
    assert found["no2"] == 69.0  # GQ: micrograms
    flood = json.loads((recorded / "ngsi-ld/FloodMonitoring-example-normalized.jsonld").read_text())
    (level,), _, unmapped = read_entities(flood)
    assert (level.property, level.result, level.time) == ("water_level", 1.98, parse_time("2020-09-16T08:00:00Z"))
    assert "measuredDistance" in unmapped
    noise = json.loads((recorded / "ngsi-ld/NoiseLevelObserved-example-normalized.jsonld").read_text())
    (level,), places, _ = read_entities({"type": "Notification", "data": [noise]})
    assert (level.result, level.time, places[0].longitude) == (67.8, parse_time("2016-12-28T12:00:00Z"), -2.698)
    room = json.loads((recorded / "ngsi-ld/IndoorEnvironmentObserved-example-normalized.jsonld").read_text())
    assert {r.property: r.result for r in read_entities(room, zone="UTC")[0]}["relative_humidity"] == 54.0


def test_uplinks_with_text_numbers_nested_units_and_battery_only(recorded: Path) -> None:
    examples = json.loads((recorded / "ttn/codec_examples.json").read_text())["examples"]
    got = []
    for example in examples:
        uplink = {
            "received_at": "2024-07-01T12:00:00.123456789Z",
            "f_port": 2,
            "decoded_payload": example["decoded_payload"],
        }
        message = {"end_device_ids": {"device_id": "node-1"}, "uplink_message": uplink}
        mapped = the_things_stack("v3/city@ttn/devices/node-1/up", json.dumps(message).encode())
        got.append({r.property: (round(r.result, 6), r.unit) for r in mapped.readings})
        assert all(r.time == parse_time("2024-07-01T12:00:00.123456Z") for r in mapped.readings)
    soil, teros, battery, weather = got
    assert soil["soil_temperature"] == (24.59, "degC")
    assert soil["soil_moisture"] == (19.57, "%")
    assert teros["soil_moisture"] == (0.68869, "%")
    assert teros["soil_conductivity"] == (0.0, "uS cm-1")
    assert set(battery) == {"battery_voltage"}
    assert weather["air_pressure"] == (959.6, "hPa")
    assert weather["global_radiation"] == (10.0, "W m-2")
