"""Weather files: what is read, what is refused, and that every refusal names file, place and remedy."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twin.city.gaps import from_json, sentences
from twin.errors import InputError
from twin.language import LANGUAGES
from twin.sensors import read_weather
from twin.sensors.weather_clock import mid_interval, require_daylight
from twin.sensors.weather_units import in_our_units

HEAD = "time,air_temperature,relative_humidity,wind_speed,global_radiation"


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")


def written(folder: Path, content: str, name: str = "w.csv", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_text(content, encoding=encoding)
    return file


def rows(hours=range(6, 12), day="2022-07-19", **change) -> str:
    lines = [HEAD]
    lines += [f"{day}T{h:02d}:00,{20 + h},50,2.0,{change.get('radiation', 100)}" for h in hours]
    return "\n".join(lines) + "\n"


def test_our_names_in_utc(tmp_path):
    weather = read_weather(written(tmp_path, rows()), interval="end")
    assert weather["air_temperature"].values.tolist() == [26, 27, 28, 29, 30, 31]
    assert weather["time"].values[0] == np.datetime64("2022-07-19T06:00")
    assert weather["air_temperature"].attrs["units"] == "degC"
    assert weather["wind_speed"].attrs["height"] == 10.0
    assert (weather.attrs["interval"], weather.attrs["step_seconds"]) == ("end", 3600.0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_with_a_byte_order_mark(tmp_path, encoding):
    """Excel writes "Unicode text" as UTF-16."""
    content = (
        "Datum;Uhrzeit (MEZ);Lufttemperatur (°C);Rel. Feuchte (%);Windgeschwindigkeit (m/s);Globalstrahlung (W/m²)\n"
    )
    content += "19.07.2022;14:00;33,5;31;2,0;850\n19.07.2022;15:00;34,1;29;1,8;820\n"
    weather = read_weather(written(tmp_path, content, encoding=encoding), interval="start")
    np.testing.assert_allclose(weather["air_temperature"], [33.5, 34.1])


def test_german_names_units_decimal_comma_old_encoding_and_clock(tmp_path):
    content = (
        "Datum;Uhrzeit (MEZ);Lufttemperatur (°C);Rel. Feuchte (%);Windgeschwindigkeit (km/h);Globalstrahlung (W/m²);"
        "Luftdruck (kPa);Niederschlag (mm)\n"
        "19.07.2022;14:00;33,5;31;9,0;850;99,8;0,2\n19.07.2022;14:30;34,1;29;18;820;99,7;0\n"
    )
    file = written(tmp_path, content, encoding="cp1252")
    weather = read_weather(file, interval="start")
    assert weather["time"].values[0] == np.datetime64("2022-07-19T13:00")
    np.testing.assert_allclose(weather["wind_speed"], [2.5, 5.0])
    np.testing.assert_allclose(weather["air_pressure"], [998.0, 997.0])
    np.testing.assert_allclose(weather["precipitation"], [0.4, 0.0])  # 0.2 mm in half an hour
    notes = from_json(weather.attrs["gaps"])
    assert len(notes) == 3
    assert set(notes["code"]) == {"weather_unit_converted"}
    for language in LANGUAGES:
        assert sentences(notes, language)["message"].str.len().min() > 20


@pytest.mark.parametrize(("spelling", "size"), [("hPa", 1.0), ("kPa", 10.0), ("Pa", 0.01)])
def test_pressure_without_unit_is_told_by_its_size(spelling, size):
    values = np.array([985.0, 1020.0]) / size
    ours, was = in_our_units(values, name="air_pressure", column="p", spelling="", step_hours=1, file="w.csv")
    np.testing.assert_allclose(ours, [985.0, 1020.0])
    assert was == ("" if spelling == "hPa" else spelling)


def test_mapping_with_unit(tmp_path):
    content = "t;T;U;v;G;p\n2022-07-19 12:00;300.15;0.4;3;800;1\n2022-07-19 13:00;301.15;0.5;3;800;1\n"
    columns = {
        "time": "t",
        "air_temperature": {"column": "T", "unit": "K"},
        "relative_humidity": {"column": "U", "unit": "1"},
        "wind_speed": "v",
        "global_radiation": "G",
    }
    weather = read_weather(written(tmp_path, content), interval="instant", columns=columns)
    np.testing.assert_allclose(weather["air_temperature"], [27.0, 28.0])
    np.testing.assert_allclose(weather["relative_humidity"], [40.0, 50.0])


def test_comments_say_interval_clock_and_height(tmp_path):
    comments = "# interval: start\n# utc_offset: 2\n# wind_height: 2.5\n# licence: CC0-1.0\n"
    weather = read_weather(written(tmp_path, comments + rows()))
    assert weather.attrs["interval"] == "start"
    assert weather.attrs["licence"] == "CC0-1.0"
    assert weather["wind_speed"].attrs["height"] == 2.5
    assert weather["time"].values[0] == np.datetime64("2022-07-19T04:00")


def test_stamps_with_their_own_offset(tmp_path):
    content = rows().replace(":00,", ":00+02:00,")
    weather = read_weather(written(tmp_path, content), interval="end")
    assert weather["time"].values[0] == np.datetime64("2022-07-19T04:00")
    with pytest.raises(InputError, match="utc_offset"):
        read_weather(written(tmp_path, content), interval="end", utc_offset=2)


def test_window_is_utc_and_a_single_row_knows_its_step(tmp_path):
    file = written(tmp_path, rows())
    zone = dt.timezone(dt.timedelta(hours=2))
    weather = read_weather(
        file, interval="end", start=dt.datetime(2022, 7, 19, 10, tzinfo=zone), end="2022-07-19T08:00"
    )
    assert weather.sizes["time"] == 1
    assert weather.attrs["step_seconds"] == 3600.0
    with pytest.raises(InputError, match=r"w\.csv has no row .* runs from 2022-07-19 06:00 to 2022-07-19 11:00"):
        read_weather(file, interval="end", start="2023-01-01")


def test_a_hole_outside_the_window_does_not_matter(tmp_path):
    file = written(tmp_path, rows(hours=[1, 2, 6, 7, 8]))
    assert read_weather(file, interval="end", start="2022-07-19T06:00").sizes["time"] == 3
    with pytest.raises(InputError, match=r"2022-07-19 03:00 UTC is missing \(3 missing"):
        read_weather(file, interval="end")


def test_umep_forcing_file(shared):
    """Td is the air temperature, Kdir the beam on a plane facing the sun; pressure is not in this file."""
    file = shared / "data" / "gothenburg-umep" / "gbg19970606_2015a.txt"
    weather = read_weather(file, interval="end", utc_offset=1)
    assert weather.sizes["time"] == 24
    assert "air_pressure" not in weather
    assert weather["air_temperature"].values[:2].tolist() == [7.5, 7.5]
    assert weather["time"].values[0] == np.datetime64("1997-06-05T23:00")
    require_daylight(weather, 57.7, 12.0)
    # global = diffuse + beam * sin(elevation), with the sun at mid-interval
    from models.heat.sun import sun_position

    sine = np.sin(np.radians(sun_position(mid_interval(weather), 57.7, 12.0)["elevation"].values))
    whole = weather["diffuse_radiation"] + weather["direct_normal_radiation"] * np.maximum(sine, 0)
    difference = abs(whole - weather["global_radiation"]).values  # one row of the file, 07:00, contradicts itself
    assert np.sort(difference)[-2] < 0.5
    with pytest.raises(InputError, match="utc_offset = 1"):
        read_weather(file, interval="end")
    with pytest.raises(InputError, match="interval ="):
        read_weather(file, utc_offset=1)


def test_umep_missing_wind_is_refused(shared):
    file = shared / "reference" / "heat" / "gustav_adolfs_2005_2006" / "MetFile_20060726.txt"
    with pytest.raises(InputError, match=r"MetFile_20060726\.txt.*wind_speed"):
        read_weather(file, interval="end", utc_offset=1)


def epw(folder: Path, *, years: tuple[int, ...] = (2010,), pressure: float = 99800) -> Path:
    """Write an EPW file of one week in January and one in July; stated at UTC+1."""
    lines = ["LOCATION,Lindenau,-,DEU,Made,000000,52.00,9.00,1.0,100.0"]
    lines += ["DESIGN CONDITIONS,0", "TYPICAL/EXTREME PERIODS,0", "GROUND TEMPERATURES,0"]
    lines += [
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
        "COMMENTS 1,x",
        "COMMENTS 2,x",
        "DATA PERIODS,1,1,Data,Sunday,1/1,12/31",
    ]
    for month, year in zip((1, 7), (years * 2)[:2], strict=True):
        for day in range(1, 8):
            for hour in range(1, 25):
                sun = 500 if 10 <= hour <= 15 else 0
                values = [
                    year,
                    month,
                    day,
                    hour,
                    0,
                    "?9",
                    10 + hour / 10,
                    5,
                    60,
                    pressure,
                    0,
                    0,
                    9999,
                    sun,
                    sun,
                    0.4 * sun,
                ]
                values += [0, 0, 0, 0, 180, 3.0, 5, 5, 20, 77777, 9, 999999999, 10, 0.1, 0, 88, 0.2, 0.0, 1.0]
                lines.append(",".join(str(v) for v in values))
    return written(folder, "\n".join(lines) + "\n", "lindenau.epw")


def test_epw_rows_are_stamped_at_their_end_in_utc(tmp_path):
    weather = read_weather(epw(tmp_path), start="2010-07-01T00:00", end="2010-07-01T23:00")
    # hour 1 of 1 July covers 00:00 to 01:00 local standard time: it ends at 00:00 UTC
    assert weather["time"].values[0] == np.datetime64("2010-07-01T00:00")
    assert float(weather["air_temperature"][0]) == pytest.approx(10.1)
    assert float(weather["air_pressure"][0]) == pytest.approx(998.0)
    assert "longwave_down" not in weather  # 9999 throughout: not in the file
    assert weather.attrs["interval"] == "end"
    assert weather.attrs["latitude"] == 52.0
    bright = weather["time"].values[weather["global_radiation"].values > 0]
    assert pd.DatetimeIndex(bright).hour.tolist() == [9, 10, 11, 12, 13, 14]


def test_epw_of_several_years_needs_a_year(tmp_path):
    file = epw(tmp_path, years=(2004, 2011))
    with pytest.raises(InputError, match=r"2004-2011.*year = "):
        read_weather(file)
    weather = read_weather(file, year=2022, start="2022-07-02", end="2022-07-02T23:00")
    assert weather.sizes["time"] == 24
    with pytest.raises(InputError, match="no EPW file"):
        read_weather(written(tmp_path, rows()), interval="end", year=2022)


BAD = {
    "no interval": (rows(), {}, "interval = "),
    "odd interval": (rows(), {"interval": "middle"}, "'middle'"),
    "contradicting interval": ("# interval: start\n" + rows(), {"interval": "end"}, "start.*end"),
    "twice": (rows(hours=[6, 7, 7, 8]), {"interval": "end"}, "2022-07-19 07:00 UTC twice"),
    "backwards": (rows(hours=[6, 8, 7]), {"interval": "end"}, "goes back in time at 2022-07-19 07:00"),
    "not a number": (rows().replace("27,50", "warm,50"), {"interval": "end"}, "line 3: 'warm'"),
    "missing value": (rows().replace("27,50", ",50"), {"interval": "end"}, "air_temperature.*2022-07-19T07:00"),
    "marker": (rows().replace("27,50", "-999,50"), {"interval": "end"}, "air_temperature.*missing"),
    "kelvin": (rows().replace(",2", ",29"), {"interval": "end"}, "air_temperature.*unit"),
    "share of one": (rows().replace(",50,", ",0.5,"), {"interval": "end"}, "looks like a share"),
    "unit unknown": (rows().replace("wind_speed", "wind_speed [Bft]"), {"interval": "end"}, "'Bft'.*m/s"),
    "american date": (rows().replace("2022-07-19T", "07/19/2022 "), {"interval": "end"}, "line 2: '07/19/2022"),
    "mixed dates": (rows().replace("2022-07-19T08", "19.07.2022 08"), {"interval": "end"}, "line 4"),
    "only a header": (HEAD + "\n", {"interval": "end"}, "no data row"),
    "empty": ("", {"interval": "end"}, "is empty"),
    "no time": (rows().replace("time,", "when,", 1), {"interval": "end"}, "no time column.*when"),
    "no radiation": (rows().replace("global_radiation", "sunshine"), {"interval": "end"}, "global_radiation"),
    "two columns": (rows().replace("wind_speed", "ta"), {"interval": "end"}, "two columns.*'air_temperature'.*'ta'"),
    "dew point": (rows().replace("air_temperature", "Td"), {"interval": "end"}, 'air_temperature = "Td"'),
    "mapping name": (rows(), {"interval": "end", "columns": {"air_temp": "ta"}}, "did you mean 'air_temperature'"),
    "mapping column": (rows(), {"interval": "end", "columns": {"wind_speed": "FF"}}, "no column 'FF'"),
    "offset": (rows(), {"interval": "end", "utc_offset": 120}, "no time zone"),
    "clock contradiction": (
        "# utc_offset: 2\n" + rows().replace("time,", "time [UTC],", 1),
        {"interval": "end"},
        "correct one of them",
    ),
    "pressure unclear": (
        rows()
        .replace("wind_speed,global_radiation", "wind_speed,global_radiation,air_pressure")
        .replace(",100\n", ",100,5\n"),
        {"interval": "end"},
        "neither hPa nor kPa",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_in_one_sentence_that_names_the_file(tmp_path, case):
    content, options, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        read_weather(written(tmp_path, content), **options)
    assert "w.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_optional_column_with_holes_is_left_out_with_a_row(tmp_path):
    content = rows().replace("global_radiation", "global_radiation,longwave_down").replace(",100\n", ",100,350\n")
    content = content.replace("28,50,2.0,100,350", "28,50,2.0,100,")
    weather = read_weather(written(tmp_path, content), interval="end")
    assert "longwave_down" not in weather
    gaps = from_json(weather.attrs["gaps"])
    assert gaps[["code", "count", "of"]].values.tolist() == [["weather_column_dropped", 1, 6]]
    assert "longwave_down" in sentences(gaps, "de")["message"].iloc[0]


def test_missing_file_and_german(tmp_path, monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "de")
    with pytest.raises(InputError, match="gibt es nicht"):
        read_weather(tmp_path / "none.csv", interval="end")


@pytest.mark.parametrize("slip", [-2, -1, 1, 2])
def test_a_clock_that_is_not_utc_is_found(tmp_path, slip):
    """A clear day in Germany (52 N, 9 E), its stamps off by some hours."""
    from models.heat.sun import sun_position

    ends = np.arange("2022-07-19T01:00", "2022-07-20T01:00", dtype="datetime64[h]").astype("datetime64[ns]")
    sine = np.sin(np.radians(sun_position(ends - np.timedelta64(30, "m"), 52.0, 9.0)["elevation"].values))
    clear = 1000.0 * np.maximum(sine, 0.0) ** 1.15
    lines = [HEAD]
    lines += [
        f"{np.datetime_as_string(t + np.timedelta64(h, 'h'), unit='m')},25,50,2,{g:.0f}"
        for h, t, g in ((slip, t, g) for t, g in zip(ends, clear, strict=True))
    ]
    file = written(tmp_path, "\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"w\.csv.*the sun stands .*utc_offset"):
        require_daylight(read_weather(file, interval="end"), 52.0, 9.0)
    require_daylight(read_weather(file, interval="end", utc_offset=slip), 52.0, 9.0)
